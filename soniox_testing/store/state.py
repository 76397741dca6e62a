"""Everything one fake remembers. No HTTP here: servers are started and stopped around it."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from ..script.failures import Failed
from ..script.faults import Faults
from ..script.keep import Keep
from ..script.limits import Limits
from ..script.transcripts import Script
from .downloads import refusal_of
from .keys import Keys
from .messages import Messages
from .projects import Projects
from .quotas import Quotas
from .sessions import KeptAudio
from .speeches import Speeches, SpeechRules
from .transcribers import TranscriberThread
from .usage import Usage
from .voices import Voices
from .webhooks import WebhookRules, Webhooks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..script.clock import Clock
    from ..script.progress import ProgressRule
    from ..script.records import RequestRecord
    from ..script.settings import AudioCheck, StreamStyle
    from ..script.transcripts import Failure
    from ..wire.uploaded_audio import Audio
    from .sessions import SessionLog
    from .transcribers import Transcriber

_MAX_BODY_CHARS = 4 * 1024 * 1024
_MOST_FAILURES = 100


class History:
    """What happened, in order.

    Args:
        keep: What is kept of it.
    """

    def __init__(self, keep: Keep) -> None:
        self.requests: deque[RequestRecord] = deque(maxlen=keep.records)
        self.sessions: deque[SessionLog] = deque(maxlen=keep.records)
        self.kept_audio: KeptAudio = KeptAudio(keep.audio_bytes)
        self.failures: list[Failed] = []
        """The first ones of the fake itself and of the test's functions; raised when the fake stops."""
        self.answered: int = 0
        """Number of requests, of which the last ones are kept."""
        self._most_body_chars = min(_MAX_BODY_CHARS, keep.audio_bytes or _MAX_BODY_CHARS)
        self._bodies: deque[int] = deque()
        """The lengths of the bodies of the last requests, which are kept."""
        self._body_chars = 0

    def add_request(self, record: RequestRecord) -> None:
        """Adds a request. The bodies of older ones are forgotten once all together are long."""
        self.answered += 1
        self.requests.append(replace(record, number=self.answered))
        self._bodies.append(len(record.body) + len(record.response))
        self._body_chars += self._bodies[-1]
        while self._body_chars > self._most_body_chars or len(self._bodies) > len(self.requests):
            self._body_chars -= self._bodies.popleft()
            oldest = len(self.requests) - len(self._bodies) - 1
            if oldest >= 0:
                self.requests[oldest] = replace(self.requests[oldest], body="", response="")


class State:
    """The memory of one fake. Hold ``lock`` to read or change anything in it."""

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
        voices: Iterable[str] | None = None,
        audio: AudioCheck = "checked",
        style: StreamStyle = "real",
        operations: frozenset[str] = frozenset(),
        keep: Keep | None = None,
    ) -> None:
        self.keep: Keep = keep or Keep()
        self.lock: threading.RLock = threading.RLock()
        self.clock = clock
        self.max_file_size_bytes = max_file_size_bytes
        self.limits: Limits = limits or Limits()
        self.quotas: Quotas = Quotas(self)
        self.keys: Keys = Keys(api_keys)
        self.history: History = History(self.keep)
        self.messages: Messages = Messages(clock)
        self.projects: Projects = Projects(self, progress)
        self.webhooks: Webhooks = Webhooks(self, webhooks or WebhookRules())
        self.audio: AudioCheck = audio
        self.style: StreamStyle = style
        self.transcriber: TranscriberThread = TranscriberThread(self, transcriber)
        self.script: Script = Script()
        self.usage: Usage = Usage(clock, self.keys.project_of, self.keep.records)
        self.voices: Voices = Voices(clock, progress, self.keys.project_of, voices, self.keep.stored)
        self.speeches: Speeches = Speeches(self, speech or SpeechRules())
        self.faults: Faults = Faults(self.lock, clock, operations, self.voices.failures.clear)
        self.conversation_threads: list[threading.Thread] = []
        self.stopping: threading.Event = threading.Event()
        """Set while the server does not run; needs no lock."""

    def conversations(self) -> list[threading.Thread]:
        """The threads of the functions of sessions; each is returned once."""
        with self.lock:
            threads, self.conversation_threads = self.conversation_threads, []
            return threads

    def audio_refusal(self, audio: Audio, name: str) -> Failure | None:
        """Why a job fails whose audio has no script; None: it does not, for that reason."""
        return refusal_of(audio, name) if self.audio == "checked" else None

    def remember_failure(self, error: BaseException, doing: str = "serving") -> None:
        """Stores a failure of the fake itself, which is raised when the fake stops.

        Args:
            error: What was raised.
            doing: During what, such as ``answering GET /v1/files``.
        """
        with self.lock:
            if len(self.history.failures) < _MOST_FAILURES:
                self.history.failures.append(Failed(error, doing))
