"""A fake Soniox speech API server that runs inside your own tests.

The names are imported on first use: the pytest plugin is loaded in every test run of an environment that has
this package installed, also where the extra that brings the HTTP server is missing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._version import __version__
    from .clock import VirtualClock
    from .progress import JobView, ProgressRule, TranscriptionStatus, after_polls, after_seconds
    from .records import FileRecord, SessionEnd, SessionRecord, TranscriptionRecord
    from .scripting import Word
    from .server import FakeSoniox, FakeSonioxError

__all__ = [
    "FakeSoniox",
    "FakeSonioxError",
    "FileRecord",
    "JobView",
    "ProgressRule",
    "SessionEnd",
    "SessionRecord",
    "TranscriptionRecord",
    "TranscriptionStatus",
    "VirtualClock",
    "Word",
    "__version__",
    "after_polls",
    "after_seconds",
]

_HOMES = {
    "FakeSoniox": "server",
    "FakeSonioxError": "server",
    "FileRecord": "records",
    "JobView": "progress",
    "ProgressRule": "progress",
    "SessionEnd": "records",
    "SessionRecord": "records",
    "TranscriptionRecord": "records",
    "TranscriptionStatus": "progress",
    "VirtualClock": "clock",
    "Word": "scripting",
    "__version__": "_version",
    "after_polls": "progress",
    "after_seconds": "progress",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
