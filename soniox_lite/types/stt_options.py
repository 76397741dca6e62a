"""What transcription jobs and realtime sessions have in common: the options of speech-to-text."""

from __future__ import annotations

from .._data.records import Payload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._data.rules import FieldErrors
    from .context import StructuredContext, TranslationConfig
else:
    # For typing.get_type_hints. These records are not loaded for a session that has neither; dicts stand for them, too.
    Any = StructuredContext = TranslationConfig = object

__all__ = ["SttOptions"]


class SttOptions(Payload):
    """The options that a job and a session share; each of the two says what they mean for it.

    A new option is a field here, its rule below, and a line in the docstrings of ``CreateTranscriptionConfig`` and
    ``RealtimeSTTConfig``.
    """

    language_hints: list[str] | None = None
    language_hints_strict: bool | None = None
    enable_speaker_diarization: bool | None = None
    enable_language_identification: bool | None = None
    translation: TranslationConfig | dict[str, Any] | None = None
    context: StructuredContext | dict[str, Any] | str | None = None
    client_reference_id: str | None = None

    def _check(self, check: FieldErrors) -> None:
        for path, hint in check.items("language_hints", self.language_hints, max_items=100):
            check.language(path, hint)
        for flag in ("language_hints_strict", "enable_speaker_diarization", "enable_language_identification"):
            check.boolean(flag, getattr(self, flag))
        if self.translation is not None:
            from .context import TranslationConfig  # noqa: PLC0415 - most sessions do without

            check.record("translation", self.translation, TranslationConfig)
        if isinstance(self.context, str):
            check.text("context", self.context)
        elif self.context is not None:
            from .context import StructuredContext  # noqa: PLC0415 - most sessions do without

            check.record("context", self.context, StructuredContext)
        check.text("client_reference_id", self.client_reference_id, max_length=256)
