"""Realtime sessions of four clients against the fake: ours and the official SDK's see the same."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest
import soniox
import soniox.types.realtime

import soniox_lite
from soniox_testing import FakeSoniox

from .conftest import Service
from .targets import NAMES

SPOKEN = (Path(__file__).parents[2] / "examples" / "spoken.wav").read_bytes()
WORDS = "the quick brown fox jumps over the lazy dog"
RAW = {"audio_format": "pcm_s16le", "sample_rate": 16000, "num_channels": 1}
AUDIO = {
    "wav": (SPOKEN, {"audio_format": "wav"}),
    "auto": (SPOKEN, {"audio_format": "auto"}),
    "raw": (SPOKEN[44:], RAW),
}
CHUNK_SIZE = 3840
# The official SDK calls websockets in a way that its newest version warns about.
pytestmark = pytest.mark.filterwarnings(r"ignore:connect\(\) must be used as:DeprecationWarning")


def transcribe(
    name: str, service: FakeSoniox | Service, audio: bytes, api_key: str | None = None, **fields: Any
) -> list[dict[str, Any]]:
    """All events of a session that sends the audio, as JSON values without what is unset."""
    is_ours = not name.startswith("official")
    module: Any = soniox_lite if is_ours else soniox
    options = {"api_key": service.api_key, "websocket_base_url": service.stt_websocket_url}
    config = module.types.realtime.RealtimeSTTConfig(**{"model": "stt-rt-v5", **fields})
    chunks = [audio[start : start + CHUNK_SIZE] for start in range(0, len(audio), CHUNK_SIZE)]

    def run() -> list[Any]:
        client = module.SonioxClient(**options)
        try:
            with client.realtime.stt.connect(config=config, api_key=api_key) as session:
                # A refusal may be there before the end of the audio is sent, and is an event in any case.
                with contextlib.suppress(module.errors.SonioxRealtimeError):
                    session.send_bytes(iter(chunks))
                return list(session.receive_events())
        finally:
            client.close()

    async def run_async() -> list[Any]:
        async def give() -> Any:
            for chunk in chunks:
                yield chunk

        client = module.AsyncSonioxClient(**options)
        try:
            async with client.realtime.stt.connect(config=config, api_key=api_key) as session:
                with contextlib.suppress(module.errors.SonioxRealtimeError):
                    await session.send_bytes(give())
                return [event async for event in session.receive_events()]
        finally:
            await client.aclose()

    events = asyncio.run(run_async()) if name.endswith("async") else run()
    return [plain(event) for event in events]


def plain(event: Any) -> dict[str, Any]:
    """An event as JSON values."""
    fields = event.to_dict() if hasattr(event, "to_dict") else event.model_dump()
    return unset_removed(fields)


def unset_removed(value: Any) -> Any:
    """The value without what is None, and with each token's unset fields left out."""
    if isinstance(value, dict):
        return {name: unset_removed(item) for name, item in value.items() if item is not None}
    return [unset_removed(item) for item in value] if isinstance(value, list) else value


def finals(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The final tokens of all events."""
    return [token for event in events for token in event["tokens"] if token["is_final"]]


@pytest.fixture
def fake() -> Any:
    with FakeSoniox(api_keys=["key"]) as running:
        yield running


@pytest.mark.parametrize("kind", AUDIO)
def test_the_same_recording_gives_the_same_final_tokens(fake: FakeSoniox, kind: str) -> None:
    audio, fields = AUDIO[kind]
    results = {}
    for name in NAMES:
        fake.add_transcript(WORDS)
        results[name] = transcribe(name, fake, audio, **fields, enable_endpoint_detection=True)
    first = finals(results[NAMES[0]])
    assert "".join(token["text"] for token in first).replace("<end>", "").strip() == WORDS
    for name in NAMES:
        assert finals(results[name]) == first, name
        assert results[name][-1]["finished"] is True


@pytest.mark.parametrize(
    ("arguments", "code"),
    [({"api_key": "wrong"}, 401), ({"model": "no-such-model"}, 400), ({"model": "stt-async-v5"}, 400)],
)
def test_errors_are_seen_alike(service: Service, arguments: dict[str, Any], code: int) -> None:
    seen = {}
    for name in NAMES:
        try:
            events = transcribe(name, service, b"", **{**RAW, **arguments})
        except (soniox_lite.SonioxRealtimeError, soniox.errors.SonioxRealtimeError) as error:
            pytest.fail(f"{name}: {error}")
        (event,) = events
        seen[name] = (event["error_code"], event["error_message"], event.get("error_type"))
    assert seen[NAMES[0]][0] == code
    # The id of the request differs, and may be part of the message.
    assert len({(item[0], item[1].split("(")[0], item[2]) for item in seen.values()}) == 1
