"""The models family."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..catalogue.stt_models import LANGUAGES, MODES, current_model
from .router import Route, json_response

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from ..catalogue.stt_models import Mode
    from .router import Call


def _model_json(model_id: str, mode: Mode) -> dict[str, object]:
    """A model as the API shows it. An alias has the features of its model."""
    current = current_model(mode)
    real_time = mode == "real_time"
    version = model_id.rpartition("-")[2]
    return {
        "id": model_id,
        "aliased_model_id": None if model_id == current else current,
        "name": f"Speech-to-Text {'Real-time' if real_time else 'Async'} {version}",
        "context_version": 2,
        "transcription_mode": mode,
        "languages": [{"code": code, "name": name} for code, name in LANGUAGES.items()],
        "supports_language_hints_strict": True,
        "supports_max_endpoint_delay": real_time,
        "supports_endpoint_sensitivity": real_time,
        "supports_endpoint_latency_adjustment": real_time,
        "endpoint_latency_adjustment_max_level": 3 if real_time else 0,
        "translation_targets": [],
        "two_way_translation_pairs": [],
        "one_way_translation": "all_languages",
        "two_way_translation": "all_languages",
    }


def _list(call: Call) -> Response:  # noqa: ARG001 - every route's signature
    return json_response(200, {"models": [_model_json(model_id, mode) for model_id, mode in MODES.items()]})


ROUTES = (Route("get_models", "GET", "/v1/models", _list),)
