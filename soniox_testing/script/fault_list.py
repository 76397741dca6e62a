"""The faults of one fake, and the one place where they are matched.

A request, a request for a WebSocket, and a session that starts each look once, and get the effect of the first fault
that fits.
"""

from __future__ import annotations

import difflib
import itertools
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from ..wire.operations import STT, TTS
from .effects import HttpEffect
from .session_faults import SessionFault, StreamEffect

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from types import TracebackType

    from typing_extensions import Self

    from .clock import Clock

_MOST_LISTED = 100

Effect: TypeAlias = HttpEffect | SessionFault
_EffectT = TypeVar("_EffectT", HttpEffect, SessionFault)


@dataclass(eq=False)
class Fault:
    """Something that goes wrong, from when it was added until it is used up or removed.

    Also a context manager, which removes it at the end. May be used from any thread.
    """

    id: str
    """Such as ``fault-1``, for ``faults.remove``."""
    effect: Effect
    """What it does."""
    operation: str | None
    """Where: the name of an operation, ``stt`` or ``tts``; None: everywhere it can."""
    times: int | None
    """How often it happens before it is used up; None: for ever."""
    probability: float
    """Of happening, each time it could; 0 to 1."""
    _faults: FaultList = field(repr=False)
    _random: random.Random = field(repr=False)
    _until_sec: float | None = field(default=None, repr=False)
    _uses: int = field(default=0, repr=False)

    def description(self) -> str:
        """This fault in words, for messages."""
        times = "" if self.times is None else f", {self._uses} of {self.times} times"
        return f"{self.effect} on {self.operation or 'anything'}{times}"

    @property
    def hits(self) -> int:
        """How often it happened; of a fault later in a session: how many sessions it was meant for."""
        return self._uses

    def remove(self) -> None:
        """Removes it; does nothing when it is used up or was removed."""
        self._faults.remove(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()

    def is_due(self, now_sec: float) -> bool:
        """Whether its time has not passed yet."""
        return self._until_sec is None or now_sec < self._until_sec

    def applies(self, operation: str | None, now_sec: float) -> bool:
        """Whether it happens to this operation now; if so, that is counted. The caller holds the lock."""
        if self.operation not in {None, operation} or not self.is_due(now_sec):
            return False
        if self.times is not None and self._uses >= self.times:
            return False
        # Drawn only where it could happen, so that other requests do not change what a seed decides.
        if self.probability < 1 and self._random.random() >= self.probability:
            return False
        self._uses += 1
        return True


class FaultList:
    """Faults in the order in which they were added. May be used from any thread.

    Args:
        lock: Of the fake's state; reentrant.
        clock: Of the fake.
        operations: The names of the REST operations.
        clear_others: Removes the scripted failures that are not in this list; called with the lock.
    """

    def __init__(
        self,
        lock: AbstractContextManager[object],
        clock: Clock,
        operations: frozenset[str],
        clear_others: Callable[[], object],
    ) -> None:
        self._lock = lock
        self._clock = clock
        self._operations = operations
        self._clear_others = clear_others
        self._faults: list[Fault] = []
        self._offline: list[Fault] = []
        self._wakes: list[Callable[[], None]] = []
        self._ids = (f"fault-{number}" for number in itertools.count(1))

    def add(
        self,
        effect: Effect,
        *,
        operation: str | None = None,
        times: int | None = None,
        probability: float = 1.0,
        seed: int = 0,
    ) -> Fault:
        """Adds a fault; see ``Faults`` for the arguments.

        Raises:
            ValueError: The effect cannot happen to the operation, or a number is out of bounds.
        """
        possible = self._possible_operations(effect)
        if operation is not None and operation not in possible:
            near = difflib.get_close_matches(operation, possible, 1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(f"operation must be one of {', '.join(sorted(possible))}, not {operation!r}{meant}")
        if times is not None and times < 1:
            raise ValueError(f"a fault cannot happen {times} times")
        if not 0 <= probability <= 1:
            raise ValueError(f"probability must be from 0 to 1, not {probability}")
        with self._lock:
            chance = random.Random(seed)  # noqa: S311 - repeatable
            fault = Fault(next(self._ids), effect, operation, times, probability, self, chance)
            if len(self._faults) >= _MOST_LISTED:
                # Those that are used up are forgotten: the list is gone through for every request.
                self._faults = list(self.pending)
            self._faults.append(fault)
        return fault

    def _possible_operations(self, effect: Effect) -> frozenset[str]:
        if isinstance(effect, SessionFault):
            return frozenset({TTS} if isinstance(effect.effect, StreamEffect) else {STT, TTS})
        return self._operations | {STT, TTS} if effect.fits_upgrade else self._operations

    def add_offline(self, effect: HttpEffect, until_sec: float | None) -> Fault:
        """Adds a fault that happens to everything, and breaks all connections now.

        Args:
            effect: What happens to requests.
            until_sec: When it ends, on the fake's clock; None: when it is removed.
        """
        with self._lock:
            fault = Fault(next(self._ids), effect, None, None, 1.0, self, random.Random(0), until_sec)  # noqa: S311
            # Before all others: they cannot happen to a server that cannot be reached.
            self._faults.insert(0, fault)
            self._offline.append(fault)
            wakes = tuple(self._wakes)
        for wake in wakes:
            wake()
        return fault

    def clear(self) -> None:
        """Removes all faults, and what ``fail_next_voice`` has added."""
        with self._lock:
            self._faults.clear()
            self._offline.clear()
            self._clear_others()

    @property
    def pending(self) -> tuple[Fault, ...]:
        """The faults that are not used up, in their order."""
        with self._lock:
            return tuple(fault for fault in self._faults if fault.times is None or fault.hits < fault.times)

    def remove(self, fault: Fault | str) -> None:
        """Removes a fault, as its own ``remove`` does.

        Args:
            fault: The fault or its ``id``.

        Raises:
            KeyError: No fault has this id, or it was removed before.
        """
        with self._lock:
            if isinstance(fault, str):
                known = {listed.id: listed for listed in self._faults}
                if fault not in known:
                    raise KeyError(f"there is no fault {fault!r}; there are {', '.join(known) or 'none'}")
                fault = known[fault]
            for faults in (self._faults, self._offline):
                if fault in faults:
                    faults.remove(fault)

    def take_for_request(self, operation: str | None) -> HttpEffect | None:
        """The effect on a REST request that arrives now; None: there is none.

        Args:
            operation: Its name; None: it has none.
        """
        return self._take(HttpEffect, operation, lambda _: True)  # type: ignore[type-abstract] # for isinstance

    def take_for_upgrade(self, operation: str) -> HttpEffect | None:
        """The effect on a request for a WebSocket that arrives now; None: there is none."""
        return self._take(HttpEffect, operation, lambda effect: effect.fits_upgrade)  # type: ignore[type-abstract] # for isinstance

    def take_for_session(self, operation: str) -> SessionFault | None:
        """The fault of a session that starts now; None: there is none."""
        return self._take(SessionFault, operation, lambda _: True)

    def _take(self, kind: type[_EffectT], operation: str | None, fits: Callable[[_EffectT], bool]) -> _EffectT | None:
        with self._lock:
            now_sec = self._clock.now_sec()
            for fault in self._faults:
                effect = fault.effect
                if isinstance(effect, kind) and fits(effect) and fault.applies(operation, now_sec):
                    return effect
        return None

    def is_offline(self) -> bool:
        """Whether the server cannot be reached."""
        with self._lock:
            now_sec = self._clock.now_sec()
            return any(fault.is_due(now_sec) for fault in self._offline)

    def watch(self, wake: Callable[[], None]) -> None:
        """Calls ``wake`` when the server goes offline, until ``unwatch``."""
        with self._lock:
            self._wakes.append(wake)

    def unwatch(self, wake: Callable[[], None]) -> None:
        """Ends ``watch``."""
        with self._lock:
            self._wakes.remove(wake)
