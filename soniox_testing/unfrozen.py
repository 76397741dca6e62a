"""A second ``time`` module, which tests that freeze time do not patch.

Otherwise a frozen test would freeze the server too: jobs would not complete, and waits would not end. Only wall time is
frozen with the test: the fake's timestamps begin there.
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
    # Tests do not freeze sleep, but eventlet and gevent replace it, and their version must be used.
    time.sleep = _time.sleep
