"""Configs as dicts: each has the keys of its record."""

from __future__ import annotations

import dataclasses
import typing

import pytest

from soniox_lite import types
from soniox_lite.types.resume import ResumePolicy

RECORDS: list[typing.Any] = [
    types.CreateTranscriptionConfig,
    types.CreateTtsConfig,
    types.RealtimeSTTConfig,
    types.RealtimeTTSConfig,
    types.StructuredContext,
    types.TranslationConfig,
    ResumePolicy,
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_a_dict_has_the_keys_of_its_record(record: typing.Any) -> None:
    keys = typing.get_type_hints(getattr(types, f"{record.__name__}Dict"))
    fields = {field.name for field in dataclasses.fields(record)}
    # The record keeps fields that it does not know in ``extra``.
    assert keys.keys() == fields - {"extra"}


def test_a_dict_that_is_declared_as_one_is_taken() -> None:
    config: types.RealtimeSTTConfigDict = {"model": "stt-rt-v5", "audio_format": "auto", "language_hints": ["en"]}
    assert types.RealtimeSTTConfig.from_dict(dict(config)).language_hints == ["en"]
