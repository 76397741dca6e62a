"""Pauses and timers of an event loop, also where the clock that the loop goes by is frozen (see ``clock.py``)."""

from __future__ import annotations

import asyncio
import contextlib
import threading

from .clock import is_frozen, time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable
    from typing import Protocol

    class Timer(Protocol):
        """A call that is due later."""

        def cancel(self) -> None:
            """Cancels the call."""
            ...


__all__ = ["call_later", "now", "sleep"]


def now(loop: AbstractEventLoop) -> float:
    """Seconds as the loop's timers count them."""
    return time.monotonic() if is_frozen() else loop.time()


def call_later(loop: AbstractEventLoop, delay_sec: float, callback: Callable[[], object]) -> Timer:
    """As ``loop.call_later``."""
    if not is_frozen():
        return loop.call_later(delay_sec, callback)
    timer = threading.Timer(max(0.0, delay_sec), _call, (loop, callback))
    timer.daemon = True
    timer.start()
    return timer


async def sleep(delay_sec: float) -> None:
    """As ``asyncio.sleep``."""
    if not is_frozen():
        await asyncio.sleep(delay_sec)
        return
    loop = asyncio.get_running_loop()
    is_over = asyncio.Event()
    timer = call_later(loop, delay_sec, is_over.set)
    try:
        await is_over.wait()
    finally:
        timer.cancel()


def _call(loop: AbstractEventLoop, callback: Callable[[], object]) -> None:
    # The loop may be closed by now.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(callback)
