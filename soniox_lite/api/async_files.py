"""Uploaded files."""

from __future__ import annotations

from .._data.decoding import decode_response
from .._settings import settings_of
from ..errors import SonioxNotFoundError
from ..types.files import File, GetFilesCountResponse, GetFilesPayload, GetFilesResponse, UploadFilePayload
from ._arguments import path_segment
from ._async_paging import delete_listed, iterate_pages

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator
    from typing import BinaryIO

    from .._http.body import ProgressCallback
    from ..client import AsyncSonioxClient

__all__ = ["AsyncFilesAPI"]


class AsyncFilesAPI:
    """The ``files`` namespace of a client. Can be shared as the client can.

    Every method may raise :class:`SonioxValidationError` (invalid arguments; nothing was sent), a
    :class:`SonioxAPIError` (the service answered with an error), :class:`SonioxConnectionError` or
    :class:`SonioxTimeoutError` (no response).
    """

    def __init__(self, client: AsyncSonioxClient) -> None:
        self._client = client

    async def list(self, limit: int = 100, cursor: str | None = None) -> GetFilesResponse:
        """One page of files.

        Args:
            limit: Files on the page, 1 to 1000.
            cursor: ``next_page_cursor`` of the page before; None for the first.
        """
        params = GetFilesPayload(limit=limit, cursor=cursor).to_dict()
        return decode_response(GetFilesResponse, await self._client.request("GET", "/files", params=params))

    async def list_all(self, limit: int = 100) -> AsyncIterator[File]:
        """Iterates over all files. Pages are fetched as they are needed.

        Args:
            limit: Files on a page, 1 to 1000.
        """

        async def fetch(cursor: str | None) -> tuple[list[File], str | None]:
            page = await self.list(limit=limit, cursor=cursor)
            return page.files, page.next_page_cursor

        async for file in iterate_pages(fetch):
            yield file

    async def count(self) -> GetFilesCountResponse:
        """How many files the project holds."""
        return decode_response(GetFilesCountResponse, await self._client.request("GET", "/files/count"))

    async def get(self, file_id: str) -> File:
        """The description of a file, without its content.

        Args:
            file_id: Id of an uploaded file.

        Raises:
            SonioxNotFoundError: There is no such file in this project.
        """
        return decode_response(File, await self._client.request("GET", f"/files/{path_segment('file_id', file_id)}"))

    async def get_or_none(self, file_id: str) -> File | None:
        """As :meth:`get`; None if there is no such file.

        Args:
            file_id: Id of an uploaded file.
        """
        try:
            return await self.get(file_id)
        except SonioxNotFoundError:
            return None

    async def delete(self, file_id: str) -> None:
        """Deletes a file. A job that is still queued for it will fail.

        Args:
            file_id: Id of an uploaded file.

        Raises:
            SonioxNotFoundError: There is no such file in this project.
        """
        response = await self._client.request("DELETE", f"/files/{path_segment('file_id', file_id)}")
        response.raise_for_status()

    async def delete_if_exists(self, file_id: str) -> None:
        """As :meth:`delete`, but does nothing if the file does not exist.

        Args:
            file_id: Id of an uploaded file.
        """
        try:
            await self.delete(file_id)
        except SonioxNotFoundError:
            return

    async def delete_all(self, limit: int = 100) -> None:
        """Deletes all files of the project.

        Args:
            limit: Files on a page of the listing, 1 to 1000.

        Raises:
            SonioxConflictError: Some could not be deleted for several seconds; the message names them.
        """
        await delete_listed(
            "files",
            lambda: self.list_all(limit=limit),
            lambda file: file.id,
            lambda file: self.delete_if_exists(file.id),
            cancel=settings_of(self._client).cancel,
        )

    async def upload(
        self,
        file: BinaryIO | bytes | os.PathLike[str] | str,
        *,
        filename: str | None = None,
        client_reference_id: str | None = None,
        on_progress: ProgressCallback | None = None,
    ) -> File:
        """Uploads a file and returns its description. Memory use does not depend on the size of the file.

        Args:
            file: A path, bytes, or a binary stream, which is sent from its current position and not closed. A stream
                that cannot seek is sent without a length, and is not sent again after a failure.
            filename: The file's name at the service; None for the name of the path or stream, or ``upload.bin``.
            client_reference_id: Your own identifier, at most 256 characters.
            on_progress: Called with the file's bytes sent so far and their total (None if unknown) after each block; it
                starts again from the beginning if the upload is repeated. An exception in it ends the upload.
        """
        fields = UploadFilePayload(client_reference_id=client_reference_id).to_dict()
        response = await self._client.request(
            "POST", "/files", data=fields, files={"file": (filename, file)}, on_progress=on_progress
        )
        return decode_response(File, response)
