"""docs/realtime.md: every snippet runs, and its table of settings is the code's."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from soniox_lite import AsyncSonioxClient, SonioxClient, SonioxRealtimeError
from soniox_lite.realtime import AsyncRealtimeSTTSession, RealtimeSTTSession
from soniox_lite.types.realtime import RealtimeSTTConfig
from soniox_testing import FakeSoniox

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "realtime.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
SAID = {
    0: "hello over there",
    2: "hello",
    3: "hello",
    6: "400 ",
    7: "401 unauthenticated",
    8: "open\nfinished\nclose\n",
}


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_snippet(number: int, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "call.wav").write_bytes((ROOT / "examples" / "spoken.wav").read_bytes())
    monkeypatch.chdir(tmp_path)
    chunks = [bytes(3840)] * 20
    with FakeSoniox(api_keys=["key"]) as fake:
        fake.add_transcript("hello over there")
        with SonioxClient("key", websocket_base_url=fake.stt_websocket_url) as client:
            names: dict[str, Any] = {
                "client": client,
                "async_client": AsyncSonioxClient("key", websocket_base_url=fake.stt_websocket_url),
                "config": RealtimeSTTConfig(model="stt-rt-v5", audio_format="wav").to_dict(),
                "audio": b"".join(chunks),
                "microphone": iter(chunks),
                "async_microphone": _give(chunks),
                "show": _show,
                "threading": threading,
                "asyncio": asyncio,
                "RealtimeSTTConfig": RealtimeSTTConfig,
                "SonioxRealtimeError": SonioxRealtimeError,
            }
            names["config"] = {**names["config"], "audio_format": "pcm_s16le", "sample_rate": 16000, "num_channels": 1}
            code = compile(
                SNIPPETS[number].replace('open("call.wav", "rb").read()', "recording"),
                "docs/realtime.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
            )  # fmt: skip
            names["recording"] = Path("call.wav").read_bytes()
            result = eval(code, names)
            if inspect.iscoroutine(result):
                asyncio.run(result)
    assert SAID.get(number, "") in capsys.readouterr().out


def _show(event: Any) -> None:
    sys.stdout.write("".join(token.text for token in event.tokens if token.is_final))


async def _give(chunks: list[bytes]) -> Any:
    for chunk in chunks:
        yield chunk


def test_the_settings_are_all_there_with_their_defaults() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]*?) *\|", TEXT.split("## Settings")[1], re.MULTILINE))
    for session_class in (RealtimeSTTSession, AsyncRealtimeSTTSession):
        parameters = dict(inspect.signature(session_class).parameters)
        del parameters["url"]
        assert rows.keys() == parameters.keys()
        for name, parameter in parameters.items():
            if parameter.default not in (inspect.Parameter.empty, None):
                shown = rows[name].removesuffix(" s").replace(",", "")
                assert ast.literal_eval(shown) == parameter.default, name
