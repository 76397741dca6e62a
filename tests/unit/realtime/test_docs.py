"""docs/realtime.md: every snippet runs, and its tables of settings are the code's."""

from __future__ import annotations

import ast
import asyncio
import inspect
import io
import re
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from soniox_lite import AsyncSonioxClient, SonioxClient, SonioxRealtimeError, SonioxRealtimeSpeechError
from soniox_lite.realtime import (
    AsyncRealtimeSTTSession,
    AsyncRealtimeTTSMultiplexedConnection,
    RealtimeSTTSession,
    RealtimeTTSMultiplexedConnection,
)
from soniox_lite.types.realtime import RealtimeSTTConfig
from soniox_testing import FakeSoniox

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "realtime.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
SAID = {
    0: "hello over there",
    2: "hello",
    3: "hello",
    7: "400 ",
    8: "401 unauthenticated",
    9: "open\nfinished\nclose\n",
    15: "400 invalid_request",
}
# The first part of the first snippet that speaks, which the others use.
SPEECH_CONFIG = next(code for code in SNIPPETS if "speech_config =" in code).partition("\n\n")[0]
# What snippets have spoken, by their number; the last of them keeps it for itself.
SPOKEN = {
    11: ["Hello over there."],
    12: ["Hello over there."],
    13: ["Hello over there."],
    14: ["Good morning.", "Hello."],
    16: ["Hello over there."],
}


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_snippet(number: int, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "call.wav").write_bytes((ROOT / "examples" / "spoken.wav").read_bytes())
    monkeypatch.chdir(tmp_path)
    chunks = [bytes(3840)] * 20
    with FakeSoniox(api_keys=["key"]) as fake:
        fake.add_transcript("hello over there")
        urls = {"websocket_base_url": fake.stt_websocket_url, "tts_websocket_base_url": fake.tts_websocket_url}
        with SonioxClient("key", **urls) as client:
            player = io.BytesIO()
            names: dict[str, Any] = {
                "client": client,
                "async_client": AsyncSonioxClient("key", **urls),
                "player": player,
                "answer": iter(["Hello ", "over ", "there."]),
                "async_answer": _give(["Hello ", "over ", "there."]),
                "config": RealtimeSTTConfig(model="stt-rt-v5", audio_format="wav").to_dict(),
                "audio": b"".join(chunks),
                "microphone": iter(chunks),
                "async_microphone": _give(chunks),
                "show": _show,
                "asyncio": asyncio,
                "RealtimeSTTConfig": RealtimeSTTConfig,
                "SonioxRealtimeError": SonioxRealtimeError,
                "SonioxRealtimeSpeechError": SonioxRealtimeSpeechError,
            }
            names["config"] = {**names["config"], "audio_format": "pcm_s16le", "sample_rate": 16000, "num_channels": 1}
            code = compile(
                SNIPPETS[number].replace('open("call.wav", "rb").read()', "recording"),
                "docs/realtime.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
            )  # fmt: skip
            exec(SPEECH_CONFIG, names)
            names["recording"] = Path("call.wav").read_bytes()
            _run(code, names)
    assert SAID.get(number, "") in capsys.readouterr().out
    spoken = [speech for speech in fake.speeches if speech.ended == "finished"]
    assert sorted(speech.text for speech in spoken) == SPOKEN.get(number, [])
    if len(spoken) == 1:
        assert player.getvalue() == fake.speech_audio(spoken[0].id)


@pytest.mark.parametrize("number", [2, 3, 12, 13])
def test_what_goes_wrong_in_the_source_is_told_at_once(number: int) -> None:
    assert re.search(r"(microphone|answer)\b", SNIPPETS[number])
    with FakeSoniox(api_keys=["key"], speed=0.1) as fake:
        urls = {"websocket_base_url": fake.stt_websocket_url, "tts_websocket_base_url": fake.tts_websocket_url}
        with SonioxClient("key", **urls) as client:
            names: dict[str, Any] = {
                "client": client,
                "async_client": AsyncSonioxClient("key", **urls),
                "player": io.BytesIO(),
                "answer": _broken("Hello "),
                "async_answer": _give(_broken("Hello ")),
                "config": {"model": "stt-rt-v5", "audio_format": "auto"},
                "microphone": _broken(bytes(3840)),
                "async_microphone": _give(_broken(bytes(3840))),
                "show": _show,
                "asyncio": asyncio,
            }
            exec(SPEECH_CONFIG, names)
            code = compile(SNIPPETS[number], "docs/realtime.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            began = time.monotonic()
            with pytest.raises(Exception, match="unplugged"):
                _run(code, names)
    # The service would have said after fifty seconds, or after two hundred, that nothing came.
    assert time.monotonic() - began < 40


def _run(code: Any, names: dict[str, Any]) -> None:
    result = eval(code, names)
    if inspect.iscoroutine(result):
        asyncio.run(result)


def _broken(first: Any) -> Any:
    yield first
    raise RuntimeError("unplugged")


def _show(event: Any) -> None:
    sys.stdout.write("".join(token.text for token in event.tokens if token.is_final))


async def _give(chunks: Any) -> Any:
    for chunk in chunks:
        yield chunk


@pytest.mark.parametrize(
    ("session_class", "table", "further"),
    [
        (RealtimeSTTSession, 1, set()),
        (AsyncRealtimeSTTSession, 1, set()),
        (RealtimeTTSMultiplexedConnection, 2, {"config"}),
        (AsyncRealtimeTTSMultiplexedConnection, 2, {"config"}),
    ],
)
def test_the_settings_are_all_there_with_their_defaults(session_class: Any, table: int, further: set[str]) -> None:
    part = TEXT.split("## Settings")[1].split("| argument |")[table]
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]*?) *\|", part, re.MULTILINE))
    parameters = dict(inspect.signature(session_class).parameters)
    del parameters["url"]
    assert rows.keys() == parameters.keys() | further
    for name, parameter in parameters.items():
        if parameter.default not in (inspect.Parameter.empty, None):
            shown = rows[name].removesuffix(" s").replace(",", "")
            assert ast.literal_eval(shown) == parameter.default, name
