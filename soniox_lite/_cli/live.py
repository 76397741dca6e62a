"""What a session says, as it is shown: plain text, lines of JSON, or a terminal whose last words still change."""

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
        """Shows events, one after the other."""

        def show(self, event: RealtimeEvent) -> None:
            """Shows what an event brings. Raises as :func:`screen.put`."""
            ...

        def make_room(self) -> None:
            """Lets something else be said on the same terminal. Raises as :func:`screen.put`."""
            ...

        def close(self) -> None:
            """Leaves nothing behind that is not final, and the cursor on a new line. Raises as :func:`screen.put`."""
            ...


_MARKS = frozenset({TOKEN_TEXT_END, TOKEN_TEXT_FIN})
_DIM = "\x1b[2m"
_NORMAL = "\x1b[0m"
_ERASE_BELOW = "\x1b[J"
# Columns that are left free: the terminal shows ^C at the cursor, and must not begin a new row for it.
_SPARE_COLUMNS = 2
# The text that may change is shown up to this many rows.
_MAX_ROWS = 6


def output_for(*, as_json: bool, target_language: str | None) -> Output:
    """The output for what standard output is.

    Args:
        as_json: Whether JSON is wanted, wherever it goes.
        target_language: What is translated to, for translations that do not say so.
    """
    if as_json:
        return JsonOutput()
    return TerminalOutput(target_language) if _can_redraw() else PlainOutput(target_language)


def _can_redraw() -> bool:
    if not screen.is_terminal("stdout") or os.environ.get("NO_COLOR"):
        return False
    term = os.environ.get("TERM", "")
    # Windows has no TERM; its new terminal knows the codes, the old console does not.
    return term != "dumb" if term else bool(os.environ.get("WT_SESSION"))


class JsonOutput:
    """Every event on a line of its own."""

    def show(self, event: RealtimeEvent) -> None:
        screen.write_json(event.to_dict(), indent=None)

    def make_room(self) -> None:
        pass

    def close(self) -> None:
        pass


class PlainOutput:
    """Final text as it comes, a line for each turn. No control codes."""

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
    """Final text that stands still, and after it, dim, what may still change.

    Rows are broken here and not by the terminal, so that it is known how many there are. Those that are final and full
    are never touched again. The rest is drawn anew, from the last final row, which has room: the cursor goes up to it,
    and everything below is erased.
    """

    def __init__(self, target_language: str | None) -> None:
        self._turns = Turns(target_language)
        self._row = ""
        """The final text of the row that is drawn over and over."""
        self._tail = ""
        self._rows_below = 0
        """How many rows the cursor stands below it."""

    def show(self, event: RealtimeEvent) -> None:
        if event.error_code is not None and not event.tokens:
            return
        final = _encodable(self._turns.add(token for token in event.tokens if token.is_final is not False))
        tail = _encodable(self._turns.preview(token for token in event.tokens if token.is_final is False))
        if final or tail != self._tail:
            self._draw(final, tail)

    def make_room(self) -> None:
        if self._row or self._tail:
            # The turn goes on in the row below.
            self._draw("\n" if self._row else "", "")

    def close(self) -> None:
        final = self._turns.end_line() if self._row else ""
        if final or self._tail:
            self._draw(final, "")

    def _draw(self, final: str, tail: str) -> None:
        columns, rows = screen.size_of("stdout")
        columns = max(2, columns - _SPARE_COLUMNS)
        # A row that was ended early leaves a space over, as a row that is full does.
        text = self._row + final if self._row else final.lstrip(" ")
        *full, last = [text[start:end] for start, end in row_spans(text, columns)]
        tail = tail if last else tail.lstrip(" ")
        shown = row_spans(last + tail, columns)
        limit = max(1, min(rows - 1, _MAX_ROWS))
        if len(shown) > limit:
            # The row with final text, and the newest words.
            shown = [shown[0], *shown[len(shown) - limit + 1 :]]
        drawn = "\n".join([*full, *(_with_dim(last + tail, start, end, len(last)) for start, end in shown)])
        up = f"\x1b[{self._rows_below}A" if self._rows_below else ""
        screen.put(f"{up}\r{_ERASE_BELOW}{drawn}")
        self._row, self._tail, self._rows_below = last, tail, len(shown) - 1


def _with_dim(text: str, start: int, end: int, final_end: int) -> str:
    """A part of a text, dim from ``final_end`` on. It leaves nothing switched on: the program may be killed."""
    border = min(max(start, final_end), end)
    dim = text[border:end]
    return text[start:border] + (f"{_DIM}{dim}{_NORMAL}" if dim else "")


class Turns:
    """Tokens as lines: a new one for each speaker, for a translation and after it, and after an endpoint.

    Args:
        target_language: The language of translations that do not tell it.
    """

    def __init__(self, target_language: str | None) -> None:
        self._target_language = target_language
        self._prefix: str | None = None
        """What the line that is going on began with; None before a line's beginning."""
        self._gap = ""
        """White space that is left out where a line ends."""

    def add(self, tokens: Iterable[Token]) -> str:
        """The text that these tokens append, with nothing in it that steers a terminal but line ends."""
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
        """What ends the line that is going on, if there is one."""
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
    """The text as the terminal gets it, since its width counts: a wide character may become a narrow ``?``."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def row_spans(text: str, columns: int) -> list[tuple[int, int]]:
    """Where the rows of a text begin and end: broken at line ends, else between words, else between characters.

    Args:
        text: Without control characters but line ends.
        columns: How wide a row may be, at least 2.
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
