"""Names that callers give: a misspelt one is refused with the nearest one."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


def check_names(what: str, given: Iterable[str], known: Collection[str]) -> None:
    """Refuses unknown names.

    Raises:
        TypeError: There is one; the message has the nearest known name, or else all known names.
    """
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            instead = f"did you mean {near[0]}?" if near else f"it has {', '.join(sorted(known))}"
            raise TypeError(f"{what} has no {name}; {instead}")


def texts_of(what: str, given: str | Iterable[str]) -> tuple[str, ...]:
    """Several texts, or one.

    Raises:
        TypeError: Something in it is no text. The message does not have it: it may be a key.
    """
    texts = (given,) if isinstance(given, str) else tuple(given)
    if not all(isinstance(text, str) for text in cast("tuple[object, ...]", texts)):
        raise TypeError(f"{what} takes texts")
    return texts
