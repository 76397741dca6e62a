"""urllib handlers over ``http.client`` connections that stay open between requests.

``urllib.request`` alone closes its connection after every request. Its opener stays in charge of redirects;
:class:`KeepAliveHandler` takes the place of its proxy, HTTP and HTTPS handlers and lends connections from a
:class:`ConnectionPool`. A connection is lent to one request, and comes back when the reply was read to its end.
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
from .._net.proxies import Proxies, ProxyError
from .._net.redaction import describe_failure, redact_exception
from .._net.route import Route
from .._net.tcp import is_readable, remaining_sec
from ..errors import SonioxConnectionError, SonioxTimeoutError, SonioxValidationError
from .body import Body
from .pool import MAX_IDLE_SEC
from .wire_response import Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from .._net.proxies import Proxy
    from .messages import Request
    from .pool import ConnectionPool, PoolKey

# A request that must not be made twice cannot be repeated when the server turns out to have closed the connection,
# so it only takes one that was in use a moment ago.
_MAX_IDLE_SEC_UNREPEATABLE = 5.0
_CLOSED_BY_PEER = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
_REPEATABLE_METHODS = frozenset({"GET", "HEAD", "DELETE"})


class WireRequest(urllib.request.Request):
    """A urllib request that knows its limits.

    Attributes:
        connect_timeout_sec: For DNS-resolved addresses, TCP, proxy and TLS.
        deadline: When to give up, as ``time.monotonic()`` counts; None for no limit to the whole.
        origin: What it was made from, and what is told that it had to be sent twice; None after a redirect.
        proxy: What it was sent through; None for nothing.
    """

    connect_timeout_sec: float | None = None
    deadline: float | None = None
    origin: Request | None = None
    proxy: Proxy | None = None


class KeepAliveHandler(urllib.request.AbstractHTTPHandler):
    """Opens http and https URLs over pooled connections. Any thread may use it."""

    def __init__(self, pool: ConnectionPool, tls_context: Callable[[], ssl.SSLContext]) -> None:
        """Opens nothing yet.

        Args:
            pool: Where connections come from and go back to.
            tls_context: Gives the TLS context; called when the first https connection is made.
        """
        super().__init__()
        self._pool = pool
        self._tls_context = tls_context
        self._proxies = Proxies()

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        name, colon, port = (request.host or "").partition(":")
        if name.endswith(".") and not request.has_header("Host"):
            # This dot of an absolute name is for the resolver. With it, the name would differ from that of TLS, and
            # from what servers that compare names are called by.
            request.add_unredirected_header("Host", f"{name[:-1]}{colon}{port}")
        return self.do_request_(request)

    https_request = http_request

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        is_replaced = not (
            http.client.HTTPConnection.__module__ == http.client.HTTPSConnection.__module__ == "http.client"
        )
        return self._open_replaced(request) if is_replaced else self._exchange(request)

    https_open = http_open

    def _open_replaced(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        """As urllib does it, without our pool: a tool such as vcrpy has its own classes in place of http.client's."""
        body: Any = request.data
        if body is not None:
            # Tools look at bodies, and send them with a length.
            request.data = bytes(body)
            request.remove_header("Transfer-encoding")
        proxy = self._proxy_for(request)
        if proxy is not None:
            if proxy.secure:
                # urllib would send it the password without TLS.
                raise SonioxConnectionError(
                    f"{_name(request)}: http.client was replaced, and cannot speak TLS to a proxy"
                )
            request.set_proxy(str(proxy), "http")
            if proxy.authorization is not None:
                request.add_unredirected_header("Proxy-authorization", proxy.authorization)
        if request.type == "http":
            return self.do_open(http.client.HTTPConnection, request)
        return self.do_open(http.client.HTTPSConnection, request, context=self._tls_context())

    def _exchange(self, request: urllib.request.Request) -> Reply:
        headers = {**request.headers, **request.unredirected_hdrs}
        # The proxy's credentials are for the proxy alone.
        headers.pop("Proxy-authorization", None)
        scheme, host = request.type, request.host or ""
        proxy = self._proxy_for(request) if self._proxies.are_named else None
        if proxy is not None and scheme == "http":
            # The proxy fetches it; one connection serves all hosts.
            request.selector = f"{scheme}://{host}{request.selector}"
            host = ""
            if proxy.authorization is not None:
                headers["Proxy-authorization"] = proxy.authorization
        key: PoolKey = (scheme, host, proxy)
        body = request.data
        repeatable = request.get_method() in _REPEATABLE_METHODS and (body is None or getattr(body, "repeatable", True))

        connection = self._pool.take(key, MAX_IDLE_SEC if repeatable else _MAX_IDLE_SEC_UNREPEATABLE)
        if connection is not None:
            try:
                return self._send_and_receive(connection, key, request, headers)
            except SonioxConnectionError as error:
                # The server may have closed it just as we wrote: that says nothing about the request.
                if self._pool.closed or not repeatable or not isinstance(error.__cause__, _CLOSED_BY_PEER):
                    raise
                origin: Request | None = getattr(request, "origin", None)
                if origin is not None:
                    origin.doubtful = True
        return self._send_and_receive(self._connect(key, request), key, request, headers)

    def _proxy_for(self, request: Any) -> Proxy | None:
        try:
            request.proxy = self._proxies.find(request.type, *_place_of(request))
        except (ProxyError, ValueError) as error:
            raise SonioxConnectionError(f"{_name(request)}: {self._describe(error)}") from redact_exception(error)
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
            self._pool.lend(connection)
            try:
                # The system's name resolution has limits of its own and is not counted.
                addresses = resolve(*route.first_hop)
                ends = time.monotonic() + timeout
                ends = ends if deadline is None else min(ends, deadline)
                connection.sock = route.connect(addresses, ends, functools.partial(setattr, connection, "open_sock"))
                self._pool.check_open()
            except BaseException:
                self._pool.discard(connection)
                raise
        except TimeoutError as error:
            raise SonioxTimeoutError(f"{_name(request)}: could not connect within {timeout:g} s") from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            problem = self._describe(error)
            raise SonioxConnectionError(f"{_name(request)}: {problem}") from redact_exception(error)
        return connection

    def _send_and_receive(
        self,
        connection: http.client.HTTPConnection,
        key: PoolKey,
        request: urllib.request.Request,
        headers: dict[str, str],
    ) -> Reply:
        """Sends the request and reads the reply's head; the body is left to the reply."""
        timeout = _timeout_of(request)
        deadline: float | None = getattr(request, "deadline", None)
        try:
            if connection.sock.gettimeout() != timeout:
                connection.sock.settimeout(timeout)
            send_error = self._send(connection, request, headers)
            connection.response_class = functools.partial(  # type: ignore[assignment]
                Reply,
                timeout_sec=timeout,
                deadline=deadline,
                done=functools.partial(self._done, key, connection),
                break_off=functools.partial(self._pool.break_off, connection),
            )
            try:
                reply: Any = connection.getresponse()
            except (OSError, http.client.HTTPException):
                # The server may have answered before it stopped listening, but it did not: the first error counts.
                if send_error is not None:
                    raise send_error  # noqa: B904 - the chain shows both
                raise
            finally:
                # It knows the pool, which must not be kept alive by its idle connections.
                del connection.response_class
            if send_error is not None:
                reply.will_close = True  # Half a request hangs on this connection.
        except TimeoutError as error:
            self._pool.discard(connection)
            raise SonioxTimeoutError(f"{_name(request)}: no answer within {timeout:g} s", request_sent=True) from error
        except (OSError, http.client.HTTPException) as error:
            self._pool.discard(connection)
            problem = self._describe(error)
            raise SonioxConnectionError(f"{_name(request)}: {problem}", request_sent=True) from redact_exception(error)
        except BaseException:
            self._pool.discard(connection)
            raise
        reply.url = request.full_url
        reply.msg = reply.reason  # As urllib's own handler does.
        result: Reply = reply
        return result

    def _send(
        self, connection: http.client.HTTPConnection, request: urllib.request.Request, headers: dict[str, str]
    ) -> OSError | None:
        """Sends head and body. A peer that hangs up on the body may have answered; its error is returned for later."""
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
            # The original error shows the value, which is nobody's business.
            raise SonioxValidationError(
                f"{_name(request)}: a header or the URL holds what HTTP does not allow"
            ) from None
        connection.endheaders()
        if body is None:
            return None
        blocks: Iterable[bytes] = body if isinstance(body, Body) else (body,)
        timeout = _timeout_of(request)
        deadline: float | None = getattr(request, "deadline", None)
        # Only sending stands in a try: reading the user's stream may raise what it likes.
        for block in _in_chunks(blocks) if chunked else blocks:
            if deadline is not None:
                connection.sock.settimeout(remaining_sec(deadline, timeout))
            try:
                connection.send(block)
            except _CLOSED_BY_PEER as error:
                return error
            except TimeoutError as error:
                if not is_readable(connection.sock):
                    raise
                # It has seen enough: it answers, and reads no more.
                return error
        return None

    def _describe(self, error: BaseException) -> str:
        return "the client was closed meanwhile" if self._pool.closed else describe_failure(error)

    def _done(self, key: PoolKey, connection: http.client.HTTPConnection, *, reusable: bool) -> None:
        if reusable:
            self._pool.give_back(key, connection)
        else:
            self._pool.discard(connection)


def _unconnected(host: str, port: int) -> http.client.HTTPConnection:
    """A connection of ``http.client`` without its socket, which the caller opens. It belongs to this process.

    No subclass: its base would be read when this module is loaded, and a tool such as vcrpy may have put a class of its
    own in that place for a while.
    """
    connection: Any = http.client.HTTPConnection(host, port)
    # Without a socket it fails. http.client would open one, which would know of no proxy.
    connection.auto_open = 0
    connection.pid = os.getpid()
    result: http.client.HTTPConnection = connection
    return result


def _timeout_of(request: urllib.request.Request) -> float:
    # The opener sets it, always to a number, since ours is always called with one.
    timeout = request.timeout
    return 30.0 if timeout is None else timeout


def _in_chunks(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The blocks as ``Transfer-Encoding: chunked`` sends them."""
    for block in blocks:
        yield b"%x\r\n%b\r\n" % (len(block), block)
    yield b"0\r\n\r\n"


def _place_of(request: urllib.request.Request) -> tuple[str, int]:
    """Host and port of the server. A port that is none raises ValueError."""
    parts = urlsplit(f"//{request.host}")
    return parts.hostname or "", parts.port or (443 if request.type == "https" else 80)


def _name(request: urllib.request.Request) -> str:
    name = f"{request.get_method()} {request.full_url}"
    proxy: Proxy | None = getattr(request, "proxy", None)
    return name if proxy is None else f"{name} through the proxy {proxy}"
