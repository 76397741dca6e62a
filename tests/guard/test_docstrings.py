"""Docstrings of public names: each has one, and those of calls list their own arguments."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest

PACKAGES = [
    "soniox_lite",
    "soniox_lite.api",
    "soniox_lite.realtime",
    "soniox_lite.subtitles",
    "soniox_lite.transcript",
    "soniox_lite.types",
    "soniox_lite.utils",
    "soniox_testing",
]


def members(package: str) -> Iterator[tuple[str, Any]]:
    """The public classes and functions of a package, and the public methods and properties of its classes."""
    module = importlib.import_module(package)
    for name in sorted(set(module.__all__)):
        value = getattr(module, name)
        if inspect.isfunction(value):
            yield name, value
        elif inspect.isclass(value):
            yield name, value
            for member, found in vars(value).items():
                function = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
                if not member.startswith("_") and inspect.isfunction(function):
                    yield f"{name}.{member}", function


@pytest.mark.parametrize("package", PACKAGES)
def test_each_public_name_has_a_docstring(package: str) -> None:
    assert [name for name, value in members(package) if not (value.__doc__ or "").strip()] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_argument_is_described_as_that_of_another_call(package: str) -> None:
    entry = re.compile(r"^ +\*{0,2}(\w+): As (?:for )?:(?:meth|func):", re.MULTILINE)
    calls = dict(members(package))
    for name, value in list(calls.items()):
        if inspect.isclass(value):  # Those that it inherits, too.
            calls |= {f"{name}.{member}": call for member, call in inspect.getmembers(value, inspect.isfunction)}
    found = {name: entry.findall(inspect.getdoc(call) or "") for name, call in calls.items()}
    assert {name: arguments for name, arguments in found.items() if arguments} == {}


@pytest.mark.parametrize("package", ["soniox_lite.api", "soniox_lite.subtitles", "soniox_lite.transcript"])
def test_a_call_lists_its_own_arguments(package: str) -> None:
    missing: list[str] = []
    for name, function in members(package):
        if inspect.isclass(function):
            continue
        text = inspect.getdoc(function) or ""
        for argument in list(inspect.signature(function).parameters.values()):
            if argument.name == "self" or argument.kind is argument.VAR_KEYWORD:
                continue
            # In a list, or in the sentence of a short docstring.
            if not re.search(rf"^ +{argument.name}: |``{argument.name}``", text, re.MULTILINE):
                missing.append(f"{name}: {argument.name}")
    assert missing == []
