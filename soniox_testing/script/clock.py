"""The clock of one fake: monotonic seconds, and wall time that is derived from them."""

from __future__ import annotations

import contextlib
import threading
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Protocol

from ..unfrozen import time

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_LOOK_AGAIN_SEC = 0.02
_MAX_SETTLE_SEC = 10.0


class Follower(Protocol):
    """A component with timers."""

    def settle(self) -> None:
        """Returns when all timers that are due have fired."""
        ...


class VirtualClock:
    """Monotonic seconds that stand still until ``advance`` is called: ``FakeSoniox(clock=VirtualClock())``.

    May be used from any thread, and by several fakes.

    Args:
        now_sec: Its first reading.
    """

    def __init__(self, now_sec: float = 0.0) -> None:
        self._now_sec = now_sec
        self._lock = threading.Lock()
        self._followers: list[Follower] = []

    def __call__(self) -> float:
        """The seconds that the clock reads."""
        return self._now_sec

    def advance(self, seconds: float) -> None:
        """Moves the time. Returns when every timer that became due has fired.

        Messages that clients sent before the call are processed before the time moves, so they count as sent in time.

        Args:
            seconds: How far; not negative.

        Raises:
            ValueError: ``seconds`` is negative.
        """
        if seconds < 0:
            raise ValueError(f"a clock cannot go back by {-seconds} s")
        self._settle()
        with self._lock:
            self._now_sec += seconds
        self._settle()

    def _settle(self) -> None:
        with self._lock:
            followers = tuple(self._followers)
        for follower in followers:
            follower.settle()

    @contextlib.contextmanager
    def followed_by(self, follower: Follower) -> Generator[None, None, None]:
        """Within it, ``advance`` waits for this follower."""
        with self._lock:
            self._followers.append(follower)
        try:
            yield
        finally:
            with self._lock:
                self._followers.remove(follower)


def iso_time(moment: datetime) -> str:
    """A wall time in UTC as the API writes it: ISO-8601 with milliseconds and ``Z``."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Clock:
    """Time of a fake: a monotonic source, from which wall time is derived.

    So in a test that drives the source, timestamps agree with the ages of jobs.

    Args:
        monotonic: The source.
        started_at: The wall time at the source's present reading; None: the real time.
        speed: Seconds of this clock for each second of the source.
    """

    def __init__(self, monotonic: Callable[[], float], started_at: datetime | None, speed: float = 1.0) -> None:
        self._monotonic = monotonic
        self._speed = speed
        self._origin_sec = monotonic()
        self._origin_wall = (started_at or datetime.now(timezone.utc)).astimezone(timezone.utc)

    def now_sec(self) -> float:
        """Seconds since this clock was made."""
        return (self._monotonic() - self._origin_sec) * self._speed

    def timestamp(self, *, later_sec: float = 0.0) -> str:
        """Wall time as the API writes it: ISO-8601 in UTC with milliseconds and ``Z``.

        Args:
            later_sec: Seconds to add to the present moment.
        """
        return iso_time(self.wall(self.now_sec() + later_sec))

    def wall(self, moment_sec: float | None = None) -> datetime:
        """The wall time in UTC that belongs to a moment of this clock; None: to the present one."""
        return self._origin_wall + timedelta(seconds=self.now_sec() if moment_sec is None else moment_sec)

    def wait_sec(self, deadline_sec: float | None) -> float | None:
        """The longest real time to sleep before this clock must be read again, in seconds.

        Args:
            deadline_sec: The moment of this clock that is waited for; None: none.

        Returns:
            None: no limit, because there is no deadline, or because ``followed_by`` reports when the clock moves.
        """
        if deadline_sec is None or isinstance(self._monotonic, VirtualClock):
            return None
        # Rounded up a little: a wait that ends just before its moment would be repeated.
        left_sec = max(0.0, (deadline_sec - self.now_sec()) / self._speed + 0.0005)
        # The test's own source may jump at any time; a built-in one cannot.
        is_built_in = type(self._monotonic) is type(time.monotonic)
        return left_sec if is_built_in else min(left_sec, _LOOK_AGAIN_SEC)

    @contextlib.contextmanager
    def alarm(self, stopping: threading.Event) -> Generator[Alarm, None, None]:
        """Within it, a thread can wait for moments of this clock.

        Args:
            stopping: Ends every wait.
        """
        alarm = Alarm(self, stopping)
        with self.followed_by(alarm):
            try:
                yield alarm
            finally:
                alarm.settled.set()

    def followed_by(self, follower: Follower) -> contextlib.AbstractContextManager[None]:
        """Within it, a test that moves the clock waits for this follower."""
        source = self._monotonic
        return source.followed_by(follower) if isinstance(source, VirtualClock) else contextlib.nullcontext()


class Alarm:
    """Waits for moments of a clock in one thread, while other threads may move the clock."""

    def __init__(self, clock: Clock, stopping: threading.Event) -> None:
        self._clock = clock
        self._stopping = stopping
        self._moved = threading.Event()
        self.settled: threading.Event = threading.Event()
        """Set while the thread waits for the clock to move."""

    def settle(self) -> None:
        """Returns when the thread waits for a moment in the future."""
        self.settled.clear()
        self._moved.set()
        self.settled.wait(_MAX_SETTLE_SEC)

    def wait_until(self, moment_sec: float, unless: Callable[[], bool] = lambda: False) -> None:
        """Returns at that moment of the clock, or soon after the server began to stop, or ``unless`` says so."""
        while self._clock.now_sec() < moment_sec and not self._stopping.is_set() and not unless():
            self._moved.clear()
            if self._clock.now_sec() >= moment_sec:
                return
            self.settled.set()
            wait_sec = self._clock.wait_sec(moment_sec)
            # In steps, since ``stopping`` is another event.
            self._moved.wait(_LOOK_AGAIN_SEC if wait_sec is None else min(wait_sec, _LOOK_AGAIN_SEC))
