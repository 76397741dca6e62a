"""One port for many fakes, one after the other or at once.

Stopping a listener takes about 20 ms, so a test session keeps one listener, and each test mounts a new fake on it. Each
mount has a number that is not used again, and its URL begins with it. So a request for a fake of an ended test changes
nothing: it is refused with 410 and recorded.
"""

from __future__ import annotations

import re
import threading
import weakref
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..net.exchange import LINE, Delivery, SentRequest, Service, text_of
from ..net.listener import Listener
from ..rest.router import json_response
from ..script.failures import Failed, FakeSonioxError, join
from ..unfrozen import time
from ..wire.rest_errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self
    from werkzeug.wrappers import Request, Response

    from ..net.exchange import Upgrade
    from ..net.line import Line
    from ..net.tls import Certificate

ROOT = 0
"""The number of the place without a number in its URL."""
_PREFIX = re.compile(r"/~([1-9][0-9]{0,17})(?=/|$)")
_MOST_LATE_CALLS = 1000
_MOST_NAMES = 100_000


@dataclass(frozen=True)
class LateCall:
    """Requests that arrived for a stopped fake, with the same method and path; usually a leak of an earlier test."""

    name: str | None
    """The ``name`` of that fake; None when it had none."""
    method: str
    """Such as ``GET``; also of a request for a WebSocket."""
    path: str
    """The path below the fake's URL."""
    count: int
    """Number of such requests."""


class SharedListener:
    """A port that any number of fakes share: ``FakeSoniox(listener=...)``.

    May be used from any thread. Use it in a ``with`` block, or call ``start`` and ``stop``.

    Args:
        host: Name or address to listen on.
        port: Port to listen on; 0 picks a free one.
        tls: Whether to speak TLS, with a new certificate.
        beside: For the standalone server: answers requests that are not for a fake, and returns None for others.

    Raises:
        RuntimeError: trustme is not installed, and TLS was asked for.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: bool = False,
        beside: Callable[[Request], Response | None] | None = None,
    ) -> None:
        self._beside = beside
        self._failures: list[Failed] = []
        service = Service(self._respond, self._websocket, self._failed)
        self._listener = Listener(service, host=host, port=port, tls=tls)
        self._lock = threading.Lock()
        self._lifecycle = threading.RLock()
        """Held by a start or a stop."""
        self._mounts: dict[int, Mount] = {}
        self._names: dict[int, str] = {}
        self._newest = 0
        # The fake of each connection. A client may keep a connection from one test to the next.
        self._owners: weakref.WeakKeyDictionary[Line, Mount] = weakref.WeakKeyDictionary()
        self._late: Counter[tuple[int, str, str]] = Counter()

    def start(self) -> Self:
        """Begins to listen; does nothing when it already does.

        Returns:
            This object.

        Raises:
            OSError: It cannot listen on the address, for example because the port is in use.
        """
        with self._lifecycle:
            if not self._listener.is_running():
                self._listener.start()
        return self

    def stop(self) -> None:
        """Stops listening and ends all connections; does nothing when stopped. Stop the fakes on it before.

        Raises:
            FakeSonioxError: There was an internal error that belongs to no fake.
        """
        with self._lifecycle:
            if self._listener.is_running():
                self._failures += join(self._listener.stop())
        failures, self._failures[:] = self._failures[:], []
        if failures:
            raise FakeSonioxError(failures, "the listener of fake servers")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def late_calls(self) -> tuple[LateCall, ...]:
        """The requests that arrived for stopped fakes, in the order in which they first arrived."""
        with self._lock:
            return tuple(
                LateCall(self._names.get(number), method, path, count)
                for (number, method, path), count in self._late.items()
            )

    @property
    def certificate(self) -> Certificate | None:
        """The TLS certificate; None: plain HTTP."""
        return self._listener.certificate

    def mount(self, service: Service, *, name: str | None = None) -> Mount:
        """A place for one fake.

        Args:
            service: Handles the requests below the mount, and gets internal errors of its connections.
            name: Of the fake, in ``late_calls`` and in the answers to late requests.
        """
        return Mount(self, service, name)

    def place(self, *, root: bool = False) -> Place:
        """A URL that one fake after the other may have.

        Args:
            root: Whether it is the URL without a number, of which there is one.
        """
        return Place(self, ROOT if root else self._next_number())

    def _next_number(self) -> int:
        with self._lock:
            self._newest += 1
            return self._newest

    def open(self, mount: Mount) -> str:
        """Begins to pass requests on to a mount, in place of an older one there.

        Returns:
            Its URL, which no other mount of this listener ever had, unless it has a place.
        """
        if not self._listener.is_running():
            raise RuntimeError("this SharedListener was not started: use it in a with statement, or call start()")
        number = self._next_number() if mount.number is None else mount.number
        with self._lock:
            self._mounts[number] = mount
            if mount.name is not None:
                self._names[number] = mount.name
            if len(self._names) > _MOST_NAMES:
                del self._names[next(iter(self._names))]
        return self._listener.url if number == ROOT else f"{self._listener.url}/~{number}"

    def close(self, mount: Mount) -> list[threading.Thread]:
        """Passes no more requests on to a mount, and ends its connections.

        Returns:
            Their threads, which end by themselves.
        """
        with self._lock:
            self._mounts = {number: known for number, known in self._mounts.items() if known is not mount}
            ending = [line for line, owner in self._owners.items() if owner is mount]
        return self._listener.end_connections(ending)

    def unused_sec(self, number: int) -> float:
        """For how many real seconds a place had no request and no open WebSocket."""
        with self._lock:
            mount = self._mounts.get(number)
            if mount is None or mount.websockets:
                return 0.0
            return time.monotonic() - mount.used_sec

    def _failed(self, error: BaseException, doing: str, line: Line | None) -> None:
        """Assigns a failure to the fake of the connection, or else to the fake that was started last."""
        with self._lock:
            mount = None if line is None else self._owners.get(line)
            if mount is None and (line is None or not line.ending):
                mount = next(reversed(self._mounts.values()), None)
        if mount is None:
            self._failures.append(Failed(error, doing))
        else:
            prefix = mount.url.removeprefix(self._listener.url)
            mount.service.on_error(error, doing.replace(f" {prefix}/", " /", 1), line)

    def _find(self, path: str) -> tuple[int, str, Mount | None]:
        """The number that a path begins with, the path below it, and the mount there; hold the lock."""
        number, below = split_path(path)
        mount = self._mounts.get(number)
        if mount is not None:
            mount.used_sec = time.monotonic()
        return number, below, mount

    def _respond(self, request: Request) -> Delivery:
        if self._beside is not None:
            # A client may send such a request and others on one connection; the end of a fake must not end it.
            self._owners.pop(request.environ[LINE], None)
            response = self._beside(request)
            if response is not None:
                return Delivery(response)
        with self._lock:
            number, below, mount = self._find(request.environ["PATH_INFO"])
            path = text_of(below)
            if mount is not None:
                # Under the lock that close() takes, so that close() ends this connection, too.
                self._owners[request.environ[LINE]] = mount
            elif ROOT < number <= self._newest:
                call = (number, request.method, path)
                if call in self._late or len(self._late) < _MOST_LATE_CALLS:
                    self._late[call] += 1
        if mount is not None:
            request.environ["PATH_INFO"] = below
            return mount.service.respond(SentRequest(request.environ))
        if not ROOT < number <= self._newest:
            refusal = ApiError(
                404, "not_found", f"There is nothing at {request.path}. URLs here begin with /~, a number."
            )
        else:
            name = self._names.get(number)
            whose = f" {name}" if name else ""
            ended = f"The test{whose} has ended, and its fake with it"
            if self._beside is not None:
                ended = f"The fake{whose} at /~{number} was deleted"
            refusal = ApiError(410, "test_ended", f"{ended}; {request.method} {path} came too late.")
        return Delivery(json_response(refusal.status_code, refusal.body()))

    def _websocket(self, path: str) -> Callable[[Upgrade], None] | None:
        with self._lock:
            _, below, mount = self._find(path)
        serve = None if mount is None else mount.service.upgrade(below)
        if mount is None or serve is None:
            return None  # It is answered as any other request.

        def run(upgrade: Upgrade) -> None:
            with self._lock:
                if mount not in self._mounts.values():
                    return  # The fake has stopped meanwhile.
                self._owners[upgrade.line] = mount
                mount.websockets += 1
            try:
                serve(upgrade)
            finally:
                with self._lock:
                    mount.websockets -= 1
                    mount.used_sec = time.monotonic()

        return run


def split_path(path: str) -> tuple[int, str]:
    """The number that a path begins with, ``ROOT`` for none, and the path below it."""
    found = _PREFIX.match(path)
    return (ROOT, path) if found is None else (int(found[1]), path[found.end() :] or "/")


class Place:
    """A URL of a shared listener that fakes may have one after the other: also ``FakeSoniox(listener=...)``."""

    def __init__(self, shared: SharedListener, number: int) -> None:
        self.number = number
        self._shared = shared

    def mount(self, service: Service, *, name: str | None = None) -> Mount:
        """As of ``SharedListener``; at its start the new fake takes the place of the one that is there."""
        return Mount(self._shared, service, name, self.number)


class Mount:
    """The place of one fake on a shared listener, with the interface of a listener."""

    def __init__(self, shared: SharedListener, service: Service, name: str | None, number: int | None = None) -> None:
        self.service = service
        self.name = name
        self.number = number
        """Of its place; None: a new one after each start."""
        self.used_sec: float = time.monotonic()
        """When it had its last request, or its last WebSocket ended."""
        self.websockets: int = 0
        """How many are open."""
        self.url: str = ""
        """The URL; empty before the first start."""
        self._shared = shared
        self._open = False

    @property
    def certificate(self) -> Certificate | None:
        """The TLS certificate of the listener; None: plain HTTP."""
        return self._shared.certificate

    def is_running(self) -> bool:
        """Whether requests are passed on."""
        return self._open

    def start(self) -> None:
        """Begins to pass requests on, at a new URL."""
        self.url = self._shared.open(self)
        self._open = True

    def stop(self) -> list[threading.Thread]:
        """Passes no more requests on, and ends its connections.

        Returns:
            Their threads, which end by themselves.
        """
        self._open = False
        return self._shared.close(self)
