"""Bulk runs against the fake: killed again and again, and beside the official SDK's loop.

::

    python benchmarks/bulk.py kills [--files 1000] [--kills 10] [--kinds threads async processes dask] [--seed 1]
    python benchmarks/bulk.py speed [--files 300] [--concurrency 8] [--rounds 3]

``kills`` starts ``transcribe_many`` with a journal, kills it with its processes at a random result, and starts it
again, until it ends by itself. It prints how many results there were, twice or missing, and how many jobs the fake has
made. ``speed`` prints files a second of ``transcribe_many``, and of the loop that users of the official SDK write, a
thread pool of the same size; both take turns, with their own defaults. The official SDK is that of this environment.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from soniox_testing import FakeSoniox  # noqa: E402 - found by the line above

PROGRAM = """
import asyncio, sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from soniox_lite import AsyncSonioxClient, SonioxClient
kind, url, folder, journal = sys.argv[1:]
sources = sorted(Path(folder).glob("*.wav"))

def note(result):
    print(Path(result.source).name, result.error or result.transcript.text, sep="|", flush=True)

def main(**options):
    with SonioxClient("k", api_base_url=url) as client:
        for result in client.stt.transcribe_many(sources, journal=journal, concurrency=16, **options):
            note(result)

async def main_async():
    async with AsyncSonioxClient("k", api_base_url=url) as client:
        async for result in client.stt.transcribe_many(sources, journal=journal, concurrency=16):
            note(result)

if __name__ == "__main__":
    if kind == "async":
        asyncio.run(main_async())
    elif kind == "processes":
        with ProcessPoolExecutor(2) as pool:
            main(executor=pool)
    elif kind == "dask":
        from distributed import Client
        with Client(n_workers=2, threads_per_worker=4, dashboard_address=None) as cluster:
            main(executor=cluster.get_executor())
    else:
        main()
"""
LOOP = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
who, url, folder, concurrency = sys.argv[1:]
sources = sorted(Path(folder).glob("*.wav"))
if who == "ours":
    from soniox_lite import SonioxClient
    client = SonioxClient("k", api_base_url=url)
    begun = time.perf_counter()
    count = sum(result.error is None for result in client.stt.transcribe_many(sources, concurrency=int(concurrency)))
else:
    from soniox import SonioxClient
    client = SonioxClient(api_key="k", api_base_url=url)
    def one(path):
        return client.stt.transcribe_and_wait_with_tokens(file=str(path), delete_after=True)
    begun = time.perf_counter()
    with ThreadPoolExecutor(int(concurrency)) as pool:
        count = sum(bool(transcript.tokens) for transcript in pool.map(one, sources))
assert count == len(sources), count
print(count / (time.perf_counter() - begun))
"""


def killed(kind: str, count: int, kills: int, generator: random.Random) -> str:
    """Runs one kind, and says what came of it."""
    with FakeSoniox(audio="any") as fake, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(count):
            (folder / f"call{number:04}.wav").write_bytes(b"%d" % number)
        (folder / "program.py").write_text(PROGRAM)
        arguments = [kind, fake.api_base_url, name, str(folder / "run.jsonl")]
        # Where in the run it is killed, in results since the last start.
        pauses: list[int | None] = [generator.randrange(1, 2 * count // (kills + 1)) for _ in range(kills)]
        lines: list[str] = []
        begun = time.monotonic()
        for pause in [*pauses, None]:
            process = subprocess.Popen(
                [sys.executable, str(folder / "program.py"), *arguments],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL if kind == "dask" else None,
                text=True,
                start_new_session=True,
            )
            assert process.stdout is not None
            if pause is not None:
                lines += [line for _ in range(pause) if (line := process.stdout.readline())]
                os.killpg(process.pid, signal.SIGKILL)
            lines += process.stdout.readlines()
            process.wait()
        took = time.monotonic() - begun
        names = [line.partition("|")[0] for line in lines]
        missing = count - len(set(names))
        differing = len({*lines}) - len(set(names))
        jobs = sum((one.method, one.path, one.status) == ("POST", "/v1/transcriptions", 201) for one in fake.requests)
        return (
            f"{kind}: {count} files, {kills} kills, {took:.0f} s: {len(set(names))} results, {missing} missing, "
            f"{len(names) - len(set(names))} given out again after a kill, {differing} of them with another text; "
            f"{jobs} jobs made, {len(fake.transcriptions)} jobs and {len(fake.files)} files left"
        )


def speed(count: int, concurrency: int, rounds: int) -> str:
    """Files a second of both."""
    found: dict[str, list[float]] = {"ours": [], "official": []}
    with tempfile.TemporaryDirectory() as name:
        for number in range(count):
            Path(name, f"call{number:04}.wav").write_bytes(b"%d" % number)
        for _ in range(rounds):
            for who, figures in found.items():
                with FakeSoniox(audio="any") as fake:
                    command = [sys.executable, "-c", LOOP, who, fake.api_base_url, name, str(concurrency)]
                    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
                    figures.append(float(done.stdout))
    ours, official = (statistics.median(found[who]) for who in ("ours", "official"))
    return (
        f"{ours:.1f} files/s, official loop {official:.1f} files/s: {ours / official:.2f} x (concurrency {concurrency})"
    )


def main() -> None:
    """Runs what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("kills", "speed"))
    parser.add_argument("--files", type=int)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--kinds", nargs="+", default=["threads", "async", "processes", "dask"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.what == "speed":
        print(speed(options.files or 300, options.concurrency, options.rounds))
        return
    generator = random.Random(options.seed)
    for kind in options.kinds:
        print(killed(kind, options.files or 1000, options.kills, generator), flush=True)


if __name__ == "__main__":
    main()
