"""One WebSocket on one socket: frames, pings, the closing handshake, and waiting. Knows nothing of Soniox.

The thread that read the HTTP upgrade stays with the connection. It never blocks on the socket: it waits until
there is something to read, room for what is to be sent, a deadline of the session, or a virtual clock that was
moved. What the client does not read yet is kept in memory, because many clients send everything before they read
anything, and a server that stopped reading meanwhile would hang with them.

wsproto turns bytes into events. It is not the library that the client beside this fake uses: a shared codec
would hide a shared mistake.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, cast

from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.utilities import RemoteProtocolError

from ..net.line import READ, WRITE
from ..script.actions import Close, HalfOpen, Handshake, HangUp, Reset, Send, SendRaw, Stall
from ..unfrozen import time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wsproto.events import Event

    from ..net.exchange import Upgrade
    from ..net.line import Line
    from ..script.actions import Action, Departure, Session
    from ..script.clock import Clock

_BLOCK_BYTES = 256 * 1024
_AHEAD_BYTES = 256 * 1024
_LARGEST_MESSAGE_BYTES = 64 * 1024 * 1024
_CLOSE_SEC = 10.0
_SETTLE_SEC = 10.0
_TOO_BIG = 1009
_HANDSHAKE_HEADERS = frozenset({"connection", "upgrade", "sec-websocket-key", "sec-websocket-version"})


def serve_websocket(
    upgrade: Upgrade, open_session: Callable[[Handshake], Session], clock: Clock, stopping: threading.Event
) -> None:
    """Runs a WebSocket until it has ended. Afterwards nothing that the client sent is left unread, if it can be helped.

    Args:
        upgrade: The socket and the request that was read from it.
        open_session: Makes the session, once the request is known to be a WebSocket handshake.
        clock: Whose time the session's deadlines are in.
        stopping: Set before the server shuts its connections down.
    """
    websocket = WSConnection(ConnectionType.SERVER)
    offer = _request(websocket, upgrade)
    if isinstance(offer, RejectConnection):
        with contextlib.suppress(OSError):
            upgrade.line.sendall(websocket.send(offer))
        return
    authorization = [value for name, value in upgrade.headers if name.lower() == "authorization"]
    handshake = Handshake(", ".join(authorization) if authorization else None, tuple(offer.subprotocols))
    session = open_session(handshake)
    accepted = websocket.send(AcceptConnection(subprotocol=session.subprotocol))
    connection = _Connection(upgrade.line, websocket, session, clock, stopping)
    session.opened(connection.wake)
    with clock.followed_by(connection):
        connection.run(accepted, upgrade.received)
    if connection.stalled:
        stopping.wait()


def _request(websocket: WSConnection, upgrade: Upgrade) -> Request | RejectConnection:
    """The handshake request, or the response that refuses it.

    Only what the handshake needs is passed on: nothing here depends on the host, nor on headers that h11 might refuse.
    """
    headers = [(name, value) for name, value in upgrade.headers if name.lower() in _HANDSHAKE_HEADERS]
    listed = [value for name, value in upgrade.headers if name.lower() == "sec-websocket-protocol"]
    if listed:
        headers.append(("Sec-WebSocket-Protocol", ", ".join(listed)))
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in [("Host", "fake"), *headers]]
    try:
        websocket.initiate_upgrade_connection(raw, "/")
        return cast("Request", next(websocket.events()))
    except RemoteProtocolError as exc:
        refused = exc.event_hint
        return refused if isinstance(refused, RejectConnection) else RejectConnection(status_code=400)
    except UnicodeDecodeError:
        return RejectConnection(status_code=400)


class _Connection:
    """A WebSocket after its handshake. All but ``settle`` belongs to the connection's own thread."""

    def __init__(
        self,
        line: Line,
        websocket: WSConnection,
        session: Session,
        clock: Clock,
        stopping: threading.Event,
    ) -> None:
        self.stalled = False
        self._line = line
        self._socket = line.socket
        self._websocket = websocket
        self._session = session
        self._clock = clock
        self._stopping = stopping
        self._outgoing = bytearray()
        self._parts: list[str | bytes] = []
        """Of a message that is not complete yet."""
        self._parts_size = 0
        self._over = False
        self._ended = False
        """Whether the session has ended, so that it hears of nothing any more."""
        self._ignores_input = False
        """Whether what comes in cannot be understood any more."""
        self._sends_nothing = False
        """Whether what comes in is thrown away, as long as the client likes."""
        self._give_up_sec: float | None = None
        """In real time: when to stop waiting for the client's side of the closing handshake."""
        self._now_sec = clock.now_sec()
        """Read once for all messages that arrive together."""
        self._turns = threading.Condition()
        self._asked = 0
        self._answered = 0
        self._gone = False
        self.wake = line.wake

    def settle(self) -> None:
        """Returns when everything that has arrived was read, and no timer is due; for other threads."""
        with self._turns:
            if self._gone:
                return
            self._asked += 1
            turn = self._asked
            self.wake()
            self._turns.wait_for(lambda: self._gone or self._answered >= turn, _SETTLE_SEC)

    def run(self, first: bytes, received: bytes) -> None:
        """Runs the session to its end.

        Args:
            first: What to send before all else.
            received: What the client had sent already.
        """
        try:
            self._outgoing += first
            self._tick()
            if received:
                self._feed(received)
            self._flush()
            busy = self._say_more()
            while not self._done():
                turn = self._wait(busy=busy)
                self._read()
                self._flush()
                busy = self._say_more()
                if not busy:
                    with self._turns:
                        self._answered = turn
                        self._turns.notify_all()
        finally:
            with self._turns:
                self._gone = True
                self._turns.notify_all()

    def _done(self) -> bool:
        if self.stalled:
            return True
        if self._give_up_sec is not None and time.monotonic() >= self._give_up_sec:
            return True
        return self._over and (not self._outgoing or self._line.ending)

    def _say_more(self) -> bool:
        """Lets the session say a little more, if what it said before has left; whether it did."""
        if self._ended or len(self._outgoing) >= _AHEAD_BYTES:
            return False
        actions = self._session.poll_output(self._now_sec)
        self._perform(actions)
        self._flush()
        return bool(actions)

    def _wait(self, *, busy: bool) -> int:
        """Waits until there may be something to do.

        Args:
            busy: Whether there is something to do already, so that this only looks at what has arrived.

        Returns:
            The newest turn that somebody asked for before this.
        """
        if busy or self._session.wants_turn:
            timeout_sec: float | None = 0.0
        elif self._give_up_sec is not None:
            timeout_sec = max(0.0, self._give_up_sec - time.monotonic())
        else:
            timeout_sec = self._clock.wait_sec(self._session.deadline_sec)
        # One of them at least: a connection that is over is only waited for while there is something to send.
        self._line.wait((0 if self._over else READ) | (WRITE if self._outgoing else 0), timeout_sec)
        # In this order: a request that comes in between wakes the next wait as well, but is never missed.
        with self._turns:
            return self._asked

    def _read(self) -> None:
        """Reads and deals with all that has arrived."""
        while not self._over and not self.stalled:
            data: bytes | None
            try:
                data = self._socket.recv(_BLOCK_BYTES)
            except BlockingIOError:
                data = b"" if self._line.ending else None
            except OSError:
                data = b""
            # Before the data, and by the clock after it arrived: a timer that was due when it was sent comes first.
            self._tick()
            if data is None:
                return
            if not data:
                # The client may have closed its own direction only: what is on its way to it is still sent.
                self._depart("stopped" if self._stopping.is_set() else "abandoned", None)
                self._over = True
                self._close_by_then()
            elif not self._over and not self.stalled:
                self._feed(data)
                self._flush()

    def _tick(self) -> None:
        if not self._ended:
            self._now_sec = self._clock.now_sec()
            deadline_sec = self._session.deadline_sec
            if self._session.wants_turn or (deadline_sec is not None and self._now_sec >= deadline_sec):
                self._perform(self._session.time_passed(self._now_sec))

    def _feed(self, data: bytes) -> None:
        if self._ignores_input or self._sends_nothing:
            return
        self._websocket.receive_data(data)
        for event in self._websocket.events():
            self._handle(event)
            if self._over or self.stalled or self._ignores_input or self._sends_nothing:
                return

    def _handle(self, event: Event) -> None:
        if isinstance(event, CloseConnection):
            state = self._websocket.state
            if state is ConnectionState.REMOTE_CLOSING:
                self._depart("client_closed", int(event.code))
                self._outgoing += self._websocket.send(event.response())
                self._close_by_then()
                self._over = True
            elif state is ConnectionState.CLOSED:
                self._over = True
            else:
                # Not a close frame at all: wsproto says in this way which code a broken frame deserves.
                self._fail("protocol_error", int(event.code))
        elif isinstance(event, Ping):
            if self._websocket.state is ConnectionState.OPEN:
                self._outgoing += self._websocket.send(event.response())
        elif isinstance(event, (TextMessage, BytesMessage)) and not self._ended:
            self._collect(event)

    def _collect(self, event: TextMessage | BytesMessage) -> None:
        """Puts a message together and passes it on once it is complete."""
        self._parts_size += len(event.data)
        if self._parts_size > _LARGEST_MESSAGE_BYTES:
            self._fail("message_too_big", _TOO_BIG)
            return
        self._parts.append(event.data if isinstance(event.data, str) else bytes(event.data))
        if not event.message_finished:
            return
        parts, self._parts, self._parts_size = self._parts, [], 0
        if isinstance(event, TextMessage):
            self._perform(self._session.text_received("".join(cast("list[str]", parts)), self._now_sec))
        else:
            self._perform(self._session.bytes_received(b"".join(cast("list[bytes]", parts)), self._now_sec))

    def _perform(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Send(text):
                    self._outgoing += self._websocket.send(TextMessage(text))
                case SendRaw(data):
                    self._outgoing += data
                case Close(code):
                    self._ended = True
                    self._send_close(code)
                case HangUp():
                    self._ended = self._ignores_input = True
                    self._close_by_then()
                case HalfOpen():
                    self._ended = self._sends_nothing = True
                case Reset():
                    self._ended = self._over = True
                    self._outgoing.clear()
                    self._line.reset()
                case Stall():
                    self._ended = self.stalled = True

    def _fail(self, how: Departure, code: int) -> None:
        """Ends a connection whose client broke the protocol. What it sends from here on means nothing."""
        self._depart(how, code)
        self._ignores_input = True
        self._send_close(code)

    def _depart(self, how: Departure, code: int | None) -> None:
        if not self._ended:
            self._ended = True
            self._session.departed(how, code)

    def _send_close(self, code: int) -> None:
        if self._websocket.state is ConnectionState.OPEN:
            self._outgoing += self._websocket.send(CloseConnection(code=code, reason=""))
        self._close_by_then()

    def _close_by_then(self) -> None:
        self._give_up_sec = time.monotonic() + _CLOSE_SEC

    def _flush(self) -> None:
        """Sends as much as there is room for."""
        while self._outgoing:
            try:
                # Released at once, also where nothing counts references: what is exported cannot be resized.
                with memoryview(self._outgoing) as whole, whole[:_BLOCK_BYTES] as block:
                    sent = self._socket.send(block)
            except BlockingIOError:
                return
            except OSError:
                # The client has gone; reading says so as well, and may still find what it sent before.
                self._outgoing.clear()
                return
            del self._outgoing[:sent]
            if self._give_up_sec is not None:
                self._close_by_then()
        if self._ignores_input:
            # Its close frame will not be recognised, so the end of the stream has to do.
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)
