"""Where audio can be cut: bytes and milliseconds, and the places where a decoder can start. No I/O.

Theory of operation. A session that goes on over a new connection sends part of its audio again. The new connection
decodes it from nothing, so it has to begin where a decoder can start, and the time of that byte has to be known.

- Raw samples, and WAV and AIFF behind their header, have the same number of bytes for each frame (one sample of each
  channel): a plan of two numbers. The header is sent again, as it came.
- MP3, AAC in ADTS and AMR are frames of a few milliseconds, each with its length in its own header. The frames are
  indexed as they go by. Decoding one needs the frame before (MP3's bit reservoir, AAC's overlapping windows, AMR's
  prediction), so the start is a frame earlier than it has to be.
- FLAC, Ogg, WebM, ASF and MP4 need what their file began with, and times inside them are absolute: they cannot be cut.
  They are refused, or else sent again from their first byte, which takes all of the audio to be kept.

The first twelve bytes of audio in the format ``auto`` decide which of these it is.
"""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right

from .._audio.samples import sample_bytes
from ..errors import SonioxValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from typing_extensions import Buffer

    from ..types.realtime import RealtimeSTTConfig

    WhenContainer = Literal["refuse", "restart"]
    # Length in bytes and duration in milliseconds of the frame that a buffer holds at a place; None if there is none.
    Measure = Callable[[bytearray, int], tuple[int, float] | None]

# Enough for the longest file type mark, "#!AMR-WB\n", and for the two names of RIFF and FORM.
_SNIFFED_BYTES = 12
# Longer headers exist (pictures in ID3 tags are skipped, not kept), but not of audio that is streamed.
_MAX_HEADER_BYTES = 64 * 1024
# The start of a frame of MP3, ADTS or AMR, with what its length depends on.
_FRAME_HEADER_BYTES = 7
# Forgotten frames are removed from the index in groups.
_INDEX_SLACK = 1024

_CANNOT = "cannot be cut, so that a broken connection could only be resumed by sending all of it again"
_CONTAINERS = {"flac": "FLAC", "ogg": "Ogg", "webm": "WebM", "asf": "ASF", "mp4": "MP4"}


def framing_of(config: RealtimeSTTConfig, *, when_container: WhenContainer = "refuse") -> Framing:
    """The framing of the audio that a session with this config is given.

    Args:
        config: Its ``audio_format``, ``sample_rate`` and ``num_channels`` are used.
        when_container: What to do with audio that cannot be cut: ``refuse`` it, or ``restart`` it from its first byte.

    Raises:
        SonioxValidationError: The format cannot be cut, and is to be refused.
    """
    return Framing(
        config.audio_format,
        config.sample_rate or 0,
        config.num_channels or 0,
        when_container=when_container,
    )


def duration_ms(
    audio_format: str, size: int, *, sample_rate: int | None, num_channels: int | None, head: bytes
) -> int | None:
    """Milliseconds of so many bytes of audio; None for compressed audio, and where that is not known.

    Args:
        audio_format: As in a config.
        size: The bytes, with the header of a WAV file.
        sample_rate: Of raw audio.
        num_channels: Of raw audio.
        head: How the audio begins, with all of the header of a WAV file.
    """
    try:
        framing = Framing(audio_format, sample_rate or 0, num_channels or 0, when_container="restart")
        if audio_format in ("wav", "auto") and head.startswith(b"RIFF"):
            framing.feed(head)
    except ValueError:
        return None
    return round(framing.ms_of(size)) if framing.bytes_per_second else None


class Framing:
    """The bytes and times of one stream of audio, from its first byte on.

    Attributes:
        header: What a decoder needs before audio from the middle; empty if nothing, or while it is not known.
        problem: Why the audio cannot be cut; None if it can, as far as is known.
    """

    def __init__(
        self,
        audio_format: str,
        sample_rate: int = 0,
        num_channels: int = 0,
        *,
        when_container: WhenContainer = "refuse",
    ) -> None:
        """The framing of a format of the config.

        Raises:
            SonioxValidationError: It cannot be cut, and is to be refused.
        """
        self.header: bytes = b""
        self.problem: str | None = None
        self._format: str = audio_format
        self._when_container = when_container
        # None while the header is not complete, and for audio that cannot be cut.
        self._plan: _Even | _Frames | None = None
        # What came before the plan was made.
        self._head = bytearray()
        if (width := sample_bytes(audio_format)) is not None:
            self._plan = _Even(0, width * num_channels, sample_rate)
        elif audio_format in _CONTAINERS:
            self._give_up(f"{_CONTAINERS[audio_format]} {_CANNOT}")

    @property
    def is_restart_only(self) -> bool:
        """Whether all audio has to be sent again after a break, from its first byte."""
        return self.problem is not None

    @property
    def bytes_per_second(self) -> float | None:
        """Bytes of a second of audio, an average for frames of different lengths; None if not known (yet)."""
        return None if self._plan is None else self._plan.bytes_per_second

    def feed(self, data: Buffer) -> None:
        """Takes the next audio, of any length. It must be called with all audio, in order.

        Raises:
            SonioxValidationError: The audio cannot be cut, and is to be refused: it is a container of that kind, has no
                header although the format is ``auto``, or is not what its format says.
        """
        if isinstance(self._plan, _Frames):
            self._plan.feed(data)
        elif self._plan is None and self.problem is None:
            self._head += memoryview(data).cast("B")
            self._make_plan()
        if isinstance(self._plan, _Frames) and self._plan.is_lost:
            self._plan = None
            self._give_up(f"the audio is not in the format {self._format}, or is damaged, so it {_CANNOT}")

    def ms_of(self, position: int) -> float:
        """The duration of the audio before a position; 0 for audio that cannot be cut."""
        return 0.0 if self._plan is None else self._plan.ms_of(position)

    def byte_of(self, ms: float) -> int:
        """The position at a time: of the nearest sample, or of the frame that holds it. 0 if audio cannot be cut."""
        return 0 if self._plan is None else self._plan.byte_of(ms)

    def start_at(self, position: int, *, oldest: int = 0) -> int:
        """Where a new connection may start so that the audio from a position on is recognised.

        Args:
            position: Of the first audio that has to be recognised.
            oldest: The oldest position that is kept. If no start from there on is early enough, it is the first one.
        """
        return 0 if self._plan is None else self._plan.start_at(position, oldest)

    def forget(self, position: int) -> None:
        """Frees what is kept about the audio before a position."""
        if isinstance(self._plan, _Frames):
            self._plan.forget(position)

    def _make_plan(self) -> None:
        """Makes the plan from the first audio, as soon as there is enough of it."""
        head = self._head
        if self._format == "auto":
            if len(head) < _SNIFFED_BYTES:
                return
            self._format = sniffed(head) or "auto"
        if self._format in _PLANS:
            self._read_header()
        elif self._format == "auto":
            self._give_up(f"audio without a header, in the format 'auto', {_CANNOT}; give its raw format instead")
        else:
            self._give_up(f"{_CONTAINERS[self._format]} {_CANNOT}")

    def _read_header(self) -> None:
        head = self._head
        problem = "is too long"
        try:
            self._plan = _PLANS[self._format](head)
        except SonioxValidationError as error:
            problem = f"cannot be read ({error})"
        if self._plan is None:
            if len(head) >= _MAX_HEADER_BYTES:
                self._give_up(f"the header of the {self._format} audio {problem}, so it {_CANNOT}")
            return
        self.header = bytes(head[: self._plan.start])
        self._head = bytearray()
        if isinstance(self._plan, _Frames):
            self._plan.feed(head)

    def _give_up(self, problem: str) -> None:
        """Notes that the audio cannot be cut.

        Raises:
            SonioxValidationError: It is to be refused.
        """
        self.problem = problem
        self.header = b""
        self._head = bytearray()
        if self._when_container == "refuse":
            raise SonioxValidationError(f"resuming: {problem}")


class _Even:
    """Frames of one length from a position on."""

    def __init__(self, start: int, frame_bytes: int, rate: float) -> None:
        self.start = start
        self.bytes_per_second = rate * frame_bytes
        self._frame_bytes = frame_bytes
        self._rate = rate

    def ms_of(self, position: int) -> float:
        return max(0, position - self.start) * 1000 / self.bytes_per_second

    def byte_of(self, ms: float) -> int:
        return self.start + max(0, round(ms * self._rate / 1000)) * self._frame_bytes

    def start_at(self, position: int, oldest: int) -> int:
        frame = (position - self.start) // self._frame_bytes
        first = -((self.start - oldest) // self._frame_bytes)
        return self.start + max(0, frame, first) * self._frame_bytes


class _Frames:
    """Frames of any length, indexed as they go by.

    Attributes:
        start: Position of the first frame: behind the file's mark, which every connection has to get first.
        is_lost: Whether no frame was found for so long that this is other audio.
    """

    def __init__(self, measure: Measure, start: int = 0) -> None:
        self.start = start
        self.is_lost = False
        self._measure = measure
        # The audio that is not measured yet, and its position.
        self._rest = bytearray()
        self._position = 0
        self._skip = start
        self._skipped = 0
        # Of each frame the position, and the duration of the audio before it; then the same of the next frame.
        self._starts = [start]
        self._times = [0.0]

    @property
    def bytes_per_second(self) -> float | None:
        duration_ms = self._times[-1] - self._times[0]
        return (self._starts[-1] - self._starts[0]) * 1000 / duration_ms if duration_ms else None

    def feed(self, data: Buffer) -> None:
        rest = self._rest
        rest += memoryview(data).cast("B")
        at = 0
        while True:
            if self._skip:
                skipped = min(self._skip, len(rest) - at)
                at += skipped
                self._skip -= skipped
            if len(rest) - at < _FRAME_HEADER_BYTES:
                break
            if rest[at : at + 3] == b"ID3" and not self.start:
                if len(rest) - at < 10:
                    break
                self._skip = id3_bytes(rest, at)
                continue
            if (found := self._frame(at)) is None:
                break
            at += found
        del rest[:at]
        self._position += at

    def _frame(self, at: int) -> int | None:
        """The number of bytes up to the next place to look at; None if that needs more audio."""
        rest = self._rest
        measured = self._measure(rest, at)
        if measured is None:
            return self._lost_byte()
        length, duration_ms = measured
        is_first = len(self._starts) == 1
        # The first frame, and one after a gap, has to be followed by another: its mark can occur in any bytes.
        if is_first or self._skipped:
            if len(rest) - at < length + _FRAME_HEADER_BYTES:
                return None
            if self._measure(rest, at + length) is None:
                return self._lost_byte()
        # The first frame of many MP3 files describes the file and holds no audio.
        if is_first and any(name in rest[at : at + 64] for name in (b"Xing", b"Info", b"VBRI")):
            duration_ms = 0.0
        position = self._position + at
        self._starts[-1] = position
        self._starts.append(position + length)
        self._times.append(self._times[-1] + duration_ms)
        self._skipped = 0
        self._skip = length
        return 0

    def _lost_byte(self) -> int:
        """Skips a byte that begins no frame."""
        self._skipped += 1
        self.is_lost = self.is_lost or self._skipped > _MAX_HEADER_BYTES
        return 1

    def ms_of(self, position: int) -> float:
        return self._times[max(0, bisect_right(self._starts, position) - 1)]

    def byte_of(self, ms: float) -> int:
        # Sums of durations are inexact in the last digits.
        return self._starts[max(0, bisect_right(self._times, ms + 0.001) - 1)]

    def start_at(self, position: int, oldest: int) -> int:
        frame_before = bisect_right(self._starts, position) - 2
        first = bisect_left(self._starts, oldest)
        return self._starts[min(max(frame_before, first), len(self._starts) - 1)]

    def forget(self, position: int) -> None:
        # A start may need the frame before.
        unneeded = bisect_right(self._starts, position) - 2
        if unneeded > _INDEX_SLACK:
            del self._starts[:unneeded], self._times[:unneeded]


def sniffed(head: bytes | bytearray) -> str | None:
    """The format of audio that begins with these twelve bytes; None if it has no header."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[4:8] == b"ftyp":
        return "mp4"
    return "mp3" if measure_mpeg(bytearray(head), 0) else None


_MARKS = (
    (b"#!AMR", "amr"),
    (b"fLaC", "flac"),
    (b"OggS", "ogg"),
    (b"\x1a\x45\xdf\xa3", "webm"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    # Before MP3 or ADTS, whose frames are measured alike.
    (b"ID3", "mp3"),
)


def id3_bytes(buffer: bytearray, at: int) -> int:
    """The length of an ID3v2 tag: its size is in four bytes of seven bits (ID3v2.4, section 3.1)."""
    size = 0
    for byte in buffer[at + 6 : at + 10]:
        size = size << 7 | byte & 0x7F
    has_footer = buffer[at + 5] & 0x10
    return 10 + size + (10 if has_footer else 0)


# ISO 11172-3, 2.4.2.3 and ISO 13818-3, 2.4.2.3: kbit/s by MPEG 1 or 2, layer 1 to 3 and index; rates by version.
_MP3_BITRATES = {
    (1, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_RATES = (44100, 48000, 32000)
# Version bits 0 are MPEG 2.5, 2 are MPEG 2, 3 are MPEG 1; layer bits 1 are layer 3.
_MP3_RATE_DIVISORS = {0: 4, 2: 2, 3: 1}


def measure_mp3(buffer: bytearray, at: int) -> tuple[int, float] | None:
    """The length and duration of a frame of MPEG audio, layer 1 to 3; None if there is none."""
    if buffer[at] != 0xFF or buffer[at + 1] & 0xE0 != 0xE0:
        return None
    version, layer = buffer[at + 1] >> 3 & 3, 4 - (buffer[at + 1] >> 1 & 3)
    bitrate_index, rate_index, padding = buffer[at + 2] >> 4, buffer[at + 2] >> 2 & 3, buffer[at + 2] >> 1 & 1
    if version == 1 or layer == 4 or bitrate_index in (0, 15) or rate_index == 3:
        return None
    generation = 1 if version == 3 else 2
    rate = _MP3_RATES[rate_index] // _MP3_RATE_DIVISORS[version]
    samples = 384 if layer == 1 else 576 if (layer, generation) == (3, 2) else 1152
    slot_bytes = 4 if layer == 1 else 1
    slots = samples // 8 // slot_bytes * _MP3_BITRATES[generation, layer][bitrate_index] * 1000 // rate + padding
    return slots * slot_bytes, samples * 1000 / rate


# ISO 14496-3, table 1.18.
_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)


def measure_adts(buffer: bytearray, at: int) -> tuple[int, float] | None:
    """The length and duration of an ADTS frame of AAC; None if there is none."""
    if buffer[at] != 0xFF or buffer[at + 1] & 0xF6 != 0xF0:
        return None
    rate_index = buffer[at + 2] >> 2 & 15
    length = (buffer[at + 3] & 3) << 11 | buffer[at + 4] << 3 | buffer[at + 5] >> 5
    if rate_index >= len(_AAC_RATES) or length < _FRAME_HEADER_BYTES:
        return None
    blocks = (buffer[at + 6] & 3) + 1
    return length, blocks * 1024 * 1000 / _AAC_RATES[rate_index]


def measure_mpeg(buffer: bytearray, at: int) -> tuple[int, float] | None:
    """The length and duration of a frame of MPEG audio or ADTS; None if there is neither. No frame is both."""
    return measure_mp3(buffer, at) or measure_adts(buffer, at)


# RFC 4867, 5.3: bytes of a frame by its type, with the byte that tells the type; 0 for types that are reserved.
_AMR_MARKS = (
    (b"#!AMR\n", (13, 14, 16, 18, 20, 21, 27, 32, 6, 0, 0, 0, 0, 0, 0, 1)),
    (b"#!AMR-WB\n", (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 0, 0, 0, 0, 1, 1)),
)


def _amr_measure(lengths: tuple[int, ...]) -> Measure:
    def measure(buffer: bytearray, at: int) -> tuple[int, float] | None:
        length = lengths[buffer[at] >> 3 & 15]
        is_frame = length and not buffer[at] & 0x83
        return (length, 20.0) if is_frame else None

    return measure


def _amr_plan(head: bytearray) -> _Frames | None:
    """The plan for AMR; None while too little is known.

    Raises:
        SonioxValidationError: It is no AMR, or has several channels.
    """
    if len(head) < _SNIFFED_BYTES:
        return None
    for mark, lengths in _AMR_MARKS:
        if head.startswith(mark):
            return _Frames(_amr_measure(lengths), len(mark))
    raise SonioxValidationError("it is no AMR of one channel")


def _wav_plan(head: bytearray) -> _Even:
    """The plan for a WAV file.

    Raises:
        SonioxValidationError: Its header is not complete or cannot be read.
    """
    from .._audio.wav import read_wav_format  # noqa: PLC0415 - most sessions have raw audio

    found = read_wav_format(bytes(head))
    return _Even(found.data_offset_bytes, found.bytes_per_second // found.sample_rate, found.sample_rate)


# AIFF-C: the samples of these have the size that the header says, of these others one byte.
_AIFF_PLAIN = {b"NONE", b"twos", b"sowt", b"raw ", b"in24", b"in32", b"fl32", b"FL32", b"fl64", b"FL64"}
_AIFF_COMPANDED = {b"ulaw", b"ULAW", b"alaw", b"ALAW"}


def _aiff_plan(head: bytearray) -> _Even | None:
    """The plan for an AIFF or AIFF-C file; None while its header is not complete.

    Raises:
        SonioxValidationError: Its samples are compressed, or have no format before them.
    """
    at, frame_bytes, rate = 12, 0, 0.0
    while len(head) >= at + 16:
        name, size = struct.unpack_from(">4sI", head, at)
        if name == b"SSND":
            if not frame_bytes or not rate:
                raise SonioxValidationError("it has no format before its samples")
            start = at + 16 + int.from_bytes(head[at + 8 : at + 12], "big")
            return _Even(start, frame_bytes, rate) if len(head) >= start else None
        if name == b"COMM":
            if len(head) < at + 8 + size:
                return None
            frame_bytes, rate = _aiff_format(bytes(head[at + 8 : at + 8 + size]))
        # Chunks begin at even positions.
        at += 8 + size + size % 2
    return None


def _aiff_format(chunk: bytes) -> tuple[int, float]:
    """Bytes of a frame, and frames a second."""
    channels, _, bits, exponent, mantissa = struct.unpack_from(">HIHHQ", chunk.ljust(18, b"\0"))
    compression = chunk[18:22] or b"NONE"
    if compression not in _AIFF_PLAIN | _AIFF_COMPANDED:
        raise SonioxValidationError(f"it holds compressed audio, {compression!r}")
    if exponent > 16383 + 31:
        raise SonioxValidationError("its sample rate is no sample rate")
    sample_bytes = 1 if compression in _AIFF_COMPANDED else (bits + 7) // 8
    # The rate is an 80-bit float of IEEE 754.
    return channels * sample_bytes, mantissa * 2.0 ** (exponent - 16383 - 63)


_PLANS: dict[str, Callable[[bytearray], _Even | _Frames | None]] = {
    "wav": _wav_plan,
    "aiff": _aiff_plan,
    # Both kinds of frames are measured alike.
    "mp3": lambda _head: _Frames(measure_mpeg),
    "aac": lambda _head: _Frames(measure_mpeg),
    "amr": _amr_plan,
}
