"""The command line as it is typed: commands, options, and what ``--help`` says of them."""

from __future__ import annotations

import argparse
import itertools
import math
import sys

from .._version import __version__
from .terminal import PROGRAM, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from typing import Any, NoReturn

_DESCRIPTION = """\
Transcribe recordings and live audio, and speak texts, with the Soniox speech API.

The API key is read from the environment variable SONIOX_API_KEY. There is no
option for it, because the process list shows everybody what was typed."""

_EXIT_CODES = """\
exit codes: 0 done, 1 the service or the network said no, or the job failed,
2 wrong usage, 124 --wait-timeout passed, 130 Ctrl-C, 143 SIGTERM"""

_LONGEST_WAIT_SEC = 31_536_000
_MOST_DAYS = 366
_LONGEST_MESSAGE = 400
_REALTIME_MODEL = "stt-rt-v5"
_SPEECH_MODEL = "tts-rt-v2"
TRANSCRIPT_FORMATS = ("txt", "srt", "vtt", "json")

# Options may stand before and behind the command; argparse would let the defaults of one place win over the other.
_DEFAULTS: dict[str, Any] = {
    "region": None,
    "base_url": None,
    "timeout": None,
    "debug": False,
    "json": False,
    "quiet": False,
    "client_reference_id": None,
    "language": None,
    "diarize": False,
    "translate_to": None,
    "model": "stt-async-v5",
    "keep": False,
    "wait_timeout": None,
    "fake": False,
    "ws_url": None,
    "tts_url": None,
    "text": None,
    "file": None,
    "voice": "Adrian",
    "bitrate": None,
    "speed": None,
    "endpoints": False,
    "fast": False,
    "format": None,
    "rate": None,
    "channels": None,
    "track": None,
    "output": None,
    "force": False,
    "ids": (),
    "all": False,
    "yes": False,
    "with_files": False,
    "shared": None,
    "wait": False,
    "days": None,
    "first_day": None,
    "last_day": None,
}


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are named after the program, whichever command they are in, and tell the nearest name."""

    def parse_known_args(  # type: ignore[override] # none of the overloads differs here
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As ever, but what is not known is told here, with the usage line of its own command."""
        given = list(sys.argv[1:] if args is None else args)
        known = [option for action in self._actions for option in action.option_strings]
        commands = [name for action in self._actions for name in action.choices or () if not action.option_strings]
        # Before all else: what stands behind an unknown option may be its value, and a secret one.
        for text in itertools.takewhile(lambda text: text != "--" and text not in commands, given):
            self._check_option(text.partition("=")[0], known)
        found, unknown = super().parse_known_args(given, argparse.Namespace() if namespace is None else namespace)
        if unknown:
            self.error(f"unrecognized argument: {unknown[0]}")
        return found, unknown

    def _check_option(self, name: str, known: Sequence[str]) -> None:
        if name.startswith("--") and name not in known:
            hint = "; the key belongs in SONIOX_API_KEY" if "key" in name else nearest_name(name, known)
            self.error(f"unrecognized argument: {name}{hint}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            names = [str(choice) for choice in action.choices]
            hint = nearest_name(str(value), names)
            # A recording where a command belongs.
            if not hint and action.metavar == "COMMAND" and ("." in value or "/" in value):
                hint = f"; did you mean '{PROGRAM} transcribe {value}'?"
            raise argparse.ArgumentError(action, f"invalid choice: {value!r} (choose from {', '.join(names)}){hint}")

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        message = printable(" ".join(message.split()))
        if len(message) > _LONGEST_MESSAGE:
            message = f"{message[:_LONGEST_MESSAGE]} ..."
        self.exit(2, f"{PROGRAM}: error: {message}\n")


def nearest_name(name: str, known: Sequence[str]) -> str:
    """A question that names what was meant, to be appended to a message; empty if nothing is like it."""
    import difflib  # noqa: PLC0415 - only for slips

    found = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    return f"; did you mean {found[0]}?" if found else ""


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options; ``command`` names the function that they are for.

    Raises:
        SystemExit: They are wrong, or ask for help or the version.
    """
    parser = _parser(PROGRAM, _DESCRIPTION, f"{PROGRAM} transcribe call.mp3 --diarize", _EXIT_CODES)
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_transcribe(commands)
    _add_stream(commands)
    _add_speak(commands)
    models = _add(commands, "models", "list the models for transcription and speech", "models", "list_models")
    _add_json(models)
    actions = models.add_subparsers(title="actions", metavar="ACTION")
    _add_json(_add(actions, "list", "list the models (the default)", "models list --json", "list_models"))
    _add_files(commands)
    _add_transcriptions(commands)
    _add_voices(commands)
    _add_usage(commands)
    return parser.parse_args(arguments, argparse.Namespace(**_DEFAULTS))


def _add_transcribe(commands: Any) -> None:
    parser = _add(
        commands,
        "transcribe",
        "print what is said in a recording",
        "transcribe interview.mp3 --language en,de --diarize",
        "transcribe",
        "File and job are deleted from the server in the end, also after Ctrl-C, but not\n"
        "before the transcript is written.",
    )
    parser.add_argument("source", metavar="FILE|URL|-", help="a file, an http(s) URL, or - for standard input")
    _add_json(parser, "print the whole transcript as one JSON document")
    _add_output(parser)
    _add_languages(parser)
    parser.add_argument("--diarize", action="store_true", help="tell speakers apart")
    parser.add_argument("--model", help=f"the model (default: {_DEFAULTS['model']})")
    _add_reference(parser, "the job")
    parser.add_argument("--keep", action="store_true", help="keep file and job on the server, except after Ctrl-C")
    parser.add_argument(
        "--wait-timeout", type=_seconds, metavar="SECONDS", help="give up a job that has not ended after this time"
    )
    parser.add_argument("--fake", action="store_true", help="use a built-in fake server: no key, no network, no truth")
    parser.add_argument("-q", "--quiet", action="store_true", help="show no progress, not even on a terminal")


def _add_stream(commands: Any) -> None:
    parser = _add(
        commands,
        "stream",
        "print what is being said, while it is said",
        "stream talk.wav --diarize --endpoints",
        "stream",
        "On a terminal, what may still change is dim. Ctrl-C ends the audio and waits\n"
        "for the last words; a second one ends at once.",
        epilog=f"a microphone: arecord -q -f S16_LE -r 16000 -c 1 -t raw |\n"
        f"  {PROGRAM} stream - --format pcm_s16le --rate 16000 --channels 1",
    )
    # Not a default of all commands: transcribe has another one.
    parser.set_defaults(model=_REALTIME_MODEL)
    parser.add_argument("source", metavar="FILE|-", help="a file, or - for standard input")
    _add_json(parser, "print one JSON object for each event of the service, each on one line")
    _add_languages(parser)
    parser.add_argument("--diarize", action="store_true", help="tell speakers apart")
    parser.add_argument("--endpoints", action="store_true", help="begin a new line when a speaker has finished")
    parser.add_argument("--model", help=f"the model (default: {_REALTIME_MODEL})")
    _add_reference(parser, "the session")
    parser.add_argument("--fast", action="store_true", help="send as fast as possible, not at the pace of the audio")
    parser.add_argument("--fake", action="store_true", help="use a built-in fake server: no key, no network, no truth")
    parser.add_argument("--ws-url", metavar="URL", help="URL of the realtime service (default: SONIOX_WS_URL)")
    group = parser.add_argument_group("raw audio, which has no header")
    group.add_argument(
        "--format", type=str.lower, metavar="NAME", help="pcm_s16le, mulaw, ... (default: auto, what the header says)"
    )
    group.add_argument("--rate", type=int, metavar="HZ", help="samples a second, such as 16000")
    group.add_argument("--channels", type=int, metavar="N", help="1 for mono, 2 for stereo")


def _add_speak(commands: Any) -> None:
    parser = _add(
        commands,
        "speak",
        "make audio from a text",
        'speak "Good morning." -o morning.mp3',
        "speak",
        "A text has at most 5000 bytes in UTF-8; its audio ends after two minutes.",
        epilog=f'a player: {PROGRAM} speak "Good morning." -o - | aplay -q',
    )
    # Not a default of all commands: transcribe has another one.
    parser.set_defaults(model=_SPEECH_MODEL)
    parser.add_argument("text", nargs="?", metavar="TEXT|-", help="what to say; else, or with -, standard input")
    parser.add_argument("--file", metavar="FILE", help="what to say is in this file")
    parser.add_argument(
        "-o", "--output", required=True, metavar="FILE|-", help="where the audio goes; - for standard output"
    )
    parser.add_argument("--voice", help=f"name of a voice, or ID of one of your own (default: {_DEFAULTS['voice']})")
    parser.add_argument("--model", help=f"the model (default: {_SPEECH_MODEL})")
    parser.add_argument(
        "--language", type=str.lower, metavar="CODE", default="en", help="the language of the text (default: en)"
    )
    parser.add_argument(
        "--audio-format",
        "--format",
        dest="format",
        type=str.lower,
        metavar="NAME",
        help="wav, mp3, opus, flac, pcm_s16le, ... (default: what FILE ends in; wav for standard output)",
    )
    parser.add_argument("--rate", type=int, metavar="HZ", help="samples a second, such as 24000")
    parser.add_argument("--bitrate", type=int, metavar="N", help="bits a second of compressed audio, such as 64000")
    _add_reference(parser, "the request")
    parser.add_argument("--speed", type=float, metavar="X", help="0.7 to 1.3 times the normal pace")
    parser.add_argument("--fake", action="store_true", help="use a built-in fake server: no key, no network, no truth")
    parser.add_argument("--tts-url", metavar="URL", help="base URL of text-to-speech (default: SONIOX_TTS_API_URL)")


def _add_files(commands: Any) -> None:
    parser = _add(commands, "files", "list or delete uploaded files", "files delete --all", "list_files")
    _add_json(parser)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    _add_json(_add(actions, "list", "list the files (the default)", "files list --json", "list_files"))
    _add_delete(actions, "delete files", "files delete 84c32fc6-4fb5-4e7a-b656-b5ec70493753", "delete_files")


def _add_transcriptions(commands: Any) -> None:
    parser = _add(
        commands,
        "transcriptions",
        "list, print or delete transcription jobs",
        "transcriptions get 73d4357d-cad2-4338-a60d-ec6f2044f721",
        "list_transcriptions",
    )
    _add_json(parser)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    _add_json(_add(actions, "list", "list the jobs (the default)", "transcriptions list", "list_transcriptions"))
    example = "transcriptions get 73d4357d-cad2-4338-a60d-ec6f2044f721 --json"
    get = _add(actions, "get", "print the transcript of a job", example, "get_transcription")
    get.add_argument("id", metavar="ID", help="the job")
    _add_json(get)
    _add_output(get)
    example = "transcriptions delete --all --with-files"
    delete = _add_delete(actions, "delete jobs and their transcripts", example, "delete_transcriptions")
    delete.add_argument("--with-files", action="store_true", help="also delete the uploaded files they were made from")


def _add_voices(commands: Any) -> None:
    parser = _add(
        commands,
        "voices",
        "list, make or delete voices of your own",
        "voices --shared tts-rt-v2",
        "list_voices",
    )
    _add_voice_list(parser)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    _add_voice_list(_add(actions, "list", "list the voices (the default)", "voices list", "list_voices"))
    create = _add(
        actions,
        "create",
        "make a voice from a clip of at most 20 seconds and print its ID",
        "voices create me.wav --name me --wait",
        "create_voice",
    )
    create.add_argument("source", metavar="FILE|-", help="a file, or - for standard input")
    create.add_argument("--name", required=True, help="the voice's name, unique in the project")
    create.add_argument("--wait", action="store_true", help="wait until it can be used")
    create.add_argument(
        "--wait-timeout", type=_seconds, metavar="SECONDS", help="give up waiting after this time; means --wait"
    )
    _add_json(create)
    _add_delete(actions, "delete voices", "voices delete 4a8f3f5c-8f3e-4f0b-9a53-0f7b9a1f2c11", "delete_voices")


def _add_voice_list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--shared", metavar="MODEL", help="list the voices that the service shares for this model")
    _add_json(parser)


def _add_usage(commands: Any) -> None:
    parser = _add(
        commands,
        "usage",
        "print what was used and what it cost, by model and day",
        "usage --from 2026-04-01 --to 2026-04-30",
        "show_usage",
        "Days are those of UTC; at most 366 of them.",
    )
    parser.add_argument("--days", type=_day_count, metavar="N", help="the last N days, today included (default: 30)")
    parser.add_argument("--from", type=_day, dest="first_day", metavar="DATE", help="the first day")
    parser.add_argument("--to", type=_day, dest="last_day", metavar="DATE", help="the last day (default: today)")
    _add_json(parser)


def _add_delete(actions: Any, summary: str, example: str, command: str) -> argparse.ArgumentParser:
    parser = _add(actions, "delete", summary, example, command)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("ids", nargs="*", metavar="ID", default=argparse.SUPPRESS, help="what to delete")
    which.add_argument("--all", action="store_true", help="all of them, after asking")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    _add_json(parser)
    return parser


def _add_json(parser: argparse.ArgumentParser, text: str = "print one JSON document") -> None:
    parser.add_argument("--json", action="store_true", help=text)


def _add_languages(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--language", type=_codes, action="extend", metavar="CODE", help="a language to expect, or several: en,de"
    )
    parser.add_argument(
        "--translate-to", type=str.lower, metavar="CODE", help="also translate; those lines begin with [CODE]"
    )


def _add_reference(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--client-reference-id", metavar="TEXT", help=f"your own mark on {what} in the service's usage logs"
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    """What :class:`~soniox_lite._cli.transcripts.TranscriptOutput` goes by."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "--format",
        type=str.lower,
        choices=TRANSCRIPT_FORMATS,
        help="text, subtitles or JSON (default: what FILE ends in, else txt)",
    )
    group.add_argument(
        "--track",
        choices=("original", "translation", "both"),
        help="what is said, its translation, or both (default: both in text; in subtitles the translation if any)",
    )
    group.add_argument("-o", "--output", metavar="FILE|-", help="where it goes (default: -, standard output)")
    group.add_argument("--force", action="store_true", help="overwrite FILE even if it looks like audio")


def _add(
    commands: Any, name: str, summary: str, example: str, command: str, remark: str = "", *, epilog: str = ""
) -> argparse.ArgumentParser:
    """A new command of the program, or action of a command, with the options that all have."""
    description = f"{summary[0].upper()}{summary[1:]}.\n{remark}".rstrip()
    parser = _parser(
        None, description, f"{PROGRAM} {example}", epilog, add=commands.add_parser, name=name, help=summary
    )
    parser.set_defaults(command=command)
    return parser


def _parser(
    program: str | None, description: str, example: str, remark: str = "", *, add: Any = _Parser, **more: Any
) -> argparse.ArgumentParser:
    if program is not None:
        more["prog"] = program
    parser: argparse.ArgumentParser = add(
        description=description,
        epilog=f"example: {example}" + (f"\n\n{remark}" if remark else ""),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        # An option that is added later must not change what somebody's script means.
        allow_abbrev=False,
        **more,
    )
    group = parser.add_argument_group("connection")
    group.add_argument("--region", help="where the key belongs: us, eu, jp, ... (default: SONIOX_REGION, else us)")
    group.add_argument("--base-url", metavar="URL", help="base URL of the REST API with its /v1")
    group.add_argument("--timeout", type=float, metavar="SECONDS", help="longest silence of the server (default: 30)")
    group.add_argument("--debug", action="store_true", help="show where an error comes from")
    return parser


def _codes(text: str) -> list[str]:
    """Codes with commas or spaces between them, in lower case as the service takes them."""
    return text.lower().replace(",", " ").split() or [text]


def _day(text: str) -> date:
    from datetime import date  # noqa: PLC0415 - only where a day is named

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2026-04-01") from None


def _day_count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 1 to {_MOST_DAYS}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= _LONGEST_WAIT_SEC:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to {_LONGEST_WAIT_SEC}")
    return value
