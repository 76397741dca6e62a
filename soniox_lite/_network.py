"""What REST and realtime share of the network: looking names up, and the TLS context."""

from __future__ import annotations

import socket
import ssl
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_default_context: ssl.SSLContext | None = None
_default_context_lock = threading.Lock()


def default_tls_context() -> ssl.SSLContext:
    """The TLS context that all clients without one of their own share.

    It verifies against the system's certificates, or those that ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` name when the
    first TLS connection is made. Making one costs 16 ms and 2.4 MB, so there is one.
    """
    global _default_context  # noqa: PLW0603 - one for the process, made when first needed
    with _default_context_lock:
        if _default_context is None:
            _default_context = ssl.create_default_context()
        return _default_context


def addresses_of(host: str, port: int, *, flags: int = 0) -> list[Any]:
    """What ``socket.getaddrinfo`` knows of a host for TCP.

    Raises:
        OSError: Nothing, or the resolver failed.
        UnicodeError: It cannot be a host's name.
    """
    # As anyio and trio do: for a str, even an address, Python loads the tables of international names, which takes 2 of
    # the 39 ms of a cold process's first request.
    name = host.encode("ascii") if host.isascii() else host
    return socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=flags)
