"""Authentication of WebSockets, and whether a session may start."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

from ..script.limits import BUDGET_MESSAGES
from ..wire.realtime_errors import RealtimeError
from .keys import PREFIX, TemporaryKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..script.actions import Handshake
    from ..script.permissions import Permission
    from .state import State
    from .usage import Kind

KEY_PROTOCOL = "soniox-api-key"
"""The sub-protocol that is listed together with the key."""
MAX_KEY_LENGTH = 250

_KEY_CHECK_SEC = 1.0

_NO_KEY_IN_START_MESSAGE = datetime(2027, 1, 15, tzinfo=timezone.utc)
LATE_KEY = (
    "The key came in the start message. The service refuses that from 15 January 2027 on: this client will stop "
    "working. Send the key with the connection."
)
"""The note about a key that came in a start message."""

AuthForm: TypeAlias = Literal["header", "protocol", "start_message"]
"""Where the key was given."""


@dataclass(frozen=True)
class Credential:
    """A key as the client sent it, unchecked."""

    api_key: str
    form: AuthForm


def credential_of(handshake: Handshake) -> Credential | None:
    """The key in an opening handshake; None if it has none.

    Raises:
        RealtimeError: The header or the list of sub-protocols is malformed, or both carry a key.
    """
    listed = handshake.subprotocols
    in_list = KEY_PROTOCOL in listed
    header = handshake.authorization
    if header is not None and in_list:
        raise RealtimeError("invalid_request", "Give the API key in the header or as a sub-protocol, not in both.")
    if header is not None:
        scheme, _, api_key = header.partition(" ")
        api_key = api_key.strip()
        if scheme.lower() != "bearer" or not api_key:
            message = "The Authorization header must read: Bearer, a space, the API key."
            raise RealtimeError("invalid_request", message)
        return Credential(_of_legal_length(api_key), "header")
    if in_list:
        others = [name for name in listed if name != KEY_PROTOCOL]
        if len(others) != 1 or len(listed) != 2:
            message = f"The list of sub-protocols must be {KEY_PROTOCOL} and one more entry, the API key."
            raise RealtimeError("invalid_request", message)
        return Credential(_of_legal_length(others[0]), "protocol")
    return None


def credential_in_start_message(api_key: object) -> Credential | None:
    """The key in the ``api_key`` field of a start message; None when the field is unset.

    Raises:
        RealtimeError: Not a text, or too long.
    """
    if api_key is None or api_key == "":
        return None
    if not isinstance(api_key, str):
        raise RealtimeError("invalid_request", "The api_key of a start message must be a string.")
    return Credential(_of_legal_length(api_key), "start_message")


def _of_legal_length(api_key: str) -> str:
    if len(api_key) > MAX_KEY_LENGTH:
        raise RealtimeError("invalid_request", f"An API key has at most {MAX_KEY_LENGTH} characters.")
    return api_key


def check_key(state: State, api_key: str, usage_type: str, now_sec: float) -> TemporaryKey | None:
    """Checks that a key may open sessions of this kind; hold the lock of the state.

    Returns:
        The temporary key; None for a permanent key.

    Raises:
        RealtimeError: 401.
    """
    temporary = state.keys.temporary.get(api_key)
    if temporary is None:
        if api_key.startswith(PREFIX) or (state.keys.permanent is not None and api_key not in state.keys.permanent):
            raise RealtimeError("unauthenticated", "Invalid API key.")
        return None
    if temporary.usage_type != usage_type:
        message = f"This temporary API key is for {temporary.usage_type}; here it takes one for {usage_type}."
        raise RealtimeError("unauthenticated", message)
    if now_sec >= temporary.expires_sec:
        raise RealtimeError("unauthenticated", "Invalid/expired temporary API key.")
    check_unused(temporary)
    return temporary


def start_refusal(state: State, api_key: str, kind: Kind, *, streamed: bool = True) -> RealtimeError | None:
    """Why no session, stream or request to speak may start now; None when it may, and is counted. Hold the lock.

    Args:
        state: Of the fake.
        api_key: Permanent or temporary; a temporary key has all permissions.
        kind: ``stt`` for sessions, ``tts`` for streams and REST requests.
        streamed: False: a REST request.
    """
    permission: Permission = "stt_realtime" if kind == "stt" else "tts_realtime"
    if not state.keys.may(api_key, permission):
        return RealtimeError("permission_denied", f"This API key does not have the permission {permission}.")
    project = state.keys.project_of(api_key)
    state.projects.settle_accounts()
    budget = state.quotas.exhausted(project)
    if budget is not None:
        return RealtimeError(budget, BUDGET_MESSAGES[budget])
    at_once = "max_realtime_sessions" if kind == "stt" else "max_speeches"
    a_minute = "sessions_per_minute" if kind == "stt" else "speeches_per_minute"
    what = f"{'streams' if streamed else 'requests'} of {'speech-to-text' if kind == 'stt' else 'text-to-speech'}"
    refusal = state.quotas.reached(at_once, project, partial(state.usage.running, kind))
    refusal = refusal or state.quotas.count(a_minute, what, project)
    return None if refusal is None else RealtimeError("limit_exceeded", refusal)


def check_unused(temporary: TemporaryKey | None) -> None:
    """Checks that a single-use key has not been used; None: a permanent key. Hold the lock of the state.

    Raises:
        RealtimeError: 401.
    """
    if temporary is not None and temporary.single_use and temporary.used:
        raise RealtimeError(
            "unauthenticated", "Invalid/expired temporary API key: it was for one session, which it has opened."
        )


class Authentication:
    """The authentication of one WebSocket. The handshake always succeeds; a wrong key is refused one second later.

    Args:
        state: Of the fake; its lock is taken where needed.
        usage_type: What a temporary key must be for.
        handshake: The client's opening handshake.
        now_sec: The moment of the handshake.
        key_in_start_message: Whether the key may first come in a start message; None: before 15 January 2027.
    """

    def __init__(
        self, state: State, usage_type: str, handshake: Handshake, now_sec: float, *, key_in_start_message: bool | None
    ) -> None:
        if key_in_start_message is None:
            key_in_start_message = state.clock.wall(now_sec) < _NO_KEY_IN_START_MESSAGE
        self.subprotocol = KEY_PROTOCOL if KEY_PROTOCOL in handshake.subprotocols else None
        """The sub-protocol to select."""
        self.credential: Credential | None = None
        """None until a key has come."""
        self.temporary: TemporaryKey | None = None
        """The temporary key, once it was checked; None for a permanent key."""
        self.due_sec: float | None = None
        """The latest moment to call ``check``; None: with the start message."""
        self._state = state
        self._usage_type = usage_type
        self._opened_sec = now_sec
        self._key_in_start_message = key_in_start_message
        self._refusal: RealtimeError | None = None
        self._checked = False
        self._counted: tuple[str, str] | None = None
        """The place in the limit of connections that it takes."""
        try:
            self.credential = credential_of(handshake)
        except RealtimeError as error:
            self._refusal = error
            self.due_sec = now_sec
        else:
            if self.credential is not None or not key_in_start_message:
                self.due_sec = now_sec + _KEY_CHECK_SEC

    @property
    def api_key(self) -> str:
        """The key; empty until one has come."""
        return "" if self.credential is None else self.credential.api_key

    @property
    def max_duration_ends_sec(self) -> float | None:
        """When the longest session that the temporary key allows ends; None: the key sets no limit."""
        if self.temporary is None or self.temporary.max_session_duration_sec is None:
            return None
        return self._opened_sec + self.temporary.max_session_duration_sec

    def check(self, now_sec: float) -> None:
        """Checks the key that came with the connection, once.

        Raises:
            RealtimeError: 400 or 401, or 429 where there are too many connections.
        """
        self.due_sec = None
        if self._refusal is not None:
            raise self._refusal
        if self._checked or (self.credential is None and self._key_in_start_message):
            return
        if self.credential is None:
            message = "Missing API key: send it with the connection, in the Authorization header or as a sub-protocol."
            raise RealtimeError("unauthenticated", message)
        self._accept(self.credential, now_sec)

    def use_key_of(self, start_message: Mapping[str, object], now_sec: float) -> None:
        """Compares the key of a start message with that of the connection, or uses it; call ``check`` before.

        Raises:
            RealtimeError: As ``check``.
        """
        credential = credential_in_start_message(start_message.get("api_key"))
        if self.credential is not None:
            if credential is not None and credential.api_key != self.credential.api_key:
                message = "The api_key of the start message is not the key that came with the connection."
                raise RealtimeError("invalid_request", message)
            return
        if credential is None:
            message = "Missing API key: send it in the Authorization header of the connection."
            raise RealtimeError("unauthenticated", message)
        self.credential = credential
        self._accept(credential, now_sec)

    def _accept(self, credential: Credential, now_sec: float) -> None:
        state, kind = self._state, self._usage_type
        with state.lock:
            self.temporary = check_key(state, credential.api_key, kind, now_sec)
            project = state.keys.project_of(credential.api_key)
            refusal = state.quotas.reached("max_connections", project, partial(state.keys.open_connections, kind))
            if refusal is not None:
                raise RealtimeError("max_concurrent_connections_reached", refusal)
            state.keys.connections[kind, project] += 1
            self._counted = (kind, project)
        self._checked = True

    def release(self) -> None:
        """Frees the place of the WebSocket in the limit of connections, when it has ended."""
        if self._counted is not None:
            with self._state.lock:
                connections = self._state.keys.connections
                connections[self._counted] -= 1
                if not connections[self._counted]:
                    del connections[self._counted]
            self._counted = None
