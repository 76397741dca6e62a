"""HTTP/1.1 on one connection: request heads, bodies and their framing, responses.

Independent of the API, but for the shape of its errors.

Connections are kept open, so each request's body is read to its end. A response is sent in one piece, or in chunks if
its length is not known yet. A malformed request is refused with an error of the API and ends the connection, because
the start of the next request is unknown.
"""

from __future__ import annotations

import re
import ssl
import string
import sys
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_to_bytes

from werkzeug.wrappers import Request

from ..wire.json_text import json_text
from ..wire.rest_errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from werkzeug.wrappers import Response

    from .line import Line

_BLOCK_BYTES = 256 * 1024
_MAX_LINE_BYTES = 64 * 1024
_MAX_FIELDS = 100
_MAX_DIGITS = 15
"""Digits of a length: more bytes than any disk has."""
_LINGER_SEC = 1.0
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE = re.compile(rb"(%b) ([^\x00-\x20\x7f]+) HTTP/([0-9])\.([0-9])\r?\n" % _TOKEN)
_FIELD = re.compile(rb"(%b):[ \t]*([^\x00\r\n]*?)[ \t]*\r?\n" % _TOKEN)
_CHUNK = re.compile(rb"([0-9A-Fa-f]+)[ \t]*(?:;[^\x00\r\n]*)?\r?\n")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/]*)")
_EMPTY = frozenset({b"\r\n", b"\n"})

LINE = "soniox_testing.net.line"
"""Where a request's environment has its ``Line``."""


@dataclass(frozen=True)
class Upgrade:
    """A connection that leaves HTTP for WebSocket."""

    line: Line
    headers: tuple[tuple[str, str], ...]
    """Of the request, in its order and spelling."""
    received: bytes
    """Bytes that were received after the request."""
    query: str = ""
    """Of the request, without the question mark."""


@dataclass(frozen=True)
class Delivery:
    """A response, and how it is sent."""

    response: Response
    send: Callable[[Line, bytes, bytes], None] | None = None
    """Sends it: called with the connection, the head and the body, and the connection ends after it. None: it is sent
    as usual."""
    reads_request: bool = True
    """Whether the rest of the request's body is read before ``send`` is called."""


@dataclass(frozen=True)
class Service:
    """Handles the requests that arrive at a port."""

    respond: Callable[[Request], Delivery]
    """Called in the connection's own thread. The body is at ``request.stream``, not yet read."""
    upgrade: Callable[[str], Callable[[Upgrade], None] | None]
    """What serves the requests for a WebSocket at a path; None: nothing does."""
    on_error: Callable[[BaseException, str, Line | None], None]
    """Called with every exception inside the fake, with what was being done and the connection; None: there is none."""


class SentRequest(Request):
    """A request with the path as it was sent; werkzeug replaces any leading slashes by one.

    It does not put itself into its environment: that would be a reference cycle, which would keep the connection until
    garbage is collected.
    """

    def __init__(self, environ: dict[str, Any]) -> None:
        super().__init__(environ, populate_request=False)
        self.path: str = text_of(environ["PATH_INFO"])


def text_of(path: str) -> str:
    """A WSGI path, where each character is a byte, as text. Invalid UTF-8 becomes replacement characters."""
    return path.encode("latin-1").decode(errors="replace")


class _Refusal(Exception):  # noqa: N818 - not an error of the fake
    """A request that violates HTTP, or that this server does not support."""

    def __init__(self, status_code: int, message: str) -> None:
        super().__init__(message)
        self.status_code = status_code


class _Body(RawIOBase):
    """The body of one request; reading stops at its end.

    Args:
        reader: Of the connection.
        length: In bytes; None: it is sent in chunks.
    """

    def __init__(self, reader: BufferedReader[Line], length: int | None) -> None:
        self._reader = reader
        self._left: int = length or 0
        """Bytes left of the body, or of the chunk."""
        self._chunks = length is None
        """Whether there are more chunks."""
        self._failed = False

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fills a buffer, or as much of it as the body has.

        Raises:
            ConnectionError: The body ends too early, or a chunk is malformed.
        """
        filled = 0
        try:
            with memoryview(buffer) as whole:
                while filled < len(whole) and (self._left or self._next_chunk()):
                    with whole[filled : filled + self._left] as part:
                        count = self._reader.readinto(part)
                    if not count:
                        raise ConnectionError("the body ends early")
                    filled += count
                    self._left -= count
                    if self._chunks and not self._left:
                        self._end_of_chunk()
        except OSError:
            self._failed = True
            raise
        return filled

    def drain(self) -> bool:
        """Reads to the end, where the next request begins.

        Returns:
            Whether the end was found.
        """
        try:
            while not self._failed and (self._left or self._chunks) and self.read(_BLOCK_BYTES):
                pass
        except OSError:
            pass  # readinto has set _failed
        return not self._failed

    def _next_chunk(self) -> int:
        """The size of the next chunk; 0: the body has ended, with its trailer section."""
        if not self._chunks:
            return 0
        found = _CHUNK.fullmatch(self._reader.readline(_MAX_LINE_BYTES))
        if found is None or len(found[1].lstrip(b"0")) > _MAX_DIGITS:
            raise ConnectionError("a chunk has no valid size")
        self._left = int(found[1], 16)
        if not self._left:
            self._chunks = False
            for _ in range(_MAX_FIELDS):
                line = self._reader.readline(_MAX_LINE_BYTES)
                if line in _EMPTY:
                    return 0
                if not _FIELD.fullmatch(line):
                    break
            raise ConnectionError("the trailer section is malformed")
        return self._left

    def _end_of_chunk(self) -> None:
        if self._reader.readline(2) not in _EMPTY:
            raise ConnectionError("a chunk is longer than its size")


class _Head:
    """The head of a request.

    Args:
        method: In its spelling.
        target: As in the request line.
        version: The minor number of HTTP/1.
        fields: In their order and spelling.
    """

    def __init__(self, method: str, target: str, version: int, fields: list[tuple[str, str]]) -> None:
        self.method = method
        self.version = version
        self.fields = fields
        target, _, query = target.partition("?")
        self.query = quote(query.encode("latin-1"), safe=string.printable)
        """With its other bytes percent-encoded."""
        absolute = _ABSOLUTE.match(target)
        self.host = absolute[1] if absolute else None
        """Host of an absolute target; None: the target is only a path."""
        if absolute:
            target = target[absolute.end() :] or "/"
        self.path = unquote_to_bytes(target.encode("latin-1")).decode("latin-1")
        """Percent-decoded; each character is a byte, as in WSGI."""

    def values(self, name: str) -> list[str]:
        """The values of a field, split at commas, in lower case."""
        listed = (value for known, value in self.fields if known.lower() == name)
        return [value.strip(" \t").lower() for values in listed for value in values.split(",")]

    def check(self) -> None:
        """Refuses a head that HTTP requires servers to refuse, or that is not supported here."""
        if self.method != self.method.upper():
            raise _Refusal(501, f"There is no method {self.method}: methods are in upper case.")
        hosts = sum(name.lower() == "host" for name, _ in self.fields)
        if hosts > 1 or (self.version and not hosts):
            raise _Refusal(400, f"A request needs one Host header, not {hosts}.")

    def body_length(self) -> int | None:
        """The length of the body in bytes; None: it is sent in chunks."""
        codings, lengths = self.values("transfer-encoding"), set(self.values("content-length"))
        if codings:
            if lengths or not self.version:
                raise _Refusal(400, "Transfer-Encoding goes neither with Content-Length nor with HTTP/1.0.")
            if codings != ["chunked"]:
                raise _Refusal(501, "There is no Transfer-Encoding here but chunked.")
            return None
        length = lengths.pop() if lengths else "0"
        if lengths or not (length.isascii() and length.isdigit()):
            raise _Refusal(400, "Content-Length must be one number.")
        length = length.lstrip("0")
        if len(length) > _MAX_DIGITS:
            raise _Refusal(413, "The body is too large.")
        return int(length or "0")

    def keeps_connection(self) -> bool:
        """Whether the client wants to keep the connection."""
        options = self.values("connection")
        return "close" not in options and (self.version > 0 or "keep-alive" in options)

    def environment(self) -> dict[str, Any]:
        """The fields as WSGI variables."""
        environ: dict[str, Any] = {}
        for name, value in self.fields:
            if "_" in name:
                continue  # It would replace a field that is spelled with a dash.
            key = name.upper().replace("-", "_")
            if key not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
                key = f"HTTP_{key}"
                value = f"{environ[key]},{value}" if key in environ else value  # noqa: PLW2901
            environ[key] = value
        if self.host is not None:
            environ["HTTP_HOST"] = self.host
        return environ


def _read_head(reader: BufferedReader[Line]) -> _Head | None:
    """The next head; None: the client has closed the connection."""
    line = reader.readline(_MAX_LINE_BYTES)
    while line in _EMPTY:  # Some clients end a body with a line break that does not belong to it.
        line = reader.readline(_MAX_LINE_BYTES)
    if not line:
        return None
    if len(line) == _MAX_LINE_BYTES:
        raise _Refusal(414, "The request line is too long.")
    found = _REQUEST_LINE.fullmatch(line)
    if found is None:
        raise _Refusal(400, "The request does not begin with a method, a target and a version of HTTP.")
    if found[3] != b"1":
        raise _Refusal(505, "This server speaks HTTP/1.1.")
    fields: list[tuple[str, str]] = []
    while (line := reader.readline(_MAX_LINE_BYTES)) not in _EMPTY:
        field = _FIELD.fullmatch(line)
        if len(line) == _MAX_LINE_BYTES or len(fields) == _MAX_FIELDS:
            raise _Refusal(431, f"A request has at most {_MAX_FIELDS} headers of {_MAX_LINE_BYTES} bytes.")
        if field is None:
            raise _Refusal(400, "The request has a malformed header, or ends within its headers.")
        fields.append((field[1].decode("latin-1"), field[2].decode("latin-1")))
    head = _Head(found[1].decode("latin-1"), found[2].decode("latin-1"), int(found[4]), fields)
    head.check()
    return head


def _chunked(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The parts of a body in the chunked coding."""
    for part in parts:
        if part:
            yield b"%x\r\n%b\r\n" % (len(part), part)
    yield b"0\r\n\r\n"


class Exchange:
    """Serves the requests of one connection, one after the other.

    Args:
        line: The connection, open.
        service: Handles the requests.
        addresses: Of the client and of the server, as sockets have them: host and port come first.
        scheme: ``http`` or ``https``.
    """

    def __init__(self, line: Line, service: Service, addresses: tuple[Any, Any], scheme: str) -> None:
        self._line = line
        self._service = service
        self._reader = BufferedReader(line)
        self._doing = "reading a request"
        self._keeps = True
        """Whether the connection goes on after this request."""
        self._answered = False
        """Whether a response to the request has begun."""
        client, server = addresses
        self._environ: dict[str, Any] = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": scheme,
            "wsgi.errors": sys.stderr,
            "wsgi.input_terminated": True,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "SCRIPT_NAME": "",
            "REMOTE_ADDR": client[0],
            "SERVER_NAME": server[0],
            "SERVER_PORT": str(server[1]),
            LINE: line,
        }

    def run(self, handshake_sec: float) -> None:
        """Serves requests until the connection ends.

        Args:
            handshake_sec: Seconds that the TLS handshake may take.
        """
        try:
            self._line.handshake(handshake_sec)
            while self._keeps and self._serve_one():
                pass
        except (ConnectionError, ssl.SSLError, TimeoutError):
            pass  # The client closed the connection; that is not a failure of the fake.
        except Exception as error:  # noqa: BLE001 - passed on, and the client gets a 500
            self._service.on_error(error, self._doing, self._line)
            if not self._answered:
                what = f"The fake server itself failed: {type(error).__name__}: {error}"
                self._refuse(ApiError(500, "internal_error", what))

    def _serve_one(self) -> bool:
        """Serves the next request; False: there was none, or the connection must end."""
        self._answered = False
        try:
            head = _read_head(self._reader)
            if head is None:
                return False
            length = head.body_length()
        except _Refusal as refusal:
            self._refuse(ApiError(refusal.status_code, "invalid_request", str(refusal)))
            return False
        environ = {
            **self._environ,
            **head.environment(),
            "REQUEST_METHOD": head.method,
            "PATH_INFO": head.path,
            "QUERY_STRING": head.query,
            "SERVER_PROTOCOL": f"HTTP/1.{head.version}",
        }
        self._doing = f"answering {head.method} {text_of(head.path)}"
        self._keeps = head.keeps_connection()
        serve = self._service.upgrade(head.path) if head.method == "GET" else None
        if serve is not None and "websocket" in head.values("upgrade"):
            self._answered = True
            self._keeps = False
            serve(self._upgrade(head))
            return False
        if head.version and head.values("expect") == ["100-continue"]:
            self._line.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        environ["wsgi.input"] = body = _Body(self._reader, length)
        delivery = self._service.respond(SentRequest(environ))
        try:
            self._respond(head, environ, body, delivery)
        finally:
            delivery.response.close()
        return True

    def _respond(self, head: _Head, environ: dict[str, Any], body: _Body, delivery: Delivery) -> None:
        """Sends a response."""
        parts, status, headers = delivery.response.get_wsgi_response(environ)
        named = {name.lower() for name, _ in headers}
        streams = "content-length" not in named and status[:3] not in {"204", "304"} and head.method != "HEAD"
        if streams and head.version:
            headers = [*headers, ("Transfer-Encoding", "chunked")]
            parts = _chunked(parts)
        elif streams:
            self._keeps = False
        content = b"" if streams and delivery.send is None else b"".join(parts)
        if delivery.send is None:
            self._keeps &= body.drain()
        else:
            self._keeps = False
            if delivery.reads_request:
                body.drain()
        if head.method == "HEAD":
            content = b""
        start = self._head(status, headers)
        self._answered = True
        if delivery.send is not None:
            delivery.send(self._line, start, content)
        elif streams:
            self._line.sendall(start)
            for part in parts:
                self._line.sendall(part)
        else:
            self._line.sendall(start + content)

    def _head(self, status: str, headers: Iterable[tuple[str, str]]) -> bytes:
        """The head of a response."""
        fields = [
            ("Date", formatdate(usegmt=True)),
            *headers,
            ("Connection", "keep-alive" if self._keeps else "close"),
        ]
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _refuse(self, refusal: ApiError) -> None:
        """Refuses a request that does not reach the API, and ends the connection."""
        self._keeps = False
        content = json_text(refusal.body()).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
        try:
            status = f"{refusal.status_code} {HTTPStatus(refusal.status_code).phrase.upper()}"
            self._line.sendall(self._head(status, headers) + content)
            self._line.finish_sending(_LINGER_SEC)
        except OSError:
            pass  # The client has closed the connection.

    def _upgrade(self, head: _Head) -> Upgrade:
        """The connection, for WebSocket."""
        self._line.handed_over = True
        # Since ``handed_over`` is set, peek does not wait: it returns only bytes that have arrived.
        received = self._reader.read(len(self._reader.peek()))
        return Upgrade(self._line, tuple(head.fields), received, head.query)
