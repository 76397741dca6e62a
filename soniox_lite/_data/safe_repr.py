"""A ``__repr__`` for objects whose constructor may have failed."""

from __future__ import annotations

import functools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def safe_repr(show: Callable[[Any], str]) -> Callable[[Any], str]:
    """Decorates a ``__repr__`` that needs attributes which are missing when ``__init__`` has raised.

    Debuggers and test runners call ``repr`` on such objects.
    """

    @functools.wraps(show)
    def shown(self: object) -> str:
        try:
            return show(self)
        except AttributeError:
            return f"<{type(self).__name__}, not initialized>"

    return shown
