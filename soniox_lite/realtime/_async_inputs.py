"""Iterating over what a program gives an async session to send, without blocking the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from contextvars import copy_context
from queue import SimpleQueue

from .._data.json_values import is_buffer
from .._websocket.async_queues import settle
from ..errors import SonioxRealtimeError
from ._inputs import chunks_of, texts_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator
    from typing import Any

_END: Any = object()


def async_chunks_of(chunks: Any) -> AsyncGenerator[bytes, None]:
    """The chunks of an async or plain iterable; bytes are one chunk."""
    return _items_of(chunks, chunks_of)


def async_texts_of(chunks: Any) -> AsyncGenerator[str, None]:
    """The texts of an async or plain iterable."""
    return _items_of(chunks, texts_of)


async def _items_of(items: Any, plainly: Callable[[Any], Iterator[Any]]) -> AsyncGenerator[Any, None]:
    if hasattr(items, "__aiter__"):
        async for item in items:
            yield item
    elif isinstance(items, (list, tuple, str)) or is_buffer(items) or not hasattr(items, "__iter__"):
        for item in plainly(items):
            yield item
    else:
        # The iterator may block for each item, such as one that keeps a pace or reads a microphone.
        async with contextlib.aclosing(_from_thread(plainly(items))) as given:
            async for item in given:
                yield item


async def _from_thread(items: Iterator[Any]) -> AsyncGenerator[Any, None]:
    """The items of an iterator that may block; a thread of its own gets each one when it is needed."""
    wanted: SimpleQueue[asyncio.Future[Any] | None] = SimpleQueue()
    loop = asyncio.get_running_loop()
    thread = threading.Thread(
        target=copy_context().run, args=(_give, items, wanted), name="soniox-lite chunks", daemon=True
    )
    try:
        thread.start()
    except RuntimeError as error:
        raise SonioxRealtimeError(f"no thread can be started to iterate over what is sent: {error}") from error
    try:
        while True:
            answer: asyncio.Future[Any] = loop.create_future()
            wanted.put(answer)
            item = await answer
            if item is _END:
                return
            yield item
    finally:
        wanted.put(None)


def _give(items: Iterator[Any], wanted: SimpleQueue[asyncio.Future[Any] | None]) -> None:
    while (answer := wanted.get()) is not None:
        item = error = None
        try:
            item = next(items, _END)
        except BaseException as raised:  # noqa: BLE001 - raised in the task
            error = raised
        try:
            answer.get_loop().call_soon_threadsafe(settle, answer, item, error)
        except RuntimeError:
            return  # The loop was closed meanwhile.
