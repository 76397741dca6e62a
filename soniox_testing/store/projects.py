"""Files and transcription jobs, by project."""

from __future__ import annotations

import itertools
import weakref
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from ..script.limits import BUDGET_MESSAGES
from ..script.progress import ByPolls
from ..script.transcripts import Failure
from .jobs import Job

if TYPE_CHECKING:
    from ..script.progress import ProgressRule
    from ..script.records import FileRecord, TranscriptionRecord
    from ..wire.uploaded_audio import Audio
    from .state import State

_RETENTION_SEC = 30 * 24 * 3600.0
_ENDED = frozenset({"completed", "error"})


class StoredFile:
    """An uploaded file with its content, which lives in memory or in an anonymous temporary file."""

    def __init__(self, number: int, record: FileRecord, content: BinaryIO, audio: Audio, created_sec: float) -> None:
        self.number = number
        self.record = record
        self.audio = audio
        self.created_sec = created_sec
        self._content = content
        # The content stays readable after the server stopped: it is closed with the last reference to this file.
        weakref.finalize(self, content.close)

    def read(self) -> bytes:
        """The whole content."""
        self._content.seek(0)
        return self._content.read()


@dataclass
class Project:
    """The files and jobs of one permanent API key, in order of creation."""

    files: dict[str, StoredFile] = field(default_factory=dict[str, StoredFile])
    jobs: dict[str, Job] = field(default_factory=dict[str, Job])


class Projects:
    """The projects of one fake. Callers hold the lock of the state.

    Args:
        state: Of the fake.
        progress: How far a job is.
    """

    def __init__(self, state: State, progress: ProgressRule) -> None:
        self.uploads: deque[FileRecord] = deque(maxlen=state.keep.created)
        """Includes files that were deleted."""
        self.created_jobs: deque[Job] = deque(maxlen=state.keep.created)
        """Includes jobs that were deleted."""
        self.numbers: itertools.count[int] = itertools.count(1)
        """Places in the order of creation."""
        self._state = state
        self._progress = progress
        self._by_polls = isinstance(progress, ByPolls)
        self._projects: dict[str, Project] = {}

    def of(self, api_key: str) -> Project:
        """The project of a permanent key; it exists from its first use."""
        project = self._projects.get(api_key)
        if project is None:
            if len(self._projects) >= self._state.keep.records:
                self._projects = {key: used for key, used in self._projects.items() if used.files or used.jobs}
            project = self._projects[api_key] = Project()
        self._delete_expired(project)
        return project

    def advance(self, job: Job, at_sec: float | None = None) -> TranscriptionRecord:
        """Brings a job up to date, without counting as a look. Its end adds to the usage and sends its webhook.

        Args:
            job: The job.
            at_sec: The moment of the fake's clock; None: now.
        """
        at_sec = self._state.clock.now_sec() if at_sec is None else at_sec
        before = job.record.status
        budget = self._state.quotas.exhausted(job.record.api_key)
        refusal = None if budget is None else Failure(budget, BUDGET_MESSAGES[budget])
        record = job.advance(self._progress, at_sec, refusal)
        if record.status in _ENDED and before not in _ENDED:
            if record.status == "completed":
                self._add_usage(job, at_sec)
            self._state.webhooks.job_ended(job, at_sec)
        return record

    def _add_usage(self, job: Job, ended_sec: float) -> None:
        record = job.record
        self._state.usage.stt_used(
            api_key=record.api_key,
            model=record.model,
            client_reference_id=record.client_reference_id,
            started_sec=job.created_sec,
            audio_duration_ms=record.audio_duration_ms,
            text="".join(str(token["text"]) for token in job.transcript_tokens()),
            context=record.context,
            ended_sec=ended_sec,
        )

    def look(self, job: Job, at_sec: float | None = None) -> TranscriptionRecord:
        """Brings a job up to date for a client, and counts the look."""
        record = self.advance(job, at_sec)
        job.looks += 1
        return record

    def moves_by_polls(self, job: Job) -> bool:
        """Whether it takes only polls, and no time, to end a job."""
        return self._by_polls and not job.awaits_words and job.record.status not in _ENDED

    def add_file(self, project: Project, stored: StoredFile) -> None:
        """Stores an uploaded file; where they are bounded, the oldest of the last uploads is deleted."""
        if self._state.keep.stored is not None and len(self.uploads) == self._state.keep.stored:
            oldest = self.uploads[0]
            of_oldest = self._projects.get(oldest.api_key)
            if of_oldest is not None and oldest.id in of_oldest.files:
                self.delete_file(of_oldest, oldest.id)
        project.files[stored.record.id] = stored
        self.uploads.append(stored.record)

    def add_job(self, project: Project, job: Job) -> None:
        """Stores a new job, which progresses from now on; others are deleted as in ``add_file``."""
        if self._state.keep.stored is not None and len(self.created_jobs) == self._state.keep.stored:
            oldest = self.created_jobs[0].record
            of_oldest = self._projects.get(oldest.api_key)
            if of_oldest is not None and oldest.id in of_oldest.jobs:
                self.delete_job(of_oldest, oldest.id)
        project.jobs[job.record.id] = job
        self.created_jobs.append(job)
        self._state.webhooks.job_created(job)

    def delete_job(self, project: Project, transcription_id: str) -> None:
        """Deletes a job."""
        job = project.jobs.pop(transcription_id)
        job.awaits_words = False
        job.tokens = None
        self._state.webhooks.job_deleted(job)

    def delete_file(self, project: Project, file_id: str) -> None:
        """Deletes a file; its jobs that are still queued will fail."""
        del project.files[file_id]
        for job in project.jobs.values():
            if job.record.file_id == file_id and self.advance(job).status == "queued":
                job.file_gone = True

    def files(self, project: str | None = None) -> tuple[StoredFile, ...]:
        """The files of a project, or (None) of all, in order of creation."""
        stored = (file for key in self._keys(project) for file in self.of(key).files.values())
        return tuple(sorted(stored, key=lambda file: file.number))

    def jobs(self, project: str | None = None) -> tuple[Job, ...]:
        """The jobs of a project, or (None) of all, in order of creation."""
        jobs = (job for key in self._keys(project) for job in self.of(key).jobs.values())
        return tuple(sorted(jobs, key=lambda job: job.number))

    def jobs_now(self) -> tuple[TranscriptionRecord, ...]:
        """The jobs of all projects in order of creation, brought up to date."""
        return tuple(self.advance(job) for job in self.jobs())

    def _keys(self, project: str | None) -> tuple[str, ...]:
        return tuple(self._projects) if project is None else (project,)

    def settle_accounts(self) -> None:
        """Adds the usage of all jobs that have ended, if money is limited."""
        limits = self._state.limits
        if {limits.balance_usd, limits.monthly_budget_usd, limits.project.monthly_budget_usd} != {None}:
            self.jobs_now()

    def _delete_expired(self, project: Project) -> None:
        """Deletes files and jobs that are 30 days old, as the service does."""
        oldest_sec = self._state.clock.now_sec() - _RETENTION_SEC

        def is_old(row: tuple[str, StoredFile | Job]) -> bool:
            return row[1].created_sec <= oldest_sec

        # In order of creation: the first one that is not old ends the search.
        for file_id, _ in list(itertools.takewhile(is_old, project.files.items())):
            self.delete_file(project, file_id)
        for job_id, _ in list(itertools.takewhile(is_old, project.jobs.items())):
            self.delete_job(project, job_id)
