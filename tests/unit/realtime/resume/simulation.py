"""A session's rules, driven by hand with the model of the service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from soniox_lite._websocket.frames import BINARY, TEXT, Message
from soniox_lite.errors import SonioxRealtimeError
from soniox_lite.realtime import ResumePolicy
from soniox_lite.realtime._resume import ResumeCore

from .recognizer import Connection, Spoken, config

if TYPE_CHECKING:
    from soniox_lite.realtime._breaks import Verdict
    from soniox_lite.types.realtime import RealtimeEvent, Token

FINALIZE = Message(TEXT, b'{"type":"finalize"}')
BROKEN = SonioxRealtimeError("the connection broke", close_code=1006)


class Simulation:
    """A session over the model of the service: what happens is what a test does.

    Attributes:
        given: Final tokens that the session has given out.
        notices: What it told about breaks.
        now: Its clock, in seconds.
    """

    def __init__(
        self,
        words: list[Spoken],
        *,
        policy: dict[str, Any] | None = None,
        lag_ms: int = 1000,
        padding_ms: int = 0,
        **fields: Any,
    ) -> None:
        self.words = words
        self.core = ResumeCore(config(**fields), ResumePolicy(**{"max_replay_speed": None, **(policy or {})}))
        self.now = 100.0
        self.given: list[Token] = []
        self.events: list[RealtimeEvent] = []
        self.notices: list[Any] = []
        self.given_ms = 0
        self._model = {"lag_ms": lag_ms, "padding_ms": padding_ms}
        self._connections = 0
        # After how much audio each finalize came that has not been answered.
        self._finalizes: list[int] = []
        self._ended = False
        self.connect()

    def connect(self) -> None:
        self.core.opened(self.now)
        self._begin()

    def move(self) -> bool:
        """Moves to another connection if the rules want that now."""
        if not self.core.is_move_due:
            return False
        self.core.spare_opened()
        moves = self.core.move(self.now)
        if moves:
            self._begin()
        return moves

    def _begin(self) -> None:
        self._connections += 1
        self._finalizes = []
        self._ended = False
        self.connection = Connection(self.words, self.core.stream.start_byte, seed=self._connections, **self._model)

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection."""
        return self.core.state.name in ("LIVE", "REPLAYING")

    def text(self) -> str:
        """All final text."""
        return "".join(token.text for token in self.given if token.text not in ("<fin>", "<end>"))

    def give(self, size: int) -> None:
        """The user gives audio."""
        if self.core.audio(bytes(size)):
            self.connection.audio(size)
        self.given_ms += size

    def finalize(self) -> None:
        """The user asks for a finalize."""
        if self.core.finalize(FINALIZE):
            self._finalizes.append(self.connection.got_ms)

    def finish(self) -> None:
        """The user ends the audio."""
        if self.core.finish():
            self._ended = True

    def tell(self) -> None:
        """The service tells what it has heard, and answers what it was asked."""
        if not self.is_connected:
            return
        while self._finalizes:
            self.receive(self.connection.finalized(self._finalizes.pop(0)))
        if self._ended:
            self.receive(self.connection.message(all_final=True, finished=True))
        else:
            self.receive(self.connection.message())

    def receive(self, event: RealtimeEvent) -> None:
        """The service tells this."""
        # As it comes over the wire, so that no token is shared.
        event = type(event).from_dict(json.loads(json.dumps(event.to_dict())))
        if self.core.received(event):
            self.events.append(event)
            self.given += [token for token in event.tokens if token.is_final]
        self.notices += self.core.take_notices()

    def fail(self, verdict: Verdict = "now", error: SonioxRealtimeError = BROKEN) -> bool:
        """The connection breaks; says whether the session goes on."""
        goes_on = self.core.ended(error, verdict, self.now)
        self.notices += self.core.take_notices()
        return goes_on

    def pump(self, steps: int = 1_000_000) -> None:
        """Does what is to be done to go on, at most so many steps."""
        for _ in range(steps):
            todo = self.core.next(self.now)
            self.notices += self.core.take_notices()
            if todo is None:
                return
            if todo == "connect":
                self.connect()
            elif isinstance(todo, Message):
                self._send(todo)
            else:
                self.now += float(todo)

    def _send(self, message: Message) -> None:
        if message.opcode == BINARY:
            self.connection.audio(len(message.payload))
        elif message.payload:
            self._finalizes.append(self.connection.got_ms)
        else:
            self._ended = True
