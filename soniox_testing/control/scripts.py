"""Transcripts and failures as JSON: a file for ``--script``, or the body of ``POST /__fake__/scripts``."""

from __future__ import annotations

import json
import runpy
from typing import TYPE_CHECKING, Any, cast

from ..script.transcripts import Word

if TYPE_CHECKING:
    from pathlib import Path

    from ..server import FakeSoniox

_SELECTORS = {"filename": str, "client_reference_id": str}
_KINDS: dict[str, dict[str, type]] = {
    "transcripts": {"transcript": object, **_SELECTORS},
    "failures": {"error_type": str, "message": str, **_SELECTORS},
}
_WORD_FIELDS: dict[str, type | tuple[type, ...]] = {
    "text": str,
    "start_ms": int,
    "end_ms": int,
    "confidence": (int, float),
    "speaker": str,
    "language": str,
}


class ScriptError(ValueError):
    """A script is invalid; the message says where and why."""


def run_script(fake: FakeSoniox, path: Path) -> None:
    """Runs a script file: JSON, or, if the name ends in ``.py``, its function ``script(fake)``.

    Raises:
        ScriptError: The script is invalid.
        OSError: It cannot be read.
    """
    if path.suffix == ".py":
        function = runpy.run_path(str(path)).get("script")
        if not callable(function):
            raise ScriptError(f"{path} has no function script(fake)")
        function(fake)
        return
    try:
        script: object = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ScriptError(f"{path} is not JSON: {error}") from error
    add_script(fake, script)


def add_script(fake: FakeSoniox, script: object) -> None:
    """Adds ``{"transcripts": [...], "failures": [...]}`` to a fake, all of it or nothing.

    Raises:
        ScriptError: It does not have this shape.
    """
    lines: list[tuple[str, dict[str, Any]]] = []
    for kind, entries in _object("the script", script, {"transcripts": list, "failures": list}).items():
        for number, entry in enumerate(cast("list[object]", entries)):
            where = f"{kind}[{number}]"
            fields = _object(where, entry, _KINDS[kind])
            missing = sorted(set(_KINDS[kind]) - set(_SELECTORS) - set(fields))
            if missing:
                raise ScriptError(f"{where} needs {', '.join(missing)}")
            if kind == "transcripts":
                fields["transcript"] = _transcript(where, fields["transcript"])
            lines.append((kind, fields))
    for kind, fields in lines:
        (fake.add_transcript if kind == "transcripts" else fake.fail_next_job)(**fields)


def _transcript(where: str, transcript: object) -> str | tuple[Word, ...]:
    if isinstance(transcript, str):
        return transcript
    if not isinstance(transcript, list):
        raise ScriptError(f"{where}.transcript must be a text or a list of words")
    words: list[Word] = []
    latest_ms = 0
    for number, entry in enumerate(cast("list[object]", transcript)):
        at = f"{where}.transcript[{number}]"
        fields = _object(at, entry, _WORD_FIELDS)
        try:
            word = Word(**fields)
        except (TypeError, ValueError) as error:
            raise ScriptError(f"{at}: {error}") from error
        for time_ms in (word.start_ms, word.end_ms):
            if time_ms is not None and time_ms < latest_ms:
                raise ScriptError(f"{at} is at {time_ms} ms, after a time of {latest_ms} ms")
            latest_ms = latest_ms if time_ms is None else time_ms
        words.append(word)
    return tuple(words)


def _object(where: str, value: object, fields: dict[str, Any]) -> dict[str, Any]:
    """A JSON object with these fields, all optional; null is the same as absent."""
    if not isinstance(value, dict):
        raise ScriptError(f"{where} must be an object with {', '.join(fields)}")
    found = {name: entry for name, entry in cast("dict[str, Any]", value).items() if entry is not None}
    for name, entry in found.items():
        if name not in fields:
            raise ScriptError(f"{where} has no {name}; it may have {', '.join(fields)}")
        if not isinstance(entry, fields[name]) or isinstance(entry, bool):
            raise ScriptError(f"{where}.{name} cannot be {entry!r}")
    return found
