"""Soak test: runs many realtime sessions for some time and checks for leaks, hangs and failures.

    python benchmarks/soak_realtime.py --sessions 200 --seconds 120 --tls --surface async

The server is a separate process, so that threads, descriptors and memory of this process are the client's. Sessions
are closed and reopened every ``--lifetime`` seconds. A first round warms up; at the end, threads, descriptors and
memory must be as after that round. Speed is not measured. The exit status is 1 after a leak, a hang or a failure.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import faulthandler
import gc
import os
import pathlib
import platform
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

CONFIG = {"model": "stt-rt-v5", "audio_format": "pcm_s16le", "sample_rate": 16000, "num_channels": 1}
CHUNK = bytes(3840)
TOKENS = {
    "tokens": [{"text": f" word{number}", "is_final": True, "confidence": 0.9} for number in range(10)],
    "final_audio_proc_ms": 120,
    "total_audio_proc_ms": 120,
}
# Interpreters do not return all memory; a leak of one session in twenty would exceed this.
MEMORY_SLACK_KIB = 20 * 1024


def serve(certificate: str | None) -> None:
    """Answers each chunk of audio with tokens, until standard input ends."""
    from tests.support.ws_server import FINISHED, Peer, WsServer, close, message, started  # noqa: PLC0415 - only this process needs it

    def answer(peer: Peer) -> None:
        while True:
            kind, content = peer.receive()
            if kind == "binary":
                message(TOKENS)(peer)
            elif (kind, content) == ("text", ""):
                message(FINISHED)(peer)
                close(1000)(peer)
            peer.received.clear()

    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    with contextlib.suppress(BaseException), WsServer(started, answer, tls=tls) as server:
        print(server.url, flush=True)
        sys.stdin.read()
        os._exit(0)


class Load:
    """State shared by all sessions: counters, errors, and the time to stop."""

    def __init__(self, url: str, options: argparse.Namespace, context: ssl.SSLContext | None) -> None:
        self.url = url.replace("127.0.0.1", "localhost")
        self.options = options
        self.context = context
        self.counts: Counter[str] = Counter()
        self.errors: list[str] = []
        self.lock = threading.Lock()
        self.stop_at = 0.0

    def add(self, name: str, number: int = 1) -> None:
        with self.lock:
            self.counts[name] += number

    def failed(self, error: BaseException) -> None:
        with self.lock:
            self.errors.append(f"{type(error).__name__}: {error}")

    def arguments(self) -> dict[str, Any]:
        return {"api_key": "soak", "ssl_context": self.context, "connect_timeout_sec": 60.0, "close_timeout_sec": 60.0}


def run_sync(load: Load, number: int, lifetime: float) -> None:
    """Runs sessions one after another, each with a sending and a receiving thread."""
    from soniox_lite.realtime import RealtimeSTTSession  # noqa: PLC0415 - only this process needs it

    def send(session: Any, until: float) -> None:
        try:
            while time.monotonic() < until:
                session.send_byte_chunk(CHUNK)
                load.add("sent")
                if load.options.interval:
                    time.sleep(load.options.interval)
            session.finish()
        except Exception as error:  # noqa: BLE001 - counted
            load.failed(error)

    while (now := time.monotonic()) < load.stop_at:
        try:
            with RealtimeSTTSession(load.url, CONFIG, **load.arguments()) as session:
                until = min(load.stop_at, now + lifetime * (0.5 + number % 10 / 10))
                sender = threading.Thread(target=send, args=(session, until))
                sender.start()
                for _ in session.receive_events():
                    load.add("received")
                sender.join(60)
            load.add("finished" if session.finished else "unfinished")
        except Exception as error:  # noqa: BLE001 - counted
            load.failed(error)


async def run_async(load: Load, number: int, lifetime: float) -> None:
    """The same with asyncio tasks."""
    from soniox_lite.realtime import AsyncRealtimeSTTSession  # noqa: PLC0415 - only this process needs it

    async def send(session: Any, until: float) -> None:
        while time.monotonic() < until:
            await session.send_byte_chunk(CHUNK)
            load.add("sent")
            await asyncio.sleep(load.options.interval)
        await session.finish()

    while (now := time.monotonic()) < load.stop_at:
        try:
            async with AsyncRealtimeSTTSession(load.url, CONFIG, **load.arguments()) as session:
                until = min(load.stop_at, now + lifetime * (0.5 + number % 10 / 10))
                sender = asyncio.create_task(send(session, until))
                async for _ in session.receive_events():
                    load.add("received")
                await sender
            load.add("finished" if session.finished else "unfinished")
        except Exception as error:  # noqa: BLE001 - counted
            load.failed(error)


def run_round(load: Load, seconds: float, lifetime: float) -> None:
    """Runs all sessions concurrently for ``seconds``."""
    load.stop_at = time.monotonic() + seconds
    # A hang prints the tracebacks of all threads and ends the process.
    faulthandler.dump_traceback_later(seconds + 180, exit=True)
    reporting = threading.Thread(target=report, args=(load,))
    reporting.start()
    if load.options.surface == "sync":
        workers = [
            threading.Thread(target=run_sync, args=(load, number, lifetime)) for number in range(load.options.sessions)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    else:

        async def run_all() -> None:
            await asyncio.gather(*(run_async(load, number, lifetime) for number in range(load.options.sessions)))

        asyncio.run(run_all())
    reporting.join()
    faulthandler.cancel_dump_traceback_later()


def report(load: Load) -> None:
    """Prints figures and counters every 20 seconds."""
    while time.monotonic() < load.stop_at:
        time.sleep(max(0.0, min(20.0, load.stop_at - time.monotonic())))
        print(f"  {figures()} {dict(load.counts)} errors {len(load.errors)}", flush=True)


def figures() -> dict[str, int]:
    """Threads, descriptors, Python objects and memory of this process."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        # Each thread has an arena; free memory in it that was not returned to the system is not a leak.
        ctypes.CDLL(None).malloc_trim(0)
    status = pathlib.Path("/proc/self/status").read_text(encoding="ascii")
    rss = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return {
        "threads": threading.active_count(),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "objects": len(gc.get_objects()),
        "rss_kib": int(rss),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--lifetime", type=float, default=10.0, help="seconds after which a session ends")
    parser.add_argument("--interval", type=float, default=0.5, help="seconds between chunks; 0 for none")
    parser.add_argument("--surface", choices=["sync", "async"], default="sync")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--python", help="run under this interpreter instead")
    parser.add_argument("--serve", nargs="?", const="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        serve(options.serve)
        return 0
    if options.python:
        rest = [word for word in sys.argv[1:] if word not in ("--python", options.python)]
        return subprocess.run([options.python, __file__, *rest], check=False).returncode

    with tempfile.TemporaryDirectory() as directory:
        certificate, context = "", None
        if options.tls:
            import trustme  # noqa: PLC0415 - only this process needs it

            authority = trustme.CA()
            certificate = str(pathlib.Path(directory, "server.pem"))
            authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(certificate)
            context = ssl.create_default_context()
            authority.configure_trust(context)
        server = subprocess.Popen(
            [sys.executable, __file__, "--serve", certificate], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            load = Load(server.stdout.readline().strip(), options, context)
            print(f"Python {platform.python_version()}, {ssl.OPENSSL_VERSION}, {options.surface},", end=" ")
            print(f"{options.sessions} sessions, tls {options.tls}, interval {options.interval} s", flush=True)
            run_round(load, min(10.0, options.seconds / 4), 5.0)
            before = figures()
            run_round(load, options.seconds, options.lifetime)
            after = figures()
        finally:
            server.stdin.close()
            server.wait(10)
            server.stdout.close()
    print("before", before)
    print("after ", after)
    print("counts", dict(load.counts), "errors", Counter(load.errors).most_common(5))
    is_bad = (
        bool(load.errors)
        or load.counts["unfinished"] > 0
        or after["threads"] > before["threads"]
        or after["descriptors"] > before["descriptors"]
        or after["objects"] > before["objects"] + load.options.sessions
        or after["rss_kib"] > before["rss_kib"] + MEMORY_SLACK_KIB
    )
    print("FAILED" if is_bad else "nothing leaked, hung or failed")
    return 1 if is_bad else 0


if __name__ == "__main__":
    sys.exit(main())
