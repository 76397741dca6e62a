"""Several live sessions in one event loop: ``SONIOX_API_KEY=... python examples/stream_async.py FILE...``."""

from __future__ import annotations

import asyncio
import sys

from soniox_lite import AsyncSonioxClient, SonioxError, TranscriptBuffer
from soniox_lite.utils import stream_audio_async


async def transcribe(client: AsyncSonioxClient, path: str) -> str:
    heard = TranscriptBuffer()
    async with client.realtime.stt.connect(config={"model": "stt-rt-v5"}, raise_on_error=True) as session:

        async def receive() -> None:
            async for event in session.receive_events():
                heard.add(event)

        # Both at once, so that an error while reading the audio is raised at once.
        await asyncio.gather(session.send_bytes(stream_audio_async(path)), receive())
    return heard.final_text


async def main(paths: list[str]) -> int:
    failures = 0
    try:
        async with AsyncSonioxClient() as client:
            # return_exceptions: an error of one session does not stop the others.
            texts = await asyncio.gather(*(transcribe(client, path) for path in paths), return_exceptions=True)
    except SonioxError as error:
        print(error, file=sys.stderr)
        return 1
    for path, text in zip(paths, texts, strict=True):
        failures += isinstance(text, BaseException)
        print(f"{path}: {text}", file=sys.stderr if isinstance(text, BaseException) else sys.stdout)
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(asyncio.run(main(sys.argv[1:])))
