# Generated from _async_link.py by scripts/generate_sync: edit that file, not this one.
"""A session whose messages are seen when they arrive: what sessions that reconnect are made of."""

from __future__ import annotations

import weakref

from .._net.redaction import redact
from ..errors import SonioxRealtimeError
from ..types.realtime import RealtimeEvent, decode_message
from ._stt_protocol import may_be_terminal
from .stt import RealtimeSTTSession

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from typing_extensions import Unpack

    from .._websocket.frames import Message
    from .._websocket.nonblocking import Closure
    from ._stt_protocol import SttProtocol
    from .stt import ConfigInput, SessionOptions


class Link(RealtimeSTTSession):
    """One stream of audio, whose owner gets each event as it arrives instead of receiving it.

    The two callbacks are methods of the owner, which owns the link. They are referred to weakly, so that an owner that
    a program has dropped is collected, and its connection ends with it.
    They are called by the reader thread and must not block.
    """

    def __init__(
        self,
        url: str,
        config: ConfigInput,
        api_key: str,
        on_arrival: Callable[[bytes, RealtimeEvent], bytes | None],
        on_closed: Callable[[Closure], None],
        *,
        connect_timeout_sec: float = 10.0,
        **options: Unpack[SessionOptions],
    ) -> None:
        """A link that is not connected yet.

        Args:
            url: As for a session.
            config: As for a session.
            api_key: As for a session.
            on_arrival: Called with each message and its event, also before ``enter`` has returned; gives what is to be
                kept of the message for ``recv_bytes``, None for nothing. An exception ends the connection with that
                error, and so does a message that is no event.
            on_closed: Called once after the last message, when the connection has ended; not if it was never open.
            connect_timeout_sec: As for a session.
            options: As for a session.
        """
        super().__init__(url, config, api_key, connect_timeout_sec=connect_timeout_sec, **options)
        self._on_arrival = weakref.WeakMethod(on_arrival)
        self._on_closed = weakref.WeakMethod(on_closed)

    @property
    def protocol(self) -> SttProtocol:
        """The state of the stream; it makes the messages that :meth:`send` takes."""
        return self._protocol

    def send(self, make: Callable[..., Message | None], *args: Any, timeout_sec: float | None = None) -> None:
        """Sends the message that ``make(*args)`` gives, if any; returns when the kernel has taken it.

        No other message is made or sent during that call, so that ``make`` may also record what is sent, in its order.

        Args:
            make: Makes the message, such as ``protocol.audio``.
            args: For ``make``.
            timeout_sec: How long the service may take over it; None for the session's own limit.

        Raises:
            SonioxRealtimeError: The connection has ended, or the protocol refuses the message.
        """
        self._send(make, *args, timeout_sec=timeout_sec)

    def _on_message(self, message: bytes) -> bytes | None:
        if may_be_terminal(message):
            message = redact(message, self._options.authorization)
        try:
            event = decode_message(RealtimeEvent, message)
        except SonioxRealtimeError as error:
            self._fail(error)
            return None
        is_terminal = self._protocol.is_terminal(event)
        kept = None if (on_arrival := self._on_arrival()) is None else on_arrival(message, event)
        if is_terminal:
            self._emit_terminal(event)
        return kept

    def _on_end(self, closure: Closure) -> None:
        super()._on_end(closure)
        if (on_closed := self._on_closed()) is not None:
            on_closed(closure)
