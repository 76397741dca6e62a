"""A WebSocket server that does what its script says, with all that no decent server would do."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import socket
import ssl
import struct
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from wsproto import ConnectionType
from wsproto.connection import Connection as FrameConnection
from wsproto.events import CloseConnection, Message, Ping, Pong, TextMessage
from wsproto.utilities import RemoteProtocolError

from .socket_server import PATIENCE_SEC, Connection, HungUpError, SocketServer

if TYPE_CHECKING:
    from collections.abc import Callable

    Step = Callable[["Peer"], object]

FINISHED = {"tokens": [], "final_audio_proc_ms": 0, "total_audio_proc_ms": 0, "finished": True}
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Peer(Connection):
    """One connection, as the steps see it.

    Attributes:
        head: The request for the upgrade, as it came.
        headers: Its fields, names in lower case.
        received: What came: ``("text", "...")``, ``("binary", b"...")``, ``("ping" or "pong", b"...")``,
            ``("close", code)``.
    """

    def __init__(self, sock: socket.socket, server: WsServer) -> None:
        super().__init__(sock, server)
        self.head = b""
        self.headers: dict[str, str] = {}
        self.received: list[tuple[str, Any]] = []
        self._frames = FrameConnection(ConnectionType.SERVER)
        self._pending: deque[tuple[str, Any]] = deque()
        self._message: list[Any] = []

    def read_head(self) -> None:
        """Reads the request for the upgrade."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.receive_bytes()
        self.head, _, rest = data.partition(b"\r\n\r\n")
        fields = [line.partition(":") for line in self.head.decode("latin-1").split("\r\n")[1:]]
        self.headers = {name.lower(): value.strip() for name, _, value in fields}
        self._feed(rest)
        self.server.changed()

    def accept(self, also: bytes = b"") -> None:
        """Accepts the upgrade; ``also`` travels in the same segment."""
        self.read_head()
        digest = hashlib.sha1(self.headers["sec-websocket-key"].encode() + _GUID).digest()
        self.send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n" + also
        )

    def receive(self) -> tuple[str, Any]:
        """What comes next; pings and the close frame are answered."""
        while not self._pending:
            self._feed(self.receive_bytes())
            self.server.changed()
        return self._pending.popleft()

    def receive_until(self, kind: str, content: Any = None) -> Any:
        """Reads on until this came; None for any content."""
        while True:
            found, value = self.receive()
            if found == kind and content in (None, value):
                return value

    def _feed(self, data: bytes) -> None:
        if not data:
            return
        self._frames.receive_data(data)
        for event in self._frames.events():
            if isinstance(event, Message):
                self._message.append(event.data)
                if event.message_finished:
                    is_text = isinstance(event, TextMessage)
                    whole: Any = "".join(self._message) if is_text else b"".join(map(bytes, self._message))
                    self._note("text" if is_text else "binary", whole)
                    self._message = []
            elif isinstance(event, Ping):
                self._note("ping", bytes(event.payload))
                self.send(self._frames.send(event.response()))
            elif isinstance(event, Pong):
                self._note("pong", bytes(event.payload))
            elif isinstance(event, CloseConnection):
                self._note("close", event.code)
                with contextlib.suppress(HungUpError, RemoteProtocolError):
                    self.send(self._frames.send(event.response()))

    def _note(self, kind: str, value: Any) -> None:
        self.received.append((kind, value))
        self._pending.append((kind, value))

    def texts(self) -> list[str]:
        """The text messages that came."""
        return [value for kind, value in self.received if kind == "text"]

    def audio(self) -> bytes:
        """The audio that came."""
        return b"".join(value for kind, value in self.received if kind == "binary")


class WsServer(SocketServer[Peer]):
    """Runs the same steps for every connection. After its steps a connection is read to its end.

    Args:
        steps: Functions of a :class:`Peer`, called in turn.
        tls: Makes it a wss server.
        host: Where to listen.
        receive_buffer: Size of the kernel's buffer for what comes in; None for the kernel's choice.
    """

    def __init__(
        self,
        *steps: Step,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        receive_buffer: int | None = None,
    ) -> None:
        super().__init__(Peer, "ws", tls, host, receive_buffer)
        self.url = f"{self.url}/transcribe-websocket"
        self._steps = steps

    @property
    def peers(self) -> list[Peer]:
        """The connections so far."""
        return self.connections

    @property
    def peer(self) -> Peer:
        """The only connection."""
        (peer,) = self.peers
        return peer

    def serve(self, connection: Peer) -> None:
        for step in self._steps:
            step(connection)
        read_to_end(connection)


# Steps.


def accept(peer: Peer) -> None:
    """Accepts the upgrade."""
    peer.accept()


def accept_with(also: bytes) -> Step:
    """Accepts the upgrade and sends bytes in the same segment."""
    return lambda peer: peer.accept(also)


def raw(data: bytes) -> Step:
    """Sends bytes as they are."""
    return lambda peer: peer.send(data)


def message(value: Any) -> Step:
    """Sends a text message: text, or a value as JSON."""
    text = value if isinstance(value, str) else json.dumps(value)
    return raw(frame(0x1, text.encode()))


def close(code: int | None = 1000, reason: str = "") -> Step:
    """Sends a close frame and hangs up."""

    def step(peer: Peer) -> None:
        peer.send(frame(0x8, b"" if code is None else struct.pack("!H", code) + reason.encode()))
        hang_up(peer)

    return step


def until(kind: str, content: Any = None) -> Step:
    """Reads on until this came."""
    return lambda peer: peer.receive_until(kind, content)


def started(peer: Peer) -> None:
    """Accepts the upgrade and reads the start message."""
    peer.accept()
    peer.receive_until("text")


def read_to_end(peer: Peer) -> None:
    """Reads until the client hangs up."""
    while peer.sock.fileno() >= 0:
        peer.receive()


def answer_the_end(*messages: Any) -> Step:
    """Reads to the end of the audio, sends messages and ``finished``, and closes, as the service does."""

    def step(peer: Peer) -> None:
        peer.receive_until("text", "")
        for value in (*messages, FINISHED):
            message(value)(peer)
        close(1000)(peer)

    return step


def hang_up(peer: Peer) -> None:
    """Hangs up without a word; what has been sent arrives."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(peer.sock, socket.SHUT_WR)
    with contextlib.suppress(HungUpError, RemoteProtocolError, TimeoutError):
        while True:
            peer.receive_bytes()
    peer.sock.close()
    raise HungUpError


def reset(peer: Peer) -> None:
    """Resets the connection."""
    peer.reset()
    raise HungUpError


def hold(peer: Peer) -> None:
    """Neither reads nor sends, as long as the server runs."""
    peer.server.stopping.wait(PATIENCE_SEC)


def mute(peer: Peer) -> None:
    """Reads but never answers, pings included, as long as the client stays."""
    while True:
        peer.receive_bytes()


def wait(event: threading.Event) -> Step:
    """Waits for the test."""

    def step(peer: Peer) -> None:
        assert event.wait(PATIENCE_SEC)

    return step


def tell(event: threading.Event) -> Step:
    """Tells the test."""
    return lambda _: event.set()


def trickle(data: bytes, pause_sec: float = 0.02) -> Step:
    """Sends bytes one at a time, the last over and over."""

    def step(peer: Peer) -> None:
        position = 0
        while not peer.server.stopping.wait(pause_sec):
            peer.send(data[position : position + 1] or data[-1:])
            position += 1

    return step


def refuse(status: str, body: bytes = b"", *headers: str) -> Step:
    """Answers the upgrade with a status."""

    def step(peer: Peer) -> None:
        peer.read_head()
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        peer.send("\r\n".join(lines).encode() + body)
        hang_up(peer)

    return step


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, reserved: int = 0, masked: bool = False) -> bytes:
    """A frame by hand, also one that must not be."""
    first = (0x80 if final else 0) | reserved << 4 | opcode
    bit = 0x80 if masked else 0
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first, bit | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, bit | 127, size)
    return head + (b"\0\0\0\0" if masked else b"") + payload
