"""The dataclasses that travel to and from the service, and names for annotations.

``api``, ``common``, ``realtime`` and ``webhooks`` are the modules that the reference names. The types live in modules
by namespace and are loaded when first asked for, so that using one namespace does not pay for the types of all.
"""

from __future__ import annotations

from .._lazy import lazy_names
from .api import NAMES as _NAMES_OF_API

TYPE_CHECKING = False  # pyright: ignore[reportConstantRedefinition] - by the import of all names
if TYPE_CHECKING:
    from . import api as api, common as common, realtime as realtime, webhooks as webhooks
    from .aliases import Headers as Headers, TTSVoiceAge as TTSVoiceAge
    from .api import *  # noqa: F403 - the same names, listed there
    from .config_dicts import (
        CreateTranscriptionConfigDict as CreateTranscriptionConfigDict,
        CreateTtsConfigDict as CreateTtsConfigDict,
        RealtimeSTTConfigDict as RealtimeSTTConfigDict,
        RealtimeTTSConfigDict as RealtimeTTSConfigDict,
        ResumePolicyDict as ResumePolicyDict,
        StructuredContextDict as StructuredContextDict,
        TranslationConfigDict as TranslationConfigDict,
    )
    from .realtime import (
        TOKEN_TEXT_END as TOKEN_TEXT_END,
        TOKEN_TEXT_FIN as TOKEN_TEXT_FIN,
        EventType as EventType,
        RealtimeControlType as RealtimeControlType,
        RealtimeEvent as RealtimeEvent,
        RealtimeSessionClosePayload as RealtimeSessionClosePayload,
        RealtimeSessionErrorPayload as RealtimeSessionErrorPayload,
        RealtimeSessionEventPayload as RealtimeSessionEventPayload,
        RealtimeSessionFinishedPayload as RealtimeSessionFinishedPayload,
        RealtimeSessionOpenPayload as RealtimeSessionOpenPayload,
        RealtimeSessionStateChangePayload as RealtimeSessionStateChangePayload,
        RealtimeSTTConfig as RealtimeSTTConfig,
        RealtimeTTSCancelMessage as RealtimeTTSCancelMessage,
        RealtimeTTSConfig as RealtimeTTSConfig,
        RealtimeTTSEvent as RealtimeTTSEvent,
        RealtimeTTSKeepAliveMessage as RealtimeTTSKeepAliveMessage,
        RealtimeTTSTextMessage as RealtimeTTSTextMessage,
        TtsTimestamps as TtsTimestamps,
    )
    from .tts_models import GetTTSModelsResponse as GetTTSModelsResponse, TTSModel as TTSModel, TTSVoice as TTSVoice
    from .voices import TTSVoiceDetails as TTSVoiceDetails
    from .webhooks import WebhookAuthConfig as WebhookAuthConfig, WebhookEvent as WebhookEvent

lazy_names(
    __name__,
    {
        ".": ("api", "common", "realtime", "webhooks"),
        ".aliases": ("Headers", "TTSVoiceAge"),
        ".api": [name for names in _NAMES_OF_API.values() for name in names],
        ".config_dicts": (
            "CreateTranscriptionConfigDict",
            "CreateTtsConfigDict",
            "RealtimeSTTConfigDict",
            "RealtimeTTSConfigDict",
            "ResumePolicyDict",
            "StructuredContextDict",
            "TranslationConfigDict",
        ),
        ".realtime": (
            "TOKEN_TEXT_END",
            "TOKEN_TEXT_FIN",
            "EventType",
            "RealtimeControlType",
            "RealtimeEvent",
            "RealtimeSTTConfig",
            "RealtimeSessionClosePayload",
            "RealtimeSessionErrorPayload",
            "RealtimeSessionEventPayload",
            "RealtimeSessionFinishedPayload",
            "RealtimeSessionOpenPayload",
            "RealtimeSessionStateChangePayload",
            "RealtimeTTSCancelMessage",
            "RealtimeTTSConfig",
            "RealtimeTTSEvent",
            "RealtimeTTSKeepAliveMessage",
            "RealtimeTTSTextMessage",
            "TtsTimestamps",
        ),
        ".tts_models": ("GetTTSModelsResponse", "TTSModel", "TTSVoice"),
        ".voices": ("TTSVoiceDetails",),
        ".webhooks": ("WebhookAuthConfig", "WebhookEvent"),
    },
)
