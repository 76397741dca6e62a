"""Facts of realtime text-to-speech, where the official SDK has them."""

from __future__ import annotations

from ._tts_protocol import KEEP_ALIVE_INTERVAL_SEC as TTS_KEEP_ALIVE_INTERVAL_SEC

__all__ = ["MAX_TTS_STREAMS_PER_CONNECTION", "TTS_KEEP_ALIVE_INTERVAL_SEC", "TTS_STREAM_EVENT_TIMEOUT_SEC"]

MAX_TTS_STREAMS_PER_CONNECTION = 5
"""The service refuses a sixth stream on one connection. It counts itself; a session does not."""
TTS_STREAM_EVENT_TIMEOUT_SEC = 60.0
"""The default of ``event_timeout_sec``."""
