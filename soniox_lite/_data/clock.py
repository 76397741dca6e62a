"""The ``time`` module as the interpreter made it: deadlines, pauses and pings go by it whatever a test has replaced.

Tools that freeze time for a test put functions of their own into ``time``, and into each module that has imported some.
With those no deadline is ever reached; and some tell the real time to one caller and the frozen one to another. So this
is a copy of the module, with functions of its own. What asks for the date goes on to use the module that is frozen.
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
    # Pauses are not frozen, and are others where eventlet or gevent has replaced them.
    time.sleep = _time.sleep


def is_frozen() -> bool:
    """Whether the monotonic clock is replaced at the moment, so that an event loop's timers may never be due."""
    return type(_time.monotonic) is not type(time.monotonic)
