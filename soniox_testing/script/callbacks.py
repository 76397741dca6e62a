"""Checks of the test's functions that the fake calls from its threads."""

from __future__ import annotations

import functools
import inspect


def check_plain(name: str, function: object) -> None:
    """Refuses a coroutine function: it would not be awaited.

    Raises:
        ValueError: The function is a coroutine function.
    """
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None)):  # noqa: B004
        raise ValueError(f"{name} must be a plain function, not a coroutine function: it is called from a thread")


def check_outcome(name: str, outcome: object) -> None:
    """Refuses an awaitable that a function returned.

    Raises:
        TypeError: The function returned an awaitable.
    """
    if inspect.isawaitable(outcome):
        if inspect.iscoroutine(outcome):
            outcome.close()
        raise TypeError(f"{name} must be a plain function; what it returned has to be awaited")
