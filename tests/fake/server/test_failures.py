"""What fails inside the fake, or hangs: told with all that is known of it, by the stop of the fake it belongs to."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
import websocket

from soniox_lite import SonioxClient
from soniox_testing import FakeSoniox, FakeSonioxError, SharedListener, server
from soniox_testing.script import failures
from tests.fake.tts_client import TtsClient

HEADER = ["Authorization: Bearer k"]
START = json.dumps({"model": "stt-rt-v5", "audio_format": "auto"})
# Of 1.5 seconds for all threads together; for one after the other it would be 15.
MOST_SEC = 12.0


@pytest.fixture(params=[False, True], ids=["its own port", "a shared port"])
def broken(request: pytest.FixtureRequest) -> Any:
    """Makes fakes, and breaks a function that stands in front of their API."""
    with SharedListener() as listener:

        def make(monkeypatch: pytest.MonkeyPatch, **options: Any) -> FakeSoniox:
            if request.param:
                options |= {"listener": listener, "name": "test_of_mine"}

            def fail(operation: Any) -> None:
                raise ZeroDivisionError("in front of the API")

            fake = FakeSoniox(**options).start()
            monkeypatch.setattr(fake.faults, "take_for_request", fail)
            monkeypatch.setattr(fake.faults, "take_for_upgrade", fail)
            return fake

        yield make


def test_a_failure_in_front_of_the_api_is_answered_and_told_with_its_request(
    broken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = broken(monkeypatch)
    address = urlsplit(fake.url)
    with contextlib.closing(http.client.HTTPConnection(address.hostname, address.port, timeout=60)) as connection:
        connection.request("GET", f"{address.path}/v1/files/%C4%80")
        answer = connection.getresponse()
        assert (answer.status, json.load(answer)["error_type"]) == (500, "internal_error")
    with pytest.raises(FakeSonioxError, match="while answering GET /v1/files/Ā") as caught:
        fake.stop()
    text = str(caught.value)
    assert "in fail\n" in text
    assert "ZeroDivisionError: in front of the API" in text
    assert address.path == "" or text.startswith("the fake server of test_of_mine failed 1 time(s)")


def test_a_failure_of_a_websocket_is_told_with_its_request(broken: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = broken(monkeypatch)
    with pytest.raises((websocket.WebSocketException, ConnectionError)):
        websocket.create_connection(fake.stt_websocket_url, timeout=60, header=HEADER)
    with pytest.raises(FakeSonioxError, match="while answering GET /transcribe-websocket"):
        fake.stop()


def test_a_failure_of_the_port_is_charged_to_the_fake_that_runs_and_to_no_later_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with SharedListener() as listener:
        fake = FakeSoniox(listener=listener).start()
        address = urlsplit(fake.url)

        def no_thread(self: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", no_thread)
            with socket.create_connection((address.hostname or "", address.port or 0), timeout=60) as line:
                assert line.recv(1) == b""
        with pytest.raises(FakeSonioxError, match=r"while accepting a connection(.|\n)*can't start new thread"):
            fake.stop()
        with FakeSoniox(listener=listener) as later, SonioxClient("k", api_base_url=later.api_base_url) as client:
            assert client.files.list().files == []


def test_all_failures_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def rule(job: Any) -> Any:
        raise LookupError(f"number {job.looks}")

    fake = FakeSoniox(progress=rule).start()
    with SonioxClient("k", api_base_url=fake.api_base_url, max_retries=0) as client:
        job = client.stt.create(audio_url="https://example.com/a.mp3").id
        for _ in range(2):
            with pytest.raises(Exception, match="LookupError"):
                client.stt.get(job)
    with pytest.raises(FakeSonioxError) as caught:
        fake.stop()
    assert len(caught.value.failures) == 2
    told = f"while answering GET /v1/transcriptions/{job}, in {os.environ['PYTEST_CURRENT_TEST'].partition(' ')[0]}:"
    assert str(caught.value).count(told) == 2


# What hangs


def _session(fake: FakeSoniox) -> websocket.WebSocket:
    line = websocket.create_connection(fake.stt_websocket_url, timeout=60, header=HEADER)
    line.send(START)
    line.send_binary(bytes(16_000))
    return line


def _job(fake: FakeSoniox) -> None:
    with SonioxClient("k", api_base_url=fake.api_base_url) as client:
        client.stt.create(file_id=client.files.upload(b"sound", filename="a.wav").id)


def _stopped(fake: FakeSoniox) -> tuple[float, str]:
    """How long the stop took, and what it said."""
    begun = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        for module in (server, failures):
            patch.setattr(module, "PATIENCE_SEC", 1.5)
        with pytest.raises(FakeSonioxError) as caught:
            fake.stop()
    return time.monotonic() - begun, str(caught.value)


@pytest.mark.parametrize("where", ["a job", "a session", "both"])
def test_a_transcriber_that_hangs_delays_the_stop_by_two_seconds_at_most(where: str) -> None:
    called, released = threading.Event(), threading.Event()

    def hang_here(audio: bytes, config: Any) -> str:
        called.set()
        released.wait(60)
        return ""

    fake = FakeSoniox(transcriber=hang_here).start()
    lines = []
    if where != "a session":
        _job(fake)
    if where != "a job":
        lines.append(_session(fake))
        lines[-1].send("")
    assert called.wait(60)
    seconds, text = _stopped(fake)
    released.set()
    for line in lines:
        line.shutdown()
    assert seconds < MOST_SEC
    assert "still runs 1.5 s after the stop" in text
    assert "in hang_here" in text


def test_functions_of_sessions_that_hang_delay_the_stop_by_two_seconds_at_most() -> None:
    released = threading.Event()
    called = threading.Semaphore(0)

    def hang_here(conversation: Any) -> None:
        called.release()
        released.wait(60)

    fake = FakeSoniox().start()
    fake.on_session(hang_here, times=None)
    lines = [_session(fake) for _ in range(10)]
    for _ in lines:
        assert called.acquire(timeout=60)
    seconds, text = _stopped(fake)
    released.set()
    for line in lines:
        line.shutdown()
    assert seconds < MOST_SEC
    assert "the fake server failed 10 time(s)" in text
    assert "fake-soniox-conversation still runs" in text
    assert "in hang_here" in text


# Open connections, on platforms where shutting a socket down wakes no thread


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("shared", [False, True], ids=["its own port", "a shared port"])
def test_the_stop_needs_no_longer_for_connections_that_are_open(
    shared: bool, tls: bool, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = SharedListener(tls=tls).start() if shared else None
    fake = FakeSoniox(listener=listener) if listener else FakeSoniox(tls=tls)
    fake.start()
    address = urlsplit(fake.url)
    options = {"sslopt": {"context": fake.ssl_context()}} if tls else {}
    silent = socket.create_connection((address.hostname or "", address.port or 0), timeout=60)  # not even a handshake
    streams = [
        websocket.create_connection(url, timeout=60, header=HEADER, **options)
        for url in (fake.stt_websocket_url, fake.tts_websocket_url)
    ]
    streams[0].send(START)
    deaf = websocket.create_connection(fake.tts_websocket_url, timeout=60, header=HEADER, **options)
    for number in range(5):
        begin = {"stream_id": str(number), "model": "tts-rt-v2", "language": "en", "voice": "Adrian"}
        deaf.send(json.dumps({**begin, "audio_format": "pcm_s16le", "sample_rate": 48_000}))
        deaf.send(json.dumps({"stream_id": str(number), "text": "Words without end. " * 150, "text_end": True}))
    monkeypatch.setattr(socket.socket, "shutdown", lambda self, how: None)
    begun = time.monotonic()
    fake.stop()
    if listener:
        listener.stop()
    seconds = time.monotonic() - begun
    for line in (*streams, deaf):
        line.sock.close()
    silent.close()
    assert seconds < 30
    assert [session.ended for session in fake.sessions] == ["stopped"]


def test_a_webhook_that_is_not_answered_does_not_delay_the_stop(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        fake = FakeSoniox(webhook_timeout_sec=60).start()
        connect(server=fake).create(webhook_url=f"http://127.0.0.1:{receiver.getsockname()[1]}/")
        receiver.settimeout(60)
        line, _ = receiver.accept()
        with line:
            line.settimeout(60)
            assert line.recv(100)
            monkeypatch.setattr(socket.socket, "shutdown", lambda self, how: None)
            begun = time.monotonic()
            fake.stop()
            assert time.monotonic() - begun < 30
    assert fake.webhooks[0].attempts[0].error == "broken off: the server was stopped"


def test_what_is_sent_is_let_go_of_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where objects that are not used any more live on until garbage is collected: a view keeps its buffer fixed."""
    kept = []
    plain = socket.socket.send

    def keep(self: socket.socket, data: Any, *flags: int) -> int:
        kept.append(data)
        return plain(self, data, *flags)

    with FakeSoniox() as fake:
        client = TtsClient(fake)
        monkeypatch.setattr(socket.socket, "send", keep)
        messages = client.start().say("A few words, some more, and then the end.").stream()
        monkeypatch.undo()
        client.close()
    assert messages[-1]["terminated"]
    assert any(isinstance(data, memoryview) for data in kept)
