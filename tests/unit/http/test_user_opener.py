"""A urllib opener of the user's own, which raises for statuses and opens a connection for each request."""

from __future__ import annotations

import time
import urllib.request
from typing import Any

import pytest

from soniox_lite import (
    SonioxAPIError,
    SonioxConnectionError,
    SonioxNotFoundError,
    SonioxServerError,
    SonioxTimeoutError,
    SonioxValidationError,
)
from tests.support.callers import KEY
from tests.support.proxies import forward
from tests.support.raw_server import RawServer, drip, http_reply, refused_port, reply, send_and_close, stall
from tests.support.tables import each_row


@pytest.fixture
def with_opener(connect: Any) -> Any:
    def make(server: Any, *handlers: Any, **options: Any) -> Any:
        return connect(server, opener=urllib.request.build_opener(*handlers), **options)

    return make


def test_replies_are_replies(with_opener: Any) -> None:
    with RawServer(reply(b'{"a": 1}'), reply(b'{"message": "no"}', "404 Not Found")) as server:
        caller = with_opener(server)
        assert caller.request("GET").json() == {"a": 1}
        response = caller.request("POST", json={"b": 2})
        assert (response.status_code, response.json()) == (404, {"message": "no"})
        with pytest.raises(SonioxNotFoundError, match=r"no .HTTP 404"):
            response.raise_for_status()
    assert server.requests[1].body == b'{"b":2}'
    assert [request.headers["authorization"] for request in server.requests] == [f"Bearer {KEY}"] * 2
    assert server.connection_count == 2


def test_failures_are_repeated_as_ever(with_opener: Any, pauses: list[float]) -> None:
    with RawServer(then=reply(b"", "503 Busy")) as server, pytest.raises(SonioxServerError):
        with_opener(server).request("GET").raise_for_status()
    assert len(server.requests) == 3
    assert len(pauses) == 2


@pytest.mark.parametrize("status", ["101 Switching Protocols", "103 Early Hints"])
def test_an_interim_reply_is_no_answer(with_opener: Any, status: str) -> None:
    """http.client, below urllib's own opener, takes it for one."""
    interim = f"HTTP/1.1 {status}\r\n\r\n".encode()
    step = send_and_close(interim + http_reply())
    with RawServer(step) as server, pytest.raises(SonioxConnectionError, match="no HTTP response"):
        with_opener(server, max_retries=0).request("GET")


def test_redirects_are_its_own_business_but_never_with_the_key(with_opener: Any) -> None:
    with RawServer(reply(b"there")) as other:
        moved = reply(b"", "302 Found", f"Location: {other.url}/x")
        with RawServer(moved) as server:
            assert with_opener(server).request("GET").content == b"there"
    assert KEY not in other.requests[0].head.decode()


def test_an_opener_without_redirects_gives_the_redirect(connect: Any) -> None:
    class NoRedirects(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any, **__: Any) -> None:
            return None

    with RawServer(reply(b"", "302 Found", "Location: /x")) as server:
        response = connect(server, opener=urllib.request.build_opener(NoRedirects)).request("GET")
        with pytest.raises(SonioxAPIError, match="redirected"):
            response.raise_for_status()


def test_its_proxy_is_used(with_opener: Any) -> None:
    with RawServer(then=forward()) as proxy, RawServer(then=reply(b"origin")) as server:
        handler = urllib.request.ProxyHandler({"http": proxy.url})
        assert with_opener(server, handler).request("GET").content == b"origin"
    assert proxy.targets == [f"GET {server.url}/v1/models"]


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"], ids=["head", "body"])
def test_silence_is_a_timeout(with_opener: Any, start: bytes) -> None:
    with RawServer(then=stall(start)) as server:
        started = time.monotonic()
        with pytest.raises(SonioxTimeoutError) as caught:
            with_opener(server, timeout_sec=0.2, max_retries=0).request("GET")
        assert caught.value.request_sent
        assert time.monotonic() - started < 20


@each_row(
    ("raw", "problem"),
    [
        (b"", "closed the connection without a response"),
        (b"hello\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", "cut off after 2 bytes"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nab", "not HTTP"),
    ],
)
def test_broken_replies_are_connection_errors(with_opener: Any, raw: bytes, problem: str) -> None:
    with RawServer(then=send_and_close(raw)) as server, pytest.raises(SonioxConnectionError, match=problem):
        with_opener(server, max_retries=0).request("GET")


def test_a_refused_connection_is_a_connection_error(with_opener: Any) -> None:
    with pytest.raises(SonioxConnectionError, match="ConnectionRefusedError"):
        with_opener(f"http://127.0.0.1:{refused_port()}", max_retries=0).request("GET")


def test_an_opener_without_http_is_a_connection_error(connect: Any) -> None:
    opener = urllib.request.OpenerDirector()
    opener.add_handler(urllib.request.UnknownHandler())
    with pytest.raises(SonioxConnectionError, match="unknown url type"):
        connect("http://127.0.0.1:1", opener=opener, max_retries=0).request("GET")


def test_an_opener_that_has_no_answer_is_a_soniox_error(connect: Any) -> None:
    with pytest.raises(SonioxConnectionError, match="no HTTP response"):
        connect("http://127.0.0.1:1", opener=urllib.request.OpenerDirector(), max_retries=0).request("GET")


def test_what_it_opens_need_not_be_http(connect: Any) -> None:
    """A redirect to ftp: is followed by urllib's own opener; its reply has no status."""

    class Odd(urllib.request.BaseHandler):
        def http_open(self, request: Any) -> Any:
            import io
            from email.message import Message
            from urllib.response import addinfourl

            return addinfourl(io.BytesIO(b"x"), Message(), request.full_url)

    opener = urllib.request.OpenerDirector()
    opener.add_handler(Odd())
    with pytest.raises(SonioxConnectionError, match="no HTTP response"):
        connect("http://127.0.0.1:1", opener=opener, max_retries=0).request("GET")


class ReadOnly:
    """A stream that has nothing but read()."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self, size: int) -> bytes:
        block, self._content = self._content[:size], self._content[size:]
        return block


@pytest.mark.parametrize("source", [b"sound" * 100_000, ReadOnly(b"sound" * 100_000)], ids=["length", "chunked"])
def test_uploads_stream_through_it(with_opener: Any, source: Any) -> None:
    seen: list[int] = []
    with RawServer(then=reply()) as server:
        if isinstance(source, ReadOnly):
            source = ReadOnly(b"sound" * 100_000)
        with_opener(server).upload(source, on_progress=lambda sent, _: seen.append(sent))
    assert b"sound" * 100_000 in server.requests[0].body
    assert seen[-1] == 500_000


def test_a_stream_that_fails_is_not_the_networks_fault(with_opener: Any) -> None:
    class Failing(ReadOnly):
        def read(self, size: int) -> bytes:
            raise OSError("disk")

    with RawServer(then=reply()) as server, pytest.raises(SonioxValidationError, match="disk"):
        with_opener(server).upload(Failing(b""))


def test_a_callback_that_fails_is_not_either(with_opener: Any) -> None:
    def fail(*_: Any) -> None:
        raise BrokenPipeError("mine")

    with RawServer(then=reply()) as server, pytest.raises(BrokenPipeError, match="mine"):
        with_opener(server).upload(b"sound", on_progress=fail)


def test_an_error_that_stops_is_still_that_error(with_opener: Any) -> None:
    with RawServer(then=send_and_close(http_reply(b"abc", "502 Bad")[:-1])) as server:
        response = with_opener(server, max_retries=0).request("GET")
    assert (response.status_code, response.complete) == (502, False)


def test_a_handler_that_fails_with_something_else_is_heard(connect: Any) -> None:
    class Failing(urllib.request.BaseHandler):
        handler_order = 100

        def http_open(self, request: Any) -> Any:
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        connect("http://127.0.0.1:1", opener=urllib.request.build_opener(Failing)).request("GET")


@each_row("opener", [5, "opener", object()])
def test_what_is_no_opener_is_refused(connect: Any, opener: Any) -> None:
    with pytest.raises(SonioxValidationError, match="opener must be a urllib opener"):
        connect("http://127.0.0.1:1", opener=opener)


def test_closing_the_client_leaves_it_open(connect: Any) -> None:
    opener = urllib.request.build_opener()
    with RawServer(then=reply()) as server:
        caller = connect(server, opener=opener)
        caller.request("GET")
        caller.close()
        with opener.open(server.url, timeout=60) as answer:
            assert answer.status == 200


def test_a_drip_ends_with_its_server(with_opener: Any) -> None:
    """The pace is watched by our own connections only; an opener's own has the timeout between bytes."""
    with RawServer(then=drip(b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n", 0.1)) as server:
        assert with_opener(server, timeout_sec=2.5).request("GET").content == b"a" * 30


def test_a_host_that_swallows_packets_is_a_timeout(with_opener: Any, silent_port: int) -> None:
    """urllib wraps the time-out of connecting in an error of its own."""
    with pytest.raises(SonioxTimeoutError, match=r"no response within 0.2 s"):
        with_opener(f"http://127.0.0.1:{silent_port}", timeout_sec=0.2, max_retries=0).request("GET")
