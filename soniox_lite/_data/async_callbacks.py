"""As ``_callbacks.py``, for functions that may be coroutine functions: what they return is awaited."""

from __future__ import annotations

import asyncio

from .callbacks import Handlers, check_callback as check_sync_callback, is_awaitable, log_failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any


def check_callback(name: str, function: object) -> None:
    """Checks that a callback can be called.

    Raises:
        SonioxValidationError: It cannot.
    """
    check_sync_callback(name, function, is_awaited=True)


async def settled(_name: str, outcome: Any) -> Any:
    """What a callback returned; the result of awaiting it if that is an awaitable."""
    return await outcome if is_awaitable(outcome) else outcome


class AsyncHandlers(Handlers):
    """As :class:`Handlers`, called in the event loop; an awaitable that one returns becomes a task."""

    def __init__(self) -> None:
        super().__init__()
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, event_type: str, handler: Callable[[Any], object], *, once: bool = False) -> None:
        """As :meth:`Handlers.add`."""
        check_callback("handler", handler)
        self._handlers.append((event_type, handler, once))

    def _finish(self, event_type: str, outcome: Any) -> None:
        if is_awaitable(outcome):
            task = asyncio.get_running_loop().create_task(_logged(event_type, outcome))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def wait(self, timeout_sec: float) -> None:  # type: ignore[override]
        """Waits until the tasks of handlers have ended, except the task that calls this."""
        if not self._tasks:
            return  # Also where there is no loop, as in a forked child.
        tasks = self._tasks - {asyncio.current_task()}
        if tasks:
            await asyncio.wait(tasks, timeout=timeout_sec)


async def _logged(event_type: str, outcome: Awaitable[object]) -> None:
    try:
        await outcome
    except Exception:  # noqa: BLE001 - as for one that is not awaited
        log_failure(event_type)
