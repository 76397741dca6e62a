"""Rules for arguments and payloads, checked before anything is sent.

A payload opens a :class:`FieldErrors` and applies its rules one after the other; all violations are raised at once.
Messages have the types of invalid values, never the values: a key in the wrong field must not end up in a log.
"""

from __future__ import annotations

import math
import re

from ..errors import InvalidField, SonioxValidationError
from .json_values import MismatchError, kind_of, pairs_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence
    from typing import Any, TypeGuard, TypeVar

    from typing_extensions import Self

    from .records import Payload

    PayloadT = TypeVar("PayloadT", bound=Payload)

# Patterns are compiled on first use, which saves a process that makes one request 2 ms.
# As in the service's schema.
_HTTP_URL = r"https?://[^\s/?#]+[^\s]*"
_LANGUAGE_CODE = r"[A-Za-z]{2}"
# RFC 9110, section 5.6.2: a header's name is a token.
_HEADER_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
# RFC 9110, section 5.5, without the obsolete bytes above ASCII, whose encoding is not defined.
_HEADER_VALUE = r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?"
# A list may have a thousand invalid items; the message stays short enough to be read.
_MAX_LISTED = 10


def is_visible_ascii(text: str) -> bool:
    """Whether all characters are printable ASCII other than the space. True for an empty text."""
    return text.isascii() and text.isprintable() and " " not in text


def validation_error(subject: str, fields: list[InvalidField]) -> SonioxValidationError:
    """The error for a subject with invalid fields: ``errors`` has all of them, the message the first ten."""
    details = "; ".join(map(str, fields[:_MAX_LISTED]))
    if len(fields) > _MAX_LISTED:
        details += f"; and {len(fields) - _MAX_LISTED} more"
    return SonioxValidationError(f"{subject} is not valid: {details}", errors=fields)


class FieldErrors:
    """Collects the invalid fields of ``subject``; leaving the ``with`` block raises them as one error.

    Each rule returns the value to use: the given one, converted where the rule says so. It returns None where the value
    is None, which means "not given", and where the value is invalid. Only :meth:`required` takes None for an error.

    Of a payload, a value of another type is converted if it means one of the right type (see ``coercion.py``), and put
    into the payload. Arguments of functions are not converted.
    """

    def __init__(self, subject: object) -> None:
        self._subject = subject
        self._found: list[InvalidField] = []
        self._payload: Any = subject if hasattr(subject, "_is_payload") else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exc_type: object, exc: object, traceback: object) -> None:
        if exc_type is None and self._found:
            name = self._subject if isinstance(self._subject, str) else type(self._subject).__name__
            raise validation_error(name, self._found)

    def add(self, field: str, rule: str, value: object) -> None:
        """Records that ``field`` has an invalid value.

        Args:
            field: Its name, or a path such as ``terms[3]``.
            rule: The broken rule, as in "must not be empty".
            value: Only its type and length get into the error.
        """
        self._found.append(InvalidField(field, rule, kind_of(value)))

    def _add_number(self, field: str, rule: str, value: float) -> None:
        """Records a number outside of its bounds. It is shown, as no secret is a number where one is expected."""
        self._found.append(InvalidField(field, rule, f"{value}" if abs(value) < 1e15 else kind_of(value)))

    def required(self, field: str, value: object) -> bool:
        """Whether a value is given; records an error if it is None."""
        if value is None:
            self.add(field, "must be given", value)
        return value is not None

    def unknown(self, name: object, value: object, names: Sequence[str]) -> None:
        """Records that a payload has no field of this name, and which of its fields has a similar one."""
        from difflib import get_close_matches  # noqa: PLC0415 - only this error needs it

        printable = _printable(name)
        rule = f"is not a field of {type(self._subject).__name__}"
        if nearest := get_close_matches(printable, names, n=1):
            rule += f" (did you mean {nearest[0]}?)"
        elif not self._found:
            rule += f", which has {', '.join(name for name in names if name != 'extra')}"
        self.add(printable, rule, value)

    def unknown_fields(self, field: str, fields: object, names: Container[str]) -> None:
        """A dict of fields that this version does not know: values that JSON can express, under other names."""
        if not isinstance(fields, dict):
            self.add(field, "must be a dict", fields)
            return
        import json  # noqa: PLC0415 - only unknown fields need it

        for name, value in pairs_of(fields):
            path = f"{field}.{_printable(name)}"
            if not isinstance(name, str):
                self.add(path, "must have a str for its name", name)
            elif name in names:
                self.add(path, f"must be given as {name}, which is a field", value)
            try:
                json.dumps(value, allow_nan=False)
            except (TypeError, ValueError, RecursionError):
                self.add(path, "must be a value of JSON", value)

    def text(self, field: str, value: object, *, min_length: int = 0, max_length: int | None = None) -> str | None:
        """A string of valid Unicode within these lengths, in characters; the minimum is 0 or 1."""
        value = self._as(str, field, value)
        if value is None:
            return None
        if not isinstance(value, str):
            self.add(field, "must be a str", value)
        elif len(value) < min_length:
            self.add(field, "must not be empty", value)
        elif max_length is not None and len(value) > max_length:
            self.add(field, f"must be at most {max_length} characters", value)
        elif not _is_encodable(value):
            self.add(field, "must be valid Unicode (it holds half of a surrogate pair)", value)
        else:
            return value
        return None

    def boolean(self, field: str, value: object) -> bool | None:
        """A bool."""
        value = self._as(bool, field, value)
        if value is None or isinstance(value, bool):
            return value
        self.add(field, "must be a bool", value)
        return None

    def integer(self, field: str, value: object, *, minimum: int, maximum: float = math.inf) -> int | None:
        """An int within bounds, both included; not a bool."""
        value = self._as(int, field, value)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            self.add(field, "must be an int", value)
        elif self._is_within(field, value, minimum, maximum):
            return value
        return None

    def number(self, field: str, value: object, *, minimum: float, maximum: float = math.inf) -> float | None:
        """A number within bounds, both included; not a bool."""
        value = self._as(float, field, value)
        if value is None:
            return None
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            self.add(field, "must be a number", value)
        elif self._is_within(field, value, minimum, maximum):
            return value
        return None

    def _is_within(self, field: str, value: float, minimum: float, maximum: float) -> bool:
        if minimum <= value <= maximum:
            return True
        is_open = maximum == math.inf
        rule = f"must be at least {minimum}" if is_open else f"must be from {minimum} to {maximum}"
        self._add_number(field, rule, value)
        return False

    def seconds(self, field: str, value: object, *, positive: bool = True, maximum: float = 86_400) -> float | None:
        """A finite number of seconds, at most ``maximum``: more than 0, or also 0 if not ``positive``."""
        if value is None:
            return None
        if not _is_number(value):
            self.add(field, "must be a number of seconds", value)
        elif value < 0 or (positive and value == 0):
            self._add_number(field, "must be more than 0 seconds" if positive else "must not be negative", value)
        elif value > maximum:
            self._add_number(field, f"must be at most {maximum:g} seconds", value)
        else:
            return value
        return None

    def choice(self, field: str, value: object, choices: Iterable[str] | Iterable[int]) -> str | int | None:
        """One of the given strings or ints."""
        allowed = tuple(choices)
        value = self._as(type(allowed[0]), field, value)
        # 60.0 equals 60, but has another JSON text.
        if value is None or (isinstance(value, (str, int)) and value in allowed):
            return value
        self.add(field, f"must be one of {', '.join(map(repr, allowed))}", value)
        return None

    def http_url(self, field: str, value: object, *, max_length: int) -> str | None:
        """An http or https URL without white space, at most ``max_length`` characters."""
        return self._match(
            field, value, _HTTP_URL, "must be an http:// or https:// URL without white space", max_length
        )

    def language(self, field: str, value: object) -> str | None:
        """A two-letter language code."""
        value = self._as(str, field, value)
        if value is None or (isinstance(value, str) and re.fullmatch(_LANGUAGE_CODE, value)):
            return value
        self.add(field, "must be a two-letter language code such as 'en'", value)
        return None

    def header_name(self, field: str, value: object, *, max_length: int = 256) -> str | None:
        """The name of an HTTP header, at most ``max_length`` characters."""
        rule = "must be a header name: letters, digits and -_.~ but no spaces or colons"
        return self._match(field, value, _HEADER_NAME, rule, max_length)

    def header_value(self, field: str, value: object, *, max_length: int = 256) -> str | None:
        """The value of an HTTP header, at most ``max_length`` characters."""
        rule = "must be printable ASCII without white space at its ends"
        return self._match(field, value, _HEADER_VALUE, rule, max_length)

    def _match(self, field: str, value: object, pattern: str, rule: str, max_length: int) -> str | None:
        text = self.text(field, value, max_length=max_length)
        if text is None or re.fullmatch(pattern, text):
            return text
        self.add(field, rule, value)
        return None

    def array(self, field: str, value: object, *, max_items: int | None = None) -> list[Any] | None:
        """A list, tuple, set, iterator or view of a dict with at most ``max_items``, as a new list."""
        if value is None:
            return None
        items: list[Any]
        if isinstance(value, (list, tuple)):
            items = list(value)  # pyright: ignore[reportUnknownArgumentType]
        else:
            from .coercion import listed  # noqa: PLC0415 - most lists are lists

            try:
                items = listed(value)
            except MismatchError:
                self.add(field, "must be a list", value)
                return None
        if max_items is not None and len(items) > max_items:
            self.add(field, f"must have at most {max_items} items", items)
        self._put(field, items)
        return items

    def items(self, field: str, value: object, *, max_items: int | None = None) -> Iterator[tuple[str, Any]]:
        """The items of an :meth:`array`, each after its path. An item that is None is an error and is left out."""
        for index, item in enumerate(self.array(field, value, max_items=max_items) or ()):
            if self.required(f"{field}[{index}]", item):
                yield f"{field}[{index}]", item

    def timestamp(self, field: str, value: Any) -> str | None:
        """A point in time, as ISO 8601 text.

        A string is returned as it is, a datetime (which must have a time zone) in UTC, a date as its midnight in UTC.
        """
        if value is None or isinstance(value, str):
            return self.text(field, value, min_length=1, max_length=64)
        from datetime import date, datetime, timezone  # noqa: PLC0415 - few payloads have times

        from .times import format_datetime  # noqa: PLC0415 - as above

        if not isinstance(value, date):
            self.add(field, "must be a datetime, a date or ISO 8601 text", value)
            return None
        if not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
        if value.utcoffset() is None:
            self.add(field, "must have a time zone, as datetime.now(timezone.utc) has", value)
            return None
        try:
            text = format_datetime(value)
        except OverflowError:
            self.add(field, "must be a time that UTC has, too", value)
            return None
        self._put(field, text)
        return text

    def page(self, limit: object, cursor: object, *, maximum: int = 1000) -> None:
        """The ``limit`` (an int from 1 to ``maximum``) and the ``cursor`` (a string or None) of a page."""
        if self.required("limit", limit):
            self.integer("limit", limit, minimum=1, maximum=maximum)
        self.text("cursor", cursor)

    def record(self, field: str, value: object, cls: type[PayloadT]) -> PayloadT | None:
        """A ``cls``, or a dict of its fields, which is converted; invalid fields of the dict are recorded."""
        try:
            record = cls.of(value)
        except SonioxValidationError as error:
            for invalid in error.errors:
                self._found.append(InvalidField(f"{field}.{invalid.field}", invalid.rule, invalid.got))
            if not error.errors:
                self.add(field, f"must be a {cls.__name__} or a dict", value)
            return None
        if record is not value:
            self._put(field, record)
        return record

    def _as(self, kind: type, field: str, value: Any) -> Any:
        """The value of a payload's field as a ``kind``, if it means one; any other value as it is."""
        if value is None or type(value) is kind or self._payload is None:
            return value
        from .coercion import coerced  # noqa: PLC0415 - most values have the right type

        try:
            value = coerced(kind, value)
        except MismatchError:
            return value
        self._put(field, value)
        return value

    def _put(self, field: str, value: object) -> None:
        """Sets a field of the payload, or an item of it, as in ``terms[3]``."""
        if self._payload is None:
            return
        name, _, index = field.partition("[")
        if index:
            getattr(self._payload, name)[int(index[:-1])] = value
        else:
            setattr(self._payload, name, value)


def _is_number(value: object) -> TypeGuard[float]:
    if isinstance(value, float):
        return not math.isnan(value)
    # An int may be too large to be a float.
    return isinstance(value, int) and not isinstance(value, bool)


def _printable(name: object) -> str:
    """A name that is not a field, for a message: printable and at most 40 characters."""
    text = name if isinstance(name, str) else repr(name)
    text = "".join(character if character.isprintable() else "?" for character in text[:40])
    return text or "''"


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
