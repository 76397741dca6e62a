"""Log records that are no warnings. They cost next to nothing where a program does not use ``logging``.

A program that has not loaded ``logging`` has no handler that could take a record, so this module does not load it
either: it would take a cold process 5 ms.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DEBUG = 10
INFO = 20
WARNING = 30

# The package's own: ``soniox_lite``, or that of a copy in another project's tree.
_NAME = __name__.rpartition("._data")[0]


def log(level: int, text: str, *args: object) -> None:
    """Logs a line under the package's own name.

    Args:
        level: Of ``logging``.
        text: The message, with a ``%s`` for each of ``args``. It must hold no secret, and no text of a user.
        args: The values for them.
    """
    if is_logged(level):
        _logger().log(level, text, *args, stacklevel=2)


def is_logged(level: int) -> bool:
    """Whether the program's logging takes records of this level."""
    logger = _logger()
    return logger is not None and bool(logger.isEnabledFor(level))


def _logger() -> Any:
    # None also while another thread is loading it.
    get_logger = getattr(sys.modules.get("logging"), "getLogger", None)
    return None if get_logger is None else get_logger(_NAME)
