"""Connections that end early, in every way and place: the session goes on as if nothing had been."""

from __future__ import annotations

import asyncio
import threading
from itertools import pairwise
from typing import Any

import pytest

from soniox_lite import (
    SonioxAPIError,
    SonioxConnectionError,
    SonioxRealtimeConnectionError,
    SonioxRealtimeError,
    SonioxValidationError,
)
from soniox_lite.errors import SonioxRealtimeResumeError
from soniox_lite.types import ApiError
from soniox_testing import FakeSoniox, Hearing, Recording
from tests.support import ws_server
from tests.support.tables import each_row
from tests.support.ws_server import FINISHED, WsServer, accept, answer_the_end, hang_up, message, refuse, started, until

from ..driver import CONFIG, KEY
from .conftest import PATIENCE_SEC, Talk, text_of

TALK = Recording.conversation(20, seed=3, sample_rate=2000)
CHUNK_MS = 120
SECOND = bytes(32_000)
ENDS = ("reset", "eof", "close:1000", "close:1001", "close:1011")
ERRORS = (
    "service_unavailable",
    "max_duration_reached",
    "internal_error",
    "limit_exceeded",
    "request_timeout",
)


def break_after(fake: FakeSoniox, how: str, amount: int, *, when: str = "after_audio_ms") -> None:
    """Has the next connection end so when it has got so much audio, or told so many messages."""
    at: dict[str, Any] = {when: amount}
    if how in ERRORS:
        fake.faults.error(how, operation="stt", times=1, **at)
    else:
        fake.faults.drop(how=how, operation="stt", times=1, **at)


def check_line(events: list[Any]) -> None:
    """Checks that times and counters never go back."""
    times = [token for event in events for token in event.tokens if token.is_final and token.start_ms is not None]
    assert all(a.start_ms <= a.end_ms and a.end_ms <= b.start_ms + 1 for a, b in pairwise(times))
    assert all(
        a.final_audio_proc_ms <= b.final_audio_proc_ms and a.total_audio_proc_ms <= b.total_audio_proc_ms
        for a, b in pairwise(events)
    )


def hear(talk: Talk, fake: FakeSoniox, *, chunk_ms: int = CHUNK_MS, **options: Any) -> tuple[Any, list[Any]]:
    """A session that hears the recording, and its events."""
    session = talk.open(fake.stt_websocket_url, {"model": "stt-rt-v5", **TALK.config}, **options)
    sending = talk.start(talk.send, session, TALK.chunks(chunk_ms)) if talk.kind == "sync" else None
    if sending is None:
        talk.send(session, TALK.chunks(chunk_ms))
    events = talk.rest(session)
    if sending is not None:
        sending.result(60)
    talk.call(session.close)
    return session, events


@each_row("how", [*ENDS, *ERRORS])
def test_no_end_of_a_connection_costs_a_word(talk: Talk, how: str) -> None:
    for audio_ms in (0, 360, 3100, 9940):
        with FakeSoniox() as fake:
            fake.add_recording(TALK, Hearing.exact(seed=audio_ms))
            break_after(fake, how, audio_ms)
            session, events = hear(talk, fake)
            assert text_of(events) == TALK.text
            check_line(events)
            assert session.connections == 2
            assert session.lost_ms == 0
            assert [notice.type for notice in talk.notices] == [
                "open", "reconnecting", "resumed", "finished", "close",
            ]  # fmt: skip
            # The service asks for a pause with these only.
            assert (talk.notices[1].delay_sec > 0) == (how in {"internal_error", "limit_exceeded"})
            assert session.finished


def test_a_break_after_any_message_costs_no_word(talk: Talk, fake: FakeSoniox) -> None:
    fake.add_recording(TALK, Hearing.exact(seed=1))
    for number, messages in enumerate(range(1, 150, 4)):
        break_after(fake, (*ENDS, *ERRORS)[number % 10], messages, when="after_frames")
        session, events = hear(talk, fake)
        assert text_of(events) == TALK.text, messages
        check_line(events)
        assert session.connections == 2, messages


def test_a_stream_breaks_in_many_places_one_after_the_other(talk: Talk, fake: FakeSoniox) -> None:
    fake.add_recording(TALK, Hearing.exact(seed=1))
    for number, audio_ms in enumerate((9000, 700, 8100, 5200, 4300)):
        break_after(fake, (*ENDS, *ERRORS)[number], audio_ms)
    session, events = hear(talk, fake)
    assert text_of(events) == TALK.text
    check_line(events)
    assert session.connections == 6


def test_times_are_those_of_one_stream(talk: Talk, fake: FakeSoniox) -> None:
    fake.add_recording(TALK, Hearing(seed=1, split=False))
    _, unbroken = hear(talk, fake)
    break_after(fake, "eof", 8000)
    _, events = hear(talk, fake)

    def words(events: list[Any]) -> list[Any]:
        return [(token.text, token.start_ms) for event in events for token in event.tokens if token.is_final]

    assert [text for text, _ in words(events)] == [text for text, _ in words(unbroken)]
    assert all(abs(a[1] - b[1]) <= 2 for a, b in zip(words(events), words(unbroken), strict=True))


def test_events_as_json_are_those_that_are_given_out(talk: Talk, fake: FakeSoniox) -> None:
    fake.add_recording(TALK, Hearing.exact(seed=1))
    break_after(fake, "reset", 6000)
    session = talk.open(fake.stt_websocket_url, {"model": "stt-rt-v5", **TALK.config})
    talk.send(session, TALK.chunks(CHUNK_MS))
    events: list[Any] = []
    while raw := talk.call(session.recv_bytes):
        events.append(session.parse_event(raw))
    talk.call(session.close)
    assert text_of(events) == TALK.text
    assert events[-1].finished
    assert b"null" not in raw


def test_a_program_may_change_the_tokens_that_it_gets(talk: Talk, fake: FakeSoniox) -> None:
    """Their times and texts are needed for the join."""

    def change(event: Any) -> None:
        for token in event.tokens:
            if token.is_final:
                said.append(token.text)
            token.text, token.start_ms, token.end_ms, token.is_final = "?", 10**9, 10**9, False
        event.tokens.clear()

    said: list[str] = []
    fake.add_recording(TALK, Hearing.exact(seed=1))
    break_after(fake, "service_unavailable", 12_000)
    session = talk.session(fake.stt_websocket_url, {"model": "stt-rt-v5", **TALK.config})
    session.on("result", change)
    talk.call(session.enter)
    talk.send(session, TALK.chunks(CHUNK_MS))
    talk.rest(session)
    talk.call(session.close)
    assert "".join(said) == TALK.text
    assert session.connections == 2


def test_handlers_of_results_see_what_is_given_out(talk: Talk, fake: FakeSoniox) -> None:
    fake.add_recording(TALK, Hearing.exact(seed=1))
    break_after(fake, "reset", 6000)
    session = talk.session(fake.stt_websocket_url, {"model": "stt-rt-v5", **TALK.config})
    told: list[Any] = []
    states: list[str] = []
    session.on("result", told.append)
    session.on("state_change", lambda change: states.append(change.new_state))
    talk.call(session.enter)
    talk.send(session, TALK.chunks(CHUNK_MS))
    assert talk.rest(session) == told
    talk.call(session.close)
    assert text_of(told) == TALK.text
    assert states.count("reconnecting") == 1
    assert states[-1] == "closed"


def test_refused_handshakes_are_tried_again(talk: Talk, fake: FakeSoniox) -> None:
    def refuse(payload: Any) -> None:
        if payload.attempt == 1:
            for status in (503, 425, 429):
                fake.faults.refuse(status, times=1)

    fake.add_recording(TALK, Hearing.exact(seed=2))
    break_after(fake, "reset", 3000)
    session = talk.session(fake.stt_websocket_url, {"model": "stt-rt-v5", **TALK.config})
    session.on("reconnecting", refuse)
    talk.call(session.enter)
    talk.send(session, TALK.chunks(CHUNK_MS))
    assert text_of(talk.rest(session)) == TALK.text
    talk.call(session.close)
    assert [notice.attempt for notice in talk.told("reconnecting")] == [1, 2, 3, 4]
    assert talk.told("resumed")[0].attempt == 4


def test_what_lies_unread_in_the_queue_comes_once(talk: Talk, fake: FakeSoniox) -> None:
    fake.add_recording(TALK, Hearing.exact(seed=1))
    break_after(fake, "reset", 15_000)
    session = talk.open(fake.stt_websocket_url, {"model": "stt-rt-v5", **TALK.config})
    talk.send(session, TALK.chunks(CHUNK_MS))
    # Nothing is received until all is over.
    assert talk.driver.log(session)[-1].type == "close"
    assert text_of(talk.rest(session)) == TALK.text
    assert session.connections == 2


@each_row(
    "error",
    [
        {"error_code": 400, "error_type": "invalid_request"},
        {"error_code": 402, "error_type": "organization_balance_exhausted"},
        {"error_code": 403, "error_type": "permission_denied"},
        {"error_code": 403, "error_type": "temp_api_key_session_expired"},
        {"error_code": 401, "error_type": "unauthenticated"},
        {"error_code": 404, "error_type": "not_found"},
    ],
    ids=lambda row: row["error_type"],
)
def test_what_another_connection_would_be_told_as_well_ends_the_session(talk: Talk, error: dict[str, Any]) -> None:
    told = {"tokens": [], "error_message": "no", **error}
    with WsServer(started, until("binary"), message(told), ws_server.close()) as server:
        session = talk.open(server.url, CONFIG)
        talk.send(session, [bytes(3200)], finish=False)
        (event,) = talk.rest(session)
        assert (event.error_code, event.error_type) == (error["error_code"], error["error_type"])
        with pytest.raises(SonioxRealtimeError, match="no") as caught:
            talk.send(session, [bytes(3200)])
        assert caught.value.error_code == error["error_code"]
        talk.call(session.close)
        assert len(server.peers) == 1
    (lost,) = talk.told("lost")
    assert (lost.start_ms, lost.end_ms, lost.reason) == (0, 100, "refused")


def test_attempts_are_counted_over_connections_that_get_no_further(talk: Talk) -> None:
    said = {"tokens": [], "final_audio_proc_ms": 0, "total_audio_proc_ms": 50}
    with WsServer(started, until("binary"), message(said), hang_up) as server:
        session = talk.open(server.url, CONFIG, {"max_attempts": 3, "backoff_sec": 0.02})
        talk.send(session, [bytes(3200)], finish=False)
        with pytest.raises(SonioxRealtimeResumeError, match="3 attempts in a row got no further") as caught:
            talk.rest(session)
        assert (caught.value.from_ms, caught.value.lost_ms) == (0, 100)
        assert isinstance(caught.value.__cause__, SonioxRealtimeError)
        with pytest.raises(SonioxRealtimeResumeError):
            talk.send(session, [bytes(3200)])
        talk.call(session.close)
        assert len(server.peers) == 4
    assert [notice.attempt for notice in talk.told("reconnecting")] == [1, 2, 3]
    first, second, third = (notice.delay_sec for notice in talk.told("reconnecting"))
    assert first == 0
    assert 0 < second <= 0.02
    assert 0 < third <= 0.04
    assert [notice.reason for notice in talk.told("lost")] == ["gave_up"]
    assert session.lost_ms == 100


def test_a_position_at_which_the_service_fails_three_times_is_named(talk: Talk) -> None:
    def fails(error_code: int) -> Any:
        return message({"tokens": [], "error_code": error_code, "error_message": "oh"})

    def hears(total_ms: int) -> list[Any]:
        counters = {"final_audio_proc_ms": 0, "total_audio_proc_ms": total_ms}
        return [started, until("binary"), message({"tokens": [], **counters})]

    stuck = [*hears(50), fails(500), ws_server.close()]
    # Between the failures, other connections get less far, or hear the same and break.
    others = [[*hears(20), fails(503), ws_server.close()], [*hears(50), hang_up], [accept, hang_up]]
    with WsServer(in_turn(stuck, others[0], stuck, others[1], others[2], stuck)) as server:
        session = talk.open(server.url, CONFIG)
        talk.send(session, [bytes(3200)], finish=False)
        with pytest.raises(SonioxRealtimeResumeError, match="failed 3 times at 50 ms and got no further"):
            talk.rest(session)
        talk.call(session.close)
        assert len(server.peers) == 6


def test_a_handler_can_refuse_to_reconnect(talk: Talk) -> None:
    with WsServer(started, until("binary"), hang_up) as server:
        session = talk.session(server.url, CONFIG)
        session.on("reconnecting", lambda payload: payload.veto())
        talk.call(session.enter)
        talk.send(session, [bytes(3200)], finish=False)
        with pytest.raises(SonioxRealtimeResumeError, match="refused"):
            talk.rest(session)
        talk.call(session.close)
        assert len(server.peers) == 1
    assert [notice.reason for notice in talk.told("lost")] == ["veto"]


def test_a_handler_that_raises_changes_nothing(talk: Talk, fake: FakeSoniox, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_payload: object) -> None:
        raise ValueError("a handler's own")

    fake.add_recording(TALK, Hearing.exact(seed=2))
    break_after(fake, "reset", 3000)
    session = talk.session(fake.stt_websocket_url, {"model": "stt-rt-v5", **TALK.config})
    session.on("reconnecting", fail)
    session.on("resumed", fail)
    talk.call(session.enter)
    talk.send(session, TALK.chunks(CHUNK_MS))
    assert text_of(talk.rest(session)) == TALK.text
    talk.call(session.close)
    assert "a handler of a session's 'resumed' event failed" in caplog.text


def in_turn(*scripts: Any) -> Any:
    """A step that follows one script on the first connection, the next on the second; the last on all others."""

    def step(peer: Any) -> None:
        number = min(peer.server.peers.index(peer), len(scripts) - 1)
        for step in scripts[number]:
            step(peer)

    return step


def words(*texts: str, start_ms: int = 0, final: int | None = None, **fields: Any) -> dict[str, Any]:
    """A message with words of 400 ms, one after the other, the first few of them final."""
    tokens = [
        {
            "text": text,
            "start_ms": start_ms + 500 * number,
            "end_ms": start_ms + 500 * number + 400,
            "is_final": final is None or number < final,
        }
        for number, text in enumerate(texts)
    ]
    total = start_ms + 500 * len(texts)
    return {"tokens": tokens, "final_audio_proc_ms": total, "total_audio_proc_ms": total, **fields}


SECOND = bytes(32_000)


def test_finish_while_broken_ends_the_stream_on_the_next_connection(talk: Talk) -> None:
    with WsServer(
        in_turn(
            [started, until("binary"), message(words("one", " two", final=1)), hang_up],
            # It begins in the gap before the word that was not final.
            [started, answer_the_end(words("two", start_ms=50))],
        )
    ) as server:
        session = talk.open(server.url, CONFIG)
        talk.send(session, [SECOND])
        events = talk.rest(session)
        assert text_of(events) == "one two"
        assert [event.finished for event in events][-1] is True
        assert [notice.type for notice in talk.notices].count("finished") == 1
        talk.call(session.close)
        assert len(server.peers[1].audio()) == 32 * 550


def test_the_end_is_sent_again_with_audio_before_it(talk: Talk) -> None:
    """An end without any audio would be an error, also where all is final."""
    with WsServer(
        in_turn(
            [started, until("text", ""), message(words("one", " two", " three", " four")), hang_up],
            [started, answer_the_end(words("two", " three", " four", start_ms=50))],
        )
    ) as server:
        session = talk.open(server.url, CONFIG)
        talk.send(session, [SECOND, SECOND])
        events = talk.rest(session)
        talk.call(session.close)
        assert len(server.peers[1].audio()) == 32 * 1550
        assert text_of(events) == "one two three four"
        assert events[-1].finished


def test_a_dirty_end_after_finished_is_an_end(talk: Talk) -> None:
    finished = {**words("one"), "finished": True}
    with WsServer(started, until("text", ""), message(finished), ws_server.reset) as server:
        session = talk.open(server.url, CONFIG)
        talk.send(session, [SECOND])
        assert text_of(talk.rest(session)) == "one"
        talk.call(session.close)
        assert len(server.peers) == 1
    assert talk.told("reconnecting") == []


def test_punctuation_of_a_word_that_is_heard_again_later_is_not_doubled(talk: Talk) -> None:
    def tells(*tokens: tuple[str, int, int, bool]) -> Any:
        # The second connection begins in the gap before " two", at 450 ms.
        spoken = [
            {"text": text, "start_ms": start_ms - 450, "end_ms": end_ms - 450, "is_final": is_final}
            for text, start_ms, end_ms, is_final in tokens
        ]
        return message({"tokens": spoken, "final_audio_proc_ms": 1400, "total_audio_proc_ms": 2100})

    first = [started, until("binary"), message(words("one", " two", " these.", " and", final=3)), hang_up]
    second = [
        # Times beyond the audio that was sent would not be believed.
        *(started, until("text", "")),
        tells((" two", 500, 900, True), (" these", 1050, 1900, True), (" and", 1950, 2300, False)),
        tells((".", 1900, 1910, True), (" and", 1950, 2300, True), (" so", 2400, 2500, False)),
        *(message(FINISHED), ws_server.close(1000)),
    ]
    with WsServer(in_turn(first, second)) as server:
        session = talk.open(server.url, CONFIG)
        talk.send(session, [bytes(64_000)], finish=False)
        server.wait_until(lambda server: len(server.peers) > 1)
        talk.call(session.finish)
        assert text_of(talk.rest(session)) == "one two these. and"
        talk.call(session.close)
    assert talk.told("resumed")[0].offset_ms == 450


def test_each_finalize_gets_its_mark_once(talk: Talk) -> None:
    """Those that were answered are not sent again, the others are, where the audio had got to."""
    mark = {"text": "<fin>", "is_final": True}
    first = words("one", " two")
    first["tokens"].append(mark)
    second = {"tokens": [mark, mark], "final_audio_proc_ms": 1000, "total_audio_proc_ms": 1000}
    with WsServer(
        in_turn(
            [started, until("text"), message(first), until("text"), until("text"), hang_up],
            [started, until("text"), until("text"), message(second), answer_the_end()],
        )
    ) as server:
        session = talk.open(server.url, CONFIG)
        talk.send(session, [SECOND], finish=False)
        talk.call(session.finalize)
        server.wait_until(lambda server: server.peers and server.peers[0].texts()[-1:] == ['{"type":"finalize"}'])
        talk.send(session, [SECOND], finish=False)
        talk.call(session.finalize)
        talk.call(session.finalize)
        talk.send(session, [])
        events = talk.rest(session)
        talk.call(session.close)
        marks = [token.text for event in events for token in event.tokens if token.text == "<fin>"]
        assert marks == ["<fin>"] * 3
        assert [kind for kind, _ in server.peers[1].received].count("text") == 4  # start, two finalizes, the end


def test_a_finalize_is_sent_again_where_it_was_in_the_audio(talk: Talk) -> None:
    with WsServer(
        in_turn(
            [started, until("text"), until("binary"), hang_up],
            [started, until("text"), answer_the_end()],
        )
    ) as server:
        session = talk.open(server.url, CONFIG)
        # Not a multiple of what is sent at once.
        talk.send(session, [bytes(32 * 333)], finish=False)
        talk.call(session.finalize)
        talk.send(session, [SECOND])
        talk.rest(session)
        talk.call(session.close)
        received = server.peers[1].received
        place = received.index(("text", '{"type":"finalize"}'))
        assert sum(len(data) for kind, data in received[:place] if kind == "binary") == 32 * 333


def test_a_break_while_paused_waits_for_the_user(talk: Talk) -> None:
    mark = {"tokens": [{"text": "<fin>", "is_final": True}], "final_audio_proc_ms": 1000, "total_audio_proc_ms": 1000}
    with WsServer(
        in_turn(
            [started, until("text", '{"type":"finalize"}'), message(mark), ws_server.close(1001)],
            [started, answer_the_end(words("one"))],
        )
    ) as server:
        session, is_down = talk.open(server.url, CONFIG), threading.Event()
        session.on("state_change", lambda change: change.new_state == "reconnecting" and is_down.set())
        talk.send(session, [SECOND], finish=False)
        talk.call(session.pause)
        assert is_down.wait(PATIENCE_SEC)
        talk.call(session.keep_alive)
        talk.send(session, [SECOND], finish=False)
        assert session.state == "reconnecting"
        assert len(server.peers) == 1
        talk.call(session.resume)
        talk.send(session, [SECOND])
        assert text_of(talk.rest(session)) == "one"
        talk.call(session.close)
        # An exact cut at the <fin>: nothing is sent twice, and what was given while paused is dropped.
        assert server.peers[1].audio() == SECOND
        assert session.dropped_audio_bytes == len(SECOND)


def test_an_idle_microphone_makes_no_connections(talk: Talk) -> None:
    timeout = {"tokens": [], "error_code": 408, "error_type": "request_timeout", "error_message": "Request timeout."}
    with WsServer(
        in_turn(
            [started, until("binary"), message(words("one")), message(timeout), ws_server.close()],
            [started, answer_the_end(words("one", " two", " three"))],
        )
    ) as server:
        session = talk.open(server.url, CONFIG)
        talk.send(session, [SECOND], finish=False)
        server.wait_until(lambda server: server.peers and server.peers[0].hung_up.is_set())
        assert len(server.peers) == 1
        talk.send(session, [SECOND])
        assert text_of(talk.rest(session)) == "one two three"
        talk.call(session.close)


def test_a_format_that_is_wrong_is_named(talk: Talk) -> None:
    timeout = {"tokens": [], "error_code": 408, "error_type": "request_timeout", "error_message": "Audio data decode"}
    with WsServer(started, until("binary"), message(timeout), ws_server.close()) as server:
        session = talk.open(server.url, CONFIG)
        sending = talk.driver.send_until_it_fails(session)
        with pytest.raises(SonioxRealtimeResumeError, match="is the format right"):
            talk.rest(session)
        assert isinstance(sending.exception(60), SonioxRealtimeResumeError)
        talk.call(session.close)
        assert len(server.peers) == 2


# --- the key


@each_row(
    "error",
    [
        OSError("no network"),
        LookupError("the vault is sealed"),
        SonioxConnectionError("no network"),
        SonioxAPIError("try again", api_error=ApiError(status_code=503, error_type="x", message="m", request_id="r")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_key_that_cannot_be_had_during_an_outage_is_asked_for_again(
    talk: Talk, fake: FakeSoniox, error: Exception
) -> None:
    failures = [error, error]
    asked = 0

    def key() -> str:
        nonlocal asked
        asked += 1
        if asked > 1 and failures:
            raise failures.pop()
        return fake.api_key

    fake.add_recording(TALK, Hearing.exact(seed=2))
    break_after(fake, "reset", 3000)
    session = talk.open(fake.stt_websocket_url, {"model": "stt-rt-v5", **TALK.config}, api_key=key)
    talk.send(session, TALK.chunks(CHUNK_MS))
    assert text_of(talk.rest(session)) == TALK.text
    talk.call(session.close)
    assert asked == 4
    assert session.connections == 2


@each_row(
    "error",
    [
        SonioxValidationError("no such vault"),
        SonioxAPIError("no", api_error=ApiError(status_code=401, error_type="x", message="m", request_id="r")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_key_that_is_refused_ends_the_session(talk: Talk, error: Exception) -> None:
    keys = [KEY]

    def key() -> str:
        if not keys:
            raise error
        return keys.pop()

    with WsServer(started, until("binary"), hang_up) as server:
        session = talk.open(server.url, CONFIG, api_key=key)
        talk.send(session, [bytes(3200)], finish=False)
        with pytest.raises(SonioxRealtimeError, match=type(error).__name__) as caught:
            talk.rest(session)
        talk.call(session.close)
        assert caught.value.__cause__ is error
        assert len(server.peers) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_key_whose_function_is_cancelled_ends_the_session(talk: Talk) -> None:
    keys = [KEY]

    def key() -> str:
        if not keys:
            raise asyncio.CancelledError
        return keys.pop()

    with WsServer(started, until("binary"), hang_up) as server:
        session = talk.open(server.url, CONFIG, api_key=key)
        talk.send(session, [SECOND], finish=False)
        with pytest.raises(SonioxRealtimeError, match="no connection could be opened: CancelledError"):
            talk.rest(session)
        talk.call(session.close)
        assert [(lost.start_ms, lost.end_ms) for lost in talk.told("lost")] == [(0, 1000)]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@each_row("error", [asyncio.CancelledError(), OSError("no network")], ids=lambda error: type(error).__name__)
def test_a_key_that_fails_while_the_session_is_closed_changes_nothing(talk: Talk, error: BaseException) -> None:
    is_asked, is_closed = threading.Event(), threading.Event()

    def key() -> str:
        if not server.peers:
            return KEY
        is_asked.set()
        assert is_closed.wait(PATIENCE_SEC)
        raise error

    async def async_key() -> str:
        return await asyncio.get_running_loop().run_in_executor(None, key)

    with WsServer(started, until("binary"), hang_up) as server:
        session = talk.session(server.url, CONFIG, api_key=key if talk.kind == "sync" else async_key)
        session.on("lost", lambda _: is_closed.set())
        talk.call(session.enter)
        talk.send(session, [SECOND], finish=False)
        assert is_asked.wait(PATIENCE_SEC)
        talk.call(session.cancel)
        assert session.state == "closed"
        assert [notice.type for notice in talk.notices] == ["open", "reconnecting", "lost", "error", "close"]
        assert [lost.reason for lost in talk.told("lost")] == ["closed"]


def test_audio_that_is_dropped_before_it_is_sent_again_costs_a_connection_and_no_more(talk: Talk) -> None:
    def send_more(change: Any) -> Any:
        # Before any audio is sent again.
        if (change.old_state, change.new_state, session.connections) == ("reconnecting", "open", 2):
            return send() if talk.kind == "async" else [session.send_byte_chunk(SECOND) for _ in range(3)]
        return None

    async def send() -> None:
        for _ in range(3):
            await session.send_byte_chunk(SECOND)

    breaks = [started, until("binary"), hang_up]
    with WsServer(in_turn(breaks, [started], breaks, [started])) as server:
        session = talk.session(server.url, CONFIG, {"when_full": "drop", "buffer_sec": 2})
        session.on("state_change", send_more)
        talk.call(session.enter)
        talk.send(session, [SECOND], finish=False)
        server.wait_until(lambda server: len(server.peers) == 4 and len(server.peers[3].audio()) == 2 * len(SECOND))
        talk.call(session.cancel)
        assert server.peers[1].audio() == b""
    first, rest = talk.told("lost")
    assert (first.start_ms, first.end_ms, first.reason) == (0, 2000, "drop")
    assert (rest.start_ms, rest.end_ms, rest.reason) == (2000, 4000, "closed")
    assert session.lost_ms == 4000


def test_a_server_that_asks_to_wait_for_longer_than_an_outage_may_take_ends_the_session(talk: Talk) -> None:
    busy = refuse("429 Too Many Requests", b"", "Retry-After: 86400")
    with WsServer(in_turn([started, until("binary"), hang_up], [busy])) as server:
        session = talk.open(server.url, CONFIG)
        talk.send(session, [SECOND], finish=False)
        with pytest.raises(SonioxRealtimeResumeError, match="asks to wait 86400 s, and an outage may take 300 s"):
            talk.rest(session)
        talk.call(session.close)


def test_what_follows_finished_changes_nothing(talk: Talk) -> None:
    late = message({"error_code": 503, "error_type": "service_unavailable", "error_message": "too late"})
    with WsServer(started, until("text", ""), message(FINISHED), late, hang_up) as server:
        session = talk.open(server.url, CONFIG)
        talk.send(session, [SECOND])
        talk.rest(session)
        talk.call(session.close)
        assert len(server.peers) == 1
        assert talk.told("lost") + talk.told("reconnecting") == []


@each_row("event, end", [("token", "close"), ("result", "cancel"), ("finished", "cancel")])
def test_a_handler_that_ends_the_session_costs_no_word(talk: Talk, event: str, end: str) -> None:
    told = words("one", " two", " three", final=2) if event != "finished" else words("one", " two", finished=True)
    with WsServer(started, until("binary"), message(told), until("close"), ws_server.close()) as server:
        session = talk.session(server.url, CONFIG, close_timeout_sec=0.1)

        def ended(_: Any) -> Any:
            session.off(event, ended)
            return getattr(session, end)()

        session.on(event, ended)
        talk.call(session.enter)
        talk.send(session, [SECOND], finish=False)
        assert text_of(talk.rest(session)) == "one two"
        assert session.close_code == 1000


def test_audio_is_lost_that_the_service_finishes_before(talk: Talk) -> None:
    early = {"tokens": [], "final_audio_proc_ms": 300, "total_audio_proc_ms": 500, "finished": True}
    with WsServer(started, until("binary"), message(early), ws_server.close(1000)) as server:
        session = talk.open(server.url, CONFIG)
        talk.send(session, [SECOND], finish=False)
        talk.rest(session)
        talk.call(session.close)
        (lost,) = talk.told("lost")
        assert (lost.end_ms, lost.reason, session.lost_ms) == (1000, "closed", 1000 - lost.start_ms)


def test_a_join_of_tokens_without_times_is_uncertain(talk: Talk) -> None:
    def words(*texts: str) -> dict[str, Any]:
        tokens = [{"text": text, "is_final": True} for text in texts]
        return {"tokens": tokens, "final_audio_proc_ms": 600, "total_audio_proc_ms": 1000}

    first = [started, until("binary"), message(words("one", " two")), hang_up]
    second = [started, until("text", ""), message(words("one", " two", " three")), message(FINISHED), ws_server.close()]
    with WsServer(in_turn(first, second)) as server:
        session = talk.open(server.url, CONFIG)
        talk.send(session, [SECOND])
        assert text_of(talk.rest(session)).endswith(" two three")
        assert [event.uncertain for event in talk.told("resumed")] == [True]
        talk.call(session.close)


def test_an_error_whose_code_is_no_number_is_given_out(talk: Talk) -> None:
    with WsServer(started, until("binary"), message({"error_code": "503", "error_message": "No."}), hang_up) as server:
        session = talk.open(server.url, CONFIG)
        talk.send(session, [SECOND], finish=False)
        assert [event.error_message for event in talk.rest(session)] == ["No."]
        talk.call(session.close)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@each_row("event", ["reconnecting", "state_change"])
def test_a_handler_that_ends_the_program_ends_the_session(talk: Talk, event: str) -> None:
    def leave(_payload: object) -> None:
        if server.peers and server.peers[0].received:
            raise asyncio.CancelledError

    with WsServer(started, until("binary"), hang_up) as server:
        session = talk.session(server.url, CONFIG, close_timeout_sec=1)
        session.on(event, leave)
        talk.call(session.enter)
        talk.send(session, [bytes(3200)], finish=False)
        with pytest.raises(SonioxRealtimeConnectionError, match="CancelledError"):
            talk.rest(session)
        talk.call(session.close)
