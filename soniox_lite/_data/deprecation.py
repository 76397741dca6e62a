"""Telling of spellings that the official SDK is about to give up; they all work here."""

from __future__ import annotations

import sys
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .records import Record


def warn_deprecated(message: str) -> None:
    """Warns of a spelling, at the line outside of this package that used it."""
    package = (__package__ or "").rpartition(".")[0]  # also where the package is vendored under another name
    level, frame = 1, sys._getframe()  # pyright: ignore[reportPrivateUsage] - documented, and in all versions
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(f"{package}."):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, DeprecationWarning, stacklevel=level)


def warn_of_fields(config: type[Record], options: Iterable[str], names: tuple[str, ...]) -> None:
    """Warns of options that belong into the call and not into its configuration.

    Args:
        config: The class of the configuration.
        options: The names of all that is set there.
        names: Those that should not be.
    """
    misplaced = [name for name in names if name in options]
    if misplaced:
        warn_deprecated(
            f"{', '.join(misplaced)} in {config.__name__}: the official SDK is going to take this as an argument "
            "of the call only"
        )
