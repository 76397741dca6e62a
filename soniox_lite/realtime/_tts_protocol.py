"""The text-to-speech protocol: what connections and streams may do in which state, and their messages. No I/O.

A connection carries several streams, each named by its ``stream_id``::

    start message -> text ... -> text_end      to the service
                     audio ... -> audio_end -> terminated      from it

The service acknowledges nothing but the end. ``cancel`` brings ``terminated`` without an ``audio_end``, and so does an
error of the stream, which harms neither the connection nor the other streams. An error without a ``stream_id`` is the
connection's (a wrong key, too many connections), and the connection is closed after it.

What crosses the end of a stream, such as text or a ``cancel``, is answered by ``invalid_stream_state`` in its name,
which may or may not be followed by ``terminated``. So no name is used twice on the wire: see :class:`WireIds`.
"""

from __future__ import annotations

import base64
import copy
import json
import re
from enum import IntEnum

from .._data.clock import time
from .._data.json_values import kind_of
from .._data.rules import FieldErrors
from .._websocket.frames import TEXT, Message
from ..errors import InvalidField, SonioxAPIError, SonioxRealtimeError, SonioxValidationError
from ..types.realtime import parse_message
from ..types.realtime_tts import RealtimeTTSCancelMessage, RealtimeTTSConfig, RealtimeTTSEvent, RealtimeTTSTextMessage
from ..types.tts import MAX_TEXT_BYTES
from ._stt_protocol import Progress, error_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    from .._websocket.nonblocking import Closure

    ConnectionState = Literal["new", "connecting", "open", "reconnecting", "closed"]


KEEP_ALIVE = Message(TEXT, b'{"keep_alive":true}')
# The service closes a connection that is silent for 40 seconds.
KEEP_ALIVE_INTERVAL_SEC = 20.0
_MAX_ID_LENGTH = 256
# Enough for the header of a WAV file.
_HEAD_CHARACTERS = 4096
_NUMBERED = re.compile(r"--[0-9]+\Z")
# How many names a connection remembers; about a megabyte.
MAX_REMEMBERED_IDS = 10_000


class WireIds:
    """The ``stream_id`` values of one connection on the wire, each used once.

    A user's name is taken as it is the first time, and with a number behind it from then on. Names that end like
    numbered ones always get a number, so that the two kinds never meet.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._count = 0

    def new(self, stream_id: str) -> str:
        """A name for another stream that its user calls so."""
        is_new = stream_id not in self._taken and not _NUMBERED.search(stream_id)
        # Beyond the bound each gets a number, which needs no memory.
        if is_new and len(self._taken) < MAX_REMEMBERED_IDS:
            self._taken.add(stream_id)
            return stream_id
        self._count += 1
        number = f"--{self._count}"
        return stream_id[: _MAX_ID_LENGTH - len(number)] + number


class Settings:
    """What a connection and its streams are set up with, apart from the place and the key; checked once.

    Attributes:
        event_timeout_sec: How long receiving waits for an event; None for as long as it takes.
        keep_alive_interval_sec: After how many seconds without a message a keepalive is sent.
        max_queued_messages: How many messages of one stream are kept until they are received.
        max_queued_bytes: How many bytes of them.
        raise_on_error: Whether an error of the service is raised where it is received.
        heartbeat_sec: After how many seconds without text a stream is sent an empty one; None for never.
    """

    def __init__(
        self,
        *,
        event_timeout_sec: float | None,
        keep_alive_interval_sec: float,
        max_queued_messages: int,
        max_queued_bytes: int,
        raise_on_error: bool,
        stream_heartbeat_sec: float | None,
    ) -> None:
        """Args are those of a connection.

        Raises:
            SonioxValidationError: One of them cannot be used.
        """
        with FieldErrors("the connection's set-up") as check:
            check.seconds("event_timeout_sec", event_timeout_sec)
            check.seconds("stream_heartbeat_sec", stream_heartbeat_sec)
            if check.required("keep_alive_interval_sec", keep_alive_interval_sec):
                check.seconds("keep_alive_interval_sec", keep_alive_interval_sec)
            if check.required("max_queued_messages", max_queued_messages):
                check.integer("max_queued_messages", max_queued_messages, minimum=2, maximum=1_000_000_000)
        self.event_timeout_sec = event_timeout_sec
        self.keep_alive_interval_sec = keep_alive_interval_sec
        self.max_queued_messages = max_queued_messages
        self.max_queued_bytes = max_queued_bytes
        self.raise_on_error = raise_on_error
        self.heartbeat_sec = stream_heartbeat_sec


class LineState(IntEnum):
    """How far a connection has come. A connection only moves to later states."""

    NEW = 0
    CONNECTING = 1
    OPEN = 2
    FAILED = 3
    """The service refused the connection; it closes it next."""
    CLOSED = 4
    """The connection has ended."""
    ABANDONED = 5
    """The program closed it before it was open."""
    DISMISSED = 6
    """The program closed it after it was open."""


NOT_CONNECTED = "not connected: enter the connection first"

# For each state: its public word, and why nothing can be done in it (None where streams can be opened and used). If the
# service or a broken connection is the reason, their own error is raised instead.
_LINE_STATES: dict[int, tuple[ConnectionState, str | None]] = {
    LineState.NEW: ("new", NOT_CONNECTED),
    LineState.CONNECTING: ("connecting", NOT_CONNECTED),
    LineState.OPEN: ("open", None),
    LineState.FAILED: ("open", "the service refused the connection"),
    LineState.CLOSED: ("closed", "the connection was closed, so it is not connected any more"),
    LineState.ABANDONED: ("closed", NOT_CONNECTED),
    LineState.DISMISSED: ("closed", "the connection was closed, so it is not connected any more"),
}


class LineProtocol(Progress):
    """The state of one connection.

    Attributes:
        state: How far the connection has come, a :class:`LineState`.
        is_paused: Whether text is held back.
        failure: The event that the service refused the connection with; None if it did not.
        closure: How the connection ended; None while it is open.
    """

    def __init__(self) -> None:
        super().__init__(LineState.NEW)
        self.is_paused = False
        self.failure: RealtimeTTSEvent | None = None
        self.closure: Closure | None = None

    @property
    def public_state(self) -> ConnectionState:
        """The state in the words of the public API."""
        return _LINE_STATES[self.state][0]

    @property
    def was_open(self) -> bool:
        """Whether the connection is or was open."""
        return self.has_reached(LineState.OPEN)

    @property
    def was_dismissed(self) -> bool:
        """Whether the program closed it after it was open."""
        return self.state is LineState.DISMISSED

    def dismiss(self) -> None:
        """The program closes the connection."""
        self.advance(LineState.DISMISSED if self.was_open else LineState.ABANDONED)

    def end(self, closure: Closure) -> None:
        """The connection has ended."""
        self.closure = closure
        self.advance(LineState.CLOSED)

    def observe_error(self, data: dict[str, Any]) -> None:
        """Updates the state from an error that names no stream."""
        self.failure = error_event(data)
        self.advance(LineState.FAILED)

    def check_open(self) -> None:
        """Raises unless streams can be opened and used.

        Raises:
            SonioxRealtimeError: The service refused the connection, or it is not open.
        """
        reason = _LINE_STATES[self.state][1]
        if reason is None:
            return
        if self.failure is not None:
            raise error_of(self.failure)
        if self.closure is not None:
            raise self.closure.as_error()
        raise SonioxRealtimeError(reason)


class StreamState(IntEnum):
    """How far a stream has come. A stream only moves to later states."""

    NEW = 0
    OPEN = 1
    ENDING = 2
    """The end of the text has been accepted; it is sent at once, or when a pause ends."""
    TERMINATED = 3
    """The service has ended the stream."""
    CANCELLED = 4
    """This side has ended the stream."""
    FAILED = 5
    """The service has ended the stream, or the connection, with an error."""


# Why text is refused in a state; None where it is not. In FAILED, the service's own error is raised instead.
_REFUSALS: dict[int, str | None] = {
    StreamState.NEW: None,
    StreamState.OPEN: None,
    StreamState.ENDING: "the end of the text was sent; a stream takes nothing after it",
    StreamState.TERMINATED: "the stream is over",
    StreamState.CANCELLED: "the stream was cancelled",
    StreamState.FAILED: "the stream failed",
}


class TtsProtocol(Progress):
    """The state of one stream, and the messages that it sends.

    Attributes:
        config: What the stream was set up with.
        wire_id: The ``stream_id`` on the wire: the user's, unless that was used before.
        state: How far the stream has come, a :class:`StreamState`.
        has_audio_end: Whether the last of the audio has arrived.
        audio_bytes: How many bytes of audio have arrived.
        messages_received: How many messages of the stream have arrived.
        failure: The event that the service ended the stream with; None if it did not.
    """

    def __init__(self, config: RealtimeTTSConfig) -> None:
        super().__init__(StreamState.NEW)
        # A copy, because the caller may change the config for the next stream.
        self.config = copy.copy(config)
        self.wire_id = config.stream_id
        self.has_audio_end = False
        self.audio_bytes = 0
        self.messages_received = 0
        self.failure: RealtimeTTSEvent | None = None
        # The audio of the first message that has some, in Base64.
        self._first_audio = ""
        self._text_bytes = 0
        # Text that waits for the end of a pause.
        self._held: list[RealtimeTTSTextMessage] = []
        self._last_text_at: float | None = None
        # On the same clock; None before the first.
        self._first_text_at: float | None = None
        self._first_audio_at: float | None = None

    def start(self) -> Message:
        """The message that starts the stream."""
        self.advance(StreamState.OPEN)
        return text_message({**self.config.to_dict(), "stream_id": self.wire_id})

    def text(self, text: str, now: float, *, text_end: bool, hold: bool) -> Message | None:
        """The message with some text; None when there is nothing to send now.

        Args:
            text: To be spoken. An empty one tells the service that more text may follow.
            now: On a monotonic clock.
            text_end: Whether it is the last text.
            hold: Whether text is held back. Text that is held back is sent before later text, see :meth:`release`.

        Raises:
            SonioxValidationError: It is no text, or more than a stream takes.
            SonioxRealtimeError: The stream takes no more text.
        """
        message = RealtimeTTSTextMessage(text=text, text_end=text_end, stream_id=self.wire_id)
        if text_end and not text and self.has_ended_text and not self.is_cancelled and self.failure is None:
            return None
        self.check_may_send()
        size = len(text.encode())
        if self._text_bytes + size > MAX_TEXT_BYTES:
            rule = f"must leave the stream's text within {MAX_TEXT_BYTES} bytes in UTF-8, {self._text_bytes} of which"
            problem = InvalidField("text", f"{rule} it has got already", f"{size} more")
            raise SonioxValidationError(f"the stream takes no more text: {problem}", errors=[problem])
        self._text_bytes += size
        if self._first_text_at is None and size:
            self._first_text_at = now
        if text_end:
            self.advance(StreamState.ENDING)
        if (hold or self._held) and (text or text_end):
            self._held.append(message)
            return None
        if text or self._last_text_at is not None:
            self._last_text_at = now
        return self._said(message)

    def release(self, now: float) -> list[Message]:
        """The messages that were held back."""
        held, self._held = ([] if self.is_over else self._held), []
        if held:
            self._last_text_at = now
        return [self._said(message) for message in held]

    def _said(self, message: RealtimeTTSTextMessage) -> Message:
        """The message on the wire; called when it is sent."""
        message.stream_id = self.wire_id
        return text_message(message.to_dict())

    def heartbeat(self, now: float, interval_sec: float) -> tuple[Message | None, float]:
        """An empty text if the stream would soon time out, and the seconds until the next call.

        There is none before the first text: the service has been seen to make audio of empty text alone.
        """
        says_no_more = self.has_ended_text and not self._held
        if self._last_text_at is None or says_no_more or self.is_over:
            return None, interval_sec
        remaining = self._last_text_at + interval_sec - now
        if remaining > 0:
            return None, remaining
        self._last_text_at = now
        return text_message(RealtimeTTSTextMessage(stream_id=self.wire_id).to_dict()), interval_sec

    def cancel(self) -> Message | None:
        """The message that cancels the stream; None when none is needed."""
        if not self.has_reached(StreamState.OPEN):
            return None
        self.advance(StreamState.CANCELLED)
        self._held.clear()
        return None if self.is_terminated else text_message(RealtimeTTSCancelMessage(stream_id=self.wire_id).to_dict())

    def check_may_send(self) -> None:
        """Raises unless the stream still takes text.

        Raises:
            SonioxRealtimeError: The stream has failed, or is over, or its text has been ended.
        """
        if self.failure is not None:
            raise error_of(self.failure)
        refusal = _REFUSALS[self.state]
        if refusal is not None:
            raise SonioxRealtimeError(refusal)

    def renamed(self, data: dict[str, Any]) -> dict[str, Any]:
        """A message of the stream with the user's name in it instead of the one on the wire."""
        if self.wire_id == self.config.stream_id:
            return data
        # Errors repeat the name in their text.
        named = {key: data[key] for key in ("stream_id", "error_message") if isinstance(data.get(key), str)}
        return data | {key: text.replace(self.wire_id, self.config.stream_id) for key, text in named.items()}

    def observe(self, data: dict[str, Any]) -> None:
        """Updates the state from a message of the stream, or of the connection, as it arrives."""
        self.messages_received += 1
        audio = data.get("audio")
        if audio and type(audio) is str:
            if not self.audio_bytes:
                self._first_audio, self._first_audio_at = audio, time.monotonic()
            self.audio_bytes += len(audio) // 4 * 3 - audio.count("=", -2)
        if data.get("audio_end") is True:
            self.has_audio_end = True
        if data.get("error_code") is not None and self.failure is None:
            self.failure = error_event(data)
            if self.failure is not None:
                self.advance(StreamState.FAILED)
        if data.get("terminated") is True:
            self.advance(StreamState.TERMINATED)

    @property
    def audio_ms(self) -> int | None:
        """Milliseconds of audio that have arrived; None where bytes do not tell: of compressed audio."""
        from ._framing import duration_ms  # noqa: PLC0415 - few ask

        if not self.audio_bytes:
            return 0
        try:
            head = base64.b64decode(self._first_audio[:_HEAD_CHARACTERS])
        except ValueError:
            # The receiving call raises that.
            head = b""
        config = self.config
        return duration_ms(
            config.audio_format, self.audio_bytes, sample_rate=config.sample_rate, num_channels=1, head=head
        )

    @property
    def text_bytes(self) -> int:
        """How many bytes of text have been accepted."""
        return self._text_bytes

    @property
    def first_audio_sec(self) -> float | None:
        """Seconds from the first text to the first audio; None before that."""
        began_at, ended_at = self._first_text_at, self._first_audio_at
        return None if began_at is None or ended_at is None else ended_at - began_at

    @property
    def is_started(self) -> bool:
        """Whether the start message has been made."""
        return self.has_reached(StreamState.OPEN)

    @property
    def is_cancelled(self) -> bool:
        """Whether this side has ended the stream."""
        return self.has_reached(StreamState.CANCELLED)

    @property
    def is_terminated(self) -> bool:
        """Whether the service has said that the stream is over."""
        return self.has_reached(StreamState.TERMINATED)

    @property
    def is_over(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.state >= StreamState.TERMINATED

    @property
    def is_cut_short(self) -> bool:
        """Whether the service terminated the stream before the end of its audio, without an error."""
        return self.state == StreamState.TERMINATED and not self.has_audio_end

    @property
    def has_ended_text(self) -> bool:
        """Whether the end of the text has been accepted."""
        return self.has_reached(StreamState.ENDING)


def cut_short_error() -> SonioxRealtimeError:
    """The error for a stream that ended before its audio did, and that may be tried again."""
    return SonioxRealtimeError("the service terminated the stream before the end of its audio, and did not say why")


def read_message(message: bytes) -> dict[str, Any]:
    """The JSON object of a message.

    Raises:
        SonioxRealtimeError: It is not JSON, or no object.
    """
    data: Any = parse_message(message)
    if type(data) is not dict:
        raise SonioxRealtimeError(f"the message is no JSON object but {kind_of(data)}")
    return data  # pyright: ignore[reportUnknownVariableType] - of whatever JSON holds


def error_event(data: dict[str, Any]) -> RealtimeTTSEvent | None:
    """The event of a message that is an error; None if its shape is wrong, which the receiving call raises."""
    try:
        return RealtimeTTSEvent.from_dict(data)
    except SonioxAPIError:
        return None


def text_message(fields: dict[str, Any]) -> Message:
    """The message with these fields as JSON."""
    return Message(TEXT, encoded(fields))


def encoded(fields: dict[str, Any]) -> bytes:
    """These fields as JSON in UTF-8."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
