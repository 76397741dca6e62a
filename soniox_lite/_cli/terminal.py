"""The terminal: results to standard output, everything else to standard error."""

from __future__ import annotations

import contextlib
import os
import sys
from unicodedata import category

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from typing_extensions import Self

PROGRAM = "soniox-lite"

# Zero-width, and part of how Persian, Hindi, Hebrew or Arabic is spelt; Python calls them unprintable.
_JOINERS = "\u200c\u200d\u200e\u200f"


class CommandError(Exception):
    """A command that cannot go on, for a reason that is not a :class:`SonioxError`.

    Attributes:
        message: One line for the user.
        exit_code: What the shell gets.
    """

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code


def prepare() -> None:
    """Makes both streams replace what their encoding does not know: a transcript must not end in a traceback."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace" if stream is sys.stdout else "backslashreplace")


def write(text: str) -> None:
    """Writes a result, and a line's end if it has none, to standard output at once. Raises as :func:`put`."""
    put(text if text.endswith("\n") else f"{text}\n")


def put(text: str) -> None:
    """Writes a piece of a result to standard output at once.

    Raises:
        BrokenPipeError: Nobody reads it any more.
        CommandError: It cannot be written.
    """
    # Python sets it to None for a descriptor that was closed when it started.
    stream = _stream_or_none("stdout")
    if stream is None:
        raise CommandError("standard output is closed", exit_code=1)
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        abandon_output()
        reason = error.strerror or str(error)
        raise CommandError(f"cannot write to standard output: {reason}", exit_code=1) from error


def write_json(value: object, *, indent: int | None = 2) -> None:
    """Writes one JSON document to standard output, on one line if ``indent`` is None. Raises as :func:`put`."""
    import json  # noqa: PLC0415 - loaded by the client's replies anyway

    stream = _stream_or_none("stdout")
    # Escapes lose nothing where "?" would be all that the encoding has.
    is_unicode = stream is not None and (stream.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(value, ensure_ascii=not is_unicode, indent=indent)
    # What would steer a terminal, and half of a surrogate pair, which cannot be encoded at all: escapes mean the same.
    write("".join(char if char == "\n" or _is_harmless(char) else _escaped(char) for char in text))


def write_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Writes columns, two spaces apart, to standard output; the last one is not padded. Raises as :func:`put`.

    Cells may be anything: tables show what the service sends, also where it is no text.
    """
    from .._data.display_width import display_width  # noqa: PLC0415 - not for --help

    shown: list[str] = []
    lines = [header, *([printable("-" if cell is None else str(cell)) for cell in row] for row in rows)]
    widths = [max(display_width(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        cells = [cell + " " * (width - display_width(cell)) for cell, width in zip(line, widths, strict=True)]
        shown.append("  ".join(cells).rstrip())
    write("\n".join(shown))


def say(text: str) -> None:
    """Tells the user something, as one line on standard error; a closed one is nobody's loss."""
    stream = _stream_or_none("stderr")
    if stream is not None:
        # A terminal that was closed answers with an error, and that must not stop a clean-up.
        with contextlib.suppress(OSError, ValueError):
            stream.write(f"{PROGRAM}: {printable(' '.join(text.split()))}\n")
            stream.flush()


def is_terminal(name: str) -> bool:
    """Whether ``stdin``, ``stdout`` or ``stderr`` is one."""
    stream = _stream_or_none(name)
    return stream is not None and stream.isatty()


def printable(text: str) -> str:
    """A text of the server's on one line, without what would steer the terminal."""
    return "".join(char if _is_harmless(char) or "\ud800" <= char <= "\udfff" else "?" for char in text)


def _escaped(char: str) -> str:
    """A character as JSON escapes."""
    code = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{code[at : at + 4]}" for at in range(0, len(code), 4))


def _is_harmless(char: str) -> bool:
    # Spaces of any width are not printable either, as Python sees it; line ends are separators of other kinds.
    return char.isprintable() or char in _JOINERS or category(char) == "Zs"


def confirm(question: str) -> bool:
    """Whether the user says yes; both standard input and standard error must be terminals."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def finish() -> None:
    """Sends out what is left of standard output.

    Raises:
        BrokenPipeError: Nobody reads it any more.
    """
    stream = _stream_or_none("stdout")
    if stream is not None:
        try:
            stream.flush()
        except BrokenPipeError:
            raise
        except OSError:
            abandon_output()


def abandon_output() -> None:
    """Gives standard output up: Python flushes it when it ends, and would complain about what cannot be written."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def _stream_or_none(name: str) -> TextIO | None:
    stream: TextIO | None = getattr(sys, name)
    return stream


class Progress:
    """One line on standard error that is drawn over and over and erased in the end.

    Nothing but carriage returns and spaces, so that every terminal knows it; on anything else there is no line.

    Args:
        wanted: Whether to show anything even on a terminal.
    """

    def __init__(self, *, wanted: bool) -> None:
        self.is_shown = wanted and is_terminal("stderr")
        self._text = ""

    def show(self, text: str) -> None:
        """Replaces the line."""
        shown = printable(text)[: size_of("stderr")[0] - 1]
        if self.is_shown and shown != self._text:
            self._draw(f"\r{shown.ljust(len(self._text))}")
            self._text = shown

    def erase(self) -> None:
        """Removes the line."""
        if self._text:
            self._draw(f"\r{' ' * len(self._text)}\r")
            self._text = ""

    def _draw(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            self.is_shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exc_type: object, exc: object, traceback: object) -> None:
        self.erase()


def size_of(name: str) -> tuple[int, int]:
    """Columns and rows of the terminal that ``stdout`` or ``stderr`` is."""
    columns = rows = 0
    stream = _stream_or_none(name)
    if stream is not None:
        with contextlib.suppress(AttributeError, OSError, ValueError):
            columns, rows = os.get_terminal_size(stream.fileno())
    # Terminals that know no size say that it is 0.
    return columns or 80, rows or 24
