"""What loading a surface may bring along. Counted in modules, never in time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from soniox_testing import FakeSoniox

ROOT = Path(__file__).parents[2]

HEAVY = {"asyncio", "websocket", "ssl", "dataclasses", "http.client", "urllib.request", "logging", "typing"}
SET_UP = "from soniox_lite import SonioxClient; client = SonioxClient('key', api_base_url='http://127.0.0.1:9')"
# What only REST needs; a proxy that the environment names is a reason for realtime to load some of it.
HTTP = {"http.client", "urllib.request", "email", "tempfile", "soniox_lite._http.transport"}
REALTIME = "client.realtime.stt.connect(config={'model': 'stt-rt-v5'})"
NAMESPACES = [
    *("files", "stt", "models", "auth", "webhooks", "tts"),
    *("tts_models", "voices", "usage", "usage_logs", "concurrency_limits"),
]

BUDGETS = {
    "importing the package": ("import soniox_lite", HEAVY),
    "importing everything by name only": ("import soniox_lite; dir(soniox_lite)", HEAVY),
    "the sync client": (
        SET_UP,
        {"asyncio", "websocket", "ssl", "concurrent.futures", "logging", "typing_extensions", *HTTP},
    ),
    "all namespaces of the sync client": (
        f"{SET_UP}; [getattr(client, name) for name in {NAMESPACES}]",
        {"asyncio", "websocket", "concurrent.futures", "logging", "typing_extensions", "decimal"},
    ),
    "one namespace": (f"{SET_UP}; client.models", {"soniox_lite.types.transcriptions", "soniox_lite.types.files"}),
    "usage": (f"{SET_UP}; client.usage", {"decimal", "soniox_lite.types.voices", "soniox_lite.types.files"}),
    "voices": (f"{SET_UP}; client.voices", {"decimal", "soniox_lite.types.usage", "soniox_lite.types.files"}),
    "realtime sessions that are not open": (
        f"{SET_UP}; {REALTIME}",
        {"asyncio", "concurrent.futures", "datetime", "typing_extensions", "soniox_lite.types.transcriptions", *HTTP},
    ),
    "audio helpers and transcripts": (
        "import soniox_lite.utils, soniox_lite.transcript",
        {"asyncio", "websocket", "ssl", "http.client", "typing_extensions"},
    ),
    "the async client": (
        "from soniox_lite import AsyncSonioxClient; AsyncSonioxClient('key').stt",
        {"websocket", "typing_extensions"},
    ),
    "the pytest plugin": ("import soniox_testing.plugin", {"werkzeug", "pytest_httpserver", "wsproto", "soniox_lite"}),
    "the fake": ("import soniox_testing; soniox_testing.FakeSoniox", {"soniox_lite"}),
}


@pytest.mark.parametrize("name", BUDGETS)
def test_loads_nothing_that_it_does_not_need(name: str) -> None:
    statement, unwanted = BUDGETS[name]
    loaded = modules_loaded_by(statement)
    assert "soniox_lite" in loaded or "soniox_testing" in loaded
    assert loaded & unwanted == set()


@pytest.mark.parametrize(
    ("surface", "first_use"),
    [
        ("files = client.files", "files.list()"),
        (f"session = {REALTIME}", "session.enter().close()"),
    ],
)
def test_the_first_use_of_a_surface_loads_nothing_more(fake_soniox: FakeSoniox, surface: str, first_use: str) -> None:
    set_up = (
        "from soniox_lite import SonioxClient; client = SonioxClient('key', "
        f"api_base_url={fake_soniox.api_base_url!r}, websocket_base_url={fake_soniox.stt_websocket_url!r}); {surface}"
    )
    # For the names of hosts, and what is part of Python's own binary.
    cheap = {"encodings.idna", "stringprep", "unicodedata", *sys.builtin_module_names}
    assert modules_loaded_by(first_use, set_up) - cheap == set()


def modules_loaded_by(statement: str, set_up: str = "") -> set[str]:
    """What a statement adds to a process in which another has been run; nothing that start-up files load."""
    code = (
        f"import sys; sys.path[:0] = {[str(ROOT), *(path for path in sys.path if 'site-packages' in path)]!r}\n"
        f"{set_up}\nbefore = set(sys.modules)\n{statement}\nprint(*(set(sys.modules) - before))"
    )
    isolated = [] if "soniox_testing" in statement else ["-I", "-S"]
    # Proxies need urllib.request, which is then loaded for realtime too.
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    command = [sys.executable, *isolated, "-c", code]
    return set(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.split())
