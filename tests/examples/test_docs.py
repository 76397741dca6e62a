"""What the pages in docs/ show is run as it stands, and what they point to is there.

docs/realtime.md and docs/testing.md have tests of their own.
"""

from __future__ import annotations

import ast
import io
import re
import shlex
import shutil
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from soniox_lite import SonioxClient, SonioxRealtimeError
from soniox_testing import FakeSoniox

from .test_readme import ROOT, commands_in, run

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
USAGE = (ROOT / "docs" / "usage.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", USAGE, re.DOTALL)
COMMANDS = commands_in(USAGE)
LAYOUT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("```")[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the recordings that the page speaks of."""
    for name in ("call.wav", "long.wav", "me.wav", "talk.mp4"):
        shutil.copy(ROOT / "examples" / "spoken.wav", tmp_path / name)
    return tmp_path


def test_the_python_of_the_usage_page_runs_from_top_to_bottom(
    folder: Path, fake_soniox: FakeSoniox, soniox_env: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    assert len(SNIPPETS) == 17
    assert soniox_env == fake_soniox.environment()
    monkeypatch.chdir(folder)
    with SonioxClient() as client:
        ended = client.stt.wait(client.stt.create(audio_url="https://example.com/call.mp3").id)
    player = io.BytesIO()
    names: dict[str, Any] = {
        "new_id": lambda: str(uuid.uuid4()),
        "player": player,
        "read_key_from_vault": lambda: fake_soniox.api_key,
        "body": f'{{"id": "{ended.id}", "status": "completed"}}',
        "headers": {"X-Soniox-Webhook-Secret": "long and random"},
    }
    clients = []
    for code in SNIPPETS:
        exec(compile(code, "docs/usage.md", "exec"), names)
        if names["client"] not in clients:
            clients.append(names["client"])
    for client in clients:
        client.close()
    streamed = fake_soniox.assert_spoken("Hello.", audio_format="pcm_s16le")
    assert player.getvalue() == fake_soniox.speech_audio(streamed.id)
    assert fake_soniox.speech_audio(fake_soniox.assert_spoken("Hello.", audio_format="wav").id) == names["audio"]
    assert (folder / "talk.es.srt").read_text(encoding="utf-8").startswith("1\n00:00:0")
    assert fake_soniox.assert_spoken("Hello.", voice=names["voice"].id).ended == "finished"
    assert names["transcript"].id == ended.id
    assert " -> " in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_usage_page_run(command: str, folder: Path, fake_soniox: FakeSoniox) -> None:
    fake_soniox.add_usage("stt-async-v5", audio_duration_ms=60_000)
    before = set(folder.iterdir())
    output = run([sys.executable, "-W", "error", "-m", "soniox_lite", *shlex.split(command)[1:]], folder, fake_soniox)
    assert output.strip() or set(folder.iterdir()) - before


def test_the_scripts_of_the_usage_page_run(folder: Path, fake_soniox: FakeSoniox) -> None:
    program = f'soniox-lite() {{ "{sys.executable}" -W error -m soniox_lite "$@"; }}\n'
    (script,) = re.findall(r"```bash\n(.*?)```", USAGE, re.DOTALL)
    run(["bash", "-eu", "-c", program + script], folder, fake_soniox)
    assert (folder / "call.srt").read_text().startswith("1\n00:00:0")
    assert (fake_soniox.transcriptions, fake_soniox.files) == ((), ())


def test_the_loop_of_the_migration_page_hears_all_words_after_a_503_and_ends_at_a_401(
    fake_soniox: FakeSoniox, capsys: Any
) -> None:
    page = (ROOT / "docs" / "migration.md").read_text(encoding="utf-8")
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "def listen" in block]
    names: dict[str, Any] = {}
    exec(compile(code, "docs/migration.md", "exec"), names)
    config = {"model": "stt-rt-v5", "audio_format": "pcm_s16le", "sample_rate": 16_000, "num_channels": 1}
    with SonioxClient(fake_soniox.api_key, websocket_base_url=fake_soniox.stt_websocket_url) as client:
        fake_soniox.add_transcript("hello over there")
        fake_soniox.fail_next_session("service_unavailable", "busy")
        names["listen"](client, config, [bytes(3200)] * 20)
        output = capsys.readouterr().out
        assert re.match(r"connecting again: busy.*\nhello", output)
        assert [session.ended for session in fake_soniox.sessions] == ["error", "finished"]
        fake_soniox.fail_next_session("unauthenticated", "no such key")
        with pytest.raises(SonioxRealtimeError, match="no such key"):
            names["listen"](client, config, [bytes(3200)])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_piece_of_python_compiles(page: Path) -> None:
    for code in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        compile(code, page.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8").replace("\n", " ")):
        path, _, anchor = target.partition("#")
        if path.startswith("https:"):
            continue
        aim = page.parent / path if path else page
        assert aim.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", aim.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}, target


@pytest.mark.parametrize("package", ["soniox_lite", "soniox_testing"])
def test_the_layout_names_every_module_at_the_top_and_none_that_is_not_there(package: str) -> None:
    part = re.split(r"^\w", LAYOUT.partition(f"\n{package}/\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    named = set(re.findall(r"\w+\.py\b", part))
    assert {path.name for path in (ROOT / package).glob("*.py")} - {"_version.py"} <= named
    assert named <= {path.name for path in (ROOT / package).rglob("*.py")}
    folders = {path.parent.relative_to(ROOT / package).parts[0] for path in (ROOT / package).glob("*/*.py")}
    assert {f"{folder}/" for folder in folders} <= set(re.findall(r"\w+/", part))
