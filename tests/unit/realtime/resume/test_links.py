"""Connections that come and go beside the one that is used: held ready, late, or lost while something is sent."""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import logging
import os
import signal
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from soniox_lite import SonioxRealtimeError
from soniox_lite.realtime._async_relay import AsyncLeg
from soniox_lite.realtime._relay import Leg
from soniox_lite.realtime._resume import ResumeCore
from tests.support.insides import NewOnes, living
from tests.support.socket_server import HungUpError
from tests.support.ws_server import (
    WsServer,
    accept,
    answer_the_end,
    close,
    frame,
    hang_up,
    hold,
    message,
    raw,
    read_to_end,
    refuse,
    reset,
    started,
    tell,
    until,
    wait,
)

from ..driver import CONFIG, DRIVERS, PATIENCE_SEC, the_websocket
from ..test_ownership import in_a_child
from .conftest import BUSY, Talk, text_of
from .test_breaks import in_turn, words

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND = bytes(32_000)
# After so much audio, another connection is held ready, to which the session moves in a pause.
EARLY = {"rotate_after_sec": 20}
END = {"text": "<end>", "is_final": True}


def hear(seconds: int) -> Any:
    """Reads so much audio in all, and tells that there was nothing in it."""

    def step(peer: Any) -> None:
        while len(peer.audio()) < seconds * len(SECOND):
            peer.receive()
        total_ms = 1000 * seconds
        message({"tokens": [], "final_audio_proc_ms": total_ms, "total_audio_proc_ms": total_ms})(peer)

    return step


def until_so(is_so: Callable[[], object]) -> None:
    """Waits until it is so."""
    deadline = time.monotonic() + PATIENCE_SEC
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def accept_late(asked: threading.Event, go_on: threading.Event) -> Any:
    """Accepts the upgrade when the test says so."""

    def step(peer: Any) -> None:
        peer.read_head()
        asked.set()
        assert go_on.wait(PATIENCE_SEC)
        peer.read_head = lambda: None
        peer.accept()

    return step


def opened(talk: Talk, server: WsServer, policy: Any = EARLY) -> tuple[Any, ResumeCore]:
    """A session that moves, and its rules."""
    cores = NewOnes(ResumeCore)
    session = talk.open(server.url, CONFIG, policy)
    (core,) = cores.all()
    return session, core


def note_call(core: ResumeCore, name: str) -> threading.Event:
    """An event for the next call of a method of the rules."""
    called, method = threading.Event(), getattr(core, name)

    def noted(*args: Any) -> Any:
        called.set()
        return method(*args)

    setattr(core, name, noted)
    return called


def send_half_a_minute(talk: Talk, session: Any) -> None:
    talk.send(session, [SECOND] * 30, finish=False)


def test_a_connection_that_is_held_ready_and_ends_is_not_moved_to(talk: Talk) -> None:
    go_on = threading.Event()
    first = [started, hear(30), wait(go_on), hear(31), answer_the_end(words("one"))]
    with WsServer(in_turn(first, [accept, close(1011)])) as server:
        session, core = opened(talk, server)
        send_half_a_minute(talk, session)
        until_so(lambda: any(leg.early for kind in (Leg, AsyncLeg) for leg in living(kind)))
        failed = note_call(core, "spare_failed")
        go_on.set()
        talk.send(session, [SECOND], finish=False)
        assert failed.wait(PATIENCE_SEC)
        talk.send(session, [])
        assert text_of(talk.rest(session)) == "one"
        talk.call(session.close)
        assert session.connections == 1
        assert (talk.told("reconnecting"), talk.told("lost")) == ([], [])
        assert len(server.peers) == 2


def test_a_session_moves_after_a_word_and_not_within_it(talk: Talk) -> None:
    go_on = threading.Event()
    word = {"text": "one", "start_ms": 60_100, "end_ms": 60_400}
    counters = {"final_audio_proc_ms": 60_000, "total_audio_proc_ms": 60_500}
    within = {"tokens": [{**word, "is_final": False}], **counters}
    after = {"tokens": [{**word, "is_final": True}, END], "final_audio_proc_ms": 60_400, "total_audio_proc_ms": 61_300}
    first = [started, hear(60), wait(go_on), message(within), until("text"), message(after), read_to_end]
    with WsServer(in_turn(first, [started, answer_the_end(words("two"))])) as server:
        session, core = opened(talk, server, {"rotate_after_sec": 60})
        is_ready = note_call(core, "spare_opened")
        talk.send(session, [SECOND] * 62, finish=False)
        assert is_ready.wait(PATIENCE_SEC)
        go_on.set()
        while not talk.call(session.receive_event).tokens:
            assert session.connections == 1
        assert session.connections == 1
        talk.call(session.keep_alive)
        until_so(lambda: session.connections == 2)
        talk.send(session, [])
        assert text_of(talk.rest(session)) == "one two"
        talk.call(session.close)
        # The pause is sent to both.
        assert server.peers[1].audio() == bytes(1500 * 32)
        assert (talk.told("reconnecting"), talk.told("lost")) == ([], [])


def test_what_a_program_sends_after_a_refusal_is_answered_by_it(talk: Talk) -> None:
    refused = {"error_code": 400, "error_type": "invalid_request", "error_message": "No such model."}
    with WsServer(started, until("binary"), message(refused), read_to_end) as server:
        session = talk.open(server.url, CONFIG)
        talk.send(session, [SECOND], finish=False)
        until_so(lambda: talk.told("error"))
        for action in (lambda: session.send_byte_chunk(SECOND), session.finalize, session.finish):
            with pytest.raises(SonioxRealtimeError, match="No such model") as caught:
                talk.call(action)
            assert caught.value.error_code == 400
        talk.call(session.close)
        assert session.connections == 1


def test_a_connection_that_is_held_ready_ends_with_the_one_that_breaks(talk: Talk) -> None:
    go_on = threading.Event()
    first = [started, hear(30), wait(go_on), hang_up]
    with WsServer(in_turn(first, [accept, read_to_end], [started, answer_the_end(words("one"))])) as server:
        session, core = opened(talk, server)
        is_ready = note_call(core, "spare_opened")
        send_half_a_minute(talk, session)
        assert is_ready.wait(PATIENCE_SEC)
        go_on.set()
        until_so(lambda: len(server.peers) == 3)
        talk.send(session, [SECOND])
        assert text_of(talk.rest(session)) == "one"
        talk.call(session.close)
        assert session.connections == 2
        assert server.peers[1].texts() == []


def test_a_connection_that_is_ready_after_a_break_is_not_used(talk: Talk) -> None:
    asked, go_on = threading.Event(), threading.Event()
    first = [started, hear(30), wait(asked), hang_up]
    late = [accept_late(asked, go_on), read_to_end]
    with WsServer(in_turn(first, late, [started, answer_the_end(words("one"))])) as server:
        session, _ = opened(talk, server)
        send_half_a_minute(talk, session)
        until_so(lambda: talk.told("reconnecting"))
        go_on.set()
        talk.send(session, [SECOND])
        assert text_of(talk.rest(session)) == "one"
        talk.call(session.close)
        assert session.connections == 2
        assert server.peers[1].texts() == []


def test_handlers_alone_hear_all_while_the_newest_events_are_kept(talk: Talk) -> None:
    told = [words("a", start_ms=500 * number) for number in range(20)]
    with WsServer(started, *map(message, told), answer_the_end()) as server:
        session = talk.session(server.url, CONFIG, max_queued_messages=4)
        events: list[Any] = []
        session.on("result", events.append)
        talk.call(session.enter)
        until_so(lambda: len(events) == 20)
        talk.send(session, [])
        kept = talk.rest(session)
        talk.call(session.close)
        counts = [event["final_audio_proc_ms"] for event in told]
        assert [event.final_audio_proc_ms for event in events[:20]] == counts
        # Up to four, and the end, which may come while they are received.
        assert kept.pop().finished
        assert 3 <= len(kept) <= 4
        assert [event.final_audio_proc_ms for event in kept] == counts[-len(kept) :]


def test_a_sender_that_waits_is_told_that_the_session_was_ended(talk: Talk) -> None:
    with WsServer(started, hold, receive_buffer=4096) as server:
        session = talk.open(server.url, CONFIG, {"buffer_sec": 3600}, send_timeout_sec=30)
        sending = talk.driver.send_until_it_fails(session, bytes(1 << 20))
        until_so(lambda: the_websocket().wants_write)
        talk.call(session.cancel)
        with pytest.raises(SonioxRealtimeError):
            sending.result(PATIENCE_SEC)
        assert session.state == "closed"


def test_what_is_sent_over_a_connection_that_is_gone_is_sent_again() -> None:
    gone = threading.Event()

    def vanish(peer: Any) -> None:
        peer.reset()
        gone.set()
        raise HungUpError

    first, then = [started, until("binary"), vanish], [started, answer_the_end(words("one"))]
    with DRIVERS["async"]("stt") as driver, WsServer(in_turn(first, then)) as server:
        talk = Talk(driver)
        session = talk.open(server.url, CONFIG)

        async def send() -> None:
            await session.send_byte_chunk(SECOND)
            # The loop stands still, so that sending is the first to see that the connection is gone.
            assert gone.wait(PATIENCE_SEC)
            # The second chunk is sent while the first one waits for the reason.
            await asyncio.gather(*(session.send_byte_chunk(SECOND) for _ in range(3)))
            await session.finish()

        talk.call(send)
        assert text_of(talk.rest(session)) == "one"
        talk.call(session.close)
        assert len(server.peers[1].audio()) == 4 * len(SECOND)
        assert driver.left_over() == []


def test_a_sender_that_waits_is_told_of_a_refusal(talk: Talk) -> None:
    refusing, ending = threading.Event(), threading.Event()
    refused = {"error_code": 400, "error_type": "invalid_request", "error_message": "No such model."}
    with WsServer(started, wait(refusing), message(refused), wait(ending), reset, receive_buffer=4096) as server:
        session = talk.open(server.url, CONFIG, {"buffer_sec": 3600}, send_timeout_sec=PATIENCE_SEC)
        sending = talk.driver.send_until_it_fails(session, bytes(1 << 20))
        until_so(lambda: the_websocket().wants_write)
        refusing.set()
        until_so(lambda: talk.told("error"))
        ending.set()
        with pytest.raises(SonioxRealtimeError, match="No such model") as caught:
            sending.result(PATIENCE_SEC)
        assert caught.value.error_code == 400
        talk.call(session.close)
        assert session.connections == 1


def test_what_follows_an_invalid_message_is_not_given_out(talk: Talk) -> None:
    good, bad = (frame(1, text.encode()) for text in (json.dumps(words("late")), "nonsense"))
    with WsServer(started, until("binary"), raw(bad + good)) as server:
        session = talk.open(server.url, CONFIG)
        talk.send(session, [SECOND], finish=False)
        with pytest.raises(SonioxRealtimeError, match="the message is not JSON"):
            talk.call(session.receive_event)
        talk.call(session.close)


def test_a_connection_without_anything_to_send_again_is_started_by_the_next_audio(talk: Talk) -> None:
    mark = {"tokens": [{"text": "<fin>", "is_final": True}], "final_audio_proc_ms": 1000, "total_audio_proc_ms": 1000}
    first = [started, until("text", '{"type":"finalize"}'), message(mark), close(1001)]
    with WsServer(in_turn(first, [started, answer_the_end(words("one"))])) as server:
        session = talk.open(server.url, CONFIG)
        talk.send(session, [SECOND], finish=False)
        talk.call(session.pause)
        until_so(lambda: session.state == "reconnecting")
        talk.call(session.resume)
        until_so(lambda: session.state == "open")
        talk.send(session, [SECOND])
        assert text_of(talk.rest(session)) == "one"
        talk.call(session.close)
        assert [kind for kind, _ in server.peers[1].received][:3] == ["text", "binary", "text"]
        assert server.peers[1].audio() == SECOND


def test_a_session_does_not_move_in_the_middle_of_what_is_said(talk: Talk) -> None:
    go_on, fall_silent, moved = threading.Event(), threading.Event(), threading.Event()
    said = message(words("more", start_ms=20_000, final=0))
    first = [started, hear(20), wait(go_on), said, wait(fall_silent), hear(22), wait(moved)]
    with WsServer(in_turn(first, [started, tell(moved), answer_the_end(words("one"))])) as server:
        session, core = opened(talk, server)
        is_ready = note_call(core, "spare_opened")
        talk.send(session, [SECOND] * 22, finish=False)
        assert is_ready.wait(PATIENCE_SEC)
        go_on.set()
        told = [talk.call(session.receive_event) for _ in range(2)]
        assert [token.text for event in told for token in event.tokens] == ["more"]
        assert (session.connections, moved.is_set()) == (1, False)
        fall_silent.set()
        assert moved.wait(PATIENCE_SEC)
        talk.send(session, [])
        assert text_of(talk.rest(session)) == "one"
        talk.call(session.close)
        assert session.connections == 2


def test_a_session_that_is_dropped_before_it_connects_again_does_not_connect(talk: Talk) -> None:
    asked, go_on = threading.Event(), threading.Event()
    with WsServer(started, until("binary"), hang_up) as server:
        cores = NewOnes(ResumeCore)
        session = talk.open(server.url, CONFIG)
        (core,) = cores.all()
        next_step = core.next

        def held_up(now: float) -> Any:
            todo = next_step(now)
            if todo == "connect":
                asked.set()
                assert go_on.wait(PATIENCE_SEC)
            return todo

        core.next = held_up
        talk.send(session, [SECOND], finish=False)
        assert asked.wait(PATIENCE_SEC)
        talk.notices = []
        del session
        gc.collect()
        go_on.set()
        assert talk.driver.left_over() == []
        assert len(server.peers) == 1


def test_a_session_that_is_dropped_while_it_connects_takes_a_refusal_with_it(talk: Talk) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def refuse_late(peer: Any) -> None:
        asked.set()
        assert go_on.wait(PATIENCE_SEC)
        refuse("401 Unauthorized")(peer)

    with WsServer(in_turn([started, until("binary"), hang_up], [refuse_late])) as server:
        session = talk.open(server.url, CONFIG)
        talk.send(session, [SECOND], finish=False)
        assert asked.wait(PATIENCE_SEC)
        told = talk.notices = [notice.type for notice in talk.notices]
        reference = weakref.ref(session)
        del session
        until_so(lambda: gc.collect() >= 0 and reference() is None)
        go_on.set()
        assert talk.driver.left_over() == []
        assert told == ["open", "reconnecting"]
        assert len(server.peers) == 2


def test_a_dropped_session_whose_connection_is_still_in_use_ends_quietly(
    talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    go_on = threading.Event()
    with WsServer(started, wait(go_on), message(words("late")), close(1000)) as server:
        legs = NewOnes(Leg, AsyncLeg)
        session = talk.open(server.url, CONFIG)
        (leg,) = legs.all()
        talk.notices = []
        reference = weakref.ref(session)
        del session
        until_so(lambda: gc.collect() >= 0 and reference() is None)
        go_on.set()
        until_so(lambda: leg.close_code == 1000)
        assert talk.driver.left_over() == []
        assert caplog.text == ""


def test_a_logging_filter_that_raises_ends_the_session_with_its_error(
    talk: Talk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_second(record: logging.LogRecord) -> bool:
        if "attempt 2" in record.getMessage():
            raise LookupError("a filter's own")
        return True

    caplog.set_level(logging.INFO, "soniox_lite")
    monkeypatch.setattr(logging.getLogger("soniox_lite"), "filters", [refuse_second])
    with WsServer(in_turn([started, until("binary"), hang_up], [BUSY])) as server:
        session = talk.open(server.url, CONFIG)
        talk.send(session, [SECOND], finish=False)
        with pytest.raises(SonioxRealtimeError, match="LookupError"):
            talk.rest(session)
        talk.call(session.close)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("state", ["live", "waiting"])
def test_a_forked_child_may_not_use_an_async_session(state: str, talk: Talk) -> None:
    first = [started, until("binary"), *([hang_up] if state == "waiting" else [answer_the_end(words("one"))])]
    with WsServer(in_turn(first, [BUSY])) as server:
        session = talk.open(server.url, CONFIG)
        talk.send(session, [SECOND], finish=False)
        if state == "waiting":
            until_so(lambda: len(talk.told("reconnecting")) == 2)

        def use() -> str:
            async def call(method: Any, *args: Any) -> None:
                result = method(*args)
                if inspect.isawaitable(result):
                    await result

            with pytest.raises(SonioxRealtimeError, match="fork"):
                asyncio.run(call(session.send_byte_chunk, b"12"))
            asyncio.run(call(session.close))
            return "refused"

        assert in_a_child(use) == "refused"
        if state == "waiting":
            assert session.state == "reconnecting"
            talk.call(session.cancel)
            return
        talk.send(session, [SECOND])
        assert text_of(talk.rest(session)) == "one"
        talk.call(session.close)
        assert server.peer.audio() == SECOND * 2


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="no signal of the user's own")
@pytest.mark.parametrize("call", ["cancel", "finish"])
def test_a_signal_handler_may_interrupt_a_step(call: str) -> None:
    talk = Talk(DRIVERS["sync"]("stt"))
    with WsServer(started, answer_the_end(words("one"))) as server:
        session, core = opened(talk, server)
        finalize = core.finalize

        def interrupted(*args: Any) -> Any:
            signal.raise_signal(signal.SIGUSR1)
            return finalize(*args)

        core.finalize = interrupted
        before = signal.signal(signal.SIGUSR1, lambda *_: getattr(session, call)())
        try:
            session.finalize()
        finally:
            signal.signal(signal.SIGUSR1, before)
        if call == "cancel":
            assert session.state == "closed"
        else:
            assert text_of(talk.rest(session)) == "one"
            assert server.peer.texts()[1:] == ['{"type":"finalize"}', ""]
        session.close()
        assert talk.driver.left_over() == []
