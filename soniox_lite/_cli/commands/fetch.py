"""``soniox-lite fetch``: waits for a transcription job and prints its transcript."""

from __future__ import annotations

from .. import options as shared

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

EXAMPLE = "fetch 73d4357d-cad2-4338-a60d-ec6f2044f721 -o interview.srt --delete"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this command."""
    parser.add_argument("id", metavar="ID", help="the job")
    shared.add_json(parser, "print the whole transcript as one JSON document")
    shared.add_transcript_output(parser)
    shared.add_wait_timeout(parser, "fail with exit code 124 if the job has not ended after this time; 0 to not wait")
    parser.add_argument(
        "--delete", action="store_true", help="delete the job and its file when the transcript is written"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="show no progress, not even on a terminal")


def run(options: argparse.Namespace) -> int:
    """Prints the transcript of a job. Returns exit code 0; errors are raised."""
    from ..transcribing import fetch  # noqa: PLC0415 - not for --help

    return fetch(options)
