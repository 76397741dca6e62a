"""Output of audio and transcripts: to a stream of the caller, or to a file that appears when it is complete."""

from __future__ import annotations

import contextlib
import io
import os
import re
import stat
import sys

from ..errors import SonioxError, SonioxFileError, SonioxValidationError, file_error, with_errno
from .clock import time
from .json_values import kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any, BinaryIO

# Two minutes of audio, the longest that the service makes, are smaller in most formats.
_MAX_BYTES_IN_MEMORY = 16 * 1024 * 1024
_BLOCK_BYTES = 1024 * 1024
# The limit of Linux.
_MAX_LINKS = 40
# Virus scanners and indexers open a new file for a moment.
PAUSES_SEC = (0.05, 0.1, 0.2, 0.4) if sys.platform == "win32" else ()


class Output:
    """Takes blocks of bytes and counts them.

    Attributes:
        count: Bytes written so far.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.count = 0

    def write(self, block: bytes) -> None:
        """Writes the whole block. Exceptions of the stream are passed on unchanged.

        Raises:
            SonioxError: The stream is non-blocking and took nothing.
        """
        while block:
            written = self._stream.write(block)
            if written == 0 or (written is None and isinstance(self._stream, io.RawIOBase)):
                raise SonioxError("the output is non-blocking; a blocking stream is needed")
            # An unbuffered stream may take less than it is given. An object that only has write() may return None.
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
    """A context manager that gives an :class:`Output` to write to.

    A file is written under a temporary name in the same folder. At the end of the block it gets its name and replaces
    an older file; if the block fails, it is deleted. Where that is not possible (a mounted file, a folder that cannot
    be written to), the content is copied into the file at the end of the block. A stream is written to at once and
    stays open. A device or a pipe is opened and written to at once; a descriptor that is open already
    (``/dev/stdout``) is written to from its current position.

    Args:
        output: Path of a file, whose directory exists; or a binary stream.
        keep_partial: Whether the file keeps what was written when the block fails, if anything was.

    Raises:
        SonioxValidationError: It is neither, or the stream cannot be written to; raised before the block is entered.
        SonioxInvalidFileError: The path cannot be written to; raised before the block is entered.
        SonioxFileError: Writing to the file failed, for example because the disk is full.
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
            stream, draft = _stream_and_draft(os.fsdecode(path), stack)
        except (OSError, ValueError, TypeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise file_error(f"output cannot be written: {reason}", error, path) from error
        writer = _FileOutput(stream)
        try:
            yield writer
        except BaseException:
            if draft is not None and keep_partial and writer.count:
                with contextlib.suppress(OSError):
                    draft.finish(stream)
            raise
        if draft is not None:
            try:
                draft.finish(stream)
            except OSError as error:
                raise _failure(error) from error


def _stream_and_draft(name: str, stack: contextlib.ExitStack) -> tuple[Any, _Draft | None]:
    """What to write to, unbuffered or in a draft: closing it then writes nothing that could fail."""
    descriptor = descriptor_of(name)
    if descriptor is not None:
        # open() by name would empty the file, and overwrite what is written through the descriptor.
        return stack.enter_context(open(_duplicate(descriptor), "wb", buffering=0)), None
    status = _status_or_none(name)
    if status is None or stat.S_ISREG(status.st_mode):
        draft = _Draft(name, status)
        stack.callback(draft.remove)
        return stack.enter_context(draft.open()), draft
    return stack.enter_context(open(name, "wb", buffering=0)), None


class _Draft:
    """The content of a file, until it is complete.

    It has a temporary name in the file's folder, and is renamed in the end. It is copied into the file instead if no
    other file can be made in the folder, if it cannot replace the file, or if it cannot get the file's owner and group.

    Args:
        path: Of the file.
        status: The file's; None where there is none yet.

    Raises:
        OSError: The path has no file name, or the file is write-protected.
    """

    def __init__(self, path: str, status: os.stat_result | None) -> None:
        if not os.path.basename(path):
            raise FileNotFoundError(0, "the path has no file name")
        # A symbolic link stays a link: its target is written, as open() does.
        self._target = os.path.realpath(path)
        if status is not None and not os.access(self._target, os.W_OK):
            raise PermissionError(0, "it is write-protected")
        self._status = status
        self._path = os.path.join(os.path.dirname(self._target), f".{os.urandom(8).hex()}.part")
        self._can_move = True

    def open(self) -> Any:
        """The stream that takes the content.

        Raises:
            OSError: The file does not exist and cannot be created.
        """
        try:
            stream = open(self._path, "x+b", buffering=0, opener=self._create)  # noqa: SIM115 - the caller's to close
        except OSError:
            if self._status is None:
                raise
            import tempfile  # noqa: PLC0415 - folders that can be written to are the rule

            self._can_move = False
            return tempfile.SpooledTemporaryFile(_MAX_BYTES_IN_MEMORY)
        if self._status is not None:
            try:
                if hasattr(os, "chown"):
                    os.chown(self._path, self._status.st_uid, self._status.st_gid)
                # Without set-uid and set-gid, which were meant for the old content.
                os.chmod(self._path, self._status.st_mode & 0o777)
            except OSError:
                self._can_move = False
        return stream

    def finish(self, stream: Any) -> None:
        """Makes what was written the content of the file. Raises OSError."""
        if self._can_move:
            stream.close()
            try:
                _replace(self._path, self._target)
            except OSError:
                # A mounted file cannot be replaced, nor can another user's file in a sticky folder.
                stream = open(self._path, "rb")  # noqa: SIM115 - closed below
            else:
                return
        with stream, open(self._target, "wb", opener=self._reopen) as file:
            stream.seek(0)
            while block := stream.read(_BLOCK_BYTES):
                file.write(block)

    def remove(self) -> None:
        """Deletes the temporary file, if it still exists."""
        with contextlib.suppress(OSError):
            os.unlink(self._path)

    def _create(self, path: str, flags: int) -> int:
        # Not readable for other users until it has the owner and the mode of the old file.
        return os.open(path, flags, 0o666 if self._status is None else 0o600)

    def _reopen(self, path: str, flags: int) -> int:
        # Linux refuses O_CREAT for another user's existing file in a sticky folder.
        return os.open(path, flags if self._status is None else flags & ~os.O_CREAT, 0o666)


def _replace(path: str, target: str) -> None:
    """As ``os.replace``. Tries again on Windows, where a file that another program has open cannot be replaced."""
    for pause_sec in PAUSES_SEC:
        with contextlib.suppress(PermissionError):
            os.replace(path, target)
            return
        time.sleep(pause_sec)
    os.replace(path, target)


def descriptor_of(path: str) -> int | None:
    """The open descriptor of this process that a path such as ``/dev/stdout`` stands for; None for other paths."""
    for _ in range(_MAX_LINKS):
        path = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        if found := re.fullmatch(rf"(?:/dev|/proc/{os.getpid()}(?:/task/\d+)?)/fd/(\d{{1,9}})", path):
            return int(found[1])
        try:
            path = os.path.join(os.path.dirname(path), os.readlink(path))
        except (OSError, ValueError):
            break
    return None


def _duplicate(descriptor: int) -> int:
    import errno  # noqa: PLC0415 - rarely needed
    import fcntl  # noqa: PLC0415 - only where descriptors have paths, which Windows is not

    if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        raise PermissionError(errno.EACCES, "it is open for reading only")
    return os.dup(descriptor)


def _status_or_none(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _failure(error: OSError) -> SonioxFileError:
    failure = SonioxFileError(f"the output cannot be written: {error.strerror or error}")
    return with_errno(failure, error, error.filename)
