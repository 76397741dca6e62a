"""One way to drive sync and async text-to-speech, as driver.py has for sessions that listen; and what servers say."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from soniox_lite.realtime import (
    AsyncRealtimeTTSConnection,
    AsyncRealtimeTTSMultiplexedConnection,
    RealtimeTTSConnection,
    RealtimeTTSMultiplexedConnection,
)
from tests.support import ws_server

from .driver import KEY, AsyncDriver, Driver

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
    """How a stream shall speak."""
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


class TtsDriver(Driver):
    """Drives sync text-to-speech."""

    single: Any = RealtimeTTSConnection
    multiplexed: Any = RealtimeTTSMultiplexedConnection

    def session(self, url: str, **options: Any) -> Any:
        """A connection for a single stream that is not entered."""
        options.setdefault("api_key", KEY)
        return self.single(url, options.pop("config", CONFIG), **options)

    def multi(self, url: str, **options: Any) -> Any:
        """A connection for several streams that is entered."""
        connection = self.multiplexed(url, options.pop("api_key", KEY), **options)
        return self.call(connection.enter)

    def streams(self, connection: Any, *stream_ids: str) -> list[Any]:
        """Streams that have been opened."""
        return [self.call(connection.open_stream, config=config(stream_id)) for stream_id in stream_ids]

    def audio_of(self, stream: Any) -> list[bytes]:
        """The audio to the end."""
        return self.call(lambda: list(stream.receive_audio_chunks()))

    def texts(self, *texts: str) -> Any:
        """An iterator of the kind that the surface takes."""
        return iter(texts)


class AsyncTtsDriver(AsyncDriver, TtsDriver):
    """Drives async text-to-speech."""

    single = AsyncRealtimeTTSConnection
    multiplexed = AsyncRealtimeTTSMultiplexedConnection

    def session(self, url: str, **options: Any) -> Any:
        return TtsDriver.session(self, url, **options)

    def audio_of(self, stream: Any) -> list[bytes]:
        async def collect() -> list[bytes]:
            return [chunk async for chunk in stream.receive_audio_chunks()]

        return self.call(collect)

    def texts(self, *texts: str) -> Any:
        async def give() -> Any:
            for text in texts:
                yield text

        return give()


TTS_DRIVERS = {"sync": TtsDriver, "async": AsyncTtsDriver}
