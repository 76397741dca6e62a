"""Live audio from other programs: a microphone, or a stream at a URL."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from .recording import Pipe
from .terminal import CommandError, in_one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from typing import IO, Any, BinaryIO

# What the programs below write: raw audio without a header.
AUDIO_FORMAT = "pcm_s16le"
SAMPLE_RATE = 16_000
NUM_CHANNELS = 1

# After SIGTERM a program has this long to end before it is killed.
_END_SEC = 1.0
_POLL_SEC = 0.01
_MAX_REASON_CHARS = 300
_RAW_FFMPEG = ("-f", "s16le", "-ar", "16000", "-ac", "1", "-")
_FFMPEG = ("ffmpeg", "-nostdin", "-loglevel", "error")
# For ffmpeg: how the platform's microphone is named.
_FFMPEG_INPUTS = {"darwin": ("avfoundation", ":{}", "default"), "win32": ("dshow", "audio={}", "default")}
_SOX_KINDS = {"darwin": "coreaudio", "win32": "waveaudio"}
_FFMPEG_INPUT = ("alsa", "{}", "default")


class Recorder(Pipe):
    """The output of a program that writes audio."""

    def __init__(self, descriptor: int, process: subprocess.Popen[bytes], messages: IO[bytes]) -> None:
        super().__init__(descriptor)
        self._process = process
        self._messages = messages

    def end(self) -> None:
        """Checks how the program has ended. Raises OSError with the last line that it wrote if it has failed."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            if code := self._process.wait(_END_SEC):
                self._messages.seek(0)
                lines = self._messages.read().decode(errors="replace").strip().splitlines() or ["no reason given"]
                # ffmpeg repeats the URL that it was given.
                reason = in_one_line(lines[-1])[:_MAX_REASON_CHARS]
                raise OSError(f"the program that records failed with exit code {code}: {reason}")


def microphone_command(device: str | None) -> list[str]:
    """The command that records the microphone, with the first program that is installed.

    Args:
        device: The program's name of the microphone; None for its default.

    Raises:
        CommandError: None is installed.
    """
    rate, channels = str(SAMPLE_RATE), str(NUM_CHANNELS)
    kind, spelling, default = _FFMPEG_INPUTS.get(sys.platform, _FFMPEG_INPUT)
    encoding = ["-t", "raw", "-e", "signed-integer", "-b", "16", "-r", rate, "-c", channels, "-"]
    commands = {
        "arecord": ["-q", *(["-D", device] if device else []), "-f", "S16_LE", "-r", rate, "-c", channels, "-t", "raw"],
        "parec": ["--raw", "--format=s16le", f"--rate={rate}", f"--channels={channels}"],
        "sox": ["-q", *(["-t", _SOX_KINDS.get(sys.platform, "alsa"), device] if device else ["-d"]), *encoding],
        "ffmpeg": [*_FFMPEG[1:], "-f", kind, "-i", spelling.format(device or default), *_RAW_FFMPEG],
    }
    if device:
        commands["parec"].append(f"--device={device}")
    for name, arguments in commands.items():
        if shutil.which(name):
            return [name, *arguments]
    raise CommandError(
        f"--mic needs one of the programs {', '.join(commands)}, and none is installed; or pipe raw audio to -",
        exit_code=2,
    )


def url_command(url: str) -> list[str]:
    """The command that plays a URL.

    Raises:
        CommandError: ffmpeg is not installed.
    """
    if not shutil.which(_FFMPEG[0]):
        raise CommandError(
            "a URL needs the program ffmpeg, which is not installed; or pipe: curl -s URL | soniox-lite stream -",
            exit_code=2,
        )
    return [*_FFMPEG, "-i", url, "-vn", *_RAW_FFMPEG]


@contextlib.contextmanager
def running(command: Sequence[str]) -> Generator[BinaryIO]:
    """A program that writes audio, for the block; at its end the program is ended too, with those that it has started.

    Raises:
        CommandError: It cannot be started.
    """
    with tempfile.TemporaryFile() as messages:
        try:
            # In a session of its own, Ctrl-C does not reach it: the words that it has recorded are still sent.
            process = subprocess.Popen(  # noqa: S603 - one of the programs above, without a shell
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=messages, start_new_session=True
            )
        except OSError as error:
            raise CommandError(f"cannot run {command[0]}: {error.strerror or error}", exit_code=1) from error
        with process, process.stdout as audio:  # type: ignore[union-attr] # a pipe
            try:
                recorder: Any = Recorder(audio.fileno(), process, messages)
                yield recorder
            finally:
                _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a program and its process group: a script that records has started others."""
    if sys.platform == "win32":  # pragma: no cover - It has no groups, and terminate() ends a program at once.
        process.terminate()
        return
    # Denied: by sudo, which ends when nothing reads from it any more.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + _END_SEC
        while time.monotonic() < deadline:
            process.poll()  # Until then it is a member of the group, although it has ended.
            os.killpg(process.pid, 0)
            time.sleep(_POLL_SEC)
        os.killpg(process.pid, signal.SIGKILL)
