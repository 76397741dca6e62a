"""``soniox-lite speak``: from text to a file of audio, or down a pipe while it is made."""

from __future__ import annotations

import os
import sys

from ..errors import SonioxValidationError
from . import terminal as screen
from .clients import open_client
from .places import check_place, path_or_none
from .recording import opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import BinaryIO

# More than the service takes, so that what is too long is found to be.
_MOST_INPUT_BYTES = 64 * 1024
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


def speak(options: argparse.Namespace) -> int:
    """Writes the audio of a text to ``options.output``; the exit code."""
    path = path_or_none(options.output)
    if path is None and screen.is_terminal("stdout"):
        raise screen.CommandError("standard output is a terminal: give -o FILE, or pipe the audio on", exit_code=2)
    if path is not None:
        check_place(path)
    audio_format = options.format or "wav" if path is None else _format_of(path, options.format)
    text = _text(options, path)
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
    """The format that was asked for, else the one that the file's name tells.

    Raises:
        CommandError: The name tells none, or another one.
    """
    named = _FORMATS.get(os.path.splitext(path)[1].lower())
    if wanted is None:
        if named is None:
            raise screen.CommandError(
                f"cannot tell the format from the name {path!r}: end it in {', '.join(_FORMATS)}, "
                "or give --audio-format",
                exit_code=2,
            )
        return named
    # Formats that are not known here are the service's to judge.
    is_other = wanted != named and (wanted in _FORMATS.values() or _is_raw(wanted))
    if named is not None and is_other and not (_is_raw(named) and _is_raw(wanted)):
        raise screen.CommandError(
            f"{path!r} is the name of a file with {named}, and --audio-format says {wanted}", exit_code=2
        )
    return wanted


def _is_raw(audio_format: str) -> bool:
    return audio_format.startswith("pcm_") or audio_format in {"mulaw", "alaw"}


def _text(options: argparse.Namespace, output: str | None) -> str:
    """What to say: an argument, a file, or standard input.

    Raises:
        CommandError: There is none, or too much, or it is no text.
    """
    if options.file is not None:
        if options.text is not None:
            raise screen.CommandError("TEXT excludes --file", exit_code=2)
        with opened(options.file, output) as stream:
            return _decoded(stream)
    if options.text not in {None, "-"}:
        text: str = options.text
        return text
    if screen.is_terminal("stdin"):
        raise screen.CommandError("there is no text: give it as TEXT, with --file, or pipe it in", exit_code=2)
    with opened("-", output) as stream:
        return _decoded(stream)


def _decoded(stream: BinaryIO) -> str:
    content = b""
    while len(content) <= _MOST_INPUT_BYTES and (block := stream.read(_MOST_INPUT_BYTES)):
        content += block
    try:
        # What a bound cuts in half is refused for its length.
        text = content.decode("utf-8-sig", "ignore" if len(content) > _MOST_INPUT_BYTES else "strict").strip()
    except UnicodeDecodeError as error:
        raise screen.CommandError("the text is not UTF-8", exit_code=2) from error
    if not text:
        raise screen.CommandError("the text is empty", exit_code=2)
    return text


class _StandardOutput:
    """Hands on each piece of audio at once, so that a player at the end of the pipe can begin."""

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
