"""One attempt over threads: a request goes out, a reply comes back or one of our errors is raised."""

from __future__ import annotations

import functools
import http.client
import io
import urllib.error
import urllib.request
import zlib

from .._data.clock import time
from .._net.certificates import default_tls_context
from .._net.redaction import describe_failure, redact, redact_exception
from ..errors import SonioxAPIError, SonioxConnectionError, SonioxError, SonioxTimeoutError
from .body import CallbackError
from .connections import KeepAliveHandler, WireRequest
from .messages import Request, Response
from .pool import ConnectionPool
from .redirects import ReplyProcessor, SafeRedirectHandler
from .streams import OpenReplyStream, ReplyStream
from .wire_response import length_left

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from typing import Any

    from .body import ProgressCallback

MAX_REPLY_BYTES = 64 * 1024 * 1024
# The beginning of an error page says what is to be known of it.
MAX_ERROR_BYTES = 1024 * 1024
# Of a reply that was compressed although nobody asked for it: a small one may become a thousand times as large.
MAX_DECODED_BYTES = 16 * 1024 * 1024
_READ_SIZE = 256 * 1024
# The headers of ours that redirects to other hosts take along, as urllib spells them.
_FOLLOW_REDIRECTS = frozenset({"Accept", "User-agent"})
# Larger ones that are no errors are transcripts and listings.
_SMALL_BODY_BYTES = 16 * 1024

sleep = time.sleep


class Transport:
    """Sends requests through urllib and owns the connections. Any thread may use it."""

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext | None = None,
        opener: urllib.request.OpenerDirector | None = None,
    ) -> None:
        """Opens nothing yet.

        Args:
            ssl_context: For https; None for the shared default.
            opener: Used as it is, with its own handlers and without our pool; None for one of our own.
        """
        self._pool = ConnectionPool()
        self._opener = opener or _build_opener(self._pool, ssl_context)

    @property
    def closed(self) -> bool:
        """Whether ``close()`` was called."""
        return self._pool.closed

    def check_open(self) -> None:
        """Raises SonioxError after ``close()``."""
        self._pool.check_open()

    def open(
        self,
        request: Request,
        *,
        authorization: str,
        timeout_sec: float,
        connect_timeout_sec: float,
        deadline: float | None = None,
        streamed: bool = False,
    ) -> ReplyStream:
        """The reply to a request, whatever its status.

        Args:
            request: What to send.
            authorization: Value of the ``Authorization`` header, which no redirect takes to another host.
            timeout_sec: The longest silence: for sending a block, for the reply's first byte, for its next.
            connect_timeout_sec: For reaching the server, proxy and TLS included.
            deadline: When to give up whatever comes, as ``time.monotonic()`` counts; None for never. An opener of the
                user's own does not know it.
            streamed: Leaves the body of a 2xx reply to be read from the stream; otherwise nothing is left there.

        Raises:
            SonioxConnectionError: There was no reply, or not all of it.
            SonioxTimeoutError: It took too long.
            SonioxAPIError: The reply is larger than 64 MiB, or compressed and then larger than 16 MiB, or in a way that
                is not known here.
        """
        self.check_open()
        started = time.monotonic()
        wire = _on_the_wire(request, authorization)
        wire.connect_timeout_sec = connect_timeout_sec
        wire.deadline = deadline
        name = f"{request.method} {request.url}"
        reply: Any = None
        callback_error: Exception | None = None
        try:
            reply = self._open(wire, timeout_sec)
        except CallbackError as error:
            callback_error = error.original
        except SonioxError:
            raise
        except TimeoutError as error:
            raise SonioxTimeoutError(f"{name}: no answer within {timeout_sec:g} s", request_sent=True) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            # Only an opener of the user's own gets here; whether it sent anything cannot be known.
            reason = getattr(error, "reason", None)
            if isinstance(reason, TimeoutError):
                raise SonioxTimeoutError(f"{name}: no answer within {timeout_sec:g} s", request_sent=True) from error
            cause = reason if isinstance(reason, BaseException) else error
            problem = redact(describe_failure(cause), authorization)
            redact_exception(cause)
            raise SonioxConnectionError(f"{name}: {problem}", request_sent=True) from redact_exception(error)
        if callback_error is not None:
            # Not inside the except clause, which would become its context.
            raise callback_error
        status = getattr(reply, "status", None)
        # http.client, which the opener may rest on, takes interim replies for answers.
        if not isinstance(status, int) or status < 200:
            if reply is not None:
                reply.close()
            raise SonioxConnectionError(f"{name}: the opener has no HTTP answer to this")
        if streamed and 200 <= reply.status < 300 and not _encoding_of(reply):
            response = Response(
                reply.status,
                _fields_of(reply, authorization),
                request=request,
                elapsed_sec=time.monotonic() - started,
            )
            return OpenReplyStream(
                response,
                reply,
                failure=functools.partial(self._broken_off, name),
                mask=functools.partial(redact, authorization=authorization),
            )
        try:
            response = self._read(reply, request, authorization, started)
        except (OSError, http.client.HTTPException) as error:
            raise self._broken_off(name, error) from error
        finally:
            reply.close()
        # What a server compresses although it was asked not to is held in memory, and handed out all the same.
        return ReplyStream(response, io.BytesIO(response.content) if streamed and response.is_success else None)

    def callback(self, function: ProgressCallback | None) -> ProgressCallback | None:
        """The function as a transport may call it: here, from the thread that sends."""
        return function

    def close(self) -> None:
        """Closes all connections, also those in use: their requests fail at once."""
        self._pool.close()

    def _open(self, wire: WireRequest, timeout_sec: float) -> Any:
        try:
            return self._opener.open(wire, timeout=timeout_sec)
        except urllib.error.HTTPError as reply:
            # An opener of the user's own raises for statuses; the error is the reply.
            return reply

    def _broken_off(self, name: str, error: Exception) -> SonioxError:
        """The error for a reply that did not come to its end."""
        if isinstance(error, TimeoutError):
            return SonioxTimeoutError(
                f"{name}: the reply stopped, or came in too slowly, before its end", request_sent=True
            )
        problem = "the client was closed meanwhile" if self.closed else describe_failure(error)
        redact_exception(error)
        return SonioxConnectionError(f"{name}: {problem}", request_sent=True)

    def _read(self, reply: Any, request: Request, authorization: str, started: float) -> Response:
        status: int = reply.status
        is_success = 200 <= status < 300
        fields = _fields_of(reply, authorization)
        content, complete = b"", True
        try:
            content = _read_bounded(reply, is_success=is_success)
            encoding = _encoding_of(reply)
            # Middleware says that it compresses also where there is nothing to compress.
            if encoding and content:
                content = _decompress(content, encoding)
        except (OSError, http.client.HTTPException) as error:
            # What an error reply is does not hang on its last bytes.
            if is_success:
                raise
            content, complete = getattr(error, "partial", b""), False
        except _UnreadableBodyError as error:
            if is_success:
                response = Response(status, fields, request=request)
                raise SonioxAPIError(str(error), response=response) from None
            content, complete = error.beginning, False
        return Response(
            status,
            fields,
            redact(content, authorization, escaped=not is_success or len(content) <= _SMALL_BODY_BYTES),
            request=request,
            elapsed_sec=time.monotonic() - started,
            complete=complete,
        )


class _UnreadableBodyError(Exception):
    """A body that is not usable.

    Attributes:
        beginning: What is usable of it all the same.
    """

    def __init__(self, problem: str, beginning: bytes = b"") -> None:
        super().__init__(problem)
        self.beginning = beginning


def _on_the_wire(request: Request, authorization: str) -> WireRequest:
    wire = WireRequest(request.url, data=request.body, headers=request.headers, method=request.method)
    wire.origin = request
    for name in wire.headers.keys() - _FOLLOW_REDIRECTS:
        # A hook has added it: it may prove who calls, as the key does.
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


def _build_opener(pool: ConnectionPool, context: ssl.SSLContext | None) -> urllib.request.OpenerDirector:
    tls_context: Callable[[], ssl.SSLContext] = default_tls_context if context is None else (lambda: context)
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.UnknownHandler(),
        KeepAliveHandler(pool, tls_context),
        SafeRedirectHandler(),
        ReplyProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def _fields_of(reply: Any, authorization: str) -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = reply.headers.items()
    whole = "\n".join(map("\n".join, fields))
    if redact(whole, authorization) == whole:
        return fields
    return [(redact(name, authorization), redact(value, authorization)) for name, value in fields]


def _encoding_of(reply: Any) -> str:
    """How the body is compressed; empty where it is not."""
    encoding: str = reply.headers.get("Content-Encoding", "").strip().lower()
    return "" if encoding == "identity" else encoding


def _read_bounded(reply: Any, *, is_success: bool) -> bytes:
    limit = MAX_REPLY_BYTES if is_success else MAX_ERROR_BYTES
    length = length_left(reply)
    blocks: list[bytes] = []
    size = 0
    try:
        if length is not None and length <= limit:
            # http.client checks the length itself when asked for everything.
            content: bytes = reply.read()
            return content
        # Of a success that says it is too large, nothing is read.
        while size <= limit and not (length is not None and is_success):
            block: bytes = reply.read(min(_READ_SIZE, limit + 1 - size))
            if not block:
                return b"".join(blocks)
            blocks.append(block)
            size += len(block)
    except ValueError as error:
        # http.client believes a chunk that says its size is negative.
        raise http.client.HTTPException("a chunk of no size") from error
    beginning = b"" if _encoding_of(reply) else b"".join(blocks)[:limit]
    raise _UnreadableBodyError(f"the reply is larger than {limit} bytes", beginning)


def _decompress(content: bytes, encoding: str) -> bytes:
    """The body of a server that compresses although it was asked not to."""
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise _UnreadableBodyError("the reply is compressed in a way that was not asked for")
    # 32: either header. Some servers take "deflate" for what has none.
    is_raw = encoding == "deflate" and content[:1] and content[0] & 0x0F != 8
    decompressor = zlib.decompressobj(-zlib.MAX_WBITS if is_raw else zlib.MAX_WBITS | 32)
    try:
        result = decompressor.decompress(content, MAX_DECODED_BYTES + 1)
    except zlib.error:
        raise _UnreadableBodyError(f"the reply claims to be {encoding} but is not") from None
    if len(result) > MAX_DECODED_BYTES:
        raise _UnreadableBodyError(f"the reply, decompressed, is larger than {MAX_DECODED_BYTES} bytes")
    if not decompressor.eof:
        raise _UnreadableBodyError("the reply's compressed body is cut off")
    if decompressor.unused_data:
        raise _UnreadableBodyError("the reply's compressed body is followed by something else")
    return result
