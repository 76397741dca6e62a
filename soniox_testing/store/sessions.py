"""Records of realtime sessions and connections, written by their threads and read by that of the test."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from ..script.records import SessionEnd, SessionRecord, SpeechConnectionRecord

RecordT = TypeVar("RecordT", bound="SessionRecord | SpeechConnectionRecord")


class RecordLog(Generic[RecordT]):
    """The record of one WebSocket. Every call takes the lock.

    Args:
        record: Its first state.
    """

    def __init__(self, record: RecordT) -> None:
        self.id: str = record.id
        self._lock = threading.Lock()
        self._record = record

    def record(self) -> RecordT:
        """A snapshot."""
        with self._lock:
            return self._record

    def note(self, **changes: Any) -> None:
        """Changes fields of the record."""
        with self._lock:
            self._record = replace(self._record, **changes)

    def end(self, ended: SessionEnd, close_code: int | None, error_type: str | None = None) -> None:
        """Sets how it ended."""
        self.note(ended=ended, close_code=close_code, error_type=error_type)


class KeptAudio:
    """The sessions whose audio is kept, and how much of it there is together. May be used from any thread.

    Args:
        most_bytes: Above it, the audio of the session that began first is forgotten; None: all is kept.
    """

    def __init__(self, most_bytes: int | None) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._sizes: dict[SessionLog, int] = {}
        self._total_bytes = 0

    def add(self, log: SessionLog, size: int) -> None:
        """Counts audio that a session has got."""
        if self._most_bytes is None:
            return
        with self._lock:
            if not log.has_audio:
                return
            self._sizes[log] = self._sizes.get(log, 0) + size
            self._total_bytes += size
            while self._total_bytes > self._most_bytes:
                oldest = next((kept for kept in self._sizes if not kept.is_needed), None)
                if oldest is None:
                    return
                self._total_bytes -= self._sizes.pop(oldest)
                oldest.forget_audio()


class SessionLog(RecordLog["SessionRecord"]):
    """The record of one session of speech-to-text, with its audio.

    Args:
        record: Its first state.
        kept: The audio that is kept of all sessions.
    """

    def __init__(self, record: SessionRecord, kept: KeptAudio) -> None:
        super().__init__(record)
        self.is_needed: bool = False
        """Whether its audio must not be forgotten yet."""
        self._kept = kept
        self._audio: list[bytes] | None = []
        self._audio_bytes = 0
        self._audio_duration_ms = 0

    def record(self) -> SessionRecord:
        """A snapshot."""
        with self._lock:
            return replace(self._record, audio_bytes=self._audio_bytes, audio_duration_ms=self._audio_duration_ms)

    @property
    def has_audio(self) -> bool:
        """Whether its audio is kept."""
        return self._audio is not None

    def audio(self) -> bytes:
        """All audio that was received.

        Raises:
            KeyError: It is not kept any more.
        """
        with self._lock:
            if self._audio is None:
                raise KeyError(f"the audio of the session {self.id} is not kept any more: there is too much since")
            self._audio = [b"".join(self._audio)]
            return self._audio[0]

    def forget_audio(self) -> None:
        """Keeps no audio any more."""
        with self._lock:
            self._audio = None

    def add_audio(self, data: bytes, duration_ms: int) -> None:
        """Adds received audio. ``duration_ms`` is that of all audio so far."""
        with self._lock:
            if self._audio is not None:
                self._audio.append(data)
            self._audio_bytes += len(data)
            self._audio_duration_ms = duration_ms
        self._kept.add(self, len(data))

    def add_control(self, name: str, text: str) -> None:
        """Adds a message that is not audio."""
        with self._lock:
            self._record = replace(
                self._record,
                controls=(*self._record.controls, name),
                control_messages=(*self._record.control_messages, text),
            )
