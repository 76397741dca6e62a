"""One WebSocket on one socket: frames, pings, the closing handshake, and waiting. Independent of the API.

The thread that read the HTTP upgrade serves the connection to its end. The socket never blocks: the thread waits until
the socket is readable or writable, a deadline of the session is due, or a virtual clock was moved. Output that the
client does not read is buffered in memory: many clients send everything before they read anything, and a server that
stopped reading meanwhile would deadlock with them.

wsproto parses the frames. The client beside this fake uses another library: a shared codec would hide a shared mistake.
"""

from __future__ import annotations

import base64
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
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import RemoteProtocolError

from ..net.line import READ, WRITE
from ..script.actions import Close, HalfOpen, Handshake, HangUp, Reset, Send, SendRaw, Stall
from ..unfrozen import time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wsproto.events import Event

    from ..net.exchange import Upgrade
    from ..net.line import Line
    from ..script.actions import Action, Disconnected, Session
    from ..script.clock import Clock

_BLOCK_BYTES = 256 * 1024
_AHEAD_BYTES = 256 * 1024
_MAX_MESSAGE_BYTES = 64 * 1024 * 1024
_CLOSE_SEC = 10.0
_SETTLE_SEC = 10.0
_TOO_BIG = 1009
_KEY_BYTES = 16
_HANDSHAKE_HEADERS = frozenset({"connection", "upgrade", "sec-websocket-key", "sec-websocket-version"})


def serve_websocket(
    upgrade: Upgrade, open_session: Callable[[Handshake], Session], clock: Clock, stopping: threading.Event
) -> None:
    """Runs a WebSocket until it has ended. Reads to the end of the client's data where possible.

    Args:
        upgrade: The socket and the request that was read from it.
        open_session: Makes the session; called when the request is a valid WebSocket handshake.
        clock: The clock of the session's deadlines.
        stopping: Set before the server closes its connections.
    """
    websocket = WSConnection(ConnectionType.SERVER)
    offer = offer_of(websocket, upgrade)
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


def offer_of(websocket: WSConnection, upgrade: Upgrade) -> Request | RejectConnection:
    """The handshake request, or the response that refuses it.

    wsproto gets only the headers of the handshake: h11 might refuse others.
    """
    headers = [(name, value) for name, value in upgrade.headers if name.lower() in _HANDSHAKE_HEADERS]
    listed = [value for name, value in upgrade.headers if name.lower() == "sec-websocket-protocol"]
    if listed:
        headers.append(("Sec-WebSocket-Protocol", ", ".join(listed)))
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in [("Host", "fake"), *headers]]
    try:
        # Two keys come joined, and are none.
        key = ", ".join(value for name, value in headers if name.lower() == "sec-websocket-key")
        if len(base64.b64decode(key, validate=True)) != _KEY_BYTES:
            return RejectConnection(status_code=400)
        websocket.initiate_upgrade_connection(raw, "/")
        return cast("Request", next(websocket.events()))
    except RemoteProtocolError as error:
        refused = error.event_hint
        return refused if isinstance(refused, RejectConnection) else RejectConnection(status_code=400)
    except ValueError:
        # A key that is no base64, or a header that is no ASCII.
        return RejectConnection(status_code=400)


class _Connection:
    """A WebSocket after its handshake. Only ``settle`` may be called from other threads."""

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
        """The fragments of an incomplete message."""
        self._parts_size = 0
        self._over = False
        self._ended = False
        """Whether the session has ended; it gets no more calls then."""
        self._ignores_input = False
        """After a protocol error or a hang-up: received bytes are discarded unparsed."""
        self._sends_nothing = False
        """Half open: received bytes are discarded, and nothing is sent until the client closes."""
        self._give_up_sec: float | None = None
        """On ``time.monotonic``: when to stop waiting for the client's close frame or end of stream."""
        self._now_sec = clock.now_sec()
        """Read once for all messages that arrive together."""
        self._turns = threading.Condition()
        self._asked = 0
        self._answered = 0
        self._gone = False
        self.wake = line.wake

    def settle(self) -> None:
        """Returns when all received bytes are processed and no timer is due; for other threads."""
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
            first: Bytes to send first.
            received: Bytes that were read after the handshake request.
        """
        try:
            self._outgoing += first
            self._tick()
            if received:
                self._feed(received)
            self._flush()
            busy = self._poll_output()
            while not self._done():
                turn = self._wait(busy=busy)
                self._read()
                self._flush()
                busy = self._poll_output()
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

    def _poll_output(self) -> bool:
        """Polls the session for output if there is room in the buffer; whether there was any."""
        if self._ended or len(self._outgoing) >= _AHEAD_BYTES:
            return False
        actions = self._session.poll_output(self._now_sec)
        self._perform(actions)
        self._flush()
        return bool(actions)

    def _wait(self, *, busy: bool) -> int:
        """Waits for the socket, a deadline or a wake-up.

        Args:
            busy: Whether the session may have more output, so that this only polls the socket.

        Returns:
            The number of ``settle`` calls so far.
        """
        if busy or self._session.wants_turn:
            timeout_sec: float | None = 0.0
        elif self._give_up_sec is not None:
            timeout_sec = max(0.0, self._give_up_sec - time.monotonic())
        else:
            timeout_sec = self._clock.wait_sec(self._session.deadline_sec)
        # Never 0: a connection that is over gets here only with bytes to send.
        self._line.wait((0 if self._over else READ) | (WRITE if self._outgoing else 0), timeout_sec)
        # After the wait: a ``settle`` call in between also wakes the next wait, but is never missed.
        with self._turns:
            return self._asked

    def _read(self) -> None:
        """Reads and processes all that has arrived."""
        while not self._over and not self.stalled:
            data: bytes | None
            try:
                data = self._socket.recv(_BLOCK_BYTES)
            except BlockingIOError:
                data = b"" if self._line.ending else None
            except OSError:
                data = b""
            # Before the data, by the clock after its arrival: a timer that was due when the data was sent comes first.
            self._tick()
            if data is None:
                return
            if not data:
                # The client may have closed its direction only: the output buffer is still sent.
                self._disconnect("stopped" if self._stopping.is_set() else "abandoned", None)
                self._over = True
                self._limit_close()
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
                self._disconnect("client_closed", int(event.code))
                self._outgoing += self._websocket.send(event.response())
                self._limit_close()
                self._over = True
            elif state is ConnectionState.CLOSED:
                self._over = True
            else:
                # No close frame was received: wsproto reports the close code for an invalid frame as this event.
                self._fail("protocol_error", int(event.code))
        elif isinstance(event, Ping):
            if self._websocket.state is ConnectionState.OPEN:
                self._outgoing += self._websocket.send(event.response())
        elif isinstance(event, (TextMessage, BytesMessage)) and not self._ended:
            self._collect(event)

    def _collect(self, event: TextMessage | BytesMessage) -> None:
        """Collects the fragments of a message, and passes the complete message to the session."""
        self._parts_size += len(event.data)
        if self._parts_size > _MAX_MESSAGE_BYTES:
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
            self._session.performed(action)
            match action:
                case Send(text):
                    self._outgoing += self._websocket.send(TextMessage(text))
                case SendRaw(data):
                    self._outgoing += data
                case Close(code, reason):
                    self._ended = True
                    self._send_close(code, reason)
                case HangUp():
                    self._ended = self._ignores_input = True
                    self._limit_close()
                case HalfOpen():
                    self._ended = self._sends_nothing = True
                case Reset():
                    self._ended = self._over = True
                    self._outgoing.clear()
                    self._line.reset()
                case Stall():
                    self._ended = self.stalled = True

    def _fail(self, how: Disconnected, code: int) -> None:
        """Ends a connection whose client broke the protocol. Further input is discarded."""
        self._disconnect(how, code)
        self._ignores_input = True
        self._send_close(code)

    def _disconnect(self, how: Disconnected, code: int | None) -> None:
        if not self._ended:
            self._ended = True
            self._session.disconnected(how, code)

    def _send_close(self, code: int, reason: str = "") -> None:
        if self._websocket.state is ConnectionState.OPEN:
            # wsproto sends an empty frame only for this object, and 1000 for the number.
            wanted = CloseReason.NO_STATUS_RCVD if code == CloseReason.NO_STATUS_RCVD else code
            self._outgoing += self._websocket.send(CloseConnection(wanted, reason))
        self._limit_close()

    def _limit_close(self) -> None:
        self._give_up_sec = time.monotonic() + _CLOSE_SEC

    def _flush(self) -> None:
        """Sends as much of the output buffer as the socket takes."""
        while self._outgoing:
            try:
                # Released at once: a bytearray with an exported buffer cannot be resized.
                with memoryview(self._outgoing) as whole, whole[:_BLOCK_BYTES] as block:
                    sent = self._socket.send(block)
            except BlockingIOError:
                return
            except OSError:
                # The client is gone. The next read reports it, after any data that is still unread.
                self._outgoing.clear()
                return
            del self._outgoing[:sent]
            if self._give_up_sec is not None:
                self._limit_close()
        if self._ignores_input:
            # The close frame of the client will not be parsed: end the TCP stream instead.
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)
