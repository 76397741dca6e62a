"""Conversations as JSON: a list of steps, each a call of a method of ``Conversation``."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from ..realtime.conversation import Conversation
from ..script.session_faults import ends_by_drop, ends_with_error
from ..script.transcripts import Word
from ..script.values import InputError, called, checked_arguments, fits, list_of, shown
from ..script.verbs import settings_of

if TYPE_CHECKING:
    from collections.abc import Callable

from ..script.values import Reader

VERBS = tuple(
    name for name, member in vars(Conversation).items() if inspect.isfunction(member) and not name.startswith("_")
)
"""What a step may do."""


@dataclass(frozen=True)
class _Step:
    verb: str
    arguments: dict[str, Any]
    at_ms: int | None
    """Milliseconds of audio that must have come before; None: it does not wait for audio."""


@dataclass(frozen=True)
class ScriptedConversation:
    """A function for ``FakeSoniox.on_session`` that carries out steps."""

    steps: tuple[_Step, ...]

    def __call__(self, conversation: Conversation) -> None:
        """Carries out the steps in one session."""
        for step in self.steps:
            if step.at_ms is not None:
                conversation.expect_audio_until(step.at_ms)
            getattr(conversation, step.verb)(**step.arguments)


def conversation_of(where: str, value: object) -> ScriptedConversation:
    """The conversation that a list of JSON objects describes.

    Each has a ``verb``, its arguments, and may have ``at_ms``: the milliseconds of audio that must have come before.

    Raises:
        InputError: It does not fit.
    """
    steps = [_step(f"{where}[{number}]", entry) for number, entry in enumerate(list_of(where, value))]
    if not steps:
        raise InputError(f"{where} needs a step")
    for number, step in enumerate(steps[:-1]):
        if step.verb in _ENDINGS:
            raise InputError(f"{where}[{number + 1}] comes after {step.verb}, which ends the session")
    return ScriptedConversation(tuple(steps))


def _step(where: str, entry: object) -> _Step:
    fields: dict[str, Any] = dict(cast("dict[str, Any]", entry)) if isinstance(entry, dict) else {}
    verb, at_ms = fields.pop("verb", None), fields.pop("at_ms", None)
    if not isinstance(verb, str) or verb not in VERBS:
        raise InputError(f"{where}.verb must be one of {', '.join(VERBS)}, not {shown(verb)}")
    if not fits("int | None", at_ms) or (at_ms or 0) < 0:
        raise InputError(f"{where}.at_ms must be milliseconds, not {shown(at_ms)}")
    return _Step(verb, _arguments(f"{where}: {verb}", verb, fields), at_ms)


def _arguments(where: str, verb: str, fields: dict[str, Any]) -> dict[str, Any]:
    if verb == "expect_config":
        return fields  # of the start message, which may have any
    method = partial(getattr(Conversation, verb), cast("Conversation", None))
    kinds = settings_of(method)
    readers: dict[str, Reader] = {"message": _message} if verb == "sends" else {}
    arguments = checked_arguments(method, where, fields, kinds, **readers)
    if verb in _CHECKS:
        called(_CHECKS[verb], where, fields, kinds)
    return arguments


def _message(where: str, value: object) -> object:
    if not isinstance(value, (str, dict)):
        raise InputError(f"{where} must be an object or a text, not {shown(value)}")
    return cast("object", value)


def _check_error(error_type: str, message: str | None = None, *, status_code: int | None = None) -> None:
    ends_with_error(error_type, message, status_code)


def _check_drop(how: str = "reset") -> None:
    ends_by_drop(how)


def _check_says(
    text: str, start_ms: int | None = None, end_ms: int | None = None, confidence: float = 0.98, **_: object
) -> None:
    Word(text or "-", start_ms, end_ms, confidence)


def _check_wait(seconds: float) -> None:
    if seconds < 0:
        raise ValueError(f"seconds must not be negative, as {seconds} is")


_CHECKS: dict[str, Callable[..., None]] = {
    "error": _check_error,
    "drop": _check_drop,
    "says": _check_says,
    "wait": _check_wait,
}
"""What would be wrong in every session is refused when it is given."""
_ENDINGS = ("error", "drop", "stall", "finish")
