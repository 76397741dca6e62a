"""What text-to-speech connections and their streams do from their opening to their end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from soniox_lite import (
    AsyncSonioxClient,
    SonioxClient,
    SonioxRealtimeError,
    SonioxRealtimeTimeoutError,
    SonioxValidationError,
)
from soniox_lite._websocket import nonblocking
from soniox_lite._websocket.tasks import AsyncConnection
from soniox_lite._websocket.threads import Connection
from soniox_lite.realtime import AsyncRealtimeTTSConnection, _tts_protocol, async_tts, tts as sync_tts
from soniox_lite.realtime._async_tts_connection import AsyncTtsConnection
from soniox_lite.realtime._tts_connection import TtsConnection
from soniox_lite.realtime._tts_protocol import TtsProtocol, WireIds
from soniox_lite.types.realtime import RealtimeTTSConfig
from soniox_lite.utils import start_text_thread
from soniox_testing import FakeSoniox, VirtualClock
from soniox_testing.store.speeches import SpeechRules
from tests.support import ws_server
from tests.support.insides import NewOnes, wait_until
from tests.support.socket_server import HungUpError
from tests.support.ws_server import WsServer, accept, frame, started, until

from ...support.tables import each_row
from .driver import KEY, PATIENCE_SEC, Driver
from .speech import CONFIG, audio, config, opened, refusal, say, terminated

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
KEEP_ALIVE = '{"keep_alive":true}'


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeSoniox]:
    with FakeSoniox(api_keys=[KEY]) as running:
        yield running


def said(peer: Any) -> list[Any]:
    """The JSON messages that came."""
    return [json.loads(text) for text in peer.texts()]


def text(text: str, *, end: bool = False, stream_id: str = "a") -> dict[str, Any]:
    """A text message."""
    return {"text": text, "text_end": end, "stream_id": stream_id}


class TestOneStream:
    def test_from_start_to_terminated(self, tts: Driver) -> None:
        answer = say(
            audio("a", b"one", extra=1), {"stream_id": "a", "audio": ""}, audio("a", b"two", audio_end=True),
            terminated("a"),
        )  # fmt: skip
        with WsServer(started, until("text", json.dumps(text("", end=True), separators=(",", ":"))), answer) as server:
            connection = tts.session(server.url)
            assert (connection.state, connection.paused, connection.last_message) == ("new", False, None)
            assert connection.config == RealtimeTTSConfig(**CONFIG)
            assert connection.stream_id == "a"
            assert tts.call(connection.enter) is connection
            assert connection.state == "open"
            tts.call(connection.send_text_chunk, "Hello, ")
            tts.call(connection.send_text_chunk, "wörld")
            tts.call(connection.finish)
            tts.call(connection.finish)
            events = tts.rest(connection)
            assert [event.audio_bytes() for event in events] == [b"one", b"", b"two", None]
            assert events[0].extra == 1
            assert [event.audio_end for event in events] == [False, False, True, False]
            assert events[-1].terminated
            assert connection.last_message is events[-1]
            # The end is the end, at once.
            assert tts.call(connection.receive_event) is None
            assert tts.audio_of(connection) == []
            tts.call(connection.close)
            tts.call(connection.close)
            assert connection.state == "closed"
            assert said(server.peer) == [CONFIG, text("Hello, "), text("wörld"), text("", end=True)]
            assert server.peer.headers["authorization"] == f"Bearer {KEY}"
            assert "sec-websocket-extensions" not in server.peer.headers
            assert server.peer.received[-1] == ("close", 1000)

    def test_audio_comes_decoded_and_without_empty_chunks(self, tts: Driver) -> None:
        messages = (
            audio("a", b"one"), {"stream_id": "a"}, {"stream_id": "a", "audio": ""},
            {**audio("a", b"two", audio_end=True), "terminated": True},
        )  # fmt: skip
        with WsServer(started, say(*messages)) as server:
            connection = tts.open(server.url)
            assert tts.audio_of(connection) == [b"one", b"two"]
            tts.call(connection.close)

    def test_against_the_fake(self, tts: Driver, fake: FakeSoniox) -> None:
        connection = tts.open(fake.tts_websocket_url, config=config(return_timestamps=True))
        tts.call(connection.send_text_chunks, tts.chunks("Hello ", "world"))
        events = tts.rest(connection)
        characters = [character for event in events if event.timestamps for character in event.timestamps.characters]
        assert "".join(characters) == "Hello world"
        assert sum(len(event.audio_bytes() or b"") for event in events) > 10_000
        assert (events[-2].audio_end, events[-1].terminated) == (True, True)
        tts.call(connection.close)

    def test_a_block_opens_and_closes(self, tts: Driver) -> None:
        with WsServer(started) as server:
            connections = [tts.session(server.url) for _ in range(2)]

            def use(connection: Any, *, fail: bool) -> None:
                with connection as entered:
                    assert entered is connection
                    if fail:
                        raise KeyError("mine")

            async def use_async(connection: Any, *, fail: bool) -> None:
                async with connection as entered:
                    assert entered is connection
                    if fail:
                        raise KeyError("mine")

            run = use if tts.kind == "sync" else use_async
            began = time.monotonic()
            tts.call(run, connections[0], fail=False)
            with pytest.raises(KeyError, match="mine"):
                tts.call(run, connections[1], fail=True)
            assert time.monotonic() - began < 30
            for connection, peer in zip(connections, server.peers, strict=True):
                assert connection.state == "closed"
                server.wait_until(lambda _, peer=peer: peer.hung_up.is_set())
                assert peer.received[-1] == ("close", 1000)
                with pytest.raises(SonioxRealtimeError, match="closed already"):
                    tts.call(connection.enter)

    def test_nothing_can_be_done_before_it_is_entered(self, tts: Driver) -> None:
        connection = tts.session("ws://127.0.0.1:9/x")
        for action in (
            connection.receive_event, connection.finish, connection.pause, connection.keep_alive, connection.recv_bytes,
            connection.cancel, connection.resume,
        ):  # fmt: skip
            with pytest.raises(SonioxRealtimeError, match="not connected: enter the connection first"):
                tts.call(action)
        tts.call(connection.close)

    def test_events_can_be_handled_by_a_function(self, tts: Driver) -> None:
        seen: list[Any] = []

        async def handle(event: Any) -> None:
            seen.append(event)

        with WsServer(started, say(audio("a", b"one", audio_end=True), terminated("a"))) as server:
            connection = tts.open(server.url)
            tts.call(connection.handle_events, seen.append if tts.kind == "sync" else handle)
            assert [event.terminated for event in seen] == [False, True]
            tts.call(connection.close)

    def test_raw_messages_can_be_received_and_parsed(self, tts: Driver) -> None:
        with WsServer(started, say(audio("a", b"one", audio_end=True), terminated("a"))) as server:
            connection = tts.open(server.url)
            raw = tts.call(connection.recv_bytes)
            assert json.loads(raw) == audio("a", b"one", audio_end=True)
            assert connection.parse_event(raw).audio_bytes() == b"one"
            assert connection.parse_event(raw.decode()).audio_end
            assert connection.last_message is None
            assert json.loads(tts.call(connection.recv_bytes)) == terminated("a")
            assert tts.call(connection.recv_bytes) == b""
            tts.call(connection.close)

    def test_receiving_can_be_given_up_without_harm(self, tts: Driver) -> None:
        go = threading.Event()
        with WsServer(started, ws_server.wait(go), say(audio("a", b"one"))) as server:
            connection = tts.open(server.url, event_timeout_sec=0.05)
            for options in ({}, {"timeout_sec": 0.06}):
                with pytest.raises(SonioxRealtimeTimeoutError, match="no message within 0"):
                    tts.call(connection.receive_event, **options)
            go.set()
            assert tts.call(connection.receive_event, 5).audio_bytes() == b"one"
            tts.call(connection.close)

    @pytest.mark.parametrize("long", [float("inf"), 1e20])
    def test_receiving_may_wait_for_as_long_as_it_takes(self, tts: Driver, long: float) -> None:
        go = threading.Event()
        with WsServer(started, ws_server.wait(go), say(audio("a", b"one"))) as server:
            connection = tts.open(server.url)
            receiving = tts.receiving(connection.receive_event, long)
            go.set()
            assert receiving.result(PATIENCE_SEC).audio_bytes() == b"one"
            tts.call(connection.close)

    def test_only_one_receives_at_a_time(self, tts: Driver) -> None:
        go = threading.Event()
        with WsServer(started, ws_server.wait(go), say(audio("a", b"one"))) as server:
            connection = tts.open(server.url, event_timeout_sec=None)
            receiving = tts.receiving(connection.receive_event)
            with pytest.raises(SonioxRealtimeError, match="receiving from this stream already"):
                tts.call(connection.receive_event)
            go.set()
            assert receiving.result(PATIENCE_SEC).audio_bytes() == b"one"
            tts.call(connection.close)


class TestText:
    def test_a_stream_takes_5000_bytes_of_utf_8(self, tts: Driver) -> None:
        with WsServer(started) as server:
            connection = tts.open(server.url)
            with pytest.raises(SonioxValidationError):
                tts.call(connection.send_text_chunk, "x" * 5001)
            tts.call(connection.send_text_chunk, "é" * 2000)
            with pytest.raises(SonioxValidationError, match="4000 of which it has got already") as caught:
                tts.call(connection.send_text_chunk, "é" * 501, text_end=True)
            assert [problem.field for problem in caught.value.errors] == ["text"]
            # What was refused counts for nothing.
            tts.call(connection.send_text_chunk, "é" * 500, text_end=True)
            server.wait_until(lambda s: len(s.peer.texts()) == 3)
            assert said(server.peer)[1:] == [text("é" * 2000), text("é" * 500, end=True)]
            tts.call(connection.close)

    @pytest.mark.parametrize("bad", [None, 5, b"bytes", "\ud800"])
    def test_what_is_no_text_is_refused(self, tts: Driver, bad: Any) -> None:
        with WsServer(started) as server:
            connection = tts.open(server.url)
            for send in (connection.send_text_chunk, connection.send_text_chunks):
                with pytest.raises(SonioxValidationError):
                    tts.call(send, bad)
            tts.call(connection.close)
            assert said(server.peer) == [CONFIG]

    @pytest.mark.parametrize("end", [True, False])
    def test_chunks_may_be_a_text_or_iterables(self, tts: Driver, end: bool) -> None:
        for chunks, number in (("ab", 1), (["a", "b"], 3), (tts.chunks("a", "b"), 3)):
            with WsServer(started) as server:
                connection = tts.open(server.url)
                tts.call(connection.send_text_chunks, chunks, text_end=end)
                tts.call(connection.keep_alive)
                server.wait_until(lambda s: KEEP_ALIVE in s.peer.texts())
                messages = said(server.peer)[1:-1]
                assert "".join(message["text"] for message in messages) == "ab"
                assert [message["text_end"] for message in messages][-1] is end
                assert len(messages) == (number if end else min(number, 2))
                tts.call(connection.close)

    def test_nothing_is_sent_after_the_end_of_the_text(self, tts: Driver) -> None:
        with WsServer(started) as server:
            connection = tts.open(server.url)
            tts.call(connection.send_text_chunk, "x", text_end=True)
            began = time.monotonic()
            for arguments in (("y",), ("",), ("y", True)) * 20:
                with pytest.raises(SonioxRealtimeError, match="the end of the text was sent"):
                    tts.call(connection.send_text_chunk, arguments[0], text_end=len(arguments) == 2)
            # It waits for no reason of the service, since the line is fine: a second each.
            assert time.monotonic() - began < 30
            tts.call(connection.close)

    def test_finishing_again_does_nothing_also_after_the_end(self, tts: Driver) -> None:
        answer = (until("text", json.dumps(text("", end=True), separators=(",", ":"))), say(terminated("a")))
        for last in ("terminated", "closed"):
            with WsServer(started, *(answer if last == "terminated" else ())) as server:
                connection = tts.open(server.url)
                tts.call(connection.finish)
                if last == "terminated":
                    with pytest.raises(SonioxRealtimeError, match="before the end of its audio"):
                        tts.rest(connection)
                    tts.call(connection.finish)
                tts.call(connection.close)
                tts.call(connection.finish)
                with pytest.raises(SonioxRealtimeError):
                    tts.call(connection.send_text_chunk, "more")
                assert said(server.peer)[1:] == [text("", end=True)]

    def test_finishing_again_tells_of_a_refusal(self, tts: Driver) -> None:
        with WsServer(started, say(refusal(400, "invalid_request", "a"), terminated("a"))) as server:
            connection = tts.open(server.url)
            with pytest.raises(SonioxRealtimeError, match="No"):
                tts.rest(connection)
            for _ in range(2):
                with pytest.raises(SonioxRealtimeError, match="No"):
                    tts.call(connection.finish)
            tts.call(connection.close)

    def test_a_thread_sends_it(self, fake: FakeSoniox) -> None:
        with SonioxClient(KEY, tts_websocket_base_url=fake.tts_websocket_url) as client:
            with client.realtime.tts.connect(config=CONFIG) as connection:
                thread = start_text_thread(connection, iter(["Hello ", "world"]), name="speaker")
                assert (thread.name, thread.daemon) == ("speaker", True)
                assert sum(map(len, connection.receive_audio_chunks())) > 10_000
                thread.result(PATIENCE_SEC)
            with client.realtime.tts.connect(config=CONFIG) as connection:
                start_text_thread(connection, "Hello", text_end=False, daemon=False).result(PATIENCE_SEC)
                connection.finish()
                assert list(connection.receive_audio_chunks())

    def test_an_exception_of_a_text_thread_is_raised_by_the_receiving_call_and_ends_that_stream_only(self) -> None:
        def fail() -> Iterator[str]:
            yield "a"
            raise KeyError("mine")

        driver = Driver("tts")
        answer = say(audio("b", b"two", audio_end=True), terminated("b"))
        is_cancel = '{"stream_id":"a","cancel":true}'
        with WsServer(opened(2), until("text", is_cancel), say(audio("a", b"late"), terminated("a")), answer) as server:
            connection = driver.multi(server.url)
            one, other = driver.streams(connection, "a", "b")
            thread = start_text_thread(one, fail())
            with pytest.raises(KeyError, match="mine"):
                driver.audio_of(one)
            with pytest.raises(KeyError, match="mine"):
                thread.result(PATIENCE_SEC)
            with pytest.raises(KeyError, match="mine"):
                one.send_text_chunk("more")
            assert driver.audio_of(other) == [b"two"]
            connection.close()

    def test_an_async_stream_is_no_session_for_threads(self) -> None:
        connection = async_tts.AsyncRealtimeTTSConnection("ws://localhost/x", CONFIG, KEY)
        with pytest.raises(SonioxValidationError, match="must be a sync one"):
            start_text_thread(connection, "x")  # type: ignore[arg-type]


class TestManyStreams:
    def test_each_gets_its_own_whatever_the_order(self, tts: Driver, fake: FakeSoniox) -> None:
        connection = tts.multi(fake.tts_websocket_url)
        streams = tts.streams(connection, *"abcde")
        sizes = {}
        for number, stream in enumerate(streams):
            tts.call(stream.send_text_chunks, "word " * (number + 1))
        # The last first.
        for stream in reversed(streams):
            sizes[stream.stream_id] = sum(map(len, tts.audio_of(stream)))
        assert sorted(sizes, key=sizes.__getitem__) == list("abcde")
        assert len(set(sizes.values())) == 5
        tts.call(connection.close)

    def test_an_unread_stream_does_not_delay_the_others(self, tts: Driver) -> None:
        go = threading.Event()
        flood = say(*[audio("a", bytes(3000))] * 3000)
        answer = say(audio("b", b"two", audio_end=True), terminated("b"))
        last = say(audio("a", b"end", audio_end=True), terminated("a"))
        with WsServer(opened(2), flood, answer, ws_server.wait(go), last) as server:
            connection = tts.multi(server.url)
            slow, other = tts.streams(connection, "a", "b")
            assert tts.audio_of(other) == [b"two"]
            go.set()
            assert len(b"".join(tts.audio_of(slow))) == 3000 * 3000 + 3
            tts.call(connection.close)

    def test_a_thread_that_waits_for_one_does_not_block_another(self, tts: Driver) -> None:
        with WsServer(opened(2), say(audio("b", b"two", audio_end=True), terminated("b"))) as server:
            connection = tts.multi(server.url)
            silent, other = tts.streams(connection, "a", "b")
            waiting = tts.receiving(silent.receive_event)
            assert tts.audio_of(other) == [b"two"]
            tts.call(silent.cancel)
            # The service says nothing to it.
            assert waiting.result(PATIENCE_SEC).terminated
            tts.call(connection.close)

    @pytest.mark.parametrize(
        ("option", "limit", "what"),
        [("max_queued_bytes", 3000, "3000 bytes"), ("max_queued_messages", 3, "3 messages")],
    )
    def test_what_waits_to_be_received_is_bounded_for_each(
        self, tts: Driver, option: str, limit: int, what: str
    ) -> None:
        is_cancel = '{"stream_id":"a","cancel":true}'
        late = say(audio("a", b"late"), terminated("a"), audio("b", b"two", audio_end=True), terminated("b"))
        with WsServer(opened(2), say(*[audio("a", bytes(600))] * 4), until("text", is_cancel), late) as server:
            connection = tts.multi(server.url, **{option: limit})
            one, other = tts.streams(connection, "a", "b")
            assert tts.audio_of(other) == [b"two"]
            # What fitted is handed out.
            assert [len(tts.call(one.receive_event).audio_bytes()) for _ in range(3)] == [600] * 3
            for _ in range(2):
                with pytest.raises(SonioxRealtimeError, match=f"more than {what} of the stream wait to be received"):
                    tts.call(one.receive_event)
            tts.call(connection.close)

    def test_an_error_is_told_whatever_waits_to_be_received(self, tts: Driver) -> None:
        messages = (audio("a", bytes(700)), refusal(413, "max_audio_duration_reached", "a"), terminated("a"))
        other = (audio("b", b"two", audio_end=True), terminated("b"))
        with WsServer(opened(2), say(*messages, *other)) as server:
            connection = tts.multi(server.url, max_queued_bytes=1024)
            one, last = tts.streams(connection, "a", "b")
            assert tts.audio_of(last) == [b"two"]
            assert len(tts.call(one.receive_event).audio_bytes()) == 700
            with pytest.raises(SonioxRealtimeError, match="max_audio_duration_reached"):
                tts.call(one.receive_event)
            tts.call(connection.close)

    def test_an_id_is_free_again_once_its_stream_is_over(self, tts: Driver) -> None:
        go = threading.Event()
        steps = (started, ws_server.wait(go), say(audio("a", b"one", audio_end=True), terminated("a")))
        again = (until("text"), say(audio("a--1", b"two", audio_end=True), terminated("a--1")))
        with WsServer(*steps, *again) as server:
            connection = tts.multi(server.url)
            (first,) = tts.streams(connection, "a")
            with pytest.raises(SonioxRealtimeError, match="a stream of that id"):
                tts.streams(connection, "a")
            go.set()
            assert tts.audio_of(first) == [b"one"]
            (second,) = tts.streams(connection, "a")
            events = tts.rest(second)
            assert [(event.stream_id, event.audio_bytes()) for event in events] == [("a", b"two"), ("a", None)]
            assert second.stream_id == second.config.stream_id == "a"
            with pytest.raises(SonioxRealtimeError, match="the stream is over"):
                tts.call(first.send_text_chunk, "x")
            tts.call(first.cancel)
            tts.call(connection.close)
            # The name on the wire is never used twice.
            assert said(server.peer) == [CONFIG, config("a--1")]

    @pytest.mark.parametrize("ended", [True, False], ids=["terminated again", "complained about only"])
    def test_a_retry_of_a_refused_stream_inherits_none_of_its_complaints(self, tts: Driver, ended: bool) -> None:
        last = '{"text":"two","text_end":true,"stream_id":"a"}'
        # Sent before it read the text, and its answers to that text when the retry has begun.
        refused = say(refusal(400, "invalid_request", "a"), terminated("a"))
        complaint = (refusal(400, "invalid_stream_state", "a"), *([terminated("a")] if ended else []))
        answer = say(*complaint * 2, audio("a--1", b"heard", audio_end=True), terminated("a--1"))
        with WsServer(started, until("text", last), refused, until("text"), answer) as server:
            connection = tts.multi(server.url)
            (first,) = tts.streams(connection, "a")
            tts.call(first.send_text_chunk, "one")
            tts.call(first.send_text_chunk, "two", text_end=True)
            with pytest.raises(SonioxRealtimeError, match="invalid_request"):
                tts.audio_of(first)
            (retry,) = tts.streams(connection, "a")
            assert tts.audio_of(retry) == [b"heard"]
            tts.call(connection.close)

    def test_two_cancels_within_a_round_trip_leave_the_third_stream_to_itself(self, tts: Driver) -> None:
        def cancelled(wire_id: str) -> Any:
            return until("text", f'{{"stream_id":"{wire_id}","cancel":true}}')

        steps = (
            started, cancelled("a"), say(audio("a", b"one", audio_end=True), terminated("a")), cancelled("a--1"),
            until("text"), say(refusal(400, "invalid_stream_state", "a"), terminated("a")),
            say(audio("a--1", b"two"), terminated("a--1")),
            until("text"), say(audio("a--2", b"three", audio_end=True), terminated("a--2")),
        )  # fmt: skip
        with WsServer(*steps) as server:
            connection = tts.multi(server.url)
            for _ in range(2):
                (stream,) = tts.streams(connection, "a")
                tts.call(stream.cancel)
                assert [(event.stream_id, event.terminated) for event in tts.rest(stream)] == [("a", True)]
            (third,) = tts.streams(connection, "a")
            tts.call(third.send_text_chunk, "x")
            assert tts.audio_of(third) == [b"three"]
            tts.call(connection.close)

    def test_errors_of_a_stream_that_follows_another_are_its_own_and_in_the_users_words(self, tts: Driver) -> None:
        answer = {**refusal(429, "limit_exceeded", "a--1"), "error_message": "'a--1' is one too many."}
        with WsServer(opened(3), say(answer, terminated("a--1"))) as server:
            connection = tts.multi(server.url)
            (first,) = tts.streams(connection, "a")
            tts.call(first.cancel)
            (stream,) = tts.streams(connection, "a")
            with pytest.raises(SonioxRealtimeError, match="'a' is one too many") as caught:
                tts.audio_of(stream)
            assert caught.value.error_type == "limit_exceeded"
            tts.call(connection.close)

    def test_a_failed_stream_frees_its_id_at_once(self, tts: Driver) -> None:
        # Without the service's `terminated`.
        with WsServer(started, say(refusal(400, "invalid_request", "a"))) as server:
            connection = tts.multi(server.url)
            (first,) = tts.streams(connection, "a")
            with pytest.raises(SonioxRealtimeError, match="invalid_request"):
                tts.audio_of(first)
            tts.streams(connection, "a")
            tts.call(connection.close)

    def test_names_on_the_wire_are_unique_and_within_the_services_bounds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_tts_protocol, "MAX_REMEMBERED_IDS", 20)
        ids, long = WireIds(), "x" * 256
        users = [*[long] * 12, "a", "a", "a--2", "a--99", "a", long[:-3] + "--1", *map(str, range(30)), *"123"]
        names = [ids.new(user) for user in users]
        assert names[0] == long
        assert names[12:15] == ["a", "a--12", "a--2--13"]
        assert len(set(names)) == len(names)
        assert max(map(len, names)) == 256

    def test_a_config_may_be_changed_for_the_next_stream(self, tts: Driver) -> None:
        one = say(audio("a", b"one", audio_end=True), terminated("a"))
        with WsServer(opened(2), one, say(audio("b", b"two", audio_end=True), terminated("b"))) as server:
            connection = tts.multi(server.url)
            options = RealtimeTTSConfig(**CONFIG)  # type: ignore[arg-type]
            first = tts.call(connection.open_stream, config=options)
            options.stream_id, options.voice = "b", "Nina"
            second = tts.call(connection.open_stream, config=options)
            assert (first.stream_id, first.config.voice, second.stream_id) == ("a", "Adrian", "b")
            assert (tts.audio_of(first), tts.audio_of(second)) == ([b"one"], [b"two"])
            tts.call(connection.close)
            assert said(server.peer) == [CONFIG, config("b", voice="Nina")]

    def test_messages_without_a_stream_go_to_all_streams_and_of_unknown_streams_to_none(self, tts: Driver) -> None:
        messages = (
            {"note": "all"},
            audio("x", b"?"),
            refusal(400, "invalid_stream_state", "x"),
            {"stream_id": 5},
            {"stream_id": []},
        )
        with WsServer(opened(2), say(*messages, audio("a", b"one"), audio("b", b"two"))) as server:
            connection = tts.multi(server.url)
            for stream, data in zip(tts.streams(connection, "a", "b"), (b"one", b"two"), strict=True):
                assert tts.call(stream.receive_event).note == "all"
                event = tts.call(stream.receive_event)
                assert event.audio_bytes() == data
                assert connection.last_message is stream.last_message is event
            tts.call(connection.close)

    def test_the_sixth_stream_is_refused_by_the_service(self, tts: Driver, fake: FakeSoniox) -> None:
        connection = tts.multi(fake.tts_websocket_url)
        streams = tts.streams(connection, *"abcdef")
        with pytest.raises(SonioxRealtimeError) as caught:
            tts.call(streams[5].receive_event)
        assert (caught.value.error_code, caught.value.error_type) == (400, "max_concurrent_streams_reached")
        assert caught.value.request_id
        for stream in streams[:5]:
            tts.call(stream.send_text_chunks, "Hello")
            assert tts.audio_of(stream)
        tts.call(connection.close)

    def test_a_config_is_checked_before_anything_is_sent(self, tts: Driver) -> None:
        with WsServer(accept) as server:
            connection = tts.multi(server.url)
            for bad in (config(voice=""), "tts-rt-v2", None, {}):
                with pytest.raises(SonioxValidationError):
                    tts.call(connection.open_stream, config=bad)
            tts.call(connection.close)
            with pytest.raises(SonioxRealtimeError, match="closed"):
                tts.streams(connection, "a")
            assert server.peer.texts() == []

    def test_a_stream_that_was_not_opened_says_so(self, tts: Driver) -> None:
        module = sync_tts if tts.kind == "sync" else async_tts
        stream_class: Any = getattr(module, f"{'' if tts.kind == 'sync' else 'Async'}RealtimeTTSStream")
        with WsServer(accept) as server:
            connection = tts.multi(server.url)
            stream = stream_class(connection, CONFIG)
            for action in (stream.finish, stream.cancel, lambda: stream.receive_event(0.1)):
                with pytest.raises(SonioxRealtimeError):
                    tts.call(action)
            tts.call(connection.close)


class TestCancel:
    def test_ends_the_audio_at_once(self, tts: Driver) -> None:
        is_cancel = '{"stream_id":"a","cancel":true}'
        late = say(audio("a", b"late"), {**terminated("a")})
        with WsServer(started, say(*[audio("a", b"early")] * 5), until("text", is_cancel), late) as server:
            connection = tts.open(server.url)
            assert tts.call(connection.receive_event).audio_bytes() == b"early"
            tts.call(connection.cancel)
            tts.call(connection.cancel)
            (event,) = tts.rest(connection)
            assert (event.terminated, event.audio) == (True, None)
            with pytest.raises(SonioxRealtimeError, match="cancelled"):
                tts.call(connection.send_text_chunk, "more")
            tts.call(connection.close)
            assert server.peer.texts()[1:] == [is_cancel]

    def test_after_the_service_is_done_drops_what_was_not_received(self, tts: Driver) -> None:
        with WsServer(started, say(audio("a", b"one"), audio("a", b"two", audio_end=True), terminated("a"))) as server:
            protocols = NewOnes(TtsProtocol)
            connection = tts.open(server.url)
            assert tts.call(connection.receive_event).audio_bytes() == b"one"
            wait_until(lambda: any(protocol.is_terminated for protocol in protocols.all()))
            tts.call(connection.cancel)
            assert tts.rest(connection) == []
            tts.call(connection.close)
            assert said(server.peer) == [CONFIG]

    def test_that_meets_the_end_of_the_stream_harms_nothing(self, tts: Driver, fake: FakeSoniox) -> None:
        connection = tts.multi(fake.tts_websocket_url)
        for number in range(5):
            one, other = tts.streams(connection, f"a{number}", f"b{number}")
            tts.call(one.send_text_chunks, "Hello")
            tts.call(other.send_text_chunks, "Hello")
            tts.call(one.cancel)
            assert tts.audio_of(one) == []
            assert tts.audio_of(other)
        tts.call(connection.close)

    def test_a_block_cancels_what_is_not_over(self, tts: Driver) -> None:
        is_cancel = '{"stream_id":"a","cancel":true}'
        steps = (started, until("text", is_cancel), say(terminated("a")), until("text"), say(
            audio("b", b"two", audio_end=True), terminated("b")
        ))  # fmt: skip
        with WsServer(*steps) as server:
            connection = tts.multi(server.url)
            first = tts.streams(connection, "a")[0]

            def use() -> None:
                with pytest.raises(KeyError, match="mine"), first:
                    raise KeyError("mine")
                with connection.open_stream(config=config("b")) as second:
                    assert list(second.receive_audio_chunks()) == [b"two"]

            async def use_async() -> None:
                with pytest.raises(KeyError, match="mine"):
                    async with first:
                        raise KeyError("mine")
                async with await connection.open_stream(config=config("b")) as second:
                    assert [chunk async for chunk in second.receive_audio_chunks()] == [b"two"]

            tts.call(use if tts.kind == "sync" else use_async)
            assert [event.terminated for event in tts.rest(first)] == [True]
            tts.call(connection.close)
            # A stream that is over is not cancelled.
            assert server.peer.texts().count(is_cancel) == 1
            assert len(server.peer.texts()) == 3

    def test_on_a_connection_that_is_gone_a_block_raises_nothing_new(self, tts: Driver) -> None:
        with WsServer(started, ws_server.reset) as server:
            connection = tts.multi(server.url)
            (stream,) = tts.streams(connection, "a")

            def use() -> None:
                with stream:
                    stream.receive_event()

            async def use_async() -> None:
                async with stream:
                    await stream.receive_event()

            with pytest.raises(SonioxRealtimeError, match="the connection broke"):
                tts.call(use if tts.kind == "sync" else use_async)


class TestPause:
    def test_holds_text_back_and_loses_none(self, tts: Driver) -> None:
        with WsServer(opened(2)) as server:
            connection = tts.multi(server.url)
            one, other = tts.streams(connection, "a", "b")
            tts.call(one.send_text_chunk, "1")
            tts.call(one.pause)
            tts.call(connection.pause)
            assert connection.paused
            tts.call(one.send_text_chunk, "2")
            tts.call(other.send_text_chunks, "x")
            tts.call(one.finish)
            with pytest.raises(SonioxRealtimeError, match="end of the text"):
                tts.call(one.send_text_chunk, "3")
            tts.call(other.keep_alive)
            server.wait_until(lambda s: KEEP_ALIVE in s.peer.texts())
            assert said(server.peer)[2:] == [text("1"), {"keep_alive": True}]
            tts.call(other.resume)
            tts.call(connection.resume)
            assert not connection.paused
            server.wait_until(lambda s: len(s.peer.texts()) == 7)
            assert said(server.peer)[4:] == [text("2"), text("", end=True), text("x", end=True, stream_id="b")]
            tts.call(connection.close)

    def test_an_empty_text_is_a_heartbeat_and_is_not_held_back(self, tts: Driver) -> None:
        with WsServer(started) as server:
            connection = tts.open(server.url)
            tts.call(connection.send_text_chunk, "1")
            tts.call(connection.pause)
            assert connection.paused
            tts.call(connection.send_text_chunk, "")
            server.wait_until(lambda s: len(s.peer.texts()) == 3)
            assert said(server.peer)[1:] == [text("1"), text("")]
            tts.call(connection.cancel)
            tts.call(connection.resume)
            tts.call(connection.close)

    def test_text_is_not_overtaken_when_it_is_resumed(self, tts: Driver) -> None:
        for _ in range(10):
            with WsServer(started) as server:
                connection = tts.open(server.url)
                tts.call(connection.pause)
                numbers = [str(number) for number in range(300)]
                sending = tts.start(connection.send_text_chunks, tts.chunks(*numbers))
                tts.call(connection.resume)
                sending.result(PATIENCE_SEC)
                server.wait_until(lambda s: '"text_end":true' in "".join(s.peer.texts()[-1:]))
                assert [message["text"] for message in said(server.peer)[1:]] == [*numbers, ""]
                tts.call(connection.close)

    def test_resuming_that_is_interrupted_holds_nothing_back(
        self, tts: Driver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class InterruptionError(Exception):
            pass

        def drain(*_: Any) -> Any:
            raise InterruptionError

        with WsServer(opened(2)) as server:
            connection = tts.multi(server.url)
            tts.call(connection.pause)
            for stream in tts.streams(connection, "a", "b"):
                tts.call(stream.send_text_chunk, "1")
            with monkeypatch.context() as patch:
                patch.setattr(Connection, "drain", drain)
                patch.setattr(AsyncConnection, "drain", drain)
                with pytest.raises(InterruptionError):
                    tts.call(connection.resume)
            server.wait_until(lambda s: len(s.peer.texts()) == 4)
            assert said(server.peer)[2:] == [text("1"), text("1", stream_id="b")]
            tts.call(connection.close)


class TestKeepingAlive:
    def test_a_connection_is_kept_alive_with_and_without_streams(
        self, tts: Driver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(nonblocking, "MAX_TICK_SEC", 60.0)
        with WsServer(accept) as server:
            connection = tts.multi(server.url, keep_alive_interval_sec=0.02)
            server.wait_until(lambda s: s.peer.texts() and s.peer.texts().count(KEEP_ALIVE) >= 2)
            tts.streams(connection, "a")
            count = len(server.peer.texts())
            server.wait_until(lambda s: s.peer.texts()[count:].count(KEEP_ALIVE) >= 2)
            tts.call(connection.close)

    def test_a_stream_without_text_gets_heartbeats_between_its_first_and_its_last(self, tts: Driver) -> None:
        with WsServer(opened(2)) as server:
            connection = tts.multi(server.url, stream_heartbeat_sec=0.03)
            one, other = tts.streams(connection, "a", "b")
            began = time.monotonic()
            tts.call(other.send_text_chunk, "x")
            server.wait_until(lambda s: said(s.peer).count(text("", stream_id="b")) >= 3)
            assert time.monotonic() - began > 0.08
            tts.call(one.send_text_chunk, "y")
            tts.call(connection.pause)
            tts.call(one.finish)
            tts.call(other.cancel)
            # Its end is held back, so that the service still waits for text.
            server.wait_until(lambda s: said(s.peer).count(text("")) >= 3)
            tts.call(connection.resume)
            server.wait_until(lambda s: text("", end=True) in said(s.peer))
            tts.call(connection.keep_alive)
            server.wait_until(lambda s: KEEP_ALIVE in s.peer.texts())
            messages = said(server.peer)
            # None for a stream that has had no text, that is cancelled, or whose text has ended.
            assert messages.index(text("y")) < messages.index(text(""))
            assert text("") not in messages[messages.index(text("", end=True)) :]
            assert text("", stream_id="b") not in messages[messages.index({"stream_id": "b", "cancel": True}) :]
            tts.call(connection.close)

    def test_a_stream_with_heartbeats_outlives_one_without(self, tts: Driver) -> None:
        clock = VirtualClock()
        with FakeSoniox(api_keys=[KEY], clock=clock, speech=SpeechRules(text_timeout_sec=2)) as fake:
            kept = tts.open(fake.tts_websocket_url, stream_heartbeat_sec=0.02)
            tts.call(kept.send_text_chunk, "Hel")
            wait_until(lambda: len(fake.speeches) == 1)
            other = tts.open(fake.tts_websocket_url)
            tts.call(other.send_text_chunk, "Hel")
            wait_until(lambda: len(fake.speeches) == 2 and fake.speeches[1].texts)
            for _ in range(3):
                beats = len(fake.speeches[0].texts)
                wait_until(lambda beats=beats: len(fake.speeches[0].texts) > beats)
                clock.advance(1)
            with pytest.raises(SonioxRealtimeError, match="408, request_timeout"):
                tts.rest(other)
            tts.call(kept.send_text_chunks, "lo")
            assert tts.audio_of(kept)
            tts.call(kept.close)
            tts.call(other.close)

    def test_the_beats_are_counted_from_the_last_text(self) -> None:
        protocol = TtsProtocol(RealtimeTTSConfig(**CONFIG))
        protocol.start()
        assert protocol.heartbeat(0.0, 3.0) == (None, 3.0)
        protocol.text("", 1.0, text_end=False, hold=False)
        assert protocol.heartbeat(100.0, 3.0) == (None, 3.0)
        protocol.text("x", 101.0, text_end=False, hold=False)
        assert protocol.heartbeat(103.0, 3.0) == (None, 1.0)
        beat, due_sec = protocol.heartbeat(104.0, 3.0)
        assert beat is not None
        assert (json.loads(beat.payload), due_sec) == (text(""), 3.0)
        assert protocol.heartbeat(105.0, 3.0) == (None, 2.0)
        protocol.text("", 106.0, text_end=False, hold=False)
        assert protocol.heartbeat(107.0, 3.0) == (None, 2.0)
        protocol.text("y", 107.5, text_end=True, hold=True)
        assert protocol.heartbeat(109.0, 3.0)[0]
        assert [json.loads(message.payload) for message in protocol.release(110.0)] == [text("y", end=True)]
        assert protocol.heartbeat(200.0, 3.0) == (None, 3.0)


@pytest.mark.parametrize(
    ("told", "why"), [("nonsense", "the message is not JSON"), (refusal(400, "invalid_request"), "No")]
)
def test_a_stream_that_fails_while_text_is_sent_says_why(told: Any, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    go, sent = threading.Event(), TtsConnection.sent
    with WsServer(started, ws_server.wait(go), ws_server.message(told)) as server:
        driver = Driver("tts")
        connection = driver.open(server.url)
        receiving = driver.start(connection.receive_event)

        def sent_later(*args: Any) -> None:
            # The sending thread stands still between its look at the stream and its message.
            go.set()
            assert isinstance(receiving.exception(PATIENCE_SEC), SonioxRealtimeError)
            sent(*args)

        monkeypatch.setattr(TtsConnection, "sent", sent_later)
        with pytest.raises(SonioxRealtimeError, match=why):
            driver.call(connection.send_text_chunk, "x")
        driver.call(connection.close)


def test_a_stream_that_fails_before_it_is_started_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    go, sent, driver = threading.Event(), TtsConnection.sent, Driver("tts")
    with WsServer(accept, ws_server.wait(go), ws_server.message("nonsense")) as server:
        connection = driver.multi(server.url)

        def sent_later(*args: Any) -> None:
            # As above.
            go.set()
            wait_until(lambda: connection.state == "closed")
            sent(*args)

        monkeypatch.setattr(TtsConnection, "sent", sent_later)
        with pytest.raises(SonioxRealtimeError, match="the message is not JSON"):
            driver.streams(connection, "a")
        driver.call(connection.close)
        assert server.peer.texts() == []


@each_row("told", [None, refusal(400, "invalid_request")])
def test_a_connection_that_is_gone_when_its_stream_is_started_says_why(
    tts: Driver, monkeypatch: pytest.MonkeyPatch, told: Any
) -> None:
    gone = threading.Event()

    def vanish(peer: Any) -> None:
        peer.accept()
        if told is not None:
            ws_server.message(told)(peer)
        peer.reset()
        gone.set()
        raise HungUpError

    with WsServer(vanish) as server, monkeypatch.context() as patch:
        for kind in (TtsConnection, AsyncTtsConnection):

            def sent_later(*args: Any, sent: Any = kind.sent) -> Any:
                assert gone.wait(PATIENCE_SEC)
                return sent(*args)

            patch.setattr(kind, "sent", sent_later)
        connection = tts.session(server.url)
        if told is None:
            with pytest.raises(SonioxRealtimeError, match="the connection broke"):
                tts.call(connection.enter)
        else:
            tts.call(connection.enter)
            with pytest.raises(SonioxRealtimeError, match="No") as caught:
                tts.call(connection.receive_event)
            assert caught.value.error_code == 400
        tts.call(connection.close)
        assert connection.state == "closed"


class TestClose:
    def test_sends_no_heartbeats_after_the_close_frame(self, tts: Driver) -> None:
        is_closed = threading.Event()
        with WsServer(started, until("text"), ws_server.wait(is_closed)) as server:
            connection = tts.open(server.url, stream_heartbeat_sec=0.02)
            tts.call(connection.send_text_chunk, "x")
            tts.call(connection.close)
            is_closed.set()
            server.wait_until(lambda server: server.peer.hung_up.is_set())
            assert server.peer.received[-1] == ("close", 1000)

    def test_from_another_event_loop_gives_back_what_a_closed_one_left(self) -> None:
        async def opened(url: str) -> Any:
            return await AsyncRealtimeTTSConnection(url, CONFIG, KEY).enter()

        with WsServer(started) as server:
            connection = asyncio.run(opened(server.url))
            asyncio.run(connection.close())
            assert connection.state == "closed"
            server.wait_until(lambda server: server.peer.hung_up.is_set())

    def test_keep_alive_does_nothing_after_it(self, tts: Driver) -> None:
        with WsServer(opened(1)) as server:
            connection = tts.multi(server.url)
            (stream,) = tts.streams(connection, "a")
            tts.call(connection.close)
            tts.call(connection.keep_alive)
            tts.call(stream.keep_alive)
            for action in (lambda: stream.send_text_chunk("x"), stream.finish, connection.pause):
                with pytest.raises(SonioxRealtimeError, match="closed"):
                    tts.call(action)
            assert KEEP_ALIVE not in server.peer.texts()

    def test_keep_alive_tells_of_a_line_that_broke(self, tts: Driver) -> None:
        with WsServer(started, ws_server.reset) as server:
            connection = tts.open(server.url)
            with pytest.raises(SonioxRealtimeError, match="broke"):
                tts.rest(connection)
            with pytest.raises(SonioxRealtimeError, match="broke"):
                tts.call(connection.keep_alive)
            tts.call(connection.close)
            tts.call(connection.keep_alive)

    def test_is_quick_and_ends_a_receiving_call(self, tts: Driver) -> None:
        with WsServer(started, say(audio("a", b"one")), ws_server.mute) as server:
            connection = tts.open(server.url)
            assert tts.call(connection.receive_event).audio_bytes() == b"one"
            receiving = tts.receiving(connection.receive_event)
            began = time.monotonic()
            tts.call(connection.close)
            assert time.monotonic() - began < 20
            # A stream that was not over counts as cut off, also after a close of our own.
            assert isinstance(receiving.exception(PATIENCE_SEC), SonioxRealtimeError)
            with pytest.raises(SonioxRealtimeError, match="the session was closed"):
                tts.call(connection.send_text_chunk, "x")

    def test_what_has_arrived_can_still_be_received(self, tts: Driver) -> None:
        whole = say(audio("a", b"one"), audio("a", b"two", audio_end=True), terminated("a"), audio("b", b"half"))
        with WsServer(opened(2), whole) as server:
            connection = tts.multi(server.url)
            one, other = tts.streams(connection, "a", "b")
            assert tts.call(other.receive_event).audio_bytes() == b"half"
            tts.call(connection.close)
            assert tts.audio_of(one) == [b"one", b"two"]
            for _ in range(2):
                with pytest.raises(SonioxRealtimeError, match="the session was closed"):
                    tts.audio_of(other)

    @pytest.mark.parametrize("how", ["1000", "1011", "no close frame", "by this side"])
    def test_after_the_end_of_the_audio_is_no_error(self, tts: Driver, how: str) -> None:
        end = {"1000": ws_server.close(1000), "1011": ws_server.close(1011), "no close frame": ws_server.hang_up}
        with WsServer(
            started, say(audio("a", b"one", audio_end=True)), end.get(how, ws_server.until("close"))
        ) as server:
            connection = tts.open(server.url)
            assert tts.call(connection.receive_event).audio_end
            if how == "by this side":
                tts.call(connection.close)
            assert tts.rest(connection) == []
            tts.call(connection.close)

    def test_by_many_at_once(self, tts: Driver) -> None:
        with WsServer(started) as server:
            connection = tts.open(server.url)
            for closing in [tts.start(connection.close) for _ in range(10)]:
                closing.result(PATIENCE_SEC)
            server.wait_until(lambda s: s.peer.hung_up.is_set())
            assert [kind for kind, _ in server.peer.received].count("close") == 1

    def test_while_it_is_being_opened(self, tts: Driver) -> None:
        reached = threading.Event()
        with WsServer(ws_server.tell(reached), ws_server.hold) as server:
            connection = tts.session(server.url, connect_timeout_sec=60)
            entering = tts.start(connection.enter)
            assert reached.wait(PATIENCE_SEC)
            tts.call(connection.close)
            with pytest.raises(SonioxRealtimeError):
                entering.result(PATIENCE_SEC)
            assert connection.state == "closed"


class TestInterruption:
    def test_a_task_that_is_cancelled_while_it_receives_loses_nothing(self) -> None:
        messages = [audio("a", str(number).encode()) for number in range(200)]
        end = (audio("a", b"end", audio_end=True), terminated("a"))

        async def receive(stream: Any, into: list[bytes]) -> None:
            while (event := await stream.receive_event()) is not None:
                into.append(event.audio_bytes() or b"")

        async def main(url: str) -> list[bytes]:
            got: list[bytes] = []
            async with async_tts.AsyncRealtimeTTSConnection(url, CONFIG, KEY) as connection:
                while not (connection.last_message and connection.last_message.terminated):
                    with contextlib.suppress(asyncio.TimeoutError):
                        await asyncio.wait_for(receive(connection, got), 0.001)
            return got

        with WsServer(started, say(*messages, *end)) as server:
            got = asyncio.run(main(server.url))
        assert got == [*(str(number).encode() for number in range(200)), b"end", b""]

    def test_a_task_that_is_cancelled_while_it_opens_a_stream_leaves_none_behind(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def main(url: str) -> None:
            async with async_tts.AsyncRealtimeTTSMultiplexedConnection(url, KEY) as connection:
                with monkeypatch.context() as patch:
                    patch.setattr(AsyncConnection, "drain", _never)
                    with pytest.raises(asyncio.TimeoutError):
                        await asyncio.wait_for(connection.open_stream(config=CONFIG), 0.05)
                # The service's answer frees the id.
                other = await connection.open_stream(config=config("b"))
                assert (await other.receive_event()).terminated
                await connection.open_stream(config=CONFIG)

        async def _never(*_: object) -> None:
            await asyncio.sleep(PATIENCE_SEC)

        is_cancel = '{"stream_id":"a","cancel":true}'
        end = say(terminated("a"), {**terminated("b"), "audio_end": True})
        with WsServer(started, until("text", is_cancel), until("text"), end) as server:
            asyncio.run(asyncio.wait_for(main(server.url), PATIENCE_SEC))

    def test_ctrl_c_ends_a_receive(self) -> None:
        code = (
            "import signal, sys\n"
            # Programs in the background of a shell are started with SIGINT ignored.
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "from soniox_lite.realtime import RealtimeTTSConnection\n"
            "with RealtimeTTSConnection(sys.argv[1], "
            f"{CONFIG!r}, 'key') as connection:\n"
            "    print('ready', flush=True)\n"
            "    connection.receive_event()\n"
        )
        with WsServer(started) as server:
            program = [sys.executable, "-c", code, server.url]
            with subprocess.Popen(
                program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ}
            ) as process:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                process.send_signal(signal.SIGINT)
                _, errors = process.communicate(timeout=300)
            assert errors.rstrip().endswith("KeyboardInterrupt")
            server.wait_until(lambda s: s.peer.hung_up.is_set())

    def test_a_stream_belongs_to_the_event_loop_of_its_connection(self) -> None:
        with WsServer(started) as server:
            connection = async_tts.AsyncRealtimeTTSConnection(server.url, CONFIG, KEY)
            loop = asyncio.new_event_loop()
            loop.run_until_complete(connection.enter())

            async def receive() -> None:
                await connection.receive_event(0.1)

            with pytest.raises(SonioxRealtimeError, match="belongs to the event loop that opened it"):
                asyncio.run(receive())
            loop.run_until_complete(connection.close())
            loop.close()


class TestTheKey:
    @pytest.mark.parametrize("multi", [True, False])
    def test_is_the_clients_or_another(self, tts: Driver, multi: bool) -> None:
        with WsServer(accept) as server:
            client: Any = (SonioxClient if tts.kind == "sync" else AsyncSonioxClient)(
                KEY, tts_websocket_base_url=server.url
            )
            for options in ({}, {"api_key": "snx_temp_0123456789-abcdefghij"}):
                if multi:
                    connection = client.realtime.tts.connect_multi_stream(**options)
                else:
                    connection = client.realtime.tts.connect(config=CONFIG, **options)
                tts.call(connection.enter)
                assert "SECRET" not in repr(connection)
                tts.call(connection.close)
            sent = [peer.headers["authorization"] for peer in server.peers]
            assert sent == [f"Bearer {KEY}", "Bearer snx_temp_0123456789-abcdefghij"]
            tts.call(client.close if tts.kind == "sync" else client.aclose)

    @pytest.mark.parametrize("of_stream", [True, False])
    def test_is_nowhere_when_the_service_repeats_it(self, tts: Driver, of_stream: bool) -> None:
        answer = {
            **refusal(400, "invalid_request", "a" if of_stream else None),
            "error_message": f"{KEY!r} is no voice",
        }
        with WsServer(started, say(answer)) as server:
            connection = tts.open(server.url, raise_on_error=False)
            event = tts.call(connection.receive_event)
            assert event.error_message == "'***' is no voice"
            with pytest.raises(SonioxRealtimeError, match="is no voice") as caught:
                tts.call(connection.send_text_chunk, "x")
            for text in (repr(event), repr(connection.last_message), str(caught.value), repr(connection)):
                assert "SECRET" not in text
            tts.call(connection.close)
        with WsServer(started, say(answer)) as server:
            connection = tts.open(server.url)
            assert "SECRET" not in tts.call(connection.recv_bytes).decode()
            tts.call(connection.close)

    def test_comes_from_the_environment_or_is_missing(self, tts: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SONIOX_API_KEY", KEY)
        with WsServer(accept) as server:
            tts.call(tts.open(server.url, api_key=None).close)
            assert server.peer.headers["authorization"] == f"Bearer {KEY}"
        monkeypatch.delenv("SONIOX_API_KEY")
        with pytest.raises(SonioxValidationError, match="no API key"):
            tts.session("ws://localhost/x", api_key=None)


@each_row(
    ("name", "value"),
    [("connect_timeout_sec", 0), ("connect_timeout_sec", None), ("send_timeout_sec", -1), ("event_timeout_sec", 0),
     ("ping_interval_sec", 0), ("ping_timeout_sec", "1"), ("max_queued_bytes", 10), ("max_queued_bytes", None),
     ("max_queued_messages", 1), ("max_queued_messages", None), ("keep_alive_interval_sec", None),
     ("max_message_bytes", 10), ("stream_heartbeat_sec", 0), ("stream_heartbeat_sec", True)],
)  # fmt: skip
def test_options_that_cannot_be_used(name: str, value: Any) -> None:
    with pytest.raises(SonioxValidationError, match=name):
        Driver("tts").session("ws://localhost/x", **{name: value})


def test_messages_that_come_with_the_upgrade_are_not_lost(tts: Driver) -> None:
    early = frame(0x1, json.dumps(audio("a", b"one", audio_end=True)).encode())
    early += frame(0x1, json.dumps(terminated("a")).encode())
    for _ in range(10):
        with WsServer(ws_server.accept_with(early)) as server:
            connection = tts.open(server.url)
            assert tts.audio_of(connection) == [b"one"]
            tts.call(connection.close)


def test_connections_may_be_entered_under_the_official_name(tts: Driver) -> None:
    with WsServer(accept) as server:
        for connection in (tts.session(server.url), tts.multiplexed(server.url, KEY)):
            assert tts.call(connection.aenter) is connection
            tts.call(connection.close)
