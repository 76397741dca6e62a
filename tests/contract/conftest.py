"""Where the contract suite runs: against the fake, and with ``SONIOX_LIVE_API_KEY`` against the service, too.

    SONIOX_LIVE_API_KEY=... pytest tests/contract -k live

The live runs have not been made in the environment where this was written, which has no key: expect to learn something
from the first. They cost a few seconds of transcription, delete what they create, and touch nothing else in the
project. Tests that use ``fake_soniox`` or are marked ``fake_only`` are skipped there.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from soniox_testing import FakeSoniox

from .targets import LIVE_API, LIVE_KEY, LIVE_STT, NAMES, PLACES, Target


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fake_only(reason): cannot be run against the service")


def _skip_unless_it_may_be_live(request: pytest.FixtureRequest) -> None:
    """The real service cannot be told to fail or be looked into; each mark says why its test needs that."""
    mark = request.node.get_closest_marker("fake_only")
    if mark is not None:
        pytest.skip(mark.args[0])
    if "fake_soniox" in inspect.signature(request.function).parameters:
        pytest.skip("scripts the fake or looks inside it")


@pytest.fixture(params=[(name, place) for place in PLACES for name in NAMES], ids="-".join)
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """Each client in turn, set up for the test's own fake server, or for the service."""
    name, place = request.param
    if place == "live":
        _skip_unless_it_may_be_live(request)
        made = Target(name, LIVE_KEY, LIVE_API)
    else:
        fake: FakeSoniox = request.getfixturevalue("fake_soniox")
        made = Target(
            name,
            fake.api_key,
            fake.api_base_url,
            tts_api_base_url=fake.tts_api_base_url,
            tts_websocket_base_url=fake.tts_websocket_url,
        )
    yield made
    made.close()


@dataclass(frozen=True)
class Service:
    """Where realtime sessions are opened."""

    api_key: str
    stt_websocket_url: str


@pytest.fixture(params=PLACES)
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    """A fake that knows one key, or the service."""
    if request.param == "live":
        _skip_unless_it_may_be_live(request)
        yield Service(LIVE_KEY, LIVE_STT)
        return
    with FakeSoniox(api_keys=["key"]) as fake:
        yield Service(fake.api_key, fake.stt_websocket_url)
