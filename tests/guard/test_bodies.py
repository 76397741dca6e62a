"""That the bodies of every fake are looked at: see tests/conftest.py."""

from __future__ import annotations

import json

import pytest

from soniox_lite import SonioxClient
from soniox_testing import FakeSoniox
from soniox_testing.rest import models
from tests.conftest import BodyChecks
from tests.support.schema import UNDOCUMENTED, check_body, checked


def test_a_body_is_checked_wherever_the_fake_was_made(fake_soniox: FakeSoniox) -> None:
    before = checked["get_models", 200], checked["get_file", 404], checked[None, 503]
    with FakeSoniox() as own:
        for fake in (fake_soniox, own):
            with SonioxClient(fake.api_key, api_base_url=fake.api_base_url, max_retries=0) as client:
                assert client.models.list().models
                assert client.files.get_or_none("00000000-0000-4000-8000-000000000000") is None
                fake.faults.answer(503)
                assert client.request("GET", "/models").status_code == 503
    after = checked["get_models", 200], checked["get_file", 404], checked[None, 503]
    assert after == tuple(number + 2 for number in before)


@pytest.mark.parametrize(
    "wrong", [{"models": [{"id": 5}]}, {"models": [], "invented": 1}, {}], ids=["type", "invented", "missing"]
)
def test_a_wrong_body_is_noticed(
    monkeypatch: pytest.MonkeyPatch, body_checks: BodyChecks, wrong: dict[str, object]
) -> None:
    response = models.json_response
    monkeypatch.setattr(models, "json_response", lambda status, _: response(status, wrong))
    with FakeSoniox() as fake, SonioxClient(fake.api_key, api_base_url=fake.api_base_url) as client:
        assert client.request("GET", "/models").json() == wrong
    (failure,) = body_checks.take()
    assert "GET /v1/models -> 200" in failure


def test_a_status_that_is_not_documented_is_noticed() -> None:
    with pytest.raises(AssertionError, match="get_models does not document 418"):
        check_body("GET", "/v1/models", 418, json.dumps({}).encode())
    assert all(UNDOCUMENTED.values())
