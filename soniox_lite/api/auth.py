# Generated from async_auth.py by scripts/generate_sync: edit that file, not this one.
"""Temporary API keys."""

from __future__ import annotations

from .._data.decoding import decode_response
from ..types.auth import CreateTemporaryApiKeyPayload, CreateTemporaryApiKeyResponse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..client import SonioxClient
    from ..types.aliases import TemporaryApiKeyUsageType

__all__ = ["AuthAPI"]


class AuthAPI:
    """The ``auth`` namespace of a client. As shareable as the client."""

    def __init__(self, client: SonioxClient) -> None:
        self._client = client

    def create_temporary_api_key(
        self,
        *,
        usage_type: TemporaryApiKeyUsageType = "transcribe_websocket",
        expires_in_seconds: int = 300,
        client_reference_id: str | None = None,
        single_use: bool | None = None,
        max_session_duration_seconds: int | None = None,
    ) -> CreateTemporaryApiKeyResponse:
        """A short-lived key that may be given to a browser or a device.

        Args:
            usage_type: ``transcribe_websocket`` or ``tts_rt``: the one kind of session that it opens.
            expires_in_seconds: How long it opens sessions, 1 to 3600. A session that is open outlives it.
            client_reference_id: Mark in the usage logs of all its sessions, at most 256 characters.
            single_use: Whether it opens one session only.
            max_session_duration_seconds: When each session is cut, 1 to 18000; None for never.

        Raises:
            SonioxError: As for every call, see :class:`FilesAPI`.
        """
        payload = CreateTemporaryApiKeyPayload(
            usage_type=usage_type,
            expires_in_seconds=expires_in_seconds,
            client_reference_id=client_reference_id,
            single_use=single_use,
            max_session_duration_seconds=max_session_duration_seconds,
        )
        response = self._client.request("POST", "/auth/temporary-api-key", json=payload.to_dict())
        return decode_response(CreateTemporaryApiKeyResponse, response)
