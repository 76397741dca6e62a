"""TCP: connecting to the addresses of a host within one deadline, and waiting for sockets."""

from __future__ import annotations

import contextlib
import select
import socket
import sys

from .._data.clock import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeVar

    T = TypeVar("T")

# From <sys/socket.h> of macOS; Python does not name it.
_SO_NWRITE = 0x1024
# How long another thread may wait for a socket before it looks whether the socket was shut down; None where that ends
# the wait. On Windows it does not (CPython issue 91913).
SLICE_SEC: float | None = 0.1 if sys.platform == "win32" else None


def open_socket(addresses: Sequence[Any], deadline: float, opened: Callable[[socket.socket], object]) -> socket.socket:
    """A TCP connection to the first of a host's addresses that accepts one.

    Args:
        addresses: As ``socket.getaddrinfo`` gives them.
        deadline: When to give up, as ``time.monotonic()`` counts.
        opened: Called with each socket before it connects; shutting the socket down ends the attempt.

    Raises:
        OSError: No address accepts a connection; the error of the last one.
        TimeoutError: The deadline passed.
    """
    last_error = OSError("the host has no address")
    for tried, (family, kind, protocol, _, target) in enumerate(addresses):
        # An address that drops packets must leave time for those after it.
        share = remaining_sec(deadline) / (len(addresses) - tried)
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError as error:
            last_error = error
            continue
        try:
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


def remaining_sec(deadline: float, timeout_sec: float | None = None) -> float:
    """Seconds until a deadline, but at most the timeout if there is one.

    Raises:
        TimeoutError: The deadline passed.
    """
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError("out of time")
    return remaining if timeout_sec is None else min(remaining, timeout_sec)


def step_within(sock: socket.socket, wait_sec: float, step: Callable[..., T], *args: Any) -> T:
    """What ``step(*args)`` returns, which waits for the socket; shutting that down in another thread ends the wait.

    Args:
        sock: The socket.
        wait_sec: How long the step may wait, in seconds.
        step: A method of the socket.
        args: Its arguments.

    Raises:
        OSError: As the step raises it; TimeoutError when the time is over.
    """
    if SLICE_SEC is None:
        # Only if it differs: settimeout() is a system call, and TLS gives 16 KiB at a time.
        if sock.gettimeout() != wait_sec:
            sock.settimeout(wait_sec)
        return step(*args)
    return step_without_blocking(sock, wait_sec, step, *args)


def step_without_blocking(sock: socket.socket, wait_sec: float, step: Callable[..., T], *args: Any) -> T:
    """As :func:`step_within`, but the waits are between calls of ``step``. Leaves the socket non-blocking."""
    import ssl  # noqa: PLC0415 - for TLS, and on Windows

    deadline = time.monotonic() + wait_sec
    sock.setblocking(False)  # noqa: FBT003 - as eventlet understands it, unlike settimeout(0)
    while True:
        # On a socket that was shut down this fails; only waiting for it would not.
        try:
            return step(*args)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
            wants_write = isinstance(error, ssl.SSLWantWriteError)
        slice_sec = remaining_sec(deadline, SLICE_SEC)
        wait_ready(sock, for_read=not wants_write, for_write=wants_write, timeout_sec=slice_sec)


def wait_ready(sock: socket.socket, *, for_read: bool, for_write: bool, timeout_sec: float) -> bool:
    """Whether a socket became ready, or failed, within a time. Uses the descriptor only, never a TLS object."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock, (select.POLLIN if for_read else 0) | (select.POLLOUT if for_write else 0))
        return bool(poll.poll(timeout_sec * 1000))
    # Windows
    readable, writable, _ = select.select([sock] if for_read else [], [sock] if for_write else [], [], timeout_sec)
    return bool(readable or writable)


def is_readable(sock: socket.socket) -> bool:
    """Whether reading from a socket would not wait: there is data, TLS has some decrypted, or the peer closed it."""
    # The descriptor does not show what TLS has decrypted already.
    pending: Callable[[], int] | None = getattr(sock, "pending", None)
    if pending is not None and pending():
        return True
    return wait_ready(sock, for_read=True, for_write=False, timeout_sec=0.0)


def unacknowledged_bytes(sock: socket.socket) -> int:
    """How many of the bytes sent the peer's kernel has not acknowledged yet; 0 where the system does not tell."""
    with contextlib.suppress(OSError, ValueError):
        if sys.platform == "linux":
            import fcntl  # noqa: PLC0415 - not on Windows, and rarely needed
            import termios  # noqa: PLC0415

            return int.from_bytes(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)
        if sys.platform == "darwin":
            return sock.getsockopt(socket.SOL_SOCKET, _SO_NWRITE)
    return 0
