"""Sessions that write what they send and receive to a file."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from soniox_lite import (
    AsyncSonioxClient,
    SonioxClient,
    SonioxFileNotFoundError,
    SonioxRealtimeError,
    SonioxValidationError,
)
from soniox_lite.realtime import Tape
from soniox_testing import FakeSoniox, SharedListener
from tests.support.raw_server import refused_port
from tests.support.ws_server import WsServer, answer_the_end, started

KEY = "a-key-that-must-not-be-on-a-tape"
CONFIG = {"model": "stt-rt-v5", "audio_format": "pcm_s16le", "sample_rate": 16000, "num_channels": 1}
SPEECH = {"stream_id": "s", "model": "tts-rt-v2", "language": "en", "voice": "Nina", "audio_format": "wav"}
CONTEXT = {"context": {"terms": ["Lovelace"]}, "client_reference_id": "Ada 5"}


def client_of(fake: FakeSoniox, key: str = KEY) -> SonioxClient:
    return SonioxClient(key, websocket_base_url=fake.stt_websocket_url, tts_websocket_base_url=fake.tts_websocket_url)


def lines_of(tape: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in tape.read_text(encoding="utf-8").splitlines()]


def listen(client: SonioxClient, tape: Any, **options: Any) -> int:
    with client.realtime.stt.connect(config={**CONFIG, **CONTEXT}, tape=tape, **options) as session:
        session.send_byte_chunk(bytes(32_000))
        session.finalize()
        session.keep_alive()
        session.finish()
        return len(list(session.receive_events()))


def speak(client: SonioxClient, tape: Any) -> int:
    with client.realtime.tts.connect(config=SPEECH, tape=tape) as stream:
        stream.send_text_chunk("Hello Ada.", text_end=True)
        return sum(map(len, stream.receive_audio_chunks()))


def without_times(tape: Path) -> list[Any]:
    """The lines of a tape without what two recordings of one conversation may differ in."""
    lines = []
    for line in lines_of(tape):
        line.pop("at_ms", None)
        line.pop("recorded_at", None)
        line.pop("to", None)
        if "closed" in line:
            line["closed"].pop("by")  # Whose close frame comes first depends on the side.
        lines.append(line)
    # Which of two messages that cross each other comes first depends on the side, too.
    return sorted(lines, key=lambda line: (line.get("on", 0), "server" in line))


@pytest.mark.parametrize("options", [{}, {"keep_audio": True}, {"mask_text": True}])
def test_a_session_writes_what_a_recorder_writes(
    fake_soniox_listener: SharedListener, tmp_path: Path, options: dict[str, Any]
) -> None:
    own, recorded = tmp_path / "own.tape", tmp_path / "recorded.tape"
    tape = Tape(own, **options)
    with FakeSoniox(listener=fake_soniox_listener, audio="any") as service, FakeSoniox() as recording:
        recording.record_tape(recorded, to=service.url, **options)
        with client_of(recording) as client:
            heard, spoken = listen(client, tape), speak(client, tape)
    assert without_times(own) == without_times(recorded)
    assert KEY not in own.read_text(encoding="utf-8")
    assert ("Ada" in own.read_text(encoding="utf-8")) is not options.get("mask_text", False)
    with FakeSoniox() as fake, client_of(fake) as client:
        fake.play_tape(own, pauses=False)
        assert (listen(client, None), speak(client, None)) == (heard, spoken)


def test_an_async_session_writes_the_same(fake_soniox: FakeSoniox, tmp_path: Path) -> None:
    async def talk(tape: Path) -> None:
        async with (
            AsyncSonioxClient(KEY, websocket_base_url=fake_soniox.stt_websocket_url) as client,
            client.realtime.stt.connect(config={**CONFIG, **CONTEXT}, tape=tape) as session,
        ):
            await session.send_byte_chunk(bytes(32_000))
            await session.finalize()
            await session.keep_alive()
            await session.finish()
            assert [event async for event in session.receive_events()][-1].finished

    fake_soniox.style = "simple"
    asyncio.run(talk(tmp_path / "a.tape"))
    with client_of(fake_soniox) as client:
        listen(client, tmp_path / "b.tape")
    one, other = (without_times(tmp_path / name) for name in ("a.tape", "b.tape"))
    assert [line for line in one if "server" not in line] == [line for line in other if "server" not in line]
    assert lines_of(tmp_path / "a.tape")[-1]["closed"] == {"by": "server", "code": 1000}


@pytest.mark.parametrize(
    ("fault", "end"),
    [
        ({"how": "close:1011"}, {"by": "server", "code": 1011}),
        ({"how": "reset"}, {"by": "server", "code": None}),
    ],
)
def test_how_the_connection_broke_is_on_the_tape(
    fake_soniox: FakeSoniox, tmp_path: Path, fault: dict[str, Any], end: dict[str, Any]
) -> None:
    fake_soniox.faults.drop(**fault, operation="stt")
    with client_of(fake_soniox) as client, pytest.raises(SonioxRealtimeError):
        listen(client, tmp_path / "a.tape")
    assert lines_of(tmp_path / "a.tape")[-1]["closed"] == end


def test_a_refused_handshake_is_on_the_tape_and_can_be_played(fake_soniox: FakeSoniox, tmp_path: Path) -> None:
    fake_soniox.faults.refuse(429, operation="stt")
    with client_of(fake_soniox) as client, pytest.raises(SonioxRealtimeError) as refusal:
        listen(client, tmp_path / "a.tape")
    with FakeSoniox() as fake, client_of(fake) as client:
        fake.play_tape(tmp_path / "a.tape")
        with pytest.raises(SonioxRealtimeError) as played:
            listen(client, None)
    assert (played.value.error_code, played.value.error_type) == (429, refusal.value.error_type)


def test_a_server_that_cannot_be_reached_is_on_the_tape(tmp_path: Path) -> None:
    tape = Tape(tmp_path / "a.tape")
    url = f"ws://127.0.0.1:{refused_port()}/x"
    with SonioxClient(KEY, websocket_base_url=url) as client, pytest.raises(SonioxRealtimeError):
        listen(client, tape)
    end = {"by": "server", "code": None, "reason": "SonioxRealtimeConnectionError"}
    assert lines_of(tmp_path / "a.tape")[-1]["closed"] == end
    assert repr(tape) == f"<Tape {tmp_path / 'a.tape'}>"


def test_nor_by_an_async_session(tmp_path: Path) -> None:
    async def enter() -> None:
        url = f"ws://127.0.0.1:{refused_port()}/x"
        async with AsyncSonioxClient(KEY, websocket_base_url=url) as client:
            await client.realtime.stt.connect(config=CONFIG, tape=tmp_path / "a.tape").enter()

    with pytest.raises(SonioxRealtimeError):
        asyncio.run(enter())
    assert lines_of(tmp_path / "a.tape")[-1]["closed"]["reason"] == "SonioxRealtimeConnectionError"


def test_a_session_that_is_cancelled_is_ended_by_the_client(fake_soniox: FakeSoniox, tmp_path: Path) -> None:
    tape = tmp_path / "a.tape"
    with client_of(fake_soniox) as client, client.realtime.stt.connect(config=CONFIG, tape=tape) as session:
        session.cancel()
    assert lines_of(tape)[-1]["closed"]["by"] == "client"


def test_what_a_server_repeats_of_the_key_is_not_on_the_tape(fake_soniox: FakeSoniox, tmp_path: Path) -> None:
    fake_soniox.fail_next_session("invalid_request", f"Who are you, {KEY}?")
    with client_of(fake_soniox) as client:
        config = {**CONFIG, "api_key": KEY}
        with client.realtime.stt.connect(config=config, tape=tmp_path / "a.tape") as session:
            assert list(session.receive_events())[-1].error_code == 400
    written = (tmp_path / "a.tape").read_text(encoding="utf-8")
    assert KEY not in written
    assert "Who are you, ***?" in written


def test_secrets_that_a_server_sends_are_not_on_the_tape(tmp_path: Path) -> None:
    with (
        WsServer(started, answer_the_end({"tokens": [], "Access_Token": "s3cr3t", "password": ""})) as server,
        SonioxClient(KEY, websocket_base_url=server.url) as client,
    ):
        listen(client, tmp_path / "a.tape")
    (event, _) = (line["server"]["json"] for line in lines_of(tmp_path / "a.tape") if "server" in line)
    assert event == {"tokens": [], "Access_Token": "***", "password": ""}


def test_keepalives_in_the_background_are_on_the_tape(fake_soniox: FakeSoniox, tmp_path: Path) -> None:
    tape = tmp_path / "a.tape"
    with (
        client_of(fake_soniox) as client,
        client.realtime.stt.connect(config=CONFIG, tape=tape, keep_alive_interval_sec=0.01) as session,
    ):
        while '{"type":"keepalive"}' not in tape.read_text(encoding="utf-8"):
            session.finalize()
            session.receive_event(10)
    sent = [line["client"].get("json") for line in lines_of(tape) if "client" in line]
    assert {"type": "keepalive"} in sent


def test_a_session_that_is_resumed_has_all_its_connections_on_one_tape(fake_soniox: FakeSoniox, tmp_path: Path) -> None:
    fake_soniox.faults.drop(operation="stt", after_audio_ms=500, times=1)
    with client_of(fake_soniox) as client:
        listen(client, tmp_path / "a.tape", resume={"backoff_sec": 0.001})
    lines = lines_of(tmp_path / "a.tape")
    assert [line["on"] for line in lines if "request" in line] == [1, 2]
    assert [line["on"] for line in lines if "closed" in line] == [1, 2]


def test_a_tape_has_a_size(fake_soniox: FakeSoniox, tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    with client_of(fake_soniox) as client:
        listen(client, Tape(path, keep_audio=True, max_bytes=1000))
    assert path.stat().st_size <= 1000
    lines = lines_of(path)
    assert {"bytes": 32_000} in [line.get("client") for line in lines]
    assert lines[-1]["full"] is True


def test_a_tape_that_cannot_be_written_is_told_of(
    fake_soniox: FakeSoniox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with client_of(fake_soniox) as client:
        with pytest.raises(SonioxFileNotFoundError, match="the tape cannot be written"):
            listen(client, tmp_path / "nowhere" / "a.tape")
        tape = tmp_path / "a.tape"
        with (
            caplog.at_level(logging.WARNING),
            client.realtime.stt.connect(config=CONFIG, tape=str(tape)) as session,
        ):
            tape.unlink()
            tape.mkdir()
            session.send_byte_chunk(bytes(3200))
            session.finish()
            assert list(session.receive_events())[-1].finished
    assert [record.getMessage() for record in caplog.records] == [
        f"the tape {tape} ends here, since it cannot be written: Is a directory"
    ]


def test_what_is_no_tape_is_refused(fake_soniox: FakeSoniox) -> None:
    with client_of(fake_soniox) as client, pytest.raises(SonioxValidationError, match="tape must be a path or a Tape"):
        client.realtime.stt.connect(config=CONFIG, tape=5)  # type: ignore[call-overload]
