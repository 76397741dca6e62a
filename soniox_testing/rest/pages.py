"""Lists that come in pages."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Protocol, TypeVar

from .errors import ApiError
from .validation import Fields

if TYPE_CHECKING:
    from collections.abc import Iterable

    from werkzeug.wrappers import Request


class _Numbered(Protocol):
    number: int


_Row = TypeVar("_Row", bound=_Numbered)


def page_of(request: Request, family: str, rows: Iterable[_Row]) -> tuple[list[_Row], str | None]:
    """The rows a list request asks for, and the cursor of the next page, None after the last.

    A cursor holds the number of the last row that was handed out, not a count of rows: deleting rows that a
    client has seen must not make it miss others.

    Args:
        request: With ``limit`` and ``cursor`` in its query.
        family: Name of the list, so that the cursor of another list is not taken.
        rows: All rows in ascending order of their numbers.

    Raises:
        ApiError: ``limit`` is out of bounds, or no page of this list handed out the cursor.
    """
    limit = _limit(request)
    after = _number_in(request.args.get("cursor") or "", family)
    rest = [row for row in rows if row.number > after]
    page = rest[:limit]
    return page, _cursor(page[-1].number, family) if len(rest) > limit else None


def _limit(request: Request) -> int:
    fields = Fields({}, "query")
    given = request.args.get("limit", "1000")
    try:
        fields.values["limit"] = int(given)
    except ValueError:
        fields.note("int_parsing", "limit", "must be an integer")
    limit = fields.integer("limit", least=1, most=1000)
    fields.check()
    return limit or 1000


def _cursor(number: int, family: str) -> str:
    return base64.urlsafe_b64encode(f"{family}:{number}".encode()).decode()


def _number_in(cursor: str, family: str) -> int:
    if not cursor:
        return 0
    try:
        name, _, number = base64.b64decode(cursor, altchars=b"-_", validate=True).decode().partition(":")
        if name == family and number.isascii() and number.isdigit():
            return int(number)
    except (binascii.Error, ValueError):
        pass  # refused below, like a well-formed cursor of another list
    raise ApiError(400, "invalid_cursor", "The cursor is not valid. Leave it out to begin with the first page.")
