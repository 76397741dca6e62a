"""Connections that wait for their next request."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import weakref

from .._clock import time
from ..errors import SonioxError
from .sockets import is_readable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import http.client

    # Scheme, host to connect to, host to tunnel to, proxy credentials.
    PoolKey = tuple[str, str, str | None, str | None]

_MAX_IDLE_CONNECTIONS = 64


class ConnectionPool:
    """Idle connections by where they lead. Any thread may use it; a forked child starts with an empty one."""

    def __init__(self) -> None:
        self._idle: dict[PoolKey, list[tuple[http.client.HTTPConnection, float]]] = {}
        self._start_empty()
        self.closed = False
        # Not __del__, which the garbage collector may call after it has complained about the sockets.
        weakref.finalize(self, _close_all, self._idle)

    def _start_empty(self) -> None:
        self._pid = os.getpid()
        # One that the garbage collector may take again, when it closes a reply that nobody has read to its end.
        self._lock = threading.RLock()
        # In a forked child, this closes its copies of the sockets and leaves the connections to the parent.
        _close_all(self._idle)
        self._busy: set[http.client.HTTPConnection] = set()

    def take(self, key: PoolKey, max_idle_sec: float) -> http.client.HTTPConnection | None:
        """An idle connection that still looks alive; None when there is none."""
        if self._pid != os.getpid():
            # The parent's sockets and the state of its lock are not ours.
            self._start_empty()
        now = time.monotonic()
        while True:
            with self._lock:
                self.check_open()
                waiting = self._idle.get(key)
                if not waiting:
                    return None
                connection, since = waiting.pop()
                self._busy.add(connection)
            if now - since <= max_idle_sec and not is_readable(connection.sock):
                return connection
            self.discard(connection)

    def lend(self, connection: http.client.HTTPConnection) -> None:
        """Counts a new connection as in use."""
        with self._lock:
            self.check_open()
            self._busy.add(connection)

    def give_back(self, key: PoolKey, connection: http.client.HTTPConnection) -> None:
        """Takes back a connection whose last reply was read to its end."""
        with self._lock:
            self._busy.discard(connection)
            waiting = self._idle.setdefault(key, [])
            if not self.closed and connection.sock is not None and len(waiting) < _MAX_IDLE_CONNECTIONS:
                waiting.append((connection, time.monotonic()))
                return
        connection.close()

    def discard(self, connection: http.client.HTTPConnection) -> None:
        """Closes a connection that is of no more use."""
        with self._lock:
            self._busy.discard(connection)
        connection.close()

    def close(self) -> None:
        """Closes idle connections and breaks those in use, so that whoever waits on one stops at once."""
        if self._pid != os.getpid():
            self._start_empty()
        with self._lock:
            self.closed = True
            idle = [connection for waiting in self._idle.values() for connection, _ in waiting]
            busy = list(self._busy)
            self._idle.clear()
        for connection in idle:
            connection.close()
        for connection in busy:
            self.break_off(connection)

    @staticmethod
    def break_off(connection: http.client.HTTPConnection) -> None:
        """Breaks a connection that is in use, so that whoever waits on it stops at once."""
        # Not connection.sock, which http.client forgets when the reply is the last one on its connection.
        sock: socket.socket | None = getattr(connection, "open_sock", None)
        if sock is not None:
            # Below TLS, whose object belongs to the thread that reads or writes. The socket may be gone already.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def check_open(self) -> None:
        """Raises SonioxError after ``close()``."""
        if self.closed:
            raise SonioxError("this client is closed")


def _close_all(idle: dict[PoolKey, list[tuple[http.client.HTTPConnection, float]]]) -> None:
    while idle:
        for connection, _ in idle.popitem()[1]:
            connection.close()
