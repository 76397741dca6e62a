"""The Dockerfile: what it does is done here, without a container; where there is Docker, it is built and run."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from soniox_testing.__main__ import parser_and_options, variable_of

_ROOT = Path(__file__).parents[3]
_LINES = [
    line.split(maxsplit=1)
    for line in (_ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
_VARIABLES = dict(part.split("=", 1) for name, rest in _LINES if name == "ENV" for part in rest.split())


def test_what_it_copies_is_there_and_is_sent_to_the_builder() -> None:
    copied = [source for name, rest in _LINES if name == "COPY" for source in rest.split()[:-1]]
    sent = (_ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert {f"!{source}" for source in copied} <= set(sent)
    assert all((_ROOT / source).exists() for source in copied)
    # All that the build of the wheel reads is copied.
    project = (_ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'packages = ["soniox_lite", "soniox_testing"]' in project
    assert 'readme = "README.md"' in project
    (run,) = [rest for name, rest in _LINES if name == "RUN"]
    extra = re.fullmatch(r'python -m pip install --no-cache-dir "\.\[([a-z-]+)\]"', run)
    assert extra is not None
    assert re.search(rf"^{extra[1]} = ", project, re.MULTILINE)


def test_its_variables_are_options() -> None:
    assert _VARIABLES.keys() <= {variable_of(action) for action in parser_and_options()[1]}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that a program can handle")
def test_its_program_runs_with_its_variables_and_is_healthy() -> None:
    (command,) = [json.loads(rest) for name, rest in _LINES if name == "ENTRYPOINT"]
    (health,) = [json.loads(rest.partition(" CMD ")[2]) for name, rest in _LINES if name == "HEALTHCHECK"]
    (port,) = [rest for name, rest in _LINES if name == "EXPOSE"]
    assert (command[0], health[0], _VARIABLES["FAKE_SONIOX_PORT"]) == ("python", "python", port)
    environment = {**os.environ, **_VARIABLES, "FAKE_SONIOX_PORT": "0", "PYTHONPATH": str(_ROOT)}
    with subprocess.Popen(
        [sys.executable, *command[1:]], env=environment, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        url = program.stdout.readline().strip()
        check = [part.replace(f"http://127.0.0.1:{port}", url) for part in health[1:]]
        subprocess.run([sys.executable, *check], check=True, timeout=300)
        request = urllib.request.Request(f"{url}/__fake__/state", headers={"Host": f"soniox:{port}"})
        with urllib.request.urlopen(request, timeout=60) as response:
            assert json.load(response)["url"] == f"http://soniox:{port}"
        program.send_signal(signal.SIGTERM)
        assert program.wait(60) == 0


def _has_docker() -> bool:
    docker = shutil.which("docker")
    return docker is not None and subprocess.run([docker, "info"], capture_output=True, check=False).returncode == 0


@pytest.mark.slow
def test_it_is_built_and_runs() -> None:
    if not _has_docker():
        pytest.skip("there is no running Docker")
    subprocess.run(["docker", "build", "-q", "-t", "soniox-fake-test", str(_ROOT)], check=True, timeout=600)
    started = subprocess.run(
        ["docker", "run", "-d", "--rm", "-p", "127.0.0.1::8000", "soniox-fake-test"],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    container = started.stdout.strip()
    try:
        logs = ["docker", "logs", "-f", container]
        with subprocess.Popen(logs, stdout=subprocess.PIPE, text=True) as log:
            assert log.stdout is not None
            assert log.stdout.readline().strip() == "http://127.0.0.1:8000"
            log.terminate()
        mapped = subprocess.run(["docker", "port", container, "8000"], capture_output=True, text=True, check=True)
        url = f"http://{mapped.stdout.split()[0]}"
        with urllib.request.urlopen(f"{url}/__fake__/state", timeout=60) as response:
            assert json.load(response)["url"] == url
    finally:
        subprocess.run(["docker", "stop", container], check=True, timeout=300)
