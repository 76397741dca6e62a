"""``soniox-lite stream``: from live audio, or a recording at its pace, to text while it is said."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import signal
import threading
import time

from ..errors import SonioxError, SonioxRealtimeError, SonioxRealtimeTimeoutError, SonioxValidationError
from ..realtime._stt_protocol import error_of
from ..types.realtime import RealtimeSTTConfig
from ..types.transcriptions import TranslationConfig
from ..utils import SessionThread, read_wav_format
from . import terminal as screen
from .clients import open_client
from .live import output_for
from .recording import Pipe, opened, refuse_empty

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from types import FrameType
    from typing import Any, BinaryIO

    from typing_extensions import Self

    from ..realtime.stt import RealtimeSTTSession
    from .live import Output

_CONNECT_TIMEOUT_SEC = 10.0
# How long the last words may take after Ctrl-C.
_LAST_WORDS_SEC = 5.0
# How long that may take without a word about it.
_PATIENCE_SEC = 1.0
# How long the service may take to hang up after them.
_CLOSE_TIMEOUT_SEC = 2.0
# How late Ctrl-C may be noticed.
_LOOK_SEC = 0.1
# How long the thread that sends may take to notice that there is nothing left to do.
_JOIN_SEC = 2.0
# The service gives a session up after 20 seconds without audio.
_KEEP_ALIVE_SEC = 5.0
# How much of a pipe may be sent at once: it was recorded while the connection was being opened.
_BACKLOG_SEC = 1.0

# The pace of compressed audio is not known here. The service tells how far it has come; so this much ahead of the
# clock, and never faster than any compressed speech is.
_LEAD_SEC = 2.0
_MAX_BYTES_PER_SECOND = 128 * 1024
_CHUNK_BYTES = 4096
_LONGEST_AUDIO_MS = 366 * 86_400_000
_CHUNKS_PER_SECOND = 10


def stream(options: argparse.Namespace) -> int:
    """Prints what is said in ``options.source`` while it is sent; the exit code."""
    started = time.monotonic()
    # All that can be wrong with the command line is found before anything is sent.
    config = _config(options)
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(opened(options.source))
        client = stack.enter_context(open_client(options))
        # What a pipe will bring is not waited for: the connection is opened meanwhile.
        if not isinstance(source, Pipe):
            refuse_empty(source, options.source)
        audio = _Audio(source, config)
        session = stack.enter_context(
            client.realtime.stt.connect(
                config=audio.config,
                connect_timeout_sec=_CONNECT_TIMEOUT_SEC if options.timeout is None else options.timeout,
                close_timeout_sec=_CLOSE_TIMEOUT_SEC,
            )
        )
        # From here on there are last words to wait for; before, Ctrl-C ends the program at once.
        interruption = stack.enter_context(_Interruption())
        output = output_for(as_json=options.json, target_language=options.translate_to)
        feeder = _Feeder(session, audio, None if options.fast else started)
        try:
            _show(session, feeder, interruption, output)
        except SonioxError as error:
            if interruption.number is None:
                raise
            screen.say(f"warning: {error}")
        return 0 if interruption.number is None else 128 + interruption.number


def _config(options: argparse.Namespace) -> RealtimeSTTConfig:
    audio_format: Any = options.format or "auto"
    translation = (
        None
        if options.translate_to is None
        else TranslationConfig(type="one_way", target_language=options.translate_to)
    )
    config = RealtimeSTTConfig(
        model=options.model,
        audio_format=audio_format,
        sample_rate=options.rate,
        num_channels=options.channels,
        language_hints=options.language,
        client_reference_id=options.client_reference_id,
        enable_speaker_diarization=options.diarize or None,
        enable_endpoint_detection=options.endpoints or None,
        translation=translation,
    )
    if not _sample_bytes(audio_format) and (options.rate is not None or options.channels is not None):
        raise screen.CommandError(
            "--rate and --channels are for raw audio: give its --format too, such as pcm_s16le", exit_code=2
        )
    return config


def _show(session: RealtimeSTTSession, feeder: _Feeder, interruption: _Interruption, output: Output) -> None:
    """Sends the audio and shows what comes back, to the end of the stream or, after Ctrl-C, of the patience.

    Raises:
        SonioxError: The service, or the connection to it, failed.
        CommandError: The audio could not be read to its end, or the stream ended before it did.
    """
    feeder.start()
    try:
        try:
            is_complete = _show_events(session, feeder, interruption, output)
        except BaseException:
            # Whatever waits to be sent will not be.
            session.cancel()
            raise
        finally:
            feeder.stop()
            output.close()
    finally:
        feeder.join()
    if not is_complete:
        screen.say("warning: the service took too long: the last words may be missing")
    if interruption.number is None:
        feeder.check()
        if not session.finished:
            raise screen.CommandError(
                f"the service ended the stream before its end, with code {session.close_code}", exit_code=1
            )


def _show_events(session: RealtimeSTTSession, feeder: _Feeder, interruption: _Interruption, output: Output) -> bool:
    """Whether there is no more to show; otherwise it was waited for in vain."""
    deadline: float | None = None
    is_told = False
    while True:
        if interruption.number is not None:
            if deadline is None:
                deadline = time.monotonic() + _LAST_WORDS_SEC
                feeder.stop()
            elif time.monotonic() >= deadline:
                session.cancel()
                return False
            elif not is_told and time.monotonic() >= deadline - _LAST_WORDS_SEC + _PATIENCE_SEC:
                is_told = True
                output.make_room()
                screen.say("waiting for the last words ... (Ctrl-C to stop that)")
        try:
            event = session.receive_event(_LOOK_SEC)
        except SonioxRealtimeTimeoutError as error:
            # Either there was no event in this time, or that is what became of the session.
            if feeder.is_failure(error):
                raise
            continue
        if event is None:
            return True
        # The fields of events are as the service sends them.
        if isinstance(event.total_audio_proc_ms, (int, float)):
            feeder.processed_sec = min(event.total_audio_proc_ms, _LONGEST_AUDIO_MS) / 1000
        output.show(event)
        if event.error_code is not None:
            raise error_of(event)
        if event.finished:
            return True


class _Audio:
    """A recording, and what is known about it.

    Args:
        source: Where it comes from.
        config: What was asked for; ``auto`` finds the headers of WAV files here already, because they tell the pace.

    Attributes:
        source: Stands where the audio begins.
        config: For its session.
        bytes_per_second: None when that is not known.
        size_bytes: How much of the source is audio; None for all.
        chunk_bytes: How much to send at once.
    """

    def __init__(self, source: BinaryIO, config: RealtimeSTTConfig) -> None:
        self.source = source
        self.config = config
        self.bytes_per_second: int | None = None
        self.size_bytes: int | None = None
        self.chunk_bytes = _CHUNK_BYTES
        sample_bytes = _sample_bytes(config.audio_format)
        if sample_bytes:
            self._set_rate(config.sample_rate or 1, sample_bytes * (config.num_channels or 1))
        elif config.audio_format == "auto" and source.seekable():
            self._look_for_wav_header()

    def _look_for_wav_header(self) -> None:
        begin = self.source.tell()
        try:
            found = read_wav_format(self.source)
        except SonioxValidationError:
            # No WAV file, or one that only the service can tell more about.
            self.source.seek(begin)
            return
        self.config = dataclasses.replace(
            self.config,
            audio_format=found.audio_format,
            sample_rate=found.sample_rate,
            num_channels=found.num_channels,
        )
        self.size_bytes = found.data_size_bytes
        self._set_rate(found.sample_rate, found.bytes_per_second // found.sample_rate)

    def _set_rate(self, sample_rate: int, frame_bytes: int) -> None:
        self.bytes_per_second = sample_rate * frame_bytes
        self.chunk_bytes = max(1, sample_rate // _CHUNKS_PER_SECOND) * frame_bytes


def _sample_bytes(audio_format: str) -> int:
    """Bytes of a sample in a raw format; 0 for any other."""
    if audio_format in {"mulaw", "alaw"}:
        return 1
    bits = re.fullmatch(r"pcm_[suf](\d{1,2})(?:le|be)?", audio_format)
    return int(bits[1]) // 8 if bits else 0


class _Feeder:
    """Sends audio from a thread of its own, at its pace, and then the end of the audio.

    Args:
        session: An open one.
        audio: What to send.
        started: When the program began, which is when a pipe may have begun to fill; None to keep no pace.

    Attributes:
        processed_sec: How much audio the service has processed, as whoever receives was told.
    """

    def __init__(self, session: RealtimeSTTSession, audio: _Audio, started: float | None) -> None:
        self.processed_sec = 0.0
        self._session = session
        self._audio = audio
        self._keeps_pace = started is not None
        self._started = time.monotonic()
        if started is not None and isinstance(audio.source, Pipe):
            self._started = started - _BACKLOG_SEC
        self._stop = threading.Event()
        self._sent_bytes = 0
        self._sent_at = time.monotonic()
        self._error: screen.CommandError | None = None
        self._failure: SonioxRealtimeError | None = None
        if isinstance(audio.source, Pipe):
            audio.source.goes_on = self._wait_for_pipe
        self._thread = SessionThread(session, self._send_all, name="soniox-lite stream")

    def start(self) -> None:
        """Begins to send."""
        self._thread.start()

    def stop(self) -> None:
        """Lets the audio end here."""
        self._stop.set()

    def join(self) -> None:
        """Waits until nothing is read any more."""
        self._thread.join(_JOIN_SEC)

    def check(self) -> None:
        """Raises what kept this from reading all of the audio.

        Raises:
            CommandError: It could not be read.
        """
        if self._error is not None:
            raise self._error
        self._thread.raise_if_failed()

    def is_failure(self, error: BaseException) -> bool:
        """Whether this is what ended the sending."""
        return error in (self._failure, self._thread.exception)

    def _send_all(self) -> None:
        try:
            while not self._stop.is_set():
                chunk = self._read()
                if not chunk:
                    break
                self._wait_for_turn()
                if self._stop.is_set():
                    break
                self._session.send_byte_chunk(chunk)
                self._sent_bytes += len(chunk)
                self._sent_at = time.monotonic()
            if self._stop.is_set() and not self._sent_bytes:
                # There are no last words, and the service would call this an error.
                self._session.cancel()
            elif not self._sent_bytes and self._error is None:
                self._error = screen.CommandError("there is no audio: the input is empty", exit_code=2)
                self._session.cancel()
            else:
                self._session.finish()
        except SonioxRealtimeError as error:
            # Whoever receives is told more: what the service says about it.
            self._failure = error

    def _read(self) -> bytes:
        audio = self._audio
        size = audio.chunk_bytes
        if audio.size_bytes is not None:
            size = min(size, audio.size_bytes - self._sent_bytes)
        # What is there now, and not a whole chunk that takes a while to come.
        source: Any = audio.source
        read = getattr(source, "read1", source.read)
        try:
            return read(size) if size > 0 else b""
        except SonioxRealtimeError:
            raise
        except (OSError, ValueError) as error:
            # What was sent before is audio nevertheless, so the stream is ended as usual.
            reason = getattr(error, "strerror", None) or str(error)
            self._error = screen.CommandError(f"the audio cannot be read to its end: {reason}", exit_code=1)
            return b""

    def _wait_for_turn(self) -> None:
        """Waits until the next chunk is due."""
        while self._keeps_pace:
            rate = self._audio.bytes_per_second
            if rate is not None:
                due_sec = self._sent_bytes / rate
            else:
                due_sec = max(self._sent_bytes / _MAX_BYTES_PER_SECOND, self.processed_sec - _LEAD_SEC)
            delay_sec = self._started + due_sec - time.monotonic()
            if delay_sec <= 0 or self._stop.wait(min(delay_sec, _KEEP_ALIVE_SEC)):
                return

    def _wait_for_pipe(self) -> bool:
        if time.monotonic() - self._sent_at >= _KEEP_ALIVE_SEC:
            self._session.keep_alive()
            self._sent_at = time.monotonic()
        return not self._stop.is_set()


class _Interruption:
    """Within the block, Ctrl-C and SIGTERM are noted the first time; only the second time they interrupt.

    An exception at any place could lose an event between its receipt and its printing.

    Attributes:
        number: Of the signal that was noted; None before.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._handlers: dict[int, Any] = {}

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.number is not None:
            self._handlers[number](number, frame)
        self.number = number

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            handler = signal.getsignal(number)
            # What is ignored, as by nohup or in the background of a script, stays so.
            if callable(handler):
                # Only the main thread may.
                with contextlib.suppress(ValueError):
                    signal.signal(number, self._note)
                    self._handlers[number] = handler
        return self

    def __exit__(self, exc_type: object, exc: object, traceback: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
