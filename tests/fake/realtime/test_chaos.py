"""The chaos run of benchmarks/chaos.py, with less audio."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

_FILE = Path(__file__).parents[3] / "benchmarks" / "chaos.py"


@pytest.fixture(scope="module")
def chaos():
    spec = importlib.util.spec_from_file_location("chaos", _FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["chaos"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["chaos"]


@pytest.mark.slow
def test_the_chaos_run_tells_clients_apart(chaos):
    loop, replay = (
        chaos.run(client, minutes=2, breaks=20, hearing="exact", seed=2, speed=60)
        for client in ("plain-loop", "plain-replay")
    )
    # What is said while it connects again is lost to the loop, so that a slow machine has fewer breaks.
    for outcome, least in ((loop, 1), (replay, 9)):
        assert outcome.connections >= sum(outcome.breaks.values()) >= least
    assert len(loop.found.lost) > 10
    assert loop.found.received < loop.found.expected < 300
    assert not replay.found.lost


@pytest.mark.slow
@pytest.mark.parametrize("client", ["resume", "resume-async"])
def test_a_session_that_resumes_comes_through(chaos, client):
    outcome = chaos.run(client, minutes=2, breaks=25, hearing="exact", seed=2, speed=20)
    assert sum(outcome.breaks.values()) > 15
    assert outcome.found.places <= 1, outcome
