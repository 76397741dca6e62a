"""The audio that may have to be sent again, and the clocks of connections. No I/O, no clock of its own, no locks.

Theory of operation. A *position* counts the bytes of audio that the user has given, headers included, since the session
began. :class:`AudioRing` keeps the newest audio by position. When a connection breaks, its successor is sent the audio
from some position on.

Each connection has a clock: times on the wire count from its own first byte. :class:`ClockMap` translates between
this clock and positions. Both would be proportional if ``finalize`` did not pad: after each one the service's clock has
moved on to the next multiple of a quantum, without audio. So the map is a list of *anchors*, each a time of the
connection's clock and the time of the user's audio at which it was measured; between anchors both go on alike. A
``<fin>`` gives an anchor, since its message has the clock at the place where the ``finalize`` was sent. It is exact
if no audio was sent between the two. The quantum itself is never assumed.

The user sees one line of time over all connections: that of the first one, its paddings included. The second is
sent audio again that the first had padded, and does not pad it. So what is added to the clock of a later connection
is a series of *steps*: one where its audio begins, and one at each padding of an earlier connection after that.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from typing_extensions import Buffer

    from ._framing import Framing

    WhenFull = Literal["wait", "raise", "drop"]

# Smaller chunks are copied together: each piece costs a hundred bytes.
_LEAST_PIECE_BYTES = 1024
_MOST_GATHERED_BYTES = 16 * 1024
# How far one unmeasured padding may move the clock at most, as was measured on the service.
_PADDING_MS = 120.0
# How far each finalize, and rounding, may put the clock ahead of the audio. A clock that is further ahead is ignored.
_MOST_AHEAD_MS = 1000.0
# Times on the wire are whole milliseconds.
_ROUNDING_MS = 5.0


class RingFullError(Exception):
    """The ring has no room, and may not drop anything.

    Attributes:
        needed_bytes: How much has to be trimmed before the chunk fits.
    """

    def __init__(self, needed_bytes: int) -> None:
        super().__init__(f"{needed_bytes} bytes too many")
        self.needed_bytes = needed_bytes


class AudioRing:
    """The newest audio, up to a number of bytes.

    Kept in pieces: immutable chunks as they came, small or mutable ones copied together. A position is found by
    bisection. The memory used is that of the audio, of the oldest and of the newest piece.

    Attributes:
        max_bytes: How much is kept at most. May be changed.
        when_full: What :meth:`append` does without room: raise (the caller raises or waits, then appends again), or
            drop the oldest audio.
        start: Position of the oldest byte.
        end: Position after the newest byte.
        dropped_bytes: How much was dropped in all to make room.
    """

    def __init__(self, max_bytes: int, *, when_full: WhenFull = "wait") -> None:
        self.max_bytes = max_bytes
        self.when_full: WhenFull = when_full
        self.start = 0
        self.end = 0
        self.dropped_bytes = 0
        # Each piece, and its position. The first ones may be empty already, until there are many.
        self._pieces: list[bytes | bytearray] = []
        self._positions: list[int] = []
        self._first = 0

    def __len__(self) -> int:
        return self.end - self.start

    @property
    def room(self) -> int:
        """How many bytes can be appended."""
        return max(0, self.max_bytes - len(self))

    def append(self, chunk: Buffer) -> int:
        """Adds audio.

        Returns:
            How many bytes of the oldest audio were dropped; with a chunk larger than the ring, these include its own.

        Raises:
            RingFullError: There is no room and nothing may be dropped; nothing was added.
        """
        piece = chunk if type(chunk) is bytes else memoryview(chunk).cast("B")
        end = self.end + len(piece)
        excess = end - self.start - self.max_bytes
        if excess > 0 and self.when_full != "drop":
            raise RingFullError(excess)
        if type(piece) is bytes and len(piece) >= _LEAST_PIECE_BYTES:
            self._pieces.append(piece)
            self._positions.append(self.end)
        else:
            self._gather(piece)
        self.end = end
        if excess <= 0:
            return 0
        self.trim(self.start + excess)
        self.dropped_bytes += excess
        return excess

    def trim(self, position: int) -> None:
        """Forgets the audio before a position; a position outside of the ring is moved to its nearer end."""
        self.start = max(self.start, min(position, self.end))
        first = bisect_right(self._positions, self.start) - 1
        # The piece at the end may get more.
        for number in range(self._first, first):
            self._pieces[number] = b""
        self._first = max(self._first, first)
        if self._first > len(self._pieces) // 2:
            del self._pieces[: self._first], self._positions[: self._first]
            self._first = 0

    def read(self, position: int, size: int) -> bytes:
        """The audio from a position on, at most ``size`` bytes; empty at the end.

        Raises:
            IndexError: The audio at the position is not kept any more.
        """
        if position < self.start:
            raise IndexError(f"position {position} is before {self.start}, the oldest that is kept")
        stop = min(position + size, self.end)
        parts: list[bytes | bytearray] = []
        number = bisect_right(self._positions, position) - 1
        while position < stop:
            skipped = position - self._positions[number]
            part = self._pieces[number][skipped : skipped + stop - position]
            parts.append(part)
            position += len(part)
            number += 1
        return b"".join(parts)

    def _gather(self, chunk: bytes | memoryview) -> None:
        """Copies a chunk to the newest piece, or into one of its own."""
        newest = self._pieces[-1] if self._pieces else b""
        if type(newest) is bytearray and len(newest) + len(chunk) <= _MOST_GATHERED_BYTES:
            newest += chunk
        elif chunk:
            self._pieces.append(bytearray(chunk) if len(chunk) < _LEAST_PIECE_BYTES else bytes(chunk))
            self._positions.append(self.end)


class ClockMap:
    """The clock of one connection, the positions of the audio that it was sent, and the user's line of time.

    Attributes:
        uncertainty_ms: How far a translation may be off at present, in milliseconds: 0 unless a padding was not
            measured exactly.
    """

    def __init__(self, framing: Framing, start: int, after: ClockMap | None = None) -> None:
        """A map whose clock is 0 at a position.

        Args:
            framing: Of the user's audio.
            start: Position of the first audio that the connection is sent, a header that is repeated aside.
            after: The clock of the connection before, whose line of time goes on; None for the first one.
        """
        self.uncertainty_ms: float = 0.0
        self._framing = framing
        # Of each anchor, in order: the connection's clock, and the time of the user's audio.
        self._clock_ms = [0.0]
        self._audio_ms = [framing.ms_of(start)]
        # Position and time of each finalize that has no <fin> yet.
        self._outstanding: deque[tuple[int, float]] = deque()
        # From which time of the clock on how much is added for the user's line.
        self._steps_ms = [0.0]
        self._offsets_ms = [0]
        if after is not None:
            self._offsets_ms = [round(after.user_at(start))]
            for audio_ms in after._paddings_after(self._audio_ms[0]):
                self._steps_ms.append(audio_ms - self._audio_ms[0])
                self._offsets_ms.append(round(after._user_at(audio_ms) - self._steps_ms[-1]))

    @property
    def outstanding(self) -> list[int]:
        """The positions at which a finalize was sent whose ``<fin>`` has not come, oldest first."""
        return [position for position, _ in self._outstanding]

    def ms_of(self, position: int) -> float:
        """The connection's clock at a position. Where the clock was padded, it is the time after the padding."""
        return self._clock_at(self._framing.ms_of(position))

    def byte_of(self, ms: float) -> int:
        """The position at a time of the connection's clock. All times of a padding are at one position."""
        anchor = max(0, bisect_right(self._clock_ms, ms) - 1)
        audio_ms = self._audio_ms[anchor] + ms - self._clock_ms[anchor]
        if anchor + 1 < len(self._audio_ms):
            audio_ms = min(audio_ms, self._audio_ms[anchor + 1])
        return self._framing.byte_of(audio_ms)

    def user_ms(self, ms: float) -> float:
        """The time on the user's line for a time of the connection's clock."""
        return ms + self._offsets_ms[max(0, bisect_left(self._steps_ms, ms) - 1)]

    def offset_after(self, ms: float) -> int | None:
        """What is added to each time of the connection after this one; None if that depends on the time."""
        return self._offsets_ms[-1] if ms >= self._steps_ms[-1] else None

    def user_at(self, position: int) -> float:
        """The time on the user's line at a position; where it was padded, the time after the padding."""
        return self._user_at(self._framing.ms_of(position))

    def byte_of_user(self, user_ms: float) -> int:
        """The position at a time of the user's line."""
        later_ms = math.inf
        for step_ms, offset_ms in zip(reversed(self._steps_ms), reversed(self._offsets_ms), strict=True):
            if user_ms - offset_ms >= step_ms:
                return self.byte_of(min(user_ms - offset_ms, later_ms))
            later_ms = step_ms
        return self.byte_of(0.0)

    def latest_ms(self, position: int) -> float:
        """The latest time that the connection's clock can have when audio up to a position was sent."""
        if not self._framing.bytes_per_second:
            return math.inf
        return self.ms_of(position) + self.uncertainty_ms + _MOST_AHEAD_MS * (1 + len(self._outstanding))

    def finalize_sent(self, position: int) -> None:
        """Notes that a finalize was sent after the audio before a position."""
        self._outstanding.append((position, self._framing.ms_of(position)))

    def fin_arrived(self, final_ms: float | None, total_ms: float | None, sent: int) -> bool:
        """Notes a ``<fin>``: it answers the oldest outstanding finalize.

        Args:
            final_ms: ``final_audio_proc_ms`` of its message.
            total_ms: ``total_audio_proc_ms`` of its message.
            sent: Position up to which audio has been sent by now.

        Returns:
            Whether the clock is known exactly now: no audio was sent since the finalize, and the counters agree.
        """
        if not self._outstanding:
            return False
        _, audio_ms = self._outstanding.popleft()
        earliest_ms = self._clock_at(audio_ms) - self.uncertainty_ms - _ROUNDING_MS
        if final_ms is None or not earliest_ms <= final_ms <= self.latest_ms(sent):
            # The counter contradicts what is known; a padding has to be expected all the same.
            self.uncertainty_ms += _PADDING_MS
            return False
        self._anchor(final_ms, audio_ms)
        later_ms = self._framing.ms_of(sent) - audio_ms
        is_clean = later_ms <= 0 and final_ms == total_ms
        # Audio that was sent since then may be counted. Errors do not add up, since each anchor is a time by itself.
        self.uncertainty_ms = 0.0 if is_clean else min(later_ms or _PADDING_MS, _PADDING_MS)
        return is_clean

    def observe(self, user_ms: float, sent: int) -> None:
        """Moves the clock forward if a message counts more audio than was sent: the service has padded it.

        Args:
            user_ms: ``total_audio_proc_ms`` of a message, on the user's line.
            sent: Position up to which audio had been sent when it arrived.
        """
        missing_ms = user_ms - self.user_at(sent)
        if missing_ms > _ROUNDING_MS and not self._framing.is_restart_only:
            self._anchor(self.ms_of(sent) + missing_ms, self._framing.ms_of(sent))
            self.uncertainty_ms = max(self.uncertainty_ms, min(missing_ms, _PADDING_MS))

    def forget(self, position: int) -> None:
        """Forgets the anchors that no position from this one on needs."""
        unneeded = bisect_right(self._audio_ms, self._framing.ms_of(position)) - 1
        if unneeded > 0:
            del self._audio_ms[:unneeded], self._clock_ms[:unneeded]

    def _clock_at(self, audio_ms: float) -> float:
        anchor = max(0, bisect_right(self._audio_ms, audio_ms) - 1)
        return self._clock_ms[anchor] + audio_ms - self._audio_ms[anchor]

    def _user_at(self, audio_ms: float) -> float:
        ms = self._clock_at(audio_ms)
        return ms + self._offsets_ms[max(0, bisect_right(self._steps_ms, ms) - 1)]

    def _paddings_after(self, audio_ms: float) -> list[float]:
        """Where the user's line was padded after a time of the audio, in times of the audio."""
        steps = [self._audio_ms[0] + step_ms for step_ms in self._steps_ms[1:]]
        return sorted(ms for ms in {*steps, *self._audio_ms[1:]} if ms > audio_ms)

    def _anchor(self, clock_ms: float, audio_ms: float) -> None:
        # An earlier anchor that contradicts this one, or that was measured at the same place, is older knowledge.
        while len(self._audio_ms) > 1 and (self._audio_ms[-1] >= audio_ms or self._clock_ms[-1] >= clock_ms):
            del self._audio_ms[-1], self._clock_ms[-1]
        self._clock_ms.append(clock_ms)
        self._audio_ms.append(audio_ms)
