"""One text-to-speech stream: its text, the audio that is due, and when. No I/O; calls bring the time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..script.session_faults import encode_audio
from ..speaking.request import MAX_TEXT_BYTES
from ..speaking.synthesis import CHARACTERS_PER_SEC, Synthesizer
from ..wire.realtime_errors import RealtimeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..script.session_faults import SessionFault
    from ..speaking.synthesis import Piece
    from ..store.speeches import SpeechLog, SpeechRules

_PIECE_SEC = 0.5


class TtsStream:
    """A stream from its start message to its end.

    Args:
        stream_id: Chosen by the client.
        log: Records it, for ``fake.speeches``.
        rules: Timers and limits.
        now_sec: The moment of its start message.
        fault: The fault of this stream; None: none.
    """

    def __init__(
        self, stream_id: str, log: SpeechLog, rules: SpeechRules, now_sec: float, fault: SessionFault | None
    ) -> None:
        self.stream_id = stream_id
        self.log = log
        self.fault = fault
        self.encode: Callable[[bytes], object] = encode_audio
        """Makes the ``audio`` field of the next message; a fault may replace it."""
        self._messages = 0
        """Number of audio messages so far."""
        self._texts = 0
        """Number of text messages so far."""
        self._rules = rules
        self._synthesizer = Synthesizer(log.request.sound, rules.longest_audio_sec)
        self._piece_characters = max(1, round(_PIECE_SEC * CHARACTERS_PER_SEC * log.request.sound.speed))
        self._text = ""
        """Not synthesized yet."""
        self._pieces: list[Piece] = []
        """Synthesized since the last message."""
        self._text_bytes = 0
        self._text_ended = False
        self._first_audio_sec: float | None = None
        self._delayed_sec = 0.0
        self._started_sec = now_sec
        self._next_sec = now_sec
        """The earliest moment of the next audio."""
        self._text_due_sec = _after(now_sec, rules.text_timeout_sec)
        self._audio_due_sec = _after(now_sec, rules.first_audio_timeout_sec)

    @property
    def duration_ms(self) -> int:
        """Milliseconds of audio so far."""
        return self._synthesizer.duration_ms

    @property
    def deadline_sec(self) -> float:
        """When the stream times out for lack of text or audio; infinite: never."""
        return min(self._text_due_sec, self._audio_due_sec)

    @property
    def next_sec(self) -> float:
        """When the next message can be produced; infinite: not without more text."""
        return self._next_sec if self._has_output() else math.inf

    def add_text(self, text: str, *, ended: bool, now_sec: float) -> None:
        """Takes a text message.

        Raises:
            RealtimeError: The text had ended, or is too long in all.
        """
        if self._text_ended:
            raise RealtimeError("invalid_stream_state", "The text of this stream has ended already.")
        self.log.add_text(text, ended=ended)
        self._texts += 1
        self._text_bytes += len(text.encode("utf-8", "surrogatepass"))
        if self._text_bytes > MAX_TEXT_BYTES:
            message = f"A stream takes at most {MAX_TEXT_BYTES} bytes of text, not {self._text_bytes}."
            raise RealtimeError("invalid_request", message)
        self._text += text
        self._text_ended = ended
        self._text_due_sec = math.inf if ended else _after(now_sec, self._rules.text_timeout_sec)
        if self._first_audio_sec is not None:
            self._audio_due_sec = self._next_text_due_sec()

    def delay(self, seconds: float, now_sec: float) -> None:
        """Delays the next audio."""
        self._next_sec = max(self._next_sec, now_sec) + seconds
        self._delayed_sec += seconds

    def timeout_error(self) -> RealtimeError:
        """The error of the deadline that has passed."""
        if self._text_due_sec <= self._audio_due_sec:
            what = f"No text and no text_end came for {self._rules.text_timeout_sec:g} seconds."
        elif self._first_audio_sec is None:
            what = f"There was no audio for {self._rules.first_audio_timeout_sec:g} seconds."
        else:
            what = f"The text came so slowly that there was less than {self._rules.slowest_factor:g} of real time."
        return RealtimeError("request_timeout", what)

    def produce(self, now_sec: float) -> dict[str, object] | None:
        """The next audio message; the last one has ``audio_end``. Call it only from ``next_sec`` on.

        Returns:
            None if a compressed format needs more text to fill its next frame.

        Raises:
            RealtimeError: The audio has reached its longest duration.
        """
        audio, is_last, was_full = b"", False, self._synthesizer.is_full
        while not audio and not is_last and not self._synthesizer.is_full and self._has_output():
            piece, self._text = self._text[: self._piece_characters], self._text[self._piece_characters :]
            added = self._synthesizer.say(piece)
            self._pieces.append(added)
            is_last = self._text_ended and not self._text and not self._synthesizer.is_full
            audio = added.audio
        if is_last or (self._synthesizer.is_full and not was_full):
            audio += self._synthesizer.end()
        if self._synthesizer.is_full and not audio:
            what = f"A stream makes at most {self._rules.longest_audio_sec:g} seconds of audio."
            raise RealtimeError("max_audio_duration_reached", what)
        if not audio and not is_last:
            return None
        message: dict[str, object] = {"stream_id": self.stream_id}
        if audio:
            message["audio"] = self.encode(audio)
            self.encode = encode_audio
        pieces, self._pieces = self._pieces, []
        if self.log.request.return_timestamps and any(piece.characters for piece in pieces):
            message["timestamps"] = {
                "characters": [character for piece in pieces for character in piece.characters],
                "character_start_times_seconds": [sec for piece in pieces for sec in piece.starts_sec],
                "character_end_times_seconds": [sec for piece in pieces for sec in piece.ends_sec],
            }
        message["audio_end"] = is_last
        self._messages += 1
        self.log.add_audio(len(audio), self._synthesizer.duration_ms)
        self._audio_due_sec = self._next_text_due_sec()
        if self._first_audio_sec is None:
            self._first_audio_sec = now_sec
            self._delayed_sec = 0.0
        if self._rules.realtime_factor is not None:
            made_sec = self._synthesizer.duration_ms / 1000 / self._rules.realtime_factor
            self._next_sec = self._first_audio_sec + self._delayed_sec + made_sec
        return message

    def _next_text_due_sec(self) -> float:
        """When the stream, which has made audio, times out for lack of more text; infinite: never."""
        allowed_sec, slowest = self._rules.first_audio_timeout_sec, self._rules.slowest_factor
        if self._text_ended or allowed_sec is None or not slowest:
            return math.inf
        held_sec = len(self._text) / CHARACTERS_PER_SEC / self.log.request.sound.speed
        return self._started_sec + max(allowed_sec, (self._synthesizer.duration_ms / 1000 + held_sec) / slowest)

    def fault_is_due(self) -> bool:
        """Whether the moment of the fault has come."""
        if self.fault is None:
            return False
        if self.fault.after_texts is not None:
            return self._texts >= self.fault.after_texts
        if self.fault.after_audio_ms is not None:
            return self.duration_ms >= self.fault.after_audio_ms
        return self._messages >= (self.fault.after_frames or 0)

    def _has_output(self) -> bool:
        if self._text_ended or self._synthesizer.is_full:
            return True
        return len(self._text) >= max(self._rules.held_characters, 1)


def _after(now_sec: float, timeout_sec: float | None) -> float:
    return math.inf if timeout_sec is None else now_sec + timeout_sec
