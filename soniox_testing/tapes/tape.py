"""Tapes as files: one JSON object a line."""

from __future__ import annotations

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
        at_ms = self.now_ms() if at_ms is None else at_ms
        with self._lock:
            self._write({"at_ms": at_ms, "on": number, kind: value})

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
        with open(path, encoding="utf-8") as file:
            return cls.parse(Path(path).name, file)

    @classmethod
    def parse(cls, name: str, lines: Iterable[str]) -> Tape:
        """Reads a tape from its lines."""
        exchanges: dict[int, Exchange] = {}
        head: dict[str, Any] | None = None
        full = False
        for number, text in enumerate(lines, 1):
            try:
                line = _object(json.loads(text))
                if head is None:
                    head = line
                    if line.get("soniox_tape") != _FORMAT:
                        raise ValueError(f'the first line of a tape has "soniox_tape": {_FORMAT}')
                elif line.get("full"):
                    full = True
                else:
                    _add(exchanges, number, line)
            except (ValueError, KeyError, TypeError) as error:
                reason = f"there is no {error}" if isinstance(error, KeyError) else error
                raise TapeError(f"{name}, line {number}: {reason}") from error
        if head is None:
            raise TapeError(f"{name} is empty")
        masked, recorded_at = bool(head.get("masked")), head.get("recorded_at")
        return cls(name, tuple(exchanges.values()), masked=masked, full=full, recorded_at=recorded_at)


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("a line is a JSON object")
    return cast("dict[str, Any]", value)


def _add(exchanges: dict[int, Exchange], number: int, line: dict[str, Any]) -> None:
    at_ms, on = line["at_ms"], line["on"]
    if "request" in line:
        request = _object(line["request"])
        if not isinstance(request.get("method"), str) or not isinstance(request.get("path"), str):
            raise ValueError("a request has a method and a path")
        exchanges[on] = Exchange(number, at_ms, request)
        return
    if on not in exchanges:
        raise ValueError(f"there was no request {on}")
    exchange = exchanges[on]
    if "response" in line:
        exchange.response, exchange.response_at_ms = _object(line["response"]), at_ms
    elif "client" in line:
        exchange.messages.append(Message(number, at_ms, "client", _object(line["client"])))
    elif "server" in line:
        exchange.messages.append(Message(number, at_ms, "server", _object(line["server"])))
    elif "closed" in line:
        closed = _object(line["closed"])
        exchange.closed = Closed(number, at_ms, closed["by"], closed["code"], closed.get("reason", ""))
    else:
        raise ValueError("a line has a request, response, client, server or closed")
