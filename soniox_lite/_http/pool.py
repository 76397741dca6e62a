"""Connections that are kept open between requests."""

from __future__ import annotations

import os
import socket
import threading
import weakref

from .._data.clock import time
from .._net.tcp import SLICE_SEC, is_readable
from ..errors import SonioxError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import http.client

    from .._data.cancel_token import CancelToken
    from .._net.proxies import Proxy

    # Scheme; host and port as in the URL, or empty if one connection to the proxy serves all hosts; proxy.
    PoolKey = tuple[str, str, Proxy | None]

# For all hosts together, so that a service with many host names does not use up the client's file descriptors.
MAX_IDLE_CONNECTIONS = 64
# Most servers and load balancers keep an idle connection for a minute or more, NAT tables even longer.
MAX_IDLE_SEC = 30.0
# A clock that counts the time while the machine is suspended, as time.monotonic does not on Linux and macOS: otherwise
# connections would seem recently used after a night. Windows has neither name, and its time.monotonic does count.
CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


class ConnectionPool:
    """Idle connections with their targets, and those in use. Any thread may use it; it is empty in a forked child."""

    def __init__(self) -> None:
        # With the time since when they are idle; the longest idle one comes first.
        self._idle: dict[http.client.HTTPConnection, tuple[PoolKey, float]] = {}
        self.start_empty()
        self.closed = False
        _pools.add(self)
        # Not __del__, which the garbage collector may call after it has warned about the open sockets.
        weakref.finalize(self, _close_all, self._idle)

    def start_empty(self) -> None:
        """Drops all connections and makes a new lock: for a new pool, and for one in a forked child."""
        # Reentrant: __del__ of an unread response may run while this thread holds the lock.
        self._lock = threading.RLock()
        # In a forked child, this closes its copies of the sockets; the parent's connections stay open.
        _close_all(self._idle)
        # Each with the token that may end its request; None without one.
        self._in_use: dict[http.client.HTTPConnection, CancelToken | None] = {}

    def acquire(
        self, key: PoolKey, max_idle_sec: float, owner: CancelToken | None = None
    ) -> http.client.HTTPConnection | None:
        """An idle connection to a target, now in use by the caller; None if there is no usable one.

        The caller gives it back with :meth:`release` or :meth:`discard`.

        Args:
            key: The target.
            max_idle_sec: How long it may have been idle, in seconds.
            owner: The token that may end the request; None without one.

        Raises:
            SonioxError: The pool is closed.
            SonioxCancelledError: The token was cancelled.
        """
        now = clock()
        while True:
            with self._lock:
                self.check_open()
                # The most recently used one is most likely to be open still.
                for connection in reversed(self._idle):
                    target, since = self._idle[connection]
                    if target == key:
                        break
                else:
                    return None
                del self._idle[connection]
                self._in_use[connection] = owner
            if owner is not None and owner.cancelled:
                self.discard(connection)
                owner.check()
            if now - since <= max_idle_sec and not is_readable(connection.sock):
                return connection
            # Too old; or readable, that is closed by the server or with unexpected data on it.
            self.discard(connection)

    def add(self, connection: http.client.HTTPConnection, owner: CancelToken | None = None) -> None:
        """Registers a new connection, which is in use by the caller."""
        with self._lock:
            self.check_open()
            self._in_use[connection] = owner
        self._drop_idle(clock())

    def release(self, key: PoolKey, connection: http.client.HTTPConnection) -> None:
        """Keeps a connection whose last response was read to its end for the next request."""
        now = clock()
        with self._lock:
            self._in_use.pop(connection, None)
            is_usable = not self.closed and connection.sock is not None
            if is_usable:
                self._idle[connection] = key, now
        if not is_usable:
            connection.close()
        elif len(self._idle) > 1:
            self._drop_idle(now)

    def discard(self, connection: http.client.HTTPConnection) -> None:
        """Closes a connection that cannot be used again."""
        with self._lock:
            self._in_use.pop(connection, None)
        connection.close()

    def close(self) -> None:
        """Closes idle connections and aborts those in use, so that their requests fail at once."""
        with self._lock:
            self.closed = True
            idle = list(self._idle)
            in_use = list(self._in_use)
            self._idle.clear()
        for connection in idle:
            connection.close()
        for connection in in_use:
            self.abort(connection)

    def abort_of(self, owner: object) -> None:
        """Aborts the connections that are in use for a token."""
        with self._lock:
            owned = [connection for connection, token in self._in_use.items() if token is owner]
        for connection in owned:
            self.abort(connection)

    def _drop_idle(self, now: float) -> None:
        """Closes connections that have been idle for too long, and the oldest ones if there are too many."""
        while True:
            with self._lock:
                oldest = next(iter(self._idle), None)
                if oldest is None or (
                    len(self._idle) <= MAX_IDLE_CONNECTIONS and now - self._idle[oldest][1] <= MAX_IDLE_SEC
                ):
                    return
                del self._idle[oldest]
            oldest.close()

    @staticmethod
    def abort(connection: http.client.HTTPConnection) -> None:
        """Shuts down a connection that is in use, so that the thread that waits for it stops at once."""
        # Not connection.sock, which http.client clears when the response is the last one on its connection.
        sock: socket.socket | None = getattr(connection, "open_sock", None)
        # A forked child would shut it down for its parent.
        if sock is not None and getattr(connection, "pid", None) == os.getpid():
            # On the TCP socket, since the TLS object belongs to the thread that uses it.
            try:
                socket.SocketType.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                # It is closed already, or not connected yet; on Windows, only closing it ends that.
                if SLICE_SEC is not None:
                    sock.close()

    def check_open(self) -> None:
        """Raises SonioxError after ``close()``."""
        if self.closed:
            raise SonioxError("this client is closed")


def clock() -> float:
    return time.monotonic() if CLOCK is None else time.clock_gettime(CLOCK)


# For forked children: threads that may hold a lock do not exist there, and the connections belong to the parent.
_pools: weakref.WeakSet[ConnectionPool] = weakref.WeakSet()


def _start_all_empty() -> None:
    for pool in list(_pools):
        pool.start_empty()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_all_empty)


def _close_all(idle: dict[http.client.HTTPConnection, tuple[PoolKey, float]]) -> None:
    while idle:
        idle.popitem()[0].close()
