"""Connecting to a server: TCP, the proxy's TLS and tunnel, the server's TLS, all within one deadline."""

from __future__ import annotations

from .proxies import open_tunnel
from .tcp import open_socket
from .tls import start_tls

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Sequence
    from typing import Any

    from .proxies import Proxy


class Route:
    """A server and the proxy through which it is reached, if any.

    Attributes:
        first_hop: Host and port of the TCP connection: the server's, or its proxy's.
    """

    def __init__(
        self,
        host: str,
        port: int,
        proxy: Proxy | None,
        *,
        secure: bool,
        tunnelled: bool,
        tls_context: Callable[[], ssl.SSLContext],
    ) -> None:
        """Opens nothing yet.

        Args:
            host: The server's name, or address without brackets.
            port: Its port.
            proxy: The proxy to connect through; None for a direct connection.
            secure: Whether the server uses TLS.
            tunnelled: Whether to open a tunnel through the proxy (CONNECT); otherwise each request names its target.
            tls_context: Returns the TLS context, for the server and for a proxy that uses TLS; called when needed.
        """
        self._host = host
        self._port = port
        self._proxy = proxy
        self._secure = secure
        self._tunnelled = tunnelled
        self._tls_context = tls_context
        self.first_hop = (host, port) if proxy is None else (proxy.host, proxy.port)

    def connect(
        self,
        addresses: Sequence[Any],
        deadline: float,
        opened: Callable[[socket.socket], object],
        at_step: Callable[[str], object] = bool,
    ) -> socket.socket:
        """Opens a connection to the server, or to the proxy if there is no tunnel.

        Args:
            addresses: The addresses of the first hop, as ``socket.getaddrinfo`` gives them.
            deadline: When to give up, as ``time.monotonic()`` counts.
            opened: Called with each socket before it is used; shutting the socket down ends the attempt.
            at_step: Called with the name of each step before it is taken.

        Raises:
            ProxyError: The proxy refuses the tunnel.
            OSError: A step failed.
            TimeoutError: The deadline passed.
        """
        host, port = self.first_hop
        at_step(f"TCP connection to {host}:{port}")
        sock = open_socket(addresses, deadline, opened)
        try:
            if self._proxy is not None and self._proxy.secure:
                at_step(f"TLS with the proxy {self._proxy}")
                sock = start_tls(sock, host, self._tls_context(), deadline, opened)
            if self._proxy is not None and self._tunnelled:
                at_step(f"proxy tunnel to {self._host}:{self._port}")
                open_tunnel(sock, self._host, self._port, self._proxy, deadline)
            if self._secure:
                at_step(f"TLS with {self._host}")
                sock = start_tls(sock, self._host, self._tls_context(), deadline, opened)
        except BaseException:
            sock.close()
            raise
        return sock
