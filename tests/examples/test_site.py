"""The pages under docs/howto, and those that explain: their Python runs from top to bottom, their commands run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from soniox_testing import FakeSoniox
from soniox_testing.wire.realtime_errors import STATUS_CODES

from .test_readme import ROOT, run

DOCS = ROOT / "docs"
PAGES = [path for path in sorted((DOCS / "howto").glob("*.md")) if "```python" in path.read_text("utf-8")]
PAGES += [DOCS / "errors.md", DOCS / "questions.md"]
COMMAND = re.compile(r"`(soniox-lite [^`]+)`")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the recordings that the pages speak of."""
    for name in ("call.wav", "me.wav", "talk.mp4"):
        shutil.copy(ROOT / "examples" / "spoken.wav", tmp_path / name)
    (tmp_path / "visit.txt").write_text("A visit.")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def blocks(page: Path, language: str) -> list[str]:
    """The code of a page in a language."""
    return re.findall(rf"```{language}\n(.*?)```", page.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_python_of_a_page_runs(
    page: Path, folder: Path, soniox_env: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    del folder, soniox_env
    names: dict[str, Any] = {}
    for code in blocks(page, "python"):
        exec(compile(code, str(page), "exec"), names)
    for value in names.values():
        if type(value).__name__ == "SonioxClient":
            value.close()
    assert "Traceback" not in capsys.readouterr().out


def test_files_are_written_in_utf_8_on_every_system() -> None:
    programs = [code for page in PAGES for code in blocks(page, "python")]
    writing = [call for code in programs for call in re.findall(r"(?:open\([^()]*\"w\"|write_text\().*", code)]
    assert len(writing) > 3
    assert [call for call in writing if 'encoding="utf-8"' not in call] == []


def test_the_commands_of_the_pages_run(folder: Path, fake_soniox: FakeSoniox) -> None:
    pages = [path.read_text("utf-8") for path in (DOCS / "howto").glob("*.md")]
    commands = sorted({" ".join(found.split()) for page in pages for found in COMMAND.findall(page)})
    assert len(commands) > 5
    for command in commands:
        if "--mic" in command:
            continue
        arguments = [
            str(path)
            for word in shlex.split(command)[1:]
            for path in (sorted(folder.glob(word)) if "*" in word else [word])
        ]
        run([sys.executable, "-W", "error", "-m", "soniox_lite", *arguments], folder, fake_soniox)


def test_the_tutorial_works(tmp_path: Path) -> None:
    program, tests, more = blocks(DOCS / "tutorial.md", "python")
    (tmp_path / "notes.py").write_text(program)
    (tmp_path / "test_notes.py").write_text(f"{tests}\n\n{more}")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "3 passed" in done.stdout

    (tmp_path / "notes.py").write_text(program.replace("delete_after=True", "delete_after=False"))
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "1 failed, 2 passed" in done.stdout


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
def test_the_program_for_node_works() -> None:
    (program,) = blocks(DOCS / "howto" / "node.md", "js")
    server = subprocess.Popen([sys.executable, "-m", "soniox_testing"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        environment = {**os.environ, "SONIOX_API_BASE_URL": server.stdout.readline().strip()}
        command = ["node", "--input-type=module", "-e", program]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    finally:
        server.terminate()
        server.communicate()
    assert (done.stdout, done.stderr) == ("hello from node\n", "")


def test_each_threat_names_tests_that_are_there() -> None:
    found = re.findall(r"`(tests/[^`]+)`", (DOCS / "security.md").read_text("utf-8"))
    assert len(found) > 15
    for place in found:
        path, _, name = place.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text("utf-8"), place


def test_each_error_of_the_service_is_explained() -> None:
    page = (DOCS / "errors.md").read_text("utf-8")
    explained = {error_type: int(status) for error_type, status in re.findall(r"\| `(\w+)` \| (\d+) \|", page)}
    # Those of the fake that a program can meet over a WebSocket; a REST call has some more.
    assert STATUS_CODES.items() <= explained.items()
