"""Audio of every kind over a break: formats, headers, frames, padding, and a ring that is too small."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from soniox_lite import SonioxValidationError
from soniox_lite._websocket.frames import Message
from soniox_lite.errors import SonioxRealtimeResumeError
from soniox_lite.realtime import RealtimeSTTConfig, ResumePolicy
from soniox_lite.realtime._resume import ResumeCore
from soniox_lite.types.realtime import RealtimeEvent
from soniox_testing import FakeSoniox, Hearing, Recording
from tests.support.tables import each_row
from tests.support.ws_server import WsServer, answer_the_end, hang_up, message, started, until

from ..driver import CONFIG
from .conftest import Talk, text_of
from .recognizer import Spoken, talk as speech
from .simulation import BROKEN, FINALIZE, Simulation
from .test_breaks import in_turn

MP3_FRAME = b"\xff\xfb\x90\x00" + bytes(413)
MP3_MS = 1152 / 44.1
ADTS_FRAME = b"\xff\xf1\x4c\x40\x20\x1f\xfc" + bytes(249)
ADTS_MS = 1024 / 48
AMR_FRAME = b"\x3c" + bytes(31)


def hear(talk: Talk, url: str, config: dict[str, Any], audio: bytes, size: int) -> tuple[Any, list[Any]]:
    """A session that is given audio in pieces of a size, and its events."""
    session = talk.open(url, {"model": "stt-rt-v5", **config})
    talk.send(session, [audio[start : start + size] for start in range(0, len(audio), size)])
    events = talk.rest(session)
    talk.call(session.close)
    return session, events


@each_row(
    "audio_format, rate, channels, size",
    [
        ("pcm_s24le", 2000, 2, 1001),
        ("pcm_f64be", 2000, 1, 777),
        ("mulaw", 8000, 1, 333),
        ("alaw", 2000, 3, 250),
        ("pcm_u32be", 4000, 1, 4099),
        ("pcm_s16le", 8000, 2, 37),
    ],
)
def test_pieces_that_end_within_a_sample(talk: Talk, audio_format: str, rate: int, channels: int, size: int) -> None:
    recording = Recording.conversation(8, seed=3, audio_format=audio_format, sample_rate=rate, num_channels=channels)
    with FakeSoniox() as fake:
        fake.add_recording(recording, Hearing.exact(seed=5))
        fake.faults.drop(how="reset", after_audio_ms=3333, operation="stt", times=1)
        fake.faults.drop(how="eof", after_audio_ms=2222, operation="stt", times=1)
        session, events = hear(talk, fake.stt_websocket_url, recording.config, recording.audio(), size)
        assert text_of(events) == recording.text
        assert session.connections == 3


@each_row("audio_format", ["wav", "auto"])
@each_row("size", [40, 3001])
def test_a_wav_file_is_cut_behind_its_header(talk: Talk, audio_format: str, size: int) -> None:
    recording = Recording.conversation(14, seed=4, sample_rate=2000)
    with FakeSoniox() as fake:
        fake.add_recording(recording, Hearing.exact(seed=6))
        fake.faults.drop(how="close:1011", after_audio_ms=11_000, operation="stt", times=1)
        session, events = hear(talk, fake.stt_websocket_url, {"audio_format": audio_format}, recording.wav(), size)
        assert text_of(events) == recording.text
        assert session.connections == 2
        again, samples = fake.session_audio(fake.sessions[-1].id), recording.audio()
        assert again[:44] == recording.wav()[:44]
        assert len(again) < len(samples) - 4 * 3000
        assert samples.endswith(again[44:])


# --- frames, with the rules alone


def framed(audio_format: str, audio: bytes, **policy: Any) -> ResumeCore:
    """A session that has got audio over its first connection."""
    config = RealtimeSTTConfig.from_dict({"model": "stt-rt-v5", "audio_format": audio_format})
    core = ResumeCore(config, ResumePolicy(max_replay_speed=None, **policy))
    core.opened(0)
    for start in range(0, len(audio), 1000):
        core.audio(audio[start : start + 1000])
    return core


def sent_again(core: ResumeCore) -> bytes:
    """What a second connection gets."""
    assert core.ended(BROKEN, "now", 1)
    assert core.next(1) == "connect"
    core.opened(1)
    sent = b""
    while isinstance(found := core.next(1), Message):
        sent += found.payload
    assert found is None
    return sent


def heard_until(core: ResumeCore, ms: int) -> None:
    """The service makes words final up to a time, the last of them 40 ms before it."""
    times = [(start, start + 260) for start in range(100, ms - 500, 300)] + [(ms - 400, ms - 40)]
    core.received(
        RealtimeEvent.from_dict(
            {
                "tokens": [
                    *({"text": " x", "start_ms": start, "end_ms": end, "is_final": True} for start, end in times),
                    {"text": "<end>", "is_final": True},
                ],
                "final_audio_proc_ms": ms,
                "total_audio_proc_ms": ms,
            }
        )
    )


@each_row(
    "audio_format, head, frame, frame_ms",
    [
        ("mp3", b"", MP3_FRAME, MP3_MS),
        ("auto", b"", MP3_FRAME, MP3_MS),
        ("aac", b"", ADTS_FRAME, ADTS_MS),
        ("amr", b"#!AMR\n", AMR_FRAME, 20),
        ("auto", b"#!AMR\n", AMR_FRAME, 20),
    ],
)
def test_frames_are_sent_again_whole_and_with_their_time(
    audio_format: str, head: bytes, frame: bytes, frame_ms: float
) -> None:
    frames = int(20_000 / frame_ms)
    core = framed(audio_format, head + frame * frames)
    heard_until(core, 18_000)
    sent = sent_again(core)
    assert sent.startswith(head + frame)
    count = (len(sent) - len(head)) / len(frame)
    assert count == int(count)
    # From the frame before the one in which a word of the overlap begins.
    assert core.stream.offset_ms == pytest.approx((frames - count) * frame_ms, abs=1)
    assert 18_000 - 5000 - 2 * frame_ms <= core.stream.offset_ms <= 17_000


@each_row("kind", ["flac", "ogg", "webm", "asf"])
def test_containers_are_refused_before_there_is_a_connection(talk: Talk, kind: str) -> None:
    with pytest.raises(SonioxValidationError, match="cannot be cut"):
        talk.session("ws://127.0.0.1:9", {"model": "stt-rt-v5", "audio_format": kind})


def test_a_container_that_comes_as_auto_is_refused_with_its_first_bytes(talk: Talk, fake: FakeSoniox) -> None:
    session = talk.open(fake.stt_websocket_url, {"model": "stt-rt-v5", "audio_format": "auto"})
    with pytest.raises(SonioxValidationError, match="FLAC cannot be cut"):
        talk.call(session.send_byte_chunk, b"fLaC" + bytes(100))
    talk.call(session.cancel)


def test_a_container_is_sent_again_from_its_first_byte_while_it_is_kept() -> None:
    audio = b"OggS" + bytes(range(256)) * 40
    core = framed("ogg", audio, when_container="restart")
    heard_until(core, 3000)
    assert sent_again(core) == audio
    assert core.stream.offset_ms == 0
    assert core.notices[-1].type != "lost"


def test_a_container_that_is_too_long_to_be_kept_is_told_before_a_break() -> None:
    core = framed("ogg", b"OggS" + bytes(70_000), when_container="restart", buffer_bytes=64 * 1024)
    assert [notice.reason for notice in core.take_notices()] == ["container"]
    assert not core.ended(BROKEN, "now", 1)
    assert core.failure is not None
    assert "from the beginning" in str(core.failure)


def test_a_finalize_is_for_a_connection_that_is_open() -> None:
    config = RealtimeSTTConfig.from_dict({"model": "stt-rt-v5", "audio_format": "auto"})
    core = ResumeCore(config, ResumePolicy())
    assert not core.finalize(FINALIZE)
    core.opened(0)
    assert core.finalize(FINALIZE)


# --- the padding of a finalize


@each_row("lag_ms", [300, 2500])
def test_after_fifty_pauses_the_times_are_still_exact(lag_ms: int) -> None:
    words = speech(11, 60_000)
    session = Simulation(words, padding_ms=120, lag_ms=lag_ms)
    pauses = [b.start_ms - 15 for a, b in pairwise(words) if b.start_ms - a.end_ms > 30][:50]
    assert len(pauses) == 50
    padded = [(0, 0)]
    for pause in pauses:
        session.give(pause - session.given_ms)
        session.finalize()
        session.tell()
        padded.append((pause, session.connection.padded_ms))
    session.give(min(3000, 60_000 - session.given_ms))
    session.tell()
    session.fail()
    session.pump()
    stream = session.core.stream
    start = stream.start_byte
    # The padding amounts to seconds by now.
    padding_ms = max(ms for position, ms in padded if position <= start)
    assert padding_ms > 2000
    assert abs(stream.offset_ms - (start + padding_ms)) < 20
    session.finish()
    session.tell()
    heard = [word for word in words if word.end_ms <= session.given_ms]
    assert session.text() == " ".join(word.text for word in heard)


def test_a_padded_session_over_the_wire(talk: Talk, fake: FakeSoniox) -> None:
    recording = Recording.conversation(12, seed=9, sample_rate=2000)
    fake.add_recording(recording, Hearing(seed=2, finalize_padding_ms=120))
    fake.faults.drop(how="reset", after_audio_ms=9000, operation="stt", times=1)
    session = talk.open(fake.stt_websocket_url, {"model": "stt-rt-v5", **recording.config})
    audio, position = recording.audio(), 0
    pauses = [a.end_ms + 10 for a, b in pairwise(recording.words) if b.start_ms > a.end_ms + 30]
    for pause_ms in pauses[::3]:
        talk.send(session, [audio[position : pause_ms * 4]], finish=False)
        position = pause_ms * 4
        talk.call(session.finalize)
    talk.send(session, [audio[position:]])
    events = talk.rest(session)
    talk.call(session.close)
    assert text_of(events) == recording.text
    assert sum(token.text == "<fin>" for event in events for token in event.tokens) == len(pauses[::3])
    assert session.connections == 2


# --- the ring


def test_ten_minutes_of_silence_are_not_kept() -> None:
    session = Simulation([Spoken("hello", 300, 700)])
    most = 0
    for _ in range(600):
        session.give(1000)
        session.tell()
        most = max(most, session.core.buffered_ms)
    assert most < 5000 + 7000
    session.fail()
    session.pump()
    session.finish()
    session.tell()
    assert session.text() == "hello"
    assert session.core.lost_ms == 0


@each_row("break_ms", [60_700, 61_000, 61_400, 62_000])
def test_a_break_in_the_first_words_after_a_long_silence_loses_no_silence(break_ms: int) -> None:
    said = [("one", 500, 900), ("two", 950, 1300), ("three", 60_500, 60_900), ("four", 60_950, 61_300)]
    session = Simulation([Spoken(*word) for word in (*said, ("five", 62_000, 62_300))])
    for given_ms in range(100, 64_000, 100):
        session.give(100)
        session.tell()
        if given_ms == break_ms:
            session.fail()
            session.pump()
    session.finish()
    session.tell()
    assert session.text() == "one two three four five"
    assert session.core.lost_ms == 0
    # The new connection starts in the silence, and not within a word.
    assert [notice.uncertain for notice in session.notices if notice.type == "resumed"] == [False]


def test_minutes_of_speech_are_not_kept() -> None:
    words = speech(5, 400_000)
    session = Simulation(words, lag_ms=2500)
    kept = []
    for _ in range(400):
        session.give(1000)
        session.tell()
        kept.append(session.core.buffered_ms)
    assert max(kept) < 12_000
    assert session.text().startswith(" ".join(word.text for word in words if word.end_ms < 395_000))


@each_row("when_full", ["wait", "raise", "drop"])
def test_a_buffer_smaller_than_the_overlap_is_enough_while_the_service_keeps_up(when_full: str) -> None:
    words = speech(5, 30_000)
    policy = {"buffer_sec": 10, "overlap_ms": 15_000, "when_full": when_full}
    session = Simulation(words, lag_ms=2500, policy=policy)
    for given_ms in range(0, 30_000, 500):
        session.give(500)
        if given_ms == 15_000:
            assert session.fail()
            session.pump()
        session.tell()
        assert session.core.has_room(500)
    session.finish()
    session.tell()
    assert session.text() == " ".join(word.text for word in words)
    assert session.core.lost_ms == 0


def test_a_full_buffer_keeps_what_has_to_be_heard_again() -> None:
    """The sender waits for the service; a break must not start without overlap for that."""
    session = Simulation(speech(5, 30_000), policy={"buffer_sec": 20})
    session.give(19_900)
    session.receive(session.connection.message(until_ms=12_000))
    # As it is asked after each message.
    for _ in range(4):
        assert not session.core.has_room(19_000)
    assert session.core.buffered_ms > 19_900 - 12_000 + 5000
    assert session.fail()
    session.pump()
    assert session.core.stream.offset_ms < 11_000


def test_a_small_buffer_over_the_wire(talk: Talk, fake: FakeSoniox) -> None:
    recording = Recording.conversation(30, seed=3, sample_rate=2000)
    fake.add_recording(recording, Hearing(seed=1, final_after_ms=2500))
    config = {"model": "stt-rt-v5", **recording.config, "enable_speaker_diarization": True}
    session = talk.open(fake.stt_websocket_url, config, {"buffer_sec": 10})
    talk.send(session, recording.chunks(120))
    assert text_of(talk.rest(session)) == recording.text
    talk.call(session.close)
    assert session.lost_ms == 0


def test_what_was_dropped_is_told_to_the_millisecond() -> None:
    words = [Spoken("before", 300, 900), Spoken("lost", 8000, 8500), Spoken("after", 24_000, 24_500)]
    session = Simulation(words, policy={"when_full": "drop", "buffer_sec": 10}, lag_ms=500)
    session.give(4000)
    session.tell()
    session.fail()
    for _ in range(26):
        session.give(1000)
    session.pump()
    session.finish()
    session.tell()
    assert session.text() == "before after"
    # The last ten of thirty seconds are kept; those up to the break were heard.
    (lost,) = [notice for notice in session.notices if notice.type == "lost"]
    assert (lost.end_ms, lost.reason) == (20_000, "drop")
    assert session.core.lost_ms == lost.end_ms - lost.start_ms
    assert 900 <= lost.start_ms <= 4000
    # What comes after it has the time at which it was said.
    assert [(token.start_ms, token.end_ms) for token in session.given][-1][1] == 24_500


# --- counters that tell of more audio than was sent


@each_row(
    "tokens, final_ms, total_ms",
    [
        ([], 0, 36_000_000),
        ([], 36_000_000, 36_000_000),
        ([], 36_000_000, 0),
        ([], 23_000, 23_000),
        ([{"text": "<fin>", "is_final": True}], 36_000_000, 36_000_000),
        ([{"text": " word", "start_ms": 0, "end_ms": 36_000_000, "is_final": False}], 36_000_000, 36_000_000),
        ([{"text": "word ", "end_ms": 36_000_000, "is_final": True}, {"text": "<end>", "is_final": True}], 0, 0),
    ],
)
def test_audio_is_not_forgotten_for_a_time_beyond_what_was_sent(
    talk: Talk, tokens: list[Any], final_ms: int, total_ms: int
) -> None:
    chunks = [bytes([number]) * 32_000 for number in range(20)]
    said = {"tokens": tokens, "final_audio_proc_ms": final_ms, "total_audio_proc_ms": total_ms}
    asked = [until("text")] if tokens and tokens[0]["text"] == "<fin>" else []
    first = [started, until("binary", chunks[-1]), *asked, message(said), hang_up]
    with WsServer(in_turn(first, [started, answer_the_end()])) as server:
        session = talk.open(server.url, CONFIG)
        talk.send(session, chunks, finish=False)
        if asked:
            talk.call(session.finalize)
        server.wait_until(lambda server: len(server.peers) > 1)
        talk.call(session.finish)
        talk.rest(session)
        talk.call(session.close)
        assert server.peers[1].audio() == b"".join(chunks)
    assert (session.lost_ms, talk.told("lost")) == (0, [])


def test_counters_that_run_away_are_no_progress(talk: Talk) -> None:
    def says_more_each_time(peer: Any) -> None:
        counter = 10_000_000 * len(peer.server.peers)
        message({"tokens": [], "final_audio_proc_ms": counter, "total_audio_proc_ms": counter})(peer)

    with WsServer(started, until("binary"), says_more_each_time, hang_up) as server:
        session = talk.open(server.url, CONFIG, {"max_attempts": 3})
        talk.send(session, [bytes(3200)], finish=False)
        with pytest.raises(SonioxRealtimeResumeError, match="3 attempts in a row got no further"):
            talk.rest(session)
        talk.call(session.close)
        assert len(server.peers) == 4
