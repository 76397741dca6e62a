"""The types of realtime sessions: events as they arrive, configurations as they are sent."""

from __future__ import annotations

import json
import typing
from typing import Any

import pytest

import soniox_lite.types
from soniox_lite.errors import SonioxRealtimeError, SonioxValidationError
from soniox_lite.types import aliases, api, realtime
from soniox_lite.types.realtime import (
    TOKEN_TEXT_END,
    TOKEN_TEXT_FIN,
    RealtimeControlType,
    RealtimeEvent,
    RealtimeSessionClosePayload,
    RealtimeSessionErrorPayload,
    RealtimeSessionEventPayload,
    RealtimeSessionFinishedPayload,
    RealtimeSessionOpenPayload,
    RealtimeSTTConfig,
)
from soniox_lite.types.resume import RealtimeReconnectingPayload, RealtimeTTSLostPayload, ResumePolicy

from ...support.tables import each_row

MODEL = "stt-rt-v5"
SECRET = "sk-not-to-be-seen"


def problems(**fields: Any) -> dict[str, str]:
    """What is wrong with a configuration: rule by field."""
    try:
        RealtimeSTTConfig.from_dict(fields)
    except SonioxValidationError as error:
        return {problem.field: problem.rule for problem in error.errors}
    return {}


class TestEvents:
    def test_tokens_and_counters_are_read(self) -> None:
        raw = {
            "tokens": [{"text": "Hi", "start_ms": 1, "end_ms": 2, "confidence": 0.5, "is_final": True, "speaker": "1"}],
            "final_audio_proc_ms": 10,
            "total_audio_proc_ms": 20,
        }
        event = RealtimeEvent.validate_event(json.dumps(raw))
        (token,) = event.tokens
        assert (token.text, token.start_ms, token.end_ms, token.confidence) == ("Hi", 1, 2, 0.5)
        assert (token.is_final, token.speaker, token.language, token.source_language) == (True, "1", None, None)
        assert (event.final_audio_proc_ms, event.total_audio_proc_ms, event.finished) == (10, 20, False)
        assert (event.error_code, event.error_message, event.error_type) == (None, None, None)
        assert (event.request_id, event.more_info) == (None, None)

    @pytest.mark.parametrize("raw", ["{}", b"{}", bytearray(b"{}"), '{"tokens":null,"finished":null}', " {} ", "{}\n"])
    def test_what_is_absent_or_null_has_its_default(self, raw: Any) -> None:
        assert RealtimeEvent.validate_event(raw) == RealtimeEvent()

    def test_each_event_has_a_list_of_its_own(self) -> None:
        first, second = RealtimeEvent.validate_event("{}"), RealtimeEvent.validate_event("{}")
        assert first.tokens is not second.tokens

    def test_errors_keep_all_that_the_service_says(self) -> None:
        raw = {
            "tokens": [], "error_code": 503, "error_message": "again", "error_type": "service_unavailable",
            "request_id": "r-1", "more_info": "https://soniox.com/x", "later_field": {"a": 1},
        }  # fmt: skip
        event = RealtimeEvent.validate_event(json.dumps(raw))
        assert (event.error_code, event.error_type, event.request_id) == (503, "service_unavailable", "r-1")
        assert event.later_field == {"a": 1}  # type: ignore[attr-defined]
        assert event.to_dict()["later_field"] == {"a": 1}

    def test_unknown_fields_of_tokens_are_kept(self) -> None:
        event = RealtimeEvent.validate_event('{"tokens":[{"text":"a","is_final":true,"mood":"merry"}]}')
        assert event.tokens[0].to_dict()["mood"] == "merry"

    @each_row(
        ("raw", "told"),
        [
            ("", "is not JSON"),
            (b"", "is not JSON"),
            ("{", "is not JSON"),
            (b"\xff\xfe{\x00", "is not JSON"),
            (None, "is not JSON"),
            (7, "is not JSON"),
            ("[" * 200_000, "is not JSON"),
            ("[]", "must be an object, is array"),
            ("null", "must be an object, is null"),
            ('{"tokens":{}}', ".tokens must be an array"),
            ('{"tokens":[{"text":"a"},{}]}', ".tokens[1].text is missing"),
            ('{"tokens":[{"text":1}]}', ".tokens[0].text must be a string"),
            ('{"tokens":[null]}', ".tokens[0] must be an object"),
            ('{"finished":"maybe"}', ".finished must be a boolean"),
        ],
    )
    @pytest.mark.usefixtures("deep_json")
    def test_what_is_no_event_is_a_realtime_error_that_says_where(self, raw: Any, told: str) -> None:
        with pytest.raises(SonioxRealtimeError) as caught:
            RealtimeEvent.validate_event(raw)
        assert told in str(caught.value)
        assert len(str(caught.value)) < 400

    def test_a_subclass_makes_events_of_its_own(self) -> None:
        class Mine(RealtimeEvent):
            pass

        event = Mine.validate_event('{"tokens":[{"text":"a"}]}')
        assert type(event) is Mine
        assert event.tokens[0].text == "a"


class TestConfig:
    def test_only_the_model_is_needed(self) -> None:
        config = RealtimeSTTConfig(model=MODEL)
        assert config.to_dict() == {"model": MODEL, "audio_format": "auto"}

    def test_everything_at_once(self) -> None:
        fields: dict[str, Any] = {
            "model": MODEL,
            "audio_format": "pcm_s16le",
            "num_channels": 1,
            "sample_rate": 16000,
            "language_hints": ["en", "de"],
            "language_hints_strict": True,
            "context": {"general": [{"key": "domain", "value": "health"}], "terms": ["Soniox"]},
            "enable_speaker_diarization": True,
            "enable_language_identification": False,
            "enable_endpoint_detection": True,
            "max_endpoint_delay_ms": 500,
            "endpoint_sensitivity": -0.5,
            "endpoint_latency_adjustment_level": 3,
            "translation": {"type": "two_way", "language_a": "en", "language_b": "de"},
            "client_reference_id": "call-7",
        }
        assert RealtimeSTTConfig.from_dict(fields).to_dict() == fields

    @each_row("name", sorted(typing.get_args(aliases.RealtimeSTTRawFormat)))
    def test_raw_audio_needs_rate_and_channels(self, name: str) -> None:
        wrong = problems(model=MODEL, audio_format=name)
        assert set(wrong) == {"sample_rate", "num_channels"}
        assert problems(model=MODEL, audio_format=name, sample_rate=8000, num_channels=2) == {}

    @each_row("name", ["auto", *sorted(typing.get_args(aliases.RealtimeSTTHeaderFormat))])
    def test_audio_with_a_header_does_not(self, name: str) -> None:
        assert problems(model=MODEL, audio_format=name) == {}

    @each_row(
        ("field", "good", "bad"),
        [
            ("model", ["m"], [None, "", 7]),
            ("audio_format", ["auto", "wav"], [None, "", "s16le", "WAV", 7, ["wav"]]),
            ("num_channels", [None, 1, 8, 1.0, "1"], [0, -1, 1.5, True, "one"]),
            ("sample_rate", [None, 1, 96000, 8000.0, "8000"], [0, -1, 0.5, True, "8k"]),
            ("language_hints", [None, [], ["en"], ("en", "de")], ["en", {"en": 1}]),
            ("language_hints_strict", [None, True, False, 0, "yes"], [2, "maybe"]),
            ("enable_speaker_diarization", [None, True, False, 1, "true"], [2, "ja"]),
            ("enable_language_identification", [None, True, False, 1, "true"], [2, "ja"]),
            ("enable_endpoint_detection", [None, True, False, 1, "true"], [2, "ja"]),
            ("max_endpoint_delay_ms", [None, 500, 3000, 500.0], [499, 3001, 500.5, True]),
            ("endpoint_sensitivity", [None, -1, -1.0, 0, 1.0, "0"], [-1.01, 1.01, float("nan"), True, "nan", 10**400]),
            ("endpoint_latency_adjustment_level", [None, 0, 3, 1.0], [-1, 4, 1.5, True]),
            ("context", [None, "legacy", {}, {"text": "x"}], [7, ["x"]]),
            ("translation", [None, {"type": "one_way", "target_language": "de"}], [7, "de"]),
            ("client_reference_id", [None, "x" * 256], ["x" * 257, 7]),
            ("api_key", [None, "k"], ["", 7]),
        ],
    )
    def test_bounds(self, field: str, good: list[Any], bad: list[Any]) -> None:
        for value in good:
            assert problems(**{"model": MODEL, field: value}) == {}, value
        for value in bad:
            assert set(problems(**{"model": MODEL, field: value})) == {field}, value

    @pytest.mark.parametrize(
        ("hints", "where"),
        [
            (["en", "eng"], {"language_hints[1]"}),
            (["en", None], {"language_hints[1]"}),
            (["en", "de", "en"], {"language_hints[2]"}),
            (["en", "EN"], {"language_hints[1]"}),
            ([7, "xxx"], {"language_hints[0]", "language_hints[1]"}),
        ],
    )
    def test_hints_are_two_letter_codes_each_once(self, hints: list[Any], where: set[str]) -> None:
        assert set(problems(model=MODEL, language_hints=hints)) == where

    def test_nested_problems_say_where(self) -> None:
        wrong = problems(
            model=MODEL, translation={"type": "two_way", "language_a": "en"}, context={"terms": ["a", None], "x": 1}
        )
        assert set(wrong) == {"translation.language_b", "context.terms[1]", "context.x"}

    def test_all_problems_are_told_at_once(self) -> None:
        wrong = problems(model="", audio_format="x", sample_rate=0, max_endpoint_delay_ms=1, unknown=1)
        assert set(wrong) == {"model", "audio_format", "sample_rate", "max_endpoint_delay_ms", "unknown"}

    def test_the_key_is_neither_shown_nor_sent(self) -> None:
        config = RealtimeSTTConfig(model=MODEL, api_key=SECRET)
        assert SECRET not in repr(config)
        assert "api_key" not in config.to_dict()
        assert config.api_key == SECRET

    def test_build_payload_gives_a_copy_that_carries_the_key(self) -> None:
        config = RealtimeSTTConfig(model=MODEL, translation={"type": "one_way", "target_language": "de"})
        payload = config.build_payload(SECRET)
        assert (payload.api_key, config.api_key) == (SECRET, None)
        assert payload.to_dict() == config.to_dict()
        assert SECRET not in repr(payload)

    @pytest.mark.parametrize("key", [None, "", 7])
    def test_build_payload_needs_a_key(self, key: Any) -> None:
        with pytest.raises(SonioxValidationError):
            RealtimeSTTConfig(model=MODEL).build_payload(key)


class TestVocabulary:
    def test_the_checks_know_the_same_formats_as_the_annotations(self) -> None:
        for audio_format in typing.get_args(aliases.RealtimeSTTRawFormat):
            with pytest.raises(SonioxValidationError, match="sample_rate"):
                RealtimeSTTConfig(model=MODEL, audio_format=audio_format).build_payload("key")
        for audio_format in typing.get_args(aliases.RealtimeSTTHeaderFormat):
            assert RealtimeSTTConfig(model=MODEL, audio_format=audio_format).build_payload("key")

    def test_formats_can_be_imported_from_where_the_official_sdk_has_them(self) -> None:
        for name in ("RealtimeSTTAudioFormat", "RealtimeSTTHeaderFormat", "RealtimeSTTRawFormat"):
            assert getattr(api, name) == getattr(realtime, name) == getattr(soniox_lite.types, name)
        assert set(typing.get_args(realtime.EventType)) == {"open", "close", "finished", "error"}

    @each_row("name", realtime.__all__)
    def test_every_public_name_is_there(self, name: str) -> None:
        assert getattr(realtime, name) is not None
        assert name in dir(realtime)

    def test_control_types_are_their_own_texts(self) -> None:
        values = {kind.name: kind.value for kind in RealtimeControlType}
        assert values == {"FINISH": "finish", "KEEP_ALIVE": "keep_alive", "FINALIZE": "finalize"}
        assert RealtimeControlType("finish") is RealtimeControlType.FINISH
        assert RealtimeControlType.FINALIZE == "finalize"  # type: ignore[comparison-overlap]

    def test_marks(self) -> None:
        assert (TOKEN_TEXT_FIN, TOKEN_TEXT_END) == ("<fin>", "<end>")


class TestResumePolicy:
    def test_without_arguments_has_the_limits_of_most_sessions(self) -> None:
        assert ResumePolicy().to_dict() == {
            "max_attempts": 8,
            "max_downtime_sec": 300,
            "backoff_sec": 0.5,
            "max_backoff_sec": 30,
            "buffer_sec": 120,
            "buffer_bytes": 33_554_432,
            "when_full": "wait",
            "max_replay_speed": 2.0,
            # Ten minutes before the service ends a session.
            "rotate_after_sec": 17_400,
            "speakers": "map",
            "carry_context": False,
            "when_container": "refuse",
        }

    def test_what_is_replayed_is_sent_faster_than_it_is_spoken(self) -> None:
        assert ResumePolicy(max_replay_speed=1.1).max_replay_speed == 1.1
        with pytest.raises(SonioxValidationError, match="max_replay_speed must be more than 1"):
            ResumePolicy(max_replay_speed=1)


class TestSessionEvents:
    def test_each_says_its_type(self) -> None:
        event = RealtimeEvent(finished=True)
        payloads: list[RealtimeSessionEventPayload] = [
            RealtimeSessionOpenPayload(),
            RealtimeSessionClosePayload(code=1000, reason="done"),
            RealtimeSessionFinishedPayload(event=event),
            RealtimeSessionErrorPayload(error=SonioxRealtimeError("broke")),
        ]
        assert [payload.type for payload in payloads] == ["open", "close", "finished", "error"]
        assert {type(payload) for payload in payloads} == set(typing.get_args(RealtimeSessionEventPayload))

    def test_what_is_not_known_is_none(self) -> None:
        closed = RealtimeSessionClosePayload()
        assert (closed.code, closed.reason) == (None, None)
        assert RealtimeSessionErrorPayload(error=ValueError("x")).event is None

    def test_errors_can_be_written_as_json(self) -> None:
        payload = RealtimeSessionErrorPayload(error=ValueError("x"), event=RealtimeEvent(error_code=400))
        assert json.loads(json.dumps(payload.to_dict()))["error"] == "x"
        assert payload.to_dict()["event"]["error_code"] == 400
        reconnecting = RealtimeReconnectingPayload(attempt=1, delay_sec=0.5, error=ValueError("y"))
        assert json.loads(json.dumps(reconnecting.to_dict()))["error"] == "y"
        lost = RealtimeTTSLostPayload(stream_id="a", audio_bytes=0, reason="refused", error=ValueError("z"))
        assert json.loads(json.dumps(lost.to_dict()))["error"] == "z"

    def test_an_attribute_does_not_hide_a_method(self) -> None:
        event = RealtimeEvent.validate_event('{"to_dict": 1}')
        assert event.to_dict()["to_dict"] == 1
        event.to_dict = 2  # type: ignore[method-assign,assignment]
        assert event.to_dict()["to_dict"] == 2
