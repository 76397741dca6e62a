"""Streams a WAV file and prints OpenTelemetry spans: of requests, of the connection, and of the session.

``SONIOX_API_KEY=... python examples/opentelemetry_tracing.py FILE``. It needs ``pip install opentelemetry-sdk``.

The hooks know how long everything took, so that each span is made when its work is done. Spans of requests are children
of the span in which they were made. No span has a key, a transcript or the query of a URL.
"""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Any

from opentelemetry import propagate
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer

from soniox_lite import SonioxAPIError, SonioxClient, SonioxError
from soniox_lite.utils import read_wav_format, stream_wav, wav_config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from soniox_lite import Request, Response, WebSocketDisconnect, WebSocketHandshake


class Tracing:
    """The hooks of a client: ``SonioxClient(**Tracing(tracer).hooks())``, and the same for ``AsyncSonioxClient``."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def hooks(self) -> dict[str, Any]:
        """Arguments of a client."""
        return {
            "on_request": self.prepare,
            "on_response": self.note_response,
            "on_error": self.note_error,
            "on_handshake": self.prepare,
            "on_disconnect": self.note_disconnect,
        }

    def prepare(self, request: Request | WebSocketHandshake) -> None:
        """Sends the current trace along, as the header ``traceparent``."""
        propagate.inject(request.headers)

    def note_response(self, response: Response) -> None:
        """One attempt that got a response."""
        request = response.request
        if request is None:
            return
        facts: dict[str, Any] = {"http.response.status_code": response.status_code}
        error = SonioxAPIError.from_response(response) if response.is_error else None
        if error is not None:
            facts |= {
                "error.type": error.error_type or str(response.status_code),
                "soniox.request_id": error.request_id,
            }
        self._note_request(request, response.elapsed_sec, facts, is_error=error is not None)

    def note_error(self, error: Any) -> None:
        """One attempt that got none. How long it took is not known, so that the span is a moment."""
        self._note_request(error.request, 0.0, {"error.type": type(error).__name__}, is_error=True)

    def note_disconnect(self, end: WebSocketDisconnect) -> None:
        """The end of a WebSocket, or of the attempt to open one. A thread of its own tells, so it has no parent."""
        facts = {"url.full": end.url, "websocket.close_code": end.close_code}
        if end.error is not None:
            facts["error.type"] = type(end.error).__name__
        self._note("WebSocket", end.elapsed_sec, facts, is_error=end.error is not None)

    @contextlib.contextmanager
    def session(self, session: Any) -> Iterator[Any]:
        """A speech-to-text session, open, with its states and metrics on a span."""
        with self._tracer.start_as_current_span("speech-to-text session") as span:
            session.on("state_change", lambda change: span.add_event("state", {"soniox.state": change.new_state}))
            session.on("error", lambda payload: span.record_exception(payload.error))
            try:
                with session:
                    yield session
            finally:
                numbers = session.metrics.to_dict()
                span.set_attributes({f"soniox.{name}": value for name, value in numbers.items() if value is not None})

    def _note_request(self, request: Request, elapsed_sec: float, facts: dict[str, Any], *, is_error: bool) -> None:
        facts |= {
            "http.request.method": request.method,
            "url.full": request.url.partition("?")[0],
            "http.request.resend_count": request.attempt - 1,
        }
        self._note(request.method, elapsed_sec, facts, is_error=is_error)

    def _note(self, name: str, elapsed_sec: float, facts: dict[str, Any], *, is_error: bool) -> None:
        end_ns = time.time_ns()
        known = {key: value for key, value in facts.items() if value is not None}
        start_ns = end_ns - round(elapsed_sec * 1e9)
        span = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=known, start_time=start_ns)
        if is_error:
            span.set_status(Status(StatusCode.ERROR))
        span.end(end_ns)


def main(path: str) -> int:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
    tracing = Tracing(provider.get_tracer("example"))
    try:
        config = wav_config(path, model="stt-rt-v5")
        with SonioxClient(**tracing.hooks()) as client:
            client.models.list()
            with tracing.session(client.realtime.stt.connect(config=config, resume=True)) as session:
                session.send_bytes(stream_wav(path, chunk_size_bytes=read_wav_format(path).bytes_per_second // 10))
                for _ in session.receive_events(raise_on_error=True):
                    pass
    except SonioxError as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    finally:
        provider.shutdown()
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
