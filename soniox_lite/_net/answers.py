"""Heads of HTTP answers that are not replies to requests of REST: to CONNECT, and to the WebSocket upgrade."""

from __future__ import annotations

import re

from .tcp import remaining_sec

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

_READ_SIZE = 16 * 1024
# More than any head needs, interim answers included.
_MAX_BYTES = 64 * 1024
_STATUS_LINE = re.compile(rb"HTTP/(1\.[01]) ([1-9]\d\d)(?: ([^\r\n]*))?\r?\n")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*\r?\n")
_SWITCHING_PROTOCOLS = 101


class AnswerError(ConnectionError):
    """An answer that cannot be used. Its text holds nothing of it."""


class Answer:
    """A final answer.

    Attributes:
        version: ``1.0`` or ``1.1``.
        status: From 101 to 999.
        reason: The words behind it; may be empty, and hold anything.
        fields: The header fields, in order, with names in lower case.
        rest: What came behind it.
    """

    def __init__(self, status_line: re.Match[bytes], head: bytes, rest: bytes) -> None:
        self.version = status_line[1].decode()
        self.status = int(status_line[2])
        self.reason = (status_line[3] or b"").decode("utf-8", "replace").strip()
        self.fields = [
            (found[1].decode().lower(), found[2].decode("latin-1"))
            for found in _FIELD.finditer(head, status_line.end())
        ]
        self.rest = rest

    def all(self, name: str) -> str:
        """The values of all fields of a name (in lower case), joined with commas; empty where there is none."""
        return ", ".join(value for field, value in self.fields if field == name)


def read_answer(sock: socket.socket, deadline: float, peer: str) -> Answer:
    """The answer to a request that was sent. Interim answers (1xx, but for 101) are skipped.

    Args:
        sock: Where it comes from.
        deadline: When to give up, as ``time.monotonic()`` counts.
        peer: Who answers, for messages.

    Raises:
        AnswerError: The peer hangs up, or this is not HTTP.
        TimeoutError: It does not come in time.
    """
    data = b""
    size = 0
    while True:
        sock.settimeout(remaining_sec(deadline))
        block = sock.recv(_READ_SIZE)
        if not block:
            raise AnswerError(f"{peer} closed the connection before the end of its answer")
        size += len(block)
        if size > _MAX_BYTES:
            raise AnswerError(f"{peer}'s answer does not end")
        data += block
        while (answer := _parsed(data, peer)) is not None:
            if answer.status >= 200 or answer.status == _SWITCHING_PROTOCOLS:
                return answer
            data = answer.rest


def _parsed(data: bytes, peer: str) -> Answer | None:
    """The answer at the beginning of some bytes; None if it is not all there."""
    status_line = _STATUS_LINE.match(data)
    if status_line is None:
        if b"\n" in data or not b"HTTP/1.".startswith(data[:7]):
            raise AnswerError(f"{peer}'s answer is not HTTP")
        return None
    place = status_line.end()
    while (field := _FIELD.match(data, place)) is not None:
        place = field.end()
    end = re.compile(rb"\r?\n").match(data, place)
    if end is not None:
        return Answer(status_line, data[: end.end()], data[end.end() :])
    if b"\n" in data[place:]:
        raise AnswerError(f"{peer}'s answer is not HTTP")
    return None
