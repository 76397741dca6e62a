"""How a session is connected, checked once."""

from __future__ import annotations

import copy

from .._data.rules import FieldErrors, is_visible_ascii
from .._data.safe_repr import safe_repr
from .._data.urls import split_url
from .._net.certificates import default_tls_context, tls_contexts_of
from .._net.proxies import Proxies
from ..errors import SonioxValidationError
from .handshake import load

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Mapping
    from os import PathLike
    from typing import TypeVar

    from .._settings import KeyFunction, Settings
    from .hook_events import WebSocketDisconnect, WebSocketHandshake
    from .nonblocking import WebSocket
    from .tape import Tape

    HandshakeHook = Callable[[WebSocketHandshake], object]
    DisconnectHook = Callable[[WebSocketDisconnect], object]
    WebSocketT = TypeVar("WebSocketT", bound=WebSocket)


class ConnectionOptions:
    """Where a session connects to, as whom, and its limits.

    Args:
        url: ``ws://`` or ``wss://``. Its query may hold a secret.
        api_key: The secret, or a function that returns it, which is called before each handshake.
        connect_timeout_sec: Seconds for name resolution, TCP, proxy, TLS and upgrade together.
        send_timeout_sec: Seconds that the server may take to accept one message of at most 64 KiB.
        ping_interval_sec: Seconds without received data after which a ping is sent; None for no pings.
        ping_timeout_sec: Seconds that the response to a ping may take; None for no limit.
        max_queued_messages: How many messages are kept until they are received. Above that, no more are read from the
            socket, so that the server has to wait.
        max_queued_bytes: The same for their total size in bytes.
        max_message_bytes: A larger message ends the session.
        ssl_context: For TLS; None for that of the settings.
        tape: File for what is sent and received: a path or a Tape; None for none.
        settings: Of the client: proxies, TLS, headers and hooks; None for the environment's proxies, the shared TLS
            context, no headers and no hooks.

    Attributes:
        shown_url: The URL without its query.
        authorization: Value of the ``Authorization`` header; empty until a function has given the key.
        headers: Further headers of the handshake.

    Raises:
        SonioxValidationError: Something cannot be used.
        SonioxRealtimeError: websocket-client is not installed.
    """

    def __init__(
        self,
        *,
        url: str,
        api_key: str | KeyFunction,
        connect_timeout_sec: float,
        send_timeout_sec: float,
        ping_interval_sec: float | None,
        ping_timeout_sec: float | None,
        max_queued_messages: int,
        max_queued_bytes: int,
        max_message_bytes: int,
        ssl_context: ssl.SSLContext | None,
        tape: Tape | str | PathLike[str] | None = None,
        settings: Settings | None = None,
    ) -> None:
        _check_url(url)
        with FieldErrors("the session's set-up") as check:
            for name, seconds in (
                ("connect_timeout_sec", connect_timeout_sec),
                ("send_timeout_sec", send_timeout_sec),
            ):
                if check.required(name, seconds):
                    check.seconds(name, seconds)
            check.seconds("ping_interval_sec", ping_interval_sec)
            check.seconds("ping_timeout_sec", ping_timeout_sec)
            check.integer("max_queued_messages", max_queued_messages, minimum=2, maximum=1_000_000_000)
            if check.required("max_queued_bytes", max_queued_bytes):
                check.integer("max_queued_bytes", max_queued_bytes, minimum=1024, maximum=1 << 40)
            check.integer("max_message_bytes", max_message_bytes, minimum=1024, maximum=1 << 30)
        self.url = url
        self.shown_url: str = url.partition("?")[0]
        self.key_function: KeyFunction | None = api_key if callable(api_key) else None
        self.authorization: str = "" if callable(api_key) else f"Bearer {api_key}"
        self.connect_timeout_sec = connect_timeout_sec
        self.send_timeout_sec = send_timeout_sec
        self.ping_interval_sec = ping_interval_sec
        self.ping_timeout_sec = ping_timeout_sec
        self.max_queued_messages = max_queued_messages
        self.max_queued_bytes = max_queued_bytes
        self.max_message_bytes = max_message_bytes
        self.ssl_context = ssl_context
        self.tape: Tape | None = None if tape is None else _tape_of(tape)
        self.settings = settings
        self.default_headers: Mapping[str, str] | None = None if settings is None else settings.default_headers
        self.headers: Mapping[str, str] = self.default_headers or {}
        self.on_handshake: HandshakeHook | None = None if settings is None else settings.on_handshake
        self.on_disconnect: DisconnectHook | None = None if settings is None else settings.on_disconnect
        load()

    def tls_context(self) -> ssl.SSLContext:
        """The TLS context, which is made when it is first asked for."""
        if self.ssl_context is not None:
            return self.ssl_context
        return default_tls_context() if self.settings is None else tls_contexts_of(self.settings)()

    def proxies(self) -> Proxies:
        """The proxies as they are configured now."""
        settings = self.settings
        return Proxies() if settings is None else Proxies(settings.proxy, trust_env=settings.trust_env)

    def websocket_of(self, websocket: type[WebSocketT], sock: socket.socket, leftover: bytes) -> WebSocketT:
        """An open WebSocket with these limits."""
        return websocket(
            sock,
            leftover,
            authorization=self.authorization,
            ping_interval_sec=self.ping_interval_sec,
            ping_timeout_sec=self.ping_timeout_sec,
            max_message_bytes=self.max_message_bytes,
        )

    def without_queue_limit(self) -> ConnectionOptions:
        """A copy for a session that is being closed: the rest is bounded in time instead."""
        other = copy.copy(self)
        other.max_queued_messages = 1_000_000_000
        other.max_queued_bytes = 1 << 40
        return other

    @safe_repr
    def __repr__(self) -> str:
        return f"<ConnectionOptions {self.shown_url}>"


def _tape_of(tape: Tape | str | PathLike[str]) -> Tape:
    from .tape import tape_of  # noqa: PLC0415 - most sessions do without

    return tape_of(tape)


def _check_url(url: object) -> None:
    parts = split_url(url, ("ws", "wss")) if isinstance(url, str) else None
    # The request line carries visible ASCII only; other characters must be percent-encoded.
    if parts is None or not is_visible_ascii(str(url)):
        raise SonioxValidationError("url must be a ws:// or wss:// URL")
    if parts.username is not None or parts.fragment:
        # Credentials in a URL end up in logs.
        raise SonioxValidationError("url must not have credentials or a fragment")
