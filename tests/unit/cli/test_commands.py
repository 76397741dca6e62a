"""The table of commands: complete, and enough for the help of the program."""

from __future__ import annotations

import importlib.metadata
import io
import json
import modulefinder
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from soniox_lite import SonioxNotFoundError
from soniox_lite._cli import commands
from soniox_lite._cli.terminal import CommandError
from soniox_lite.cli import main
from soniox_testing import FakeSoniox
from tests.support.raw_server import RawServer, reply, stall

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


@pytest.fixture
def service(fake_soniox: FakeSoniox, monkeypatch: pytest.MonkeyPatch) -> FakeSoniox:
    """The fake that commands of this process call."""
    for name, value in fake_soniox.environment().items():
        monkeypatch.setenv(name, value)
    return fake_soniox


def test_commands_say_that_there_is_nothing(service: FakeSoniox, capsys: Any) -> None:
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


def test_standard_output_that_was_closed_is_told(
    service: FakeSoniox, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["models"]) == 1
    assert "standard output is closed" in capsys.readouterr().err


def test_standard_error_that_was_closed_is_left_alone(
    service: FakeSoniox, monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> None:
    (tmp_path / "a.wav").write_bytes(b"audio")
    service.add_transcript("words")
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["transcribe", str(tmp_path / "a.wav"), "--keep"]) == 0
    assert capsys.readouterr().out == "words\n"


def test_a_terminal_that_is_gone_costs_only_the_progress(
    service: FakeSoniox, monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> None:
    class Gone(io.StringIO):
        def isatty(self) -> bool:
            return True

        def write(self, _: str) -> int:
            raise OSError(5, "Input/output error")

    (tmp_path / "a.wav").write_bytes(b"audio")
    service.add_transcript("words")
    monkeypatch.setattr(sys, "stderr", Gone())
    assert main(["transcribe", str(tmp_path / "a.wav")]) == 0
    assert capsys.readouterr().out == "words\n"


def test_a_request_is_tried_again_within_the_time(service: FakeSoniox, capsys: Any) -> None:
    service.faults.answer(503, times=1, retry_after_sec=0)
    assert main(["transcriptions", "--timeout", "60"]) == 0
    assert [request.status for request in service.requests] == [503, 200]


def test_debug_shows_what_a_deletion_failed_with(service: FakeSoniox) -> None:
    with pytest.raises(SonioxNotFoundError):
        main(["files", "delete", "no-such-file", "--debug"])


def test_debug_shows_what_a_mistake_is_found_by() -> None:
    with pytest.raises(CommandError, match="cannot read 'missing'"):
        main(["transcribe", "missing", "--fake", "--debug"])


def test_ctrl_c_while_modules_are_loaded_needs_no_word() -> None:
    script = (
        "import runpy, signal, sys\n"
        "class Interrupting:\n"
        "    @staticmethod\n"
        "    def find_spec(name, path=None, target=None):\n"
        "        if name == 'soniox_lite.cli': signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting)\n"
        "runpy.run_module('soniox_lite', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", script, "models"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_service_that_fails_while_a_job_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def said_after(answer: Any, *options: str) -> str:
        terminal = Terminal()
        with RawServer(reply(json.dumps(job).encode()), then=answer) as server, monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", terminal)
            assert main(["fetch", "1", "--base-url", server.url, *options]) == 1
        return terminal.getvalue().rpartition("\r")[2]

    monkeypatch.setenv("SONIOX_API_KEY", "key")
    job = {"id": "1", "status": "processing", "created_at": "2026-01-02T03:04:05Z", "model": "m", "filename": "f"}
    assert "no response within 0.5 s" in said_after(stall(), "--timeout", "0.5")
    assert "the reply is not a Transcription" in said_after(reply(b"{}"))


def test_websocket_client_that_is_not_installed_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> None:
    def distribution(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", distribution)
    assert main(["vendor", str(tmp_path / "copy"), "--with-websocket"]) == 1
    assert "websocket-client is not installed here" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_place_for_copies_that_cannot_be_written_to_is_told(capsys: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert main(["vendor", str(tmp_path / "file" / "copy")]) == 1
    assert "cannot write to" in capsys.readouterr().err
