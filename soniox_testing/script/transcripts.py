"""Scripted transcripts and failures for the next audio."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from .values import InputError, record_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..realtime.conversation import Conversation
    from .recordings import AddedRecording


@dataclass(frozen=True)
class Word:
    """One spoken word."""

    text: str
    """The word without the space before it. Punctuation may be attached or be a word of its own."""
    start_ms: int | None = None
    """Milliseconds from the start of the audio; None: timed automatically."""
    end_ms: int | None = None
    """Milliseconds from the start of the audio; None: timed automatically."""
    confidence: float = 0.98
    """0 to 1."""
    speaker: str | None = None
    """Shown only to jobs that asked for speaker diarization; None: speaker ``1``."""
    language: str | None = None
    """Shown only to jobs that asked for languages; None: the first language hint, else ``en``."""

    def __post_init__(self) -> None:
        for value in (self.text, self.speaker, self.language):
            if value is not None and not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(f"text, speaker and language of a Word are texts, not {value!r}")
        if not self.text:
            raise ValueError("a Word needs a text")
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"confidence of the Word {self.text!r} must be from 0 to 1, not {self.confidence}")
        start_ms, end_ms = self.start_ms, self.end_ms
        if (start_ms is not None and start_ms < 0) or (end_ms is not None and end_ms < (start_ms or 0)):
            raise ValueError(f"the Word {self.text!r} cannot last from {start_ms} to {end_ms} ms")


def words_of(transcript: str | Sequence[Word]) -> tuple[Word, ...]:
    """The words of a transcript, which is a sequence of words, or a text that is split at white space.

    Raises:
        ValueError: The times of the words are not in ascending order.
        TypeError: It is something else.
    """
    if isinstance(transcript, str):
        return tuple(Word(text) for text in transcript.split())
    words = tuple(transcript)
    latest_ms = 0
    for word in words:
        if not isinstance(word, Word):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"a transcript is a text or a sequence of Word, not of {word!r}")
        latest_ms = _checked_end(word, latest_ms)
    return words


def _checked_end(word: Word, latest_ms: int) -> int:
    """The end of the words up to this one, which must not begin before the end of those before it."""
    for time_ms in (word.start_ms, word.end_ms):
        if time_ms is not None:
            if time_ms < latest_ms:
                raise ValueError(f"the Word {word.text!r} is at {time_ms} ms, after a time of {latest_ms} ms")
            latest_ms = time_ms
    return latest_ms


def transcript_of(where: str, value: object) -> str | tuple[Word, ...]:
    """The transcript that a JSON value is: a text, or a list of words.

    Raises:
        InputError: It is neither, or the words are not in order.
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise InputError(f"{where} must be a text or a list of words")
    entries = cast("list[object]", value)
    words: list[Word] = []
    latest_ms = 0
    for number, entry in enumerate(entries):
        words.append(record_of(Word, f"{where}[{number}]", entry))
        try:
            latest_ms = _checked_end(words[-1], latest_ms)
        except ValueError as error:
            raise InputError(f"{where}[{number}]: {error}") from error
    return tuple(words)


@dataclass(frozen=True)
class Failure:
    """How a job fails."""

    error_type: str
    message: str


@dataclass(frozen=True)
class Download:
    """What is behind a URL."""

    content: bytes
    status_code: int


@dataclass(frozen=True)
class Line:
    """One entry of a script, for one job or session: its transcript, or its failure."""

    outcome: tuple[Word, ...] | Failure
    filename: str | None
    client_reference_id: str | None
    content_sha256: str | None = None
    """In hexadecimal digits; None: any content."""

    def description(self) -> str:
        """This line in words, for messages."""
        outcome = self.outcome
        if isinstance(outcome, Failure):
            what = f"the failure {outcome.error_type!r} ({outcome.message})"
        else:
            what = f"the transcript {' '.join(word.text for word in outcome)[:80]!r}"
        given = {
            "filename": self.filename,
            "client_reference_id": self.client_reference_id,
            "content_sha256": self.content_sha256,
        }
        chosen = ", ".join(f"{name}={value!r}" for name, value in given.items() if value is not None)
        return f"{what} for {chosen or 'any audio'}"

    def matches(self, filename: str, references: Sequence[str | None], content_sha256: str | None) -> bool:
        """Whether this line is for a job on that file with any of those client references."""
        return (
            self.filename in {None, filename}
            and self.content_sha256 in {None, content_sha256}
            and (self.client_reference_id is None or self.client_reference_id in references)
        )


@dataclass(eq=False)
class SessionFunction:
    """A function that runs realtime sessions."""

    function: Callable[[Conversation], object]
    client_reference_id: str | None
    times: int | None
    """How many more; None: any number."""

    def description(self) -> str:
        """This entry in words, for messages."""
        reference = "" if self.client_reference_id is None else f" for {self.client_reference_id!r}"
        return f"{getattr(self.function, '__name__', self.function)}{reference}"


@dataclass
class Script:
    """The unused lines, in the order they were added. Callers hold the lock of the state."""

    lines: list[Line] = field(default_factory=list[Line])
    functions: list[SessionFunction] = field(default_factory=list[SessionFunction])
    recordings: list[AddedRecording] = field(default_factory=list["AddedRecording"])
    downloads: dict[str, Download] = field(default_factory=dict[str, Download])
    """What is behind URLs."""
    tapes: list[Callable[[], list[str]]] = field(default_factory=list["Callable[[], list[str]]"])
    """For each tape, a function that says what of it was not asked for."""

    def clear(self) -> None:
        """Removes everything."""
        for entries in (self.lines, self.functions, self.recordings, self.downloads):
            entries.clear()

    def take(
        self, filename: str, references: Sequence[str | None], content_sha256: str | None = None
    ) -> tuple[Word, ...] | Failure | None:
        """The outcome for a new job, which is removed; None when no line matches.

        A failure that matches goes first, before any transcript.

        Args:
            filename: Of the audio.
            references: All client references of the job.
            content_sha256: Of an uploaded file; None: the content is not known.
        """
        matching = [line for line in self.lines if line.matches(filename, references, content_sha256)]
        if not matching:
            return None
        line = next((line for line in matching if isinstance(line.outcome, Failure)), matching[0])
        self._remove(line)
        return line.outcome

    def take_words(self, reference: str | None) -> tuple[Word, ...] | None:
        """The words of a new realtime session, which are removed; None when no line matches.

        Failures and lines for a file are for jobs only.
        """
        for line in self.lines:
            if not isinstance(line.outcome, Failure) and line.filename is None and line.matches("", [reference], None):
                self._remove(line)
                return line.outcome
        return None

    def take_function(self, reference: str | None) -> Callable[[Conversation], object] | None:
        """The function that runs a new realtime session; None when no function matches."""
        for listed in self.functions:
            if listed.client_reference_id in {None, reference}:
                if listed.times is not None:
                    listed.times -= 1
                    if not listed.times:
                        self.functions.remove(listed)
                return listed.function
        return None

    def hear_recording(self, reference: str | None) -> AddedRecording | None:
        """The recording that a new realtime session hears, the last that was added for it; None: there is none."""
        for added in reversed(self.recordings):
            if added.client_reference_id in {None, reference}:
                added.sessions += 1
                return added
        return None

    def _remove(self, line: Line) -> None:
        # By identity: equal lines are separate entries, and the earlier one goes first.
        del self.lines[next(index for index, known in enumerate(self.lines) if known is line)]
