"""Limits, budgets and restricted keys."""

from __future__ import annotations

import dataclasses
import http.client
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from soniox_testing import FakeSoniox, Limits, ProjectLimits, VirtualClock, after_seconds
from tests.fake.stt_client import SttClient
from tests.fake.tts_client import TtsClient
from tests.support.tables import each_row

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT = json.loads((Path(__file__).parents[2] / "data" / "openapi.json").read_text())
ALL = [
    (method.upper(), path)
    for path, operations in DOCUMENT["paths"].items()
    if path.startswith("/v1/")
    for method in operations
]
_BUDGETS = [
    "organization_balance_exhausted",
    "organization_monthly_budget_exhausted",
    "project_monthly_budget_exhausted",
]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def fake(clock: VirtualClock) -> Iterator[FakeSoniox]:
    """A job here is queued for 10 s, then processing for 10 s."""
    with FakeSoniox(key_in_start_message=True, clock=clock, progress=after_seconds(queued=10, processing=10)) as server:
        yield server


def refusal(answer):
    return answer.status, answer.json["error_type"]


def test_there_are_no_limits_at_first(fake):
    assert fake.limits == Limits()
    assert {**vars(fake.limits), "project": None} == dict.fromkeys(vars(Limits()))
    assert set(vars(fake.limits.project).values()) == {None}


def test_no_more_files_than_the_limit(fake, client, connect):
    fake.limits.max_files = 2
    first = client.upload().json["id"]
    assert connect("key-b").upload().status == 201
    answer = client.upload()
    assert refusal(answer) == (429, "limit_exceeded")
    assert "Total file count limit has been exceeded for your organization: 2 files" in answer.json["message"]
    assert len(fake.files) == 2
    client("DELETE", f"/v1/files/{first}")
    assert client.upload().status == 201


def test_no_more_bytes_than_the_limit(fake, client):
    fake.limits.max_storage_bytes = 10
    assert client.upload(b"1234567").status == 201
    answer = client.upload(b"1234")
    assert refusal(answer) == (429, "limit_exceeded")
    assert "Total file size limit has been exceeded for your organization: 10 bytes" in answer.json["message"]
    assert client.upload(b"123").status == 201


def test_a_bad_upload_is_400_although_there_is_no_room(fake, client):
    fake.limits.max_files = 0
    assert client.upload(filename="x" * 256).status == 400


def test_no_more_transcriptions_than_the_limit(fake, client, clock):
    fake.limits.max_transcriptions = 1
    job = client.create().json
    clock.advance(20)
    assert refusal(client.create()) == (429, "limit_exceeded")
    client("DELETE", f"/v1/transcriptions/{job['id']}")
    assert client.create().status == 201


def test_no_more_pending_transcriptions_than_the_limit(fake, client, clock):
    fake.limits.max_pending_transcriptions = 1
    assert client.create().status == 201
    clock.advance(15)
    answer = client.create()
    assert refusal(answer) == (429, "limit_exceeded")
    assert "Pending transcription count limit" in answer.json["message"]
    clock.advance(5)
    assert client.create().status == 201


def test_a_refused_job_takes_no_transcript(fake, client, clock):
    fake.add_transcript("for the next one")
    fake.limits.max_transcriptions = 0
    client.create()
    fake.limits.max_transcriptions = None
    job = client.create().json
    clock.advance(20)
    assert client("GET", f"/v1/transcriptions/{job['id']}/transcript").json["text"] == "for the next one"


def test_no_more_requests_a_minute_than_the_limit(fake, client, clock):
    fake.limits.requests_per_minute = 2
    assert client("GET", "/v1/files").status == 200
    clock.advance(30)
    assert client("GET", "/v1/files/count").status == 200
    assert refusal(client("GET", "/v1/files")) == (429, "limit_exceeded")
    clock.advance(29.9)
    assert refusal(client.upload()) == (429, "limit_exceeded")
    clock.advance(0.1)
    assert client("GET", "/v1/files").status == 200
    assert refusal(client("GET", "/v1/files")) == (429, "limit_exceeded")


@each_row(("method", "path"), ALL)
def test_every_operation_knows_its_limit_and_its_key(fake, client, connect, method, path):
    template = path
    path = re.sub(r"\{[^}]+\}", "x", path)
    fake.limits.requests_per_minute = 0
    assert refusal(connect(None)(method, path)) == (401, "unauthenticated")
    answer = client(method, path)
    if "429" in DOCUMENT["paths"][template][method.lower()]["responses"]:
        assert refusal(answer) == (429, "limit_exceeded")
        assert "organization: 0 requests per minute" in answer.json["message"]
    else:
        assert answer.status == 200


def test_files_and_transcriptions_are_counted_apart(fake, client):
    fake.limits.requests_per_minute = 1
    assert client.upload().status == 201
    assert client.create().status == 201
    assert (client.upload().status, client.create().status) == (429, 429)


def test_an_upload_above_the_rate_is_refused_and_the_connection_lives(fake, client):
    fake.limits.requests_per_minute = 0
    assert refusal(client.upload(b"x" * 1_000_000)) == (429, "limit_exceeded")
    fake.limits.requests_per_minute = None
    assert client.upload().status == 201


def test_temporary_keys_are_counted_by_themselves_and_models_never(fake, client):
    fake.limits.requests_per_minute = 1
    key = {"usage_type": "tts_rt", "expires_in_seconds": 60}
    assert client("GET", "/v1/files").status == 200
    assert client.post("/v1/auth/temporary-api-key", key).status == 201
    assert refusal(client.post("/v1/auth/temporary-api-key", key)) == (429, "limit_exceeded")
    assert client("GET", "/v1/models").status == 200
    assert client("GET", "/v1/models").status == 200


def test_a_request_without_a_good_key_is_not_counted(fake, client, connect):
    fake.limits.requests_per_minute = 1
    assert connect(None)("GET", "/v1/files").status == 401
    assert client("GET", "/v1/files").status == 200


@each_row("budget", _BUDGETS)
def test_no_job_without_money(fake, client, budget):
    fake.limits.exhausted = budget
    assert refusal(client.create()) == (402, budget)
    assert client.create(model="nothing").status == 400
    assert client.upload().status == 201
    fake.limits.exhausted = None
    assert client.create().status == 201


@pytest.mark.parametrize("budget", _BUDGETS)
def test_a_queued_job_fails_when_the_money_is_used_up(fake, client, clock, budget):
    queued = client.create().json["id"]
    clock.advance(5)
    fake.limits.exhausted = budget
    assert client("GET", f"/v1/transcriptions/{queued}").json["status"] == "queued"
    clock.advance(5)
    failed = client("GET", f"/v1/transcriptions/{queued}").json
    assert (failed["status"], failed["error_type"]) == ("error", budget)
    assert failed["error_message"]


def test_a_job_that_is_being_processed_is_paid_for(fake, client, clock):
    job = client.create().json["id"]
    clock.advance(10)
    assert client("GET", f"/v1/transcriptions/{job}").json["status"] == "processing"
    fake.limits.exhausted = _BUDGETS[0]
    clock.advance(10)
    assert client("GET", f"/v1/transcriptions/{job}").json["status"] == "completed"


def test_limits_may_be_given_at_once(connect):
    limits = Limits(max_files=0)
    with FakeSoniox(limits=limits) as server:
        assert server.limits is limits
        assert connect(server=server).upload().status == 429
        server.limits = {"max_files": 1}
        assert connect(server=server).upload().status == 201


@each_row(
    ("given", "limits"),
    [
        (None, Limits()),
        ("", Limits()),
        ("service", Limits.service()),
        ("max_files=3", Limits(max_files=3)),
        (
            "max_files=3, project.max_files=1,exhausted = organization_balance_exhausted",
            Limits(max_files=3, project=ProjectLimits(max_files=1), exhausted="organization_balance_exhausted"),
        ),
        ("service,monthly_budget_usd=0.5", dataclasses.replace(Limits.service(), monthly_budget_usd=0.5)),
        (
            {"max_ahead_sec": 2.5, "project": {"max_voices": 0}},
            Limits(max_ahead_sec=2.5, project=ProjectLimits(max_voices=0)),
        ),
    ],
)
def test_limits_in_words(given, limits):
    assert Limits.of(given) == limits
    assert FakeSoniox(limits=given).limits == limits


@each_row(
    ("given", "message"),
    [
        ("servce", "limits are service, or a name and a number as in max_files=3, not 'servce'"),
        ("max_file=3", "there is no limit 'max_file'; known are max_files"),
        ("project.exhausted=x", "there is no limit 'exhausted'; known are max_files"),
        ("projekt.max_files=3", "there is no limit 'projekt'"),
        ("max_files=many", "max_files must be a number that is not negative, or None, not 'many'"),
        ("max_files=-1", "max_files must be a number that is not negative"),
        ("max_ahead_sec=nan", "max_ahead_sec must be a number that is not negative"),
        ({"max_files": True}, "max_files must be a number that is not negative"),
        ({"exhausted": "money"}, "there is no budget 'money'; known are organization_balance_exhausted"),
        ({"project": 3}, "project must be ProjectLimits, not 3"),
    ],
)
def test_limits_that_cannot_be(given, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        FakeSoniox(limits=given)


def test_a_limit_that_is_spelled_wrong_is_told(fake):
    with pytest.raises(AttributeError, match="no limit 'max_file'; known are max_files"):
        fake.limits.max_file = 1
    with pytest.raises(ValueError, match="no budget 'money'"):
        fake.limits.exhausted = "money"
    assert fake.limits == Limits()


def test_the_limits_of_a_project_are_for_each_key(fake, client, connect):
    other = connect("key-b")
    fake.limits.project = ProjectLimits(
        max_files=1, max_storage_bytes=7, max_transcriptions=1, max_voices=1, requests_per_minute=9
    )
    for project in (client, other):
        assert project.upload(b"1234567").status == 201
        assert project.create().status == 201
        assert project.create_voice().status == 201
    for refused in (client.upload(b""), client.create(), client.create_voice("Bea")):
        assert refusal(refused) == (429, "limit_exceeded")
        assert "for your project" in refused.json["message"]
    fake.limits.project.max_files = 2
    assert "file size limit has been exceeded for your project: 7 bytes" in client.upload().json["message"]
    fake.limits.project.max_transcriptions = None
    fake.limits.project.max_pending_transcriptions = 1
    assert "Pending transcription count limit for your project" in client.create().json["message"]
    fake.limits.project.requests_per_minute = 2
    assert "limit for file management has been exceeded for your project" in client("GET", "/v1/files").json["message"]
    assert connect("key-c")("GET", "/v1/files").status == 200


def test_the_organization_comes_first(fake, client, stt):
    fake.limits = {"max_files": 0, "max_realtime_sessions": 0, "project": {"max_files": 0, "max_realtime_sessions": 0}}
    assert "for your organization" in client.upload().json["message"]
    assert stt().rest()[0][0]["error_message"].startswith("Your organization has exceeded max number of concurrent")
    fake.limits.max_files = fake.limits.max_realtime_sessions = None
    assert "for your project" in client.upload().json["message"]
    assert stt().rest()[0][0]["error_message"].startswith("Your project has exceeded max number of concurrent requests")
    body = client("GET", "/v1/concurrency-limits").json
    assert body["project"]["limits"] == {"transcribe_concurrent": 0, "tts_concurrent": None}


def test_a_temporary_key_belongs_to_its_project(fake, client, connect, stt):
    fake.limits.project.max_realtime_sessions = 1
    key = {"usage_type": "transcribe_websocket", "expires_in_seconds": 60}
    assert stt().audio(1000).message()["tokens"]
    assert stt(client.post("/v1/auth/temporary-api-key", key).json["api_key"]).error() == (429, "limit_exceeded")
    assert stt(connect("key-b").post("/v1/auth/temporary-api-key", key).json["api_key"]).audio(1000).message()["tokens"]


def test_what_was_spent_uses_up_a_budget(fake, client, connect, clock, stt):
    fake.limits.balance_usd = fake.limits.monthly_budget_usd = fake.limits.project.monthly_budget_usd = 0.000_001
    for budget, lift in zip(_BUDGETS, ("balance_usd", "monthly_budget_usd", None), strict=True):
        if budget == _BUDGETS[0]:  # the first job is paid for by its end, so that two can start
            assert (client.create().status, client.create().status) == (201, 201)
            clock.advance(30)
        assert refusal(client.create()) == (402, budget)
        assert stt().error() == (402, budget)
        if lift:
            setattr(fake.limits, lift, None)
    assert connect("key-b").create().status == 201
    clock.advance(32 * 24 * 3600)
    assert client.create().status == 201


_NEEDS = {
    "files": [("GET", "/v1/files"), ("GET", "/v1/files/count"), ("GET", "/v1/files/x"), ("DELETE", "/v1/files/x")],
    "transcriptions": [
        ("GET", "/v1/transcriptions"),
        ("GET", "/v1/transcriptions/count"),
        ("GET", "/v1/transcriptions/x"),
        ("DELETE", "/v1/transcriptions/x"),
        ("GET", "/v1/transcriptions/x/transcript"),
    ],
}


@pytest.mark.parametrize("permission", ["files", "transcriptions"])
def test_a_restricted_key_may_do_what_it_is_allowed_to(connect, permission):
    with FakeSoniox(api_keys={"key-a": {permission}, "key-b": None}) as server:
        assert server.api_key == "key-a"
        client, full = connect(server=server), connect("key-b", server=server)
        for needed, requests in _NEEDS.items():
            for method, path in requests:
                assert full(method, path).status in {200, 404}
                answer = client(method, path)
                if needed == permission:
                    assert answer.status in {200, 404}
                else:
                    assert refusal(answer) == (403, "permission_denied")
                    assert needed in answer.json["message"]
        assert client.upload().status == (201 if permission == "files" else 403)
        assert client.create().status == (201 if permission == "transcriptions" else 403)
        assert client("GET", "/v1/models").status == 200
        assert connect("key-c", server=server)("GET", "/v1/files").status == 401


def test_a_key_may_be_restricted_at_any_time(fake, client):
    assert client.upload().status == 201
    fake.restrict_key("key-a", ["transcriptions"])
    assert client.upload().status == 403
    fake.restrict_key("key-a", [])
    assert client.create().status == 403
    fake.restrict_key("key-a", None)
    assert client.upload().status == 201


def test_there_is_no_other_permission(fake):
    with pytest.raises(ValueError, match="no permission 'everything'; known are files"):
        fake.restrict_key("key-a", "everything")
    with pytest.raises(ValueError, match="'b', 'c'"):
        FakeSoniox(api_keys={"a": ["files", "c", "b"]})
    with pytest.raises(ValueError, match="must not be empty"):
        FakeSoniox(api_keys={"": None})


@pytest.fixture
def stt(fake):
    """Opens sessions on ``fake`` and sends their start messages."""
    opened = []

    def make(api_key="key-a", **config):
        opened.append(SttClient(fake, api_key))
        return opened[-1].start(**config)

    yield make
    for session in opened:
        session.leave()


def test_no_more_sessions_at_once_than_the_limit(fake, stt):
    fake.limits.max_realtime_sessions = 1
    first = stt()
    assert first.audio(1000).message()["tokens"]
    (error,), code = stt().rest()
    assert (error["error_code"], error["error_type"], code) == (429, "limit_exceeded", 1000)
    first.text("").rest()
    assert stt().audio(1000).message()["tokens"]


def test_no_more_connections_at_once_than_the_limit(fake, clock):
    fake.limits.max_connections = 1
    for connect, ended in ((SttClient, SttClient.error), (TtsClient, TtsClient.ended)):
        first = connect(fake)
        clock.advance(1)
        # Neither idle ones nor those with a late key.
        for too_many in (connect(fake), connect(fake, None).start(api_key="key-a")):
            clock.advance(1)
            assert ended(too_many) == (429, "max_concurrent_connections_reached")
            too_many.close()
        first.synchronize()
        first.close()
        again = connect(fake)
        clock.advance(1)
        again.synchronize()
        again.close()


@pytest.mark.parametrize("budget", _BUDGETS)
def test_no_session_without_money(fake, stt, budget):
    fake.limits.exhausted = budget
    (error,), _ = stt().rest()
    assert (error["error_code"], error["error_type"]) == (402, budget)


def test_a_key_that_may_not_stream_opens_no_session(fake, client, stt):
    fake.restrict_key("key-a", ["files"])
    (error,), _ = stt().rest()
    assert (error["error_code"], error["error_type"]) == (403, "permission_denied")
    key = {"usage_type": "transcribe_websocket", "expires_in_seconds": 60}
    assert stt(client.post("/v1/auth/temporary-api-key", key).json["api_key"]).audio(1000).message()["tokens"]


def test_a_temporary_key_expires_on_the_clock(fake, client, clock, stt):
    key = {"usage_type": "transcribe_websocket", "expires_in_seconds": 60}
    api_key = client.post("/v1/auth/temporary-api-key", key).json["api_key"]
    clock.advance(59)
    assert stt(api_key).audio(1000).message()["tokens"]
    clock.advance(1)
    (error,), _ = stt(api_key).rest()
    assert (error["error_code"], error["error_type"]) == (401, "unauthenticated")


def test_no_more_sessions_a_minute_than_the_limit(fake, clock, stt):
    fake.limits.sessions_per_minute = 1
    assert stt().audio(1000).message()["tokens"]
    (error,), _ = stt().rest()
    assert (error["error_code"], error["error_type"]) == (429, "limit_exceeded")
    assert error["error_message"].startswith("Rate limit for your organization has been exceeded")
    assert stt(model="stt-rt-v0").error() == (400, "model_not_available")
    clock.advance(60)
    assert stt().audio(1000).message()["tokens"]


def test_streams_and_requests_of_speech_are_counted_apart(fake, client, clock):
    fake.limits.project.speeches_per_minute = 1
    request = {"model": "tts-rt-v2", "language": "en", "voice": "Nina", "audio_format": "pcm_s16le", "text": "Hi."}
    assert speak(fake, request) == 200
    assert speak(fake, request) == 429
    socket = TtsClient(fake)
    socket.start("a")
    socket.start("b")
    message = socket.message()
    assert (message["stream_id"], message["error_type"]) == ("b", "limit_exceeded")
    assert "for streams of text-to-speech has been exceeded for your project" in message["error_message"]
    socket.close()
    clock.advance(60)
    assert speak(fake, request) == 200


def speak(fake, request):
    """The status of a request to speak."""
    connection = http.client.HTTPConnection(fake.url.removeprefix("http://"), timeout=60)
    headers = {"Authorization": "Bearer key-a", "Content-Type": "application/json"}
    connection.request("POST", "/tts", json.dumps(request), headers)
    status = connection.getresponse().status
    connection.close()
    return status


def send_slowly(session, clock, seconds, *, every_sec):
    """Sends a second of audio every so many seconds."""
    for _ in range(seconds):
        session.audio(1000).synchronize()
        clock.advance(every_sec)


def test_audio_may_not_be_far_ahead_of_real_time(fake, clock, stt):
    fake.limits.max_ahead_sec = 3
    session = stt()
    send_slowly(session, clock, 4, every_sec=1)
    session.audio(3000).synchronize()
    clock.advance(10)
    session.text({"type": "keepalive"}).audio(3000).synchronize()
    session.audio(1)
    messages, _ = session.rest()
    assert (messages[-1]["error_code"], messages[-1]["error_type"]) == (400, "invalid_request")
    assert messages[-1]["error_message"].startswith("Received too much audio data")


def test_audio_may_not_be_far_behind_real_time(fake, clock, stt):
    fake.limits.max_behind_sec = 5
    session = stt()
    send_slowly(session, clock, 4, every_sec=2)
    session.text({"type": "keepalive"}).synchronize()
    clock.advance(3)
    send_slowly(session, clock, 1, every_sec=2)
    session.synchronize()
    clock.advance(1)
    messages, _ = session.rest()
    assert (messages[-1]["error_code"], messages[-1]["error_type"]) == (408, "request_timeout")
    assert messages[-1]["error_message"].startswith("Input too slow: the audio is 5 seconds behind")


def test_compressed_audio_has_no_pace(fake, clock, stt):
    fake.audio = "any"
    fake.limits.max_ahead_sec = fake.limits.max_behind_sec = 1
    session = stt(audio_format="webm")
    session.ws.send_binary(bytes(1_000_000))
    session.synchronize()
    clock.advance(0.9)
    session.ws.send_binary(bytes(100))
    session.synchronize()
    clock.advance(0.9)
    session.text("")
    assert session.rest()[0][-1]["finished"]


def test_the_first_audio_has_to_come_in_time(fake, clock, stt):
    fake.limits.first_audio_sec = 30
    session = stt()
    for _ in range(2):
        clock.advance(14)
        session.text({"type": "keepalive"}).synchronize()
    clock.advance(2)
    (error,), _ = session.rest()
    assert (error["error_code"], error["error_type"]) == (408, "request_timeout")
    assert error["error_message"].startswith("Request timeout. Timed out while waiting for the first audio chunk")


def test_there_is_an_end_to_the_audio(fake, stt):
    fake.limits.max_audio_bytes = 8000
    session = stt().audio(1000)
    session.synchronize()
    session.audio(1)
    messages, _ = session.rest()
    assert (messages[-1]["error_code"], messages[-1]["error_type"]) == (400, "invalid_request")
    assert messages[-1]["error_message"].startswith("Received too much audio data in total")


def test_an_account_of_the_service(connect, clock):
    with FakeSoniox(clock=clock, limits="service") as server:
        client = connect(server=server)
        body = client("GET", "/v1/concurrency-limits").json
        assert body["organization"]["limits"] == {"transcribe_concurrent": 10, "tts_concurrent": 3}
        assert {client.create().status for _ in range(100)} == {201}
        assert "Pending transcription count limit" in client.create().json["message"]
        sessions = [SttClient(server).start().audio(1000) for _ in range(10)]
        assert all(session.message()["tokens"] for session in sessions)
        late = SttClient(server).start()
        assert late.error() == (429, "limit_exceeded")
        for session in [*sessions, late]:
            session.leave()
