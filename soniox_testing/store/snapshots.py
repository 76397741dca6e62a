"""What a fake stores, as a JSON document: files, voices, keys, transcriptions, usage. Records of what happened are not.

Each section has a dataclass with the fields of its entries. A document is read whole before anything of it is added.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, cast, get_args

from ..hearing.stt_options import SttOptions, read_options
from ..hearing.words import words_of_audio
from ..script.clock import iso_time
from ..script.permissions import permissions_of
from ..script.progress import TranscriptionStatus
from ..script.records import FileRecord, TranscriptionRecord, VoiceModelRecord
from ..script.transcripts import Failure, Word, transcript_of, words_of
from ..script.values import InputError, checked_arguments, list_of, object_of, record_of, shown, texts_of, time_of
from ..script.verbs import settings_of
from ..wire.fields import Fields
from ..wire.uploaded_audio import Audio, audio_of_bytes, audio_of_url
from .jobs import Job
from .keys import PREFIX, TemporaryKey
from .projects import StoredFile
from .voices import Voice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..script.records import UsageRecord
    from .state import State

    Addition: TypeAlias = Callable[[], object]

_WORD_MS = 400
_LONGEST_MS = 300 * 60 * 1000


@dataclass(frozen=True)
class SavedKey:
    """A key with its permissions."""

    api_key: str
    permissions: Sequence[str] | None = None
    """None: all."""


@dataclass(frozen=True)
class SavedTemporaryKey:
    """A temporary key."""

    api_key: str
    project: str
    usage_type: str
    expires_at: datetime
    single_use: bool = False
    max_session_duration_sec: float | None = None
    client_reference_id: str | None = None
    used: bool = False


@dataclass(frozen=True)
class SavedFile:
    """An uploaded file."""

    filename: str
    content: bytes
    client_reference_id: str | None = None
    api_key: str | None = None
    """None: the key of the fake."""
    id: str | None = None
    created_at: datetime | None = None
    """None: now."""


@dataclass(frozen=True)
class SavedVoice:
    """A cloned voice."""

    name: str
    content: bytes
    filename: str = "voice.wav"
    api_key: str | None = None
    id: str | None = None
    created_at: datetime | None = None
    models: Sequence[VoiceModelRecord] | None = None
    """None: it is ready for all models."""


@dataclass(frozen=True)
class SavedTranscription:
    """A transcription: one that has ended, or one that goes on. An entry also has the options of its request."""

    status: str | None = None
    """None: ``error`` where there is an error type, else ``completed``."""
    transcript: str | Sequence[Word] | None = None
    tokens: Sequence[Mapping[str, object]] | None = None
    """Of a completed one, in place of the transcript."""
    error_type: str | None = None
    """How it ends, or has ended."""
    error_message: str | None = None
    model: str = "stt-async-v5"
    file_id: str | None = None
    audio_url: str | None = None
    filename: str | None = None
    audio_duration_ms: int | None = None
    webhook_url: str | None = None
    webhook_auth_header_name: str | None = None
    webhook_auth_header_value: str | None = None
    webhook_status_code: int | None = None
    api_key: str | None = None
    id: str | None = None
    created_at: datetime | None = None


SECTIONS = ("keys", "temporary_keys", "files", "voices", "transcriptions", "usage_logs")
"""What a document may hold, in the order in which it is added."""


def save(state: State) -> dict[str, object]:
    """What a fake stores, as JSON values. The caller holds the lock."""
    return {
        "keys": [{"api_key": key, "permissions": sorted(names)} for key, names in state.keys.permissions.items()],
        "temporary_keys": [_saved_temporary_key(state, key) for key in state.keys.temporary.values()],
        "files": [_saved_file(stored) for stored in state.projects.files()],
        "voices": [_saved_voice(state, voice) for voice in state.voices.all()],
        "transcriptions": [_saved_transcription(state, job) for job in state.projects.jobs()],
        "usage_logs": [_saved_usage(record) for record in state.usage.records()],
    }


def _saved_temporary_key(state: State, key: TemporaryKey) -> dict[str, object]:
    fields = dataclasses.asdict(key)
    expires_at = iso_time(state.clock.wall(fields.pop("expires_sec")))
    return _set({**fields, "expires_at": expires_at})


def _saved_file(stored: StoredFile) -> dict[str, object]:
    record = stored.record
    return _set(
        {
            "id": record.id,
            "api_key": record.api_key,
            "created_at": record.created_at,
            "filename": record.filename,
            "client_reference_id": record.client_reference_id,
            "content_base64": base64.b64encode(stored.read()).decode(),
        }
    )


def _saved_voice(state: State, voice: Voice) -> dict[str, object]:
    return {
        "id": voice.id,
        "api_key": voice.project,
        "created_at": voice.created_at,
        "name": voice.name,
        "filename": voice.filename,
        "content_base64": base64.b64encode(voice.content).decode(),
        "models": [_set(dataclasses.asdict(model)) for model in state.voices.record(voice).models],
    }


def _saved_transcription(state: State, job: Job) -> dict[str, object]:
    record = state.projects.advance(job)
    fields = {name: value for name, value in vars(record).items() if name != "notes" and value is not False}
    fields["audio_duration_ms"] = job.audio.duration_ms
    fields["language_hints"] = record.language_hints and list(record.language_hints)
    if record.status == "completed":
        fields["tokens"] = job.transcript_tokens()
    elif isinstance(job.outcome, Failure):
        fields |= {"error_type": job.outcome.error_type, "error_message": job.outcome.message}
    elif record.status != "error":
        words = job.outcome or words_of_audio(job.audio)
        fields["transcript"] = [_set(dataclasses.asdict(word)) for word in words]
    return _set(fields)


def _saved_usage(record: UsageRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if not name.endswith("_usd")}


def _set(fields: Mapping[str, object]) -> dict[str, object]:
    """The fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def restore(state: State, document: object, api_key: str) -> None:
    """Adds what a document holds, all of it or nothing. The caller holds the lock.

    Args:
        state: Of the fake.
        document: JSON values by section.
        api_key: Of entries that name none.

    Raises:
        InputError: Something does not fit.
    """
    sections = object_of("the document", document, SECTIONS)
    reading = _Reading(state, api_key)
    additions = [
        getattr(reading, f"read_{section}")(f"{section}[{number}]", entry)
        for section in SECTIONS
        for number, entry in _by_age(list_of(f"the document.{section}", sections.get(section, [])))
    ]
    for add in additions:
        add()


def _by_age(entries: list[object]) -> list[tuple[int, object]]:
    """Entries with their places, the oldest first: lists are in the order of creation."""

    def created_at(numbered: tuple[int, object]) -> str:
        entry = cast("dict[str, object]", numbered[1]) if isinstance(numbered[1], dict) else {}
        return str(entry.get("created_at") or "now")

    return sorted(enumerate(entries), key=created_at)


class _Reading:
    """Reads the entries of one document. Each method returns what adds its entry."""

    def __init__(self, state: State, api_key: str) -> None:
        self._state = state
        self._api_key = api_key
        self._files = {stored.record.id: stored for stored in state.projects.files()}
        self._names = {(voice.project, voice.name) for voice in state.voices.all()}
        self._ids = {
            *self._files,
            *(voice.id for voice in state.voices.all()),
            *(job.record.id for job in state.projects.jobs()),
            *(record.uuid for record in state.usage.records()),
            *state.keys.temporary,
        }

    def read_keys(self, where: str, entry: object) -> Addition:
        """Reads a key."""
        saved = record_of(SavedKey, where, entry, permissions=texts_of)
        try:
            granted = None if saved.permissions is None else permissions_of(saved.permissions)
        except ValueError as error:
            raise InputError(f"{where}.permissions: {error}") from error
        if not saved.api_key:
            raise InputError(f"{where}.api_key must not be empty")

        def add() -> None:
            keys = self._state.keys
            if keys.permanent is not None and saved.api_key not in keys.permanent:
                keys.permanent = (*keys.permanent, saved.api_key)
            if granted is None:
                keys.permissions.pop(saved.api_key, None)
            else:
                keys.permissions[saved.api_key] = granted

        return add

    def read_temporary_keys(self, where: str, entry: object) -> Addition:
        """Reads a temporary key."""
        saved = record_of(SavedTemporaryKey, where, entry, expires_at=time_of)
        if not saved.api_key.startswith(PREFIX):
            raise InputError(f"{where}.api_key must begin with {PREFIX}")
        if saved.usage_type not in {"transcribe_websocket", "tts_rt"}:
            raise InputError(f"{where}.usage_type must be transcribe_websocket or tts_rt, not {saved.usage_type!r}")
        fields = {name: value for name, value in vars(saved).items() if name != "expires_at"}
        key = TemporaryKey(**fields, expires_sec=self._state.clock.moment_sec(saved.expires_at))
        self._claim(f"{where}.api_key", key.api_key)
        return lambda: self._state.keys.add_temporary(key, self._state.keep.stored)

    def read_files(self, where: str, entry: object) -> Addition:
        """Reads an uploaded file."""
        saved = record_of(SavedFile, where, entry, created_at=time_of)
        record = FileRecord(
            id=self._id(where, saved.id),
            filename=saved.filename,
            size=len(saved.content),
            created_at=self._created_at(saved.created_at),
            client_reference_id=saved.client_reference_id,
            api_key=saved.api_key or self._api_key,
            sha256=hashlib.sha256(saved.content).hexdigest(),
        )
        projects = self._state.projects
        created_sec = self._created_sec(saved.created_at)
        audio = audio_of_bytes(saved.content)
        stored = StoredFile(next(projects.numbers), record, io.BytesIO(saved.content), audio, created_sec)
        self._files[record.id] = stored
        return lambda: projects.add_file(projects.of(record.api_key), stored)

    def read_voices(self, where: str, entry: object) -> Addition:
        """Reads a cloned voice."""
        saved = record_of(SavedVoice, where, entry, created_at=time_of, models=_models)
        project = saved.api_key or self._api_key
        if not saved.name or (project, saved.name) in self._names:
            raise InputError(f"{where}.name must be a new one, not {saved.name!r}")
        self._names.add((project, saved.name))
        voice = Voice(
            number=0,
            id=self._id(where, saved.id),
            project=project,
            name=saved.name,
            filename=saved.filename,
            created_at=self._created_at(saved.created_at),
            content=saved.content,
            audio=audio_of_bytes(saved.content),
        )
        return lambda: self._state.voices.restore(voice, saved.models)

    def read_transcriptions(self, where: str, entry: object) -> Addition:
        """Reads a transcription."""
        own, options = SavedTranscription.__annotations__, SttOptions.__annotations__
        fields = object_of(where, entry, [*own, *options])
        saved = record_of(
            SavedTranscription,
            where,
            {name: value for name, value in fields.items() if name in own},
            created_at=time_of,
            transcript=transcript_of,
            tokens=_tokens,
        )
        if not 0 <= (saved.audio_duration_ms or 0) <= _LONGEST_MS:
            raise InputError(f"{where}.audio_duration_ms must be from 0 to {_LONGEST_MS}")
        status = saved.status or ("completed" if saved.error_type is None else "error")
        known = get_args(TranscriptionStatus)
        if status not in known:
            raise InputError(f"{where}.status must be one of {', '.join(known)}, not {status!r}")
        if (status == "error") != (saved.error_type is not None) and status in {"error", "completed"}:
            raise InputError(f"{where} needs error_type where its status is error, and only there")
        failure = None if saved.error_type is None else Failure(saved.error_type, saved.error_message or "")
        words = None if saved.transcript is None else words_of(saved.transcript)
        file = self._files.get(saved.file_id or "")
        audio = _audio_of(saved, words, file)
        shared = {name: value for name, value in vars(saved).items() if name in _OF_RECORD}
        record = TranscriptionRecord(
            **shared,
            **vars(_options(where, fields)),
            id=self._id(where, saved.id),
            status=cast("TranscriptionStatus", status),
            created_at=self._created_at(saved.created_at),
            api_key=saved.api_key or self._api_key,
            filename=saved.filename or (file.record.filename if file is not None else "audio"),
            audio_duration_ms=0 if status == "queued" else audio.duration_ms,
            error_type=saved.error_type if status == "error" else None,
            error_message=saved.error_message if status == "error" else None,
        )
        projects = self._state.projects
        job = Job(next(projects.numbers), record, audio, self._created_sec(saved.created_at), failure or words)
        if saved.tokens is not None:
            job.tokens = [dict(token) for token in saved.tokens]
        return lambda: projects.add_job(projects.of(record.api_key), job)

    def read_usage_logs(self, where: str, entry: object) -> Addition:
        """Reads an entry of the usage."""
        add = self._state.usage.add_counted
        arguments = checked_arguments(add, where, entry, settings_of(add), start_time=time_of, end_time=time_of)
        self._claim(f"{where}.uuid", arguments["uuid"])
        return partial(add, **arguments)

    def _id(self, where: str, given: str | None) -> str:
        """An id that no other entry has; a new one where none was given."""
        try:
            id_ = str(uuid.uuid4() if given is None else uuid.UUID(given))
        except ValueError:
            raise InputError(f"{where}.id must be a UUID, not {shown(given)}") from None
        self._claim(f"{where}.id", id_)
        return id_

    def _claim(self, where: str, id_: str) -> None:
        if id_ in self._ids:
            raise InputError(f"{where} must be a new one: it is there already")
        self._ids.add(id_)

    def _created_at(self, given: datetime | None) -> str:
        return iso_time(self._state.clock.wall() if given is None else given.astimezone(timezone.utc))

    def _created_sec(self, given: datetime | None) -> float:
        clock = self._state.clock
        return clock.now_sec() if given is None else clock.moment_sec(given)


_OF_RECORD = {field.name for field in dataclasses.fields(TranscriptionRecord)} - {
    "id",
    "status",
    "created_at",
    "api_key",
    "filename",
    "audio_duration_ms",
    "error_type",
    "error_message",
    "notes",
}
"""The fields of a record that are as they were saved."""


def _audio_of(saved: SavedTranscription, words: tuple[Word, ...] | None, file: StoredFile | None) -> Audio:
    """The audio of a transcription: that of its file, or what is known of its length."""
    if file is not None:
        return file.audio
    audio = audio_of_url(saved.audio_url or saved.filename or "")
    spoken_ms = None if words is None else max([len(words) * _WORD_MS, *(word.end_ms or 0 for word in words)])
    duration_ms = saved.audio_duration_ms if saved.audio_duration_ms is not None else spoken_ms
    return audio if duration_ms is None else dataclasses.replace(audio, duration_ms=duration_ms)


def _models(where: str, value: object) -> list[VoiceModelRecord]:
    models = [record_of(VoiceModelRecord, f"{where}[{number}]", e) for number, e in enumerate(list_of(where, value))]
    for number, model in enumerate(models):
        if model.status not in {"not_computed", "processing", "ready", "failed"}:
            raise InputError(f"{where}[{number}].status cannot be {model.status!r}")
    return models


def _tokens(where: str, value: object) -> list[dict[str, object]]:
    tokens = list_of(where, value)
    for number, token in enumerate(tokens):
        if not isinstance(token, dict) or not isinstance(cast("dict[str, object]", token).get("text"), str):
            raise InputError(f"{where}[{number}] must be an object with a text")
    return cast("list[dict[str, object]]", tokens)


def _options(where: str, values: dict[str, object]) -> SttOptions:
    """The options of a transcription, by the rules of the API."""
    fields = Fields(values, where)
    options = read_options(fields)
    for problem in fields.problems:
        raise InputError(f"{problem.location}: {problem.message}")
    return options
