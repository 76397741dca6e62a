"""How long audio lasts, without decoding it."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import BinaryIO

_ASSUMED_BYTES_PER_SECOND = 16_000
_SHORTEST_MS = 100
_UNKNOWN_SIZE = 0xFFFFFFFF


@dataclass(frozen=True)
class Audio:
    """All that matters of a recording here: what to derive its words from, and its length."""

    seed: bytes
    """The same for the same audio."""
    duration_ms: int
    """Milliseconds, at least 100."""


def audio_of_file(content: BinaryIO, size: int, digest: bytes) -> Audio:
    """The audio of an uploaded file: timed by its WAV header, else by its size.

    Args:
        content: The file, seekable. Its position is changed.
        size: Bytes.
        digest: A hash of the whole content.
    """
    duration_ms = _wav_duration_ms(content, size)
    if duration_ms is None:
        duration_ms = size * 1000 // _ASSUMED_BYTES_PER_SECOND
    return Audio(digest, max(duration_ms, _SHORTEST_MS))


def audio_of_url(url: str) -> Audio:
    """The pretend audio behind a URL, 3 to 30 seconds: nothing is ever fetched."""
    digest = hashlib.sha256(url.encode("utf-8", "surrogatepass")).digest()
    return Audio(digest, 3000 + int.from_bytes(digest[:4], "big") % 27_000)


def _wav_duration_ms(content: BinaryIO, size: int) -> int | None:
    """Milliseconds by the header of a WAV file; None for anything else.

    Not the standard library's ``wave``: before Python 3.12 it refuses WAVE_FORMAT_EXTENSIBLE, and it never
    reads float or companded samples. The length only needs the byte rate, which every format states in the
    same place.
    """
    content.seek(0)
    riff = content.read(12)
    if len(riff) < 12 or riff[:4] not in {b"RIFF", b"RF64"} or riff[8:] != b"WAVE":
        return None
    bytes_per_second = 0
    position = 12
    while position + 8 <= size:
        content.seek(position)
        name, length = struct.unpack("<4sI", content.read(8))
        position += 8
        if name == b"fmt " and length >= 16:
            rate, bytes_per_second, frame_bytes = struct.unpack("<4xIIH2x", content.read(16).ljust(16, b"\0"))
            bytes_per_second = bytes_per_second or rate * frame_bytes
        elif name == b"data":
            present = size - position
            # A streamed header was written before the length was known: 0, all ones, or simply too much.
            if length in {0, _UNKNOWN_SIZE} or length > present:
                length = present
            return length * 1000 // bytes_per_second if bytes_per_second else None
        position += length + length % 2
    return None
