"""What pydantic's models can do, where the official SDK's types are no measure for it."""

from __future__ import annotations

import copy
import inspect
import json
import math
import pickle
import subprocess
import sys
import typing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from enum import Enum
from types import MappingProxyType, SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from soniox_lite import SonioxAPIError, SonioxValidationError, utils
from soniox_lite._data import records
from soniox_lite._data.model_methods import ModelMethods
from soniox_lite.transcript import Segment, segments
from soniox_lite.types import (
    CreateTranscriptionConfig,
    File,
    GetFilesResponse,
    RealtimeEvent,
    RealtimeSessionClosePayload,
    RealtimeSessionErrorPayload,
    RealtimeSTTConfig,
    Token,
)
from soniox_lite.types.api import ApiError, TranscriptionTranscript, UsageLogEntry, UsageSummaryEntry

from ...support.tables import each_row

FILE: dict[str, Any] = {"id": "a", "filename": "a.wav", "size": 5, "created_at": "2026-01-02T03:04:05Z"}


def test_a_record_has_every_method_of_the_module_and_no_other_from_it() -> None:
    own = {name for name, value in vars(records.Record).items() if isinstance(value, records.ModelMethod)}

    assert own == {name for name in vars(ModelMethods) if name == "__signature__" or not name.startswith("_")}
    for name in own:
        assert inspect.getdoc(vars(ModelMethods)[name]) or name in {"model_fields", "__signature__"}


def test_the_module_is_loaded_by_the_first_use() -> None:
    code = (
        "import sys, soniox_lite.types.api as api\n"
        f"page = api.GetFilesResponse.from_dict({{'files': [{FILE!r}]}})\n"
        "repr(page), str(page), list(page), page.to_dict(), api.GetFilesPayload(limit=5).to_dict()\n"
        "assert not {'soniox_lite._data.model_methods', 'typing', 'difflib'} & set(sys.modules)\n"
        "page.model_dump()\n"
        "assert 'soniox_lite._data.model_methods' in sys.modules"
    )
    subprocess.run([sys.executable, "-S", "-c", code], check=True, cwd=records.__file__.rpartition("soniox_lite")[0])


# Validation.


def test_all_problems_of_a_nested_record_are_told_with_their_paths() -> None:
    wrong = {"files": [FILE, {**FILE, "size": "large", "id": None}, 5], "next_page_cursor": 7}

    for make in (GetFilesResponse.model_validate, lambda data: GetFilesResponse(**data)):
        with pytest.raises(SonioxValidationError) as caught:
            make(wrong)  # type: ignore[operator]
        assert [(problem.field, problem.rule) for problem in caught.value.errors] == [
            ("files[1].id", "must be given"),
            ("files[1].size", "must be a number"),
            ("files[2]", "must be an object"),
            ("next_page_cursor", "must be a string"),
        ]
        assert isinstance(caught.value, ValueError)
        assert caught.value.errors()[1]["loc"] == ("files", 1, "size")


@each_row("data", ["text", 5, None, [FILE]])
def test_what_is_no_dict_is_refused(data: Any) -> None:
    for cls in (File, CreateTranscriptionConfig, Segment):
        with pytest.raises(SonioxValidationError, match=rf"{cls.__name__} (is not valid|must be)"):
            cls.model_validate(data)


@each_row("text", ["", "{", b"\xff", "[" * 100_000, "5"], ids=lambda text: repr(text)[:20])
@pytest.mark.usefixtures("deep_json")
def test_what_is_no_json_object_is_refused(text: Any) -> None:
    for cls in (File, CreateTranscriptionConfig):
        with pytest.raises(SonioxValidationError, match=cls.__name__):
            cls.model_validate_json(text)


def test_mappings_and_attributes_are_sources_of_fields() -> None:
    file = File.from_dict(FILE)

    assert File.model_validate(MappingProxyType(FILE)) == file
    assert File.model_validate(SimpleNamespace(**FILE, other=1), from_attributes=True) == file
    with pytest.raises(SonioxValidationError):
        File.model_validate(SimpleNamespace(**FILE))


def test_nested_records_are_taken_as_instances_and_as_dicts() -> None:
    token = Token(text="a")
    built = TranscriptionTranscript(id="t", text="ab", tokens=(token, {"text": "b"}))  # type: ignore[arg-type]

    assert built.tokens[0] is token
    assert built.tokens[1] == Token(text="b")
    assert RealtimeEvent.from_dict({"tokens": [token]}).tokens[0] is token


def test_what_is_given_is_neither_kept_nor_changed() -> None:
    given: dict[str, Any] = {"files": [{**FILE, "size": "5", "brand_new": {"deep": []}}]}
    before = copy.deepcopy(given)

    page: Any = GetFilesResponse(**given)
    page.files[0].brand_new["deep"].append(1)
    page.files.clear()

    assert given == before


def test_a_time_without_a_zone_is_in_utc() -> None:
    naive = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001 - what the test is about
    expected = naive.replace(tzinfo=timezone.utc)

    assert File(**{**FILE, "created_at": naive}).created_at == expected
    assert File.from_dict({**FILE, "created_at": naive}).created_at == expected
    assert File.from_dict({**FILE, "created_at": "2026-01-02T03:04:05"}).created_at == expected


def test_records_of_this_library_alone_are_validated_too() -> None:
    segment = Segment.model_validate({"text": "a", "start_ms": "5", "tokens": [{"text": "a"}]})

    assert segment == segments([{"text": "a", "start_ms": 5}])[0].model_copy(update={"tokens": [Token(text="a")]})
    assert RealtimeSessionClosePayload.model_validate({"code": "1000"}).code == 1000
    with pytest.raises(SonioxValidationError, match=r"tokens\[0\]\.text must be given"):
        Segment.model_validate({"text": "a", "tokens": [{}]})
    assert utils.WavFormat.model_fields["sample_rate"].is_required()


# Fields that were given.


def test_a_record_knows_which_fields_were_given() -> None:
    config = CreateTranscriptionConfig(language_hints=("en",), context=None)  # type: ignore[arg-type]
    assert config.model_fields_set == {"language_hints", "context"}
    assert vars(config) == {"language_hints": ["en"], "context": None}

    config.client_reference_id = "c"
    assert config.model_dump(exclude_unset=True) == {
        "language_hints": ["en"],
        "context": None,
        "client_reference_id": "c",
    }


def test_reading_a_list_that_was_not_given_does_not_make_it_given() -> None:
    error = ApiError(status_code=400, error_type="a", message="b")

    assert error.to_dict()["validation_errors"] == dict(error)["validation_errors"] == []
    assert "validation_errors" not in error.model_fields_set
    assert error.model_dump(exclude_unset=True).keys() == {"status_code", "error_type", "message"}
    error.validation_errors.append("x")  # type: ignore[arg-type]
    assert error.validation_errors == ["x"]


def test_what_is_not_official_is_only_dumped_where_it_was_given() -> None:
    assert "error_type" not in RealtimeEvent.from_dict({}).model_dump()
    assert RealtimeEvent.from_dict({"error_type": None}).model_dump()["error_type"] is None
    assert RealtimeEvent.from_dict({}) == RealtimeEvent.from_dict({"error_type": None})
    assert RealtimeEvent.from_dict({}).error_type is None


# Dumps.


class _Colour(Enum):
    RED = "red"


def test_a_dump_as_json_has_only_what_json_can_express() -> None:
    odd: Any = Token.model_construct(
        text="a",
        when=datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=2))),
        id=UUID(int=5),
        colour=_Colour.RED,
        pair=(1, {2}),
        nested={"file": File.from_dict(FILE)},
    )

    python, as_json = odd.model_dump(), odd.model_dump(mode="json", exclude_unset=True)
    assert python["pair"] == (1, {2})
    assert python["colour"] is _Colour.RED
    assert (
        as_json
        == json.loads(odd.model_dump_json(exclude_unset=True))
        == {
            "text": "a",
            "when": "2026-01-02T00:00:00+02:00",
            "id": "00000000-0000-0000-0000-000000000005",
            "colour": "red",
            "pair": [1, [2]],
            "nested": {"file": FILE},
        }
    )


def test_what_json_cannot_express_goes_through_the_fallback_or_is_an_error() -> None:
    odd: Any = Token.model_construct(text="a", odd=object())

    assert odd.model_dump(mode="json", fallback=lambda _: "odd")["odd"] == "odd"
    assert '"odd":"odd"' in odd.model_dump_json(fallback=lambda _: "odd")
    with pytest.raises(TypeError, match="not JSON serializable"):
        odd.model_dump_json()
    assert Token(text="a", confidence=math.nan).model_dump_json(include={"confidence"}) == '{"confidence":null}'


def test_the_key_of_a_session_is_in_no_dump() -> None:
    config = RealtimeSTTConfig(model="m", api_key="sk-secret")

    for dump in (config.to_dict(), config.model_dump(), config.model_dump_json(), str(config), repr(config)):
        assert "sk-secret" not in str(dump)
    assert config.model_copy().api_key == "sk-secret"


def test_an_error_is_dumped_as_its_text() -> None:
    payload = RealtimeSessionErrorPayload(error=SonioxAPIError("it broke"))

    assert payload.model_dump()["error"] == payload.to_dict()["error"] == "it broke"
    assert payload.error.args == ("it broke",)


def test_an_option_that_pydantic_does_not_have_is_an_error() -> None:
    file = File.from_dict(FILE)

    assert File.model_validate_json(json.dumps(FILE), strict=False, context={}) == file
    for call in (file.model_dump, file.model_dump_json, lambda **options: File.model_validate(FILE, **options)):
        call(by_alias=True, context=None)
        with pytest.raises(TypeError, match="'exclude_nones'"):
            call(exclude_nones=True)


# Copies.


def test_a_copy_is_shallow_unless_it_is_asked_to_be_deep() -> None:
    page = GetFilesResponse.from_dict({"files": [FILE]})

    assert page.model_copy().files is page.files
    assert page.model_copy(deep=True).files[0] is not page.files[0]
    assert page.model_copy(update={"brand_new": 1}).model_extra == {"brand_new": 1}


def test_the_deprecated_names_warn_their_caller() -> None:
    file = File.from_dict(FILE)

    with pytest.warns(DeprecationWarning, match=r"use model_dump\(\)") as caught:
        assert file.dict(include={"id"}) == {"id": "a"}
    assert caught[0].filename == __file__
    with pytest.warns(DeprecationWarning, match=r"use model_dump_json\(\)"):
        assert file.json(include={"id"}) == '{"id":"a"}'
    with pytest.warns(DeprecationWarning, match=r"use model_copy\(\)"):
        assert file.copy(update={"id": "b"}) == File.from_dict({**FILE, "id": "b"})


def test_a_record_without_its_required_fields_can_be_shown_dumped_and_copied() -> None:
    part = File.model_construct(id="a")

    assert repr(part) == "File(id='a', client_reference_id=None)"
    assert part.model_dump() == part.to_dict() == {"id": "a", "client_reference_id": None}
    assert pickle.loads(pickle.dumps(part)) == copy.deepcopy(part) == part
    with pytest.raises(AttributeError, match="size"):
        part.size  # noqa: B018 - reading is the test


# Classes.


def test_the_fields_of_a_class_and_its_signature() -> None:
    fields = ApiError.model_fields

    assert fields["status_code"].is_required()
    assert fields["status_code"].annotation is int
    assert fields["request_id"].get_default() is None
    assert fields["validation_errors"].get_default(call_default_factory=True) == []
    assert fields["validation_errors"].get_default() is None
    assert "extra" not in CreateTranscriptionConfig.model_fields
    assert str(inspect.signature(File)) == (
        "(*, id: 'str', filename: 'str', size: 'int', created_at: 'datetime', client_reference_id: 'str | None' = None)"
    )
    assert inspect.signature(RealtimeSTTConfig).parameters["audio_format"].default == "auto"


class MyFile(File):
    """A subclass of a user, without a decorator."""

    colour: str = "red"
    tags: list[str] = field(default_factory=list)


@dataclass
class MyDecoratedFile(File):
    """Another one, with Python's own."""

    colour: str = "red"
    tags: list[str] = field(default_factory=list)


@each_row("cls", [MyFile, MyDecoratedFile])
def test_a_subclass_has_fields_of_its_own(cls: Any) -> None:
    received = cls.from_dict({**FILE, "tags": ["a"]})

    assert (received.colour, received.tags) == ("red", ["a"])
    assert cls.from_dict(FILE).tags == []
    assert cls(**FILE, colour="blue").model_dump()["colour"] == "blue"
    assert cls.model_fields["colour"].default == "red"
    assert typing.get_type_hints(cls)["tags"] == list[str]
    with pytest.raises(SonioxValidationError, match=r"tags\[0\]"):
        cls.model_validate({**FILE, "tags": [5]})


@dataclass
class MyCheckedFile(File):
    """One that looks at itself when it is made."""

    day: date | None = None
    origin: Any = None

    def __post_init__(self) -> None:
        self.weekday = self.day and self.day.isoweekday()


def test_a_subclass_is_validated_by_its_annotations() -> None:
    file = MyCheckedFile.model_validate({**FILE, "created_at": date(2026, 1, 2), "day": "2026-01-02", "origin": 1.5})

    assert file.created_at == datetime(2026, 1, 2, tzinfo=timezone.utc)
    assert (file.day, file.origin, file.weekday) == (date(2026, 1, 2), 1.5, 5)


@each_row("cls", [UsageLogEntry, UsageSummaryEntry])
def test_each_amount_is_that_of_its_own_text(cls: Any) -> None:
    names = [name for name in cls.model_fields if name.endswith("_usd")]
    entry = cls.model_construct(
        **{
            name: [f"{number}.5"] if cls.model_fields[name].annotation == list[str] else f"{number}.5"
            for number, name in enumerate(names)
        }
    )

    assert len(names) >= 7
    for number, name in enumerate(names):
        amount = getattr(entry, name.removesuffix("_usd"))
        assert (amount[0] if isinstance(amount, list) else amount) == number + 0.5
