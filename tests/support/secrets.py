"""Looking for a secret in everything that a log or an error tracker might show."""

from __future__ import annotations

from typing import Any


def places_of(secret: str, root: object) -> list[str]:
    """Where the secret is: in text, bytes, attributes or items of ``root``, its chain of exceptions included."""
    found: list[str] = []
    seen: set[int] = set()

    def look(value: Any, path: str) -> None:
        if value is None or isinstance(value, (int, float, type)) or id(value) in seen or len(path) > 400:
            return
        seen.add(id(value))
        if isinstance(value, (str, bytes, bytearray)):
            text = value if isinstance(value, str) else bytes(value).decode("latin-1")
            if secret in text:
                found.append(path)
            return
        for name, text in (("str", str(value)), ("repr", repr(value))):
            if secret in text:
                found.append(f"{name}({path})")
        if isinstance(value, dict):
            for key, item in list(value.items()):
                look(key, f"{path} key")
                look(item, f"{path}[{key!r}]")
        elif isinstance(value, (list, tuple, set, frozenset)):
            for number, item in enumerate(value):
                look(item, f"{path}[{number}]")
        elif isinstance(value, BaseException) or type(value).__module__.startswith("soniox_lite"):
            names = [*getattr(value, "__dict__", {}), *(n for c in type(value).__mro__ for n in slots_of(c))]
            if isinstance(value, BaseException):
                names += ["args", "__cause__", "__context__", "__notes__", "partial", "line", "doc", "object"]
            for name in names:
                look(getattr(value, name, None), f"{path}.{name}")

    look(root, "it")
    return found


def slots_of(cls: type) -> list[str]:
    """The names in a class's ``__slots__``."""
    slots = cls.__dict__.get("__slots__", ())
    return [slots] if isinstance(slots, str) else list(slots)
