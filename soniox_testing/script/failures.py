"""Internal errors of the fake, and threads that did not end."""

from __future__ import annotations

import os
import sys
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..unfrozen import time

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Sequence

PATIENCE_SEC = 1.5
"""Seconds that a stop waits for all threads of a fake together."""
_MAX_SHOWN = 5


@dataclass(frozen=True)
class Failed:
    """One internal error."""

    error: BaseException
    doing: str
    """What was being done, such as ``answering GET /v1/files``."""
    test: str = field(default_factory=lambda: os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0])
    """Which of pytest's tests was running; empty: none."""


class FakeSonioxError(RuntimeError):
    """Raised at stop if the fake had an internal error during the test.

    The message has the traceback of each error, and what was being done.

    Args:
        failed: The errors, oldest first.
        who: Names the failed server in the message.
    """

    def __init__(self, failed: Sequence[Failed], who: str = "the fake server") -> None:
        self.failures: tuple[BaseException, ...] = tuple(one.error for one in failed)
        """The exceptions inside the server, oldest first."""
        # In the text and not as the cause: a cause would hide the exception of a failing test.
        told = "".join(
            f"\nwhile {one.doing}{f', in {one.test}' if one.test else ''}:\n"
            + "".join(traceback.format_exception(one.error))
            for one in failed[:_MAX_SHOWN]
        )
        more = f"\nand {len(failed) - _MAX_SHOWN} more" if len(failed) > _MAX_SHOWN else ""
        super().__init__(f"{who} failed {len(failed)} time(s)\n{told}{more}")


def join(threads: Iterable[threading.Thread], deadline_sec: float | None = None) -> list[Failed]:
    """Waits for threads that were asked to end.

    Args:
        threads: The threads.
        deadline_sec: Until when, by ``time.monotonic``; None: ``PATIENCE_SEC`` from now on.

    Returns:
        A failure for each thread that still runs, with its stack.
    """
    deadline_sec = time.monotonic() + PATIENCE_SEC if deadline_sec is None else deadline_sec
    failed: list[Failed] = []
    for thread in threads:
        thread.join(max(0.0, deadline_sec - time.monotonic()))
        if thread.is_alive():
            frame = sys._current_frames().get(thread.ident or 0)  # pyright: ignore[reportPrivateUsage] - it is public
            where = "".join(traceback.format_stack(frame)) if frame else ""
            late = RuntimeError(f"{thread.name} still runs {PATIENCE_SEC:g} s after the stop, here:\n{where}")
            failed.append(Failed(late, "stopping"))
    return failed
