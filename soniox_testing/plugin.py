"""The pytest plugin, loaded in every test run: it imports nothing but pytest until a fixture is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .server import FakeSoniox


@pytest.fixture
def fake_soniox() -> Iterator[FakeSoniox]:
    """A running FakeSoniox with fresh state, which accepts every API key."""
    from .server import FakeSoniox  # noqa: PLC0415

    with FakeSoniox() as fake:
        yield fake
