"""Closing, cancelling and dropping a session while its connection is broken: nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from soniox_lite import SonioxRealtimeError, SonioxRealtimeTimeoutError
from soniox_testing import FakeSoniox, Hearing, Recording
from tests.support import ws_server
from tests.support.ws_server import WsServer, accept, answer_the_end, hang_up, hold, started, until

from ..driver import CONFIG, Driver, open_descriptors
from ..test_ownership import in_a_child
from .conftest import BUSY, Talk, text_of
from .test_breaks import in_turn, words

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND = bytes(32_000)


def broken(talk: Talk, *then: Any) -> WsServer:
    """A server whose first connection breaks, and whose others do this."""
    del talk
    return WsServer(in_turn([started, until("binary"), hang_up], list(then)))


# What the second connection does, so that the session stays in the state of that name.
STATES: dict[str, list[Any]] = {
    "waiting": [BUSY],
    "connecting": [hold],
    "replaying": [accept, hold],
    "joining": [started, until("binary"), hold],
}


def enter_state(talk: Talk, server: WsServer, state: str) -> Any:
    """A session in a state of being broken."""
    # What is being connected when a session is dropped ends at this limit at the latest.
    limits = {"close_timeout_sec": 0.2, "connect_timeout_sec": 3.0}
    session = talk.open(server.url, CONFIG, **limits)
    talk.send(session, [SECOND], finish=False)
    server.wait_until(lambda server: len(server.peers) > 1)
    if state == "waiting":
        # The second notice comes when the refused attempt has been taken in, and the long pause begins.
        _until(lambda: len(talk.told("reconnecting")) == 2)
    return session


@pytest.mark.parametrize("how", ["close", "cancel"])
def test_a_session_that_is_ended_while_broken_says_why_it_broke(talk: Talk, how: str) -> None:
    with broken(talk, *STATES["waiting"]) as server:
        session = enter_state(talk, server, "waiting")
        talk.call(getattr(session, how))
        with pytest.raises(SonioxRealtimeError, match="503") as caught:
            talk.rest(session)
        assert caught.value.error_code == 503


@pytest.mark.parametrize("state", list(STATES))
@pytest.mark.parametrize("how", ["close", "cancel"])
def test_a_broken_session_ends_at_once(talk: Talk, state: str, how: str, caplog: pytest.LogCaptureFixture) -> None:
    with broken(talk, *STATES[state]) as server:
        session = enter_state(talk, server, state)
        began = time.monotonic()
        talk.call(getattr(session, how))
        assert time.monotonic() - began < 30
        assert session.state == "closed"
        with pytest.raises(SonioxRealtimeError):
            talk.send(session, [SECOND])
        assert talk.driver.log(session)[-1].type == "close"
        assert talk.told("lost")[-1].end_ms == 1000
    assert talk.driver.left_over() == []
    assert ("the last words may be missing" in caplog.text) is (how == "close")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.parametrize("state", ["live", "waiting"])
def test_a_forked_child_may_not_send_and_tells_nothing_when_it_ends_its_copy(state: str) -> None:
    talk = Talk(Driver("stt"))
    with broken(talk, *STATES["waiting"]) if state == "waiting" else WsServer(started, answer_the_end()) as server:
        if state == "waiting":
            session = enter_state(talk, server, state)
        else:
            session = talk.open(server.url, CONFIG)
            talk.send(session, [SECOND], finish=False)
        before = list(talk.notices)

        def use(how: str) -> str:
            with pytest.raises(SonioxRealtimeError, match="fork"):
                session.send_byte_chunk(b"12")
            getattr(session, how)()
            return str(talk.notices[len(before) :])

        assert in_a_child(lambda: use("close")) == "[]"
        assert in_a_child(lambda: use("cancel")) == "[]"
        assert talk.notices == before
        assert session.state == ("reconnecting" if state == "waiting" else "open")
        talk.call(session.cancel)


@pytest.mark.parametrize("state", list(STATES))
def test_a_broken_session_that_is_dropped_leaves_nothing(talk: Talk, state: str) -> None:
    before = open_descriptors()
    with broken(talk, *STATES[state]) as server, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        sessions = [enter_state(talk, server, state)]
        talk.notices = []
        sessions.clear()
        _until(lambda: talk.driver.left_over(0.1) == [])
    _until(lambda: open_descriptors() <= before + 1)


def _until(is_so: Callable[[], bool]) -> None:
    """Waits until it is so; what was dropped is collected meanwhile."""
    deadline = time.monotonic() + 60
    while not is_so():
        gc.collect()
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_closing_waits_for_the_words_that_are_sent_again(talk: Talk) -> None:
    with WsServer(
        in_turn([started, until("binary"), hang_up], [started, answer_the_end(words("one", " two"))])
    ) as server:
        session = talk.open(server.url, CONFIG)
        talk.send(session, [SECOND], finish=False)
        server.wait_until(lambda server: server.peers[0].hung_up.is_set())
        talk.call(session.close)
        assert text_of(talk.rest(session)) == "one two"
        assert session.finished


def test_a_cancelled_task_leaves_nothing() -> None:
    from soniox_lite.realtime import AsyncResumingSTTSession

    async def listen(url: str) -> None:
        async with AsyncResumingSTTSession(url, CONFIG, "key", resume={}) as session:
            await session.send_byte_chunk(SECOND)
            async for _ in session.receive_events():
                pass

    async def main(server: WsServer) -> None:
        task = asyncio.create_task(listen(server.url))
        await asyncio.to_thread(server.wait_until, lambda server: len(server.peers) > 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [other for other in asyncio.all_tasks() if other is not asyncio.current_task()] == []

    with WsServer(in_turn([started, until("binary"), hang_up], STATES["waiting"])) as server:
        asyncio.run(main(server))


def test_a_broken_session_whose_event_loop_is_closed_ends_from_another() -> None:
    from soniox_lite.realtime import AsyncResumingSTTSession

    async def listen(server: WsServer) -> Any:
        session = AsyncResumingSTTSession(server.url, CONFIG, "key", resume={})
        await session.enter()
        await session.send_byte_chunk(SECOND)
        await asyncio.to_thread(server.wait_until, lambda server: len(server.peers) > 1)
        return session

    with WsServer(in_turn([started, until("binary"), hang_up], STATES["waiting"])) as server:
        loop = asyncio.new_event_loop()
        session = loop.run_until_complete(listen(server))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        asyncio.run(session.close())
        assert session.state == "closed"


def test_a_line_that_is_silent_is_given_up_and_replaced(talk: Talk, fake: FakeSoniox) -> None:
    talk_of = Recording.conversation(8, seed=3, sample_rate=2000)
    fake.add_recording(talk_of, Hearing.exact(seed=1))
    fake.faults.drop(how="half_open", after_audio_ms=3000, operation="stt", times=1)
    config = {"model": "stt-rt-v5", **talk_of.config}
    session = talk.open(fake.stt_websocket_url, config, ping_interval_sec=0.2, ping_timeout_sec=1.0)
    talk.send(session, talk_of.chunks(120))
    assert text_of(talk.rest(session)) == talk_of.text
    talk.call(session.close)
    # A busy machine may be silent for as long.
    assert session.connections >= 2


def test_what_is_kept_is_sent_at_its_pace(talk: Talk) -> None:
    """At twice the speed of speech 3 seconds take a second, as a first second comes at once."""
    with WsServer(
        in_turn(
            [started, until("binary"), hang_up],
            [started, until("text", ""), ws_server.message({**words("one"), "finished": True}), ws_server.close()],
        )
    ) as server:
        session = talk.open(server.url, CONFIG, {"max_replay_speed": 2.0})
        began = time.monotonic()
        talk.send(session, [SECOND] * 3)
        talk.rest(session)
        assert time.monotonic() - began > 0.7
        talk.call(session.close)


def test_what_is_sent_at_its_pace_does_not_hold_up_the_user(talk: Talk) -> None:
    with broken(talk, started) as server:
        session = talk.open(server.url, CONFIG, {"max_replay_speed": 2.0})
        talk.send(session, [SECOND] * 2, finish=False)
        server.wait_until(lambda server: len(server.peers) > 1)
        talk.send(session, [SECOND] * 28, finish=False)
        # All of it takes fourteen seconds more.
        assert len(server.peers[1].audio()) < 30 * len(SECOND)
        talk.call(session.cancel)


@pytest.mark.parametrize(("when_full", "error"), [("raise", SonioxRealtimeError), ("wait", SonioxRealtimeTimeoutError)])
def test_no_more_audio_than_fits_is_kept(talk: Talk, when_full: str, error: type[Exception]) -> None:
    policy = {"buffer_sec": 1}
    with broken(talk, *STATES["waiting"]) as server:
        session = talk.open(server.url, CONFIG, {**policy, "when_full": when_full}, send_timeout_sec=0.2)
        talk.send(session, [SECOND], finish=False)
        with pytest.raises(error, match="1000 ms are kept"):
            talk.send(session, [SECOND])
        talk.call(session.cancel)


@pytest.mark.parametrize(
    ("when_full", "buffer_sec", "first", "second"),
    [
        ("raise", 1, SECOND[:20_000], SECOND[:14_000]),
        ("raise", 4, SECOND * 2, memoryview(SECOND * 3)),
        ("raise", 4, SECOND, bytearray(SECOND * 5)),
        ("wait", 12, SECOND * 9, SECOND * 3),
    ],
)
def test_a_chunk_that_does_not_fit_is_not_kept_in_part(
    talk: Talk, when_full: str, buffer_sec: int, first: bytes, second: bytes
) -> None:
    policy = {"buffer_sec": buffer_sec, "when_full": when_full}
    with broken(talk, *STATES["waiting"]) as server:
        session = talk.open(server.url, CONFIG, policy, send_timeout_sec=0.1)
        talk.send(session, [SECOND[:2]], finish=False)
        server.wait_until(lambda server: len(server.peers) > 1)
        talk.send(session, [first], finish=False)
        kept = session.buffered_ms
        with pytest.raises(SonioxRealtimeError, match=f"{kept} ms are kept"):
            talk.send(session, [second], finish=False)
        assert session.buffered_ms == kept
        talk.call(session.cancel)


def test_of_a_chunk_that_is_longer_than_a_quarter_of_what_fits_a_part_is_kept(talk: Talk) -> None:
    with broken(talk, *STATES["waiting"]) as server:
        session = talk.open(server.url, CONFIG, {"buffer_sec": 12, "when_full": "wait"}, send_timeout_sec=0.1)
        talk.send(session, [SECOND[:2]], finish=False)
        server.wait_until(lambda server: len(server.peers) > 1)
        talk.send(session, [SECOND * 9], finish=False)
        with pytest.raises(SonioxRealtimeTimeoutError, match="the rest of this chunk is not"):
            talk.send(session, [SECOND * 4], finish=False)
        assert 9000 < session.buffered_ms <= 12_000
        talk.call(session.cancel)


def test_what_was_dropped_is_told_exactly(talk: Talk) -> None:
    sent = threading.Event()
    with WsServer(
        in_turn(
            [started, until("binary"), hang_up],
            [ws_server.wait(sent), started, answer_the_end(words("late"))],
        )
    ) as server:
        session = talk.open(server.url, CONFIG, {"buffer_sec": 1, "when_full": "drop"}, connect_timeout_sec=60)
        talk.send(session, [SECOND], finish=False)
        server.wait_until(lambda server: server.peers[0].hung_up.is_set())
        talk.send(session, [SECOND] * 3)
        sent.set()
        assert text_of(talk.rest(session)) == "late"
        talk.call(session.close)
        assert server.peers[-1].audio() == SECOND
    (lost,) = talk.told("lost")
    assert (lost.start_ms, lost.end_ms, lost.reason) == (0, 3000, "drop")
    assert session.lost_ms == 3000
    assert talk.told("resumed")[0].offset_ms == 3000
