"""WebSocket frames (RFC 6455, section 5): a parser for received bytes and an encoder with masking. No I/O.

The client library reads a frame in three calls, and checks UTF-8 byte by byte in Python. Here one read may hold many
frames, and text stays bytes: ``json.loads`` and ``bytes.decode`` check it in C.

A client must mask its frames: each byte is XORed with one of the four bytes of a key. Python has no XOR of bytes; every
fourth byte is looked up in a table of 256 instead, in C.
"""

from __future__ import annotations

import os
import struct
from functools import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Payload = bytes | bytearray | memoryview

TEXT = 0x1
BINARY = 0x2
CLOSE = 0x8
PING = 0x9
PONG = 0xA
_CONTINUATION = 0x0
# The first byte of a text message in one frame.
_WHOLE_TEXT = 0x81
_MAX_CONTROL_PAYLOAD = 125
# Of one message. They add nothing to its size, which would let a message go on without end.
_MAX_EMPTY_FRAGMENTS = 100_000

_FINAL = 0x80
_MASKED = 0x80

# RFC 6455, section 7.4.1.
NORMAL_CLOSURE = 1000
GOING_AWAY = 1001
PROTOCOL_ERROR = 1002
NO_STATUS = 1005
ABNORMAL_CLOSURE = 1006
INVALID_PAYLOAD = 1007
MESSAGE_TOO_BIG = 1009


class Message:
    """A message to be sent.

    Attributes:
        opcode: TEXT or BINARY.
        payload: The content; text in UTF-8.
    """

    __slots__ = ("opcode", "payload")

    def __init__(self, opcode: int, payload: Payload) -> None:
        self.opcode: int = opcode
        self.payload: Payload = payload


class FrameError(Exception):
    """The peer breaks the protocol.

    Attributes:
        code: The close code to answer with.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class FrameParser:
    """Parses bytes into messages. Used by one thread at a time.

    Args:
        max_message_bytes: A message above this size is an error.
    """

    def __init__(self, max_message_bytes: int) -> None:
        self._max = max_message_bytes
        # Bytes of an incomplete frame, and how many are needed to go on.
        self._rest = bytearray()
        self._needed = 2
        # Of a fragmented message: its opcode, its payload so far, and how many fragments were empty.
        self._opcode = 0
        self._fragments = bytearray()
        self._empty = 0

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The messages and control frames that are complete with these bytes, as opcode and payload.

        Those before an error are handed out before it is raised.

        Raises:
            FrameError: The peer breaks the protocol, or a message is too big.
        """
        if self._rest or len(data) < self._needed:
            # In one place, so that small reads cost no more than their bytes; and copied out of it only when that
            # completes something, so that a large message is not copied with each read.
            self._rest += data
            if len(self._rest) < self._needed:
                return
            data, self._rest = bytes(self._rest), bytearray()
        buffer, size, position, needed = data, len(data), 0, 2
        while size - position >= needed:
            first, length = buffer[position], buffer[position + 1]
            start = position + 2
            if length >= 126:
                if length & 0x80:
                    raise FrameError(PROTOCOL_ERROR, "the server masked a frame")
                start += 2 if length == 126 else 8
                needed = start - position
                if start > size:
                    break
                length = int.from_bytes(buffer[position + 2 : start], "big")
            if first == _WHOLE_TEXT and not self._opcode and length <= self._max:
                opcode = TEXT  # Nearly every frame. Without the call below, parsing it takes a quarter less time.
            else:
                # A frame that cannot be valid is refused before its payload is waited for.
                opcode = self._checked_opcode(first, length)
            end = start + length
            needed = end - position
            if end > size:
                break
            payload = buffer[start:end]
            position, needed = end, 2
            if opcode >= CLOSE or (first & 0x80 and not self._opcode):
                yield opcode, payload
                continue
            self._opcode = self._opcode or opcode
            self._fragments += payload
            self._empty += not payload
            if first & 0x80:
                yield self._opcode, bytes(self._fragments)
                self._opcode = self._empty = 0
                self._fragments = bytearray()
        if position < size:
            self._rest += buffer[position:]
        self._needed = needed

    def _checked_opcode(self, first: int, length: int) -> int:
        opcode = first & 0x0F
        if first & 0x70:
            raise FrameError(PROTOCOL_ERROR, "the server used an extension that was not agreed on")
        if opcode in (CLOSE, PING, PONG):
            if not first & 0x80 or length > _MAX_CONTROL_PAYLOAD:
                raise FrameError(PROTOCOL_ERROR, "the server sent a control frame that is too long or in fragments")
            return opcode
        if opcode in (TEXT, BINARY):
            if self._opcode:
                raise FrameError(PROTOCOL_ERROR, "the server began a message within another")
        elif opcode != _CONTINUATION or not self._opcode:
            raise FrameError(PROTOCOL_ERROR, f"the server sent a frame of kind {opcode} out of place")
        if length + len(self._fragments) > self._max:
            raise FrameError(MESSAGE_TOO_BIG, f"the server sent a message of more than {self._max} bytes")
        if self._empty > _MAX_EMPTY_FRAGMENTS:
            raise FrameError(MESSAGE_TOO_BIG, f"the server sent more than {_MAX_EMPTY_FRAGMENTS} empty fragments")
        return opcode


def parse_close(payload: bytes) -> tuple[int, str]:
    """Code and reason of a close frame.

    Raises:
        FrameError: It is malformed.
    """
    if not payload:
        return NO_STATUS, ""
    code = int.from_bytes(payload[:2], "big")
    # Codes that must not travel, and those of no registry.
    if len(payload) == 1 or not (1000 <= code <= 1014 or 3000 <= code <= 4999) or code in (1004, 1005, 1006):
        raise FrameError(PROTOCOL_ERROR, "the server sent a malformed close frame")
    try:
        return code, payload[2:].decode()
    except UnicodeDecodeError:
        raise FrameError(INVALID_PAYLOAD, "the server sent a close reason that is not UTF-8") from None


def encode_frame(opcode: int, payload: Payload) -> bytearray:
    """A masked frame with the whole message in it."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", _FINAL | opcode, _MASKED | size)
    elif size < 0x10000:
        head = struct.pack("!BBH", _FINAL | opcode, _MASKED | 126, size)
    else:
        head = struct.pack("!BBQ", _FINAL | opcode, _MASKED | 127, size)
    # A new unpredictable key for each frame (section 10.3). From the system, so that forked processes differ.
    key = os.urandom(4)
    frame = bytearray(head + key + payload)
    # In place, 3,840 bytes take 4 us; XORing two large integers, as websocket-client does, takes 9.
    for position, byte in enumerate(key, len(head) + 4):
        frame[position::4] = frame[position::4].translate(_xor_table(byte))
    return frame


@cache
def _xor_table(byte: int) -> bytes:
    """Each of the 256 bytes, XORed with ``byte``."""
    return bytes(byte ^ other for other in range(256))
