# captain-claw: its server passes what a browser records on to a session, and sends the words back.
import asyncio
import os

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from captain_claw.web.ws_stt import _handle_realtime


async def page(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await _handle_realtime(socket, os.environ["SONIOX_API_KEY"])
    await asyncio.sleep(0.2)
    await socket.close()
    return socket


async def main():
    app = web.Application()
    app.router.add_get("/", page)
    async with TestClient(TestServer(app)) as client, client.ws_connect("/") as browser:
        with open("call.wav", "rb") as file:
            audio = file.read()[44:]
        for start in range(0, len(audio), 3200):
            await browser.send_bytes(audio[start : start + 3200])
            # At about the pace of speech: the page stops listening at once when it is told to.
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)
        await browser.send_json({"type": "stop"})
        heard = [message.json() async for message in browser]
    print(heard[-1], len({message["text"] for message in heard}) > 3)


asyncio.run(main())
