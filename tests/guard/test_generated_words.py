"""Generated sync modules do not speak of asyncio."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
GENERATED = [
    path for path in (ROOT / "soniox_lite").rglob("*.py") if path.read_text(encoding="utf-8").startswith("# Generated")
]
ASYNC_WORDS = re.compile(
    r"coroutine|event loop|\basyncio\b|\bawait|\btasks?\b|\baclose\b|async with|\ban ``with", re.IGNORECASE
)


def prose(source: str) -> Iterator[tuple[int, str]]:
    """The comments and docstrings of a module, each with its first line."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            yield getattr(node, "lineno", 1), ast.get_docstring(node) or ""


def test_generated_prose_has_no_asynchronous_words() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} has {word!r}: give scripts/generate_sync a sentence for it"
        for path in GENERATED
        for line, text in prose(path.read_text(encoding="utf-8"))
        for word in ASYNC_WORDS.findall(text)
    ]
    assert len(GENERATED) > 10
    assert found == []
