"""``python -m soniox_testing play``: answers a client from a tape."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ..server import FakeSoniox
from .serving import parse, serve

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(arguments: Sequence[str]) -> int:
    """Plays until the command has ended, or Ctrl-C.

    Returns:
        The exit code: 1 if the client did something else than the tape has, or that of the command.
    """
    parser = argparse.ArgumentParser(
        prog="python -m soniox_testing play",
        description="Answer requests and realtime sessions from a tape. The exit code is 1 if the client did something "
        "else than the tape has, or not all of it.",
    )
    parser.add_argument("tape", metavar="FILE", help="the tape")
    parser.add_argument("--no-pauses", action="store_true", help="answer at once, not as late as the service did")
    parser.add_argument(
        "--speed", type=float, default=1.0, help="seconds of the tape for each second (default: %(default)s)"
    )
    parser.add_argument("--any-order", action="store_true", help="take requests in any order")
    parser.add_argument(
        "--ignore", action="append", default=[], metavar="FIELD", help="a field that is not compared; may be repeated"
    )
    options, command = parse(parser, arguments)
    try:
        fake = FakeSoniox(host=options.host, port=options.port, tls=options.tls, speed=options.speed)
        fake.play_tape(
            options.tape, pauses=not options.no_pauses, in_order=not options.any_order, ignore=options.ignore
        )
    except (OSError, ValueError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    return serve(fake, command, own_key=True)
