"""Parsing the heads of HTTP responses to CONNECT and to the WebSocket upgrade. REST reads its own."""

from __future__ import annotations

import re

from .tcp import remaining_sec, step_within

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

_READ_SIZE = 16 * 1024
# More than any head needs, interim responses included.
_MAX_BYTES = 64 * 1024
_STATUS_LINE = re.compile(rb"HTTP/(1\.[01]) ([1-9]\d\d)(?: ([^\r\n]*))?\r?\n")
# White space before the colon, and values that go on in the next line, are errors that recipients read over.
_FIELD = re.compile(
    rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:[ \t]*([^\r\n\0]*?(?:\r?\n[ \t]+[^\r\n\0]*?)*)[ \t]*\r?\n(?![ \t])"
)
_FOLD = re.compile(rb"\r?\n[ \t]+")
_SWITCHING_PROTOCOLS = 101


class ResponseHeadError(ConnectionError):
    """A response that is not HTTP, too long or cut off. The text quotes nothing of it."""


class ResponseHead:
    """The head of a final response.

    Attributes:
        version: ``1.0`` or ``1.1``.
        status: From 101 to 999.
        reason: The reason phrase; may be empty, and hold any characters.
        fields: The header fields in order, with names in lower case.
        rest: The bytes that were received after the head.
    """

    def __init__(self, status_line: re.Match[bytes], head: bytes, rest: bytes) -> None:
        self.version = status_line[1].decode()
        self.status = int(status_line[2])
        self.reason = (status_line[3] or b"").decode("utf-8", "replace").strip()
        self.fields = [
            (found[1].decode().lower(), _FOLD.sub(b" ", found[2]).decode("latin-1"))
            for found in _FIELD.finditer(head, status_line.end())
        ]
        self.rest = rest

    def all(self, name: str) -> str:
        """The values of all fields with this name (in lower case), joined with commas; empty without any."""
        return ", ".join(value for field, value in self.fields if field == name)


def read_response_head(sock: socket.socket, deadline: float, peer: str) -> ResponseHead:
    """Reads the head of the response to a request that was sent. Interim responses (1xx except 101) are skipped.

    Args:
        sock: The connection.
        deadline: When to give up, as ``time.monotonic()`` counts.
        peer: What to call the other side in messages.

    Raises:
        ResponseHeadError: The connection was closed before the end of the head, or the response is not HTTP.
        TimeoutError: The deadline passed.
    """
    data = b""
    size = 0
    while True:
        block = step_within(sock, remaining_sec(deadline), sock.recv, _READ_SIZE)
        if not block:
            raise ResponseHeadError(f"{peer} closed the connection before the end of its response")
        size += len(block)
        if size > _MAX_BYTES:
            raise ResponseHeadError(f"{peer}'s response does not end")
        data += block
        while (head := _parse(data, peer)) is not None:
            if head.status >= 200 or head.status == _SWITCHING_PROTOCOLS:
                return head
            data = head.rest


def _parse(data: bytes, peer: str) -> ResponseHead | None:
    """The head at the beginning of some bytes; None if it is not complete."""
    status_line = _STATUS_LINE.match(data)
    if status_line is None:
        if b"\n" in data or not b"HTTP/1.".startswith(data[:7]):
            raise ResponseHeadError(f"{peer}'s response is not HTTP")
        return None
    place = status_line.end()
    while (field := _FIELD.match(data, place)) is not None:
        place = field.end()
    end = re.compile(rb"\r?\n").match(data, place)
    if end is not None:
        return ResponseHead(status_line, data[: end.end()], data[end.end() :])
    if b"\n" in data[place:]:
        raise ResponseHeadError(f"{peer}'s response is not HTTP")
    return None
