"""Realtime text-to-speech: connections and the streams on them."""
# A connection and its streams use each other's private attributes, hence this switch.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import contextlib
import threading
from functools import partial

from .._data.async_callbacks import check_callback, settled
from .._data.clock import time
from .._data.rules import FieldErrors
from .._data.safe_repr import safe_repr
from .._net.redaction import redact
from .._settings import realtime_set_up, resolve_api_key
from .._websocket.async_queues import AsyncOneAtATime
from .._websocket.frames import TEXT
from .._websocket.options import ConnectionOptions
from .._websocket.tasks import AsyncConnection
from ..errors import SonioxRealtimeError
from ..types.realtime import adopt_message
from ..types.realtime_tts import RealtimeTTSConfig, RealtimeTTSEvent
from ._async_inputs import async_texts_of
from ._stt_protocol import error_of
from ._tts_protocol import (
    KEEP_ALIVE,
    KEEP_ALIVE_INTERVAL_SEC,
    TtsProtocol,
    WireIds,
    cut_short_error,
    encoded,
    error_event,
    read_message,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Iterable
    from typing import Any, Literal, TypedDict

    from typing_extensions import Self, Unpack

    from .._websocket.frames import Message
    from .._websocket.nonblocking import Closure
    from .._websocket.queues import Parsed
    from ..client import AsyncSonioxClient

    ConfigInput = RealtimeTTSConfig | dict[str, Any]
    ConnectionState = Literal["new", "connecting", "open", "closed"]

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
        ssl_context: ssl.SSLContext | None


__all__ = [
    "AsyncRealtimeTTSClient",
    "AsyncRealtimeTTSConnection",
    "AsyncRealtimeTTSMultiplexedConnection",
    "AsyncRealtimeTTSStream",
]

# How long after a failed send the service's own reason may take to arrive, and its answer to a close frame.
_REASON_TIMEOUT_SEC = 1.0


class AsyncRealtimeTTSMultiplexedConnection:
    """A connection that carries several streams, each with a voice of its own; the service takes up to five at once.

    Use it in an ``async with`` block. Any task (of a sync connection: any thread) may open streams, and each stream may
    be used by other tasks (threads): one that receives slowly holds up none of the others. The connection is kept alive
    in the background for as long as it is open, with or without streams.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
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
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """A connection that is not open yet.

        Args:
            url: ``wss://`` (or ``ws://``) URL of the service.
            api_key: The key, permanent or temporary; None for ``SONIOX_API_KEY``. It travels in the header of the
                handshake only.
            connect_timeout_sec: For name resolution, TCP, proxy, TLS and the upgrade together.
            send_timeout_sec: How long the service may take over what is sent, once it is its turn, before the
                connection is given up.
            event_timeout_sec: How long to wait for an event of a stream; None for as long as it takes.
            keep_alive_interval_sec: After how many seconds without a message to the service a keepalive is sent in the
                background. The service closes a connection that is silent for 40 seconds.
            ping_interval_sec: After how many seconds without received data a WebSocket ping is sent; None for no
                pings.
            ping_timeout_sec: How many seconds the response to a ping may take before the connection fails; None for no
                limit.
            max_queued_messages: How many messages of one stream are kept until they are received; a stream that gets
                more fails, and the others go on.
            max_queued_bytes: The same for their length together. The service makes two minutes of audio at most, 31 MB
                of the widest format; in memory it takes twice as much.
            max_message_bytes: A larger message ends the connection.
            raise_on_error: Whether an error of the service is raised where it is received, instead of being an event.
            stream_heartbeat_sec: How long a stream may be without text before it is sent an empty one, so that a slow
                source of text, or a pause, does not end it: the service gives a stream up about 5 seconds after its
                last text. It begins with the stream's first text and ends with its last. None for no heartbeat.
            ssl_context: For TLS; None for the system's certificates.

        Raises:
            SonioxValidationError: There is no key, or something given cannot be used.
        """
        self._options = ConnectionOptions(
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
        )
        with FieldErrors("the connection's set-up") as check:
            check.seconds("event_timeout_sec", event_timeout_sec)
            check.seconds("stream_heartbeat_sec", stream_heartbeat_sec)
            if check.required("keep_alive_interval_sec", keep_alive_interval_sec):
                check.seconds("keep_alive_interval_sec", keep_alive_interval_sec)
            if check.required("max_queued_messages", max_queued_messages):
                check.integer("max_queued_messages", max_queued_messages, minimum=2, maximum=1_000_000_000)
        self._event_timeout_sec = event_timeout_sec
        self._keep_alive_interval_sec = keep_alive_interval_sec
        self._max_queued_messages = max_queued_messages
        self._max_queued_bytes = max_queued_bytes
        self._raise_on_error = raise_on_error
        self._heartbeat_sec = stream_heartbeat_sec or 0.0
        on_tick = None if stream_heartbeat_sec is None else self._on_tick
        self._connection = AsyncConnection(self._options, self._on_open, self._on_message, self._on_end, on_tick)
        self._closure: Closure | None = None
        self._failure: RealtimeTTSEvent | None = None
        self._entered = False
        self._opened = False
        self._closed = False
        self._paused = False
        self._last_message: RealtimeTTSEvent | None = None
        # Those that something is still wanted of, by their names on the wire.
        self._streams: dict[str, AsyncRealtimeTTSStream] = {}
        self._wire_ids = WireIds()
        # Signal handlers may take it again.
        self._registry = threading.RLock()

    @property
    def paused(self) -> bool:
        """Whether text is being held back."""
        return self._paused

    @property
    def last_message(self) -> RealtimeTTSEvent | None:
        """The event that was received last, of whichever stream; None before the first."""
        return self._last_message

    @property
    def state(self) -> ConnectionState:
        """``new``, ``connecting``, ``open`` or ``closed``."""
        if self._closed or self._closure is not None:
            return "closed"
        if not self._opened:
            return "connecting" if self._entered else "new"
        return "open"

    async def enter(self) -> Self:
        """Opens the connection.

        Raises:
            SonioxRealtimeError: That failed, or it was opened before.
        """
        if self.state != "new":
            raise SonioxRealtimeError(f"this connection is {self.state} already; make a new one")
        self._entered = True
        try:
            await self._connection.open()
            if self._closed:
                raise SonioxRealtimeError("the connection was closed while it was being opened")
            self._connection.set_keepalive(KEEP_ALIVE, self._keep_alive_interval_sec, TEXT)
        except BaseException:
            await self._abort()
            raise
        return self

    async def aenter(self) -> Self:
        """As :meth:`enter`."""
        return await self.enter()

    async def __aenter__(self) -> Self:
        return await self.enter()

    async def __aexit__(self, exc_type: object, exc: object, traceback: object) -> None:
        await (self.close() if exc_type is None else self._abort())

    async def open_stream(self, *, config: ConfigInput) -> AsyncRealtimeTTSStream:
        """A stream that has been started on this connection.

        The service does not acknowledge it. If it refuses it (an unknown voice, too many streams), that is an error of
        the stream.

        Args:
            config: How it shall speak, also as a dict. Its ``stream_id`` must not be that of a stream which is not over
                yet. That of one that ended, failed or was cancelled may be used again at once; on the wire it gets
                a number then. A cancelled stream counts towards the service's limit until the service has ended it.

        Raises:
            SonioxValidationError: The config is not valid.
            SonioxRealtimeError: The connection is not open, or has a stream of that id which is not over.
        """
        stream = AsyncRealtimeTTSStream(self, RealtimeTTSConfig.of(config))
        self._check_open()
        self._register(stream)
        await stream._start()
        return stream

    async def keep_alive(self) -> None:
        """Keeps the connection open, which happens in the background anyway. It does not keep its streams open.

        Does nothing after ``close``.

        Raises:
            SonioxRealtimeError: The connection is not open yet, or failed.
        """
        if not self._is_closed_here:
            self._check_open()
            await self._sent(partial(self._post, KEEP_ALIVE))

    async def pause(self) -> None:
        """Holds the text of all streams back until :meth:`resume`; does nothing if it is held back.

        The connection stays open meanwhile. A stream whose text has begun does not: the service gives it up about 5
        seconds after its last text, unless there is a ``stream_heartbeat_sec``.

        Raises:
            SonioxRealtimeError: The connection is not open, or failed.
        """
        self._check_open()
        self._paused = True

    async def resume(self) -> None:
        """Sends the text that was held back, and lets text through again.

        Raises:
            SonioxRealtimeError: The connection is not open, or failed.
        """
        self._check_open()
        self._paused = False
        await self._sent(self._release)

    async def close(self) -> None:
        """Closes the connection, within about a second. Streams that are not over are given up.

        What has arrived of them can still be received; after it, receiving raises, unless that was all of the audio.
        Any task (thread) may call it, at any time; later calls do nothing.
        """
        try:
            if self._opened and self._closure is None:
                await self._connection.close(_REASON_TIMEOUT_SEC)
        finally:
            # Not waited for if this was interrupted or cancelled.
            await self._abort()

    async def _abort(self) -> None:
        self._connection.check_may_end()
        self._closed = True
        await self._connection.abort()

    def _check_open(self) -> None:
        self._connection.check_owner()
        if not self._opened:
            raise SonioxRealtimeError("the connection is not open; enter it first")
        if self._failure is not None:
            raise error_of(self._failure)
        if self._closure is not None:
            raise self._closure.as_error()
        if self._closed:
            raise SonioxRealtimeError("the connection is closed")

    @property
    def _is_closed_here(self) -> bool:
        """Whether this side has closed the connection, after it was open."""
        return self._opened and self._closed and (self._closure is None or self._closure.initiated_locally)

    def _register(self, stream: AsyncRealtimeTTSStream) -> None:
        with self._registry:
            if any(
                other.stream_id == stream.stream_id and not other._protocol.is_over for other in self._open_streams()
            ):
                raise SonioxRealtimeError("this connection has a stream of that id, which is not over yet")
            stream._protocol.wire_id = self._wire_ids.new(stream.stream_id)
            self._streams[stream._protocol.wire_id] = stream

    def _forget(self, stream: AsyncRealtimeTTSStream) -> None:
        """Drops later messages for a stream."""
        with self._registry:
            self._streams.pop(stream._protocol.wire_id, None)

    def _open_streams(self) -> list[AsyncRealtimeTTSStream]:
        with self._registry:
            return list(self._streams.values())

    def _post(self, message: Message) -> int | None:
        return self._connection.send_nowait(lambda: message)

    def _release(self) -> int | None:
        """Posts what all streams hold back, without waiting: an interruption in between would leave the rest held."""
        positions = [stream._release() for stream in self._open_streams()]
        return max((position for position in positions if position is not None), default=None)

    async def _sent(self, post: Callable[[], int | None], stream: AsyncRealtimeTTSStream | None = None) -> None:
        """Has something posted, and waits until the kernel has taken it."""
        try:
            position = post()
            if position is not None:
                await self._connection.drain(position)
        except SonioxRealtimeError:
            if self._connection.websocket.is_broken:
                # The service gives its reason before it closes, but sending may fail before that is read.
                await self._connection.wait_ended(_REASON_TIMEOUT_SEC)
            failure = self._failure if stream is None else stream._protocol.failure or self._failure
            if failure is not None:
                raise error_of(failure) from None
            raise

    def _on_open(self) -> None:
        self._opened = True

    def _on_message(self, message: bytes) -> None:
        try:
            data = read_message(message)
            if data.get("error_code") is not None:
                # The service repeats what it objects to, which may be the key in a wrong place.
                message = redact(message, self._options.authorization)
                data = read_message(message)
        except SonioxRealtimeError as error:
            # The stream cannot be known, so all streams fail. They fail here, since later messages of the same read are
            # delivered before the connection ends, and would hide the gap in the audio.
            self._connection.fail(error)
            for stream in self._open_streams():
                stream._fail(error)
            return
        stream_id = data.get("stream_id")
        if stream_id in (None, ""):
            if data.get("error_code") is not None:
                self._failure = error_event(data)
            streams = self._open_streams()
        else:
            # Messages for finished streams are dropped, such as the error for a late cancel.
            streams = [stream for stream in self._open_streams() if stream._protocol.wire_id == stream_id]
        for stream in streams:
            # An event takes its data over, so that each needs some of its own.
            stream._deliver(message, data if len(streams) == 1 else read_message(message))
            if stream._protocol.is_terminated:
                self._forget(stream)

    def _on_end(self, closure: Closure) -> None:
        self._closure = closure
        for stream in self._open_streams():
            stream._queue.close()

    def _on_tick(self) -> float:
        beats = [stream._beat(self._heartbeat_sec) for stream in self._open_streams()]
        return min(beats, default=self._heartbeat_sec)

    @safe_repr
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._options.url} {self.state}>"


class AsyncRealtimeTTSStream:
    """One text on its way to the service, and its audio on the way back: made by ``open_stream``.

    May be used in an ``async with`` block, which cancels it in the end if it is not over. Text may be sent while
    another task (of a sync stream: another thread) receives; only one receives at a time.
    """

    def __init__(self, connection: AsyncRealtimeTTSMultiplexedConnection, config: ConfigInput) -> None:
        self._connection = connection
        self._protocol = TtsProtocol(RealtimeTTSConfig.of(config))
        self._queue = connection._connection.new_queue()
        self._failure: BaseException | None = None
        self._last_message: RealtimeTTSEvent | None = None
        self._receiving = AsyncOneAtATime()
        # Held while a message is made and queued, never while waiting: so they leave in the order of the protocol.
        # Signal handlers may take it again.
        self._order = threading.RLock()

    @property
    def config(self) -> RealtimeTTSConfig:
        """What the stream was set up with."""
        return self._protocol.config

    @property
    def stream_id(self) -> str:
        """The name of the stream on its connection."""
        return self._protocol.config.stream_id

    @property
    def last_message(self) -> RealtimeTTSEvent | None:
        """The event that was received last; None before the first."""
        return self._last_message

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, exc_type: object, exc: object, traceback: object) -> None:
        if not self._protocol.is_over:
            with contextlib.suppress(SonioxRealtimeError):
                # There is nothing to cancel on a connection that is gone.
                await self.cancel()

    async def send_text_chunk(self, text: str, *, text_end: bool = False) -> None:
        """Sends text. While the connection is paused it is held back, and follows when it is resumed.

        Args:
            text: At most 5000 bytes in UTF-8 over the whole stream. An empty one shows the service that more may come,
                which keeps the stream open; it is sent in a pause, too.
            text_end: Whether no more will come.

        Raises:
            SonioxValidationError: It is no text, or too much; nothing of it is sent.
            SonioxRealtimeError: The stream is not open, has been finished or cancelled, or failed: the error says why.
        """
        self._check_open()
        if self._connection._connection.is_late:
            await self._connection._connection.give_turn()
            self._check_open()
        await self._connection._sent(partial(self._say, text, text_end), self)

    async def send_text_chunks(
        self, chunks: str | Iterable[str] | AsyncIterator[str], *, text_end: bool = True
    ) -> None:
        """Sends text and then, by default, ends it.

        Args:
            chunks: All of it, or an iterable.
            text_end: Whether to end the text after it.

        Raises:
            SonioxValidationError: As :meth:`send_text_chunk`.
            SonioxRealtimeError: As :meth:`send_text_chunk`.
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
        protocol = self._protocol
        was_ended = protocol.has_ended_text and (protocol.is_over or self._connection._is_closed_here)
        if self._failure is None and protocol.failure is None and was_ended:
            return
        await self.send_text_chunk("", text_end=True)

    async def cancel(self) -> None:
        """Ends the stream at once. Audio that was not received yet is dropped, and so is what may still arrive.

        The last event is ``terminated``, whatever the service answers and when; there is none if it had ended the
        stream before. The ``stream_id`` is free again. Does nothing if the stream failed or was cancelled.

        Raises:
            SonioxRealtimeError: The connection is not open, or failed.
        """
        if self._failure is None and self._protocol.failure is None:
            if not self._protocol.is_terminated:
                self._check_open()
            await self._connection._sent(self._cancel, self)

    async def keep_alive(self) -> None:
        """As the connection's: it keeps the connection open, not the stream. For that, send an empty text.

        Does nothing after the connection's ``close``.

        Raises:
            SonioxRealtimeError: The connection is not open yet, or failed.
        """
        await self._connection.keep_alive()

    async def pause(self) -> None:
        """As the connection's: it holds back the text of all its streams.

        Raises:
            SonioxRealtimeError: The connection is not open, or failed.
        """
        await self._connection.pause()

    async def resume(self) -> None:
        """As the connection's.

        Raises:
            SonioxRealtimeError: The connection is not open, or failed.
        """
        await self._connection.resume()

    async def receive_event(self, timeout_sec: float | None = None) -> RealtimeTTSEvent | None:
        """The next event; None when the stream came to its end, or was cancelled.

        What arrived before the connection was closed, or broke, is still handed out.

        Args:
            timeout_sec: How long to wait; None for the connection's ``event_timeout_sec``.

        Raises:
            SonioxRealtimeTimeoutError: No event in that time; the stream goes on.
            SonioxRealtimeError: The service ended the stream or the connection with an error (unless there is
                ``raise_on_error=False``), or terminated the stream before the end of its audio; the connection broke or
                was closed before that; a message was not what it should be; the stream is not open; or another task
                (thread) is receiving.
        """
        return await self._receive_event(timeout_sec, self._connection._raise_on_error)

    async def receive_events(self, *, raise_on_error: bool | None = None) -> AsyncIterator[RealtimeTTSEvent]:
        """All events to the end of the stream.

        Args:
            raise_on_error: Whether an error of the service is raised instead of being an event; None for what the
                connection was set up with.

        Raises:
            SonioxRealtimeError: As :meth:`receive_event`.
        """
        raises = self._connection._raise_on_error if raise_on_error is None else raise_on_error
        while True:
            event = await self._receive_event(None, raises)
            if event is None:
                return
            yield event

    async def receive_audio_chunks(self) -> AsyncIterator[bytes]:
        """The audio to the end of the stream, decoded; none of the chunks is empty. Errors are always raised.

        Raises:
            SonioxRealtimeError: As :meth:`receive_event`.
        """
        while True:
            event = await self._receive_event(None, raise_on_error=True)
            if event is None:
                return
            chunk = event.audio_bytes()
            if chunk:
                yield chunk

    async def handle_events(self, handler: Callable[[RealtimeTTSEvent], object]) -> None:
        """Calls a function with every event to the end of the stream.

        An async session awaits it before the next event if it is a coroutine function; a sync one refuses such.

        Raises:
            SonioxValidationError: ``handler`` cannot be called.
            SonioxRealtimeError: As :meth:`receive_event`.
        """
        check_callback("handler", handler)
        async for event in self.receive_events():
            await settled("handler", handler(event))

    def _check_open(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._protocol.failure is not None:
            raise error_of(self._protocol.failure)
        self._connection._check_open()
        if not self._protocol.is_started:
            raise SonioxRealtimeError("the stream was not opened; use open_stream()")

    async def _start(self) -> None:
        try:
            await self._connection._sent(partial(self._made, self._protocol.start), self)
        except BaseException:
            # Without a refusal it may have started; then the service says when it is over. Not waited for: this may be
            # the cancellation of a task.
            if self._connection._failure is None and self._protocol.failure is None:
                with contextlib.suppress(SonioxRealtimeError):
                    self._cancel()
            raise

    def _made(self, make: Callable[[], Message | None]) -> int | None:
        """Posts what ``make`` gives, if anything, in the order in which it was made."""
        with self._order:
            message = make()
            return None if message is None else self._connection._post(message)

    def _say(self, text: str, text_end: bool) -> int | None:
        return self._made(
            lambda: self._protocol.text(text, time.monotonic(), text_end=text_end, hold=self._connection.paused)
        )

    def _release(self) -> int | None:
        with self._order:
            positions = [self._connection._post(message) for message in self._protocol.release(time.monotonic())]
        return positions[-1] if positions else None

    def _cancel(self) -> int | None:
        with self._order:
            if self._protocol.is_cancelled:
                return None
            message = self._protocol.cancel()
            self._queue.clear()
            if message is not None:
                # As the service will answer; that is not waited for.
                event = {"stream_id": self.stream_id, "terminated": True}
                self._queue.put((encoded(event), event))
            self._queue.close()
            self._connection._forget(self)
            return None if message is None else self._connection._post(message)

    def _beat(self, interval_sec: float) -> float:
        """Sends a heartbeat if one is due; returns in how many seconds to ask again."""
        with self._order:
            message, due_sec = self._protocol.heartbeat(time.monotonic(), interval_sec)
            if message is not None:
                with contextlib.suppress(SonioxRealtimeError):
                    # If it cannot be sent, the connection has come to an end, which is told otherwise.
                    self._connection._post(message)
        return due_sec

    def _deliver(self, message: bytes, data: dict[str, Any]) -> None:
        """Queues a message for its receiver; called as it arrives."""
        limits = self._connection._max_queued_messages, self._connection._max_queued_bytes
        with self._order:
            if self._failure is not None or self._protocol.is_cancelled:
                return
            data = self._protocol.renamed(data)
            had_failed = self._protocol.failure is not None
            self._protocol.observe(data)
            # An error event is queued even when the queue is full; otherwise truncated audio would look complete.
            is_reason = self._protocol.failure is not None and not had_failed
            excess = None if is_reason else self._queue.exceeds(*limits, message)
            if excess is None:
                self._queue.put((message, data))
        if excess is not None:
            self._fail(SonioxRealtimeError(f"more than {excess} of the stream wait to be received"))
        if self._protocol.is_terminated:
            self._queue.close()

    def _fail(self, error: BaseException) -> None:
        """Ends the stream because of an error on this side, which receiving raises."""
        with self._order:
            if self._failure is not None or self._protocol.is_cancelled or self._protocol.failure is not None:
                return
            self._failure = error
            message = self._protocol.cancel()
            if message is not None:
                with contextlib.suppress(SonioxRealtimeError):
                    self._connection._post(message)
        self._queue.close()
        self._connection._forget(self)

    async def _receive(self, timeout_sec: float | None) -> Parsed | None:
        if not self._connection._opened:
            raise SonioxRealtimeError("the connection is not open; enter it first")
        self._connection._connection.check_owner()
        if not self._receiving.enter():
            raise SonioxRealtimeError("another task or thread is receiving from this stream already")
        timeout = self._connection._event_timeout_sec if timeout_sec is None else timeout_sec
        try:
            message = await self._queue.receive(None if timeout is None else min(timeout, threading.TIMEOUT_MAX))
        finally:
            self._receiving.leave()
        if message is None:
            self._raise_bad_end()
        return message

    def _raise_bad_end(self) -> None:
        """Raises the reason why there are no more messages, unless it is a normal end or was received as an event."""
        if self._failure is not None:
            raise self._failure
        if self._protocol.is_cut_short:
            raise cut_short_error()
        end = self._connection._closure
        if end is not None and not self._protocol.is_over and not self._protocol.has_audio_end:
            raise end.as_error()

    async def _receive_event(self, timeout_sec: float | None, raise_on_error: bool) -> RealtimeTTSEvent | None:
        message = await self._receive(timeout_sec)
        if message is None:
            return None
        try:
            event = adopt_message(RealtimeTTSEvent, message[1])
            event.audio_bytes()
        except SonioxRealtimeError as error:
            self._fail(error)
            raise
        self._last_message = self._connection._last_message = event
        if raise_on_error and event.error_code is not None:
            raise error_of(event)
        if event.terminated and self._protocol.is_cut_short and not event.audio:
            raise cut_short_error()
        return event

    @safe_repr
    def __repr__(self) -> str:
        return f"<{type(self).__name__} on {self._connection!r}>"


class AsyncRealtimeTTSConnection(AsyncRealtimeTTSStream):
    """A connection for a single stream: a stream with a connection of its own.

    Use it in an ``async with`` block: entering it opens the connection and starts the stream, leaving it closes both.
    """

    def __init__(
        self,
        url: str,
        config: ConfigInput,
        api_key: str | None = None,
        *,
        connect_timeout_sec: float = 10.0,
        **options: Unpack[TtsOptions],
    ) -> None:
        """A connection that is not open yet.

        Args:
            url: ``wss://`` (or ``ws://``) URL of the service.
            config: How to speak, also as a dict.
            api_key: The key, permanent or temporary; None for ``SONIOX_API_KEY``. It travels in the header of the
                handshake only.
            connect_timeout_sec: For name resolution, TCP, proxy, TLS and the upgrade together.
            options: As for :class:`AsyncRealtimeTTSMultiplexedConnection`.

        Raises:
            SonioxValidationError: There is no key, or something given cannot be used.
        """
        connection = AsyncRealtimeTTSMultiplexedConnection(
            url, api_key, connect_timeout_sec=connect_timeout_sec, **options
        )
        super().__init__(connection, config)
        # An error of the connection may arrive before the stream is started.
        connection._register(self)

    @property
    def paused(self) -> bool:
        """Whether text is being held back."""
        return self._connection.paused

    @property
    def state(self) -> ConnectionState:
        """``new``, ``connecting``, ``open`` or ``closed``."""
        return self._connection.state

    async def enter(self) -> Self:
        """Opens the connection and starts the stream.

        Raises:
            SonioxRealtimeError: That failed, or it was opened before.
        """
        connection = self._connection
        await connection.enter()
        try:
            await self._start()
        except BaseException as error:
            # A refusal that arrives at once is raised by receiving, like one that arrives later.
            if not isinstance(error, SonioxRealtimeError) or connection._failure is None:
                await connection._abort()
                raise
        return self

    async def aenter(self) -> Self:
        """As :meth:`enter`."""
        return await self.enter()

    async def __aenter__(self) -> Self:
        return await self.enter()

    async def __aexit__(self, exc_type: object, exc: object, traceback: object) -> None:
        await self._connection.__aexit__(exc_type, exc, traceback)

    async def recv_bytes(self) -> bytes:
        """The next message as it came; empty when there are no more.

        Raises:
            SonioxRealtimeError: As :meth:`receive_event`, but for what is in the message.
        """
        message = await self._receive(None)
        return b"" if message is None else message[0]

    def parse_event(self, raw: str | bytes) -> RealtimeTTSEvent:
        """Parses a message into an event.

        Raises:
            SonioxRealtimeError: It is not JSON, or not of the documented shape.
        """
        return RealtimeTTSEvent.validate_event(raw)

    async def close(self) -> None:
        """As :meth:`AsyncRealtimeTTSMultiplexedConnection.close`."""
        await self._connection.close()


class AsyncRealtimeTTSClient:
    """Makes connections that are set up like a client: ``client.realtime.tts``."""

    def __init__(self, client: AsyncSonioxClient) -> None:
        self._client = client

    def connect(
        self,
        *,
        config: ConfigInput,
        api_key: str | None = None,
        connect_timeout_sec: float = 10.0,
        **options: Unpack[TtsOptions],
    ) -> AsyncRealtimeTTSConnection:
        """A connection for a single stream that is not open yet: enter it.

        Args:
            config: How to speak, also as a dict.
            api_key: Another key than the client's, permanent or temporary.
            connect_timeout_sec: For name resolution, TCP, proxy, TLS and the upgrade together.
            options: As for :class:`AsyncRealtimeTTSMultiplexedConnection`.

        Raises:
            SonioxValidationError: Something given cannot be used.
        """
        settings, ssl_context = realtime_set_up(self._client)
        options.setdefault("ssl_context", ssl_context)
        return AsyncRealtimeTTSConnection(
            settings.tts_websocket_base_url,
            config,
            api_key or settings.api_key,
            connect_timeout_sec=connect_timeout_sec,
            **options,
        )

    def connect_multi_stream(
        self, *, api_key: str | None = None, connect_timeout_sec: float = 10.0, **options: Unpack[TtsOptions]
    ) -> AsyncRealtimeTTSMultiplexedConnection:
        """A connection for several streams that is not open yet: enter it.

        Args:
            api_key: Another key than the client's, permanent or temporary.
            connect_timeout_sec: For name resolution, TCP, proxy, TLS and the upgrade together.
            options: As for :class:`AsyncRealtimeTTSMultiplexedConnection`.

        Raises:
            SonioxValidationError: Something given cannot be used.
        """
        settings, ssl_context = realtime_set_up(self._client)
        options.setdefault("ssl_context", ssl_context)
        return AsyncRealtimeTTSMultiplexedConnection(
            settings.tts_websocket_base_url,
            api_key or settings.api_key,
            connect_timeout_sec=connect_timeout_sec,
            **options,
        )
