"""The ``stt`` namespace under its first name."""

from __future__ import annotations

from .async_stt import AsyncSttAPI as AsyncTranscriptionsAPI

__all__ = ["AsyncTranscriptionsAPI"]
