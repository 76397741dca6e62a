"""What a test may claim about its fake."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

import pytest

from soniox_testing import FakeSoniox, assertions
from soniox_testing.hearing import stt_options
from soniox_testing.realtime import stt_config
from soniox_testing.realtime.stt_config import START_FIELDS
from soniox_testing.speaking import request as speech_request
from soniox_testing.speaking.request import SPEECH_FIELDS
from tests.fake.stt_client import SttClient
from tests.fake.tts_client import TtsClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from soniox_testing import RequestRecord


@pytest.fixture
def stt(fake: FakeSoniox) -> Iterator[Any]:
    """Opens sessions on ``fake``."""
    clients: list[SttClient] = []

    def make() -> SttClient:
        clients.append(SttClient(fake))
        return clients[-1]

    yield make
    for made in clients:
        made.leave()


def failure(call, *args, **kwargs) -> str:
    with pytest.raises(AssertionError) as caught:
        call(*args, **kwargs)
    return str(caught.value)


def test_requests_are_kept_without_the_key(fake, client):
    client("GET", "/v1/files?limit=2&cursor=", headers={"X-Own": "1"})
    client("GET", "/v1/files/nothing")
    client("PATCH", "/v1/files")
    client("GET", "/v2/files")
    records: tuple[RequestRecord, ...] = fake.requests
    assert [(r.method, r.path, r.query, r.status, r.error_type, r.route) for r in records] == [
        ("GET", "/v1/files", "limit=2&cursor=", 200, None, "/v1/files"),
        ("GET", "/v1/files/nothing", "", 404, "file_not_found", "/v1/files/{file_id}"),
        ("PATCH", "/v1/files", "", 405, "method_not_allowed", None),
        ("GET", "/v2/files", "", 404, "not_found", None),
    ]
    assert records[0].headers["x-own"] == "1"
    assert records[0].headers["authorization"] == "Bearer " + "*" * 18
    assert "key-a" not in repr(records)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT.*Z", records[0].at)


@pytest.mark.parametrize("header", ["secret-key", "Basic secret-key", "secret-key more"])
def test_no_form_of_key_is_kept(fake, connect, header):
    client = connect(None)
    client("GET", "/v1/files", headers={"Authorization": header})
    assert "secret-key" not in repr(fake.requests)


def test_an_upload_may_be_claimed(fake, client):
    first = client.upload(b"one", "a.mp3", client_reference_id="r").json
    second = client.upload(b"two", "b.mp3").json
    client("DELETE", f"/v1/files/{first['id']}")
    assert fake.assert_uploaded().id == first["id"]
    assert fake.assert_uploaded(filename="a.mp3", content=b"one", client_reference_id="r").id == first["id"]
    assert fake.assert_uploaded(content=b"two").id == second["id"]


def test_an_upload_that_was_not_shows_the_nearest(fake, client):
    assert failure(fake.assert_uploaded, filename="a.mp3") == (
        "no upload with filename='a.mp3': there was no upload at all"
    )
    client.upload(b"xyz", "far.mp3")
    near = client.upload(b"one", "a.mp3", client_reference_id="s").json["id"]
    message = failure(fake.assert_uploaded, filename="a.mp3", content=b"one", client_reference_id="r")
    assert message.splitlines()[1:] == [
        f"nearest of 2: {near}",
        "  client_reference_id: expected 'r', was 's'",
    ]
    message = failure(fake.assert_uploaded, content=b"longer")
    assert "  size: expected 6, was 3\n" in message
    assert "  sha256: expected " in message


def test_a_job_may_be_claimed(fake, client, time):
    job = client.create(language_hints=["en", "de"], context={"terms": ["x"]}, client_reference_id="r").json
    other = client.create(enable_speaker_diarization=True).json
    fake.assert_transcribed(status="queued", id=job["id"])
    time.now_sec += 20
    found = fake.assert_transcribed(
        language_hints=["en", "de"], context={"terms": ("x",)}, client_reference_id="r", status="completed"
    )
    assert found.id == job["id"]
    client("DELETE", f"/v1/transcriptions/{other['id']}")
    assert fake.assert_transcribed(enable_speaker_diarization=True).id == other["id"]
    assert failure(fake.assert_transcribed, client_reference_id="q", language_hints=["en", "de"]).splitlines() == [
        "no transcription with client_reference_id='q', language_hints=['en', 'de']",
        f"nearest of 2: {job['id']}",
        "  client_reference_id: expected 'q', was 'r'",
    ]
    with pytest.raises(TypeError, match="has no colour"):
        fake.assert_transcribed(colour="red")


def test_long_values_are_cut(fake, client):
    client.create(context="x" * 1000)
    message = failure(fake.assert_transcribed, context="y" * 1000)
    assert len(message) < 1000


def test_that_nothing_is_left_may_be_claimed(fake, client):
    fake.assert_no_files_left()
    fake.assert_no_jobs_left()
    file_id = client.upload(filename="a.mp3").json["id"]
    job_id = client.create(file_id=file_id).json["id"]
    assert failure(fake.assert_no_files_left) == f"Files left:\n  'a.mp3' ({file_id})"
    assert failure(fake.assert_no_jobs_left) == f"Transcriptions left:\n  'a.mp3' ({job_id}), queued"
    client("DELETE", f"/v1/transcriptions/{job_id}")
    client("DELETE", f"/v1/files/{file_id}")
    fake.assert_no_files_left()
    fake.assert_no_jobs_left()


def test_a_long_list_is_cut(fake, client):
    for _ in range(25):
        client.upload()
    message = failure(fake.assert_no_files_left)
    assert message.endswith("\n  and 5 more")
    assert len(message.splitlines()) == 22


def test_requests_may_be_claimed(fake, client):
    client("GET", "/v1/files/a")
    client("GET", "/v1/files/b")
    assert [r.path for r in fake.assert_requested("get", "/v1/files/a")] == ["/v1/files/a"]
    assert len(fake.assert_requested("GET", "/v1/files/{file_id}", times=2)) == 2
    assert fake.assert_requested("POST", "/v1/files", times=0) == ()
    assert failure(fake.assert_requested, "GET", "/v1/files/a", times=2) == (
        "GET /v1/files/a should have been requested 2 time(s), but was 1 time(s). Requests:\n"
        "  GET /v1/files/a -> 404\n  GET /v1/files/b -> 404"
    )
    assert "at least once, but was 0 time(s)" in failure(fake.assert_requested, "POST", "/v1/files")
    assert "Requests:" in failure(fake.assert_requested, "GET", "/v1/files/b", times=0)


def test_a_fake_that_was_used_as_planned_has_nothing_to_say(fake, client):
    fake.check()
    fake.add_transcript("hello")
    client.create()
    client("GET", "/v1/files/nothing")
    fake.check()


def test_what_was_not_used_is_told(fake, client):
    fake.add_transcript("hello world", filename="a.mp3", client_reference_id="r")
    fake.fail_next_job("model_not_available", "gone", filename="b.mp3")
    client("GET", "/v1/nothing")
    client("PUT", "/v1/files")
    assert failure(fake.check).splitlines() == [
        "Never used:",
        "  the transcript 'hello world' for filename='a.mp3', client_reference_id='r'",
        "  the failure 'model_not_available' (gone) for filename='b.mp3'",
        "Requests to nothing:",
        "  GET /v1/nothing -> 404",
        "  PUT /v1/files -> 405",
    ]


def test_a_script_of_a_session_that_was_not_used_is_told(fake):
    fake.add_transcript("hello")
    fake.fail_next_session("service_unavailable")
    message = failure(fake.check)
    assert "the transcript 'hello' for any audio" in message
    assert "service_unavailable" in message
    assert "0 of 1 times" in message


def test_a_request_that_was_told_to_fail_is_a_known_one(fake, client):
    fake.faults.answer(404, operation="get_file", times=1)
    client("GET", "/v1/files/a")
    assert fake.assert_requested("GET", "/v1/files/{file_id}", times=1)[0].status == 404
    fake.check()


def test_a_fault_that_may_happen_need_not_happen(fake):
    fake.faults.answer(503)
    fake.faults.answer(503, times=1, probability=0.5)
    fake.check()
    fake.faults.answer(503, times=2, operation="get_file")
    assert "on get_file, 0 of 2 times" in failure(fake.check)


def test_a_function_that_ran_no_session_is_told(fake):
    fake.on_session(print, times=None)
    fake.check()
    fake.on_session(print)
    assert "a function for a session: " in failure(fake.check)


def test_a_session_may_be_claimed(fake, stt):
    session = stt()
    session.start(client_reference_id="r", language_hints=["en"]).audio(1000).message()
    found = fake.assert_session(model="stt-rt-v5", language_hints=["en"], client_reference_id="r", context=None)
    assert found.id == fake.sessions[0].id
    fake.assert_session(audio_bytes=8000, ended=None)
    assert failure(fake.assert_session, audio_bytes=8000, context="x").splitlines()[1:] == [
        f"nearest of 1: {found.id}",
        "  context: expected 'x', was None",
    ]


def test_a_session_that_is_left_open_is_told(fake, stt, monkeypatch):
    session = stt()
    session.start().audio(1000).message()
    with monkeypatch.context() as patch:
        patch.setattr(assertions, "GRACE_SEC", 0.1)
        message = failure(fake.check)
    assert message.startswith(f"Sessions left open:\n  {fake.sessions[0].id}, since ")
    assert message.endswith("8000 bytes of audio")
    session.ws.close()
    fake.check()


def test_a_strict_fake_checks_when_it_stops():
    with pytest.raises(AssertionError, match="Never used"), FakeSoniox(strict=True) as server:
        server.add_transcript("hello")
    server.stop()


def test_a_strict_fake_does_not_hide_another_exception():
    server = FakeSoniox(strict=True)
    server.add_transcript("hello")
    with pytest.raises(LookupError), server:
        raise LookupError


def test_a_fake_that_is_not_strict_checks_nothing():
    with FakeSoniox() as server:
        server.add_transcript("hello")


@pytest.mark.parametrize(
    ("claim", "given", "near"),
    [
        ("assert_session", {"endd": "finished"}, "ended"),
        ("assert_session", {"language_hint": None}, "language_hints"),
        ("assert_spoken", {"voise": None}, "voice"),
        ("assert_transcribed", {"statuss": "completed"}, "status"),
        ("assert_uploaded", {"file_name": "a.mp3"}, "filename"),
        ("assert_requested", {"method": "GET", "path": "/v1/files", "time": 1}, "times"),
    ],
)
def test_a_misspelt_name_is_refused_with_the_nearest(fake, stt, claim, given, near):
    stt().start().audio(100).leave()
    with pytest.raises(TypeError, match=f"did you mean {near}\\?"):
        getattr(fake, claim)(**given)


def test_a_field_that_means_nothing_may_be_claimed_where_a_client_sent_it(fake, stt):
    with pytest.raises(TypeError, match="has no tenant"):
        fake.assert_session(tenant="seven")
    stt().start(tenant="seven").synchronize()
    assert fake.assert_session(tenant="seven", context=None).config["tenant"] == "seven"


def test_the_fields_that_may_be_claimed_are_all_that_a_start_message_is_asked_for():
    """Each is asked for by its name in the source of the rules."""
    for modules, fields in (([stt_config, stt_options], START_FIELDS), ([speech_request], SPEECH_FIELDS)):
        source = "".join(inspect.getsource(module) for module in modules)
        asked = set(re.findall(r"fields\.(?!note)[a-z]+\(\"(\w+)\"", source))
        assert asked <= fields
        assert fields - asked <= {"context", "translation", "language_hints"}  # those have readers of their own


def test_the_report_shows_texts_as_they_were_sent_and_nothing_that_moves_a_cursor(fake, client):
    client("GET", "/v1/files/%1B%5B2J%E2%80%AE")
    speaker = TtsClient(fake)
    for text in ("Hel", "lo, ", "you."):
        speaker.say(text, end=text == "you.") if text != "Hel" else speaker.start().say(text, end=False)
    speaker.stream()
    speaker.close()
    client.create(language_hints=["x" * 99], filename="a.mp3")
    report = fake.report()
    assert re.search(
        r"POST /v1/transcriptions -> 400 \(invalid_request\)\n    .*\n    body.payload.language_hints.*: ", report
    )
    assert "Texts to speak:\n  'Hello, you.', finished\n" in report
    assert "GET /v1/files/\\x1b[2J\\u202e -> 404 (file_not_found)" in report
    assert report.isascii()
