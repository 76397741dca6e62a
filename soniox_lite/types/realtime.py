"""Types of realtime sessions: how one is started, what it tells, and what it can be told."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from enum import Enum

from .._data.decoding import adopt
from .._data.json_values import MismatchError
from .._data.records import Payload, Record, ServiceObject
from .._data.rules import FieldErrors
from .._lazy import lazy_names
from ..errors import SonioxRealtimeError
from .common import Token as Token

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal, TypeVar

    from typing_extensions import Self

    from .aliases import (
        EventType as EventType,
        RealtimeSTTAudioFormat as RealtimeSTTAudioFormat,
        RealtimeSTTHeaderFormat as RealtimeSTTHeaderFormat,
        RealtimeSTTRawFormat as RealtimeSTTRawFormat,
        TtsAudioFormat as TtsAudioFormat,
        TtsBitrate as TtsBitrate,
        TtsSampleRate as TtsSampleRate,
    )
    from .realtime_tts import (
        RealtimeTTSCancelMessage as RealtimeTTSCancelMessage,
        RealtimeTTSConfig as RealtimeTTSConfig,
        RealtimeTTSEvent as RealtimeTTSEvent,
        RealtimeTTSKeepAliveMessage as RealtimeTTSKeepAliveMessage,
        RealtimeTTSTextMessage as RealtimeTTSTextMessage,
        TtsTimestamps as TtsTimestamps,
    )
    from .transcriptions import StructuredContext, TranslationConfig

    AudioFormat = RealtimeSTTAudioFormat
    Opened = Literal["open"]
    Closed = Literal["close"]
    Finished = Literal["finished"]
    Failed = Literal["error"]
    StateChanged = Literal["state_change"]
    ObjectT = TypeVar("ObjectT", bound=ServiceObject)
else:
    # For typing.get_type_hints, without the cost of loading the modules of these names.
    Any = object
    AudioFormat = Opened = Closed = Finished = Failed = StateChanged = str
    # Not loaded for a session that has neither; dicts stand for them too.
    StructuredContext = TranslationConfig = object

_DECODER = json.JSONDecoder()

# Texts of tokens that are no speech: a finalize() was completed, and an endpoint was detected.
TOKEN_TEXT_FIN = "<fin>"  # noqa: S105 - no password
TOKEN_TEXT_END = "<end>"  # noqa: S105

# The same words as in aliases.py, which needs typing and is not loaded when sessions run.
_HEADER_FORMATS = ("aac", "aiff", "amr", "asf", "flac", "mp3", "ogg", "wav", "webm")
_RAW_FORMATS = (
    "pcm_s8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be",
    "pcm_u8", "pcm_u16le", "pcm_u16be", "pcm_u24le", "pcm_u24be", "pcm_u32le", "pcm_u32be",
    "pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be", "mulaw", "alaw",
)  # fmt: skip


@dataclass(repr=False, eq=False, kw_only=True)
class RealtimeEvent(ServiceObject):
    """A message of a realtime session: tokens, the end, or an error.

    Final tokens come once and never change. Non-final tokens replace all non-final tokens of the event before, also
    when there are none; appending them duplicates text (:class:`~soniox_lite.transcript.TranscriptBuffer` does it
    right).

    Attributes:
        tokens: Final ones first; may be empty. ``<end>`` and ``<fin>`` among them are marks, not speech.
        final_audio_proc_ms: Milliseconds of audio that the final tokens cover so far; None on errors.
        total_audio_proc_ms: Milliseconds of audio that all tokens cover so far; None on errors.
        finished: Whether this is the last event of a session that came to its end.
        error_code: Error code, like an HTTP status; None when this is not an error.
        error_message: The error in words; None when this is not an error.
        error_type: Machine-readable category; None when this is not an error or the service did not say.
        request_id: Id for questions to Soniox support; None when not given.
        more_info: URL of a page about the error; None when not given.
    """

    _checks_optional = False

    tokens: list[Token] = field(default_factory=list[Token])
    final_audio_proc_ms: int | None = None
    total_audio_proc_ms: int | None = None
    finished: bool = False
    error_code: int | None = None
    error_message: str | None = None
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


@dataclass(repr=False, eq=False, kw_only=True)
class RealtimeSTTConfig(Payload):
    """How a realtime session shall listen. It cannot be changed while the session is open.

    Attributes:
        model: Realtime model, such as ``stt-rt-v5``.
        audio_format: ``auto`` for audio with a header that tells its format; a container's name; or a raw format,
            which needs ``sample_rate`` and ``num_channels``. Raw audio sent as ``auto`` ends in a timeout.
        num_channels: Channels of raw audio; None when the header tells.
        sample_rate: Samples a second and channel of raw audio, in Hz; None when the header tells.
        language_hints: Two-letter codes of the languages to expect, each once; None to detect them.
        language_hints_strict: Whether to stay with those languages.
        context: Background that helps recognition, structured or (legacy) as one string.
        enable_speaker_diarization: Whether to tell speakers apart.
        enable_language_identification: Whether to tell the language of each token.
        enable_endpoint_detection: Whether to finalize tokens, and to say ``<end>``, when a speaker has finished.
        max_endpoint_delay_ms: How long after the end of speech ``<end>`` may come, 500 to 3000 milliseconds.
        endpoint_sensitivity: -1.0 to 1.0; higher values find more endpoints.
        endpoint_latency_adjustment_level: 0 to 3.
        translation: What to translate; None for nothing.
        client_reference_id: Your own identifier, at most 256 characters; ignored with a temporary key.
        api_key: Key for this session instead of the client's. A secret: neither in ``repr()`` nor in ``to_dict()``,
            since it travels in the handshake.
    """

    _secret_fields = frozenset({"api_key"})

    model: str
    audio_format: AudioFormat = "auto"
    num_channels: int | None = None
    sample_rate: int | None = None
    language_hints: list[str] | None = None
    language_hints_strict: bool | None = None
    context: StructuredContext | dict[str, Any] | str | None = None
    enable_speaker_diarization: bool | None = None
    enable_language_identification: bool | None = None
    enable_endpoint_detection: bool | None = None
    max_endpoint_delay_ms: int | None = None
    endpoint_sensitivity: float | None = None
    endpoint_latency_adjustment_level: int | None = None
    translation: TranslationConfig | dict[str, Any] | None = None
    client_reference_id: str | None = None
    api_key: str | None = None

    def __post_init__(self) -> None:
        with FieldErrors(self) as check:
            if check.required("model", self.model):
                check.text("model", self.model, min_length=1)
            self._check_audio(check)
            self._check_hints(check)
            for flag in (
                "language_hints_strict",
                "enable_speaker_diarization",
                "enable_language_identification",
                "enable_endpoint_detection",
            ):
                check.boolean(flag, getattr(self, flag))
            check.integer("max_endpoint_delay_ms", self.max_endpoint_delay_ms, minimum=500, maximum=3000)
            sensitivity = self.endpoint_sensitivity
            if sensitivity is not None:
                if not isinstance(sensitivity, (int, float)) or isinstance(sensitivity, bool):
                    check.add("endpoint_sensitivity", "must be a number", sensitivity)
                elif not -1.0 <= sensitivity <= 1.0:
                    check.add("endpoint_sensitivity", "must be from -1.0 to 1.0", sensitivity)
            check.integer(
                "endpoint_latency_adjustment_level", self.endpoint_latency_adjustment_level, minimum=0, maximum=3
            )
            self._check_structures(check)
            check.text("client_reference_id", self.client_reference_id, max_length=256)
            check.text("api_key", self.api_key, min_length=1)

    def to_dict(self) -> dict[str, Any]:
        """The fields as the start message has them: JSON-ready, without those that are None, never with the key."""
        return {name: value for name, value in super().to_dict().items() if name != "api_key"}

    def build_payload(self, api_key: str) -> Self:
        """A copy that carries a key.

        Raises:
            SonioxValidationError: The key is empty or not a string.
        """
        with FieldErrors(self) as check:
            check.required("api_key", api_key)
        return dataclasses.replace(self, api_key=api_key)

    def _check_audio(self, check: FieldErrors) -> None:
        if check.required("audio_format", self.audio_format):
            check.choice("audio_format", self.audio_format, ("auto", *_HEADER_FORMATS, *_RAW_FORMATS))
        for name in ("sample_rate", "num_channels"):
            value = getattr(self, name)
            if value is None:
                if self.audio_format in _RAW_FORMATS:
                    check.add(name, f"must be given for {self.audio_format}, which has no header", value)
            elif not isinstance(value, int) or isinstance(value, bool):
                check.add(name, "must be an int", value)
            elif value < 1:
                # The service has an upper bound too, which it does not publish.
                check.add(name, "must be at least 1", value)

    def _check_hints(self, check: FieldErrors) -> None:
        seen: set[str] = set()
        for path, hint in check.items("language_hints", self.language_hints):
            check.language(path, hint)
            if isinstance(hint, str):
                if hint.lower() in seen:
                    check.add(path, "must not be there twice", hint)
                seen.add(hint.lower())

    def _check_structures(self, check: FieldErrors) -> None:
        if isinstance(self.context, str):
            check.text("context", self.context)
        elif self.context is not None:
            from .transcriptions import StructuredContext  # noqa: PLC0415 - most sessions do without

            self.context = check.record("context", self.context, StructuredContext)
        if self.translation is not None:
            from .transcriptions import TranslationConfig  # noqa: PLC0415 - most sessions do without

            self.translation = check.record("translation", self.translation, TranslationConfig)


class RealtimeControlType(str, Enum):
    """What a session can be told besides audio."""

    FINISH = "finish"
    """No more audio will come."""
    KEEP_ALIVE = "keep_alive"
    """The session shall stay open although no audio comes."""
    FINALIZE = "finalize"
    """All tokens of the audio sent so far shall become final."""


@dataclass(repr=False, eq=False, kw_only=True)
class RealtimeSessionOpenPayload(Record):
    """A session was opened.

    Attributes:
        type: ``open``.
    """

    type: Opened = "open"


@dataclass(repr=False, eq=False, kw_only=True)
class RealtimeSessionClosePayload(Record):
    """A session's connection was closed.

    Attributes:
        type: ``close``.
        code: WebSocket close code; 1006 when the connection broke without one; None when not known.
        reason: What the service said with it, often nothing; None when not known.
    """

    type: Closed = "close"
    code: int | None = None
    reason: str | None = None


@dataclass(repr=False, eq=False, kw_only=True)
class RealtimeSessionFinishedPayload(Record):
    """A session came to its end: all tokens have been delivered.

    Attributes:
        type: ``finished``.
        event: The event that said so.
    """

    type: Finished = "finished"
    event: RealtimeEvent


@dataclass(repr=False, eq=False, kw_only=True)
class RealtimeSessionErrorPayload(Record):
    """A session failed.

    Attributes:
        type: ``error``.
        error: Why.
        event: What the service said about it; None when the error was found on this side.
    """

    # Or pydantic would have to know how to read an exception.
    __pydantic_config__ = {"arbitrary_types_allowed": True}  # noqa: RUF012 - no field

    type: Failed = "error"
    error: Exception
    event: RealtimeEvent | None = None

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-ready values, the error as its text."""
        return {**super().to_dict(), "error": str(self.error)}


@dataclass(repr=False, eq=False, kw_only=True)
class RealtimeSessionStateChangePayload(Record):
    """The state of a session has changed.

    Attributes:
        type: ``state_change``.
        old_state: The state before, as ``session.state`` gave it.
        new_state: The state now.
    """

    type: StateChanged = "state_change"
    old_state: str
    new_state: str


RealtimeSessionEventPayload = (
    RealtimeSessionOpenPayload
    | RealtimeSessionClosePayload
    | RealtimeSessionFinishedPayload
    | RealtimeSessionErrorPayload
)

lazy_names(
    __name__,
    {
        ".aliases": (
            "EventType",
            "RealtimeSTTAudioFormat",
            "RealtimeSTTHeaderFormat",
            "RealtimeSTTRawFormat",
            "TtsAudioFormat",
            "TtsBitrate",
            "TtsSampleRate",
        ),
        ".realtime_tts": (
            "RealtimeTTSCancelMessage",
            "RealtimeTTSConfig",
            "RealtimeTTSEvent",
            "RealtimeTTSKeepAliveMessage",
            "RealtimeTTSTextMessage",
            "TtsTimestamps",
        ),
    },
    own=(
        "TOKEN_TEXT_END",
        "TOKEN_TEXT_FIN",
        "RealtimeControlType",
        "RealtimeEvent",
        "RealtimeSTTConfig",
        "RealtimeSessionClosePayload",
        "RealtimeSessionErrorPayload",
        "RealtimeSessionEventPayload",
        "RealtimeSessionFinishedPayload",
        "RealtimeSessionOpenPayload",
        "RealtimeSessionStateChangePayload",
        "Token",
    ),
)


def decode_message(cls: type[ObjectT], raw: str | bytes) -> ObjectT:
    """The reply of a class that a message of a session spells out, as JSON text or in UTF-8.

    Raises:
        SonioxRealtimeError: It is not JSON, or not of the documented shape; the message says where.
    """
    return adopt_message(cls, parse_message(raw))


def adopt_message(cls: type[ObjectT], data: Any) -> ObjectT:
    """The same of a message that has been parsed. ``data`` becomes part of it and must not be used again.

    Raises:
        SonioxRealtimeError: It is not of the documented shape; the message says where.
    """
    try:
        return adopt(cls, data)
    except MismatchError as error:
        raise SonioxRealtimeError(f"the message {error.describe(cls)}") from None


def parse_message(raw: str | bytes) -> Any:
    """The JSON value of a message of a session.

    Raises:
        SonioxRealtimeError: It is not JSON.
    """
    try:
        # bytes.decode is strict, which the detection of encodings inside json.loads is not.
        text = raw if isinstance(raw, str) else str(raw, "utf-8")
        # json.loads also looks for white space at both ends, which takes a twentieth of the time of an event.
        if text.startswith("{"):
            value, end = _DECODER.raw_decode(text)
            if end == len(text):
                return value
        return json.loads(text)
    except (ValueError, RecursionError, TypeError) as error:
        raise SonioxRealtimeError(f"the message is not JSON: {_describe(raw)}") from error


def _describe(raw: object) -> str:
    """What a message is, for an error's text: the service's answers hold no secrets."""
    shown = repr(raw[:80]) if isinstance(raw, (str, bytes, bytearray)) else type(raw).__name__
    return f"{shown} (of length {len(raw)})" if isinstance(raw, (str, bytes, bytearray)) else shown
