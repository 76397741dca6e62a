"""The start message of a speech-to-text session: every rule it has to keep, and what it asks for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..catalogue.stt_models import MODES, current_model
from ..catalogue.tts_fields import check_language, context_of, translation_of
from ..hearing.audio_meter import CONTAINERS, AudioFormat, sample_bytes_of
from ..wire.fields import Fields
from ..wire.realtime_errors import RealtimeError

if TYPE_CHECKING:
    from collections.abc import Mapping

START_FIELDS = frozenset(
    {"model", "audio_format", "sample_rate", "num_channels", "client_reference_id", "context", "translation"}
    | {"language_hints", "language_hints_strict", "enable_language_identification", "enable_speaker_diarization"}
    | {"enable_endpoint_detection", "max_endpoint_delay_ms", "endpoint_sensitivity"}
    | {"endpoint_latency_adjustment_level", "enable_non_final_tokens", "max_non_final_tokens_duration_ms"}
)
"""The fields that mean something, but for the key."""

_WHERE = "start_message"
_MOST_CONTEXT_TOKENS = 8000
_CHARACTERS_PER_TOKEN = 4
_ANY_LANGUAGE = "*"


@dataclass(frozen=True)
class SttConfig:
    """What a start message asks for."""

    message: Mapping[str, object]
    """As sent, without the key."""
    audio_format: AudioFormat
    language_hints: tuple[str, ...]
    """Empty when there are none."""
    enable_speaker_diarization: bool
    enable_language_identification: bool
    enable_endpoint_detection: bool
    max_endpoint_delay_ms: int
    enable_non_final_tokens: bool
    max_non_final_tokens_duration_ms: int
    translation: Mapping[str, str] | None
    """Without the languages of the sources; None when no translation was asked for."""
    source_languages: frozenset[str] | None
    """The only languages that are translated; None: all."""
    exclude_source_languages: frozenset[str]
    """Languages that are not translated."""
    client_reference_id: str | None


def config_of(values: dict[str, Any]) -> SttConfig:
    """What a start message asks for. Fields that mean nothing here are ignored, and null means unset.

    Raises:
        RealtimeError: It breaks a rule.
    """
    fields = Fields(values, _WHERE)
    _check_model(fields)
    audio_format = _audio_format(fields)
    hints = _languages(fields, "language_hints")
    fields.boolean("language_hints_strict")
    delay_ms = fields.number("max_endpoint_delay_ms", least=500, most=3000)
    fields.number("endpoint_sensitivity", least=-1, most=1)
    fields.integer("endpoint_latency_adjustment_level", least=0, most=3)
    _check_context(fields)
    translation, sources, excluded = _translation(fields)
    non_finals = fields.boolean("enable_non_final_tokens")
    # The bounds of an older generation of the service; today's are not published.
    draft_ms = fields.integer("max_non_final_tokens_duration_ms", least=360, most=6000)
    config = SttConfig(
        message={name: value for name, value in values.items() if name != "api_key"},
        audio_format=audio_format,
        language_hints=tuple(hints or ()),
        enable_speaker_diarization=fields.boolean("enable_speaker_diarization") or False,
        enable_language_identification=fields.boolean("enable_language_identification") or False,
        enable_endpoint_detection=fields.boolean("enable_endpoint_detection") or False,
        max_endpoint_delay_ms=2000 if delay_ms is None else int(delay_ms),
        enable_non_final_tokens=non_finals is not False,
        max_non_final_tokens_duration_ms=4000 if draft_ms is None else draft_ms,
        translation=translation,
        source_languages=sources,
        exclude_source_languages=excluded,
        client_reference_id=fields.string("client_reference_id", max_length=256),
    )
    if fields.problems:
        listed = "; ".join(f"{problem.location}: {problem.message}" for problem in fields.problems)
        raise RealtimeError("invalid_request", f"The start message is not valid. {listed}")
    return config


def _check_model(fields: Fields) -> None:
    model = fields.string("model", required=True)
    if model is None:
        return
    mode = MODES.get(model)
    if mode is None:
        message = f"There is no model {model!r}; use {current_model('real_time')}."
        raise RealtimeError("model_not_available", message)
    if mode != "real_time":
        fields.note("value_error", "model", f"{model} is not a real-time model; here use {current_model('real_time')}")


def _audio_format(fields: Fields) -> AudioFormat:
    name = fields.string("audio_format", required=True)
    if name is None:
        return AudioFormat("", None, None, None)
    sample_bytes = sample_bytes_of(name)
    if sample_bytes is None:
        if name != "auto" and name not in CONTAINERS:
            fields.note("value_error", "audio_format", f"{name!r} is not a known audio format")
        return AudioFormat(name, None, None, None)
    rate = fields.integer("sample_rate", required=True, least=2000, most=96_000)
    channels = fields.integer("num_channels", required=True, least=1, most=8)
    return AudioFormat(name, sample_bytes, rate, channels)


def _languages(fields: Fields, name: str, *, wildcard: bool = False) -> list[str] | None:
    """A list of languages without duplicates."""
    listed = fields.strings(name, max_items=100, max_length=10)
    for index, language in enumerate(listed or ()):
        if not (wildcard and language == _ANY_LANGUAGE):
            check_language(fields, f"{name}.{index}", language)
    if listed and len(set(listed)) < len(listed):
        fields.note("value_error", name, "a language is listed more than once")
    return listed


def _translation(fields: Fields) -> tuple[dict[str, str] | None, frozenset[str] | None, frozenset[str]]:
    """The settings, the only source languages, and the excluded ones."""
    settings = translation_of(fields)
    if settings is None or (inner := fields.nested("translation")) is None:
        return None, None, frozenset()
    sources = _languages(inner, "source_languages", wildcard=True)
    if sources == []:
        inner.note("value_error", "source_languages", "must not be empty")
    excluded = frozenset(_languages(inner, "exclude_source_languages") or ())
    anything = sources is None or _ANY_LANGUAGE in sources
    return settings, None if anything else frozenset(sources or ()), excluded


def _check_context(fields: Fields) -> None:
    context = context_of(fields)
    if context is None:
        return
    text = context if isinstance(context, str) else json.dumps(context, ensure_ascii=False)
    tokens = -(-len(text) // _CHARACTERS_PER_TOKEN)
    if tokens > _MOST_CONTEXT_TOKENS:
        fields.note("value_error", "context", f"at most {_MOST_CONTEXT_TOKENS} tokens, not about {tokens}")
