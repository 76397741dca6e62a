"""WAV headers: read from files and streams, and written for streams."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

BEGINNING_BYTES = 12
"""Number of bytes that ``is_wav`` needs."""

_UNKNOWN_SIZES = {0, 0xFFFFFFFF}


@dataclass(frozen=True)
class WavHeader:
    """The header of a WAV file or stream.

    The standard library's ``wave`` is no help: before Python 3.12 it refuses WAVE_FORMAT_EXTENSIBLE, and it never reads
    float or companded samples. The length only needs the byte rate, which every format states in the same place.
    """

    size: int
    """Bytes of the header, after which the samples begin."""
    bytes_per_second: int
    """0 if no format was stated."""
    data_bytes: int | None
    """Bytes of samples; None: their number was not known when the header was written."""

    @classmethod
    def read(cls, read_at: Callable[[int, int], bytes | bytearray]) -> WavHeader | None:
        """Reads the chunks up to the samples.

        Args:
            read_at: Returns the bytes at a position; fewer than asked for where the file or what has arrived ends.

        Returns:
            None when the bytes end before the samples begin.
        """
        bytes_per_second, position = 0, BEGINNING_BYTES
        while len(chunk := read_at(position, 8)) == 8:
            name, length = struct.unpack("<4sI", chunk)
            position += 8
            if name == b"data":
                return cls(position, bytes_per_second, None if length in _UNKNOWN_SIZES else length)
            if name == b"fmt " and length >= 16:
                fields = read_at(position, 16)
                if len(fields) < 16:
                    return None
                rate, bytes_per_second, frame_bytes = struct.unpack("<4xIIH2x", fields)
                bytes_per_second = bytes_per_second or rate * frame_bytes
            position += length + length % 2
        return None


def is_wav(beginning: bytes | bytearray) -> bool:
    """Whether audio that begins with these bytes is WAV."""
    return beginning.startswith((b"RIFF", b"RF64")) and beginning[8:BEGINNING_BYTES] == b"WAVE"


def streamed_header(sample_rate: int) -> bytes:
    """The header of 16-bit mono audio of unknown length; its sizes are the greatest possible, as usual for streams."""
    return header_of(sample_rate, 1, None)


def header_of(sample_rate: int, num_channels: int, data_bytes: int | None) -> bytes:
    """The header of 16-bit audio; None: the length is unknown."""
    frame_bytes = 2 * num_channels
    form = struct.pack("<HHIIHH", 1, num_channels, sample_rate, sample_rate * frame_bytes, frame_bytes, 16)
    unknown = 0xFFFFFFFF
    whole = unknown if data_bytes is None else data_bytes + 36
    data = struct.pack("<I", unknown if data_bytes is None else data_bytes)
    return b"RIFF" + struct.pack("<I", whole) + b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + data
