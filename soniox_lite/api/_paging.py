# Generated from _async_paging.py by scripts/generate_sync: edit that file, not this one.
"""Iterating over listings, and deleting everything in them."""

from __future__ import annotations

from .._http.transport import pause
from ..errors import SonioxAPIError, SonioxConflictError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from .._data.cancel_token import CancelToken

    ItemT = TypeVar("ItemT")

# Pauses before items that are in use are tried again: 7.5 seconds in all.
_BUSY_PAUSES_SEC = (0.0, 0.5, 1.0, 2.0, 4.0)

# A service that filters may send some empty pages. More than this are an endless loop.
_MAX_EMPTY_PAGES = 100


def iterate_pages(
    fetch: Callable[[str | None], tuple[list[ItemT], str | None]],
) -> Iterator[ItemT]:
    """Iterates over all items of a listing. A page is fetched when the previous one is used up.

    Args:
        fetch: Returns the items of the page at a cursor (None for the first) and the next cursor (None after the last).

    Raises:
        SonioxAPIError: The service sends a cursor again, or a hundred empty pages in a row.
    """
    empty_pages = 0
    cursor: str | None = None
    seen: set[str] = set()
    while True:
        items, cursor = fetch(cursor)
        for item in items:
            yield item
        if not cursor:
            return
        if cursor in seen:
            raise SonioxAPIError("the listing never ends: the service sent the same next_page_cursor twice")
        empty_pages = 0 if items else empty_pages + 1
        if empty_pages == _MAX_EMPTY_PAGES:
            raise SonioxAPIError(f"the listing never ends: the service sent {empty_pages} empty pages in a row")
        seen.add(cursor)


def delete_listed(
    kind: str,
    list_all: Callable[[], Iterator[ItemT]],
    id_of: Callable[[ItemT], str],
    delete: Callable[[ItemT], None],
    *,
    cancel: CancelToken | None,
) -> None:
    """Deletes all items of a listing.

    The listing is read to its end before anything is deleted, since deleting shifts the pages that follow, and once
    more afterwards, since other clients may change it. Items in use are tried again for 7.5 seconds.

    Args:
        kind: The plural of what is listed, for the error message.
        list_all: The listing, from its start.
        id_of: The id of an item.
        delete: Deletes an item, or does nothing if it is gone.
        cancel: What ends the pauses of a sync client; None without it.

    Raises:
        SonioxConflictError: Items were still busy at the end; all others are deleted.
    """
    deleted: set[str] = set()
    busy: dict[str, SonioxConflictError] = {}
    for delay in _BUSY_PAUSES_SEC:
        pause(delay, cancel)
        busy.clear()
        while True:
            items = [item for item in list_all() if id_of(item) not in deleted and id_of(item) not in busy]
            if not items:
                break
            for item in items:
                try:
                    delete(item)
                    deleted.add(id_of(item))
                except SonioxConflictError as error:
                    busy[id_of(item)] = error
        if not busy:
            return
    last = next(reversed(busy.values()))
    raise SonioxConflictError(
        f"{len(busy)} of {len(busy) + len(deleted)} {kind} could not be deleted because they are still in use: "
        f"{', '.join(busy)}: {last.message}",
        api_error=last.api_error,
        response=last.response,
    ) from last
