"""An HTTP server made of plain functions over a socket, for replies that no decent server would give."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from typing_extensions import Self

    Step = Callable[["Connection"], None]

# Nothing here takes as long; whoever waits longer is a test that hangs.
PATIENCE_SEC = 10.0


class HungUpError(Exception):
    """The client closed the connection."""


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


class Connection:
    """One accepted connection, as the steps see it."""

    def __init__(self, sock: socket.socket, server: RawServer, number: int) -> None:
        self.sock = sock
        self.server = server
        self.number = number
        self.request = Request(b"- - -", number)
        self._buffer = b""
        self._body_is_read = True

    def send(self, data: bytes) -> None:
        """Sends all of it; a client that hung up ends the connection."""
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise HungUpError from error

    def receive(self) -> bytes:
        """The next bytes."""
        if not self._buffer:
            try:
                self._buffer = self.sock.recv(256 * 1024)
            except (ConnectionError, ssl.SSLError) as error:
                raise HungUpError from error
            if not self._buffer:
                raise HungUpError
        data, self._buffer = self._buffer, b""
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

    def reset(self) -> None:
        """Closes the connection with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class RawServer:
    """Serves each request with the next step, whichever connection it comes on.

    A step is called when the head of a request has been read; what it raises fails the test on leaving the ``with``
    block. When the steps are used up, ``then`` serves the rest; without it another request is a failure.

    Args:
        steps: One for each request.
        then: For all further requests.
        on_accept: For the first connections, called before anything is read; None in it for nothing.
        tls: Makes it an https server.
    """

    def __init__(
        self,
        *steps: Step,
        then: Step | None = None,
        on_accept: Iterable[Step | None] = (),
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.requests: list[Request] = []
        self.connection_count = 0
        self.failures: list[BaseException] = []
        self.tls_failures: list[OSError] = []
        self.stopping = threading.Event()
        self._steps = deque(steps)
        self._then = then
        self._on_accept = deque(on_accept)
        self._tls = tls
        self._lock = threading.Lock()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server((host, 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self.address = f"{host}:{self.port}"
        self.url = f"{'http' if tls is None else 'https'}://{self.address}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, exc_type: type[BaseException] | None, *_: object) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for sock in self._sockets:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE_SEC)
            assert not thread.is_alive(), "a step of the server does not end"
        if self.failures and exc_type is None:
            raise self.failures[0]

    @property
    def targets(self) -> list[str]:
        """Method and target of each request."""
        return [f"{request.method} {request.target}" for request in self.requests]

    def wait_until(self, condition: Callable[[RawServer], bool]) -> None:
        """Waits until it is so; looked at whenever a request came in or a connection ended."""
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self), PATIENCE_SEC), "what was waited for did not happen"

    @property
    def open_connections(self) -> int:
        """Connections that neither side has closed."""
        return len(self._sockets)

    def _start(self, function: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=self._run, args=(function, *args), name="raw-server")
        self._threads.append(thread)
        thread.start()

    def _run(self, function: Callable[..., None], *args: object) -> None:
        try:
            function(*args)
        except HungUpError:
            pass
        except BaseException as error:
            self.failures.append(error)

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(PATIENCE_SEC)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self.connection_count += 1
                self._sockets.add(sock)
            self._start(self._serve, sock, self.connection_count)

    def _serve(self, sock: socket.socket, number: int) -> None:
        original = sock
        connection = Connection(sock, self, number)
        try:
            if self._on_accept and (greet := self._on_accept.popleft()) is not None:
                greet(connection)
            if connection.sock.fileno() < 0:
                return
            if self._tls is not None:
                try:
                    connection.sock = sock = self._tls.wrap_socket(original, server_side=True)
                except OSError as error:
                    self.tls_failures.append(error)
                    return
                with self._lock:
                    self._sockets.discard(original)
                    self._sockets.add(sock)
                original = sock
            while connection.sock.fileno() >= 0 and not self.stopping.is_set():
                connection.read_head()
                with self._changed:
                    self._changed.notify_all()
                with self._lock:
                    step = self._steps.popleft() if self._steps else self._then
                assert step is not None, f"unexpected request: {connection.request.head!r}"
                step(connection)
        except TimeoutError as error:
            raise AssertionError("nothing came from the client") from error
        except OSError as error:
            if not self.stopping.is_set():
                raise HungUpError from error
        finally:
            with self._lock:
                self._sockets.discard(original)
            connection.sock.close()
            original.close()
            with self._changed:
                self._changed.notify_all()


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
    """A port of this machine on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
