"""FakeSoniox: the fake server as a test holds it."""

from __future__ import annotations

import time
import traceback
from typing import TYPE_CHECKING

from .clock import Clock
from .listener import Listener
from .progress import DEFAULT_PROGRESS
from .realtime.endpoint import STT_PATH, SttEndpoint
from .realtime.faults import drop_fault, error_fault
from .realtime.stt_session import SttRules
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
    from .realtime.faults import Fault
    from .records import FileRecord, SessionRecord, TranscriptionRecord
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

    Uploads are kept, jobs move by themselves, realtime streams are answered, and every audio has a transcript,
    scripted or not. May be used from any thread.

    Args:
        api_keys: The keys that are accepted; others are answered with 401. None: every key is accepted. Each
            key is a project of its own, which does not see what belongs to another.
        host: Name or address to listen on.
        port: Port to listen on; 0 picks a free one.
        progress: How jobs move, see ``after_seconds`` and ``after_polls``. The default needs 0.04 seconds.
        clock: Source of monotonic seconds; give a ``VirtualClock`` to drive time in a test.
        speed: Seconds of the fake's time for each second of ``clock``: with 60, the 20 seconds after which a
            silent realtime session ends are a third of a second.
        started_at: The wall time that belongs to what ``clock()`` says now; None: the real time.
        max_file_size_bytes: Uploads above this size are refused.
        key_in_start_message: Whether a realtime session may bring its key as late as in the start message. The
            service will refuse that from 15 January 2027 on.
        empty_binary_ends: Whether an empty binary message ends the audio of a realtime session, as one old client
            expects; the service takes it for audio that is empty.
        strict_audio: Whether realtime audio without a header is refused where ``audio_format`` needs one: 408 for
            ``auto``, 400 for ``wav``. Otherwise it is accepted, as 16,000 bytes a second.

    Raises:
        ValueError: An API key is empty, or the speed is not above 0.
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
        speed: float = 1.0,
        max_file_size_bytes: int = _GIBIBYTE,
        key_in_start_message: bool = True,
        empty_binary_ends: bool = False,
        strict_audio: bool = False,
    ) -> None:
        keys = None if api_keys is None else tuple(api_keys)
        if keys is not None and not all(keys):
            raise ValueError("an API key must not be empty")
        if not speed > 0:
            raise ValueError(f"speed must be above 0, not {speed}")
        self._state = State(
            api_keys=keys,
            clock=Clock(clock, started_at, speed),
            progress=progress,
            max_file_size_bytes=max_file_size_bytes,
        )
        families = (files, transcriptions, models, auth)
        router = Router(self._state, (route for family in families for route in family.ROUTES))
        stt = SttEndpoint(self._state, SttRules(key_in_start_message, empty_binary_ends, strict_audio))
        self._listener = Listener(
            router.respond, self._state.remember_failure, {STT_PATH: stt.serve}, host=host, port=port
        )
        self._url: str | None = None

    def start(self) -> Self:
        """Begins to listen; does nothing when it already does.

        Returns:
            This object.

        Raises:
            OSError: The address cannot be had, for example because the port is in use.
        """
        if not self._listener.is_running():
            self._state.stopping.clear()
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
            self._state.stopping.set()
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
    def stt_websocket_url(self) -> str:
        """Where realtime speech-to-text sessions are opened: ``ws://HOST:PORT/transcribe-websocket``."""
        return f"ws{self.url.removeprefix('http')}{STT_PATH}"

    @property
    def api_key(self) -> str:
        """A key that this server accepts."""
        keys = self._state.api_keys
        return keys[0] if keys else _DEFAULT_KEY

    def environment(self) -> dict[str, str]:
        """The environment variables for code that builds its own client from them."""
        return {
            "SONIOX_API_KEY": self.api_key,
            "SONIOX_API_BASE_URL": self.api_base_url,
            "SONIOX_WS_URL": self.stt_websocket_url,
        }

    def add_transcript(
        self,
        transcript: str | Sequence[Word],
        *,
        filename: str | None = None,
        client_reference_id: str | None = None,
    ) -> None:
        """Says what the next audio says.

        Each transcript is used for one job or one realtime session, in the order they were added. Without one, a
        job's words are derived from the audio: the same bytes say the same. A session then says sentences of eight
        words, which depend on its ``client_reference_id`` only.

        In a session, words without times come 2.5 a second, with a pause after each sentence; those that are left
        when the audio ends are said then. Words with times are said at their times, if the audio is that long.

        Args:
            transcript: A text, or words with times, speakers, languages.
            filename: Only for audio of this file name, or whose URL path ends with it; so not for a session.
            client_reference_id: Only for a job or a session with this reference, or a job on a file with it.

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

    def fail_next_session(
        self,
        error_type: str,
        message: str | None = None,
        *,
        status_code: int | None = None,
        after_audio_ms: int | None = None,
    ) -> None:
        """Lets the next realtime session end with an error message. Failures are used up in the order they were added.

        Only a valid start message uses one up. A session that fails at its start takes no transcript.

        Args:
            error_type: The message's ``error_type``, such as ``service_unavailable``.
            message: The message's ``error_message``; None: a text that says the fake was told so.
            status_code: The message's ``error_code``; None: the one that belongs to the type.
            after_audio_ms: Once so many milliseconds of audio have been answered; None: in answer to the start message.

        Raises:
            ValueError: No code belongs to the type and none is given, or the time is negative.
        """
        self._add_fault(error_fault(error_type, message, status_code, after_audio_ms))

    def drop_next_session(self, *, after_audio_ms: int | None = None, how: str = "reset") -> None:
        """Lets the connection of the next realtime session break, in one queue with ``fail_next_session``.

        Args:
            after_audio_ms: Once so many milliseconds of audio have been answered; None: in answer to the start message.
            how: ``reset``: the TCP connection ends at once. ``stall``: it stays open until the fake stops, but nothing
                is read or answered any more, pings included. ``close:1011``: a close frame with this code.

        Raises:
            ValueError: There is no such way, or the time is negative.
        """
        self._add_fault(drop_fault(how, after_audio_ms))

    def _add_fault(self, fault: Fault) -> None:
        with self._state.lock:
            self._state.session_faults.append(fault)

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

    @property
    def sessions(self) -> tuple[SessionRecord, ...]:
        """The realtime sessions so far, of all keys, in the order they were opened, as they stand now."""
        with self._state.lock:
            return tuple(log.record() for log in self._state.sessions)

    def session_audio(self, session_id: str) -> bytes:
        """The audio that a realtime session received; what came as base64 is decoded.

        Raises:
            KeyError: There was no session with this id.
        """
        with self._state.lock:
            for log in self._state.sessions:
                if log.id == session_id:
                    return log.audio()
        raise KeyError(session_id)
