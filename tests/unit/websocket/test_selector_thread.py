"""Async sessions in event loops that cannot watch sockets, as asyncio's default one on Windows."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from soniox_lite import AsyncSonioxClient, SonioxRealtimeError
from soniox_lite._websocket import selector_thread
from soniox_lite._websocket.nonblocking import WebSocket
from soniox_lite.realtime import AsyncRealtimeSTTSession
from soniox_testing import FakeSoniox
from tests.support.insides import living
from tests.support.machine import refuse_threads
from tests.support.ws_server import PATIENCE_SEC, WsServer, answer_the_end, hold, started, tell, wait

KEY = "sk-0123456789"
CONFIG = {"model": "stt-rt-v5", "audio_format": "pcm_s16le", "sample_rate": 16000, "num_channels": 1}

SPEECH = {"stream_id": "1", "model": "tts-rt-v2", "voice": "Adrian", "language": "en", "audio_format": "wav"}


class BlindLoop(asyncio.SelectorEventLoop):
    """Has the four methods as asyncio's abstract class has them."""

    add_reader = asyncio.AbstractEventLoop.add_reader
    remove_reader = asyncio.AbstractEventLoop.remove_reader
    add_writer = asyncio.AbstractEventLoop.add_writer
    remove_writer = asyncio.AbstractEventLoop.remove_writer


def run(coroutine: Any) -> Any:
    """As ``asyncio.run``, in such a loop; its thread ends with its last session."""
    loop = BlindLoop()
    try:
        return loop.run_until_complete(asyncio.wait_for(coroutine, 60))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
        assert_no_threads()


def assert_no_threads() -> None:
    for thread in threading.enumerate():
        if thread.name == "soniox-lite selector":
            thread.join(PATIENCE_SEC)
            assert not thread.is_alive()


def test_sessions_side_by_side(fake_soniox: FakeSoniox) -> None:
    async def listen(client: AsyncSonioxClient) -> str:
        async with client.realtime.stt.connect(config=CONFIG) as session:
            await session.send_byte_chunk(bytes(64_000))
            await session.finish()
            events = [event async for event in session.receive_events()]
        return "".join(token.text for event in events for token in event.tokens if token.is_final)

    async def speak(client: AsyncSonioxClient) -> bytes:
        connection = client.realtime.tts.connect(config=SPEECH)
        async with connection as stream:
            await stream.send_text_chunks("Good morning.")
            return b"".join([chunk async for chunk in stream.receive_audio_chunks()])

    async def main() -> list[Any]:
        urls = {
            "websocket_base_url": fake_soniox.stt_websocket_url,
            "tts_websocket_base_url": fake_soniox.tts_websocket_url,
        }
        async with AsyncSonioxClient(fake_soniox.api_key, **urls) as client:
            return await asyncio.gather(speak(client), *(listen(client) for _ in range(5)))

    for _ in range(5):
        fake_soniox.add_transcript("said live")
    audio, *texts = run(main())
    assert texts == ["said live"] * 5
    assert audio == fake_soniox.speech_audio(fake_soniox.assert_spoken("Good morning.").id)


def test_sending_waits_for_a_server_that_reads_late() -> None:
    go_on = threading.Event()

    async def main(url: str) -> bool | None:
        async with AsyncRealtimeSTTSession(url, CONFIG, api_key=KEY) as session:
            sending = asyncio.ensure_future(session.send_byte_chunk(bytes(30_000_000)))
            done, _ = await asyncio.wait([sending], timeout=0.1)
            assert not done
            go_on.set()
            await sending
            await session.finish()
            assert [event.finished async for event in session.receive_events()] == [True]
            return session.finished

    with WsServer(started, wait(go_on), answer_the_end()) as server:
        assert run(main(server.url)) is True
        assert len(server.peer.audio()) == 30_000_000


def test_a_session_that_is_dropped_is_let_go() -> None:
    async def main(url: str) -> None:
        session = await AsyncRealtimeSTTSession(url, CONFIG, api_key=KEY).enter()
        sessions = [session]
        del session
        with pytest.warns(ResourceWarning, match="unclosed realtime session"):
            sessions.clear()
        await asyncio.sleep(0)

    with WsServer(started) as server:
        run(main(server.url))
        server.wait_until(lambda server: not server.open_connections)


def test_a_loop_that_is_closed_ends_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selector_thread, "CHECK_SEC", 0.05)

    async def main(url: str) -> AsyncRealtimeSTTSession:
        return await AsyncRealtimeSTTSession(url, CONFIG, api_key=KEY).enter()

    with WsServer(started, hold) as server:
        session = run(main(server.url))
        asyncio.run(session.close())


def test_a_socket_that_was_closed_by_others_ends_its_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selector_thread, "CHECK_SEC", 0.05)

    async def main(url: str) -> None:
        async with AsyncRealtimeSTTSession(url, CONFIG, api_key=KEY, ping_interval_sec=None) as session:
            (websocket,) = (found for found in living(WebSocket) if found.closure is None)
            websocket.sock.close()
            with pytest.raises(SonioxRealtimeError, match="the connection broke"):
                await session.receive_event()

    with WsServer(started, hold) as server:
        run(main(server.url))


def test_the_next_session_gets_a_thread_again() -> None:
    reached = threading.Event()

    async def main(url: str) -> None:
        for _ in range(2):
            async with AsyncRealtimeSTTSession(url, CONFIG, api_key=KEY) as session:
                await session.finish()
            await asyncio.to_thread(assert_no_threads)

    with WsServer(started, tell(reached), answer_the_end()) as server:
        run(main(server.url))
    assert server.connection_count == 2


def test_more_sockets_than_select_takes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selector_thread, "MAX_SOCKETS", 1)

    async def main(url: str) -> None:
        async with AsyncRealtimeSTTSession(url, CONFIG, api_key=KEY) as first:
            with pytest.raises(SonioxRealtimeError, match="can have 1 realtime connections at most"):
                await AsyncRealtimeSTTSession(url, CONFIG, api_key=KEY).enter()
            await first.finish()

    with WsServer(started, answer_the_end()) as server:
        run(main(server.url))


def test_without_a_thread_the_session_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_threads(monkeypatch, "soniox-lite selector")

    async def main(url: str) -> None:
        with pytest.raises(SonioxRealtimeError, match="no thread can be started to watch sockets"):
            await AsyncRealtimeSTTSession(url, CONFIG, api_key=KEY).enter()

    with WsServer(started, hold) as server:
        run(main(server.url))
