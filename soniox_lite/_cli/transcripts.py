"""How a transcript is written: as text, subtitles or JSON, to standard output or to a file."""

from __future__ import annotations

import os

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
        if self._path is not None:
            folder = os.path.dirname(self._path) or "."
            if os.path.isdir(self._path) or not os.path.isdir(folder) or not os.access(folder, os.W_OK):
                raise screen.CommandError(f"cannot write {self._path!r}: not a file in a writable folder", exit_code=2)

    def write(self, transcript: TranscriptionTranscript) -> None:
        """Writes a transcript; one that cannot be written as asked for goes to standard output as text.

        Raises:
            CommandError: It cannot be written as asked for.
        """
        if self._format == "json" and self._path is None:
            screen.write_json(transcript.to_dict())
            return
        try:
            text = self._text(transcript)
            if self._path is not None:
                # Half of a surrogate pair is nothing that a file can hold; escaped, it is valid JSON too.
                with open(self._path, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
                    file.write(text if text.endswith("\n") else f"{text}\n")
        except (SonioxError, OSError) as error:
            # It was paid for, and may be deleted from the server by now.
            _print(_readable(transcript, "both"))
            reason = error.strerror if isinstance(error, OSError) else str(error)
            place = "" if self._path is None else f" to {self._path!r}"
            raise screen.CommandError(
                f"cannot write {self._format}{place}: {reason}; the text is printed instead", exit_code=1
            ) from error
        if self._path is None:
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


def _readable(transcript: TranscriptionTranscript, track: Track) -> str:
    tokens = transcript.tokens
    if any(token.speaker or token.translation_status == "translation" for token in tokens):
        return to_text(transcript, track=track)
    return transcript.text.strip()


def _print(text: str) -> None:
    if screen.is_terminal("stdout"):
        text = "\n".join(map(screen.printable, text.split("\n")))
    screen.write(text)
