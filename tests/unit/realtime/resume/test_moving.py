"""Moving to a new connection before the service ends the old one, and what goes with a new connection."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from soniox_lite import SonioxRealtimeTimeoutError
from soniox_testing import FakeSoniox, Hearing, Recording

from .conftest import Talk, text_of

TALK = Recording.conversation(30, seed=5, sample_rate=2000)
EVERY = {"rotate_after_sec": 5}


def pace(talk: Talk, session: Any) -> list[Any]:
    """Sends the recording, and receives what there is after each chunk, so that it does not come all at once."""
    events: list[Any] = []
    for chunk in TALK.chunks(240):
        talk.send(session, [chunk], finish=False)
        with contextlib.suppress(SonioxRealtimeTimeoutError):
            events.append(talk.call(session.receive_event, 0.05))
    talk.send(session, [])
    return events + talk.rest(session)


def test_a_session_moves_to_a_new_connection_by_itself(talk: Talk, fake: FakeSoniox) -> None:
    fake.add_recording(TALK, Hearing.exact(seed=1))
    session = talk.open(fake.stt_websocket_url, {"model": "stt-rt-v5", **TALK.config}, EVERY)
    events = pace(talk, session)
    talk.call(session.close)
    assert text_of(events) == TALK.text
    assert session.connections >= 4
    assert talk.told("reconnecting") == []
    moves = talk.told("resumed")
    assert len(moves) == session.connections - 1
    assert {move.down_sec for move in moves} == {0.0}


def test_a_session_moves_before_its_key_ends_the_connection(talk: Talk, fake: FakeSoniox) -> None:
    class Keys:
        max_session_duration_seconds = 8

        def __call__(self) -> str:
            return "key"

    fake.add_recording(TALK, Hearing.exact(seed=1))
    session = talk.open(fake.stt_websocket_url, {"model": "stt-rt-v5", **TALK.config}, api_key=Keys())
    events = pace(talk, session)
    talk.call(session.close)
    assert text_of(events) == TALK.text
    assert session.connections >= 3
    assert talk.told("reconnecting") == []


def test_a_session_stays_where_it_is_while_no_other_connection_is_free(talk: Talk, fake: FakeSoniox) -> None:
    fake.add_recording(TALK, Hearing.exact(seed=1))
    session = talk.open(fake.stt_websocket_url, {"model": "stt-rt-v5", **TALK.config}, EVERY)
    fake.faults.refuse(429, times=1)
    events = pace(talk, session)
    talk.call(session.close)
    assert text_of(events) == TALK.text
    assert session.connections == 1
    assert talk.told("lost") == []


def test_a_new_connection_gets_the_end_of_the_transcript_as_context(talk: Talk, fake: FakeSoniox) -> None:
    fake.add_recording(TALK, Hearing.exact(seed=1))
    # What was told before an error message arrives, unlike that before a reset.
    fake.faults.error("service_unavailable", after_audio_ms=15_000, operation="stt", times=1)
    config = {"model": "stt-rt-v5", "context": {"terms": ["Soniox"]}, **TALK.config}
    session = talk.open(fake.stt_websocket_url, config, {"carry_context": True})
    talk.send(session, TALK.chunks(120))
    assert text_of(talk.rest(session)) == TALK.text
    talk.call(session.close)
    first, second = (json.loads(json.dumps(record.config)) for record in fake.sessions)
    assert first["context"] == {"terms": ["Soniox"]}
    assert second["context"]["terms"] == ["Soniox"]
    assert TALK.text.startswith(second["context"]["text"])
    assert second["context"]["text"]
