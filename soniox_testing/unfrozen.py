"""The ``time`` module as the interpreter made it, whatever a test has replaced in the one that it sees.

A test that freezes time would otherwise freeze the server too, so that jobs never complete and waits never end. This is
a copy of the module, with functions of its own. Wall time is frozen with the test: the fake's timestamps begin there.
"""

from __future__ import annotations

import time as _time
from typing import TYPE_CHECKING

__all__ = ["time"]

if TYPE_CHECKING:
    import time
else:
    time = _time.__spec__.loader.create_module(_time.__spec__)
    _time.__spec__.loader.exec_module(time)
    # Pauses are not frozen, and are others where eventlet or gevent has replaced them.
    time.sleep = _time.sleep
