"""Tests use the packages from outside: by what a user can notice, or by a clock, a pause or a limit that is public."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Of Python itself.
PYTHON = {"_exit", "_current_frames", "_log_destroy_pending", "_create_default_https_context", "_replace", "_asdict"}
REASONS = {
    "tests/fake/server/test_keep.py": "bounds of what a fake keeps for itself, of which it shows nothing",
    "tests/official/suite/bridge.py": "objects of the official SDK's own tests",
    "tests/support/lambda_runtime.py": "two classes of the same file",
    "tests/unit/realtime/resume/test_moving.py": "a step of a relay is held still, of which the session shows nothing",
}
"""Files that read private attributes all the same."""


def privates(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and name of each private attribute of another object that is read, set or patched."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            if not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls", "other"}):
                yield node.lineno, node.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            if called in {"setattr", "getattr", "delattr", "hasattr", "attrgetter"}:
                for argument in node.args[:2]:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield node.lineno, argument.value.rpartition(".")[2]


def test_no_test_reads_a_private_attribute() -> None:
    found = set()
    for file in sorted((ROOT / "tests").rglob("*.py")):
        path = file.relative_to(ROOT).as_posix()
        for line, name in privates(ast.parse(file.read_text(encoding="utf-8"))):
            if name.startswith("_") and not name.startswith("__") and name not in PYTHON:
                found.add(path if path in REASONS else f"{path}:{line} {name}")
    assert found == set(REASONS)
