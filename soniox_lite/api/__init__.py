"""The namespaces of the REST API, a file each. ``async_*`` are the sources; their sync twins are generated."""

from __future__ import annotations

from .._lazy import lazy_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .async_auth import AsyncAuthAPI
    from .async_files import AsyncFilesAPI
    from .async_models import AsyncModelsAPI
    from .async_stt import AsyncSttAPI
    from .async_transcriptions import AsyncTranscriptionsAPI
    from .async_webhooks import AsyncSonioxWebhooksAPI
    from .auth import AuthAPI
    from .files import FilesAPI
    from .models import ModelsAPI
    from .stt import SttAPI
    from .transcriptions import TranscriptionsAPI
    from .webhooks import SonioxWebhooksAPI

__all__ = [
    "AsyncAuthAPI",
    "AsyncFilesAPI",
    "AsyncModelsAPI",
    "AsyncSonioxWebhooksAPI",
    "AsyncSttAPI",
    "AsyncTranscriptionsAPI",
    "AuthAPI",
    "FilesAPI",
    "ModelsAPI",
    "SonioxWebhooksAPI",
    "SttAPI",
    "TranscriptionsAPI",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        ".async_auth": ("AsyncAuthAPI",),
        ".async_files": ("AsyncFilesAPI",),
        ".async_models": ("AsyncModelsAPI",),
        ".async_stt": ("AsyncSttAPI",),
        ".async_transcriptions": ("AsyncTranscriptionsAPI",),
        ".async_webhooks": ("AsyncSonioxWebhooksAPI",),
        ".auth": ("AuthAPI",),
        ".files": ("FilesAPI",),
        ".models": ("ModelsAPI",),
        ".stt": ("SttAPI",),
        ".transcriptions": ("TranscriptionsAPI",),
        ".webhooks": ("SonioxWebhooksAPI",),
    },
)
