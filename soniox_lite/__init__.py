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
from ._version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import api, errors, subtitles, transcript, types, utils
    from ._http.messages import Headers, Request, Response
    from .client import AsyncSonioxClient, SonioxClient
    from .errors import (
        InvalidField,
        InvalidWebhookSignatureError,
        SonioxAPIError,
        SonioxAuthenticationError,
        SonioxConflictError,
        SonioxConnectionError,
        SonioxError,
        SonioxInvalidRequestError,
        SonioxNotFoundError,
        SonioxPermissionDeniedError,
        SonioxRateLimitError,
        SonioxRealtimeError,
        SonioxRealtimeTimeoutError,
        SonioxServerError,
        SonioxTimeoutError,
        SonioxTranscriptionError,
        SonioxValidationError,
        SonioxVoiceError,
    )
    from .transcript import TranscriptBuffer

__all__ = [
    "AsyncSonioxClient",
    "Headers",
    "InvalidField",
    "InvalidWebhookSignatureError",
    "Request",
    "Response",
    "SonioxAPIError",
    "SonioxAuthenticationError",
    "SonioxClient",
    "SonioxConflictError",
    "SonioxConnectionError",
    "SonioxError",
    "SonioxInvalidRequestError",
    "SonioxNotFoundError",
    "SonioxPermissionDeniedError",
    "SonioxRateLimitError",
    "SonioxRealtimeError",
    "SonioxRealtimeTimeoutError",
    "SonioxServerError",
    "SonioxTimeoutError",
    "SonioxTranscriptionError",
    "SonioxValidationError",
    "SonioxVoiceError",
    "TranscriptBuffer",
    "__version__",
    "api",
    "errors",
    "subtitles",
    "transcript",
    "types",
    "utils",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        ".api": (),
        ".client": ("AsyncSonioxClient", "SonioxClient"),
        "._http.messages": ("Headers", "Request", "Response"),
        ".errors": tuple(name for name in __all__ if "Error" in name or name == "InvalidField"),
        ".transcript": ("TranscriptBuffer",),
        ".subtitles": (),
        ".types": (),
        ".utils": (),
    },
)
