"""Going on after a break: what to keep, what to send again, and what to give out. No I/O, no clock, no thread.

Theory of operation
-------------------
All audio that the service may still need is kept (:class:`AudioRing`). When a connection ends early, another is opened,
and gets the audio from a position B0 on, which lies in a gap between two words, some seconds before C, the end of the
last word that was given out. So the new connection recognises the last words again. Its words are held back until they
cover C; then both transcripts are joined by text and time (:func:`splice`): the words that were given out before are
dropped, and the rest is given out. Three rules make this exact:

- A final token is given out as final only when its word is known to be whole (:class:`WholeWords`), so that C never
  lies inside a word.
- B0 lies in a gap, so that the first words of the new connection are whole as well, or lie in what is dropped.
- The join goes by text and time together, since two recognitions of the same audio differ a little.

The user sees one line of time: the times of a connection, plus the time at which its audio begins on that line.

=========== ======================================================== =================================================
state       meaning                                                  left for
=========== ======================================================== =================================================
LIVE        what is given is sent at once; the stream may not have   WAITING, DORMANT: the connection has ended early
            begun, where nothing had to be sent again
DORMANT     broken, and nothing is waited for (idle microphone,      WAITING: audio, finalize or finish
            paused)
WAITING     until the next attempt is due                            CONNECTING: it is
CONNECTING  the connection is being opened                           REPLAYING; LIVE: nothing to send again; WAITING:
                                                                     it failed
REPLAYING   kept audio is sent; what is given is only kept           LIVE: all is sent; WAITING: broken again
OVER        finished, failed or closed
=========== ======================================================== =================================================

Beside this, a stream that began before C is *joining* until its words cover C; it may become LIVE before that. A break
while it is joining changes nothing: C is where it was, since nothing undecided was given out.
"""

from __future__ import annotations

from collections import deque
from enum import IntEnum

from .._websocket.frames import BINARY, Message
from ..errors import SonioxRealtimeError, SonioxRealtimeResumeError
from ..types.realtime import TOKEN_TEXT_FIN
from ..types.resume import RealtimeLostPayload, RealtimeReconnectingPayload, RealtimeResumedPayload
from ._attempts import Attempts
from ._cut import LEAST_OVERLAP_MS, Delivered, Speakers, Start, can_splice, choose_start, settled_ms, splice
from ._framing import framing_of
from ._ring import AudioRing, ClockMap
from ._stream import Finalize, Stream, count_final, relabel, shift
from ._stt_protocol import END_OF_AUDIO
from ._words import MARKS, changed, is_translation, time_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal

    from ..types.common import Token
    from ..types.realtime import RealtimeEvent, RealtimeSTTConfig
    from ..types.resume import LostReason, ResumePolicy
    from ._breaks import Verdict
    from ._cut import Splice

# How much audio is sent in one go when it is sent again, and how far that may be ahead of its pace.
_PIECE_MS = 100
_PIECE_BYTES = 16 * 1024
_LEAST_RING_BYTES = 1024
_BURST_SEC = 1.0
# How often old audio is forgotten while there is room, and how much more than the overlap is kept.
_TRIM_EVERY_MS = 3000
_MARGIN_MS = 250
# How much of the ring may be audio that is kept for the overlap only.
_SHARE_OF_OVERLAP = 1 / 4
# After this much audio beyond C, new words are shown as non-final, though they cannot be joined yet.
_SHOW_AFTER_MS = 2000
# So much overlap is needed to match speakers.
_LEAST_SPEAKERS_MS = 8000
_CONTEXT_LENGTH = 500
# A session moves to another connection in a pause of this length; after this multiple of the time also within speech.
_QUIET_MS = 800
_MOVE_AT_THE_LATEST = 1.03
# With a key that the service ends connections for, it moves after this part of their time.
_SHARE_OF_CAP = 0.9
# How long after a connection for that could not be opened the next attempt is made.
_SPARE_PAUSE_SEC = 30.0


class State(IntEnum):
    """What a session that is resumed is doing; see the table above."""

    LIVE = 0
    DORMANT = 1
    WAITING = 2
    CONNECTING = 3
    REPLAYING = 4
    OVER = 5


# Compared for each chunk, which is slow on an enum in Python 3.10 and 3.11.
LIVE = State.LIVE


class ResumeCore:
    """The rules of a session that is resumed. Its methods are called one at a time.

    Attributes:
        state: A :class:`State`.
        connections: How many connections have been opened.
        lost_ms: Milliseconds of audio that will not be transcribed.
        failure: Why the session was given up; None if it was not.
        last_error: Why the last connection ended, or could not be opened.
        is_move_due: Whether a connection should be held ready, to which the session moves.
        notices: The payloads of ``reconnecting``, ``resumed`` and ``lost`` that have not been taken yet.
        text: The last 500 characters of the transcript, if ``carry_context`` wants them.
        stream: What belongs to the current connection.
    """

    def __init__(
        self,
        config: RealtimeSTTConfig,
        policy: ResumePolicy,
        *,
        asks_for_key: bool = False,
        key_cap_sec: float | None = None,
        random: Callable[[], float] = lambda: 1.0,
    ) -> None:
        """The rules for one session.

        Args:
            config: What it was set up with.
            policy: How it is resumed.
            asks_for_key: Whether each connection asks for a key, so that an expired one is no reason to stop.
            key_cap_sec: After how many seconds the service ends a connection because of its key; None if not known.
            random: Gives a number from 0 to 1, for pauses.

        Raises:
            SonioxValidationError: Its audio cannot be resumed.
        """
        self._policy = policy
        self._framing = framing_of(config, when_container=policy.when_container)
        usual_ms = 15_000 if config.enable_speaker_diarization else 5000
        self._overlap_ms = usual_ms if policy.overlap_ms is None else policy.overlap_ms
        self._maps_speakers = bool(config.enable_speaker_diarization) and policy.speakers == "map"
        self._drops = policy.when_full == "drop"
        self._ring = AudioRing(policy.buffer_bytes, when_full=policy.when_full)
        self._is_sized = False
        self._size_ring()
        # Raw audio has no frames to parse.
        self._is_raw = self._is_sized and not self._framing.is_restart_only and self._framing.header == b""
        self.state: State = State.CONNECTING
        self.connections: int = 0
        self.lost_ms: int = 0
        self.failure: SonioxRealtimeError | None = None
        self.is_move_due: bool = False
        self.text: str = ""
        self.stream: Stream = Stream(0, 0, ClockMap(self._framing, 0))
        self.notices: list[Any] = []
        self._delivered = Delivered()
        # Those without <fin>, in their order.
        self._finalizes: deque[Finalize] = deque()
        self._is_ending = False
        self._is_paused = False
        self._was_told_of_container = False
        # The counters on the user's line, and where old audio was forgotten last.
        self._final_ms: float = 0
        self._total_ms: float = 0
        self._trimmed_at_ms: float = 0
        # Up to where audio was known to be recognised when old audio was forgotten.
        self._settled_before_ms: float = 0
        # Times up to here are possible; how far they may be now is only looked up above it.
        self._possible_ms: float = 0
        # The anchor of the last <fin>, while nothing has become final after it.
        self._fin_ms: float | None = None
        self._fin_byte = 0
        # Where the words begin that are not final; None if there are none, or they have no times. And since when all
        # that was given out has been final; None while it is not.
        self._next_ms: float | None = None
        self._tail_empty_since_ms: float | None = 0
        # Breaks: their count, and when the next attempt is.
        self._attempts = Attempts(policy, asks_for_key=asks_for_key, random=random)
        self._due = 0.0
        self.last_error: SonioxRealtimeError = SonioxRealtimeError("the connection ended")
        self._announced: RealtimeReconnectingPayload | None = None
        # How far audio has been sent by any connection, and what the last break has cost.
        self._sent_before = 0
        self._lost_before_ms = self._lost_end_ms = 0
        self._down_sec = 0.0
        # Moving to another connection before the service ends this one: after how much of its audio, and then at most.
        self._move_after_ms = _move_after_ms(policy, key_cap_sec)
        self._spare_due = 0.0
        self._has_spare = False

    # What the session reads.

    def take_notices(self) -> list[Any]:
        """The notices since the last call."""
        notices, self.notices = self.notices, []
        return notices

    @property
    def is_down(self) -> bool:
        """Whether the session is without a connection that it had."""
        return self.connections > 0 and self.state in (State.DORMANT, State.WAITING, State.CONNECTING)

    @property
    def buffered_ms(self) -> int:
        """Milliseconds of audio that are kept."""
        return round(self._framing.ms_of(self._ring.end) - self._framing.ms_of(self._ring.start))

    @property
    def audio_given(self) -> tuple[int, int | None]:
        """How much audio was given, in bytes and milliseconds; None where that is not known (yet)."""
        size = self._ring.end
        is_known = not size or self._framing.bytes_per_second
        return size, round(self._framing.ms_of(size)) if is_known else None

    # What the user does.

    def has_room(self, size: int) -> bool:
        """Whether this much audio can be kept, if need be in place of audio that is recognised."""
        if size > self._ring.room and self.stream.withheld is None:
            self._trim()
        return self._drops or size <= self._ring.room

    @property
    def max_bytes(self) -> int:
        """The most audio that can be kept."""
        return self._ring.max_bytes

    @property
    def max_piece_bytes(self) -> int:
        """The most audio for which there will be room as soon as audio is recognised."""
        return max(1, self._ring.max_bytes // 4)

    def audio(self, piece: bytes | bytearray | memoryview) -> bool:
        """Keeps a piece of audio; returns whether it is to be sent now.

        Raises:
            SonioxValidationError: It shows that the audio cannot be resumed.
            RingFullError: It has no room.
        """
        ring = self._ring
        if ring.end - ring.start + len(piece) > ring.max_bytes:
            self.has_room(len(piece))
        dropped = ring.append(piece)
        if not self._is_raw:
            self._framing.feed(piece)
            if not self._is_sized:
                self._size_ring()
        if dropped:
            self._note_drop()
        if self.state is LIVE:
            self.stream.sent = ring.end
            return True
        if self.state is State.DORMANT:
            self.wake()
        return False

    def finalize(self, message: Message) -> bool:
        """Notes a finalize; returns whether to send it now."""
        self._finalizes.append(Finalize(message, self._ring.end))
        if self.state is LIVE:
            self.stream.finalizes_sent += 1
            self.stream.clock.finalize_sent(self._ring.end)
            return True
        self.wake()
        return False

    def finish(self) -> bool:
        """Notes the end of the audio; returns whether to send it now."""
        self._is_ending = True
        if self.state is LIVE:
            self.stream.has_ended = True
            return True
        self.wake()
        return False

    def set_paused(self, is_paused: bool) -> None:
        """Notes whether the user's audio is dropped before it is given to :meth:`audio`."""
        if self._is_paused and not is_paused:
            self.wake()
        self._is_paused = is_paused

    def wake(self) -> None:
        """Has a dormant session connect."""
        if self.state is State.DORMANT:
            self._attempts.end_outage()
            self._schedule(0.0)

    def close(self) -> None:
        """Ends the session, whether it is finished or not."""
        if self.state is not State.OVER:
            self.state = State.OVER
            self._lose_rest("closed")

    def _size_ring(self) -> None:
        """Limits the ring to ``buffer_sec``, once it is known how many bytes that is."""
        rate = self._framing.bytes_per_second
        if self._framing.is_restart_only:
            # A restart needs all audio; once that is no longer kept, keeping more is of no use.
            self._drops, self._ring.when_full = True, "drop"
            self._is_sized = True
        elif rate:
            self._is_sized = True
            limit = min(self._policy.buffer_bytes, int(self._policy.buffer_sec * rate))
            self._ring.max_bytes = max(limit, _LEAST_RING_BYTES)
            # Otherwise a small ring would be full of overlap.
            self._overlap_ms = min(self._overlap_ms, int(limit / rate * 1000 * _SHARE_OF_OVERLAP))

    def _note_drop(self) -> None:
        """Reports once that a container can no longer be sent again from its beginning."""
        if self._framing.is_restart_only and not self._was_told_of_container:
            self._was_told_of_container = True
            end = round(self._framing.ms_of(self._ring.end))
            self.notices.append(RealtimeLostPayload(start_ms=0, end_ms=end, reason="container"))

    # What the connection does.

    def opened(self, now: float) -> bool:
        """A connection has been opened; returns whether something has to be sent again."""
        self.connections += 1
        if self.connections == 1:
            self.stream.began_at = now
            self.state = LIVE
        else:
            self._begin_stream(now)
        return self.state is State.REPLAYING

    def received(self, event: RealtimeEvent) -> bool:
        """Takes an event of the current connection, and changes it into the event for the user.

        Returns:
            Whether to give it out: not while it cannot be joined.
        """
        stream, tokens = self.stream, event.tokens
        has_fin = self._note_fins(event) if self._finalizes else False
        if stream.start is not None:
            shift(event, stream.clock)
        final_ms, total_ms = time_of(event.final_audio_proc_ms), time_of(event.total_audio_proc_ms)
        if (total_ms or 0) > self._possible_ms or (final_ms or 0) > self._possible_ms:
            final_ms, total_ms = self._possible(final_ms), self._possible(total_ms)
        if total_ms is not None:
            stream.reached_ms = total_ms
        tokens = stream.words.feed(tokens, final_ms, total_ms, finished=event.finished)
        count = stream.words.whole
        if stream.withheld is not None:
            joined = self._join(stream.withheld, tokens, final_ms, total_ms, ended=has_fin or event.finished)
            if joined is None:
                return False
            tokens, count = joined, count_final(joined)
        elif stream.speakers is not None:
            relabel(tokens, stream.speakers)
        event.tokens = tokens
        self._count(event, final_ms, total_ms)
        self._deliver(tokens, count)
        if event.finished:
            self.state = State.OVER
            if not stream.has_ended:
                self._lose_rest("closed")
        elif self._total_ms - self._trimmed_at_ms >= _TRIM_EVERY_MS and stream.withheld is None:
            self._trim()
            self.is_move_due = self._move_after_ms is not None and self._age_ms >= self._move_after_ms
        return True

    def _possible(self, ms: float | None) -> float | None:
        """A time; None if it lies much further than the audio that was sent, so that none may be left out for it."""
        clock = self.stream.clock
        self._possible_ms = clock.user_ms(clock.latest_ms(self.stream.sent))
        return None if ms is None or ms > self._possible_ms else ms

    def _with_possible_times(self, token: Token) -> Token:
        """The token, or a copy without times if it ends where no audio was sent: cuts and joins go by times."""
        end_ms = time_of(token.end_ms)
        if end_ms is None or self._possible(end_ms) is not None:
            return token
        return changed(token, start_ms=None, end_ms=None)

    def ended(self, error: SonioxRealtimeError, verdict: Verdict, now: float) -> bool:
        """The current connection has ended, or the attempt to open one has failed.

        Returns:
            Whether the session goes on. Otherwise ``failure`` says why it was given up; if that is None, the service's
            answer is one that another connection would get as well, or the session was over before.
        """
        if self.state is State.OVER:
            return False
        self.last_error = error
        was_replaying = self.state is State.REPLAYING
        self._note_failure(error, now)
        if verdict == "never" or (verdict == "key" and not self._attempts.may_ask_for_key(error)):
            self.state = State.OVER
            self._lose_rest("refused")
            return False
        problem = self._attempts.problem(now, error)
        if self._framing.is_restart_only and self._ring.start > 0:
            problem = "its audio can only be sent again from the beginning, which is no longer kept"
        if problem is not None:
            self._give_up(problem, "gave_up")
            return False
        if not was_replaying and self._may_sleep(verdict):
            self.state = State.DORMANT
        else:
            self._schedule(self._attempts.pause_sec(verdict, error), now)
        return True

    # Moving to another connection while there is one.

    @property
    def _age_ms(self) -> float:
        """How much audio the connection has recognised."""
        return self._total_ms - self.stream.offset_ms

    def spare_opened(self) -> None:
        """A connection has been opened while another one is live."""
        self._has_spare = True

    def spare_failed(self, now: float) -> None:
        """The connection that was held ready has ended, or could not be opened."""
        self._has_spare = False
        self._spare_due = now + _SPARE_PAUSE_SEC

    def move(self, now: float) -> bool:
        """Moves to the connection that is held ready, if this is a good moment: in a pause, or late anywhere."""
        if not self._has_spare or self.state is not LIVE or self.stream.withheld is not None or self._is_ending:
            return False
        quiet_ms = self._total_ms - _QUIET_MS
        said_ms = self._delivered.end_ms or 0.0
        is_quiet = self._tail_empty_since_ms is not None and not self._finalizes and said_ms <= quiet_ms
        if not is_quiet and self._age_ms < (self._move_after_ms or 0) * _MOVE_AT_THE_LATEST:
            return False
        self._has_spare = self.is_move_due = False
        self._attempts.failures = 0
        self._attempts.end_outage()
        self.connections += 1
        self._sent_before = max(self._sent_before, self.stream.sent)
        self.stream.finalizes_sent = 0
        # Words that have begun since may not have arrived yet, so that the new connection gets the pause as well.
        self._begin_stream(now, Start(quiet_ms, "silence", is_exact=True) if is_quiet else None)
        return True

    # What is to be done while there is no live connection.

    def next(self, now: float) -> Message | float | Literal["connect"] | None:
        """A message to be sent, or how many seconds to wait, or ``connect``; None when there is nothing more to do."""
        if self.state is State.REPLAYING:
            return self._replay(now)
        if self.state is LIVE and self.is_move_due and not self._has_spare:
            return "connect" if now >= self._spare_due else self._spare_due - now
        if self.state is not State.WAITING:
            return None
        if self._announced is not None and self._announced.is_vetoed:
            self._give_up("a handler of the reconnecting event has refused it", "veto")
            return None
        if now < self._due:
            return self._due - now
        self._attempts.begin_outage(now)
        self.state = State.CONNECTING
        return "connect"

    def _replay(self, now: float) -> Message | float | Literal["connect"] | None:
        stream = self.stream
        if stream.header:
            header, stream.header = stream.header, b""
            return Message(BINARY, header)
        end = self._ring.end
        if stream.finalizes_sent < len(self._finalizes):
            finalize = self._finalizes[stream.finalizes_sent]
            if finalize.byte <= stream.sent:
                stream.finalizes_sent += 1
                stream.clock.finalize_sent(stream.sent)
                return finalize.message
            end = min(end, finalize.byte)
        if stream.sent < end:
            pause_sec = self._pace_sec(now)
            return pause_sec if pause_sec > 0 else self._next_piece(end)
        if self._is_ending and not stream.has_ended:
            stream.has_ended = True
            return END_OF_AUDIO
        self.state = LIVE
        return self.next(now)

    def _next_piece(self, end: int) -> Message:
        stream = self.stream
        if stream.sent < self._ring.start:
            # Dropped meanwhile: the clock of this connection would be wrong from here on.
            raise SonioxRealtimeError("audio was dropped before it could be sent again")
        rate = self._framing.bytes_per_second
        size = max(1, int(rate * _PIECE_MS / 1000)) if rate else _PIECE_BYTES
        piece = self._ring.read(stream.sent, min(size, end - stream.sent))
        stream.sent += len(piece)
        return Message(BINARY, piece)

    def _pace_sec(self, now: float) -> float:
        """How many seconds to wait before more is sent again."""
        speed, rate = self._policy.max_replay_speed, self._framing.bytes_per_second
        if speed is None or not rate:
            return 0.0
        sent_sec = (self.stream.sent - self.stream.start_byte) / rate
        due_sec = (sent_sec - _BURST_SEC) / speed - (now - self.stream.began_at)
        return float(due_sec)

    # Beginning a connection after a break.

    def _begin_stream(self, now: float, start: Start | None = None) -> None:
        old = self.stream
        if start is not None:
            byte = self._start_byte(old.byte_of(start.ms))
        elif old.start is not None and self._ring.start <= old.start_byte and self._is_near(old):
            # The place is as good as it was, and those after it are too near to the cut.
            start, byte = Start(old.start.ms, old.start.kind, uncertain=old.start.uncertain), old.start_byte
        else:
            start, byte = self._choose()
        self._tell_dropped()
        offset_ms, clock = round(old.user_ms(byte)), ClockMap(self._framing, byte, old.clock)
        stream = self.stream = Stream(byte, offset_ms, clock, start, self._delivered)
        if self._maps_speakers:
            stream.speakers = Speakers(set(self._delivered.speakers))
        if byte > 0:
            stream.header = self._framing.header
        stream.began_at = now
        self._possible_ms = 0
        has_work = byte < self._ring.end or self._finalizes or self._is_ending
        self.state = State.REPLAYING if has_work else LIVE
        self._down_sec = self._attempts.down_sec(now)
        if stream.withheld is None:
            self._tell_resumed(None)

    def _is_near(self, stream: Stream) -> bool:
        """Whether nothing, or little, was given out of what follows the start of a stream."""
        if stream.withheld is not None or self._fin_ms is not None:
            return self._fin_ms is None
        given_ms = (self._delivered.end_ms or 0.0) - stream.offset_ms
        return 0 <= given_ms < min(LEAST_OVERLAP_MS, self._overlap_ms)

    def _choose(self) -> tuple[Start, int]:
        """B0: where the next connection's audio begins, as a time and as a position."""
        old, overlap_ms = self.stream, self._overlap_ms
        fin_ms = self._fin_ms
        if self._is_ending and self._fin_byte >= self._ring.end:
            fin_ms = None
        if self._is_ending:
            # The service takes an end without any audio for an error.
            overlap_ms = max(overlap_ms, LEAST_OVERLAP_MS)
        start = choose_start(
            self._delivered,
            next_ms=self._next_ms,
            beginning_ms=old.user_ms(self._ring.start),
            fin_ms=fin_ms,
            settled_ms=self._settled_ms(),
            overlap_ms=overlap_ms,
            least_overlap_ms=_LEAST_SPEAKERS_MS if self._maps_speakers else LEAST_OVERLAP_MS,
            uncertainty_ms=old.clock.uncertainty_ms,
        )
        return start, self._start_byte(self._fin_byte if start.is_exact else old.byte_of(start.ms))

    def _start_byte(self, byte: int) -> int:
        """The position at or before this one where a decoder can begin; after it where that is not kept."""
        ring = self._ring
        return max(ring.start, self._framing.start_at(min(max(byte, ring.start), ring.end), oldest=ring.start))

    def _settled_ms(self) -> float:
        """Up to where audio is recognised, and need not be sent again but for the overlap."""
        settled = settled_ms(
            self._delivered.cut_ms,
            self._final_ms,
            self._total_ms,
            is_tail_empty=self._tail_empty_since_ms is not None,
            tail_empty_since_ms=self._tail_empty_since_ms,
        )
        # After a long silence, the next words are no reason to want that silence again.
        before_ms = self._settled_before_ms
        return max(settled, self._fin_ms or 0.0, before_ms if self._next_ms is None else min(before_ms, self._next_ms))

    def _trim(self) -> None:
        """Forgets audio that will not be sent again."""
        self._trimmed_at_ms = self._total_ms
        if self._framing.is_restart_only:
            return
        stream, ring = self.stream, self._ring
        self._settled_before_ms = settled_ms = min(self._settled_ms(), stream.user_ms(stream.sent))
        from_ms = settled_ms - self._overlap_ms - stream.clock.uncertainty_ms - _MARGIN_MS
        byte = self._framing.start_at(min(stream.byte_of(from_ms), stream.sent)) if from_ms > 0 else 0
        if byte > ring.start:
            ring.trim(byte)
            self._framing.forget(byte)
            stream.clock.forget(byte)
            self._delivered.forget(from_ms)

    # Joining, and giving out.

    def _note_fins(self, event: RealtimeEvent) -> bool:
        """Notes each ``<fin>``, which ends its finalize; returns whether there was one."""
        stream, has_fin = self.stream, False
        for token in event.tokens:
            if not token.is_final:
                break
            if token.text == TOKEN_TEXT_FIN and stream.finalizes_sent:
                has_fin = True
                self._fin_byte = self._finalizes.popleft().byte
                stream.finalizes_sent -= 1
                final_ms, total_ms = time_of(event.final_audio_proc_ms) or 0, time_of(event.total_audio_proc_ms) or 0
                is_clean = stream.clock.fin_arrived(final_ms, total_ms, stream.sent)
                self._fin_ms = stream.clock.user_ms(total_ms) if is_clean else None
        return has_fin

    def _join(
        self, withheld: list[Token], tokens: list[Token], final_ms: float | None, total_ms: float | None, *, ended: bool
    ) -> list[Token] | None:
        """What is given out of a connection that is joining; None for nothing yet."""
        stream, count = self.stream, count_final(tokens)
        withheld += map(self._with_possible_times, tokens[:count])
        tail = tokens[count:]
        if not can_splice(self._delivered, withheld, stream.offset_ms, final_ms, ended=ended):
            return self._provisional(withheld + tail, total_ms)
        found = splice(self._delivered, withheld, stream.offset_ms)
        stream.withheld = None
        if stream.speakers is not None:
            stream.speakers.vote(found.pairs)
            relabel(found.kept, stream.speakers)
            relabel(tail, stream.speakers)
        self._tell_resumed(found)
        return found.kept + tail

    def _provisional(self, tokens: list[Token], total_ms: float | None) -> list[Token] | None:
        """What to show of a connection whose final tokens lag, all of it non-final; None for nothing."""
        if (total_ms or 0) < (self._delivered.end_ms or 0) + _SHOW_AFTER_MS:
            return None
        kept = splice(self._delivered, tokens, self.stream.offset_ms).kept
        return [changed(token, is_final=False) for token in kept if token.text != TOKEN_TEXT_FIN]

    def _deliver(self, tokens: list[Token], count: int) -> None:
        """Notes what is given out: tokens, so many of them final."""
        if count:
            finals = tokens[:count]
            for token in finals:
                if (time_of(token.end_ms) or 0) > self._possible_ms:
                    finals = [self._with_possible_times(token) for token in finals]
                    break
            self._delivered.add(finals)
            if self._policy.carry_context:
                spoken = (token.text for token in finals if token.text not in MARKS and not is_translation(token))
                self.text = (self.text + "".join(spoken))[-_CONTEXT_LENGTH:]
            if self._fin_ms is not None and finals[-1].text != TOKEN_TEXT_FIN:
                self._fin_ms = None
        if count == len(tokens):
            self._next_ms = None
            if self._tail_empty_since_ms is None:
                self._tail_empty_since_ms = self._total_ms
            return
        self._tail_empty_since_ms = None
        # The first one has a time, as a rule.
        while (next_ms := time_of(tokens[count].start_ms)) is None and count + 1 < len(tokens):
            count += 1
        self._next_ms = next_ms if next_ms is None or next_ms <= self._possible_ms else self._possible(next_ms)

    def _count(self, event: RealtimeEvent, final_ms: float | None, total_ms: float | None) -> None:
        """Keeps the counters from going back."""
        if final_ms is not None:
            if final_ms >= self._final_ms:
                self._final_ms = final_ms
            else:
                event.final_audio_proc_ms = round(self._final_ms)
        if total_ms is not None:
            if total_ms >= self._total_ms:
                self._total_ms = total_ms
            else:
                event.total_audio_proc_ms = round(self._total_ms)

    # Breaks.

    def _note_failure(self, error: SonioxRealtimeError, now: float) -> None:
        stream = self.stream if self.state in (State.LIVE, State.REPLAYING) else None
        self._attempts.failed(error, now, self._total_ms, stream)
        if stream is not None:
            self._sent_before = max(self._sent_before, stream.sent)
            if stream.reached_ms is not None:
                stream.clock.observe(stream.reached_ms, stream.sent)
            self.is_move_due = self._has_spare = False

    def _may_sleep(self, verdict: Verdict) -> bool:
        """Whether nothing is waited for, so that the next connection may be opened for the next audio."""
        # While the ring is full, a sender waits for room: no more audio comes before there is a connection.
        if self._is_ending or self._finalizes or not self.has_room(self.max_piece_bytes):
            return False
        return verdict == "audio" or (self._is_paused and self._next_ms is None)

    def _schedule(self, delay_sec: float, now: float = 0.0) -> None:
        self.state = State.WAITING
        self._due = now + delay_sec
        error = self.last_error
        self._announced = RealtimeReconnectingPayload(
            attempt=max(1, self._attempts.failures),
            delay_sec=delay_sec,
            error=error,
            close_code=error.close_code,
            buffered_ms=self.buffered_ms,
        )
        self.notices.append(self._announced)

    def _give_up(self, problem: str, reason: LostReason) -> None:
        self.state = State.OVER
        from_ms = round(self._settled_ms())
        lost_ms = self._lose_rest(reason)
        error = self.last_error
        self.failure = SonioxRealtimeResumeError(
            f"the session could not be resumed at {from_ms} ms: {problem}; the last error was: {error.message}",
            lost_ms=lost_ms,
            from_ms=from_ms,
            error_code=error.error_code,
            error_type=error.error_type,
            request_id=error.request_id,
            close_code=error.close_code,
        )
        self.failure.__cause__ = error

    def _lose_rest(self, reason: LostReason) -> int:
        """Reports that audio which is not recognised yet is lost; returns how many milliseconds that is."""
        return self._lose(self._settled_ms(), self.stream.user_ms(self._ring.end), reason)

    def _lose(self, start_ms: float, end_ms: float, reason: LostReason) -> int:
        # What was reported before is not lost again.
        start, end = max(round(start_ms), self._lost_end_ms), round(end_ms)
        if end <= start:
            return 0
        self._lost_end_ms = end
        self.lost_ms += end - start
        self.notices.append(RealtimeLostPayload(start_ms=start, end_ms=end, reason=reason))
        return end - start

    def _tell_dropped(self) -> None:
        """Reports audio that was not recognised and is not kept, if there is any."""
        settled = self._settled_ms()
        missing_ms = self._framing.ms_of(self._ring.start) - self._framing.ms_of(self.stream.byte_of(settled))
        reason: LostReason = "drop" if self._policy.when_full == "drop" else "buffer"
        self._lost_before_ms = self._lose(settled, settled + missing_ms, reason)

    def _tell_resumed(self, found: Splice | None) -> None:
        stream, start, delivered = self.stream, self.stream.start, self._delivered
        delivered_ms = delivered.end_ms or 0
        # The join goes by times; the service gives each token of speech some.
        has_no_times = delivered.end_ms is None and bool(delivered.last_text)
        replayed = self._framing.ms_of(self._sent_before) - self._framing.ms_of(stream.start_byte)
        self.notices.append(
            RealtimeResumedPayload(
                attempt=self._attempts.failures,
                down_sec=self._down_sec,
                offset_ms=stream.offset_ms,
                replayed_ms=max(0, round(replayed)),
                overlap_ms=0 if found is None else max(0, round(delivered_ms - stream.offset_ms)),
                dropped_tokens=[] if found is None else found.reworded,
                lost_ms=self._lost_before_ms,
                speakers={} if stream.speakers is None else dict(stream.speakers.mapping),
                uncertain=has_no_times
                or (start is not None and start.uncertain)
                or (found is not None and found.uncertain),
            )
        )


def _move_after_ms(policy: ResumePolicy, key_cap_sec: float | None) -> float | None:
    """After how much audio of a connection to move to another; None for never."""
    if policy.rotate_after_sec is None:
        return None
    cap_sec = policy.rotate_after_sec if key_cap_sec is None else key_cap_sec * _SHARE_OF_CAP
    return min(policy.rotate_after_sec, cap_sec) * 1000
