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


class SessionLog(RecordLog["SessionRecord"]):
    """The record of one session of speech-to-text, with its audio."""

    def __init__(self, record: SessionRecord) -> None:
        super().__init__(record)
        self._audio: list[bytes] = []
        self._audio_bytes = 0
        self._audio_duration_ms = 0

    def record(self) -> SessionRecord:
        """A snapshot."""
        with self._lock:
            return replace(self._record, audio_bytes=self._audio_bytes, audio_duration_ms=self._audio_duration_ms)

    def audio(self) -> bytes:
        """All audio that was received."""
        with self._lock:
            self._audio = [b"".join(self._audio)]
            return self._audio[0]

    def add_audio(self, data: bytes, duration_ms: int) -> None:
        """Adds received audio. ``duration_ms`` is that of all audio so far."""
        with self._lock:
            self._audio.append(data)
            self._audio_bytes += len(data)
            self._audio_duration_ms = duration_ms

    def add_control(self, name: str, text: str) -> None:
        """Adds a message that is not audio."""
        with self._lock:
            self._record = replace(
                self._record,
                controls=(*self._record.controls, name),
                control_messages=(*self._record.control_messages, text),
            )
