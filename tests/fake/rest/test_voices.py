"""Cloned voices: creation, preparation, failures and conflicts."""

from __future__ import annotations

import json
import struct

import pytest

from soniox_testing import FakeSoniox, Limits
from tests.fake.tts_client import post

V1, V2 = "tts-rt-v1", "tts-rt-v2"  # v1 is an alias of v2
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def statuses(voice):
    return {model["model"]: model["status"] for model in voice["models"]}


def wav(seconds):
    """A WAV file of silence, 8000 bytes a second."""
    size = 8000 * seconds
    form = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8, b"data", size
    )
    return form + bytes(size)


def test_a_voice_is_shown_as_it_was_made(fake, client):
    answer = client.create_voice()
    voice = answer.json
    assert answer.status == 201
    assert (voice["name"], voice["filename"]) == ("Ada", "a.wav")
    assert statuses(voice) == {V2: "processing"}
    assert client("GET", f"/v1/voices/{voice['id']}").json == voice
    assert client("GET", "/v1/voices").json == {"voices": [voice], "next_page_cursor": None}
    assert client("GET", "/v1/voices/count").json == {"total": 1}
    assert fake.voice_content(voice["id"]) == b"sound"
    (record,) = fake.voices
    assert (record.id, record.size, record.api_key) == (voice["id"], 5, "key-a")
    with pytest.raises(KeyError, match=f"there is no voice '{UNKNOWN}'"):
        fake.voice_content(UNKNOWN)


def test_a_voice_gets_ready_by_the_clock(client, time):
    voice_id = client.create_voice().json["id"]
    time.now_sec += 19
    assert set(statuses(client("GET", f"/v1/voices/{voice_id}").json).values()) == {"processing"}
    time.now_sec += 1
    ready = client("GET", f"/v1/voices/{voice_id}").json
    assert ready["models"][0] == {"model": V2, "status": "ready", "error_type": None, "error_message": None}
    assert set(statuses(ready).values()) == {"ready"}


def test_a_voice_gets_ready_by_looks(connect):
    with FakeSoniox(progress=lambda job: "completed" if job.looks >= 2 else "processing") as server:
        client = connect(server=server)
        voice_id = client.create_voice().json["id"]
        seen = [statuses(client("GET", f"/v1/voices/{voice_id}").json)[V2] for _ in range(3)]
        assert seen == ["processing", "processing", "ready"]
        assert server.voices[0].models[0].status == "ready"


def test_by_default_a_voice_is_ready_soon(connect):
    clock = [0.0]
    with FakeSoniox(clock=lambda: clock[0]) as server:
        voice_id = connect(server=server).create_voice().json["id"]
        clock[0] += 0.05
        assert set(statuses(connect(server=server)("GET", f"/v1/voices/{voice_id}").json).values()) == {"ready"}


@pytest.mark.parametrize(("seconds", "status"), [(20, "ready"), (21, "failed")])
def test_a_clip_that_is_too_long_is_taken_and_fails(client, time, seconds, status):
    answer = client.create_voice(content=wav(seconds))
    assert answer.status == 201
    assert statuses(answer.json)[V2] == "processing"
    time.now_sec += 20
    model = client("GET", f"/v1/voices/{answer.json['id']}").json["models"][0]
    assert model["status"] == status
    if status == "failed":
        assert model["error_type"] == "voice_audio_too_long"
        assert "21000 ms" in model["error_message"]


def test_a_clip_of_more_than_10_mib_is_refused(fake, client):
    assert client.create_voice(content=bytes(10 * 1024 * 1024)).status == 201
    assert client.create_voice("Bea", bytes(10 * 1024 * 1024 + 1)).problems == [("value_error", "file.file")]
    assert len(fake.voices) == 1


@pytest.mark.parametrize(
    ("parts", "problems"),
    [
        ({"name": None}, [("missing", "body.payload.name")]),
        ({"name": ""}, [("string_too_short", "body.payload.name")]),
        ({"name": "é" * 129}, [("string_too_long", "body.payload.name")]),
        ({"filename": None}, [("missing", "file.file")]),
        ({"filename": "x" * 256}, [("string_too_long", "file.file")]),
        ({"name": None, "filename": None}, [("missing", "file.file"), ("missing", "body.payload.name")]),
    ],
)
def test_a_bad_voice_is_refused_and_leaves_nothing(fake, client, parts, problems):
    answer = client.create_voice(**parts)
    assert answer.status == 400
    assert answer.problems == problems
    assert fake.voices == ()
    assert client.create_voice("é" * 128).status == 201


def test_a_name_is_taken_once_in_a_project(fake, client, connect):
    first = client.create_voice().json["id"]
    answer = client.create_voice()
    assert (answer.status, answer.json["error_type"]) == (409, "voice_name_conflict")
    assert client.create_voice("ada").status == 201
    assert connect("key-b").create_voice().status == 201
    assert [voice.api_key for voice in fake.voices] == ["key-a", "key-a", "key-b"]
    client("DELETE", f"/v1/voices/{first}")
    assert client.create_voice().status == 201


def test_no_more_voices_than_the_limit(connect):
    with FakeSoniox(limits=Limits(max_voices=2)) as server:
        client = connect(server=server)
        first = client.create_voice().json["id"]
        assert connect("key-b", server=server).create_voice().status == 201
        answer = client.create_voice("Bea")
        assert (answer.status, answer.json["error_type"]) == (429, "limit_exceeded")
        assert "limit has been exceeded for your organization: 2 voices" in answer.json["message"]
        client("DELETE", f"/v1/voices/{first}")
        assert client.create_voice("Bea").status == 201


def test_a_deleted_voice_is_gone(fake, client):
    voice_id = client.create_voice().json["id"]
    with pytest.raises(AssertionError, match=f"Voices left:\n  'Ada' .{voice_id}"):
        fake.assert_no_voices_left()
    deleted = client("DELETE", f"/v1/voices/{voice_id}")
    assert (deleted.status, deleted.raw) == (204, b"")
    for method in ("GET", "DELETE"):
        gone = client(method, f"/v1/voices/{voice_id}")
        assert (gone.status, gone.json["error_type"]) == (404, "voice_not_found")
    assert client.post(f"/v1/voices/{voice_id}/recompute", {}).json["error_type"] == "voice_not_found"
    assert fake.voices == ()
    fake.assert_no_voices_left()


@pytest.mark.parametrize("voice_id", [UNKNOWN, "nonsense", "Nina"])
def test_an_unknown_or_malformed_id_is_not_found(client, voice_id):
    assert client("GET", f"/v1/voices/{voice_id}").json["error_type"] == "voice_not_found"


def test_projects_do_not_see_each_other(client, connect):
    voice_id = client.create_voice().json["id"]
    theirs = connect("key-b")
    assert theirs("GET", f"/v1/voices/{voice_id}").status == 404
    assert theirs("DELETE", f"/v1/voices/{voice_id}").status == 404
    assert theirs("GET", "/v1/voices").json["voices"] == []
    assert theirs("GET", "/v1/voices/count").json == {"total": 0}


def test_pages_hold_every_voice_once_although_seen_ones_are_deleted(client):
    ids = [client.create_voice(f"voice {number}").json["id"] for number in range(5)]
    seen, cursor = [], ""
    while cursor is not None:
        page = client("GET", f"/v1/voices?limit=2&cursor={cursor}").json
        seen += [voice["id"] for voice in page["voices"]]
        for voice in page["voices"]:
            client("DELETE", f"/v1/voices/{voice['id']}")
        cursor = page["next_page_cursor"]
    assert seen == ids
    assert client("GET", "/v1/voices?limit=1001").problems == [("less_than_equal", "query.limit")]
    assert client("GET", "/v1/voices?cursor=x").json["error_type"] == "invalid_cursor"


def test_a_model_that_came_later_has_to_be_computed(fake, client, time):
    voice_id = client.create_voice().json["id"]
    time.now_sec += 20
    fake.add_tts_model("tts-rt-v3")
    fake.add_tts_model("tts-rt-v4")
    fake.add_tts_model("tts-rt-plain", supports_voice_cloning=False)
    path = f"/v1/voices/{voice_id}"
    expected = {V2: "ready", "tts-rt-v3": "not_computed", "tts-rt-v4": "not_computed"}
    assert statuses(client("GET", path).json) == expected
    assert statuses(client.post(f"{path}/recompute", {"model": "tts-rt-v3"}).json) == {
        **expected,
        "tts-rt-v3": "processing",
    }
    time.now_sec += 20
    assert statuses(client("GET", path).json) == {**expected, "tts-rt-v3": "ready"}
    assert client.post(f"{path}/recompute", {"model": None}).status == 200
    time.now_sec += 20
    assert set(statuses(client("GET", path).json).values()) == {"ready"}
    assert statuses(client.create_voice("Bea").json).keys() == expected.keys()
    with pytest.raises(ValueError, match="a model 'tts-rt-v3' already"):
        fake.add_tts_model("tts-rt-v3")


def test_recompute_leaves_what_is_ready_or_on_its_way(client, time):
    path = f"/v1/voices/{client.create_voice().json['id']}"
    time.now_sec += 15
    assert set(statuses(client.post(f"{path}/recompute", {"model": "tts-rt-v1-preview"}).json).values()) == {
        "processing"
    }
    time.now_sec += 5
    assert set(statuses(client.post(f"{path}/recompute", {}).json).values()) == {"ready"}


@pytest.mark.parametrize("payload", [{"model": "nothing"}, {"model": "tts-rt-plain"}, {"model": ""}])
def test_recompute_refuses_a_model_that_cannot_clone(fake, client, payload):
    fake.add_tts_model("tts-rt-plain", supports_voice_cloning=False)
    answer = client.post(f"/v1/voices/{client.create_voice().json['id']}/recompute", payload)
    assert (answer.status, answer.problems) == (400, [("value_error", "body.payload.model")])


def test_recompute_needs_a_body(client):
    answer = client("POST", f"/v1/voices/{client.create_voice().json['id']}/recompute")
    assert (answer.status, answer.json["error_type"]) == (400, "invalid_request")


def test_a_voice_can_be_told_to_fail_and_stays_failed(fake, client, time):
    fake.fail_next_voice("voice_unclear", "No voice can be heard.", name="Bea")
    fake.fail_next_voice("voice_too_noisy", "It is noisy.")
    noisy, unclear, good = (client.create_voice(name).json["id"] for name in ("Ada", "Bea", "Cleo"))
    assert {model.status for voice in fake.voices for model in voice.models} == {"processing"}
    time.now_sec += 20
    model = client("GET", f"/v1/voices/{unclear}").json["models"][0]
    assert (model["status"], model["error_type"], model["error_message"]) == (
        "failed",
        "voice_unclear",
        "No voice can be heard.",
    )
    again = client.post(f"/v1/voices/{noisy}/recompute", {}).json
    assert {model["error_type"] for model in again["models"]} == {"voice_too_noisy"}
    assert set(statuses(client("GET", f"/v1/voices/{good}").json).values()) == {"ready"}
    fake.check()


def test_an_unused_failure_is_reported(fake):
    fake.fail_next_voice("voice_too_noisy", "It is noisy.", name="Ada")
    with pytest.raises(AssertionError, match=r"'voice_too_noisy' .It is noisy.. for the voice 'Ada'"):
        fake.check()


def test_a_progress_rule_may_let_a_voice_fail(connect):
    with FakeSoniox(progress=lambda _: "error") as server:
        (model,) = connect(server=server).create_voice().json["models"]
        assert (model["status"], model["error_type"]) == ("failed", "internal_error")


class TestRefusal:
    """Why a voice cannot be used by text-to-speech; None when it can."""

    def refusal(self, fake, voice, model=V2, api_key="key-a"):
        status, _, body = post(fake, api_key, voice=voice, model=model)
        return None if status == 200 else (status, body["error_type"])

    def test_shared_voices_speak_with_every_model(self, fake):
        fake.add_tts_model("tts-rt-v3")
        for model in (V1, V2, "tts-rt-v1-preview", "tts-rt-v3"):
            assert self.refusal(fake, "Nina", model) is None

    def test_the_voices_that_v1_had_are_refused_by_v2(self, fake):
        fake.add_tts_model("tts-rt-v3")
        for voice in ("Claire", "Elise", "Jack", "Maya", "Meera", "Noah", "Sofia"):
            for model in (V1, V2):
                assert self.refusal(fake, voice, model) == (400, "invalid_request")
            assert self.refusal(fake, voice, "tts-rt-v3") is None

    def test_another_name_may_be_that_of_a_voice(self, fake):
        for voice in ("nina", "Imaginary", "Zoë 2"):
            assert self.refusal(fake, voice) is None
        for voice in ("", "1a", "a/b", "{}", " Nina", "Nina ", "maya", "CLAIRE"):
            assert self.refusal(fake, voice) == (400, "invalid_request")

    def test_a_list_of_voices_is_exact(self):
        with FakeSoniox(voices=["Maya"]) as server:
            assert self.refusal(server, "Maya") is None
            for voice in ("Nina", "Imaginary"):
                assert self.refusal(server, voice) == (400, "invalid_request")

    def test_an_unknown_model_is_a_bad_request(self, fake):
        assert self.refusal(fake, "Nina", "nothing") == (400, "model_not_available")

    def test_a_cloned_voice_speaks_in_its_project_when_it_is_ready(self, fake, client, time):
        voice = client.create_voice().json["id"]
        assert self.refusal(fake, UNKNOWN) == (404, "voice_not_found")
        assert self.refusal(fake, voice, api_key="key-b") == (404, "voice_not_found")
        assert self.refusal(fake, voice) == (409, "voice_not_prepared")
        time.now_sec += 20
        assert self.refusal(fake, voice) is None
        assert self.refusal(fake, voice, "tts-rt-v1-preview") is None
        fake.add_tts_model("tts-rt-v3")
        assert self.refusal(fake, voice, "tts-rt-v3") == (409, "voice_not_prepared")
        fake.add_tts_model("tts-rt-plain", supports_voice_cloning=False)
        assert self.refusal(fake, voice, "tts-rt-plain") == (400, "invalid_request")

    def test_a_failed_voice_never_speaks(self, fake, client, time):
        fake.fail_next_voice("voice_too_noisy", "It is noisy.")
        voice = client.create_voice().json["id"]
        time.now_sec += 20
        assert self.refusal(fake, voice) == (503, "voice_failed")

    def test_a_temporary_key_speaks_with_the_voices_of_its_project(self, fake, client, time):
        voice = client.create_voice().json["id"]
        time.now_sec += 20
        payload = {"usage_type": "tts_rt", "expires_in_seconds": 60}
        key = client.post("/v1/auth/temporary-api-key", payload).json["api_key"]
        assert self.refusal(fake, voice, api_key=key) is None


def test_a_key_needs_the_permission(fake, client):
    fake.restrict_key("key-a", ["files", "usage"])
    for method, path in [("GET", "/v1/voices"), ("GET", "/v1/voices/count"), ("DELETE", f"/v1/voices/{UNKNOWN}")]:
        assert (client(method, path).status, client(method, path).json["error_type"]) == (403, "permission_denied")
    assert client.create_voice().status == 403
    fake.restrict_key("key-a", ["voices"])
    assert client.create_voice().status == 201


def test_faults_strike_voices_by_name(fake, client):
    fake.faults.answer(503, operation="create_voice", times=1)
    answer = client.connection
    answer.request("POST", "/v1/voices", b"", client.headers)
    response = answer.getresponse()
    assert (response.status, json.loads(response.read())["error_type"]) == (503, "service_unavailable")
    assert client.create_voice().status == 201
