"""A model of the service that hears the bytes it gets: one byte is one millisecond of audio.

Words are known by their place in the audio of the whole session, whatever part of it a connection gets.
"""

from __future__ import annotations

import random
from typing import Any, NamedTuple

from soniox_lite.realtime import RealtimeSTTConfig
from soniox_lite.types.realtime import RealtimeEvent

CONFIG = {"model": "stt-rt-v5", "audio_format": "pcm_u8", "sample_rate": 1000, "num_channels": 1}


def config(**fields: Any) -> RealtimeSTTConfig:
    """A config whose audio has a byte a millisecond."""
    return RealtimeSTTConfig.from_dict({**CONFIG, **fields})


class Spoken(NamedTuple):
    """A word of the truth."""

    text: str
    start_ms: int
    end_ms: int


def talk(seed: int, duration_ms: int) -> list[Spoken]:
    """Words with pauses and real repetitions, up to a time."""
    rng = random.Random(seed)
    words: list[Spoken] = []
    at = 300
    while True:
        length = rng.randint(120, 520)
        if at + length > duration_ms - 300:
            return words
        text = rng.choice(("yes", "no", "the", f"word{len(words)}", f"name{len(words)}"))
        if words and rng.random() < 0.1:
            text = words[-1].text
        words.append(Spoken(text, at, at + length))
        at += length + (rng.randint(400, 1500) if rng.random() < 0.2 else rng.randint(0, 130))


class Connection:
    """One connection of the service.

    Args:
        words: All that is said in the session.
        start_ms: Where in the session's audio the connection's audio begins.
        lag_ms: How far final tokens are behind.
        padding_ms: To a multiple of what ``finalize`` pads the clock; 0 for not at all.
    """

    def __init__(
        self, words: list[Spoken], start_ms: int, *, lag_ms: int = 1000, padding_ms: int = 0, seed: int = 0
    ) -> None:
        self._rng = random.Random(seed)
        self._start_ms = start_ms
        self._lag_ms = lag_ms
        self._padding_ms = padding_ms
        self.padded_ms = 0
        self.got_ms = 0
        self._final_ms = 0
        self._is_first = True
        self._pieces = [piece for word in words for piece in self._heard(word)]
        self._told = 0

    def _heard(self, word: Spoken) -> list[tuple[str, int, int]]:
        """The pieces of a word, with times in the audio of the session."""
        start_ms, end_ms, text = max(word.start_ms, self._start_ms), word.end_ms, word.text
        heard = (end_ms - start_ms) / (word.end_ms - word.start_ms)
        if heard < 0.35:
            return []
        text = text if heard > 0.8 else f"~{text}"
        text, self._is_first = (text if self._is_first else f" {text}"), False
        cut = self._rng.randint(1, len(text) - 1)
        middle = start_ms + (end_ms - start_ms) * cut // len(text)
        if text[:cut] == " " or self._rng.random() < 0.5:
            return [(text, start_ms, end_ms)]
        return [(text[:cut], start_ms, middle), (text[cut:], middle, end_ms)]

    def audio(self, size: int) -> None:
        """Takes so much more audio."""
        self.got_ms += size

    def message(
        self,
        *,
        all_final: bool = False,
        marks: tuple[str, ...] = (),
        finished: bool = False,
        until_ms: int | None = None,
    ) -> RealtimeEvent:
        """What the connection tells when it has heard what it got, or only so much of it."""
        heard_ms = self._start_ms + (self.got_ms if until_ms is None else until_ms)
        final_until_ms = heard_ms if all_final else heard_ms - self._lag_ms
        tokens: list[dict[str, Any]] = []
        for number, (text, start_ms, end_ms) in enumerate(self._pieces):
            if number < self._told or end_ms > heard_ms:
                continue
            is_final = end_ms <= final_until_ms
            if is_final:
                self._told = number + 1
                self._final_ms = self._clock(end_ms)
            tokens.append(
                {"text": text, "start_ms": self._clock(start_ms), "end_ms": self._clock(end_ms), "is_final": is_final}
            )
        if all_final:
            self._final_ms = self._clock(heard_ms)
        tokens += [{"text": mark, "is_final": True} for mark in marks]
        event: dict[str, Any] = {
            "tokens": tokens,
            "final_audio_proc_ms": self._final_ms,
            "total_audio_proc_ms": self._clock(heard_ms),
        }
        return RealtimeEvent.from_dict({**event, "finished": True} if finished else event)

    def finalized(self, at_ms: int) -> RealtimeEvent:
        """The answer to a finalize that came after so much audio; padding moves the clock."""
        if self._padding_ms:
            clock = self._clock(self._start_ms + at_ms)
            self.padded_ms += self._padding_ms - clock % self._padding_ms
        return self.message(all_final=True, marks=("<fin>",), until_ms=at_ms)

    def _clock(self, session_ms: int) -> int:
        return session_ms - self._start_ms + self.padded_ms
