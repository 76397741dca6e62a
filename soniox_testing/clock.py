"""The clock of one fake: monotonic seconds, and the wall time that belongs to them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """Time as a fake sees it: only the monotonic source moves, wall time is derived from it.

    So a test that drives the source gets timestamps that agree with the ages the progress rule sees.
    """

    def __init__(self, monotonic: Callable[[], float], started_at: datetime | None) -> None:
        self._monotonic = monotonic
        self._origin_sec = monotonic()
        self._origin_wall = (started_at or datetime.now(timezone.utc)).astimezone(timezone.utc)

    def now_sec(self) -> float:
        """Seconds since this clock was made."""
        return self._monotonic() - self._origin_sec

    def timestamp(self, *, later_sec: float = 0.0) -> str:
        """Wall time as the API writes it: ISO-8601 in UTC with milliseconds and ``Z``.

        Args:
            later_sec: Seconds to add to the present moment.
        """
        moment = self._origin_wall + timedelta(seconds=self.now_sec() + later_sec)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
