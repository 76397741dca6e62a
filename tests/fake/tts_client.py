"""Clients for the text-to-speech tests: http.client and websocket-client, nothing of this project."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
import struct
from typing import Any
from urllib.parse import urlsplit

import websocket

START = {"model": "tts-rt-v2", "language": "en", "voice": "Adrian", "audio_format": "pcm_s16le", "sample_rate": 8000}
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def post(
    fake: Any,
    api_key: str | None = "key-a",
    *,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
    connection: http.client.HTTPConnection | None = None,
    **fields: Any,
) -> tuple[int, Any, Any]:
    """One REST request: status, headers, and the audio or the decoded error."""
    address = urlsplit(fake.url)
    own = connection or http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    sent = {"Content-Type": "application/json", **({} if api_key is None else {"Authorization": f"Bearer {api_key}"})}
    try:
        content = json.dumps({**START, "text": "Hello.", **fields}).encode() if body is None else body
        own.request("POST", f"{address.path}/tts", content, {**sent, **(headers or {})})
        with own.getresponse() as response:
            data = response.read()
    finally:
        if connection is None:
            own.close()
    return response.status, response.headers, data if response.status == 200 else json.loads(data)


def temporary_key(fake: Any, **fields: Any) -> str:
    """A temporary key of the project ``key-a``, for text-to-speech unless the fields say otherwise."""
    address = urlsplit(fake.url)
    with contextlib.closing(http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)) as connection:
        payload = json.dumps({"usage_type": "tts_rt", "expires_in_seconds": 60, **fields})
        headers = {"Authorization": "Bearer key-a", "Content-Type": "application/json"}
        connection.request("POST", f"{address.path}/v1/auth/temporary-api-key", payload, headers)
        key: str = json.loads(connection.getresponse().read())["api_key"]
        return key


class TtsClient:
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
            fake.tts_websocket_url,
            timeout=60,
            header=header,
            subprotocols=subprotocols,
            skip_utf8_validation=True,  # which looks at each byte in Python; json.loads looks as well
        )

    def send(self, **message: Any) -> TtsClient:
        """Sends a message."""
        self.ws.send(json.dumps(message))
        return self

    def start(self, stream_id: str = "s", **changes: Any) -> TtsClient:
        """Sends a start message."""
        return self.send(stream_id=stream_id, **{**START, **changes})

    def say(self, text: str, stream_id: str = "s", *, end: bool = True) -> TtsClient:
        """Sends text."""
        return self.send(stream_id=stream_id, text=text, text_end=end)

    def message(self) -> dict[str, Any]:
        """The next message."""
        opcode, data = self.ws.recv_data()
        assert opcode == websocket.ABNF.OPCODE_TEXT, (opcode, data)
        decoded: dict[str, Any] = json.loads(data)
        check_message(decoded)
        return decoded

    def stream(self, stream_id: str = "s") -> list[dict[str, Any]]:
        """All messages to the end of this stream; there must be no others."""
        messages = []
        while True:
            messages.append(self.message())
            assert messages[-1]["stream_id"] == stream_id
            if messages[-1].get("terminated"):
                return messages

    def refused(self, stream_id: str = "s") -> tuple[int, str]:
        """Code and type of the error message of this stream, with which it has to end now."""
        error, _ = self.stream(stream_id)
        return error["error_code"], error["error_type"]

    def complained(self, stream_id: str = "s") -> tuple[int, str]:
        """Code and type of the error message about a stream, which ends nothing."""
        error = self.message()
        assert error["stream_id"] == stream_id
        self.ws.ping("next")
        opcode, data = self.ws.recv_data(control_frame=True)
        assert opcode == websocket.ABNF.OPCODE_PONG, data
        return error["error_code"], error["error_type"]

    def closed(self) -> int:
        """The code of the close frame that has to be next."""
        opcode, data = self.ws.recv_data()
        assert opcode == websocket.ABNF.OPCODE_CLOSE, (opcode, data)
        code: int = struct.unpack("!H", data[:2])[0]
        return code

    def ended(self) -> tuple[int, str]:
        """Code and type of the error message with which the connection has to end now."""
        error = self.message()
        assert "stream_id" not in error
        assert self.closed() == 1000
        return error["error_code"], error["error_type"]

    def synchronize(self) -> None:
        """Returns when the fake has dealt with all that was sent: it answers pings in their turn."""
        self.ws.ping("here")
        while True:
            opcode, data = self.ws.recv_data(control_frame=True)
            if opcode == websocket.ABNF.OPCODE_PONG:
                assert data == b"here"
                return

    def close(self) -> None:
        """Closes the connection as it should be."""
        self.ws.close(timeout=60)
        self.ws.shutdown()


def audio(messages: list[dict[str, Any]]) -> bytes:
    """All the audio of some messages."""
    return b"".join(base64.b64decode(message["audio"], validate=True) for message in messages if "audio" in message)


def check_message(message: dict[str, Any]) -> None:
    """Fails unless this is a message of a documented shape."""
    keys = message.keys()
    if "error_code" in keys:
        assert keys - {"stream_id"} == {"error_code", "error_type", "error_message", "more_info", "request_id"}
        assert type(message["error_code"]) is int
        fragment = message["error_type"].replace("_", "-")
        assert message["more_info"] == f"https://soniox.com/docs/api-reference/errors#{fragment}"
        assert _UUID.fullmatch(message["request_id"])
    elif "terminated" in keys:
        assert message == {"stream_id": message["stream_id"], "terminated": True}
    else:
        assert {"stream_id", "audio_end"} <= keys <= {"stream_id", "audio", "audio_end", "timestamps"}
        assert isinstance(message["audio_end"], bool)
