"""One attempt over tasks: the blocking transport on the client's own threads."""

from __future__ import annotations

import asyncio
from collections import deque

from .._data import loop_timers as _loop_timers
from .._data.async_callbacks import settled
from .._data.callbacks import is_awaitable
from .async_streams import AsyncResponseStream
from .transport import Transport
from .workers import Workers, result_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from concurrent.futures import Future
    from typing import Any, TypeVar

    from .._data.cancel_token import CancelToken
    from .._settings import Settings
    from .body import ProgressCallback
    from .messages import Request, Response
    from .streams import ResponseStream

    T = TypeVar("T")

# asyncio's own executor, with six threads on two cores, has a fifth of the throughput.
MAX_THREADS = 64


async def pause(delay_sec: float, _cancel: CancelToken | None = None) -> None:
    """Waits; cancelling the task ends it."""
    await _loop_timers.sleep(delay_sec)


async def completed(call: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What a call returns. If the task is cancelled meanwhile, this takes effect when the call has ended."""
    task = asyncio.ensure_future(call())
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,))
        if not task.cancelled():
            task.exception()  # Otherwise asyncio logs that it was never looked at.
        raise


class AsyncTransport:
    """Sends requests from any event loop. Its threads live until ``aclose``; a forked child gets its own."""

    pause = staticmethod(pause)

    def __init__(self, settings: Settings) -> None:
        """As :class:`Transport`.

        Args:
            settings: As there.
        """
        self._transport = Transport(settings)
        self._workers = Workers(MAX_THREADS)
        # Each makes its last requests before the client is closed.
        self.endings: set[Callable[[], Awaitable[None]]] = set()

    @property
    def closed(self) -> bool:
        """Whether ``close()`` was called."""
        return self._transport.closed

    async def send(self, request: Request, settings: Settings, deadline: float | None = None) -> Response:
        """As :meth:`Transport.send`. Cancelling does not stop a request: its thread discards the response."""
        future = self._workers.submit(lambda: self._transport.send(request, settings, deadline))
        return await self._result_of(future, request, deadline)

    async def open_stream(
        self, request: Request, settings: Settings, deadline: float | None = None
    ) -> AsyncResponseStream:
        """As :meth:`Transport.open_stream`. Cancelling does not stop a request: its thread closes the response."""
        future = self._workers.submit(lambda: self._transport.open_stream(request, settings, deadline))
        try:
            stream = await self._result_of(future, request, deadline)
        except asyncio.CancelledError:
            future.add_done_callback(_close_stream)
            raise
        return AsyncResponseStream(stream, self._workers, deadline)

    async def _result_of(self, future: Future[T], request: Request, deadline: float | None) -> T:
        result = await result_of(future, deadline, f"{request.method} {request.url}")
        # Of the type that callback() returns.
        callback: Any = None if request.body is None else request.body.on_progress
        if callback is not None:
            await callback.finish()
        return result

    def callback(self, function: ProgressCallback | None) -> ProgressCallback | None:
        """A callback for a request body that calls the function in the running event loop."""
        if function is None or not callable(function):
            return function  # Any other object is refused where the request is made.
        return _LoopCallback(function, asyncio.get_running_loop())

    async def close(self) -> None:
        """Closes all connections, also those in use, and waits for the threads to end."""
        for end in tuple(self.endings):
            await end()
        self._transport.close()
        # Requests that wait for a thread are not cancelled here, as their tasks would end as cancelled: the threads
        # still run them, and they raise since the client is closed.
        await self._workers.close()


def _close_stream(future: Future[ResponseStream]) -> None:
    """Closes the response of a cancelled request."""
    if not future.cancelled() and future.exception() is None:
        future.result().close()


class _LoopCallback:
    """A progress callback that is called in a thread and calls the user's function in an event loop.

    Attributes:
        error: The exception that the function raised there, which the next call raises; None without one.
    """

    def __init__(self, function: ProgressCallback, loop: asyncio.AbstractEventLoop) -> None:
        self._function = function
        self._loop = loop
        self._calls: deque[tuple[int, int | None]] = deque()
        self._awaiting: asyncio.Task[None] | None = None
        self.error: Exception | None = None

    def __call__(self, sent_bytes: int, total_bytes: int | None) -> None:
        if self.error is not None:
            raise self.error
        self._loop.call_soon_threadsafe(self._call, sent_bytes, total_bytes)

    async def finish(self) -> None:
        """Waits for the calls that are not finished, and raises the function's exception if it was too late to stop."""
        if self._awaiting is not None:
            await asyncio.wait((self._awaiting,))
        if self.error is not None:
            raise self.error

    def _call(self, sent_bytes: int, total_bytes: int | None) -> None:
        self._calls.append((sent_bytes, total_bytes))
        if (self._awaiting is None or self._awaiting.done()) and self.error is None:
            try:
                outcome = self._function(*self._calls.popleft())
            except Exception as error:  # noqa: BLE001 - raised in the task that uploads
                self.error = error
                return
            if is_awaitable(outcome):
                # One call at a time: later ones wait in the queue.
                self._awaiting = self._loop.create_task(self._finish_calls(outcome))

    async def _finish_calls(self, outcome: Any) -> None:
        try:
            await outcome
            while self._calls:
                await settled("on_progress", self._function(*self._calls.popleft()))
        except Exception as error:  # noqa: BLE001 - as above
            self.error = error
