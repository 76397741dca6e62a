"""Cloned voices: their preparation for each model, and why a voice cannot be used."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..catalogue.tts_models import TtsCatalogue
from ..script.progress import ByPolls, JobView
from ..script.records import VoiceModelRecord, VoiceRecord
from ..script.transcripts import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..catalogue.tts_models import TtsModel
    from ..script.clock import Clock
    from ..script.progress import ProgressRule
    from ..wire.uploaded_audio import Audio


@dataclass
class _Preparation:
    """The preparation of a voice for one model."""

    started_sec: float
    failure: Failure | None
    """Why it will fail; None: it will succeed."""
    looks: int = 0
    record: VoiceModelRecord | None = None
    """None until the preparation has ended."""


@dataclass
class Voice:
    """A cloned voice. Callers hold the lock of the state."""

    number: int
    """Place in the order of creation."""
    id: str
    project: str
    name: str
    filename: str
    created_at: str
    content: bytes
    audio: Audio
    preparations: dict[str, _Preparation] = field(default_factory=dict[str, _Preparation])
    """By the names of the models."""


@dataclass(frozen=True)
class VoiceFailure:
    """A scripted failure of a voice that is not created yet."""

    failure: Failure
    name: str | None
    """Only for a voice of this name; None: for any."""

    def description(self) -> str:
        """Readable text for reports."""
        for_whom = "any voice" if self.name is None else f"the voice {self.name!r}"
        return f"the failure {self.failure.error_type!r} ({self.failure.message}) for {for_whom}"


class Voices:
    """The voices of one fake, and the models they are for. Callers hold the lock of the state.

    Args:
        clock: Of the fake.
        progress: Decides the status of preparations; ``completed`` is ready.
        project_of: The permanent key that stands for the project of a key, which may be temporary.
        shared: See ``TtsCatalogue``.
        keep: How many voices are kept, the newest; None: all.
    """

    def __init__(
        self,
        clock: Clock,
        progress: ProgressRule,
        project_of: Callable[[str], str],
        shared: Iterable[str] | None = None,
        keep: int | None = None,
    ) -> None:
        self.catalogue: TtsCatalogue = TtsCatalogue(shared)
        self.failures: list[VoiceFailure] = []
        """For voices that are not created yet, in this order."""
        self._clock = clock
        self._progress = progress
        self._by_polls = isinstance(progress, ByPolls)
        self._project_of = project_of
        self._keep = keep
        self._voices: dict[str, Voice] = {}
        self._created = 0

    def of_project(self, project: str) -> list[Voice]:
        """The voices of a project, by its permanent key, in order of creation."""
        return [voice for voice in self._voices.values() if voice.project == project]

    def all(self) -> tuple[Voice, ...]:
        """The voices of all projects in order of creation."""
        return tuple(self._voices.values())

    def count(self, project: str | None) -> int:
        """The number of voices of a project, by its permanent key, or (None) of all."""
        return len(self._voices if project is None else self.of_project(project))

    def get(self, project: str, voice_id: str) -> Voice | None:
        """A voice of a project; None when there is none with this id."""
        voice = self._voices.get(voice_id.lower())
        return voice if voice is not None and voice.project == project else None

    def create(self, project: str, name: str, filename: str, content: bytes, audio: Audio) -> Voice:
        """Creates a voice and starts its preparation for every model that can clone."""
        self._created += 1
        voice_id, created_at = str(uuid.uuid4()), self._clock.timestamp()
        voice = Voice(self._created, voice_id, project, name, filename, created_at, content, audio)
        planned = next((planned for planned in self.failures if planned.name in {None, name}), None)
        if planned is not None:
            self.failures.remove(planned)
        for model in self._cloning():
            self._prepare(voice, model, None if planned is None else planned.failure)
        self._add(voice)
        return voice

    def restore(self, voice: Voice, models: Iterable[VoiceModelRecord] | None) -> None:
        """Adds a voice as it was once.

        Args:
            voice: Without its preparations.
            models: Its state for each model; None: it is ready for all that can clone.
        """
        self._created += 1
        voice.number = self._created
        ready = (VoiceModelRecord(model.id, "ready") for model in self._cloning())
        for model in ready if models is None else models:
            if model.status != "not_computed":
                ended = None if model.status == "processing" else model
                voice.preparations[model.model] = _Preparation(self._clock.now_sec(), None, record=ended)
        self._add(voice)

    def _add(self, voice: Voice) -> None:
        if len(self._voices) == self._keep:
            del self._voices[next(iter(self._voices))]
        self._voices[voice.id] = voice

    def recompute(self, voice: Voice, model: TtsModel | None) -> None:
        """Starts the preparations that were never started, for one model or (None) for all."""
        for wanted in self._cloning():
            if (model is None or wanted.id == model.id) and wanted.id not in voice.preparations:
                self._prepare(voice, wanted, None)

    def delete(self, voice: Voice) -> None:
        """Deletes a voice."""
        del self._voices[voice.id]

    def record(self, voice: Voice) -> VoiceRecord:
        """The current state of a voice, without counting as a look."""
        return VoiceRecord(
            id=voice.id,
            name=voice.name,
            filename=voice.filename,
            created_at=voice.created_at,
            models=tuple(self._model_record(voice, model) for model in self._cloning()),
            size=len(voice.content),
            audio_duration_ms=voice.audio.duration_ms,
            api_key=voice.project,
        )

    def look(self, voice: Voice) -> VoiceRecord:
        """The current state of a voice for a client; counts the look."""
        record = self.record(voice)
        for preparation in voice.preparations.values():
            preparation.looks += 1
        return record

    def moves_by_polls(self, record: VoiceRecord) -> bool:
        """Whether it takes only polls, and no time, to make a voice ready."""
        return self._by_polls and any(model.status == "processing" for model in record.models)

    def refusal(self, api_key: str, voice: str, model: str) -> tuple[int, str, str] | None:
        """Why a voice cannot be used now: status, error type and message; None when it can.

        Args:
            api_key: The key that was used, permanent or temporary.
            voice: The name of a shared voice, or the id of a cloned one.
            model: The name of a model or an alias, which exists.
        """
        found = self.catalogue.find(model)
        if found is None:
            return 400, "invalid_request", f"There is no text-to-speech model {model!r}."
        cloned = self.get(self._project_of(api_key), voice)
        if cloned is None:
            if _is_uuid(voice):
                return 404, "voice_not_found", f"This project has no voice {voice!r}."
            if self.catalogue.takes(voice, found):
                return None
            return 400, "invalid_request", f"{voice!r} is not a voice of the model {found.id}."
        if not found.supports_voice_cloning:
            return 400, "invalid_request", f"The model {model} does not take cloned voices."
        record = self._model_record(cloned, found)
        if record.status == "ready":
            return None
        if record.status == "failed":
            return 503, "voice_failed", f"The voice {voice} has failed for {model} ({record.error_type}): make another."
        what = "is not ready yet" if record.status == "processing" else "must be recomputed"
        return 409, "voice_not_prepared", f"The voice {voice} {what} for {model}."

    def notes(self, api_key: str, voice: str) -> tuple[str, ...]:
        """What there is to say about a voice that can be used."""
        if self.catalogue.knows(voice) or self.get(self._project_of(api_key), voice) is not None:
            return ()
        return (f"The voice {voice!r} is not among those that this fake knows; the service may refuse it.",)

    def _cloning(self) -> list[TtsModel]:
        return [
            model for model in self.catalogue.models if model.aliased_model_id is None and model.supports_voice_cloning
        ]

    def _prepare(self, voice: Voice, model: TtsModel, failure: Failure | None) -> None:
        longest_ms = model.voice_cloning_max_audio_duration_ms
        if failure is None and longest_ms is not None and voice.audio.duration_ms > longest_ms:
            what = f"The clip lasts {voice.audio.duration_ms} ms; {model.id} takes at most {longest_ms} ms."
            failure = Failure("voice_audio_too_long", what)
        voice.preparations[model.id] = _Preparation(self._clock.now_sec(), failure)

    def _model_record(self, voice: Voice, model: TtsModel) -> VoiceModelRecord:
        preparation = voice.preparations.get(model.id)
        if preparation is None:
            return VoiceModelRecord(model.id, "not_computed")
        if preparation.record is None:
            age_sec = self._clock.now_sec() - preparation.started_sec
            status = self._progress(JobView(age_sec, preparation.looks))
            failure = preparation.failure
            if status == "error" and failure is None:
                failure = Failure("internal_error", "The progress rule of this fake server let the voice fail.")
            if status in {"queued", "processing"}:
                return VoiceModelRecord(model.id, "processing")
            if failure is None:
                preparation.record = VoiceModelRecord(model.id, "ready")
            else:
                preparation.record = VoiceModelRecord(model.id, "failed", failure.error_type, failure.message)
        return preparation.record


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
