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
    from .front.shared import LateCall, SharedListener
    from .realtime.conversation import Conversation
    from .script.clock import VirtualClock
    from .script.failures import FakeSonioxError
    from .script.faults import Fault, Faults
    from .script.limits import Budget, Limits
    from .script.permissions import Permission
    from .script.progress import JobView, ProgressRule, TranscriptionStatus, after_polls, after_seconds
    from .script.records import (
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
    from .script.transcripts import Word
    from .server import FakeSoniox
    from .store.speeches import SpeechRules
    from .store.transcribers import Transcriber

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
    "Budget": "script.limits",
    "Conversation": "realtime.conversation",
    "FakeSoniox": "server",
    "FakeSonioxError": "script.failures",
    "Fault": "script.faults",
    "Faults": "script.faults",
    "FileRecord": "script.records",
    "JobView": "script.progress",
    "Limits": "script.limits",
    "Permission": "script.permissions",
    "LateCall": "front.shared",
    "ProgressRule": "script.progress",
    "RequestRecord": "script.records",
    "SessionEnd": "script.records",
    "SessionRecord": "script.records",
    "SharedListener": "front.shared",
    "SpeechConnectionRecord": "script.records",
    "SpeechEnd": "script.records",
    "SpeechRecord": "script.records",
    "SpeechRules": "store.speeches",
    "Transcriber": "store.transcribers",
    "TranscriptionRecord": "script.records",
    "TranscriptionStatus": "script.progress",
    "UsageRecord": "script.records",
    "VirtualClock": "script.clock",
    "VoiceModelRecord": "script.records",
    "VoiceRecord": "script.records",
    "WebhookAttempt": "script.records",
    "WebhookDelivery": "script.records",
    "Word": "script.transcripts",
    "__version__": "_version",
    "after_polls": "script.progress",
    "after_seconds": "script.progress",
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
