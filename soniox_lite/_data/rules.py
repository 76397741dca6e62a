"""Checking what the user gives before it is sent.

A payload opens a :class:`Problems`, states its rules one after the other, and all that is wrong is raised at once.
Values never reach a message, only their kind: a key pasted into the wrong field must not end up in a log.
"""

from __future__ import annotations

import math
import re

from ..errors import InvalidField, SonioxValidationError
from .json_values import kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TypeGuard, TypeVar

    from typing_extensions import Self

    from .records import Payload

    PayloadT = TypeVar("PayloadT", bound=Payload)

# Patterns are compiled when first used: a process that makes one request would pay 2 ms for those that it does not use.
# Written [^\s] in the service's schema; control characters and spaces would end the request line anyway.
_HTTP_URL = r"https?://[^\s/?#]+[^\s]*"
_LANGUAGE_CODE = r"[A-Za-z]{2}"
# RFC 9110, section 5.6.2: a header's name is a token.
_HEADER_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
# RFC 9110, section 5.5, without the obsolete bytes above ASCII, which would arrive as something else.
_HEADER_VALUE = r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?"
# A list may have a thousand invalid items; the message stays short enough to be read.
_MAX_LISTED = 10


def is_visible_ascii(text: str) -> bool:
    """Whether there is nothing in a text but ASCII characters that can be seen; also of an empty one."""
    return text.isascii() and text.isprintable() and " " not in text


def validation_error(subject: str, fields: list[InvalidField]) -> SonioxValidationError:
    """The error for a subject with invalid fields: ``errors`` has all of them, the message the first ten."""
    details = "; ".join(map(str, fields[:_MAX_LISTED]))
    if len(fields) > _MAX_LISTED:
        details += f"; and {len(fields) - _MAX_LISTED} more"
    return SonioxValidationError(f"{subject} is not valid: {details}", errors=fields)


class Problems:
    """Collects what is wrong with the fields of ``subject`` and raises it all on leaving the ``with`` block.

    Every check accepts None as "not given", except where it says otherwise.
    """

    def __init__(self, subject: object) -> None:
        self._subject = subject
        self._found: list[InvalidField] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exc_type: object, exc: object, traceback: object) -> None:
        if exc_type is None and self._found:
            name = self._subject if isinstance(self._subject, str) else type(self._subject).__name__
            raise validation_error(name, self._found)

    def add(self, field: str, rule: str, value: object) -> None:
        """Records that ``field`` breaks ``rule``."""
        self._found.append(InvalidField(field, rule, kind_of(value)))

    def required(self, field: str, value: object) -> bool:
        """Whether a value is given at all."""
        if value is None:
            self.add(field, "must be given", value)
        return value is not None

    def text(self, field: str, value: object, *, min_length: int = 0, max_length: int | None = None) -> bool:
        """A string within these lengths, counted in characters."""
        if value is None:
            return False
        if not isinstance(value, str):
            self.add(field, "must be a str", value)
        elif min_length == 1 and not value:
            self.add(field, "must not be empty", value)
        elif len(value) < min_length:
            self.add(field, f"must be at least {min_length} characters", value)
        elif max_length is not None and len(value) > max_length:
            self.add(field, f"must be at most {max_length} characters", value)
        elif not _is_encodable(value):
            self.add(field, "must be valid Unicode (it holds half of a surrogate pair)", value)
        else:
            return True
        return False

    def flag(self, field: str, value: object) -> None:
        """A bool."""
        if value is not None and not isinstance(value, bool):
            self.add(field, "must be a bool", value)

    def integer(self, field: str, value: object, *, minimum: int, maximum: int) -> None:
        """An int within bounds, both included."""
        if value is None:
            return
        if not isinstance(value, int) or isinstance(value, bool):
            self.add(field, "must be an int", value)
        elif not minimum <= value <= maximum:
            self.add(field, f"must be from {minimum} to {maximum}", value)

    def seconds(self, field: str, value: object, *, positive: bool = True, maximum: float = 86_400) -> None:
        """A finite number of seconds, more than zero (or zero too, if not ``positive``)."""
        if value is None:
            return
        if not _is_number(value):
            self.add(field, "must be a number of seconds", value)
        elif value < 0 or (positive and value == 0):
            self.add(field, "must be more than 0 seconds" if positive else "must not be negative", value)
        elif value > maximum:
            self.add(field, f"must be at most {maximum:g} seconds", value)

    def one_of(self, field: str, value: object, choices: Iterable[str] | Iterable[int]) -> None:
        """One of the given strings or ints."""
        allowed = tuple(choices)
        # 60.0 equals 60, but is written differently.
        if value is not None and not (isinstance(value, (str, int)) and value in allowed):
            self.add(field, f"must be one of {', '.join(map(repr, allowed))}", value)

    def http_url(self, field: str, value: object, *, max_length: int) -> None:
        """An http or https URL without white space."""
        if self.text(field, value, max_length=max_length) and not re.fullmatch(_HTTP_URL, str(value)):
            self.add(field, "must be an http:// or https:// URL without white space", value)

    def language(self, field: str, value: object) -> None:
        """A two-letter language code."""
        if value is not None and not (isinstance(value, str) and re.fullmatch(_LANGUAGE_CODE, value)):
            self.add(field, "must be a two-letter language code such as 'en'", value)

    def header_name(self, field: str, value: object, *, max_length: int = 256) -> None:
        """A name that an HTTP header may have."""
        if self.text(field, value, max_length=max_length) and not re.fullmatch(_HEADER_NAME, str(value)):
            self.add(field, "must be a header name: letters, digits and -_.~ but no spaces or colons", value)

    def header_value(self, field: str, value: object, *, max_length: int = 256) -> None:
        """A value that an HTTP header may have."""
        if self.text(field, value, max_length=max_length) and not re.fullmatch(_HEADER_VALUE, str(value)):
            self.add(field, "must be printable ASCII without white space at its ends", value)

    def array(self, field: str, value: object, *, max_items: int | None = None) -> list[Any]:
        """The items of a list or tuple; empty for None and where it is something else."""
        if value is None:
            return []
        if not isinstance(value, (list, tuple)):
            self.add(field, "must be a list", value)
            return []
        items: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType]
        if max_items is not None and len(items) > max_items:
            self.add(field, f"must have at most {max_items} items", items)
        return items

    def moment(self, field: str, value: Any) -> Any:
        """A time as ISO 8601 text: a string as it is, a datetime in UTC, a date as its first midnight (in UTC)."""
        if value is None or isinstance(value, str):
            self.text(field, value, min_length=1, max_length=64)
            return value
        from datetime import date, datetime, timezone  # noqa: PLC0415 - few have times to check

        from .times import format_datetime  # noqa: PLC0415 - as above

        if not isinstance(value, date):
            self.add(field, "must be a datetime, a date or ISO 8601 text", value)
            return value
        if not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
        if value.utcoffset() is None:
            self.add(field, "must have a time zone, as datetime.now(timezone.utc) has", value)
            return value
        try:
            return format_datetime(value)
        except OverflowError:
            self.add(field, "must be a time that UTC has, too", value)
            return value

    def page(self, limit: object, cursor: object, *, maximum: int = 1000) -> None:
        """The ``limit`` and the ``cursor`` of a page."""
        if self.required("limit", limit):
            self.integer("limit", limit, minimum=1, maximum=maximum)
        self.text("cursor", cursor)

    def nested(self, field: str, value: object, cls: type[PayloadT]) -> PayloadT | None:
        """The payload of this class that ``value`` is, or that a dict spells out; its problems become ours."""
        if value is None or isinstance(value, cls):
            return value
        try:
            return cls.from_dict(value)  # type: ignore[arg-type]
        except SonioxValidationError as error:
            for problem in error.errors:
                self._found.append(InvalidField(f"{field}.{problem.field}", problem.rule, problem.got))
            if not error.errors:
                self.add(field, f"must be a {cls.__name__} or a dict", value)
            return None


def check_waiting(prefix: str, interval_sec: float, timeout_sec: float | None) -> None:
    """Refuses times that cannot be waited for; before anything is sent that would have to be waited for.

    Raises:
        SonioxValidationError: The interval is missing, or one of the two is no number of seconds, negative or too long.
    """
    with Problems("the waiting") as check:
        if check.required(f"{prefix}interval_sec", interval_sec):
            check.seconds(f"{prefix}interval_sec", interval_sec, positive=False)
        check.seconds(f"{prefix}timeout_sec", timeout_sec, positive=False, maximum=31_536_000)


def require_id(name: str, value: object) -> str:
    """An id as one quoted path segment.

    An empty id would turn ``/files/{id}`` into the list of all files, and ``..`` would climb out of it.

    Raises:
        SonioxValidationError: ``value`` is not a string, is blank, is longer than 256 characters, or is a path.
    """
    if isinstance(value, str) and len(value) <= 256 and value.isascii() and value.replace("-", "").isalnum():
        return value  # As all ids of the service are.
    from urllib.parse import quote  # noqa: PLC0415 - loaded with the transport anyway

    with Problems(name) as check:
        if not isinstance(value, str):
            check.add(name, "must be a str", value)
        elif not value.strip() or value in {".", ".."}:
            check.add(name, "must be an id, not empty or a path", value)
        else:
            check.text(name, value, max_length=256)
    return quote(str(value), safe="")


def _is_number(value: object) -> TypeGuard[float]:
    if isinstance(value, float):
        return not math.isnan(value)
    # An int may be too large to be a float.
    return isinstance(value, int) and not isinstance(value, bool)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
