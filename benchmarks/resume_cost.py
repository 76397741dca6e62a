"""Measures what ``resume=True`` costs on a connection that does not break, and how long a break takes.

    python benchmarks/resume_cost.py [--events 400] [--rounds 60] [--breaks 20]

A server in a separate process answers each chunk of 120 ms with an event of ten tokens, the first of them final. A
session that resumes and a plain one are open side by side and take turns: each round sends some chunks, one by one, and
receives the answers, over the one and then over the other. The figure is the median over all rounds of the ratio of the
processor times, so that other load on the machine affects it little.

Then sessions of the fake are broken: the time of a handshake, the time from the end of a connection until the next one
is open, and from then until the transcripts are joined. What is kept is sent again as fast as the line takes it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import pathlib
import statistics
import subprocess
import sys
import time
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

CHUNK_MS = 120
CHUNK = bytes(16 * 2 * CHUNK_MS)
CONFIG = {"model": "stt-rt-v5", "audio_format": "pcm_s16le", "sample_rate": 16000, "num_channels": 1}
TOKENS, FINAL = 10, 1
TOKEN_MS = CHUNK_MS // FINAL


def answer(number: int) -> dict[str, Any]:
    """The event after so many chunks: a token for each 120 ms, the last nine of them not final."""
    now_ms = number * CHUNK_MS
    first = now_ms // TOKEN_MS - TOKENS
    tokens = [
        {
            "text": f" word{first + index}",
            "start_ms": (first + index) * TOKEN_MS,
            "end_ms": (first + index) * TOKEN_MS + 100,
            "confidence": 0.973,
            "is_final": index < FINAL,
        }
        for index in range(TOKENS)
        if first + index >= 0
    ]
    final_ms = max(0, now_ms - (TOKENS - FINAL) * TOKEN_MS)
    return {"tokens": tokens, "final_audio_proc_ms": final_ms, "total_audio_proc_ms": now_ms}


def serve() -> None:
    """Answers each chunk, until standard input ends."""
    from tests.support.ws_server import HungUpError, Peer, WsServer, message, started  # noqa: PLC0415 - only this process needs it

    def talk(peer: Peer) -> None:
        number = 0
        with contextlib.suppress(HungUpError):
            while True:
                if peer.receive()[0] == "binary":
                    number += 1
                    message(answer(number))(peer)
                peer.received.clear()

    with contextlib.suppress(BaseException), WsServer(started, talk) as server:
        print(server.url, flush=True)
        sys.stdin.read()
        os._exit(0)


def sync_round(session: Any, events: int) -> float:
    """Seconds of processor time for an event."""
    began = time.process_time()
    for _ in range(events):
        session.send_byte_chunk(CHUNK)
        session.receive_event()
    return (time.process_time() - began) / events


async def async_round(session: Any, events: int) -> float:
    """The same with asyncio."""
    began = time.process_time()
    for _ in range(events):
        await session.send_byte_chunk(CHUNK)
        await session.receive_event()
    return (time.process_time() - began) / events


def measure_sync(url: str, events: int, rounds: int) -> list[tuple[float, float]]:
    """Of each round, the cost of an event: plain, and with ``resume``."""
    from soniox_lite.realtime import RealtimeSTTSession, ResumingSTTSession  # noqa: PLC0415 - not in the server

    plain = RealtimeSTTSession(url, CONFIG, "key").enter()
    resuming = ResumingSTTSession(url, CONFIG, "key").enter()
    try:
        return [(sync_round(plain, events), sync_round(resuming, events)) for _ in range(rounds)]
    finally:
        plain.cancel()
        resuming.cancel()


async def measure_async(url: str, events: int, rounds: int) -> list[tuple[float, float]]:
    """The same with asyncio."""
    from soniox_lite.realtime import AsyncRealtimeSTTSession, AsyncResumingSTTSession  # noqa: PLC0415 - not in the server

    plain = await AsyncRealtimeSTTSession(url, CONFIG, "key").enter()
    resuming = await AsyncResumingSTTSession(url, CONFIG, "key").enter()
    try:
        return [(await async_round(plain, events), await async_round(resuming, events)) for _ in range(rounds)]
    finally:
        await plain.cancel()
        await resuming.cancel()


def recovery(breaks: int) -> str:
    """The figures of breaks, in milliseconds."""
    from soniox_lite.realtime import RealtimeSTTSession, ResumingSTTSession  # noqa: PLC0415 - not in the server
    from soniox_testing import FakeSoniox, Hearing, Recording  # noqa: PLC0415

    recording = Recording.conversation(20, seed=3, sample_rate=2000)
    config = {"model": "stt-rt-v5", **recording.config}
    handshakes, outages, joins, replayed = [], [], [], []
    for number in range(breaks):
        with FakeSoniox() as fake:
            fake.add_recording(recording, Hearing.exact(seed=number))
            fake.faults.drop(how="close:1011", after_audio_ms=12_000, operation="stt", times=1)
            session = ResumingSTTSession(fake.stt_websocket_url, config, "key", resume={"max_replay_speed": None})
            opened: list[float] = []
            told: list[tuple[float, Any]] = []
            session.on("state_change", lambda _, times=opened: times.append(time.monotonic()))
            session.on("resumed", lambda notice, told=told: told.append((time.monotonic(), notice)))
            with session:
                session.send_bytes(recording.chunks(CHUNK_MS))
                list(session.receive_events())
            ((joined, notice),) = told
            outages.append(notice.down_sec)
            replayed.append(notice.replayed_ms)
            joins.append(joined - max(moment for moment in opened if moment <= joined))
            began = time.monotonic()
            plain = RealtimeSTTSession(fake.stt_websocket_url, config, "key").enter()
            handshakes.append(time.monotonic() - began)
            plain.cancel()
    handshake, outage, join = (statistics.median(times) * 1000 for times in (handshakes, outages, joins))
    return (
        f"a handshake takes {handshake:.1f} ms, a break {outage:.1f} ms; joined {join:.1f} ms later, "
        f"with {statistics.median(replayed) / 1000:.1f} s of audio sent again"
    )


def shown(name: str, costs: list[tuple[float, float]]) -> str:
    """The figures of one kind of session; the first round warms up."""
    costs = costs[1:] or costs
    plain, resuming = (statistics.median(pair[kind] for pair in costs) * 1e6 for kind in (0, 1))
    ratio = statistics.median(resumed / usual for usual, resumed in costs)
    return f"{name:5} plain {plain:6.1f} µs, resume {resuming:6.1f} µs an event: {100 * (ratio - 1):+.1f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=400, help="in each round")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--breaks", type=int, default=20)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        try:
            print(shown("sync", measure_sync(url, options.events, options.rounds)))
            print(shown("async", asyncio.run(measure_async(url, options.events, options.rounds))))
        finally:
            server.kill()
    print(recovery(options.breaks))


if __name__ == "__main__":
    main()
