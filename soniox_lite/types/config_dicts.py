"""The configs as dicts: names and types of their keys, for editors and type checkers.

An editor completes ``config={"model": "stt-rt-v5"}``. A checker reports a wrong key or value where the dict is declared
as one of these: ``config: RealtimeSTTConfigDict = {...}``. What a key means is in the docstring of the class whose name
has no ``Dict``. All keys may be left out here; which are needed is checked when the dict is used.
"""
# ruff: noqa: TC001 - typing.get_type_hints resolves annotations at run time

from __future__ import annotations

from typing import TypedDict

from .aliases import (
    RealtimeSTTAudioFormat,
    StructuredContextGeneralInput,
    StructuredContextTranslationTermsInput,
    TranslationType,
    TtsAudioFormat,
    TtsBitrate,
    TtsSampleRate,
)
from .context import StructuredContext, TranslationConfig
from .resume import ContainerPolicy, SpeakersPolicy, WhenFull


class TranslationConfigDict(TypedDict, total=False):
    """A :class:`TranslationConfig` as a dict."""

    type: TranslationType
    target_language: str | None
    language_a: str | None
    language_b: str | None


class StructuredContextDict(TypedDict, total=False):
    """A :class:`StructuredContext` as a dict."""

    general: StructuredContextGeneralInput | None
    text: str | None
    terms: list[str] | None
    translation_terms: StructuredContextTranslationTermsInput | None


class _SttOptionsDict(TypedDict, total=False):
    model: str
    language_hints: list[str] | None
    language_hints_strict: bool | None
    enable_speaker_diarization: bool | None
    enable_language_identification: bool | None
    translation: TranslationConfig | TranslationConfigDict | None
    context: StructuredContext | StructuredContextDict | str | None
    client_reference_id: str | None


class CreateTranscriptionConfigDict(_SttOptionsDict, total=False):
    """A :class:`CreateTranscriptionConfig` as a dict."""

    webhook_url: str | None
    webhook_auth_header_name: str | None
    webhook_auth_header_value: str | None


class RealtimeSTTConfigDict(_SttOptionsDict, total=False):
    """A :class:`RealtimeSTTConfig` as a dict."""

    audio_format: RealtimeSTTAudioFormat
    num_channels: int | None
    sample_rate: int | None
    enable_endpoint_detection: bool | None
    max_endpoint_delay_ms: int | None
    endpoint_sensitivity: float | None
    endpoint_latency_adjustment_level: int | None
    api_key: str | None


class _SpeechOptionsDict(TypedDict, total=False):
    model: str
    language: str
    voice: str
    audio_format: TtsAudioFormat | str
    sample_rate: TtsSampleRate | int | None
    bitrate: TtsBitrate | int | None
    speed: float | None
    reduce_silence: bool | None


class CreateTtsConfigDict(_SpeechOptionsDict, total=False):
    """A :class:`CreateTtsConfig` as a dict."""


class RealtimeTTSConfigDict(_SpeechOptionsDict, total=False):
    """A :class:`RealtimeTTSConfig` as a dict."""

    stream_id: str
    return_timestamps: bool | None
    client_reference_id: str | None


class ResumePolicyDict(TypedDict, total=False):
    """A :class:`ResumePolicy` as a dict."""

    max_attempts: int | None
    max_downtime_sec: float
    backoff_sec: float
    max_backoff_sec: float
    buffer_sec: float
    buffer_bytes: int
    when_full: WhenFull
    overlap_ms: int | None
    max_replay_speed: float | None
    rotate_after_sec: float | None
    speakers: SpeakersPolicy
    carry_context: bool
    when_container: ContainerPolicy
