"""Values that mean a value of another type: numeric text for a number, ``"true"`` for a bool, a set for a list.

Loaded when a value does not have the type of its field; then it is converted as the official SDK's types convert it.
"""
# The types of the values are unknown before they are looked at.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping, Set as AbstractSet, ValuesView
from enum import Enum

from .json_values import JSON_KINDS, MismatchError, is_uuid, json_kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_WORDS = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0"), False),
}
# Most values of JSON; looking for a Mapping takes much longer.
_PLAIN = {str, int, float, bool, type(None)}
_LISTS = (list, tuple, deque, AbstractSet, Iterator, ValuesView)


def coerced(kind: type, value: Any) -> Any:
    """A ``str``, ``int``, ``float`` or ``bool`` for a value that means one.

    Enum members mean their values; a UUID means its text; text of a number, and a float without a fraction, mean an
    int; 0, 1, "false", "true" and the like mean a bool. A bool does not mean a number.

    Raises:
        MismatchError: The value does not mean a ``kind``.
    """
    if isinstance(value, Enum):
        value = value.value
    found = None
    if kind is str:
        found = str(value) if is_uuid(value) else value
    elif kind is bool:
        found = _WORDS.get(value.lower()) if isinstance(value, str) else _flag(value)
    elif not isinstance(value, bool):
        found = _number(kind, value)
    if not isinstance(found, kind):
        raise MismatchError(f"must be a {JSON_KINDS[kind]}", json_kind(value))
    return found


def _number(kind: type, value: Any) -> Any:
    if not isinstance(value, (str, int, float)):
        return None
    try:
        number = value if isinstance(value, (int, float)) else _parsed(value)
        if kind is float:
            return float(number)
        return int(number) if number == math.floor(number) else None
    except (ValueError, OverflowError):
        return None  # Also an infinite number, which is not an int, and an int that is too large for a float.


def _parsed(text: str) -> int | float:
    """The number that a text spells out; an int stays exact, whatever its size."""
    try:
        return int(text)
    except ValueError:
        return float(text)


def _flag(value: object) -> bool | None:
    return bool(value) if isinstance(value, (int, float)) and value in (0, 1) else None


def listed(value: Any) -> list[Any]:
    """A new list of the items of a list, a tuple, a set, an iterator or a view of a dict.

    Raises:
        MismatchError: The value is none of them.
    """
    if not isinstance(value, _LISTS):
        raise MismatchError("must be an array", json_kind(value))
    return list(value)


def own(value: Any) -> Any:
    """A copy of a JSON value, which shares no dict or list with it.

    Mappings become dicts, and tuples, sets and iterators become lists. Records stay themselves.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is dict or isinstance(value, Mapping):
        return {name: own(item) for name, item in value.items()}
    return [own(item) for item in value] if kind is list or isinstance(value, _LISTS) else value
