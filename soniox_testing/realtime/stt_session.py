"""A speech-to-text session: what to answer to each message, and when. No I/O; time comes with each call.

It is ``waiting`` for its start message, then ``streaming``, then ``over``. Each timer is a moment by its name; a
timer that is not set is not there.
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from ..hearing.audio_meter import AudioMeter, meter_for
from ..hearing.recognition import Recognizer, final_tokens_of, text_of
from ..script.actions import Close, Reset, Send, SendRaw
from ..script.records import SessionRecord
from ..script.session_faults import OF_SPEECH
from ..script.transcripts import Failure
from ..store.authentication import Admission, check_unused
from ..store.sessions import SessionLog
from ..wire.json_text import json_text
from ..wire.operations import STT
from ..wire.realtime_errors import RealtimeError
from .conversation import Conversation, Finished
from .stt_config import config_of, parse_start_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..hearing.recognition import Message
    from ..script.actions import Action, Departure, Handshake
    from ..script.session_faults import Fate, SessionFault, SpeechEffect
    from ..script.transcripts import Word
    from ..store.state import State
    from .conversation import Output
    from .stt_config import SttConfig

USAGE_TYPE = "transcribe_websocket"

_IDLE_SEC = 40.0
_IDLE_WITHOUT_KEY_SEC = 10.0
_INPUT_SEC = 20.0
_LONGEST_SEC = 300 * 60.0
_LONGEST_AUDIO_MS = 300 * 60 * 1000
_NORMAL = 1000
_GOING_AWAY = 1001

_Timer = Literal["key", "idle", "input", "length", "cap"]


@dataclass(frozen=True)
class SttRules:
    """What a fake does differently on request."""

    key_in_start_message: bool = True
    """Whether a key may come as late as in the start message."""
    empty_binary_ends: bool = False
    """Whether an empty binary message ends the audio, as an empty text message does."""
    strict_audio: bool = False
    """Whether audio without a known header is refused where the format needs one."""


class SttSession:
    """One session, from the opened WebSocket to its end; see ``actions.Session``.

    Args:
        state: Of the fake; its lock is taken where needed.
        rules: What is different from the service.
        handshake: How the client opened its WebSocket.
        now_sec: When.
    """

    def __init__(self, state: State, rules: SttRules, handshake: Handshake, now_sec: float) -> None:
        self._admission = Admission(
            state, USAGE_TYPE, handshake, now_sec, key_in_start_message=rules.key_in_start_message
        )
        self.subprotocol: str | None = self._admission.subprotocol
        self._state = state
        self._rules = rules
        self._phase: Literal["waiting", "streaming", "over"] = "waiting"
        self._timers: dict[_Timer, float] = {}
        self._fault: SessionFault | None = None
        self._frames = 0
        """How many messages were sent."""
        self._conversation: Conversation | None = None
        """With the function that runs this session, if one does."""
        self._wake: Callable[[], None] | None = None
        self._meter: AudioMeter | None = None
        self._recognizer: Recognizer | None = None
        self._config: SttConfig | None = None
        """For the transcriber; None: nobody asks it."""
        self._audio_ms = 0
        self._has_audio = False
        self._stream: int | None = None
        """Its number among those that run; None before and after."""
        self._started_sec = 0.0
        self._said: list[Message] = []
        """The final tokens that no function said."""
        if self._admission.due_sec is not None:
            self._timers["key"] = self._admission.due_sec
        self._restart_idle(now_sec)
        credential = self._admission.credential
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
            )
        )

    @property
    def deadline_sec(self) -> float | None:
        """When the next timer is due; None when there is none."""
        if self._phase != "over" and (self._has_output() or self._state.faults.is_offline()):
            return float("-inf")
        return min(self._timers.values(), default=None)

    def opened(self, wake: Callable[[], None]) -> None:
        """The WebSocket is open."""
        self._wake = wake
        self._state.faults.watch(wake)

    def time_passed(self, now_sec: float) -> Sequence[Action]:
        """Says what a function wants to be said, and fires the timers that are due, in the order of their moments."""
        if self._phase != "over" and self._state.faults.is_offline():
            return self._fail(Reset())
        actions: list[Action] = []
        for output in self._conversation.take_output() if self._conversation is not None else ():
            if self._phase != "over":
                actions += self._spoken(output)
        while self._timers:
            timer = min(self._timers, key=self._timers.__getitem__)
            due_sec = self._timers[timer]
            if due_sec > now_sec:
                break
            del self._timers[timer]
            try:
                actions += self._fire(timer, due_sec)
            except RealtimeError as refusal:
                actions += self._refuse(refusal)
        return self._sent(actions)

    def text_received(self, text: str, now_sec: float) -> Sequence[Action]:
        """What to do about a text message."""
        return self._sent(self._on_text(text, now_sec))

    def bytes_received(self, data: bytes, now_sec: float) -> Sequence[Action]:
        """What to do about a binary message."""
        return self._sent(self._on_bytes(data, now_sec))

    def more(self, now_sec: float) -> Sequence[Action]:  # noqa: ARG002
        """Nothing: whatever it says is an answer, or due at a time."""
        return ()

    def _on_text(self, text: str, now_sec: float) -> Sequence[Action]:
        try:
            if self._phase == "waiting":
                return self._before_start(text, now_sec)
            if self._phase == "streaming":
                return self._text(text, now_sec)
            return []
        except RealtimeError as refusal:
            return self._refuse(refusal)

    def _on_bytes(self, data: bytes, now_sec: float) -> Sequence[Action]:
        try:
            if self._phase == "waiting":
                self._check_key(now_sec)
                raise RealtimeError("invalid_request", "The start message must be a text message.")
            if self._phase == "streaming" and data:
                return self._audio(data, now_sec)
            if self._phase == "streaming" and self._rules.empty_binary_ends:
                return self._end("")
            return []
        except RealtimeError as refusal:
            return self._refuse(refusal)

    def departed(self, how: Departure, close_code: int | None) -> None:
        """The connection ended before the session."""
        if self._phase != "over":
            self._over(how)
            self.log.end(how, close_code)

    def _fire(self, timer: _Timer, due_sec: float) -> Sequence[Action]:
        match timer:
            case "key":
                self._check_key(due_sec)
                return []
            case "idle":
                return self._close("idle", _GOING_AWAY)
            case "input":
                raise RealtimeError("request_timeout", f"No audio and no keepalive came for {_INPUT_SEC:g} seconds.")
            case "length":
                raise _too_long()
            case "cap":
                message = "The session has reached the longest duration that its temporary API key allows."
                raise RealtimeError("temp_api_key_session_expired", message)

    def _check_key(self, now_sec: float) -> None:
        """Checks the key that came with the connection, once."""
        self._timers.pop("key", None)
        self._admission.check(now_sec)
        self._start_cap()

    def _start_cap(self) -> None:
        cap_sec = self._admission.cap_sec
        if cap_sec is not None:
            self._timers["cap"] = cap_sec

    def _before_start(self, text: str, now_sec: float) -> Sequence[Action]:
        self._check_key(now_sec)
        values = parse_start_message(text)
        if values.get("type") == "keepalive":
            self.log.add_control("keepalive", text)
            self._restart_idle(now_sec)
            return []
        self._use_key_of(values, now_sec)
        config = config_of(values)
        with self._state.lock:
            temporary = self._admission.temporary
            if temporary is not None:
                check_unused(temporary)
            reference = config.client_reference_id if temporary is None else temporary.client_reference_id
            refusal = self._state.session_refusal(self._admission.api_key, "stt_realtime")
            self.log.note(config=config.message, client_reference_id=reference)
            if refusal is not None:
                raise RealtimeError(*refusal)
            fault = self._fault = self._state.faults.take_for_session(STT)
            if fault is not None and fault.at_start and not isinstance(fault.effect, SendRaw):
                return self._fail(fault.effect)
            if temporary is not None:
                temporary.used = True
            self._stream = self._state.usage.started("stt", self._admission.api_key)
            self._started_sec = now_sec
            function = self._state.script.take_function(reference)
            words = None if function is not None else self._state.script.take_words(reference)
        self._meter = meter_for(config.audio_format, strict=self._rules.strict_audio)
        if function is None and words is None and self._state.transcription.is_wanted:
            self._config, words = config, ()
        self._recognizer = Recognizer(config, words)
        self._phase = "streaming"
        self._timers.pop("idle", None)
        if function is not None:
            # No timer but the cap: how long the client may be silent is the function's to decide.
            self._conversation = Conversation(config, self._wake or (lambda: None))
            thread = self._conversation.start(function, self._state.remember_failure)
            with self._state.lock:
                self._state.conversation_threads.append(thread)
        else:
            self._timers["input"] = now_sec + _INPUT_SEC
            self._timers["length"] = now_sec + _LONGEST_SEC
        if fault is not None and fault.at_start and isinstance(fault.effect, SendRaw):
            return [fault.effect]
        return []

    def _use_key_of(self, values: dict[str, Any], now_sec: float) -> None:
        """Brings the key of a start message together with that of the connection."""
        try:
            self._admission.use_key_of(values, now_sec)
        finally:
            credential = self._admission.credential
            if credential is not None:
                self.log.note(api_key=credential.api_key, auth=credential.form)
        self._start_cap()

    def _text(self, text: str, now_sec: float) -> Sequence[Action]:
        if not text:
            return self._end(text)
        if text.lstrip().startswith("{"):
            return self._control(text, now_sec)
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            message = "A text message must be a control message in JSON, or audio in base64."
            raise RealtimeError("invalid_request", message) from None
        return self._audio(data, now_sec)

    def _control(self, text: str, now_sec: float) -> Sequence[Action]:
        try:
            values = cast("dict[str, Any]", json.loads(text))
        except (ValueError, RecursionError) as exc:
            raise RealtimeError("invalid_request", f"The control message is not JSON: {exc}") from exc
        kind = values.get("type")
        if kind == "keepalive":
            self.log.add_control("keepalive", text)
            if self._conversation is not None:
                self._conversation.hear("keepalive")
                return []
            self._timers["input"] = now_sec + _INPUT_SEC
            return []
        if kind != "finalize" or self._recognizer is None:
            message = f"The type of a control message must be finalize or keepalive, not {kind!r}."
            raise RealtimeError("invalid_request", message)
        silence_ms = values.get("trailing_silence_ms")
        if silence_ms is not None and (isinstance(silence_ms, bool) or not isinstance(silence_ms, (int, float))):
            raise RealtimeError("invalid_request", "trailing_silence_ms must be a number.")
        self.log.add_control("finalize", text)
        if self._conversation is not None:
            self._conversation.hear("finalize")
            return []
        return self._send(self._recognizer.finalize(self._audio_ms))

    def _audio(self, data: bytes, now_sec: float) -> Sequence[Action]:
        if self._meter is None or self._recognizer is None:
            raise AssertionError
        self._has_audio = True
        before_ms, self._audio_ms = self._audio_ms, self._meter.add(data)
        self.log.add_audio(data, self._audio_ms)
        if self._conversation is not None:
            self._conversation.hear("audio", data, self._audio_ms)
        else:
            self._timers["input"] = now_sec + _INPUT_SEC
        actions: list[Action] = []
        fault = self._fault
        if fault is not None and fault.after_audio_ms is not None and self._audio_ms >= fault.after_audio_ms:
            self._fault = None
            if self._conversation is None:
                actions += self._send(self._recognizer.advance(max(before_ms, fault.after_audio_ms)))
            if not isinstance(fault.effect, SendRaw):
                return [*actions, *self._fail(fault.effect)]
            actions.append(fault.effect)
        if self._conversation is not None:
            return actions
        if self._audio_ms > _LONGEST_AUDIO_MS:
            raise _too_long()
        return [*actions, *self._send(self._recognizer.advance(self._audio_ms))]

    def _end(self, text: str) -> Sequence[Action]:
        self.log.add_control("end", text)
        if self._conversation is not None:
            self._conversation.hear("end")
            return []
        if self._recognizer is None or not self._has_audio:
            raise RealtimeError("invalid_request", "No audio came before the end of the audio.")
        finals = self._recognizer.finish(self._audio_ms, self._transcribed())
        return [*self._send(finals), *self._close("finished", _NORMAL)]

    def _transcribed(self) -> tuple[Word, ...] | None:
        """What the transcriber heard in all audio; None when this session does not ask it."""
        if self._config is None:
            return None
        outcome = self._state.transcription.outcome(self.log.audio(), self._config.message)
        if isinstance(outcome, Failure):
            raise RealtimeError(outcome.error_type, outcome.message)
        return outcome

    def _has_output(self) -> bool:
        return self._conversation is not None and self._conversation.has_output()

    def _spoken(self, output: Output) -> Sequence[Action]:
        """What to do about something that the function of this session wants."""
        if isinstance(output, Send):
            return [output]
        if isinstance(output, Finished):
            return self._close("finished", _NORMAL)
        return self._fail(output)

    def _sent(self, actions: Sequence[Action]) -> Sequence[Action]:
        """What is really done: no more than there is until a fault that counts messages."""
        sent: list[Action] = []
        for action in actions:
            sent.append(action)
            self._frames += isinstance(action, Send)
            fault = self._fault
            if fault is None or not isinstance(action, Send) or fault.after_frames != self._frames:
                continue
            self._fault = None
            if not isinstance(fault.effect, SendRaw):
                return [*sent, *self._fail(fault.effect)]
            sent.append(fault.effect)
        return sent

    def _fail(self, fate: Fate | SpeechEffect) -> Sequence[Action]:
        if isinstance(fate, OF_SPEECH):  # of which no session is told
            raise TypeError(fate)
        if isinstance(fate, RealtimeError):
            return self._refuse(fate)
        if isinstance(fate, Close):
            return self._close("dropped", fate.code)
        self._over("dropped")
        self.log.end("dropped", None)
        return [fate]

    def _refuse(self, refusal: RealtimeError) -> Sequence[Action]:
        self._over("error")
        self.log.end("error", _NORMAL, refusal.error_type)
        return [Send(json_text(refusal.stt_message(self.log.id))), Close(_NORMAL)]

    def _close(self, ended: Literal["finished", "idle", "dropped"], code: int) -> Sequence[Action]:
        self._over(ended)
        self.log.end(ended, code)
        return [Close(code)]

    def _over(self, how: str) -> None:
        self._phase = "over"
        self._admission.leave()
        self._timers.clear()
        self._count()
        if self._wake is not None:
            self._state.faults.unwatch(self._wake)
            self._wake = None
        if self._conversation is not None:
            self._conversation.hear("over", how=how)

    def _count(self) -> None:
        """Notes what was used, if the session had begun."""
        stream, self._stream = self._stream, None
        record = self.log.record()
        if stream is None or record.config is None:
            return
        said = [*self._said, *(self._conversation.final_tokens() if self._conversation is not None else ())]
        with self._state.lock:
            self._state.usage.ended(stream)
            self._state.usage.stt_used(
                api_key=record.api_key or "",
                model=str(record.config["model"]),
                client_reference_id=record.client_reference_id,
                started_sec=self._started_sec,
                audio_duration_ms=self._audio_ms,
                text=text_of(said),
                context=record.config.get("context"),
            )

    def _send(self, messages: Iterable[Message]) -> list[Action]:
        actions: list[Action] = []
        for message in messages:
            self._said += final_tokens_of(message)
            actions.append(Send(json_text(message)))
        return actions

    def _restart_idle(self, now_sec: float) -> None:
        with_key = self._admission.credential is not None
        self._timers["idle"] = now_sec + (_IDLE_SEC if with_key else _IDLE_WITHOUT_KEY_SEC)


def _too_long() -> RealtimeError:
    return RealtimeError("max_duration_reached", "The session has reached its longest duration, 300 minutes.")
