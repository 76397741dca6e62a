"""What realtime sessions count: snapshots of ``session.metrics``."""

from __future__ import annotations

from dataclasses import dataclass

from .._data.records import Record

__all__ = ["RealtimeSTTMetrics", "RealtimeTTSMetrics"]


@dataclass(repr=False, eq=False, kw_only=True, frozen=True)
class RealtimeSTTMetrics(Record):
    """The state of a speech-to-text session in numbers. It does not change; ask the session again.

    Attributes:
        connections: How many connections have been opened.
        reconnects: How many of them took the place of another; 0 without ``resume``.
        audio_sent_bytes: Bytes of audio that were given to the session and not dropped in a pause. What is sent again
            after a break is not counted again.
        audio_sent_ms: The same in milliseconds, of raw audio and WAV; None for compressed audio.
        audio_recognized_ms: Milliseconds of audio that the event received last covers; None before the first.
        final_lag_ms: How many milliseconds of the audio that was sent are not final, according to the event received
            last; None before the first, and where ``audio_sent_ms`` is None.
        messages_received: Messages that have arrived, whether they have been received or not.
        first_token_sec: Seconds from the first audio to the arrival of the first token; None before that.
    """

    connections: int
    reconnects: int
    audio_sent_bytes: int
    audio_sent_ms: int | None
    audio_recognized_ms: int | None
    final_lag_ms: int | None
    messages_received: int
    first_token_sec: float | None


@dataclass(repr=False, eq=False, kw_only=True, frozen=True)
class RealtimeTTSMetrics(Record):
    """The state of a text-to-speech stream in numbers. It does not change; ask the stream again.

    Attributes:
        connections: How many connections its connection has opened.
        reconnects: How many of them took the place of another; 0 without ``resume``.
        text_sent_bytes: Bytes of text in UTF-8 that were given to the stream, also those that a pause holds back. What
            is sent again after a break is not counted again.
        audio_received_bytes: Bytes of audio that have arrived, whether they have been received or not.
        audio_received_ms: The same in milliseconds, of raw audio and WAV; None for compressed audio.
        messages_received: Messages of the stream that have arrived.
        first_audio_sec: Seconds from the first text to the arrival of the first audio; None before that.
    """

    connections: int
    reconnects: int
    text_sent_bytes: int
    audio_received_bytes: int
    audio_received_ms: int | None
    messages_received: int
    first_audio_sec: float | None
