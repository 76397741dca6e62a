"""What goes wrong with a connection is told to each of its streams, in time; of a stream, to it alone."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from soniox_lite import SonioxRealtimeError, SonioxRealtimeTimeoutError
from soniox_lite._websocket import threads as _connection
from tests.support import ws_server
from tests.support.tables import each_row
from tests.support.ws_server import WsServer, accept, frame

from .driver import PATIENCE_SEC, Driver, open_descriptors
from .faults import FAULTS, OPENING_FAULTS, OPTIONS, PINGS, Fault, OpeningFault
from .speech import audio, opened, refusal, say, terminated
from .test_faults import DEADLINE_SEC, TLS_FAULTS, _address_of, check, name_of

if TYPE_CHECKING:
    from .conftest import Tls

ACTIVITIES = ("sending", "receiving", "idle", "closing")
# The connection is that of speech-to-text sessions, which are tested with all of them; and filling the kernel's
# buffers takes more text than streams have.
LEFT_OUT = re.compile(r"does not read, and|: 40[238] |with code (100[2-9]|101[02-5]|4999)")
TRIED = [fault for fault in FAULTS if not LEFT_OUT.search(fault.name)]


def options_of(fault: Fault) -> dict[str, Any]:
    """The set-up of a connection that goes through a fault."""
    return {name: value for name, value in {**OPTIONS, **fault.options}.items() if name != "close_timeout_sec"}


def keep_sending(tts: Driver, stream: Any) -> Any:
    """Sends what costs no text, without end."""

    def send() -> None:
        while True:
            stream.send_text_chunk("")

    async def send_async() -> None:
        while True:
            await stream.send_text_chunk("")
            await asyncio.sleep(0)  # As the driver's: sending alone never yields.

    return tts.start(send if tts.kind == "sync" else send_async)


def run(tts: Driver, fault: Fault, activity: str, tls: Tls | None) -> None:
    """Puts a connection with two streams through a fault."""
    before = open_descriptors()
    go = threading.Event()
    context = {} if tls is None else {"ssl_context": tls.client}
    steps = (opened(2), ws_server.wait(go), *fault.steps)
    with WsServer(*steps, tls=tls.server if tls else None, receive_buffer=4096) as server:
        connection = tts.multi(server.url, **options_of(fault), **context)
        streams = tts.streams(connection, "a", "b")
        began = time.monotonic()
        if activity == "sending":
            sending = [keep_sending(tts, stream) for stream in streams]
            go.set()
            for future in sending:
                check(future.exception(PATIENCE_SEC), fault)
        elif activity == "receiving":
            receiving = [tts.start(stream.receive_event) for stream in streams]
            go.set()
            for future in receiving:
                check(future.exception(PATIENCE_SEC), fault)
        elif activity == "idle":
            go.set()
            for stream in streams:
                with pytest.raises(SonioxRealtimeError) as caught:
                    tts.rest(stream)
                check(caught.value, fault)
            for action in (
                connection.keep_alive, connection.pause, connection.resume, streams[0].finish,
                lambda: connection.open_stream(config={**streams[0].config.to_dict(), "stream_id": "c"}),
            ):  # fmt: skip
                with pytest.raises(SonioxRealtimeError) as caught:
                    tts.call(action)
                check(caught.value, fault)
        else:
            go.set()
        tts.call(connection.close)
        assert connection.state == "closed"
        assert time.monotonic() - began < DEADLINE_SEC
        assert tts.left_over() == []
    assert open_descriptors() <= before


@pytest.mark.parametrize("fault", TRIED, ids=name_of)
@each_row("activity", ACTIVITIES)
def test_a_fault_of_the_connection_is_told_to_each_stream_in_time(tts: Driver, fault: Fault, activity: str) -> None:
    run(tts, fault, activity, None)


def test_the_first_refusal_is_the_reason_and_not_what_follows_from_it(tts: Driver) -> None:
    follow_up = refusal(400, "invalid_stream_state", "a")
    refusals = say(refusal(400, "voice_not_found", "a"), follow_up, follow_up, audio("b", b"two"))
    with WsServer(opened(2), refusals) as server:
        connection = tts.multi(server.url, raise_on_error=False)
        refused, other = tts.streams(connection, "a", "b")
        # Everything before it has arrived.
        assert tts.call(other.receive_event).audio_bytes() == b"two"
        with pytest.raises(SonioxRealtimeError) as caught:
            tts.call(refused.send_text_chunk, "more")
        assert caught.value.error_type == "voice_not_found"
        assert tts.call(refused.receive_event).error_type == "voice_not_found"
        tts.call(connection.close)
        assert tts.call(refused.receive_event) is None


@pytest.mark.parametrize("fault", [fault for fault in TRIED if fault in TLS_FAULTS], ids=name_of)
@each_row("activity", ACTIVITIES)
def test_a_fault_behind_tls_too(tts: Driver, fault: Fault, activity: str, tls: Tls) -> None:
    run(tts, fault, activity, tls)


@pytest.mark.parametrize("fault", OPENING_FAULTS, ids=name_of)
@each_row("multi", [True, False])
def test_a_connection_that_cannot_be_opened_says_why_in_time(
    tts: Driver, fault: OpeningFault, multi: bool, tls: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = open_descriptors()
    released = threading.Event()
    with WsServer(*(fault.steps or ()), tls=tls.server if fault.server_tls else None) as server:
        url = server.url.replace("ws:", "wss:") if fault.client_tls else server.url
        if fault.steps is None:
            url, resolve = _address_of(fault, released)
            monkeypatch.setattr(socket, "getaddrinfo", resolve)
        timeout = 0.4 if fault.timeout else 60.0
        began = time.monotonic()
        open_one = tts.multi if multi else tts.open
        with pytest.raises(SonioxRealtimeError) as caught:
            open_one(url, connect_timeout_sec=timeout)
        took = time.monotonic() - began
        released.set()
        assert type(caught.value) is fault.error
        assert fault.words in str(caught.value)
        assert {name: getattr(caught.value, name) for name in fault.facts} == fault.facts
        assert took < timeout + DEADLINE_SEC
        assert tts.left_over() == []
    assert open_descriptors() <= before


REFUSED = {"error_code": 408, "error_type": "request_timeout", "request_id": "3f1c"}
# What the service says of stream "a", how it is told, and whether this side has to end the stream.
STREAM_FAULTS = {
    "an error": ((refusal(408, "request_timeout", "a"), terminated("a")), r"No\. \(408, request_timeout\)", False),
    "an error after audio": (
        (audio("a", b"one"), refusal(503, "service_unavailable", "a"), terminated("a")), "503, service_unavailable",
        False,
    ),
    "an error and its end in one": (
        ({**refusal(413, "max_audio_duration_reached", "a"), "terminated": True},), "max_audio_duration_reached", False,
    ),
    "terminated, before the end of the audio": ((audio("a", b"one"), terminated("a")), "before the end", False),
    "terminated with the last audio, but not its end": (
        ({**audio("a", b"one"), "terminated": True},), "before the end", False,
    ),
    "audio that is not base64": (({"stream_id": "a", "audio": "QUJ?"},), "not base64", True),
    "audio that is not a string": (({"stream_id": "a", "audio": 5},), "audio must be a string", True),
    "timestamps of another shape": (({"stream_id": "a", "timestamps": [1]},), "timestamps must be an object", True),
    "an error of another shape": (({"stream_id": "a", "error_code": "no"},), "error_code must be a number", True),
}  # fmt: skip


@pytest.mark.parametrize("name", STREAM_FAULTS)
def test_a_fault_of_a_stream_is_told_to_it_alone(tts: Driver, name: str) -> None:
    messages, words, must_cancel = STREAM_FAULTS[name]
    is_cancel = '{"stream_id":"a","cancel":true}'
    rest = (ws_server.until("text", is_cancel), say(audio("a", b"late"), terminated("a"))) if must_cancel else ()
    # The other stream says its end last, so that nothing of the first one hides behind it.
    end = (ws_server.until("text"), say(audio("b", b"four", audio_end=True), terminated("b")))
    with WsServer(opened(2), say(audio("b", b"three"), *messages), *rest, *end) as server:
        connection = tts.multi(server.url)
        one, other = tts.streams(connection, "a", "b")
        with pytest.raises(SonioxRealtimeError, match=words) as caught:
            tts.audio_of(one)
        for send in (one.finish, lambda: one.send_text_chunk("x")):
            with pytest.raises(SonioxRealtimeError, match="stream is over" if "terminated" in name else words):
                tts.call(send)
        if must_cancel or "terminated" in name:
            # There is nothing that could be received instead.
            with pytest.raises(SonioxRealtimeError, match=words):
                tts.rest(one)
        else:
            assert caught.value.request_id == "3f1c"
            assert all(event.terminated for event in tts.rest(one))
        tts.call(one.cancel)
        tts.call(other.send_text_chunk, "more")
        assert tts.audio_of(other) == [b"three", b"four"]
        tts.call(connection.close)
        assert server.peer.texts().count(is_cancel) == must_cancel


def test_the_audio_before_an_error_is_handed_out(tts: Driver) -> None:
    lost = frame(0x1, b'{"stream_id":"a","audio":"QUJD"}') * 3 + frame(0x3)
    for steps in ((say(*[audio("a", b"ABC")] * 3, refusal(503, "x", "a")),), (ws_server.raw(lost),)):
        with WsServer(opened(1), *steps) as server:
            connection = tts.open(server.url)
            assert [tts.call(connection.receive_event).audio_bytes() for _ in range(3)] == [b"ABC"] * 3
            with pytest.raises(SonioxRealtimeError, match=r"No|kind 3"):
                tts.call(connection.receive_event)
            tts.call(connection.close)


@pytest.mark.parametrize("garbage", [b"...", b"[]", b'{"stream_id":"a","audio":"QUJ'])
def test_what_follows_a_message_that_cannot_be_read_does_not_hide_it(tts: Driver, garbage: bytes) -> None:
    # What is lost may have been audio of either; all of this comes in one read.
    last = [{**audio(name, b"end", audio_end=True), "terminated": True} for name in "ab"]
    messages = [json.dumps(audio("a", b"one")).encode(), garbage, *(json.dumps(message).encode() for message in last)]
    with WsServer(opened(2), ws_server.raw(b"".join(frame(0x1, message) for message in messages))) as server:
        connection = tts.multi(server.url)
        one, other = tts.streams(connection, "a", "b")
        assert tts.call(one.receive_event).audio_bytes() == b"one"
        for stream in (one, other):
            with pytest.raises(SonioxRealtimeError, match=r"not JSON|no JSON object"):
                tts.call(stream.receive_event)
        with pytest.raises(SonioxRealtimeError, match=r"not JSON|no JSON object"):
            tts.streams(connection, "c")
        tts.call(connection.close)


@pytest.mark.parametrize("where", ["connection", "call"])
def test_errors_of_the_service_can_be_events(tts: Driver, where: str) -> None:
    with WsServer(opened(2), say(refusal(408, "request_timeout", "a"), terminated("a"), refusal(503, "x"))) as server:
        connection = tts.multi(server.url, raise_on_error=where == "call")
        one, other = tts.streams(connection, "a", "b")
        options = {"raise_on_error": False} if where == "call" else {}
        events = tts.rest(one, **options)
        assert [(event.error_code, event.terminated) for event in events] == [(408, False), (None, True)]
        # Audio alone has no place for an error, so that it is raised anyway.
        with pytest.raises(SonioxRealtimeError, match="503"):
            tts.audio_of(other)
        tts.call(connection.close)


def test_an_error_right_after_the_handshake_is_raised_by_the_receiving_call(tts: Driver) -> None:
    early = frame(0x1, b'{"error_code":401,"error_message":"No.","error_type":"unauthenticated"}')
    early += frame(0x8, b"\x03\xe8")
    for _ in range(20):
        with WsServer(ws_server.accept_with(early)) as server:
            connection = tts.open(server.url)
            with pytest.raises(SonioxRealtimeError, match=r"No\. \(401, unauthenticated\)"):
                tts.rest(connection)
            with pytest.raises(SonioxRealtimeError, match=r"No\. \(401, unauthenticated\)"):
                tts.call(connection.send_text_chunks, "x")
            tts.call(connection.close)
        with WsServer(ws_server.accept_with(early)) as server:
            connection = tts.multi(server.url)
            with pytest.raises(SonioxRealtimeError, match=r"No\. \(401, unauthenticated\)"):
                _open_until_it_fails(tts, connection)
            tts.call(connection.close)


def _open_until_it_fails(tts: Driver, connection: Any) -> None:
    """The refusal arrives while the first stream is opened, or is what it receives."""
    (stream,) = tts.streams(connection, "a")
    tts.rest(stream)


def test_a_line_that_is_half_open_is_noticed_while_all_streams_are_silent(tts: Driver) -> None:
    with WsServer(accept, ws_server.hold) as server:
        connection = tts.multi(server.url, **PINGS)
        streams = tts.streams(connection, "a", "b", "c")
        waiting = [tts.start(stream.receive_event) for stream in streams]
        for future in waiting:
            assert isinstance(future.exception(PATIENCE_SEC), SonioxRealtimeTimeoutError)
        tts.call(connection.close)


def test_a_thread_that_cannot_be_started_is_told(tts: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    before = open_descriptors()
    real = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name.startswith("soniox-lite"):
            raise RuntimeError("can't start new thread")
        real(thread)

    monkeypatch.setattr(_connection.threading.Thread, "start", start)
    with WsServer(accept) as server:
        for open_one in (tts.open, tts.multi):
            with pytest.raises(SonioxRealtimeError, match="can't start new thread"):
                open_one(server.url)
    assert open_descriptors() <= before
