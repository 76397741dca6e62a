"""Tapes as files: one JSON object a line."""

from __future__ import annotations

import base64
import json
import os
import threading
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from ..script.clock import iso_time
from ..unfrozen import time
from ..wire.json_text import json_text
from .content import Cleaner

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_BYTES = 100 * 1024 * 1024
"""How large a tape grows."""
_FORMAT = 1
_END_BYTES = 100
_MIN_BYTES = 1024
_FIELDS: dict[str, dict[str, tuple[type, ...]]] = {
    "request": {"method": (str,), "path": (str,), "websocket": (bool,), "headers": (dict,)},
    "response": {"status": (int,), "cut": (bool,), "headers": (dict,)},
    "client": {},
    "server": {},
    "closed": {"by": (str,), "code": (int, type(None)), "reason": (str,)},
}
"""The fields of each kind of line with their types; those of a content are in ``_CONTENT``."""
_NEEDED = {"request": ("method", "path"), "response": ("status",), "closed": ("by", "code")}
_CONTENT: dict[str, tuple[type, ...]] = {"text": (str,), "bytes": (int,), "base64": (str,), "form": (list,)}
_BOUNDS = {"status": (100, 599), "code": (1000, 4999), "bytes": (0, 2**53), "at_ms": (0, 2**53)}
_JSON_NAMES = {str: "a text", int: "a number", bool: "true or false", dict: "an object", list: "a list"}


class TapeError(ValueError):
    """A file that is no tape."""


class TapeWriter:
    """Writes a tape, each line at once. May be used from any thread.

    Args:
        path: The file, which is replaced.
        to: The URL of the service.
        mask_text: Whether letters become ``x`` and digits ``0`` in fields that hold texts.
        keep_audio: Whether audio is kept; otherwise its length in bytes is.
        max_bytes: Of the file. What would exceed it is left out, audio first, and the last line says so.

    Raises:
        OSError: The file cannot be written.
        ValueError: ``max_bytes`` is below 1024.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        to: str,
        mask_text: bool = False,
        keep_audio: bool = False,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        if max_bytes < _MIN_BYTES:
            raise ValueError(f"max_bytes must be {_MIN_BYTES} or more, not {max_bytes}")
        self.cleaner: Cleaner = Cleaner(masks_text=mask_text, keeps_audio=keep_audio)
        self.is_full: bool = False
        """Whether the tape has reached its size."""
        self._left: int = max_bytes
        self._count = 0
        self._began_sec = time.monotonic()
        self._lock = threading.Lock()
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        # For the user alone: it may hold what people said.
        self._file = open(path, "w", encoding="utf-8", newline="\n", opener=_open_private)  # noqa: SIM115 - see close()
        head = {"soniox_tape": _FORMAT, "recorded_at": iso_time(datetime.now(timezone.utc)), "to": to}
        self._write(head | ({"masked": True} if mask_text else {}))

    def begin(self) -> int:
        """The number of a new request."""
        with self._lock:
            self._count += 1
            return self._count

    def now_ms(self) -> int:
        """Milliseconds since the tape began."""
        return int((time.monotonic() - self._began_sec) * 1000)

    def write(self, number: int, kind: str, value: object, at_ms: int | None = None) -> None:
        """Adds a line.

        Args:
            number: Of the request.
            kind: ``request``, ``response``, ``client``, ``server`` or ``closed``.
            value: What belongs to it.
            at_ms: When it was; None: now.
        """
        with self._lock:
            self._write({"at_ms": self.now_ms() if at_ms is None else at_ms, "on": number, kind: value})

    def _write(self, line: dict[str, Any]) -> None:
        if self.is_full or self._file.closed:
            return
        text = self.cleaner.line(json_text(line)) + "\n"
        if len(text.encode()) > self._left - _END_BYTES:
            text = self.cleaner.line(json_text(_without_base64(line))) + "\n"
            if len(text.encode()) > self._left - _END_BYTES:
                self.is_full = True
                text = json_text({"at_ms": line.get("at_ms", 0), "full": True}) + "\n"
        self._left -= len(text.encode())
        self._file.write(text)
        self._file.flush()

    def close(self) -> None:
        """Closes the file; what is written later is dropped."""
        with self._lock:
            self._file.close()


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _without_base64(value: Any) -> Any:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value).items()
        return {name: _without_base64(inner) for name, inner in fields if name != "base64"}
    return [_without_base64(inner) for inner in cast("list[object]", value)] if isinstance(value, list) else value


@dataclass(frozen=True)
class Message:
    """A message of a WebSocket."""

    line: int
    at_ms: int
    by: Literal["client", "server"]
    content: dict[str, Any]


@dataclass(frozen=True)
class Closed:
    """The end of a WebSocket, or of a connection on which no response came."""

    line: int
    at_ms: int
    by: Literal["client", "server"]
    code: int | None
    """None: without a close frame."""
    reason: str = ""


@dataclass
class Exchange:
    """A request and what followed."""

    line: int
    at_ms: int
    request: dict[str, Any]
    response: dict[str, Any] | None = None
    response_at_ms: int = 0
    messages: list[Message] = field(default_factory=list[Message])
    closed: Closed | None = None

    @property
    def is_websocket(self) -> bool:
        """Whether it asks for a WebSocket."""
        return bool(self.request.get("websocket"))

    @property
    def name(self) -> str:
        """Method and path, for messages."""
        return f"{'WebSocket' if self.is_websocket else self.request['method']} {self.request['path']}"

    @property
    def ends_at_ms(self) -> int:
        """When the client had its answer, or the WebSocket was closed; if neither was: when it began."""
        ends = [self.at_ms if self.response is None else self.response_at_ms]
        ends += [message.at_ms for message in self.messages[-1:]] + ([self.closed.at_ms] if self.closed else [])
        return max(ends)


@dataclass(frozen=True)
class Tape:
    """A tape that was read."""

    name: str
    exchanges: tuple[Exchange, ...]
    masked: bool
    """Whether texts are masked."""
    full: bool
    """Whether it ended because it had reached its size."""
    recorded_at: str | None = None
    """When it began: ISO-8601 UTC with ``Z``."""

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Tape:
        """Reads a tape.

        Raises:
            OSError: It cannot be read.
            TapeError: It is no tape; the message has the line.
        """
        name = Path(path).name
        with open(path, encoding="utf-8-sig") as file:  # Some editors begin a file with a mark.
            try:
                return cls.parse(name, file)
            except UnicodeDecodeError as error:
                raise TapeError(f"{name} is no text in UTF-8: {error.reason}") from error

    @classmethod
    def parse(cls, name: str, lines: Iterable[str]) -> Tape:
        """Reads a tape from its lines."""
        exchanges: dict[int, Exchange] = {}
        head: dict[str, Any] | None = None
        full = False
        for number, text in enumerate(lines, 1):
            if not text.strip():
                continue
            try:
                line = _object(json.loads(text))
                if head is None:
                    head = _checked_head(line)
                elif line.get("full"):
                    full = True
                else:
                    _add(exchanges, number, line)
            except json.JSONDecodeError as error:
                raise TapeError(f"{name}, line {number} is not JSON: {error.msg} at column {error.colno}") from error
            except (ValueError, RecursionError) as error:
                raise TapeError(f"{name}, line {number}: {error}") from error
        if head is None:
            raise TapeError(f"{name} is empty")
        masked, recorded_at = bool(head.get("masked")), head.get("recorded_at")
        return cls(name, tuple(exchanges.values()), masked=masked, full=full, recorded_at=recorded_at)


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("a line is a JSON object")  # noqa: TRY004 - the file is wrong, not an argument
    return cast("dict[str, Any]", value)


def _checked_head(line: dict[str, Any]) -> dict[str, Any]:
    if line.get("soniox_tape") != _FORMAT:
        raise ValueError(f'the first line of a tape has "soniox_tape": {_FORMAT}')
    _check("the first line", line, {"recorded_at": (str,), "masked": (bool,)}, ())
    return line


def _add(exchanges: dict[int, Exchange], number: int, line: dict[str, Any]) -> None:
    kind = next((name for name in _FIELDS if name in line), None)
    if kind is None:
        raise ValueError(f"a line has one of {', '.join(_FIELDS)}")
    _check("the line", line, {"at_ms": (int,), "on": (int,), kind: (dict,)}, ("at_ms", "on"))
    at_ms, on, value = line["at_ms"], line["on"], line[kind]
    _check(kind, value, _FIELDS[kind], _NEEDED.get(kind, ()))
    _check_content(kind, value)
    if kind == "request":
        exchanges[on] = Exchange(number, at_ms, value)
        return
    if on not in exchanges:
        raise ValueError(f"there was no request {on}")
    exchange = exchanges[on]
    if kind == "response":
        exchange.response, exchange.response_at_ms = value, at_ms
    elif kind == "closed":
        exchange.closed = Closed(number, at_ms, _side(value["by"]), value["code"], value.get("reason", ""))
    else:
        exchange.messages.append(Message(number, at_ms, _side(kind), value))


def _side(name: str) -> Literal["client", "server"]:
    if name == "client":
        return "client"
    if name == "server":
        return "server"
    raise ValueError(f"closed.by must be client or server, not {name!r}")


def _check(where: str, value: dict[str, Any], fields: dict[str, tuple[type, ...]], needed: Iterable[str]) -> None:
    """Refuses an object without the fields that are needed, or with one of another type or size."""
    for name in needed:
        if name not in value:
            raise ValueError(f"{where} has no {name}")
    for name, kinds in fields.items():
        if name not in value:
            continue
        field_value: object = value[name]
        if type(field_value) not in kinds:
            raise ValueError(f"{where}: {name} must be {_JSON_NAMES[kinds[0]]}, not {json_text(field_value)[:100]}")
        low, high = _BOUNDS.get(name, (0, 0))
        if isinstance(field_value, int) and high and not low <= field_value <= high:
            raise ValueError(f"{where}: {name} must be from {low} to {high}, not {field_value}")


def _check_content(where: str, value: dict[str, Any]) -> None:
    _check(where, value, _CONTENT, ())
    try:
        base64.b64decode(value.get("base64", ""), validate=True)
    except ValueError:
        raise ValueError(f"{where}: base64 is not base64") from None
    for name, header in cast("dict[str, object]", value.get("headers", {})).items():
        if not isinstance(header, str) or not f"{name}{header}".isprintable():
            raise ValueError(f"{where}: the header {name!r} must be a text without line ends")
    for part in cast("list[Any]", value.get("form", [])):
        if not isinstance(part, dict):
            raise ValueError(f"{where}: a part of a form is an object")  # noqa: TRY004 - as above
        fields = cast("dict[str, Any]", part)
        _check(f"{where}.form", fields, {"name": (str,), "filename": (str,)}, ("name",))
        _check_content(f"{where}.form", fields)
