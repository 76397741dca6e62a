"""The compressed formats: silence of the right length, in frames that every decoder accepts."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .synthesis import Sound


class _Framed(Protocol):
    """A compressed format that encodes silence only."""

    frame_samples: int
    """Samples of every frame except the last."""

    def head(self) -> bytes:
        """The header."""
        ...

    def frame(self, number: int, samples: int, *, last: bool) -> bytes:
        """A frame, page or block; numbered from 0."""
        ...


class Silence:
    """Silence in frames. The newest frame is held back until it is known whether it is the last."""

    def __init__(self, framed: _Framed) -> None:
        self._framed = framed
        self._samples = 0
        self._frames = 0

    def head(self) -> bytes:
        """What the format begins with."""
        return self._framed.head()

    def add(self, text: str, lengths: Sequence[int]) -> bytes:  # noqa: ARG002 - all is silence
        """The frames that are complete now."""
        self._samples += sum(lengths)
        size = self._framed.frame_samples
        first, self._frames = self._frames, max(self._frames, (self._samples - 1) // size)
        return b"".join(self._framed.frame(number, size, last=False) for number in range(first, self._frames))

    def end(self) -> bytes:
        """The last frame."""
        left = self._samples - self._frames * self._framed.frame_samples
        return self._framed.frame(self._frames, left, last=True)


class _Mp3:
    """MPEG-1 and MPEG-2 audio, layer III: frames whose side information is zero, so that they hold no data."""

    _RATES = (44_100, 48_000, 32_000)
    _KBITS_1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    _KBITS_2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)

    def __init__(self, sound: Sound) -> None:
        first = sound.sample_rate in self._RATES
        self._rate = sound.sample_rate
        self.frame_samples = 1152 if first else 576
        known = self._KBITS_1 if first else self._KBITS_2
        # 160 kbit/s is the highest rate of MPEG-2.
        kbits = min((sound.bitrate or 128_000) // 1000, known[-1])
        self._bytes_per_rate = self.frame_samples // 8 * kbits * 1000
        rate_index = self._RATES.index(sound.sample_rate if first else sound.sample_rate * 2)
        self._header = bytes([0xFF, 0xFB if first else 0xF3, known.index(kbits) + 1 << 4 | rate_index << 2, 0xC0])

    def head(self) -> bytes:
        """Nothing."""
        return b""

    def frame(self, number: int, samples: int, *, last: bool) -> bytes:  # noqa: ARG002 - frames have one size
        """A frame, one byte longer where the bitrate needs it."""
        size = self._bytes_per_rate // self._rate
        end = self._bytes_per_rate * (number + 1) // self._rate
        padded = end - self._bytes_per_rate * number // self._rate > size
        header = bytearray(self._header)
        header[2] |= padded << 1
        return bytes(header).ljust(size + padded, b"\0")


_ADTS_RATES = {48_000: 3, 44_100: 4, 24_000: 6, 16_000: 8}


class _Aac:
    """AAC-LC in ADTS: one channel without scale factor bands, then the end. Ignores the bitrate."""

    _BLOCK = b"\x00\x00\x00\x07"

    def __init__(self, sound: Sound) -> None:
        self.frame_samples = 1024
        size = 7 + len(self._BLOCK)
        fields = 0xFFF1 << 40 | 1 << 38 | _ADTS_RATES[sound.sample_rate] << 34 | 1 << 30 | size << 13 | 0x7FF << 2
        self._frame = fields.to_bytes(7, "big") + self._BLOCK

    def head(self) -> bytes:
        """Nothing."""
        return b""

    def frame(self, number: int, samples: int, *, last: bool) -> bytes:  # noqa: ARG002 - frames are all the same
        """A frame."""
        return self._frame


class _Flac:
    """FLAC with constant subframes, 16 bits a sample."""

    def __init__(self, sound: Sound) -> None:
        self._rate = sound.sample_rate
        self.frame_samples = 4096

    def head(self) -> bytes:
        """The STREAMINFO block, with unknown length and checksum."""
        fields = self._rate << 44 | 15 << 36
        block = struct.pack(">HH6xQ16x", self.frame_samples, self.frame_samples, fields)
        return b"fLaC\x80" + len(block).to_bytes(3, "big") + block

    def frame(self, number: int, samples: int, *, last: bool) -> bytes:  # noqa: ARG002
        """A frame."""
        header = b"\xff\xf8\x70\x08" + _utf8(number) + struct.pack(">H", samples - 1)
        frame = header + bytes([_crc(header, 8, 0x07)]) + b"\x00\x00\x00"
        return frame + struct.pack(">H", _crc(frame, 16, 0x8005))


def _utf8(number: int) -> bytes:
    """A frame number as FLAC encodes it: as a code point in UTF-8, also for surrogates."""
    return chr(number).encode("utf-8", "surrogatepass")


def _crc(data: bytes, bits: int, polynomial: int) -> int:
    crc = 0
    for byte in data:
        crc ^= byte << bits - 8
        for _ in range(8):
            crc = crc << 1 ^ (polynomial if crc >> bits - 1 else 0)
            crc &= (1 << bits) - 1
    return crc


class _Opus:
    """Opus in Ogg: pages of half a second, with packets of 20 ms of silence. Ignores the bitrate."""

    _PACKET = b"\xf8\xff\xfe"
    _SERIAL = 0x736E7874

    def __init__(self, sound: Sound) -> None:
        self._rate = sound.sample_rate
        self.frame_samples = sound.sample_rate // 2

    def head(self) -> bytes:
        """The two header pages. The pre-skip is 0, so that the length is exact."""
        vendor = b"soniox_testing"
        head = b"OpusHead" + struct.pack("<BBHIHB", 1, 1, 0, self._rate, 0, 0)
        tags = b"OpusTags" + struct.pack("<I", len(vendor)) + vendor + struct.pack("<I", 0)
        return self._page(0, 2, 0, [head]) + self._page(1, 0, 0, [tags])

    def frame(self, number: int, samples: int, *, last: bool) -> bytes:
        """A page. The position of the last page trims its last packet."""
        samples_48k = samples * 48_000 // self._rate
        packets = [self._PACKET] * -(-max(samples_48k, 1) // 960)
        return self._page(number + 2, 4 if last else 0, number * 24_000 + samples_48k, packets)

    def _page(self, number: int, flags: int, position: int, packets: Sequence[bytes]) -> bytes:
        sizes = bytes(len(packet) for packet in packets)
        head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, position, self._SERIAL, number, 0, len(sizes))
        page = head + sizes + b"".join(packets)
        return page[:22] + struct.pack("<I", _ogg_crc(page)) + page[26:]


_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _ogg_crc(data: bytes) -> int:
    """Ogg's CRC: that of zlib with reversed bits, and with zeros as initial and final value."""
    crc = zlib.crc32(data.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{crc:032b}"[::-1], 2)


FRAMED: dict[str, Callable[[Sound], _Framed]] = {"mp3": _Mp3, "aac": _Aac, "flac": _Flac, "opus": _Opus}
"""By the names of the formats."""
