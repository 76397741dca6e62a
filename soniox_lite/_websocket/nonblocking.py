"""An open WebSocket that never waits: what threads and tasks have in common.

Its driver (a reader thread, or an event loop) waits for the socket's descriptor, and then calls
:meth:`WebSocket.read`, :meth:`WebSocket.flush` or :meth:`WebSocket.tick`. A lock is held around each single call on the
socket and never across a wait: two threads must not use a TLS object at once, and in some Python versions a thread that
blocks in one blocks all others.

Frames leave in the order in which they were queued. ``closure`` is set exactly once, by the first cause.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
from collections import deque
from itertools import accumulate

from .._data.clock import time
from .._net.redaction import describe_failure, redact
from .._net.tcp import unacknowledged_bytes, wait_ready
from ..errors import SonioxRealtimeConnectionError, SonioxRealtimeError, SonioxRealtimeTimeoutError, with_errno
from .frames import (
    ABNORMAL_CLOSURE,
    BINARY,
    CLOSE,
    GOING_AWAY,
    NO_STATUS,
    NORMAL_CLOSURE,
    PING,
    PONG,
    TEXT,
    FrameError,
    FrameParser,
    encode_frame,
    parse_close,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .frames import Payload

_READ_SIZE = 64 * 1024
# RFC 8446, section 5.1.
_FULL_RECORD_BYTES = 16 * 1024
# The longest time between two ticks, so that a changed keepalive interval takes effect within it.
MAX_TICK_SEC = 5.0
_NORMAL = NORMAL_CLOSURE.to_bytes(2, "big")
_WOULD_BLOCK = (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError, InterruptedError)


class Process:
    """Counts forks, so that a child recognizes what it has inherited without a system call for each check.

    Attributes:
        forks: How many forks there were from the first process to this one.
    """

    forks = 0


def _note_fork() -> None:
    Process.forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


class Closure:
    """How a connection ended.

    Attributes:
        code: The close code of the server, or of this side; 1006 when there was no close frame.
        reason: The text of the close frame; may be empty.
        error: What broke the connection; None when it was closed by a close frame.
        initiated_locally: Whether this side closed it.
    """

    def __init__(
        self, code: int, reason: str = "", error: BaseException | None = None, *, initiated_locally: bool = False
    ) -> None:
        self.code = code
        self.reason = reason
        self.error = error
        self.initiated_locally = initiated_locally

    @property
    def is_orderly(self) -> bool:
        """Whether the connection was closed without an error."""
        return self.error is None and self.code in (NORMAL_CLOSURE, GOING_AWAY, NO_STATUS)

    def as_error(self) -> SonioxRealtimeError:
        """The error for a call that needs the connection."""
        if isinstance(self.error, SonioxRealtimeError):
            detail = self.error.message
        elif self.error is not None:
            detail = f"the connection broke: {describe_failure(self.error)}"
        elif self.initiated_locally:
            detail = "the session was closed, so it is not connected any more"
        else:
            reason = f": {self.reason}" if self.reason else ""
            detail = f"the server closed the connection with code {self.code}{reason}"
        error_class: type[SonioxRealtimeError] = SonioxRealtimeConnectionError
        if isinstance(self.error, TimeoutError):
            error_class = SonioxRealtimeTimeoutError
        elif isinstance(self.error, SonioxRealtimeError) or self.initiated_locally:
            error_class = SonioxRealtimeError
        error = with_errno(error_class(detail, close_code=self.code), self.error)
        error.__cause__ = self.error
        return error


class WebSocket:
    """An open WebSocket. Sending and closing may be done by any thread, reading by one.

    Attributes:
        closure: How it ended; None while it is open.
        bytes_queued: How many bytes of frames have been queued in all, whether they have been sent or not.
        last_sent_at: When the last TEXT and the last BINARY message was queued, keepalives aside, as time.monotonic()
            counts; before the first, when the connection was opened.
    """

    def __init__(
        self,
        sock: socket.socket,
        leftover: bytes,
        *,
        authorization: str,
        ping_interval_sec: float | None,
        ping_timeout_sec: float | None,
        max_message_bytes: int,
    ) -> None:
        """Takes over a connected socket.

        Args:
            sock: The socket; non-blocking.
            leftover: The bytes that were read beyond the upgrade response.
            authorization: Value of the ``Authorization`` header, to be removed from close reasons.
            ping_interval_sec: Seconds without received data before a ping is sent; None for no pings.
            ping_timeout_sec: Seconds without a response to a ping before the connection fails; None for no limit.
            max_message_bytes: A larger message ends the connection.
        """
        self._sock = sock
        self._authorization = authorization
        # Reentrant: a signal handler may take it while its own thread holds it.
        self._lock = threading.RLock()
        self._forks = Process.forks
        self._frames = FrameParser(max_message_bytes)
        self._leftover = leftover
        # Frames that the kernel has not taken yet, and how many bytes have been queued and sent in total.
        self._outgoing: deque[bytearray | memoryview] = deque()
        self.bytes_queued: int = 0
        self._bytes_sent = 0
        # The latest ping that was not answered yet, and the position at which the previous pong ends.
        self._unanswered: bytes | None = None
        self._pong_end = 0
        self._close_sent = False
        self._close_initiated_locally = False
        self._write_error: BaseException | None = None
        self._ping_interval_sec = ping_interval_sec
        self._ping_timeout_sec = ping_timeout_sec
        self._last_received = time.monotonic()
        self._pinged_at: float | None = None
        # The position at which the last ping ends, and how many bytes the server had acknowledged at the last check.
        self._ping_end = 0
        self._acknowledged = 0
        # When the last message of each kind was queued, and the last keepalive.
        self.last_sent_at: dict[int, float] = dict.fromkeys((TEXT, BINARY), self._last_received)
        self._keepalive: Payload = b""
        self._keepalive_kind = BINARY
        self._keepalive_interval_sec: float | None = None
        self._kept_alive_at = 0.0
        self.closure: Closure | None = None

    @property
    def was_opened_by_parent(self) -> bool:
        """Whether the connection was opened before a fork, in the parent process; then this process must not use it."""
        return self._forks != Process.forks and self.closure is None

    def fileno(self) -> int:
        """The descriptor to wait for; -1 once it is closed."""
        return self._sock.fileno()

    @property
    def sock(self) -> socket.socket:
        """For waiting only."""
        return self._sock

    def read(self) -> tuple[list[bytes], bool]:
        """The messages that have arrived, and whether more may be there already. Answers pings and closes."""
        data, more = self._leftover, True
        if data:
            self._leftover = b""
        else:
            try:
                with self._lock:
                    if self.closure is not None:
                        return [], False
                    data = self._sock.recv(_READ_SIZE)
                    # The descriptor does not show what TLS has decrypted already. One call gives one record, and
                    # after a full one there mostly is another; reading it at once saves a turn of the loop.
                    more = isinstance(self._sock, ssl.SSLSocket) and (
                        len(data) == _FULL_RECORD_BYTES or self._sock.pending() > 0
                    )
            except _WOULD_BLOCK:
                return [], False
            except (OSError, ValueError) as error:
                self.fail(error)
                return [], False
            if not data:
                self.fail(ConnectionResetError("the server hung up without a close frame"))
                return [], False
        self._last_received = time.monotonic()
        self._pinged_at = None
        messages: list[bytes] = []
        ping: bytes | None = None
        try:
            for opcode, payload in self._frames.feed(data):
                if opcode in (TEXT, BINARY):
                    messages.append(payload)
                elif opcode == PING:
                    ping = payload
                elif opcode == CLOSE:
                    self._answer_close(payload)
                    return messages, False
        except FrameError as error:
            broken = SonioxRealtimeError(f"the server broke the WebSocket protocol: {error}")
            self._set_closure(Closure(error.code, error=broken), error.code.to_bytes(2, "big"))
            return messages, False
        if ping is not None:
            with self._lock:
                self._unanswered = ping
                self._answer_ping()
        return messages, more

    def _answer_close(self, payload: bytes) -> None:
        """Ends the connection as the server's close frame says."""
        code, reason = parse_close(payload)
        # The answer repeats the code (RFC 6455, section 5.5.1); without one there is none to repeat.
        answer = b"" if code == NO_STATUS else code.to_bytes(2, "big")
        reason = redact(reason, self._authorization)
        self._set_closure(Closure(code, reason, initiated_locally=self._close_initiated_locally), answer)

    def send(self, opcode: int, payload: Payload) -> int:
        """Queues a message and sends what the kernel takes at once.

        Returns:
            The position of its end in the stream, for :meth:`is_sent`.

        Raises:
            SonioxRealtimeError: The connection has ended.
        """
        frame = encode_frame(opcode, payload)
        with self._lock:
            if self.closure is not None:
                raise self.closure.as_error()
            if self._close_sent:
                raise SonioxRealtimeError("the session is being closed")
            if self._write_error is not None:
                raise Closure(ABNORMAL_CLOSURE, error=self._write_error).as_error()
            self.last_sent_at[opcode] = time.monotonic()
            self._append(frame)
            position = self.bytes_queued
            self._flush()
        return position

    def start_of(self, position: int) -> int:
        """Where the frame begins that ends at a position; there already if it is not queued any more."""
        with self._lock:
            ends = accumulate(map(len, self._outgoing), initial=self._bytes_sent)
            return max((end for end in ends if end < position), default=self._bytes_sent)

    @property
    def bytes_sent(self) -> int:
        """How many bytes the kernel has taken in all; compare with positions."""
        return self._bytes_sent

    def is_sent(self, position: int) -> bool:
        """Whether everything up to a position has been taken by the kernel.

        Raises:
            SonioxRealtimeError: It never will be.
        """
        if self._bytes_sent >= position:
            return True
        if self.closure is not None:
            raise self.closure.as_error()
        if self._write_error is not None:
            raise Closure(ABNORMAL_CLOSURE, error=self._write_error).as_error()
        return False

    @property
    def is_broken(self) -> bool:
        """Whether sending is impossible although this side did not close the connection."""
        return self._write_error is not None or (self.closure is not None and not self.closure.initiated_locally)

    @property
    def wants_write(self) -> bool:
        """Whether something is waiting for the kernel to take it."""
        return bool(self._outgoing)

    def flush(self) -> None:
        """Sends what the kernel takes now."""
        with self._lock:
            self._flush()

    def set_keepalive(self, payload: Payload, interval_sec: float | None, kind: int) -> None:
        """From now on sends a text message whenever no other message of a kind was sent for some time.

        Args:
            payload: Of the text message.
            interval_sec: After how many seconds, and how often then; None stops it.
            kind: TEXT or BINARY.
        """
        with self._lock:
            self._keepalive = payload
            self._keepalive_kind = kind
            self._kept_alive_at = time.monotonic()
            self._keepalive_interval_sec = interval_sec

    def tick(self, *, reading: bool) -> float:
        """Sends keepalives and pings that are due, and fails a connection whose pings are not answered.

        Args:
            reading: Whether what has arrived is about to be read. Otherwise it has to wait to be received.

        Returns:
            Seconds until the next call is due.
        """
        now = time.monotonic()
        due = [MAX_TICK_SEC]
        with self._lock:
            interval = self._keepalive_interval_sec
            if interval is not None:
                last = max(self._kept_alive_at, self.last_sent_at[self._keepalive_kind])
                if now >= last + interval:
                    self._put(TEXT, self._keepalive)
                    self._kept_alive_at = last = now
                due.append(last + interval - now)
        if self._ping_interval_sec is not None:
            due.append(self._watch_line(now, self._ping_interval_sec, self._ping_timeout_sec, reading=reading))
        return max(0.0, min(due))

    def _watch_line(self, now: float, interval_sec: float, timeout_sec: float | None, *, reading: bool) -> float:
        """Pings a silent connection, and fails it if it stays silent; returns in how many seconds to check again."""
        if self._pinged_at is None:
            if now - self._last_received < interval_sec:
                return self._last_received + interval_sec - now
            with self._lock:
                self._put(PING, b"")
                self._ping_end, self._acknowledged = self.bytes_queued, self._count_acknowledged()
            if timeout_sec is None:
                # No answer is needed: the ping only keeps routers from forgetting the connection.
                self._last_received = now
                return interval_sec
            self._pinged_at = time.monotonic()
        else:
            if self._ping_moves():
                # On a slow connection, the ping takes long to arrive behind much audio.
                self._pinged_at = now
            if now - self._pinged_at >= (timeout_sec or 0.0):
                if not self._may_hold_answer(reading=reading):
                    silence = now - self._last_received
                    self.fail(TimeoutError(f"nothing was heard from the server for {silence:.1f} s, not even a pong"))
                self._last_received, self._pinged_at = now, None
                return interval_sec
        # Checked again within the interval, since an answer that has arrived does not reschedule this.
        on_its_way = self._acknowledged < self._ping_end
        remaining = self._pinged_at + (timeout_sec or 0.0) - now
        return min(interval_sec, remaining, (timeout_sec or 0.0) / 4 if on_its_way else remaining)

    def _ping_moves(self) -> bool:
        """Whether the server had not acknowledged the whole ping at the last check, and has acknowledged more since."""
        with self._lock:
            before, self._acknowledged = self._acknowledged, self._count_acknowledged()
        return before < min(self._ping_end, self._acknowledged)

    def _may_hold_answer(self, *, reading: bool) -> bool:
        """Whether the answer to the ping may be in data that has arrived and was not read.

        That is so when this process was frozen, and when its program does not receive. In the second case the data is
        an answer only if the server has received the ping.
        """
        with self._lock:
            return (reading or self._acknowledged >= self._ping_end) and self._has_unread()

    def _count_acknowledged(self) -> int:  # with the lock held
        """How many of the queued bytes the server's kernel has acknowledged, as far as this system reports it."""
        return self._bytes_sent - unacknowledged_bytes(self._sock)

    def _has_unread(self) -> bool:  # with the lock held
        """Whether something is there to be read."""
        return (
            self.closure is not None
            or (isinstance(self._sock, ssl.SSLSocket) and self._sock.pending() > 0)
            or wait_ready(self._sock, for_read=True, for_write=False, timeout_sec=0.0)
        )

    def start_close(self) -> None:
        """Sends the close frame, once. The server answers with its own, which ends the websocket."""
        with self._lock:
            self._close_initiated_locally = True
            self._put(CLOSE, _NORMAL)
            self._close_sent = True

    def fail(self, error: BaseException) -> None:
        """Ends the connection with this error, unless it has ended already."""
        self._set_closure(Closure(ABNORMAL_CLOSURE, error=error))

    def abort(self) -> None:
        """Ends the connection at once, with a close frame if the kernel takes it. All waits on the socket return."""
        self._set_closure(Closure(NORMAL_CLOSURE, initiated_locally=True), _NORMAL)

    def close_socket(self) -> None:
        """Closes the descriptor. Only the driver may do so, when no thread waits for it any more."""
        with self._lock:
            self._sock.close()

    def close_in_child(self) -> None:
        """Closes a forked child's descriptor; the parent's connection stays open.

        Takes no lock, since another thread of the parent may have held it during the fork.
        """
        self._sock.close()

    def _set_closure(self, closure: Closure, close_payload: bytes | None = None) -> None:
        """Sets the closure and shuts the socket down; sends a close frame first, unless one was sent before."""
        with self._lock:
            if self.closure is not None:
                return
            if close_payload is not None:
                self._put(CLOSE, close_payload)
            self.closure = closure
            # So that all waits return. The socket must not be read after it: it would give encrypted data.
            with contextlib.suppress(OSError, ValueError):
                self._sock.shutdown(socket.SHUT_RDWR)

    def _put(self, opcode: int, payload: Payload) -> None:  # with the lock held
        """Queues a control frame or a keepalive; drops it if the connection is closing."""
        if self.closure is None and not self._close_sent:
            self._append(encode_frame(opcode, payload))
            self._flush()

    def _answer_ping(self) -> None:  # with the lock held
        """Answers the latest ping (RFC 6455, section 5.5.3), once the kernel has taken the pong before it.

        So at most one pong is queued for a server that does not read, however many pings it sends.
        """
        if self._unanswered is not None and self._bytes_sent >= self._pong_end:
            payload, self._unanswered = self._unanswered, None
            self._put(PONG, payload)
            self._pong_end = self.bytes_queued

    def _append(self, frame: bytearray) -> None:  # with the lock held
        self._outgoing.append(frame)
        self.bytes_queued += len(frame)

    def _flush(self) -> None:  # with the lock held
        while self._outgoing and self.closure is None:
            frame = self._outgoing[0]
            try:
                count = self._sock.send(frame)
            except _WOULD_BLOCK:
                return
            except (OSError, ValueError) as error:
                # Reading goes on: the server may have sent its reason before it closed the connection.
                self._write_error = error
                self._outgoing.clear()
                return
            self._bytes_sent += count
            if count == len(frame):
                self._outgoing.popleft()
                if self._unanswered is not None:
                    self._answer_ping()
            else:
                self._outgoing[0] = memoryview(frame)[count:]
