"""The arguments of ``FakeSoniox`` as JSON values: of the command line, of the environment, and of the control API."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from ..script.clock import VirtualClock
from ..script.limits import Limits
from ..script.progress import after_polls, after_seconds
from ..script.values import InputError, fits, list_of, object_of, record_of, shown, texts_of, time_of
from ..store.speeches import SpeechRules
from .transcriber import RemoteTranscriber

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..script.progress import ProgressRule

_GREATEST = 1e9

SWITCHES = {"true": True, "1": True, "false": False, "0": False}
"""What stands for true and false on the command line and in the environment, in lower case."""

Options: TypeAlias = "Mapping[str, object]"
"""JSON values by the names of arguments of ``FakeSoniox``."""


@dataclass(frozen=True)
class Option:
    """An argument of ``FakeSoniox``."""

    read: Callable[[str, Any], object]
    """The argument for a JSON value, from its name and the value; raises ``InputError``."""
    metavar: str
    help: str
    flag: str | None = None
    """Its option on the command line, without hyphens before it; None: its name with hyphens."""

    @property
    def is_switch(self) -> bool:
        """Whether it is true or false."""
        return self.read is _flag


def _of_kind(kind: str, what: str) -> Callable[[str, Any], object]:
    def read(where: str, value: object) -> object:
        if not fits(kind, value):
            raise InputError(f"{where} must be {what}, not {shown(value)}")
        return value

    return read


def _api_keys(where: str, value: object) -> object:
    # Errors do not show the value: it may be a key.
    if isinstance(value, dict):
        permissions = cast("dict[str, object]", value)
        what = f"the permissions of {where}"
        return {key: None if names is None else texts_of(what, names) for key, names in permissions.items()}
    if not isinstance(value, list) or not all(isinstance(key, str) for key in cast("list[object]", value)):
        raise InputError(f"{where} must be a list of texts, or an object with lists of permissions")
    return cast("list[str]", value)


def _progress(where: str, value: object) -> ProgressRule:
    rules = {"after_seconds": (after_seconds, "float"), "after_polls": (after_polls, "int")}
    match object_of(where, value, rules):
        case {**only} if len(only) == 1:
            name, settings = only.popitem()
            make, kind = rules[name]
            fields = object_of(f"{where}.{name}", settings, ("queued", "processing"))
            for field, entry in fields.items():
                if not fits(kind, entry) or entry < 0:
                    raise InputError(f"{where}.{name}.{field} must be {kind}, not negative; it is {shown(entry)}")
            return cast("Callable[..., ProgressRule]", make)(**fields)
        case _:
            raise InputError(f"{where} must be an object with one of {', '.join(rules)}")


def _clock(where: str, value: object) -> object:
    if value not in ("real", "virtual"):
        raise InputError(f"{where} must be real or virtual, not {shown(value)}")
    return VirtualClock() if value == "virtual" else None


def _numbers(where: str, value: object) -> list[object]:
    return [_number(f"{where}[{number}]", entry) for number, entry in enumerate(list_of(where, value))]


def _number(where: str, value: Any) -> object:
    if isinstance(value, (int, float)) and abs(value) > _GREATEST:
        raise InputError(f"{where} must be at most {_GREATEST:g}, not {shown(value)}")
    if not fits("float", value):
        raise InputError(f"{where} must be a number, not {shown(value)}")
    return value


def _limits(where: str, value: Any) -> Limits:
    try:
        return Limits.of(value)
    except ValueError as error:
        raise InputError(f"{where}: {error}") from error


_text = _of_kind("str", "a text")
_flag = _of_kind("bool", "true or false")

OPTIONS: dict[str, Option] = {
    "api_keys": Option(
        _api_keys,
        "KEY",
        "accept these keys only: a list, may be repeated, or a JSON object from keys to lists of permissions or null",
        "api-key",
    ),
    "name": Option(_text, "TEXT", "name of the fake in messages"),
    "audio": Option(_text, "checked|any", "any: accept audio without a known header"),
    "style": Option(_text, "real|simple", "simple: one token for each word, at regular intervals"),
    "limits": Option(_limits, "LIMITS", "limits and budgets, such as service, or max_files=3, or service,max_files=3"),
    "voices": Option(texts_of, "NAME", "the only shared voices; may be repeated"),
    "progress": Option(
        _progress, "JSON", 'how jobs move: {"after_seconds": {"queued": 10, "processing": 30}}, or after_polls'
    ),
    "clock": Option(_clock, "real|virtual", "virtual: only POST /__fake__/clock moves the time"),
    "speed": Option(_number, "N", "seconds of the fake for each second"),
    "started_at": Option(time_of, "TIME", "wall time at the start, such as 2027-01-15T00:00:00Z"),
    "key_in_start_message": Option(_flag, "true|false", "accept keys in start messages; default: until 2027-01-15"),
    "empty_binary_ends": Option(_flag, "true|false", "an empty binary message ends the audio of a session"),
    "max_file_size_bytes": Option(_of_kind("int", "a whole number"), "N", "refuse larger uploads"),
    "allow_webhooks_to": Option(
        texts_of, "HOST", "send webhooks to this host as well; * stands for all; may be repeated", "webhooks-to"
    ),
    "webhook_attempts_sec": Option(_numbers, "SECONDS", "when to send a webhook, from the end of the job: 0,1,5,30"),
    "webhook_timeout_sec": Option(_number, "SECONDS", "how long a receiver of webhooks may take"),
    "transcriber": Option(
        RemoteTranscriber.of, "URL", "POST audio without a script to this URL, which answers with its words"
    ),
    "speech": Option(lambda where, value: record_of(SpeechRules, where, value), "JSON", "fields of SpeechRules"),
    "keep": Option(
        _of_kind("int", "a whole number"), "N", "records of each kind that are kept, the newest (default: 500)"
    ),
    "strict": Option(_flag, "true|false", "a stop, a reset or a deletion fails where POST /__fake__/check would"),
}
"""The arguments of ``FakeSoniox`` by their names, but for those of its port."""


def arguments_of(options: Options) -> dict[str, Any]:
    """The arguments of ``FakeSoniox`` for options; null is the same as absent.

    Raises:
        InputError: There is no such option, or it cannot have this value.
    """
    for name in options:
        if name not in OPTIONS:
            raise InputError(f"there is no option {name}; there are {', '.join(OPTIONS)}")
    given = {name: value for name, value in options.items() if value is not None}
    arguments = {name: OPTIONS[name].read(name, value) for name, value in given.items()}
    return {name: value for name, value in arguments.items() if value is not None}


def flag_of(name: str) -> str:
    """The option on the command line, without hyphens before it."""
    return OPTIONS[name].flag or name.replace("_", "-")


def value_of_text(name: str, texts: Sequence[str]) -> object:
    """The JSON value of an option on the command line.

    Args:
        name: Of the option.
        texts: As given; only lists may be given more than once. A list may also be one text with commas.
    """
    read = OPTIONS[name].read
    if read in {_api_keys, texts_of, _numbers}:
        values = [_value(text) for text in texts]
        if len(values) == 1 and isinstance(values[0], (dict, list)):
            return cast("object", values[0])
        parts = [part.strip() for text in texts for part in text.split(",")]
        return [_value(part) for part in parts] if read is _numbers else parts
    if read is _flag:
        return SWITCHES.get(texts[-1].lower(), texts[-1])
    return texts[-1] if read in {_text, time_of} else _value(texts[-1])


def _value(text: str) -> object:
    """A JSON value, or the text where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text
