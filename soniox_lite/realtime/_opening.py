"""Opening a WebSocket within a time: name, TCP, proxy, TLS, upgrade. The only module that imports ``websocket``.

Every step waits on a non-blocking socket with what is left of one deadline, so that a peer that stalls, or trickles, at
any of them cannot exceed it. The system's name resolution cannot be interrupted; it runs in a thread that is left
behind if it is late.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import select
import socket
import ssl
import sys
import threading
from importlib import import_module
from urllib.parse import unquote, urlsplit

from .._clock import time
from .._http.failures import describe_failure, masked, scrubbed
from .._network import addresses_of, certificate_was_refused, default_tls_context
from .._settings import user_agent
from ..errors import SonioxRealtimeError, SonioxRealtimeTimeoutError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_READ_SIZE = 16 * 1024
# More than any server needs to accept, and enough for the page of a proxy that refuses.
_MAX_UPGRADE_BYTES = 64 * 1024
# Stands for the key in what the library sees, and so in what it traces; replaced on the way out.
_PLACEHOLDER = "Bearer (not shown)"
# The words of a refusal that are shown.
_MAX_REASON_LENGTH = 500


def load() -> None:
    """Loads what opening needs, so that it does not stall: ``websocket`` takes 8 ms, ``urllib.request`` 10.

    Raises:
        SonioxRealtimeError: websocket-client is not installed.
    """
    try:
        import_module("websocket")
    except ImportError as error:
        raise SonioxRealtimeError("realtime sessions need websocket-client, which is not installed") from error

    if _may_have_proxy():
        import_module("urllib.request")


def _may_have_proxy() -> bool:
    """Whether the environment, or the system's settings where there are any, may name a proxy."""
    return sys.platform in {"darwin", "win32"} or any(
        name.lower() in {"http_proxy", "https_proxy"} for name in os.environ
    )


def open_websocket(
    url: str, authorization: str, timeout_sec: float, context: ssl.SSLContext | None
) -> tuple[socket.socket, bytes]:
    """A connected, non-blocking socket that speaks WebSocket from here on, and what it has said already.

    Args:
        url: ``ws://`` or ``wss://``.
        authorization: Value of the ``Authorization`` header.
        timeout_sec: For all of it.
        context: For TLS; None for the shared default.

    Raises:
        SonioxRealtimeError: It could not be opened; a SonioxRealtimeTimeoutError if for lack of time.
    """
    opening = _Opening(url, timeout_sec)
    try:
        return opening.run(authorization, context)
    except BaseException as error:
        opening.abort()
        if isinstance(error, SonioxRealtimeError) or not isinstance(error, Exception):
            raise
        if isinstance(error, TimeoutError):
            raise SonioxRealtimeTimeoutError(
                f"{url} could not be opened within {timeout_sec:g} s ({opening.step})"
            ) from error
        problem = masked(describe_failure(error), authorization)
        raise SonioxRealtimeError(f"{url} could not be opened ({opening.step}): {problem}") from scrubbed(error)


class _Opening:
    """One attempt.

    Attributes:
        step: What it is at, for error messages.
    """

    def __init__(self, url: str, timeout_sec: float) -> None:
        self.step = "the URL"
        self._url = url
        self._deadline = time.monotonic() + timeout_sec
        self._sock: socket.socket | None = None

    def run(self, authorization: str, context: ssl.SSLContext | None) -> tuple[socket.socket, bytes]:
        parts = urlsplit(self._url)
        secure = parts.scheme == "wss"
        host, port = parts.hostname or "", parts.port or (443 if secure else 80)
        self.step = "the proxy that the environment names"
        proxy = _proxy_for("https" if secure else "http", parts.netloc)
        if proxy is None:
            self._connect(host, port)
        else:
            self._connect(proxy.host, proxy.port)
            self._tunnel(host, port, proxy.authorization)
        if secure:
            self._start_tls(host, context)
        return self._upgrade(authorization)

    def abort(self) -> None:
        """Closes whatever has been opened."""
        if self._sock is not None:
            self._sock.close()

    def _connect(self, host: str, port: int) -> None:
        self.step = f"name resolution of {host}"
        addresses = self._resolve(host, port)
        self.step = f"TCP connection to {host}:{port}"
        last_error: OSError = OSError(f"{host} has no address")
        for tried, (family, kind, protocol, _, target) in enumerate(addresses):
            # An address that swallows packets must leave time for those after it.
            share = self._remaining() / (len(addresses) - tried)
            try:
                sock = self._sock = socket.socket(family, kind, protocol)
                sock.settimeout(share)
                sock.connect(target)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.settimeout(0)
            except OSError as error:
                self.abort()
                last_error = error
            else:
                return
        raise last_error

    def _resolve(self, host: str, port: int) -> list[Any]:
        try:
            # An address needs no resolver, and so no thread.
            return addresses_of(host, port, flags=socket.AI_NUMERICHOST)
        except socket.gaierror:
            pass
        result: list[Any] = []

        def resolve() -> None:
            try:
                result.append(addresses_of(host, port))
            except (OSError, UnicodeError) as error:
                result.append(error)

        # Its answer, should it come late, is nobody's business.
        thread = threading.Thread(target=resolve, name="soniox-lite resolve", daemon=True)
        thread.start()
        thread.join(self._remaining())
        if not result:
            raise TimeoutError
        if isinstance(result[0], Exception):
            raise result[0]
        return list(result[0])

    def _tunnel(self, host: str, port: int, authorization: str | None) -> None:
        self.step = f"proxy tunnel to {host}:{port}"
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        if authorization is not None:
            lines.append(f"Proxy-Authorization: {authorization}")
        stream = _DeadlineStream(self._connected(), self._deadline)
        stream.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            # A byte at a time, from a buffer: what follows the head already belongs to the tunnel.
            byte = stream.recv(1)
            if not byte:
                raise ConnectionError("the proxy closed the connection")
            head += byte
        status = _status_of(head)
        if status is None:
            raise SonioxRealtimeError(f"{self._url}: the proxy's answer is not HTTP")
        if status != 200:
            raise SonioxRealtimeError(
                f"{self._url}: the proxy refused the tunnel to {target} with status {status}", error_code=status
            )

    def _start_tls(self, host: str, context: ssl.SSLContext | None) -> None:
        self.step = f"TLS with {host}"
        if context is None:
            context = default_tls_context()
        sock = context.wrap_socket(self._connected(), server_hostname=host, do_handshake_on_connect=False)
        self._sock = sock
        while True:
            try:
                sock.do_handshake()
            except ssl.SSLWantReadError:
                self._wait(for_write=False)
            except ssl.SSLWantWriteError:
                self._wait(for_write=True)
            except ssl.SSLCertVerificationError:
                certificate_was_refused(context)
                raise
            else:
                return

    def _upgrade(self, authorization: str) -> tuple[socket.socket, bytes]:
        self.step = "WebSocket upgrade"
        import websocket  # noqa: PLC0415 - loaded before, and not by REST

        sock = self._connected()
        stream = _DeadlineStream(sock, self._deadline, authorization)
        problem: BaseException
        try:
            # Redirects are not followed, since the key would go along; compression costs more than the audio it saves.
            websocket.create_connection(
                self._url,
                socket=stream,
                header=[f"Authorization: {_PLACEHOLDER}", f"User-Agent: {user_agent()}"],
                suppress_origin=True,
                redirect_limit=0,
                enable_multithread=False,
            )
        except websocket.WebSocketTimeoutException:
            problem = TimeoutError()
        except OSError as error:
            problem = error
        except (websocket.WebSocketException, ValueError, IndexError) as error:
            # Its text may hold headers of the reply; its kind is enough.
            problem = SonioxRealtimeError(
                f"{self._url}: the server's answer to the WebSocket upgrade cannot be used ({type(error).__name__})"
            )
        else:
            # Old versions of the library take a redirect that they must not follow for a success.
            if _status_of(stream.received()) == 101:
                return sock, stream.leftover()
            problem = ConnectionError("no upgrade")
        status = _status_of(stream.received())
        if status is not None and status != 101:
            problem = _refusal(self._url, status, stream.rest_of_reply(), authorization)
        raise problem

    def _connected(self) -> socket.socket:
        if self._sock is None:
            raise ConnectionError("not connected")
        return self._sock

    def _remaining(self) -> float:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        return remaining

    def _wait(self, *, for_write: bool) -> None:
        if not wait_ready(
            self._connected(), for_read=not for_write, for_write=for_write, timeout_sec=self._remaining()
        ):
            raise TimeoutError


class _DeadlineStream:
    """What the client library asks of a socket during the upgrade, with a deadline, a buffer and a limit.

    The library reads the reply's head byte by byte, which would be a system call each.
    """

    def __init__(self, sock: socket.socket, deadline: float, authorization: str = "") -> None:
        self._sock = sock
        self._deadline = deadline
        self._authorization = authorization
        self._buffer = b""
        self._received = b""

    def recv(self, size: int) -> bytes:
        while not self._buffer:
            try:
                self._buffer = self._sock.recv(_READ_SIZE)
            except (ssl.SSLWantReadError, BlockingIOError):
                self._wait(for_write=False)
                continue
            except ssl.SSLWantWriteError:
                self._wait(for_write=True)
                continue
            if not self._buffer:
                return b""
            self._received += self._buffer
            if len(self._received) > _MAX_UPGRADE_BYTES:
                raise ConnectionError("the server's answer to the upgrade does not end")
        head, self._buffer = self._buffer[:size], self._buffer[size:]
        return head

    def send(self, data: bytes) -> int:
        self.sendall(data)
        return len(data)

    def sendall(self, data: bytes) -> None:
        data = data.replace(_PLACEHOLDER.encode(), self._authorization.encode())
        while data:
            try:
                data = data[self._sock.send(data) :]
            except (ssl.SSLWantWriteError, BlockingIOError):
                self._wait(for_write=True)
            except ssl.SSLWantReadError:
                self._wait(for_write=False)

    def leftover(self) -> bytes:
        """What was received beyond the reply's head."""
        return self._buffer

    def received(self) -> bytes:
        """All that was received so far."""
        return self._received

    def rest_of_reply(self) -> bytes:
        """The body of a reply, as far as it comes in time."""
        head, _, body = self._received.partition(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: *(\d{1,5})\r\n", head + b"\r\n", re.IGNORECASE)
        missing = int(length[1]) - len(body) if length else 0
        self._buffer = b""
        # What there is says enough, should it break off.
        with contextlib.suppress(OSError):
            while missing > 0 and (block := self.recv(missing)):
                body += block
                missing -= len(block)
        return body

    def gettimeout(self) -> float:
        # The library may use send and recv as they are: they wait by themselves.
        return 0.0

    def settimeout(self, _timeout: float | None) -> None: ...

    def close(self) -> None: ...

    def shutdown(self, _how: int) -> None: ...

    def _wait(self, *, for_write: bool) -> None:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0 or not wait_ready(
            self._sock, for_read=not for_write, for_write=for_write, timeout_sec=remaining
        ):
            raise TimeoutError


def wait_ready(sock: socket.socket, *, for_read: bool, for_write: bool, timeout_sec: float) -> bool:
    """Whether a socket became ready, or failed, within a time. Touches the descriptor only, never a TLS object."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock, (select.POLLIN if for_read else 0) | (select.POLLOUT if for_write else 0))
        return bool(poll.poll(timeout_sec * 1000))
    readable, writable, _ = select.select([sock] if for_read else [], [sock] if for_write else [], [], timeout_sec)
    return bool(readable or writable)


class _Proxy:
    """A proxy that the environment names."""

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            self.host, self.port = parts.hostname or "", parts.port or 80
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            # The URL itself may hold a password.
            raise SonioxRealtimeError("the proxy that the environment names is not an http:// URL")
        self.authorization: str | None = None
        if parts.username is not None:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            self.authorization = f"Basic {base64.b64encode(credentials).decode()}"


def _proxy_for(scheme: str, netloc: str) -> _Proxy | None:
    """The proxy that the environment names for a host; ``no_proxy`` exempts hosts from it."""
    if not _may_have_proxy():
        return None
    import urllib.request  # noqa: PLC0415 - loaded before, and only if needed

    proxy = urllib.request.getproxies().get(scheme)
    if not proxy or urllib.request.proxy_bypass(netloc):
        return None
    return _Proxy(proxy)


def _status_of(reply: bytes) -> int | None:
    """The status of an HTTP reply; None if it is none."""
    found = re.match(rb"HTTP/1\.[01] (\d{3})", reply)
    return int(found[1]) if found else None


def _refusal(url: str, status: int, body: bytes, authorization: str) -> SonioxRealtimeError:
    """The server answered the upgrade with a status of its own: a proxy, a wrong path, or a limit."""
    fields: Any = None
    with contextlib.suppress(ValueError, RecursionError):
        fields = json.loads(masked(body, authorization))
    items: list[tuple[str, Any]] = list(fields.items()) if isinstance(fields, dict) else []  # pyright: ignore[reportUnknownArgumentType]
    texts = {name: value[:_MAX_REASON_LENGTH] for name, value in items if isinstance(value, str)}
    reason = texts.get("error_message") or texts.get("message") or "no reason given"
    return SonioxRealtimeError(
        f"{url}: the server answered the WebSocket upgrade with status {status}: {reason}",
        error_code=status,
        error_type=texts.get("error_type"),
        request_id=texts.get("request_id"),
    )
