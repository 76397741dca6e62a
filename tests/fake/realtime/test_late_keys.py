"""Keys in start messages, which the service refuses from 15 January 2027 on."""

from __future__ import annotations

import warnings
from datetime import datetime, timezone

import pytest

from soniox_testing import FakeSoniox, VirtualClock
from tests.fake.stt_client import SttClient

_LAST_DAY = datetime(2027, 1, 14, 23, 59, tzinfo=timezone.utc)


def hear(fake, *, late):
    """The error of a session whose key came late or with the connection; None: it had none."""
    client = (
        SttClient(fake, None if late else "key-a").start(**({"api_key": "key-a"} if late else {})).audio(100).text("")
    )
    messages, _ = client.rest()
    client.leave()
    return messages[-1].get("error_type")


def test_a_late_key_is_refused_from_that_day_on():
    clock = VirtualClock()
    with FakeSoniox(clock=clock, started_at=_LAST_DAY) as fake:
        assert hear(fake, late=True) is None
        clock.advance(60)
        assert hear(fake, late=True) == "unauthenticated"
        assert hear(fake, late=False) is None
    for allowed, error_type in [(True, None), (False, "unauthenticated")]:
        with FakeSoniox(started_at=_LAST_DAY, key_in_start_message=allowed) as fake:
            assert hear(fake, late=True) == error_type


def test_before_that_day_records_have_a_note_and_check_warns():
    with FakeSoniox(started_at=_LAST_DAY) as fake:
        assert hear(fake, late=False) is None
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            fake.check()
        assert hear(fake, late=True) is None
        assert [len(session.notes) for session in fake.sessions] == [0, 1]
        with pytest.warns(DeprecationWarning, match="refuses that from 15 January 2027 on: this client will stop"):
            fake.check()
