"""Realtime sessions: ``client.realtime``."""

from __future__ import annotations

from .._lazy import cached_property, lazy_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._websocket.tape import Tape as Tape
    from ..client import AsyncSonioxClient, SonioxClient
    from ..types.metrics import (
        RealtimeSTTMetrics as RealtimeSTTMetrics,
        RealtimeTTSMetrics as RealtimeTTSMetrics,
    )
    from ..types.realtime import (
        RealtimeEvent as RealtimeEvent,
        RealtimeSTTConfig as RealtimeSTTConfig,
        RealtimeTTSConfig as RealtimeTTSConfig,
        RealtimeTTSEvent as RealtimeTTSEvent,
    )
    from ..types.resume import (
        RealtimeLostPayload as RealtimeLostPayload,
        RealtimeReconnectingPayload as RealtimeReconnectingPayload,
        RealtimeResumedPayload as RealtimeResumedPayload,
        RealtimeTTSLostPayload as RealtimeTTSLostPayload,
        RealtimeTTSResumedPayload as RealtimeTTSResumedPayload,
        ResumePolicy as ResumePolicy,
    )
    from .async_resuming import AsyncResumingSTTSession as AsyncResumingSTTSession
    from .async_stt import (
        AsyncRealtimeSTTClient as AsyncRealtimeSTTClient,
        AsyncRealtimeSTTSession as AsyncRealtimeSTTSession,
    )
    from .async_tts import (
        AsyncRealtimeTTSClient as AsyncRealtimeTTSClient,
        AsyncRealtimeTTSConnection as AsyncRealtimeTTSConnection,
        AsyncRealtimeTTSMultiplexedConnection as AsyncRealtimeTTSMultiplexedConnection,
        AsyncRealtimeTTSStream as AsyncRealtimeTTSStream,
    )
    from .resuming import ResumingSTTSession as ResumingSTTSession
    from .stt import RealtimeSTTClient as RealtimeSTTClient, RealtimeSTTSession as RealtimeSTTSession
    from .tts import (
        RealtimeTTSClient as RealtimeTTSClient,
        RealtimeTTSConnection as RealtimeTTSConnection,
        RealtimeTTSMultiplexedConnection as RealtimeTTSMultiplexedConnection,
        RealtimeTTSStream as RealtimeTTSStream,
    )


class RealtimeAPI:
    """The ``realtime`` namespace of a client."""

    def __init__(self, client: SonioxClient) -> None:
        self._client = client

    @cached_property
    def stt(self) -> RealtimeSTTClient:
        """Speech-to-text sessions."""
        from .stt import RealtimeSTTClient  # noqa: PLC0415 - what a surface needs is loaded with it

        return RealtimeSTTClient(self._client)

    @cached_property
    def tts(self) -> RealtimeTTSClient:
        """Text-to-speech connections."""
        from .tts import RealtimeTTSClient  # noqa: PLC0415 - as above

        return RealtimeTTSClient(self._client)


class AsyncRealtimeAPI:
    """The ``realtime`` namespace of an async client."""

    def __init__(self, client: AsyncSonioxClient) -> None:
        self._client = client

    @cached_property
    def stt(self) -> AsyncRealtimeSTTClient:
        """Speech-to-text sessions."""
        from .async_stt import AsyncRealtimeSTTClient  # noqa: PLC0415 - what a surface needs is loaded with it

        return AsyncRealtimeSTTClient(self._client)

    @cached_property
    def tts(self) -> AsyncRealtimeTTSClient:
        """Text-to-speech connections."""
        from .async_tts import AsyncRealtimeTTSClient  # noqa: PLC0415 - as above

        return AsyncRealtimeTTSClient(self._client)


lazy_names(
    __name__,
    {
        ".._websocket.tape": ("Tape",),
        "..types.metrics": ("RealtimeSTTMetrics", "RealtimeTTSMetrics"),
        "..types.realtime": ("RealtimeEvent", "RealtimeSTTConfig", "RealtimeTTSConfig", "RealtimeTTSEvent"),
        "..types.resume": (
            "RealtimeLostPayload",
            "RealtimeReconnectingPayload",
            "RealtimeResumedPayload",
            "RealtimeTTSLostPayload",
            "RealtimeTTSResumedPayload",
            "ResumePolicy",
        ),
        ".async_resuming": ("AsyncResumingSTTSession",),
        ".resuming": ("ResumingSTTSession",),
        ".async_stt": ("AsyncRealtimeSTTClient", "AsyncRealtimeSTTSession"),
        ".async_tts": (
            "AsyncRealtimeTTSClient",
            "AsyncRealtimeTTSConnection",
            "AsyncRealtimeTTSMultiplexedConnection",
            "AsyncRealtimeTTSStream",
        ),
        ".stt": ("RealtimeSTTClient", "RealtimeSTTSession"),
        ".tts": (
            "RealtimeTTSClient",
            "RealtimeTTSConnection",
            "RealtimeTTSMultiplexedConnection",
            "RealtimeTTSStream",
        ),
    },
    own=("AsyncRealtimeAPI", "RealtimeAPI"),
)
