"""What failed inside the fake, whatever the test thought of it, and the threads that did not end."""

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
"""How long a stop waits for the threads of a fake, all together."""
_MAX_SHOWN = 5


@dataclass(frozen=True)
class Failed:
    """Something that failed."""

    error: BaseException
    doing: str
    """What was being done, such as ``answering GET /v1/files``."""
    test: str = field(default_factory=lambda: os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0])
    """Which of pytest's tests was running; empty: none."""


class FakeSonioxError(RuntimeError):
    """The fake server itself failed, whatever the test thought of it.

    The message has the traceback of each failure, and what was being done.

    Args:
        failed: What failed inside the server, oldest first.
        who: Whose failure it is, in words.
    """

    def __init__(self, failed: Sequence[Failed], who: str = "the fake server") -> None:
        self.failures: tuple[BaseException, ...] = tuple(one.error for one in failed)
        """What was raised inside the server, oldest first."""
        # As text and not as the cause, which would hide the exception that a failing test has in flight.
        told = "".join(
            f"\nwhile {one.doing}{f', in {one.test}' if one.test else ''}:\n"
            + "".join(traceback.format_exception(one.error))
            for one in failed[:_MAX_SHOWN]
        )
        more = f"\nand {len(failed) - _MAX_SHOWN} more" if len(failed) > _MAX_SHOWN else ""
        super().__init__(f"{who} failed {len(failed)} time(s)\n{told}{more}")


def join(threads: Iterable[threading.Thread], deadline_sec: float | None = None) -> list[Failed]:
    """Waits for threads that have been told to end.

    Args:
        threads: Which.
        deadline_sec: Until when, by ``time.monotonic``; None: ``PATIENCE_SEC`` from now on.

    Returns:
        A failure for each that still runs, which says where it is.
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
