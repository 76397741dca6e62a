"""Types of realtime sessions that are resumed: the policy, and the events about breaks."""

from __future__ import annotations

from dataclasses import dataclass, field

from .._data.records import Payload, Record
from .common import Token

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, Literal

    from .._data.rules import FieldErrors

    WhenFull = Literal["wait", "raise", "drop"]
    SpeakersPolicy = Literal["map", "keep"]
    ContainerPolicy = Literal["refuse", "restart"]
    Reconnecting = Literal["reconnecting"]
    Resumed = Literal["resumed"]
    Lost = Literal["lost"]
    LostReason = Literal["buffer", "drop", "veto", "gave_up", "refused", "closed", "container"]
    SpeechLostReason = Literal["spoken", "gave_up", "refused"]
else:
    # For typing.get_type_hints, without the cost of loading typing.
    Any = object
    WhenFull = SpeakersPolicy = ContainerPolicy = Reconnecting = Resumed = Lost = LostReason = SpeechLostReason = str

__all__ = [
    "RealtimeLostPayload",
    "RealtimeReconnectingPayload",
    "RealtimeResumedPayload",
    "RealtimeTTSLostPayload",
    "RealtimeTTSResumedPayload",
    "ResumePolicy",
]


class ResumePolicy(Payload):
    """How a realtime session goes on after its connection has ended early.

    Of text-to-speech, only the first four count: for each stream, attempts without any audio and the time that they
    take.

    Attributes:
        max_attempts: How many connections in a row may fail without getting further in the audio; None for any number.
        max_downtime_sec: How many seconds one outage may take before the session fails. It fails at once if a server
            asks to wait for longer (``Retry-After``).
        backoff_sec: The first attempt is made at once. Before the second there is a random pause of at most this many
            seconds; the most doubles with each further attempt.
        max_backoff_sec: The longest pause, in seconds.
        buffer_sec: How many seconds of audio are kept for sending again, 10 at least, or sending may have to wait for
            the service although the connection works. Of audio without a known bit rate, ``buffer_bytes`` alone counts.
        buffer_bytes: The same in bytes; whichever is reached first.
        when_full: What sending does while no more audio can be kept: ``wait`` (``send_timeout_sec`` at most),
            ``raise``, or ``drop`` the oldest audio. A ``lost`` event reports what was dropped. A chunk for which
            there is no room is not kept in part, unless it waits and is longer than a quarter of what can be kept.
        overlap_ms: How many milliseconds of recognised audio are sent again at most, so that the two transcripts can
            be joined; 0 for none. None for 5000, with speaker diarization 15000. A quarter of what can be kept at most.
        max_replay_speed: How fast kept audio is sent, as a multiple of real time; None for as fast as the
            connection takes it. Counts for raw audio only.
        rotate_after_sec: After how many seconds of audio the session moves to a new connection by itself, before the
            service ends the old one (at 300 minutes); earlier with keys of ``TemporaryKeys`` that end sessions earlier.
            None for never.
        speakers: ``map`` gives speakers of a new connection their earlier labels, as far as the overlap shows who they
            are; ``keep`` leaves the labels as the service counts them.
        carry_context: Whether a new connection gets the last 500 characters of the transcript as additional context.
            That helps with names, and may make the service repeat words.
        when_container: What to do with audio in containers that cannot be cut (FLAC, Ogg, WebM, ASF): ``refuse`` them,
            or ``restart`` from the beginning for as long as all audio is kept.
    """

    max_attempts: int | None = 8
    max_downtime_sec: float = 300
    backoff_sec: float = 0.5
    max_backoff_sec: float = 30
    buffer_sec: float = 120
    buffer_bytes: int = 32 * 1024 * 1024
    when_full: WhenFull = "wait"
    overlap_ms: int | None = None
    max_replay_speed: float | None = 2.0
    rotate_after_sec: float | None = 290 * 60
    speakers: SpeakersPolicy = "map"
    carry_context: bool = False
    when_container: ContainerPolicy = "refuse"

    def _check(self, check: FieldErrors) -> None:
        check.integer("max_attempts", self.max_attempts, minimum=1, maximum=1_000_000)
        for name in ("max_downtime_sec", "backoff_sec", "max_backoff_sec", "buffer_sec"):
            if check.required(name, getattr(self, name)):
                check.seconds(name, getattr(self, name))
        check.integer("buffer_bytes", self.buffer_bytes, minimum=64 * 1024, maximum=1 << 40)
        check.choice("when_full", self.when_full, ("wait", "raise", "drop"))
        check.integer("overlap_ms", self.overlap_ms, minimum=0, maximum=60_000)
        speed = check.number("max_replay_speed", self.max_replay_speed, minimum=1)
        if speed == 1:
            check.add("max_replay_speed", "must be more than 1", speed)
        check.seconds("rotate_after_sec", self.rotate_after_sec)
        check.choice("speakers", self.speakers, ("map", "keep"))
        check.boolean("carry_context", self.carry_context)
        check.choice("when_container", self.when_container, ("refuse", "restart"))


@dataclass(repr=False, eq=False, kw_only=True)
class RealtimeReconnectingPayload(Record):
    """A session has lost its connection and is about to open another.

    Attributes:
        type: ``reconnecting``.
        attempt: 1 for the first attempt since the session last got further in the audio.
        delay_sec: Seconds until it is made.
        error: Why the connection ended, or the last attempt failed.
        close_code: The WebSocket close code; None where there was none.
        buffered_ms: Milliseconds of audio that are kept; 0 for text-to-speech.
        is_vetoed: Whether :meth:`veto` was called.
    """

    if TYPE_CHECKING:
        __pydantic_config__: ClassVar[dict[str, bool]]
    # Without this, pydantic refuses a field that holds an exception.
    __pydantic_config__ = {"arbitrary_types_allowed": True}  # noqa: RUF012 - no field

    type: Reconnecting = "reconnecting"
    attempt: int
    delay_sec: float
    error: Exception
    close_code: int | None = None
    buffered_ms: int = 0
    is_vetoed: bool = False

    def veto(self) -> None:
        """Has the session fail instead of reconnecting. It must be called before the attempt is made."""
        self.is_vetoed = True

    def _data(self) -> dict[str, Any]:
        return {**super()._data(), "error": str(self.error)}


@dataclass(repr=False, eq=False, kw_only=True)
class RealtimeResumedPayload(Record):
    """A session goes on over a new connection: the words of both are joined from here on.

    Attributes:
        type: ``resumed``.
        attempt: How many attempts it took.
        down_sec: Seconds from the end of the old connection until the new one was open; 0.0 where the session moved
            to the new one by itself.
        offset_ms: Where in the session's audio the new connection began, in milliseconds.
        replayed_ms: Milliseconds of audio that were sent a second time, and are billed twice.
        overlap_ms: How many of these held words that had been given out.
        dropped_tokens: What the new connection heard in the overlap otherwise than what had been given out.
        lost_ms: Milliseconds of audio before ``offset_ms`` that were lost.
        speakers: Labels of the new connection, and the labels that they are given out as.
        uncertain: Whether the cut lay inside speech, the two transcripts differ at it, or tokens had no times, so that
            words may be wrong, missing or there twice.
    """

    type: Resumed = "resumed"
    attempt: int
    down_sec: float
    offset_ms: int
    replayed_ms: int
    overlap_ms: int
    dropped_tokens: list[Token] = field(default_factory=list[Token])
    lost_ms: int = 0
    speakers: dict[str, str] = field(default_factory=dict[str, str])
    uncertain: bool = False


@dataclass(repr=False, eq=False, kw_only=True)
class RealtimeLostPayload(Record):
    """Audio will not be transcribed.

    Attributes:
        type: ``lost``.
        start_ms: Where it begins, in milliseconds of the session's audio.
        end_ms: Where it ends.
        reason: ``buffer`` (more than is kept), ``drop`` (the same, with ``when_full="drop"``), ``veto``, ``gave_up``
            (``max_attempts``, ``max_downtime_sec``, or the service fails at one position), ``refused`` (the service's
            error cannot be resumed), ``closed`` (before it was recognised); ``container`` says beforehand that audio
            can no longer be sent again from its beginning.
    """

    type: Lost = "lost"
    start_ms: int
    end_ms: int
    reason: LostReason


@dataclass(repr=False, eq=False, kw_only=True)
class RealtimeTTSResumedPayload(Record):
    """A text-to-speech connection is open again, or streams that had failed were started again on it.

    Attributes:
        type: ``resumed``.
        attempt: How many attempts it took.
        down_sec: Seconds from the end of the old connection, or from the failure of the stream.
        stream_ids: The streams whose text was sent again from its beginning. None of their audio had arrived.
    """

    type: Resumed = "resumed"
    attempt: int
    down_sec: float
    stream_ids: list[str] = field(default_factory=list[str])


@dataclass(repr=False, eq=False, kw_only=True)
class RealtimeTTSLostPayload(Record):
    """A text-to-speech stream was cut off, and its text is not sent again.

    Attributes:
        type: ``lost``.
        stream_id: Your name for the stream.
        audio_bytes: How many bytes of its audio had arrived.
        audio_ms: The same in milliseconds, of raw audio and WAV; None for compressed audio.
        reason: ``spoken`` (some of its audio had arrived), ``gave_up`` (``max_attempts``, ``max_downtime_sec``), or
            ``refused`` (another attempt would meet the same error, or a handler has refused it).
        error: What receiving from the stream raises, or what is an event with ``raise_on_error=False``.
    """

    if TYPE_CHECKING:
        __pydantic_config__: ClassVar[dict[str, bool]]
    # Without this, pydantic refuses a field that holds an exception.
    __pydantic_config__ = {"arbitrary_types_allowed": True}  # noqa: RUF012 - no field

    type: Lost = "lost"
    stream_id: str
    audio_bytes: int
    audio_ms: int | None = None
    reason: SpeechLostReason
    error: Exception

    def _data(self) -> dict[str, Any]:
        return {**super()._data(), "error": str(self.error)}
