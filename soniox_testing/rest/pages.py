"""Pagination of lists."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Protocol, TypeVar

from ..wire.fields import Fields
from ..wire.rest_errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from werkzeug.wrappers import Request


class _Numbered(Protocol):
    @property
    def number(self) -> int: ...


_Row = TypeVar("_Row", bound=_Numbered)


_MAX_LIMIT = 1000
_NUMBER = re.compile("[0-9]{1,18}")


def page_of(
    request: Request, family: str, rows: Iterable[_Row], *, default: int = _MAX_LIMIT, most: int = _MAX_LIMIT
) -> tuple[list[_Row], str | None]:
    """The rows a list request asks for, and the cursor of the next page, None after the last.

    A cursor holds the number of the last row of the page before, not a count of rows: when rows that a client has
    seen are deleted, it must not miss others.

    Args:
        request: With ``limit`` and ``cursor`` in its query.
        family: Name of the list, so that cursors of other lists are refused.
        rows: All rows in ascending order of their numbers.
        default: Rows of a page without ``limit``.
        most: The highest ``limit``.

    Raises:
        ApiError: ``limit`` is out of bounds, or the cursor is not one of this list.
    """
    limit = limit_of(request, default=default, most=most)
    after = _number_in(request.args.get("cursor") or "", family)
    rest = [row for row in rows if row.number > after]
    page = rest[:limit]
    return page, cursor_of(family, str(page[-1].number)) if len(rest) > limit else None


def limit_of(request: Request, *, default: int = _MAX_LIMIT, most: int = _MAX_LIMIT) -> int:
    """The ``limit`` of a list request; arguments and errors as for ``page_of``."""
    fields = Fields({}, "query")
    given = request.args.get("limit", str(default))
    try:
        fields.values["limit"] = int(given)
    except ValueError:
        fields.note("int_parsing", "limit", "must be an integer")
    limit = fields.integer("limit", least=1, most=most)
    fields.check()
    return limit or default


def cursor_of(family: str, place: str) -> str:
    """The cursor that continues a list after a place."""
    return base64.urlsafe_b64encode(f"{family}:{place}".encode()).decode()


def place_in(cursor: str, family: str) -> str:
    """The place in a cursor.

    Raises:
        ApiError: It is not a cursor of this list.
    """
    try:
        name, _, place = base64.b64decode(cursor, altchars=b"-_", validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise invalid_cursor() from None
    if name != family:
        raise invalid_cursor()
    return place


def invalid_cursor() -> ApiError:
    """The error for a cursor that is not one of this list."""
    return ApiError(400, "invalid_cursor", "The cursor is not valid. Leave it out to begin with the first page.")


def _number_in(cursor: str, family: str) -> int:
    if not cursor:
        return 0
    number = place_in(cursor, family)
    if not _NUMBER.fullmatch(number):
        raise invalid_cursor()
    return int(number)
