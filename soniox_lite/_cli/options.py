"""The parser of the command line, and the options that several commands share."""

from __future__ import annotations

import argparse
import importlib
import itertools
import math
import sys

from .._version import __version__
from . import commands
from .terminal import PROGRAM, in_one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

_DESCRIPTION = """\
Transcribe recordings and live audio, and speak texts, with the Soniox speech API.

The API key is read from the environment variable SONIOX_API_KEY. There is no
option for it, because other users can see command lines in the process list."""

_EXIT_CODES = """\
exit codes: 0 success, 1 the request or the job failed, 2 invalid command line,
124 --wait-timeout passed, 130 Ctrl-C, 143 SIGTERM"""

_MAX_WAIT_SEC = 31_536_000
_MAX_MESSAGE_CHARS = 400
TRANSCRIPT_FORMATS = ("txt", "srt", "vtt", "json")


class Options(argparse.Namespace):
    """The options of a command. An option that was not given is None, unless the command has set a default.

    argparse must not set defaults itself: ``--json`` is accepted before and after an action, and the default of one
    place would replace the value of the other.
    """

    def __getattr__(self, name: str) -> Any:
        return None


class _Parser(argparse.ArgumentParser):
    """A parser whose errors begin with the program's name and suggest the nearest known name."""

    def parse_known_args(  # type: ignore[override] # none of the overloads differs here
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As the base class, but reports unknown arguments here, with the usage line of the right command."""
        given = list(sys.argv[1:] if args is None else args)
        known = [option for action in self._actions for option in action.option_strings]
        names = [name for action in self._actions for name in action.choices or () if not action.option_strings]
        # Checked first, so that no message shows the argument after an unknown option: it may be a secret.
        for text in itertools.takewhile(lambda text: text != "--" and text not in names, given):
            self._check_option(text.partition("=")[0], known)
        found, unknown = super().parse_known_args(given, argparse.Namespace() if namespace is None else namespace)
        if unknown:
            self.error(f"unrecognized argument: {unknown[0]}")
        return found, unknown

    def command_in(self, arguments: Sequence[str]) -> str | None:
        """The first argument that is neither an option nor the value of one."""
        takes_value = {option for action in self._actions if action.nargs is None for option in action.option_strings}
        remaining = iter(arguments)
        for text in remaining:
            if text in takes_value:
                next(remaining, None)
            elif not text.startswith("-"):
                return text
        return None

    def _check_option(self, name: str, known: Sequence[str]) -> None:
        if name.startswith("--") and name not in known:
            hint = "; set the key in SONIOX_API_KEY" if "key" in name else nearest_name(name, known)
            self.error(f"unrecognized argument: {name}{hint}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            names = [str(choice) for choice in action.choices]
            hint = nearest_name(str(value), names)
            # The name of a recording in place of a command.
            if not hint and action.metavar == "COMMAND" and ("." in value or "/" in value):
                hint = f"; did you mean '{PROGRAM} transcribe {value}'?"
            raise argparse.ArgumentError(action, f"invalid choice: {value!r} (choose from {', '.join(names)}){hint}")

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        message = in_one_line(message)
        if len(message) > _MAX_MESSAGE_CHARS:
            message = f"{message[:_MAX_MESSAGE_CHARS]} ..."
        self.exit(2, f"{PROGRAM}: error: {message}\n")


def nearest_name(name: str, known: Sequence[str]) -> str:
    """A suggestion to append to a message; empty if no known name is similar."""
    import difflib  # noqa: PLC0415 - only needed after a mistake

    found = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    return f"; did you mean {found[0]}?" if found else ""


def parsed(arguments: Sequence[str] | None) -> Options:
    """The options; ``run`` is the function of the command.

    Only the module of the given command is imported.

    Raises:
        SystemExit: The arguments are not valid (2), or ask for help or the version (0).
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    return Options(**vars(parser_for(given).parse_args(given)))


def parser_for(arguments: Sequence[str] | None) -> argparse.ArgumentParser:
    """The parser of the program, with the options of the command in these arguments; None for those of all commands."""
    parser = _Parser(prog=PROGRAM, **_texts(_DESCRIPTION, "transcribe call.mp3 --diarize", _EXIT_CODES))
    _add_connection(parser)
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    added = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    command = None if arguments is None else parser.command_in(arguments)
    for name, summary in commands.SUMMARIES.items():
        if arguments is None or name == command:
            module = importlib.import_module(f"{commands.__name__}.{name}")
            module.add_options(add_action(added, name, summary, module.EXAMPLE, module.run))
        else:
            added.add_parser(name, help=summary)
    return parser


def add_action(
    added: Any, name: str, summary: str, example: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    """Adds a command of the program, or an action of a command, with the options that all commands have."""
    description = f"{summary[0].upper()}{summary[1:]}."
    parser: argparse.ArgumentParser = added.add_parser(name, help=summary, **_texts(description, example))
    parser.set_defaults(run=run)
    _add_connection(parser)
    return parser


def add_remark(parser: argparse.ArgumentParser, remark: str = "", *, below: str = "") -> None:
    """Adds text to ``--help``: after the description, and below the options."""
    parser.description = f"{parser.description}\n{remark}".rstrip()
    parser.epilog = f"{parser.epilog}\n\n{below}".rstrip()


def add_actions(parser: argparse.ArgumentParser) -> Any:
    """What :func:`add_action` adds the actions of a command to."""
    return parser.add_subparsers(title="actions", metavar="ACTION")


def add_delete(
    actions: Any, summary: str, example: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    """Adds the action ``delete``; :func:`~soniox_lite._cli.listings.delete_each` reads its options."""
    parser = add_action(actions, "delete", summary, example, run)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("ids", nargs="*", metavar="ID", default=argparse.SUPPRESS, help="what to delete")
    which.add_argument("--all", action="store_true", help="delete all of them, after a confirmation")
    parser.add_argument("-y", "--yes", action="store_true", help="delete without a confirmation")
    add_json(parser)
    return parser


def add_json(parser: argparse.ArgumentParser, text: str = "print one JSON document") -> None:
    """Adds ``--json``."""
    parser.add_argument("--json", action="store_true", help=text)


def add_recognition(parser: argparse.ArgumentParser, model: str) -> None:
    """Adds the options of both kinds of transcription.

    An option whose ``dest`` is a field of the config sets that field; :mod:`~soniox_lite._cli.recognition` reads the
    others.
    """
    parser.add_argument(
        "--language",
        dest="language_hints",
        type=_codes,
        action="extend",
        metavar="CODE",
        help="an expected language, or several: en,de",
    )
    parser.add_argument(
        "--translate-to", type=str.lower, metavar="CODE", help="also translate; translated lines begin with [CODE]"
    )
    parser.add_argument("--diarize", dest="enable_speaker_diarization", action="store_true", help="tell speakers apart")
    parser.add_argument("--model", help=f"the model (default: {model})")
    group = parser.add_argument_group("what helps recognition")
    group.add_argument(
        "--language-hints-strict", action="store_true", help="recognize the languages of --language only"
    )
    group.add_argument(
        "--terms",
        type=_listed,
        action="extend",
        metavar="TERM",
        help="words that are likely to be said: Soniox,Maribor",
    )
    group.add_argument(
        "--context", metavar="FILE", help="background: a text, or JSON with general, text, terms, translation_terms"
    )
    group.add_argument(
        "--config", metavar="FILE", help="JSON with the fields of the request; options given here win over it"
    )


def add_model(parser: argparse.ArgumentParser, model: str) -> None:
    """Adds ``--model`` with this default."""
    parser.add_argument("--model", help=f"the model (default: {model})")
    parser.set_defaults(model=model)


def add_reference(parser: argparse.ArgumentParser, what: str) -> None:
    """Adds ``--client-reference-id``."""
    parser.add_argument(
        "--client-reference-id", metavar="TEXT", help=f"your own identifier of {what}, shown in the usage logs"
    )


def add_fake(parser: argparse.ArgumentParser) -> None:
    """Adds ``--fake``."""
    parser.add_argument(
        "--fake", action="store_true", help="use a built-in fake server without key or network; results are invented"
    )


def add_wait_timeout(parser: argparse.ArgumentParser, text: str) -> None:
    """Adds ``--wait-timeout``."""
    parser.add_argument("--wait-timeout", type=_seconds, metavar="SECONDS", help=text)


def add_transcript_output(parser: argparse.ArgumentParser) -> None:
    """Adds what :class:`~soniox_lite._cli.transcripts.TranscriptOutput` reads, except ``--json``."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "--format",
        type=str.lower,
        choices=TRANSCRIPT_FORMATS,
        help="text, subtitles or JSON (default: the extension of FILE, else txt)",
    )
    group.add_argument(
        "--track",
        choices=("original", "translation", "both"),
        help="original, translation, or both (default: both in text; in subtitles the translation if there is one)",
    )
    group.add_argument("-o", "--output", metavar="FILE|-", help="output file (default: -, standard output)")
    group.add_argument("--force", action="store_true", help="overwrite FILE even if it looks like audio")


def _add_connection(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("connection")
    group.add_argument("--region", help="region of the key: us, eu, jp, ... (default: SONIOX_REGION, else us)")
    group.add_argument("--base-url", metavar="URL", help="base URL of the REST API with its /v1")
    group.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="maximum time without data from the server (default: 30)"
    )
    group.add_argument(
        "--verbose", action="store_true", help="log requests, attempts, times and request ids to standard error"
    )
    group.add_argument("--debug", action="store_true", help="show the traceback of an error")


def _texts(description: str, example: str, below: str = "") -> dict[str, Any]:
    return {
        "description": description,
        "epilog": f"example: {PROGRAM} {example}\n\n{below}".rstrip(),
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "argument_default": argparse.SUPPRESS,
        # With abbreviations, a new option could make a script's abbreviation ambiguous.
        "allow_abbrev": False,
    }


def _codes(text: str) -> list[str]:
    """Language codes separated by commas or spaces, in lower case as the service requires."""
    return text.lower().replace(",", " ").split() or [text]


def _listed(text: str) -> list[str]:
    """Words or phrases separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()] or [text]


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= _MAX_WAIT_SEC:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to {_MAX_WAIT_SEC}")
    return value
