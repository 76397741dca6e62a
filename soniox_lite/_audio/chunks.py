"""Audio from any source in chunks of one length.

A source is read as *blocks* of any length, and :class:`Rechunker` turns blocks into chunks. Files opened here are
closed here, also when the generator is closed early. Files opened by the caller stay open.
"""

from __future__ import annotations

import os

from .._data.input_files import normalize_file
from .._data.json_values import kind_of
from .._data.rules import FieldErrors
from ..errors import SonioxValidationError, file_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Generator, Iterable
    from typing import Any, BinaryIO, Protocol

    from typing_extensions import Buffer

    class BinaryReader(Protocol):
        """A binary file object: only ``read`` is used."""

        def read(self, size: int, /) -> Buffer:
            """The next bytes, at most ``size``; empty at the end."""
            ...

    class AsyncBinaryReader(Protocol):
        """A binary file object whose ``read`` is a coroutine function."""

        def read(self, size: int, /) -> Awaitable[Buffer]:
            """The next bytes, at most ``size``; empty at the end."""
            ...

    FileInput = str | os.PathLike[str] | Buffer | BinaryReader
    AudioInput = FileInput | Iterable[Buffer]
    AsyncAudioInput = AudioInput | AsyncBinaryReader | AsyncIterable[Buffer]

# 1 GiB; a larger value is probably a typing error.
_MAX_CHUNK_BYTES = 1 << 30


def stream_audio(file: AudioInput, *, chunk_size_bytes: int = 4096) -> Generator[bytes, None, None]:
    """Audio in chunks of one length; only the last may be shorter.

    A file is opened with the first chunk, and closed with the last or when the generator is closed.

    Args:
        file: Path, bytes-like, binary file object, or iterable of bytes-like.
        chunk_size_bytes: Length of a chunk, 1 byte to 1 GiB.

    Raises:
        SonioxValidationError: An argument is not valid. With the first chunk or later: the file cannot be opened or
            read, or it returns something other than bytes.
    """
    check_numbers(chunk_size_bytes)
    return rechunked(blocks_of(file, chunk_size_bytes), chunk_size_bytes)


def stream_audio_async(file: AsyncAudioInput, *, chunk_size_bytes: int = 4096) -> AsyncGenerator[bytes, None]:
    """As :func:`stream_audio`, for asyncio. Files and iterables other than lists are read on a worker thread.

    Args:
        file: Path, bytes-like, binary file object, also with a coroutine function ``read``, or iterable of bytes-like,
            also an async one.
        chunk_size_bytes: Length of a chunk, 1 byte to 1 GiB.

    Raises:
        SonioxValidationError: An argument is not valid. With the first chunk or later: the file cannot be opened or
            read, or it returns something other than bytes.
    """
    from . import chunks_async  # noqa: PLC0415 - it imports asyncio, which the sync client does not need

    check_numbers(chunk_size_bytes)
    return chunks_async.rechunked(chunks_async.blocks_of(file, chunk_size_bytes), chunk_size_bytes)


def check_numbers(chunk_size_bytes: object, delay_seconds: object = 0.0) -> None:
    """Checks the length of a chunk and the delay between two.

    Raises:
        SonioxValidationError: The length is not from 1 byte to 1 GiB, or the delay not from 0 to a day.
    """
    with FieldErrors("the streaming of audio") as check:
        if check.required("chunk_size_bytes", chunk_size_bytes):
            check.integer("chunk_size_bytes", chunk_size_bytes, minimum=1, maximum=_MAX_CHUNK_BYTES)
        if check.required("delay_seconds", delay_seconds):
            check.seconds("delay_seconds", delay_seconds, positive=False)


class Rechunker:
    """Turns blocks of any length into chunks of ``size`` bytes; only the last chunk may be shorter."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._pending = bytearray()

    def feed(self, block: object) -> Generator[bytes, None, None]:
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
            # Copied, because the source may reuse its buffer for the next block.
            yield bytes(view[start : start + self._size])
            start += self._size
        self._pending += view[start:]

    def rest(self) -> bytes:
        """The last, shorter chunk; may be empty."""
        return bytes(self._pending)


def check_block(block: object) -> memoryview:
    """The bytes of a block.

    Raises:
        SonioxValidationError: It is not bytes-like.
    """
    try:
        view = memoryview(block)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    except TypeError:
        if block is None:
            # read() of a non-blocking file without data.
            problem = "has no data yet: a blocking stream is needed"
        elif isinstance(block, str):
            problem = "is text: bytes or a stream opened in binary mode is needed"
        else:
            problem = f"gave {kind_of(block)} instead of bytes"
        raise SonioxValidationError(f"the audio {problem}") from None
    # Arrays of samples are taken as their bytes.
    return view if view.ndim == 1 and view.itemsize == 1 and view.c_contiguous else memoryview(view.tobytes())


def blocks_of(source: Any, size: int) -> Generator[Any, None, None]:
    """The content of a source in unchecked blocks, read on demand.

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
    raise source_error(source, hint)


def source_error(source: object, hint: str = "") -> SonioxValidationError:
    """The error for an object that is no audio source."""
    got = hint or f", got {kind_of(source)}"
    return SonioxValidationError(f"file must be a path, bytes, a binary stream or an iterable of bytes{got}")


def as_path_or_none(source: object) -> str | bytes | os.PathLike[Any] | None:
    """The source if it is a path. Bytes are audio, not a path."""
    return source if isinstance(source, (str, os.PathLike)) else None  # pyright: ignore[reportUnknownVariableType]


def is_bytes_like(source: object) -> bool:
    """Whether an object has a buffer."""
    try:
        memoryview(source)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    except TypeError:
        return False
    return True


def open_file(path: Any) -> BinaryIO:
    """The file at a path, open for reading.

    Raises:
        SonioxInvalidFileError: It cannot be opened.
    """
    return normalize_file(path)[0]


def read_block(read: Callable[[int], Any], size: int) -> memoryview:
    """The next bytes of a file, empty at its end.

    Raises:
        SonioxInvalidFileError: It cannot be read.
        SonioxValidationError: It returned something other than bytes.
    """
    try:
        block = read(size)
    except (OSError, ValueError) as error:
        raise read_error(error) from error
    return check_block(block)


def read_error(error: Exception) -> SonioxValidationError:
    """The error for a file that cannot be read."""
    return file_error(f"the audio cannot be read: {error}", error)


def rechunked(blocks: Generator[Any, None, None], size: int) -> Generator[bytes, None, None]:
    """Chunks of ``size`` bytes; the last one may be shorter."""
    rechunker = Rechunker(size)
    try:
        for block in blocks:
            yield from rechunker.feed(block)
        rest = rechunker.rest()
        if rest:
            yield rest
    finally:
        # Closes the file now, not when the garbage collector runs.
        blocks.close()


def _file_blocks(path: Any, size: int) -> Generator[Any, None, None]:
    with open_file(path) as file:
        yield from _stream_blocks(file.read, size)


def _stream_blocks(read: Callable[[int], Any], size: int) -> Generator[Any, None, None]:
    while len(block := read_block(read, size)):
        yield block


def _single_block(block: object) -> Generator[Any, None, None]:
    yield block


def _iterable_blocks(iterable: Iterable[Any]) -> Generator[Any, None, None]:
    # Not `yield from`, which would close the caller's generator together with this one.
    for block in iterable:
        yield block
