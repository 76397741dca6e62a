"""What the README shows is run as it stands."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from soniox_testing import FakeSoniox

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
SCRIPTS = [block for block in PYTHON if "def test_" not in block]
TESTS = [block for block in PYTHON if "def test_" in block]


def commands_in(page: str) -> list[str]:
    """The command lines of ours that a page shows."""
    return [
        line.partition("#")[0].strip()
        for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
        for line in block.splitlines()
        if line.startswith(("soniox-lite ", "python -m soniox_lite "))
    ]


COMMANDS = commands_in(README)
# What the README shows as the output of its first program.
SAID = re.findall(r"```text\n(.*?)\n```", README, re.DOTALL)[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the recording that the README speaks of."""
    shutil.copy(ROOT / "examples" / "spoken.wav", tmp_path / "call.wav")
    return tmp_path


def run(command: list[str], folder: Path, fake: FakeSoniox) -> str:
    environment = {**os.environ, **fake.environment(), "PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_there_is_something_to_run() -> None:
    assert (len(SCRIPTS), len(TESTS), len(COMMANDS)) == (4, 1, 6)


@pytest.mark.parametrize("code", SCRIPTS, ids=range(len(SCRIPTS)))
def test_python(code: str, folder: Path, fake_soniox: FakeSoniox) -> None:
    fake_soniox.add_transcript(SAID)
    output = run([sys.executable, "-W", "error", "-c", code], folder, fake_soniox)
    if "tts." in code:
        speech = fake_soniox.assert_spoken("Hello.", voice=fake_soniox.voices[0].id)
        assert (folder / "hello.mp3").read_bytes() == fake_soniox.speech_audio(speech.id)
    else:
        assert SAID in output


def test_figures_are_those_of_the_page() -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    table = README.partition("| official SDK |")[2].partition("\n\n")[0]
    figures = re.findall(r"[\d.,]+ (?:ms|KiB|/s)", table)
    assert len(figures) == 8
    assert [figure for figure in figures if f"| {figure} |" not in page] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(command: str, folder: Path, fake_soniox: FakeSoniox) -> None:
    arguments = shlex.split(command.removeprefix("python -m "))[1:]
    if arguments[0] == "stream":
        arguments.append("--fast")  # The recording's seven seconds need not pass.
    output = run([sys.executable, "-W", "error", "-m", "soniox_lite", *arguments], folder, fake_soniox)
    if "-o" in arguments:
        assert (folder / arguments[arguments.index("-o") + 1]).stat().st_size > 0
    else:
        assert output.strip()


def test_the_test(folder: Path, fake_soniox: FakeSoniox) -> None:
    (folder / "test_readme.py").write_text(TESTS[0], encoding="utf-8")
    output = run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_readme.py"], folder, fake_soniox
    )
    assert "1 passed" in output
