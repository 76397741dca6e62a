"""The interface between a session and its connection: actions and events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class Handshake:
    """The parts of a client's opening handshake that sessions read."""

    authorization: str | None
    """The ``Authorization`` header; None when there was none."""
    subprotocols: tuple[str, ...]
    """In the order of the client's list."""


@dataclass(frozen=True)
class Send:
    """Send a text message."""

    text: str


@dataclass(frozen=True)
class SendRaw:
    """Send bytes unchanged; they need not be a valid frame."""

    data: bytes


@dataclass(frozen=True)
class Close:
    """Send a close frame; then read and discard what the client sends."""

    code: int
    """1005: the frame is empty."""
    reason: str = ""


@dataclass(frozen=True)
class Reset:
    """Reset the TCP connection."""


@dataclass(frozen=True)
class HangUp:
    """Close the TCP connection in order, but without a close frame."""


@dataclass(frozen=True)
class Stall:
    """Stop reading and writing; leave the connection open."""


@dataclass(frozen=True)
class HalfOpen:
    """Stop writing and leave the connection open; read and discard what the client sends."""


Action: TypeAlias = Send | SendRaw | Close | Reset | HangUp | Stall | HalfOpen

Disconnected: TypeAlias = Literal["client_closed", "abandoned", "stopped", "protocol_error", "message_too_big"]
"""How a connection ended before its session. ``client_closed``: the client sent a close frame. ``abandoned``: the
client's connection ended without one. ``stopped``: the server was stopped. ``protocol_error``, ``message_too_big``: the
client violated the WebSocket protocol, or sent a message that is too big."""


class Session(Protocol):
    """What runs on a connection. All times are seconds on the fake's clock; calls come from one thread."""

    @property
    def subprotocol(self) -> str | None:
        """The sub-protocol to select; None: none."""
        ...

    @property
    def deadline_sec(self) -> float | None:
        """When ``time_passed`` must be called at the latest; None: never."""
        ...

    @property
    def wants_turn(self) -> bool:
        """Whether ``time_passed`` is to be called now, whatever ``deadline_sec`` is."""
        ...

    def opened(self, wake: Callable[[], None]) -> None:
        """The WebSocket is open; the first call.

        Args:
            wake: May be called from any thread, to have ``wants_turn`` and ``deadline_sec`` read again.
        """
        ...

    def time_passed(self, now_sec: float) -> Sequence[Action]:
        """The actions of timers that are due."""
        ...

    def text_received(self, text: str, now_sec: float) -> Sequence[Action]:
        """The actions for a text message."""
        ...

    def bytes_received(self, data: bytes, now_sec: float) -> Sequence[Action]:
        """The actions for a binary message."""
        ...

    def poll_output(self, now_sec: float) -> Sequence[Action]:
        """The next output that is no answer, a little at a time; called again while not empty and there is room."""
        ...

    def performed(self, action: Action) -> None:
        """An action of this session is about to be carried out."""
        ...

    def disconnected(self, how: Disconnected, close_code: int | None) -> None:
        """The connection ended before the session.

        Args:
            how: Why.
            close_code: Of the client's close frame, or of the server's if the client violated the protocol.
        """
        ...
