"""``soniox-lite submit``: makes transcription jobs without waiting for them."""

from __future__ import annotations

from .. import options as shared
from ..terminal import PROGRAM

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

EXAMPLE = "submit interview.mp3 --language en --webhook-url https://example.com/soniox"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this command."""
    shared.add_remark(
        parser,
        "The ID of each job is printed, one a line, in the order of the recordings. File and\n"
        f"job stay on the server: {PROGRAM} fetch prints the transcript and can delete both.",
    )
    parser.add_argument(
        "sources", nargs="+", metavar="FILE|URL|-", help="files and http(s) URLs, or - for standard input"
    )
    shared.add_json(parser, "print each job as a JSON object on a line of its own")
    shared.add_recognition(parser, "stt-async-v5")
    shared.add_reference(parser, "the job")
    parser.add_argument(
        "--webhook-url",
        metavar="URL",
        help="URL that the service calls when the job has ended, with the secret in SONIOX_API_WEBHOOK_SECRET",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="show no progress, not even on a terminal")


def run(options: argparse.Namespace) -> int:
    """Makes a job of each recording. Returns exit code 0; errors are raised."""
    from ..transcribing import submit  # noqa: PLC0415 - not for --help

    return submit(options)
