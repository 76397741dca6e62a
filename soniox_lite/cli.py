"""The command line: ``soniox-lite``, or ``python -m soniox_lite``.

Exit codes: 0 done; 1 the service, the network or the job said no; 2 the command line is wrong; 124 the job did not end
in the time given; 128 and the signal's number after a signal (130 for Ctrl-C, 141 for a pipe that nobody reads).
"""

from __future__ import annotations

import contextlib
import signal

from ._cli import screen

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Generator, Sequence
    from types import FrameType

    from .errors import SonioxError

__all__ = ["main"]

_EXIT_FAILED = 1
_EXIT_USAGE = 2
_EXIT_SIGNAL = 128
_SIGPIPE = 13

# The names that users know for the fields of what is sent.
_OPTION_OF = {
    "language_hints": "--language",
    "target_language": "--translate-to",
    "model": "--model",
    "audio_url": "the URL",
    "audio_format": "--format",
    "sample_rate": "--rate",
    "num_channels": "--channels",
    "text": "the text",
    "language": "--language",
    "voice": "--voice",
    "bitrate": "--bitrate",
    "speed": "--speed",
    "timeout_sec": "--timeout",
    "connect_timeout_sec": "--timeout",
    "file_id": "the ID",
    "transcription_id": "the ID",
    "voice_id": "the ID",
    "name": "--name",
}
# The same for one command alone.
_OPTIONS_OF = {"list_voices": {"model": "--shared"}}
# Where the commands are, by their functions' names; all others are listings.
_MODULE_OF = {
    "transcribe": "transcribe",
    "stream": "stream",
    "speak": "speak",
    "list_voices": "voices",
    "create_voice": "voices",
    "delete_voices": "voices",
    "show_usage": "usage",
}


class _TerminatedError(KeyboardInterrupt):
    """A signal that asks the program to end; cleaned up after like Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: What stands behind the program's name; None for those of this process.

    Returns:
        The exit code.

    Raises:
        SystemExit: The arguments are wrong, or asked for help or the version.
    """
    screen.prepare()
    try:
        with _signals_as_interruptions():
            try:
                return _run(arguments)
            finally:
                screen.finish()
    except BrokenPipeError:
        screen.abandon_output()
        return _EXIT_SIGNAL + _SIGPIPE
    except KeyboardInterrupt as interruption:
        number = interruption.number if isinstance(interruption, _TerminatedError) else int(signal.SIGINT)
        screen.say("interrupted" if number == signal.SIGINT else "terminated")
        return _EXIT_SIGNAL + number


def _run(arguments: Sequence[str] | None) -> int:
    from ._cli.options import parsed  # noqa: PLC0415 - argparse costs 10 ms that importing this module shall not

    options = parsed(arguments)
    from .errors import SonioxError, SonioxValidationError  # noqa: PLC0415 - not for --help

    try:
        return _command(options.command)(options)
    except screen.CommandError as error:
        if options.debug:
            raise
        screen.say(f"error: {error.message}")
        return error.exit_code
    except SonioxError as error:
        if options.debug:
            raise
        screen.say(f"error: {_explained(error, options.command)}")
        return _EXIT_USAGE if isinstance(error, SonioxValidationError) else _EXIT_FAILED


def _command(name: str) -> Callable[[argparse.Namespace], int]:
    import importlib  # noqa: PLC0415 - as in _lazy.py

    # Only what the command needs, and nothing for --help.
    module = importlib.import_module(f"._cli.{_MODULE_OF.get(name, 'listings')}", __package__)
    command: Callable[[argparse.Namespace], int] = getattr(module, name)
    return command


def _explained(error: SonioxError, command: str) -> str:
    """The message, in terms of the command line where the problem is there."""
    problems = getattr(error, "errors", None)
    if not problems:
        return str(error)
    texts: list[str] = []
    options = _OPTION_OF | _OPTIONS_OF.get(command, {})
    for problem in problems:
        field = problem.field.rpartition(".")[2].partition("[")[0]
        texts.append(f"{options.get(field, field)} {problem.rule}")
    return "; ".join(dict.fromkeys(texts))


@contextlib.contextmanager
def _signals_as_interruptions() -> Generator[None]:
    """Lets SIGTERM, and the terminal's end, arrive as Ctrl-C does: as an exception that is cleaned up after."""

    def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a signal handler
        raise _TerminatedError(number)

    handled: list[int] = []
    try:
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            # nohup and its like have their reasons.
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                # Only the main thread may; in another one the program has no say over signals.
                with contextlib.suppress(ValueError):
                    signal.signal(number, interrupt)
                    handled.append(number)
        yield
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)
