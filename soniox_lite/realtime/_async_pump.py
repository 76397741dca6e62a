"""As ``_pump.py``, with tasks."""

from __future__ import annotations

import asyncio
import weakref
from functools import partial

from .._data.loop_timers import now
from .._websocket.async_queues import is_woken, wake

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any


class AsyncSteps:
    """As :class:`Steps`: tasks do not interrupt each other in a step, which does not wait."""

    def run(self, step: Callable[..., Any], *args: Any) -> Any:
        """As :meth:`Steps.run`."""
        return step(*args)

    def put_off(self, action: Callable[[], object]) -> bool:
        """As :meth:`Steps.put_off`."""
        del action
        return False


class AsyncPump:
    """As :class:`Pump`, with a task."""

    # The event loop has only weak references to its tasks.
    _tasks: set[asyncio.Task[None]] = set()  # noqa: RUF012 - of all pumps

    def __init__(self, step: Callable[[], Awaitable[float | None]]) -> None:
        self._step = weakref.WeakMethod(step)
        self._task: asyncio.Task[None] | None = None
        self._alarm: asyncio.Future[bool] | None = None
        self._is_asked_again = False

    def start(self) -> None:
        """As :meth:`Pump.start`."""
        self._is_asked_again = True
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())
            self._tasks.add(self._task)
            self._task.add_done_callback(self._tasks.discard)
        self.wake()

    def wake(self) -> None:
        """As :meth:`Pump.wake`. Any thread may call it when nothing refers to the owner any more."""
        alarm = self._alarm
        if alarm is not None and not alarm.get_loop().is_closed():
            alarm.get_loop().call_soon_threadsafe(partial(wake, alarm))

    async def stop(self) -> None:
        """As :meth:`Pump.stop`."""
        self.wake()
        task = self._task
        if task is not None and task.get_loop().is_closed():
            # Its loop was closed, so that the task never runs again.
            self._tasks.discard(task)
        elif task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.wait({task})

    async def _run(self) -> None:
        try:
            while True:
                self._is_asked_again = False
                self._alarm = asyncio.get_running_loop().create_future()
                step = self._step()
                pause_sec = None if step is None else await step()
                del step
                if pause_sec is not None:
                    await (is_woken(self._alarm, pause_sec) if pause_sec > 0 else asyncio.sleep(0))
                elif not self._is_asked_again or self._step() is None:
                    return
        finally:
            self._task = self._alarm = None


class AsyncNews:
    """As :class:`News`, for tasks."""

    def __init__(self) -> None:
        self._watchers: list[asyncio.Future[bool]] = []

    def tell(self) -> None:
        """As :meth:`News.tell`."""
        if self._watchers:
            for watcher in self._watchers:
                wake(watcher)
            self._watchers.clear()

    async def wait(self, timeout_sec: float, is_so: Callable[[], bool]) -> bool:
        """As :meth:`News.wait`."""
        loop = asyncio.get_running_loop()
        deadline = now(loop) + timeout_sec
        while not is_so() and (remaining := deadline - now(loop)) > 0:
            watcher: asyncio.Future[bool] = loop.create_future()
            self._watchers.append(watcher)
            await is_woken(watcher, remaining)
        return is_so()
