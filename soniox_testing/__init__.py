"""A fake Soniox speech API server that runs inside your own tests.

The names are imported on first use: the pytest plugin is loaded in every test run of an environment that has
this package installed, also where the extra that brings the HTTP server is missing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .extra import what_to_install

if TYPE_CHECKING:
    from ._version import __version__
    from .clock import VirtualClock
    from .conversation import Conversation
    from .failures import FakeSonioxError
    from .faults import Fault, Faults
    from .limits import Budget, Limits
    from .permissions import Permission
    from .progress import JobView, ProgressRule, TranscriptionStatus, after_polls, after_seconds
    from .records import (
        FileRecord,
        RequestRecord,
        SessionEnd,
        SessionRecord,
        SpeechConnectionRecord,
        SpeechEnd,
        SpeechRecord,
        TranscriptionRecord,
        UsageRecord,
        VoiceModelRecord,
        VoiceRecord,
        WebhookAttempt,
        WebhookDelivery,
    )
    from .scripting import Word
    from .server import FakeSoniox
    from .shared import LateCall, SharedListener
    from .speeches import SpeechRules
    from .transcribers import Transcriber

__all__ = [
    "Budget",
    "Conversation",
    "FakeSoniox",
    "FakeSonioxError",
    "Fault",
    "Faults",
    "FileRecord",
    "JobView",
    "LateCall",
    "Limits",
    "Permission",
    "ProgressRule",
    "RequestRecord",
    "SessionEnd",
    "SessionRecord",
    "SharedListener",
    "SpeechConnectionRecord",
    "SpeechEnd",
    "SpeechRecord",
    "SpeechRules",
    "Transcriber",
    "TranscriptionRecord",
    "TranscriptionStatus",
    "UsageRecord",
    "VirtualClock",
    "VoiceModelRecord",
    "VoiceRecord",
    "WebhookAttempt",
    "WebhookDelivery",
    "Word",
    "__version__",
    "after_polls",
    "after_seconds",
]

_HOMES = {
    "Budget": "limits",
    "Conversation": "conversation",
    "FakeSoniox": "server",
    "FakeSonioxError": "failures",
    "Fault": "faults",
    "Faults": "faults",
    "FileRecord": "records",
    "JobView": "progress",
    "Limits": "limits",
    "Permission": "permissions",
    "LateCall": "shared",
    "ProgressRule": "progress",
    "RequestRecord": "records",
    "SessionEnd": "records",
    "SessionRecord": "records",
    "SharedListener": "shared",
    "SpeechConnectionRecord": "records",
    "SpeechEnd": "records",
    "SpeechRecord": "records",
    "SpeechRules": "speeches",
    "Transcriber": "transcribers",
    "TranscriptionRecord": "records",
    "TranscriptionStatus": "progress",
    "UsageRecord": "records",
    "VirtualClock": "clock",
    "VoiceModelRecord": "records",
    "VoiceRecord": "records",
    "WebhookAttempt": "records",
    "WebhookDelivery": "records",
    "Word": "scripting",
    "__version__": "_version",
    "after_polls": "progress",
    "after_seconds": "progress",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value: object = getattr(import_module(f".{home}", __name__), name)
    except ImportError as missing:
        raise ImportError(what_to_install(missing), name=missing.name) from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
