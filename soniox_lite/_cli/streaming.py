"""Sends live audio, or a recording at its own pace, and shows the text as it is recognised."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import re
import signal
import threading
import time
from collections import deque

from .._data.callbacks import logger
from ..errors import SonioxError, SonioxRealtimeError, SonioxRealtimeTimeoutError, SonioxValidationError
from ..realtime._stt_protocol import error_of
from ..realtime.resuming import ResumingSTTSession
from ..types.realtime import RealtimeSTTConfig
from ..types.resume import ResumePolicy
from ..utils import SessionThread, read_wav_format
from . import terminal as screen
from .captions import Captions
from .clients import open_client
from .live import output_for
from .places import refuse_named, refuse_to_overwrite_audio
from .programs import AUDIO_FORMAT, NUM_CHANNELS, SAMPLE_RATE, microphone_command, running, url_command
from .recognition import files_of_options, recognition_config
from .recording import Pipe, opened, refuse_empty

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from types import FrameType
    from typing import Any, BinaryIO

    from typing_extensions import Self

    from ..realtime.stt import RealtimeSTTSession
    from ..types.resume import RealtimeLostPayload, RealtimeResumedPayload
    from .live import Output

_CONNECT_TIMEOUT_SEC = 10.0
# Maximum wait for the last words after Ctrl-C.
_LAST_WORDS_SEC = 5.0
# After this time a message says that the program is waiting.
_WAIT_MESSAGE_SEC = 1.0
# Maximum wait for the service to close the connection after that.
_CLOSE_TIMEOUT_SEC = 2.0
# Interval of the checks for Ctrl-C.
_POLL_SEC = 0.1
# Maximum wait for the sending thread to end.
_JOIN_SEC = 2.0
# The service closes a session after 20 seconds without audio.
_KEEP_ALIVE_SEC = 5.0
# How much audio of a pipe is sent at once: it was recorded while the connection was opened.
_BACKLOG_SEC = 1.0

# The bit rate of compressed audio is unknown. It is sent until the service has processed this much more than the time
# that has passed, at most at the byte rate below, which compressed speech does not exceed.
_LEAD_SEC = 2.0
_MAX_BYTES_PER_SECOND = 128 * 1024
_CHUNK_BYTES = 4096
_MAX_AUDIO_MS = 366 * 86_400_000
_CHUNKS_PER_SECOND = 10


def stream(options: argparse.Namespace) -> int:
    """Prints what is said in ``options.source`` while it is sent.

    Returns:
        Exit code 0; 128 plus the signal's number if Ctrl-C or SIGTERM ended it early.
    """
    started = time.monotonic()
    # This program reports in its own words what a session logs; --verbose shows both.
    logger().addHandler(logging.NullHandler())
    # Reports all errors of the command line before anything is sent.
    command = _command(options)
    _check_tape(options)
    config = _config(options)
    with contextlib.ExitStack() as stack:
        # An output that is the input is refused.
        opening = opened(options.source, options.captions, options.tape) if command is None else running(command)
        source = stack.enter_context(opening)
        refuse_named(files_of_options(options), [options.captions, options.tape])
        output = output_for(as_json=options.json, target_language=getattr(config.translation, "target_language", None))
        captions = None
        if options.captions is not None:
            output = captions = Captions(options, output, is_translated=config.translation is not None)
        client = stack.enter_context(open_client(options))
        # A pipe may have no data yet; the connection is opened meanwhile.
        if not isinstance(source, Pipe):
            refuse_empty(source, options.source)
        audio = _Audio(source, config)
        session = stack.enter_context(
            client.realtime.stt.connect(
                config=audio.config,
                connect_timeout_sec=_CONNECT_TIMEOUT_SEC if options.timeout is None else options.timeout,
                close_timeout_sec=_CLOSE_TIMEOUT_SEC,
                resume=False if options.no_resume else _resume_policy(options),
                tape=options.tape,
            )
        )
        breaks = _Breaks(session)
        # From here on Ctrl-C waits for the last words; before, it ends the program at once.
        interruption = stack.enter_context(_Interruption())
        feeder = _Feeder(session, audio, None if options.fast else started)
        try:
            _show(session, feeder, interruption, output, breaks)
        except SonioxError as error:
            if interruption.number is None:
                raise
            screen.say(f"warning: {error}")
        if captions is not None:
            captions.check()
        return 0 if interruption.number is None else 128 + interruption.number


def _command(options: argparse.Namespace) -> list[str] | None:
    """The program that the audio comes from; None for a file or standard input.

    Raises:
        CommandError: The options contradict each other, or no such program is installed.
    """
    if bool(options.mic) == (options.source is not None):
        text = (
            "--mic and FILE exclude each other" if options.mic else "give a FILE, a URL, - for standard input, or --mic"
        )
        raise screen.CommandError(text, exit_code=2)
    if options.device is not None and not options.mic:
        raise screen.CommandError("--device needs --mic", exit_code=2)
    source = options.source or ""
    if not options.mic and ("://" not in source or source.lower().startswith("file:")):
        return None
    raw = (options.format, options.rate, options.channels)
    if any(value is not None for value in raw):
        raise screen.CommandError(
            "--format, --rate and --channels are for raw audio from a file or a pipe", exit_code=2
        )
    options.format, options.rate, options.channels = AUDIO_FORMAT, SAMPLE_RATE, NUM_CHANNELS
    return microphone_command(options.device) if options.mic else url_command(source)


def _check_tape(options: argparse.Namespace) -> None:
    """Raises CommandError if the tape would overwrite the captions or a recording."""
    if options.tape is None:
        return
    if options.captions is not None and os.path.realpath(options.tape) == os.path.realpath(options.captions):
        raise screen.CommandError("--tape and --captions name the same file", exit_code=2)
    if not options.force:
        refuse_to_overwrite_audio(options.tape)


def _config(options: argparse.Namespace) -> RealtimeSTTConfig:
    config = recognition_config(
        options,
        RealtimeSTTConfig,
        "stt-rt-v5",
        audio_format=options.format,
        sample_rate=options.rate,
        num_channels=options.channels,
    )
    if not _sample_bytes(config.audio_format) and (options.rate is not None or options.channels is not None):
        raise screen.CommandError(
            "--rate and --channels need the --format of raw audio, such as pcm_s16le", exit_code=2
        )
    return config


def _resume_policy(options: argparse.Namespace) -> ResumePolicy:
    """How the session goes on after a break; audio that cannot be cut is sent again from its beginning."""
    return ResumePolicy(when_container="restart", max_replay_speed=None if options.fast else 2.0)


def _show(
    session: RealtimeSTTSession, feeder: _Feeder, interruption: _Interruption, output: Output, breaks: _Breaks
) -> None:
    """Sends the audio and shows the events until the stream ends or, after Ctrl-C, until the time-out.

    Raises:
        SonioxError: The service or the connection failed.
        CommandError: The audio could not be read to its end, or the service ended the stream early.
    """
    feeder.start()
    try:
        try:
            is_complete = _show_events(session, feeder, interruption, output, breaks)
        except BaseException:
            # Unblocks the sending thread; audio not yet sent is discarded.
            session.cancel()
            raise
        finally:
            feeder.stop()
            output.close()
    finally:
        feeder.join()
    if not is_complete:
        screen.say("warning: timed out: the last words may be missing")
    if interruption.number is None:
        feeder.check()
        if not session.finished:
            raise screen.CommandError(
                f"the service closed the stream early, with code {session.close_code}", exit_code=1
            )


def _show_events(
    session: RealtimeSTTSession, feeder: _Feeder, interruption: _Interruption, output: Output, breaks: _Breaks
) -> bool:
    """Shows events to the end of the stream. False if the last words did not arrive in time."""
    deadline: float | None = None
    is_announced = False
    while True:
        breaks.show(output)
        if interruption.number is not None:
            if deadline is None:
                deadline = time.monotonic() + _LAST_WORDS_SEC
                feeder.stop()
            elif time.monotonic() >= deadline:
                session.cancel()
                return False
            elif not is_announced and time.monotonic() >= deadline - _LAST_WORDS_SEC + _WAIT_MESSAGE_SEC:
                is_announced = True
                output.make_room()
                screen.say("waiting for the last words ... (Ctrl-C to stop waiting)")
        try:
            event = session.receive_event(_POLL_SEC)
        except SonioxRealtimeTimeoutError as error:
            # Raised when no event arrived in time, and also when the session itself timed out.
            if feeder.is_failure(error):
                raise
            continue
        if event is None:
            return True
        # The fields of events are not validated.
        if isinstance(event.total_audio_proc_ms, (int, float)):
            feeder.processed_sec = min(event.total_audio_proc_ms, _MAX_AUDIO_MS) / 1000
        output.show(event)
        if event.error_code is not None:
            raise error_of(event)
        if event.finished:
            return True


class _Breaks:
    """Reports connections that broke and audio that was lost, one line each.

    Args:
        session: Its handlers are called by other threads, which must not write between two parts of a line.
    """

    def __init__(self, session: RealtimeSTTSession) -> None:
        self._lines: deque[str] = deque()
        if isinstance(session, ResumingSTTSession):
            session.on("resumed", self._note_resumed)
            session.on("lost", self._note_lost)

    def show(self, output: Output) -> None:
        """Writes the lines since the last call."""
        while self._lines:
            output.make_room()
            screen.say(self._lines.popleft())

    def _note_resumed(self, resumed: RealtimeResumedPayload) -> None:
        if resumed.attempt:
            self._lines.append(f"the connection broke; resumed after {resumed.down_sec:.1f} s")

    def _note_lost(self, lost: RealtimeLostPayload) -> None:
        if lost.reason in ("buffer", "drop"):
            seconds = (lost.end_ms - lost.start_ms) / 1000
            self._lines.append(f"warning: {seconds:.1f} s of audio from {lost.start_ms / 1000:.1f} s on were lost")


class _Audio:
    """A recording and its format.

    Args:
        source: The stream.
        config: The wanted configuration. With ``auto``, the header of a WAV file is read here, because the pace is
            computed from it.

    Attributes:
        source: Positioned at the beginning of the audio.
        config: The configuration of the session.
        bytes_per_second: None if unknown.
        size_bytes: Number of bytes of audio in the source; None for all.
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
            self._read_wav_header()

    def _read_wav_header(self) -> None:
        begin = self.source.tell()
        try:
            found = read_wav_format(self.source)
        except SonioxValidationError:
            # No WAV file, or one with a header that only the service may understand.
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
    """Bytes of a sample in a raw format; 0 for other formats."""
    if audio_format in {"mulaw", "alaw"}:
        return 1
    bits = re.fullmatch(r"pcm_[suf](\d{1,2})(?:le|be)?", audio_format)
    return int(bits[1]) // 8 if bits else 0


class _Feeder:
    """A thread that sends audio at its pace, and then the end of the audio.

    Args:
        session: An open session; cancelled here if there is no audio.
        audio: What to send.
        started: Monotonic time of the program's start, when a pipe may have begun to fill; None to send without delay.

    Attributes:
        processed_sec: Seconds of audio that the service has processed; set by the receiver.
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
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the audio."""
        self._stop.set()

    def join(self) -> None:
        """Waits until the thread has ended, but not long."""
        self._thread.join(_JOIN_SEC)

    def check(self) -> None:
        """Raises the error that prevented reading all of the audio, if any.

        Raises:
            CommandError: It could not be read, or there is none.
        """
        if self._error is not None:
            raise self._error
        self._thread.raise_if_failed()

    def is_failure(self, error: BaseException) -> bool:
        """Whether this error ended the sending."""
        return error in (self._failure, self._thread.exception)

    def _send_all(self) -> None:
        try:
            while (chunk := self._read()) and self._wait_for_turn():
                self._session.send_byte_chunk(chunk)
                self._sent_bytes += len(chunk)
                self._sent_at = time.monotonic()
            if self._stop.is_set() and not self._sent_bytes:
                # Nothing was sent: there are no last words, and the service reports an error for an empty stream.
                self._session.cancel()
            elif not self._sent_bytes:
                if self._error is None:
                    self._error = screen.CommandError("there is no audio: the input is empty", exit_code=2)
                self._session.cancel()
            else:
                self._session.finish()
        except SonioxRealtimeError as error:
            # The receiver gets the same failure with the service's own message.
            self._failure = error

    def _read(self) -> bytes:
        audio = self._audio
        size = audio.chunk_bytes
        if audio.size_bytes is not None:
            size = min(size, audio.size_bytes - self._sent_bytes)
        # read1() returns available data without waiting for a whole chunk.
        source: Any = audio.source
        read = getattr(source, "read1", source.read)
        try:
            return read(size) if size > 0 else b""
        except SonioxRealtimeError:
            raise
        except (OSError, ValueError) as error:
            # The audio sent so far is valid, so the stream is ended as usual.
            reason = getattr(error, "strerror", None) or str(error)
            self._error = screen.CommandError(f"the audio cannot be read to its end: {reason}", exit_code=1)
            return b""

    def _wait_for_turn(self) -> bool:
        """Waits until the next chunk is due. False if the audio was ended."""
        while self._keeps_pace:
            rate = self._audio.bytes_per_second
            if rate is not None:
                due_sec = self._sent_bytes / rate
            else:
                due_sec = max(self._sent_bytes / _MAX_BYTES_PER_SECOND, self.processed_sec - _LEAD_SEC)
            delay_sec = self._started + due_sec - time.monotonic()
            if delay_sec <= 0 or self._stop.wait(min(delay_sec, _KEEP_ALIVE_SEC)):
                break
        return not self._stop.is_set()

    def _wait_for_pipe(self) -> bool:
        if time.monotonic() - self._sent_at >= _KEEP_ALIVE_SEC:
            self._session.keep_alive()
            self._sent_at = time.monotonic()
        return not self._stop.is_set()


class _Interruption:
    """Within the block, the first Ctrl-C or SIGTERM is only recorded; the second one interrupts.

    An exception at an arbitrary place could lose an event between its receipt and its display.

    Attributes:
        number: Number of the recorded signal; None before.
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
            # Ignored signals stay ignored, as under nohup or in the background of a script.
            if callable(handler):
                # Only the main thread may set handlers.
                with contextlib.suppress(ValueError):
                    signal.signal(number, self._note)
                    self._handlers[number] = handler
        return self

    def __exit__(self, exc_type: object, exc: object, traceback: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
