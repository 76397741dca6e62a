"""Everything one fake remembers. No HTTP here: listeners and protocols come and go around it."""

from __future__ import annotations

import itertools
import threading
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from .jobs import Job
from .scripting import Script

if TYPE_CHECKING:
    from .audio import Audio
    from .clock import Clock
    from .progress import ProgressRule
    from .realtime.faults import Fault
    from .realtime.session_log import SessionLog
    from .records import FileRecord, TranscriptionRecord
    from .temporary_keys import TemporaryKey


class StoredFile:
    """An uploaded file with its content, which lives in memory or in an anonymous temporary file."""

    def __init__(self, number: int, record: FileRecord, content: BinaryIO, audio: Audio) -> None:
        self.number = number
        self.record = record
        self.audio = audio
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
    ) -> None:
        self.lock = threading.RLock()
        self.api_keys = api_keys
        self.clock = clock
        self.progress = progress
        self.max_file_size_bytes = max_file_size_bytes
        self.script = Script()
        self.numbers = itertools.count(1)
        self.temporary_keys: dict[str, TemporaryKey] = {}
        self.sessions: list[SessionLog] = []
        self.session_faults: list[Fault] = []
        self.stopping = threading.Event()
        """Set while the server does not run; needs no lock."""
        self.failures: list[BaseException] = []
        self._projects: dict[str, Project] = {}

    def project(self, api_key: str) -> Project:
        """The project of a key, made when it is first used."""
        return self._projects.setdefault(api_key, Project())

    def remember_failure(self, error: BaseException) -> None:
        """Keeps a failure of the fake itself, so that the test hears of it."""
        with self.lock:
            self.failures.append(error)

    def advance(self, job: Job) -> TranscriptionRecord:
        """A job brought up to date, without counting as a look."""
        return job.advance(self.progress, self.clock.now_sec())

    def look(self, job: Job) -> TranscriptionRecord:
        """A job brought up to date for a client."""
        return job.look(self.progress, self.clock.now_sec())

    def delete_file(self, project: Project, file_id: str) -> None:
        """Forgets a file; jobs on it that have not begun will fail."""
        del project.files[file_id]
        for job in project.jobs.values():
            if job.record.file_id == file_id and self.advance(job).status == "queued":
                job.file_gone = True

    def files(self) -> tuple[StoredFile, ...]:
        """The files of all projects in order of creation."""
        stored = (file for project in self._projects.values() for file in project.files.values())
        return tuple(sorted(stored, key=lambda file: file.number))

    def jobs(self) -> tuple[Job, ...]:
        """The jobs of all projects in order of creation."""
        jobs = (job for project in self._projects.values() for job in project.jobs.values())
        return tuple(sorted(jobs, key=lambda job: job.number))
