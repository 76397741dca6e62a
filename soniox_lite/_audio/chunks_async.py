"""As ``chunks``, for asyncio: blocking reads run on a worker thread."""

from __future__ import annotations

import inspect
import os
import stat
from asyncio import CancelledError, ensure_future, get_running_loop, shield, to_thread

from .chunks import Rechunker, as_path_or_none, check_block, is_bytes_like, open_file, read_error, source_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
    from typing import Any, BinaryIO

# Switching to a worker thread costs more than reading 4 KiB, so files are read ahead.
_READ_AHEAD_BYTES = 64 * 1024


def blocks_of(source: Any, size: int) -> AsyncGenerator[Any, None]:
    """The content of a source in unchecked blocks, read on demand.

    Args:
        source: A path, bytes-like, a binary file object whose ``read`` may be a coroutine function, or an iterable or
            async iterable of bytes-like.
        size: How much to read from a stream at a time.

    Raises:
        SonioxValidationError: It is none of these.
    """
    path = as_path_or_none(source)
    if path is not None:
        return _file_blocks(path, size)
    # Checked before __aiter__: iterating over a stream gives lines.
    if callable(getattr(source, "read", None)):
        return _stream_blocks(source.read, size)
    if is_bytes_like(source):
        return _blocks_at_hand([source])
    if hasattr(source, "__aiter__"):
        return _async_iterable_blocks(source)
    if hasattr(source, "__iter__"):
        is_at_hand = isinstance(source, (list, tuple))
        return _blocks_at_hand(source) if is_at_hand else _iterable_blocks(source)  # pyright: ignore[reportUnknownArgumentType]
    raise source_error(source)


async def rechunked(blocks: AsyncGenerator[Any, None], size: int) -> AsyncGenerator[bytes, None]:
    """Chunks of ``size`` bytes; the last one may be shorter."""
    rechunker = Rechunker(size)
    try:
        async for block in blocks:
            for chunk in rechunker.feed(block):
                yield chunk
        rest = rechunker.rest()
        if rest:
            yield rest
    finally:
        await blocks.aclose()


async def _file_blocks(path: Any, size: int) -> AsyncGenerator[Any, None]:
    opening = ensure_future(to_thread(open_file, path))
    try:
        file = await shield(opening)
    except CancelledError:
        # The thread still opens the file; close it afterwards.
        opening.add_done_callback(_close_opened)
        raise
    is_cancelled = False
    try:
        # Reading ahead from a pipe would delay its first bytes until 64 KiB are there.
        is_regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
        ahead = max(size, _READ_AHEAD_BYTES) if is_regular else size
        while len(block := await _read(file.read, ahead)):
            yield block
    except CancelledError:
        is_cancelled = True
        raise
    finally:
        if is_cancelled:
            # A thread may still be reading and hold the file's lock, which must not block the event loop.
            get_running_loop().run_in_executor(None, file.close)
        else:
            file.close()


def _close_opened(opening: Task[BinaryIO]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


async def _stream_blocks(read: Callable[[int], Any], size: int) -> AsyncGenerator[Any, None]:
    # No reading ahead: the caller may continue to read its file afterwards.
    while len(block := await _read(read, size)):
        yield block


async def _read(read: Callable[[int], Any], size: int) -> memoryview:
    try:
        block = await (read(size) if inspect.iscoroutinefunction(read) else to_thread(read, size))
        if inspect.isawaitable(block):
            block = await block
    except (OSError, ValueError) as error:
        raise read_error(error) from error
    return check_block(block)


async def _blocks_at_hand(blocks: Iterable[Any]) -> AsyncGenerator[Any, None]:
    for block in blocks:
        yield block


async def _async_iterable_blocks(iterable: AsyncIterable[Any]) -> AsyncGenerator[Any, None]:
    async for block in iterable:
        yield block


async def _iterable_blocks(iterable: Iterable[Any]) -> AsyncGenerator[Any, None]:
    iterator = iter(iterable)
    end = object()
    while (block := await to_thread(next, iterator, end)) is not end:
        yield block
