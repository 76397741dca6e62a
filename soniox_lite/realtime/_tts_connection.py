# Generated from _async_tts_connection.py by scripts/generate_sync: edit that file, not this one.
"""A text-to-speech connection, as its streams use it: it sends their messages and hands them what arrives for them."""

from __future__ import annotations

import threading

from .._data.callbacks import Handlers
from .._data.safe_repr import safe_repr
from .._net.redaction import redact
from .._websocket.frames import TEXT
from .._websocket.threads import Connection
from ..errors import SonioxRealtimeError
from ._session_log import log_refusal
from ._stt_protocol import error_of
from ._tts_protocol import KEEP_ALIVE, LineProtocol, LineState, WireIds, error_event, read_message
from ._tts_stream import TtsStream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .._websocket.frames import Message
    from .._websocket.nonblocking import Closure
    from .._websocket.options import ConnectionOptions
    from ..types.realtime_tts import RealtimeTTSConfig, RealtimeTTSEvent
    from ._tts_protocol import ConnectionState, Settings

# How long after a failed send the service's own reason may take to arrive, and its answer to a close frame.
_REASON_TIMEOUT_SEC = 1.0


class TtsConnection:
    """One WebSocket with any number of streams on it.

    Attributes:
        settings: What it was set up with.
        protocol: Its state.
        driver: The WebSocket's driver.
        stream_defaults: Fields of the configs of its streams; None for none.
        handlers: What is called when it is resumed; only the resumed kind calls them.
        last_message: The event that was received last, of any stream; None before the first.
    """

    def __init__(self, options: ConnectionOptions, settings: Settings) -> None:
        self.settings = settings
        self.protocol = LineProtocol()
        self._options = options
        self.driver = self._new_driver()
        self.handlers = Handlers()
        self.last_message: RealtimeTTSEvent | None = None
        self.stream_defaults = None if options.settings is None else options.settings.tts_defaults
        # The streams that still get their messages, by their ids on the wire.
        self._streams: dict[str, TtsStream] = {}
        self._wire_ids = WireIds()
        # Signal handlers may take it again.
        self._registry = threading.RLock()

    def _new_driver(self) -> Connection:
        on_tick = None if self.settings.heartbeat_sec is None else self._on_tick
        return Connection(self._options, self._on_open, self._on_message, self._on_end, on_tick)

    @property
    def public_state(self) -> ConnectionState:
        """The state in the words of the public API."""
        return self.protocol.public_state

    @property
    def connections(self) -> int:
        """How many connections have been opened."""
        return int(self.protocol.was_open)

    def new_stream(self, config: RealtimeTTSConfig) -> TtsStream:
        """A stream for this connection, not started."""
        return TtsStream(self, config)

    def open(self) -> None:
        """Opens it.

        Raises:
            SonioxRealtimeError: That failed, or it was opened before.
        """
        if self.protocol.state is not LineState.NEW:
            raise SonioxRealtimeError(f"this connection is {self.protocol.public_state} already; make a new one")
        self.protocol.advance(LineState.CONNECTING)
        try:
            self.driver.open()
            if self.protocol.state >= LineState.ABANDONED:
                raise SonioxRealtimeError("the connection was closed while it was being opened")
        except BaseException:
            self.abort()
            raise

    def keep_alive(self) -> None:
        """Sends a keepalive, unless the program has closed the connection.

        Raises:
            SonioxRealtimeError: It is not open yet, or failed.
        """
        if not self.protocol.was_dismissed:
            self.check_open()
            self.sent(lambda: self.post(KEEP_ALIVE))

    def pause(self) -> None:
        """Holds the text of all streams back.

        Raises:
            SonioxRealtimeError: It is not open, or failed.
        """
        self.check_open()
        self.protocol.is_paused = True

    def resume(self) -> None:
        """Sends the text that was held back, and lets text through again.

        Raises:
            SonioxRealtimeError: It is not open, or failed.
        """
        self.check_open()
        self.protocol.is_paused = False
        self.sent(self._release)

    def close(self) -> None:
        """Closes it, within about a second."""
        is_open = self.protocol.was_open and self.protocol.closure is None
        self.driver.check_may_end()
        self.protocol.dismiss()
        try:
            if is_open:
                self.driver.close(_REASON_TIMEOUT_SEC)
        finally:
            # Not waited for if this was interrupted or cancelled.
            self._abort()
            self.handlers.wait(_REASON_TIMEOUT_SEC)

    def abort(self) -> None:
        """Closes it at once."""
        self.driver.check_may_end()
        self.protocol.dismiss()
        self._abort()

    def _abort(self) -> None:
        self.driver.abort()

    def check_owner(self) -> None:
        """Raises unless this is its process.

        Raises:
            SonioxRealtimeError: It is another.
        """
        self.driver.check_owner()

    def check_open(self) -> None:
        """Raises unless it is open, and this is its process.

        Raises:
            SonioxRealtimeError: It is not.
        """
        self.check_owner()
        self.protocol.check_open()

    def register(self, stream: TtsStream) -> None:
        """Gives a stream its name on the wire, and its messages from now on.

        Raises:
            SonioxRealtimeError: There is a stream of that id which is not over.
        """
        with self._registry:
            if any(
                other.stream_id == stream.stream_id and not other.protocol.is_over for other in self._open_streams()
            ):
                raise SonioxRealtimeError("this connection has a stream of that id, which is not over yet")
            stream.protocol.wire_id = self._wire_ids.new(stream.stream_id)
            self._streams[stream.protocol.wire_id] = stream

    def forget(self, stream: TtsStream) -> None:
        """Drops later messages for a stream."""
        with self._registry:
            self._streams.pop(stream.protocol.wire_id, None)

    def post(self, message: Message) -> Any:
        """Queues a message without waiting; gives its position, for :meth:`sent`, or None."""
        return self.driver.send_nowait(lambda: message)

    def sent(self, post: Callable[[], Any], stream: TtsStream | None = None) -> None:
        """Queues a message, and waits until the kernel has taken it.

        Args:
            post: Queues it, and returns its position; None if there was nothing to send.
            stream: Whose message it is; None for the connection's own.

        Raises:
            SonioxRealtimeError: It cannot be sent; the service's error if it has sent one.
        """
        try:
            position = post()
            if position is not None:
                self.driver.drain(position)
        except SonioxRealtimeError:
            if self.driver.websocket.is_broken:
                # The service gives its reason before it closes, but sending may fail before that is read.
                self.driver.wait_ended(_REASON_TIMEOUT_SEC)
            failure = self.protocol.failure if stream is None else stream.protocol.failure or self.protocol.failure
            if failure is not None:
                raise error_of(failure) from None
            raise

    def _open_streams(self) -> list[TtsStream]:
        with self._registry:
            return list(self._streams.values())

    def _release(self) -> Any:
        """Posts what all streams hold back, without waiting: an interruption in between would leave the rest held."""
        last: Any = None
        for stream in self._open_streams():
            last = stream.release() or last
        return last

    def _on_open(self) -> None:
        self.protocol.advance(LineState.OPEN)
        self.driver.set_keepalive(KEEP_ALIVE, self.settings.keep_alive_interval_sec, TEXT)

    def _on_message(self, message: bytes) -> None:
        try:
            data = read_message(message)
            if data.get("error_code") is not None:
                # The service repeats in its errors what it refused, which may be the key in a wrong place.
                message = redact(message, self._options.authorization)
                data = read_message(message)
                if (event := error_event(data)) is not None:
                    log_refusal(self._options.shown_url, event)
        except SonioxRealtimeError as error:
            # The stream cannot be known, so all streams fail. They fail here, since later messages of the same read are
            # delivered before the connection ends, and would hide the gap in the audio.
            self.driver.fail(error)
            for stream in self._open_streams():
                stream.fail(error)
            return
        stream_id = data.get("stream_id")
        if stream_id in (None, ""):
            if data.get("error_code") is not None and self._is_overcome(data):
                return
            streams = self._open_streams()
        else:
            # Messages for finished streams are dropped, such as the error for a late cancel.
            streams = [stream for stream in self._open_streams() if stream.protocol.wire_id == stream_id]
        for stream in streams:
            # An event becomes the owner of its data, so that each gets a copy.
            stream.deliver(message, data if len(streams) == 1 else read_message(message))
            if stream.protocol.is_terminated:
                self.forget(stream)

    def _is_overcome(self, data: dict[str, Any]) -> bool:
        """Takes an error of the connection; returns whether it is handled here, so that streams do not get it."""
        self.protocol.observe_error(data)
        return False

    def _on_end(self, closure: Closure) -> None:
        self.protocol.end(closure)
        for stream in self._open_streams():
            stream.close_queue()

    def _on_tick(self) -> float:
        interval_sec = self.settings.heartbeat_sec or 0.0
        return min((stream.beat(interval_sec) for stream in self._open_streams()), default=interval_sec)

    @safe_repr
    def __repr__(self) -> str:
        return f"{self._options.shown_url} {self.public_state}"
