"""The models of text-to-speech: names, languages, voices and features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .stt_models import LANGUAGES as STT_LANGUAGES

LANGUAGES = {**STT_LANGUAGES, "is": "Icelandic", "su": "Sundanese"}
"""The 62 languages of text-to-speech: names by code."""

SPEED_MIN = 0.7
SPEED_MAX = 1.3
_CLONING_MAX_MS = 20_000


@dataclass(frozen=True)
class TtsModel:
    """A model of text-to-speech. Field names are those of the API."""

    id: str
    aliased_model_id: str | None = None
    """The model that an alias stands for."""
    supports_timestamps: bool = True
    supports_voice_cloning: bool = True
    supports_speed_adjustment: bool = True
    """Whether it takes ``speed``, from ``SPEED_MIN`` to ``SPEED_MAX``."""
    supports_silence_reduction: bool = True
    """Whether it takes ``reduce_silence``."""

    @property
    def voice_cloning_max_audio_duration_ms(self) -> int | None:
        """Longest clip for voice cloning; None: the model does not clone."""
        return _CLONING_MAX_MS if self.supports_voice_cloning else None


@dataclass(frozen=True)
class SharedVoice:
    """A voice of every model."""

    number: int
    """Position in the list."""
    id: str
    gender: Literal["female", "male"]
    age: Literal["young", "middle_aged", "old"]
    accent: str
    use_case: tuple[str, ...]
    style: tuple[str, ...]

    @property
    def description(self) -> str:
        """A sentence for people."""
        age = self.age.replace("_", "-")
        return f"A {', '.join(self.style)} {self.gender} voice, {age}, with the accent {self.accent}."


# The names are those of the service; the properties are invented, except those of Maya and Victoria.
_SHARED = """
Maya female middle_aged british conversational smooth,confident,neutral
Daniel male middle_aged american narration,conversational warm,calm
Noah male young american conversational,social_media energetic,bright
Nina female young american conversational warm,bright
Emma female young american customer_support,conversational warm,calm
Jack male young american advertising,social_media energetic,confident
Adrian male middle_aged american narration,educational calm,confident
Claire female middle_aged american customer_support,educational formal,calm
Grace female old american narration warm,smooth
Owen male middle_aged british narration,educational formal,smooth
Mina female young american conversational bright,energetic
Kenji male middle_aged american educational,conversational calm,neutral
Rafael male middle_aged american advertising,narration warm,confident
Mateo male young american conversational,customer_support warm,bright
Lucia female young american advertising,conversational bright,confident
Sofia female middle_aged american customer_support,narration smooth,calm
Oliver male young british conversational,educational bright,neutral
Arthur male old british narration formal,calm
Isla female young british conversational,social_media energetic,bright
Victoria female middle_aged british educational,narration,conversational formal,bright,confident,neutral,calm
Cooper male young australian conversational,advertising energetic,warm
Mason male middle_aged american advertising,narration confident,smooth
Ruby female young australian social_media,conversational bright,energetic
Elise female middle_aged british customer_support,educational calm,formal
Arjun male middle_aged indian educational,customer_support calm,neutral
Rohan male young indian conversational energetic,warm
Priya female young indian customer_support,conversational warm,bright
Meera female middle_aged indian narration,educational smooth,calm
"""


def _shared_voice(number: int, line: str) -> SharedVoice:
    name, gender, age, accent, use_case, style = line.split()
    ages: dict[str, Literal["young", "middle_aged", "old"]] = {"young": "young", "old": "old"}
    return SharedVoice(
        number=number,
        id=name,
        gender="female" if gender == "female" else "male",
        age=ages.get(age, "middle_aged"),
        accent=accent,
        use_case=tuple(use_case.split(",")),
        style=tuple(style.split(",")),
    )


class TtsCatalogue:
    """The models of one fake. Callers hold the lock of the state."""

    def __init__(self) -> None:
        self.models: list[TtsModel] = [
            TtsModel("tts-rt-v2"),
            TtsModel("tts-rt-v1", supports_silence_reduction=False),
            TtsModel("tts-rt-v1-preview", "tts-rt-v1", supports_silence_reduction=False),
        ]
        """With the aliases, which have the features of their models."""
        self.voices = SHARED_VOICES

    def add(self, model: TtsModel) -> None:
        """Adds a model.

        Raises:
            ValueError: A model of this name exists.
        """
        if any(known.id == model.id for known in self.models):
            raise ValueError(f"there is a model {model.id!r} already")
        self.models.append(model)

    def find(self, model_id: str) -> TtsModel | None:
        """The model of a name or an alias, never the alias itself; None when there is none."""
        found = next((model for model in self.models if model.id == model_id), None)
        return found if found is None or found.aliased_model_id is None else self.find(found.aliased_model_id)


SHARED_VOICES = tuple(_shared_voice(number, line) for number, line in enumerate(_SHARED.strip().splitlines(), 1))
