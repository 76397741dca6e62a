"""Text-to-speech models."""

from __future__ import annotations

from .._data.decoding import decode_response
from ..types.tts_models import GetTtsModelsResponse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..client import AsyncSonioxClient

__all__ = ["AsyncTtsModelsAPI"]


class AsyncTtsModelsAPI:
    """The ``tts_models`` namespace of a client. As shareable as the client."""

    def __init__(self, client: AsyncSonioxClient) -> None:
        self._client = client

    async def list(self) -> GetTtsModelsResponse:
        """All text-to-speech models, each with its voices.

        Raises:
            SonioxError: As for every call, see :class:`AsyncFilesAPI`.
        """
        return decode_response(GetTtsModelsResponse, await self._client.request("GET", "/tts-models"))
