# Generated from async_tts_models.py by scripts/generate_sync: edit that file, not this one.
"""Text-to-speech models."""

from __future__ import annotations

from .._data.decoding import decode_response
from ..types.tts_models import GetTtsModelsResponse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..client import SonioxClient

__all__ = ["TtsModelsAPI"]


class TtsModelsAPI:
    """The ``tts_models`` namespace of a client. As shareable as the client."""

    def __init__(self, client: SonioxClient) -> None:
        self._client = client

    def list(self) -> GetTtsModelsResponse:
        """All text-to-speech models, each with its voices.

        Raises:
            SonioxError: As for every call, see :class:`FilesAPI`.
        """
        return decode_response(GetTtsModelsResponse, self._client.request("GET", "/tts-models"))
