"""JSON to dataclasses and back."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import inspect
import json
import math
import pickle
import pkgutil
import re
import types
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal, get_origin

import pytest
from hypothesis import given, settings, strategies as st

import soniox_lite.types
from soniox_lite._data.decoding import _plan_of, decode, decode_response
from soniox_lite._data.json_values import kind_of
from soniox_lite._data.records import Payload, Record, ServiceObject
from soniox_lite._data.times import format_datetime, parse_datetime
from soniox_lite._http.messages import Response
from soniox_lite.errors import SonioxAPIError, SonioxNotFoundError, SonioxValidationError
from soniox_lite.types.api import (
    ApiError,
    CreateTemporaryApiKeyPayload,
    CreateTemporaryApiKeyResponse,
    CreateTranscriptionConfig,
    CreateTranscriptionPayload,
    File,
    GetFilesPayload,
    GetFilesResponse,
    GetModelsResponse,
    GetTranscriptionsPayload,
    GetTranscriptionsResponse,
    Model,
    StructuredContext,
    Transcription,
    TranscriptionTranscript,
    TranslationConfig,
    TranslationTarget,
    UploadFilePayload,
)
from soniox_lite.types.common import Token
from soniox_lite.types.realtime import RealtimeEvent, TtsTimestamps
from soniox_lite.types.stt_options import SttOptions
from soniox_lite.types.webhooks import WebhookAuthConfig, WebhookEvent

from ...support.tables import each_row

bounded = settings(derandomize=True, max_examples=60, deadline=None, database=None)

SECRET = "not-to-be-shown-anywhere"


def _type_modules() -> list[types.ModuleType]:
    package = soniox_lite.types
    return [
        importlib.import_module(f"{package.__name__}.{module.name}")
        for module in pkgutil.iter_modules(package.__path__)
    ]


def _classes(base: type) -> list[type]:
    found = {
        value
        for module in _type_modules()
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, base) and dataclasses.is_dataclass(value)
    }
    return sorted(found, key=lambda cls: cls.__name__)


REPLIES = _classes(ServiceObject)
PAYLOADS = [cls for cls in _classes(Payload) if cls not in (Payload, SttOptions) and not cls.__name__.startswith("_")]
BY_NAME = {cls.__name__: cls for cls in REPLIES}
SESSIONS = ("soniox_lite.types.realtime", "soniox_lite.types.resume")


# The grammar of annotations, read a second time and independently of the decoder.

_SCALARS = {"str", "int", "float", "bool", "datetime", "date", "Any"}
_ENUMS = {name for module in _type_modules() for name, value in vars(module).items() if get_origin(value) is Literal}


def _problem_with_annotation(annotation: str) -> str | None:
    kind = annotation.removesuffix(" | None")
    item = re.fullmatch(r"list\[(\w+)\]", kind)
    name = item.group(1) if item else kind
    known = name in _SCALARS or name in BY_NAME or name in _ENUMS
    return None if known else f"{annotation!r} is outside the decoder's grammar"


def _value(annotation: str, *, rich: bool = True) -> Any:
    """A JSON value that a field with this annotation takes."""
    kind = annotation.removesuffix(" | None")
    if kind.startswith("list["):
        return [_value(kind[5:-1], rich=rich)]
    if kind in BY_NAME:
        return _example(BY_NAME[kind], rich=rich)
    plain = {"int": 3, "float": 0.5, "bool": True, "datetime": "2026-01-02T03:04:05.678Z", "date": "2026-01-02"}
    return plain.get(kind, f"some {kind}")


def _is_required(spec: dataclasses.Field[Any]) -> bool:
    return spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING


def _example(cls: type, *, rich: bool = True) -> dict[str, Any]:
    """A JSON object for a reply: with all of its fields, or only with those that it must have."""
    specs = dataclasses.fields(cls)
    return {spec.name: _value(str(spec.type), rich=rich) for spec in specs if rich or _is_required(spec)}


def test_the_walk_finds_the_replies_and_payloads() -> None:
    names = {cls.__name__ for cls in [*REPLIES, *PAYLOADS]}

    assert {"File", "Transcription", "Token", "Model", "ApiError", "WebhookEvent", "GetModelsResponse"} <= names
    assert {"CreateTranscriptionConfig", "StructuredContext", "WebhookAuthConfig", "GetFilesPayload"} <= names


@each_row("cls", REPLIES, ids=lambda cls: cls.__name__)
def test_every_annotation_of_a_reply_is_in_the_grammar(cls: type[ServiceObject]) -> None:
    problems = {spec.name: _problem_with_annotation(str(spec.type)) for spec in dataclasses.fields(cls)}

    assert {name: problem for name, problem in problems.items() if problem} == {}
    _plan_of(cls)


@pytest.mark.parametrize(
    "annotation", ["dict[str, int]", "int | str", "Optional[str]", "list[list[str]]", "list[str | None]", "Unheard"]
)
def test_the_guard_sees_an_annotation_that_the_decoder_would_take_for_text(annotation: str) -> None:
    assert _problem_with_annotation(annotation) is not None


def test_a_field_that_may_be_null_needs_a_default() -> None:
    @dataclass(repr=False, eq=False, kw_only=True)
    class Odd(ServiceObject):
        maybe: str | None

    with pytest.raises(TypeError, match=r"Odd\.maybe: .* needs a default"):
        decode(Odd, {"maybe": "x"})


# Decoding what the service documents.


def _documented() -> list[tuple[str, str, Any]]:
    document = json.loads((Path(__file__).parents[2] / "data" / "openapi.json").read_text(encoding="utf-8"))
    found: list[tuple[str, str, Any]] = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, response in operation["responses"].items():
                content = response.get("content", {}).get("application/json", {})
                name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
                if "example" in content and name in BY_NAME:
                    found.append((f"{method} {path} {status}", name, content["example"]))
    for name, schema in document["components"]["schemas"].items():
        name = {"TranscriptionTranscriptToken": "Token"}.get(name, name)  # noqa: PLW2901 - the name that we use
        if "example" in schema and name in BY_NAME:
            found.append((f"schema {name}", name, schema["example"]))
    return found


DOCUMENTED = _documented()


def test_the_document_has_examples_of_our_replies() -> None:
    assert len(DOCUMENTED) > 60
    assert {name for _, name, _ in DOCUMENTED} >= {
        "ApiError",
        "CreateTemporaryApiKeyResponse",
        "File",
        "GetFilesResponse",
        "GetModelsResponse",
        "GetTranscriptionsResponse",
        "Token",
        "Transcription",
        "TranscriptionTranscript",
    }


@each_row(("name", "example"), [row[1:] for row in DOCUMENTED], ids=[row[0] for row in DOCUMENTED])
def test_documented_examples_decode_and_lose_nothing(name: str, example: dict[str, Any]) -> None:
    reply = BY_NAME[name].from_dict(example)

    def check(data: Any, shown: Any) -> None:
        if isinstance(data, dict):
            for key, value in data.items():
                if value is not None or key in shown:
                    check(value, shown[key])
        elif isinstance(data, list):
            assert len(data) == len(shown)
            for item, other in zip(data, shown, strict=True):
                check(item, other)
        elif isinstance(data, str) and re.match(r"\d{4}-\d\d-\d\dT", data):
            assert parse_datetime(data) == parse_datetime(shown)
        else:
            assert data == shown

    check(example, reply.to_dict())


@each_row("cls", REPLIES, ids=lambda cls: cls.__name__)
@each_row("rich", [True, False], ids=["all fields", "required fields only"])
def test_every_reply_decodes_and_comes_back_the_same(cls: type[ServiceObject], rich: bool) -> None:
    reply = cls.from_dict(_example(cls, rich=rich))

    assert type(reply) is cls
    assert cls.from_dict(reply.to_dict()) == reply
    assert cls.from_dict(json.loads(json.dumps(reply.to_dict()))) == reply


# What is not as documented.


def _mutations(cls: type[ServiceObject], path: str = "") -> list[tuple[str, list[Any], str]]:
    """Ways to break a full example: label, keys to the place, and what is put there (DROP, NULL or a kind)."""
    found: list[tuple[str, list[Any], str]] = []
    for spec in dataclasses.fields(cls):
        kind = str(spec.type).removesuffix(" | None")
        item = kind[5:-1] if kind.startswith("list[") else kind
        if _is_required(spec):
            found += [(f"{path}.{spec.name}", [spec.name], "missing"), (f"{path}.{spec.name}", [spec.name], "null")]
        if cls._checks_optional or "None" not in str(spec.type):
            found.append((f"{path}.{spec.name}", [spec.name], f"not {kind if item == kind else 'array'}"))
        if item != kind:
            found.append((f"{path}.{spec.name}[0]", [spec.name, 0], f"not {item}"))
            found.append((f"{path}.{spec.name}[0]", [spec.name, 0], "null in array"))
        if item in BY_NAME:
            step: list[Any] = [spec.name, 0] if item != kind else [spec.name]
            inner = _mutations(BY_NAME[item], f"{path}.{spec.name}{'[0]' if item != kind else ''}")
            found += [(label, step + keys, what) for label, keys, what in inner]
    return found


BREAKS = [(cls, *mutation) for cls in REPLIES for mutation in _mutations(cls)]


def _wrong(what: str) -> list[Any]:
    kind = what.removeprefix("not ")
    values: list[Any] = [True, 7, 0.5, "text", [], {}]
    right = {"int": [7], "float": [7, 0.5], "bool": [True], "array": [[]], "datetime": [7, 0.5], "date": []}
    allowed = [{}] if kind in BY_NAME else right.get(kind, ["text"])
    if kind in BY_NAME:
        # An empty object is the right container; what it lacks is another row's business.
        return [value for value in values if value != {}]
    return [value for value in values if not any(value == one and type(value) is type(one) for one in allowed)]


@each_row(("cls", "label", "keys", "what"), BREAKS, ids=[f"{row[0].__name__}{row[1]} {row[3]}" for row in BREAKS])
def test_a_reply_that_is_not_as_documented_says_where(
    cls: type[ServiceObject], label: str, keys: list[Any], what: str
) -> None:
    values: list[Any] = [None] if what in {"missing", "null", "null in array"} else _wrong(what)
    for value in values:
        data = _example(cls)
        place: Any = data
        for key in keys[:-1]:
            place = place[key]
        if what == "missing":
            del place[keys[-1]]
        else:
            place[keys[-1]] = value

        with pytest.raises(SonioxAPIError) as caught:
            decode(cls, data)

        message = str(caught.value)
        assert f"{cls.__name__}{label} " in message, message
        expected = {"missing": "is missing", "null": "is null", "null in array": "is null"}.get(what, "must be a")
        assert expected in message
        assert "some " not in message, "the reply's values are not for messages"


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (None, " must be an object, is null"),
        ("text", " must be an object, is string"),
        ({}, ".text is missing"),
        ({"text": 7}, ".text must be a string, is number"),
    ],
    ids=repr,
)
def test_the_first_wrong_one_of_many_tokens_is_told(wrong: Any, problem: str) -> None:
    tokens = [{"text": "a"}, {"text": "b"}, wrong, wrong]
    with pytest.raises(SonioxAPIError) as caught:
        decode(TranscriptionTranscript, {"id": "t", "text": "ab", "tokens": tokens})
    assert str(caught.value).endswith(f"TranscriptionTranscript.tokens[2]{problem}")


@pytest.mark.parametrize("data", [None, [], "x", 1, 1.5, True, [{}]], ids=repr)
def test_a_reply_that_is_no_object_is_refused(data: Any) -> None:
    for way in (File.from_dict, lambda value: decode(File, value)):
        with pytest.raises(
            SonioxAPIError, match=r"not a File: File must be an object, is (null|array|string|number|b)"
        ):
            way(data)


def test_the_error_of_a_reply_carries_the_reply() -> None:
    response = Response(200, [], b'{"id": "f"}')

    with pytest.raises(SonioxAPIError, match=r"File\.filename is missing") as caught:
        decode_response(File, response)

    assert caught.value.response is response
    assert caught.value.status_code == 200


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"id": "f', b"\xff\xfe{\x00", b"[" * 100_000], ids=repr)
@pytest.mark.usefixtures("deep_json")
def test_a_successful_reply_that_is_not_json_is_an_api_error(body: bytes) -> None:
    with pytest.raises(SonioxAPIError, match="the response is not JSON"):
        decode_response(File, Response(200, [], body))


def test_an_error_status_comes_before_the_shape() -> None:
    with pytest.raises(SonioxNotFoundError):
        decode_response(File, Response(404, [], json.dumps(_example(File)).encode()))


def test_a_bool_is_no_number_and_a_fraction_no_int() -> None:
    with pytest.raises(SonioxAPIError, match=r"File\.size must be a number, is boolean"):
        File.from_dict({**_example(File), "size": True})
    with pytest.raises(SonioxAPIError, match=r"Model\.context_version must be a number, is number"):
        Model.from_dict({**_example(Model), "context_version": 1.5})


@each_row(
    ("cls", "field", "sent", "value"),
    [
        (File, "size", "12", 12),
        (File, "size", 12.0, 12),
        (File, "size", str(10**30), 10**30),
        (File, "created_at", 1767323045, datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)),
        (File, "created_at", 1767323045678, datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=timezone.utc)),
        (Transcription, "enable_speaker_diarization", "true", True),
        (Transcription, "enable_speaker_diarization", 0, False),
        (Model, "context_version", "2", 2),
        (TtsTimestamps, "character_start_times_seconds", ["0.5", 1], [0.5, 1]),
        (RealtimeEvent, "finished", "yes", True),
    ],
)
def test_a_value_that_means_one_of_the_right_type_is_converted(
    cls: type[ServiceObject], field: str, sent: Any, value: Any
) -> None:
    data = {**_example(cls), field: sent}
    for found in (cls.from_dict(data), decode(cls, copy.deepcopy(data)), cls(**data), cls.model_validate(data)):
        assert getattr(found, field) == value
        assert type(getattr(found, field)) is type(value)


@pytest.mark.parametrize("cls", [RealtimeEvent, Token, Transcription])
def test_what_comes_by_the_hundred_is_taken_as_it_is_where_it_may_be_absent(cls: type[ServiceObject]) -> None:
    lenient = [spec.name for spec in dataclasses.fields(cls) if str(spec.type) in {f"{k} | None" for k in _SCALARS}]
    assert lenient
    for value in (True, 7, 0.5, "text", None):
        reply = decode(cls, {**_example(cls), **dict.fromkeys(lenient, value)})
        assert {name: getattr(reply, name) for name in lenient} == dict.fromkeys(lenient, value)


def test_the_others_check_what_may_be_absent() -> None:
    checked = 0
    for cls in set(REPLIES) - {RealtimeEvent, Token, Transcription}:
        for spec in dataclasses.fields(cls):
            if str(spec.type) in {f"{kind} | None" for kind in _SCALARS}:
                with pytest.raises(SonioxAPIError, match=spec.name):
                    decode(cls, {**_example(cls), spec.name: ["wrong"]})
                checked += 1
    assert checked > 10


def test_a_number_without_a_fraction_may_be_written_as_an_integer() -> None:
    assert Token.from_dict({"text": "a", "confidence": 1}).confidence == 1
    assert Token.from_dict({"text": "a", "confidence": 0.25}).confidence == 0.25


@pytest.mark.parametrize("status", ["queued", "archived", ""])
def test_enums_of_replies_are_open(status: str) -> None:
    assert Transcription.from_dict({**_example(Transcription), "status": status}).status == status


# Absent and unknown fields.


@each_row("cls", REPLIES, ids=lambda cls: cls.__name__)
def test_absent_and_null_fields_have_their_defaults(cls: type[ServiceObject]) -> None:
    absent = cls.from_dict(_example(cls, rich=False))
    optional = [spec for spec in dataclasses.fields(cls) if not _is_required(spec)]
    null = cls.from_dict({**_example(cls, rich=False), **{spec.name: None for spec in optional}})

    for spec in optional:
        default = spec.default if spec.default is not dataclasses.MISSING else spec.default_factory()  # type: ignore[misc]
        assert getattr(absent, spec.name) == default
        assert getattr(null, spec.name) == default
    assert absent == null


def test_list_defaults_are_not_shared() -> None:
    first, second = (ApiError.from_dict(_example(ApiError, rich=False)) for _ in range(2))
    built = ApiError(status_code=1, error_type="a", message="b")

    first.validation_errors.append("x")  # type: ignore[arg-type]

    assert second.validation_errors == []
    assert built.validation_errors == []
    assert ApiError(status_code=1, error_type="a", message="b").validation_errors == []


@each_row("cls", REPLIES, ids=lambda cls: cls.__name__)
def test_unknown_fields_are_kept_and_readable(cls: type[ServiceObject]) -> None:
    reply: Any = cls.from_dict({**_example(cls), "brand_new": {"deep": [1, None]}, "with-dash": 5})

    assert reply.brand_new == {"deep": [1, None]}
    assert vars(reply)["with-dash"] == 5
    assert reply.to_dict()["brand_new"] == {"deep": [1, None]}
    assert "brand_new={'deep': [1, None]}" in repr(reply)
    assert cls.from_dict(reply.to_dict()) == reply
    assert reply != cls.from_dict(_example(cls))


def test_unknown_fields_of_nested_records_are_kept() -> None:
    page = GetFilesResponse.from_dict({"files": [{**_example(File), "colour": "red"}]})

    assert page.files[0].colour == "red"  # type: ignore[attr-defined]
    assert page.to_dict()["files"][0]["colour"] == "red"


def test_an_unknown_field_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="colour"):
        File.from_dict(_example(File)).colour  # type: ignore[attr-defined]  # noqa: B018 - reading is the test


HOSTILE_NAMES = [
    "to_dict",
    "from_dict",
    "self",
    "cls",
    "_items",
    "_secret_fields",
    "_plan",
    "__class__",
    "__dict__",
    "__dataclass_fields__",
    "__repr__",
    "__eq__",
    "__hash__",
    "__module__",
    "__doc__",
    "__init__",
    *("__deepcopy__", "__copy__", "__reduce_ex__", "__reduce__", "__getstate__", "__setstate__", "__getnewargs_ex__"),
    *("__iter__", "__str__", "__dataclass_params__", "__match_args__", "__signature__", "__post_init__"),
    *("dict", "json", "copy", "model_dump", "model_fields", "model_fields_set", "model_extra", "_data"),
    "",
    "a b",
    "é",
]


@each_row("name", HOSTILE_NAMES)
@each_row("value", [None, 1, "x", [], {}], ids=repr)
def test_no_name_of_an_unknown_field_breaks_a_record_or_unmasks_a_secret(name: str, value: Any) -> None:
    data = {"api_key": SECRET, "expires_at": "2026-01-02T03:04:05Z", name: value}
    reply = CreateTemporaryApiKeyResponse.from_dict(data)

    assert type(reply) is CreateTemporaryApiKeyResponse
    assert CreateTemporaryApiKeyResponse.to_dict(reply) == data
    assert reply == CreateTemporaryApiKeyResponse.from_dict(data)
    assert SECRET not in repr(reply)
    assert repr(reply).startswith("CreateTemporaryApiKeyResponse(api_key=***, ")
    assert vars(reply)[name] == value
    assert reply.model_extra == {name: value}
    assert dict(reply)[name] == value
    for twin in (
        copy.copy(reply),
        copy.deepcopy(reply),
        pickle.loads(pickle.dumps(reply)),
        reply.model_copy(deep=True),
    ):
        assert twin == reply
    assert reply.model_dump(mode="json") == data
    assert dataclasses.replace(reply, api_key="other").expires_at == reply.expires_at
    assert dataclasses.asdict(reply).keys() == {"api_key", "expires_at"}


@each_row("cls", REPLIES, ids=lambda cls: cls.__name__)
def test_a_field_that_is_called_like_a_method_does_not_hide_it(cls: type[ServiceObject]) -> None:
    methods = [name for name in dir(cls) if not name.startswith("__") and callable(getattr(cls, name))]
    assert {"to_dict", "from_dict"} <= set(methods)
    data = {**_example(cls, rich=True), **dict.fromkeys(methods, "taken")}
    reply = cls.from_dict(data)

    assert reply.to_dict().items() >= dict.fromkeys(methods, "taken").items()
    assert reply.from_dict(data) == reply
    for name in methods:
        assert callable(getattr(reply, name))
        assert vars(reply)[name] == "taken"


def test_a_method_can_be_replaced_in_a_class_and_called_by_it() -> None:
    @dataclass(repr=False, eq=False, kw_only=True)
    class Own(File):
        def to_dict(self) -> dict[str, Any]:
            return {"own": super().to_dict()["id"]}

    own = Own.from_dict({**_example(File, rich=True), "to_dict": 5})
    assert own.to_dict() == {"own": own.id}
    assert Own.to_dict(own) == {"own": own.id}


# The caller's data.


@each_row("cls", REPLIES, ids=lambda cls: cls.__name__)
def test_from_dict_neither_changes_nor_shares_the_callers_dict(cls: type[ServiceObject]) -> None:
    data = {**_example(cls), "unknown": {"list": [1]}}
    before = copy.deepcopy(data)

    reply: Any = cls.from_dict(data)
    assert data == before
    reply.unknown["list"].append(2)
    for value in vars(reply).values():
        if isinstance(value, list):
            value.clear()
    assert data == before


def test_from_dict_leaves_the_callers_dict_alone_when_it_refuses_it() -> None:
    data = {"files": [_example(File), {**_example(File), "size": "x"}], "next_page_cursor": None}
    before = copy.deepcopy(data)

    with pytest.raises(SonioxAPIError, match=r"GetFilesResponse\.files\[1\]\.size must be a number, is string"):
        GetFilesResponse.from_dict(data)

    assert data == before


def test_from_dict_takes_any_mapping() -> None:
    frozen = types.MappingProxyType(_example(File))

    assert File.from_dict(frozen) == File.from_dict(dict(frozen))
    assert GetFilesPayload.from_dict(types.MappingProxyType({"limit": 5})).limit == 5


def test_a_reply_that_is_nested_too_deeply_is_an_error() -> None:
    deep: Any = []
    for _ in range(5000):
        deep = [deep]

    with pytest.raises(SonioxAPIError, match="not a Token: it is nested too deeply"):
        Token.from_dict({"text": "a", "unknown": deep})
    with pytest.raises(SonioxValidationError, match="Token is not valid: it is nested too deeply"):
        Token(text="a", unknown=deep)  # type: ignore[call-arg]


def test_to_dict_gives_copies() -> None:
    page = GetFilesResponse.from_dict({"files": [_example(File)]})
    first = page.to_dict()

    first["files"][0]["id"] = "changed"
    first["files"].clear()

    assert page.to_dict()["files"][0]["id"] == "some str"


def test_to_dict_is_json() -> None:
    for cls in REPLIES:
        json.dumps(cls.from_dict(_example(cls)).to_dict(), allow_nan=False)


# Times.

UTC = timezone.utc


@each_row("zone", ["Z", "z", "+00:00", "-00:00", "+02:00", "-09:30", "", "+14:00"])
@each_row("digits", range(10))
def test_times_have_any_number_of_fraction_digits_and_any_offset(digits: int, zone: str) -> None:
    fraction = f".{'123456789'[:digits]}" if digits else ""
    hours, minutes = (int(zone[1:3]), int(zone[4:])) if ":" in zone else (0, 0)
    offset = timedelta(hours=hours, minutes=minutes) * (-1 if zone.startswith("-") else 1)

    moment = parse_datetime(f"2026-01-02T03:04:05{fraction}{zone}")

    microseconds = int("123456"[:digits].ljust(6, "0")) if digits else 0
    assert moment == datetime(2026, 1, 2, 3, 4, 5, microseconds, tzinfo=UTC) - offset
    assert moment.utcoffset() == timedelta(0)
    assert moment.tzinfo is UTC


def test_a_time_without_seconds_or_of_a_day_is_one() -> None:
    assert parse_datetime("2026-01-02T03:04Z") == datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    assert parse_datetime("2026-01-02") == datetime(2026, 1, 2, tzinfo=UTC)
    assert parse_datetime("2026-01-02 03:04:05.5") == datetime(2026, 1, 2, 3, 4, 5, 500_000, tzinfo=UTC)


@each_row(
    "text",
    [
        "",
        "Z",
        ".",
        ".5",
        "now",
        "2026-01-02T03:04:05.xZ",
        "2026-13-02T03:04:05Z",
        "2026-02-30T03:04:05Z",
        "2026-01-02T25:04:05Z",
        "2026-01-02T03:04:05+99:00",
        "1700000000",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-01-02T03:04:05.٣Z",
        "x" * 10_000,
    ],
    ids=lambda text: text[:30],
)
def test_text_that_is_no_time_is_refused_with_the_place(text: str) -> None:
    with pytest.raises(SonioxAPIError) as caught:
        File.from_dict({**_example(File), "created_at": text})

    assert str(caught.value) == "the reply is not a File: File.created_at must be an ISO 8601 time, is other text"


@given(moment=st.datetimes(timezones=st.timezones() | st.just(UTC) | st.none()))
@bounded
def test_times_come_back_the_same(moment: datetime) -> None:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        text = format_datetime(moment)
    except OverflowError:
        return  # Its moment in UTC is outside of what a datetime can say.

    assert text.endswith("Z")
    assert parse_datetime(text) == moment
    assert parse_datetime(moment.isoformat()) == moment


@given(text=st.text(alphabet="0123456789-:.TZ+ Wé,", max_size=30))
@bounded
def test_no_text_makes_times_raise_anything_else(text: str) -> None:
    try:
        event = File.from_dict({**_example(File), "created_at": text})
    except SonioxAPIError:
        return
    assert event.created_at.tzinfo is UTC


def test_a_time_may_be_given_as_one() -> None:
    file = File.from_dict({**_example(File), "created_at": datetime(2026, 1, 2, tzinfo=UTC)})

    assert file.to_dict()["created_at"] == "2026-01-02T00:00:00Z"


# Any JSON at all.

json_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.just("2026-01-02")
)
json_values = st.recursive(
    json_scalars,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=6), children, max_size=3),
    max_leaves=8,
)


def _strategy(annotation: str) -> st.SearchStrategy[Any]:
    kind = annotation.removesuffix(" | None")
    if kind.startswith("list["):
        found: st.SearchStrategy[Any] = st.lists(_strategy(kind[5:-1]), max_size=2)
    elif kind in BY_NAME:
        found = _objects(BY_NAME[kind])
    elif kind == "Any":
        found = json_values
    elif kind == "datetime":
        found = st.datetimes(timezones=st.just(UTC)).map(format_datetime)
    elif kind == "date":
        found = st.dates().map(str)
    else:
        found = {
            "int": st.integers(),
            "float": st.floats(allow_nan=False) | st.integers(),
            "bool": st.booleans(),
        }.get(kind, st.text(max_size=8))
    return found | st.none() if annotation != kind else found


def _objects(cls: type) -> st.SearchStrategy[dict[str, Any]]:
    specs = dataclasses.fields(cls)
    required = {spec.name: _strategy(str(spec.type)) for spec in specs if _is_required(spec)}
    optional = {spec.name: _strategy(str(spec.type)) for spec in specs if not _is_required(spec)}
    known = st.fixed_dictionaries(required, optional=optional)
    extra = st.dictionaries(st.text(max_size=6), json_values, max_size=2)
    return st.tuples(known, extra).map(lambda pair: {**pair[1], **pair[0]})


@each_row("cls", REPLIES, ids=lambda cls: cls.__name__)
def test_replies_come_back_the_same_whatever_they_hold(cls: type[ServiceObject]) -> None:
    @given(data=_objects(cls))
    @settings(bounded, max_examples=25)
    def check(data: dict[str, Any]) -> None:
        reply = cls.from_dict(data)
        assert cls.from_dict(reply.to_dict()) == reply
        assert pickle.loads(pickle.dumps(reply)) == reply

    check()


@each_row("cls", REPLIES, ids=lambda cls: cls.__name__)
def test_any_json_as_a_reply_is_decoded_or_an_api_error(cls: type[ServiceObject]) -> None:
    names = [spec.name for spec in dataclasses.fields(cls)]

    @given(data=json_values | st.dictionaries(st.sampled_from(names), json_values, max_size=len(names)))
    @settings(bounded, max_examples=40)
    def check(data: Any) -> None:
        for way in (lambda: cls.from_dict(data), lambda: decode(cls, copy.deepcopy(data))):
            try:
                reply = way()
            except SonioxAPIError:
                continue
            assert cls.from_dict(reply.to_dict()) == reply

    check()


# Payloads.

short_texts = st.text(max_size=20)
ids = st.text(min_size=1, max_size=20)
languages = st.sampled_from(["en", "es", "ZH", "no"])
urls = st.just("https://example.org/a?b=c")
header_names = st.from_regex(r"[A-Za-z0-9-]{1,20}", fullmatch=True)
header_values = st.from_regex(r"[!-~]{1,20}", fullmatch=True)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


general_items = st.fixed_dictionaries({"key": short_texts, "value": short_texts})
term_items = st.fixed_dictionaries({"source": short_texts, "target": short_texts})
translations = st.fixed_dictionaries({"type": st.just("one_way"), "target_language": languages}) | st.just(
    {"type": "two_way", "language_a": "en", "language_b": "es"}
)
contexts = st.fixed_dictionaries(
    {},
    optional={
        "general": st.lists(general_items, max_size=2) | st.dictionaries(short_texts, short_texts, max_size=2),
        "text": maybe(short_texts),
        "terms": maybe(st.lists(short_texts, max_size=2)),
        "translation_terms": st.lists(term_items, max_size=2) | st.dictionaries(short_texts, short_texts, max_size=2),
    },
)
option_fields: dict[str, st.SearchStrategy[Any]] = {
    "model": ids,
    "language_hints": maybe(st.lists(languages, max_size=3)),
    "language_hints_strict": maybe(st.booleans()),
    "enable_speaker_diarization": maybe(st.booleans()),
    "enable_language_identification": maybe(st.booleans()),
    "translation": maybe(translations),
    "context": maybe(contexts | short_texts),
    "webhook_url": maybe(urls),
    "client_reference_id": maybe(short_texts),
}
pages = st.fixed_dictionaries({"limit": st.integers(1, 1000)}, optional={"cursor": maybe(short_texts)})
# Margins, since not every time near the ends has one in UTC.
times = (
    st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=st.timezones())  # noqa: DTZ001
    | st.dates()
    | st.just("2026-04-01T00:00:00Z")
)
windows = {"start_time": times, "end_time": times}
tags = maybe(st.lists(short_texts, max_size=3))
speech_fields: dict[str, st.SearchStrategy[Any]] = {
    "model": ids,
    "language": ids,
    "voice": ids,
    "audio_format": st.sampled_from(["wav", "mp3", "pcm_s16le"]),
}
speech_options: dict[str, st.SearchStrategy[Any]] = {
    "bitrate": maybe(st.sampled_from([32_000, 320_000])),
    "speed": maybe(st.floats(0.7, 1.3)),
    "reduce_silence": maybe(st.booleans()),
}
PAYLOAD_FIELDS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "CreateTemporaryApiKeyPayload": st.fixed_dictionaries(
        {
            "usage_type": st.sampled_from(["transcribe_websocket", "tts_rt"]),
            "expires_in_seconds": st.integers(1, 3600),
        },
        optional={
            "client_reference_id": maybe(short_texts),
            "single_use": maybe(st.booleans()),
            "max_session_duration_seconds": maybe(st.integers(1, 18_000)),
        },
    ),
    "CreateTranscriptionConfig": st.fixed_dictionaries({}, optional=option_fields),
    "CreateTranscriptionPayload": st.fixed_dictionaries({"file_id": ids}, optional=option_fields),
    "CreateTtsConfig": st.fixed_dictionaries({}, optional={**speech_fields, **speech_options}),
    "CreateTtsPayload": st.fixed_dictionaries({"text": ids, **speech_fields}, optional=speech_options),
    "GetConcurrentStreamsHistoryPayload": st.fixed_dictionaries(
        {**windows, "period_sec": st.sampled_from([60, 3600, 86400]), "kind": st.sampled_from(["stt", "tts"])}
    ),
    "GetFilesPayload": pages,
    "GetSharedVoicesPayload": st.fixed_dictionaries(
        {"model": ids, "limit": st.integers(1, 200)},
        optional={
            "gender": maybe(st.sampled_from(["male", "female", "neutral"])),
            "age": maybe(st.sampled_from(["young", "middle_aged", "old"])),
            "accent": maybe(short_texts),
            "use_case": tags,
            "style": tags,
            "cursor": maybe(short_texts),
        },
    ),
    "GetTranscriptionsPayload": pages,
    "GetUsageLogsPayload": st.fixed_dictionaries(
        {**windows, "limit": st.integers(1, 1000), "sort": st.sampled_from(["end_time_asc", "end_time_desc"])},
        optional={"cursor": maybe(short_texts)},
    ),
    "GetUsageSummaryPayload": st.fixed_dictionaries(windows),
    "GetVoicesPayload": pages,
    "RecomputeVoicePayload": st.fixed_dictionaries({}, optional={"model": maybe(ids)}),
    "StructuredContext": contexts,
    "StructuredContextGeneralItem": general_items,
    "StructuredContextTranslationTerm": term_items,
    "TranslationConfig": translations,
    "UploadFilePayload": st.fixed_dictionaries({}, optional={"client_reference_id": maybe(short_texts)}),
    "WebhookAuthConfig": st.fixed_dictionaries({"name": header_names, "value": header_values}),
}


def test_every_payload_of_the_rest_api_has_a_strategy() -> None:
    known = {cls.__name__ for cls in PAYLOADS if not cls.__module__.startswith(SESSIONS)}

    assert known == set(PAYLOAD_FIELDS)


@each_row("cls", [cls for cls in PAYLOADS if cls.__name__ in PAYLOAD_FIELDS], ids=lambda cls: cls.__name__)
def test_payloads_come_back_the_same(cls: type[Payload]) -> None:
    @given(data=PAYLOAD_FIELDS[cls.__name__])
    @settings(bounded, max_examples=30)
    def check(data: dict[str, Any]) -> None:
        before = copy.deepcopy(data)
        payload = cls.from_dict(data)
        sent = payload.to_dict()
        assert data == before
        assert None not in sent.values()
        assert cls.from_dict(sent) == payload
        assert cls(**data) == payload
        assert json.loads(json.dumps(sent)) == sent
        assert pickle.loads(pickle.dumps(payload)) == payload

    check()


@each_row("cls", PAYLOADS, ids=lambda cls: cls.__name__)
def test_any_json_as_a_payload_is_taken_or_one_validation_error(cls: type[Payload]) -> None:
    names = [spec.name for spec in dataclasses.fields(cls)]

    @given(data=json_values | st.dictionaries(st.sampled_from([*names, "other"]), json_values, max_size=len(names)))
    @settings(bounded, max_examples=60)
    def check(data: Any) -> None:
        try:
            payload = cls.from_dict(data)
        except SonioxValidationError:
            return
        json.dumps(payload.to_dict(), allow_nan=False)

    check()


@each_row("cls", PAYLOADS, ids=lambda cls: cls.__name__)
def test_a_dict_that_lacks_required_fields_is_a_validation_error(cls: type[Payload]) -> None:
    required = [spec.name for spec in dataclasses.fields(cls) if _is_required(spec)]
    if not required:
        return

    with pytest.raises(SonioxValidationError) as caught:
        cls.from_dict({})

    assert [problem.field for problem in caught.value.errors] == required
    assert {problem.rule for problem in caught.value.errors} == {"must be given"}


@pytest.mark.parametrize("data", [None, [], "x", 5, True, b"x", [("limit", 5)]], ids=repr)
def test_a_payload_is_made_of_a_dict(data: Any) -> None:
    with pytest.raises(SonioxValidationError, match="GetFilesPayload must be a GetFilesPayload or a dict, got "):
        GetFilesPayload.from_dict(data)


# Showing, comparing, copying.


def test_repr_shows_every_field() -> None:
    token = Token(text="a", start_ms=1)

    assert repr(token) == (
        "Token(text='a', start_ms=1, end_ms=None, confidence=None, is_final=None, speaker=None, "
        "translation_status=None, language=None, source_language=None)"
    )


SECRET_HOLDERS = [
    WebhookAuthConfig(name="X-Secret", value=SECRET),
    CreateTemporaryApiKeyResponse.from_dict({"api_key": SECRET, "expires_at": "2026-01-02T03:04:05Z"}),
    CreateTranscriptionConfig(webhook_auth_header_name="X", webhook_auth_header_value=SECRET),
    CreateTranscriptionPayload(file_id="f", webhook_auth_header_name="X", webhook_auth_header_value=SECRET),
]


@pytest.mark.parametrize("record", SECRET_HOLDERS, ids=lambda record: type(record).__name__)
def test_secrets_are_masked_when_shown_and_sent_as_they_are(record: Record) -> None:
    for text in (repr(record), str(record), f"{record}", repr([record]), repr({"a": record})):
        assert SECRET not in text
        assert "=***" in text
    assert SECRET in record.to_dict().values()


def test_a_secret_that_is_not_given_is_not_masked() -> None:
    assert "webhook_auth_header_value=None" in repr(CreateTranscriptionConfig())


def test_records_are_equal_by_class_and_fields() -> None:
    assert Token(text="a") == Token.from_dict({"text": "a", "start_ms": None})
    assert Token(text="a") != Token(text="b")
    assert Token(text="a") != {"text": "a"}
    assert Token(text="a") != None  # noqa: E711 - the comparison itself is tested
    assert GetFilesPayload(limit=5) != GetTranscriptionsPayload(limit=5)
    assert UploadFilePayload() == UploadFilePayload(client_reference_id=None)


def test_records_are_not_hashable_since_they_can_change() -> None:
    for record in (Token(text="a"), UploadFilePayload()):
        with pytest.raises(TypeError, match="unhashable"):
            hash(record)


def test_records_take_their_fields_by_keyword_only() -> None:
    for cls in [*REPLIES, *PAYLOADS]:
        with pytest.raises(TypeError):
            cls("positional")


@each_row("cls", REPLIES, ids=lambda cls: cls.__name__)
@each_row("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_replies_can_be_pickled_and_copied(cls: type[ServiceObject], protocol: int) -> None:
    reply = cls.from_dict({**_example(cls), "unknown": [1]})

    for twin in (pickle.loads(pickle.dumps(reply, protocol)), copy.copy(reply), copy.deepcopy(reply)):
        assert twin == reply
        assert type(twin) is cls
        assert twin.unknown == [1]


@pytest.mark.parametrize("record", SECRET_HOLDERS, ids=lambda record: type(record).__name__)
def test_payloads_can_be_pickled_and_copied(record: Record) -> None:
    for twin in (pickle.loads(pickle.dumps(record)), copy.copy(record), copy.deepcopy(record)):
        assert twin == record


def test_replies_can_be_built_by_hand() -> None:
    built = TranscriptionTranscript(id="t", text="ab", tokens=[Token(text="a"), Token(text="b")])

    assert built == TranscriptionTranscript.from_dict(built.to_dict())


def test_a_subclass_from_elsewhere_decodes_as_its_base_does() -> None:
    class MyPage(GetFilesResponse):
        @property
        def names(self) -> list[str]:
            return [file.filename for file in self.files]

    # A module that has no File of its own, as a user's would be.
    MyPage.__module__ = "json"

    page = MyPage.from_dict({"files": [_example(File)], "next_page_cursor": "c"})

    assert page.names == ["some str"]
    assert isinstance(page.files[0], File)
    assert isinstance(page, GetFilesResponse)


def test_a_reply_can_hold_a_nested_reply_and_anything() -> None:
    # The grammar of the decoder's docstring, where no response of the API uses it (yet).
    module = types.ModuleType("grammar_of_the_decoder")
    import sys

    sys.modules[module.__name__] = module
    try:

        @dataclass(repr=False, eq=False, kw_only=True)
        class Inner(ServiceObject):
            name: str

        @dataclass(repr=False, eq=False, kw_only=True)
        class Outer(ServiceObject):
            inner: Inner
            maybe: Inner | None = None
            anything: Any = None
            times: list[float] = field(default_factory=list)

        module.Inner = Inner  # type: ignore[attr-defined]
        Inner.__module__ = Outer.__module__ = module.__name__
        outer = Outer.from_dict({"inner": {"name": "a"}, "maybe": None, "anything": [{"x": 1}], "times": [1, 2.5]})
        assert outer.inner == Inner(name="a")
        assert outer.maybe is None
        assert outer.anything == [{"x": 1}]
        assert outer.times == [1, 2.5]
        with pytest.raises(SonioxAPIError, match=r"Outer\.inner\.name is missing"):
            Outer.from_dict({"inner": {}})
        with pytest.raises(SonioxAPIError, match=r"Outer\.maybe must be an object, is array"):
            Outer.from_dict({"inner": {"name": "a"}, "maybe": []})
    finally:
        del sys.modules[module.__name__]


# What messages say of a value.


@each_row(
    ("value", "kind"),
    [
        (None, "NoneType"),
        (5, "int"),
        (math.nan, "float"),
        (True, "bool"),
        ("secret", "str of length 6"),
        (b"secret", "bytes of length 6"),
        ([1, 2], "list of length 2"),
        ((), "tuple of length 0"),
        ({"a": 1}, "dict of length 1"),
        (File, "type"),
    ],
    ids=repr,
)
def test_a_kind_never_tells_the_value(value: object, kind: str) -> None:
    assert kind_of(value) == kind


def test_pages_and_models_decode_to_typed_items() -> None:
    jobs = GetTranscriptionsResponse.from_dict({"transcriptions": [_example(Transcription)]})
    models = GetModelsResponse.from_dict({"models": [_example(Model)]})

    assert isinstance(jobs.transcriptions[0], Transcription)
    assert isinstance(models.models[0].translation_targets[0], TranslationTarget)
    assert WebhookEvent.from_dict({"id": "a", "status": "error"}).status == "error"


def test_nested_payloads_are_records_and_dicts_alike() -> None:
    config = CreateTranscriptionConfig(
        translation={"type": "one_way", "target_language": "en"}, context={"general": {"domain": "law"}}
    )

    assert isinstance(config.translation, TranslationConfig)
    assert isinstance(config.context, StructuredContext)
    assert config.to_dict() == {
        "translation": {"type": "one_way", "target_language": "en"},
        "context": {"general": [{"key": "domain", "value": "law"}]},
    }


def test_a_temporary_key_payload_is_sent_without_what_is_not_given() -> None:
    payload = CreateTemporaryApiKeyPayload(usage_type="tts_rt", expires_in_seconds=60, single_use=False)

    assert payload.to_dict() == {"usage_type": "tts_rt", "expires_in_seconds": 60, "single_use": False}


def test_dates_numbers_and_flags_become_what_a_field_is() -> None:
    midnight = datetime(2026, 1, 2, tzinfo=timezone.utc)
    assert File.model_validate({**_example(File), "created_at": midnight.date()}).created_at == midnight
    naive = File.model_validate({**_example(File), "created_at": midnight.replace(tzinfo=None)})
    assert naive.created_at == midnight


def test_no_field_of_a_response_hides_a_method() -> None:
    found = File.from_dict({**_example(File), "to_dict": "sent"})
    assert found.to_dict()["id"] == found.id
    found.to_dict = "set"  # type: ignore[method-assign, assignment]
    assert vars(found)["to_dict"] == "set"
    assert callable(found.to_dict)
