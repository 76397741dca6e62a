"""Refusals in the shape that the speech-to-text WebSocket uses."""

from __future__ import annotations

from ..rest.errors import documentation_url

STATUS_CODES = {
    "invalid_request": 400,
    "model_not_available": 400,
    "unauthenticated": 401,
    "organization_balance_exhausted": 402,
    "organization_monthly_budget_exhausted": 402,
    "project_monthly_budget_exhausted": 402,
    "permission_denied": 403,
    "temp_api_key_session_expired": 403,
    "request_timeout": 408,
    "max_duration_reached": 413,
    "limit_exceeded": 429,
    "max_concurrent_connections_reached": 429,
    "internal_error": 500,
    "service_unavailable": 503,
}
"""The code that belongs to each error type of the speech-to-text WebSocket."""


class RealtimeError(Exception):
    """A session is refused or ended: raised anywhere below the session, which makes a frame of it."""

    def __init__(self, error_type: str, message: str, status_code: int | None = None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.status_code = STATUS_CODES[error_type] if status_code is None else status_code

    def frame(self, request_id: str) -> dict[str, object]:
        """The JSON message."""
        return {
            "tokens": [],
            "error_code": self.status_code,
            "error_type": self.error_type,
            "error_message": self.message,
            "more_info": documentation_url(self.error_type),
            "request_id": request_id,
        }
