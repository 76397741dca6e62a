"""Sockets: what is closed when connecting is interrupted, and what other systems do not have."""

from __future__ import annotations

import select
import socket
import sys
import time
from typing import Any

import pytest

from soniox_lite._net.tcp import open_socket, unacknowledged_bytes, wait_ready


def test_an_interruption_closes_the_socket() -> None:
    made: list[socket.socket] = []

    def interrupt(sock: socket.socket) -> None:
        made.append(sock)
        raise KeyboardInterrupt

    addresses = socket.getaddrinfo("127.0.0.1", 9, type=socket.SOCK_STREAM)
    with pytest.raises(KeyboardInterrupt):
        open_socket(addresses, time.monotonic() + 5, interrupt)
    assert [sock.fileno() for sock in made] == [-1]


def test_waiting_without_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(select, "poll", raising=False)
    one, other = socket.socketpair()
    with one, other:
        assert not wait_ready(one, for_read=True, for_write=False, timeout_sec=0)
        assert wait_ready(one, for_read=True, for_write=True, timeout_sec=5)
        other.send(b"x")
        assert wait_ready(one, for_read=True, for_write=False, timeout_sec=5)


class OfMacOs:
    """A socket that tells what macOS tells."""

    def getsockopt(self, level: int, option: int) -> int:
        assert (level, option) == (socket.SOL_SOCKET, 0x1024)  # SO_NWRITE of <sys/socket.h>
        return 7


@pytest.mark.parametrize(("platform", "count"), [("darwin", 7), ("win32", 0)])
def test_what_was_not_acknowledged(platform: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    sock: Any = OfMacOs()
    assert unacknowledged_bytes(sock) == count
