"""What is loaded or made when it is first asked for: names of modules (PEP 562) and attributes."""

from __future__ import annotations

import os
import sys
from _thread import RLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from functools import cached_property as cached_property  # noqa: PLC0414 - for the modules that import it from here
    from typing import Any

# Held while modules are loaded and while TLS is set up; a fork waits for it. In the child of a fork that did not wait,
# the thread that was loading is missing, and the import system's lock for that module stays taken for ever.
loading = RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=loading.acquire, after_in_parent=loading.release, after_in_child=loading.release)


def lazy_names(
    package: str, names: Mapping[str, tuple[str, ...]]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """A module's ``__getattr__`` and ``__dir__`` for names that live elsewhere.

    Args:
        package: The module's ``__name__``.
        names: What each relative module (``.files``) provides. Of a package, the modules are names themselves.
    """
    module_of = {name: module for module, provided in names.items() for name in provided}
    is_package = hasattr(sys.modules[package], "__path__")
    parent = package if is_package else package.rpartition(".")[0]
    submodules = {module.removeprefix("."): module for module in names if is_package}

    def get(name: str) -> object:
        with loading:
            import importlib  # noqa: PLC0415 - importing the package must not cost this

            if name in submodules:
                return importlib.import_module(submodules[name], parent)
            if name not in module_of:
                raise AttributeError(f"module {package!r} has no attribute {name!r}")
            value: object = getattr(importlib.import_module(module_of[name], parent), name)
            setattr(sys.modules[package], name, value)
            return value

    def list_names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *module_of, *submodules})

    return get, list_names


if not TYPE_CHECKING:

    class cached_property:  # noqa: N801 - takes the place of functools' own
        """As ``functools.cached_property``, whose lock (before Python 3.12) a fork can leave taken for ever."""

        def __init__(self, function: Callable[[Any], Any]) -> None:
            self._function = function
            self.__doc__ = function.__doc__

        def __set_name__(self, owner: type, name: str) -> None:
            self._name = name

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            if instance is None:
                return self
            with loading:
                # Another thread may have made it meanwhile.
                values = vars(instance)
                if self._name not in values:
                    values[self._name] = self._function(instance)
                return values[self._name]
