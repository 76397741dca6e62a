"""Name resolution, with a deadline where one is given."""

from __future__ import annotations

import socket
import threading

from .tcp import remaining_sec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def resolve(host: str, port: int, deadline: float | None = None) -> list[Any]:
    """The addresses of a host for TCP, as ``socket.getaddrinfo`` gives them.

    Args:
        host: A name, or an address without brackets.
        port: The port that the addresses are given.
        deadline: When to give up, as ``time.monotonic()`` counts; None to leave it to the system's own limits. The
            system's call cannot be interrupted: it runs in a thread, and a late result is ignored.

    Raises:
        OSError: The name has no address, the resolver failed, or no thread can be started.
        TimeoutError: The deadline passed.
        UnicodeError: The text cannot be the name of a host.
    """
    if deadline is None:
        return _getaddrinfo(host, port)
    try:
        # A numeric address needs no resolver, and so no thread.
        return _getaddrinfo(host, port, socket.AI_NUMERICHOST)
    except socket.gaierror:
        pass
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(_getaddrinfo(host, port))
        except Exception as error:  # noqa: BLE001 - raised in the thread that waits
            outcome.append(error)

    thread = threading.Thread(target=run, name="soniox-lite resolve", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        raise OSError(f"no thread can be started for name resolution: {error}") from error
    thread.join(remaining_sec(deadline))
    if not outcome:
        raise TimeoutError("out of time")
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return list(outcome[0])


def _getaddrinfo(host: str, port: int, flags: int = 0) -> list[Any]:
    # For a str, even a numeric address, Python loads the tables of international names, which takes 2 of the 39 ms of
    # a cold process's first request; anyio and trio pass bytes, too. A replacement of the function gets a str.
    is_pythons_own = getattr(socket.getaddrinfo, "__globals__", None) is vars(socket)
    name = host.encode("ascii") if is_pythons_own and host.isascii() else host
    # As http.client calls it: replacements may give the other parameters names of their own.
    return socket.getaddrinfo(name, port, 0, socket.SOCK_STREAM, flags=flags)
