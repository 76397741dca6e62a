"""The types of the REST API, by name. Each is loaded with the module that holds it when first asked for."""

from __future__ import annotations

import importlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .auth import CreateTemporaryApiKeyPayload, CreateTemporaryApiKeyResponse
    from .common import Token
    from .errors import ApiError, ApiErrorValidationError
    from .files import File, GetFilesCountResponse, GetFilesPayload, GetFilesResponse, UploadFilePayload
    from .literals import TemporaryApiKeyUsageType, TranscriptionMode, TranscriptionStatus, TranslationType
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
    "Model",
    "StructuredContext",
    "StructuredContextGeneralItem",
    "StructuredContextTranslationTerm",
    "SupportedLanguage",
    "TemporaryApiKeyUsageType",
    "Token",
    "Transcription",
    "TranscriptionMode",
    "TranscriptionStatus",
    "TranscriptionTranscript",
    "TranslationConfig",
    "TranslationTarget",
    "TranslationType",
    "UploadFilePayload",
]

_MODULE_OF = {
    **dict.fromkeys(("CreateTemporaryApiKeyPayload", "CreateTemporaryApiKeyResponse"), "auth"),
    "Token": "common",
    **dict.fromkeys(("ApiError", "ApiErrorValidationError"), "errors"),
    **dict.fromkeys(
        ("File", "GetFilesCountResponse", "GetFilesPayload", "GetFilesResponse", "UploadFilePayload"), "files"
    ),
    **dict.fromkeys(
        ("TemporaryApiKeyUsageType", "TranscriptionMode", "TranscriptionStatus", "TranslationType"),
        "literals",
    ),
    **dict.fromkeys(("GetModelsResponse", "Language", "Model", "SupportedLanguage", "TranslationTarget"), "models"),
    **dict.fromkeys(
        (
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
        "transcriptions",
    ),
}


def __getattr__(name: str) -> object:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f".{module}", __package__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
