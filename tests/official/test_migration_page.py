"""The tables of docs/migration.md: each row that claims a difference is a test."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "migration.md").read_text(encoding="utf-8")


def rows(section: str) -> list[list[str]]:
    """The rows of the table below a heading, without its first two lines."""
    table = re.findall(r"^\|(.*)\|$", PAGE.partition(f"### {section}\n")[2].partition("\n##")[0], re.MULTILINE)
    return [re.split(r"(?<!\\)\|", row) for row in table[2:]]


def test_each_row_names_tests_that_there_are() -> None:
    wrong = []
    for section in ("Same", "Better", "Different", "Beside the Node SDK"):
        found = rows(section)
        assert len(found) >= 8
        for row in found:
            named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", row[-1])
            wrong += [row for path, name in named if not _has(ROOT / "tests" / path, name)] if named else [row]
    assert wrong == []


def _has(file: Path, test: str) -> bool:
    return (
        file.exists()
        and re.search(rf"^ *(async )?def {test}\(", file.read_text(encoding="utf-8"), re.MULTILINE) is not None
    )


def test_each_difference_that_is_run_with_both_has_a_row() -> None:
    source = Path(__file__).with_name("test_differences.py").read_text(encoding="utf-8")
    unnamed = [name for name in re.findall(r"^def (test_\w+)", source, re.MULTILINE) if f"::{name}`" not in PAGE]

    # Shown on the page as a program.
    assert unnamed == ["test_a_loop_reconnects_after_a_broken_connection"]
