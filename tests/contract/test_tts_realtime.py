"""Realtime text-to-speech of four clients against the fake: ours and the official SDK's hear the same."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Iterator
from typing import Any

import pytest
import soniox
import soniox.types.realtime

import soniox_lite
from soniox_testing import FakeSoniox
from tests.support.insides import wait_until

from .targets import NAMES
from .test_realtime import plain

SCRIPTS = {
    "one text": ("The quick brown fox jumps over the lazy dog.",),
    "pieces": ("The quick ", "brown fox ", "", "jumps over ", "the lazy dog."),
    "other scripts": ("Быстрая лиса. ", "素早い茶色の狐。"),
}
CONFIG = {"stream_id": "s", "model": "tts-rt-v2", "language": "en", "voice": "Adrian", "audio_format": "pcm_s16le"}
# The official SDK calls websockets in a way that its newest version warns about.
pytestmark = pytest.mark.filterwarnings(r"ignore:connect\(\) must be used as:DeprecationWarning")


@pytest.fixture
def fake() -> Iterator[FakeSoniox]:
    with FakeSoniox(api_keys=["key"]) as running:
        yield running


def speak(
    name: str, fake: FakeSoniox, texts: tuple[str, ...], api_key: str | None = None, **fields: Any
) -> list[dict[str, Any]]:
    """All events of a stream that speaks these texts, as JSON values without what is unset, and with their audio."""
    module: Any = soniox if name.startswith("official") else soniox_lite
    options = {"api_key": fake.api_key, "tts_websocket_base_url": fake.tts_websocket_url}
    config = module.types.realtime.RealtimeTTSConfig(**{**CONFIG, **fields})

    def run() -> list[Any]:
        client = module.SonioxClient(**options)
        try:
            with client.realtime.tts.connect(config=config, api_key=api_key) as connection:
                # A refusal may be there before the end of the text is sent, and is received in any case.
                with contextlib.suppress(module.errors.SonioxRealtimeError):
                    connection.send_text_chunks(iter(texts))
                return list(connection.receive_events())
        finally:
            client.close()

    async def run_async() -> list[Any]:
        async def give() -> Any:
            for text in texts:
                yield text

        client = module.AsyncSonioxClient(**options)
        try:
            async with client.realtime.tts.connect(config=config, api_key=api_key) as connection:
                with contextlib.suppress(module.errors.SonioxRealtimeError):
                    await connection.send_text_chunks(give())
                return [event async for event in connection.receive_events()]
        finally:
            await client.aclose()

    events = asyncio.run(run_async()) if name.endswith("async") else run()
    return [{**plain(event), "audio_bytes": event.audio_bytes()} for event in events]


def speak_at_once(name: str, fake: FakeSoniox, texts: dict[str, str]) -> dict[str, bytes]:
    """The audio of several streams on one connection, by their ids."""
    module: Any = soniox if name.startswith("official") else soniox_lite
    options = {"api_key": fake.api_key, "tts_websocket_base_url": fake.tts_websocket_url}
    configs = [module.types.realtime.RealtimeTTSConfig(**{**CONFIG, "stream_id": stream_id}) for stream_id in texts]

    def run() -> dict[str, bytes]:
        client = module.SonioxClient(**options)
        with contextlib.closing(client), client.realtime.tts.connect_multi_stream() as connection:
            streams = [connection.open_stream(config=config) for config in configs]
            for stream in streams:
                stream.send_text_chunks(texts[stream.stream_id])
            return {stream.stream_id: b"".join(stream.receive_audio_chunks()) for stream in streams}

    async def run_async() -> dict[str, bytes]:
        async def hear(stream: Any) -> bytes:
            return b"".join([chunk async for chunk in stream.receive_audio_chunks()])

        client = module.AsyncSonioxClient(**options)
        async with contextlib.aclosing(client), client.realtime.tts.connect_multi_stream() as connection:
            streams = [await connection.open_stream(config=config) for config in configs]
            for stream in streams:
                await stream.send_text_chunks(texts[stream.stream_id])
            heard = await asyncio.gather(*map(hear, streams))
            return {stream.stream_id: audio for stream, audio in zip(streams, heard, strict=True)}

    return asyncio.run(run_async()) if name.endswith("async") else run()


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("timestamps", [True, False])
def test_the_same_script_gives_the_same_audio(fake: FakeSoniox, script: str, timestamps: bool) -> None:
    results = {name: speak(name, fake, SCRIPTS[script], return_timestamps=timestamps or None) for name in NAMES}
    heard = {name: b"".join(event["audio_bytes"] or b"" for event in results[name]) for name in NAMES}
    assert len(heard[NAMES[0]]) > 10_000
    assert len(set(heard.values())) == 1
    for name in NAMES:
        assert results[name][-1]["terminated"] is True
        assert [event["audio_end"] for event in results[name]].count(True) == 1
        spelled = ["".join(event["timestamps"]["characters"]) for event in results[name] if "timestamps" in event]
        assert "".join(spelled) == ("".join(SCRIPTS[script]) if timestamps else "")


def test_the_same_streams_at_once_give_the_same_audio(fake: FakeSoniox) -> None:
    texts = {f"s{number}": f"Stream {number} " * (number + 1) for number in range(5)}
    results = [speak_at_once(name, fake, texts) for name in NAMES]
    assert list(results[0]) == list(texts)
    assert len({len(audio) for audio in results[0].values()}) == 5
    assert all(result == results[0] for result in results)


@pytest.mark.parametrize("name", NAMES)
def test_every_control_is_understood(fake: FakeSoniox, name: str) -> None:
    module: Any = soniox if name.startswith("official") else soniox_lite
    client_class = module.AsyncSonioxClient if name.endswith("async") else module.SonioxClient
    config = module.types.realtime.RealtimeTTSConfig(**CONFIG)
    text = "The quick brown fox."

    async def done(result: Any) -> Any:
        return await result if inspect.isawaitable(result) else result

    async def all_of(items: Any) -> list[Any]:
        return [item async for item in items] if hasattr(items, "__aiter__") else list(items)

    async def run() -> list[bytes]:
        async with contextlib.AsyncExitStack() as stack:

            async def entered(manager: Any) -> Any:
                is_async = hasattr(manager, "__aenter__")
                return await (stack.enter_async_context(manager) if is_async else done(stack.enter_context(manager)))

            client = await entered(client_class(api_key=fake.api_key, tts_websocket_base_url=fake.tts_websocket_url))
            connection = await entered(client.realtime.tts.connect(config=config))
            for control in (connection.keep_alive, connection.pause, connection.resume):
                await done(control())
            await done(connection.send_text_chunk("Held."))
            await done(connection.cancel())
            events = await all_of(connection.receive_events())
            assert events[-1].terminated
            # Our client does not wait for the service here, which may begin the next stream before it reads this one.
            await asyncio.to_thread(wait_until, lambda: [record.ended for record in fake.speeches] == ["cancelled"])

            connection = await entered(client.realtime.tts.connect(config=config))
            await done(connection.send_text_chunk(text))
            await done(connection.finish())
            first = connection.parse_event(await done(connection.recv_bytes()))
            single = [first.audio_bytes(), *await all_of(connection.receive_audio_chunks())]

            connection = await entered(client.realtime.tts.connect_multi_stream())
            stream = await done(connection.open_stream(config=config))
            for carrier in (connection, stream):
                for control in (carrier.keep_alive, carrier.pause, carrier.resume):
                    await done(control())
            await done(stream.send_text_chunk(text, text_end=True))
            return [b"".join(single), b"".join(await all_of(stream.receive_audio_chunks()))]

    heard = asyncio.run(run())
    assert [record.ended for record in fake.speeches] == ["cancelled", "finished", "finished"]
    assert [fake.speech_audio(record.id) for record in fake.speeches[1:]] == heard
    assert fake.speech_connections[0].keepalives >= 1
    assert fake.speech_connections[2].keepalives >= 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [({"api_key": "wrong"}, 401), ({"model": "no-such-model"}, 400), ({"voice": "Maya"}, 400)],
)
def test_errors_are_raised_alike(fake: FakeSoniox, arguments: dict[str, Any], code: int) -> None:
    seen = {}
    for name in NAMES:
        with pytest.raises((soniox_lite.SonioxRealtimeError, soniox.errors.SonioxRealtimeError)) as caught:
            speak(name, fake, (), **arguments)
        seen[name] = str(caught.value)
        if not name.startswith("official"):
            assert isinstance(caught.value, soniox_lite.SonioxRealtimeError)
            assert caught.value.error_code == code
            assert caught.value.error_type
            assert caught.value.request_id
    # The official message is the service's words and the code.
    words = seen["official"].rpartition(" (code")[0]
    assert words
    assert all(words.split("(")[0] in message for message in seen.values())
