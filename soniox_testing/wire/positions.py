"""Audio whose samples say where they are: from any piece of it, its place in the whole is read.

A frame is one sample of each channel, all of the same value. Frames form groups; each frame has its place in the group,
and one digit of the group's number. Samples of one byte hold the place in 2 bits and a digit of 6, in groups of four;
wider samples hold 1 and 15 in their highest 16 bits, in groups of two. So the numbers last for 18 hours at 16,000 Hz,
and for 2 hours at 8,000 Hz in one byte. Digital silence and other audio has no places in this order.
"""

from __future__ import annotations

import struct
import sys
from array import array
from typing import TYPE_CHECKING, TypeAlias

from .raw_formats import sample_bytes_of

if TYPE_CHECKING:
    from collections.abc import Iterator

Run: TypeAlias = "tuple[int | None, int]"
"""Frames that follow each other: the number of the first one, None for other audio; and how many."""

_SCALE = 32768


class PositionCode:
    """The samples of one raw format.

    Args:
        audio_format: Full name of a raw format.
        num_channels: Of each frame.
    """

    def __init__(self, audio_format: str, num_channels: int) -> None:
        self._width = sample_bytes_of(audio_format) or 0
        self._big = audio_format.endswith("be")
        self._float = audio_format.startswith("pcm_f")
        self._float_code = f"{'>' if self._big else '<'}{'f' if self._width == 4 else 'd'}"
        self._channels = num_channels
        self.frame_bytes: int = self._width * num_channels
        self._place_bits, self._digit_bits = (2, 6) if self._width == 1 else (1, 15)
        self._group = 1 << self._place_bits
        self.shortest: int = 2 * self._group - 1
        """So many frames always hold a whole group."""

    def encode(self, begin: int, end: int) -> bytes:
        """The frames from one number up to another."""
        group, mask = self._group, (1 << self._digit_bits) - 1
        codes = array("H", bytes(2 * (end - begin)))
        for place in range(min(group, end - begin)):
            first = begin + (place - begin) % group
            shift = self._digit_bits * place
            codes[first - begin :: group] = array(
                "H",
                [
                    (number >> shift & mask) << self._place_bits | place
                    for number in range(first // group, (end - 1 - place) // group + 1)
                ],
            )
        return self._samples(codes)

    def _samples(self, codes: array[int]) -> bytes:
        width, size = self._width, self.frame_bytes
        if self._float:
            values = [(code - (code >> 15 << 16)) / _SCALE for code in codes]
            order = self._float_code[0]
            return b"".join(
                struct.pack(f"{order}{self._channels}{self._float_code[1]}", *[v] * self._channels) for v in values
            )
        if sys.byteorder == "big":
            codes.byteswap()
        raw = codes.tobytes()
        frames = bytearray(len(codes) * size)
        low, high = (width - 1, 0) if width == 1 else (1, 0) if self._big else (width - 2, width - 1)
        for channel in range(self._channels):
            if width > 1:
                frames[channel * width + high :: size] = raw[1::2]
            frames[channel * width + low :: size] = raw[0::2]
        return bytes(frames)

    def runs(self, data: bytes) -> list[Run]:
        """The runs of audio of whole frames, in its order."""
        merged: list[Run] = []
        for first, count in self._runs(data, 0, len(data) // self.frame_bytes):
            before = merged[-1] if merged else None
            if before is not None and first == (None if before[0] is None else before[0] + before[1]):
                merged[-1] = (before[0], before[1] + count)
            else:
                merged.append((first, count))
        return merged

    def _runs(self, data: bytes, begin: int, end: int) -> Iterator[Run]:
        """Halves the audio until the last frames of a part are where its first ones say."""
        if begin == end:
            return
        first = self._position(data, begin, end)
        if end - begin <= self.shortest:
            yield first, end - begin
            return
        tail = end - self.shortest
        last = self._position(data, tail, end)
        if first is not None and last == first + tail - begin:
            yield first, end - begin
        elif first is None and last is None and not any(data[begin * self.frame_bytes : end * self.frame_bytes]):
            yield None, end - begin
        else:
            middle = (begin + end) // 2
            yield from self._runs(data, begin, middle)
            yield from self._runs(data, middle, end)

    def _position(self, data: bytes, begin: int, end: int) -> int | None:
        """The number of a frame, by the first whole group from there on; None if there is none."""
        group, places = self._group, self._group - 1
        codes = [self._code(data, frame) for frame in range(begin, min(end, begin + self.shortest))]
        for skipped in range(min(group, len(codes) - group + 1)):
            members = codes[skipped : skipped + group]
            if [code & places for code in members] == list(range(group)):
                digits = [code >> self._place_bits << self._digit_bits * place for place, code in enumerate(members)]
                number = sum(digits) * group - skipped
                return number if number >= 0 else None
        return None

    def _code(self, data: bytes, frame: int) -> int:
        begin = frame * self.frame_bytes
        if self._float:
            (value,) = struct.unpack_from(self._float_code, data, begin)
            return int(value * _SCALE) & 0xFFFF if -1 <= value < 1 else 0
        if self._width == 1:
            return data[begin]
        if self._big:
            return data[begin] << 8 | data[begin + 1]
        return data[begin + self._width - 1] << 8 | data[begin + self._width - 2]
