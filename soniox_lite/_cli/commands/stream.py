"""``soniox-lite stream``: prints what is said in live audio, or in a recording sent at its own pace."""

from __future__ import annotations

from .. import options as shared
from ..terminal import PROGRAM

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

EXAMPLE = "stream talk.wav --diarize --endpoints"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this command."""
    shared.add_remark(
        parser,
        "On a terminal, text that may still change is dim. Ctrl-C ends the audio and waits\n"
        "for the last words; a second Ctrl-C ends at once.",
        below=f"a microphone: {PROGRAM} stream --mic\n"
        f"raw audio of another program: ... | {PROGRAM} stream - --format pcm_s16le --rate 16000 --channels 1",
    )
    parser.add_argument(
        "source",
        nargs="?",
        metavar="FILE|URL|-",
        help="a file, - for standard input, or the URL of a stream, which the program ffmpeg plays",
    )
    parser.add_argument("--mic", action="store_true", help="record the microphone with arecord, parec, sox or ffmpeg")
    parser.add_argument("--device", metavar="NAME", help="that program's name of the microphone")
    shared.add_json(parser, "print each event of the service as a JSON object on a line of its own")
    shared.add_recognition(parser, "stt-rt-v5")
    parser.add_argument(
        "--endpoints",
        dest="enable_endpoint_detection",
        action="store_true",
        help="begin a new line when a speaker has finished",
    )
    shared.add_reference(parser, "the session")
    parser.add_argument(
        "--no-resume", action="store_true", help="end when the connection breaks, instead of going on over another one"
    )
    parser.add_argument("--fast", action="store_true", help="send as fast as possible, not at the pace of the audio")
    parser.add_argument(
        "--tape", metavar="FILE", help="write all that is sent and received to FILE, without keys, for soniox_testing"
    )
    shared.add_fake(parser)
    parser.add_argument("--ws-url", metavar="URL", help="URL of the realtime service (default: SONIOX_WS_URL)")
    captions = parser.add_argument_group("captions")
    captions.add_argument(
        "--captions", metavar="FILE", help="also write WebVTT that grows; of the translation if there is one"
    )
    captions.add_argument("--force", action="store_true", help="overwrite FILE even if it looks like audio")
    group = parser.add_argument_group("raw audio, which has no header")
    group.add_argument(
        "--format", type=str.lower, metavar="NAME", help="pcm_s16le, mulaw, ... (default: auto, read from the header)"
    )
    group.add_argument("--rate", type=int, metavar="HZ", help="samples a second, such as 16000")
    group.add_argument("--channels", type=int, metavar="N", help="1 for mono, 2 for stereo")


def run(options: argparse.Namespace) -> int:
    """Prints what is said while audio is sent. Returns 0, or 128 plus the signal's number after Ctrl-C or SIGTERM."""
    from ..streaming import stream  # noqa: PLC0415 - not for --help

    return stream(options)
