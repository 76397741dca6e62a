"""The voices family: create, list, count, get, recompute, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from ..wire.fields import Fields
from ..wire.rest_errors import ApiError
from ..wire.uploaded_audio import audio_of_file
from .multipart import read_upload
from .pages import page_of
from .router import Route, json_response, polled_response

if TYPE_CHECKING:
    from ..script.records import VoiceRecord
    from ..store.voices import Voice
    from .router import Call

_MAX_BYTES = 10 * 1024 * 1024
_MAX_NAME_LENGTH = 128
_MAX_FILENAME_LENGTH = 255


def _list(call: Call) -> Response:
    with call.state.lock:
        voices, cursor = page_of(call.request, "voices", call.state.voices.of_project(call.api_key))
        shown = [voice_json(call.state.voices.look(voice)) for voice in voices]
    return json_response(200, {"voices": shown, "next_page_cursor": cursor})


def _count(call: Call) -> Response:
    with call.state.lock:
        return json_response(200, {"total": len(call.state.voices.of_project(call.api_key))})


def _create(call: Call) -> Response:
    upload = read_upload(call.request, _MAX_BYTES)
    about_file = Fields({"file": upload.filename}, "file")
    about_body = Fields({**upload.fields}, "body.payload", about_file.problems)
    if upload.content is None:
        about_file.unset("file", required=True)
        content, audio = b"", None
    else:
        with upload.content:
            audio = audio_of_file(upload.content, upload.size, upload.digest)
            upload.content.seek(0)
            content = upload.content.read()
    filename = about_file.string("file", max_length=_MAX_FILENAME_LENGTH)
    name = about_body.string("name", required=True, max_length=_MAX_NAME_LENGTH)
    if name == "":
        about_body.note("string_too_short", "name", "must not be empty")
    about_body.check()
    if filename is None or name is None or audio is None:  # cannot be after the check
        raise AssertionError
    voices = call.state.voices
    with call.state.lock:
        if any(voice.name == name for voice in voices.of_project(call.api_key)):
            raise ApiError(409, "voice_name_conflict", f"This project has a voice with the name {name!r} already.")
        refusal = call.state.quotas.reached("max_voices", call.api_key, voices.count)
        if refusal is not None:
            raise ApiError(429, "limit_exceeded", refusal)
        voice = voices.create(call.api_key, name, filename, content, audio)
        return json_response(201, voice_json(voices.record(voice)))


def _get(call: Call) -> Response:
    voices = call.state.voices
    with call.state.lock:
        record = voices.look(_voice(call))
        return polled_response(voice_json(record), moves_by_polls=voices.moves_by_polls(record))


def _delete(call: Call) -> Response:
    with call.state.lock:
        call.state.voices.delete(_voice(call))
    return Response(status=204)


def _recompute(call: Call) -> Response:
    fields = Fields.of_body(call.request)
    name = fields.string("model")
    voices = call.state.voices
    with call.state.lock:
        voice = _voice(call)
        model = None if name is None else voices.catalogue.find(name)
        if name is not None and (model is None or not model.supports_voice_cloning):
            fields.note("value_error", "model", f"there is no model {name!r} that clones voices")
        fields.check()
        voices.recompute(voice, model)
        return json_response(200, voice_json(voices.record(voice)))


def _voice(call: Call) -> Voice:
    """The voice that the path names. Voices of other projects and malformed ids are not found."""
    voice = call.state.voices.get(call.api_key, call.ids["voice_id"])
    if voice is None:
        raise ApiError(404, "voice_not_found", f"This project has no voice {call.ids['voice_id']!r}.")
    return voice


def voice_json(record: VoiceRecord) -> dict[str, object]:
    """A voice as the API shows it."""
    return {
        "id": record.id,
        "name": record.name,
        "filename": record.filename,
        "created_at": record.created_at,
        "models": [
            {
                "model": model.model,
                "status": model.status,
                "error_type": model.error_type,
                "error_message": model.error_message,
            }
            for model in record.models
        ],
    }


_RATE = "voices"

ROUTES = (
    Route("get_voices", "GET", "/v1/voices", _list, "voices", _RATE),
    Route("create_voice", "POST", "/v1/voices", _create, "voices", _RATE),
    Route("get_voices_count", "GET", "/v1/voices/count", _count, "voices", _RATE),
    Route("get_voice", "GET", "/v1/voices/{voice_id}", _get, "voices", _RATE),
    Route("delete_voice", "DELETE", "/v1/voices/{voice_id}", _delete, "voices", _RATE),
    Route("recompute_voice", "POST", "/v1/voices/{voice_id}/recompute", _recompute, "voices", _RATE),
)
