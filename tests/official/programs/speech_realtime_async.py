import asyncio

from soniox import AsyncSonioxClient
from soniox.types import RealtimeTTSConfig


async def say(connection, name):
    config = RealtimeTTSConfig(
        stream_id=name, model="tts-rt-v2", language="en", voice="Adrian", audio_format="pcm_s16le", sample_rate=16000
    )
    stream = await connection.open_stream(config=config)
    await stream.send_text_chunk(f"Hello {name}.", text_end=True)
    return b"".join([chunk async for chunk in stream.receive_audio_chunks()])


async def main():
    client = AsyncSonioxClient()
    async with client.realtime.tts.connect_multi_stream() as connection:
        for name in ("a", "bb"):
            print(name, len(await say(connection, name)))
    await client.aclose()


asyncio.run(main())
