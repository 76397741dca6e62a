"""A WebSocket over threads: a reader thread owns reading, and everybody sends for himself.

The reader answers pings, keeps the line alive and notices a dead one while the program is only sending, or does nothing
at all. It hands messages over in batches: everything that one read brought costs one wake-up.
"""

from __future__ import annotations

import threading
from collections import deque

from .._clock import time
from .._codec import kind_of
from ..errors import SonioxRealtimeError, SonioxRealtimeTimeoutError, SonioxValidationError
from ._opening import open_websocket, wait_ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from ._link import End, Link
    from ._options import ConnectionOptions

    # A message as it came, and what it says.
    Parsed = tuple[bytes, Any]

# How long after the deadline of a close the reader may take to leave; it only ever needs to be scheduled.
_JOIN_SEC = 5.0


class EventLog:
    """What has happened, for any number of threads to follow from its beginning."""

    def __init__(self) -> None:
        self._events: list[Any] = []
        self._closed = False
        self._changed = threading.Condition()

    def add(self, event: Any) -> None:
        """Tells all who follow."""
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()

    def close(self) -> None:
        """Nothing more will happen."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def follow(self) -> Iterator[Any]:
        """All events, those of the past first; ends when nothing more will happen."""
        told = 0
        while True:
            with self._changed:
                while len(self._events) == told:
                    if self._closed:
                        return
                    self._changed.wait()
            yield self._events[told]
            told += 1


class Mailbox:
    """Messages for one who receives, put in by a reader who must never wait for him."""

    def __init__(self) -> None:
        self._messages: deque[Parsed] = deque()
        self._size_bytes = 0
        self._closed = False
        self._changed = threading.Condition()

    @property
    def size_bytes(self) -> int:
        """The length of the messages in it, together."""
        return self._size_bytes

    def put(self, message: Parsed) -> None:
        """Adds a message; none after it was closed."""
        with self._changed:
            if not self._closed:
                self._messages.append(message)
                self._size_bytes += len(message[0])
                self._changed.notify_all()

    def clear(self) -> None:
        """Throws away what is in it."""
        with self._changed:
            self._messages.clear()
            self._size_bytes = 0

    def close(self) -> None:
        """Nothing more will come; what is in it can still be received."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def receive(self, timeout_sec: float | None) -> Parsed | None:
        """As :meth:`Connection.receive`."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._messages or self._closed, timeout_sec):
                raise SonioxRealtimeTimeoutError(f"no message within {timeout_sec:g} s")
            if not self._messages:
                return None
            message = self._messages.popleft()
            self._size_bytes -= len(message[0])
        return message


def chunks_of(chunks: bytes | Iterable[bytes]) -> Iterator[bytes]:
    """The chunks of an iterable; bytes are one chunk."""
    if isinstance(chunks, (bytes, bytearray, memoryview)):
        yield bytes(chunks)  # pyright: ignore[reportUnknownArgumentType] - a memoryview of anything
    elif hasattr(chunks, "__iter__") and not isinstance(chunks, str):
        yield from chunks
    else:
        raise SonioxValidationError(f"chunks must be bytes or an iterable of bytes, got {kind_of(chunks)}")


def texts_of(chunks: Iterable[str]) -> Iterator[str]:
    """The texts of an iterable."""
    if not hasattr(chunks, "__iter__") or isinstance(chunks, (bytes, bytearray)):
        raise SonioxValidationError(f"chunks must be a str or an iterable of str, got {kind_of(chunks)}")
    yield from chunks


def stalled(timeout_sec: float) -> SonioxRealtimeTimeoutError:
    """The error for a server that does not read."""
    return SonioxRealtimeTimeoutError(f"the server did not take what was sent within {timeout_sec:g} s")


class Connection:
    """A WebSocket connection. Any thread may send or close; one at a time may receive.

    Args:
        options: Where to, as whom, and limits.
        on_open: Called when the connection is open, before anything is read from it.
        on_message: Called by the reader thread with each message as it arrives; gives what is to be kept of it for
            :meth:`receive`, None for nothing.
        on_end: Called by the reader thread once, when the connection has ended.
        on_tick: Called by the reader thread now and then; says in how many seconds it wants to be called again.
    """

    def __init__(
        self,
        options: ConnectionOptions,
        on_open: Callable[[], None],
        on_message: Callable[[bytes], bytes | None],
        on_end: Callable[[End], None],
        on_tick: Callable[[], float] | None = None,
    ) -> None:
        self._options = options
        self._on_open = on_open
        self._on_message = on_message
        self._on_end = on_end
        self._on_tick = on_tick
        self._link: Link | None = None
        self._thread: threading.Thread | None = None
        # What has arrived and was not received yet: the reader appends, the receiver takes.
        self._messages: deque[bytes] = deque()
        # Acquired by a receiver who found nothing, released by the reader when there is something. Telling it by the
        # condition below would cost a third of all the processor time that an event costs.
        self._news = threading.Lock()
        # Of all that is rare, with those who wait for it.
        self._changed = threading.Condition()
        self._watchers = 0
        # When the link has to be looked after next, as time.monotonic() counts.
        self._tick_at = 0.0
        self._reader_is_done = False
        self._reader_waits = False

    def open(self) -> None:
        """Opens the connection and starts to read.

        Raises:
            SonioxRealtimeError: It could not be opened in time.
        """
        options = self._options
        sock, leftover = open_websocket(
            options.url, options.authorization, options.connect_timeout_sec, options.ssl_context
        )
        link = self._link = options.new_link(sock, leftover)
        try:
            self._on_open()
            self._thread = threading.Thread(target=self._read_until_end, name="soniox-lite reader", daemon=True)
            self._thread.start()
        except BaseException as error:
            link.fail(error)
            self._leave(link)
            if isinstance(error, RuntimeError):
                raise SonioxRealtimeError(f"the session's reader thread cannot be started: {error}") from error
            raise

    @property
    def link(self) -> Link:
        """The open WebSocket; only after ``open``."""
        assert self._link is not None  # noqa: S101 - sessions check their state first
        return self._link

    def post(self, opcode: int, payload: bytes) -> int:
        """Queues a message behind those before it, without waiting.

        Returns:
            Its position, for :meth:`wait_sent`.

        Raises:
            SonioxRealtimeError: The connection has ended.
        """
        return self.link.send(opcode, payload)

    def wait_sent(self, position: int, timeout_sec: float | None = None) -> None:
        """Returns when the kernel has taken everything up to a position.

        Args:
            position: As :meth:`post` gave it.
            timeout_sec: How long that may take; None for the connection's own limit.

        Raises:
            SonioxRealtimeError: The connection has ended, or ends meanwhile.
            SonioxRealtimeTimeoutError: The server does not read; the connection is given up.
        """
        link = self.link
        if link.is_sent(position):
            return
        timeout = self._options.send_timeout_sec if timeout_sec is None else timeout_sec
        deadline = time.monotonic() + timeout
        while not link.is_sent(position):
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                error = stalled(timeout)
                self.fail(error)
                raise error
            # Woken up by room for more, or by the end of the connection.
            self._wait(link, for_read=False, for_write=True, timeout_sec=min(remaining, 1.0))
            link.flush()

    def take(self) -> bytes | None:
        """The next message if it is there already. That costs less than to wait for it, above all in the async twin."""
        if not self._messages:
            return None
        message = self._messages.popleft()
        if self._reader_waits and len(self._messages) <= self._options.max_queued_messages // 2:
            with self._changed:
                self._changed.notify_all()
        return message

    def receive(self, timeout_sec: float | None) -> bytes | None:
        """The next message; None when there are no more.

        Raises:
            SonioxRealtimeTimeoutError: Nothing arrived in time.
        """
        if not self._messages:
            deadline = None if timeout_sec is None else time.monotonic() + timeout_sec
            while not self._messages:
                # Looked at in this order, because the last messages come before the end.
                if self._reader_is_done and not self._messages:
                    return None
                # News may be older than what was found here last; then this looks again.
                remaining = -1.0 if deadline is None else max(0.0, deadline - time.monotonic())
                if not self._news.acquire(timeout=min(remaining, threading.TIMEOUT_MAX)):
                    raise SonioxRealtimeTimeoutError(f"no message within {timeout_sec:g} s")
        return self.take()

    def new_mailbox(self) -> Mailbox:
        """A mailbox for some of the messages, that ``on_message`` puts them into."""
        return Mailbox()

    def set_keepalive(self, payload: bytes, interval_sec: float | None) -> None:
        """Begins to send a text message in the background each time this interval has passed; None ends it."""
        self.link.set_keepalive(payload, interval_sec)

    def wait_ended(self, timeout_sec: float, or_when: Callable[[], bool] = bool) -> bool:
        """Whether the connection has ended, waiting this long for it. The queue's limit is lifted meanwhile.

        Args:
            timeout_sec: How long to wait.
            or_when: What else ends the wait, looked at whenever a message arrived.
        """
        if self._is_reader():
            # One of its own callbacks asks, and nothing can end before that returns.
            return self._reader_is_done
        with self._changed:
            self._options = self._options.without_queue_limit()
            self._changed.notify_all()
            self._watchers += 1
            try:
                self._changed.wait_for(lambda: self._reader_is_done or or_when(), timeout_sec)
            finally:
                self._watchers -= 1
            return self._reader_is_done

    def close(self, timeout_sec: float) -> None:
        """Closes in an orderly way within a time, and else at once. Messages that arrived can still be received."""
        if self._link is not None:
            self._link.start_close()
            self.wait_ended(timeout_sec)
        self.abort()

    def abort(self) -> None:
        """Closes at once."""
        if self._link is None:
            return
        self._link.abort()
        self._wake_reader()
        if self._thread is not None and not self._is_reader() and self._thread.is_alive():
            self._thread.join(_JOIN_SEC)

    def fail(self, error: BaseException) -> None:
        """Ends the connection for a reason of this side."""
        self.link.fail(error)
        self._wake_reader()

    def _is_reader(self) -> bool:
        return threading.current_thread() is self._thread

    def _wake_reader(self) -> None:
        """Lets the reader look at the link, should it wait for room in the queue."""
        with self._changed:
            self._changed.notify_all()

    def _read_until_end(self) -> None:
        link = self.link
        try:
            while link.end is None:
                self._read_some(link)
        except BaseException as error:  # noqa: BLE001 - whoever waits for the reader is told
            link.fail(error)
        self._leave(link)

    def _leave(self, link: Link) -> None:
        """Lets everybody know of the end, and gives the socket back."""
        end = link.end
        if end is None:
            raise AssertionError("the reader left without an end")
        try:
            self._on_end(end)
        finally:
            link.close_socket()
            with self._changed:
                self._reader_is_done = True
                self._changed.notify_all()
            self._tell_receiver()

    def _tell_receiver(self) -> None:
        """Wakes a receiver who found nothing. Only the reader may."""
        if self._news.locked():
            self._news.release()

    def _read_some(self, link: Link) -> None:
        """Waits for something to do, and does it."""
        if len(self._messages) >= self._options.max_queued_messages:
            due_sec = link.tick(reading=False)
            self._tick_at = 0.0
            with self._changed:
                self._reader_waits = True
                self._changed.wait_for(
                    lambda: len(self._messages) <= self._options.max_queued_messages // 2 or link.end, due_sec
                )
                self._reader_waits = False
            return
        messages, more = link.read()
        if messages:
            self._messages.extend([kept for message in messages if (kept := self._on_message(message)) is not None])
            self._tell_receiver()
            if self._watchers:
                with self._changed:
                    self._changed.notify_all()
        now = time.monotonic()
        if now >= self._tick_at or self._on_tick is not None:
            due_sec = link.tick(reading=True)
            if self._on_tick is not None:
                due_sec = min(due_sec, self._on_tick())
            self._tick_at = now + due_sec
        if not more and link.end is None:
            due_sec = max(0.0, self._tick_at - now)
            self._wait(link, for_read=True, for_write=link.wants_write, timeout_sec=due_sec)
            if link.wants_write:
                link.flush()

    def _wait(self, link: Link, *, for_read: bool, for_write: bool, timeout_sec: float) -> None:
        try:
            wait_ready(link.sock, for_read=for_read, for_write=for_write, timeout_sec=timeout_sec)
        except (OSError, ValueError):
            # Closed between the look at it and the wait: the caller looks again.
            return
