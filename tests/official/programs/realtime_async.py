import asyncio

from soniox import AsyncSonioxClient
from soniox.types import RealtimeSTTConfig
from soniox.utils import stream_audio_async


async def main():
    async with AsyncSonioxClient() as client:
        config = RealtimeSTTConfig(
            model="stt-rt-v5",
            audio_format="pcm_s16le",
            sample_rate=16000,
            num_channels=1,
            enable_endpoint_detection=True,
        )
        async with client.realtime.stt.connect(config=config) as session:
            sender = asyncio.create_task(session.send_bytes(stream_audio_async("call.wav", chunk_size_bytes=3200)))
            text = ""
            async for event in session.receive_events():
                text += "".join(token.text for token in event.tokens if token.is_final)
            await sender
        print(text)


asyncio.run(main())
