"""Realtime sessions: ``client.realtime``."""

from __future__ import annotations

from functools import cached_property

from .._lazy import lazy_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..client import AsyncSonioxClient, SonioxClient
    from ..types.realtime import RealtimeEvent, RealtimeSTTConfig
    from .async_stt import AsyncRealtimeSTTClient, AsyncRealtimeSTTSession
    from .stt import RealtimeSTTClient, RealtimeSTTSession

__all__ = [
    "AsyncRealtimeAPI",
    "AsyncRealtimeSTTClient",
    "AsyncRealtimeSTTSession",
    "RealtimeAPI",
    "RealtimeEvent",
    "RealtimeSTTClient",
    "RealtimeSTTConfig",
    "RealtimeSTTSession",
]


class RealtimeAPI:
    """The ``realtime`` namespace of a client."""

    def __init__(self, client: SonioxClient) -> None:
        self._client = client

    @cached_property
    def stt(self) -> RealtimeSTTClient:
        """Speech-to-text sessions."""
        from .stt import RealtimeSTTClient  # noqa: PLC0415 - what a surface needs is loaded with it

        return RealtimeSTTClient(self._client)


class AsyncRealtimeAPI:
    """The ``realtime`` namespace of an async client."""

    def __init__(self, client: AsyncSonioxClient) -> None:
        self._client = client

    @cached_property
    def stt(self) -> AsyncRealtimeSTTClient:
        """Speech-to-text sessions."""
        from .async_stt import AsyncRealtimeSTTClient  # noqa: PLC0415 - what a surface needs is loaded with it

        return AsyncRealtimeSTTClient(self._client)


__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "..types.realtime": ("RealtimeEvent", "RealtimeSTTConfig"),
        ".async_stt": ("AsyncRealtimeSTTClient", "AsyncRealtimeSTTSession"),
        ".stt": ("RealtimeSTTClient", "RealtimeSTTSession"),
    },
)
