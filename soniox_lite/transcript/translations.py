"""Pairs what was said with its translation."""

from __future__ import annotations

from dataclasses import dataclass

from .._data.records import Record
from ..types.common import Token  # noqa: TC001 - annotations of records are resolved at run time
from ._tokens import MARKS, common_value, is_translation, time_span, tokens_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._tokens import TokensInput
# How many chunks of speech may lie between a chunk and its translation.
_LAG = 32


@dataclass(repr=False, eq=False, kw_only=True)
class TranslationSegment(Record):
    """Text that one speaker said in one language, and its translation.

    Attributes:
        text: What was said, joined unchanged; empty for a translation whose original is missing.
        translation_text: The translation, joined unchanged. None if there is none: the text is in the target language
            or in one that is not translated, or the translation has not arrived yet.
        start_ms: Start of the first spoken token that has a time, in milliseconds; None if none has.
        end_ms: End of the last spoken token that has a time, in milliseconds; None if none has.
        speaker: Who spoke; None if that is unknown.
        language: Code of the spoken language; None if that is unknown.
        translation_language: Code of the language of the translation; None without translation, or if unknown.
        is_final: Whether all these tokens are final. More translation may still arrive.
        tokens: The spoken tokens.
        translation_tokens: The tokens of the translation; empty without one. They have no times of their own.
    """

    text: str
    translation_text: str | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    speaker: str | None = None
    language: str | None = None
    translation_language: str | None = None
    is_final: bool = True
    tokens: list[Token]
    translation_tokens: list[Token]


def translation_segments(tokens: TokensInput, *, final_only: bool = False) -> list[TranslationSegment]:
    """What was said, in order, each segment with its translation.

    The service sends a translation after the chunk of speech that it translates, and other speakers may come in
    between. It is assigned by the speaker and the source language that its tokens name. Speech without translation is
    included. A new segment begins where the speaker or the language changes, and after a translation. The marks
    ``<end>`` and ``<fin>`` are left out.

    Args:
        tokens: Tokens, also as dicts; or an object with tokens: a transcript or an event.
        final_only: Whether to leave out tokens that may still change. All tokens of a finished transcript are final.

    Raises:
        SonioxValidationError: ``tokens`` is not and does not hold tokens.
        SonioxAPIError: One of the dicts is not a valid token.
    """
    chunks: list[_Chunk] = []
    # ``fresh``: index of the first chunk since the last translation. ``waiting``: chunks since then that have no
    # translation yet. ``target``: the chunk that the current translation belongs to.
    fresh = 0
    waiting: list[_Chunk] = []
    target: _Chunk | None = None
    for token in tokens_of(tokens):
        if token.text in MARKS or (final_only and token.is_final is False):
            continue
        if is_translation(token):
            if target is None or not target.is_source_of(token):
                target = _source_of(token, chunks, fresh, waiting)
            target.translations.append(token)
            continue
        if not chunks or not chunks[-1].continues_with(token):
            chunks.append(_Chunk(token.speaker, token.language, is_translated=token.translation_status == "original"))
            waiting.append(chunks[-1])
        chunks[-1].tokens.append(token)
        if target is not None:
            fresh, waiting, target = len(chunks) - 1, [chunks[-1]], None
    return [chunk.segment() for chunk in chunks]


class _Chunk:
    """Speech of one speaker in one language, and its translation.

    Attributes:
        is_translated: Whether the service marks the speech as translated; the translation may arrive later.
    """

    __slots__ = ("is_translated", "language", "speaker", "tokens", "translations")

    def __init__(self, speaker: str | None, language: str | None, *, is_translated: bool) -> None:
        self.speaker = speaker
        self.language = language
        self.is_translated = is_translated
        self.tokens: list[Token] = []
        self.translations: list[Token] = []

    def continues_with(self, token: Token) -> bool:
        """Whether the next spoken token belongs to this chunk."""
        return (
            not self.translations
            and (self.speaker, self.language) == (token.speaker, token.language)
            and self.is_translated == (token.translation_status == "original")
        )

    def is_source_of(self, token: Token) -> bool:
        """Whether a token may translate this chunk. Transcripts of jobs do not always name the source language."""
        return (
            self.is_translated
            and (None in (self.speaker, token.speaker) or self.speaker == token.speaker)
            and (None in (self.language, token.source_language) or self.language == token.source_language)
            and (self.language is None or self.language != token.language)
        )

    def segment(self) -> TranslationSegment:
        start_ms, end_ms = time_span(self.tokens)
        return TranslationSegment(
            text="".join([token.text for token in self.tokens]),
            translation_text="".join([token.text for token in self.translations]) if self.translations else None,
            start_ms=start_ms,
            end_ms=end_ms,
            speaker=self.speaker,
            language=self.language,
            translation_language=common_value(token.language for token in self.translations)
            if self.translations
            else None,
            is_final=all(token.is_final is not False for token in self.tokens + self.translations),
            tokens=self.tokens,
            translation_tokens=self.translations,
        )


def _source_of(token: Token, chunks: list[_Chunk], fresh: int, waiting: list[_Chunk]) -> _Chunk:
    """The chunk that a translated token belongs to; a new one, added to ``chunks``, if none fits.

    The first fitting chunk in ``waiting`` is taken, and removed from it. Otherwise the last fitting chunk of all: its
    translation arrives in several parts.
    """
    for chunk in waiting:
        if chunk.is_source_of(token):
            waiting.remove(chunk)
            return chunk
    for position in range(len(chunks) - 1, max(0, fresh - _LAG) - 1, -1):
        if chunks[position].is_source_of(token):
            return chunks[position]
    chunks.append(_Chunk(token.speaker, token.source_language, is_translated=True))
    return chunks[-1]
