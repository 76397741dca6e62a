"""The way to the service: TLS, proxies, addresses; and what must not travel it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import logging
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme
import websocket

import soniox_lite
from soniox_lite import SonioxClient, SonioxRealtimeError
from soniox_lite._net import certificates
from soniox_lite._websocket.handshake import open_websocket
from soniox_lite._websocket.options import ConnectionOptions
from soniox_lite.realtime import AsyncRealtimeSTTSession
from tests.support import proxies, ws_server
from tests.support.insides import wait_until
from tests.support.machine import refuse_threads, resolve_as_loopback
from tests.support.raw_server import RawServer, send_and_close
from tests.support.secrets import places_of
from tests.support.ws_server import FINISHED, WsServer, answer_the_end, message, started

from .driver import CONFIG, KEY, PATIENCE_SEC, AsyncDriver, Driver, open_descriptors, the_websocket

if TYPE_CHECKING:
    from .conftest import Tls


@pytest.fixture
def _no_default_context() -> Iterator[None]:
    """The default TLS context is made anew in the test, and again after it."""
    certificates.forget_default_context()
    yield
    certificates.forget_default_context()


def finish(driver: Driver, session: Any) -> None:
    """A whole stream."""
    driver.call(session.close)
    assert session.finished


class TestTls:
    def test_with_a_context(self, driver: Driver, tls: Tls) -> None:
        with WsServer(started, answer_the_end(), tls=tls.server) as server:
            finish(driver, driver.open(server.url.replace("127.0.0.1", "localhost"), ssl_context=tls.client))

    def test_with_the_clients_context(self, tls: Tls) -> None:
        with WsServer(started, answer_the_end(), tls=tls.server) as server:
            client = SonioxClient(KEY, websocket_base_url=server.url, ssl_context=tls.client)
            with client, client.realtime.stt.connect(config=CONFIG) as session:
                session.finish()
            assert session.finished

    @pytest.mark.usefixtures("_no_default_context")
    def test_with_the_certificates_that_the_environment_names(
        self, driver: Driver, tls: Tls, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(tls.ca_file))
        with WsServer(started, answer_the_end(), tls=tls.server) as server:
            finish(driver, driver.open(server.url))

    @pytest.mark.usefixtures("_no_default_context")
    def test_a_directory_of_certificates_with_names_of_another_making_costs_one_attempt(
        self, driver: Driver, tls: Tls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "11111111.0").write_bytes(tls.ca_file.read_bytes())
        monkeypatch.setenv("SSL_CERT_FILE", str(tls.ca_file))
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
        with WsServer(tls=tls.server) as server, pytest.raises(SonioxRealtimeError, match="certificate verify failed"):
            driver.open(server.url)
        with WsServer(started, answer_the_end(), tls=tls.server) as server:
            finish(driver, driver.open(server.url))

    @pytest.mark.usefixtures("_no_default_context")
    def test_one_context_for_all(self, driver: Driver, tls: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
        made: list[ssl.SSLContext] = []
        real = ssl.create_default_context

        def create(**options: Any) -> ssl.SSLContext:
            made.append(real(**options))
            return made[-1]

        monkeypatch.setenv("SSL_CERT_FILE", str(tls.ca_file))
        monkeypatch.setattr(ssl, "create_default_context", create)
        with WsServer(started, answer_the_end(), tls=tls.server) as server:
            for _ in range(3):
                finish(driver, driver.open(server.url))
        assert len(made) == 1

    def test_a_certificate_for_another_name_is_refused_before_the_key_is_sent(self, driver: Driver, tls: Tls) -> None:
        with WsServer(lambda peer: peer.read_head(), host="127.0.0.2", tls=tls.server) as server:
            url = server.url
            session = driver.session(url, ssl_context=tls.client)
            with pytest.raises(SonioxRealtimeError, match=r"TLS with 127\.0\.0\.2"):
                driver.call(session.enter)
            server.wait_until(lambda s: s.peers and s.peer.hung_up.is_set())
            assert server.peer.head == b""


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_an_ipv6_literal(driver: Driver, tls: Tls) -> None:
    for server_tls in (None, tls.server):
        with WsServer(started, answer_the_end(), host="::1", tls=server_tls) as server:
            finish(driver, driver.open(server.url, ssl_context=tls.client))
            assert server.peer.headers["host"] == server.address


def test_the_next_address_is_tried(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    with WsServer(started, answer_the_end()) as server:
        real = socket.getaddrinfo

        def resolve(host: str, port: int, *args: Any, **options: Any) -> Any:
            if host != "soniox.invalid" or options.get("flags"):
                return real(host, port, *args, **options)
            good = real("127.0.0.1", server.port, type=socket.SOCK_STREAM)
            no_family = (9999, socket.SOCK_STREAM, 6, "", ("x", 1))
            refused = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))
            return [no_family, refused, *good]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        finish(driver, driver.open(f"ws://soniox.invalid:{server.port}/x"))


class TestProxy:
    @pytest.mark.parametrize("credentials", [None, "user:p@ss:word"])
    def test_tunnel(self, driver: Driver, tls: Tls, credentials: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
        with (
            WsServer(started, answer_the_end(), tls=tls.server) as server,
            RawServer(proxies.tunnel(credentials)) as proxy,
        ):
            user = "user:p%40ss%3Aword@" if credentials else ""
            monkeypatch.setenv("https_proxy", f"http://{user}{proxy.address}")
            finish(driver, driver.open(server.url, ssl_context=tls.client))
            (request,) = proxy.requests
            assert request.target == server.address
            assert KEY.encode() not in request.head
            assert "proxy-authorization" not in server.peer.headers
            assert server.peer.headers["authorization"] == f"Bearer {KEY}"

    def test_plain(self, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
        with WsServer(started, answer_the_end()) as server, RawServer(proxies.tunnel()) as proxy:
            monkeypatch.setenv("http_proxy", proxy.address)
            finish(driver, driver.open(server.url))
            assert len(proxy.requests) == 1

    @pytest.mark.parametrize("exempt", ["127.0.0.1", "*", "other,127.0.0.1"])
    def test_no_proxy(self, driver: Driver, exempt: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        monkeypatch.setenv("no_proxy", exempt)
        with WsServer(started, answer_the_end()) as server:
            finish(driver, driver.open(server.url))

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "status 407"),
            (b"HTTP/1.1 300 Multiple Choices\r\n\r\n", "status 300"),
            (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nbad", "status 502"),
            (b"SSH-2.0-OpenSSH\r\n\r\n", "not HTTP"),
            (b"", "the proxy closed the connection"),
            (b"HTTP/1.1 200 " + b"x" * 100_000, "does not end"),
            (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "status 101"),
            (b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 X\r\n", "more than its response"),
        ],
    )
    def test_that_refuses(self, driver: Driver, answer: bytes, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
        before = open_descriptors()
        with RawServer(send_and_close(answer)) as proxy:
            monkeypatch.setenv("http_proxy", f"http://user:topsecretword@{proxy.address}")
            session = driver.session("ws://soniox.invalid/x")
            with pytest.raises(SonioxRealtimeError, match=words) as caught:
                driver.call(session.enter)
            assert places_of("topsecretword", caught.value) == []
            assert places_of(KEY, caught.value) == []
        assert open_descriptors() <= before

    @pytest.mark.parametrize(
        ("url", "words"),
        [
            ("socks5://user:topsecretword@127.0.0.1:1", "a SOCKS proxy"),
            ("http://", "not an http:// or https:// URL"),
            ("http://u:topsecretword@h:x", "not an http:// or https:// URL"),
        ],
    )
    def test_that_cannot_be_used(self, driver: Driver, url: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", url)
        with pytest.raises(SonioxRealtimeError, match=words) as caught:
            driver.call(driver.session("ws://soniox.invalid/x").enter)
        assert places_of("topsecretword", caught.value) == []

    def test_that_speaks_tls(self, driver: Driver, tls: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
        with (
            WsServer(started, answer_the_end(), tls=tls.server) as server,
            RawServer(proxies.tunnel("token:"), tls=tls.server) as proxy,
        ):
            monkeypatch.setenv("ALL_PROXY", f"https://token@{proxy.address}")
            session = driver.open(server.url, ssl_context=tls.client)
            driver.call(session.send_byte_chunk, b"sound" * 200_000)
            finish(driver, session)
            assert proxy.requests[0].target == server.address
            assert server.peer.audio() == b"sound" * 200_000

    def test_that_speaks_tls_and_is_not_trusted_gets_no_credentials(
        self, driver: Driver, tls: Tls, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with RawServer(tls=tls.server, host="127.0.0.2") as proxy:
            monkeypatch.setenv("http_proxy", f"https://user:topsecretword@{proxy.address}")
            with pytest.raises(SonioxRealtimeError, match=f"TLS with the proxy {proxy.address}"):
                driver.call(driver.session("ws://soniox.invalid/x", ssl_context=tls.client).enter)
        assert proxy.requests == []

    def test_interim_answers_are_skipped(self, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
        interim = b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"

        def then_tunnel(connection: Any) -> None:
            connection.send(interim)
            proxies.tunnel()(connection)

        with WsServer(started, answer_the_end()) as server, RawServer(then_tunnel) as proxy:
            monkeypatch.setenv("http_proxy", proxy.address)
            finish(driver, driver.open(server.url))

    def test_the_words_of_a_refusal_are_shown_without_the_credentials(
        self, driver: Driver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        words = b"no topsecretword dXNlcjp0b3BzZWNyZXR3b3Jk \x1b[31m\xe2\x80\xaehere"
        with RawServer(send_and_close(b"HTTP/1.1 403 %b\r\n\r\n" % words)) as proxy:
            monkeypatch.setenv("http_proxy", f"http://user:topsecretword@{proxy.address}")
            with pytest.raises(SonioxRealtimeError, match=r"status 403 no \*\*\* \*\*\*  \[31m here") as caught:
                driver.call(driver.session("ws://soniox.invalid/x").enter)
            assert caught.value.error_code == 403
            assert places_of("topsecretword", caught.value) == []

    def test_that_stalls(self, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
        with WsServer(ws_server.hold) as proxy:
            monkeypatch.setenv("http_proxy", proxy.address)
            with pytest.raises(SonioxRealtimeError, match=r"timed out: .* within 0\.2 s \(proxy tunnel to"):
                driver.call(driver.session("ws://soniox.invalid/x", connect_timeout_sec=0.2).enter)


REASON = b'{"error_message":"too many sessions"}'


class TestHandshake:
    """What RFC 6455, section 4.1, asks of an answer."""

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"status": "HTTP/1.0 101 Switching Protocols"}, "HTTP/1.1"),
            ({"status": "HTTP/1.1  101 Switching Protocols"}, "not HTTP"),
            ({"status": "HTTP/1.1 101abc"}, "not HTTP"),
            ({"Upgrade": "websocket2"}, "Upgrade"),
            ({"Connection": "keep-alive, upgraded"}, "Connection"),
            ({"accept": str.lower}, "Sec-WebSocket-Accept"),
            ({"Sec-WebSocket-Extensions": "permessage-deflate"}, "extension"),
            ({"Sec-WebSocket-Protocol": "chat"}, "sub-protocol"),
        ],
        ids=str,
    )
    def test_another_answer_is_refused(self, driver: Driver, changes: dict[str, Any], problem: str) -> None:
        with WsServer(lambda peer: _consent(peer, **changes)) as server:
            session = driver.session(server.url)
            with pytest.raises(SonioxRealtimeError, match=problem):
                driver.call(session.enter)

    @pytest.mark.parametrize(
        "changes",
        [
            {"status": "HTTP/1.1 101"},
            {"Upgrade": "WebSocket", "Connection": "keep-alive , UPGRADE"},
            {"before": "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"},
            {"Set-Cookie": "="},
            {"X-A": "b\r\n c", "Upgrade ": "websocket", "Upgrade": None},
            {"Connection": "keep-alive,\r\n\tUpgrade \t"},
        ],
        ids=str,
    )
    def test_the_same_in_other_letters_is_taken(self, driver: Driver, changes: dict[str, Any]) -> None:
        def step(peer: Any) -> None:
            _consent(peer, **changes)
            peer.receive_until("text")

        with WsServer(step, answer_the_end()) as server:
            finish(driver, driver.open(server.url))

    @pytest.mark.parametrize("at_once", [True, False])
    @pytest.mark.parametrize(
        ("fields", "body"),
        [
            (["Content-Length: 37, 37"], REASON),
            (["Transfer-Encoding: Chunked"], b"A;x=y\r\n%b\r\n1B\r\n%b\r\n0\r\n\r\n" % (REASON[:10], REASON[10:])),
        ],
        ids=["length", "chunks"],
    )
    def test_a_refusal_has_its_reason(self, driver: Driver, fields: list[str], body: bytes, at_once: bool) -> None:
        def refuse(peer: Any) -> None:
            peer.read_head()
            head = "\r\n".join(["HTTP/1.1 429 Too Many Requests", *fields, "", ""]).encode()
            parts = [head + body] if at_once else [head, body[:7], body[7:]]
            for part in parts:
                peer.send(part)
            ws_server.mute(peer)

        with WsServer(refuse) as server, pytest.raises(SonioxRealtimeError, match="status 429: too many sessions"):
            driver.call(driver.session(server.url).enter)

    @pytest.mark.parametrize("is_whole", [True, False])
    def test_a_long_refusal_is_read_as_far_as_it_comes(self, driver: Driver, is_whole: bool) -> None:
        body = REASON + b" " * (60_000 if is_whole else 30_000)

        def refuse(peer: Any) -> None:
            peer.read_head()
            peer.send(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: %d\r\n\r\n" % (len(REASON) + 60_000))
            peer.send(body)
            ws_server.hang_up(peer)

        with WsServer(refuse) as server, pytest.raises(SonioxRealtimeError, match="status 429: too many sessions"):
            driver.call(driver.session(server.url).enter)

    @pytest.mark.parametrize("value", ["7", " 7 "])
    def test_a_refusal_says_when_to_try_again(self, driver: Driver, value: str) -> None:
        with WsServer(ws_server.refuse("503 Busy", b"", f"Retry-After:{value}")) as server:
            with pytest.raises(SonioxRealtimeError, match="asks to wait 7 s") as caught:
                driver.call(driver.session(server.url).enter)
            assert caught.value.retry_after_sec == 7
            assert caught.value.error_code == 503


def _consent(
    peer: Any, *, before: str = "", status: str = "HTTP/1.1 101 Switching Protocols", accept: Any = str, **fields: Any
) -> None:
    """Accepts the upgrade, but for what is to be changed."""
    peer.read_head()
    digest = hashlib.sha1(f"{peer.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
    given = {"Upgrade": "websocket", "Connection": "Upgrade", **fields}
    given["Sec-WebSocket-Accept"] = accept(base64.b64encode(digest).decode())
    lines = [status, *(f"{name}: {value}" for name, value in given.items() if value), "", ""]
    peer.send((before + "\r\n".join(lines)).encode())


def test_a_name_with_a_dot_at_its_end_is_the_name_without(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    context, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.issue_cert("soniox.example").configure_cert(context)
    authority.configure_trust(client)
    names: list[Any] = []
    context.sni_callback = lambda _sock, name, _context: names.append(name)
    looked_up = resolve_as_loopback(monkeypatch)
    with WsServer(started, answer_the_end(), tls=context) as server:
        finish(driver, driver.open(server.url.replace("127.0.0.1", "soniox.example."), ssl_context=client))
        assert names == ["soniox.example"]
        assert server.peer.headers["host"].startswith("soniox.example:")
    assert set(looked_up) == {"soniox.example."}


def test_without_a_thread_to_resolve_names_the_session_says_so(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_threads(monkeypatch, "soniox-lite resolve")
    with pytest.raises(SonioxRealtimeError, match="no thread can be started for name resolution"):
        driver.call(driver.session("ws://soniox.invalid/x").enter)


def test_what_blocks_sockets_in_tests_is_heard(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    class BlockedError(RuntimeError):
        pass

    class Guarded(socket.socket):
        def __new__(cls, *_: Any, **__: Any) -> Any:
            raise BlockedError

    monkeypatch.setattr(socket, "socket", Guarded)
    with pytest.raises(BlockedError):
        driver.call(driver.session("ws://127.0.0.1:1/x").enter)


class TestTheKeyIsNotShown:
    def test_by_a_redirect(self, driver: Driver) -> None:
        with (
            WsServer() as elsewhere,
            WsServer(ws_server.refuse("307 Away", b"", f"Location: {elsewhere.url}")) as server,
        ):
            session = driver.session(server.url)
            with pytest.raises(SonioxRealtimeError, match="status 307") as caught:
                driver.call(session.enter)
            assert caught.value.error_code == 307
            assert elsewhere.peers == []

    def test_by_a_server_that_repeats_it(self, driver: Driver) -> None:
        def repeat(peer: Any) -> None:
            peer.read_head()
            body = json.dumps({"error_message": f"bad {peer.headers['authorization']}", "error_type": "x"}).encode()
            # In two parts, and more slowly than the head.
            head = f"HTTP/1.1 401 No {peer.headers['authorization']}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            peer.send(head + body[:10])
            peer.send(body[10:])
            ws_server.hang_up(peer)

        with WsServer(repeat) as server:
            session = driver.session(server.url)
            with pytest.raises(SonioxRealtimeError, match=r"status 401: bad Bearer \*\*\* \(401, x\)") as caught:
                driver.call(session.enter)
            assert places_of(KEY, caught.value) == []

    @pytest.mark.parametrize("answer", ["HTTP/1.1 abc {0}\r\n\r\n", "{0}\r\n\r\n", "HTTP/1.1 101 {0}\r\n{0}\r\n\r\n",
                                        "HTTP/1.1 403 X\r\ncontent-length: {0}\r\n\r\n"])  # fmt: skip
    def test_by_garbage_that_repeats_it(self, driver: Driver, answer: str) -> None:
        def repeat(peer: Any) -> None:
            peer.read_head()
            peer.send(answer.format(peer.headers["authorization"]).encode())
            ws_server.hang_up(peer)

        with WsServer(repeat) as server:
            with pytest.raises(SonioxRealtimeError) as caught:
                driver.call(driver.session(server.url).enter)
            assert places_of(KEY, caught.value) == []

    def test_by_reprs_logs_and_the_librarys_trace(self, driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
        handler = logging.NullHandler()
        websocket.enableTrace(True, handler=handler, level="DEBUG")
        logger = logging.getLogger("websocket")
        logger.addHandler(caplog.handler)
        try:
            with caplog.at_level(logging.DEBUG), WsServer(started, message(FINISHED), ws_server.close()) as server:
                session = driver.open(server.url)
                driver.rest(session)
                shown = repr(session) + repr(vars(session))
                driver.call(session.close)
        finally:
            logger.removeHandler(caplog.handler)
            websocket.enableTrace(False, handler=handler)
        assert "request header" in caplog.text
        assert KEY not in caplog.text + shown


class TestAsyncOnly:
    def test_a_hundred_sessions_cost_no_threads_and_leave_none(self) -> None:
        before = open_descriptors()
        with AsyncDriver() as driver, WsServer(started, answer_the_end()) as server:
            names = {thread.name for thread in threading.enumerate()}
            sessions = [driver.session(server.url) for _ in range(100)]

            async def open_all() -> None:
                await asyncio.gather(*(session.enter() for session in sessions))

            async def close_all() -> None:
                await asyncio.gather(*(session.close() for session in sessions))

            driver.call(open_all)
            assert driver.left_over() == []
            # Those of the server have one name.
            assert {thread.name for thread in threading.enumerate()} <= names
            driver.call(close_all)
            assert all(session.finished for session in sessions)
            assert driver.left_over() == []
        assert open_descriptors() <= before

    def test_each_loop_has_its_own(self) -> None:
        with WsServer(started, answer_the_end()) as server, AsyncDriver() as first, AsyncDriver() as second:
            one, other = first.open(server.url), second.open(server.url)
            # The other loop must not touch what is watched by this one.
            with pytest.raises(SonioxRealtimeError, match="event loop that opened it"):
                second.call(one.receive_event)
            first.call(one.close)
            second.call(other.close)
            assert one.finished
            assert other.finished

    def test_a_session_whose_loop_is_gone_can_still_be_closed(self) -> None:
        before = open_descriptors()
        with WsServer(started) as server:

            async def enter() -> Any:
                return await AsyncRealtimeSTTSession(server.url, CONFIG, KEY).enter()

            session = asyncio.run(enter())
            asyncio.run(session.cancel())
            assert session.state == "closed"
        assert open_descriptors() <= before


async def _connect(session: Any) -> None:
    await session.enter()


class TestCancellation:
    """A task that is cancelled in any await stops at once and leaves nothing behind."""

    @pytest.mark.parametrize("step", [ws_server.hold, lambda peer: (peer.read_head(), ws_server.hold(peer))])
    def test_while_connecting(self, step: Any, tls: Tls) -> None:
        before = open_descriptors()
        reached = threading.Event()
        with AsyncDriver() as driver, WsServer(ws_server.tell(reached), step) as server:
            session = driver.session(server.url, connect_timeout_sec=3)
            entering = driver.start(session.enter)
            assert reached.wait(PATIENCE_SEC)
            _cancel(driver, entering)
            assert session.state == "closed"
            assert driver.left_over() == []
        assert open_descriptors() <= before

    def test_just_when_the_connection_is_open(self) -> None:
        before = open_descriptors()
        driver = Driver()
        with WsServer(started) as server:
            for _ in range(10):

                async def enter() -> None:
                    session = AsyncRealtimeSTTSession(server.url, CONFIG, KEY)
                    task = asyncio.ensure_future(session.enter())
                    accepted = len(server.peers)
                    deadline = time.monotonic() + 60
                    while len(server.peers) == accepted:  # The server is a thread.
                        assert time.monotonic() < deadline, "the server accepted nothing"
                        await asyncio.sleep(0)  # The task's turn.
                    task.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await task

                asyncio.run(enter())
            assert driver.left_over() == []
        assert open_descriptors() <= before

    @pytest.mark.parametrize("what", ["receive", "send", "close", "events", "iterate"])
    def test_while_open(self, what: str) -> None:
        before = open_descriptors()
        with AsyncDriver() as driver, WsServer(started, ws_server.hold, receive_buffer=4096) as server:
            session = driver.open(server.url, close_timeout_sec=60, send_timeout_sec=60)
            waiting = {
                "receive": lambda: driver.start(session.receive_event),
                "send": lambda: driver.send_until_it_fails(session, bytes(60_000)),
                "close": lambda: driver.start(session.close),
                "events": lambda: driver.start(_last_of, session.session_events()),
                "iterate": lambda: driver.start(_last_of, session.receive_events()),
            }[what]()
            _until_waiting(driver, what)
            _cancel(driver, waiting)
            if what == "close":
                assert session.state == "closed"
            elif what in ("receive", "iterate"):
                # It was only the wait that ended.
                with pytest.raises(SonioxRealtimeError, match="no message within"):
                    driver.call(session.receive_event, 0.01)
            driver.call(session.cancel)
            assert driver.left_over() == []
        assert open_descriptors() <= before


async def _last_of(items: Any) -> Any:
    item = None
    async for item in items:  # noqa: B007
        pass
    return item


def _until_waiting(driver: AsyncDriver, what: str) -> None:
    if what == "send":
        websocket = the_websocket()
        wait_until(lambda: websocket.wants_write)
    # What was started before this has run until it waits.
    driver.call(asyncio.sleep, 0)


def _cancel(driver: AsyncDriver, future: Any) -> None:
    async def unwound() -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            _, pending = await asyncio.wait(others, timeout=PATIENCE_SEC)
            assert not pending

    future.cancel()
    assert future.cancelled()
    # The task hears of it in its loop, before this looks there.
    driver.call(unwound)


def options_for(url: str, *, connect_timeout_sec: float) -> ConnectionOptions:
    return ConnectionOptions(
        url=url,
        api_key=KEY,
        connect_timeout_sec=connect_timeout_sec,
        send_timeout_sec=1,
        ping_interval_sec=None,
        ping_timeout_sec=None,
        max_queued_messages=2,
        max_queued_bytes=1024,
        max_message_bytes=1024,
        ssl_context=None,
    )


def test_a_name_that_does_not_resolve_in_time_leaves_its_thread_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released = threading.Event()
    driver, before = Driver(), open_descriptors()

    def resolve(*_: Any, **options: Any) -> Any:
        if options.get("flags"):
            raise socket.gaierror(socket.EAI_NONAME, "not an address")
        released.wait(PATIENCE_SEC)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(SonioxRealtimeError, match=r"timed out: .* within 0\.1 s"):
        open_websocket(options_for("ws://soniox.invalid/x", connect_timeout_sec=0.1))
    released.set()
    assert driver.left_over() == []
    assert open_descriptors() <= before


def test_without_the_library_the_session_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "websocket", None)
    with pytest.raises(SonioxRealtimeError, match="need websocket-client, which is not installed"):
        AsyncRealtimeSTTSession("ws://127.0.0.1:9", CONFIG, KEY)


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a privilege there")
@pytest.mark.parametrize("has_core", [True, False], ids=["websocket-client", "another module"])
def test_a_vendored_copy_uses_the_one_beside_it(tmp_path: Path, has_core: bool) -> None:
    vendor = tmp_path / "their_app" / "_vendor"
    vendor.mkdir(parents=True)
    (vendor / "soniox_lite").symlink_to(Path(soniox_lite.__file__).parent)
    if has_core:
        (vendor / "websocket").symlink_to(Path(websocket.__file__).parent)
    else:
        (vendor / "websocket.py").write_text("raise AssertionError")
    code = """
import sys
from their_app._vendor.soniox_lite.realtime import RealtimeSTTSession
with RealtimeSTTSession(sys.argv[1], {"model": "stt-rt-v5", "audio_format": "auto"}, api_key="k") as session:
    session.finish()
    print([event.finished for event in session.receive_events()])
print(sorted({"websocket", "their_app._vendor.websocket"} & sys.modules.keys()))
"""
    with WsServer(started, answer_the_end()) as server:
        command = [sys.executable, "-c", code, server.url]
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    name = "their_app._vendor.websocket" if has_core else "websocket"
    assert (done.stdout.splitlines(), done.stderr) == (["[True]", f"['{name}']"], "")
