"""The state machine of a session, step by step, without sockets."""

from __future__ import annotations

import base64
import json

import pytest

from soniox_testing import VirtualClock
from soniox_testing.realtime.stt_session import SttRules, SttSession
from soniox_testing.script.actions import Close, HalfOpen, Handshake, HangUp, Reset, Send, Stall
from soniox_testing.script.clock import Clock
from soniox_testing.script.progress import DEFAULT_PROGRESS
from soniox_testing.script.transcripts import Line, words_of
from soniox_testing.store.keys import TemporaryKey
from soniox_testing.store.state import State
from tests.fake.stt_client import START, audio, check_error, finals, text_of

from ...support.tables import each_row

_BEARER = Handshake("Bearer key-a", ())
_NO_KEY = Handshake(None, ())


class Bench:
    """A session under test; its messages are collected, decoded."""

    def __init__(self, handshake=_BEARER, *, rules=None, state=None, at_sec=0.0, api_keys=("key-a",)):
        self.state = state or new_state(api_keys)
        self.now_sec = at_sec
        self.session = SttSession(self.state, rules or SttRules(), handshake, at_sec)
        self.messages = []
        self.others = []

    def _note(self, actions):
        for action in actions:
            if isinstance(action, Send):
                self.messages.append(json.loads(action.text))
            else:
                self.others.append(action)
        return self

    def text(self, text):
        return self._note(self.session.text_received(text if isinstance(text, str) else json.dumps(text), self.now_sec))

    def start(self, **changes):
        return self.text({**START, **changes})

    def data(self, data):
        return self._note(self.session.bytes_received(data, self.now_sec))

    def audio(self, milliseconds):
        return self.data(audio(milliseconds))

    def at(self, now_sec):
        self.now_sec = now_sec
        return self._note(self.session.time_passed(now_sec))

    @property
    def quiet(self):
        return (self.messages, self.others) == ([], [])

    @property
    def error(self):
        """The error that ended the session."""
        assert self.others == [Close(1000)]
        check_error(self.messages[-1])
        record = self.session.log.record()
        assert (record.ended, record.close_code) == ("error", 1000)
        assert (record.id, record.error_type) == (self.messages[-1]["request_id"], self.messages[-1]["error_type"])
        assert self.session.deadline_sec is None
        assert self.session.text_received("", self.now_sec) == self.session.bytes_received(b"x", self.now_sec) == []
        return self.messages[-1]["error_code"], self.messages[-1]["error_type"]


def new_state(api_keys=None):
    clock = Clock(VirtualClock(), None)
    return State(api_keys=api_keys, clock=clock, progress=DEFAULT_PROGRESS, max_file_size_bytes=1)


def temporary(state, **changes):
    settings = {
        "api_key": "snx_temp_a.b.c",
        "project": "key-a",
        "usage_type": "transcribe_websocket",
        "expires_sec": 60.0,
        "single_use": False,
        "max_session_duration_sec": None,
        "client_reference_id": None,
        **changes,
    }
    state.keys.temporary["snx_temp_a.b.c"] = TemporaryKey(**settings)
    return Handshake("Bearer snx_temp_a.b.c", ())


def test_a_session_from_start_to_finish():
    bench = Bench().start()
    assert bench.quiet, "there is no acknowledgement"
    assert bench.session.log.record().config == START
    bench.audio(2000).text({"type": "finalize"}).audio(1000).text("")
    assert bench.others == [Close(1000)]
    assert bench.messages[-1] == {
        "tokens": [],
        "final_audio_proc_ms": 3000,
        "total_audio_proc_ms": 3000,
        "finished": True,
    }
    assert text_of(bench.messages).count("<fin>") == 1
    record = bench.session.log.record()
    assert (record.ended, record.close_code, record.error_type) == ("finished", 1000, None)
    assert record.controls == ("finalize", "end")
    assert record.control_messages == ('{"type": "finalize"}', "")
    assert (record.audio_bytes, record.audio_duration_ms) == (24_000, 3000)
    assert bench.session.log.audio() == audio(3000)
    bench.session.disconnected("abandoned", None)
    assert bench.session.log.record() == record, "calls after the end change nothing"


# Keys


@each_row(
    ("handshake", "form"),
    [
        (_BEARER, "header"),
        (Handshake("bearer  key-a ", ()), "header"),
        (Handshake("Bearer key-a", ("chat",)), "header"),
        (Handshake(None, ("soniox-api-key", "key-a")), "protocol"),
        (Handshake(None, ("key-a", "soniox-api-key")), "protocol"),
    ],
)
def test_a_key_may_come_with_the_connection(handshake, form):
    bench = Bench(handshake).at(1.0).start()
    assert bench.quiet
    record = bench.session.log.record()
    assert (record.api_key, record.auth) == ("key-a", form)
    expected = "soniox-api-key" if form == "protocol" else None
    assert bench.session.subprotocol == expected


@each_row(
    "handshake",
    [
        Handshake("Basic a2V5", ()),
        Handshake("key-a", ()),
        Handshake("Bearer ", ()),
        Handshake("", ()),
        Handshake("Bearer " + "k" * 251, ()),
        Handshake(None, ("soniox-api-key",)),
        Handshake(None, ("soniox-api-key", "a", "b")),
        Handshake(None, ("soniox-api-key", "soniox-api-key", "a")),
        Handshake(None, ("soniox-api-key", "k" * 251)),
        Handshake("Bearer key-a", ("soniox-api-key", "key-a")),
    ],
)
def test_a_malformed_key_is_refused_at_once(handshake):
    assert Bench(handshake).at(0.0).error == (400, "invalid_request")
    assert Bench(handshake).start().error == (400, "invalid_request")


def test_an_unknown_key_is_refused_after_a_second():
    bench = Bench(Handshake("Bearer other", ()))
    assert bench.session.deadline_sec == 1.0
    assert bench.at(0.999).quiet
    assert bench.at(1.0).error == (401, "unauthenticated")


@each_row("message", [START, {"type": "keepalive"}, "nonsense", {}, ""])
def test_an_unknown_key_is_refused_at_the_first_message(message):
    assert Bench(Handshake("Bearer other", ())).text(message).error == (401, "unauthenticated")
    assert Bench(Handshake("Bearer other", ())).data(b"x").error == (401, "unauthenticated")


def test_the_key_may_come_in_the_start_message():
    bench = Bench(_NO_KEY).at(5.0).start(api_key="key-a")
    assert bench.quiet
    record = bench.session.log.record()
    assert (record.api_key, record.auth) == ("key-a", "start_message")
    assert "api_key" not in record.config
    assert Bench(_NO_KEY).start(api_key="other").error == (401, "unauthenticated")
    assert Bench(_NO_KEY).start(api_key=7).error == (400, "invalid_request")
    assert Bench(_NO_KEY).start(api_key="k" * 251).error == (400, "invalid_request")


@pytest.mark.parametrize("api_key", [{}, {"api_key": None}, {"api_key": ""}])
def test_no_key_at_all_is_refused(api_key):
    assert Bench(_NO_KEY).start(**api_key).error == (401, "unauthenticated")


def test_a_key_as_late_as_in_the_start_message_may_be_refused():
    rules = SttRules(key_in_start_message=False)
    assert Bench(_NO_KEY, rules=rules).start(api_key="key-a").error == (401, "unauthenticated")
    assert Bench(_NO_KEY, rules=rules).at(1.0).error == (401, "unauthenticated")
    assert Bench(rules=rules).start(api_key="key-a").quiet


def test_a_second_key_must_be_the_first():
    assert Bench().start(api_key="key-a").quiet
    assert Bench().start(api_key=None).quiet
    assert Bench(api_keys=None).start(api_key="key-b").error == (400, "invalid_request")


# Temporary keys


def test_a_temporary_key_opens_a_session():
    state = new_state(())
    bench = Bench(temporary(state, client_reference_id="minted"), state=state).start(client_reference_id="sent")
    assert bench.quiet
    assert bench.session.log.record().client_reference_id == "minted"
    assert bench.session.log.record().config["client_reference_id"] == "sent"


@pytest.mark.parametrize(
    "changes", [{"usage_type": "tts_rt"}, {"expires_sec": 0.0}, {"single_use": True, "used": True}]
)
def test_a_temporary_key_that_does_not_fit_is_refused(changes):
    state = new_state()
    assert Bench(temporary(state, **changes), state=state).at(1.0).error == (401, "unauthenticated")
    assert Bench(Handshake("Bearer snx_temp_unknown", ()), state=state).start().error == (401, "unauthenticated")
    bench = Bench(_NO_KEY, state=state).start(api_key="snx_temp_a.b.c")
    assert bench.error == (401, "unauthenticated")


def test_a_temporary_key_has_to_be_in_time_for_the_opening_only():
    state = new_state()
    bench = Bench(temporary(state, expires_sec=2.0), state=state).at(1.0).at(30.0).start().at(40.0).audio(2000)
    assert bench.others == []
    assert finals(bench.messages)
    assert Bench(temporary(state, expires_sec=2.0), state=state, at_sec=2.0).at(3.0).error == (401, "unauthenticated")


def test_a_single_use_key_opens_one_session():
    state = new_state()
    handshake = temporary(state, single_use=True)
    assert Bench(handshake, state=state).start(model="stt-async-v5").error == (400, "invalid_request")
    state.faults.error("limit_exceeded", times=1)
    assert Bench(handshake, state=state).start().error == (429, "limit_exceeded")
    first, second = Bench(handshake, state=state).at(1.0), Bench(handshake, state=state).at(1.0)
    assert first.start().quiet
    assert second.start().error == (401, "unauthenticated")
    assert Bench(handshake, state=state).at(1.0).error == (401, "unauthenticated")


@pytest.mark.parametrize("in_start", [False, True])
def test_the_session_of_a_temporary_key_is_capped(in_start):
    state = new_state()
    handshake = temporary(state, max_session_duration_sec=30.0)
    bench = Bench(_NO_KEY if in_start else handshake, state=state, at_sec=100.0)
    state.keys.temporary["snx_temp_a.b.c"].expires_sec = 200.0
    bench.at(105.0).start(**({"api_key": "snx_temp_a.b.c"} if in_start else {})).at(120.0).audio(500)
    told = len(bench.messages)
    assert bench.at(129.9).others == []
    assert bench.at(130.0).error == (403, "temp_api_key_session_expired")
    assert len(bench.messages) == told + 1, "what is pending is not flushed"


# Before the start message


@pytest.mark.parametrize(("handshake", "limit_sec"), [(_BEARER, 40.0), (_NO_KEY, 10.0)])
def test_a_client_that_never_starts_is_idle(handshake, limit_sec):
    bench = Bench(handshake).at(limit_sec - 0.1)
    assert bench.quiet
    bench.at(limit_sec)
    assert (bench.messages, bench.others) == ([], [Close(1001)])
    record = bench.session.log.record()
    assert (record.ended, record.close_code) == ("idle", 1001)


@pytest.mark.parametrize(("handshake", "limit_sec"), [(_BEARER, 40.0), (_NO_KEY, 10.0)])
def test_a_keepalive_before_the_start_is_enough(handshake, limit_sec):
    bench = Bench(handshake).at(limit_sec - 1).text({"type": "keepalive"}).at(2 * limit_sec - 1.1)
    assert bench.quiet
    assert bench.session.log.record().controls == ("keepalive",)
    assert bench.at(2 * limit_sec - 1).others == [Close(1001)]


def test_after_a_long_jump_the_first_timer_decides():
    assert Bench(Handshake("Bearer other", ())).at(1000.0).error == (401, "unauthenticated")


@each_row(
    "first",
    ["", "nonsense", "[]", "null", "{", '{"type":"finalize"}', '{"type":"other"}', "QUJD", '{"model":' * 100_000],
)
def test_the_first_message_must_be_a_start_message(first):
    assert Bench().text(first).error == (400, "invalid_request")


@pytest.mark.parametrize("data", [b"", b"x", json.dumps(START).encode()])
def test_a_binary_first_message_is_refused(data):
    assert Bench().data(data).error == (400, "invalid_request")


_ONE_WAY = {"type": "one_way", "target_language": "de"}
_TWO_WAY = {"type": "two_way", "language_a": "en", "language_b": "de"}


@each_row(
    "changes",
    [
        {},
        *({"model": f"stt-rt-{version}"} for version in ("v5", "v4", "v3", "preview")),
        *({"audio_format": name} for name in ("auto", "aac", "aiff", "amr", "asf", "flac", "mp3")),
        *({"audio_format": name} for name in ("ogg", "wav", "webm")),
        {"audio_format": "auto", "sample_rate": None, "num_channels": None},
        {"audio_format": "auto", "sample_rate": 1, "num_channels": 99},
        *({"audio_format": name} for name in ("pcm_s8", "pcm_s16be", "pcm_u24le", "pcm_f64be", "alaw", "s16le")),
        {"sample_rate": 2000, "num_channels": 8},
        {"sample_rate": 96_000},
        {"language_hints": [], "language_hints_strict": True},
        {"language_hints": ["en", "no", "tl"]},
        {"context": "a text"},
        {"context": {"general": [{"key": "a", "value": "b"}], "text": "t", "terms": ["x"], "unknown": 1}},
        {"context": {"translation_terms": [{"source": "a", "target": "b"}]}},
        {"context": "x" * 32_000},
        {"context": "\u6f22\ud55c\u304b\u3001" * 2000},
        {"max_endpoint_delay_ms": 500, "endpoint_sensitivity": -1, "endpoint_latency_adjustment_level": 0},
        {"max_endpoint_delay_ms": 3000.0, "endpoint_sensitivity": 1.0, "endpoint_latency_adjustment_level": 3},
        {"client_reference_id": "r" * 256},
        {"translation": _ONE_WAY},
        {"translation": _TWO_WAY},
        {"translation": {**_ONE_WAY, "source_languages": ["en", "fr"], "exclude_source_languages": []}},
        {"translation": {**_ONE_WAY, "source_languages": ["*"]}},
        {"enable_non_final_tokens": False, "max_non_final_tokens_duration_ms": 360},
        {"unknown": {"field": 1}},
        dict.fromkeys(
            [
                "language_hints", "language_hints_strict", "context", "enable_speaker_diarization",
                "enable_language_identification", "enable_endpoint_detection", "max_endpoint_delay_ms",
                "endpoint_sensitivity", "endpoint_latency_adjustment_level", "client_reference_id", "translation",
                "api_key",
            ]
        ),
    ],
)  # fmt: skip
def test_a_start_message_is_accepted(changes):
    assert Bench().start(**changes).quiet


@each_row(
    ("changes", "named"),
    [
        ({"model": None}, "model"),
        ({"model": 5}, "model"),
        ({"model": "stt-async-v5"}, "stt-rt-v5"),
        ({"audio_format": None}, "audio_format"),
        ({"audio_format": "mp4"}, "audio_format"),
        ({"audio_format": ""}, "audio_format"),
        ({"audio_format": 1}, "audio_format"),
        ({"sample_rate": None}, "sample_rate"),
        ({"sample_rate": 1999}, "sample_rate"),
        ({"sample_rate": 96_001}, "sample_rate"),
        ({"sample_rate": "8000"}, "sample_rate"),
        ({"num_channels": None}, "num_channels"),
        ({"num_channels": 0}, "num_channels"),
        ({"num_channels": 9}, "num_channels"),
        ({"num_channels": True}, "num_channels"),
        ({"language_hints": ["xx"]}, "language_hints.0"),
        ({"language_hints": ["en", "nb"]}, "language_hints.1"),
        ({"language_hints": ["en", "en"]}, "must be unique"),
        ({"language_hints": "en"}, "language_hints"),
        ({"language_hints_strict": 1}, "language_hints_strict"),
        ({"context": "x" * 32_001}, "8001"),
        ({"context": "\u6f22" * 8000 + "x"}, "8001"),
        ({"context": {"text": "x" * 40_000}}, "8000 tokens"),
        ({"context": 1}, "context"),
        ({"enable_speaker_diarization": "yes"}, "enable_speaker_diarization"),
        ({"enable_language_identification": 1}, "enable_language_identification"),
        ({"enable_endpoint_detection": 0}, "enable_endpoint_detection"),
        ({"max_endpoint_delay_ms": 499}, "max_endpoint_delay_ms"),
        ({"max_endpoint_delay_ms": 3000.5}, "max_endpoint_delay_ms"),
        ({"max_endpoint_delay_ms": "1"}, "max_endpoint_delay_ms"),
        ({"endpoint_sensitivity": 1.01}, "endpoint_sensitivity"),
        ({"endpoint_sensitivity": -1.01}, "endpoint_sensitivity"),
        ({"endpoint_latency_adjustment_level": 4}, "endpoint_latency_adjustment_level"),
        ({"endpoint_latency_adjustment_level": -1}, "endpoint_latency_adjustment_level"),
        ({"max_non_final_tokens_duration_ms": 359}, "max_non_final_tokens_duration_ms"),
        ({"max_non_final_tokens_duration_ms": 6001}, "max_non_final_tokens_duration_ms"),
        ({"client_reference_id": "r" * 257}, "client_reference_id"),
        ({"translation": "de"}, "translation"),
        ({"translation": {}}, "translation.type"),
        ({"translation": {"type": "three_way"}}, "translation.type"),
        ({"translation": {"type": "one_way"}}, "target_language"),
        ({"translation": {"type": "one_way", "target_language": "xx"}}, "target_language"),
        ({"translation": {"type": "two_way", "language_a": "en"}}, "language_b"),
        ({"translation": {"type": "two_way", "language_b": "en"}}, "language_a"),
        ({"translation": {"type": "two_way", "language_a": "en", "language_b": "en"}}, "differ"),
        ({"translation": {"type": "two_way", "language_a": "en", "language_b": "xx"}}, "language_b"),
        ({"translation": {**_ONE_WAY, "source_languages": []}}, "source_languages"),
        ({"translation": {**_ONE_WAY, "source_languages": ["en", "en"]}}, "source_languages"),
        ({"translation": {**_ONE_WAY, "source_languages": ["xx"]}}, "source_languages.0"),
        ({"translation": {**_ONE_WAY, "exclude_source_languages": ["en", "en"]}}, "exclude_source_languages"),
        ({"translation": {**_ONE_WAY, "exclude_source_languages": ["*"]}}, "exclude_source_languages.0"),
    ],
)
def test_a_bad_start_message_is_refused_and_says_why(changes, named):
    bench = Bench().start(**changes)
    assert bench.error == (400, "invalid_request")
    assert named in bench.messages[-1]["error_message"]
    assert bench.session.log.record().config is None


def test_an_unknown_model_is_not_available():
    bench = Bench().start(model="stt-rt-v9", language_hints=["xx"])
    assert bench.error == (400, "model_not_available")
    assert "stt-rt-v5" in bench.messages[-1]["error_message"]


def test_a_missing_field_is_like_null():
    start = {name: value for name, value in START.items() if name != "audio_format"}
    assert Bench().text(start).error == (400, "invalid_request")


# After the start message


def test_audio_may_come_as_text():
    bench = Bench().start().audio(500).text(base64.b64encode(audio(500)).decode()).data(audio(500))
    assert bench.session.log.audio() == audio(1500)
    bench.text("")
    assert bench.messages[-1]["total_audio_proc_ms"] == 1500


@each_row(
    "text",
    [
        "not base64",
        "QUJ",
        "[]",
        "ä",
        "{",
        "{}",
        " {}",
        '{"type":"stop"}',
        '{"type":null}',
        '{"type":"finalize","trailing_silence_ms":"x"}',
        '{"type":"finalize","trailing_silence_ms":true}',
        '{"a":' * 100_000,
    ],
)
def test_any_other_text_is_refused(text):
    assert Bench().start().audio(100).text(text).error == (400, "invalid_request")


@each_row("silence_ms", [None, 0, 300, 12.5])
def test_finalize_may_tell_of_silence(silence_ms):
    bench = Bench().start().audio(100).text({"type": "finalize", "trailing_silence_ms": silence_ms})
    assert text_of(bench.messages).endswith("<fin>")


def test_each_finalize_is_answered():
    bench = Bench().start()
    for _ in range(3):
        bench.audio(50).text({"type": "finalize"})
    assert text_of(bench.messages).count("<fin>") == 3


def test_an_empty_binary_message_is_nothing():
    bench = Bench().start().audio(100).data(b"")
    assert bench.quiet
    assert bench.session.log.record().controls == ()
    assert Bench().start().data(b"").text("").error == (400, "invalid_request")


def test_an_empty_binary_message_may_end_the_audio():
    bench = Bench(rules=SttRules(empty_binary_ends=True)).start().audio(100).data(b"")
    assert bench.messages[-1]["finished"] is True
    assert bench.others == [Close(1000)]


def test_an_end_without_audio_is_refused():
    assert Bench().start().text("").error == (400, "invalid_request")
    assert Bench().start().text({"type": "keepalive"}).text("").error == (400, "invalid_request")
    bench = Bench().start(audio_format="auto").data(b"ID3").text("")
    assert bench.messages[-1] == {
        "tokens": [],
        "final_audio_proc_ms": 0,
        "total_audio_proc_ms": 0,
        "finished": True,
    }


def test_audio_without_a_header_is_refused_where_the_format_needs_one():
    def start(audio_format, **settings):
        return Bench(**settings).start(audio_format=audio_format)

    noise = bytes(100)
    for audio_format, code in [("auto", 408), ("wav", 400), ("mp3", 400), ("ogg", 400)]:
        bench = start(audio_format).data(noise[:15])
        assert bench.quiet
        assert bench.data(noise).error[0] == code
        message = bench.messages[-1]["error_message"]
        assert ("Audio data decode timeout" if code == 408 else "Audio decode error") in message
        assert 'FakeSoniox(audio="any")' in message
    for head in (b"ID3", b"\xff\xfb", b"OggS", b"fLaC", b"....ftypM4A ", b"#!AMR\n", b"\x1a\x45\xdf\xa3", b"ADIF"):
        for audio_format in ("auto", "mp3"):
            assert start(audio_format).data(head + noise).quiet
    # Too little to be audio is seen at its end.
    for few in (b"x", b"RIFF", b"RIFF....WAVEfmt "):
        for audio_format, code in (("auto", 408), ("wav", 400)):
            bench = start(audio_format).data(few)
            assert bench.quiet
            assert bench.text("").error[0] == code
    # Raw formats take anything, and so does what a test has scripted.
    assert Bench().start().data(b"\x01" * 100).quiet
    state = new_state(("key-a",))
    state.audio = "any"
    assert start("auto", state=state).data(noise).quiet
    assert start("auto", state=state).data(b"x").text("").messages[-1]["finished"]
    state = new_state(("key-a",))
    state.script.lines.append(Line(words_of("hello"), None, None))
    assert start("wav", state=state).data(noise).quiet


def test_silence_from_the_client_is_a_timeout():
    assert Bench().at(10.0).start().at(29.9).quiet
    assert Bench().at(10.0).start().at(30.0).error == (408, "request_timeout")


@pytest.mark.parametrize("sign", [{"type": "keepalive"}, base64.b64encode(b"x").decode(), b"x"])
def test_audio_and_keepalives_are_signs_of_life(sign):
    bench = Bench().start()
    bench.at(19.0)
    (bench.data if isinstance(sign, bytes) else bench.text)(sign)
    assert bench.at(38.9).quiet
    assert bench.at(39.0).error == (408, "request_timeout")


@pytest.mark.parametrize("sign", [{"type": "finalize"}, b""])
def test_nothing_else_is_a_sign_of_life(sign):
    bench = Bench().start().at(19.0)
    (bench.data if isinstance(sign, bytes) else bench.text)(sign)
    assert bench.at(20.0).error == (408, "request_timeout")


def test_a_session_lasts_300_minutes():
    bench = Bench().start()
    for second in range(15, 18_000, 15):
        bench.at(float(second)).text({"type": "keepalive"})
    assert bench.at(17_999.9).quiet
    assert bench.at(18_000.0).error == (413, "max_duration_reached")


def test_no_more_audio_than_300_minutes():
    bench = Bench()
    bench.state.script.lines.append(Line((), None, None))
    bench.start(sample_rate=2000)
    for _ in range(30):
        bench.data(bytes(2000 * 600))
    assert bench.others == []
    assert bench.session.log.record().audio_duration_ms == 18_000_000
    assert bench.data(b"xx").error == (413, "max_duration_reached")


def test_a_client_that_leaves_is_noted():
    bench = Bench().start()
    bench.session.disconnected("client_closed", 1001)
    record = bench.session.log.record()
    assert (record.ended, record.close_code) == ("client_closed", 1001)
    assert bench.session.deadline_sec is None


# Scripts and faults


def test_a_session_takes_the_next_transcript_that_fits():
    state = new_state()
    state.script.lines += [
        Line(words_of("for a file"), "a.wav", None),
        Line(words_of("for ref"), None, "ref"),
        Line(words_of("for any"), None, None),
    ]
    said = []
    for reference in (None, "ref", None):
        bench = Bench(state=state).start(client_reference_id=reference).audio(100).text("")
        said.append(text_of(bench.messages))
    assert said[:2] == ["for any", "for ref"]
    assert len(state.script.lines) == 1
    assert said[2] not in {"for a file", ""}


@each_row(
    ("error_type", "status_code"),
    [
        ("invalid_request", 400),
        ("model_not_available", 400),
        ("unauthenticated", 401),
        ("organization_balance_exhausted", 402),
        ("organization_monthly_budget_exhausted", 402),
        ("project_monthly_budget_exhausted", 402),
        ("permission_denied", 403),
        ("temp_api_key_session_expired", 403),
        ("request_timeout", 408),
        ("max_duration_reached", 413),
        ("limit_exceeded", 429),
        ("max_concurrent_connections_reached", 429),
        ("internal_error", 500),
        ("service_unavailable", 503),
    ],
)
@each_row("after_audio_ms", [None, 0, 500])
def test_every_error_can_be_had(error_type, status_code, after_audio_ms):
    bench = Bench()
    bench.state.faults.error(error_type, "told so", after_audio_ms=after_audio_ms, times=1)
    bench.state.script.lines.append(Line(words_of("kept"), None, None))
    bench.start()
    if after_audio_ms is not None:
        assert bench.quiet
        bench.audio(499)
        assert bool(bench.others) is (after_audio_ms == 0)
        bench.audio(1)
    assert bench.error == (status_code, error_type)
    assert bench.messages[-1]["error_message"] == "told so"
    assert bool(bench.state.script.lines) is (after_audio_ms is None)
    assert Bench(state=bench.state).start().quiet, "one fault for one session"


def test_a_fault_comes_at_the_same_audio_however_it_is_cut():
    said = []
    for pieces_ms in ([100] * 40, [4000]):
        bench = Bench()
        bench.state.faults.error("service_unavailable", after_audio_ms=2345)
        bench.start()
        for piece_ms in pieces_ms:
            bench.audio(piece_ms)
        assert bench.error == (503, "service_unavailable")
        said.append([message["tokens"] for message in bench.messages])
    assert said[0] == said[1]


def test_an_error_of_another_code_can_be_had():
    bench = Bench()
    bench.state.faults.error("teapot", status_code=418)
    assert bench.start().error == (418, "teapot")


@each_row(
    ("how", "action", "code"),
    [
        ("reset", Reset(), None),
        ("eof", HangUp(), None),
        ("stall", Stall(), None),
        ("half_open", HalfOpen(), None),
        ("close:1011", Close(1011), 1011),
    ],
)
def test_a_connection_can_be_dropped(how, action, code):
    for after_audio_ms in (None, 100):
        bench = Bench()
        bench.state.faults.drop(how=how, after_audio_ms=after_audio_ms)
        bench.start()
        if after_audio_ms:
            bench.audio(200)
        assert (bench.messages, bench.others) == ([], [action])
        record = bench.session.log.record()
        assert (record.ended, record.close_code) == ("dropped", code)


@each_row("how", ["", "nonsense", "close", "close:", "close:x", "close:999", "close:1006", "close:5000"])
def test_a_connection_breaks_in_known_ways_only(how):
    with pytest.raises(ValueError, match="how must be"):
        new_state().faults.drop(how=how)


def test_impossible_faults_are_refused():
    faults = new_state().faults
    with pytest.raises(ValueError, match="status_code"):
        faults.error("teapot")
    with pytest.raises(ValueError, match="-1"):
        faults.error("internal_error", after_audio_ms=-1)
    with pytest.raises(ValueError, match="-1"):
        faults.drop(after_frames=-1)
    with pytest.raises(ValueError, match="not both"):
        faults.drop(after_frames=1, after_audio_ms=1)


def test_the_messages_of_errors_contain_what_programs_look_for():
    def refused(bench):
        return bench.messages[-1]["error_message"]

    def failing(error_type):
        state = new_state(("key-a",))
        state.faults.error(error_type)
        return Bench(state=state).start()

    for bench, phrase in [
        (Bench().start(audio_format="auto").data(bytes(100)), "Audio data decode timeout"),
        (Bench().start(audio_format="avi"), "Invalid audio data format: avi"),
        (Bench().start().text(""), "No audio received"),
        (Bench().start().at(20.0), "Request timeout"),
        (Bench().start().start(), "Control request invalid type"),
        (Bench().start().text("{"), "Control request is malformed"),
        (Bench().start().text("no base64!"), "Invalid base64"),
        (Bench().text("{"), "Start request is malformed"),
        (Bench().start(sample_rate=None), "Start request is malformed"),
        (Bench().data(b"x"), "Start request must be a text message"),
        (Bench().start(model="stt-rt-v0"), "Invalid model specified"),
        (Bench().start(language_hints=["xx"]), "Invalid language"),
        (Bench().start(language_hints=["en", "en"]), "language_hints must be unique"),
        (Bench().start(context={"text": "x" * 40_000}), "Context is too long"),
        (Bench(_NO_KEY).start(), "Missing API key"),
        (Bench(api_keys=("other",)).start(), "Invalid API key"),
        (failing("service_unavailable"), "Cannot continue request (code "),
        (failing("service_unavailable"), "Please restart the request"),
        (failing("request_timeout"), "Request timeout"),
    ]:
        assert phrase in refused(bench), (phrase, refused(bench))
