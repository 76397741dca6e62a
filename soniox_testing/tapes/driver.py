"""Does to a server what the client of a tape did, and writes down what the server answers.

Time is virtual: it moves as it did on the tape, so that an hour takes seconds.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, RejectConnection, Request, TextMessage
from wsproto.utilities import LocalProtocolError

from ..wire.json_text import json_text
from .content import HIDDEN, Cleaner, bytes_of
from .tape import Closed, Exchange, Message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wsproto.events import Event

    from ..script.clock import VirtualClock
    from .tape import Tape

_STEP_MS = 50
_PATIENCE_SEC = 20.0
_AFTER_END_MS = 10_000
"""How long a WebSocket may go on after the tape has ended."""
_BLOCK_BYTES = 64 * 1024
_BOUNDARY = "a-part-of-a-tape"
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass
class _Open:
    """A WebSocket that the driver has opened."""

    taped: Exchange
    answered: Exchange
    socket: socket.socket
    websocket: WSConnection
    parts: list[Any] = field(default_factory=list[Any])


class Driver:
    """The client's side of a tape.

    Args:
        tape: The tape.
        url: Of the server.
        api_key: For the server.
        clock: Of the server.
    """

    def __init__(self, tape: Tape, url: str, api_key: str, clock: VirtualClock) -> None:
        self._tape = tape
        address = urlsplit(url)
        self._address: tuple[str, int] = (address.hostname or "", address.port or 80)
        self._api_key = api_key
        self._clock = clock
        self._now_ms = 0
        self._ids: dict[str, str] = {}
        """Ids on the tape, and those that this server gave instead."""
        self._open: dict[int, _Open] = {}
        self._cleaner = Cleaner(masks_text=tape.masked, keeps_audio=False)

    def run(self) -> list[Exchange]:
        """Plays the client to the end.

        Returns:
            For each request of the tape, the same request with what the server answered.
        """
        answered = [Exchange(taped.line, taped.at_ms, taped.request) for taped in self._tape.exchanges]
        try:
            for number, event in self._events():
                self._move_to(event.at_ms)
                taped = self._tape.exchanges[number]
                if isinstance(event, Exchange):
                    if taped.is_websocket:
                        self._connect(number, taped, answered[number])
                    else:
                        self._ask(taped, answered[number])
                elif number in self._open:
                    self._say(self._open[number], event)
            end_ms = self._now_ms + _AFTER_END_MS
            while self._open and self._now_ms < end_ms:
                self._move_to(self._now_ms + _STEP_MS)
        finally:
            for number in tuple(self._open):
                self._open.pop(number).socket.close()
        return answered

    def _events(self) -> Iterator[tuple[int, Exchange | Message | Closed]]:
        """What the client did, in its order."""
        events: list[tuple[int, int, Exchange | Message | Closed]] = []
        for number, exchange in enumerate(self._tape.exchanges):
            ends = [exchange.closed] if exchange.closed is not None else []
            events.append((exchange.line, number, exchange))
            both: list[Message | Closed] = [*exchange.messages, *ends]
            events += [(entry.line, number, entry) for entry in both if entry.by == "client"]
        for _, number, event in sorted(events, key=lambda entry: entry[0]):
            yield number, event

    def _move_to(self, at_ms: int) -> None:
        self._drain()
        while self._now_ms < at_ms:
            step_ms = min(_STEP_MS, at_ms - self._now_ms)
            self._clock.advance(step_ms / 1000)
            self._now_ms += step_ms
            self._drain()

    def _translated(self, text: str) -> str:
        for old, new in self._ids.items():
            text = text.replace(old, new)
        return text

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._api_key}"}

    def _ask(self, taped: Exchange, answered: Exchange) -> None:
        request = taped.request
        headers, body = self._headers(), None
        if "form" in request:
            headers["Content-Type"] = f"multipart/form-data; boundary={_BOUNDARY}"
            body = _form(request["form"])
        elif any(kind in request for kind in ("json", "text", "bytes")):
            headers["Content-Type"] = request.get("headers", {}).get("content-type", "application/json")
            body = self._translated(bytes_of(request).decode("utf-8", "surrogateescape")).encode(
                "utf-8", "surrogateescape"
            )
        connection = http.client.HTTPConnection(*self._address, timeout=_PATIENCE_SEC)
        try:
            connection.request(request["method"], self._translated(request["path"]), body, headers)
            response = connection.getresponse()
            content_type = response.getheader("Content-Type", "")
            data = response.read()
        except (http.client.HTTPException, ConnectionError):
            answered.closed = Closed(taped.line, self._now_ms, "server", None)
            return
        finally:
            connection.close()
        content = self._cleaner.text(data.decode(errors="replace")) if "json" in content_type else {"bytes": len(data)}
        answered.response = {"status": response.status, "headers": {"content-type": content_type}}
        answered.response |= content if data else {}
        answered.response_at_ms = self._now_ms
        if taped.response is not None and data:
            raw = json.loads(data) if "json" in content_type else None
            self._learn(taped.response.get("json"), raw)

    def _learn(self, taped: Any, answered: Any) -> None:
        """Which id of the server stands for which id of the tape."""
        if isinstance(taped, dict) and isinstance(answered, dict):
            for name, value in cast("dict[str, Any]", taped).items():
                self._learn(value, cast("dict[str, Any]", answered).get(name))
        elif isinstance(taped, list) and isinstance(answered, list):
            for one, other in zip(cast("list[object]", taped), cast("list[object]", answered), strict=False):
                self._learn(one, other)
        elif isinstance(taped, str) and isinstance(answered, str) and _ID.fullmatch(taped) and _ID.fullmatch(answered):
            self._ids[taped] = answered

    def _connect(self, number: int, taped: Exchange, answered: Exchange) -> None:
        """Opens a WebSocket. The key goes into the start message if it was there on the tape."""
        first = next((message.content.get("json") for message in taped.messages if message.by == "client"), None)
        in_message = isinstance(first, dict) and "api_key" in first
        websocket = WSConnection(ConnectionType.CLIENT)
        headers = [] if in_message else [(name.encode(), value.encode()) for name, value in self._headers().items()]
        path: str = taped.request["path"].partition("?")[0]
        sock = socket.create_connection(self._address, _PATIENCE_SEC)
        # Otherwise a message may stay here until the one before it was acknowledged, while the clock moves.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answered.response_at_ms = self._now_ms
        try:
            sock.sendall(
                websocket.send(Request(host="fake", target=f"/{path.rpartition('/')[2]}", extra_headers=headers))
            )
            while True:
                websocket.receive_data(sock.recv(_BLOCK_BYTES) or None)
                for event in websocket.events():
                    if isinstance(event, AcceptConnection):
                        answered.response = {"status": 101}
                        sock.settimeout(0)
                        self._open[number] = _Open(taped, answered, sock, websocket)
                        return
                    if isinstance(event, RejectConnection):
                        answered.response = {"status": event.status_code}
                        sock.close()
                        return
        except BaseException:
            sock.close()
            raise

    def _say(self, session: _Open, entry: Message | Closed) -> None:
        if isinstance(entry, Closed):
            session.answered.closed = Closed(session.taped.line, self._now_ms, "client", entry.code)
            self._send(session, CloseConnection(entry.code or 1000))
            return
        content = entry.content
        session.answered.messages.append(Message(entry.line, self._now_ms, "client", content))
        if "text" in content or "json" in content:
            text = self._translated(bytes_of(content).decode())
            message = json_text({**json.loads(text), "api_key": self._api_key}) if f'"{HIDDEN}"' in text else text
            event: Event = BytesMessage(message.encode()) if content.get("binary") else TextMessage(message)
        else:
            event = BytesMessage(bytes_of(content))
        self._send(session, event)

    def _send(self, session: _Open, event: Event) -> None:
        try:
            data = session.websocket.send(event)
            session.socket.settimeout(_PATIENCE_SEC)
            session.socket.sendall(data)
        except (LocalProtocolError, ConnectionError):
            pass  # The server has ended it, as the next read says.
        finally:
            session.socket.settimeout(0)

    def _drain(self) -> None:
        """Reads what has come."""
        for number, session in tuple(self._open.items()):
            data: bytes | None = None
            try:
                while data := session.socket.recv(_BLOCK_BYTES):
                    session.websocket.receive_data(data)
                    self._take(session)
            except BlockingIOError:
                pass
            except ConnectionError:
                data = b""
            if data == b"" and session.answered.closed is None:
                session.answered.closed = Closed(session.taped.line, self._now_ms, "server", None)
            if session.answered.closed is not None:
                self._open.pop(number).socket.close()

    def _take(self, session: _Open) -> None:
        for event in session.websocket.events():
            if isinstance(event, TextMessage):
                session.parts.append(event.data)
                if event.message_finished:
                    content = self._cleaner.text("".join(session.parts))
                    session.parts.clear()
                    message = Message(session.taped.line, self._now_ms, "server", content)
                    session.answered.messages.append(message)
            elif isinstance(event, CloseConnection):
                code = int(event.code)
                session.answered.closed = Closed(session.taped.line, self._now_ms, "server", code)
                self._send(session, event.response())


def _form(parts: list[dict[str, Any]]) -> bytes:
    """A multipart body."""
    body = b""
    for part in parts:
        filename = f'; filename="{part["filename"]}"' if "filename" in part else ""
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{part["name"]}"{filename}\r\n\r\n'
        body += head.encode() + bytes_of(part) + b"\r\n"
    return body + f"--{_BOUNDARY}--\r\n".encode()
