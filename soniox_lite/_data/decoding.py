"""From parsed JSON to records.

The annotations of a :class:`ServiceObject` are read as text (their modules postpone evaluation), in a small grammar:
``str``, ``int``, ``float``, ``bool``, ``datetime``, ``Any``, a ServiceObject class of the same module, ``list[...]`` of
those, ``list[date]``, each optionally ``| None``. Any other name is an open enum, which travels as ``str``.
"""
# The types of JSON values are unknown before they are looked at.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import dataclasses
import functools
import sys

from ..errors import SonioxAPIError
from .json_values import JSON_KINDS, MismatchError, check_list, json_kind

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
_SCALARS: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (float, int), "bool": (bool,)}


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


class _Plan:
    """How to decode a class, made once from its fields.

    Attributes:
        required: Names of fields that must be present and not null.
        scalars: Fields that keep the JSON value: the name, and the exact types that the value may have.
        converters: Fields whose JSON value is converted: the name, the converter, and the factory of the default (None
            where the class holds the default).
        only: The name of the field, if the class has a single one to check and that holds text; else None.
    """

    __slots__ = ("converters", "only", "required", "scalars")

    def __init__(self, cls: type[ServiceObject]) -> None:
        self.required: set[str] = set()
        self.scalars: list[tuple[str, tuple[type, ...]]] = []
        self.converters: list[tuple[str, Converter, Callable[[], Any] | None]] = []
        for field in dataclasses.fields(cls):
            annotation: str = field.type  # type: ignore[assignment]
            kind = annotation.removesuffix(" | None")
            nullable = kind != annotation
            if is_required(field):
                self.required.add(field.name)
                if nullable or kind == "Any":
                    msg = f"{cls.__name__}.{field.name}: a field that may be null needs a default"
                    raise TypeError(msg)
            factory = None if field.default_factory is dataclasses.MISSING else field.default_factory
            convert = _converter(kind, cls)
            if convert is not None:
                self.converters.append((field.name, convert, factory))
            elif factory is not None:
                msg = f"{cls.__name__}.{field.name}: only lists have defaults that are made for each record"
                raise TypeError(msg)
            elif kind != "Any" and not nullable:
                self.scalars.append((field.name, _SCALARS.get(kind, (str,))))
            elif kind != "Any" and cls._checks_optional:  # pyright: ignore[reportPrivateUsage] - one module
                self.scalars.append((field.name, (*_SCALARS.get(kind, (str,)), type(None))))
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
    if kind in ("datetime", "list[date]"):
        from .times import convert_dates, convert_datetime  # noqa: PLC0415 - realtime has no times; saves it 1 ms

        return convert_datetime if kind == "datetime" else convert_dates
    if kind.startswith("list["):
        item = kind[5:-1]
        item_class = _object_class(item, cls)
        if item_class is not None:
            return functools.partial(_adopt_list, item_class)
        types = _SCALARS.get(item, (str,))
        return functools.partial(check_list, types)
    object_class = _object_class(kind, cls)
    if object_class is not None:
        return functools.partial(adopt, object_class)
    return None


def _object_class(name: str, cls: type[ServiceObject]) -> type[ServiceObject] | None:
    # The types of an inherited field are names of the module that declares the field.
    for base in cls.__mro__:
        found = getattr(sys.modules.get(base.__module__), name, None)
        # An attribute of ServiceObject alone, which is defined above this module.
        if isinstance(found, type) and hasattr(found, "_checks_optional"):
            return found
    return None


def adopt(cls: type[ObjectT], data: Any) -> ObjectT:
    """As :func:`decode`, for callers with an error type of their own.

    Raises:
        MismatchError: ``data`` does not have the documented shape.
    """
    if type(data) is not dict:
        raise MismatchError(f"must be an object, is {json_kind(data)}")
    plan = _plans.get(cls) or _plan_of(cls)
    get = data.get
    for name, types in plan.scalars:
        value = get(name)
        if type(value) not in types:
            if value is not None:
                raise MismatchError(f"must be a {JSON_KINDS[types[0]]}, is {json_kind(value)}", f".{name}")
            if name in plan.required:
                raise _absent(data, name)
            # null in a field that is documented not to be null means the default, like a missing key.
            data.pop(name, None)
    for name, convert, factory in plan.converters:
        value = get(name)
        if value is not None:
            try:
                data[name] = convert(value)
            except MismatchError as error:
                raise MismatchError(error.problem, f".{name}{error.path}") from None
        elif factory is not None:
            data[name] = factory()
        elif name in plan.required:
            raise _absent(data, name)
        else:
            data.pop(name, None)
    record = cls.__new__(cls)
    record.__dict__ = data
    return record


def _absent(data: dict[str, Any], name: str) -> MismatchError:
    return MismatchError("is null" if name in data else "is missing", f".{name}")


def _adopt_list(cls: type[ObjectT], items: Any) -> list[ObjectT]:
    if type(items) is not list:
        raise MismatchError(f"must be an array, is {json_kind(items)}")
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
        # An item does not have the documented shape; adopt() below raises the error that says where.
        records.clear()
    try:
        for item in items:
            records.append(adopt(cls, item))  # noqa: PERF401 - the length is the index of the bad item
    except MismatchError as error:
        raise MismatchError(error.problem, f"[{len(records)}]{error.path}") from None
    return records
