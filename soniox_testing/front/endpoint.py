"""The WebSocket endpoints: each opens a session for a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..realtime.connection import serve_websocket
from ..realtime.stt_session import SttSession
from ..realtime.tts_session import TtsSession
from ..wire.operations import STT, TTS
from .delivery import refuse_upgrade

if TYPE_CHECKING:
    from ..net.exchange import Upgrade
    from ..realtime.stt_session import SttRules
    from ..script.actions import Handshake
    from ..store.state import State

STT_PATH = "/transcribe-websocket"
TTS_PATH = "/tts-websocket"


class SttEndpoint:
    """Serves the speech-to-text WebSockets of one fake."""

    def __init__(self, state: State, rules: SttRules) -> None:
        self._state = state
        self._rules = rules

    def serve(self, upgrade: Upgrade) -> None:
        """Runs one WebSocket to its end."""
        if refuse_upgrade(self._state, upgrade, STT):
            return
        serve_websocket(upgrade, self._open, self._state.clock, self._state.stopping)

    def _open(self, handshake: Handshake) -> SttSession:
        session = SttSession(self._state, self._rules, handshake, self._state.clock.now_sec())
        with self._state.lock:
            self._state.history.sessions.append(session.log)
        return session


class TtsEndpoint:
    """Serves the text-to-speech WebSockets of one fake."""

    def __init__(self, state: State, *, key_in_start_message: bool | None) -> None:
        self._state = state
        self._key_in_start_message = key_in_start_message

    def serve(self, upgrade: Upgrade) -> None:
        """Runs one WebSocket to its end."""
        if refuse_upgrade(self._state, upgrade, TTS):
            return
        serve_websocket(upgrade, self._open, self._state.clock, self._state.stopping)

    def _open(self, handshake: Handshake) -> TtsSession:
        now_sec = self._state.clock.now_sec()
        session = TtsSession(self._state, handshake, now_sec, key_in_start_message=self._key_in_start_message)
        with self._state.lock:
            self._state.speeches.connections.append(session.log)
        return session
