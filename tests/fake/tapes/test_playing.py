"""A fake that answers from a tape, and says where a client does something else."""

from __future__ import annotations

import http.client
import json
import threading
from pathlib import Path
from typing import Any

import pytest
import websocket

from soniox_testing import FakeSoniox, FakeSonioxError, SharedListener, VirtualClock
from tests.fake.conftest import Client
from tests.fake.stt_client import SttClient
from tests.fake.tapes.test_recording import KEY, recorder
from tests.fake.tts_client import TtsClient, post
from tests.support.tables import each_row

HEAD = {"soniox_tape": 1, "recorded_at": "2026-11-27T10:00:00.000Z", "to": "https://api.soniox.com"}
START = {"model": "stt-rt-v5", "audio_format": "auto"}


def tape_of(path: Path, *lines: tuple[int, int, str, Any]) -> Path:
    """Writes a tape: each line is time, number of the request, kind, value."""
    entries = [HEAD, *({"at_ms": at_ms, "on": on, kind: value} for at_ms, on, kind, value in lines)]
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
    return path


def asks(method: str, path: str, **content: Any) -> dict[str, Any]:
    return {"method": method, "path": path, "headers": {}, **content}


def a_session(path: Path) -> Path:
    """A tape with a session: 300 bytes of audio in three messages, and two answers."""
    return tape_of(
        path,
        (0, 1, "request", asks("GET", "/transcribe-websocket", websocket=True)),
        (100, 1, "response", {"status": 101}),
        (110, 1, "client", {"json": START}),
        (120, 1, "client", {"bytes": 100}),
        (130, 1, "client", {"json": {"type": "keepalive"}}),
        (200, 1, "client", {"bytes": 150}),
        (3200, 1, "server", {"json": {"tokens": [], "n": 1}}),
        (3300, 1, "client", {"bytes": 50}),
        (3300, 1, "client", {"text": ""}),
        (5300, 1, "server", {"json": {"tokens": [], "finished": True}}),
        (5301, 1, "closed", {"by": "server", "code": 1000}),
    )


def speak(fake: FakeSoniox, *sent: Any) -> tuple[list[dict[str, Any]], int]:
    """Sends messages after the start message; returns what comes."""
    client = SttClient(fake)
    client.text(START)
    for message in sent:
        if isinstance(message, bytes):
            client.ws.send_binary(message)
        else:
            client.text(message)
    came = client.rest()
    client.leave()
    return came


def test_a_recorded_client_gets_the_same_answers(fake_soniox_listener: SharedListener, tmp_path: Path) -> None:
    def conversation(fake: FakeSoniox) -> list[Any]:
        client = Client(fake, KEY)
        file = client.upload(client_reference_id="r").json
        job = client.create(file_id=file["id"]).json
        answers = [file, job, client("GET", f"/v1/files?limit=5&cursor={file['id']}").status]
        answers += [client("DELETE", f"/v1/files/{file['id']}").status]
        client.connection.close()
        session = SttClient(fake, KEY).start().audio(400).text({"type": "finalize"}).audio(100).text("")
        answers += [session.rest()]
        session.leave()
        return [*answers, len(post(fake, KEY)[2])]

    tape = tmp_path / "a.tape"
    with recorder(fake_soniox_listener, tape) as (_, recording):
        recorded = conversation(recording)
    with FakeSoniox() as fake:
        fake.play_tape(tape, pauses=False)
        assert conversation(fake) == recorded


def test_a_masked_tape_takes_the_words_that_were_masked(fake_soniox_listener: SharedListener, tmp_path: Path) -> None:
    def conversation(fake: FakeSoniox, word: str) -> int:
        client = Client(fake, KEY)
        status = client.create(context={"terms": [word]}, client_reference_id="Ada").status
        client.connection.close()
        session = SttClient(fake, KEY).start(context={"text": word}).audio(100).text("")
        messages, _ = session.rest()
        session.leave()
        return status if messages[-1].get("finished") else 0

    tape = tmp_path / "a.tape"
    with recorder(fake_soniox_listener, tape, mask_text=True) as (_, recording):
        assert conversation(recording, "Lovelace") == 201
    with FakeSoniox() as fake:
        fake.play_tape(tape, pauses=False)
        assert conversation(fake, "Lovelace") == 201


def test_audio_may_come_in_other_pieces_and_with_other_keepalives(tmp_path: Path) -> None:
    with FakeSoniox() as fake:
        fake.play_tape(a_session(tmp_path / "a.tape"), pauses=False)
        messages, code = speak(fake, bytes(20), bytes(270), {"type": "keepalive"}, bytes(10), "")
    assert messages == [{"tokens": [], "n": 1}, {"tokens": [], "finished": True}]
    assert code == 1000


def test_sessions_that_were_opened_at_once_may_be_opened_in_any_order(tmp_path: Path) -> None:
    def session(number: int, model: str) -> list[tuple[int, int, str, Any]]:
        return [
            (number, number, "request", asks("GET", "/transcribe-websocket", websocket=True)),
            (10, number, "response", {"status": 101}),
            (20, number, "client", {"json": {"model": model}}),
            (30, number, "server", {"json": {"tokens": [], "model": model}}),
            (40, number, "closed", {"by": "server", "code": 1000}),
        ]

    with FakeSoniox() as fake:
        fake.play_tape(tape_of(tmp_path / "a.tape", *session(1, "a"), *session(2, "b"), *session(3, "c")), pauses=False)
        clients = [SttClient(fake), SttClient(fake), SttClient(fake)]
        for client, model in zip(clients, "bca", strict=True):
            assert client.text({"model": model}).rest() == ([{"tokens": [], "model": model}], 1000)
            client.leave()


@each_row(
    ("sent", "complaint"),
    [
        (
            [bytes(300), {"type": "finalize"}],
            'message 7 of the WebSocket of line 2 (line 10): expected {"text":""}, got {"type":"finalize"}',
        ),
        (
            [bytes(260), ""],
            'message 6 of the WebSocket of line 2 (line 9): expected 40 bytes of audio, got {"text":""}',
        ),
        ([bytes(301)], 'message 7 of the WebSocket of line 2 (line 10): expected {"text":""}, got 1 bytes of audio'),
        (
            ["no JSON"],
            'message 2 of the WebSocket of line 2 (line 5): expected 100 bytes of audio, got {"text":"no JSON"}',
        ),
    ],
)
def test_a_session_says_where_a_client_does_something_else(sent: list[Any], complaint: str, tmp_path: Path) -> None:
    fake = FakeSoniox().start()
    fake.play_tape(a_session(tmp_path / "a.tape"), pauses=False)
    messages, code = speak(fake, *sent)
    assert (messages[-1]["error_code"], messages[-1]["error_message"], code) == (500, f"a.tape, {complaint}", 1000)
    with pytest.raises(FakeSonioxError) as failure:
        fake.stop()
    assert str(failure.value.failures[0]) == f"a.tape, {complaint}"


def test_a_client_that_leaves_too_early_is_told_of(tmp_path: Path) -> None:
    fake = FakeSoniox().start()
    fake.play_tape(a_session(tmp_path / "a.tape"), pauses=False)
    client = SttClient(fake).text(START)
    client.close()
    with pytest.raises(FakeSonioxError, match=r"expected 100 bytes of audio, got a close frame with 1000"):
        fake.stop()


REQUESTS = (
    (0, 1, "request", asks("GET", "/v1/files?limit=5&cursor=c")),
    (10, 1, "response", {"status": 200, "headers": {}, "json": {"n": 1}}),
    (20, 2, "request", asks("POST", "/v1/transcriptions", json={"model": "m", "language_hints": ["en"]})),
    (25, 3, "request", asks("DELETE", "/v1/files/f")),
    (40, 2, "response", {"status": 201, "headers": {"content-type": "application/json"}, "json": {"n": 2}}),
    (45, 3, "response", {"status": 204, "headers": {}}),
    (60, 4, "request", asks("GET", "/v1/files")),
    (70, 4, "response", {"status": 503, "headers": {"retry-after": "7"}, "text": "<html>"}),
    (80, 5, "request", asks("GET", "/v1/models")),
    (90, 5, "closed", {"by": "server", "code": None}),
)


def test_requests_that_were_under_way_at_once_may_come_in_any_order(tmp_path: Path) -> None:
    with FakeSoniox() as fake:
        fake.play_tape(tape_of(tmp_path / "a.tape", *REQUESTS), pauses=False)
        client = RawClient(fake)
        assert client("GET", "/v1/files?cursor=c&limit=5") == (200, b'{"n":1}')
        assert client("DELETE", "/v1/files/f") == (204, b"")
        assert client("POST", "/v1/transcriptions", {"language_hints": ["en"], "model": "m"}) == (201, b'{"n":2}')
        assert client("GET", "/v1/files") == (503, b"<html>")
        with pytest.raises(ConnectionError):
            client("GET", "/v1/models")


@each_row(
    ("in_order", "ignore", "requests", "complaint"),
    [
        (
            True,
            (),
            [("GET", "/v1/files")],
            "request 1 (line 2): expected GET /v1/files?limit=5&cursor=c, got GET /v1/files",
        ),
        (
            False,
            (),
            [("GET", "/v1/files"), ("PUT", "/v1/x")],
            "request 1 (line 2): expected GET /v1/files?limit=5&cursor=c, got PUT /v1/x",
        ),
        (
            False,
            (),
            [("GET", "/v1/files", {"x": 1})],
            "request 4 (line 8): expected GET /v1/files, got GET /v1/files with x 1 (expected without it)",
        ),
        (False, ("model", "language_hints"), [("POST", "/v1/transcriptions", {"model": "n"})], None),
    ],
)
def test_a_request_that_is_not_the_next_is_told_of(
    in_order: bool, ignore: tuple[str, ...], requests: list[Any], complaint: str | None, tmp_path: Path
) -> None:
    fake = FakeSoniox().start()
    fake.play_tape(tape_of(tmp_path / "a.tape", *REQUESTS), pauses=False, in_order=in_order, ignore=ignore)
    client = RawClient(fake)
    for request in requests:
        status, body = client(*request)
    if complaint is not None:
        assert (status, json.loads(body)["message"]) == (500, f"a.tape, {complaint}")
    with pytest.raises((FakeSonioxError, AssertionError)) as failure:
        fake.stop()
    told = [str(one) for one in getattr(failure.value, "failures", ())]
    assert told == ([] if complaint is None else [f"a.tape, {complaint}"])


def test_what_was_not_asked_for_is_told_of(tmp_path: Path) -> None:
    fake = FakeSoniox().start()
    fake.play_tape(tape_of(tmp_path / "a.tape", *REQUESTS[:6]), pauses=False)
    RawClient(fake)("GET", "/v1/files?limit=5&cursor=c")
    assert "a.tape, request 3 (line 5): DELETE /v1/files/f" in fake.report()
    with pytest.raises(AssertionError, match=r"request 2 \(line 4\): POST /v1/transcriptions"):
        fake.stop()


def test_nothing_may_follow_the_end_but_another_tape(tmp_path: Path) -> None:
    fake = FakeSoniox().start()
    fake.play_tape(tape_of(tmp_path / "a.tape", *REQUESTS[:2]), pauses=False)
    fake.play_tape(tape_of(tmp_path / "b.tape", *REQUESTS[:2]), pauses=False)
    client = RawClient(fake)
    assert [client("GET", "/v1/files?limit=5&cursor=c")[0] for _ in range(3)] == [200, 200, 500]
    with pytest.raises(FakeSonioxError, match=r"b\.tape: expected nothing after the end of the tape, got GET"):
        fake.stop()


def test_answers_come_as_late_as_they_did_by_the_clock_of_the_fake(tmp_path: Path) -> None:
    clock = VirtualClock()
    with FakeSoniox(clock=clock) as fake:
        fake.play_tape(a_session(tmp_path / "a.tape"))
        client = SttClient(fake).text(START)
        client.ws.send_binary(bytes(250))
        client.synchronize()
        clock.advance(2.99)
        client.synchronize()  # Nothing has come, or it would be here instead of the answer to a ping.
        clock.advance(0.02)
        assert client.message() == {"tokens": [], "n": 1}
        client.ws.send_binary(bytes(50))
        client.text("")
        clock.advance(1.99)
        client.synchronize()
        clock.advance(0.02)
        assert client.rest() == ([{"tokens": [], "finished": True}], 1000)
        client.leave()


def test_a_response_comes_as_late_as_it_did(tmp_path: Path) -> None:
    clock = VirtualClock()
    with FakeSoniox(clock=clock) as fake:
        fake.play_tape(tape_of(tmp_path / "a.tape", REQUESTS[0], (60_000, *REQUESTS[1][1:])))
        answers: list[tuple[int, bytes]] = []
        thread = threading.Thread(target=lambda: answers.append(RawClient(fake)("GET", "/v1/files?limit=5&cursor=c")))
        thread.start()
        while thread.is_alive():
            clock.advance(0.5)
            thread.join(0.001)
    assert answers == [(200, b'{"n":1}')]
    assert clock() >= 60


def test_streams_of_speech_may_have_new_names(tmp_path: Path) -> None:
    tape = tape_of(
        tmp_path / "a.tape",
        (0, 1, "request", asks("GET", "/tts-websocket", websocket=True)),
        (1, 1, "response", {"status": 101}),
        (2, 1, "client", {"json": {"stream_id": "old", "model": "m"}}),
        (3, 1, "client", {"json": {"stream_id": "old", "text": "Hi."}}),
        (4, 1, "server", {"json": {"stream_id": "old", "audio": {"bytes": 4}}}),
        (5, 1, "closed", {"by": "client", "code": 1000}),
    )
    with FakeSoniox() as fake:
        fake.play_tape(tape, pauses=False)
        client = TtsClient(fake)
        client.send(stream_id="new", model="m")
        client.send(stream_id="new", text="Hi.")
        assert json.loads(client.ws.recv()) == {"stream_id": "new", "audio": "AAAAAA=="}
        client.close()


def test_how_a_session_broke_is_played(fake_soniox_listener: SharedListener, tmp_path: Path) -> None:
    def broken(fake: FakeSoniox) -> Any:
        client = SttClient(fake, KEY).start()
        try:
            return client.rest()
        except (websocket.WebSocketConnectionClosedException, ConnectionError):
            return "lost"
        finally:
            client.leave()

    def refused(fake: FakeSoniox) -> Any:
        with pytest.raises(websocket.WebSocketBadStatusException) as refusal:
            SttClient(fake, KEY)
        return refusal.value.status_code, json.loads(refusal.value.resp_body)["error_type"]

    def conversation(fake: FakeSoniox) -> list[Any]:
        return [broken(fake), broken(fake), refused(fake)]

    tape = tmp_path / "a.tape"
    with recorder(fake_soniox_listener, tape) as (service, recording):
        service.faults.drop(how="close:1011", operation="stt", times=1)
        service.faults.drop(how="reset", operation="stt", times=1)
        messages = [broken(recording), broken(recording)]
        service.faults.refuse(429, operation="stt", times=1)
        messages.append(refused(recording))
    with FakeSoniox() as fake:
        fake.play_tape(tape, pauses=False)
        assert conversation(fake) == messages == [([], 1011), "lost", (429, messages[2][1])]


@pytest.mark.parametrize(("code", "reason", "frame"), [(1001, "going away", b"\x03\xe9going away"), (1005, "", b"")])
def test_a_close_frame_is_played_as_it_was(tmp_path: Path, code: int, reason: str, frame: bytes) -> None:
    tape = tape_of(
        tmp_path / "a.tape",
        (0, 1, "request", asks("GET", "/transcribe-websocket", websocket=True)),
        (1, 1, "response", {"status": 101}),
        (2, 1, "closed", {"by": "server", "code": code, "reason": reason}),
    )
    with FakeSoniox() as fake:
        fake.play_tape(tape, pauses=False)
        client = SttClient(fake)
        assert client.ws.recv_data(control_frame=True) == (websocket.ABNF.OPCODE_CLOSE, frame)
        client.leave()


@pytest.mark.parametrize("ignore", ["n", ("n",)])
def test_one_name_or_several_are_not_compared(tmp_path: Path, ignore: Any) -> None:
    tape = tape_of(
        tmp_path / "a.tape",
        (0, 1, "request", asks("POST", "/v1/transcriptions", json={"n": 1, "model": "m"})),
        (1, 1, "response", {"status": 201, "json": {}}),
    )
    with FakeSoniox() as fake:
        fake.play_tape(tape, ignore=ignore)
        assert RawClient(fake)("POST", "/v1/transcriptions", {"n": 2, "model": "m"})[0] == 201


def test_a_response_that_was_cut_off_is_played_so(fake_soniox_listener: SharedListener, tmp_path: Path) -> None:
    def incomplete(fake: FakeSoniox) -> bytes:
        connection = Client(fake, KEY).connection
        connection.request("GET", "/v1/models", headers={"Authorization": f"Bearer {KEY}"})
        with pytest.raises(http.client.IncompleteRead) as cut:
            connection.getresponse().read()
        connection.close()
        return cut.value.partial

    tape = tmp_path / "a.tape"
    with recorder(fake_soniox_listener, tape) as (service, recording):
        service.faults.reset("answer", how="eof", operation="get_models")
        part = incomplete(recording)
    with FakeSoniox() as fake:
        fake.play_tape(tape, pauses=False)
        assert incomplete(fake) == part


def test_a_temporary_key_of_a_tape_can_be_used(fake_soniox_listener: SharedListener, tmp_path: Path) -> None:
    def conversation(fake: FakeSoniox) -> bool:
        client = Client(fake, KEY)
        wish = {"usage_type": "transcribe_websocket", "expires_in_seconds": 60}
        key = client.post("/v1/auth/temporary-api-key", wish).json["api_key"]
        client.connection.close()
        session = SttClient(fake, None, subprotocols=["soniox-api-key", key]).start().audio(100).text("")
        finished: bool = session.rest()[0][-1]["finished"]
        session.leave()
        return finished

    tape = tmp_path / "a.tape"
    with recorder(fake_soniox_listener, tape) as (_, recording):
        assert conversation(recording)
    with FakeSoniox() as fake:
        fake.play_tape(tape, pauses=False)
        assert conversation(fake)


def answer_of(kind: str = "response", **fields: Any) -> str:
    """A tape with a request, and this in its answer."""
    request = {"at_ms": 0, "on": 1, "request": asks("GET", "/v1/models")}
    return "\n".join(map(json.dumps, [HEAD, request, {"at_ms": 1, "on": 1, kind: fields}]))


def test_a_tape_that_an_editor_has_saved_is_played(tmp_path: Path) -> None:
    tape = tmp_path / "a.tape"
    saved = answer_of(status=200, json={"models": []})
    tape.write_bytes(b"\xef\xbb\xbf" + saved.replace("\n", "\r\n\r\n").encode() + b"\r\n")
    with FakeSoniox() as fake:
        fake.play_tape(tape, pauses=False)
        client = Client(fake)
        assert client("GET", "/v1/models").json == {"models": []}
        client.connection.close()


@each_row(
    ("text", "complaint"),
    [
        ("", "is empty"),
        ("no JSON\n", "line 1"),
        ("[]\n", "line 1: a line is a JSON object"),
        ('{"soniox_tape": 2}\n', 'line 1: the first line of a tape has "soniox_tape": 1'),
        (json.dumps(HEAD) + '\n{"at_ms": 1, "on": 1, "server": {}}\n', "line 2: there was no request 1"),
        (json.dumps(HEAD) + '\n{"at_ms": 1, "request": {}}\n', "line 2: the line has no on"),
        (json.dumps(HEAD) + '\n{"at_ms": 1, "on": 1, "request": {"method": "GET"}}\n', "line 2: request has no path"),
        (
            json.dumps(HEAD) + '\n{"at_ms": "1", "on": 1, "server": {}}',
            'line 2: the line: at_ms must be a number, not "1"',
        ),
        (answer_of(), "line 3: response has no status"),
        (answer_of(status=20), "line 3: response: status must be from 100 to 599, not 20"),
        (answer_of(status=200, headers=[]), "line 3: response: headers must be an object, not []"),
        (answer_of(status=200, headers={"a": "b\r\nc: d"}), "line 3: response: the header 'a' must be a text without"),
        (answer_of(status=200, bytes=-1), "line 3: response: bytes must be from 0"),
        (answer_of(status=200, base64="?"), "line 3: response: base64 is not base64"),
        (answer_of(status=200, form=[{"name": 1}]), "line 3: response.form: name must be a text, not 1"),
        (answer_of("closed", by="server", code="1000"), 'line 3: closed: code must be a number, not "1000"'),
        (answer_of("closed", by="proxy", code=None), "line 3: closed.by must be client or server, not 'proxy'"),
        (json.dumps({**HEAD, "recorded_at": 5}), "line 1: the first line: recorded_at must be a text, not 5"),
        (json.dumps(HEAD) + "\n" + "[" * 100_000, "line 2"),
        (json.dumps(HEAD) + '\n{"at_ms": 1,', "line 2 is not JSON: Expecting property name"),
        ("\udcff\udcfe", "is no text in UTF-8: invalid start byte"),
    ],
)
def test_a_file_that_is_no_tape_is_refused(text: str, complaint: str, tmp_path: Path) -> None:
    tape = tmp_path / "a.tape"
    tape.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=r"^a\.tape") as error:
        FakeSoniox().play_tape(tape)
    assert complaint in str(error.value)


class RawClient:
    """Sends requests, and takes any answer."""

    def __init__(self, fake: FakeSoniox) -> None:
        self._client = Client(fake)

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        connection = self._client.connection
        content = None if body is None else json.dumps(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            connection.request(method, path, content, {**self._client.headers, **headers})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()
