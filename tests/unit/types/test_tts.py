"""The types of realtime text-to-speech."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import soniox_lite.types
from soniox_lite import SonioxRealtimeError, SonioxValidationError
from soniox_lite.types import realtime
from soniox_lite.types.realtime import (
    RealtimeTTSCancelMessage,
    RealtimeTTSConfig,
    RealtimeTTSEvent,
    RealtimeTTSKeepAliveMessage,
    RealtimeTTSTextMessage,
    TtsTimestamps,
)
from tests.unit.realtime.speech import CONFIG

from ...support.tables import each_row

NAMES = [
    "RealtimeTTSCancelMessage",
    "RealtimeTTSConfig",
    "RealtimeTTSEvent",
    "RealtimeTTSKeepAliveMessage",
    "RealtimeTTSTextMessage",
    "TtsTimestamps",
    "TtsAudioFormat",
    "TtsBitrate",
    "TtsSampleRate",
    "TOKEN_TEXT_END",
    "TOKEN_TEXT_FIN",
]


@each_row("name", NAMES)
def test_are_part_of_the_realtime_types(name: str) -> None:
    assert name in realtime.__all__
    assert name in dir(realtime)
    assert getattr(realtime, name) is getattr(soniox_lite.types, name)


class TestConfig:
    def test_is_sent_without_what_is_unset(self) -> None:
        assert RealtimeTTSConfig(**CONFIG).to_dict() == CONFIG  # type: ignore[arg-type]
        full = {**CONFIG, "bitrate": 64000, "speed": 1.3, "reduce_silence": True, "return_timestamps": False}
        full["client_reference_id"] = "r" * 256
        assert RealtimeTTSConfig.from_dict(full).to_dict() == full

    @each_row(
        ("field", "value"),
        [
            ("stream_id", ""), ("stream_id", "x" * 257), ("stream_id", None), ("stream_id", 5), ("stream_id", "\ud800"),
            ("model", ""), ("model", "x" * 51), ("model", None), ("language", ""), ("voice", "x" * 51), ("voice", 5),
            ("audio_format", ""), ("audio_format", None), ("sample_rate", 0), ("sample_rate", "8k"),
            ("bitrate", True), ("speed", 0.69), ("speed", 1.31), ("speed", "fast"), ("speed", True),
            ("speed", float("nan")), ("reduce_silence", 2), ("return_timestamps", "maybe"),
            ("client_reference_id", "x" * 257), ("volume", 1),
        ],
    )  # fmt: skip
    def test_refuses_what_the_service_would(self, field: str, value: Any) -> None:
        with pytest.raises(SonioxValidationError) as caught:
            RealtimeTTSConfig.from_dict({**CONFIG, field: value})
        assert [problem.field for problem in caught.value.errors] == [field]

    def test_leaves_formats_and_rates_to_the_service(self) -> None:
        config = RealtimeTTSConfig.from_dict({**CONFIG, "audio_format": "pcm_s16be", "sample_rate": 32000})
        assert (config.audio_format, config.sample_rate) == ("pcm_s16be", 32000)


class TestMessages:
    def test_have_the_documented_fields(self) -> None:
        assert RealtimeTTSTextMessage(stream_id="a").to_dict() == {"text": "", "text_end": False, "stream_id": "a"}
        assert RealtimeTTSCancelMessage(stream_id="a").to_dict() == {"stream_id": "a", "cancel": True}
        assert RealtimeTTSKeepAliveMessage().to_dict() == {"keep_alive": True}

    def test_text_is_counted_in_bytes_of_utf_8(self) -> None:
        RealtimeTTSTextMessage(stream_id="a", text="x" * 5000)
        RealtimeTTSTextMessage(stream_id="a", text="é" * 2500)
        for text in ("x" * 5001, "é" * 2501, "\ud800", None, b"x"):
            with pytest.raises(SonioxValidationError) as caught:
                RealtimeTTSTextMessage(stream_id="a", text=text)  # type: ignore[arg-type]
            assert [problem.field for problem in caught.value.errors] == ["text"]
        with pytest.raises(SonioxValidationError):
            RealtimeTTSCancelMessage(stream_id="")
        with pytest.raises(SonioxValidationError):
            RealtimeTTSTextMessage(stream_id="a", text_end=None)  # type: ignore[arg-type]


class TestEvent:
    def test_has_the_defaults_of_what_is_absent(self) -> None:
        event = RealtimeTTSEvent.validate_event("{}")
        assert set(event.to_dict().values()) == {None, False}
        assert event.audio_bytes() is None

    def test_decodes_its_audio_once(self) -> None:
        event = RealtimeTTSEvent.validate_event(b'{"stream_id":"a","audio":"QUJD","audio_end":true,"extra":[1]}')
        assert event.audio_bytes() == b"ABC"
        assert event.audio_bytes() is event.audio_bytes()
        assert event.audio_end
        assert event.extra == [1]  # type: ignore[attr-defined]
        # What was decoded is no part of what the service said.
        assert "ABC" not in repr(event)
        assert event.to_dict()["audio"] == "QUJD"
        assert copy.deepcopy(event) == event == pickle.loads(pickle.dumps(event))
        event.audio = "REVG"
        assert event.audio_bytes() == b"DEF"
        assert RealtimeTTSEvent(audio="").audio_bytes() == b""

    @pytest.mark.parametrize("audio", ["!", "QUJ", "QUJD\n", "QU=JD", "QU_-", "é", "QUJDQ"])
    def test_takes_only_standard_base64(self, audio: str) -> None:
        with pytest.raises(SonioxRealtimeError, match="not base64"):
            RealtimeTTSEvent(audio=audio).audio_bytes()

    def test_has_timestamps(self) -> None:
        raw = (
            '{"timestamps":{"characters":["H","i"],"character_start_times_seconds":[0,0.08],'
            '"character_end_times_seconds":[0.08,0.2]}}'
        )
        timestamps = RealtimeTTSEvent.validate_event(raw).timestamps
        assert timestamps == TtsTimestamps(
            characters=["H", "i"],
            character_start_times_seconds=[0, 0.08],
            character_end_times_seconds=[0.08, 0.2],
        )
        assert TtsTimestamps().characters == []
        assert TtsTimestamps().characters is not TtsTimestamps().characters

    @pytest.mark.parametrize(
        ("raw", "words"),
        [("nonsense", "not JSON"), (b"\xff", "not JSON"), ("[]", "must be an object"), ('{"audio":5}', "audio must be"),
         ('{"audio_end":"maybe"}', "audio_end"), ('{"timestamps":{"characters":[1]}}', "characters")],
    )  # fmt: skip
    def test_says_what_is_wrong_with_a_message(self, raw: str | bytes, words: str) -> None:
        with pytest.raises(SonioxRealtimeError, match=words):
            RealtimeTTSEvent.validate_event(raw)
