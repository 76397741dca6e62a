"""The pace and the amount of a session's audio, against the limits. No clock here; calls bring the time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..wire.realtime_errors import RealtimeError

if TYPE_CHECKING:
    from ..store.state import State

_SILENT_SEC = 20.0


class InputPace:
    """Whether a session sends audio in time, and not too much of it.

    Args:
        state: Of the fake; its limits may change at any time.
        now_sec: The moment of the start message.
    """

    def __init__(self, state: State, now_sec: float) -> None:
        self._state = state
        self._started_sec = now_sec
        self._has_audio = False
        self._bytes = 0
        self._origin_sec = now_sec
        """When audio at real time would have begun, had there been no pauses."""
        self._heard_sec = 0.0
        """The duration of all audio."""
        self._silent_sec = now_sec + _SILENT_SEC
        """When the session ends unless something comes."""

    @property
    def due_sec(self) -> float:
        """When the session ends if nothing comes until then."""
        if not self._has_audio:
            return min(self._silent_sec, _after(self._started_sec, self._state.limits.first_audio_sec))
        return min(self._silent_sec, _after(self._origin_sec + self._heard_sec, self._state.limits.max_behind_sec))

    def overdue(self, now_sec: float) -> RealtimeError:
        """The error of a session for which nothing came in time."""
        if not self._has_audio:
            waited_sec = now_sec - self._started_sec
            message = f"Request timeout. Timed out while waiting for the first audio chunk for {waited_sec:g} seconds."
        elif now_sec >= self._silent_sec:
            message = f"Request timeout: no audio and no keepalive for {_SILENT_SEC:g} seconds."
        else:
            behind_sec = now_sec - self._origin_sec - self._heard_sec
            message = f"Input too slow: the audio is {behind_sec:g} seconds behind real time, without a keepalive."
        return RealtimeError("request_timeout", message)

    def keepalive(self, now_sec: float) -> None:
        """The client sends no audio for a while: what is missing until now never comes."""
        self._silent_sec = now_sec + _SILENT_SEC
        self._origin_sec = max(self._origin_sec, now_sec - self._heard_sec)

    def audio(self, size: int, audio_ms: int | None, now_sec: float) -> None:
        """Audio has come.

        Args:
            size: Its bytes.
            audio_ms: Milliseconds of all audio so far; None: unknown, so that it counts as sent in real time.
            now_sec: When.

        Raises:
            RealtimeError: It is too much, or came too fast.
        """
        if not self._has_audio:
            self._has_audio = True
            self._origin_sec = now_sec
        self._silent_sec = now_sec + _SILENT_SEC
        self._bytes += size
        self._heard_sec = now_sec - self._origin_sec if audio_ms is None else audio_ms / 1000
        limits = self._state.limits
        if limits.max_audio_bytes is not None and self._bytes > limits.max_audio_bytes:
            message = f"Received too much audio data in total: more than {limits.max_audio_bytes} bytes."
            raise RealtimeError("invalid_request", message)
        ahead_sec = self._origin_sec + self._heard_sec - now_sec
        if limits.max_ahead_sec is not None and ahead_sec > limits.max_ahead_sec:
            message = f"Received too much audio data: it is {ahead_sec:g} seconds ahead of real time."
            raise RealtimeError("invalid_request", message)


def _after(moment_sec: float, seconds: float | None) -> float:
    return math.inf if seconds is None else moment_sec + seconds
