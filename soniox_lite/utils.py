"""Helpers around realtime sessions: audio in chunks and at a pace, WAV headers, tokens as text, background threads.

Audio comes from a path, from bytes (or anything bytes-like), from a binary file object, which is read from where it
stands and not closed, or from an iterable of bytes-like pieces of any length. The async helpers also take async
iterables and file objects whose ``read`` is a coroutine function; what may block there runs on a worker thread.
"""

from __future__ import annotations

from threading import Event, Thread

from ._audio import chunks as _audio, wav as _wav
from ._audio.wav import WavFormat
from ._data.callbacks import check_callback, refuse_awaitable
from ._data.json_values import kind_of
from ._data.rules import FieldErrors
from .errors import SonioxValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    import os
    from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Generator, Iterable, Iterator
    from pathlib import Path
    from typing import Any, Protocol

    from typing_extensions import Buffer

    from .types.common import Token
    from .types.realtime import RealtimeSTTConfig

    class BinaryReader(Protocol):
        """A binary file object, as far as it is needed here."""

        def read(self, size: int, /) -> Buffer:
            """The next bytes, at most ``size``; none at the end."""
            ...

    class AsyncBinaryReader(Protocol):
        """The same for tasks."""

        def read(self, size: int, /) -> Awaitable[Buffer]:
            """The next bytes, at most ``size``; none at the end."""
            ...

    class AudioSender(Protocol):
        """A session that takes audio."""

        def send_bytes(self, chunks: bytes | Iterator[bytes], /) -> object:
            """Sends the audio and ends the stream."""
            ...

    class TextSender(Protocol):
        """A stream that takes text."""

        def send_text_chunks(self, chunks: str | Iterator[str], /, *, text_end: bool = True) -> object:
            """Sends the text, and ends it unless told not to."""
            ...

    class KeptAlive(Protocol):
        """A session that can be kept open without audio."""

        def keep_alive(self) -> object:
            """Sends a keep-alive message."""
            ...

    class AsyncKeptAlive(Protocol):
        """The same for tasks."""

        def keep_alive(self) -> Awaitable[object]:
            """Sends a keep-alive message."""
            ...

    FileInput = str | os.PathLike[str] | Buffer | BinaryReader
    AudioInput = FileInput | Iterable[Buffer]
    AsyncAudioInput = AudioInput | AsyncBinaryReader | AsyncIterable[Buffer]

__all__ = [
    "SessionThread",
    "WavFormat",
    "keep_alive_async",
    "output_file_for_audio_format",
    "read_wav_format",
    "render_tokens",
    "start_audio_thread",
    "start_keep_alive_thread",
    "start_text_thread",
    "stream_audio",
    "stream_audio_async",
    "stream_wav",
    "throttle_audio",
    "throttle_audio_async",
    "wav_config",
]

_EXTENSIONS = {
    **{name: name for name in ("aac", "flac", "mp3", "opus", "wav")},
    **{f"pcm_{kind}": "pcm" for kind in ("alaw", "f32le", "mulaw", "s16le")},
}
# The service may close a session that is silent for more than 20 seconds.
_MIN_INTERVAL_SEC = 1
_MAX_INTERVAL_SEC = 20


def stream_audio(file: AudioInput, *, chunk_size_bytes: int = 4096) -> Generator[bytes, None, None]:
    """Audio in chunks of one length; only the last may be shorter.

    A file is opened with the first chunk, and closed with the last or when the generator is closed.

    Args:
        file: Path, bytes-like, binary file object, or iterable of bytes-like.
        chunk_size_bytes: Length of a chunk.

    Raises:
        SonioxValidationError: An argument is none of these; or, with the first chunk or later, the file cannot be
            opened or read, or gives something else than bytes.
    """
    _audio.check_numbers(chunk_size_bytes)
    return _audio.cut(_audio.blocks_of(file, chunk_size_bytes), chunk_size_bytes)


def stream_audio_async(file: AsyncAudioInput, *, chunk_size_bytes: int = 4096) -> AsyncGenerator[bytes, None]:
    """As :func:`stream_audio`, for tasks: files are read on a worker thread, also an iterable other than a list.

    Args:
        file: As for :func:`stream_audio`; also an async iterable, or a file object with a coroutine function ``read``.
        chunk_size_bytes: Length of a chunk.

    Raises:
        SonioxValidationError: As :func:`stream_audio`.
    """
    from ._audio import chunks_async as _audio_async  # noqa: PLC0415 - threads shall not pay for asyncio

    _audio.check_numbers(chunk_size_bytes)
    return _audio_async.cut(_audio_async.blocks_of(file, chunk_size_bytes), chunk_size_bytes)


def throttle_audio(
    file: AudioInput, *, chunk_size_bytes: int = 4096, delay_seconds: float = 0.0
) -> Generator[bytes, None, None]:
    """Audio in chunks at a pace: chunk ``k`` comes ``k * delay_seconds`` after the first was asked for.

    The clock decides and not the time that the consumer takes, so that an hour of audio takes an hour. A consumer that
    is late finds the chunks whose time has passed at once, and the pause again as soon as it has caught up. For the
    pace of the recording, the delay is ``chunk_size_bytes / bytes_per_second`` (:class:`WavFormat` has that).

    Args:
        file: As for :func:`stream_audio`; its output is fit too.
        chunk_size_bytes: Length of a chunk.
        delay_seconds: From one chunk to the next; 0 for no pauses.

    Raises:
        SonioxValidationError: As :func:`stream_audio`; or the delay is negative or more than a day.
    """
    _audio.check_numbers(chunk_size_bytes, delay_seconds)
    return _audio.pace(stream_audio(file, chunk_size_bytes=chunk_size_bytes), delay_seconds)


def throttle_audio_async(
    file: AsyncAudioInput, *, chunk_size_bytes: int = 32768, delay_seconds: float = 0.0
) -> AsyncGenerator[bytes, None]:
    """As :func:`throttle_audio`, for tasks.

    Args:
        file: As for :func:`stream_audio_async`; its output is fit too.
        chunk_size_bytes: Length of a chunk; another default than the sync one's, as in the reference.
        delay_seconds: From one chunk to the next; 0 for no pauses.

    Raises:
        SonioxValidationError: As :func:`throttle_audio`.
    """
    from ._audio import chunks_async as _audio_async  # noqa: PLC0415 - threads shall not pay for asyncio

    _audio.check_numbers(chunk_size_bytes, delay_seconds)
    return _audio_async.pace(stream_audio_async(file, chunk_size_bytes=chunk_size_bytes), delay_seconds)


def read_wav_format(source: FileInput) -> WavFormat:
    """What the header of a WAV file tells about its audio.

    Only the header is read. A file object stands at the first sample afterwards, so that ``stream_audio(source)`` gives
    the samples, and also the chunks that may follow them: read no more than ``data_size_bytes``, or go back to the
    header and take :func:`stream_wav`.

    Args:
        source: Path, bytes-like, or binary file object that stands at the beginning of the header.

    Raises:
        SonioxValidationError: It is none of these, is no WAV file, is cut off in its header, or holds compressed audio;
            or its samples begin where it can only be told by looking further, and the file object cannot go back.
    """
    stream, is_ours = _wav.open_source(source)
    try:
        return _wav.read_header(stream)
    finally:
        if is_ours:
            stream.close()


def wav_config(source: FileInput, *, model: str, **options: Any) -> RealtimeSTTConfig:
    """The configuration of a session that gets the samples of this WAV file, without its header.

    ``audio_format``, ``sample_rate`` and ``num_channels`` are filled in. Send :func:`stream_wav` of a path or of bytes.
    A file object stands at the first sample afterwards: go back to its header and send :func:`stream_wav` of it, or, if
    it cannot go back, send the rest of it with :func:`stream_audio`, with the chunks that may follow the samples.

    Args:
        source: As for :func:`read_wav_format`.
        model: Realtime model.
        options: Any other field of :class:`~soniox_lite.types.realtime.RealtimeSTTConfig`.

    Raises:
        SonioxValidationError: As :func:`read_wav_format`; or an option is unknown or not valid, also one of the three
            that the header tells.
    """
    from .types.realtime import RealtimeSTTConfig  # noqa: PLC0415 - chunking alone does not need it

    told = {"audio_format", "sample_rate", "num_channels"} & options.keys()
    if told:
        raise SonioxValidationError(f"{', '.join(sorted(told))}: the header of the WAV file tells that")
    found = read_wav_format(source)
    return RealtimeSTTConfig.from_dict(
        {
            "model": model,
            "audio_format": found.audio_format,
            "sample_rate": found.sample_rate,
            "num_channels": found.num_channels,
            **options,
        }
    )


def stream_wav(source: FileInput, *, chunk_size_bytes: int = 4096) -> Generator[bytes, None, None]:
    """The samples of a WAV file in chunks of one length, without its header and what may follow the samples.

    Where the header was never completed, because the file was streamed or the recorder was stopped, they go on to the
    end. A complete file without audio gives no chunk.

    Args:
        source: As for :func:`read_wav_format`.
        chunk_size_bytes: Length of a chunk.

    Raises:
        SonioxValidationError: As :func:`read_wav_format`, with the first chunk.
    """
    _audio.check_numbers(chunk_size_bytes)
    return _audio.cut(_wav.samples(source, chunk_size_bytes), chunk_size_bytes)


def output_file_for_audio_format(audio_format: str, prefix: str) -> Path:
    """The path ``prefix`` with the extension that audio in a text-to-speech format has; nothing is made there.

    Raw samples get ``.pcm``, and an unknown format ``.bin``, as in the reference.

    Args:
        audio_format: Such as ``mp3``, ``wav`` or ``pcm_s16le``.
        prefix: The path without the extension. A dot in it is part of the name.
    """
    from pathlib import Path  # noqa: PLC0415 - only this needs it

    return Path(f"{prefix}.{_EXTENSIONS.get(audio_format, 'bin')}")


def render_tokens(final_tokens: Iterable[Token], non_final_tokens: Iterable[Token]) -> str:
    """A transcript to look at: a paragraph for each speaker, a line for each language.

    The format is the reference's: ``Speaker 1:``, ``[en]``, ``[Translation] [de]``. Nothing is left out, also not the
    marks ``<end>`` and ``<fin>``; the tokens of a :class:`~soniox_lite.transcript.TranscriptBuffer` have none.

    Args:
        final_tokens: All final tokens so far.
        non_final_tokens: Those of the last event.
    """
    parts: list[str] = []
    speaker = language = None
    for token in [*final_tokens, *non_final_tokens]:
        text = token.text
        if token.speaker not in (None, speaker):
            parts.append(f"{'' if speaker is None else chr(10) * 2}Speaker {token.speaker}:")
            # The language is told anew for each speaker.
            speaker, language = token.speaker, None
        if token.language not in (None, language):
            language = token.language
            parts.append(f"\n{'[Translation] ' if token.translation_status == 'translation' else ''}[{language}] ")
            text = text.lstrip()
        parts.append(text)
    return "".join(parts)


class SessionThread(Thread):
    """A thread that does something for a session, and whose failure is not lost.

    What goes wrong in it is told to the session, whose next call raises it, and is kept here. A session that cannot be
    told gets :func:`threading.excepthook` called, which prints it.
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
        """What went wrong; None if nothing did so far."""
        return self._exception

    def run(self) -> None:
        """Does the work; called by :meth:`start`."""
        try:
            refuse_awaitable("work", self._work())
        except BaseException as error:  # not only Exception: nothing may get lost
            self._exception = error
            fail = getattr(self._session, "_fail", None)
            if fail is None:
                raise
            fail(error)
        finally:
            # The thread may be kept for its exception; the audio need not.
            del self._work, self._session

    def result(self, timeout: float | None = None) -> None:
        """Waits for the end of the thread, and raises what went wrong in it.

        Args:
            timeout: Seconds to wait at most; None to wait for as long as it takes.

        Raises:
            TimeoutError: It is still at work.
            BaseException: What went wrong.
        """
        self.join(timeout)
        if self.is_alive():
            raise TimeoutError(f"{self.name} is still at work after {timeout} seconds")
        self.raise_if_failed()

    def raise_if_failed(self) -> None:
        """Raises what went wrong so far; does not wait.

        Raises:
            BaseException: What went wrong.
        """
        if self._exception is not None:
            raise self._exception


def start_audio_thread(
    session: AudioSender, chunks: bytes | Iterator[bytes], *, name: str | None = None, daemon: bool = True
) -> SessionThread:
    """Sends audio, and the end of the stream after it, from a thread of its own, which has been started.

    Args:
        session: An open session.
        chunks: The audio: bytes, or an iterator such as :func:`throttle_audio` gives.
        name: Of the thread; None for a made-up one.
        daemon: Whether the program may end before the thread does.

    Raises:
        SonioxValidationError: The session is one for tasks.
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
    """Sends text, and the end of the text after it, from a thread of its own, which has been started.

    Args:
        session: An open stream, or a connection for a single one.
        chunks: The text: one, or an iterator such as a language model gives.
        text_end: Whether to end the text after it.
        name: Of the thread; None for a made-up one.
        daemon: Whether the program may end before the thread does.

    Raises:
        SonioxValidationError: The session is one for tasks.
    """
    send = _sync_method(session, "send_text_chunks")
    thread = SessionThread(session, lambda: send(chunks, text_end=text_end), name=name or "soniox-text", daemon=daemon)
    thread.start()
    return thread


def start_keep_alive_thread(
    session: KeptAlive, *, interval_seconds: float = 10.0, name: str | None = None, daemon: bool = True
) -> tuple[SessionThread, Event]:
    """Keeps a session open while no audio is sent: a thread that sends a keep-alive at once and then at intervals.

    Args:
        session: An open session.
        interval_seconds: From one to the next, 1 to 20.
        name: Of the thread; None for a made-up one.
        daemon: Whether the program may end before the thread does.

    Returns:
        The thread, which has been started, and the event that stops it when it is set.

    Raises:
        SonioxValidationError: The interval is out of bounds, or the session is one for tasks.
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
    """Keeps a session open while no audio is sent: sends a keep-alive at once and then at intervals, until stopped.

    Args:
        session: An open session.
        interval_seconds: From one to the next, 1 to 20.
        stop_event: Ends this when it is set; None to go on until the task is cancelled.

    Raises:
        SonioxValidationError: The interval is out of bounds.
        SonioxRealtimeError: A keep-alive could not be sent.
    """
    import asyncio  # noqa: PLC0415 - threads shall not pay for it

    from ._data.loop_timers import call_later  # noqa: PLC0415 - as above

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
        if not isinstance(interval_seconds, (int, float)) or isinstance(interval_seconds, bool):
            check.add("interval_seconds", "must be a number of seconds", interval_seconds)
        elif not _MIN_INTERVAL_SEC <= interval_seconds <= _MAX_INTERVAL_SEC:
            rule = f"must be from {_MIN_INTERVAL_SEC} to {_MAX_INTERVAL_SEC} seconds"
            check.add("interval_seconds", rule, interval_seconds)


def _sync_method(session: object, name: str) -> Callable[..., object]:
    """A method of a session for threads; a task's would only make a coroutine that nobody awaits."""
    import inspect  # noqa: PLC0415 - loaded with dataclasses anyway

    method: Callable[..., object] | None = getattr(session, name, None)
    if not callable(method) or inspect.iscoroutinefunction(method):
        raise SonioxValidationError(f"session must be one for threads, with {name}(), got {kind_of(session)}")
    return method
