"""Breaks pieces into cues and lines: a search for the breaks with the lowest total cost."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import accumulate, pairwise

from .._data.display_width import display_width
from .._data.records import Record
from .._data.rules import FieldErrors
from ._pieces import AFTER_WORD, Piece, Span, clusters, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
_COST_OF_CUE = 10.0
_BREATH_MS = 300


@dataclass(repr=False, eq=False, kw_only=True)
class Layout(Record):
    """Limits for the layout of subtitles.

    Attributes:
        max_width: Columns of a line, 10 to 1000; a Chinese, Japanese or Korean character takes two. None for 42, or 32
            if most characters take two. With several speakers, two columns are kept free for a dash. A word is only
            broken if it is wider than a line.
        max_lines: Lines of a cue, 1 to 10. With both tracks, each gets half of them, but at least one.
        min_ms: Minimum time of a cue on the screen, in milliseconds, 0 to 10,000; shorter if the next cue begins.
        max_ms: Maximum time of a cue on the screen, in milliseconds, 1000 to 60,000.
        gap_ms: Minimum time between two cues, in milliseconds, 0 to 1000.
        pause_ms: A silence of at least this many milliseconds ends a cue, 100 to 60,000.
        chars_per_sec: Reading speed in columns a second, 1 to 100. A cue stays long enough to be read, unless the next
            cue begins.
    """

    max_width: int | None = None
    max_lines: int = 2
    min_ms: int = 833
    max_ms: int = 7000
    gap_ms: int = 80
    pause_ms: int = 1000
    chars_per_sec: int = 17

    def __post_init__(self) -> None:
        with FieldErrors(self) as check:
            for field, minimum, maximum in (
                ("max_lines", 1, 10),
                ("min_ms", 0, 10_000),
                ("max_ms", 1000, 60_000),
                ("gap_ms", 0, 1000),
                ("pause_ms", 100, 60_000),
                ("chars_per_sec", 1, 100),
            ):
                value = getattr(self, field)
                if check.required(field, value):
                    check.integer(field, value, minimum=minimum, maximum=maximum)
            check.integer("max_width", self.max_width, minimum=10, maximum=1000)


def cut_wide(pieces: Iterable[Piece], width: int) -> list[Piece]:
    """The same pieces, those wider than a line broken between characters."""
    cut: list[Piece] = []
    for piece in pieces:
        if piece.width <= width:
            cut.append(piece)
            continue
        part: Piece | None = None
        is_spaced = piece.is_spaced
        for text, start_ms, end_ms in clusters([Span(piece.text, piece.start_ms, piece.end_ms)]):
            if text == " ":
                is_spaced = True
                continue
            shown = f" {text}" if is_spaced else text
            if part is None or part.width + display_width(shown) > width:
                part = Piece(text, start_ms, end_ms, is_spaced=is_spaced)
                cut.append(part)
            else:
                part.add(shown, end_ms)
            is_spaced = False
        cut[-1].cost = piece.cost
    return cut


def row_count(pieces: Sequence[Piece], width: int) -> int:
    """How many lines the pieces fill."""
    rows = used = 0
    for piece in pieces:
        needed = piece.width + piece.is_spaced
        if rows and used + needed <= width:
            used += needed
        else:
            rows, used = rows + 1, piece.width
    return rows


def cue_groups(pieces: Sequence[Piece], width: int, layout: Layout, *, max_lines: int) -> list[list[Piece]]:
    """The pieces of each cue of a passage without pauses, at the lowest total cost."""
    capacity = width * max_lines
    costs = [0.0] + [float("inf")] * len(pieces)
    begins = [0] * (len(pieces) + 1)
    for first in range(len(pieces)):
        rows, used, total = 1, 0, 0
        for index in range(first, len(pieces)):
            piece = pieces[index]
            needed = piece.width + (piece.is_spaced and index > first)
            if used + needed <= width:
                used += needed
            else:
                rows, used = rows + 1, piece.width
            total += needed
            if index > first and (rows > max_lines or piece.end_ms - pieces[first].start_ms > layout.max_ms):
                break
            cost = costs[first] + _COST_OF_CUE * (1 + (1 - total / capacity) ** 2)
            if index + 1 < len(pieces):
                cost += piece.cost - (2 if pieces[index + 1].start_ms - piece.end_ms >= _BREATH_MS else 0)
            if cost < costs[index + 1]:
                costs[index + 1], begins[index + 1] = cost, first
    return _parts(pieces, begins)


def _parts(pieces: Sequence[Piece], begins: Sequence[int]) -> list[list[Piece]]:
    """Follows the best breaks back from the last piece; ``begins[end]`` is where the part before ``end`` begins."""
    parts: list[list[Piece]] = []
    end = len(pieces)
    while end:
        parts.append(list(pieces[begins[end] : end]))
        end = begins[end]
    return parts[::-1]


def broken_lines(pieces: Sequence[Piece], width: int) -> list[str]:
    """The lines of a cue: as few as possible, of similar length, preferably broken after a clause."""
    count = row_count(pieces, width)
    if count <= 1:
        return [text_of(pieces)] if pieces else []
    ideal = sum(piece.width + piece.is_spaced for piece in pieces) / count
    costs = [0.0] + [float("inf")] * len(pieces)
    chosen: list[list[int]] = []
    for row in range(count):
        best = [float("inf")] * (len(pieces) + 1)
        begins = [0] * (len(pieces) + 1)
        for first in range(row, len(pieces)):
            if costs[first] == float("inf"):
                continue
            used = 0
            for index in range(first, len(pieces)):
                used += pieces[index].width + (pieces[index].is_spaced and index > first)
                # A single character wider than a line gets a line of its own.
                if used > width and index > first:
                    break
                # Slightly more if the upper line is longer: guidelines prefer a longer lower line.
                cost = costs[first] + (10 * (used - ideal) / width) ** 2 + (0.1 if used > ideal and row == 0 else 0)
                if index + 1 < len(pieces):
                    cost += pieces[index].cost
                if cost < best[index + 1]:
                    best[index + 1], begins[index + 1] = cost, first
        costs = best
        chosen.append(begins)
    lines: list[str] = []
    end = len(pieces)
    for begins in reversed(chosen):
        lines.append(text_of(pieces[begins[end] : end]))
        end = begins[end]
    return lines[::-1]


def equal_parts(pieces: Sequence[Piece], count: int) -> list[list[Piece]]:
    """Divides the pieces into parts of similar length, preferably after sentences. Parts may be empty.

    With at least as many parts as pieces, no part has more than one piece.
    """
    if count >= len(pieces):
        cuts = [len(pieces) * part // count for part in range(count + 1)]
    else:
        cuts = [*_cut_positions(pieces, count), len(pieces)]
    return [list(pieces[first:end]) for first, end in pairwise(cuts)]


def _cut_positions(pieces: Sequence[Piece], count: int) -> list[int]:
    """Where each part begins. There must be fewer parts than pieces."""
    ends = [0, *accumulate(piece.width + piece.is_spaced for piece in pieces)]
    share = ends[-1] / count
    weight = share / 20
    cuts = [0]
    for part in range(1, count):
        target = share * part
        first = max(1, cuts[-1])
        # No position farther away than the nearest one plus the highest cost of a break can be better.
        nearest = bisect_left(ends, target, first, len(pieces))
        reach = min(abs(ends[index] - target) for index in {nearest, max(first, nearest - 1)}) + weight * AFTER_WORD
        best, best_cost = first, float("inf")
        for index in range(bisect_left(ends, target - reach, first), bisect_right(ends, target + reach, first)):
            cost = abs(ends[index] - target) + pieces[index - 1].cost * weight
            if cost < best_cost:
                best, best_cost = index, cost
        cuts.append(best)
    return cuts
