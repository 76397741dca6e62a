"""Callbacks of the user: checking them, and handling what they return.

The sync client refuses async functions. ``async_callbacks.py`` has the same names for the async client, which awaits
them.
"""

from __future__ import annotations

import functools

from ..errors import SonioxValidationError
from .json_values import kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from collections.abc import Callable
    from typing import Any

_REFUSED = "must not be a coroutine function: only async clients and async sessions await callbacks"


def is_async(function: object) -> bool:
    """Whether calling it certainly gives an awaitable: a coroutine function, also bound, or an async ``__call__``."""
    import inspect  # noqa: PLC0415 - only needed with callbacks

    while isinstance(function, functools.partial):
        function = function.func  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    own_call = None if isinstance(function, type) else getattr(function, "__call__", None)  # noqa: B004
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(own_call)


def broken_rule(function: object, *, is_awaited: bool) -> str | None:
    """The rule that a callback breaks, for :class:`InvalidField`; None if it is valid."""
    if not callable(function):
        return "must be callable"
    return None if is_awaited or not is_async(function) else _REFUSED


def check_callback(name: str, function: object, *, is_awaited: bool = False) -> None:
    """Checks that a callback can be called, and need not be awaited unless ``is_awaited``.

    Raises:
        SonioxValidationError: It is not valid.
    """
    rule = broken_rule(function, is_awaited=is_awaited)
    if rule is not None:
        raise SonioxValidationError(f"{name} {rule}, got {type(function).__name__}")


def is_awaitable(outcome: object) -> bool:
    """Whether a callback returned an awaitable."""
    if outcome is None:
        return False
    import inspect  # noqa: PLC0415 - as above

    return inspect.isawaitable(outcome)


def refuse_awaitable(name: str, outcome: Any) -> Any:
    """What a callback returned, after a check that it is no awaitable, which would never run.

    Raises:
        SonioxValidationError: It is not valid.
    """
    if is_awaitable(outcome):
        if callable(getattr(outcome, "close", None)):
            outcome.close()  # Prevents Python's own warning, which says less than this error.
        raise SonioxValidationError(f"{name} {_REFUSED}")
    return outcome


# The function of this name in async_callbacks.py awaits the outcome.
settled = refuse_awaitable


def check_event_type(event_type: object, known: tuple[str, ...]) -> None:
    """Refuses an event that does not exist.

    Raises:
        SonioxValidationError: There is no such event.
    """
    if event_type not in known:
        names = ", ".join(map(repr, known))
        raise SonioxValidationError(f"event_type must be one of {names}, got {kind_of(event_type)}")


class Handlers:
    """The event handlers of a session. Exceptions in them are logged."""

    def __init__(self) -> None:
        # Type of event, handler, whether it is called once only. Each change is one step, as any thread may make it.
        self._handlers: list[tuple[str, Callable[[Any], object], bool]] = []

    def add(self, event_type: str, handler: Callable[[Any], object], *, once: bool = False) -> None:
        """Adds a handler.

        Args:
            event_type: The event.
            handler: The function.
            once: Whether it is removed when it is called.

        Raises:
            SonioxValidationError: It cannot be called, or is async.
        """
        check_callback("handler", handler)
        self._handlers.append((event_type, handler, once))

    def remove(self, event_type: str, handler: object) -> None:
        """Removes a handler of an event, however often it was added; does nothing if it was not."""
        for entry in list(self._handlers):
            if entry[:2] == (event_type, handler):
                self._remove(entry)

    def _remove(self, entry: tuple[str, Callable[[Any], object], bool]) -> bool:
        """Removes an entry; returns whether it was there."""
        try:
            self._handlers.remove(entry)
        except ValueError:
            return False
        return True

    def has_any(self, event_types: frozenset[str]) -> bool:
        """Whether there is a handler of one of these events."""
        return any(entry[0] in event_types for entry in self._handlers)

    def call(self, event_type: str, payload: object) -> None:
        """Calls all handlers of an event."""
        for entry in list(self._handlers):
            wanted, handler, once = entry
            # Of two threads that come here at once, one calls it.
            if wanted == event_type and (not once or self._remove(entry)):
                try:
                    self._finish(event_type, handler(payload))
                except Exception:  # noqa: BLE001 - whatever it is, the session goes on
                    log_failure(event_type)

    def _finish(self, event_type: str, outcome: object) -> None:  # noqa: ARG002 - the async pair needs it
        settled("handler", outcome)

    def wait(self, timeout_sec: float) -> None:
        """Does nothing: handlers have returned."""


def logger() -> logging.Logger:
    """The logger under the package's own name: ``soniox_lite``, or that of a copy in another project's tree."""
    import logging  # noqa: PLC0415 - loaded only when something is logged

    return logging.getLogger(__name__.rpartition("._data")[0])


def log_failure(event_type: str) -> None:
    """Logs the exception that is being handled."""
    text = "a handler of a session's %r event failed"
    logger().error(text, event_type, exc_info=True)
