"""Assertions about a fake; their messages show the nearest match."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import inspect
import json
import warnings
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from .realtime.stt_config import START_FIELDS
from .rest.expectations import Expectation
from .script.names import check_names
from .script.records import SessionRecord, SpeechRecord, TranscriptionRecord
from .script.telling import MAX_SHOWN_TEXT, listed, plain, request_line, shown
from .script.verbs import checked
from .speaking.request import SPEECH_FIELDS
from .unfrozen import time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .script.records import FileRecord, RequestRecord
    from .store.state import State

_Record = TypeVar("_Record")
_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")
GRACE_SEC = 1.0
"""How long a client that has just left may take to be noticed."""
_LOOK_SEC = 0.005


def _with_checked_names(claim: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """An assertion that refuses a misspelt keyword with the nearest name."""
    known = [name for name in inspect.signature(claim).parameters if name != "self"]

    @functools.wraps(claim)
    def checked(*arguments: _Arguments.args, **keywords: _Arguments.kwargs) -> _Result:
        check_names(f"{claim.__name__}()", keywords, known)
        return claim(*arguments, **keywords)

    return checked


class Assertions:
    """The assertions of ``FakeSoniox``. They cover the requests of all API keys."""

    if TYPE_CHECKING:
        _state: State

    @_with_checked_names
    def assert_uploaded(
        self,
        *,
        filename: str | None = None,
        content: bytes | None = None,
        client_reference_id: str | None = None,
    ) -> FileRecord:
        """Asserts that a file was uploaded, whether or not it was deleted since.

        Args:
            filename: Its name; None: any, as for the others.
            content: All its bytes.
            client_reference_id: As sent.

        Returns:
            The first such file.

        Raises:
            AssertionError: There was none.
        """
        with self._state.lock:
            uploads = tuple(self._state.projects.uploads)
        expected: dict[str, object] = {"filename": filename, "client_reference_id": client_reference_id}
        if content is not None:
            expected |= {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        expected = {name: value for name, value in expected.items() if value is not None}
        return _first("upload", uploads, expected, getattr)

    def assert_transcribed(self, **fields: object) -> TranscriptionRecord:
        """Asserts that a job was created, whether or not it was deleted since.

        Args:
            **fields: Fields of ``TranscriptionRecord`` with the values they have now, or had last.

        Returns:
            The first such job.

        Raises:
            AssertionError: There was none.
            TypeError: There is no such field.
        """
        check_names("a transcription", fields, _names_of(TranscriptionRecord))
        with self._state.lock:
            self._state.projects.jobs_now()
            jobs = tuple(job.record for job in self._state.projects.created_jobs)
        return _first("transcription", jobs, fields, getattr)

    def assert_session(self, **fields: object) -> SessionRecord:
        """Asserts that a realtime session was opened.

        Args:
            **fields: Fields of ``SessionRecord``, such as ``audio_bytes``; all others are fields of the start message,
                of which None means that it is null or absent.

        Returns:
            The first such session.

        Raises:
            AssertionError: There was none.
            TypeError: Records have no such field, and no client has sent one.
        """
        own = _names_of(SessionRecord)

        def read(record: SessionRecord, name: str) -> object:
            return getattr(record, name) if name in own else (record.config or {}).get(name)

        with self._state.lock:
            sessions = tuple(log.record() for log in self._state.history.sessions)
        sent = {name for record in sessions for name in record.config or ()}
        check_names("a session", fields, own | START_FIELDS | sent)
        return _first("session", sessions, fields, read)

    def assert_spoken(self, text: str | None = None, **fields: object) -> SpeechRecord:
        """Asserts that text-to-speech was asked for, over REST or on a WebSocket.

        Args:
            text: All of the text; None: any.
            **fields: Fields of ``SpeechRecord``, such as ``ended``; all others are fields of the request or the start
                message, of which None means that it is null or absent.

        Returns:
            The first such record.

        Raises:
            AssertionError: There was none.
            TypeError: Records have no such field, and no client has sent one.
        """
        own = _names_of(SpeechRecord) | {"text"}

        def read(record: SpeechRecord, name: str) -> object:
            return getattr(record, name) if name in own else record.config.get(name)

        with self._state.lock:
            speeches = tuple(log.record() for log in self._state.speeches.logs)
        check_names("a speech", fields, own | SPEECH_FIELDS | {name for record in speeches for name in record.config})
        expected = fields if text is None else {"text": text, **fields}
        return _first("speech", speeches, expected, read)

    @_with_checked_names
    def assert_requested(self, method: str, path: str, times: int | None = None) -> tuple[RequestRecord, ...]:
        """Asserts that a REST request was made, with any status; only the last 10,000 requests are recorded.

        Args:
            method: Such as ``GET``.
            path: The path without query, or the operation's path with braces: ``/v1/files/{file_id}``.
            times: How often exactly; None: at least once.

        Returns:
            These requests, in the order they were answered.

        Raises:
            AssertionError: There were none, or not so many.
        """
        with self._state.lock:
            requests = tuple(self._state.history.requests)
        found = tuple(
            request
            for request in requests
            if request.method == method.upper() and path in {request.path, request.route}
        )
        if len(found) == times or (times is None and found):
            return found
        wanted = "at least once" if times is None else f"{times} time(s)"
        lines = [request_line(request) for request in requests]
        raise AssertionError(
            f"{method.upper()} {path} should have been requested {wanted}, but was {len(found)} time(s). "
            + listed("Requests", lines)
        )

    @checked
    def expect(
        self,
        method: str,
        path: str,
        *,
        times: int | None = None,
        status: int | None = None,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, object] | None = None,
    ) -> Expectation:
        """Expects a REST request inside a ``with`` block.

        As in ``with fake.expect("POST", "/v1/files", times=1) as uploads:``. The end of the block raises, unless an
        exception leaves it. Several may share a ``with``.

        Args:
            method: Such as ``POST``.
            path: The path without query, or the operation's path with braces: ``/v1/files/{file_id}``.
            times: How often exactly; 0: not at all; None: at least once.
            status: HTTP status of the response; None: any.
            body: Parts of the JSON body: fields with their values, of which those that are mappings may be parts
                again. For a form, its fields, and ``file`` with ``filename`` and ``size``. None: any.
            query: Parameters of the URL with their values; others may be there as well.
            headers: Headers with their values; others may be there as well.

        Returns:
            A context manager with ``requests``: those that were as expected.

        Raises:
            AssertionError: At the end of the block: there were none, or not so many; it tells what came instead.
            ValueError: The API has no such operation, so that the request could not be as expected.
        """
        asked = {"status": status, "body": body, "query": query, "headers": headers}
        wanted = {name: value for name, value in asked.items() if value is not None}
        return Expectation(method.upper(), path, times, wanted, self._state)

    def assert_no_files_left(self) -> None:
        """Asserts that every uploaded file was deleted.

        Raises:
            AssertionError: Some were not.
        """
        with self._state.lock:
            left = [f"{file.record.filename!r} ({file.record.id})" for file in self._state.projects.files()]
        if left:
            raise AssertionError(listed("Files left", left))

    def assert_no_jobs_left(self) -> None:
        """Asserts that every transcription was deleted.

        Raises:
            AssertionError: Some were not.
        """
        with self._state.lock:
            left = [f"{job.filename!r} ({job.id}), {job.status}" for job in self._state.projects.jobs_now()]
        if left:
            raise AssertionError(listed("Transcriptions left", left))

    def assert_no_voices_left(self) -> None:
        """Asserts that every cloned voice was deleted: the service has room for few.

        Raises:
            AssertionError: Some were not.
        """
        with self._state.lock:
            left = [f"{voice.name!r} ({voice.id})" for voice in self._state.voices.all()]
        if left:
            raise AssertionError(listed("Voices left", left))

    def check(self) -> None:
        """Asserts that all that was scripted was used, no session is open, and no unknown path was requested.

        A session whose client has just left is given a second to notice. Gives a ``DeprecationWarning`` for what the
        service will refuse one day, such as a key in a start message.

        Raises:
            AssertionError: There are unused transcripts or failures, open sessions, or requests to which the API has
                no answer; all are listed.
        """
        deadline_sec = time.monotonic() + GRACE_SEC
        while (left_open := self._open_sessions()) and time.monotonic() < deadline_sec:
            time.sleep(_LOOK_SEC)
        with self._state.lock:
            unknown = [request_line(request) for request in self._state.history.requests if request.route is None]
        named = {"Never used": self.unused(), "Sessions left open": left_open, "Requests to nothing": unknown}
        found = [listed(name, lines) for name, lines in named.items() if lines]
        if found:
            raise AssertionError("\n".join(found))
        for note in self._notes():
            warnings.warn(note, DeprecationWarning, stacklevel=2)

    def report(self) -> str:
        """A summary for people: unused scripts, uploads, jobs, sessions, texts to speak, failed requests."""
        state = self._state
        with state.lock:
            uploads = [
                f"{upload.filename!r}, {upload.size} bytes{_reference(upload)}" for upload in state.projects.uploads
            ]
            jobs = [
                f"{job.filename!r}, {job.status}{_trouble(job)}{_reference(job)}" + "".join(_notes(job))
                for job in self._jobs()
            ]
            sessions = [
                f"{record.ended or 'open'}{_trouble(record)}, {record.audio_bytes} bytes of audio{_reference(record)}"
                for record in (log.record() for log in state.history.sessions)
            ]
            speeches = [
                f"{record.text[:MAX_SHOWN_TEXT]!r}, {record.ended or 'open'}{_trouble(record)}{_reference(record)}"
                for record in (log.record() for log in state.speeches.logs)
            ]
            failed = [
                f"{request_line(request)}{_trouble(request)}{_reason(request)}"
                for request in state.history.requests
                if request.status >= 400
            ]
            count = len(state.history.requests)
        named = {
            "Scripted and never used": self.unused(),
            "Uploads": uploads,
            "Sessions": sessions,
            "Transcriptions": jobs,
            "Texts to speak": speeches,
            f"Requests that failed, of {count}": failed,
        }
        return "\n".join(listed(name, lines) for name, lines in named.items())

    def _jobs(self) -> list[TranscriptionRecord]:
        """All jobs as of their last update, also deleted ones."""
        return [job.record for job in self._state.projects.created_jobs]

    def unused(self) -> list[str]:
        """What was scripted and has not been used, each in words: transcripts, failures, faults, functions."""
        with self._state.lock:
            unused = [line.description() for line in self._state.script.lines]
            unused += [planned.description() for planned in self._state.voices.failures]
            # A fault or a function without a limit, or a fault with a probability, need not happen.
            faults = [fault for fault in self._state.faults.pending if fault.times and fault.probability == 1]
            unused += [f"a fault: {fault.description()}" for fault in faults]
            unused += [left for unplayed in self._state.script.tapes for left in unplayed()]
            recordings = [added for added in self._state.script.recordings if not added.sessions]
            unused += [f"a recording of {added.recording.duration_ms} ms" for added in recordings]
            functions = [listed for listed in self._state.script.functions if listed.times]
            return unused + [f"a function for a session: {listed.description()}" for listed in functions]

    def _notes(self) -> list[str]:
        """What the service will refuse one day, of all WebSockets."""
        with self._state.lock:
            records = [log.record() for log in self._state.history.sessions]
            connections = [log.record() for log in self._state.speeches.connections]
        notes = [record.notes for record in records] + [record.notes for record in connections]
        return sorted({note for listed in notes for note in listed})

    def _open_sessions(self) -> list[str]:
        with self._state.lock:
            records = [log.record() for log in self._state.history.sessions]
            connections = [log.record() for log in self._state.speeches.connections]
        sessions = [
            f"{record.id}, since {record.created_at}, {record.audio_bytes} bytes of audio"
            for record in records
            if record.ended is None
        ]
        return sessions + [
            f"{record.id}, since {record.created_at}, for text-to-speech"
            for record in connections
            if record.ended is None
        ]


def _first(
    kind: str,
    records: Sequence[_Record],
    expected: Mapping[str, object],
    read: Callable[[_Record, str], object],
) -> _Record:
    """The first record with the expected values.

    Raises:
        AssertionError: There is none; it shows in which fields the nearest differs.
    """
    nearest: list[str] | None = None
    name_of_nearest = ""
    for record in records:
        found = {name: read(record, name) for name in expected}
        differing = [
            f"  {name}: expected {shown(value)}, was {shown(found[name])}"
            for name, value in expected.items()
            if plain(value) != plain(found[name])
        ]
        if not differing:
            return record
        if nearest is None or len(differing) < len(nearest):
            nearest = differing
            name_of_nearest = str(getattr(record, "id", ""))
    wanted = ", ".join(f"{name}={shown(value)}" for name, value in expected.items()) or "anything"
    if nearest is None:
        raise AssertionError(f"no {kind} with {wanted}: there was no {kind} at all")
    raise AssertionError(
        f"no {kind} with {wanted}\nnearest of {len(records)}: {name_of_nearest}\n" + "\n".join(nearest)
    )


def _names_of(record: type[Any]) -> set[str]:
    return {field.name for field in dataclasses.fields(record)}


def _trouble(record: TranscriptionRecord | SessionRecord | SpeechRecord | RequestRecord) -> str:
    return "" if record.error_type is None else f" ({record.error_type})"


def _reason(request: RequestRecord) -> str:
    """What the response says of an error, in lines."""
    try:
        body: Any = json.loads(request.response)
        problems = [f"{problem['location']}: {problem['message']}" for problem in body["validation_errors"]]
        told = [str(body["message"]), *problems]
    except (ValueError, LookupError, TypeError):  # not the body of an error of the API: a fault may have sent it
        return ""
    # Escaped, as it may repeat what the client sent.
    return "".join(f"\n    {ascii(text)[1:-1][:MAX_SHOWN_TEXT]}" for text in told)


def _notes(record: TranscriptionRecord) -> list[str]:
    return [f"\n    note: {note}" for note in record.notes]


def _reference(record: FileRecord | TranscriptionRecord | SessionRecord | SpeechRecord) -> str:
    return "" if record.client_reference_id is None else f", client_reference_id={record.client_reference_id!r}"
