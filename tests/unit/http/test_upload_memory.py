"""A large upload needs no more memory than a small one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.raw_server import Connection, RawServer, http_reply
from tests.support.tables import each_row

ROOT = Path(__file__).parents[3]
SIZE = 100_000_000
MAX_GROWTH_BYTES = 8_000_000

# Resident memory and not tracemalloc, which slows the upload down tenfold and sees nothing of C. Not ru_maxrss, which
# begins with what the parent process had.
PROGRAM = """
import asyncio, sys
from soniox_lite import AsyncSonioxClient, SonioxClient

url, path, surface, source = sys.argv[1:]

class ReadOnly:
    def __init__(self, file):
        self.read = file.read

def memory():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))

def sync():
    with SonioxClient("key", api_base_url=url, timeout_sec=60) as client, open(path, "rb") as file:
        client.request("POST", "/warm-up", files={"file": ReadOnly(open_small())})
        before = memory()
        client.request("POST", "/files", files={"file": path if source == "path" else ReadOnly(file)})
        return memory() - before

async def run_async():
    async with AsyncSonioxClient("key", api_base_url=url, timeout_sec=60) as client:
        with open(path, "rb") as file:
            await client.request("POST", "/warm-up", files={"file": ReadOnly(open_small())})
            before = memory()
            await client.request("POST", "/files", files={"file": path if source == "path" else ReadOnly(file)})
            return memory() - before

def open_small():
    import io
    return io.BytesIO(bytes(600_000))

print(sync() if surface == "sync" else asyncio.run(run_async()))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the most memory ever used")
@each_row("surface", ["sync", "async"])
@each_row("source", ["path", "unseekable"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, surface: str, source: str) -> None:
    path = tmp_path / "large.wav"
    with path.open("wb") as file:
        file.truncate(SIZE)
    received = [0]

    def drain(connection: Connection) -> None:
        def count(block: bytes) -> None:
            received[0] += len(block)

        connection.read_body(count)
        connection.send(http_reply())

    with RawServer(then=drain) as server:
        result = subprocess.run(
            [sys.executable, "-W", "error", "-c", PROGRAM, server.url, str(path), surface, source],
            env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
    assert result.stderr == ""
    assert received[0] > SIZE
    assert int(result.stdout) < MAX_GROWTH_BYTES
