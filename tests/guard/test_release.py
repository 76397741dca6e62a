"""scripts/release, in a rehearsal on a copy of the repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from soniox_lite import __version__

ROOT = Path(__file__).parents[2]
REPOSITORY = "https://example.com/soniox-lite"


def git(folder: Path, *arguments: str) -> None:
    """Runs git with a name and an address, which a new machine may not have."""
    person = {f"GIT_{role}_{what}": "a@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, env={**os.environ, **person})


# The script with this environment in place of one of its own.
_DRIVER = """
import runpy, sys
sys.path.insert(0, "scripts")
import environment
environment.prepared_python = lambda extra: sys.executable
sys.argv[0] = "scripts/release"
runpy.run_path("scripts/release", run_name="__main__")
"""


def release(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the script of a copy."""
    command = [sys.executable, "-c", _DRIVER, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with the files of this one."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is no git repository")
    for name in listed.stdout.splitlines():
        if (ROOT / name).exists():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "all")
    return tmp_path


@pytest.mark.slow
def test_what_is_missing_is_told(folder: Path) -> None:
    done = release(folder, "9.9", "--repository", "http://example.com", "--no-check")
    assert done.returncode == 1
    assert "9.9 is not a version like 1.2.3" in done.stderr
    assert "--repository must be an https URL" in done.stderr
    assert "CHANGELOG.md has no section" in done.stderr
    assert not (folder / "dist").exists()


@pytest.mark.slow
def test_a_rehearsal_makes_the_distributions(folder: Path) -> None:
    changelog = folder / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace("## Unreleased", f"## {__version__} (2026-11-27)", 1))
    git(folder, "commit", "-qam", "Version")
    done = release(folder, __version__, "--repository", REPOSITORY, "--no-check")
    assert done.returncode == 0, done.stdout + done.stderr
    dist = folder / "dist"
    names = {path.name for path in dist.iterdir()}
    wheel = f"soniox_lite-{__version__}-py3-none-any.whl"
    assert names == {
        wheel,
        f"soniox_lite-{__version__}.tar.gz",
        f"soniox_lite-{__version__}.cdx.json",
        "SHA256SUMS",
    }
    with zipfile.ZipFile(dist / wheel) as archive:
        metadata = archive.read(f"soniox_lite-{__version__}.dist-info/METADATA").decode()
    assert f"Project-URL: Source, {REPOSITORY}" in metadata
    assert f"]({REPOSITORY}/blob/v{__version__}/docs/usage.md)" in metadata
    assert f"]({REPOSITORY}/raw/v{__version__}/docs/stream.svg)" in metadata
    assert "](docs/" not in metadata
    contents = json.loads((dist / f"soniox_lite-{__version__}.cdx.json").read_text())
    assert [needed["name"] for needed in contents["components"]] == ["websocket-client"]
    assert "soniox_lite/client.py" in {file["name"] for file in contents["metadata"]["component"]["components"]}
    with tarfile.open(dist / f"soniox_lite-{__version__}.tar.gz") as archive:
        assert f"soniox_lite-{__version__}/docs/usage.md" in archive.getnames()
