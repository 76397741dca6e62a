"""Rules about the source files themselves."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from ..support.tables import each_row

ROOT = Path(__file__).parents[2]
PACKAGES = {"soniox_lite", "soniox_testing"}
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
# Subjects that leave a reader to guess who or what is meant.
VAGUE = ("nobody", "somebody", "anybody", "everybody", "someone", "whoever", "no one ", "in vain")
# Folders of text that is written here. This file has the words themselves.
WRITTEN = [*sorted(PACKAGES), "tests", "docs", "scripts", "examples", "benchmarks", "*.md", "*.toml", "*.py"]
# Where --fake starts the embedded server, and says so.
MAY_USE_THE_FAKE = {
    "soniox_lite/cli.py",
    *(path.relative_to(ROOT).as_posix() for path in (ROOT / "soniox_lite" / "_cli").rglob("*.py")),
}
# Whose fixtures hand out ready clients, which they import when they are used.
MAY_USE_THE_CLIENT = {"soniox_testing/plugin.py"}


def imports(path: Path) -> list[tuple[int, str]]:
    """Level and top name of every import in a file."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(0, alias.name.partition(".")[0]) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.level, (node.module or "").partition(".")[0]))
    return found


@each_row("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_package_imports_itself_relatively_and_never_the_other(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    absolute = {top for level, top in imports(path) if level == 0}
    allowed = {"soniox_testing"} if name in MAY_USE_THE_FAKE else set()
    if name == "soniox_testing/plugin.py":
        # Inside the fixtures that hand out a client, as test_imports sees.
        allowed = {"soniox_lite"}
    allowed |= {"soniox_lite"} if name in MAY_USE_THE_CLIENT else set()
    assert absolute & PACKAGES <= allowed


def test_no_third_party_import_in_the_client_outside_its_seam() -> None:
    standard = sys.stdlib_module_names
    foreign = {
        (path.relative_to(ROOT).as_posix(), top)
        for path in (ROOT / "soniox_lite").rglob("*.py")
        for level, top in imports(path)
        if level == 0 and top not in standard
    }
    # typing_extensions stands under TYPE_CHECKING only, as test_imports sees.
    assert {top for _, top in foreign} <= {"typing_extensions", "soniox_testing", "websocket"}
    assert {path for path, top in foreign if top == "websocket"} == {"soniox_lite/_websocket/handshake.py"}


@pytest.mark.slow
def test_sync_twins_are_what_the_script_writes() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "generate_sync"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")


def test_both_packages_carry_what_a_copied_folder_needs() -> None:
    for package in PACKAGES:
        for needed in ("LICENSE", "py.typed", "_version.py"):
            assert (ROOT / package / needed).exists(), (package, needed)
        assert (ROOT / package / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    versions = {(ROOT / package / "_version.py").read_text().partition("__version__ = ")[2] for package in PACKAGES}
    assert len(versions) == 1


def test_texts_name_their_subjects() -> None:
    paths = {
        path
        for pattern in WRITTEN
        for top in ROOT.glob(pattern)
        for path in ([top] if top.is_file() else top.rglob("*"))
        if path.is_file() and path.suffix not in {".pyc", ".png"} and path != Path(__file__)
        if "_build" not in path.parts  # the site
    }
    found = [
        f"{path.relative_to(ROOT)} has {word!r}: say which thread, call, user or server is meant"
        for path in sorted(paths)
        for text in [path.read_text(encoding="utf-8", errors="replace").lower()]
        for word in VAGUE
        if word in text
    ]
    assert len(paths) > 500
    assert found == []
