"""The retention of files and jobs, on a clock that the test moves."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from soniox_testing import FakeSoniox, VirtualClock, after_seconds

_DAY_SEC = 24 * 3600


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def fake(clock):
    """A job here completes at once unless a test made it wait."""
    with FakeSoniox(clock=clock, started_at=datetime(2026, 1, 1, tzinfo=timezone.utc)) as server:
        yield server


def test_files_are_deleted_30_days_after_their_upload(fake, client, clock):
    first = client.upload().json
    clock.advance(_DAY_SEC)
    second = client.upload().json
    assert first["created_at"] == "2026-01-01T00:00:00.000Z"
    clock.advance(29 * _DAY_SEC - 1)
    assert client("GET", f"/v1/files/{first['id']}").status == 200
    clock.advance(1)
    answer = client("GET", f"/v1/files/{first['id']}")
    assert (answer.status, answer.json["error_type"]) == (404, "file_not_found")
    assert client("DELETE", f"/v1/files/{first['id']}").status == 404
    assert client("GET", "/v1/files/count").json["total"] == 1
    assert [file["id"] for file in client("GET", "/v1/files").json["files"]] == [second["id"]]
    assert [file.id for file in fake.files] == [second["id"]]
    with pytest.raises(KeyError):
        fake.file_content(first["id"])


def test_transcriptions_are_deleted_30_days_after_their_creation(fake, client, clock):
    job = client.create().json
    path = f"/v1/transcriptions/{job['id']}"
    clock.advance(30 * _DAY_SEC - 1)
    assert client("GET", f"{path}/transcript").status == 200
    clock.advance(1)
    for answer in (client("GET", path), client("GET", f"{path}/transcript"), client("DELETE", path)):
        assert (answer.status, answer.json["error_type"]) == (404, "transcription_not_found")
    assert client("GET", "/v1/transcriptions/count").json["total"] == 0
    assert fake.transcriptions == ()


def test_a_transcription_outlives_its_file(fake, client, clock):
    file_id = client.upload(b"ID3").json["id"]
    clock.advance(_DAY_SEC)
    job = client.create(file_id=file_id).json
    clock.advance(29 * _DAY_SEC)
    assert client("GET", f"/v1/files/{file_id}").status == 404
    shown = client("GET", f"/v1/transcriptions/{job['id']}").json
    assert (shown["status"], shown["file_id"]) == ("completed", file_id)


def test_a_job_that_waited_too_long_for_its_file_fails(clock, connect):
    with FakeSoniox(clock=clock, progress=after_seconds(queued=2 * _DAY_SEC)) as server:
        client = connect(server=server)
        file_id = client.upload().json["id"]
        clock.advance(29 * _DAY_SEC)
        job = client.create(file_id=file_id).json
        clock.advance(_DAY_SEC)
        assert client("GET", "/v1/files/count").json["total"] == 0
        clock.advance(_DAY_SEC)
        shown = client("GET", f"/v1/transcriptions/{job['id']}").json
        assert (shown["status"], shown["error_type"]) == ("error", "file_not_found")


def test_what_was_forgotten_makes_room(fake, client, clock):
    fake.limits.max_files = 1
    fake.limits.max_storage_bytes = 5
    fake.limits.max_transcriptions = 1
    assert (client.upload().status, client.create().status) == (201, 201)
    assert (client.upload().status, client.create().status) == (429, 429)
    clock.advance(30 * _DAY_SEC)
    assert (client.upload().status, client.create().status) == (201, 201)


def test_a_webhook_is_sent_before_its_job_is_forgotten(fake, client, clock):
    job = client.create(webhook_url="http://127.0.0.1:9/").json
    clock.advance(31 * _DAY_SEC)
    assert fake.transcriptions == ()
    assert [delivery.transcription_id for delivery in fake.webhooks] == [job["id"]]
