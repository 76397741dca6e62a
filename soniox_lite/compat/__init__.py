"""Programs and packages that import the official SDK run on this library, once ``install()`` was called before them.

::

    import soniox_lite.compat

    soniox_lite.compat.install()

    import a_package_that_imports_soniox

For a whole program: ``python -m soniox_lite.compat program.py``, or ``python -m soniox_lite.compat -m a_package``.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec

from .._lazy import loading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from importlib.metadata import Distribution, DistributionFinder
    from types import ModuleType

__all__ = ["OFFICIAL_VERSION", "install", "uninstall"]

OFFICIAL_VERSION = "2.10.0"
"""The version of the official SDK whose names and arguments this library has."""

_OFFICIAL = "soniox"
# This package may be vendored under another name.
_OURS = __name__.rpartition(".")[0]


def install() -> None:
    """From now on, ``import soniox`` and its submodules give the modules of this library.

    ``soniox.types.File`` is then ``soniox_lite.types.File``, and ``importlib.metadata.version("soniox")`` is
    ``OFFICIAL_VERSION``, whether or not the official SDK is installed. This holds for one process: those that it starts
    need a call of their own. Later calls do nothing.

    Raises:
        RuntimeError: Another package of that name, such as the official SDK, was imported before. Its classes may be
            in use already.
    """
    with loading:
        if _FINDER in sys.meta_path:
            return
        for name in _imported_names():
            raise RuntimeError(
                f"{name} was imported before, from {getattr(sys.modules[name], '__file__', None) or 'no file'}: "
                f"call {__name__}.install() first"
            )
        sys.meta_path.insert(0, _FINDER)


def uninstall() -> None:
    """From now on, ``import soniox`` gives what it gave before :func:`install`.

    Modules that imported it meanwhile keep the names that they have.
    """
    with loading:
        if _FINDER in sys.meta_path:
            sys.meta_path.remove(_FINDER)
            for name in _imported_names():
                del sys.modules[name]


def _imported_names() -> list[str]:
    return sorted(name for name in sys.modules.copy() if name.partition(".")[0] == _OFFICIAL)


class _Finder(MetaPathFinder):
    """Finds this library under the official names, for the import system and for ``importlib.metadata``."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - part of the protocol
        target: ModuleType | None = None,  # noqa: ARG002 - as above
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] != _OFFICIAL:
            return None
        ours = find_spec(_OURS + fullname.removeprefix(_OFFICIAL))
        if ours is None:
            return None
        is_package = ours.submodule_search_locations is not None
        return ModuleSpec(fullname, _Loader(ours.name), origin=ours.origin, is_package=is_package)

    def find_distributions(self, context: DistributionFinder.Context) -> Iterable[Distribution]:
        # Without a name, all installed distributions are meant, which other finders list.
        if context.name != _OFFICIAL:
            return []
        from ._distribution import OfficialDistribution  # noqa: PLC0415 - importlib.metadata is not loaded otherwise

        return [OfficialDistribution(_OFFICIAL, OFFICIAL_VERSION)]


class _Loader(Loader):
    """Puts a module of this library in the place of the module that the import system makes.

    The latter would otherwise be ours, with another ``__spec__``.
    """

    def __init__(self, ours: str) -> None:
        self._ours = ours

    def exec_module(self, module: ModuleType) -> None:
        sys.modules[module.__name__] = import_module(self._ours)


_FINDER = _Finder()
