"""From parsed JSON to records.

The annotations of a :class:`ServiceObject` are read as text (their modules postpone evaluation), in a small grammar:
``str``, ``int``, ``float``, ``bool``, ``datetime``, ``Any``, a ServiceObject class of the same module, ``list[...]`` of
those, ``list[date]``, each optionally ``| None``. Any other name is an open enum, which travels as ``str``.

A value of another type is converted if it means one of the right type (see ``coercion.py``).
"""
# The types of JSON values are unknown before they are looked at.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import dataclasses
import functools
import sys

from ..errors import SonioxAPIError
from .json_values import MismatchError, json_kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from .._http.messages import Response
    from .records import ServiceObject

    ObjectT = TypeVar("ObjectT", bound=ServiceObject)
    # Turns a JSON value into the value of a field, or raises MismatchError.
    Converter = Callable[[Any], Any]

# bool is an int in Python but not in JSON; a number without a fraction may be written as an integer.
SCALARS: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (float, int), "bool": (bool,)}


def decode(cls: type[ObjectT], data: Any, response: Response | None = None) -> ObjectT:
    """The record for parsed JSON. ``data`` becomes the record's ``__dict__`` and must not be used again.

    Raises:
        SonioxAPIError: ``data`` does not have the documented shape; the message says where.
    """
    try:
        return adopt(cls, data)
    except MismatchError as error:
        raise SonioxAPIError(f"the reply {error.describe(cls)}", response=response) from None


def decode_response(cls: type[ObjectT], response: Response) -> ObjectT:
    """The record in the body of a successful response.

    Raises:
        SonioxAPIError: The status is not 2xx, or the body is not JSON or does not have the documented shape.
    """
    return decode(cls, response.raise_for_status().json(), response)


def is_required(field: dataclasses.Field[Any]) -> bool:
    """Whether a field of a dataclass has no default."""
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


class ListDefault:
    """The default of a field that holds a list: a new one for each record, made when it is first read."""

    def __init__(self, field: dataclasses.Field[Any]) -> None:
        self._field = field

    def __get__(self, record: object, owner: type) -> Any:
        if record is None:
            return self._field  # as in the body of a dataclass, which a decorator may look at again
        return vars(record).setdefault(self._field.name, self._field.default_factory())  # type: ignore[operator]


class _Plan:
    """How to decode a class, made once from its fields.

    Attributes:
        required: Names of fields that must be present and not null.
        scalars: Fields that keep the JSON value: the name, and the exact types that the value may have. A value of
            another type is converted to the first of them.
        converters: Fields whose JSON value is converted: the name, and the converter.
        only: The name of the field, if the class has a single one to check and that holds text; else None.
    """

    __slots__ = ("converters", "only", "required", "scalars")

    def __init__(self, cls: type[ServiceObject]) -> None:
        self.required: set[str] = set()
        self.scalars: list[tuple[str, tuple[type, ...]]] = []
        self.converters: list[tuple[str, Converter]] = []
        for field in dataclasses.fields(cls):
            annotation: str = field.type  # type: ignore[assignment]
            kind = annotation.removesuffix(" | None")
            nullable = kind != annotation
            if is_required(field):
                self.required.add(field.name)
                if nullable or kind == "Any":
                    msg = f"{cls.__name__}.{field.name}: a field that may be null needs a default"
                    raise TypeError(msg)
            if field.default_factory is not dataclasses.MISSING and not hasattr(cls, field.name):
                setattr(cls, field.name, ListDefault(field))  # A decorator of the user has deleted it.
            convert = _converter(kind, cls)
            if convert is not None:
                self.converters.append((field.name, convert))
            elif kind != "Any" and not nullable:
                self.scalars.append((field.name, SCALARS.get(kind, (str,))))
            elif kind != "Any" and cls._checks_optional:  # pyright: ignore[reportPrivateUsage] - one module
                self.scalars.append((field.name, (*SCALARS.get(kind, (str,)), type(None))))
        is_light = len(self.scalars) == 1 and self.scalars[0][1] == (str,)
        self.only = self.scalars[0][0] if is_light and not self.converters else None


_plans: dict[type[ServiceObject], _Plan] = {}


def _plan_of(cls: type[ServiceObject]) -> _Plan:
    plan = _plans.get(cls)
    if plan is None:
        plan = _plans[cls] = _Plan(cls)
    return plan


def _converter(kind: str, cls: type[ServiceObject]) -> Converter | None:
    """The converter for a type of field; None where the JSON value is kept."""
    if kind == "datetime":
        from .times import convert_datetime  # noqa: PLC0415 - realtime has no times; saves it 1 ms

        return convert_datetime
    object_class = object_class_of(kind, cls)
    if object_class is not None:
        return functools.partial(adopt, object_class)
    if not kind.startswith("list["):
        return None
    item = kind[5:-1]
    if item == "date":
        from .times import convert_date  # noqa: PLC0415 - as above

        return functools.partial(_converted_list, convert_date)
    item_class = object_class_of(item, cls)
    if item_class is not None:
        return functools.partial(_adopt_list, item_class)
    return functools.partial(_scalar_list, SCALARS.get(item, (str,)))


def object_class_of(name: str, cls: type) -> type[ServiceObject] | None:
    """The class of nested records that an annotation of ``cls`` names; None for any other name."""
    # The types of an inherited field are names of the module that declares the field.
    for base in cls.__mro__:
        found = getattr(sys.modules.get(base.__module__), name, None)
        # An attribute of ServiceObject alone, which is defined above this module.
        if isinstance(found, type) and hasattr(found, "_checks_optional"):
            return found
    return None


def adopt(cls: type[ObjectT], data: Any) -> ObjectT:
    """As :func:`decode`, for callers with an error type of their own. A record is returned as it is.

    Raises:
        MismatchError: ``data`` does not have the documented shape.
    """
    if type(data) is not dict:
        if isinstance(data, cls):
            return data
        raise MismatchError("must be an object", json_kind(data))
    plan = _plans.get(cls) or _plan_of(cls)
    get = data.get
    for name, types in plan.scalars:
        value = get(name)
        if type(value) not in types:
            if value is not None:
                data[name] = _coerced(types[0], value, f".{name}")
            elif name in plan.required:
                raise _absent(data, name)
            else:
                # null in a field that is documented not to be null means the default, like a missing key.
                data.pop(name, None)
    for name, convert in plan.converters:
        value = get(name)
        if value is not None:
            try:
                data[name] = convert(value)
            except MismatchError as error:
                raise error.below(f".{name}") from None
        elif name in plan.required:
            raise _absent(data, name)
        elif name in data and getattr(cls, name, None) is not None:
            del data[name]  # As above: it has a list for its default.
    record = cls.__new__(cls)
    record.__dict__ = data
    return record


def _absent(data: dict[str, Any], name: str) -> MismatchError:
    return MismatchError("is null" if name in data else "is missing", path=f".{name}")


def _coerced(kind: type, value: Any, place: str) -> Any:
    from .coercion import coerced  # noqa: PLC0415 - what the service sends has the right types

    try:
        return coerced(kind, value)
    except MismatchError as error:
        raise error.below(place) from None


def _checked_list(value: Any) -> list[Any]:
    if type(value) is not list:
        raise MismatchError("must be an array", json_kind(value))
    return value


def _scalar_list(types: tuple[type, ...], value: Any) -> list[Any]:
    """The items of a list, in place, after checking that they have these types; others are converted to the first."""
    items = _checked_list(value)
    for index, item in enumerate(items):
        if type(item) not in types:
            items[index] = _coerced(types[0], item, f"[{index}]")
    return items


def _converted_list(convert: Converter, value: Any) -> list[Any]:
    """The items of a list, each converted, in place."""
    items = _checked_list(value)
    for index, item in enumerate(items):
        try:
            items[index] = convert(item)
        except MismatchError as error:
            raise error.below(f"[{index}]") from None
    return items


def _adopt_list(cls: type[ObjectT], value: Any) -> list[ObjectT]:
    items = _checked_list(value)
    records: list[ObjectT] = []
    only, new = _plan_of(cls).only, cls.__new__
    if only is not None:
        # adopt() inlined, for tokens: the call alone would cost as much as all of this.
        try:
            for item in items:
                if type(item[only]) is not str:
                    break
                record = new(cls)
                record.__dict__ = item
                records.append(record)
            else:
                return records
        except (KeyError, TypeError):
            pass
        # An item does not have the documented shape; adopt() below converts it, or raises the error that says where.
        records.clear()
    try:
        for item in items:
            records.append(adopt(cls, item))  # noqa: PERF401 - the length is the index of the bad item
    except MismatchError as error:
        raise error.below(f"[{len(records)}]") from None
    return records
