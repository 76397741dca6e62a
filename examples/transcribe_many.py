"""Transcribes several recordings at once: ``SONIOX_API_KEY=... python examples/transcribe_many.py FILE...``."""

from __future__ import annotations

import asyncio
import sys

from soniox_lite import AsyncSonioxClient

AT_ONCE = 8


async def main(paths: list[str]) -> None:
    limit = asyncio.Semaphore(AT_ONCE)

    async with AsyncSonioxClient() as client:

        async def transcribe(path: str) -> str:
            async with limit:
                transcript = await client.stt.transcribe_and_wait_with_tokens(file=path, delete_after=True)
                return transcript.text

        for path, text in zip(paths, await asyncio.gather(*map(transcribe, paths)), strict=True):
            print(f"{path}: {text}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
