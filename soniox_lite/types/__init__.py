"""The dataclasses that travel to and from the service, and names for annotations.

``api``, ``common`` and ``webhooks`` are the modules that the reference names. The types live in modules by namespace
and are loaded when first asked for, so that using one namespace does not pay for the types of all.
"""

from __future__ import annotations

from .._lazy import lazy_names
from .api import __all__ as _api_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import api, common, webhooks
    from .aliases import Headers
    from .api import (
        ApiError,
        ApiErrorValidationError,
        CreateTemporaryApiKeyPayload,
        CreateTemporaryApiKeyResponse,
        CreateTranscriptionConfig,
        CreateTranscriptionPayload,
        File,
        GetFilesCountResponse,
        GetFilesPayload,
        GetFilesResponse,
        GetModelsResponse,
        GetTranscriptionsCountResponse,
        GetTranscriptionsPayload,
        GetTranscriptionsResponse,
        Language,
        LanguageCode,
        Model,
        StructuredContext,
        StructuredContextGeneralInput,
        StructuredContextGeneralItem,
        StructuredContextInput,
        StructuredContextTranslationTerm,
        StructuredContextTranslationTermsInput,
        SupportedLanguage,
        TemporaryApiKeyUsageType,
        Token,
        Transcription,
        TranscriptionMode,
        TranscriptionStatus,
        TranscriptionTranscript,
        TranslationConfig,
        TranslationConfigInput,
        TranslationTarget,
        TranslationType,
        UploadFilePayload,
    )
    from .webhooks import WebhookAuthConfig, WebhookEvent

__all__ = [
    "ApiError",
    "ApiErrorValidationError",
    "CreateTemporaryApiKeyPayload",
    "CreateTemporaryApiKeyResponse",
    "CreateTranscriptionConfig",
    "CreateTranscriptionPayload",
    "File",
    "GetFilesCountResponse",
    "GetFilesPayload",
    "GetFilesResponse",
    "GetModelsResponse",
    "GetTranscriptionsCountResponse",
    "GetTranscriptionsPayload",
    "GetTranscriptionsResponse",
    "Headers",
    "Language",
    "LanguageCode",
    "Model",
    "StructuredContext",
    "StructuredContextGeneralInput",
    "StructuredContextGeneralItem",
    "StructuredContextInput",
    "StructuredContextTranslationTerm",
    "StructuredContextTranslationTermsInput",
    "SupportedLanguage",
    "TemporaryApiKeyUsageType",
    "Token",
    "Transcription",
    "TranscriptionMode",
    "TranscriptionStatus",
    "TranscriptionTranscript",
    "TranslationConfig",
    "TranslationConfigInput",
    "TranslationTarget",
    "TranslationType",
    "UploadFilePayload",
    "WebhookAuthConfig",
    "WebhookEvent",
    "api",
    "common",
    "webhooks",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        ".aliases": ("Headers",),
        ".api": tuple(_api_names),
        ".common": (),
        ".webhooks": ("WebhookAuthConfig", "WebhookEvent"),
    },
)
