"""Connections that live, and what ends them."""

from __future__ import annotations

import contextlib
import select
import threading
from typing import Any

import pytest

from soniox_lite import SonioxConnectionError
from soniox_lite._data.clock import time
from soniox_lite._http import connections, pool
from tests.support.raw_server import (
    Connection,
    RawServer,
    close,
    http_reply,
    reply,
    reset,
    send_and_close,
    send_raw,
)
from tests.support.settings import settings_of
from tests.support.tables import each_row


def redirect_to(other: RawServer) -> Any:
    """A step that sends the client to another server."""
    return reply(b"", "302 Found", f"Location: {other.url}/there")


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nTrailer: 1\r\n\r\n"
)


@pytest.fixture
def idle_closed(connect: Any) -> Any:
    """Makes a client whose pooled connection was closed by the server after its first reply."""

    def make(server: RawServer, **options: Any) -> Any:
        caller = connect(server, **options)
        caller.request("GET")
        server.wait_until(lambda server: server.open_connections == 0)
        return caller

    return make


@each_row("method", ["GET", "POST", "DELETE", "PATCH"])
def test_requests_one_after_the_other_use_one_connection(connect: Any, method: str) -> None:
    with RawServer(then=reply()) as server:
        caller = connect(server)
        for number in range(20):
            assert caller.request(method, f"/files/{number}").status_code == 200
    assert server.connection_count == 1
    assert server.targets == [f"{method} /v1/files/{number}" for number in range(20)]


@each_row(
    ("raw", "content"),
    [
        (http_reply(b"hello"), b"hello"),
        (http_reply(b""), b""),
        (CHUNKED, b"hello world"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + http_reply(b"hello"), b"hello"),
        (b"HTTP/1.1 100 Continue\r\nX: 1\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + http_reply(b"hello"), b"hello"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + http_reply(b"hello"), b"hello"),
        (b"HTTP/1.1 102 Processing\r\nA: b\r\n folded\r\n\r\n" * 3 + http_reply(b"hello"), b"hello"),
        (b"HTTP/1.1 199 Odd\r\nContent-Length: 5\r\n\r\n" + http_reply(b"hello"), b"hello"),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        (http_reply(b"error", "404 Not Found"), b"error"),
        (http_reply(b"e" * 1_000_000, "400 Bad"), b"e" * 1_000_000),
    ],
)
def test_a_connection_is_kept_after_a_complete_reply(connect: Any, raw: bytes, content: bytes) -> None:
    with RawServer(send_raw(raw), reply(b'{"next": 1}')) as server:
        caller = connect(server)
        assert caller.request("GET").content == content
        assert caller.request("GET").json() == {"next": 1}
    assert server.connection_count == 1


def test_a_reply_to_head_has_no_body_whatever_it_announces(connect: Any) -> None:
    with RawServer(send_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"), reply()) as server:
        caller = connect(server)
        assert caller.request("HEAD").content == b""
        assert caller.request("GET").content == b"{}"
    assert server.connection_count == 1


@each_row(
    "step",
    [
        reply(b"hello", "200 OK", "Connection: close"),
        send_and_close(b"HTTP/1.1 200 OK\r\n\r\nhello"),
        send_and_close(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
    ],
    ids=["said so", "no length", "old version"],
)
def test_a_connection_that_ends_with_its_reply_is_not_used_again(connect: Any, step: Any) -> None:
    with RawServer(step, reply()) as server:
        caller = connect(server)
        assert caller.request("GET").content == b"hello"
        assert caller.request("POST", json={}).content == b"{}"
    assert server.connection_count == 2


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_close_while_idle_is_not_noticed(idle_closed: Any, pauses: list[float], method: str) -> None:
    with RawServer(send_and_close(http_reply()), reply(b"again")) as server:
        caller = idle_closed(server, max_retries=0)
        assert caller.request(method).content == b"again"
    assert [request.method for request in server.requests] == ["GET", method]
    assert pauses == []


@pytest.mark.parametrize("failure", [close, reset], ids=["closed", "reset"])
def test_a_get_that_meets_a_close_has_one_free_attempt(connect: Any, pauses: list[float], failure: Any) -> None:
    with RawServer(reply(), failure, reply(b"again")) as server:
        caller = connect(server, max_retries=0)
        caller.request("GET")
        assert caller.request("GET").content == b"again"
    assert pauses == []


def test_a_redirect_that_meets_a_close_has_one_too(connect: Any, pauses: list[float]) -> None:
    with RawServer(reply(b"first"), close, reply(b"second")) as other, RawServer() as server:
        server.go_on_with(*[reply(b"", "302 Found", f"Location: {other.url}/there")] * 2)
        caller = connect(server)
        assert [caller.request("GET").content for _ in range(2)] == [b"first", b"second"]
    assert [request.connection_number for request in other.requests] == [1, 1, 2]
    assert pauses == []


def test_the_free_attempt_is_only_one(connect: Any) -> None:
    with RawServer(reply(), close, close) as server:
        caller = connect(server, max_retries=0)
        caller.request("GET")
        with pytest.raises(SonioxConnectionError, match="closed the connection without a response"):
            caller.request("GET")
    assert len(server.requests) == 3


def test_a_new_connection_has_no_free_attempt(connect: Any) -> None:
    with RawServer(close) as server, pytest.raises(SonioxConnectionError):
        connect(server, max_retries=0).request("GET")
    assert len(server.requests) == 1


@pytest.mark.parametrize("failure", [close, reset], ids=["closed", "reset"])
def test_a_post_that_meets_a_close_is_never_sent_twice(connect: Any, failure: Any) -> None:
    with RawServer(reply(), failure) as server:
        caller = connect(server)
        caller.request("GET")
        with pytest.raises(SonioxConnectionError) as caught:
            caller.request("POST", json={})
        assert caught.value.request_sent
    assert [request.method for request in server.requests] == ["GET", "POST"]


def test_a_post_does_not_trust_a_connection_that_was_idle_for_long(
    connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer(then=reply()) as server:
        caller = connect(server)
        caller.request("GET")
        monkeypatch.setattr(connections, "MAX_IDLE_SEC_UNREPEATABLE", -1.0)
        caller.request("GET")
        assert server.connection_count == 1
        caller.request("POST", json={})
        assert server.connection_count == 2


@pytest.mark.parametrize("clock", ["suspended with the machine", "the only one"])
def test_a_connection_that_was_idle_for_too_long_is_replaced(
    connect: Any, monkeypatch: pytest.MonkeyPatch, clock: str
) -> None:
    """A laptop wakes up: the clock that all else is measured by has stood still."""
    slept_sec = 0.0
    if clock == "the only one":
        monkeypatch.setattr(pool, "CLOCK", None)
        real_monotonic = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: real_monotonic() + slept_sec)
    elif hasattr(time, "CLOCK_BOOTTIME"):
        real_gettime = time.clock_gettime
        monkeypatch.setattr(time, "clock_gettime", lambda clock: real_gettime(clock) + (clock == 7) * slept_sec)
        assert time.CLOCK_BOOTTIME == 7
    else:
        pytest.skip("no such clock here")
    with RawServer(then=reply()) as server:
        caller = connect(server)
        caller.request("GET")
        slept_sec = 29.0
        caller.request("GET")
        assert server.connection_count == 1
        slept_sec += 31.0
        caller.request("GET")
        assert server.connection_count == 2


def test_what_is_idle_elsewhere_is_closed_too(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(pool, "clock", lambda: now)
    with RawServer(then=reply()) as other, RawServer(redirect_to(other), then=reply()) as server:
        caller = connect(server)
        caller.request("GET")
        assert other.open_connections == 1
        now = 31.0
        caller.request("GET")
        other.wait_until(lambda other: other.open_connections == 0)


def test_the_bound_of_idle_connections_is_one_for_all_hosts(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MAX_IDLE_CONNECTIONS", 2)
    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(RawServer(then=reply())) for _ in range(4)]
        server = stack.enter_context(RawServer(*map(redirect_to, others)))
        caller = connect(server)
        for _ in others:
            caller.request("GET")
        for other in others[:2]:
            other.wait_until(lambda other: other.open_connections == 0)
        assert [other.open_connections for other in others[2:]] == [1, 1]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unrequested_bytes_are_not_the_next_response(connect: Any, method: str) -> None:
    with RawServer(send_raw(http_reply(b"mine") + http_reply(b"not mine")), reply(b"yours")) as server:
        caller = connect(server)
        assert caller.request("GET").content == b"mine"
        assert caller.request(method).content == b"yours"


def test_a_connection_that_said_too_much_is_not_used_again(connect: Any) -> None:
    """Half a response without a request would swallow the beginning of the next one."""
    with RawServer(send_raw(http_reply(b"mine") + b"HTTP/1.1 200 OK\r\nContent-"), reply(b"yours")) as server:
        caller = connect(server)
        assert caller.request("GET").content == b"mine"
        assert caller.request("GET").content == b"yours"
    assert server.connection_count == 2


def test_late_words_end_an_idle_connection(connect: Any) -> None:
    go, said = threading.Event(), threading.Event()

    def talkative(connection: Connection) -> None:
        connection.send(http_reply(b"mine"))
        go.wait(60)
        connection.send(http_reply(b"not mine"))
        said.set()

    with RawServer(talkative, reply(b"yours")) as server:
        caller = connect(server)
        assert caller.request("GET").content == b"mine"
        go.set()
        assert said.wait(60)
        assert caller.request("POST", json={}).content == b"yours"
    assert server.connection_count == 2


def test_an_answer_goes_to_the_request_that_it_answers(connect: Any) -> None:
    """What comes before an answer is none, however long the answer takes."""

    def hint_first(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
        connection.server.stopping.wait(0.02)
        connection.send(http_reply(connection.request.target.encode()))

    with RawServer(then=hint_first) as server:
        caller = connect(server, max_retries=0)
        for number in range(3):
            assert caller.request("GET", f"/{number}").content == f"/v1/{number}".encode()
        assert caller.request("POST", "/3", json={}).content == b"/v1/3"
    assert server.connection_count == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
    ],
)
def test_a_change_of_protocol_that_was_not_asked_for_is_an_error(connect: Any, raw: bytes) -> None:
    with RawServer(send_raw(raw + http_reply(b"not mine")), reply(b"yours")) as server:
        caller = connect(server, max_retries=0)
        with pytest.raises(SonioxConnectionError, match=r"not HTTP .UnrequestedUpgradeError"):
            caller.request("GET")
        assert caller.request("GET").content == b"yours"
    assert server.connection_count == 2


def test_a_connection_whose_reply_was_garbled_is_not_used_again(connect: Any) -> None:
    garbled = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n"
    with RawServer(send_raw(garbled), reply(b"yours")) as server:
        assert connect(server, max_retries=1).request("GET").content == b"yours"
    assert server.connection_count == 2


def test_a_system_without_poll_notices_a_close_too(
    idle_closed: Any, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    if hasattr(select, "poll"):
        monkeypatch.delattr(select, "poll")
    with RawServer(send_and_close(http_reply()), reply(b"again"), reply(b"and again")) as server:
        caller = idle_closed(server, max_retries=0)
        assert caller.request("POST", json={}).content == b"again"
        assert caller.request("POST", json={}).content == b"and again"
    assert server.connection_count == 2
    assert pauses == []


def test_hosts_do_not_share_connections(connect: Any) -> None:
    with RawServer(then=reply(b"one")) as one, RawServer(then=reply(b"two")) as two:
        first, second = connect(one), connect(two)
        for _ in range(3):
            assert (first.request("GET").content, second.request("GET").content) == (b"one", b"two")
    assert (one.connection_count, two.connection_count) == (1, 1)


def test_at_most_so_many_idle_connections_are_kept(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MAX_IDLE_CONNECTIONS", 2)
    barrier = threading.Barrier(5)

    def together(connection: Connection) -> None:
        barrier.wait(60)
        connection.send(http_reply())

    with RawServer(*[together] * 5, then=reply()) as server:
        caller = connect(server)
        if connect.surface == "sync":
            threads = [threading.Thread(target=caller.request) for _ in range(5)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        else:
            import asyncio

            caller.run(lambda client: asyncio.gather(*(client.request("GET", "/models") for _ in range(5))))
        server.wait_until(lambda server: server.open_connections == 2)
    assert server.connection_count == 5


class TestAnswersBeforeTheEnd:
    """A server that has seen enough answers and closes while the rest of an upload is still on its way."""

    @each_row("status", ["413 Content Too Large", "401 Unauthorized"])
    @each_row("end", ["close", "reset"])
    def test_the_answer_is_what_the_caller_sees(self, connect: Any, status: str, end: str) -> None:
        def refuse(connection: Connection) -> None:
            connection.receive()
            connection.send(http_reply(b'{"message": "no"}', status, "Connection: close"))
            getattr(connection, end)()

        with RawServer(refuse) as server:
            response = connect(server).upload(bytes(20_000_000))
        assert f"{response.status_code}" == status[:3]
        assert response.json() == {"message": "no"}

    def test_the_answer_to_a_chunked_upload_too(self, connect: Any) -> None:
        class Unseekable:
            def __init__(self) -> None:
                self.left = 200

            def read(self, size: int) -> bytes:
                self.left -= 1
                return bytes(size) if self.left else b""

        def refuse(connection: Connection) -> None:
            connection.receive()
            connection.send(http_reply(b"no", "413 Content Too Large", "Connection: close"))
            connection.close()

        with RawServer(refuse) as server:
            assert connect(server).upload(Unseekable()).status_code == 413

    def test_the_answer_when_only_the_last_chunk_is_too_late(self) -> None:
        from soniox_lite._http.body import Body
        from soniox_lite._http.messages import Request
        from soniox_lite._http.transport import Transport

        def refuse(connection: Connection) -> None:
            connection.receive()
            connection.send(http_reply(b"no", "413 Content Too Large", "Connection: close"))
            connection.reset()

        with RawServer(refuse) as server:

            class LateBody(Body):
                def __iter__(self) -> Any:
                    yield b"all there is"
                    server.wait_until(lambda server: server.open_connections == 0 and len(server.requests) == 1)

            body = LateBody(b"", "text/plain")
            body.length = None
            settings = settings_of()
            with contextlib.closing(Transport(settings)) as transport:
                response = transport.send(Request("POST", f"{server.url}/v1/x", {}, body), settings)
        assert response.status_code == 413

    def test_the_answer_of_a_server_that_just_stops_reading(self, connect: Any) -> None:
        def refuse(connection: Connection) -> None:
            connection.receive()
            connection.send(http_reply(b"no", "413 Content Too Large"))
            connection.server.stopping.wait(60)

        with RawServer(refuse) as server:
            assert connect(server, timeout_sec=1.5).upload(bytes(20_000_000)).status_code == 413

    def test_a_connection_with_half_a_request_on_it_is_not_used_again(self, connect: Any) -> None:
        def refuse(connection: Connection) -> None:
            connection.receive()
            connection.send(http_reply(b"no", "413 Content Too Large"))
            connection.close()

        with RawServer(refuse, reply(b"next")) as server:
            caller = connect(server)
            assert caller.upload(bytes(20_000_000)).status_code == 413
            assert caller.request("GET").content == b"next"
        assert server.connection_count == 2

    def test_no_answer_is_a_connection_error(self, connect: Any) -> None:
        def hang_up(connection: Connection) -> None:
            connection.receive()
            connection.reset()

        with RawServer(hang_up) as server:
            with pytest.raises(SonioxConnectionError) as caught:
                connect(server).upload(bytes(20_000_000))
            assert caught.value.request_sent
        assert len(server.requests) == 1
