"""Names for annotations: the closed vocabularies of the API, and what arguments accept.

Replies may hold values that are not listed here: a new status or mode of the service must not break a client. Nothing
in this package needs these names when it runs, so that this module is loaded only if somebody asks for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, Protocol

from .transcriptions import (
    StructuredContext,
    StructuredContextGeneralItem,
    StructuredContextTranslationTerm,
    TranslationConfig,
)

# Two ASCII letters, such as "en".
LanguageCode = str

TranscriptionStatus = Literal["queued", "processing", "completed", "error"]
TranscriptionMode = Literal["real_time", "async"]
TranslationType = Literal["one_way", "two_way"]
TemporaryApiKeyUsageType = Literal["transcribe_websocket", "tts_rt"]
WebhookEventStatus = Literal["completed", "error"]

TranslationConfigInput = TranslationConfig | dict[str, Any]
StructuredContextInput = StructuredContext | dict[str, Any]
StructuredContextGeneralInput = list[StructuredContextGeneralItem] | dict[str, str]
StructuredContextTranslationTermsInput = list[StructuredContextTranslationTerm] | dict[str, str]


class HasItems(Protocol):
    """Header objects of web frameworks that are no Mapping."""

    def items(self) -> Iterable[tuple[Any, Any]]:
        """Names and values."""
        ...


# A dict, a framework's header object, pairs, a WSGI environ, or a whole Lambda event or ASGI scope.
Headers = Mapping[Any, Any] | HasItems | Iterable[tuple[Any, Any]] | None
