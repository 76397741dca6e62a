"""The types of the REST API, by name. Each is loaded with the module that holds it when first asked for."""

from __future__ import annotations

from .._lazy import lazy_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .aliases import (
        ConcurrentStreamKind as ConcurrentStreamKind,
        ConcurrentStreamsPeriodSec as ConcurrentStreamsPeriodSec,
        LanguageCode as LanguageCode,
        RealtimeSTTAudioFormat as RealtimeSTTAudioFormat,
        RealtimeSTTHeaderFormat as RealtimeSTTHeaderFormat,
        RealtimeSTTRawFormat as RealtimeSTTRawFormat,
        StructuredContextGeneralInput as StructuredContextGeneralInput,
        StructuredContextInput as StructuredContextInput,
        StructuredContextTranslationTermsInput as StructuredContextTranslationTermsInput,
        TemporaryApiKeyUsageType as TemporaryApiKeyUsageType,
        TranscriptionMode as TranscriptionMode,
        TranscriptionStatus as TranscriptionStatus,
        TranslationConfigInput as TranslationConfigInput,
        TranslationType as TranslationType,
        TtsAudioFormat as TtsAudioFormat,
        TtsBitrate as TtsBitrate,
        TtsSampleRate as TtsSampleRate,
        TtsVoiceAge as TtsVoiceAge,
        TtsVoiceGender as TtsVoiceGender,
        UsageLogsSort as UsageLogsSort,
        VoiceModelStatus as VoiceModelStatus,
    )
    from .auth import (
        CreateTemporaryApiKeyPayload as CreateTemporaryApiKeyPayload,
        CreateTemporaryApiKeyResponse as CreateTemporaryApiKeyResponse,
    )
    from .common import Token as Token
    from .context import (
        StructuredContext as StructuredContext,
        StructuredContextGeneralItem as StructuredContextGeneralItem,
        StructuredContextTranslationTerm as StructuredContextTranslationTerm,
        TranslationConfig as TranslationConfig,
    )
    from .errors import ApiError as ApiError, ApiErrorValidationError as ApiErrorValidationError
    from .files import (
        File as File,
        GetFilesCountResponse as GetFilesCountResponse,
        GetFilesPayload as GetFilesPayload,
        GetFilesResponse as GetFilesResponse,
        UploadFilePayload as UploadFilePayload,
    )
    from .models import (
        GetModelsResponse as GetModelsResponse,
        Language as Language,
        Model as Model,
        SupportedLanguage as SupportedLanguage,
        TranslationTarget as TranslationTarget,
    )
    from .transcriptions import (
        CreateTranscriptionConfig as CreateTranscriptionConfig,
        CreateTranscriptionPayload as CreateTranscriptionPayload,
        GetTranscriptionsCountResponse as GetTranscriptionsCountResponse,
        GetTranscriptionsPayload as GetTranscriptionsPayload,
        GetTranscriptionsResponse as GetTranscriptionsResponse,
        Transcription as Transcription,
        TranscriptionTranscript as TranscriptionTranscript,
    )
    from .tts import CreateTtsConfig as CreateTtsConfig, CreateTtsPayload as CreateTtsPayload
    from .tts_models import GetTtsModelsResponse as GetTtsModelsResponse, TtsModel as TtsModel, TtsVoice as TtsVoice
    from .usage import (
        ConcurrencyCurrentValues as ConcurrencyCurrentValues,
        ConcurrencyLimitValues as ConcurrencyLimitValues,
        ConcurrencyScopeValues as ConcurrencyScopeValues,
        ConcurrentStreamsHistoryEntry as ConcurrentStreamsHistoryEntry,
        GetConcurrencyLimitsResponse as GetConcurrencyLimitsResponse,
        GetConcurrentStreamsHistoryPayload as GetConcurrentStreamsHistoryPayload,
        GetConcurrentStreamsHistoryResponse as GetConcurrentStreamsHistoryResponse,
        GetUsageLogsPayload as GetUsageLogsPayload,
        GetUsageLogsResponse as GetUsageLogsResponse,
        GetUsageSummaryPayload as GetUsageSummaryPayload,
        GetUsageSummaryResponse as GetUsageSummaryResponse,
        UsageLogEntry as UsageLogEntry,
        UsageSummaryEntry as UsageSummaryEntry,
    )
    from .voices import (
        GetSharedVoicesPayload as GetSharedVoicesPayload,
        GetSharedVoicesResponse as GetSharedVoicesResponse,
        GetVoicesCountResponse as GetVoicesCountResponse,
        GetVoicesPayload as GetVoicesPayload,
        GetVoicesResponse as GetVoicesResponse,
        RecomputeVoicePayload as RecomputeVoicePayload,
        TtsVoiceDetails as TtsVoiceDetails,
        Voice as Voice,
        VoiceModel as VoiceModel,
    )

NAMES: dict[str, tuple[str, ...]] = {
    ".aliases": (
        "ConcurrentStreamKind",
        "ConcurrentStreamsPeriodSec",
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
        "TtsAudioFormat",
        "TtsBitrate",
        "TtsSampleRate",
        "TtsVoiceAge",
        "TtsVoiceGender",
        "UsageLogsSort",
        "VoiceModelStatus",
    ),
    ".auth": ("CreateTemporaryApiKeyPayload", "CreateTemporaryApiKeyResponse"),
    ".common": ("Token",),
    ".context": (
        "StructuredContext",
        "StructuredContextGeneralItem",
        "StructuredContextTranslationTerm",
        "TranslationConfig",
    ),
    ".errors": ("ApiError", "ApiErrorValidationError"),
    ".files": ("File", "GetFilesCountResponse", "GetFilesPayload", "GetFilesResponse", "UploadFilePayload"),
    ".models": ("GetModelsResponse", "Language", "Model", "SupportedLanguage", "TranslationTarget"),
    ".transcriptions": (
        "CreateTranscriptionConfig",
        "CreateTranscriptionPayload",
        "GetTranscriptionsCountResponse",
        "GetTranscriptionsPayload",
        "GetTranscriptionsResponse",
        "Transcription",
        "TranscriptionTranscript",
    ),
    ".tts": ("CreateTtsConfig", "CreateTtsPayload"),
    ".tts_models": ("GetTtsModelsResponse", "TtsModel", "TtsVoice"),
    ".usage": (
        "ConcurrencyCurrentValues",
        "ConcurrencyLimitValues",
        "ConcurrencyScopeValues",
        "ConcurrentStreamsHistoryEntry",
        "GetConcurrencyLimitsResponse",
        "GetConcurrentStreamsHistoryPayload",
        "GetConcurrentStreamsHistoryResponse",
        "GetUsageLogsPayload",
        "GetUsageLogsResponse",
        "GetUsageSummaryPayload",
        "GetUsageSummaryResponse",
        "UsageLogEntry",
        "UsageSummaryEntry",
    ),
    ".voices": (
        "GetSharedVoicesPayload",
        "GetSharedVoicesResponse",
        "GetVoicesCountResponse",
        "GetVoicesPayload",
        "GetVoicesResponse",
        "RecomputeVoicePayload",
        "TtsVoiceDetails",
        "Voice",
        "VoiceModel",
    ),
}
lazy_names(__name__, NAMES)
