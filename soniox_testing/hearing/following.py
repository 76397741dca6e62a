"""The words of a recording in the audio that one session gets, wherever that was cut."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import deque
from itertools import pairwise
from typing import TYPE_CHECKING

from ..script.recordings import CUT, REWORDED
from ..script.vocabulary import SENTENCE_ENDS
from ..wire.raw_formats import raw_name
from ..wire.wav import BEGINNING_BYTES, WavHeader, is_wav
from .timeline import TimedWord

if TYPE_CHECKING:
    from ..script.recordings import AddedRecording
    from ..script.transcripts import Word
    from .audio_meter import AudioFormat

_UNHEARD = 0.35
"""A word of which less than this was in the audio is not heard."""
_HEARD = 0.8
"""A word of which at least this was in the audio is heard as it is."""
_LEAD_IN_MS = 300
_SPEECH_GAP_MS = 200


class FollowedWords:
    """The words in the audio of one session; see ``WordSource``.

    Args:
        added: The recording, and how it is heard.
        audio_format: As the client declared it. In another format than the recording's, no words are heard.
        language: Of words that have none.
    """

    def __init__(self, added: AddedRecording, audio_format: AudioFormat, language: str) -> None:
        self._recording, self._hearing = added.recording, added.hearing
        self._words = added.recording.words
        self._starts_ms = [word.start_ms or 0 for word in self._words]
        self._language = language
        self._dice = random.Random(f"{added.hearing.seed}:{added.sessions}")  # noqa: S311 - has to be repeatable, not secret
        self.final_after_ms: int = self._dice.randint(*added.hearing.final_bounds_ms)
        self._code = added.recording.code()
        self._rest = b""
        """Bytes that are not decoded yet."""
        self._header = audio_format.sample_bytes is None
        """Whether a header has to come first."""
        self._decodes = self._header or (raw_name(audio_format.name), audio_format.sample_rate) == (
            added.recording.audio_format,
            added.recording.sample_rate,
        )
        self._frames = 0
        """Of this session, without padding."""
        self._padding_ms = 0
        self._position: int | None = None
        """The number of the frame of the recording that would come next; None outside it."""
        self._heard_from = 0
        """Since which frame of the recording nothing was left out."""
        self._index = 0
        """The first word that is not complete."""
        self._ended: deque[TimedWord] = deque()
        self._latest_ms = 0
        """Where the last word ended."""
        self._anything = False
        self._labels: dict[str, str] = {}

    def add(self, data: bytes) -> None:
        """Takes the next bytes of audio."""
        if not self._decodes:
            return
        self._rest += data
        if self._header and not self._skip_header():
            return
        frame_bytes = self._code.frame_bytes
        frames = len(self._rest) // frame_bytes
        if frames >= self._code.shortest:
            whole, self._rest = self._rest[: frames * frame_bytes], self._rest[frames * frame_bytes :]
            for begin, count in self._code.runs(whole):
                self._run(begin, count)

    def first(self) -> TimedWord | None:
        """The first word that was not taken and has come completely."""
        return self._ended[0] if self._ended else None

    def take(self) -> None:
        """Removes it."""
        self._ended.popleft()

    @property
    def begins_ms(self) -> int | None:
        """When the first word that was not taken begins, also if it has not come completely."""
        if self._ended:
            return self._ended[0].start_ms
        begun = self._begun()
        return None if begun is None else self._session_ms(max(self._frame(begun.start_ms), self._heard_from))

    def cut(self) -> None:
        """Ends the word that has begun; what follows of it is another one."""
        if self._position is not None:
            if (word := self._begun()) is not None:
                self._hear(word, self._position)
            self._heard_from = self._position
        now_ms = self._session_ms(self._position or 0)
        self._ended = deque(word.until(now_ms) for word in self._ended)

    def pad(self, ms: int) -> None:
        """Makes all that follows later by so much."""
        self._padding_ms += ms

    def _skip_header(self) -> bool:
        if len(self._rest) < BEGINNING_BYTES:
            return False
        header = WavHeader.read(lambda at, count: self._rest[at : at + count]) if is_wav(self._rest) else None
        if header is None:
            self._decodes = is_wav(self._rest)
            return False
        self._header, self._rest = False, self._rest[header.size :]
        return True

    def _run(self, begin: int | None, count: int) -> None:
        if begin != self._position:
            if self._position is not None and (word := self._begun()) is not None:
                self._hear(word, self._position)
            self._position = begin
            if begin is not None:
                self._heard_from = begin
                self._index = self._index_at(begin)
        self._frames += count
        if self._position is not None:
            self._position += count
            while self._index < len(self._words) and self._frame(self._words[self._index].end_ms) <= self._position:
                self._hear(self._words[self._index], self._frame(self._words[self._index].end_ms))
                self._index += 1

    def _index_at(self, frame: int) -> int:
        """The first word that ends after a frame."""
        index = max(0, bisect_right(self._starts_ms, frame * 1000 / self._recording.sample_rate) - 1)
        return index + (bool(self._words) and self._frame(self._words[index].end_ms) <= frame)

    def _begun(self) -> Word | None:
        """The word that has begun and not ended."""
        if self._position is None or self._index >= len(self._words):
            return None
        word = self._words[self._index]
        return word if self._frame(word.start_ms) < self._position and self._heard_from < self._position else None

    def _hear(self, word: Word, end: int) -> None:
        """Adds a word, of which the part up to a frame has come."""
        start = self._frame(word.start_ms)
        begin = max(start, self._heard_from)
        length = self._frame(word.end_ms) - start
        if end - begin < _UNHEARD * length:
            return
        text = word.text
        if end - begin < _HEARD * length:
            letters = (begin - start) * len(text) // length, -(-(end - start) * len(text) // length)
            text = f"{CUT}{text[letters[0] : letters[1]]}"
        elif self._mishears(begin):
            text = f"{REWORDED}{text}"
        start_ms = max(self._latest_ms, self._session_ms(begin) + self._jitter_ms())
        end_ms = max(start_ms + 1, self._session_ms(end) + self._jitter_ms())
        self._ended.append(self._timed(word, text, start_ms, end_ms))
        self._latest_ms, self._anything = end_ms, True

    def _timed(self, word: Word, text: str, start_ms: int, end_ms: int) -> TimedWord:
        spaced = self._recording.spaced(text, first=not self._anything)
        return TimedWord(
            text=spaced,
            start_ms=start_ms,
            end_ms=end_ms,
            confidence=word.confidence,
            speaker=self._label(word.speaker or "1"),
            language=word.language or self._language,
            ends_sentence=word.text.endswith(SENTENCE_ENDS),
            elastic=False,
            pieces=self._pieces(spaced, start_ms, end_ms) if self._hearing.split else ((spaced, start_ms, end_ms),),
        )

    def _pieces(self, text: str, start_ms: int, end_ms: int) -> tuple[tuple[str, int, int], ...]:
        space = len(text) - len(text.lstrip())
        places = range(space + 1, len(text))
        cuts = [0, *sorted(self._dice.sample(places, min(len(places), self._dice.choice((0, 0, 1, 2))))), len(text)]
        times = [start_ms + (end_ms - start_ms) * cut // len(text) for cut in cuts]
        return tuple(
            (text[cut:after], times[index], times[index + 1]) for index, (cut, after) in enumerate(pairwise(cuts))
        )

    def _mishears(self, begin: int) -> bool:
        """Whether a word that begins at a frame is heard as another one."""
        hearing = self._hearing
        ahead_ms = (begin - self._heard_from) * 1000 // self._recording.sample_rate
        if not self._anything and ahead_ms < _LEAD_IN_MS and self._begins_in_speech():
            return self._dice.random() < max(hearing.first_word, hearing.rewording)
        return hearing.rewording > 0 and self._dice.random() < hearing.rewording

    def _begins_in_speech(self) -> bool:
        """Whether a word ended shortly before the audio begins."""
        begin_ms = self._heard_from * 1000 // self._recording.sample_rate
        before = bisect_right(self._starts_ms, begin_ms) - 1
        return before >= 0 and begin_ms - (self._words[before].end_ms or 0) < _SPEECH_GAP_MS

    def _label(self, speaker: str) -> str:
        if self._hearing.speakers == "kept":
            return speaker
        if self._hearing.speakers == "shuffled" and not self._labels:
            known = sorted({word.speaker or "1" for word in self._words})
            self._labels = dict(zip(known, self._dice.sample(known, len(known)), strict=True))
        return self._labels.setdefault(speaker, str(len(self._labels) + 1))

    def _jitter_ms(self) -> int:
        return round(self._dice.gauss(0, self._hearing.jitter_ms)) if self._hearing.jitter_ms else 0

    def _frame(self, ms: int | None) -> int:
        return (ms or 0) * self._recording.sample_rate // 1000

    def _session_ms(self, frame: int) -> int:
        """The time in this session of a frame of the recording that belongs to the present run."""
        back = (self._position or 0) - frame
        return (self._frames - back) * 1000 // self._recording.sample_rate + self._padding_ms
