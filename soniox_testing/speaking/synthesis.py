"""Synthetic audio of a text, in every format of the API.

Each character lasts as long as any other, about a fourteenth of a second, so that the audio is as long as a person
would need to speak the text. The same text sounds the same, however it was cut into pieces. PCM, WAV and the two G.711
formats carry tones; the compressed formats are silence.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from .containers import FRAMED, Silence
from .tones import Tones

if TYPE_CHECKING:
    from collections.abc import Sequence

CHARACTERS_PER_SEC = 14
"""Of the text, at the normal speed."""
DEFAULT_SAMPLE_RATE = 24_000

_PCM_RATES = (8000, 16_000, 24_000, 44_100, 48_000)
_BITRATES = (32_000, 64_000, 96_000, 128_000, 192_000, 256_000, 320_000)


@dataclass(frozen=True)
class OutputFormat:
    """The rates and the content type of an output format."""

    sample_rates: tuple[int, ...]
    """In Hz."""
    bitrates: tuple[int, ...]
    """In bits a second; empty for formats without one, which ignore a given bitrate."""
    content_type: str
    """Of a response in this format."""


AUDIO_FORMATS = {
    "pcm_f32le": OutputFormat(_PCM_RATES, (), "audio/pcm"),
    "pcm_s16le": OutputFormat(_PCM_RATES, (), "audio/pcm"),
    "pcm_s16be": OutputFormat(_PCM_RATES, (), "audio/pcm"),
    "pcm_mulaw": OutputFormat((8000,), (), "audio/pcm"),
    "pcm_alaw": OutputFormat((8000,), (), "audio/pcm"),
    "wav": OutputFormat(_PCM_RATES, (), "application/octet-stream"),
    "mp3": OutputFormat((16_000, 24_000, 32_000, 44_100, 48_000), _BITRATES, "audio/mpeg"),
    "aac": OutputFormat((16_000, 24_000, 44_100, 48_000), _BITRATES, "application/octet-stream"),
    "flac": OutputFormat((16_000, 24_000, 44_100, 48_000), (), "audio/flac"),
    "opus": OutputFormat(
        (8000, 16_000, 24_000, 48_000), (16_000, 32_000, 64_000, 96_000, 128_000, 256_000), "audio/opus"
    ),
}
"""By name. The default sample rate is not published: 24,000 Hz was observed for WAV."""


@dataclass(frozen=True)
class Sound:
    """The settings that decide the samples."""

    audio_format: str
    """One of ``AUDIO_FORMATS``."""
    sample_rate: int
    """Of the format, in Hz."""
    bitrate: int | None
    """Of the format, in bits a second; None: the default of the format."""
    voice: str
    speed: float = 1.0


@dataclass(frozen=True)
class Piece:
    """The audio of a part of a text."""

    audio: bytes
    """Empty if a compressed format has not filled its next frame."""
    characters: str
    """The code points that it speaks."""
    starts_sec: tuple[float, ...]
    """The start of each character, from the first sample of the whole audio."""
    ends_sec: tuple[float, ...]


class Synthesizer:
    """Turns a text into audio, piece by piece.

    Args:
        sound: Format, voice and speed.
        longest_sec: Duration at which the audio is cut off; infinite: never.
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
        """Milliseconds of audio so far."""
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
        spoken = text[: len(bounds) - 1]
        audio = b"" if self._samples or not spoken else self._encoder.head()
        lengths = [end - start for start, end in itertools.pairwise(bounds)]
        audio += self._encoder.add(spoken, lengths)
        self._characters += len(spoken)
        self._samples = bounds[-1]
        times_sec = tuple(round(bound / self._rate, 6) for bound in bounds)
        return Piece(audio, spoken, times_sec[:-1], times_sec[1:])

    def end(self) -> bytes:
        """The last bytes of the audio; empty if there is no audio."""
        return self._encoder.end() if self._samples else b""


class _Encoder(Protocol):
    """Encodes the samples in a format."""

    def head(self) -> bytes:
        """The header."""
        ...

    def add(self, text: str, lengths: Sequence[int]) -> bytes:
        """The next characters, each with its number of samples."""
        ...

    def end(self) -> bytes:
        """The last bytes."""
        ...


def _encoder(sound: Sound, longest: int) -> _Encoder:
    framed = FRAMED.get(sound.audio_format)
    return Tones(sound, longest) if framed is None else Silence(framed(sound))
