"""The length of audio, without decoding it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import BinaryIO

from .wav import BEGINNING_BYTES, WavHeader, is_wav

_ASSUMED_BYTES_PER_SECOND = 16_000
_SHORTEST_MS = 100


@dataclass(frozen=True)
class Audio:
    """A recording: a seed for its words, and its length."""

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
    """Stands for the audio behind a URL, which is not fetched: 3 to 30 seconds."""
    digest = hashlib.sha256(url.encode("utf-8", "surrogatepass")).digest()
    return Audio(digest, 3000 + int.from_bytes(digest[:4], "big") % 27_000)


def _wav_duration_ms(content: BinaryIO, size: int) -> int | None:
    """Milliseconds by the header of a WAV file; None: it is not a WAV file."""

    def read_at(position: int, count: int) -> bytes:
        content.seek(position)
        return content.read(count)

    if not is_wav(read_at(0, BEGINNING_BYTES)):
        return None
    header = WavHeader.read(read_at)
    if header is None or not header.bytes_per_second:
        return None
    present = size - header.size
    # The header of a stream may state too large a size.
    length = present if header.data_bytes is None else min(header.data_bytes, present)
    return length * 1000 // header.bytes_per_second
