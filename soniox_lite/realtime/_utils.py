"""Helpers of realtime sessions, where the official SDK has them."""

from __future__ import annotations

from .._data.rules import FieldErrors
from .._settings import DEFAULT_CONNECT_TIMEOUT_SEC
from ._stt_protocol import KEEP_ALIVE_INTERVAL_SEC

__all__ = ["DEFAULT_CONNECT_TIMEOUT_SEC", "KEEP_ALIVE_INTERVAL_SEC", "auth_headers", "validate_connect_timeout_sec"]


def auth_headers(api_key: str) -> dict[str, str]:
    """The header that carries the key when a WebSocket connection is opened.

    Args:
        api_key: The secret.
    """
    return {"Authorization": f"Bearer {api_key}"}


def validate_connect_timeout_sec(timeout_sec: float) -> float:
    """The time limit for connecting as it is.

    Args:
        timeout_sec: Seconds, more than 0, at most a day.

    Raises:
        SonioxValidationError: It is no such number.
    """
    with FieldErrors("the session's set-up") as check:
        if check.required("connect_timeout_sec", timeout_sec):
            check.seconds("connect_timeout_sec", timeout_sec)
    return timeout_sec
