"""soniox_lite."""

from __future__ import annotations

from sdk import Sdk

from soniox_lite import AsyncSonioxClient, SonioxClient


class Ours(Sdk):
    client_class = SonioxClient
    async_client_class = AsyncSonioxClient
