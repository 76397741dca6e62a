"""A WebSocket client for the speech-to-text tests, over websocket-client, and the audio it sends."""

from __future__ import annotations

import json
import struct
from typing import Any

import websocket

AUDIO_FORMAT = {"audio_format": "pcm_u8", "sample_rate": 8000, "num_channels": 1}
START = {"model": "stt-rt-v5", **AUDIO_FORMAT}


def audio(milliseconds: int) -> bytes:
    """So much audio of AUDIO_FORMAT."""
    return b"\x80" * (8 * milliseconds)


class SttClient:
    """One WebSocket to a fake. Nothing waits longer than 20 seconds."""

    def __init__(
        self,
        fake: Any,
        api_key: str | None = "key-a",
        *,
        header: list[str] | None = None,
        subprotocols: list[str] | None = None,
    ) -> None:
        header = [*(header or []), *([] if api_key is None else [f"Authorization: Bearer {api_key}"])]
        self.ws = websocket.create_connection(
            fake.stt_websocket_url, timeout=60, header=header, subprotocols=subprotocols
        )

    def start(self, **changes: Any) -> SttClient:
        """Sends a start message."""
        self.ws.send(json.dumps({**START, **changes}))
        return self

    def audio(self, milliseconds: int) -> SttClient:
        """Sends audio in one message."""
        self.ws.send_binary(audio(milliseconds))
        return self

    def text(self, text: str | dict[str, Any]) -> SttClient:
        """Sends a text message, or a JSON object as one."""
        self.ws.send(text if isinstance(text, str) else json.dumps(text))
        return self

    def message(self) -> dict[str, Any]:
        """The next message."""
        opcode, data = self.ws.recv_data()
        assert opcode == websocket.ABNF.OPCODE_TEXT, (opcode, data)
        return json.loads(data)

    def rest(self) -> tuple[list[dict[str, Any]], int]:
        """All messages to the end, and the close code."""
        messages = []
        while True:
            opcode, data = self.ws.recv_data()
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return messages, struct.unpack("!H", data[:2])[0]
            messages.append(json.loads(data))

    def error(self) -> tuple[int, str]:
        """Code and type of the error message that has to be the next and last."""
        messages, code = self.rest()
        assert code == 1000
        (message,) = messages
        check_error(message)
        return message["error_code"], message["error_type"]

    def close(self) -> None:
        """Closes the connection as it should be."""
        self.ws.close(timeout=60)
        self.leave()

    def leave(self) -> None:
        """Closes the socket. The library does not do that itself once it has answered a close frame."""
        self.ws.shutdown()

    def synchronize(self) -> None:
        """Returns when the fake has dealt with all that was sent: it answers pings in their turn."""
        self.ws.ping("here")
        while True:
            opcode, data = self.ws.recv_data(control_frame=True)
            if opcode == websocket.ABNF.OPCODE_PONG:
                assert data == b"here"
                return


def check_error(message: dict[str, Any]) -> None:
    """Fails unless this is an error message of the documented shape."""
    assert message.keys() == {"tokens", "error_code", "error_type", "error_message", "more_info", "request_id"}
    assert message["tokens"] == []
    assert type(message["error_code"]) is int
    fragment = message["error_type"].replace("_", "-")
    assert message["more_info"] == f"https://soniox.com/docs/api-reference/errors#{fragment}"


def finals(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The final tokens of all messages."""
    return [token for message in messages for token in message["tokens"] if token["is_final"]]


def text_of(messages: list[dict[str, Any]]) -> str:
    """What the final tokens say."""
    return "".join(token["text"] for token in finals(messages))
