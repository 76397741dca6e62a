"""Names for annotations: the closed vocabularies of the API, and what arguments accept.

Replies may hold values that are not listed here: a new status or mode of the service must not break a client. Nothing
in this package needs these names when it runs, so this module is loaded only when one of them is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, Protocol

from .context import (
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
EventType = Literal["open", "close", "finished", "error"]
VoiceModelStatus = Literal["not_computed", "processing", "ready", "failed"]
UsageLogsSort = Literal["end_time_asc", "end_time_desc"]
ConcurrentStreamKind = Literal["stt", "tts"]
# Seconds: a minute, an hour, a day.
ConcurrentStreamsPeriodSec = Literal[60, 3600, 86400]
TtsVoiceGender = Literal["male", "female", "neutral"]
TtsVoiceAge = Literal["young", "middle_aged", "old"]
TTSVoiceAge = TtsVoiceAge

# Text-to-speech: the official SDK's vocabularies. The service takes a few more values (mp3 at 32000 Hz, opus at 16000
# bits a second, pcm_s16be), so that clients only check the kind of value, and the service decides.
TtsAudioFormat = Literal["pcm_f32le", "pcm_s16le", "pcm_mulaw", "pcm_alaw", "wav", "aac", "mp3", "opus", "flac"]
TtsSampleRate = Literal[8000, 16000, 24000, 44100, 48000]
TtsBitrate = Literal[32000, 64000, 96000, 128000, 192000, 256000, 320000]

# Audio that tells its own format, and audio that does not.
RealtimeSTTHeaderFormat = Literal["aac", "aiff", "amr", "asf", "flac", "mp3", "ogg", "wav", "webm"]
RealtimeSTTRawFormat = Literal[
    "pcm_s8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be",
    "pcm_u8", "pcm_u16le", "pcm_u16be", "pcm_u24le", "pcm_u24be", "pcm_u32le", "pcm_u32be",
    "pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be", "mulaw", "alaw",
]  # fmt: skip
RealtimeSTTAudioFormat = Literal["auto"] | RealtimeSTTHeaderFormat | RealtimeSTTRawFormat

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
