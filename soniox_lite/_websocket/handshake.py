"""Opening a WebSocket within a time: name, TCP, proxy, TLS, upgrade. The only module that imports ``websocket``.

Every step has what is left of one deadline, so that a peer that stalls, or trickles, at any of them cannot exceed it.
The system's name resolution cannot be interrupted; it runs in a thread that is left behind if it is late.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import select
import socket
import sys
import threading
from importlib import import_module
from urllib.parse import urlsplit

from .._data.clock import time
from .._data.retry_after import parse_retry_after
from .._lazy import loading
from .._net.answers import read_answer
from .._net.network import addresses_of, default_tls_context
from .._net.proxies import Proxies, ProxyError, may_have_proxies
from .._net.redaction import describe_failure, masked, scrubbed
from .._net.route import Route
from .._net.tcp import remaining_sec
from .._settings import user_agent
from ..errors import SonioxRealtimeError, SonioxRealtimeTimeoutError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from typing import Any

    from .._net.answers import Answer

# Stands for the key in what the library sees, and so in what it traces; replaced on the way out.
_PLACEHOLDER = "Bearer (not shown)"
# From <sys/socket.h> of macOS; Python does not name it.
_SO_NWRITE = 0x1024
# The words of a refusal that are shown, and as much of its body as may hold them.
_MAX_REASON_LENGTH = 500
_MAX_REFUSAL_BYTES = 64 * 1024
# RFC 6455, section 1.3.
_ACCEPT_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def load() -> None:
    """Loads what opening needs, so that it does not stall: ``websocket`` takes 8 ms, ``urllib.request`` 10.

    Raises:
        SonioxRealtimeError: websocket-client is not installed.
    """
    with loading:
        try:
            import_module("websocket")
        except ImportError as error:
            raise SonioxRealtimeError("realtime sessions need websocket-client, which is not installed") from error

        if may_have_proxies():
            import_module("urllib.request")


def open_websocket(
    url: str,
    authorization: str,
    timeout_sec: float,
    context: ssl.SSLContext | None,
    opened: Callable[[socket.socket], object] = bool,
) -> tuple[socket.socket, bytes]:
    """A connected, non-blocking socket that speaks WebSocket from here on, and what it has said already.

    Args:
        url: ``ws://`` or ``wss://``.
        authorization: Value of the ``Authorization`` header.
        timeout_sec: For all of it.
        context: For TLS; None for the shared default.
        opened: Called with each socket before it is used; shutting it down ends the attempt.

    Raises:
        SonioxRealtimeError: It could not be opened; a SonioxRealtimeTimeoutError if for lack of time.
    """
    handshake = Handshake(url, timeout_sec)
    try:
        return handshake.run(authorization, context, opened)
    except SonioxRealtimeError:
        raise
    except TimeoutError as error:
        raise SonioxRealtimeTimeoutError(
            f"{url} could not be opened within {timeout_sec:g} s ({handshake.phase})"
        ) from error
    except ProxyError as error:
        raise SonioxRealtimeError(f"{url}: {error}", error_code=error.status) from error
    except (OSError, ValueError) as error:
        problem = masked(describe_failure(error), authorization)
        raise SonioxRealtimeError(f"{url} could not be opened ({handshake.phase}): {problem}") from scrubbed(error)


class Handshake:
    """One attempt.

    Attributes:
        phase: What it is at, for error messages.
    """

    def __init__(self, url: str, timeout_sec: float) -> None:
        self.phase = "the URL"
        self._url = url
        self._deadline = time.monotonic() + timeout_sec

    def run(
        self, authorization: str, context: ssl.SSLContext | None, opened: Callable[[socket.socket], object]
    ) -> tuple[socket.socket, bytes]:
        parts = urlsplit(self._url)
        secure = parts.scheme == "wss"
        host, port = parts.hostname or "", parts.port or (443 if secure else 80)
        self.phase = "the proxy that the environment names"
        route = Route(
            host,
            port,
            Proxies().find("https" if secure else "http", host, port),
            secure=secure,
            tunnelled=True,
            tls_context=default_tls_context if context is None else lambda: context,
        )
        sock = route.connect(self._resolve(*route.first_hop), self._deadline, opened, self._enter_phase)
        try:
            leftover = self._upgrade(sock, authorization)
            sock.setblocking(False)  # noqa: FBT003 - as eventlet understands it, unlike settimeout(0)
        except BaseException:
            sock.close()
            raise
        return sock, leftover

    def _enter_phase(self, phase: str) -> None:
        self.phase = phase

    def _resolve(self, host: str, port: int) -> list[Any]:
        self.phase = f"name resolution of {host}"
        try:
            # An address needs no resolver, and so no thread.
            return addresses_of(host, port, flags=socket.AI_NUMERICHOST)
        except socket.gaierror:
            pass
        result: list[Any] = []

        def resolve() -> None:
            try:
                result.append(addresses_of(host, port))
            except Exception as error:  # noqa: BLE001 - raised where it is waited for
                result.append(error)

        # An answer that comes late is of no use.
        thread = threading.Thread(target=resolve, name="soniox-lite resolve", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise SonioxRealtimeError(f"{self._url}: no thread can be started for {self.phase}: {error}") from error
        thread.join(remaining_sec(self._deadline))
        if not result:
            raise TimeoutError
        if isinstance(result[0], Exception):
            raise result[0]
        return list(result[0])

    def _upgrade(self, sock: socket.socket, authorization: str) -> bytes:
        """What the server has said behind its consent."""
        self.phase = "WebSocket upgrade"
        import websocket  # noqa: PLC0415 - loaded before, and not by REST

        exchange = _UpgradeExchange(self._url, sock, self._deadline, authorization)
        try:
            # Redirects are not followed, since the key would go along; compression costs more than the audio it saves.
            websocket.create_connection(
                # The dot of an absolute name is for the resolver: TLS and servers know the name without.
                re.sub(r"^(wss?://[^/?]*?)\.(?=[:/?]|$)", r"\1", self._url),
                socket=exchange,
                header=[f"Authorization: {_PLACEHOLDER}", f"User-Agent: {user_agent()}"],
                suppress_origin=True,
                redirect_limit=0,
                enable_multithread=False,
            )
        except websocket.WebSocketTimeoutException:
            raise TimeoutError from None
        except websocket.WebSocketException as error:
            # Its text may hold headers of the reply; its kind is enough.
            raise SonioxRealtimeError(
                f"{self._url}: the server's answer to the WebSocket upgrade cannot be used ({type(error).__name__})"
            ) from None
        return exchange.leftover


class _UpgradeExchange:
    """What the client library takes for a socket: it sends a request and reads an answer that was found good.

    By itself, the library takes an interim answer for the last one and an accept value in other letters for the same,
    keeps cookies, and reads byte by byte. It gets to see of an answer what proves its consent.

    Attributes:
        leftover: What came behind the answer.
    """

    def __init__(self, url: str, sock: socket.socket, deadline: float, authorization: str) -> None:
        self._url = url
        self._sock = sock
        self._deadline = deadline
        self._authorization = authorization
        self._request = b""
        self._head: bytes | None = None
        self.leftover = b""

    def send(self, data: bytes) -> int:
        self._request += data
        self._sock.settimeout(remaining_sec(self._deadline))
        self._sock.sendall(data.replace(_PLACEHOLDER.encode(), self._authorization.encode()))
        return len(data)

    def recv(self, size: int) -> bytes:
        if self._head is None:
            answer = read_answer(self._sock, self._deadline, "the server")
            self._head, self.leftover = self._checked(answer), answer.rest
        part, self._head = self._head[:size], self._head[size:]
        return part

    def gettimeout(self) -> float:
        # The library may use send and recv as they are: they wait by themselves.
        return 0.0

    def settimeout(self, _timeout: float | None) -> None: ...

    def close(self) -> None: ...

    def shutdown(self, _how: int) -> None: ...

    def _checked(self, answer: Answer) -> bytes:
        """An answer as RFC 6455, section 4.1, asks for it; raises for any other."""
        if answer.status != 101:
            raise _refusal(self._url, answer, self._body_of(answer), self._authorization)
        key = re.search(rb"\r\nSec-WebSocket-Key: (\S+)\r\n", self._request)
        digest = hashlib.sha1((key[1] if key else b"") + _ACCEPT_GUID).digest()  # noqa: S324 - as the RFC has it
        accept = base64.b64encode(digest).decode()
        tokens = [token.strip().lower() for token in answer.all("connection").split(",")]
        for is_wrong, problem in (
            (answer.version != "1.1", "it is not HTTP/1.1"),
            (answer.all("upgrade").lower() != "websocket", "Upgrade is not websocket"),
            ("upgrade" not in tokens, "Connection is not Upgrade"),
            (answer.all("sec-websocket-accept") != accept, "Sec-WebSocket-Accept is wrong"),
            (answer.all("sec-websocket-extensions"), "it has an extension that was not offered"),
            (answer.all("sec-websocket-protocol"), "it has a sub-protocol that was not offered"),
        ):
            if is_wrong:
                raise SonioxRealtimeError(
                    f"{self._url}: the server's answer to the WebSocket upgrade cannot be used: {problem}"
                )
        return (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n"
        ).encode()

    def _body_of(self, answer: Answer) -> bytes:
        """The body of a refusal, as far as it comes in time."""
        body = answer.rest
        length = answer.all("content-length")
        missing = int(length) - len(body) if re.fullmatch(r"\d{1,5}", length) else 0
        # What there is says enough, should it break off.
        with contextlib.suppress(OSError):
            while missing > 0:
                self._sock.settimeout(remaining_sec(self._deadline))
                block = self._sock.recv(min(missing, _MAX_REFUSAL_BYTES))
                if not block:
                    break
                body += block
                missing -= len(block)
        return body


def wait_ready(sock: socket.socket, *, for_read: bool, for_write: bool, timeout_sec: float) -> bool:
    """Whether a socket became ready, or failed, within a time. Touches the descriptor only, never a TLS object."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock, (select.POLLIN if for_read else 0) | (select.POLLOUT if for_write else 0))
        return bool(poll.poll(timeout_sec * 1000))
    readable, writable, _ = select.select([sock] if for_read else [], [sock] if for_write else [], [], timeout_sec)
    return bool(readable or writable)


def unacknowledged_bytes(sock: socket.socket) -> int:
    """How much of what was sent the peer's kernel has not acknowledged yet; 0 where the system does not tell."""
    with contextlib.suppress(OSError, ValueError):
        if sys.platform == "linux":
            import fcntl  # noqa: PLC0415 - not on Windows, and rarely needed
            import termios  # noqa: PLC0415

            return int.from_bytes(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)
        if sys.platform == "darwin":
            return sock.getsockopt(socket.SOL_SOCKET, _SO_NWRITE)
    return 0


def _refusal(url: str, answer: Answer, body: bytes, authorization: str) -> SonioxRealtimeError:
    """The server answered the upgrade with a status of its own: a proxy, a wrong path, or a limit."""
    fields: Any = None
    with contextlib.suppress(ValueError, RecursionError):
        fields = json.loads(masked(body, authorization))
    items: list[tuple[str, Any]] = list(fields.items()) if isinstance(fields, dict) else []  # pyright: ignore[reportUnknownArgumentType]
    texts = {name: value[:_MAX_REASON_LENGTH] for name, value in items if isinstance(value, str)}
    reason = texts.get("error_message") or texts.get("message") or "no reason given"
    retry_after_sec = parse_retry_after(answer.all("retry-after"))
    if retry_after_sec is not None:
        reason = f"{reason}; it asks to wait {retry_after_sec:g} s"
    return SonioxRealtimeError(
        f"{url}: the server answered the WebSocket upgrade with status {answer.status}: {reason}",
        error_code=answer.status,
        error_type=texts.get("error_type"),
        request_id=texts.get("request_id"),
        retry_after_sec=retry_after_sec,
    )
