"""What realtime events and finished transcripts share."""

from __future__ import annotations

from .._data.records import ServiceObject

__all__ = ["Token"]


class Token(ServiceObject):
    """A piece of a transcript: a word, a part of one, punctuation, or a translated piece.

    Only ``text`` is checked; the types of all other fields are not, because there are thousands of tokens.

    Attributes:
        text: The text, with its leading space where there is one: joining all texts gives the transcript.
        start_ms: Milliseconds from the start of the audio; None on translations, which have no times.
        end_ms: As ``start_ms``.
        confidence: 0.0 to 1.0; None on translations.
        is_final: In realtime, whether the token will never change again; None in finished transcripts.
        speaker: ``"1"``, ``"2"``, ...; None without speaker diarization.
        translation_status: ``none``, ``original`` or ``translation``; None without translation.
        language: Language code of ``text``; None without language identification or translation.
        source_language: Language that a translation was made from; None on other tokens.
    """

    _checks_optional = False

    text: str
    start_ms: int | None = None
    end_ms: int | None = None
    confidence: float | None = None
    is_final: bool | None = None
    speaker: str | None = None
    translation_status: str | None = None
    language: str | None = None
    source_language: str | None = None
