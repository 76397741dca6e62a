"""Transcribes several recordings at once: ``SONIOX_API_KEY=... python examples/transcribe_many.py FILE...``."""

from __future__ import annotations

import asyncio
import sys

from soniox_lite import AsyncSonioxClient, SonioxError

AT_ONCE = 8


async def main(paths: list[str]) -> int:
    limit = asyncio.Semaphore(AT_ONCE)
    failures = 0

    async def transcribe(client: AsyncSonioxClient, path: str) -> str:
        async with limit:
            transcript = await client.stt.transcribe_and_wait_with_tokens(file=path, delete_after=True)
            return transcript.text

    try:
        async with AsyncSonioxClient() as client:
            # return_exceptions: an error of one recording does not stop the others.
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
