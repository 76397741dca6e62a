"""Sessions whose last event comes with tokens, that are forgotten, or used where they do not belong."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import socket
import threading
import time
import warnings
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from soniox_lite import SonioxRealtimeError
from soniox_lite._websocket.tasks import AsyncConnection
from soniox_lite._websocket.threads import Connection
from soniox_lite.realtime import AsyncRealtimeSTTSession
from tests.support import ws_server
from tests.support.insides import NewOnes, living
from tests.support.ws_server import WsServer, accept, answer_the_end, message, started, until

from .driver import CONFIG, KEY, PATIENCE_SEC, AsyncDriver, Driver
from .speech import audio, terminated

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Tls

HELLO = {"tokens": [{"text": "hello", "is_final": True}]}


@pytest.mark.parametrize(
    "last",
    [
        '{"tokens":[{"text":"last","is_final":true}],"finished":true}',
        '{"tokens": [{"text": "[last]", "is_final": true}], "total_audio_proc_ms": 1, "finished": true}',
        '{"finished": true, "tokens": [{"text": "last", "is_final": true}]}',
    ],
)
def test_the_last_event_may_carry_tokens(driver: Driver, last: str) -> None:
    with WsServer(started, until("text", ""), message(last), ws_server.read_to_end) as server:
        session = driver.open(server.url, close_timeout_sec=60)
        began = time.monotonic()
        driver.call(session.close)
        assert time.monotonic() - began < 30
        assert session.finished
        (event,) = driver.rest(session)
        assert event.finished
        assert event.tokens[0].text.strip("[]") == "last"


def unclosed(caught: list[warnings.WarningMessage]) -> list[str]:
    """What was warned of."""
    return [str(warning.message) for warning in caught if warning.category is ResourceWarning]


class TestAForgottenSession:
    @pytest.mark.parametrize("kind", ["idle", "paused", "held"])
    def test_ends_with_a_warning(self, driver: Driver, kind: str) -> None:
        with WsServer(accept) as server, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            session = driver.open(server.url, start_on_open=kind != "held")
            if kind == "paused":
                driver.call(session.pause)
            del session
            deadline = time.monotonic() + PATIENCE_SEC
            while not server.peer.hung_up.wait(0.01):
                # The thread (the loop) that has just returned it may hold it for a moment yet.
                driver.call(gc.collect)
                assert time.monotonic() < deadline
            assert server.peer.received[-1] == ("close", 1000)
            assert driver.left_over() == []
        assert unclosed(caught) == [f"unclosed realtime session: {server.url}"]

    def test_also_of_speech(self, tts: Driver) -> None:
        with WsServer(accept) as server, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            connection = tts.open(server.url, stream_heartbeat_sec=1)
            tts.call(connection.send_text_chunk, "Hello.")
            del connection
            deadline = time.monotonic() + PATIENCE_SEC
            while not server.peer.hung_up.wait(0.01):
                tts.call(gc.collect)
                assert time.monotonic() < deadline
            assert tts.left_over() == []
        assert unclosed(caught) == [f"unclosed realtime session: {server.url}"]

    @pytest.mark.parametrize("is_closed", [False, True], ids=["stopped", "closed"])
    def test_whose_event_loop_has_ended_ends_too(self, is_closed: bool) -> None:
        loop = asyncio.new_event_loop()
        with WsServer(accept) as server, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            session = loop.run_until_complete(AsyncDriver.stt(server.url, CONFIG, api_key=KEY).enter())
            if is_closed:
                loop.close()
            del session
            gc.collect()
            server.wait_until(lambda server: server.peer.hung_up.is_set())
            assert server.peer.received[-1] == ("close", 1000)
        loop.close()
        assert unclosed(caught) == [f"unclosed realtime session: {server.url}"]

    def test_whose_connection_is_still_held_hears_nothing_and_ends(
        self, driver: Driver, caplog: pytest.LogCaptureFixture
    ) -> None:
        go_on, connections = threading.Event(), NewOnes(Connection, AsyncConnection)
        with WsServer(started, ws_server.wait(go_on), message(HELLO), ws_server.close(1001)) as server:
            session = driver.open(server.url)
            (connection,) = connections.all()
            told: list[Any] = []
            session.on("close", told.append)
            reference = weakref.ref(session)
            del session
            deadline = time.monotonic() + PATIENCE_SEC
            while reference() is not None:
                driver.call(gc.collect)
                assert time.monotonic() < deadline
            go_on.set()
            assert driver.call(connection.wait_ended, PATIENCE_SEC)
            assert connection.websocket.closure.code == 1001
            assert (told, caplog.text) == ([], "")

    def test_one_that_was_closed_is_collected_without(self, driver: Driver) -> None:
        with WsServer(started, answer_the_end()) as server, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            session = driver.open(server.url)
            driver.call(session.close)
            del session
            driver.call(gc.collect)
        assert unclosed(caught) == []


def in_a_child(function: Callable[[], str]) -> str:
    """What a function returns in a forked child, which ends without cleaning up."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Python warns of forking beside other threads.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        try:
            answer = function()
        except BaseException as error:
            answer = repr(error)
        os.write(writing, answer.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        answer = pipe.read()
    os.waitpid(pid, 0)
    return answer


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
class TestAForkedChild:
    @pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
    def test_is_refused_and_its_clean_up_leaves_the_session_alone(self, secure: bool, tls: Tls) -> None:
        driver = Driver()
        with WsServer(started, answer_the_end(HELLO), tls=tls.server if secure else None) as server:
            session = driver.open(server.url, ssl_context=tls.client)
            session.send_byte_chunk(b"12")

            def use() -> str:
                answers = []
                for action in (
                    lambda: session.send_byte_chunk(b"xx"),
                    lambda: session.receive_event(1),
                    lambda: list(session.receive_events()),
                    session.finish,
                    session.pause,
                    session.keep_alive,
                    lambda: list(session.session_events()),
                ):
                    try:
                        action()
                        answers.append("was done")
                    except SonioxRealtimeError as error:
                        answers.append("refused" if "process that opened it" in str(error) else str(error))
                session.close()
                session.cancel()
                session.__exit__(None, None, None)
                for connection in living(Connection):
                    connection.__del__()
                return " ".join(sorted(set(answers))) + " " + session.state

            assert in_a_child(use) == "refused closed"
            session.send_byte_chunk(b"34")
            session.close()
            assert session.finished
            assert server.peer.audio() == b"1234"

    def test_is_refused_an_async_session(self) -> None:
        async def main(url: str) -> None:
            session = AsyncRealtimeSTTSession(url, CONFIG, KEY)
            await session.enter()

            def use() -> str:
                for call in (session.send_byte_chunk(b"xx"), session.receive_event(1), session.finish()):
                    # There is no loop in a child; what is refused never asks for one.
                    with pytest.raises(SonioxRealtimeError, match="process that opened it"):
                        call.send(None)
                for call in (session.close(), session.cancel(), session.__aexit__(None, None, None)):
                    with pytest.raises(StopIteration):
                        call.send(None)
                for connection in living(AsyncConnection):
                    connection.on_readable()
                    connection.__del__()
                return session.state

            assert in_a_child(use) == "closed"
            await session.send_byte_chunk(b"12")
            await session.close()
            assert session.finished

        with WsServer(started, answer_the_end(HELLO)) as server:
            asyncio.run(main(server.url))
            assert server.peer.audio() == b"12"

    def test_is_refused_a_stream_of_speech(self) -> None:
        driver = Driver("tts")

        def speak(peer: ws_server.Peer) -> None:
            peer.accept()
            name = json.loads(peer.receive_until("text"))["stream_id"]
            while '"text_end":true' not in peer.receive_until("text"):
                pass
            for value in (audio(name, b"1234"), {"stream_id": name, "audio_end": True}, terminated(name)):
                message(value)(peer)

        with WsServer(speak) as server:
            connection = driver.open(server.url)

            def use() -> str:
                for action in (lambda: connection.send_text_chunk("x"), connection.receive_event, connection.cancel):
                    with pytest.raises(SonioxRealtimeError, match="process that opened it"):
                        action()
                connection.close()
                return connection.state

            assert in_a_child(use) == "closed"
            connection.send_text_chunks("Hello.")
            assert driver.audio_of(connection) == [b"1234"]
            connection.close()


class TestAnotherEventLoop:
    ACTIONS = ("receive_event", "finish", "pause", "resume", "keep_alive")

    async def refused(self, session: Any) -> None:
        for action in self.ACTIONS:
            with pytest.raises(SonioxRealtimeError, match="event loop that opened it"):
                await getattr(session, action)()
        with pytest.raises(SonioxRealtimeError, match="event loop that opened it"):
            await session.send_byte_chunk(b"12")

    async def opened(self, url: str) -> Any:
        session = AsyncRealtimeSTTSession(url, CONFIG, KEY)
        return await session.enter()

    def test_is_refused_and_may_close_what_a_closed_loop_left(self) -> None:
        with WsServer(started) as server:
            session = asyncio.run(self.opened(server.url))
            asyncio.run(self.refused(session))
            asyncio.run(session.close())
            assert session.state == "closed"
            server.wait_until(lambda s: s.peer.hung_up.is_set())
            assert server.peer.audio() == b""

    def test_may_not_close_what_another_still_runs(self) -> None:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        with WsServer(started, answer_the_end()) as server:
            session = asyncio.run_coroutine_threadsafe(self.opened(server.url), loop).result(PATIENCE_SEC)
            asyncio.run(self.refused(session))
            for method in (session.close, session.cancel):
                with pytest.raises(SonioxRealtimeError, match="event loop that opened it"):
                    asyncio.run(method())
            asyncio.run_coroutine_threadsafe(session.send_byte_chunk(b"12"), loop).result(PATIENCE_SEC)
            asyncio.run_coroutine_threadsafe(session.close(), loop).result(PATIENCE_SEC)
            assert session.finished
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE_SEC)
        loop.close()


def test_a_session_whose_event_loop_was_closed_while_it_connected_ends_from_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        session = AsyncRealtimeSTTSession(f"ws://127.0.0.1:{silent.getsockname()[1]}/x", CONFIG, KEY)
        loop = asyncio.new_event_loop()
        entering = loop.create_task(session.enter())
        loop.run_until_complete(asyncio.sleep(0))
        # Otherwise asyncio would complain of the task, which is never finished.
        entering._log_destroy_pending = False  # type: ignore[attr-defined]
        with silent.accept()[0]:
            loop.close()
            asyncio.run(session.close())
        assert session.state == "closed"
