"""The types of the REST API, by name. Each is loaded with the module that holds it when first asked for."""

from __future__ import annotations

from .._lazy import lazy_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .aliases import (
        LanguageCode,
        RealtimeSTTAudioFormat,
        RealtimeSTTHeaderFormat,
        RealtimeSTTRawFormat,
        StructuredContextGeneralInput,
        StructuredContextInput,
        StructuredContextTranslationTermsInput,
        TemporaryApiKeyUsageType,
        TranscriptionMode,
        TranscriptionStatus,
        TranslationConfigInput,
        TranslationType,
    )
    from .auth import CreateTemporaryApiKeyPayload, CreateTemporaryApiKeyResponse
    from .common import Token
    from .errors import ApiError, ApiErrorValidationError
    from .files import File, GetFilesCountResponse, GetFilesPayload, GetFilesResponse, UploadFilePayload
    from .models import GetModelsResponse, Language, Model, SupportedLanguage, TranslationTarget
    from .transcriptions import (
        CreateTranscriptionConfig,
        CreateTranscriptionPayload,
        GetTranscriptionsCountResponse,
        GetTranscriptionsPayload,
        GetTranscriptionsResponse,
        StructuredContext,
        StructuredContextGeneralItem,
        StructuredContextTranslationTerm,
        Transcription,
        TranscriptionTranscript,
        TranslationConfig,
    )

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
    "Language",
    "LanguageCode",
    "Model",
    "RealtimeSTTAudioFormat",
    "RealtimeSTTHeaderFormat",
    "RealtimeSTTRawFormat",
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
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        ".aliases": (
            "LanguageCode",
            "RealtimeSTTAudioFormat",
            "RealtimeSTTHeaderFormat",
            "RealtimeSTTRawFormat",
            "StructuredContextGeneralInput",
            "StructuredContextInput",
            "StructuredContextTranslationTermsInput",
            "TemporaryApiKeyUsageType",
            "TranscriptionMode",
            "TranscriptionStatus",
            "TranslationConfigInput",
            "TranslationType",
        ),
        ".auth": ("CreateTemporaryApiKeyPayload", "CreateTemporaryApiKeyResponse"),
        ".common": ("Token",),
        ".errors": ("ApiError", "ApiErrorValidationError"),
        ".files": ("File", "GetFilesCountResponse", "GetFilesPayload", "GetFilesResponse", "UploadFilePayload"),
        ".models": ("GetModelsResponse", "Language", "Model", "SupportedLanguage", "TranslationTarget"),
        ".transcriptions": (
            "CreateTranscriptionConfig",
            "CreateTranscriptionPayload",
            "GetTranscriptionsCountResponse",
            "GetTranscriptionsPayload",
            "GetTranscriptionsResponse",
            "StructuredContext",
            "StructuredContextGeneralItem",
            "StructuredContextTranslationTerm",
            "Transcription",
            "TranscriptionTranscript",
            "TranslationConfig",
        ),
    },
)
