"""Threads that do for event loops what blocks."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections import deque
from concurrent.futures import Future
from queue import Empty, SimpleQueue

from .._data.clock import time
from ..errors import SonioxConnectionError, SonioxError, SonioxTimeoutError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")
    Job = tuple[Future[Any], Callable[[], Any]]


class Workers:
    """Up to so many threads, started when there is work for them. A forked child gets its own.

    The threads of ``concurrent.futures`` keep a process alive until they have ended what they do. These do not.

    Attributes:
        closed: Whether ``close()`` was called.
    """

    def __init__(self, limit: int) -> None:
        """Starts no thread yet."""
        self._limit = limit
        self.closed = False
        self._start_empty()

    def _start_empty(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        # None at its end: each thread that finds it leaves it to the next one, and ends.
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        # An entry for each thread that waits for a job, and was not given one.
        self._idle: deque[None] = deque()
        # With each thread, what is done when it ends.
        self._threads: list[tuple[threading.Thread, Future[None]]] = []
        # Threads must not keep alive what was forgotten.
        weakref.finalize(self, self._jobs.put, None).atexit = False

    def submit(self, function: Callable[[], T]) -> Future[T]:
        """Has a thread call a function, as soon as one is free.

        Raises:
            SonioxError: ``close()`` was called.
            SonioxConnectionError: There is no thread, and none can be started.
        """
        if self._pid != os.getpid():
            self._start_empty()
        future: Future[T] = Future()
        with self._lock:
            if self.closed:
                raise SonioxError("this client is closed")
            if self._idle:
                self._idle.pop()
            elif len(self._threads) < self._limit:
                self._start_thread()
            self._jobs.put((future, function))
        return future

    def _start_thread(self) -> None:
        ended: Future[None] = Future()
        ended.set_running_or_notify_cancel()  # So that who waits for it cannot cancel it.
        name = f"soniox-lite_{len(self._threads)}"
        thread = threading.Thread(target=_work, args=(self._jobs, self._idle, ended), name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            # Those that there are do it later.
            if not self._threads:
                raise SonioxConnectionError(f"no thread can be started for a request: {error}") from error
        else:
            self._threads.append((thread, ended))

    async def close(self) -> None:
        """Waits until all threads have ended; what was submitted is done first."""
        if self._pid != os.getpid():
            self._start_empty()
        with self._lock:
            self.closed = True
            self._jobs.put(None)
            threads = list(self._threads)
        for thread, ended in threads:
            await asyncio.wrap_future(ended)
            thread.join()  # It has nothing left to do.


async def result_of(future: Future[T], deadline: float | None, name: str) -> T:
    """What a submitted function returns or raises. Cancelling takes it back, unless it has begun.

    Args:
        future: As :meth:`Workers.submit` gave it.
        deadline: Until when it may wait for a thread, as ``time.monotonic()`` counts; None for as long as it takes.
        name: What it is for, for the message.

    Raises:
        SonioxTimeoutError: No thread was free in time.
    """
    waiter = asyncio.wrap_future(future)
    if deadline is not None:
        try:
            await asyncio.wait((waiter,), timeout=max(0.0, deadline - time.monotonic()))
        except asyncio.CancelledError:
            waiter.cancel()
            raise
        # What has begun knows its deadline by itself.
        if future.cancel():
            raise SonioxTimeoutError(f"{name}: out of time, since all threads of the client are busy")
    return await waiter


def _work(jobs: SimpleQueue[Job | None], idle: deque[None], ended: Future[None]) -> None:
    job = jobs.get()
    while job is not None:
        _do(*job)
        del job  # It must not live until the next one comes.
        try:
            job = jobs.get_nowait()
        except Empty:
            idle.append(None)
            job = jobs.get()
    jobs.put(None)
    ended.set_result(None)


def _do(future: Future[Any], function: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = function()
    except BaseException as error:  # noqa: BLE001 - raised where it is waited for
        future.set_exception(error)
    else:
        future.set_result(result)
