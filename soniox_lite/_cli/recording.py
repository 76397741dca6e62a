"""Opens the input of a command: a file or standard input."""

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

# Maximum delay of Ctrl-C while a pipe has no data.
_PIPE_POLL_SEC = 0.2


def opened(source: str, *outputs: str | None) -> contextlib.AbstractContextManager[BinaryIO]:
    """The input as a stream. The ``with`` block closes it unless it is standard input.

    Args:
        source: Path of a file, or ``-``.
        outputs: Paths of the files that the command writes besides standard output; None for those not given.

    Raises:
        CommandError: The source cannot be opened, is an empty file or a terminal, or is an output.
    """
    if source == "-":
        # None if the descriptor was closed when Python started.
        if getattr(sys, "stdin", None) is None:
            raise screen.CommandError("standard input is closed", exit_code=2)
        if screen.is_terminal("stdin"):
            raise screen.CommandError("standard input is a terminal: pipe a recording to it", exit_code=2)
        refuse_input(sys.stdin.buffer, source, outputs)
        return contextlib.nullcontext(_interruptible(sys.stdin.buffer))
    try:
        stream = open(path_of_url(source), "rb")  # noqa: SIM115 - handed to the caller's with statement
    except (OSError, ValueError) as error:
        reason, hint = getattr(error, "strerror", None) or str(error), _url_hint(source)
        # The query of a URL may be secret, also without a scheme.
        name = source.partition("?")[0] if hint else source
        raise screen.CommandError(f"cannot read {name!r}: {reason}{hint}", exit_code=2) from error
    try:
        refuse_input(stream, source, outputs)
        status = os.fstat(stream.fileno())
        if stat.S_ISREG(status.st_mode) and not status.st_size:
            raise screen.CommandError(f"cannot use {source!r}: the file is empty", exit_code=2)
    except BaseException:
        stream.close()
        raise
    return _closing(stream)


def path_of_url(source: str) -> str:
    """The path of a ``file`` URL; other sources unchanged."""
    if source[:7].lower() != "file://":
        return source
    from urllib.request import url2pathname  # noqa: PLC0415 - only needed for file URLs

    return url2pathname(source[7:].removeprefix("localhost"))


def _url_hint(source: str) -> str:
    """A suggestion for a URL given in place of a file."""
    scheme = source.partition("://")[0].lower() if "://" in source else ""
    if scheme in {"http", "https"}:
        return f"; only {screen.PROGRAM} transcribe accepts URLs: download it, or pipe it from curl and use - as FILE"
    if scheme:
        return f"; {screen.PROGRAM} transcribe accepts http and https URLs only"
    host = source.partition("/")[0]
    if "/" in source and "." in host.strip(".") and not os.path.exists(host):
        return f"; did you mean https://{source}?"
    return ""


def refuse_empty(stream: BinaryIO, source: str) -> None:
    """Waits for the first bytes of a stream from :func:`opened`, without consuming them.

    Raises:
        CommandError: The stream is empty or cannot be read.
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
    """The stream itself; for a pipe, a :class:`Pipe`, whose reads can be interrupted."""
    with contextlib.suppress(OSError, ValueError):
        # select() does not support pipes on Windows, where Ctrl-C ends a read in another way.
        if not stream.seekable() and os.name != "nt":
            pipe: Any = Pipe(stream.fileno())
            return pipe  # type: ignore[no-any-return]
    return stream


class Pipe(io.RawIOBase):
    """Reads from a pipe with interruptible waits. Does not close the descriptor.

    A signal that arrives just before a blocking read does not interrupt it, so Ctrl-C would have no effect until the
    next data (measured on a loaded machine: 2 % of the time). So waits are short and repeated.

    Attributes:
        goes_on: Called repeatedly while there is no data; False ends the stream.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self.goes_on: Callable[[], bool] | None = None
        self._ahead = b""

    def end(self) -> None:
        """Called at the end of the data, but not when ``goes_on`` has ended it. May raise OSError."""

    def peek(self, size: int) -> bytes:
        """The next bytes, at most ``size``, without consuming them; empty at the end."""
        self._ahead = self._ahead or self.read(size) or b""
        return self._ahead

    def readinto(self, buffer: Any) -> int:
        if self._ahead:
            data, self._ahead = self._ahead[: len(buffer)], self._ahead[len(buffer) :]
            buffer[: len(data)] = data
            return len(data)
        while not select.select([self._descriptor], [], [], _PIPE_POLL_SEC)[0]:
            if self.goes_on is not None and not self.goes_on():
                return 0
        data = os.read(self._descriptor, len(buffer))
        if not data:
            self.end()
        buffer[: len(data)] = data
        return len(data)
