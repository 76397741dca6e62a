from __future__ import annotations

import re
from datetime import datetime, timezone

import pytest

from soniox_testing import FakeSoniox
from tests.support.tables import each_row

_KEYS = "/v1/auth/temporary-api-key"


def test_every_model_name_in_use_is_listed(client):
    models = {model["id"]: model for model in client("GET", "/v1/models").json["models"]}
    assert set(models) == {
        f"stt-{mode}-{version}" for mode in ("rt", "async") for version in ("v5", "v4", "v3", "preview")
    }
    for model_id, model in models.items():
        current = re.sub(r"[^-]+$", "v5", model_id)
        assert model["aliased_model_id"] == (None if model_id == current else current)
        assert model["transcription_mode"] == ("real_time" if "-rt-" in model_id else "async")
        assert model["endpoint_latency_adjustment_max_level"] == (3 if "-rt-" in model_id else 0)


def test_the_models_speak_sixty_languages(client):
    languages = {model["id"]: model["languages"] for model in client("GET", "/v1/models").json["models"]}
    assert {len({language["code"] for language in listed}) for listed in languages.values()} == {60}
    assert {"code": "cy", "name": "Welsh"} in languages["stt-async-v5"]


def test_a_temporary_key_has_the_documented_shape(connect):
    start = datetime(2026, 1, 31, 23, 59, 59, 500_000, tzinfo=timezone.utc)
    with FakeSoniox(clock=lambda: 7.0, started_at=start) as fake:
        client = connect(server=fake)
        answer = client.post(_KEYS, {"usage_type": "tts_rt", "expires_in_seconds": 3600})
        again = client.post(_KEYS, {"usage_type": "tts_rt", "expires_in_seconds": 3600})
    assert answer.status == 201
    assert answer.json["expires_at"] == "2026-02-01T00:59:59.500Z"
    assert re.fullmatch(r"snx_temp_[\w-]{43}\.[\w-]{86}\.[\w-]{6}", answer.json["api_key"])
    assert again.json["api_key"] != answer.json["api_key"]


@pytest.mark.parametrize(
    "payload",
    [
        {"usage_type": "transcribe_websocket", "expires_in_seconds": 1},
        {
            "usage_type": "transcribe_websocket",
            "expires_in_seconds": 60,
            "client_reference_id": None,
            "single_use": None,
            "max_session_duration_seconds": None,
        },
        {
            "usage_type": "tts_rt",
            "expires_in_seconds": 60,
            "client_reference_id": "r" * 256,
            "single_use": True,
            "max_session_duration_seconds": 18_000,
            "unknown": 1,
        },
    ],
)
def test_a_temporary_key_is_made(client, payload):
    assert client.post(_KEYS, payload).status == 201


@each_row(
    ("payload", "problem"),
    [
        ({"usage_type": None}, ("missing", "usage_type")),
        ({"usage_type": "other"}, ("enum", "usage_type")),
        ({"usage_type": 1}, ("string_type", "usage_type")),
        ({"expires_in_seconds": None}, ("missing", "expires_in_seconds")),
        ({"expires_in_seconds": 0}, ("greater_than_equal", "expires_in_seconds")),
        ({"expires_in_seconds": 3601}, ("less_than_equal", "expires_in_seconds")),
        ({"expires_in_seconds": "60"}, ("int_type", "expires_in_seconds")),
        ({"expires_in_seconds": 1.5}, ("int_type", "expires_in_seconds")),
        ({"expires_in_seconds": True}, ("int_type", "expires_in_seconds")),
        ({"client_reference_id": "r" * 257}, ("string_too_long", "client_reference_id")),
        ({"single_use": "yes"}, ("bool_type", "single_use")),
        ({"max_session_duration_seconds": 0}, ("greater_than_equal", "max_session_duration_seconds")),
        ({"max_session_duration_seconds": 18_001}, ("less_than_equal", "max_session_duration_seconds")),
    ],
)
def test_a_bad_field_is_named(client, payload, problem):
    answer = client.post(_KEYS, {"usage_type": "tts_rt", "expires_in_seconds": 60, **payload})
    assert (answer.status, answer.json["error_type"]) == (400, "invalid_request")
    assert answer.problems == [(problem[0], f"body.payload.{problem[1]}")]


def test_a_temporary_key_opens_nothing_here(client, connect):
    key = client.post(_KEYS, {"usage_type": "tts_rt", "expires_in_seconds": 60}).json["api_key"]
    for method, path in (("GET", "/v1/files"), ("GET", "/v1/models"), ("POST", _KEYS)):
        refused = connect(key)(method, path)
        assert (refused.status, refused.json["error_type"]) == (401, "unauthenticated")


@each_row("header", [None, "", "Bearer", "Bearer ", "Basic a2V5", "key-a", "Bearer snx_temp_x.y.z"])
def test_a_request_without_a_usable_key_is_refused(fake, connect, header):
    client = connect(None)
    if header is not None:
        client.headers["Authorization"] = header
    for method, path in (("GET", "/v1/files"), ("GET", "/v1/models"), ("DELETE", "/v1/files/x")):
        answer = client(method, path)
        assert (answer.status, answer.json["error_type"]) == (401, "unauthenticated")
    assert client.upload(b"x" * 5_000_000).status == 401, "also when the body is still to come"
    assert client.create().status == 401
    assert (fake.files, fake.transcriptions) == ((), ())


def test_given_keys_are_the_only_ones(connect):
    with FakeSoniox(api_keys=["one", "two"]) as fake:
        assert fake.api_key == "one"
        assert connect("one", fake).upload().status == 201
        assert connect("two", fake)("GET", "/v1/files").json["files"] == []
        assert connect("three", fake)("GET", "/v1/files").status == 401
        assert connect("one", fake)("GET", "/v1/files", headers={"Authorization": "bearer  one "}).status == 200


def test_one_key_or_name_is_not_its_letters(connect):
    with FakeSoniox(api_keys="one", voices="Nina") as fake:
        assert fake.api_key == "one"
        assert connect("o", fake)("GET", "/v1/models").status == 401
        shared = connect("one", fake)("GET", "/v1/shared-voices?model=tts-rt-v2").json["voices"]
        assert [voice["id"] for voice in shared] == ["Nina"]
    with pytest.raises(TypeError, match="api_keys takes texts"):
        FakeSoniox(api_keys=[1])


def test_no_key_may_be_accepted_at_all(connect):
    with FakeSoniox(api_keys=[]) as fake:
        assert connect(fake.api_key, fake)("GET", "/v1/files").status == 401
    with pytest.raises(ValueError, match="empty"):
        FakeSoniox(api_keys=[""])
