"""Replies as servers should not give them: too much, too little, too slow, of another kind."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import socket
import time
import zlib
from typing import Any

import pytest

from soniox_lite import (
    SonioxAPIError,
    SonioxAuthenticationError,
    SonioxClient,
    SonioxConflictError,
    SonioxConnectionError,
    SonioxInvalidRequestError,
    SonioxNotFoundError,
    SonioxPermissionDeniedError,
    SonioxRateLimitError,
    SonioxServerError,
    SonioxTimeoutError,
)
from soniox_lite._http import content_encoding, transport, wire_response as replies
from tests.support.callers import KEY
from tests.support.insides import living
from tests.support.raw_server import RawServer, drip, http_reply, repeat, reply, send_and_close, send_raw, stall

from ...support.tables import each_row

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
RAW_DEFLATE = zlib.compressobj(wbits=-zlib.MAX_WBITS)


class TestBounds:
    @pytest.fixture(autouse=True)
    def _small_bound(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(transport, "MAX_RESPONSE_BYTES", 100_000)
        monkeypatch.setattr(content_encoding, "MAX_DECODED_BYTES", 50_000)
        monkeypatch.setattr(transport, "MAX_ERROR_BYTES", 20_000)
        monkeypatch.setattr(replies, "MAX_WIRE_BYTES", 1_000_000)

    @each_row(
        "step",
        [
            reply(b"a" * 100_001),
            send_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"),
            repeat(b"HTTP/1.1 200 OK\r\n\r\n", b"a"),
            repeat(CHUNKED, b"4\r\naaaa\r\n"),
            repeat(CHUNKED, b"fffff\r\n" + b"a" * 0xFFFFF + b"\r\n"),
        ],
        ids=["length", "absurd length", "no end", "small chunks", "large chunks"],
    )
    def test_a_reply_that_is_too_large_is_refused(self, connect: Any, step: Any) -> None:
        with RawServer(step) as server:
            with pytest.raises(SonioxAPIError, match="larger than 100000 bytes") as caught:
                connect(server).request("GET")
            assert caught.value.status_code == 200
            assert caught.value.response is not None

    @pytest.mark.parametrize(
        "step",
        [
            reply(gzip.compress(b"a" * 50_001, mtime=0), "200 OK", "Content-Encoding: gzip"),
            reply(zlib.compress(b"a" * 50_000_000), "200 OK", "Content-Encoding: deflate"),
        ],
        ids=["gzip", "deflate"],
    )
    def test_what_was_compressed_unasked_has_a_smaller_bound(self, connect: Any, step: Any) -> None:
        with RawServer(step) as server, pytest.raises(SonioxAPIError, match="decompressed, is larger than 50000 bytes"):
            connect(server).request("GET")

    @each_row(
        ("step", "size"),
        [
            (reply(b"a" * 100_000), 100_000),
            (reply(gzip.compress(b"a" * 50_000, mtime=0), "200 OK", "Content-Encoding: gzip"), 50_000),
            (reply(b"a" * 20_000, "400 Bad"), 20_000),
            (send_and_close(b"HTTP/1.1 400 Bad\r\n\r\n" + b"a" * 20_000), 20_000),
        ],
        ids=["plain", "gzip", "error", "error without a length"],
    )
    def test_a_reply_of_exactly_the_bound_is_fine(self, connect: Any, step: Any, size: int) -> None:
        with RawServer(step) as server:
            response = connect(server).request("GET")
        assert (len(response.content), response.complete) == (size, True)

    @each_row(
        "step",
        [
            repeat(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
            repeat(b"HTTP/1.1 200 OK\r\nX: ", b"y"),
            repeat(b"HTTP/1.1 ", b"2"),
            repeat(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
            repeat(b"HTTP/1.1 100 Continue\r\n", b"X: y\r\n"),
            repeat(CHUNKED, b"0"),
            repeat(CHUNKED + b"0\r\n", b"X: y\r\n"),
            repeat(CHUNKED + b"-1\r\n", b"a"),
        ],
        ids=["headers", "header", "status", "continue", "continue headers", "chunk size", "trailers", "negative chunk"],
    )
    def test_what_has_no_end_is_given_up(self, connect: Any, step: Any) -> None:
        with RawServer(then=step) as server, pytest.raises((SonioxConnectionError, SonioxAPIError)):
            connect(server).request("GET")

    @each_row(
        "step",
        [
            reply(b"a" * 20_001, "500 Failed"),
            send_raw(b"HTTP/1.1 500 Failed\r\nContent-Length: 99999999999999999999\r\n\r\n" + b"a" * 300_000),
            repeat(b"HTTP/1.1 500 Failed\r\n\r\n", b"a"),
            repeat(b"HTTP/1.1 500 Failed\r\nTransfer-Encoding: chunked\r\n\r\n", b"4\r\naaaa\r\n"),
        ],
        ids=["length", "absurd length", "no end", "small chunks"],
    )
    def test_of_an_error_that_is_too_large_the_beginning_is_kept(self, connect: Any, step: Any) -> None:
        with RawServer(then=step) as server:
            response = connect(server, max_retries=0).request("GET")
        assert (response.status_code, response.complete) == (500, False)
        assert response.content == b"a" * 20_000

    def test_a_compressed_error_that_is_too_large_is_still_that_error(self, connect: Any) -> None:
        step = reply(zlib.compress(b"a" * 50_000_000), "500 Failed", "Content-Encoding: deflate")
        with RawServer(then=step) as server:
            response = connect(server, max_retries=0).request("GET")
        assert (response.status_code, response.content, response.complete) == (500, b"", False)


@each_row(
    "start",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        CHUNKED + b"fffff\r\n",
        CHUNKED,
        CHUNKED + b"0\r\n",
    ],
    ids=["status", "header", "length", "no length", "chunk", "chunk size", "trailer"],
)
def test_a_reply_that_drips_is_given_up(connect: Any, start: bytes) -> None:
    with RawServer(then=drip(start)) as server:
        caller = connect(server, timeout_sec=0.2, max_retries=0)
        started = time.monotonic()
        with pytest.raises(SonioxTimeoutError) as caught:
            caller.request("GET")
        assert caught.value.request_sent
        assert time.monotonic() - started < 20


@each_row(
    "start",
    [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", CHUNKED + b"5\r\nhel"],
    ids=["nothing", "half a head", "half a body", "half a chunk"],
)
def test_a_reply_that_stops_is_given_up(connect: Any, start: bytes) -> None:
    with RawServer(then=stall(start)) as server:
        caller = connect(server, timeout_sec=0.2, max_retries=0)
        started = time.monotonic()
        with pytest.raises(SonioxTimeoutError, match=r"GET http.*/v1/models: (no response|the response stopped)"):
            caller.request("GET")
        assert 0.15 < time.monotonic() - started < 20


def test_a_slow_reply_that_makes_progress_is_waited_for(connect: Any) -> None:
    def slow(connection: Any) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6000\r\n\r\n")
        for _ in range(30):
            connection.server.stopping.wait(0.1)
            connection.send(b"a" * 200)

    with RawServer(slow) as server:
        started = time.monotonic()
        assert len(connect(server, timeout_sec=2.5).request("GET").content) == 6000
        assert time.monotonic() - started > 2.5


TRUNCATED = [
    b"Content-Length: 10\r\n\r\nhello",
    b"Content-Length: 10\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
    b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\nxyz\r\nhello",
    b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello",
    b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 70_000,
]
TRUNCATED_IDS = ["length", "all", "in a chunk", "after a chunk", "no chunk", "no size", "negative", "endless size"]


@each_row(
    "head", [b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nA: b\r\n",
             b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\nA: b", b"HTT"]
)  # fmt: skip
def test_a_cut_off_head_is_no_reply(connect: Any, head: bytes) -> None:
    with RawServer(send_and_close(head), reply(b"whole")) as server:
        assert connect(server).request("GET").content == b"whole"
    with RawServer(send_and_close(head)) as server, pytest.raises(SonioxConnectionError):
        connect(server).request("POST", json={})


@each_row(
    "head",
    [
        b"A: b\r\n",
        b"A:b\nC: \t d\n",
        b"A: \xe9\x85\x0b\x00\r\nA:\r\n",
        b"content-length:\t2\r\nConnection: Close\r\n",
        b"Content-Length: 2\r\nKeep-Alive: 5\r\n",
        b"".join(b"A: %d\r\n" % number for number in range(99)),
        b"".join(b"A: %d\r\n" % number for number in range(100)),
        b"A: " + b"b" * (65536 - 5) + b"\r\n",
        b"A: " + b"b" * (65536 - 4) + b"\r\n",
    ],
    ids=lambda head: repr(head[:20]),
)
@each_row(
    ("status", "method"),
    [(b"HTTP/1.1 200 OK", "GET"), (b"HTTP/1.0 200", "GET"), (b"HTTP/1.1 204 -", "GET"), (b"HTTP/1.1 200 OK", "HEAD")],
)
def test_a_head_is_understood_as_http_client_does(head: bytes, status: bytes, method: str) -> None:
    def outcome(kind: Any, **kwargs: Any) -> object:
        here, there = socket.socketpair()
        with here, there:
            there.settimeout(60)
            here.sendall(b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" + status + b"\r\n" + head + b"\r\nab")
            found = kind(there, method=method, **kwargs)
            try:
                found.begin()
            except http.client.HTTPException as error:
                return type(error)
            finally:
                found.close()
            decided = (found.version, found.status, found.reason, found.length, found.chunked, found.will_close)
            return decided, list(found.headers.items()), found.headers.get("A"), "content-LENGTH" in found.headers

    ours = outcome(replies.WireResponse, timeout_sec=5, deadline=None, done=lambda **_: None, abort=lambda: None)
    assert ours == outcome(http.client.HTTPResponse)


@each_row("line", [b" folded: a", b"No colon", b"A space: b", b": no name", b"A: b\rContent-Length: 3", b"From me: a"])
@each_row("framing", [b"Content-Length: 2\r\n\r\n{}", b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"])
def test_a_head_with_a_line_that_is_no_field_ends_the_call_at_once(connect: Any, line: bytes, framing: bytes) -> None:
    """What follows such a line could say where the body ends."""
    raw = b"HTTP/1.1 200 OK\r\n" + line + b"\r\n" + framing
    with RawServer(send_raw(raw), reply(b"next")) as server:
        caller = connect(server, timeout_sec=600)
        with pytest.raises(SonioxConnectionError, match="not HTTP"):
            caller.request("POST", json={})
        assert caller.request("GET").content == b"next"
    assert server.connection_count == 2


@each_row("raw", [b"2\r\n{}x\r\n0\r\n\r\n", b"2\r\n{}xx0\r\n\r\n", b"2\r\n{}\n\n0\r\n\r\n"])
def test_a_chunk_that_is_longer_than_its_size_is_an_error(connect: Any, raw: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with RawServer(send_raw(head + raw), reply(b"next")) as server:
        caller = connect(server, timeout_sec=60)
        with pytest.raises(SonioxConnectionError):
            caller.request("POST", json={})
        assert caller.request("GET").content == b"next"
    assert server.connection_count == 2


class TestFraming:
    """Where a body ends, in the spellings that HTTP allows (RFC 9110, 5.5 and 8.6; RFC 9112, 5 and 6)."""

    @each_row(
        "fields",
        [
            b"Content-Length: 5 \t\r\n",
            b"Content-Length: 5, 5\r\n",
            b"Content-Length: 5\r\nX: y\r\ncontent-length: 5 ,\t5\r\n",
            b"Content-Length : 5\r\n",
            b"Content-Length:\r\n 5\r\n",
            b"Transfer-Encoding: identity\r\nContent-Length: 5\r\n",
        ],
    )
    def test_a_length_in_any_spelling(self, connect: Any, fields: bytes) -> None:
        with RawServer(send_raw(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\nhello"), reply(b"next")) as server:
            caller = connect(server)
            assert caller.request("GET").content == b"hello"
            assert caller.request("GET").content == b"next"
        assert server.connection_count == 1

    @each_row(
        "fields",
        [
            b"Transfer-Encoding: chunked \r\n",
            b"Transfer-Encoding: \tChunked\t\r\n",
            b"Transfer-Encoding:\r\n\tchunked\r\n",
            b"Transfer-Encoding : chunked\r\n",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            b"Content-Length: two\r\nTransfer-Encoding: chunked\r\n",
        ],
    )
    def test_chunks_in_any_spelling(self, connect: Any, fields: bytes) -> None:
        raw = b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n5\r\nhello\r\n0\r\n\r\n"
        with RawServer(send_raw(raw), reply(b"next")) as server:
            caller = connect(server)
            assert caller.request("GET").content == b"hello"
            assert caller.request("GET").content == b"next"
        assert server.connection_count == 1

    @each_row("line", [b"5 ", b"005", b"5;name=value", b"5 ; name", b"5\t"])
    def test_the_size_of_a_chunk_in_any_spelling(self, connect: Any, line: bytes) -> None:
        with RawServer(send_raw(CHUNKED + line + b"\r\nhello\r\n00\r\nX: y\r\n\r\n"), reply(b"next")) as server:
            caller = connect(server)
            assert caller.request("GET").content == b"hello"
            assert caller.request("GET").content == b"next"
        assert server.connection_count == 1

    @each_row("line", [b"-5", b"+5", b"0x5", b"1_0", b"", b" 5", b"5 5", b"\xb2", b"1" * 17])
    def test_a_size_that_is_none_ends_at_once(self, connect: Any, line: bytes) -> None:
        with RawServer(send_raw(CHUNKED + line + b"\r\n" + b"a" * 16 + b"\r\n0\r\n\r\n"), reply(b"next")) as server:
            caller = connect(server, max_retries=0, timeout_sec=60)
            with pytest.raises(SonioxConnectionError, match="not HTTP"):
                caller.request("POST", json={})
            assert caller.request("GET").content == b"next"
        assert server.connection_count == 2

    UNUSABLE = each_row(
        "fields",
        [
            b"Content-Length: 5, 6\r\n",
            b"Content-Length: 5\r\nContent-Length: 6\r\n",
            b"Content-Length: five\r\n",
            b"Content-Length: -5\r\n",
            b"Content-Length: +5\r\n",
            b"Content-Length: 5_0\r\n",
            b"Content-Length: 5.0\r\n",
            b"Content-Length: \xb2\r\n",
            b"Content-Length:\r\n",
            b"Content-Length: " + b"9" * 5000 + b"\r\n",
            b"Transfer-Encoding: gzip, chunked\r\n",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n",
        ],
        ids=lambda fields: repr(fields[:40]),
    )

    @UNUSABLE
    def test_what_says_no_end_ends_at_once(self, connect: Any, fields: bytes) -> None:
        step = send_raw(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\nhello")
        with RawServer(step, reply(b"next")) as server:
            caller = connect(server, max_retries=0, timeout_sec=60)
            with pytest.raises(SonioxConnectionError, match=r"not HTTP .UnusableLengthError") as caught:
                caller.request("POST", json={})
            assert caught.value.request_sent
            assert caller.request("GET").content == b"next"
        assert server.connection_count == 2

    @UNUSABLE
    def test_an_error_that_says_no_end_is_still_that_error(self, connect: Any, fields: bytes) -> None:
        with RawServer(send_raw(b"HTTP/1.1 404 Not Found\r\n" + fields + b"\r\nhello"), reply(b"next")) as server:
            caller = connect(server, timeout_sec=60)
            response = caller.request("GET")
            assert (response.status_code, response.complete) == (404, False)
            assert caller.request("GET").content == b"next"
        assert server.connection_count == 2

    def test_folded_values_are_one_line(self, connect: Any) -> None:
        with RawServer(send_raw(b"HTTP/1.1 200 OK\r\nA: b \r\n\t c\r\nContent-Length: 2 \r\n\r\n{}")) as server:
            headers = connect(server).request("GET").headers
        assert (headers["A"], headers["Content-Length"]) == ("b c", "2")


class TestNothingToDecode:
    """Middleware that compresses says so also where there is no body."""

    @each_row("encoding", ["gzip", "deflate", "br", "zstd", "no such thing"])
    @each_row(
        ("method", "raw"),
        [
            ("DELETE", "HTTP/1.1 204 No Content\r\nContent-Encoding: {}\r\n\r\n"),
            ("DELETE", "HTTP/1.1 204 No Content\r\nContent-Encoding: {}\r\nTransfer-Encoding: chunked\r\n\r\n"),
            ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Encoding: {}\r\nContent-Length: 9\r\n\r\n"),
            ("HEAD", "HTTP/1.1 200 OK\r\nContent-Encoding: {}\r\nContent-Length: 9\r\n\r\n"),
            ("GET", "HTTP/1.1 200 OK\r\nContent-Encoding: {}\r\nContent-Length: 0\r\n\r\n"),
            ("GET", "HTTP/1.1 200 OK\r\nContent-Encoding: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            ("GET", "HTTP/1.1 404 Not Found\r\nContent-Encoding: {}\r\nContent-Length: 0\r\n\r\n"),
        ],
        ids=["204", "204 chunked", "304", "HEAD", "length", "chunks", "404"],
    )
    def test_an_empty_body_is_empty(self, connect: Any, method: str, raw: str, encoding: str) -> None:
        with RawServer(send_raw(raw.format(encoding).encode()), reply(b"next")) as server:
            caller = connect(server, timeout_sec=60)
            response = caller.request(method)
            assert (response.content, response.complete) == (b"", True)
            assert caller.request("GET").content == b"next"
        assert server.connection_count == 1


class TestTruncation:
    EACH = each_row("rest", TRUNCATED, ids=TRUNCATED_IDS)

    @EACH
    def test_a_cut_off_success_is_no_success(self, connect: Any, rest: bytes) -> None:
        with RawServer(send_and_close(b"HTTP/1.1 200 OK\r\n" + rest)) as server:
            with pytest.raises(SonioxConnectionError, match=r"POST http.*: ") as caught:
                connect(server).request("POST", json={})
            assert caught.value.request_sent
        assert len(server.requests) == 1

    @EACH
    def test_a_cut_off_success_is_asked_for_again(self, connect: Any, rest: bytes) -> None:
        with RawServer(send_and_close(b"HTTP/1.1 200 OK\r\n" + rest), reply(b"whole")) as server:
            assert connect(server).request("GET").content == b"whole"

    @EACH
    def test_a_cut_off_server_error_is_a_server_error(self, connect: Any, rest: bytes) -> None:
        with RawServer(send_and_close(b"HTTP/1.1 500 Failed\r\n" + rest)) as server:
            response = connect(server, max_retries=0).request("GET")
            assert not response.complete
            with pytest.raises(SonioxServerError, match="HTTP 500"):
                response.raise_for_status()


def test_a_server_error_whose_body_stops_is_a_server_error(connect: Any) -> None:
    with RawServer(stall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 10\r\n\r\nhello")) as server:
        response = connect(server, timeout_sec=1.5, max_retries=0).request("GET")
    assert (response.status_code, response.complete) == (502, False)


@each_row(
    "garbage",
    [
        b"\x16\x03\x01\x00\x05hello",
        b"<html>hello</html>\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 99 OK\r\n\r\n",
        b"HTTP/1.1 99999999 OK\r\n\r\n",
        b"\r\n\r\n",
        b"220 smtp.example.com ESMTP\r\n",
        b"\x00" * 100,
        b"\xff" * 70_000,
    ],
)
def test_what_is_not_http_is_a_connection_error(connect: Any, garbage: bytes) -> None:
    with RawServer(send_and_close(garbage)) as server, pytest.raises(SonioxConnectionError, match="not HTTP"):
        connect(server, max_retries=0).request("GET")


class TestCompression:
    @each_row(
        ("encoding", "content"),
        [
            ("gzip", gzip.compress(b'{"a": 1}', mtime=0)),
            ("x-gzip", gzip.compress(b'{"a": 1}', mtime=0)),
            ("GZIP ", gzip.compress(b'{"a": 1}', mtime=0)),
            ("deflate", zlib.compress(b'{"a": 1}')),
            ("deflate", RAW_DEFLATE.compress(b'{"a": 1}') + RAW_DEFLATE.flush()),
            ("identity", b'{"a": 1}'),
            ("", b'{"a": 1}'),
        ],
        ids=["gzip", "x-gzip", "spelling", "deflate", "raw deflate", "identity", "empty"],
    )
    def test_a_server_that_compresses_unasked_is_understood(self, connect: Any, encoding: str, content: bytes) -> None:
        with RawServer(reply(content, "200 OK", f"Content-Encoding: {encoding}")) as server:
            assert connect(server).request("GET").json() == {"a": 1}
        assert server.requests[0].headers["accept-encoding"] == "identity"

    def test_a_compressed_error_is_understood(self, connect: Any) -> None:
        body = gzip.compress(json.dumps({"message": "not here"}).encode())
        with RawServer(reply(body, "404 Not Found", "Content-Encoding: gzip")) as server:
            response = connect(server).request("GET")
        with pytest.raises(SonioxNotFoundError, match="not here"):
            response.raise_for_status()

    @each_row(
        ("encoding", "content", "problem"),
        [
            ("br", b"\x0b\x02\x80{}\x03", "not asked for"),
            ("gzip, br", b"x", "not asked for"),
            ("gzip", b"plain", "claims to be gzip"),
            ("deflate", b"plain", "claims to be deflate"),
            ("gzip", gzip.compress(b'{"a": 1}' * 100, mtime=0)[:-12], "cut off"),
            ("gzip", gzip.compress(b'{"a"', mtime=0) + gzip.compress(b": 1}", mtime=0), "followed by something else"),
        ],
    )
    def test_what_cannot_be_decompressed_is_an_api_error(
        self, connect: Any, encoding: str, content: bytes, problem: str
    ) -> None:
        with RawServer(reply(content, "200 OK", f"Content-Encoding: {encoding}")) as server:
            with pytest.raises(SonioxAPIError, match=problem) as caught:
                connect(server).request("GET")
            assert caught.value.status_code == 200

    @pytest.mark.parametrize("encoding", ["br", "gzip"])
    def test_an_error_that_cannot_be_decompressed_is_still_that_error(self, connect: Any, encoding: str) -> None:
        with RawServer(then=reply(b"plain", "503 Busy", f"Content-Encoding: {encoding}")) as server:
            response = connect(server).request("GET")
        with pytest.raises(SonioxServerError, match="HTTP 503"):
            response.raise_for_status()
        assert len(server.requests) == 3


class TestErrorBodies:
    @each_row(
        ("status", "error_type", "expected"),
        [
            (400, "invalid_request", SonioxInvalidRequestError),
            (401, "unauthenticated", SonioxAuthenticationError),
            (402, "balance", SonioxAPIError),
            (403, "forbidden", SonioxAuthenticationError),
            (403, "permission_denied", SonioxPermissionDeniedError),
            (404, "not_found", SonioxNotFoundError),
            (409, "conflict", SonioxConflictError),
            (418, "teapot", SonioxAPIError),
            (429, "limit", SonioxRateLimitError),
            (500, "internal", SonioxServerError),
            (503, "internal", SonioxServerError),
            (599, "internal", SonioxServerError),
        ],
    )
    def test_status_and_type_say_which_class(
        self, connect: Any, status: int, error_type: str, expected: type[SonioxAPIError]
    ) -> None:
        body = {"status_code": status, "error_type": error_type, "message": "why", "request_id": "req-1",
                "validation_errors": [], "more_info": "https://x"}  # fmt: skip
        with RawServer(reply(json.dumps(body).encode(), f"{status} Failed")) as server:
            response = connect(server, max_retries=0).request("GET")
        with pytest.raises(SonioxAPIError) as caught:
            response.raise_for_status()
        assert type(caught.value) is expected
        assert (caught.value.status_code, caught.value.error_type) == (status, error_type)
        assert str(caught.value) == f"why (HTTP {status}, {error_type}) [request id req-1]"

    @each_row(
        "body",
        [
            b"",
            b"<html><body>Bad Gateway</body></html>",
            b"[]",
            b"null",
            b"17",
            b'"text"',
            b"{}",
            b'{"message": 5}',
            b'{"message": null, "status_code": "x"}',
            b'{"error_type": ["a"], "request_id": {}}',
            b'{"validation_errors": 5, "message": "why"}',
            b'{"validation_errors": [1, null], "message": "why"}',
            b'{"message": "cut',
            b"\xff\xfe\x00\x80",
            b"\xef\xbb\xbf{}",
            b"[" * 100_000,
            b'{"a":' * 50_000,
            b"1" * 10_000,
            b"NaN",
            b"\x00" * 1000,
        ],
        ids=lambda body: repr(body[:24]),
    )
    @each_row(("status", "expected"), [("404 Not Found", SonioxNotFoundError),
                                                      ("502 Bad Gateway", SonioxServerError)])  # fmt: skip
    @pytest.mark.usefixtures("deep_json")
    def test_any_body_gives_the_class_of_its_status(
        self, connect: Any, body: bytes, status: str, expected: type[SonioxAPIError]
    ) -> None:
        with RawServer(reply(body, status, content_type="text/html; charset=x")) as server:
            response = connect(server, max_retries=0).request("GET")
        with pytest.raises(expected) as caught:
            response.raise_for_status()
        text = str(caught.value)
        assert f"HTTP {status[:3]}" in text
        assert len(text) < 500
        assert text.isprintable()
        assert caught.value.response.content == body

    @each_row("body", [b"", b"<html>", b"\xff", b'{"a": ', b"[" * 100_000, b"{} {}"], ids=lambda body: repr(body[:9]))
    @pytest.mark.usefixtures("deep_json")
    def test_a_success_that_is_not_json_says_what_it_is(self, connect: Any, body: bytes) -> None:
        with RawServer(reply(body, content_type="text/html")) as server:
            response = connect(server).request("GET")
            with pytest.raises(SonioxAPIError, match="the response is not JSON but") as caught:
                response.json()
            assert caught.value.status_code == 200
            assert len(str(caught.value)) < 300

    def test_json_may_begin_with_a_byte_order_mark(self, connect: Any) -> None:
        with RawServer(reply(b'\xef\xbb\xbf{"models": []}')) as server:
            assert connect(server).request("GET").json() == {"models": []}

    @each_row("body", [b"[]", b"{}", b'{"models": 5}', b'{"models": [1]}', b'{"models": [{"id": 1}]}'])
    def test_a_success_of_another_shape_is_an_api_error(self, connect: Any, body: bytes) -> None:
        with RawServer(reply(body)) as server, pytest.raises(SonioxAPIError):
            connect(server).run(lambda client: client.models.list())


class TestResponse:
    def test_it_has_what_came(self, connect: Any) -> None:
        raw = http_reply(b'{"a": "\xc3\xa9"}', "201 Created", "X-One: 1", "x-two: 2", "X-ONE: 3")
        with RawServer(send_raw(raw)) as server:
            response = connect(server).request("POST", "/a", json={})
        assert (response.status_code, response.is_success, response.complete) == (201, True, True)
        assert response.json() == {"a": "é"}
        assert response.text == '{"a": "é"}'
        assert response.headers["x-one"] == "1, 3"
        assert response.headers["X-TWO"] == "2"
        assert "x-THREE" not in response.headers
        assert 17 not in response.headers
        assert [name.lower() for name in response.headers] == ["content-length", "x-one", "x-two", "content-type"]
        assert len(response.headers) == 4
        assert "'x-two': '2'" in repr(response.headers)
        assert response.request.url == f"{server.url}/v1/a"
        assert 0 < response.elapsed_sec < 60
        assert repr(response) == "<Response 201 11 bytes>"
        assert response.raise_for_status() is response

    def test_the_request_says_who_asks_and_for_what(self, connect: Any) -> None:
        from soniox_lite import __version__

        with RawServer(then=reply()) as server:
            caller = connect(server)
            caller.request(
                "get", "files", params={"limit": 5, "cursor": None, "all": True, "id": ["a b", "ü"], "n": ("&",)}
            )
            caller.request("GET", "/files?limit=5", params={"cursor": "x"})
            caller.request("POST", "/x", data={"a": "1 2", "b": None, "c": "ü"})
        first, second, third = server.requests
        assert first.target == "/v1/files?limit=5&all=true&id=a+b&id=%C3%BC&n=%26"
        assert first.headers["user-agent"].startswith(f"soniox-lite/{__version__} Python/3.")
        assert first.headers["accept"] == "application/json"
        assert first.headers["host"] == server.address
        assert "content-length" not in first.headers
        assert second.target == "/v1/files?limit=5&cursor=x"
        assert third.headers["content-type"] == "application/x-www-form-urlencoded"
        assert third.body == b"a=1+2&c=%C3%BC"

    def test_a_post_without_a_body_says_so(self, connect: Any) -> None:
        with RawServer(reply()) as server:
            connect(server).request("POST", "/x")
        assert server.requests[0].headers["content-length"] == "0"


def test_no_read_waits_beyond_the_deadline_nor_begins_after_it() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(30)
        began = time.monotonic()
        with replies.MinimumRateReader(ours, "rb", 30, deadline=began + 0.05) as reader:
            with pytest.raises(TimeoutError, match="timed out"):
                reader.readinto(bytearray(1))
            assert time.monotonic() - began < 25
            theirs.send(b"too late")
            with pytest.raises(TimeoutError, match="out of time"):
                reader.readinto(bytearray(1))


def test_a_deadline_does_not_outlive_its_request() -> None:
    found: list[float | None] = []

    def look(_sent: int, _total: int | None) -> None:
        for sock in living(socket.socket):
            with contextlib.suppress(OSError):  # it is closed, or listens
                if sock.getpeername()[1] == server.port:
                    found.append(sock.gettimeout())

    with RawServer(then=reply()) as server, SonioxClient(KEY, api_base_url=server.url, timeout_sec=30) as client:
        client.request("GET", "/x", deadline_sec=5)
        client.request("POST", "/x", files={"file": b"sound"}, on_progress=look)
    assert server.connection_count == 1
    assert found == [30]
