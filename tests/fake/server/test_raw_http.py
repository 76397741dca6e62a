"""What no HTTP library sends: the fake answers as an API does, or refuses, and its stop is quick and silent."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from soniox_testing import FakeSoniox, SharedListener
from soniox_testing.control.standalone import Standalone
from tests.support.tables import each_row

KEY = b"Host: x\r\nAuthorization: Bearer k\r\n"
JOB = b'{"model":"stt-async-v5","audio_url":"https://example.com/a.mp3"}'
CHUNKED = b"POST /v1/transcriptions HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n" + KEY
SIZED = b"POST /v1/transcriptions HTTP/1.1\r\nContent-Type: application/json\r\n" + KEY


def chunk(data: bytes, size: bytes | None = None) -> bytes:
    return b"%b\r\n%b\r\n" % (b"%x" % len(data) if size is None else size, data)


class Answered:
    """All that came back on a connection: the statuses, the last body, and whether the connection has ended."""

    def __init__(self, data: bytes, *, ended: bool) -> None:
        self.statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", data)]
        body = data.rpartition(b"\r\n\r\n")[2]
        self.json: Any = json.loads(body) if body else None
        self.ended = ended


def exchange(url: str, sent: bytes, *, closes: bool = False, answers: int = 1) -> Answered:
    """Sends bytes and reads until as many answers are complete, or the connection ends.

    Args:
        url: Of the fake.
        sent: As they are.
        closes: Whether the client ends its direction then.
        answers: How many.
    """
    address = urlsplit(url)
    data, ended = b"", False
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=60) as line:
        line.sendall(sent.replace(b" /v1/", f" {address.path}/v1/".encode()))
        if closes:
            line.shutdown(socket.SHUT_WR)
        complete = rb"HTTP/1\.1 [2-5]\d\d [^\x00]*?\r\nContent-Length: (\d+)\r\n[^\x00]*?\r\n\r\n"
        while not ended:
            found = list(re.finditer(complete, data))
            keeps = b"connection: keep-alive" in data.lower()
            if keeps and len(found) == answers and len(data) - found[-1].end() >= int(found[-1][1]):
                break
            block = line.recv(65536)
            data, ended = data + block, not block
    return Answered(data, ended=ended)


@pytest.fixture(scope="module", params=["its own port", "a shared port", "the program"])
def url(request: pytest.FixtureRequest) -> Any:
    """The URL of a fake that is reached in each of the ways there are."""
    if request.param == "its own port":
        with FakeSoniox() as fake:
            yield fake.url
    elif request.param == "a shared port":
        with SharedListener() as listener, FakeSoniox(listener=listener) as fake:
            yield fake.url
    else:
        with Standalone({}) as server:
            yield server.fake.url


PATHS = {
    "outside latin-1": "%E2%82%AC",
    "no UTF-8": "%FF%FE",
    "a cut character": "%C3",
    "a surrogate": "%ED%A0%80",
    "NUL": "%00",
    "a line break": "a%0D%0AX:%20y",
    "a slash": "a%2Fb",
    "dots": "..%2F..%2Fetc",
    "encoded twice": "%25E2%2582%25AC",
    "half an escape": "%E2%8",
    "long": "%C4%80" * 5000,
    "raw bytes": "\xff\xe9",
    "what a URL library takes for an address": "http://[::1",
}


@each_row("name", PATHS)
def test_whatever_a_path_says_is_not_found(url: str, name: str) -> None:
    answered = exchange(url, f"GET /v1/files/{PATHS[name]} HTTP/1.1\r\n".encode("latin-1") + KEY + b"\r\n")
    assert answered.statuses == [404]
    assert answered.json["error_type"] in {"file_not_found", "not_found"}


@each_row("name", PATHS)
def test_whatever_a_query_says_is_an_answer(url: str, name: str) -> None:
    answered = exchange(url, f"GET /v1/files?limit={PATHS[name]} HTTP/1.1\r\n".encode("latin-1") + KEY + b"\r\n")
    assert (answered.statuses, answered.json["error_type"]) == ([400], "invalid_request")


TARGETS = {
    "/v1/files": 200,
    "http://anything:1/v1/files": 200,
    "HTTP://user@[::1]/v1/files?limit=1": 200,
    "http://[broken/v1/files": 200,
    "//v1/files": 404,
    "///": 404,
    "*": 404,
    "v1/files": 404,
    "http://x": 404,
}


@each_row("target", TARGETS)
def test_targets_in_their_forms(target: str) -> None:
    with FakeSoniox() as fake:
        answered = exchange(fake.url, f"GET {target} HTTP/1.1\r\n".encode() + KEY + b"\r\n")
    assert answered.statuses == [TARGETS[target]]


def test_the_asterisk_of_options_is_answered(url: str) -> None:
    assert exchange(url, b"OPTIONS * HTTP/1.1\r\n" + KEY + b"\r\n").json["error_type"] == "not_found"


REFUSED = {
    "a method in lower case": (501, b"get /v1/files HTTP/1.1\r\n" + KEY + b"\r\n"),
    "a version that is to come": (505, b"GET /v1/files HTTP/2.0\r\n" + KEY + b"\r\n"),
    "a version of old": (400, b"GET /v1/files\r\n"),
    "no version": (400, b"GET /v1/files HTTP\r\n" + KEY + b"\r\n"),
    "TLS": (400, b"\x16\x03\x01\x02\r\n\r\n"),
    "no host": (400, b"GET /v1/files HTTP/1.1\r\nAuthorization: Bearer k\r\n\r\n"),
    "two hosts": (400, b"GET /v1/files HTTP/1.1\r\nHost: y\r\n" + KEY + b"\r\n"),
    "a folded header": (400, b"GET /v1/files HTTP/1.1\r\nX: a\r\n b\r\n" + KEY + b"\r\n"),
    "a header without a colon": (400, b"GET /v1/files HTTP/1.1\r\nX\r\n" + KEY + b"\r\n"),
    "a blank before the colon": (400, b"GET /v1/files HTTP/1.1\r\nX : a\r\n" + KEY + b"\r\n"),
    "a long line": (414, b"GET /v1/" + b"a" * 70_000 + b" HTTP/1.1\r\n" + KEY + b"\r\n"),
    "a long header": (431, b"GET /v1/files HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n" + KEY + b"\r\n"),
    "many headers": (431, b"GET /v1/files HTTP/1.1\r\n" + b"X: a\r\n" * 101 + KEY + b"\r\n"),
    "a length of thousands of digits": (413, SIZED + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n"),
    "a negative length": (400, SIZED + b"Content-Length: -5\r\n\r\n"),
    "a length with a sign": (400, SIZED + b"Content-Length: +2\r\n\r\n{}"),
    "a length in hexadecimal": (400, SIZED + b"Content-Length: 0x2\r\n\r\n{}"),
    "an empty length": (400, SIZED + b"Content-Length:\r\n\r\n{}"),
    "two lengths": (400, SIZED + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} "),
    "a list of lengths": (400, SIZED + b"Content-Length: 2, 3\r\n\r\n{} "),
    "a length and chunks": (400, CHUNKED + b"Content-Length: 2\r\n\r\n0\r\n\r\n"),
    "chunks in HTTP/1.0": (400, CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"\r\n0\r\n\r\n"),
    "another coding": (501, CHUNKED.replace(b"chunked", b"gzip") + b"\r\n"),
    "a coding before chunks": (501, CHUNKED.replace(b"chunked", b"gzip, chunked") + b"\r\n0\r\n\r\n"),
    "no size": (400, CHUNKED + b"\r\n\r\n"),
    "a negative size": (400, CHUNKED + b"\r\n-5\r\nabcde\r\n0\r\n\r\n"),
    "a size with a sign": (400, CHUNKED + b"\r\n+5\r\nabcde\r\n0\r\n\r\n"),
    "a size of 80 bits": (400, CHUNKED + b"\r\nffffffffffffffffffff\r\nx"),
    "a chunk longer than its size": (400, CHUNKED + b"\r\n" + chunk(JOB, b"4") + b"0\r\n\r\n"),
    "a trailer that is none": (400, CHUNKED + b"\r\n" + chunk(JOB) + b"0\r\nno colon\r\n\r\n"),
    "a trailer without end": (400, CHUNKED + b"\r\n" + chunk(JOB) + b"0\r\n" + b"X: y\r\n" * 200),
}


@each_row("name", REFUSED)
def test_what_cannot_be_a_request_is_refused_and_the_connection_ends(name: str) -> None:
    status, sent = REFUSED[name]
    with FakeSoniox() as fake:
        answered = exchange(fake.url, sent)
        assert exchange(fake.url, b"GET /v1/files HTTP/1.1\r\n" + KEY + b"\r\n").statuses == [200]
        assert fake.transcriptions == ()
    assert (answered.statuses, answered.json["error_type"]) == ([status], "invalid_request")
    assert answered.ended


TAKEN = {
    "extensions of chunks": CHUNKED + b'\r\n%x;a=b;c="d" \r\n%b\r\n0;last\r\n\r\n' % (len(JOB), JOB),
    "a trailer section": CHUNKED + b"\r\n" + chunk(JOB) + b"0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n",
    "small chunks": CHUNKED + b"\r\n" + b"".join(chunk(JOB[at : at + 1]) for at in range(len(JOB))) + b"0\r\n\r\n",
    "zeros before a size": CHUNKED + b"\r\n" + chunk(JOB, b"%040x" % len(JOB)) + b"000\r\n\r\n",
    "zeros before a length": SIZED + b"Content-Length: %050d\r\n\r\n" % len(JOB) + JOB,
    "the same length twice": SIZED + b"Content-Length: %d, %d\r\n\r\n" % (len(JOB), len(JOB)) + JOB,
    "a line break before the request": b"\r\n" + SIZED + b"Content-Length: %d\r\n\r\n" % len(JOB) + JOB,
    "bare line feeds": SIZED.replace(b"\r\n", b"\n") + b"Content-Length: %d\n\n" % len(JOB) + JOB,
    "no type": SIZED.replace(b"Content-Type: application/json\r\n", b"") + b"Content-Length: 64\r\n\r\n" + JOB,
    "text": SIZED.replace(b"application/json", b"text/plain") + b"Content-Length: 64\r\n\r\n" + JOB,
}


@each_row("name", TAKEN)
def test_what_is_unusual_and_allowed_is_done_once_and_the_connection_goes_on(name: str) -> None:
    with FakeSoniox() as fake:
        answered = exchange(fake.url, TAKEN[name] + b"GET /v1/files HTTP/1.1\r\n" + KEY + b"\r\n", answers=2)
        assert answered.statuses == [201, 200]
        assert len(fake.transcriptions) == 1


CUT = {
    "nothing": b"",
    "half a line": b"GET /v1/fi",
    "half a head": b"DELETE /v1/files/x HTTP/1.1\r\n" + KEY,
    "half a body": SIZED + b"Content-Length: 64\r\n\r\n{",
    "no size of a chunk": CHUNKED + b"\r\n",
    "half a size": CHUNKED + b"\r\n1",
    "half a chunk": CHUNKED + b"\r\nffff\r\n{",
    "half a large chunk": CHUNKED + b"\r\n7fffffffff\r\n{",
    "no last chunk": CHUNKED + b"\r\n" + chunk(JOB),
    "half a trailer": CHUNKED + b"\r\n" + chunk(JOB) + b"0\r\nX: y\r\n",
    "half an upload": b"POST /v1/files HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\n" + KEY + b"\r\nfffffff\r\n--b\r\nContent-Disposition: "
    b'form-data; name="file"; filename="a"\r\n\r\nx',
}


@each_row("name", CUT)
def test_half_a_request_does_nothing_and_is_told_so_once_its_client_has_no_more(name: str) -> None:
    with FakeSoniox() as fake:
        answered = exchange(fake.url, CUT[name], closes=True)
        assert answered.statuses == ([400] if CUT[name] else [])
        assert answered.ended
        assert fake.transcriptions == fake.files == ()


@each_row("name", CUT)
def test_the_stop_does_not_wait_for_the_rest_of_a_request(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with SharedListener() as listener:
        fake = FakeSoniox(listener=listener).start()
        address = urlsplit(fake.url)
        with socket.create_connection((address.hostname or "", address.port or 0), timeout=60) as line:
            line.sendall(CUT[name].replace(b" /v1/", f" {address.path}/v1/".encode()))
            # As where it does not wake a thread that waits in recv.
            monkeypatch.setattr(socket.socket, "shutdown", lambda self, how: None)
            begun = time.monotonic()
            fake.stop()
            listener.stop()
            assert time.monotonic() - begun < 30
            with contextlib.suppress(ConnectionResetError):  # when it was never accepted
                while line.recv(65536):
                    pass


@each_row(
    ("verb", "settings"),
    [
        ("content_type", {"value": "text/plain\r\nX: y"}),
        ("content_type", {"value": "text/\u20ac"}),
        ("answer", {"status_code": 500, "headers": {"X": "a\r\n\r\n<html>"}}),
        ("answer", {"status_code": 500, "headers": {"X\r\nY": "a"}}),
        ("answer", {"status_code": 500, "headers": {"X": "a\0"}}),
        ("answer", {"status_code": 500, "headers": {"": "a"}}),
    ],
)
def test_a_fault_with_a_header_that_cannot_be_sent_is_refused(fake: FakeSoniox, verb: str, settings: Any) -> None:
    with pytest.raises(ValueError, match="there cannot be a header"):
        getattr(fake.faults, verb)(**settings)


def test_line_breaks_in_the_texts_of_a_fault_stay_in_the_body(fake: FakeSoniox, client: Any) -> None:
    fake.faults.answer(500, error_type="a\r\nX: y", message="b\r\n\r\nc", times=1)
    answer = client("GET", "/v1/files")
    assert (answer.status, answer.json["error_type"], answer.json["message"]) == (500, "a\r\nX: y", "b\r\n\r\nc")
    assert "X" not in answer.headers
