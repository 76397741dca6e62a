"""The namespaces of the REST API, one in each module. Those of the sync client are generated from ``async_*``."""

from __future__ import annotations

from .._lazy import lazy_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .async_auth import AsyncAuthAPI as AsyncAuthAPI, AsyncTemporaryKeys as AsyncTemporaryKeys
    from .async_concurrency_limits import AsyncConcurrencyLimitsAPI as AsyncConcurrencyLimitsAPI
    from .async_files import AsyncFilesAPI as AsyncFilesAPI
    from .async_models import AsyncModelsAPI as AsyncModelsAPI
    from .async_stt import AsyncSttAPI as AsyncSttAPI
    from .async_transcriptions import AsyncTranscriptionsAPI as AsyncTranscriptionsAPI
    from .async_tts import AsyncTtsAPI as AsyncTtsAPI
    from .async_tts_models import AsyncTtsModelsAPI as AsyncTtsModelsAPI
    from .async_usage import AsyncUsageAPI as AsyncUsageAPI
    from .async_usage_logs import AsyncUsageLogsAPI as AsyncUsageLogsAPI
    from .async_voices import AsyncVoicesAPI as AsyncVoicesAPI
    from .async_webhooks import AsyncSonioxWebhooksAPI as AsyncSonioxWebhooksAPI
    from .auth import AuthAPI as AuthAPI, TemporaryKeys as TemporaryKeys
    from .concurrency_limits import ConcurrencyLimitsAPI as ConcurrencyLimitsAPI
    from .files import FilesAPI as FilesAPI
    from .models import ModelsAPI as ModelsAPI
    from .stt import SttAPI as SttAPI
    from .transcriptions import TranscriptionsAPI as TranscriptionsAPI
    from .tts import TtsAPI as TtsAPI
    from .tts_models import TtsModelsAPI as TtsModelsAPI
    from .usage import UsageAPI as UsageAPI
    from .usage_logs import UsageLogsAPI as UsageLogsAPI
    from .voices import VoicesAPI as VoicesAPI
    from .webhooks import SonioxWebhooksAPI as SonioxWebhooksAPI

lazy_names(
    __name__,
    {
        ".async_auth": ("AsyncAuthAPI", "AsyncTemporaryKeys"),
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
        ".auth": ("AuthAPI", "TemporaryKeys"),
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
