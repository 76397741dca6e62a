"""What the tests of the HTTP seam share."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from soniox_lite._http.async_transport import AsyncTransport
from soniox_lite._http.transport import Transport
from tests.support.callers import CALLERS

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No set-up of the machine reaches a test."""
    for name in list(os.environ):
        if name.upper().startswith("SONIOX_") or name.lower().endswith("_proxy") or name.startswith("SSL_CERT"):
            monkeypatch.delenv(name)


@pytest.fixture(params=["sync", "async"])
def connect(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Makes clients, of either kind in turn, for a server or URL; they are closed at the end of the test."""
    made: list[Any] = []

    def make(server: Any, **options: Any) -> Any:
        made.append(CALLERS[request.param](server if isinstance(server, str) else server.url, **options))
        return made[-1]

    make.surface = request.param  # type: ignore[attr-defined]
    yield make
    for caller in reversed(made):
        caller.close()


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between attempts, which take no time here."""
    taken: list[float] = []

    def pause_sync(delay: float, _cancel: object) -> None:
        taken.append(delay)

    async def pause(delay: float, _cancel: object) -> None:
        taken.append(delay)
        await asyncio.sleep(0)  # A pause yields to the loop, however short.

    monkeypatch.setattr(Transport, "pause", staticmethod(pause_sync))
    monkeypatch.setattr(AsyncTransport, "pause", staticmethod(pause))
    return taken


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Who signs the servers' certificates."""
    return trustme.CA()


@pytest.fixture(scope="session")
def tls_server(authority: trustme.CA) -> ssl.SSLContext:
    """For a server that is 127.0.0.1 and localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


@pytest.fixture(scope="session")
def tls_client(authority: trustme.CA) -> ssl.SSLContext:
    """Trusts the authority only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that does not answer: its listener's queue is full."""
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port: int = full.getsockname()[1]
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield port
