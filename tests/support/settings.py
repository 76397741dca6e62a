"""The settings of a client, without the client."""

from __future__ import annotations

import inspect
from typing import Any

from soniox_lite._settings import Settings


def settings_of(**options: Any) -> Settings:
    """The settings of a sync client with the key ``key`` that was given these options."""
    none: dict[str, Any] = dict.fromkeys(inspect.signature(Settings).parameters)
    none |= {"api_key": "key", "verify": True, "trust_env": True, "awaits_hooks": False}
    return Settings(**{**none, **options})
