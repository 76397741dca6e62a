"""What both kinds of realtime session share: the key, the timers, and how a session ends. No I/O; calls bring the time.

Each timer is a moment by its name; a timer that is not set has no entry.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar, cast

from ..script.actions import Close, Reset, Send, SendRaw
from ..store.authentication import LATE_KEY, Authentication
from ..wire.json_text import json_text
from ..wire.realtime_errors import RealtimeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..script.actions import Action, Disconnected, Handshake
    from ..script.records import MessageKind, SessionEnd
    from ..script.session_faults import Ending
    from ..store.sessions import SessionLog
    from ..store.speeches import SpeechConnectionLog
    from ..store.state import State

_NORMAL = 1000
_GOING_AWAY = 1001

Timer: TypeAlias = Literal["key", "idle", "input", "length", "silent", "max_duration"]
_LogT = TypeVar("_LogT", bound="SessionLog | SpeechConnectionLog")


class RealtimeSession(ABC, Generic[_LogT]):
    """One session, from the opened WebSocket to its end; see ``actions.Session``.

    Args:
        state: Of the fake; its lock is taken where needed.
        handshake: The client's opening handshake.
        now_sec: The moment of the handshake.
        key_in_start_message: See ``Authentication``.
    """

    log: _LogT
    _usage_type: str
    """Of the temporary keys that open the session."""
    _idle_sec: float
    """How long a connection may be idle before it is closed."""
    _idle_without_key_sec: float
    """The same before a key has come."""

    def __init__(
        self, state: State, handshake: Handshake, now_sec: float, *, key_in_start_message: bool | None
    ) -> None:
        self._state = state
        self._authentication = Authentication(
            state, self._usage_type, handshake, now_sec, key_in_start_message=key_in_start_message
        )
        self.subprotocol: str | None = self._authentication.subprotocol
        self._phase: Literal["waiting", "streaming", "over"] = "waiting"
        """``waiting`` until the first start message was accepted."""
        self._timers: dict[Timer, float] = {}
        self._wake: Callable[[], None] | None = None
        if self._authentication.due_sec is not None:
            self._timers["key"] = self._authentication.due_sec
        self._restart_idle(now_sec)

    @property
    def deadline_sec(self) -> float | None:
        """When the next timer is due; None if there is none."""
        return min(self._timers.values(), default=None)

    @property
    def wants_turn(self) -> bool:
        """Whether ``time_passed`` is to be called now: the server has gone offline."""
        return self._phase != "over" and self._state.faults.is_offline()

    def opened(self, wake: Callable[[], None]) -> None:
        """The WebSocket is open."""
        self._wake = wake
        self._state.faults.watch(wake)

    def time_passed(self, now_sec: float) -> Sequence[Action]:
        """Fires the timers that are due, in the order of their moments; resets the connection when offline."""
        if self._phase == "over":
            return []
        return self._fail(Reset()) if self._state.faults.is_offline() else self._fire_due(now_sec)

    def text_received(self, text: str, now_sec: float) -> Sequence[Action]:
        """The actions for a text message."""
        self._note("received", text)
        try:
            return [] if self._phase == "over" else self._on_text(text, now_sec)
        except RealtimeError as error:
            return self._refuse(error)

    def bytes_received(self, data: bytes, now_sec: float) -> Sequence[Action]:
        """The actions for a binary message."""
        self._state.messages.add(self.log.id, "audio", "", len(data))
        try:
            return [] if self._phase == "over" else self._on_bytes(data, now_sec)
        except RealtimeError as error:
            return self._refuse(error)

    def poll_output(self, now_sec: float) -> Sequence[Action]:  # noqa: ARG002
        """Nothing, unless a kind of session has output that is neither an answer nor due at a time."""
        return ()

    def performed(self, action: Action) -> None:
        """Notes what was sent."""
        match action:
            case Send(text):
                self._note("sent", text)
            case SendRaw(data):
                self._note("sent", repr(data))
            case Close(code):
                self._note("ended", f"closed by the fake with {code}")
            case _:
                self._note("ended", f"{type(action).__name__} by the fake")

    def disconnected(self, how: Disconnected, close_code: int | None) -> None:
        """The connection ended before the session."""
        self._note("ended", how if close_code is None else f"{how}, close code {close_code}")
        if self._phase != "over":
            self._end(how, close_code)

    @abstractmethod
    def _on_text(self, text: str, now_sec: float) -> Sequence[Action]: ...

    @abstractmethod
    def _on_bytes(self, data: bytes, now_sec: float) -> Sequence[Action]: ...

    @abstractmethod
    def _error_message(self, error: RealtimeError) -> Mapping[str, object]:
        """The message with an error of the whole session."""

    def _fire_due(self, now_sec: float) -> list[Action]:
        actions: list[Action] = []
        while self._timers:
            timer = min(self._timers, key=self._timers.__getitem__)
            if self._timers[timer] > now_sec:
                break
            actions += self._fire(timer)
        return actions

    def _fire(self, timer: Timer) -> Sequence[Action]:
        try:
            return self._on_timer(timer, self._timers.pop(timer))
        except RealtimeError as error:
            return self._refuse(error)

    def _on_timer(self, timer: Timer, due_sec: float) -> Sequence[Action]:
        if timer == "key":
            self._check_key(due_sec)
            return []
        if timer == "max_duration":
            message = "The session has reached the longest duration that its temporary API key allows."
            raise RealtimeError("temp_api_key_session_expired", message)
        return self._close("idle", _GOING_AWAY)

    def _check_key(self, now_sec: float) -> None:
        """Checks the key that came with the connection, once."""
        self._timers.pop("key", None)
        self._authentication.check(now_sec)
        self._start_max_duration()

    def _use_key_of(self, values: Mapping[str, Any], now_sec: float) -> None:
        """Compares the key of a start message with that of the connection, or uses it if the connection has none."""
        try:
            self._authentication.use_key_of(values, now_sec)
        finally:
            credential = self._authentication.credential
            if credential is not None:
                self.log.note(api_key=credential.api_key, auth=credential.form)
                if credential.form == "start_message":
                    self.log.note(notes=(LATE_KEY,))
        self._start_max_duration()

    def _start_max_duration(self) -> None:
        ends_sec = self._authentication.max_duration_ends_sec
        if ends_sec is not None:
            self._timers["max_duration"] = ends_sec

    def _restart_idle(self, now_sec: float) -> None:
        with_key = self._authentication.credential is not None
        self._timers["idle"] = now_sec + (self._idle_sec if with_key else self._idle_without_key_sec)

    def _fail(self, ending: Ending) -> Sequence[Action]:
        if isinstance(ending, RealtimeError):
            return self._refuse(ending)
        if isinstance(ending, Close):
            return self._close("dropped", ending.code)
        self._end("dropped", None)
        return [ending]

    def _refuse(self, error: RealtimeError) -> Sequence[Action]:
        """Ends the session with an error message."""
        self._end("error", _NORMAL, error.error_type)
        return [Send(json_text(self._error_message(error))), Close(_NORMAL)]

    def _close(self, ended: SessionEnd, code: int = _NORMAL) -> Sequence[Action]:
        self._end(ended, code)
        return [Close(code)]

    def _end(self, ended: SessionEnd, close_code: int | None, error_type: str | None = None) -> None:
        """The session is over. The log is last: a test that reads the end there finds all else done."""
        self._phase = "over"
        self._authentication.release()
        self._timers.clear()
        if self._wake is not None:
            self._state.faults.unwatch(self._wake)
            self._wake = None
        self.log.end(ended, close_code, error_type)

    def _note(self, kind: MessageKind, text: str) -> None:
        self._state.messages.add(self.log.id, kind, text, len(text))


def parse_object(text: str, name: str) -> dict[str, Any]:
    """The fields of a message.

    Args:
        text: The message.
        name: What to call it in errors, such as ``Start request``.

    Raises:
        RealtimeError: Not a JSON object.
    """
    try:
        values: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RealtimeError("invalid_request", f"{name} is malformed: it is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise RealtimeError("invalid_request", f"{name} is malformed: it must be a JSON object.")
    return cast("dict[str, Any]", values)
