"""Answers from a tape, and says where a client does something else than the tape has."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl

from werkzeug.wrappers import Response

from ..net.exchange import Delivery
from ..realtime.connection import serve_websocket
from ..rest.router import json_response
from ..wire.json_text import json_text
from ..wire.rest_errors import ApiError
from .capture import capture_of
from .content import Cleaner, bytes_of, comparable
from .played_session import PlayedSession

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from werkzeug.wrappers import Request

    from ..net.exchange import Upgrade
    from ..net.line import Line
    from ..script.actions import Handshake
    from ..store.state import State
    from .tape import Exchange, Tape

_BLOCK_BYTES = 64 * 1024
_MAX_SHOWN = 300
_LINGER_SEC = 1.0
_TEMPORARY_KEY = "snx_temp_from_a_tape"


class TapeMismatchError(AssertionError):
    """A client did something else than the tape has."""


class Player:
    """Plays one tape. Its methods are those of ``Service``; may be used from any thread.

    Args:
        tape: The tape.
        state: Of the fake: its clock, and where failures are kept.
        pauses: Whether answers take as long as they did, by the fake's clock.
        in_order: Whether a request must wait for those that had been answered before it.
        ignore: Names of JSON and form fields that may have other values.
    """

    def __init__(self, tape: Tape, state: State, *, pauses: bool, in_order: bool, ignore: Collection[str]) -> None:
        self._tape = tape
        self._state = state
        self._pauses = pauses
        self._in_order = in_order
        self._ignore = frozenset(ignore)
        self._cleaner = Cleaner(masks_text=tape.masked, keeps_audio=False)
        self._lock = threading.Lock()
        self._left = list(tape.exchanges)
        self._sessions: list[PlayedSession] = []
        self._told: set[str] = set()

    @property
    def has_more(self) -> bool:
        """Whether the tape has requests that did not come yet."""
        return bool(self._left)

    @property
    def has_open_session(self) -> bool:
        """Whether a session runs in which the client has something left to send."""
        with self._lock:
            return any(session.unplayed() for session in self._sessions)

    def unplayed(self) -> list[str]:
        """What the tape has and clients did not ask for."""
        with self._lock:
            left = [f"{self._place(exchange)}: {exchange.name}" for exchange in self._left]
            return left + [text for session in self._sessions if (text := session.unplayed())]

    def respond(self, request: Request) -> Delivery:
        """The response that the tape has for a request."""
        sent = capture_of(request.content_type, self._cleaner)
        while block := request.stream.read(_BLOCK_BYTES):
            sent.feed(block)
        self._cleaner.headers(request.headers.items())
        query = request.query_string.decode("latin-1")
        target = self._cleaner.line(self._cleaner.target(request.path, query))
        try:
            exchange = self._take(request.method, target, sent.content(), websocket=False)
        except TapeMismatchError as mismatch:
            self._tell(mismatch)
            return Delivery(json_response(500, ApiError(500, "internal_error", str(mismatch)).body()))
        if self._pauses and exchange.response is not None:
            clock = self._state.clock
            due_sec = clock.now_sec() + (exchange.response_at_ms - exchange.at_ms) / 1000
            with clock.alarm(self._state.stopping) as alarm:
                alarm.wait_until(due_sec)
        return _delivery(exchange)

    def upgrade(self, path: str) -> Callable[[Upgrade], None]:
        """What answers a request for a WebSocket."""
        return lambda upgrade: self._serve(path, upgrade)

    def _serve(self, path: str, upgrade: Upgrade) -> None:
        self._cleaner.headers(upgrade.headers)
        target = self._cleaner.line(self._cleaner.target(path, upgrade.query))
        exchange: Exchange | None = None
        mismatch: TapeMismatchError | None = None
        try:
            exchange = self._take("GET", target, {}, websocket=True)
        except TapeMismatchError as error:
            mismatch = error
            self._tell(error)
        status = 101 if exchange is None or exchange.response is None else exchange.response["status"]
        if exchange is not None and (status != 101 or exchange.response is None):
            _send_response(upgrade.line, exchange)
            return

        def open_session(handshake: Handshake) -> PlayedSession:
            session = PlayedSession(
                self._tape.name,
                exchange,
                handshake.subprotocols,
                cleaner=self._cleaner,
                compared=self._heard,
                begin=self._begin,
                on_failure=self._state.remember_failure,
                pauses=self._pauses,
                mismatch=mismatch,
            )
            with self._lock:
                self._sessions.append(session)
            return session

        serve_websocket(upgrade, open_session, self._state.clock, self._state.stopping)

    def _tell(self, mismatch: TapeMismatchError) -> None:
        """Has a mismatch raised when the fake stops, once: a client may repeat a request that fails."""
        if str(mismatch) not in self._told:
            self._told.add(str(mismatch))
            self._state.remember_failure(mismatch, f"playing {self._tape.name}")

    def _heard(self, content: dict[str, Any]) -> Any:
        return self._plain(self._cleaner.heard(content))

    def _plain(self, value: Any) -> Any:
        """A content without the fields that are not compared."""
        if isinstance(value, dict):
            fields = cast("dict[str, Any]", value).items()
            return {name: self._plain(inner) for name, inner in fields if name not in self._ignore}
        return [self._plain(item) for item in cast("list[object]", value)] if isinstance(value, list) else value

    def _take(self, method: str, target: str, content: dict[str, Any], *, websocket: bool) -> Exchange:
        """The part of the tape that belongs to a request, which is not given again.

        Raises:
            TapeMismatchError: There is none.
        """
        heard = self._heard(content)

        def differences(exchange: Exchange) -> str:
            request = exchange.request
            taped = request["path"]
            # A client that records itself may be behind a gateway, whose paths begin otherwise.
            same = taped.rpartition("/")[2] == target.rpartition("/")[2] if websocket else _same_target(taped, target)
            if (exchange.is_websocket, request["method"]) != (websocket, method) or not same:
                return f"{method} {target}" if not websocket else f"WebSocket {target}"
            expected = self._plain(comparable(request))
            return "" if expected == heard or websocket else f"{method} {target} with {_differing(expected, heard)}"

        with self._lock:
            ready = self._ready()
            for exchange in ready:
                if not differences(exchange):
                    self._left.remove(exchange)
                    return exchange
            got = f"WebSocket {target}" if websocket else f"{method} {target}"
            if not ready:
                full = ", which was full" if self._tape.full else ""
                raise TapeMismatchError(
                    f"{self._tape.name}: expected nothing after the end of the tape{full}, got {got}"
                )
            expected = ready[0]
            # Another one of the same kind says more about what differs.
            for exchange in ready:
                if " with " in differences(exchange):
                    expected = exchange
                    break
            raise TapeMismatchError(f"{self._place(expected)}: expected {expected.name}, got {differences(expected)}")

    def _begin(self, session: PlayedSession, content: dict[str, Any]) -> None:
        """Assigns to a session the exchange that fits its first message, among all that may begin at this point."""
        with self._lock:
            own = session.exchange
            session.has_begun = True
            if own is None or self._begins_with(own, own, content):
                return
            for other in self._ready():
                if self._begins_with(other, own, content):
                    self._left = sorted([own, *(one for one in self._left if one is not other)], key=_line_of)
                    session.exchange = other
                    return
            for waiting in self._sessions:
                its = waiting.exchange
                if not waiting.has_begun and its is not None and self._begins_with(its, own, content):
                    session.exchange, waiting.exchange = its, own
                    return

    def _begins_with(self, exchange: Exchange, own: Exchange, content: dict[str, Any]) -> bool:
        """Whether an exchange is of the same kind as another, and its client begins with a message."""
        first = next((message for message in exchange.messages if message.by == "client"), None)
        same = exchange.is_websocket and exchange.request["path"] == own.request["path"]
        return same and first is not None and bool(self._heard(first.content) == self._heard(content))

    def _ready(self) -> list[Exchange]:
        """What may come next: all that was asked for before the first of the rest had been answered."""
        if not self._in_order or not self._left:
            return self._left
        return [
            exchange
            for exchange in self._left
            if all(exchange.at_ms < other.ends_at_ms or exchange is other for other in self._before(exchange))
        ]

    def _before(self, exchange: Exchange) -> Sequence[Exchange]:
        return self._left[: self._left.index(exchange)]

    def _place(self, exchange: Exchange) -> str:
        number = self._tape.exchanges.index(exchange) + 1
        return f"{self._tape.name}, request {number} (line {exchange.line})"


def _line_of(exchange: Exchange) -> int:
    return exchange.line


def _same_target(taped: str, target: str) -> bool:
    """Whether two targets are the same, with their parameters in any order."""
    (path, _, query), (other_path, _, other_query) = taped.partition("?"), target.partition("?")
    return path == other_path and sorted(parse_qsl(query, keep_blank_values=True)) == sorted(
        parse_qsl(other_query, keep_blank_values=True)
    )


def _differing(expected: Any, heard: Any) -> str:
    """What is different in a request, and what it should have been."""
    if isinstance(expected, dict) and isinstance(heard, dict):
        taped, sent = cast("dict[str, Any]", expected), cast("dict[str, Any]", heard)
        names = [name for name in {**taped, **sent} if taped.get(name) != sent.get(name)]
        return ", ".join(
            f"{name} {shown(sent[name]) if name in sent else 'left out'}"
            f" (expected {shown(taped[name]) if name in taped else 'without it'})"
            for name in names
        )
    return f"{shown(cast('object', heard))} (expected {shown(cast('object', expected))})"


def shown(value: object) -> str:
    """A JSON value for a message, cut if it is long."""
    text = json_text(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def _delivery(exchange: Exchange) -> Delivery:
    """The response of the tape; without one the connection is reset."""
    answer = exchange.response
    if answer is None:
        return Delivery(Response(), lambda line, _head, _body: line.reset())
    # A tape that was written by hand may leave them out.
    headers: dict[str, str] = answer.get("headers") or (
        {"content-type": "application/json"} if "json" in answer else {}
    )
    body = bytes_of(answer).replace(b'"api_key":"***"', f'"api_key":"{_TEMPORARY_KEY}"'.encode())
    if answer.get("cut"):
        return Delivery(Response([body], answer["status"], {**headers, "Content-Length": str(len(body) + 1)}), _cut)
    return Delivery(Response(body, answer["status"], headers))


def _cut(line: Line, head: bytes, body: bytes) -> None:
    line.sendall(head + body)
    line.finish_sending(_LINGER_SEC)


def _send_response(line: Line, exchange: Exchange) -> None:
    """Refuses a WebSocket as the tape has it."""
    if exchange.response is None:
        line.reset()
        return
    answer = exchange.response
    body = bytes_of(answer)
    fields = {**answer.get("headers", {}), "Content-Length": str(len(body)), "Connection": "close"}
    status = Response(status=answer["status"]).status
    head = "\r\n".join([f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items()), "", ""])
    with contextlib.suppress(OSError):  # The client may have left.
        line.sendall(head.encode("latin-1") + body)
