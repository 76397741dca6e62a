"""A receiver of webhooks for tests: an HTTP server on a port of its own."""

from __future__ import annotations

import contextlib
import hmac
import http.server
import json
import secrets
import socket
import sys
import threading
from collections.abc import Mapping  # noqa: TC003 - typing.get_type_hints resolves annotations at run time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from ..unfrozen import time

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

_MAX_BODY_BYTES = 64 * 1024
_POLL_SEC = 0.005


@dataclass(frozen=True)
class ReceivedWebhook:
    """A call that reached a ``WebhookReceiver``."""

    id: str
    """Of the transcription; empty if the call was no webhook."""
    status: str
    """``completed`` or ``error``; empty as above."""
    answered: int
    """HTTP status of the answer."""
    path: str
    """Path and query."""
    body: bytes
    """As it came."""
    headers: Mapping[str, str] = field(repr=False)
    """By their names in lower case; the secret is among them."""


class WebhookReceiver:
    """Receives webhooks on this machine, and accepts those that bring its secret. Others get 401, or 400 without JSON.

    A context manager; or call ``start`` and ``stop``. May be used from any thread.
    """

    def __init__(self) -> None:
        self.header: str = "X-Soniox-Webhook-Secret"
        """The header that the calls must have."""
        self.secret: str = secrets.token_hex(16)
        """Its value."""
        self._turns = threading.Condition()
        self._accepted: list[ReceivedWebhook] = []
        self._rejected: list[ReceivedWebhook] = []
        self._answers: list[int] = []
        self._server: _Server | None = None
        self._url = ""

    def start(self) -> Self:
        """Begins to listen on a free port.

        Returns:
            This object.
        """
        if self._server is None:
            self._server = _Server(self)
            self._url = f"http://127.0.0.1:{self._server.server_port}/webhook"
        return self

    def stop(self) -> None:
        """Stops listening, and ends all connections. What was received stays readable."""
        server, self._server = self._server, None
        if server is not None:
            server.end()

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
    def url(self) -> str:
        """Where webhooks are to be sent; a query may be added. Readable after the end.

        Raises:
            RuntimeError: It was never started.
        """
        if not self._url:
            raise RuntimeError("this WebhookReceiver was not started: use it in a with statement, or call start()")
        return self._url

    @property
    def config(self) -> dict[str, str]:
        """The fields of a job that is to call this receiver, for ``config=``."""
        return {
            "webhook_url": self.url,
            "webhook_auth_header_name": self.header,
            "webhook_auth_header_value": self.secret,
        }

    def environment(self) -> dict[str, str]:
        """The environment variables with header and secret, for code that verifies webhooks itself."""
        return {"SONIOX_API_WEBHOOK_HEADER": self.header, "SONIOX_API_WEBHOOK_SECRET": self.secret}

    @property
    def received(self) -> tuple[ReceivedWebhook, ...]:
        """The webhooks that brought the secret, in the order they came, whatever they were answered with."""
        with self._turns:
            return tuple(self._accepted)

    @property
    def rejected(self) -> tuple[ReceivedWebhook, ...]:
        """The calls without the secret, or that were no webhook, in the order they came."""
        with self._turns:
            return tuple(self._rejected)

    def answer_with(self, *status_codes: int) -> None:
        """Answers the next webhooks that bring the secret with these statuses, and later ones with 200 again.

        Args:
            *status_codes: HTTP statuses, 200 to 599. The sender repeats what was not answered with 2xx.

        Raises:
            ValueError: A status cannot be sent.
        """
        for code in status_codes:
            if isinstance(code, bool) or not isinstance(code, int) or not 200 <= code <= 599:  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ValueError(f"a status must be a number from 200 to 599, not {code!r}")
        with self._turns:
            self._answers += status_codes

    def wait_for(self, count: int = 1, *, timeout_sec: float = 5.0) -> tuple[ReceivedWebhook, ...]:
        """Waits until so many webhooks have brought the secret.

        Args:
            count: Of all so far, not of new ones.
            timeout_sec: Real seconds to wait at most.

        Returns:
            All of them, as ``received``.

        Raises:
            TimeoutError: Fewer came in time; the message has those, and what was rejected.
        """
        deadline_sec = time.monotonic() + timeout_sec
        with self._turns:
            while len(self._accepted) < count:
                left_sec = deadline_sec - time.monotonic()
                if left_sec <= 0:
                    raise TimeoutError(
                        f"{len(self._accepted)} of {count} webhooks came to {self.url} within {timeout_sec:g} s: "
                        f"{self._accepted or 'none'}; rejected: {self._rejected or 'none'}"
                    )
                self._turns.wait(left_sec)
            return tuple(self._accepted)

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> int:
        """Keeps a call.

        Args:
            path: Path and query.
            headers: By their names in lower case.
            body: All of it.

        Returns:
            The HTTP status to answer with.
        """
        sent = headers.get(self.header.lower(), "")
        is_verified = hmac.compare_digest(sent.encode("utf-8", "surrogateescape"), self.secret.encode())
        job_id, status = _event(body)
        with self._turns:
            if is_verified and job_id:
                answer = self._answers.pop(0) if self._answers else 200
                self._accepted.append(ReceivedWebhook(job_id, status, answer, path, body, headers))
            else:
                answer = 400 if is_verified else 401
                self._rejected.append(ReceivedWebhook(job_id, status, answer, path, body, headers))
            self._turns.notify_all()
        return answer


class _Server(http.server.ThreadingHTTPServer):
    """The port of a receiver, and the thread that serves it."""

    daemon_threads = False  # So that closing the port waits for them.
    request_queue_size = 128

    def __init__(self, receiver: WebhookReceiver) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.receiver = receiver
        self._connections: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(_POLL_SEC,), name="webhook-receiver")
        self._thread.start()

    def end(self) -> None:
        """Closes the port. Calls that came are answered; connections without one end."""
        self.shutdown()
        self._thread.join()
        for connection in tuple(self._connections):
            with contextlib.suppress(OSError):  # It has ended.
                connection.shutdown(socket.SHUT_RD)
        self.server_close()

    def get_request(self) -> tuple[socket.socket, Any]:
        """A connection, which is kept in mind until it has ended."""
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """Ends a connection."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: the sender has left, which is not for the output of a test."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    timeout = 5.0

    def do_POST(self) -> None:
        """Takes a call."""
        size = self.headers.get("Content-Length", "")
        if not size.isdecimal() or int(size) > _MAX_BODY_BYTES:
            self.send_error(413 if size.isdecimal() else 411)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(size))
        self.send_response(cast("_Server", self.server).receiver.take(self.path, headers, body))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as in http.server
        """Nothing."""


def _event(body: bytes) -> tuple[str, str]:
    """Id and status of a webhook; empty if the body is none."""
    try:
        event: object = json.loads(body)
    except (ValueError, RecursionError):
        return "", ""
    match event:
        case {"id": str() as job_id, "status": str() as status}:
            return job_id, status
        case _:
            return "", ""
