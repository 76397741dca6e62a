"""Seeds and saved states: what a fake stores, as JSON."""

from __future__ import annotations

import base64
import json
import os
import uuid
from datetime import datetime, timezone

import pytest

from soniox_lite import SonioxClient, SonioxPermissionDeniedError
from soniox_testing import FakeSoniox, VirtualClock, after_seconds
from soniox_testing.store.keys import Keys
from tests.fake.control.harness import Control, ask
from tests.support.insides import NewOnes
from tests.support.tables import each_row

_CONTENT = base64.b64encode(b"RIFF").decode()
_MAY_FIRST = (datetime(2026, 5, 1, tzinfo=timezone.utc), datetime(2026, 5, 2, tzinfo=timezone.utc))
_ID = str(uuid.UUID(int=7))


def _client(fake, api_key=None):
    return SonioxClient(api_key or fake.api_key, api_base_url=fake.api_base_url, max_retries=0)


def test_a_fake_goes_on_where_another_was_saved():
    clock = VirtualClock()
    options = {"clock": clock, "started_at": _MAY_FIRST[0]}
    config = {"enable_speaker_diarization": True, "language_hints": ["en"], "context": {"text": "about"}}
    with FakeSoniox(**options, progress=after_seconds(queued=10, processing=10)) as one, _client(one) as client:
        one.restrict_key("other", ["files"])
        one.add_transcript("said before", filename="a.wav")
        one.add_transcript("said later", filename="c.wav")
        file = client.files.upload(b"RIFF....WAVE", filename="a.wav", client_reference_id="r")
        done = client.stt.create(file_id=file.id, config=config, client_reference_id="job")
        failed = client.stt.create(file_id=client.files.upload(b"<html>", filename="b.wav").id)
        voice = client.voices.create(b"clip", name="Ada", filename="ada.wav")
        clock.advance(20)
        later = client.stt.create(audio_url="https://example.com/c.wav")
        temporary = client.auth.create_temporary_api_key(
            usage_type="transcribe_websocket", expires_in_seconds=60
        ).api_key
        before = (
            client.files.list().files,
            client.stt.get(done.id),
            client.stt.get_transcript(done.id),
            client.stt.get(failed.id),
            client.voices.get(voice.id),
            client.usage_logs.list(
                datetime(2026, 5, 1, tzinfo=timezone.utc), datetime(2026, 5, 2, tzinfo=timezone.utc)
            ),
        )
        saved = json.loads(json.dumps(one.save_state()))
    options["started_at"] = datetime(2026, 5, 1, 0, 0, 20, tzinfo=timezone.utc)
    known = NewOnes(Keys)
    with FakeSoniox(**options, progress=after_seconds(queued=10, processing=10)) as two, _client(two) as client:
        two.load_state(saved)
        assert before == (
            client.files.list().files,
            client.stt.get(done.id),
            client.stt.get_transcript(done.id),
            client.stt.get(failed.id),
            client.voices.get(voice.id),
            client.usage_logs.list(
                datetime(2026, 5, 1, tzinfo=timezone.utc), datetime(2026, 5, 2, tzinfo=timezone.utc)
            ),
        )
        assert (two.file_content(file.id), two.voice_content(voice.id)) == (b"RIFF....WAVE", b"clip")
        assert [job.status for job in client.stt.list().transcriptions] == ["completed", "error", "queued"]
        clock.advance(20)
        assert client.stt.get_transcript(later.id).text == "said later"
        assert any(temporary in keys.temporary for keys in known.all())
        with _client(two, "other") as restricted, pytest.raises(SonioxPermissionDeniedError):
            restricted.stt.list()
        assert two.save_state()["files"] == saved["files"]


def test_a_seed_needs_little():
    with FakeSoniox(started_at=_MAY_FIRST[1]) as fake, _client(fake) as client:
        fake.load_state(
            {
                "files": [
                    {"filename": "new.wav", "content_base64": _CONTENT},
                    {"filename": "old.wav", "content_base64": "", "created_at": "2026-05-01T00:00:00Z", "id": _ID},
                ],
                "voices": [{"name": "Ada", "content_base64": _CONTENT}],
                "transcriptions": [
                    {"transcript": "hello world", "filename": "a.wav"},
                    {"error_type": "invalid_audio_file", "error_message": "no audio", "file_id": _ID},
                ],
            }
        )
        assert [file.filename for file in client.files.list().files] == ["old.wav", "new.wav"]
        done, failed = client.stt.list().transcriptions
        assert client.stt.get_transcript(done.id).text == "hello world"
        assert (failed.status, failed.error_message, failed.filename) == ("error", "no audio", "old.wav")
        assert {model.status for model in client.voices.list().voices[0].models} == {"ready"}


@each_row(
    ("document", "message"),
    [
        ({"file": []}, "the document has no file; it may have keys, temporary_keys, files, "),
        ({"files": {}}, "the document.files must be a list, not {}"),
        ({"files": ["a"]}, "files[0] must be an object with filename, content_base64, "),
        ({"files": [{"filename": "a"}]}, "files[0] needs content_base64"),
        ({"files": [{"filename": 1, "content_base64": ""}]}, "files[0].filename must be str, not 1"),
        ({"files": [{"filename": "a", "content_base64": "?"}]}, "files[0].content_base64 must be base64, not '?'"),
        ({"files": [{"filename": "a", "content_base64": "", "id": "x"}]}, "files[0].id must be a UUID, not 'x'"),
        ({"files": [{"filename": "a", "content_base64": "", "id": _ID}] * 2}, "files[1].id must be a new one"),
        (
            {"files": [{"filename": "a", "content_base64": "", "created_at": "now"}]},
            "files[0].created_at must be a time",
        ),
        ({"voices": [{"name": "Ada", "content_base64": ""}] * 2}, "voices[1].name must be a new one, not 'Ada'"),
        (
            {"voices": [{"name": "A", "content_base64": "", "models": [{"model": "m", "status": "good"}]}]},
            "voices[0].models[0].status cannot be 'good'",
        ),
        ({"keys": [{"api_key": "k", "permissions": ["filse"]}]}, "keys[0].permissions: there is no permission 'filse'"),
        ({"keys": [{"api_key": "k", "permissions": "files"}]}, "keys[0].permissions must be a list"),
        (
            {
                "temporary_keys": [
                    {"api_key": "k", "project": "p", "usage_type": "t", "expires_at": "2026-01-01T00:00:00Z"}
                ]
            },
            "temporary_keys[0].api_key must begin with snx_temp_",
        ),
        ({"transcriptions": [{"status": "done"}]}, "transcriptions[0].status must be one of queued, "),
        ({"transcriptions": [{"status": "error"}]}, "transcriptions[0] needs error_type"),
        ({"transcriptions": [{"transcript": [{"text": ""}]}]}, "transcriptions[0].transcript[0]: a Word needs a text"),
        ({"transcriptions": [{"tokens": [{}]}]}, "transcriptions[0].tokens[0] must be an object with a text"),
        ({"transcriptions": [{"language_hints": "en"}]}, "transcriptions[0].language_hints: must be a list"),
        ({"transcriptions": [{"translation": {"to": "de"}}]}, "transcriptions[0].translation.type: "),
        (
            {"transcriptions": [{"audio_duration_ms": 10**15}]},
            "transcriptions[0].audio_duration_ms must be from 0 to 1",
        ),
        ({"usage_logs": [{"uuid": "u"}]}, "usage_logs[0] needs api_key"),
    ],
)
def test_a_document_that_does_not_fit_names_the_place_and_adds_nothing(document, message):
    fake = FakeSoniox()
    good = {"files": [{"filename": "good.wav", "content_base64": ""}], "keys": [{"api_key": "a", "permissions": []}]}
    before = fake.save_state()
    with pytest.raises(ValueError) as caught:
        fake.load_state({**good, **document})
    assert message in str(caught.value)
    assert fake.save_state() == before


def test_a_seed_is_there_again_after_a_reset_and_may_name_files(tmp_path):
    (tmp_path / "call.wav").write_bytes(b"RIFF")
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps({"files": [{"filename": "a.wav", "path": "call.wav"}], "failures": []}))
    control = Control(scripts=[seed])
    with control.server, control.client() as client:
        for _ in range(2):
            (record,) = control("GET", "records")[1]["files"]
            assert (record["filename"], record["api_key"]) == ("a.wav", "fake-soniox-key")
            assert control("GET", f"files/{record['id']}/content") == (200, b"RIFF")
            client.files.upload(b"ID3", filename="b.mp3")
            control("POST", "reset", {})
    seed.write_text(json.dumps({"files": [{"filename": "a.wav", "path": "none.wav"}]}))
    with pytest.raises(ValueError, match=r"seed\.json: files\[0\]\.path cannot be read"):
        Control(scripts=[seed])


def test_a_state_is_saved_at_the_end_and_loaded_at_the_start(tmp_path):
    path = tmp_path / "state.json"
    first = Control(state_file=path)
    with first.server, first.client() as client:
        file = client.files.upload(b"ID3", filename="a.mp3")
        assert first("POST", "save", {}) == (200, {"path": str(path)})
        saved = json.loads(path.read_text())
        assert saved == first("GET", "saved")[1]
        client.files.upload(b"ID3", filename="b.mp3")
        sub_fake = first.make()
        assert ask(sub_fake["url"], "POST", "save", {})[0] == 409
    second = Control(state_file=path)
    with second.server, second.client() as client:
        assert [listed.filename for listed in client.files.list().files] == ["a.mp3", "b.mp3"]
        assert client.files.get(file.id).filename == "a.mp3"
        assert second("POST", "reset", {})[0] == 200
        assert client.files.list().files == []
        assert second("POST", "scripts", saved) == (200, {"recordings": []})
        assert client.files.get(file.id).filename == "a.mp3"
        status, body = second("POST", "scripts", saved)
        assert (status, "files[0].id must be a new one" in body["error"]) == (400, True)
    # As some editors write it.
    path.write_text('{"files": []}', encoding="utf-8-sig")
    Control(state_file=path)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        Control(state_file=tmp_path / "none" / "state.json")
    path.write_text("{")
    with pytest.raises(ValueError, match=r"state\.json is not JSON"):
        Control(state_file=path)
    assert [found.name for found in tmp_path.iterdir()] == ["state.json"]


def test_a_saved_state_takes_the_place_of_the_seeds_until_a_reset(tmp_path):
    state, seed, script = (tmp_path / f"{name}.json" for name in ("state", "seed", "script"))
    file = {"id": "6f1c7d3e-0000-4000-8000-000000000001", "api_key": "k", "filename": "a.mp3", "content_base64": ""}
    seed.write_text(json.dumps({"files": [file]}))
    script.write_text(json.dumps({"transcripts": [{"transcript": "said"}]}))
    for number in range(3):
        control = Control(state_file=state, seeds=[seed], scripts=[script])
        with control.server, control.client() as client:
            assert len(client.files.list().files) == 1 + number
            assert "'said'" in control("GET", "report")[1]["report"]
            client.files.upload(b"ID3", filename="b.mp3")
            if number == 2:
                control("POST", "reset", {})
                assert [listed.filename for listed in client.files.list().files] == ["a.mp3"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_only_its_owner_may_read_a_state(tmp_path):
    with Control(state_file=tmp_path / "state.json").server:
        pass
    assert (tmp_path / "state.json").stat().st_mode & 0o777 == 0o600


def test_without_a_file_nothing_is_saved():
    control = Control()
    with control.server:
        status, body = control("POST", "save", {})
        assert (status, "--state FILE" in body["error"]) == (409, True)
