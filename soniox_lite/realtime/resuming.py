# Generated from async_resuming.py by scripts/generate_sync: edit that file, not this one.
"""Realtime speech-to-text sessions that go on over a new connection when one ends early."""

from __future__ import annotations

import json

from .._data.json_values import is_buffer
from ..errors import SonioxRealtimeError, SonioxRealtimeTimeoutError
from ..types.realtime import RealtimeSTTConfig
from ..types.resume import ResumePolicy
from ._relay import Leg, Relay
from ._resume import ResumeCore
from ._ring import RingFullError
from ._session_log import log_notice
from ._stt_protocol import MAX_MESSAGE_BYTES, error_of
from .stt import RealtimeSTTSession

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal

    from typing_extensions import Unpack

    from .._settings import KeyFunction
    from .._websocket.frames import Message
    from .._websocket.nonblocking import Closure
    from ..types.config_dicts import ResumePolicyDict
    from ..types.realtime import RealtimeEvent
    from ..types.resume import RealtimeLostPayload, RealtimeReconnectingPayload, RealtimeResumedPayload
    from .stt import ConfigInput, SessionOptions

    ResumeNotice = RealtimeReconnectingPayload | RealtimeResumedPayload | RealtimeLostPayload

__all__ = ["ResumingSTTSession"]


class ResumingSTTSession(RealtimeSTTSession):
    """A session that loses no word when its connection ends early, and repeats none: ``connect(..., resume=True)``.

    It is used like any other session. When the service or the network ends the connection before the stream is
    finished, it opens another, sends again what may not have been recognised, and joins the two transcripts. Times go
    on from where they were. ``docs/realtime.md`` says what is promised, and what is not possible.
    """

    _EVENT_TYPES = (*RealtimeSTTSession._EVENT_TYPES, "reconnecting", "resumed", "lost")

    def __init__(
        self,
        url: str,
        config: ConfigInput,
        api_key: str | KeyFunction | None = None,
        *,
        resume: ResumePolicy | ResumePolicyDict | dict[str, Any] | Literal[True] = True,
        connect_timeout_sec: float = 10.0,
        **options: Unpack[SessionOptions],
    ) -> None:
        """A session that is not connected yet.

        Args:
            url: ``wss://`` (or ``ws://``) URL of the service.
            config: What to transcribe and how, also as a dict.
            api_key: The key, permanent or temporary, or a function that returns it, which is called before each
                handshake; None for ``config.api_key``, else ``SONIOX_API_KEY``.
            resume: How it is resumed, also as a dict; True for :class:`~soniox_lite.realtime.ResumePolicy`'s defaults.
            connect_timeout_sec: For each connection: name resolution, TCP, proxy, TLS and the upgrade together.
            options: As for :class:`RealtimeSTTSession`.

        Raises:
            SonioxValidationError: There is no key, something given cannot be used, or audio of this format cannot be
                resumed.
        """
        import random  # noqa: PLC0415 - only sessions that are resumed need it

        config = RealtimeSTTConfig.of(config)
        self._policy = ResumePolicy() if resume is True else ResumePolicy.of(resume, "resume")
        self._core = ResumeCore(
            config,
            self._policy,
            asks_for_key=callable(api_key),
            key_cap_sec=getattr(api_key, "max_session_duration_seconds", None),
            random=random.random,
        )
        super().__init__(url, config, api_key, connect_timeout_sec=connect_timeout_sec, **options)
        self._leg_key = api_key or config.api_key
        for name in ("start_on_open", "raise_on_error"):
            options.pop(name, None)  # type: ignore[misc]
        # All connections are on one tape.
        self._leg_options = {**options, "connect_timeout_sec": connect_timeout_sec, "tape": self._options.tape}

    def _new_connection(self) -> Any:
        self._relay = Relay(self._core, self._protocol, self)
        return self._relay

    # Set where handlers are added and removed.
    @property
    def _tells_results(self) -> bool:
        return self._relay.tells_results

    @_tells_results.setter
    def _tells_results(self, value: bool) -> None:
        self._relay.tells_results = value

    @property
    def state(self) -> Any:
        """As for other sessions; ``reconnecting`` from the end of a connection until the next one is open."""
        state = self._protocol.public_state
        return "reconnecting" if state in ("open", "ending") and self._core.is_down else state

    @property
    def connections(self) -> int:
        """How many connections have been opened so far."""
        return self._core.connections

    @property
    def lost_ms(self) -> int:
        """Milliseconds of audio that will not be transcribed."""
        return self._core.lost_ms

    def _sent(self) -> tuple[int, int | None, int]:
        return *self._core.audio_given, self.connections

    @property
    def buffered_ms(self) -> int:
        """Milliseconds of audio that are kept, to be sent again after a break."""
        return self._core.buffered_ms

    def send_byte_chunk(self, chunk: bytes) -> None:
        """Sends audio, and keeps it. While the session is paused it is dropped, and counted in ``dropped_audio_bytes``.

        What does not fit is not kept in part, so that the same chunk may be sent again: with ``when_full="wait"`` if it
        is no longer than a quarter of what can be kept, with ``raise`` always.

        Args:
            chunk: As for other sessions.

        Raises:
            SonioxRealtimeError: As for other sessions; or there is no room for the chunk.
            SonioxRealtimeTimeoutError: With ``when_full="wait"``, there was no room within ``send_timeout_sec``.
        """
        if not isinstance(chunk, (bytes, bytearray)) or len(chunk) > MAX_MESSAGE_BYTES:
            self._make_room_for_all(chunk)
        super().send_byte_chunk(chunk)

    def _make_room_for_all(self, chunk: Any) -> None:
        """Waits until a chunk fits that is sent in pieces, or refuses it."""
        size = memoryview(chunk).nbytes if is_buffer(chunk) else 0
        core = self._core
        if size <= MAX_MESSAGE_BYTES or core.has_room(size) or self._protocol.is_paused:
            return
        if self._policy.when_full == "raise" or size <= core.max_piece_bytes:
            self._wait_for_room(size)

    def recv_bytes(self) -> bytes:
        """The next event as JSON, spelled as the service spells its messages; empty when there are no more.

        Raises:
            SonioxRealtimeError: The connection broke and could not be resumed, the session was never opened, or another
                thread is receiving.
        """
        item: Any = self._receive(None)
        if item is None:
            return b""
        event: RealtimeEvent = item[1][0]
        message = {**vars(event), "tokens": [vars(token) for token in event.tokens]}
        return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()

    def _send(self, make: Callable[..., Message | None], *args: Any, timeout_sec: float | None = None) -> None:
        relay = self._relay
        try:
            try:
                unsent = relay.send_nowait(make, *args)
            except RingFullError:
                self._send_when_there_is_room(make, args[0])
                return
            if unsent is not None:
                relay.drain(unsent, timeout_sec)
        except SonioxRealtimeError:
            if self._protocol.failure is not None:
                self._failure_reported = True
                raise error_of(self._protocol.failure) from None
            raise

    def _send_when_there_is_room(self, make: Callable[..., Message | None], piece: Any) -> None:
        """Sends audio that could not be kept for lack of room."""
        most = self._core.max_piece_bytes
        if len(piece) > most and self._policy.when_full == "wait":
            for start in range(0, len(piece), most):
                self._send(make, piece[start : start + most])
            return
        self._wait_for_room(len(piece))
        self._send(make, piece)

    def _wait_for_room(self, size: int) -> None:
        """Returns when so much audio can be kept."""
        kept = f"{self.buffered_ms} ms are kept (buffer_sec, buffer_bytes)"
        if self._policy.when_full == "raise":
            most = self._core.max_bytes
            raise SonioxRealtimeError(f"none of a chunk of {size} bytes was taken: {kept}, of at most {most} bytes")
        timeout_sec = self._options.send_timeout_sec
        if not self._relay.wait_for_room(size, timeout_sec):
            raise SonioxRealtimeTimeoutError(
                f"no audio was recognised for {timeout_sec:g} s: {kept}; the rest of this chunk is not"
            )

    def _event_of(self, message: Any) -> RealtimeEvent:
        event: RealtimeEvent = message[1][0]
        return event

    # What the relay calls.

    def new_leg(self, relay: Relay) -> Leg:
        """A link for the relay, not connected yet."""
        return Leg(relay, self._options.url, self._leg_config(), self._leg_key, self._leg_options)

    def _leg_config(self) -> RealtimeSTTConfig:
        """The config for the next connection, with the end of the transcript if that is wanted."""
        said = self._core.text.strip()
        if not said:
            return self.config
        import dataclasses  # noqa: PLC0415 - only this option needs it

        context: Any = self.config.context
        if isinstance(context, str):
            context = f"{context}\n{said}"
        else:
            fields: dict[str, Any] = {} if context is None else context.to_dict()
            fields["text"] = "\n".join(filter(None, (fields.get("text"), said)))
            context = fields
        return dataclasses.replace(self.config, context=context)

    def relay_opened(self) -> None:
        """The first connection is open."""
        self._on_open()

    def relay_event(self, event: RealtimeEvent) -> None:
        """An event is about to be given out."""
        if self._tells_results:
            self._tell_result(event)
        if (event.finished or event.error_code is not None) and self._protocol.is_terminal(event):
            self._emit_terminal(event)

    def relay_notice(self, notice: ResumeNotice) -> None:
        """There was a break, or its end, or audio was lost."""
        log_notice(self._options.shown_url, notice)
        self._emit(notice)  # type: ignore[arg-type]

    def relay_state(self) -> None:
        """A connection may have ended, or another one may be open."""
        self._tell_state()

    def relay_ended(self, closure: Closure) -> None:
        """No more connections follow."""
        self._on_end(closure)
