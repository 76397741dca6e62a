"""TCP connections within one time for all addresses of a host."""

from __future__ import annotations

import select
import socket

from .._data.clock import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


def open_socket(
    addresses: Sequence[Any], deadline: float, opened: Callable[[socket.socket], object] | None = None
) -> socket.socket:
    """A TCP connection to the first of a host's addresses that accepts.

    Args:
        addresses: As ``socket.getaddrinfo`` gives them.
        deadline: When to give up, as ``time.monotonic()`` counts.
        opened: Called with each socket before it connects; shutting it down ends the attempt.

    Raises:
        OSError: No address accepts; the last one's error.
        TimeoutError: None did in time.
    """
    last_error = OSError("the host has no address")
    for tried, (family, kind, protocol, _, target) in enumerate(addresses):
        # An address that swallows packets must leave time for those after it.
        share = remaining_sec(deadline) / (len(addresses) - tried)
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError as error:
            last_error = error
            continue
        try:
            if opened is not None:
                opened(sock)
            sock.settimeout(share)
            sock.connect(target)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            last_error = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise last_error


def remaining_sec(deadline: float) -> float:
    """Seconds until a deadline.

    Raises:
        TimeoutError: There are none.
    """
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError("out of time")
    return remaining


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
