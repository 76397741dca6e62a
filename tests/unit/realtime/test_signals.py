"""Signal handlers, and exceptions, in the middle of a call."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from soniox_lite import SonioxRealtimeError, SonioxRealtimeTimeoutError
from soniox_lite.realtime import RealtimeSTTSession
from tests.support import ws_server
from tests.support.ws_server import WsServer, accept, answer_the_end, started

from .driver import CONFIG, KEY, PATIENCE_SEC, Driver
from .speech import CONFIG as TTS_CONFIG

if TYPE_CHECKING:
    from types import FrameType

# In a process of its own: a call that hangs in the main thread could not be ended otherwise.
INTERRUPTED = """
import json, signal, sys, time
from soniox_lite.realtime import RealtimeSTTSession, RealtimeTTSConnection
from soniox_lite._websocket import nonblocking

url, config, action, place, kind = sys.argv[1], json.loads(sys.argv[2]), *sys.argv[3:]
if kind == "speech":
    session = RealtimeTTSConnection(url, config, "key")
    send = session.send_text_chunk, "words"
else:
    session = RealtimeSTTSession(url, config, "key", close_timeout_sec=60)
    send = session.send_byte_chunk, b"1234"
session.enter()
signal.signal(signal.SIGUSR1, lambda *_: getattr(session, action)())
sent = 0

def interrupting(function):
    def call(*args):
        if sent == 3:
            signal.raise_signal(signal.SIGUSR1)
        result = function(*args)
        if sent == 3 and place == "after the kernel took it":
            signal.raise_signal(signal.SIGUSR1)
        return result
    return call

class Socket:
    def __init__(self, sock):
        self.__dict__["sock"] = sock
    def __getattr__(self, name):
        return interrupting(self.sock.send) if name == "send" else getattr(self.sock, name)

websocket = (session._core.connection.driver if kind == "speech" else session._connection).websocket
if place == "while it is made":
    step = "check_may_send" if kind == "speech" else "audio"
    protocol = session._core.protocol if kind == "speech" else session._protocol
    setattr(protocol, step, interrupting(getattr(protocol, step)))
elif place == "while it is framed":
    nonblocking.encode_frame = interrupting(nonblocking.encode_frame)
else:
    websocket._sock = Socket(websocket._sock)
began, problem = time.monotonic(), ""
try:
    while sent < 10:
        send[0](send[1])
        sent += 1
except Exception as error:
    problem = str(error)
if action != "finish" and kind != "speech":
    assert session.state == "closed", session.state
if kind != "speech":
    list(session.receive_events())
session.close()
print(json.dumps([time.monotonic() - began, problem, kind == "speech" or session.finished]))
"""


def interrupted(server: WsServer, config: dict[str, Any], *what: str) -> Any:
    """How it went: seconds, what the send raised, and whether the session is finished."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, server.url, json.dumps(config), *what],
        check=True, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.mark.parametrize("action", ["cancel", "close", "finish"])
@pytest.mark.parametrize("place", ["while it is made", "while it is framed", "after the kernel took it"])
class TestASignalHandlerInASend:
    def test_may_end_the_session(self, action: str, place: str) -> None:
        with WsServer(started, answer_the_end()) as server:
            seconds, problem, finished = interrupted(server, CONFIG, action, place, "listening")
            assert seconds < 30
            assert ("end of the audio was sent" if action == "finish" else "clos") in problem
            assert finished is (action != "cancel")
            server.wait_until(lambda s: s.peer.hung_up.is_set())
            kinds = [kind for kind, content in server.peer.received if content != ""]
            # Whole chunks, none of them twice, and none behind the end of the audio.
            assert server.peer.audio() in (b"1234" * 3, b"1234" * 4, b"1234" * 5)
            if action != "cancel":
                end = server.peer.received.index(("text", ""))
                assert "binary" not in kinds[end:]

    def test_may_end_a_stream_of_speech(self, action: str, place: str) -> None:
        with WsServer(accept) as server:
            seconds, problem, _ = interrupted(server, TTS_CONFIG, action, place, "speech")
            assert seconds < 30
            assert problem
            server.wait_until(lambda s: s.peer.hung_up.is_set())
            sent = [json.loads(text) for text in server.peer.texts()[1:]]
            assert [message.get("text") for message in sent].count("words") in (3, 4, 5)


class TestASignalHandlerElsewhere:
    def test_may_end_a_session_that_is_being_opened_or_closed(self) -> None:
        program = """
import signal, sys, time
from soniox_lite.realtime import RealtimeSTTSession

session = RealtimeSTTSession(sys.argv[1], {"model": "m"}, "key", connect_timeout_sec=60, close_timeout_sec=60)
method = getattr(session, sys.argv[2])
if method != session.enter:
    session.enter()
signal.signal(signal.SIGUSR1, lambda *_: getattr(session, sys.argv[3])())
began = time.monotonic()
try:
    method()
except Exception as error:
    print(error)
print(session.state, time.monotonic() - began < 50)
"""
        for method, action, steps in (
            ("enter", "cancel", [ws_server.hold]),
            ("enter", "close", [ws_server.hold]),
            ("close", "cancel", [started]),
        ):
            with WsServer(*steps) as server:
                arguments = [sys.executable, "-c", program, server.url, method, action]
                with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
                    server.wait_until(lambda s, method=method: s.peers and (method == "enter" or "" in s.peer.texts()))
                    process.send_signal(signal.SIGUSR1)
                    output, _ = process.communicate(timeout=300)
                assert "closed True" in output
                assert ("closed while it was being opened" in output) is (method == "enter")


class _CancelledWhileItLooks(RealtimeSTTSession):
    """Is cancelled while ``close`` looks whether the stream has finished, as a signal handler may do it."""

    looks = 0

    @property
    def finished(self) -> bool:
        self.looks += 1
        # The first look comes before the end of the audio is sent.
        if self.looks == 2:
            self.cancel()
        return super().finished


def test_a_cancel_while_close_looks_for_the_end_stalls_neither() -> None:
    with WsServer(started) as server:
        session = _CancelledWhileItLooks(server.url, CONFIG, KEY, close_timeout_sec=30).enter()
        began = time.monotonic()
        session.close()
        assert (session.looks > 1, session.state, time.monotonic() - began < 20) == (True, "closed", True)
        server.wait_until(lambda s: s.peer.hung_up.is_set())


class _InterruptError(BaseException):
    """What a handler may raise at any moment."""


def interrupt_at(number: int, lines: list[int]) -> Any:
    """A trace function that raises at a line of the realtime code, counted from the first one that is run."""

    def trace(frame: FrameType, event: str, _: object) -> Any:
        path = frame.f_code.co_filename.replace("\\", "/")
        if "soniox_lite/realtime" not in path and "soniox_lite/_websocket" not in path:
            return None
        if event == "line":
            lines.append(frame.f_lineno)
            if len(lines) == number:
                sys.settrace(None)
                raise _InterruptError
        return trace

    return trace


class TestAnExceptionInAReceive:
    """Raised at each line in turn. Afterwards another thread can receive, as if it had not been."""

    @pytest.mark.parametrize("kind", ["stt", "tts"])
    def test_leaves_nothing_taken(self, kind: str) -> None:
        driver = Driver(kind)
        with WsServer(accept) as server:
            session = driver.open(server.url)

            def receive(number: int, lines: list[int]) -> None:
                sys.settrace(interrupt_at(number, lines))
                try:
                    session.receive_event(0.001)
                finally:
                    sys.settrace(None)

            number = 1
            lines: list[int] = []
            while number <= len(lines) + 1:
                lines.clear()
                with pytest.raises((_InterruptError, SonioxRealtimeTimeoutError)):
                    driver.call(receive, number, lines)
                with pytest.raises(SonioxRealtimeTimeoutError):
                    driver.call(session.receive_event, 0.001)
                number += 1
            assert number > 15
            driver.call(session.cancel if kind == "stt" else session.close)


class TestCancel:
    def test_ends_a_pending_enter(self, driver: Driver) -> None:
        for action in ("cancel", "close"):
            with WsServer(ws_server.hold) as server:
                session = driver.session(server.url, connect_timeout_sec=30)
                entering = driver.start(session.enter)
                server.wait_until(lambda s: s.peers)
                driver.call(getattr(session, action))
                with pytest.raises(SonioxRealtimeError, match="closed while it was being opened"):
                    entering.result(PATIENCE_SEC)
                assert session.state == "closed"

    def test_ends_a_pending_enter_of_speech(self, tts: Driver) -> None:
        with WsServer(ws_server.hold) as server:
            connection = tts.session(server.url, connect_timeout_sec=30)
            entering = tts.start(connection.enter)
            server.wait_until(lambda s: s.peers)
            tts.call(connection.close)
            with pytest.raises(SonioxRealtimeError, match="closed while it was being opened"):
                entering.result(PATIENCE_SEC)
