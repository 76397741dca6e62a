"""Programs and packages for the official SDK, run with it and with this library."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from soniox_testing import FakeSoniox

SPOKEN = Path(__file__).parents[2] / "examples" / "spoken.wav"
# The files that programs open, all of them the same recording.
RECORDINGS = ["call.wav", "path/to/audio.mp3", "path_to_your_audio_file", "reference.wav"]
_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ][\d:.]+(\+00:00|Z)?|datetime\.datetime\([^()]*(\(0\))?[^()]*\)")
MATERIAL = os.environ.get("SONIOX_LITE_OFFICIAL", "")
"""The folder in which ``scripts/official`` put the official source distribution and the packages."""


@pytest.fixture
def material() -> Path:
    """The folder with the source distribution (``sdk``) and the packages (``packages``)."""
    if not MATERIAL:
        pytest.skip(
            "needs the official source distribution and packages from PyPI: scripts/official fetches and runs them"
        )
    return Path(MATERIAL)


class Runner:
    """A process that runs programs on one of the two SDKs.

    Args:
        sdk: ``official`` or ``ours``.
    """

    def __init__(self, sdk: str) -> None:
        command = [sys.executable, str(Path(__file__).with_name("runner.py")), sdk]
        environment = {**os.environ, "PYTHONPATH": str(Path(MATERIAL) / "packages")} if MATERIAL else None
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def run(self, path: Path, fake: FakeSoniox, folder: Path) -> list[str]:
        """The lines that a program prints, with ids and times replaced, in a folder that is its own."""
        addresses = [fake.api_base_url, fake.stt_websocket_url, fake.tts_api_base_url, fake.tts_websocket_url]
        job = {
            "path": str(path),
            "folder": str(folder),
            "variables": fake.environment(),
            "addresses": addresses,
        }
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the process ended"
        ids: dict[str, str] = {}
        text = _UUID.sub(lambda match: ids.setdefault(match[0], f"id-{len(ids)}"), json.loads(answer))
        return _TIME.sub("(time)", text).replace(str(folder), "(folder)").splitlines()

    def close(self) -> None:
        self._process.communicate(timeout=300)


@pytest.fixture(scope="session")
def runners() -> Iterator[Callable[[str], Runner]]:
    """A process for each SDK, started when first asked for."""
    started: dict[str, Runner] = {}

    def get(sdk: str) -> Runner:
        if sdk not in started:
            started[sdk] = Runner(sdk)
        return started[sdk]

    yield get
    for one in started.values():
        one.close()


class Both(Protocol):
    def __call__(
        self, program: Path | str, prepare: Callable[[FakeSoniox], object] = ..., **options: Any
    ) -> tuple[list[str], list[str]]:
        """What a program, by its path or as text, prints with the official SDK and with ours.

        Each run has a fake, with these options, and a folder of its own; ``prepare`` sets the fake up.
        """


@pytest.fixture
def both(runners: Callable[[str], Runner], tmp_path: Path) -> Both:
    """Runs programs."""

    def run(
        program: Path | str, prepare: Callable[[FakeSoniox], object] = lambda _: None, **options: Any
    ) -> tuple[list[str], list[str]]:
        if isinstance(program, str):
            path = tmp_path / "program.py"
            path.write_text(program, encoding="utf-8")
        else:
            path = program
        printed = []
        for sdk in ("official", "ours"):
            folder = tmp_path / sdk
            for name in RECORDINGS:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(SPOKEN, folder / name)
            # It knows one key.
            with FakeSoniox(api_keys=["key"], **options) as fake:
                prepare(fake)
                printed.append(runners(sdk).run(path, fake, folder))
        return printed[0], printed[1]

    return run
