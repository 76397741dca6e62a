"""Times and days: ISO 8601 text in JSON, ``datetime`` in UTC and ``date`` in records."""

from __future__ import annotations

from datetime import date, datetime, timezone

from .json_values import MismatchError, json_kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Larger numbers are milliseconds: as seconds, they would be later than the year 2600.
_LARGEST_SECONDS = 20_000_000_000


def parse_datetime(text: str) -> datetime:
    """An aware datetime in UTC from ISO 8601 text with any number of fraction digits. Text without an offset is UTC.

    Raises:
        ValueError: ``text`` is not an ISO 8601 time.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = _parse_by_parts(text)
    if time.tzinfo is timezone.utc:
        return time
    if time.tzinfo is None:
        return time.replace(tzinfo=timezone.utc)
    return time.astimezone(timezone.utc)


def _parse_by_parts(text: str) -> datetime:
    """As ``fromisoformat`` of Python 3.11. That of 3.10 takes no ``Z``, and only three or six fraction digits."""
    if text.endswith(("Z", "z")):
        text = text[:-1] + "+00:00"
    whole, dot, rest = text.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    if not dot or not digits:
        return datetime.fromisoformat(text)
    return datetime.fromisoformat(f"{whole}.{digits[:6]:0<6}{rest[len(digits) :]}")


def format_datetime(time: datetime) -> str:
    """ISO 8601 text in UTC with ``Z``, as the service writes it."""
    return time.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def to_text(time: date) -> str:
    """ISO 8601 text of a datetime (in UTC) or of a date."""
    return format_datetime(time) if isinstance(time, datetime) else time.isoformat()


def convert_datetime(value: Any) -> datetime:
    """The datetime for ISO 8601 text; an aware datetime is returned unchanged, and a date is its midnight in UTC.

    A datetime without a time zone is in UTC, as text without an offset is. A number is seconds since 1970,
    or milliseconds if it is larger than 20,000,000,000.

    Raises:
        MismatchError: ``value`` is none of them.
    """
    try:
        if type(value) is str:
            return parse_datetime(value)
        if isinstance(value, datetime):
            return value if value.tzinfo is not None else value.replace(tzinfo=timezone.utc)
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
        if type(value) in (int, float):
            seconds = value / 1000 if abs(value) > _LARGEST_SECONDS else value
            return datetime.fromtimestamp(seconds, timezone.utc)
    except (ValueError, OverflowError, OSError):
        kind = "text" if isinstance(value, str) else "number"
        raise MismatchError("must be an ISO 8601 time", f"other {kind}") from None
    raise MismatchError("must be an ISO 8601 time", json_kind(value))


def convert_date(value: Any) -> date:
    """The date for ISO 8601 text; a date is returned unchanged.

    Raises:
        MismatchError: ``value`` is neither.
    """
    if type(value) is date:
        return value
    if type(value) is not str:
        raise MismatchError("must be a string", json_kind(value))
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise MismatchError("must be an ISO 8601 date", "other text") from None
