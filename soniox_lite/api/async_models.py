"""Speech-to-text models."""

from __future__ import annotations

from .._data.decoding import decode_response
from ..types.models import GetModelsResponse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..client import AsyncSonioxClient

__all__ = ["AsyncModelsAPI"]


class AsyncModelsAPI:
    """The ``models`` namespace of a client. As shareable as the client."""

    def __init__(self, client: AsyncSonioxClient) -> None:
        self._client = client

    async def list(self) -> GetModelsResponse:
        """All speech-to-text models, realtime and async.

        Raises:
            SonioxError: As for every call, see :class:`AsyncFilesAPI`.
        """
        return decode_response(GetModelsResponse, await self._client.request("GET", "/models"))
