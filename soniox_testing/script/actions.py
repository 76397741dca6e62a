"""The words in which a session and the connection it runs on speak to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class Handshake:
    """What a client said when it opened its WebSocket."""

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
    """Send bytes as they are, which need not be a frame."""

    data: bytes


@dataclass(frozen=True)
class Close:
    """Send a close frame; whatever the client sends after it is read and thrown away."""

    code: int


@dataclass(frozen=True)
class Reset:
    """Drop the TCP connection at once, with a reset."""


@dataclass(frozen=True)
class HangUp:
    """End the TCP connection in order, but without a close frame."""


@dataclass(frozen=True)
class Stall:
    """Neither read nor write any more, and leave the connection open."""


@dataclass(frozen=True)
class HalfOpen:
    """Write no more and leave the connection open; what the client sends is read and thrown away."""


Action: TypeAlias = Send | SendRaw | Close | Reset | HangUp | Stall | HalfOpen

Disconnected: TypeAlias = Literal["client_closed", "abandoned", "stopped", "protocol_error", "message_too_big"]
"""How a connection ended that the session itself had not ended: the client closed it, or left without saying so;
the server was stopped; the client broke the WebSocket protocol, or sent a message that is too big."""


class Session(Protocol):
    """What runs on a connection. All times are seconds on the fake's clock; calls come from one thread."""

    @property
    def subprotocol(self) -> str | None:
        """The sub-protocol to select; None: none."""
        ...

    @property
    def deadline_sec(self) -> float | None:
        """When ``time_passed`` is to be called at the latest; None: never."""
        ...

    @property
    def wants_turn(self) -> bool:
        """Whether ``time_passed`` is to be called now, whatever ``deadline_sec`` is."""
        ...

    def opened(self, wake: Callable[[], None]) -> None:
        """The WebSocket is open, before all else.

        Args:
            wake: May be called from any thread, to have ``wants_turn`` and ``deadline_sec`` read again.
        """
        ...

    def time_passed(self, now_sec: float) -> Sequence[Action]:
        """What to do because of the time."""
        ...

    def text_received(self, text: str, now_sec: float) -> Sequence[Action]:
        """What to do about a text message."""
        ...

    def bytes_received(self, data: bytes, now_sec: float) -> Sequence[Action]:
        """What to do about a binary message."""
        ...

    def poll_output(self, now_sec: float) -> Sequence[Action]:
        """The next output that is no answer, a little at a time; called again while not empty and there is room."""
        ...

    def disconnected(self, how: Disconnected, close_code: int | None) -> None:
        """The connection ended before the session had ended it.

        Args:
            how: Why.
            close_code: Of the client's close frame, or of ours where the client broke a rule.
        """
        ...
