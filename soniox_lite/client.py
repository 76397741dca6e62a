"""The clients: ``SonioxClient`` for threads, ``AsyncSonioxClient`` for asyncio."""

from __future__ import annotations

from ._client.async_client import AsyncSonioxClient
from ._client.client import SonioxClient

__all__ = ["AsyncSonioxClient", "SonioxClient"]
