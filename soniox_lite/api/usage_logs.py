# Generated from async_usage_logs.py by scripts/generate_sync: edit that file, not this one.
"""Usage and costs of single requests."""

from __future__ import annotations

from .._data.decoding import decode_response
from ..types.usage import GetUsageLogsPayload, GetUsageLogsResponse, UsageLogEntry
from ._paging import iterate_pages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from ..client import SonioxClient
    from ..types.aliases import UsageLogsSort

__all__ = ["UsageLogsAPI"]


class UsageLogsAPI:
    """The ``usage_logs`` namespace of a client. Can be shared as the client can.

    Every method may raise the errors of :class:`FilesAPI`, and a :class:`SonioxInvalidRequestError` for a range of
    time that the service does not accept.
    """

    def __init__(self, client: SonioxClient) -> None:
        self._client = client

    def list(
        self,
        start_time: str | date,
        end_time: str | date,
        limit: int = 1000,
        sort: UsageLogsSort = "end_time_asc",
        cursor: str | None = None,
    ) -> GetUsageLogsResponse:
        """One page of the requests that ended within a range of at most 31 days.

        Args:
            start_time: Start of the range, included, at most 91 days ago: a datetime with a time zone, a date (its
                midnight in UTC), or ISO 8601 text with a time zone.
            end_time: End of the range, excluded; in the same forms.
            limit: Entries on the page, 1 to 1000.
            sort: ``end_time_asc``, or ``end_time_desc`` for the latest first.
            cursor: ``next_page_cursor`` of the page before, which had the same times and ``sort``; None for the first.
        """
        payload = GetUsageLogsPayload(start_time=start_time, end_time=end_time, limit=limit, sort=sort, cursor=cursor)
        response = self._client.request("GET", "/usage-logs", params=payload.to_dict())
        return decode_response(GetUsageLogsResponse, response)

    def list_all(
        self,
        start_time: str | date,
        end_time: str | date,
        limit: int = 1000,
        sort: UsageLogsSort = "end_time_asc",
    ) -> Iterator[UsageLogEntry]:
        """Iterates over all requests that ended within the range. Pages are fetched as they are needed.

        Args:
            start_time: Start of the range, included, at most 91 days ago: a datetime with a time zone, a date (its
                midnight in UTC), or ISO 8601 text with a time zone.
            end_time: End of the range, excluded; in the same forms.
            limit: Entries on a page, 1 to 1000.
            sort: ``end_time_asc``, or ``end_time_desc`` for the latest first.
        """

        def fetch(cursor: str | None) -> tuple[list[UsageLogEntry], str | None]:
            page = self.list(start_time, end_time, limit, sort, cursor)
            return page.usage_logs, page.next_page_cursor

        for entry in iterate_pages(fetch):
            yield entry
