"""Several live sessions in one event loop: ``SONIOX_API_KEY=... python examples/stream_async.py FILE...``."""

from __future__ import annotations

import asyncio
import sys

from soniox_lite import AsyncSonioxClient, TranscriptBuffer
from soniox_lite.utils import stream_audio_async


async def transcribe(client: AsyncSonioxClient, path: str) -> str:
    heard = TranscriptBuffer()
    async with client.realtime.stt.connect(config={"model": "stt-rt-v5"}, raise_on_error=True) as session:
        sending = asyncio.create_task(session.send_bytes(stream_audio_async(path)))
        async for event in session.receive_events():
            heard.add(event)
        await sending
    return heard.final_text


async def main(paths: list[str]) -> None:
    async with AsyncSonioxClient() as client:
        for path, text in zip(paths, await asyncio.gather(*(transcribe(client, path) for path in paths)), strict=True):
            print(f"{path}: {text}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
