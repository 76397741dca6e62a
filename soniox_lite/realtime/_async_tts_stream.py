"""One text on its way to the service, and its audio on the way back: what the public streams are made of."""

from __future__ import annotations

import contextlib
import threading
from functools import partial

from .._data.clock import time
from .._websocket.async_queues import AsyncOneAtATime
from ..errors import SonioxRealtimeError
from ..types.realtime import adopt_message
from ..types.realtime_tts import RealtimeTTSConfig, RealtimeTTSEvent
from ._stt_protocol import error_of
from ._tts_protocol import NOT_CONNECTED, TtsProtocol, cut_short_error, encoded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .._websocket.frames import Message
    from .._websocket.queues import Parsed
    from ._async_tts_connection import AsyncTtsConnection


class AsyncTtsStream:
    """A stream on a connection.

    Attributes:
        connection: The connection.
        protocol: The stream's state.
        last_message: The event that was received last; None before the first.
        receiving: Lets one caller receive at a time.
    """

    def __init__(self, connection: AsyncTtsConnection, config: RealtimeTTSConfig) -> None:
        self.connection = connection
        self.protocol = self._new_protocol(config)
        self.last_message: RealtimeTTSEvent | None = None
        self.receiving = AsyncOneAtATime()
        self._queue = connection.driver.new_queue()
        # Why this side gave the stream up.
        self._local_error: BaseException | None = None
        # Held while a message is made and queued, never while waiting: so they leave in the order of the protocol.
        # Signal handlers may take it again.
        self._order = threading.RLock()

    def _new_protocol(self, config: RealtimeTTSConfig) -> TtsProtocol:
        return TtsProtocol(config)

    @property
    def stream_id(self) -> str:
        """The user's name of the stream."""
        return self.protocol.config.stream_id

    async def open(self) -> None:
        """Registers it with its connection, and starts it.

        Raises:
            SonioxRealtimeError: The connection is not open or has such a stream already, or the start message could not
                be sent.
        """
        self.connection.check_open()
        self.connection.register(self)
        await self.start()

    async def start(self) -> None:
        """Sends the start message.

        Raises:
            SonioxRealtimeError: It could not be sent.
        """
        try:
            await self.connection.sent(partial(self._made, self.protocol.start), self)
        except BaseException:
            # Without a refusal it may have started; then the service reports its end. Not waited for: this may be
            # the cancellation of a task.
            if self.connection.protocol.failure is None and self.protocol.failure is None:
                with contextlib.suppress(SonioxRealtimeError):
                    self._cancel()
            raise

    async def send_text(self, text: str, *, text_end: bool) -> None:
        """Sends text, or holds it back while the connection is paused.

        Args:
            text: The text; may be empty.
            text_end: Whether it is the last.

        Raises:
            SonioxValidationError: It is no text, or too much.
            SonioxRealtimeError: The stream takes no text.
        """
        self.check_open()
        if self.connection.driver.is_late:  # async only
            await self.connection.driver.give_turn()
            self.check_open()
        await self.connection.sent(partial(self._say, text, text_end), self)

    async def finish(self) -> None:
        """Ends the text, unless that was done and the stream is over or its connection was closed by the program.

        Raises:
            SonioxRealtimeError: The stream failed, or never took text.
        """
        is_past = self.protocol.is_over or self.connection.protocol.was_dismissed
        has_failed = self._local_error is not None or self.protocol.failure is not None
        if has_failed or not is_past or not self.protocol.has_ended_text:
            await self.send_text("", text_end=True)

    async def cancel(self) -> None:
        """Ends the stream at once, unless it failed or was cancelled.

        Raises:
            SonioxRealtimeError: The connection is not open, or failed.
        """
        if self._local_error is None and self.protocol.failure is None:
            if not self.protocol.is_terminated:
                self.check_open()
            await self.connection.sent(self._cancel, self)

    async def receive(self, timeout_sec: float | None) -> Parsed | None:
        """The next message, and what it spells out; None when there are no more.

        Args:
            timeout_sec: How long to wait; None for the connection's own limit.

        Raises:
            SonioxRealtimeTimeoutError: Nothing arrived in that time.
            SonioxRealtimeError: The stream ended too early, or is not open; or another task (thread) is receiving.
        """
        if not self.connection.protocol.was_open:
            raise SonioxRealtimeError(NOT_CONNECTED)
        self.connection.check_owner()
        if not self.receiving.enter():
            raise SonioxRealtimeError("another task or thread is receiving from this stream already")
        timeout = self.connection.settings.event_timeout_sec if timeout_sec is None else timeout_sec
        try:
            message = await self._queue.receive(None if timeout is None else min(timeout, threading.TIMEOUT_MAX))
        finally:
            self.receiving.leave()
        if message is None:
            self._raise_bad_end()
        return message

    async def receive_event(self, timeout_sec: float | None, *, raise_on_error: bool) -> RealtimeTTSEvent | None:
        """The next event; None when there are no more.

        Args:
            timeout_sec: How many seconds to wait; None for the connection's own limit.
            raise_on_error: Whether an error of the service is raised.

        Raises:
            SonioxRealtimeTimeoutError: Nothing arrived in that time.
            SonioxRealtimeError: The stream ended too early, or is not open; another task (thread) is receiving; the
                message is invalid; or it is an error, and ``raise_on_error`` is set.
        """
        message = await self.receive(timeout_sec)
        if message is None:
            return None
        try:
            event = adopt_message(RealtimeTTSEvent, message[1])
            event.audio_bytes()
        except SonioxRealtimeError as error:
            self.fail(error)
            raise
        self.last_message = self.connection.last_message = event
        if raise_on_error and event.error_code is not None:
            raise error_of(event)
        if event.terminated and self.protocol.is_cut_short and not event.audio:
            raise cut_short_error()
        return event

    def release(self) -> Any:
        """Posts the text that was held back; gives the position of the last of it."""
        with self._order:
            positions = [self._post(message) for message in self.protocol.release(time.monotonic())]
        return positions[-1] if positions else None

    def beat(self, interval_sec: float) -> float:
        """Sends a heartbeat if one is due; returns the seconds until the next call."""
        with self._order:
            message, due_sec = self.protocol.heartbeat(time.monotonic(), interval_sec)
            if message is not None:
                with contextlib.suppress(SonioxRealtimeError):
                    # If it cannot be sent, the connection has ended, which calls of the user report.
                    self._post(message)
        return due_sec

    def deliver(self, message: bytes, data: dict[str, Any]) -> None:
        """Queues a message for its receiver; called as it arrives."""
        settings = self.connection.settings
        with self._order:
            if self._local_error is not None or self.protocol.is_cancelled:  # pragma: no cover - threads only
                return
            data = self.protocol.renamed(data)
            had_failed = self.protocol.failure is not None
            if had_failed and data.get("error_code") is not None:
                # What was sent before the refusal arrived is refused as well.
                return
            self.protocol.observe(data)
            # An error event is queued even when the queue is full; otherwise truncated audio would look complete.
            is_reason = self.protocol.failure is not None and not had_failed
            excess = (
                None
                if is_reason
                else self._queue.exceeds(settings.max_queued_messages, settings.max_queued_bytes, message)
            )
            if excess is None:
                self._queue.put((message, data))
        if excess is not None:
            self.fail(SonioxRealtimeError(f"more than {excess} of the stream wait to be received"))
        if self.protocol.is_terminated:
            self._queue.close()

    def fail(self, error: BaseException) -> None:
        """Ends the stream because of an error on this side, which receiving raises."""
        with self._order:
            if self._local_error is not None or self.protocol.is_cancelled or self.protocol.failure is not None:
                return
            self._local_error = error
            message = self.protocol.cancel()
            if message is not None:
                with contextlib.suppress(SonioxRealtimeError):
                    self._post(message)
        self._queue.close()
        self.connection.forget(self)

    def close_queue(self) -> None:
        """No more messages will come."""
        self._queue.close()

    def check_open(self) -> None:
        """Raises unless the stream and its connection are open.

        Raises:
            SonioxRealtimeError: One of them is not; the error says why.
        """
        if self._local_error is not None:
            raise self._local_error
        if self.protocol.failure is not None:
            raise error_of(self.protocol.failure)
        self.connection.check_open()
        if not self.protocol.is_started:
            raise SonioxRealtimeError("the stream was not opened; use open_stream()")

    def _post(self, message: Message) -> Any:
        """Queues a message without waiting; gives its position."""
        return self.connection.post(message)

    def _made(self, make: Callable[[], Message | None]) -> Any:
        """Posts what ``make`` gives, if anything, in the order in which it was made."""
        with self._order:
            if self._local_error is not None:  # pragma: no cover - threads only
                raise self._local_error
            message = make()
            return None if message is None else self._post(message)

    def _say(self, text: str, text_end: bool) -> Any:
        def make() -> Message | None:
            hold = self.connection.protocol.is_paused
            return self.protocol.text(text, time.monotonic(), text_end=text_end, hold=hold)

        return self._made(make)

    def _cancel(self) -> Any:
        with self._order:
            if self.protocol.is_cancelled:
                return None
            message = self.protocol.cancel()
            self._queue.clear()
            if message is not None:
                # As the service will answer; that is not waited for.
                event = {"stream_id": self.stream_id, "terminated": True}
                self._queue.put((encoded(event), event))
            self._queue.close()
            self.connection.forget(self)
            return None if message is None else self._post(message)

    def _raise_bad_end(self) -> None:
        """Raises the reason why there are no more messages, unless it is a normal end or was received as an event."""
        if self._local_error is not None:
            raise self._local_error
        if self.protocol.is_cut_short:
            raise cut_short_error()
        end = self.connection.protocol.closure
        if end is not None and not self.protocol.is_over and not self.protocol.has_audio_end:
            raise end.as_error()
