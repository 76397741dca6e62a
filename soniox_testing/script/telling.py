"""Records and values in the messages of failed assertions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .records import RequestRecord

MAX_SHOWN_TEXT = 200
_MAX_SHOWN = 20


def request_line(request: RequestRecord) -> str:
    """A request in one line."""
    # Escaped: a path may contain control characters of a terminal.
    return f"{request.method} {repr(request.path)[1:-1]} -> {request.status}"


def plain(value: Any) -> Any:
    """A value with tuples as lists, as JSON has them."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in cast("Sequence[Any]", value)]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in cast("Mapping[Any, Any]", value).items()}
    return value


def shown(value: object) -> str:
    """A value, cut if it is long."""
    text = repr(value)
    return text if len(text) <= MAX_SHOWN_TEXT else f"{text[:MAX_SHOWN_TEXT]}..."


def listed(title: str, lines: Sequence[str]) -> str:
    """A title and lines below it, of which the rest is counted."""
    more = [f"and {len(lines) - _MAX_SHOWN} more"] if len(lines) > _MAX_SHOWN else []
    shown = "".join(f"\n  {line}" for line in [*lines[:_MAX_SHOWN], *more])
    return f"{title}:{shown or ' none'}"
