"""A tone for each letter or digit and silence for the rest, in the formats with a fixed number of bytes a sample.

The pitch follows from the letter and the voice. Tones are made once and then copied, so that long texts are cheap.
"""

from __future__ import annotations

import array
import math
import struct
import sys
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING

from ..wire.wav import streamed_header

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .synthesis import Sound


class Tones:
    """The encoder of every format with a fixed number of bytes a sample."""

    def __init__(self, sound: Sound, longest: int) -> None:
        self._sound = sound
        pitch_hz = 110.0 * 2 ** (zlib.crc32(sound.voice.encode("utf-8", "surrogatepass")) % 12 / 12)
        name = "pcm_s16le" if sound.audio_format == "wav" else sound.audio_format
        self._silence, self._tones = _tones(name, sound.sample_rate, longest, pitch_hz)
        self._width = len(self._silence) // longest

    def head(self) -> bytes:
        """A WAV header; nothing for other formats."""
        return streamed_header(self._sound.sample_rate) if self._sound.audio_format == "wav" else b""

    def add(self, text: str, lengths: Sequence[int]) -> bytes:
        """A tone for each letter or digit, silence for others."""
        return b"".join(
            self._sound_of(character)[: length * self._width] for character, length in zip(text, lengths, strict=True)
        )

    def end(self) -> bytes:
        """Nothing."""
        return b""

    def _sound_of(self, character: str) -> bytes:
        if not character.isalnum():
            return self._silence
        # One character at a time: the lower case of some has two characters, and that of sigma depends on its position.
        return self._tones[ord(character.lower()[0]) % len(self._tones)]


@lru_cache(maxsize=32)
def _tones(audio_format: str, rate: int, length: int, pitch_hz: float) -> tuple[bytes, tuple[bytes, ...]]:
    """Silence, and a scale of tones that fade in and out."""
    encode = _SAMPLES[audio_format]
    fade = max(1, rate // 100)
    swell = [min(1.0, at / fade, (length - 1 - at) / fade) for at in range(length)]
    tones: list[bytes] = []
    for step in (0, 2, 4, 7, 9, 12, 14):  # semitones of a pentatonic scale
        turn = math.tau * pitch_hz * 2 ** (step / 12) / rate
        tones.append(encode([0.3 * loudness * math.sin(turn * at) for at, loudness in enumerate(swell)]))
    return encode([0.0] * length), tuple(tones)


def _s16(samples: Sequence[float], order: str) -> bytes:
    values = array.array("h", [round(sample * 32_767) for sample in samples])
    if sys.byteorder != order:
        values.byteswap()
    return values.tobytes()


def _f32(samples: Sequence[float]) -> bytes:
    return struct.pack(f"<{len(samples)}f", *samples)


def _mulaw(samples: Sequence[float]) -> bytes:
    """G.711 mu-law of 14-bit values."""
    encoded = bytearray()
    for sample in samples:
        value = round(sample * 8_191)
        magnitude = min(abs(value), 8158) + 33
        exponent = magnitude.bit_length() - 6
        mantissa = magnitude >> exponent + 1 & 15
        encoded.append(~((value < 0) << 7 | exponent << 4 | mantissa) & 0xFF)
    return bytes(encoded)


def _alaw(samples: Sequence[float]) -> bytes:
    """G.711 A-law of 13-bit values."""
    encoded = bytearray()
    for sample in samples:
        value = round(sample * 4095)
        magnitude = value if value >= 0 else -value - 1
        exponent = max(0, magnitude.bit_length() - 5)
        mantissa = magnitude >> max(1, exponent) & 15
        encoded.append(((value >= 0) << 7 | exponent << 4 | mantissa) ^ 0x55)
    return bytes(encoded)


_SAMPLES: dict[str, Callable[[Sequence[float]], bytes]] = {
    "pcm_s16le": lambda samples: _s16(samples, "little"),
    "pcm_s16be": lambda samples: _s16(samples, "big"),
    "pcm_f32le": _f32,
    "pcm_mulaw": _mulaw,
    "pcm_alaw": _alaw,
}
