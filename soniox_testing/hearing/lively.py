"""Recognition with the habits of the service, as recordings of its messages show them.

- Messages come at irregular intervals of the audio, 127 ms in the median.
- Words are split into tokens at any place, and punctuation is a token of its own, also a non-final one.
- Three to eight words become final at once, and then the tail is empty.
- Now and then a non-final token has another text in the next message.
- The translation of words comes in a message of its own, after they have become final.

All of it is drawn by the session's ``client_reference_id``: sessions with the same one have the same messages.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

from ..script.vocabulary import CLOSING
from .recognition import Recognizer, Token, token_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..realtime.stt_config import SttConfig
    from .recognition import Message
    from .timeline import TimedWord, WordSource

_MEDIAN_STEP_MS = 127
_STEP_SPREAD = 0.8
_STEP_BOUNDS_MS = (20, 900)
_FINAL_WORDS = (3, 8)
_SILENCE_MS = 1000
"""After so much silence the words before it are final."""
_SPLIT = 0.35
"""Share of the words of four letters or more that are split."""
_SLIP = 1 / 60
"""Share of the words that are another word at first."""


class LivelyRecognizer(Recognizer):
    """The recognition of one session; see ``Recognizer``."""

    def __init__(self, config: SttConfig, words: WordSource) -> None:
        super().__init__(config, words)
        self._dice = random.Random(f"stream of {config.client_reference_id}")  # noqa: S311 - has to be repeatable
        self._scheduled_ms = self._interval_ms()
        self._chunk = self._dice.randint(*_FINAL_WORDS)
        """So many words become final at once."""
        self._words_in_tail = 0
        self._slip: tuple[Token, Message] | None = None
        """A token of the tail, and how it is shown at first."""

    def _interval_ms(self) -> int:
        least, most = _STEP_BOUNDS_MS
        return min(most, max(least, round(_MEDIAN_STEP_MS * math.exp(self._dice.gauss(0, _STEP_SPREAD)))))

    def _next_step_ms(self) -> int:
        # An endpoint is not late.
        endpoint_ms = self._scheduled_ms if self._endpoint_ms is None else self._endpoint_ms
        return min(self._scheduled_ms, max(endpoint_ms, self._now_ms + 1))

    def _step(self, now_ms: int) -> list[Message]:
        if now_ms >= self._scheduled_ms:
            self._scheduled_ms = now_ms + self._interval_ms()
        return super()._step(now_ms)

    def _regular(self, now_ms: int) -> list[Message]:
        if self._tail and self._is_final(now_ms):
            return self._settle([], now_ms, final_ms=0)
        return [self._message([], now_ms, final_ms=0)] if self._speaks() else []

    def _is_final(self, now_ms: int) -> bool:
        """Whether the words of the tail become final now."""
        first, last = self._tail[0], self._tail[-1]
        if now_ms - first.end_ms >= self._config.max_non_final_tokens_duration_ms:
            return True
        enough = self._words_in_tail >= self._chunk or now_ms - last.end_ms >= _SILENCE_MS
        word = self._words.first()
        within_word = word is not None and bool(self._pieces) and self._pieces[0][1] > word.start_ms
        return enough and not within_word

    def _settle(self, markers: list[Message], now_ms: int, *, final_ms: int) -> list[Message]:
        originals = self._take_finals(None)
        self._words_in_tail = 0
        self._chunk = self._dice.randint(*_FINAL_WORDS)
        translated: list[Message] = [{**token, "is_final": True} for token in self._translation()]
        if not translated:
            return [self._message([*originals, *markers], now_ms, final_ms=final_ms)]
        first = [self._message(originals, now_ms, final_ms=0)] if originals else []
        return [*first, self._message([*translated, *markers], now_ms, final_ms=final_ms)]

    def _is_chunk(self, word: TimedWord) -> bool:  # noqa: ARG002 - words are translated when they are final
        return False

    def _translate_pending(self) -> None:
        """Nothing: ``_settle`` does it."""

    def _word_done(self, word: TimedWord) -> None:
        super()._word_done(word)
        self._words_in_tail += 1
        if self._dice.random() < _SLIP and self._tail and self._tail[-1].draft is not None:
            self._slip = self._tail[-1], _slipped(self._tail[-1].draft)

    def _token(self, token: Message, end_ms: int) -> Token:
        return token_of(token, end_ms, strip="")

    def _drafts(self) -> list[Message]:
        drafts = super()._drafts()
        slip, self._slip = self._slip, None
        if slip is not None and drafts and self._tail[-1] is slip[0]:
            drafts[-1] = slip[1]
        return drafts

    def _split(self, word: TimedWord) -> Sequence[tuple[str, int, int]]:
        text = word.text
        letters = len(text)
        while letters and text[letters - 1] in CLOSING:
            letters -= 1
        begin = len(text) - len(text.lstrip())
        cuts = [0, *self._cuts(begin, letters), *range(max(letters, begin), len(text))]
        ends = [*cuts[1:], len(text)]
        length_ms = word.end_ms - word.start_ms
        times = [word.start_ms + length_ms * cut // len(text) for cut in [*cuts, len(text)]]
        return [
            (text[cut:end], times[at], times[at + 1])
            for at, (cut, end) in enumerate(zip(cuts, ends, strict=True))
            if end > cut
        ]

    def _cuts(self, begin: int, end: int) -> list[int]:
        """Where the letters of a word are split."""
        if end - begin < 4 or self._dice.random() >= _SPLIT:
            return []
        count = 2 if end - begin >= 8 else 1
        return sorted(self._dice.sample(range(begin + 1, end), count))


def _slipped(draft: Message) -> Message:
    """A token with another last letter."""
    text = str(draft["text"])
    return {**draft, "text": text[:-1] + ("a" if text[-1] == "e" else "e")}
