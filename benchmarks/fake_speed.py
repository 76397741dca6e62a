"""Measures how many REST requests and realtime events a second the fake server answers, and what they cost.

    python benchmarks/fake_speed.py

The fake runs in this process, each client in its own. Clients use plain sockets, so that they take little of the time.
Every measurement takes ``--seconds`` seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import platform
import socket
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    from websocket import WebSocket

    from soniox_testing.realtime.conversation import Conversation

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

TOKENS_PER_EVENT = 10
EVENTS_PER_MESSAGE = 200
START = {"model": "stt-rt-v5", "audio_format": "pcm_s16le", "sample_rate": 16000, "num_channels": 1}
EVENT = {
    "tokens": [
        {"text": f" word{n}", "start_ms": n * 100, "end_ms": n * 100 + 90, "confidence": 0.95, "is_final": True}
        for n in range(TOKENS_PER_EVENT)
    ],
    "final_audio_proc_ms": 1000,
    "total_audio_proc_ms": 1000,
}


def ask_rest(url: str, path: str, seconds: float) -> int:
    """Sends requests one after another over one connection and returns the number of replies."""
    address = urlsplit(url)
    request = f"GET {path} HTTP/1.1\r\nHost: fake\r\nAuthorization: Bearer key\r\n\r\n".encode()
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = connection.makefile("rb")
        done, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            connection.sendall(request)
            status = stream.readline()
            assert b" 200 " in status, status
            length = 0
            while (line := stream.readline()) not in {b"\r\n", b""}:
                if line.lower().startswith(b"content-length:"):
                    length = int(line[15:])
            stream.read(length)
            done += 1
    return done


def listen(url: str, seconds: float) -> int:
    """Requests events as fast as possible in one session and returns their number; each has ten tokens."""
    import websocket  # noqa: PLC0415 - only this process needs it

    connection = websocket.create_connection(url, header=["Authorization: Bearer key"], timeout=20)
    connection.send(json.dumps(START))
    ask = bytes(3200)
    size, done, end = 0, 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        connection.send_binary(ask)
        left = EVENTS_PER_MESSAGE
        if not size:
            event = connection.recv()
            assert len(json.loads(event)["tokens"]) == TOKENS_PER_EVENT, event
            # All events have the same size, in frames with a head of four bytes: the others are counted by their bytes.
            size, left = 4 + len(event), left - 1
        due = left * size
        while due:
            block = connection.sock.recv(min(due, 1 << 18))
            assert block, "the session ended early"
            due -= len(block)
        done += EVENTS_PER_MESSAGE
    connection.close()
    return done


def hear(url: str, seconds: float) -> int:
    """Streams audio as fast as possible in one session and returns the number of messages with recognized words."""
    import websocket  # noqa: PLC0415 - only this process needs it

    connection = websocket.create_connection(url, header=["Authorization: Bearer key"], timeout=20)
    start = {"model": "stt-rt-v5", "audio_format": "pcm_u8", "sample_rate": 2000, "num_channels": 1}
    connection.send(json.dumps(start))
    done, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        connection.send_binary(bytes(2000 * 60))
        connection.send(json.dumps({"type": "finalize"}))
        received = bytearray()
        while b"<fin>" not in received[-1000:]:
            block = connection.sock.recv(1 << 18)
            assert block, "the session ended early"
            received += block
        position = 0
        while position < len(received):
            length = received[position + 1]
            head = 4 if length == 126 else 2
            if length == 126:
                length = int.from_bytes(received[position + 2 : position + 4], "big")
            position += head + length
            done += 1
    connection.close()
    return done


def rate(arguments: list[str], processes: int, seconds: float, unit: str) -> str:
    """Operations per second of all client processes together, and what each costs in the process of the fake."""
    command = [sys.executable, __file__, *arguments, "--seconds", str(seconds)]
    began_sec = time.process_time()
    clients = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    total = 0
    for client in clients:
        output, _ = client.communicate(timeout=60)
        if client.returncode:
            raise SystemExit(f"a client ended with {client.returncode}")
        total += int(output)
    cpu_sec = time.process_time() - began_sec
    return f"{total / seconds:,.0f} {unit}/s, {cpu_sec / total * 1e6:.0f} us of CPU each"


def talk_once(connection_of: Callable[[], WebSocket], audio: bytes) -> None:
    """Runs one session with its audio, to its end."""
    connection = connection_of()
    connection.send(json.dumps(START))
    for start in range(0, len(audio), 16_000):
        connection.send_binary(audio[start : start + 16_000])
    connection.send("")
    while not json.loads(connection.recv()).get("finished"):
        pass
    connection.close()


def growth(sessions: int) -> float:
    """By how many megabytes a standalone fake grows in so many sessions, each with five seconds of audio."""
    import websocket  # noqa: PLC0415 - only this measurement needs it

    command = [sys.executable, "-m", "soniox_testing"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert server.stdout is not None
    url = server.stdout.readline().strip().replace("http", "ws") + "/transcribe-websocket"

    def resident_mb() -> float:
        status = pathlib.Path(f"/proc/{server.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def connect() -> WebSocket:
        return websocket.create_connection(url, header=["Authorization: Bearer key"], timeout=20)

    try:
        # Code and buffers that the first sessions load are not growth.
        for _ in range(20):
            talk_once(connect, bytes(160_000))
        before_mb = resident_mb()
        for _ in range(sessions):
            talk_once(connect, bytes(160_000))
        return resident_mb() - before_mb
    finally:
        server.terminate()
        server.wait()


def start_and_stop() -> float:
    """Median seconds to create, start and stop a fake on a running listener."""
    from soniox_testing import FakeSoniox, SharedListener  # noqa: PLC0415 - not in the clients

    times: list[float] = []
    with SharedListener() as listener:
        for _ in range(500):
            began = time.perf_counter()
            FakeSoniox(listener=listener).start().stop()
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--sessions", type=int, default=2000, help="for the memory (default: %(default)s); 0: skip it")
    parser.add_argument("--client", choices=["rest", "stt", "hear"], help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--path", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client == "rest":
        print(ask_rest(options.url, options.path, options.seconds))
        return
    if options.client == "stt":
        print(listen(options.url, options.seconds))
        return
    if options.client == "hear":
        print(hear(options.url, options.seconds))
        return

    from soniox_testing import FakeSoniox  # noqa: PLC0415 - not in the clients

    print(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} processors")
    if options.sessions and pathlib.Path("/proc/self/status").exists():
        figure = growth(options.sessions)
        print(f"a standalone fake grows by {figure:.1f} MB in {options.sessions:,} sessions")
    print(f"start and stop on a running listener: {start_and_stop() * 1000:.3f} ms")
    with FakeSoniox() as fake:
        for path in ("/v1/files/count", "/v1/files", "/v1/models"):
            for connections in (1, 4):
                arguments = ["--client", "rest", "--url", fake.url, "--path", path]
                figure = rate(arguments, connections, options.seconds, "requests")
                print(f"GET {path}, {connections} connection(s): {figure}")

        def talk(conversation: Conversation) -> None:
            # At the end of its time the client disconnects, which raises an AssertionError here.
            with contextlib.suppress(AssertionError):
                while True:
                    conversation.expect_audio()
                    for _ in range(EVENTS_PER_MESSAGE):
                        conversation.sends(EVENT)

        for sessions in (1, 4):
            fake.on_session(talk, times=sessions)
            figure = rate(["--client", "stt", "--url", fake.stt_websocket_url], sessions, options.seconds, "events")
            print(f"events of {TOKENS_PER_EVENT} tokens, {sessions} session(s): {figure}")
        for sessions in (1, 4):
            figure = rate(["--client", "hear", "--url", fake.stt_websocket_url], sessions, options.seconds, "messages")
            print(f"recognized words, {sessions} session(s): {figure}")


if __name__ == "__main__":
    main()
