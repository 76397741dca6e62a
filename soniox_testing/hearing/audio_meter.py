"""The duration of received audio, without decoding it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from ..wire.audio_headers import HEADER_BYTES, has_header
from ..wire.realtime_errors import RealtimeError
from ..wire.wav import WavHeader, is_wav

CONTAINERS = frozenset({"aac", "aiff", "amr", "asf", "flac", "mp3", "ogg", "wav", "webm"})
"""The formats with a header."""

_ASSUMED_BYTES_PER_SECOND = 16_000
_MAX_WAV_HEADER_BYTES = 64 * 1024
_ANY = 'FakeSoniox(audio="any") accepts any bytes, and so does a session with a scripted transcript.'


@dataclass(frozen=True)
class AudioFormat:
    """The input format that a start message declares."""

    name: str
    sample_bytes: int | None
    """Bytes of one sample of one channel; None for a format with a header."""
    sample_rate: int | None
    """Hertz; None for a format with a header."""
    num_channels: int | None
    """None for a format with a header."""


class AudioMeter(ABC):
    """Measures one stream, in chunks of any size."""

    is_exact: bool = False
    """Whether the duration is measured and not estimated."""

    @abstractmethod
    def add(self, data: bytes) -> int:
        """Takes the next bytes.

        Returns:
            The duration of all bytes so far, in milliseconds.

        Raises:
            RealtimeError: The bytes are not audio of the declared format.
        """

    def end(self) -> None:  # noqa: B027 - raw audio may end anywhere
        """All bytes have come.

        Raises:
            RealtimeError: They are too few to be audio of the declared format.
        """


def meter_for(audio_format: AudioFormat, *, strict: bool) -> AudioMeter:
    """The meter of a stream.

    Args:
        audio_format: As declared.
        strict: Refuse audio without a header where the format needs one, instead of estimating its length.
    """
    if audio_format.sample_bytes and audio_format.sample_rate and audio_format.num_channels:
        return _RateMeter(audio_format.sample_bytes * audio_format.num_channels * audio_format.sample_rate)
    return _HeaderMeter(audio_format.name, strict=strict)


class _RateMeter(AudioMeter):
    """Audio with a known number of bytes a second."""

    is_exact = True

    def __init__(self, bytes_per_second: int) -> None:
        self._bytes_per_second = bytes_per_second
        self._bytes = 0

    def add(self, data: bytes) -> int:
        self._bytes += len(data)
        return self._bytes * 1000 // self._bytes_per_second


class _HeaderMeter(AudioMeter):
    """Audio in a container: exact for WAV, estimated for all others."""

    def __init__(self, declared: str, *, strict: bool) -> None:
        self._declared = declared
        self._strict = strict
        self._head: bytearray | None = bytearray()
        """The header so far; None after it was parsed, or if there is none."""
        self._bytes = 0
        self._limit: int | None = None
        self._bytes_per_second = _ASSUMED_BYTES_PER_SECOND

    def add(self, data: bytes) -> int:
        if self._head is None:
            self._bytes += len(data)
        else:
            self._head += data
            self._read_head(self._head)
        present = self._bytes if self._limit is None else min(self._bytes, self._limit)
        return present * 1000 // self._bytes_per_second

    def end(self) -> None:
        if self._head is not None:
            # A WAV header that is still here is not complete.
            self._check_other(bytearray() if is_wav(self._head) else self._head)

    def _read_head(self, head: bytearray) -> None:
        if len(head) < HEADER_BYTES:
            return
        if not is_wav(head):
            self._check_other(head)
            self._bytes = len(head)
            self._head = None
            return
        header = WavHeader.read(lambda position, count: head[position : position + count])
        if header is not None:
            if not header.bytes_per_second:
                raise RealtimeError("invalid_request", "Audio decode error: the WAV header has no format.")
            self._bytes_per_second, self._limit = header.bytes_per_second, header.data_bytes
            self.is_exact = True
            self._bytes = len(head) - header.size
            self._head = None
        elif len(head) > _MAX_WAV_HEADER_BYTES:
            raise RealtimeError("invalid_request", "Audio decode error: the WAV header has no end.")

    def _check_other(self, head: bytearray) -> None:
        if not self._strict or has_header(head):
            return
        if self._declared == "auto":
            raise RealtimeError("request_timeout", f"Audio data decode timeout: the audio has no known header. {_ANY}")
        raise RealtimeError("invalid_request", f"Audio decode error: it has no header of {self._declared}. {_ANY}")
