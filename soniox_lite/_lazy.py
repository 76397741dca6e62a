"""Names that are loaded when first asked for (PEP 562)."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


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
