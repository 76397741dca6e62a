"""Sending beside everything else: an event loop's turn, and a pause."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from soniox_lite import SonioxRealtimeError, SonioxValidationError
from soniox_lite._websocket import nonblocking
from soniox_lite.realtime import (
    AsyncRealtimeSTTSession,
    AsyncRealtimeTTSConnection,
    RealtimeSTTSession,
    _stt_protocol,
)
from tests.support import ws_server
from tests.support.insides import wait_until
from tests.support.machine import refuse_threads
from tests.support.ws_server import WsServer, accept, answer_the_end, message, started, until

from .driver import CONFIG, KEY, PATIENCE_SEC, Driver, the_websocket
from .faults import refusal
from .speech import CONFIG as TTS_CONFIG
from .test_sessions import send_until_it_blocks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

KEEP_ALIVE = '{"type":"keepalive"}'
HELLO = {"tokens": [{"text": "hello", "is_final": True}]}


async def never_waits() -> AsyncIterator[bytes]:
    """An async iterator that has everything at hand."""
    for _ in range(4000):
        yield bytes(3200)


SOURCES = {
    "a large chunk": lambda: bytes(20_000_000),
    "a large buffer": lambda: bytearray(20_000_000),
    "a list": lambda: [bytes(3200)] * 4000,
    "an async iterator that never waits": never_waits,
    "nothing but empty chunks": lambda: [b""] * 40_000,
}


class TestTheLoopsTurn:
    @pytest.mark.parametrize("source", [*SOURCES, "a list, in a pause"])
    def test_comes_while_a_task_sends(self, source: str) -> None:
        async def main(url: str) -> int:
            turns = 0
            async with AsyncRealtimeSTTSession(url, CONFIG, KEY) as session:
                if source in SOURCES:
                    chunks = SOURCES[source]()
                else:
                    await session.pause()
                    chunks = [bytes(3200)] * 40_000
                sending = asyncio.ensure_future(session.send_bytes(chunks, finish=False))
                while not sending.done():
                    await asyncio.sleep(0)
                    turns += 1
                await sending
            return turns

        with WsServer(started, answer_the_end()) as server:
            # Without, there are two: one before it begins, and one after its end.
            assert asyncio.run(main(server.url)) > 5

    def test_comes_while_one_task_sends_to_many_sessions(self) -> None:
        async def main(url: str) -> int:
            sessions = [AsyncRealtimeSTTSession(url, CONFIG, KEY) for _ in range(30)]
            await asyncio.gather(*[session.enter() for session in sessions])

            async def send() -> None:
                for session in sessions * 20:
                    await session.send_byte_chunk(bytes(6000))

            turns = 0
            sending = asyncio.ensure_future(send())
            while not sending.done():
                await asyncio.sleep(0)
                turns += 1
            await sending
            await asyncio.gather(*[session.cancel() for session in sessions])
            return turns

        with WsServer(started) as server:
            assert asyncio.run(main(server.url)) > 5

    def test_comes_while_a_task_sends_text(self) -> None:
        async def main(url: str) -> int:
            connection = AsyncRealtimeTTSConnection(url, TTS_CONFIG, KEY)
            await connection.enter()
            turns = 0
            sending = asyncio.ensure_future(connection.send_text_chunks([""] * 3000))
            while not sending.done():
                await asyncio.sleep(0)
                turns += 1
            await sending
            await connection.close()
            return turns

        with WsServer(accept) as server:
            assert asyncio.run(main(server.url)) > 5

    @pytest.mark.parametrize("busy_sec", [0.0, 0.01])
    def test_brings_the_error_of_the_service_before_the_next_send(self, busy_sec: float) -> None:
        refused = threading.Event()

        async def main(url: str) -> None:
            session = AsyncRealtimeSTTSession(url, CONFIG, KEY)
            await session.enter()
            # With a turn of the loop before it, or not.
            time.sleep(busy_sec)  # noqa: ASYNC251 - on purpose
            await session.send_byte_chunk(b"12")
            # The program keeps the loop busy meanwhile.
            assert refused.wait(PATIENCE_SEC)
            time.sleep(0.01)  # noqa: ASYNC251 - on purpose; and what was sent over loopback is there then
            with pytest.raises(SonioxRealtimeError) as caught:
                await session.send_byte_chunk(b"34")
            assert caught.value.error_code == 503
            await session.cancel()

        steps = (accept, until("binary"), message(refusal(503, "service_unavailable")), ws_server.tell(refused))
        with WsServer(*steps) as server:
            asyncio.run(main(server.url))
            assert server.peer.audio() == b"12"

    def test_comes_while_a_plain_iterable_blocks(self) -> None:
        async def main(url: str) -> int:
            heard: list[Any] = []
            async with AsyncRealtimeSTTSession(url, CONFIG, KEY) as session:
                receiving = asyncio.ensure_future(session.handle_events(told(heard)))
                await session.send_bytes(answered(heard))
                await receiving
            return len(heard)

        def answered(heard: list[Any]) -> Iterator[bytes]:
            # A chunk comes when the last one has been answered, which only the loop can see.
            for number in range(10):
                wait_until(lambda number=number: len(heard) >= number)
                yield b"\0"

        def told(heard: list[Any]) -> Any:
            async def hear(event: Any) -> None:
                heard.append(event)

            return hear

        def echo(peer: ws_server.Peer) -> None:
            for _ in range(9):
                peer.receive_until("binary")
                message(HELLO)(peer)

        with WsServer(started, echo, answer_the_end()) as server:
            assert asyncio.run(main(server.url)) == 10
            assert server.peer.audio() == bytes(10)

    def test_comes_while_a_plain_iterable_of_text_blocks(self) -> None:
        async def main(url: str) -> bytes:
            connection = AsyncRealtimeTTSConnection(url, TTS_CONFIG, KEY)
            await connection.enter()
            ready = asyncio.Event()
            loop = asyncio.get_running_loop()

            def write() -> Iterator[str]:
                yield "Hello"
                # It waits for what only the loop can do.
                done = threading.Event()
                loop.call_soon_threadsafe(lambda: (ready.set(), done.set()))
                assert done.wait(PATIENCE_SEC)
                yield " there."

            await connection.send_text_chunks(write())
            assert ready.is_set()
            await connection.close()
            return b""

        with WsServer(accept) as server:
            asyncio.run(main(server.url))
            sent = "".join(server.peer.texts())
            assert sent.index("Hello") < sent.index(" there.") < sent.index('"text_end":true')


class TestPlainIterables:
    """Those that an async session goes through on a thread of its own."""

    def test_what_they_raise_is_raised(self) -> None:
        def fails() -> Iterator[bytes]:
            yield b"12"
            raise OSError("the microphone is unplugged")

        async def main(url: str) -> None:
            session = AsyncRealtimeSTTSession(url, CONFIG, KEY)
            await session.enter()
            with pytest.raises(OSError, match="unplugged"):
                await session.send_bytes(fails())
            await session.cancel()

        with WsServer(started) as server:
            asyncio.run(main(server.url))
            server.wait_until(lambda s: s.peer.hung_up.is_set())
            assert server.peer.audio() == b"12"

    def test_are_asked_for_no_more_than_is_sent_and_can_be_gone_on_with(self, driver: Driver) -> None:
        given = iter([b"1", b"2", "not audio", b"3", b"4"])
        with WsServer(started, answer_the_end()) as server:
            session = driver.open(server.url)
            with pytest.raises(SonioxValidationError, match="audio must be bytes"):
                driver.call(session.send_bytes, given)
            driver.call(session.send_bytes, given)
            driver.call(session.close)
            assert server.peer.audio() == b"1234"

    def test_their_thread_ends_with_the_sending(self) -> None:
        go = threading.Event()

        def blocks() -> Iterator[bytes]:
            yield b"12"
            go.wait(PATIENCE_SEC)
            yield b"34"

        def threads() -> list[threading.Thread]:
            return [thread for thread in threading.enumerate() if thread.name == "soniox-lite chunks"]

        async def main(url: str, server: WsServer) -> None:
            session = AsyncRealtimeSTTSession(url, CONFIG, KEY)
            await session.enter()
            sending = asyncio.ensure_future(session.send_bytes(blocks()))
            await asyncio.to_thread(server.wait_until, lambda s: s.peer.audio() == b"12")
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            (thread,) = threads()
            go.set()
            await asyncio.to_thread(thread.join, PATIENCE_SEC)
            assert not thread.is_alive()
            await session.cancel()

        with WsServer(started) as server:
            asyncio.run(main(server.url, server))

    def test_without_a_thread_the_call_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        refuse_threads(monkeypatch, "soniox-lite chunks")

        async def main(url: str) -> None:
            async with AsyncRealtimeSTTSession(url, CONFIG, KEY) as session:
                with pytest.raises(SonioxRealtimeError, match="no thread can be started to iterate over what is sent"):
                    await session.send_bytes(iter([b"12"]))
                await session.finish()

        with WsServer(started, answer_the_end()) as server:
            asyncio.run(main(server.url))


class TestPauseInTheMiddle:
    def test_holds_back_the_rest_of_a_chunk_and_counts_it(self, driver: Driver) -> None:
        paused = threading.Event()
        size = 20_000_000
        with WsServer(started, until("binary"), ws_server.wait(paused), receive_buffer=65536) as server:
            session = driver.open(server.url)
            sending = driver.start(session.send_bytes, bytes(size), finish=True)
            _wait_until_it_blocks()
            pausing = driver.start(session.pause)
            _wait_until_paused(session)
            paused.set()
            pausing.result(PATIENCE_SEC)
            sending.result(PATIENCE_SEC)
            server.wait_until(lambda s: s.peer.texts()[-1:] == [""])
            driver.call(session.cancel)
            finalized = server.peer.received.index(("text", '{"type":"finalize"}'))
            assert "binary" not in [kind for kind, _ in server.peer.received[finalized:]]
            assert session.dropped_audio_bytes == size - len(server.peer.audio()) > 0

    def test_a_resume_that_overtakes_it_leaves_no_keepalives(
        self, driver: Driver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(nonblocking, "MAX_TICK_SEC", 0.02)
        monkeypatch.setattr(_stt_protocol, "KEEP_ALIVE_INTERVAL_SEC", 0.02)
        go = threading.Event()
        with WsServer(started, ws_server.wait(go), receive_buffer=4096) as server:
            session = driver.open(server.url)
            sending = send_until_it_blocks(driver, session)
            pausing = driver.start(session.pause)
            _wait_until_paused(session)
            driver.call(session.resume)
            overtook = not pausing.done()
            go.set()
            pausing.result(PATIENCE_SEC)
            assert overtook
            # Keepalives that became due before the resume are queued behind the finalize of the pause.
            driver.call(session.finalize, trailing_silence_ms=100)
            time.sleep(0.1)  # Five more keepalives if they went on.
            driver.call(session.finish)
            server.wait_until(lambda s: s.peer.texts()[-1:] == [""])
            driver.call(session.cancel)
            for future in sending:
                assert isinstance(future.exception(PATIENCE_SEC), SonioxRealtimeError)
            sent = server.peer.texts()
            assert KEEP_ALIVE not in sent[sent.index('{"type":"finalize","trailing_silence_ms":100}') :]
            assert not session.paused


def _wait_until_it_blocks() -> None:
    """Waits until the kernel takes no more of what is sent. There is no event for it."""
    websocket, last, same = the_websocket(), -1, 0
    while same < 20:
        same = same + 1 if websocket.wants_write and websocket.bytes_sent == last else 0
        last = websocket.bytes_sent
        time.sleep(0.002)


def _wait_until_paused(session: Any) -> None:
    """Waits for a pause to begin that has to wait for its turn to be sent. There is no event for it."""
    while not session.paused:
        time.sleep(0.001)


def test_a_sync_session_does_not_close_the_generator_that_it_sends() -> None:
    def give() -> Iterator[Any]:
        yield b"1"
        yield None
        yield b"2"

    given = give()
    with WsServer(started) as server:
        session = RealtimeSTTSession(server.url, CONFIG, KEY)
        session.enter()
        with pytest.raises(SonioxValidationError, match="audio must be bytes"):
            session.send_bytes(given)
        assert next(given) == b"2"
        session.cancel()
