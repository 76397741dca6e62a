# Generated from _async_tts_relay.py by scripts/generate_sync: edit that file, not this one.
"""A text-to-speech connection that is opened again, with its streams: they outlive the WebSockets that carry them.

A break is noticed where the WebSocket ends. The streams that have no audio yet wait from then on, those that have some
end with an error. A pump opens the next WebSocket, which sends the text of the waiting streams again before anything
else. Until then, what is sent is only kept.
"""

from __future__ import annotations

from .._data.clock import time
from .._websocket.frames import ABNORMAL_CLOSURE, NORMAL_CLOSURE
from .._websocket.nonblocking import Closure, Process
from .._websocket.threads import forked_error
from ..errors import SonioxRealtimeError
from ..types.resume import RealtimeTTSLostPayload, RealtimeTTSResumedPayload
from ._breaks import GaveUp, refusal_of, verdict_of_closure, verdict_of_failure, verdict_of_refusal
from ._pump import Pump, Steps
from ._session_log import log_notice
from ._stt_protocol import error_of
from ._tts_connection import TtsConnection
from ._tts_protocol import StreamState, WireIds, error_event
from ._tts_resume import LIVE, NEVER, LinkState, ResumableTtsProtocol, SpeechLink
from ._tts_stream import TtsStream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal

    from .._websocket.frames import Message
    from .._websocket.options import ConnectionOptions
    from .._websocket.threads import Connection
    from ..types.realtime_tts import RealtimeTTSConfig
    from ..types.resume import ResumePolicy, SpeechLostReason
    from ._breaks import Verdict
    from ._tts_protocol import ConnectionState, Settings

    # The driver of the WebSocket, and the position there; None for a message that is queued when this thread goes on.
    Posted = tuple[Connection, int | None]

# How long the end of a WebSocket may take to be noticed after sending has failed.
_REASON_TIMEOUT_SEC = 1.0


class ResumingTtsStream(TtsStream):
    """A stream whose text is sent again after a break, unless some of its audio has arrived."""

    connection: ResumingTtsConnection
    protocol: ResumableTtsProtocol

    def _new_protocol(self, config: RealtimeTTSConfig) -> ResumableTtsProtocol:
        return ResumableTtsProtocol(config, self.connection.policy, self.connection.random)

    def deliver(self, message: bytes, data: dict[str, Any]) -> None:
        """As for other streams, but a stream that ends without any audio may be started again."""
        if self.protocol.has_audio_end and data.get("error_code") is not None:
            self._complete()
            return
        error, had_audio = self.protocol.early_end(data), self.protocol.has_audio
        if error is None:
            super().deliver(message, data)
            if not had_audio and self.protocol.has_audio:
                self.connection.audio_began()
        elif had_audio:
            self.give_up(error)
        elif not self._starts_later(error):
            self._tell_lost(error, "refused")
            super().deliver(message, data)

    def _starts_later(self, error: SonioxRealtimeError) -> bool:
        """Whether the stream goes on after an error of its own, or is given up only now."""
        now = time.monotonic()
        with self._order:
            if not self.protocol.failed(error, now):
                return False
            self.connection.rename(self)
        if not self._is_given_up(error, now):
            self.connection.look_after_streams()
        return True

    @property
    def is_waiting(self) -> bool:
        """Whether it is started again by itself, without another call of its user."""
        retry_at = self.protocol.retry_at
        return retry_at is not None and retry_at < NEVER and not self.protocol.is_over

    def take_new_name(self) -> None:
        """Gets another name on the wire, for a new connection."""
        with self._order:
            self.connection.rename(self)

    def interrupted(self, error: SonioxRealtimeError, now: float) -> bool:
        """Called when there is no connection (any more); returns whether the stream waits for one."""
        protocol = self.protocol
        if not protocol.is_started or protocol.is_over:
            return False
        if protocol.has_audio_end:
            self._complete()
            return False
        if protocol.has_audio:
            self.give_up(error)
            return False
        with self._order:
            protocol.interrupted(now)
        return not self._is_given_up(error, now) and self.is_waiting

    def _complete(self) -> None:
        """Ends the stream well, since all of its audio has arrived; only the confirmation is missing."""
        self.protocol.advance(StreamState.TERMINATED)
        self.close_queue()
        self.connection.forget(self)

    def refused(self, error: SonioxRealtimeError) -> None:
        """Called when no other connection will be opened."""
        if self.protocol.is_started and not self.protocol.is_over and not self.protocol.has_audio_end:
            self.give_up(error, "refused", "no other connection is tried")

    def give_up(
        self, error: SonioxRealtimeError, reason: SpeechLostReason = "spoken", problem: str | None = None
    ) -> None:
        """Ends the stream with an error that says how far it has come.

        Args:
            error: What cut it off.
            reason: Why it is given up; ``spoken`` if some of its audio has arrived, whatever is given.
            problem: The reason in words.
        """
        if self.protocol.has_audio:
            reason, problem = "spoken", None
        cut_off = self.protocol.cut_off(error, problem)
        # The service has ended it, so that there is nothing to cancel.
        self.protocol.advance(StreamState.TERMINATED)
        try:
            self._tell_lost(cut_off, reason)
        finally:
            self.fail(cut_off)

    def _tell_lost(self, error: SonioxRealtimeError, reason: SpeechLostReason) -> None:
        protocol = self.protocol
        self.connection.tell(
            RealtimeTTSLostPayload(
                stream_id=self.stream_id,
                audio_bytes=protocol.audio_bytes,
                audio_ms=protocol.audio_ms,
                reason=reason,
                error=error,
            )
        )

    def starts_again(self, now: float) -> bool:
        """Sends the text again if that is due; returns whether it was sent."""
        with self._order:
            retry_at = self.protocol.retry_at
            if retry_at is None or retry_at > now or self.protocol.is_over:
                return False
            for message in self.protocol.again(now):
                if self.connection.post(message) is None:
                    # The connection has just ended; the call for its end handles that.
                    self.protocol.wait(now)
                    return False
            return True

    def _is_given_up(self, error: SonioxRealtimeError, now: float) -> bool:
        problem = self.protocol.problem(now, error)
        if problem is not None:
            self.give_up(error, "gave_up", problem)
        return problem is not None

    def _post(self, message: Message) -> Any:
        protocol = self.protocol
        sent = None if protocol.is_waiting else self.connection.post(message)
        if sent is None and not protocol.has_audio and not protocol.is_over:
            protocol.wait(time.monotonic())
            self.connection.look_after_streams()
        return sent


class ResumingTtsConnection(TtsConnection):
    """A connection that is opened again when it ends while a stream needs it.

    Attributes:
        policy: How it is resumed.
        random: Gives a number from 0 to 1, for pauses.
    """

    def __init__(self, options: ConnectionOptions, settings: Settings, policy: ResumePolicy) -> None:
        import random  # noqa: PLC0415 - only connections that are resumed need it

        self.policy = policy
        self.random = random.random
        self._link = SpeechLink(policy, asks_for_key=options.key_function is not None, random=self.random)
        self._opening: Connection | None = None
        # The service's error, if it has sent one before it ended the connection.
        self._refusal: SonioxRealtimeError | None = None
        self._steps = Steps()
        self._pump = Pump(self._step)
        self._forks = Process.forks
        super().__init__(options, settings)

    def _new_driver(self) -> Connection:
        self._opening = super()._new_driver()
        return self._opening

    @property
    def public_state(self) -> ConnectionState:
        """The state in the words of the public API."""
        state = self.protocol.public_state
        return "reconnecting" if state == "open" and self._link.is_down else state

    @property
    def connections(self) -> int:
        """How many connections have been opened."""
        return self._link.connections

    def new_stream(self, config: RealtimeTTSConfig) -> TtsStream:
        """A stream for this connection, not started."""
        return ResumingTtsStream(self, config)

    def check_owner(self) -> None:
        """As for other connections, also while there is no WebSocket."""
        if self._forks != Process.forks and self.protocol.was_open and self.protocol.closure is None:
            raise forked_error()
        super().check_owner()

    def rename(self, stream: TtsStream) -> None:
        """Gives a stream another name on the wire, so that nothing more of the last one reaches it."""
        with self._registry:
            self._streams.pop(stream.protocol.wire_id, None)
            stream.protocol.wire_id = self._wire_ids.new(stream.stream_id)
            self._streams[stream.protocol.wire_id] = stream

    def post(self, message: Message) -> Posted | None:
        """As for other connections; gives the driver, too. None while there is none."""
        driver = self.driver
        if self._link.state is not LIVE:
            return None
        try:
            return driver, driver.send_nowait(lambda: message)
        except SonioxRealtimeError:
            # The connection has just ended; the call for its end handles that.
            return None

    def sent(self, post: Callable[[], Posted | None], stream: TtsStream | None = None) -> None:
        """As for other connections; what a broken connection has not taken is sent again."""
        driver, position = post() or (self.driver, None)
        try:
            if position is not None:
                driver.drain(position)
        except SonioxRealtimeError:
            driver.wait_ended(_REASON_TIMEOUT_SEC)
            (stream or self).check_open()

    def audio_began(self) -> None:
        """The first audio of a stream has arrived."""
        self._steps.run(self._link.heard)

    def look_after_streams(self) -> None:
        """Has the pump start streams again that wait for it: now, later, or over a new connection."""
        self._steps.run(self._link.wake, time.monotonic())
        self._pump.start()

    def tell(self, payload: Any) -> None:
        """Logs what has happened, and calls its handlers."""
        log_notice(self._options.shown_url, payload)
        self.handlers.call(payload.type, payload)

    def _abort(self) -> None:
        self._steps.run(self._link.close)
        opening = self._opening
        super()._abort()
        if opening is not None:
            opening.abort()
        self._pump.stop()
        if self.protocol.was_open and self.protocol.closure is None:
            self._close_all(Closure(NORMAL_CLOSURE, initiated_locally=True))

    def __del__(self) -> None:
        self._pump.wake()

    # What the WebSocket calls.

    def _on_open(self) -> None:
        now = time.monotonic()
        self.driver, self._opening = self._opening or self.driver, None
        # Before it is used, so that each message has the name that its stream has there.
        self._wire_ids = WireIds()
        for stream in self._resumable_streams():
            stream.take_new_name()
        self._steps.run(self._link.opened, now)
        self._forks = Process.forks
        super()._on_open()
        started = self._start_streams(now)
        if self._link.connections > 1:
            # The pump calls the handlers, so that they may close the connection: here it is still being opened.
            self._note_resumed(max(1, self._link.attempts), self._link.down_sec, started)

    def _on_message(self, message: bytes) -> None:
        # What a refused connection has sent in the same read would come before the text is sent again.
        if self._refusal is None and self._link.state is LIVE:
            super()._on_message(message)

    def _is_overcome(self, data: dict[str, Any]) -> bool:
        event = error_event(data)
        error = None if event is None else error_of(event)
        if error is None or not self._steps.run(self._link.may_go_on, error, verdict_of_failure(error)):
            return super()._is_overcome(data)
        self._refusal = error
        self.driver.fail(error)
        return True

    def _on_end(self, closure: Closure) -> None:
        refusal, self._refusal = self._refusal, None
        if refusal is not None:
            self._break(refusal, verdict_of_failure(refusal))
            return
        error, verdict = closure.as_error(), verdict_of_closure(closure)
        if (
            closure.initiated_locally
            or self.protocol.failure is not None
            or not self._steps.run(self._link.may_go_on, error, verdict)
        ):
            self._close_all(closure)
        else:
            self._break(error, verdict)

    def _break(self, error: SonioxRealtimeError, verdict: Verdict) -> None:
        """Goes on without a WebSocket until another is open."""
        now = time.monotonic()
        waiting = [stream.interrupted(error, now) for stream in self._resumable_streams()]
        self._steps.run(self._link.ended, error, verdict, now, any(waiting))
        self._tell_notices()
        self._pump.start()

    def _close_all(self, closure: Closure) -> None:
        """Ends the connection for good."""
        self._steps.run(self._link.close)
        if not closure.initiated_locally:
            for stream in self._resumable_streams():
                stream.refused(closure.as_error())
        super()._on_end(closure)

    def _resumable_streams(self) -> list[ResumingTtsStream]:
        return [stream for stream in self._open_streams() if isinstance(stream, ResumingTtsStream)]

    # Connecting, and sending again.

    def _step(self) -> float | None:
        """One step of the pump; returns the seconds to wait before the next, None when there is nothing more to do."""
        now = time.monotonic()
        if self._link.state is LIVE:
            for stream in self._start_streams(now):
                self._note_resumed(stream.protocol.attempts, stream.protocol.down_sec(now), [stream])
            self._tell_notices()
            return self._next_start_sec(now)
        # A handler may refuse the attempt.
        self._tell_notices()
        todo: float | Literal["connect"] | None = self._steps.run(self._next, now)
        if self._link.failure is not None:
            self._close_all(GaveUp(self._link.failure))
        if todo != "connect":
            return todo
        try:
            self._new_driver().open()
        except Exception as error:  # noqa: BLE001 - counts as a failed attempt, whatever it is
            self._on_refused(refusal_of(error), verdict_of_refusal(error))
        except BaseException as error:
            # Such as the cancellation of what the function for the key waits for. No other attempt is made.
            if self._link.state is not LinkState.OVER:
                self._close_all(GaveUp(refusal_of(error)))
            raise
        self._tell_notices()
        return 0.0

    def _next(self, now: float) -> float | Literal["connect"] | None:
        return self._link.next(now, is_wanted=any(stream.is_waiting for stream in self._resumable_streams()))

    def _on_refused(self, error: SonioxRealtimeError, verdict: Verdict) -> None:
        if self._link.state is LinkState.OVER:
            return
        if self._steps.run(self._link.may_go_on, error, verdict):
            self._break(error, verdict)
        else:
            self._close_all(GaveUp(error))

    def _start_streams(self, now: float) -> list[ResumingTtsStream]:
        """Starts streams again whose time has come; gives those that were cut off before."""
        return [stream for stream in self._resumable_streams() if stream.starts_again(now) and stream.protocol.attempts]

    def _next_start_sec(self, now: float) -> float | None:
        """After how many seconds the next stream is started again; None if none is waited for."""
        due = [stream.protocol.retry_at or 0.0 for stream in self._resumable_streams() if stream.is_waiting]
        return min((moment - now for moment in due if moment > now), default=None)

    def _note_resumed(self, attempt: int, down_sec: float, streams: list[ResumingTtsStream]) -> None:
        stream_ids = [stream.stream_id for stream in streams]
        payload = RealtimeTTSResumedPayload(attempt=attempt, down_sec=down_sec, stream_ids=stream_ids)
        self._steps.run(self._link.note, payload)

    def _tell_notices(self) -> None:
        try:
            for notice in self._steps.run(self._link.take_notices) or ():
                self.tell(notice)
        except BaseException as error:
            # A handler has raised, for example to end the program. The streams must not wait for a connection that is
            # never opened.
            self._close_all(Closure(ABNORMAL_CLOSURE, error=error))
            raise
