"""Types of realtime text-to-speech: the configuration of a stream, the messages to it, and its events.

Part of ``types.realtime``; loaded when one of its names is first used, because speech-to-text does not need it.
"""

from __future__ import annotations

import base64
from dataclasses import field

from .._data.records import Payload, ServiceObject
from ..errors import SonioxRealtimeError
from .realtime import decode_message
from .tts import SPEECH_NAMES, check_speech, check_spoken_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Self

    from .._data.rules import FieldErrors
    from .aliases import TtsAudioFormat, TtsBitrate, TtsSampleRate
else:
    # For typing.get_type_hints: values that these names do not list are allowed, too.
    TtsAudioFormat = str
    TtsBitrate = TtsSampleRate = int

__all__ = [
    "RealtimeTTSCancelMessage",
    "RealtimeTTSConfig",
    "RealtimeTTSEvent",
    "RealtimeTTSKeepAliveMessage",
    "RealtimeTTSTextMessage",
    "TtsTimestamps",
]

_MAX_ID_LENGTH = 256


class RealtimeTTSConfig(Payload):
    """How a stream speaks. It cannot be changed once the stream is open.

    Attributes:
        stream_id: Your name for the stream, 1 to 256 characters; unique among those open on a connection.
        model: Text-to-speech model, such as ``tts-rt-v2``.
        language: Code of the text's language, such as ``en``.
        voice: Name of a built-in voice, case included, or the id of a cloned one.
        audio_format: Such as ``pcm_s16le``, ``wav`` or ``mp3``. Which formats there are is checked by the service.
        sample_rate: Samples a second, in Hz; None for the format's default.
        bitrate: Bits a second of compressed audio; None for the codec's default.
        speed: 0.7 to 1.3 times the normal pace; None for 1.0.
        reduce_silence: Whether to shorten pauses, which not every model can; None for no.
        return_timestamps: Whether events have the times of the characters; None for no.
        client_reference_id: Identifier in the usage logs, at most 256 characters; ignored with a temporary key. None
            for none.
    """

    _optional_fields = frozenset({"client_reference_id"})

    stream_id: str
    model: str
    language: str
    voice: str
    audio_format: TtsAudioFormat | str
    sample_rate: TtsSampleRate | int | None = None
    bitrate: TtsBitrate | int | None = None
    speed: float | None = None
    reduce_silence: bool | None = None
    return_timestamps: bool | None = None
    client_reference_id: str | None = None

    def _check(self, check: FieldErrors) -> None:
        _check_stream_id(check, self.stream_id)
        for name in SPEECH_NAMES:
            check.required(name, getattr(self, name))
        check_speech(check, self)
        check.boolean("return_timestamps", self.return_timestamps)
        check.text("client_reference_id", self.client_reference_id, max_length=_MAX_ID_LENGTH)


class RealtimeTTSTextMessage(Payload):
    """Text to speak.

    Attributes:
        text: At most 5000 bytes in UTF-8, which is the limit of a whole stream too; may be empty.
        text_end: Whether no more text will come.
        stream_id: The stream that speaks it.
    """

    text: str = ""
    text_end: bool = False
    stream_id: str

    def _check(self, check: FieldErrors) -> None:
        check.required("text", self.text)
        check_spoken_text(check, self.text)
        if check.required("text_end", self.text_end):
            check.boolean("text_end", self.text_end)
        _check_stream_id(check, self.stream_id)


class RealtimeTTSCancelMessage(Payload):
    """Ends a stream at once; the rest of its text is not spoken.

    Attributes:
        stream_id: The stream to end.
        cancel: True.
    """

    stream_id: str
    cancel: bool = True

    def _check(self, check: FieldErrors) -> None:
        _check_stream_id(check, self.stream_id)
        check.boolean("cancel", self.cancel)


class RealtimeTTSKeepAliveMessage(Payload):
    """Keeps a connection open, but not its streams.

    Attributes:
        keep_alive: True.
    """

    keep_alive: bool = True

    def _check(self, check: FieldErrors) -> None:
        check.boolean("keep_alive", self.keep_alive)


class TtsTimestamps(ServiceObject):
    """When each character is spoken: three lists of one length.

    The characters are those of the text as the service prepared it. Times count from the stream's first sample.

    Attributes:
        characters: One Unicode character each.
        character_start_times_seconds: Start of each, in seconds.
        character_end_times_seconds: End of each, in seconds.
    """

    characters: list[str] = field(default_factory=list[str])
    character_start_times_seconds: list[float] = field(default_factory=list[float])
    character_end_times_seconds: list[float] = field(default_factory=list[float])


class RealtimeTTSEvent(ServiceObject):
    """A message of a stream: audio, its end, or an error.

    Attributes:
        stream_id: The stream; None for a message about the whole connection.
        audio: Audio in Base64; None or empty when there is none. :meth:`audio_bytes` has it decoded.
        audio_end: Whether this is the last of the audio.
        terminated: Whether the stream is over; its id is free again.
        error_code: Error code, like an HTTP status; None when this is not an error.
        error_message: The error in words; None when this is not an error.
        timestamps: When the characters of this audio are spoken; None when not asked for, or not given here.
        error_type: Machine-readable category; None when this is not an error or the service did not say.
        request_id: Id for questions to Soniox support; None when not given.
        more_info: URL of a page about the error; None when not given.
    """

    # Not a field, so that the event has what the service sent and nothing else.
    __slots__ = ("_decoded_audio",)
    _optional_fields = frozenset({"error_type", "request_id", "more_info"})

    stream_id: str | None = None
    audio: str | None = None
    audio_end: bool = False
    terminated: bool = False
    error_code: int | None = None
    error_message: str | None = None
    timestamps: TtsTimestamps | None = None
    error_type: str | None = None
    request_id: str | None = None
    more_info: str | None = None

    @classmethod
    def validate_event(cls, raw: str | bytes) -> Self:
        """The event that a message spells out.

        Args:
            raw: JSON, as text or in UTF-8.

        Raises:
            SonioxRealtimeError: It is not JSON, or not of the documented shape; the message says where.
        """
        return decode_message(cls, raw)

    def audio_bytes(self) -> bytes | None:
        """The audio, decoded once; None when there is none.

        Raises:
            SonioxRealtimeError: ``audio`` is not Base64. That of an event that a stream hands out is.
        """
        audio = self.audio
        if audio is None:
            return None
        found: tuple[str, bytes] | None = getattr(self, "_decoded_audio", None)
        if found is None or found[0] is not audio:
            try:
                found = audio, base64.b64decode(audio, validate=True)
            except ValueError as error:
                raise SonioxRealtimeError(f"the audio of a message is not base64: {error}") from error
            self._decoded_audio = found
        return found[1]


def _check_stream_id(check: FieldErrors, stream_id: object) -> None:
    if check.required("stream_id", stream_id):
        check.text("stream_id", stream_id, min_length=1, max_length=_MAX_ID_LENGTH)
