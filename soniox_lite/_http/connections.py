"""urllib handlers over ``http.client`` connections that stay open between requests.

``urllib.request`` alone closes its connection after every request. Its opener still follows redirects;
:class:`KeepAliveHandler` replaces its proxy, HTTP and HTTPS handlers and takes connections from a
:class:`ConnectionPool`. A connection serves one request at a time, and is released when the response was read to its
end.
"""

from __future__ import annotations

import functools
import http.client
import os
import ssl
import urllib.request
from urllib.parse import urlsplit

from .._data.clock import time
from .._net.addresses import resolve
from .._net.proxies import ProxyError
from .._net.redaction import describe_failure, redact_exception
from .._net.route import Route
from .._net.tcp import SLICE_SEC, is_readable, remaining_sec, step_within
from ..errors import SonioxConnectionError, SonioxTimeoutError, SonioxValidationError, with_errno
from .body import Body
from .pool import MAX_IDLE_SEC
from .wire_response import WireResponse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from .._data.cancel_token import CancelToken
    from .._net.proxies import Proxies, Proxy
    from .messages import Request
    from .pool import ConnectionPool, PoolKey

# A request that must not be sent twice cannot be repeated if the server has closed the connection, so it only gets a
# connection that was in use recently.
MAX_IDLE_SEC_UNREPEATABLE = 5.0
_CLOSED_BY_PEER = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
_REPEATABLE_METHODS = frozenset({"GET", "HEAD", "DELETE"})


class WireRequest(urllib.request.Request):
    """A urllib request with time limits.

    Attributes:
        connect_timeout_sec: For TCP, proxy and TLS together, without name resolution; None for the request's timeout.
        deadline: When to give up, as ``time.monotonic()`` counts; None for no limit to the whole.
        origin: The request that this was made from, which is marked if it had to be sent twice.
        proxy: The proxy that is used; None for a direct connection.
        cancel: What may end the request; None without it.
    """

    connect_timeout_sec: float | None = None
    deadline: float | None = None
    origin: Request
    proxy: Proxy | None = None
    cancel: CancelToken | None = None


class KeepAliveHandler(urllib.request.AbstractHTTPHandler):
    """Opens http and https URLs over pooled connections. Any thread may use it."""

    def __init__(self, pool: ConnectionPool, tls_context: Callable[[], ssl.SSLContext], proxies: Proxies) -> None:
        """Opens nothing yet.

        Args:
            pool: Holds the idle connections.
            tls_context: Returns the TLS context; called for each new https connection.
            proxies: Which proxy is for which host.
        """
        super().__init__()
        self._pool = pool
        self._tls_context = tls_context
        self._proxies = proxies

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        name, colon, port = (request.host or "").partition(":")
        if name.endswith(".") and not request.has_header("Host"):
            # The dot at the end of an absolute name is for the resolver only. Servers compare the Host header with
            # their name and with the name of TLS, which have none.
            request.add_unredirected_header("Host", f"{name[:-1]}{colon}{port}")
        return self.do_request_(request)

    https_request = http_request

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        found = http.client.HTTPConnection, http.client.HTTPSConnection, http.client.HTTPConnection.request
        is_replaced = any(part.__module__ != "http.client" for part in found)
        return self._open_replaced(request) if is_replaced else self._round_trip(request)

    https_open = http_open

    def _open_replaced(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        """As urllib does it, without our pool: a tool such as vcrpy has replaced http.client's classes."""
        body: Any = request.data
        if body is not None:
            # Such tools expect bytes, and send them with a length.
            request.data = bytes(body)
            request.remove_header("Transfer-encoding")
        proxy = self._proxy_for(request)
        if proxy is not None:
            if proxy.secure:
                # urllib would send the proxy's password without TLS.
                raise SonioxConnectionError(
                    f"{_name(request)}: http.client was replaced, and cannot speak TLS to a proxy"
                )
            request.set_proxy(str(proxy), "http")
            if proxy.authorization is not None:
                request.add_unredirected_header("Proxy-authorization", proxy.authorization)
        if request.type == "http":
            return self.do_open(http.client.HTTPConnection, request)
        return self.do_open(http.client.HTTPSConnection, request, context=self._tls_context())

    def _round_trip(self, request: urllib.request.Request) -> WireResponse:
        headers = {**request.headers, **request.unredirected_hdrs}
        # The proxy's credentials must not reach the server.
        headers.pop("Proxy-authorization", None)
        scheme, host = request.type, request.host or ""
        proxy = self._proxy_for(request) if self._proxies.are_named else None
        if proxy is not None and scheme == "http":
            # The proxy makes the request; one connection to it serves all hosts.
            request.selector = f"{scheme}://{host}{request.selector}"
            host = ""
            if proxy.authorization is not None:
                headers["Proxy-authorization"] = proxy.authorization
        key: PoolKey = (scheme, host, proxy)
        body = request.data
        repeatable = request.get_method() in _REPEATABLE_METHODS and (body is None or getattr(body, "repeatable", True))

        max_idle_sec = MAX_IDLE_SEC if repeatable else MAX_IDLE_SEC_UNREPEATABLE
        connection = self._pool.acquire(key, max_idle_sec, getattr(request, "cancel", None))
        if connection is not None:
            try:
                return self._send_and_receive(connection, key, request, headers)
            except SonioxConnectionError as error:
                # The server may have closed the idle connection at this moment, which does not depend on the request.
                if self._pool.closed or not repeatable or not isinstance(error.__cause__, _CLOSED_BY_PEER):
                    raise
                if getattr(request, "cancel", None) is not None:
                    request.cancel.check()  # type: ignore[attr-defined]
                request.origin.doubtful = True  # type: ignore[attr-defined]
        return self._send_and_receive(self._connect(key, request), key, request, headers)

    def _proxy_for(self, request: Any) -> Proxy | None:
        try:
            request.proxy = self._proxies.find(request.type, *_place_of(request))
        except (ProxyError, ValueError) as error:
            unusable = SonioxConnectionError(f"{_name(request)}: {self._describe(error)}")
            raise with_errno(unusable, error) from redact_exception(error)
        found: Proxy | None = request.proxy
        return found

    def _connect(self, key: PoolKey, request: urllib.request.Request) -> http.client.HTTPConnection:
        scheme, _, proxy = key
        timeout: float = getattr(request, "connect_timeout_sec", None) or _timeout_of(request)
        deadline: float | None = getattr(request, "deadline", None)
        try:
            host, port = _place_of(request)
            connection = _unconnected(host, port)
            route = Route(
                host,
                port,
                proxy,
                secure=scheme == "https",
                tunnelled=scheme == "https",
                tls_context=self._tls_context,
            )
            cancel: CancelToken | None = getattr(request, "cancel", None)
            self._pool.add(connection, cancel)
            try:
                # Name resolution has the system's own limits and is not counted.
                addresses = resolve(*route.first_hop)
                ends = time.monotonic() + timeout
                ends = ends if deadline is None else min(ends, deadline)
                connection.sock = route.connect(addresses, ends, functools.partial(setattr, connection, "open_sock"))
                self._pool.check_open()
                if cancel is not None:
                    cancel.check()
            except BaseException:
                self._pool.discard(connection)
                raise
        except TimeoutError as error:
            late = SonioxTimeoutError(f"{_name(request)}: could not connect within {timeout:g} s")
            raise with_errno(late, error) from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            failed = SonioxConnectionError(f"{_name(request)}: {self._describe(error)}")
            raise with_errno(failed, error) from redact_exception(error)
        return connection

    def _send_and_receive(
        self,
        connection: http.client.HTTPConnection,
        key: PoolKey,
        request: urllib.request.Request,
        headers: dict[str, str],
    ) -> WireResponse:
        """Sends the request and reads the head of the response; its body is still to be read."""
        timeout = _timeout_of(request)
        deadline: float | None = getattr(request, "deadline", None)
        try:
            if connection.sock.gettimeout() != timeout:
                connection.sock.settimeout(timeout)
            send_error = self._send(connection, request, headers)
            connection.response_class = functools.partial(  # type: ignore[assignment]
                WireResponse,
                timeout_sec=timeout,
                deadline=deadline,
                done=functools.partial(self._done, key, connection),
                abort=functools.partial(self._pool.abort, connection),
            )
            try:
                response: Any = connection.getresponse()
            except (OSError, http.client.HTTPException):
                # The server sent no response before it closed the connection, so the error of sending is the cause.
                if send_error is not None:
                    raise send_error  # noqa: B904 - the chain shows both
                raise
            finally:
                # It refers to the pool, which its idle connections must not keep alive.
                del connection.response_class
            if send_error is not None:
                response.will_close = True  # The request on this connection is incomplete.
        except (OSError, http.client.HTTPException) as error:
            self._pool.discard(connection)
            if error is getattr(request.data, "own_error", None):
                raise  # Raised by the user's callback or stream, not by the network.
            if isinstance(error, TimeoutError):
                late = SonioxTimeoutError(f"{_name(request)}: no response within {timeout:g} s", request_sent=True)
                raise with_errno(late, error) from error
            failed = SonioxConnectionError(f"{_name(request)}: {self._describe(error)}", request_sent=True)
            raise with_errno(failed, error) from redact_exception(error)
        except BaseException:
            self._pool.discard(connection)
            raise
        response.url = request.full_url
        response.msg = response.reason  # As urllib's own handler does.
        result: WireResponse = response
        return result

    def _send(
        self, connection: http.client.HTTPConnection, request: urllib.request.Request, headers: dict[str, str]
    ) -> OSError | None:
        """Sends head and body. Returns the error if the server stopped reading the body: there may be a response."""
        body: Any = request.data
        chunked = headers.get("Transfer-encoding", "").lower() == "chunked"
        try:
            connection.putrequest(
                request.get_method(),
                request.selector,
                skip_host=True,
                skip_accept_encoding="Accept-encoding" in headers,
            )
            for name, value in headers.items():
                connection.putheader(name, value)
        except ValueError:
            # The original error contains the header's value, which may be the key.
            raise SonioxValidationError(
                f"{_name(request)}: a header or the URL contains characters that HTTP does not allow"
            ) from None
        connection.endheaders()
        if body is None:
            return None
        blocks: Iterable[bytes] = body if isinstance(body, Body) else (body,)
        timeout = _timeout_of(request)
        deadline: float | None = getattr(request, "deadline", None)
        # Only sending is in the try block: errors of the user's stream are passed on unchanged.
        for block in _in_chunks(blocks) if chunked else blocks:
            wait_sec = timeout if deadline is None else remaining_sec(deadline, timeout)
            try:
                _send_block(connection, block, wait_sec)
            except _CLOSED_BY_PEER as error:
                return error
            except TimeoutError as error:
                if not is_readable(connection.sock):
                    raise
                # There is a response: the server has stopped reading the body.
                return error
        return None

    def _describe(self, error: BaseException) -> str:
        return "the client was closed meanwhile" if self._pool.closed else describe_failure(error)

    def _done(self, key: PoolKey, connection: http.client.HTTPConnection, *, reusable: bool) -> None:
        if reusable:
            self._pool.release(key, connection)
        else:
            self._pool.discard(connection)


def _unconnected(host: str, port: int) -> http.client.HTTPConnection:
    """A connection of ``http.client`` whose socket the caller opens. It belongs to this process.

    It is no subclass: the base class would be bound when this module is loaded, when a tool such as vcrpy may have
    replaced it for a while.
    """
    connection: Any = http.client.HTTPConnection(host, port)
    # Without a socket, requests fail. Otherwise http.client would open one, without the proxy.
    connection.auto_open = 0
    connection.pid = os.getpid()
    result: http.client.HTTPConnection = connection
    return result


def _send_block(connection: http.client.HTTPConnection, block: bytes, wait_sec: float) -> None:
    """Sends all of a block. Each wait for the server may take this long."""
    sock = connection.sock
    if SLICE_SEC is None:
        if sock.gettimeout() != wait_sec:
            sock.settimeout(wait_sec)
        connection.send(block)
        return
    rest = memoryview(block)
    while rest:
        rest = rest[step_within(sock, wait_sec, sock.send, rest) :]


def _timeout_of(request: urllib.request.Request) -> float:
    # The opener sets it to a number, since we always pass one.
    timeout = request.timeout
    return 30.0 if timeout is None else timeout


def _in_chunks(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The blocks as ``Transfer-Encoding: chunked`` sends them."""
    for block in blocks:
        yield b"%x\r\n%b\r\n" % (len(block), block)
    yield b"0\r\n\r\n"


def _place_of(request: urllib.request.Request) -> tuple[str, int]:
    """Host and port of the server. Raises ValueError if the port is not valid."""
    parts = urlsplit(f"//{request.host}")
    return parts.hostname or "", parts.port or (443 if request.type == "https" else 80)


def _name(request: urllib.request.Request) -> str:
    name = f"{request.get_method()} {request.full_url}"
    proxy: Proxy | None = getattr(request, "proxy", None)
    return name if proxy is None else f"{name} through the proxy {proxy}"
