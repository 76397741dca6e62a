"""Cues of a live session, each given out once, when nothing that is said later can change it."""

from __future__ import annotations

from .._data.json_values import kind_of
from ..errors import SonioxValidationError
from ..transcript._tokens import MARKS, is_translation, tokens_of
from ._pieces import AFTER_SENTENCE, Span, is_dense, pieces_of
from .layout import Layout
from .tracks import SHORTEST_MS, CueBuilder, check_track, shown_until

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..transcript import TokensInput
    from ..types.common import Token
    from .tracks import Cue, Track

# A translation that has not come after this much speech is not waited for.
_MAX_LAG_MS = 60_000
# Enough to recognize a title or an initial before a full stop.
_TAIL_CHARS = 40


class LiveCues:
    r"""Makes cues from the events of a session while it goes on, for captions that grow.

    ::

        captions = LiveCues()
        for event in session.receive_events():
            for cue in captions.add(event):
                file.write(f"\n{vtt_cue(cue)}")
        for cue in captions.finish():
            file.write(f"\n{vtt_cue(cue)}")

    A passage ends with a sentence, at a pause, an endpoint or a change of speakers, at the latest with a word after
    ``max_ms`` of the layout. Its last cue is given out when its end is known: when the next word has been said, or when
    nothing was said until then. So a cue comes later than its words, usually by one sentence. Cues are in order and do
    not overlap. Not thread-safe.

    Args:
        track: ``original`` for what was said; ``translation`` for its translation, with the original where there is
            none; ``both`` for the original above the translation. For the last two,
            a passage waits for its translation, for at most a minute.
        layout: Limits; None for the defaults of :class:`Layout`.

    Raises:
        SonioxValidationError: ``track`` has another value, or ``layout`` is not a :class:`Layout`.
    """

    def __init__(self, *, track: Track = "original", layout: Layout | None = None) -> None:
        check_track(track)
        if layout is not None and not isinstance(layout, Layout):
            raise SonioxValidationError(f"layout must be a Layout, got {kind_of(layout)}")
        self._track: Track = track
        self._layout = layout or Layout()
        self._passage: list[Token] = []
        self._last: Token | None = None
        """The last spoken token of the passage."""
        self._is_untranslated = False
        """Whether speech of the passage may still get a translation."""
        self._is_ended = False
        """Whether a mark has ended the passage."""
        self._held: Cue | None = None
        """The last cue, whose end is not known yet."""
        self._free_ms = 0
        """Where the next cue may begin."""

    def add(self, event: TokensInput) -> list[Cue]:
        """The cues that are certain after an event; usually none.

        Args:
            event: An event, or tokens. Non-final tokens are left out.

        Raises:
            SonioxValidationError: It is not an event and has no tokens.
            SonioxAPIError: One of the dicts is not a valid token.
        """
        ready: list[Cue] = []
        for token in tokens_of(event):
            if token.is_final is not False:
                ready += self._add(token)
        if self._is_ended and not self._is_waiting():
            ready += self._cut()
        heard_ms = getattr(event, "final_audio_proc_ms", None)
        if self._held is not None and isinstance(heard_ms, int) and heard_ms >= self._held.end_ms:
            ready += self._released()
        return ready

    def finish(self) -> list[Cue]:
        """The cues that are left at the end of the session."""
        return [*self._cut(), *self._released()]

    def _add(self, token: Token) -> list[Cue]:
        ready: list[Cue] = []
        if token.text in MARKS:
            self._is_ended = True
        elif is_translation(token):
            self._passage.append(token)
            self._is_untranslated = False
        else:
            if self._last is not None and not self._is_waiting() and self._is_boundary(self._last, token):
                ready += self._cut()
            if self._last is None and token.start_ms is not None:
                ready += self._released(token.start_ms)
            self._passage.append(token)
            self._last, self._is_ended = token, False
            self._is_untranslated = self._is_untranslated or token.translation_status == "original"
        return ready

    def _is_waiting(self) -> bool:
        """Whether a translation is still to come."""
        return self._track != "original" and self._is_untranslated and self._length_ms() < _MAX_LAG_MS

    def _is_boundary(self, last: Token, token: Token) -> bool:
        """Whether the passage ends before a spoken token."""
        if self._is_ended or last.speaker != token.speaker:
            return True
        ended_ms, began_ms = last.end_ms, token.start_ms
        if ended_ms is not None and began_ms is not None and began_ms - ended_ms >= self._layout.pause_ms:
            return True
        if not token.text[:1].isspace() and not is_dense(token.text[:1]):
            return False
        return self._length_ms() >= self._layout.max_ms or self._ends_sentence(token)

    def _ends_sentence(self, token: Token) -> bool:
        spoken = "".join([known.text for known in self._passage if not is_translation(known)])
        pieces = pieces_of([Span(f"{spoken[-_TAIL_CHARS:]}{token.text}", 0, 0)])
        return len(pieces) > 1 and pieces[-2].cost == AFTER_SENTENCE

    def _length_ms(self) -> int:
        times = [time for token in self._passage for time in (token.start_ms, token.end_ms) if time is not None]
        return max(times) - min(times) if times else 0

    def _cut(self) -> list[Cue]:
        """Ends the passage. The cues that are certain then: all but its last."""
        passage = self._passage
        self._passage, self._last, self._is_untranslated, self._is_ended = [], None, False, False
        ready: list[Cue] = []
        # Text without a time is shown after what was said before.
        for cue in CueBuilder(passage, self._track, self._layout, untimed_ms=self._free_ms).cues():
            ready += self._released(cue.start_ms)
            cue.start_ms = max(cue.start_ms, self._free_ms)
            cue.end_ms = shown_until(cue, None, self._layout)
            self._held = cue
        return ready

    def _released(self, following_ms: int | None = None) -> list[Cue]:
        """The held cue, which ends before what follows begins; empty if there is none."""
        cue, self._held = self._held, None
        if cue is None:
            return []
        if following_ms is not None:
            earliest = cue.start_ms + SHORTEST_MS + self._layout.gap_ms
            cue.end_ms = shown_until(cue, max(following_ms, earliest), self._layout)
        self._free_ms = cue.end_ms + self._layout.gap_ms
        return [cue]
