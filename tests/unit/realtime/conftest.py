from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import trustme

from .driver import DRIVERS, Driver

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=list(DRIVERS))
def driver(request: pytest.FixtureRequest) -> Iterator[Driver]:
    """Drives sync, then async sessions; what they leave behind is a failure."""
    with DRIVERS[request.param]("stt") as made:
        yield made
        assert made.left_over() == []


@pytest.fixture(params=list(DRIVERS))
def tts(request: pytest.FixtureRequest) -> Iterator[Driver]:
    """The same for text-to-speech."""
    with DRIVERS[request.param]("tts") as made:
        yield made
        assert made.left_over() == []


class Tls:
    """A certificate authority, a server of it, and a client that trusts it."""

    def __init__(self, directory: Path) -> None:
        authority = trustme.CA()
        self.ca_file = directory / "ca.pem"
        authority.cert_pem.write_to_path(self.ca_file)
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1", "::1").configure_cert(self.server)
        self.client = ssl.create_default_context(cafile=str(self.ca_file))


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """TLS for both sides."""
    return Tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
