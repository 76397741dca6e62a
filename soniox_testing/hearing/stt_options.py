"""The options of speech-to-text that jobs and sessions share, read once for both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..catalogue.stt_models import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..wire.fields import Fields

ANY_LANGUAGE = "*"


@dataclass(frozen=True)
class SttOptions:
    """The shared options. The names are those of the API, and of ``TranscriptionRecord``."""

    language_hints: tuple[str, ...] | None
    """None when unset."""
    language_hints_strict: bool
    enable_speaker_diarization: bool
    enable_language_identification: bool
    translation: Mapping[str, str] | None
    """The settings without their nulls, and without the source languages of sessions; None when unset."""
    context: str | Mapping[str, Any] | None
    """As sent; None when unset."""
    client_reference_id: str | None


def read_options(fields: Fields) -> SttOptions:
    """Reads the shared options of a request or a start message. Mistakes are noted in ``fields``."""
    hints = languages(fields, "language_hints")
    return SttOptions(
        language_hints=None if hints is None else tuple(hints),
        language_hints_strict=fields.boolean("language_hints_strict") or False,
        enable_speaker_diarization=fields.boolean("enable_speaker_diarization") or False,
        enable_language_identification=fields.boolean("enable_language_identification") or False,
        translation=_translation(fields),
        context=_context(fields),
        client_reference_id=fields.string("client_reference_id", max_length=256),
    )


def languages(fields: Fields, name: str, *, any_language: bool = False) -> list[str] | None:
    """A list of language codes.

    Args:
        fields: Where it is.
        name: Of the field.
        any_language: Whether ``*`` may be among them.
    """
    listed = fields.strings(name, max_items=100, max_length=10)
    for index, language in enumerate(listed or ()):
        if not (any_language and language == ANY_LANGUAGE):
            _check_language(fields, f"{name}.{index}", language)
    return listed


def _check_language(fields: Fields, name: str, code: str) -> None:
    """Notes a language that the service does not support."""
    # Regional codes are refused as well: the service refuses every code that is not in its list (observed).
    if code not in LANGUAGES:
        fields.note("value_error", name, f"Invalid language {code!r}: it is not the code of a supported language")


def _translation(fields: Fields) -> dict[str, str] | None:
    """The ``translation`` settings without their nulls; None when unset or wrong."""
    if fields.unset("translation"):
        return None
    inner = fields.nested("translation")
    if inner is None:
        return None
    kind = inner.choice("type", {"one_way", "two_way"})
    needed = {"one_way": ("target_language",), "two_way": ("language_a", "language_b")}.get(kind or "", ())
    settings = {"type": kind or ""}
    for name in ("target_language", "language_a", "language_b"):
        language = inner.string(name, required=name in needed)
        if language is not None:
            _check_language(inner, name, language)
            settings[name] = language
    if kind == "two_way" and "language_a" in settings and settings["language_a"] == settings.get("language_b"):
        inner.note("value_error", "", "language_a and language_b must differ")
    return settings


def _context(fields: Fields) -> str | Mapping[str, Any] | None:
    """The ``context`` as sent; None when unset or wrong."""
    if fields.unset("context"):
        return None
    if isinstance(fields.values["context"], str):
        return fields.string("context")
    inner = fields.nested("context")
    if inner is None:
        return None
    inner.string("text")
    inner.strings("terms")
    for item in inner.objects("general"):
        item.string("key", required=True)
        item.string("value", required=True)
    for item in inner.objects("translation_terms"):
        item.string("source", required=True)
        item.string("target", required=True)
    return inner.values
