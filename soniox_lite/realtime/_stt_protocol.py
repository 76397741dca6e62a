"""What a realtime speech-to-text session may say and when, and what it is told. No I/O.

A session is one stream: start message, audio and control messages, end of audio, ``finished``. The service never
acknowledges the start, and refuses everything (a wrong key, too many sessions) by an error message after the connection
is open; after such a message it closes. So an error found in a message is kept: it is why later sends fail.
"""

from __future__ import annotations

import json

from .._data.json_values import is_buffer, kind_of
from .._data.rules import FieldErrors
from ..errors import SonioxRealtimeError, SonioxValidationError
from ..types.realtime import RealtimeControlType, RealtimeEvent, RealtimeSTTConfig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..types.realtime_tts import RealtimeTTSEvent

KEEP_ALIVE_MESSAGE = b'{"type":"keepalive"}'
# An empty text message ends the audio. An empty binary one ends nothing.
END_OF_AUDIO = b""

# Looked for in messages that are not received yet.
_FINISHED, _ERROR = b'"finished"', b'"error_code"'
_WITH_TOKENS = (b'{"tokens":[{', b'{"tokens": [{')


def may_be_news(message: bytes) -> bool:
    """Whether a message may say that the session is finished or failed, as far as can be seen without parsing it."""
    if message.startswith(_WITH_TOKENS):
        # The last one may; looking through its tokens would cost a tenth of all that an event costs.
        return message.find(_FINISHED, message.rfind(b"]")) >= 0
    return _FINISHED in message or _ERROR in message


class SttProtocol:
    """The state of one session.

    Attributes:
        config: What the session was set up with.
        is_started: Whether the start message has been given out to be sent.
        is_ended: Whether the end of the audio has been given out to be sent.
        finished: The event that said that the session came to its end; None before it.
        failure: The event that the service refused the session with; None if it did not.
    """

    def __init__(self, config: RealtimeSTTConfig) -> None:
        self.config = config
        self.is_started = False
        self.is_ended = False
        self.finished: RealtimeEvent | None = None
        self.failure: RealtimeEvent | None = None

    def start(self) -> bytes | None:
        """The message that starts the stream, without the key; None when it has been given out before.

        Raises:
            SonioxRealtimeError: The service refused the session.
        """
        if self.is_started:
            return None
        self.check_may_send()
        self.is_started = True
        return json.dumps(self.config.to_dict(), ensure_ascii=False, separators=(",", ":")).encode()

    def say(self, payload: bytes) -> bytes:
        """Audio or a control message.

        Raises:
            SonioxRealtimeError: The service refused the session, or the audio has been ended.
        """
        self.check_may_send()
        return payload

    def end(self) -> bytes | None:
        """The message that ends the audio; None when it has been given out before.

        Raises:
            SonioxRealtimeError: The service refused the session.
        """
        if self.is_ended:
            return None
        self.check_may_send()
        self.is_ended = True
        return END_OF_AUDIO

    def check_may_send(self) -> None:
        """Raises unless the service still takes audio and control messages.

        Raises:
            SonioxRealtimeError: It refused the session, or the audio has been ended.
        """
        if self.failure is not None:
            raise self.failure_error()
        if self.is_ended:
            raise SonioxRealtimeError("the end of the audio was sent; a stream takes nothing after it")

    def note(self, message: bytes) -> RealtimeEvent | None:
        """Looks into a message that :func:`may_be_news`, as it arrives and before anybody receives it.

        Returns:
            The event, if it says that the session is finished or failed; None for all others.
        """
        try:
            event = RealtimeEvent.validate_event(message)
        except SonioxRealtimeError:
            return None  # Whoever receives it is told.
        return event if self.is_news(event) else None

    def is_news(self, event: RealtimeEvent) -> bool:
        """Whether an event says that the session is finished or failed, and is the first to do so; keeps it if so."""
        if event.error_code is not None and self.failure is None:
            self.failure = event
        elif event.error_code is None and event.finished and self.finished is None:
            self.finished = event
        else:
            return False
        return True

    def failure_error(self) -> SonioxRealtimeError:
        """The error that the service refused the session with."""
        event = self.failure or RealtimeEvent()
        return error_of(event)


def error_of(event: RealtimeEvent | RealtimeTTSEvent) -> SonioxRealtimeError:
    """An event that is an error, as an exception."""
    return SonioxRealtimeError(
        event.error_message or "the service gave no reason",
        error_code=event.error_code,
        error_type=event.error_type,
        request_id=event.request_id,
    )


def finalize_message(trailing_silence_ms: int | None) -> bytes:
    """The message that makes all tokens so far final.

    Args:
        trailing_silence_ms: How much silence the audio ended with, as far as this side knows; None to not say.

    Raises:
        SonioxValidationError: It is negative, or no int.
    """
    with FieldErrors("finalize") as check:
        check.integer("trailing_silence_ms", trailing_silence_ms, minimum=0, maximum=3_600_000)
    message: dict[str, Any] = {"type": "finalize"}
    if trailing_silence_ms is not None:
        message["trailing_silence_ms"] = trailing_silence_ms
    return json.dumps(message, separators=(",", ":")).encode()


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


def checked_audio(chunk: Any) -> bytes | bytearray | memoryview:
    """A chunk of audio, to be cut into bytes; it is not copied, since that would hold all else up if it is large.

    Raises:
        SonioxValidationError: It is something else.
    """
    if isinstance(chunk, (bytes, bytearray)):
        return chunk
    if is_buffer(chunk):
        view = memoryview(chunk)
        return view.cast("B") if view.c_contiguous and view.nbytes else view.tobytes()
    raise SonioxValidationError(f"audio must be bytes, got {kind_of(chunk)}")
