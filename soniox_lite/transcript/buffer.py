"""A live transcript: final text, tail and utterances from the events of a session."""

from __future__ import annotations

from bisect import bisect_right
from copy import copy
from dataclasses import dataclass

from .._data.records import Record
from .._data.rules import FieldErrors
from .._data.safe_repr import safe_repr
from ..types.common import Token  # noqa: TC001 - annotations of records are resolved at run time
from ..types.realtime import RealtimeEvent
from ._tokens import (
    MARKS,
    UtteranceEnd,
    common_value,
    is_mapping,
    is_time,
    is_translation,
    joined_text,
    time_span,
    tokens_of,
)
from .segments import GROUP_KEYS, segments
from .translations import translation_segments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from ..types.transcriptions import TranscriptionTranscript
    from .segments import GroupKey, Segment
    from .translations import TranslationSegment
# A larger limit is probably a mistake in the unit.
_MAX_LIMIT = 1_000_000_000


@dataclass(repr=False, eq=False, kw_only=True)
class Utterance(Record):
    """Speech up to an endpoint, a completed ``finalize()``, or the end of the session.

    Attributes:
        text: What was said, joined unchanged: with the space before its first word, without translations.
        translation_text: Its translation; empty without one.
        start_ms: Start of the first token that has a time, in milliseconds; None if none has.
        end_ms: End of the last token that has a time, in milliseconds; None if none has.
        speaker: Who spoke; None if that is unknown or differs between the tokens.
        language: Code of the spoken language; None if that is unknown or differs between the tokens.
        ended_by: ``end``, ``fin`` or ``finished``; None for an utterance that has not ended.
        final_audio_proc_ms: Milliseconds of audio that were final when it ended; None if unknown.
        total_audio_proc_ms: Milliseconds of audio that were processed when it ended; None if unknown.
        tokens: Its tokens, translations included; at least one.
    """

    text: str
    translation_text: str = ""
    start_ms: int | None = None
    end_ms: int | None = None
    speaker: str | None = None
    language: str | None = None
    ended_by: UtteranceEnd | None = None
    final_audio_proc_ms: int | None = None
    total_audio_proc_ms: int | None = None
    tokens: list[Token]

    def segments(
        self, group_by: Sequence[GroupKey] | GroupKey = GROUP_KEYS, *, translations: bool | None = None
    ) -> list[Segment]:
        """The tokens, grouped as :func:`segments` does.

        Args:
            group_by: What a change of begins a segment: ``speaker``, ``language`` or both.
            translations: True for translations only, False for what was said only, None for both in their order.
        """
        return segments(self.tokens, group_by, translations=translations)


class _Boundary:
    """Where an utterance ended.

    Attributes:
        position: Number of final tokens up to there, counted from the beginning of the session.
    """

    __slots__ = ("ended_by", "final_ms", "position", "total_ms")

    def __init__(self, position: int, ended_by: UtteranceEnd, final_ms: int | None, total_ms: int | None) -> None:
        self.position = position
        self.ended_by: UtteranceEnd = ended_by
        self.final_ms = final_ms
        self.total_ms = total_ms


def _position_of(boundary: _Boundary) -> int:
    return boundary.position


class _Text:
    """A text that grows piece by piece and is joined when it is read.

    Joining it at each event would take quadratic time over a session.
    """

    __slots__ = ("_joined", "_pieces")

    def __init__(self) -> None:
        self._joined = ""
        self._pieces: list[str] = []

    def append(self, piece: str) -> None:
        self._pieces.append(piece)

    def drop(self, length: int) -> None:
        """Removes that many characters from the beginning."""
        self._joined = self.value[length:]

    @property
    def value(self) -> str:
        if self._pieces:
            self._joined += "".join(self._pieces)
            self._pieces.clear()
        return self._joined


class TranscriptBuffer:
    """Builds the transcript of a session from its events. Not thread-safe.

    Everything is kept unless a limit is set. With a limit, the oldest final tokens are dropped after each event; texts,
    tokens, segments and utterances then cover the remaining ones, and an utterance may have lost its first tokens. The
    tail is never cut.

    Attributes:
        finished: Whether the session has ended normally.
        endpoint_count: Number of ``<end>`` marks received. A non-final mark counts when it arrives and not again.
        finalize_count: Number of ``<fin>`` marks received, counted in the same way.
        dropped_token_count: Number of final tokens dropped because of the limits.
        final_audio_proc_ms: Milliseconds of audio that are final, from the start of the first session; None until the
            service has said so.
        total_audio_proc_ms: Milliseconds of audio that were processed, from the start of the first session; None until
            the service has said so.
    """

    def __init__(self, *, max_tokens: int | None = None, max_ms: int | None = None) -> None:
        """An empty buffer.

        Args:
            max_tokens: How many final tokens to keep, translations included; None for all.
            max_ms: How far back to keep final tokens, in milliseconds before the end of the newest; None for all. A
                translation is dropped together with the speech that it translates.

        Raises:
            SonioxValidationError: A limit is not a positive int.
        """
        with FieldErrors(self) as check:
            check.integer("max_tokens", max_tokens, minimum=1, maximum=_MAX_LIMIT)
            check.integer("max_ms", max_ms, minimum=1, maximum=_MAX_LIMIT)
        self._max_tokens = max_tokens
        self._max_ms = max_ms
        self.clear()

    def clear(self) -> None:
        """Resets everything, counts and time offset included, except the limits."""
        self._final: list[Token] = []
        self._tail: list[Token] = []
        # Keyed by whether the text is a translation.
        self._final_texts = {False: _Text(), True: _Text()}
        self._boundaries: list[_Boundary] = []
        self._taken = 0
        self._offset_ms = 0
        # Inserted between the texts of two sessions, before the first final token of the new one. Keyed as above.
        self._separators = {False: "", True: ""}
        self._newest_ms: int | None = None
        # Non-final marks, which have been counted already.
        self._early_marks: list[UtteranceEnd] = []
        self.finished: bool = False
        self.endpoint_count: int = 0
        self.finalize_count: int = 0
        self.dropped_token_count: int = 0
        self.final_audio_proc_ms: int | None = None
        self.total_audio_proc_ms: int | None = None

    def add(self, event: RealtimeEvent | TranscriptionTranscript | Mapping[str, Any]) -> None:
        """Adds an event: its final tokens are appended, its non-final ones become the tail.

        An error event without tokens leaves the tail unchanged. The transcript of a job counts as one last event with
        final tokens only.

        Args:
            event: An event, also as the dict decoded from its JSON; or the transcript of a job. It is not changed.

        Raises:
            SonioxValidationError: The object has no tokens.
            SonioxAPIError: The dict is not a valid event.
        """
        source: Any = event
        if is_mapping(source):
            source = RealtimeEvent.from_dict(source)
        tokens = list(tokens_of(source))
        self._count_audio(getattr(source, "final_audio_proc_ms", None), getattr(source, "total_audio_proc_ms", None))
        tail: list[Token] = []
        early_marks: list[UtteranceEnd] = []
        is_restarted = self._offset_ms or any(self._separators.values())
        for token in self._adapted(tokens) if is_restarted else tokens:
            mark = MARKS.get(token.text)
            if mark is not None:
                is_final = token.is_final is not False
                if not is_final:
                    early_marks.append(mark)
                elif mark in self._early_marks:
                    self._early_marks.remove(mark)
                else:
                    self._count_mark(mark)
                if is_final or not tail:
                    self._end_utterance(mark)
            elif token.is_final is False:
                tail.append(token)
            else:
                self._append(token)
        for mark in early_marks:
            if early_marks.count(mark) > self._early_marks.count(mark):
                self._early_marks.append(mark)
                self._count_mark(mark)
        if tokens or getattr(source, "error_code", None) is None:
            self._tail = tail
        # The transcript of a job has no such field and is always complete.
        if getattr(source, "finished", True):
            self.finished = True
            self._end_utterance("finished")
        self._drop_old()

    def restart(self, offset_ms: int | None = None, *, separator: str = " ") -> list[Token]:
        """Prepares for the events of a new session that continues after a broken connection.

        The times of a new session begin at zero, so ``offset_ms`` is added to them. The tail will never become final
        and is dropped. An unfinished utterance continues.

        Args:
            offset_ms: Where the new session's audio begins, in milliseconds from the start of the first session's.
                None for ``total_audio_proc_ms``, which is right if no audio is sent again. Use
                ``final_audio_proc_ms`` if all audio that was not final is sent again.
            separator: Text to insert before the new session's first token, which has no leading space. Not inserted
                where there is white space already. Pass an empty string for languages without spaces.

        Returns:
            The tail that was dropped.

        Raises:
            SonioxValidationError: The offset is not an int or is negative, or the separator is not a str.
        """
        with FieldErrors(self) as check:
            check.integer("offset_ms", offset_ms, minimum=0, maximum=_MAX_LIMIT)
            check.text("separator", separator)
        self._offset_ms = (self.total_audio_proc_ms or 0) if offset_ms is None else offset_ms
        self._separators = {False: separator, True: separator}
        self.finished = False
        self._early_marks.clear()
        dropped, self._tail = self._tail, []
        return dropped

    @property
    def final_tokens(self) -> list[Token]:
        """The final tokens, translations included, without marks."""
        return list(self._final)

    @property
    def tail_tokens(self) -> list[Token]:
        """The non-final tokens after them, translations included."""
        return list(self._tail)

    @property
    def final_text(self) -> str:
        """The final text of what was said."""
        return self._final_texts[False].value

    @property
    def tail_text(self) -> str:
        """The non-final text of what was said after ``final_text``."""
        return joined_text(self._tail, translations=False)

    @property
    def text(self) -> str:
        """What was said: ``final_text`` and ``tail_text``."""
        return self.final_text + self.tail_text

    @property
    def translation_final_text(self) -> str:
        """The final text of the translation; empty without translation."""
        return self._final_texts[True].value

    @property
    def translation_tail_text(self) -> str:
        """The non-final text of the translation."""
        return joined_text(self._tail, translations=True)

    @property
    def translation_text(self) -> str:
        """The translation: final and non-final text."""
        return self.translation_final_text + self.translation_tail_text

    def segments(
        self,
        group_by: Sequence[GroupKey] | GroupKey = GROUP_KEYS,
        *,
        final_only: bool = False,
        translations: bool | None = None,
    ) -> list[Segment]:
        """The kept tokens, grouped as :func:`segments` does.

        Args:
            group_by: What a change of begins a segment: ``speaker``, ``language`` or both.
            final_only: Whether to leave out the tail, which may still change.
            translations: True for translations only, False for what was said only, None for both in their order.
        """
        tokens = self._final if final_only else self._final + self._tail
        return segments(tokens, group_by, translations=translations)

    def translation_segments(self, *, final_only: bool = False) -> list[TranslationSegment]:
        """The kept tokens paired as :func:`translation_segments` does, with the tail unless ``final_only``."""
        return translation_segments(self._final if final_only else self._final + self._tail)

    def utterances(self, *, include_unfinished: bool = False) -> list[Utterance]:
        """The kept utterances, in order. A mark without speech before it makes none.

        Args:
            include_unfinished: Whether to append the current utterance, which includes the tail.
        """
        found = list(self._utterances_after(0))
        if include_unfinished:
            ended = self._boundaries[-1].position if self._boundaries else 0
            tokens = self._final[max(0, ended - self.dropped_token_count) :] + self._tail
            if tokens:
                found.append(_utterance(tokens, None, self.final_audio_proc_ms, self.total_audio_proc_ms))
        return found

    def take_utterances(self) -> list[Utterance]:
        """The utterances that ended since the previous call. They stay in the texts, tokens and segments."""
        found = list(self._utterances_after(self._taken))
        if self._boundaries:
            self._taken = self._boundaries[-1].position
        return found

    @safe_repr
    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {len(self._final)} final tokens, {len(self._tail)} in the tail"
            f"{', finished' if self.finished else ''}>"
        )

    def _append(self, token: Token) -> None:
        self._final.append(token)
        self._final_texts[is_translation(token)].append(token.text)
        end_ms = token.end_ms
        if end_ms is not None and (self._newest_ms is None or end_ms > self._newest_ms):
            self._newest_ms = end_ms

    def _adapted(self, tokens: list[Token]) -> Iterator[Token]:
        """The tokens of a continued session, with shifted times and a separator before the first word."""
        separators = dict(self._separators)
        for token in tokens:
            separator = "" if not token.text or token.text in MARKS else separators[is_translation(token)]
            if separator:
                separators[is_translation(token)] = ""
                if token.is_final is not False:
                    self._separators[is_translation(token)] = ""
                before = self._final_texts[is_translation(token)].value
                if not before or before[-1].isspace() or token.text[:1].isspace():
                    separator = ""
            if not separator and not self._offset_ms:
                yield token
                continue
            # A copy, because the event belongs to the caller.
            adapted = copy(token)
            adapted.text = separator + token.text
            if token.start_ms is not None:
                adapted.start_ms = token.start_ms + self._offset_ms
            if token.end_ms is not None:
                adapted.end_ms = token.end_ms + self._offset_ms
            yield adapted

    def _count_audio(self, final_ms: int | None, total_ms: int | None) -> None:
        if final_ms is not None and is_time(final_ms):
            self.final_audio_proc_ms = final_ms + self._offset_ms
        if total_ms is not None and is_time(total_ms):
            self.total_audio_proc_ms = total_ms + self._offset_ms

    def _count_mark(self, mark: UtteranceEnd) -> None:
        self.endpoint_count += mark == "end"
        self.finalize_count += mark == "fin"

    def _end_utterance(self, ended_by: UtteranceEnd) -> None:
        position = self.dropped_token_count + len(self._final)
        before = self._boundaries[-1].position if self._boundaries else self.dropped_token_count
        if position > before:
            self._boundaries.append(_Boundary(position, ended_by, self.final_audio_proc_ms, self.total_audio_proc_ms))

    def _utterances_after(self, position: int) -> Iterator[Utterance]:
        index = bisect_right(self._boundaries, position, key=_position_of)
        start = self._boundaries[index - 1].position if index else self.dropped_token_count
        for boundary in self._boundaries[index:]:
            first, end = (place - self.dropped_token_count for place in (start, boundary.position))
            yield _utterance(self._final[first:end], boundary.ended_by, boundary.final_ms, boundary.total_ms)
            start = boundary.position

    def _drop_old(self) -> None:
        count = 0
        if self._max_tokens is not None:
            count = max(0, len(self._final) - self._max_tokens)
        if self._max_ms is not None and self._newest_ms is not None:
            oldest_ms = self._newest_ms - self._max_ms
            # Up to the first token that is recent enough. Tokens without times before it translate dropped speech.
            recent = (
                at for at, token in enumerate(self._final) if token.end_ms is not None and token.end_ms >= oldest_ms
            )
            count = max(count, next(recent, 0))
        if not count:
            return
        dropped = self._final[:count]
        del self._final[:count]
        for translations, text in self._final_texts.items():
            text.drop(len(joined_text(dropped, translations=translations)))
        self.dropped_token_count += count
        del self._boundaries[: bisect_right(self._boundaries, self.dropped_token_count, key=_position_of)]


def _utterance(
    tokens: list[Token], ended_by: UtteranceEnd | None, final_ms: int | None, total_ms: int | None
) -> Utterance:
    start_ms, end_ms = time_span(tokens)
    # Only translations may be left after a limit was applied; then use their language.
    spoken = [token for token in tokens if not is_translation(token)] or tokens
    return Utterance(
        text=joined_text(tokens, translations=False),
        translation_text=joined_text(tokens, translations=True),
        start_ms=start_ms,
        end_ms=end_ms,
        speaker=common_value(token.speaker for token in tokens),
        language=common_value(token.language for token in spoken),
        ended_by=ended_by,
        final_audio_proc_ms=final_ms,
        total_audio_proc_ms=total_ms,
        tokens=tokens,
    )
