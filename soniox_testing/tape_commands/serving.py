"""Runs a fake for a command, or until it is ended."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from ..net import proxies
from ..script.failures import FakeSonioxError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from ..server import FakeSoniox

_BY_SIGNAL = 128
"""A program that a signal has ended has this exit code, and the number of the signal added, as in a shell."""


def parse(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> tuple[argparse.Namespace, Sequence[str]]:
    """The options, with those of what is served, and the program to run, which follows ``--``."""
    end = list(arguments).index("--") if "--" in arguments else len(arguments)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    parser.add_argument("--tls", action="store_true", help="speak TLS; the second line of output names the CA file")
    parser.usage = f"{parser.format_usage().removeprefix('usage: ').rstrip()} [-- COMMAND]"
    parser.epilog = (
        "COMMAND is run with the server in its environment. Without one, it is served until Ctrl-C or SIGTERM."
    )
    options, command = parser.parse_args(arguments[:end]), arguments[end + 1 :]
    # Before a tape is opened: a recording replaces the one that is there.
    if command and shutil.which(command[0]) is None:
        parser.error(f"there is no program {command[0]}")
    return options, command


def serve(fake: FakeSoniox, command: Sequence[str], *, own_key: bool) -> int:
    """Serves a fake.

    Args:
        fake: Not yet started.
        command: A program to run; empty: the URL is printed, and it is served until SIGTERM or Ctrl-C.
        own_key: Whether the program gets the key of the fake; otherwise it has that of the environment.

    Returns:
        The exit code: that of the program if it is not 0; 1 if the fake could not start, or found something wrong.
    """
    try:
        fake.start()
    except (OSError, OverflowError) as error:
        print(f"cannot listen: {error}", file=sys.stderr)
        return 1
    try:
        code = _run(fake, command, own_key=own_key) if command else _wait(fake)
    except BaseException:
        fake.stop()
        raise
    try:
        fake.stop()
    except FakeSonioxError as error:
        # The client's mistakes, each in one line, and not where the fake found them.
        print(*(str(one) for one in error.failures), sep="\n", file=sys.stderr)
        return code or 1
    except AssertionError as error:
        print(error, file=sys.stderr)
        return code or 1
    return code


def _run(fake: FakeSoniox, command: Sequence[str], *, own_key: bool) -> int:
    environment = {name: value for name, value in fake.environment().items() if own_key or name != "SONIOX_API_KEY"}
    program: subprocess.Popen[bytes] | None = None
    is_ended = False

    def on_signal(number: int, frame: object) -> None:  # noqa: ARG001 - the signature of a signal handler
        nonlocal is_ended
        if program is None:
            is_ended = True
        elif number == signal.SIGTERM:  # Ctrl-C reaches the program by itself.
            program.terminate()

    # Before the program starts, which would be left behind otherwise. It is to end before the server that it uses.
    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        try:
            program = subprocess.Popen(command, env={**os.environ, **environment})  # noqa: S603 - the user's
        except OSError as error:
            print(f"{command[0]} cannot be run: {error}", file=sys.stderr)
            return 1
        if is_ended:
            program.terminate()
        with program:
            code = program.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else _BY_SIGNAL - code


def _wait(fake: FakeSoniox) -> int:
    stop = threading.Event()

    def on_signal(number: int, frame: object) -> None:  # noqa: ARG001 - the signature of a signal handler
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    print(fake.url, flush=True)
    environment = fake.environment()
    if "SSL_CERT_FILE" in environment:
        print(f"SSL_CERT_FILE={environment['SSL_CERT_FILE']}", flush=True)
    if proxies.are_set():
        print(f"NO_PROXY={environment['NO_PROXY']}", flush=True)
    # In steps: on Windows, Ctrl-C does not interrupt a wait without a timeout.
    while not stop.wait(1.0):
        pass
    return 0
