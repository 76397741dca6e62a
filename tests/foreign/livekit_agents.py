"""The plugin of LiveKit Agents."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
from checks import WEBSOCKET_URL, Checks
from livekit import rtc
from livekit.agents.stt import SpeechEventType
from livekit.plugins import soniox

_LONGEST_SEC = 30


async def hear(http: aiohttp.ClientSession, **options: Any) -> None:
    """Recognizes ten seconds, until the end of the first utterance: afterwards the plugin connects again by itself."""
    url = f"{WEBSOCKET_URL}/transcribe-websocket"
    stt = soniox.STT(api_key="key", base_url=url, http_session=http, params=soniox.STTOptions(**options))
    stream = stt.stream()
    for _ in range(100):
        stream.push_frame(rtc.AudioFrame(bytes(3200), 16_000, 1, 1600))
    kinds = set()
    async for event in stream:
        kinds.add(event.type)
        if event.type == SpeechEventType.END_OF_SPEECH:
            break
    await stream.aclose()
    assert {SpeechEventType.INTERIM_TRANSCRIPT, SpeechEventType.FINAL_TRANSCRIPT} <= kinds


async def speak(http: aiohttp.ClientSession, **options: Any) -> None:
    """Speaks a text at once, and another one piece by piece."""
    tts = soniox.TTS(api_key="key", websocket_url=f"{WEBSOCKET_URL}/tts-websocket", http_session=http, **options)
    assert sum([len(audio.frame.data) async for audio in tts.synthesize("Hello there, this is a sentence.")]) > 1000
    stream = tts.stream()
    stream.push_text("Hello there. ")
    stream.push_text("This is another sentence.")
    stream.end_input()
    assert sum([len(audio.frame.data) async for audio in stream]) > 1000
    await stream.aclose()
    await tts.aclose()


async def main() -> None:
    async with aiohttp.ClientSession() as http:

        async def recognition() -> None:
            await asyncio.wait_for(hear(http), _LONGEST_SEC)

        async def recognition_of_speakers() -> None:
            await asyncio.wait_for(hear(http, enable_speaker_diarization=True, language_hints=["en"]), _LONGEST_SEC)

        async def speech() -> None:
            await asyncio.wait_for(speak(http, voice="Adrian"), _LONGEST_SEC)

        async def speech_of_the_second_model() -> None:
            await asyncio.wait_for(speak(http, voice="Bryce", model="tts-rt-v2"), _LONGEST_SEC)

        await results.run(recognition, recognition_of_speakers, speech, speech_of_the_second_model)


results = Checks()
asyncio.run(main())
results.exit()
