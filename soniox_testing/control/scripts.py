"""What a fake is to say, to do and to hold, as JSON: a file for ``--script``, or the body of ``POST scripts``."""

from __future__ import annotations

import base64
import dataclasses
import json
import runpy
import traceback
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from ..script.callbacks import check_plain
from ..script.faults import Faults
from ..script.recordings import Hearing, Recording
from ..script.transcripts import transcript_of
from ..script.values import (
    InputError,
    called,
    checked_arguments,
    fits,
    list_of,
    object_of,
    record_of,
    shown,
    texts_of,
    time_of,
)
from ..script.verbs import settings_of
from ..store.snapshots import SECTIONS as STORED
from ..tapes.tape import Tape
from .conversations import conversation_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..realtime.conversation import Conversation
    from ..script.values import Reader
    from ..server import FakeSoniox

    Addition: TypeAlias = Callable[[], object]
    """Adds one entry of a script to a fake, which has been checked."""

_FAKE_VERBS = ("fail_next_session", "drop_next_session", "fail_next_voice")
VERBS = (*(name for name in vars(Faults) if not name.startswith("_")), *_FAKE_VERBS)
"""The verbs of faults."""
_LONGEST_SEC = 300 * 60
_HEARINGS = {"exact": Hearing.exact, "mild": Hearing.mild, "rough": Hearing.rough}


def run_script(fake: FakeSoniox, path: Path) -> list[Recording]:
    """Runs a script file: JSON, or, if the name ends in ``.py``, its function ``script(fake)``.

    Returns:
        The recordings of a file in JSON.

    Raises:
        InputError: The script is invalid, or its function has raised an exception.
        OSError: It cannot be read.
    """
    if path.suffix == ".py":
        function = runpy.run_path(str(path)).get("script")
        if not callable(function):
            raise InputError(f"{path} has no function script(fake)")
        check_plain(f"the function script of {path}", function)
        try:
            function(fake)
        except Exception as error:
            # The last line of the script that was on the way to the error.
            lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
            place = f", line {lines[-1]}" if lines else ""
            raise InputError(f"{path}{place}: {type(error).__name__}: {error}") from error
        return []
    try:
        script: object = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {error}") from error
    try:
        return add_script(fake, _with_contents(script, path.parent))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _with_contents(script: object, folder: Path) -> object:
    """The script with the bytes of the files that entries name with ``path``, relative to a folder.

    Raises:
        InputError: A file cannot be read.
    """
    if not isinstance(script, dict):
        return script
    sections = cast("dict[str, object]", script)
    for name, entries in sections.items():
        for number, entry in enumerate(cast("list[object]", entries) if isinstance(entries, list) else ()):
            if isinstance(entry, dict) and "path" in entry:
                _read_content(f"{name}[{number}]", cast("dict[str, object]", entry), folder)
    return sections


def _read_content(where: str, entry: dict[str, object], folder: Path) -> None:
    """Replaces the ``path`` of an entry by the content of that file."""
    path = entry.pop("path")
    if not isinstance(path, str):
        raise InputError(f"{where}.path must be a text, not {shown(path)}")
    try:
        entry["content_base64"] = base64.b64encode((folder / path).read_bytes()).decode()
    except (OSError, ValueError) as error:
        raise InputError(f"{where}.path cannot be read: {error}") from error


def add_script(fake: FakeSoniox, script: object) -> list[Recording]:
    """Adds the entries of a script to a fake, all of them or none.

    Returns:
        Its recordings.

    Raises:
        InputError: One does not fit.
    """
    sections = object_of("the script", script, (*SECTIONS, *STORED))
    stored = {name: sections.pop(name) for name in STORED if name in sections}
    catalogue = fake._state.voices.catalogue  # pyright: ignore[reportPrivateUsage] - not for users
    faults, models = fake.faults.pending, tuple(catalogue.models)
    try:
        additions = [
            SECTIONS[section](fake, f"{section}[{number}]", entry)
            for section, entries in sections.items()
            for number, entry in enumerate(list_of(f"the script.{section}", entries))
        ]
        fake.load_state(stored)
    except InputError:
        for fault in fake.faults.pending:
            if fault not in faults:
                fault.remove()
        catalogue.models[:] = models
        raise
    added = [add() for add in additions]
    return [entry for entry in added if isinstance(entry, Recording)]


def add_fault(fake: FakeSoniox, where: str, entry: object) -> object:
    """Adds the fault that a JSON object with a verb and its arguments describes, and returns it.

    Raises:
        InputError: It does not fit.
    """
    fields: dict[str, Any] = dict(cast("dict[str, Any]", entry)) if isinstance(entry, dict) else {}
    verb = fields.pop("verb", None)
    if not isinstance(verb, str) or verb not in VERBS:
        raise InputError(f"{where}verb must be one of {', '.join(VERBS)}, not {shown(verb)}")
    action: Any = getattr(fake if verb in _FAKE_VERBS else fake.faults, verb)
    try:
        return action(**fields)
    except TypeError as error:
        raise InputError(f"{where}{error}") from error
    except (ValueError, OverflowError) as error:
        raise InputError(f"{where}{verb}(): {error}") from error


def recording_of(where: str, value: object) -> Recording:
    """The recording of a JSON object: with words, or with the seconds and the seed of a conversation.

    Raises:
        InputError: It does not fit.
    """
    kinds = settings_of(Recording.conversation)
    given = object_of(where, value, (*(field.name for field in dataclasses.fields(Recording)), *kinds))
    for name, most in (("seconds", _LONGEST_SEC), ("duration_ms", _LONGEST_SEC * 1000)):
        if fits("float", given.get(name)) and not 0 <= given[name] <= most:
            raise InputError(f"{where}.{name} must be from 0 to {most}, not {shown(given[name])}")
    if "words" in given:
        return record_of(Recording, where, value, words=transcript_of)
    return called(Recording.conversation, where, value, kinds)


def hearing_of(where: str, value: object) -> Hearing:
    """How well a recording is heard, from ``exact``, ``mild`` or ``rough``, or from the fields of ``Hearing``.

    Raises:
        InputError: It does not fit.
    """
    if isinstance(value, str):
        if value not in _HEARINGS:
            raise InputError(f"{where} must be one of {', '.join(_HEARINGS)}, or an object, not {value!r}")
        return _HEARINGS[value]()
    return record_of(Hearing, where, value, final_after_ms=_bounds)


def _bounds(where: str, value: object) -> object:
    if fits("int", value):
        return value
    bounds = tuple(list_of(where, value))
    if len(bounds) != 2 or not all(fits("int", bound) for bound in bounds):
        raise InputError(f"{where} must be milliseconds, or a list of their two bounds, not {shown(bounds)}")
    return bounds


def _method(name: str, **readers: Reader) -> Callable[[FakeSoniox, str, object], partial[object]]:
    """A section whose entries are the arguments of a method of the fake, which raises nothing for them."""

    def read(fake: FakeSoniox, where: str, entry: object) -> partial[object]:
        method = getattr(fake, name)
        return partial(method, **checked_arguments(method, where, entry, settings_of(method), **readers))

    return read


def _at_once(add: Callable[[FakeSoniox, str, object], object]) -> Callable[[FakeSoniox, str, object], Addition]:
    """A section whose entries can be removed again: each is checked by adding it."""

    def read(fake: FakeSoniox, where: str, entry: object) -> Addition:
        added = add(fake, where, entry)
        return lambda: added

    return read


def _tts_model(fake: FakeSoniox, where: str, entry: object) -> object:
    return called(fake.add_tts_model, where, entry, settings_of(fake.add_tts_model))


def _recording(fake: FakeSoniox, where: str, entry: object) -> Addition:
    add = _method("add_recording", recording=recording_of, hearing=hearing_of)(fake, where, entry)

    def add_and_tell() -> object:
        add()
        return add.keywords["recording"]

    return add_and_tell


def _conversation(fake: FakeSoniox, where: str, entry: object) -> Addition:
    kinds = {name if name != "function" else "steps": kind for name, kind in settings_of(fake.on_session).items()}

    def add(steps: Callable[[Conversation], None], **settings: Any) -> Addition:
        times = settings.get("times")
        if times is not None and times < 1:
            raise ValueError(f"a conversation cannot run {times} sessions")
        return partial(fake.on_session, steps, **settings)

    return called(add, where, entry, kinds, steps=conversation_of)


def _usage(fake: FakeSoniox, where: str, entry: object) -> Addition:
    add = _method("add_usage", ended_at=time_of)(fake, where, entry)
    duration_ms = add.keywords.get("audio_duration_ms", 0)
    if duration_ms < 0:
        raise InputError(f"{where}.audio_duration_ms must not be negative, as {duration_ms} is")
    return add


def _tape(fake: FakeSoniox, where: str, entry: object) -> Addition:
    kinds = {**settings_of(fake.play_tape), "content": "bytes"}
    kinds.pop("path")

    def add(content: bytes, **settings: Any) -> Addition:
        tape = Tape.parse(where, content.decode().splitlines())
        return partial(fake.play_tape, tape, **settings)

    return called(add, where, entry, kinds, ignore=texts_of)


SECTIONS: dict[str, Callable[[FakeSoniox, str, object], Addition]] = {
    "transcripts": _method("add_transcript", transcript=transcript_of),
    "failures": _method("fail_next_job"),
    "conversations": _conversation,
    "recordings": _recording,
    "audio_urls": _method("add_audio_url"),
    "tts_models": _at_once(_tts_model),
    "tapes": _tape,
    "usage": _usage,
    "faults": _at_once(lambda fake, where, entry: add_fault(fake, f"{where}: ", entry)),
}
"""What a script may hold: by name, what checks an entry and returns what adds it."""
