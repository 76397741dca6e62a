"""Checks of the output file before anything is sent."""

from __future__ import annotations

import contextlib
import os
import stat
import sys

from .._data.output_files import descriptor_of
from . import terminal as screen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

_HEAD_BYTES = 4096
# Signatures of audio and video files, by offset.
_MAGIC = (
    (0, (b"RIFF", b"RIFX", b"RF64", b"BW64", b"riff")),
    (0, (b"ID3", b"OggS", b"fLaC", b"FORM", b"caff", b".snd", b"#!AMR", b"wvpk", b"MAC ", b"FLV", b"ADIF")),
    (0, (b"\x1a\x45\xdf\xa3", b"\x30\x26\xb2\x75", b"\x00\x00\x01\xba", b"\x0b\x77", b"\x7f\xfe\x80\x01")),
    (4, (b"ftyp", b"moov", b"mdat", b"wide")),
)
_UTF_16_MARK = b"\xff\xfe"


def path_or_none(output: str | None) -> str | None:
    """The path given with ``-o``; None for standard output (no ``-o``, ``-``, ``/dev/stdout`` and the like)."""
    return None if output is None or output == "-" or descriptor_of(output) == 1 else output


def check_place(path: str) -> None:
    """Checks that a file can be created or written at a path.

    Raises:
        CommandError: It cannot; the message has the reason.
    """
    if descriptor_of(path) is not None:
        return
    folder = os.path.dirname(os.path.realpath(path))
    if not os.path.basename(path) and not os.path.isdir(path):
        reason = "it is not a file name"
    elif os.path.isdir(path):
        reason = "it is a folder"
    elif os.path.exists(path):
        reason = "" if os.access(path, os.W_OK) else "it is write-protected"
    elif not os.path.isdir(folder):
        reason = "Not a directory" if os.path.exists(folder) else "No such file or directory"
    else:
        reason = "" if os.access(folder, os.W_OK) else "its folder is write-protected"
    if reason:
        raise screen.CommandError(f"cannot write {path!r}: {reason}", exit_code=2)


def check_folder(path: str) -> None:
    """Makes a folder for output, if it is not there.

    Raises:
        CommandError: It cannot be made, or nothing can be written to it.
    """
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise screen.CommandError(f"cannot make the folder {path!r}: {error.strerror}", exit_code=2) from error
    if not os.access(path, os.W_OK):
        raise screen.CommandError(f"cannot write to the folder {path!r}: it is write-protected", exit_code=2)


def refuse_to_overwrite_audio(path: str) -> None:
    """Checks that an existing file is not audio, which may have been named by mistake.

    Raises:
        CommandError: The file looks like audio.
    """
    head = b""
    with contextlib.suppress(OSError, ValueError):
        # Only regular files: opening a pipe would block.
        if stat.S_ISREG(os.stat(path).st_mode):
            with open(path, "rb") as file:
                head = file.read(_HEAD_BYTES)
    if _is_audio(head):
        raise screen.CommandError(
            f"{path!r} exists and looks like audio: use another name, or --force to overwrite it", exit_code=2
        )


def refuse_input(stream: BinaryIO, source: str, outputs: Iterable[str | None]) -> None:
    """Checks that a command does not overwrite its input.

    Args:
        stream: The input.
        source: The input as given on the command line.
        outputs: Paths of the files that the command writes besides standard output; None for those not given.

    Raises:
        CommandError: An output is the same file as the input.
    """
    read = _file_or_none(stream)
    written = [_file_or_none(sys.stdout)]
    for output in outputs:
        with contextlib.suppress(OSError, ValueError):
            written.append(None if output is None else os.stat(output))
    if read is not None and any(place is not None and os.path.samestat(read, place) for place in written):
        name = "standard input" if source == "-" else repr(source)
        raise screen.CommandError(
            f"{name} is also the output and would be overwritten: name another output", exit_code=2
        )


def refuse_named(named: Iterable[tuple[str, str | None]], outputs: Iterable[str | None]) -> None:
    """Checks that a command does not overwrite a file that was named for something else.

    Args:
        named: An option and its path; or an empty text and the path of a recording. None for those not given.
        outputs: As for :func:`refuse_input`.

    Raises:
        CommandError: An output is one of these files.
    """
    written = {_identity(output) for output in outputs if output is not None} - {None}
    for option, path in named:
        if written and path is not None and _identity(path) in written:
            name = f"{option} {path!r}".strip()
            raise screen.CommandError(
                f"{name} is also the output and would be overwritten: name another output", exit_code=2
            )


def _identity(path: str) -> object:
    """Equal for the paths of one file, which need not exist yet; None for pipes and devices."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return os.path.realpath(path)
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def _file_or_none(stream: object) -> os.stat_result | None:
    """The status of a stream's regular file; None if it has none."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        status = os.fstat(stream.fileno())  # type: ignore[attr-defined]
        if stat.S_ISREG(status.st_mode):
            return status
    return None


def _is_audio(head: bytes) -> bool:
    """Whether a file with this beginning is audio, video or other binary data, such as raw samples."""
    # Frames of MPEG audio begin with eleven set bits.
    is_mpeg = head[:1] == b"\xff" and head[1:2] >= b"\xe0"
    is_text = head.startswith(_UTF_16_MARK) or not (is_mpeg or b"\0" in head)
    return not is_text or any(head.startswith(marks, at) for at, marks in _MAGIC)
