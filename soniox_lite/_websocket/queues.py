"""Queues and logs between the reader thread and the threads of a program."""

from __future__ import annotations

import sys
import threading
from collections import deque

from .._data.clock import time
from ..errors import SonioxRealtimeTimeoutError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import Any

    # A message as it was received, and its parsed content.
    Parsed = tuple[bytes, Any]


class EventLog:
    """A list of events that any number of threads can follow from its beginning."""

    def __init__(self) -> None:
        self._events: list[Any] = []
        self._closed = False
        self._changed = threading.Condition()

    def add(self, event: Any) -> None:
        """Adds an event and wakes all followers."""
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()

    def close(self) -> None:
        """Ends the log: no event is added after it."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def follow(self) -> Iterator[Any]:
        """All events, past ones first; ends when the log is closed."""
        told = 0
        while True:
            with self._changed:
                while len(self._events) == told:
                    if self._closed:
                        return
                    self._changed.wait()
            yield self._events[told]
            told += 1


class OneAtATime:
    """Lets one thread in at a time.

    No lock: an exception that comes at the wrong moment, such as a KeyboardInterrupt, would leave it taken. A thread
    counts as inside for as long as it runs the function that called :meth:`enter`.
    """

    def __init__(self) -> None:
        self._inside: dict[None, tuple[int, FrameType]] = {}

    def enter(self) -> bool:
        """Whether no other thread is inside, and this one is from now on."""
        me = (threading.get_ident(), sys._getframe(1))  # pyright: ignore[reportPrivateUsage]
        while (other := self._inside.setdefault(None, me)) is not me:
            frame = sys._current_frames().get(other[0])  # pyright: ignore[reportPrivateUsage]
            while frame is not None and frame is not other[1]:
                frame = frame.f_back
            if frame is not None:
                return False
            self._inside = {}
        return True

    def leave(self) -> None:
        """Lets the next one in."""
        self._inside.clear()

    def locked(self) -> bool:
        """Whether a thread has entered and not left."""
        return bool(self._inside)


def caller() -> object:
    """The thread that runs this."""
    return threading.get_ident()


class MessageQueue:
    """A queue from the reader thread to one receiver.

    The reader never waits for the receiver. The content has no lock, since a receive that is ended by an exception,
    such as a KeyboardInterrupt, could leave it locked.

    Attributes:
        messages: What was put in and not taken out yet, for looking only.
    """

    def __init__(self) -> None:
        self.messages: deque[Parsed] = deque()
        # How many bytes have been put in and taken out, in total.
        self._put_bytes = 0
        self._taken_bytes = 0
        self._closed = False
        # A lock used as an event: acquired by a receiver that found no message, released when there is one.
        self._news = threading.Lock()

    def exceeds(self, max_messages: int, max_bytes: int, message: bytes) -> str | None:
        """Which limit another message would exceed, in words; None for none."""
        if self._put_bytes - self._taken_bytes + len(message) > max_bytes:
            return f"{max_bytes} bytes"
        return f"{max_messages} messages" if len(self.messages) >= max_messages else None

    def put(self, message: Parsed) -> None:
        """Adds a message; none after it was closed. One thread at a time."""
        self.append(message)
        self.tell()

    def append(self, message: Parsed) -> None:
        """As :meth:`put`, without waking the receiver: :meth:`tell` does so, once for any number of messages."""
        if not self._closed:
            self.messages.append(message)
            self._put_bytes += len(message[0])

    def clear(self) -> None:
        """Removes all messages."""
        self.messages.clear()
        self._put_bytes = self._taken_bytes

    def close(self) -> None:
        """Ends the queue; the messages in it can still be received."""
        self._closed = True
        self.tell()

    def take(self) -> Parsed | None:
        """The next message if it is there already."""
        if not self.messages:
            return None
        try:
            message = self.messages.popleft()
        except IndexError:
            # The reader may drop the oldest just now.
            return None
        self._taken_bytes += len(message[0])
        return message

    def receive(self, timeout_sec: float | None) -> Parsed | None:
        """As :meth:`Connection.receive`."""
        deadline = None if timeout_sec is None else time.monotonic() + timeout_sec
        while True:
            if (message := self.take()) is not None:
                return message
            # Checked in this order: the last messages are put in before the queue is closed.
            if self._closed and not self.messages:
                return None
            remaining = -1.0 if deadline is None else max(0.0, deadline - time.monotonic())
            if not self._news.acquire(timeout=remaining):
                raise SonioxRealtimeTimeoutError(f"no message within {timeout_sec:g} s")

    def tell(self) -> None:
        """Wakes the receiver, if it waits."""
        # Otherwise nothing waits for it.
        if self._news.locked():
            try:  # noqa: SIM105 - for each message
                self._news.release()
            except RuntimeError:
                pass
