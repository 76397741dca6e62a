"""Threads that run blocking functions for event loops."""

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
    """A limited number of threads, started when needed. A forked child gets new ones.

    Unlike the threads of ``concurrent.futures``, they do not keep the process alive until their functions return.

    Attributes:
        closed: Whether ``end()`` or ``close()`` was called.
    """

    def __init__(self, limit: int) -> None:
        """Starts no thread yet."""
        self._limit = limit
        self.closed = False
        self._start_empty()

    def _start_empty(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        # None ends the threads: each one that receives it puts it back for the next one.
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        # An entry for each waiting thread for which no job has been queued.
        self._idle: deque[None] = deque()
        # Each thread with a future that is done when the thread ends.
        self._threads: list[tuple[threading.Thread, Future[None]]] = []
        # Ends the threads when this object is garbage collected.
        weakref.finalize(self, self._jobs.put, None).atexit = False

    def submit(self, function: Callable[[], T]) -> Future[T]:
        """Queues a function, which a thread calls as soon as one is free.

        Raises:
            SonioxError: ``close()`` was called.
            SonioxConnectionError: There are no threads, and none can be started.
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
        ended.set_running_or_notify_cancel()  # So that a waiter cannot cancel it.
        name = f"soniox-lite_{len(self._threads)}"
        thread = threading.Thread(target=_work, args=(self._jobs, self._idle, ended), name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            # If there are other threads, one of them runs the function later.
            if not self._threads:
                raise SonioxConnectionError(f"no thread can be started for a request: {error}") from error
        else:
            self._threads.append((thread, ended))

    def end(self) -> None:
        """Has the threads end when they have run the functions that are queued. No more can be submitted."""
        if self._pid != os.getpid():
            self._start_empty()
        with self._lock:
            self.closed = True
            self._jobs.put(None)

    async def close(self) -> None:
        """Waits until all threads have ended; functions that are queued are run before."""
        self.end()
        for thread, ended in self._threads:
            await asyncio.wrap_future(ended)
            thread.join()  # It is about to end, so this does not block.


async def result_of(future: Future[T], deadline: float | None, name: str) -> T:
    """The result of a submitted function, or the exception it raised. Cancelling withdraws it, unless it is running.

    Args:
        future: From :meth:`Workers.submit`.
        deadline: How long the function may wait for a thread, as ``time.monotonic()`` counts; None for no limit.
        name: What the function does, for the message.

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
        # A function that is running observes the deadline itself.
        if future.cancel():
            raise SonioxTimeoutError(f"{name}: out of time, since all threads of the client are busy")
    return await waiter


def _work(jobs: SimpleQueue[Job | None], idle: deque[None], ended: Future[None]) -> None:
    job = jobs.get()
    while job is not None:
        _do(*job)
        del job  # Otherwise it would be kept alive until the next job.
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
    except BaseException as error:  # noqa: BLE001 - raised in the task that waits for it
        future.set_exception(error)
    else:
        future.set_result(result)
