"""The command line: ``soniox-lite``, or ``python -m soniox_lite``.

Exit codes: 0 done; 1 the service, the network or the job said no; 2 the command line is wrong; 124 the job did not end
in the time given; 128 and the signal's number after a signal (130 for Ctrl-C, 141 for a closed pipe).
"""

from __future__ import annotations

import contextlib
import re
import signal

from ._cli import terminal as screen

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Generator, Sequence
    from types import FrameType

    from .errors import InvalidField, SonioxError

__all__ = ["main"]

_EXIT_FAILED = 1
_EXIT_USAGE = 2
_EXIT_SIGNAL = 128
_SIGPIPE = 13

# The names that users know for the fields of what is sent, and where their values are; those of texts and URLs, which
# are long or have secrets in them, are not told.
_OPTION_OF: dict[str, tuple[str, str | None]] = {
    "language_hints": ("--language", "language"),
    "target_language": ("--translate-to", "translate_to"),
    "model": ("--model", "model"),
    "audio_url": ("the URL", None),
    "audio_format": ("--format", "format"),
    "sample_rate": ("--rate", "rate"),
    "num_channels": ("--channels", "channels"),
    "text": ("the text", None),
    "language": ("--language", "language"),
    "voice": ("--voice", "voice"),
    "bitrate": ("--bitrate", "bitrate"),
    "speed": ("--speed", "speed"),
    "timeout_sec": ("--timeout", "timeout"),
    "connect_timeout_sec": ("--timeout", "timeout"),
    "client_reference_id": ("--client-reference-id", "client_reference_id"),
    "file_id": ("the ID", None),
    "transcription_id": ("the ID", None),
    "voice_id": ("the ID", None),
    "name": ("--name", "name"),
}
# The same for one command alone.
_OPTIONS_OF: dict[str, dict[str, tuple[str, str | None]]] = {"list_voices": {"model": ("--shared", "shared")}}
_LONGEST_VALUE = 40
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
        screen.say(f"error: {_explained(error, options)}")
        return _EXIT_USAGE if isinstance(error, SonioxValidationError) else _EXIT_FAILED


def _command(name: str) -> Callable[[argparse.Namespace], int]:
    import importlib  # noqa: PLC0415 - as in _lazy.py

    # Only what the command needs, and nothing for --help.
    module = importlib.import_module(f"._cli.{_MODULE_OF.get(name, 'listings')}", __package__)
    command: Callable[[argparse.Namespace], int] = getattr(module, name)
    return command


def _explained(error: SonioxError, options: argparse.Namespace) -> str:
    """The message, in terms of the command line where the problem is there, and with what helps about the reply."""
    problems = getattr(error, "errors", None)
    if not problems:
        from ._cli.hints import hint_about  # noqa: PLC0415 - only for errors of the service

        return f"{error}{hint_about(error)}"
    known = _OPTION_OF | _OPTIONS_OF.get(options.command, {})
    texts = [_problem_text(problem, known, options) for problem in problems]
    return "; ".join(dict.fromkeys(texts))


def _problem_text(problem: InvalidField, known: dict[str, tuple[str, str | None]], options: argparse.Namespace) -> str:
    from ._cli.options import nearest_name  # noqa: PLC0415 - loaded to read the options

    field, _, place = problem.field.rpartition(".")[2].partition("[")
    name, attribute = known.get(field, (field, None))
    value = None if attribute is None else getattr(options, attribute, None)
    if isinstance(value, list) and place.rstrip("]").isdecimal():
        value = value[int(place.rstrip("]"))]  # pyright: ignore[reportUnknownVariableType]
    shown = "" if value is None else str(value)  # pyright: ignore[reportUnknownArgumentType]
    got = f", not {shown!r}" if 0 < len(shown) <= _LONGEST_VALUE else ""
    # Rules that list what there is quote it.
    nearest = nearest_name(shown, re.findall(r"'([^']+)'", problem.rule)) if got and "one of" in problem.rule else ""
    return f"{name} {problem.rule}{got}{nearest}"


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
