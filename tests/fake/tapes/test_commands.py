"""The commands for tapes of ``python -m soniox_testing``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from soniox_testing import FakeSoniox, SharedListener
from soniox_testing.__main__ import main
from tests.fake.conftest import Client
from tests.fake.tapes.test_recording import KEY, lines_of

_ROOT = Path(__file__).parents[3]
_PROGRAM = """
import os, sys, urllib.request
request = urllib.request.Request(os.environ["SONIOX_API_BASE_URL"] + sys.argv[1])
request.add_header("Authorization", "Bearer " + os.environ["SONIOX_API_KEY"])
urllib.request.urlopen(request)
"""


def test_a_program_is_recorded_and_then_checked_against_the_tape(
    fake_soniox_listener: SharedListener,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SONIOX_API_KEY", KEY)
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM)
    tape = tmp_path / "tapes" / "a.tape"
    run = ["--", sys.executable, str(program)]
    with FakeSoniox(listener=fake_soniox_listener, api_keys=[KEY]) as service:
        assert main(["record", "--to", service.url, "-o", str(tape), *run, "/v1/files?limit=3"]) == 0
    assert lines_of(tape)[2]["response"]["status"] == 200
    assert main(["play", str(tape), *run, "/v1/files?limit=3"]) == 0
    assert capfd.readouterr() == ("", "")
    assert main(["play", "--no-pauses", str(tape), *run, "/v1/models"]) == 1
    assert capfd.readouterr().err.endswith(
        "a.tape, request 1 (line 2): expected GET /v1/files?limit=3, got GET /v1/models\n"
    )
    assert main(["play", str(tape), "--", sys.executable, "-c", ""]) == 1
    assert "a.tape, request 1 (line 2): GET /v1/files?limit=3" in capfd.readouterr().err
    assert main(["play", str(tape), "--", sys.executable, "-c", "raise SystemExit(7)"]) == 7


def test_what_cannot_be_used_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["play", str(tmp_path / "none.tape")]) == 1
    assert "none.tape" in capsys.readouterr().err
    assert main(["record", "--to", "http://api.soniox.com", "-o", str(tmp_path / "a.tape")]) == 1
    assert "https only" in capsys.readouterr().err


def test_a_program_that_is_not_there_leaves_the_old_tape(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tape = tmp_path / "a.tape"
    tape.write_text("old")
    with pytest.raises(SystemExit, match="2"):
        main(["record", "-o", str(tape), "--", str(tmp_path / "program")])
    assert f"there is no program {tmp_path / 'program'}" in capsys.readouterr().err
    assert tape.read_text() == "old"


_ENDS = """
import os, signal, sys, time
def end(number, frame):
    os.write(1, b"ended\\n")
    sys.exit(3)
signal.signal(signal.SIGTERM, end)
os.write(1, b"ready\\n")
time.sleep(60)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that a program can handle")
def test_a_program_ends_with_its_recorder(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "soniox_testing", "record", "-o", str(tmp_path / "a.tape"), "--"]
    with subprocess.Popen(
        [*command, sys.executable, "-c", _ENDS],
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "ended\n"
        assert process.wait(60) == 3


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that a program can handle")
def test_a_program_that_is_just_being_started_ends_with_its_recorder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Popen(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            signal.raise_signal(signal.SIGTERM)

    told: list[int] = []
    monkeypatch.setattr(subprocess, "Popen", Popen)
    before = signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    try:
        program = ["--", sys.executable, "-c", "import time; time.sleep(20)"]
        assert main(["record", "-o", str(tmp_path / "a.tape"), *program]) == 128 + signal.SIGTERM
    finally:
        signal.signal(signal.SIGTERM, before)
    assert told == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that a program can handle")
def test_a_program_that_a_signal_has_ended_has_the_exit_code_of_a_shell(tmp_path: Path) -> None:
    killed = ["--", sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
    assert main(["record", "-o", str(tmp_path / "a.tape"), *killed]) == 128 + 9


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that a program can handle")
def test_a_recorder_serves_until_it_is_ended(fake_soniox_listener: SharedListener, tmp_path: Path) -> None:
    tape = tmp_path / "a.tape"
    with FakeSoniox(listener=fake_soniox_listener) as service:
        command = [sys.executable, "-m", "soniox_testing", "record", "--to", service.url, "-o", str(tape)]
        with subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": str(_ROOT)}, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            recording = type("Recording", (), {"url": process.stdout.readline().strip()})
            client = Client(recording)  # type: ignore[arg-type]
            assert client("GET", "/v1/files").status == 200
            client.connection.close()
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
    assert lines_of(tape)[2]["response"]["status"] == 200
