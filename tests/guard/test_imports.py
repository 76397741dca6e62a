"""What loading a surface may bring along. Counted in modules, never in time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HEAVY = {"asyncio", "websocket", "ssl", "dataclasses", "http.client", "urllib.request", "logging", "typing"}
SET_UP = "from soniox_lite import SonioxClient; client = SonioxClient('key', api_base_url='http://127.0.0.1:9')"
NAMESPACES = [
    *("files", "stt", "models", "auth", "webhooks", "tts"),
    *("tts_models", "voices", "usage", "usage_logs", "concurrency_limits"),
]

BUDGETS = {
    "importing the package": ("import soniox_lite", HEAVY),
    "importing everything by name only": ("import soniox_lite; dir(soniox_lite)", HEAVY),
    "the sync client": (SET_UP, {"asyncio", "websocket", "concurrent.futures", "logging", "typing_extensions"}),
    "all namespaces of the sync client": (
        f"{SET_UP}; [getattr(client, name) for name in {NAMESPACES}]",
        {"asyncio", "websocket", "concurrent.futures", "logging", "typing_extensions", "decimal"},
    ),
    "one namespace": (f"{SET_UP}; client.models", {"soniox_lite.types.transcriptions", "soniox_lite.types.files"}),
    "usage": (f"{SET_UP}; client.usage", {"decimal", "soniox_lite.types.voices", "soniox_lite.types.files"}),
    "voices": (f"{SET_UP}; client.voices", {"decimal", "soniox_lite.types.usage", "soniox_lite.types.files"}),
    "realtime sessions that are not open": (
        f"{SET_UP}; client.realtime.stt.connect(config={{'model': 'stt-rt-v5'}})",
        {"asyncio", "websocket", "concurrent.futures", "typing_extensions", "soniox_lite.types.transcriptions"},
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
    # Only what the statement itself adds counts, and nothing that the environment's start-up files load.
    code = (
        f"import sys; sys.path[:0] = {[str(ROOT), *(path for path in sys.path if 'site-packages' in path)]!r}\n"
        f"before = set(sys.modules)\n{statement}\nprint(*(set(sys.modules) - before))"
    )
    isolated = [] if "soniox_testing" in statement else ["-I", "-S"]
    result = subprocess.run([sys.executable, *isolated, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(result.stdout.split())
    assert "soniox_lite" in loaded or "soniox_testing" in loaded
    assert loaded & unwanted == set()
