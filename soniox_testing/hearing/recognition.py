"""From audio time and words to token messages. No clock and no audio here: only how many milliseconds there are.

Audio is dealt with in steps of 120 ms, so the messages do not depend on how it was cut into chunks. At each step:

- what was said by then is heard: as non-final tokens, each message with the complete tail of them. While there are
  any, each step makes a message; in silence one in eight does;
- what was said a second before is final; final tokens are sent once, in front of the others;
- after a pause an endpoint is found, if asked for: everything is final, and ``<end>`` follows.

``finalize`` and ``finish`` do not wait for a step: they hear what has begun, and everything is final.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias, cast

from .timeline import default_words, scripted_words
from .words import CLOSING, pieces_of, target_language

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..realtime.stt_config import SttConfig
    from ..script.transcripts import Word
    from .timeline import SpokenWord

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
class _Token:
    """A token that was heard, in both of its forms."""

    end_ms: int
    """Milliseconds; of a translation, those of the last word it translates."""
    final: Message
    draft: Message | None
    """As non-final token: less sure, and without punctuation, which is decided last. None when nothing is left."""


class Recognizer:
    """The recognition of one session.

    Args:
        config: What was asked for.
        words: What is said; None: words of its own that never end.
    """

    def __init__(self, config: SttConfig, words: Sequence[Word] | None) -> None:
        self._config = config
        languages = home_languages(config)
        self._words: Iterator[SpokenWord] = (
            default_words(config.client_reference_id or "", languages)
            if words is None
            else scripted_words(words, languages[0])
        )
        self._next = next(self._words, None)
        """The word that is not yet heard to its end."""
        self._pieces: deque[tuple[str, int, int]] = deque()
        """What is left of it; empty when it has not begun."""
        self._tail: deque[_Token] = deque()
        self._untranslated: list[SpokenWord] = []
        self._endpoint_ms: int | None = None
        self._steps = 0
        self._quiet_steps = 0
        self._final_ms = 0
        self._final_after_ms = min(_FINAL_AFTER_MS, config.max_non_final_tokens_duration_ms)

    def advance(self, audio_ms: int) -> list[Message]:
        """The messages for audio that has arrived.

        Args:
            audio_ms: Milliseconds of all audio so far.
        """
        messages: list[Message] = []
        while (self._steps + 1) * _STEP_MS <= audio_ms:
            self._steps += 1
            message = self._step(self._steps * _STEP_MS)
            if message is not None:
                messages.append(message)
        return messages

    def finalize(self, audio_ms: int) -> list[Message]:
        """The messages after which everything so far is final; the last ends with ``<fin>``."""
        self._hear_begun(audio_ms)
        finals = self._take_finals(None)
        return [self._message([*finals, marker("<fin>")], audio_ms, final_ms=audio_ms)]

    def finish(self, audio_ms: int, words: Sequence[Word] | None = None) -> list[Message]:
        """The messages that end the session, of which the last says so.

        Args:
            audio_ms: Milliseconds of all audio.
            words: All that is said, where it is known only now; None: what is left.
        """
        if words is not None:
            self._words = scripted_words(words, home_languages(self._config)[0])
            self._next = next(self._words, None)
        self._hear_begun(audio_ms, elastic_too=True)
        finals = self._take_finals(None)
        messages = [self._message(finals, audio_ms, final_ms=audio_ms)] if finals else []
        return [*messages, {**self._message([], audio_ms, final_ms=audio_ms), "finished": True}]

    def _step(self, now_ms: int) -> Message | None:
        self._hear_ended(now_ms)
        if self._endpoint_ms is not None and self._endpoint_ms <= now_ms:
            self._endpoint_ms = None
            self._translate_heard()
            finals = [*self._take_finals(None), marker("<end>")]
            final_ms = now_ms
        else:
            finals = self._take_finals(now_ms - self._final_after_ms)
            final_ms = 0
        self._quiet_steps += 1
        speech = finals or (self._tail and self._config.enable_non_final_tokens)
        if not speech and self._quiet_steps < _QUIET_STEPS:
            return None
        self._quiet_steps = 0
        return self._message(finals, now_ms, final_ms=final_ms)

    def _message(self, finals: list[Message], total_ms: int, *, final_ms: int) -> Message:
        self._final_ms = max(self._final_ms, final_ms)
        drafts: list[Message] = []
        if self._config.enable_non_final_tokens:
            drafts = [token.draft for token in self._tail if token.draft is not None]
        return {
            "tokens": finals + drafts,
            "final_audio_proc_ms": self._final_ms,
            "total_audio_proc_ms": total_ms,
        }

    def _take_finals(self, until_ms: int | None) -> list[Message]:
        """The tokens of the tail that end by then, which are final from now on; None: all."""
        taken: list[Message] = []
        while self._tail and (until_ms is None or self._tail[0].end_ms <= until_ms):
            token = self._tail.popleft()
            taken.append(token.final)
            self._final_ms = max(self._final_ms, token.end_ms)
        return taken

    def _hear_ended(self, now_ms: int) -> None:
        """Hears every piece of a word that has ended."""
        while (word := self._next) is not None:
            if not self._pieces:
                self._pieces.extend(pieces_of(word.text, word.start_ms, word.end_ms))
            if self._pieces[0][2] > now_ms:
                break
            self._hear(word, *self._pieces.popleft())
            if not self._pieces:
                self._word_done(word)

    def _hear_begun(self, now_ms: int, *, elastic_too: bool = False) -> None:
        """Hears every word that has begun, as if it ended now, and all that stands before its time was given."""
        while (word := self._next) is not None and (word.start_ms < now_ms or (elastic_too and word.elastic)):
            for text, start_ms, end_ms in self._pieces or pieces_of(word.text, word.start_ms, word.end_ms):
                self._hear(word, text, min(start_ms, now_ms), min(end_ms, now_ms))
            self._pieces.clear()
            self._word_done(word)
        self._translate_heard()

    def _hear(self, word: SpokenWord, text: str, start_ms: int, end_ms: int) -> None:
        token: Message = {"text": text, "start_ms": start_ms, "end_ms": end_ms, "confidence": word.confidence}
        config = self._config
        if config.enable_speaker_diarization:
            token["speaker"] = word.speaker
        if config.enable_language_identification or config.translation:
            token["language"] = word.language
        if config.translation:
            token["translation_status"] = "original" if self._target(word) else "none"
        self._tail.append(_token(token, end_ms))

    def _word_done(self, word: SpokenWord) -> None:
        self._next = next(self._words, None)
        config = self._config
        if config.translation:
            self._untranslated.append(word)
            if word.ends_sentence or len(self._untranslated) == _CHUNK_WORDS:
                self._translate_heard()
        if config.enable_endpoint_detection:
            longest_ms = config.max_endpoint_delay_ms
            wait_ms = min(_SENTENCE_ENDPOINT_MS, longest_ms) if word.ends_sentence else longest_ms
            silent = self._next is None or self._next.start_ms >= word.end_ms + wait_ms
            # The last step in time: an endpoint comes no later than the longest delay.
            self._endpoint_ms = (word.end_ms + wait_ms) // _STEP_MS * _STEP_MS if silent else None

    def _translate_heard(self) -> None:
        """Hears the translation of the words heard since the last one."""
        for word in self._untranslated:
            target = self._target(word)
            if target is None:
                continue
            # Without times and confidence: that is how clients meet translations.
            token: Message = {"text": f" {target}:{word.text.strip()}"}
            if self._config.enable_speaker_diarization:
                token["speaker"] = word.speaker
            token |= {"language": target, "translation_status": "translation", "source_language": word.language}
            self._tail.append(_token(token, self._tail[-1].end_ms if self._tail else self._final_ms))
        self._untranslated.clear()

    def _target(self, word: SpokenWord) -> str | None:
        """The language a word is translated into; None when it stays as it is."""
        config = self._config
        if config.translation is None or word.language in config.exclude_source_languages:
            return None
        if config.source_languages is not None and word.language not in config.source_languages:
            return None
        return target_language(config.translation, word.language)


def home_languages(config: SttConfig) -> list[str]:
    """The languages that are spoken, the first by words that have none of their own."""
    translation = config.translation or {}
    if translation.get("type") == "two_way":
        return [translation["language_a"], translation["language_b"]]
    if config.language_hints:
        return list(islice(config.language_hints, 1))
    # Otherwise a translation into English would have nothing to do.
    return ["es" if translation.get("target_language") == "en" else "en"]


def _token(token: Message, end_ms: int) -> _Token:
    text = str(token["text"])
    draft: Message | None = {**token, "text": text.rstrip(_PUNCTUATION), "is_final": False}
    if draft is not None and not str(draft["text"]).strip():
        draft = None
    confidence = token.get("confidence")
    if draft is not None and isinstance(confidence, float):
        draft["confidence"] = round(confidence * _DRAFT_DOUBT, 3)
    return _Token(end_ms, {**token, "is_final": True}, draft)


def marker(text: str) -> Message:
    """A token that is no speech: ``<end>`` or ``<fin>``."""
    return {"text": text, "is_final": True}


def final_tokens_of(message: Message) -> list[Message]:
    """The final tokens of a message."""
    tokens = cast("list[Message]", message["tokens"])
    return [token for token in tokens if token["is_final"]]


def text_of(tokens: Iterable[Message]) -> str:
    """What tokens say, without the markers."""
    return "".join(str(token["text"]) for token in tokens if token["text"] not in _MARKERS)
