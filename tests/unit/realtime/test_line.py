"""The line below a session: when it is dead, what it keeps, and whose turn it is to send."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from soniox_lite import SonioxRealtimeError, SonioxRealtimeTimeoutError
from tests.support import ws_server
from tests.support.ws_server import FINISHED, HungUpError, Peer, WsServer, frame, message, started

from .driver import CONFIG, KEY, PATIENCE_SEC, Driver, new_connections, the_websocket
from .test_sessions import HELLO, texts

ROOT = Path(__file__).parents[3]
LARGE = {**HELLO, "tokens": [{"text": "x" * 5000, "is_final": True}]}
RECEIVES = """
import asyncio, sys
from soniox_lite.realtime import AsyncRealtimeSTTSession, RealtimeSTTSession
kind, url, config, key = sys.argv[1], sys.argv[2], eval(sys.argv[3]), sys.argv[4]
options = {"ping_interval_sec": 0.2, "ping_timeout_sec": 1.0}
if kind == "sync":
    with RealtimeSTTSession(url, config, key, **options) as session:
        events = list(session.receive_events())
else:
    async def main():
        async with AsyncRealtimeSTTSession(url, config, key, **options) as session:
            return [event async for event in session.receive_events()], session
    events, session = asyncio.run(main())
print(len(events), session.finished)
"""


def narrow() -> None:
    """Lets the kernel keep little of what is sent."""
    the_websocket().sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)


def read_slowly(size: int, bytes_per_sec: int) -> Any:
    """A step: takes so much, no faster than that."""

    def step(peer: Peer) -> None:
        began, taken = time.monotonic(), 0
        while taken < size:
            data = peer.sock.recv(16 * 1024)
            if not data:
                raise HungUpError
            taken += len(data)
            peer.server.stopping.wait(max(0.0, began + taken / bytes_per_sec - time.monotonic()))

    return step


class TestADeadLine:
    @pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="nothing freezes a process here")
    @pytest.mark.parametrize("kind", ["sync", "async"])
    def test_a_process_that_was_frozen_reads_before_it_decides(self, kind: str) -> None:
        process: list[subprocess.Popen[str]] = []
        running = threading.Event()

        def freeze(peer: Peer) -> None:
            assert running.wait(PATIENCE_SEC)
            # The ping, that is not answered before the process stands still.
            peer.receive_bytes()
            process[0].send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process[0].pid, os.WSTOPPED | os.WNOWAIT)
            message(HELLO)(peer)
            peer.send(frame(0xA))
            peer.server.stopping.wait(1.3)
            process[0].send_signal(signal.SIGCONT)

        with WsServer(started, freeze, message(FINISHED), ws_server.close(1000)) as server:
            arguments = [sys.executable, "-c", RECEIVES, kind, server.url, repr(CONFIG), KEY]
            with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=ROOT) as started_process:
                process.append(started_process)
                running.set()
                output, _ = started_process.communicate(timeout=300)
        assert output == "2 True\n"

    def test_is_noticed_although_the_queue_is_full(self, driver: Driver) -> None:
        with WsServer(ws_server.accept_with(frame(0x1, b'{"tokens":[]}') * 20), ws_server.hold) as server:
            session = driver.open(server.url, max_queued_messages=10, ping_interval_sec=0.05, ping_timeout_sec=0.1)
            assert [payload.type for payload in driver.log(session)] == ["open", "error", "close"]
            for _ in range(20):
                assert driver.call(session.receive_event).tokens == []
            with pytest.raises(SonioxRealtimeTimeoutError, match="nothing was heard from the server"):
                driver.call(session.receive_event)

    @pytest.mark.skipif(sys.platform not in {"linux", "darwin"}, reason="the system does not tell what has arrived")
    def test_is_none_while_the_ping_is_behind_audio_that_moves(self, driver: Driver) -> None:
        size, ready = 1_200_000, threading.Event()
        steps = (started, ws_server.tell(ready), read_slowly(size, 300_000), message(FINISHED), ws_server.close(1000))
        with WsServer(*steps, receive_buffer=4096) as server:
            session = driver.open(server.url, ping_interval_sec=0.2, ping_timeout_sec=3.0)
            # What it reads together with the start message would be missed below.
            assert ready.wait(PATIENCE_SEC)
            driver.call(session.send_bytes, bytes(size))
            assert driver.call(session.receive_event).finished
            driver.call(session.close)

    def test_is_one_that_takes_audio_and_answers_no_ping(self, driver: Driver) -> None:
        with WsServer(started, ws_server.mute) as server:
            session = driver.open(server.url, ping_interval_sec=0.05, ping_timeout_sec=0.1)
            with pytest.raises(SonioxRealtimeTimeoutError, match="nothing was heard from the server"):
                driver.send_until_it_fails(session).result(PATIENCE_SEC)


class TestBounds:
    def test_the_queue_is_bounded_in_bytes_and_loses_nothing(self, driver: Driver) -> None:
        sent: list[int] = []

        def flood(peer: Peer) -> None:
            for number in range(3000):
                message({**LARGE, "total_audio_proc_ms": number})(peer)
                sent.append(number)

        with WsServer(started, flood) as server:
            connections = new_connections()
            session = driver.open(server.url, max_queued_bytes=50_000)
            wait_until_still(lambda: len(sent))
            assert len(sent) < 3000
            # One read more than the limit.
            assert 0 < max(len(connection.messages) for connection in connections.all()) < (50_000 + 64 * 1024) // 5000
            events = [driver.call(session.receive_event) for _ in range(3000)]
            assert [event.total_audio_proc_ms for event in events] == list(range(3000))
            driver.call(session.cancel)

    def test_many_pings_of_a_server_that_does_not_read_cost_one_pong_or_two(self, driver: Driver) -> None:
        blocked, heard = threading.Event(), threading.Event()

        def ping(peer: Peer) -> None:
            for number in range(3000):
                peer.send(frame(0x9, b"%d" % number))

        steps = (started, ws_server.wait(blocked), ping, message(HELLO), ws_server.wait(heard))
        with WsServer(*steps, receive_buffer=4096) as server:
            session = driver.open(server.url)
            narrow()
            sending = driver.start(session.send_byte_chunk, bytes(1_000_000))
            websocket = the_websocket()
            wait_until_still(lambda: websocket.bytes_sent)
            assert not sending.done()
            blocked.set()
            assert texts([driver.call(session.receive_event)]) == ["hello"]
            heard.set()
            server.wait_until(lambda s: ("pong", b"2999") in s.peer.received)
            # The one that waited already, and the latest.
            assert [kind for kind, _ in server.peer.received].count("pong") <= 2
            sending.result(PATIENCE_SEC)
            driver.call(session.cancel)


class TestSending:
    def test_its_time_begins_with_the_turn_of_its_own_bytes(self, driver: Driver) -> None:
        size, senders, ready = 60_000, 16, threading.Event()
        # All of it takes longer than each may.
        slowly = read_slowly(size * senders, 240_000)
        with WsServer(started, ws_server.tell(ready), slowly, ws_server.mute, receive_buffer=4096) as server:
            session = driver.open(server.url, send_timeout_sec=3.0)
            narrow()
            assert ready.wait(PATIENCE_SEC)
            for sending in [driver.start(session.send_byte_chunk, bytes(size)) for _ in range(senders)]:
                sending.result(PATIENCE_SEC)
            driver.call(session.cancel)

    def test_bytes_behind_others_that_do_not_move_are_given_up_too(self, driver: Driver) -> None:
        with WsServer(started, ws_server.hold, receive_buffer=4096) as server:
            session = driver.open(server.url, send_timeout_sec=0.4)
            narrow()
            for future in [driver.start(session.send_byte_chunk, bytes(200_000)) for _ in range(4)]:
                assert isinstance(future.exception(PATIENCE_SEC), SonioxRealtimeError)


def test_under_eventlet_events_beside_the_close_frame_are_handed_out(tls: Any) -> None:
    pytest.importorskip("eventlet")
    code = """
import eventlet
eventlet.monkey_patch()
import ssl, sys
from soniox_lite.realtime import RealtimeSTTSession
url, config, key, ca = sys.argv[1], eval(sys.argv[2]), sys.argv[3], sys.argv[4]
session = RealtimeSTTSession(url, config, key, ssl_context=ssl.create_default_context(cafile=ca) if ca else None)
with session:
    events = list(session.receive_events())
print(len(events), session.finished, session.close_code)
"""
    both = frame(0x1, b'{"tokens":[]}') * 5 + frame(0x1, b'{"tokens":[],"finished":true}') + frame(0x8, b"\x03\xe8")
    for context, ca in ((None, ""), (tls.server, str(tls.ca_file))):
        with WsServer(started, ws_server.raw(both), tls=context) as server:
            url = server.url.replace("127.0.0.1", "localhost")
            arguments = [sys.executable, "-W", "ignore", "-c", code, url, repr(CONFIG), KEY, ca]
            found = subprocess.run(arguments, capture_output=True, text=True, cwd=ROOT, timeout=300, check=False)
            assert found.stdout == "6 True 1000\n", found.stderr


def wait_until_still(measure: Any) -> None:
    """Waits until a number has stood still for a while, beyond zero."""
    deadline, last, since = time.monotonic() + PATIENCE_SEC, 0, 0
    while since < 50:
        assert time.monotonic() < deadline, "it does not come to rest"
        threading.Event().wait(0.01)
        now = measure()
        since = since + 1 if now == last and now else 0
        last = now
