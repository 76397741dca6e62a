"""Windows of time in queries."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from .fields import Fields

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True)
class Window:
    """A window of time in UTC, without its end."""

    start: datetime
    end: datetime
    """The first moment after it."""

    @property
    def length(self) -> timedelta:
        """From start to end."""
        return self.end - self.start


class WindowQuery:
    """A query with ``start_time`` and ``end_time``; errors of both together are at ``query.payload``.

    Args:
        request: With the query.
    """

    def __init__(self, request: Request) -> None:
        self.fields: Fields = Fields(request.args.to_dict(), "query")

    def window(self) -> Window:
        """The window.

        Raises:
            ApiError: Something was noted, a time is missing or is none, or the end is not after the start.
        """
        start, end = self._moment("start_time"), self._moment("end_time")
        self.fields.check()
        if start is None or end is None:  # not possible after the check; for type checkers
            raise AssertionError
        if end <= start:
            self.refuse("end_time must be after start_time.")
        return Window(start, end)

    def refuse(self, message: str) -> None:
        """Raises ApiError for the query as a whole."""
        fields = Fields({}, "query.payload")
        fields.note("value_error", "", message)
        fields.check()

    def _moment(self, name: str) -> datetime | None:
        text = self.fields.string(name, required=True)
        if text is None:
            return None
        moment = _moment_of(text)
        if moment is None:
            self.fields.note("value_error", name, "must be an ISO 8601 timestamp in UTC, such as 2026-04-28T09:00:00Z")
        return moment


def _moment_of(text: str) -> datetime | None:
    """The moment of an ISO-8601 text with a time zone; None: the text is not valid."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    seconds, fraction, zone = match.groups()
    # Before Python 3.11, fromisoformat refuses Z, and fractions that do not have 3 or 6 digits.
    text = f"{seconds}.{(fraction or '').ljust(6, '0')[:6]}{'+00:00' if zone == 'Z' else zone}"
    try:
        return datetime.fromisoformat(text).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None
