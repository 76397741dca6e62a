"""Text-to-speech after a break: which text is sent again, and when; which streams are lost. No I/O, no clock.

Theory of operation
-------------------
Speech cannot be joined: a text that is sent again is spoken again from its beginning, and may sound otherwise. So a
stream is resumed for as long as none of its audio has arrived. All of its text is kept until then (5000 bytes at
most), and sent again in one message, over a new connection, or over the same one where only the stream has failed. A
stream that is cut off after its first audio ends with an error that has the audio so far. The other streams of the
connection go on.

Two classes decide. A connection (:class:`SpeechLink`) is opened while a stream waits for it, and otherwise stays
closed. A stream (:class:`ResumableTtsProtocol`) counts how often its text was sent without any audio, and is given up
by itself, without the connection.
"""

from __future__ import annotations

import math
from enum import IntEnum

from ..errors import SonioxRealtimeError, SonioxRealtimeResumeError, SonioxRealtimeSpeechError
from ..types.realtime_tts import RealtimeTTSTextMessage
from ..types.resume import RealtimeReconnectingPayload
from ._breaks import STEADY_SEC, outage_problem, pause_before_attempt, verdict_of_failure
from ._stt_protocol import error_of
from ._tts_protocol import TtsProtocol, cut_short_error, error_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal

    from .._websocket.frames import Message
    from ..types.realtime_tts import RealtimeTTSConfig
    from ..types.resume import RealtimeTTSResumedPayload, ResumePolicy
    from ._breaks import Verdict

NEVER = math.inf


class LinkState(IntEnum):
    """What a connection that is resumed is doing."""

    LIVE = 0
    """It is open."""
    DORMANT = 1
    """It has ended, and no stream waits for another."""
    WAITING = 2
    """The next attempt is not due yet."""
    CONNECTING = 3
    """It is being opened."""
    OVER = 4
    """Closed, refused, or given up."""


# Compared for each message, which is slow on an enum in Python 3.10 and 3.11.
LIVE = LinkState.LIVE


class SpeechLink:
    """The rules of a connection that is opened again. Its methods are called one at a time.

    Attributes:
        state: A :class:`LinkState`.
        connections: How many connections have been opened.
        attempts: How many attempts in a row have failed; the end of a connection that was open counts as one.
        down_sec: How many seconds there was no connection before this one.
        failure: Why the connection was given up; None if it was not.
        notices: The payloads of ``reconnecting`` and ``resumed`` that have not been taken yet.
    """

    def __init__(self, policy: ResumePolicy, *, asks_for_key: bool, random: Callable[[], float]) -> None:
        """The rules for one connection.

        Args:
            policy: How it is resumed.
            asks_for_key: Whether each connection asks for a key, so that an expired one is no reason to stop.
            random: Gives a number from 0 to 1, for pauses.
        """
        self.state = LinkState.CONNECTING
        self.connections = 0
        self.attempts = 0
        self.down_sec = 0.0
        self.failure: SonioxRealtimeError | None = None
        self.notices: list[RealtimeReconnectingPayload | RealtimeTTSResumedPayload] = []
        self._policy = policy
        self._random = random
        self._asks_for_key = asks_for_key
        self._key_was_refused = False
        self._began_at = 0.0
        self._down_since: float | None = None
        self._due = 0.0
        self._error = SonioxRealtimeError("the connection ended")
        self._announced: RealtimeReconnectingPayload | None = None

    @property
    def is_down(self) -> bool:
        """Whether there was a connection, and another is waited for."""
        return self.connections > 0 and self.state in (LinkState.WAITING, LinkState.CONNECTING)

    def opened(self, now: float) -> None:
        """A connection has been opened.

        Raises:
            SonioxRealtimeError: It is not wanted any more.
        """
        if self.state is not LinkState.CONNECTING:
            raise SonioxRealtimeError("the connection was closed while it was being opened")
        self.connections += 1
        self.down_sec = 0.0 if self._down_since is None else now - self._down_since
        self._began_at = now
        self.state = LinkState.LIVE

    def heard(self) -> None:
        """Audio of a stream has begun to arrive."""
        self.attempts = 0
        self._key_was_refused = False

    def may_go_on(self, error: SonioxRealtimeError, verdict: Verdict) -> bool:
        """Whether another connection may help."""
        if self.state is LinkState.OVER or verdict == "never":
            return False
        if verdict != "key":
            return True
        if not self._asks_for_key or self._key_was_refused:
            return False
        self._key_was_refused = error.error_code == 401
        return True

    def ended(self, error: SonioxRealtimeError, verdict: Verdict, now: float, is_wanted: bool) -> None:
        """The connection has ended, or could not be opened. A handler may have closed it meanwhile.

        Args:
            error: Why.
            verdict: What that means for the next attempt.
            now: On a monotonic clock.
            is_wanted: Whether a stream waits for another connection.
        """
        if self.state is LinkState.OVER:
            return
        if self.state is LinkState.LIVE:
            self._down_since = now
            if now - self._began_at >= STEADY_SEC:
                self.heard()
        self.attempts += 1
        self._error = error
        self.state = LinkState.DORMANT
        if is_wanted:
            pause_sec = pause_before_attempt(self._policy, verdict, self.attempts, error, self._random)
            self._schedule(pause_sec, now)

    def wake(self, now: float) -> None:
        """A stream waits for a connection."""
        if self.state is LinkState.DORMANT:
            self._down_since = now
            self._schedule(0.0, now)

    def note(self, notice: RealtimeTTSResumedPayload) -> None:
        """Adds a notice, after those of earlier events."""
        self.notices.append(notice)

    def take_notices(self) -> list[RealtimeReconnectingPayload | RealtimeTTSResumedPayload]:
        """The notices since the last call."""
        notices, self.notices = self.notices, []
        return notices

    def next(self, now: float, *, is_wanted: bool) -> float | Literal["connect"] | None:
        """How many seconds to wait, or ``connect``; None when there is nothing to do."""
        if self.state is not LinkState.WAITING:
            return None
        if not is_wanted:
            # The streams have been cancelled.
            self.state = LinkState.DORMANT
            return None
        if self._announced is not None and self._announced.is_vetoed:
            self.state = LinkState.OVER
            what = "a handler of the reconnecting event has refused another connection"
            self.failure = SonioxRealtimeResumeError(f"{what}; the last error was: {self._error.message}")
            self.failure.__cause__ = self._error
            return None
        if now < self._due:
            return self._due - now
        self.state = LinkState.CONNECTING
        return "connect"

    def close(self) -> None:
        """The program closes the connection."""
        self.state = LinkState.OVER

    def _schedule(self, delay_sec: float, now: float) -> None:
        self.state = LinkState.WAITING
        self._due = now + delay_sec
        self._announced = RealtimeReconnectingPayload(
            attempt=max(1, self.attempts),
            delay_sec=delay_sec,
            error=self._error,
            close_code=self._error.close_code,
        )
        self.notices.append(self._announced)


class ResumableTtsProtocol(TtsProtocol):
    """The state of a stream whose text can be sent again.

    Attributes:
        attempts: How often its text was sent, or a connection for it could not be opened, without any audio.
        retry_at: From when on its text may be sent again; None while it has been sent, infinite until there is more.
        spoken: The characters whose audio has arrived, as far as messages with timestamps have them.
    """

    def __init__(self, config: RealtimeTTSConfig, policy: ResumePolicy, random: Callable[[], float]) -> None:
        super().__init__(config)
        self.attempts = 0
        self.retry_at: float | None = None
        self.spoken: list[str] = []
        self._policy = policy
        self._random = random
        # All text that was sent.
        self._sent: list[str] = []
        self._end_was_sent = False
        self._failing_since: float | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether its text has to be sent again before more of it is."""
        return self.retry_at is not None

    @property
    def has_audio(self) -> bool:
        """Whether audio has arrived."""
        return self.audio_bytes > 0

    def down_sec(self, now: float) -> float:
        """For how many seconds nothing could be sent."""
        return 0.0 if self._failing_since is None else now - self._failing_since

    def observe(self, data: dict[str, Any]) -> None:
        """As for other streams; also keeps which characters were spoken."""
        super().observe(data)
        timestamps: Any = data.get("timestamps")
        characters: Any = timestamps.get("characters") if isinstance(timestamps, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] - as it came
        if isinstance(characters, list):
            self.spoken += map(str, characters)  # pyright: ignore[reportUnknownArgumentType] - as above

    def early_end(self, data: dict[str, Any]) -> SonioxRealtimeError | None:
        """The error of a message that ends the stream before its audio is complete; None if this is no such message."""
        if self.is_over or self.has_audio_end or data.get("audio_end") is True:
            return None
        if data.get("error_code") is not None:
            event = error_event(self.renamed(data))
            return None if event is None else error_of(event)
        return cut_short_error() if data.get("terminated") is True else None

    def failed(self, error: SonioxRealtimeError, now: float) -> bool:
        """The stream was cut off without any audio by an error of its own; returns whether its text is sent again."""
        verdict = "now" if error.error_code is None else verdict_of_failure(error)
        if verdict in ("never", "key"):
            return False
        self.interrupted(now)
        if verdict == "audio" and not self._end_was_sent:
            # The service got no text for long.
            self.retry_at, self._failing_since = NEVER, None
        else:
            self.retry_at = now + pause_before_attempt(self._policy, verdict, self.attempts, error, self._random)
        return True

    def interrupted(self, now: float) -> None:
        """There is no connection (any more), and no audio of the stream has arrived."""
        self.attempts += 1
        if self._failing_since is None:
            self._failing_since = now
        if self.retry_at != NEVER:
            self.retry_at = now

    def wait(self, now: float) -> None:
        """Has the stream wait for a connection."""
        if self.retry_at is None:
            self.retry_at = now

    def problem(self, now: float, error: SonioxRealtimeError) -> str | None:
        """Why its text is not sent again any more after this error; None while it is."""
        policy = self._policy
        if policy.max_attempts is not None and self.attempts > policy.max_attempts:
            return f"{policy.max_attempts} attempts in a row brought no audio"
        return outage_problem(policy, self.down_sec(now), error)

    def again(self, now: float) -> list[Message]:
        """The messages that start the stream again, with all text that was sent."""
        self.retry_at = None
        messages, text = [self.start()], "".join(self._sent)
        if text or self._end_was_sent:
            self._last_text_at = now
            message = RealtimeTTSTextMessage(text=text, text_end=self._end_was_sent, stream_id=self.wire_id)
            messages.append(super()._said(message))
        return messages

    def cut_off(self, error: SonioxRealtimeError, problem: str | None = None) -> SonioxRealtimeSpeechError:
        """The error for a stream whose text is not sent again.

        Args:
            error: What cut it off.
            problem: Why it is not sent again; None where some of it was spoken already.
        """
        audio_ms = self.audio_ms
        length = f"{self.audio_bytes} bytes" if audio_ms is None else f"{self.audio_bytes} bytes ({audio_ms} ms)"
        reason = problem or f"{length} of its audio had arrived, so that its text cannot be sent again"
        cut_off = SonioxRealtimeSpeechError(
            f"the stream was cut off: {reason}; the last error was: {error.message}",
            stream_id=self.config.stream_id,
            audio_bytes=self.audio_bytes,
            audio_ms=audio_ms,
            text="".join(self._sent),
            spoken_text="".join(self.spoken) if self.config.return_timestamps else None,
            error_code=error.error_code,
            error_type=error.error_type,
            request_id=error.request_id,
            close_code=error.close_code,
        )
        cut_off.__cause__ = error
        return cut_off

    def _said(self, message: RealtimeTTSTextMessage) -> Message:
        if message.text:
            self._sent.append(message.text)
        self._end_was_sent = self._end_was_sent or message.text_end
        if self.retry_at == NEVER and (message.text or message.text_end):
            self.retry_at = 0.0
        return super()._said(message)

    def heartbeat(self, now: float, interval_sec: float) -> tuple[Message | None, float]:
        """As for other streams; none while its text waits to be sent again."""
        return (None, interval_sec) if self.is_waiting else super().heartbeat(now, interval_sec)
