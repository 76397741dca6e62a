"""Breaks and what else a session can do: translations, voice gates, containers, large chunks, signals."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from soniox_lite import SonioxRealtimeResumeError
from soniox_lite.utils import VoiceGate
from soniox_testing import FakeSoniox, Hearing, Recording, Word
from tests.support.tables import each_row
from tests.support.ws_server import WsServer, answer_the_end, hang_up, hold, message, refuse, started, until

from ..driver import CONFIG
from ..test_gated_sessions import SPEECH, chunks, words_of
from .conftest import BUSY, PATIENCE_SEC, Talk, text_of
from .test_breaks import in_turn, words

ROOT = Path(__file__).parents[4]
TALK = Recording.conversation(20, seed=3, sample_rate=2000)


# --- the last word before a pause


def test_a_word_is_final_when_a_second_of_silence_has_followed_it(talk: Talk, fake: FakeSoniox) -> None:
    fake.style = "simple"
    fake.add_transcript([Word("Hello.", start_ms=0, end_ms=200)])
    session = talk.open(fake.stt_websocket_url, CONFIG)
    talk.send(session, [bytes(64_000)], finish=False)
    # No more audio comes meanwhile.
    while text_of([event := talk.call(session.receive_event, PATIENCE_SEC / 2)]) != "Hello.":
        assert event.total_audio_proc_ms < 2000
    talk.send(session, [])
    assert text_of(talk.rest(session)) == ""
    talk.call(session.close)


# --- translations


def translation_of(events: list[Any]) -> list[str]:
    """The words of the translation."""
    tokens = (token for event in events for token in event.tokens if token.is_final)
    return "".join(token.text for token in tokens if token.translation_status == "translation").split()


def original_of(events: list[Any]) -> str:
    """What was said."""
    tokens = [token for event in events for token in event.tokens if token.is_final]
    return "".join(
        token.text for token in tokens if token.translation_status != "translation" and token.text != "<end>"
    )


@each_row(
    "translation",
    [{"type": "one_way", "target_language": "de"}, {"type": "two_way", "language_a": "en", "language_b": "es"}],
    ids=lambda translation: translation["type"],
)
def test_words_and_their_translations_come_once(talk: Talk, translation: dict[str, str]) -> None:
    config = {"model": "stt-rt-v5", "enable_endpoint_detection": True, "translation": translation, **TALK.config}

    def hear(*breaks: tuple[str, int]) -> list[Any]:
        with FakeSoniox() as fake:
            fake.add_recording(TALK, Hearing.exact(seed=1))
            for how, audio_ms in breaks:
                fake.faults.drop(how=how, after_audio_ms=audio_ms, operation="stt", times=1)
            session = talk.open(fake.stt_websocket_url, config)
            talk.send(session, TALK.chunks(120))
            events = talk.rest(session)
            talk.call(session.close)
            assert session.connections == len(breaks) + 1
            return events

    unbroken = translation_of(hear())
    assert len(unbroken) == len(TALK.words)
    for breaks in ([("close:1011", 4000)], [("reset", 9300)], [("eof", 13_100), ("close:1001", 5000)]):
        events = hear(*breaks)
        assert original_of(events) == TALK.text
        assert translation_of(events) == unbroken


# --- a voice gate


def test_a_gated_session_tells_the_times_of_the_original_audio_after_a_break(talk: Talk, fake: FakeSoniox) -> None:
    fake.add_recording(SPEECH, Hearing.exact(seed=1))
    # In the audio that goes out; the second one is in what is sent again.
    for audio_ms in (6000, 1500):
        fake.faults.drop(how="close:1011", after_audio_ms=audio_ms, operation="stt", times=1)
    gate = VoiceGate({"model": "stt-rt-v5", **SPEECH.config})
    session = talk.open(fake.stt_websocket_url, {"model": "stt-rt-v5", **SPEECH.config}, keep_alive_interval_sec=10)
    talk.send(session, gate.filter(chunks()))
    events = [gate.restore(event) for event in talk.rest(session)]
    talk.call(session.close)
    assert session.connections == 3
    assert gate.dropped_ms > 17_000
    assert words_of(events) == [
        (word.text, pytest.approx(word.start_ms, abs=2), pytest.approx(word.end_ms, abs=2)) for word in SPEECH.words
    ]


# --- containers over sockets


@each_row("kind, beginning", [("ogg", b"OggS"), ("webm", b"\x1aE\xdf\xa3"), ("flac", b"fLaC"), ("auto", b"OggS")])
def test_a_container_is_restarted(talk: Talk, kind: str, beginning: bytes) -> None:
    audio = beginning + bytes(range(256)) * 300
    with WsServer(
        in_turn(
            [started, until("binary"), message(words("one", " two", " three", final=2)), hang_up],
            [started, answer_the_end(words("one", " two", " three", " four"))],
        )
    ) as server:
        config = {"model": "stt-rt-v5", "audio_format": kind}
        session = talk.open(server.url, config, {"when_container": "restart"})
        talk.send(session, [audio[start : start + 5000] for start in range(0, len(audio), 5000)])
        assert text_of(talk.rest(session)) == "one two three four"
        talk.call(session.close)
        assert server.peers[1].audio() == audio
    assert talk.told("lost") == []


def test_a_container_that_is_not_kept_any_more_ends_with_its_connection(talk: Talk) -> None:
    with WsServer(started, until("binary"), until("binary"), until("binary"), message(words("one")), hang_up) as server:
        policy = {"when_container": "restart", "buffer_bytes": 64 * 1024}
        session = talk.open(server.url, {"model": "stt-rt-v5", "audio_format": "webm"}, policy)
        talk.send(session, [b"\x1aE\xdf\xa3" + bytes(29_996), bytes(30_000), bytes(30_000)], finish=False)
        with pytest.raises(SonioxRealtimeResumeError, match="from the beginning"):
            talk.rest(session)
        talk.call(session.close)
        assert len(server.peers) == 1
    assert talk.told("lost")[0].reason == "container"


# --- large chunks


def test_chunks_larger_than_the_room_that_is_waited_for(talk: Talk, fake: FakeSoniox) -> None:
    """A chunk of 8 seconds, where 12 can be kept, is taken piece by piece."""
    recording = Recording.conversation(40, seed=3, sample_rate=2000)
    fake.add_recording(recording, Hearing(seed=1))
    fake.faults.drop(how="close:1011", after_audio_ms=15_000, operation="stt", times=1)
    config = {"model": "stt-rt-v5", **recording.config}
    session = talk.open(fake.stt_websocket_url, config, {"buffer_sec": 12, "when_full": "wait"})
    talk.send(session, recording.chunks(8000))
    assert text_of(talk.rest(session)) == recording.text
    talk.call(session.close)
    assert session.connections == 2
    assert session.lost_ms == 0


# --- the first connection


@each_row("refusal", [refuse("503 Service Unavailable"), refuse("429 Too Many Requests"), refuse("401 Unauthorized")])
def test_a_first_connection_that_is_refused_raises_at_once(talk: Talk, refusal: Any) -> None:
    with WsServer(refusal) as server:
        session = talk.session(server.url, CONFIG)
        with pytest.raises(Exception, match=r"503|429|401"):
            talk.call(session.enter)
        assert len(server.peers) == 1
    assert talk.told("reconnecting") == []
    assert session.state == "closed"


# --- signals, while the connection is broken


PROGRAM = """
import signal, sys
# Programs in the background of a shell are started with SIGINT ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
from soniox_lite.realtime import ResumingSTTSession
session = ResumingSTTSession(sys.argv[1], {config!r}, "key", resume={policy!r}, close_timeout_sec={close_sec})
session.on("reconnecting", lambda event: print(event.attempt, flush=True))
with session:
    session.send_byte_chunk(bytes(3200))
    {wait}
print(session.state, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@each_row(
    "wait, state",
    [
        ("session.receive_event()", "waiting"),
        ("session.receive_event()", "connecting"),
        ("[session.send_byte_chunk(bytes(3200)) for _ in range(100)]", "waiting"),
        ("session.close()", "connecting"),
    ],
)
def test_ctrl_c_ends_a_broken_session(wait: str, state: str) -> None:
    then = BUSY if state == "waiting" else hold
    policy = {"buffer_sec": 1}
    code = PROGRAM.format(config=CONFIG, policy=policy, wait=wait, close_sec=60)
    with run(code, in_turn([started, until("binary"), hang_up], [then])) as (process, server):
        server.wait_until(lambda server: len(server.peers) > 1)
        read_until(process, "2" if state == "waiting" else "1")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=300)
    assert errors.rstrip().endswith("KeyboardInterrupt")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@each_row("call", ["cancel", "close"])
def test_a_signal_handler_ends_a_broken_session(call: str) -> None:
    wait = (
        f"signal.signal(signal.SIGUSR1, lambda *_: session.{call}())\n"
        '    print("ready", flush=True)\n'
        "    try:\n"
        "        session.receive_event()\n"
        "    except Exception as error:\n"
        "        print(error, flush=True)"
    )
    code = PROGRAM.format(config=CONFIG, policy={}, wait=wait, close_sec=1)
    with run(code, in_turn([started, until("binary"), hang_up], [BUSY])) as (process, _):
        assert set(read_until(process, "ready", "2")) >= {"ready", "2"}
        process.send_signal(signal.SIGUSR1)
        output, errors = process.communicate(timeout=300)
    reason, *rest = output.split("\n")
    assert reason.endswith(
        "the server answered the WebSocket upgrade with status 503: no reason given; it asks to wait 60 s (503)"
    ), errors
    assert rest == ["closed", ""]


@contextlib.contextmanager
def run(code: str, *steps: Any) -> Iterator[tuple[subprocess.Popen[str], WsServer]]:
    """A program, and the server whose address it gets."""
    with (
        WsServer(*steps) as server,
        subprocess.Popen(
            [sys.executable, "-c", code, server.url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ},
        ) as process,
    ):
        try:
            yield process, server
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], *lines: str) -> list[str]:
    """What a program has printed when it has printed all of these lines."""
    assert process.stdout is not None
    missing, read = set(lines), []
    for line in process.stdout:
        read.append(line.strip())
        missing.discard(line.strip())
        if not missing:
            break
    return read
