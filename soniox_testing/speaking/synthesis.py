"""Speech that is no speech: a tone for each letter, silence for the rest, in every format of the API.

Each character lasts as long as any other, about a fourteenth of a second, so that the audio of a text is as long as
somebody would need to say it. Its pitch follows from the letter and the voice. The same text sounds the same, however
it was cut on its way. Tones are made once and repeated, so that a long text costs no more than copying.

PCM, WAV and the two G.711 formats sound. The compressed formats are silence of the right length, in frames that every
decoder takes.
"""

from __future__ import annotations

import array
import itertools
import math
import struct
import sys
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CHARACTERS_PER_SEC = 14
"""Of the text, at the normal speed."""
DEFAULT_SAMPLE_RATE = 24_000

_PCM_RATES = (8000, 16_000, 24_000, 44_100, 48_000)
_BITRATES = (32_000, 64_000, 96_000, 128_000, 192_000, 256_000, 320_000)


@dataclass(frozen=True)
class AudioFormat:
    """What a format can do."""

    sample_rates: tuple[int, ...]
    """In Hz."""
    bitrates: tuple[int, ...]
    """In bits a second; empty where it has none, and then one that is given means nothing."""
    content_type: str
    """Of a response with it."""


AUDIO_FORMATS = {
    "pcm_f32le": AudioFormat(_PCM_RATES, (), "audio/pcm"),
    "pcm_s16le": AudioFormat(_PCM_RATES, (), "audio/pcm"),
    "pcm_s16be": AudioFormat(_PCM_RATES, (), "audio/pcm"),
    "pcm_mulaw": AudioFormat((8000,), (), "audio/pcm"),
    "pcm_alaw": AudioFormat((8000,), (), "audio/pcm"),
    "wav": AudioFormat(_PCM_RATES, (), "application/octet-stream"),
    "mp3": AudioFormat((16_000, 24_000, 32_000, 44_100, 48_000), _BITRATES, "audio/mpeg"),
    "aac": AudioFormat((16_000, 24_000, 44_100, 48_000), _BITRATES, "application/octet-stream"),
    "flac": AudioFormat((16_000, 24_000, 44_100, 48_000), (), "audio/flac"),
    "opus": AudioFormat(
        (8000, 16_000, 24_000, 48_000), (16_000, 32_000, 64_000, 96_000, 128_000, 256_000), "audio/opus"
    ),
}
"""By their names. Which rate is meant when none is given is not published: 24,000 Hz has been seen for WAV."""


@dataclass(frozen=True)
class Sound:
    """How a text is to sound."""

    audio_format: str
    """One of ``AUDIO_FORMATS``."""
    sample_rate: int
    """Of the format, in Hz."""
    bitrate: int | None
    """Of the format, in bits a second; None: its own."""
    voice: str
    speed: float = 1.0


@dataclass(frozen=True)
class Piece:
    """A part of the audio of a text."""

    audio: bytes
    """Empty where a compressed format has not filled its next frame."""
    characters: str
    """That are in it, each a code point."""
    starts_sec: tuple[float, ...]
    """Of each character, from the first sample of all."""
    ends_sec: tuple[float, ...]


class Speech:
    """Turns a text into audio, piece by piece.

    Args:
        sound: How it sounds.
        longest_sec: Where it is cut off; infinite: nowhere.
    """

    def __init__(self, sound: Sound, longest_sec: float) -> None:
        self._rate = sound.sample_rate
        self._character_samples = sound.sample_rate / (CHARACTERS_PER_SEC * sound.speed)
        self._most_samples = math.inf if math.isinf(longest_sec) else round(longest_sec * sound.sample_rate)
        self._characters = 0
        self._samples = 0
        self._encoder = _encoder(sound, math.ceil(self._character_samples))
        self.is_full: bool = False
        """Whether it was cut off."""

    @property
    def duration_ms(self) -> int:
        """Milliseconds so far."""
        return self._samples * 1000 // self._rate

    def say(self, text: str) -> Piece:
        """The audio of the next characters."""
        bounds = [self._samples]
        for number in range(self._characters + 1, self._characters + 1 + len(text)):
            end = round(number * self._character_samples)
            if end > self._most_samples:
                self.is_full = True
                break
            bounds.append(end)
        said = text[: len(bounds) - 1]
        audio = b"" if self._samples or not said else self._encoder.head()
        lengths = [end - start for start, end in itertools.pairwise(bounds)]
        audio += self._encoder.add(said, lengths)
        self._characters += len(said)
        self._samples = bounds[-1]
        times_sec = tuple(round(bound / self._rate, 6) for bound in bounds)
        return Piece(audio, said, times_sec[:-1], times_sec[1:])

    def end(self) -> bytes:
        """What completes the audio; empty when there is none."""
        return self._encoder.end() if self._samples else b""


class _Encoder(Protocol):
    """Makes the bytes of a format."""

    def head(self) -> bytes:
        """What comes before all audio."""
        ...

    def add(self, text: str, lengths: Sequence[int]) -> bytes:
        """The next characters, each with its number of samples."""
        ...

    def end(self) -> bytes:
        """What comes after all audio."""
        ...


def _encoder(sound: Sound, longest: int) -> _Encoder:
    framed = _FRAMED.get(sound.audio_format)
    return _Tones(sound, longest) if framed is None else _Silence(framed(sound))


class _Tones:
    """Every format with a fixed number of bytes for each sample."""

    def __init__(self, sound: Sound, longest: int) -> None:
        self._sound = sound
        pitch_hz = 110.0 * 2 ** (zlib.crc32(sound.voice.encode("utf-8", "surrogatepass")) % 12 / 12)
        name = "pcm_s16le" if sound.audio_format == "wav" else sound.audio_format
        self._silence, self._tones = _tones(name, sound.sample_rate, longest, pitch_hz)
        self._width = len(self._silence) // longest

    def head(self) -> bytes:
        """A WAV header; its sizes are the greatest there are, as those of every WAV that is sent while it is made."""
        if self._sound.audio_format != "wav":
            return b""
        rate = self._sound.sample_rate
        form = struct.pack("<HHIIHH", 1, 1, rate, rate * 2, 2, 16)
        unknown = b"\xff\xff\xff\xff"
        return b"RIFF" + unknown + b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + unknown

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
        # Each for itself: in lower case some are two, and a capital sigma is another one at the end of a word.
        return self._tones[ord(character.lower()[0]) % len(self._tones)]


@lru_cache(maxsize=32)
def _tones(audio_format: str, rate: int, length: int, pitch_hz: float) -> tuple[bytes, tuple[bytes, ...]]:
    """Silence, and a scale of tones that swell and fade."""
    encode = _SAMPLES[audio_format]
    fade = max(1, rate // 100)
    swell = [min(1.0, at / fade, (length - 1 - at) / fade) for at in range(length)]
    tones: list[bytes] = []
    for step in (0, 2, 4, 7, 9, 12, 14):  # half tones, none of which sound wrong beside each other
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


class _Framed(Protocol):
    """A compressed format, with which only silence is made."""

    frame_samples: int
    """Samples in each frame but the last."""

    def head(self) -> bytes:
        """What comes before all frames."""
        ...

    def frame(self, number: int, samples: int, *, last: bool) -> bytes:
        """A frame, or what else the format is made of; they are numbered from 0."""
        ...


class _Silence:
    """Silence in frames. The last frame is held back until the end, when it is known to be the last."""

    def __init__(self, framed: _Framed) -> None:
        self._framed = framed
        self._samples = 0
        self._frames = 0

    def head(self) -> bytes:
        """What the format begins with."""
        return self._framed.head()

    def add(self, text: str, lengths: Sequence[int]) -> bytes:  # noqa: ARG002 - all is silence
        """The frames that are full now."""
        self._samples += sum(lengths)
        size = self._framed.frame_samples
        first, self._frames = self._frames, max(self._frames, (self._samples - 1) // size)
        return b"".join(self._framed.frame(number, size, last=False) for number in range(first, self._frames))

    def end(self) -> bytes:
        """The last frame."""
        left = self._samples - self._frames * self._framed.frame_samples
        return self._framed.frame(self._frames, left, last=True)


class _Mp3:
    """MPEG-1 and MPEG-2 audio, layer III: frames whose side information says that there is nothing to decode."""

    _RATES = (44_100, 48_000, 32_000)
    _KBITS_1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    _KBITS_2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)

    def __init__(self, sound: Sound) -> None:
        first = sound.sample_rate in self._RATES
        self._rate = sound.sample_rate
        self.frame_samples = 1152 if first else 576
        known = self._KBITS_1 if first else self._KBITS_2
        # The rates of MPEG-2 end at 160 kbit/s.
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
    """AAC-LC in ADTS: a single channel with no scale factor band at all, then the end. Its bitrate is what it is."""

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
        """The stream's description, in which its length and checksum are not known."""
        fields = self._rate << 44 | 15 << 36
        block = struct.pack(">HH6xQ16x", self.frame_samples, self.frame_samples, fields)
        return b"fLaC\x80" + len(block).to_bytes(3, "big") + block

    def frame(self, number: int, samples: int, *, last: bool) -> bytes:  # noqa: ARG002
        """A frame."""
        header = b"\xff\xf8\x70\x08" + _utf8(number) + struct.pack(">H", samples - 1)
        frame = header + bytes([_crc(header, 8, 0x07)]) + b"\x00\x00\x00"
        return frame + struct.pack(">H", _crc(frame, 16, 0x8005))


def _utf8(number: int) -> bytes:
    """A number as FLAC writes it: as UTF-8 would write a character, also where there is none."""
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
    """Opus in Ogg: pages of half a second, with packets of 20 ms of silence. Its bitrate is what it is."""

    _PACKET = b"\xf8\xff\xfe"
    _SERIAL = 0x736E7874

    def __init__(self, sound: Sound) -> None:
        self._rate = sound.sample_rate
        self.frame_samples = sound.sample_rate // 2

    def head(self) -> bytes:
        """The two pages of headers. No samples are to be skipped, so that the length is exact."""
        vendor = b"soniox_testing"
        head = b"OpusHead" + struct.pack("<BBHIHB", 1, 1, 0, self._rate, 0, 0)
        tags = b"OpusTags" + struct.pack("<I", len(vendor)) + vendor + struct.pack("<I", 0)
        return self._page(0, 2, 0, [head]) + self._page(1, 0, 0, [tags])

    def frame(self, number: int, samples: int, *, last: bool) -> bytes:
        """A page. The last one says how much of its last packet counts."""
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
    """Ogg's CRC is that of zlib with all bits in reverse, begun and ended with zeros instead of ones."""
    crc = zlib.crc32(data.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{crc:032b}"[::-1], 2)


_FRAMED: dict[str, Callable[[Sound], _Framed]] = {"mp3": _Mp3, "aac": _Aac, "flac": _Flac, "opus": _Opus}
