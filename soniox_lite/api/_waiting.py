# Generated from _async_waiting.py by scripts/generate_sync: edit that file, not this one.
"""Waiting for something at the service to end."""

from __future__ import annotations

from .._data.clock import time
from .._http.transport import sleep
from ..errors import SonioxTimeoutError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    ItemT = TypeVar("ItemT")

# What is short is done in a second or two, so the first looks come quickly.
_FIRST_POLL_SEC = 0.25
_POLL_GROWTH = 1.5
_MIN_POLL_SEC = 0.01
# What a look may still take when the time for waiting is up.
_LAST_LOOK_SEC = 1.0


def wait_until(
    look: Callable[[float | None], ItemT],
    has_ended: Callable[[ItemT], bool],
    late: Callable[[ItemT | None], SonioxTimeoutError],
    *,
    interval_sec: float,
    timeout_sec: float | None,
) -> ItemT:
    """What was waited for, once it has ended: looked at quickly at first and then less and less often.

    Args:
        look: Fetches it, within so many seconds if that is not None.
        has_ended: Whether the wait is over.
        late: The error for when it was not in time, from what was seen last; None for nothing.
        interval_sec: The longest time between two looks.
        timeout_sec: How long to wait; None for as long as it takes.

    Raises:
        SonioxTimeoutError: It had not ended in time.
    """
    deadline = None if timeout_sec is None else time.monotonic() + timeout_sec
    pause = min(_FIRST_POLL_SEC, interval_sec)
    item: ItemT | None = None
    while True:
        remaining = None if deadline is None else deadline - time.monotonic()
        try:
            item = look(None if remaining is None else max(remaining, _LAST_LOOK_SEC))
        except SonioxTimeoutError as error:
            if deadline is None or time.monotonic() < deadline:
                raise
            raise late(item) from error
        if has_ended(item):
            return item
        if deadline is not None:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise late(item)
            pause = min(pause, remaining)
        sleep(max(pause, _MIN_POLL_SEC))
        pause = min(pause * _POLL_GROWTH, interval_sec)
