"""Realtime speech-to-text: sessions."""

from __future__ import annotations

import threading
from functools import partial

from .._data.async_callbacks import AsyncHandlers, check_callback, settled
from .._data.clock import time
from .._data.rules import FieldErrors
from .._data.safe_repr import safe_repr
from .._net.redaction import masked
from .._settings import realtime_set_up, resolve_api_key
from .._websocket.frames import BINARY, TEXT
from .._websocket.options import ConnectionOptions
from .._websocket.tasks import AsyncConnection, AsyncEventLog, AsyncOneAtATime, async_caller, async_chunks_of
from ..errors import SonioxRealtimeError, SonioxRealtimeTimeoutError, SonioxValidationError
from ..types.realtime import (
    RealtimeControlType,
    RealtimeEvent,
    RealtimeSessionClosePayload,
    RealtimeSessionErrorPayload,
    RealtimeSessionFinishedPayload,
    RealtimeSessionOpenPayload,
    RealtimeSTTConfig,
    decode_message,
)
from ._stt_protocol import (
    KEEP_ALIVE_MESSAGE,
    SttProtocol,
    checked_audio,
    checked_control_type,
    error_of,
    finalize_message,
    may_be_news,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Iterable
    from typing import Any, Literal, TypedDict

    from typing_extensions import Self, Unpack

    from .._websocket.nonblocking import End
    from ..client import AsyncSonioxClient
    from ..types.realtime import RealtimeSessionEventPayload

    ConfigInput = RealtimeSTTConfig | dict[str, Any]
    SessionState = Literal["new", "connecting", "open", "ending", "closing", "closed"]

    class SessionOptions(TypedDict, total=False):
        """What a session can be set up with besides its config."""

        close_timeout_sec: float
        send_timeout_sec: float
        ping_interval_sec: float | None
        ping_timeout_sec: float | None
        max_queued_messages: int
        max_queued_bytes: int
        max_message_bytes: int
        raise_on_error: bool
        start_on_open: bool
        ssl_context: ssl.SSLContext | None


__all__ = ["AsyncRealtimeSTTClient", "AsyncRealtimeSTTSession"]

# While paused; the service gives up after 20 seconds without audio.
KEEP_ALIVE_INTERVAL_SEC = 5.0
# Before the start message; the service gives up after 40 seconds.
_HOLD_INTERVAL_SEC = 20.0
# A message larger than this is sent as several: servers limit them, and a pause or a close gets its turn in between.
_MAX_CHUNK_BYTES = 64 * 1024
# How long after a failed send the service's own reason may take to arrive, and its close after its last message.
_REASON_TIMEOUT_SEC = 1.0


class AsyncRealtimeSTTSession:
    """One stream of audio to the service, and the tokens that come back.

    Use it in an ``async with`` block: leaving the block ends the audio, if that was not done, and waits for the last
    words; leaving it by an exception closes at once. Sending, pausing and closing may be done while another task (of a
    sync session: another thread) receives; only one receives at a time.

    Attributes:
        dropped_audio_bytes: How much audio was given to the session while it was paused, and so was not sent.
    """

    def __init__(
        self,
        url: str,
        config: ConfigInput,
        api_key: str | None = None,
        *,
        connect_timeout_sec: float = 10.0,
        close_timeout_sec: float = 10.0,
        send_timeout_sec: float = 30.0,
        ping_interval_sec: float | None = 20.0,
        ping_timeout_sec: float | None = 20.0,
        max_queued_messages: int = 10_000,
        max_queued_bytes: int = 64 * 1024 * 1024,
        max_message_bytes: int = 16 * 1024 * 1024,
        raise_on_error: bool = False,
        start_on_open: bool = True,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """A session that is not connected yet.

        Args:
            url: ``wss://`` (or ``ws://``) URL of the service.
            config: What to listen for, also as a dict.
            api_key: The key, permanent or temporary; None for ``config.api_key``, else ``SONIOX_API_KEY``. It travels
                in the header of the handshake only.
            connect_timeout_sec: For name resolution, TCP, proxy, TLS and the upgrade together.
            close_timeout_sec: How long closing may wait for the last words.
            send_timeout_sec: How long the service may take over what is sent in one go (at most 64 KiB) before the
                session is given up.
            ping_interval_sec: How long the line may be silent before the service is asked for a sign of life (a
                WebSocket ping); None for never.
            ping_timeout_sec: How long it may take to give one before the session is given up; None for as long as it
                takes.
            max_queued_messages: How many messages are kept while nobody receives. Above that the service is not read,
                so that it has to wait.
            max_queued_bytes: The same for their length together.
            max_message_bytes: A larger message ends the session.
            raise_on_error: Whether an error of the service is raised where it is received, instead of being an event.
            start_on_open: Whether the stream starts when the session is opened. Otherwise the connection is held, and
                kept alive, until ``start`` or the first audio.
            ssl_context: For TLS; None for the system's certificates.

        Raises:
            SonioxValidationError: There is no key, or something given cannot be used.
        """
        self._protocol = SttProtocol(RealtimeSTTConfig.of(config))
        self._options = ConnectionOptions(
            url=url,
            api_key=resolve_api_key(api_key or self._protocol.config.api_key),
            connect_timeout_sec=connect_timeout_sec,
            send_timeout_sec=send_timeout_sec,
            ping_interval_sec=ping_interval_sec,
            ping_timeout_sec=ping_timeout_sec,
            max_queued_messages=max_queued_messages,
            max_queued_bytes=max_queued_bytes,
            max_message_bytes=max_message_bytes,
            ssl_context=ssl_context,
        )
        with FieldErrors("the session's set-up") as check:
            if check.required("close_timeout_sec", close_timeout_sec):
                check.seconds("close_timeout_sec", close_timeout_sec, positive=False)
        self._close_timeout_sec = close_timeout_sec
        self._raise_on_error = raise_on_error
        self._start_on_open = start_on_open
        self._connection = AsyncConnection(self._options, self._on_open, self._on_message, self._on_end)
        self._end: End | None = None
        self._failure: BaseException | None = None
        self._entered = False
        self._opened = False
        self._drained = False
        # Whether somebody has been told why the stream came to no good end.
        self._told = False
        self._closed = False
        self._paused = False
        self._last_message: RealtimeEvent | None = None
        self._log = AsyncEventLog()
        self._handlers = AsyncHandlers()
        self._receiving = AsyncOneAtATime()
        self._closing = threading.Lock()
        self._closer: object = None
        self.dropped_audio_bytes: int = 0

    @property
    def config(self) -> RealtimeSTTConfig:
        """What the session was set up with."""
        return self._protocol.config

    @property
    def paused(self) -> bool:
        """Whether audio is being held back."""
        return self._paused

    @property
    def last_message(self) -> RealtimeEvent | None:
        """The event that was received last; None before the first."""
        return self._last_message

    @property
    def state(self) -> SessionState:
        """``new``, ``connecting``, ``open``, ``ending`` (no more audio), ``closing`` or ``closed``."""
        if self._closed or self._end is not None:
            return "closed"
        if self._drained:
            return "closing"
        if not self._opened:
            return "connecting" if self._entered else "new"
        return "ending" if self._protocol.is_ended else "open"

    @property
    def finished(self) -> bool:
        """Whether the service said that it has told everything."""
        return self._protocol.finished is not None

    @property
    def close_code(self) -> int | None:
        """The WebSocket close code; 1006 when the connection broke, None while it is open."""
        return self._end.code if self._end is not None else None

    @property
    def close_reason(self) -> str | None:
        """What the service said with the close code, often nothing; None while the connection is open."""
        return self._end.reason if self._end is not None else None

    async def enter(self) -> Self:
        """Opens the connection and starts the stream (unless ``start_on_open`` says otherwise).

        Raises:
            SonioxRealtimeError: That failed, or the session was used before: a session is one stream.
        """
        if self.state != "new":
            raise SonioxRealtimeError(f"this session is {self.state} already; a session is one stream, make a new one")
        self._entered = True
        try:
            await self._connection.open()
            if self._closed:
                raise SonioxRealtimeError("the session was closed while it was being opened")
            if self._start_on_open:
                await self._start_or_be_refused()
            else:
                self._connection.set_keepalive(KEEP_ALIVE_MESSAGE, _HOLD_INTERVAL_SEC)
        except BaseException as error:
            await self.cancel()
            if not self._opened:
                if isinstance(error, Exception):
                    self._emit(RealtimeSessionErrorPayload(error=error))
                self._log.close()
                await self._handlers.wait(self._close_timeout_sec)
            raise
        return self

    async def aenter(self) -> Self:
        """As :meth:`enter`."""
        return await self.enter()

    async def __aenter__(self) -> Self:
        return await self.enter()

    async def __aexit__(self, exc_type: object, exc: object, traceback: object) -> None:
        if exc_type is None:
            await self.close()
        else:
            await self.cancel()
            await self._handlers.wait(self._close_timeout_sec)

    async def start(self) -> None:
        """Sends the start message of a session that was opened without; does nothing if it has been sent.

        Raises:
            SonioxRealtimeError: The session is not open, or the service refused it.
        """
        self._check_open()
        if self._protocol.is_started:
            return
        await self._send(TEXT, self._made_start)

    # What makes a message is called when no other is made, so that a pause and what is sent beside it have an order.

    def _made_start(self) -> bytes | None:
        message = self._protocol.start()
        if message is not None:
            self._connection.set_keepalive(KEEP_ALIVE_MESSAGE, KEEP_ALIVE_INTERVAL_SEC if self._paused else None)
        return message

    def _made_audio(self, piece: Any) -> Any:
        self._protocol.check_may_send()
        if self._paused or not self._protocol.is_started:
            self.dropped_audio_bytes += len(piece)
            return None
        return piece or None

    def _made_pause(self, finalize: bool) -> bytes | None:
        self._protocol.check_may_send()
        if self._paused:
            return None
        self._paused = True
        if not self._protocol.is_started:
            return None
        self._connection.set_keepalive(KEEP_ALIVE_MESSAGE, KEEP_ALIVE_INTERVAL_SEC)
        return finalize_message(None) if finalize else None

    def _end_pause(self) -> None:
        if self._paused:
            self._paused = False
            if self._protocol.is_started:
                self._connection.set_keepalive(b"", None)

    def _made_end(self) -> bytes | None:
        message = self._protocol.end()
        if message is not None:
            self._connection.set_keepalive(b"", None)
        return message

    async def _start_or_be_refused(self) -> None:
        """Starts the stream. A refusal that arrives at once is an event, like one that arrives later."""
        try:
            await self.start()
        except SonioxRealtimeError:
            if self._protocol.failure is None:
                raise

    async def send_byte_chunk(self, chunk: bytes) -> None:
        """Sends audio. While the session is paused it is dropped, and counted in ``dropped_audio_bytes``.

        A large chunk is sent in pieces. A pause that begins meanwhile holds back the pieces that are not sent yet.

        Args:
            chunk: Audio in the config's format; nothing is sent for an empty one.

        Raises:
            SonioxRealtimeError: The session is not open, has been finished, or failed: the error says why.
        """
        audio = checked_audio(chunk)
        self._check_open()
        if not (self._protocol.is_started or self._paused):
            await self.start()
        # With an empty one the loop gets its turn, too.
        for position in range(0, len(audio) or 1, _MAX_CHUNK_BYTES):
            await self._send(BINARY, partial(self._made_audio, audio[position : position + _MAX_CHUNK_BYTES]))

    async def send_bytes(self, chunks: bytes | Iterable[bytes] | AsyncIterator[bytes], *, finish: bool = True) -> None:
        """Sends audio, and then says that there is no more.

        Args:
            chunks: All of it, or an iterable of chunks. An async session goes through a plain iterable other than a
                list or a tuple on a thread of its own, since it may block; what that is waiting for when the task is
                cancelled is lost.
            finish: Whether to end the audio after it.

        Raises:
            SonioxRealtimeError: As :meth:`send_byte_chunk`.
        """
        given = async_chunks_of(chunks)
        try:
            async for chunk in given:
                await self.send_byte_chunk(chunk)
        finally:
            await given.aclose()
        if finish:
            await self.finish()

    async def finish(self) -> None:
        """Says that no more audio will come. The remaining tokens follow, then ``finished``. Later calls do nothing.

        Raises:
            SonioxRealtimeError: The session is not open, or failed.
        """
        await self._finish(None)

    async def keep_alive(self) -> None:
        """Keeps the session open although no audio comes; without either the service ends it after 20 seconds.

        Raises:
            SonioxRealtimeError: The session is not open, has been finished, or failed.
        """
        self._check_open()
        self._protocol.check_may_send()
        await self._send(TEXT, partial(self._protocol.say, KEEP_ALIVE_MESSAGE))

    async def finalize(self, *, trailing_silence_ms: int | None = None) -> None:
        """Makes all tokens so far final; ``<fin>`` follows them. The session stays open.

        Args:
            trailing_silence_ms: How much silence the audio ended with, in milliseconds; None to not say.

        Raises:
            SonioxRealtimeError: The session is not open, has been finished, or failed.
        """
        message = finalize_message(trailing_silence_ms)
        self._check_open()
        self._protocol.check_may_send()
        await self.start()
        await self._send(TEXT, partial(self._protocol.say, message))

    # The names of the first generation.
    send_finish = finish
    send_keep_alive = keep_alive
    send_finalize = finalize

    async def send_control_message(self, control_type: RealtimeControlType) -> None:
        """Calls ``finish``, ``keep_alive`` or ``finalize``.

        Args:
            control_type: Which, also as its text.

        Raises:
            SonioxRealtimeError: As for these.
        """
        action = checked_control_type(control_type)
        if action is RealtimeControlType.FINISH:
            await self.finish()
        elif action is RealtimeControlType.KEEP_ALIVE:
            await self.keep_alive()
        else:
            await self.finalize()

    async def pause(self, *, finalize: bool = True) -> None:
        """Holds audio back and keeps the session alive meanwhile; does nothing if it is paused.

        Args:
            finalize: Whether to make all tokens so far final.

        Raises:
            SonioxRealtimeError: The session is not open, has been finished, or failed.
        """
        self._check_open()
        await self._send(TEXT, partial(self._made_pause, finalize))

    async def resume(self) -> None:
        """Lets audio through again; does nothing if the session is not paused.

        Raises:
            SonioxRealtimeError: The session is not open.
        """
        self._check_open()
        self._connection.check_owner()
        self._connection.post(TEXT, self._end_pause)

    async def recv_bytes(self) -> bytes:
        """The next message as it came; empty when there are no more.

        Raises:
            SonioxRealtimeError: As :meth:`receive_event`.
        """
        message = await self._receive(None)
        return b"" if message is None else message

    def parse_event(self, raw: str | bytes) -> RealtimeEvent:
        """The event that a message spells out.

        Raises:
            SonioxRealtimeError: It is not JSON, or not of the documented shape.
        """
        return RealtimeEvent.validate_event(raw)

    async def receive_event(self, timeout_sec: float | None = None) -> RealtimeEvent | None:
        """The next event; None when the stream came to its end.

        Events that arrived before a session was closed, or before its connection broke, are still handed out.

        Args:
            timeout_sec: How long to wait; None for as long as it takes.

        Raises:
            SonioxRealtimeTimeoutError: No event in that time; the session goes on.
            SonioxRealtimeError: The connection broke before the end, a message was not what it should be, the session
                was never opened, or another task (thread) is receiving; and with ``raise_on_error`` an error of the
                service.
        """
        message = await self._receive(timeout_sec)
        return None if message is None else self._decoded(message, self._raise_on_error)

    async def receive_events(self, *, raise_on_error: bool | None = None) -> AsyncIterator[RealtimeEvent]:
        """All events to the end of the stream.

        Args:
            raise_on_error: Whether an error of the service is raised instead of being an event; None for what the
                session was set up with.

        Raises:
            SonioxRealtimeError: As :meth:`receive_event`.
        """
        raises = self._raise_on_error if raise_on_error is None else raise_on_error
        while True:
            # One coroutine less for each event that is there already.
            message = self._take()
            if message is None:
                message = await self._receive(None)
                if message is None:
                    return
            yield self._decoded(message, raises)

    async def handle_events(self, handler: Callable[[RealtimeEvent], object]) -> None:
        """Calls a function with every event to the end of the stream.

        An async session awaits it before the next event if it is a coroutine function; a sync one refuses such.

        Raises:
            SonioxValidationError: ``handler`` cannot be called.
            SonioxRealtimeError: As :meth:`receive_event`.
        """
        check_callback("handler", handler)
        async for event in self.receive_events():
            await settled("handler", handler(event))

    async def session_events(self) -> AsyncIterator[RealtimeSessionEventPayload]:
        """What happens to the session itself: ``open``, ``finished`` or ``error``, ``close``; ends after ``close``.

        Starts with what has happened already. Any number of tasks (threads) may listen.
        """
        self._connection.check_owner()
        async for payload in self._log.follow():
            yield payload

    def on(self, event_type: str, handler: Callable[[Any], object] | None = None) -> Any:
        """Has a function called with the payload when the session is opened, finished, closed or fails.

        It is called in the event loop (by a sync session's reader thread), so it must not block. What it raises is
        logged. A coroutine function becomes a task, which ``close`` waits for at most ``close_timeout_sec``; a sync
        session refuses it.

        Args:
            event_type: ``open``, ``finished``, ``error`` or ``close``.
            handler: The function; None to use this as a decorator.

        Raises:
            SonioxValidationError: There is no such event, or the handler cannot be called.
        """
        if event_type not in ("open", "finished", "error", "close"):
            raise SonioxValidationError("event_type must be 'open', 'finished', 'error' or 'close'")
        if handler is None:
            return partial(self.on, event_type)
        self._handlers.add(event_type, handler)
        return handler

    async def close(self) -> None:
        """Ends the audio if that was not done, waits for the last words, and closes; within ``close_timeout_sec``.

        What arrives meanwhile can still be received. If the service does not finish in time, that is logged, and
        ``finished`` is False. Any task (thread) may call it, at any time; later calls do nothing.
        """
        self._connection.check_may_end()
        if not self._opened or self._end is not None or self._connection.is_out_of_reach:
            await self._abort()
            self._warn_if_cut_short()
            await self._handlers.wait(self._close_timeout_sec)
            return
        if self._connection.put_off(self.close):
            return
        if not self._closing.acquire(blocking=False):
            if self._closer != async_caller():
                await self._connection.wait_ended(self._close_timeout_sec)
            # Or else a signal handler asks, and this thread goes on closing when that has returned.
            return
        self._closer = async_caller()
        deadline = time.monotonic() + self._close_timeout_sec
        try:
            await self._drain(deadline)
            self._drained = True
            await self._connection.close(max(0.0, min(deadline - time.monotonic(), _REASON_TIMEOUT_SEC)))
        finally:
            # Not waited for if this was interrupted or cancelled.
            await self._abort()
        self._warn_if_cut_short()
        await self._handlers.wait(self._close_timeout_sec)

    async def cancel(self) -> None:
        """Closes at once, without waiting for the last words."""
        self._told = True
        await self._abort()

    async def _abort(self) -> None:
        self._connection.check_may_end()
        self._closed = True
        await self._connection.abort()
        if not self._entered:
            self._log.close()

    async def _drain(self, deadline: float) -> None:
        """Waits for the end of a stream that has one."""
        if not self._protocol.is_started or self._end is not None or self._protocol.failure is not None:
            return
        told = self._told
        try:
            await self._finish(max(0.0, deadline - time.monotonic()))
        except SonioxRealtimeError:
            # It ended meanwhile, and says so to whoever receives.
            self._told = told
            return
        await self._connection.wait_ended(max(0.0, deadline - time.monotonic()), lambda: self.finished)

    async def _finish(self, timeout_sec: float | None) -> None:
        self._check_open()
        if self._protocol.is_ended:
            return
        await self.start()
        await self._send(TEXT, self._made_end, timeout_sec)

    def _warn_if_cut_short(self) -> None:
        """Logs that words are missing, if that is so and nobody has been told."""
        if not self._protocol.is_started or self.finished or self._told or self._connection.is_inherited:
            return
        import logging  # noqa: PLC0415 - only this rare case pays

        reason: object = "the service did not finish in time"
        if self._protocol.failure is not None:
            reason = self._protocol.failure_error()
        elif self._end is not None and not self._end.by_us:
            reason = self._end.as_error()
        self._told = True
        logging.getLogger("soniox_lite").warning(
            "a realtime session was closed before it was finished, so that the last words may be missing: %s", reason
        )

    def _check_open(self) -> None:
        if not self._opened:
            raise SonioxRealtimeError("the session is not connected; enter it first")
        if self._protocol.failure is not None:
            self._told = True
            raise self._protocol.failure_error()
        if self._end is not None:
            self._told = True
            raise self._end.as_error()
        if self._closed:
            raise SonioxRealtimeError("the session is closed")

    async def _send(self, opcode: int, make: Callable[[], Any], timeout_sec: float | None = None) -> None:
        """Sends what ``make`` gives, if anything, in the order in which it was made."""
        try:
            if self._connection.is_late:
                await self._connection.give_turn()
            position = self._connection.post(opcode, make)
            if position is not None:
                await self._connection.wait_sent(position, timeout_sec)
        except SonioxRealtimeError:
            if self._connection.link.is_broken:
                # The service says why before it hangs up, but sending may notice the hanging up first.
                await self._connection.wait_ended(_REASON_TIMEOUT_SEC)
                self._told = True
            if self._protocol.failure is not None:
                self._told = True
                raise self._protocol.failure_error() from None
            raise

    def _take(self) -> bytes | None:
        """A message that is there already; None where :meth:`_receive` has to wait, or to complain."""
        return self._connection.take() if self._opened and not self._receiving.locked() else None

    async def _receive(self, timeout_sec: float | None) -> bytes | None:
        self._connection.check_owner()
        if not self._opened:
            raise SonioxRealtimeError("the session is not connected; enter it first")
        if not self._receiving.enter():
            raise SonioxRealtimeError("another task or thread is receiving from this session already")
        try:
            message = self._connection.take()
            if message is None:
                message = await self._wait_for_message(timeout_sec)
        finally:
            self._receiving.leave()
        if message is None:
            self._raise_bad_end()
        return message

    async def _wait_for_message(self, timeout_sec: float | None) -> bytes | None:
        # After the last message only the service's close can come, which is not waited for without end.
        is_over = self.finished
        try:
            return await self._connection.receive(_REASON_TIMEOUT_SEC if is_over else timeout_sec)
        except SonioxRealtimeTimeoutError:
            if not is_over:
                raise
            return None

    def _raise_bad_end(self) -> None:
        """Says why there are no more messages, unless one of them said it."""
        if self._failure is not None:
            raise self._failure
        if self._end is None or self._end.is_orderly or self.finished:
            return
        self._told = True
        if self._protocol.failure is None:
            raise self._end.as_error()

    def _decoded(self, message: bytes, raise_on_error: bool) -> RealtimeEvent:
        try:
            event = decode_message(RealtimeEvent, message)
        except SonioxRealtimeError as error:
            # A service that talks nonsense cannot be relied on for the rest.
            self._fail(error)
            raise
        self._last_message = event
        is_error = event.error_code is not None
        if is_error or event.finished:
            if self._protocol.is_news(event):
                self._tell(event)
            if is_error:
                self._told = True
                if raise_on_error:
                    raise error_of(event)
        return event

    def _fail(self, error: BaseException) -> None:
        """Ends the session for a reason of this side, which whoever receives is told."""
        if self._opened and self._end is None:
            self._failure = error
            self._told = True
            self._connection.fail(error)

    def _on_open(self) -> None:
        self._opened = True
        self._emit(RealtimeSessionOpenPayload())

    def _on_message(self, message: bytes) -> bytes:
        if may_be_news(message):
            # The service repeats what it objects to, which may be the key in a wrong place.
            message = masked(message, self._options.authorization)
            event = self._protocol.note(message)
            if event is not None:
                self._tell(event)
        return message

    def _tell(self, event: RealtimeEvent) -> None:
        if event.error_code is not None:
            self._emit(RealtimeSessionErrorPayload(error=error_of(event), event=event))
        else:
            self._emit(RealtimeSessionFinishedPayload(event=event))

    def _on_end(self, end: End) -> None:
        self._end = end
        if not end.is_orderly and not self.finished and self._protocol.failure is None:
            self._emit(RealtimeSessionErrorPayload(error=end.as_error()))
        self._emit(RealtimeSessionClosePayload(code=end.code, reason=end.reason))
        self._log.close()

    def _emit(self, payload: RealtimeSessionEventPayload) -> None:
        self._log.add(payload)
        self._handlers.call(payload.type, payload)

    @safe_repr
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._options.url} {self.state}>"


class AsyncRealtimeSTTClient:
    """Makes sessions that are set up like a client: ``client.realtime.stt``."""

    def __init__(self, client: AsyncSonioxClient) -> None:
        self._client = client

    def connect(
        self,
        *,
        config: ConfigInput,
        api_key: str | None = None,
        connect_timeout_sec: float = 10.0,
        **options: Unpack[SessionOptions],
    ) -> AsyncRealtimeSTTSession:
        """A session that is not connected yet: enter it.

        Args:
            config: What to listen for, also as a dict.
            api_key: Another key than the client's, permanent or temporary.
            connect_timeout_sec: For name resolution, TCP, proxy, TLS and the upgrade together.
            options: As for :class:`AsyncRealtimeSTTSession`.

        Raises:
            SonioxValidationError: Something given cannot be used.
        """
        settings, ssl_context = realtime_set_up(self._client)
        options.setdefault("ssl_context", ssl_context)
        config = RealtimeSTTConfig.of(config)
        return AsyncRealtimeSTTSession(
            settings.websocket_base_url,
            config,
            api_key or config.api_key or settings.api_key,
            connect_timeout_sec=connect_timeout_sec,
            **options,
        )
