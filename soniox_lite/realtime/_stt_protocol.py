"""The speech-to-text protocol: which messages a session may send in which state. No I/O.

A session is one stream: start message, audio and control messages, end of audio, ``finished``. The service does not
acknowledge the start. It reports everything that it refuses (a wrong key, too many sessions) in an error message after
the connection is open, and then closes. That message is kept, since it is the reason why later sends fail.
"""

from __future__ import annotations

import json
from enum import IntEnum

from .._data.clock import time
from .._data.json_values import is_buffer, kind_of
from .._data.rules import FieldErrors
from .._websocket.frames import BINARY, TEXT, Message
from ..errors import SonioxRealtimeError, SonioxValidationError
from ..types.realtime import RealtimeControlType, RealtimeEvent, RealtimeSTTConfig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Literal

    from .._websocket.nonblocking import Closure
    from ..types.realtime_tts import RealtimeTTSEvent

    SessionState = Literal["new", "connecting", "open", "ending", "closing", "closed"]

KEEP_ALIVE = Message(TEXT, b'{"type":"keepalive"}')
# An empty text message ends the audio. An empty binary one does nothing.
END_OF_AUDIO = Message(TEXT, b"")
# Unless the session has an interval of its own. While paused; the service gives up after 20 seconds without audio.
KEEP_ALIVE_INTERVAL_SEC = 5.0
# Before the start message; the service gives up after 40 seconds.
HOLD_INTERVAL_SEC = 20.0
# Larger messages are sent in pieces: servers limit them, and a pause or a close can take effect between two pieces.
MAX_MESSAGE_BYTES = 64 * 1024

# Enough for the header of a WAV file.
_HEAD_BYTES = 4096

# Searched for in messages before they are parsed.
_FINISHED, _ERROR = b'"finished"', b'"error_code"'
_WITH_TOKENS = (b'{"tokens":[{', b'{"tokens": [{')


class State(IntEnum):
    """How far a session has come. A session only moves to later states."""

    NEW = 0
    CONNECTING = 1
    HELD = 2
    """The connection is open; the start message has not been sent."""
    OPEN = 3
    ENDING = 4
    """The end of the audio has been sent."""
    FAILED = 5
    """The service refused the session; it closes the connection next."""
    CLOSING = 6
    """The stream is over; the WebSocket close handshake is under way."""
    ABANDONED = 7
    """Closed before the connection was open."""
    CLOSED = 8
    """The connection has ended."""
    DISMISSED = 9
    """The program has closed the session, which was connected."""


_NOT_CONNECTED = "the session is not connected; enter it first"
_ENDED = "the end of the audio was sent; a stream takes nothing after it"

# For each state: its public word, and why nothing can be sent in it (None where audio and control messages can be).
# When the service or a broken connection is the reason, their own error is raised instead.
_STATES: dict[int, tuple[SessionState, str | None]] = {
    State.NEW: ("new", _NOT_CONNECTED),
    State.CONNECTING: ("connecting", _NOT_CONNECTED),
    State.HELD: ("open", None),
    State.OPEN: ("open", None),
    State.ENDING: ("ending", _ENDED),
    State.FAILED: ("ending", "the service refused the session"),
    State.CLOSING: ("closing", "the session is being closed"),
    State.ABANDONED: ("closed", _NOT_CONNECTED),
    State.CLOSED: ("closed", "the session was closed, so it is not connected any more"),
    State.DISMISSED: ("closed", "the session was closed, so it is not connected any more"),
}
# Looked up for each chunk, which is slow on an enum in Python 3.10 and 3.11.
OPEN = State.OPEN


def may_be_terminal(message: bytes) -> bool:
    """Whether a message may say that the session is finished or failed, judged without parsing it."""
    if message.startswith(_WITH_TOKENS):
        # "finished" stands behind the tokens. Searching the tokens would cost a tenth of the time for each event.
        return message.find(_FINISHED, message.rfind(b"]")) >= 0
    return _FINISHED in message or _ERROR in message


def has_token(message: bytes) -> bool:
    """Whether there is a token in a message, judged without parsing it."""
    return message.startswith(_WITH_TOKENS) or b'"is_final"' in message


class Progress:
    """A state that only moves to later ones. Any thread may move it.

    Attributes:
        state: The latest state that was reached.
    """

    def __init__(self, state: int) -> None:
        self.state: int = state
        self._reached = [state]

    def has_reached(self, state: int) -> bool:
        """Whether this state was passed through, or is the current one."""
        return state in self._reached

    def advance(self, state: int) -> None:
        """Moves to a state, unless a later one has been reached.

        Without a lock, since a signal handler may interrupt its own thread here: whichever writer is last stores the
        latest state that any of them has reached.
        """
        if state not in self._reached:
            self._reached.append(state)
            while self.state is not (latest := max(self._reached)):
                self.state = latest


class SttProtocol(Progress):
    """The state of one session, and the messages that it sends.

    Messages are made one at a time, in the order in which they are sent. The state may be moved by any thread.

    Attributes:
        config: What the session was set up with.
        state: How far the session has come, a :class:`State`.
        is_paused: Whether audio is dropped.
        dropped_audio_bytes: How much audio has been dropped.
        audio_bytes: How much audio has been made into messages.
        head: How it began.
        first_audio_at: When it began, on a monotonic clock; None before that.
        messages_received: How many messages have arrived.
        first_token_at: When the first token arrived; None before that.
        finished: The event that said that the session is finished; None before it.
        failure: The event that the service refused the session with; None if it did not.
        closure: How the connection ended; None while it is open.
    """

    def __init__(self, config: RealtimeSTTConfig, keep_alive_interval_sec: float | None = None) -> None:
        """A session that is not connected.

        Args:
            config: What the session is set up with.
            keep_alive_interval_sec: After how many seconds without audio the session has to be kept alive, whatever its
                state; None for what the states need: nothing while it is open and not paused.
        """
        super().__init__(State.NEW)
        self.config = config
        self._keep_alive_interval_sec = keep_alive_interval_sec
        self.is_paused: bool = False
        self.dropped_audio_bytes: int = 0
        self.finished: RealtimeEvent | None = None
        self.failure: RealtimeEvent | None = None
        self.closure: Closure | None = None
        self.audio_bytes: int = 0
        self.head: bytes = b""
        self.first_audio_at: float | None = None
        self.messages_received = 0
        self.first_token_at: float | None = None
        # The last terminal message, and its event.
        self._terminal: tuple[bytes | None, RealtimeEvent | None] = (None, None)

    @property
    def public_state(self) -> SessionState:
        """The state in the words of the public API."""
        return _STATES[self.state][0]

    @property
    def is_connected(self) -> bool:
        """Whether the connection is open, as far as is known."""
        return State.HELD <= self.state < State.ABANDONED

    @property
    def was_connected(self) -> bool:
        """Whether the connection is or was open."""
        return self.state >= State.HELD and self.state is not State.ABANDONED

    @property
    def was_started(self) -> bool:
        """Whether the start message has been made."""
        return self.has_reached(OPEN)

    @property
    def keepalive_interval_sec(self) -> float | None:
        """After how many seconds without audio it has to be kept alive in the background; None for not at all."""
        if self.state is State.HELD:
            return self._keep_alive_interval_sec or HOLD_INTERVAL_SEC
        if self.state is not OPEN:
            return None
        return self._keep_alive_interval_sec or (KEEP_ALIVE_INTERVAL_SEC if self.is_paused else None)

    @property
    def needs_audio(self) -> bool:
        """Whether the service ends the session if no audio comes, and no keepalive of the program's own."""
        return self.state is OPEN and self.keepalive_interval_sec is None

    @property
    def has_ended(self) -> bool:
        """Whether the audio was ended, or the program closed the session: nothing is left to finalize or keep alive."""
        return self.has_reached(State.ENDING) or self.was_dismissed

    @property
    def was_dismissed(self) -> bool:
        """Whether the program has closed the session, or is about to."""
        return self.has_reached(State.CLOSING) or self.state is State.DISMISSED

    def dismiss(self) -> None:
        """The program closes the session."""
        self.advance(State.DISMISSED if self.was_connected else State.ABANDONED)

    def start(self) -> Message | None:
        """The message that starts the stream, without the key; None if it was made before.

        Raises:
            SonioxRealtimeError: The service refused the session, or it is closed.
        """
        if self.state in (OPEN, State.ENDING):
            return None
        self.check_may_send()
        self.advance(OPEN)
        return Message(TEXT, json.dumps(self.config.to_dict(), ensure_ascii=False, separators=(",", ":")).encode())

    def audio(self, piece: bytes | bytearray | memoryview) -> Message | None:
        """The message with a piece of audio; None if the piece is empty or dropped.

        Raises:
            SonioxRealtimeError: The service refused the session, or the audio has been ended.
        """
        if self.state is not OPEN:
            self.check_may_send()
        if self.is_paused or self.state is State.HELD:
            self.dropped_audio_bytes += len(piece)
            return None
        if not piece:
            return None
        if not self.audio_bytes:
            self.first_audio_at, self.head = time.monotonic(), bytes(piece[:_HEAD_BYTES])
        self.audio_bytes += len(piece)
        return Message(BINARY, piece)

    def finish(self) -> Message | None:
        """The message that ends the audio; None if it was made before.

        Raises:
            SonioxRealtimeError: The service refused the session, or it is closed.
        """
        if self.state in (State.ENDING, State.CLOSING):
            return None
        self.check_may_send()
        self.advance(State.ENDING)
        return END_OF_AUDIO

    def keep_alive(self) -> Message | None:
        """The message that keeps the session open without audio; None when it :attr:`has_ended`.

        Raises:
            SonioxRealtimeError: The service refused the session, or the connection broke.
        """
        if self.has_ended:
            return None
        self.check_may_send()
        return KEEP_ALIVE

    def finalize(self, trailing_silence_ms: int | None = None) -> Message | None:
        """The message that makes all tokens so far final; None when it :attr:`has_ended`.

        Args:
            trailing_silence_ms: How many milliseconds of silence the audio ended with; None to leave it out.

        Raises:
            SonioxRealtimeError: The service refused the session, or the connection broke.
        """
        if self.has_ended:
            return None
        self.check_may_send()
        message: dict[str, Any] = {"type": "finalize"}
        if trailing_silence_ms is not None:
            message["trailing_silence_ms"] = trailing_silence_ms
        return Message(TEXT, json.dumps(message, separators=(",", ":")).encode())

    def pause(self, finalize: bool) -> Message | None:
        """Starts to drop audio; gives the message that makes all tokens so far final, if that is asked for.

        Raises:
            SonioxRealtimeError: The service refused the session, or the audio has been ended.
        """
        self.check_may_send()
        if self.is_paused:
            return None
        self.is_paused = True
        return self.finalize() if finalize and self.state is OPEN else None

    def resume(self) -> None:
        """Stops dropping audio."""
        self.is_paused = False

    def check_may_send(self) -> None:
        """Raises unless the service still takes audio and control messages.

        Raises:
            SonioxRealtimeError: It refused the session, the audio has been ended, or there is no open connection.
        """
        if _STATES[self.state][1] is not None:
            raise self.refusal()

    def refusal(self) -> SonioxRealtimeError:
        """Why nothing can be sent in this state."""
        if self.failure is not None:
            return error_of(self.failure)
        if self.closure is not None:
            return self.closure.as_error()
        return SonioxRealtimeError(_STATES[self.state][1] or "the session is open")

    def observe(self, message: bytes) -> RealtimeEvent | None:
        """Parses a message that :func:`may_be_terminal` as it arrives, before it is received.

        Returns:
            The event, if it is the first to say that the session is finished or failed; else None.
        """
        try:
            event = RealtimeEvent.validate_event(message)
        except SonioxRealtimeError:
            return None  # Raised where the message is received.
        if not self.is_terminal(event):
            return None
        self._terminal = (message, event)
        return event

    def observed(self, message: bytes) -> RealtimeEvent | None:
        """The event of a message that :meth:`observe` has parsed; None for other messages."""
        terminal = self._terminal
        return terminal[1] if message is terminal[0] else None

    def is_terminal(self, event: RealtimeEvent) -> bool:
        """Whether an event is the first to say that the session is finished or failed; keeps it if so."""
        if event.error_code is not None and self.failure is None:
            self.failure = event
            self.advance(State.FAILED)
        elif event.error_code is None and event.finished and self.finished is None:
            self.finished = event
        else:
            return False
        return True


def error_of(event: RealtimeEvent | RealtimeTTSEvent) -> SonioxRealtimeError:
    """An event that is an error, as an exception."""
    return SonioxRealtimeError(
        event.error_message or "the service gave no reason",
        error_code=event.error_code,
        error_type=event.error_type,
        request_id=event.request_id,
    )


def check_trailing_silence(trailing_silence_ms: int | None) -> None:
    """Raises unless this can be the silence that some audio ended with, in milliseconds.

    Raises:
        SonioxValidationError: It is negative, more than an hour, or no int.
    """
    with FieldErrors("finalize") as check:
        check.integer("trailing_silence_ms", trailing_silence_ms, minimum=0, maximum=3_600_000)


def checked_control_type(control_type: Any) -> RealtimeControlType:
    """A control type, also from its text.

    Raises:
        SonioxValidationError: There is no such type.
    """
    try:
        return RealtimeControlType(control_type)
    except ValueError:
        names = ", ".join(repr(known.value) for known in RealtimeControlType)
        raise SonioxValidationError(f"control_type must be one of {names}, got {kind_of(control_type)}") from None


def audio_pieces(chunk: Any) -> Iterable[bytes | bytearray | memoryview]:
    """A chunk of audio, cut into pieces of at most 64 KiB; one empty piece for an empty chunk.

    Raises:
        SonioxValidationError: It is not bytes, and no other buffer.
    """
    if not isinstance(chunk, (bytes, bytearray)):
        if not is_buffer(chunk):
            raise SonioxValidationError(f"audio must be bytes, got {kind_of(chunk)}")
        # Not copied if possible: copying a large buffer would block other tasks and threads.
        view = memoryview(chunk)
        chunk = view.cast("B") if view.c_contiguous and view.nbytes else view.tobytes()
    size = len(chunk)
    if size <= MAX_MESSAGE_BYTES:
        return [chunk]
    return (chunk[start : start + MAX_MESSAGE_BYTES] for start in range(0, size, MAX_MESSAGE_BYTES))
