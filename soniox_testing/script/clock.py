"""The clock of one fake: monotonic seconds, and wall time that is derived from them."""

from __future__ import annotations

import contextlib
import threading
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Protocol, TypeVar

from ..unfrozen import time
from .callbacks import check_plain
from .verbs import checked

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_Found = TypeVar("_Found")
_LOOK_AGAIN_SEC = 0.02
_MAX_STEP_SEC = 1e9
"""A wall time has a year below 10000."""
_MAX_SETTLE_SEC = 10.0
_REACTION_SEC = 0.005
_LOOK_SEC = 0.0005


def _check_step(seconds: float) -> None:
    if not 0 <= seconds <= _MAX_STEP_SEC:
        raise ValueError(f"a clock cannot be moved on by {seconds} s")


class Follower(Protocol):
    """A component with timers."""

    def settle(self) -> None:
        """Returns when all timers that are due have fired."""
        ...


class MovableClock:
    """Monotonic seconds of a source, which can be moved on. May be used from any thread, and by several fakes.

    Args:
        source: Its own seconds.
    """

    def __init__(self, source: Callable[[], float]) -> None:
        self.source = source
        self._moved_sec = 0.0
        self._lock = threading.Lock()
        self._followers: list[Follower] = []

    def __call__(self) -> float:
        """The seconds that the clock reads."""
        return self.source() + self._moved_sec

    def advance(self, seconds: float) -> None:
        """Moves the time. Returns when every timer that became due has fired.

        Messages that clients sent before the call are processed before the time moves, so they count as sent in time.

        Args:
            seconds: How far; not negative.

        Raises:
            ValueError: ``seconds`` is negative, above a thousand million, or no number.
        """
        _check_step(seconds)
        self._settle()
        with self._lock:
            self._moved_sec += seconds
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


class VirtualClock(MovableClock):
    """Monotonic seconds that stand still until ``advance`` is called: ``FakeSoniox(clock=VirtualClock())``.

    May be used from any thread, and by several fakes.

    Args:
        now_sec: Its first reading.
    """

    def __init__(self, now_sec: float = 0.0) -> None:
        super().__init__(lambda: now_sec)


def iso_time(moment: datetime) -> str:
    """A wall time in UTC as the API writes it: ISO-8601 with milliseconds and ``Z``."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Clock:
    """The time of a fake, ``fake.clock``: a monotonic source, from which wall time is derived.

    So timestamps agree with the ages of jobs. All seconds are the fake's, which ``speed`` may make shorter than real.

    Args:
        monotonic: The source.
        started_at: The wall time at the source's present reading; None: the real time.
        speed: Seconds of this clock for each second of the source.
    """

    def __init__(self, monotonic: Callable[[], float], started_at: datetime | None, speed: float = 1.0) -> None:
        self._source = monotonic if isinstance(monotonic, MovableClock) else MovableClock(monotonic)
        self._speed = speed
        self._origin_sec = self._source()
        self._origin_wall = (started_at or datetime.now(timezone.utc)).astimezone(timezone.utc)

    @property
    def stands_still(self) -> bool:
        """Whether it moves only by ``advance``, as a ``VirtualClock`` does."""
        return isinstance(self._source, VirtualClock)

    @checked
    def advance(self, seconds: float) -> None:
        """Moves the time on. Returns when every timer that became due has fired, and what it sends was sent.

        Messages that clients sent before the call are processed before the time moves, so they count as sent in time.
        Also moves all other fakes that were given the same ``VirtualClock``.

        Args:
            seconds: How far; not negative.

        Raises:
            ValueError: ``seconds`` is negative, above a thousand million, or no number.
        """
        _check_step(seconds)
        self._source.advance(seconds / self._speed)

    @checked
    def run_until(self, condition: Callable[[], _Found], *, within_sec: float = 600.0, step_sec: float = 1.0) -> _Found:
        """Moves the time on, step by step, until a condition holds.

        After each step, clients have a few real milliseconds to react. It blocks its thread: in a coroutine, use
        ``await asyncio.to_thread(fake.clock.run_until, condition)``.

        Args:
            condition: Called before the first step and after each.
            within_sec: How far to go at most.
            step_sec: Length of a step.

        Returns:
            What the condition returned when that was true.

        Raises:
            TimeoutError: It did not hold in time.
            ValueError: The condition is a coroutine function, or a time is not above 0.
        """
        check_plain("condition", condition)
        if not (within_sec > 0 and step_sec > 0):
            raise ValueError(f"within_sec and step_sec must be above 0, not {within_sec} and {step_sec}")
        last_sec = self.now_sec() + within_sec
        while not (found := condition()):
            left_sec = last_sec - self.now_sec()
            if left_sec <= 0:
                name = getattr(condition, "__qualname__", repr(condition))
                raise TimeoutError(f"{name} was still false after {within_sec:g} s of the fake's clock")
            self.advance(min(step_sec, left_sec))
            give_up_sec = time.monotonic() + _REACTION_SEC
            while time.monotonic() < give_up_sec and not condition():
                time.sleep(_LOOK_SEC)
        return found

    def now_sec(self) -> float:
        """Seconds since this clock was made."""
        return (self._source() - self._origin_sec) * self._speed

    def timestamp_of(self, moment_sec: float) -> str:
        """As ``timestamp``, of a moment of this clock."""
        return iso_time(self.wall(moment_sec))

    def timestamp(self, *, later_sec: float = 0.0) -> str:
        """Wall time as the API writes it: ISO-8601 in UTC with milliseconds and ``Z``.

        Args:
            later_sec: Seconds to add to the present moment.
        """
        return iso_time(self.wall(self.now_sec() + later_sec))

    def wall(self, moment_sec: float | None = None) -> datetime:
        """The wall time in UTC.

        Args:
            moment_sec: The moment of this clock that it belongs to, as ``now_sec`` gives it; None: the present one.
        """
        return self._origin_wall + timedelta(seconds=self.now_sec() if moment_sec is None else moment_sec)

    def moment_sec(self, wall: datetime) -> float:
        """The moment of this clock that belongs to a wall time."""
        return (wall - self._origin_wall).total_seconds()

    def wait_sec(self, deadline_sec: float | None) -> float | None:
        """The longest real time to sleep before this clock must be read again, in seconds.

        Args:
            deadline_sec: The moment of this clock that is waited for; None: none.

        Returns:
            None: no limit, because there is no deadline, or because ``followed_by`` reports when the clock moves.
        """
        if deadline_sec is None or self.stands_still:
            return None
        # Rounded up a little: a wait that ends just before its moment would be repeated.
        left_sec = max(0.0, (deadline_sec - self.now_sec()) / self._speed + 0.0005)
        # The test's own source may jump at any time; a built-in one cannot.
        is_built_in = type(self._source.source) is type(time.monotonic)
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
        """Within it, ``advance`` waits for this follower."""
        return self._source.followed_by(follower)


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
