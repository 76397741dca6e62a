"""A copy of the ``time`` module with the interpreter's own functions, for deadlines, pauses and pings.

Tools that freeze time in tests replace functions in ``time`` and in modules that have imported them. With a frozen
clock no deadline is ever reached, and some tools give the real time to one caller and the frozen time to another. Code
that needs the date uses the module ``time`` itself.
"""

from __future__ import annotations

import time as _time

__all__ = ["is_frozen", "time"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    import time
else:
    time = _time.__spec__.loader.create_module(_time.__spec__)
    _time.__spec__.loader.exec_module(time)
    # Tools do not freeze pauses. Where eventlet or gevent has replaced this function, theirs must be used.
    time.sleep = _time.sleep


def is_frozen() -> bool:
    """Whether the monotonic clock is replaced at the moment, so that an event loop's timers may never be due."""
    return type(_time.monotonic) is not type(time.monotonic)
