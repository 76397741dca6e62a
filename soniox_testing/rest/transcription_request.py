"""The body of a request to transcribe: its rules, and the new job."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..catalogue.stt_models import MODES, current_model
from ..hearing.stt_options import read_options
from ..script.limits import BUDGET_MESSAGES
from ..script.records import TranscriptionRecord
from ..store.downloads import is_fetched
from ..store.jobs import Job
from ..wire.fields import Fields
from ..wire.rest_errors import ApiError
from ..wire.uploaded_audio import Audio, audio_of_url

if TYPE_CHECKING:
    from ..store.projects import StoredFile
    from .router import Call


def new_job(call: Call) -> TranscriptionRecord:
    """Creates and stores the job of a create request.

    Returns:
        Its record, still queued.

    Raises:
        ApiError: A field is missing or invalid, or a limit is reached.
    """
    fields = Fields.of_body(call.request)
    model = _model(fields)
    audio_url = fields.url("audio_url", max_length=4096)
    file_id = fields.identifier("file_id")
    _check_one_source(fields)
    options = read_options(fields)
    webhook_url = fields.url("webhook_url", max_length=256)
    webhook_name = fields.string("webhook_auth_header_name", max_length=256)
    webhook_value = fields.string("webhook_auth_header_value", max_length=256)
    state = call.state
    with state.lock:
        stored = call.project.files.get(file_id) if file_id else None
        if file_id and stored is None:
            fields.note("value_error", "file_id", f"this project has no file {file_id}")
        fields.check()
        _check_limits(call)
        filename, audio, references = _source(stored, audio_url or "")
        record = TranscriptionRecord(
            id=str(uuid.uuid4()),
            status="queued",
            created_at=state.clock.timestamp(),
            model=model or "",
            audio_url=audio_url,
            file_id=file_id,
            filename=filename,
            **vars(options),
            audio_duration_ms=0,
            error_type=None,
            error_message=None,
            webhook_url=webhook_url,
            webhook_auth_header_name=webhook_name,
            webhook_auth_header_value=webhook_value,
            webhook_status_code=None,
            api_key=call.api_key,
        )
        content_sha256 = stored.record.sha256 if stored is not None else None
        outcome = state.script.take(filename, [options.client_reference_id, *references], content_sha256)
        job = Job(next(state.projects.numbers), record, audio, state.clock.now_sec(), outcome)
        state.projects.add_job(call.project, job)
        if outcome is None:
            _find_words(call, job, stored, fields.values)
    return record


def _source(stored: StoredFile | None, audio_url: str) -> tuple[str, Audio, list[str | None]]:
    """The name and the audio of a file, or else of a URL, and the references that scripts may have for it."""
    if stored is None:
        return _name_in_url(audio_url), audio_of_url(audio_url), []
    return stored.record.filename, stored.audio, [stored.record.client_reference_id]


def _find_words(call: Call, job: Job, stored: StoredFile | None, body: dict[str, Any]) -> None:
    """Where the words of a job come from that has no script; hold the lock."""
    state, url = call.state, job.record.audio_url
    if stored is None and url is not None:
        if is_fetched(url) or url in state.script.downloads:
            state.transcriber.add(job, url, body)
    elif stored is not None and state.transcriber.is_wanted:
        state.transcriber.add(job, stored, body)
    else:
        job.outcome = state.audio_refusal(job.audio, job.record.filename)


def _check_limits(call: Call) -> None:
    """Refuses a job if a budget is exhausted or a limit is reached; hold the lock."""
    projects, quotas = call.state.projects, call.state.quotas
    projects.settle_accounts()
    budget = quotas.exhausted(call.api_key)
    if budget is not None:
        raise ApiError(402, budget, BUDGET_MESSAGES[budget])

    def count(of: str | None) -> int:
        return len(projects.jobs(of))

    def pending(of: str | None) -> int:
        return sum(projects.advance(job).status in {"queued", "processing"} for job in projects.jobs(of))

    refusal = quotas.reached("max_transcriptions", call.api_key, count)
    refusal = refusal or quotas.reached("max_pending_transcriptions", call.api_key, pending)
    if refusal is not None:
        raise ApiError(429, "limit_exceeded", refusal)


def _model(fields: Fields) -> str | None:
    model = fields.string("model", required=True, max_length=32)
    if model is None:
        return None
    mode = MODES.get(model)
    if mode is None:
        fields.note("value_error", "model", f"Invalid model: there is no {model!r}; use {current_model('async')}")
    elif mode != "async":
        fields.note(
            "value_error", "model", f"Invalid model: {model} is for real time; here use {current_model('async')}"
        )
    return model


def _check_one_source(fields: Fields) -> None:
    given = [name for name in ("audio_url", "file_id") if fields.values.get(name) is not None]
    if not given:
        fields.note("value_error", "", "one of audio_url and file_id is needed")
    elif len(given) > 1:
        fields.note("value_error", "", "audio_url and file_id exclude each other")


def _name_in_url(url: str) -> str:
    """The last part of a URL's path, or its host when the path is empty."""
    try:
        parts = urlsplit(url)
    except ValueError:  # such as http://[x, which matches the API's own pattern
        return url
    return parts.path.rstrip("/").rpartition("/")[2] or parts.netloc
