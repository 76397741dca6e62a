"""One attempt over threads: sends a request and returns the response, or raises a SonioxError."""

from __future__ import annotations

import functools
import http.client
import urllib.error
import urllib.request

from .._data.clock import time
from .._net.certificates import tls_contexts_of
from .._net.proxies import Proxies
from .._net.redaction import describe_failure, redact, redact_exception
from ..errors import SonioxAPIError, SonioxConnectionError, SonioxError, SonioxTimeoutError, with_errno
from .connections import KeepAliveHandler, WireRequest
from .content_encoding import UnreadableBodyError, decompress, encoding_of
from .foreign_opener import ForeignResponse, error_for
from .messages import Request, Response
from .pool import ConnectionPool
from .redirects import ResponseProcessor, SafeRedirectHandler
from .streams import ResponseStream
from .wire_response import WireResponse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from .._data.cancel_token import CancelToken
    from .._settings import Settings
    from .body import ProgressCallback

    T = TypeVar("T")

MAX_RESPONSE_BYTES = 64 * 1024 * 1024
# The beginning of an error page is enough to describe it.
MAX_ERROR_BYTES = 1024 * 1024
_READ_SIZE = 256 * 1024
# The headers of ours that redirects to other hosts take along, as urllib spells them.
_FOLLOW_REDIRECTS = frozenset({"Accept", "User-agent"})
# Larger bodies of successful responses are transcripts and listings.
_SMALL_BODY_BYTES = 16 * 1024


def pause(delay_sec: float, cancel: CancelToken | None = None) -> None:
    """Waits; a token that is cancelled ends it.

    Args:
        delay_sec: In seconds.
        cancel: The token; None for none.

    Raises:
        SonioxCancelledError: The token was cancelled.
    """
    if cancel is None:
        time.sleep(delay_sec)
    else:
        cancel.pause(delay_sec)


def completed(call: Callable[[], T]) -> T:
    """What a call returns; the async twin completes it although its task is cancelled."""
    return call()


class Transport:
    """Sends requests through urllib and owns the connections. Any thread may use it."""

    pause = staticmethod(pause)

    def __init__(self, settings: Settings) -> None:
        """Opens nothing yet.

        Args:
            settings: Proxies and TLS; or the user's own opener, which is used as it is, with its own handlers and
                without our pool.
        """
        self._pool = ConnectionPool()
        self._opener = settings.opener or _build_opener(self._pool, settings)
        # Each makes its last requests before the client is closed.
        self.endings: set[Callable[[], None]] = set()

    @property
    def closed(self) -> bool:
        """Whether ``close()`` was called."""
        return self._pool.closed

    def send(self, request: Request, settings: Settings, deadline: float | None = None) -> Response:
        """The whole response to a request, whatever its status.

        Args:
            request: What to send.
            settings: Timeouts, and the key, which no redirect takes to another host. ``timeout_sec`` is the longest
                wait for sending a block, for the first byte of the response and for each following one.
            deadline: When to give up in any case, as ``time.monotonic()`` counts; None for never. The user's own
                opener does not know it.

        Raises:
            SonioxConnectionError: There was no response, or it was cut off.
            SonioxTimeoutError: It took too long.
            SonioxAPIError: The response is larger than 64 MiB, or compressed and then larger than 16 MiB, or in an
                unknown way.
        """
        started = time.monotonic()
        wire = self._open(request, settings, deadline)
        return self._read_whole(wire, request, settings, started)

    def open_stream(self, request: Request, settings: Settings, deadline: float | None = None) -> ResponseStream:
        """As :meth:`send`, but the body of a 2xx response is left to be read from the stream.

        Any other response is read as a whole, and its stream is at its end.
        """
        started = time.monotonic()
        wire = self._open(request, settings, deadline)
        if not 200 <= wire.status < 300 or encoding_of(wire.headers):
            # A body that was compressed unasked is decompressed in memory.
            return ResponseStream(self._read_whole(wire, request, settings, started))
        response = Response(
            wire.status,
            _fields_of(wire, settings.authorization),
            request=request,
            elapsed_sec=time.monotonic() - started,
            url=_url_of(wire, request, settings),
        )
        failure = functools.partial(self._cut_off, request, settings)
        return ResponseStream(response, wire, failure=failure, authorization=settings.authorization)

    def callback(self, function: ProgressCallback | None) -> ProgressCallback | None:
        """The function itself: it is called in the thread that sends."""
        return function

    def close(self) -> None:
        """Closes all connections, also those in use: their requests fail at once."""
        for end in tuple(self.endings):
            end()
        self._pool.close()

    def _open(self, request: Request, settings: Settings, deadline: float | None) -> WireResponse | ForeignResponse:
        """Sends a request and returns the response with its body unread."""
        self._pool.check_open()
        # Not zero, which would mean not to wait at all; the deadline itself is checked at each step.
        remaining = float("inf") if deadline is None else max(0.001, deadline - time.monotonic())
        timeout_sec = min(settings.timeout_sec, remaining)
        wire_request = _wire_request(request, settings.authorization)
        wire_request.connect_timeout_sec = min(settings.connect_timeout_sec, remaining)
        wire_request.deadline = deadline
        if settings.cancel is not None:
            wire_request.cancel = settings.cancel
            settings.cancel.watch(self._pool)
            if request.body is not None:
                request.body.cancel = settings.cancel
        raw: Any = None
        try:
            raw = self._opener.open(wire_request, timeout=timeout_sec)
        except urllib.error.HTTPError as error:
            # urllib's way to return a response with an error status, and ours after too many redirects.
            raw = error
        except SonioxError:
            raise
        except (OSError, http.client.HTTPException, ValueError) as error:
            # Errors of our own opener are SonioxErrors already.
            if request.body is None or request.body.own_error is None:
                raise error_for(error, _name(request), timeout_sec, settings.authorization) from error
        if request.body is not None and request.body.own_error is not None:
            # Not inside the except clause, whose error would become the context of this one.
            raise request.body.own_error
        return raw if isinstance(raw, WireResponse) else ForeignResponse(raw, _name(request))

    def _cut_off(self, request: Request, settings: Settings, error: Exception) -> SonioxError:
        """The error for a response whose body could not be read to its end."""
        if settings.cancel is not None and settings.cancel.cancelled:
            return settings.cancel.error()
        name = _name(request)
        if isinstance(error, TimeoutError):
            problem = "the response stopped, or came in too slowly, before its end"
            return with_errno(SonioxTimeoutError(f"{name}: {problem}", request_sent=True), error)
        problem = "the client was closed meanwhile" if self.closed else describe_failure(error)
        redact_exception(error)
        return with_errno(SonioxConnectionError(f"{name}: {problem}", request_sent=True), error)

    def _read_whole(
        self, wire: WireResponse | ForeignResponse, request: Request, settings: Settings, started: float
    ) -> Response:
        """Reads the body and closes the response. The beginning is enough of the body of an error."""
        authorization = settings.authorization
        status = wire.status
        is_success = 200 <= status < 300
        fields = _fields_of(wire, authorization)
        content, complete = b"", True
        try:
            content = _read_bounded(wire, is_success=is_success)
            encoding = encoding_of(wire.headers)
            # Some middleware names a coding even if the body is empty.
            if encoding and content:
                content = decompress(content, encoding)
        except (OSError, http.client.HTTPException) as error:
            if is_success:
                raise self._cut_off(request, settings, error) from error
            content, complete = error.partial if isinstance(error, http.client.IncompleteRead) else b"", False
        except UnreadableBodyError as error:
            if is_success:
                response = Response(status, fields, request=request)
                raise SonioxAPIError(str(error), response=response) from None
            content, complete = error.beginning, False
        finally:
            wire.close()
        return Response(
            status,
            fields,
            redact(content, authorization, escaped=not is_success or len(content) <= _SMALL_BODY_BYTES),
            request=request,
            elapsed_sec=time.monotonic() - started,
            complete=complete,
            url=_url_of(wire, request, settings),
        )


def _name(request: Request) -> str:
    return f"{request.method} {request.url}"


def _url_of(wire: WireResponse | ForeignResponse, request: Request, settings: Settings) -> str:
    """Where the response is from; a redirect may have put the key into that."""
    url = wire.url
    return request.url if url is None or url == request.url else redact(url, settings.authorization)


def _wire_request(request: Request, authorization: str) -> WireRequest:
    wire = WireRequest(request.url, data=request.body, headers=request.headers, method=request.method)
    wire.origin = request
    for name in wire.headers.keys() - _FOLLOW_REDIRECTS:
        # A hook has added this header, and it may be a credential.
        wire.add_unredirected_header(name, wire.headers.pop(name))
    wire.add_unredirected_header("Authorization", authorization)
    body = request.body
    if body is not None:
        wire.add_unredirected_header("Content-type", body.content_type)
        if body.length is None:
            wire.add_unredirected_header("Transfer-encoding", "chunked")
        else:
            wire.add_unredirected_header("Content-length", str(body.length))
    elif request.method in {"POST", "PUT", "PATCH"}:
        wire.add_unredirected_header("Content-length", "0")
    return wire


def _build_opener(pool: ConnectionPool, settings: Settings) -> urllib.request.OpenerDirector:
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.UnknownHandler(),
        KeepAliveHandler(pool, tls_contexts_of(settings), Proxies(settings.proxy, trust_env=settings.trust_env)),
        SafeRedirectHandler(),
        ResponseProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def _fields_of(wire: WireResponse | ForeignResponse, authorization: str) -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = wire.headers.items()
    whole = "\n".join(map("\n".join, fields))
    if redact(whole, authorization) == whole:
        return fields
    return [(redact(name, authorization), redact(value, authorization)) for name, value in fields]


def _read_bounded(wire: WireResponse | ForeignResponse, *, is_success: bool) -> bytes:
    """The body, if it is not too large."""
    limit = MAX_RESPONSE_BYTES if is_success else MAX_ERROR_BYTES
    length = wire.length
    blocks: list[bytes] = []
    size = 0
    try:
        if length is not None and length <= limit:
            # http.client checks the length itself when asked for everything.
            return wire.read()
        # Nothing is read of a successful response whose length says that it is too large.
        while size <= limit and not (length is not None and is_success):
            block = wire.read(min(_READ_SIZE, limit + 1 - size))
            if not block:
                return b"".join(blocks)
            blocks.append(block)
            size += len(block)
    except ValueError as error:
        # http.client accepts negative chunk sizes.
        raise http.client.HTTPException("a chunk with an invalid size") from error
    beginning = b"" if encoding_of(wire.headers) else b"".join(blocks)[:limit]
    raise UnreadableBodyError(f"the response is larger than {limit} bytes", beginning)
