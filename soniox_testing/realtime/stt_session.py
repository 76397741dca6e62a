"""A speech-to-text session: which messages answer which, and when. No I/O; calls bring the time."""

from __future__ import annotations

import base64
import binascii
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..hearing.audio_meter import AudioMeter, meter_for
from ..hearing.following import FollowedWords
from ..hearing.lively import LivelyRecognizer
from ..hearing.recognition import Pace, Recognizer, final_tokens_of, home_languages, source_of, text_of
from ..script.actions import Send, SendRaw
from ..script.records import SessionRecord
from ..script.session_faults import StreamEffect
from ..script.transcripts import Failure
from ..store.authentication import check_unused, start_refusal
from ..store.sessions import SessionLog
from ..wire.json_text import json_text
from ..wire.operations import STT
from ..wire.realtime_errors import RealtimeError
from .conversation import start_conversation
from .conversation_queue import ConversationQueue, Finished
from .pace import InputPace
from .session import RealtimeSession, parse_object
from .stt_config import config_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..hearing.recognition import Message
    from ..script.actions import Action, Handshake
    from ..script.recordings import AddedRecording, Hearing
    from ..script.records import SessionEnd
    from ..script.session_faults import Ending, SessionFault
    from ..script.transcripts import Word
    from ..store.state import State
    from .conversation import Conversation
    from .conversation_queue import Output
    from .session import Timer
    from .stt_config import SttConfig

_MAX_DURATION_SEC = 300 * 60.0
_MAX_AUDIO_MS = 300 * 60 * 1000


@dataclass(frozen=True)
class SttRules:
    """Where a fake behaves differently from its defaults."""

    key_in_start_message: bool | None = True
    """Whether the key may first come in the start message; None: before 15 January 2027."""
    empty_binary_ends: bool = False
    """Whether an empty binary message ends the audio, as an empty text message does."""


class SttSession(RealtimeSession[SessionLog]):
    """A session of speech-to-text.

    Args:
        state: Of the fake; its lock is taken where needed.
        rules: Where the fake differs from the service.
        handshake: The client's opening handshake.
        now_sec: The moment of the handshake.
    """

    _usage_type = "transcribe_websocket"
    _idle_sec = 40.0
    _idle_without_key_sec = 10.0

    def __init__(self, state: State, rules: SttRules, handshake: Handshake, now_sec: float) -> None:
        super().__init__(state, handshake, now_sec, key_in_start_message=rules.key_in_start_message)
        self._rules = rules
        self._fault: SessionFault | None = None
        self._sent_messages = 0
        self._queue: ConversationQueue | None = None
        """To and from the function that scripts this session; None if no function does."""
        self._meter: AudioMeter | None = None
        self._recognizer: Recognizer | None = None
        self._followed: FollowedWords | None = None
        """The words of a recording; None: this session does not hear one."""
        self._config: SttConfig | None = None
        """For the transcriber; None: this session does not use it."""
        self._pace = InputPace(state, now_sec)
        self._audio_ms = 0
        self._has_audio = False
        self._stream: int | None = None
        """Number of the running stream in the usage; None before and after."""
        self._started_sec = 0.0
        self._recognized: list[Message] = []
        """The final tokens of the recognizer."""
        credential = self._authentication.credential
        self.log: SessionLog = SessionLog(
            SessionRecord(
                id=str(uuid.uuid4()),
                created_at=state.clock.timestamp(),
                api_key=credential.api_key if credential else None,
                auth=credential.form if credential else None,
                config=None,
                client_reference_id=None,
                controls=(),
                control_messages=(),
                audio_bytes=0,
                audio_duration_ms=0,
                ended=None,
                error_type=None,
                close_code=None,
            ),
            state.history.kept_audio,
        )

    @property
    def wants_turn(self) -> bool:
        """Also when the function of this session has something to send."""
        has_output = self._queue is not None and self._queue.has_output()
        return (has_output and self._phase != "over") or super().wants_turn

    def time_passed(self, now_sec: float) -> Sequence[Action]:
        """Also takes what the function of this session wants to send."""
        return self._count_sent(super().time_passed(now_sec))

    def text_received(self, text: str, now_sec: float) -> Sequence[Action]:
        """The actions for a text message."""
        return self._count_sent(super().text_received(text, now_sec))

    def bytes_received(self, data: bytes, now_sec: float) -> Sequence[Action]:
        """The actions for a binary message."""
        return self._count_sent(super().bytes_received(data, now_sec))

    def _fire_due(self, now_sec: float) -> list[Action]:
        actions: list[Action] = []
        for output in self._queue.take_output() if self._queue is not None else ():
            if self._phase != "over":
                actions += self._on_output(output)
        return actions + super()._fire_due(now_sec)

    def _on_timer(self, timer: Timer, due_sec: float) -> Sequence[Action]:
        if timer == "input":
            raise self._pace.overdue(due_sec)
        if timer == "length":
            raise _too_long()
        return super()._on_timer(timer, due_sec)

    def _on_text(self, text: str, now_sec: float) -> Sequence[Action]:
        return self._before_start(text, now_sec) if self._phase == "waiting" else self._text(text, now_sec)

    def _on_bytes(self, data: bytes, now_sec: float) -> Sequence[Action]:
        if self._phase == "waiting":
            self._check_key(now_sec)
            raise RealtimeError("invalid_request", "Start request must be a text message.")
        if data:
            return self._audio(data, now_sec)
        return self._end_of_audio("") if self._rules.empty_binary_ends else []

    def _before_start(self, text: str, now_sec: float) -> Sequence[Action]:
        self._check_key(now_sec)
        values = parse_object(text, "Start request")
        if values.get("type") == "keepalive":
            self.log.add_control("keepalive", text)
            self._restart_idle(now_sec)
            return []
        self._use_key_of(values, now_sec)
        config = config_of(values)
        with self._state.lock:
            reference = self._admit(config)
            fault = self._fault = self._state.faults.take_for_session(STT)
            if fault is not None and fault.at_start and not isinstance(fault.effect, SendRaw):
                return self._fail(fault.effect)
            self._count_as_started(now_sec)
            function = self._state.script.take_function(reference)
            words = None if function is not None else self._state.script.take_words(reference)
            added = self._state.script.hear_recording(reference) if function is None and words is None else None
            if added is not None:
                self._followed = FollowedWords(added, config.audio_format, home_languages(config)[0])
        self._prepare_to_hear(config, words, added, has_function=function is not None)
        self._phase = "streaming"
        self._timers.pop("idle", None)
        self._pace = InputPace(self._state, now_sec)
        if function is not None:
            # Only the limit of the key ends a scripted session: the function decides how long the client may be silent.
            self._converse(function, config)
        else:
            self._timers["input"] = self._pace.due_sec
            self._timers["length"] = now_sec + _MAX_DURATION_SEC
        if fault is not None and fault.at_start and isinstance(fault.effect, SendRaw):
            return [fault.effect]
        return []

    def _admit(self, config: SttConfig) -> str | None:
        """Notes the session, and refuses it where a key or a limit does; returns its ``client_reference_id``."""
        temporary = self._authentication.temporary
        check_unused(temporary)
        reference = config.client_reference_id if temporary is None else temporary.client_reference_id
        refusal = start_refusal(self._state, self._authentication.api_key, "stt")
        self.log.note(config=config.message, client_reference_id=reference)
        if refusal is not None:
            raise refusal
        return reference

    def _count_as_started(self, now_sec: float) -> None:
        if self._authentication.temporary is not None:
            self._authentication.temporary.used = True
        self._stream = self._state.usage.started("stt", self._authentication.api_key)
        self._started_sec = now_sec

    def _prepare_to_hear(
        self,
        config: SttConfig,
        words: Sequence[Word] | None,
        added: AddedRecording | None,
        *,
        has_function: bool,
    ) -> None:
        """Sets what measures the audio, and what makes tokens of it."""
        is_unscripted = not has_function and words is None and added is None
        is_transcribed = is_unscripted and self._state.transcriber.is_wanted
        strict = self._state.audio == "checked" and is_unscripted and not is_transcribed
        self._meter = meter_for(config.audio_format, strict=strict)
        if is_transcribed:
            self._config, words = config, ()
            self.log.is_needed = True
        if self._followed is None or added is None:
            recognizer = LivelyRecognizer if self._state.style == "real" else Recognizer
            self._recognizer = recognizer(config, source_of(config, words))
        else:
            self._recognizer = Recognizer(config, self._followed, _pace_of(self._followed, added.hearing, config))

    def _converse(self, function: Callable[[Conversation], object], config: SttConfig) -> None:
        """Lets the function of a test run the session, in a thread."""
        self._queue = ConversationQueue(self._wake or (lambda: None))
        thread = start_conversation(function, config, self._queue, self._state)
        with self._state.lock:
            running = [known for known in self._state.conversation_threads if known.is_alive()]
            self._state.conversation_threads = [*running, thread]

    def _text(self, text: str, now_sec: float) -> Sequence[Action]:
        if not text:
            return self._end_of_audio(text)
        if text.lstrip().startswith("{"):
            return self._control(text, now_sec)
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            message = "Invalid base64: a text message is a control message in JSON, or audio in base64."
            raise RealtimeError("invalid_request", message) from None
        return self._audio(data, now_sec)

    def _control(self, text: str, now_sec: float) -> Sequence[Action]:
        values = parse_object(text, "Control request")
        kind = values.get("type")
        if kind == "keepalive":
            self.log.add_control("keepalive", text)
            if self._queue is not None:
                self._queue.receive("keepalive")
            else:
                self._pace.keepalive(now_sec)
                self._timers["input"] = self._pace.due_sec
            return []
        if kind != "finalize" or self._recognizer is None:
            message = f"Control request invalid type: finalize or keepalive, not {kind!r}."
            raise RealtimeError("invalid_request", message)
        silence_ms = values.get("trailing_silence_ms")
        if silence_ms is not None and (isinstance(silence_ms, bool) or not isinstance(silence_ms, (int, float))):
            raise RealtimeError("invalid_request", "trailing_silence_ms must be a number.")
        self.log.add_control("finalize", text)
        if self._queue is not None:
            self._queue.receive("finalize")
            return []
        return self._send(self._recognizer.finalize(self._audio_ms))

    def _audio(self, data: bytes, now_sec: float) -> Sequence[Action]:
        if self._meter is None or self._recognizer is None:
            raise AssertionError
        self._has_audio = True
        before_ms, self._audio_ms = self._audio_ms, self._meter.add(data)
        self.log.add_audio(data, self._audio_ms)
        if self._followed is not None:
            self._followed.add(data)
        if self._queue is not None:
            self._queue.receive("audio", data, self._audio_ms)
        else:
            self._pace.audio(len(data), self._audio_ms if self._meter.is_exact else None, now_sec)
            self._timers["input"] = self._pace.due_sec
        actions: list[Action] = []
        fault = self._fault
        if fault is not None and fault.after_audio_ms is not None and self._audio_ms >= fault.after_audio_ms:
            self._fault = None
            if self._queue is None:
                actions += self._send(self._recognizer.advance(max(before_ms, fault.after_audio_ms)))
            if not isinstance(fault.effect, SendRaw):
                return [*actions, *self._fail(fault.effect)]
            actions.append(fault.effect)
        if self._queue is not None:
            return actions
        if self._audio_ms > _MAX_AUDIO_MS:
            raise _too_long()
        return [*actions, *self._send(self._recognizer.advance(self._audio_ms))]

    def _end_of_audio(self, text: str) -> Sequence[Action]:
        self.log.add_control("end", text)
        if self._queue is not None:
            self._queue.receive("end")
            return []
        if self._recognizer is None or self._meter is None or not self._has_audio:
            raise RealtimeError("invalid_request", "No audio received before the end of the audio.")
        self._meter.end()
        words = self._transcribed()
        source = None if words is None or self._config is None else source_of(self._config, words)
        finals = self._recognizer.finish(self._audio_ms, source)
        return [*self._send(finals), *self._close("finished")]

    def _transcribed(self) -> tuple[Word, ...] | None:
        """The words of the transcriber for all audio; None if this session does not use one."""
        if self._config is None:
            return None
        outcome = self._state.transcriber.outcome(self.log.audio(), self._config.message)
        if isinstance(outcome, Failure):
            raise RealtimeError(outcome.error_type, outcome.message)
        return outcome

    def _on_output(self, output: Output) -> Sequence[Action]:
        """The actions for an output of the function of this session."""
        if isinstance(output, Send):
            return [output]
        if isinstance(output, Finished):
            return self._close("finished")
        return self._fail(output)

    def _count_sent(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Counts messages. Actions after a fault that is due at a number of messages are dropped."""
        sent: list[Action] = []
        for action in actions:
            sent.append(action)
            self._sent_messages += isinstance(action, Send)
            fault = self._fault
            if fault is None or not isinstance(action, Send) or fault.after_frames != self._sent_messages:
                continue
            self._fault = None
            if not isinstance(fault.effect, SendRaw):
                return [*sent, *self._fail(fault.effect)]
            sent.append(fault.effect)
        return sent

    def _fail(self, ending: Ending | StreamEffect) -> Sequence[Action]:
        if isinstance(ending, StreamEffect):  # faults of these kinds are for text-to-speech only
            raise TypeError(ending)
        return super()._fail(ending)

    def _error_message(self, error: RealtimeError) -> dict[str, object]:
        return error.stt_message(self.log.id)

    def _end(self, ended: SessionEnd, close_code: int | None, error_type: str | None = None) -> None:
        self._add_usage()
        self.log.is_needed = False
        if self._queue is not None:
            self._queue.receive("over", how=ended)
        super()._end(ended, close_code, error_type)

    def _add_usage(self) -> None:
        """Adds the session to the usage, if it had started."""
        stream, self._stream = self._stream, None
        record = self.log.record()
        if stream is None or record.config is None:
            return
        tokens = [*self._recognized, *(self._queue.final_tokens if self._queue is not None else ())]
        # The service charges for the whole stream, and so for the time of keepalives.
        open_ms = int((self._state.clock.now_sec() - self._started_sec) * 1000)
        with self._state.lock:
            self._state.usage.ended(stream)
            self._state.usage.stt_used(
                api_key=record.api_key or "",
                model=str(record.config["model"]),
                client_reference_id=record.client_reference_id,
                started_sec=self._started_sec,
                audio_duration_ms=max(self._audio_ms, open_ms),
                text=text_of(tokens),
                context=record.config.get("context"),
            )

    def _send(self, messages: Iterable[Message]) -> list[Action]:
        actions: list[Action] = []
        for message in messages:
            self._recognized += final_tokens_of(message)
            actions.append(Send(json_text(message)))
        return actions


def _pace_of(followed: FollowedWords, hearing: Hearing, config: SttConfig) -> Pace:
    final_after_ms = followed.final_after_ms
    if config.message.get("max_non_final_tokens_duration_ms") is not None:
        final_after_ms = min(final_after_ms, config.max_non_final_tokens_duration_ms)
    return Pace(final_after_ms, hearing.final_audio == "beyond", hearing.finalize_padding_ms)


def _too_long() -> RealtimeError:
    return RealtimeError(
        "max_duration_reached", "Audio is too long: the session has reached its longest duration, 300 minutes."
    )
