"""Fields that this version does not know, and ids that are UUIDs, on their way to the service."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from soniox_lite import SonioxClient
from soniox_lite.types import CreateTranscriptionConfig, CreateTtsConfig, RealtimeSTTConfig, RealtimeTTSConfig
from tests.support.raw_server import Connection, RawServer, reply
from tests.support.surfaces import SURFACES, Surface
from tests.support.ws_server import WsServer, started

EXTRA = {"brand_new": {"deep": [1, None]}}
JOB = b'{"id": "a", "status": "queued", "created_at": "2026-01-02T03:04:05Z", "model": "m", "filename": "f"}'
SPEECH = {"model": "m", "language": "en", "voice": "v", "audio_format": "wav"}


def _answer(connection: Connection) -> None:
    connection.read_body()
    speaks = "tts" in connection.request.target
    reply(b"RIFF" if speaks else JOB, content_type="audio/wav" if speaks else "application/json")(connection)


@pytest.mark.parametrize("kind", SURFACES)
@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("stt.create", {"audio_url": "https://a/b", "config": CreateTranscriptionConfig(extra=EXTRA)}),
        ("stt.create", {"audio_url": "https://a/b", "config": {"extra": EXTRA}}),
        ("stt.translate", {"audio_url": "https://a/b", "to": "en", "config": CreateTranscriptionConfig(extra=EXTRA)}),
        ("tts.generate", {"text": "Hi", "voice": "v", "config": CreateTtsConfig(**SPEECH, extra=EXTRA)}),
        ("tts.generate", {"text": "Hi", "voice": "v", "config": {**SPEECH, "extra": EXTRA}}),
    ],
)
@pytest.mark.filterwarnings("ignore:.*the official SDK is going to:DeprecationWarning")
def test_extra_fields_of_a_config_are_sent_over_rest(kind: str, method: str, arguments: dict[str, Any]) -> None:
    with RawServer(_answer) as server:
        options = {"api_key": "k", "api_base_url": server.url, "tts_api_base_url": server.url}
        with Surface(kind, **options) as surface:
            surface.call(method, **arguments)

    sent = json.loads(server.requests[0].body)
    assert sent["brand_new"] == EXTRA["brand_new"]
    assert "extra" not in sent


@pytest.mark.parametrize(
    ("space", "config"),
    [
        ("stt", RealtimeSTTConfig(model="m", extra=EXTRA)),
        ("stt", {"model": "m", "extra": EXTRA}),
        ("tts", RealtimeTTSConfig(stream_id="s", **SPEECH, extra=EXTRA)),
    ],
)
def test_extra_fields_of_a_config_are_sent_in_realtime(space: str, config: Any) -> None:
    with WsServer(started) as server:
        options = {"websocket_base_url" if space == "stt" else "tts_websocket_base_url": server.url}
        with SonioxClient("k", **options) as client:
            session = getattr(client.realtime, space).connect(config=config).enter()
            server.wait_until(lambda server: server.peers and server.peer.texts())
            # The server answers nothing, so a close would wait for the last words.
            (session.cancel if space == "stt" else session.close)()

    sent = json.loads(server.peer.texts()[0])
    assert sent["brand_new"] == EXTRA["brand_new"]
    assert "extra" not in sent


@pytest.mark.parametrize("kind", SURFACES)
@pytest.mark.parametrize("method", ["files.delete", "stt.delete", "voices.delete"])
def test_an_id_may_be_a_uuid(kind: str, method: str) -> None:
    with (
        RawServer(reply(b"", "204 No Content")) as server,
        Surface(kind, api_key="k", api_base_url=server.url) as surface,
    ):
        surface.call(method, UUID(int=5))

    assert server.targets[0].endswith("/00000000-0000-0000-0000-000000000005")
