"""The models family, and which names may be used where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from .router import Route, json_response

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from .router import Call

Mode = Literal["async", "real_time"]

_LANGUAGE_LIST = """
af=Afrikaans sq=Albanian ar=Arabic az=Azerbaijani eu=Basque be=Belarusian bn=Bengali bs=Bosnian bg=Bulgarian
ca=Catalan zh=Chinese hr=Croatian cs=Czech da=Danish nl=Dutch en=English et=Estonian fi=Finnish fr=French
gl=Galician de=German el=Greek gu=Gujarati he=Hebrew hi=Hindi hu=Hungarian id=Indonesian it=Italian
ja=Japanese kn=Kannada kk=Kazakh ko=Korean lv=Latvian lt=Lithuanian mk=Macedonian ms=Malay ml=Malayalam
mr=Marathi no=Norwegian fa=Persian pl=Polish pt=Portuguese pa=Punjabi ro=Romanian ru=Russian sr=Serbian
sk=Slovak sl=Slovenian es=Spanish sw=Swahili sv=Swedish tl=Tagalog ta=Tamil te=Telugu th=Thai tr=Turkish
uk=Ukrainian ur=Urdu vi=Vietnamese cy=Welsh
"""
LANGUAGES = {code: name for code, _, name in (entry.partition("=") for entry in _LANGUAGE_LIST.split())}
"""The 60 languages of speech-to-text: names by code."""

_VERSIONS = ("v5", "v4", "v3", "preview")
MODES: dict[str, Mode] = {
    **{f"stt-rt-{version}": "real_time" for version in _VERSIONS},
    **{f"stt-async-{version}": "async" for version in _VERSIONS},
}
"""Every model name in use: what it is for. All but v5 are aliases of it."""


def current_model(mode: Mode) -> str:
    """The name of the model that the aliases of a mode stand for."""
    return "stt-async-v5" if mode == "async" else "stt-rt-v5"


def _model_json(model_id: str, mode: Mode) -> dict[str, object]:
    """A model as the API shows it. What an alias can do is what its model can do."""
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


ROUTES = (Route("GET", "/v1/models", _list),)
