"""Records of text-to-speech: requests, streams, and the connections of the streams."""

from __future__ import annotations

import threading
import uuid
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..script.records import SpeechConnectionRecord, SpeechRecord
from ..script.verbs import fits
from ..speaking.synthesis import Synthesizer
from .authentication import start_refusal
from .sessions import RecordLog

if TYPE_CHECKING:
    from ..script.records import SpeechEnd
    from ..speaking.request import SpeechRequest
    from .authentication import Credential
    from .state import State


@dataclass(frozen=True)
class SpeechRules:
    """How text-to-speech of a fake behaves: ``FakeSoniox(speech=SpeechRules(...))``. Times are seconds of its clock.

    The defaults are those of the service, as documented or, where marked so, as measured.
    """

    idle_sec: float = 40.0
    """A connection is closed with 1001 after this time without a message and without a stream."""
    idle_without_key_sec: float = 10.0
    """As ``idle_sec``, before the key has come; measured."""
    silent_sec: float | None = 180.0
    """A connection is closed with 1001 after this time without audio, whatever the client sends; None: never. Reported
    by several clients."""
    text_timeout_sec: float | None = 5.2
    """A stream ends with 408 after this time without a text message, before ``text_end``; None: never. Measured."""
    first_audio_timeout_sec: float | None = 11.0
    """A stream ends with 408 if its first audio takes longer than this; None: never. Measured: 10 to 12."""
    slowest_factor: float | None = 0.8
    """A stream ends with 408 if, after that time and before ``text_end``, the audio of its text is shorter than this
    share of the time since its start; None: never. Measured, once."""
    longest_audio_sec: float = 120.0
    """The longest audio of one stream or request; the rest is cut off. Infinite: no limit."""
    held_characters: int = 30
    """Audio starts when this much text has come, or all of it. That text is held is measured; the number is not."""
    realtime_factor: float | None = None
    """The highest speed of synthesis relative to playing: 2.0 makes a minute of audio in 30 seconds; None: no limit."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            kind = str(self.__dataclass_fields__[name].type)
            if not fits(kind, value):
                raise TypeError(f"{name} must be {kind}, not {value!r}")
            if value is not None and not value >= 0:
                raise ValueError(f"{name} cannot be {value}")
        if self.realtime_factor == 0:
            raise ValueError("realtime_factor cannot be 0")


class SpeechLog:
    """Record of one request or stream. Written by the thread of the connection, read by that of the test."""

    def __init__(self, state: State, record: SpeechRecord, request: SpeechRequest, *, counted: bool) -> None:
        self.id: str = record.id
        self.request = request
        self._state = state
        self._record = record
        self._started_sec = state.clock.now_sec()
        self._lock = threading.Lock()
        self._audio_bytes = 0
        self._audio_duration_ms = 0
        self._number = state.usage.started("tts", record.api_key) if counted else None

    def record(self) -> SpeechRecord:
        """A snapshot."""
        with self._lock:
            return replace(self._record, audio_bytes=self._audio_bytes, audio_duration_ms=self._audio_duration_ms)

    def add_text(self, text: str, *, ended: bool) -> None:
        """Adds a text message of the client."""
        with self._lock:
            self._record = replace(self._record, texts=(*self._record.texts, text), text_ended=ended)

    def add_audio(self, size: int, duration_ms: int) -> None:
        """Adds sent audio: its bytes, and the duration of all audio so far."""
        with self._lock:
            self._audio_bytes += size
            self._audio_duration_ms = duration_ms

    def end(self, ended: SpeechEnd, error_type: str | None = None) -> None:
        """Sets how it ended, and adds its usage. Does nothing if it has ended already."""
        # Under one lock: when the end is visible, the usage is there and the concurrency limit has room again.
        with self._state.lock:
            with self._lock:
                if self._record.ended is not None:
                    return
                self._record = record = replace(self._record, ended=ended, error_type=error_type)
            if self._number is None:
                return
            self._state.usage.ended(self._number)
            self._state.usage.tts_used(
                api_key=record.api_key,
                model=self.request.model,
                client_reference_id=record.client_reference_id,
                started_sec=self._started_sec,
                text=record.text,
                audio_duration_ms=self._audio_duration_ms,
            )


class SpeechConnectionLog(RecordLog[SpeechConnectionRecord]):
    """The record of one WebSocket of text-to-speech."""

    def __init__(self, created_at: str, credential: Credential | None) -> None:
        super().__init__(
            SpeechConnectionRecord(
                id=str(uuid.uuid4()),
                created_at=created_at,
                api_key=None if credential is None else credential.api_key,
                auth=None if credential is None else credential.form,
                keepalives=0,
                ended=None,
                error_type=None,
                close_code=None,
            )
        )

    def add_keepalive(self) -> None:
        """Counts a keepalive."""
        with self._lock:
            self._record = replace(self._record, keepalives=self._record.keepalives + 1)


class Speeches:
    """All requests and streams of text-to-speech of one fake. Callers hold the lock of the state."""

    def __init__(self, state: State, rules: SpeechRules) -> None:
        self.rules = rules
        self.connections: deque[SpeechConnectionLog] = deque(maxlen=state.keep.records)
        self.logs: deque[SpeechLog] = deque(maxlen=state.keep.records)
        self._state = state

    def open(
        self,
        request: SpeechRequest,
        *,
        api_key: str,
        request_id: str | None = None,
        client_reference_id: str | None,
        text: str | None = None,
        connection_id: str | None = None,
        stream_id: str | None = None,
    ) -> SpeechLog:
        """Starts a request or a stream, if it may start.

        Args:
            request: Its settings.
            api_key: Permanent or temporary.
            request_id: Chosen by a REST client; None: a new one.
            client_reference_id: Of the temporary key or the request.
            text: All of it; None: text messages follow.
            connection_id: None for REST.
            stream_id: None for REST.

        Raises:
            RealtimeError: 402, 403 or 429. The attempt is recorded as well.
        """
        refusal = start_refusal(self._state, api_key, "tts", streamed=connection_id is not None)
        speech_id = str(uuid.uuid4())
        record = SpeechRecord(
            id=speech_id,
            request_id=request_id or speech_id,
            created_at=self._state.clock.timestamp(),
            connection_id=connection_id,
            stream_id=stream_id,
            api_key=api_key,
            config=request.message,
            client_reference_id=client_reference_id,
            texts=() if text is None else (text,),
            text_ended=text is not None,
            audio_bytes=0,
            audio_duration_ms=0,
            ended=None,
            error_type=None,
            notes=self._state.voices.notes(api_key, request.sound.voice),
        )
        log = SpeechLog(self._state, record, request, counted=refusal is None)
        self.logs.append(log)
        if refusal is not None:
            log.end("error", refusal.error_type)
            refusal.request_id = record.request_id
            raise refusal
        return log

    def audio(self, speech_id: str) -> bytes:
        """The audio that was sent. It is synthesized again, since audio is not stored.

        Raises:
            KeyError: There is no record with this id.
        """
        log = next((log for log in self.logs if log.id == speech_id), None)
        if log is None:
            raise KeyError(f"there is no speech {speech_id!r}")
        record = log.record()
        synthesizer = Synthesizer(log.request.sound, self.rules.longest_audio_sec)
        whole = synthesizer.say(record.text).audio + synthesizer.end()
        return whole[: record.audio_bytes]
