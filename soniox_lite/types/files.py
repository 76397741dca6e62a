"""Types of the ``files`` namespace."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - the decoder looks names up here

from .._data.records import Payload, ServiceObject

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._data.rules import FieldErrors


class File(ServiceObject):
    """A file in the key's project.

    Attributes:
        id: UUID.
        filename: Name it was uploaded under.
        size: In bytes.
        created_at: When the upload ended, in UTC.
        client_reference_id: The identifier that was given with the upload; None when there is none.
    """

    id: str
    filename: str
    size: int
    created_at: datetime
    client_reference_id: str | None = None


class GetFilesResponse(ServiceObject):
    """One page of files.

    Attributes:
        files: Up to ``limit`` files, in the service's order.
        next_page_cursor: What the next call takes as ``cursor``; None on the last page.
    """

    files: list[File]
    next_page_cursor: str | None = None


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


class GetFilesPayload(Payload):
    """Parameters of a page of files.

    Attributes:
        limit: Files on the page, 1 to 1000.
        cursor: ``next_page_cursor`` of the page before; None for the first.
    """

    limit: int = 1000
    cursor: str | None = None

    def _check(self, check: FieldErrors) -> None:
        check.page(self.limit, self.cursor)


class UploadFilePayload(Payload):
    """Fields of an upload beside the file.

    Attributes:
        client_reference_id: Your own identifier, at most 256 characters; need not be unique.
    """

    client_reference_id: str | None = None

    def _check(self, check: FieldErrors) -> None:
        check.text("client_reference_id", self.client_reference_id, max_length=256)
