"""Accepts connections on a port, and serves each in a thread. Independent of the API.

pytest-httpserver provides the accepting thread. Different from it: requests are not stored, connections are kept open,
and stopping the server ends open connections and their threads.
"""

from __future__ import annotations

import os
import socket
import socketserver
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

from pytest_httpserver import HTTPServer
from werkzeug.serving import select_address_family

from .exchange import Exchange
from .line import Line
from .tls import Certificate

if TYPE_CHECKING:
    import ssl
    from collections.abc import Collection

    from .exchange import Service

_BACKLOG = 128
_POLL_SEC = 0.02
_HANDSHAKE_SEC = 10.0
_REACHABLE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


def reachable_host(host: str) -> str:
    """The host for clients of a server that listens on ``host``, which may stand for all addresses."""
    return _REACHABLE.get(host, host)


class Listener(HTTPServer):
    """An HTTP/1.1 server on a port; may serve more than one fake.

    Args:
        service: Handles the requests.
        host: Name or address to listen on.
        port: 0 picks a free one; ``port`` says which once the listener was started.
        tls: Whether clients must speak TLS, see ``certificate``.

    Raises:
        RuntimeError: trustme is not installed, and TLS was asked for.
    """

    def __init__(self, service: Service, *, host: str, port: int, tls: bool = False) -> None:
        super().__init__(host, port, threaded=True)
        self.certificate: Certificate | None = Certificate(host) if tls else None
        """The TLS certificate; None: plain HTTP."""
        self._service = service
        self._lines: _Server | None = None

    def start(self) -> None:
        """Begins to listen.

        Raises:
            OSError: The address cannot be had, for example because the port is in use.
        """
        context = None if self.certificate is None else self.certificate.server_context
        self._lines = server = _Server(self.host, self.port, self._service, context)
        self.server: Any = server
        self.port: int = server.server_address[1]
        self.server_thread: threading.Thread | None = threading.Thread(
            target=self.thread_target, name="fake-soniox", daemon=True
        )
        self.server_thread.start()

    def thread_target(self) -> None:
        """Accepts connections until the server stops."""
        server = self._lines
        if server is not None:
            with closing(server.socket):
                server.serve_forever(poll_interval=_POLL_SEC)

    @property
    def url(self) -> str:
        """Such as ``http://127.0.0.1:8080``; a loopback address if it listens on all addresses."""
        scheme = "https" if self.certificate else "http"
        return f"{scheme}://{self.format_host(reachable_host(self.host))}:{self.port}"

    def stop(self) -> list[threading.Thread]:  # type: ignore[override]
        """Stops listening and ends every connection that is still open.

        Returns:
            Their threads, which end by themselves.
        """
        server, self._lines = self._lines, None
        if server is not None and server.is_inherited:
            # The thread that would answer a stop is in the process that started it, whose port goes on.
            server.socket.close()
            self.server = self.server_thread = None
            return []
        super().stop()
        return [] if server is None else server.end_connections()

    def end_connections(self, lines: Collection[Line]) -> list[threading.Thread]:
        """Ends some connections, and goes on listening.

        Returns:
            Their threads, which end by themselves.
        """
        return [] if self._lines is None else self._lines.end_connections(lines)


class _Server(socketserver.TCPServer):
    """A server with a thread for each connection, and a list of both."""

    def __init__(self, host: str, port: int, service: Service, context: ssl.SSLContext | None) -> None:
        family = select_address_family(host, port)
        self.socket = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        self.server_address = self.socket.getsockname()
        socketserver.BaseServer.__init__(self, self.server_address, socketserver.BaseRequestHandler)
        self._service = service
        self._context = context
        self._changing = threading.Lock()
        self._threads: dict[Line, threading.Thread] = {}
        self._process = os.getpid()

    @property
    def is_inherited(self) -> bool:
        """Whether this process was forked from the one that listens, so that it has neither threads nor connections."""
        return os.getpid() != self._process

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serves a new connection in a thread of its own."""
        if self._context is not None:
            # The handshake is left to the connection's thread: here, a slow client would delay all others.
            request = self._context.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
        line = Line(request)
        thread = threading.Thread(
            target=self._serve, args=(line, client_address), name="fake-soniox-connection", daemon=True
        )
        # Listed before the thread starts: the connection may have to be ended as soon as the thread runs.
        with self._changing:
            self._threads[line] = thread
        try:
            thread.start()
        except RuntimeError as error:
            # Reported before the connection is closed, so that the failure belongs to the running test.
            self._service.on_error(error, "accepting a connection", line)
            self._forget(line)
            line.close()

    def _serve(self, line: Line, client_address: Any) -> None:
        try:
            with closing(line):
                scheme = "http" if self._context is None else "https"
                exchange = Exchange(line, self._service, (client_address, self.server_address), scheme)
                exchange.run(_HANDSHAKE_SEC)
        except Exception as error:  # noqa: BLE001 - passed on
            self._service.on_error(error, "ending a connection", line)
        finally:
            self._forget(line)

    def _forget(self, line: Line) -> None:
        with self._changing:
            del self._threads[line]

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Passes the error of a connection that could not be accepted on; the base class would print it."""
        error = sys.exc_info()[1]
        # The client may have closed the connection.
        if error is not None and not isinstance(error, ConnectionError):
            self._service.on_error(error, "accepting a connection", None)

    def end_connections(self, lines: Collection[Line] | None = None) -> list[threading.Thread]:
        """Ends connections.

        Args:
            lines: Which ones; None: all.

        Returns:
            Their threads.
        """
        if self.is_inherited:
            return []
        with self._changing:
            ending = {line: thread for line, thread in self._threads.items() if lines is None or line in lines}
        for line in ending:
            line.end()
        return list(ending.values())
