"""The models of text-to-speech: names, languages, voices and features."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from .stt_models import LANGUAGES as STT_LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Iterable

LANGUAGES = {**STT_LANGUAGES, "is": "Icelandic", "su": "Sundanese", "uz": "Uzbek"}
"""The 63 languages of text-to-speech: names by code."""

SPEED_MIN = 0.7
SPEED_MAX = 1.3
_CLONING_MAX_MS = 20_000
_NAME = re.compile(r"[^\W\d_]([\w '.-]*[\w'.-])?")

_GONE = frozenset({"Claire", "Elise", "Jack", "Maya", "Meera", "Noah", "Sofia"})
"""Voices of tts-rt-v1, which tts-rt-v2 refuses."""


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


# The names are those that the service had for tts-rt-v2 in August 2026; the properties are invented, except Victoria's.
_SHARED = """
Daniel male middle_aged american narration,conversational warm,calm
Nina female young american conversational warm,bright
Bryce male young american educational energetic,neutral
Kayla female middle_aged american advertising warm,formal
Nora female middle_aged american advertising,narration confident,neutral
Emerson male middle_aged american customer_support,narration confident,neutral
Miles male young american social_media,conversational calm,energetic
Imogen female middle_aged british educational warm,formal
Alistair male middle_aged british advertising,customer_support formal,confident
Bennett male middle_aged american narration,educational calm,warm
Harlan male young american narration,educational formal,energetic
Emma female young american customer_support,conversational warm,calm
Adrian male middle_aged american narration,educational calm,confident
Grace female old american narration warm,smooth
Owen male middle_aged british narration,educational formal,smooth
Mina female young american conversational bright,energetic
Kenji male middle_aged american educational,conversational calm,neutral
Rafael male middle_aged american advertising,narration warm,confident
Mateo male young american conversational,customer_support warm,bright
Lucia female young american advertising,conversational bright,confident
Oliver male young british conversational,educational bright,neutral
Arthur male old british narration formal,calm
Isla female young british conversational,social_media energetic,bright
Victoria female middle_aged british educational,narration,conversational formal,bright,confident,neutral,calm
Cooper male young australian conversational,advertising energetic,warm
Mason male middle_aged american advertising,narration confident,smooth
Ruby female young australian social_media,conversational bright,energetic
Arjun male middle_aged indian educational,customer_support calm,neutral
Rohan male young indian conversational energetic,warm
Priya female young indian customer_support,conversational warm,bright
Trevor male middle_aged american customer_support,advertising formal,smooth
Evan male middle_aged american advertising,narration neutral,energetic
Nathan male young american advertising,narration neutral,smooth
Karan male middle_aged indian social_media confident,neutral
Wesley male middle_aged american educational,conversational calm,confident
Curtis male middle_aged american conversational,educational calm,confident
Preston male young american educational formal,energetic
Walter male middle_aged american conversational warm,confident
Russell male middle_aged american advertising,educational confident,warm
Tunde male middle_aged american conversational calm,smooth
Nigel male middle_aged british narration formal,bright
Shane male middle_aged australian narration,conversational neutral,bright
Silas male middle_aged american customer_support formal,confident
Reid male middle_aged american social_media,advertising calm,smooth
Emilio male middle_aged american customer_support,narration smooth,confident
Dominic male middle_aged american advertising,educational warm,formal
Elliot male middle_aged british conversational,customer_support bright,warm
Hugo male middle_aged british customer_support,educational neutral,smooth
Sebastian male middle_aged american social_media,customer_support warm,smooth
Haruto male young american educational smooth,neutral
Freddie male middle_aged british advertising,social_media neutral,calm
Logan male middle_aged american educational neutral,formal
Poppy female middle_aged british educational,customer_support calm,formal
Harper female young american educational confident,neutral
Cordelia female middle_aged british educational bright,neutral
Reese female middle_aged american conversational neutral,bright
Hazel female middle_aged american customer_support bright,warm
Juliet female middle_aged british advertising energetic,bright
Piper female young american conversational confident,bright
Reyna female middle_aged american educational neutral,formal
Sloane female middle_aged australian advertising neutral,smooth
Iris female young american educational,advertising smooth,confident
Freya female middle_aged british educational,customer_support formal,warm
Brooke female middle_aged american narration warm,confident
Bonnie female middle_aged american advertising,narration warm,neutral
Arabella female middle_aged british advertising,educational confident,formal
Colleen female young irish conversational,narration warm,energetic
Margo female middle_aged american customer_support warm,energetic
Bianca female middle_aged american narration smooth,calm
Sari female middle_aged american advertising formal,warm
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
    """The models of one fake, and their shared voices. Callers hold the lock of the state.

    Args:
        voices: The names of all shared voices; None: those that are known, and others are accepted as well.

    Raises:
        ValueError: A name cannot be that of a voice.
    """

    def __init__(self, voices: Iterable[str] | None = None) -> None:
        self.models: list[TtsModel] = [
            TtsModel("tts-rt-v2"),
            TtsModel("tts-rt-v1", "tts-rt-v2"),
            TtsModel("tts-rt-v1-preview", "tts-rt-v2"),
        ]
        """With the aliases, which have the features of their models."""
        self._is_exact = voices is not None
        self.voices: tuple[SharedVoice, ...] = SHARED_VOICES if voices is None else _listed(voices)

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

    def knows(self, voice: str) -> bool:
        """Whether a shared voice of this name is listed."""
        return any(shared.id == voice for shared in self.voices)

    def takes(self, voice: str, model: TtsModel) -> bool:
        """Whether a name may be that of a shared voice of a model: the service has more voices than are known here."""
        if self.knows(voice):
            return True
        # Whether case matters or not: a voice that is gone has no other spelling that works.
        is_gone = model.id == "tts-rt-v2" and voice.capitalize() in _GONE
        return not self._is_exact and not is_gone and _NAME.fullmatch(voice) is not None


def _listed(names: Iterable[str]) -> tuple[SharedVoice, ...]:
    """Shared voices of these names; those that are not known have the properties of others."""
    known = {voice.id: voice for voice in SHARED_VOICES}
    listed: list[SharedVoice] = []
    for number, name in enumerate(names, 1):
        if not _NAME.fullmatch(name):
            raise ValueError(f"a voice cannot be called {name!r}")
        like = known.get(name, SHARED_VOICES[number % len(SHARED_VOICES)])
        listed.append(replace(like, number=number, id=name))
    return tuple(listed)


SHARED_VOICES = tuple(_shared_voice(number, line) for number, line in enumerate(_SHARED.strip().splitlines(), 1))
