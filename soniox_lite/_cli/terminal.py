"""Standard output for results, standard error for messages and progress."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from unicodedata import category

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from typing_extensions import Self

PROGRAM = "soniox-lite"

# Zero-width characters needed in Persian, Hindi, Hebrew and Arabic text. str.isprintable() is False for them.
_JOINERS = "\u200c\u200d\u200e\u200f"
# Credentials, host and path, and the rest of a URL in a text; what ends a sentence or a quotation is none of it.
_URL = r"""://(?:[^\s?#]*@)?([^\s?#]*?)(?:[?#]\S+?)?(?=[)'",;:.?]*(?:\s|$))"""
# Not empty once a message has said that characters were lost.
_has_told: list[bool] = []


class CommandError(Exception):
    """A command failed for a reason that is not a :class:`SonioxError`.

    Attributes:
        message: One line for the user.
        exit_code: Exit code of the program.
    """

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code


def prepare() -> None:
    """Sets both streams up.

    They replace characters that their encoding lacks, instead of raising UnicodeEncodeError. On Windows, output that is
    redirected is UTF-8, unless ``PYTHONIOENCODING`` says otherwise: by default it would be in an old code page.
    """
    for name, errors in (("stdout", "replace"), ("stderr", "backslashreplace")):
        reconfigure = getattr(_stream_or_none(name), "reconfigure", None)
        if reconfigure is not None:
            is_old = sys.platform == "win32" and not is_terminal(name) and "PYTHONIOENCODING" not in os.environ
            reconfigure(errors=errors, encoding="utf-8" if is_old else None)


def write(text: str) -> None:
    """Writes a result to standard output and flushes it; adds a line end if missing. Raises as :func:`put`."""
    put(text if text.endswith("\n") else f"{text}\n")


def put(text: str) -> None:
    """Writes text to standard output and flushes it.

    Raises:
        BrokenPipeError: The reading end of the pipe is closed.
        CommandError: It cannot be written, for example to a full disk.
    """
    # None if the descriptor was closed when Python started.
    stream = _stream_or_none("stdout")
    if stream is None:
        raise CommandError("standard output is closed", exit_code=1)
    try:
        stream.write(text)
        stream.flush()
        _say_what_is_lost(text, stream)
    except BrokenPipeError:
        raise
    except OSError as error:
        abandon_output()
        reason = error.strerror or str(error)
        raise CommandError(f"cannot write to standard output: {reason}", exit_code=1) from error


def _say_what_is_lost(text: str, stream: TextIO) -> None:
    """Says once which characters became ``?`` in a file or pipe; on a terminal they are seen."""
    encoding = stream.encoding
    if _has_told or text.isascii() or not encoding or encoding.lower().replace("-", "") == "utf8" or stream.isatty():
        return
    lost = "".join(dict.fromkeys(char for char in text if not char.encode(encoding, "ignore")))
    if lost:
        _has_told.append(True)
        say(f"{encoding} has no {lost}, so the output has ? instead; PYTHONIOENCODING=utf-8 keeps all characters")


def write_json(value: object, *, indent: int | None = 2) -> None:
    """Writes one JSON document to standard output, on one line if ``indent`` is None. Raises as :func:`put`."""
    import json  # noqa: PLC0415 - already loaded by the client

    stream = _stream_or_none("stdout")
    # In other encodings, JSON escapes keep characters that would become "?".
    is_unicode = stream is not None and (stream.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(value, ensure_ascii=not is_unicode, indent=indent)
    # Escapes control characters, and halves of surrogate pairs, which cannot be encoded. The JSON value is the same.
    write("".join(char if char == "\n" or _is_harmless(char) else _escaped(char) for char in text))


def write_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Writes a table to standard output, columns two spaces apart. Raises as :func:`put`.

    Cells may be of any type, because replies of the service are not validated; None is shown as ``-``.
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
    """Writes a message as :func:`in_one_line` to standard error; ignored if standard error is closed."""
    stream = _stream_or_none("stderr")
    if stream is not None:
        # Writing to a closed terminal fails; that must not stop a cleanup.
        with contextlib.suppress(OSError, ValueError):
            stream.write(f"{PROGRAM}: {in_one_line(text)}\n")
            stream.flush()


def in_one_line(text: str) -> str:
    """A message without line ends, control characters, and the credentials and queries of URLs, which may be secret."""
    return printable(re.sub(_URL, r"://\1", " ".join(text.split())))


def show_log() -> None:
    """Writes what the package logs to standard error, a line each with the time since the start."""
    import logging  # noqa: PLC0415 - for --verbose only

    from .._data.callbacks import logger  # noqa: PLC0415 - as above

    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(f"{PROGRAM}: [%(relativeCreated)d ms] %(message)s"))
    log = logger()
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)


def is_terminal(name: str) -> bool:
    """Whether ``stdin``, ``stdout`` or ``stderr`` is a terminal."""
    stream = _stream_or_none(name)
    return stream is not None and stream.isatty()


def printable(text: str) -> str:
    """The text with control characters replaced by ``?``."""
    return "".join(char if _is_harmless(char) or "\ud800" <= char <= "\udfff" else "?" for char in text)


def _escaped(char: str) -> str:
    """A character as JSON escapes."""
    code = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{code[at : at + 4]}" for at in range(0, len(code), 4))


def _is_harmless(char: str) -> bool:
    # str.isprintable() is False for spaces other than U+0020. Line ends have other categories.
    return char.isprintable() or char in _JOINERS or category(char) == "Zs"


def confirm(question: str) -> bool:
    """Asks a question; True for yes. Standard input and standard error must be terminals."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def finish() -> None:
    """Flushes standard output.

    Raises:
        BrokenPipeError: The reading end of the pipe is closed.
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
    """Redirects standard output to the null device, because Python reports a failed flush at exit."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def _stream_or_none(name: str) -> TextIO | None:
    stream: TextIO | None = getattr(sys, name)
    return stream


class Progress:
    """A progress line on standard error, redrawn in place and erased at the end.

    Uses only carriage returns and spaces, which work on every terminal. Shows nothing if stderr is not a terminal.

    Args:
        wanted: False to show nothing even on a terminal.
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
    """Columns and rows of the terminal at ``stdout`` or ``stderr``; 80 and 24 if unknown."""
    columns = rows = 0
    stream = _stream_or_none(name)
    if stream is not None:
        with contextlib.suppress(AttributeError, OSError, ValueError):
            columns, rows = os.get_terminal_size(stream.fileno())
    # 0 means that the terminal does not know its size.
    return columns or 80, rows or 24
