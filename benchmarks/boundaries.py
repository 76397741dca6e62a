"""Cuts the connection of a conversation after each of its messages, one after the other: which words go wrong.

    python benchmarks/boundaries.py --seconds 60 --every 1

Each run is a session of its own over the whole conversation, sync and async in turn; its first connection ends after so
many messages of the server, each time in another way. What it gives out must be the words of the conversation, with
times that never go back.
"""

from __future__ import annotations

import argparse
import asyncio
import pathlib
import sys
import threading
from itertools import pairwise
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from soniox_lite.realtime import AsyncResumingSTTSession, ResumingSTTSession  # noqa: E402 - from this tree
from soniox_testing import FakeSoniox, Hearing, Recording  # noqa: E402

CHUNK_MS = 120
DROPS = ("reset", "eof", "close:1000", "close:1001", "close:1011")
ERRORS = ("service_unavailable", "max_duration_reached", "internal_error", "limit_exceeded", "request_timeout")
QUICK = {"backoff_sec": 0.01, "max_backoff_sec": 0.02, "max_replay_speed": None}


def hear(url: str, recording: Recording) -> tuple[list[Any], int]:
    """The events of a session, and how many connections it took."""
    with ResumingSTTSession(url, {"model": "stt-rt-v5", **recording.config}, "key", resume=QUICK) as session:
        sender = threading.Thread(target=session.send_bytes, args=(recording.chunks(CHUNK_MS),))
        sender.start()
        events = list(session.receive_events())
        sender.join()
        return events, session.connections


async def hear_async(url: str, recording: Recording) -> tuple[list[Any], int]:
    """The same with asyncio."""

    async def receive() -> list[Any]:
        return [event async for event in session.receive_events()]

    config = {"model": "stt-rt-v5", **recording.config}
    async with AsyncResumingSTTSession(url, config, "key", resume=QUICK) as session:
        _, events = await asyncio.gather(session.send_bytes(list(recording.chunks(CHUNK_MS))), receive())
        return events, session.connections


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--every", type=int, default=1, help="cut after each so-manieth message only")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    recording = Recording.conversation(options.seconds, seed=options.seed, sample_rate=2000)
    kinds = (*DROPS, *ERRORS)
    counts = {"sync": 0, "async": 0}
    wrong = messages = 0
    while True:
        messages += options.every
        for kind in counts:
            how = kinds[messages % len(kinds)]
            with FakeSoniox() as fake:
                fake.add_recording(recording, Hearing.exact(seed=messages))
                at = {"operation": "stt", "times": 1, "after_frames": messages}
                if how in ERRORS:
                    fake.faults.error(how, **at)
                else:
                    fake.faults.drop(how=how, **at)
                if kind == "sync":
                    events, connections = hear(fake.stt_websocket_url, recording)
                else:
                    events, connections = asyncio.run(hear_async(fake.stt_websocket_url, recording))
            if connections == 1:
                print(f"{counts['sync']} cuts sync, {counts['async']} async, {wrong} with a wrong word or time")
                return
            counts[kind] += 1
            final = [token for event in events for token in event.tokens if token.is_final]
            times = [token for token in final if token.start_ms is not None]
            goes_back = any(after.start_ms < before.start_ms for before, after in pairwise(times))
            if "".join(token.text for token in final) != recording.text or goes_back:
                wrong += 1
                print(f"{kind}, {how} after {messages} messages: {recording.compare(''.join(t.text for t in final))}")


if __name__ == "__main__":
    main()
