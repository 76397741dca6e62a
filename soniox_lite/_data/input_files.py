"""Input of files: a path, bytes or a stream of the caller, as a stream with a name."""

from __future__ import annotations

import io
import os

from ..errors import SonioxFileTypeError, SonioxValidationError, file_error
from .callbacks import is_async
from .json_values import kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

_DEFAULT_FILENAME = "upload.bin"


def normalize_file(
    file: BinaryIO | bytes | os.PathLike[str] | str, filename: str | None = None
) -> tuple[BinaryIO, str, bool]:
    """A binary stream for a file that the caller gives, its name, and whether the stream is ours to close.

    Args:
        file: A path, bytes, or a binary stream, which is read from its current position.
        filename: The name at the service; None for that of the path or the stream, or ``upload.bin`` if it has none.

    Raises:
        SonioxInvalidFileError: The path cannot be opened; of the subclass for a missing file, a folder, or a lack of
            permission.
        SonioxFileTypeError: ``file`` is none of these.
        SonioxValidationError: It is open as text, or its ``read`` has to be awaited; or ``filename`` is no str.
    """
    if filename is not None and not isinstance(filename, str):
        raise SonioxValidationError(f"filename must be a str, got {kind_of(filename)}")
    if isinstance(file, (bytes, bytearray, memoryview)):
        # bytes() accepts a memoryview with gaps, too; bytes are not copied.
        return io.BytesIO(bytes(file)), filename or _DEFAULT_FILENAME, True
    if isinstance(file, (str, os.PathLike)):
        try:
            path = os.fsdecode(file)
            return open(path, "rb"), filename or os.path.basename(path), True
        except (OSError, ValueError, TypeError) as error:
            reason = getattr(error, "strerror", None) or error
            # The value may be a whole document passed by mistake, so it is shortened.
            shown = repr(file)
            shown = shown if len(shown) <= 120 else f"{shown[:60]}...{shown[-40:]}"
            raise file_error(f"file cannot be opened: {reason}: {shown}", error, file) from error
    if not callable(getattr(file, "read", None)):
        raise SonioxFileTypeError(f"file must be a path, bytes or a binary stream, got {kind_of(file)}")
    if isinstance(file, io.TextIOBase):
        raise SonioxValidationError("file is open as text; a binary stream is needed")
    if is_async(file.read):
        raise SonioxValidationError("file is a stream whose read() has to be awaited; read it first, or give its path")
    own_name = getattr(file, "name", None)
    if not isinstance(own_name, str):
        own_name = ""
    return file, filename or os.path.basename(own_name) or _DEFAULT_FILENAME, False
