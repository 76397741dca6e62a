"""Spellings that the official SDK warns of: they work, and warn at the line that uses them."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

import pytest

from soniox_lite import AsyncSonioxClient, SonioxClient
from soniox_lite.types import CreateTranscriptionConfig, CreateTtsConfig
from soniox_testing import FakeSoniox

SPEECH: dict[str, Any] = {"text": "Hello.", "voice": "Nina", "language": "en"}
CALLS = [
    ("tts.generate", {**SPEECH, "language": None}, ["no language"]),
    ("tts.generate", {**SPEECH, "audio_format": "mp3", "bitrate": 64000}, ["audio_format, bitrate as arguments"]),
    ("tts.generate", {**SPEECH, "config": {"voice": "Adrian"}}, ["voice in CreateTtsConfig"]),
    ("tts.generate", {**SPEECH, "config": CreateTtsConfig(audio_format="mp3")}, []),
    ("stt.transcribe", {"audio_url": "https://a/b.wav", "config": {"model": "stt-async-v4"}}, ["model in Create"]),
    (
        "stt.translate",
        {"audio_url": "https://a/b.wav", "to": "es", "config": CreateTranscriptionConfig(client_reference_id="mine")},
        ["client_reference_id in CreateTranscriptionConfig"],
    ),
    ("stt.transcribe", {"audio_url": "https://a/b.wav", "client_reference_id": "mine", "config": {}}, []),
]
IDS = ["language", "format", "voice", "none", "model", "reference", "no reference"]


def _method(client: Any, path: str) -> Any:
    namespace, _, name = path.partition(".")
    return getattr(getattr(client, namespace), name)


def _options(fake: FakeSoniox) -> dict[str, str]:
    return {"api_key": fake.api_key, "api_base_url": fake.api_base_url, "tts_api_base_url": fake.tts_api_base_url}


def _check(caught: list[warnings.WarningMessage], expected: list[str]) -> None:
    assert [(warning.category, warning.filename) for warning in caught] == [(DeprecationWarning, __file__)] * len(
        expected
    )
    assert all(str(warning.message).startswith(start) for warning, start in zip(caught, expected, strict=True))


@pytest.mark.parametrize(("method", "arguments", "expected"), CALLS, ids=IDS)
def test_a_deprecated_spelling_warns_its_caller(
    fake_soniox: FakeSoniox, method: str, arguments: dict[str, Any], expected: list[str]
) -> None:
    with SonioxClient(**_options(fake_soniox)) as client, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert _method(client, method)(**arguments)
    _check(caught, expected)


@pytest.mark.parametrize(("method", "arguments", "expected"), CALLS, ids=IDS)
def test_it_warns_the_caller_of_a_coroutine(
    fake_soniox: FakeSoniox, method: str, arguments: dict[str, Any], expected: list[str]
) -> None:
    async def run() -> None:
        async with AsyncSonioxClient(**_options(fake_soniox)) as client:
            assert await _method(client, method)(**arguments)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(run())
    _check(caught, expected)


def test_what_is_invalid_is_an_error_and_no_warning(fake_soniox: FakeSoniox) -> None:
    with SonioxClient(**_options(fake_soniox)) as client, pytest.raises(ValueError, match="audio_format"):
        client.tts.generate(**SPEECH, audio_format="")
