"""Replies as they come in: bounded in time and size, and giving their connection back in the end."""

from __future__ import annotations

import http.client
import io
import re
import threading

from .._data.clock import time
from .._data.rules import is_visible_ascii

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Any

# A reply that comes in more slowly than this, once its timeout is used up, counts as stalled.
_MIN_BYTES_PER_SEC = 1024
# More than the transport takes of any body, chunk sizes included. http.client itself would read interim replies,
# trailers and chunk sizes for ever.
MAX_WIRE_BYTES = 128 * 1024 * 1024
_READ_BUFFER_SIZE = 64 * 1024
# As http.client bounds header fields; its number counts the empty line after them.
_MAX_LINE_BYTES = 64 * 1024
_MAX_HEAD_LINES = 100
_MAX_TRAILERS = 100
_MAX_LENGTH_DIGITS = 100
# In place of a body's length.
_UNUSABLE = -1


class UnrequestedUpgradeError(http.client.HTTPException):
    """The server goes on in another protocol than HTTP (101)."""


class UnusableLengthError(http.client.HTTPException):
    """A head does not say where its body ends: lengths that are none or differ, codings that no client must know."""


class Reply(http.client.HTTPResponse):
    """A reply that gives its connection back when it is closed."""

    url: str

    def __init__(
        self,
        sock: socket.socket,
        *args: Any,
        timeout_sec: float,
        deadline: float | None,
        done: Callable[..., None],
        break_off: Callable[[], None],
        **kwargs: Any,
    ) -> None:
        """Reads nothing yet.

        Args:
            sock: Where it comes from.
            args: For ``HTTPResponse``.
            timeout_sec: The longest silence.
            deadline: When to give up, as ``time.monotonic()`` counts; None for never.
            done: Takes the connection back: ``reusable`` says whether nothing is left on it.
            break_off: Breaks the connection under whoever reads from it.
            kwargs: For ``HTTPResponse``.
        """
        self.trailers: list[tuple[str, str]] = []
        self._done: Callable[..., None] | None = done
        self._break_off = break_off
        # So that a connection is not broken once it has been given back.
        self._handing_over = threading.Lock()
        super().__init__(_PacedSocket(sock, timeout_sec, deadline), *args, **kwargs)  # type: ignore[arg-type]
        self._file: Any = self.fp

    def begin(self) -> None:
        # In place of http.client's own for the sake of _read_fields(), which it cannot be given: parsing the head with
        # the email package takes 24 of the 146 microseconds of processor time of a small GET. http.client also takes
        # interim replies other than 100 for the answer, and waits for the connection's end where a length is unusable.
        inherited: Any = self  # Not all of it is known to type checkers.
        version, status, reason = inherited._read_status()
        while 100 <= status < 200:
            if status == 101:
                raise UnrequestedUpgradeError
            _read_lines(self.fp)
            version, status, reason = inherited._read_status()
        if not version.startswith(("HTTP/1.", "HTTP/0.9")):
            raise http.client.UnknownProtocol(version)
        self.version = 10 if version in {"HTTP/1.0", "HTTP/0.9"} else 11
        self.code = self.status = status
        self.reason = reason.strip()
        headers: Any = _read_fields(self.fp)
        self.headers = self.msg = headers
        if self._file.raw.has_ended:
            # http.client takes half a head for a whole one.
            raise http.client.IncompleteRead(b"")
        self.chunked = False
        self.chunk_left = None
        if status in {204, 304} or inherited._method == "HEAD":
            self.length = 0
        else:
            self.chunked, self.length = _framing_of(headers)
        # Without a length, the body ends with the connection.
        self.will_close = inherited._check_close() or (not self.chunked and self.length is None)

    def read(self, amt: int | None = None) -> bytes:
        try:
            if self.length == _UNUSABLE:
                # Only now: what an error or a redirect is does not hang on its body.
                raise UnusableLengthError
            return super().read(amt)
        except BaseException:
            # http.client closes the reply at some errors as it does at its end.
            self.will_close = True
            raise

    def read1(self, n: int = -1) -> bytes:
        try:
            if self.length == _UNUSABLE:
                raise UnusableLengthError
            block = super().read1(n)
            if isinstance(self.chunk_left, int) and self.chunk_left < 0:
                # http.client believes a chunk that says its size is negative.
                raise http.client.HTTPException("a chunk of no size")
            return block
        except BaseException:
            self.will_close = True
            raise

    def _read_and_discard_trailer(self) -> None:
        # A hook of http.client's own, which throws them away, and takes half of them for their end.
        while (line := self.fp.readline(_MAX_LINE_BYTES + 1)) not in {b"\r\n", b"\n"}:
            if not line.endswith(b"\n") or len(self.trailers) >= _MAX_TRAILERS:
                raise http.client.IncompleteRead(b"")
            name, _, value = line.decode(errors="replace").partition(":")
            self.trailers.append((name.strip(), value.strip()))

    def abort(self) -> None:
        """Breaks the connection, unless it was given back: who reads from it, in another thread, stops at once."""
        with self._handing_over:
            if self._done is not None:
                self._break_off()

    def close(self) -> None:
        # At the end of the body, http.client itself has closed the reply.
        reusable = self.isclosed() and not self.will_close and self._file.unread == 0
        try:
            super().close()
        finally:
            with self._handing_over:
                done, self._done = self._done, None
            if done is not None:
                done(reusable=reusable)


class _Fields:
    """The fields of a reply's head, for what http.client, urllib and the transport ask of them."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self._fields = fields
        # Of several with one name the first counts, as with http.client.
        self._values = {name.lower(): value for name, value in reversed(fields)}

    def items(self) -> list[tuple[str, str]]:
        """All of them, in order and as they were sent."""
        return self._fields

    def get(self, name: str, default: str | None = None) -> str | None:
        return self._values.get(name.lower(), default)

    def get_all(self, name: str, default: Any = None) -> Any:
        """The values of all fields with this name."""
        name = name.lower()
        if name not in self._values:
            return default
        return [value for other, value in self._fields if other.lower() == name]

    def agreed(self, name: str) -> str | None:
        """What the fields with this name, in small letters, agree on, lists included; with commas if they differ."""
        value = self._values.get(name)
        if value is None or ("," not in value and len(self._values) == len(self._fields)):
            return value
        elements = ",".join(self.get_all(name)).split(",")
        return ",".join({element.strip(" \t"): "" for element in elements})

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._values


def _read_lines(file: Any) -> list[bytes]:
    """The lines up to an empty one, which is left out, or the end of the file."""
    lines: list[bytes] = []
    while (line := file.readline(_MAX_LINE_BYTES + 1)) not in {b"\r\n", b"\n", b""}:
        lines.append(line)
        if len(line) > _MAX_LINE_BYTES:
            raise http.client.LineTooLong("header line")
        if len(lines) >= _MAX_HEAD_LINES:
            raise http.client.HTTPException("too many header lines")
    return lines


def _read_fields(file: Any) -> _Fields:
    lines = _read_lines(file)
    fields: list[tuple[str, str]] = []
    for line in lines:
        name, _, value = line.decode("iso-8859-1").partition(":")
        value = value.removesuffix("\n").removesuffix("\r")
        if not name or not is_visible_ascii(name) or "\r" in value or not line.endswith(b"\n"):
            return _unusual_fields(lines)
        fields.append((name, value.strip(" \t")))
    return _Fields(fields)


def _unusual_fields(lines: list[bytes]) -> _Fields:
    """Fields of folded lines, and of lines that are no fields: what they mean is left to http.client."""
    # It takes a name with white space before the colon, which recipients shall drop, for the end of the head.
    lines = [re.sub(rb"^([!-9;-~]+)[ \t]+:", rb"\1:", line) for line in lines]
    parsed = http.client.parse_headers(io.BytesIO(b"".join(lines)))
    return _Fields(
        [
            (name.strip(" \t"), " ".join(line.strip(" \t") for line in value.splitlines()).strip())
            for name, value in parsed.items()
        ]
    )


def _framing_of(headers: _Fields) -> tuple[bool, int | None]:
    """Whether a body comes in chunks, and else its length; None where it ends with the connection."""
    coding = headers.agreed("transfer-encoding")
    if coding and coding.lower() != "identity":
        return (True, None) if coding.lower() == "chunked" else (False, _UNUSABLE)
    length = headers.agreed("content-length")
    if length is None:
        return False, None
    # The text is Latin-1, of which these are the digits that int() knows.
    is_usable = length.isdecimal() and len(length) <= _MAX_LENGTH_DIGITS
    return False, int(length) if is_usable else _UNUSABLE


class _PacedSocket:
    """What ``HTTPResponse`` asks of a socket: a file to read the reply from."""

    def __init__(self, sock: socket.socket, timeout_sec: float, deadline: float | None) -> None:
        self._sock = sock
        self._timeout_sec = timeout_sec
        self._deadline = deadline

    def makefile(self, mode: str) -> io.BufferedReader:
        return _ReplyFile(_PacedReader(self._sock, mode, self._timeout_sec, self._deadline), _READ_BUFFER_SIZE)


class _ReplyFile(io.BufferedReader):
    """What a reply is read from.

    Attributes:
        unread: When it is closed, the bytes that came after the reply. Nobody asked for them, and their rest would
            pass for the beginning of the next reply.
    """

    unread = 0

    def close(self) -> None:
        if not self.closed:
            raw: Any = self.raw
            raw.has_ended = True
            self.unread = len(self.read1())
        super().close()


class _PacedReader(io.RawIOBase):
    """Reads from a socket and bounds the whole: a byte every 29 seconds is no progress.

    Only time that is spent waiting counts: who plays audio while it comes in takes it as slowly as it is spoken.

    Attributes:
        has_ended: Whether the server has closed its side; nothing is read then, so set it to read no more.
    """

    def __init__(self, sock: socket.socket, mode: str, timeout_sec: float, deadline: float | None) -> None:
        super().__init__()
        self._sock = sock
        # Only held: a socket counts its files and closes after the last.
        self._raw: Any = sock.makefile(mode, buffering=0)  # type: ignore[call-overload]
        self._timeout_sec = timeout_sec
        self._patience_sec = timeout_sec
        self._deadline = deadline
        self._count = 0
        self.has_ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.has_ended:
            return 0
        started = time.monotonic()
        wait_sec = min(self._patience_sec, self._timeout_sec)
        if self._deadline is not None:
            wait_sec = min(wait_sec, self._deadline - started)
        if self._sock.gettimeout() != wait_sec:
            # A system call, for which a reply that comes in 16 KiB of TLS at a time has better use.
            if wait_sec <= 0:
                raise TimeoutError("out of time")
            self._sock.settimeout(wait_sec)
        count = self._sock.recv_into(buffer)
        self._patience_sec += count / _MIN_BYTES_PER_SEC - (time.monotonic() - started)
        self._count += count
        self.has_ended = count == 0
        if self._count > MAX_WIRE_BYTES:
            raise http.client.HTTPException("the reply has no end")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def length_left(reply: Any) -> int | None:
    """What is still to come of a reply of any kind, in bytes; None where that is not known."""
    length = getattr(reply, "length", None)
    # Replies that vcrpy plays have a text there, and never count down.
    return length if isinstance(length, int) else None
