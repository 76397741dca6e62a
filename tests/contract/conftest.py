from __future__ import annotations

from collections.abc import Iterator

import pytest

from soniox_testing import FakeSoniox

from .targets import NAMES, Target


@pytest.fixture(params=NAMES)
def target(request: pytest.FixtureRequest, fake_soniox: FakeSoniox) -> Iterator[Target]:
    """Each client in turn, set up for the test's own fake server."""
    made = Target(request.param, fake_soniox.api_key, fake_soniox.api_base_url)
    yield made
    made.close()
