import asyncio

from soniox import AsyncSonioxClient
from soniox.errors import SonioxNotFoundError

client = AsyncSonioxClient()


async def main():
    file = await client.files.upload("call.wav")
    job = await client.stt.create(file_id=file.id)
    job = await client.stt.wait(job.id, interval_sec=0.05)
    print(job.status, (await client.stt.get_transcript(job.id)).text)
    print([found.status async for found in client.stt.list_all()])
    await client.stt.destroy(job.id)
    try:
        await client.files.get(file.id)
    except SonioxNotFoundError as error:
        print(error.status_code)
    audio = await client.tts.generate(text="Hello.", voice="Adrian", language="en")
    print(len(audio), (await client.request("GET", "/models")).status_code)
    print(
        (await client.models.list()).models[0].id,
        (
            await client.usage.summary(start_time="2026-04-01T00:00:00Z", end_time="2026-04-02T00:00:00Z")
        ).total.total_cost_usd,
    )
    await client.aclose()


asyncio.run(main())
