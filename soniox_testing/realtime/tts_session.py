"""A text-to-speech connection: which messages answer which, and when. No I/O; calls bring the time.

It carries up to five streams at once, which take turns with their audio. Audio is made when there is room in the output
buffer, so that a slow reader costs no memory. An error of one stream ends that stream; other errors end the connection.
"""

from __future__ import annotations

import math
import uuid
from collections import deque
from typing import TYPE_CHECKING, Any

from ..script.actions import Send, SendRaw
from ..script.session_faults import StreamEffect
from ..speaking.request import invalid, speech_request_of
from ..store.authentication import check_unused
from ..store.speeches import SpeechConnectionLog
from ..wire.fields import Fields
from ..wire.json_text import json_text
from ..wire.operations import TTS
from ..wire.realtime_errors import RealtimeError
from .session import RealtimeSession, parse_object
from .tts_stream import TtsStream

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..script.actions import Action, Handshake
    from ..script.records import SessionEnd, SpeechEnd
    from ..store.state import State

_MAX_STREAMS = 5
_MAX_ID_LENGTH = 256
_WHERE = "message"


class TtsSession(RealtimeSession[SpeechConnectionLog]):
    """A connection of text-to-speech.

    Args:
        state: Of the fake; its lock is taken where needed.
        handshake: The client's opening handshake.
        now_sec: The moment of the handshake.
        key_in_start_message: See ``Authentication``.
    """

    _usage_type = "tts_rt"

    def __init__(
        self, state: State, handshake: Handshake, now_sec: float, *, key_in_start_message: bool | None
    ) -> None:
        self._rules = state.speeches.rules
        self._idle_sec = self._rules.idle_sec
        self._idle_without_key_sec = self._rules.idle_without_key_sec
        super().__init__(state, handshake, now_sec, key_in_start_message=key_in_start_message)
        self._now_sec = now_sec
        self._streams: dict[str, TtsStream] = {}
        self._turns: deque[TtsStream] = deque()
        """The same streams; the first one makes the next audio."""
        self._restart_silent(now_sec)
        self.log: SpeechConnectionLog = SpeechConnectionLog(state.clock.timestamp(), self._authentication.credential)

    @property
    def deadline_sec(self) -> float | None:
        """When the next timer of the connection or of a stream is due; None if there is none."""
        moments = [*self._timers.values(), *(stream.deadline_sec for stream in self._turns)]
        # Audio that is due already waits only for room in the connection's buffer, see ``poll_output``.
        moments += [stream.next_sec for stream in self._turns if stream.next_sec > self._now_sec]
        earliest_sec = min(moments, default=math.inf)
        return None if earliest_sec == math.inf else earliest_sec

    def poll_output(self, now_sec: float) -> Sequence[Action]:
        """The next audio of the next stream that has some."""
        self._now_sec = now_sec
        for _ in range(len(self._turns)):
            stream = self._turns[0]
            self._turns.rotate(-1)
            if stream.next_sec <= now_sec and (actions := self._produce(stream, now_sec)):
                return actions
        return []

    def _fire_due(self, now_sec: float) -> list[Action]:
        self._now_sec = now_sec
        actions: list[Action] = []
        while self._phase != "over":
            stream = min(self._turns, key=lambda stream: stream.deadline_sec, default=None)
            timer = min(self._timers, key=self._timers.__getitem__, default=None)
            stream_sec = math.inf if stream is None else stream.deadline_sec
            timer_sec = math.inf if timer is None else self._timers[timer]
            if min(stream_sec, timer_sec) > now_sec:
                break
            if timer is not None and timer_sec <= stream_sec:
                actions += self._fire(timer)
            elif stream is not None:
                actions += self._refuse_stream(stream.stream_id, stream.timeout_error())
        return actions

    def _on_bytes(self, data: bytes, now_sec: float) -> Sequence[Action]:  # noqa: ARG002 - refused whatever it holds
        self._check_key(now_sec)
        raise RealtimeError("invalid_request", "Messages must be text messages.")

    def _on_text(self, text: str, now_sec: float) -> Sequence[Action]:
        self._now_sec = now_sec
        self._check_key(now_sec)
        fields = Fields(parse_object(text, "message"), _WHERE)
        if not self._streams:
            self._restart_idle(now_sec)
        if fields.boolean("keep_alive"):
            self.log.add_keepalive()
            return []
        stream_id = fields.string("stream_id", required=True, max_length=_MAX_ID_LENGTH)
        if stream_id == "":
            fields.note("value_error", "stream_id", "must name a stream")
        if fields.problems or stream_id is None:
            raise invalid(fields)
        is_text = not (fields.unset("text") and fields.unset("text_end"))
        # ``cancel: false`` is as an unset one: some clients write all their fields into every message.
        is_start = not is_text and not fields.values.get("cancel")
        if is_start:
            self._use_key_of(fields.values, now_sec)
        try:
            if is_start:
                return self._start(stream_id, fields.values, now_sec)
            return self._change(stream_id, fields, now_sec, is_text=is_text)
        except RealtimeError as error:
            # A refused start message has opened no stream, and does not end an open stream of the same id.
            return [self._stream_error(stream_id, error)] if is_start else self._refuse_stream(stream_id, error)

    def _use_key_of(self, values: Mapping[str, Any], now_sec: float) -> None:
        super()._use_key_of(values, now_sec)
        if not self._streams:
            self._restart_idle(now_sec)  # a connection with a key may be idle for longer
        if self._phase == "waiting":
            with self._state.lock:
                check_unused(self._authentication.temporary)

    def _start(self, stream_id: str, values: dict[str, Any], now_sec: float) -> Sequence[Action]:
        if stream_id in self._streams:
            raise RealtimeError("invalid_request", f"There is a stream {stream_id!r} already; it goes on.")
        if len(self._streams) >= _MAX_STREAMS:
            message = f"A connection carries at most {_MAX_STREAMS} streams at once."
            raise RealtimeError("max_concurrent_streams_reached", message)
        api_key, temporary = self._authentication.api_key, self._authentication.temporary
        with self._state.lock:
            request = speech_request_of(values, _WHERE, self._state, api_key)
            check_unused(temporary)
            log = self._state.speeches.open(
                request,
                api_key=api_key,
                client_reference_id=request.client_reference_id if temporary is None else temporary.client_reference_id,
                connection_id=self.log.id,
                stream_id=stream_id,
            )
            if temporary is not None:
                temporary.used = True
            fault = self._state.faults.take_for_session(TTS)
        stream = self._streams[stream_id] = TtsStream(stream_id, log, self._rules, now_sec, fault)
        self._turns.append(stream)
        self._phase = "streaming"
        self._timers.pop("idle", None)
        return self._apply_fault(stream) if fault is not None and fault.at_start else []

    def _change(self, stream_id: str, fields: Fields, now_sec: float, *, is_text: bool) -> Sequence[Action]:
        """A message with ``text``, ``text_end`` or ``cancel``."""
        cancel = fields.boolean("cancel") or False
        text = fields.string("text") or ""
        ended = fields.boolean("text_end") or False
        if cancel and is_text:
            fields.note("value_error", "cancel", "must not come together with text or text_end")
        if fields.problems:
            raise invalid(fields)
        stream = self._streams.get(stream_id)
        if stream is None:
            raise RealtimeError("invalid_stream_state", f"Stream {stream_id!r} not found. Send a start message first.")
        if cancel:
            return self._terminate(stream, "cancelled")
        stream.add_text(text, ended=ended, now_sec=now_sec)
        has_met_fault = stream.fault is not None and stream.fault.after_texts is not None and stream.fault_is_due()
        return self._apply_fault(stream) if has_met_fault else []

    def _produce(self, stream: TtsStream, now_sec: float) -> Sequence[Action]:
        try:
            message = stream.produce(now_sec)
        except RealtimeError as error:
            return self._refuse_stream(stream.stream_id, error)
        if message is None:
            return []
        if "audio" in message:
            self._restart_silent(now_sec)
        actions: list[Action] = [Send(json_text(message))]
        if stream.fault_is_due():
            actions += self._apply_fault(stream)
        if message["audio_end"] and stream.stream_id in self._streams:
            actions += self._terminate(stream, "finished")
        return actions

    def _apply_fault(self, stream: TtsStream) -> Sequence[Action]:
        """Carries out the fault of a stream."""
        fault, stream.fault = stream.fault, None
        if fault is None:
            raise AssertionError
        match fault.effect:
            case SendRaw() as raw:
                return [raw]
            case StreamEffect() as effect:
                ended = effect.apply(stream, self._now_sec)
                return [] if ended is None else self._terminate(stream, ended)
            case RealtimeError() as error if not fault.whole_connection:
                return self._refuse_stream(stream.stream_id, error)
            case ending:
                return self._fail(ending)

    def _terminate(self, stream: TtsStream, ended: SpeechEnd, error_type: str | None = None) -> list[Action]:
        """Ends a stream, and reports it to the client."""
        del self._streams[stream.stream_id]
        self._turns.remove(stream)
        stream.log.end(ended, error_type)
        if not self._streams:
            self._restart_idle(self._now_sec)
        return [Send(json_text({"stream_id": stream.stream_id, "terminated": True}))]

    def _refuse_stream(self, stream_id: str, refusal: RealtimeError) -> list[Action]:
        """Sends an error about a stream, and ends the stream if it is open."""
        stream = self._streams.get(stream_id)
        if stream is None:
            return [self._stream_error(stream_id, refusal)]
        refusal.request_id = stream.log.id
        return [self._stream_error(stream_id, refusal), *self._terminate(stream, "error", refusal.error_type)]

    def _stream_error(self, stream_id: str, refusal: RealtimeError) -> Send:
        """An error message about a stream, open or not."""
        return Send(json_text(refusal.tts_message(refusal.request_id or str(uuid.uuid4()), stream_id)))

    def _error_message(self, error: RealtimeError) -> dict[str, object]:
        return error.tts_message(self.log.id, None)

    def _end(self, ended: SessionEnd, close_code: int | None, error_type: str | None = None) -> None:
        for stream in self._turns:
            stream.log.end(ended, error_type)
        self._streams.clear()
        self._turns.clear()
        super()._end(ended, close_code, error_type)

    def _restart_silent(self, now_sec: float) -> None:
        if self._rules.silent_sec is not None:
            self._timers["silent"] = now_sec + self._rules.silent_sec
