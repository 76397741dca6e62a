"""Speaks two answers while they are being written, with two voices over one connection.

``SONIOX_API_KEY=... python examples/speak_streams.py FOLDER`` writes the audio to the folder. The answers are fixed
texts, sent word by word like the output of a language model.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from soniox_lite import AsyncSonioxClient, SonioxError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from soniox_lite.realtime import AsyncRealtimeTTSMultiplexedConnection

ANSWERS = {
    "Nina": "Your parcel left our warehouse this morning, and will be with you tomorrow before noon.",
    "Daniel": "The museum opens at ten. On Thursdays it stays open until nine in the evening.",
}


async def written(answer: str) -> AsyncIterator[str]:
    """The words of an answer, one at a time."""
    for word in answer.split():
        await asyncio.sleep(0.02)
        yield f"{word} "


async def speak(connection: AsyncRealtimeTTSMultiplexedConnection, voice: str, answer: str, folder: Path) -> None:
    path = folder / f"{voice.lower()}.mp3"
    config = {
        "stream_id": voice,
        "model": "tts-rt-v2",
        "language": "en",
        "voice": voice,
        "audio_format": "mp3",
    }

    async with await connection.open_stream(config=config) as stream:

        async def save() -> None:
            with path.open("wb") as file:
                async for chunk in stream.receive_audio_chunks():
                    file.write(chunk)

        await asyncio.gather(stream.send_text_chunks(written(answer)), save())
    print(f"{path}: {path.stat().st_size} bytes", flush=True)


async def main(folder: Path) -> int:
    try:
        async with (
            AsyncSonioxClient() as client,
            # The heartbeat keeps a stream open when its text pauses longer than the service waits.
            client.realtime.tts.connect_multi_stream(stream_heartbeat_sec=2) as connection,
        ):
            speaking = [speak(connection, voice, answer, folder) for voice, answer in ANSWERS.items()]
            # return_exceptions: an error of one stream does not stop the other.
            results = await asyncio.gather(*speaking, return_exceptions=True)
    except SonioxError as error:
        print(error, file=sys.stderr)
        return 1
    for voice, result in zip(ANSWERS, results, strict=True):
        if result is not None:
            print(f"{voice}: {result}", file=sys.stderr)
    return 1 if any(results) else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(asyncio.run(main(Path(sys.argv[1]))))
