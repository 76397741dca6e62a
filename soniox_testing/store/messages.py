"""The last messages of all WebSockets, for people who look for what went wrong. Bounded by count and by length."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..script.records import MessageRecord
from ..wire.bodies import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..script.clock import Clock
    from ..script.records import MessageKind

_MAX_MESSAGES = 5_000
_MAX_CHARS = 2 * 1024 * 1024
_MAX_SHOWN_CHARS = 4_000


@dataclass(slots=True)
class _Message:
    """A message, or several with audio that followed one another."""

    number: int
    connection_id: str
    at_sec: float
    kind: MessageKind
    text: str
    size: int
    count: int = 1


class Messages:
    """The messages of one fake. May be used from any thread.

    Args:
        clock: Of the fake.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._listed: deque[_Message] = deque()
        self._numbers = itertools.count(1)
        self._chars = 0
        self._latest: dict[str, _Message] = {}
        """The last message of each connection that is open."""

    def add(self, connection_id: str, kind: MessageKind, text: str, size: int) -> None:
        """Adds a message.

        Args:
            connection_id: The ``id`` in the record of its connection.
            kind: What it is.
            text: Its text; of audio, empty.
            size: Bytes of audio, else characters.
        """
        latest = self._latest.get(connection_id)
        if kind == "audio" and latest is not None and latest.kind == "audio":
            # Only the thread of the connection changes it.
            latest.size += size
            latest.count += 1
            return
        text = (without_secrets(text) if kind == "received" else text)[:_MAX_SHOWN_CHARS]
        message = _Message(next(self._numbers), connection_id, self._clock.now_sec(), kind, text, size)
        if kind == "ended":
            self._latest.pop(connection_id, None)
        else:
            self._latest[connection_id] = message
        with self._lock:
            self._listed.append(message)
            self._chars += len(text)
            while len(self._listed) > _MAX_MESSAGES or self._chars > _MAX_CHARS:
                self._chars -= len(self._listed.popleft().text)

    def records(self) -> Iterator[MessageRecord]:
        """The messages that are kept, in their order."""
        with self._lock:
            listed = tuple(self._listed)
        for message in listed:
            at = self._clock.timestamp_of(message.at_sec)
            yield MessageRecord(
                message.number, message.connection_id, at, message.kind, message.text, message.size, message.count
            )
