"""What pydantic's models can do, for records: programs that were written for the official SDK call these names.

Loaded when one of them is first used, or when a record of the service is built by hand.
"""
# The types of JSON values are unknown before they are looked at.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

from ..errors import InvalidField, SonioxValidationError
from .coercion import coerced, listed, own
from .decoding import SCALARS, is_required, object_class_of
from .deprecation import warn_deprecated
from .json_values import MismatchError, kind_of
from .records import Payload, Record
from .rules import validation_error
from .times import convert_date, convert_datetime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from inspect import Signature
    from typing import ClassVar

    from typing_extensions import Self

    # A set of names, or a dict from names (or positions in a list, or "__all__") to True or to a selection below.
    Selection = Iterable[str | int] | Mapping[Any, Any] | None
    Fallback = Callable[[Any], Any] | None

# One of the class's own methods is called dict.
Fields = dict[str, Any]
_STRING_OR_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|-?[\d.]+e[+-]\d+')


class FieldInfo(NamedTuple):
    """A field of a record's class.

    Attributes:
        annotation: Its type.
        default: Its default; ``dataclasses.MISSING`` where it has none, or one that is made for each record.
        default_factory: What makes the default for each record; None for nothing.
    """

    annotation: Any
    default: Any = dataclasses.MISSING
    default_factory: Any = None

    def is_required(self) -> bool:
        """Whether there is no default."""
        return self.default is dataclasses.MISSING and self.default_factory is None

    def get_default(self, *, call_default_factory: bool = False) -> Any:
        """The default; None for one that is made for each record, unless ``call_default_factory``."""
        if self.default_factory is not None:
            return self.default_factory() if call_default_factory else None
        return self.default


class _OfClass:
    """A property of a class and of its instances."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function

    def __get__(self, record: object, owner: type[Record]) -> Any:
        return self._function(owner)


class ModelMethods:
    """The methods and attributes of :class:`Record` that pydantic's models have, too."""

    __slots__ = ()

    if TYPE_CHECKING:
        model_fields: ClassVar[Mapping[str, FieldInfo]]
        __signature__: ClassVar[Signature]

        def _data(self) -> Fields: ...

    else:

        @_OfClass
        def model_fields(cls):  # noqa: N805 - a property of the class
            """The declared fields of the class, by name."""
            return _fields_of(cls)

        @_OfClass
        def __signature__(cls):  # noqa: N805 - as above
            """The fields as keyword parameters, for ``inspect.signature()`` and ``help()``."""
            return _signature_of(cls)

    def model_dump(
        self,
        *,
        mode: str = "python",
        include: Selection = None,
        exclude: Selection = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        fallback: Fallback = None,
        **options: object,
    ) -> Fields:
        """The fields as a dict, with nested records as dicts.

        Args:
            mode: ``json`` for values that JSON can express (times as ISO 8601 text); any other for values as they are.
            include: The fields to have: a set of names, or a dict of names whose values select from the field in the
                same way, by names, by positions in a list, or by ``"__all__"`` for all its items; None for all fields.
            exclude: The fields to leave out, in the same form; None for none.
            exclude_unset: Whether to leave out fields that were not given.
            exclude_defaults: Whether to leave out fields that equal their defaults.
            exclude_none: Whether to leave out fields that are None.
            fallback: What turns a value that JSON cannot express into one; None to leave such values as they are.
            options: Other options of pydantic (``by_alias``, ``context``, ...), which make no difference here.
        """
        _check_options(options)
        kept = _Kept(exclude_unset, exclude_defaults, exclude_none)
        dumped: Fields = _dump(self, _Dump(kept, mode == "json", fallback=fallback), include, exclude)
        return dumped

    def model_dump_json(
        self,
        *,
        indent: int | None = None,
        ensure_ascii: bool = False,
        include: Selection = None,
        exclude: Selection = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        fallback: Fallback = None,
        **options: object,
    ) -> str:
        """The fields as JSON text. Numbers that JSON cannot express become null.

        Args:
            indent: Number of spaces for each level; None for text without any white space.
            ensure_ascii: Whether to escape all characters that are not ASCII.
            include: The fields to have: a set of names, or a dict as :meth:`model_dump` takes it; None for all fields.
            exclude: The fields to leave out, in the same form; None for none.
            exclude_unset: Whether to leave out fields that were not given.
            exclude_defaults: Whether to leave out fields that equal their defaults.
            exclude_none: Whether to leave out fields that are None.
            fallback: What turns a value that JSON cannot express into one; None to raise an error.
            options: Other options of pydantic (``by_alias``, ``context``, ...), which make no difference here.

        Raises:
            TypeError: A field has a value that JSON cannot express.
        """
        _check_options(options)
        kept = _Kept(exclude_unset, exclude_defaults, exclude_none)
        dumped = _dump(self, _Dump(kept, as_json=True, finite_only=True, fallback=fallback), include, exclude)
        separators = (",", ":") if indent is None else None
        text = json.dumps(dumped, indent=indent, ensure_ascii=ensure_ascii, separators=separators)
        return _STRING_OR_NUMBER.sub(_spelled, text)

    @classmethod
    def model_validate(cls, obj: Any, *, from_attributes: bool | None = None, **options: Any) -> Self:
        """The record for a dict of its fields; an instance of the class is returned as it is.

        Args:
            obj: A dict or other mapping, or an instance.
            from_attributes: Whether to take the fields from the attributes of any other object.
            options: Other options of pydantic (``strict``, ``context``, ...), which make no difference here.

        Raises:
            SonioxValidationError: A required field is missing or a value is not valid; ``errors`` has all of them.
        """
        _check_options(options)
        if isinstance(obj, cls):
            return obj
        if from_attributes and not isinstance(obj, Mapping):
            obj = {name: getattr(obj, name) for name in _declared(cls) if hasattr(obj, name)}
        record = cls.__new__(cls)
        if isinstance(record, Payload):
            return record.from_dict(obj)
        vars(record).update(validated(cls, obj))
        if hasattr(record, "__post_init__"):
            record.__post_init__()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
        return record

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """The record that a JSON text spells out.

        Args:
            json_data: The text, or its bytes in UTF-8.
            options: Other options of pydantic (``strict``, ``context``, ...), which make no difference here.

        Raises:
            SonioxValidationError: It is not JSON, a required field is missing, or a value is not valid.
        """
        try:
            parsed = json.loads(json_data)
        except (ValueError, TypeError, RecursionError) as error:
            raise SonioxValidationError(f"{cls.__name__} is not valid: it is not JSON: {error}") from error
        return cls.model_validate(parsed, **options)

    @classmethod
    def model_construct(cls, _fields_set: object = None, **values: Any) -> Self:
        """A record with these fields, none of them checked or converted.

        Args:
            _fields_set: Ignored: the fields that are given are the ones that are set.
            values: The fields. Those that are not given have their defaults; required ones may be missing.
        """
        record = cls.__new__(cls)
        vars(record).update(values)
        return record

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy.

        Args:
            update: Fields to replace, not checked; None for none.
            deep: Whether nested records and lists are copied, too.
        """
        import copy  # noqa: PLC0415 - only copies need it

        twin = copy.deepcopy(self) if deep else copy.copy(self)
        vars(twin).update(update or {})
        return twin

    @property
    def model_fields_set(self) -> set[str]:
        """Names of the fields that were given, also as None; the others have their defaults."""
        return self._data().keys() & (vars(self).keys() | self.model_extra.keys())

    @property
    def model_extra(self) -> Fields:
        """The fields that the class does not declare, by name; empty if there are none."""
        known = _declared(type(self))
        return {name: value for name, value in self._data().items() if name not in known}

    def dict(self, **options: Any) -> Fields:
        """:meth:`model_dump`, by its deprecated name."""
        warn_deprecated("dict() is deprecated: use model_dump()")
        return self.model_dump(**options)

    def json(self, **options: Any) -> str:
        """:meth:`model_dump_json`, by its deprecated name."""
        warn_deprecated("json() is deprecated: use model_dump_json()")
        return self.model_dump_json(**options)

    def copy(
        self,
        *,
        include: Selection = None,
        exclude: Selection = None,
        update: Mapping[str, Any] | None = None,
        deep: bool = False,
    ) -> Self:
        """:meth:`model_copy`, by its deprecated name.

        Args:
            include: The fields to copy, as in :meth:`model_dump`; None for all.
            exclude: The fields not to copy; None for none.
            update: Fields to replace, not checked; None for none.
            deep: Whether nested records and lists are copied, too.
        """
        warn_deprecated("copy() is deprecated: use model_copy()")
        twin = self.model_copy(deep=deep)
        if include is not None or exclude is not None:
            for name in vars(twin).keys() - self.model_dump(include=include, exclude=exclude).keys():
                del vars(twin)[name]
        vars(twin).update(update or {})
        return twin


# pydantic's options that make no difference: no field has an alias, is computed, or depends on a context.
_WITHOUT_EFFECT = {
    *("by_alias", "by_name", "context", "exclude_computed_fields", "extra", "polymorphic_serialization"),
    *("round_trip", "serialize_as_any", "strict", "warnings"),
}


def _check_options(options: Fields) -> None:
    for name in options.keys() - _WITHOUT_EFFECT:
        raise TypeError(f"unexpected keyword argument {name!r}")


# Classes.


def _declared(cls: type) -> list[str]:
    return [field.name for field in dataclasses.fields(cls) if field.name != "extra" or not issubclass(cls, Payload)]


def _fields_of(cls: type[Record]) -> dict[str, FieldInfo]:
    from typing import get_type_hints  # noqa: PLC0415 - only this needs it

    hints = get_type_hints(cls)
    fields = cls.__dataclass_fields__
    made = {name: fields[name].default_factory for name in _declared(cls)}
    return {
        name: FieldInfo(hints[name], fields[name].default, None if factory is dataclasses.MISSING else factory)
        for name, factory in made.items()
    }


def _signature_of(cls: type[Record]) -> Signature:
    from inspect import Parameter, Signature  # noqa: PLC0415 - only this needs it

    return Signature(
        [
            Parameter(
                field.name,
                Parameter.KEYWORD_ONLY,
                default=Parameter.empty if is_required(field) else _default_of(field),
                annotation=field.type,
            )
            for field in dataclasses.fields(cls)
        ]
    )


def _default_of(field: dataclasses.Field[Any]) -> Any:
    """The default of a field; ``dataclasses.MISSING`` for one that is required."""
    factory = field.default_factory
    return field.default if factory is dataclasses.MISSING else factory()


# Validation.


def validated(cls: type, data: Any) -> Fields:
    """The ``__dict__`` of a record with these fields, all of them checked and converted.

    Raises:
        SonioxValidationError: A required field is missing or a value is not valid; ``errors`` has all of them.
    """
    problems: list[InvalidField] = []
    try:
        found = _checked(cls, own(data), problems)
    except RecursionError as error:
        raise SonioxValidationError(f"{cls.__name__} is not valid: it is nested too deeply") from error
    if problems:
        raise validation_error(cls.__name__, problems)
    return found


def _checked(cls: type, data: Any, problems: list[InvalidField], path: str = "") -> Fields:
    """``data`` itself, whose values are checked and converted in place; what is wrong gets into ``problems``."""
    if not isinstance(data, dict):
        problems.append(InvalidField(path.rstrip(".") or cls.__name__, "must be an object", kind_of(data)))
        return {}
    for field in dataclasses.fields(cls):
        value = data.get(field.name)
        kind = str(field.type).removesuffix(" | None")
        if value is not None:
            data[field.name] = _value(kind, cls, value, problems, f"{path}{field.name}")
        elif is_required(field):
            problems.append(InvalidField(f"{path}{field.name}", "must be given", kind_of(value)))
        elif kind == field.type:
            data.pop(field.name, None)  # None, where it is not allowed, means the default.
    return data


def _value(kind: str, cls: type, value: Any, problems: list[InvalidField], path: str) -> Any:
    """The value of a field of ``cls``, or of an item of one, whose type is ``kind``."""
    object_class = object_class_of(kind, cls)
    if object_class is not None:
        if isinstance(value, object_class):
            return value
        return object_class.model_construct(**_checked(object_class, value, problems, f"{path}."))
    try:
        if kind.startswith("list["):
            return [
                _value(kind[5:-1], cls, item, problems, f"{path}[{index}]") for index, item in enumerate(listed(value))
            ]
        return _scalar(kind, value)
    except MismatchError as error:
        problems.append(InvalidField(path, error.rule, kind_of(value)))
        return None


def _scalar(kind: str, value: Any) -> Any:
    if kind == "Any":
        return value
    if kind == "datetime":
        return convert_datetime(value)
    if kind == "date":
        return convert_date(value)
    target = SCALARS.get(kind, (str,))[0]
    return value if type(value) is target else coerced(target, value)


# Dumping.


class _Kept(NamedTuple):
    """Which fields are left out of a dump."""

    exclude_unset: bool = False
    exclude_defaults: bool = False
    exclude_none: bool = False


class _Dump(NamedTuple):
    """How values are dumped."""

    kept: _Kept = _Kept()
    as_json: bool = False
    finite_only: bool = False
    fallback: Fallback = None


def _dump(value: Any, how: _Dump, include: Any = None, exclude: Any = None) -> Any:
    pairs: Iterable[tuple[Any, Any]]
    if isinstance(value, Record):
        pairs = _kept_pairs(value, how.kept)
    elif isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, (list, tuple)):
        selected = _selected(enumerate(value), len(value), include, exclude)
        dumped = [_dump(item, how, *below) for _, item, *below in selected]
        return dumped if how.as_json or isinstance(value, list) else tuple(dumped)
    else:
        return _dump_scalar(value, how) if how.as_json else value
    return {name: _dump(item, how, *below) for name, item, *below in _selected(pairs, 0, include, exclude)}


def _kept_pairs(record: Record, kept: _Kept) -> Iterator[tuple[str, Any]]:
    given = record.model_fields_set if kept.exclude_unset else ()
    defaults = {f.name: _default_of(f) for f in dataclasses.fields(type(record))} if kept.exclude_defaults else {}
    for name, value in record._data().items():  # pyright: ignore[reportPrivateUsage] - a part of it
        if (
            not (kept.exclude_unset and name not in given)
            and not (kept.exclude_none and value is None)
            and not (name in defaults and value == defaults[name])
        ):
            yield name, value


def _selected(pairs: Iterable[tuple[Any, Any]], length: int, include: Any, exclude: Any) -> Iterator[tuple[Any, ...]]:
    """The keys and values that are selected, each with what is included and excluded below it."""
    wanted, unwanted = _selection("include", include), _selection("exclude", exclude)
    for key, value in pairs:
        included = True if wanted is None else _chosen(wanted, key, length)
        excluded = False if unwanted is None else _chosen(unwanted, key, length)
        if included is not False and excluded is not True:
            yield key, value, None if included is True else included, excluded or None


def _selection(name: str, given: Any) -> Mapping[Any, Any] | None:
    if given is None or isinstance(given, Mapping):
        return given
    if isinstance(given, (str, bytes)) or not hasattr(given, "__iter__"):
        raise TypeError(f"{name} must be a set of names, or a dict of names and what is selected below")
    return dict.fromkeys(given, True)


def _chosen(selection: Mapping[Any, Any], key: Any, length: int) -> Any:
    """True for all of a value, False for nothing, or the selection below it."""
    found = [selection[name] for name in (key, "__all__") if name in selection]
    if length and key - length in selection:
        found.append(selection[key - length])
    if not found:
        return False
    if any(one is True or one is ... for one in found):
        return True
    merged: dict[Any, Any] = {}
    for one in found:
        merged.update(_selection("a selection", one) or {})
    return merged


def _dump_scalar(value: Any, how: _Dump) -> Any:
    """A value that is not a record, as JSON has it."""
    if isinstance(value, Enum):
        value = value.value
    if how.finite_only and isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (str, int, float)):
        return value
    if hasattr(value, "isoformat"):
        return _time_text(value)
    if isinstance(value, (set, frozenset)):
        return [_dump(item, how) for item in value]
    try:
        return coerced(str, value)
    except MismatchError:
        return how.fallback(value) if how.fallback is not None else value


def _time_text(value: Any) -> str:
    """ISO 8601 text with the offset that a time has, or none; UTC is ``Z``."""
    text: str = value.isoformat()
    return text.replace("+00:00", "Z")


def _spelled(number: re.Match[str]) -> str:
    """A number with an exponent, as pydantic writes it: 1e-05 is 0.00001, and 1e-07 is 1e-7. A string as it is."""
    text = number[0]
    if text.startswith('"'):
        return text
    digits, _, exponent = text.partition("e")
    if int(exponent) != -5:
        return f"{digits}e{int(exponent)}"
    sign, digits = ("-", digits[1:]) if digits.startswith("-") else ("", digits)
    return f"{sign}0.0000{digits.replace('.', '')}"
