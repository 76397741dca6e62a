"""Interrupts a request at each line of the client; writes the number of lines and those that lost Ctrl-C as JSON.

It is a program of its own, because interrupted requests leave sockets open.
"""

from __future__ import annotations

import gc
import json
import sys
from typing import Any

from soniox_lite import SonioxClient
from tests.support.callers import KEY
from tests.support.raw_server import RawServer, reply


def interrupted_at(count: int, client: SonioxClient) -> tuple[bool, str]:
    """Whether a request with Ctrl-C after so many lines raised it, and the line; empty if there are fewer."""
    remaining = count
    place = ""

    def trace(frame: Any, event: str, _: object) -> Any:
        nonlocal remaining, place
        if "soniox_lite" not in frame.f_code.co_filename:
            return None
        if event == "line":
            remaining -= 1
            if remaining < 0:
                place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
                raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        client.request("GET", "/x")
    except KeyboardInterrupt:
        return True, place
    finally:
        sys.settrace(None)
    return False, place


def main() -> None:
    """Writes what was found to standard output."""
    sys.unraisablehook = lambda _: None
    # An interrupted request leaves a pool in a cycle; the collector would run its finalizer in a later request.
    gc.disable()
    lines = 0
    lost: list[str] = []
    with RawServer(then=reply()) as server, SonioxClient(KEY, api_base_url=server.url) as client:
        while True:
            raised, place = interrupted_at(lines, client)
            if not place:
                break
            lines += 1
            if not raised:
                lost.append(place)
    sys.stdout.write(json.dumps({"lines": lines, "lost": lost}))


if __name__ == "__main__":
    main()
