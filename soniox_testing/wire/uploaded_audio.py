"""The length of audio, without decoding it."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from .audio_headers import HEADER_BYTES, has_header
from .wav import WavHeader, is_wav

if TYPE_CHECKING:
    from collections.abc import Callable

_ASSUMED_BYTES_PER_SECOND = 16_000
_SHORTEST_MS = 100


@dataclass(frozen=True)
class Audio:
    """A recording: a seed for its words, and its length."""

    seed: bytes
    """The same for the same audio."""
    duration_ms: int
    """Milliseconds, at least 100."""
    is_audio: bool = True
    """Whether it can be audio, by its header."""


def audio_of_file(content: BinaryIO, size: int, digest: bytes) -> Audio:
    """The audio of an uploaded file: timed by its WAV header, else by its size.

    Args:
        content: The file, seekable. Its position is changed.
        size: Bytes.
        digest: A hash of the whole content.
    """

    def read_at(position: int, count: int) -> bytes:
        content.seek(position)
        return content.read(count)

    beginning = read_at(0, HEADER_BYTES)
    duration_ms = _wav_duration_ms(read_at, size) if is_wav(beginning) else None
    is_audio = has_header(beginning) and (duration_ms is not None or not is_wav(beginning))
    if duration_ms is None:
        duration_ms = size * 1000 // _ASSUMED_BYTES_PER_SECOND
    return Audio(digest, max(duration_ms, _SHORTEST_MS), is_audio)


def audio_of_bytes(content: bytes) -> Audio:
    """The same of a file in memory."""
    return audio_of_file(io.BytesIO(content), len(content), hashlib.sha256(content).digest())


def audio_of_url(url: str) -> Audio:
    """Stands for the audio behind a URL, which is not fetched: 3 to 30 seconds."""
    digest = hashlib.sha256(url.encode("utf-8", "surrogatepass")).digest()
    return Audio(digest, 3000 + int.from_bytes(digest[:4], "big") % 27_000)


def _wav_duration_ms(read_at: Callable[[int, int], bytes], size: int) -> int | None:
    """Milliseconds by the header of a WAV file; None: the header is not complete."""
    header = WavHeader.read(read_at)
    if header is None or not header.bytes_per_second:
        return None
    present = size - header.size
    # The header of a stream may state too large a size.
    length = present if header.data_bytes is None else min(header.data_bytes, present)
    return length * 1000 // header.bytes_per_second
