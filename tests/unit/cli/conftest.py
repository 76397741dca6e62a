from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _signals_are_not_ignored() -> Iterator[None]:
    """Lets commands start with SIGINT and SIGHUP not ignored, as they are in a script's background and under nohup.

    A new program ignores what its parent ignores. What its parent handles, it has the default for.
    """
    # Windows has no SIGHUP.
    numbers = {signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)}
    ignored = [number for number in numbers if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, lambda *_: None)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
