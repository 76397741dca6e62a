"""Connections of ``http.client`` over sockets that others open."""

from __future__ import annotations

import http.client
import os
import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket


class WireConnection(http.client.HTTPConnection):
    """A connection that knows its socket, which the pool may have to break.

    Attributes:
        open_sock: What was opened last; None before.
        pid: The process that it belongs to.
    """

    # Without a socket it fails. http.client would open one, which would know of no proxy.
    auto_open = 0
    open_sock: socket.socket | None = None

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self.pid = os.getpid()


def is_readable(sock: socket.socket | None) -> bool:
    """Whether an idle connection has something to say: that it is closed, or what nobody asked for."""
    if sock is None:
        return True
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([sock], [], [], 0)[0])  # Windows
