"""Packages from PyPI that import the official SDK do the same on this library, unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Both

DRIVERS = sorted(Path(__file__).parent.joinpath("packages").glob("*.py"))


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda path: path.stem)
def test_a_package_does_the_same_on_both(driver: Path, material: Path, both: Both) -> None:
    official, ours = both(driver)

    assert official
    assert not official or not official[-1].startswith("ended by")
    assert ours == official
