"""Passes a WebSocket on to the service, message by message, and records it. One thread waits for both sockets."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    Pong,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from ..net.line import READ, WRITE
from ..realtime.connection import offer_of
from ..rest.router import json_response
from ..unfrozen import time
from ..wire.rest_errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wsproto.events import Event

    from ..net.exchange import Upgrade
    from ..net.line import Line
    from .tape import TapeWriter
    from .upstream import Upstream

_BLOCK_BYTES = 64 * 1024
_AHEAD_BYTES = 1024 * 1024
"""So much may wait for one side; then the other is not read."""
_MAX_MESSAGE_BYTES = 64 * 1024 * 1024
_CLOSE_SEC = 5.0
_OF_HANDSHAKE = frozenset({"connection", "upgrade", "host", "content-length"})
_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def relay(upstream: Upstream, writer: TapeWriter, path: str, upgrade: Upgrade) -> None:
    """Runs one WebSocket to its end.

    Args:
        upstream: The service.
        writer: The tape.
        path: Of the request.
        upgrade: The client's request and connection.
    """
    client = WSConnection(ConnectionType.SERVER)
    offer = offer_of(client, upgrade)
    if isinstance(offer, RejectConnection):
        with contextlib.suppress(OSError):
            upgrade.line.sendall(client.send(offer))
        return
    cleaner = writer.cleaner
    number = writer.begin()
    target = cleaner.target(path, upgrade.query)
    headers = cleaner.headers(upgrade.headers)
    writer.write(number, "request", {"method": "GET", "path": target, "websocket": True, "headers": headers})
    try:
        sock, service, answer, rest = _open(upstream, path, upgrade, offer)
    except (OSError, http.client.HTTPException, RemoteProtocolError) as error:
        writer.write(number, "closed", {"by": "server", "code": None, "reason": type(error).__name__})
        refusal = ApiError(502, "recording_failed", f"{upstream.url} could not be asked: {type(error).__name__}")
        _refuse(upgrade.line, client, 502, [], json_response(502, refusal.body()).get_data())
        return
    with sock:
        if isinstance(answer, AcceptConnection):
            chosen = {"headers": {"sec-websocket-protocol": answer.subprotocol}} if answer.subprotocol else {}
            writer.write(number, "response", {"status": 101, **chosen})
            accepted = client.send(AcceptConnection(subprotocol=answer.subprotocol))
            ends = (_End("client", upgrade.line.socket, client), _End("server", sock, service))
            _Relay(upgrade.line, writer, number, ends).run(accepted, upgrade.received)
        else:
            status, fields = answer.status_code, [(n.decode(), v.decode("latin-1")) for n, v in answer.headers]
            entry = {"status": status, "headers": cleaner.headers(fields)}
            writer.write(number, "response", entry | (cleaner.text(rest.decode(errors="replace")) if rest else {}))
            kept = [(name, value) for name, value in fields if name.lower() in {"content-type", "retry-after"}]
            _refuse(upgrade.line, client, status, kept, rest)


def _refuse(line: Line, client: WSConnection, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
    fields = [*headers, ("Content-Length", str(len(body))), ("Connection", "close")]
    raw = [(name.encode(), value.encode("latin-1")) for name, value in fields]
    answer = client.send(RejectConnection(status_code=status, headers=raw, has_body=True))
    with contextlib.suppress(OSError):
        line.sendall(answer + client.send(RejectData(data=body, body_finished=True)))


def _open(
    upstream: Upstream, path: str, upgrade: Upgrade, offer: Request
) -> tuple[socket.socket, WSConnection, AcceptConnection | RejectConnection, bytes]:
    """A socket to the service after the handshake, and the service's answer, with the body of a refusal."""
    sock: socket.socket = upstream.connect(path).sock
    try:
        service = WSConnection(ConnectionType.CLIENT)
        passed_on = [
            (name.encode(), value.encode("latin-1"))
            for name, value in upgrade.headers
            if name.lower() not in _OF_HANDSHAKE and not name.lower().startswith("sec-websocket-")
        ]
        request = Request(
            host=upstream.header_of(path),
            target=upstream.target_of(quote(path), upgrade.query),
            extra_headers=passed_on,
            subprotocols=offer.subprotocols,
        )
        sock.sendall(service.send(request))
        refusal: RejectConnection | None = None
        body = bytearray()
        while True:
            data = sock.recv(_BLOCK_BYTES)
            service.receive_data(data or None)
            for event in service.events():
                if isinstance(event, AcceptConnection):
                    return sock, service, event, b""
                if isinstance(event, RejectConnection):
                    refusal = event
                if isinstance(event, RejectData):
                    body += event.data
                if refusal is not None and (not refusal.has_body or getattr(event, "body_finished", False)):
                    return sock, service, refusal, bytes(body)
            if not data:
                raise ConnectionResetError("the service closed the connection")
    except BaseException:
        sock.close()
        raise


class _End:
    """One of the two connections."""

    def __init__(self, name: Literal["client", "server"], sock: socket.socket, websocket: WSConnection) -> None:
        self.name: Literal["client", "server"] = name
        self.socket = sock
        self.websocket = websocket
        self.outgoing = bytearray()
        self.parts: list[Any] = []
        """Of a message that is not complete."""
        self.size = 0
        self.is_over = False
        """Whether nothing more comes from it."""


class _Relay:
    """An open WebSocket."""

    def __init__(self, line: Line, writer: TapeWriter, number: int, ends: tuple[_End, _End]) -> None:
        self._line = line
        self._writer = writer
        self._number = number
        self._ends = ends
        self._closed = False
        """Whether the tape has how it ended."""
        self._give_up_sec: float | None = None

    def run(self, accepted: bytes, received: bytes) -> None:
        """Passes on until both sides have ended."""
        client, service = self._ends
        service.socket.settimeout(0)
        client.outgoing += accepted
        self._feed(client, service, received)
        # What came with the answer to the handshake is in the parser already.
        self._take(service, client)
        while not self._is_done():
            self._flush()
            self._wait()
            self._read(client, service)
            self._read(service, client)
        self._flush()
        self._note_end("server" if self._line.ending else "client", None)

    def _is_done(self) -> bool:
        if self._line.ending or (self._give_up_sec is not None and time.monotonic() >= self._give_up_sec):
            return True
        return all(end.is_over for end in self._ends) and not any(end.outgoing for end in self._ends)

    def _wait(self) -> None:
        client, service = self._ends
        wanted = [
            (READ if not end.is_over and len(other.outgoing) < _AHEAD_BYTES else 0) | (WRITE if end.outgoing else 0)
            for end, other in ((client, service), (service, client))
        ]
        self._line.watch(service.socket, wanted[1])
        left_sec = None if self._give_up_sec is None else max(0.0, self._give_up_sec - time.monotonic())
        self._line.wait(wanted[0], left_sec)

    def _read(self, end: _End, other: _End) -> None:
        """Reads what has come from one side, as long as the other takes it."""
        while not end.is_over and len(other.outgoing) < _AHEAD_BYTES:
            try:
                data = end.socket.recv(_BLOCK_BYTES)
            except _WOULD_BLOCK:
                return
            except OSError:
                data = b""
            if not data:
                self._lost(end, other)
                return
            self._feed(end, other, data)

    def _feed(self, end: _End, other: _End, data: bytes) -> None:
        end.websocket.receive_data(data)
        self._take(end, other)

    def _take(self, end: _End, other: _End) -> None:
        try:
            for event in end.websocket.events():
                self._pass_on(end, other, event)
        except (RemoteProtocolError, LocalProtocolError):
            self._lost(end, other)

    def _pass_on(self, end: _End, other: _End, event: Event) -> None:
        if isinstance(event, (TextMessage, BytesMessage)):
            end.parts.append(event.data)
            end.size += len(event.data)
            if end.size > _MAX_MESSAGE_BYTES:
                self._lost(end, other)
            elif event.message_finished:
                parts, end.parts, end.size = end.parts, [], 0
                self._pass_message_on(end, other, parts, is_text=isinstance(event, TextMessage))
        elif isinstance(event, Ping):
            self._send(other, Ping(bytes(event.payload)))
        elif isinstance(event, Pong):
            self._send(other, Pong(bytes(event.payload)))
        elif isinstance(event, CloseConnection) and end.websocket.state is ConnectionState.OPEN:
            # No close frame was received: wsproto reports the close code for an invalid frame as this event.
            self._lost(end, other)
        elif isinstance(event, CloseConnection):
            self._note_end(end.name, int(event.code), event.reason or "")
            with contextlib.suppress(LocalProtocolError):
                end.outgoing += end.websocket.send(event.response())
            end.is_over = True
            self._send(other, CloseConnection(event.code, event.reason))
            self._limit()

    def _pass_message_on(self, end: _End, other: _End, parts: list[Any], *, is_text: bool) -> None:
        cleaner = self._writer.cleaner
        if is_text:
            text = "".join(parts)
            self._writer.write(self._number, end.name, cleaner.text(text))
            self._send(other, TextMessage(text))
        else:
            data = b"".join(parts)
            self._writer.write(self._number, end.name, cleaner.binary(data))
            self._send(other, BytesMessage(data))

    def _send(self, end: _End, event: Event) -> None:
        with contextlib.suppress(LocalProtocolError):  # It is closing.
            end.outgoing += end.websocket.send(event)

    def _lost(self, end: _End, other: _End) -> None:
        """A side ended without a close frame, or broke the protocol; the other gets the same end."""
        self._note_end(end.name, None)
        end.is_over = True
        end.outgoing.clear()
        self._limit()
        self._flush()
        other.is_over = True
        with contextlib.suppress(OSError):
            other.socket.shutdown(socket.SHUT_WR)

    def _limit(self) -> None:
        if self._give_up_sec is None:
            self._give_up_sec = time.monotonic() + _CLOSE_SEC

    def _note_end(self, by: str, code: int | None, reason: str = "") -> None:
        if not self._closed:
            self._closed = True
            shown = {"reason": reason} if reason else {}
            self._writer.write(self._number, "closed", {"by": by, "code": code, **shown})

    def _flush(self) -> None:
        for end in self._ends:
            while end.outgoing:
                try:
                    with memoryview(end.outgoing) as whole, whole[:_BLOCK_BYTES] as block:
                        sent = end.socket.send(block)
                except _WOULD_BLOCK:
                    break
                except OSError:
                    end.outgoing.clear()  # It is gone, as the next read says.
                    break
                del end.outgoing[:sent]
