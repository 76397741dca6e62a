"""``with fake.expect(...)``, and the bodies of requests that it looks at."""

from __future__ import annotations

import json
from unittest.mock import ANY

import pytest

from tests.support.tables import each_row

_JOB = {"model": "stt-async-v5", "audio_url": "https://example.com/a.mp3"}


def _failure(expectation, act):
    with pytest.raises(AssertionError) as caught, expectation:
        act()
    return str(caught.value)


def test_what_comes_in_the_block_is_there_to_be_read(fake, client):
    client("GET", "/v1/files")
    with fake.expect("get", "/v1/files", times=2) as listings:
        client("GET", "/v1/files?limit=1")
        assert len(listings.requests) == 1
        client("GET", "/v1/files?limit=2")
    assert [request.query for request in listings.requests] == ["limit=1", "limit=2"]


@each_row(
    ("expected", "missing"),
    [
        ({}, None),
        ({"body": {"model": "stt-async-v5", "context": {"terms": ["a", "b"]}}}, None),
        ({"body": {"language_hints": ("en", "de"), "client_reference_id": ANY}}, None),
        ({"status": 201, "query": {"page": 1}, "headers": {"Content-Type": "application/json"}}, None),
        ({"times": 2}, "but was 1 time(s)"),
        ({"times": 0}, "requested 0 time(s) in this block, but was 1 time(s)"),
        ({"status": 400}, "status: expected 400, was 201"),
        ({"body": {"model": "m"}}, "body.model: expected 'm', was 'stt-async-v5'"),
        ({"body": {"context": {"text": "x"}}}, "body.context.text: expected 'x', was absent"),
        ({"body": {"language_hints": ["de"]}}, "body.language_hints: expected ['de'], was ['en', 'de']"),
        ({"body": {"model": {"name": "m"}}}, "body.model: expected {'name': 'm'}, was 'stt-async-v5'"),
        ({"query": {"page": 2}}, "query.page: expected '2', was '1'"),
        ({"headers": {"X-Own": "1"}}, "headers.X-Own: expected '1', was absent"),
    ],
)
def test_parts_of_a_request_are_expected(fake, client, expected, missing):
    job = {
        **_JOB,
        "client_reference_id": "r",
        "language_hints": ["en", "de"],
        "context": {"terms": ["a", "b"], "general": []},
    }

    def act():
        client("POST", "/v1/transcriptions?page=1", json.dumps(job), {"Content-Type": "application/json"})

    if missing is None:
        with fake.expect("POST", "/v1/transcriptions", **expected):
            act()
    else:
        message = _failure(fake.expect("POST", "/v1/transcriptions", **expected), act)
        assert missing in message
        assert "Requests in this block:\n  POST /v1/transcriptions -> 201" in message


def test_the_message_tells_what_came_instead(fake, client):
    def act():
        client.upload(filename="b.mp3")
        client("GET", "/v1/files")

    message = _failure(fake.expect("POST", "/v1/files", body={"file": {"filename": "a.mp3", "size": 5}}), act)
    first, *others = message.splitlines()
    assert first == (
        "POST /v1/files with body={'file': {'filename': 'a.mp3', 'size': 5}} should have been requested at least once "
        "in this block, but was 0 time(s). Requests in this block:"
    )
    assert others == [
        "  POST /v1/files -> 201",
        "    body.file.filename: expected 'a.mp3', was 'b.mp3'",
        "  GET /v1/files -> 200",
    ]
    assert _failure(fake.expect("GET", "/v1/models"), lambda: None).endswith("Requests in this block: none")


@pytest.mark.parametrize("limit", [5, "5", ANY])
def test_values_of_parameters_and_headers_are_texts_or_numbers_or_objects(fake, client, limit):
    with fake.expect("GET", "/v1/files", query={"limit": limit}, headers={"X-Limit": limit, "Host": ANY}):
        client("GET", "/v1/files?limit=5", None, {"X-Limit": "5"})


def test_several_expectations_may_share_a_block(fake, client):
    with fake.expect("POST", "/v1/files", times=1), fake.expect("DELETE", "/v1/files/{file_id}", status=204):
        client("DELETE", f"/v1/files/{client.upload().json['id']}")


def test_an_exception_of_the_block_is_not_hidden(fake):
    with pytest.raises(LookupError), fake.expect("GET", "/v1/files"):
        raise LookupError


def test_requests_that_a_fault_answers_have_their_bodies(fake, client):
    fake.faults.answer(500, times=1)
    with fake.expect("POST", "/v1/transcriptions", times=2, body={"audio_url": _JOB["audio_url"]}):
        assert client.create(audio_url=_JOB["audio_url"]).status == 500
        assert client.create(audio_url=_JOB["audio_url"]).status == 201


@each_row(
    ("arguments", "error", "told"),
    [
        (("GET", "/files"), ValueError, "the API has no GET /files; did you mean GET /v1/files?"),
        (("PATCH", "/v1/files"), ValueError, "did you mean POST /v1/files?"),
        (("GET", "/transcribe-websocket"), ValueError, "assert_session"),
        (("GET", "/v1/files/{id}"), ValueError, "did you mean GET /v1/files/{file_id}?"),
        (("GET", "/v1/files", -1), TypeError, "positional"),
        (("GET",), TypeError, "needs path"),
        (("GET", 5), TypeError, "path must be str, not 5"),
    ],
)
def test_what_cannot_come_is_refused_at_once(fake, arguments, error, told):
    with pytest.raises(error, match=told.replace("?", r"\?")):
        fake.expect(*arguments)


def test_a_misspelt_part_and_an_impossible_number_are_refused(fake):
    with pytest.raises(TypeError, match=r"expect\(\) has no bodies; did you mean body\?"):
        fake.expect("GET", "/v1/files", bodies={})
    for wrong in ({"times": "2"}, {"status": "200"}, {"body": "text"}, {"headers": "X-Own"}):
        with pytest.raises(TypeError, match=f"{next(iter(wrong))} must be"):
            fake.expect("GET", "/v1/files", **wrong)
    with pytest.raises(ValueError, match="-1 times"):
        fake.expect("GET", "/v1/files", times=-1)


def test_bodies_are_kept_without_secrets_and_without_what_is_too_long(fake, client):
    client.create(webhook_url="http://127.0.0.1:9/", webhook_auth_header_name="X", webhook_auth_header_value='s"ecret')
    client.post("/v1/auth/temporary-api-key", {"usage_type": "transcribe_websocket", "expires_in_seconds": 60})
    client.create(context="x" * 200_000)
    client("POST", "/v1/transcriptions", b"{not json", {"Content-Type": "application/json"})
    client("POST", "/v1/transcriptions", rb'{"api\u005fkey": "s\u0065cret"}', {"Content-Type": "application/json"})
    created, key, long, broken, escaped = fake.requests
    assert json.loads(escaped.body) == {"api_key": "*" * 18}
    assert json.loads(created.body)["webhook_auth_header_value"] == "*" * 18
    assert "ecret" not in repr(created)
    assert json.loads(key.response)["api_key"] == "*" * 18
    assert len(long.body) == 64 * 1024
    assert broken.body == "{not json"
    assert json.loads(broken.response)["status_code"] == 400


def test_old_bodies_are_forgotten_and_new_ones_kept(fake, client):
    with fake.expect("POST", "/v1/transcriptions", times=100):
        for _ in range(100):
            client.create(context="x" * 100_000)
    kept = [request for request in fake.requests if request.body]
    assert 50 < len(kept) < 70
    assert tuple(kept) == fake.requests[-len(kept) :]
