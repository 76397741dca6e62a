"""Request bodies: JSON, forms, and multipart bodies that stream files."""

from __future__ import annotations

import contextlib
import io
import os

from .._data.callbacks import refuse_awaitable
from .._data.json_values import kind_of
from ..errors import SonioxValidationError, file_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, BinaryIO

    from .._data.cancel_token import CancelToken

    # Called with the number of file bytes sent so far and in all; None if the latter is not known.
    ProgressCallback = Callable[[int, int | None], object]

# With http.client's own 8 KiB blocks, sending takes three times as long.
_BLOCK_SIZE = 128 * 1024


class Body:
    """A request body that is held in memory.

    Attributes:
        content_type: Value of the ``Content-Type`` header.
        length: In bytes; None if it is not known in advance.
        on_progress: Called while the body is sent; None for no callback.
        own_error: The exception of ``on_progress`` or of a file's stream that ended the last attempt; None without one.
            The transport raises it after the attempt, whatever urllib or an opener made of it.
        cancel: What may end the upload of a file between two blocks; None without it.
    """

    on_progress: ProgressCallback | None = None
    own_error: Exception | None = None
    cancel: CancelToken | None = None

    def __init__(self, content: bytes, content_type: str) -> None:
        self.content_type = content_type
        self.length: int | None = len(content)
        self._content = content

    @property
    def repeatable(self) -> bool:
        """Whether the body can be sent, or sent again, from its beginning."""
        return True

    def __iter__(self) -> Iterator[bytes]:
        yield self._content

    # Tools that wrap urllib's opener treat the body as bytes.

    def __len__(self) -> int:
        """As ``length``; 0 if it is not known."""
        return self.length or 0

    def __bool__(self) -> bool:
        return self.length != 0

    def __bytes__(self) -> bytes:
        return self._content


class MultipartBody(Body):
    """``multipart/form-data`` (RFC 7578) from values and streams, read block by block while it is sent.

    A stream is sent from its current position to its end. To send the body again, all streams must be seekable.
    """

    def __init__(
        self,
        fields: Mapping[str, object],
        files: Mapping[str, tuple[str, BinaryIO, str]],
        on_progress: ProgressCallback | None = None,
    ) -> None:
        """Determines the size of each stream, and reads nothing yet.

        Args:
            fields: Plain values by field name; None is left out.
            files: File name, stream and content type by field name.
            on_progress: Called after each block of a file.

        Raises:
            SonioxValidationError: A stream is closed.
        """
        boundary = os.urandom(16).hex()
        super().__init__(b"", f"multipart/form-data; boundary={boundary}")
        self.on_progress = on_progress
        self._started = False
        self._parts: list[bytes | _FilePart] = []
        for name, value in fields.items():
            if value is not None:
                head = f'--{boundary}\r\nContent-Disposition: form-data; name="{quote_parameter(name)}"\r\n\r\n'
                self._parts.append(f"{head}{value}\r\n".encode())
        for name, (filename, stream, content_type) in files.items():
            disposition = f'form-data; name="{quote_parameter(name)}"; filename="{quote_parameter(filename)}"'
            head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\nContent-Type: {content_type}\r\n\r\n"
            self._parts += [head.encode(), _FilePart(name, stream), b"\r\n"]
        self._parts.append(f"--{boundary}--\r\n".encode())
        self._files = [part for part in self._parts if isinstance(part, _FilePart)]
        sizes = [len(part) if isinstance(part, bytes) else part.size for part in self._parts]
        known = [size for size in sizes if size is not None]
        self.length = sum(known) if len(known) == len(sizes) else None

    @property
    def repeatable(self) -> bool:
        return not self._started or all(part.repeatable for part in self._files)

    def __iter__(self) -> Iterator[bytes]:
        if not self.repeatable:
            raise SonioxValidationError("the file's stream has been read and cannot be rewound")
        self._started = True
        self.own_error = None
        sent = 0
        sizes = [part.size for part in self._files]
        known = [size for size in sizes if size is not None]
        total = sum(known) if len(known) == len(sizes) else None
        for part in self._parts:
            if isinstance(part, bytes):
                yield part
                continue
            for block in self._blocks_of(part):
                yield block
                # The generator continues when the block has been passed to the socket.
                sent += len(block)
                try:
                    if self.cancel is not None:
                        self.cancel.check()
                    if self.on_progress is not None:
                        refuse_awaitable("on_progress", self.on_progress(sent, total))
                except Exception as error:
                    self.own_error = error
                    raise

    def _blocks_of(self, part: _FilePart) -> Iterator[bytes]:
        """The blocks of a file. An exception is kept, as it must not be taken for one of the connection."""
        try:
            yield from part.read_blocks()
        except Exception as error:
            self.own_error = error
            raise

    def __bytes__(self) -> bytes:
        content = b"".join(self)
        if not self.repeatable:
            # The streams cannot be read again, so the content is kept.
            self._files = []
            self._parts = [content]
        return content


class _FilePart:
    """The content of a stream, as a part of a multipart body.

    Attributes:
        start: The stream's position when it was passed in; None if it is not seekable.
        size: Bytes from there to its end; None if not known.
    """

    def __init__(self, name: str, stream: BinaryIO) -> None:
        self._name = name
        self._stream = stream
        self.start: int | None = None
        self.size: int | None = None
        if getattr(stream, "closed", False) is True:
            raise SonioxValidationError(f"{name} cannot be read: the stream is closed")
        # Streams of other libraries fail differently: seek() returns None, or raises, or only accepts positions from
        # the start. Then the stream counts as not seekable, or its size as unknown.
        with contextlib.suppress(Exception):
            seekable = getattr(stream, "seekable", None)
            if seekable is None or seekable():
                start = stream.tell()
                stream.seek(start)
                self.start = start if isinstance(start, int) else None
        if self.start is not None:
            with contextlib.suppress(Exception):
                reached: object = stream.seek(0, io.SEEK_END)
                end = stream.tell()
                if isinstance(end, int) and reached in (None, end):
                    self.size = max(0, end - self.start)
            self._call(stream.seek, self.start)

    @property
    def repeatable(self) -> bool:
        """Whether the stream can be read from ``start`` again; members of piped archives, for example, cannot."""
        if self.start is None:
            return False
        try:
            self._stream.seek(self.start)
            self._stream.read(1)
        except Exception:  # noqa: BLE001 - the error of the first attempt is more useful
            # A stream that the caller closed counts as repeatable, so that the next attempt reports it as closed.
            return getattr(self._stream, "closed", False) is True
        return True

    def read_blocks(self) -> Iterator[bytes]:
        if self.start is not None:
            self._call(self._stream.seek, self.start)
        remaining = self.size
        # The announced length is binding: of a file that grows meanwhile, only that much is sent.
        while remaining is None or remaining > 0:
            block: Any = self._call(
                self._stream.read, _BLOCK_SIZE if remaining is None else min(_BLOCK_SIZE, remaining)
            )
            if isinstance(block, (bytearray, memoryview)):
                block = bytes(block)  # pyright: ignore[reportUnknownArgumentType] - a memoryview of anything
            if not isinstance(block, bytes):
                problem = "is open as text" if isinstance(block, str) else f"returned {kind_of(block)} instead of bytes"
                raise SonioxValidationError(f"{self._name} {problem}; a binary stream is needed")
            if not block:
                if remaining is None:
                    return
                raise SonioxValidationError(
                    f"{self._name} ended {remaining} bytes before its length of {self.size}; was it cut meanwhile?"
                )
            if remaining is not None:
                # Some streams return more than they are asked for.
                block = block[:remaining]
                remaining -= len(block)
            yield block

    def _call(self, method: Callable[[int], Any], argument: int) -> Any:
        try:
            return method(argument)
        except Exception as error:
            raise file_error(f"{self._name} cannot be read: {error}", error) from error


def json_body(value: object) -> Body:
    """A body that is a JSON document.

    Raises:
        SonioxValidationError: ``value`` cannot be written as JSON.
    """
    import json  # noqa: PLC0415 - loaded for responses anyway

    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return Body(text.encode(), "application/json")
    except (TypeError, ValueError, RecursionError) as error:
        raise SonioxValidationError(f"json cannot be written as JSON: {error}") from error


def form_body(fields: Mapping[str, object]) -> Body:
    """A body that is a URL-encoded form; None is left out."""
    from urllib.parse import urlencode  # noqa: PLC0415 - forms are rare

    pairs = [(name, str(value)) for name, value in fields.items() if value is not None]
    return Body(urlencode(pairs).encode(), "application/x-www-form-urlencoded")


def quote_parameter(text: str) -> str:
    """A field name or file name as a quoted parameter of ``Content-Disposition``, without the quotes.

    As in browsers (WHATWG HTML, "multipart/form-data encoding algorithm"), UTF-8 stays as it is, and quotes and line
    breaks are percent-encoded. So are other control characters, which some servers reject.
    """
    return "".join(
        f"%{ord(character):02X}" if character < " " or character in '"\x7f' else character
        for character in text.encode(errors="replace").decode()
    )
