"""The recording that a command line names: a file, or standard input."""

from __future__ import annotations

import contextlib
import io
import os
import select
import stat
import sys

from . import terminal as screen
from .places import refuse_input

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any, BinaryIO

# How late Ctrl-C may be heard, in the worst case, while a pipe has nothing to read.
_PIPE_LOOK_SEC = 0.2


def opened(source: str, output: str | None = None) -> contextlib.AbstractContextManager[BinaryIO]:
    """The recording, or text, as a stream, which the ``with`` block closes unless it is standard input.

    Args:
        source: Path of a file, or ``-``.
        output: Path of what the command writes besides standard output; None for nothing.

    Raises:
        CommandError: It cannot be opened, is an empty file, a terminal, or what the command writes to.
    """
    if source == "-":
        # None if it was closed when Python started.
        if getattr(sys, "stdin", None) is None:
            raise screen.CommandError("standard input is closed", exit_code=2)
        if screen.is_terminal("stdin"):
            raise screen.CommandError("standard input is a terminal: pipe a recording into it", exit_code=2)
        refuse_input(sys.stdin.buffer, source, output)
        return contextlib.nullcontext(_interruptible(sys.stdin.buffer))
    try:
        stream = open(path_of_url(source), "rb")  # noqa: SIM115 - handed to the caller's with statement
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise screen.CommandError(f"cannot read {_shown(source)}: {reason}{_url_hint(source)}", exit_code=2) from error
    try:
        refuse_input(stream, source, output)
        status = os.fstat(stream.fileno())
        if stat.S_ISREG(status.st_mode) and not status.st_size:
            raise screen.CommandError(f"cannot use {source!r}: the file is empty", exit_code=2)
    except BaseException:
        stream.close()
        raise
    return _closing(stream)


def path_of_url(source: str) -> str:
    """The path that a ``file`` URL means; other sources as they are."""
    if source[:7].lower() != "file://":
        return source
    from urllib.request import url2pathname  # noqa: PLC0415 - such URLs are rare

    return url2pathname(source[7:].removeprefix("localhost"))


def _shown(source: str) -> str:
    """A source in a message: of a URL no credentials and no query, which may be a key to it."""
    if "://" not in source:
        return repr(source)
    scheme, _, rest = source.partition("://")
    return repr(f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}")


def _url_hint(source: str) -> str:
    """What to do instead, where a URL stands for a file."""
    scheme = source.partition("://")[0].lower() if "://" in source else ""
    if scheme in {"http", "https"}:
        return f"; only {screen.PROGRAM} transcribe takes URLs: download it, or pipe it in with curl and give - instead"
    if scheme:
        return f"; of URLs, {screen.PROGRAM} transcribe takes http and https"
    host = source.partition("/")[0]
    if "/" in source and "." in host.strip(".") and not os.path.exists(host):
        return f"; a URL begins with https://, as in https://{source}"
    return ""


def refuse_empty(stream: BinaryIO, source: str) -> None:
    """Waits for the first bytes of what :func:`opened` gave, which stay to be read.

    Raises:
        CommandError: It ends without any, or cannot be read.
    """
    name = "standard input" if source == "-" else repr(source)
    try:
        is_empty = not stream.peek(1)  # type: ignore[attr-defined] # a BufferedReader, or a Pipe
    except OSError as error:
        raise screen.CommandError(f"cannot read {name}: {error.strerror or error}", exit_code=2) from error
    if is_empty:
        raise screen.CommandError(f"cannot use {name}: it is empty", exit_code=2)


@contextlib.contextmanager
def _closing(stream: BinaryIO) -> Generator[BinaryIO]:
    with stream:
        yield _interruptible(stream)


def _interruptible(stream: BinaryIO) -> BinaryIO:
    """The stream itself, or what reads from its pipe without missing Ctrl-C."""
    with contextlib.suppress(OSError, ValueError):
        # select knows no pipes on Windows, which ends a read on Ctrl-C by other means.
        if not stream.seekable() and os.name != "nt":
            pipe: Any = Pipe(stream.fileno())
            return pipe  # type: ignore[no-any-return]
    return stream


class Pipe(io.RawIOBase):
    """Reads from a descriptor that may have nothing to say for long. Whoever opened it closes it.

    A signal that arrives just before a read blocks does not end that read, so that Ctrl-C would be heard when the next
    data come, if ever (measured on a loaded machine: twice in a hundred times). So no call here blocks for long.

    Attributes:
        goes_on: Asked again and again while there is nothing to read; False makes that the end of the stream.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self.goes_on: Callable[[], bool] | None = None
        self._ahead = b""

    def readable(self) -> bool:
        return True

    def peek(self, size: int) -> bytes:
        """What is read next, at most ``size`` bytes; empty at the end."""
        if not self._ahead:
            self._ahead = self.read(size) or b""
        return self._ahead

    def readinto(self, buffer: Any) -> int:
        if self._ahead:
            data, self._ahead = self._ahead[: len(buffer)], self._ahead[len(buffer) :]
            buffer[: len(data)] = data
            return len(data)
        while not select.select([self._descriptor], [], [], _PIPE_LOOK_SEC)[0]:
            if self.goes_on is not None and not self.goes_on():
                return 0
        data = os.read(self._descriptor, len(buffer))
        buffer[: len(data)] = data
        return len(data)
