"""The operations of the API by the names of its published document, and which request is for which."""

from __future__ import annotations

STT = "stt"
"""The realtime speech-to-text WebSocket, which the document does not list."""

TTS = "tts"
"""The realtime text-to-speech WebSocket, which the document does not list either."""

GENERATE_TTS = "generate_tts"
"""The operation whose answer is audio, and whose errors are those of the WebSockets."""

_ROUTES = {
    "upload_file": "POST /v1/files",
    "get_files": "GET /v1/files",
    "get_files_count": "GET /v1/files/count",
    "get_file": "GET /v1/files/{file_id}",
    "delete_file": "DELETE /v1/files/{file_id}",
    "create_transcription": "POST /v1/transcriptions",
    "get_transcriptions": "GET /v1/transcriptions",
    "get_transcriptions_count": "GET /v1/transcriptions/count",
    "get_transcription": "GET /v1/transcriptions/{transcription_id}",
    "delete_transcription": "DELETE /v1/transcriptions/{transcription_id}",
    "get_transcription_transcript": "GET /v1/transcriptions/{transcription_id}/transcript",
    "get_voices": "GET /v1/voices",
    "create_voice": "POST /v1/voices",
    "get_voices_count": "GET /v1/voices/count",
    "get_voice": "GET /v1/voices/{voice_id}",
    "delete_voice": "DELETE /v1/voices/{voice_id}",
    "recompute_voice": "POST /v1/voices/{voice_id}/recompute",
    "get_models": "GET /v1/models",
    "get_tts_models": "GET /v1/tts-models",
    "get_shared_voices": "GET /v1/shared-voices",
    GENERATE_TTS: "POST /tts",
    "create_temporary_api_key": "POST /v1/auth/temporary-api-key",
    "get_usage_logs": "GET /v1/usage-logs",
    "get_usage_summary": "GET /v1/usage/summary",
    "get_concurrency_limits": "GET /v1/concurrency-limits",
    "get_concurrent_streams_history": "GET /v1/concurrent-streams-history",
}
_PATTERNS = [(name, *route.split(" ", 1)) for name, route in _ROUTES.items()]
# Exact paths first: /v1/files/count is no file.
_PATTERNS.sort(key=lambda pattern: pattern[2].count("{"))

OPERATIONS = frozenset(_ROUTES)
"""The ``operationId`` of every REST operation, also of those that the fake does not have."""


PATTERNS = {name: pattern for name, _, pattern in _PATTERNS}
"""The path of each operation, with its variable parts in braces."""


def operation_of(method: str, path: str) -> str | None:
    """The name of the operation that a request is for; None when there is no such operation."""
    parts = path.split("/")
    for name, its_method, pattern in _PATTERNS:
        expected = pattern.split("/")
        if (
            its_method == method
            and len(expected) == len(parts)
            and all(
                want == part or (want.startswith("{") and bool(part))
                for want, part in zip(expected, parts, strict=True)
            )
        ):
            return name
    return None
