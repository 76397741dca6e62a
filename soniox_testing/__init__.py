"""A fake Soniox speech API server that runs inside your own tests.

The names are imported on first use: the pytest plugin is loaded in every test run of an environment that has
this package installed, also where the extra that brings the HTTP server is missing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .extra import what_to_install

if TYPE_CHECKING:
    from ._version import __version__ as __version__
    from .front.shared import LateCall as LateCall, SharedListener as SharedListener
    from .net.webhook_receiver import ReceivedWebhook as ReceivedWebhook, WebhookReceiver as WebhookReceiver
    from .realtime.conversation import Conversation as Conversation
    from .rest.expectations import Expectation as Expectation
    from .script.clock import Clock as Clock, VirtualClock as VirtualClock
    from .script.failures import FakeSonioxError as FakeSonioxError
    from .script.faults import Fault as Fault, Faults as Faults
    from .script.limits import Budget as Budget, Limits as Limits, ProjectLimits as ProjectLimits
    from .script.permissions import Permission as Permission
    from .script.progress import (
        JobView as JobView,
        ProgressRule as ProgressRule,
        TranscriptionStatus as TranscriptionStatus,
        after_polls as after_polls,
        after_seconds as after_seconds,
    )
    from .script.recordings import Comparison as Comparison, Hearing as Hearing, Recording as Recording
    from .script.records import (
        FileRecord as FileRecord,
        MessageKind as MessageKind,
        MessageRecord as MessageRecord,
        RequestRecord as RequestRecord,
        SessionEnd as SessionEnd,
        SessionRecord as SessionRecord,
        SpeechConnectionRecord as SpeechConnectionRecord,
        SpeechEnd as SpeechEnd,
        SpeechRecord as SpeechRecord,
        TranscriptionRecord as TranscriptionRecord,
        UsageRecord as UsageRecord,
        VoiceModelRecord as VoiceModelRecord,
        VoiceRecord as VoiceRecord,
        WebhookAttempt as WebhookAttempt,
        WebhookDelivery as WebhookDelivery,
    )
    from .script.transcripts import Word as Word
    from .server import FakeSoniox as FakeSoniox
    from .store.speeches import SpeechRules as SpeechRules
    from .store.transcribers import Transcriber as Transcriber

_NAMES_OF = {
    "_version": ("__version__",),
    "front.shared": ("LateCall", "SharedListener"),
    "net.webhook_receiver": ("ReceivedWebhook", "WebhookReceiver"),
    "realtime.conversation": ("Conversation",),
    "rest.expectations": ("Expectation",),
    "script.clock": ("Clock", "VirtualClock"),
    "script.failures": ("FakeSonioxError",),
    "script.faults": ("Fault", "Faults"),
    "script.limits": ("Budget", "Limits", "ProjectLimits"),
    "script.permissions": ("Permission",),
    "script.progress": ("JobView", "ProgressRule", "TranscriptionStatus", "after_polls", "after_seconds"),
    "script.recordings": ("Comparison", "Hearing", "Recording"),
    "script.records": (
        "FileRecord",
        "MessageKind",
        "MessageRecord",
        "RequestRecord",
        "SessionEnd",
        "SessionRecord",
        "SpeechConnectionRecord",
        "SpeechEnd",
        "SpeechRecord",
        "TranscriptionRecord",
        "UsageRecord",
        "VoiceModelRecord",
        "VoiceRecord",
        "WebhookAttempt",
        "WebhookDelivery",
    ),
    "script.transcripts": ("Word",),
    "server": ("FakeSoniox",),
    "store.speeches": ("SpeechRules",),
    "store.transcribers": ("Transcriber",),
}
_HOMES = {name: module for module, names in _NAMES_OF.items() for name in names}
# Type checkers take the imports above for exports, as long as they see no assignment to __all__.
globals()["__all__"] = sorted(_HOMES)


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
    return sorted({*globals(), *_HOMES})
