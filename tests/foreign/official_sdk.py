"""The official SDK for Python, of any generation."""

from __future__ import annotations

import asyncio
import inspect
import io
import time
from datetime import datetime, timedelta, timezone
from typing import Any

from checks import URL, WAV, WEBSOCKET_URL, Checks
from soniox import AsyncSonioxClient, SonioxClient
from soniox.types import CreateTranscriptionConfig, RealtimeSTTConfig, TranslationConfig

RAW = {"model": "stt-rt-v4", "audio_format": "pcm_s16le", "sample_rate": 16_000, "num_channels": 1}


def make(kind: Any) -> Any:
    """A client of the fake."""
    urls = {"api_base_url": f"{URL}/v1", "websocket_base_url": f"{WEBSOCKET_URL}/transcribe-websocket"}
    urls |= {"tts_api_base_url": URL, "tts_websocket_base_url": f"{WEBSOCKET_URL}/tts-websocket"}
    known = inspect.signature(kind).parameters
    return kind(api_key="key", **{name: url for name, url in urls.items() if name in known})


client = make(SonioxClient)
stt = client.stt if hasattr(client, "stt") else client.transcriptions


def ended(job: Any) -> Any:
    """A job once it has ended."""
    while (now := stt.get(job.id)).status not in {"completed", "error"}:
        time.sleep(0.05)
    return now


def models() -> None:
    assert client.models.list()


def files() -> None:
    file = client.files.upload(io.BytesIO(WAV), filename="a.wav")
    assert client.files.get(file.id).size == len(WAV)
    assert client.files.list().files
    client.files.delete(file.id)


def a_job_on_a_file() -> None:
    job = stt.create(file_id=client.files.upload(io.BytesIO(WAV), filename="a.wav").id)
    assert ended(job).status == "completed"
    transcript = stt.get_transcript(job.id)
    assert transcript.text
    assert transcript.tokens
    stt.delete(job.id)


def a_translated_job_on_a_url() -> None:
    config = CreateTranscriptionConfig(
        model="stt-async-v4",
        enable_speaker_diarization=True,
        translation=TranslationConfig(type="one_way", target_language="es"),
    )
    job = stt.create(config=config, audio_url="https://example.com/a.mp3")
    assert ended(job).status == "completed"
    assert any(token.translation_status == "translation" for token in stt.get_transcript(job.id).tokens)


def a_url_that_cannot_be_reached() -> None:
    job = ended(stt.create(audio_url="http://127.0.0.1:9/a.mp3"))
    assert (job.status, bool(job.error_type)) == ("error", True)


def a_temporary_key() -> None:
    assert client.auth.create_temporary_api_key(usage_type="transcribe_websocket", expires_in_seconds=60).api_key


def a_session() -> None:
    config = RealtimeSTTConfig(**RAW, enable_endpoint_detection=True)
    with client.realtime.stt.connect(config=config) as session:
        for _ in range(100):
            session.send_byte_chunk(bytes(3200))
        (session.finish if hasattr(session, "finish") else session.send_finish)()
        events = list(session.receive_events())
    assert events[-1].finished
    assert any(token.is_final for event in events for token in event.tokens)


def a_session_that_is_refused() -> None:
    with client.realtime.stt.connect(config=RealtimeSTTConfig(model="stt-rt-v99", audio_format="auto")) as session:
        assert list(session.receive_events())[-1].error_code == 400


async def an_asynchronous_session() -> None:
    async with make(AsyncSonioxClient).realtime.stt.connect(config=RealtimeSTTConfig(**RAW)) as session:
        await session.send_byte_chunk(bytes(320_000))
        await (session.finish if hasattr(session, "finish") else session.send_finish)()
        events = [event async for event in session.receive_events()]
    assert events[-1].finished


def speech() -> None:
    wanted = {"voice": "Adrian", "language": "en"}
    known = inspect.signature(client.tts.generate).parameters
    assert client.tts.generate(text="Hello.", **{name: value for name, value in wanted.items() if name in known})


def streamed_speech() -> None:
    from soniox.types import RealtimeTTSConfig

    config = RealtimeTTSConfig(
        model="tts-rt-v1", voice="Adrian", language="en", audio_format="pcm_s16le", stream_id="s"
    )
    with client.realtime.tts.connect(config=config) as session:
        session.send_text_chunk("Hello there, how are you?", text_end=True)
        assert len(b"".join(session.receive_audio_chunks())) > 1000


def usage() -> None:
    now = datetime.now(timezone.utc)
    start, end = (f"{now + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}" for hours in (-1, 1))
    assert client.usage_logs.list(start_time=start, end_time=end).usage_logs


def limits() -> None:
    assert client.concurrency_limits.get()


def voices() -> None:
    voice = client.voices.create(io.BytesIO(WAV), name=f"voice {time.time()}", filename="a.wav")
    assert client.voices.get(voice.id).name == voice.name
    client.voices.delete(voice.id)


checks = [models, files, a_job_on_a_file, a_translated_job_on_a_url, a_url_that_cannot_be_reached, a_temporary_key]
checks += [a_session, a_session_that_is_refused, an_asynchronous_session]
for namespace, more in {
    "tts": [speech, streamed_speech],
    "usage_logs": [usage],
    "concurrency_limits": [limits],
    "voices": [voices],
}.items():
    checks += more if hasattr(client, namespace) else []
results = Checks()
asyncio.run(results.run(*checks))
results.exit()
