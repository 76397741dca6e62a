"""The effects of faults on sessions and streams, and when they happen there."""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, get_args

from ..wire.realtime_errors import STATUS_CODES, RealtimeError
from .actions import Close, HalfOpen, HangUp, Reset, SendRaw, Stall

if TYPE_CHECKING:
    from collections.abc import Callable

AudioSpoil: TypeAlias = Literal["unpadded", "alphabet", "number", "null"]
"""Why audio cannot be decoded, see ``Faults.spoil_audio``."""


class FaultyStream(Protocol):
    """A stream of text-to-speech that meets a fault."""

    encode: Callable[[bytes], object]
    """Makes the ``audio`` field of the next message."""

    def delay(self, seconds: float, now_sec: float) -> None:
        """Delays the next audio."""
        ...


class StreamEffect(ABC):
    """What happens to streams of text-to-speech only."""

    @abstractmethod
    def apply(self, stream: FaultyStream, now_sec: float) -> Literal["terminated"] | None:
        """Changes a stream.

        Returns:
            How the stream ends now; None: it goes on.
        """


@dataclass(frozen=True)
class EndStream(StreamEffect):
    """The stream is terminated without a reason."""

    def apply(self, stream: FaultyStream, now_sec: float) -> Literal["terminated"]:  # noqa: ARG002
        """Ends the stream."""
        return "terminated"


@dataclass(frozen=True)
class DelayAudio(StreamEffect):
    """The stream pauses."""

    seconds: float

    def apply(self, stream: FaultyStream, now_sec: float) -> None:
        """Delays the next audio."""
        stream.delay(self.seconds, now_sec)


@dataclass(frozen=True)
class SpoilAudio(StreamEffect):
    """A message has audio that cannot be decoded."""

    kind: AudioSpoil

    def apply(self, stream: FaultyStream, now_sec: float) -> None:  # noqa: ARG002
        """Corrupts the next audio."""
        stream.encode = self._encode

    def _encode(self, audio: bytes) -> object:
        text = encode_audio(audio)
        match self.kind:
            case "unpadded":
                end = text.rstrip("=")
                return end if end != text else text[:-1]
            case "alphabet":
                return "*" + text[1:]
            case "number":
                return len(audio)
            case "null":
                return None


def encode_audio(audio: bytes) -> str:
    """Audio as it stands in a message: base64."""
    return base64.b64encode(audio).decode("ascii")


Ending: TypeAlias = RealtimeError | Close | Reset | HangUp | Stall | HalfOpen
"""How a session ends before its time."""
SessionEffect: TypeAlias = Ending | SendRaw | StreamEffect
"""What happens to a session or stream."""
MalformedKind: TypeAlias = Literal[
    "reserved_bits", "opcode", "masked", "continuation", "utf8", "json", "array", "binary"
]
"""Why a frame is invalid, see ``Faults.malformed_frame``."""

_PHRASES = {
    "service_unavailable": "Cannot continue request (code 1). Please restart the request. ",
    "request_timeout": "Request timeout. ",
    "limit_exceeded": "Rate limit for your organization has been exceeded. ",
}
"""What programs look for in the service's own messages."""
_NOT_SENDABLE = {1004, 1005, 1006, 1015}
_MALFORMED: dict[MalformedKind, bytes] = {
    "reserved_bits": b"\xf1\x02{}",
    "opcode": b"\x83\x02{}",
    "masked": b"\x81\x82\0\0\0\0{}",
    "continuation": b"\x80\x02{}",
    "utf8": b'\x81\x04"\xff\xfe"',
    "json": b'\x81\x0b{"tokens":[',
    "array": b"\x81\x04[42]",
    "binary": b"\x82\x04\0\1\2\3",
}


@dataclass(frozen=True)
class SessionFault:
    """An effect on a session or stream, and when it happens; by default in answer to the start message."""

    effect: SessionEffect
    after_audio_ms: int | None = None
    """Milliseconds of audio that are processed before; None: not counted."""
    after_frames: int | None = None
    """Messages that are sent before; None: not counted."""
    after_texts: int | None = None
    """Text messages that a text-to-speech stream gets before; None: not counted."""
    whole_connection: bool = False
    """Whether an error ends the whole text-to-speech connection, not only one stream."""

    def __post_init__(self) -> None:
        given = [name for name in ("after_audio_ms", "after_frames", "after_texts") if getattr(self, name) is not None]
        for name in given:
            value: int = getattr(self, name)
            if value < 0:
                raise ValueError(f"{name} cannot be {value}")
        if len(given) > 1:
            raise ValueError(f"give {' or '.join(given)}, not both")

    @property
    def at_start(self) -> bool:
        """Whether it is the answer to the start message."""
        return self.after_audio_ms is None and not self.after_frames and not self.after_texts


def ends_with_error(error_type: str, message: str | None, status_code: int | None) -> RealtimeError:
    """The end of a session by an error message.

    Raises:
        ValueError: There is no ``status_code``, and none is known for the type.
    """
    if status_code is None and error_type not in STATUS_CODES:
        raise ValueError(f"give the status_code of {error_type!r}: known types are {', '.join(sorted(STATUS_CODES))}")
    if message is None:
        message = f"{_PHRASES.get(error_type, '')}A fault of the fake ends this session with {error_type}."
    return RealtimeError(error_type, message, status_code)


def ends_by_drop(how: str) -> Ending:
    """The end of a session by a lost connection.

    Raises:
        ValueError: ``how`` is unknown.
    """
    simple: dict[str, Ending] = {"reset": Reset(), "eof": HangUp(), "stall": Stall(), "half_open": HalfOpen()}
    kind, _, code = how.partition(":")
    if how in simple:
        return simple[how]
    if kind == "close" and code.isdecimal() and 1000 <= int(code) <= 4999 and int(code) not in _NOT_SENDABLE:
        return Close(int(code))
    known = ", ".join(repr(name) for name in simple)
    raise ValueError(f"how must be {known}, or 'close:' and a code that can be sent, not {how!r}")


def checked_kind(kind: AudioSpoil) -> AudioSpoil:
    """A kind of audio that cannot be decoded, as it was given.

    Raises:
        ValueError: There is no such kind.
    """
    if kind not in get_args(AudioSpoil):
        raise ValueError(f"kind must be one of {', '.join(get_args(AudioSpoil))}, not {kind!r}")
    return kind


def malformed_frame(kind: MalformedKind) -> bytes:
    """The bytes of an invalid frame.

    Raises:
        ValueError: There is no such kind.
    """
    if kind not in _MALFORMED:
        raise ValueError(f"kind must be one of {', '.join(get_args(MalformedKind))}, not {kind!r}")
    return _MALFORMED[kind]
