"""Writes the captions of a session to a WebVTT file that grows."""

from __future__ import annotations

import contextlib

from ..subtitles import LiveCues, vtt_cue
from . import terminal as screen
from .places import check_place, path_or_none, refuse_to_overwrite_audio

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import BinaryIO

    from ..subtitles import Cue
    from ..types.realtime import RealtimeEvent
    from .live import Output


class Captions:
    """An output that also writes the file of ``--captions``. What was written is never changed.

    Args:
        options: ``captions`` and ``force``.
        output: What displays the events.
        is_translated: Whether the captions are the translation; else they are what was said.

    Raises:
        CommandError: The file cannot be written, or is an existing recording.
    """

    def __init__(self, options: argparse.Namespace, output: Output, *, is_translated: bool) -> None:
        path = path_or_none(options.captions)
        if path is None:
            raise screen.CommandError("--captions needs a file: standard output has the text", exit_code=2)
        check_place(path)
        if not options.force and not path.lower().endswith(".vtt"):
            refuse_to_overwrite_audio(path)
        self._path = path
        self._output = output
        self._cues = LiveCues(track="translation" if is_translated else "original")
        # Created with the first event, so that a session that is refused does not empty a file.
        self._file: BinaryIO | None = None
        self._size = 0
        self._problem: str | None = None

    def show(self, event: RealtimeEvent) -> None:
        self._output.show(event)
        if event.error_code is None:
            self._write(self._cues.add(event))

    def make_room(self) -> None:
        self._output.make_room()

    def close(self) -> None:
        try:
            self._output.close()
        finally:
            if self._file is not None:
                self._write(self._cues.finish())
                self._file.close()

    def check(self) -> None:
        """Raises CommandError if the captions could not be written; the session has gone on without them."""
        if self._problem is not None:
            raise screen.CommandError(self._problem, exit_code=1)

    def _write(self, cues: Sequence[Cue]) -> None:
        if self._problem is not None:
            return
        try:
            if self._file is None:
                # Unbuffered: a reader sees whole cues.
                self._file = open(self._path, "wb", buffering=0)  # noqa: SIM115 - closed by close()
                self._append(self._file, b"WEBVTT\n")
            for cue in cues:
                self._append(self._file, f"\n{vtt_cue(cue)}".encode())
        except OSError as error:
            self._problem = f"cannot write {self._path!r}: {error.strerror or error}; the captions end there"
            self._output.make_room()
            screen.say(f"warning: {self._problem}")

    def _append(self, file: BinaryIO, text: bytes) -> None:
        """Writes all of a text, or nothing of it. Raises OSError."""
        rest = text
        try:
            # A disk that is nearly full takes the beginning.
            while rest:
                rest = rest[file.write(rest) :]
        except OSError:
            # Not possible, and not necessary, in a pipe.
            with contextlib.suppress(OSError):
                file.truncate(self._size)
            raise
        self._size += len(text)
