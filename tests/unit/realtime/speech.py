"""What clients of text to speech ask for, and what servers say."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from tests.support import ws_server

if TYPE_CHECKING:
    from collections.abc import Callable

CONFIG = {
    "stream_id": "a",
    "model": "tts-rt-v2",
    "language": "en",
    "voice": "Adrian",
    "audio_format": "pcm_s16le",
    "sample_rate": 24000,
}


def config(stream_id: str = "a", **fields: Any) -> dict[str, Any]:
    """The config message of a stream."""
    return {**CONFIG, "stream_id": stream_id, **fields}


def audio(stream_id: str, data: bytes, **fields: Any) -> dict[str, Any]:
    """A message with audio."""
    return {"stream_id": stream_id, "audio": base64.b64encode(data).decode(), **fields}


def terminated(stream_id: str) -> dict[str, Any]:
    """The last message of a stream."""
    return {"stream_id": stream_id, "terminated": True}


def refusal(code: int, error_type: str, stream_id: str | None = None) -> dict[str, Any]:
    """An error, of a stream or of the connection."""
    named = {} if stream_id is None else {"stream_id": stream_id}
    return {**named, "error_code": code, "error_type": error_type, "error_message": "No.", "request_id": "3f1c"}


def opened(number: int) -> Callable[[ws_server.Peer], None]:
    """A step: accepts the upgrade and reads the start messages of so many streams."""

    def step(peer: ws_server.Peer) -> None:
        peer.accept()
        for _ in range(number):
            peer.receive_until("text")

    return step


def say(*messages: Any) -> Callable[[ws_server.Peer], None]:
    """A step: sends messages."""

    def step(peer: ws_server.Peer) -> None:
        for value in messages:
            ws_server.message(value)(peer)

    return step
