"""A pytest plugin under which ``soniox_lite`` is a copy in another package: ``-p tests.support.vendored_client``.

The environment variable ``VENDORED_IN`` has the copy's package, such as ``their_app._vendor``.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import os
import sys
from types import ModuleType
from typing import Any

_PACKAGE = os.environ["VENDORED_IN"]


class _CopyFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        del path, target
        is_ours = fullname.partition(".")[0] == "soniox_lite"
        return importlib.machinery.ModuleSpec(fullname, self) if is_ours else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = importlib.import_module(f"{_PACKAGE}.{spec.name}")
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state


sys.meta_path.insert(0, _CopyFinder())


def pytest_sessionfinish() -> None:
    """Fails the run if anything was loaded from the project's own folder after all."""
    own = os.path.join(os.getcwd(), "soniox_lite") + os.sep
    files = [str(getattr(module, "__file__", "")) for module in list(sys.modules.values())]
    assert not [file for file in files if file.startswith(own)]
