"""Displays the events of a session: as plain text, as JSON lines, or redrawn on a terminal."""

from __future__ import annotations

import copy
import os
import sys

from .._data.display_width import display_width
from ..types.realtime import TOKEN_TEXT_END, TOKEN_TEXT_FIN
from . import terminal as screen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    from ..types.common import Token
    from ..types.realtime import RealtimeEvent

    class Output(Protocol):
        """Displays events."""

        def show(self, event: RealtimeEvent) -> None:
            """Displays one event. Raises as :func:`screen.put`."""
            ...

        def make_room(self) -> None:
            """Moves to a new line before a message on the same terminal. Raises as :func:`screen.put`."""
            ...

        def close(self) -> None:
            """Removes non-final text and moves to a new line. Raises as :func:`screen.put`."""
            ...


_MARKS = frozenset({TOKEN_TEXT_END, TOKEN_TEXT_FIN})
_DIM = "\x1b[2m"
_NORMAL = "\x1b[0m"
_ERASE_BELOW = "\x1b[J"
# Columns left free, so that the ^C shown by the terminal does not begin a new row.
_SPARE_COLUMNS = 2
# Maximum number of rows that are redrawn.
_MAX_ROWS = 6


def output_for(*, as_json: bool, target_language: str | None) -> Output:
    """The output that fits standard output.

    Args:
        as_json: Whether to write JSON, whatever standard output is.
        target_language: Language of translated tokens without one.
    """
    if as_json:
        return JsonOutput()
    return TerminalOutput(target_language) if _can_redraw() else PlainOutput(target_language)


def _can_redraw() -> bool:
    if not screen.is_terminal("stdout") or os.environ.get("NO_COLOR"):
        return False
    term = os.environ.get("TERM", "")
    # Windows sets no TERM. Windows Terminal supports the codes; the old console does not.
    return term != "dumb" if term else bool(os.environ.get("WT_SESSION"))


class JsonOutput:
    """Each event as one line of JSON."""

    def show(self, event: RealtimeEvent) -> None:
        screen.write_json(event.to_dict(), indent=None)

    def make_room(self) -> None:
        pass

    def close(self) -> None:
        pass


class PlainOutput:
    """Final text only, a line for each turn, without control codes."""

    def __init__(self, target_language: str | None) -> None:
        self._turns = Turns(target_language)

    def show(self, event: RealtimeEvent) -> None:
        text = self._turns.add(token for token in event.tokens if token.is_final is not False)
        if text:
            screen.put(text)

    def make_room(self) -> None:
        pass

    def close(self) -> None:
        text = self._turns.end_line()
        if text:
            screen.put(text)


class TerminalOutput:
    """Final text, followed by non-final text in dim, which is redrawn.

    Lines are broken here instead of by the terminal, so that the number of rows is known. Full rows of final text are
    never redrawn. For the rest, the cursor moves up to the last row with final text, and everything below is erased.
    """

    def __init__(self, target_language: str | None) -> None:
        self._turns = Turns(target_language)
        self._row = ""
        """The final text of the row that is redrawn."""
        self._tail = ""
        self._rows_below = 0
        """How many rows the cursor is below that row."""

    def show(self, event: RealtimeEvent) -> None:
        if event.error_code is not None and not event.tokens:
            return
        final = _encodable(self._turns.add(token for token in event.tokens if token.is_final is not False))
        tail = _encodable(self._turns.preview(token for token in event.tokens if token.is_final is False))
        if final or tail != self._tail:
            self._draw(final, tail)

    def make_room(self) -> None:
        if self._row or self._tail:
            # The turn continues in the row below.
            self._draw("\n" if self._row else "", "")

    def close(self) -> None:
        final = self._turns.end_line() if self._row else ""
        if final or self._tail:
            self._draw(final, "")

    def _draw(self, final: str, tail: str) -> None:
        columns, rows = screen.size_of("stdout")
        columns = max(2, columns - _SPARE_COLUMNS)
        # A new row does not begin with the space between two words.
        text = self._row + final if self._row else final.lstrip(" ")
        *full, last = [text[start:end] for start, end in row_spans(text, columns)]
        tail = tail if last else tail.lstrip(" ")
        shown = row_spans(last + tail, columns)
        limit = max(1, min(rows - 1, _MAX_ROWS))
        if len(shown) > limit:
            # Keep the row with final text, and the newest words.
            shown = [shown[0], *shown[len(shown) - limit + 1 :]]
        drawn = "\n".join([*full, *(_with_dim(last + tail, start, end, len(last)) for start, end in shown)])
        up = f"\x1b[{self._rows_below}A" if self._rows_below else ""
        screen.put(f"{up}\r{_ERASE_BELOW}{drawn}")
        self._row, self._tail, self._rows_below = last, tail, len(shown) - 1


def _with_dim(text: str, start: int, end: int, final_end: int) -> str:
    """Part of a text, dim from ``final_end`` on. The attribute is reset at once, because the program may be killed."""
    border = min(max(start, final_end), end)
    dim = text[border:end]
    return text[start:border] + (f"{_DIM}{dim}{_NORMAL}" if dim else "")


class Turns:
    """Turns tokens into lines: one for each speaker, each translation, and after each endpoint.

    Args:
        target_language: Language of translated tokens without one.
    """

    def __init__(self, target_language: str | None) -> None:
        self._target_language = target_language
        self._prefix: str | None = None
        """The prefix of the current line; None if no line has begun."""
        self._gap = ""
        """White space before the next word; dropped at the end of a line."""

    def add(self, tokens: Iterable[Token]) -> str:
        """The text that these tokens append, without control characters except line ends."""
        parts: list[str] = []
        for token in tokens:
            if token.text in _MARKS:
                parts.append(self.end_line())
                continue
            prefix = self._prefix_of(token)
            if prefix != self._prefix:
                words = _one_line(token.text).lstrip()
                if not words:
                    continue
                parts += [self.end_line(), prefix]
                self._prefix = prefix
            else:
                words = self._gap + _one_line(token.text)
            text = words.rstrip()
            self._gap = words[len(text) :]
            parts.append(text)
        return "".join(parts)

    def preview(self, tokens: Iterable[Token]) -> str:
        """The text that these tokens would append if they were final."""
        return copy.copy(self).add(tokens)

    def end_line(self) -> str:
        """A line end if a line has begun; else empty."""
        is_open = self._prefix is not None
        self._prefix, self._gap = None, ""
        return "\n" if is_open else ""

    def _prefix_of(self, token: Token) -> str:
        prefix = ""
        if token.translation_status == "translation":
            prefix = f"[{_one_line(str(token.language or self._target_language or '?'))}] "
        if token.speaker:
            prefix += f"Speaker {_one_line(str(token.speaker))}: "
        return prefix


def _one_line(text: str) -> str:
    return screen.printable("".join(" " if char.isspace() else char for char in text))


def _encodable(text: str) -> str:
    """The text after encoding, because its width matters: a wide character may become a narrow ``?``."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def row_spans(text: str, columns: int) -> list[tuple[int, int]]:
    """Start and end of each row of a text, broken at line ends, else between words, else between characters.

    Args:
        text: Without control characters except line ends.
        columns: Maximum width of a row, at least 2.
    """
    spans: list[tuple[int, int]] = []
    start = width = 0
    space = -1
    for index, char in enumerate(text):
        if char == "\n":
            spans.append((start, index))
            start, width, space = index + 1, 0, -1
            continue
        char_width = display_width(char)
        if width + char_width > columns:
            if char == " ":
                end, following = index, index + 1
            elif space > start:
                end, following = space, space + 1
            else:
                end = following = index
            spans.append((start, end))
            start, space = following, -1
            width = display_width(text[start:index])
            if char == " ":
                continue
        if char == " ":
            space = index
        width += char_width
    spans.append((start, len(text)))
    return spans
