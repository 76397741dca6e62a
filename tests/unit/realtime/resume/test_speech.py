"""Text-to-speech connections that end early: what was not heard is spoken again, and nothing is heard twice."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from soniox_lite import SonioxRealtimeError, SonioxRealtimeResumeError, SonioxRealtimeSpeechError, SonioxValidationError
from soniox_lite._websocket import threads
from soniox_lite.realtime import _pump
from soniox_lite.realtime._tts_resume import LinkState, ResumableTtsProtocol, SpeechLink
from soniox_lite.types.realtime import RealtimeTTSConfig
from soniox_lite.types.resume import RealtimeReconnectingPayload, ResumePolicy
from soniox_testing import FakeSoniox, VirtualClock
from tests.support.insides import NewOnes
from tests.support.tables import each_row
from tests.support.ws_server import WsServer, frame, hang_up, read_to_end, started, until

from ..driver import DRIVERS, KEY, PATIENCE_SEC, Driver, new_connections
from ..speech import audio, config, opened, refusal, say, terminated
from ..test_ownership import in_a_child
from .conftest import QUICK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Two and a half seconds in audio messages of half a second each; the fake begins to speak after 30 characters.
TEXT = ("Hello over there, ", "this is a text of some length.")
WHOLE = "".join(TEXT)
DROPS = ("reset", "eof", "close:1000", "close:1001", "close:1011", "close:1013")


class Talk:
    """Drives connections that are resumed, and notes what they tell.

    Attributes:
        notices: The payloads of all events of the last connection.
    """

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.call, self.start, self.kind, self.audio_of = driver.call, driver.start, driver.kind, driver.audio_of
        self.notices: list[Any] = []

    def open(self, url: str, *, resume: Any = None, multi: bool = False, **options: Any) -> Any:
        """A connection that is entered."""
        options.setdefault("api_key", KEY)
        resumed: dict[str, Any] = {"resume": {**QUICK, **(resume or {})}}
        if multi:
            connection = self.driver.multiplexed(url, options.pop("api_key"), **resumed, **options)
        else:
            connection = self.driver.session(url, **resumed, **options)
        self.notices = []
        for name in ("reconnecting", "resumed", "lost"):
            connection.on(name, self.notices.append)
        return self.call(connection.enter)

    def say(self, stream: Any, *texts: str, finish: bool = True) -> None:
        """Sends texts one by one."""
        for text in texts:
            self.call(stream.send_text_chunk, text)
        if finish:
            self.call(stream.finish)

    def until_cut(self, stream: Any) -> tuple[bytes, SonioxRealtimeError]:
        """The audio of a stream that is cut off, and the error."""
        found = b""
        while True:
            try:
                event = self.call(stream.receive_event)
            except SonioxRealtimeError as error:
                return found, error
            assert event is not None, "it was not cut off"
            found += event.audio_bytes() or b""

    def told(self, kind: str) -> list[Any]:
        """The payloads of one event."""
        return [notice for notice in self.notices if notice.type == kind]


class Gate:
    """A function that gives the key, and can keep a connection waiting for it."""

    def __init__(self, kind: str) -> None:
        self.asked = 0
        self.is_open = threading.Event()
        self.is_open.set()
        self.function: Callable[[], Any] = self._key if kind == "sync" else self._async_key

    def _key(self) -> str:
        self.asked += 1
        assert self.is_open.wait(PATIENCE_SEC)
        return KEY

    async def _async_key(self) -> str:
        return await asyncio.get_running_loop().run_in_executor(None, self._key)


@pytest.fixture(params=list(DRIVERS))
def talk(request: pytest.FixtureRequest) -> Iterator[Talk]:
    """Drives sync, then async connections; what they leave behind is a failure."""
    with DRIVERS[request.param]("tts") as driver:
        yield Talk(driver)
        assert driver.left_over() == []


def wait_for(condition: Callable[[], object]) -> None:
    """Returns when something has come true."""
    deadline = time.monotonic() + PATIENCE_SEC
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


def check_spoken_once(talk: Talk, fake: FakeSoniox, connection: Any) -> None:
    """The connection's stream has the audio of all of the text, and no more."""
    got = b"".join(talk.audio_of(connection))
    record = fake.speeches[-1]
    assert (record.text, record.ended) == (WHOLE, "finished")
    assert got == fake.speech_audio(record.id)
    assert len(got) == record.audio_bytes
    assert all(earlier.ended != "finished" for earlier in fake.speeches[:-1])
    assert talk.told("lost") == []


class TestBeforeAnyAudio:
    @each_row(("how", "texts"), [(how, texts) for how in DROPS for texts in (None, 1)])
    def test_the_text_is_sent_again_over_another_connection(self, talk: Talk, how: str, texts: int | None) -> None:
        with FakeSoniox() as fake:
            fake.faults.drop(how=how, operation="tts", after_texts=texts, times=1)
            connection = talk.open(fake.tts_websocket_url)
            talk.say(connection, *TEXT)
            check_spoken_once(talk, fake, connection)
            assert connection.connections == 2
            wait_for(lambda: talk.told("resumed"))
            assert [notice.type for notice in talk.notices] == ["reconnecting", "resumed"]
            assert talk.told("resumed")[0].stream_ids == ["a"]
            talk.call(connection.close)

    @each_row(
        ("error_type", "whole"),
        [(kind, whole) for kind in ("service_unavailable", "internal_error", "limit_exceeded") for whole in (0, 1)],
    )
    def test_errors_of_the_service_that_may_pass_are_passed_over(
        self, talk: Talk, error_type: str, whole: bool
    ) -> None:
        with FakeSoniox() as fake:
            fake.faults.error(error_type, whole_connection=bool(whole), operation="tts", after_texts=1, times=2)
            connection = talk.open(fake.tts_websocket_url, raise_on_error=False)
            talk.say(connection, *TEXT)
            check_spoken_once(talk, fake, connection)
            # A stream that failed alone is started again on the connection that it has.
            assert connection.connections == (3 if whole else 1)
            wait_for(lambda: len(talk.told("resumed")) > 1)
            assert [notice.attempt for notice in talk.told("resumed")] == [1, 2]
            talk.call(connection.close)

    def test_a_stream_that_was_terminated_for_no_reason_is_started_again(self, talk: Talk) -> None:
        with FakeSoniox() as fake:
            fake.faults.terminate(after_texts=2, times=1)
            connection = talk.open(fake.tts_websocket_url)
            talk.say(connection, "Hello, ", "you.")
            assert b"".join(talk.audio_of(connection)) == fake.speech_audio(fake.speeches[-1].id)
            assert [record.text for record in fake.speeches] == ["Hello, you.", "Hello, you."]
            talk.call(connection.close)

    def test_handshakes_that_are_refused_are_tried_again_with_a_key_for_each(self, talk: Talk) -> None:
        with FakeSoniox() as fake:
            gate = Gate(talk.kind)
            fake.faults.drop(operation="tts", after_texts=1, times=1)
            connection = talk.open(fake.tts_websocket_url, api_key=gate.function)
            fake.faults.refuse(503, operation="tts", times=2)
            talk.say(connection, *TEXT)
            check_spoken_once(talk, fake, connection)
            assert [notice.attempt for notice in talk.told("reconnecting")] == [1, 2, 3]
            assert gate.asked == 4
            talk.call(connection.close)

    @each_row(("code", "kind"), [(403, "temp_api_key_session_expired"), (401, "unauthenticated")])
    def test_another_key_is_asked_for_where_there_is_a_function(self, talk: Talk, code: int, kind: str) -> None:
        with FakeSoniox() as fake:
            gate = Gate(talk.kind)
            fake.faults.error(kind, status_code=code, whole_connection=True, operation="tts", times=1)
            connection = talk.open(fake.tts_websocket_url, api_key=gate.function)
            talk.say(connection, *TEXT)
            check_spoken_once(talk, fake, connection)
            assert gate.asked == 2
            talk.call(connection.close)

    def test_texts_of_two_tasks_over_a_connection_that_is_gone_are_sent_again(self) -> None:
        gone = threading.Event()

        def speak(peer: Any) -> None:
            started(peer)
            if len(server.peers) == 1:
                peer.receive_until("text")
                peer.reset()
                gone.set()
                return
            while '"text_end":true' not in peer.receive_until("text"):
                pass
            say(audio("a", b"all", audio_end=True), terminated("a"))(peer)
            read_to_end(peer)

        with DRIVERS["async"]("tts") as driver, WsServer(speak) as server:
            connection = Talk(driver).open(server.url)

            async def send() -> None:
                await connection.send_text_chunk("one, ")
                # The loop stands still, so that sending is the first to see that the connection is gone.
                assert gone.wait(PATIENCE_SEC)
                await asyncio.gather(*(connection.send_text_chunk(text) for text in ("two, ", "three")))
                await connection.finish()

            driver.call(send)
            assert b"".join(driver.audio_of(connection)) == b"all"
            assert '"one, two, three"' in "".join(server.peers[1].texts())
            driver.call(connection.close)
            assert driver.left_over() == []

    def test_a_stream_that_waits_for_text_when_the_connection_breaks_goes_on_with_it(self, talk: Talk) -> None:
        def speak(peer: Any) -> None:
            started(peer)
            peer.receive_until("text")
            if len(server.peers) == 1:
                say(refusal(408, "request_timeout", "a"))(peer)
                hang_up(peer)
            say(audio("a", b"all", audio_end=True), terminated("a"))(peer)
            read_to_end(peer)

        with WsServer(speak) as server:
            connection = talk.open(server.url)
            talk.say(connection, "Hello, ", finish=False)
            server.wait_until(lambda server: server.peers[0].hung_up.is_set())
            # Nothing is sent again before there is more.
            assert (connection.state, len(server.peers)) == ("open", 1)
            talk.say(connection, "you.")
            assert b"".join(talk.audio_of(connection)) == b"all"
            assert '"Hello, you."' in "".join(server.peers[1].texts()) or talk.told("resumed")
            talk.call(connection.close)

    def test_a_long_connection_ends_the_count_of_attempts(self) -> None:
        link = SpeechLink(ResumePolicy(backoff_sec=8.0, max_backoff_sec=8.0), asks_for_key=False, random=lambda: 1.0)
        error, now, pauses = SonioxRealtimeError("it broke"), 0.0, []
        for lasted_sec in (1.0, 1.0, 46.0):
            link.opened(now)
            now += lasted_sec
            link.ended(error, "now", now, True)
            pauses.append(link.next(now, is_wanted=True))
            now += 8.0
            assert "connect" in (pauses[-1], link.next(now, is_wanted=True))
        assert pauses == ["connect", 8.0, "connect"]

    def test_a_connection_that_opens_after_it_was_closed_is_refused(self) -> None:
        link = SpeechLink(ResumePolicy(), asks_for_key=False, random=lambda: 1.0)
        link.close()
        with pytest.raises(SonioxRealtimeError, match="closed while it was being opened"):
            link.opened(0.0)
        link.ended(SonioxRealtimeError("it broke"), "now", 0.0, True)
        assert (link.connections, link.take_notices()) == (0, [])

    def test_whatever_is_done_during_an_outage_takes_effect_after_it(self, talk: Talk) -> None:
        with FakeSoniox() as fake:
            gate = Gate(talk.kind)
            connection = talk.open(fake.tts_websocket_url, multi=True, api_key=gate.function)
            fake.faults.drop(how="eof", operation="tts", after_texts=1, times=1)
            gate.is_open.clear()
            (spoken,) = talk.driver.streams(connection, "spoken")
            talk.say(spoken, TEXT[0], finish=False)
            wait_for(lambda: connection.state == "reconnecting")
            later, cancelled, held = talk.driver.streams(connection, "later", "cancelled", "held")
            talk.say(spoken, TEXT[1])
            talk.say(later, "Good morning, all of you.")
            talk.say(cancelled, "Not this.")
            talk.call(cancelled.cancel)
            talk.call(connection.keep_alive)
            talk.call(connection.pause)
            talk.say(held, "Held back.")
            gate.is_open.set()
            wait_for(lambda: connection.state == "open")
            talk.call(connection.resume)
            said = {"spoken": WHOLE, "later": "Good morning, all of you.", "held": "Held back."}
            for stream in (spoken, later, held):
                got = b"".join(talk.audio_of(stream))
                records = [record for record in fake.speeches if record.text == said[stream.stream_id]]
                assert [fake.speech_audio(record.id) for record in records] == [got]
            assert [event.terminated for event in talk.driver.rest(cancelled)] == [True]
            assert "Not this." not in [record.text for record in fake.speeches]
            talk.call(connection.close)

    def test_only_what_was_not_heard_is_spoken_again(self, talk: Talk) -> None:
        with FakeSoniox() as fake:
            connection = talk.open(fake.tts_websocket_url, multi=True)
            heard, unheard = talk.driver.streams(connection, "heard", "unheard")
            talk.say(heard, *TEXT, finish=False)
            first = talk.call(heard.receive_event).audio_bytes()
            talk.say(unheard, "Short.", finish=False)
            fake.faults.drop(how="eof", after_texts=1, times=1)
            (third,) = talk.driver.streams(connection, "third")
            talk.say(third, "Me too.", finish=False)
            rest, error = talk.until_cut(heard)
            assert isinstance(error, SonioxRealtimeSpeechError)
            assert error.audio_bytes == len(first + rest) > 0
            for stream, text in ((unheard, "Short."), (third, "Me too.")):
                talk.call(stream.finish)
                got = b"".join(talk.audio_of(stream))
                (record,) = [record for record in fake.speeches if record.ended == "finished" and record.text == text]
                assert got == fake.speech_audio(record.id)
            wait_for(lambda: talk.told("resumed"))
            assert sorted(talk.told("resumed")[0].stream_ids) == ["third", "unheard"]
            assert [lost.stream_id for lost in talk.told("lost")] == ["heard"]
            talk.call(connection.close)

    def test_a_stream_without_text_for_too_long_goes_on_with_its_next_text(self, talk: Talk) -> None:
        clock = VirtualClock()
        with FakeSoniox(clock=clock) as fake:
            connection = talk.open(fake.tts_websocket_url)
            talk.say(connection, "Hello, ", finish=False)
            wait_for(lambda: fake.speeches and fake.speeches[-1].texts)
            clock.advance(6)
            wait_for(lambda: fake.speeches[-1].error_type == "request_timeout")
            talk.say(connection, "you.")
            got = b"".join(talk.audio_of(connection))
            assert fake.speeches[-1].text == "Hello, you."
            assert got == fake.speech_audio(fake.speeches[-1].id)
            assert connection.connections == 1
            talk.call(connection.close)

    def test_heartbeats_go_on_after_a_break(self, talk: Talk) -> None:
        beats = threading.Event()

        def second_time(peer: Any) -> None:
            peer.accept()
            if len(server.peers) == 1:
                peer.receive_until("text")
                hang_up(peer)
            while peer.receive()[1].find('"text":"",') < 0:
                pass
            beats.set()

        with WsServer(second_time) as server:
            connection = talk.open(server.url, stream_heartbeat_sec=0.05)
            talk.say(connection, "Hello", finish=False)
            assert beats.wait(PATIENCE_SEC)
            talk.call(connection.close)

    def test_what_comes_with_an_error_that_is_passed_over_is_not_heard(self, talk: Talk) -> None:
        def speak(peer: Any) -> None:
            started(peer)
            if len(server.peers) == 1:
                late = (refusal(503, "service_unavailable"), audio("a", b"late"))
                peer.send(b"".join(frame(1, json.dumps(value).encode()) for value in late))
            else:
                while '"text_end":true' not in peer.receive_until("text"):
                    pass
                say(audio("a", b"all", audio_end=True), terminated("a"))(peer)
            read_to_end(peer)

        with WsServer(speak) as server:
            connection = talk.open(server.url)
            talk.say(connection, "Hello")
            assert b"".join(talk.audio_of(connection)) == b"all"
            assert connection.connections == 2
            talk.call(connection.close)

    def test_a_stream_that_was_cancelled_before_a_break_is_not_started_again(self, talk: Talk) -> None:
        is_cancelled = threading.Event()

        def second_time(peer: Any) -> None:
            peer.accept()
            if len(server.peers) == 1:
                while '"cancel":true' not in peer.receive_until("text"):
                    pass
                is_cancelled.set()
                hang_up(peer)
            read_to_end(peer)

        with WsServer(second_time) as server:
            connection = talk.open(server.url, multi=True)
            left, kept = talk.driver.streams(connection, "left", "kept")
            talk.say(left, "Not this.", finish=False)
            talk.say(kept, "This.", finish=False)
            talk.call(left.cancel)
            assert is_cancelled.wait(PATIENCE_SEC)
            wait_for(lambda: talk.told("resumed"))
            assert talk.told("resumed")[0].stream_ids == ["kept"]
            assert talk.told("lost") == []
            assert "Not this." not in "".join(server.peers[1].texts())
            talk.call(connection.close)


class TestAfterTheFirstAudio:
    @each_row(
        ("how", "messages"), [(how, messages) for how in ("eof", "close:1000", "close:1011") for messages in (1, 2, 4)]
    )
    def test_the_error_says_how_far_the_audio_got_and_nothing_is_doubled(
        self, talk: Talk, how: str, messages: int
    ) -> None:
        with FakeSoniox() as fake:
            fake.faults.drop(how=how, operation="tts", after_frames=messages, times=1)
            connection = talk.open(fake.tts_websocket_url, config=config(return_timestamps=True))
            talk.call(connection.send_text_chunk, WHOLE, text_end=True)
            got, error = talk.until_cut(connection)
            assert isinstance(error, SonioxRealtimeSpeechError)
            assert (
                (error.audio_bytes, error.audio_ms) == (len(got), 500 * messages) == (24_000 * messages, error.audio_ms)
            )
            assert f"{len(got)} bytes ({error.audio_ms} ms) of its audio had arrived" in str(error)
            assert (error.stream_id, error.text) == ("a", WHOLE)
            assert WHOLE.startswith(error.spoken_text or "?")
            assert isinstance(error.__cause__, SonioxRealtimeError)
            (lost,) = talk.told("lost")
            assert (lost.audio_bytes, lost.audio_ms, lost.reason, lost.error) == (
                len(got),
                error.audio_ms,
                "spoken",
                error,
            )
            # The same again for all that is asked of the stream, and no other connection.
            for action in (connection.receive_event, connection.finish, lambda: connection.send_text_chunk("more")):
                with pytest.raises(SonioxRealtimeSpeechError):
                    talk.call(action)
            talk.call(connection.close)
            assert (connection.connections, len(fake.speeches)) == (1, 1)

    @each_row("whole", [True, False])
    def test_so_it_is_when_the_service_gives_a_reason(self, talk: Talk, whole: bool) -> None:
        with FakeSoniox() as fake:
            fake.faults.error("service_unavailable", whole_connection=whole, operation="tts", after_frames=3, times=1)
            connection = talk.open(fake.tts_websocket_url, raise_on_error=False)
            talk.call(connection.send_text_chunk, WHOLE, text_end=True)
            got, error = talk.until_cut(connection)
            assert isinstance(error, SonioxRealtimeSpeechError)
            assert (error.error_code, error.error_type) == (503, "service_unavailable")
            assert error.audio_bytes == len(got) == 72_000
            assert error.spoken_text is None
            talk.call(connection.close)

    def test_a_stream_whose_audio_is_complete_needs_no_confirmation(self, talk: Talk) -> None:
        for end in (hang_up, say(refusal(500, "internal_error", "a")), say(refusal(503, "service_unavailable"))):
            with WsServer(started, say(audio("a", b"all", audio_end=True)), end) as server:
                connection = talk.open(server.url)
                assert talk.audio_of(connection) == [b"all"]
                talk.call(connection.close)
                assert len(server.peers) == 1


class TestConnectionsThatAreNotNeeded:
    def test_an_idle_connection_is_opened_again_by_the_next_stream_only(self, talk: Talk) -> None:
        clock = VirtualClock()
        with FakeSoniox(clock=clock) as fake:
            connection = talk.open(fake.tts_websocket_url, multi=True)
            for number in (1, 2):
                (stream,) = talk.driver.streams(connection, "a")
                talk.say(stream, *TEXT)
                assert b"".join(talk.audio_of(stream)) == fake.speech_audio(fake.speeches[-1].id)
                assert connection.connections == number
                clock.advance(200)
                wait_for(
                    lambda number=number: len(fake.speech_connections) == number and fake.speech_connections[-1].ended
                )
                talk.call(connection.keep_alive)
                assert connection.state == "open"
            wait_for(lambda: talk.told("resumed"))
            assert [notice.type for notice in talk.notices] == ["reconnecting", "resumed"]
            talk.call(connection.close)
            assert connection.state == "closed"

    def test_cancelling_the_only_stream_ends_the_attempts(self, talk: Talk) -> None:
        with FakeSoniox() as fake:
            fake.faults.drop(how="eof", operation="tts", after_texts=1, times=1)
            connection = talk.open(fake.tts_websocket_url, multi=True)
            (stream,) = talk.driver.streams(connection, "a")
            fake.faults.refuse(503, operation="tts", times=1)
            # A handler runs before the pause, however short, that leads to the next attempt.
            connection.on("reconnecting", lambda notice: stream.cancel() if notice.attempt == 2 else None)
            # It may be cancelled before all is said.
            with contextlib.suppress(SonioxRealtimeError):
                talk.say(stream, *TEXT)
            wait_for(lambda: len(talk.told("reconnecting")) == 2 and connection.state == "open")
            assert connection.connections == 1
            assert [event.terminated for event in talk.driver.rest(stream)] == [True]
            talk.call(connection.close)

    def test_one_whose_end_is_not_noticed_yet_is_left_alone(self, talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
        calls: list[Any] = []

        def send_nowait(*args: Any) -> None:
            calls.append(args)
            raise SonioxRealtimeError("it has ended")

        with FakeSoniox() as fake:
            drivers = new_connections()
            connection = talk.open(fake.tts_websocket_url)
            (driver,) = drivers.all()
            with monkeypatch.context() as patch:
                patch.setattr(driver, "send_nowait", send_nowait)
                talk.call(connection.send_text_chunk, TEXT[0])
                wait_for(lambda: len(calls) == 2)
                # An event loop that does nothing else would not answer.
                talk.call(connection.keep_alive)
                assert len(calls) == 3
            talk.call(driver.fail, ConnectionResetError())
            talk.say(connection, TEXT[1])
            check_spoken_once(talk, fake, connection)
            talk.call(connection.close)

    @each_row("name", ["reconnecting", "resumed", "lost"])
    def test_a_handler_may_close_it(self, talk: Talk, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in (_pump, threads):
            monkeypatch.setattr(module, "JOIN_SEC", 60.0)
        with FakeSoniox() as fake:
            when = {"after_frames": 1} if name == "lost" else {"after_texts": 1}
            fake.faults.drop(how="eof", operation="tts", times=1, **when)
            connection = talk.open(fake.tts_websocket_url)

            def close(_: Any) -> Any:
                return connection.close()

            connection.on(name, close)
            began = time.monotonic()
            # Without its end, the stream cannot be complete before the handler is called.
            talk.call(connection.send_text_chunk, WHOLE if name == "lost" else TEXT[0])
            _, error = talk.until_cut(connection)
            assert ("closed" in str(error)) == (name != "lost")
            talk.call(connection.close)
            assert connection.state == "closed"
            assert time.monotonic() - began < 30

    def test_handlers_can_be_taken_away(self, talk: Talk) -> None:
        told: list[str] = []
        with FakeSoniox() as fake:
            fake.faults.drop(how="eof", operation="tts", after_texts=1, times=1)
            connection = talk.open(fake.tts_websocket_url)

            @connection.on("resumed")
            def note(payload: Any) -> None:
                told.append(payload.type)

            def never(payload: Any) -> None:
                told.append(f"{payload.type} too often")

            connection.on("resumed", never)
            connection.off("resumed", never)
            talk.call(connection.send_text_chunk, "Hello", text_end=True)
            assert talk.driver.audio_of(connection)
            talk.call(connection.close)
        assert told == ["resumed"]

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    @each_row("error", [asyncio.CancelledError(), OSError("no network")], ids=lambda error: type(error).__name__)
    def test_a_key_that_fails_while_it_is_closed_changes_nothing(self, talk: Talk, error: BaseException) -> None:
        is_asked, is_closed = threading.Event(), threading.Event()

        def key() -> str:
            if not server.peers:
                return KEY
            is_asked.set()
            assert is_closed.wait(PATIENCE_SEC)
            raise error

        async def async_key() -> str:
            return await asyncio.get_running_loop().run_in_executor(None, key)

        with WsServer(started, hang_up) as server:
            links = NewOnes(SpeechLink)
            connection = talk.open(server.url, api_key=key if talk.kind == "sync" else async_key)
            (link,) = links.all()
            assert is_asked.wait(PATIENCE_SEC)
            closing = talk.start(connection.close)
            wait_for(lambda: link.state is LinkState.OVER)
            is_closed.set()
            closing.result(PATIENCE_SEC)
            with pytest.raises(SonioxRealtimeError, match="closed"):
                talk.call(connection.receive_event)
            assert [notice.type for notice in talk.notices] == ["reconnecting"]

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
    def test_a_forked_child_may_not_use_it(self, talk: Talk) -> None:
        with FakeSoniox() as fake:
            fake.faults.drop(how="eof", operation="tts", after_texts=1, times=1)
            connection = talk.open(fake.tts_websocket_url)
            fake.faults.refuse(503, operation="tts", times=1, retry_after_sec=60)
            talk.say(connection, TEXT[0], finish=False)
            wait_for(lambda: len(talk.told("reconnecting")) > 1)

            def use() -> str:
                async def call() -> None:
                    result = connection.send_text_chunk("x")
                    if talk.kind == "async":
                        await result

                with pytest.raises(SonioxRealtimeError, match="process that opened it"):
                    asyncio.run(call())
                return "refused"

            assert in_a_child(use) == "refused"
            assert connection.state == "reconnecting"
            talk.call(connection.close)

    def test_a_handler_may_cancel_other_streams(self) -> None:
        talk = Talk(DRIVERS["sync"]("tts"))
        with WsServer(opened(2), until("text"), say(audio("heard", b"1")), hang_up) as server:
            connection = talk.open(server.url, multi=True)
            heard, other = talk.driver.streams(connection, "heard", "other")
            connection.on("lost", lambda _: other.cancel())
            talk.say(heard, "Hello", finish=False)
            assert talk.until_cut(heard)[0] == b"1"
            assert [event.terminated for event in talk.driver.rest(other)] == [True]
            talk.call(connection.close)
            assert [notice.type for notice in talk.notices] == ["lost"]
            assert len(server.peers) == 1

    def test_a_handler_may_cancel_the_stream_that_was_refused(self) -> None:
        talk = Talk(DRIVERS["sync"]("tts"))
        with WsServer(started, say(refusal(400, "invalid_request", "a"))) as server:
            connection = talk.driver.session(server.url, resume=True)
            connection.on("lost", lambda _: connection.cancel())
            talk.call(connection.enter)
            assert [event.terminated for event in talk.driver.rest(connection)] == [True]
            talk.call(connection.close)

    @each_row("action", ["close", "drop"])
    def test_closing_during_an_outage_leaves_nothing_behind(self, talk: Talk, action: str) -> None:
        with FakeSoniox() as fake:
            fake.faults.drop(how="eof", operation="tts", after_texts=1, times=1)
            connection = talk.open(fake.tts_websocket_url)
            fake.faults.refuse(503, operation="tts", retry_after_sec=60)
            talk.call(connection.send_text_chunk, "Hello")
            wait_for(lambda: len(talk.told("reconnecting")) > 1)
            if action == "close":
                talk.call(connection.close)
                with pytest.raises(SonioxRealtimeError, match="closed"):
                    talk.call(connection.receive_event)
            talk.notices.clear()
            del connection
            # The thread (the loop) that has just used it may hold it for a moment yet.
            wait_for(lambda: talk.call(gc.collect) >= 0 and talk.driver.left_over(0.1) == [])


class TestWhatIsNotResumed:
    def test_a_refusal_that_would_come_again_is_the_error(self, talk: Talk) -> None:
        with FakeSoniox() as fake:
            for whole in (True, False):
                fake.faults.error("invalid_request", whole_connection=whole, operation="tts", times=1)
                connection = talk.open(fake.tts_websocket_url)
                with pytest.raises(SonioxRealtimeError) as caught:
                    talk.audio_of(connection)
                assert (caught.value.error_code, type(caught.value)) == (400, SonioxRealtimeError)
                assert [(lost.reason, lost.audio_bytes) for lost in talk.told("lost")] == [("refused", 0)]
                assert connection.connections == 1
                talk.call(connection.close)

    @each_row("how", ["close:1008", "key"])
    def test_an_end_that_would_come_again_ends_the_streams(self, talk: Talk, how: str) -> None:
        with FakeSoniox() as fake:
            fake.faults.drop(how=how if how != "key" else "eof", operation="tts", after_texts=1, times=1)
            connection = talk.open(fake.tts_websocket_url)
            if how == "key":
                fake.faults.refuse(401, operation="tts")
            talk.call(connection.send_text_chunk, WHOLE, text_end=True)
            with pytest.raises(SonioxRealtimeSpeechError, match="no other connection is tried"):
                talk.audio_of(connection)
            assert connection.state == "closed"
            assert talk.told("lost")[0].reason == "refused"
            talk.call(connection.close)

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_a_key_whose_function_is_cancelled_ends_the_streams(self, talk: Talk) -> None:
        keys = [KEY]

        def key() -> str:
            if not keys:
                raise asyncio.CancelledError
            return keys.pop()

        with WsServer(started, hang_up) as server:
            connection = talk.open(server.url, api_key=key)
            with pytest.raises(SonioxRealtimeSpeechError, match="no connection could be opened: CancelledError"):
                talk.audio_of(connection)
            assert talk.told("lost")[0].reason == "refused"
            talk.call(connection.close)

    def test_a_server_that_asks_to_wait_for_longer_than_an_outage_may_take_ends_the_streams(self, talk: Talk) -> None:
        with FakeSoniox() as fake:
            fake.faults.drop(how="eof", operation="tts", after_texts=1, times=1)
            connection = talk.open(fake.tts_websocket_url)
            fake.faults.refuse(429, operation="tts", retry_after_sec=86400)
            talk.say(connection, TEXT[0], finish=False)
            with pytest.raises(SonioxRealtimeSpeechError, match="asks to wait 86400 s, and an outage may take 300 s"):
                talk.audio_of(connection)
            assert talk.told("lost")[0].reason == "gave_up"
            talk.call(connection.close)

    def test_a_handler_may_refuse_the_attempt(self, talk: Talk) -> None:
        with FakeSoniox() as fake:
            fake.faults.drop(how="eof", operation="tts", after_texts=1, times=1)
            connection = talk.open(fake.tts_websocket_url, multi=True)
            connection.once("reconnecting", RealtimeReconnectingPayload.veto)
            (stream,) = talk.driver.streams(connection, "a")
            talk.say(stream, TEXT[0], finish=False)
            with pytest.raises(SonioxRealtimeSpeechError, match="a handler of the reconnecting event has refused"):
                talk.audio_of(stream)
            with pytest.raises(SonioxRealtimeResumeError, match="a handler"):
                talk.driver.streams(connection, "b")
            assert connection.state == "closed"
            talk.call(connection.close)

    def test_attempts_are_counted_for_each_stream(self, talk: Talk) -> None:
        with FakeSoniox() as fake:
            fault = fake.faults.drop(how="eof", operation="tts", after_texts=1)
            connection = talk.open(fake.tts_websocket_url, multi=True, resume={"max_attempts": 3})
            (stream,) = talk.driver.streams(connection, "a")
            talk.say(stream, TEXT[0], finish=False)
            with pytest.raises(SonioxRealtimeSpeechError, match="3 attempts in a row brought no audio") as caught:
                talk.audio_of(stream)
            assert (caught.value.audio_bytes, caught.value.audio_ms, caught.value.text) == (0, 0, TEXT[0])
            assert talk.told("lost")[0].reason == "gave_up"
            assert connection.connections == 4
            fault.remove()
            # The next one begins anew.
            (stream,) = talk.driver.streams(connection, "b")
            talk.say(stream, *TEXT)
            assert b"".join(talk.audio_of(stream)) == fake.speech_audio(fake.speeches[-1].id)
            talk.call(connection.close)

    def test_a_stream_that_goes_on_failing_alone_is_given_up(self, talk: Talk) -> None:
        with FakeSoniox() as fake:
            fake.faults.error("service_unavailable", operation="tts", after_texts=1)
            connection = talk.open(fake.tts_websocket_url, resume={"max_attempts": 2})
            talk.say(connection, TEXT[0], finish=False)
            with pytest.raises(SonioxRealtimeSpeechError, match="2 attempts in a row brought no audio"):
                talk.audio_of(connection)
            assert talk.told("lost")[0].reason == "gave_up"
            assert connection.connections == 1
            talk.call(connection.close)

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_a_handler_that_ends_the_program_ends_the_streams(self, talk: Talk) -> None:
        def leave(_: object) -> None:
            raise asyncio.CancelledError

        with FakeSoniox() as fake:
            fake.faults.drop(how="eof", operation="tts", after_texts=1, times=1)
            connection = talk.open(fake.tts_websocket_url)
            connection.on("reconnecting", leave)
            talk.say(connection, TEXT[0], finish=False)
            with pytest.raises(SonioxRealtimeError, match="CancelledError"):
                talk.audio_of(connection)
            assert connection.state == "closed"
            talk.call(connection.close)

    def test_the_first_connection_is_opened_or_not(self, talk: Talk) -> None:
        with FakeSoniox() as fake:
            fake.faults.refuse(503, operation="tts", times=1)
            with pytest.raises(SonioxRealtimeError, match="503"):
                talk.open(fake.tts_websocket_url)

    def test_what_cannot_be_used_is_refused(self, talk: Talk) -> None:
        with pytest.raises(SonioxValidationError, match="max_attempts"):
            talk.driver.session("ws://127.0.0.1:9/x", resume={"max_attempts": 0})
        connection = talk.driver.session("ws://127.0.0.1:9/x", resume=ResumePolicy(max_attempts=None))
        for method in (connection.on, connection.once, connection.off):
            with pytest.raises(SonioxValidationError, match="'reconnecting', 'resumed', 'lost', got str"):
                method("token", print)

    def test_a_plain_connection_ends_with_its_streams(self, talk: Talk) -> None:
        with FakeSoniox() as fake:
            fake.faults.drop(how="eof", operation="tts", after_texts=1, times=1)
            connection = talk.driver.open(fake.tts_websocket_url)
            connection.on("reconnecting", talk.notices.append)
            talk.say(connection, TEXT[0], finish=False)
            with pytest.raises(SonioxRealtimeError, match="without a close frame"):
                talk.audio_of(connection)
            assert (connection.connections, talk.notices) == (1, [])
            talk.call(connection.close)


class TestHowFarAudioGot:
    @each_row(
        ("fields", "audio_ms"),
        [
            ({"audio_format": "pcm_s16le", "sample_rate": 24000}, 1000),
            ({"audio_format": "mulaw", "sample_rate": 8000}, 6000),
            ({"audio_format": "pcm_s16le", "sample_rate": None}, None),
            ({"audio_format": "mp3"}, None),
            ({"audio_format": "opus"}, None),
            ({"audio_format": "pcm_", "sample_rate": 8000}, None),
        ],
    )
    def test_in_milliseconds(self, fields: dict[str, Any], audio_ms: int | None) -> None:
        protocol = ResumableTtsProtocol(RealtimeTTSConfig(**config(**fields)), ResumePolicy(), lambda: 1.0)
        assert protocol.audio_ms == 0
        for size in (47_998, 2):
            protocol.observe(audio("a", bytes(size)))
        error = protocol.cut_off(SonioxRealtimeError("no"))
        assert (error.audio_bytes, error.audio_ms) == (48_000, audio_ms)

    def test_of_wav_without_its_header(self, talk: Talk) -> None:
        with FakeSoniox() as fake:
            fake.faults.drop(how="eof", operation="tts", after_frames=2, times=1)
            connection = talk.open(fake.tts_websocket_url, config=config(audio_format="wav"))
            talk.call(connection.send_text_chunk, WHOLE, text_end=True)
            got, error = talk.until_cut(connection)
            assert isinstance(error, SonioxRealtimeSpeechError)
            assert (error.audio_bytes, error.audio_ms) == (len(got), 1000) == (48_044, 1000)
            talk.call(connection.close)
