"""What was spoken: the requests and streams of text-to-speech, and the connections of the streams."""

from __future__ import annotations

import threading
import uuid
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..script.records import SpeechConnectionRecord, SpeechRecord
from ..speaking.synthesis import Synthesizer
from .authentication import start_refusal

if TYPE_CHECKING:
    from typing import Any

    from ..script.records import SessionEnd, SpeechEnd
    from ..speaking.request import SpeechRequest
    from .authentication import Credential
    from .state import State

_HISTORY = 10_000


@dataclass(frozen=True)
class SpeechRules:
    """How text-to-speech of a fake behaves: ``FakeSoniox(speech=SpeechRules(...))``. Times are seconds of its clock.

    The defaults are the service's, as documented or, where it says so, as others have measured it.
    """

    idle_sec: float = 40.0
    """Without a message and without a stream, after which a connection is closed with 1001."""
    idle_without_key_sec: float = 10.0
    """The same for a connection that has not brought its key yet; measured."""
    silent_sec: float | None = 180.0
    """Without any audio, after which a connection is closed with 1001, whatever the client sends; None: never. Said by
    several clients."""
    text_timeout_sec: float | None = 5.2
    """Without a text message and before ``text_end``, after which a stream ends with 408; None: never. Measured."""
    first_audio_timeout_sec: float | None = 11.0
    """From the start of a stream to its first audio, after which it ends with 408; None: never. Measured: 10 to 12."""
    longest_audio_sec: float = 120.0
    """Of one stream or request; the rest is cut off. Infinite: all of it is spoken."""
    held_characters: int = 30
    """So much text is waited for before there is audio, unless it ends before. That text is held is measured, how much
    is not."""
    realtime_factor: float | None = None
    """How much faster than it plays audio is made at most: 2.0 makes a minute of audio in 30 seconds; None: at once."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not value >= 0:
                raise ValueError(f"{name} cannot be {value}")
        if self.realtime_factor == 0:
            raise ValueError("realtime_factor cannot be 0")


class SpeechLog:
    """What one request or stream leaves behind. Written by the connection's thread, read by the test's."""

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
        """It as it stands now."""
        with self._lock:
            return replace(self._record, audio_bytes=self._audio_bytes, audio_duration_ms=self._audio_duration_ms)

    def add_text(self, text: str, *, ended: bool) -> None:
        """Notes a text as the client sent it."""
        with self._lock:
            self._record = replace(self._record, texts=(*self._record.texts, text), text_ended=ended)

    def add_audio(self, size: int, duration_ms: int) -> None:
        """Notes bytes of audio, and how long it is together with all before it."""
        with self._lock:
            self._audio_bytes += size
            self._audio_duration_ms = duration_ms

    def end(self, ended: SpeechEnd, error_type: str | None = None) -> None:
        """Notes how it ended; does nothing when it has ended already."""
        # Under one lock, so that whoever sees that it ended finds its usage, and its place free.
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


class SpeechConnectionLog:
    """What one WebSocket leaves behind. Written by its thread, read by the test's."""

    def __init__(self, created_at: str, credential: Credential | None) -> None:
        self.id: str = str(uuid.uuid4())
        self._lock = threading.Lock()
        self._record = SpeechConnectionRecord(
            id=self.id,
            created_at=created_at,
            api_key=None if credential is None else credential.api_key,
            auth=None if credential is None else credential.form,
            keepalives=0,
            ended=None,
            error_type=None,
            close_code=None,
        )

    def record(self) -> SpeechConnectionRecord:
        """It as it stands now."""
        with self._lock:
            return self._record

    def add_keepalive(self) -> None:
        """Notes a keepalive."""
        with self._lock:
            self._record = replace(self._record, keepalives=self._record.keepalives + 1)

    def note(self, **changes: Any) -> None:
        """Changes fields of the record."""
        with self._lock:
            self._record = replace(self._record, **changes)

    def end(self, ended: SessionEnd, close_code: int | None, error_type: str | None = None) -> None:
        """Notes how it ended."""
        self.note(ended=ended, close_code=close_code, error_type=error_type)


class Speeches:
    """All that one fake spoke. Callers hold the lock of the state."""

    def __init__(self, state: State, rules: SpeechRules) -> None:
        self.rules = rules
        self.connections: deque[SpeechConnectionLog] = deque(maxlen=_HISTORY)
        self.logs: deque[SpeechLog] = deque(maxlen=_HISTORY)
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
        """Begins a request or a stream, if it may begin.

        Args:
            request: What is asked for.
            api_key: Permanent or temporary.
            request_id: What a REST client calls it; None: nothing.
            client_reference_id: What counts, in the end.
            text: All of it; None: it will come.
            connection_id: None for REST.
            stream_id: None for REST.

        Raises:
            RealtimeError: 402, 403 or 429. It is remembered nonetheless.
        """
        refusal = start_refusal(self._state, api_key, "tts")
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
        )
        log = SpeechLog(self._state, record, request, counted=refusal is None)
        self.logs.append(log)
        if refusal is not None:
            log.end("error", refusal.error_type)
            refusal.request_id = record.request_id
            raise refusal
        return log

    def audio(self, speech_id: str) -> bytes:
        """The audio that was sent: made again, because nobody keeps it.

        Raises:
            KeyError: There was nothing with this id.
        """
        log = next((log for log in self.logs if log.id == speech_id), None)
        if log is None:
            raise KeyError(speech_id)
        record = log.record()
        synthesizer = Synthesizer(log.request.sound, self.rules.longest_audio_sec)
        whole = synthesizer.say(record.text).audio + synthesizer.end()
        return whole[: record.audio_bytes]
