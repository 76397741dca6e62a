"""The closed vocabularies of the API, for annotations.

Replies may hold values that are not listed here: a new status or mode of the service must not break a client.
"""

from __future__ import annotations

from typing import Literal

TranscriptionStatus = Literal["queued", "processing", "completed", "error"]
TranscriptionMode = Literal["real_time", "async"]
TranslationType = Literal["one_way", "two_way"]
TemporaryApiKeyUsageType = Literal["transcribe_websocket", "tts_rt"]
WebhookEventStatus = Literal["completed", "error"]
