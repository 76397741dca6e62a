"""The records beside the official SDK's types: the same operations on the same payloads give the same results."""

from __future__ import annotations

import copy
import datetime
import json
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import soniox.types.api
import soniox.types.common
import soniox.types.realtime
import soniox.types.webhooks

import soniox_lite.types.api
import soniox_lite.types.common
import soniox_lite.types.realtime
import soniox_lite.types.webhooks

from ...support.tables import each_row

FILE = {"id": "a", "filename": "f.wav", "size": 5, "created_at": "2026-01-02T03:04:05.678Z"}
JOB = {
    "id": "a",
    "status": "completed",
    "created_at": "2026-01-02T03:04:05Z",
    "model": "m",
    "filename": "f",
    "enable_speaker_diarization": True,
    "enable_language_identification": True,
    "language_hints": None,
}
TOKENS = [
    {"text": ' Hé\u2028llo\n"q\\\x01\x7f', "start_ms": 0, "confidence": 0.97, "is_final": True, "speaker": "1e-05"},
    {"text": "b", "confidence": 1e-05},
    {"text": "c", "confidence": -1.5e-07},
    {"text": "d", "confidence": 1, "language": None},
]
CONCURRENCY = {
    "current": {"transcribe_concurrent": 1, "tts_concurrent": 2},
    "limits": {"transcribe_concurrent": 7, "tts_concurrent": 5},
}
SPEECH = {"model": "m", "language": "en", "voice": "v", "audio_format": "wav"}
PROBLEM = {"error_type": "missing", "location": "body", "message": "z"}
PAYLOADS: dict[str, dict[str, Any]] = {
    "File": FILE,
    "GetFilesResponse": {"files": [FILE, {**FILE, "client_reference_id": "r"}], "next_page_cursor": None},
    "Transcription": JOB,
    "GetTranscriptionsResponse": {"transcriptions": [JOB]},
    "TranscriptionTranscript": {"id": "a", "text": "x", "tokens": TOKENS},
    "RealtimeEvent": {"tokens": TOKENS, "final_audio_proc_ms": 5, "total_audio_proc_ms": 9, "brand_new": [1]},
    "RealtimeTTSEvent": {"stream_id": "s", "timestamps": {"characters": ["a"], "character_start_times_seconds": [0.0]}},
    "ApiError": {"status_code": 400, "error_type": "x", "message": "m", "validation_errors": [PROBLEM]},
    "GetConcurrencyLimitsResponse": {"project": CONCURRENCY, "organization": CONCURRENCY},
    "WebhookEvent": {"id": "a", "status": "completed"},
    "CreateTranscriptionConfig": {"language_hints": ["en"], "context": {"general": {"a": "b"}, "terms": ["x"]}},
    "CreateTranscriptionPayload": {"file_id": "f", "language_hints": ["en"], "enable_speaker_diarization": False},
    "RealtimeSTTConfig": {"model": "m", "language_hints": ["en"], "endpoint_sensitivity": 1},
    "RealtimeTTSConfig": {"stream_id": "s", **SPEECH, "speed": 1},
    "CreateTtsPayload": {**SPEECH, "text": "t"},
    "GetFilesPayload": {},
}
OPERATIONS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "model_dump": lambda cls, data: cls.model_validate(data).model_dump(),
    "model_dump(json)": lambda cls, data: cls.model_validate(data).model_dump(mode="json", by_alias=True),
    "model_dump(exclude_none)": lambda cls, data: cls.model_validate(data).model_dump(exclude_none=True),
    "model_dump(exclude_unset)": lambda cls, data: cls.model_validate(data).model_dump(exclude_unset=True),
    "model_dump(exclude_defaults)": lambda cls, data: cls.model_validate(data).model_dump(exclude_defaults=True),
    "model_dump(include)": lambda cls, data: cls(**data).model_dump(include=set(list(data)[:1])),
    "model_dump(exclude)": lambda cls, data: cls(**data).model_dump(exclude=dict.fromkeys(list(data)[:1], True)),
    "model_dump_json": lambda cls, data: cls.model_validate(data).model_dump_json(),
    "model_dump_json(indent)": lambda cls, data: cls(**data).model_dump_json(indent=2, exclude_none=True),
    "model_validate_json": lambda cls, data: dict(cls.model_validate_json(json.dumps(data).encode()).model_dump()),
    "model_copy": lambda cls, data: cls(**data).model_copy(deep=True).model_dump(),
    "model_copy(update)": lambda cls, data: cls(**data).model_copy(update=dict.fromkeys(list(data)[:1])).model_dump(),
    "set after a copy": lambda cls, data: cls().model_copy(update={"limit": 5}).model_fields_set if not data else None,
    "model_construct": lambda cls, data: str(cls.model_construct(**data)),
    "model_fields_set": lambda cls, data: cls.model_validate(data).model_fields_set,
    "set after construction": lambda cls, data: cls.model_construct(**data).model_fields_set - {"brand_new"},
    "str": lambda cls, data: str(cls(**data)),
    "repr": lambda cls, data: repr(cls(**data)),
    "pairs": lambda cls, data: [name for name, _ in cls(**data)],
    "equality": lambda cls, data: (cls(**data) == cls.model_validate(data), cls(**data) == data),
    "an instance": lambda cls, data: (record := cls(**data)) is cls.model_validate(record),
    "dict": lambda cls, data: cls(**data).dict(exclude_none=True),
    "json": lambda cls, data: cls(**data).json(),
    "copy": lambda cls, data: cls(**data).copy(exclude=set(list(data)[:1])).model_fields_set,
}


def _types(package: Any, name: str) -> Any:
    modules = (package.types.api, package.types.common, package.types.realtime, package.types.webhooks)
    return next(getattr(module, name) for module in modules if hasattr(module, name))


def _same_zone(text: object) -> object:
    """Times are printed with the zone, which is pydantic's own there."""
    if not isinstance(text, str):
        return text
    return text.replace("TzInfo(UTC)", "datetime.timezone.utc").replace("TzInfo(0)", "datetime.timezone.utc")


@each_row("operation", OPERATIONS)
@each_row("name", PAYLOADS)
def test_an_operation_gives_what_it_gives_there(name: str, operation: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        ours, official = (
            _same_zone(OPERATIONS[operation](_types(package, name), copy.deepcopy(PAYLOADS[name])))
            for package in (soniox_lite, soniox)
        )

    assert ours == official


@each_row(
    ("include", "exclude"),
    [
        ({"files": {0}}, None),
        ({"files": {-1: {"id"}}}, None),
        ({"files": {"__all__": {"id": True, "size": ...}}}, None),
        ({"files": {"__all__": {"id"}, 1: True}}, None),
        ({"files": {"__all__"}}, None),
        ({"files": {}}, None),
        ({"nothing"}, None),
        (set(), None),
        ({"files"}, {"files": {0}}),
        ({"next_page_cursor"}, {"next_page_cursor"}),
        (None, {"files": {"__all__": {"created_at"}}}),
        (None, {"files": {"__all__": {"id"}, 0: {"size"}}}),
        (None, {"files": {-1}}),
        (None, {"files": {0: True}}),
        (None, {"files": ...}),
        (None, {"files": {}}),
        (None, set()),
        (5, None),
        (None, {"files": False}),
    ],
)
def test_a_selection_selects_what_it_selects_there(include: Any, exclude: Any) -> None:
    ours, official = (_types(one, "GetFilesResponse")(**PAYLOADS["GetFilesResponse"]) for one in (soniox_lite, soniox))

    try:
        expected = official.model_dump(include=include, exclude=exclude)
    except TypeError:
        with pytest.raises(TypeError):
            ours.model_dump(include=include, exclude=exclude)
    else:
        assert ours.model_dump(include=include, exclude=exclude) == expected


@each_row(
    ("name", "field", "value"),
    [
        *[("File", "size", value) for value in ("12", 12.0, " 12 ", "12.0", "x", 1.5, [1], None)],
        *[("File", "id", value) for value in (5, None, ["a"])],
        *[("File", "created_at", value) for value in (1767323045, 1767323045678, 0.5, "now", True, [])],
        ("File", "created_at", datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)),
        *[
            ("Transcription", "enable_speaker_diarization", value)
            for value in ("true", "True", "t", "yes", "on", "1", "0", "off", "n", "F", 1, 0, 1.0, 2, "2", "", [])
        ],
        *[("Token", "start_ms", value) for value in ("5", 5.0, 5.5, None)],
        *[("Token", "confidence", value) for value in ("0.5", 1, "x")],
        *[("Token", "text", value) for value in (5, None)],
        *[("GetFilesResponse", "files", value) for value in ((FILE,), {"a": FILE}, "x", {"a": FILE}.values(), 5)],
        *[
            ("CreateTranscriptionConfig", "language_hints", value)
            for value in ({"en"}, "en", {"en": 1}, {"en": 1}.keys())
        ],
        *[("CreateTranscriptionConfig", "enable_speaker_diarization", value) for value in ("true", 0, "maybe")],
        *[("CreateTranscriptionConfig", "client_reference_id", value) for value in (5, True)],
        *[("GetFilesPayload", "limit", value) for value in ("5", 5.0, 1001, "x")],
        *[("RealtimeTTSConfig", "speed", value) for value in ("1.1", 1, "x", 2)],
        *[("RealtimeSTTConfig", "sample_rate", value) for value in ("16000", 16000.0, "x")],
    ],
)
def test_a_value_is_converted_or_refused_as_there(name: str, field: str, value: Any) -> None:
    data = {"text": "x", **PAYLOADS.get(name, {})}
    data = {**(data if name == "Token" else PAYLOADS[name]), field: value}

    try:
        expected = getattr(_types(soniox, name).model_validate(data), field)
    except ValueError:
        with pytest.raises(ValueError, match=field):
            _types(soniox_lite, name).model_validate(data)
    else:
        found = getattr(_types(soniox_lite, name).model_validate(data), field)
        assert str(found) == _same_zone(str(expected))
