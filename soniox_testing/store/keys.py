"""API keys: which are known, what each may do, and the temporary ones."""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..script.permissions import Permission

PREFIX = "snx_temp_"


@dataclass
class TemporaryKey:
    """A temporary key. Callers hold the lock of the state."""

    api_key: str
    project: str
    """The permanent key that created it."""
    usage_type: str
    """``transcribe_websocket`` or ``tts_rt``."""
    expires_sec: float
    """On the fake's clock; no session can be opened from then on."""
    single_use: bool
    max_session_duration_sec: float | None
    """None: no limit."""
    client_reference_id: str | None
    """Takes the place of the one in start messages."""
    used: bool = False
    """Whether it has opened a session."""


def new_temporary_key() -> str:
    """A key of the documented shape: three parts of 43, 86 and 6 characters of base64url."""
    return PREFIX + ".".join(secrets.token_urlsafe(size) for size in (32, 64, 4))


class Keys:
    """The keys of one fake. Callers hold the lock of the state.

    Args:
        permanent: The keys that are accepted; None: all.
    """

    def __init__(self, permanent: tuple[str, ...] | None) -> None:
        self.permanent = permanent
        self.permissions: dict[str, frozenset[Permission]] = {}
        """Of the permanent keys that are restricted; all others may do everything."""
        self.temporary: dict[str, TemporaryKey] = {}
        self.connections: Counter[tuple[str, str]] = Counter()
        """WebSockets whose keys were accepted, by the usage type of temporary keys that open them, and by project."""

    def add_temporary(self, key: TemporaryKey, most: int | None) -> None:
        """Adds a temporary key; where there are too many, the oldest goes."""
        if len(self.temporary) == most:
            del self.temporary[next(iter(self.temporary))]
        self.temporary[key.api_key] = key

    def open_connections(self, usage_type: str, project: str | None) -> int:
        """The number of WebSockets for a usage type, of a project or (None) of all."""
        counts = self.connections.items()
        return sum(count for (kind, owner), count in counts if kind == usage_type and project in {None, owner})

    def project_of(self, api_key: str) -> str:
        """The permanent key that stands for the project of a key: the key itself, or the creator of a temporary key."""
        temporary = self.temporary.get(api_key)
        return api_key if temporary is None else temporary.project

    def may(self, api_key: str, permission: Permission) -> bool:
        """Whether a key has a permission. Temporary keys have all."""
        granted = self.permissions.get(api_key)
        return granted is None or permission in granted
