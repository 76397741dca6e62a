"""urllib handlers over a pool of ``http.client`` connections that stay open between requests.

``urllib.request`` alone closes its connection after every request. Its opener stays in charge of proxies and redirects;
:class:`KeepAliveHandler` takes the place of its HTTP and HTTPS handlers and lends connections from a
:class:`ConnectionPool`. A connection is lent to one request, and comes back when the reply was read to its end.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import io
import os
import select
import socket
import ssl
import threading
import time
import urllib.parse
import urllib.request
import weakref

from ..errors import SonioxConnectionError, SonioxError, SonioxTimeoutError, SonioxValidationError
from .body import Body

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, AnyStr, TypeVar

    # Scheme, host to connect to, host to tunnel to, proxy credentials.
    PoolKey = tuple[str, str, str | None, str | None]
    ErrorT = TypeVar("ErrorT", bound=BaseException)

# Most servers and load balancers keep an idle connection for a minute or more; NAT tables forget it later still.
_MAX_IDLE_SEC = 30.0
# A request that must not be made twice cannot be repeated when the server turns out to have closed the connection,
# so it only takes one that was in use a moment ago.
_MAX_IDLE_SEC_UNREPEATABLE = 5.0
_MAX_IDLE_CONNECTIONS = 64
# A reply that comes in more slowly than this, once its timeout is used up, counts as stalled.
_MIN_BYTES_PER_SEC = 1024
# More than the transport takes of any body, chunk sizes included. http.client itself would read interim replies,
# trailers and chunk sizes for ever.
MAX_WIRE_BYTES = 128 * 1024 * 1024
# Shorter keys are made up for tests, and may well be a word of the reply.
_MIN_SECRET_LENGTH = 16
_READ_BUFFER_SIZE = 64 * 1024
_CLOSED_BY_PEER = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
_REPEATABLE_METHODS = frozenset({"GET", "HEAD", "DELETE"})


class WireRequest(urllib.request.Request):
    """A urllib request that knows its limits.

    Attributes:
        connect_timeout_sec: For DNS-resolved addresses, TCP, proxy and TLS.
        deadline: When to give up, as ``time.monotonic()`` counts; None for no limit to the whole.
    """

    connect_timeout_sec: float | None = None
    deadline: float | None = None


class ConnectionPool:
    """Idle connections by where they lead. Any thread may use it; a forked child starts with an empty one."""

    def __init__(self) -> None:
        self._idle: dict[PoolKey, list[tuple[http.client.HTTPConnection, float]]] = {}
        self._start_empty()
        self.closed = False
        # Not __del__, which the garbage collector may call after it has complained about the sockets.
        weakref.finalize(self, _close_all, self._idle)

    def _start_empty(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        # In a forked child, this closes its copies of the sockets and leaves the connections to the parent.
        _close_all(self._idle)
        self._busy: set[http.client.HTTPConnection] = set()

    def take(self, key: PoolKey, max_idle_sec: float) -> http.client.HTTPConnection | None:
        """An idle connection that still looks alive; None when there is none."""
        if self._pid != os.getpid():
            # The parent's sockets and the state of its lock are not ours.
            self._start_empty()
        now = time.monotonic()
        while True:
            with self._lock:
                self.check_open()
                waiting = self._idle.get(key)
                if not waiting:
                    return None
                connection, since = waiting.pop()
                self._busy.add(connection)
            if now - since <= max_idle_sec and not _is_readable(connection.sock):
                return connection
            self.discard(connection)

    def lend(self, connection: http.client.HTTPConnection) -> None:
        """Counts a new connection as in use."""
        with self._lock:
            self.check_open()
            self._busy.add(connection)

    def give_back(self, key: PoolKey, connection: http.client.HTTPConnection) -> None:
        """Takes back a connection whose last reply was read to its end."""
        with self._lock:
            self._busy.discard(connection)
            waiting = self._idle.setdefault(key, [])
            if not self.closed and connection.sock is not None and len(waiting) < _MAX_IDLE_CONNECTIONS:
                waiting.append((connection, time.monotonic()))
                return
        connection.close()

    def discard(self, connection: http.client.HTTPConnection) -> None:
        """Closes a connection that is of no more use."""
        with self._lock:
            self._busy.discard(connection)
        connection.close()

    def close(self) -> None:
        """Closes idle connections and breaks those in use, so that whoever waits on one stops at once."""
        if self._pid != os.getpid():
            self._start_empty()
        with self._lock:
            self.closed = True
            idle = [connection for waiting in self._idle.values() for connection, _ in waiting]
            busy = list(self._busy)
            self._idle.clear()
        for connection in idle:
            connection.close()
        for connection in busy:
            # Not connection.sock, which http.client forgets when the reply is the last one on its connection.
            sock: socket.socket | None = getattr(connection, "open_sock", None)
            if sock is not None:
                # Below TLS, whose object belongs to the thread that reads or writes. The socket may be gone already.
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def check_open(self) -> None:
        """Raises SonioxError after ``close()``."""
        if self.closed:
            raise SonioxError("this client is closed")


def _close_all(idle: dict[PoolKey, list[tuple[http.client.HTTPConnection, float]]]) -> None:
    while idle:
        for connection, _ in idle.popitem()[1]:
            connection.close()


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

    http_request = urllib.request.AbstractHTTPHandler.do_request_
    https_request = urllib.request.AbstractHTTPHandler.do_request_

    def http_open(self, request: urllib.request.Request) -> Reply:
        return self._exchange(request)

    https_open = http_open

    def _exchange(self, request: urllib.request.Request) -> Reply:
        headers = {**request.headers, **request.unredirected_hdrs}
        tunnel_host: str | None = getattr(request, "_tunnel_host", None)
        # With a tunnel, the proxy's credentials are for the proxy alone.
        credentials = headers.pop("Proxy-authorization", None) if tunnel_host else None
        key: PoolKey = (request.type, request.host, tunnel_host, credentials)
        body = request.data
        repeatable = request.get_method() in _REPEATABLE_METHODS and (body is None or getattr(body, "repeatable", True))

        max_idle_sec = _MAX_IDLE_SEC if repeatable else _MAX_IDLE_SEC_UNREPEATABLE
        connection = self._pool.take(key, max_idle_sec)
        if connection is not None:
            try:
                return self._send_and_receive(connection, key, request, headers)
            except SonioxConnectionError as error:
                # The server may have closed it just as we wrote: that says nothing about the request.
                if self._pool.closed or not repeatable or not isinstance(error.__cause__, _CLOSED_BY_PEER):
                    raise
        return self._send_and_receive(self._connect(key, request), key, request, headers)

    def _connect(self, key: PoolKey, request: urllib.request.Request) -> http.client.HTTPConnection:
        scheme, host, tunnel_host, credentials = key
        timeout: float = getattr(request, "connect_timeout_sec", None) or _timeout_of(request)
        connection: http.client.HTTPConnection
        try:
            if scheme == "https":
                connection = _SecureConnection(host, timeout, self._tls_context())
            else:
                connection = _PlainConnection(host, timeout)
            if tunnel_host:
                connection.set_tunnel(tunnel_host, headers={"Proxy-Authorization": credentials} if credentials else {})
            self._pool.lend(connection)
            try:
                connection.connect()
                self._pool.check_open()
            except BaseException:
                self._pool.discard(connection)
                raise
        except TimeoutError as error:
            raise SonioxTimeoutError(f"{_name(request)}: could not connect within {timeout:g} s") from error
        except (OSError, UnicodeError, http.client.HTTPException) as error:
            problem = self._describe(error)
            raise SonioxConnectionError(f"{_name(request)}: {problem}") from scrubbed(error)
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
            connection.sock.settimeout(timeout)
            send_error = self._send(connection, request, headers)
            connection.response_class = functools.partial(  # type: ignore[assignment]
                Reply, timeout_sec=timeout, deadline=deadline, done=functools.partial(self._done, key, connection)
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
            raise SonioxConnectionError(f"{_name(request)}: {problem}", request_sent=True) from scrubbed(error)
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
                connection.sock.settimeout(_remaining(deadline, timeout))
            try:
                connection.send(block)
            except _CLOSED_BY_PEER as error:
                return error
            except TimeoutError as error:
                if not _is_readable(connection.sock):
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


class Reply(http.client.HTTPResponse):
    """A reply that gives its connection back when it is closed."""

    url: str

    def __init__(
        self,
        sock: socket.socket,
        *args: Any,
        timeout_sec: float,
        deadline: float | None,
        done: Callable[..., None],
        **kwargs: Any,
    ) -> None:
        self._done: Callable[..., None] | None = done
        super().__init__(_PacedSocket(sock, timeout_sec, deadline), *args, **kwargs)  # type: ignore[arg-type]
        self._file: Any = self.fp

    def begin(self) -> None:
        super().begin()
        if self._file.raw.has_ended:
            # http.client takes half a head for a whole one.
            raise http.client.IncompleteRead(b"")

    def read(self, amt: int | None = None) -> bytes:
        try:
            return super().read(amt)
        except BaseException:
            # http.client closes the reply at some errors as it does at its end.
            self.will_close = True
            raise

    def close(self) -> None:
        # At the end of the body, http.client itself has closed the reply.
        reusable = self.isclosed() and not self.will_close and self._file.unread == 0
        try:
            super().close()
        finally:
            done, self._done = self._done, None
            if done is not None:
                done(reusable=reusable)


class _PacedSocket:
    """What ``HTTPResponse`` asks of a socket: a file to read the reply from."""

    def __init__(self, sock: socket.socket, timeout_sec: float, deadline: float | None) -> None:
        self._sock = sock
        self._timeout_sec = timeout_sec
        self._deadline = deadline

    def makefile(self, mode: str) -> io.BufferedReader:
        return _ReplyFile(_PacedReader(self._sock, mode, self._timeout_sec, self._deadline), _READ_BUFFER_SIZE)


class _ReplyFile(io.BufferedReader):
    """What a reply is read from.

    Attributes:
        unread: When it is closed, the bytes that came after the reply. Nobody asked for them, and their rest would
            pass for the beginning of the next reply.
    """

    unread = 0

    def close(self) -> None:
        if not self.closed:
            self.unread = self.raw.tell() - self.tell()
        super().close()


class _PacedReader(io.RawIOBase):
    """Reads from a socket and bounds the whole: a byte every 29 seconds is no progress.

    Attributes:
        has_ended: Whether the server has closed its side.
    """

    def __init__(self, sock: socket.socket, mode: str, timeout_sec: float, deadline: float | None) -> None:
        super().__init__()
        self._sock = sock
        # Not read directly: socket counts its files and closes only after the last.
        self._raw: Any = sock.makefile(mode, buffering=0)  # type: ignore[call-overload]
        self._timeout_sec = timeout_sec
        self._paced_deadline = time.monotonic() + timeout_sec
        self._final_deadline = deadline
        self._count = 0
        self.has_ended = False

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._count

    def readinto(self, buffer: Any) -> int:
        deadline = self._paced_deadline
        if self._final_deadline is not None:
            deadline = min(deadline, self._final_deadline)
        self._sock.settimeout(_remaining(deadline, self._timeout_sec))
        count: int = self._raw.readinto(buffer) or 0
        self._paced_deadline += count / _MIN_BYTES_PER_SEC
        self._count += count
        self.has_ended = self.has_ended or count == 0
        if self._count > MAX_WIRE_BYTES:
            raise http.client.HTTPException("the reply has no end")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class SafeRedirectHandler(urllib.request.HTTPRedirectHandler):
    """Follows redirects of reading requests only, and takes the key only to where it was meant for."""

    max_redirections = 5

    def http_error_302(self, req: Any, fp: Any, code: int, msg: Any, headers: Any) -> Any:
        # Turning a POST into a GET, as browsers do, would lose it without a word.
        if req.get_method() not in {"GET", "HEAD"} or not _may_lead_to(headers["Location"], req):
            return None
        # urllib would read the whole body first, however long.
        fp.close()
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def redirect_request(self, req: Any, fp: Any, code: int, msg: Any, headers: Any, newurl: str) -> Any:
        # Python 3.10 does not know 308, which differs from 307 only in what may be cached.
        following: Any = super().redirect_request(req, fp, 307 if code == 308 else code, msg, headers, newurl)
        if following is None:
            return None
        following.method = req.get_method()  # HEAD would become GET before Python 3.13.
        for name in ("connect_timeout_sec", "deadline"):
            setattr(following, name, getattr(req, name, None))
        # The proxy handler adds it again if the way leads through the proxy again.
        following.headers.pop("Proxy-authorization", None)
        # Unredirected headers are left behind by urllib, the key among them.
        if _origin(newurl) == _origin(req.full_url):
            key = req.unredirected_hdrs.get("Authorization")
            if key is not None:
                following.add_unredirected_header("Authorization", key)
        else:
            for name in ("Authorization", "Cookie"):
                following.headers.pop(name, None)
        return following


class ReplyProcessor(urllib.request.BaseHandler):
    """Offers redirects to the redirect handler and lets every other reply through, whatever its status."""

    handler_order = 1000

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:
        if 300 <= response.status < 400 and "Location" in response.headers:
            followed = self.parent.error("http", request, response, response.status, response.reason, response.headers)
            if followed is not None:
                return followed
        return response

    https_response = http_response


class _PlainConnection(http.client.HTTPConnection):
    """A connection that knows its socket, which the pool may have to break."""

    def __init__(self, host: str, timeout: float) -> None:
        super().__init__(host, timeout=timeout)
        self.open_sock: socket.socket | None = None
        self._proxy_reply: http.client.HTTPResponse | None = None
        # http.client's own hook; what it has there gives every address the whole timeout, one after the other.
        self._create_connection = self._open_socket

    def response_class(self, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:  # type: ignore[override]
        # Made for a proxy's answer to CONNECT. Python 3.10 leaves it, and so the socket, open if that is a refusal.
        self._proxy_reply = http.client.HTTPResponse(*args, **kwargs)
        return self._proxy_reply

    def close(self) -> None:
        super().close()
        if self._proxy_reply is not None:
            self._proxy_reply.close()

    def _open_socket(self, address: tuple[str, int], timeout: float, _source: object = None) -> socket.socket:
        return open_socket(address, timeout, trying=functools.partial(setattr, self, "open_sock"))


class _SecureConnection(_PlainConnection):
    """The same with TLS, inside the tunnel where there is one. Its host's default port is that of https."""

    default_port = http.client.HTTPS_PORT

    def __init__(self, host: str, timeout: float, context: ssl.SSLContext) -> None:
        super().__init__(host, timeout)
        self._context = context

    def connect(self) -> None:
        super().connect()
        host = getattr(self, "_tunnel_host", None) or self.host
        # In two steps, so that the pool can break a handshake that hangs.
        secured = self._context.wrap_socket(self.sock, server_hostname=host, do_handshake_on_connect=False)
        self.sock = self.open_sock = secured
        secured.do_handshake()


def open_socket(
    address: tuple[str, int], timeout: float, *, trying: Callable[[socket.socket], object] | None = None
) -> socket.socket:
    """A TCP connection to the first of the host's addresses that accepts, within ``timeout`` seconds in all.

    The system's name resolution has limits of its own and is not counted.

    Args:
        address: Host and port.
        timeout: In seconds.
        trying: Called with each socket before it connects; who shuts it down ends the attempt.

    Raises:
        OSError: No address accepts; the last one's error.
        TimeoutError: None did in time.
    """
    host, port = address
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    deadline = time.monotonic() + timeout
    last_error: OSError = TimeoutError(f"{host} has no address")
    for tried, (family, kind, protocol, _, target) in enumerate(found):
        sock = socket.socket(family, kind, protocol)
        if trying is not None:
            trying(sock)
        try:
            # An address that swallows packets must leave time for those after it.
            sock.settimeout(max(0.001, deadline - time.monotonic()) / (len(found) - tried))
            sock.connect(target)
        except OSError as error:
            sock.close()
            last_error = error
        else:
            sock.settimeout(max(0.001, deadline - time.monotonic()))
            return sock
    raise last_error


def _is_readable(sock: socket.socket | None) -> bool:
    """Whether an idle connection has something to say: that it is closed, or what nobody asked for."""
    if sock is None:
        return True
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([sock], [], [], 0)[0])  # Windows


def _timeout_of(request: urllib.request.Request) -> float:
    # The opener sets it, always to a number, since ours is always called with one.
    timeout = request.timeout
    return 30.0 if timeout is None else timeout


def _remaining(deadline: float, timeout: float) -> float:
    """Seconds to wait now: what is left until the deadline, at most the timeout."""
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError("out of time")
    return min(remaining, timeout)


def _in_chunks(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The blocks as ``Transfer-Encoding: chunked`` sends them."""
    for block in blocks:
        yield b"%x\r\n%b\r\n" % (len(block), block)
    yield b"0\r\n\r\n"


def _may_lead_to(location: str, request: urllib.request.Request) -> bool:
    """Whether a redirect leads to a place where HTTP is spoken, and does not spell out the key."""
    try:
        url = urllib.parse.urljoin(request.full_url, location)
        parts = urllib.parse.urlsplit(url)
        # A port that is none raises.
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    if not usable or parts.username is not None:
        return False
    plain = urllib.parse.unquote(url)
    return masked(plain, request.unredirected_hdrs.get("Authorization", "")) == plain


def _origin(url: str) -> tuple[str, str]:
    parts = urllib.parse.urlsplit(url)
    default = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    host = parts.netloc.rpartition("@")[2].lower()
    return parts.scheme, host.removesuffix(default)


def _name(request: urllib.request.Request) -> str:
    name = f"{request.get_method()} {request.full_url}"
    proxied = getattr(request, "_tunnel_host", None) or request.has_proxy()
    return f"{name} through the proxy {request.host}" if proxied else name


def masked(text: AnyStr, authorization: str) -> AnyStr:
    """The text without the key, should the server repeat it: it ends up in our errors and in logs."""
    secret = authorization.rpartition(" ")[2]
    if len(secret) < _MIN_SECRET_LENGTH:
        return text
    return text.replace(secret.encode(), b"***") if isinstance(text, bytes) else text.replace(secret, "***")


def scrubbed(error: ErrorT) -> ErrorT:
    """The error without what the server said, which may be our own request with the key."""
    if isinstance(error, (http.client.HTTPException, ValueError)) and not isinstance(error, OSError):
        error.args = ()
        error.__cause__ = error.__context__ = None
        for name, value in vars(error).items():
            if isinstance(value, (str, bytes)):
                setattr(error, name, type(value)())
    return error


def describe_failure(error: BaseException) -> str:
    """What went wrong on the network, in a few words."""
    if isinstance(error, socket.gaierror):
        return f"the host's name cannot be resolved ({error.strerror})"
    if isinstance(error, http.client.RemoteDisconnected):
        return "the server closed the connection without an answer"
    if isinstance(error, http.client.IncompleteRead):
        return f"the reply was cut off after {len(error.partial)} bytes"
    if isinstance(error, http.client.HTTPException):
        return f"the server's answer is not HTTP ({type(error).__name__})"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"{type(error).__name__}: {text}"
