"""Makes the cues of one track: the original, its translation, or both."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest

from .._data.display_width import display_width
from .._data.json_values import kind_of
from .._data.records import Record
from .._data.rules import FieldErrors
from ..errors import SonioxValidationError
from ..transcript.translations import translation_segments
from ._pieces import AFTER_SENTENCE, SENTENCE_ENDS, Piece, Span, glue, is_blank, pieces_of, sentences
from .layout import Layout, broken_lines, cue_groups, cut_wide, equal_parts, row_count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Literal

    from ..transcript import TokensInput
    from ..transcript.translations import TranslationSegment

    Track = Literal["original", "translation", "both"]
_TRACKS = ("original", "translation", "both")
# For Chinese, Japanese and Korean the guidelines allow about 16 characters of two columns each.
_WIDTH, _WIDTH_OF_WIDE = 42, 32
DASH = "- "
# The minimum, so that no cue is lost when speakers talk at the same time. The next cue is delayed instead.
SHORTEST_MS = 200
# A shorter gap is reduced to ``gap_ms``, which shows that the text changes.
_FLICKER_MS = 500


@dataclass(repr=False, eq=False, kw_only=True)
class Cue(Record):
    """A text and the time that it is shown.

    Attributes:
        start_ms: Start, in milliseconds from the start of the audio.
        end_ms: End, in milliseconds; after ``start_ms`` and before the next cue starts.
        lines: At least one line, none of them empty.
        speaker: Who speaks; None if that is unknown.
    """

    start_ms: int
    end_ms: int
    lines: list[str]
    speaker: str | None = None


def cues(source: TokensInput, *, track: Track = "original", layout: Layout | None = None) -> list[Cue]:
    """The cues of a transcript, in order and without overlap.

    A translation has no times of its own: it is spread over the time of the speech that it translates. Tokens without
    times are spread over the time between their neighbours. When speakers talk at the same time, a cue ends when the
    next one begins.

    Args:
        source: A transcript, an event or tokens.
        track: ``original`` for what was said; ``translation`` for its translation, with the original where there is
            none; ``both`` for the original above the translation.
        layout: Limits; None for the defaults of :class:`Layout`.

    Raises:
        SonioxValidationError: ``track`` has another value, ``layout`` is not a :class:`Layout`, ``source`` has no
            tokens, or no token with text has a time.
        SonioxAPIError: One of the dicts is not a valid token.
    """
    if layout is not None and not isinstance(layout, Layout):
        raise SonioxValidationError(f"layout must be a Layout, got {kind_of(layout)}")
    return CueBuilder(source, track, layout or Layout()).cues()


def check_track(track: object) -> None:
    """Raises SonioxValidationError for an unknown track."""
    with FieldErrors("the subtitles") as check:
        if check.required("track", track):
            check.choice("track", track, _TRACKS)


def shown_text(segment: TranslationSegment) -> str:
    """The translation of a segment; the original if it has none."""
    return segment.text if segment.translation_text is None else segment.translation_text


class CueBuilder:
    """Builds the cues of one transcript.

    Args:
        source: A transcript, an event or tokens.
        track: What is shown; see :func:`cues`.
        layout: The limits.
        untimed_ms: Where speech begins of which no token has a time; None to refuse it.
    """

    def __init__(self, source: TokensInput, track: Track, layout: Layout, *, untimed_ms: int | None = None) -> None:
        check_track(track)
        self._track = track
        self._untimed_ms = untimed_ms
        self._layout = layout
        self._cues: list[Cue] = []
        self._segments = translation_segments(source, final_only=True)
        # Columns for the dash that marks a change of speakers.
        speakers = [
            segment.speaker for segment in self._segments if (segment.text + (segment.translation_text or "")).strip()
        ]
        self._has_text = bool(speakers)
        self._reserved = len(DASH) if any(speaker != speakers[0] for speaker in speakers) else 0

    def cues(self) -> list[Cue]:
        """The cues, with final times."""
        if not self._has_text:
            return []
        originals = [
            [Span(token.text, token.start_ms, token.end_ms) for token in segment.tokens] for segment in self._segments
        ]
        # A translation without original keeps its place in the order.
        places = [
            spans or [Span(shown_text(segment), None, None)]
            for spans, segment in zip(originals, self._segments, strict=True)
        ]
        self._fill_times([span for spans in places for span in spans])
        if self._track == "both":
            self._add_both(originals, places)
        else:
            self._add_turns(originals, places)
        return self._scheduled()

    def _fill_times(self, spans: list[Span]) -> None:
        """Gives spans without times the time to read them, at most the time between their neighbours."""
        begin = None
        if all(span.start_ms is None for span in spans):
            if self._untimed_ms is None:
                raise SonioxValidationError("no token has a time, so subtitles cannot be timed")
            begin = self._untimed_ms
        index = 0
        while index < len(spans):
            end = index
            while end < len(spans) and spans[end].start_ms is None:
                end += 1
            run = spans[index:end]
            index = end + 1
            if not run:
                continue
            before = spans[end - len(run) - 1].end_ms if end > len(run) else begin
            after = spans[end].start_ms if end < len(spans) else None
            length = sum(len(span.text) for span in run) or 1
            needed = 1000 * length / self._layout.chars_per_sec
            start = before if before is not None else max(0.0, (after or 0.0) - needed)
            room = needed if after is None else max(0.0, min(needed, after - start))
            for span in run:
                span.start_ms = start
                start += room * len(span.text) / length
                span.end_ms = start

    def _add_turns(self, originals: list[list[Span]], places: list[list[Span]]) -> None:
        """Adds the cues of one track, turn by turn: a turn lasts until another speaker begins."""
        spans: list[Span] = []
        for index, segment in enumerate(self._segments):
            if self._track == "original":
                spans += originals[index]
            elif segment.translation_text is None:
                _append_apart(spans, originals[index])
            else:
                _append_apart(spans, [_spread(segment.translation_text, places[index])])
            if index + 1 == len(self._segments) or self._segments[index + 1].speaker != segment.speaker:
                self._add_turn(pieces_of(spans), segment.speaker)
                spans = []

    def _add_turn(self, pieces: list[Piece], speaker: str | None) -> None:
        width = self._width_for(pieces)
        pieces = cut_wide(pieces, width)
        for passage in self._passages(pieces):
            for group in cue_groups(passage, width, self._layout, max_lines=self._layout.max_lines):
                self._add(group[0].start_ms, group[-1].end_ms, broken_lines(group, width), speaker)

    def _passages(self, pieces: list[Piece]) -> Iterator[list[Piece]]:
        """Splits a turn after sentences and at pauses; a sentence too short to be read is joined with the next."""
        first = 0
        for index, piece in enumerate(pieces, 1):
            if index < len(pieces):
                is_pause = pieces[index].start_ms - piece.end_ms >= self._layout.pause_ms
                is_long = piece.end_ms - pieces[first].start_ms >= self._layout.min_ms
                if not (is_pause or (is_long and piece.cost == AFTER_SENTENCE)):
                    continue
            yield pieces[first:index]
            first = index

    def _add_both(self, originals: list[list[Span]], places: list[list[Span]]) -> None:
        """Adds cues with the original above its translation, both split into the same number of parts."""
        said: list[Span] = []
        translated: list[Span] = []
        for index, segment in enumerate(self._segments):
            if segment.translation_text is None:
                self._add_turn(pieces_of(originals[index]), segment.speaker)
                continue
            said += originals[index]
            _append_apart(translated, [_spread(segment.translation_text, places[index])])
            if not self._continues(index, places, translated[0].start_ms or 0.0):
                self._add_pair(said, translated, segment.speaker)
                said, translated = [], []

    def _continues(self, index: int, places: list[list[Span]], start_ms: float) -> bool:
        """Whether the next segment continues a sentence that fits into one cue."""
        if index + 1 == len(self._segments):
            return False
        segment, following = self._segments[index : index + 2]
        return (
            following.translation_text is not None
            and (segment.speaker, segment.language) == (following.speaker, following.language)
            and segment.text.rstrip()[-1:] not in SENTENCE_ENDS
            and (places[index + 1][0].start_ms or 0.0) - (places[index][-1].end_ms or 0.0) < self._layout.pause_ms
            and (places[index + 1][-1].end_ms or 0.0) - start_ms <= self._layout.max_ms
        )

    def _add_pair(self, originals: list[Span], translations: list[Span], speaker: str | None) -> None:
        texts = [pieces_of(originals), pieces_of(translations)]
        widths = [self._width_for(pieces) for pieces in texts]
        said, translated = (cut_wide(pieces, width) for pieces, width in zip(texts, widths, strict=True))
        for pair in self._sentence_pairs(said, translated):
            for shown, shown_translation in self._parts_of_both(pair, widths):
                timed = shown or shown_translation
                if timed:
                    lines = [*broken_lines(shown, widths[0]), *broken_lines(shown_translation, widths[1])]
                    self._add(timed[0].start_ms, timed[-1].end_ms, lines, speaker)

    def _sentence_pairs(self, said: list[Piece], translated: list[Piece]) -> Iterator[list[list[Piece]]]:
        """Pairs sentence by sentence if both texts have equally many, else as a whole."""
        found = list(zip_longest(sentences(said), sentences(translated), fillvalue=list[Piece]()))
        if not all(first and second for first, second in found):
            found = [(said, translated)]
        pair: list[list[Piece]] = [[], []]
        for index, (first, second) in enumerate(found, 1):
            pair = [pair[0] + first, pair[1] + second]
            if index == len(found) or first[-1].end_ms - pair[0][0].start_ms >= self._layout.min_ms:
                yield pair
                pair = [[], []]

    def _parts_of_both(self, pair: list[list[Piece]], widths: list[int]) -> list[tuple[list[Piece], list[Piece]]]:
        """Both texts in the same, lowest possible number of parts that fit."""
        max_lines = max(1, self._layout.max_lines // 2)
        longest = max(len(pieces) for pieces in pair)
        count = 1
        while True:
            first, second = (equal_parts(pieces, count) for pieces in pair)
            if count >= longest or all(
                row_count(part, width) <= max_lines and self._is_brief(part)
                for parts, width in zip((first, second), widths, strict=True)
                for part in parts
            ):
                return list(zip(first, second, strict=True))
            count += 1 + count // 8

    def _is_brief(self, pieces: list[Piece]) -> bool:
        return len(pieces) < 2 or pieces[-1].end_ms - pieces[0].start_ms <= self._layout.max_ms

    def _width_for(self, pieces: list[Piece]) -> int:
        widths = [width for piece in pieces for char in piece.text if (width := display_width(char))]
        is_wide = sum(widths) > 1.5 * len(widths)
        usual = _WIDTH_OF_WIDE if is_wide else _WIDTH
        return (self._layout.max_width or usual) - self._reserved

    def _add(self, start_ms: float, end_ms: float, lines: list[str], speaker: str | None) -> None:
        # An empty line would end the cue in a file. Lines of fixed spaces and joiners show nothing.
        lines = [shown for line in lines if not is_blank(shown := line.strip())]
        if lines:
            self._cues.append(Cue(start_ms=round(start_ms), end_ms=round(end_ms), lines=lines, speaker=speaker))

    def _scheduled(self) -> list[Cue]:
        """Adjusts the times: long enough to read, without overlap."""
        layout = self._layout
        earliest = 0
        for cue in self._cues:
            cue.start_ms = max(cue.start_ms, earliest)
            earliest = cue.start_ms + SHORTEST_MS + layout.gap_ms
        for cue, following in zip_longest(self._cues, self._cues[1:]):
            cue.end_ms = shown_until(cue, None if following is None else following.start_ms, layout)
        return self._cues


def shown_until(cue: Cue, following_ms: int | None, layout: Layout) -> int:
    """When a cue ends, so that it can be read and does not overlap the next.

    Args:
        cue: Its ``end_ms`` is the end of its speech.
        following_ms: Where the next cue begins; None for the last one.
        layout: The limits.
    """
    reading_ms = 1000 * sum(map(display_width, cue.lines)) // layout.chars_per_sec
    latest = cue.start_ms + layout.max_ms
    end = max(cue.end_ms, cue.start_ms + max(layout.min_ms, reading_ms, SHORTEST_MS))
    if following_ms is not None:
        limit = following_ms - layout.gap_ms
        latest = min(latest, limit)
        if limit - end < _FLICKER_MS:
            end = limit
    return min(end, latest)


def _append_apart(spans: list[Span], further: list[Span]) -> None:
    if spans and further:
        spans.append(Span(glue(spans[-1].text, further[0].text), spans[-1].end_ms, spans[-1].end_ms))
    spans += further


def _spread(text: str, spans: Sequence[Span]) -> Span:
    """A translation with the time of its original."""
    return Span(text, min(span.start_ms or 0.0 for span in spans), max(span.end_ms or 0.0 for span in spans))
