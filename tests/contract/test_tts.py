"""Text-to-speech over REST, with every client: also in the spellings that the official SDK calls deprecated."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import pytest

from soniox_testing import FakeSoniox
from tests.support.tables import each_row

from .targets import Target
from .test_rest import error_of

CONFIG = {"language": "fr", "audio_format": "flac", "sample_rate": 16000, "bitrate": 32000}
ARGUMENTS = {"language": "de", "audio_format": "mp3", "sample_rate": 24000, "bitrate": 64000}


def asked(fake: FakeSoniox) -> dict[str, object]:
    """What the last request was for."""
    return dict(fake.speeches[-1].config)


class TestGenerate:
    def test_the_audio_comes_whole(self, target: Target) -> None:
        audio = target.call("tts.generate", text="Hello.", voice="Adrian", language="en")
        assert audio.startswith(b"RIFF")
        assert len(audio) > 1000

    @pytest.mark.parametrize(
        ("arguments", "config", "expected", "warned"),
        [
            ({}, None, {"language": "en", "audio_format": "wav"}, 1),
            ({}, {}, {"language": "en", "audio_format": "wav"}, 1),
            (ARGUMENTS, None, ARGUMENTS, 1),
            ({}, CONFIG, CONFIG, 1),
            (ARGUMENTS, CONFIG, {**CONFIG, "language": "de"}, 2),
            ({}, {"speed": 1.2}, {"language": "en", "audio_format": "wav", "speed": 1.2}, 1),
            ({"language": "de"}, {"language": "fr"}, {"language": "de", "audio_format": "wav"}, 1),
            ({}, {"voice": "Nina"}, {"language": "en", "audio_format": "wav", "voice": "Nina"}, 2),
            ({"voice": None}, {"voice": "Nina"}, {"language": "en", "audio_format": "wav", "voice": "Nina"}, 2),
            ({"model": "tts-rt-v1"}, {"model": "tts-rt-v2"}, {"language": "en", "audio_format": "wav"}, 2),
            ({"language": "de"}, {"audio_format": "mp3"}, {"language": "de", "audio_format": "mp3"}, 0),
        ],
        ids=[
            "nothing", "empty", "arguments", "config", "both", "speed", "language", "voice", "no voice", "model",
            "today's",
        ],
    )  # fmt: skip
    def test_which_spelling_wins(
        self,
        target: Target,
        fake_soniox: FakeSoniox,
        arguments: dict[str, Any],
        config: dict[str, Any] | None,
        expected: dict[str, Any],
        warned: int,
    ) -> None:
        given = {"voice": "Adrian", **arguments}
        options = None if config is None else target.speech_config(**config)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            target.call("tts.generate", text="Hello.", config=options, **given)
        assert [warning.category for warning in caught] == [DeprecationWarning] * warned
        assert asked(fake_soniox) == {"model": "tts-rt-v2", "voice": "Adrian", **expected}

    @pytest.mark.parametrize("kind", ["path", "text"])
    def test_into_a_file(self, target: Target, tmp_path: Path, kind: str) -> None:
        path = tmp_path / "a.wav"
        output = path if kind == "path" else str(path)
        count = target.call("tts.generate_to_file", output=output, text="Hello.", language="en")
        assert path.stat().st_size == count > 1000
        assert path.read_bytes().startswith(b"RIFF")

    def test_into_a_stream(self, target: Target, fake_soniox: FakeSoniox) -> None:
        stream = io.BytesIO()
        count = target.call("tts.generate_to_file", output=stream, text="Hello.", language="en")
        assert len(stream.getvalue()) == count
        assert not stream.closed
        assert asked(fake_soniox)["voice"] == "Adrian"

    @each_row(
        ("wrong", "name"),
        [
            ({"voice": "Maya"}, "SonioxInvalidRequestError"),
            ({"language": "xx"}, "SonioxInvalidRequestError"),
            ({"model": "tts-rt-v0"}, "SonioxInvalidRequestError"),
        ],
    )
    def test_a_refusal_has_the_same_class(self, target: Target, wrong: dict[str, Any], name: str) -> None:
        error = error_of(
            target, "tts.generate", **{"text": "Hello.", "voice": "Adrian", "language": "en", **wrong}
        )  # fmt: skip
        assert type(error).__name__ == name
        assert error.status_code == 400
