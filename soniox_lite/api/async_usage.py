"""What was used, by model and day."""

from __future__ import annotations

from .._data.decoding import decode_response
from ..types.usage import GetUsageSummaryPayload, GetUsageSummaryResponse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import date

    from ..client import AsyncSonioxClient

__all__ = ["AsyncUsageAPI"]


class AsyncUsageAPI:
    """The ``usage`` namespace of a client. As shareable as the client."""

    def __init__(self, client: AsyncSonioxClient) -> None:
        self._client = client

    async def summary(self, start_time: str | date, end_time: str | date) -> GetUsageSummaryResponse:
        """What the project used in a window of whole UTC days, at most 366, by model and by day.

        Args:
            start_time: Its day is the first: a date, a datetime with its time zone, or ISO 8601 text with its zone.
            end_time: Its day is the last, unless it is the day's very beginning, as a date is: from
                ``date(2026, 4, 1)`` to ``date(2026, 5, 1)`` is April.

        Raises:
            SonioxInvalidRequestError: The end is not after the start, or the window is too long.
            SonioxNotFoundError: The service could not find the project; trying again may help.
            SonioxError: As for every call, see :class:`AsyncFilesAPI`.
        """
        params = GetUsageSummaryPayload(start_time=start_time, end_time=end_time).to_dict()
        response = await self._client.request("GET", "/usage/summary", params=params)
        return decode_response(GetUsageSummaryResponse, response)
