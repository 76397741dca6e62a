"""What ``_audio`` does, for tasks: whatever may block runs on a worker thread. Loaded with the first async call."""

from __future__ import annotations

import inspect
import os
import stat
from asyncio import CancelledError, ensure_future, get_running_loop, shield, to_thread

from .._data.clock import time
from .._data.loop_timers import sleep
from .chunks import Cutter, as_path_or_none, check_block, is_bytes_like, no_source, open_file, unreadable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
    from typing import Any, BinaryIO

__all__ = ["blocks_of", "cut", "pace"]

# A trip to a worker thread costs more than reading 4 KiB, so that files are read ahead.
_READ_AHEAD_BYTES = 64 * 1024


def blocks_of(source: Any, size: int) -> AsyncGenerator[Any, None]:
    """The content of a source in blocks; not checked yet, and not read before it is asked for.

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
    # Before __aiter__, which gives lines where a stream has both.
    if callable(getattr(source, "read", None)):
        return _stream_blocks(source.read, size)
    if is_bytes_like(source):
        return _blocks_at_hand([source])
    if hasattr(source, "__aiter__"):
        return _async_iterable_blocks(source)
    if hasattr(source, "__iter__"):
        is_at_hand = isinstance(source, (list, tuple))
        return _blocks_at_hand(source) if is_at_hand else _iterable_blocks(source)  # pyright: ignore[reportUnknownArgumentType]
    raise no_source(source)


async def cut(blocks: AsyncGenerator[Any, None], size: int) -> AsyncGenerator[bytes, None]:
    """Chunks of ``size`` bytes; the last one may be shorter."""
    cutter = Cutter(size)
    try:
        async for block in blocks:
            for chunk in cutter.cut(block):
                yield chunk
        rest = cutter.rest()
        if rest:
            yield rest
    finally:
        await blocks.aclose()


async def pace(chunks: AsyncGenerator[bytes, None], delay_seconds: float) -> AsyncGenerator[bytes, None]:
    """As the sync one: chunk number ``k`` not before ``k * delay_seconds`` after the first was asked for."""
    try:
        start = time.monotonic()
        number = 0
        async for chunk in chunks:
            due = start + number * delay_seconds
            remaining = due - time.monotonic()
            if remaining > 0:
                await sleep(remaining)
            yield chunk
            number += 1
    finally:
        await chunks.aclose()


async def _file_blocks(path: Any, size: int) -> AsyncGenerator[Any, None]:
    opening = ensure_future(to_thread(open_file, path))
    try:
        file = await shield(opening)
    except CancelledError:
        # The thread opens it all the same, and then nobody would close it.
        opening.add_done_callback(_close_opened)
        raise
    is_cancelled = False
    try:
        # A pipe's bytes are wanted when they come, not when there are 64 KiB of them.
        is_regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
        ahead = max(size, _READ_AHEAD_BYTES) if is_regular else size
        while len(block := await _read(file.read, ahead)):
            yield block
    except CancelledError:
        is_cancelled = True
        raise
    finally:
        if is_cancelled:
            # A thread may still be reading and hold the file's lock, which must not be waited for here.
            get_running_loop().run_in_executor(None, file.close)
        else:
            file.close()


def _close_opened(opening: Task[BinaryIO]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


async def _stream_blocks(read: Callable[[int], Any], size: int) -> AsyncGenerator[Any, None]:
    # A file of the caller's is read no further than asked, since the caller may go on with it.
    while len(block := await _read(read, size)):
        yield block


async def _read(read: Callable[[int], Any], size: int) -> memoryview:
    try:
        block = await (read(size) if inspect.iscoroutinefunction(read) else to_thread(read, size))
        if inspect.isawaitable(block):
            block = await block
    except (OSError, ValueError) as error:
        raise unreadable(error) from error
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
