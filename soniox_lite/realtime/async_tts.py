"""Realtime text-to-speech: connections and the streams on them."""

from __future__ import annotations

import contextlib
from functools import partial

from .._data.async_callbacks import check_callback, settled
from .._data.callbacks import check_event_type
from .._data.safe_repr import safe_repr
from .._settings import resolve_api_key, settings_of, with_defaults
from .._websocket.options import ConnectionOptions
from ..errors import SonioxRealtimeError
from ..types.realtime_tts import RealtimeTTSConfig, RealtimeTTSEvent
from ._async_inputs import async_texts_of
from ._async_tts_connection import AsyncTtsConnection
from ._tts_protocol import KEEP_ALIVE_INTERVAL_SEC, Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Iterable
    from os import PathLike
    from typing import Any, TypedDict

    from typing_extensions import Self, Unpack

    from .._settings import KeyFunction, Settings as ClientSettings
    from .._websocket.tape import Tape
    from ..client import AsyncSonioxClient
    from ..types.config_dicts import RealtimeTTSConfigDict, ResumePolicyDict
    from ..types.metrics import RealtimeTTSMetrics
    from ..types.resume import ResumePolicy
    from ._tts_protocol import ConnectionState

    ConfigInput = RealtimeTTSConfig | RealtimeTTSConfigDict | dict[str, Any]

    class TtsOptions(TypedDict, total=False):
        """What a connection can be set up with besides its place and its key."""

        send_timeout_sec: float
        event_timeout_sec: float | None
        keep_alive_interval_sec: float
        ping_interval_sec: float | None
        ping_timeout_sec: float | None
        max_queued_messages: int
        max_queued_bytes: int
        max_message_bytes: int
        raise_on_error: bool
        stream_heartbeat_sec: float | None
        resume: ResumePolicy | ResumePolicyDict | dict[str, Any] | bool
        ssl_context: ssl.SSLContext | None
        tape: Tape | str | PathLike[str] | None


__all__ = [
    "AsyncRealtimeTTSClient",
    "AsyncRealtimeTTSConnection",
    "AsyncRealtimeTTSMultiplexedConnection",
    "AsyncRealtimeTTSStream",
]


# The events of a connection that is resumed.
_EVENT_TYPES = ("reconnecting", "resumed", "lost")


class _AsyncLine:
    """What all connections have, whether they carry one stream or several."""

    if TYPE_CHECKING:
        # Each kind of connection has its own.
        @property
        def _line(self) -> AsyncTtsConnection: ...

    @property
    def paused(self) -> bool:
        """Whether text is being held back."""
        return self._line.protocol.is_paused

    @property
    def state(self) -> ConnectionState:
        """``new``, ``connecting``, ``open`` or ``closed``; with ``resume`` also ``reconnecting``.

        A connection that has ended while no stream needed it stays ``open``: the next stream opens it again.
        """
        return self._line.public_state

    @property
    def connections(self) -> int:
        """How many connections have been opened so far; more than one only with ``resume``."""
        return self._line.connections

    def on(self, event_type: str, handler: Callable[[Any], object] | None = None) -> Any:
        """Registers a function that is called each time that something happens to a connection with ``resume``.

        It is called in the event loop (by a sync session's reader thread), so it must not block. What it raises is
        logged. A coroutine function becomes a task, which ``close`` waits for at most a second; a sync session refuses
        it.

        Args:
            event_type: ``reconnecting`` (called with a ``RealtimeReconnectingPayload``), ``resumed`` (with a
                ``RealtimeTTSResumedPayload``) or ``lost`` (with a ``RealtimeTTSLostPayload``).
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
            event_type: ``reconnecting``, ``resumed`` or ``lost``; see :meth:`on`.
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
            event_type: ``reconnecting``, ``resumed`` or ``lost``; see :meth:`on`.
            handler: The function that was given to :meth:`on` or :meth:`once`.

        Raises:
            SonioxValidationError: There is no such event.
        """
        check_event_type(event_type, _EVENT_TYPES)
        self._line.handlers.remove(event_type, handler)

    def _add_handler(self, event_type: str, handler: Callable[[Any], object] | None, *, once: bool) -> Any:
        check_event_type(event_type, _EVENT_TYPES)
        if handler is None:
            return partial(self._add_handler, event_type, once=once)
        self._line.handlers.add(event_type, handler, once=once)
        return handler


class AsyncRealtimeTTSMultiplexedConnection(_AsyncLine):
    """A connection that carries several streams, each with its own voice; the service takes up to five at once.

    Use it in an ``async with`` block. Any task (of a sync connection: any thread) may open streams, and each stream may
    be used by another task (thread). A stream that is received slowly does not delay the others. Keepalives are sent in
    the background for as long as the connection is open, with or without streams.
    """

    def __init__(
        self,
        url: str,
        api_key: str | KeyFunction | None = None,
        *,
        connect_timeout_sec: float = 10.0,
        send_timeout_sec: float = 30.0,
        event_timeout_sec: float | None = 60.0,
        keep_alive_interval_sec: float = KEEP_ALIVE_INTERVAL_SEC,
        ping_interval_sec: float | None = 20.0,
        ping_timeout_sec: float | None = 20.0,
        max_queued_messages: int = 100_000,
        max_queued_bytes: int = 64 * 1024 * 1024,
        max_message_bytes: int = 16 * 1024 * 1024,
        raise_on_error: bool = True,
        stream_heartbeat_sec: float | None = None,
        resume: ResumePolicy | ResumePolicyDict | dict[str, Any] | bool = False,
        ssl_context: ssl.SSLContext | None = None,
        tape: Tape | str | PathLike[str] | None = None,
        settings: ClientSettings | None = None,
    ) -> None:
        """A connection that is not open yet.

        Args:
            url: ``wss://`` (or ``ws://``) URL of the service.
            api_key: The key, permanent or temporary, or a function that returns it (for an async connection also an
                async one), which is called before each handshake; None for ``SONIOX_API_KEY``. It travels in the header
                of the handshake only.
            connect_timeout_sec: How many seconds name resolution, TCP, proxy, TLS and upgrade may take together.
            send_timeout_sec: How many seconds the service may take to accept a message before the connection fails;
                waiting for earlier messages does not count.
            event_timeout_sec: How many seconds receiving waits for an event of a stream; None for no limit.
            keep_alive_interval_sec: After how many seconds without a message to the service a keepalive is sent in the
                background. The service closes a connection that is silent for 40 seconds.
            ping_interval_sec: After how many seconds without received data a WebSocket ping is sent; None for no
                pings.
            ping_timeout_sec: How many seconds the response to a ping may take before the connection fails; None for no
                limit.
            max_queued_messages: How many messages of one stream are kept until they are received. If more arrive, that
                stream fails; the others continue.
            max_queued_bytes: How many bytes these messages may have together. The service makes at most two minutes of
                audio for a stream: 31 MB in the widest format, which take twice as much memory.
            max_message_bytes: A larger message ends the connection.
            raise_on_error: Whether receiving raises an error of the service instead of returning it as an event.
            stream_heartbeat_sec: After how many seconds without text an empty text is sent to a stream. The service
                ends a stream about 5 seconds after its last text; this keeps it open while its text is slow or the
                connection is paused. It applies from the first text of the stream to the end of its text. None for no
                empty texts.
            resume: Whether another connection is opened when one ends early, and the text of streams sent again whose
                audio had not begun: True, or a :class:`~soniox_lite.realtime.ResumePolicy`, also as a dict. A stream
                that is cut off after its first audio ends with a ``SonioxRealtimeSpeechError``. False for streams that
                end with their connection.
            ssl_context: For TLS; None for that of the settings.
            tape: A file on which all that is sent and received is written, without keys: its path, or a
                :class:`~soniox_lite.realtime.Tape`, which may be shared. None for none.
            settings: A client's settings: its proxy, certificates, headers, hooks and defaults; None for the proxies of
                the environment, the system's certificates, and nothing else.

        Raises:
            SonioxValidationError: There is no key, or something given cannot be used.
        """
        options = ConnectionOptions(
            url=url,
            api_key=resolve_api_key(api_key),
            connect_timeout_sec=connect_timeout_sec,
            send_timeout_sec=send_timeout_sec,
            ping_interval_sec=ping_interval_sec,
            ping_timeout_sec=ping_timeout_sec,
            # Messages go to the streams as they arrive, so that none are kept here.
            max_queued_messages=2,
            max_queued_bytes=max_queued_bytes,
            max_message_bytes=max_message_bytes,
            ssl_context=ssl_context,
            tape=tape,
            settings=settings,
        )
        limits = Settings(
            event_timeout_sec=event_timeout_sec,
            keep_alive_interval_sec=keep_alive_interval_sec,
            max_queued_messages=max_queued_messages,
            max_queued_bytes=max_queued_bytes,
            raise_on_error=raise_on_error,
            stream_heartbeat_sec=stream_heartbeat_sec,
        )
        if resume is False:
            self._core = AsyncTtsConnection(options, limits)
        else:
            from ..types.resume import ResumePolicy  # noqa: PLC0415 - most connections do without
            from ._async_tts_relay import AsyncResumingTtsConnection  # noqa: PLC0415 - as above

            policy = ResumePolicy() if resume is True else ResumePolicy.of(resume, "resume")
            self._core = AsyncResumingTtsConnection(options, limits, policy)

    @property
    def _line(self) -> AsyncTtsConnection:
        return self._core

    @property
    def last_message(self) -> RealtimeTTSEvent | None:
        """The event that was received last, of any stream; None before the first."""
        return self._core.last_message

    async def enter(self) -> Self:
        """Opens the connection.

        Raises:
            SonioxRealtimeError: That failed, or it was opened before.
        """
        await self._core.open()
        return self

    async def aenter(self) -> Self:
        """As :meth:`enter`."""
        return await self.enter()

    async def __aenter__(self) -> Self:
        return await self.enter()

    async def __aexit__(self, exc_type: object, exc: object, traceback: object) -> None:
        await (self._core.close() if exc_type is None else self._core.abort())

    async def open_stream(self, *, config: ConfigInput) -> AsyncRealtimeTTSStream:
        """Starts a stream on this connection.

        The service does not acknowledge the start. If it refuses the stream (an unknown voice, too many streams), that
        is an error of the stream, which receiving raises.

        Args:
            config: How to speak, also as a dict. Its ``stream_id`` must differ from those of the streams that have not
                ended yet. The id of a stream that ended, failed or was cancelled can be used again at once; on the wire
                a number is added to it then. A cancelled stream counts towards the service's limit until the service
                has ended it.

        Returns:
            The stream: send text to it and receive its audio.

        Raises:
            SonioxValidationError: The config is not valid.
            SonioxRealtimeError: The connection is not open, or a stream of that id has not ended yet.
        """
        stream = AsyncRealtimeTTSStream(self, config)
        await stream._core.open()  # pyright: ignore[reportPrivateUsage] - a connection makes its streams
        return stream

    async def keep_alive(self) -> None:
        """Sends a keepalive, which also happens in the background. It keeps the connection open, not its streams.

        Does nothing after ``close``.

        Raises:
            SonioxRealtimeError: The connection is not open yet, or failed.
        """
        await self._core.keep_alive()

    async def pause(self) -> None:
        """Holds the text of all streams back until :meth:`resume`. Later calls do nothing.

        The connection stays open meanwhile. A stream whose text has begun does not: the service ends it about 5 seconds
        after its last text, unless ``stream_heartbeat_sec`` is set.

        Raises:
            SonioxRealtimeError: The connection is not open, or failed.
        """
        await self._core.pause()

    async def resume(self) -> None:
        """Sends the text that was held back, and lets text through again.

        Raises:
            SonioxRealtimeError: The connection is not open, or failed.
        """
        await self._core.resume()

    async def close(self) -> None:
        """Closes the connection, within about a second. Streams that have not ended are cut off.

        Events that have arrived can still be received. After them, receiving from a stream raises, unless all of its
        audio had arrived. Any task (thread) may call this at any time. Later calls do nothing.
        """
        await self._core.close()

    @safe_repr
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._core!r}>"


class AsyncRealtimeTTSStream:
    """One text on its way to the service, and its audio on the way back: made by ``open_stream``.

    May be used in an ``async with`` block, which cancels the stream at its end if it has not ended. Text may be sent
    while another task (of a sync stream: another thread) receives. Only one may receive at a time.
    """

    def __init__(self, connection: AsyncRealtimeTTSMultiplexedConnection, config: ConfigInput) -> None:
        """A stream that is not started; use ``open_stream``.

        Args:
            connection: The connection that carries it.
            config: How to speak, also as a dict.

        Raises:
            SonioxValidationError: The config is not valid.
        """
        core = connection._core  # pyright: ignore[reportPrivateUsage] - as above
        self._core = core.new_stream(RealtimeTTSConfig.of(with_defaults(core.stream_defaults, config)))

    @property
    def config(self) -> RealtimeTTSConfig:
        """What the stream was set up with."""
        return self._core.protocol.config

    @property
    def stream_id(self) -> str:
        """Your name for the stream; unique among the streams of its connection that have not ended."""
        return self._core.stream_id

    @property
    def last_message(self) -> RealtimeTTSEvent | None:
        """The event that was received last; None before the first."""
        return self._core.last_message

    @property
    def metrics(self) -> RealtimeTTSMetrics:
        """The stream in numbers, as they are now: bytes of text and audio, time to the first audio, and others."""
        from ..types.metrics import RealtimeTTSMetrics  # noqa: PLC0415 - loaded when it is first used

        protocol, connections = self._core.protocol, self._core.connection.connections
        return RealtimeTTSMetrics(
            connections=connections,
            reconnects=max(0, connections - 1),
            text_sent_bytes=protocol.text_bytes,
            audio_received_bytes=protocol.audio_bytes,
            audio_received_ms=protocol.audio_ms,
            messages_received=protocol.messages_received,
            first_audio_sec=protocol.first_audio_sec,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, exc_type: object, exc: object, traceback: object) -> None:
        if not self._core.protocol.is_over:
            with contextlib.suppress(SonioxRealtimeError):
                # There is nothing to cancel on a connection that has ended.
                await self.cancel()

    async def send_text_chunk(self, text: str, *, text_end: bool = False) -> None:
        """Sends text. While the connection is paused, the text is held back; it is sent when the connection is resumed.

        Args:
            text: The text. A stream takes at most 5000 bytes in UTF-8 in all. An empty text tells the service that more
                will come, which keeps the stream open; it is also sent during a pause.
            text_end: Whether this is the last text.

        Raises:
            SonioxValidationError: ``text`` is not a str, or more than the stream takes; nothing of it is sent.
            SonioxRealtimeError: The stream is not open, was finished or cancelled, or failed: the error says why.
        """
        await self._core.send_text(text, text_end=text_end)

    async def send_text_chunks(
        self, chunks: str | Iterable[str] | AsyncIterator[str], *, text_end: bool = True
    ) -> None:
        """Sends text and then, unless told otherwise, ends the text.

        Args:
            chunks: The whole text, or an iterable of its parts. An async session iterates over a plain iterable other
                than a list or a tuple in a thread of its own, since it may block. The chunk that it is about to give
                when the task is cancelled is lost.
            text_end: Whether this was the last text.

        Raises:
            SonioxValidationError: A part is not a str, or more than the stream takes; nothing of that part is sent.
            SonioxRealtimeError: The stream is not open, was finished or cancelled, or failed: the error says why.
        """
        if isinstance(chunks, str):
            await self.send_text_chunk(chunks, text_end=text_end)
            return
        given = async_texts_of(chunks)
        try:
            async for chunk in given:
                await self.send_text_chunk(chunk)
        finally:
            await given.aclose()
        if text_end:
            await self.finish()

    async def finish(self) -> None:
        """Ends the text. The rest of the audio follows.

        Later calls do nothing, also after the stream has come to its end or its connection was closed.

        Raises:
            SonioxRealtimeError: The stream is not open, was cancelled before its text was ended, or failed.
        """
        await self._core.finish()

    async def cancel(self) -> None:
        """Ends the stream at once. Audio that was not received is dropped, also audio that is still to arrive.

        The next event is the last: ``terminated``. It is not waited for. If the service had ended the stream already,
        there is no further event. The ``stream_id`` can be used again. Does nothing if the stream failed or was
        cancelled.

        Raises:
            SonioxRealtimeError: The connection is not open, or failed.
        """
        await self._core.cancel()

    async def keep_alive(self) -> None:
        """Sends a keepalive of the connection. It does not keep the stream open; send an empty text for that.

        Does nothing after the connection was closed by ``close``.

        Raises:
            SonioxRealtimeError: The connection is not open yet, or failed.
        """
        await self._core.connection.keep_alive()

    async def pause(self) -> None:
        """Holds the text of all streams of the connection back until :meth:`resume`. Later calls do nothing.

        Raises:
            SonioxRealtimeError: The connection is not open, or failed.
        """
        await self._core.connection.pause()

    async def resume(self) -> None:
        """Sends the text of all streams of the connection that was held back, and lets text through again.

        Raises:
            SonioxRealtimeError: The connection is not open, or failed.
        """
        await self._core.connection.resume()

    async def receive_event(self, timeout_sec: float | None = None) -> RealtimeTTSEvent | None:
        """The next event; None after the last, and after a cancelled stream's ``terminated``.

        Events that arrived before the connection was closed or broke are returned first.

        Args:
            timeout_sec: How many seconds to wait; None for the connection's ``event_timeout_sec``.

        Raises:
            SonioxRealtimeTimeoutError: No event arrived in that time. The stream goes on.
            SonioxRealtimeError: The service ended the stream or the connection with an error (with
                ``raise_on_error=False`` that is an event). The stream or the connection ended before all of the audio
                had arrived. A message is not of the documented shape. The stream is not open. Another task (thread) is
                receiving from it.
        """
        raises = self._core.connection.settings.raise_on_error
        return await self._core.receive_event(timeout_sec, raise_on_error=raises)

    async def receive_events(self, *, raise_on_error: bool | None = None) -> AsyncIterator[RealtimeTTSEvent]:
        """All events to the end of the stream.

        Args:
            raise_on_error: Whether an error of the service is raised instead of being returned as an event; None for
                the connection's ``raise_on_error``.

        Raises:
            SonioxRealtimeTimeoutError: No event arrived within the connection's ``event_timeout_sec``.
            SonioxRealtimeError: The service ended the stream or the connection with an error (see ``raise_on_error``).
                The stream or the connection ended before all of the audio had arrived. A message is not of the
                documented shape. The stream is not open. Another task (thread) is receiving from it.
        """
        raises = self._core.connection.settings.raise_on_error if raise_on_error is None else raise_on_error
        while True:
            event = await self._core.receive_event(None, raise_on_error=raises)
            if event is None:
                return
            yield event

    async def receive_audio_chunks(self) -> AsyncIterator[bytes]:
        """The audio to the end of the stream, in the config's format, in chunks that are not empty.

        An error of the service is raised, also with ``raise_on_error=False``.

        Raises:
            SonioxRealtimeTimeoutError: No event arrived within the connection's ``event_timeout_sec``.
            SonioxRealtimeError: The service ended the stream or the connection with an error. The
                stream or the connection ended before all of the audio had arrived. A message is not of the documented
                shape. The stream is not open. Another task (thread) is receiving from it.
        """
        while True:
            event = await self._core.receive_event(None, raise_on_error=True)
            if event is None:
                return
            chunk = event.audio_bytes()
            if chunk:
                yield chunk

    async def handle_events(self, handler: Callable[[RealtimeTTSEvent], object]) -> None:
        """Calls a function with every event to the end of the stream.

        Args:
            handler: The function. An async session awaits it before the next event if it is a coroutine function;
                a sync one refuses such.

        Raises:
            SonioxValidationError: ``handler`` cannot be called.
            SonioxRealtimeTimeoutError: No event arrived within the connection's ``event_timeout_sec``.
            SonioxRealtimeError: The service ended the stream or the connection with an error (see ``raise_on_error``).
                The stream or the connection ended before all of the audio had arrived. A message is not of the
                documented shape. The stream is not open. Another task (thread) is receiving from it.
        """
        check_callback("handler", handler)
        async for event in self.receive_events():
            await settled("handler", handler(event))

    # For SessionThread, which passes the exception of the source of text to the stream.
    def _fail(self, error: BaseException) -> None:  # pragma: no cover - threads only
        self._core.fail(error)

    @safe_repr
    def __repr__(self) -> str:
        return f"<{type(self).__name__} on {self._core.connection!r}>"


class AsyncRealtimeTTSConnection(_AsyncLine, AsyncRealtimeTTSStream):
    """A connection for a single stream: a stream with a connection of its own.

    Use it in an ``async with`` block: entering it opens the connection and starts the stream, leaving it closes both.
    """

    def __init__(
        self,
        url: str,
        config: ConfigInput,
        api_key: str | KeyFunction | None = None,
        *,
        connect_timeout_sec: float = 10.0,
        settings: ClientSettings | None = None,
        **options: Unpack[TtsOptions],
    ) -> None:
        """A connection that is not open yet.

        Args:
            url: ``wss://`` (or ``ws://``) URL of the service.
            config: How to speak, also as a dict.
            api_key: The key, permanent or temporary, or a function that returns it (for an async connection also an
                async one), which is called before each handshake; None for ``SONIOX_API_KEY``. It travels in the header
                of the handshake only.
            connect_timeout_sec: How many seconds name resolution, TCP, proxy, TLS and upgrade may take together.
            settings: As for :class:`AsyncRealtimeTTSMultiplexedConnection`.
            options: As for :class:`AsyncRealtimeTTSMultiplexedConnection`.

        Raises:
            SonioxValidationError: There is no key, or something given cannot be used.
        """
        connection = AsyncRealtimeTTSMultiplexedConnection(
            url, api_key, connect_timeout_sec=connect_timeout_sec, settings=settings, **options
        )
        super().__init__(connection, config)
        # An error of the connection may arrive before the stream is started.
        self._core.connection.register(self._core)

    @property
    def _line(self) -> AsyncTtsConnection:
        return self._core.connection

    async def enter(self) -> Self:
        """Opens the connection and starts the stream.

        Raises:
            SonioxRealtimeError: That failed, or it was opened before.
        """
        connection = self._core.connection
        await connection.open()
        try:
            await self._core.start()
        except BaseException as error:
            # A refusal that arrives at once is raised by receiving, like one that arrives later.
            if not isinstance(error, SonioxRealtimeError) or connection.protocol.failure is None:
                await connection.abort()
                raise
        return self

    async def aenter(self) -> Self:
        """As :meth:`enter`."""
        return await self.enter()

    async def __aenter__(self) -> Self:
        return await self.enter()

    async def __aexit__(self, exc_type: object, exc: object, traceback: object) -> None:
        await (self._core.connection.close() if exc_type is None else self._core.connection.abort())

    async def recv_bytes(self) -> bytes:
        """The next message of the stream, as JSON in UTF-8; empty after the last.

        Raises:
            SonioxRealtimeTimeoutError: No message arrived within the connection's ``event_timeout_sec``.
            SonioxRealtimeError: The connection ended before all of the audio had arrived. The stream is not open.
                Another task (thread) is receiving from it.
        """
        message = await self._core.receive(None)
        return b"" if message is None else message[0]

    def parse_event(self, raw: str | bytes) -> RealtimeTTSEvent:
        """Parses a message into an event.

        Args:
            raw: The message, as text or in UTF-8.

        Raises:
            SonioxRealtimeError: It is not JSON, or not of the documented shape.
        """
        return RealtimeTTSEvent.validate_event(raw)

    async def close(self) -> None:
        """Closes the connection, within about a second; the stream is cut off if it has not ended.

        Events that have arrived can still be received. After them, receiving raises, unless all of the audio had
        arrived. Any task (thread) may call this at any time. Later calls do nothing.
        """
        await self._core.connection.close()


class AsyncRealtimeTTSClient:
    """Makes connections that are set up like a client: ``client.realtime.tts``."""

    def __init__(self, client: AsyncSonioxClient) -> None:
        self._client = client

    def connect(
        self,
        *,
        config: ConfigInput,
        api_key: str | KeyFunction | None = None,
        connect_timeout_sec: float = 10.0,
        **options: Unpack[TtsOptions],
    ) -> AsyncRealtimeTTSConnection:
        """A connection for a single stream that is not open yet: enter it.

        Args:
            config: How to speak, also as a dict. What it leaves out is taken from the client's ``tts_defaults``.
            api_key: Another key than the client's, permanent or temporary, or a function that returns it, which is
                called before each handshake; None for the client's.
            connect_timeout_sec: How many seconds name resolution, TCP, proxy, TLS and upgrade may take together.
            options: As for :class:`AsyncRealtimeTTSMultiplexedConnection`.

        Raises:
            SonioxValidationError: Something given cannot be used.
        """
        settings = settings_of(self._client)
        return AsyncRealtimeTTSConnection(
            settings.tts_websocket_base_url,
            config,
            api_key or settings.api_key,
            connect_timeout_sec=connect_timeout_sec,
            settings=settings,
            **options,
        )

    def connect_multi_stream(
        self,
        *,
        api_key: str | KeyFunction | None = None,
        connect_timeout_sec: float = 10.0,
        **options: Unpack[TtsOptions],
    ) -> AsyncRealtimeTTSMultiplexedConnection:
        """A connection for several streams that is not open yet: enter it.

        Args:
            api_key: Another key than the client's, permanent or temporary, or a function that returns it, which is
                called before each handshake; None for the client's.
            connect_timeout_sec: How many seconds name resolution, TCP, proxy, TLS and upgrade may take together.
            options: As for :class:`AsyncRealtimeTTSMultiplexedConnection`.

        Raises:
            SonioxValidationError: Something given cannot be used.
        """
        settings = settings_of(self._client)
        return AsyncRealtimeTTSMultiplexedConnection(
            settings.tts_websocket_base_url,
            api_key or settings.api_key,
            connect_timeout_sec=connect_timeout_sec,
            settings=settings,
            **options,
        )
