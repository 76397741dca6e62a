"""The opening handshake: name resolution, TCP, proxy, TLS and the upgrade, within one deadline.

The only module that imports ``websocket``. Each step gets what is left of the deadline, so that a peer that stalls or
sends slowly cannot exceed it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
from urllib.parse import urlsplit

from .._data.clock import time
from .._data.retry_after import parse_retry_after
from .._lazy import loading
from .._net.addresses import resolve
from .._net.proxies import ProxyError, may_have_proxies
from .._net.redaction import describe_failure, redact, redact_exception
from .._net.response_heads import read_response_head
from .._net.route import Route
from .._net.tcp import remaining_sec
from .._settings import user_agent
from ..errors import SonioxRealtimeConnectionError, SonioxRealtimeError, SonioxRealtimeTimeoutError, with_errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Any

    from .._net.response_heads import ResponseHead
    from .options import ConnectionOptions

# The library gets this instead of the key and the user's headers, since it can trace requests. It is replaced when the
# request is sent.
_PLACEHOLDER = "Bearer (not shown)"
# How much of a refusal's reason is shown, in characters, and how much of its body is read.
_MAX_REASON_LENGTH = 500
_MAX_REFUSAL_BYTES = 64 * 1024
# The line end of the chunk before, and the size of the next one.
_CHUNK_HEAD = re.compile(rb"(?:\r\n)?([0-9A-Fa-f]{1,4})[ \t]*(?:;[^\r\n]*)?\r\n")
# RFC 6455, section 1.3.
_ACCEPT_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def load() -> None:
    """Imports what connecting needs, so that it does not delay it: ``websocket`` takes 8 ms, ``urllib.request`` 10.

    Raises:
        SonioxRealtimeError: websocket-client is not installed.
    """
    with loading:
        try:
            _load_websocket()
        except ImportError as error:
            raise SonioxRealtimeError("realtime sessions need websocket-client, which is not installed") from error
        if may_have_proxies():
            import urllib.request  # noqa: F401, PLC0415 - for proxies only  # pyright: ignore[reportUnusedImport]


def _load_websocket() -> Any:
    """websocket-client: the copy beside this package, as in a vendored tree, or else the installed one."""
    folder = __name__.rpartition(".")[0].rpartition(".")[0].rpartition(".")[0]
    if folder:
        import importlib.util  # noqa: PLC0415 - only in a vendored tree
        from importlib.machinery import PathFinder  # noqa: PLC0415 - as above

        name = f"{folder}.websocket"
        beside = importlib.util.find_spec(name)
        # A project may also have a module of its own by that name.
        if beside is not None and PathFinder.find_spec(f"{name}._core", beside.submodule_search_locations or ()):
            return importlib.import_module(name)
    import websocket  # noqa: PLC0415 - not loaded for REST

    return websocket


def open_websocket(
    options: ConnectionOptions, opened: Callable[[socket.socket], object] = bool
) -> tuple[socket.socket, bytes]:
    """A non-blocking socket after the upgrade, and the bytes that were received beyond it.

    Args:
        options: Where to, as whom, and how. Its ``connect_timeout_sec`` is for all steps together.
        opened: Called with each socket before it is used; shutting it down ends the attempt.

    Raises:
        SonioxRealtimeError: It could not be opened; a SonioxRealtimeTimeoutError if for lack of time.
    """
    url, timeout_sec, authorization = options.shown_url, options.connect_timeout_sec, options.authorization
    handshake = Handshake(options)
    try:
        return handshake.run(opened)
    except SonioxRealtimeError:
        raise
    except TimeoutError as error:
        late = SonioxRealtimeTimeoutError(
            f"the connection timed out: {url} could not be opened within {timeout_sec:g} s ({handshake.phase})"
        )
        raise with_errno(late, error) from error
    except ProxyError as error:
        raise SonioxRealtimeConnectionError(f"{url}: {error}", error_code=error.status) from error
    except (OSError, ValueError) as error:
        problem = redact(describe_failure(error), authorization)
        failed = SonioxRealtimeConnectionError(f"{url} could not be opened ({handshake.phase}): {problem}")
        raise with_errno(failed, error) from redact_exception(error)


class Handshake:
    """One attempt to connect.

    Attributes:
        phase: The step that is under way, for error messages.
    """

    def __init__(self, options: ConnectionOptions) -> None:
        self.phase = "the URL"
        self._options = options
        self._deadline = time.monotonic() + options.connect_timeout_sec

    def run(self, opened: Callable[[socket.socket], object]) -> tuple[socket.socket, bytes]:
        parts = urlsplit(self._options.url)
        secure = parts.scheme == "wss"
        host, port = parts.hostname or "", parts.port or (443 if secure else 80)
        self.phase = "the proxy"
        route = Route(
            host,
            port,
            self._options.proxies().find("https" if secure else "http", host, port),
            secure=secure,
            tunnelled=True,
            tls_context=self._options.tls_context,
        )
        sock = route.connect(self._resolve(*route.first_hop), self._deadline, opened, self._enter_phase)
        try:
            leftover = self._upgrade(sock)
            sock.setblocking(False)  # noqa: FBT003 - as eventlet understands it, unlike settimeout(0)
        except BaseException:
            sock.close()
            raise
        return sock, leftover

    def _enter_phase(self, phase: str) -> None:
        self.phase = phase

    def _resolve(self, host: str, port: int) -> list[Any]:
        self.phase = f"name resolution of {host}"
        return resolve(host, port, self._deadline)

    def _upgrade(self, sock: socket.socket) -> bytes:
        """Sends the upgrade request and checks the response; gives the bytes received beyond it."""
        self.phase = "WebSocket upgrade"
        websocket = _load_websocket()
        options = self._options
        exchange = _UpgradeExchange(sock, self._deadline, options)
        try:
            # Redirects are not followed, since they would be sent the key. Compression costs more time than it saves.
            websocket.create_connection(
                # The trailing dot of an absolute name is for the resolver only; TLS and Host have the name without it.
                re.sub(r"^(wss?://[^/?]*?)\.(?=[:/?]|$)", r"\1", options.url),
                socket=exchange,
                header=[f"Authorization: {_PLACEHOLDER}"],
                suppress_origin=True,
                redirect_limit=0,
                enable_multithread=False,
            )
        except websocket.WebSocketTimeoutException:
            raise TimeoutError from None
        except websocket.WebSocketException as error:
            # The error's text may contain headers of the response, so only its type is shown.
            raise SonioxRealtimeConnectionError(
                f"{options.shown_url}: the server's answer to the WebSocket upgrade cannot be used "
                f"({type(error).__name__})"
            ) from None
        return exchange.leftover


class _UpgradeExchange:
    """Stands in for the socket that the client library sends its request to and reads the response from.

    The library takes an interim response for the final one, compares the accept value without regard to case, keeps
    cookies, and reads byte by byte. So the response is checked here, and the library gets a minimal one.

    Attributes:
        leftover: The bytes received beyond the response.
    """

    def __init__(self, sock: socket.socket, deadline: float, options: ConnectionOptions) -> None:
        self._url = options.shown_url
        self._sock = sock
        self._deadline = deadline
        self._authorization = options.authorization
        fields = {"User-agent": user_agent(), **options.headers}
        # In place of the placeholder, behind the name of the header.
        self._secrets = "\r\n".join([options.authorization, *(f"{name}: {text}" for name, text in fields.items())])
        self._request = b""
        self._head: bytes | None = None
        self.leftover = b""

    def send(self, data: bytes) -> int:
        self._request += data
        self._sock.settimeout(remaining_sec(self._deadline))
        self._sock.sendall(data.replace(_PLACEHOLDER.encode(), self._secrets.encode()))
        return len(data)

    def recv(self, size: int) -> bytes:
        if self._head is None:
            answer = read_response_head(self._sock, self._deadline, "the server")
            self._head, self.leftover = self._checked(answer), answer.rest
        part, self._head = self._head[:size], self._head[size:]
        return part

    def gettimeout(self) -> float:
        # send and recv block by themselves, so the library must not wait for the descriptor.
        return 0.0

    def settimeout(self, _timeout: float | None) -> None: ...

    def close(self) -> None: ...

    def shutdown(self, _how: int) -> None: ...

    def _checked(self, answer: ResponseHead) -> bytes:
        """An answer as RFC 6455, section 4.1, requires it; raises for any other."""
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
                raise SonioxRealtimeConnectionError(
                    f"{self._url}: the server's answer to the WebSocket upgrade cannot be used: {problem}"
                )
        return (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n"
        ).encode()

    def _body_of(self, answer: ResponseHead) -> bytes:
        """The body of a refusal, as far as it arrives before the deadline."""
        body = answer.rest
        is_chunked = answer.all("transfer-encoding").lower() == "chunked"
        length = re.fullmatch(r"(\d{1,5})(?:, \1)*", answer.all("content-length"))
        size = _MAX_REFUSAL_BYTES if is_chunked else int(length[1]) if length else 0
        # If the connection breaks, the part that has arrived is used.
        with contextlib.suppress(OSError):
            while len(body) < size and not (is_chunked and body.endswith(b"0\r\n\r\n")):
                self._sock.settimeout(remaining_sec(self._deadline))
                block = self._sock.recv(size - len(body))
                if not block:
                    break
                body += block
        return _unchunked(body) if is_chunked else body


def _unchunked(body: bytes) -> bytes:
    """The data of a chunked body, as far as it has arrived."""
    data, place = b"", 0
    while (head := _CHUNK_HEAD.match(body, place)) and (size := int(head[1], 16)):
        data += body[head.end() : head.end() + size]
        place = head.end() + size
    return data


def _refusal(url: str, answer: ResponseHead, body: bytes, authorization: str) -> SonioxRealtimeError:
    """The error for an upgrade that was answered with another status, by a proxy or for a wrong path or a limit."""
    fields: Any = None
    with contextlib.suppress(ValueError, RecursionError):
        fields = json.loads(redact(body, authorization))
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
