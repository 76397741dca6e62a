"""How a transcript is written: as text, subtitles or JSON, to standard output or to a file."""

from __future__ import annotations

import os

from .._output import opened_output
from ..errors import SonioxError
from ..subtitles import to_srt, to_text, to_vtt
from . import screen
from .options import TRANSCRIPT_FORMATS

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ..subtitles import Track
    from ..types.transcriptions import TranscriptionTranscript


class TranscriptOutput:
    """Where transcripts go and what they look like, as options say. Made before anything is sent.

    Args:
        options: ``json``, ``format``, ``track`` and ``output`` of the command line.

    Raises:
        CommandError: They contradict each other, tell no format, or name what is no place for a file.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._path: str | None = None if options.output == "-" else options.output
        self._track: Track | None = options.track
        self._format = _format(options)
        if self._format == "json" and self._track is not None:
            raise screen.CommandError("--track is not for JSON, which has all tokens", exit_code=2)
        if self._path is not None and not _can_be_written(self._path):
            raise screen.CommandError(f"cannot write {self._path!r}: not a file in a writable folder", exit_code=2)

    def write(self, transcript: TranscriptionTranscript) -> None:
        """Writes a transcript; what cannot be written to its file goes to standard output, at least as text.

        Raises:
            CommandError: It cannot be written as asked for.
        """
        # It was paid for, and may be deleted from the server by now.
        try:
            text = self._text(transcript)
        except SonioxError as error:
            _print(_readable(transcript, "both"))
            raise screen.CommandError(
                f"cannot write {self._format}: {error}; the text is printed instead", exit_code=1
            ) from error
        if self._path is None:
            self._print(transcript, text)
            return
        try:
            with opened_output(self._path) as file:
                # Half of a surrogate pair is nothing that a file can hold; escaped, it is valid JSON too.
                file.write((text if text.endswith("\n") else f"{text}\n").encode("utf-8", "backslashreplace"))
        except SonioxError as error:
            self._print(transcript, text)
            reason = getattr(error.__cause__, "strerror", None) or str(error)
            raise screen.CommandError(
                f"cannot write {self._format} to {self._path!r}: {reason}; it is printed instead", exit_code=1
            ) from error

    def _print(self, transcript: TranscriptionTranscript, text: str) -> None:
        if self._format == "json":
            screen.write_json(transcript.to_dict())
        else:
            _print(text)

    def _text(self, transcript: TranscriptionTranscript) -> str:
        if self._format == "json":
            import json  # noqa: PLC0415 - loaded by the client's replies anyway

            return json.dumps(transcript.to_dict(), ensure_ascii=False, indent=2)
        if self._format == "txt":
            return _readable(transcript, self._track or "both")
        track = self._track
        if track is None:
            is_translated = any(token.translation_status == "translation" for token in transcript.tokens)
            track = "translation" if is_translated else "original"
        return to_srt(transcript, track=track) if self._format == "srt" else to_vtt(transcript, track=track)


def _format(options: argparse.Namespace) -> str:
    if options.json and options.format not in {None, "json"}:
        raise screen.CommandError("--json and --format contradict each other", exit_code=2)
    if options.json or options.format is not None:
        return "json" if options.json else str(options.format)
    if options.output in {None, "-"}:
        return "txt"
    extension: str = os.path.splitext(options.output)[1][1:].lower()
    if extension not in TRANSCRIPT_FORMATS:
        raise screen.CommandError(
            f"{options.output!r} does not end in .{', .'.join(TRANSCRIPT_FORMATS)}: give --format too", exit_code=2
        )
    return extension


def _can_be_written(path: str) -> bool:
    """Whether a file can appear there, or a device or a pipe be written to."""
    if os.path.exists(path) and not os.path.isfile(path):
        return not os.path.isdir(path) and os.access(path, os.W_OK)
    folder = os.path.dirname(os.path.realpath(path))
    return (
        os.path.isdir(folder) and os.access(folder, os.W_OK) and (not os.path.exists(path) or os.access(path, os.W_OK))
    )


def _readable(transcript: TranscriptionTranscript, track: Track) -> str:
    tokens = transcript.tokens
    if any(token.speaker or token.translation_status == "translation" for token in tokens):
        return to_text(transcript, track=track)
    return transcript.text.strip()


def _print(text: str) -> None:
    if screen.is_terminal("stdout"):
        text = "\n".join(map(screen.printable, text.split("\n")))
    screen.write(text)
