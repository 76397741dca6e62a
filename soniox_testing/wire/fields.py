"""Checks of JSON bodies. Errors are collected, so that a response lists all of them."""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, Any, cast

from .bodies import read_json_body
from .rest_errors import ValidationProblem, invalid_request

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from werkzeug.wrappers import Request

_HTTP_URL = re.compile(r"https?://[^\s]+")


class Fields:
    """The fields of one JSON object, read one by one.

    A field that is absent or null is unset. Each reader returns None for a field that is unset or wrong, and
    notes its errors; ``check`` then raises. Fields that are not read are ignored.
    """

    def __init__(self, values: dict[str, Any], location: str, problems: list[ValidationProblem] | None = None) -> None:
        self.values = values
        self.location = location
        self.problems: list[ValidationProblem] = [] if problems is None else problems

    @classmethod
    def of_body(cls, request: Request) -> Fields:
        """The fields of a request's JSON body.

        Raises:
            ApiError: The body is not a JSON object, or does not say that it is JSON.
        """
        location = "body.payload"
        # Some clients send JSON as text/plain, or without a Content-Type.
        known = request.mimetype in {"application/json", "text/plain", ""} or request.mimetype.endswith("+json")
        if not known:
            message = f"send a JSON body as application/json, not as {request.mimetype}"
            raise invalid_request(ValidationProblem("missing", location, message))
        try:
            values: object = json.loads(read_json_body(request))
        except OSError as error:
            raise invalid_request(ValidationProblem("value_error", location, str(error))) from error
        except (ValueError, RecursionError) as error:
            raise invalid_request(ValidationProblem("json_invalid", location, f"not JSON: {error}")) from error
        if not isinstance(values, dict):
            raise invalid_request(ValidationProblem("model_type", location, "the body must be a JSON object"))
        return cls(cast("dict[str, Any]", values), location)

    def note(self, error_type: str, name: str, message: str) -> None:
        """Notes an error; an empty name means the object as a whole."""
        location = f"{self.location}.{name}" if name else self.location
        self.problems.append(ValidationProblem(error_type, location, message))

    def check(self) -> None:
        """Raises ApiError if an error was noted."""
        if self.problems:
            raise invalid_request(*self.problems)

    def unset(self, name: str, *, required: bool = False) -> bool:
        """Whether a field is absent or null; notes an error if it is required."""
        if self.values.get(name) is not None:
            return False
        if required:
            self.note("missing", name, "Field required")
        return True

    def string(self, name: str, *, required: bool = False, max_length: int | None = None) -> str | None:
        """A text field."""
        if self.unset(name, required=required):
            return None
        value = self.values[name]
        if not isinstance(value, str):
            self.note("string_type", name, "must be a string")
        elif max_length is not None and len(value) > max_length:
            self.note("string_too_long", name, f"at most {max_length} characters, not {len(value)}")
        else:
            return value
        return None

    def url(self, name: str, *, max_length: int) -> str | None:
        """A text field that holds an HTTP address."""
        value = self.string(name, max_length=max_length)
        if value is not None and not _HTTP_URL.fullmatch(value):
            self.note("string_pattern_mismatch", name, "must be an http or https URL without white space")
            return None
        return value

    def identifier(self, name: str) -> str | None:
        """A text field that holds a UUID, in its usual spelling."""
        value = self.string(name)
        if value is None:
            return None
        try:
            return str(uuid.UUID(value))
        except ValueError:
            self.note("uuid_parsing", name, "must be a UUID")
            return None

    def choice(self, name: str, choices: Collection[str]) -> str | None:
        """A required text field with a fixed set of values."""
        value = self.string(name, required=True)
        if value is not None and value not in choices:
            self.note("enum", name, f"must be one of {', '.join(sorted(choices))}")
            return None
        return value

    def boolean(self, name: str) -> bool | None:
        """A field that is true or false."""
        if self.unset(name):
            return None
        value = self.values[name]
        if not isinstance(value, bool):
            self.note("bool_type", name, "must be true or false")
            return None
        return value

    def integer(self, name: str, *, required: bool = False, least: int, most: int) -> int | None:
        """A whole number between two bounds, both allowed."""
        if self.unset(name, required=required):
            return None
        value = self.values[name]
        if not isinstance(value, int) or isinstance(value, bool):
            self.note("int_type", name, "must be an integer")
        elif value < least:
            self.note("greater_than_equal", name, f"Input should be greater than or equal to {least}")
        elif value > most:
            self.note("less_than_equal", name, f"Input should be less than or equal to {most}")
        else:
            return value
        return None

    def number(self, name: str, *, least: float, most: float) -> float | None:
        """A number between two bounds, both allowed."""
        if self.unset(name):
            return None
        value = self.values[name]
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            self.note("float_type", name, "must be a number")
        elif not value >= least:
            self.note("greater_than_equal", name, f"Input should be greater than or equal to {least:g}")
        elif value > most:
            self.note("less_than_equal", name, f"Input should be less than or equal to {most:g}")
        else:
            return value
        return None

    def items(self, name: str, *, max_items: int | None = None) -> Sequence[Any] | None:
        """A list field, its items unchecked."""
        if self.unset(name):
            return None
        value = self.values[name]
        if not isinstance(value, list):
            self.note("list_type", name, "must be a list")
            return None
        listed = cast("Sequence[Any]", value)
        if max_items is not None and len(listed) > max_items:
            self.note("too_long", name, f"at most {max_items} items, not {len(listed)}")
            return None
        return listed

    def strings(self, name: str, *, max_items: int | None = None, max_length: int | None = None) -> list[str] | None:
        """A list of texts, without invalid ones."""
        listed = self.items(name, max_items=max_items)
        if listed is None:
            return None
        inner = Fields(
            {str(index): item for index, item in enumerate(listed)}, f"{self.location}.{name}", self.problems
        )
        texts = [inner.string(index, required=True, max_length=max_length) for index in inner.values]
        return [text for text in texts if text is not None]

    def objects(self, name: str) -> list[Fields]:
        """The fields of each object in a list; empty when the list is unset."""
        listed = self.items(name) or []
        inner = Fields(
            {str(index): item for index, item in enumerate(listed)}, f"{self.location}.{name}", self.problems
        )
        found = [inner.nested(index) for index in inner.values]
        return [fields for fields in found if fields is not None]

    def nested(self, name: str) -> Fields | None:
        """The fields of an object inside this one."""
        value = self.values.get(name)
        if isinstance(value, dict):
            return Fields(cast("dict[str, Any]", value), f"{self.location}.{name}", self.problems)
        self.note("model_type", name, "must be an object")
        return None
