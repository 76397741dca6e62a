"""A plugin: this project's files are imported without what Windows does not have. Other packages see all of it."""

from __future__ import annotations

import builtins
import os
import signal
from typing import Any

_MODULES = {"curses", "fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"}
_NAMES: dict[Any, tuple[str, ...]] = {
    signal: ("SIGALRM", "SIGCONT", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGSTOP", "SIGTSTP", "SIGUSR1", "SIGWINCH"),
    os: ("mkfifo",),
}
_import = builtins.__import__


def _import_as_there(name: str, *args: Any, **more: Any) -> Any:
    importer = ((args[0] if args else more.get("globals")) or {}).get("__name__") or ""
    if name.partition(".")[0] in _MODULES and importer.startswith(("tests.", "soniox_")):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return _import(name, *args, **more)


def pytest_configure() -> None:
    """Hides it until the files are collected."""
    builtins.__import__ = _import_as_there
    for module, names in _NAMES.items():
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
