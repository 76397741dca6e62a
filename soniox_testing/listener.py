"""The port: accepts connections, hands each HTTP request and each upgrade to a function. Knows nothing of Soniox.

pytest-httpserver carries the thread, werkzeug turns bytes into requests. Three habits of theirs are changed:

- werkzeug's request handler closes the connection after every response. Clients keep connections, so the
  handler here keeps them too, reads each request's body to its end and sends a response in one piece, or, when it
  is still being made and has no known length, in chunks.
- pytest-httpserver reads every body into memory and keeps every request for ever.
- Neither ends the connections that are open when the server stops, nor the threads that wait on them.

A request to upgrade to WebSocket leaves HTTP: its socket goes to a function that keeps the connection's thread until
the connection has ended. It must have read all that the client sent, else werkzeug takes the rest for a request.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import sys
import threading
from dataclasses import dataclass
from io import BytesIO, RawIOBase
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

from pytest_httpserver import HTTPServer
from werkzeug.exceptions import ClientDisconnected
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler, select_address_family
from werkzeug.wrappers import Request
from werkzeug.wsgi import LimitedStream

from .tls import Certificate, ServerSocket

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from io import BufferedReader

    from werkzeug.wrappers import Response

_BLOCK_BYTES = 256 * 1024
_POLL_SEC = 0.02
_JOIN_SEC = 5.0
_HANDSHAKE_SEC = 10.0
_REACHABLE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not listened on


@dataclass(frozen=True)
class Upgrade:
    """A connection that leaves HTTP for WebSocket."""

    connection: socket.socket
    """Set not to block. The server closes it."""
    headers: tuple[tuple[str, str], ...]
    """Of the request, in its order and spelling."""
    received: bytes
    """What came after the request."""


DELIVERY = "soniox_testing.delivery"
"""Where a request's environment has the ``Delivery`` of its response, if that is not the usual one."""


@dataclass(frozen=True)
class Delivery:
    """How a response is sent that is not simply sent; the connection ends with it."""

    send: Callable[[socket.socket, bytes, bytes], None]
    """Called with the connection, the head and the body."""
    reads_request: bool = True
    """Whether the rest of the request's body is read before."""


def reset_connection(connection: socket.socket) -> None:
    """Closes a connection so that the peer gets a reset.

    Detached first: a close would wait for the file objects that the HTTP handler made of the socket.
    """
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    socket.close(connection.detach())


class Upgrades(Protocol):
    """By path, what serves the requests that ask for a WebSocket there; a dict is one."""

    def get(self, path: str, /) -> Callable[[Upgrade], None] | None:
        """What serves a path; None: nothing."""
        ...


class Listener(HTTPServer):
    """A port that answers HTTP/1.1 with whatever ``respond`` returns; it may serve more than one fake.

    Args:
        respond: Called in the connection's own thread. The body is at ``request.stream``, not yet read.
        on_error: Told of every exception that a connection's thread died of.
        upgrades: By path, what serves the requests there that ask for a WebSocket.
        host: Name or address to listen on.
        port: 0 picks a free one; ``port`` says which once the listener was started.
        tls: Whether clients must speak TLS, see ``certificate``.

    Raises:
        RuntimeError: trustme is not installed, and TLS was asked for.
    """

    def __init__(
        self,
        respond: Callable[[Request], Response],
        on_error: Callable[[BaseException], None],
        upgrades: Upgrades,
        *,
        host: str,
        port: int,
        tls: bool = False,
    ) -> None:
        super().__init__(host, port, threaded=True)
        self.certificate: Certificate | None = Certificate(host) if tls else None
        """What it shows to clients; None: it speaks plain HTTP."""
        self._respond = respond
        self._on_error = on_error
        self._upgrades = upgrades

    def start(self) -> None:
        """Begins to listen.

        Raises:
            OSError: The address cannot be had, for example because the port is in use.
        """
        # Bound here: werkzeug answers a port in use by printing to stderr and exiting the interpreter.
        family = select_address_family(self.host, self.port)
        with contextlib.closing(socket.create_server((self.host, self.port), family=family)) as bound:
            app = Request.application(self.application)
            context = None if self.certificate is None else self.certificate.server_context
            self.server = _Server(self.host, self.port, app, bound.fileno(), self._on_error, self._upgrades, context)
        self.port: int = self.server.port
        self.server_thread = threading.Thread(target=self.thread_target, name="fake-soniox", daemon=True)
        self.server_thread.start()

    def thread_target(self) -> None:
        """The loop that accepts connections."""
        if self.server is not None:
            self.server.serve_forever(poll_interval=_POLL_SEC)

    def application(self, request: Request) -> Response:
        """The response to a request."""
        return self._respond(request)

    @property
    def url(self) -> str:
        """Where it listens, such as ``http://127.0.0.1:8080``; for one that listens everywhere, over loopback."""
        scheme = "https" if self.certificate else "http"
        return f"{scheme}://{self.format_host(_REACHABLE.get(self.host, self.host))}:{self.port}"

    def stop(self) -> None:
        """Stops listening and ends every connection that is still open."""
        server = self.server
        super().stop()
        if isinstance(server, _Server):
            server.end_connections()

    def end_connections(self, connections: Collection[socket.socket]) -> None:
        """Ends some connections and waits for their threads; goes on listening."""
        if isinstance(self.server, _Server):
            self.server.end_connections(connections)


class _Server(ThreadedWSGIServer):
    """A threaded server that knows its connections."""

    def __init__(
        self,
        host: str,
        port: int,
        app: Any,
        descriptor: int,
        on_error: Callable[[BaseException], None],
        upgrades: Upgrades,
        context: ssl.SSLContext | None,
    ) -> None:
        self._on_error = on_error
        self.upgrades = upgrades
        self._context = context
        # Replaced by the accepting thread and never changed in place, so that other threads may read it.
        self._connections: dict[Any, threading.Thread] = {}
        super().__init__(host, port, app, handler=_Handler, fd=descriptor)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serves a new connection in a thread of its own."""
        if self._context is not None:
            # Only wrapped here: during its handshake a silent client would keep all others from being accepted.
            request = self._context.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(
            target=self.process_request_thread,
            args=(request, client_address),
            name="fake-soniox-connection",
            daemon=True,
        )
        running = {known: serving for known, serving in self._connections.items() if serving.is_alive()}
        # Listed first: a connection may have to be ended as soon as its thread runs.
        self._connections = {**running, request: thread}
        thread.start()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serves a connection, in its thread."""
        if isinstance(request, ServerSocket):
            request.settimeout(_HANDSHAKE_SEC)
            request.do_handshake()
            request.settimeout(None)
        super().finish_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Closes a connection."""
        if isinstance(request, ServerSocket):
            request.say_goodbye()
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Passes on the exception that ended a connection, where the base class prints it."""
        error = sys.exc_info()[1]
        # A client may leave at any moment, or not come to terms about TLS; that is no failure of ours.
        if error is not None and not isinstance(error, (ConnectionError, ssl.SSLError, TimeoutError)):
            self._on_error(error)

    def end_connections(self, connections: Collection[socket.socket] | None = None) -> None:
        """Ends connections and waits for their threads.

        Args:
            connections: Which ones; None: all.
        """
        known = self._connections
        ending = known if connections is None else {one: known[one] for one in connections if one in known}
        for connection in ending:
            # Only shut down: closing belongs to the thread, which may be about to use the descriptor.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in ending.values():
            thread.join(_JOIN_SEC)
            if thread.is_alive():
                self._on_error(RuntimeError(f"{thread.name} still runs {_JOIN_SEC:g} s after the server stopped"))


class _Body(RawIOBase):
    """The body of one request, which remembers that reading it failed: what follows cannot be framed then."""

    def __init__(self, stream: RawIOBase) -> None:
        self._stream = stream
        self._failed = False

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Reads into a buffer, as for any raw stream."""
        try:
            return self._stream.readinto(buffer)
        except (OSError, ClientDisconnected):
            self._failed = True
            raise

    def drain(self) -> bool:
        """Reads on to the end: the next request begins there, also when nobody wanted this body.

        Returns:
            Whether the end was found.
        """
        try:
            while not self._failed and self.read(_BLOCK_BYTES):
                pass
        except (OSError, ClientDisconnected):
            pass  # noted where it happened
        return not self._failed


def _chunked(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The parts of a body in the chunked coding."""
    for part in parts:
        if part:
            yield b"%x\r\n%b\r\n" % (len(part), part)
    yield b"0\r\n\r\n"


class _Handler(WSGIRequestHandler):
    """Serves the requests of one connection, one after the other."""

    protocol_version = "HTTP/1.1"
    # Otherwise Nagle's algorithm may hold a response back until the peer's delayed ACK, 40 ms later.
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        """Answers one request and leaves the connection ready for the next."""
        self.environ = environ = self.make_environ()
        serve = cast("_Server", self.server).upgrades.get(environ["PATH_INFO"])
        if serve is not None and self.command == "GET" and self.headers.get("Upgrade", "").lower() == "websocket":
            self.close_connection = True
            serve(self._upgrade())
            return
        body = self._body()
        environ["wsgi.input"] = body
        environ["wsgi.input_terminated"] = True
        sent: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]]) -> None:
            sent.append((status, headers))

        app: Any = self.server.app
        parts = app(environ, start_response)
        try:
            self._respond(*sent[0], parts, body)
        finally:
            if hasattr(parts, "close"):
                parts.close()

    def _respond(self, status: str, headers: list[tuple[str, str]], parts: Iterable[bytes], body: _Body) -> None:
        """Sends a response."""
        delivery: Delivery | None = self.environ.get(DELIVERY)
        code, _, reason = status.partition(" ")
        named = {name.lower() for name, _ in headers}
        streams = "content-length" not in named and code not in {"204", "304"} and self.command != "HEAD"
        if streams and self.request_version == "HTTP/1.1":
            headers = [*headers, ("Transfer-Encoding", "chunked")]
            parts = _chunked(parts)
        elif streams:
            self.close_connection = True
        content = b"" if streams and delivery is None else b"".join(parts)
        if delivery is not None or not body.drain():
            self.close_connection = True
        if delivery is not None and delivery.reads_request:
            body.drain()
        # Head and body leave in one piece. A buffered ``wfile`` would do that too, but its close fails when
        # the client has gone, and then the connection's descriptor stays open.
        connection = self.wfile
        head = self.wfile = BytesIO()
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Connection", "close" if self.close_connection else "keep-alive")
        self.end_headers()
        self.wfile = connection
        if self.command == "HEAD":
            content = b""
        if delivery is not None:
            delivery.send(self.connection, head.getvalue(), content)
        elif streams:
            self._stream(head.getvalue(), parts)
        else:
            connection.write(head.getvalue() + content)

    def _stream(self, head: bytes, parts: Iterable[bytes]) -> None:
        """Sends a response whose parts are still being made. One that breaks off ends the connection."""
        self.wfile.write(head)
        try:
            for part in parts:
                self.wfile.write(part)
        except BaseException:
            self.close_connection = True
            raise

    def _upgrade(self) -> Upgrade:
        """The connection, for a protocol that is not HTTP."""
        self.connection.settimeout(0)
        # Looking ahead reads what is there, and without blocking only that.
        received = self.rfile.read(len(cast("BufferedReader", self.rfile).peek()))
        return Upgrade(self.connection, tuple(self.headers.items()), received)

    def _body(self) -> _Body:
        """The request's body, which ends where the request ends."""
        if self.environ.get("wsgi.input_terminated"):
            return _Body(self.environ["wsgi.input"])  # chunked; werkzeug has wrapped it
        length = self.environ.get("CONTENT_LENGTH") or "0"
        if not (length.isascii() and length.isdigit()):
            self.close_connection = True
            length = "0"
        return _Body(LimitedStream(cast("BinaryIO", self.rfile), int(length)))

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Says nothing: the fake runs inside other people's tests."""
