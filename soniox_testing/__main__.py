"""A fake Soniox server as a program, for tests in any language: ``python -m soniox_testing``."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from .extra import what_to_install
from .net import proxies
from .script.clock import VirtualClock
from .unfrozen import time

try:
    from .control.scripts import run_script
    from .control.standalone import Standalone
    from .server import FakeSoniox
except ImportError as _missing:
    sys.exit(what_to_install(_missing))

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .front.shared import SharedListener


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a server until SIGTERM or Ctrl-C.

    Args:
        arguments: Command line arguments; None: those of the process.

    Returns:
        The exit code: 0 after a clean stop, 1 when the server could not start or failed.
    """
    parser = argparse.ArgumentParser(
        prog="python -m soniox_testing",
        description="Run a fake Soniox server; its URL is the first line of output. Where proxies are set, the last "
        "line is the value of NO_PROXY for clients.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    parser.add_argument(
        "--api-key",
        action="append",
        metavar="KEY",
        help="accept this key only; may be repeated (default: any key)",
    )
    parser.add_argument("--tls", action="store_true", help="speak TLS; the second line of output names the CA file")
    parser.add_argument(
        "--script",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="transcripts and failures as JSON, or a .py file with a function script(fake); may be repeated",
    )
    parser.add_argument(
        "--speed", type=float, default=1.0, help="seconds of the fake for each second (default: %(default)s)"
    )
    parser.add_argument(
        "--clock", choices=["real", "virtual"], default="real", help="virtual: only POST /__fake__/clock moves the time"
    )
    parser.add_argument(
        "--audio",
        choices=["checked", "any"],
        default="checked",
        help="any: accept audio without a known header (default: %(default)s)",
    )
    parser.add_argument(
        "--style",
        choices=["real", "simple"],
        default="real",
        help="simple: one token for each word, at regular intervals (default: %(default)s)",
    )
    parser.add_argument(
        "--limits",
        metavar="LIMITS",
        help="limits and budgets, such as service, or max_files=3, or service,max_files=3 (default: none)",
    )
    parser.add_argument(
        "--open-control", action="store_true", help="let other machines use /__fake__/ as well, without a key"
    )
    options = parser.parse_args(arguments)
    stop = threading.Event()

    def on_signal(number: int, frame: object) -> None:  # noqa: ARG001 - the signature of a signal handler
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    clock = VirtualClock() if options.clock == "virtual" else None

    def make_fake(listener: SharedListener) -> FakeSoniox:
        fake = FakeSoniox(
            listener=listener,
            api_keys=options.api_key,
            clock=clock or time.monotonic,
            speed=options.speed,
            audio=options.audio,
            style=options.style,
            limits=options.limits,
        )
        for path in options.script:
            run_script(fake, path)
        return fake

    try:
        server = Standalone(
            make_fake,
            host=options.host,
            port=options.port,
            tls=options.tls,
            clock=clock,
            open_control=options.open_control,
        )
    except (OSError, ValueError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    try:
        server.start()
    except (OSError, OverflowError, ValueError) as error:
        print(f"cannot listen on {options.host}:{options.port}: {error}", file=sys.stderr)
        return 1
    print(server.fake.url, flush=True)
    if options.tls:
        print(f"SSL_CERT_FILE={server.fake.ca_file}", flush=True)
    if proxies.are_set():
        print(f"NO_PROXY={server.fake.environment()['NO_PROXY']}", flush=True)
    # In steps: on Windows, Ctrl-C does not interrupt a wait without a timeout.
    while not stop.wait(1.0):
        pass
    try:
        server.stop()
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
