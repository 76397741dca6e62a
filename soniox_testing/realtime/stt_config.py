"""The start message of a speech-to-text session: its rules, and the configuration."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..catalogue.stt_models import MODES, current_model
from ..hearing.audio_meter import CONTAINERS, AudioFormat
from ..hearing.stt_options import ANY_LANGUAGE, SttOptions, languages, read_options
from ..wire.fields import Fields
from ..wire.raw_formats import sample_bytes_of
from ..wire.realtime_errors import RealtimeError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

START_FIELDS = frozenset(
    {*SttOptions.__annotations__, "model", "audio_format", "sample_rate", "num_channels"}
    | {"enable_endpoint_detection", "max_endpoint_delay_ms", "endpoint_sensitivity"}
    | {"endpoint_latency_adjustment_level", "enable_non_final_tokens", "max_non_final_tokens_duration_ms"}
)
"""The fields that are read, without the key."""

_WHERE = "start_message"
_MAX_CONTEXT_TOKENS = 8000
_CHARACTERS_PER_TOKEN = 4
"""Of alphabets; a letter of Chinese, Japanese or Korean is a token."""


@dataclass(frozen=True)
class SttConfig(SttOptions):
    """The configuration of a session."""

    message: Mapping[str, object]
    """As sent, without the key."""
    audio_format: AudioFormat
    enable_endpoint_detection: bool
    max_endpoint_delay_ms: int
    enable_non_final_tokens: bool
    max_non_final_tokens_duration_ms: int
    source_languages: frozenset[str] | None
    """The only languages that are translated; None: all."""
    exclude_source_languages: frozenset[str]
    """Languages that are not translated."""


def config_of(values: dict[str, Any]) -> SttConfig:
    """The configuration in a start message. Unknown fields are ignored; null means unset.

    Raises:
        RealtimeError: A field is missing or invalid.
    """
    fields = Fields(values, _WHERE)
    _check_model(fields)
    audio_format = _audio_format(fields)
    options = read_options(fields)
    _check_unique(fields, "language_hints", options.language_hints)
    _check_context(fields, options.context)
    sources, excluded = _source_languages(fields)
    delay_ms = fields.number("max_endpoint_delay_ms", least=500, most=3000)
    fields.number("endpoint_sensitivity", least=-1, most=1)
    fields.integer("endpoint_latency_adjustment_level", least=0, most=3)
    # The bounds of an older generation of the service; today's are not published.
    draft_ms = fields.integer("max_non_final_tokens_duration_ms", least=360, most=6000)
    config = SttConfig(
        **vars(options),
        message={name: value for name, value in values.items() if name != "api_key"},
        audio_format=audio_format,
        enable_endpoint_detection=fields.boolean("enable_endpoint_detection") or False,
        max_endpoint_delay_ms=2000 if delay_ms is None else int(delay_ms),
        enable_non_final_tokens=fields.boolean("enable_non_final_tokens") is not False,
        max_non_final_tokens_duration_ms=4000 if draft_ms is None else draft_ms,
        source_languages=sources,
        exclude_source_languages=excluded,
    )
    if fields.problems:
        listed = "; ".join(f"{problem.location}: {problem.message}" for problem in fields.problems)
        raise RealtimeError("invalid_request", f"Start request is malformed. {listed}")
    return config


def _check_model(fields: Fields) -> None:
    model = fields.string("model", required=True)
    if model is None:
        return
    mode = MODES.get(model)
    if mode is None:
        message = f"Invalid model specified: there is no {model!r}; use {current_model('real_time')}."
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
            fields.note("value_error", "audio_format", f"Invalid audio data format: {name}")
        return AudioFormat(name, None, None, None)
    rate = fields.integer("sample_rate", required=True, least=2000, most=96_000)
    channels = fields.integer("num_channels", required=True, least=1, most=8)
    return AudioFormat(name, sample_bytes, rate, channels)


def _check_unique(fields: Fields, name: str, listed: Collection[str] | None) -> None:
    if listed and len(set(listed)) < len(listed):
        fields.note("value_error", name, f"{name} must be unique")


def _source_languages(fields: Fields) -> tuple[frozenset[str] | None, frozenset[str]]:
    """The only languages to translate (None: all), and those not to translate."""
    if not isinstance(fields.values.get("translation"), dict) or (inner := fields.nested("translation")) is None:
        return None, frozenset()
    sources = languages(inner, "source_languages", any_language=True)
    if sources == []:
        inner.note("value_error", "source_languages", "must not be empty")
    excluded = languages(inner, "exclude_source_languages")
    _check_unique(inner, "source_languages", sources)
    _check_unique(inner, "exclude_source_languages", excluded)
    anything = sources is None or ANY_LANGUAGE in sources
    return None if anything else frozenset(sources or ()), frozenset(excluded or ())


def _check_context(fields: Fields, context: object) -> None:
    if context is None:
        return
    text = context if isinstance(context, str) else json.dumps(context, ensure_ascii=False)
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    tokens = wide - (wide - len(text)) // _CHARACTERS_PER_TOKEN
    if tokens > _MAX_CONTEXT_TOKENS:
        fields.note(
            "value_error", "context", f"Context is too long: at most {_MAX_CONTEXT_TOKENS} tokens, not about {tokens}"
        )
