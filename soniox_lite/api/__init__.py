"""The namespaces of the REST API, a file each. ``async_*`` are the sources; their sync twins are generated."""

from __future__ import annotations

from .._lazy import lazy_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .async_auth import AsyncAuthAPI
    from .async_concurrency_limits import AsyncConcurrencyLimitsAPI
    from .async_files import AsyncFilesAPI
    from .async_models import AsyncModelsAPI
    from .async_stt import AsyncSttAPI
    from .async_transcriptions import AsyncTranscriptionsAPI
    from .async_tts import AsyncTtsAPI
    from .async_tts_models import AsyncTtsModelsAPI
    from .async_usage import AsyncUsageAPI
    from .async_usage_logs import AsyncUsageLogsAPI
    from .async_voices import AsyncVoicesAPI
    from .async_webhooks import AsyncSonioxWebhooksAPI
    from .auth import AuthAPI
    from .concurrency_limits import ConcurrencyLimitsAPI
    from .files import FilesAPI
    from .models import ModelsAPI
    from .stt import SttAPI
    from .transcriptions import TranscriptionsAPI
    from .tts import TtsAPI
    from .tts_models import TtsModelsAPI
    from .usage import UsageAPI
    from .usage_logs import UsageLogsAPI
    from .voices import VoicesAPI
    from .webhooks import SonioxWebhooksAPI

__all__ = [
    "AsyncAuthAPI",
    "AsyncConcurrencyLimitsAPI",
    "AsyncFilesAPI",
    "AsyncModelsAPI",
    "AsyncSonioxWebhooksAPI",
    "AsyncSttAPI",
    "AsyncTranscriptionsAPI",
    "AsyncTtsAPI",
    "AsyncTtsModelsAPI",
    "AsyncUsageAPI",
    "AsyncUsageLogsAPI",
    "AsyncVoicesAPI",
    "AuthAPI",
    "ConcurrencyLimitsAPI",
    "FilesAPI",
    "ModelsAPI",
    "SonioxWebhooksAPI",
    "SttAPI",
    "TranscriptionsAPI",
    "TtsAPI",
    "TtsModelsAPI",
    "UsageAPI",
    "UsageLogsAPI",
    "VoicesAPI",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        ".async_auth": ("AsyncAuthAPI",),
        ".async_concurrency_limits": ("AsyncConcurrencyLimitsAPI",),
        ".async_files": ("AsyncFilesAPI",),
        ".async_models": ("AsyncModelsAPI",),
        ".async_stt": ("AsyncSttAPI",),
        ".async_transcriptions": ("AsyncTranscriptionsAPI",),
        ".async_tts": ("AsyncTtsAPI",),
        ".async_tts_models": ("AsyncTtsModelsAPI",),
        ".async_usage": ("AsyncUsageAPI",),
        ".async_usage_logs": ("AsyncUsageLogsAPI",),
        ".async_voices": ("AsyncVoicesAPI",),
        ".async_webhooks": ("AsyncSonioxWebhooksAPI",),
        ".auth": ("AuthAPI",),
        ".concurrency_limits": ("ConcurrencyLimitsAPI",),
        ".files": ("FilesAPI",),
        ".models": ("ModelsAPI",),
        ".stt": ("SttAPI",),
        ".transcriptions": ("TranscriptionsAPI",),
        ".tts": ("TtsAPI",),
        ".tts_models": ("TtsModelsAPI",),
        ".usage": ("UsageAPI",),
        ".usage_logs": ("UsageLogsAPI",),
        ".voices": ("VoicesAPI",),
        ".webhooks": ("SonioxWebhooksAPI",),
    },
)
