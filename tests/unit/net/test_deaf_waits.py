"""Closing where shutting a socket down wakes no thread that waits for it, as on Windows."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import trustme

from soniox_lite import AsyncSonioxClient, SonioxClient, SonioxError
from soniox_lite._net.tcp import wait_ready
from soniox_lite._websocket import nonblocking
from soniox_lite.realtime import RealtimeSTTSession
from soniox_testing import FakeSoniox
from tests.support.raw_server import RawServer, hold, reply, stall
from tests.support.ws_server import WsServer, hold as hold_ws, started

KEY = "sk-0123456789"
CONFIG = {"model": "stt-rt-v5", "audio_format": "pcm_s16le", "sample_rate": 16000, "num_channels": 1}


@pytest.fixture(autouse=True)
def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shutting a client's socket down makes what is begun afterwards fail, and changes nothing else."""
    connected: weakref.WeakSet[socket.socket] = weakref.WeakSet()
    ended: weakref.WeakSet[socket.socket] = weakref.WeakSet()
    connect, shut_down = socket.socket.connect, socket.socket.shutdown

    def note(sock: socket.socket, address: Any) -> None:
        connected.add(sock)
        connect(sock, address)

    def shutdown(sock: socket.socket, how: int) -> None:
        if sock in connected or (isinstance(sock, ssl.SSLSocket) and not sock.server_side):
            ended.add(sock)
        else:
            shut_down(sock, how)

    def failing(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(sock: socket.socket, *args: Any) -> Any:
            if sock in ended:
                raise BrokenPipeError
            return method(sock, *args)

        return call

    monkeypatch.setattr(socket.socket, "connect", note)
    monkeypatch.setattr(socket.socket, "shutdown", shutdown)
    monkeypatch.setattr(socket, "SocketType", socket.socket)
    for kind, names in ((socket.socket, ("recv", "recv_into", "send")), (ssl.SSLSocket, ("recv_into", "do_handshake"))):
        for name in names:
            monkeypatch.setattr(kind, name, failing(getattr(kind, name)))
    for module in ("_net.tcp", "_http.connections", "_http.pool", "_websocket.threads"):
        monkeypatch.setattr(f"soniox_lite.{module}.SLICE_SEC", 0.05)


def closed_during(client: SonioxClient, call: Callable[[], Any], reached: threading.Event) -> str:
    """The error of a call during which the client is closed."""
    errors: list[str] = []

    def run() -> None:
        try:
            call()
        except SonioxError as error:
            errors.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    assert reached.wait(60)
    began = time.monotonic()
    client.close()
    thread.join(60)
    assert time.monotonic() - began < 20
    (error,) = errors
    return error


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_a_request_in_flight(secure: bool) -> None:
    authority, server_side = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server_side)
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    reached = threading.Event()
    with RawServer(then=stall(reached=reached), tls=server_side if secure else None) as server:
        client = SonioxClient(KEY, api_base_url=server.url, ssl_context=trusted if secure else None, max_retries=0)
        assert "closed" in closed_during(client, lambda: client.request("GET", "/x"), reached)


def test_a_tls_handshake() -> None:
    reached = threading.Event()

    def greet(connection: Any) -> None:
        connection.sock.recv(1)
        reached.set()
        hold(connection)

    with RawServer(on_accept=[greet]) as server:
        client = SonioxClient(KEY, api_base_url=f"https://{server.address}", max_retries=0)
        assert "closed" in closed_during(client, lambda: client.request("GET", "/x"), reached)


def test_an_upload_that_the_server_does_not_read() -> None:
    sent = 0
    full = threading.Event()

    def on_progress(count: int, _total: int | None) -> None:
        nonlocal sent
        sent = count
        full.set()

    with RawServer(hold) as server:
        client = SonioxClient(KEY, api_base_url=server.url, max_retries=0)
        upload = {"file": bytes(50_000_000)}
        error = closed_during(client, lambda: client.request("POST", "/x", files=upload, on_progress=on_progress), full)
    assert "closed" in error
    assert sent < 50_000_000


def test_uploads_arrive_whole() -> None:
    content = bytes(range(256)) * 20_000
    with RawServer(then=reply()) as server, SonioxClient(KEY, api_base_url=server.url) as client:
        for _ in range(2):
            client.request("POST", "/x", files={"file": content})
    assert [content in request.body for request in server.requests] == [True, True]


def test_a_response_that_takes_too_long() -> None:
    with RawServer(then=stall()) as server:
        client = SonioxClient(KEY, api_base_url=server.url, max_retries=0, timeout_sec=0.2)
        with pytest.raises(SonioxError, match=r"no response within 0\.2 s"):
            client.request("GET", "/x")
        client.close()


def test_a_request_of_the_async_client() -> None:
    async def use(url: str) -> BaseException:
        client = AsyncSonioxClient(KEY, api_base_url=url, max_retries=0)
        waiting = asyncio.ensure_future(client.request("GET", "/x"))
        await asyncio.to_thread(reached.wait, 60)
        await client.aclose()
        (result,) = await asyncio.gather(waiting, return_exceptions=True)
        return result

    reached = threading.Event()
    with RawServer(then=stall(reached=reached)) as server:
        assert "closed" in str(asyncio.run(use(server.url)))


def test_a_realtime_session_whose_server_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = threading.Event()

    def wait_and_tell(*args: Any, **options: Any) -> bool:
        waits.set()
        return wait_ready(*args, **options)

    monkeypatch.setattr("soniox_lite._websocket.threads.wait_ready", wait_and_tell)
    # By itself the reader would look again long after the session has stopped to wait for it.
    monkeypatch.setattr(nonblocking, "MAX_TICK_SEC", 60.0)
    with WsServer(started, hold_ws) as server:
        before = {*threading.enumerate()}
        session = RealtimeSTTSession(server.url, CONFIG, api_key=KEY, close_timeout_sec=0.0).enter()
        assert waits.wait(60)
        session.close()
        assert [thread.name for thread in {*threading.enumerate()} - before if "soniox-lite" in thread.name] == []


def test_the_fake_with_open_connections() -> None:
    with FakeSoniox(webhook_timeout_sec=60) as fake, RawServer(then=stall()) as receiver:
        client = SonioxClient(fake.api_key, api_base_url=fake.api_base_url, websocket_base_url=fake.stt_websocket_url)
        job = client.stt.transcribe_from_url(
            audio_url="https://a.example/a.wav", config=client.webhooks.webhook_payload(receiver.url)
        )
        client.stt.wait(job.id)
        receiver.wait_until(lambda server: server.requests)
        session = client.realtime.stt.connect(config=CONFIG).enter()
        began = time.monotonic()
        fake.stop()
        assert time.monotonic() - began < 30
        with pytest.raises(SonioxError):
            list(session.receive_events())
        session.close()
        client.close()
