"""A small client for the Soniox speech API over the standard library.

::

    from soniox_lite import SonioxClient

    with SonioxClient() as client:
        transcript = client.stt.transcribe_and_wait_with_tokens(file="call.wav", delete_after=True)
        print(transcript.text)

Names are loaded when first asked for, so that importing this package costs next to nothing.
"""

from __future__ import annotations

from ._version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import api, errors, types
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
        SonioxServerError,
        SonioxTimeoutError,
        SonioxTranscriptionError,
        SonioxValidationError,
    )

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
    "SonioxServerError",
    "SonioxTimeoutError",
    "SonioxTranscriptionError",
    "SonioxValidationError",
    "__version__",
    "api",
    "errors",
    "types",
]

_SUBMODULES = frozenset({"api", "client", "errors", "types"})
_MODULE_OF = {
    "AsyncSonioxClient": "client",
    "SonioxClient": "client",
    "Headers": "_http.messages",
    "Request": "_http.messages",
    "Response": "_http.messages",
}


def __getattr__(name: str) -> object:
    import importlib  # noqa: PLC0415 - loaded by Python itself, but not at import of this package

    if name in _SUBMODULES:
        return importlib.import_module(f".{name}", __name__)
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f".{_MODULE_OF.get(name, 'errors')}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
