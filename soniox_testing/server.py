"""FakeSoniox: the fake server as a test holds it."""

from __future__ import annotations

import time
import traceback
from typing import TYPE_CHECKING

from .clock import Clock
from .listener import Listener
from .progress import DEFAULT_PROGRESS
from .rest import auth, files, models, transcriptions
from .rest.router import Router
from .scripting import Failure, Line, words_of
from .state import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from types import TracebackType

    from typing_extensions import Self

    from .progress import ProgressRule
    from .records import FileRecord, TranscriptionRecord
    from .scripting import Word

_DEFAULT_KEY = "fake-soniox-key"
_GIBIBYTE = 1024**3
_REACHABLE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not listened on


class FakeSonioxError(RuntimeError):
    """The fake server itself failed, whatever the test thought of it.

    Args:
        failures: What was raised inside the server, oldest first; kept as the attribute of this name.
    """

    def __init__(self, failures: Sequence[BaseException]) -> None:
        self.failures = tuple(failures)
        # As text and not as the cause, which would hide the exception that a failing test has in flight.
        first = "".join(traceback.format_exception(self.failures[0]))
        super().__init__(f"the fake server failed {len(self.failures)} time(s), first with:\n{first}")


class FakeSoniox:
    """A Soniox server in this process, on a real port, with state of its own.

    Uploads are kept, jobs move by themselves, and every audio has a transcript, scripted or not. May be used
    from any thread.

    Args:
        api_keys: The keys that are accepted; others are answered with 401. None: every key is accepted. Each
            key is a project of its own, which does not see what belongs to another.
        host: Name or address to listen on.
        port: Port to listen on; 0 picks a free one.
        progress: How jobs move, see ``after_seconds`` and ``after_polls``. The default needs 0.04 seconds.
        clock: Source of monotonic seconds; give another one to drive time in a test.
        started_at: The wall time that belongs to what ``clock()`` says now; None: the real time.
        max_file_size_bytes: Uploads above this size are refused.
    """

    def __init__(
        self,
        *,
        api_keys: Iterable[str] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        progress: ProgressRule = DEFAULT_PROGRESS,
        clock: Callable[[], float] = time.monotonic,
        started_at: datetime | None = None,
        max_file_size_bytes: int = _GIBIBYTE,
    ) -> None:
        keys = None if api_keys is None else tuple(api_keys)
        if keys is not None and not all(keys):
            raise ValueError("an API key must not be empty")
        self._state = State(
            api_keys=keys,
            clock=Clock(clock, started_at),
            progress=progress,
            max_file_size_bytes=max_file_size_bytes,
        )
        families = (files, transcriptions, models, auth)
        router = Router(self._state, (route for family in families for route in family.ROUTES))
        self._listener = Listener(router.respond, self._state.remember_failure, host=host, port=port)
        self._url: str | None = None

    def start(self) -> Self:
        """Begins to listen; does nothing when it already does.

        Returns:
            This object.

        Raises:
            OSError: The address cannot be had, for example because the port is in use.
        """
        if not self._listener.is_running():
            self._listener.start()
            host = self._listener.host
            host = self._listener.format_host(_REACHABLE.get(host, host))
            self._url = f"http://{host}:{self._listener.port}"
        return self

    def stop(self) -> None:
        """Stops listening and ends all connections; does nothing when stopped. What it holds stays readable.

        Raises:
            FakeSonioxError: The fake itself failed at something since it was started.
        """
        if self._listener.is_running():
            self._listener.stop()
        with self._state.lock:
            failures, self._state.failures = self._state.failures, []
        if failures:
            raise FakeSonioxError(failures)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where the server listens, such as ``http://127.0.0.1:8080``, also after it stopped.

        Raises:
            RuntimeError: It was never started.
        """
        if self._url is None:
            raise RuntimeError("this FakeSoniox was not started: use it in a with statement, or call start()")
        return self._url

    @property
    def api_base_url(self) -> str:
        """Where the REST API begins, as clients want to have it: ``url`` with ``/v1``."""
        return f"{self.url}/v1"

    @property
    def api_key(self) -> str:
        """A key that this server accepts."""
        keys = self._state.api_keys
        return keys[0] if keys else _DEFAULT_KEY

    def environment(self) -> dict[str, str]:
        """The environment variables for code that builds its own client from them."""
        return {"SONIOX_API_KEY": self.api_key, "SONIOX_API_BASE_URL": self.api_base_url}

    def add_transcript(
        self,
        transcript: str | Sequence[Word],
        *,
        filename: str | None = None,
        client_reference_id: str | None = None,
    ) -> None:
        """Says what the next audio says. Each transcript is used for one job, in the order they were added.

        Without one, the words are derived from the audio: the same bytes say the same.

        Args:
            transcript: A text, or words with times, speakers, languages.
            filename: Only for audio of this file name, or whose URL path ends with it.
            client_reference_id: Only for a job with this reference, or on a file with it.

        Raises:
            ValueError: The times of the words run backwards.
        """
        self._add(Line(words_of(transcript), filename, client_reference_id))

    def fail_next_job(
        self,
        error_type: str,
        message: str,
        *,
        filename: str | None = None,
        client_reference_id: str | None = None,
    ) -> None:
        """Lets the next job end in ``error``, even if transcripts are waiting: they stay for later jobs.

        Args:
            error_type: The job's ``error_type``, such as ``organization_balance_exhausted``.
            message: The job's ``error_message``.
            filename: Only for audio of this file name, or whose URL path ends with it.
            client_reference_id: Only for a job with this reference, or on a file with it.
        """
        self._add(Line(Failure(error_type, message), filename, client_reference_id))

    def _add(self, line: Line) -> None:
        with self._state.lock:
            self._state.script.lines.append(line)

    @property
    def files(self) -> tuple[FileRecord, ...]:
        """The files it holds, of all keys, in order of creation."""
        with self._state.lock:
            return tuple(file.record for file in self._state.files())

    @property
    def transcriptions(self) -> tuple[TranscriptionRecord, ...]:
        """The transcriptions it holds, of all keys, in order of creation, as they stand now."""
        with self._state.lock:
            return tuple(self._state.advance(job) for job in self._state.jobs())

    def file_content(self, file_id: str) -> bytes:
        """The bytes of an uploaded file.

        Raises:
            KeyError: It holds no file with this id.
        """
        with self._state.lock:
            for file in self._state.files():
                if file.record.id == file_id:
                    return file.read()
        raise KeyError(file_id)
