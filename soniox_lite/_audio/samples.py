"""Raw samples: their size, and how loud they are. Standard library only; ``audioop`` left it with Python 3.13."""

from __future__ import annotations

import sys
from array import array
from operator import mul

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# A sample in 16 bits.
FULL_SCALE = 32_768
# No more samples are looked at for a level: enough for speech, and 48 kHz takes no longer than 16.
_ENOUGH_SAMPLES = 320
_LITTLE = sys.byteorder == "little"
_UNSIGNED_TO_SIGNED = bytes(byte ^ 0x80 for byte in range(256))


def sample_bytes(audio_format: str) -> int | None:
    """The bytes of a sample; None if the format is not a raw one."""
    if audio_format in ("mulaw", "alaw"):
        return 1
    if not audio_format.startswith("pcm_"):
        return None
    return int("".join(filter(str.isdigit, audio_format))) // 8


def level_meter(audio_format: str, num_channels: int, samples: int) -> Callable[[bytes], float]:
    """A function for the loudness of a piece of audio: the mean square of its samples, in units of 16 bits.

    A constant offset counts for nothing. Of several channels it is that of the loudest.

    Args:
        audio_format: A raw format.
        num_channels: Its channels.
        samples: How many samples of each channel a piece has.
    """
    width = sample_bytes(audio_format) or 1
    step = num_channels * -(-samples // _ENOUGH_SAMPLES)
    is_float = audio_format.startswith("pcm_f")
    decode = _float_decoder(audio_format, step) if is_float else _integer_decoder(audio_format, width, step)
    scale = float(FULL_SCALE * FULL_SCALE if is_float else 1)

    def level(piece: bytes) -> float:
        loudest: float = max(_variance(decode(piece, channel)) for channel in range(num_channels))
        return loudest * scale

    return level


def _variance(values: array[Any]) -> float:
    count = len(values)
    mean: float = sum(values) / count
    square: float = sum(map(mul, values, values)) / count
    return square - mean * mean


def _float_decoder(audio_format: str, step: int) -> Callable[[bytes, int], array[Any]]:
    code = "f" if "32" in audio_format else "d"
    is_foreign = audio_format.endswith("le") is not _LITTLE

    def decode(piece: bytes, channel: int) -> array[Any]:
        values = array(code, piece)
        if is_foreign:
            values.byteswap()
        return values[channel::step]

    return decode


def _integer_decoder(audio_format: str, width: int, step: int) -> Callable[[bytes, int], array[Any]]:
    """Decodes samples as 16-bit numbers, from the two upper bytes of each. A sample of one byte is its upper byte."""
    upper, lower = (0, 1) if audio_format.endswith("be") else (width - 1, width - 2)
    high: bytes | None = None
    low: bytes | None = None
    if width == 1:
        upper = lower = 0
        low = bytes(256)
        if audio_format in ("mulaw", "alaw"):
            values = [(_mulaw if audio_format == "mulaw" else _alaw)(byte) & 0xFFFF for byte in range(256)]
            high, low = bytes(value >> 8 for value in values), bytes(value & 0xFF for value in values)
    if audio_format.startswith("pcm_u"):
        high = _UNSIGNED_TO_SIGNED
    stride = width * step

    def decode(piece: bytes, channel: int) -> array[Any]:
        start = channel * width
        highs, lows = piece[start + upper :: stride], piece[start + lower :: stride]
        pairs = bytearray(2 * len(highs))
        pairs[_LITTLE::2] = highs if high is None else highs.translate(high)
        pairs[not _LITTLE :: 2] = lows if low is None else lows.translate(low)
        return array("h", bytes(pairs))

    return decode


def _mulaw(byte: int) -> int:
    """ITU-T G.711, in 16 bits."""
    byte ^= 0xFF
    size = (((byte & 0x0F) << 3) + 0x84 << (byte >> 4 & 7)) - 0x84
    return -size if byte & 0x80 else size


def _alaw(byte: int) -> int:
    """ITU-T G.711, in 16 bits."""
    byte ^= 0x55
    exponent, size = byte >> 4 & 7, (byte & 0x0F) << 4 | 8
    if exponent:
        size = size + 0x100 << exponent - 1
    return size if byte & 0x80 else -size
