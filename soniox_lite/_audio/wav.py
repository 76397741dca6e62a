"""The headers of WAV files, as far as they tell how the audio after them is to be read.

RIFF/WAVE (Microsoft Multimedia Standards Update, 1994), WAVE_FORMAT_EXTENSIBLE (``ksmedia.h``), RF64 and BW64 for more
than 4 GiB (EBU Tech 3306, ITU-R BS.2088), and RIFX, which is big-endian throughout.
"""

from __future__ import annotations

from dataclasses import dataclass

from .._data.records import Record
from ..errors import SonioxValidationError
from .chunks import as_path_or_none, check_block, is_bytes_like, no_source, open_file, read_block

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any, Literal

    from ..types.aliases import RealtimeSTTRawFormat
else:
    # For those who ask for the types at run time.
    RealtimeSTTRawFormat = str

__all__ = ["WavFormat", "open_source", "read_header", "samples"]

_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 0x0001, 0x0003, 0x0006, 0x0007, 0xFFFE
# An extensible format's GUID is one of the tags above, followed by one of these; the second is for ambisonics.
_GUID_TAILS = {bytes.fromhex("000000001000800000aa00389b71"), bytes.fromhex("00002107d3118644c8c1ca000000")}
_BLOCK_BYTES = 64 * 1024
# What writers put where they do not know the size yet, or where a 64-bit size stands elsewhere.
_NO_SIZES = {0, 0xFFFFFFFF}
# What may stand between two chunks and never begins a name: blanks, control characters and what is not ASCII.
_PADDING = bytes([*range(0x21), *range(0x7F, 0x100)])
_AS_IT_IS = "send the file as it is, with audio_format='auto'"


@dataclass(repr=False, eq=False, kw_only=True)
class WavFormat(Record):
    """How the audio of a WAV file is to be read.

    Attributes:
        audio_format: The raw format of the samples, such as ``pcm_s16le`` or ``mulaw``.
        sample_rate: Samples a second and channel, in Hz.
        num_channels: Channels.
        data_offset_bytes: Where the samples begin, from the start of the header.
        data_size_bytes: How many bytes of samples the header announces, 0 for a complete file without audio; None when
            it was written before that was known, so that they go on to the end of the file.
        bytes_per_second: Bytes of samples that are a second of audio: what pacing goes by.
    """

    audio_format: RealtimeSTTRawFormat
    sample_rate: int
    num_channels: int
    data_offset_bytes: int
    data_size_bytes: int | None = None
    bytes_per_second: int


class _Reader:
    """Goes from chunk to chunk, and reads exactly what it is asked for, so that the stream stands where it ended.

    Attributes:
        position: How much was read.
        facts: Format, sample rate, channels and bytes of a frame; known when samples were found.
    """

    facts: tuple[RealtimeSTTRawFormat, int, int, int]

    def __init__(self, stream: Any) -> None:
        """Reads the head of the file.

        Raises:
            SonioxValidationError: It is none of a WAV file.
        """
        self._stream = stream
        # What was read to look at it, and is not used yet.
        self._ahead = b""
        self.position = 0
        head = self.up_to(12)
        form = head[:4]
        if form not in {b"RIFF", b"RIFX", b"RF64", b"BW64"} or head[8:] != b"WAVE":
            raise SonioxValidationError(
                f"the audio is no WAV file: it begins with {head!r}; audio_format='auto' is for all kinds of files"
            )
        self._order: Literal["little", "big"] = "big" if form == b"RIFX" else "little"
        # Where the last chunk ends, 0 if that was not told; and the size of the samples in 64 bits.
        size = self._number(head[4:8])
        self._end = 0 if size in _NO_SIZES else 8 + size
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
        """Goes to the next samples: how many bytes they are, 0 if there are none; None if they go on to the end.

        Args:
            may_be_none: Whether there were some before, so that nothing is wrong if the file ends without more.

        Raises:
            SonioxValidationError: The file is cut off before them, or has no chunk where one should be.
        """
        # Nothing is read that is not part of the file: the caller's stream may go on.
        while not may_be_none or (self.position + 8 <= self._end and self._look_ahead()):
            name, size = self._name(), self._number(self._exactly(4))
            if name != b"data":
                self._take(name, size)
                continue
            if not hasattr(self, "facts"):
                raise SonioxValidationError(f"the WAV file does not tell its format before its data: {_AS_IT_IS}")
            if size in _NO_SIZES and self._long_size is not None:
                size = self._long_size
            if size:
                return None if size == 0xFFFFFFFF else size
            if not self._is_complete():
                return None
            may_be_none = True
        return 0

    def find_further_samples(self) -> int | None:
        """As :meth:`find_samples` where some were read already; 0 also if what follows is no chunk."""
        try:
            return self.find_samples(may_be_none=True)
        except SonioxValidationError:
            return 0

    def put_back(self) -> None:
        """Lets the stream stand where the reading ended.

        Raises:
            SonioxValidationError: It cannot go back.
        """
        if not self._ahead:
            return
        try:
            self._stream.seek(-len(self._ahead), 1)
        except (AttributeError, NotImplementedError, OSError, ValueError):
            raise SonioxValidationError(
                f"the WAV file does not tell the size of its samples, and its stream cannot go back: {_AS_IT_IS}"
            ) from None

    def _number(self, data: bytes) -> int:
        return int.from_bytes(data, self._order)

    def _exactly(self, size: int) -> bytes:
        found = self.up_to(size)
        if len(found) < size:
            raise SonioxValidationError(
                f"the WAV file is cut off in its header, after {self.position} bytes; if it is not: {_AS_IT_IS}"
            )
        return found

    def _name(self) -> bytes:
        """The name of the next chunk. Chunks begin at even positions, but not all writers know that."""
        name = self._exactly(4).lstrip(_PADDING)
        name += self._exactly(4 - len(name))
        if not _is_name(name):
            raise SonioxValidationError(f"the WAV file has no chunk where one should be: {_AS_IT_IS}")
        return name

    def _take(self, name: bytes, size: int) -> None:
        """Reads a chunk that holds no samples."""
        # 40 bytes are the longest format that is told apart here, and hold the 64-bit sizes too.
        taken = self._exactly(min(size, 40)) if name in {b"fmt ", b"ds64"} else b""
        if name == b"fmt ":
            self.facts = _parse_format(taken, self._order)
        elif name == b"ds64":
            long_end, self._long_size = self._number(taken[:8]), self._number(taken[8:16])
            self._end = 8 + long_end if long_end else 0
        left = size - len(taken)
        while left > 0:
            left -= len(self._exactly(min(left, _BLOCK_BYTES)))

    def _is_complete(self) -> bool:
        """Whether samples of size 0 are none, because the file was finished: it says that there are chunks after them.

        A recorder that was stopped has left zeros in both sizes, or the size of a file without samples.
        """
        if self.position >= self._end:
            return False
        ahead = self._look_ahead()
        return not ahead or (_is_name(ahead[:4]) and self.position + 8 + self._number(ahead[4:]) <= self._end)

    def _look_ahead(self) -> bytes:
        self._ahead = self.up_to(8)
        self.position -= len(self._ahead)
        return self._ahead


def _is_name(name: bytes) -> bool:
    return name.isascii() and name.decode("ascii").isprintable() and not name.startswith(b" ")


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
    size = reader.find_samples()
    reader.put_back()
    audio_format, sample_rate, num_channels, frame_bytes = reader.facts
    return WavFormat(
        audio_format=audio_format,
        sample_rate=sample_rate,
        num_channels=num_channels,
        data_offset_bytes=reader.position,
        data_size_bytes=size,
        bytes_per_second=sample_rate * frame_bytes,
    )


def samples(source: Any, block_bytes: int) -> Generator[bytes, None, None]:
    """The samples of a WAV file in blocks: without its header, and without what may follow them.

    Raises:
        SonioxValidationError: As in :func:`read_header`.
    """
    stream, is_ours = open_source(source)
    try:
        reader = _Reader(stream)
        size = reader.find_samples()
        # A file that ends before its announced size was cut off; what is there is audio all the same.
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
            # The GUID is missing. Samples of this width are never anything else.
            tag = _PCM
        else:
            raise SonioxValidationError(f"the WAV file has an unknown format: {_AS_IT_IS}")
    if not num_channels or not sample_rate:
        raise SonioxValidationError(
            f"the WAV file claims {num_channels} channels at {sample_rate} Hz; if it has audio: {_AS_IT_IS}"
        )
    # Samples of 12 or 20 bits stand in containers of whole bytes, at the upper end. Where a frame of such containers
    # is no possible one, players go by the bits; companded samples have 8 whatever is said.
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
            f"if it has audio: {_AS_IT_IS}"
        )
    else:
        raise SonioxValidationError(f"the WAV file holds compressed audio (format 0x{tag:04X}): {_AS_IT_IS}")
    return name, sample_rate, num_channels, container_bytes * num_channels
