"""JSON values that take the place of Python ones: their types are checked by the annotations of what they are for."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import inspect
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from . import verbs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

Reader: TypeAlias = "Callable[[str, Any], object]"
"""Makes an argument from its JSON value, and the text that names its place; raises ``InputError``."""

_RecordT = TypeVar("_RecordT")
BASE64 = "_base64"
"""The end of the names of fields with bytes."""
_GREATEST = 2**53
"""Larger numbers are not the same in every language."""


class InputError(ValueError):
    """A JSON document does not fit; the message says where and why."""


def object_of(where: str, value: object, known: Collection[str]) -> dict[str, Any]:
    """A JSON object without its nulls, which are the same as absent.

    Raises:
        InputError: It is none, or has a field that is not known.
    """
    if not isinstance(value, dict):
        raise InputError(f"{where} must be an object with {', '.join(known)}")
    found = cast("dict[str, Any]", value)
    for name in found:
        if name not in known:
            raise InputError(f"{where} has no {name}; it may have {', '.join(known)}")
    return {name: entry for name, entry in found.items() if entry is not None}


def list_of(where: str, value: object) -> list[object]:
    """A JSON list.

    Raises:
        InputError: It is none.
    """
    if not isinstance(value, list):
        raise InputError(f"{where} must be a list, not {shown(value)}")
    return cast("list[object]", value)


def texts_of(where: str, value: object) -> list[str]:
    """A JSON list of texts.

    Raises:
        InputError: It is none.
    """
    texts = [entry for entry in list_of(where, value) if isinstance(entry, str)]
    if texts != value:
        raise InputError(f"{where} must be a list of texts, not {shown(value)}")
    return texts


def record_of(kind: Callable[..., _RecordT], where: str, value: object, **readers: Reader) -> _RecordT:
    """A dataclass from a JSON object with its fields.

    Raises:
        InputError: It does not fit.
    """
    kinds = {field.name: str(field.type) for field in dataclasses.fields(cast("Any", kind))}
    return called(kind, where, value, kinds, **readers)


def called(
    function: Callable[..., _RecordT], where: str, value: object, kinds: Mapping[str, str], **readers: Reader
) -> _RecordT:
    """Calls a function with a JSON object as its arguments; see ``checked_arguments``.

    Raises:
        InputError: It does not fit, or the function has raised ``TypeError`` or ``ValueError``.
    """
    arguments = checked_arguments(function, where, value, kinds, **readers)
    try:
        return function(**arguments)
    except InputError:
        raise
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{where}: {error}") from error


def checked_arguments(
    function: Callable[..., object], where: str, value: object, kinds: Mapping[str, str], **readers: Reader
) -> dict[str, Any]:
    """The arguments for a function in a JSON object.

    Args:
        function: What is to be called with them.
        where: Names the object in errors.
        value: The object. Null is None where the parameter may be None, else the same as absent. Bytes are given as
            base64, with ``_base64`` after the name.
        kinds: The annotations of the parameters, by their names.
        readers: Make the arguments of these names from their JSON values.

    Raises:
        InputError: One is missing, unknown, or of the wrong type.
    """
    known = {name + BASE64 if kind.startswith("bytes") else name: kind for name, kind in kinds.items()}
    given = object_of(where, value, known)
    nulls = cast("dict[str, object]", value).keys() - given.keys()
    for name, parameter in inspect.signature(function).parameters.items():
        is_required = parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
        if is_required and name not in given and name + BASE64 not in given:
            raise InputError(f"{where} needs {name if name in known else name + BASE64}")
    arguments: dict[str, Any] = {name.removesuffix(BASE64): None for name in nulls if "None" in known[name]}
    for name, entry in given.items():
        at = f"{where}.{name}"
        if name in readers:
            arguments[name] = readers[name](at, entry)
        elif name.endswith(BASE64):
            arguments[name.removesuffix(BASE64)] = bytes_of(at, entry)
        elif fits(known[name], entry):
            arguments[name] = entry
        else:
            raise InputError(f"{at} must be {known[name]}, not {shown(entry)}")
    return arguments


def bytes_of(where: str, value: object) -> bytes:
    """The bytes that a text in base64 stands for.

    Raises:
        InputError: It is not base64.
    """
    if isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            pass
    raise InputError(f"{where} must be base64, not {shown(value)}")


def time_of(where: str, value: object) -> datetime:
    """A time in ISO 8601 with its zone.

    Raises:
        InputError: It is none.
    """
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00")) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not 1970 <= moment.year < 3000:
        raise InputError(f"{where} must be a time such as 2027-01-15T00:00:00Z, not {shown(value)}")
    return moment


def fits(kind: str, value: object) -> bool:
    """Whether a JSON value may be given for a parameter with this annotation."""
    is_usable = not isinstance(value, (int, float)) or abs(value) <= _GREATEST
    return is_usable and verbs.fits(kind, value)


def shown(value: object) -> str:
    """A value for an error message, cut if it is long."""
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}..."
