"""``soniox-lite speak``: writes the audio of a text to a file, or to standard output as it is generated."""

from __future__ import annotations

import contextlib
import os
import sys

from .. import options as shared, terminal as screen
from ..clients import open_client

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from contextlib import AbstractContextManager
    from typing import BinaryIO

EXAMPLE = 'speak "Good morning." -o morning.mp3'

# More than the service accepts, so that longer input is still rejected by its length.
_MAX_INPUT_BYTES = 64 * 1024
_FORMATS = {
    ".wav": "wav",
    ".mp3": "mp3",
    ".opus": "opus",
    ".ogg": "opus",
    ".flac": "flac",
    ".aac": "aac",
    ".pcm": "pcm_s16le",
    ".raw": "pcm_s16le",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this command."""
    shared.add_remark(
        parser,
        "A text has at most 5000 bytes in UTF-8; the audio ends after two minutes.",
        below=f'a player: {screen.PROGRAM} speak "Good morning." -o - | aplay -q',
    )
    parser.add_argument("text", nargs="?", metavar="TEXT|-", help="the text; none, or -, for standard input")
    parser.add_argument("--file", metavar="FILE", help="read the text from this file")
    parser.add_argument("-o", "--output", required=True, metavar="FILE|-", help="output file, or - for standard output")
    parser.add_argument("--voice", help="name of a voice, or ID of one of your own (default: Adrian)")
    parser.set_defaults(voice="Adrian")
    shared.add_model(parser, "tts-rt-v2")
    parser.add_argument(
        "--language", type=str.lower, metavar="CODE", default="en", help="the language of the text (default: en)"
    )
    parser.add_argument(
        "--audio-format",
        "--format",
        dest="format",
        type=str.lower,
        metavar="NAME",
        help="wav, mp3, opus, flac, pcm_s16le, ... (default: the extension of FILE; wav for standard output)",
    )
    parser.add_argument("--rate", type=int, metavar="HZ", help="samples a second, such as 24000")
    parser.add_argument("--bitrate", type=int, metavar="N", help="bits a second of compressed audio, such as 64000")
    shared.add_reference(parser, "the request")
    parser.add_argument("--speed", type=float, metavar="X", help="0.7 to 1.3 times the normal pace")
    shared.add_fake(parser)
    parser.add_argument("--tts-url", metavar="URL", help="base URL of text-to-speech (default: SONIOX_TTS_API_URL)")


def run(options: argparse.Namespace) -> int:
    """Writes the audio of a text to ``options.output``. Returns exit code 0; errors are raised."""
    from ...errors import SonioxValidationError  # noqa: PLC0415 - not for --help
    from ..places import check_place, path_or_none  # noqa: PLC0415 - as above

    path = path_or_none(options.output)
    if path is None and screen.is_terminal("stdout"):
        raise screen.CommandError(
            "standard output is a terminal: use -o FILE, or pipe the output to a player", exit_code=2
        )
    if path is not None:
        check_place(path)
    # The input is opened first: an output that is the input is refused as that, whatever its name is.
    with _source(options, path) as source:
        audio_format = options.format or "wav" if path is None else _format_of(path, options.format)
        text = source if isinstance(source, str) else _decoded(source)
    with open_client(options) as client:
        try:
            client.tts.generate_to_file(
                _StandardOutput() if path is None else path,  # type: ignore[arg-type]
                text=text,
                voice=options.voice,
                model=options.model,
                language=options.language,
                client_reference_id=options.client_reference_id,
                config={
                    "audio_format": audio_format,
                    "sample_rate": options.rate,
                    "bitrate": options.bitrate,
                    "speed": options.speed,
                },
            )
        except SonioxValidationError as error:
            if isinstance(error.__cause__, OSError):
                reason = error.__cause__.strerror or str(error.__cause__)
                raise screen.CommandError(f"cannot write {options.output!r}: {reason}", exit_code=2) from error
            raise
    return 0


def _format_of(path: str, wanted: str | None) -> str:
    """The wanted format, else the one of the file's extension.

    Raises:
        CommandError: The extension is unknown, or contradicts the wanted format.
    """
    named = _FORMATS.get(os.path.splitext(path)[1].lower())
    if wanted is None:
        if named is None:
            raise screen.CommandError(
                f"the extension of {path!r} is not one of {', '.join(_FORMATS)}: change it, or use --audio-format",
                exit_code=2,
            )
        return named
    # The service decides about formats that are unknown here.
    is_other = wanted != named and (wanted in _FORMATS.values() or _is_raw(wanted))
    if named is not None and is_other and not (_is_raw(named) and _is_raw(wanted)):
        raise screen.CommandError(
            f"the extension of {path!r} is for {named}, but --audio-format is {wanted}", exit_code=2
        )
    return wanted


def _is_raw(audio_format: str) -> bool:
    return audio_format.startswith("pcm_") or audio_format in {"mulaw", "alaw"}


def _source(options: argparse.Namespace, output: str | None) -> AbstractContextManager[str | BinaryIO]:
    """The text itself, or a stream with it: of a file, or standard input.

    Raises:
        CommandError: There is none, it cannot be opened or is the output; or both TEXT and ``--file`` are given.
    """
    from ..recording import opened  # noqa: PLC0415 - not for --help

    if options.file is not None:
        if options.text is not None:
            raise screen.CommandError("give either TEXT or --file, not both", exit_code=2)
        return opened(options.file, output)
    if options.text not in {None, "-"}:
        return contextlib.nullcontext(options.text)
    if screen.is_terminal("stdin"):
        raise screen.CommandError("there is no text: give TEXT or --file, or pipe it to standard input", exit_code=2)
    return opened("-", output)


def _decoded(stream: BinaryIO) -> str:
    """The text of a stream.

    Raises:
        CommandError: It is empty or not UTF-8.
    """
    content = b""
    while len(content) <= _MAX_INPUT_BYTES and (block := stream.read(_MAX_INPUT_BYTES)):
        content += block
    try:
        # A character may be cut at the limit; the service then rejects the text for its length.
        text = content.decode("utf-8-sig", "ignore" if len(content) > _MAX_INPUT_BYTES else "strict").strip()
    except UnicodeDecodeError as error:
        raise screen.CommandError("the text is not UTF-8", exit_code=2) from error
    if not text:
        raise screen.CommandError("the text is empty", exit_code=2)
    return text


class _StandardOutput:
    """Flushes each block of audio, so that a player in the pipe can begin early."""

    def write(self, block: bytes) -> int:
        stream = sys.stdout.buffer
        try:
            stream.write(block)
            stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            screen.abandon_output()
            reason = error.strerror or str(error)
            raise screen.CommandError(f"cannot write to standard output: {reason}", exit_code=1) from error
        return len(block)
