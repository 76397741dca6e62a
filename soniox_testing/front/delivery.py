"""How the faults of HTTP happen: what stands between the port and the API, and between it and the WebSockets."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from ..net.exchange import DELIVERY, Delivery
from ..rest.router import ANY_ORIGIN, headers_without_key, json_response
from ..script.faults import Answer, Break, ContentType, Drip, Spoil
from ..script.records import RequestRecord
from ..wire.operations import GENERATE_TTS, PATTERNS, operation_of
from ..wire.rest_errors import ApiError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from werkzeug.wrappers import Request

    from ..net.exchange import Upgrade
    from ..net.line import Line
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
        respond: The API without them.
    """

    def __init__(self, state: State, respond: Callable[[Request], Response]) -> None:
        self._state = state
        self._respond = respond

    def respond(self, request: Request) -> Response:
        """The response to a request; what HTTP itself cannot say of it is in the request's environment."""
        operation = operation_of(request.method, request.path)
        effect = self._state.faults.take_for_request(operation)
        match effect:
            case None:
                return self._respond(request)
            case Answer():
                self._remember(request, operation, effect)
                return _answer(effect, request if operation == GENERATE_TTS else None)
            case Break(moment, how):
                return self._break(request, moment, how)
            case Drip(block_bytes, every_sec):

                def drip(line: Line, head: bytes, content: bytes) -> None:
                    self._drip(line, head, content, block_bytes, every_sec)

                request.environ[DELIVERY] = Delivery(drip)
                return self._respond(request)
            case Spoil(change):
                response = self._respond(request)
                content = response.get_data()
                # The length stays what it was, so that only the reader of the body can tell.
                response.set_data(content[: len(content) // 2] if change == "truncate" else b"\xff{" + content[2:])
                return response
            case ContentType(value):
                response = self._respond(request)
                response.headers["Content-Type"] = value
                return response

    def _break(self, request: Request, moment: str, how: str) -> Response:
        if moment == "during":
            left = (request.content_length or 0) // 2
            while left > 0 and (block := request.stream.read(min(left, _BLOCK_BYTES))):
                left -= len(block)
        response = self._respond(request) if moment in {"after", "answer"} else Response()

        def deliver(line: Line, head: bytes, content: bytes) -> None:
            with contextlib.suppress(OSError):
                if moment == "answer":
                    line.sendall(head + content[: len(content) // 2])
            _break_off(line, how, self._state.stopping)

        request.environ[DELIVERY] = Delivery(deliver, reads_request=moment in {"after", "answer"})
        return response

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

    def _remember(self, request: Request, operation: str | None, answer: Answer) -> None:
        record = RequestRecord(
            method=request.method,
            path=request.path,
            query=request.query_string.decode("latin-1"),
            headers=headers_without_key(request),
            status=answer.status_code,
            error_type=answer.error_type or None,
            at=self._state.clock.timestamp(),
            route=None if operation is None else PATTERNS[operation],
        )
        with self._state.lock:
            self._state.history.requests.append(record)


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
    response = _answer(effect)
    lines = [f"HTTP/1.1 {response.status}", *(f"{name}: {value}" for name, value in response.headers.items())]
    head = "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")
    with contextlib.suppress(OSError):
        upgrade.line.sendall(head + response.get_data())
    return True


def _answer(answer: Answer, for_audio: Request | None = None) -> Response:
    """What is answered instead; to a request for audio in the shape of its own errors."""
    if answer.html:
        page = _PAGE.format(code=answer.status_code, phrase=answer.message)
        return Response(page, answer.status_code, content_type="text/html; charset=utf-8")
    refusal = ApiError(answer.status_code, answer.error_type, answer.message)
    if for_audio is None:
        response = json_response(refusal.status_code, refusal.body())
    else:
        response = json_response(refusal.status_code, refusal.stream_body(for_audio.headers.get("X-Request-Id")))
        response.headers.update(ANY_ORIGIN)
    for name, value in answer.headers:
        response.headers[name] = value
    return response


def _break_off(line: Line, how: str, stopping: threading.Event) -> None:
    """Ends an HTTP connection."""
    if how == "stall":
        stopping.wait()
    elif how == "reset":
        line.reset()
