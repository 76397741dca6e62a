"""The official SDK."""

from __future__ import annotations

from sdk import Sdk
from soniox import AsyncSonioxClient, SonioxClient


class Official(Sdk):
    client_class = SonioxClient
    async_client_class = AsyncSonioxClient
