"""Which API key a WebSocket client brings, and whether it opens a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from ..temporary_keys import PREFIX, TemporaryKey
from .errors import RealtimeError

if TYPE_CHECKING:
    from ..state import State
    from .actions import Handshake

KEY_PROTOCOL = "soniox-api-key"
"""The sub-protocol whose neighbour in the list is the key."""
LONGEST_KEY = 250

AuthForm: TypeAlias = Literal["header", "protocol", "start_message"]
"""Where a key was given."""


@dataclass(frozen=True)
class Credential:
    """A key as a client gave it, not yet checked."""

    api_key: str
    form: AuthForm


def credential_of(handshake: Handshake) -> Credential | None:
    """The key that came with the connection; None when none came.

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
    if len(api_key) > LONGEST_KEY:
        raise RealtimeError("invalid_request", f"An API key has at most {LONGEST_KEY} characters.")
    return api_key


def check_key(state: State, api_key: str, usage_type: str, now_sec: float) -> TemporaryKey | None:
    """Checks that a key opens sessions of this kind; hold the lock of the state.

    Returns:
        What is known of the key if it is a temporary one; None for a permanent key.

    Raises:
        RealtimeError: 401.
    """
    temporary = state.temporary_keys.get(api_key)
    if temporary is None:
        if api_key.startswith(PREFIX) or (state.api_keys is not None and api_key not in state.api_keys):
            raise RealtimeError("unauthenticated", "The API key is not known.")
        return None
    if temporary.usage_type != usage_type:
        message = f"This temporary API key is for {temporary.usage_type}; here it takes one for {usage_type}."
        raise RealtimeError("unauthenticated", message)
    if now_sec >= temporary.expires_sec:
        raise RealtimeError("unauthenticated", "The temporary API key has expired.")
    check_unused(temporary)
    return temporary


def check_unused(temporary: TemporaryKey) -> None:
    """Checks that a single-use key has not been used; hold the lock of the state.

    Raises:
        RealtimeError: 401.
    """
    if temporary.single_use and temporary.used:
        raise RealtimeError("unauthenticated", "The temporary API key was for one session, which it has opened.")
