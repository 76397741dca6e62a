"""Moving to a new connection before the service ends the old one, and what goes with a new connection."""

from __future__ import annotations

import contextlib
import json
import threading
from typing import Any

from soniox_lite import SonioxRealtimeTimeoutError
from soniox_testing import FakeSoniox, Hearing, Recording

from ..driver import Driver
from .conftest import PATIENCE_SEC, Talk, text_of

TALK = Recording.conversation(30, seed=5, sample_rate=2000)
EVERY = {"rotate_after_sec": 5}


# How far the test sends ahead of what has been heard, in milliseconds of audio.
AHEAD_MS = 4000


def pace(talk: Talk, session: Any) -> list[Any]:
    """Sends the recording, and receives what there is after each chunk, so that it does not come all at once.

    When a connection to move to is wanted, nothing is sent until it is open, or could not be opened.
    """
    core, is_known = session._core, threading.Event()

    def note(method: Any) -> Any:
        def noted(*args: Any) -> Any:
            result = method(*args)
            is_known.set()
            return result

        return noted

    core.spare_opened, core.spare_failed = note(core.spare_opened), note(core.spare_failed)
    core.move = note(core.move)
    events: list[Any] = []
    heard_ms = 0
    for number, chunk in enumerate(TALK.chunks(240), 1):
        talk.send(session, [chunk], finish=False)
        is_late = True
        while is_late:
            is_late = 240 * number - heard_ms > AHEAD_MS
            with contextlib.nullcontext() if is_late else contextlib.suppress(SonioxRealtimeTimeoutError):
                events.append(talk.call(session.receive_event, PATIENCE_SEC / 2 if is_late else 0.05))
                heard_ms = events[-1].total_audio_proc_ms
        is_known.clear()
        if core.is_move_due and not core._has_spare and core._spare_due == 0:
            assert is_known.wait(PATIENCE_SEC)
    talk.send(session, [])
    return events + talk.rest(session)


def test_a_session_moves_to_a_new_connection_by_itself(talk: Talk, fake: FakeSoniox) -> None:
    fake.add_recording(TALK, Hearing.exact(seed=1))
    session = talk.open(fake.stt_websocket_url, {"model": "stt-rt-v5", **TALK.config}, EVERY)
    events = pace(talk, session)
    talk.call(session.close)
    assert text_of(events) == TALK.text
    assert session.connections >= 3
    assert talk.told("reconnecting") == []
    moves = talk.told("resumed")
    assert len(moves) == session.connections - 1
    assert {move.down_sec for move in moves} == {0.0}


def test_a_connection_that_opens_while_a_message_asks_for_one_is_moved_to(fake: FakeSoniox) -> None:
    talk = Talk(Driver("stt"))
    fake.add_recording(TALK, Hearing.exact(seed=1))
    session = talk.open(fake.stt_websocket_url, {"model": "stt-rt-v5", **TALK.config}, EVERY)
    relay, is_open = session._relay, threading.Event()
    run, opened = relay._steps.run, relay._adopt

    def adopt(leg: Any) -> None:
        opened(leg)
        is_open.set()

    def held_up(step: Any, *args: Any) -> Any:
        # The reader's thread stands still before this step for as long as the connection is being opened.
        if "spare" in step.__name__ and relay._opening is not None:
            assert is_open.wait(PATIENCE_SEC)
        return run(step, *args)

    relay._adopt, relay._steps.run = adopt, held_up
    events = pace(talk, session)
    talk.call(session.close)
    assert text_of(events) == TALK.text
    assert session.connections >= 3


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


def test_a_context_that_is_text_is_followed_by_the_end_of_the_transcript(talk: Talk, fake: FakeSoniox) -> None:
    fake.add_recording(TALK, Hearing.exact(seed=1))
    fake.faults.error("service_unavailable", after_audio_ms=15_000, operation="stt", times=1)
    config = {"model": "stt-rt-v5", **TALK.config, "context": "About Soniox."}
    session = talk.open(fake.stt_websocket_url, config, {"carry_context": True})
    talk.send(session, TALK.chunks(120))
    assert text_of(talk.rest(session)) == TALK.text
    talk.call(session.close)
    first, second = (record.config["context"] for record in fake.sessions)
    assert first == "About Soniox."
    before, _, said = second.partition("\n")
    assert before == "About Soniox."
    assert TALK.text.startswith(said)
    assert said
