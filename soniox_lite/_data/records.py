"""Records: the dataclasses that travel as JSON objects.

- A :class:`ServiceObject` is received. It is made by *adopting* the parsed dict as the instance's ``__dict__``. That
  costs a tenth of calling ``__init__``, keeps fields that this version does not know (readable as attributes and in
  ``to_dict()``), and takes the defaults of absent fields from the class. Required fields, containers and types are
  checked against the annotations of the class; an unknown field or enum value is never an error.
- A :class:`Payload` is written by the user and sent. It validates itself when it is made and leaves out what is None.

Both are dataclasses by their base, without a decorator. The ``__dict__`` of each has the fields that were given, and no
others: so a record knows which ones are set.

What pydantic's models can do (``model_dump()`` and the like) is in ``model_methods.py``.
"""
# The types of JSON values are unknown before they are checked. The classes here use each other's private members.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportPrivateUsage=false

from __future__ import annotations

import dataclasses

from ..errors import SonioxAPIError, SonioxValidationError
from .decoding import ListDefault, decode, is_required
from .json_values import kind_of
from .rules import FieldErrors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping
    from typing import Any, ClassVar

    from typing_extensions import Self, dataclass_transform

    from .model_methods import ModelMethods
else:
    Any = ModelMethods = object

    def dataclass_transform(**_options):
        """Tells type checkers that subclasses are dataclasses."""
        return lambda cls: cls


_MASK = "***"
_MISSING = object()
_METHOD_TYPES = (type(lambda: None), classmethod, staticmethod)


class _Fixed:
    """An attribute of a class that no unknown field of a response can hide.

    Data descriptors win over the ``__dict__`` of an instance, in which the field stays.
    """

    def __init__(self, name: str, value: Any) -> None:
        self._name = name
        self._value = value

    def __get__(self, record: Record | None, owner: type[Record]) -> Any:
        return self._value.__get__(record, owner) if hasattr(self._value, "__get__") else self._value

    def __set__(self, record: Record, value: object) -> None:
        vars(record)[self._name] = value


class ModelMethod(_Fixed):
    """A member of :class:`ModelMethods`, whose module is loaded when one of them is first used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, record: Record | None, owner: type[Record]) -> Any:
        from . import model_methods  # noqa: PLC0415 - most programs use none

        return vars(model_methods.ModelMethods)[self._name].__get__(record, owner)


@dataclass_transform(kw_only_default=True, field_specifiers=(dataclasses.field,))
class Record(ModelMethods):
    """Common to records in both directions: equality, iteration, ``repr()``, copies and ``to_dict()``."""

    # Annotations of classes must be readable at run time, and these are for type checkers.
    if TYPE_CHECKING:
        # Every subclass is made a dataclass.
        __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]
        __hash__: ClassVar[None]  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleMethodOverride]
        _secret_fields: ClassVar[frozenset[str]]
        _optional_fields: ClassVar[frozenset[str]]
        _field_order: ClassVar[str]

    # Fields whose value must not be shown.
    _secret_fields = frozenset()
    # Fields that the official SDK's types do not have: where they are not given, they are not shown either.
    _optional_fields = frozenset()
    # The order of the fields: those before "..." come first, those after it last.
    _field_order = ""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, value in list(vars(cls).items()):
            if not name.startswith("__") and isinstance(value, _METHOD_TYPES):
                setattr(cls, name, _Fixed(name, value))

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-ready values: nested records as dicts, times as ISO 8601 text in UTC."""
        return {name: _to_json(value) for name, value in self._data().items()}

    def _data(self) -> dict[str, Any]:
        """What ``to_dict()`` and ``model_dump()`` have, as it is."""
        return values_of(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record) or type(self) is not type(other):
            return NotImplemented
        return values_of(self, without=()) == values_of(other, without=())

    __hash__ = None  # pyright: ignore[reportIncompatibleMethodOverride]

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Pairs of the name and the value of each field, so that ``dict(record)`` works."""
        return iter(values_of(self).items())

    def __repr__(self) -> str:
        cls = type(self)
        if not vars(self) and _names_of(cls)[1]:
            return f"<{cls.__name__}, not initialized>"  # Debuggers show such objects.
        return f"{cls.__name__}({_shown(self, ', ')})"

    def __str__(self) -> str:
        """The fields alone, as the official SDK's types are printed."""
        return _shown(self, " ")

    # Unlike what object has for these, both look nothing up in the instance, where fields may have any name.

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        import copyreg  # noqa: PLC0415 - loaded by pickle and copy

        return copyreg.__newobj__, (type(self),), vars(self)  # type: ignore[attr-defined]

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        import copy  # noqa: PLC0415 - the caller has loaded it

        twin = memo[id(self)] = type(self).__new__(type(self))
        vars(twin).update(copy.deepcopy(vars(self), memo))
        return twin


for _name in ("to_dict", "_data", "__reduce_ex__", "__deepcopy__"):
    setattr(Record, _name, _Fixed(_name, vars(Record)[_name]))
for _name in (
    *("model_dump", "model_dump_json", "model_validate", "model_validate_json", "model_copy", "model_construct"),
    *("model_fields", "model_fields_set", "model_extra", "dict", "json", "copy", "__signature__"),
):
    setattr(Record, _name, ModelMethod(_name))


def _make_dataclass(cls: type[Record]) -> None:
    """Makes a class a dataclass whose ``__init__`` is inherited."""
    dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=True)(cls)
    fields = cls.__dataclass_fields__
    first, last = (names.split() for names in f"{cls._field_order} ... extra".split("...", 1))
    names = [*first, *(name for name in fields if name not in {*first, *last}), *last]
    fields = {name: fields[name] for name in names if name in fields}
    for name in cls.__annotations__:
        if name in fields and fields[name].default_factory is not dataclasses.MISSING:
            setattr(cls, name, ListDefault(fields[name]))
    for name, value in (("__dataclass_fields__", fields), ("__dataclass_params__", vars(cls)["__dataclass_params__"])):
        setattr(cls, name, _Fixed(name, value))


class ServiceObject(Record):
    """A dataclass that the service sends. Instances are mutable; threads that share one must not change it."""

    # Whether the types of scalars that may be null are checked. For records that are received by the hundred, this
    # check would take longer than all the rest of decoding. There, optional scalars are not checked.
    _checks_optional = True

    def __init__(self, /, **fields: Any) -> None:
        """Builds one by hand, with all fields checked.

        Raises:
            SonioxValidationError: A required field is missing, or a value does not have the type of its field.
        """
        from .model_methods import validated  # noqa: PLC0415 - the service's are adopted

        vars(self).update(validated(type(self), fields))

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        _make_dataclass(cls)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The record for a JSON object. ``data`` is copied and not changed.

        Raises:
            SonioxAPIError: A required field is missing, or a value does not have the type of its field.
        """
        from .coercion import own  # noqa: PLC0415 - only from_dict needs it

        try:
            return decode(cls, own(data))
        except RecursionError as error:
            raise SonioxAPIError(f"the reply is not a {cls.__name__}: it is nested too deeply") from error


class Payload(Record):
    """A dataclass that is sent to the service and validates itself when built.

    Attributes:
        extra: Fields that this version does not know, by name, with values of JSON. They are sent like the others; None
            for none.
    """

    if TYPE_CHECKING:
        __pydantic_config__: ClassVar[dict[str, str]]
    # By default pydantic would drop unknown fields, which are errors everywhere else.
    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 - no field
    _is_payload = True  # for the rules, which convert the values of payloads
    _optional_fields = frozenset({"extra"})

    extra: dict[str, Any] | None = None

    def __init__(self, /, **fields: Any) -> None:
        _fill(self, fields)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._optional_fields |= {"extra"}
        _make_dataclass(cls)

    def __post_init__(self) -> None:
        # Called by libraries that make dataclasses without __init__, such as pydantic and msgspec.
        with FieldErrors(self) as check:
            self._check(check)

    def _check(self, check: FieldErrors) -> None:
        """Applies the rules of the fields."""

    def __setattr__(self, name: str, value: object) -> None:
        if name not in type(self).__dataclass_fields__:
            with FieldErrors(self) as check:
                check.unknown(name, value, field_names(self))
        vars(self)[name] = value

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
        if type(value).__name__ == cls.__name__ and hasattr(value, "to_dict"):
            # Of another copy of this package in the same process. Unlike to_dict(), this keeps ``extra`` apart.
            value = dict(value)
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
        payload = cls.__new__(cls)
        _fill(payload, data)
        return payload

    def to_dict(self) -> dict[str, Any]:
        """The fields as they are sent: JSON-ready, without those that are None."""
        return {name: _to_json(value) for name, value in self._data().items() if value is not None}

    def _data(self) -> dict[str, Any]:
        values = values_of(self)
        values.update(values.pop("extra", None) or {})
        return values


_make_dataclass(Payload)  # for ``extra``


def _fill(payload: Payload, fields: Mapping[str, Any]) -> None:
    """Sets the fields of a new payload and checks them; all problems become one error."""
    names, required = _names_of(type(payload))
    values = vars(payload)
    with FieldErrors(payload) as check:
        # None means "not given"; the rules of a required field refuse it.
        values.update(required)
        for name, value in fields.items():
            if name in names:
                values[name] = value
            else:
                check.unknown(name, value, names)
        if payload.extra is not None:
            check.unknown_fields("extra", payload.extra, names)
        payload._check(check)


_names: dict[type[Record], tuple[list[str], dict[str, None]]] = {}


def _names_of(cls: type[Record]) -> tuple[list[str], dict[str, None]]:
    """The names of the declared fields of a class; and those of the required ones, each with None."""
    found = _names.get(cls)
    if found is None:
        fields = dataclasses.fields(cls)
        required: dict[str, None] = {field.name: None for field in fields if is_required(field)}
        found = _names[cls] = [field.name for field in fields], required
    return found


def field_names(record: Record) -> list[str]:
    """The names of a record's declared fields."""
    return list(_names_of(type(record))[0])


def values_of(record: Record, without: Container[str] | None = None) -> dict[str, Any]:
    """Declared fields in their order, then all other attributes of the record.

    Attributes are looked up on the class: unknown fields of a response may have any name, also that of a method.

    Args:
        record: The record.
        without: Declared fields that are left out if they are not given; None for the class's optional ones.
    """
    cls, values = type(record), vars(record)
    if without is None:
        without = cls._optional_fields
    known: dict[str, Any] = {}
    for name in _names_of(cls)[0]:
        if name in values:
            known[name] = values[name]
        elif name not in without:
            # Reading it from the record would make a list a given one.
            default = getattr(cls, name, _MISSING)
            # A required field is missing where a record was not validated, or where it was found invalid.
            if default is not _MISSING:
                known[name] = default.default_factory() if isinstance(default, dataclasses.Field) else default  # type: ignore[operator]
    known.update(values)
    return known


def _shown(record: Record, separator: str) -> str:
    secret = type(record)._secret_fields
    return separator.join(
        f"{name}={_MASK if name in secret and value is not None else repr(value)}"
        for name, value in values_of(record).items()
    )


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
