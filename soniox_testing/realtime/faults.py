"""What a test lets go wrong in a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from .actions import Close, Reset, Stall
from .errors import STATUS_CODES, RealtimeError

Fate: TypeAlias = RealtimeError | Close | Reset | Stall

_NOT_SENDABLE = {1004, 1005, 1006, 1015}


@dataclass(frozen=True)
class Fault:
    """How a session ends before its time."""

    fate: Fate
    after_audio_ms: int | None
    """Milliseconds of audio that are dealt with before; None: it happens in answer to the start message."""


def error_fault(error_type: str, message: str | None, status_code: int | None, after_audio_ms: int | None) -> Fault:
    """The fault of a session that is answered with an error frame.

    Raises:
        ValueError: The code of this type is not known and not given, or the time is negative.
    """
    if status_code is None and error_type not in STATUS_CODES:
        raise ValueError(f"give the status_code of {error_type!r}: known types are {', '.join(sorted(STATUS_CODES))}")
    if message is None:
        message = f"This session was told to fail with {error_type}."
    return Fault(RealtimeError(error_type, message, status_code), _checked(after_audio_ms))


def drop_fault(how: str, after_audio_ms: int | None) -> Fault:
    """The fault of a session whose connection breaks.

    Raises:
        ValueError: There is no such way to break, or the time is negative.
    """
    kind, _, code = how.partition(":")
    fate: Fate
    if how == "reset":
        fate = Reset()
    elif how == "stall":
        fate = Stall()
    elif kind == "close" and code.isdecimal() and 1000 <= int(code) <= 4999 and int(code) not in _NOT_SENDABLE:
        fate = Close(int(code))
    else:
        raise ValueError(f"how must be 'reset', 'stall', or 'close:' and a code that can be sent, not {how!r}")
    return Fault(fate, _checked(after_audio_ms))


def _checked(after_audio_ms: int | None) -> int | None:
    if after_audio_ms is not None and after_audio_ms < 0:
        raise ValueError(f"after_audio_ms cannot be {after_audio_ms}")
    return after_audio_ms
