"""``python -m soniox_testing record``: records a client and the service."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ..server import FakeSoniox
from .serving import parse, serve

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(arguments: Sequence[str]) -> int:
    """Records until the command has ended, or Ctrl-C.

    Returns:
        The exit code: that of the command.
    """
    parser = argparse.ArgumentParser(
        prog="python -m soniox_testing record",
        description="Pass requests and realtime sessions of a client on to the service, and record both sides. Keys "
        "are not written. Clients use the URL that is printed as they use the service's.",
    )
    parser.add_argument(
        "--to", default="https://api.soniox.com", metavar="URL", help="of the service (default: %(default)s)"
    )
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="the tape, which is replaced")
    parser.add_argument(
        "--mask-text", action="store_true", help="write x for letters and 0 for digits of words, names and references"
    )
    parser.add_argument("--keep-audio", action="store_true", help="write audio, not only its length")
    parser.add_argument(
        "--max-mb", type=int, default=100, metavar="N", help="of the tape, in megabytes (default: %(default)s)"
    )
    parser.add_argument("--ca-file", metavar="FILE", help="PEM file with the certificates to trust")
    options, command = parse(parser, arguments)
    try:
        fake = FakeSoniox(host=options.host, port=options.port, tls=options.tls)
        fake.record_tape(
            options.output,
            to=options.to,
            mask_text=options.mask_text,
            keep_audio=options.keep_audio,
            max_bytes=options.max_mb * 1024 * 1024,
            ca_file=options.ca_file,
        )
    except (OSError, ValueError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    return serve(fake, command, own_key=False)
