"""Errors of the WebSockets."""

from __future__ import annotations

from .rest_errors import stream_error_body

STATUS_CODES = {
    "invalid_request": 400,
    "model_not_available": 400,
    "invalid_stream_state": 400,
    "max_concurrent_streams_reached": 400,
    "unauthenticated": 401,
    "organization_balance_exhausted": 402,
    "organization_monthly_budget_exhausted": 402,
    "project_monthly_budget_exhausted": 402,
    "permission_denied": 403,
    "temp_api_key_session_expired": 403,
    "voice_not_found": 404,
    "request_timeout": 408,
    "voice_not_prepared": 409,
    "max_duration_reached": 413,
    "max_audio_duration_reached": 413,
    "limit_exceeded": 429,
    "max_concurrent_connections_reached": 429,
    "internal_error": 500,
    "service_unavailable": 503,
    "voice_failed": 503,
}
"""The code that belongs to each error type of the WebSockets."""


class RealtimeError(Exception):
    """A session is refused or ended by an error. May be raised wherever a session works; it makes the message."""

    request_id: str | None = None
    """The id of the refused session or stream; None: the message gets a new one."""

    def __init__(self, error_type: str, message: str, status_code: int | None = None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.status_code: int = STATUS_CODES[error_type] if status_code is None else status_code

    def stt_message(self, request_id: str) -> dict[str, object]:
        """The JSON message to a speech-to-text session."""
        return {"tokens": [], **stream_error_body(self.status_code, self.error_type, self.message, request_id)}

    def tts_message(self, request_id: str, stream_id: str | None) -> dict[str, object]:
        """The JSON message to a text-to-speech connection.

        Args:
            request_id: Of the stream, or of the connection.
            stream_id: The stream that it concerns; None: the whole connection.
        """
        body = stream_error_body(self.status_code, self.error_type, self.message, request_id)
        return body if stream_id is None else {"stream_id": stream_id, **body}
