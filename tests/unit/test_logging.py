"""What the package logs: under its own name, with request ids, and nothing of its user's."""

from __future__ import annotations

import logging
import re
import threading
from typing import TYPE_CHECKING, Any

import pytest

from soniox_lite import RetryPolicy, SonioxClient, SonioxError
from soniox_testing import FakeSoniox, Hearing, Recording

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "sk-0123456789-SECRET-abcdefghij"
TALK = Recording.conversation(5, seed=3, sample_rate=2000)
STT = {"model": "stt-rt-v5", **TALK.config}
TTS = {
    "stream_id": "a", "model": "tts-rt-v2", "language": "en", "voice": "Adrian", "audio_format": "pcm_s16le",
    "sample_rate": 8000,
}  # fmt: skip
TEXT = "Peculiar words that are spoken aloud."
QUICK = {"backoff_sec": 0.01, "max_backoff_sec": 0.01, "max_replay_speed": None}


@pytest.fixture
def fake() -> Iterator[FakeSoniox]:
    with FakeSoniox(api_keys=[KEY]) as running:
        yield running


@pytest.fixture
def client(fake: FakeSoniox, caplog: pytest.LogCaptureFixture) -> Iterator[SonioxClient]:
    """A client whose log is captured in full; what no line may hold is a failure."""
    caplog.set_level(logging.DEBUG, logger="soniox_lite")
    with SonioxClient(
        KEY,
        api_base_url=fake.api_base_url,
        websocket_base_url=fake.stt_websocket_url,
        tts_websocket_base_url=fake.tts_websocket_url,
        retry=RetryPolicy(max_retries=1, backoff_sec=0.01),
    ) as made:
        yield made
    logged = [record for record in caplog.get_records("call") if record.name.startswith("soniox_lite")]
    assert {record.name for record in logged} == {"soniox_lite"}
    text = "\n".join(record.getMessage() for record in logged)
    for secret in (KEY, "Peculiar", "?limit", *re.findall(r"\w{4,}", TALK.text)):
        assert secret not in text


def lines(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    """What was logged at a level, with times as T, ids as ID, and the host left out."""
    found = [record.getMessage() for record in caplog.records if record.levelno == level]
    found = [re.sub(r"\b\d+\.\d{3} s", "T", line) for line in found]
    found = [re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", line) for line in found]
    return [re.sub(r"(https?|wss?)://[^/]+(/\w+)*?(?=/v1|/files|/tts-web|/transcribe-web)", "", line) for line in found]


def test_each_attempt_of_a_request_is_a_line_for_debugging(
    client: SonioxClient, fake: FakeSoniox, caplog: pytest.LogCaptureFixture
) -> None:
    client.files.list(limit=5)
    with pytest.raises(SonioxError):
        client.files.get("11111111-1111-4111-8111-111111111111")
    fake.faults.answer(503, times=1)
    client.files.list()
    fake.faults.reset()
    with pytest.raises(SonioxError):
        client.files.list()
    assert lines(caplog, logging.DEBUG) == [
        "GET /v1/files: 200 after T",
        "GET /v1/files/ID: 404 file_not_found after T, request id ID",
        "GET /v1/files: 503 service_unavailable after T, request id ID",
        "GET /v1/files: 200 after T",
        "GET /v1/files: no response: SonioxConnectionError",
        "GET /v1/files: no response: SonioxConnectionError",
    ]
    assert lines(caplog, logging.INFO) == ["GET /v1/files: attempt 2 follows in T"] * 2


def test_a_session_has_a_line_for_its_beginning_its_end_and_errors_of_the_service(
    client: SonioxClient, fake: FakeSoniox, caplog: pytest.LogCaptureFixture
) -> None:
    fake.add_recording(TALK, Hearing.exact(seed=1))
    fake.faults.error("service_unavailable", operation="stt", after_audio_ms=2000, times=1)
    with client.realtime.stt.connect(config=STT) as session:
        session.send_byte_chunk(b"".join(TALK.chunks(500)))
        assert [event.error_code for event in session.receive_events()][-1] == 503
    fake.faults.refuse(503, times=1)
    with pytest.raises(SonioxError):
        client.realtime.stt.connect(config=STT).enter()
    path = "/transcribe-websocket"
    assert lines(caplog, logging.INFO) == [
        f"{path}: connected after T",
        f"{path}: the service reports an error: 503, service_unavailable, request id ID",
        f"{path}: ended after T with code 1000",
        f"{path}: not connected after T: SonioxRealtimeError",
    ]


def test_breaks_of_a_session_are_logged_and_losses_are_warnings(
    client: SonioxClient, fake: FakeSoniox, caplog: pytest.LogCaptureFixture
) -> None:
    fake.add_recording(TALK, Hearing.exact(seed=1))
    fake.faults.drop(how="eof", operation="stt", after_audio_ms=2000, times=1)
    with client.realtime.stt.connect(config=STT, resume=QUICK) as session:
        session.send_bytes(list(TALK.chunks(500)))
        assert len(list(session.receive_events())) > 5
    path = "/transcribe-websocket"
    assert lines(caplog, logging.INFO) == [
        f"{path}: connected after T",
        f"{path}: connection lost (close code 1006); attempt 1 in T",
        f"{path}: ended after T with code 1006",
        f"{path}: connected after T",
        f"{path}: resumed after T, by attempt 1",
        f"{path}: ended after T with code 1000",
    ]
    assert lines(caplog, logging.WARNING) == []
    fake.faults.error("invalid_request", operation="stt", after_audio_ms=2000, times=1)
    with client.realtime.stt.connect(config=STT, resume=QUICK) as session:
        session.send_byte_chunk(b"".join(TALK.chunks(500)))
        assert any(event.error_code == 400 for event in session.receive_events())
    assert [re.sub(r"\d+", "N", line) for line in lines(caplog, logging.WARNING)] == [
        f"{path}: N to N ms of audio are lost (refused)"
    ]


def test_speech_that_is_cut_off_is_a_warning(
    client: SonioxClient, fake: FakeSoniox, caplog: pytest.LogCaptureFixture
) -> None:
    def speak(**fault: Any) -> None:
        fake.faults.drop(how="close:1011", operation="tts", times=1, **fault)
        is_told = threading.Event()
        with client.realtime.tts.connect(config=TTS, resume=QUICK) as stream:
            stream.on("resumed", lambda _: is_told.set())
            stream.send_text_chunk(TEXT, text_end=True)
            assert b"".join(stream.receive_audio_chunks())
            assert is_told.wait(60)

    speak(after_texts=1)
    path = "/tts-websocket"
    assert lines(caplog, logging.INFO)[1:-1] == [
        f"{path}: connection lost (close code 1011); attempt 1 in T",
        f"{path}: ended after T with code 1011",
        f"{path}: connected after T",
        f"{path}: resumed after T, by attempt 1",
    ]
    with pytest.raises(SonioxError):
        speak(after_frames=2)
    assert lines(caplog, logging.WARNING) == [
        f"{path}: a stream was cut off after 16000 bytes of audio (spoken; close code 1011)"
    ]
    fake.faults.error("invalid_request", operation="tts", times=1)
    with client.realtime.tts.connect(config=TTS, raise_on_error=False) as stream:
        assert next(stream.receive_events()).error_code == 400
    assert f"{path}: the service reports an error: 400, invalid_request, request id ID" in lines(caplog, logging.INFO)
