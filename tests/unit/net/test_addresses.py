"""Name resolution with a deadline."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import pytest

from soniox_lite._net.addresses import resolve


def soon() -> float:
    return time.monotonic() + 60


@pytest.mark.parametrize("deadline_sec", [None, 10.0])
def test_a_name(deadline_sec: float | None) -> None:
    deadline = None if deadline_sec is None else time.monotonic() + deadline_sec
    assert ("127.0.0.1", 80) in [address[4] for address in resolve("localhost", 80, deadline)]


def test_an_address_needs_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        pytest.fail("a thread was started")

    monkeypatch.setattr(threading, "Thread", refuse)
    assert [address[4] for address in resolve("127.0.0.1", 80, soon())] == [("127.0.0.1", 80)]


def test_the_resolvers_error_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(socket.gaierror, match="unknown"):
        resolve("soniox.invalid", 80, soon())


def test_a_replacement_may_have_other_names_for_its_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    def replaced(host: str, port: int, family: int = 0, socktype: int = 0, proto: int = 0, flags: int = 0) -> Any:
        return [(socket.AF_INET, socktype, proto, "", (host, port))]

    monkeypatch.setattr(socket, "getaddrinfo", replaced)
    assert resolve("soniox.invalid", 80) == [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("soniox.invalid", 80))]


def test_a_resolver_that_hangs_is_left_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()

    def hang(*_: Any, flags: int = 0, **__: Any) -> Any:
        if not flags:
            done.wait(60)
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    started = time.monotonic()
    with pytest.raises(TimeoutError, match="out of time"):
        resolve("soniox.invalid", 80, started + 0.05)
    assert time.monotonic() - started < 30
    done.set()
