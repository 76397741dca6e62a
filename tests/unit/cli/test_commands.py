"""The table of commands: complete, and enough for the help of the program."""

from __future__ import annotations

import modulefinder
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from soniox_lite._cli import commands
from soniox_lite.cli import main
from soniox_testing import FakeSoniox

_FOLDER = Path(commands.__file__).parent
_MODULES = {path.stem for path in _FOLDER.glob("*.py")} - {"__init__"}


def test_the_table_has_a_line_for_each_module_in_the_order_of_their_names() -> None:
    assert list(commands.SUMMARIES) == sorted(_MODULES)


def test_tools_that_follow_imports_find_all_commands() -> None:
    finder = modulefinder.ModuleFinder(path=[str(_FOLDER.parents[2])])
    finder.run_script(str(_FOLDER.parents[1] / "__main__.py"))
    finder.import_hook("soniox_lite._cli.options")

    assert {f"{commands.__name__}.{name}" for name in _MODULES} <= finder.modules.keys()


def test_the_help_of_the_program_imports_no_command() -> None:
    script = (
        "import sys, soniox_lite.cli\n"
        "try: soniox_lite.cli.main(['--help'])\n"
        f"except SystemExit: sys.exit(str([name for name in sys.modules if name.startswith('{commands.__name__}.')]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert done.stderr == "[]\n"
    for name, summary in commands.SUMMARIES.items():
        assert f"    {name:<17}{summary}\n" in done.stdout


def test_commands_say_that_there_is_nothing(
    fake_soniox: FakeSoniox, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    for name, value in fake_soniox.environment().items():
        monkeypatch.setenv(name, value)
    for command, message in (
        (["transcriptions"], "there are no transcriptions"),
        (["transcriptions", "delete", "--all", "-y"], "there are no transcriptions"),
        (["files", "delete", "--all", "-y"], "there are no files"),
    ):
        assert main(command) == 0
        assert message in capsys.readouterr().err


def test_a_fake_that_cannot_listen_is_told(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    def start(_: FakeSoniox) -> None:
        raise OSError(98, "Address already in use")

    monkeypatch.setattr(FakeSoniox, "start", start)
    assert main(["transcribe", "http://a.example/b.mp3", "--fake"]) == 1
    assert "the fake server cannot listen: [Errno 98] Address already in use" in capsys.readouterr().err


def test_standard_input_that_was_closed_is_told(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert main(["transcribe", "-", "--fake"]) == 2
    assert "standard input is closed" in capsys.readouterr().err
