import asyncio

from soniox import AsyncSonioxClient, SonioxClient
from soniox.types import RealtimeSTTConfig

config = RealtimeSTTConfig(model="stt-rt-v5", audio_format="pcm_s16le", sample_rate=16000, num_channels=1)
audio = open("call.wav", "rb").read()[44:]
client = SonioxClient()
with client.realtime.stt.connect(config=config) as session:
    session.send_byte_chunk(audio)
    for event in session.receive_events():
        print(bool(event.tokens))
        break
session = client.realtime.stt.connect(config=config)
session.enter()
session.send_byte_chunk(audio)
session.close()
session.close()


async def main():
    async with AsyncSonioxClient() as client, client.realtime.stt.connect(config=config) as session:
        await session.send_byte_chunk(audio)
        async for event in session.receive_events():
            print(bool(event.tokens))
            break


asyncio.run(main())
print("left")
