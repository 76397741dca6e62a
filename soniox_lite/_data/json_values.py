"""JSON values before they are records: their kinds, for checks and error messages that never show the value."""
# The types of JSON values are unknown before they are looked at.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

JSON_KINDS = {
    dict: "object", list: "array", str: "string", int: "number", float: "number", bool: "boolean", type(None): "null",
}  # fmt: skip


class MismatchError(Exception):
    """A JSON value is not of the kind that its field needs.

    Attributes:
        rule: The rule that is broken, such as ``must be a number`` or ``is missing``.
        got: The kind of the value, never the value; empty where the rule says it all.
        path: Where the value is, such as ``.tokens[3].text``; each level of decoding puts its own part in front.
    """

    def __init__(self, rule: str, got: str = "", path: str = "") -> None:
        super().__init__(rule)
        self.rule = rule
        self.got = got
        self.path = path

    def below(self, place: str) -> MismatchError:
        """The same error, seen from one level further up."""
        return MismatchError(self.rule, self.got, f"{place}{self.path}")

    def describe(self, cls: type) -> str:
        """The problem as the end of a sentence about a response that should have been a ``cls``."""
        got = f", is {self.got}" if self.got else ""
        return f"is not a {cls.__name__}: {cls.__name__}{self.path} {self.rule}{got}"


def json_kind(value: Any) -> str:
    """The name that JSON has for the type of a value, such as ``object``."""
    return JSON_KINDS.get(type(value), type(value).__name__)


def kind_of(value: object) -> str:
    """The type of a value, with its length where it has one, such as ``str of length 300``; never the value."""
    name = type(value).__name__
    return f"{name} of length {len(value)}" if isinstance(value, (str, bytes, list, tuple, dict)) else name


def items_of(value: Any) -> list[Any]:
    """The items of a list or tuple; for anything else, a list with the value itself."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def pairs_of(mapping: Any) -> list[tuple[Any, Any]]:
    """The names and values of a dict of unknown content."""
    return list(mapping.items())


def is_buffer(value: object) -> bool:
    """Whether a value has the buffer protocol: bytes, a memoryview, an array of samples (also NumPy's)."""
    try:
        memoryview(value).release()  # type: ignore[arg-type]
    except TypeError:
        return False
    return True


def is_uuid(value: object) -> bool:
    """Whether a value is a :class:`uuid.UUID`."""
    module = sys.modules.get("uuid")  # Loading it takes milliseconds; where it is not loaded, there are no UUIDs.
    return module is not None and isinstance(value, module.UUID)
