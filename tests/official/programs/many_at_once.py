import asyncio
from concurrent.futures import ThreadPoolExecutor

from soniox import AsyncSonioxClient, SonioxClient

audio = open("call.wav", "rb").read()
with SonioxClient() as client, ThreadPoolExecutor(8) as pool:
    texts = pool.map(
        lambda n: (
            client.stt.transcribe_and_wait_with_tokens(
                file=audio, filename=f"{n}.wav", wait_interval_sec=0.05, delete_after=True
            ).text
        ),
        range(1, 9),
    )
    print(list(texts))


async def main():
    async with AsyncSonioxClient() as client:
        calls = [client.files.upload(b"y" * n, filename=f"{n}.wav") for n in range(1, 9)]
        print(sorted(file.filename for file in await asyncio.gather(*calls)))
        async for file in client.files.list_all(limit=3):
            await client.files.delete(file.id)
        print(await client.files.count())


asyncio.run(main())
