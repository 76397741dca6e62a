"""Types of the ``files`` namespace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - the decoder looks names up here

from .._data.records import Payload, ServiceObject
from .._data.rules import FieldErrors


@dataclass(repr=False, eq=False, kw_only=True)
class File(ServiceObject):
    """A file in the key's project.

    Attributes:
        id: UUID.
        filename: Name it was uploaded under.
        size: In bytes.
        created_at: When the upload ended, in UTC.
        client_reference_id: The uploader's own mark; None when there is none.
    """

    id: str
    filename: str
    size: int
    created_at: datetime
    client_reference_id: str | None = None


@dataclass(repr=False, eq=False, kw_only=True)
class GetFilesResponse(ServiceObject):
    """One page of files.

    Attributes:
        files: Up to ``limit`` files, in the service's order.
        next_page_cursor: What the next call takes as ``cursor``; None on the last page.
    """

    files: list[File]
    next_page_cursor: str | None = None


@dataclass(repr=False, eq=False, kw_only=True)
class GetFilesCountResponse(ServiceObject):
    """How many files the project holds.

    Attributes:
        total: All of them.
        public_api: Those uploaded through the API.
        playground: Those uploaded in the console's playground.
    """

    total: int
    public_api: int
    playground: int


@dataclass(repr=False, eq=False, kw_only=True)
class GetFilesPayload(Payload):
    """Parameters of a page of files.

    Attributes:
        limit: Files on the page, 1 to 1000.
        cursor: ``next_page_cursor`` of the page before; None for the first.
    """

    limit: int = 1000
    cursor: str | None = None

    def __post_init__(self) -> None:
        with FieldErrors(self) as check:
            check.page(self.limit, self.cursor)


@dataclass(repr=False, eq=False, kw_only=True)
class UploadFilePayload(Payload):
    """Fields of an upload beside the file.

    Attributes:
        client_reference_id: Your own identifier, at most 256 characters; need not be unique.
    """

    client_reference_id: str | None = None

    def __post_init__(self) -> None:
        with FieldErrors(self) as check:
            check.text("client_reference_id", self.client_reference_id, max_length=256)
