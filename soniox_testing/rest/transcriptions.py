"""The transcriptions family: create, list, count, get, transcript, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from ..wire.bodies import MASK
from ..wire.rest_errors import ApiError
from .pages import page_of
from .router import Route, json_response, polled_response
from .transcription_request import new_job

if TYPE_CHECKING:
    from ..script.records import TranscriptionRecord
    from ..store.jobs import Job
    from .router import Call


def _list(call: Call) -> Response:
    with call.state.lock:
        jobs, cursor = page_of(call.request, "transcriptions", call.project.jobs.values())
        shown = [transcription_json(call.state.projects.look(job)) for job in jobs]
    return json_response(200, {"transcriptions": shown, "next_page_cursor": cursor})


def _count(call: Call) -> Response:
    with call.state.lock:
        total = len(call.project.jobs)
    return json_response(200, {"total": total, "public_api": total, "playground": 0})


def _create(call: Call) -> Response:
    return json_response(201, transcription_json(new_job(call)))


def _get(call: Call) -> Response:
    projects = call.state.projects
    with call.state.lock:
        job = _job(call)
        body = transcription_json(projects.look(job))
        return polled_response(body, moves_by_polls=projects.moves_by_polls(job))


def _delete(call: Call) -> Response:
    with call.state.lock:
        record = call.state.projects.advance(_job(call))
        if record.status == "processing":
            raise _wrong_state(
                "This transcription is currently being processed and cannot be deleted yet: wait for its end."
            )
        call.state.projects.delete_job(call.project, record.id)
    return Response(status=204)


def _transcript(call: Call) -> Response:
    with call.state.lock:
        job = _job(call)
        record = call.state.projects.advance(job)
        if record.status == "error":
            raise _wrong_state(f"The transcription {record.id} failed ({record.error_type}), so it has no transcript.")
        if record.status != "completed":
            raise _wrong_state(f"The transcript is not ready yet: the transcription is {record.status}.")
        tokens = job.transcript_tokens()
    text = "".join(str(token["text"]) for token in tokens)
    return json_response(200, {"id": record.id, "text": text, "tokens": tokens})


def _job(call: Call) -> Job:
    """The job that the path names. Jobs of other projects and malformed ids are not found."""
    job = call.project.jobs.get(call.ids["transcription_id"].lower())
    if job is None:
        message = f"No transcription with this ID exists in your project: {call.ids['transcription_id']!r}."
        raise ApiError(404, "transcription_not_found", message)
    return job


def _wrong_state(message: str) -> ApiError:
    return ApiError(409, "transcription_invalid_state", message)


def transcription_json(record: TranscriptionRecord) -> dict[str, object]:
    """A transcription as the API shows it."""
    return {
        "id": record.id,
        "status": record.status,
        "created_at": record.created_at,
        "model": record.model,
        "audio_url": record.audio_url,
        "file_id": record.file_id,
        "filename": record.filename,
        "language_hints": record.language_hints,
        "enable_speaker_diarization": record.enable_speaker_diarization,
        "enable_language_identification": record.enable_language_identification,
        "audio_duration_ms": record.audio_duration_ms,
        "error_type": record.error_type,
        "error_message": record.error_message,
        "webhook_url": record.webhook_url,
        "webhook_auth_header_name": record.webhook_auth_header_name,
        "webhook_auth_header_value": None if record.webhook_auth_header_value is None else MASK,
        "webhook_status_code": record.webhook_status_code,
        "client_reference_id": record.client_reference_id,
    }


_RATE = "async transcription"

ROUTES = (
    Route("get_transcriptions", "GET", "/v1/transcriptions", _list, "transcriptions", _RATE),
    Route("create_transcription", "POST", "/v1/transcriptions", _create, "transcriptions", _RATE),
    Route("get_transcriptions_count", "GET", "/v1/transcriptions/count", _count, "transcriptions", _RATE),
    Route("get_transcription", "GET", "/v1/transcriptions/{transcription_id}", _get, "transcriptions", _RATE),
    Route("delete_transcription", "DELETE", "/v1/transcriptions/{transcription_id}", _delete, "transcriptions", _RATE),
    Route(
        "get_transcription_transcript",
        "GET",
        "/v1/transcriptions/{transcription_id}/transcript",
        _transcript,
        "transcriptions",
        _RATE,
    ),
)
