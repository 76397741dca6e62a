"""Packages from PyPI that import the official SDK do the same on this library, unchanged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

DRIVERS = sorted(Path(__file__).parent.joinpath("packages").glob("*.py"))


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda path: path.stem)
def test_a_package_does_the_same_on_both(
    driver: Path, material: Path, both: Callable[[Path], tuple[list[str], list[str]]]
) -> None:
    official, ours = both(driver)

    assert official
    assert ours == official
