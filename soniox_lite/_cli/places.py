"""Where results go: what can be known about that before anything is sent."""

from __future__ import annotations

import contextlib
import os
import stat
import sys

from .._data.output_files import descriptor_of
from . import terminal as screen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

_HEAD_BYTES = 4096
# What files of audio and video begin with, at the place where it stands.
_MAGIC = (
    (0, (b"RIFF", b"RIFX", b"RF64", b"BW64", b"riff")),
    (0, (b"ID3", b"OggS", b"fLaC", b"FORM", b"caff", b".snd", b"#!AMR", b"wvpk", b"MAC ", b"FLV", b"ADIF")),
    (0, (b"\x1a\x45\xdf\xa3", b"\x30\x26\xb2\x75", b"\x00\x00\x01\xba", b"\x0b\x77", b"\x7f\xfe\x80\x01")),
    (4, (b"ftyp", b"moov", b"mdat", b"wide")),
)
_UTF_16_MARK = b"\xff\xfe"


def path_or_none(output: str | None) -> str | None:
    """The path that ``-o`` names; None for standard output, by whatever name."""
    return None if output is None or output == "-" or descriptor_of(output) == 1 else output


def check_place(path: str) -> None:
    """Raises unless a file can be there, or what is there be written to.

    Raises:
        CommandError: It cannot.
    """
    if descriptor_of(path) is not None:
        return
    folder = os.path.dirname(os.path.realpath(path))
    if not os.path.basename(path) and not os.path.isdir(path):
        reason = "it is no file's name"
    elif os.path.isdir(path):
        reason = "it is a folder; name a file in it"
    elif os.path.exists(path):
        reason = "" if os.access(path, os.W_OK) else "it is write-protected"
    elif not os.path.isdir(folder):
        reason = "Not a directory" if os.path.exists(folder) else "No such file or directory"
    else:
        reason = "" if os.access(folder, os.W_OK) else "its folder is write-protected"
    if reason:
        raise screen.CommandError(f"cannot write {path!r}: {reason}", exit_code=2)


def refuse_to_overwrite_audio(path: str) -> None:
    """Raises if there is a file that text should not replace: a glob or a slip may have named a recording.

    Raises:
        CommandError: There is one.
    """
    head = b""
    with contextlib.suppress(OSError, ValueError):
        # Opening a pipe would wait for its other end.
        if stat.S_ISREG(os.stat(path).st_mode):
            with open(path, "rb") as file:
                head = file.read(_HEAD_BYTES)
    if _is_audio(head):
        raise screen.CommandError(
            f"{path!r} exists and looks like audio: give another name, or --force to overwrite it", exit_code=2
        )


def refuse_input(stream: BinaryIO, source: str, output: str | None) -> None:
    """Raises if what a command reads is the file that it writes to, by whatever name.

    Args:
        stream: What it reads.
        source: The user's name for that.
        output: Path of what it writes besides standard output; None for nothing.

    Raises:
        CommandError: It is.
    """
    read = _file_or_none(stream)
    written = [_file_or_none(sys.stdout)]
    with contextlib.suppress(OSError, ValueError):
        written.append(None if output is None else os.stat(output))
    if read is not None and any(place is not None and os.path.samestat(read, place) for place in written):
        name = "standard input" if source == "-" else repr(source)
        raise screen.CommandError(f"{name} is the output, too, and would be lost: give another -o", exit_code=2)


def _file_or_none(stream: object) -> os.stat_result | None:
    """What a stream's regular file is; None if it has none."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        status = os.fstat(stream.fileno())  # type: ignore[attr-defined]
        if stat.S_ISREG(status.st_mode):
            return status
    return None


def _is_audio(head: bytes) -> bool:
    """Whether a file that begins so is audio or video, or holds other data that are no text, such as raw samples."""
    # Eleven bits that are set begin each frame of MPEG audio.
    is_mpeg = head[:1] == b"\xff" and head[1:2] >= b"\xe0"
    is_text = head.startswith(_UTF_16_MARK) or not (is_mpeg or b"\0" in head)
    return not is_text or any(head.startswith(marks, at) for at, marks in _MAGIC)
