"""``soniox-lite transcribe``: prints what is said in a recording, or writes a file for each of many."""

from __future__ import annotations

from .. import options as shared

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

EXAMPLE = "transcribe interview.mp3 --language en,de --diarize"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this command."""
    shared.add_remark(
        parser,
        "The file and the job are deleted from the server at the end, also after Ctrl-C, but\n"
        "not before the transcript is written.",
    )
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="FILE|URL|FOLDER|-",
        help="a file, an http(s) URL, or - for standard input; or several files and URLs, or folders with recordings",
    )
    shared.add_json(parser, "print the whole transcript as one JSON document")
    shared.add_transcript_output(parser)
    shared.add_recognition(parser, "stt-async-v5")
    shared.add_reference(parser, "the job")
    parser.add_argument("--keep", action="store_true", help="keep file and job on the server, except after Ctrl-C")
    shared.add_wait_timeout(parser, "fail with exit code 124 if the job has not ended after this time")
    many = parser.add_argument_group("several recordings")
    many.add_argument(
        "--output-dir",
        metavar="FOLDER",
        help="write a transcript for each recording there; recordings that have one are skipped",
    )
    many.add_argument("--jobs", type=int, metavar="N", help="work on this many at a time (default: 4)")
    many.add_argument(
        "--journal", metavar="FILE", help="record finished recordings there; a run that was killed continues from it"
    )
    shared.add_fake(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="show no progress, not even on a terminal")


def run(options: argparse.Namespace) -> int:
    """Prints the transcript of a recording. Returns exit code 0; errors are raised."""
    from ..transcribing import transcribe  # noqa: PLC0415 - not for --help

    return transcribe(options)
