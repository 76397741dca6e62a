"""Where audio and transcripts are written: a stream of the caller's, or a file that is there when it is whole."""

from __future__ import annotations

import contextlib
import io
import os
import stat

from ._codec import kind_of
from .errors import SonioxError, SonioxValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any, BinaryIO


class Output:
    """Takes blocks of bytes and counts them.

    Attributes:
        count: Bytes written so far.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.count = 0

    def write(self, block: bytes) -> None:
        """Writes all of it. What the stream raises is its owner's to know.

        Raises:
            SonioxError: The stream takes nothing, because it does not wait until it can.
        """
        while block:
            written = self._stream.write(block)
            if written == 0 or (written is None and isinstance(self._stream, io.RawIOBase)):
                raise SonioxError("the output does not wait until it can be written to; a blocking stream is needed")
            # Unbuffered streams may take less than they are given; what only looks like a stream may not tell.
            taken = len(block) if written is None else written
            self.count += taken
            block = block[taken:]


class _FileOutput(Output):
    def write(self, block: bytes) -> None:
        try:
            super().write(block)
        except OSError as error:
            raise _failure(error) from error


@contextlib.contextmanager
def opened_output(
    output: BinaryIO | os.PathLike[str] | str, *, keep_partial: bool = False
) -> Generator[Output, None, None]:
    """Where to write, for the block.

    A file appears, or replaces what was there, at the end of the block: until then what it will hold stands beside it
    under another name, which is gone when the block fails. A stream is written to at once, and stays open. What is no
    regular file (a device, a pipe) is opened and written to at once.

    Args:
        output: Path of a file, whose directory exists; or a binary stream.
        keep_partial: Whether a file shall hold what was written when the block failed, if that is anything.

    Raises:
        SonioxValidationError: It is none of these, or cannot be written to; before the block is entered.
        SonioxError: The file cannot be written to any more (a full disk).
    """
    if isinstance(output, (str, os.PathLike)):
        with _opened_file(output, keep_partial=keep_partial) as writer:
            yield writer
        return
    if not callable(getattr(output, "write", None)):
        raise SonioxValidationError(f"output must be a path or a binary stream, got {kind_of(output)}")
    if isinstance(output, io.TextIOBase):
        raise SonioxValidationError("output is open as text; a binary stream is needed")
    if getattr(output, "closed", False) is True:
        raise SonioxValidationError("output is closed")
    if isinstance(output, io.IOBase) and not output.writable():
        raise SonioxValidationError("output is not open for writing")
    yield Output(output)


@contextlib.contextmanager
def _opened_file(path: os.PathLike[str] | str, *, keep_partial: bool) -> Generator[Output, None, None]:
    with contextlib.ExitStack() as stack:
        try:
            opened = target = os.fsdecode(path)
            mode = _mode_or_none(target)
            is_file = mode is None or stat.S_ISREG(mode)
            if is_file:
                if not os.path.basename(target):
                    raise FileNotFoundError(0, "it is no file's name")
                # A link stays one: what it leads to is written, as open() does.
                target = os.path.realpath(target)
                if mode is not None and not os.access(target, os.W_OK):
                    raise PermissionError(0, "it is write-protected")
                opened = os.path.join(os.path.dirname(target), f".{os.urandom(8).hex()}.part")
                stack.callback(_remove, opened)
            # Unbuffered: the blocks are large, and nothing can fail when it is closed.
            stream = stack.enter_context(open(opened, "xb" if is_file else "wb", buffering=0))
            if is_file and mode is not None:
                os.chmod(opened, stat.S_IMODE(mode))
        except (OSError, ValueError, TypeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise SonioxValidationError(f"output cannot be written: {reason}") from error
        writer = _FileOutput(stream)
        try:
            yield writer
        except BaseException:
            if is_file and keep_partial and writer.count:
                with contextlib.suppress(SonioxError):
                    _finish(stream, opened, target)
            raise
        if is_file:
            _finish(stream, opened, target)


def _finish(stream: Any, temporary: str, target: str) -> None:
    try:
        stream.close()
        os.replace(temporary, target)
    except OSError as error:
        raise _failure(error) from error


def _remove(path: str) -> None:
    # After success it has another name.
    with contextlib.suppress(OSError):
        os.unlink(path)


def _mode_or_none(path: str) -> int | None:
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return None


def _failure(error: OSError) -> SonioxError:
    return SonioxError(f"the output cannot be written: {error.strerror or error}")
