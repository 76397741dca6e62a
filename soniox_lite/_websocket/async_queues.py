"""Queues and logs between the event loop's callbacks and the tasks of a program."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial

from .._data.loop_timers import call_later
from ..errors import SonioxRealtimeTimeoutError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from typing import Any

    from .queues import Parsed


class AsyncEventLog:
    """A list of events that any number of tasks can follow from its beginning."""

    def __init__(self) -> None:
        self._events: list[Any] = []
        self._closed = False
        self._followers: list[asyncio.Future[bool]] = []

    def add(self, event: Any) -> None:
        """Adds an event and wakes all followers."""
        self._events.append(event)
        self._wake_followers()

    def close(self) -> None:
        """Ends the log: no event is added after it."""
        self._closed = True
        self._wake_followers()

    async def follow(self) -> AsyncIterator[Any]:
        """All events, past ones first; ends when the log is closed."""
        told = 0
        while True:
            while len(self._events) > told:
                yield self._events[told]
                told += 1
            if self._closed:
                return
            news: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            self._followers.append(news)
            await news

    def _wake_followers(self) -> None:
        followers, self._followers = self._followers, []
        for news in followers:
            wake(news)


class AsyncOneAtATime:
    """As :class:`OneAtATime`, for tasks: one that has ended is not inside, however it ended."""

    def __init__(self) -> None:
        self._inside: asyncio.Task[Any] | None = None

    def enter(self) -> bool:
        """As :meth:`OneAtATime.enter`."""
        me = asyncio.current_task()
        if self._inside not in (None, me) and not self._inside.done():
            return False
        self._inside = me
        return True

    def leave(self) -> None:
        """As :meth:`OneAtATime.leave`."""
        self._inside = None

    def locked(self) -> bool:
        """As :meth:`OneAtATime.locked`."""
        return self._inside is not None


def async_caller() -> object:
    """The task that runs this."""
    return asyncio.current_task()


class AsyncMessageQueue:
    """As :class:`MessageQueue`, for tasks of a connection's event loop.

    Attributes:
        messages: As there.
    """

    def __init__(self, running_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        self._running_loop = running_loop
        self.messages: deque[Parsed] = deque()
        self._size_bytes = 0
        self._closed = False
        self._receiver: asyncio.Future[bool] | None = None

    def exceeds(self, max_messages: int, max_bytes: int, message: bytes) -> str | None:
        """As :meth:`MessageQueue.exceeds`."""
        if self._size_bytes + len(message) > max_bytes:
            return f"{max_bytes} bytes"
        return f"{max_messages} messages" if len(self.messages) >= max_messages else None

    def put(self, message: Parsed) -> None:
        """As :meth:`MessageQueue.put`."""
        if not self._closed:
            self.messages.append(message)
            self._size_bytes += len(message[0])
            wake(self._receiver)

    # The receiver runs when all messages of a read have been put in.
    append = put

    def tell(self) -> None:
        """As :meth:`MessageQueue.tell`."""
        wake(self._receiver)

    def clear(self) -> None:
        """As :meth:`MessageQueue.clear`."""
        self.messages.clear()
        self._size_bytes = 0

    def close(self) -> None:
        """As :meth:`MessageQueue.close`."""
        self._closed = True
        wake(self._receiver)

    def take(self) -> Parsed | None:
        """As :meth:`MessageQueue.take`."""
        if not self.messages:
            return None
        message = self.messages.popleft()
        self._size_bytes -= len(message[0])
        return message

    async def receive(self, timeout_sec: float | None) -> Parsed | None:
        """As :meth:`MessageQueue.receive`; one task at a time. Cancelling takes nothing out."""
        while not self.messages:
            if self._closed:
                return None
            self._receiver = self._running_loop().create_future()
            try:
                if not await is_woken(self._receiver, timeout_sec):
                    raise SonioxRealtimeTimeoutError(f"no message within {timeout_sec:g} s")
            finally:
                self._receiver = None
        return self.take()


async def is_woken(future: asyncio.Future[bool], timeout_sec: float | None) -> bool:
    """Whether a future was woken in time. Costs a tenth of ``asyncio.wait``, once or twice for each event."""
    if timeout_sec is None:
        return await future
    timer = call_later(asyncio.get_running_loop(), timeout_sec, partial(wake, future, in_time=False))
    try:
        return await future
    finally:
        timer.cancel()


def wake(future: asyncio.Future[bool] | None, *, in_time: bool = True) -> None:
    if future is not None and not future.done():
        future.set_result(in_time)


def settle(answer: asyncio.Future[Any], item: Any, error: BaseException | None) -> None:
    if answer.done():
        return
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(item)
