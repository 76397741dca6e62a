"""Simulated recognition: from words and the duration of the audio to token messages. No clock and no audio here.

This is the simple style; ``lively`` has that of the service. Audio is processed in steps of 120 ms, and one more where
an endpoint may be, so the messages do not depend on the size of the chunks. At each step:

- words that were spoken by then are recognized as non-final tokens; each message has all non-final tokens. While there
  are any, each step makes a message; in silence one step in eight does;
- words that ended a second ago become final; final tokens are sent once, before the non-final ones;
- after a pause an endpoint is detected, if enabled: everything becomes final, and ``<end>`` follows.

``finalize`` and ``finish`` do not wait for a step: words that have started are recognized and become final.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias, cast

from ..script.vocabulary import CLOSING
from .timeline import KnownWords, default_words, scripted_words
from .words import target_language

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..realtime.stt_config import SttConfig
    from ..script.transcripts import Word
    from .timeline import TimedWord, WordSource

Message: TypeAlias = dict[str, object]

_STEP_MS = 120
_FINAL_AFTER_MS = 1000
_SENTENCE_ENDPOINT_MS = 600
_QUIET_STEPS = 8
_CHUNK_WORDS = 4
_PUNCTUATION = "".join(CLOSING)
_DRAFT_DOUBT = 0.9
_MARKERS = frozenset({"<end>", "<fin>"})


@dataclass(frozen=True)
class Token:
    """A recognized token, as final and as non-final token."""

    end_ms: int
    """Milliseconds; for a translation, of the last word that it translates."""
    final: Message
    draft: Message | None
    """The non-final token: lower confidence, no punctuation at its end. None if no text remains."""


@dataclass(frozen=True)
class Pace:
    """When tokens become final, and how audio is counted."""

    final_after_ms: int
    """Milliseconds from the end of a token."""
    beyond_last_end: bool = False
    """Whether the audio that is covered by final tokens goes on after the last of them, towards the next token."""
    finalize_padding_ms: int = 0
    """``finalize`` adds audio up to the next multiple of this; 0: it adds none."""


def pace_of(config: SttConfig) -> Pace:
    """The pace where nothing else was asked for."""
    return Pace(min(_FINAL_AFTER_MS, config.max_non_final_tokens_duration_ms))


class Recognizer:
    """The recognition of one session.

    Args:
        config: The configuration of the session.
        words: The words of the audio.
        pace: None: ``pace_of``.
    """

    def __init__(self, config: SttConfig, words: WordSource, pace: Pace | None = None) -> None:
        self._config = config
        self._words = words
        self._pace = pace or pace_of(config)
        self._pieces: deque[tuple[str, int, int]] = deque()
        """The remaining pieces of the first word; empty before it has started."""
        self._tail: deque[Token] = deque()
        self._untranslated: list[TimedWord] = []
        self._endpoint_ms: int | None = None
        """When there is an endpoint, if no word begins before."""
        self._now_ms = 0
        """The last step."""
        self._quiet_steps = 0
        self._final_ms = 0
        self._padding_ms = 0

    def advance(self, audio_ms: int) -> list[Message]:
        """The messages for audio that has arrived.

        Args:
            audio_ms: Milliseconds of all audio so far.
        """
        messages: list[Message] = []
        while (step_ms := self._next_step_ms()) <= audio_ms + self._padding_ms:
            self._now_ms = step_ms
            messages += self._step(step_ms)
        return messages

    def finalize(self, audio_ms: int) -> list[Message]:
        """The messages that make everything so far final; the last one ends with ``<fin>``."""
        now_ms = audio_ms + self._padding_ms
        self._recognize_started(now_ms)
        padding_ms = self._pace.finalize_padding_ms
        if padding_ms:
            added_ms = padding_ms - now_ms % padding_ms
            self._padding_ms += added_ms
            self._words.pad(added_ms)
            now_ms += added_ms
        return self._settle([marker("<fin>")], now_ms, final_ms=now_ms)

    def finish(self, audio_ms: int, words: WordSource | None = None) -> list[Message]:
        """The last messages of the session; the last one has ``finished``.

        Args:
            audio_ms: Milliseconds of all audio.
            words: All words, if they are known only now; None: the remaining ones.
        """
        if words is not None:
            self._words = words
        now_ms = audio_ms + self._padding_ms
        self._recognize_started(now_ms, elastic_too=True)
        messages = self._settle([], now_ms, final_ms=now_ms) if self._tail else []
        return [*messages, {**self._message([], now_ms, final_ms=now_ms), "finished": True}]

    def _next_step_ms(self) -> int:
        step_ms = (self._now_ms // _STEP_MS + 1) * _STEP_MS
        # An endpoint is not late.
        return step_ms if self._endpoint_ms is None else min(step_ms, max(self._endpoint_ms, self._now_ms + 1))

    def _step(self, now_ms: int) -> list[Message]:
        self._recognize_ended(now_ms)
        self._quiet_steps += 1
        if self._endpoint_is_due(now_ms):
            self._translate_pending()
            messages = self._settle([marker("<end>")], now_ms, final_ms=now_ms)
        else:
            messages = self._regular(now_ms)
        if messages:
            self._quiet_steps = 0
        return messages

    def _regular(self, now_ms: int) -> list[Message]:
        """The messages of a step without an endpoint."""
        finals = self._take_finals(now_ms - self._pace.final_after_ms)
        final_ms = self._beyond_ms(now_ms) if finals else 0
        return [self._message(finals, now_ms, final_ms=final_ms)] if finals or self._speaks() else []

    def _speaks(self) -> bool:
        """Whether there is something to show, or nothing was sent for a while."""
        has_drafts = bool(self._tail) and self._config.enable_non_final_tokens
        return has_drafts or self._quiet_steps >= _QUIET_STEPS

    def _settle(self, markers: list[Message], now_ms: int, *, final_ms: int) -> list[Message]:
        """The messages that make all recognized words final."""
        return [self._message([*self._take_finals(None), *markers], now_ms, final_ms=final_ms)]

    def _endpoint_is_due(self, now_ms: int) -> bool:
        if self._endpoint_ms is None or self._endpoint_ms > now_ms:
            return False
        self._endpoint_ms = None
        # What is said later does not count: whether it is known depends on how the audio is cut into messages.
        begins_ms = self._words.begins_ms
        return begins_ms is None or begins_ms >= now_ms

    def _beyond_ms(self, now_ms: int) -> int:
        """How much audio the final tokens cover, when it is more than up to the end of the last of them."""
        if not self._pace.beyond_last_end:
            return 0
        times_ms = (cast("int | None", token.final.get("start_ms")) for token in self._tail)
        next_ms = next((start_ms for start_ms in times_ms if start_ms is not None), now_ms)
        return max(self._final_ms, (self._final_ms + next_ms) // 2)

    def _message(self, finals: list[Message], total_ms: int, *, final_ms: int) -> Message:
        self._final_ms = max(self._final_ms, final_ms)
        drafts = self._drafts() if self._config.enable_non_final_tokens else []
        return {
            "tokens": finals + drafts,
            "final_audio_proc_ms": self._final_ms,
            "total_audio_proc_ms": total_ms,
        }

    def _drafts(self) -> list[Message]:
        return [token.draft for token in self._tail if token.draft is not None]

    def _take_finals(self, until_ms: int | None) -> list[Message]:
        """Removes the tokens that end by then from the tail, as final tokens; None: all."""
        taken: list[Message] = []
        while self._tail and (until_ms is None or self._tail[0].end_ms <= until_ms):
            token = self._tail.popleft()
            taken.append(token.final)
            self._final_ms = max(self._final_ms, token.end_ms)
        return taken

    def _recognize_ended(self, now_ms: int) -> None:
        """Recognizes every piece of a word that has ended."""
        while (word := self._words.first()) is not None:
            if not self._pieces:
                self._pieces.extend(self._split(word))
            if self._pieces[0][2] > now_ms:
                break
            self._recognize(word, *self._pieces.popleft())
            if not self._pieces:
                self._word_done(word)

    def _recognize_started(self, now_ms: int, *, elastic_too: bool = False) -> None:
        """Recognizes every word that has started, as if it ended now; with ``elastic_too`` also words without times."""
        self._words.cut()
        while (word := self._words.first()) is not None and (word.start_ms < now_ms or (elastic_too and word.elastic)):
            for text, start_ms, end_ms in self._pieces or self._split(word):
                self._recognize(word, text, min(start_ms, now_ms), min(end_ms, now_ms))
            self._pieces.clear()
            self._word_done(word)
        self._translate_pending()

    def _split(self, word: TimedWord) -> Sequence[tuple[str, int, int]]:
        """The tokens of a word: text, start and end; called once for each word, in their order."""
        return word.pieces

    def _recognize(self, word: TimedWord, text: str, start_ms: int, end_ms: int) -> None:
        token: Message = {"text": text, "start_ms": start_ms, "end_ms": end_ms, "confidence": word.confidence}
        config = self._config
        if config.enable_speaker_diarization:
            token["speaker"] = word.speaker
        if config.enable_language_identification or config.translation:
            token["language"] = word.language
        if config.translation:
            token["translation_status"] = "original" if self._target(word) else "none"
        self._tail.append(self._token(token, end_ms))

    def _token(self, token: Message, end_ms: int) -> Token:
        return token_of(token, end_ms)

    def _word_done(self, word: TimedWord) -> None:
        self._words.take()
        config = self._config
        if config.translation:
            self._untranslated.append(word)
            if self._is_chunk(word):
                self._translate_pending()
        if config.enable_endpoint_detection:
            longest_ms = config.max_endpoint_delay_ms
            wait_ms = min(_SENTENCE_ENDPOINT_MS, longest_ms) if word.ends_sentence else longest_ms
            self._endpoint_ms = word.end_ms + wait_ms

    def _is_chunk(self, word: TimedWord) -> bool:
        """Whether the words up to this one are translated now."""
        return word.ends_sentence or len(self._untranslated) == _CHUNK_WORDS

    def _translate_pending(self) -> None:
        """Adds the translation of the words since the last translation."""
        for token in self._translation():
            self._tail.append(token_of(token, self._tail[-1].end_ms if self._tail else self._final_ms))

    def _translation(self) -> list[Message]:
        """The translation of the words since the last translation."""
        translated: list[Message] = []
        for word in self._untranslated:
            target = self._target(word)
            if target is None:
                continue
            # Without times and confidence, as the service sends translations.
            token: Message = {"text": f" {target}:{word.text.strip()}"}
            if self._config.enable_speaker_diarization:
                token["speaker"] = word.speaker
            token |= {"language": target, "translation_status": "translation", "source_language": word.language}
            translated.append(token)
        self._untranslated.clear()
        return translated

    def _target(self, word: TimedWord) -> str | None:
        """The language a word is translated into; None when it stays as it is."""
        config = self._config
        if config.translation is None or word.language in config.exclude_source_languages:
            return None
        if config.source_languages is not None and word.language not in config.source_languages:
            return None
        return target_language(config.translation, word.language)


def source_of(config: SttConfig, words: Sequence[Word] | None) -> WordSource:
    """The words of a session whose audio does not matter; None: generated words without end."""
    languages = home_languages(config)
    if words is None:
        return KnownWords(default_words(config.client_reference_id or "", languages))
    return KnownWords(scripted_words(words, languages[0]))


def home_languages(config: SttConfig) -> list[str]:
    """The languages that are spoken, the first by words that have none of their own."""
    translation = config.translation or {}
    if translation.get("type") == "two_way":
        return [translation["language_a"], translation["language_b"]]
    if config.language_hints:
        return list(islice(config.language_hints, 1))
    # With English as the default, a translation into English would be empty.
    return ["es" if translation.get("target_language") == "en" else "en"]


def token_of(token: Message, end_ms: int, *, strip: str = _PUNCTUATION) -> Token:
    """A recognized token; its non-final form has none of the characters ``strip`` at its end."""
    text = str(token["text"]).rstrip(strip)
    draft: Message = {**token, "text": text, "is_final": False}
    confidence = token.get("confidence")
    if isinstance(confidence, float):
        draft["confidence"] = round(confidence * _DRAFT_DOUBT, 3)
    return Token(end_ms, {**token, "is_final": True}, draft if text.strip() else None)


def marker(text: str) -> Message:
    """A marker token: ``<end>`` or ``<fin>``."""
    return {"text": text, "is_final": True}


def final_tokens_of(message: Message) -> list[Message]:
    """The final tokens of a message."""
    tokens = cast("list[Message]", message["tokens"])
    return [token for token in tokens if token["is_final"]]


def text_of(tokens: Iterable[Message]) -> str:
    """The text of tokens, without markers."""
    return "".join(str(token["text"]) for token in tokens if token["text"] not in _MARKERS)
