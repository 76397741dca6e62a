"""Reads uploads as a stream, in constant memory and linear time."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from werkzeug.sansio.multipart import NEED_DATA, Data, Epilogue, Field, File, MultipartDecoder

from ..wire.bodies import note_form
from ..wire.rest_errors import ApiError, ValidationProblem, invalid_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.wrappers import Request

_BLOCK_BYTES = 256 * 1024
_IN_MEMORY_BYTES = 1024 * 1024
_MAX_FIELD_BYTES = 1024 * 1024


@dataclass
class Upload:
    """The parts of an upload request."""

    filename: str | None = None
    """File name of the ``file`` part; None if there was no such part with a file name."""
    content: BinaryIO | None = None
    """The content of the ``file`` part; the caller closes it."""
    size: int = 0
    """Bytes of the content."""
    digest: bytes = b""
    """SHA-256 of the content."""
    fields: dict[str, str] = field(default_factory=dict[str, str])
    """The other parts."""


def read_upload(request: Request, max_file_size_bytes: int) -> Upload:
    """The parts of an upload request.

    Raises:
        ApiError: Not multipart/form-data, malformed, cut off, or the file is too large.
    """
    boundary = request.mimetype_params.get("boundary", "")
    if request.mimetype != "multipart/form-data" or not boundary:
        message = "send the file as the part `file` of a multipart/form-data body that names its boundary"
        raise invalid_request(ValidationProblem("missing", "file.file", message))
    upload = Upload()
    try:
        _read_parts(request, boundary, upload, max_file_size_bytes)
    except BaseException as error:
        if upload.content is not None:
            upload.content.close()
        if isinstance(error, (ValueError, AssertionError, AttributeError, OSError)):
            raise _malformed(str(error)) from error
        raise
    finally:
        note_form(request, upload.fields, upload.filename, upload.size)
    return upload


def _malformed(detail: str) -> ApiError:
    problem = ValidationProblem("value_error", "body", f"malformed multipart body: {detail}")
    return invalid_request(problem)


def _read_parts(request: Request, boundary: str, upload: Upload, max_file_size_bytes: int) -> None:
    parts = _Parts(upload, max_file_size_bytes)
    for event in _events(request, boundary):
        if isinstance(event, (Field, File)):
            parts.begin(event)
        elif isinstance(event, Data):
            parts.add(event)
    upload.digest = parts.digest.digest()


class _Parts:
    """Puts the parts of a form into an upload, as they arrive."""

    def __init__(self, upload: Upload, max_file_size_bytes: int) -> None:
        self._upload, self._max_file_size_bytes = upload, max_file_size_bytes
        self.digest = hashlib.sha256()
        self._name = ""
        self._in_file = False
        self._text = bytearray()

    def begin(self, part: Field | File) -> None:
        # The header may lack a name, although the annotation denies it.
        self._name = cast("str | None", part.name) or ""
        if not self._name:
            raise ValueError("a part has no name")
        self._text.clear()
        # A browser sends an empty file name when no file was selected.
        self._in_file = isinstance(part, File) and self._name == "file" and bool(part.filename)
        if self._in_file:
            if self._upload.content is not None:
                raise ValueError("more than one part is named `file`")
            self._upload.filename = _plain_name(cast("File", part).filename)
            spool = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - the caller closes it
            self._upload.content = cast("Any", spool)

    def add(self, block: Data) -> None:
        if self._in_file and self._upload.content is not None:
            self._upload.size += len(block.data)
            if self._upload.size > self._max_file_size_bytes:
                message = f"the file is larger than {self._max_file_size_bytes} bytes"
                raise invalid_request(ValidationProblem("value_error", "file.file", message))
            self.digest.update(block.data)
            self._upload.content.write(block.data)
            return
        self._text += block.data
        if len(self._text) > _MAX_FIELD_BYTES:
            raise ValueError(f"the part {self._name!r} is too long")
        if not block.more_data:
            self._upload.fields[self._name] = self._text.decode()


def _events(request: Request, boundary: str) -> Iterator[object]:
    decoder = MultipartDecoder(boundary.encode("latin-1"))
    while True:
        block = request.stream.read(_BLOCK_BYTES)
        decoder.receive_data(block or None)
        while (event := decoder.next_event()) is not NEED_DATA:
            yield event
            if isinstance(event, Epilogue):
                return


def _plain_name(filename: str) -> str:
    """A file name with the line breaks that browsers escape; werkzeug has unescaped quotes already."""
    return filename.replace("%0D", "\r").replace("%0A", "\n")
