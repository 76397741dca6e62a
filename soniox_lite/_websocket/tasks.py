"""The driver for asyncio: the event loop watches the socket, so that an open session needs no thread.

Connecting blocks, so that a thread does it and then ends. Everything else happens in the loop.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections import deque
from functools import partial

from .._data.clock import time
from .._data.loop_timers import call_later, now
from ..errors import SonioxRealtimeError, SonioxRealtimeTimeoutError
from .async_preparation import AsyncPreparation
from .async_queues import AsyncMessageQueue, is_woken, settle, wake
from .handshake import open_websocket
from .nonblocking import Process
from .threads import abandoned_error, forked_error, send_timeout_error, warn_of_unclosed

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Any

    from .._data.loop_timers import Timer
    from .frames import Message
    from .nonblocking import Closure, WebSocket
    from .options import ConnectionOptions

# Reads in a row before other tasks get their turn.
_READS_PER_TURN = 4
# How long a task may send before the loop gets its turn.
_MAX_TURN_SEC = 0.002
_END: Any = object()


class _Turn:
    """When a loop began the turn that it is in, as far as sending is concerned: all its connections share it.

    Sending what the kernel takes at once, over and over, would never let the loop read, ping, or run other tasks.
    """

    def __init__(self) -> None:
        self.began_at: float | None = None

    def begin(self) -> None:
        """Records that the first message of this turn is sent."""
        self.began_at = time.monotonic()
        asyncio.get_running_loop().call_soon(self._end)

    def _end(self) -> None:
        self.began_at = None


_turns: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Turn] = weakref.WeakKeyDictionary()


def _turn_of(loop: asyncio.AbstractEventLoop) -> _Turn:
    turn = _turns.get(loop)
    if turn is None:
        turn = _turns[loop] = _Turn()
    return turn


class _Attempt:
    """Connects in a thread of its own, which passes the result to the loop.

    Attributes:
        opened: What :func:`open_websocket` gave; None if it was abandoned before.
        is_abandoned: Whether the connection is not wanted any more.
    """

    def __init__(self, options: ConnectionOptions, loop: asyncio.AbstractEventLoop) -> None:
        self.opened: asyncio.Future[tuple[socket.socket, bytes] | None] = loop.create_future()
        self._options = options
        self._loop = loop
        # Guards the two below, so that either the thread or abandon() closes an abandoned socket.
        self._lock = threading.Lock()
        self._sock: socket.socket | None = None
        self.is_abandoned = False
        thread = threading.Thread(target=self._connect, name="soniox-lite connect", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise SonioxRealtimeError(f"no thread can be started to connect: {error}") from error

    def abandon(self) -> None:
        """Gives the attempt up: wakes its waiter, and closes the socket, also one that is opened later."""
        if not self._loop.is_closed():
            settle(self.opened, None, None)
        self._close()

    def _close(self) -> None:
        with self._lock:
            self.is_abandoned = True
            if self._sock is not None:
                self._sock.close()

    def _connect(self) -> None:
        options = self._options
        result: Any
        try:
            result = open_websocket(options)
        except BaseException as error:  # noqa: BLE001 - delivered to the task
            result = error
        else:
            with self._lock:
                self._sock = result[0]
                if self.is_abandoned:
                    result[0].close()
                    return
        try:
            if isinstance(result, BaseException):
                self._loop.call_soon_threadsafe(settle, self.opened, None, result)
            else:
                self._loop.call_soon_threadsafe(settle, self.opened, result, None)
        except RuntimeError:
            # The loop was closed meanwhile, so that the socket is not wanted any more.
            self._close()


class AsyncConnection:
    """A WebSocket connection, to be used from the event loop that opened it. One task at a time may receive.

    Args:
        options: Where to, as whom, and limits.
        on_open: Called when the connection is open, before anything is read from it.
        on_message: Called in the loop with each message as it arrives; gives what is to be kept of it for
            :meth:`receive`, None for nothing.
        on_end: Called in the loop once, when the connection has ended.
        on_tick: Called in the loop now and then; returns the seconds until the next call.

    Attributes:
        keeps_newest: As for :class:`Connection`.
        fed: As for :class:`Connection`; its receiver is woken for each message.
        messages: What arrived and was not received yet.
    """

    def __init__(
        self,
        options: ConnectionOptions,
        on_open: Callable[[], None],
        on_message: Callable[[bytes], bytes | None],
        on_end: Callable[[Closure], None],
        on_tick: Callable[[], float] | None = None,
    ) -> None:
        self._options = options
        self._preparation = AsyncPreparation(options)
        self._on_open = weakref.WeakMethod(on_open)
        self._on_message = weakref.WeakMethod(on_message)
        self._on_end = weakref.WeakMethod(on_end)
        self._on_tick = None if on_tick is None else weakref.WeakMethod(on_tick)
        # The loop keeps these and the WebSocket. Otherwise the socket of a dropped connection would be collected
        # with it, while the loop still watches its descriptor.
        self._when_readable = _weakly(self.on_readable)
        self._when_writable = _weakly(self._on_writable)
        self._when_due = _weakly(self._on_timer)
        self._attempt: _Attempt | None = None
        self._forks = Process.forks
        self._websocket: WebSocket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        # Watches the socket: the loop itself, or a thread if the loop cannot.
        self._watcher: Any = None
        self.messages: deque[bytes] = deque()
        self.keeps_newest = False
        self.fed: AsyncMessageQueue | None = None
        self._queued_bytes = 0
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
            SonioxRealtimeError: It could not be opened in time.
        """
        loop = self._loop = self._watcher = asyncio.get_running_loop()
        self._turn = _turn_of(loop)
        await self._preparation.begin()
        attempt = self._attempt = _Attempt(self._options, loop)
        try:
            opened = await attempt.opened
        except BaseException as error:
            attempt.abandon()
            self._preparation.end(error)
            raise
        if opened is None or attempt.is_abandoned:
            self._preparation.end(abandoned_error())
            return
        self._forks = Process.forks
        websocket = self._websocket = self._preparation.opened(*opened)
        self._fd = websocket.fileno()
        try:
            self._begin_to_watch()
            on_open = self._on_open()
            assert on_open is not None  # noqa: S101 - the owner waits for this
            on_open()
        except BaseException as error:
            self.fail(error)
            raise
        # Something may have come along with the upgrade, or lie decrypted in the TLS object.
        loop.call_soon(self._when_readable)
        self._on_timer()

    @property
    def websocket(self) -> WebSocket:
        """The open WebSocket; only after ``open``."""
        assert self._websocket is not None  # noqa: S101 - sessions check their state first
        return self._websocket

    def put_off(self, action: Callable[[], object]) -> bool:
        """As :meth:`Connection.put_off`."""
        del action
        return False

    @property
    def is_late(self) -> bool:
        """Whether tasks have kept the loop busy with sending for long, so that it should get its turn."""
        if self._forks != Process.forks or asyncio.get_running_loop() is not self._loop:
            self.check_owner()
        began_at = self._turn.began_at
        if began_at is None:
            self._turn.begin()
            return False
        return time.monotonic() - began_at > _MAX_TURN_SEC

    async def give_turn(self) -> None:
        """Lets the loop read, and do all else."""
        # Without it, the loop would read after one more turn.
        asyncio.get_running_loop().call_soon(self._when_readable)
        await asyncio.sleep(0)
        if self._turn.began_at is None:
            # What is sent now is the first message of the next turn.
            self._turn.begin()

    def send_nowait(self, make: Callable[..., Message | None], *args: Any) -> int | None:
        """As :meth:`Connection.send_nowait`. A loop's tasks do not interrupt each other here, so there is no lock."""
        message = make(*args)
        return None if message is None else self.post(message)

    def post(self, message: Message) -> int:
        """As :meth:`Connection.post`."""
        position = self.websocket.send(message.opcode, message.payload)
        self._watch()
        # The kernel may also have taken what other tasks wait for.
        self._wake_senders()
        return position

    def check_owner(self) -> None:
        """Refuses a forked child, and another event loop.

        Raises:
            SonioxRealtimeError: It is one.
        """
        if self._forks != Process.forks and self.was_opened_by_parent:
            raise forked_error()
        if not self._is_done and self._loop is not None:
            self._running_loop()

    @property
    def was_opened_by_parent(self) -> bool:
        """As :attr:`Connection.was_opened_by_parent`."""
        return self._websocket is not None and self._websocket.was_opened_by_parent

    def check_may_end(self) -> None:
        """Refuses another event loop, unless that of the connection was closed.

        Raises:
            SonioxRealtimeError: It is another.
        """
        if not self.is_out_of_reach:
            self.check_owner()

    @property
    def is_out_of_reach(self) -> bool:
        """As :attr:`Connection.is_out_of_reach`: a parent process opened it, or its event loop was closed."""
        return self.was_opened_by_parent or (self._loop is not None and self._loop.is_closed())

    async def drain(self, position: int, timeout_sec: float | None = None) -> None:
        """As :meth:`Connection.drain`."""
        websocket = self.websocket
        if websocket.is_sent(position):
            return
        loop = self._running_loop()
        timeout = self._options.send_timeout_sec if timeout_sec is None else timeout_sec
        turn, moved, deadline = websocket.start_of(position), -1, 0.0
        while not websocket.is_sent(position):
            moment = now(loop)
            if moved < turn and websocket.bytes_sent > moved:
                moved, deadline = websocket.bytes_sent, moment + timeout
            elif moment >= deadline:
                error = send_timeout_error(timeout)
                self.fail(error)
                raise error
            room: asyncio.Future[bool] = loop.create_future()
            self._senders.append(room)
            if not await is_woken(room, deadline - moment):
                # Timers may come before writers, after the process was frozen.
                websocket.flush()

    def take(self) -> bytes | None:
        """As :meth:`Connection.take`."""
        if not self.messages or (self._forks != Process.forks and self.was_opened_by_parent):
            return None
        message = self.messages.popleft()
        self._queued_bytes -= len(message)
        if not self._is_reading and self._has_room(2):
            self._resume()
        return message

    async def receive(self, timeout_sec: float | None) -> bytes | None:
        """As :meth:`Connection.receive`."""
        while not self.messages:
            if self._is_done:
                return None
            self._receiver = self._running_loop().create_future()
            try:
                if not await is_woken(self._receiver, timeout_sec):
                    raise SonioxRealtimeTimeoutError(f"no message within {timeout_sec:g} s")
            finally:
                self._receiver = None
        return self.take()

    def new_queue(self) -> AsyncMessageQueue:
        """As :meth:`Connection.new_queue`."""
        return AsyncMessageQueue(self._running_loop)

    def set_keepalive(self, message: Message, interval_sec: float | None, kind: int) -> None:
        """As :meth:`Connection.set_keepalive`."""
        self.websocket.set_keepalive(message.payload, interval_sec, kind)
        self._running_loop().call_soon(self._when_due)

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
                await is_woken(news, remaining)
        return self._is_done

    async def close(self, timeout_sec: float) -> None:
        """As :meth:`Connection.close`."""
        try:
            if self._websocket is not None and not self.is_out_of_reach:
                self.check_owner()
                self._websocket.start_close()
                await self.wait_ended(timeout_sec)
        finally:
            await self.abort()

    async def abort(self) -> None:
        """As :meth:`Connection.abort`."""
        if self._attempt is not None and self._websocket is None:
            self._attempt.abandon()
        if self._websocket is None:
            await self._preparation.wait()
            return
        if self._websocket.was_opened_by_parent:
            self._websocket.close_in_child()
            return
        self.check_may_end()
        self._websocket.abort()
        self._check_end()
        await self._preparation.wait()

    def fail(self, error: BaseException) -> None:
        """As :meth:`Connection.fail`."""
        self.websocket.fail(error)
        self._check_end()

    def __del__(self) -> None:
        websocket, loop, timer = self._websocket, self._loop, self._timer
        # As for the driver for threads.
        if websocket is None or loop is None or timer is None or websocket.closure is not None:
            return
        if websocket.was_opened_by_parent:
            websocket.close_in_child()
        else:
            websocket.abort()
            if loop.is_running():
                # Collecting may happen in any thread.
                loop.call_soon_threadsafe(_let_go, websocket, loop, self._watcher, self._fd, timer)
            else:
                _let_go(websocket, loop, self._watcher, self._fd, timer)
            warn_of_unclosed(self._options)

    def _has_room(self, share: int = 1) -> bool:
        """As :meth:`Connection._has_room`."""
        options = self._options
        while (
            len(self.messages) * share >= options.max_queued_messages
            or self._queued_bytes * share >= options.max_queued_bytes
        ):
            if not self.keeps_newest:
                return False
            if len(self.messages) < 2:
                return True
            self._queued_bytes -= len(self.messages.popleft())
        return True

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            raise SonioxRealtimeError("an async session belongs to the event loop that opened it")
        return loop

    def _begin_to_watch(self) -> None:
        """Registers the socket for the first time, which shows whether the loop can watch sockets."""
        try:
            self._watch()
        except NotImplementedError:
            from .selector_thread import selector_thread_of  # noqa: PLC0415 - for the default loop on Windows only

            self._watcher = selector_thread_of(self._watcher)
            self._watch()

    def _watch(self) -> None:
        """Registers the socket for reading and writing, each only while it is needed."""
        watcher, websocket = self._watcher, self.websocket
        if watcher is None or self._is_done:
            return
        full = not self._has_room()
        if self._is_reading == full:
            if full:
                watcher.remove_reader(self._fd)
            else:
                watcher.add_reader(self._fd, self._when_readable, websocket)
            self._is_reading = not full
        if self._is_writing != websocket.wants_write:
            if websocket.wants_write:
                watcher.add_writer(self._fd, self._when_writable, websocket)
            else:
                watcher.remove_writer(self._fd)
            self._is_writing = not self._is_writing

    def _resume(self) -> None:
        self._watch()
        if self._loop is not None and not self._is_done:
            # The descriptor does not show data that TLS has decrypted already.
            self._loop.call_soon(self._when_readable)

    def _guarded(self, step: Callable[[], None]) -> None:
        """Runs a loop callback; an exception in it ends the connection with that error."""
        if self.was_opened_by_parent:
            return  # The data is the parent process's.
        try:
            step()
        except Exception as error:  # noqa: BLE001 - raised where the connection is used
            self.fail(error)

    def on_readable(self) -> None:
        self._guarded(self._read_some)

    def _on_writable(self) -> None:
        self._guarded(self._write_some)

    def _on_timer(self) -> None:
        self._guarded(self._tick)

    def _read_some(self) -> None:
        if self._is_done:
            return
        on_message = self._on_message()
        for _ in range(_READS_PER_TURN):
            if not self._has_room():
                break
            messages, more = self.websocket.read()
            if on_message is not None:
                for message in messages:
                    kept = on_message(message)
                    if kept is not None:
                        self._queued_bytes += len(kept)
                        self.messages.append(kept)
            if not more:
                break
        else:
            self._running_loop().call_soon(self._when_readable)
        if self.messages:
            wake(self._receiver)
            self._wake_enders()
        self._watch()
        self._check_end()

    def _write_some(self) -> None:
        self.websocket.flush()
        self._watch()
        self._wake_senders()
        self._check_end()

    def _tick(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._is_done or self._loop is None:
            return
        due_sec = self.websocket.tick(reading=self._is_reading)
        if self._on_tick is not None and (on_tick := self._on_tick()) is not None:
            due_sec = min(due_sec, on_tick())
        self._watch()
        self._check_end()
        if not self._is_done:
            self._timer = call_later(self._loop, due_sec, partial(self._when_due, self.websocket))

    def _check_end(self) -> None:
        """If the WebSocket has ended, reports it, closes the socket and wakes all waiters."""
        closure = self.websocket.closure
        if closure is None or self._is_done:
            return
        self._is_done = True
        if self._loop is not None and not self._loop.is_closed():
            if self._is_reading:
                self._watcher.remove_reader(self._fd)
            if self._is_writing:
                self._watcher.remove_writer(self._fd)
        if self._timer is not None:
            self._timer.cancel()
        self.websocket.close_socket()
        try:
            if (on_end := self._on_end()) is not None:
                on_end(closure)
        finally:
            self._preparation.end(closure)
            wake(self._receiver)
            self._wake_senders()
            self._wake_enders()

    def _wake_enders(self) -> None:
        for ender in self._enders:
            wake(ender)
        self._enders.clear()

    def _wake_senders(self) -> None:
        for sender in self._senders:
            wake(sender)
        self._senders.clear()


def _weakly(method: Callable[[], None]) -> Callable[..., None]:
    """A callback that calls a method without keeping its object alive. The callback's arguments are kept alive."""
    reference = weakref.WeakMethod(method)

    def call(*_: object) -> None:
        bound = reference()
        if bound is not None:
            bound()

    return call


def _let_go(websocket: WebSocket, loop: asyncio.AbstractEventLoop, watcher: Any, fd: int, timer: Timer) -> None:
    """Unregisters a connection's socket and timer, and closes the socket."""
    if not loop.is_closed():
        watcher.remove_reader(fd)
        watcher.remove_writer(fd)
    timer.cancel()
    websocket.close_socket()
