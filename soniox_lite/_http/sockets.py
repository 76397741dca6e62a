"""Connections of ``http.client`` over sockets that others open."""

from __future__ import annotations

import http.client
import os
import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Any


def wire_connection(host: str, port: int) -> http.client.HTTPConnection:
    """A connection of ``http.client`` without its socket, which the caller opens. It belongs to this process.

    No subclass: its base would be read when this module is loaded, and a tool such as vcrpy may have put a class of its
    own in that place for a while.
    """
    connection: Any = http.client.HTTPConnection(host, port)
    # Without a socket it fails. http.client would open one, which would know of no proxy.
    connection.auto_open = 0
    connection.pid = os.getpid()
    result: http.client.HTTPConnection = connection
    return result


def is_readable(sock: socket.socket | None) -> bool:
    """Whether an idle socket is readable. It then was closed by the server or carries unexpected data."""
    if sock is None:
        return True
    # The system does not know what TLS has decrypted already.
    pending: Callable[[], int] | None = getattr(sock, "pending", None)
    if pending is not None and pending():
        return True
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([sock], [], [], 0)[0])  # Windows
