"""What a session with ``resume`` does in the background, with threads: steps in order, a pump, and news."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# How long a pump that was told to stop may take; it only ever needs to be scheduled.
JOIN_SEC = 5.0


class Steps:
    """Runs steps one at a time. No step may wait.

    A signal handler may ask for one while its own thread is in the middle of another. It runs after that.
    """

    def __init__(self) -> None:
        self._order = threading.RLock()
        self._is_inside = False
        # What signal handlers have asked for, with the ids of their threads.
        self._later: deque[tuple[int, Callable[[], object]]] = deque()

    def run(self, step: Callable[..., Any], *args: Any) -> Any:
        """The result of ``step(*args)``; None where it runs later."""
        try:
            with self._order:
                if self._is_inside:
                    self._later.append((threading.get_ident(), partial(self.run, step, *args)))
                    return None
                self._is_inside = True
                try:
                    return step(*args)
                finally:
                    self._is_inside = False
        finally:
            if self._later:
                self._catch_up()

    def put_off(self, action: Callable[[], object]) -> bool:
        """Whether the caller is a signal handler that interrupted a step of its thread; the action follows it."""
        if not self._is_interrupting():
            return False
        self._later.append((threading.get_ident(), action))
        return True

    def _is_interrupting(self) -> bool:
        with self._order:
            return self._is_inside

    def _catch_up(self) -> None:
        me = threading.get_ident()
        while self._later and self._later[0][0] == me and not self._is_interrupting():
            self._later.popleft()[1]()


class Pump:
    """A thread that makes one step after the other, for as long as there is something to do.

    It refers to the owner of the step weakly, so that an owner which a program has dropped is collected.
    """

    def __init__(self, step: Callable[[], float | None]) -> None:
        """A pump that stands still.

        Args:
            step: A method; returns the seconds to wait before the next step, None when there is nothing more to do.
        """
        self._step = weakref.WeakMethod(step)
        self._lock = threading.Lock()
        self._alarm = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_asked_again = False

    def start(self) -> None:
        """Starts the thread, or ends its pause between two steps if it runs already."""
        with self._lock:
            self._is_asked_again = True
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="soniox-lite resume", daemon=True)
                thread.start()
                self._thread = thread
        self._alarm.set()

    def wake(self) -> None:
        """Ends the pause between two steps."""
        self._alarm.set()

    def stop(self) -> None:
        """Waits for the end of a pump that has nothing more to do, unless the pump itself calls this."""
        self.wake()
        with self._lock:
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(JOIN_SEC)

    def _run(self) -> None:
        while True:
            self._alarm.clear()
            with self._lock:
                self._is_asked_again = False
            step = self._step()
            pause_sec = None if step is None else step()
            del step
            if pause_sec is not None:
                if pause_sec > 0:
                    self._alarm.wait(min(pause_sec, threading.TIMEOUT_MAX))
                continue
            with self._lock:
                if not self._is_asked_again or self._step() is None:
                    self._thread = None
                    return


class News:
    """Lets threads wait until a condition is true."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watchers = 0

    def tell(self) -> None:
        """Wakes all waiting threads, which check their conditions again."""
        if self._watchers:
            with self._changed:
                self._changed.notify_all()

    def wait(self, timeout_sec: float, is_so: Callable[[], bool]) -> bool:
        """Whether the condition is true, after waiting at most this long for it."""
        with self._changed:
            self._watchers += 1
            try:
                return bool(self._changed.wait_for(is_so, min(timeout_sec, threading.TIMEOUT_MAX)))
            finally:
                self._watchers -= 1
