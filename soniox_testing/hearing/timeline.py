"""The times of the words of a session, which do not depend on the size of the chunks."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from ..script.vocabulary import SENTENCE_ENDS, VOCABULARY, space_before
from .words import SENTENCE_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..script.transcripts import Word

WORD_MS = 400
"""From the start of a word to the start of the next: 2.5 words a second."""
PAUSE_MS = 1200
"""After a sentence."""
_GAP_MS = 60
_MAX_WORD_MS = WORD_MS - _GAP_MS


@dataclass(frozen=True)
class TimedWord:
    """A word with its times."""

    text: str
    """With the space before it, if any."""
    start_ms: int
    end_ms: int
    confidence: float
    speaker: str
    language: str
    ends_sentence: bool
    elastic: bool
    """Whether its times were not given, so that it is recognized before the audio ends in any case."""
    pieces: tuple[tuple[str, int, int], ...]
    """Its tokens: text, start and end in milliseconds."""

    def until(self, now_ms: int) -> TimedWord:
        """This word, ended by then."""
        if self.start_ms < now_ms >= self.end_ms:
            return self
        pieces = tuple((text, min(start_ms, now_ms), min(end_ms, now_ms)) for text, start_ms, end_ms in self.pieces)
        return replace(self, start_ms=min(self.start_ms, now_ms - 1), end_ms=min(self.end_ms, now_ms), pieces=pieces)


class WordSource(Protocol):
    """The words of one session, in their order."""

    def first(self) -> TimedWord | None:
        """The first word that was not taken; None: it is not known yet, or there is none."""
        ...

    def take(self) -> None:
        """Removes it."""
        ...

    @property
    def begins_ms(self) -> int | None:
        """When it begins, in milliseconds; None as above."""
        ...

    def cut(self) -> None:
        """All audio so far is recognized now, as far as it goes."""
        ...

    def pad(self, ms: int) -> None:
        """All audio from now on counts as later by so much."""
        ...


class KnownWords:
    """Words whose times do not depend on the audio."""

    def __init__(self, words: Iterator[TimedWord]) -> None:
        self._words = words
        self._first = next(words, None)

    def first(self) -> TimedWord | None:
        """See ``WordSource``."""
        return self._first

    def take(self) -> None:
        """See ``WordSource``."""
        self._first = next(self._words, None)

    @property
    def begins_ms(self) -> int | None:
        """See ``WordSource``."""
        return None if self._first is None else self._first.start_ms

    def cut(self) -> None:
        """Nothing: the rest of a word is not heard."""

    def pad(self, ms: int) -> None:
        """Nothing: the words stay at their times."""


def scripted_words(words: Sequence[Word], language: str) -> Iterator[TimedWord]:
    """The words of a script: words with times keep them, the others follow each other at 2.5 words a second.

    A pause follows a sentence without times. Where given times leave less room, the words before are compressed.

    Args:
        words: The script.
        language: Of words that have none.
    """
    for index, (word, start_ms, end_ms) in enumerate(_timed(words)):
        text = space_before(word.text, first=index == 0) + word.text
        yield TimedWord(
            text=text,
            start_ms=start_ms,
            end_ms=end_ms,
            confidence=word.confidence,
            speaker=word.speaker or "1",
            language=word.language or language,
            ends_sentence=word.text.endswith(SENTENCE_ENDS),
            elastic=word.start_ms is None and word.end_ms is None,
            pieces=((text, start_ms, end_ms),),
        )


def _timed(words: Sequence[Word]) -> Iterator[tuple[Word, int, int]]:
    """Each word with its start and end in milliseconds."""
    now_ms = 0
    index = 0
    while index < len(words):
        word = words[index]
        if word.start_ms is None and word.end_ms is None:
            run = _run_without_times(words, index)
            limit_ms = _time_of(words[index + len(run)]) if index + len(run) < len(words) else None
            slots_ms = [WORD_MS + (PAUSE_MS if word.text.endswith(SENTENCE_ENDS) else 0) for word in run]
            wanted_ms = sum(slots_ms)
            room_ms = wanted_ms if limit_ms is None else min(wanted_ms, max(0, limit_ms - now_ms))
            spent_ms = 0
            for untimed, slot_ms in zip(run, slots_ms, strict=True):
                start_ms = now_ms + spent_ms * room_ms // wanted_ms
                end_ms = now_ms + (spent_ms + _MAX_WORD_MS) * room_ms // wanted_ms
                yield untimed, start_ms, end_ms
                spent_ms += slot_ms
            now_ms += room_ms
            index += len(run)
            continue
        start_ms = word.start_ms if word.start_ms is not None else min(now_ms, word.end_ms or 0)
        if word.end_ms is not None:
            end_ms = word.end_ms
        else:
            later = words[index + 1] if index + 1 < len(words) else None
            limit_ms = None if later is None else _time_of(later)
            end_ms = start_ms + _MAX_WORD_MS
            end_ms = end_ms if limit_ms is None else max(start_ms, min(end_ms, limit_ms))
        yield word, start_ms, end_ms
        now_ms = end_ms
        index += 1


def _run_without_times(words: Sequence[Word], index: int) -> Sequence[Word]:
    end = index
    while end < len(words) and words[end].start_ms is None and words[end].end_ms is None:
        end += 1
    return words[index:end]


def _time_of(word: Word) -> int | None:
    return word.end_ms if word.start_ms is None else word.start_ms


def default_words(seed: str, languages: Sequence[str]) -> Iterator[TimedWord]:
    """Endless generated words for audio without a script: sentences of eight words with pauses between them.

    Two speakers take turns sentence by sentence, and so do the languages.

    Args:
        seed: The same seed gives the same words.
        languages: At least one.
    """
    sentence = 0
    while True:
        # A generator for each sentence: words depend on their position only.
        dice = random.Random(f"{seed}:{sentence}")  # noqa: S311 - has to be repeatable, not secret
        begin_ms = sentence * (SENTENCE_WORDS * WORD_MS + PAUSE_MS)
        for place in range(SENTENCE_WORDS):
            text = dice.choice(VOCABULARY)
            last = place == SENTENCE_WORDS - 1
            if place == 0:
                text = text.capitalize()
            text = ("" if sentence == place == 0 else " ") + text + ("." if last else "")
            start_ms = begin_ms + place * WORD_MS
            yield TimedWord(
                text=text,
                start_ms=start_ms,
                end_ms=start_ms + _MAX_WORD_MS,
                confidence=_confidence(dice.uniform(0.8, 0.999)),
                speaker=str(1 + sentence % 2),
                language=languages[sentence % len(languages)],
                ends_sentence=last,
                elastic=False,
                pieces=((text, start_ms, start_ms + _MAX_WORD_MS),),
            )
        sentence += 1


def _confidence(drawn: float) -> float:
    """One word in 25 is doubtful."""
    return round(drawn if drawn >= 0.808 else 0.3 + (drawn - 0.8) * 50, 3)
