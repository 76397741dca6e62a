"""The files family: upload, list, count, get, delete."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from ..script.records import FileRecord
from ..store.projects import StoredFile
from ..wire.fields import Fields
from ..wire.rest_errors import ApiError
from ..wire.uploaded_audio import audio_of_file
from .multipart import Upload, read_upload
from .pages import page_of
from .router import Route, json_response

if TYPE_CHECKING:
    from .router import Call

_MAX_FILENAME_LENGTH = 255


def _list(call: Call) -> Response:
    with call.state.lock:
        files, cursor = page_of(call.request, "files", call.project.files.values())
        shown = [file_json(file.record) for file in files]
    return json_response(200, {"files": shown, "next_page_cursor": cursor})


def _count(call: Call) -> Response:
    with call.state.lock:
        total = len(call.project.files)
    return json_response(200, {"total": total, "public_api": total, "playground": 0})


def _upload(call: Call) -> Response:
    upload = read_upload(call.request, call.state.max_file_size_bytes)
    try:
        about_file = Fields({"file": upload.filename}, "file")
        filename = about_file.string("file", required=True, max_length=_MAX_FILENAME_LENGTH)
        about_body = Fields({**upload.fields}, "body.payload", about_file.problems)
        reference = about_body.string("client_reference_id", max_length=256)
        about_body.check()
        if filename is None or upload.content is None:  # cannot be after the check
            raise AssertionError
        audio = audio_of_file(upload.content, upload.size, upload.digest)
    except BaseException:
        if upload.content is not None:
            upload.content.close()
        raise
    with call.state.lock:
        _check_limits(call, upload)
        record = FileRecord(
            id=str(uuid.uuid4()),
            filename=filename,
            size=upload.size,
            created_at=call.state.clock.timestamp(),
            client_reference_id=reference,
            api_key=call.api_key,
            sha256=upload.digest.hex(),
        )
        now_sec = call.state.clock.now_sec()
        stored = StoredFile(next(call.state.projects.numbers), record, upload.content, audio, now_sec)
        call.state.projects.add_file(call.project, stored)
    return json_response(201, file_json(record))


def _check_limits(call: Call, upload: Upload) -> None:
    """Refuses an upload if a limit is reached; hold the lock."""

    def count(of: str | None) -> int:
        return len(call.state.projects.files(of))

    def size(of: str | None) -> int:
        return sum(file.record.size for file in call.state.projects.files(of))

    quotas = call.state.quotas
    refusal = quotas.reached("max_files", call.api_key, count)
    refusal = refusal or quotas.reached("max_storage_bytes", call.api_key, size, more=upload.size)
    if refusal is not None:
        if upload.content is not None:
            upload.content.close()
        raise ApiError(429, "limit_exceeded", refusal)


def _get(call: Call) -> Response:
    with call.state.lock:
        return json_response(200, file_json(_stored(call).record))


def _delete(call: Call) -> Response:
    with call.state.lock:
        call.state.projects.delete_file(call.project, _stored(call).record.id)
    return Response(status=204)


def _stored(call: Call) -> StoredFile:
    """The file that the path names. Files of other projects and malformed ids are not found."""
    stored = call.project.files.get(call.ids["file_id"].lower())
    if stored is None:
        raise ApiError(404, "file_not_found", f"No file with this ID exists in your project: {call.ids['file_id']!r}.")
    return stored


def file_json(record: FileRecord) -> dict[str, object]:
    """A file as the API shows it."""
    return {
        "id": record.id,
        "filename": record.filename,
        "size": record.size,
        "created_at": record.created_at,
        "client_reference_id": record.client_reference_id,
    }


_RATE = "file management"

ROUTES = (
    Route("get_files", "GET", "/v1/files", _list, "files", _RATE),
    Route("upload_file", "POST", "/v1/files", _upload, "files", _RATE),
    Route("get_files_count", "GET", "/v1/files/count", _count, "files", _RATE),
    Route("get_file", "GET", "/v1/files/{file_id}", _get, "files", _RATE),
    Route("delete_file", "DELETE", "/v1/files/{file_id}", _delete, "files", _RATE),
)
