"""Passes what clients send on to the service, and its answers back, and records both on a tape."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from werkzeug.wrappers import Response

from ..net.exchange import Delivery
from ..rest.router import json_response
from ..wire.rest_errors import ApiError
from .capture import capture_of
from .relay import relay

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from werkzeug.wrappers import Request

    from ..net.exchange import Upgrade
    from .tape import TapeWriter
    from .upstream import Upstream

_BLOCK_BYTES = 64 * 1024
_OF_ONE_CONNECTION = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer"}
    | {"transfer-encoding", "upgrade", "expect", "host", "date"}
)
"""Headers that concern one connection only (RFC 9110, section 7.6.1), or that each server writes itself."""


class Recorder:
    """Records every request. Its methods are those of ``Service``; may be used from any thread.

    Args:
        upstream: Where requests are passed on to.
        writer: The tape.
    """

    def __init__(self, upstream: Upstream, writer: TapeWriter) -> None:
        self._upstream = upstream
        self._writer = writer

    def respond(self, request: Request) -> Delivery:
        """Passes one request on. The bodies are passed on as they come."""
        writer = self._writer
        number, at_ms = writer.begin(), writer.now_ms()
        cleaner = writer.cleaner
        query = request.query_string.decode("latin-1")
        entry: dict[str, Any] = {"method": request.method, "path": cleaner.target(request.path, query)}
        entry["headers"] = cleaner.headers(request.headers.items())
        sent = capture_of(request.content_type, cleaner)

        def body() -> Generator[bytes, None, None]:
            while block := request.stream.read(_BLOCK_BYTES):
                sent.feed(block)
                yield block

        # Compressed answers could not be read on the tape.
        passed_on = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in _OF_ONE_CONNECTION and name.lower() != "accept-encoding"
        }
        has_body = "Content-Length" in request.headers or "Transfer-Encoding" in request.headers
        try:
            connection = self._upstream.connect(request.path)
            passed_on["Host"] = self._upstream.header_of(request.path)
            passed_on["Accept-Encoding"] = "identity"
            connection.request(
                request.method,
                self._upstream.target_of(quote(request.path), query),
                body() if has_body else None,
                passed_on,
                encode_chunked="Content-Length" not in request.headers,
            )
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            writer.write(number, "request", entry | sent.content(), at_ms)
            writer.write(number, "closed", {"by": "server", "code": None, "reason": type(error).__name__})
            what = f"{self._upstream.url} could not be asked: {type(error).__name__}: {error}"
            return Delivery(json_response(502, ApiError(502, "recording_failed", what).body()))
        writer.write(number, "request", entry | sent.content(), at_ms)
        return Delivery(self._response(number, connection, answer))

    def _response(
        self, number: int, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse
    ) -> Response:
        writer = self._writer
        entry: dict[str, Any] = {"status": answer.status, "headers": writer.cleaner.headers(answer.getheaders())}
        came = capture_of(answer.getheader("Content-Type"), writer.cleaner)
        has_ended = False

        def body() -> Generator[bytes, None, None]:
            try:
                while block := answer.read1(_BLOCK_BYTES):
                    came.feed(block)
                    yield block
                if answer.length:
                    raise ConnectionResetError
            except (OSError, http.client.HTTPException) as error:
                entry["cut"] = True
                raise ConnectionAbortedError("the answer was cut off") from error
            finally:
                end()

        def end() -> None:
            nonlocal has_ended
            if not has_ended:
                has_ended = True
                connection.close()
                writer.write(number, "response", entry | came.content())

        if answer.length == 0:
            end()

        # Without its length the answer is passed on in pieces, as it comes. Its end is recorded before the client has
        # it, so that what the client does next comes later on the tape.
        dropped = _OF_ONE_CONNECTION | {"content-length"}
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in dropped]
        response = Response(body(), answer.status, headers, direct_passthrough=True)
        response.call_on_close(end)
        return response

    def upgrade(self, path: str) -> Callable[[Upgrade], None]:
        """What passes a WebSocket on."""
        return lambda upgrade: relay(self._upstream, self._writer, path, upgrade)
