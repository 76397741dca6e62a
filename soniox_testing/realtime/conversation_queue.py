"""The queue between the thread of a session and the thread of the function that scripts it."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from ..script.actions import Send

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..hearing.recognition import Message
    from ..script.session_faults import Ending

Kind: TypeAlias = Literal["audio", "keepalive", "finalize", "end", "over"]
"""What a client did. ``over``: the session has ended."""


@dataclass(frozen=True)
class Finished:
    """The function ended the session normally."""


Output: TypeAlias = "Send | Ending | Finished"


@dataclass(frozen=True)
class Received:
    """Something that the client did."""

    kind: Kind
    data: bytes = b""
    audio_ms: int = 0
    """Milliseconds of all audio so far."""
    how: str = ""
    """Of ``over``: how the session ended."""

    def __str__(self) -> str:
        if self.kind == "audio":
            return f"audio ({len(self.data)} bytes)"
        return "the end of the audio" if self.kind == "end" else self.kind


class ConversationQueue:
    """An inbox for the function, and an outbox for the session.

    Args:
        wake: Called when there is something to send.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self.ended: bool = False
        """Whether the function has ended the session."""
        self.final_tokens: list[Message] = []
        """All final tokens that the function sent, without those in messages of ``Conversation.sends``."""
        self._wake = wake
        self._turns = threading.Condition()
        self._inbox: deque[Received] = deque()
        self._outbox: list[Output] = []

    # For the thread of the session.

    def receive(self, kind: Kind, data: bytes = b"", audio_ms: int = 0, *, how: str = "") -> None:
        """Adds an event of the client to the inbox."""
        with self._turns:
            self._inbox.append(Received(kind, data, audio_ms, how))
            self._turns.notify_all()

    def has_output(self) -> bool:
        """Whether the outbox is not empty."""
        with self._turns:
            return bool(self._outbox)

    def take_output(self) -> list[Output]:
        """Empties the outbox."""
        with self._turns:
            output, self._outbox = self._outbox, []
            return output

    # For the thread of the function.

    def put(self, output: Output) -> None:
        """Adds something to the outbox.

        Raises:
            RuntimeError: The function has ended the session.
        """
        if self.ended:
            raise RuntimeError("this conversation has ended the session already")
        self.ended = not isinstance(output, Send)
        with self._turns:
            self._outbox.append(output)
        self._wake()

    def is_over(self) -> bool:
        """Whether the session has ended."""
        with self._turns:
            return bool(self._inbox) and self._inbox[-1].kind == "over"

    def next(self, timeout_sec: float | None) -> Received | None:
        """Takes the next event from the inbox; ``over`` stays there, and is the answer to every later call.

        Args:
            timeout_sec: Real seconds; None: no limit.

        Returns:
            None after the timeout.
        """
        with self._turns:
            if not self._turns.wait_for(lambda: self._inbox, timeout_sec):
                return None
            return self._inbox[0] if self._inbox[0].kind == "over" else self._inbox.popleft()
