# Generated from _async_polling.py by scripts/generate_sync: edit that file, not this one.
"""Polling until a resource of the service is done."""

from __future__ import annotations

from .._data.clock import time
from .._http.transport import pause
from ..errors import SonioxTimeoutError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from .._data.cancel_token import CancelToken

    ItemT = TypeVar("ItemT")

# Short jobs are done in a second or two, so the first polls follow each other quickly.
_FIRST_PAUSE_SEC = 0.25
_PAUSE_GROWTH = 1.5
_MIN_PAUSE_SEC = 0.01
# How many polls follow one another without a pause, if the service says so.
_MAX_AT_ONCE = 20
# How long the last poll may take after the time limit.
_LAST_POLL_SEC = 1.0


def poll(
    fetch: Callable[[float | None], tuple[ItemT, float | None]],
    is_done: Callable[[ItemT], bool],
    timeout_error: Callable[[ItemT | None], SonioxTimeoutError],
    *,
    interval_sec: float,
    timeout_sec: float | None,
    cancel: CancelToken | None,
) -> ItemT:
    """Fetches an item until it is done, with pauses that grow from 0.25 s to ``interval_sec``, and returns it.

    A pause is shorter if the service says so; without any pause only 20 times.

    Args:
        fetch: Fetches the item; takes the deadline of the call in seconds, or None for no deadline. It returns the item
            and, from ``Retry-After``, the seconds after which it may have changed; None if the service does not say.
        is_done: Whether the item is done.
        timeout_error: Makes the error for the time limit from the item that was fetched last, or from None.
        interval_sec: The longest pause between two polls.
        timeout_sec: How long to poll, in seconds; None for no limit. The last poll may exceed it by 1 s.
        cancel: What ends the pauses of a sync client; None without it.

    Raises:
        SonioxTimeoutError: The item was not done in time, or (without a time limit) a single poll timed out.
    """
    deadline = None if timeout_sec is None else time.monotonic() + timeout_sec
    delay = min(_FIRST_PAUSE_SEC, interval_sec)
    item: ItemT | None = None
    at_once = 0
    while True:
        remaining = None if deadline is None else deadline - time.monotonic()
        try:
            item, hint_sec = fetch(None if remaining is None else max(remaining, _LAST_POLL_SEC))
        except SonioxTimeoutError as error:
            if deadline is None or time.monotonic() < deadline:
                raise
            raise timeout_error(item) from error
        if is_done(item):
            return item
        if deadline is not None:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise timeout_error(item)
            delay = min(delay, remaining)
        if hint_sec == 0 and at_once < _MAX_AT_ONCE:
            at_once += 1
            continue
        pause(max(delay if hint_sec is None else min(delay, hint_sec), _MIN_PAUSE_SEC), cancel)
        delay = min(delay * _PAUSE_GROWTH, interval_sec)
