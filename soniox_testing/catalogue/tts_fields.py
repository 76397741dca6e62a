"""The settings of jobs that realtime sessions have as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .stt_models import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..wire.fields import Fields


def check_language(fields: Fields, name: str, code: str) -> None:
    """Notes a language that is not supported."""
    # Regional codes are refused as well: the service was seen to refuse whatever is not in its list.
    if code not in LANGUAGES:
        fields.note("value_error", name, f"{code!r} is not the code of a supported language")


def translation_of(fields: Fields) -> dict[str, str] | None:
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
            check_language(inner, name, language)
            settings[name] = language
    if kind == "two_way" and "language_a" in settings and settings["language_a"] == settings.get("language_b"):
        inner.note("value_error", "", "language_a and language_b must differ")
    return settings


def context_of(fields: Fields) -> str | Mapping[str, Any] | None:
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
