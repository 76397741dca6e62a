# Generated from async_usage.py by scripts/generate_sync: edit that file, not this one.
"""Usage and costs by model and day."""

from __future__ import annotations

from .._data.decoding import decode_response
from ..types.usage import GetUsageSummaryPayload, GetUsageSummaryResponse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import date

    from ..client import SonioxClient

__all__ = ["UsageAPI"]


class UsageAPI:
    """The ``usage`` namespace of a client. Can be shared as the client can."""

    def __init__(self, client: SonioxClient) -> None:
        self._client = client

    def summary(self, start_time: str | date, end_time: str | date) -> GetUsageSummaryResponse:
        """The usage and costs of the project in a range of whole days in UTC, at most 366, by model and by day.

        Args:
            start_time: A time on the first day: a date, a datetime with a time zone, or ISO 8601 text with one.
            end_time: A time on the last day. If it is a midnight in UTC, as a date is, the day before is the last one:
                from ``date(2026, 4, 1)`` to ``date(2026, 5, 1)`` is April.

        Raises:
            SonioxInvalidRequestError: The end is not after the start, or the range is too long.
            SonioxNotFoundError: The service could not find the project; trying again may help.
            SonioxError: As for every call, see :class:`FilesAPI`.
        """
        params = GetUsageSummaryPayload(start_time=start_time, end_time=end_time).to_dict()
        response = self._client.request("GET", "/usage/summary", params=params)
        return decode_response(GetUsageSummaryResponse, response)
