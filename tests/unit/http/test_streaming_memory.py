"""Long audio needs no more memory than short audio, however slowly it is taken."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.raw_server import Connection, RawServer
from tests.support.tables import each_row

ROOT = Path(__file__).parents[3]
BLOCK = bytes(100_000)
COUNT = 1000
MAX_GROWTH_BYTES = 8_000_000

# As in test_upload_memory.
PROGRAM = """
import asyncio, sys
from soniox_lite import AsyncSonioxClient, SonioxClient

url, path, surface, way = sys.argv[1:]
spoken = {"text": "Hello", "voice": "Adrian", "language": "en"}

def memory():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))

def sync():
    with SonioxClient("key", tts_api_base_url=url, timeout_sec=60) as client:
        client.tts.generate_to_file(path, **spoken)
        before = memory()
        if way == "file":
            count = client.tts.generate_to_file(path, **spoken)
        else:
            count = sum(len(block) for block in client.tts.generate_stream(**spoken))
        return count, memory() - before

async def run_async():
    async with AsyncSonioxClient("key", tts_api_base_url=url, timeout_sec=60) as client:
        await client.tts.generate_to_file(path, **spoken)
        before = memory()
        if way == "file":
            count = await client.tts.generate_to_file(path, **spoken)
        else:
            count = 0
            async for block in client.tts.generate_stream(**spoken):
                count += len(block)
                # Slower than the server, so that blocks read ahead would pile up; not for long, to be quick.
                if count < 5_000_000:
                    await asyncio.sleep(0.001)
        return count, memory() - before

print(*(sync() if surface == "sync" else asyncio.run(run_async())))
"""


def speak(count: int) -> Callable[[Connection], None]:
    def step(connection: Connection) -> None:
        connection.read_body()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(count):
            connection.send(b"%x\r\n%b\r\n" % (len(BLOCK), BLOCK))
        connection.send(b"0\r\n\r\n")

    return step


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the most memory ever used")
@each_row("surface", ["sync", "async"])
@each_row("way", ["file", "stream"])
def test_memory_does_not_grow_with_the_audio(tmp_path: Path, surface: str, way: str) -> None:
    path = tmp_path / "long.wav"
    with RawServer(speak(10), speak(COUNT)) as server:
        result = subprocess.run(
            [sys.executable, "-W", "error", "-c", PROGRAM, server.url, str(path), surface, way],
            env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
    assert result.stderr == ""
    count, growth = map(int, result.stdout.split())
    assert count == len(BLOCK) * COUNT
    assert growth < MAX_GROWTH_BYTES
    assert path.stat().st_size == len(BLOCK) * (COUNT if way == "file" else 10)
