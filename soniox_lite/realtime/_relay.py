# Generated from _async_relay.py by scripts/generate_sync: edit that file, not this one.
"""The connection of a session that is resumed: it outlives the links that it is made of.

It has the methods of a connection, so that a session above it is like one above a single WebSocket. What the session
sends goes to the rules (:class:`ResumeCore`), which decide whether it is sent now or only kept. While there is no live
link, a pump carries out what the rules decide: it waits, connects, and sends again what was kept.
"""

from __future__ import annotations

import contextlib
import weakref

from .._data.clock import time
from .._net.redaction import redact
from .._websocket.frames import ABNORMAL_CLOSURE, BINARY, Message
from .._websocket.nonblocking import Closure, Process
from .._websocket.threads import forked_error
from ..errors import SonioxRealtimeError
from ..types.realtime import RealtimeEvent, decode_message
from ._breaks import GaveUp, refusal_of, verdict_of_closure, verdict_of_failure, verdict_of_refusal
from ._pump import News, Pump, Steps
from ._resume import LIVE, State as ResumeState
from ._stt_protocol import KEEP_ALIVE, error_of
from .stt import RealtimeSTTSession

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .._websocket.nonblocking import WebSocket
    from .._websocket.queues import Parsed
    from .._websocket.threads import Connection
    from ._breaks import Verdict
    from ._resume import ResumeCore
    from ._stt_protocol import SttProtocol
    from .resuming import ResumingSTTSession

# How long the end of a link may take to be noticed after sending has failed.
_REASON_TIMEOUT_SEC = 1.0
_UNCOUNTED_MESSAGES = 64


class Leg(RealtimeSTTSession):
    """A plain session as a part of one that outlives it: what arrives goes to the relay at once, parsed.

    Attributes:
        uncounted_messages: How many messages may wait in the relay without being counted in the link's own queue.
        early: What has arrived before the relay took it over: an error of the service, and the end.
        line: Its connection.
    """

    def __init__(self, relay: Relay, url: str, config: Any, api_key: Any, options: dict[str, Any]) -> None:
        super().__init__(url, config, api_key, start_on_open=False, **options)
        self._relay = weakref.ref(relay)
        self.uncounted_messages: int = min(_UNCOUNTED_MESSAGES, self._options.max_queued_messages // 2)
        self.early: list[tuple[bytes, RealtimeEvent] | Closure] = []
        self.line: Connection = self._connection

    def post_start(self) -> int | None:
        """Sends the start message without waiting."""
        return self._connection.send_nowait(self._change, self._protocol.start)

    def is_over_limit(self, queue: Any, message: bytes) -> bool:
        """Whether a queue would exceed this link's limits with another message."""
        options = self._options
        return queue.exceeds(options.max_queued_messages, options.max_queued_bytes, message) is not None

    def _on_message(self, message: bytes) -> bytes | None:
        if self._local_error is not None:
            # What came with an invalid message would hide the gap.
            return None
        try:
            event = decode_message(RealtimeEvent, message)
            if event.error_code is not None:
                # Its text may quote what was sent, and so the key.
                message = redact(message, self._options.authorization)
                event = decode_message(RealtimeEvent, message)
        except SonioxRealtimeError as error:
            self._fail(error)
            return None
        if event.finished or event.error_code is not None:
            self._protocol.is_terminal(event)
        relay = self._relay()
        return None if relay is None else relay.arrived(self, message, event)

    def _on_end(self, closure: Closure) -> None:
        super()._on_end(closure)
        if (relay := self._relay()) is not None:
            relay.closed(self, closure)


class Relay:
    """A connection to the service over one link after the other. One caller at a time may receive.

    The session owns the relay, which refers to it weakly.
    """

    def __init__(self, core: ResumeCore, protocol: SttProtocol, owner: ResumingSTTSession) -> None:
        """A relay that is not connected yet.

        Args:
            core: The rules.
            protocol: The state of the session.
            owner: The session; it makes links, and its ``relay_...`` methods are called for what happens.
        """
        self.core = core
        self._protocol = protocol
        self._owner = weakref.ref(owner)
        self._steps = Steps()
        self._pump = Pump(self._step)
        self._news = News()
        # The link that is used, or was used last; and one that is being opened.
        self._leg: Leg | None = None
        self._opening: Leg | None = None
        self._is_linked = False
        # A link that is held ready, to move to.
        self._spare: Leg | None = None
        # Links that are not used any more, and have to be closed.
        self._stale: list[Leg] = []
        self._inbox: Any = None
        self._keeps_newest = False
        # The session sets it as soon as the first link is open.
        self._keepalive: tuple[Any, ...] = ()
        self.tells_results = False
        # Whether handlers are called for an event that is received after that, even if one of them ends the session.
        self._is_telling = False
        # Whether the session has been started, and the stream of the link.
        self._is_started = False
        self._is_leg_started = False
        self._is_closing = False
        # From this time on a link that ends is not replaced: the program closes the session, and its time is over.
        self._closes_at = float("inf")
        self._local_end = Closure(ABNORMAL_CLOSURE, initiated_locally=True)
        self._is_done = False
        self._forks = Process.forks

    # Methods that a session calls, as those of a connection.

    def open(self) -> None:
        """Opens the first link.

        Raises:
            SonioxRealtimeError: It could not be opened in time.
        """
        self._adopt(self._opened_leg())

    @property
    def _used_leg(self) -> Leg:
        """The link that is used, or was used last; only after ``open``."""
        assert self._leg is not None  # noqa: S101 - sessions check their state first
        return self._leg

    @property
    def websocket(self) -> WebSocket:
        """That of the link that is used, or was used last; only after ``open``."""
        return self._used_leg.line.websocket

    def check_owner(self) -> None:
        """As :meth:`Connection.check_owner`."""
        if self._forks != Process.forks and self.was_opened_by_parent:
            raise forked_error()
        if self._leg is not None:
            self._leg.line.check_owner()

    def check_may_end(self) -> None:
        """As :meth:`Connection.check_may_end`."""
        if self._leg is not None:
            self._leg.line.check_may_end()

    @property
    def was_opened_by_parent(self) -> bool:
        """As :attr:`Connection.was_opened_by_parent`, also while there is no link."""
        return self._forks != Process.forks and self._leg is not None and not self._is_done

    @property
    def is_out_of_reach(self) -> bool:
        """As :attr:`Connection.is_out_of_reach`."""
        return self.was_opened_by_parent or (self._leg is not None and self._leg.line.is_out_of_reach)

    @property
    def keeps_newest(self) -> bool:
        """As :attr:`Connection.keeps_newest`."""
        return self._keeps_newest

    @keeps_newest.setter
    def keeps_newest(self, value: bool) -> None:
        if value != self.keeps_newest and self._leg is not None:
            self._leg.line.keeps_newest = value
        self._keeps_newest = value

    def put_off(self, action: Callable[[], object]) -> bool:
        """As :meth:`Connection.put_off`."""
        return self._steps.put_off(action)

    def send_nowait(self, make: Callable[..., Message | None], *args: Any) -> tuple[Leg, int] | None:
        """Takes the message that ``make(*args)`` gives, if any, and sends it if there is a live link.

        Returns:
            The link that it was sent over, and its position there; None if it is only kept, or the kernel has it.

        Raises:
            SonioxRealtimeError: The session is over, or this is a forked child.
        """
        if self._forks != Process.forks:
            self.check_owner()
        try:
            unsent: tuple[Leg, int] | None = self._steps.run(self._post, make, args)
            return unsent
        finally:
            if self.core.notices:
                self._wake_up()

    def drain(self, unsent: tuple[Leg, int], timeout_sec: float | None = None) -> None:
        """Returns when the kernel has taken what was sent, or its link has ended; then it is sent again."""
        leg, position = unsent
        if timeout_sec is not None:
            self._closes_at = time.monotonic() + timeout_sec
        try:
            leg.line.drain(position, timeout_sec)
        except SonioxRealtimeError as error:
            self._lose(leg, error)

    def wait_for_room(self, size: int, timeout_sec: float) -> bool:
        """Whether this much audio can be kept, waiting this long for it; a dormant session connects for that."""
        self._steps.run(self.core.wake)
        self._wake_up()
        return self._news.wait(timeout_sec, lambda: self._is_done or self._steps.run(self.core.has_room, size))

    def take(self) -> Parsed | None:
        """The next message and its event, if it is there already."""
        item: Parsed | None = None if self._inbox is None else self._inbox.take()
        return None if item is None else self._released(item)

    def receive(self, timeout_sec: float | None) -> Parsed | None:
        """The next message and its event; None when there are no more.

        Raises:
            SonioxRealtimeTimeoutError: Nothing arrived in time.
        """
        item: Parsed | None = self._inbox.receive(timeout_sec)
        return None if item is None else self._released(item)

    def set_keepalive(self, *args: Any) -> None:
        """As :meth:`Connection.set_keepalive`; counts for the links to come as well."""
        self._keepalive = args
        if self._is_linked and self._is_leg_started and self._leg is not None:
            self._leg.line.set_keepalive(*args)

    def wait_ended(self, timeout_sec: float, or_when: Callable[[], bool] = bool) -> bool:
        """As :meth:`Connection.wait_ended`."""
        # Lifts the limit of its queue.
        self._used_leg.line.wait_ended(0.0)
        self._news.wait(timeout_sec, lambda: self._is_done or or_when())
        return self._is_done

    def close(self, timeout_sec: float) -> None:
        """As :meth:`Connection.close`."""
        self._stop()
        if self._is_linked and self._leg is not None:
            self._leg.line.close(timeout_sec)
        self.abort()

    def abort(self) -> None:
        """As :meth:`Connection.abort`."""
        self._is_closing = True
        if self.was_opened_by_parent:
            # A forked child only gives the descriptors back. Nothing has happened to the session.
            self._cancel_legs()
            return
        if self._steps.put_off(self.abort):
            return
        self._stop()
        self._pump.wake()
        self._cancel_legs()
        self._pump.stop()
        self._cancel_legs()
        # A handler of a sync session is called by the thread that would tell of the link's end.
        closure = self._used_leg.line.websocket.closure if self._is_linked else None
        self._end(closure or self._local_end)

    def fail(self, error: BaseException) -> None:
        """As :meth:`Connection.fail`."""
        self._steps.run(self.core.close)
        self._tell_notices()
        self._end(Closure(ABNORMAL_CLOSURE, error=error))

    def _stop(self) -> None:
        """The program ends the session."""
        self._is_closing = True
        self._steps.run(self._close_core)
        self._tell_notices()

    def _close_core(self) -> None:
        if self.core.is_down:
            # As a connection of its own would, it ends for the reason why it broke.
            self._local_end = GaveUp(self.core.last_error)
        self.core.close()

    def _wake_up(self) -> None:
        """Starts the pump after a call that ended the dormant state."""
        self._tell_notices()
        self._pump.start()

    def __del__(self) -> None:
        self._pump.wake()

    # What links call.

    def arrived(self, leg: Leg, message: bytes, event: RealtimeEvent) -> bytes | None:
        """Takes a message of a link; returns what the link's own queue keeps, whose limits alone stop its reading."""
        if (leg is not self._leg or not self._is_linked) and self._steps.run(self._comes_early, leg, (message, event)):
            return None
        protocol = self._protocol
        protocol.messages_received += 1
        if protocol.first_token_at is None and event.tokens:
            protocol.first_token_at = time.monotonic()
        if event.error_code is None:
            is_given = self._steps.run(self.core.received, event)
        else:
            error = error_of(event)
            is_given = not self._break(leg, error, verdict_of_failure(error)) and self.core.failure is None
        kept = self._give(leg, message, event) if is_given else None
        if self.core.notices:
            self._tell_notices()
        if self.core.is_move_due:
            self._move()
        return kept

    def closed(self, leg: Leg, closure: Closure) -> None:
        """Takes the end of a link."""
        if self._steps.run(self._comes_early, leg, closure):
            return
        if time.monotonic() >= self._closes_at:
            self._stop()
        if (
            self.core.state is ResumeState.OVER
            or self._is_closing
            or not self._break(leg, closure.as_error(), verdict_of_closure(closure))
        ):
            self._end(closure)

    def _comes_early(self, leg: Leg, item: Any) -> bool:
        """Whether a link is not in use: then its messages are kept if it is being opened, and dropped otherwise."""
        if leg is self._leg and self._is_linked:
            return False
        if leg in (self._opening, self._spare):
            leg.early.append(item)
        return True

    # Sending. None of these steps waits.

    def _post(self, make: Callable[..., Message | None], args: tuple[Any, ...]) -> tuple[Leg, int] | None:
        message = make(*args)
        if message is None:
            self.core.set_paused(self._protocol.is_paused)
            return None
        is_start = False
        if message.opcode == BINARY:
            is_live = self.core.audio(message.payload)
        else:
            is_start = not self._is_started and message is not KEEP_ALIVE
            is_live = self.core.state is LIVE if is_start else self._is_noted(message)
            self._is_started = self._is_started or is_start
        leg = self._leg
        if not is_live or leg is None:
            return None
        try:
            if not self._is_leg_started and message is not KEEP_ALIVE:
                position = self._start(leg)
                if is_start:
                    return None if position is None else (leg, position)
            position = leg.line.post(message)
            return None if leg.line.websocket.bytes_sent >= position else (leg, position)
        except SonioxRealtimeError:
            # The link has just ended; ``closed`` handles that.
            return None

    def _is_noted(self, message: Message) -> bool:
        """Passes what the session sends beside audio to the rules; returns whether it is sent at once."""
        core = self.core
        if message is KEEP_ALIVE:
            return core.state is LIVE
        core.set_paused(self._protocol.is_paused)
        return core.finalize(message) if message.payload else core.finish()

    def _start(self, leg: Leg) -> int | None:
        """Starts the stream of a link."""
        self._is_leg_started = True
        position = leg.post_start()
        leg.line.set_keepalive(*self._keepalive)
        return position

    # Receiving.

    def _give(self, leg: Leg, message: bytes, event: RealtimeEvent) -> bytes | None:
        is_terminal = event.finished or event.error_code is not None
        if (is_terminal or self.tells_results) and (owner := self._owner()) is not None:
            self._is_telling = True
            try:
                owner.relay_event(event)
                return self._queue(leg, message, event)
            finally:
                self._is_telling = False
                if self._is_done:
                    self._inbox.close()
        return self._queue(leg, message, event)

    def _queue(self, leg: Leg, message: bytes, event: RealtimeEvent) -> bytes | None:
        inbox = self._inbox
        if self._keeps_newest and leg.is_over_limit(inbox, message):
            # Also from the link's own queue, whose limit would stop the reading.
            self.take()
        # A short queue needs no limit.
        is_counted = len(inbox.messages) > leg.uncounted_messages
        inbox.append((message, (event, leg if is_counted else None)))
        self._news.tell()
        return message if is_counted else None

    def _released(self, item: Parsed) -> Parsed:
        if (leg := item[1][1]) is not None:
            leg.line.take()
        return item

    # Breaks.

    def _break(self, leg: Leg, error: SonioxRealtimeError, verdict: Verdict) -> bool:
        """Records that a link has failed; returns whether the session goes on."""
        goes_on = self._steps.run(self._note_break, leg, error, verdict)
        self._tell_notices()
        if goes_on:
            self._pump.start()
        return bool(goes_on)

    def _note_break(self, leg: Leg, error: SonioxRealtimeError, verdict: Verdict) -> bool:
        if leg is not self._leg or not self._is_linked:
            return not self._is_done
        goes_on = self.core.ended(error, verdict, time.monotonic())
        if goes_on:
            self._is_linked = False
            self._stale.append(leg)
            if self._spare is not None:
                self._stale.append(self._spare)
                self._spare = None
        return goes_on

    def _lose(self, leg: Leg, error: SonioxRealtimeError) -> None:
        """Handles the failure of sending over a link."""
        # The service gives its reason before it closes, but sending may fail before that is read.
        leg.line.wait_ended(_REASON_TIMEOUT_SEC)
        self._break(leg, error, "now")
        if self._is_done:
            raise error

    def _tell_notices(self) -> None:
        """Passes the state and the notices of the rules to the session, and ends it if they have given up."""
        owner = self._owner()
        try:
            if owner is not None:
                owner.relay_state()
            for notice in self._steps.run(self.core.take_notices) or ():
                if owner is not None:
                    owner.relay_notice(notice)
        except BaseException as error:
            # A handler has raised, such as SystemExit. The session must not wait for a connection that is not opened.
            self.fail(error)
            raise
        if self.core.failure is not None:
            self._end(GaveUp(self.core.failure))

    def _end(self, closure: Closure) -> None:
        """Ends the relay, once."""
        if not self._steps.run(self._is_ended_now) or self.core.connections == 0:
            return
        try:
            if (owner := self._owner()) is not None:
                owner.relay_ended(closure)
        finally:
            if not self._is_telling:
                self._inbox.close()
            self._news.tell()
            self._pump.wake()

    def _is_ended_now(self) -> bool:
        is_first, self._is_done = not self._is_done, True
        return is_first

    # Connecting, and sending again.

    def _step(self) -> float | None:
        """One step of the pump: how many seconds to wait before the next, None when there is nothing more to do."""
        try:
            self._cancel_stale()
            todo = self._steps.run(self._next)
            self._tell_notices()
            if todo is None or isinstance(todo, (int, float)):
                return todo
            if todo == "connect":
                self._connect()
            else:
                self.drain(todo)
        except SonioxRealtimeError as error:
            with contextlib.suppress(SonioxRealtimeError):
                self._lose(self._used_leg, error)
        except Exception as error:  # noqa: BLE001 - raised where the session is used
            self.fail(error)
            return None
        return 0.0

    def _next(self) -> Any:
        todo = self.core.next(time.monotonic())
        leg = self._leg
        if not isinstance(todo, Message) or leg is None:
            return todo
        return leg, leg.line.post(todo)

    def _connect(self) -> None:
        try:
            leg = self._opened_leg()
        except Exception as error:  # noqa: BLE001 - counts as a failed attempt, whatever it is
            self._steps.run(self._note_refusal, error)
            self._tell_notices()
        except BaseException as error:
            # Such as the cancellation of what the function for the key waits for. No other attempt is made.
            if not self._is_closing:
                self.fail(refusal_of(error))
            raise
        else:
            self._adopt(leg)

    def _note_refusal(self, error: Exception) -> None:
        if self.core.state is LIVE:
            self.core.spare_failed(time.monotonic())
            return
        refusal, verdict = refusal_of(error), verdict_of_refusal(error)
        if self.core.state is ResumeState.CONNECTING and not self.core.ended(refusal, verdict, time.monotonic()):
            self.core.failure = self.core.failure or refusal

    def _opened_leg(self) -> Leg | None:
        """A new link; None if it is not wanted any more."""
        owner = self._owner()
        if owner is None or self._is_closing:
            return None
        leg = self._opening = owner.new_leg(self)
        del owner
        try:
            leg.enter()
        except BaseException:
            self._opening = None
            raise
        return leg

    def _adopt(self, leg: Leg | None) -> None:
        """Goes on over a link that has been opened."""
        if leg is None or not self._steps.run(self._take_over, leg):
            return
        leg.line.keeps_newest = self.keeps_newest
        if self.core.connections == 1 and (owner := self._owner()) is not None:
            owner.relay_opened()
        self._tell_notices()
        for item in leg.early:
            if isinstance(item, Closure):
                self.closed(leg, item)
            else:
                self.arrived(leg, *item)
        self._inbox.tell()

    def _move(self) -> None:
        """Moves to the link that is held ready if that is possible now; has one opened if there is none."""
        if self._steps.run(self._take_spare):
            self._tell_notices()
        elif self._spare is not None:
            return
        self._pump.start()

    def _take_spare(self) -> bool:
        spare = self._spare
        if spare is not None and spare.early:
            # It has ended meanwhile.
            self._stale.append(spare)
            spare = self._spare = None
            self.core.spare_failed(time.monotonic())
        if spare is None or self._is_closing or not self.core.move(time.monotonic()):
            return False
        self._stale.append(self._used_leg)
        self._spare = None
        self._use(spare)
        return True

    def _take_over(self, leg: Leg) -> bool:
        self._opening = None
        if self.core.state is LIVE and not self._is_closing:
            self.core.spare_opened()
            self._spare = leg
            return False
        if self._is_closing or self.core.state is not ResumeState.CONNECTING:
            self._stale.append(leg)
            return False
        self.core.opened(time.monotonic())
        self._use(leg)
        return True

    def _use(self, leg: Leg) -> None:
        self._leg = leg
        self._inbox = self._inbox or leg.line.new_queue()
        self._forks = Process.forks
        leg.line.fed = self._inbox
        self._is_linked = True
        self._is_leg_started = False
        if self.core.state is ResumeState.REPLAYING:
            with contextlib.suppress(SonioxRealtimeError):
                self._start(leg)

    def _cancel_stale(self) -> None:
        while self._stale:
            self._stale.pop().cancel()

    def _cancel_legs(self) -> None:
        for leg in (self._opening, self._spare, self._leg):
            if leg is not None:
                leg.cancel()
        self._cancel_stale()
