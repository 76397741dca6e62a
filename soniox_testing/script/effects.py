"""The effects of faults on HTTP: each class says what happens to a request."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal, TypeAlias

from werkzeug.wrappers import Response

from ..net.exchange import Delivery
from ..wire.rest_errors import ApiError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from werkzeug.wrappers import Request

    from ..net.line import Line
    from .clock import Clock

Moment: TypeAlias = Literal["before", "during", "after", "answer"]
"""When the connection of a request breaks. ``before``: the body of the request is not read. ``during``: half of it is
read. ``after``: the request was carried out, and nothing of its response is sent. ``answer``: half of it is sent."""
Breakage: TypeAlias = Literal["reset", "eof", "stall"]
"""How a connection breaks. ``reset``: with a TCP reset. ``eof``: it is closed in order, but too early. ``stall``: it
stays open, but nothing is sent any more."""

_BLOCK_BYTES = 64 * 1024
_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>{code} {phrase}</title></head>\n"
    "<body><center><h1>{code} {phrase}</h1></center><hr><center>nginx</center></body></html>\n"
)


@dataclass(frozen=True)
class FaultyRequest:
    """A request that meets a fault."""

    request: Request | None
    """None: it asks for a WebSocket, and its head is all there is."""
    respond: Callable[[], Response]
    """Carries the request out, as if there were no fault."""
    refuse: Callable[[ApiError], Response]
    """Refuses it with an error of the API."""
    record: Callable[[Response], Response]
    """Records it as answered with this response, which is returned."""
    clock: Clock
    stopping: threading.Event


class HttpEffect(ABC):
    """What happens to a request."""

    @property
    def fits_upgrade(self) -> bool:
        """Whether it can happen to a request for a WebSocket, too."""
        return False

    @property
    def refuses(self) -> bool:
        """Whether the request is answered, but not carried out."""
        return False

    @abstractmethod
    def apply(self, faulty: FaultyRequest) -> Delivery:
        """The response to a request, and how it is sent."""


@dataclass(frozen=True)
class Answer(HttpEffect):
    """An error of the API; the request is not carried out."""

    status_code: int
    error_type: str
    message: str
    headers: tuple[tuple[str, str], ...]

    @property
    def fits_upgrade(self) -> bool:
        """True."""
        return True

    @property
    def refuses(self) -> bool:
        """True."""
        return True

    def apply(self, faulty: FaultyRequest) -> Delivery:
        """Refuses the request."""
        response = faulty.refuse(ApiError(self.status_code, self.error_type, self.message))
        for name, value in self.headers:
            response.headers[name] = value
        return Delivery(response)


@dataclass(frozen=True)
class HtmlPage(HttpEffect):
    """An HTML page, as a proxy sends it; the request is not carried out."""

    status_code: int

    @property
    def fits_upgrade(self) -> bool:
        """True."""
        return True

    @property
    def refuses(self) -> bool:
        """True."""
        return True

    def apply(self, faulty: FaultyRequest) -> Delivery:
        """Answers with the page."""
        page = _PAGE.format(code=self.status_code, phrase=phrase(self.status_code))
        response = Response(page, self.status_code, content_type="text/html; charset=utf-8")
        return Delivery(faulty.record(response))


@dataclass(frozen=True)
class Break(HttpEffect):
    """The connection breaks."""

    moment: Moment
    how: Breakage

    @property
    def fits_upgrade(self) -> bool:
        """Whether no body is involved."""
        return self.moment == "before"

    def apply(self, faulty: FaultyRequest) -> Delivery:
        """Reads, carries out and answers the request up to the moment of the break."""
        if self.moment == "during" and faulty.request is not None:
            left = (faulty.request.content_length or 0) // 2
            while left > 0 and (block := faulty.request.stream.read(min(left, _BLOCK_BYTES))):
                left -= len(block)
        is_carried_out = self.moment in {"after", "answer"}
        response = faulty.respond() if is_carried_out else Response()

        def send(line: Line, head: bytes, content: bytes) -> None:
            if self.moment == "answer":
                with contextlib.suppress(OSError):
                    line.sendall(head + content[: len(content) // 2])
            if self.how == "stall":
                faulty.stopping.wait()
            elif self.how == "reset":
                line.reset()

        return Delivery(response, send, reads_request=is_carried_out)


@dataclass(frozen=True)
class Drip(HttpEffect):
    """The response is sent slowly."""

    block_bytes: int
    every_sec: float

    def apply(self, faulty: FaultyRequest) -> Delivery:
        """Carries the request out, and sends the response in blocks."""

        def send(line: Line, head: bytes, content: bytes) -> None:
            whole = head + content
            due_sec = faulty.clock.now_sec()
            # The client may give up and close the connection; that is not a failure of the fake.
            with contextlib.suppress(OSError), faulty.clock.alarm(faulty.stopping) as alarm:
                for start in range(0, len(whole), self.block_bytes):
                    if start:
                        due_sec += self.every_sec
                        alarm.wait_until(due_sec)
                    if faulty.stopping.is_set():
                        return
                    line.sendall(whole[start : start + self.block_bytes])

        return Delivery(faulty.respond(), send)


@dataclass(frozen=True)
class CorruptBody(HttpEffect):
    """The body of the response is changed."""

    change: Literal["truncate", "garble"]

    def apply(self, faulty: FaultyRequest) -> Delivery:
        """Carries the request out, and changes the body. HTTP finds the response whole."""
        response = faulty.respond()
        content = response.get_data()
        response.set_data(content[: len(content) // 2] if self.change == "truncate" else b"\xff{" + content[2:])
        return Delivery(response)


@dataclass(frozen=True)
class ContentType(HttpEffect):
    """The response has another ``Content-Type``."""

    value: str

    def apply(self, faulty: FaultyRequest) -> Delivery:
        """Carries the request out, and changes the header."""
        response = faulty.respond()
        response.headers["Content-Type"] = self.value
        return Delivery(response)


def phrase(status_code: int) -> str:
    """The reason phrase of an HTTP status."""
    return HTTPStatus(status_code).phrase if status_code in set(HTTPStatus) else "Error"
