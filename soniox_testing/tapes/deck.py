"""Decides for a fake who answers: its API, a tape, or the service itself, which is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..unfrozen import time
from .player import Player
from .recorder import Recorder
from .tape import Tape, TapeWriter

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection

    from werkzeug.wrappers import Request

    from ..net.exchange import Delivery, Upgrade
    from ..store.state import State
    from .upstream import Upstream

GRACE_SEC = 1.0
"""How long a client that has just left may take to be noticed."""
_LOOK_SEC = 0.005


class TapeDeck:
    """The tapes of one fake.

    Args:
        state: Of the fake.
        respond: Answers requests without a tape, as in ``Service``.
        upgrade: Answers requests for a WebSocket without a tape, as in ``Service``.
    """

    def __init__(
        self,
        state: State,
        respond: Callable[[Request], Delivery],
        upgrade: Callable[[str], Callable[[Upgrade], None] | None],
    ) -> None:
        self._state = state
        self._api = respond, upgrade
        self._players: list[Player] = []
        self._recorder: Recorder | None = None
        self._writer: TapeWriter | None = None

    def play(
        self, tape: str | os.PathLike[str] | Tape, *, pauses: bool, in_order: bool, ignore: Collection[str]
    ) -> None:
        """From now on answers from a tape; a further one follows when it has been played."""
        tape = tape if isinstance(tape, Tape) else Tape.load(tape)
        player = Player(tape, self._state, pauses=pauses, in_order=in_order, ignore=ignore)
        self._players.append(player)
        with self._state.lock:
            self._state.script.tapes.append(player.unplayed)

    def record(self, upstream: Upstream, writer: TapeWriter) -> None:
        """From now on passes everything on to the service, and records it."""
        self.close()
        self._recorder, self._writer = Recorder(upstream, writer), writer

    def respond(self, request: Request) -> Delivery:
        """As in ``Service``."""
        source = self._source()
        return self._api[0](request) if source is None else source.respond(request)

    def upgrade(self, path: str) -> Callable[[Upgrade], None] | None:
        """As in ``Service``."""
        source = self._source()
        return self._api[1](path) if source is None else source.upgrade(path)

    def _source(self) -> Player | Recorder | None:
        if self._recorder is not None or not self._players:
            return self._recorder
        return next((player for player in self._players if player.has_more), self._players[-1])

    def check(self) -> None:
        """Asserts that the tapes were played to their ends, unless a client is known to have done something else.

        Raises:
            AssertionError: Some were not.
        """
        deadline_sec = time.monotonic() + GRACE_SEC
        # The last message of a session may still be on its way.
        while any(player.has_open_session for player in self._players) and time.monotonic() < deadline_sec:
            time.sleep(_LOOK_SEC)
        left = [text for player in self._players for text in player.unplayed()]
        if left and not self._state.history.failures:
            raise AssertionError("\n  ".join(["The client did not do what is on the tape:", *left]))

    def close(self) -> None:
        """Ends the recording, if there is one."""
        if self._writer is not None:
            self._writer.close()
