"""A recorder between a client and a fake: what it passes on, and what it writes."""

from __future__ import annotations

import base64
import json
import re
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import websocket

from soniox_testing import FakeSoniox, SharedListener
from soniox_testing.tapes.tape import TapeWriter
from tests.fake.conftest import Client
from tests.fake.stt_client import SttClient, audio
from tests.fake.tts_client import TtsClient, post
from tests.support.proxies import tunnel
from tests.support.raw_server import RawServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "a-key-that-must-not-be-on-a-tape"


@contextmanager
def recorder(
    listener: SharedListener, tape: Path, upstream: FakeSoniox | None = None, **options: Any
) -> Iterator[tuple[FakeSoniox, FakeSoniox]]:
    """A fake that plays the service, and one that records it."""
    service = upstream or FakeSoniox(listener=listener, api_keys=[KEY], audio="any", key_in_start_message=True)
    with service, FakeSoniox(key_in_start_message=True) as recording:
        recording.record_tape(tape, to=service.url, **options)
        yield service, recording


def lines_of(tape: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in tape.read_text(encoding="utf-8").splitlines()]


def talk(fake: FakeSoniox, key: str = KEY, **start: Any) -> tuple[list[dict[str, Any]], int]:
    client = SttClient(fake, key).start(**start).audio(400).text("")
    messages = client.rest()
    client.leave()
    return messages


def all_that_have_keys(fake: FakeSoniox) -> list[str]:
    """Sends keys in all places where clients have them; returns all keys."""
    client = Client(fake, KEY)
    temporary = [
        client.post("/v1/auth/temporary-api-key", {"usage_type": usage, "expires_in_seconds": 60}).json["api_key"]
        for usage in ("transcribe_websocket", "tts_rt")
    ]
    client.create(
        webhook_url="https://a:pass-word@127.0.0.1:9/hook?token=in-the-url",
        webhook_auth_header_name="X-Hook",
        webhook_auth_header_value="secret-of-the-hook",
        audio_url="https://example.com/a.mp3?sig=signature-of-a-url",
    )
    client("GET", f"/v1/files?api_key={temporary[0]}&limit=10")
    client("GET", f"/v1/files/{KEY}")
    client.connection.close()
    talk(fake, KEY)
    talk(fake, temporary[0])
    wrong = "a-key-in-a-start-message-that-is-wrong"
    talk(fake, None, api_key=wrong)
    TtsClient(fake, temporary[1]).close()
    for sent in (f'{{"api_key": "{wrong}", ', json.dumps({"api_key": wrong})):
        binary = SttClient(fake, None)
        binary.ws.send_binary(sent.encode())
        binary.leave()
        broken = SttClient(fake, None).text(sent)
        broken.leave()
    in_list = SttClient(fake, None, subprotocols=["soniox-api-key", temporary[0]])
    in_list.leave()
    return [KEY, *temporary, wrong, "pass-word", "in-the-url", "secret-of-the-hook", "signature-of-a-url"]


@pytest.mark.parametrize("options", [{}, {"keep_audio": True}, {"mask_text": True}])
def test_no_key_is_on_a_tape(fake_soniox_listener: SharedListener, tmp_path: Path, options: dict[str, Any]) -> None:
    tape = tmp_path / "a.tape"
    with recorder(fake_soniox_listener, tape, **options) as (_, recording):
        keys = all_that_have_keys(recording)
    written = tape.read_text(encoding="utf-8")
    for key in keys:
        assert key not in written
        assert base64.b64encode(key.encode()).decode().rstrip("=")[:-2] not in written
    assert "authorization" not in written.lower()
    assert written.count('"***"') > 4


def test_what_is_sent_and_answered_passes_through_unchanged(
    fake_soniox_listener: SharedListener, tmp_path: Path
) -> None:
    with recorder(fake_soniox_listener, tmp_path / "a.tape") as (service, recording):
        client = Client(recording, KEY)
        file = client.upload(b"s\0und" * 100_000, client_reference_id="r").json
        assert service.file_content(file["id"]) == b"s\0und" * 100_000
        assert client("GET", f"/v1/files/{file['id']}").json == file
        assert client("GET", "/v1/files/nothing").status == 404
        client.connection.close()
        messages, code = talk(recording)
        assert (messages[-1]["finished"], code) == (True, 1000)
        (session,) = service.sessions
        assert (session.audio_bytes, session.api_key) == (len(audio(400)), KEY)
        assert post(recording, KEY)[2] == service.speech_audio(service.speeches[0].id)


def test_a_tape_has_both_sides_in_order_with_times(fake_soniox_listener: SharedListener, tmp_path: Path) -> None:
    tape = tmp_path / "a.tape"
    with recorder(fake_soniox_listener, tape) as (service, recording):
        client = Client(recording, KEY)
        file = client.upload(b"sound", client_reference_id="r").json
        client.connection.close()
        messages, _ = talk(recording)
    head, *lines = lines_of(tape)
    assert (head["soniox_tape"], head["to"]) == (1, service.url)
    times = [line["at_ms"] for line in lines]
    assert times == sorted(times)
    assert [line["on"] for line in lines] == [1] * 2 + [2] * (len(lines) - 2)
    upload = lines[0]["request"]
    assert (upload["method"], upload["path"]) == ("POST", "/v1/files")
    assert upload["form"] == [
        {"name": "file", "filename": "a.mp3", "bytes": 5},
        {"name": "client_reference_id", "text": "r"},
    ]
    assert (lines[1]["response"]["status"], lines[1]["response"]["json"]) == (201, file)
    opening = lines[2]["request"]
    assert (opening["method"], opening["path"], opening["websocket"]) == ("GET", "/transcribe-websocket", True)
    assert lines[3]["response"] == {"status": 101}
    sent = [line["client"] for line in lines if "client" in line]
    assert sent[0]["json"]["model"] == "stt-rt-v5"
    assert sent[1:] == [{"bytes": 3200}, {"text": ""}]
    assert [line["server"]["json"] for line in lines if "server" in line] == messages
    assert lines[-1]["closed"] == {"by": "server", "code": 1000}


def test_an_answer_is_on_the_tape_when_the_client_has_it(
    fake_soniox_listener: SharedListener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, tape = TapeWriter.write, tmp_path / "a.tape"

    def write_late(writer: TapeWriter, number: int, kind: str, *rest: Any) -> None:
        # Not a wait: a writer that is late is what would show an answer that is sent before it is written.
        time.sleep(0.1 if kind == "response" else 0)
        write(writer, number, kind, *rest)

    monkeypatch.setattr(TapeWriter, "write", write_late)
    with recorder(fake_soniox_listener, tape) as (_, recording):
        client = Client(recording, KEY)
        file_id = client.upload(b"sound").json["id"]
        assert lines_of(tape)[-1]["response"]["status"] == 201
        assert client("DELETE", f"/v1/files/{file_id}").status == 204
        assert lines_of(tape)[-1]["response"]["status"] == 204
        client.connection.close()


def test_audio_is_kept_on_request(fake_soniox_listener: SharedListener, tmp_path: Path) -> None:
    tape = tmp_path / "a.tape"
    with recorder(fake_soniox_listener, tape, keep_audio=True) as (_, recording):
        talk(recording)
    sent = [line["client"] for line in lines_of(tape) if "client" in line]
    assert base64.b64decode(sent[1]["base64"]) == audio(400)


def test_masked_words_keep_their_shape(fake_soniox_listener: SharedListener, tmp_path: Path) -> None:
    tape = tmp_path / "a.tape"
    with recorder(fake_soniox_listener, tape, mask_text=True) as (service, recording):
        service.style = "simple"
        service.add_transcript("Call Ada at 5 now.")
        client = SttClient(recording, KEY).start(context={"terms": ["Lovelace"]}, client_reference_id="Ada")
        client.audio(400).text({"type": "finalize"}).text("").rest()
        client.leave()
    written = tape.read_text(encoding="utf-8")
    assert not [word for word in ("Ada", "Lovelace", "Call") if word in written]
    start = next(line["client"]["json"] for line in lines_of(tape) if "client" in line)
    assert (start["context"], start["client_reference_id"]) == ({"terms": ["Xxxxxxxx"]}, "Xxx")
    texts = {
        token["text"] for line in lines_of(tape) for token in line.get("server", {}).get("json", {}).get("tokens", [])
    }
    assert texts == {"Xxxx", " Xxx", " xx", " 0", " xxx.", "<fin>"}


def test_names_in_urls_are_masked_and_such_a_tape_is_played(
    fake_soniox_listener: SharedListener, tmp_path: Path
) -> None:
    def conversation(fake: FakeSoniox) -> None:
        client = Client(fake, KEY)
        assert client.create(audio_url="https://example.com/calls/Ada%20L%C3%B6v.mp3").status == 201
        assert client("GET", "/v1/files?client_reference_id=Ada+1&limit=5").status == 200
        client.connection.close()

    tape = tmp_path / "a.tape"
    with recorder(fake_soniox_listener, tape, mask_text=True) as (_, recording):
        conversation(recording)
    asked = [line["request"] for line in lines_of(tape) if "request" in line]
    assert asked[0]["json"]["audio_url"] == "https://example.com/xxxxx/Xxx%20Xxx.xx0"
    assert asked[1]["path"] == "/v1/files?client_reference_id=Xxx%200&limit=5"
    with FakeSoniox() as fake:
        fake.play_tape(tape, pauses=False)
        conversation(fake)


def test_a_tape_that_could_not_hold_its_first_line_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="max_bytes must be 1024 or more, not 1023"):
        FakeSoniox().record_tape(tmp_path / "a.tape", to="http://127.0.0.1:1", max_bytes=1023)
    assert not (tmp_path / "a.tape").exists()


@pytest.mark.parametrize(("content", "complaint"), [(None, "none.pem"), (b"no PEM", "none.pem has no certificates")])
def test_a_file_without_certificates_is_named(tmp_path: Path, content: bytes | None, complaint: str) -> None:
    if content is not None:
        (tmp_path / "none.pem").write_bytes(content)
    with pytest.raises((OSError, ValueError), match=re.escape(complaint)):
        FakeSoniox().record_tape(tmp_path / "a.tape", ca_file=tmp_path / "none.pem")


def test_a_tape_has_a_size_and_says_when_it_is_full(fake_soniox_listener: SharedListener, tmp_path: Path) -> None:
    tape = tmp_path / "a.tape"
    with recorder(fake_soniox_listener, tape, keep_audio=True, max_bytes=4000) as (service, recording):
        client = Client(recording, KEY)
        client.upload(bytes(10_000))
        for _ in range(20):
            assert client("GET", "/v1/files").status == 200
        client.connection.close()
        assert len(service.files) == 1
    assert tape.stat().st_size <= 4000
    lines = lines_of(tape)
    assert lines[1]["request"]["form"][0] == {"name": "file", "filename": "a.mp3", "bytes": 10_000}
    assert lines[-1]["full"] is True


@pytest.mark.parametrize(
    ("break_it", "how", "code"),
    [
        (lambda faults: faults.drop(how="close:1011", operation="stt"), "server", 1011),
        (lambda faults: faults.drop(how="reset", operation="stt"), "server", None),
        (lambda faults: faults.malformed_frame(operation="stt"), "server", None),
    ],
)
def test_how_a_session_broke_passes_through(
    fake_soniox_listener: SharedListener, tmp_path: Path, break_it: Callable[[Any], object], how: str, code: int | None
) -> None:
    tape = tmp_path / "a.tape"
    with recorder(fake_soniox_listener, tape) as (service, recording):
        break_it(service.faults)
        client = SttClient(recording, KEY).start()
        if code is None:
            with pytest.raises((websocket.WebSocketConnectionClosedException, ConnectionError)):
                client.message()
        else:
            assert client.rest() == ([], code)
        client.leave()
    assert lines_of(tape)[-1]["closed"] == {"by": how, "code": code}


def test_a_client_that_closes_is_seen_by_the_service(fake_soniox_listener: SharedListener, tmp_path: Path) -> None:
    tape = tmp_path / "a.tape"
    with recorder(fake_soniox_listener, tape) as (service, recording):
        client = SttClient(recording, KEY).start()
        client.synchronize()  # A ping passes through, and its answer.
        client.close()
    assert [line["closed"] for line in lines_of(tape) if "closed" in line] == [{"by": "client", "code": 1000}]
    assert service.sessions[0].ended == "client_closed"


def test_a_refused_handshake_passes_through(fake_soniox_listener: SharedListener, tmp_path: Path) -> None:
    tape = tmp_path / "a.tape"
    with recorder(fake_soniox_listener, tape) as (service, recording):
        service.faults.refuse(503, operation="stt")
        with pytest.raises(websocket.WebSocketBadStatusException) as refusal:
            SttClient(recording, KEY)
    assert refusal.value.status_code == 503
    assert lines_of(tape)[-1]["response"]["status"] == 503


def test_certificates_of_the_service_are_checked(
    fake_soniox_listener: SharedListener, fake_soniox_tls_listener: SharedListener, tmp_path: Path
) -> None:
    service = FakeSoniox(listener=fake_soniox_tls_listener, api_keys=[KEY], audio="any")
    with recorder(fake_soniox_listener, tmp_path / "a.tape", service) as (_, recording):
        client = Client(recording, KEY)
        client.connection.request("GET", "/v1/files", headers=client.headers)
        answer = client.connection.getresponse()
        assert answer.status == 502
        assert b"certificate" in answer.read().lower()
        recording.record_tape(tmp_path / "b.tape", to=service.url, ca_file=service.ca_file)
        assert client("GET", "/v1/files").status == 200
        client.connection.close()
        assert talk(recording)[1] == 1000


def test_a_proxy_of_the_environment_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soniox_testing.tapes.upstream.is_loopback", lambda host: False)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with (
        FakeSoniox(tls=True, api_keys=[KEY], audio="any") as service,
        RawServer(then=tunnel("user:pass word")) as proxy,
        FakeSoniox() as recording,
    ):
        monkeypatch.setenv("https_proxy", f"http://user:pass%20word@127.0.0.1:{proxy.port}")
        recording.record_tape(tmp_path / "a.tape", to=service.url, ca_file=service.ca_file)
        monkeypatch.setenv("no_proxy", "")
        client = Client(recording, KEY)
        assert client("GET", "/v1/files").status == 200
        client.connection.close()
        assert talk(recording)[1] == 1000
        assert len(proxy.connections) == 2
    assert "pass" not in (tmp_path / "a.tape").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "to",
    [
        "http://api.soniox.com",
        "api.soniox.com",
        "ftp://api.soniox.com",
        "https://k@api.soniox.com",
        "https://api.soniox.com/v1",
    ],
)
def test_a_url_that_is_no_service_is_refused(tmp_path: Path, to: str) -> None:
    with pytest.raises(ValueError, match=r"service's URL|https only"):
        FakeSoniox().record_tape(tmp_path / "a.tape", to=to)
    assert not (tmp_path / "a.tape").exists()
