"""Types of realtime sessions: their configuration, their events, and what a client can send besides audio."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum

from .._data.decoding import adopt
from .._data.json_values import MismatchError
from .._data.records import Record, ServiceObject
from .._data.rules import FieldErrors
from .._lazy import lazy_names
from ..errors import SonioxRealtimeError
from .common import Token as Token
from .stt_options import SttOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, Literal, TypeVar

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
    _optional_fields = frozenset({"error_type", "request_id", "more_info"})

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


class RealtimeSTTConfig(SttOptions):
    """How a realtime session listens. It cannot be changed while the session is open.

    Attributes:
        model: Realtime model, such as ``stt-rt-v5``.
        audio_format: ``auto`` for audio with a header that tells its format; a container's name; or a raw format,
            which needs ``sample_rate`` and ``num_channels``. Raw audio sent as ``auto`` ends in a time-out.
        num_channels: Number of channels of raw audio; None for audio with a header.
        sample_rate: Samples a second and channel of raw audio, in Hz; None for audio with a header.
        language_hints: Two-letter codes of the languages to expect, each once, at most 100; None to detect them.
        language_hints_strict: Whether to recognize only those languages; None for no.
        context: Background that helps recognition, structured or (legacy) as one string; None for none.
        enable_speaker_diarization: Whether tokens have speakers; None for no.
        enable_language_identification: Whether tokens have languages; None for no.
        enable_endpoint_detection: Whether tokens become final, and an ``<end>`` follows, when a speaker pauses; None
            for no.
        max_endpoint_delay_ms: The most milliseconds from the end of speech to ``<end>``, 500 to 3000; None for the
            service's default.
        endpoint_sensitivity: -1.0 to 1.0: the higher, the more endpoints; None for the service's default.
        endpoint_latency_adjustment_level: 0 to 3: the higher, the sooner endpoints come; None for the
            service's default.
        translation: What to translate; None for nothing.
        client_reference_id: Identifier in the usage logs, at most 256 characters; ignored with a temporary key. None
            for none.
        api_key: Key for this session; None for the client's. A secret, sent in the handshake: neither in ``repr()`` nor
            in ``to_dict()`` and ``model_dump()``.
    """

    _secret_fields = frozenset({"api_key"})
    _optional_fields = frozenset({"api_key"})
    # As in the official SDK's type.
    _field_order = (
        "model audio_format num_channels sample_rate language_hints language_hints_strict context "
        "enable_speaker_diarization enable_language_identification enable_endpoint_detection max_endpoint_delay_ms "
        "endpoint_sensitivity endpoint_latency_adjustment_level translation client_reference_id"
    )

    model: str
    audio_format: AudioFormat = "auto"
    num_channels: int | None = None
    sample_rate: int | None = None
    enable_endpoint_detection: bool | None = None
    max_endpoint_delay_ms: int | None = None
    endpoint_sensitivity: float | None = None
    endpoint_latency_adjustment_level: int | None = None
    api_key: str | None = None

    def _check(self, check: FieldErrors) -> None:
        if check.required("model", self.model):
            check.text("model", self.model, min_length=1)
        if check.required("audio_format", self.audio_format):
            check.choice("audio_format", self.audio_format, ("auto", *_HEADER_FORMATS, *_RAW_FORMATS))
        for name in ("sample_rate", "num_channels"):
            # The service has an upper bound too, which it does not publish.
            check.integer(name, getattr(self, name), minimum=1)
            if getattr(self, name) is None and self.audio_format in _RAW_FORMATS:
                check.add(name, f"must be given for {self.audio_format}, which has no header", None)
        super()._check(check)
        self._check_hints(check)
        check.boolean("enable_endpoint_detection", self.enable_endpoint_detection)
        check.integer("max_endpoint_delay_ms", self.max_endpoint_delay_ms, minimum=500, maximum=3000)
        check.number("endpoint_sensitivity", self.endpoint_sensitivity, minimum=-1.0, maximum=1.0)
        level = self.endpoint_latency_adjustment_level
        check.integer("endpoint_latency_adjustment_level", level, minimum=0, maximum=3)
        check.text("api_key", self.api_key, min_length=1)

    def _data(self) -> dict[str, Any]:
        return {name: value for name, value in super()._data().items() if name != "api_key"}

    def build_payload(self, api_key: str) -> Self:
        """A copy that carries a key.

        Args:
            api_key: The key, not empty.

        Raises:
            SonioxValidationError: The key is empty or not a string.
        """
        with FieldErrors(self) as check:
            if check.required("api_key", api_key):
                check.text("api_key", api_key, min_length=1)
        return self.model_copy(update={"api_key": api_key})

    def _check_hints(self, check: FieldErrors) -> None:
        hints = self.language_hints if isinstance(self.language_hints, list) else []
        seen: set[str] = set()
        for index, hint in enumerate(hints):
            if isinstance(hint, str):
                if hint.lower() in seen:
                    check.add(f"language_hints[{index}]", "must not be there twice", hint)
                seen.add(hint.lower())


class RealtimeControlType(str, Enum):
    """What a client can send besides audio."""

    FINISH = "finish"
    """No more audio will come."""
    KEEP_ALIVE = "keep_alive"
    """Keeps the session open while no audio is sent."""
    FINALIZE = "finalize"
    """Makes all tokens of the audio that was sent so far final."""


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
        reason: The service's text for it, often empty; None when not known.
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
        error: The error.
        event: The service's event about it; None when the service has sent none.
    """

    if TYPE_CHECKING:
        __pydantic_config__: ClassVar[dict[str, bool]]
    # Without this, pydantic refuses a field that holds an exception.
    __pydantic_config__ = {"arbitrary_types_allowed": True}  # noqa: RUF012 - no field

    type: Failed = "error"
    error: Exception
    event: RealtimeEvent | None = None

    def _data(self) -> dict[str, Any]:
        return {**super()._data(), "error": str(self.error)}


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
    """A message of a session as a record of a class.

    Args:
        cls: The class.
        raw: The message: JSON, as text or in UTF-8.

    Raises:
        SonioxRealtimeError: It is not JSON, or not of the documented shape; the message says where.
    """
    return adopt_message(cls, parse_message(raw))


def adopt_message(cls: type[ObjectT], data: Any) -> ObjectT:
    """As :func:`decode_message`, for parsed JSON. ``data`` becomes part of the record and must not be used again.

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
