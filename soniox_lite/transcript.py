"""Transcripts from tokens: text, segments and utterances, of live sessions and of finished jobs alike.

::

    buffer = TranscriptBuffer()
    for event in session.receive_events():
        buffer.add(event)
        show(buffer.final_text, buffer.tail_text)
        for utterance in buffer.take_utterances():
            answer(utterance.speaker, utterance.text)

Times of tokens that are no time (a text, NaN, a number beyond any recording) count as unknown, so that one odd value of
the service costs no words.

A final token comes once. The non-final ones of an event are the whole tail as it is guessed now, and replace the tail
of the event before; who appends them has words twice. ``<end>`` and ``<fin>`` are marks and no speech. Translations
stand among the spoken tokens and are told apart here.
"""

from __future__ import annotations

from bisect import bisect_right
from copy import copy
from dataclasses import dataclass

from ._data.json_values import kind_of
from ._data.records import Record
from ._data.rules import FieldErrors
from ._data.safe_repr import safe_repr
from .errors import SonioxValidationError
from .types.common import Token
from .types.realtime import TOKEN_TEXT_END, TOKEN_TEXT_FIN, RealtimeEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any, Literal, TypeVar

    from .types.transcriptions import TranscriptionTranscript

    ValueT = TypeVar("ValueT")
    GroupKey = Literal["speaker", "language"]
    UtteranceEnd = Literal["end", "fin", "finished"]
    TokensInput = Iterable[Token | Mapping[str, Any]] | RealtimeEvent | TranscriptionTranscript | Mapping[str, Any]
else:
    # For those who ask for the types at run time.
    UtteranceEnd = str

__all__ = ["Segment", "TranscriptBuffer", "TranslationSegment", "Utterance", "segments", "translation_segments"]

_GROUP_KEYS: tuple[GroupKey, ...] = ("speaker", "language")
_ENDED_BY: dict[str, UtteranceEnd] = {TOKEN_TEXT_END: "end", TOKEN_TEXT_FIN: "fin"}
# How many chunks of speech a translation may lag behind what it translates.
_LAG = 32
# Far more than anybody keeps; a limit beyond it is a mistake in the unit.
_MAX_LIMIT = 1_000_000_000
# No recording is as long: three years.
_MAX_MS = 100_000_000_000


@dataclass(repr=False, eq=False, kw_only=True)
class Segment(Record):
    """Tokens in a row of one speaker and one language.

    Attributes:
        text: Their texts, joined as they are, so that the texts of all segments make the transcript.
        start_ms: Where the first of them with a time begins, in milliseconds; None if none has a time.
        end_ms: Where the last of them with a time ends, in milliseconds; None if none has a time.
        speaker: Whose they are; None if that is unknown or not the same for all.
        language: Their language code; None if that is unknown or not the same for all.
        is_translation: Whether this is a translation and not what was said; never a mixture of both.
        is_final: Whether none of it can change any more.
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


@dataclass(repr=False, eq=False, kw_only=True)
class TranslationSegment(Record):
    """What one speaker said in one language, and its translation.

    Attributes:
        text: What was said, joined as it came; empty where a translation came without it.
        translation_text: Its translation, joined as it came; None if there is none: it is in the target language or in
            one that is not translated, or the translation has not come yet.
        start_ms: Where its first token with a time begins, in milliseconds; None if none has a time.
        end_ms: Where its last token with a time ends, in milliseconds; None if none has a time.
        speaker: Who spoke; None if that is unknown.
        language: What was spoken, as a code; None if that is unknown.
        translation_language: What it was translated into, as a code; None without translation, or if that is unknown.
        is_final: Whether none of it can change any more; more may still come.
        tokens: What was said.
        translation_tokens: The translation; empty without one. These have no times: its place is that of ``tokens``.
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


@dataclass(repr=False, eq=False, kw_only=True)
class Utterance(Record):
    """What was said up to an endpoint, a completed ``finalize()``, or the end of the session.

    Attributes:
        text: What was said, joined as it came: with the space before its first word, without translations.
        translation_text: Its translation; empty without one.
        start_ms: Where its first token with a time begins, in milliseconds; None if none has a time.
        end_ms: Where its last token with a time ends, in milliseconds; None if none has a time.
        speaker: Who spoke; None if that is unknown or not the same throughout.
        language: What was spoken, as a code; None if that is unknown or not the same throughout.
        ended_by: ``end``, ``fin`` or ``finished``; None while it goes on.
        final_audio_proc_ms: Milliseconds of audio that were final when it ended; None if not known.
        total_audio_proc_ms: Milliseconds of audio that were processed when it ended; None if not known.
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
        self, group_by: Sequence[GroupKey] | GroupKey = _GROUP_KEYS, *, translations: bool | None = None
    ) -> list[Segment]:
        """Its tokens as :func:`segments` groups them."""
        return segments(self.tokens, group_by, translations=translations)


class _Boundary:
    """Where an utterance ended.

    Attributes:
        position: How many final tokens had come by then, since the beginning.
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
    """A text that grows piece by piece and is joined when somebody looks.

    Joining all at each event would cost more the longer a session lasts.
    """

    __slots__ = ("_joined", "_pieces")

    def __init__(self) -> None:
        self._joined = ""
        self._pieces: list[str] = []

    def append(self, piece: str) -> None:
        self._pieces.append(piece)

    def drop(self, length: int) -> None:
        """Cuts so many characters off its beginning."""
        self._joined = self.value[length:]

    @property
    def value(self) -> str:
        if self._pieces:
            self._joined += "".join(self._pieces)
            self._pieces.clear()
        return self._joined


class TranscriptBuffer:
    """Puts the events of a session together. For one thread or task at a time.

    Everything is kept unless a limit is set. With one, the oldest final tokens are dropped after each event, and all
    that is asked for here (texts, tokens, segments, utterances) is about those that are left; an utterance that has
    lost some consists of the others. The tail is never cut.

    Attributes:
        finished: Whether the session came to its end.
        endpoint_count: How many ``<end>`` have come; one that is not final yet counts when it comes, and then no more.
        finalize_count: How many ``<fin>`` have come, likewise.
        dropped_token_count: How many final tokens the limits have cost so far.
        final_audio_proc_ms: Milliseconds of audio that are final, from the start of the first session; None at first.
        total_audio_proc_ms: Milliseconds of audio that were processed, likewise.
    """

    def __init__(self, *, max_tokens: int | None = None, max_ms: int | None = None) -> None:
        """An empty buffer.

        Args:
            max_tokens: How many final tokens to keep, translations included; None for all.
            max_ms: How far back to keep them, in milliseconds before the end of the newest; None for all. A translation
                goes with what it translates.

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
        """Forgets everything, counts and time offset included; the limits stay."""
        self._final: list[Token] = []
        self._tail: list[Token] = []
        # What was said, and its translation.
        self._final_texts = {False: _Text(), True: _Text()}
        self._boundaries: list[_Boundary] = []
        self._taken = 0
        self._offset_ms = 0
        # What goes between the sessions' texts, until the first final token of the new one: spoken, translated.
        self._separators = {False: "", True: ""}
        self._newest_ms: int | None = None
        # Marks that have been counted and are not final yet.
        self._early_marks: list[UtteranceEnd] = []
        self.finished: bool = False
        self.endpoint_count: int = 0
        self.finalize_count: int = 0
        self.dropped_token_count: int = 0
        self.final_audio_proc_ms: int | None = None
        self.total_audio_proc_ms: int | None = None

    def add(self, event: RealtimeEvent | TranscriptionTranscript | Mapping[str, Any]) -> None:
        """Takes an event in: its final tokens are appended, its non-final ones become the tail.

        An error leaves the tail as it was, since it is the last that is known. A finished transcript counts as an event
        that is final throughout and the end.

        Args:
            event: An event, also as the dict that it is in JSON; or the transcript of a job. It is not changed.

        Raises:
            SonioxValidationError: It has no tokens.
            SonioxAPIError: It is a dict that is no event.
        """
        source: Any = event
        if _is_mapping(source):
            source = RealtimeEvent.from_dict(source)
        tokens = list(_tokens_of(source))
        self._count_audio(getattr(source, "final_audio_proc_ms", None), getattr(source, "total_audio_proc_ms", None))
        tail: list[Token] = []
        early_marks: list[UtteranceEnd] = []
        is_restarted = self._offset_ms or any(self._separators.values())
        for token in self._adapted(tokens) if is_restarted else tokens:
            mark = _ENDED_BY.get(token.text)
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
        # Transcripts of jobs do not say whether they are complete: they are.
        if getattr(source, "finished", True):
            self.finished = True
            self._end_utterance("finished")
        self._drop_old()

    def restart(self, offset_ms: int | None = None, *, separator: str = " ") -> list[Token]:
        """Prepares for the events of another session that goes on where the one before broke off.

        Its times begin at zero again, so that ``offset_ms`` is added to them. The tail will not be finalized any more
        and is dropped; an utterance that was under way goes on.

        Args:
            offset_ms: Where the new session's audio begins, in milliseconds from the start of the first session's.
                None for the end of what was processed (``total_audio_proc_ms``), which is right if no audio is sent
                again; ``final_audio_proc_ms`` is right if all that was not final yet is sent again.
            separator: What goes before the new session's first token, which begins without the space that other words
                begin with; nothing if there is white space already. Empty for languages without spaces.

        Returns:
            The tail that was dropped.

        Raises:
            SonioxValidationError: The offset is not an int, or is negative.
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
        """The tokens that will not change any more, translations included, without marks."""
        return list(self._final)

    @property
    def tail_tokens(self) -> list[Token]:
        """The tokens after them as they are guessed now, translations included."""
        return list(self._tail)

    @property
    def final_text(self) -> str:
        """What was said and will not change any more."""
        return self._final_texts[False].value

    @property
    def tail_text(self) -> str:
        """What was said after that, as it is guessed now."""
        return _text_of(self._tail, translations=False)

    @property
    def text(self) -> str:
        """What was said: final text and tail."""
        return self.final_text + self.tail_text

    @property
    def translation_final_text(self) -> str:
        """The translation that will not change any more; empty without translation."""
        return self._final_texts[True].value

    @property
    def translation_tail_text(self) -> str:
        """The translation after that, as it is guessed now."""
        return _text_of(self._tail, translations=True)

    @property
    def translation_text(self) -> str:
        """The translation: final text and tail."""
        return self.translation_final_text + self.translation_tail_text

    def segments(
        self,
        group_by: Sequence[GroupKey] | GroupKey = _GROUP_KEYS,
        *,
        final_only: bool = False,
        translations: bool | None = None,
    ) -> list[Segment]:
        """The tokens that are kept as :func:`segments` groups them, the tail included unless ``final_only``."""
        tokens = self._final if final_only else self._final + self._tail
        return segments(tokens, group_by, translations=translations)

    def translation_segments(self, *, final_only: bool = False) -> list[TranslationSegment]:
        """The tokens that are kept as :func:`translation_segments` pairs them, with the tail unless ``final_only``."""
        return translation_segments(self._final if final_only else self._final + self._tail)

    def utterances(self, *, include_unfinished: bool = False) -> list[Utterance]:
        """The utterances that are kept, in their order; a mark without anything said before it makes none.

        Args:
            include_unfinished: Whether the one that is going on, with the tail, is the last.
        """
        found = list(self._utterances_after(0))
        if include_unfinished:
            ended = self._boundaries[-1].position if self._boundaries else 0
            tokens = self._final[max(0, ended - self.dropped_token_count) :] + self._tail
            if tokens:
                found.append(_utterance(tokens, None, self.final_audio_proc_ms, self.total_audio_proc_ms))
        return found

    def take_utterances(self) -> list[Utterance]:
        """The utterances that ended since this was called before. They stay in the texts, tokens and segments."""
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
        self._final_texts[_is_translation(token)].append(token.text)
        end_ms = token.end_ms
        if end_ms is not None and (self._newest_ms is None or end_ms > self._newest_ms):
            self._newest_ms = end_ms

    def _adapted(self, tokens: list[Token]) -> Iterator[Token]:
        """The tokens as they go on from the session before: later, and not glued to its last word."""
        separators = dict(self._separators)
        for token in tokens:
            separator = "" if not token.text or token.text in _ENDED_BY else separators[_is_translation(token)]
            if separator:
                separators[_is_translation(token)] = ""
                if token.is_final is not False:
                    self._separators[_is_translation(token)] = ""
                before = self._final_texts[_is_translation(token)].value
                if not before or before[-1].isspace() or token.text[:1].isspace():
                    separator = ""
            if not separator and not self._offset_ms:
                yield token
                continue
            # The event is the caller's, and may be in use elsewhere.
            adapted = copy(token)
            adapted.text = separator + token.text
            if token.start_ms is not None:
                adapted.start_ms = token.start_ms + self._offset_ms
            if token.end_ms is not None:
                adapted.end_ms = token.end_ms + self._offset_ms
            yield adapted

    def _count_audio(self, final_ms: int | None, total_ms: int | None) -> None:
        if final_ms is not None and _is_time(final_ms):
            self.final_audio_proc_ms = final_ms + self._offset_ms
        if total_ms is not None and _is_time(total_ms):
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
            # Up to the first that is young enough: what has no time in between is a translation of what goes.
            for index, token in enumerate(self._final):
                if token.end_ms is not None and token.end_ms >= oldest_ms:
                    count = max(count, index)
                    break
        if not count:
            return
        dropped = self._final[:count]
        del self._final[:count]
        for translations, text in self._final_texts.items():
            text.drop(len(_text_of(dropped, translations=translations)))
        self.dropped_token_count += count
        del self._boundaries[: bisect_right(self._boundaries, self.dropped_token_count, key=_position_of)]


def segments(
    tokens: TokensInput,
    group_by: Sequence[GroupKey] | GroupKey = _GROUP_KEYS,
    *,
    final_only: bool = False,
    translations: bool | None = None,
) -> list[Segment]:
    """Tokens in groups: a new one begins where the speaker or the language changes.

    Between what was said and its translation a new one always begins. Marks are left out.

    Args:
        tokens: Tokens, also as dicts; or what has them: a transcript, an event. An event's non-final tokens are a guess
            that the next event replaces: use :class:`TranscriptBuffer` for a session.
        group_by: ``speaker``, ``language``, both, or neither; a string is one of them.
        final_only: Whether to leave out tokens that may still change. Those of finished transcripts do not.
        translations: True for translations only, False for what was said only, None for both in the order they came in.

    Raises:
        SonioxValidationError: ``group_by`` names something else, or there are no tokens in ``tokens``.
        SonioxAPIError: A dict among them is no token.
    """
    keys = _checked_keys(group_by)
    found: list[Segment] = []
    group: list[Token] = []
    current: tuple[object, ...] | None = None
    for token in _tokens_of(tokens):
        is_translation = _is_translation(token)
        if (
            token.text in _ENDED_BY
            or (final_only and token.is_final is False)
            or (translations is not None and is_translation != translations)
        ):
            continue
        key = (is_translation, *[getattr(token, name) for name in keys])
        if group and key != current:
            found.append(_segment(group))
            group = []
        current = key
        group.append(token)
    if group:
        found.append(_segment(group))
    return found


def translation_segments(tokens: TokensInput, *, final_only: bool = False) -> list[TranslationSegment]:
    """What was said, in the order it was said, each piece with its translation beside it.

    A translation follows the chunk of speech that it translates, not word by word, and others may have spoken in
    between: it goes to the speaker and the language that its tokens name. What was not translated is here too. A new
    segment begins where the speaker or the language changes, and after a translation. Marks are left out.

    Args:
        tokens: As for :func:`segments`.
        final_only: Whether to leave out tokens that may still change. Those of finished transcripts do not.

    Raises:
        SonioxValidationError: There are no tokens in ``tokens``.
        SonioxAPIError: A dict among them is no token.
    """
    chunks: list[_Chunk] = []
    # Of the chunks that were spoken since the last translation, the first and those that wait for theirs; and the chunk
    # that is being translated.
    fresh = 0
    waiting: list[_Chunk] = []
    target: _Chunk | None = None
    for token in _tokens_of(tokens):
        if token.text in _ENDED_BY or (final_only and token.is_final is False):
            continue
        if _is_translation(token):
            if target is None or not target.is_source_of(token):
                target = _source_of(token, chunks, fresh, waiting)
            target.translations.append(token)
            continue
        if not chunks or not chunks[-1].goes_on_with(token):
            chunks.append(_Chunk(token.speaker, token.language, is_translated=token.translation_status == "original"))
            waiting.append(chunks[-1])
        chunks[-1].tokens.append(token)
        if target is not None:
            fresh, waiting, target = len(chunks) - 1, [chunks[-1]], None
    return [chunk.segment() for chunk in chunks]


class _Chunk:
    """Speech of one speaker in one language up to its translation, which it collects.

    Attributes:
        is_translated: Whether the service says that there is, or will be, a translation.
    """

    __slots__ = ("is_translated", "language", "speaker", "tokens", "translations")

    def __init__(self, speaker: str | None, language: str | None, *, is_translated: bool) -> None:
        self.speaker = speaker
        self.language = language
        self.is_translated = is_translated
        self.tokens: list[Token] = []
        self.translations: list[Token] = []

    def goes_on_with(self, token: Token) -> bool:
        """Whether a spoken token belongs to it, if nothing else was spoken in between."""
        return (
            not self.translations
            and (self.speaker, self.language) == (token.speaker, token.language)
            and self.is_translated == (token.translation_status == "original")
        )

    def is_source_of(self, token: Token) -> bool:
        """Whether a translation may be of this. Transcripts of jobs do not always name the source language."""
        return (
            self.is_translated
            and (None in (self.speaker, token.speaker) or self.speaker == token.speaker)
            and (None in (self.language, token.source_language) or self.language == token.source_language)
            and (self.language is None or self.language != token.language)
        )

    def segment(self) -> TranslationSegment:
        start_ms, end_ms = _span(self.tokens)
        return TranslationSegment(
            text="".join([token.text for token in self.tokens]),
            translation_text="".join([token.text for token in self.translations]) if self.translations else None,
            start_ms=start_ms,
            end_ms=end_ms,
            speaker=self.speaker,
            language=self.language,
            translation_language=_common(token.language for token in self.translations) if self.translations else None,
            is_final=all(token.is_final is not False for token in self.tokens + self.translations),
            tokens=self.tokens,
            translation_tokens=self.translations,
        )


def _source_of(token: Token, chunks: list[_Chunk], fresh: int, waiting: list[_Chunk]) -> _Chunk:
    """The chunk that a translation belongs to; a new one, added to ``chunks``, if nothing fits.

    That is the first of those that wait for one, which waits no more, else the last that fits at all: its translation
    comes in several parts then.
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


def _checked_keys(group_by: Any) -> list[str]:
    with FieldErrors("the grouping") as check:
        names: list[str] = [group_by] if isinstance(group_by, str) else check.array("group_by", group_by) or []
        check.required("group_by", group_by)
        for name in names:
            if check.required("group_by", name):
                check.choice("group_by", name, _GROUP_KEYS)
    return names


def _tokens_of(source: Any) -> Iterator[Token]:
    """The tokens of whatever has some, those in dicts as tokens."""
    held = source.get("tokens") if _is_mapping(source) else getattr(source, "tokens", source)
    if isinstance(held, (str, bytes)) or not hasattr(held, "__iter__"):
        raise SonioxValidationError(f"there are no tokens in {kind_of(source)}")
    for token in held:
        found = Token.from_dict(token) if _is_mapping(token) else token
        if not isinstance(getattr(found, "text", None), str):
            raise SonioxValidationError(f"tokens must be tokens or dicts, got {kind_of(token)}")
        if not (_is_time(found.start_ms) and _is_time(found.end_ms)):
            # The fields of tokens are not checked when they come.
            found = copy(found)
            found.start_ms = found.start_ms if _is_time(found.start_ms) else None
            found.end_ms = found.end_ms if _is_time(found.end_ms) else None
        yield found


def _is_time(value: object) -> bool:
    """Whether it is None or a number of milliseconds that can be a time."""
    return value is None or (type(value) in (int, float) and -_MAX_MS < value < _MAX_MS)  # type: ignore[operator]


def _is_mapping(value: object) -> bool:
    return isinstance(value, dict) or (hasattr(value, "keys") and hasattr(value, "__getitem__"))


def _is_translation(token: Token) -> bool:
    return token.translation_status == "translation"


def _text_of(tokens: Iterable[Token], *, translations: bool) -> str:
    return "".join([token.text for token in tokens if _is_translation(token) is translations])


def _common(values: Iterable[ValueT]) -> ValueT | None:
    """The value that all have; None if they differ."""
    first, *others = values
    return first if all(other == first for other in others) else None


def _span(tokens: Sequence[Token]) -> tuple[int | None, int | None]:
    start = next((token.start_ms for token in tokens if token.start_ms is not None), None)
    end = next((token.end_ms for token in reversed(tokens) if token.end_ms is not None), None)
    return start, end


def _segment(tokens: list[Token]) -> Segment:
    start_ms, end_ms = _span(tokens)
    return Segment(
        text="".join([token.text for token in tokens]),
        start_ms=start_ms,
        end_ms=end_ms,
        speaker=_common(token.speaker for token in tokens),
        language=_common(token.language for token in tokens),
        is_translation=_is_translation(tokens[0]),
        is_final=all(token.is_final is not False for token in tokens),
        tokens=tokens,
    )


def _utterance(
    tokens: list[Token], ended_by: UtteranceEnd | None, final_ms: int | None, total_ms: int | None
) -> Utterance:
    start_ms, end_ms = _span(tokens)
    # If a limit has left nothing but translations, theirs is the language.
    spoken = [token for token in tokens if not _is_translation(token)] or tokens
    return Utterance(
        text=_text_of(tokens, translations=False),
        translation_text=_text_of(tokens, translations=True),
        start_ms=start_ms,
        end_ms=end_ms,
        speaker=_common(token.speaker for token in tokens),
        language=_common(token.language for token in spoken),
        ended_by=ended_by,
        final_audio_proc_ms=final_ms,
        total_audio_proc_ms=total_ms,
        tokens=tokens,
    )
