"""A fake Soniox server as a program, for tests in any language: ``python -m soniox_testing``."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from typing import TYPE_CHECKING

from .server import FakeSoniox, FakeSonioxError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a server until SIGTERM or Ctrl-C.

    Args:
        arguments: Command line arguments; None: those of the process.

    Returns:
        The exit code: 0 after a clean stop, 1 when the server could not start or failed.
    """
    parser = argparse.ArgumentParser(
        prog="python -m soniox_testing",
        description="Run a fake Soniox server; its URL is the first line of output.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    parser.add_argument(
        "--api-key",
        action="append",
        metavar="KEY",
        help="accept this key only; may be repeated (default: any key)",
    )
    options = parser.parse_args(arguments)
    stop = threading.Event()

    def on_signal(number: int, frame: object) -> None:  # noqa: ARG001 - the signature of a signal handler
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    try:
        fake = FakeSoniox(api_keys=options.api_key, host=options.host, port=options.port).start()
    except (OSError, OverflowError, ValueError) as exc:
        print(f"cannot listen on {options.host}:{options.port}: {exc}", file=sys.stderr)
        return 1
    print(fake.url, flush=True)
    # In steps, because a wait without a timeout does not hear Ctrl-C on Windows.
    while not stop.wait(1.0):
        pass
    try:
        fake.stop()
    except FakeSonioxError as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
