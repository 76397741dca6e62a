"""The command line: ``soniox-lite``, or ``python -m soniox_lite``.

Exit codes: 0 success; 1 the request, the network or the job failed; 2 the command line is invalid; 124 the job did not
end within ``--wait-timeout``; 128 plus the signal's number after a signal (130 for Ctrl-C, 141 for a closed pipe).
"""

from __future__ import annotations

import contextlib
import re
import signal

from ._cli import terminal as screen

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator, Sequence
    from types import FrameType

    from .errors import InvalidField, SonioxError

__all__ = ["main"]

_EXIT_FAILED = 1
_EXIT_USAGE = 2
_EXIT_SIGNAL = 128
_SIGPIPE = 13

# For error messages: the option for each field of a request, and the attribute with its value. None for texts and URLs,
# which are long or may contain secrets. A command adds its own with ``set_defaults(option_of=...)``.
_OPTION_OF: dict[str, tuple[str, str | None]] = {
    "language_hints": ("--language", "language_hints"),
    "target_language": ("--translate-to", "translate_to"),
    "model": ("--model", "model"),
    "audio_url": ("the URL", None),
    "webhook_url": ("--webhook-url", None),
    "webhook_auth_header_name": ("SONIOX_API_WEBHOOK_HEADER", None),
    "webhook_auth_header_value": ("SONIOX_API_WEBHOOK_SECRET", None),
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
    "concurrency": ("--jobs", "jobs"),
}
_MAX_VALUE_CHARS = 40


class _TerminatedError(KeyboardInterrupt):
    """SIGTERM or SIGHUP as an exception, so that cleanup runs as after Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: The arguments after the program's name; None for ``sys.argv[1:]``.

    Returns:
        The exit code.

    Raises:
        SystemExit: The arguments are invalid (code 2), or ask for help or the version (code 0).
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
    from ._cli.options import parsed  # noqa: PLC0415 - argparse takes 10 ms to import

    options = parsed(arguments)
    if options.verbose:
        screen.show_log()
    from .errors import SonioxError, SonioxValidationError  # noqa: PLC0415 - not for --help

    try:
        code: int = options.run(options)
        return code
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


def _explained(error: SonioxError, options: argparse.Namespace) -> str:
    """The message with fields named as options, or with hints about the response."""
    problems = getattr(error, "errors", None)
    if not problems:
        from ._cli.hints import hint_about  # noqa: PLC0415 - only for errors of the service

        return f"{error}{hint_about(error)}"
    own: dict[str, tuple[str, str | None]] = options.option_of or {}
    known = _OPTION_OF | own
    texts = [_problem_text(problem, known, options) for problem in problems]
    return "; ".join(dict.fromkeys(texts))


def _problem_text(problem: InvalidField, known: dict[str, tuple[str, str | None]], options: argparse.Namespace) -> str:
    from ._cli.options import nearest_name  # noqa: PLC0415 - already loaded

    field, _, place = problem.field.rpartition(".")[2].partition("[")
    name, attribute = known.get(field, (field, None))
    value = None if attribute is None else getattr(options, attribute, None)
    if isinstance(value, list) and place.rstrip("]").isdecimal():
        value = value[int(place.rstrip("]"))]  # pyright: ignore[reportUnknownVariableType]
    shown = "" if value is None else str(value)  # pyright: ignore[reportUnknownArgumentType]
    got = f", not {shown!r}" if 0 < len(shown) <= _MAX_VALUE_CHARS else ""
    # A rule with a list of valid values quotes each.
    nearest = nearest_name(shown, re.findall(r"'([^']+)'", problem.rule)) if got and "one of" in problem.rule else ""
    return f"{name} {problem.rule}{got}{nearest}"


@contextlib.contextmanager
def _signals_as_interruptions() -> Generator[None]:
    """Turns SIGTERM and SIGHUP into exceptions, so that cleanup runs as after Ctrl-C."""

    def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a signal handler
        raise _TerminatedError(number)

    handled: list[int] = []
    try:
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            # An ignored signal stays ignored, as under nohup.
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                # Only the main thread may set handlers; in other threads signals are left alone.
                with contextlib.suppress(ValueError):
                    signal.signal(number, interrupt)
                    handled.append(number)
        yield
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)
