"""Replies that are handed out as they come in, over tasks: the blocking ones on the client's threads."""

from __future__ import annotations

import asyncio

from ..errors import SonioxConnectionError, SonioxTimeoutError
from .workers import result_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from .messages import Response
    from .streams import ReplyStream
    from .workers import Workers

    T = TypeVar("T")


class AsyncReplyStream:
    """A reply, and what is still to come of its body. One task reads at a time, in any event loop.

    Nothing is read ahead: a consumer that takes its time slows the service down.

    Attributes:
        response: The whole reply where nothing is to come, else its head.
    """

    def __init__(self, stream: ReplyStream, workers: Workers, deadline: float | None) -> None:
        """Takes over a stream, which is read on the workers' threads.

        Args:
            stream: With the deadline for all that reads from it.
            workers: Whose threads read.
            deadline: The same, for what waits for a thread.
        """
        self.response: Response = stream.response
        self._stream = stream
        self._workers = workers
        self._deadline = deadline

    async def read(self) -> bytes:
        """As :meth:`ReplyStream.read`. Cancelling ends the transfer."""
        return await self._run(self._stream.read)

    async def copy_to(self, write: Callable[[bytes], object]) -> None:
        """As :meth:`ReplyStream.copy_to`; ``write`` is called in a thread, and not again once this has ended."""
        await self._run(lambda: self._stream.copy_to(write))

    def close(self) -> None:
        """As :meth:`ReplyStream.close`, which does not wait."""
        self._stream.close()

    async def _run(self, function: Callable[[], T]) -> T:
        if self._stream.is_closed or self._workers.closed:
            # Nothing is to come, or the connections are broken: this does not wait.
            return function()
        try:
            future = self._workers.submit(function)
        except SonioxConnectionError:
            self._stream.close()
            raise
        try:
            return await result_of(future, self._deadline, "the reply")
        except SonioxTimeoutError:
            self._stream.close()
            raise
        except asyncio.CancelledError:
            self._stream.close()
            # What is written to is the caller's again when this ends; the thread does not wait for the service now.
            await asyncio.gather(asyncio.wrap_future(future), return_exceptions=True)
            raise
