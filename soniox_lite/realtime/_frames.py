"""Incoming WebSocket frames (RFC 6455, section 5), cut from whatever bytes arrive. No I/O.

The client library reads a frame in three calls, and checks UTF-8 byte by byte in Python. Here one read may hold many
frames, and text stays bytes: ``json.loads`` and ``bytes.decode`` check it in C.
"""

from __future__ import annotations

TEXT = 0x1
BINARY = 0x2
CLOSE = 0x8
PING = 0x9
PONG = 0xA
_CONTINUATION = 0x0
_MAX_CONTROL_PAYLOAD = 125

# RFC 6455, section 7.4.1.
NORMAL_CLOSURE = 1000
GOING_AWAY = 1001
PROTOCOL_ERROR = 1002
NO_STATUS = 1005
ABNORMAL_CLOSURE = 1006
INVALID_PAYLOAD = 1007
MESSAGE_TOO_BIG = 1009


class FrameError(Exception):
    """The peer breaks the protocol.

    Attributes:
        code: The close code to answer with.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class FrameReader:
    """Cuts bytes into messages. Belongs to whoever reads the connection.

    Args:
        max_message_bytes: A message above this size is an error.
    """

    def __init__(self, max_message_bytes: int) -> None:
        self._max = max_message_bytes
        self._rest = b""
        # Of a message that comes in fragments: its kind, and what there is of it.
        self._opcode = 0
        self._fragments: list[bytes] = []
        self._fragments_size = 0

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The messages and control frames that are complete with these bytes, as opcode and payload.

        Raises:
            FrameError: The peer breaks the protocol, or a message is too big.
        """
        buffer = self._rest + data if self._rest else data
        found: list[tuple[int, bytes]] = []
        position = 0
        size = len(buffer)
        while size - position >= 2:
            first, length = buffer[position], buffer[position + 1]
            start = position + 2
            if length == 126:
                start += 2
                length = int.from_bytes(buffer[position + 2 : start], "big")
            elif length == 127:
                start += 8
                length = int.from_bytes(buffer[position + 2 : start], "big")
            elif length & 0x80:
                raise FrameError(PROTOCOL_ERROR, "the server masked a frame")
            if start > size:
                break
            if length + self._fragments_size > self._max:
                raise FrameError(MESSAGE_TOO_BIG, f"the server sent a message of more than {self._max} bytes")
            end = start + length
            # A frame that cannot be valid is refused before its payload is waited for.
            opcode = self._checked_opcode(first, length)
            if end > size:
                break
            payload = buffer[start:end]
            position = end
            if opcode >= CLOSE or (first & 0x80 and not self._opcode):
                found.append((opcode, payload))
            else:
                self._opcode = self._opcode or opcode
                self._fragments.append(payload)
                self._fragments_size += length
                if first & 0x80:
                    found.append((self._opcode, b"".join(self._fragments)))
                    self._opcode = self._fragments_size = 0
                    self._fragments = []
        self._rest = buffer[position:]
        return found

    def _checked_opcode(self, first: int, length: int) -> int:
        opcode = first & 0x0F
        if first & 0x70:
            raise FrameError(PROTOCOL_ERROR, "the server used an extension that was not agreed on")
        if opcode in (CLOSE, PING, PONG):
            if not first & 0x80 or length > _MAX_CONTROL_PAYLOAD:
                raise FrameError(PROTOCOL_ERROR, "the server sent a control frame that is too long or in fragments")
        elif opcode in (TEXT, BINARY):
            if self._opcode:
                raise FrameError(PROTOCOL_ERROR, "the server began a message within another")
        elif opcode != _CONTINUATION or not self._opcode:
            raise FrameError(PROTOCOL_ERROR, f"the server sent a frame of kind {opcode} out of place")
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
