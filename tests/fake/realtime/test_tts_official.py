"""The official SDK speaks with the fake."""

from __future__ import annotations

import asyncio
import io
import wave

import pytest
import soniox
from soniox.types import CreateTtsConfig, RealtimeTTSConfig

from soniox_testing import FakeSoniox

# The realtime clients of the SDK use deprecated names of the websockets package.
pytestmark = pytest.mark.filterwarnings("ignore:connect.. must be used:DeprecationWarning")
TEXT = "Hello from the official client."


def settings(fake: FakeSoniox) -> dict[str, str]:
    """The URL of the fake."""
    return {
        "api_key": fake.api_key,
        "api_base_url": fake.api_base_url,
        "tts_api_base_url": fake.tts_api_base_url,
        "tts_websocket_base_url": fake.tts_websocket_url,
    }


def config(stream_id: str = "one", **fields) -> RealtimeTTSConfig:
    """A start message."""
    return RealtimeTTSConfig(
        stream_id=stream_id,
        model="tts-rt-v2",
        language="en",
        voice="Adrian",
        audio_format="pcm_s16le",
        sample_rate=8000,
        **fields,
    )


@pytest.fixture
def client(fake_soniox):
    with soniox.SonioxClient(**settings(fake_soniox)) as made:
        yield made


def test_it_generates(fake_soniox, client, tmp_path):
    options = CreateTtsConfig(audio_format="wav")
    data = client.tts.generate(text=TEXT, voice="Nina", language="en", config=options)
    with wave.open(io.BytesIO(data)) as reader:
        assert len(reader.readframes(reader.getnframes())) == len(data) - 44
    assert client.tts.generate_to_file(
        tmp_path / "a.wav", text=TEXT, voice="Nina", language="en", config=options
    ) == len(data)
    assert (tmp_path / "a.wav").read_bytes() == data
    assert len(fake_soniox.speeches) == 2
    fake_soniox.assert_spoken(TEXT, voice="Nina", model="tts-rt-v2")


def test_its_errors_are_its_own(client):
    with pytest.raises(soniox.errors.SonioxInvalidRequestError, match="Maya"):
        client.tts.generate(text=TEXT, voice="Maya", language="en", config=CreateTtsConfig(audio_format="wav"))


def test_it_streams(fake_soniox, client):
    with client.realtime.tts.connect(config=config(return_timestamps=True)) as connection:
        connection.keep_alive()
        connection.send_text_chunks(iter(TEXT.split(" ")))
        events = list(connection.receive_events())
    assert [bool(event.audio_end) for event in events] == [False] * (len(events) - 2) + [True, False]
    assert events[-1].terminated
    data = b"".join(event.audio_bytes() or b"" for event in events)
    assert fake_soniox.speech_audio(fake_soniox.assert_spoken(TEXT.replace(" ", "")).id) == data
    assert events[0].timestamps.characters[:5] == list("Hello")
    assert fake_soniox.speech_connections[0].keepalives == 1


def test_it_pauses_and_resumes(fake_soniox, client):
    with client.realtime.tts.connect(config=config()) as connection:
        connection.pause()
        connection.send_text_chunk("Not said.")
        connection.resume()
        connection.send_text_chunk(TEXT, text_end=True)
        assert b"".join(connection.receive_audio_chunks())
    fake_soniox.assert_spoken(TEXT, ended="finished")


def test_it_cancels(fake_soniox, client):
    with client.realtime.tts.connect(config=config()) as connection:
        connection.send_text_chunk("Held")
        connection.cancel()
        assert [event.terminated for event in connection.receive_events()] == [True]
    fake_soniox.assert_spoken("Held", ended="cancelled")


def test_it_runs_five_streams(fake_soniox, client):
    with client.realtime.tts.connect_multi_stream() as connection:
        streams = [connection.open_stream(config=config(str(number))) for number in range(5)]
        for stream in streams:
            stream.send_text_chunks(TEXT)
        for stream in reversed(streams):
            data = b"".join(stream.receive_audio_chunks())
            assert fake_soniox.speech_audio(fake_soniox.assert_spoken(TEXT, stream_id=stream.stream_id).id) == data
        again = connection.open_stream(config=config("0"))
        again.finish()
        assert [bool(event.terminated) for event in again.receive_events()] == [False, True]
    assert fake_soniox.speech_connections[0].ended == "client_closed"


def test_a_failed_stream_leaves_the_others(fake_soniox, client):
    fake_soniox.faults.error("service_unavailable", operation="tts", times=1)
    with client.realtime.tts.connect_multi_stream() as connection:
        bad, good = connection.open_stream(config=config("bad")), connection.open_stream(config=config("good"))
        good.send_text_chunks(TEXT)
        with pytest.raises(soniox.errors.SonioxRealtimeError, match="503"):
            list(bad.receive_events())
        assert b"".join(good.receive_audio_chunks())


def test_the_asynchronous_client_does_all_of_it(fake_soniox, tmp_path):
    async def speak():
        async with soniox.AsyncSonioxClient(**settings(fake_soniox)) as client:
            options = CreateTtsConfig(audio_format="mp3")
            data = await client.tts.generate(text=TEXT, voice="Nina", language="en", config=options)
            size = await client.tts.generate_to_file(
                tmp_path / "a.mp3", text=TEXT, voice="Nina", language="en", config=options
            )
            assert size == len(data)
            async with client.realtime.tts.connect(config=config()) as connection:
                await connection.keep_alive()
                await connection.pause()
                await connection.resume()
                await connection.send_text_chunk(TEXT)
                await connection.finish()
                assert [chunk async for chunk in connection.receive_audio_chunks()]
            async with client.realtime.tts.connect_multi_stream() as connection:
                streams = [await connection.open_stream(config=config(str(number))) for number in range(5)]
                for stream in streams:
                    await stream.send_text_chunks(TEXT)
                for stream in reversed(streams):
                    chunks = [chunk async for chunk in stream.receive_audio_chunks()]
                    record = fake_soniox.assert_spoken(TEXT, stream_id=stream.stream_id)
                    assert fake_soniox.speech_audio(record.id) == b"".join(chunks)
                late = await connection.open_stream(config=config("late"))
                await late.cancel()
                assert [event.terminated async for event in late.receive_events()] == [True]

    asyncio.run(speak())
    assert [record.ended for record in fake_soniox.speeches] == ["finished"] * 8 + ["cancelled"]
