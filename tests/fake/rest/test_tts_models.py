"""The models of text-to-speech and their shared voices."""

from __future__ import annotations

import pytest

from soniox_testing import FakeSoniox
from soniox_testing.catalogue.tts_models import SHARED_VOICES

NAMES = [voice.id for voice in SHARED_VOICES]
GONE = ("Claire", "Elise", "Jack", "Maya", "Meera", "Noah", "Sofia")


def shared(client, query):
    return client("GET", f"/v1/shared-voices?model=tts-rt-v2&{query}").json


def names(client, query):
    return [voice["id"] for voice in shared(client, query)["voices"]]


def test_the_models(client):
    models = {model["id"]: model for model in client("GET", "/v1/tts-models").json["models"]}
    assert {name: model["aliased_model_id"] for name, model in models.items()} == {
        "tts-rt-v2": None,
        "tts-rt-v1": "tts-rt-v2",
        "tts-rt-v1-preview": "tts-rt-v2",
    }
    model = models["tts-rt-v2"]
    assert [voice["id"] for voice in model["voices"]] == NAMES
    assert len(NAMES) == 70
    assert not set(NAMES) & set(GONE)
    assert len(model["languages"]) == 63
    for language in ({"code": "is", "name": "Icelandic"}, {"code": "uz", "name": "Uzbek"}):
        assert language in model["languages"]
    assert (model["speed_min"], model["speed_max"]) == (0.7, 1.3)
    assert model["voice_cloning_max_audio_duration_ms"] == 20_000
    assert model["supports_silence_reduction"]
    alias = {**models["tts-rt-v1-preview"], "id": "tts-rt-v2", "aliased_model_id": None, "name": "TTS v2"}
    assert alias == model


def test_a_model_that_can_nothing(fake, client):
    fake.add_tts_model(
        "tts-rt-plain",
        supports_timestamps=False,
        supports_voice_cloning=False,
        supports_speed_adjustment=False,
        supports_silence_reduction=False,
    )
    model = client("GET", "/v1/tts-models").json["models"][-1]
    assert (model["id"], model["supports_timestamps"], model["supports_voice_cloning"]) == (
        "tts-rt-plain",
        False,
        False,
    )
    assert model["voice_cloning_max_audio_duration_ms"] is None
    assert (model["speed_min"], model["speed_max"]) == (None, None)


def test_without_a_filter_all_voices_are_there(client):
    page = shared(client, "")
    assert [voice["id"] for voice in page["voices"]] == NAMES
    assert page["next_page_cursor"] is None
    victoria = next(voice for voice in page["voices"] if voice["id"] == "Victoria")
    assert (victoria["gender"], victoria["age"], victoria["accent"]) == ("female", "middle_aged", "british")
    assert victoria["use_case"] == ["educational", "narration", "conversational"]
    assert victoria["style"] == ["formal", "bright", "confident", "neutral", "calm"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("age=old", ["Grace", "Arthur"]),
        ("age=old&gender=male", ["Arthur"]),
        ("gender=neutral", []),
        ("accent=australian", ["Cooper", "Ruby", "Shane", "Sloane"]),
        ("accent=martian", []),
        ("use_case=educational,narration&accent=british", ["Owen", "Victoria"]),
        ("use_case=educational&use_case=narration&accent=british", ["Owen", "Victoria"]),
        ("use_case=educational&use_case=narration,conversational", ["Victoria"]),
        ("style=calm&accent=british", ["Arthur", "Victoria", "Freddie", "Poppy"]),
        ("style=calm,bright", ["Victoria"]),
        ("style=calm&use_case=narration&gender=male&age=old", ["Arthur"]),
    ],
)
def test_every_filter_must_match(client, query, found):
    assert names(client, query) == found


def test_pages_go_through_the_filtered_list(client):
    everything = names(client, "gender=female")
    seen, cursor = [], ""
    while cursor is not None:
        page = shared(client, f"gender=female&limit=4&cursor={cursor}")
        assert len(page["voices"]) <= 4
        seen += [voice["id"] for voice in page["voices"]]
        cursor = page["next_page_cursor"]
    assert seen == everything


@pytest.mark.parametrize(
    ("query", "problems"),
    [
        ("", [("missing", "query.model")]),
        (f"model={'x' * 65}", [("string_too_long", "query.model")]),
        ("model=tts-rt-v2&gender=robot", [("enum", "query.gender")]),
        ("model=tts-rt-v2&gender=", [("enum", "query.gender")]),
        ("model=tts-rt-v2&age=1", [("enum", "query.age")]),
        (f"model=tts-rt-v2&accent={'x' * 41}", [("string_too_long", "query.accent")]),
        (f"model=tts-rt-v2&use_case=a,{'x' * 41}", [("string_too_long", "query.use_case.1")]),
        ("model=tts-rt-v2&style=a,b,c,d,e,f&style=g,h,i,j,k", [("too_long", "query.style")]),
        ("model=tts-rt-v2&limit=0", [("greater_than_equal", "query.limit")]),
        ("model=tts-rt-v2&limit=201", [("less_than_equal", "query.limit")]),
        ("model=tts-rt-v2&gender=robot&age=1", [("enum", "query.gender"), ("enum", "query.age")]),
    ],
)
def test_a_bad_query_is_refused(client, query, problems):
    answer = client("GET", f"/v1/shared-voices?{query}")
    assert (answer.status, answer.json["error_type"], answer.problems) == (400, "invalid_request", problems)


def test_ten_tags_may_be_asked_for(client):
    assert names(client, f"style=a,b,c,d,e,f,g,h,i,{'x' * 40}") == []


def test_a_bad_cursor_is_refused(client):
    assert shared(client, "cursor=x")["error_type"] == "invalid_cursor"


def test_an_unknown_model_is_not_found_by_an_invalid_request(client):
    answer = client("GET", "/v1/shared-voices?model=tts-rt-v0")
    assert (answer.status, answer.json["error_type"]) == (404, "invalid_request")
    assert answer.json["message"] == "TTS model 'tts-rt-v0' not found."


def test_an_alias_and_a_new_model_have_the_same_voices(fake, client):
    fake.add_tts_model("tts-rt-v3")
    for model in ("tts-rt-v1-preview", "tts-rt-v3"):
        assert len(client("GET", f"/v1/shared-voices?model={model}").json["voices"]) == len(NAMES)


def test_the_list_of_voices_may_be_given(connect):
    with FakeSoniox(voices=["Maya", "Grace", "Zed"]) as server:
        client = connect(server=server)
        assert names(client, "") == ["Maya", "Grace", "Zed"]
        assert names(client, "age=old") == ["Grace"]
    for wrong in ("", "1a", "-"):
        with pytest.raises(ValueError, match="cannot be called"):
            FakeSoniox(voices=[wrong])


def test_no_permission_is_needed(fake, client):
    fake.restrict_key("key-a", [])
    assert client("GET", "/v1/tts-models").status == 200
    assert client("GET", "/v1/shared-voices?model=tts-rt-v1").status == 200
