"""What helps to recognize a recording, and what it is translated into: for jobs and for realtime sessions."""

from __future__ import annotations

from .._data.json_values import pairs_of
from .._data.records import Payload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._data.rules import FieldErrors
    from .aliases import TranslationType
else:
    # For typing.get_type_hints: values that this name does not list are allowed, too.
    TranslationType = str

_LANGUAGES_OF = {"one_way": ("target_language",), "two_way": ("language_a", "language_b")}


class StructuredContextGeneralItem(Payload):
    """A fact about the recording, such as ``domain``: ``Healthcare``.

    Attributes:
        key: What the fact is about.
        value: The fact.
    """

    key: str
    value: str

    def _check(self, check: FieldErrors) -> None:
        _check_texts(check, key=self.key, value=self.value)


class StructuredContextTranslationTerm(Payload):
    """The translation to use for a term.

    Attributes:
        source: The term.
        target: Its translation.
    """

    source: str
    target: str

    def _check(self, check: FieldErrors) -> None:
        _check_texts(check, source=self.source, target=self.target)


class StructuredContext(Payload):
    """Background that helps to recognize a recording.

    Attributes:
        general: Facts about it, about ten at most; a dict stands for a list of its items.
        text: Background in prose.
        terms: Words that are likely to be said.
        translation_terms: Translations to use for terms; a dict stands for a list of its items.
    """

    general: list[StructuredContextGeneralItem] | dict[str, str] | None = None
    text: str | None = None
    terms: list[str] | None = None
    translation_terms: list[StructuredContextTranslationTerm] | dict[str, str] | None = None

    def _check(self, check: FieldErrors) -> None:
        check.text("text", self.text)
        for path, term in check.items("terms", self.terms):
            check.text(path, term)
        _check_listed(check, "general", self.general, StructuredContextGeneralItem, ("key", "value"))
        term_names = ("source", "target")
        _check_listed(check, "translation_terms", self.translation_terms, StructuredContextTranslationTerm, term_names)


class TranslationConfig(Payload):
    """Which languages are translated into which.

    Attributes:
        type: ``one_way`` (all into ``target_language``) or ``two_way`` (each of two languages into the other).
        target_language: Language code, for ``one_way``; becomes None for ``two_way``.
        language_a: Language code, for ``two_way``; becomes None for ``one_way``.
        language_b: Another one, for ``two_way``; becomes None for ``one_way``.
    """

    type: TranslationType
    target_language: str | None = None
    language_a: str | None = None
    language_b: str | None = None

    def _check(self, check: FieldErrors) -> None:
        if check.required("type", self.type):
            check.choice("type", self.type, ("one_way", "two_way"))
        needed = _LANGUAGES_OF.get(self.type, ()) if isinstance(self.type, str) else ()
        for field in ("target_language", "language_a", "language_b"):
            value = getattr(self, field)
            if value is None and field in needed:
                check.add(field, f"must be given for {self.type} translation", value)
            elif value is not None and needed and field not in needed:
                setattr(self, field, None)
            else:
                check.language(field, value)
        pair = [language.lower() for language in (self.language_a, self.language_b) if isinstance(language, str)]
        if self.type == "two_way" and len(pair) == 2 and pair[0] == pair[1]:
            check.add("language_b", "must be another language than language_a", self.language_b)


def _check_texts(check: FieldErrors, **texts: object) -> None:
    for field, value in texts.items():
        if check.required(field, value):
            check.text(field, value)


def _check_listed(
    check: FieldErrors, field: str, value: Any, item_class: type[Payload], names: tuple[str, str]
) -> None:
    """Checks the items of a list, or of a dict (whose pairs get these two names), and makes each an ``item_class``."""
    if isinstance(value, dict):
        value = [dict(zip(names, pair, strict=True)) for pair in pairs_of(value)]
    for path, item in check.items(field, value):
        check.record(path, item, item_class)
