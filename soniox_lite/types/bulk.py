"""The results of ``stt.transcribe_many``."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .transcriptions import TranscriptionTranscript
else:
    # For typing.get_type_hints: its module is not loaded for this.
    TranscriptionTranscript = object

__all__ = ["BulkResult"]


@dataclass
class BulkResult:
    """What became of one source: a transcript, or an error.

    Attributes:
        source: The path or URL, as text.
        transcript: The transcript; None after an error.
        error: Why there is none: a :class:`~soniox_lite.SonioxError`; None beside a transcript.
        transcription_id: The job at the service; None if none was created.
        file_id: The uploaded file; None for a URL, and if nothing was uploaded.
    """

    source: str
    transcript: TranscriptionTranscript | None = None
    error: Exception | None = None
    transcription_id: str | None = None
    file_id: str | None = None
