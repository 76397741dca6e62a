"""How the faults of HTTP happen: what stands between the port and the API, and between it and the WebSockets."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from ..net.exchange import Delivery
from ..rest.router import json_response
from ..script.faults import Answer, Break, ContentType, Drip, Spoil
from ..wire.rest_errors import ApiError

if TYPE_CHECKING:
    import threading

    from werkzeug.wrappers import Request

    from ..net.exchange import Upgrade
    from ..net.line import Line
    from ..rest.router import RoutedRequest, Router
    from ..script.faults import RequestEffect
    from ..store.state import State

_BLOCK_BYTES = 64 * 1024
_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>{code} {phrase}</title></head>\n"
    "<body><center><h1>{code} {phrase}</h1></center><hr><center>nginx</center></body></html>\n"
)


class FaultyApi:
    """The API with its faults.

    Args:
        state: Of the fake.
        router: The API without them.
    """

    def __init__(self, state: State, router: Router) -> None:
        self._state = state
        self._router = router

    def respond(self, request: Request) -> Delivery:
        """The response to a request, and how it is sent."""
        routed = self._router.route(request)
        effect = self._state.faults.take_for_request(routed.operation)
        if effect is None:
            return Delivery(self._router.respond(routed))
        return self._meet(effect, routed)

    def _meet(self, effect: RequestEffect, routed: RoutedRequest) -> Delivery:
        match effect:
            case Answer(html=True):
                return Delivery(self._router.record(routed, _page(effect)))
            case Answer():
                return Delivery(_with_headers(self._router.refuse(routed, _refusal(effect)), effect))
            case Break(moment, how):
                return self._break(routed, moment, how)
            case Drip(block_bytes, every_sec):

                def drip(line: Line, head: bytes, content: bytes) -> None:
                    self._drip(line, head, content, block_bytes, every_sec)

                return Delivery(self._router.respond(routed), drip)
            case Spoil(change):
                response = self._router.respond(routed)
                content = response.get_data()
                # The length stays what it was, so that only the reader of the body can tell.
                response.set_data(content[: len(content) // 2] if change == "truncate" else b"\xff{" + content[2:])
                return Delivery(response)
            case ContentType(value):
                response = self._router.respond(routed)
                response.headers["Content-Type"] = value
                return Delivery(response)

    def _break(self, routed: RoutedRequest, moment: str, how: str) -> Delivery:
        if moment == "during":
            request = routed.request
            left = (request.content_length or 0) // 2
            while left > 0 and (block := request.stream.read(min(left, _BLOCK_BYTES))):
                left -= len(block)
        response = self._router.respond(routed) if moment in {"after", "answer"} else Response()

        def deliver(line: Line, head: bytes, content: bytes) -> None:
            with contextlib.suppress(OSError):
                if moment == "answer":
                    line.sendall(head + content[: len(content) // 2])
            _break_off(line, how, self._state.stopping)

        return Delivery(response, deliver, reads_request=moment in {"after", "answer"})

    def _drip(self, line: Line, head: bytes, content: bytes, block_bytes: int, every_sec: float) -> None:
        clock, stopping = self._state.clock, self._state.stopping
        whole = head + content
        due_sec = clock.now_sec()
        # A client that loses its patience leaves; that is no failure.
        with contextlib.suppress(OSError), clock.alarm(stopping) as alarm:
            for start in range(0, len(whole), block_bytes):
                if start:
                    due_sec += every_sec
                    alarm.wait_until(due_sec)
                if stopping.is_set():
                    return
                line.sendall(whole[start : start + block_bytes])


def refuse_upgrade(state: State, upgrade: Upgrade, operation: str) -> bool:
    """Lets a WebSocket that is asked for meet its fault, if there is one.

    Returns:
        Whether there was: then the connection is at its end.
    """
    effect = state.faults.take_for_upgrade(operation)
    if effect is None:
        return False
    if isinstance(effect, Break):
        _break_off(upgrade.line, effect.how, state.stopping)
        return True
    if effect.html:
        response = _page(effect)
    else:
        refusal = _refusal(effect)
        response = _with_headers(json_response(refusal.status_code, refusal.body()), effect)
    lines = [f"HTTP/1.1 {response.status}", *(f"{name}: {value}" for name, value in response.headers.items())]
    head = "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")
    with contextlib.suppress(OSError):
        upgrade.line.sendall(head + response.get_data())
    return True


def _page(answer: Answer) -> Response:
    page = _PAGE.format(code=answer.status_code, phrase=answer.message)
    return Response(page, answer.status_code, content_type="text/html; charset=utf-8")


def _refusal(answer: Answer) -> ApiError:
    return ApiError(answer.status_code, answer.error_type, answer.message)


def _with_headers(response: Response, answer: Answer) -> Response:
    for name, value in answer.headers:
        response.headers[name] = value
    return response


def _break_off(line: Line, how: str, stopping: threading.Event) -> None:
    """Ends an HTTP connection."""
    if how == "stall":
        stopping.wait()
    elif how == "reset":
        line.reset()
