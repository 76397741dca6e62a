"""Concurrent streams: how many are open, the limits, the history."""

from __future__ import annotations

from .._data.decoding import decode_response
from ..types.usage import (
    GetConcurrencyLimitsResponse,
    GetConcurrentStreamsHistoryPayload,
    GetConcurrentStreamsHistoryResponse,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import date

    from ..client import AsyncSonioxClient
    from ..types.aliases import ConcurrentStreamKind, ConcurrentStreamsPeriodSec

__all__ = ["AsyncConcurrencyLimitsAPI"]


class AsyncConcurrencyLimitsAPI:
    """The ``concurrency_limits`` namespace of a client. Can be shared as the client can.

    All numbers are those of the client's region.
    """

    def __init__(self, client: AsyncSonioxClient) -> None:
        self._client = client

    async def get(self) -> GetConcurrencyLimitsResponse:
        """How many streams are open at the moment, and the limits, of the project and of its organization.

        Raises:
            SonioxError: As for every call, see :class:`AsyncFilesAPI`.
        """
        response = await self._client.request("GET", "/concurrency-limits")
        return decode_response(GetConcurrencyLimitsResponse, response)

    async def history(
        self,
        start_time: str | date,
        end_time: str | date,
        *,
        period_sec: ConcurrentStreamsPeriodSec,
        kind: ConcurrentStreamKind,
    ) -> GetConcurrentStreamsHistoryResponse:
        """How many streams of the project were open in each period, idle streams included.

        Args:
            start_time: Start of the range in which the periods begin, included: a datetime with a time zone, a date
                (its midnight in UTC), or ISO 8601 text with a time zone.
            end_time: End of that range, excluded, in the same forms; at most 7 days later for periods of a minute.
            period_sec: Length of a period in seconds: 60, 3600 or 86400.
            kind: ``stt`` for realtime speech-to-text sessions, ``tts`` for text-to-speech streams and requests.

        Raises:
            SonioxInvalidRequestError: The end is not after the start, or the range is too long.
            SonioxError: As for every call, see :class:`AsyncFilesAPI`.
        """
        payload = GetConcurrentStreamsHistoryPayload(
            start_time=start_time, end_time=end_time, period_sec=period_sec, kind=kind
        )
        response = await self._client.request("GET", "/concurrent-streams-history", params=payload.to_dict())
        return decode_response(GetConcurrentStreamsHistoryResponse, response)
