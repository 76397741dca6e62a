"""A server over plain sockets, for all that no decent server would do; HTTP and WebSocket are built on it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

# Nothing here takes as long; a test that waits longer hangs.
PATIENCE_SEC = 60.0


class HungUpError(Exception):
    """The client closed the connection."""


class Connection:
    """One accepted connection, as the steps see it.

    Attributes:
        hung_up: Set when the connection is closed by both sides.
    """

    def __init__(self, sock: socket.socket, server: Any) -> None:
        self.sock = sock
        self.server = server
        self.hung_up = threading.Event()

    def send(self, data: bytes) -> None:
        """Sends all of it; a client that hung up ends the connection."""
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise HungUpError from error

    def receive_bytes(self) -> bytes:
        """The next bytes."""
        try:
            data = self.sock.recv(256 * 1024)
        except (ConnectionError, ssl.SSLError) as error:
            raise HungUpError from error
        if not data:
            raise HungUpError
        return data

    def reset(self) -> None:
        """Closes the connection with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def shut_down(self) -> None:
        """Ends what waits for the socket; without a word of TLS."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


C = TypeVar("C", bound=Connection)


class SocketServer(Generic[C]):
    """Accepts connections, each served on a thread of its own by :meth:`serve` of a derived class.

    What that raises fails the test on leaving the ``with`` block.

    Args:
        make: Makes a connection of a socket and this server.
        scheme: Of the URL.
        tls: For a server with TLS.
        host: Where to listen.
        receive_buffer: Size of the kernel's buffer for what comes in; None for the kernel's choice.
    """

    def __init__(
        self,
        make: Callable[[socket.socket, Any], C],
        scheme: str,
        tls: ssl.SSLContext | None,
        host: str,
        receive_buffer: int | None = None,
    ) -> None:
        self.connections: list[C] = []
        self.failures: list[BaseException] = []
        self.tls_failures: list[OSError] = []
        self.stopping = threading.Event()
        self._make = make
        self._tls = tls
        self._condition = threading.Condition()
        self._threads: list[threading.Thread] = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=256)
        if receive_buffer is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.port: int = self._listener.getsockname()[1]
        self.address = f"{f'[{host}]' if ':' in host else host}:{self.port}"
        self.url = f"{scheme}{'' if tls is None else 's'}://{self.address}"

    def serve(self, connection: C) -> None:
        """Does what the test wants with a connection, after TLS."""
        raise NotImplementedError

    def greet(self, connection: C) -> None:
        """Called before TLS."""

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, exc_type: type[BaseException] | None, *_: object) -> None:
        self.stopping.set()
        self.refuse_connections()
        for connection in self.connections:
            connection.shut_down()
        for thread in self._threads:
            thread.join(PATIENCE_SEC)
            assert not thread.is_alive(), "a step of the server does not end"
        if self.failures and exc_type is None:
            raise self.failures[0]

    @property
    def connection_count(self) -> int:
        """How many connections there have been."""
        return len(self.connections)

    @property
    def open_connections(self) -> int:
        """Connections that are not closed by both sides."""
        return sum(not connection.hung_up.is_set() for connection in self.connections)

    def refuse_connections(self) -> None:
        """Stops to listen."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def wait_until(self, condition: Callable[[Self], Any]) -> None:
        """Waits until it is so; looked at whenever something came in or a connection ended."""
        with self._condition:
            assert self._condition.wait_for(lambda: condition(self), PATIENCE_SEC), "what was waited for did not happen"

    def changed(self) -> None:
        """Lets those who wait look again."""
        with self._condition:
            self._condition.notify_all()

    def _start(self, function: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=self._run, args=(function, *args), name="socket-server")
        self._threads.append(thread)
        thread.start()

    def _run(self, function: Callable[..., None], *args: object) -> None:
        try:
            function(*args)
        except HungUpError:
            pass
        except BaseException as error:
            # Sockets are shut down under the steps that still run.
            if not self.stopping.is_set() or isinstance(error, AssertionError):
                self.failures.append(error)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(PATIENCE_SEC)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = self._make(sock, self)
            self.connections.append(connection)
            self.changed()
            self._start(self._serve, connection)
            if self.stopping.is_set():
                connection.shut_down()

    def _serve(self, connection: C) -> None:
        original = connection.sock
        try:
            self.greet(connection)
            if self._tls is not None:
                try:
                    connection.sock = self._tls.wrap_socket(original, server_side=True)
                except OSError as error:
                    self.tls_failures.append(error)
                    return
            self.serve(connection)
        finally:
            connection.sock.close()
            original.close()
            connection.hung_up.set()
            self.changed()
