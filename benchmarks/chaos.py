"""A long conversation over connections that break: which words each client loses, doubles or mangles.

    python benchmarks/chaos.py --minutes 60 --breaks 1000 --clients resume resume-async

Audio is sent at ``--speed`` times its speed. Each connection ends in its own way and phase, by seed: by a reset, the
end of the stream, silence, a close frame or an error of the service; in answer to the start message, at a message
boundary, or at a position of the audio. Handshakes fail as well. ``--hearing`` says how well the server hears:
``exact``, ``mild`` or ``rough``. The clients are listed in clients/talker.py; those that begin with ``users-`` run with
the interpreter ``--official``, which has the official SDK.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from soniox_testing import Comparison, FakeSoniox, Hearing, Recording  # noqa: E402 - from this tree

SAMPLE_RATE = 2000
DROPS = ("reset", "eof", "half_open", "close:1000", "close:1001", "close:1011")
ERRORS = ("service_unavailable", "max_duration_reached", "internal_error", "limit_exceeded", "request_timeout")
# Audio of one connection in milliseconds; a short one may end while it is replaying.
SHORT_MS = (100, 3000)
LONG_MS = (3000, 11_000)
HANDSHAKE_FAILURES = 0.03


@dataclass
class Outcome:
    """What became of one client's run."""

    client: str
    hearing: str
    breaks: Counter[str]
    """How the connections ended, those of the whole recording; and handshakes that failed."""
    found: Comparison
    connections: int
    seconds: float
    early_kib: int | None
    peak_kib: int

    def __str__(self) -> str:
        found = self.found
        memory = "" if self.early_kib is None else f", {self.early_kib} KiB early and {self.peak_kib} KiB at the end"
        return (
            f"{self.client:13} {self.hearing:6} {sum(self.breaks.values()):5} breaks | {found} "
            f"at {found.places} places | {self.connections} connections, {self.seconds:.0f} s{memory}"
        )


def plan(fake: FakeSoniox, count: int, seed: int, *, half_open: bool) -> list[Any]:
    """Adds the breaks, each for the session that comes next."""
    dice = random.Random(seed)
    drops = DROPS if half_open else tuple(how for how in DROPS if how != "half_open")
    faults: list[Any] = []
    short = 0
    for _ in range(count):
        phase = dice.choice(("start", "frames", "audio", "audio", "audio"))
        # A client may give up after a third connection in a row that got nowhere.
        is_short = short < 1 and (phase != "audio" or dice.random() < 0.4)
        short = short + 1 if is_short else 0
        if not is_short:
            when: dict[str, Any] = {"after_audio_ms": dice.randint(*LONG_MS)}
        elif phase == "start":
            when = {}
        elif phase == "frames":
            when = {"after_frames": dice.randint(1, 12)}
        else:
            when = {"after_audio_ms": dice.randint(*SHORT_MS)}
        kind = dice.choice((*drops, *ERRORS))
        if kind in ERRORS:
            faults.append(fake.faults.error(kind, operation="stt", times=1, **when))
        else:
            faults.append(fake.faults.drop(how=kind, operation="stt", times=1, **when))
    faults.append(fake.faults.refuse(503, probability=HANDSHAKE_FAILURES, seed=seed))
    faults.append(fake.faults.reset(operation="stt", probability=HANDSHAKE_FAILURES, seed=seed + 1))
    return faults


def run(
    client: str,
    *,
    minutes: float,
    breaks: int,
    hearing: str,
    seed: int,
    speed: float,
    python: str = sys.executable,
    ping_timeout_sec: float = 0.3,
) -> Outcome:
    """Runs one client in a process of its own."""
    settings = {
        "seconds": minutes * 60,
        "seed": seed,
        "sample_rate": SAMPLE_RATE,
        "speed": speed,
        "ping_timeout_sec": ping_timeout_sec,
    }
    recording = Recording.conversation(minutes * 60, seed=seed, sample_rate=SAMPLE_RATE)
    with FakeSoniox(speed=speed) as fake:
        fake.add_recording(recording, getattr(Hearing, hearing)(seed))
        # The official SDK would wait for 40 seconds until it notices a dead line.
        faults = plan(fake, breaks, seed, half_open=not client.startswith("users-"))
        done = subprocess.run(
            [
                python,
                str(ROOT / "benchmarks" / "clients" / "talker.py"),
                client,
                fake.stt_websocket_url,
                json.dumps(settings),
            ],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60 + minutes * 60,
        )
        if done.returncode:
            raise SystemExit(f"{client} failed:\n{done.stderr}")
        ended = Counter(
            (record.error_type or record.ended or "open") for record in fake.sessions if record.ended != "finished"
        )
        ended["handshake"] = sum(fault.hits for fault in faults[-2:])
    result = json.loads(done.stdout.splitlines()[-1])
    found = recording.compare(result.pop("text"))
    return Outcome(client=client, hearing=hearing, breaks=ended, found=found, **result)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", nargs="+", default=["resume", "resume-async"])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--breaks", type=int, default=1000)
    parser.add_argument("--hearing", nargs="+", default=["exact"], choices=["exact", "mild", "rough"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=float, default=30)
    parser.add_argument("--ping-timeout", type=float, default=0.3, help="seconds; more on a machine with other load")
    parser.add_argument("--official", default=sys.executable, help="interpreter that has the official SDK")
    parser.add_argument("--words", action="store_true", help="list the words that went wrong")
    options = parser.parse_args()
    for hearing in options.hearing:
        for client in options.clients:
            outcome = run(
                client,
                minutes=options.minutes,
                breaks=options.breaks,
                hearing=hearing,
                seed=options.seed,
                speed=options.speed,
                python=options.official if client.startswith("users-") else sys.executable,
                ping_timeout_sec=options.ping_timeout,
            )
            print(outcome, flush=True)
            print(f"  {', '.join(f'{count} {kind}' for kind, count in outcome.breaks.most_common())}")
            if options.words:
                for kind in ("lost", "doubled", "out_of_order", "mangled"):
                    print(f"  {kind}: {' '.join(getattr(outcome.found, kind))}")


if __name__ == "__main__":
    main()
