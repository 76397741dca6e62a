"""Times and days: ISO 8601 text in JSON, ``datetime`` in UTC and ``date`` in records."""

from __future__ import annotations

from datetime import date, datetime, timezone

from .codec import MismatchError, check_list, json_kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def parse_datetime(text: str) -> datetime:
    """An aware time in UTC from ISO 8601 text with any number of fraction digits; without an offset it means UTC.

    Raises:
        ValueError: ``text`` is not such a time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = _parse_by_parts(text)
    if moment.tzinfo is timezone.utc:
        return moment
    if moment.tzinfo is None:
        return moment.replace(tzinfo=timezone.utc)
    return moment.astimezone(timezone.utc)


def _parse_by_parts(text: str) -> datetime:
    """As ``fromisoformat`` from Python 3.11 on: before, it takes no ``Z``, and only three or six fraction digits."""
    if text.endswith(("Z", "z")):
        text = text[:-1] + "+00:00"
    whole, dot, rest = text.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    if not dot or not digits:
        return datetime.fromisoformat(text)
    return datetime.fromisoformat(f"{whole}.{digits[:6]:0<6}{rest[len(digits) :]}")


def format_datetime(moment: datetime) -> str:
    """ISO 8601 text in UTC with ``Z``, as the service writes it."""
    return moment.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def to_text(moment: date) -> str:
    """The text of a time, or of a day, as JSON holds it."""
    return format_datetime(moment) if isinstance(moment, datetime) else moment.isoformat()


def convert_datetime(value: Any) -> datetime:
    """The time that a reply's field holds as text, or already is.

    Raises:
        MismatchError: It is none.
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
    """The days that a reply's field holds as texts, or already are.

    Raises:
        MismatchError: They are not a list of days.
    """
    days = check_list((str, date), value)
    for index, day in enumerate(days):
        try:
            days[index] = day if isinstance(day, date) else date.fromisoformat(day)
        except ValueError:
            raise MismatchError("must be an ISO 8601 date, is other text", f"[{index}]") from None
    return days
