"""Opening connections: TCP within one time for all addresses, the proxy's tunnel, TLS."""

from __future__ import annotations

import functools
import http.client
import select
import socket
import ssl

from .._clock import time
from .._network import addresses_of, certificate_was_refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class PlainConnection(http.client.HTTPConnection):
    """A connection that knows its socket, which the pool may have to break."""

    def __init__(self, host: str, timeout: float) -> None:
        super().__init__(host, timeout=timeout)
        self.open_sock: socket.socket | None = None
        self._proxy_reply: http.client.HTTPResponse | None = None
        # http.client's own hook; what it has there gives every address the whole timeout, one after the other.
        self._create_connection = self._open_socket

    def response_class(self, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:  # type: ignore[override]
        # Made for a proxy's answer to CONNECT. Python 3.10 leaves it, and so the socket, open if that is a refusal.
        self._proxy_reply = http.client.HTTPResponse(*args, **kwargs)
        return self._proxy_reply

    def close(self) -> None:
        super().close()
        if self._proxy_reply is not None:
            self._proxy_reply.close()

    def _open_socket(self, address: tuple[str, int], timeout: float, _source: object = None) -> socket.socket:
        return open_socket(address, timeout, trying=functools.partial(setattr, self, "open_sock"))


class SecureConnection(PlainConnection):
    """The same with TLS, inside the tunnel where there is one. Its host's default port is that of https."""

    default_port = http.client.HTTPS_PORT

    def __init__(self, host: str, timeout: float, context: ssl.SSLContext) -> None:
        super().__init__(host, timeout)
        self._context = context

    def connect(self) -> None:
        super().connect()
        host = getattr(self, "_tunnel_host", None) or self.host
        # In two steps, so that the pool can break a handshake that hangs.
        secured = self._context.wrap_socket(self.sock, server_hostname=host, do_handshake_on_connect=False)
        self.sock = self.open_sock = secured
        try:
            secured.do_handshake()
        except ssl.SSLCertVerificationError:
            certificate_was_refused(self._context)
            raise


def open_socket(
    address: tuple[str, int], timeout: float, *, trying: Callable[[socket.socket], object] | None = None
) -> socket.socket:
    """A TCP connection to the first of the host's addresses that accepts, within ``timeout`` seconds in all.

    The system's name resolution has limits of its own and is not counted.

    Args:
        address: Host and port.
        timeout: In seconds.
        trying: Called with each socket before it connects; who shuts it down ends the attempt.

    Raises:
        OSError: No address accepts; the last one's error.
        TimeoutError: None did in time.
    """
    host, port = address
    found = addresses_of(host, port)
    deadline = time.monotonic() + timeout
    last_error: OSError = TimeoutError(f"{host} has no address")
    for tried, (family, kind, protocol, _, target) in enumerate(found):
        sock = socket.socket(family, kind, protocol)
        if trying is not None:
            trying(sock)
        try:
            # An address that swallows packets must leave time for those after it.
            sock.settimeout(max(0.001, deadline - time.monotonic()) / (len(found) - tried))
            sock.connect(target)
        except OSError as error:
            sock.close()
            last_error = error
        else:
            sock.settimeout(max(0.001, deadline - time.monotonic()))
            return sock
    raise last_error


def is_readable(sock: socket.socket | None) -> bool:
    """Whether an idle connection has something to say: that it is closed, or what nobody asked for."""
    if sock is None:
        return True
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([sock], [], [], 0)[0])  # Windows
