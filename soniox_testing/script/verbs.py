"""The arguments of verbs that script faults, checked where the verb is called: a session could report them too late."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ParamSpec, TypedDict, TypeVar, cast

from .names import check_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")
_KINDS = ("str", "int", "float", "bool", "bytes", "Mapping", "Callable", "Sequence", "Iterable", "Collection")


class When(TypedDict, total=False):
    """Where and how often a fault happens: arguments of every verb but ``offline``."""

    operation: str | None
    """An ``operationId`` of the API's document, such as ``create_transcription``, or ``stt`` or ``tts`` for the
    WebSockets; None: everything that the verb can be used on."""
    times: int | None
    """How often it happens; None, the default: until it is removed."""
    probability: float
    """Of happening, 0 to 1, each time it could; 1 by default."""
    seed: int
    """Of the random numbers for ``probability``; the same seed decides the same. 0 by default."""


class InSession(When, total=False):
    """When it happens in a session or stream: arguments of the verbs for these. Give one of the three, or none."""

    after_audio_ms: int | None
    """Once this many milliseconds of audio have been answered, or sent by a stream; None: not counted."""
    after_frames: int | None
    """Once this many messages were sent to the client, or this many with audio by a stream; None: not counted."""
    after_texts: int | None
    """Once a stream of text-to-speech has got this many text messages, before their audio; None: not counted."""


def settings_of(verb: Callable[..., object]) -> dict[str, str]:
    """The names of all arguments of a verb, and their annotations as text."""
    settings: dict[str, str] = {}
    for parameter in inspect.signature(verb).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            common = InSession if "InSession" in str(parameter.annotation) else When
            settings |= {
                name: str(getattr(kind, "__forward_arg__", kind)) for name, kind in common.__annotations__.items()
            }
        elif parameter.name != "self":
            settings[parameter.name] = str(parameter.annotation)
    return settings


def checked(verb: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """A method that raises ``TypeError`` for an argument that is missing, unknown or of another type."""

    @functools.wraps(verb)
    def call(*arguments: _Arguments.args, **keywords: _Arguments.kwargs) -> _Result:
        _check(verb, arguments, keywords)
        return verb(*arguments, **keywords)

    return call


def _check(verb: Callable[..., object], arguments: Sequence[object], keywords: Mapping[str, object]) -> None:
    name, kinds = f"{verb.__name__}()", settings_of(verb)
    check_names(name, keywords, kinds)
    signature = inspect.signature(verb)
    required = [
        parameter.name
        for parameter in signature.parameters.values()
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
    ]
    missing = [name for name in required[len(arguments) :] if name not in keywords]
    if missing:
        raise TypeError(f"{name} needs {', '.join(missing)}")
    try:
        bound = signature.bind(*arguments, **keywords).arguments
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None
    for parameter, value in {**bound, **keywords}.items():
        kind = kinds.get(parameter)
        if kind is not None and not fits(kind, value):
            raise TypeError(f"{name}: {parameter} must be {_in_words(kind)}, not {value!r}")


def fits(kind: str, value: object) -> bool:
    """Whether a value may be given for a parameter with this annotation."""
    if value is None:
        return "None" in kind
    if isinstance(value, bool):
        return "bool" in kind
    if isinstance(value, int):
        return "int" in kind or "float" in kind
    if isinstance(value, float):
        return "float" in kind
    if isinstance(value, bytes):
        return "bytes" in kind
    if isinstance(value, Mapping):
        entries = cast("Mapping[object, object]", value)
        texts = entries.keys() if "object]" in kind else [text for pair in entries.items() for text in pair]
        return "Mapping" in kind and all(isinstance(text, str) for text in texts)
    if "Callable" in kind:
        return callable(value)
    if isinstance(value, str):
        # Names of choices are checked by the verb.
        return _in_words(kind).startswith("str")
    return "Sequence" in kind and isinstance(value, Iterable)


def _in_words(kind: str) -> str:
    """An annotation as it stands in a message: a choice of names is a text."""
    return kind if kind.startswith(_KINDS) else "str"
