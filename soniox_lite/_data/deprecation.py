"""DeprecationWarnings for names and arguments that the official SDK will remove. All of them work here."""

from __future__ import annotations

import sys
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .records import Record


def warn_deprecated(message: str) -> None:
    """Issues a DeprecationWarning for the nearest caller outside of this package."""
    package = (__package__ or "").rpartition(".")[0]  # also where the package is vendored under another name
    level, frame = 1, sys._getframe()  # pyright: ignore[reportPrivateUsage] - documented, and in all versions
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(f"{package}."):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, DeprecationWarning, stacklevel=level)


def warn_of_fields(config: type[Record], options: Iterable[str], names: tuple[str, ...]) -> None:
    """Issues a DeprecationWarning for options that are to be arguments of the call, not fields of its configuration.

    Args:
        config: The class of the configuration.
        options: The names of the fields that are set in it.
        names: The names of the fields that should be arguments.
    """
    misplaced = [name for name in names if name in options]
    if misplaced:
        warn_deprecated(
            f"{', '.join(misplaced)} in {config.__name__}: the official SDK is going to take this as an argument "
            "of the call only"
        )
