"""Words from tokens, and final tokens held back until their word is whole. No I/O.

Theory of operation. The service sends pieces of words, and makes them final piece by piece. A connection that breaks
between two pieces leaves half a word; its successor is sent the audio again, and may split the word elsewhere. So a
session that can be resumed gives out words, not pieces: a final token goes out as final when the next token begins
another word. Until then it goes out as the first of the non-final ones. What is on the screen does not change; a word
becomes final at most one word later.

A token begins a word if it has a leading space. In scripts without spaces (Chinese, Japanese, Thai) every token does,
and each letter counts as a word, as two connections may split a text into tokens differently. The words of a
translation are not held one by one, but its *run*: the tokens that translate one stretch of speech.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..types.realtime import TOKEN_TEXT_END, TOKEN_TEXT_FIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from ..types.common import Token
    from ._cut import Delivered

MARKS = (TOKEN_TEXT_END, TOKEN_TEXT_FIN)
# A word is over when so much audio without words has followed it. Without this, silence would hold back what was said
# last. A translation lags, so that it may go on while nothing is to become final.
_SETTLED_MS = 1000
_TRANSLATION_LAG_MS = 3000
# Three years; a longer time, or one that is no number, counts as unknown.
_MAX_MS = 100_000_000_000
# Code points of scripts that are written without spaces, with their punctuation: Thai to Burmese, Khmer, Chinese and
# Japanese, compatible and full-width forms, further Chinese.
_UNSPACED = (
    *((0x0E00, 0x10A0), (0x1780, 0x1800), (0x3000, 0xA000)),
    *((0xF900, 0xFB00), (0xFF00, 0xFFF0), (0x20000, 0x40000)),
)
_OPENING = "\"'([{¿¡“‘„«"  # noqa: RUF001
# What is left out when two texts are compared.
_IGNORED = dict.fromkeys(map(ord, " \t\n\r!\"#$%&'()*+,-./:;<=>@[\\]^_`{|}¿¡“”‘’„«»…–—·،؟۔।॥"))  # noqa: RUF001
_IGNORED.update(dict.fromkeys(map(ord, "。、，．！？：；・「」『』（）《》【】")))  # noqa: RUF001


@dataclass(frozen=True)
class Said:
    """What is remembered of a token that was given out: the program may change the token itself."""

    text: str
    start_ms: Any
    end_ms: Any
    speaker: Any
    translation_status: Any


@dataclass(frozen=True)
class Word:
    """A word that was said.

    Attributes:
        text: For comparisons: without case, spaces and punctuation.
        start_ms: Where it begins.
        end_ms: Where it ends.
        speaker: Who said it; None without diarization.
        index: The place of its first token among those that it was made from.
        offset: Where it begins in that token's text; not 0 only in scripts without spaces.
    """

    text: str
    start_ms: float
    end_ms: float
    speaker: str | None
    index: int
    offset: int

    @property
    def middle_ms(self) -> float:
        """The time in its middle."""
        return (self.start_ms + self.end_ms) / 2


def begins_word(text: str, before: str) -> bool:
    """Whether a token with this text begins a word, after a token with the text ``before``."""
    if not text:
        return False
    if text[0].isspace():
        return True
    if before[-1:].isspace():
        # A token that is nothing but a space is the beginning of this word.
        return not before.isspace()
    # A mark of punctuation, or a vowel sign of Thai, belongs to the letter before it.
    return text[0].isalnum() and (_is_unspaced(text[0]) or _is_unspaced(before[-1:]))


def trailing_punctuation(text: str) -> str:
    """The marks of punctuation that a text ends with."""
    end = len(text)
    while end and ord(text[end - 1]) in _IGNORED:
        end -= 1
    return text[end:].strip()


def needs_space(before: str, text: str) -> bool:
    """Whether a space belongs between the text that a connection ended with, and the first text of the next one."""
    if not before or not text or before[-1].isspace() or _is_unspaced(before[-1]) or _is_unspaced(text[0]):
        return False
    return text[0].isalnum() or text[0] in _OPENING


def _is_unspaced(letter: str) -> bool:
    return letter > "\u0dff" and any(first <= ord(letter) < end for first, end in _UNSPACED)


def is_translation(token: Token | Said) -> bool:
    """Whether a token translates speech; the others were said, or are marks."""
    return token.translation_status == "translation"


def time_of(value: Any) -> float | None:
    """A time of a token; None if it has none. The fields of tokens are not checked when they arrive."""
    return value if type(value) in (int, float) and -_MAX_MS < value < _MAX_MS else None


def changed(token: Token, **fields: Any) -> Token:
    """A copy with other values in some fields: tokens that were given out belong to the user."""
    copy: Token = object.__new__(type(token))
    vars(copy).update(vars(token), **fields)
    return copy


class _Draft:
    """A word that is being put together."""

    def __init__(self, index: int, offset: int, speaker: str | None) -> None:
        self.index, self.offset, self.speaker = index, offset, speaker
        self.text = ""
        self.start_ms: float | None = None
        self.end_ms: float | None = None

    def add(self, text: str, start_ms: float | None, end_ms: float | None) -> None:
        self.text += text
        self.start_ms = start_ms if self.start_ms is None else self.start_ms
        self.end_ms = self.end_ms if end_ms is None else end_ms


def words_of(tokens: Iterable[Token | Said]) -> list[Word]:
    """What was said, word by word; without marks and translations.

    Punctuation belongs to the word before it. A word without a time stands at the end of the one before.
    """
    drafts: list[_Draft] = []
    before, is_new = "", True
    for index, token in enumerate(tokens):
        if token.text in MARKS:
            is_new = True
        elif not is_translation(token):
            for offset, text, start_ms, end_ms in _pieces(token):
                if is_new or begins_word(text, before):
                    drafts.append(_Draft(index, offset, token.speaker if type(token.speaker) is str else None))
                drafts[-1].add(text, start_ms, end_ms)
                before, is_new = text, False
    words: list[Word] = []
    last_ms = 0.0
    for draft in drafts:
        text = draft.text.casefold().translate(_IGNORED).rstrip("?")
        start_ms = last_ms if draft.start_ms is None else draft.start_ms
        last_ms = start_ms if draft.end_ms is None else draft.end_ms
        if text:
            words.append(Word(text, start_ms, last_ms, draft.speaker, draft.index, draft.offset))
    return words


def _pieces(token: Token | Said) -> Iterator[tuple[int, str, float | None, float | None]]:
    """A token's text by words, each with its place in the text and its times: one, but for scripts without spaces."""
    text, start_ms, end_ms = token.text, time_of(token.start_ms), time_of(token.end_ms)
    places = [0]
    if text and max(text) > "\u0dff":
        places += [
            place
            for place in range(1, len(text))
            if not text[place - 1].isspace() and begins_word(text[place], text[place - 1])
        ]
    for place, end in zip(places, [*places[1:], len(text)], strict=True):
        if start_ms is None or end_ms is None:
            yield place, text[place:end], start_ms, end_ms
        else:
            each_ms = (end_ms - start_ms) / (len(text) or 1)
            yield place, text[place:end], start_ms + place * each_ms, start_ms + end * each_ms


class WholeWords:
    """Holds back the final tokens of one connection until their word is whole.

    Attributes:
        held: Tokens that are final for the service and have not been given out as final.
        whole: How many of the tokens that went out last are final.
    """

    def __init__(self, after: Delivered | None = None) -> None:
        """A gate that holds nothing.

        Args:
            after: What other connections delivered before. The first word of a connection comes without a leading
                space, and is given one here where it is needed.
        """
        self.held: list[Token] = []
        self.whole: int = 0
        # End of the last final token.
        self._said_ms = 0.0
        self._after = after
        # The kinds whose first final token has not come yet: speech (False), translation (True).
        self._unspaced: set[bool] = set() if after is None else {False, True}

    def feed(
        self,
        tokens: list[Token],
        final_audio_ms: float | None = None,
        total_audio_ms: float | None = None,
        *,
        finished: bool = False,
    ) -> list[Token]:
        """The tokens of a message as they go out: those that are whole, then those held, not final, then the tail.

        Args:
            tokens: Of the message. They are not changed.
            final_audio_ms: ``final_audio_proc_ms`` of the message.
            total_audio_ms: ``total_audio_proc_ms`` of the message.
            finished: Whether it is the last message, so that nothing follows that a word could continue with.

        Returns:
            ``tokens`` itself if they go out unchanged.
        """
        if self._unspaced:
            tokens = self._spaced(tokens)
        # Final tokens come first.
        count = 0
        for token in tokens:
            if token.is_final is False:
                # The usual message: words have become final, and another one follows.
                if not self.held and (
                    not count or (token.text[:1] == " " and tokens[count - 1].translation_status is None)
                ):
                    self.whole = count
                    return tokens
                break
            count += 1
        if not count and not self.held:
            self.whole = 0
            return tokens
        finals, tail = self.held + tokens[:count], tokens[count:]
        for token in finals:
            self._said_ms = time_of(token.end_ms) or self._said_ms
        quiet_ms = self._said_ms + (_TRANSLATION_LAG_MS if is_translation(finals[-1]) else _SETTLED_MS)
        is_settled = (final_audio_ms or 0) >= self._said_ms + _SETTLED_MS or (total_audio_ms or 0) >= quiet_ms
        self.whole = whole = len(finals) if finished else _count_whole(finals, tail, is_settled=is_settled)
        if whole == len(finals) and not self.held:
            return tokens
        self.held = finals[whole:]
        return finals[:whole] + [changed(token, is_final=False) for token in self.held] + tail

    def _spaced(self, tokens: list[Token]) -> list[Token]:
        after = self._after
        texts = () if after is None else ((False, after.last_text), (True, after.last_translation))
        for kind, before in texts:
            place = next(
                (
                    place
                    for place, token in enumerate(tokens)
                    if token.text and token.text not in MARKS and is_translation(token) is kind
                ),
                None,
            )
            if kind not in self._unspaced or place is None:
                continue
            first = tokens[place]
            if first.is_final is not False:
                self._unspaced.remove(kind)
            if needs_space(before, first.text):
                tokens = [*tokens[:place], changed(first, text=" " + first.text), *tokens[place + 1 :]]
        return tokens


def _count_whole(finals: Sequence[Token], tail: Sequence[Token], *, is_settled: bool) -> int:
    """How many of the final tokens are whole, knowing the non-final ones that follow.

    Args:
        finals: At least one.
        tail: The tokens that follow.
        is_settled: Whether audio without words follows.
    """
    last = finals[-1]
    following = next((token for token in tail if token.text), None)
    if last.text in MARKS or (following is None and is_settled):
        return len(finals)
    run = _run_start(finals) if is_translation(last) else len(finals)
    word = _word_start(finals[:run])
    spoken = next((token for token in tail if token.text and not is_translation(token)), None)
    before = finals[run - 1].text if word < run else ""
    if before and spoken is not None and spoken.text not in MARKS and not begins_word(spoken.text, before):
        # The last word goes on, even if it has been translated.
        return word
    if is_translation(last):
        return run if following is None or is_translation(following) else len(finals)
    return word if following is None else len(finals)


def _run_start(tokens: Sequence[Token]) -> int:
    """Where the translation begins that the tokens end with."""
    place = len(tokens)
    while place and is_translation(tokens[place - 1]):
        place -= 1
    return place


def _word_start(tokens: Sequence[Token]) -> int:
    """Where the word begins that the tokens end with. A mark or a translation ends a word."""
    place = len(tokens)
    while place and tokens[place - 1].text not in MARKS and not is_translation(tokens[place - 1]):
        place -= 1
        if begins_word(tokens[place].text, tokens[place - 1].text if place else ""):
            break
    return place
