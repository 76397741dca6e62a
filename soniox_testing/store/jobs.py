"""One transcription job: its progress and its transcript."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..hearing.words import tokens_of, words_of_audio
from ..script.progress import JobView
from ..script.transcripts import Failure

if TYPE_CHECKING:
    from ..script.progress import ProgressRule
    from ..script.records import TranscriptionRecord
    from ..script.transcripts import Word
    from ..wire.uploaded_audio import Audio

_ORDER = {"queued": 0, "processing": 1, "completed": 2, "error": 2}
_KNOWN_ERRORS = frozenset(
    {
        "file_not_found",
        "internal_error",
        "invalid_audio_file",
        "model_not_available",
        "organization_balance_exhausted",
        "organization_monthly_budget_exhausted",
        "project_monthly_budget_exhausted",
    }
)
"""How jobs of the service end, by its documents and by what clients have seen."""
_FILE_GONE = Failure("file_not_found", "The audio file was deleted before processing of this transcription began.")
_RULE_SAYS_ERROR = Failure("internal_error", "The progress rule of this fake server let the transcription fail.")


@dataclass
class Job:
    """A transcription job. Callers hold the lock of the state."""

    number: int
    """Place in the order of creation."""
    record: TranscriptionRecord
    """As of the last ``advance``."""
    audio: Audio
    created_sec: float
    """On the fake's clock."""
    outcome: tuple[Word, ...] | Failure | None
    """From the script or the transcriber; None: words derived from the audio."""
    looks: int = 0
    file_gone: bool = False
    awaits_words: bool = False
    """Whether the transcriber has not finished: the job does not complete before."""
    tokens: list[dict[str, object]] | None = None

    def advance(self, rule: ProgressRule, now_sec: float, refusal: Failure | None = None) -> TranscriptionRecord:
        """Brings the job up to date and returns its record.

        Args:
            rule: Decides the status.
            now_sec: On the fake's clock.
            refusal: Why a queued job fails instead of starting; None: it starts.

        Raises:
            ValueError: The rule did not return a status.
        """
        status = rule(JobView(age_sec=now_sec - self.created_sec, looks=self.looks))
        if status not in _ORDER:
            raise ValueError(f"the progress rule returned {status!r}, which is not a transcription status")
        if self.awaits_words and status == "completed":
            status = "processing"
        if _ORDER[status] > _ORDER[self.record.status]:
            failure = self.outcome if isinstance(self.outcome, Failure) else None
            if self.file_gone:
                refusal = _FILE_GONE
            if refusal is not None and self.record.status == "queued":
                self.record = _failed(self.record, refusal)
            else:
                self.record = replace(self.record, status=status, audio_duration_ms=self.audio.duration_ms)
                if status == "error" or (status == "completed" and failure):
                    self.record = _failed(self.record, failure or _RULE_SAYS_ERROR)
        return self.record

    def transcript_tokens(self) -> list[dict[str, object]]:
        """The tokens of the complete transcript, made on the first call."""
        if self.tokens is None:
            words = self.outcome if isinstance(self.outcome, tuple) else words_of_audio(self.audio)
            self.tokens = tokens_of(self.record, words, self.audio.duration_ms)
        return self.tokens


def _failed(record: TranscriptionRecord, failure: Failure) -> TranscriptionRecord:
    error_type = failure.error_type
    notes = record.notes
    if error_type not in _KNOWN_ERRORS:
        known = ", ".join(sorted(_KNOWN_ERRORS))
        notes = (*notes, f"{error_type!r} is not among the known errors of the service's jobs: {known}.")
    return replace(record, status="error", error_type=error_type, error_message=failure.message, notes=notes)
