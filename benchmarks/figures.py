"""The cases of the benchmark, with their targets."""

from __future__ import annotations

import dataclasses
from typing import Any

SDKS = ("ours", "official")
ALL = ("ours", "official", "floor")

# Code of a cold process; {sdk} is the package. A byte on standard output ends the measurement.
IMPORT = "import {sdk}"
GET = "from {sdk} import SonioxClient; SonioxClient(api_key='key', api_base_url='http{s}://{host}/v1').files.get('id')"
EVENT = """
from {sdk} import SonioxClient
from {sdk}.types.realtime import RealtimeSTTConfig
config = RealtimeSTTConfig(model='stt-rt-v5', audio_format='pcm_s16le', sample_rate=16000, num_channels=1)
client = SonioxClient(api_key='key', websocket_base_url='ws{s}://{host}/receive/10/1')
client.realtime.stt.connect(config=config).__enter__().receive_event().tokens[0].text
"""
FLOOR_GET = """
import http.client, json
connection = http.client.HTTP{S}Connection('{host}')
connection.request('GET', '/v1/files/id', headers={{'Authorization': 'Bearer key'}})
json.loads(connection.getresponse().read())['id']
"""
FLOOR_EVENT = """
import json, socket, ssl, base64, hashlib, os
sock = socket.create_connection('{host}'.split(':'))
if '{s}':
    sock = ssl.create_default_context().wrap_socket(sock, server_hostname='127.0.0.1')
sock.sendall(b'GET /receive/10/1 HTTP/1.1\\r\\nHost: x\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n'
             b'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\nSec-WebSocket-Version: 13\\r\\n\\r\\n')
reply = b''
while not reply.endswith(b'\\r\\n\\r\\n'):
    reply += sock.recv(4096)
sock.sendall(b'\\x81\\x82\\0\\0\\0\\0{{}}')
head = sock.recv(4)
json.loads(sock.recv(int.from_bytes(head[2:], 'big')))['tokens'][0]['text']
"""


@dataclasses.dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes:
        title: Added to the title of the case.
        name: Key of the value in the workload's result.
        unit: With ``/s`` higher is better, with all others lower.
        ratio: Target for the ratio of ours to the official: a maximum, for ``/s`` a minimum; None for no target.
        most: Maximum for ours alone; None for no such target.
    """

    title: str
    name: str
    unit: str
    ratio: float | None = None
    most: float | None = None


@dataclasses.dataclass(frozen=True)
class Case:
    """One measurement.

    Attributes:
        title: First words of its lines.
        workload: The method of the clients' classes, or what a cold process runs.
        arguments: Its arguments.
        figures: The lines.
        clients: The clients that are measured.
        rounds: Number of measurements of each client; clients take turns.
        fresh: Whether each measurement needs a new process.
        warm_up: Whether the workload runs once uncounted, to load modules and the like.
        timeout_sec: For one measurement of one client.
        official: Different arguments for the official SDK, if it would take too long with the usual ones.
    """

    title: str
    workload: str
    arguments: dict[str, Any]
    figures: tuple[Figure, ...]
    clients: tuple[str, ...] = ALL
    rounds: int = 5
    fresh: bool = False
    warm_up: bool = True
    timeout_sec: float = 20.0
    official: dict[str, Any] = dataclasses.field(default_factory=dict)


def port_of(word: str) -> str:
    return "tls" if word in {"TLS", "https", "wss"} else "plain"


def cold_cases() -> list[Case]:
    cases = [
        Case(
            "import, over bare Python",
            "cold",
            {"code": IMPORT, "port": "plain"},
            (Figure("", "time", "ms", ratio=0.05, most=5.0),),
            clients=SDKS,
            rounds=9,
        )
    ]
    kinds = {"http": (GET, 0.22), "https": (GET, 0.32), "ws": (EVENT, 0.22), "wss": (EVENT, 0.32)}
    for scheme, (code, ratio) in kinds.items():
        what = "first GET" if code is GET else "first event"
        floor = FLOOR_GET if code is GET else FLOOR_EVENT
        arguments = {"code": code, "floor": floor, "port": port_of(scheme)}
        figures = (Figure("", "time", "ms", ratio=ratio), Figure("peak memory", "peak", "KiB", ratio=0.55))
        cases.append(Case(f"cold process to {what}, {scheme}", "cold", arguments, figures, rounds=9))
        if code is GET:
            variants = {"no .pyc files": ("without_pyc", 0.16 if scheme == "http" else 0.18)}
            if scheme == "https":
                variants["certificates in a bundle alone"] = ("bundle_only", ratio)
            for variant, (option, most) in variants.items():
                figures = (Figure("", "time", "ms", ratio=most),)
                title = f"cold process to {what}, {scheme}, {variant}"
                cases.append(Case(title, "cold", {**arguments, "options": {option: True}}, figures, rounds=5))
    return cases


def rest_cases() -> list[Case]:
    cases: list[Case] = []
    for title, what, seconds, rounds, ratio in (
        ("GET small JSON", "file", 0.15, 9, 2.0),
        ("GET a list of 100 jobs", "jobs", 0.15, 9, 1.9),
        ("GET a transcript of 10,000 tokens, all read", "transcript", 0.3, 5, 2.7),
    ):
        for port in ("plain", "TLS"):
            arguments = {"what": what, "port": port_of(port), "seconds": seconds, "size": 10_000}
            figures = (Figure("", "rate", "/s", ratio=ratio),)
            cases.append(Case(f"{title}, {port}", "rest", arguments, figures, rounds=rounds))
    for title, path, ratio in (("fast server", "v1", 5.0), ("50 ms of latency", "late/v1", 1.4)):
        arguments = {"path": path, "port": "plain", "seconds": 0.5, "concurrent": 50}
        figures = (Figure("", "rate", "/s", ratio=ratio),)
        cases.append(Case(f"async GET, 50 concurrent, {title}", "rest_async", arguments, figures, rounds=3))
    figures = (
        Figure("", "upload_time", "ms", ratio=round(1 / 1.1, 2)),
        Figure("memory growth", "growth_mib", "MiB", most=2.0),
    )
    cases.append(Case("upload of 100 MB", "upload", {"port": "plain"}, figures, rounds=7, fresh=True))
    return cases


def realtime_cases() -> list[Case]:
    cases: list[Case] = []
    surfaces = (("sync", ""), ("async", "_async"))
    for port in ("plain", "TLS"):
        for surface, suffix in surfaces:
            for tokens, events, ratio in ((10, 6000, 1.8), (40, 2000, 1.6)):
                arguments = {"port": port_of(port), "tokens": tokens, "events": events}
                title = f"receive, {tokens} tokens an event, {surface}, {port}"
                figures = (Figure("", "rate", "/s", ratio=ratio),)
                cases.append(Case(title, f"receive{suffix}", arguments, figures))
    for title, path, port, chunks, ratio in (
        ("send 3,840-byte chunks", "take", "plain", 8000, 0.7),
        ("send 3,840-byte chunks", "take", "TLS", 8000, 0.7),
        ("send, compression accepted", "take-deflated", "plain", 2000, 5.0),
    ):
        for surface, suffix in surfaces:
            arguments = {"port": port_of(port), "path": path, "chunks": chunks}
            figures = (Figure("", "rate", "/s", ratio=ratio),)
            cases.append(Case(f"{title}, {surface}, {port}", f"send{suffix}", arguments, figures, rounds=9))
    for surface, suffix in surfaces:
        figures = (Figure("", "open_time", "ms", ratio=0.2),)
        clients = SDKS if suffix else ALL
        arguments = {"port": "tls", "times": 10}
        cases.append(Case(f"open a TLS session, {surface}", f"open{suffix}", arguments, figures, clients=clients))
    # One pause of the machine spoils the p99 of a round. With many sessions a round has fewer events: take more rounds.
    for sessions, rate, rounds in ((1, 500.0, 3), (100, 10.0, 5)):
        for surface, suffix in surfaces:
            figures = (
                Figure("p50", "p50", "ms", ratio=0.85),
                Figure("p99", "p99", "ms", ratio=0.9),
                Figure("processor time an event", "event_cpu", "µs", ratio=0.75),
            )
            many = f"{sessions} session{'s' if sessions > 1 else ''} at {rate:.0f} events/s"
            # A p99 needs many events.
            arguments = {"port": "plain", "sessions": sessions, "rate": rate, "seconds": 1.5 if sessions > 1 else 2.0}
            clients = ALL if suffix or sessions == 1 else SDKS
            title = f"event latency, {many}, {surface}"
            cases.append(
                Case(title, f"latency{suffix}", arguments, figures, clients=clients, rounds=rounds, warm_up=False)
            )
    for surface, suffix in surfaces:
        figures = (
            Figure("memory of each", "session_kib", "KiB", ratio=0.08),
            Figure("threads in all", "threads", "", most=8)
            if suffix
            else Figure("threads of each", "session_threads", "", most=1),
        )
        title = f"500 idle TLS sessions (official: 200), {surface}"
        clients = SDKS if suffix else ALL
        arguments = {"port": "tls", "sessions": 500}
        few = {"sessions": 200}
        cases.append(
            Case(title, f"idle{suffix}", arguments, figures, clients, 1, fresh=True, timeout_sec=40.0, official=few)
        )
    return cases


def hang_cases() -> list[Case]:
    arguments: dict[str, Any] = {"port": "tls", "times": 2000, "seconds": 20.0}
    figures = (Figure("hung", "hung", "", most=0), Figure("connects", "connects", ""))
    cases = [
        Case("TLS connects to a healthy server", "healthy", arguments, figures, SDKS, 1, fresh=True, timeout_sec=30.0)
    ]
    for title, port, path in (
        ("after TCP", "mute", "take"),
        ("within TLS", "half", "take"),
        ("before the upgrade", "tls", "stall/before"),
        ("within the upgrade", "tls", "stall/within"),
    ):
        for surface, suffix in (("sync", ""), ("async", "_async")):
            arguments = {"port": port, "path": path, "connect_timeout_sec": 1.0}
            figures = (Figure("times its timeout", "over", "x", most=1.1),)
            cases.append(
                Case(f"peer stalls {title}, {surface}", f"stall{suffix}", arguments, figures, SDKS, 1, fresh=True)
            )
    return cases


def all_cases() -> list[Case]:
    closure = Case(
        "installed closure",
        "closure",
        {},
        (
            Figure("unpacked", "unpacked", "KiB", ratio=0.08),
            Figure("zipped", "zipped", "KiB", ratio=0.06),
            Figure("compiled files", "compiled", "", most=0),
        ),
        clients=SDKS,
        rounds=1,
    )
    return [*cold_cases(), closure, *rest_cases(), *realtime_cases(), *hang_cases()]
