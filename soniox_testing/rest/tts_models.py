"""The models of text-to-speech and the voices that they share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..catalogue.tts_models import LANGUAGES, SPEED_MAX, SPEED_MIN
from ..wire.fields import Fields
from ..wire.rest_errors import ApiError
from .pages import page_of
from .router import Route, json_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from werkzeug.wrappers import Response

    from ..catalogue.tts_models import SharedVoice, TtsModel
    from .router import Call

_GENDERS = ("male", "female", "neutral")
_AGES = ("young", "middle_aged", "old")
_MAX_MODEL_LENGTH = 64
_MAX_TAG_LENGTH = 40
_MAX_TAGS = 10
_PAGE = 100
_MAX_PAGE = 200


def _models(call: Call) -> Response:
    with call.state.lock:
        catalogue = call.state.voices.catalogue
        return json_response(200, {"models": [_model_json(model, catalogue.voices) for model in catalogue.models]})


def _model_json(model: TtsModel, voices: Sequence[SharedVoice]) -> dict[str, object]:
    """A model as the API shows it."""
    return {
        "id": model.id,
        "aliased_model_id": model.aliased_model_id,
        "name": f"TTS {model.id.removeprefix('tts-rt-')}",
        "languages": [{"code": code, "name": name} for code, name in LANGUAGES.items()],
        "voices": [{"id": voice.id, "description": voice.description, "gender": voice.gender} for voice in voices],
        "supports_timestamps": model.supports_timestamps,
        "supports_voice_cloning": model.supports_voice_cloning,
        "voice_cloning_max_audio_duration_ms": model.voice_cloning_max_audio_duration_ms,
        "supports_speed_adjustment": model.supports_speed_adjustment,
        "speed_min": SPEED_MIN if model.supports_speed_adjustment else None,
        "speed_max": SPEED_MAX if model.supports_speed_adjustment else None,
        "supports_silence_reduction": model.supports_silence_reduction,
    }


def _shared_voices(call: Call) -> Response:
    query = call.request.args
    fields = Fields(query.to_dict(), "query")
    for name in ("use_case", "style"):
        if name in query:
            fields.values[name] = [tag for value in query.getlist(name) for tag in value.split(",") if tag]
    model = fields.string("model", required=True, max_length=_MAX_MODEL_LENGTH)
    gender = fields.choice("gender", _GENDERS) if "gender" in query else None
    age = fields.choice("age", _AGES) if "age" in query else None
    accent = fields.string("accent", max_length=_MAX_TAG_LENGTH)
    use_case, style = (
        set(fields.strings(name, max_items=_MAX_TAGS, max_length=_MAX_TAG_LENGTH) or ())
        for name in ("use_case", "style")
    )
    fields.check()
    with call.state.lock:
        catalogue = call.state.voices.catalogue
        if catalogue.find(model or "") is None:
            # The document has this type here, although the status is 404.
            raise ApiError(404, "invalid_request", f"TTS model {model!r} not found.")
        found = [
            voice
            for voice in catalogue.voices
            if gender in {None, voice.gender}
            and age in {None, voice.age}
            and accent in {None, voice.accent}
            and use_case.issubset(voice.use_case)
            and style.issubset(voice.style)
        ]
    voices, cursor = page_of(call.request, "shared_voices", found, default=_PAGE, most=_MAX_PAGE)
    return json_response(200, {"voices": [_voice_json(voice) for voice in voices], "next_page_cursor": cursor})


def _voice_json(voice: SharedVoice) -> dict[str, object]:
    """A shared voice as the API shows it."""
    return {
        "id": voice.id,
        "description": voice.description,
        "gender": voice.gender,
        "age": voice.age,
        "accent": voice.accent,
        "use_case": voice.use_case,
        "style": voice.style,
    }


_RATE = "model listing"

ROUTES = (
    Route("get_tts_models", "GET", "/v1/tts-models", _models, None, _RATE),
    Route("get_shared_voices", "GET", "/v1/shared-voices", _shared_voices, None, _RATE),
)
