"""Audio from whatever holds it, as chunks of one length, at a pace.

Sources become *blocks* of any length, and :class:`Cutter` makes chunks of blocks; ``_audio_async`` does the same for
tasks. A file that is opened here is closed here, also when the generator is closed early; what the caller opened is
the caller's to close.
"""

from __future__ import annotations

import os

from .._data.clock import time
from .._data.json_values import kind_of
from .._data.rules import FieldErrors
from ..errors import SonioxValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from typing import Any, BinaryIO

__all__ = [
    "Cutter",
    "as_path_or_none",
    "blocks_of",
    "check_block",
    "check_numbers",
    "cut",
    "is_bytes_like",
    "no_source",
    "open_file",
    "pace",
    "read_block",
    "unreadable",
]

# A bound that only typing errors reach: a gigabyte.
_MAX_CHUNK_BYTES = 1 << 30


def check_numbers(chunk_size_bytes: object, delay_seconds: object = 0.0) -> None:
    """Refuses what is no length of a chunk, or no pause.

    Raises:
        SonioxValidationError: The chunk would be empty or huge; the delay is negative or more than a day.
    """
    with FieldErrors("the streaming of audio") as check:
        if check.required("chunk_size_bytes", chunk_size_bytes):
            check.integer("chunk_size_bytes", chunk_size_bytes, minimum=1, maximum=_MAX_CHUNK_BYTES)
        if check.required("delay_seconds", delay_seconds):
            check.seconds("delay_seconds", delay_seconds, positive=False)


class Cutter:
    """Makes chunks of one length out of blocks of any; only the last chunk may be shorter."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._pending = bytearray()

    def cut(self, block: object) -> Generator[bytes, None, None]:
        """The chunks that this block completes.

        Raises:
            SonioxValidationError: The block is not bytes-like.
        """
        view = check_block(block)
        start = 0
        if self._pending:
            start = self._size - len(self._pending)
            self._pending += view[:start]
            if len(self._pending) < self._size:
                return
            chunk = bytes(self._pending)
            self._pending.clear()
            yield chunk
        while len(view) - start >= self._size:
            # Copied: the caller may use the same buffer for the next block.
            yield bytes(view[start : start + self._size])
            start += self._size
        self._pending += view[start:]

    def rest(self) -> bytes:
        """What is left when all blocks are there; may be empty."""
        return bytes(self._pending)


def check_block(block: object) -> memoryview:
    """The bytes of something that claims to be audio.

    Raises:
        SonioxValidationError: It is not bytes-like.
    """
    try:
        view = memoryview(block)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    except TypeError:
        if block is None:
            # What a file that does not block gives when it has nothing yet.
            problem = "has nothing to read at the moment; a stream that waits for more is needed"
        elif isinstance(block, str):
            problem = "is text; bytes or a stream that is open in binary mode are needed"
        else:
            problem = f"gave {kind_of(block)} instead of bytes"
        raise SonioxValidationError(f"the audio {problem}") from None
    # An array of samples is as good as its bytes.
    return view if view.ndim == 1 and view.itemsize == 1 and view.c_contiguous else memoryview(view.tobytes())


def blocks_of(source: Any, size: int) -> Generator[Any, None, None]:
    """The content of a source in blocks; not checked yet, and not read before it is asked for.

    Args:
        source: A path, bytes-like, a binary file object, or an iterable of bytes-like.
        size: How much to read from a file at a time.

    Raises:
        SonioxValidationError: It is none of these.
    """
    path = as_path_or_none(source)
    if path is not None:
        return _file_blocks(path, size)
    if callable(getattr(source, "read", None)):
        return _stream_blocks(source.read, size)
    if is_bytes_like(source):
        return _single_block(source)
    if hasattr(source, "__iter__"):
        return _iterable_blocks(source)
    hint = ", got an async iterable, which stream_audio_async takes" if hasattr(source, "__aiter__") else ""
    raise no_source(source, hint)


def no_source(source: object, hint: str = "") -> SonioxValidationError:
    """The error for something that holds no audio."""
    got = hint or f", got {kind_of(source)}"
    return SonioxValidationError(f"file must be a path, bytes, a binary stream or an iterable of bytes{got}")


def as_path_or_none(source: object) -> str | bytes | os.PathLike[Any] | None:
    """The source, if it is a path; bytes are audio, not a path."""
    return source if isinstance(source, (str, os.PathLike)) else None  # pyright: ignore[reportUnknownVariableType]


def is_bytes_like(source: object) -> bool:
    """Whether something is bytes, or has a buffer that can be read as bytes."""
    try:
        memoryview(source)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    except TypeError:
        return False
    return True


def open_file(path: Any) -> BinaryIO:
    """The file at a path, open for reading.

    Raises:
        SonioxValidationError: It cannot be opened; the message says why.
    """
    from .._http.requests import normalize_file  # noqa: PLC0415 - it pulls urllib along

    return normalize_file(path)[0]


def read_block(read: Callable[[int], Any], size: int) -> memoryview:
    """What a file gives next, empty at its end.

    Raises:
        SonioxValidationError: It cannot be read, or gave no bytes.
    """
    try:
        block = read(size)
    except (OSError, ValueError) as error:
        raise unreadable(error) from error
    return check_block(block)


def unreadable(error: Exception) -> SonioxValidationError:
    """What a file's own error becomes, which must not pass for one of the connection."""
    return SonioxValidationError(f"the audio cannot be read: {error}")


def cut(blocks: Generator[Any, None, None], size: int) -> Generator[bytes, None, None]:
    """Chunks of ``size`` bytes; the last one may be shorter."""
    cutter = Cutter(size)
    try:
        for block in blocks:
            yield from cutter.cut(block)
        rest = cutter.rest()
        if rest:
            yield rest
    finally:
        # Not left to the garbage collector: there may be a file behind it.
        blocks.close()


def pace(chunks: Generator[bytes, None, None], delay_seconds: float) -> Generator[bytes, None, None]:
    """Chunk number ``k`` not before ``k * delay_seconds`` after the first was asked for.

    The schedule is fixed by the clock, so that neither the time that the consumer takes nor the inaccuracy of sleeping
    adds up. Chunks whose time has passed are released at once until the schedule is met again.
    """
    try:
        start = time.monotonic()
        for number, chunk in enumerate(chunks):
            due = start + number * delay_seconds
            remaining = due - time.monotonic()
            if remaining > 0:
                time.sleep(remaining)
            yield chunk
    finally:
        chunks.close()


def _file_blocks(path: Any, size: int) -> Generator[Any, None, None]:
    with open_file(path) as file:
        yield from _stream_blocks(file.read, size)


def _stream_blocks(read: Callable[[int], Any], size: int) -> Generator[Any, None, None]:
    while len(block := read_block(read, size)):
        yield block


def _single_block(block: object) -> Generator[Any, None, None]:
    yield block


def _iterable_blocks(iterable: Iterable[Any]) -> Generator[Any, None, None]:
    # A loop and not `yield from`, which would close the caller's generator together with this one.
    for block in iterable:
        yield block
