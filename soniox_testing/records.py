"""What the fake holds, as plain records a test can look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .progress import TranscriptionStatus


@dataclass(frozen=True)
class FileRecord:
    """An uploaded file."""

    id: str
    """UUID."""
    filename: str
    """Name from the multipart part."""
    size: int
    """Bytes."""
    created_at: str
    """ISO-8601 UTC with ``Z``."""
    client_reference_id: str | None
    """As sent; None when the upload had none."""
    api_key: str
    """The key that uploaded it, which stands for the project."""


@dataclass(frozen=True)
class TranscriptionRecord:
    """A transcription job as it stands now. Field names are those of the API's ``Transcription`` object."""

    id: str
    """UUID."""
    status: TranscriptionStatus
    """Where the job is now."""
    created_at: str
    """ISO-8601 UTC with ``Z``."""
    model: str
    """As requested; an alias stays an alias."""
    audio_url: str | None
    """None for a job on an uploaded file."""
    file_id: str | None
    """None for a job on a URL."""
    filename: str
    """Name of the uploaded file, or the last part of the URL's path."""
    language_hints: tuple[str, ...] | None
    """None when the request had none."""
    language_hints_strict: bool
    """As requested; False when unset."""
    enable_speaker_diarization: bool
    """As requested; False when unset."""
    enable_language_identification: bool
    """As requested; False when unset."""
    translation: Mapping[str, str] | None
    """The translation settings without their nulls; None when no translation was asked for."""
    context: str | Mapping[str, object] | None
    """The context as sent."""
    audio_duration_ms: int
    """Milliseconds; 0 until processing began."""
    error_type: str | None
    """Set when the status is ``error``."""
    error_message: str | None
    """Set when the status is ``error``."""
    webhook_url: str | None
    """As requested."""
    webhook_auth_header_name: str | None
    """As requested."""
    webhook_auth_header_value: str | None
    """As requested. The API itself only ever shows a mask."""
    webhook_status_code: int | None
    """None until a webhook was sent."""
    client_reference_id: str | None
    """As requested."""
    api_key: str
    """The key that created it, which stands for the project."""
