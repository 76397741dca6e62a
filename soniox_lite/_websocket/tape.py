"""What realtime connections send and receive, written to a file. Loaded only where that is asked for.

The format is in docs/testing.md. ``soniox_testing`` plays such files, and writes the same, with code of its own.
"""

from __future__ import annotations

import base64
import json
import os
import re
import threading
from datetime import datetime, timezone

from .._data.callbacks import logger
from .._data.clock import time
from .._data.json_values import kind_of
from .._data.safe_repr import safe_repr
from .._data.urls import split_url
from .._net.redaction import redact
from .._settings import user_agent
from ..errors import SonioxRealtimeError, SonioxValidationError, file_error
from .frames import ABNORMAL_CLOSURE, BINARY, TEXT
from .nonblocking import WebSocket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .frames import Payload
    from .nonblocking import Closure
    from .options import ConnectionOptions

_HIDDEN = "***"
_SECRETS = frozenset({"api_key", "authorization", "password", "secret", "access_token"})
# Fields that hold what people said or wrote, with all that is in them.
_TEXTS = frozenset({"text", "context", "filename", "name", "description", "client_reference_id", "characters"})
_MARKS = frozenset({"<end>", "<fin>"})
_PARAMETER = re.compile(r"([^&=]*(?:key|token|secret|signature|password|auth)[^&=]*)=[^&]*", re.IGNORECASE)
_END_BYTES = 100


class Tape:
    """A file on which realtime sessions write what they send and receive: ``connect(..., tape=Tape(path))``.

    Keys are not written. The file is replaced when the first connection opens. Any number of sessions may share a tape,
    in any threads and event loops of a process. If the file cannot be written any more, that is logged once, and the
    sessions go on. ``soniox_testing`` plays it: see docs/testing.md.

    Attributes:
        path: Of the file.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        mask_text: bool = False,
        keep_audio: bool = False,
        max_bytes: int = 100 * 1024 * 1024,
    ) -> None:
        """Writes nothing yet.

        Args:
            path: Of the file. Its folder must exist.
            mask_text: Whether letters become ``x`` and digits ``0`` in words, contexts, names and references.
            keep_audio: Whether audio is written, as base64; otherwise its length is.
            max_bytes: Size of the file. What would exceed it is left out, audio first; the last line says so.
        """
        self.path: str = os.fspath(path)
        self._masks_text = mask_text
        self._keeps_audio = keep_audio
        self._left = max_bytes
        self._lock = threading.Lock()
        self._began_at: float | None = None
        self._connections = 0
        self._is_over = False

    def begin(self, options: ConnectionOptions) -> Track:
        """Notes that a connection is being opened; the first one begins the file.

        Raises:
            SonioxFileError: The file cannot be written.
        """
        parts = split_url(options.url, ("ws", "wss"))
        host, path, query = ("", "", "") if parts is None else (parts.netloc, parts.path, parts.query)
        with self._lock:
            if self._began_at is None:
                self._began_at = time.monotonic()
                now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
                secure = options.url.startswith("wss")
                head = {"soniox_tape": 1, "recorded_at": now, "to": f"{'https' if secure else 'http'}://{host}"}
                self._create()
                self._append({**head, "masked": True} if self._masks_text else head)
            self._connections += 1
            track = Track(self, self._connections, options)
        query = _PARAMETER.sub(rf"\1={_HIDDEN}", query)
        request = {"method": "GET", "path": f"{path}?{query}" if query else path, "websocket": True}
        track.write("request", {**request, "headers": {"user-agent": user_agent()}})
        return track

    def _create(self) -> None:
        try:
            with open(self.path, "wb", opener=_open_private):
                pass
        except OSError as error:
            raise file_error(f"the tape cannot be written: {error.strerror}", error, self.path) from error

    def write(self, number: int, kind: str, value: object, authorization: str) -> None:
        """Adds a line."""
        with self._lock:
            at_ms = int((time.monotonic() - (self._began_at or 0.0)) * 1000)
            try:
                self._append({"at_ms": at_ms, "on": number, kind: value}, authorization)
            except OSError as error:
                self._is_over = True
                logger().warning("the tape %s ends here, since it cannot be written: %s", self.path, error.strerror)

    def _append(self, line: dict[str, Any], authorization: str = "") -> None:
        if self._is_over:
            return
        text = _line_of(line, authorization)
        if len(text) > self._left - _END_BYTES:
            message: dict[str, Any] = line.get("client", {})
            message.pop("base64", None)
            text = _line_of(line, authorization)
        if len(text) > self._left - _END_BYTES:
            self._is_over = True
            text = _line_of({"at_ms": line.get("at_ms", 0), "full": True}, "")
        self._left -= len(text)
        # Opened for each line: so a process that is killed, or forks, loses none, and there is nothing to close.
        with open(self.path, "ab") as file:
            file.write(text)

    def content_of(self, opcode: int, payload: Payload) -> dict[str, Any]:
        """A message as the tape has it."""
        data = bytes(payload)
        if opcode == BINARY:
            shown = {"base64": base64.b64encode(data).decode()} if self._keeps_audio else {}
            return {"bytes": len(data), **shown}
        text = data.decode(errors="replace")
        try:
            return {"json": self._cleaned(json.loads(text), "", in_text=False)}
        except (ValueError, RecursionError):
            return {"text": _masked(text) if self._masks_text else text}

    def _cleaned(self, value: Any, name: str, *, in_text: bool) -> Any:
        in_text = in_text or name in _TEXTS
        if name.lower() in _SECRETS and value not in (None, ""):
            return _HIDDEN
        if isinstance(value, dict):
            fields: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
            return {key: self._cleaned(inner, key, in_text=in_text) for key, inner in fields.items()}
        if isinstance(value, list):
            items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
            return [self._cleaned(inner, name, in_text=in_text) for inner in items]
        if not isinstance(value, str):
            return value
        if name == "audio" and value and not self._keeps_audio:
            return {"bytes": len(value) * 3 // 4 - value[-2:].count("=")}
        return _masked(value) if self._masks_text and in_text and value not in _MARKS else value

    @safe_repr
    def __repr__(self) -> str:
        return f"<Tape {self.path}>"


def tape_of(tape: Tape | str | os.PathLike[str]) -> Tape:
    """A tape, from a path or as it is.

    Raises:
        SonioxValidationError: It is neither.
    """
    if isinstance(tape, Tape):
        return tape
    if isinstance(tape, (str, os.PathLike)):
        return Tape(tape)
    raise SonioxValidationError(f"tape must be a path or a Tape, got {kind_of(tape)}")


class Track:
    """The lines of one connection."""

    def __init__(self, tape: Tape, number: int, options: ConnectionOptions) -> None:
        self._tape = tape
        self._number = number
        self._options = options

    def write(self, kind: str, value: object) -> None:
        """Adds a line."""
        self._tape.write(self._number, kind, value, self._options.authorization)

    def message(self, by: str, opcode: int, payload: Payload) -> None:
        """Adds a message."""
        self.write(by, self._tape.content_of(opcode, payload))

    def opened(self, sock: Any, leftover: bytes) -> TapedWebSocket:
        """The open WebSocket."""
        self.write("response", {"status": 101})
        return TapedWebSocket.of(self, self._options, sock, leftover)

    def refused(self, error: BaseException) -> None:
        """The connection was not opened."""
        if isinstance(error, SonioxRealtimeError) and error.error_code is not None:
            fields = {"error_type": error.error_type, "message": error.message, "request_id": error.request_id}
            body = {"status_code": error.error_code, **fields}
            self.write("response", {"status": error.error_code, "headers": {}, "json": body})
        else:
            self.write("closed", {"by": "server", "code": None, "reason": type(error).__name__})


class TapedWebSocket(WebSocket):
    """A WebSocket that writes its messages to a tape."""

    _track: Track
    # The thread that reads, and how the connection ended if that was found by reading: the messages that were read
    # with it come first.
    _reading_in = 0
    _end: Closure | None = None

    @classmethod
    def of(cls, track: Track, options: ConnectionOptions, sock: Any, leftover: bytes) -> TapedWebSocket:
        """A WebSocket with these limits."""
        websocket: TapedWebSocket = options.websocket_of(cls, sock, leftover)
        websocket._track = track
        return websocket

    def read(self) -> tuple[list[bytes], bool]:
        """As the base class."""
        self._reading_in = threading.get_ident()
        try:
            messages, more = super().read()
        finally:
            self._reading_in = 0
        for message in messages:
            self._track.message("server", TEXT, message)
        if self._end is not None:
            self._note_end(self._end)
        return messages, more

    def send(self, opcode: int, payload: Payload) -> int:
        """As the base class."""
        position = super().send(opcode, payload)
        self._track.message("client", opcode, payload)
        return position

    def _put(self, opcode: int, payload: Payload) -> None:
        if opcode == TEXT and self.closure is None and not self._close_sent:
            self._track.message("client", TEXT, payload)
        super()._put(opcode, payload)

    def _set_closure(self, closure: Closure, close_payload: bytes | None = None) -> None:
        with self._lock:
            is_first = self.closure is None
            super()._set_closure(closure, close_payload)
        if is_first and self._reading_in == threading.get_ident():
            self._end = closure
        elif is_first:
            self._note_end(closure)

    def _note_end(self, closure: Closure) -> None:
        self._end = None
        here = closure.initiated_locally or (closure.error is not None and not isinstance(closure.error, OSError))
        code = None if closure.error is not None or closure.code == ABNORMAL_CLOSURE else closure.code
        reason = {"reason": closure.reason} if closure.reason else {}
        self._track.write("closed", {"by": "client" if here else "server", "code": code, **reason})


def _line_of(line: dict[str, Any], authorization: str) -> bytes:
    text = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
    return redact(text, authorization).encode(errors="backslashreplace") + b"\n"


def _masked(text: str) -> str:
    """The same number of characters, of which only marks and spaces are as they were."""
    return "".join(
        ("X" if letter.isupper() else "x") if letter.isalpha() else "0" if letter.isdigit() else letter
        for letter in text
    )


def _open_private(path: str, flags: int) -> int:
    # Readable by the user only: the file may hold what people said.
    return os.open(path, flags, 0o600)
