"""Times and days: ISO 8601 text in JSON, ``datetime`` in UTC and ``date`` in records."""

from __future__ import annotations

from datetime import date, datetime, timezone

from .json_values import MismatchError, check_list, json_kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


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
    """The datetime for ISO 8601 text; a datetime is returned unchanged.

    Raises:
        MismatchError: ``value`` is neither.
    """
    if type(value) is str:
        try:
            return parse_datetime(value)
        except (ValueError, OverflowError):
            raise MismatchError("must be an ISO 8601 time, is other text") from None
    if isinstance(value, datetime):
        return value
    raise MismatchError(f"must be an ISO 8601 time, is {json_kind(value)}")


def convert_dates(value: Any) -> list[date]:
    """The dates for a list of ISO 8601 texts, which is changed in place; dates in it are left unchanged.

    Raises:
        MismatchError: ``value`` is not a list of dates and such texts.
    """
    days = check_list((str, date), value)
    for index, day in enumerate(days):
        try:
            days[index] = day if isinstance(day, date) else date.fromisoformat(day)
        except ValueError:
            raise MismatchError("must be an ISO 8601 date, is other text", f"[{index}]") from None
    return days
