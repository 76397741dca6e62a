"""What a client's hooks for realtime connections are called with."""

from __future__ import annotations

from .._data.safe_repr import safe_repr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..errors import SonioxRealtimeError


class WebSocketHandshake:
    """A WebSocket connection that is about to be opened, as ``on_handshake`` sees it. It does not hold the API key.

    Attributes:
        url: Where it goes, without the query.
        headers: Headers of the upgrade request, without the key and those of the WebSocket protocol; a hook may add
            others.
    """

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.url: str = url
        self.headers: dict[str, str] = headers

    @safe_repr
    def __repr__(self) -> str:
        return f"<WebSocketHandshake {self.url}>"


class WebSocketDisconnect:
    """The end of a WebSocket connection, or of the attempt to open it, as ``on_disconnect`` sees it.

    Attributes:
        url: Where it went, without the query.
        opened: Whether it was open.
        close_code: The close code (RFC 6455, section 7.4.1): the server's, or 1000 if this side closed the connection;
            1006 if it broke; None if it was not opened.
        close_reason: The text of the close frame, often empty; None if it was not opened.
        error: Why it was not opened, or what broke it; None after a close frame.
        elapsed_sec: Seconds since the beginning of the handshake.
    """

    def __init__(
        self,
        url: str,
        *,
        elapsed_sec: float,
        close_code: int | None = None,
        close_reason: str | None = None,
        error: BaseException | None = None,
    ) -> None:
        self.url: str = url
        self.opened: bool = close_code is not None
        self.close_code: int | None = close_code
        self.close_reason: str | None = close_reason
        self.error: SonioxRealtimeError | BaseException | None = error
        self.elapsed_sec: float = elapsed_sec

    @safe_repr
    def __repr__(self) -> str:
        return f"<WebSocketDisconnect {self.url} {self.close_code}>"
