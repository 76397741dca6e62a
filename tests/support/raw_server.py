"""An HTTP server made of plain functions over a socket, for replies that no decent server would give."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections import deque
from typing import TYPE_CHECKING

from . import socket_server
from .socket_server import PATIENCE_SEC, HungUpError, SocketServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Step = Callable[["Connection"], None]


class Request:
    """A request as it came in: ``head`` as raw bytes, ``body`` decoded, if the step read it."""

    def __init__(self, head: bytes, connection_number: int) -> None:
        self.head = head
        self.connection_number = connection_number
        self.body = b""
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, self.version = lines[0].split(" ", 2)
        fields = [line.partition(":") for line in lines[1:] if line]
        self.headers = {name.lower(): value.strip() for name, _, value in fields}


class Connection(socket_server.Connection):
    """One accepted connection, as the steps see it."""

    def __init__(self, sock: socket.socket, server: RawServer) -> None:
        super().__init__(sock, server)
        self.number = server.connection_count + 1
        self.request = Request(b"- - -", self.number)
        self._buffer = b""
        self._body_is_read = True

    def receive(self) -> bytes:
        """The next bytes, after what was read ahead."""
        data, self._buffer = self._buffer or self.receive_bytes(), b""
        return data

    def _receive_until(self, end: bytes) -> bytes:
        data = b""
        while end not in data:
            data += self.receive()
        data, _, self._buffer = data.partition(end)
        return data

    def _receive_exactly(self, size: int, take: Callable[[bytes], object]) -> None:
        while size:
            block = self.receive()
            block, self._buffer = block[:size], block[size:]
            size -= len(block)
            take(block)

    def read_head(self) -> Request:
        """The next request without its body; it is recorded."""
        self.request = Request(self._receive_until(b"\r\n\r\n"), self.number)
        self._body_is_read = False
        self.server.requests.append(self.request)
        return self.request

    def read_body(self, take: Callable[[bytes], object] | None = None) -> bytes:
        """The body, kept in ``request.body`` unless ``take`` takes its blocks."""
        if self._body_is_read:
            return self.request.body
        self._body_is_read = True
        blocks: list[bytes] = []
        take = take or blocks.append
        if self.request.headers.get("transfer-encoding") == "chunked":
            while size := int(self._receive_until(b"\r\n"), 16):
                self._receive_exactly(size, take)
                assert self._receive_until(b"\r\n") == b""
            assert self._receive_until(b"\r\n") == b""
        else:
            self._receive_exactly(int(self.request.headers.get("content-length", "0")), take)
        self.request.body = b"".join(blocks)
        return self.request.body

    def close(self) -> None:
        """Closes the connection properly, over TLS too."""
        if isinstance(self.sock, ssl.SSLSocket):
            with contextlib.suppress(OSError):
                self.sock.settimeout(0.2)
                self.sock = self.sock.unwrap()
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


class RawServer(SocketServer[Connection]):
    """Serves each request with the next step, whichever connection it comes on.

    A step is called when the head of a request has been read. When the steps are used up, ``then`` serves the rest;
    without it another request is a failure.

    Args:
        steps: One for each request.
        then: For all further requests.
        on_accept: For the first connections, called before anything is read; None in it for nothing.
        tls: Makes it an https server.
        host: Where to listen.
    """

    def __init__(
        self,
        *steps: Step,
        then: Step | None = None,
        on_accept: Iterable[Step | None] = (),
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        super().__init__(Connection, "http", tls, host)
        self.requests: list[Request] = []
        self._steps = deque(steps)
        self._then = then
        self._on_accept = deque(on_accept)
        self._lock = threading.Lock()

    @property
    def targets(self) -> list[str]:
        """Method and target of each request."""
        return [f"{request.method} {request.target}" for request in self.requests]

    def go_on_with(self, *steps: Step) -> None:
        """Adds steps, which may need the server's URL."""
        self._steps.extend(steps)

    def greet(self, connection: Connection) -> None:
        if self._on_accept and (greeting := self._on_accept.popleft()) is not None:
            greeting(connection)
        if connection.sock.fileno() < 0:
            raise HungUpError

    def serve(self, connection: Connection) -> None:
        try:
            while connection.sock.fileno() >= 0 and not self.stopping.is_set():
                connection.read_head()
                self.changed()
                with self._lock:
                    step = self._steps.popleft() if self._steps else self._then
                assert step is not None, f"unexpected request: {connection.request.head!r}"
                step(connection)
        except TimeoutError as error:
            raise AssertionError("nothing came from the client") from error
        except OSError as error:
            raise HungUpError from error


def http_reply(
    body: bytes = b"{}", status: str = "200 OK", *headers: str, content_type: str | None = "application/json"
) -> bytes:
    """A whole reply with its length."""
    fields = [f"Content-Length: {len(body)}", *headers]
    if content_type is not None:
        fields.append(f"Content-Type: {content_type}")
    return f"HTTP/1.1 {status}\r\n{''.join(f'{field}{chr(13)}{chr(10)}' for field in fields)}\r\n".encode(
        "latin-1"
    ) + bytes(body)


def reply(body: bytes = b"{}", status: str = "200 OK", *headers: str, content_type: str = "application/json") -> Step:
    """Answers and keeps the connection."""
    return send_raw(http_reply(body, status, *headers, content_type=content_type))


def send_raw(data: bytes) -> Step:
    """Reads the request, sends these bytes and keeps the connection."""

    def step(connection: Connection) -> None:
        connection.read_body()
        connection.send(data)

    return step


def send_and_close(data: bytes) -> Step:
    """Reads the request, sends these bytes and closes the connection."""

    def step(connection: Connection) -> None:
        connection.read_body()
        connection.send(data)
        connection.close()

    return step


def close(connection: Connection) -> None:
    """Reads the request and closes the connection without an answer."""
    connection.read_body()
    connection.close()


def reset(connection: Connection) -> None:
    """Reads the request and resets the connection."""
    connection.read_body()
    connection.reset()


def stall(data: bytes = b"", reached: threading.Event | None = None) -> Step:
    """Sends these bytes of an answer, then nothing until the client or the test ends."""

    def step(connection: Connection) -> None:
        connection.read_body()
        connection.send(data)
        if reached is not None:
            reached.set()
        with contextlib.suppress(HungUpError):
            connection.receive()
        raise HungUpError

    return step


def hold(connection: Connection) -> None:
    """Does nothing, as long as the server runs."""
    connection.server.stopping.wait(PATIENCE_SEC)


def drip(data: bytes, pause_sec: float = 0.05) -> Step:
    """Sends these bytes, then a byte now and again, without end."""

    def step(connection: Connection) -> None:
        connection.read_body()
        connection.send(data)
        while not connection.server.stopping.wait(pause_sec):
            connection.send(b"a")

    return step


def repeat(data: bytes, again: bytes) -> Step:
    """Sends these bytes, then others over and over, as fast as the client takes them."""

    def step(connection: Connection) -> None:
        connection.read_body()
        connection.send(data)
        block = again * (64 * 1024 // len(again) + 1)
        while not connection.server.stopping.is_set():
            connection.send(block)

    return step


def refused_port() -> int:
    """A port of this machine that refuses connections."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
