"""The rules of sessions that are resumed, over a model of the service that hears exactly."""

from __future__ import annotations

import ssl
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from soniox_lite import SonioxRealtimeError, SonioxValidationError
from soniox_lite._websocket.nonblocking import Closure
from soniox_lite.realtime._breaks import verdict_of_closure, verdict_of_refusal
from soniox_lite.realtime._cut import Delivered, splice
from soniox_lite.realtime._resume import State
from soniox_lite.types.realtime import Token
from tests.support.tables import each_row

from .recognizer import Spoken, talk
from .simulation import BROKEN, Simulation

DURATION_MS = 20_000


class Sessions(RuleBasedStateMachine):
    """Whatever happens in whatever order, no word is lost, doubled or broken."""

    @initialize(
        seed=st.integers(0, 10_000),
        lag_ms=st.sampled_from([300, 1000, 2500, 6000]),
        padding_ms=st.sampled_from([0, 120]),
        overlap_ms=st.sampled_from([None, 1500]),
    )
    def begin(self, seed: int, lag_ms: int, padding_ms: int, overlap_ms: int | None) -> None:
        self.words = talk(seed, DURATION_MS)
        self.session = Simulation(
            self.words,
            lag_ms=lag_ms,
            padding_ms=padding_ms,
            policy={"overlap_ms": overlap_ms, "max_attempts": None, "max_downtime_sec": 80_000},
        )
        self.finalizes = 0

    @precondition(lambda self: self.session.given_ms < DURATION_MS)
    @rule(size=st.integers(1, 900))
    def give(self, size: int) -> None:
        self.session.give(min(size, DURATION_MS - self.session.given_ms))

    @rule()
    def tell(self) -> None:
        self.session.tell()

    @rule()
    def finalize(self) -> None:
        # Inside a word it would cut the word, which no session can mend.
        at = self.session.given_ms
        if not any(word.start_ms < at < word.end_ms for word in self.words):
            self.session.finalize()
            self.finalizes += 1

    @precondition(lambda self: self.session.is_connected)
    @rule(verdict=st.sampled_from(["now", "later"]))
    def fail(self, verdict: Any) -> None:
        assert self.session.fail(verdict)

    @rule(steps=st.integers(1, 30))
    def pump(self, steps: int) -> None:
        self.session.pump(steps)

    @invariant()
    def what_is_given_out_is_right(self) -> None:
        if hasattr(self, "session"):
            assert " ".join(word.text for word in self.words).startswith(self.session.text())

    def teardown(self) -> None:
        if not hasattr(self, "session"):
            return
        session = self.session
        session.give(DURATION_MS - session.given_ms)
        session.finish()
        session.pump()
        session.tell()
        assert session.text() == " ".join(word.text for word in self.words)
        assert sum(token.text == "<fin>" for token in session.given) == self.finalizes
        times = [token for token in session.given if token.start_ms is not None]
        assert all(a.start_ms <= a.end_ms and a.end_ms <= b.start_ms for a, b in pairwise(times))  # type: ignore[operator]
        assert all(a.total_audio_proc_ms <= b.total_audio_proc_ms for a, b in pairwise(session.events))  # type: ignore[operator]
        assert not any(notice.type == "lost" for notice in session.notices)


TestSessions = Sessions.TestCase
TestSessions.settings = settings(
    max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


TIMED_OUT = SonioxRealtimeError("Request timeout.", error_code=408, error_type="request_timeout")


def test_a_connection_that_breaks_after_finished_is_not_replaced() -> None:
    session = Simulation(talk(1, 3000))
    session.give(3000)
    session.finish()
    session.tell()
    assert not session.fail("now")
    session.pump()
    assert (session.core.state, session.core.connections, session.notices) == (State.OVER, 1, [])


def test_only_an_idle_session_waits_for_audio_after_a_timeout() -> None:
    session = Simulation(talk(1, DURATION_MS))
    session.give(5000)
    session.tell()
    session.fail("now")
    session.pump(3)
    assert session.core.state is State.REPLAYING
    # What is kept has to be sent, and may fill the ring, so that no audio would come.
    session.fail("audio", TIMED_OUT)
    assert session.core.state is State.WAITING
    session.pump()
    assert session.core.state is State.LIVE
    session.tell()
    session.fail("audio", TIMED_OUT)
    assert session.core.state is State.DORMANT
    session.pump()
    assert session.core.connections == 3
    session.core.wake()
    session.pump()
    assert session.core.connections == 4


def test_a_break_at_any_message_changes_nothing() -> None:
    step_ms = 120
    said = talk(7, DURATION_MS)
    expected = " ".join(word.text for word in said)
    for broken_at_ms in range(step_ms, DURATION_MS, 2 * step_ms):
        session = Simulation(said, lag_ms=(300, 1000, 2500, 6000)[broken_at_ms // step_ms % 4])
        # What has been told before is the same each time; a few seconds after the break say whether all went well.
        for given_ms in range(0, min(broken_at_ms + 10_000, DURATION_MS), step_ms):
            session.give(step_ms)
            session.tell()
            if given_ms + step_ms == broken_at_ms:
                session.fail("now")
                session.pump()
        assert expected.startswith(session.text()), broken_at_ms
        assert session.core.connections == 2
        last = session.given[-1].end_ms
        assert last is not None
        assert last > min(broken_at_ms, DURATION_MS - 10_000) - 600, broken_at_ms


def test_a_session_whose_user_waits_for_room_does_not_wait_for_the_user() -> None:
    session = Simulation(talk(1, DURATION_MS), policy={"buffer_sec": 2})
    session.give(1900)
    assert not session.core.has_room(200)
    session.fail("audio", TIMED_OUT)
    assert session.core.state is State.WAITING


def test_an_idle_session_is_kept_open_for_days() -> None:
    """Nothing new is heard between its breaks, so that none of them gets further in the audio."""
    session = Simulation([Spoken("hello", 300, 700), Spoken("again", 5300, 5700)], policy={"max_attempts": 3})
    session.give(5000)
    session.tell()
    for _ in range(10):
        session.now += 600
        assert session.fail(error=SonioxRealtimeError("restart", error_code=503))
        session.pump()
        session.tell()
    session.give(5000)
    session.finish()
    session.tell()
    assert session.text() == "hello again"


def test_connections_that_end_again_soon_belong_to_one_outage() -> None:
    session = Simulation([Spoken("hello", 300, 700)], policy={"max_attempts": None})
    session.give(5000)
    session.tell()
    began = session.now
    while session.fail():
        session.pump()
        session.now += 40
        assert session.now < began + 500
    assert "took longer than 300 s" in str(session.core.failure)


@each_row(
    "heard, kept",
    [
        ([(" to", 800, 1000), (".", 1000, 1060), (" Yes", 2000, 2300)], [".", " Yes"]),
        ([(" to.", 800, 1060), (" Yes", 2000, 2300)], [".", " Yes"]),
        ([(" to", 800, 1000), (" Yes", 2000, 2300)], [" Yes"]),
        ([(" to.", 800, 1060)], ["."]),
    ],
    ids=str,
)
def test_punctuation_that_came_after_the_last_word_is_kept(heard: list[tuple[str, int, int]], kept: list[str]) -> None:
    delivered = Delivered()
    delivered.add([token(" and", 500, 700), token(" to", 800, 1000)])
    found = splice(delivered, [token("and", 500, 700), *(token(*piece) for piece in heard)], 450)
    assert [piece.text for piece in found.kept] == kept


def token(text: str, start_ms: int, end_ms: int) -> Token:
    return Token(text=text, start_ms=start_ms, end_ms=end_ms, is_final=True)


@each_row("pause_ms, is_quiet", [(1500, True), (0, False)])
def test_a_move_costs_no_word_in_a_pause_and_within_speech(pause_ms: int, is_quiet: bool) -> None:
    """Without a pause the session moves a little later, and joins the transcripts."""
    words, at = [], 300
    while at < 150_000:
        words.append(Spoken(f"word{len(words)}", at, at + 260))
        at += 270 + (pause_ms if len(words) % 2 else 0)
    session = Simulation(words, policy={"rotate_after_sec": 40})
    starts = []
    for given_ms in range(120, at + 600, 120):
        session.give(120)
        if any(word.end_ms + 1000 <= given_ms <= word.end_ms + 1400 for word in words) and is_quiet:
            session.receive(session.connection.message(all_final=True, marks=("<end>",)))
        session.tell()
        if session.move():
            starts.append(session.core.stream.start)
            session.pump()
    session.finish()
    session.pump()
    session.tell()
    assert session.text() == " ".join(word.text for word in words)
    assert len(starts) > 2
    assert any(start is not None and start.is_exact for start in starts) is is_quiet


@each_row(("policy", "is_due"), [({"rotate_after_sec": 5}, True), ({"rotate_after_sec": None}, False)], ids=str)
def test_a_session_does_not_move_after_its_end_or_if_it_shall_not(policy: dict[str, Any], is_due: bool) -> None:
    session = Simulation([Spoken("hello", 300, 700)], policy=policy)
    session.give(9000)
    session.tell()
    assert session.core.is_move_due is is_due
    session.finish()
    assert not session.move()
    session.tell()
    assert session.text() == "hello"


def test_a_move_that_gets_due_while_audio_is_sent_again_waits_for_no_message() -> None:
    session = Simulation(talk(3, DURATION_MS), policy={"rotate_after_sec": 5})
    session.give(9000)
    assert session.fail()
    assert session.core.next(session.now) == "connect"
    session.connect()
    while session.core.stream.sent < 9000:
        session.pump(1)
    session.tell()
    assert session.core.state is State.REPLAYING
    assert session.core.is_move_due
    assert session.core.next(session.now) == "connect"


@each_row(
    ("between", "goes_on"),
    [
        # How many pieces of audio the connections between the failures hear: fewer, as many, or more.
        ((1, 0), False),
        ((2, 2), False),
        ((3, 1), True),
        ((1, 3), True),
    ],
)
def test_a_stream_that_fails_soon_after_it_has_begun_again_is_given_up_at_that_position(
    between: tuple[int, int], goes_on: bool
) -> None:
    session = Simulation(talk(3, DURATION_MS))
    session.give(12_000)
    session.tell()
    refused = SonioxRealtimeError("oh", error_code=500)
    assert session.fail("later", refused)
    positions = []
    does_go_on = True
    for pieces, error in [(2, refused), (between[0], BROKEN), (2, refused), (between[1], BROKEN), (2, refused)]:
        assert does_go_on
        while not session.is_connected:
            session.pump(1)
        session.pump(pieces)
        session.tell()
        positions.append(session.core.stream.start_byte + session.connection.got_ms)
        does_go_on = session.fail("later", error)
    # It began where it had begun before, in audio that had been recognised.
    assert positions[0] == positions[2] == positions[4] < 12_000
    assert does_go_on is goes_on
    told = f"failed 3 times at {positions[0]} ms and got no further"
    assert (session.core.failure is None) is goes_on
    assert goes_on or told in str(session.core.failure)


@each_row(
    ("code", "error", "verdict"),
    [
        (1000, None, "now"),
        (1002, None, "never"),
        (1006, ConnectionResetError(), "now"),
        (1006, TimeoutError(), "now"),
        (1006, ValueError(), "never"),
        (1009, None, "never"),
        (1012, None, "now"),
        (1013, None, "later"),
        (2999, None, "now"),
        (3000, None, "later"),
    ],
)
def test_what_follows_from_how_a_connection_ended(code: int, error: BaseException | None, verdict: str) -> None:
    assert verdict_of_closure(Closure(code, error=error)) == verdict


def caused_by(cause: Exception) -> SonioxRealtimeError:
    """An error of a connection that could not be opened."""
    error = SonioxRealtimeError("no")
    error.__cause__ = cause
    return error


@each_row(
    ("error", "verdict"),
    [
        (OSError(), "later"),
        (SonioxRealtimeError("no", error_code=401), "key"),
        (SonioxRealtimeError("no", error_code=403), "never"),
        (SonioxRealtimeError("no", error_code=429), "later"),
        (SonioxRealtimeError("no", error_code=499), "never"),
        (SonioxRealtimeError("no", error_code=500), "later"),
        (SonioxValidationError("no"), "never"),
        (caused_by(OSError()), "later"),
        (caused_by(ssl.SSLCertVerificationError()), "never"),
    ],
)
def test_what_follows_from_a_connection_that_was_refused(error: Exception, verdict: str) -> None:
    assert verdict_of_refusal(error) == verdict
