# Generated from async_transcriptions.py by scripts/generate_sync: edit that file, not this one.
"""The ``stt`` namespace under its first name."""

from __future__ import annotations

from .stt import SttAPI as TranscriptionsAPI

__all__ = ["TranscriptionsAPI"]
