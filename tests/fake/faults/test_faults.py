"""What a test can let go wrong, met with plain clients."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import re
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import websocket
import websockets

from soniox_testing import FakeSoniox, Recording, VirtualClock
from soniox_testing.rest.routes import ROUTES
from tests.fake.stt_client import START, SttClient, audio, check_error, text_of
from tests.support.insides import wait_until
from tests.support.tables import each_row


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def server(clock):
    with FakeSoniox(clock=clock) as fake:
        yield fake


def call(fake, method="GET", path="/v1/models", body=None, headers=None):
    """Status, headers and body of a response, on a connection of its own."""
    address = urlsplit(fake.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    try:
        connection.request(method, f"{address.path}{path}", body, {"Authorization": "Bearer k", **(headers or {})})
        with connection.getresponse() as response:
            return response.status, response.headers, response.read()
    finally:
        connection.close()


def create(fake):
    payload = {"model": "stt-async-v5", "audio_url": "https://example.com/a.mp3"}
    return call(fake, "POST", "/v1/transcriptions", json.dumps(payload), {"Content-Type": "application/json"})


def statuses(fake, count):
    return [call(fake)[0] for _ in range(count)]


# Where and how often


def test_a_fault_happens_so_often_and_no_more(server):
    fault = server.faults.answer(503, times=2)
    assert statuses(server, 4) == [503, 503, 200, 200]
    assert fault.hits == 2
    assert server.faults.pending == ()
    assert [record.status for record in server.requests] == [503, 503, 200, 200]


def test_a_fault_may_last_until_it_is_removed(server):
    fault = server.faults.answer(500)
    assert statuses(server, 3) == [500] * 3
    fault.remove()
    fault.remove()
    assert statuses(server, 1) == [200]
    with server.faults.answer(500):
        assert statuses(server, 1) == [500]
    assert statuses(server, 1) == [200]
    server.faults.answer(500)
    server.faults.clear()
    assert statuses(server, 1) == [200]


def test_a_fault_is_for_one_operation(server):
    fault = server.faults.answer(503, operation="create_transcription")
    assert call(server)[0] == 200
    assert call(server, path="/v1/transcriptions")[0] == 200
    assert create(server)[0] == 503
    assert (fault.hits, server.transcriptions) == (1, ())
    assert server.requests[-1].route == "/v1/transcriptions"


def test_the_fault_that_was_added_first_goes_first(server):
    server.faults.answer(501, times=1)
    server.faults.answer(502, times=1)
    server.faults.answer(503, times=1, operation="get_files")
    assert statuses(server, 3) == [501, 502, 200]
    assert call(server, path="/v1/files")[0] == 503


def test_dice_with_a_seed_fall_alike():
    seen = []
    for seed in (7, 7, 8):
        with FakeSoniox() as fake:
            fault = fake.faults.answer(503, probability=0.5, seed=seed)
            seen.append(statuses(fake, 20))
            assert fault.hits == seen[-1].count(503)
    assert seen[0] == seen[1] != seen[2]
    assert set(seen[0]) == {200, 503}


def test_other_requests_throw_no_dice():
    seen = []
    for others in (0, 3):
        with FakeSoniox() as fake:
            fake.faults.answer(503, probability=0.5, seed=1, operation="get_models")
            seen.append(
                [(statuses(fake, 1), [call(fake, path="/v1/files") for _ in range(others)])[0] for _ in "12345"]
            )
    assert seen[0] == seen[1]


def test_every_operation_of_the_document_has_its_route():
    document = json.loads((Path(__file__).parents[2] / "data/openapi.json").read_text())
    documented = {
        (operation["operationId"], method.upper(), path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if isinstance(operation, dict) and "operationId" in operation
    }
    assert {(route.operation, route.method, route.pattern) for route in ROUTES if route.operation} == documented


def test_settings_that_cannot_be_are_refused(server):
    faults = server.faults
    for make, told in [
        (lambda: faults.answer(200), "300 to 599"),
        (lambda: faults.html(600), "200 to 599"),
        (lambda: faults.answer(503, retry_after_sec=-1), "retry_after_sec"),
        (lambda: faults.answer(503, retry_after_sec=float("inf")), "retry_after_sec cannot be inf"),
        (lambda: faults.answer(503, headers={"Connection": "close"}), "the fake sets Connection itself"),
        (lambda: faults.answer(503, headers={"transfer-encoding": "chunked"}), "the fake sets transfer-encoding"),
        (lambda: faults.answer(503, operation="nonsense"), "operation must be one of .*upload_file"),
        (lambda: faults.answer(503, times=0), "0 times"),
        (lambda: faults.answer(503, probability=1.5), "probability"),
        (lambda: faults.reset("later"), "when must be"),
        (lambda: faults.reset(how="stall"), "how must be"),
        (lambda: faults.reset("after", operation="stt"), "operation must be"),
        (lambda: faults.drip(block_bytes=0), "0 bytes"),
        (lambda: faults.drip(every_sec=-1), "-1 s"),
        (lambda: faults.drip(operation="stt"), "operation must be"),
        (lambda: faults.drop(operation="get_files"), "operation must be one of stt,"),
        (lambda: faults.malformed_frame("nonsense"), "kind must be one of reserved_bits"),
        (lambda: faults.offline(-1), "-1 s"),
    ]:
        with pytest.raises(ValueError, match=told):
            make()
    assert faults.pending == ()


@each_row(
    ("verb", "settings", "told"),
    [
        ("answer", {"status_code": 503, "tims": 1}, "answer() has no tims; did you mean times?"),
        ("answer", {"status_code": 503, "error_typ": "x"}, "answer() has no error_typ; did you mean error_type?"),
        ("answer", {"status_code": 503, "after_frames": 1}, "answer() has no after_frames; it has error_type, "),
        ("drop", {"after_audio": 5}, "drop() has no after_audio; did you mean after_audio_ms?"),
    ],
)
def test_a_misspelt_setting_is_refused_with_the_nearest_name(server, verb, settings, told):
    with pytest.raises(TypeError, match=re.escape(told)):
        getattr(server.faults, verb)(**settings)
    assert server.faults.pending == ()


@each_row(
    ("verb", "arguments", "told"),
    [
        ("answer", {}, "answer() needs status_code"),
        ("answer", {"status_code": "503"}, "answer(): status_code must be int, not '503'"),
        ("answer", {"status_code": True}, "answer(): status_code must be int, not True"),
        ("answer", {"status_code": 503, "times": "2"}, "times must be int | None, not '2'"),
        ("answer", {"status_code": 503, "probability": "0.5"}, "probability must be float, not '0.5'"),
        ("answer", {"status_code": 503, "headers": {"X-Number": 1}}, "headers must be Mapping[str, str] | None, not {"),
        ("error", {"error_type": 503}, "error(): error_type must be str, not 503"),
        ("drop", {"after_audio_ms": 1.5}, "drop(): after_audio_ms must be int | None, not 1.5"),
        ("reset", {"when": None}, "reset(): when must be str, not None"),
        ("offline", {"seconds": "3"}, "offline(): seconds must be float | None, not '3'"),
        (
            "fail_next_session",
            {"error_type": "internal_error", "after_audio_ms": "1"},
            "fail_next_session(): after_aud",
        ),
        ("drop_next_session", {"how": 1011}, "drop_next_session(): how must be str, not 1011"),
        ("fail_next_job", {"error_type": "internal_error"}, "fail_next_job() needs message"),
        ("add_transcript", {"transcript": "a", "content": "b"}, "content must be bytes | None, not 'b'"),
        ("add_transcript", {"transcript": "a", "file_name": "b"}, "did you mean filename?"),
        ("add_audio_url", {"audio_url": 5}, "add_audio_url(): audio_url must be str, not 5"),
        ("on_session", {"function": 5}, "on_session(): function must be Callable[[Conversation], object], not 5"),
        ("add_transcript", {"transcript": 5}, "must be str | Sequence[Word], not 5"),
        ("fail_next_voice", {"error_type": "e", "message": "m", "names": "Ada"}, "did you mean name?"),
        ("add_transcript", {"transcript": ["hello"]}, "a text or a sequence of Word, not of 'hello'"),
        ("add_recording", {"recording": 5}, "add_recording(): recording must be Recording, not 5"),
        (
            "add_recording",
            {"recording": Recording.conversation(1), "hearing": "exact"},
            "hearing must be Hearing | None, not 'exact'",
        ),
        ("add_tts_model", {"model_id": "a", "supports_timestamp": False}, "did you mean supports_timestamps?"),
        ("add_usage", {"model": "m", "ended_at": "2026"}, "add_usage(): ended_at must be datetime | None, not '2026'"),
        ("restrict_key", {"api_key": b"secret", "permissions": ()}, "api_key must be str, not bytes"),
        ("wait_for_webhook", {"transcription_id": "a", "timeout_sec": "1"}, "timeout_sec must be float, not '1'"),
    ],
)
def test_an_argument_of_another_type_is_refused_where_it_is_given(server, verb, arguments, told):
    with pytest.raises(TypeError, match=re.escape(told)):
        getattr(server if hasattr(server, verb) else server.faults, verb)(**arguments)
    server.check()


def test_a_status_may_be_one_of_the_standard_library(server):
    server.faults.answer(http.HTTPStatus.TOO_MANY_REQUESTS, times=1)
    assert statuses(server, 2) == [429, 200]


def test_arguments_by_position_are_checked_too(server):
    with pytest.raises(TypeError, match=re.escape("answer(): status_code must be int, not '503'")):
        server.faults.answer("503")
    with pytest.raises(TypeError, match=re.escape("answer(): too many positional arguments")):
        server.faults.answer(503, "service_unavailable")


def test_a_fault_is_removed_by_its_id(server):
    first, second = server.faults.answer(503), server.faults.html(502)
    assert (first.id, second.id) == ("fault-1", "fault-2")
    server.faults.remove("fault-1")
    assert statuses(server, 1) == [502]
    with pytest.raises(KeyError, match="there is no fault 'fault-1'; there are fault-2"):
        server.faults.remove("fault-1")
    assert server.fail_next_session("internal_error").id == "fault-3"
    assert server.drop_next_session().id == "fault-4"
    with server.faults.offline() as away:
        server.faults.remove(away.id)
        assert statuses(server, 1) == [502]


def test_a_strict_fake_tells_of_faults_and_functions_that_nothing_met():
    fake = FakeSoniox(strict=True).start()
    fake.faults.answer(503, operation="get_files", times=2)
    fake.faults.answer(503, operation="get_file")
    fake.on_session(test_a_strict_fake_tells_of_faults_and_functions_that_nothing_met, client_reference_id="me")
    assert call(fake, path="/v1/files")[0] == 503
    with pytest.raises(AssertionError) as told:
        fake.stop()
    assert "on get_files, 1 of 2 times" in str(told.value)
    assert "nothing_met for 'me'" in str(told.value)
    assert "get_file," not in str(told.value), "for ever is no promise"


# Answers


def test_an_answer_has_the_shape_of_the_api(server):
    server.faults.answer(429, retry_after_sec=1.5, times=1)
    status, headers, body = call(server)
    told = json.loads(body)
    assert (status, headers["Retry-After"], headers["Content-Type"]) == (429, "1.5", "application/json")
    assert (told["status_code"], told["error_type"]) == (429, "limit_exceeded")
    for given, sent in ((1_234_567, "1234567"), (0.00001, "0.00001"), (0, "0"), (10.0, "10")):
        server.faults.answer(503, retry_after_sec=given, times=1)
        assert call(server)[1]["Retry-After"] == sent
    server.faults.answer(502, message="mine", headers={"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, times=1)
    status, headers, body = call(server)
    told = json.loads(body)
    assert (status, told["error_type"], told["message"]) == (502, "bad_gateway", "mine")
    assert headers["Retry-After"].startswith("Fri")
    server.faults.answer(599, error_type="own", times=1)
    assert json.loads(call(server)[2])["error_type"] == "own"
    server.faults.answer(503, times=1)
    assert "Retry-After" not in call(server)[1]


def test_a_fault_leaves_the_connection_usable(server, connect):
    client = connect(server=server)
    server.faults.answer(503, times=1)
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    for status in (503, 200):
        connection.request("POST", "/v1/files", b"x" * 100_000, {"Authorization": "Bearer k"})
        response = connection.getresponse()
        response.read()
        assert (response.status, response.will_close) == (status if status == 503 else 400, False)
    connection.close()
    assert client("GET", "/v1/models").status == 200


def test_a_page_for_people(server):
    server.faults.html(times=1)
    status, headers, body = call(server)
    assert (status, headers.get_content_type()) == (502, "text/html")
    assert b"<h1>502 Bad Gateway</h1>" in body
    server.faults.html(200, times=1)
    assert call(server)[0] == 200


def test_bodies_that_are_spoiled(server):
    whole = call(server)[2]
    server.faults.truncate(times=1)
    status, headers, body = call(server)
    assert (status, body, int(headers["Content-Length"])) == (200, whole[: len(whole) // 2], len(body))
    server.faults.garble(times=1)
    status, _, body = call(server)
    assert (status, len(body)) == (200, len(whole))
    with pytest.raises(ValueError):
        json.loads(body)
    server.faults.content_type("text/html", times=1)
    status, headers, body = call(server)
    assert (status, headers["Content-Type"], body) == (200, "text/html", whole)


def test_a_slow_drip_comes_with_the_clock(server, clock):
    whole = call(server)[2]
    server.faults.drip(block_bytes=100, every_sec=1, times=1)
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    connection.connect()
    connection.request("GET", "/v1/models", headers={"Authorization": "Bearer k"})
    line = connection.sock
    assert len(line.recv(10_000)) == 100
    line.settimeout(0.05)
    with pytest.raises(TimeoutError):
        line.recv(1)
    line.settimeout(60)
    clock.advance(2)
    assert len(line.recv(200, 0x100)) == 200  # MSG_WAITALL
    clock.advance(3600)
    rest = b""
    while block := line.recv(10_000):
        rest += block
    assert rest.endswith(whole[-50:])
    connection.close()


def test_a_drip_ends_with_the_fake(clock):
    with FakeSoniox(clock=clock) as fake:
        fake.faults.drip()
        address = urlsplit(fake.url)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        connection.request("GET", "/v1/models", headers={"Authorization": "Bearer k"})
        assert connection.sock.recv(1) == b"H"
    connection.close()


# Connections that break


@pytest.mark.parametrize("how", ["reset", "eof"])
@pytest.mark.parametrize("when", ["before", "during", "after", "answer"])
def test_a_connection_is_lost(server, when, how):
    fault = server.faults.reset(when, how=how, operation="create_transcription", times=1)
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected, http.client.IncompleteRead)) as lost:
        create(server)
    if when == "answer":
        assert isinstance(lost.value, http.client.IncompleteRead) or how == "reset"
    else:
        # What was read is answered by silence; the end in order may become a reset where something was left unread.
        assert isinstance(lost.value, ConnectionResetError) or how == "eof" or when == "before"
    assert fault.hits == 1
    assert len(server.transcriptions) == (when in {"after", "answer"}), "done, and the answer lost"
    assert create(server)[0] == 201


def test_an_upload_is_cut_off(server):
    content = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n' + bytes(3_000_000)
    for when in ("before", "during", "after"):
        server.faults.reset(when, operation="upload_file", times=1)
        with pytest.raises(ConnectionError):
            call(
                server,
                "POST",
                "/v1/files",
                content + b"\r\n--b--\r\n",
                {"Content-Type": "multipart/form-data; boundary=b"},
            )
    assert [file.size for file in server.files] == [3_000_000]


@each_row("when", ["before", "during", "after", "answer"])
def test_an_exchange_stalls_until_the_fake_stops(when):
    with FakeSoniox() as fake:
        fake.faults.stall(when, operation="create_transcription")
        address = urlsplit(fake.url)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        payload = json.dumps({"model": "stt-async-v5", "audio_url": "https://example.com/a.mp3"})
        headers = {"Authorization": "Bearer k", "Content-Type": "application/json"}
        connection.request("POST", "/v1/transcriptions", payload, headers)
        line = connection.sock
        if when == "answer":
            assert line.recv(10_000).startswith(b"HTTP/1.1 201")
        if when == "after":
            wait_until(lambda: fake.transcriptions)
        line.settimeout(0.05)
        with pytest.raises(TimeoutError):
            line.recv(1)
        line.settimeout(60)
    with contextlib.suppress(ConnectionError):
        assert line.recv(10_000) == b""
    connection.close()
    assert len(fake.transcriptions) == (when in {"after", "answer"})


def test_a_server_goes_offline_for_a_while(server, clock):
    client = SttClient(server).start().audio(100)
    client.synchronize()
    fault = server.faults.offline(60)
    with pytest.raises(ConnectionResetError):
        client.rest()
    client.leave()
    assert server.sessions[0].ended == "dropped"
    with pytest.raises(ConnectionError):
        call(server)
    with pytest.raises((ConnectionError, websocket.WebSocketException)):
        SttClient(server)
    clock.advance(59)
    with pytest.raises(ConnectionError):
        call(server)
    clock.advance(1)
    assert call(server)[0] == 200
    assert fault.hits == 3
    SttClient(server).close()


def test_a_server_is_offline_within_a_block(server):
    with server.faults.offline(), pytest.raises(ConnectionError):
        call(server)
    assert call(server)[0] == 200


# WebSockets that are not opened


def test_a_websocket_is_refused(server):
    fault = server.faults.refuse(429, error_type="max_concurrent_connections_reached", retry_after_sec=3, times=1)
    assert call(server)[0] == 200, "for WebSockets only"
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        SttClient(server)
    assert refused.value.status_code == 429
    assert refused.value.resp_headers["retry-after"] == "3"
    assert json.loads(refused.value.resp_body)["error_type"] == "max_concurrent_connections_reached"
    SttClient(server).close()
    assert (fault.hits, len(server.sessions)) == (1, 1)


def test_any_answer_may_meet_a_websocket(server):
    server.faults.answer(503, times=1)
    server.faults.html(times=1, operation="stt")
    for status in (503, 502):
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            SttClient(server)
        assert refused.value.status_code == status
    server.faults.reset("after", times=1)
    SttClient(server).close()
    assert len(server.faults.pending) == 1, "a WebSocket has no such moment"


def test_the_handshake_may_stall_or_break(server):
    fault = server.faults.stall(operation="stt", times=1)
    with pytest.raises(websocket.WebSocketTimeoutException):
        websocket.create_connection(server.stt_websocket_url, timeout=0.05)
    wait_until(lambda: fault.hits)
    for how in ("reset", "eof"):
        server.faults.reset(how=how, operation="stt", times=1)
        with pytest.raises((ConnectionError, websocket.WebSocketException)):
            SttClient(server)
    assert server.sessions == ()


def test_connections_break_over_tls_as_well():
    with FakeSoniox(tls=True) as fake:
        address = urlsplit(fake.url)
        for fault in (fake.faults.reset("before", times=1), fake.faults.reset("answer", how="eof", times=1)):
            connection = http.client.HTTPSConnection(address.netloc, timeout=60, context=fake.ssl_context())
            connection.request("GET", "/v1/models", headers={"Authorization": "Bearer k"})
            with pytest.raises((OSError, http.client.HTTPException)), connection.getresponse() as response:
                response.read()
            connection.close()
            assert fault.hits == 1
        fake.faults.refuse(503, times=1)
        fake.faults.drop(times=1)
        trust = {"context": fake.ssl_context()}
        with pytest.raises(websocket.WebSocketBadStatusException):
            websocket.create_connection(fake.stt_websocket_url, timeout=60, sslopt=trust)
        line = websocket.create_connection(
            fake.stt_websocket_url, timeout=60, sslopt=trust, header=["Authorization: Bearer k"]
        )
        line.send(json.dumps(START))
        with pytest.raises((ConnectionError, websocket.WebSocketConnectionClosedException)):
            line.recv_data()
        line.shutdown()


# Sessions


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_session_is_dropped_after_so_many_messages(server, after):
    server.faults.drop(after_frames=after, how="close:1012", times=1)
    client = SttClient(server).start().audio(5000)
    messages, code = client.rest()
    assert (len(messages), code) == (after, 1012)
    client.close()
    assert (server.sessions[0].ended, server.sessions[0].close_code) == ("dropped", 1012)


def test_an_error_comes_after_so_many_messages(server):
    server.faults.error("service_unavailable", after_frames=2)
    client = SttClient(server).start().audio(5000)
    messages, code = client.rest()
    assert (len(messages), messages[-1]["error_code"], code) == (3, 503, 1000)
    check_error(messages[-1])
    client.close()


def test_the_last_message_may_be_all_there_is(server):
    """The drop comes after the message that says finished, before the close."""
    server.add_transcript("hello")
    server.faults.drop(after_frames=2, how="eof")
    client = SttClient(server).start().audio(100).text("")
    assert client.message()["tokens"]
    assert client.message()["finished"]
    with pytest.raises(websocket.WebSocketConnectionClosedException):
        client.message()
    client.leave()
    assert server.sessions[0].ended == "dropped"


def test_a_session_ends_without_a_close_frame(server):
    server.faults.drop(after_audio_ms=500, how="eof", times=1)
    client = SttClient(server).start().audio(600)
    with pytest.raises(websocket.WebSocketConnectionClosedException):
        client.rest()
    client.leave()


def test_a_half_open_session_swallows_everything(server, clock):
    fault = server.faults.half_open(after_audio_ms=100)
    client = SttClient(server).start().audio(200)
    for _ in range(20):
        client.ws.send_binary(bytes(1_000_000))  # more than any buffer holds
    clock.advance(3600)
    client.ws.settimeout(0.05)
    with pytest.raises(websocket.WebSocketTimeoutException):
        client.ws.recv_data(control_frame=True)
    client.leave()
    assert (fault.hits, server.sessions[0].ended, server.sessions[0].audio_bytes) == (1, "dropped", 1600)


@pytest.mark.parametrize("kind", ["reserved_bits", "opcode", "masked", "continuation", "utf8"])
@pytest.mark.parametrize("when", [{}, {"after_frames": 2}, {"after_audio_ms": 500}])
def test_a_client_that_is_strict_ends_at_a_malformed_frame(server, kind, when):
    server.style = "simple"  # One message for each word, so that there are two.
    server.faults.malformed_frame(kind, **when)

    async def meet():
        async with websockets.connect(
            server.stt_websocket_url, additional_headers={"Authorization": "Bearer k"}, compression=None
        ) as line:
            await line.send(json.dumps(START))
            await line.send(audio(600))
            with pytest.raises(websockets.ConnectionClosedError) as closed:
                [message async for message in line]
            return closed.value.sent.code

    assert asyncio.run(meet()) == (1007 if kind == "utf8" else 1002)


@pytest.mark.parametrize(
    ("kind", "opcode", "content"), [("json", 1, b'{"tokens":['), ("array", 1, b"[42]"), ("binary", 2, b"\0\1\2\3")]
)
def test_a_message_that_makes_no_sense_and_the_session_goes_on(server, kind, opcode, content):
    server.add_transcript("hello")
    server.faults.malformed_frame(kind)
    client = SttClient(server).start()
    assert client.ws.recv_data() == (opcode, content)
    client.audio(500).text("")
    messages, code = client.rest()
    assert (text_of(messages), code) == ("hello", 1000)
    client.close()


def test_faults_of_sessions_and_requests_do_not_meet(server):
    drop = server.faults.drop(times=1)
    garble = server.faults.garble(times=1)
    assert call(server)[0] == 200
    assert (drop.hits, garble.hits) == (0, 1)
    client = SttClient(server).start()
    with pytest.raises(ConnectionResetError):
        client.rest()
    client.leave()
    assert drop.hits == 1


def test_faults_from_many_threads_are_used_up_once(server):
    server.faults.answer(503, times=10)
    seen = []
    threads = [threading.Thread(target=lambda: seen.extend(statuses(server, 5))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (seen.count(503), seen.count(200)) == (10, 30)


# Two foreign clients and the frames between 125 and 65,536 bytes


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 65_537])
def test_websockets_and_the_fake_exchange_messages_of_every_length(server, length):
    server.on_session(lambda conversation: conversation.sends("m" * length) or conversation.expect_end())
    content = bytes(index % 251 for index in range(length))

    async def meet():
        async with websockets.connect(
            server.stt_websocket_url, additional_headers={"Authorization": "Bearer k"}
        ) as line:
            await line.send(json.dumps(START))
            assert await line.recv() == "m" * length
            await line.send(content)
            await line.send("")
            return [message async for message in line]

    asyncio.run(meet())
    assert server.session_audio(server.sessions[0].id) == content


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 65_537])
def test_websocket_client_and_the_fake_exchange_messages_of_every_length(server, length):
    server.on_session(lambda conversation: conversation.sends("m" * length) or conversation.expect_end())
    content = bytes(index % 251 for index in range(length))
    client = SttClient(server).start()
    assert client.ws.recv_data() == (1, b"m" * length)
    client.ws.send_binary(content)
    client.text("").rest()
    client.close()
    assert server.session_audio(server.sessions[0].id) == content
