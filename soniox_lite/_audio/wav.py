"""WAV files: the format from the header, and the samples.

Reads RIFF/WAVE (Microsoft Multimedia Standards Update, 1994), WAVE_FORMAT_EXTENSIBLE (``ksmedia.h``), RF64, BW64 and
Wave64 for more than 4 GiB (EBU Tech 3306, ITU-R BS.2088, Sony's Wave64), and RIFX, which is big-endian throughout.
Files that break a rule are read where the samples can be found: with an ID3 tag before the file, names of chunks in the
wrong case, the format after the samples.
"""

from __future__ import annotations

from dataclasses import dataclass

from .._data.records import Record
from ..errors import SonioxValidationError
from .chunks import (
    as_path_or_none,
    check_block,
    check_numbers,
    is_bytes_like,
    open_file,
    read_block,
    rechunked,
    source_error,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any, Literal

    from ..types.aliases import RealtimeSTTRawFormat
    from ..types.realtime import RealtimeSTTConfig
    from .chunks import FileInput
else:
    # So that typing.get_type_hints() works on WavFormat.
    RealtimeSTTRawFormat = str

_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 0x0001, 0x0003, 0x0006, 0x0007, 0xFFFE
# The GUID of an extensible format is one of the tags above and one of these tails; the second is for ambisonics.
_GUID_TAILS = {bytes.fromhex("000000001000800000aa00389b71"), bytes.fromhex("00002107d3118644c8c1ca000000")}
_BLOCK_BYTES = 64 * 1024
# Placeholders for a size that was unknown when the header was written, or that is in a 64-bit field elsewhere.
_NO_SIZES = {0, 0xFFFFFFFF}
# The first 12 bytes of Wave64, which has GUIDs for names. They begin with the names of WAV.
_WAVE64 = bytes.fromhex("726966662e91cf11a5d628db")
_WAVE64_HEAD_BYTES = 40
_WAVE64_CHUNK_HEAD_BYTES = 24
# Larger sizes are placeholders, too.
_MAX_SIZE = 1 << 62
# Bytes that never begin the name of a chunk: blanks, control characters and non-ASCII. Skipped between chunks.
_PADDING = bytes([*range(0x21), *range(0x7F, 0x100)])
_AS_IT_IS = "send the file as it is, with audio_format='auto'"


@dataclass(repr=False, eq=False, kw_only=True)
class WavFormat(Record):
    """The format of the audio in a WAV file.

    Attributes:
        audio_format: The raw format of the samples, such as ``pcm_s16le`` or ``mulaw``.
        sample_rate: Samples a second and channel, in Hz.
        num_channels: Number of channels.
        data_offset_bytes: Where the samples begin, in bytes from where reading began.
        data_size_bytes: Size of the samples in bytes, 0 for a complete file without audio. None if the header was
            written before the size was known: the samples extend to the end of the file.
        bytes_per_second: Bytes of samples in a second of audio, all channels together.
    """

    audio_format: RealtimeSTTRawFormat
    sample_rate: int
    num_channels: int
    data_offset_bytes: int
    data_size_bytes: int | None = None
    bytes_per_second: int


class _Reader:
    """Reads a WAV file chunk by chunk, and no byte beyond what is needed.

    Attributes:
        position: Number of bytes read.
        facts: Format, sample rate, channels and bytes of a frame; set when samples were found.
    """

    facts: tuple[RealtimeSTTRawFormat, int, int, int]

    def __init__(self, stream: Any) -> None:
        """Reads the beginning, up to the first chunk.

        Raises:
            SonioxValidationError: They are not those of a WAV file.
        """
        self._stream = stream
        # Bytes that were read ahead and not consumed.
        self._ahead = b""
        self.position = 0
        head = self.up_to(10)
        while head.startswith(b"ID3"):
            self._skip(_id3_bytes(head) - len(head))
            head = self.up_to(10)
        head += self.up_to(2)
        self._is_wave64 = head == _WAVE64
        form = head[:4].upper()
        if self._is_wave64:
            self._skip(_WAVE64_HEAD_BYTES - len(head))
        elif form not in {b"RIFF", b"RIFX", b"RF64", b"BW64"} or head[8:].upper() != b"WAVE":
            raise SonioxValidationError(
                f"the audio is no WAV file: it begins with {head!r}; use audio_format='auto' for other files"
            )
        self._order: Literal["little", "big"] = "big" if form == b"RIFX" else "little"
        # From where the size of the file counts; where the last chunk ends, 0 if unknown; and the 64-bit size of the
        # samples.
        self._counted_from = self.position - 4
        size = self._number(head[4:8])
        self._end = 0 if size in _NO_SIZES or self._is_wave64 else self._counted_from + size
        self._long_size: int | None = None

    def up_to(self, size: int) -> bytes:
        """The next ``size`` bytes, or fewer at the end of the stream."""
        parts = bytearray(self._ahead[:size])
        self._ahead = self._ahead[size:]
        while len(parts) < size:
            block = read_block(self._stream.read, size - len(parts))
            if not len(block):
                break
            parts += block
        self.position += len(parts)
        return bytes(parts)

    def find_samples(self, *, may_be_none: bool = False) -> int | None:
        """Moves to the next samples and returns their size, 0 if there are none; None if they extend to the end.

        Args:
            may_be_none: Whether samples were found before, so that the file may end without more.

        Raises:
            SonioxValidationError: The file is cut off before them, or has no chunk where one should be.
        """
        # The caller's stream may continue after the file, so nothing beyond the file is read.
        while not may_be_none or (self.position + 8 <= self._end and self._look_ahead()):
            name, size = self._chunk()
            if name != b"data":
                self._take(name, size)
                continue
            if not hasattr(self, "facts"):
                self._find_format_behind(size)
            if size in _NO_SIZES and self._long_size is not None:
                size = self._long_size
            if size:
                return None if size == 0xFFFFFFFF or size > _MAX_SIZE else size
            if not self._is_complete():
                return None
            may_be_none = True
        return 0

    def find_further_samples(self) -> int | None:
        """As :meth:`find_samples` after samples were read; 0 also if no valid chunk follows."""
        try:
            return self.find_samples(may_be_none=True)
        except SonioxValidationError:
            return 0

    def put_back(self) -> None:
        """Seeks back over the bytes that were read ahead.

        Raises:
            SonioxValidationError: The stream cannot seek.
        """
        if not self._ahead:
            return
        try:
            self._stream.seek(-len(self._ahead), 1)
        except (AttributeError, NotImplementedError, OSError, ValueError):
            # Streams of others say in one of these ways that they cannot seek.
            raise SonioxValidationError(
                f"the size of the samples is missing in the WAV file, and its stream cannot seek: {_AS_IT_IS}"
            ) from None

    def _find_format_behind(self, size: int) -> None:
        """Reads on to a format that follows the samples, and seeks back to them.

        Raises:
            SonioxValidationError: There is none, or the stream cannot seek.
        """
        try:
            start = self.position
            self._skip(size)
            while not hasattr(self, "facts"):
                self._take(*self._chunk())
            self._stream.seek(start - self.position, 1)
            self.position = start
        except (AttributeError, NotImplementedError, OSError, ValueError):
            # Also the errors of a file that ends, and of streams that cannot seek, as in put_back().
            raise SonioxValidationError(f"the WAV file has no format before its data: {_AS_IT_IS}") from None

    def _number(self, data: bytes) -> int:
        return int.from_bytes(data, self._order)

    def _exactly(self, size: int) -> bytes:
        found = self.up_to(size)
        if len(found) < size:
            raise SonioxValidationError(
                f"the WAV file is cut off in its header, after {self.position} bytes; otherwise {_AS_IT_IS}"
            )
        return found

    def _skip(self, size: int) -> None:
        while size > 0:
            size -= len(self._exactly(min(size, _BLOCK_BYTES)))

    def _chunk(self) -> tuple[bytes, int]:
        """The name and the size of the next chunk."""
        if not self._is_wave64:
            return self._name().lower(), self._number(self._exactly(4))
        # Chunks begin at positions that eight divides, and their sizes include the head.
        self._skip(-self.position % 8)
        head = self._exactly(_WAVE64_CHUNK_HEAD_BYTES)
        return head[:4], max(self._number(head[16:]) - len(head), 0)

    def _name(self) -> bytes:
        """The name of the next chunk. Chunks begin at even positions, but not all writers pad correctly."""
        name = self._exactly(4).lstrip(_PADDING)
        name += self._exactly(4 - len(name))
        if not _is_name(name):
            raise SonioxValidationError(f"the WAV file has no chunk where one should be: {_AS_IT_IS}")
        return name

    def _take(self, name: bytes, size: int) -> None:
        """Reads a chunk other than samples."""
        # 40 bytes hold the longest format and the 64-bit sizes.
        taken = self._exactly(min(size, 40)) if name in {b"fmt ", b"ds64"} else b""
        if name == b"fmt ":
            self.facts = _parse_format(taken, self._order)
        elif name == b"ds64":
            long_end, self._long_size = self._number(taken[:8]), self._number(taken[8:16])
            self._end = self._counted_from + long_end if long_end else 0
        self._skip(size - len(taken))

    def _is_complete(self) -> bool:
        """Whether a size of 0 means no samples: the file was completed if its size includes chunks after them.

        A recorder that was stopped leaves zeros in both sizes, or the size of a file without samples.
        """
        if self.position >= self._end:
            return False
        ahead = self._look_ahead()
        return not ahead or (_is_name(ahead[:4]) and self.position + 8 + self._number(ahead[4:]) <= self._end)

    def _look_ahead(self) -> bytes:
        self._ahead = self.up_to(8)
        self.position -= len(self._ahead)
        return self._ahead


def _id3_bytes(head: bytes) -> int:
    """The length of an ID3v2 tag that begins so, in bytes."""
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte & 0x7F
    has_footer = len(head) > 5 and bool(head[5] & 0x10)
    return size + (20 if has_footer else 10)


def _is_name(name: bytes) -> bool:
    return name.isascii() and name.decode("ascii").isprintable() and not name.startswith(b" ")


def read_wav_format(source: FileInput) -> WavFormat:
    """Reads the header of a WAV file.

    Afterwards, a file object is positioned at the first sample, so that ``stream_audio(source)`` gives the samples and
    any chunks after them. To get the samples alone, read at most ``data_size_bytes``, or seek back to the header and
    call :func:`stream_wav`.

    Args:
        source: Path, bytes-like, or binary file object positioned at the beginning of the header.

    Raises:
        SonioxValidationError: It is none of these, is no WAV file, is cut off in its header, or holds compressed audio;
            or the beginning of the samples can only be found by reading ahead, and the file object cannot seek back.
    """
    stream, is_ours = _open_source(source)
    try:
        reader = _Reader(stream)
        size = reader.find_samples()
        reader.put_back()
    finally:
        if is_ours:
            stream.close()
    audio_format, sample_rate, num_channels, frame_bytes = reader.facts
    return WavFormat(
        audio_format=audio_format,
        sample_rate=sample_rate,
        num_channels=num_channels,
        data_offset_bytes=reader.position,
        data_size_bytes=size,
        bytes_per_second=sample_rate * frame_bytes,
    )


def wav_config(source: FileInput, *, model: str, **options: Any) -> RealtimeSTTConfig:
    """The configuration of a session for the samples of a WAV file, without its header.

    ``audio_format``, ``sample_rate`` and ``num_channels`` are taken from the header. Send :func:`stream_wav` of a path
    or of bytes. A file object is positioned at the first sample afterwards: seek back to its header and send
    :func:`stream_wav` of it. If it cannot seek, send the rest of it with :func:`stream_audio`, which includes any
    chunks after the samples.

    Args:
        source: Path, bytes-like, or binary file object positioned at the beginning of the header.
        model: Realtime model.
        options: Other fields of :class:`~soniox_lite.types.realtime.RealtimeSTTConfig`.

    Raises:
        SonioxValidationError: ``source`` is none of these, is no WAV file, is cut off in its header, or has
            compressed audio. An option is unknown, not valid, or one of the three that are taken from the header.
    """
    from ..types.realtime import RealtimeSTTConfig  # noqa: PLC0415 - not needed for chunks alone

    given = {"audio_format", "sample_rate", "num_channels"} & options.keys()
    if given:
        raise SonioxValidationError(f"{', '.join(sorted(given))}: taken from the header of the WAV file")
    found = read_wav_format(source)
    return RealtimeSTTConfig.from_dict(
        {
            "model": model,
            "audio_format": found.audio_format,
            "sample_rate": found.sample_rate,
            "num_channels": found.num_channels,
            **options,
        }
    )


def stream_wav(source: FileInput, *, chunk_size_bytes: int = 4096) -> Generator[bytes, None, None]:
    """The samples of a WAV file in chunks of one length, without its header and any chunks after the samples.

    If the header was never completed, because the file was streamed or the recorder was stopped, the samples extend to
    the end of the file. A complete file without audio gives no chunk.

    Args:
        source: Path, bytes-like, or binary file object positioned at the beginning of the header.
        chunk_size_bytes: Length of a chunk, 1 byte to 1 GiB.

    Raises:
        SonioxValidationError: With the first chunk: ``source`` is none of these, is no WAV file, is cut off in its
            header, or holds compressed audio.
    """
    check_numbers(chunk_size_bytes)
    return rechunked(_samples(source, chunk_size_bytes), chunk_size_bytes)


def _open_source(source: Any) -> tuple[Any, bool]:
    """A binary stream for a path, bytes or a stream, and whether it must be closed here.

    Raises:
        SonioxValidationError: The source is none of these, or cannot be opened.
    """
    path = as_path_or_none(source)
    if path is not None:
        return open_file(path), True
    if callable(getattr(source, "read", None)):
        return source, False
    if is_bytes_like(source):
        import io  # noqa: PLC0415 - only needed for bytes

        return io.BytesIO(check_block(source)), True
    raise source_error(source, f" (not an iterable: its header could not be put back), got {type(source).__name__}")


def _samples(source: Any, block_bytes: int) -> Generator[bytes, None, None]:
    stream, is_ours = _open_source(source)
    try:
        reader = _Reader(stream)
        size = reader.find_samples()
        # A file shorter than its header says was cut off; the existing samples are used.
        while size != 0 and (block := reader.up_to(block_bytes if size is None else min(block_bytes, size))):
            yield block
            if size is not None:
                size = size - len(block) or reader.find_further_samples()
    finally:
        if is_ours:
            stream.close()


def _parse_format(chunk: bytes, order: Literal["little", "big"]) -> tuple[RealtimeSTTRawFormat, int, int, int]:
    """Format, sample rate, channels and bytes of a frame from a ``fmt`` chunk."""

    def number(start: int, end: int) -> int:
        return int.from_bytes(chunk[start:end], order)

    if len(chunk) < 16:
        raise SonioxValidationError(f"the WAV file's format is cut off, {len(chunk)} of 16 bytes: {_AS_IT_IS}")
    tag, num_channels, sample_rate, frame_bytes, bits = (
        number(0, 2), number(2, 4), number(4, 8), number(12, 14), number(14, 16)
    )  # fmt: skip
    if tag == _EXTENSIBLE:
        if chunk[26:40] in _GUID_TAILS:
            tag = number(24, 26)
        elif number(16, 18) < 22 and bits in {16, 24}:
            # The GUID is missing; samples of this width are always PCM.
            tag = _PCM
        else:
            raise SonioxValidationError(f"the WAV file has an unknown format: {_AS_IT_IS}")
    if not num_channels or not sample_rate:
        raise SonioxValidationError(
            f"the WAV file has {num_channels} channels at {sample_rate} Hz in its header; if it has audio, {_AS_IT_IS}"
        )
    # Samples of 12 or 20 bits are left-aligned in whole bytes. If the size of a frame is impossible, players use the
    # number of bits instead. Companded samples always have 8 bits.
    container_bytes = frame_bytes // num_channels
    if frame_bytes % num_channels or bits > container_bytes * 8:
        container_bytes = (bits + 7) // 8
    if tag in {_ALAW, _MULAW}:
        name: Any = "alaw" if tag == _ALAW else "mulaw"
        container_bytes = 1
    elif tag == _FLOAT and container_bytes in {4, 8}:
        name = f"pcm_f{container_bytes * 8}{order[0]}e"
    elif tag == _PCM and container_bytes in {1, 2, 3, 4}:
        name = "pcm_u8" if container_bytes == 1 else f"pcm_s{container_bytes * 8}{order[0]}e"
    elif tag in {_PCM, _FLOAT}:
        raise SonioxValidationError(
            f"the WAV file's format contradicts itself: {bits} bits, {num_channels} channels in {frame_bytes} bytes; "
            f"if it has audio, {_AS_IT_IS}"
        )
    else:
        raise SonioxValidationError(f"the WAV file holds compressed audio (format 0x{tag:04X}): {_AS_IT_IS}")
    return name, sample_rate, num_channels, container_bytes * num_channels
