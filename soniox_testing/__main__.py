"""A fake Soniox server as a program, for tests in any language: ``python -m soniox_testing``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from .extra import what_to_install
from .net import proxies

try:
    from .control.options import OPTIONS, SWITCHES, flag_of, value_of_text
    from .control.standalone import Standalone
    from .tape_commands import compare, play, record
except ImportError as _missing:
    sys.exit(what_to_install(_missing))

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ENVIRONMENT = "FAKE_SONIOX_"
"""Before the names of the environment variables that stand for options of the command line."""

_KEEP = 500
_COMMANDS = {"record": record.run, "play": play.run, "compare": compare.run}
"""Those for tapes; without one, a fake is served."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a server until SIGTERM or Ctrl-C.

    Args:
        arguments: Command line arguments; None: those of the process.

    Returns:
        The exit code: 0 after a clean stop, 1 when the server could not start or failed.
    """
    given = sys.argv[1:] if arguments is None else arguments
    if given and given[0] in _COMMANDS:
        return _COMMANDS[given[0]](given[1:])
    settings = parsed(given, os.environ)
    for name in unknown_variables(os.environ):
        print(f"{name} in the environment is not the name of an option", file=sys.stderr)
    stop = threading.Event()

    def on_signal(number: int, frame: object) -> None:  # noqa: ARG001 - the signature of a signal handler
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    try:
        server = _server_of(settings)
    except (OSError, ValueError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    try:
        server.start()
    except (OSError, OverflowError, ValueError) as error:
        print(f"cannot listen on {settings.host}:{settings.port}: {error}", file=sys.stderr)
        return 1
    print(server.fake.url, flush=True)
    if settings.tls:
        print(f"SSL_CERT_FILE={server.fake.ca_file}", flush=True)
    if proxies.are_set():
        print(f"NO_PROXY={server.fake.environment()['NO_PROXY']}", flush=True)
    # In steps: on Windows, Ctrl-C does not interrupt a wait without a timeout.
    while not stop.wait(1.0):
        pass
    try:
        server.stop()
    except (AssertionError, OSError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _server_of(settings: argparse.Namespace) -> Standalone:
    options = {name: value_of_text(name, texts) for name in OPTIONS if (texts := getattr(settings, name, None))}
    return Standalone(
        {"keep": _KEEP, **options},
        host=settings.host,
        port=settings.port,
        tls=settings.tls,
        scripts=settings.script,
        seeds=settings.seed,
        state_file=settings.state,
        max_fakes=settings.max_fakes,
        open_control=settings.open_control,
        allow_hosts=[host.strip() for listed in settings.allow_host for host in listed.split(",")],
    )


def parsed(arguments: Sequence[str], environment: Mapping[str, str]) -> argparse.Namespace:
    """The options of the command line, and of the environment where the command line does not have them."""
    parser, actions = parser_and_options()
    given = parser.parse_args(arguments, argparse.Namespace(**{action.dest: None for action in actions}))
    named = {action.dest: variable_of(action) for action in actions if getattr(given, action.dest) is None}
    from_environment = [
        f"{action.option_strings[0]}={environment[named[action.dest]]}"
        for action in actions
        if environment.get(named.get(action.dest, ""))
    ]
    return parser.parse_args([*from_environment, *arguments])


def variable_of(action: argparse.Action) -> str:
    """The environment variable that stands for an option."""
    return ENVIRONMENT + action.option_strings[0].removeprefix("--").upper().replace("-", "_")


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """The variables that are named as those of options, and of which none is."""
    known = {variable_of(action) for action in parser_and_options()[1]}
    return sorted(name for name in environment if name.startswith(ENVIRONMENT) and name not in known)


def parser_and_options() -> tuple[argparse.ArgumentParser, list[argparse.Action]]:
    """The parser of the command line, and its options but for ``--help``."""
    parser = argparse.ArgumentParser(
        prog="python -m soniox_testing",
        description="Run a fake Soniox server; its URL is the first line of output. Where proxies are set, the last "
        f"line is the value of NO_PROXY for clients. Each option may also be an environment variable: {ENVIRONMENT} "
        "and its name, such as FAKE_SONIOX_PORT. Values in JSON are those of the control API.",
        epilog="Tapes have commands of their own, each with its own --help: " + ", ".join(_COMMANDS) + ".",
        allow_abbrev=False,
    )
    add = parser.add_argument
    switch = {"nargs": "?", "const": True, "default": False, "type": _switch, "metavar": "true|false"}
    actions = [
        add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"),
        add("--port", type=int, default=0, help="port to listen on (default: a free one)"),
        add("--tls", **switch, help="speak TLS; the second line of output names the CA file"),  # type: ignore[arg-type]
        add(
            "--script",
            action="append",
            type=Path,
            default=[],
            metavar="FILE",
            help="what the fake says and does, as JSON, or a .py file with a function script(fake); may be repeated",
        ),
        add(
            "--seed",
            action="append",
            type=Path,
            default=[],
            metavar="FILE",
            help="what the fake holds at the start and after a reset, as JSON: files, voices, keys, transcriptions, "
            "usage; may be repeated",
        ),
        add(
            "--state",
            type=Path,
            metavar="FILE",
            help="load what an earlier run has saved, if there is such a file, and save to it at the end",
        ),
        add("--max-fakes", type=int, default=100, metavar="N", help="sub-fakes at once (default: %(default)s)"),
        add(
            "--allow-host",
            action="append",
            default=[],
            metavar="HOST",
            help="let other machines use /__fake__/ where they reach it by this name, such as a container's; may be "
            "repeated",
        ),
        add("--open-control", **switch, help="let other machines use /__fake__/ as well, without a key"),  # type: ignore[arg-type]
    ]
    return parser, [*actions, *_options_of_the_fake(parser)]


def _options_of_the_fake(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    fake = parser.add_argument_group("options of the fake", "The control API takes them as well, under their names.")
    return [
        fake.add_argument(
            f"--{flag_of(name)}",
            dest=name,
            action="append",
            metavar=option.metavar,
            help=option.help.replace("%", "%%"),
            **({"nargs": "?", "const": "true"} if option.is_switch else {}),  # type: ignore[arg-type]
        )
        for name, option in OPTIONS.items()
    ]


def _switch(text: str) -> bool:
    if text.lower() not in SWITCHES:
        raise argparse.ArgumentTypeError(f"must be true or false, not {text!r}")
    return SWITCHES[text.lower()]


if __name__ == "__main__":
    sys.exit(main())
