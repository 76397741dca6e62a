"""Downloads audio, and calls the test's transcriber: a function that may run a real speech recognizer.

Jobs wait in a queue for one thread, which runs while the queue is not empty. Requests are served meanwhile, and a job
does not complete before it has its audio and its words. A session calls the function in its own thread, when its audio
has ended.
"""

from __future__ import annotations

import contextlib
import copy
import http.client
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ..script.transcripts import Failure, Word, words_of
from ..wire.uploaded_audio import audio_of_bytes
from .downloads import fetch, not_downloaded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..wire.uploaded_audio import Audio
    from .jobs import Job
    from .projects import StoredFile
    from .state import State

_MAX_SETTLE_SEC = 10.0

Transcriber: TypeAlias = Callable[[bytes, dict[str, Any]], str | Sequence[Word]]
"""Returns the words of an audio, from its bytes and the request; see ``FakeSoniox(transcriber=...)``."""


@dataclass(frozen=True)
class _Waiting:
    """A job that needs its audio, or words."""

    job: Job
    source: StoredFile | str
    """An uploaded file, or a URL."""
    config: Mapping[str, Any]


class TranscriberThread:
    """The thread that gets the audio and the words of jobs. May be used from any thread."""

    def __init__(self, state: State, transcriber: Transcriber | None) -> None:
        self._state = state
        self._transcriber = transcriber
        self._calling = threading.Lock()
        """Held during each call: many recognizers are not thread-safe."""
        self._turns = threading.Condition(state.lock)
        self._waiting: deque[_Waiting] = deque()
        self._started = False
        self._thread: threading.Thread | None = None
        """The running worker; a worker that is not this one ends."""
        self._following = contextlib.ExitStack()

    @property
    def is_wanted(self) -> bool:
        """Whether there is a transcriber."""
        return self._transcriber is not None

    def start(self) -> None:
        """Starts, or resumes after ``stop``."""
        self._following.enter_context(self._state.clock.followed_by(self))
        with self._turns:
            self._started = True
            self._wake()

    def stop(self) -> list[threading.Thread]:
        """Stops the worker after its current job.

        Returns:
            The worker, if it runs; it ends by itself.
        """
        with self._turns:
            self._started = False
            thread, self._thread = self._thread, None
            self._turns.notify_all()
        self._following.close()
        return [] if thread is None or thread is threading.current_thread() else [thread]

    def settle(self) -> None:
        """Returns when no job waits for words, or after 10 seconds; for other threads."""
        with self._turns:
            thread = self._thread
            if thread is not None and thread is not threading.current_thread():
                self._turns.wait_for(lambda: self._thread is not thread, _MAX_SETTLE_SEC)

    def add(self, job: Job, source: StoredFile | str, config: Mapping[str, Any]) -> None:
        """Queues a new job; hold the lock of the state.

        Args:
            job: It does not complete before it has its audio and, if there is a transcriber, its words.
            source: Its file, or the URL of its audio, which is downloaded unless the test has said what is there.
            config: The body of the request.
        """
        job.awaits_words = True
        self._waiting.append(_Waiting(job, source, config))
        self._wake()

    def outcome(self, audio: bytes, config: Mapping[str, Any]) -> tuple[Word, ...] | Failure:
        """Calls the transcriber. What it raises is remembered and becomes a failure. Do not hold the lock of the state.

        Args:
            audio: As the client sent it.
            config: The body of the request or start message; the transcriber gets a copy.
        """
        if self._transcriber is None:
            raise AssertionError
        try:
            with self._calling:
                words = self._transcriber(audio, copy.deepcopy(dict(config)))
            if not isinstance(words, str):
                words = tuple(words)
                if not all(isinstance(word, Word) for word in words):
                    raise TypeError(f"a transcriber returns a str or a sequence of Word, not {words!r}"[:500])
            return words_of(words)
        except BaseException as error:  # noqa: BLE001 - includes pytest.fail; an exception of a thread would be lost
            self._state.remember_failure(error, "calling the transcriber")
            what = f"The transcriber of this fake server failed: {type(error).__name__}: {error}"
            return Failure("internal_error", what)

    def _wake(self) -> None:
        """Starts the worker if a job waits; hold the lock."""
        if self._started and self._waiting and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="fake-soniox-transcriber", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while (waiting := self._take()) is not None:
            audio, content = self._audio(waiting)
            if isinstance(content, Failure):
                self._complete(waiting.job, audio, content)
            elif self._transcriber is None:
                self._complete(waiting.job, audio, self._state.audio_refusal(audio, waiting.job.record.filename))
            else:
                self._complete(waiting.job, audio, self.outcome(content, waiting.config))

    def _take(self) -> _Waiting | None:
        """The next job that waits; None: the worker has to end."""
        with self._turns:
            ours = self._thread is threading.current_thread()
            while ours and self._waiting:
                waiting = self._waiting.popleft()
                if waiting.job.awaits_words:
                    return waiting
            if ours:
                self._thread = None
            self._turns.notify_all()
            return None

    def _audio(self, waiting: _Waiting) -> tuple[Audio, bytes | Failure]:
        """The audio of a job with its bytes, or why they cannot be had."""
        source = waiting.source
        with self._turns:
            if not isinstance(source, str):
                return waiting.job.audio, source.read()
            download = self._state.script.downloads.get(source)
        try:
            download = download or fetch(source, self._state.max_file_size_bytes)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return waiting.job.audio, not_downloaded(source, f"{type(error).__name__}: {error}")
        if not 200 <= download.status_code < 300:
            return waiting.job.audio, not_downloaded(source, f"status {download.status_code}")
        return audio_of_bytes(download.content), download.content

    def _complete(self, job: Job, audio: Audio, outcome: tuple[Word, ...] | Failure | None) -> None:
        with self._turns:
            if not job.awaits_words:  # deleted meanwhile
                return
            job.awaits_words = False
            job.audio, job.outcome = audio, outcome
            try:
                # If it only waited for words it completes now, and its webhook is sent.
                self._state.projects.advance(job)
            except Exception as failure:  # noqa: BLE001 - from the test's progress rule; raised when the fake stops
                self._state.remember_failure(failure, f"completing the transcription {job.record.id}")
