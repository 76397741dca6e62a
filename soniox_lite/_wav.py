"""The headers of WAV files, as far as they tell how the audio after them is to be read.

RIFF/WAVE (Microsoft Multimedia Standards Update, 1994), WAVE_FORMAT_EXTENSIBLE (``ksmedia.h``), RF64 and BW64 for more
than 4 GiB (EBU Tech 3306, ITU-R BS.2088), and RIFX, which is big-endian throughout.
"""

from __future__ import annotations

from dataclasses import dataclass

from ._audio import as_path_or_none, check_block, is_bytes_like, no_source, open_file, read_block
from ._codec import Record
from .errors import SonioxValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any, Literal

    from .types.aliases import RealtimeSTTRawFormat
else:
    # For those who ask for the types at run time.
    RealtimeSTTRawFormat = str

__all__ = ["WavFormat", "open_source", "read_header", "samples"]

_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 0x0001, 0x0003, 0x0006, 0x0007, 0xFFFE
# An extensible format's GUID is one of the tags above, followed by this.
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_BLOCK_BYTES = 64 * 1024
# What writers put where they do not know the size yet, or where a 64-bit size stands elsewhere.
_NO_SIZES = {0, 0xFFFFFFFF}


@dataclass(repr=False, eq=False, kw_only=True)
class WavFormat(Record):
    """How the audio of a WAV file is to be read.

    Attributes:
        audio_format: The raw format of the samples, such as ``pcm_s16le`` or ``mulaw``.
        sample_rate: Samples a second and channel, in Hz.
        num_channels: Channels.
        data_offset_bytes: Where the samples begin, from the start of the header.
        data_size_bytes: How many bytes of samples the header announces; None when it was written before that was
            known, so that they go on to the end of the file.
        bytes_per_second: Bytes of samples that are a second of audio: what pacing goes by.
    """

    audio_format: RealtimeSTTRawFormat
    sample_rate: int
    num_channels: int
    data_offset_bytes: int
    data_size_bytes: int | None = None
    bytes_per_second: int


class _Reader:
    """Reads exactly what it is asked for, so that the stream stands where the reading ended."""

    def __init__(self, stream: Any) -> None:
        self._read = stream.read
        self.position = 0

    def up_to(self, size: int) -> bytes:
        """The next ``size`` bytes, or fewer at the end of the stream."""
        parts = bytearray()
        while len(parts) < size:
            block = read_block(self._read, size - len(parts))
            if not len(block):
                break
            parts += block
        self.position += len(parts)
        return bytes(parts)

    def exactly(self, size: int) -> bytes:
        """The next ``size`` bytes.

        Raises:
            SonioxValidationError: The stream ends before.
        """
        found = self.up_to(size)
        if len(found) < size:
            raise SonioxValidationError(f"the WAV file is cut off in its header, after {self.position} bytes")
        return found

    def skip(self, size: int) -> None:
        while size > 0:
            size -= len(self.exactly(min(size, _BLOCK_BYTES)))


def open_source(source: Any) -> tuple[Any, bool]:
    """A binary stream for a path, for bytes or for a stream, and whether it is to be closed here.

    Raises:
        SonioxValidationError: The source is none of these, or cannot be opened.
    """
    path = as_path_or_none(source)
    if path is not None:
        return open_file(path), True
    if callable(getattr(source, "read", None)):
        return source, False
    if is_bytes_like(source):
        import io  # noqa: PLC0415 - only bytes need it

        return io.BytesIO(check_block(source)), True
    raise no_source(source, f" (an iterable's header could not be put back), got {type(source).__name__}")


def read_header(stream: Any) -> WavFormat:
    """What the header says; afterwards the stream stands at the first sample.

    Raises:
        SonioxValidationError: It is no WAV file, is cut off, or holds compressed audio.
    """
    reader = _Reader(stream)
    head = reader.up_to(12)
    form = head[:4]
    if form not in {b"RIFF", b"RIFX", b"RF64", b"BW64"} or head[8:] != b"WAVE":
        raise SonioxValidationError(
            f"the audio is no WAV file: it begins with {head!r}; audio_format='auto' is for all kinds of files"
        )
    order: Literal["little", "big"] = "big" if form == b"RIFX" else "little"
    facts: tuple[RealtimeSTTRawFormat, int, int, int] | None = None
    long_size: int | None = None
    while True:
        name, size = reader.exactly(4), int.from_bytes(reader.exactly(4), order)
        if name == b"data":
            break
        # 40 bytes are the longest format that is told apart here, and hold the 64-bit sizes too.
        taken = reader.exactly(min(size, 40)) if name in {b"fmt ", b"ds64"} else b""
        if name == b"fmt ":
            facts = _parse_format(taken, order)
        elif name == b"ds64":
            long_size = int.from_bytes(taken[8:16], order)
        # Chunks begin at even positions.
        reader.skip(size - len(taken) + size % 2)
    if facts is None:
        raise SonioxValidationError("the WAV file does not tell its format before its data")
    if size == 0xFFFFFFFF and long_size is not None:
        size = long_size
    audio_format, sample_rate, num_channels, frame_bytes = facts
    return WavFormat(
        audio_format=audio_format,
        sample_rate=sample_rate,
        num_channels=num_channels,
        data_offset_bytes=reader.position,
        data_size_bytes=None if size in _NO_SIZES else size,
        bytes_per_second=sample_rate * frame_bytes,
    )


def samples(source: Any, block_bytes: int) -> Generator[bytes, None, None]:
    """The samples of a WAV file in blocks: without its header, and without what may follow them.

    Raises:
        SonioxValidationError: As in :func:`read_header`.
    """
    stream, is_ours = open_source(source)
    try:
        remaining = read_header(stream).data_size_bytes
        reader = _Reader(stream)
        # A file that ends before its announced size was cut off; what is there is audio all the same.
        while remaining is None or remaining > 0:
            block = reader.up_to(block_bytes if remaining is None else min(block_bytes, remaining))
            if not block:
                return
            if remaining is not None:
                remaining -= len(block)
            yield block
    finally:
        if is_ours:
            stream.close()


def _parse_format(chunk: bytes, order: Literal["little", "big"]) -> tuple[RealtimeSTTRawFormat, int, int, int]:
    """Format, sample rate, channels and bytes of a frame from a ``fmt`` chunk."""

    def number(start: int, end: int) -> int:
        return int.from_bytes(chunk[start:end], order)

    if len(chunk) < 16:
        raise SonioxValidationError(f"the WAV file's format is cut off: {len(chunk)} of 16 bytes")
    tag, num_channels, sample_rate, frame_bytes, bits = (
        number(0, 2), number(2, 4), number(4, 8), number(12, 14), number(14, 16)
    )  # fmt: skip
    if tag == _EXTENSIBLE:
        if chunk[26:40] != _GUID_TAIL:
            raise SonioxValidationError("the WAV file has an unknown format: send it as it is, with audio_format='wav'")
        tag = number(24, 26)
    if not num_channels or not sample_rate:
        raise SonioxValidationError(f"the WAV file claims {num_channels} channels at {sample_rate} Hz")
    # Samples of 12 or 20 bits stand in containers of whole bytes, at the upper end.
    container_bytes = frame_bytes // num_channels
    if tag in {_ALAW, _MULAW}:
        name: Any = "alaw" if tag == _ALAW else "mulaw"
        is_possible = container_bytes == 1
    elif tag == _FLOAT:
        name = f"pcm_f{container_bytes * 8}{order[0]}e"
        is_possible = container_bytes in {4, 8}
    elif tag == _PCM:
        name = "pcm_u8" if container_bytes == 1 else f"pcm_s{container_bytes * 8}{order[0]}e"
        is_possible = container_bytes in {1, 2, 3, 4}
    else:
        raise SonioxValidationError(
            f"the WAV file holds compressed audio (format 0x{tag:04X}): send it as it is, with audio_format='wav'"
        )
    if not is_possible or frame_bytes % num_channels or bits > container_bytes * 8:
        raise SonioxValidationError(
            f"the WAV file's format contradicts itself: {bits} bits, {num_channels} channels in {frame_bytes} bytes"
        )
    return name, sample_rate, num_channels, frame_bytes
