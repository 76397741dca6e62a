"""Measurements of this process and of the server process. Memory on Linux only."""

from __future__ import annotations

import gc
import pathlib
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Self

STATUS = pathlib.Path("/proc/self/status")


def status_kib(field: str) -> int:
    """A field of /proc/self/status in KiB: ``VmRSS`` is current memory, ``VmHWM`` peak memory."""
    for line in STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise LookupError(field)


def settled_kib() -> int:
    gc.collect()
    return status_kib("VmRSS")


def server_cpu(port: int) -> float:
    """Processor time of the server so far, in seconds."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(b"GET /cpu HTTP/1.1\r\n\r\n")
        return float(sock.makefile("rb").read().split()[-1])


class Use:
    """Measures time, processor time and the server's share of a ``with`` block."""

    def __init__(self, port: int) -> None:
        self.port = port

    def __enter__(self) -> Self:
        self.server = server_cpu(self.port)
        self.began = time.monotonic()
        self.cpu = time.process_time()
        self.wall = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = time.perf_counter() - self.wall
        self.cpu = time.process_time() - self.cpu
        self.server = server_cpu(self.port) - self.server

    def figures(self) -> dict[str, float]:
        return {"wall": self.wall, "cpu": self.cpu, "server_share": self.server / self.wall}


def percentile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
