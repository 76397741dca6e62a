"""The client and its command line in zip files, frozen programs, and processes that are allowed little."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import threading
import zipapp
from pathlib import Path
from typing import Any

import pytest

from soniox_lite import SonioxClient
from soniox_lite._cli.vendoring import websocket_files
from soniox_testing import FakeSoniox

ROOT = Path(__file__).parents[2]
SPOKEN = str(ROOT / "examples" / "spoken.wav")

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv.pop(1)) << 20, -1))
from soniox_lite.cli import main
sys.exit(main())
"""


def packages(folder: Path) -> Path:
    """A folder with the client and websocket-client."""
    shutil.copytree(ROOT / "soniox_lite", folder / "soniox_lite", ignore=shutil.ignore_patterns("__pycache__"))
    for path, content in websocket_files()[1].items():
        (folder / "websocket" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "websocket" / path).write_bytes(content)
    return folder


def check(fake: FakeSoniox, *command: str, **options: Any) -> None:
    """Transcribes a file over REST and live, and prints the help of a command."""
    environment = {**os.environ, **fake.environment(), **options.pop("env", {})}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, env=environment, check=False, timeout=300, **options
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    for _ in range(2):
        fake.add_transcript("no strings attached")
    assert run("transcribe", SPOKEN) == "no strings attached\n"
    assert run("stream", SPOKEN, "--fast") == "no strings attached\n"
    assert "--voice" in run("speak", "--help")


def test_zipapp_without_docstrings_and_site_packages(fake_soniox: FakeSoniox, tmp_path: Path) -> None:
    archive = tmp_path / "soniox.pyz"
    zipapp.create_archive(packages(tmp_path / "app"), archive, main="soniox_lite.cli:main", compressed=True)
    check(fake_soniox, sys.executable, "-OO", "-I", "-S", "-W", "error", str(archive))


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs the rights of files as POSIX has them")
def test_a_folder_that_nothing_can_be_written_to(fake_soniox: FakeSoniox, tmp_path: Path) -> None:
    place = packages(tmp_path / "app")
    before = sorted(place.rglob("*"))
    for path in (*before, place):
        path.chmod(path.stat().st_mode & ~0o222)
    # root may write everywhere, and files that cannot be opened for writing are a stand-in for a read-only system.
    variables = {"PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/nonexistent", "TMPDIR": str(place)}
    try:
        check(fake_soniox, sys.executable, "-S", "-m", "soniox_lite", env=variables, cwd=place)
        assert sorted(place.rglob("*")) == before
    finally:
        for path in (place, *before):
            path.chmod(path.stat().st_mode | 0o200)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit of the address space")
@pytest.mark.skipif(bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="without the GIL, Python reserves 1 GB")
def test_48_mb_of_address_space(fake_soniox: FakeSoniox, tmp_path: Path) -> None:
    place = packages(tmp_path / "app")
    variables = {"PYTHONPATH": str(place)}
    check(fake_soniox, sys.executable, "-S", "-c", LIMITED, "48", env=variables)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("PyInstaller") is None, reason="needs PyInstaller")
def test_pyinstaller_needs_no_hints(fake_soniox: FakeSoniox, tmp_path: Path) -> None:
    program = tmp_path / "soniox.py"
    program.write_text("import sys\nfrom soniox_lite.cli import main\nsys.exit(main())\n")
    command = [sys.executable, "-m", "PyInstaller", "--onedir", "--log-level", "ERROR", "--noconfirm", str(program)]
    paths = {"PYINSTALLER_CONFIG_DIR": str(tmp_path / "config"), "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, env={**os.environ, **paths})
    check(fake_soniox, str(tmp_path / "dist" / "soniox" / "soniox"))


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["shiv", "pex"])
def test_archives_that_other_tools_make(fake_soniox: FakeSoniox, tmp_path: Path, tool: str) -> None:
    if importlib.util.find_spec(tool) is None:
        pytest.skip(f"needs {tool}")
    place, archive = packages(tmp_path / "app"), tmp_path / "soniox.pyz"
    options = {
        "shiv": ["--site-packages", str(place), "-o", str(archive), "-e", "soniox_lite.cli:main"],
        "pex": ["-D", str(place), "-o", str(archive), "-e", "soniox_lite.cli:main"],
    }
    subprocess.run([sys.executable, "-m", tool, *options[tool]], check=True, capture_output=True, cwd=tmp_path)
    caches = {"SHIV_ROOT": str(tmp_path / "shiv"), "PEX_ROOT": str(tmp_path / "pex")}
    check(fake_soniox, sys.executable, str(archive), env=caches)


def test_namespaces_are_made_once_when_threads_touch_them_first() -> None:
    names = ("files", "stt", "tts", "voices", "models", "usage", "auth", "webhooks", "realtime")
    for _ in range(20):
        client = SonioxClient("key")
        seen: list[dict[str, int]] = []
        ready = threading.Barrier(8)

        def touch(client: SonioxClient = client, ready: threading.Barrier = ready, seen: Any = seen) -> None:
            ready.wait(60)
            seen.append({name: id(getattr(client, name)) for name in names})

        threads = [threading.Thread(target=touch) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(seen) == 8
        assert all(one == seen[0] for one in seen)
        client.close()
