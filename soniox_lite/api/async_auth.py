"""Temporary API keys."""

from __future__ import annotations

from .._data.decoding import decode_response
from ..types.auth import CreateTemporaryApiKeyPayload, CreateTemporaryApiKeyResponse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..client import AsyncSonioxClient
    from ..types.aliases import TemporaryApiKeyUsageType

__all__ = ["AsyncAuthAPI", "AsyncTemporaryKeys"]


class AsyncAuthAPI:
    """The ``auth`` namespace of a client. Can be shared as the client can."""

    def __init__(self, client: AsyncSonioxClient) -> None:
        self._client = client

    async def create_temporary_api_key(
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
            usage_type: The one kind of session that the key opens: ``transcribe_websocket`` or ``tts_rt``.
            expires_in_seconds: How many seconds the key opens sessions, 1 to 3600. Open sessions go on after that.
            client_reference_id: Your own identifier in the usage logs of all its sessions, at most 256 characters; None
                for none.
            single_use: Whether the key opens one session only; None for no.
            max_session_duration_seconds: After how many seconds the service ends each session, 1 to 18000; None for no
                limit.

        Raises:
            SonioxError: As for every call, see :class:`AsyncFilesAPI`.
        """
        payload = CreateTemporaryApiKeyPayload(
            usage_type=usage_type,
            expires_in_seconds=expires_in_seconds,
            client_reference_id=client_reference_id,
            single_use=single_use,
            max_session_duration_seconds=max_session_duration_seconds,
        )
        response = await self._client.request("POST", "/auth/temporary-api-key", json=payload.to_dict())
        return decode_response(CreateTemporaryApiKeyResponse, response)


class AsyncTemporaryKeys:
    """Makes a new temporary key each time it is called; given as ``api_key``, each session has a key of its own.

    ::

        keys = AsyncTemporaryKeys(client, max_session_duration_seconds=3600)
        session = other_client.realtime.stt.connect(config=config, api_key=keys)

    Can be shared as the client can.

    Attributes:
        usage_type: The one kind of session that the keys open.
        max_session_duration_sec: After how many seconds the service ends a session that was opened with such a key;
            None for no limit.
    """

    def __init__(
        self,
        client: AsyncSonioxClient,
        *,
        usage_type: TemporaryApiKeyUsageType = "transcribe_websocket",
        expires_in_seconds: int = 60,
        client_reference_id: str | None = None,
        single_use: bool | None = True,
        max_session_duration_seconds: int | None = None,
    ) -> None:
        """Makes no key yet.

        Args:
            client: Has a permanent key.
            usage_type: ``transcribe_websocket`` or ``tts_rt``.
            expires_in_seconds: How many seconds a key opens sessions, 1 to 3600. It is used at once.
            client_reference_id: Your own identifier in the usage logs of all sessions, at most 256 characters; None for
                none.
            single_use: Whether each key opens one session only; None for no.
            max_session_duration_seconds: After how many seconds the service ends each session, 1 to 18000; None for no
                limit.

        Raises:
            SonioxValidationError: Something given cannot be used.
        """
        self._client = client
        self._payload = CreateTemporaryApiKeyPayload(
            usage_type=usage_type,
            expires_in_seconds=expires_in_seconds,
            client_reference_id=client_reference_id,
            single_use=single_use,
            max_session_duration_seconds=max_session_duration_seconds,
        )
        self.usage_type: TemporaryApiKeyUsageType = usage_type
        self.max_session_duration_sec: int | None = max_session_duration_seconds

    async def __call__(self) -> str:
        """A new key.

        Raises:
            SonioxError: As for every call, see :class:`AsyncFilesAPI`.
        """
        response = await self._client.request("POST", "/auth/temporary-api-key", json=self._payload.to_dict())
        return decode_response(CreateTemporaryApiKeyResponse, response).api_key
