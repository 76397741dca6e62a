from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

import pytest
import websocket

from soniox_lite import SonioxAPIError
from tests.fake.control.harness import Control
from tests.fake.stt_client import SttClient
from tests.fake.tts_client import TtsClient
from tests.support.tables import each_row


@pytest.fixture
def control():
    made = Control()
    with made.server:
        yield made


def test_the_state_says_where_everything_is(control):
    status, state = control("GET", "state")
    url = control.server.fake.url
    assert (status, urlsplit(url).path) == (200, "")
    assert state == {
        "id": "0",
        "name": None,
        "url": url,
        "control_url": f"{url}/__fake__",
        "api_base_url": f"{url}/v1",
        "stt_websocket_url": url.replace("http", "ws") + "/transcribe-websocket",
        "tts_api_base_url": url,
        "tts_websocket_url": url.replace("http", "ws") + "/tts-websocket",
        "api_key": "fake-soniox-key",
        "environment": control.server.fake.environment(),
        "ca_file": None,
        "clock": "virtual",
        "pending_faults": [],
        "time": state["time"],
        "now_sec": 0.0,
        "settings": {"audio": "checked", "style": "real", "limits": state["settings"]["limits"]},
        "unused": [],
    }
    assert state["time"] == control.server.fake.clock.timestamp()


def test_records_are_what_the_fake_holds(control):
    with control.client() as client:
        client.files.upload(b"sound", filename="a.mp3")
        client.stt.create(audio_url="https://example.com/b.mp3", config={"context": {"text": "about"}})
        with client.realtime.stt.connect(config={"model": "stt-rt-v5", "audio_format": "auto"}) as session:
            session.finish()
            list(session.receive_events())
    status, records = control("GET", "records")
    assert status == 200
    assert [file["filename"] for file in records["files"]] == ["a.mp3"]
    assert [job["audio_url"] for job in records["transcriptions"]] == ["https://example.com/b.mp3"]
    assert [session["config"]["model"] for session in records["sessions"]] == ["stt-rt-v5"]
    assert [(request["method"], request["path"]) for request in records["requests"]] == [
        ("POST", "/v1/files"),
        ("POST", "/v1/transcriptions"),
    ]
    assert records["webhooks"] == []


def test_records_are_json_also_where_a_client_sent_what_is_none(control):
    client = TtsClient(control.server.fake).start(something=float("nan"), other=[float("-inf")])
    client.synchronize()
    address = urlsplit(control.server.fake.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    connection.request("GET", "/__fake__/records")
    text = connection.getresponse().read()
    connection.close()
    client.close()

    def refuse(constant):
        raise AssertionError(constant)

    config = json.loads(text, parse_constant=refuse)["speeches"][0]["config"]
    assert (config["something"], config["other"]) == ("nan", ["-inf"])


def test_speech_is_in_the_records_and_can_fail(control):
    fake = control.server.fake
    client = TtsClient(fake).start().say("Hello.")
    assert client.stream()[-2]["audio_end"]
    fault = {"verb": "delay_audio", "seconds": 2, "times": 1}
    assert control("POST", "faults", fault)[1]["operation"] == "tts"
    client.start().say("Late.").synchronize()
    assert control("GET", "records")[1]["speeches"][1]["audio_bytes"] == 0
    assert control("POST", "clock", {"advance_sec": 2}) == (200, {"now_sec": 2})
    client.stream()
    assert control("POST", "faults", {"verb": "spoil_audio", "kind": "nonsense"})[0] == 400
    client.close()
    records = control("GET", "records")[1]
    assert [(one["texts"], one["stream_id"], one["ended"]) for one in records["speeches"]] == [
        (["Hello."], "s", "finished"),
        (["Late."], "s", "finished"),
    ]
    (connection,) = records["speech_connections"]
    assert records["speeches"][0]["connection_id"] == connection["id"]


def test_scripts_are_said(control):
    script = {
        "transcripts": [
            {"transcript": "plain words", "filename": "a.mp3"},
            {"transcript": [{"text": "timed", "start_ms": 500, "end_ms": 900, "speaker": "2"}], "filename": "b.mp3"},
        ],
        "failures": [{"error_type": "audio_too_long", "message": "Too long.", "filename": "c.mp3"}],
    }
    assert control("POST", "scripts", script) == (200, {"recordings": []})
    with control.client() as client:
        jobs = {
            name: client.stt.create(
                audio_url=f"https://example.com/{name}", config={"enable_speaker_diarization": True}
            ).id
            for name in ("a.mp3", "b.mp3", "c.mp3")
        }
        control("POST", "clock", {"advance_sec": 1})
        assert client.stt.get_transcript(jobs["a.mp3"]).text == "plain words"
        token = client.stt.get_transcript(jobs["b.mp3"]).tokens[0]
        assert (token.start_ms, token.speaker) == (500, "2")
        assert client.stt.get(jobs["c.mp3"]).error_type == "audio_too_long"


@each_row(
    ("script", "message"),
    [
        ([], "The body must be a JSON object."),
        ({"transcripts": {}}, "the script.transcripts must be a list, not {}"),
        ({"transcripts": ["x"]}, "transcripts[0] must be an object with transcript, filename, "),
        ({"transcripts": [{}]}, "transcripts[0] needs transcript"),
        ({"transcripts": [{"transcript": 1}]}, "transcripts[0].transcript must be a text or a list of words"),
        ({"transcripts": [{"transcript": "a", "name": "b"}]}, "transcripts[0] has no name"),
        ({"transcripts": [{"transcript": [{}]}]}, "transcripts[0].transcript[0]"),
        ({"transcripts": [{"transcript": [{"text": "a", "start_ms": "1"}]}]}, "start_ms must be int | None, not '1'"),
        (
            {"transcripts": [{"transcript": [{"text": "a", "start_ms": 9}, {"text": "b", "start_ms": 1}]}]},
            "transcripts[0].transcript[1]: the Word 'b' is at 1 ms, after a time of 9 ms",
        ),
        ({"failures": [{"error_type": "x"}]}, "failures[0] needs message"),
    ],
)
def test_a_bad_script_changes_nothing_and_says_where(control, script, message):
    if isinstance(script, dict):
        script = {"failures": [], **script}
        good = {"transcript": "good"}
        if isinstance(script.get("transcripts"), list):
            script["transcripts"].append(good)
    status, body = control("POST", "scripts", script)
    assert status == 400
    assert message in body["error"]
    control.server.fake.check()


def test_faults_strike_and_are_cleared(control):
    status, fault = control("POST", "faults", {"verb": "answer", "status_code": 503, "operation": "get_files"})
    assert (status, fault["operation"], fault["hits"]) == (200, "get_files", 0)
    with control.client() as client:
        with pytest.raises(SonioxAPIError) as caught:
            client.files.list()
        assert caught.value.status_code == 503
        assert control("GET", "state")[1]["pending_faults"][0]["hits"] == 1
        assert control("DELETE", "faults") == (200, {})
        assert client.files.list().files == []


def test_voices_can_be_told_to_fail_until_all_faults_are_removed(control):
    fake = control.server.fake
    assert control("POST", "faults", {"verb": "fail_next_voice", "error_type": "e", "message": "m"}) == (200, {})
    assert control("DELETE", "faults") == (200, {})
    with control.client() as client:
        client.voices.create(b"sound", name="Ada", filename="a.wav")
    assert control("POST", "clock", {"advance_sec": 5})[0] == 200
    assert {model.status for model in fake.voices[0].models} == {"ready"}


def test_sessions_can_be_told_to_fail(control):
    assert control("POST", "faults", {"verb": "fail_next_session", "error_type": "service_unavailable"})[0] == 200
    with (
        control.client() as client,
        client.realtime.stt.connect(config={"model": "stt-rt-v5", "audio_format": "auto"}) as session,
    ):
        assert [event.error_code for event in session.receive_events()] == [503]


def test_voices_can_be_told_to_fail_and_costs_are_exact(control):
    fault = {"verb": "fail_next_voice", "error_type": "voice_unclear", "message": "No speech.", "name": "Ada"}
    assert control("POST", "faults", fault) == (200, {})
    control.server.fake.add_usage("tts-rt-v2", text="abcd")
    with control.client() as client:
        client.voices.create(b"sound", name="Ada")
    control("POST", "clock", {"advance_sec": 1})
    records = control("GET", "records")[1]
    assert [model["error_type"] for model in records["voices"][0]["models"]] == ["voice_unclear"]
    assert [entry["input_text_cost_usd"] for entry in records["usage"]] == ["0.0000040000"]


@each_row(
    ("fault", "message"),
    [
        ({}, "verb must be one of answer, "),
        ({"verb": "__init__"}, "verb must be one of"),
        ({"verb": ["answer"]}, "verb must be one of"),
        ({"verb": "answer"}, "answer() needs status_code"),
        ({"verb": "answer", "status_code": "503"}, "answer(): status_code must be int, not '503'"),
        ({"verb": "answer", "status_code": True}, "answer(): status_code must be int, not True"),
        ({"verb": "answer", "status_code": 42}, "answer(): "),
        ({"verb": "answer", "status_code": 503, "headers": {"a": 1}}, "headers must be Mapping"),
        ({"verb": "answer", "status_code": 503, "count": 1}, "answer() has no count; it has error_type, "),
        ({"verb": "answer", "status_code": 503, "operation": "nothing"}, "nothing"),
        ({"verb": "drop_next_session", "how": "gently"}, "drop_next_session(): how must be"),
        ({"verb": "drop_next_session", "after_audio_ms": 1.5}, "after_audio_ms must be int | None, not 1.5"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(control, fault, message):
    status, body = control("POST", "faults", fault)
    assert status == 400
    assert message in body["error"]
    assert control("GET", "state")[1]["pending_faults"] == []


def test_limits_are_a_setting(control):
    status, settings = control("POST", "settings", {"limits": {"max_files": 0, "project": {"max_voices": 1}}})
    assert (status, settings["limits"]["max_files"], settings["limits"]["project"]["max_voices"]) == (200, 0, 1)
    with control.client() as client, pytest.raises(SonioxAPIError, match="Total file count limit"):
        client.files.upload(b"sound", filename="a.mp3")
    status, body = control("POST", "settings", {"limits": {"max_file": 3}})
    assert (status, "there is no limit 'max_file'" in body["error"]) == (400, True)
    assert control.server.fake.limits.max_files == 0
    control("POST", "settings", {"limits": "service"})
    assert control.server.fake.limits.max_files == 1000


def test_the_clock_moves_only_forward_whether_it_is_virtual_or_not(control):
    assert control("POST", "clock", {"advance_sec": 1.5}) == (200, {"now_sec": 1.5})
    for body in ({}, {"advance_sec": -1}, {"advance_sec": "1"}, {"advance_sec": True}, {"advance_sec": 1, "x": 1}):
        assert control("POST", "clock", body)[0] == 400
    assert control("POST", "reset", {"clock": "real"})[0] == 200
    status, body = control("POST", "clock", {"advance_sec": 60})
    assert (status, 60 <= body["now_sec"] < 120) == (200, True)


def test_a_reset_forgets_everything_and_ends_what_is_open(control):
    with control.client() as client:
        client.files.upload(b"sound", filename="a.mp3")
        url = control.server.fake.url
        live = websocket.create_connection(
            control.server.fake.stt_websocket_url, timeout=60, header=["Authorization: Bearer k"]
        )
        assert control("POST", "reset", {})[0] == 200
        assert live.sock.recv(1) == b""
        live.shutdown()
        assert control.server.fake.url == url
        assert client.files.list().files == []
        assert control("GET", "records")[1]["sessions"] == []


def test_a_reset_tells_of_a_fake_that_failed_and_resets_all_the_same(control):
    def fail(_):
        raise ZeroDivisionError("inside")

    control.server.fake.on_session(fail)
    session = SttClient(control.server.fake, control.server.fake.api_key).start()
    session.rest()
    session.leave()
    status, body = control("POST", "reset", {})
    assert (status, "ZeroDivisionError: inside" in body["error"]) == (500, True)
    assert control("POST", "reset", {})[0] == 200


@each_row(
    ("method", "name", "body", "headers", "status", "message"),
    [
        ("GET", "nothing", None, None, 404, "GET /__fake__/state"),
        ("POST", "state", b"{}", None, 404, "There is no POST"),
        ("POST", "reset", b"{}", {"Content-Type": "text/plain"}, 415, "application/json"),
        ("POST", "reset", b"{}", {}, 415, "application/json"),
        ("GET", "records?onyl=files", None, None, 400, "asked for with last and only, not with 'onyl'"),
        ("POST", "scripts", b"{", None, 400, "not JSON"),
        ("POST", "scripts", b"[" * 100_000, None, 400, "not JSON"),
        ("GET", "state", None, {"Host": "evil.example"}, 403, "not by 'evil.example'"),
    ],
)
@pytest.mark.usefixtures("deep_json")
def test_what_is_refused_says_why(control, method, name, body, headers, status, message):
    found, answer = control(method, name, body, headers)
    assert (found, message in answer["error"]) == (status, True)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused(control, monkeypatch, chunked):
    monkeypatch.setattr("soniox_testing.control.api.MAX_BODY_BYTES", 10)
    body = iter([b'{"a": ', b'"bcdef"}']) if chunked else b'{"a": "bcdef"}'
    status, answer = control("POST", "scripts", body)
    assert (status, answer) == (413, {"error": "The body is larger than 10 bytes."})


def test_other_machines_are_refused_unless_they_are_let_in(monkeypatch):
    monkeypatch.setattr("soniox_testing.control.api.is_loopback", lambda host: host != "127.0.0.1")
    closed, opened = Control(), Control(open_control=True)
    with closed.server, opened.server:
        status, body = closed("GET", "state")
        assert (status, "--open-control" in body["error"]) == (403, True)
        assert opened("GET", "state", headers={"Host": "fake.example"})[0] == 200


def test_other_machines_are_let_in_by_the_name_of_a_container(monkeypatch):
    monkeypatch.setattr("soniox_testing.control.api.is_loopback", lambda host: False)
    control = Control(allow_hosts=["Soniox", "::1"])
    with control.server:
        for host in ("soniox:8000", "SONIOX", "[::1]:8000"):
            status, state = control("GET", "state", headers={"Host": host})
            assert (status, state["api_base_url"]) == (200, f"http://{host}/v1")
            assert state["environment"]["SONIOX_API_BASE_URL"] == f"http://{host}"
        for host in ("evil.example", "soniox.evil.example", "127.0.0.1:8000"):
            status, body = control("GET", "state", headers={"Host": host})
            assert (status, "--allow-host" in body["error"]) == (403, True)


def test_a_sub_fake_may_be_deleted_on_the_connection_that_used_it(control):
    address = urlsplit(control.server.fake.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)

    def call(method, path, body=None):
        headers = {"Content-Type": "application/json", "Authorization": "Bearer key-a"}
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())

    status, made = call("POST", "/__fake__/fakes", "{}")
    assert status == 200
    assert call("GET", f"{urlsplit(made['url']).path}/v1/files")[0] == 200
    assert call("DELETE", f"/__fake__/fakes/{made['id']}")[0] == 200
    assert call("GET", "/__fake__/fakes")[0] == 200
    connection.close()


def test_no_key_is_needed_for_control_but_for_the_api_beside_it(control):
    address = urlsplit(control.server.fake.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    for path, status in (("/__fake__/state", 200), ("/v1/files", 401), ("/__fake__", 200), ("/nothing", 404)):
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        assert (path, response.status) == (path, status)
    connection.close()
