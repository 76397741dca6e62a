"""Measures whether a slowly read text-to-speech stream delays nine others, on two connections.

    python benchmarks/tts_streams.py

A server in a separate process sends each stream a time-stamped chunk of audio every 10 ms. Nine streams are read as
fast as possible; the tenth with or without a pause after each chunk. Two figures of the nine, in milliseconds: the
delay from sending a chunk to receiving it, and the gap between consecutive chunks of a stream. ``--official`` measures
the official SDK instead.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

STREAMS_PER_SOCKET = 5
INTERVAL_SEC = 0.01
SLOW_SEC = 0.1
# 100 ms of 24 kHz, 16 bits.
AUDIO = base64.b64encode(bytes(4800)).decode()
CONFIG = {"model": "tts-rt-v2", "language": "en", "voice": "Adrian", "audio_format": "pcm_s16le"}


def serve(seconds: float) -> None:
    """Sends audio to the five streams of each connection at a fixed pace, until standard input ends."""
    from tests.support.ws_server import HungUpError, Peer, WsServer, message  # noqa: PLC0415 - only this process needs it

    def talk(peer: Peer) -> None:
        peer.accept()
        names = [json.loads(peer.receive_until("text"))["stream_id"] for _ in range(STREAMS_PER_SOCKET)]
        peer.receive_until("text")
        began = time.monotonic()
        for number in range(round(seconds / INTERVAL_SEC)):
            time.sleep(max(0.0, began + number * INTERVAL_SEC - time.monotonic()))
            for name in names:
                message({"stream_id": name, "audio": AUDIO, "sent_at": time.monotonic()})(peer)
        for name in names:
            message({"stream_id": name, "audio_end": True, "terminated": True})(peer)

    with contextlib.suppress(BaseException), WsServer(talk) as server:
        with contextlib.suppress(HungUpError):
            print(server.url, flush=True)
            sys.stdin.read()
        os._exit(0)


class Watch:
    """Times at which the chunks of a stream were sent and received."""

    def __init__(self) -> None:
        self.sent: list[float] = []
        self.got: list[float] = []

    def note(self, event: Any) -> None:
        if event.audio:
            self.got.append(time.monotonic())
            self.sent.append(event.sent_at)

    def latencies(self) -> list[float]:
        return [(got - sent) * 1000 for sent, got in zip(self.sent, self.got, strict=True)]

    def gaps(self) -> list[float]:
        return [(later - earlier) * 1000 for earlier, later in zip(self.got, self.got[1:], strict=False)]


def run_sync(module: Any, url: str, slow_sec: float) -> list[Watch]:
    """Receives each stream in a thread."""
    client = module.SonioxClient(api_key="key", tts_websocket_base_url=url)
    watches = [Watch() for _ in range(2 * STREAMS_PER_SOCKET)]
    others_are_done = threading.Event()

    def listen(stream: Any, watch: Watch, pause_sec: float) -> None:
        for event in stream.receive_events():
            watch.note(event)
            # The slow stream would not finish: it ends when the others have.
            if pause_sec and others_are_done.wait(pause_sec):
                return

    with contextlib.ExitStack() as stack:
        stack.callback(client.close)
        connections = [stack.enter_context(client.realtime.tts.connect_multi_stream()) for _ in range(2)]
        threads = []
        for number, watch in enumerate(watches):
            config = module.types.realtime.RealtimeTTSConfig(stream_id=f"s{number}", **CONFIG)
            stream = connections[number // STREAMS_PER_SOCKET].open_stream(config=config)
            arguments = (stream, watch, slow_sec if number == 0 else 0.0)
            threads.append(threading.Thread(target=listen, args=arguments))
        for thread in threads:
            thread.start()
        for connection in connections:
            connection.keep_alive()
        for thread in threads[1:]:
            thread.join()
        others_are_done.set()
        threads[0].join()
    return watches[1:]


async def run_async(module: Any, url: str, slow_sec: float) -> list[Watch]:
    """Receives each stream in a task."""
    client = module.AsyncSonioxClient(api_key="key", tts_websocket_base_url=url)
    watches = [Watch() for _ in range(2 * STREAMS_PER_SOCKET)]

    async def listen(stream: Any, watch: Watch, pause_sec: float) -> None:
        async for event in stream.receive_events():
            watch.note(event)
            if pause_sec:
                await asyncio.sleep(pause_sec)

    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(client.aclose)
        connections = [await stack.enter_async_context(client.realtime.tts.connect_multi_stream()) for _ in range(2)]
        tasks = []
        for number, watch in enumerate(watches):
            config = module.types.realtime.RealtimeTTSConfig(stream_id=f"s{number}", **CONFIG)
            stream = await connections[number // STREAMS_PER_SOCKET].open_stream(config=config)
            tasks.append(asyncio.create_task(listen(stream, watch, slow_sec if number == 0 else 0.0)))
        for connection in connections:
            await connection.keep_alive()
        await asyncio.gather(*tasks[1:])
        tasks[0].cancel()
        await asyncio.gather(tasks[0], return_exceptions=True)
    return watches[1:]


def figures(values: list[float]) -> str:
    """Median, 99th percentile and maximum."""
    cuts = statistics.quantiles(values, n=100)
    return f"{cuts[49]:8.2f} {cuts[98]:8.2f} {max(values):8.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=4.0, help="of each of the four runs")
    parser.add_argument("--official", action="store_true", help="run the official SDK, too")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.seconds)
        return
    import soniox_lite  # noqa: PLC0415 - not for the server
    import soniox_lite.types.realtime  # noqa: PLC0415 - as above

    clients: dict[str, Any] = {"soniox_lite": soniox_lite}
    if options.official:
        import soniox  # noqa: PLC0415 - only if asked for
        import soniox.types.realtime  # noqa: PLC0415 - as above

        clients["official"] = soniox
    print(f"{'ms':28}{'from being sent':^26}   {'from chunk to chunk':^26}")
    print(f"{'client':12}{'':6}{'one slow':10}" + f"{'median':>8} {'p99':>8} {'max':>8}   " * 2)
    for name, module in clients.items():
        for surface in ("sync", "async"):
            for slow_sec in (0.0, SLOW_SEC):
                program = [sys.executable, __file__, "--serve", "--seconds", str(options.seconds)]
                with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
                    assert server.stdin is not None
                    assert server.stdout is not None
                    url = server.stdout.readline().strip()
                    if surface == "sync":
                        watches = run_sync(module, url, slow_sec)
                    else:
                        watches = asyncio.run(run_async(module, url, slow_sec))
                    server.stdin.close()
                latencies = [value for watch in watches for value in watch.latencies()]
                gaps = [value for watch in watches for value in watch.gaps()]
                row = f"{name:12}{surface:6}{'yes' if slow_sec else 'no':10}{figures(latencies)}   {figures(gaps)}"
                print(row, flush=True)


if __name__ == "__main__":
    main()
