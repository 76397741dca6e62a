"""One attempt over tasks: the blocking transport on threads that belong to it."""

from __future__ import annotations

import asyncio
from collections import deque

from .._data import loop_timers as _loop_timers
from .._data.async_callbacks import settled
from .._data.callbacks import is_awaitable
from .async_streams import AsyncReplyStream
from .transport import Transport
from .workers import Workers, result_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    import urllib.request
    from concurrent.futures import Future
    from typing import Any

    from .body import ProgressCallback
    from .messages import Request
    from .streams import ReplyStream

# asyncio's own executor has six threads on two cores: a fifth of the throughput of this.
_MAX_THREADS = 64

sleep = _loop_timers.sleep


class AsyncTransport:
    """Sends requests from any event loop. Its threads live until ``aclose``; a forked child gets its own."""

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext | None = None,
        opener: urllib.request.OpenerDirector | None = None,
    ) -> None:
        """Args are those of :class:`Transport`."""
        self._transport = Transport(ssl_context=ssl_context, opener=opener)
        self._workers = Workers(_MAX_THREADS)

    @property
    def closed(self) -> bool:
        """Whether ``close()`` was called."""
        return self._transport.closed

    def check_open(self) -> None:
        """Raises SonioxError after ``close()``."""
        self._transport.check_open()

    async def open(
        self,
        request: Request,
        *,
        authorization: str,
        timeout_sec: float,
        connect_timeout_sec: float,
        deadline: float | None = None,
        streamed: bool = False,
    ) -> AsyncReplyStream:
        """As :meth:`Transport.open`. Cancelling abandons the request: its thread ends it unheard."""
        self._transport.check_open()

        def open_reply() -> ReplyStream:
            return self._transport.open(
                request,
                authorization=authorization,
                timeout_sec=timeout_sec,
                connect_timeout_sec=connect_timeout_sec,
                deadline=deadline,
                streamed=streamed,
            )

        future = self._workers.submit(open_reply)
        try:
            stream = await result_of(future, deadline, f"{request.method} {request.url}")
        except asyncio.CancelledError:
            future.add_done_callback(_close_stream)
            raise
        callback = None if request.body is None else request.body.on_progress
        if isinstance(callback, _LoopCallback):
            await callback.finish()
        return AsyncReplyStream(stream, self._workers, deadline)

    def callback(self, function: ProgressCallback | None) -> ProgressCallback | None:
        """The function as a transport may call it: its calls are carried over into the running loop."""
        if function is None or not callable(function):
            return function  # What is not callable is refused where the request is built.
        return _LoopCallback(function, asyncio.get_running_loop())

    async def close(self) -> None:
        """Closes all connections, also those in use, and waits for the threads to end."""
        self._transport.close()
        # Requests that still wait for a thread find the client closed; if they were cancelled here, tasks would end as
        # cancelled that nobody cancelled.
        await self._workers.close()


def _close_stream(future: Future[ReplyStream]) -> None:
    """Closes what came for nobody."""
    if not future.cancelled() and future.exception() is None:
        future.result().close()


class _LoopCallback:
    """A progress callback whose calls are carried over into an event loop.

    Attributes:
        error: What the callback raised there, which the next call raises in its place; None while it raised nothing.
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
        """Waits for what is still awaited, and raises what came too late to stop the last block."""
        if self._awaiting is not None:
            await self._awaiting
        if self.error is not None:
            raise self.error

    def _call(self, sent_bytes: int, total_bytes: int | None) -> None:
        self._calls.append((sent_bytes, total_bytes))
        if self._awaiting is None and self.error is None:
            try:
                outcome = self._function(*self._calls.popleft())
            except Exception as error:  # noqa: BLE001 - raised where the upload is awaited
                self.error = error
                return
            if is_awaitable(outcome):
                # One after the other: what comes meanwhile waits in the queue.
                self._awaiting = self._loop.create_task(self._finish_calls(outcome))

    async def _finish_calls(self, outcome: Any) -> None:
        try:
            await outcome
            while self._calls:
                await settled("on_progress", self._function(*self._calls.popleft()))
        except Exception as error:  # noqa: BLE001 - as above
            self.error = error
        finally:
            self._awaiting = None
