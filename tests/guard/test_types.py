"""Types that other libraries read: at run time, and in the sources."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import typing
from pathlib import Path
from typing import Any

import pydantic
import pytest

import soniox_lite.types.api
import soniox_lite.types.common
import soniox_lite.types.realtime
import soniox_lite.types.webhooks
import soniox_testing
from soniox_lite import subtitles, transcript, utils
from soniox_lite.types.api import File, Transcription

from ..support.tables import each_row

ROOT = Path(__file__).parents[2]
MODULES = [
    soniox_lite,
    soniox_lite.types.api,
    soniox_lite.types.common,
    soniox_lite.types.realtime,
    soniox_lite.types.webhooks,
    subtitles,
    transcript,
    utils,
    importlib.import_module("soniox_lite.realtime"),
    importlib.import_module("soniox_lite.api"),
    soniox_testing,
]
CLASSES = sorted(
    {
        value
        for module in MODULES
        for name in dir(module)
        if not name.startswith("_") and inspect.isclass(value := getattr(module, name))
        if value.__module__.startswith(("soniox_lite", "soniox_testing"))
    },
    key=lambda cls: (cls.__module__, cls.__name__),
)
# A fault is an order to the fake, and holds code.
RECORDS = [cls for cls in CLASSES if dataclasses.is_dataclass(cls) and cls is not soniox_testing.Fault]


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__name__}"


def test_the_walk_finds_the_classes() -> None:
    assert len(CLASSES) > 120
    assert len(RECORDS) > 70


@each_row("cls", CLASSES, ids=_name)
def test_the_types_of_a_public_class_can_be_asked_for(cls: type) -> None:
    hints = typing.get_type_hints(cls)

    if dataclasses.is_dataclass(cls):
        assert {field.name for field in dataclasses.fields(cls)} <= hints.keys()


@each_row("cls", RECORDS, ids=_name)
def test_pydantic_takes_a_public_record(cls: type) -> None:
    assert pydantic.TypeAdapter(cls)


def test_pydantic_builds_and_writes_a_reply() -> None:
    fields: dict[str, Any] = {"id": "a", "filename": "a.wav", "size": 5, "created_at": "2026-01-02T03:04:05Z"}
    adapter = pydantic.TypeAdapter(list[File])

    (file,) = adapter.validate_python([fields])
    assert file == File.from_dict(fields)
    assert json.loads(adapter.dump_json([file]))[0]["filename"] == "a.wav"
    assert adapter.json_schema()["items"]
    with pytest.raises(pydantic.ValidationError, match="size"):
        adapter.validate_python([{**fields, "size": "large"}])
    # A status that is new is none of its business.
    assert typing.get_type_hints(Transcription)["status"] is str
