"""What belongs to one connection of a session that is resumed, and what is done to its events. No I/O, no clock."""

from __future__ import annotations

from ._words import WholeWords, time_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._websocket.frames import Message
    from ..types.common import Token
    from ..types.realtime import RealtimeEvent
    from ._cut import Delivered, Speakers, Start
    from ._ring import ClockMap


class Finalize:
    """A finalize that has no ``<fin>`` yet.

    Attributes:
        message: The message.
        byte: The position in the audio at which it was asked for.
    """

    __slots__ = ("byte", "message")

    def __init__(self, message: Message, byte: int) -> None:
        self.message = message
        self.byte = byte


class Stream:
    """What belongs to one connection.

    Attributes:
        start_byte: Where its audio begins.
        offset_ms: The same on the user's line of time.
        clock: Between its time and positions.
        start: How the position was chosen; None for the first connection.
        words: Holds back words that may not be whole.
        speakers: Its labels; None where they are kept.
        withheld: Final tokens that cannot be joined yet; None once joined.
        reached_ms: The latest time that it has sent, on the user's line; None before the first.
        header: What has to be sent before its audio.
        sent: The position up to which its audio has been sent.
        finalizes_sent: How many of the finalizes without ``<fin>`` have been sent.
        has_ended: Whether the end of the audio has been sent.
        began_at: When the connection was opened, as the caller's clock counts.
    """

    def __init__(
        self,
        start_byte: int,
        offset_ms: int,
        clock: ClockMap,
        start: Start | None = None,
        after: Delivered | None = None,
    ) -> None:
        self.start_byte = start_byte
        self.offset_ms = offset_ms
        self.clock = clock
        self.start = start
        self.words: WholeWords = WholeWords(after)
        self.speakers: Speakers | None = None
        self.withheld: list[Token] | None = None if start is None or start.is_exact else []
        self.reached_ms: float | None = None
        self.header = b""
        self.sent = start_byte
        self.finalizes_sent = 0
        self.has_ended = False
        self.began_at: float = 0.0

    def user_ms(self, byte: int) -> float:
        """A position on the user's line of time."""
        return self.clock.user_at(byte)

    def byte_of(self, user_ms: float) -> int:
        """The position at a time of the user's line."""
        return self.clock.byte_of_user(user_ms)


def shift(event: RealtimeEvent, clock: ClockMap) -> None:
    """Moves an event's times to the user's line. They are not checked when they arrive."""
    final_ms, total_ms = time_of(event.final_audio_proc_ms), time_of(event.total_audio_proc_ms)
    first_ms = time_of(event.tokens[0].start_ms) if event.tokens else final_ms
    offset_ms = clock.offset_after(min(first_ms or 0, final_ms or 0))

    def moved(ms: float) -> int:
        return round(clock.user_ms(ms) if offset_ms is None else ms + offset_ms)

    for token in event.tokens:
        if (start_ms := time_of(token.start_ms)) is not None:
            token.start_ms = moved(start_ms)
        if (end_ms := time_of(token.end_ms)) is not None:
            token.end_ms = moved(end_ms)
    if final_ms is not None:
        event.final_audio_proc_ms = moved(final_ms)
    if total_ms is not None:
        event.total_audio_proc_ms = moved(total_ms)


def relabel(tokens: list[Token], speakers: Speakers) -> None:
    """Gives tokens the labels of the session."""
    for token in tokens:
        if type(token.speaker) is str:
            token.speaker = speakers.label(token.speaker)


def count_final(tokens: list[Token]) -> int:
    """How many tokens at the beginning are final."""
    if tokens and tokens[-1].is_final:
        return len(tokens)
    count = 0
    for token in tokens:
        if not token.is_final:
            break
        count += 1
    return count
