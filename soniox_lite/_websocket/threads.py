"""The driver for threads: a reader thread reads, and each sender writes to the socket from its own thread.

The reader also answers pings, sends keepalives and notices a dead connection, whatever the program does meanwhile. It
hands messages over in batches: all messages of one read cost one wake-up.
"""

from __future__ import annotations

import contextlib
import threading
import warnings
import weakref
from collections import deque
from functools import partial

from .._data.clock import time
from .._net.tcp import SLICE_SEC, wait_ready
from ..errors import SonioxRealtimeError, SonioxRealtimeTimeoutError
from .handshake import open_websocket
from .nonblocking import Process
from .preparation import Preparation
from .queues import MessageQueue

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Any

    from .frames import Message
    from .nonblocking import Closure, WebSocket
    from .options import ConnectionOptions

# How long after the deadline of a close the reader may take to leave; it only ever needs to be scheduled.
JOIN_SEC = 5.0


def forked_error() -> SonioxRealtimeError:
    """The error for a forked child that uses its parent's session."""
    return SonioxRealtimeError("the session belongs to the process that opened it; open one after the fork")


def abandoned_error() -> SonioxRealtimeError:
    """The error for a connection that was closed before it was open."""
    return SonioxRealtimeError("the connection was given up while it was being opened")


def warn_of_unclosed(options: ConnectionOptions, warn: Callable[..., None] = warnings.warn) -> None:
    """Warns of a connection that was garbage-collected while it was open."""
    warn(f"unclosed realtime session: {options.shown_url}", ResourceWarning, stacklevel=3)


def send_timeout_error(timeout_sec: float) -> SonioxRealtimeTimeoutError:
    """The error when the server does not read."""
    return SonioxRealtimeTimeoutError(f"the server did not take what was sent within {timeout_sec:g} s")


class Connection:
    """A WebSocket connection. Any thread may send or close; one at a time may receive.

    The callbacks are methods of the session, which owns the connection. Neither the connection nor the reader thread
    keeps it alive, so that a session which a program has dropped is collected, and its connection ends with it.

    Args:
        options: Where to, as whom, and limits.
        on_open: Called when the connection is open, before anything is read from it.
        on_message: Called by the reader thread with each message as it arrives; gives what is to be kept of it for
            :meth:`receive`, None for nothing.
        on_end: Called by the reader thread once, when the connection has ended.
        on_tick: Called by the reader thread now and then; returns the seconds until the next call.

    Attributes:
        keeps_newest: Whether a queue of messages that is full drops its oldest, instead of making the server wait.
        fed: A queue that ``on_message`` appends to; its receiver is woken once for all messages of one read.
        messages: What arrived and was not received yet; only the reader thread and the receiver change it.
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
        self._preparation = Preparation(options)
        self._on_open = weakref.WeakMethod(on_open)
        self._on_message = weakref.WeakMethod(on_message)
        self._on_end = weakref.WeakMethod(on_end)
        self._on_tick = None if on_tick is None else weakref.WeakMethod(on_tick)
        self._forks = Process.forks
        self._websocket: WebSocket | None = None
        self._thread: threading.Thread | None = None
        self._joiner = 0
        # Held until the connection is open or has failed; released early if it is aborted.
        self._opening = threading.Lock()
        self._opening.acquire()
        self._open_error: BaseException | None = None
        self._is_aborted = False
        # Held while something is made and queued, never while waiting: so messages leave in the order of the protocol.
        self._order = threading.RLock()
        self._is_sending = False
        # Calls of signal handlers that interrupted the thread which holds that lock, with the thread's id.
        self._later: deque[tuple[int, Callable[[], object]]] = deque()
        # Messages that were not received yet: the reader appends, the receiver takes.
        self.messages: deque[bytes] = deque()
        self.keeps_newest = False
        self.fed: MessageQueue | None = None
        # How many bytes the reader has appended and the receiver has taken, in total.
        self._appended_bytes = 0
        self._taken_bytes = 0
        # A lock used as an event: acquired by a receiver that found no message, released by the reader when there is
        # one. The condition below would cost a third of the processor time for each event.
        self._news = threading.Lock()
        # For rare changes, and how many threads wait for one.
        self._changed = threading.Condition()
        self._watchers = 0
        # When the websocket has to be looked after next, as time.monotonic() counts.
        self._tick_at = 0.0
        self._reader_is_done = False
        self._reader_waits = False

    def open(self) -> None:
        """Opens the connection and starts to read; returns without one if it was aborted meanwhile.

        Raises:
            SonioxRealtimeError: It could not be opened in time.
        """
        self._preparation.begin()
        self._thread = threading.Thread(
            target=self._drive, args=(weakref.ref(self), self._options), name="soniox-lite reader", daemon=True
        )
        try:
            self._thread.start()
        except RuntimeError as error:
            raise SonioxRealtimeError(f"the session's reader thread cannot be started: {error}") from error
        self._opening.acquire()
        problem, self._open_error = self._open_error, None
        try:
            if self._websocket is None:
                self._preparation.end(abandoned_error() if problem is None else problem)
            if problem is not None:
                raise problem
        finally:
            # Or else it would keep itself alive, by its traceback.
            del problem

    @property
    def websocket(self) -> WebSocket:
        """The open WebSocket; only after ``open``."""
        assert self._websocket is not None  # noqa: S101 - sessions check their state first
        return self._websocket

    def send_nowait(self, make: Callable[..., Message | None], *args: Any) -> int | None:
        """Queues the message that ``make(*args)`` gives, if any, behind those before it, without waiting.

        No other message is made or sent during that call, so that ``make`` may also change what decides about the next
        ones. A signal handler may call this while its own thread is in the middle of it; then it is put off until that
        is done.

        Returns:
            The message's position, for :meth:`drain`; None when nothing was queued, or not yet.

        Raises:
            SonioxRealtimeError: The connection has ended.
        """
        if self._forks != Process.forks:
            self.check_owner()
        try:
            with self._order:
                if self._is_sending:
                    self._later.append((threading.get_ident(), partial(self.send_nowait, make, *args)))
                    return None
                self._is_sending = True
                try:
                    message = make(*args)
                    return None if message is None else self.websocket.send(message.opcode, message.payload)
                finally:
                    self._is_sending = False
        finally:
            if self._later:
                self._catch_up()

    def post(self, message: Message) -> int:
        """Queues a message as :meth:`send_nowait` does, for a caller that keeps its own order; gives its position.

        Raises:
            SonioxRealtimeError: The connection has ended.
        """
        return self.websocket.send(message.opcode, message.payload)

    def put_off(self, action: Callable[[], object]) -> bool:
        """Whether the caller is a signal handler that interrupted a step of its thread; the action follows it."""
        if not self._is_interrupting():
            return False
        self._later.append((threading.get_ident(), action))
        return True

    def _catch_up(self) -> None:
        """Makes the calls that signal handlers of this thread have put off, unless this is one of them."""
        me = threading.get_ident()
        while self._later and self._later[0][0] == me and not self._is_interrupting():
            self._later.popleft()[1]()

    def _is_interrupting(self) -> bool:
        """Whether this is a signal handler, which interrupted :meth:`send_nowait` in its own thread."""
        with self._order:
            return self._is_sending

    def check_owner(self) -> None:
        """Refuses a forked child.

        Raises:
            SonioxRealtimeError: It is one.
        """
        if self._forks != Process.forks and self.was_opened_by_parent:
            raise forked_error()

    @property
    def was_opened_by_parent(self) -> bool:
        """Whether the connection was opened before a fork, in the parent process; then this process must not use it."""
        return self._websocket is not None and self._websocket.was_opened_by_parent

    def check_may_end(self) -> None:
        """Any thread may end the connection; see the async twin."""

    @property
    def is_out_of_reach(self) -> bool:
        """Whether nothing can be sent over the connection any more, not even a close frame."""
        return self.was_opened_by_parent

    def drain(self, position: int, timeout_sec: float | None = None) -> None:
        """Returns when the kernel has taken everything up to a position.

        Args:
            position: As :meth:`post` gave it.
            timeout_sec: How long the server may take over the message that ends there, once those before it are sent,
                and over each step of those; None for the connection's own limit.

        Raises:
            SonioxRealtimeError: The connection has ended, or ends meanwhile.
            SonioxRealtimeTimeoutError: The server does not read; the connection is given up.
        """
        websocket = self.websocket
        if websocket.is_sent(position):
            return
        timeout = self._options.send_timeout_sec if timeout_sec is None else timeout_sec
        turn, moved, deadline = websocket.start_of(position), -1, 0.0
        while not websocket.is_sent(position):
            now = time.monotonic()
            if moved < turn and websocket.bytes_sent > moved:
                # Messages before this one are being sent: the time limit begins when they have been.
                moved, deadline = websocket.bytes_sent, now + timeout
            elif now >= deadline:
                error = send_timeout_error(timeout)
                self.fail(error)
                raise error
            # Woken up by room for more, or by the end of the connection.
            _wait(websocket, for_read=False, for_write=True, timeout_sec=min(deadline - now, 1.0))
            self.send_nowait(websocket.flush)

    def take(self) -> bytes | None:
        """The next message if it is there already. That costs less than to wait for it, above all in the async twin."""
        if not self.messages or (self._forks != Process.forks and self.was_opened_by_parent):
            return None
        message = self.messages.popleft()
        self._taken_bytes += len(message)
        if self._reader_waits and self._has_room(2):
            with self._changed:
                self._changed.notify_all()
        return message

    def receive(self, timeout_sec: float | None) -> bytes | None:
        """The next message; None when there are no more.

        Raises:
            SonioxRealtimeTimeoutError: Nothing arrived in time.
        """
        deadline = None if timeout_sec is None else time.monotonic() + timeout_sec
        while not self.messages:
            # Checked in this order: the reader appends the last messages before it is done.
            if self._reader_is_done and not self.messages:
                return None
            # The lock may have been released for a message that was taken before; then this checks again.
            remaining = -1.0 if deadline is None else max(0.0, deadline - time.monotonic())
            if not self._news.acquire(timeout=min(remaining, threading.TIMEOUT_MAX)):
                raise SonioxRealtimeTimeoutError(f"no message within {timeout_sec:g} s")
        return self.take()

    def new_queue(self) -> MessageQueue:
        """A queue of its own for some of the messages, which ``on_message`` fills."""
        return MessageQueue()

    def set_keepalive(self, message: Message, interval_sec: float | None, kind: int) -> None:
        """Sends a text message in the background whenever no other message of a kind was sent for some time.

        Args:
            message: The text message.
            interval_sec: After how many seconds, and how often then; None stops it.
            kind: TEXT or BINARY.
        """
        self.websocket.set_keepalive(message.payload, interval_sec, kind)

    def wait_ended(self, timeout_sec: float, or_when: Callable[[], bool] = bool) -> bool:
        """Whether the connection has ended, waiting this long for it. The queue's limit is lifted meanwhile.

        Args:
            timeout_sec: How long to wait.
            or_when: Also ends the wait when it returns True; called whenever a message has arrived.
        """
        if self._is_reader() or self._is_interrupting():
            # Called by a callback of the connection or a signal handler: the connection cannot end before that returns.
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
        if self._websocket is not None and not self.was_opened_by_parent:
            self.send_nowait(self._websocket.start_close)
            self.wait_ended(timeout_sec)
        self.abort()

    def abort(self) -> None:
        """Closes at once, also while it is being opened. In a forked child, it only gives the descriptor back."""
        if self._websocket is not None and self._websocket.was_opened_by_parent:
            self._websocket.close_in_child()
            return
        with self._order:
            self._is_aborted = True
            websocket = self._websocket
        if websocket is None:
            self._wake_opener()
        elif not self.put_off(self._abort):
            self._abort()
            self._join()

    def _abort(self) -> None:
        self.send_nowait(self.websocket.abort)
        self._wake_reader()

    def _join(self) -> None:
        """Waits for the reader thread to be gone, unless this is a signal handler of a thread that does so already."""
        thread, me = self._thread, threading.get_ident()
        if thread is not None and not self._is_reader() and self._joiner != me and not self._holds_condition():
            self._joiner = me
            thread.join(JOIN_SEC)
            self._joiner = 0

    def _holds_condition(self) -> bool:
        """Whether this is a signal handler whose own thread holds the condition, which the reader needs to end."""
        try:
            self._changed.notify(0)
        except RuntimeError:
            return False
        return True

    def fail(self, error: BaseException) -> None:
        """Ends the connection with an error of this side."""
        self.send_nowait(self.websocket.fail, error)
        self._wake_reader()

    def __del__(self) -> None:
        websocket = self._websocket
        # __init__ may have raised, and at the end of the interpreter attributes may be gone.
        if websocket is None or websocket.closure is not None:
            return
        if websocket.was_opened_by_parent:
            websocket.close_in_child()
        else:
            # The reader notices, and gives the socket back.
            websocket.abort()
            warn_of_unclosed(self._options)

    def _has_room(self, share: int = 1) -> bool:
        """Whether less than the limits, or a share of them, waits to be received; makes room if it may."""
        options = self._options
        while (
            len(self.messages) * share >= options.max_queued_messages
            or (self._appended_bytes - self._taken_bytes) * share >= options.max_queued_bytes
        ):
            if not self.keeps_newest:
                return False
            if len(self.messages) < 2:
                return True
            self._appended_bytes -= len(self.messages.popleft())
        return True

    def _is_reader(self) -> bool:
        return threading.current_thread() is self._thread

    def _wake_reader(self) -> None:
        """Wakes the reader if it waits for room in the queue."""
        with self._changed:
            self._changed.notify_all()

    @staticmethod
    def _drive(connected: weakref.ref[Connection], options: ConnectionOptions) -> None:
        """The reader thread: opens a connection and reads it to its end.

        While it waits, it holds the websocket only, so that a connection that was forgotten can be collected.
        """
        try:
            opened = open_websocket(options)
        except BaseException as error:  # noqa: BLE001 - raised in open()
            if (connection := connected()) is not None:
                connection._open_error = error
                connection._wake_opener()
            return
        connection = connected()
        websocket = None if connection is None else connection._adopt(*opened)
        if connection is None or websocket is None:
            opened[0].close()
            return
        connection._start(websocket)
        while connection is not None and websocket.closure is None:
            due_sec = connection._step(websocket)
            del connection
            if due_sec > 0.0 and websocket.closure is None:
                _wait(websocket, for_read=True, for_write=websocket.wants_write, timeout_sec=due_sec)
                if websocket.wants_write:
                    websocket.flush()
            connection = connected()
        if connection is None:
            websocket.close_socket()
        else:
            connection._leave(websocket)

    def _wake_opener(self) -> None:
        with contextlib.suppress(RuntimeError):
            # It may have been released before.
            self._opening.release()

    def _adopt(self, sock: socket.socket, leftover: bytes) -> WebSocket | None:
        """The websocket over a socket that has been opened; None if it is not wanted any more."""
        with self._order:
            if not self._is_aborted:
                self._forks = Process.forks
                self._websocket = self._preparation.opened(sock, leftover)
        return self._websocket

    def _start(self, websocket: WebSocket) -> None:
        """Reports that the connection is open."""
        try:
            on_open = self._on_open()
            assert on_open is not None  # noqa: S101 - the owner waits in open(), unless that was aborted
            on_open()
        except BaseException as error:  # noqa: BLE001 - raised in open()
            self._open_error = error
            websocket.fail(error)
        self._wake_opener()

    def _step(self, websocket: WebSocket) -> float:
        """Reads what has arrived; an exception ends the connection. Returns the seconds to wait for more."""
        try:
            return self._read_some(websocket)
        except BaseException as error:  # noqa: BLE001 - raised where the connection is used
            websocket.fail(error)
            return 0.0

    def _leave(self, websocket: WebSocket) -> None:
        """Reports the end, closes the socket and wakes all waiters."""
        closure = websocket.closure
        if closure is None:
            raise AssertionError("the reader thread ended, but the connection has not")
        try:
            if (on_end := self._on_end()) is not None:
                on_end(closure)
        finally:
            self._preparation.end(closure)
            websocket.close_socket()
            with self._changed:
                self._reader_is_done = True
                self._changed.notify_all()
            self._wake_receiver()

    def _wake_receiver(self) -> None:
        """Wakes a receiver that found no message. Called by the reader only."""
        if self._news.locked():
            self._news.release()
        if self.fed is not None:
            self.fed.tell()

    def _read_some(self, websocket: WebSocket) -> float:
        """Reads and ticks; returns the seconds to wait for more."""
        if not self._has_room():
            due_sec = websocket.tick(reading=False)
            self._tick_at = 0.0
            with self._changed:
                self._reader_waits = True
                self._changed.wait_for(lambda: self._has_room(2) or websocket.closure, due_sec)
                self._reader_waits = False
            return 0.0
        messages, more = websocket.read()
        if messages and (on_message := self._on_message()) is not None:
            for message in messages:
                kept = on_message(message)
                if kept is not None:
                    self._appended_bytes += len(kept)
                    self.messages.append(kept)
            self._wake_receiver()
            if self._watchers:
                with self._changed:
                    self._changed.notify_all()
        now = time.monotonic()
        if now >= self._tick_at or self._on_tick is not None:
            due_sec = websocket.tick(reading=True)
            if self._on_tick is not None and (on_tick := self._on_tick()) is not None:
                due_sec = min(due_sec, on_tick())
            self._tick_at = now + due_sec
        return 0.0 if more else max(0.0, self._tick_at - now)


def _wait(websocket: WebSocket, *, for_read: bool, for_write: bool, timeout_sec: float) -> None:
    if SLICE_SEC is not None:
        timeout_sec = min(timeout_sec, SLICE_SEC)
    try:
        wait_ready(websocket.sock, for_read=for_read, for_write=for_write, timeout_sec=timeout_sec)
    except (OSError, ValueError):
        # Closed between the caller's check and this wait: the caller checks again.
        return
