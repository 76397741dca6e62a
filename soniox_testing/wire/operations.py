"""The names of the WebSockets, beside the operations of the API's published document, which lists REST only."""

from __future__ import annotations

STT = "stt"
"""The realtime speech-to-text WebSocket."""

TTS = "tts"
"""The realtime text-to-speech WebSocket."""
