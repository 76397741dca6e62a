"""Everything one fake remembers. No HTTP here: listeners and protocols come and go around it."""

from __future__ import annotations

import itertools
import threading
import weakref
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from ..script.failures import Failed
from ..script.faults import Faults
from ..script.limits import BUDGET_MESSAGES, Limits, RequestRate
from ..script.transcripts import Failure, Script
from .jobs import Job
from .speeches import Speeches, SpeechRules
from .transcribers import Transcription
from .usage import Usage
from .voices import Voices
from .webhooks import WebhookRules, Webhooks

if TYPE_CHECKING:
    from ..script.clock import Clock
    from ..script.permissions import Permission
    from ..script.progress import ProgressRule
    from ..script.records import FileRecord, RequestRecord, TranscriptionRecord
    from ..wire.uploaded_audio import Audio
    from .keys import TemporaryKey
    from .sessions import SessionLog
    from .transcribers import Transcriber

_RETENTION_SEC = 30 * 24 * 3600.0
_HISTORY = 10_000
_ENDED = frozenset({"completed", "error"})


class StoredFile:
    """An uploaded file with its content, which lives in memory or in an anonymous temporary file."""

    def __init__(self, number: int, record: FileRecord, content: BinaryIO, audio: Audio, created_sec: float) -> None:
        self.number = number
        self.record = record
        self.audio = audio
        self.created_sec = created_sec
        self._content = content
        # The content stays readable after the server stopped, so it is closed when nobody holds this file any more.
        weakref.finalize(self, content.close)

    def read(self) -> bytes:
        """The whole content."""
        self._content.seek(0)
        return self._content.read()


@dataclass
class Project:
    """What belongs to one API key, each in order of creation."""

    files: dict[str, StoredFile] = field(default_factory=dict[str, StoredFile])
    jobs: dict[str, Job] = field(default_factory=dict[str, Job])


class State:
    """The memory of one fake. Whoever touches anything in it holds ``lock``."""

    def __init__(
        self,
        *,
        api_keys: tuple[str, ...] | None,
        clock: Clock,
        progress: ProgressRule,
        max_file_size_bytes: int,
        limits: Limits | None = None,
        webhooks: WebhookRules | None = None,
        transcriber: Transcriber | None = None,
        speech: SpeechRules | None = None,
        operations: frozenset[str] = frozenset(),
    ) -> None:
        self.lock: threading.RLock = threading.RLock()
        self.api_keys = api_keys
        self.clock = clock
        self.progress = progress
        self.max_file_size_bytes = max_file_size_bytes
        self.limits: Limits = limits or Limits()
        self.permissions: dict[str, frozenset[Permission]] = {}
        """Of the keys that are restricted."""
        self.request_rate: RequestRate = RequestRate()
        self.requests: deque[RequestRecord] = deque(maxlen=_HISTORY)
        self.uploads: deque[FileRecord] = deque(maxlen=_HISTORY)
        """Also of files that were deleted."""
        self.created_jobs: deque[Job] = deque(maxlen=_HISTORY)
        """Also those that were deleted."""
        self.webhooks: Webhooks = Webhooks(self, webhooks or WebhookRules())
        self.transcription: Transcription = Transcription(self, transcriber)
        self.script: Script = Script()
        self.numbers: itertools.count[int] = itertools.count(1)
        self.temporary_keys: dict[str, TemporaryKey] = {}
        self.usage: Usage = Usage(clock, self.project_key)
        self.voices: Voices = Voices(clock, progress, self.project_key)
        self.connections: Counter[str] = Counter()
        """WebSockets whose keys were accepted, by the type of temporary keys that open them."""
        self.sessions: list[SessionLog] = []
        self.speeches: Speeches = Speeches(self, speech or SpeechRules())
        self.faults: Faults = Faults(self.lock, clock, operations, self.voices.failures.clear)
        self.conversation_threads: list[threading.Thread] = []
        self.stopping: threading.Event = threading.Event()
        """Set while the server does not run; needs no lock."""
        self.failures: list[Failed] = []
        self._projects: dict[str, Project] = {}

    def conversations(self) -> list[threading.Thread]:
        """The threads of the functions of sessions, each handed out once."""
        with self.lock:
            threads, self.conversation_threads = self.conversation_threads, []
            return threads

    def project(self, api_key: str) -> Project:
        """The project of a key, made when it is first used."""
        project = self._projects.setdefault(api_key, Project())
        self._delete_expired(project)
        return project

    def project_key(self, api_key: str) -> str:
        """The permanent key that stands for the project of a key: itself, or the one that created a temporary key."""
        temporary = self.temporary_keys.get(api_key)
        return api_key if temporary is None else temporary.project

    def may(self, api_key: str, permission: Permission) -> bool:
        """Whether a key is allowed to do something."""
        granted = self.permissions.get(api_key)
        return granted is None or permission in granted

    def session_refusal(self, api_key: str, permission: Permission) -> tuple[str, str] | None:
        """Why a realtime session may not start now: error type and message; None when it may.

        Args:
            api_key: The permanent key; a temporary key has all permissions.
            permission: For the kind of session.
        """
        if not self.may(api_key, permission):
            return "permission_denied", f"This API key does not have the permission {permission}."
        if self.limits.exhausted is not None:
            return self.limits.exhausted, BUDGET_MESSAGES[self.limits.exhausted]
        most = self.limits.max_realtime_sessions
        if most is not None and self.usage.running("stt") >= most:
            return "limit_exceeded", f"The limit of {most} concurrent realtime sessions is reached."
        return None

    def remember_failure(self, error: BaseException, doing: str = "serving") -> None:
        """Keeps a failure of the fake itself, so that the test hears of it.

        Args:
            error: What was raised.
            doing: During what, such as ``answering GET /v1/files``.
        """
        with self.lock:
            self.failures.append(Failed(error, doing))

    def advance(self, job: Job, at_sec: float | None = None) -> TranscriptionRecord:
        """A job brought up to date, without counting as a look.

        Args:
            job: Which.
            at_sec: To which moment of the fake's clock; None: now.
        """
        at_sec = self.clock.now_sec() if at_sec is None else at_sec
        before = job.record.status
        budget = self.limits.exhausted
        refusal = None if budget is None else Failure(budget, BUDGET_MESSAGES[budget])
        record = job.advance(self.progress, at_sec, refusal)
        if record.status in _ENDED and before not in _ENDED:
            if record.status == "completed":
                self._count(job, at_sec)
            self.webhooks.job_ended(job, at_sec)
        return record

    def _count(self, job: Job, ended_sec: float) -> None:
        record = job.record
        self.usage.stt_used(
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
        """A job brought up to date for a client, otherwise as ``advance``."""
        record = self.advance(job, at_sec)
        job.looks += 1
        return record

    def add_file(self, project: Project, stored: StoredFile) -> None:
        """Keeps an uploaded file."""
        project.files[stored.record.id] = stored
        self.uploads.append(stored.record)

    def add_job(self, project: Project, job: Job) -> None:
        """Keeps a new job, which moves from now on."""
        project.jobs[job.record.id] = job
        self.created_jobs.append(job)
        self.webhooks.job_created(job)

    def delete_job(self, project: Project, transcription_id: str) -> None:
        """Forgets a job."""
        job = project.jobs.pop(transcription_id)
        job.awaits_words = False
        self.webhooks.job_deleted(job)

    def delete_file(self, project: Project, file_id: str) -> None:
        """Forgets a file; jobs on it that have not begun will fail."""
        del project.files[file_id]
        for job in project.jobs.values():
            if job.record.file_id == file_id and self.advance(job).status == "queued":
                job.file_gone = True

    def files(self) -> tuple[StoredFile, ...]:
        """The files of all projects in order of creation."""
        stored = (file for key in self._projects for file in self.project(key).files.values())
        return tuple(sorted(stored, key=lambda file: file.number))

    def jobs(self) -> tuple[Job, ...]:
        """The jobs of all projects in order of creation."""
        jobs = (job for key in self._projects for job in self.project(key).jobs.values())
        return tuple(sorted(jobs, key=lambda job: job.number))

    def jobs_now(self) -> tuple[TranscriptionRecord, ...]:
        """The jobs of all projects in order of creation, brought up to date."""
        return tuple(self.advance(job) for job in self.jobs())

    def _delete_expired(self, project: Project) -> None:
        """Forgets what is 30 days old, as the service does."""
        oldest_sec = self.clock.now_sec() - _RETENTION_SEC

        def is_old(row: tuple[str, StoredFile | Job]) -> bool:
            return row[1].created_sec <= oldest_sec

        # As they are in order of creation, this looks at one that is not old, and no further.
        for file_id, _ in list(itertools.takewhile(is_old, project.files.items())):
            self.delete_file(project, file_id)
        for job_id, _ in list(itertools.takewhile(is_old, project.jobs.items())):
            self.delete_job(project, job_id)
