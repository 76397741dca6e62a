"""Loading on first use: names of modules (PEP 562) and attributes of objects."""

from __future__ import annotations

import os
import sys
from _thread import RLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from functools import cached_property as cached_property  # noqa: PLC0414 - for the modules that import it from here
    from typing import Any

# Held while modules are loaded and while TLS is set up. A fork waits for it: otherwise the import lock of a module that
# another thread was loading would stay locked in the child, where that thread does not exist.
loading = RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=loading.acquire, after_in_parent=loading.release, after_in_child=loading.release)


def lazy_names(package: str, names: Mapping[str, Sequence[str]], own: Sequence[str] = ()) -> None:
    """Sets a module's ``__getattr__``, ``__dir__`` and ``__all__`` for names that are loaded on first use.

    Type checkers do not see the table. They take imports of the form ``from .files import File as File`` for exports,
    as long as the module itself does not assign to ``__all__``.

    Args:
        package: The module's ``__name__``.
        names: The public names of each relative module, such as ``.files``. Those of ``"."`` are modules themselves.
        own: The public names that the module itself defines.
    """
    module_of = {name: module for module, provided in names.items() for name in provided}
    is_package = hasattr(sys.modules[package], "__path__")
    parent = package if is_package else package.rpartition(".")[0]
    submodules = {module.removeprefix(".") for module in names if is_package and module != "."} | {*names.get(".", ())}

    def get(name: str) -> object:
        with loading:
            import importlib  # noqa: PLC0415 - importing the package must not cost this

            if name in submodules:
                return importlib.import_module(f".{name}", parent)
            if name not in module_of:
                raise AttributeError(f"module {package!r} has no attribute {name!r}")
            value: object = getattr(importlib.import_module(module_of[name], parent), name)
            setattr(sys.modules[package], name, value)
            return value

    def list_names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *module_of, *submodules})

    vars(sys.modules[package]).update(__getattr__=get, __dir__=list_names, __all__=sorted({*module_of, *own}))


if not TYPE_CHECKING:

    class cached_property:  # noqa: N801 - takes the place of functools' own
        """As ``functools.cached_property``, whose lock (before Python 3.12) can stay locked after a fork."""

        def __init__(self, function: Callable[[Any], Any]) -> None:
            self._function = function
            self.__doc__ = function.__doc__

        def __set_name__(self, owner: type, name: str) -> None:
            self._name = name

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            if instance is None:
                return self
            with loading:
                # Another thread may have set it in the meantime.
                values = vars(instance)
                if self._name not in values:
                    values[self._name] = self._function(instance)
                return values[self._name]
