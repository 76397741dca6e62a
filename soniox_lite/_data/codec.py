"""JSON to dataclasses and back.

Two kinds of dataclass travel as JSON objects, with different duties:

- A :class:`Reply` comes from the service. It is made by *adopting* the parsed dict as the instance's ``__dict__``:
  that costs a tenth of calling ``__init__``, keeps fields that this version does not know (readable as attributes
  and in ``to_dict()``), and takes the defaults of absent fields from the class. Required fields, containers and
  kinds of value are checked against the class's annotations; an unknown field or enum value never is an error.
- A :class:`Payload` is written by the user and sent. It validates itself when built and leaves out what is None.

The annotations of replies are read as text (the modules postpone their evaluation), in a small grammar:
``str``, ``int``, ``float``, ``bool``, ``datetime``, ``Any``, a Reply class of the same module, ``list[...]`` of
those, ``list[date]``, each optionally ``| None``. Any other name stands for an open enum, which travels as ``str``.
"""
# What JSON holds is not known before it is looked at, and looking at it is what this module does.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import dataclasses
import functools
import sys

from ..errors import InvalidField, SonioxAPIError, SonioxValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, ClassVar, TypeVar

    from typing_extensions import Self

    from .._http.messages import Response

    ReplyT = TypeVar("ReplyT", bound="Reply")
    # Turns a JSON value into what the field holds, or raises _Mismatch.
    Converter = Callable[[Any], Any]

# bool is an int in Python but not in JSON; a number without a fraction may be written as an integer.
_SCALARS: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (float, int), "bool": (bool,)}
_JSON_KINDS = {
    dict: "object", list: "array", str: "string", int: "number", float: "number", bool: "boolean", type(None): "null",
}  # fmt: skip
_MASK = "***"
_METHOD_TYPES = (type(lambda: None), classmethod, staticmethod)
# A list may hold a thousand wrong items; the text of the error shall still fit on a screen.
_MAX_TOLD = 10


def shown_when_made(show: Callable[[Any], str]) -> Callable[[Any], str]:
    """A ``__repr__`` that also works where the constructor failed: debuggers and test runners ask for it then."""

    @functools.wraps(show)
    def shown(self: object) -> str:
        try:
            return show(self)
        except AttributeError:
            return f"<{type(self).__name__}, not made>"

    return shown


class _Method:
    """A method that no field of a reply hides: a descriptor with ``__set__`` comes before the instance's dict."""

    def __init__(self, name: str, function: Any) -> None:
        self._name = name
        self._function = function

    def __get__(self, record: Record | None, owner: type[Record]) -> Any:
        return self._function.__get__(record, owner)

    def __set__(self, record: Record, value: object) -> None:
        vars(record)[self._name] = value


class Record:
    """What replies and payloads have in common: comparing, showing and turning into a dict."""

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

    @shown_when_made
    def __repr__(self) -> str:
        secret = type(self)._secret_fields
        shown = ", ".join(
            f"{name}={_MASK if name in secret and value is not None else repr(value)}"
            for name, value in _items(self).items()
        )
        return f"{type(self).__name__}({shown})"


class Reply(Record):
    """A dataclass that the service sends. Instances are plain and mutable; sharing them is up to the caller."""

    # Whether scalars that may be null have to be of their kind. Where records come by the hundred, looking at each
    # would take longer than all the rest of decoding; there, what the service sends is taken as it is.
    _checks_optional = True

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The record that a JSON object stands for; ``data`` itself is left as it is.

        Raises:
            SonioxAPIError: A required field is missing, or a value is of another kind than the field's.
        """
        import copy  # noqa: PLC0415 - only this way of decoding needs it

        try:
            own = copy.deepcopy(dict(data) if isinstance(data, _mapping_type()) else data)
        except (TypeError, RecursionError) as error:
            raise SonioxAPIError(f"the reply is not a {cls.__name__}: it is not JSON, or nested too deeply") from error
        return decode(cls, own)


class Payload(Record):
    """A dataclass that is sent to the service and validates itself when built."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The payload with these fields.

        Raises:
            SonioxValidationError: A field is invalid, or there is no such field.
        """
        if not isinstance(data, _mapping_type()):
            raise SonioxValidationError(f"{cls.__name__} must be a {cls.__name__} or a dict, got {kind_of(data)}")
        # None stands for "not given", which required fields refuse themselves.
        given: dict[str, Any] = {field.name: None for field in dataclasses.fields(cls) if _is_required(field)}
        names = [field.name for field in dataclasses.fields(cls)]
        problems: list[InvalidField] = []
        for name, value in data.items():
            if name in names:
                given[name] = value
            else:
                rule = f"is not a field of {cls.__name__}"
                if not problems:
                    rule += f", which has {', '.join(names)}"
                problems.append(InvalidField(_shown(name), rule, kind_of(value)))
        try:
            payload = cls(**given)
        except SonioxValidationError as error:
            raise invalid(cls.__name__, problems + error.errors) from None
        if problems:
            raise invalid(cls.__name__, problems)
        return payload

    def to_dict(self) -> dict[str, Any]:
        """The fields as they are sent: JSON-ready, without those that are None."""
        return {name: value for name, value in super().to_dict().items() if value is not None}


def invalid(subject: str, problems: list[InvalidField]) -> SonioxValidationError:
    """The error that lists what is wrong with ``subject``; its text tells the first few, its ``errors`` all."""
    details = "; ".join(map(str, problems[:_MAX_TOLD]))
    if len(problems) > _MAX_TOLD:
        details += f"; and {len(problems) - _MAX_TOLD} more"
    return SonioxValidationError(f"{subject} is not valid: {details}", errors=problems)


def items_of(value: Any) -> list[Any]:
    """The items of a list or tuple; anything else is its own only item."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def field_names(record: Record) -> list[str]:
    """The names of a record's declared fields."""
    return [field.name for field in dataclasses.fields(type(record))]


def pairs_of(mapping: Any) -> list[tuple[Any, Any]]:
    """The names and values of a dict of unknown content."""
    return list(mapping.items())


def is_buffer(value: object) -> bool:
    """Whether a value holds bytes: bytes themselves, a memoryview, or an array of samples (also NumPy's)."""
    try:
        memoryview(value).release()  # type: ignore[arg-type]
    except TypeError:
        return False
    return True


def kind_of(value: object) -> str:
    """What a value is, without telling the value: ``str of length 300``."""
    name = type(value).__name__
    return f"{name} of length {len(value)}" if isinstance(value, (str, bytes, list, tuple, dict)) else name


def decode(cls: type[ReplyT], data: Any, response: Response | None = None) -> ReplyT:
    """The reply that parsed JSON stands for. ``data`` becomes part of it and must not be used again.

    Raises:
        SonioxAPIError: ``data`` is not of the documented shape; the message says where.
    """
    try:
        return adopt(cls, data)
    except MismatchError as error:
        raise SonioxAPIError(f"the reply {error.told_of(cls)}", response=response) from None


def decode_response(cls: type[ReplyT], response: Response) -> ReplyT:
    """What a successful reply says.

    Raises:
        SonioxAPIError: The status is not 2xx, or the body is not JSON or not of the documented shape.
    """
    return decode(cls, response.raise_for_status().json(), response)


def _items(record: Record) -> dict[str, Any]:
    """Declared fields in their order, then whatever else the record holds.

    Goes by the class, as everything here must: a reply's own fields may have any name, also one of ours.
    """
    known = {field.name: getattr(record, field.name) for field in dataclasses.fields(type(record))}
    return {**known, **vars(record)}


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _shown(name: object) -> str:
    """A field's name that the caller made up, fit for a message."""
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
        from .times import to_text  # noqa: PLC0415 - loaded before, or there would be no such value

        return to_text(value)
    return value


def _mapping_type() -> type[Any]:
    from collections.abc import Mapping  # noqa: PLC0415 - the name is for type checkers at the top of the module

    return Mapping


class MismatchError(Exception):
    """A value is not what its field holds; ``path`` grows as the error travels outwards."""

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = path

    def told_of(self, cls: type[Reply]) -> str:
        """The problem with what should have been a reply of this class."""
        return f"is not a {cls.__name__}: {cls.__name__}{self.path} {self.problem}"


class _Plan:
    """What decoding a class needs to know, worked out once from its fields.

    Attributes:
        required: Names that must be present and not null.
        scalars: Name of a field that holds the JSON value itself, and the exact types of what a dict gives for it where
            all is well.
        converters: Name of a field that holds something made from it, what makes that, and what makes the default where
            the class cannot hold it (a list of its own for each record).
        only: The one field that is looked at, if that is all there is to do, and holds text; else None.
    """

    __slots__ = ("converters", "only", "required", "scalars")

    def __init__(self, cls: type[Reply]) -> None:
        self.required: set[str] = set()
        self.scalars: list[tuple[str, tuple[type, ...]]] = []
        self.converters: list[tuple[str, Converter, Callable[[], Any] | None]] = []
        for field in dataclasses.fields(cls):
            annotation: str = field.type  # type: ignore[assignment]
            kind = annotation.removesuffix(" | None")
            nullable = kind != annotation
            if _is_required(field):
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


_plans: dict[type[Reply], _Plan] = {}


def _plan_of(cls: type[Reply]) -> _Plan:
    plan = _plans.get(cls)
    if plan is None:
        plan = _plans[cls] = _Plan(cls)
    return plan


def _converter(kind: str, cls: type[Reply]) -> Converter | None:
    """The function for a kind of field; None where the JSON value is kept as it is."""
    if kind in ("datetime", "list[date]"):
        from . import times as _times  # noqa: PLC0415 - realtime messages have none, and their first one comes 1 ms sooner

        return _times.convert_datetime if kind == "datetime" else _times.convert_dates
    if kind.startswith("list["):
        item = kind[5:-1]
        item_class = _reply_class(item, cls)
        if item_class is not None:
            return functools.partial(_adopt_list, item_class)
        types = _SCALARS.get(item, (str,))
        return functools.partial(check_list, types)
    reply_class = _reply_class(kind, cls)
    if reply_class is not None:
        return functools.partial(adopt, reply_class)
    return None


def _reply_class(name: str, cls: type[Reply]) -> type[Reply] | None:
    # A subclass made elsewhere inherits fields whose types are known where they were declared.
    for base in cls.__mro__:
        found = getattr(sys.modules.get(base.__module__), name, None)
        if isinstance(found, type) and issubclass(found, Reply):
            return found
    return None


def adopt(cls: type[ReplyT], data: Any) -> ReplyT:
    """As :func:`decode`, for who tells in words of their own what is wrong.

    Raises:
        MismatchError: ``data`` is not of the documented shape.
    """
    if type(data) is not dict:
        raise MismatchError(f"must be an object, is {json_kind(data)}")
    plan = _plans.get(cls) or _plan_of(cls)
    get = data.get
    for name, types in plan.scalars:
        value = get(name)
        if type(value) not in types:
            if value is not None:
                raise MismatchError(f"must be a {_JSON_KINDS[types[0]]}, is {json_kind(value)}", f".{name}")
            if name in plan.required:
                raise _absent(data, name)
            # null where the documents promise a value means the default, like absence; so the key is dropped.
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


def _adopt_list(cls: type[ReplyT], items: Any) -> list[ReplyT]:
    if type(items) is not list:
        raise MismatchError(f"must be an array, is {json_kind(items)}")
    records: list[ReplyT] = []
    only, new = _plan_of(cls).only, cls.__new__
    if only is not None:
        # What adopt() does, for tokens: its call alone would cost as much as all of this.
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
        # Something is not as documented; what it is, adopt() says.
        records.clear()
    try:
        for item in items:
            records.append(adopt(cls, item))  # noqa: PERF401 - the error tells how many there were
    except MismatchError as error:
        raise MismatchError(error.problem, f"[{len(records)}]{error.path}") from None
    return records


def check_list(types: tuple[type, ...], items: Any) -> list[Any]:
    """The items, if they are a list of values of these types.

    Raises:
        MismatchError: They are not; the first that is of another type is told.
    """
    if type(items) is not list:
        raise MismatchError(f"must be an array, is {json_kind(items)}")
    for item in items:
        if type(item) not in types:
            index = next(index for index, other in enumerate(items) if other is item)
            raise MismatchError(f"must be a {_JSON_KINDS[types[0]]}, is {json_kind(item)}", f"[{index}]")
    return items


def json_kind(value: Any) -> str:
    """What JSON calls a value's kind."""
    return _JSON_KINDS.get(type(value), type(value).__name__)
