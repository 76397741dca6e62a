"""The official SDK's own tests, run on this library; docs/migration.md lists those that do not pass, with a reason."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from .conftest import MATERIAL
from .test_migration_page import PAGE

SECTION = PAGE.partition("## Tests of the official SDK\n")[2].partition("\n## ")[0]
SETTINGS = """
[pytest]
asyncio_mode = auto
timeout = 30
markers = live_ws: real server
filterwarnings = ignore
"""


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(MATERIAL) / "packages")}


def _results(report: Path) -> tuple[int, set[str]]:
    """How many passed, and the names of those that failed, without the parameters."""
    passed, failed = 0, set()
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("failure") is None and case.find("error") is None:
            passed += 1
        else:
            failed.add(f"{case.get('classname', '').rpartition('.')[2]}.py::{case.get('name', '').partition('[')[0]}")
    return passed, failed


def test_all_pass_but_those_on_the_list(material: Path, tmp_path: Path) -> None:
    shutil.copytree(material / "sdk" / "tests", tmp_path / "tests")
    shutil.copy(Path(__file__).parent / "suite" / "bridge.py", tmp_path / "official_bridge.py")
    (tmp_path / "pytest.ini").write_text(SETTINGS)
    report = tmp_path / "report.xml"
    options = ["-q", "-p", "official_bridge", "-p", "no:cacheprovider", "-n", "2", f"--junitxml={report}", "--tb=no"]
    command = [sys.executable, "-m", "pytest", *options, "--continue-on-collection-errors", "tests"]

    subprocess.run(command, cwd=tmp_path, env=_environment(), check=False, timeout=900)

    passed, failed = _results(report)
    listed = set(re.findall(r"test_\w+\.py::test_\w+", SECTION))
    assert sorted(failed - listed) == []
    assert sorted(listed - failed) == [], "they pass: take them off the list"
    counted = re.search(r"(\d+) of (\d+) pass", SECTION)
    assert counted
    assert (passed, len(ElementTree.parse(report).findall(".//testcase"))) == tuple(map(int, counted.groups()))
