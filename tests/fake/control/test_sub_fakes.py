"""Sub-fakes of a standalone server: fakes with URLs of their own, which share nothing but the port."""

from __future__ import annotations

import http.client
import json
import threading
from urllib.parse import urlsplit

import pytest
import websocket

from soniox_lite import SonioxAPIError
from tests.fake.control.harness import Control, ask, client_of


@pytest.fixture
def control():
    made = Control()
    with made.server:
        yield made


def test_a_sub_fake_has_its_own_url_for_everything(control):
    root = control.server.fake.url
    state = control.make(name="worker 1")
    url = f"{root}/~{state['id']}"
    assert (state["url"], state["name"], state["control_url"]) == (url, "worker 1", f"{url}/__fake__")
    assert state["api_base_url"] == f"{url}/v1"
    assert state["environment"]["SONIOX_API_BASE_URL"] == url
    assert ask(url, "GET", "state")[1].items() >= state.items()
    assert b"<title>Fake Soniox</title>" in ask(url, "GET", "")[1]
    with client_of(state) as client:
        client.files.upload(b"ID3", filename="a.mp3")
        with client.realtime.stt.connect(config={"model": "stt-rt-v5", "audio_format": "auto"}) as session:
            session.send_byte_chunk(b"ID3" + bytes(16_000))
            session.finish()
            assert list(session.receive_events())[-1].finished
    records = ask(url, "GET", "records")[1]
    assert ([file["filename"] for file in records["files"]], len(records["sessions"])) == (["a.mp3"], 1)
    assert control("GET", "records")[1]["files"] == []


def test_scripts_faults_clocks_keys_and_options_are_its_own(control):
    one, other = control.make(api_keys=["k"], style="simple"), control.make(clock="real")
    ask(one["url"], "POST", "scripts", {"transcripts": [{"transcript": "of the one"}]})
    ask(one["url"], "POST", "faults", {"verb": "answer", "status_code": 503, "operation": "get_files"})
    with client_of(one) as of_one, client_of(other) as of_other:
        job = of_one.stt.create(audio_url="https://example.com/a.mp3")
        with pytest.raises(SonioxAPIError, match="503"):
            of_one.files.list()
        assert of_other.files.list().files == []
        assert ask(one["url"], "POST", "clock", {"advance_sec": 5}) == (200, {"now_sec": 5})
        assert of_one.stt.get_transcript(job.id).text == "of the one"
    assert ask(other["url"], "POST", "clock", {"advance_sec": 5})[1]["now_sec"] > 5
    assert control("POST", "clock", {"advance_sec": 0}) == (200, {"now_sec": 0})
    assert [fake["clock"] for fake in control("GET", "fakes")[1]["fakes"]] == ["virtual", "real"]


def test_options_of_the_server_hold_for_its_sub_fakes_but_not_its_scripts(tmp_path):
    script = tmp_path / "script.json"
    script.write_text('{"transcripts": [{"transcript": "once"}]}')
    control = Control({"clock": "virtual", "style": "simple"}, scripts=[script])
    with control.server:
        state = control.make(clock="real")
        assert ask(state["url"], "POST", "settings", {})[1]["style"] == "simple"
        assert "'once'" not in ask(state["url"], "GET", "report")[1]["report"]
        assert "'once'" in control("GET", "report")[1]["report"]


def test_a_reset_keeps_the_url_and_touches_no_other(control):
    one, other = control.make(), control.make()
    with client_of(one) as of_one, client_of(other) as of_other:
        for client in (of_one, of_other):
            client.files.upload(b"ID3", filename="a.mp3")
        assert ask(one["url"], "POST", "reset", {})[1]["url"] == one["url"]
        assert (len(of_one.files.list().files), len(of_other.files.list().files)) == (0, 1)


def test_a_deleted_fake_ends_its_sessions_and_answers_no_more(control):
    state = control.make(name="worker 1")
    live = websocket.create_connection(state["stt_websocket_url"], timeout=60, header=["Authorization: Bearer k"])
    assert control("DELETE", f"fakes/{state['id']}") == (200, {})
    assert live.sock.recv(1) == b""
    live.shutdown()
    address = urlsplit(state["url"])
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    connection.request("GET", f"{address.path}/v1/files", headers={"Authorization": "Bearer k"})
    response = connection.getresponse()
    message = json.loads(response.read())["message"]
    assert message == f"The fake worker 1 at /~{state['id']} was deleted; GET /v1/files came too late."
    assert response.status == 410
    connection.close()
    assert ask(state["url"], "GET", "state")[0] == 404
    assert control("GET", "fakes") == (200, {"fakes": []})
    for number in (state["id"], "0", "x", "9" * 30):
        assert control("DELETE", f"fakes/{number}")[0] == 404
    assert control.make()["id"] != state["id"]


def test_a_script_is_not_added_to_a_fake_that_is_being_deleted(control):
    state = control.make()
    hosted = control.server.find(int(state["id"]))
    hosted.stop()
    for request in ("scripts", "reset"):
        assert ask(state["url"], "POST", request, {}) == (404, {"error": "It was deleted at the same time."})


def test_a_strict_fake_is_judged_when_it_is_deleted(control):
    state = control.make(strict=True)
    ask(state["url"], "POST", "scripts", {"transcripts": [{"transcript": "never said"}]})
    status, body = control("DELETE", f"fakes/{state['id']}")
    assert (status, "never said" in body["error"]) == (409, True)
    assert control("GET", "fakes") == (200, {"fakes": []})


def test_the_fake_that_was_idle_longest_makes_room(monkeypatch):
    now = [0.0]
    for module in ("front.shared", "control.standalone", "control.hosted", "control.api"):
        monkeypatch.setattr(f"soniox_testing.{module}.time", type("time", (), {"monotonic": lambda: now[0]}))
    control = Control(max_fakes=3)
    with control.server:
        used, idle, live = (control.make(name=name) for name in ("used", "idle", "live"))
        session = websocket.create_connection(live["stt_websocket_url"], timeout=60, header=["Authorization: Bearer k"])
        now[0] = 59
        status, body = control("POST", "fakes", {})
        assert (status, "--max-fakes" in body["error"]) == (429, True)
        now[0] = 61
        with client_of(used) as client:
            client.files.list()
        fourth = control.make(name="new")
        listed = control("GET", "fakes")[1]["fakes"]
        assert [(fake["name"], fake["idle_sec"]) for fake in listed] == [("used", 0), ("live", 0), ("new", 0)]
        assert ask(idle["url"], "GET", "state")[0] == 404
        assert control("DELETE", f"fakes/{fourth['id']}")[0] == 200
        session.shutdown()


def test_fakes_made_and_deleted_at_once_leave_nothing(control):
    problems = []

    def work():
        for _ in range(5):
            state = control.make()
            live = websocket.create_connection(
                state["stt_websocket_url"], timeout=60, header=["Authorization: Bearer k"]
            )
            answers = []
            deleting = [
                threading.Thread(target=lambda: answers.append(control("DELETE", f"fakes/{state['id']}")[0]))  # noqa: B023
                for _ in range(2)
            ]
            resetting = threading.Thread(target=lambda: answers.append(ask(state["url"], "POST", "reset", {})[0]))  # noqa: B023
            for thread in (*deleting, resetting):
                thread.start()
            for thread in (*deleting, resetting):
                thread.join()
            live.shutdown()
            if sorted(answers) not in ([200, 200, 404], [200, 404, 404]):
                problems.append(answers)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (problems, control("GET", "fakes")[1]) == ([], {"fakes": []})
