"""The rooms of both packages are layers: an import goes to a lower room or stays in its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Bottom to top. Rooms on one line do not import each other. A room is a folder or a module of the package's top level.
LAYERS = {
    "soniox_lite": [
        ("errors", "_lazy", "_version"),
        ("_data",),
        ("types", "_settings"),
        ("_net",),
        ("_http", "_websocket"),
        ("_audio", "transcript"),
        ("utils", "subtitles"),
        ("api", "realtime"),
        ("_client",),
        ("client",),
        ("_cli", "compat"),
        ("cli",),
        ("__main__",),
    ],
    "soniox_testing": [
        ("extra", "unfrozen", "_version"),
        ("wire",),
        ("net",),
        ("script", "catalogue"),
        ("hearing", "speaking"),
        ("store",),
        ("rest", "realtime"),
        ("front", "tapes"),
        ("assertions",),
        ("server",),
        ("marked_tapes",),
        ("plugin", "control", "tape_commands"),
        ("__main__",),
    ],
}
# Annotations may name objects of these higher rooms, which are passed down at run time.
PASSED_DOWN = {"client", "_http", "types", "store", "realtime", "_websocket"}


def imports(tree: ast.Module) -> Iterator[tuple[ast.ImportFrom, bool]]:
    """Every relative import of a file, and whether only type checkers see it."""
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"
        for statement in block.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield node, id(node) in typing_only


def rooms_named(node: ast.ImportFrom, path: tuple[str, ...]) -> list[str]:
    """The rooms that an import of the file at ``path`` (below its package) reaches."""
    base = path[: len(path) - node.level]
    if node.module:
        base += tuple(node.module.split("."))
    return [base[0]] if base else [alias.name for alias in node.names]


@pytest.mark.parametrize("package", LAYERS)
def test_imports_go_down(package: str) -> None:
    layer_of = {room: number for number, rooms in enumerate(LAYERS[package]) for room in rooms}
    wrong = []
    seen = set()
    for file in sorted((ROOT / package).rglob("*.py")):
        path = file.relative_to(ROOT / package).with_suffix("").parts
        room = path[0]
        if path[-1] == "__init__":  # a table of the names that a package shows
            continue
        seen.add(room)
        for node, typing_only in imports(ast.parse(file.read_text(encoding="utf-8"))):
            for target in rooms_named(node, path):
                goes_down = target == room or layer_of[target] < layer_of[room]
                if not goes_down and not (typing_only and target in PASSED_DOWN):
                    wrong.append(f"{'/'.join(path)}.py:{node.lineno} imports {target}")
    assert wrong == []
    assert seen == set(layer_of)
