"""Time that a test has frozen: clients, sessions and the fake go on, with their timeouts and pauses."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("freezegun")

# In a process of its own, since what fails here never ends, and since it matters what was imported before.
_PROGRAM = """
import asyncio, sys
import freezegun

is_ticking, is_first = "ticking" in sys.argv, "first" in sys.argv
frozen = freezegun.freeze_time("2020-01-02 03:04:05", tick=is_ticking)
if is_first:
    frozen.start()

from soniox_lite import AsyncSonioxClient, SonioxClient, SonioxError, SonioxTimeoutError
from soniox_lite.utils import throttle_audio, throttle_audio_async
from soniox_testing import FakeSoniox

RAW = {"model": "stt-rt-v5", "audio_format": "pcm_s16le", "sample_rate": 16000, "num_channels": 1}


def client_of(kind, fake, **options):
    return kind(fake.api_key, api_base_url=fake.api_base_url, websocket_base_url=fake.stt_websocket_url, **options)


def sync(fake):
    with client_of(SonioxClient, fake) as client:
        print(client.stt.transcribe_and_wait_with_tokens(file=b"a", delete_after=True).text)
        fake.faults.answer(503, times=2)
        print(len(client.files.list().files))
        with client.realtime.stt.connect(config=RAW) as session:
            try:
                session.receive_event(0.2)
            except SonioxError as error:
                print(type(error).__name__)
            session.send_bytes(throttle_audio(bytes(3200), chunk_size_bytes=800, delay_seconds=0.05))
            print(list(session.receive_events())[-1].finished)
    fake.faults.stall("answer")
    with client_of(SonioxClient, fake, timeout_sec=0.5, max_retries=0) as client:
        try:
            client.files.list()
        except SonioxTimeoutError as error:
            print(type(error).__name__)


async def tasks(fake):
    async with client_of(AsyncSonioxClient, fake) as client:
        print((await client.stt.transcribe_and_wait_with_tokens(file=b"a", delete_after=True)).text)
        fake.faults.answer(503, times=2)
        print(len((await client.files.list()).files))
        async with client.realtime.stt.connect(config=RAW) as session:
            try:
                await session.receive_event(0.2)
            except SonioxError as error:
                print(type(error).__name__)
            await session.send_bytes(throttle_audio_async(bytes(3200), chunk_size_bytes=800, delay_seconds=0.05))
            print([event async for event in session.receive_events()][-1].finished)
    fake.faults.stall("answer")
    async with client_of(AsyncSonioxClient, fake, timeout_sec=0.5, max_retries=0) as client:
        try:
            await client.files.list()
        except SonioxTimeoutError as error:
            print(type(error).__name__)


with FakeSoniox(audio="any") as fake:
    fake.add_transcript("hello")
    if not is_first:
        frozen.start()
    try:
        sync(fake) if "sync" in sys.argv else asyncio.run(tasks(fake))
    finally:
        frozen.stop()
"""


@pytest.mark.parametrize("surface", ["sync", "async"])
@pytest.mark.parametrize("order", ["first", "later"])
@pytest.mark.parametrize("clock", ["standing", "ticking"])
def test_a_frozen_clock_stops_neither_clients_nor_the_fake(surface: str, order: str, clock: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _PROGRAM, surface, order, clock],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert ran.stdout.split() == ["hello", "0", "SonioxRealtimeTimeoutError", "True", "SonioxTimeoutError"], ran.stderr
