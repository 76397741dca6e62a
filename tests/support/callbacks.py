"""Functions that note what they are called with, of each kind that users write."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class AsyncCallable:
    """An object that is called like a coroutine function."""

    def __init__(self, note: Callable[..., object]) -> None:
        self._note = note

    async def __call__(self, *args: Any) -> None:
        await asyncio.sleep(0)
        self._note(*args)

    async def method(self, *args: Any) -> None:
        """One that is bound."""
        await self(*args)


def _wrapped(note: Callable[..., object]) -> Callable[..., Any]:
    @functools.wraps(note)
    def wrapper(*args: Any) -> Any:
        return AsyncCallable(note)(*args)

    return wrapper


# Those that can be told from plain ones before they are called.
RECOGNIZED: dict[str, Callable[[Any], Any]] = {
    "coroutine function": lambda note: AsyncCallable(note).method,
    "partial": lambda note: functools.partial(functools.partial(AsyncCallable(note).method)),
    "async __call__": AsyncCallable,
    "partial of one": lambda note: functools.partial(AsyncCallable(note)),
}
# And those that only show it by what they return.
ASYNC: dict[str, Callable[[Any], Any]] = {
    **RECOGNIZED,
    "lambda": lambda note: lambda *args: AsyncCallable(note).method(*args),
    "decorated": _wrapped,
    "gives a task": lambda note: lambda *args: asyncio.ensure_future(AsyncCallable(note).method(*args)),
}
