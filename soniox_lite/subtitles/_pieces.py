"""Turns timed text into pieces: words and characters that are never broken across lines."""

from __future__ import annotations

from unicodedata import category, combining

from .._data.display_width import display_width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
# Costs of a line or cue break, by what it follows. Only their ratios matter.
AFTER_SENTENCE, AFTER_CLAUSE, AFTER_WORD = 0.0, 2.0, 6.0
SENTENCE_ENDS = frozenset(".!?…‼⁇⁈⁉。．！？｡؟۔।॥။។៕።\u037e\u0589")  # noqa: RUF001 - full-width marks are meant
_CLAUSE_ENDS = frozenset(",;:–—、､，；：،؛၊")  # noqa: RUF001 - as above
_CLOSING = frozenset("\"'”’»›)]}」』）】》〉〕〗")  # noqa: RUF001 - as above
_OPENING = frozenset("«‹([{「『（【《〈〔〖¿¡“‘„")  # noqa: RUF001 - as above
# The same quotation mark opens in one language and closes in another: „so“, “so”, »so«.
_AROUND = "".join(_CLOSING | _OPENING)
# Other characters that must not begin a line: small kana, and signs that belong to the character before.
_NOT_FIRST = frozenset("ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶー々ゝゞヽヾ・～%％ๆฯໆຯៗ")  # noqa: RUF001 - as above
_TITLES = frozenset({"mr", "mrs", "ms", "dr", "prof", "st"})
_FIXED_SPACES = frozenset("\u00a0\u2007\u202f")
_ZERO_WIDTH_SPACE = "\u200b"
_ZERO_WIDTH_JOINER = "\u200d"
# Vowels written before their consonant; vowels that attach to the character before but are no combining marks.
_THAI_PREFIXES = frozenset("เแโใไເແໂໃໄ")
_THAI_SUFFIXES = frozenset("ะาำๅຳະາ")
_VIRAMA = 9


class Span:
    """A text and its time in milliseconds; None until it is known."""

    __slots__ = ("end_ms", "start_ms", "text")

    def __init__(self, text: str, start_ms: float | None, end_ms: float | None) -> None:
        self.text = text
        self.start_ms = end_ms if start_ms is None else start_ms
        self.end_ms = start_ms if end_ms is None else end_ms


class Piece:
    """A unit that is not broken: a word with its punctuation, or a character of a script without spaces.

    Attributes:
        width: Columns.
        is_spaced: Whether a space precedes it within a line.
        cost: Cost of a line or cue break after it.
    """

    __slots__ = ("cost", "end_ms", "is_spaced", "start_ms", "text", "width")

    def __init__(self, text: str, start_ms: float, end_ms: float, *, is_spaced: bool) -> None:
        self.text = text
        self.width = display_width(text)
        self.is_spaced = is_spaced
        self.start_ms = start_ms
        self.end_ms = end_ms
        self.cost = AFTER_WORD

    def add(self, text: str, end_ms: float) -> None:
        """Appends text that ends at a time."""
        self.text += text
        self.width += display_width(text)
        self.end_ms = max(self.end_ms, end_ms)


def pieces_of(spans: Iterable[Span]) -> list[Piece]:
    """The text of one speaker as pieces."""
    pieces: list[Piece] = []
    is_spaced = False
    found = list(clusters(spans))
    for index, (text, start_ms, end_ms) in enumerate(found, 1):
        if text == " ":
            is_spaced = bool(pieces)
            continue
        before = pieces[-1].text[-1] if pieces else ""
        following = found[index][0] if index < len(found) else " "
        # A mark written with a space, as in French, must not begin or end a line either.
        if before and is_spaced and (pieces[-1].text == "«" or _is_closing_apart(text, following)):
            pieces[-1].add(f" {text}", end_ms)
        elif before and not is_spaced and not _may_break(before, text):
            pieces[-1].add(text, end_ms)
        else:
            pieces.append(Piece(text, start_ms, end_ms, is_spaced=is_spaced))
        is_spaced = False
    latest_ms = 0.0
    for index, piece in enumerate(pieces):
        # The words of one speaker do not overlap, even if the times of the tokens do.
        piece.start_ms = latest_ms = max(latest_ms, piece.start_ms)
        piece.end_ms = max(piece.start_ms, piece.end_ms)
        piece.cost = _cost_after(piece, pieces[index + 1] if index + 1 < len(pieces) else None)
    return pieces


def text_of(pieces: Sequence[Piece]) -> str:
    """The pieces as one line."""
    return "".join([f"{' ' if piece.is_spaced and index else ''}{piece.text}" for index, piece in enumerate(pieces)])


def sentences(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """The pieces of each sentence."""
    first = 0
    for index, piece in enumerate(pieces, 1):
        if piece.cost == AFTER_SENTENCE or index == len(pieces):
            yield list(pieces[first:index])
            first = index


def glue(before: str, after: str) -> str:
    """The space to insert between two texts; empty where none is needed."""
    if not before or not after or before[-1].isspace() or after[0].isspace():
        return ""
    return "" if is_dense(before[-1]) or is_dense(after[0]) or is_closing(after[0]) else " "


def clusters(spans: Iterable[Span]) -> Iterator[tuple[str, float, float]]:
    """Characters as the reader sees them, each with its share of the span's time; white space becomes one space."""
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
                # Half of a surrogate pair cannot be encoded.
                shown = "\ufffd" if category(char) == "Cs" else char
            if held and held != " " and shown != " " and not shown.isascii() and _extends_cluster(held, shown):
                held += shown
                end_ms = max(end_ms, first + share * max(0, index + 1))
                continue
            if held and not (held == shown == " "):
                yield held, start_ms, end_ms
            held, start_ms, end_ms = shown, first + share * max(0, index), first + share * max(0, index + 1)
    if held:
        yield held, start_ms, end_ms


def is_blank(text: str) -> bool:
    """Whether a text shows nothing: white space and format characters only."""
    return all(char.isspace() or category(char) == "Cf" for char in text)


def is_dense(char: str) -> bool:
    """Whether a character is of a script without spaces between words."""
    return char >= "\u0e00" and (
        "\u0e00" <= char <= "\u0eff"  # Thai, Lao
        or "\u1000" <= char <= "\u109f"  # Burmese
        or "\u1780" <= char <= "\u17ff"  # Khmer
        or "\u2e80" <= char <= "\u312f"  # radicals, marks, kana, Bopomofo
        or "\u31a0" <= char <= "\u9fff"  # further kana, ideographs
        or "\uf900" <= char <= "\ufaff"
        or "\uff01" <= char <= "\uff9f"  # full-width and half-width forms, except Korean
        or "\U00020000" <= char <= "\U0003ffff"
    )


def _is_greek(char: str) -> bool:
    return "\u0370" <= char <= "\u03ff" or "\u1f00" <= char <= "\u1fff"


def is_closing(char: str) -> bool:
    """Whether a character must not begin a line."""
    return char in _CLOSING or char in SENTENCE_ENDS or char in _CLAUSE_ENDS or char in _NOT_FIRST


def _is_closing_apart(text: str, following: str) -> bool:
    """Whether a mark that follows a space belongs to the word before."""
    if text == "»":
        # It opens a quotation in German and Danish: »so«.
        return following == " " or is_closing(following)
    return text in SENTENCE_ENDS or text in _CLAUSE_ENDS or text in "%ๆໆ"


def _extends_cluster(cluster: str, char: str) -> bool:
    """Whether a character belongs to the cluster before it: the rules of UAX #29 that matter here."""
    last = cluster[-1]
    return (
        category(char) in {"Mn", "Me", "Mc", "Cf"}
        or last == _ZERO_WIDTH_JOINER
        or combining(last) == _VIRAMA
        or last in _THAI_PREFIXES
        or char in _THAI_SUFFIXES
        or "\U0001f3fb" <= char <= "\U0001f3ff"  # skin colours
        or "\u1160" <= char <= "\u11ff"  # parts of Korean syllables
        # Two of these letters make one flag.
        or ("\U0001f1e6" <= char <= "\U0001f1ff" and len(cluster) == 1 and "\U0001f1e6" <= last <= "\U0001f1ff")
    )


def _may_break(before: str, cluster: str) -> bool:
    """Whether a line may end between two characters with no space between them."""
    if before == _ZERO_WIDTH_SPACE:
        return True
    if not (is_dense(before) or is_dense(cluster[0])):
        return False
    return before not in _OPENING and before not in _FIXED_SPACES and not is_closing(cluster[0])


def _cost_after(piece: Piece, following: Piece | None) -> float:
    text = piece.text.rstrip(_AROUND) or piece.text
    # The Greek question mark is a semicolon.
    if text[-1] in SENTENCE_ENDS or (text[-1] == ";" and _is_greek(text[-2:-1])):
        word = text[:-1].rsplit(" ", 1)[-1]
        is_initial = len(word) == 1 and word.isupper() and word != "I"
        is_short_form = text[-1] == "." and (is_initial or word.lower() in _TITLES)
        goes_on = following is not None and following.text.lstrip(_AROUND)[:1].islower()
        return AFTER_CLAUSE if is_short_form or goes_on else AFTER_SENTENCE
    return AFTER_CLAUSE if text[-1] in _CLAUSE_ENDS else AFTER_WORD
