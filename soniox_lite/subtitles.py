"""Subtitles and plain text from transcripts, of finished jobs and of live sessions alike.

::

    transcript = client.stt.translate_and_wait_with_tokens(file="talk.mp4", to="es")
    Path("talk.es.srt").write_text(to_srt(transcript, track="translation"), encoding="utf-8")

The measures are those of the usual guidelines (Netflix, "Timed Text Style Guide: General Requirements"; BBC, "Subtitle
Guidelines"): two lines of 42 columns, 5/6 s to 7 s on the screen, 17 characters a second to read, two frames between
two cues. A cue holds words of one speaker. It ends with a sentence, or before a pause; where a sentence is too long,
rather after a comma than elsewhere, and in parts of like length. Languages that are written without spaces are broken
between characters, never inside one, and not before a closing mark or behind an opening one.

Wherever a source is taken, that is a transcript, an event, or tokens, also as dicts; of a live session the
``final_tokens`` of its :class:`~soniox_lite.transcript.TranscriptBuffer`. Tokens that may still change are left out,
like the marks ``<end>`` and ``<fin>``.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import accumulate, pairwise, zip_longest
from unicodedata import category, combining

from ._data.display_width import width_of
from ._data.json_values import kind_of
from ._data.records import Record
from ._data.rules import FieldErrors
from .errors import SonioxValidationError
from .transcript import translation_segments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Literal

    from .transcript import TokensInput, TranslationSegment

    Track = Literal["original", "translation", "both"]

__all__ = ["Cue", "Layout", "cues", "to_srt", "to_text", "to_vtt"]

_TRACKS = ("original", "translation", "both")
# For Chinese, Japanese and Korean the guidelines allow about 16 characters, which take two columns each.
_WIDTH, _WIDTH_OF_WIDE = 42, 32
_DASH = "- "
# No cue is shorter, so that none is lost where speakers talk at the same time: rather is the next one late.
_SHORTEST_MS = 200
# A gap that is shorter than this is closed, but for the frames that show that the text changes.
_FLICKER_MS = 500
# Where to end a cue or a line: the costs of words that stay together being torn apart. Only their proportions matter.
_AFTER_SENTENCE, _AFTER_CLAUSE, _AFTER_WORD = 0.0, 2.0, 6.0
_COST_OF_CUE = 10.0
_BREATH_MS = 300

_SENTENCE_ENDS = frozenset(".!?…‼⁇⁈⁉。．！？｡؟۔।॥။។៕።\u037e\u0589")  # noqa: RUF001 - full-width marks are meant
_CLAUSE_ENDS = frozenset(",;:–—、､，；：،؛၊")  # noqa: RUF001 - as above
_CLOSING = frozenset("\"'”’»›)]}」』）】》〉〕〗")  # noqa: RUF001 - as above
_OPENING = frozenset("«‹([{「『（【《〈〔〖¿¡“‘„")  # noqa: RUF001 - as above
# Quotation marks open in one language and close in another: „so“, “so”, »so«.
_AROUND = "".join(_CLOSING | _OPENING)
# What may not begin a line beside the marks: small kana, and signs that go with the one before.
_NOT_FIRST = frozenset("ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶー々ゝゞヽヾ・～%％ๆฯໆຯៗ")  # noqa: RUF001 - as above
_TITLES = frozenset({"mr", "mrs", "ms", "dr", "prof", "st"})
_FIXED_SPACES = frozenset("\u00a0\u2007\u202f")
_ZERO_WIDTH_SPACE = "\u200b"
_ZERO_WIDTH_JOINER = "\u200d"
# Vowels that are written before their consonant, and those that hang on the one before without being marks.
_THAI_PREFIXES = frozenset("เแโใไເແໂໃໄ")
_THAI_SUFFIXES = frozenset("ะาำๅຳະາ")
_VIRAMA = 9
_WORD_JOINER = "\u2060"
# What readers of SRT take for markup: HTML's tags, and the overrides, breaks and spaces of SubStation Alpha.
_TAG = re.compile(r"<[^>]*>|-->")
_OVERRIDE = re.compile(r"\{[^}]*\}")
_BREAK = re.compile(r"(?<=\\)(?=[Nnh])")
_FULL_WIDTH_BRACES = str.maketrans("{}", "｛｝")  # noqa: RUF001 - they look alike and mean nothing
# Two times in a line are taken for those of a cue, and digits alone in its last line for the number of the next one.
_TIME = r"(?:\d{1,4}:)?\d{1,2}:\d{1,2}[.,]\d{1,3}"
_TWO_TIMES = re.compile(rf"({_TIME}[^\n]*?) ?(?={_TIME})")
_LAST_NUMBER = re.compile(r"(?<=\n)( *\d+)\Z")


@dataclass(repr=False, eq=False, kw_only=True)
class Layout(Record):
    """How subtitles are cut.

    Attributes:
        max_width: Columns of a line; a Chinese, Japanese or Korean character takes two. None for 42, or 32 where most
            take two. Where several people speak, two of them are kept free for a dash. Only a single word that is wider
            is cut within itself.
        max_lines: Lines of a cue. With both tracks, half of them (but at least one) for each.
        min_ms: How long a cue stays at least, in milliseconds, where the next one leaves it the time.
        max_ms: How long it stays at most.
        gap_ms: Milliseconds from one cue to the next at least.
        pause_ms: A silence so long, in milliseconds, ends a cue.
        chars_per_sec: Columns that can be read in a second; a cue stays so long, where the next one leaves it the time.
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


@dataclass(repr=False, eq=False, kw_only=True)
class Cue(Record):
    """What stands on the screen for a while.

    Attributes:
        start_ms: When it appears, in milliseconds from the start of the audio.
        end_ms: When it goes; later than ``start_ms``, and before the next cue appears.
        lines: Its text, at least one line, none of them empty.
        speaker: Who speaks; None if that is unknown.
    """

    start_ms: int
    end_ms: int
    lines: list[str]
    speaker: str | None = None


def cues(source: TokensInput, *, track: Track = "original", layout: Layout | None = None) -> list[Cue]:
    """The subtitles of a transcript in their order; they never overlap.

    A translation has no times of its own: it is spread over the time of what it translates. Tokens without times are
    spread over the time that is left for them. Where speakers talk at the same time, a cue ends when the next begins.

    Args:
        source: What was said.
        track: ``original`` for what was said; ``translation`` for its translation, where what has none stands as it was
            said; ``both`` for the two, one above the other.
        layout: How to cut it; None for the usual measures.

    Raises:
        SonioxValidationError: ``track`` is none of these, or ``layout`` is no :class:`Layout`; ``source`` has no
            tokens, or some with text but none with a time.
        SonioxAPIError: A dict among the tokens is no token.
    """
    if layout is not None and not isinstance(layout, Layout):
        raise SonioxValidationError(f"layout must be a Layout, got {kind_of(layout)}")
    return _Cutter(source, track, layout or Layout()).cues()


def to_srt(
    source: TokensInput, *, track: Track = "original", speakers: bool = True, layout: Layout | None = None
) -> str:
    r"""The subtitles of a transcript as a SubRip file, with ``\n`` at the ends of lines.

    SubRip has no way to write what looks like its markup, so that words said in this way are written in another one:
    ``<b>`` and ``-->`` with ``&lt;`` and ``&gt;``, ``{b}`` with braces of full width, ``\N`` with an invisible word
    joiner in between.

    Args:
        source: What was said.
        track: As for :func:`cues`.
        speakers: Whether a dash tells that another one speaks. It never does for a single speaker.
        layout: As for :func:`cues`.

    Raises:
        SonioxValidationError: As :func:`cues`.
        SonioxAPIError: As :func:`cues`.
    """
    parts: list[str] = []
    found = cues(source, track=track, layout=layout)
    is_conversation = any(cue.speaker != found[0].speaker for cue in found)
    for number, cue in enumerate(found, 1):
        is_other = number == 1 or cue.speaker != found[number - 2].speaker
        dash = _DASH if speakers and is_conversation and is_other else ""
        text = _unmarked(dash + "\n".join(cue.lines))
        if _TAG.search(text):
            # The tags are HTML's, and so is the way to write that something is none.
            text = text.replace("<", "&lt;").replace(">", "&gt;")
        parts.append(f"{number}\n{_moment(cue.start_ms, ',')} --> {_moment(cue.end_ms, ',')}\n{text}\n")
    return "\n".join(parts)


def to_vtt(
    source: TokensInput, *, track: Track = "original", speakers: bool = True, layout: Layout | None = None
) -> str:
    r"""The subtitles of a transcript as a WebVTT file, with ``\n`` at the ends of lines.

    What looks like markup is escaped. ``{b}`` and ``\N`` are no markup in WebVTT and are written as they are.

    Args:
        source: What was said.
        track: As for :func:`cues`.
        speakers: Whether each cue tells who speaks, where that is known: ``<v Speaker 1>``, which players do not show.
        layout: As for :func:`cues`.

    Raises:
        SonioxValidationError: As :func:`cues`.
        SonioxAPIError: As :func:`cues`.
    """
    parts = ["WEBVTT\n"]
    for cue in cues(source, track=track, layout=layout):
        name = _name_of(cue.speaker)
        voice = f"<v Speaker {_escaped(name)}>" if speakers and name else ""
        text = _escaped(_unmistakable("\n".join(cue.lines)))
        parts.append(f"{_moment(cue.start_ms, '.')} --> {_moment(cue.end_ms, '.')}\n{voice}{text}\n")
    return "\n".join(parts)


def to_text(source: TokensInput, *, track: Track = "original", speakers: bool = True) -> str:
    """A transcript to read: a line for each turn of a speaker.

    Args:
        source: What was said.
        track: As for :func:`cues`; with ``both``, the translation follows after all that was said, in lines that begin
            with its language: ``[es]``.
        speakers: Whether lines begin with ``Speaker 1:``, where that is known.

    Raises:
        SonioxValidationError: ``track`` is none of these, or ``source`` has no tokens.
        SonioxAPIError: A dict among the tokens is no token.
    """
    _check_track(track)
    found = translation_segments(source, final_only=True)
    turns: list[tuple[str, str, list[str]]] = []

    def add(language: object, speaker: object, text: str) -> None:
        prefix = f"[{_name_of(language)}] " if language else ""
        name = _name_of(speaker)
        if not turns or turns[-1][:2] != (prefix, name):
            turns.append((prefix, name, []))
        turns[-1][2].append(text)

    for segment in found:
        add("", segment.speaker, segment.text if track != "translation" else _shown_text(segment))
    if track == "both":
        for segment in found:
            if segment.translation_text is not None:
                add(segment.translation_language or "?", segment.speaker, segment.translation_text)
    lines: list[str] = []
    for prefix, name, texts in turns:
        text = _glued(texts) if prefix or track == "translation" else "".join(texts)
        text = " ".join(text.strip().splitlines())
        if text:
            lines.append(f"{prefix}{f'Speaker {name}: ' if name and speakers else ''}{text}")
    return "\n".join(lines)


def _check_track(track: object) -> None:
    with FieldErrors("the subtitles") as check:
        if check.required("track", track):
            check.choice("track", track, _TRACKS)


def _moment(time_ms: int, point: str) -> str:
    seconds, milliseconds = divmod(time_ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{milliseconds:03}"


def _name_of(value: object) -> str:
    """A speaker or a language as one line; empty if it is none. They are not checked when they come."""
    return " ".join("".join(map(_writable, str(value))).split()) if value else ""


def _writable(char: str) -> str:
    """The character; nothing for a control character, and what stands for half of a surrogate pair."""
    kind = "" if char.isprintable() else category(char)
    return "" if kind == "Cc" and not char.isspace() else "\ufffd" if kind == "Cs" else char


def _unmarked(text: str) -> str:
    """The text of a cue so that no reader of SRT takes words of it for something else."""
    if _OVERRIDE.search(text):
        text = text.translate(_FULL_WIDTH_BRACES)
    return _unmistakable(_BREAK.sub(_WORD_JOINER, text))


def _unmistakable(text: str) -> str:
    """The text of a cue so that no reader takes it for the times or the number of another."""
    return _LAST_NUMBER.sub(rf"\1{_WORD_JOINER}", _TWO_TIMES.sub(r"\1\n", text))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _shown_text(segment: TranslationSegment) -> str:
    return segment.text if segment.translation_text is None else segment.translation_text


def _glued(texts: Iterable[str]) -> str:
    """Translations one after the other; not all of them begin with the space that goes between words."""
    glued = ""
    for text in texts:
        glued += _glue(glued, text) + text
    return glued


def _glue(before: str, after: str) -> str:
    if not before or not after or before[-1].isspace() or after[0].isspace():
        return ""
    return "" if _is_dense(before[-1]) or _is_dense(after[0]) or _is_closing(after[0]) else " "


# --- From tokens to timed pieces


class _Span:
    """A text and its time, in milliseconds; None as long as it is not known."""

    __slots__ = ("end_ms", "start_ms", "text")

    def __init__(self, text: str, start_ms: float | None, end_ms: float | None) -> None:
        self.text = text
        self.start_ms = end_ms if start_ms is None else start_ms
        self.end_ms = start_ms if end_ms is None else end_ms


class _Piece:
    """What is never torn apart: a word with its marks, or a character where there are no spaces.

    Attributes:
        text: Its text.
        width: Its columns.
        is_spaced: Whether a space goes before it within a line.
        start_ms: When it begins.
        end_ms: When it ends.
        cost: Of ending a line or a cue behind it.
    """

    __slots__ = ("cost", "end_ms", "is_spaced", "start_ms", "text", "width")

    def __init__(self, text: str, start_ms: float, end_ms: float, *, is_spaced: bool) -> None:
        self.text = text
        self.width = width_of(text)
        self.is_spaced = is_spaced
        self.start_ms = start_ms
        self.end_ms = end_ms
        self.cost = _AFTER_WORD

    def add(self, text: str, end_ms: float) -> None:
        self.text += text
        self.width += width_of(text)
        self.end_ms = max(self.end_ms, end_ms)


def _is_dense(char: str) -> bool:
    """Whether it is of a script that is written without spaces between words."""
    return char >= "\u0e00" and (
        "\u0e00" <= char <= "\u0eff"  # Thai, Lao
        or "\u1000" <= char <= "\u109f"  # Burmese
        or "\u1780" <= char <= "\u17ff"  # Khmer
        or "\u2e80" <= char <= "\u312f"  # radicals, marks, kana, Bopomofo
        or "\u31a0" <= char <= "\u9fff"  # further kana, ideographs
        or "\uf900" <= char <= "\ufaff"
        or "\uff01" <= char <= "\uff9f"  # full-width and half-width forms, but Korean
        or "\U00020000" <= char <= "\U0003ffff"
    )


def _is_greek(char: str) -> bool:
    return "\u0370" <= char <= "\u03ff" or "\u1f00" <= char <= "\u1fff"


def _is_closing(char: str) -> bool:
    return char in _CLOSING or char in _SENTENCE_ENDS or char in _CLAUSE_ENDS or char in _NOT_FIRST


def _is_closing_apart(text: str, following: str) -> bool:
    if text == "»":
        # It also opens: »so« in German and Danish.
        return following == " " or _is_closing(following)
    return text in _SENTENCE_ENDS or text in _CLAUSE_ENDS or text in "%ๆໆ"


def _hangs_on(cluster: str, char: str) -> bool:
    """Whether a character is part of the one that the cluster stands for (after UAX #29, where it matters here)."""
    last = cluster[-1]
    return (
        category(char) in {"Mn", "Me", "Mc", "Cf"}
        or last == _ZERO_WIDTH_JOINER
        or combining(last) == _VIRAMA
        or last in _THAI_PREFIXES
        or char in _THAI_SUFFIXES
        or "\U0001f3fb" <= char <= "\U0001f3ff"  # skin colours
        or "\u1160" <= char <= "\u11ff"  # Korean in single letters
        # Two of these letters are one flag.
        or ("\U0001f1e6" <= char <= "\U0001f1ff" and len(cluster) == 1 and "\U0001f1e6" <= last <= "\U0001f1ff")
    )


def _clusters(spans: Iterable[_Span]) -> Iterator[tuple[str, float, float]]:
    """The characters as readers see them, each with its share of its span's time; white space as one space."""
    held, start_ms, end_ms = "", 0.0, 0.0
    for span in spans:
        first, last = span.start_ms or 0.0, span.end_ms or 0.0
        # The space before a word takes no time.
        lead = len(span.text) - len(span.text.lstrip())
        share = max(0.0, last - first) / ((len(span.text) - lead) or 1)
        for index, char in enumerate(span.text, -lead):
            if char.isspace() and char not in _FIXED_SPACES:
                shown = " "
            elif category(char) == "Cc":
                continue
            else:
                # Half of a surrogate pair cannot be written to any file.
                shown = "\ufffd" if category(char) == "Cs" else char
            if held and held != " " and shown != " " and not shown.isascii() and _hangs_on(held, shown):
                held += shown
                end_ms = max(end_ms, first + share * max(0, index + 1))
                continue
            if held and not (held == shown == " "):
                yield held, start_ms, end_ms
            held, start_ms, end_ms = shown, first + share * max(0, index), first + share * max(0, index + 1)
    if held:
        yield held, start_ms, end_ms


def _pieces(spans: Iterable[_Span]) -> list[_Piece]:
    """The pieces of one speaker's text."""
    pieces: list[_Piece] = []
    is_spaced = False
    clusters = list(_clusters(spans))
    for index, (text, start_ms, end_ms) in enumerate(clusters, 1):
        if text == " ":
            is_spaced = bool(pieces)
            continue
        before = pieces[-1].text[-1] if pieces else ""
        following = clusters[index][0] if index < len(clusters) else " "
        # A mark that is written apart, as in French, shall not begin or end a line either.
        if before and is_spaced and (pieces[-1].text == "«" or _is_closing_apart(text, following)):
            pieces[-1].add(f" {text}", end_ms)
        elif before and not is_spaced and not _may_part(before, text):
            pieces[-1].add(text, end_ms)
        else:
            pieces.append(_Piece(text, start_ms, end_ms, is_spaced=is_spaced))
        is_spaced = False
    latest_ms = 0.0
    for index, piece in enumerate(pieces):
        # One speaker says one thing after the other, whatever the tokens say.
        piece.start_ms = latest_ms = max(latest_ms, piece.start_ms)
        piece.end_ms = max(piece.start_ms, piece.end_ms)
        piece.cost = _cost_after(piece, pieces[index + 1] if index + 1 < len(pieces) else None)
    return pieces


def _may_part(before: str, cluster: str) -> bool:
    """Whether a line may end between two characters with no space between them."""
    if before == _ZERO_WIDTH_SPACE:
        return True
    if not (_is_dense(before) or _is_dense(cluster[0])):
        return False
    return before not in _OPENING and before not in _FIXED_SPACES and not _is_closing(cluster[0])


def _cost_after(piece: _Piece, following: _Piece | None) -> float:
    text = piece.text.rstrip(_AROUND) or piece.text
    # Greek asks with a semicolon.
    if text[-1] in _SENTENCE_ENDS or (text[-1] == ";" and _is_greek(text[-2:-1])):
        word = text[:-1].rsplit(" ", 1)[-1]
        is_initial = len(word) == 1 and word.isupper() and word != "I"
        is_short_form = text[-1] == "." and (is_initial or word.lower() in _TITLES)
        goes_on = following is not None and following.text.lstrip(_AROUND)[:1].islower()
        return _AFTER_CLAUSE if is_short_form or goes_on else _AFTER_SENTENCE
    return _AFTER_CLAUSE if text[-1] in _CLAUSE_ENDS else _AFTER_WORD


def _text(pieces: Sequence[_Piece]) -> str:
    return "".join([f"{' ' if piece.is_spaced and index else ''}{piece.text}" for index, piece in enumerate(pieces)])


# --- From pieces to cues


def _cut_wide(pieces: Iterable[_Piece], width: int) -> list[_Piece]:
    """The same pieces; those that no line can hold are cut between characters."""
    cut: list[_Piece] = []
    for piece in pieces:
        if piece.width <= width:
            cut.append(piece)
            continue
        part: _Piece | None = None
        is_spaced = piece.is_spaced
        for text, start_ms, end_ms in _clusters([_Span(piece.text, piece.start_ms, piece.end_ms)]):
            if text == " ":
                is_spaced = True
                continue
            shown = f" {text}" if is_spaced else text
            if part is None or part.width + width_of(shown) > width:
                part = _Piece(text, start_ms, end_ms, is_spaced=is_spaced)
                cut.append(part)
            else:
                part.add(shown, end_ms)
            is_spaced = False
        if part is not None:
            part.cost = piece.cost
    return cut


def _row_count(pieces: Sequence[_Piece], width: int) -> int:
    rows = used = 0
    for piece in pieces:
        needed = piece.width + piece.is_spaced
        if rows and used + needed <= width:
            used += needed
        else:
            rows, used = rows + 1, piece.width
    return rows


def _groups(pieces: Sequence[_Piece], width: int, layout: Layout, *, max_lines: int) -> list[list[_Piece]]:
    """The pieces of each cue, for a passage without pauses: the cheapest way to cut it."""
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


def _parts(pieces: Sequence[_Piece], begins: Sequence[int]) -> list[list[_Piece]]:
    """The parts that end with the last piece and begin, each of them, where ``begins`` of its end says."""
    parts: list[list[_Piece]] = []
    end = len(pieces)
    while end:
        parts.append(list(pieces[begins[end] : end]))
        end = begins[end]
    return parts[::-1]


def _lines(pieces: Sequence[_Piece], width: int) -> list[str]:
    """The lines of a cue: as few as can be, of like length, ending with a clause if that costs little."""
    count = _row_count(pieces, width)
    if count <= 1:
        return [_text(pieces)] if pieces else []
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
                # A single character may be wider than any line, and gets one of its own.
                if used > width and index > first:
                    break
                # A little more if the upper line is the longer one: the eye prefers a broad base.
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
        lines.append(_text(pieces[begins[end] : end]))
        end = begins[end]
    return lines[::-1]


def _shares(pieces: Sequence[_Piece], count: int) -> list[list[_Piece]]:
    """The pieces in so many parts of like length, rather cut behind a sentence; parts may be empty.

    With at least as many parts as pieces, none has more than one.
    """
    if count >= len(pieces):
        cuts = [len(pieces) * part // count for part in range(count + 1)]
    else:
        cuts = [*_like_cuts(pieces, count), len(pieces)]
    return [list(pieces[first:end]) for first, end in pairwise(cuts)]


def _like_cuts(pieces: Sequence[_Piece], count: int) -> list[int]:
    """Where each part begins; there are fewer parts than pieces."""
    ends = [0, *accumulate(piece.width + piece.is_spaced for piece in pieces)]
    share = ends[-1] / count
    weight = share / 20
    cuts = [0]
    for part in range(1, count):
        target = share * part
        first = max(1, cuts[-1])
        # None is better that is farther away than the nearest one and the most that a cut can cost.
        nearest = bisect_left(ends, target, first, len(pieces))
        reach = min(abs(ends[index] - target) for index in {nearest, max(first, nearest - 1)}) + weight * _AFTER_WORD
        best, best_cost = first, float("inf")
        for index in range(bisect_left(ends, target - reach, first), bisect_right(ends, target + reach, first)):
            cost = abs(ends[index] - target) + pieces[index - 1].cost * weight
            if cost < best_cost:
                best, best_cost = index, cost
        cuts.append(best)
    return cuts


def _sentences(pieces: Sequence[_Piece]) -> Iterator[list[_Piece]]:
    first = 0
    for index, piece in enumerate(pieces, 1):
        if piece.cost == _AFTER_SENTENCE or index == len(pieces):
            yield list(pieces[first:index])
            first = index


class _Cutter:
    """Makes the cues of one transcript."""

    def __init__(self, source: TokensInput, track: Track, layout: Layout) -> None:
        _check_track(track)
        self._track = track
        self._layout = layout
        self._cues: list[Cue] = []
        self._segments = translation_segments(source, final_only=True)
        # The dash that may tell a change of speakers needs its place.
        speakers = [
            segment.speaker for segment in self._segments if (segment.text + (segment.translation_text or "")).strip()
        ]
        self._has_text = bool(speakers)
        self._reserved = len(_DASH) if any(speaker != speakers[0] for speaker in speakers) else 0

    def cues(self) -> list[Cue]:
        if not self._has_text:
            return []
        originals = [
            [_Span(token.text, token.start_ms, token.end_ms) for token in segment.tokens] for segment in self._segments
        ]
        # A translation that came without its original keeps the place where it came.
        places = [
            spans or [_Span(_shown_text(segment), None, None)]
            for spans, segment in zip(originals, self._segments, strict=True)
        ]
        self._fill_times([span for spans in places for span in spans])
        if self._track == "both":
            self._add_both(originals, places)
        else:
            self._add_turns(originals, places)
        return self._scheduled()

    def _fill_times(self, spans: list[_Span]) -> None:
        """Gives times to those without: what reading them takes, as far as there is room between their neighbours."""
        if all(span.start_ms is None for span in spans):
            raise SonioxValidationError("no token has a time: there is no way to tell when a subtitle is shown")
        index = 0
        while index < len(spans):
            end = index
            while end < len(spans) and spans[end].start_ms is None:
                end += 1
            run = spans[index:end]
            index = end + 1
            if not run:
                continue
            before = spans[end - len(run) - 1].end_ms if end > len(run) else None
            after = spans[end].start_ms if end < len(spans) else None
            length = sum(len(span.text) for span in run) or 1
            needed = 1000 * length / self._layout.chars_per_sec
            start = before if before is not None else max(0.0, (after or 0.0) - needed)
            room = needed if after is None else max(0.0, min(needed, after - start))
            for span in run:
                span.start_ms = start
                start += room * len(span.text) / length
                span.end_ms = start

    def _add_turns(self, originals: list[list[_Span]], places: list[list[_Span]]) -> None:
        """What each speaker says until another one speaks, in the chosen track."""
        spans: list[_Span] = []
        for index, segment in enumerate(self._segments):
            if self._track == "original":
                spans += originals[index]
            elif segment.translation_text is None:
                _append_apart(spans, originals[index])
            else:
                _append_apart(spans, [_spread(segment.translation_text, places[index])])
            if index + 1 == len(self._segments) or self._segments[index + 1].speaker != segment.speaker:
                self._add_turn(_pieces(spans), segment.speaker)
                spans = []

    def _add_turn(self, pieces: list[_Piece], speaker: str | None) -> None:
        width = self._width_for(pieces)
        pieces = _cut_wide(pieces, width)
        for passage in self._passages(pieces):
            for group in _groups(passage, width, self._layout, max_lines=self._layout.max_lines):
                self._add(group[0].start_ms, group[-1].end_ms, _lines(group, width), speaker)

    def _passages(self, pieces: list[_Piece]) -> Iterator[list[_Piece]]:
        """Sentences, and what stands between pauses; a sentence that is too short to be read takes the next along."""
        first = 0
        for index, piece in enumerate(pieces, 1):
            if index < len(pieces):
                is_pause = pieces[index].start_ms - piece.end_ms >= self._layout.pause_ms
                is_long = piece.end_ms - pieces[first].start_ms >= self._layout.min_ms
                if not (is_pause or (is_long and piece.cost == _AFTER_SENTENCE)):
                    continue
            yield pieces[first:index]
            first = index

    def _add_both(self, originals: list[list[_Span]], places: list[list[_Span]]) -> None:
        """What was said above its translation, cut into the same number of parts."""
        said: list[_Span] = []
        translated: list[_Span] = []
        for index, segment in enumerate(self._segments):
            if segment.translation_text is None:
                self._add_turn(_pieces(originals[index]), segment.speaker)
                continue
            said += originals[index]
            _append_apart(translated, [_spread(segment.translation_text, places[index])])
            if not self._goes_on(index, places, translated[0].start_ms or 0.0):
                self._add_pair(said, translated, segment.speaker)
                said, translated = [], []

    def _goes_on(self, index: int, places: list[list[_Span]], start_ms: float) -> bool:
        """Whether the next segment is the rest of a sentence, of which a cue can show all."""
        if index + 1 == len(self._segments):
            return False
        segment, following = self._segments[index : index + 2]
        return (
            following.translation_text is not None
            and (segment.speaker, segment.language) == (following.speaker, following.language)
            and segment.text.rstrip()[-1:] not in _SENTENCE_ENDS
            and (places[index + 1][0].start_ms or 0.0) - (places[index][-1].end_ms or 0.0) < self._layout.pause_ms
            and (places[index + 1][-1].end_ms or 0.0) - start_ms <= self._layout.max_ms
        )

    def _add_pair(self, originals: list[_Span], translations: list[_Span], speaker: str | None) -> None:
        texts = [_pieces(originals), _pieces(translations)]
        widths = [self._width_for(pieces) for pieces in texts]
        said, translated = (_cut_wide(pieces, width) for pieces, width in zip(texts, widths, strict=True))
        for pair in self._sentence_pairs(said, translated):
            for shown, shown_translation in self._parts_of_both(pair, widths):
                timed = shown or shown_translation
                if timed:
                    lines = [*_lines(shown, widths[0]), *_lines(shown_translation, widths[1])]
                    self._add(timed[0].start_ms, timed[-1].end_ms, lines, speaker)

    def _sentence_pairs(self, said: list[_Piece], translated: list[_Piece]) -> Iterator[list[list[_Piece]]]:
        """Sentence for sentence, if a translation has as many as its original, else all at once."""
        sentences = list(zip_longest(_sentences(said), _sentences(translated), fillvalue=list[_Piece]()))
        if not all(first and second for first, second in sentences):
            sentences = [(said, translated)]
        pair: list[list[_Piece]] = [[], []]
        for index, (first, second) in enumerate(sentences, 1):
            pair = [pair[0] + first, pair[1] + second]
            if index == len(sentences) or first[-1].end_ms - pair[0][0].start_ms >= self._layout.min_ms:
                yield pair
                pair = [[], []]

    def _parts_of_both(self, pair: list[list[_Piece]], widths: list[int]) -> list[tuple[list[_Piece], list[_Piece]]]:
        """Two texts in the same number of parts: the fewest that fit."""
        max_lines = max(1, self._layout.max_lines // 2)
        longest = max(len(pieces) for pieces in pair)
        count = 1
        while True:
            first, second = (_shares(pieces, count) for pieces in pair)
            if count >= longest or all(
                _row_count(part, width) <= max_lines and self._is_brief(part)
                for parts, width in zip((first, second), widths, strict=True)
                for part in parts
            ):
                return list(zip(first, second, strict=True))
            count += 1 + count // 8

    def _is_brief(self, pieces: list[_Piece]) -> bool:
        return len(pieces) < 2 or pieces[-1].end_ms - pieces[0].start_ms <= self._layout.max_ms

    def _width_for(self, pieces: list[_Piece]) -> int:
        widths = [width for piece in pieces for char in piece.text if (width := width_of(char))]
        is_wide = sum(widths) > 1.5 * len(widths)
        usual = _WIDTH_OF_WIDE if is_wide else _WIDTH
        return (self._layout.max_width or usual) - self._reserved

    def _add(self, start_ms: float, end_ms: float, lines: list[str], speaker: str | None) -> None:
        # An empty line ends a cue in a file, and fixed spaces and joiners alone show nothing.
        lines = [shown for line in lines if not _is_blank(shown := line.strip())]
        if lines:
            self._cues.append(Cue(start_ms=round(start_ms), end_ms=round(end_ms), lines=lines, speaker=speaker))

    def _scheduled(self) -> list[Cue]:
        """The cues with times that can be read and do not overlap."""
        layout = self._layout
        earliest = 0
        for cue in self._cues:
            cue.start_ms = max(cue.start_ms, earliest)
            earliest = cue.start_ms + _SHORTEST_MS + layout.gap_ms
        for cue, following in zip_longest(self._cues, self._cues[1:]):
            reading_ms = 1000 * sum(map(width_of, cue.lines)) // layout.chars_per_sec
            latest = cue.start_ms + layout.max_ms
            end = max(cue.end_ms, cue.start_ms + max(layout.min_ms, reading_ms, _SHORTEST_MS))
            if following is not None:
                limit = following.start_ms - layout.gap_ms
                latest = min(latest, limit)
                if limit - end < _FLICKER_MS:
                    end = limit
            cue.end_ms = min(end, latest)
        return self._cues


def _is_blank(text: str) -> bool:
    return all(char.isspace() or category(char) == "Cf" for char in text)


def _append_apart(spans: list[_Span], further: list[_Span]) -> None:
    if spans and further:
        spans.append(_Span(_glue(spans[-1].text, further[0].text), spans[-1].end_ms, spans[-1].end_ms))
    spans += further


def _spread(text: str, spans: Sequence[_Span]) -> _Span:
    """A translation over the time of what it translates."""
    return _Span(text, min(span.start_ms or 0.0 for span in spans), max(span.end_ms or 0.0 for span in spans))
