"""Realtime speech-to-text: sessions."""

from __future__ import annotations

import threading
from functools import partial

from .._data.async_callbacks import AsyncHandlers, check_callback, settled
from .._data.callbacks import check_event_type
from .._data.clock import time
from .._data.json_values import is_buffer
from .._data.rules import FieldErrors
from .._data.safe_repr import safe_repr
from .._net.redaction import redact
from .._settings import resolve_api_key, settings_of, with_defaults
from .._websocket.async_queues import AsyncEventLog, AsyncOneAtATime, async_caller
from .._websocket.frames import BINARY
from .._websocket.options import ConnectionOptions
from .._websocket.tasks import AsyncConnection
from ..errors import SonioxRealtimeError, SonioxRealtimeTimeoutError
from ..types.realtime import (
    TOKEN_TEXT_END,
    TOKEN_TEXT_FIN,
    RealtimeControlType,
    RealtimeEvent,
    RealtimeSessionClosePayload,
    RealtimeSessionErrorPayload,
    RealtimeSessionFinishedPayload,
    RealtimeSessionOpenPayload,
    RealtimeSessionStateChangePayload,
    RealtimeSTTConfig,
    decode_message,
)
from ._async_inputs import async_chunks_of
from ._session_log import log_refusal
from ._stt_protocol import (
    KEEP_ALIVE,
    OPEN,
    State,
    SttProtocol,
    audio_pieces,
    check_trailing_silence,
    checked_control_type,
    error_of,
    has_token,
    may_be_terminal,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Iterable
    from os import PathLike
    from typing import Any, Literal, TypedDict, overload

    from typing_extensions import Self, Unpack

    from .._settings import KeyFunction, Settings as ClientSettings
    from .._websocket.frames import Message
    from .._websocket.nonblocking import Closure
    from .._websocket.tape import Tape
    from ..client import AsyncSonioxClient
    from ..types.config_dicts import RealtimeSTTConfigDict, ResumePolicyDict
    from ..types.metrics import RealtimeSTTMetrics
    from ..types.realtime import RealtimeSessionEventPayload
    from ..types.resume import ResumePolicy
    from ._stt_protocol import SessionState
    from .async_resuming import AsyncResumingSTTSession

    ConfigInput = RealtimeSTTConfig | RealtimeSTTConfigDict | dict[str, Any]

    class SessionOptions(TypedDict, total=False):
        """What a session can be set up with besides its config."""

        close_timeout_sec: float
        send_timeout_sec: float
        keep_alive_interval_sec: float | None
        ping_interval_sec: float | None
        ping_timeout_sec: float | None
        max_queued_messages: int
        max_queued_bytes: int
        max_message_bytes: int
        raise_on_error: bool
        start_on_open: bool
        ssl_context: ssl.SSLContext | None
        tape: Tape | str | PathLike[str] | None
        settings: ClientSettings | None


__all__ = ["AsyncRealtimeSTTClient", "AsyncRealtimeSTTSession"]

# Events of what arrives, and those among them that a mark brings.
_RESULTS = frozenset({"result", "token", "endpoint", "finalized"})
_MARKS = {TOKEN_TEXT_END: "endpoint", TOKEN_TEXT_FIN: "finalized"}
_NEVER = float("inf")
# The service ends a session that gets neither audio nor a keepalive for longer.
_LONGEST_SILENCE_SEC = 20.0
# After how long without audio a program that waits for events has probably forgotten to end it.
SILENCE_SEC = 10.0
# How long after a failed send the service's own reason may take to arrive, and its close after its last message.
_REASON_TIMEOUT_SEC = 1.0


class AsyncRealtimeSTTSession:
    """One stream of audio to the service, and the tokens that come back.

    Use it in an ``async with`` block: leaving the block ends the audio, if that was not done, and waits for the last
    tokens; leaving it by an exception closes at once. Sending, pausing and closing may be done while another task (of a
    sync session: another thread) receives; only one receives at a time.
    """

    _EVENT_TYPES: tuple[str, ...] = ("state_change", "open", "finished", "error", "close", *sorted(_RESULTS))

    def __init__(
        self,
        url: str,
        config: ConfigInput,
        api_key: str | KeyFunction | None = None,
        *,
        connect_timeout_sec: float = 10.0,
        close_timeout_sec: float = 10.0,
        send_timeout_sec: float = 30.0,
        keep_alive_interval_sec: float | None = None,
        ping_interval_sec: float | None = 20.0,
        ping_timeout_sec: float | None = 20.0,
        max_queued_messages: int = 10_000,
        max_queued_bytes: int = 64 * 1024 * 1024,
        max_message_bytes: int = 16 * 1024 * 1024,
        raise_on_error: bool = False,
        start_on_open: bool = True,
        ssl_context: ssl.SSLContext | None = None,
        tape: Tape | str | PathLike[str] | None = None,
        settings: ClientSettings | None = None,
    ) -> None:
        """A session that is not connected yet.

        Args:
            url: ``wss://`` (or ``ws://``) URL of the service.
            config: What to transcribe and how, also as a dict.
            api_key: The key, permanent or temporary, or a function that returns it (for an async session also an async
                one), which is called before the handshake; None for ``config.api_key``, else ``SONIOX_API_KEY``. It
                travels in the header of the handshake only.
            connect_timeout_sec: How many seconds name resolution, TCP, proxy, TLS and upgrade may take together.
            close_timeout_sec: How many seconds closing may wait for the last tokens.
            send_timeout_sec: How many seconds the service may take to accept one message of at most 64 KiB before the
                session fails; waiting for earlier messages does not count.
            keep_alive_interval_sec: After how many seconds without audio a keepalive is sent in the background, and how
                often then; at most 20, so that the service does not end the session with error 408. None for 5 seconds
                while the session is paused, 20 before it is started, and none otherwise: audio has to come.
            ping_interval_sec: After how many seconds without received data a WebSocket ping is sent; None for no
                pings.
            ping_timeout_sec: How many seconds the response to a ping may take before the session fails; None for no
                limit.
            max_queued_messages: How many messages are kept until they are received. Above that, no more are read from
                the socket, so that the service has to wait.
            max_queued_bytes: The same for their total size in bytes.
            max_message_bytes: A larger message ends the session with an error.
            raise_on_error: Whether receiving raises an error of the service instead of returning it as an event.
            start_on_open: Whether the stream starts when the session is opened. Otherwise the connection is held, and
                kept alive, until ``start`` or the first audio.
            ssl_context: For TLS; None for that of the settings.
            tape: A file on which all that is sent and received is written, without keys: its path, or a
                :class:`~soniox_lite.realtime.Tape`, which may be shared. None for none.
            settings: A client's settings: its proxy, certificates, headers, hooks and defaults; None for the proxies of
                the environment, the system's certificates, and nothing else.

        Raises:
            SonioxValidationError: There is no key, or something given cannot be used.
        """
        self._protocol = SttProtocol(RealtimeSTTConfig.of(config), keep_alive_interval_sec)
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
            tape=tape,
            settings=settings,
        )
        with FieldErrors("the session's set-up") as check:
            if check.required("close_timeout_sec", close_timeout_sec):
                check.seconds("close_timeout_sec", close_timeout_sec, positive=False)
            check.seconds("keep_alive_interval_sec", keep_alive_interval_sec, maximum=_LONGEST_SILENCE_SEC)
        self._close_timeout_sec = close_timeout_sec
        self._raise_on_error = raise_on_error
        self._start_on_open = start_on_open
        self._connection = self._new_connection()
        # Why this side gave the session up.
        self._local_error: BaseException | None = None
        self._kept_alive_sec: float | None = None
        # Whether a chunk was sent alone, and may have been meant to be all.
        self._may_lack_end = False
        # Whether an error has told the caller that the stream did not finish, or the caller cancelled it.
        self._failure_reported = False
        self._last_message: RealtimeEvent | None = None
        self._log = AsyncEventLog()
        self._handlers = AsyncHandlers()
        # Whether there is a handler of arriving events, and whether the program has begun to receive.
        self._tells_results = False
        self._has_received = False
        # The state that handlers were called with last. Signal handlers may take the lock again.
        self._told_state = self._protocol.public_state
        self._telling = threading.RLock()
        self._receiving = AsyncOneAtATime()
        self._closing = threading.Lock()
        self._closer: object = None

    def _new_connection(self) -> AsyncConnection:
        return AsyncConnection(self._options, self._on_open, self._on_message, self._on_end)

    @property
    def config(self) -> RealtimeSTTConfig:
        """What the session was set up with."""
        return self._protocol.config

    @property
    def paused(self) -> bool:
        """Whether audio is dropped at the moment."""
        return self._protocol.is_paused

    @property
    def dropped_audio_bytes(self) -> int:
        """How many bytes of audio were given to the session while it was paused, and so were not sent."""
        return self._protocol.dropped_audio_bytes

    @property
    def last_message(self) -> RealtimeEvent | None:
        """The event that was received last; None before the first."""
        return self._last_message

    @property
    def metrics(self) -> RealtimeSTTMetrics:
        """The session in numbers, as they are now: audio sent, time to the first token, lag of final tokens, etc."""
        from ..types.metrics import RealtimeSTTMetrics  # noqa: PLC0415 - loaded when it is first used
        from ._words import time_of  # noqa: PLC0415 - as above

        protocol, event = self._protocol, self._last_message
        sent_bytes, sent_ms, connections = self._sent()
        final_ms = None if event is None else time_of(event.final_audio_proc_ms)
        total_ms = None if event is None else time_of(event.total_audio_proc_ms)
        began_at, first_at = protocol.first_audio_at, protocol.first_token_at
        return RealtimeSTTMetrics(
            connections=connections,
            reconnects=max(0, connections - 1),
            audio_sent_bytes=sent_bytes,
            audio_sent_ms=sent_ms,
            audio_recognized_ms=None if total_ms is None else round(total_ms),
            final_lag_ms=None if final_ms is None or sent_ms is None else max(0, round(sent_ms - final_ms)),
            messages_received=protocol.messages_received,
            first_token_sec=None if began_at is None or first_at is None else first_at - began_at,
        )

    def _sent(self) -> tuple[int, int | None, int]:
        """How much audio was sent, in bytes and milliseconds, over how many connections."""
        from ._framing import duration_ms  # noqa: PLC0415 - as above

        protocol, config = self._protocol, self._protocol.config
        size = protocol.audio_bytes
        milliseconds = duration_ms(
            config.audio_format,
            size,
            sample_rate=config.sample_rate,
            num_channels=config.num_channels,
            head=protocol.head,
        )
        return size, milliseconds if size else 0, int(protocol.was_connected)

    @property
    def state(self) -> SessionState:
        """``new``, ``connecting``, ``open``, ``ending`` (no more audio), ``closing`` or ``closed``."""
        return self._protocol.public_state

    @property
    def finished(self) -> bool:
        """Whether the service has delivered all tokens and said so."""
        return self._protocol.finished is not None

    @property
    def close_code(self) -> int | None:
        """The WebSocket close code; 1006 when the connection broke, None while it is open."""
        closure = self._protocol.closure
        return None if closure is None else closure.code

    @property
    def close_reason(self) -> str | None:
        """The text of the close frame, often empty; None while the connection is open."""
        closure = self._protocol.closure
        return None if closure is None else closure.reason

    async def enter(self) -> Self:
        """Opens the connection and starts the stream (unless ``start_on_open`` says otherwise).

        Raises:
            SonioxRealtimeError: That failed, or the session was used before: a session is one stream.
        """
        if self.state != "new":
            raise SonioxRealtimeError(f"this session is {self.state} already; a session is one stream, make a new one")
        self._protocol.advance(State.CONNECTING)
        self._tell_state()
        try:
            await self._connection.open()
            closure = self._protocol.closure
            if self._protocol.state >= State.ABANDONED and (closure is None or closure.initiated_locally):
                raise SonioxRealtimeError("the session was closed while it was being opened")
            if self._start_on_open:
                await self._start_or_be_refused()
        except BaseException as error:
            await self.cancel()
            if not self._protocol.was_connected:
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
        """Sends the start message of a session with ``start_on_open=False``; does nothing if it has been sent.

        Raises:
            SonioxRealtimeError: The session is not open, or the service refused it.
        """
        self._check_open()
        await self._send(self._change, self._protocol.start)

    # Runs while no other message is made, so that a pause and the audio sent beside it have an order.
    def _change(self, make: Callable[..., Message | None], *args: Any) -> Message | None:
        """Makes a message that changes the state, and keeps the session alive as the new state needs it."""
        message = make(*args)
        self._set_keepalive()
        return message

    def _set_keepalive(self) -> None:
        interval_sec = self._protocol.keepalive_interval_sec
        if interval_sec != self._kept_alive_sec:
            self._kept_alive_sec = interval_sec
            self._connection.set_keepalive(KEEP_ALIVE, interval_sec, BINARY)

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
            chunk: Audio in the config's format, bytes or an array of samples; nothing is sent for an empty one.

        Raises:
            SonioxValidationError: ``chunk`` is neither bytes nor an array of samples.
            SonioxRealtimeError: The session is not open, has been finished, or failed: the error says why.
        """
        pieces = audio_pieces(chunk)
        if self._protocol.state is not OPEN:
            self._check_open()
            if self._protocol.state is State.HELD and not self._protocol.is_paused:
                await self.start()
        # Also with an empty piece, so that the event loop gets its turn.
        for piece in pieces:
            await self._send(self._protocol.audio, piece)

    async def send_bytes(
        self, chunks: bytes | Iterable[bytes] | AsyncIterator[bytes], *, finish: bool | None = None
    ) -> None:
        """Sends audio: one chunk, or all of it.

        Args:
            chunks: A chunk, as :meth:`send_byte_chunk` takes it, or an iterable of chunks. An async session iterates
                over a plain iterable other than a list or a tuple in a thread of its own, since it may block. The chunk
                that it is about to give when the task is cancelled is lost.
            finish: Whether to end the audio after it; None to end it after an iterable, but not after a chunk.

        Raises:
            SonioxValidationError: It is no audio.
            SonioxRealtimeError: The session is not open, has been finished, or failed: the error says why.
        """
        is_chunk = is_buffer(chunks)
        given = async_chunks_of(chunks)
        try:
            async for chunk in given:
                await self.send_byte_chunk(chunk)
        finally:
            await given.aclose()
        if finish or (finish is None and not is_chunk):
            await self.finish()
        elif finish is None:
            self._may_lack_end = True

    async def finish(self) -> None:
        """Ends the audio. The remaining tokens follow, then ``finished``. Later calls do nothing.

        Raises:
            SonioxRealtimeError: The session is not open, or failed.
        """
        await self._finish(None)

    async def keep_alive(self) -> None:
        """Keeps the session open although no audio comes; without either the service ends it after 20 seconds.

        Does nothing after ``finish``, ``close`` or ``cancel``. See also ``keep_alive_interval_sec``.

        Raises:
            SonioxRealtimeError: The session is not open yet, or failed.
        """
        if not self._protocol.has_ended:
            self._check_open()
            await self._send(self._protocol.keep_alive)

    async def finalize(self, *, trailing_silence_ms: int | None = None) -> None:
        """Makes all tokens so far final; ``<fin>`` follows them. The session stays open.

        Does nothing after ``finish``, ``close`` or ``cancel``.

        Args:
            trailing_silence_ms: How much silence the audio ended with, in milliseconds; None to leave it out.

        Raises:
            SonioxValidationError: ``trailing_silence_ms`` is no int from 0 to 3,600,000.
            SonioxRealtimeError: The session is not open yet, or failed.
        """
        check_trailing_silence(trailing_silence_ms)
        if self._protocol.has_ended:
            return
        self._check_open()
        if self._protocol.state is State.HELD:
            await self.start()
        await self._send(self._protocol.finalize, trailing_silence_ms)

    # The official SDK's older names.
    send_finish = finish
    send_keep_alive = keep_alive
    send_finalize = finalize

    async def send_control_message(self, control_type: RealtimeControlType) -> None:
        """Calls ``finish``, ``keep_alive`` or ``finalize``.

        Args:
            control_type: Which, also as its text.

        Raises:
            SonioxValidationError: ``control_type`` is none of the three.
            SonioxRealtimeError: The session is not open yet, or failed.
        """
        action = checked_control_type(control_type)
        if action is RealtimeControlType.FINISH:
            await self.finish()
        elif action is RealtimeControlType.KEEP_ALIVE:
            await self.keep_alive()
        else:
            await self.finalize()

    async def pause(self, *, finalize: bool = True) -> None:
        """Drops audio from now on and keeps the session alive; does nothing if it is paused.

        Args:
            finalize: Whether to make all tokens so far final.

        Raises:
            SonioxRealtimeError: The session is not open, has been finished, or failed.
        """
        self._check_open()
        await self._send(self._change, self._protocol.pause, finalize)

    async def resume(self) -> None:
        """Sends audio again; does nothing if the session is not paused.

        Raises:
            SonioxRealtimeError: The session is not open.
        """
        self._check_open()
        self._connection.check_owner()
        self._connection.send_nowait(self._change, self._protocol.resume)

    async def recv_bytes(self) -> bytes:
        """The next message, as JSON in UTF-8; empty after the last.

        Raises:
            SonioxRealtimeError: The connection broke before the end, the session was never opened, or another task
                (thread) is receiving.
        """
        message = await self._receive(None)
        return b"" if message is None else message

    def parse_event(self, raw: str | bytes) -> RealtimeEvent:
        """Parses a message into an event.

        Args:
            raw: The message, as text or in UTF-8.

        Raises:
            SonioxRealtimeError: It is not JSON, or not of the documented shape.
        """
        return RealtimeEvent.validate_event(raw)

    async def receive_event(self, timeout_sec: float | None = None) -> RealtimeEvent | None:
        """The next event; None when the stream came to its end.

        Events that arrived before a session was closed, or before its connection broke, are still handed out.

        Args:
            timeout_sec: How many seconds to wait; None for no limit.

        Raises:
            SonioxRealtimeTimeoutError: No event arrived in that time. The session goes on.
            SonioxRealtimeError: The connection broke before the end, a message was invalid, the session
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
            SonioxRealtimeError: The connection broke before the end, a message was invalid, the session
                was never opened, or another task (thread) is receiving; and with ``raise_on_error`` an error of the
                service.
        """
        raises = self._raise_on_error if raise_on_error is None else raise_on_error
        self._begin_to_receive()
        while True:
            # For an event that is there already, without the cost of a coroutine.
            message = self._take()
            if message is None:
                message = await self._receive(None)
                if message is None:
                    return
            yield self._decoded(message, raises)

    async def handle_events(self, handler: Callable[[RealtimeEvent], object]) -> None:
        """Calls a function with every event to the end of the stream.

        Args:
            handler: The function. An async session awaits it before the next event if it is a coroutine function;
                a sync one refuses such.

        Raises:
            SonioxValidationError: ``handler`` cannot be called.
            SonioxRealtimeError: The connection broke before the end, a message was invalid, the session
                was never opened, or another task (thread) is receiving; and with ``raise_on_error`` an error of the
                service.
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
        """Registers a function that is called each time that something happens.

        It is called in the event loop (by a sync session's reader thread), so it must not block. What it raises is
        logged. A coroutine function becomes a task, which ``close`` waits for at most ``close_timeout_sec``; a sync
        session refuses it.

        Handlers are called when a message arrives, whether or not the program receives it. If the program does not
        receive, and the queue of messages is full, the oldest are dropped from it, so that handlers go on.

        Args:
            event_type: ``result`` (called with each event that is no error), ``token`` (with each token that is no
                mark), ``endpoint`` and ``finalized`` (with the event that has ``<end>`` or ``<fin>`` in it);
                ``state_change``, ``open``, ``finished``, ``error`` or ``close`` (with a payload).
            handler: The function; None to use this as a decorator.

        Returns:
            The function.

        Raises:
            SonioxValidationError: There is no such event, or the handler cannot be called.
        """
        return self._add_handler(event_type, handler, once=False)

    def once(self, event_type: str, handler: Callable[[Any], object] | None = None) -> Any:
        """Registers a function that is called the next time that something happens, and then no more; see :meth:`on`.

        Args:
            event_type: ``result``, ``token``, ``endpoint``, ``finalized``, ``state_change``, ``open``, ``finished``,
                ``error`` or ``close``; see :meth:`on`.
            handler: The function, called once; None to use this as a decorator.

        Returns:
            The function.

        Raises:
            SonioxValidationError: There is no such event, or the handler cannot be called.
        """
        return self._add_handler(event_type, handler, once=True)

    def off(self, event_type: str, handler: Callable[[Any], object]) -> None:
        """Removes a function that :meth:`on` or :meth:`once` has registered; does nothing if it was not registered.

        Args:
            event_type: ``result``, ``token``, ``endpoint``, ``finalized``, ``state_change``, ``open``, ``finished``,
                ``error`` or ``close``; see :meth:`on`.
            handler: The function that was given to :meth:`on` or :meth:`once`.

        Raises:
            SonioxValidationError: There is no such event.
        """
        check_event_type(event_type, self._EVENT_TYPES)
        self._handlers.remove(event_type, handler)
        self._tells_results = self._handlers.has_any(_RESULTS)

    def _add_handler(self, event_type: str, handler: Callable[[Any], object] | None, *, once: bool) -> Any:
        check_event_type(event_type, self._EVENT_TYPES)
        if handler is None:
            return partial(self._add_handler, event_type, once=once)
        self._handlers.add(event_type, handler, once=once)
        if event_type in _RESULTS:
            self._tells_results = True
            self._connection.keeps_newest = not self._has_received
        return handler

    async def close(self) -> None:
        """Ends the audio if that was not done, waits for the last tokens, and closes; within ``close_timeout_sec``.

        What arrives meanwhile can still be received. If the service does not finish in time, that is logged, and
        ``finished`` is False. Any task (thread) may call it, at any time; later calls do nothing.
        """
        self._connection.check_may_end()
        if not self._protocol.is_connected or self._connection.is_out_of_reach:
            await self._abort()
            self._warn_if_cut_short()
            await self._handlers.wait(self._close_timeout_sec)
            return
        if self._connection.put_off(self.close):  # pragma: no cover - threads only
            return
        if not self._closing.acquire(blocking=False):
            if self._closer == async_caller():  # pragma: no cover - threads only
                # A signal handler calls this, and its own thread goes on closing when the handler returns.
                return
            await self._connection.wait_ended(self._close_timeout_sec)
            return
        self._closer = async_caller()
        deadline = time.monotonic() + self._close_timeout_sec
        try:
            await self._drain(deadline)
            self._protocol.advance(State.CLOSING)
            self._tell_state()
            await self._connection.close(max(0.0, min(deadline - time.monotonic(), _REASON_TIMEOUT_SEC)))
        finally:
            # If this was interrupted or cancelled, it closes at once.
            await self._abort()
        self._warn_if_cut_short()
        await self._handlers.wait(self._close_timeout_sec)

    async def cancel(self) -> None:
        """Closes at once, without waiting for the last tokens."""
        self._failure_reported = True
        await self._abort()

    async def _abort(self) -> None:
        self._connection.check_may_end()
        if self._protocol.state is State.NEW:
            self._log.close()
        self._protocol.dismiss()
        self._tell_state()
        await self._connection.abort()

    async def _drain(self, deadline: float) -> None:
        """Waits for the end of a stream that has one."""
        if self._protocol.state not in (OPEN, State.ENDING):
            return
        was_reported = self._failure_reported
        try:
            await self._finish(max(0.0, deadline - time.monotonic()))
        except SonioxRealtimeError:
            # The stream ended meanwhile. The error is raised where events are received, so it counts as not reported.
            self._failure_reported = was_reported
            return
        await self._connection.wait_ended(max(0.0, deadline - time.monotonic()), lambda: self.finished)

    async def _finish(self, timeout_sec: float | None) -> None:
        if self.finished or (self._protocol.has_reached(State.ENDING) and self._protocol.was_dismissed):
            return
        self._check_open()
        if self._protocol.state is State.HELD:
            await self.start()
        try:
            await self._send(self._change, self._protocol.finish, timeout_sec=timeout_sec)
        finally:
            self._tell_state()

    def _warn_if_cut_short(self) -> None:
        """Logs that words may be missing, unless the caller knows."""
        if (
            not self._protocol.was_started
            or self._failure_reported
            or self.finished
            or self._connection.was_opened_by_parent
        ):
            return
        reason: object = "the service did not finish in time"
        closure = self._protocol.closure
        if self._protocol.failure is not None or (closure is not None and not closure.initiated_locally):
            reason = self._protocol.refusal()
        self._failure_reported = True
        from .._data.callbacks import logger  # noqa: PLC0415 - loaded only for this warning

        logger().warning(
            "a realtime session was closed before it was finished, so that the last words may be missing: %s", reason
        )

    def _check_open(self) -> None:
        state = self._protocol.state
        if state < State.HELD or state is State.FAILED or state >= State.ABANDONED:
            if self._protocol.failure is not None or self._protocol.closure is not None:
                self._failure_reported = True
            raise self._protocol.refusal()

    async def _send(self, make: Callable[..., Message | None], *args: Any, timeout_sec: float | None = None) -> None:
        """Sends the message that ``make(*args)`` gives, if any; returns when the kernel has taken it."""
        try:
            if self._connection.is_late:  # async only
                await self._connection.give_turn()
            position = self._connection.send_nowait(make, *args)
            if position is not None and self._connection.websocket.bytes_sent < position:
                await self._connection.drain(position, timeout_sec)
        except SonioxRealtimeError:
            if self._connection.websocket.is_broken:
                # The service gives its reason before it closes, but sending may fail before that is read.
                await self._connection.wait_ended(_REASON_TIMEOUT_SEC)
                self._failure_reported = True
            if self._protocol.failure is not None:
                self._failure_reported = True
                raise error_of(self._protocol.failure) from None
            raise

    def _take(self) -> bytes | None:
        """A message that is there already; None where :meth:`_receive` has to wait or to raise."""
        return None if self._receiving.locked() else self._connection.take()

    async def _receive(self, timeout_sec: float | None) -> bytes | None:
        self._connection.check_owner()
        if not self._protocol.was_connected:
            raise SonioxRealtimeError("the session is not connected; enter it first")
        if not self._receiving.enter():
            raise SonioxRealtimeError("another task or thread is receiving from this session already")
        self._begin_to_receive()
        try:
            message = self._connection.take()
            if message is None:
                message = await self._wait_for_message(timeout_sec)
        finally:
            self._receiving.leave()
        if message is None:
            self._raise_bad_end()
        return message

    def _begin_to_receive(self) -> None:
        if not self._has_received:
            self._has_received = True
            self._connection.keeps_newest = False

    async def _wait_for_message(self, timeout_sec: float | None) -> bytes | None:
        # After the last message only the close frame can follow; waiting for it has a limit.
        is_over = self.finished
        if self._may_lack_end and not is_over:
            return await self._receive_watching(timeout_sec)
        try:
            return await self._connection.receive(_REASON_TIMEOUT_SEC if is_over else timeout_sec)
        except SonioxRealtimeTimeoutError:
            if not is_over:
                raise
            return None

    async def _receive_watching(self, timeout_sec: float | None) -> bytes | None:
        """The next message. Logs once if nothing is sent for long while this waits, and the audio was not ended."""
        deadline = _NEVER if timeout_sec is None else time.monotonic() + timeout_sec
        while True:
            now, warn_at = time.monotonic(), _NEVER
            if self._may_lack_end and self._protocol.needs_audio:
                warn_at = max(self._connection.websocket.last_sent_at.values()) + SILENCE_SEC
            if now >= warn_at:
                self._may_lack_end = False
                self._warn_of_missing_end()
                continue
            until = min(deadline, warn_at)
            try:
                return await self._connection.receive(None if until == _NEVER else max(0.0, until - now))
            except SonioxRealtimeTimeoutError:
                if until == deadline:
                    raise SonioxRealtimeTimeoutError(f"no message within {timeout_sec:g} s") from None

    def _warn_of_missing_end(self) -> None:
        from .._data.callbacks import logger  # noqa: PLC0415 - loaded only for this warning

        logger().warning(
            "a realtime session waits for events, but nothing was sent for %g s and the audio was not ended; "
            "call finish() after the last audio, or send_bytes(..., finish=True)",
            SILENCE_SEC,
        )

    def _raise_bad_end(self) -> None:
        """Raises the reason why there are no more messages, unless it is a normal end or was received as an event."""
        if self._local_error is not None:
            raise self._local_error
        closure = self._protocol.closure
        if closure is None or closure.is_orderly or self.finished:
            return
        self._failure_reported = True
        if self._protocol.failure is None:
            raise closure.as_error()

    def _decoded(self, message: bytes, raise_on_error: bool) -> RealtimeEvent:
        try:
            event = self._event_of(message)
        except SonioxRealtimeError as error:
            # After an invalid message the rest cannot be relied on.
            self._fail(error)
            raise
        self._last_message = event
        is_error = event.error_code is not None
        if is_error or event.finished:
            if self._protocol.is_terminal(event):
                self._emit_terminal(event)
            if is_error:
                self._failure_reported = True
                if raise_on_error:
                    raise error_of(event)
        return event

    def _event_of(self, message: bytes) -> RealtimeEvent:
        return self._protocol.observed(message) or decode_message(RealtimeEvent, message)

    def _fail(self, error: BaseException) -> None:
        """Closes the session because of an error on this side, which receiving raises."""
        if self._protocol.is_connected:
            self._local_error = error
            self._failure_reported = True
            self._connection.fail(error)

    def _on_open(self) -> None:
        self._protocol.advance(State.HELD)
        # Before reading begins, so that an interval of the session's own counts from the first moment.
        self._set_keepalive()
        self._tell_state()
        self._emit(RealtimeSessionOpenPayload())

    def _on_message(self, message: bytes) -> bytes | None:
        protocol, last = self._protocol, None
        protocol.messages_received += 1
        if protocol.first_token_at is None and has_token(message):
            protocol.first_token_at = time.monotonic()
        if may_be_terminal(message):
            # The error text may quote what was sent, and so the key if it was sent in a wrong place.
            message = redact(message, self._options.authorization)
            last = protocol.observe(message)
        if self._tells_results:
            try:
                self._tell_result(self._event_of(message))
            except SonioxRealtimeError as error:
                # The program may not receive, which would raise this.
                self._fail(error)
                return None
        if last is not None:
            self._emit_terminal(last)
        return message

    def _tell_result(self, event: RealtimeEvent) -> None:
        """Calls the handlers of what an event says, as it arrives."""
        if event.error_code is not None:
            return
        call = self._handlers.call
        for token in event.tokens:
            if token.text not in _MARKS:
                call("token", token)
        call("result", event)
        texts = {token.text for token in event.tokens}
        for mark, event_type in _MARKS.items():
            if mark in texts:
                call(event_type, event)

    def _tell_state(self) -> None:
        """Calls handlers if the public state has changed; called after each step that may change it."""
        while self._told_state != self.state and not self._connection.was_opened_by_parent:
            with self._telling:
                old_state, self._told_state = self._told_state, self.state
            if self._told_state != old_state:  # pragma: no branch - threads only
                payload = RealtimeSessionStateChangePayload(old_state=old_state, new_state=self._told_state)
                self._handlers.call(payload.type, payload)

    def _emit_terminal(self, event: RealtimeEvent) -> None:
        self._tell_state()
        if event.error_code is not None:
            log_refusal(self._options.shown_url, event)
            self._emit(RealtimeSessionErrorPayload(error=error_of(event), event=event))
        else:
            self._emit(RealtimeSessionFinishedPayload(event=event))

    def _on_end(self, closure: Closure) -> None:
        self._protocol.closure = closure
        self._protocol.advance(State.CLOSED)
        self._tell_state()
        if not closure.is_orderly and not self.finished and self._protocol.failure is None:
            self._emit(RealtimeSessionErrorPayload(error=closure.as_error()))
        self._emit(RealtimeSessionClosePayload(code=closure.code, reason=closure.reason))
        self._log.close()

    def _emit(self, payload: RealtimeSessionEventPayload) -> None:
        self._log.add(payload)
        self._handlers.call(payload.type, payload)

    @safe_repr
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._options.shown_url} {self.state}>"


class AsyncRealtimeSTTClient:
    """Makes sessions that are set up like a client: ``client.realtime.stt``."""

    def __init__(self, client: AsyncSonioxClient) -> None:
        self._client = client

    if TYPE_CHECKING:

        @overload
        def connect(
            self,
            *,
            config: ConfigInput,
            api_key: str | None = None,
            connect_timeout_sec: float = 10.0,
            resume: Literal[False] = False,
            **options: Unpack[SessionOptions],
        ) -> AsyncRealtimeSTTSession: ...

        @overload
        def connect(
            self,
            *,
            config: ConfigInput,
            api_key: str | None = None,
            connect_timeout_sec: float = 10.0,
            resume: ResumePolicy | ResumePolicyDict | dict[str, Any] | Literal[True],
            **options: Unpack[SessionOptions],
        ) -> AsyncResumingSTTSession: ...

    def connect(
        self,
        *,
        config: ConfigInput,
        api_key: str | KeyFunction | None = None,
        connect_timeout_sec: float = 10.0,
        resume: ResumePolicy | ResumePolicyDict | dict[str, Any] | bool = False,
        **options: Unpack[SessionOptions],
    ) -> AsyncRealtimeSTTSession:
        """A session that is not connected yet: enter it.

        Args:
            config: What to transcribe and how, also as a dict. What it leaves out is taken from the client's
                ``stt_defaults``.
            api_key: Another key than the client's, permanent or temporary, or a function that returns it, which is
                called before the handshake; None for the client's.
            connect_timeout_sec: How many seconds name resolution, TCP, proxy, TLS and upgrade may take together.
            resume: Whether the session goes on over a new connection when one ends early, and how: True, or a
                :class:`~soniox_lite.realtime.ResumePolicy`, also as a dict. False for a session that ends with its
                connection.
            options: As for :class:`AsyncRealtimeSTTSession`.

        Raises:
            SonioxValidationError: Something given cannot be used, or audio of this format cannot be resumed.
        """
        settings = settings_of(self._client)
        options.setdefault("settings", settings)
        config = RealtimeSTTConfig.of(with_defaults(settings.stt_defaults, config))
        key = api_key or config.api_key or settings.api_key
        if resume is not False:
            from .async_resuming import AsyncResumingSTTSession  # noqa: PLC0415 - most sessions do without

            return AsyncResumingSTTSession(
                settings.websocket_base_url,
                config,
                key,
                resume=resume,
                connect_timeout_sec=connect_timeout_sec,
                **options,
            )
        return AsyncRealtimeSTTSession(
            settings.websocket_base_url, config, key, connect_timeout_sec=connect_timeout_sec, **options
        )
