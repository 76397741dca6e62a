"""Writes a transcript as text, subtitles or JSON, to standard output or to a file."""

from __future__ import annotations

import os

from .._data.output_files import opened_output
from ..errors import SonioxError
from ..subtitles import to_srt, to_text, to_vtt
from . import terminal as screen
from .options import TRANSCRIPT_FORMATS
from .places import check_place, path_or_none, refuse_to_overwrite_audio

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ..subtitles import Track
    from ..types.transcriptions import TranscriptionTranscript


_SUBTITLES = ("srt", "vtt")


class TranscriptOutput:
    """The format and destination of a transcript. Created before anything is sent, to report errors early.

    Args:
        options: ``json``, ``format``, ``track``, ``output`` and ``force`` of the command line.

    Attributes:
        path: Path of the output file; None for standard output.

    Raises:
        CommandError: The options contradict each other, the format is unknown, the file cannot be written, or it is an
            existing recording.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.path = path_or_none(options.output)
        if self.path is not None:
            check_place(self.path)
        self._track: Track | None = options.track
        self._format = _format(options, self.path)
        if self._format == "json" and self._track is not None:
            raise screen.CommandError("--track cannot be combined with JSON, which has all tokens", exit_code=2)
        # A file with the extension of a transcript may be overwritten without a check.
        if self.path is not None and not options.force and _ending(self.path) not in TRANSCRIPT_FORMATS:
            refuse_to_overwrite_audio(self.path)

    def write(self, transcript: TranscriptionTranscript) -> None:
        """Writes a transcript. If the file or the format fails, the text is written to standard output.

        Raises:
            CommandError: It could not be written as requested; exit code 1.
        """
        try:
            text = self._text(transcript)
        except Exception as error:
            # Invalid values from the service must not lose the text.
            _print(_readable(transcript, "both"))
            reason = error if isinstance(error, SonioxError) else "the transcript has invalid values"
            raise screen.CommandError(
                f"cannot write {self._format}: {reason}; the text is printed instead", exit_code=1
            ) from error
        if self.path is None:
            self._print(transcript, text)
        else:
            self._write_file(self.path, transcript, text)
        if self._format in _SUBTITLES and _has_half_characters(transcript):
            raise screen.CommandError(
                f"the transcript has characters that {self._format} cannot represent; use --format json", exit_code=1
            )

    def _write_file(self, path: str, transcript: TranscriptionTranscript, text: str) -> None:
        try:
            with opened_output(path) as file:
                # Half of a surrogate pair cannot be encoded; the escape is valid in JSON.
                file.write((text if text.endswith("\n") else f"{text}\n").encode("utf-8", "backslashreplace"))
        except SonioxError as error:
            self._print(transcript, text)
            reason = getattr(error.__cause__, "strerror", None) or str(error)
            raise screen.CommandError(
                f"cannot write {self._format} to {path!r}: {reason}; it is printed instead", exit_code=1
            ) from error

    def _print(self, transcript: TranscriptionTranscript, text: str) -> None:
        if self._format == "json":
            screen.write_json(transcript.to_dict())
        else:
            _print(text)

    def _text(self, transcript: TranscriptionTranscript) -> str:
        if self._format == "json":
            import json  # noqa: PLC0415 - already loaded by the client

            return json.dumps(transcript.to_dict(), ensure_ascii=False, indent=2)
        if self._format == "txt":
            return _readable(transcript, self._track or "both")
        track = self._track
        if track is None:
            is_translated = any(token.translation_status == "translation" for token in transcript.tokens)
            track = "translation" if is_translated else "original"
        return to_srt(transcript, track=track) if self._format == "srt" else to_vtt(transcript, track=track)


def _format(options: argparse.Namespace, path: str | None) -> str:
    if options.json and options.format not in {None, "json"}:
        raise screen.CommandError("--json and --format contradict each other", exit_code=2)
    if options.json or options.format is not None:
        return "json" if options.json else str(options.format)
    if path is None:
        return "txt"
    extension = _ending(path)
    if extension not in TRANSCRIPT_FORMATS:
        raise screen.CommandError(
            f"the extension of {path!r} is not one of .{', .'.join(TRANSCRIPT_FORMATS)}: use --format", exit_code=2
        )
    return extension


def _readable(transcript: TranscriptionTranscript, track: Track) -> str:
    tokens = transcript.tokens
    if any(token.speaker or token.translation_status == "translation" for token in tokens):
        return to_text(transcript, track=track)
    return transcript.text.strip()


def _ending(path: str) -> str:
    return os.path.splitext(path)[1][1:].lower()


def _has_half_characters(transcript: TranscriptionTranscript) -> bool:
    """Whether there are halves of surrogate pairs, which subtitles replace by U+FFFD."""
    return any("\ud800" <= char <= "\udfff" for token in transcript.tokens for char in token.text)


def _print(text: str) -> None:
    if screen.is_terminal("stdout"):
        text = "\n".join(map(screen.printable, text.split("\n")))
    screen.write(text)
