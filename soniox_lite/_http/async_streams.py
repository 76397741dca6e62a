"""Responses whose body is read while it arrives, over tasks: the blocking streams on the client's threads."""

from __future__ import annotations

import asyncio

from ..errors import SonioxTimeoutError
from .workers import result_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from .messages import Response
    from .streams import ResponseStream
    from .workers import Workers

    T = TypeVar("T")


class AsyncResponseStream:
    """A response and the unread rest of its body. One task reads at a time, in any event loop.

    Nothing is read ahead, so a slow consumer slows the service down.

    Attributes:
        response: The head of the response; the whole response if it was read before.
    """

    def __init__(self, stream: ResponseStream, workers: Workers, deadline: float | None) -> None:
        """Takes over a stream, which is read on the workers' threads.

        Args:
            stream: The blocking stream, which observes the deadline itself.
            workers: The threads that read.
            deadline: How long reading may wait for a thread, as ``time.monotonic()`` counts; None for no limit.
        """
        self.response: Response = stream.response
        self._stream = stream
        self._workers = workers
        self._deadline = deadline

    async def read(self) -> bytes:
        """As :meth:`ResponseStream.read`. Cancelling ends the transfer."""
        return await self._run(self._stream.read)

    async def copy_to(self, write: Callable[[bytes], object]) -> None:
        """As :meth:`ResponseStream.copy_to`; ``write`` is called in a thread, and never after this has returned."""
        await self._run(lambda: self._stream.copy_to(write))

    def close(self) -> None:
        """As :meth:`ResponseStream.close`, which does not wait."""
        self._stream.close()

    async def _run(self, function: Callable[[], T]) -> T:
        if self._stream.is_closed or self._workers.closed:
            # Nothing is left to read, or the connections are closed: this does not wait.
            return function()
        future = self._workers.submit(function)
        try:
            return await result_of(future, self._deadline, "the response")
        except SonioxTimeoutError:
            self._stream.close()
            raise
        except asyncio.CancelledError:
            self._stream.close()
            # The caller owns the target of write() again when this ends, so the thread, which closing has stopped, must
            # have ended its last call.
            await asyncio.gather(asyncio.wrap_future(future), return_exceptions=True)
            raise
