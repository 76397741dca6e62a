"""Sessions behind a voice gate, against the fake: what it hears, and the times that come back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from soniox_lite import AsyncSonioxClient, SonioxClient
from soniox_lite.types.realtime import RealtimeEvent
from soniox_lite.utils import VoiceGate
from soniox_testing import FakeSoniox, Hearing, Recording, Word
from tests.support.tables import each_row

# Two words, 12 seconds of silence, two words, 7 seconds of silence, one word.
SPEECH = Recording(
    [
        Word("good", start_ms=2000, end_ms=2300),
        Word("morning", start_ms=2340, end_ms=2700),
        Word("who", start_ms=15_000, end_ms=15_240),
        Word("is", start_ms=15_300, end_ms=15_500),
        Word("there", start_ms=23_000, end_ms=23_600),
    ],
    duration_ms=27_000,
    sample_rate=8000,
)
CONFIG: dict[str, Any] = {"model": "stt-rt-v5", **SPEECH.config}


def audio() -> bytes:
    """The recording, with digital silence where no word is."""
    samples = bytearray(16 * SPEECH.duration_ms)
    for word in SPEECH.words:
        assert word.start_ms is not None
        samples[16 * word.start_ms : 16 * word.end_ms] = SPEECH.audio(word.start_ms, word.end_ms)
    return bytes(samples)


def chunks() -> list[bytes]:
    samples = audio()
    return [samples[start : start + 1920] for start in range(0, len(samples), 1920)]


async def async_chunks() -> AsyncIterator[bytes]:
    for chunk in chunks():
        yield chunk


def words_of(events: list[RealtimeEvent]) -> list[tuple[str, int, int]]:
    """The final tokens as words, with their times."""
    found: list[tuple[str, int, int]] = []
    for event in events:
        for token in event.tokens:
            if token.is_final and token.text not in ("<fin>", "<end>"):
                assert token.start_ms is not None
                assert token.end_ms is not None
                if token.text.startswith(" ") or not found:
                    found.append((token.text.strip(), token.start_ms, token.end_ms))
                else:
                    text, start, _ = found[-1]
                    found[-1] = (text + token.text, start, token.end_ms)
    return found


def sync_session(fake: FakeSoniox, gate: VoiceGate) -> list[RealtimeEvent]:
    client = SonioxClient("key", websocket_base_url=fake.stt_websocket_url)
    with client.realtime.stt.connect(config=CONFIG, keep_alive_interval_sec=10) as session:
        session.send_bytes(gate.filter(chunks()))
        return [gate.restore(event) for event in session.receive_events()]


def async_session(fake: FakeSoniox, gate: VoiceGate) -> list[RealtimeEvent]:
    async def talk() -> list[RealtimeEvent]:
        client = AsyncSonioxClient("key", websocket_base_url=fake.stt_websocket_url)
        async with client.realtime.stt.connect(config=CONFIG, keep_alive_interval_sec=10) as session:
            await session.send_bytes(gate.filter_async(async_chunks()))
            return [gate.restore(event) async for event in session.receive_events()]

    return asyncio.run(talk())


@each_row("talk", [sync_session, async_session])
def test_a_gated_session_hears_every_word_and_tells_when_it_was_said(fake_soniox: FakeSoniox, talk: Any) -> None:
    fake_soniox.add_recording(SPEECH, hearing=Hearing.exact())
    gate = VoiceGate(CONFIG)
    events = talk(fake_soniox, gate)
    expected = [(word.text, word.start_ms, word.end_ms) for word in SPEECH.words]
    assert words_of(events) == [
        (text, pytest.approx(start, abs=2), pytest.approx(end, abs=2)) for text, start, end in expected
    ]
    heard_ms = fake_soniox.sessions[-1].audio_duration_ms
    assert heard_ms == pytest.approx(gate.passed_ms, abs=1)
    assert gate.dropped_ms > 17_000
    assert 23_600 <= (events[-1].total_audio_proc_ms or 0) <= 27_000


def test_a_finalize_at_the_end_of_speech_does_not_shift_what_is_said_later(fake_soniox: FakeSoniox) -> None:
    fake_soniox.add_recording(SPEECH, hearing=Hearing(finalize_padding_ms=120))
    gate = VoiceGate(CONFIG)
    events: list[RealtimeEvent] = []
    client = SonioxClient("key", websocket_base_url=fake_soniox.stt_websocket_url)
    with client.realtime.stt.connect(config=CONFIG) as session:
        for chunk in chunks():
            was_open = gate.is_open
            session.send_byte_chunk(gate.feed(chunk))
            if was_open and not gate.is_open:
                session.finalize(trailing_silence_ms=gate.hangover_ms)
                for event in session.receive_events():
                    events.append(gate.restore(event))
                    if any(token.text == "<fin>" for token in event.tokens):
                        break
        session.finish()
        events += [gate.restore(event) for event in session.receive_events()]
    assert words_of(events) == [
        (word.text, pytest.approx(word.start_ms, abs=5), pytest.approx(word.end_ms, abs=5)) for word in SPEECH.words
    ]
    assert sum(token.text == "<fin>" for event in events for token in event.tokens) == 4


def test_a_gated_session_is_kept_alive_in_silence(fake_soniox: FakeSoniox) -> None:
    gate = VoiceGate(CONFIG)
    client = SonioxClient("key", websocket_base_url=fake_soniox.stt_websocket_url)
    with client.realtime.stt.connect(config=CONFIG, keep_alive_interval_sec=0.05) as session:
        session.send_byte_chunk(gate.feed(bytes(16_000)))
        session.send_byte_chunk(gate.feed(bytes(16 * 5000)))
        assert gate.feed(bytes(16_000)) == b""
        deadline = time.monotonic() + 60
        while fake_soniox.sessions[-1].controls.count("keepalive") < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
