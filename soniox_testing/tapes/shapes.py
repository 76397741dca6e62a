"""In what two recordings of the same requests differ: fields and types, order, status and close codes, time."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .tape import Exchange

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PACES = ((0.5, "at once"), (3.0, "within 3 s"), (15.0, "within 15 s"), (float("inf"), "later"))
_FACTOR = 3.0
"""Two times in different classes count as different if one is so many times the other."""
_CODES = ("error_code", "error_type")
_LANDMARKS = ("error", "finished", "audio_end", "terminated", "finalized")
_TYPES = {bool: "boolean", int: "number", float: "number", str: "string", dict: "object", list: "array"}


def differences(taped: Sequence[Exchange], answered: Sequence[Exchange]) -> list[str]:
    """What is different, in words; empty if nothing is.

    Args:
        taped: Of the service.
        answered: The same requests, as the fake answered them.
    """
    found: list[str] = []
    shapes: dict[str, tuple[Shape, Shape]] = defaultdict(lambda: (Shape(), Shape()))
    for number, (one, other) in enumerate(zip(taped, answered, strict=True), 1):
        place = f"request {number} (line {one.line}), {one.name}"
        found += [f"{place}: {text}" for text in _of_exchange(one, other)]
        for side, exchange in enumerate((one, other)):
            for kind, body in _bodies(exchange):
                shapes[kind][side].add(body)
    for kind, (service, fake) in shapes.items():
        if service.paths and fake.paths:
            found += [f"{kind}: {text}" for text in service.differences(fake)]
    return found


def _of_exchange(one: Exchange, other: Exchange) -> Iterator[str]:
    statuses = [exchange.response["status"] if exchange.response else "no response" for exchange in (one, other)]
    if statuses[0] != statuses[1]:
        yield f"{statuses[0]} on the tape, {statuses[1]} by the fake"
        return
    types = [(exchange.response or {}).get("headers", {}).get("content-type", "") for exchange in (one, other)]
    if types[0].partition(";")[0] != types[1].partition(";")[0]:
        yield f"content type {types[0]!r} on the tape, {types[1]!r} by the fake"
    # Where the client closed first, whether the server's close frame crosses its own is a matter of time.
    has_end = one.closed is not None and one.closed.by == "server"
    orders = [_landmarks(exchange, has_end=has_end) for exchange in (one, other)]
    if orders[0] != orders[1]:
        shown = [", ".join(order) or "nothing" for order in orders]
        yield f"order: {shown[0]} on the tape; {shown[1]} by the fake"
    times = [_times(exchange) for exchange in (one, other)]
    for name, seconds in times[0].items():
        pace, other_pace = _pace(seconds), _pace(times[1].get(name, seconds))
        low, high = sorted((seconds, times[1].get(name, seconds)))
        if pace != other_pace and high > low * _FACTOR:
            yield f"time: {name} {pace} on the tape ({seconds:.1f} s), {other_pace} by the fake"


def _landmarks(exchange: Exchange, *, has_end: bool) -> list[str]:
    """The messages of the server whose order does not depend on the words, and the end if it counts."""
    kinds = [kind for message in exchange.messages if message.by == "server" for kind in _kinds(message.content)]
    found = [kind for kind in kinds if kind.startswith(_LANDMARKS)]
    if has_end and exchange.closed is not None and exchange.closed.by == "server":
        found.append("no close frame" if exchange.closed.code is None else f"close {exchange.closed.code}")
    return found


def _kinds(content: dict[str, Any]) -> list[str]:
    """What a message of the server is."""
    value = content.get("json")
    if not isinstance(value, dict):
        return ["no JSON"]
    fields = cast("dict[str, Any]", value)
    if fields.get("error_code") is not None:
        return [f"error {fields.get('error_code')} {fields.get('error_type')}"]
    tokens: list[dict[str, Any]] = fields.get("tokens") or []
    found = ["finalized"] if any(token.get("text") == "<fin>" for token in tokens) else []
    found += [name for name in ("finished", "audio_end", "terminated") if fields.get(name)]
    return found or ["audio" if fields.get("audio") else "result"]


def _bodies(exchange: Exchange) -> Iterator[tuple[str, Any]]:
    """All JSON that the server sent, with what it is."""
    path = _ID.sub("{id}", exchange.request["path"].partition("?")[0])
    if exchange.response is not None and "json" in exchange.response:
        yield f"{exchange.request['method']} {path}, {exchange.response['status']}", exchange.response["json"]
    for message in exchange.messages:
        if message.by == "server" and "json" in message.content:
            kind = _kinds(message.content)[-1].partition(" ")[0]
            yield f"WebSocket {path}, {'result' if kind == 'finalized' else kind}", message.content["json"]


def _times(exchange: Exchange) -> dict[str, float]:
    """How long the client waited, in seconds."""
    if not exchange.is_websocket:
        return {} if exchange.response is None else {"response": (exchange.response_at_ms - exchange.at_ms) / 1000}
    mine = [message.at_ms for message in exchange.messages if message.by == "client"]
    answers = [message.at_ms for message in exchange.messages if message.by == "server"]
    times: dict[str, float] = {}
    if mine and answers:
        times["first message"] = max(0.0, (answers[0] - mine[0]) / 1000)
        times["last message after the client's last"] = max(0.0, (answers[-1] - mine[-1]) / 1000)
    return times


def _pace(seconds: float) -> str:
    return next(name for limit, name in _PACES if seconds < limit)


class Shape:
    """The fields that values had, with their types."""

    def __init__(self) -> None:
        self.paths: dict[str, set[str]] = {}
        self.codes: dict[str, set[str]] = {}

    def add(self, value: Any, path: str = "") -> None:
        """Adds a value, and all that is in it."""
        kind = "null" if value is None else _TYPES[type(value)]
        self.paths.setdefault(path, set()).add(kind)
        if path in _CODES and value is not None:
            self.codes.setdefault(path, set()).add(str(value))
        if isinstance(value, dict):
            for name, inner in cast("dict[str, Any]", value).items():
                self.add(inner, f"{path}.{name}" if path else name)
        elif isinstance(value, list):
            for inner in cast("list[object]", value):
                self.add(inner, f"{path}[]")

    def differences(self, other: Shape) -> list[str]:
        """In what another shape, that of the fake, differs."""
        found = [f"only the tape has {self._shown(path)}" for path in self._only_here(other)]
        found += [f"only the fake has {other._shown(path)}" for path in other._only_here(self)]
        for path in self.paths.keys() & other.paths.keys():
            one, two = (shape.paths[path] - {"null"} for shape in (self, other))
            if one and two and not one & two:
                found.append(f"{self._shown(path)} on the tape, {other._shown(path)} by the fake")
        for path in self.codes.keys() & other.codes.keys():
            if self.codes[path] != other.codes[path]:
                one_code, two_code = (", ".join(sorted(shape.codes[path])) for shape in (self, other))
                found.append(f"{path} {one_code} on the tape, {two_code} by the fake")
        return sorted(found)

    def _only_here(self, other: Shape) -> Iterator[str]:
        """Fields that the other lacks although it has what they are in."""
        for path in self.paths:
            parent, dot, name = path.rpartition(".")
            is_item = name.endswith("[]") if dot else path.endswith("[]")
            if path not in other.paths and not is_item and "object" in other.paths.get(parent, ()):
                yield path

    def _shown(self, path: str) -> str:
        return f"{path} ({' or '.join(sorted(self.paths[path]))})"
