"""Temporary API keys: what each may open, and for how long."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

PREFIX = "snx_temp_"


@dataclass
class TemporaryKey:
    """A temporary key. Callers hold the lock of the state."""

    api_key: str
    project: str
    """The permanent key that created it."""
    usage_type: str
    """``transcribe_websocket`` or ``tts_rt``."""
    expires_sec: float
    """On the fake's clock; no session can be opened from then on."""
    single_use: bool
    max_session_duration_sec: float | None
    """None: no cap."""
    client_reference_id: str | None
    """Takes the place of the one in start messages."""
    used: bool = False
    """Whether it has opened a session."""


def new_temporary_key() -> str:
    """A key of the documented shape: three parts of 43, 86 and 6 characters of base64url."""
    return PREFIX + ".".join(secrets.token_urlsafe(size) for size in (32, 64, 4))
