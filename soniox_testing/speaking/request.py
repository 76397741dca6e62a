"""The settings of text-to-speech in a REST request or a start message, and their rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..catalogue.tts_models import LANGUAGES, SPEED_MAX, SPEED_MIN
from ..wire.fields import Fields
from ..wire.realtime_errors import RealtimeError
from ..wire.rest_errors import in_words
from .synthesis import AUDIO_FORMATS, DEFAULT_SAMPLE_RATE, Sound

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..catalogue.tts_models import TtsModel
    from ..store.state import State

MAX_TEXT_BYTES = 5000
"""Of UTF-8, in a request or in all text messages of a stream."""
SPEECH_FIELDS = frozenset(
    {"model", "language", "voice", "audio_format", "sample_rate", "bitrate", "speed", "reduce_silence"}
    | {"return_timestamps", "client_reference_id"}
)
"""The fields that are read, without key, text and ``stream_id``."""

_MAX_NAME_LENGTH = 50
_NOT_CONFIG = frozenset({"api_key", "text", "stream_id"})


@dataclass(frozen=True)
class SpeechRequest:
    """The settings of one request or stream."""

    message: Mapping[str, object]
    """As sent, without key, text and ``stream_id``."""
    model: str
    sound: Sound
    return_timestamps: bool
    client_reference_id: str | None


def speech_request_of(values: dict[str, Any], where: str, state: State, api_key: str) -> SpeechRequest:
    """The settings in a request or a start message. Unknown fields are ignored; null means unset.

    Args:
        values: Its fields.
        where: Where the fields are, for error messages.
        state: Of the fake; hold its lock.
        api_key: The key whose project the voice must belong to.

    Raises:
        RealtimeError: A field is missing or invalid, or the model or voice cannot be used.
    """
    fields = Fields(values, where)
    model_id = fields.string("model", required=True, max_length=_MAX_NAME_LENGTH)
    model = None if model_id is None else state.voices.catalogue.find(model_id)
    if model_id is not None and model is None:
        what = f"There is no text-to-speech model {model_id!r}; see /v1/tts-models."
        raise RealtimeError("model_not_available", what)
    language = fields.string("language", required=True, max_length=_MAX_NAME_LENGTH)
    if language is not None and language not in LANGUAGES:
        fields.note("value_error", "language", f"{language!r} is not a language of {model_id}")
    voice = fields.string("voice", required=True, max_length=_MAX_NAME_LENGTH)
    sound = _sound(fields, voice or "")
    timestamps = fields.boolean("return_timestamps") or False
    reduced = fields.boolean("reduce_silence") or False
    reference = fields.string("client_reference_id", max_length=256)
    if model is not None:
        _check_features(fields, model, timestamps=timestamps, reduced=reduced)
    if fields.problems or model_id is None or voice is None:
        raise invalid(fields)
    refusal = state.voices.refusal(api_key, voice, model_id)
    if refusal is not None:
        raise RealtimeError(refusal[1], refusal[2], refusal[0])
    message = {name: value for name, value in values.items() if name not in _NOT_CONFIG}
    return SpeechRequest(message, model_id, sound, timestamps, reference)


def invalid(fields: Fields) -> RealtimeError:
    """The error for the mistakes that were noted in ``fields``."""
    return RealtimeError("invalid_request", in_words(fields.problems))


def _sound(fields: Fields, voice: str) -> Sound:
    name = fields.string("audio_format", required=True, max_length=_MAX_NAME_LENGTH)
    speed = fields.number("speed", least=SPEED_MIN, most=SPEED_MAX)
    known = AUDIO_FORMATS.get(name or "")
    rate = fields.integer("sample_rate", least=1, most=1_000_000)
    bitrate = fields.integer("bitrate", least=1, most=10_000_000)
    if name is not None and known is None:
        fields.note("value_error", "audio_format", f"{name!r} is none of {', '.join(AUDIO_FORMATS)}")
    if known is None:
        return Sound("", DEFAULT_SAMPLE_RATE, None, voice)
    if rate is not None and rate not in known.sample_rates:
        fields.note("value_error", "sample_rate", f"{name} takes {_listed(known.sample_rates)}, not {rate}")
    if bitrate is not None and known.bitrates and bitrate not in known.bitrates:
        fields.note("value_error", "bitrate", f"{name} takes {_listed(known.bitrates)}, not {bitrate}")
    default = DEFAULT_SAMPLE_RATE if DEFAULT_SAMPLE_RATE in known.sample_rates else known.sample_rates[0]
    return Sound(name or "", rate or default, bitrate, voice, 1.0 if speed is None else speed)


def _check_features(fields: Fields, model: TtsModel, *, timestamps: bool, reduced: bool) -> None:
    wanted = {
        "return_timestamps": timestamps and not model.supports_timestamps,
        "reduce_silence": reduced and not model.supports_silence_reduction,
        "speed": not fields.unset("speed") and not model.supports_speed_adjustment,
    }
    for name, missing in wanted.items():
        if missing:
            fields.note("value_error", name, f"the model {model.id} does not support it")


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))
