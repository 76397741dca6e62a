# Generated from async_models.py by scripts/generate_sync: edit that file, not this one.
"""Speech-to-text models."""

from __future__ import annotations

from .._data.decoding import decode_response
from ..types.models import GetModelsResponse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..client import SonioxClient

__all__ = ["ModelsAPI"]


class ModelsAPI:
    """The ``models`` namespace of a client. As shareable as the client."""

    def __init__(self, client: SonioxClient) -> None:
        self._client = client

    def list(self) -> GetModelsResponse:
        """All speech-to-text models, realtime and async.

        Raises:
            SonioxError: As for every call, see :class:`FilesAPI`.
        """
        return decode_response(GetModelsResponse, self._client.request("GET", "/models"))
