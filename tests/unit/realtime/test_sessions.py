"""What a session does from its opening to its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from array import array
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from soniox_lite import (
    AsyncSonioxClient,
    SonioxClient,
    SonioxRealtimeError,
    SonioxRealtimeTimeoutError,
    SonioxTimeoutError,
    SonioxValidationError,
)
from soniox_lite._websocket import nonblocking, tasks as _async_connection, threads as _connection
from soniox_lite._websocket.frames import BINARY, TEXT
from soniox_lite._websocket.nonblocking import WebSocket
from soniox_lite.realtime import AsyncRealtimeSTTSession, RealtimeSTTSession, _stt_protocol, async_stt, stt
from soniox_lite.types.realtime import RealtimeControlType, RealtimeSTTConfig
from tests.support import ws_server
from tests.support.insides import wait_until
from tests.support.socket_server import HungUpError
from tests.support.ws_server import FINISHED, WsServer, accept, answer_the_end, frame, message, started, until

from ...support.tables import each_row
from .driver import CONFIG, KEY, PATIENCE_SEC, Driver, new_connections, open_descriptors, the_websocket
from .faults import refusal

if TYPE_CHECKING:
    from .conftest import Tls

HELLO = {"tokens": [{"text": "hello", "is_final": True}], "final_audio_proc_ms": 1, "total_audio_proc_ms": 1}
START_MESSAGE = {"model": "stt-rt-v5", "audio_format": "pcm_s16le", "sample_rate": 16000, "num_channels": 1}


def texts(events: list[Any]) -> list[str]:
    """What the tokens of each event say."""
    return ["".join(token.text for token in event.tokens) for event in events]


class TestOneStream:
    @pytest.mark.parametrize("shape", [[4], [2, 2]], ids=["samples", "frames of two channels"])
    def test_an_array_of_samples_is_sent_as_its_bytes(self, driver: Driver, shape: list[int]) -> None:
        samples: Any = memoryview(array("h", [1, 2, 3, 4]).tobytes()).cast("B").cast("h", shape)
        with WsServer(started, answer_the_end(HELLO)) as server:
            session = driver.session(server.url)
            driver.call(session.enter)
            driver.call(session.send_byte_chunk, samples)
            driver.call(session.send_bytes, array("h", [5]), finish=True)
            assert driver.rest(session)
            driver.call(session.close)
            assert server.peer.audio() == array("h", [1, 2, 3, 4, 5]).tobytes()

    def test_from_start_to_finished(self, driver: Driver) -> None:
        go = threading.Event()
        with WsServer(started, ws_server.wait(go), answer_the_end(HELLO)) as server:
            session = driver.session(server.url)
            assert (session.state, session.finished, session.close_code, session.last_message) == (
                "new", False, None, None,
            )  # fmt: skip
            driver.call(session.enter)
            assert session.state == "open"
            driver.call(session.send_byte_chunk, b"1234")
            driver.call(session.send_byte_chunk, memoryview(b"5678"))
            driver.call(session.finish)
            assert session.state == "ending"
            go.set()
            events = driver.rest(session)
            assert texts(events) == ["hello", ""]
            assert session.last_message is events[-1]
            assert (session.finished, session.close_code, session.close_reason) == (True, 1000, "")
            assert driver.call(session.receive_event) is None
            driver.call(session.close)
            driver.call(session.close)
            assert session.state == "closed"
            server.wait_until(lambda s: s.peer.hung_up.is_set())
            assert json.loads(server.peer.texts()[0]) == START_MESSAGE
            assert server.peer.texts()[1:] == [""]
            assert server.peer.audio() == b"12345678"

    def test_leaving_the_block_waits_for_the_last_words(self, driver: Driver) -> None:
        with WsServer(started, answer_the_end(HELLO)) as server:
            session = driver.session(server.url)

            def use() -> None:
                with session:
                    session.send_byte_chunk(b"1234")

            async def use_async() -> None:
                async with session:
                    await session.send_byte_chunk(b"1234")

            driver.call(use if driver.kind == "sync" else use_async)
            assert session.finished
            assert texts(driver.rest(session)) == ["hello", ""]

    def test_leaving_the_block_by_an_exception_closes_at_once(self, driver: Driver) -> None:
        with WsServer(started) as server:
            session = driver.session(server.url, close_timeout_sec=60)

            def use() -> None:
                with session:
                    raise KeyError("mine")

            async def use_async() -> None:
                async with session:
                    raise KeyError("mine")

            with pytest.raises(KeyError, match="mine"):
                driver.call(use if driver.kind == "sync" else use_async)
            assert session.state == "closed"
            server.wait_until(lambda s: s.peer.hung_up.is_set())
            assert "" not in server.peer.texts()
            assert server.peer.received[-1] == ("close", 1000)

    def test_a_session_is_one_stream(self, driver: Driver) -> None:
        with WsServer(started) as server:
            session = driver.open(server.url)
            with pytest.raises(SonioxRealtimeError, match="already; a session is one stream"):
                driver.call(session.enter)
            driver.call(session.cancel)
            with pytest.raises(SonioxRealtimeError, match="closed already"):
                driver.call(session.enter)

    def test_nothing_can_be_done_before_it_is_entered(self, driver: Driver) -> None:
        session = driver.session("ws://127.0.0.1:9/x")
        for action in (session.receive_event, session.finish, session.pause, session.keep_alive, session.recv_bytes):
            with pytest.raises(SonioxRealtimeError, match="not connected"):
                driver.call(action)
        driver.call(session.close)
        assert driver.log(session) == []

    @pytest.mark.parametrize("finish", [None, True, False])
    def test_send_bytes_ends_the_audio_after_an_iterable_unless_told_otherwise(
        self, driver: Driver, finish: bool | None
    ) -> None:
        chunk = (b"1234", bytearray(b"1234"), memoryview(b"1234"), array("h", [0x3231, 0x3433]))
        for chunks in (*chunk, driver.chunks(b"12", b"", b"34"), [b"12", bytearray(b"34")]):
            ends = finish if finish is not None else not any(chunks is one for one in chunk)
            with WsServer(started) as server:
                session = driver.open(server.url)
                driver.call(session.send_bytes, chunks, **({} if finish is None else {"finish": finish}))
                assert session.state == ("ending" if ends else "open")
                driver.call(session.finish)
                server.wait_until(lambda s: s.peer.texts()[-1:] == [""])
                driver.call(session.cancel)
                assert server.peer.audio() == b"1234"
                assert server.peer.texts()[1:] == [""]

    def test_chunks_of_a_microphone_may_be_sent_one_by_one_with_send_bytes(self, driver: Driver) -> None:
        with WsServer(started, answer_the_end(HELLO)) as server:
            session = driver.open(server.url)
            for chunk in (b"12", b"34"):
                driver.call(session.send_bytes, chunk)
            driver.call(session.close)
            assert session.finished
            assert server.peer.audio() == b"1234"

    def test_empty_audio_is_not_sent_and_large_audio_is_sent_in_parts(self, driver: Driver) -> None:
        large = bytes(number % 251 for number in range(200_000))
        with WsServer(started) as server:
            session = driver.open(server.url)
            driver.call(session.send_byte_chunk, b"")
            driver.call(session.send_byte_chunk, large)
            driver.call(session.finish)
            server.wait_until(lambda s: s.peer.texts()[-1:] == [""])
            driver.call(session.cancel)
            parts = [content for kind, content in server.peer.received if kind == "binary"]
            assert b"".join(parts) == large
            assert max(map(len, parts)) == 64 * 1024

    def test_controls_under_all_their_names(self, driver: Driver) -> None:
        with WsServer(started) as server:
            session = driver.open(server.url)
            driver.call(session.keep_alive)
            driver.call(session.send_keep_alive)
            driver.call(session.send_control_message, "keep_alive")
            driver.call(session.finalize)
            driver.call(session.send_finalize, trailing_silence_ms=250)
            driver.call(session.send_control_message, RealtimeControlType.FINALIZE)
            driver.call(session.send_control_message, RealtimeControlType.FINISH)
            driver.call(session.send_finish)
            driver.call(session.finish)
            server.wait_until(lambda s: s.peer.texts()[-1:] == [""])
            driver.call(session.cancel)
            keep_alive, finalize = '{"type":"keepalive"}', '{"type":"finalize"}'
            silence = '{"type":"finalize","trailing_silence_ms":250}'
            assert server.peer.texts()[1:] == [keep_alive] * 3 + [finalize, silence, finalize, ""]

    def test_nothing_is_sent_after_the_end_of_audio(self, driver: Driver) -> None:
        with WsServer(started) as server:
            session = driver.open(server.url)
            driver.call(session.finish)
            began = time.monotonic()
            for action in (
                lambda: session.send_byte_chunk(b"12"),
                lambda: session.send_bytes(b"12"),
                session.pause,
            ) * 20:
                with pytest.raises(SonioxRealtimeError, match="end of the audio was sent"):
                    driver.call(action)
            # It waits for no reason of the service, since the line is fine: a second each.
            assert time.monotonic() - began < 30
            driver.call(session.cancel)

    def test_keep_alive_and_finalize_do_nothing_after_the_end(self, driver: Driver) -> None:
        for end in ("finish", "close", "cancel"):
            with WsServer(started) as server:
                session = driver.open(server.url, close_timeout_sec=0.1)
                driver.call(getattr(session, end))
                for action in (session.keep_alive, session.finalize):
                    driver.call(action)
                with pytest.raises(SonioxRealtimeError, match=r"end of the audio|was closed"):
                    driver.call(session.send_byte_chunk, b"12")
                if end != "cancel":
                    driver.call(session.finish)
                driver.call(session.cancel)
                server.wait_until(lambda s: s.peer.hung_up.is_set())
                assert server.peer.texts()[1:] == ([] if end == "cancel" else [""])

    def test_keep_alive_and_finalize_tell_of_a_line_that_broke(self, driver: Driver) -> None:
        with WsServer(started, ws_server.reset) as server:
            session = driver.open(server.url)
            driver.log(session)
            for action in (session.keep_alive, session.finalize):
                with pytest.raises(SonioxRealtimeError, match="broke"):
                    driver.call(action)
            driver.call(session.close)
            for action in (session.keep_alive, session.finalize):
                driver.call(action)

    def test_finishing_again_does_nothing_after_the_service_has_closed(self, driver: Driver) -> None:
        with WsServer(started, until("text", ""), message(FINISHED), ws_server.close(1000)) as server:
            session = driver.open(server.url)
            driver.call(session.finish)
            assert driver.rest(session)[-1].finished
            assert session.close_code == 1000
            driver.call(session.finish)

    def test_bad_audio_is_refused_before_anything_is_sent(self, driver: Driver) -> None:
        with WsServer(started) as server:
            session = driver.open(server.url)
            for bad in ("text", 5, None, ["text"]):
                with pytest.raises(SonioxValidationError):
                    driver.call(session.send_bytes, bad)
            driver.call(session.cancel)
            assert server.peer.texts()[1:] == []

    def test_events_can_be_handled_by_a_function(self, driver: Driver) -> None:
        seen: list[Any] = []

        async def handle(event: Any) -> None:
            seen.append(event)

        with WsServer(started, answer_the_end(HELLO)) as server:
            session = driver.open(server.url)
            driver.call(session.finish)
            driver.call(session.handle_events, seen.append if driver.kind == "sync" else handle)
            assert texts(seen) == ["hello", ""]

    def test_raw_messages_can_be_received_and_parsed(self, driver: Driver) -> None:
        with WsServer(started, answer_the_end(HELLO)) as server:
            session = driver.open(server.url)
            driver.call(session.finish)
            raw = driver.call(session.recv_bytes)
            assert isinstance(raw, bytes)
            assert texts([session.parse_event(raw), session.parse_event(raw.decode())]) == ["hello", "hello"]
            assert session.last_message is None
            driver.call(session.recv_bytes)
            assert driver.call(session.recv_bytes) == b""

    def test_receiving_can_be_given_up_without_harm(self, driver: Driver) -> None:
        go = threading.Event()
        with WsServer(started, ws_server.wait(go), message(HELLO)) as server:
            session = driver.open(server.url)
            with pytest.raises(SonioxRealtimeTimeoutError, match=r"no message within 0\.05 s") as caught:
                driver.call(session.receive_event, timeout_sec=0.05)
            assert isinstance(caught.value, (SonioxTimeoutError, TimeoutError))
            go.set()
            assert texts([driver.call(session.receive_event, 5)]) == ["hello"]
            driver.call(session.cancel)

    def test_only_one_receives_at_a_time(self, driver: Driver) -> None:
        go = threading.Event()
        with WsServer(started, ws_server.wait(go), message(HELLO)) as server:
            session = driver.open(server.url)
            receiving = driver.receiving(session.receive_event)
            with pytest.raises(SonioxRealtimeError, match="receiving from this session already"):
                driver.call(session.receive_event)
            go.set()
            assert texts([receiving.result(PATIENCE_SEC)]) == ["hello"]
            driver.call(session.cancel)

    def test_messages_that_arrived_are_handed_out_after_the_line_broke(self, driver: Driver) -> None:
        garbage = frame(0x1, json.dumps(HELLO).encode()) * 3 + frame(0x3)
        with WsServer(started, ws_server.raw(garbage)) as server:
            session = driver.open(server.url)
            driver.log(session)
            got = [driver.call(session.receive_event) for _ in range(3)]
            assert texts(got) == ["hello"] * 3
            with pytest.raises(SonioxRealtimeError, match="kind 3"):
                driver.call(session.receive_event)

    def test_messages_that_come_with_the_upgrade_are_not_lost(self, driver: Driver, tls: Tls) -> None:
        early = frame(0x1, json.dumps(HELLO).encode())
        for server_tls in (None, tls.server):
            with WsServer(ws_server.accept_with(early * 5), answer_the_end(), tls=server_tls) as server:
                session = driver.open(server.url, ssl_context=tls.client)
                assert [texts([driver.call(session.receive_event, 5)]) for _ in range(5)] == [["hello"]] * 5
                driver.call(session.close)

    def test_large_and_many_messages_through_tls(self, driver: Driver, tls: Tls) -> None:
        text = "x" * 300_000
        large = {**HELLO, "tokens": [{"text": text, "is_final": True}]}
        many = [{**HELLO, "tokens": [{"text": f"{number} ", "is_final": True}]} for number in range(500)]
        with WsServer(started, answer_the_end(large, *many, large), tls=tls.server) as server:
            session = driver.open(server.url, ssl_context=tls.client)
            driver.call(session.finish)
            said = "".join(texts(driver.rest(session)))
            assert said == text + "".join(f"{number} " for number in range(500)) + text


class TestWhatLooksLikeTheEnd:
    def test_is_the_end_however_it_is_written(self, driver: Driver) -> None:
        last = ws_server.frame(TEXT, b'{"tokens":[],"finishe\\u0064":true}')
        with WsServer(started, until("text", ""), ws_server.raw(last), ws_server.close(1000)) as server:
            session = driver.open(server.url)
            driver.call(session.finish)
            assert [event.finished for event in driver.rest(session)] == [True]
            driver.call(session.close)
            # The connection may be closed before the end is received.
            assert {payload.type for payload in driver.log(session)} == {"open", "finished", "close"}

    def test_is_not_the_end_inside_another_field(self, driver: Driver) -> None:
        with WsServer(started, answer_the_end({"tokens": [], "later": {"finished": True}})) as server:
            session = driver.open(server.url)
            driver.call(session.finish)
            assert [event.finished for event in driver.rest(session)] == [False, True]
            driver.call(session.close)

    def test_is_an_error_if_it_cannot_be_read(self, driver: Driver) -> None:
        with WsServer(started, until("text", ""), message({"tokens": 5, "finished": True})) as server:
            session = driver.open(server.url)
            driver.call(session.finish)
            with pytest.raises(SonioxRealtimeError, match="tokens"):
                driver.call(session.receive_event)
            driver.call(session.close)
            assert not session.finished


class TestSilence:
    def test_a_program_that_waits_without_ending_its_audio_is_told(
        self, driver: Driver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        for module in (async_stt, stt):
            monkeypatch.setattr(module, "SILENCE_SEC", 0.05)
        with WsServer(started, until("text", ""), message(FINISHED), ws_server.close(1000)) as server:
            session = driver.open(server.url)
            driver.call(session.send_bytes, b"1234")
            with pytest.raises(SonioxRealtimeTimeoutError, match="no message within 0 s"):
                driver.call(session.receive_event, 0)
            receiving = driver.start(session.receive_event)
            wait_until(lambda: caplog.records)
            assert "the audio was not ended; call finish()" in caplog.text
            driver.call(session.finish)
            assert receiving.result(PATIENCE_SEC).finished
            driver.call(session.close)
            assert len(caplog.records) == 1

    @pytest.mark.parametrize(
        "prepare",
        [
            lambda driver, session: driver.call(session.send_bytes, b"1234", finish=False),
            lambda driver, session: driver.call(session.send_byte_chunk, b"1234"),
            lambda driver, session: driver.call(session.pause),
            lambda driver, session: driver.call(session.finish),
        ],
        ids=["told not to end it", "chunk by chunk", "paused", "ended"],
    )
    def test_a_program_that_knows_is_not_told(
        self, driver: Driver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, prepare: Any
    ) -> None:
        for module in (async_stt, stt):
            monkeypatch.setattr(module, "SILENCE_SEC", 0.02)
        with WsServer(started) as server:
            session = driver.open(server.url)
            prepare(driver, session)
            with pytest.raises(SonioxRealtimeTimeoutError, match=r"no message within 0\.1 s"):
                driver.call(session.receive_event, timeout_sec=0.1)
            driver.call(session.cancel)
            assert caplog.text == ""

    def test_a_session_with_an_interval_is_kept_alive_while_it_is_open(
        self, driver: Driver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(nonblocking, "MAX_TICK_SEC", 60.0)
        keepalive = '{"type":"keepalive"}'
        for start_on_open in (True, False):
            with WsServer(accept) as server:
                session = driver.open(
                    server.url, keep_alive_interval_sec=0.02, ping_interval_sec=0.05, start_on_open=start_on_open
                )
                server.wait_until(lambda s: s.peer.texts().count(keepalive) >= 2)
                driver.call(session.start)
                driver.call(session.pause, finalize=False)
                driver.call(session.resume)
                before = server.peer.texts().count(keepalive)
                server.wait_until(lambda s, before=before: s.peer.texts().count(keepalive) >= before + 2)
                driver.call(session.finish)
                server.wait_until(lambda s: s.peer.texts()[-1:] == [""])
                pings = server.peer.received.count(("ping", b""))
                # Time for two keepalives, if they went on.
                server.wait_until(lambda s, pings=pings: s.peer.received.count(("ping", b"")) >= pings + 2)
                driver.call(session.cancel)
                assert [text for text in server.peer.texts() if text != keepalive][1:] == [""]

    @pytest.mark.parametrize("interval_sec", [0, -1, float("nan"), "5", 20.1])
    def test_an_interval_that_is_none_or_too_long_for_the_service_is_refused(
        self, driver: Driver, interval_sec: Any
    ) -> None:
        with pytest.raises(SonioxValidationError, match="keep_alive_interval_sec"):
            driver.session("ws://127.0.0.1:9/x", keep_alive_interval_sec=interval_sec)

    def test_a_keepalive_waits_until_no_audio_was_sent_for_the_interval(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = [1000.0]
        monkeypatch.setattr(nonblocking, "time", SimpleNamespace(monotonic=lambda: now[0]))
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        websocket = WebSocket(
            ours, b"", authorization="", ping_interval_sec=None, ping_timeout_sec=None, max_message_bytes=1024
        )
        websocket.set_keepalive(b"kept", 4.0, BINARY)
        kept_at = []
        for second in range(1, 16):
            now[0] = 1000.0 + second
            if second in (3, 6):
                websocket.send(BINARY, b"audio")
            if second == 9:
                # The service does not count a finalize as a sign of life.
                websocket.send(TEXT, b"finalize")
            before = websocket.bytes_sent
            due_sec = websocket.tick(reading=True)
            assert 0.0 < due_sec <= 4.0
            if websocket.bytes_sent > before:
                kept_at.append(second)
        ours.close()
        theirs.close()
        assert kept_at == [10, 14]


class TestPause:
    def test_holds_audio_back_and_keeps_the_session_alive(
        self, driver: Driver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(nonblocking, "MAX_TICK_SEC", 0.02)
        monkeypatch.setattr(_stt_protocol, "KEEP_ALIVE_INTERVAL_SEC", 0.02)
        with WsServer(started) as server:
            session = driver.open(server.url)
            driver.call(session.pause)
            driver.call(session.pause)
            assert session.paused
            driver.call(session.send_byte_chunk, b"1234")
            assert session.dropped_audio_bytes == 4
            server.wait_until(lambda s: s.peer.texts().count('{"type":"keepalive"}') >= 3)
            driver.call(session.resume)
            driver.call(session.resume)
            assert not session.paused
            driver.call(session.send_byte_chunk, b"5678")
            driver.call(session.finish)
            server.wait_until(lambda s: s.peer.texts()[-1:] == [""])
            driver.call(session.cancel)
            assert server.peer.audio() == b"5678"
            # The keepalives of this test come so often that one may be before the finalize.
            kinds = server.peer.texts()[1:-1]
            assert kinds.count('{"type":"finalize"}') == 1
            assert set(kinds) == {'{"type":"finalize"}', '{"type":"keepalive"}'}

    def test_without_finalizing(self, driver: Driver) -> None:
        with WsServer(started) as server:
            session = driver.open(server.url)
            driver.call(session.pause, finalize=False)
            driver.call(session.finish)
            server.wait_until(lambda s: s.peer.texts()[-1:] == [""])
            driver.call(session.cancel)
            assert server.peer.texts()[1:] == [""]

    def test_a_keepalive_never_turns_into_an_end_of_audio(self) -> None:
        # Once it did, when a session was resumed while its reader was about to send one.
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        websocket = WebSocket(
            ours, b"", authorization="", ping_interval_sec=None, ping_timeout_sec=None, max_message_bytes=1024
        )
        websocket.set_keepalive(b'{"type":"keepalive"}', 1e-9, BINARY)
        stop = threading.Event()

        def tick() -> None:
            while not stop.is_set():
                websocket.tick(reading=False)

        sent = bytearray()

        def receive() -> None:
            while data := theirs.recv(65536):
                sent.extend(data)

        threads = [threading.Thread(target=tick), threading.Thread(target=receive)]
        for thread in threads:
            thread.start()
        for _ in range(20_000):
            websocket.set_keepalive(b"", None, BINARY)
            websocket.set_keepalive(b'{"type":"keepalive"}', 1e-9, BINARY)
        stop.set()
        threads[0].join()
        websocket.close_socket()
        threads[1].join()
        theirs.close()
        # Two bytes of head, four of mask, and as many of text.
        assert set(sent[1::26]) == {0x80 | 20}


class TestPreconnect:
    def test_a_held_session_starts_with_its_first_audio(self, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(nonblocking, "MAX_TICK_SEC", 0.02)
        monkeypatch.setattr(_stt_protocol, "HOLD_INTERVAL_SEC", 0.02)
        with WsServer(accept, until("text", '{"type":"keepalive"}'), answer_the_end(HELLO)) as server:
            session = driver.open(server.url, start_on_open=False)
            server.wait_until(lambda s: s.peer.texts().count('{"type":"keepalive"}') >= 2)
            driver.call(session.send_byte_chunk, b"1234")
            driver.call(session.close)
            assert session.finished
            said = [text for text in server.peer.texts() if text != '{"type":"keepalive"}']
            assert json.loads(said[0]) == START_MESSAGE
            assert said[1:] == [""]

    @pytest.mark.parametrize("call", ["finish", "finalize"])
    def test_a_held_session_starts_with_what_needs_a_stream(self, driver: Driver, call: str) -> None:
        with WsServer(started, answer_the_end(HELLO)) as server:
            session = driver.open(server.url, start_on_open=False)
            driver.call(getattr(session, call))
            driver.call(session.close)
            assert session.finished
            said = server.peer.texts()
            assert json.loads(said[0]) == START_MESSAGE
            assert said[1:] == [""] if call == "finish" else ['{"type":"finalize"}', ""]

    def test_a_session_that_was_held_and_not_used_closes_at_once(
        self, driver: Driver, caplog: pytest.LogCaptureFixture
    ) -> None:
        with WsServer(accept) as server:
            session = driver.open(server.url, start_on_open=False, close_timeout_sec=60)
            driver.call(session.close)
            server.wait_until(lambda s: s.peer.hung_up.is_set())
            assert server.peer.received == [("close", 1000)]
            assert caplog.text == ""

    def test_a_pause_before_the_start_is_kept_alive_after_it(
        self, driver: Driver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(nonblocking, "MAX_TICK_SEC", 0.02)
        monkeypatch.setattr(_stt_protocol, "KEEP_ALIVE_INTERVAL_SEC", 0.02)
        with WsServer(accept) as server:
            session = driver.open(server.url, start_on_open=False)
            driver.call(session.pause)
            driver.call(session.start)
            server.wait_until(lambda s: s.peer.texts()[-2:] == ['{"type":"keepalive"}'] * 2)
            driver.call(session.cancel)

    def test_the_start_message_precedes_audio_sent_by_several_threads(self, driver: Driver) -> None:
        # Several first chunks at the same time must not overtake the start message.
        for _ in range(20):
            with WsServer(accept) as server:
                session = driver.open(server.url, start_on_open=False)
                sending = [driver.start(session.send_byte_chunk, b"1234") for _ in range(8)]
                for future in sending:
                    future.result(PATIENCE_SEC)
                server.wait_until(lambda s: len(s.peer.audio()) == 32)
                driver.call(session.cancel)
                assert server.peer.received[0][0] == "text"
                assert len(server.peer.texts()) == 1


class TestErrorsOfTheService:
    def test_is_an_event_and_the_reason_of_what_fails_later(self, driver: Driver) -> None:
        with WsServer(started, message(refusal(429, "limit_exceeded")), ws_server.close(1000)) as server:
            session = driver.open(server.url)
            driver.log(session)
            (event,) = driver.rest(session)
            assert (event.error_code, event.error_type, event.error_message, event.request_id) == (
                429, "limit_exceeded", "No.", "3f1c",
            )  # fmt: skip
            for action in (lambda: session.send_byte_chunk(b"12"), session.finish, session.pause, session.finalize):
                with pytest.raises(SonioxRealtimeError, match=r"No\. \(429, limit_exceeded\) \[request id 3f1c\]"):
                    driver.call(action)
            driver.call(session.close)
            with pytest.raises(SonioxRealtimeError, match="limit_exceeded"):
                driver.call(session.send_byte_chunk, b"12")

    @pytest.mark.parametrize("where", ["session", "call"])
    def test_is_raised_on_request(self, driver: Driver, where: str) -> None:
        with WsServer(started, message(HELLO), message(refusal(402, "x_exhausted")), ws_server.close(1000)) as server:
            session = driver.open(server.url, raise_on_error=where == "session")
            assert texts([driver.call(session.receive_event)]) == ["hello"]
            with pytest.raises(SonioxRealtimeError, match="x_exhausted") as caught:
                driver.rest(session, **({"raise_on_error": True} if where == "call" else {}))
            assert caught.value.error_code == 402
            assert driver.rest(session) == []

    def test_that_breaks_off_after_its_error_says_it_once(self, driver: Driver) -> None:
        with WsServer(started, message(refusal(503, "service_unavailable")), ws_server.reset) as server:
            session = driver.open(server.url)
            payloads = driver.log(session)
            assert [payload.type for payload in payloads] == ["open", "error", "close"]
            assert [event.error_code for event in driver.rest(session)] == [503]

    def test_that_comes_with_the_upgrade_does_not_fail_the_opening(self, driver: Driver) -> None:
        early = frame(0x1, json.dumps(refusal(401, "unauthenticated")).encode()) + frame(0x8, b"\x03\xe8")
        for _ in range(10):
            with WsServer(ws_server.accept_with(early)) as server:
                session = driver.open(server.url)
                assert [event.error_code for event in driver.rest(session)] == [401]
                # Open comes first, although the reader may have been quicker.
                assert [payload.type for payload in driver.log(session)] == ["open", "error", "close"]
                driver.call(session.close)


class TestSessionEvents:
    def test_are_told_to_all_who_listen_and_to_handlers(self, driver: Driver) -> None:
        seen: list[Any] = []
        with WsServer(started, answer_the_end(HELLO)) as server:
            session = driver.session(server.url)
            session.on("open", seen.append)

            @session.on("finished")
            def finished(payload: Any) -> None:
                seen.append(payload)

            assert callable(finished)
            session.on("close", seen.append)
            session.on("error", seen.append)
            driver.call(session.enter)
            driver.call(session.close)
            for payloads in (seen, driver.log(session), driver.log(session)):
                assert [payload.type for payload in payloads] == ["open", "finished", "close"]
            assert seen[1].event.finished
            assert (seen[2].code, seen[2].reason) == (1000, "")

    def test_a_handler_that_fails_is_logged_and_harms_nothing(
        self, driver: Driver, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(_: object) -> None:
            raise KeyError("mine")

        with WsServer(started, answer_the_end(HELLO)) as server:
            session = driver.session(server.url)
            for event_type in ("open", "finished", "close"):
                session.on(event_type, fail)
            driver.call(session.enter)
            driver.call(session.close)
            assert texts(driver.rest(session)) == ["hello", ""]
        assert caplog.text.count("KeyError: 'mine'") == 3

    def test_there_are_no_others(self, driver: Driver) -> None:
        with pytest.raises(SonioxValidationError, match="must be one of"):
            driver.session("ws://localhost/x").on("opened", print)

    def test_a_sync_handler_may_close_the_session(self) -> None:
        with WsServer(started, message(FINISHED)) as server:
            session = RealtimeSTTSession(server.url, CONFIG, KEY, close_timeout_sec=60)
            session.on("finished", lambda _: session.close())
            began = time.monotonic()
            session.enter()
            assert [payload.type for payload in session.session_events()] == ["open", "finished", "close"]
            assert time.monotonic() - began < 30
            session.close()


class TestClose:
    def test_gives_up_after_its_timeout_and_says_so(self, driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
        with WsServer(ws_server.accept_with(frame(0x1, json.dumps(HELLO).encode()))) as server:
            session = driver.open(server.url, close_timeout_sec=0.2)
            began = time.monotonic()
            driver.call(session.close)
            assert 0.2 <= time.monotonic() - began < 30
            assert not session.finished
            assert "the service did not finish in time" in caplog.text
            assert texts(driver.rest(session)) == ["hello"]
            caplog.clear()
            driver.call(session.close)
            assert caplog.text == ""

    def test_is_bounded_while_the_server_takes_nothing(self, driver: Driver) -> None:
        with WsServer(started, ws_server.hold, receive_buffer=4096) as server:
            session = driver.open(server.url, close_timeout_sec=0.3)
            sending = send_until_it_blocks(driver, session)
            began = time.monotonic()
            driver.call(session.close)
            assert time.monotonic() - began < 15
            for future in sending:
                assert isinstance(future.exception(PATIENCE_SEC), SonioxRealtimeError)
            assert session.state == "closed"

    @pytest.mark.parametrize("method", ["close", "cancel"])
    def test_ends_a_receive_and_a_send_that_block(self, driver: Driver, method: str, tls: Tls) -> None:
        before = open_descriptors()
        for server_tls in (None, tls.server):
            with WsServer(started, ws_server.hold, tls=server_tls, receive_buffer=4096) as server:
                session = driver.open(server.url, close_timeout_sec=0.2, ssl_context=tls.client)
                receiving = driver.start(session.receive_event)
                sending = send_until_it_blocks(driver, session)
                began = time.monotonic()
                driver.call(getattr(session, method))
                assert time.monotonic() - began < 15
                errors = [future.exception(PATIENCE_SEC) for future in sending]
                assert {isinstance(error, SonioxRealtimeError) for error in errors} == {True}
                if method == "cancel":
                    assert {str(error) for error in errors} <= {
                        "the session was closed, so it is not connected any more"
                    }
                    assert receiving.result(PATIENCE_SEC) is None
                else:
                    # Its last words could not be sent.
                    assert isinstance(receiving.exception(PATIENCE_SEC), SonioxRealtimeTimeoutError)
                assert driver.left_over() == []
        assert open_descriptors() <= before

    def test_a_server_that_finishes_and_does_not_close_is_not_waited_for(self, driver: Driver) -> None:
        steps = (started, until("text", ""), message(HELLO), message(FINISHED), ws_server.mute)
        with WsServer(*steps) as server:
            session = driver.open(server.url, close_timeout_sec=60)
            driver.call(session.finish)
            began = time.monotonic()
            assert texts(driver.rest(session)) == ["hello", ""]
            driver.call(session.close)
            assert time.monotonic() - began < 30
            other = driver.open(server.url, close_timeout_sec=60)
            driver.call(other.close)
            assert other.finished
            assert texts(driver.rest(other)) == ["hello", ""]
            assert time.monotonic() - began < 50

    def test_by_many_at_once(self, driver: Driver) -> None:
        with WsServer(started, answer_the_end(HELLO)) as server:
            session = driver.open(server.url)
            for closing in [driver.start(session.close) for _ in range(10)]:
                closing.result(PATIENCE_SEC)
            assert session.finished
            assert server.peer.texts().count("") == 1

    def test_while_another_thread_sends_puts_nothing_after_the_end_of_audio(self, driver: Driver) -> None:
        for _ in range(10):
            with WsServer(started, answer_the_end(HELLO)) as server:
                session = driver.open(server.url)
                sending = driver.send_until_it_fails(session, bytes(10))
                server.wait_until(lambda s: s.peer.audio())
                driver.call(session.close)
                with pytest.raises(SonioxRealtimeError):
                    sending.result(PATIENCE_SEC)
                assert session.finished
                kinds = [item for item in server.peer.received if item[0] != "close"]
                assert kinds[-1] == ("text", "")

    def test_cancel_is_at_once_although_the_queue_is_full(self, driver: Driver) -> None:
        with WsServer(started, *[message(HELLO)] * 50) as server:
            connections = new_connections()
            session = driver.open(server.url, max_queued_messages=2)
            wait_until(lambda: any(len(connection.messages) >= 2 for connection in connections.all()))
            began = time.monotonic()
            driver.call(session.cancel)
            assert time.monotonic() - began < 15
            assert driver.left_over() == []

    def test_while_it_is_being_opened(self, driver: Driver) -> None:
        reached = threading.Event()
        with WsServer(ws_server.tell(reached), ws_server.hold) as server:
            session = driver.session(server.url, connect_timeout_sec=60)
            entering = driver.start(session.enter)
            assert reached.wait(PATIENCE_SEC)
            began = time.monotonic()
            driver.call(session.close)
            assert time.monotonic() - began < 30
            with pytest.raises(SonioxRealtimeError):
                entering.result(PATIENCE_SEC)
            assert session.state == "closed"

    def test_a_session_that_broke_unnoticed_is_logged(self, driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
        with WsServer(started, ws_server.reset) as server:
            session = driver.open(server.url)
            driver.log(session)
            driver.call(session.close)
            assert "the connection broke" in caplog.text

    @pytest.mark.parametrize("step", ["tick", "read"])
    @pytest.mark.slow
    def test_an_exception_in_the_reader_is_the_reason_of_all_later_errors(
        self, driver: Driver, monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        def die(*_: object, **__: object) -> float:
            raise MemoryError("no more")

        monkeypatch.setattr(nonblocking, "MAX_TICK_SEC", 0.1)
        with WsServer(started) as server:
            session = driver.open(server.url)
            receiving = driver.start(session.receive_event)
            driver.call(session.pause)
            monkeypatch.setattr(the_websocket(), step, die)
            # Wakes what reads, unless the keepalive's clock has ended the session already.
            with contextlib.suppress(ws_server.HungUpError):
                server.peer.send(frame(0x9, b""))
            with pytest.raises(SonioxRealtimeError, match="MemoryError: no more"):
                receiving.result(PATIENCE_SEC)
            with pytest.raises(SonioxRealtimeError, match="MemoryError: no more"):
                driver.call(session.keep_alive)


def send_until_it_blocks(driver: Driver, session: Any) -> list[Any]:
    """Several who send, until the kernel takes nothing: now and then it finds room for a little more."""
    websocket = the_websocket()
    sending = [driver.send_until_it_fails(session, bytes(60_000)) for _ in range(8)]
    last = [-1, 0]

    def is_stuck() -> bool:
        sent = websocket.bytes_sent
        last[1] = last[1] + 1 if sent == last[0] and websocket.bytes_queued - sent > 400_000 else 0
        last[0] = sent
        return last[1] > 20

    wait_until(is_stuck)
    return sending


class TestTheLine:
    def test_server_pings_are_answered_without_a_receiving_call(self, driver: Driver) -> None:
        with WsServer(started, ws_server.raw(frame(0x9, b"there?")), until("pong", b"there?"), hang_later) as server:
            session = driver.open(server.url)
            server.wait_until(lambda s: ("pong", b"there?") in s.peer.received)
            driver.call(session.cancel)

    def test_a_line_that_answers_pings_is_not_given_up(self, driver: Driver) -> None:
        with WsServer(started) as server:
            session = driver.open(server.url, ping_interval_sec=0.05, ping_timeout_sec=1.0)
            server.wait_until(lambda s: len([kind for kind, _ in s.peer.received if kind == "ping"]) >= 25)
            assert session.state == "open"
            driver.call(session.cancel)

    def test_without_a_timeout_pings_are_sent_and_not_waited_for(self, driver: Driver) -> None:
        with WsServer(started, ws_server.mute) as server:
            session = driver.open(server.url, ping_interval_sec=0.02, ping_timeout_sec=None)
            with pytest.raises(SonioxRealtimeTimeoutError, match="no message"):
                driver.call(session.receive_event, timeout_sec=0.3)
            driver.call(session.keep_alive)
            driver.call(session.cancel)

    def test_a_queue_that_is_full_makes_the_server_wait_and_loses_nothing(self, driver: Driver) -> None:
        number_of_messages = 3000
        body = {**HELLO, "tokens": [{"text": "x" * 5000, "is_final": True}]}
        sent: list[int] = []

        def flood(peer: Any) -> None:
            for number in range(number_of_messages):
                message({**body, "total_audio_proc_ms": number})(peer)
                sent.append(number)
            peer.send(frame(0x9, b"after"))

        with WsServer(started, flood) as server:
            connections = new_connections()
            session = driver.open(server.url, max_queued_messages=10, ping_interval_sec=0.05, ping_timeout_sec=1.0)
            last = [-1, 0]

            def is_stuck() -> bool:
                last[1] = last[1] + 1 if last[0] == len(sent) and sent else 0
                last[0] = len(sent)
                return last[1] > 50

            wait_until(is_stuck)
            # As long as a line that is dead would be open.
            time.sleep(1.1)
            # A read may bring some more than the limit; the rest is with the kernel and the server.
            assert len(sent) < number_of_messages
            assert 10 <= max(len(connection.messages) for connection in connections.all()) < 10 + 64
            # What is not read yet may be the answer to a ping.
            assert session.state == "open"
            events = [driver.call(session.receive_event) for _ in range(number_of_messages)]
            assert [event.total_audio_proc_ms for event in events] == list(range(number_of_messages))
            server.wait_until(lambda s: ("pong", b"after") in s.peer.received)
            driver.call(session.cancel)


def hang_later(peer: Any) -> None:
    """Reads on."""
    ws_server.read_to_end(peer)


class TestTheKey:
    @pytest.mark.parametrize("source", ["argument", "config", "environment"])
    def test_comes_from_argument_config_or_environment_and_travels_in_the_handshake(
        self, driver: Driver, source: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SONIOX_API_KEY", KEY if source == "environment" else "other")
        config = RealtimeSTTConfig(**CONFIG, api_key={"config": KEY, "argument": "other"}.get(source))
        with WsServer(started, answer_the_end(HELLO)) as server:
            session = driver.open(server.url, config=config, api_key=KEY if source == "argument" else None)
            driver.call(session.close)
            assert server.peer.headers["authorization"] == f"Bearer {KEY}"
            assert server.peer.head.count(KEY.encode()) == 1
            assert "origin" not in server.peer.headers
            assert "sec-websocket-extensions" not in server.peer.headers
            assert server.peer.headers["user-agent"].startswith("soniox-lite/")
            assert KEY not in str(server.peer.texts())
            assert "other" not in str(server.peer.texts())

    def test_missing(self, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("SONIOX_API_KEY", raising=False)
        with pytest.raises(SonioxValidationError, match="no API key"):
            driver.session("ws://localhost/x", api_key=None)

    def test_a_client_gives_its_own_and_takes_another(self, driver: Driver) -> None:
        with WsServer(started) as server:
            client: Any
            if driver.kind == "sync":
                client = SonioxClient(KEY, websocket_base_url=server.url)
            else:
                client = AsyncSonioxClient(KEY, websocket_base_url=server.url)
            temporary = "snx_temp_0123456789-abcdefghij"
            for options in ({}, {"api_key": temporary}, {"config": {**CONFIG, "api_key": temporary}}):
                session = client.realtime.stt.connect(**{"config": CONFIG, **options})
                driver.call(session.enter)
                driver.call(session.cancel)
            sent = [peer.headers["authorization"] for peer in server.peers]
            assert sent == [f"Bearer {KEY}", f"Bearer {temporary}", f"Bearer {temporary}"]
            driver.call(client.close if driver.kind == "sync" else client.aclose)

    def test_is_nowhere_when_the_service_repeats_it(self, driver: Driver) -> None:
        answer = {**refusal(400, "invalid_request"), "error_message": f"{KEY!r} is no model"}
        with WsServer(started, message(answer), ws_server.close(1008, f"bad {KEY}")) as server:
            session = driver.open(server.url)
            event = driver.call(session.receive_event)
            assert event.error_message == "'***' is no model"
            with pytest.raises(SonioxRealtimeError, match="is no model") as caught:
                driver.call(session.send_byte_chunk, b"x")
            assert driver.rest(session) == []
            assert session.close_reason == "bad ***"
            for text in (repr(event), repr(session.last_message), str(caught.value), repr(session)):
                assert "SECRET" not in text
        with WsServer(started, message(answer)) as server:
            session = driver.open(server.url)
            assert "SECRET" not in driver.call(session.recv_bytes).decode()
            driver.call(session.close)


class TestArguments:
    @each_row(
        "url",
        ["", "http://host/x", "ws://", "ws://host:0/", "ws://host:port/", "ws://a b/", "ws://u:p@host/", "ws://h/#x", 5,
         "ws://host/\r\nX: y"],
    )  # fmt: skip
    def test_urls_that_are_none(self, url: Any) -> None:
        with pytest.raises(SonioxValidationError, match="url must"):
            RealtimeSTTSession(url, CONFIG, KEY)

    @each_row(
        ("name", "value"),
        [("connect_timeout_sec", 0), ("connect_timeout_sec", None), ("send_timeout_sec", -1), ("close_timeout_sec", -1),
         ("ping_interval_sec", 0), ("ping_timeout_sec", "1"), ("max_queued_messages", 1), ("max_message_bytes", 10),
         ("close_timeout_sec", None)],
    )  # fmt: skip
    def test_options_that_cannot_be_used(self, name: str, value: Any) -> None:
        for kind in (RealtimeSTTSession, AsyncRealtimeSTTSession):
            with pytest.raises(SonioxValidationError, match=name):
                kind("ws://localhost/x", CONFIG, KEY, **{name: value})

    def test_config_may_be_a_dict_and_is_checked(self) -> None:
        assert RealtimeSTTSession("ws://localhost/x", CONFIG, KEY).config == RealtimeSTTConfig(**CONFIG)
        with pytest.raises(SonioxValidationError):
            RealtimeSTTSession("ws://localhost/x", {"model": ""}, KEY)
        with pytest.raises(SonioxValidationError, match="config must be"):
            RealtimeSTTSession("ws://localhost/x", "stt-rt-v5", KEY)  # type: ignore[arg-type]


@each_row("action", ["keep_alive", "finalize"])
def test_what_another_thread_ends_meanwhile_needs_nothing_more(action: str, monkeypatch: pytest.MonkeyPatch) -> None:
    send_nowait, driver = _connection.Connection.send_nowait, Driver()

    def sent_later(connection: Any, make: Any, *args: Any) -> Any:
        # The thread stands still between its look at the session and its message.
        if make.__name__ == action:
            session.finish()
        return send_nowait(connection, make, *args)

    with WsServer(started, answer_the_end()) as server:
        session = driver.open(server.url)
        with monkeypatch.context() as patch:
            patch.setattr(_connection.Connection, "send_nowait", sent_later)
            getattr(session, action)()
        driver.call(session.close)
        assert session.finished
        assert server.peer.texts()[1:] == [""]


@each_row("told", [None, {"error_code": 400, "error_type": "invalid_request", "error_message": "No such model."}])
def test_a_connection_that_is_gone_when_the_stream_is_started_says_why(driver: Driver, told: Any) -> None:
    gone = threading.Event()

    def vanish(peer: Any) -> None:
        peer.accept()
        if told is not None:
            message(told)(peer)
        peer.reset()
        gone.set()
        raise HungUpError

    with WsServer(vanish) as server:
        session = driver.session(server.url)
        session.on("open", lambda _: gone.wait(PATIENCE_SEC) and None)
        if told is None:
            with pytest.raises(SonioxRealtimeError, match="the connection broke"):
                driver.call(session.enter)
        else:
            driver.call(session.enter)
            assert [event.error_code for event in driver.rest(session)] == [400]
        driver.call(session.close)
        assert session.state == "closed"


def test_a_handler_that_ends_the_program_when_the_session_opens_leaves_nothing(driver: Driver) -> None:
    class LeaveError(BaseException): ...

    def leave(_: object) -> None:
        raise LeaveError

    with WsServer(accept) as server:
        session = driver.session(server.url)
        session.on("open", leave)
        with pytest.raises(LeaveError):
            driver.call(session.enter)
        assert session.state == "closed"
        server.wait_until(lambda server: server.peer.hung_up.is_set())
        assert server.peer.texts() == []


def test_a_thread_that_cannot_be_started_is_told(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    before = open_descriptors()
    real = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name.startswith("soniox-lite"):
            raise RuntimeError("can't start new thread")
        real(thread)

    module = _connection if driver.kind == "sync" else _async_connection
    monkeypatch.setattr(module.threading.Thread, "start", start)
    with WsServer(accept) as server:
        session = driver.session(server.url)
        with pytest.raises(SonioxRealtimeError, match="can't start new thread"):
            driver.call(session.enter)
        driver.call(session.close)
        assert session.state == "closed"
    assert open_descriptors() <= before


def test_asyncio_is_not_needed_by_sync_sessions() -> None:
    assert not hasattr(_connection, "asyncio")
    assert _async_connection.asyncio is asyncio


@each_row("value", ["stop", "", 5, None])
def test_a_control_that_does_not_exist_is_refused(value: Any) -> None:
    with WsServer(started) as server:
        driver = Driver()
        session = driver.open(server.url)
        with pytest.raises(SonioxValidationError, match="control_type must be one of 'finish', 'keep_alive', "):
            session.send_control_message(value)
        session.cancel()


def test_a_session_may_be_entered_under_the_official_name(driver: Driver) -> None:
    with WsServer(started) as server:
        session = driver.session(server.url)
        assert driver.call(session.aenter) is session
        assert session.state == "open"
        driver.call(session.cancel)
