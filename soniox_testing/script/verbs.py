"""The arguments of verbs that script faults, checked where the verb is called: a session could report them too late."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ParamSpec, TypedDict, TypeVar, cast

from .names import check_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")
_FUNCTIONS = ("Callable", "ProgressRule", "Transcriber")
_RECORDS = ("Hearing", "Limits", "Recording", "SharedListener", "SpeechRules", "datetime")
_KINDS = (
    "str",
    "int",
    "float",
    "bool",
    "bytes",
    "Mapping",
    "Sequence",
    "Iterable",
    "Collection",
    *_FUNCTIONS,
    *_RECORDS,
)
"""How the annotations begin that are no choice of names."""
_TEXT = re.compile(r"(?:^|\| |Iterable\[|Collection\[)str\b")
_SEVERAL = re.compile(r"Sequence|Iterable|Collection")


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
    # Read once, at the first call: a fake is made and stopped in less time than a signature is read.
    rules = functools.cache(lambda: (settings_of(verb), inspect.signature(verb)))

    @functools.wraps(verb)
    def call(*arguments: _Arguments.args, **keywords: _Arguments.kwargs) -> _Result:
        _check(verb, *rules(), arguments, keywords)
        return verb(*arguments, **keywords)

    return call


def _check(
    verb: Callable[..., object],
    kinds: Mapping[str, str],
    signature: inspect.Signature,
    arguments: Sequence[object],
    keywords: Mapping[str, object],
) -> None:
    name = f"{verb.__qualname__.removesuffix('.__init__').rpartition('.')[2]}()"
    check_names(name, keywords, kinds)
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
            # A key is not shown.
            found = type(value).__name__ if parameter.startswith("api_key") else repr(value)
            raise TypeError(f"{name}: {parameter} must be {_in_words(kind)}, not {found}")


def fits(kind: str, value: object) -> bool:
    """Whether a value may be given for a parameter with this annotation."""
    if value is None:
        return "None" in kind
    named = kind.split(" | ")
    if isinstance(value, bool):
        return "bool" in named
    if isinstance(value, int):
        return "int" in named or "float" in named
    if isinstance(value, float):
        return "float" in named
    if isinstance(value, bytes):
        return "bytes" in named
    if isinstance(value, Mapping):
        entries = cast("Mapping[object, object]", value)
        texts = [text for pair in entries.items() for text in pair] if "[str, str]" in kind else entries.keys()
        return "Mapping" in kind and all(isinstance(text, str) for text in texts)
    if kind.startswith(_FUNCTIONS):
        return callable(value)
    if isinstance(value, str):
        # Names of choices are checked by the verb.
        return bool(_TEXT.search(kind)) or not kind.startswith(_KINDS)
    if _SEVERAL.search(kind) and isinstance(value, Iterable):
        return True
    return any(re.search(rf"\b{known.__name__}\b", kind) for known in type(value).__mro__[:-1])


def _in_words(kind: str) -> str:
    """An annotation as it stands in a message: a choice of names is a text."""
    return kind if kind.startswith(_KINDS) else "str"
