"""What a machine may be like: names that lead here, no threads to be had."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest


def resolve_as_loopback(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Has every name lead to 127.0.0.1; what was looked up, as it was given."""
    looked_up: list[object] = []
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *_: Any, flags: int = 0, **options: Any) -> Any:
        looked_up.append(host)
        return real(host if flags else "127.0.0.1", port, flags=flags, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return looked_up


def refuse_threads(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Lets no thread start whose name begins like this."""
    real = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name.startswith(name):
            raise RuntimeError("can't start new thread")
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
