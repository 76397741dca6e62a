"""The dataclasses against the official SDK's, and the rules of what is sent."""

from __future__ import annotations

import dataclasses
import importlib
import math
import pickle
import pkgutil
import re
import shutil
import sys
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import soniox_lite
import soniox_lite.types
from soniox_lite._data.records import Payload, Record
from soniox_lite.errors import InvalidField, SonioxError, SonioxValidationError
from soniox_lite.types import api, common, realtime, webhooks
from soniox_lite.types.api import (
    CreateTemporaryApiKeyPayload,
    CreateTranscriptionConfig,
    CreateTranscriptionPayload,
    CreateTtsConfig,
    File,
    GetConcurrentStreamsHistoryPayload,
    GetFilesPayload,
    GetTranscriptionsPayload,
    StructuredContext,
    StructuredContextGeneralItem,
    StructuredContextTranslationTerm,
    TranslationConfig,
    UploadFilePayload,
)
from soniox_lite.types.webhooks import WebhookAuthConfig

from ...support.tables import each_row

# The official models, read from the list of facts about them.

_DATA = Path(__file__).parents[2] / "data" / "official-surface-2.10.txt"
_FIELD = re.compile(r"    (\w+): (.+?)(?: = (.+?))?(?: \[(\w+\(.*\))\])?")

_MODULES = {
    "soniox.types.api": api,
    "soniox.types.webhooks": webhooks,
    "soniox.types.common": common,
    "soniox.types.realtime": realtime,
}


@dataclasses.dataclass
class OfficialField:
    required: bool
    default: str | None
    bounds: dict[str, float]
    is_list: bool = False
    """Then lengths count items."""
    longest_item: int | None = None


def _official() -> dict[str, dict[str, OfficialField]]:
    models: dict[str, dict[str, OfficialField]] = {}
    section, model = "", None
    for line in _DATA.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section, model = line[3:], None
        elif line.startswith("model ") and section in _MODULES:
            model = re.split(r"[ (]", line)[1]
            models[model] = {}
        elif line.startswith("    ") and model is not None:
            match = _FIELD.fullmatch(line)
            assert match is not None, line
            name, kind, default, bounds = match.groups()
            models[model][name] = OfficialField(
                required=default is None,
                default=default,
                bounds={
                    rule: float(value)
                    for rule, value in re.findall(r"(ge|le|min_length|max_length)=(-?[\d.]+)", bounds or "")
                },
                is_list=kind.startswith("list["),
                longest_item=int(longest[1])
                if (longest := re.search(r"each at most (\d+) characters", kind))
                else None,
            )
        elif not line.startswith("    "):
            model = None
    return models


OFFICIAL = _official()


def _ours(name: str) -> type | None:
    for module in _MODULES.values():
        if name in module.__all__:
            found: type = getattr(module, name)
            return found
    return None


SHARED = [name for name in OFFICIAL if _ours(name) is not None]

# Where and why ours differ: (model, field) -> reason. Each one is checked to still be a difference.
NOT_REQUIRED_BY_US = {
    ("Transcription", "enable_speaker_diarization"): "absent from the service's own examples",
    ("Transcription", "enable_language_identification"): "absent from the service's own examples",
    ("Model", "context_version"): "may be null, and a null field may be left out",
    ("Model", "one_way_translation"): "may be null, and a null field may be left out",
    ("Model", "two_way_translation"): "may be null, and a null field may be left out",
    ("Model", "translation_targets"): "older servers do not send it",
    ("Model", "two_way_translation_pairs"): "older servers do not send it",
    ("UsageSummaryEntry", "model"): "may be null, and a null field may be left out",
    ("ConcurrencyLimitValues", "transcribe_concurrent"): "may be null, and a null field may be left out",
    ("ConcurrencyLimitValues", "tts_concurrent"): "may be null, and a null field may be left out",
    **{
        ("CreateTtsPayload", field): "shares its fields with the config; refused without it, see below"
        for field in ("model", "language", "voice", "audio_format", "text")
    },
}
# What the protocol has and the official models leave out.
ADDED_FIELDS = {
    "RealtimeEvent": {"error_type", "request_id", "more_info"},
    "RealtimeTTSEvent": {"error_type", "request_id", "more_info"},
    # Generation 1 had it.
    "RealtimeSTTConfig": {"api_key"},
    "CreateTtsPayload": {"client_reference_id"},
    "RealtimeTTSConfig": {"client_reference_id"},
}
DEFAULTS_OF_OUR_OWN: dict[tuple[str, str], str] = {}
BOUNDS_OF_OUR_OWN = {
    ("CreateTranscriptionPayload", "model"): "at most 32 characters, says the service's schema",
    ("CreateTranscriptionConfig", "model"): "at most 32 characters, says the service's schema",
    ("CreateTranscriptionPayload", "audio_url"): "at most 4096 characters, says the service's schema",
    ("CreateTranscriptionPayload", "file_id"): "an id is never empty and never that long",
    ("CreateTranscriptionConfig", "webhook_auth_header_name"): "as in the official payload, which refuses it later",
    ("CreateTranscriptionConfig", "webhook_auth_header_value"): "as in the official payload, which refuses it later",
    ("WebhookAuthConfig", "name"): "as of the payload that it goes into; an empty one proves nothing",
    ("WebhookAuthConfig", "value"): "as of the payload that it goes into; an empty one proves nothing",
    ("WebhookEvent", "id"): "checked where webhooks are unwrapped: replies are not validated",
}


def test_the_list_of_official_models_was_read() -> None:
    assert {"File", "Transcription", "Token", "Model", "CreateTranscriptionConfig", "WebhookEvent"} <= set(SHARED)
    assert OFFICIAL["GetFilesPayload"]["limit"] == OfficialField(False, "1000", {"ge": 1, "le": 1000})
    assert OFFICIAL["File"]["id"] == OfficialField(True, None, {})
    assert OFFICIAL["UploadFilePayload"]["client_reference_id"].bounds == {"max_length": 256}
    assert len(SHARED) >= 60


def test_all_official_models_exist() -> None:
    assert [name for name in OFFICIAL if name not in SHARED] == []


def test_records_are_built_by_keyword_and_shown_and_compared_by_their_base() -> None:
    found = {
        cls
        for module in pkgutil.iter_modules(soniox_lite.types.__path__, "soniox_lite.types.")
        for cls in vars(importlib.import_module(module.name)).values()
        if isinstance(cls, type) and issubclass(cls, Record) and dataclasses.is_dataclass(cls)
    }
    positional = [cls.__name__ for cls in found if not all(spec.kw_only for spec in dataclasses.fields(cls))]
    own = [f"{cls.__name__}.{name}" for cls in found for name in ("__repr__", "__eq__") if name in vars(cls)]

    assert len(found) > 60
    assert (positional, own) == ([], [])


def _pairs() -> list[tuple[str, str]]:
    return [(model, field) for model in SHARED for field in OFFICIAL[model]]


@each_row("model", SHARED)
def test_a_model_has_the_official_fields_and_no_others(model: str) -> None:
    ours = _ours(model)
    assert ours is not None

    # Every payload may have fields that this version does not know.
    fields = {field.name for field in dataclasses.fields(ours)} - {"extra"}
    assert fields == set(OFFICIAL[model]) | ADDED_FIELDS.get(model, set())
    assert not ADDED_FIELDS.get(model, set()) & set(OFFICIAL[model])


@each_row(("model", "field"), _pairs(), ids=lambda value: value)
def test_a_field_is_required_and_defaults_as_in_the_official_model(model: str, field: str) -> None:
    ours = {spec.name: spec for spec in dataclasses.fields(_ours(model))}[field]  # type: ignore[arg-type]
    official = OFFICIAL[model][field]
    required = ours.default is dataclasses.MISSING and ours.default_factory is dataclasses.MISSING

    if (model, field) in NOT_REQUIRED_BY_US:
        assert official.required and not required, "the difference is gone: take it off the list"  # noqa: PT018
        return
    assert required == official.required
    if not required:
        default = ours.default if ours.default is not dataclasses.MISSING else ours.default_factory()  # type: ignore[misc]
        if (model, field) in DEFAULTS_OF_OUR_OWN:
            assert repr(default) != official.default
        else:
            assert repr(default) == official.default


SPEECH = {"model": "tts-rt-v2", "language": "en", "voice": "Adrian", "audio_format": "wav"}
WINDOW = {"start_time": "2026-04-01T00:00:00Z", "end_time": "2026-04-02T00:00:00Z"}
# The least that each payload needs.
NEEDED: dict[str, dict[str, Any]] = {
    "CreateTemporaryApiKeyPayload": {"usage_type": "tts_rt", "expires_in_seconds": 60},
    "CreateTranscriptionPayload": {"file_id": "f"},
    "StructuredContextGeneralItem": {"key": "a", "value": "b"},
    "StructuredContextTranslationTerm": {"source": "a", "target": "b"},
    "TranslationConfig": {"type": "one_way", "target_language": "en"},
    "WebhookAuthConfig": {"name": "X-Secret", "value": "s"},
    "GetSharedVoicesPayload": {"model": "tts-rt-v2"},
    "GetUsageLogsPayload": WINDOW,
    "RealtimeSTTConfig": {"model": "stt-rt-v5"},
    "CreateTtsPayload": {"text": "Hi", **SPEECH},
    "RealtimeTTSConfig": {"stream_id": "s", **SPEECH},
    "RealtimeTTSTextMessage": {"stream_id": "s"},
    "RealtimeTTSCancelMessage": {"stream_id": "s"},
    "GetUsageSummaryPayload": WINDOW,
    "GetConcurrentStreamsHistoryPayload": {**WINDOW, "period_sec": 60, "kind": "stt"},
}


@each_row(
    ("model", "field"),
    [
        (model, field)
        for model, field in _pairs()
        if OFFICIAL[model][field].required and issubclass(_ours(model) or object, Payload)
    ],
)
def test_a_payload_is_refused_without_what_it_needs(model: str, field: str) -> None:
    cls: Any = _ours(model)
    fields = {name: value for name, value in NEEDED[model].items() if name != field}

    cls.from_dict(NEEDED[model])
    with pytest.raises(SonioxValidationError) as caught:
        cls.from_dict(fields)
    assert [problem.field for problem in caught.value.errors] == [field]
    assert "must be given" in caught.value.errors[0].rule


# What must stand beside a field for it alone to be judged.
BESIDE = {
    "webhook_auth_header_name": {"webhook_auth_header_value": "v"},
    "webhook_auth_header_value": {"webhook_auth_header_name": "n"},
}


def _build(model: str, field: str, value: Any) -> Any:
    cls = _ours(model)
    assert cls is not None
    return cls(**{**NEEDED.get(model, {}), **BESIDE.get(field, {}), field: value})


def _sides(field: str, rule: str, bound: float, *, is_list: bool) -> tuple[Any, Any]:
    """The last value that a bound lets pass, and the first that it does not."""
    limit = int(bound)
    if rule in ("ge", "le"):
        outwards = math.inf if rule == "le" else -math.inf
        # Of a bound that is a float in the list, the nearest float is out of it.
        return (
            (limit, limit + (1 if rule == "le" else -1)) if limit == bound else (bound, math.nextafter(bound, outwards))
        )
    step = 1 if rule == "max_length" else -1
    if is_list:
        return ["x"] * limit, ["x"] * (limit + step)
    start = "https://a/" if field.endswith("url") else ""
    return start + "x" * (limit - len(start)), start + "x" * (limit + step - len(start))


BOUNDS = [
    (model, field, rule, bound)
    for model, field in _pairs()
    for rule, bound in OFFICIAL[model][field].bounds.items()
    if (model, field) not in BOUNDS_OF_OUR_OWN
]


def test_there_are_bounds_to_compare() -> None:
    assert len(BOUNDS) >= 60
    assert len(ITEM_BOUNDS) == 2
    assert set(BOUNDS_OF_OUR_OWN) <= set(_pairs())


@each_row(("model", "field", "rule", "bound"), BOUNDS, ids=str)
def test_a_bound_is_the_official_one_on_both_sides(model: str, field: str, rule: str, bound: float) -> None:
    inside, outside = _sides(field, rule, bound, is_list=OFFICIAL[model][field].is_list)

    assert getattr(_build(model, field, inside), field) == inside
    with pytest.raises(SonioxValidationError) as caught:
        _build(model, field, outside)
    assert [problem.field for problem in caught.value.errors] == [field]


ITEM_BOUNDS = [(model, field, bound) for model, field in _pairs() if (bound := OFFICIAL[model][field].longest_item)]


@pytest.mark.parametrize(("model", "field", "bound"), ITEM_BOUNDS)
def test_an_item_may_be_as_long_as_in_the_official_model(model: str, field: str, bound: int) -> None:
    assert getattr(_build(model, field, ["x", "x" * bound]), field) == ["x", "x" * bound]
    with pytest.raises(SonioxValidationError) as caught:
        _build(model, field, ["x", "x" * (bound + 1)])
    assert [problem.field for problem in caught.value.errors] == [f"{field}[1]"]


# Every rule of what is sent: class, what is good, what is not, the place and words of the rule.

CONFIG, PAYLOAD, KEY = CreateTranscriptionConfig, CreateTranscriptionPayload, CreateTemporaryApiKeyPayload
FOR_KEY = NEEDED["CreateTemporaryApiKeyPayload"]
FOR_URL: dict[str, Any] = {"audio_url": "https://a/b"}
HALF = "\ud800"
NOT_TEXT = [5, True, b"x", ["x"], {"x": 1}, 1.5]
NOT_FLAG = [2, -1, "maybe", "", [], 0.5]
NOT_INT = ["one", "1.5", 1.5, True, False, [1], b"1", math.inf]

Rule = tuple[type, dict[str, Any], str, list[Any], list[Any], str]


def _text_rules(cls: type, needed: dict[str, Any], field: str, maximum: int | None, minimum: int = 0) -> list[Rule]:
    rules: list[Rule] = [
        (cls, needed, field, ["é" * (maximum or 9)], NOT_TEXT, "must be a str"),
        (cls, needed, field, ["🎤"], [HALF, f"a{HALF}b"], "valid Unicode"),
    ]
    if maximum is not None:
        too_long = ["x" * (maximum + 1), "é" * 10_000]
        rules.append((cls, needed, field, ["x" * maximum], too_long, f"must be at most {maximum} characters"))
    rules.append(
        (cls, needed, field, ["x"], [""], "must not be empty") if minimum else (cls, needed, field, [""], [], "")
    )
    return rules


RULES: list[Rule] = [
    # Pages
    *[
        rule
        for cls in (GetFilesPayload, GetTranscriptionsPayload)
        for rule in (
            (cls, {}, "limit", [1, 2, 999, 1000], [0, -1, 1001, 10**400], "must be from 1 to 1000"),
            (cls, {}, "limit", [5], NOT_INT, "must be an int"),
            (cls, {}, "limit", [5], [None], "must be given"),
            *_text_rules(cls, {}, "cursor", None),
        )
    ],
    *_text_rules(UploadFilePayload, {}, "client_reference_id", 256),
    # Temporary keys
    (KEY, FOR_KEY, "usage_type", ["transcribe_websocket", "tts_rt"], ["", "TTS_RT", 5, [], {}], "must be one of 'tr"),
    (KEY, FOR_KEY, "usage_type", ["tts_rt"], [None], "must be given"),
    (KEY, FOR_KEY, "expires_in_seconds", [1, 3600], [0, -5, 3601], "must be from 1 to 3600"),
    (KEY, FOR_KEY, "expires_in_seconds", [60], NOT_INT, "must be an int"),
    (KEY, FOR_KEY, "expires_in_seconds", [60], [None], "must be given"),
    (KEY, FOR_KEY, "single_use", [True, False, None], NOT_FLAG, "must be a bool"),
    (KEY, FOR_KEY, "max_session_duration_seconds", [1, 18_000, None], [0, 18_001], "must be from 1 to 18000"),
    (KEY, FOR_KEY, "max_session_duration_seconds", [60], NOT_INT, "must be an int"),
    *_text_rules(KEY, FOR_KEY, "client_reference_id", 256),
    # Jobs: options
    *[
        rule
        for cls, needed in ((CONFIG, {}), (PAYLOAD, FOR_URL))
        for rule in (
            *_text_rules(cls, needed, "model", 32, 1),
            *_text_rules(cls, needed, "client_reference_id", 256),
            (cls, needed, "language_hints", [[], ["en"], ("en", "ES"), ["en"] * 100, None], [], ""),
            (cls, needed, "language_hints", [["en"], {"en"}], ["en", {"en": 1}, 5], "must be a list"),
            (cls, needed, "language_hints", [["en"] * 100], [["en"] * 101], "must have at most 100 items"),
            (cls, needed, "language_hints_strict", [True, False, None], NOT_FLAG, "must be a bool"),
            (cls, needed, "enable_speaker_diarization", [True, False, None], NOT_FLAG, "must be a bool"),
            (cls, needed, "enable_language_identification", [True, False, None], NOT_FLAG, "must be a bool"),
            (cls, needed, "translation", [None], ["en", 5, [], True, ["en"]], "must be a TranslationConfig or a dict"),
            (cls, needed, "context", ["", "legacy text", None, {}], [5, [], True, b"x"], "must be a StructuredContext"),
            (cls, needed, "context", ["text"], [HALF], "valid Unicode"),
            (
                cls,
                needed,
                "webhook_url",
                ["http://a", "https://a.b:80/c?d=e#f", "https://пример.рф/й", "https://a/" + "x" * 246],
                ["", "a.b", "ftp://a", "//a", "https://", "https:///x", "https://a b", "https://a\nb", "javascript:x"],
                "must be an http:// or https:// URL without white space",
            ),
            (cls, needed, "webhook_url", ["http://a"], ["https://a/" + "x" * 247], "must be at most 256 characters"),
            (cls, needed, "webhook_url", ["http://a"], NOT_TEXT, "must be a str"),
            (
                cls,
                {**needed, "webhook_auth_header_value": "v"},
                "webhook_auth_header_name",
                ["X-Secret", "a", "x" * 256, "!#$%&'*+-.^_`|~"],
                ["", "a b", "a:", "a\r\nb", "é", "a(b)"],
                "must be a header name",
            ),
            (
                cls,
                {**needed, "webhook_auth_header_name": "n"},
                "webhook_auth_header_value",
                ["v", "Bearer a b", "!" + "x" * 254 + "~"],
                ["", " a", "a ", "a\nb", "a\r\nX: y", "é", "\x00"],
                "must be printable ASCII without white space at its ends",
            ),
        )
    ],
    # Jobs: the audio
    (PAYLOAD, FOR_URL, "model", ["stt-async-v5"], [None], "must be given"),
    (
        PAYLOAD,
        {},
        "audio_url",
        ["http://a/b", "https://a/" + "x" * 4086],
        ["file:///etc/passwd", "a.wav", "https://a/b c"],
        "must be an http:// or https:// URL without white space",
    ),
    (PAYLOAD, {}, "audio_url", ["http://a/b"], ["https://a/" + "x" * 4087], "must be at most 4096 characters"),
    (PAYLOAD, {}, "audio_url", ["http://a/b"], NOT_TEXT, "must be a str"),
    (PAYLOAD, {}, "file_id", ["f", "x" * 256], [""], "must not be empty"),
    (PAYLOAD, {}, "file_id", ["f"], ["x" * 257], "must be at most 256 characters"),
    (PAYLOAD, {}, "file_id", ["f"], NOT_TEXT, "must be a str"),
    # Context
    *[
        rule
        for cls, needed, fields in (
            (StructuredContextGeneralItem, {"key": "a", "value": "b"}, ("key", "value")),
            (StructuredContextTranslationTerm, {"source": "a", "target": "b"}, ("source", "target")),
        )
        for field in fields
        for rule in (*_text_rules(cls, needed, field, None), (cls, needed, field, ["x"], [None], "must be given"))
    ],
    *_text_rules(StructuredContext, {}, "text", None),
    (StructuredContext, {}, "terms", [[], ["a"], ("a", ""), None], ["a", {"a": 1}, 5], "must be a list"),
    (StructuredContext, {}, "general", [[], {}, {"a": "b"}, None], ["a", 5, b"x"], "must be a list"),
    (StructuredContext, {}, "translation_terms", [[], {}, {"a": "b"}, None], ["a", 5, True], "must be a list"),
    # Translation
    (TranslationConfig, {"target_language": "en"}, "type", ["one_way"], ["", "both", 5, [], {}], "must be one of 'one"),
    (TranslationConfig, {"target_language": "en"}, "type", ["one_way"], [None], "must be given"),
    (
        TranslationConfig,
        {"type": "one_way"},
        "target_language",
        ["en", "EN"],
        ["", "e", "eng", "e1", "en-US", "日本", 5, ["en"], "en\n"],
        "must be a two-letter language code such as 'en'",
    ),
    (
        TranslationConfig,
        {"type": "one_way"},
        "target_language",
        ["en"],
        [None],
        "must be given for one_way translation",
    ),
    *[
        (
            TranslationConfig,
            {"type": "two_way", "language_a": "en", "language_b": "es"},
            field,
            ["de"],
            [None],
            "must be given for two_way translation",
        )
        for field in ("language_a", "language_b")
    ],
    (
        TranslationConfig,
        {"type": "two_way", "language_a": "en"},
        "language_b",
        ["es"],
        ["en"],
        "must be another language than language_a",
    ),
    # Webhook secrets
    (WebhookAuthConfig, {"value": "s"}, "name", ["X-A"], ["a b", "a:b", "é", "a\n"], "must be a header name"),
    (WebhookAuthConfig, {"value": "s"}, "name", ["x" * 256], ["x" * 257], "must be at most 256 characters"),
    (WebhookAuthConfig, {"value": "s"}, "name", ["X"], [""], "must not be empty"),
    (WebhookAuthConfig, {"value": "s"}, "name", ["X"], [None], "must be given"),
    (WebhookAuthConfig, {"name": "X"}, "value", ["a b"], [" a", "a\n", "é"], "must be printable ASCII"),
    (WebhookAuthConfig, {"name": "X"}, "value", ["x" * 256], ["x" * 257], "must be at most 256 characters"),
    (WebhookAuthConfig, {"name": "X"}, "value", ["s"], [""], "must not be empty"),
    (WebhookAuthConfig, {"name": "X"}, "value", ["s"], [None], "must be given"),
]
GOOD = [(rule[0], rule[1], rule[2], value) for rule in RULES for value in rule[3]]
BAD = [(rule[0], rule[1], rule[2], value, rule[5]) for rule in RULES for value in rule[4]]


def _id(value: object) -> str:
    text = value.__name__ if isinstance(value, type) else ascii(value)
    return text if len(text) < 40 else f"{text[:20]}...{len(text)}"


def test_the_table_of_rules_is_large_and_has_both_sides() -> None:
    assert len(GOOD) > 150
    assert len(BAD) > 350


@each_row(("cls", "needed", "field", "value"), GOOD, ids=_id)
def test_a_rule_lets_good_values_pass(cls: type, needed: dict[str, Any], field: str, value: Any) -> None:
    payload: Any = cls(**{**needed, field: value})

    sent = payload.to_dict()
    if value is None:
        assert field not in sent
    else:
        assert field in sent


@each_row(("cls", "needed", "field", "value", "words"), BAD, ids=_id)
def test_a_rule_refuses_bad_values(cls: type, needed: dict[str, Any], field: str, value: Any, words: str) -> None:
    for make in (lambda fields: cls(**fields), cls.from_dict):  # type: ignore[attr-defined]
        with pytest.raises(SonioxValidationError) as caught:
            make({**needed, field: value})

        (problem,) = [problem for problem in caught.value.errors if problem.field == field][:1]
        assert words in problem.rule
        assert str(caught.value).startswith(f"{cls.__name__} is not valid: ")
        assert f"{field} {problem.rule}, got {problem.got}" in str(caught.value)
        assert type(value).__name__ in problem.got or (problem.got == str(value) and value is not True)


@each_row(
    ("value", "got"),
    [(0, "0"), (1001, "1001"), (-1, "-1"), (10**400, "int"), ("1001", "1001"), ("x", "str of length 1")],
)
def test_a_number_out_of_bounds_is_shown_and_no_text(value: Any, got: str) -> None:
    with pytest.raises(SonioxValidationError, match=rf"limit must be .*, got {got}$"):
        GetFilesPayload(limit=value)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(SonioxValidationError) as caught:
        CreateTranscriptionPayload(
            model="",
            language_hints=["en", "english", None, 5],  # type: ignore[list-item]
            language_hints_strict="maybe",  # type: ignore[arg-type]
            translation={"type": "two_way", "language_a": "en", "colour": "red"},
            context={
                "general": [{"key": "a", "value": "b"}, {"key": 1, "value": "c"}, None, "x"],
                "text": 5,
                "terms": ["a", None, 7],
                "translation_terms": {"a": None},
            },
            webhook_url="nowhere",
            webhook_auth_header_name="X",
            client_reference_id="x" * 257,
        )

    assert [problem.field for problem in caught.value.errors] == [
        "model",
        "language_hints[1]",
        "language_hints[2]",
        "language_hints[3]",
        "language_hints_strict",
        "translation.colour",
        "translation.language_b",
        "context.text",
        "context.terms[1]",
        "context.terms[2]",
        "context.general[1].key",
        "context.general[2]",
        "context.general[3]",
        "context.translation_terms[0].target",
        "client_reference_id",
        "webhook_url",
        "webhook_auth_header_value",
        "audio_url",
    ]
    assert all(isinstance(problem, InvalidField) for problem in caught.value.errors)


def test_as_many_problems_as_a_message_has_room_for_leave_nothing_out() -> None:
    with pytest.raises(SonioxValidationError) as caught:
        CreateTranscriptionConfig(language_hints=[5] * 10)  # type: ignore[list-item]

    assert len(caught.value.errors) == 10
    assert str(caught.value).count("language_hints[") == 10
    assert "more" not in str(caught.value)


def test_the_text_of_many_problems_stays_short_and_says_how_many_there_are() -> None:
    with pytest.raises(SonioxValidationError) as caught:
        CreateTranscriptionConfig(language_hints=[5] * 3000)  # type: ignore[list-item]

    assert len(caught.value.errors) == 3001
    assert str(caught.value).endswith("; and 2991 more")
    assert len(str(caught.value)) < 1200


@each_row(
    ("fields", "path"),
    [
        ({"context": {"general": [{"key": "a", "value": "b"}, {"key": 5, "value": "b"}]}}, "context.general[1].key"),
        ({"context": {"general": [{"key": "a"}]}}, "context.general[0].value"),
        ({"context": {"general": {"a": 5}}}, "context.general[0].value"),
        ({"context": {"general": [5]}}, "context.general[0]"),
        ({"context": {"translation_terms": [{"source": "a"}]}}, "context.translation_terms[0].target"),
        ({"context": {"terms": ["a", 5]}}, "context.terms[1]"),
        ({"context": {"text": 5}}, "context.text"),
        ({"context": {"colour": 5}}, "context.colour"),
        ({"translation": {}}, "translation.type"),
        ({"translation": {"type": "one_way"}}, "translation.target_language"),
        ({"translation": {"type": "one_way", "target_language": "english"}}, "translation.target_language"),
        ({"translation": {"type": "two_way", "language_b": "en"}}, "translation.language_a"),
        ({"language_hints": ["en", "e"]}, "language_hints[1]"),
    ],
    ids=str,
)
def test_a_nested_problem_has_the_path_to_it(fields: dict[str, Any], path: str) -> None:
    for make in (lambda: CreateTranscriptionConfig(**fields), lambda: CreateTranscriptionConfig.from_dict(fields)):
        with pytest.raises(SonioxValidationError) as caught:
            make()

        assert [problem.field for problem in caught.value.errors] == [path]
        assert f" {path} " in str(caught.value)


# Fields that depend on each other.


@pytest.mark.parametrize(
    ("given", "missing"), [("webhook_auth_header_name", "value"), ("webhook_auth_header_value", "name")]
)
def test_half_of_a_webhooks_header_is_refused(given: str, missing: str) -> None:
    with pytest.raises(SonioxValidationError) as caught:
        CreateTranscriptionConfig(**{given: "x"})

    assert [problem.field for problem in caught.value.errors] == [f"webhook_auth_header_{missing}"]


def test_a_job_needs_exactly_one_audio() -> None:
    with pytest.raises(SonioxValidationError, match="audio_url or file_id must be given"):
        CreateTranscriptionPayload()
    with pytest.raises(SonioxValidationError, match="audio_url and file_id exclude each other"):
        CreateTranscriptionPayload(audio_url="https://a/b", file_id="f")


def test_an_unknown_kind_of_translation_does_not_hide_other_problems() -> None:
    with pytest.raises(SonioxValidationError) as caught:
        TranslationConfig(type="both", target_language="english")  # type: ignore[arg-type]

    assert [problem.field for problem in caught.value.errors] == ["type", "target_language"]


# Dict forms.


def test_general_and_terms_are_the_same_as_dicts_and_as_lists() -> None:
    listed = StructuredContext(
        general=[StructuredContextGeneralItem(key="domain", value="law"), {"key": "topic", "value": "rent"}],  # type: ignore[list-item]
        translation_terms=[StructuredContextTranslationTerm(source="flat", target="Wohnung")],
    )
    spelled = StructuredContext(general={"domain": "law", "topic": "rent"}, translation_terms={"flat": "Wohnung"})

    assert spelled == listed
    assert spelled.to_dict() == {
        "general": [{"key": "domain", "value": "law"}, {"key": "topic", "value": "rent"}],
        "translation_terms": [{"source": "flat", "target": "Wohnung"}],
    }


def test_a_config_takes_records_and_dicts() -> None:
    as_dicts = CreateTranscriptionConfig(
        translation={"type": "two_way", "language_a": "en", "language_b": "es"}, context={"terms": ["a"]}
    )
    as_records = CreateTranscriptionConfig(
        translation=TranslationConfig(type="two_way", language_a="en", language_b="es"),
        context=StructuredContext(terms=["a"]),
    )

    assert as_dicts == as_records
    assert as_dicts.to_dict() == as_records.to_dict()


def test_a_record_of_another_copy_of_the_library_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(Path(soniox_lite.__file__).parent, tmp_path / "another_copy", ignore=lambda *_: ["__pycache__"])
    monkeypatch.syspath_prepend(tmp_path)
    theirs = importlib.import_module("another_copy.types.realtime").RealtimeSTTConfig(model="m", extra={"new": 1})
    for name in [name for name in sys.modules if name.startswith("another_copy")]:
        monkeypatch.delitem(sys.modules, name)

    config = realtime.RealtimeSTTConfig.of(theirs)

    assert type(config) is realtime.RealtimeSTTConfig
    assert (config.model, config.extra, config.to_dict()["new"]) == ("m", {"new": 1}, 1)


def test_the_legacy_context_is_sent_as_the_string_it_is() -> None:
    assert CreateTranscriptionConfig(context="about rent").to_dict() == {"context": "about rent"}


@pytest.mark.parametrize(
    ("cls", "needed"),
    [(cls, NEEDED.get(cls.__name__, {})) for cls in (CONFIG, PAYLOAD, KEY, StructuredContext, TranslationConfig)],
    ids=_id,
)
def test_an_unknown_key_is_refused_with_the_nearest_field_or_all_fields(cls: Any, needed: dict[str, Any]) -> None:
    known = [spec.name for spec in dataclasses.fields(cls) if spec.name != "extra"]
    typo = f"{known[-1]}s"
    for make in (cls.from_dict, lambda fields: cls(**fields), cls.model_validate):
        with pytest.raises(SonioxValidationError) as caught:
            make({**needed, "zzz": "x", typo: 1, "yyy": 2})

        assert [problem.field for problem in caught.value.errors] == ["zzz", typo, "yyy"]
        text = str(caught.value)
        assert f"zzz is not a field of {cls.__name__}, which has {', '.join(known)}, got str of length 1" in text
        assert f"{typo} is not a field of {cls.__name__} (did you mean {known[-1]}?), got int" in text
        assert f"yyy is not a field of {cls.__name__}, got int" in text


def test_an_unknown_attribute_of_a_payload_cannot_be_set() -> None:
    config = CreateTranscriptionConfig()

    with pytest.raises(SonioxValidationError, match=r"enable_diarization .*mean enable_speaker_diarization\?"):
        config.enable_diarization = True  # type: ignore[attr-defined]
    config.enable_speaker_diarization = True
    assert config.to_dict() == {"enable_speaker_diarization": True}


@each_row("key", [5, None, b"x", ("a", "b"), "", "a\nb", "x" * 10_000, "\ud800"], ids=_id)
def test_an_unknown_key_of_any_kind_makes_a_short_printable_message(key: Any) -> None:
    with pytest.raises(SonioxValidationError) as caught:
        UploadFilePayload.from_dict({key: 1})

    message = str(caught.value)
    assert "is not a field of UploadFilePayload, which has client_reference_id, got int" in message
    assert len(message) < 200
    assert message.isprintable()


def test_unknown_keys_are_told_together_with_other_problems() -> None:
    with pytest.raises(SonioxValidationError) as caught:
        GetFilesPayload.from_dict({"limit": 0, "offset": 5})

    assert [problem.field for problem in caught.value.errors] == ["offset", "limit"]


# None.


def test_none_means_not_given() -> None:
    fields: dict[str, Any] = {spec.name: None for spec in dataclasses.fields(CreateTranscriptionConfig)}

    assert CreateTranscriptionConfig(**fields) == CreateTranscriptionConfig()
    assert CreateTranscriptionConfig.from_dict(fields).to_dict() == {}


def test_false_zero_and_empty_are_sent() -> None:
    sent = CreateTranscriptionConfig(
        language_hints=[], language_hints_strict=False, client_reference_id="", context={"terms": [], "text": ""}
    ).to_dict()

    assert sent == {
        "language_hints": [],
        "language_hints_strict": False,
        "client_reference_id": "",
        "context": {"text": "", "terms": []},
    }


def test_a_job_is_sent_with_the_default_model() -> None:
    assert CreateTranscriptionPayload(file_id="f").to_dict() == {"model": "stt-async-v5", "file_id": "f"}


def test_a_tuple_is_sent_as_an_array() -> None:
    assert CreateTranscriptionConfig(language_hints=("en", "es")).to_dict() == {"language_hints": ["en", "es"]}  # type: ignore[arg-type]


def test_a_secret_in_the_wrong_field_is_not_told() -> None:
    secret = "sk-super-secret-value"
    tries: list[Any] = [
        lambda: CreateTranscriptionConfig(webhook_url=secret),
        lambda: CreateTranscriptionConfig(webhook_auth_header_name=secret + " \n", webhook_auth_header_value=secret),
        lambda: CreateTranscriptionConfig(webhook_auth_header_name="n", webhook_auth_header_value=secret + "\n"),
        lambda: CreateTranscriptionConfig(language_hints=[secret]),
        lambda: CreateTranscriptionConfig(translation={"type": secret}),
        lambda: CreateTemporaryApiKeyPayload(usage_type=secret, expires_in_seconds=1),  # type: ignore[arg-type]
        lambda: WebhookAuthConfig(name=secret + ":", value=secret + "é"),
        lambda: GetFilesPayload(limit=secret),  # type: ignore[arg-type]
    ]
    for call in tries:
        with pytest.raises(SonioxError) as caught:
            call()
        assert secret not in str(caught.value)
        assert secret not in repr(caught.value.errors)  # type: ignore[attr-defined]


def test_a_missing_keyword_is_a_validation_error() -> None:
    with pytest.raises(SonioxValidationError, match="WebhookAuthConfig is not valid: value must be given"):
        WebhookAuthConfig(name="X")  # type: ignore[call-arg]
    with pytest.raises(SonioxValidationError, match=r"File is not valid: filename must be given, .* size must"):
        File(id="a")  # type: ignore[call-arg]


# Values that mean a value of the right type.


@each_row(
    ("field", "given", "sent"),
    [
        ("enable_speaker_diarization", "true", True),
        ("enable_speaker_diarization", 1, True),
        ("enable_language_identification", "off", False),
        ("language_hints", {"en"}, ["en"]),
        ("language_hints", (code for code in ("en", "de")), ["en", "de"]),
        ("language_hints", {"en": 1}.keys(), ["en"]),
        ("client_reference_id", UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        ("context", {"terms": ("a", UUID(int=5))}, {"terms": ["a", "00000000-0000-0000-0000-000000000005"]}),
        ("context", {"general": {"a": "b"}.items()}, "context.general[0]"),
        ("language_hints", "en", "language_hints"),
        ("language_hints", {"en": 1}, "language_hints"),
        ("language_hints", StructuredContext(), "language_hints"),
    ],
)
def test_a_job_takes_what_means_a_value_of_the_right_type(field: str, given: Any, sent: Any) -> None:
    if isinstance(sent, str) and sent.startswith(field):
        with pytest.raises(SonioxValidationError) as caught:
            CreateTranscriptionConfig(**{field: given})
        assert [problem.field for problem in caught.value.errors] == [sent]
        return
    config = CreateTranscriptionConfig(**{field: given})
    assert config.to_dict() == {field: sent}
    assert type(config.to_dict()[field]) is type(sent)


class _Usage(Enum):
    TTS = "tts_rt"


def test_other_payloads_take_numeric_text_integral_floats_and_enum_members() -> None:
    key = CreateTemporaryApiKeyPayload(usage_type=_Usage.TTS, expires_in_seconds="60", single_use="yes")  # type: ignore[arg-type]
    speech = CreateTtsConfig(speed="1.1", sample_rate=24000.0, reduce_silence=1)  # type: ignore[arg-type]
    history = GetConcurrentStreamsHistoryPayload(**WINDOW, period_sec="60", kind="stt")  # type: ignore[arg-type]

    assert key.to_dict() == {"usage_type": "tts_rt", "expires_in_seconds": 60, "single_use": True}
    assert speech.to_dict() == {"sample_rate": 24000, "speed": 1.1, "reduce_silence": True}
    assert type(speech.sample_rate) is int
    assert history.period_sec == 60
    assert GetFilesPayload(limit="7").limit == 7  # type: ignore[arg-type]


def test_the_callers_list_is_neither_kept_nor_changed() -> None:
    hints = [UUID(int=5), "x"]
    context = StructuredContext(terms=hints)  # type: ignore[arg-type]

    assert hints == [UUID(int=5), "x"]
    assert context.terms is not hints


def test_a_translation_keeps_only_the_languages_of_its_type() -> None:
    one_way = TranslationConfig(type="one_way", target_language="en", language_a="fr", language_b="de")
    two_way = TranslationConfig(type="two_way", language_a="fr", language_b="de", target_language="en")

    assert one_way.to_dict() == {"type": "one_way", "target_language": "en"}
    assert two_way.to_dict() == {"type": "two_way", "language_a": "fr", "language_b": "de"}


# Fields that this version does not know.


@each_row("cls", [cls for cls in SHARED if issubclass(_ours(cls) or object, Payload)])
def test_extra_fields_are_sent(cls: str) -> None:
    needed = NEEDED.get(cls, {})
    payload = _ours(cls)(**needed, extra={"brand_new": {"deep": [1]}})  # type: ignore[misc]

    assert payload.to_dict() == {**_ours(cls)(**needed).to_dict(), "brand_new": {"deep": [1]}}  # type: ignore[misc]
    assert payload.model_extra == {"brand_new": {"deep": [1]}}
    assert payload.model_dump()["brand_new"] == {"deep": [1]}
    assert "extra={'brand_new'" in repr(payload)
    assert "extra" not in repr(_ours(cls)(**needed))  # type: ignore[misc]
    for twin in (dataclasses.replace(payload), payload.model_copy(), pickle.loads(pickle.dumps(payload))):
        assert twin.to_dict() == payload.to_dict()


@each_row(
    ("extra", "field", "words"),
    [
        (["a"], "extra", "must be a dict"),
        ({"model": "x"}, "extra.model", "must be given as model"),
        ({"new": object()}, "extra.new", "must be a value of JSON"),
        ({"new": math.nan}, "extra.new", "must be a value of JSON"),
        ({5: 1}, "extra.5", "must have a str for its name"),
    ],
)
def test_extra_fields_are_checked(extra: Any, field: str, words: str) -> None:
    with pytest.raises(SonioxValidationError) as caught:
        CreateTranscriptionConfig(extra=extra)

    (problem,) = caught.value.errors
    assert problem.field == field
    assert words in problem.rule


# The order of the fields, which printing and JSON show.


@each_row("model", SHARED)
def test_fields_are_in_the_official_order(model: str) -> None:
    names = [spec.name for spec in dataclasses.fields(_ours(model)) if spec.name in OFFICIAL[model]]  # type: ignore[arg-type]

    assert names == list(OFFICIAL[model])
