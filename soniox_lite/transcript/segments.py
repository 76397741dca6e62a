"""Segments: tokens grouped by speaker and language."""

from __future__ import annotations

from dataclasses import dataclass

from .._data.records import Record
from .._data.rules import FieldErrors
from ..types.common import Token  # noqa: TC001 - annotations of records are resolved at run time
from ._tokens import MARKS, common_value, is_translation, time_span, tokens_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, Literal

    from ._tokens import TokensInput

    GroupKey = Literal["speaker", "language"]
GROUP_KEYS: tuple[GroupKey, ...] = ("speaker", "language")


@dataclass(repr=False, eq=False, kw_only=True)
class Segment(Record):
    """Consecutive tokens of one speaker and one language.

    Attributes:
        text: The tokens' texts, joined unchanged: the texts of all segments together are the transcript.
        start_ms: Start of the first token that has a time, in milliseconds; None if none has.
        end_ms: End of the last token that has a time, in milliseconds; None if none has.
        speaker: Who spoke; None if that is unknown or differs between the tokens.
        language: Language code; None if that is unknown or differs between the tokens.
        is_translation: Whether this is a translation instead of what was said. A segment never mixes the two.
        is_final: Whether all tokens are final, so that the segment will not change.
        tokens: The tokens, at least one.
    """

    text: str
    start_ms: int | None = None
    end_ms: int | None = None
    speaker: str | None = None
    language: str | None = None
    is_translation: bool = False
    is_final: bool = True
    tokens: list[Token]


def segments(
    tokens: TokensInput,
    group_by: Sequence[GroupKey] | GroupKey = GROUP_KEYS,
    *,
    final_only: bool = False,
    translations: bool | None = None,
) -> list[Segment]:
    """Groups tokens: a new segment begins where the speaker or the language changes.

    A new segment also begins between what was said and its translation. The marks ``<end>`` and ``<fin>`` are left out.

    Args:
        tokens: Tokens, also as dicts; or an object with tokens: a transcript or an event. The next event replaces an
            event's non-final tokens: use :class:`TranscriptBuffer` for a session.
        group_by: ``speaker``, ``language``, both, or an empty sequence; a string is one of them.
        final_only: Whether to leave out tokens that may still change. All tokens of a finished transcript are final.
        translations: True for translations only, False for what was said only, None for both in their order.

    Raises:
        SonioxValidationError: ``group_by`` contains another name, or ``tokens`` is not and does not hold tokens.
        SonioxAPIError: One of the dicts is not a valid token.
    """
    grouping = Grouping(group_by, translations=translations)
    kept = (token for token in tokens_of(tokens) if not final_only or token.is_final is not False)
    return grouping.add(kept) + grouping.flush()


class Grouping:
    """Groups tokens as they come.

    Attributes:
        tokens: Those of the segment that is not complete.
    """

    def __init__(self, group_by: Sequence[GroupKey] | GroupKey, *, translations: bool | None) -> None:
        """Args are those of :func:`segments`.

        Raises:
            SonioxValidationError: ``group_by`` contains another name.
        """
        self._names = _checked_keys(group_by)
        self._translations = translations
        self._key: tuple[object, ...] | None = None
        self.tokens: list[Token] = []

    def add(self, tokens: Iterable[Token]) -> list[Segment]:
        """The segments that are complete with these tokens."""
        found: list[Segment] = []
        for token in tokens:
            is_translated = is_translation(token)
            if token.text in MARKS or (self._translations is not None and is_translated != self._translations):
                continue
            key = (is_translated, *[getattr(token, name) for name in self._names])
            if key != self._key:
                found += self.flush()
                self._key = key
            self.tokens.append(token)
        return found

    def flush(self) -> list[Segment]:
        """The segment that is not complete, as a list; nothing if there are no tokens."""
        tokens, self.tokens = self.tokens, []
        return [_segment(tokens)] if tokens else []


def _checked_keys(group_by: Any) -> list[str]:
    with FieldErrors("the grouping") as check:
        names: list[str] = [group_by] if isinstance(group_by, str) else check.array("group_by", group_by) or []
        check.required("group_by", group_by)
        for name in names:
            if check.required("group_by", name):
                check.choice("group_by", name, GROUP_KEYS)
    return names


def _segment(tokens: list[Token]) -> Segment:
    start_ms, end_ms = time_span(tokens)
    return Segment(
        text="".join([token.text for token in tokens]),
        start_ms=start_ms,
        end_ms=end_ms,
        speaker=common_value(token.speaker for token in tokens),
        language=common_value(token.language for token in tokens),
        is_translation=is_translation(tokens[0]),
        is_final=all(token.is_final is not False for token in tokens),
        tokens=tokens,
    )
