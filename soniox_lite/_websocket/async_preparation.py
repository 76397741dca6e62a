"""What a realtime connection takes from its client: the key and headers before its handshake, and the hooks."""

from __future__ import annotations

from .._data.async_callbacks import AsyncHandlers, settled
from .._data.clock import time
from .._data.logs import INFO, log
from .._data.rules import FieldErrors
from .._settings import checked_headers, checked_key
from .hook_events import WebSocketDisconnect, WebSocketHandshake
from .nonblocking import WebSocket

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

    from .nonblocking import Closure
    from .options import ConnectionOptions
    from .tape import Track

# How long closing waits for a hook.
_HOOK_TIMEOUT_SEC = 10.0  # async only


class AsyncPreparation:
    """The part of a connection that calls functions of the user: for the key, the headers and the hooks."""

    def __init__(self, options: ConnectionOptions) -> None:
        """Calls nothing yet.

        Args:
            options: Of the connection; gets the key and the headers.
        """
        self._options = options
        self._began_at = 0.0
        self._track: Track | None = None
        self._handlers = AsyncHandlers()
        if options.on_disconnect is not None:
            self._handlers.add("on_disconnect", options.on_disconnect)

    async def begin(self) -> None:
        """Gets the key and the headers. Exceptions of the user's functions are passed on unchanged.

        Raises:
            SonioxValidationError: What they returned cannot be sent.
        """
        options = self._options
        if options.key_function is not None:
            key = await settled("api_key", options.key_function())
            options.authorization = f"Bearer {checked_key(key, 'what the function api_key returns')}"
        if options.on_handshake is not None:
            handshake = WebSocketHandshake(options.shown_url, dict(options.default_headers or {}))
            await settled("on_handshake", options.on_handshake(handshake))
            with FieldErrors("the handshake's headers") as check:
                options.headers = checked_headers(check, handshake.headers) or {}
        if options.tape is not None:
            self._track = options.tape.begin(options)
        self._began_at = time.monotonic()

    def opened(self, sock: socket.socket, leftover: bytes) -> WebSocket:
        """The open WebSocket over a socket after the handshake, with the bytes that were received beyond it."""
        log(INFO, "%s: connected after %.3f s", self._options.shown_url, time.monotonic() - self._began_at)
        if self._track is not None:
            return self._track.opened(sock, leftover)
        return self._options.websocket_of(WebSocket, sock, leftover)

    def end(self, outcome: Closure | BaseException) -> None:
        """Reports the end of the connection, or why it was not opened, to the hook."""
        if self._track is not None and isinstance(outcome, BaseException):
            self._track.refused(outcome)
        url, elapsed_sec = self._options.shown_url, time.monotonic() - self._began_at
        if isinstance(outcome, BaseException):
            log(INFO, "%s: not connected after %.3f s: %s", url, elapsed_sec, type(outcome).__name__)
        else:
            log(INFO, "%s: ended after %.3f s with code %d", url, elapsed_sec, outcome.code)
        if self._options.on_disconnect is None:
            return
        if isinstance(outcome, BaseException):
            disconnect = WebSocketDisconnect(url, elapsed_sec=elapsed_sec, error=outcome)
        else:
            error = None if outcome.error is None else outcome.as_error()
            disconnect = WebSocketDisconnect(
                url, elapsed_sec=elapsed_sec, close_code=outcome.code, close_reason=outcome.reason, error=error
            )
        self._handlers.call("on_disconnect", disconnect)

    async def wait(self) -> None:  # async only
        """Waits for the hook to end."""
        if self._options.on_disconnect is not None:
            await self._handlers.wait(_HOOK_TIMEOUT_SEC)
