from __future__ import annotations

import json
import threading

import pytest

from soniox_testing import FakeSoniox, VirtualClock, after_polls, after_seconds
from tests.support.tables import each_row

_PAYLOAD = "body.payload"
_UNKNOWN = "84c32fc6-4fb5-4e7a-b656-b5ec70493753"


def test_a_job_answers_with_everything_that_was_asked_for(fake, client):
    created = client.create(
        model="stt-async-v4",
        audio_url="https://example.com/a/b/talk.mp3?token=1#x",
        language_hints=["en", "fr"],
        language_hints_strict=True,
        enable_speaker_diarization=True,
        enable_language_identification=True,
        context={"general": [{"key": "topic", "value": "bees"}], "text": "t", "terms": ["hive"]},
        webhook_url="https://example.com/hook",
        webhook_auth_header_name="Authorization",
        webhook_auth_header_value="Bearer secret",
        client_reference_id="ref",
    )
    assert created.status == 201
    assert created.json == {
        "id": created.json["id"],
        "status": "queued",
        "created_at": created.json["created_at"],
        "model": "stt-async-v4",
        "audio_url": "https://example.com/a/b/talk.mp3?token=1#x",
        "file_id": None,
        "filename": "talk.mp3",
        "language_hints": ["en", "fr"],
        "enable_speaker_diarization": True,
        "enable_language_identification": True,
        "audio_duration_ms": 0,
        "error_type": None,
        "error_message": None,
        "webhook_url": "https://example.com/hook",
        "webhook_auth_header_name": "Authorization",
        "webhook_auth_header_value": "*" * 18,
        "webhook_status_code": None,
        "client_reference_id": "ref",
    }
    assert client("GET", f"/v1/transcriptions/{created.json['id']}").json == created.json
    assert client("GET", "/v1/transcriptions").json == {
        "transcriptions": [created.json],
        "next_page_cursor": None,
    }
    (record,) = fake.transcriptions
    assert record.webhook_auth_header_value == "Bearer secret"
    assert record.context == {"general": [{"key": "topic", "value": "bees"}], "text": "t", "terms": ["hive"]}
    assert record.language_hints_strict is True


def test_nulls_mean_unset_and_unknown_fields_are_ignored(fake, client):
    names = [
        "file_id",
        "language_hints",
        "language_hints_strict",
        "enable_speaker_diarization",
        "enable_language_identification",
        "translation",
        "context",
        "webhook_url",
        "webhook_auth_header_name",
        "webhook_auth_header_value",
        "client_reference_id",
    ]
    answer = client.create(audio_url="http://h/a.mp3", surprise={"x": 1}, **dict.fromkeys(names))
    assert answer.status == 201
    assert answer.json["enable_speaker_diarization"] is False
    assert answer.json["language_hints"] is None
    (record,) = fake.transcriptions
    assert record.translation is None


@each_row(
    ("payload", "problem"),
    [
        ({"model": None}, ("missing", "model")),
        ({"model": 5}, ("string_type", "model")),
        ({"model": "m" * 33}, ("string_too_long", "model")),
        ({"model": "whisper"}, ("value_error", "model")),
        ({"model": "stt-rt-v5"}, ("value_error", "model")),
        ({"model": "stt-rt-preview"}, ("value_error", "model")),
        ({"audio_url": None}, ("value_error", "")),
        ({"audio_url": None, "file_id": _UNKNOWN}, ("value_error", "file_id")),
        ({"audio_url": None, "file_id": "nonsense"}, ("uuid_parsing", "file_id")),
        ({"audio_url": None, "file_id": 7}, ("string_type", "file_id")),
        ({"audio_url": 7}, ("string_type", "audio_url")),
        ({"audio_url": ""}, ("string_pattern_mismatch", "audio_url")),
        ({"audio_url": "ftp://h/a"}, ("string_pattern_mismatch", "audio_url")),
        ({"audio_url": "http://h/a b"}, ("string_pattern_mismatch", "audio_url")),
        ({"audio_url": "http://h/a\n"}, ("string_pattern_mismatch", "audio_url")),
        ({"audio_url": "http://h/" + "a" * 4088}, ("string_too_long", "audio_url")),
        ({"language_hints": "en"}, ("list_type", "language_hints")),
        ({"language_hints": ["en"] * 101}, ("too_long", "language_hints")),
        ({"language_hints": ["en", 3]}, ("string_type", "language_hints.1")),
        ({"language_hints": ["en", None]}, ("missing", "language_hints.1")),
        ({"language_hints": ["e" * 11]}, ("string_too_long", "language_hints.0")),
        ({"language_hints": ["nb"]}, ("value_error", "language_hints.0")),
        ({"language_hints_strict": 1}, ("bool_type", "language_hints_strict")),
        ({"enable_speaker_diarization": "yes"}, ("bool_type", "enable_speaker_diarization")),
        ({"enable_language_identification": 0}, ("bool_type", "enable_language_identification")),
        ({"translation": "es"}, ("model_type", "translation")),
        ({"translation": {}}, ("missing", "translation.type")),
        ({"translation": {"type": "three_way"}}, ("enum", "translation.type")),
        ({"translation": {"type": "one_way"}}, ("missing", "translation.target_language")),
        (
            {"translation": {"type": "one_way", "target_language": 1}},
            ("string_type", "translation.target_language"),
        ),
        (
            {"translation": {"type": "one_way", "target_language": "xx"}},
            ("value_error", "translation.target_language"),
        ),
        ({"translation": {"type": "two_way", "language_a": "en"}}, ("missing", "translation.language_b")),
        ({"translation": {"type": "two_way", "language_b": "en"}}, ("missing", "translation.language_a")),
        (
            {"translation": {"type": "two_way", "language_a": "en", "language_b": "en"}},
            ("value_error", "translation"),
        ),
        ({"context": 5}, ("model_type", "context")),
        ({"context": []}, ("model_type", "context")),
        ({"context": {"text": 5}}, ("string_type", "context.text")),
        ({"context": {"terms": "x"}}, ("list_type", "context.terms")),
        ({"context": {"terms": [1]}}, ("string_type", "context.terms.0")),
        ({"context": {"general": {}}}, ("list_type", "context.general")),
        ({"context": {"general": ["x"]}}, ("model_type", "context.general.0")),
        ({"context": {"general": [{"key": "k"}]}}, ("missing", "context.general.0.value")),
        (
            {"context": {"translation_terms": [{"source": 1, "target": "t"}]}},
            ("string_type", "context.translation_terms.0.source"),
        ),
        (
            {"context": {"translation_terms": [{"source": "s"}]}},
            ("missing", "context.translation_terms.0.target"),
        ),
        ({"webhook_url": "example.com"}, ("string_pattern_mismatch", "webhook_url")),
        ({"webhook_url": "http://h/" + "a" * 248}, ("string_too_long", "webhook_url")),
        ({"webhook_auth_header_name": "n" * 257}, ("string_too_long", "webhook_auth_header_name")),
        ({"webhook_auth_header_value": "n" * 257}, ("string_too_long", "webhook_auth_header_value")),
        ({"client_reference_id": "n" * 257}, ("string_too_long", "client_reference_id")),
        ({"client_reference_id": 5}, ("string_type", "client_reference_id")),
    ],
)
def test_a_bad_field_is_named(fake, client, payload, problem):
    answer = client.create(**{"audio_url": "http://h/a.mp3", **payload})
    assert answer.status == 400
    assert answer.json["error_type"] == "invalid_request"
    error_type, field = problem
    assert answer.problems == [(error_type, f"{_PAYLOAD}.{field}".rstrip("."))]
    assert fake.transcriptions == ()


@each_row(
    "payload",
    [
        {"audio_url": "http://h/" + "a" * 4087},
        {"audio_url": "http://[x"},
        {"language_hints": []},
        {"language_hints": ["en"] * 100},
        {"client_reference_id": "é" * 256, "webhook_url": "http://h/" + "a" * 247},
        {"context": "plain text of older clients"},
        {"context": {}},
        {"context": {"general": None, "text": None, "terms": None, "translation_terms": None}},
        {"translation": {"type": "one_way", "target_language": "es", "language_a": None}},
        {"translation": {"type": "two_way", "language_a": "en", "language_b": "es"}},
        {"model": "stt-async-preview"},
        {"model": "stt-async-v3"},
    ],
)
def test_what_is_just_allowed_is_accepted(client, payload):
    assert client.create(**payload).status == 201


def test_a_file_and_a_url_exclude_each_other(client):
    answer = client.create(file_id=client.upload().json["id"], audio_url="http://h/a.mp3")
    assert answer.problems == [("value_error", "body.payload")]


def test_all_mistakes_are_told_at_once(client):
    answer = client.post("/v1/transcriptions", {"language_hints": 1, "webhook_url": 2})
    assert {location for _, location in answer.problems} == {
        "body.payload.model",
        "body.payload",
        "body.payload.language_hints",
        "body.payload.webhook_url",
    }
    assert "validation_errors" in answer.json["message"]


@each_row(
    ("body", "content_type"),
    [
        ("", "application/json"),
        ("{", "application/json"),
        (b"\xff\xfe\xff", "application/json"),
        ("[" * 100_000, "application/json"),
        ("[]", "application/json"),
        ('"text"', "application/json"),
        ("null", "application/json"),
        ("model=stt-async-v5", "application/x-www-form-urlencoded"),
        ('{"model": "stt-async-v5", "audio_url": "http://h/a"}', "application/x-www-form-urlencoded"),
        ('{"model": "stt-async-v5", "audio_url": "http://h/a"}', "application/octet-stream"),
    ],
)
@each_row("path", ["/v1/transcriptions", "/v1/auth/temporary-api-key"])
@pytest.mark.usefixtures("deep_json")
def test_a_body_that_is_not_a_json_object_is_refused(client, path, body, content_type):
    answer = client("POST", path, body, {"Content-Type": content_type})
    assert (answer.status, answer.json["error_type"]) == (400, "invalid_request")
    assert [location for _, location in answer.problems] == ["body.payload"]


def test_json_may_name_its_charset_and_come_chunked(client):
    body = json.dumps({"model": "stt-async-v5", "audio_url": "http://h/ü.mp3"}, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", "Transfer-Encoding": "chunked"}
    answer = client("POST", "/v1/transcriptions", iter([body[:20], body[20:]]), headers, chunked=True)
    assert answer.json["filename"] == "ü.mp3"


def test_text_that_has_no_utf8_form_is_sent_back_escaped(client):
    answer = client(
        "POST",
        "/v1/transcriptions",
        rb'{"model":"stt-async-v5","audio_url":"http://h/\ud800"}',
        {"Content-Type": "application/json"},
    )
    assert answer.json["filename"] == "\ud800"


@each_row(
    ("url", "filename"),
    [
        ("http://h/a/talk.mp3", "talk.mp3"),
        ("http://h/a/talk.mp3?x=/y.wav", "talk.mp3"),
        ("http://h/a/folder/", "folder"),
        ("http://host.example", "host.example"),
    ],
)
def test_a_url_job_is_named_after_the_last_part_of_the_path(client, url, filename):
    assert client.create(audio_url=url).json["filename"] == filename


def test_a_job_moves_by_the_clock_and_never_back(client, time):
    job = client.create().json

    def status():
        return client("GET", f"/v1/transcriptions/{job['id']}").json["status"]

    assert status() == "queued"
    time.now_sec += 10
    assert status() == "processing"
    time.now_sec -= 5
    assert status() == "processing"
    time.now_sec += 15
    assert status() == "completed"
    time.now_sec = 0
    assert status() == "completed"


def test_a_job_may_move_by_looks(connect):
    with FakeSoniox(progress=after_polls(queued=1, processing=2)) as fake:
        client = connect(server=fake)
        created = client.create().json
        path = f"/v1/transcriptions/{created['id']}"
        assert created["status"] == "queued"
        assert [record.status for record in fake.transcriptions] == ["queued"]
        assert client("GET", "/v1/transcriptions").json["transcriptions"][0]["status"] == "queued"
        assert client("GET", path).json["status"] == "processing"
        assert client("GET", f"{path}/transcript").status == 409
        assert client("GET", path).json["status"] == "processing"
        assert client("GET", path).json["status"] == "completed"


def test_a_job_may_be_finished_at_once_but_begins_queued(connect):
    for rule in (after_seconds(), after_polls()):
        with FakeSoniox(progress=rule) as fake:
            client = connect(server=fake)
            created = client.create().json
            assert created["status"] == "queued"
            assert client("GET", f"/v1/transcriptions/{created['id']}").json["status"] == "completed"


def test_a_client_is_told_not_to_wait_for_a_job_that_only_polls_move(connect):
    for rule, hints in (
        (None, ["0", None]),
        (after_polls(queued=1, processing=1), ["0", "0", None]),
        (after_seconds(queued=0.01), [None]),
        (lambda job: "queued", [None]),
    ):
        with FakeSoniox(progress=rule, clock=lambda: 0.0) as fake:
            client = connect(server=fake)
            path = f"/v1/transcriptions/{client.create().json['id']}"
            assert [client("GET", path).headers["Retry-After"] for _ in hints] == hints


def test_a_job_that_waits_for_its_words_does_not_move_by_polls(connect):
    begun, release = threading.Event(), threading.Event()

    def transcriber(audio, config):
        begun.set()
        release.wait(60)
        return "words"

    with FakeSoniox(transcriber=transcriber, audio="any") as fake:
        client = connect(server=fake)
        path = f"/v1/transcriptions/{client.create(file_id=client.upload().json['id']).json['id']}"
        begun.wait(60)
        for _ in range(3):
            answer = client("GET", path)
        release.set()
    assert (answer.json["status"], answer.headers["Retry-After"]) == ("processing", None)


def test_the_second_poll_ends_a_job_unless_the_clock_is_virtual(connect):
    for clock, ended in ((lambda: 0.0, "completed"), (VirtualClock(), "queued")):
        with FakeSoniox(clock=clock) as fake:
            client = connect(server=fake)
            path = f"/v1/transcriptions/{client.create().json['id']}"
            assert client("GET", f"{path}/transcript").status == 409
            assert [client("GET", path).json["status"] for _ in range(2)] == ["queued", ended]


def test_the_default_progress_is_quick(connect):
    clock = VirtualClock()
    with FakeSoniox(clock=clock) as fake:
        client = connect(server=fake)
        path = f"/v1/transcriptions/{client.create().json['id']}"
        seen = []
        for _ in range(10):
            seen.append(client("GET", path).json["status"])
            clock.advance(0.005)
        assert sorted(set(seen), key=seen.index) == ["queued", "processing", "completed"]


def test_a_rule_may_let_a_job_fail(connect):
    with FakeSoniox(progress=lambda job: "error") as fake:
        client = connect(server=fake)
        job = client("GET", f"/v1/transcriptions/{client.create().json['id']}").json
        assert (job["status"], job["error_type"]) == ("error", "internal_error")


def test_the_duration_appears_with_processing(client, time):
    file_id = client.upload(b"x" * 32_000).json["id"]
    path = f"/v1/transcriptions/{client.create(file_id=file_id).json['id']}"
    assert client("GET", path).json["audio_duration_ms"] == 0
    time.now_sec += 10
    assert client("GET", path).json["audio_duration_ms"] == 2000


def test_a_processing_job_cannot_be_deleted_others_can(fake, client, time):
    queued = client.create().json["id"]
    assert client("DELETE", f"/v1/transcriptions/{queued}").status == 204
    job = client.create().json["id"]
    time.now_sec += 10
    refused = client("DELETE", f"/v1/transcriptions/{job}")
    assert (refused.status, refused.json["error_type"]) == (409, "transcription_invalid_state")
    time.now_sec += 10
    assert client("DELETE", f"/v1/transcriptions/{job}").status == 204
    assert client("DELETE", f"/v1/transcriptions/{job}").json["error_type"] == "transcription_not_found"
    assert fake.transcriptions == ()


def test_deleting_a_job_keeps_its_file(fake, client, time):
    file_id = client.upload().json["id"]
    job = client.create(file_id=file_id).json["id"]
    time.now_sec += 20
    client("DELETE", f"/v1/transcriptions/{job}")
    assert [file.id for file in fake.files] == [file_id]


def test_a_job_error_that_the_service_is_not_known_to_have_has_a_note(fake, client, time):
    fake.fail_next_job("audio_too_long", "Too long.", filename="long.mp3")
    fake.fail_next_job("invalid_audio_file", "Invalid audio file", filename="noise.mp3")
    for name in ("long.mp3", "noise.mp3", "fine.mp3"):
        client.create(audio_url=f"http://h/{name}")
    time.now_sec += 20
    invented, known, none = fake.transcriptions
    assert invented.error_type == "audio_too_long"
    assert "'audio_too_long' is not among the known errors of the service's jobs: file_not_found, " in invented.notes[0]
    assert "note: 'audio_too_long' is not among the known errors" in fake.report()
    assert (known.error_type, known.notes, none.notes) == ("invalid_audio_file", (), ())


def test_a_transcript_needs_a_completed_job(fake, client, time):
    fake.fail_next_job("organization_balance_exhausted", "No money left.", filename="bad.mp3")
    good = client.create().json["id"]
    bad = client.create(audio_url="http://h/bad.mp3").json["id"]
    messages = set()
    for seconds in (0, 10):
        time.now_sec += seconds
        refused = client("GET", f"/v1/transcriptions/{good}/transcript")
        assert (refused.status, refused.json["error_type"]) == (409, "transcription_invalid_state")
        messages.add(refused.json["message"])
    time.now_sec += 10
    assert client("GET", f"/v1/transcriptions/{good}/transcript").status == 200
    refused = client("GET", f"/v1/transcriptions/{bad}/transcript")
    assert (refused.status, refused.json["error_type"]) == (409, "transcription_invalid_state")
    assert "organization_balance_exhausted" in refused.json["message"]
    assert len({*messages, refused.json["message"]}) == 3
    job = client("GET", f"/v1/transcriptions/{bad}").json
    assert (job["status"], job["error_type"], job["error_message"]) == (
        "error",
        "organization_balance_exhausted",
        "No money left.",
    )
    assert client("DELETE", f"/v1/transcriptions/{bad}").status == 204


def test_a_file_deleted_under_a_queued_job_fails_it(client, time):
    file_id = client.upload().json["id"]
    path = f"/v1/transcriptions/{client.create(file_id=file_id).json['id']}"
    assert client("DELETE", f"/v1/files/{file_id}").status == 204
    assert client("GET", path).json["status"] == "queued"
    time.now_sec += 10
    job = client("GET", path).json
    assert (job["status"], job["error_type"], job["audio_duration_ms"]) == ("error", "file_not_found", 0)


@pytest.mark.parametrize("seconds", [10, 20])
def test_a_file_deleted_later_does_not_matter(client, time, seconds):
    file_id = client.upload(b"ID3").json["id"]
    path = f"/v1/transcriptions/{client.create(file_id=file_id).json['id']}"
    time.now_sec += seconds  # no request in between
    client("DELETE", f"/v1/files/{file_id}")
    time.now_sec += 20
    assert client("GET", path).json["status"] == "completed"
    assert client("GET", f"{path}/transcript").json["text"]


@pytest.mark.parametrize("job_id", [_UNKNOWN, "nonsense"])
def test_an_unknown_or_malformed_id_is_not_found(client, job_id):
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/transcript")):
        answer = client(method, f"/v1/transcriptions/{job_id}{path}")
        assert (answer.status, answer.json["error_type"]) == (404, "transcription_not_found")


def test_projects_do_not_see_each_other(connect):
    ours, theirs = connect("key-a"), connect("key-b")
    file_id = ours.upload().json["id"]
    job = ours.create(file_id=file_id).json["id"]
    assert theirs("GET", f"/v1/transcriptions/{job}").status == 404
    assert theirs("GET", f"/v1/transcriptions/{job}/transcript").status == 404
    assert theirs("GET", "/v1/transcriptions").json["transcriptions"] == []
    assert theirs("GET", "/v1/transcriptions/count").json["total"] == 0
    assert ours("GET", "/v1/transcriptions/count").json == {"total": 1, "public_api": 1, "playground": 0}
    assert theirs.create(file_id=file_id).problems == [("value_error", "body.payload.file_id")]


def test_jobs_come_in_pages(client):
    ids = [client.create().json["id"] for _ in range(5)]
    seen, cursor = [], ""
    while cursor is not None:
        page = client("GET", f"/v1/transcriptions?limit=2&cursor={cursor}").json
        seen += [job["id"] for job in page["transcriptions"]]
        cursor = page["next_page_cursor"]
    assert seen == ids


def test_the_messages_of_errors_contain_what_programs_look_for(client, connect, time):
    job = client.create().json["id"]
    unknown = "00000000-0000-4000-8000-000000000000"
    key = {"usage_type": "tts_rt", "expires_in_seconds": 3601}
    long_ago = "/v1/usage-logs?start_time=2026-01-01T00:00:00Z&end_time=2026-03-01T00:00:00Z"
    early = client("GET", f"/v1/transcriptions/{job}/transcript")
    time.now_sec += 10
    for answer, phrase in [
        (early, "The transcript is not ready yet"),
        (client("DELETE", f"/v1/transcriptions/{job}"), "currently being processed and cannot be deleted yet"),
        (client("GET", f"/v1/files/{unknown}"), "No file with this ID exists in your project"),
        (client("GET", f"/v1/transcriptions/{unknown}"), "No transcription with this ID exists in your project"),
        (client.create(model="stt-async-v0"), "did not pass validation"),
        (client.create(model="stt-async-v0"), "Invalid model"),
        (client.create(model="stt-rt-v5"), "Invalid model"),
        (client.create(model=None), "Field required"),
        (client.post("/v1/auth/temporary-api-key", key), "Input should be less than or equal to 3600"),
        (client("GET", long_ago), "must not exceed 31 days"),
    ]:
        problems = " ".join(problem["message"] for problem in answer.json["validation_errors"])
        assert phrase in f"{answer.json['message']} {problems}"
    with FakeSoniox(api_keys=["other"]) as server:
        assert "Incorrect API key provided" in connect(server=server)("GET", "/v1/files").json["message"]
