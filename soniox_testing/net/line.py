"""One accepted connection. The server can end every wait on it.

Its socket never blocks. A thread waits with a selector for the socket and for a socket pair that wakes it: shutting a
socket down does not wake a thread in ``recv`` on every platform.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import ssl
import struct
import threading
from io import RawIOBase
from typing import Any

from ..unfrozen import time
from .tls import ServerSocket

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_BLOCK_BYTES = 256 * 1024
# Unlike epoll and kqueue, poll needs no file descriptor.
_Selector: Any = getattr(selectors, "PollSelector", selectors.SelectSelector)
_LINGER = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


class Line(RawIOBase):
    """An accepted connection. ``end`` and ``wake`` may be called from any thread, all else from the connection's own.

    Every wait raises ``ConnectionAbortedError`` once ``end`` was called.

    Args:
        connection: The socket, plain or with TLS.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.ending: bool = False
        """Whether the server ends this connection."""
        self.handed_over = False
        """Whether ``readinto`` returns None instead of waiting: WebSocket has taken over."""
        connection.settimeout(0)
        with contextlib.suppress(OSError):
            # Otherwise Nagle's algorithm may hold a response back until the peer's delayed ACK, 40 ms later.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._lock = threading.Lock()
        self._wake, self._waker = socket.socketpair()
        self._wake.settimeout(0)
        self._waker.settimeout(0)
        self._selector = _Selector()
        self._selector.register(self._wake, READ)
        self._waits_for = 0

    def handshake(self, timeout_sec: float) -> None:
        """Performs the TLS handshake; does nothing without TLS.

        Raises:
            OSError: The handshake failed: ``ssl.SSLError``, or ``TimeoutError`` after ``timeout_sec`` seconds.
        """
        if not isinstance(self.socket, ServerSocket):
            return
        deadline_sec = time.monotonic() + timeout_sec
        while True:
            try:
                self.socket.do_handshake()
                return
            except ssl.SSLWantReadError:
                self._wait_for(READ, deadline_sec - time.monotonic())
            except ssl.SSLWantWriteError:
                self._wait_for(WRITE, deadline_sec - time.monotonic())

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Reads into a buffer, as a raw stream does: waits for the first byte, and returns 0 at the end."""
        while True:
            try:
                return self.socket.recv_into(buffer)
            except BlockingIOError:
                if self.handed_over:
                    return None
                self._wait_for(READ)

    def sendall(self, data: bytes) -> None:
        """Sends all of the data. Waits without a limit for the client to read it."""
        sent = 0
        # Released at once, also without reference counting: a bytearray cannot be resized while a view of it exists.
        with memoryview(data) as whole:
            while sent < len(whole):
                with whole[sent : sent + _BLOCK_BYTES] as block:
                    try:
                        sent += self.socket.send(block)
                    except BlockingIOError:
                        self._wait_for(WRITE)

    def wait(self, events: int, timeout_sec: float | None) -> None:
        """Waits until the socket is ready, ``wake`` or ``end`` was called, or the time is over.

        Args:
            events: ``READ``, ``WRITE`` or both, for which the socket must be ready; 0: the socket is not waited for.
            timeout_sec: Seconds; None: no limit.
        """
        if events != self._waits_for:
            if not self._waits_for:
                self._selector.register(self.socket, events)
            elif events:
                self._selector.modify(self.socket, events)
            else:
                self._selector.unregister(self.socket)
            self._waits_for = events
        self._selector.select(timeout_sec)
        with contextlib.suppress(BlockingIOError):
            while self._wake.recv(4096):
                pass

    def watch(self, other: socket.socket, events: int) -> None:
        """From now on ``wait`` also returns when another socket is ready.

        Args:
            other: The socket.
            events: ``READ``, ``WRITE`` or both; 0: it is not waited for any more.
        """
        known = other in self._selector.get_map()
        if known and events:
            self._selector.modify(other, events)
        elif known:
            self._selector.unregister(other)
        elif events:
            self._selector.register(other, events)

    def _wait_for(self, events: int, timeout_sec: float | None = None) -> None:
        """Waits until the socket is probably ready."""
        if timeout_sec is not None and timeout_sec <= 0:
            raise TimeoutError
        if not self.ending:  # end() sets this before it wakes, so either this line sees it or the wait ends.
            self.wait(events, timeout_sec)
        if self.ending:
            raise ConnectionAbortedError("the server ends this connection")

    def wake(self) -> None:
        """Ends the current wait, or else the next one."""
        with self._lock:
            if not self.closed:
                with contextlib.suppress(BlockingIOError):  # full: a wake-up is pending already
                    self._waker.send(b"\0")

    def end(self) -> None:
        """Ends every wait from now on, so that the thread of the connection closes it."""
        self.ending = True
        self.wake()

    def finish_sending(self, timeout_sec: float) -> None:
        """Closes the sending side, then reads and discards input until the client closes the connection.

        Closing a connection with unread input resets it, and the client may lose the end of the response.
        """
        self._say_goodbye()
        deadline_sec = time.monotonic() + timeout_sec
        with contextlib.suppress(OSError):
            while True:
                try:
                    if not self.socket.recv(_BLOCK_BYTES):
                        return
                except BlockingIOError:
                    self._wait_for(READ, deadline_sec - time.monotonic())

    def reset(self) -> None:
        """Closes the connection so that the peer gets a reset."""
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        self._release()

    def close(self) -> None:
        """Closes the connection; does nothing when it is closed."""
        if not self.closed:
            self._say_goodbye()
            self._release()

    def _say_goodbye(self) -> None:
        if isinstance(self.socket, ServerSocket):
            self.socket.say_goodbye()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def _release(self) -> None:
        self._selector.close()
        self.socket.close()
        with self._lock:
            super().close()
            self._waker.close()
        self._wake.close()
