"""http.client's response, limited in time and size, that releases its connection when it is closed."""

from __future__ import annotations

import http.client
import io
import re
import threading

from .._data.clock import time
from .._net.tcp import step_within

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Any

# A response that is slower than this on average, after a first ``timeout_sec`` of waiting, is given up.
_MIN_BYTES_PER_SEC = 1024
# More than the transport accepts of any body, chunk sizes included. http.client alone has no limit for interim
# responses, trailers and chunk sizes.
MAX_WIRE_BYTES = 128 * 1024 * 1024
_READ_BUFFER_SIZE = 64 * 1024
# http.client's limits for header fields; its number includes the empty line after them.
_MAX_LINE_BYTES = 64 * 1024
_MAX_HEAD_LINES = 100
_MAX_TRAILERS = 100
_MAX_LENGTH_DIGITS = 100
# A line that holds a whole header field. Names of visible ASCII characters are accepted.
_FIELD = re.compile(r"^([!-9;-~]+):([^\r\n]*)\r?\n", re.MULTILINE)
_FOLD = re.compile(r"[ \t]*\r?\n[ \t]+")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r?\n")
# The value of ``length`` for UnusableLengthError.
_UNUSABLE = -1


class UnrequestedUpgradeError(http.client.HTTPException):
    """The server switched to another protocol (101), which was not asked for."""


class UnusableLengthError(http.client.HTTPException):
    """The head does not determine the end of the body: invalid or differing lengths, or an unknown transfer coding."""


class WireResponse(http.client.HTTPResponse):
    """A response on a pooled connection, which is released when the response is closed."""

    url: str

    def __init__(
        self,
        sock: socket.socket,
        *args: Any,
        timeout_sec: float,
        deadline: float | None,
        done: Callable[..., None],
        abort: Callable[[], None],
        **kwargs: Any,
    ) -> None:
        """Reads nothing yet.

        Args:
            sock: The connection's socket.
            args: For ``HTTPResponse``.
            timeout_sec: The longest wait for the next bytes.
            deadline: When to give up, as ``time.monotonic()`` counts; None for never.
            done: Called once, with ``reusable``: whether the connection can be used for another request.
            abort: Shuts the connection down.
            kwargs: For ``HTTPResponse``.
        """
        self.trailers: list[tuple[str, str]] = []
        self._done: Callable[..., None] | None = done
        self._abort_connection = abort
        # So that a connection is not shut down once it has been released.
        self._release_lock = threading.Lock()
        super().__init__(_ResponseSocket(sock, timeout_sec, deadline), *args, **kwargs)  # type: ignore[arg-type]
        self._file: Any = self.fp

    def begin(self) -> None:
        # Replaces http.client's own method because of _read_fields(): the email package, which http.client uses, takes
        # 24 of the 146 us of CPU time of a small GET. Besides, http.client returns interim responses other than 100
        # as final ones, and reads until the connection ends if the length is invalid.
        inherited: Any = self  # With methods that type checkers do not know.
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
            # The connection was closed within the head, which http.client does not notice.
            raise http.client.IncompleteRead(b"")
        self.chunked = False
        self.chunk_left = None
        if status in {204, 304} or inherited._method == "HEAD":
            self.length = 0
        else:
            self.chunked, self.length = _framing_of(headers)
        # Without a length, the body ends when the connection is closed.
        self.will_close = inherited._check_close() or (not self.chunked and self.length is None)

    def read(self, amt: int | None = None) -> bytes:
        try:
            if self.length == _UNUSABLE:
                # Not before: error responses and redirects are usable without their body.
                raise UnusableLengthError
            return super().read(amt)
        except BaseException:
            # After some errors http.client closes the response, as it does at the end of the body.
            self.will_close = True
            raise

    def read1(self, n: int = -1) -> bytes:
        try:
            if self.length == _UNUSABLE:
                raise UnusableLengthError
            return super().read1(n)
        except BaseException:
            self.will_close = True
            raise

    def _safe_read(self, amt: int) -> bytes:
        # Overrides a method of http.client, which takes any two bytes for the end of a chunk.
        inherited: Any = super()
        data: bytes = inherited._safe_read(amt)
        if self.chunked and self.chunk_left == 0 and data != b"\r\n":
            raise http.client.HTTPException("a chunk that is longer than its size")
        return data

    def _read_next_chunk_size(self) -> int:
        # Overrides a method of http.client, which accepts what int() accepts: signs, "0x" and underscores.
        line = self.fp.readline(_MAX_LINE_BYTES + 1)
        size = _CHUNK_SIZE.match(line)
        if size is not None:
            return int(size[1], 16)
        if line.endswith(b"\n"):
            raise http.client.HTTPException("a chunk with an invalid size")
        raise http.client.IncompleteRead(b"")

    def _read_and_discard_trailer(self) -> None:
        # Overrides a method of http.client, which discards trailers and does not notice if they are cut off.
        while (line := self.fp.readline(_MAX_LINE_BYTES + 1)) not in {b"\r\n", b"\n"}:
            if not line.endswith(b"\n") or len(self.trailers) >= _MAX_TRAILERS:
                raise http.client.IncompleteRead(b"")
            name, _, value = line.decode(errors="replace").partition(":")
            self.trailers.append((name.strip(), value.strip()))

    def abort(self) -> None:
        """Shuts the connection down, unless it was released: a read in another thread fails at once."""
        with self._release_lock:
            if self._done is not None:
                self._abort_connection()

    def close(self) -> None:
        # At the end of the body, http.client has closed the response.
        reusable = self.isclosed() and not self.will_close and self._file.unread == 0
        try:
            super().close()
        finally:
            with self._release_lock:
                done, self._done = self._done, None
            if done is not None:
                done(reusable=reusable)


class _Fields:
    """Header fields, with the methods that http.client, urllib and the transport use."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self._fields = fields
        # Of several fields with one name the first counts, as in http.client.
        self._values = {name.lower(): value for name, value in reversed(fields)}

    def items(self) -> list[tuple[str, str]]:
        """All fields, in order and as they were sent."""
        return self._fields

    def get(self, name: str, default: str | None = None) -> str | None:
        return self._values.get(name.lower(), default)

    def get_all(self, name: str, default: Any = None) -> Any:
        """The values of all fields with this name."""
        name = name.lower()
        return [value for other, value in self._fields if other.lower() == name] or default

    def agreed(self, name: str) -> str | None:
        """The value on which all fields with this name (in lower case) agree; different values joined with commas."""
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
    """The lines before an empty line or the end of the file."""
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
    found = _FIELD.findall(b"".join(lines).decode("iso-8859-1"))
    if len(found) != len(lines):
        return _unusual_fields(lines)
    return _Fields([(name, value.strip(" \t")) for name, value in found])


def _unusual_fields(lines: list[bytes]) -> _Fields:
    """The fields if some lines are folded, or have white space before the colon.

    http.client ends the head at a line that is no field, and so may lose where the body ends.
    """
    text = _FOLD.sub(" ", b"".join(lines).decode("iso-8859-1"))
    found = _FIELD.findall(re.sub(r"(?m)^([!-9;-~]+)[ \t]+:", r"\1:", text))
    if len(found) != text.count("\n"):
        raise http.client.HTTPException("a line of the head that is no header field")
    return _Fields([(name, value.strip(" \t")) for name, value in found])


def _framing_of(headers: _Fields) -> tuple[bool, int | None]:
    """Whether the body is chunked, and otherwise its length; None if it ends when the connection is closed."""
    coding = headers.agreed("transfer-encoding")
    if coding and coding.lower() != "identity":
        return (True, None) if coding.lower() == "chunked" else (False, _UNUSABLE)
    length = headers.agreed("content-length")
    if length is None:
        return False, None
    # In Latin-1 text, isdecimal() accepts only 0 to 9.
    is_usable = length.isdecimal() and len(length) <= _MAX_LENGTH_DIGITS
    return False, int(length) if is_usable else _UNUSABLE


class _ResponseSocket:
    """Stands for the socket that ``HTTPResponse`` expects: gives it a file that reads with time limits."""

    def __init__(self, sock: socket.socket, timeout_sec: float, deadline: float | None) -> None:
        self._sock = sock
        self._timeout_sec = timeout_sec
        self._deadline = deadline

    def makefile(self, mode: str) -> io.BufferedReader:
        return _ResponseFile(MinimumRateReader(self._sock, mode, self._timeout_sec, self._deadline), _READ_BUFFER_SIZE)


class _ResponseFile(io.BufferedReader):
    """The buffered file from which a response is read.

    Attributes:
        unread: After ``close()``, how many bytes were received after the response. With any, the connection cannot be
            used again: the next response would seem to begin with them.
    """

    unread = 0

    def close(self) -> None:
        raw: Any = self.raw
        raw.has_ended = True
        self.unread = len(self.read1())
        super().close()


class MinimumRateReader(io.RawIOBase):
    """Reads from a socket; raises TimeoutError if no byte arrives within ``timeout_sec``, or if they arrive too slowly.

    A response has a first ``timeout_sec`` of waiting for free, and then has to arrive at 1 KiB/s on average. Only the
    time spent inside ``recv`` counts, so that a caller that plays the audio may read slowly.

    Attributes:
        has_ended: Whether the server has closed its side. If true, nothing is read from the socket.
    """

    def __init__(self, sock: socket.socket, mode: str, timeout_sec: float, deadline: float | None) -> None:
        super().__init__()
        self._sock = sock
        # Not read from: an open file keeps the socket open after its close().
        self._raw: Any = sock.makefile(mode, 0)  # type: ignore[call-overload]
        self._timeout_sec = timeout_sec
        self._grace_sec = timeout_sec
        self._deadline = deadline
        self._count = 0
        self.has_ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.has_ended:
            return 0
        started = time.monotonic()
        wait_sec = min(self._grace_sec, self._timeout_sec)
        if self._deadline is not None:
            wait_sec = min(wait_sec, self._deadline - started)
        if wait_sec <= 0:
            raise TimeoutError("out of time")
        count = step_within(self._sock, wait_sec, self._sock.recv_into, buffer)
        self._grace_sec += count / _MIN_BYTES_PER_SEC - (time.monotonic() - started)
        self._count += count
        self.has_ended = count == 0
        if self._count > MAX_WIRE_BYTES:
            raise http.client.HTTPException("the response has no end")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
