"""A WebSocket over tasks: the event loop watches the socket, so that many sessions cost no threads.

Connecting blocks and is done by a thread that lives as long as that takes. After it, everything happens in the loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from functools import partial

from .._loop_timers import call_later, now
from ..errors import SonioxRealtimeError, SonioxRealtimeTimeoutError
from ._connection import chunks_of, stalled, texts_of
from ._opening import open_websocket

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable
    from typing import Any

    from .._loop_timers import Timer
    from ._connection import Parsed
    from ._link import End, Link
    from ._options import ConnectionOptions

# Reads in a row before other tasks get their turn.
_READS_PER_TURN = 4


class AsyncEventLog:
    """What has happened, for any number of tasks to follow from its beginning."""

    def __init__(self) -> None:
        self._events: list[Any] = []
        self._closed = False
        self._followers: list[asyncio.Future[bool]] = []

    def add(self, event: Any) -> None:
        """Tells all who follow."""
        self._events.append(event)
        self._wake_followers()

    def close(self) -> None:
        """Nothing more will happen."""
        self._closed = True
        self._wake_followers()

    async def follow(self) -> AsyncIterator[Any]:
        """All events, those of the past first; ends when nothing more will happen."""
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
            _wake(news)


class AsyncMailbox:
    """As :class:`Mailbox`, for tasks of a connection's event loop."""

    def __init__(self, running_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        self._running_loop = running_loop
        self._messages: deque[Parsed] = deque()
        self._size_bytes = 0
        self._closed = False
        self._receiver: asyncio.Future[bool] | None = None

    @property
    def size_bytes(self) -> int:
        """As :attr:`Mailbox.size_bytes`."""
        return self._size_bytes

    def put(self, message: Parsed) -> None:
        """As :meth:`Mailbox.put`."""
        if not self._closed:
            self._messages.append(message)
            self._size_bytes += len(message[0])
            _wake(self._receiver)

    def clear(self) -> None:
        """As :meth:`Mailbox.clear`."""
        self._messages.clear()
        self._size_bytes = 0

    def close(self) -> None:
        """As :meth:`Mailbox.close`."""
        self._closed = True
        _wake(self._receiver)

    async def receive(self, timeout_sec: float | None) -> Parsed | None:
        """As :meth:`Mailbox.receive`; one task at a time. Cancelling takes nothing out."""
        while not self._messages:
            if self._closed:
                return None
            self._receiver = self._running_loop().create_future()
            try:
                if not await _is_woken(self._receiver, timeout_sec):
                    raise SonioxRealtimeTimeoutError(f"no message within {timeout_sec:g} s")
            finally:
                self._receiver = None
        message = self._messages.popleft()
        self._size_bytes -= len(message[0])
        return message


async def async_chunks_of(chunks: Any) -> AsyncIterator[bytes]:
    """The chunks of an async or plain iterable; bytes are one chunk."""
    if hasattr(chunks, "__aiter__"):
        async for chunk in chunks:
            yield chunk
    else:
        for chunk in chunks_of(chunks):
            yield chunk


async def async_texts_of(chunks: Any) -> AsyncIterator[str]:
    """The texts of an async or plain iterable."""
    if hasattr(chunks, "__aiter__"):
        async for chunk in chunks:
            yield chunk
    else:
        for chunk in texts_of(chunks):
            yield chunk


class _Attempt:
    """Opening a connection on a thread of its own, whose result goes to the loop, or to nobody.

    Attributes:
        opened: What :func:`open_websocket` gave.
    """

    def __init__(self, options: ConnectionOptions, loop: asyncio.AbstractEventLoop) -> None:
        self.opened: asyncio.Future[tuple[socket.socket, bytes]] = loop.create_future()
        self._options = options
        self._loop = loop
        # Whoever finds the other's mark closes the socket: the thread, or who gave up.
        self._lock = threading.Lock()
        self._sock: socket.socket | None = None
        self._abandoned = False
        thread = threading.Thread(target=self._connect, name="soniox-lite connect", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise SonioxRealtimeError(f"no thread can be started to connect: {error}") from error

    def abandon(self) -> None:
        """Closes what has been opened, or will be."""
        with self._lock:
            self._abandoned = True
            if self._sock is not None:
                self._sock.close()

    def _connect(self) -> None:
        options = self._options
        result: Any
        try:
            result = open_websocket(
                options.url, options.authorization, options.connect_timeout_sec, options.ssl_context
            )
        except BaseException as error:  # noqa: BLE001 - delivered to the task
            result = error
        else:
            with self._lock:
                self._sock = result[0]
                if self._abandoned:
                    result[0].close()
                    return
        try:
            self._loop.call_soon_threadsafe(self._deliver, result)
        except RuntimeError:
            # The loop was closed meanwhile, so that nobody wants it any more.
            self.abandon()

    def _deliver(self, result: Any) -> None:
        if self.opened.done():
            return
        if isinstance(result, BaseException):
            self.opened.set_exception(result)
        else:
            self.opened.set_result(result)


class AsyncConnection:
    """A WebSocket connection, to be used from the event loop that opened it. One task at a time may receive.

    Args:
        options: Where to, as whom, and limits.
        on_open: Called when the connection is open, before anything is read from it.
        on_message: Called in the loop with each message as it arrives; gives what is to be kept of it for
            :meth:`receive`, None for nothing.
        on_end: Called in the loop once, when the connection has ended.
        on_tick: Called in the loop now and then; says in how many seconds it wants to be called again.
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
        self._loop: asyncio.AbstractEventLoop | None = None
        self._messages: deque[bytes] = deque()
        self._fd = -1
        self._is_reading = False
        self._is_writing = False
        self._is_done = False
        self._timer: Timer | None = None
        self._receiver: asyncio.Future[bool] | None = None
        self._senders: list[asyncio.Future[bool]] = []
        self._enders: list[asyncio.Future[bool]] = []

    async def open(self) -> None:
        """As :meth:`Connection.open`. Cancelling abandons the attempt: its thread closes what it opens.

        Raises:
            SonioxRealtimeError: It could not be opened in time, or the loop cannot watch sockets.
        """
        loop = self._loop = asyncio.get_running_loop()
        attempt = _Attempt(self._options, loop)
        try:
            sock, leftover = await attempt.opened
        except BaseException:
            attempt.abandon()
            raise
        link = self._link = self._options.new_link(sock, leftover)
        self._fd = sock.fileno()
        try:
            self._watch()
            self._on_open()
        except BaseException as error:
            self.fail(error)
            # What loops without add_reader() say, such as the usual one on Windows.
            if isinstance(error, NotImplementedError):
                raise SonioxRealtimeError(
                    "this event loop cannot watch sockets; on Windows use asyncio.SelectorEventLoop"
                ) from error
            raise
        if link.end is None:
            # Something may have come along with the upgrade, or lie decrypted in the TLS object.
            loop.call_soon(self._on_readable)
            self._on_timer()

    @property
    def link(self) -> Link:
        """The open WebSocket; only after ``open``."""
        assert self._link is not None  # noqa: S101 - sessions check their state first
        return self._link

    def post(self, opcode: int, payload: bytes) -> int:
        """As :meth:`Connection.post`."""
        position = self.link.send(opcode, payload)
        self._watch()
        # What others wait for may have gone along.
        self._wake_senders()
        return position

    async def wait_sent(self, position: int, timeout_sec: float | None = None) -> None:
        """As :meth:`Connection.wait_sent`."""
        link = self.link
        if link.is_sent(position):
            return
        loop = self._running_loop()
        timeout = self._options.send_timeout_sec if timeout_sec is None else timeout_sec
        deadline = now(loop) + timeout
        while not link.is_sent(position):
            remaining = deadline - now(loop)
            if remaining <= 0:
                error = stalled(timeout)
                self.fail(error)
                raise error
            room: asyncio.Future[bool] = loop.create_future()
            self._senders.append(room)
            await _is_woken(room, remaining)

    def take(self) -> bytes | None:
        """As :meth:`Connection.take`."""
        if not self._messages:
            return None
        message = self._messages.popleft()
        if not self._is_reading and len(self._messages) <= self._options.max_queued_messages // 2:
            self._resume()
        return message

    async def receive(self, timeout_sec: float | None) -> bytes | None:
        """As :meth:`Connection.receive`."""
        while not self._messages:
            if self._is_done:
                return None
            self._receiver = self._running_loop().create_future()
            try:
                if not await _is_woken(self._receiver, timeout_sec):
                    raise SonioxRealtimeTimeoutError(f"no message within {timeout_sec:g} s")
            finally:
                self._receiver = None
        return self.take()

    def new_mailbox(self) -> AsyncMailbox:
        """As :meth:`Connection.new_mailbox`."""
        return AsyncMailbox(self._running_loop)

    def set_keepalive(self, payload: bytes, interval_sec: float | None) -> None:
        """As :meth:`Connection.set_keepalive`."""
        self.link.set_keepalive(payload, interval_sec)
        self._on_timer()

    async def wait_ended(self, timeout_sec: float, or_when: Callable[[], bool] = bool) -> bool:
        """As :meth:`Connection.wait_ended`."""
        if not self._is_done:
            loop = self._running_loop()
            self._options = self._options.without_queue_limit()
            self._resume()
            deadline = now(loop) + timeout_sec
            while not self._is_done and not or_when() and (remaining := deadline - now(loop)) > 0:
                news: asyncio.Future[bool] = loop.create_future()
                self._enders.append(news)
                await _is_woken(news, remaining)
        return self._is_done

    async def close(self, timeout_sec: float) -> None:
        """As :meth:`Connection.close`."""
        try:
            if self._link is not None:
                self._link.start_close()
                await self.wait_ended(timeout_sec)
        finally:
            await self.abort()

    async def abort(self) -> None:
        """Closes at once."""
        if self._link is not None:
            self._link.abort()
            self._check_end()

    def fail(self, error: BaseException) -> None:
        """As :meth:`Connection.fail`."""
        self.link.fail(error)
        self._check_end()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            raise SonioxRealtimeError("an async session belongs to the event loop that opened it")
        return loop

    def _watch(self) -> None:
        """Asks the loop to tell when the socket has, or takes, data; and only if that is wanted."""
        loop, link = self._loop, self.link
        if loop is None or self._is_done:
            return
        full = len(self._messages) >= self._options.max_queued_messages
        if self._is_reading == full:
            if full:
                loop.remove_reader(self._fd)
            else:
                loop.add_reader(self._fd, self._on_readable)
            self._is_reading = not full
        if self._is_writing != link.wants_write:
            if link.wants_write:
                loop.add_writer(self._fd, self._on_writable)
            else:
                loop.remove_writer(self._fd)
            self._is_writing = not self._is_writing

    def _resume(self) -> None:
        self._watch()
        if self._loop is not None and not self._is_done:
            # What TLS decrypted before reading was interrupted does not show on the descriptor.
            self._loop.call_soon(self._on_readable)

    def _guarded(self, step: Callable[[], None]) -> None:
        """Takes a step for the loop. What it dies of ends the connection, or else nobody would be told."""
        try:
            step()
        except Exception as error:  # noqa: BLE001 - whoever waits for the connection is told
            self.fail(error)

    def _on_readable(self) -> None:
        self._guarded(self._read_some)

    def _on_writable(self) -> None:
        self._guarded(self._write_some)

    def _on_timer(self) -> None:
        self._guarded(self._tick)

    def _read_some(self) -> None:
        if self._is_done:
            return
        for _ in range(_READS_PER_TURN):
            if len(self._messages) >= self._options.max_queued_messages:
                break
            messages, more = self.link.read()
            self._messages += [kept for message in messages if (kept := self._on_message(message)) is not None]
            if not more:
                break
        else:
            if self._loop is not None:
                self._loop.call_soon(self._on_readable)
        if self._messages:
            _wake(self._receiver)
            self._wake_enders()
        self._watch()
        self._check_end()

    def _write_some(self) -> None:
        self.link.flush()
        self._watch()
        self._wake_senders()
        self._check_end()

    def _tick(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._is_done or self._loop is None:
            return
        due_sec = self.link.tick(reading=self._is_reading)
        if self._on_tick is not None:
            due_sec = min(due_sec, self._on_tick())
        self._watch()
        self._check_end()
        if not self._is_done:
            self._timer = call_later(self._loop, due_sec, self._on_timer)

    def _check_end(self) -> None:
        """If the link has ended, lets everybody know and gives the socket back."""
        end = self.link.end
        if end is None or self._is_done:
            return
        self._is_done = True
        if self._loop is not None and not self._loop.is_closed():
            if self._is_reading:
                self._loop.remove_reader(self._fd)
            if self._is_writing:
                self._loop.remove_writer(self._fd)
        if self._timer is not None:
            self._timer.cancel()
        self.link.close_socket()
        try:
            self._on_end(end)
        finally:
            _wake(self._receiver)
            self._wake_senders()
            self._wake_enders()

    def _wake_enders(self) -> None:
        for ender in self._enders:
            _wake(ender)
        self._enders.clear()

    def _wake_senders(self) -> None:
        for sender in self._senders:
            _wake(sender)
        self._senders.clear()


async def _is_woken(future: asyncio.Future[bool], timeout_sec: float | None) -> bool:
    """Whether a future was woken in time. Costs a tenth of ``asyncio.wait``, once or twice for each event."""
    if timeout_sec is None:
        return await future
    timer = call_later(asyncio.get_running_loop(), timeout_sec, partial(_wake, future, in_time=False))
    try:
        return await future
    finally:
        timer.cancel()


def _wake(future: asyncio.Future[bool] | None, *, in_time: bool = True) -> None:
    if future is not None and not future.done():
        future.set_result(in_time)
