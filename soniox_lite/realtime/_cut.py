"""Where a new connection starts after a break, and which of its words are new. No I/O, no clock.

Theory of operation. Two connections that are sent the same audio return slightly different times and now and then other
words, and a connection whose audio starts within speech gets its first word wrong. So the audio of the successor of a
broken connection does not start where the last word ended, but one to five seconds earlier, in a gap between words
(:func:`choose_start`). Its words in the overlap are compared with the words that were delivered, by text *and* time
(:func:`splice`): text alone would take "no no" for one "no", and time alone would double or lose a word whose times
differ. The least costly alignment gives the number of new words that the user has already.

All times here are in the user's clock, which goes on without a jump over all connections.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from ..types.realtime import TOKEN_TEXT_END, TOKEN_TEXT_FIN
from ._words import MARKS, Said, Word, changed, is_translation, time_of, trailing_punctuation, words_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, Literal

    from ..types.common import Token

    StartKind = Literal["fin", "beginning", "silence", "gap", "widest", "speech"]

# A start that lies this far before the cut has enough words after it that are recognised again.
LEAST_OVERLAP_MS = 1000
# A gap this wide is a pause of the speaker; a connection that starts in it gets no word wrong for that.
_PAUSE_MS = 150
# How long before the next word a connection starts, if the gap is wide enough: the times of two connections differ.
_LEAD_MS = 250
# Wider gaps are no better.
_WIDE_MS = 400
# By how much nearer to the cut a start may be to make up for a gap that is 1 ms narrower.
_MS_OF_DISTANCE = 50
# How much of what the counters cover may still become a word.
_FINAL_MARGIN_MS = 1000
_HEARD_MARGIN_MS = 3000
_QUIET_MS = 5000
# A translation that is further behind than this does not come any more.
_MAX_TRANSLATION_LAG_MS = 15_000

# Costs of aligning a new word with a delivered one: another text, and each millisecond between their middles; of a word
# that only one connection returned; and of keeping a word that lies before the cut.
_OTHER_TEXT = 0.4
_EACH_MS = 1 / 400
_MOST = 1.5
_ONLY_ONE = 1.0
_KEPT_BEFORE_CUT = 0.5
# There are more new than old words in the overlap only if some were not recognised the first time.
_MORE_WORDS = 3
# A wait for more words ends when so much audio after the cut has been recognised.
_ENOUGH_AUDIO_MS = 2000
# An alignment may be wrong if it costs more than this, and this for each word.
_POOR, _POOR_EACH = 0.5, 0.25


class Delivered:
    """What the user has been given as final, in the user's clock.

    Tokens are only collected as they go out, and are evaluated when a property is read.
    """

    def __init__(self) -> None:
        # As those of :class:`Said`, and those that were not evaluated yet.
        self._tokens: deque[tuple[Any, ...]] = deque()
        self._new: list[tuple[Any, ...]] = []
        self._facts = _Facts()

    @property
    def end_ms(self) -> float | None:
        """End of the last word that was said; None before the first."""
        return self._look().end_ms

    @property
    def translated_ms(self) -> float | None:
        """End of the last word that was said and has its translation, or gets none; None before the first."""
        return self._look().translated_ms

    @property
    def cut_ms(self) -> float | None:
        """Where audio begins that has to be sent again: the end of the last word, or of the last translated one."""
        facts = self._look()
        if facts.end_ms is None:
            return None
        return max(facts.translated_ms or 0, facts.end_ms - _MAX_TRANSLATION_LAG_MS)

    @property
    def ends_with_end(self) -> bool:
        """Whether an ``<end>`` came after the last word."""
        return self._look().ends_with_end

    @property
    def last_text(self) -> str:
        """Text of the last token that was said; empty before the first."""
        return self._look().last_text

    @property
    def last_translation(self) -> str:
        """Text of the last translated token; empty before the first."""
        return self._look().last_translation

    @property
    def speakers(self) -> set[str]:
        """All labels of speakers."""
        return self._look().speakers

    def add(self, tokens: Sequence[Token]) -> None:
        """Adds final tokens, in the order in which they were given out."""
        new = self._new
        for token in tokens:
            new.append((token.text, token.start_ms, token.end_ms, token.speaker, token.translation_status))

    def forget(self, before_ms: float) -> None:
        """Forgets the tokens that ended before a time. The properties of the last ones stay."""
        self._look()
        tokens = self._tokens
        while tokens:
            _, _, end_ms, _, _ = tokens[0]
            if (time_of(end_ms) or 0) >= before_ms:
                return
            tokens.popleft()

    def words(self, from_ms: float = -math.inf) -> list[Word]:
        """The words whose middle lies after a time."""
        self._look()
        return [word for word in words_of(Said(*token) for token in self._tokens) if word.middle_ms > from_ms]

    def _look(self) -> _Facts:
        if self._new:
            new, self._new = self._new, []
            self._tokens += new
            self._facts.add(new)
        return self._facts


class _Facts:
    """What is known of tokens after the last of them: the properties of :class:`Delivered`."""

    def __init__(self) -> None:
        self.end_ms: float | None = None
        self.translated_ms: float | None = None
        self.ends_with_end = False
        self.last_text = ""
        self.last_translation = ""
        self.speakers: set[str] = set()
        self._is_untranslated = False

    def add(self, tokens: Iterable[tuple[Any, ...]]) -> None:
        for text, _, end_ms, speaker, status in tokens:
            if text[:1] == "<" and text in MARKS:
                self.ends_with_end |= text == TOKEN_TEXT_END
            elif status == "translation":
                self.last_translation = text
                self._is_untranslated = False
                self.translated_ms = self.end_ms
            else:
                self.last_text = text
                self.ends_with_end = False
                if time_of(end_ms) is not None and (self.end_ms is None or end_ms > self.end_ms):
                    self.end_ms = end_ms
                if type(speaker) is str:
                    self.speakers.add(speaker)
                if status == "original":
                    self._is_untranslated = True
                elif not self._is_untranslated:
                    self.translated_ms = self.end_ms


@dataclass(frozen=True)
class Start:
    """Where the audio of a new connection starts.

    Attributes:
        ms: The time.
        kind: What is there: the place of a ``<fin>``, the beginning of the audio that is kept, a long
            silence, a pause, the widest gap there is, or the middle of speech.
        is_exact: Whether no audio is sent again, so that there is nothing to compare.
        uncertain: Whether the first words may be wrong, for want of a better place.
    """

    ms: float
    kind: StartKind
    is_exact: bool = False
    uncertain: bool = False


def settled_ms(
    delivered_ms: float | None,
    final_audio_ms: float | None,
    total_audio_ms: float | None,
    *,
    is_tail_empty: bool,
    tail_empty_since_ms: float | None,
) -> float:
    """Before which time no word is missing: audio before it need not be kept, but for the overlap.

    Args:
        delivered_ms: ``Delivered.cut_ms``.
        final_audio_ms: ``final_audio_proc_ms``. It may run a little past the last final token.
        total_audio_ms: ``total_audio_proc_ms``.
        is_tail_empty: Whether there are no non-final tokens and none that are held.
        tail_empty_since_ms: ``total_audio_proc_ms`` of the first message of which that was so; None if it is not so.
    """
    known_ms = delivered_ms or 0.0
    if is_tail_empty and final_audio_ms is not None:
        known_ms = max(known_ms, final_audio_ms - _FINAL_MARGIN_MS)
    if tail_empty_since_ms is None or total_audio_ms is None or total_audio_ms < tail_empty_since_ms + _QUIET_MS:
        return known_ms
    return max(known_ms, total_audio_ms - _HEARD_MARGIN_MS)


@dataclass(frozen=True)
class _Gap:
    start_ms: float
    end_ms: float

    @property
    def width_ms(self) -> float:
        return self.end_ms - self.start_ms

    @property
    def place_ms(self) -> float:
        """Where to start in it: shortly before the next word, or in the middle if it is narrow."""
        return self.end_ms - min(_LEAD_MS, self.width_ms / 2)


def choose_start(
    delivered: Delivered,
    *,
    next_ms: float | None,
    beginning_ms: float = 0,
    fin_ms: float | None = None,
    settled_ms: float | None = None,
    overlap_ms: float = 5000,
    least_overlap_ms: float = LEAST_OVERLAP_MS,
    uncertainty_ms: float = 0,
) -> Start:
    """Where the successor of a broken connection starts.

    Args:
        delivered: What the user has.
        next_ms: Where the first word begins that was not delivered; without one, the end of recognised audio.
            None if that is not known.
        beginning_ms: Where the audio begins that is kept.
        fin_ms: Where the last finalize was, if its ``<fin>`` was exact and nothing final came after it; else None.
        settled_ms: As :func:`settled_ms` gives it.
        overlap_ms: How much may be sent again at most; 0 for nothing.
        least_overlap_ms: How much should be sent again; more is needed to match speakers.
        uncertainty_ms: How far times may be off.
    """
    if fin_ms is not None:
        return Start(fin_ms, "fin", is_exact=True)
    cut_ms = delivered.cut_ms
    quiet_ms = max(0.0, settled_ms or 0.0) - overlap_ms
    if quiet_ms >= (cut_ms or 0.0) + _PAUSE_MS:
        return Start(max(beginning_ms, quiet_ms), "silence")
    if cut_ms is None:
        return Start(beginning_ms, "beginning")
    earliest_ms = max(beginning_ms, cut_ms - overlap_ms - uncertainty_ms)
    gaps = _gaps(delivered.words(), cut_ms, next_ms, beginning_ms, earliest_ms)
    latest_ms = cut_ms - min(least_overlap_ms, overlap_ms) - uncertainty_ms
    candidates = [gap for gap in gaps if gap.start_ms <= latest_ms] or gaps
    if not candidates:
        return Start(earliest_ms, "speech", uncertain=True)
    best = max(candidates, key=lambda gap: min(gap.width_ms, _WIDE_MS) + gap.start_ms / _MS_OF_DISTANCE)
    if best.width_ms >= _PAUSE_MS:
        return Start(best.place_ms, "gap")
    return Start(best.place_ms, "widest", uncertain=best.start_ms > cut_ms - LEAST_OVERLAP_MS)


def _gaps(
    words: Sequence[Word], cut_ms: float, next_ms: float | None, beginning_ms: float, earliest_ms: float
) -> list[_Gap]:
    """The gaps between words, or the parts of them, from the earliest time up to the cut."""
    ends = [beginning_ms, *(word.end_ms for word in words)]
    starts = [*(word.start_ms for word in words), cut_ms if next_ms is None else max(next_ms, cut_ms)]
    return [
        _Gap(max(start_ms, earliest_ms), max(start_ms, end_ms))
        for start_ms, end_ms in zip(ends, starts, strict=True)
        if start_ms <= cut_ms and (earliest_ms <= start_ms or earliest_ms < end_ms)
    ]


@dataclass(frozen=True)
class Splice:
    """The tokens of a new connection, compared with what was delivered.

    Attributes:
        kept: What is new, to be given out. Each ``<fin>`` is among it: it answers a finalize that was sent again.
        dropped: What the user has already.
        reworded: Those of the dropped that have another text, or were not recognised before.
        pairs: Words that were recognised twice: as delivered, and as recognised now.
        uncertain: Whether words around the cut may be lost, doubled or wrong: the two connections differ much, or a
            translation covers words on both sides of the cut.
    """

    kept: list[Token]
    dropped: list[Token] = field(default_factory=list["Token"])
    reworded: list[Token] = field(default_factory=list["Token"])
    pairs: list[tuple[Word, Word]] = field(default_factory=list[tuple[Word, Word]])
    uncertain: bool = False


def can_splice(
    delivered: Delivered, tokens: Sequence[Token], start_ms: float, heard_ms: float | None, *, ended: bool = False
) -> bool:
    """Whether enough has been recognised to decide which tokens are new.

    Args:
        delivered: What the user has.
        tokens: The final tokens of the new connection so far.
        start_ms: Where it started.
        heard_ms: Up to where its final tokens reach; None if not known.
        ended: Whether nothing more comes: all is final by a ``<fin>``, or the stream is finished.
    """
    cut_ms = delivered.end_ms
    if ended or cut_ms is None or cut_ms <= start_ms:
        return True
    if heard_ms is not None and heard_ms >= cut_ms + _ENOUGH_AUDIO_MS:
        return True
    # The last delivered word may be heard a little later than before, and its punctuation may follow.
    heard = words_of(tokens)
    count, _, _ = align(delivered.words(start_ms), heard, cut_ms)
    beyond = [word for word in heard[count:] if word.middle_ms > cut_ms]
    if not beyond:
        return False
    # A translation comes after the words that it translates; those on both sides of the cut may be one of them.
    new = tokens[beyond[0].index :]
    return new[0].translation_status != "original" or any(map(is_translation, new))


def splice(delivered: Delivered, tokens: Sequence[Token], start_ms: float) -> Splice:
    """Decides which tokens of a new connection are new.

    Args:
        delivered: What the user has.
        tokens: All tokens of the connection so far, in order, those at the end perhaps not final.
        start_ms: Where it started.
    """
    old, new = delivered.words(start_ms), words_of(tokens)
    cut_ms = delivered.end_ms or 0.0
    count, pairs, cost = align(old, new, cut_ms)
    first = new[count] if count < len(new) else None
    drops_translation, straddles = _known_translations(tokens, new, delivered.translated_ms or 0.0)
    last_dropped = new[count - 1].index if count else -1
    kept: list[Token] = []
    dropped: list[Token] = []
    for index, token in enumerate(tokens):
        is_new = first is not None and index >= first.index
        if token.text == TOKEN_TEXT_END:
            is_new = is_new or (index > last_dropped and not delivered.ends_with_end)
        elif is_translation(token):
            is_new = index not in drops_translation
        if not is_new and token.text != TOKEN_TEXT_FIN:
            dropped.append(token)
        elif first is not None and index == first.index and first.offset:
            # Within a token of a script without spaces.
            dropped.append(changed(token, text=token.text[: first.offset], end_ms=first.start_ms))
            kept.append(_after(changed(token, text=token.text[first.offset :], start_ms=first.start_ms), cut_ms))
        else:
            kept.append(_after(token, cut_ms))
    if count and pairs and pairs[-1] == (old[-1], new[count - 1]):
        word_tokens = tokens[last_dropped : first.index if first is not None else len(tokens)]
        kept[:0] = _late_punctuation(delivered, word_tokens, cut_ms)
    told = {id(word) for known, word in pairs if known.text == word.text}
    reworded = [
        token
        for number, word in enumerate(new[:count])
        if id(word) not in told
        for token in tokens[word.index : new[number + 1].index if number + 1 < len(new) else len(tokens)]
        if token.text not in MARKS and not is_translation(token)
    ]
    return Splice(kept, dropped, reworded, pairs, straddles or cost > _POOR + _POOR_EACH * len(old))


def _late_punctuation(delivered: Delivered, tokens: Sequence[Token], cut_ms: float) -> list[Token]:
    """The punctuation after the last delivered word, if that was given out before its punctuation had become final.

    Args:
        delivered: What the user has.
        tokens: The last delivered word as it was recognised again.
        cut_ms: Its end.
    """
    said = [token for token in tokens if token.text not in MARKS and not is_translation(token)]
    marks = trailing_punctuation("".join(token.text for token in said))
    is_later = bool(said) and (time_of(said[-1].end_ms) or 0) > cut_ms
    if not marks or not is_later or trailing_punctuation(delivered.last_text):
        return []
    return [_after(changed(said[-1], text=marks), cut_ms)]


def _after(token: Token, cut_ms: float) -> Token:
    """The token, or a copy whose times are not before the cut."""
    start_ms, end_ms = time_of(token.start_ms), time_of(token.end_ms)
    if token.text in MARKS or start_ms is None or start_ms >= cut_ms:
        return token
    return changed(token, start_ms=cut_ms, end_ms=end_ms and max(end_ms, cut_ms))


def align(old: Sequence[Word], new: Sequence[Word], cut_ms: float) -> tuple[int, list[tuple[Word, Word]], float]:
    """How many of the new words are the old ones, recognised again.

    Args:
        old: The words that were delivered, after the place where the new ones start.
        new: The words that were recognised now.
        cut_ms: End of the last delivered word.

    Returns:
        The number of new words, the smallest that costs least; the pairs of words that are the same; and the cost.
    """
    if not old:
        return 0, [], 0.0
    columns = min(len(new), len(old) + _MORE_WORDS)
    # costs[i][j]: of taking the first j new words for the first i old ones.
    costs = [[_ONLY_ONE * j for j in range(columns + 1)]]
    for known in old:
        above, row = costs[-1], [costs[-1][0] + _ONLY_ONE]
        for j in range(columns):
            row.append(min(above[j] + _difference(known, new[j]), above[j + 1] + _ONLY_ONE, row[j] + _ONLY_ONE))
        costs.append(row)
    is_before = [word.middle_ms < cut_ms for word in new]
    totals = [round(costs[-1][j] + _KEPT_BEFORE_CUT * sum(is_before[j:]), 6) for j in range(columns + 1)]
    count = totals.index(min(totals))
    return count, _pairs(old, new, costs, count), totals[count]


def _pairs(
    old: Sequence[Word], new: Sequence[Word], costs: Sequence[Sequence[float]], count: int
) -> list[tuple[Word, Word]]:
    """The pairs of words of the least costly alignment, found backwards."""
    pairs: list[tuple[Word, Word]] = []
    i, j = len(old), count
    while i and j:
        cost = costs[i][j]
        if cost == costs[i - 1][j - 1] + _difference(old[i - 1], new[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((old[i], new[j]))
        elif cost == costs[i - 1][j] + _ONLY_ONE:
            i -= 1
        else:
            j -= 1
    return pairs[::-1]


def _difference(old: Word, new: Word) -> float:
    text = 0.0 if old.text == new.text else _OTHER_TEXT
    return min(_MOST, text + abs(old.middle_ms - new.middle_ms) * _EACH_MS)


def _known_translations(tokens: Sequence[Token], words: Sequence[Word], translated_ms: float) -> tuple[set[int], bool]:
    """The places of translated tokens that the user has, and whether one translates words on both sides of the cut.

    A run of translated tokens translates the words since the run before it, and is known if most of them are.
    """
    known: set[int] = set()
    straddles = False
    places = iter(words)
    word = next(places, None)
    sides: list[bool] = []
    for index, token in enumerate(tokens):
        if not is_translation(token):
            if index and is_translation(tokens[index - 1]):
                sides = []
            while word is not None and word.index <= index:
                sides.append(word.middle_ms < translated_ms)
                word = next(places, None)
        elif 2 * sum(sides) > len(sides):
            known.add(index)
            straddles = straddles or not all(sides)
        else:
            straddles = straddles or any(sides)
    return known, straddles


class Speakers:
    """The labels of a new connection, as labels of the session: each connection counts its speakers anew.

    Attributes:
        mapping: The session's label for each label of the connection.
    """

    def __init__(self, used: set[str]) -> None:
        """No label is known yet.

        Args:
            used: The session's labels so far.
        """
        self.mapping: dict[str, str] = {}
        self._used = set(used)

    def vote(self, pairs: Iterable[tuple[Word, Word]]) -> None:
        """Takes over labels of words that were recognised twice: of at least three, and 80 % of a speaker's words."""
        votes: dict[str, dict[str, int]] = {}
        for old, new in pairs:
            if old.speaker is not None and new.speaker is not None:
                counts = votes.setdefault(new.speaker, {})
                counts[old.speaker] = counts.get(old.speaker, 0) + 1
        elections = [
            (count, label, winner)
            for label, counts in votes.items()
            for winner, count in counts.items()
            if count >= 3 and count >= 0.8 * sum(counts.values())
        ]
        # Two speakers must not become one: the one with more votes gets the label.
        for _, label, winner in sorted(elections, reverse=True):
            if label not in self.mapping and winner not in self.mapping.values():
                self.mapping[label] = winner

    def label(self, speaker: str | None) -> str | None:
        """The session's label of a speaker: a number above all used ones if the votes do not decide it."""
        if speaker is None:
            return None
        if speaker not in self.mapping:
            numbers = (int(label) for label in self._used if label.isdecimal())
            self.mapping[speaker] = str(max(numbers, default=0) + 1)
            self._used.add(self.mapping[speaker])
        return self.mapping[speaker]
