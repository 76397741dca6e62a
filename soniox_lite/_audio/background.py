"""Threads and tasks that send audio, text or keep-alives for a session."""

from __future__ import annotations

from threading import Event, Thread

from .._data.callbacks import check_callback, refuse_awaitable
from .._data.json_values import kind_of
from .._data.rules import FieldErrors
from ..errors import SonioxValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Iterator
    from typing import Protocol

    class AudioSender(Protocol):
        """A session that takes audio."""

        def send_bytes(self, chunks: bytes | Iterator[bytes], /) -> object:
            """Sends the audio and then the end of the audio."""
            ...

    class TextSender(Protocol):
        """A stream that takes text."""

        def send_text_chunks(self, chunks: str | Iterator[str], /, *, text_end: bool = True) -> object:
            """Sends the text, and then the end of the text if ``text_end``."""
            ...

    class KeptAlive(Protocol):
        """A session with a keep-alive message."""

        def keep_alive(self) -> object:
            """Sends a keep-alive message."""
            ...

    class AsyncKeptAlive(Protocol):
        """As :class:`KeptAlive`, for asyncio."""

        def keep_alive(self) -> Awaitable[object]:
            """Sends a keep-alive message."""
            ...


# The service may close a session that is silent for more than 20 seconds.
_MIN_INTERVAL_SEC = 1
_MAX_INTERVAL_SEC = 20


class SessionThread(Thread):
    """A thread that works for a session and reports its exception.

    The exception is kept here and passed to the session, whose next call raises it. For an object that is not one of
    this package's sessions, it is passed to :func:`threading.excepthook`, which prints it.
    """

    def __init__(
        self, session: object, work: Callable[[], object], *, name: str | None = None, daemon: bool = True
    ) -> None:
        super().__init__(name=name, daemon=daemon)
        check_callback("work", work)
        self._session = session
        self._work = work
        self._exception: BaseException | None = None

    @property
    def exception(self) -> BaseException | None:
        """The exception that ended the work; None if there was none so far."""
        return self._exception

    def run(self) -> None:
        """Runs the work. Called by :meth:`start`."""
        try:
            refuse_awaitable("work", self._work())
        except BaseException as error:  # not only Exception: SystemExit too must be reported
            self._exception = error
            fail = getattr(self._session, "_fail", None)
            if fail is None:
                raise
            fail(error)
        finally:
            # The caller may keep the thread for its exception; release the audio.
            del self._work, self._session

    def result(self, timeout: float | None = None) -> None:
        """Waits for the end of the thread and raises the exception that ended its work, if any.

        Args:
            timeout: Maximum wait in seconds; None for no limit.

        Raises:
            TimeoutError: The thread has not ended in that time.
            BaseException: The exception that ended the work.
        """
        self.join(timeout)
        if self.is_alive():
            raise TimeoutError(f"{self.name} has not ended after {timeout} seconds")
        self.raise_if_failed()

    def raise_if_failed(self) -> None:
        """Raises the exception that ended the work, if any. Does not wait.

        Raises:
            BaseException: The exception that ended the work.
        """
        if self._exception is not None:
            raise self._exception


def start_audio_thread(
    session: AudioSender, chunks: bytes | Iterator[bytes], *, name: str | None = None, daemon: bool = True
) -> SessionThread:
    """Starts a thread that sends audio and, after an iterator, the end of the audio.

    Args:
        session: An open session.
        chunks: An iterator such as :func:`throttle_audio` returns; or bytes, after which more may be sent: call
            ``finish()`` when that was all.
        name: Name of the thread; None for a default.
        daemon: Whether the program may end before the thread ends.

    Raises:
        SonioxValidationError: The session is an async one.
    """
    send = _sync_method(session, "send_bytes")
    thread = SessionThread(session, lambda: send(chunks), name=name or "soniox-audio", daemon=daemon)
    thread.start()
    return thread


def start_text_thread(
    session: TextSender,
    chunks: str | Iterator[str],
    *,
    text_end: bool = True,
    name: str | None = None,
    daemon: bool = True,
) -> SessionThread:
    """Starts a thread that sends text and then the end of the text.

    Args:
        session: An open stream, or a single-stream connection.
        chunks: A text, or an iterator of texts such as the output of a language model.
        text_end: Whether to send the end of the text.
        name: Name of the thread; None for a default.
        daemon: Whether the program may end before the thread ends.

    Raises:
        SonioxValidationError: The session is an async one.
    """
    send = _sync_method(session, "send_text_chunks")
    thread = SessionThread(session, lambda: send(chunks, text_end=text_end), name=name or "soniox-text", daemon=daemon)
    thread.start()
    return thread


def start_keep_alive_thread(
    session: KeptAlive, *, interval_seconds: float = 10.0, name: str | None = None, daemon: bool = True
) -> tuple[SessionThread, Event]:
    """Starts a thread that keeps a session open without audio: it sends a keep-alive now and then at intervals.

    Args:
        session: An open session.
        interval_seconds: Time between two keep-alives, 1 to 20.
        name: Name of the thread; None for a default.
        daemon: Whether the program may end before the thread ends.

    Returns:
        The thread, and an event: set it to stop the thread.

    Raises:
        SonioxValidationError: The interval is out of range, or the session is an async one.
    """
    _check_interval(interval_seconds)
    keep_alive = _sync_method(session, "keep_alive")
    stop = Event()

    def work() -> None:
        while not stop.is_set():
            keep_alive()
            stop.wait(interval_seconds)

    thread = SessionThread(session, work, name=name or "soniox-keep-alive", daemon=daemon)
    thread.start()
    return thread, stop


async def keep_alive_async(
    session: AsyncKeptAlive, *, interval_seconds: float = 10.0, stop_event: asyncio.Event | None = None
) -> None:
    """Keeps a session open without audio: sends a keep-alive now and then at intervals, until stopped.

    Args:
        session: An open session.
        interval_seconds: Time between two keep-alives, 1 to 20.
        stop_event: Set it to stop. None: this runs until the task is cancelled.

    Raises:
        SonioxValidationError: The interval is out of range.
        SonioxRealtimeError: A keep-alive could not be sent.
    """
    import asyncio  # noqa: PLC0415 - the sync client does not need it

    from .._data.loop_timers import call_later  # noqa: PLC0415 - as above

    _check_interval(interval_seconds)
    stop = asyncio.Event() if stop_event is None else stop_event
    while not stop.is_set():
        await session.keep_alive()
        stopped = asyncio.ensure_future(stop.wait())
        timer = call_later(asyncio.get_running_loop(), interval_seconds, stopped.cancel)
        try:
            await asyncio.wait([stopped])
        finally:
            timer.cancel()
            stopped.cancel()


def _check_interval(interval_seconds: object) -> None:
    with FieldErrors("the keep-alive") as check:
        if check.required("interval_seconds", interval_seconds):
            bounds = {"minimum": _MIN_INTERVAL_SEC, "maximum": _MAX_INTERVAL_SEC}
            check.number("interval_seconds", interval_seconds, **bounds)


def _sync_method(session: object, name: str) -> Callable[..., object]:
    """A method of a sync session. Calling one of an async session would only create a coroutine."""
    import inspect  # noqa: PLC0415 - dataclasses have loaded it

    method: Callable[..., object] | None = getattr(session, name, None)
    if not callable(method) or inspect.iscoroutinefunction(method):
        raise SonioxValidationError(f"session must be a sync one with {name}(), got {kind_of(session)}")
    return method
