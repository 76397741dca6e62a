"""Types of the ``models`` namespace."""

from __future__ import annotations

from dataclasses import field

from .._data.records import ServiceObject

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .aliases import TranscriptionMode
else:
    # For typing.get_type_hints: values that these names do not list are allowed, too.
    TranscriptionMode = str


class SupportedLanguage(ServiceObject):
    """A language that a model knows.

    Attributes:
        code: Such as ``en``.
        name: In English.
    """

    code: str
    name: str


Language = SupportedLanguage


class TranslationTarget(ServiceObject):
    """A language that a model translates into.

    Attributes:
        target_language: Its code.
        source_languages: Codes that it is translated from; ``["*"]`` for all.
        exclude_source_languages: Codes that it is not translated from.
    """

    target_language: str
    source_languages: list[str]
    exclude_source_languages: list[str]


class Model(ServiceObject):
    """A speech-to-text model.

    Attributes:
        id: What requests take as ``model``.
        aliased_model_id: The model that this name stands for; None when it stands for itself.
        name: Name to show to people.
        context_version: Version of the context that it takes; None for none.
        transcription_mode: ``real_time`` or ``async``.
        languages: The languages that it transcribes.
        supports_language_hints_strict: Whether hints can be made strict.
        supports_max_endpoint_delay: Whether the delay of endpoints can be bounded (realtime).
        supports_endpoint_sensitivity: Whether the sensitivity of endpoints can be set (realtime).
        supports_endpoint_latency_adjustment: Whether endpoint latency can be adjusted (realtime).
        endpoint_latency_adjustment_max_level: Highest level of that; 0 where it is unsupported.
        translation_targets: One-way translations; when empty see ``one_way_translation``.
        two_way_translation_pairs: Pairs such as ``en:es``; when empty see ``two_way_translation``.
        one_way_translation: ``all_languages`` when any of ``languages`` is a target; None otherwise.
        two_way_translation: ``all_languages`` when any pair of ``languages`` works; None otherwise.
    """

    id: str
    aliased_model_id: str | None = None
    name: str
    context_version: int | None = None
    transcription_mode: TranscriptionMode
    languages: list[SupportedLanguage]
    supports_language_hints_strict: bool
    supports_max_endpoint_delay: bool = False
    supports_endpoint_sensitivity: bool = False
    supports_endpoint_latency_adjustment: bool = False
    endpoint_latency_adjustment_max_level: int = 0
    translation_targets: list[TranslationTarget] = field(default_factory=list[TranslationTarget])
    two_way_translation_pairs: list[str] = field(default_factory=list[str])
    one_way_translation: str | None = None
    two_way_translation: str | None = None


class GetModelsResponse(ServiceObject):
    """All speech-to-text models.

    Attributes:
        models: Realtime and async ones.
    """

    models: list[Model]
