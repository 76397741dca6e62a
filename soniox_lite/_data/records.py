"""Records: the dataclasses that travel as JSON objects.

- A :class:`ServiceObject` is received. It is made by *adopting* the parsed dict as the instance's ``__dict__``. That
  costs a tenth of calling ``__init__``, keeps fields that this version does not know (readable as attributes and in
  ``to_dict()``), and takes the defaults of absent fields from the class. Required fields, containers and types are
  checked against the annotations of the class; an unknown field or enum value is never an error.
- A :class:`Payload` is written by the user and sent. It validates itself when it is made and leaves out what is None.
"""
# The types of JSON values are unknown before they are looked at.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import dataclasses

from ..errors import InvalidField, SonioxAPIError, SonioxValidationError
from .decoding import decode, is_required
from .json_values import kind_of
from .rules import validation_error
from .safe_repr import safe_repr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, ClassVar

    from typing_extensions import Self

_MASK = "***"
_METHOD_TYPES = (type(lambda: None), classmethod, staticmethod)


class _Method:
    """A method that no unknown field of a response can hide: data descriptors win over the instance's ``__dict__``."""

    def __init__(self, name: str, function: Any) -> None:
        self._name = name
        self._function = function

    def __get__(self, record: Record | None, owner: type[Record]) -> Any:
        return self._function.__get__(record, owner)

    def __set__(self, record: Record, value: object) -> None:
        vars(record)[self._name] = value


class Record:
    """Common to records in both directions: equality, ``repr()`` and ``to_dict()``."""

    # Annotations of classes must be readable at run time, and these are for type checkers.
    if TYPE_CHECKING:
        # Every subclass is made a dataclass.
        __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]
        __hash__: ClassVar[None]  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleMethodOverride]
        _secret_fields: ClassVar[frozenset[str]]

    # Fields whose value must not be shown.
    _secret_fields = frozenset()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for base in (cls, Record):
            for name, value in list(vars(base).items()):
                if not name.startswith("__") and isinstance(value, _METHOD_TYPES):
                    setattr(base, name, _Method(name, value))

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-ready values: nested records as dicts, times as ISO 8601 text in UTC."""
        return {name: _to_json(value) for name, value in _items(self).items()}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record) or type(self) is not type(other):
            return NotImplemented
        return _items(self) == _items(other)

    __hash__ = None  # pyright: ignore[reportIncompatibleMethodOverride]

    @safe_repr
    def __repr__(self) -> str:
        secret = type(self)._secret_fields
        shown = ", ".join(
            f"{name}={_MASK if name in secret and value is not None else repr(value)}"
            for name, value in _items(self).items()
        )
        return f"{type(self).__name__}({shown})"


class ServiceObject(Record):
    """A dataclass that the service sends. Instances are mutable; threads that share one must not change it."""

    # Whether the types of scalars that may be null are checked. For records that are received by the hundred, this
    # check would take longer than all the rest of decoding. There, optional scalars are not checked.
    _checks_optional = True

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The record for a JSON object. ``data`` is copied and not changed.

        Raises:
            SonioxAPIError: A required field is missing, or a value does not have the type of its field.
        """
        import copy  # noqa: PLC0415 - only from_dict needs it

        try:
            own = copy.deepcopy(dict(data) if isinstance(data, _mapping_type()) else data)
        except (TypeError, RecursionError) as error:
            raise SonioxAPIError(f"the reply is not a {cls.__name__}: it is not JSON, or nested too deeply") from error
        return decode(cls, own)


class Payload(Record):
    """A dataclass that is sent to the service and validates itself when built."""

    @classmethod
    def of(cls, value: Any, name: str = "config") -> Self:
        """``value`` itself if it is a ``cls``, or the payload for a dict of its fields.

        Args:
            value: One of the two.
            name: The argument's name, for the error.

        Raises:
            SonioxValidationError: ``value`` is neither, a field is invalid, or there is no such field.
        """
        if isinstance(value, cls):
            return value
        if not isinstance(value, _mapping_type()):
            raise SonioxValidationError(f"{name} must be a {cls.__name__} or a dict, got {kind_of(value)}")
        return cls.from_dict(value)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The payload with these fields.

        Raises:
            SonioxValidationError: A field is invalid, or there is no such field.
        """
        if not isinstance(data, _mapping_type()):
            raise SonioxValidationError(f"{cls.__name__} must be a {cls.__name__} or a dict, got {kind_of(data)}")
        # None means "not given"; the rules of a required field refuse it.
        given: dict[str, Any] = {field.name: None for field in dataclasses.fields(cls) if is_required(field)}
        names = [field.name for field in dataclasses.fields(cls)]
        problems: list[InvalidField] = []
        for name, value in data.items():
            if name in names:
                given[name] = value
            else:
                rule = f"is not a field of {cls.__name__}"
                if not problems:
                    rule += f", which has {', '.join(names)}"
                problems.append(InvalidField(_printable(name), rule, kind_of(value)))
        try:
            payload = cls(**given)
        except SonioxValidationError as error:
            raise validation_error(cls.__name__, problems + error.errors) from None
        if problems:
            raise validation_error(cls.__name__, problems)
        return payload

    def to_dict(self) -> dict[str, Any]:
        """The fields as they are sent: JSON-ready, without those that are None."""
        return {name: value for name, value in super().to_dict().items() if value is not None}


def field_names(record: Record) -> list[str]:
    """The names of a record's declared fields."""
    return [field.name for field in dataclasses.fields(type(record))]


def _items(record: Record) -> dict[str, Any]:
    """Declared fields in their order, then all other attributes of the record.

    Attributes are looked up on the class: unknown fields of a response may have any name, also that of a method.
    """
    known = {field.name: getattr(record, field.name) for field in dataclasses.fields(type(record))}
    return {**known, **vars(record)}


def _printable(name: object) -> str:
    """A dict's key that is not a field, for a message: printable and at most 40 characters."""
    text = name if isinstance(name, str) else repr(name)
    text = "".join(character if character.isprintable() else "?" for character in text[:40])
    return text or "''"


def _to_json(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, (list, tuple)):
        return [_to_json(item) for item in value]
    if isinstance(value, dict):
        return {name: _to_json(item) for name, item in value.items()}
    if hasattr(value, "isoformat"):
        from .times import to_text  # noqa: PLC0415 - only records with times need it

        return to_text(value)
    return value


def _mapping_type() -> type[Any]:
    from collections.abc import Mapping  # noqa: PLC0415 - the name is for type checkers at the top of the module

    return Mapping
