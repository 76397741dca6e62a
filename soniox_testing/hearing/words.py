"""Words, and the tokens of a complete transcript."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

from ..script.transcripts import Word
from ..script.vocabulary import VOCABULARY, space_before

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..script.records import TranscriptionRecord
    from ..wire.uploaded_audio import Audio

_WORDS_PER_SECOND = 2.5
SENTENCE_WORDS = 8
_MAX_PIECE_LENGTH = 6
_UNTIMED_WORD_MS = 300


def words_of_audio(audio: Audio) -> tuple[Word, ...]:
    """Generated words for audio without a script: about 2.5 a second, the same for the same audio.

    Sentences of eight words, with two speakers in turn.
    """
    dice = random.Random(audio.seed)  # noqa: S311 - has to be repeatable, not secret
    count = max(1, round(audio.duration_ms / 1000 * _WORDS_PER_SECOND))
    words: list[Word] = []
    for index in range(count):
        sentence, place = divmod(index, SENTENCE_WORDS)
        text = dice.choice(VOCABULARY)
        if place == 0:
            text = text.capitalize()
        if place == SENTENCE_WORDS - 1 or index == count - 1:
            text += "."
        confidence = round(dice.uniform(0.8, 0.999), 3)
        words.append(Word(text, confidence=confidence, speaker=str(1 + sentence % 2)))
    return tuple(words)


def tokens_of(job: TranscriptionRecord, words: Sequence[Word], duration_ms: int) -> list[dict[str, object]]:
    """The tokens of a job's transcript, as the API shows them; joined, their texts are the transcript.

    Args:
        job: Its options decide whether speakers, languages and translations appear.
        words: The words of the audio.
        duration_ms: Length of the audio; words without times are spread over it.
    """
    home = job.language_hints[0] if job.language_hints else "en"
    tokens: list[dict[str, object]] = []
    timed = _timed(words, duration_ms)
    for start in range(0, len(timed), SENTENCE_WORDS):
        sentence = timed[start : start + SENTENCE_WORDS]
        translated: list[dict[str, object]] = []
        for index, word in enumerate(sentence):
            language = word.language or home
            target = target_language(job.translation, language) if job.translation else None
            shown: dict[str, object] = {
                "confidence": word.confidence,
                "speaker": (word.speaker or "1") if job.enable_speaker_diarization else None,
                "language": language if job.enable_language_identification or job.translation else None,
                "is_audio_event": None,
                "translation_status": ("original" if target else "none") if job.translation else None,
            }
            space = space_before(word.text, first=start + index == 0)
            pieces = pieces_of(space + word.text, word.start_ms or 0, word.end_ms or 0)
            tokens += [{"text": text, "start_ms": from_ms, "end_ms": to_ms, **shown} for text, from_ms, to_ms in pieces]
            if target:
                # Without times, as the service shows translations.
                translation = {"language": target, "translation_status": "translation", "source_language": language}
                translated.append({"text": f"{space or ' '}{target}:{word.text}", **shown, **translation})
        tokens += translated
    return tokens


def target_language(translation: Mapping[str, str], language: str) -> str | None:
    """The language that a word is translated into; None if it is not translated."""
    if translation["type"] == "one_way":
        target = translation["target_language"]
        return None if target == language else target
    pair = {
        translation["language_a"]: translation["language_b"],
        translation["language_b"]: translation["language_a"],
    }
    return pair.get(language)


def _timed(words: Sequence[Word], duration_ms: int) -> list[Word]:
    """The same words, each with times; words without share the room between their neighbours evenly."""
    timed: list[Word] = []
    now_ms = 0
    index = 0
    while index < len(words):
        word = words[index]
        if word.start_ms is None and word.end_ms is None:
            run = index
            while run < len(words) and words[run].start_ms is None and words[run].end_ms is None:
                run += 1
            limit_ms = _next_time_ms(words, run, max(duration_ms, now_ms))
            count = run - index
            for slot, untimed in enumerate(words[index:run]):
                start_ms = now_ms + (limit_ms - now_ms) * slot // count
                end_ms = now_ms + (limit_ms - now_ms) * (slot + 1) // count
                timed.append(replace(untimed, start_ms=start_ms, end_ms=end_ms))
            now_ms = limit_ms
            index = run
            continue
        start_ms = now_ms if word.start_ms is None else word.start_ms
        if word.end_ms is None:
            end_ms = _next_time_ms(words, index + 1, start_ms + _UNTIMED_WORD_MS, at_most=True)
        else:
            end_ms = word.end_ms
        timed.append(replace(word, start_ms=start_ms, end_ms=end_ms))
        now_ms = end_ms
        index += 1
    return timed


def _next_time_ms(words: Sequence[Word], index: int, otherwise_ms: int, *, at_most: bool = False) -> int:
    """The first time given from ``index`` on, no later than ``otherwise_ms`` if ``at_most``; else that."""
    for word in words[index:]:
        given_ms = word.end_ms if word.start_ms is None else word.start_ms
        if given_ms is not None:
            return min(given_ms, otherwise_ms) if at_most else given_ms
    return otherwise_ms


def pieces_of(text: str, start_ms: int, end_ms: int) -> Iterator[tuple[str, int, int]]:
    """The sub-word tokens of a word with their times, as the real models split long words."""
    count = -(-len(text) // _MAX_PIECE_LENGTH)
    for piece in range(count):
        begin, end = len(text) * piece // count, len(text) * (piece + 1) // count
        yield (
            text[begin:end],
            start_ms + (end_ms - start_ms) * piece // count,
            start_ms + (end_ms - start_ms) * (piece + 1) // count,
        )
