"""Watching sockets for event loops that cannot, such as asyncio's default one on Windows: a thread does it."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import weakref
from functools import partial

from ..errors import SonioxRealtimeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from typing import Any

# A loop that is closed while it watches sockets does not wake the thread, which checks for that at this interval.
CHECK_SEC = 5.0
# On Windows select() takes 512, of which one wakes the thread.
MAX_SOCKETS = 511


class SelectorThread:
    """The methods of an event loop that watch sockets, for a loop that lacks them. To be called in that loop.

    A thread waits with ``select()`` while there are sockets to watch.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self._readers: dict[int, Callable[[], object]] = {}
        self._writers: dict[int, Callable[[], object]] = {}
        # Guards what follows. The pair of sockets is there while the thread is.
        self._lock = threading.Lock()
        self._pair: tuple[socket.socket, socket.socket] | None = None
        self._loop_is_busy = False

    def add_reader(self, fd: int, callback: Callable[..., object], *args: Any) -> None:
        if len(self._readers) >= MAX_SOCKETS:
            raise SonioxRealtimeError(f"this event loop can have {MAX_SOCKETS} realtime connections at most")
        self._readers[fd] = partial(callback, *args)
        self._look_again()

    def remove_reader(self, fd: int) -> None:
        self._readers.pop(fd, None)
        self._look_again()

    def add_writer(self, fd: int, callback: Callable[..., object], *args: Any) -> None:
        self._writers[fd] = partial(callback, *args)
        self._look_again()

    def remove_writer(self, fd: int) -> None:
        self._writers.pop(fd, None)
        self._look_again()

    def _look_again(self) -> None:
        """Wakes the thread, or starts it if there is something to watch."""
        with self._lock:
            if self._pair is not None:
                with contextlib.suppress(BlockingIOError):  # Full: the thread will wake anyway.
                    self._pair[1].send(b"\0")
            elif self._readers or self._writers:
                pair = socket.socketpair()
                for sock in pair:
                    sock.setblocking(False)  # noqa: FBT003 - as eventlet understands it
                thread = threading.Thread(target=self._run, args=pair, name="soniox-lite selector", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:
                    for sock in pair:
                        sock.close()
                    raise SonioxRealtimeError(f"no thread can be started to watch sockets: {error}") from error
                self._pair = pair

    def _run(self, woken: socket.socket, waker: socket.socket) -> None:
        with woken, waker:
            while self._goes_on():
                # Until the loop has handled the sockets that are ready, select() would return them again at once.
                readers, writers = ([], []) if self._loop_is_busy else (list(self._readers), list(self._writers))
                try:
                    readable, writable, _ = select.select([woken.fileno(), *readers], writers, [], CHECK_SEC)
                except (OSError, ValueError):
                    # A socket was closed meanwhile, and the error does not say which: each callback checks its own.
                    readable, writable = readers, writers
                with contextlib.suppress(BlockingIOError):
                    while woken.recv(4096):
                        pass
                ready = [fd for fd in readable if fd != woken.fileno()]
                if ready or writable:
                    self._tell(ready, writable)

    def _goes_on(self) -> bool:
        """Whether the thread is still needed. If not, the next socket to watch starts another thread."""
        loop = self._loop()
        with self._lock:
            if loop is not None and not loop.is_closed() and (self._readers or self._writers):
                return True
            self._pair = None
        return False

    def _tell(self, readable: list[int], writable: list[int]) -> None:
        loop = self._loop()
        self._loop_is_busy = True
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # It was closed, which ends the thread.
                loop.call_soon_threadsafe(self._call_back, readable, writable)

    def _call_back(self, readable: list[int], writable: list[int]) -> None:
        try:
            for callbacks, ready in ((self._readers, readable), (self._writers, writable)):
                for fd in ready:
                    if (callback := callbacks.get(fd)) is not None:
                        callback()
        finally:
            self._loop_is_busy = False
            self._look_again()


_threads: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, SelectorThread] = weakref.WeakKeyDictionary()


def selector_thread_of(loop: asyncio.AbstractEventLoop) -> SelectorThread:
    """The object that watches sockets for an event loop."""
    found = _threads.get(loop)
    if found is None:
        found = _threads[loop] = SelectorThread(loop)
    return found
