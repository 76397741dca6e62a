"""Types of the ``tts_models`` namespace."""

from __future__ import annotations

from dataclasses import field

from .._data.records import ServiceObject
from .models import SupportedLanguage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .aliases import TtsVoiceGender
else:
    # For typing.get_type_hints: values that these names do not list are allowed, too.
    TtsVoiceGender = str


class TtsVoice(ServiceObject):
    """A voice that comes with a model.

    Attributes:
        id: What requests take as ``voice``.
        description: Description in English, to show to people.
        gender: ``male``, ``female`` or ``neutral``.
    """

    id: str
    description: str
    gender: TtsVoiceGender


class TtsModel(ServiceObject):
    """A text-to-speech model.

    Attributes:
        id: What requests take as ``model``.
        aliased_model_id: The model that this name stands for; None when it stands for itself.
        name: Name to show to people.
        voices: Those that come with it.
        languages: The languages that it speaks.
        supports_timestamps: Whether it can send the time of each character (realtime).
        supports_voice_cloning: Whether it speaks with voices of your own.
        voice_cloning_max_audio_duration_ms: The longest clip that such a voice is made from; None when there are none.
        supports_speed_adjustment: Whether ``speed`` can be set.
        speed_min: The lowest ``speed``; None when it cannot be set.
        speed_max: The highest ``speed``; None when it cannot be set.
        supports_silence_reduction: Whether ``reduce_silence`` can be set.
    """

    id: str
    aliased_model_id: str | None = None
    name: str
    voices: list[TtsVoice]
    languages: list[SupportedLanguage] = field(default_factory=list[SupportedLanguage])
    supports_timestamps: bool = False
    supports_voice_cloning: bool = False
    voice_cloning_max_audio_duration_ms: int | None = None
    supports_speed_adjustment: bool = False
    speed_min: float | None = None
    speed_max: float | None = None
    supports_silence_reduction: bool = False


class GetTtsModelsResponse(ServiceObject):
    """All text-to-speech models.

    Attributes:
        models: In the service's order.
    """

    models: list[TtsModel]


# The official SDK has two spellings.
TTSVoice = TtsVoice
TTSModel = TtsModel
GetTTSModelsResponse = GetTtsModelsResponse
