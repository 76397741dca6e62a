"""A small client for the Soniox speech API over the standard library.

::

    from soniox_lite import SonioxClient

    with SonioxClient() as client:
        transcript = client.stt.transcribe_and_wait_with_tokens(file="call.wav", delete_after=True)
        print(transcript.text)

Names are loaded when first asked for, so that importing this package costs next to nothing.
"""

from __future__ import annotations

from ._lazy import lazy_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import (
        api as api,
        compat as compat,
        errors as errors,
        realtime as realtime,
        subtitles as subtitles,
        transcript as transcript,
        types as types,
        utils as utils,
    )
    from ._data.cancel_token import CancelToken as CancelToken
    from ._data.retry_policy import FailedAttempt as FailedAttempt, RetryPolicy as RetryPolicy
    from ._http.messages import Headers as Headers, Request as Request, Response as Response
    from ._version import __version__ as __version__
    from ._websocket.hook_events import (
        WebSocketDisconnect as WebSocketDisconnect,
        WebSocketHandshake as WebSocketHandshake,
    )
    from .api.async_auth import AsyncTemporaryKeys as AsyncTemporaryKeys
    from .api.auth import TemporaryKeys as TemporaryKeys
    from .client import AsyncSonioxClient as AsyncSonioxClient, SonioxClient as SonioxClient
    from .errors import (
        InvalidField as InvalidField,
        InvalidFields as InvalidFields,
        InvalidWebhookSignatureError as InvalidWebhookSignatureError,
        SonioxAPIError as SonioxAPIError,
        SonioxAuthenticationError as SonioxAuthenticationError,
        SonioxCancelledError as SonioxCancelledError,
        SonioxConflictError as SonioxConflictError,
        SonioxConnectionError as SonioxConnectionError,
        SonioxDecodeError as SonioxDecodeError,
        SonioxError as SonioxError,
        SonioxFileError as SonioxFileError,
        SonioxFileNotFoundError as SonioxFileNotFoundError,
        SonioxFilePermissionError as SonioxFilePermissionError,
        SonioxFileTypeError as SonioxFileTypeError,
        SonioxInvalidFileError as SonioxInvalidFileError,
        SonioxInvalidRequestError as SonioxInvalidRequestError,
        SonioxIsADirectoryError as SonioxIsADirectoryError,
        SonioxNotFoundError as SonioxNotFoundError,
        SonioxPermissionDeniedError as SonioxPermissionDeniedError,
        SonioxRateLimitError as SonioxRateLimitError,
        SonioxRealtimeConnectionError as SonioxRealtimeConnectionError,
        SonioxRealtimeError as SonioxRealtimeError,
        SonioxRealtimeResumeError as SonioxRealtimeResumeError,
        SonioxRealtimeSpeechError as SonioxRealtimeSpeechError,
        SonioxRealtimeTimeoutError as SonioxRealtimeTimeoutError,
        SonioxServerError as SonioxServerError,
        SonioxTimeoutError as SonioxTimeoutError,
        SonioxTranscriptionError as SonioxTranscriptionError,
        SonioxValidationError as SonioxValidationError,
        SonioxVoiceError as SonioxVoiceError,
    )
    from .transcript import TranscriptBuffer as TranscriptBuffer

lazy_names(
    __name__,
    {
        ".": ("api", "compat", "errors", "realtime", "subtitles", "transcript", "types", "utils"),
        "._data.cancel_token": ("CancelToken",),
        "._data.retry_policy": ("FailedAttempt", "RetryPolicy"),
        "._http.messages": ("Headers", "Request", "Response"),
        "._version": ("__version__",),
        "._websocket.hook_events": ("WebSocketDisconnect", "WebSocketHandshake"),
        ".api.async_auth": ("AsyncTemporaryKeys",),
        ".api.auth": ("TemporaryKeys",),
        ".client": ("AsyncSonioxClient", "SonioxClient"),
        ".errors": (
            "InvalidField",
            "InvalidFields",
            "InvalidWebhookSignatureError",
            "SonioxAPIError",
            "SonioxAuthenticationError",
            "SonioxCancelledError",
            "SonioxConflictError",
            "SonioxConnectionError",
            "SonioxDecodeError",
            "SonioxError",
            "SonioxFileError",
            "SonioxFileNotFoundError",
            "SonioxFilePermissionError",
            "SonioxFileTypeError",
            "SonioxInvalidFileError",
            "SonioxInvalidRequestError",
            "SonioxIsADirectoryError",
            "SonioxNotFoundError",
            "SonioxPermissionDeniedError",
            "SonioxRateLimitError",
            "SonioxRealtimeConnectionError",
            "SonioxRealtimeError",
            "SonioxRealtimeResumeError",
            "SonioxRealtimeSpeechError",
            "SonioxRealtimeTimeoutError",
            "SonioxServerError",
            "SonioxTimeoutError",
            "SonioxTranscriptionError",
            "SonioxValidationError",
            "SonioxVoiceError",
        ),
        ".transcript": ("TranscriptBuffer",),
    },
)
