"""Helpers for realtime sessions: audio in chunks and at a pace, a voice gate, WAV headers, tokens as text, threads.

An audio source is a path, any bytes-like object, a binary file object, or an iterable of bytes-like pieces of any
length. A file object is read from its current position and not closed. The async helpers also take async iterables
and file objects whose ``read`` is a coroutine function; blocking reads run on a worker thread.
"""

# ruff: noqa: PLC0414 - names of types that users may import for annotations
from __future__ import annotations

from ._audio.background import (
    SessionThread,
    keep_alive_async,
    start_audio_thread,
    start_keep_alive_thread,
    start_text_thread,
)
from ._audio.chunks import stream_audio, stream_audio_async
from ._audio.pacing import throttle_audio, throttle_audio_async
from ._audio.voice_gate import VoiceGate
from ._audio.wav import WavFormat, read_wav_format, stream_wav, wav_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ._audio.background import (
        AsyncKeptAlive as AsyncKeptAlive,
        AudioSender as AudioSender,
        KeptAlive as KeptAlive,
        TextSender as TextSender,
    )
    from ._audio.chunks import AsyncAudioInput as AsyncAudioInput, AudioInput as AudioInput, FileInput as FileInput
    from .types.common import Token

__all__ = [
    "SessionThread",
    "VoiceGate",
    "WavFormat",
    "keep_alive_async",
    "output_file_for_audio_format",
    "read_wav_format",
    "render_tokens",
    "start_audio_thread",
    "start_keep_alive_thread",
    "start_text_thread",
    "stream_audio",
    "stream_audio_async",
    "stream_wav",
    "throttle_audio",
    "throttle_audio_async",
    "wav_config",
]

_EXTENSIONS = {
    **{name: name for name in ("aac", "flac", "mp3", "opus", "wav")},
    **{f"pcm_{kind}": "pcm" for kind in ("alaw", "f32le", "mulaw", "s16le")},
}


def output_file_for_audio_format(audio_format: str, prefix: str) -> Path:
    """The path ``prefix`` with the file extension of a text-to-speech format. No file is created.

    Raw samples get ``.pcm`` and unknown formats ``.bin``, as in the official SDK.

    Args:
        audio_format: A format such as ``mp3``, ``wav`` or ``pcm_s16le``.
        prefix: The path without the extension. A dot in it does not begin an extension.
    """
    from pathlib import Path  # noqa: PLC0415 - only needed here

    return Path(f"{prefix}.{_EXTENSIONS.get(audio_format, 'bin')}")


def render_tokens(final_tokens: Iterable[Token], non_final_tokens: Iterable[Token]) -> str:
    """A transcript for display: a paragraph for each speaker, a line for each language.

    The format is that of the official SDK: ``Speaker 1:``, ``[en]``, ``[Translation] [de]``. All tokens are included,
    also the marks ``<end>`` and ``<fin>``; the tokens of a :class:`~soniox_lite.transcript.TranscriptBuffer` have none.

    Args:
        final_tokens: All final tokens so far.
        non_final_tokens: The non-final tokens of the last event.
    """
    parts: list[str] = []
    speaker = language = None
    for token in [*final_tokens, *non_final_tokens]:
        text = token.text
        if token.speaker not in (None, speaker):
            parts.append(f"{'' if speaker is None else chr(10) * 2}Speaker {token.speaker}:")
            # Each speaker's paragraph begins with the language.
            speaker, language = token.speaker, None
        if token.language not in (None, language):
            language = token.language
            parts.append(f"\n{'[Translation] ' if token.translation_status == 'translation' else ''}[{language}] ")
            text = text.lstrip()
        parts.append(text)
    return "".join(parts)
