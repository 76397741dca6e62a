"""Recordings: audio that the fake hears by its content, and how well it hears."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence  # noqa: TC003 - for typing.get_type_hints
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Literal

from ..wire.positions import PositionCode
from ..wire.raw_formats import raw_name
from ..wire.wav import header_of
from .transcripts import Word, words_of
from .vocabulary import CLOSING, VOCABULARY, space_before

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

CUT = "~"
"""Before the letters of a word that was heard in part."""
REWORDED = "x"
"""Before a word that was heard as another one. A letter: many programs ignore punctuation when they compare words."""

_QUIET_MS = 300
"""Before the first word and after the last one of a conversation."""
_FREQUENT = ("yeah", "no", "the", "and")
_NEARBY_WORDS = 8


@dataclass(frozen=True)
class Recording:
    """Audio with its words. Each sample says where in the recording it is.

    So a fake hears which part of it a session gets, however a client has cut it; see ``FakeSoniox.add_recording``. To a
    person it is noise.
    """

    words: Sequence[Word]
    """Each with both times, in milliseconds from the start; none with white space, and none inside another."""
    duration_ms: int = field(kw_only=True)
    audio_format: str = field(default="pcm_s16le", kw_only=True)
    """A raw format; ``wav()`` needs ``pcm_s16le``."""
    sample_rate: int = field(default=16_000, kw_only=True)
    """In hertz, a multiple of 1000."""
    num_channels: int = field(default=1, kw_only=True)
    spaces: bool = field(default=True, kw_only=True)
    """Whether there are spaces between words; False for a language without them, such as Chinese."""

    def __post_init__(self) -> None:
        latest_ms = 0
        for word in words_of(self.words):
            if word.start_ms is None or word.end_ms is None or word.end_ms <= word.start_ms:
                raise ValueError(f"the Word {word.text!r} of a recording needs a start_ms, and an end_ms after it")
            if word.text.split() != [word.text]:
                raise ValueError(f"the Word {word.text!r} of a recording must not hold white space")
            latest_ms = word.end_ms
        if self.duration_ms < latest_ms:
            raise ValueError(f"a recording of {self.duration_ms} ms has no word that ends at {latest_ms} ms")
        name = raw_name(self.audio_format)
        if name is None:
            raise ValueError(f"the audio_format of a recording must be a raw format, not {self.audio_format!r}")
        if not 2000 <= self.sample_rate <= 96_000 or self.sample_rate % 1000 or not 1 <= self.num_channels <= 8:
            raise ValueError(f"no recording has {self.num_channels} channels at {self.sample_rate} Hz")
        object.__setattr__(self, "words", tuple(self.words))
        object.__setattr__(self, "audio_format", name)

    @classmethod
    def conversation(
        cls,
        seconds: float,
        *,
        seed: int = 0,
        audio_format: str = "pcm_s16le",
        sample_rate: int = 16_000,
        num_channels: int = 1,
    ) -> Self:
        """A conversation of two speakers with short and long pauses, frequent words and repetitions.

        Args:
            seconds: Its length.
            seed: The same seed gives the same words and times.
            audio_format: As the attribute.
            sample_rate: As the attribute.
            num_channels: As the attribute.
        """
        dice = random.Random(seed)  # noqa: S311 - has to be repeatable, not secret
        words: list[Word] = []
        now_ms, speaker, text, begins = _QUIET_MS, 1, "", True
        while True:
            end_ms = now_ms + dice.randint(120, 520)
            if end_ms + _QUIET_MS > seconds * 1000:
                break
            if not (words and dice.random() < 0.05):
                text = dice.choice(_FREQUENT) if dice.random() < 0.3 else dice.choice(VOCABULARY)
            pauses = dice.random() < 0.15
            shown = (text.capitalize() if begins else text) + ("." if pauses else "")
            confidence = round(dice.uniform(0.8, 0.999), 3)
            words.append(Word(shown, now_ms, end_ms, confidence=confidence, speaker=str(speaker)))
            now_ms = end_ms + (dice.randint(400, 1500) if pauses else dice.randint(0, 130))
            if pauses and dice.random() < 0.5:
                speaker = 3 - speaker
            begins = pauses
        return cls(
            words,
            duration_ms=round(seconds * 1000),
            audio_format=audio_format,
            sample_rate=sample_rate,
            num_channels=num_channels,
        )

    @property
    def config(self) -> dict[str, object]:
        """The fields of a start message for ``audio``."""
        return {
            "audio_format": self.audio_format,
            "sample_rate": self.sample_rate,
            "num_channels": self.num_channels,
        }

    @property
    def text(self) -> str:
        """All words, as they are heard without a mistake."""
        return "".join(self.spaced(word.text, first=number == 0) for number, word in enumerate(self.words))

    def spaced(self, text: str, *, first: bool) -> str:
        """A word with the space before it, if there is one; none before the first word."""
        return (space_before(text, first=first) if self.spaces else "") + text

    def audio(self, start_ms: int = 0, end_ms: int | None = None) -> bytes:
        """The samples without a header.

        Args:
            start_ms: Milliseconds from the start of the recording.
            end_ms: None: the end of the recording.
        """
        until_ms = self.duration_ms if end_ms is None else min(end_ms, self.duration_ms)
        per_ms = self.sample_rate // 1000
        return self.code().encode(start_ms * per_ms, max(start_ms, until_ms) * per_ms)

    def chunks(self, ms: int = 120) -> Iterator[bytes]:
        """The samples in pieces of so many milliseconds.

        Args:
            ms: Milliseconds of audio in each chunk.
        """
        for start_ms in range(0, self.duration_ms, ms):
            yield self.audio(start_ms, start_ms + ms)

    def wav(self) -> bytes:
        """The recording as a WAV file.

        Raises:
            ValueError: Its format is not ``pcm_s16le``.
        """
        if self.audio_format != "pcm_s16le":
            raise ValueError(f"a WAV file needs a recording in pcm_s16le, not in {self.audio_format}")
        samples = self.audio()
        return header_of(self.sample_rate, self.num_channels, len(samples)) + samples

    def code(self) -> PositionCode:
        """The positions in its samples."""
        return PositionCode(self.audio_format, self.num_channels)

    def compare(self, text: str) -> Comparison:
        """Compares what a client ended with to the words of the recording.

        Args:
            text: All final tokens of all connections, joined, without markers and translations.
        """
        return _compare(self._units(self.text), self._units(text))

    def _units(self, text: str) -> list[str]:
        return text.split() if self.spaces else list(text)


@dataclass(frozen=True)
class Hearing:
    """How well a fake hears a recording.

    Each session draws anew, from ``seed`` and its number among the sessions that heard the recording, so two sessions
    hear the same audio differently, as with the service. The defaults hear every word as it was said.
    """

    seed: int = 0
    jitter_ms: float = 0
    """Standard deviation of the start and of the end of each word, in milliseconds."""
    rewording: float = 0
    """Share of the words that are heard as another word: with ``x`` before it. 0 to 1."""
    first_word: float = 0
    """Probability that the first word of a session is heard as another word if the audio begins inside speech, less
    than 300 ms before the word. 0 to 1."""
    split: bool = True
    """Whether words are split into tokens, one to three, at other places in each session."""
    final_after_ms: int | tuple[int, int] = 1000
    """Milliseconds from the end of a token until it becomes final; or the bounds within which each session has its
    own. ``max_non_final_tokens_duration_ms`` lowers it if the client gave it."""
    final_audio: Literal["last_end", "beyond"] = "last_end"
    """``final_audio_proc_ms``: where the last final token ended, or somewhere between that and the next token."""
    finalize_padding_ms: int = 0
    """If not 0, both counters of a message with ``<fin>`` are the next multiple of this above the audio so far, and
    all later times are later by as much. The service seems to have 120."""
    speakers: Literal["kept", "by_appearance", "shuffled"] = "kept"
    """The labels of a session: those of the recording, numbers in the order in which the speakers are heard, or
    exchanged at random."""

    def __post_init__(self) -> None:
        for name in ("rewording", "first_word"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1, not {getattr(self, name)}")
        if self.jitter_ms < 0 or self.finalize_padding_ms < 0 or min(self.final_bounds_ms) < 0:
            raise ValueError("jitter_ms, final_after_ms and finalize_padding_ms must not be negative")
        if self.final_audio not in {"last_end", "beyond"}:
            raise ValueError(f"final_audio must be 'last_end' or 'beyond', not {self.final_audio!r}")
        if self.speakers not in {"kept", "by_appearance", "shuffled"}:
            raise ValueError(f"speakers must be 'kept', 'by_appearance' or 'shuffled', not {self.speakers!r}")

    @property
    def final_bounds_ms(self) -> tuple[int, int]:
        """The least and the greatest ``final_after_ms`` of a session."""
        lag_ms = self.final_after_ms
        return lag_ms if isinstance(lag_ms, tuple) else (lag_ms, lag_ms)

    @classmethod
    def exact(cls, seed: int = 0) -> Self:
        """Every session hears the same words at the same times; tokens and the lag of finals differ.

        Args:
            seed: Of the random numbers: the same seed hears the same.
        """
        return cls(seed, final_after_ms=(300, 4000))

    @classmethod
    def mild(cls, seed: int = 0) -> Self:
        """Times differ by 40 ms, 3 of 100 words, and 10 of 100 first words.

        Args:
            seed: Of the random numbers: the same seed hears the same.
        """
        return cls(seed, jitter_ms=40, rewording=0.03, first_word=0.1, final_after_ms=(300, 4000))

    @classmethod
    def rough(cls, seed: int = 0) -> Self:
        """Times differ by 100 ms, 10 of 100 words, and 20 of 100 first words.

        Args:
            seed: Of the random numbers: the same seed hears the same.
        """
        return cls(seed, jitter_ms=100, rewording=0.1, first_word=0.2, final_after_ms=(300, 4000))


@dataclass(frozen=True)
class Comparison:
    """What became of the words of a recording."""

    expected: int
    """Number of words in the recording."""
    received: int
    """Number of words in the text."""
    lost: tuple[str, ...]
    """Words that are missing."""
    doubled: tuple[str, ...]
    """Words that are there once more."""
    out_of_order: tuple[str, ...]
    """Words that are at a wrong place."""
    mangled: tuple[str, ...]
    """Words that were not said: parts of words, and words that lack their punctuation or the space between them. A word
    that was heard as another one is not among them."""
    places: int
    """At how many places something is wrong. Mistakes with at most eight right words between them are at one place."""

    @property
    def is_clean(self) -> bool:
        """Whether every word is there once, in its place."""
        return not (self.lost or self.doubled or self.out_of_order or self.mangled)

    def __str__(self) -> str:
        counts = f"{self.expected} words expected, {self.received} received"
        kinds = ("lost", "doubled", "out_of_order", "mangled")
        return "; ".join([counts, *(f"{len(getattr(self, kind))} {kind.replace('_', ' ')}" for kind in kinds)])


@dataclass(eq=False)
class AddedRecording:
    """A recording that sessions of a fake hear."""

    recording: Recording
    hearing: Hearing
    client_reference_id: str | None
    sessions: int = 0
    """How many have heard it."""


def _compare(expected: list[str], received: list[str]) -> Comparison:
    known = set(expected)
    said = [text if text in known else text.removeprefix(REWORDED) for text in received]
    lost: list[tuple[int, str]] = []
    doubled: list[tuple[int, str]] = []
    mangled: list[str] = []
    places, right_until = 0, -_NEARBY_WORDS - 1
    for _, begin, end, from_, to in SequenceMatcher(None, expected, said, autojunk=False).get_opcodes():
        missing, new = expected[begin:end], said[from_:to]
        if missing == new:
            continue
        places += begin - right_until > _NEARBY_WORDS
        right_until = end
        nearby = expected[max(0, begin - len(new) - _NEARBY_WORDS) : end + len(new) + _NEARBY_WORDS]
        for text in new:
            if text in nearby and not (missing and _bare(text) == _bare(missing[0])):
                doubled.append((begin, text))
                continue
            mangled.append(text)
            # It stands for the words that it was made of.
            del missing[: max(1, _joined(missing, text))]
        lost += [(begin, text) for text in missing]
    moved = _moved(lost, doubled)
    return Comparison(
        expected=len(expected),
        received=len(received),
        lost=_without([text for _, text in lost], moved),
        doubled=_without([text for _, text in doubled], moved),
        out_of_order=tuple(moved),
        mangled=tuple(mangled),
        places=places,
    )


def _bare(text: str) -> str:
    """A word without the punctuation after it."""
    return text.rstrip("".join(CLOSING))


def _joined(words: list[str], text: str) -> int:
    """How many of the words make up a text without spaces; 0: none."""
    for count in range(2, len(words) + 1):
        if "".join(words[:count]) == text:
            return count
    return 0


def _moved(lost: list[tuple[int, str]], doubled: list[tuple[int, str]]) -> list[str]:
    """The words that are lost at one place and too many near it."""
    rest = list(doubled)
    moved: list[str] = []
    for place, text in lost:
        near = [entry for entry in rest if entry[1] == text and abs(entry[0] - place) <= _NEARBY_WORDS]
        if near:
            rest.remove(near[0])
            moved.append(text)
    return moved


def _without(texts: list[str], taken: list[str]) -> tuple[str, ...]:
    left = Counter(taken)
    kept: list[str] = []
    for text in texts:
        if left[text]:
            left[text] -= 1
        else:
            kept.append(text)
    return tuple(kept)
