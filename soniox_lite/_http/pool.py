"""Connections that wait for their next request."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import weakref

from .._data.clock import time
from .._net.tcp import is_readable
from ..errors import SonioxError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import http.client

    from .._net.proxies import Proxy

    # Scheme, host and port as in the URL (empty where the proxy serves all hosts), proxy.
    PoolKey = tuple[str, str, Proxy | None]

# To all hosts together, so that a service that spreads its clients over many does not use up their open files.
_MAX_IDLE_CONNECTIONS = 64
# Most servers and load balancers keep an idle connection for a minute or more; NAT tables forget it later still.
MAX_IDLE_SEC = 30.0
# A clock that goes on while the machine is suspended, as time.monotonic does not on Linux and macOS: after a night,
# all connections would seem to have been used a moment ago. Windows has none of these names, and its own goes on.
_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


class ConnectionPool:
    """Idle connections and where they lead. Any thread may use it; a forked child starts with an empty one."""

    def __init__(self) -> None:
        # With since when; the one that has been idle for longest comes first.
        self._idle: dict[http.client.HTTPConnection, tuple[PoolKey, float]] = {}
        self.start_empty()
        self.closed = False
        _pools.add(self)
        # Not __del__, which the garbage collector may call after it has complained about the sockets.
        weakref.finalize(self, _close_all, self._idle)

    def start_empty(self) -> None:
        """Forgets all connections and makes a new lock: for a new pool, and for a forked child's."""
        # One that the garbage collector may take again, when it closes a reply that nobody has read to its end.
        self._lock = threading.RLock()
        # In a forked child, this closes its copies of the sockets and leaves the connections to the parent.
        _close_all(self._idle)
        self._busy: set[http.client.HTTPConnection] = set()

    def take(self, key: PoolKey, max_idle_sec: float) -> http.client.HTTPConnection | None:
        """An idle connection that still looks alive; None when there is none."""
        now = _now()
        while True:
            with self._lock:
                self.check_open()
                # The one that was in use last is the likeliest to be alive.
                for connection in reversed(self._idle):
                    leads_to, since = self._idle[connection]
                    if leads_to == key:
                        break
                else:
                    return None
                del self._idle[connection]
                self._busy.add(connection)
            if now - since <= max_idle_sec and not is_readable(connection.sock):
                return connection
            self.discard(connection)

    def lend(self, connection: http.client.HTTPConnection) -> None:
        """Counts a new connection as in use."""
        with self._lock:
            self.check_open()
            self._busy.add(connection)
        self._drop_idle(_now())

    def give_back(self, key: PoolKey, connection: http.client.HTTPConnection) -> None:
        """Takes back a connection whose last reply was read to its end."""
        now = _now()
        with self._lock:
            self._busy.discard(connection)
            is_usable = not self.closed and connection.sock is not None
            if is_usable:
                self._idle[connection] = key, now
        if not is_usable:
            connection.close()
        elif len(self._idle) > 1:
            self._drop_idle(now)

    def discard(self, connection: http.client.HTTPConnection) -> None:
        """Closes a connection that is of no more use."""
        with self._lock:
            self._busy.discard(connection)
        connection.close()

    def close(self) -> None:
        """Closes idle connections and breaks those in use, so that whoever waits on one stops at once."""
        with self._lock:
            self.closed = True
            idle = list(self._idle)
            busy = list(self._busy)
            self._idle.clear()
        for connection in idle:
            connection.close()
        for connection in busy:
            self.break_off(connection)

    def _drop_idle(self, now: float) -> None:
        """Closes what has been idle for too long, wherever it leads, and the oldest of too many."""
        while True:
            with self._lock:
                oldest = next(iter(self._idle), None)
                if oldest is None or (
                    len(self._idle) <= _MAX_IDLE_CONNECTIONS and now - self._idle[oldest][1] <= MAX_IDLE_SEC
                ):
                    return
                del self._idle[oldest]
            oldest.close()

    @staticmethod
    def break_off(connection: http.client.HTTPConnection) -> None:
        """Breaks a connection that is in use, so that whoever waits on it stops at once."""
        # Not connection.sock, which http.client forgets when the reply is the last one on its connection.
        sock: socket.socket | None = getattr(connection, "open_sock", None)
        # A forked child would break it for its parent.
        if sock is not None and getattr(connection, "pid", None) == os.getpid():
            # Below TLS, whose object belongs to the thread that reads or writes. The socket may be gone already.
            with contextlib.suppress(OSError):
                socket.SocketType.shutdown(sock, socket.SHUT_RDWR)

    def check_open(self) -> None:
        """Raises SonioxError after ``close()``."""
        if self.closed:
            raise SonioxError("this client is closed")


def _now() -> float:
    return time.monotonic() if _CLOCK is None else time.clock_gettime(_CLOCK)


# For a forked child, which has neither the threads that may hold a lock nor a right to the parent's connections.
_pools: weakref.WeakSet[ConnectionPool] = weakref.WeakSet()


def _start_all_empty() -> None:
    for pool in list(_pools):
        pool.start_empty()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_all_empty)


def _close_all(idle: dict[http.client.HTTPConnection, tuple[PoolKey, float]]) -> None:
    while idle:
        idle.popitem()[0].close()
