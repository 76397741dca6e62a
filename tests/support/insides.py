"""What can be seen of a package from outside: its objects, and where its threads are."""

from __future__ import annotations

import gc
import sys
import time
from typing import Any

_DEADLINE_SEC = 60.0


def living(kind: type) -> list[Any]:
    """The instances of a class that nothing has thrown away yet."""
    return [thing for thing in gc.get_objects() if type(thing) is kind]


def wait_until(condition: Any) -> None:
    """Looks until it is so, with a deadline: for other threads' states, which have no event to wait for."""
    deadline = time.monotonic() + _DEADLINE_SEC
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


def until_inside(function: str, folder: str) -> None:
    """Waits until some thread is in a function of this name, in a file below this folder of the client."""
    wait_until(lambda: any(_is_inside(frame, function, folder) for frame in sys._current_frames().values()))


def _is_inside(frame: Any, function: str, folder: str) -> bool:
    while frame is not None:
        if frame.f_code.co_name == function and f"/soniox_lite/{folder}/" in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    return False


class NewOnes:
    """The instances of some classes that are made after this, found when they are asked for."""

    def __init__(self, *kinds: type) -> None:
        self._kinds = kinds
        self._before = self._living()

    def all(self) -> list[Any]:
        """Those that live."""
        return [thing for thing in self._living() if all(thing is not other for other in self._before)]

    def _living(self) -> list[Any]:
        return [thing for kind in self._kinds for thing in living(kind)]
