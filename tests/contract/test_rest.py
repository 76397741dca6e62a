"""What every client of the service can rely on, run with four clients against the fake, or the service itself."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from soniox_testing import FakeSoniox
from tests.support.tables import each_row

from .targets import LIVE_API, Target

SPOKEN = Path(__file__).parents[2] / "examples" / "spoken.wav"
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def error_of(target: Target, method: str, **arguments: Any) -> Any:
    """The error that a call raises; its class's name is the same in both SDKs."""
    with pytest.raises(Exception, match=r".+") as caught:
        target.call(method, **arguments)
    return caught.value


class TestFiles:
    def test_upload_from_a_path(self, target: Target, fake_soniox: FakeSoniox) -> None:
        file = target.call("files.upload", file=SPOKEN, client_reference_id="mine")
        assert (file["filename"], file["size"], file["client_reference_id"]) == (
            "spoken.wav",
            SPOKEN.stat().st_size,
            "mine",
        )
        assert fake_soniox.file_content(file["id"]) == SPOKEN.read_bytes()

    @each_row("filename", ["Gespräch № 3.wav", 'a "quoted" name.wav', "semi;colon=.wav", "per%cent.wav"])
    def test_upload_keeps_the_file_name(self, target: Target, filename: str) -> None:
        name = target.call("files.upload", file=b"RIFF", filename=filename)["filename"]
        assert name.replace("%22", '"') == filename

    def test_upload_of_bytes_and_streams_without_a_name(self, target: Target) -> None:
        assert target.call("files.upload", file=b"abc")["filename"] == "upload.bin"
        assert target.call("files.upload", file=io.BytesIO(b"abcd"))["size"] == 4

    def test_get_and_delete(self, target: Target) -> None:
        file = target.call("files.upload", file=b"abc")
        assert target.call("files.get", file_id=file["id"]) == file
        target.call("files.delete", file_id=file["id"])
        assert target.call("files.get_or_none", file_id=file["id"]) is None
        target.call("files.delete_if_exists", file_id=file["id"])
        assert type(error_of(target, "files.get", file_id=file["id"])).__name__ == "SonioxNotFoundError"
        assert type(error_of(target, "files.delete", file_id=file["id"])).__name__ == "SonioxNotFoundError"

    @pytest.mark.fake_only("counts on a project without other files")
    def test_listing_in_pages(self, target: Target) -> None:
        ids = [target.call("files.upload", file=b"abc")["id"] for _ in range(5)]
        first = target.call("files.list", limit=2)
        second = target.call("files.list", limit=2, cursor=first["next_page_cursor"])
        assert len({file["id"] for page in (first, second) for file in page["files"]}) == 4
        assert {file["id"] for file in target.call("files.list_all", limit=2)} == set(ids)
        assert target.call("files.count")["total"] == 5

    def test_delete_all(self, target: Target, fake_soniox: FakeSoniox) -> None:
        for _ in range(7):
            target.call("files.upload", file=b"abc")
        target.call("files.delete_all", limit=2)
        assert fake_soniox.files == ()

    def test_bad_cursor(self, target: Target) -> None:
        error = error_of(target, "files.list", cursor="nonsense")
        assert type(error).__name__ == "SonioxInvalidRequestError"
        assert error.api_error.error_type == "invalid_cursor"


class TestTranscriptions:
    def test_transcribe_and_wait_with_tokens(self, target: Target, fake_soniox: FakeSoniox) -> None:
        fake_soniox.add_transcript("hello from the recording", filename="spoken.wav")
        transcript = target.call("stt.transcribe_and_wait_with_tokens", file=SPOKEN, wait_interval_sec=0.05)
        assert transcript["text"] == "hello from the recording"
        assert "".join(token["text"] for token in transcript["tokens"]) == transcript["text"]
        assert transcript["tokens"][-1]["end_ms"] <= 6930
        (job,) = fake_soniox.transcriptions
        assert job.status == "completed"

    def test_delete_after_leaves_nothing(self, target: Target, fake_soniox: FakeSoniox) -> None:
        target.call("stt.transcribe_and_wait", file=SPOKEN, wait_interval_sec=0.05, delete_after=True)
        assert (fake_soniox.files, fake_soniox.transcriptions) == ((), ())

    @pytest.mark.fake_only("there is no audio at this URL")
    def test_transcribe_from_url(self, target: Target) -> None:
        job = target.call("stt.transcribe_from_url", audio_url="https://example.com/a/talk.mp3?x=1")
        assert (job["filename"], job["audio_url"]) == ("talk.mp3", "https://example.com/a/talk.mp3?x=1")
        assert target.call("stt.wait", transcription_id=job["id"], interval_sec=0.05)["status"] == "completed"

    def test_options_arrive(self, target: Target) -> None:
        file = target.call("files.upload", file=SPOKEN)
        config = target.config(
            language_hints=["en", "de"],
            enable_speaker_diarization=True,
            enable_language_identification=True,
            translation={"type": "one_way", "target_language": "es"},
            context={"general": {"domain": "tests"}, "terms": ["soniox"], "translation_terms": {"a": "b"}},
        )
        job = target.call("stt.create", file_id=file["id"], client_reference_id=target.reference, config=config)
        assert job["client_reference_id"] == target.reference
        assert job["language_hints"] == ["en", "de"]
        target.call("stt.wait", transcription_id=job["id"], interval_sec=0.05)
        tokens = target.call("stt.get_transcript", transcription_id=job["id"])["tokens"]
        assert {token["translation_status"] for token in tokens} == {"original", "translation"}
        assert all(token["speaker"] for token in tokens)

    @pytest.mark.fake_only("would send a webhook to a stranger")
    def test_webhook_options_arrive_and_the_secret_comes_back_masked(self, target: Target) -> None:
        job = target.call(
            "stt.transcribe_file_with_webhook",
            file=b"abc",
            webhook_url="https://example.com/hook",
            webhook_auth=target.auth("X-Secret", "hush"),
        )
        assert job["webhook_url"] == "https://example.com/hook"
        assert job["webhook_auth_header_name"] == "X-Secret"
        assert set(job["webhook_auth_header_value"]) == {"*"}

    def test_destroy_deletes_the_file_too(self, target: Target, fake_soniox: FakeSoniox) -> None:
        job = target.call("stt.transcribe_from_file", file=SPOKEN)
        target.call("stt.wait", transcription_id=job["id"], interval_sec=0.05)
        target.call("stt.destroy", transcription_id=job["id"])
        assert (fake_soniox.files, fake_soniox.transcriptions) == ((), ())

    def test_a_transcript_too_early_is_a_conflict(self, target: Target, fake_soniox: FakeSoniox) -> None:
        fake_soniox.fail_next_job("internal_error", "it broke")
        job = target.call("stt.transcribe", file=SPOKEN)
        ended = target.call("stt.wait", transcription_id=job["id"], interval_sec=0.05)
        assert (ended["status"], ended["error_type"], ended["error_message"]) == (
            "error",
            "internal_error",
            "it broke",
        )
        error = error_of(target, "stt.get_transcript", transcription_id=job["id"])
        assert type(error).__name__ == "SonioxConflictError"
        assert error.api_error.error_type == "transcription_invalid_state"

    def test_unknown_ids(self, target: Target) -> None:
        assert target.call("stt.get_or_none", transcription_id=UNKNOWN) is None
        target.call("stt.delete_if_exists", transcription_id=UNKNOWN)
        for method in ("get", "delete", "destroy", "get_transcript"):
            error = error_of(target, f"stt.{method}", transcription_id=UNKNOWN)
            assert type(error).__name__ == "SonioxNotFoundError", method

    def test_delete_all_and_destroy_all(self, target: Target, fake_soniox: FakeSoniox) -> None:
        for _ in range(3):
            job = target.call("stt.transcribe_from_file", file=b"abc")
            target.call("stt.wait", transcription_id=job["id"], interval_sec=0.05)
        assert target.call("stt.count")["total"] == 3
        assert len(target.call("stt.list_all", limit=2)) == 3
        target.call("stt.delete_all", limit=2)
        assert (len(fake_soniox.files), fake_soniox.transcriptions) == (3, ())
        job = target.call("stt.transcribe_from_file_id", file_id=fake_soniox.files[0].id)
        target.call("stt.wait", transcription_id=job["id"], interval_sec=0.05)
        target.call("stt.destroy_all", limit=2)
        assert (len(fake_soniox.files), fake_soniox.transcriptions) == (2, ())


class TestOther:
    def test_models(self, target: Target) -> None:
        models = {model["id"]: model for model in target.call("models.list")["models"]}
        assert models["stt-async-v5"]["transcription_mode"] == "async"
        assert {"code": "en", "name": "English"} in models["stt-rt-v5"]["languages"]

    def test_temporary_key(self, target: Target) -> None:
        made = target.call("auth.create_temporary_api_key", expires_in_seconds=60, single_use=True)
        assert made["api_key"].startswith("" if target.is_live else "snx_temp_")
        assert made["expires_at"].endswith("+00:00")

    def test_request_returns_any_reply(self, target: Target) -> None:
        found = target.call("request", method="GET", path="/models")
        missing = target.call("request", method="GET", path=f"/files/{UNKNOWN}")
        assert (found.status_code, missing.status_code) == (200, 404)
        assert missing.json()["error_type"] == "file_not_found"
        assert "models" in found.json()

    def test_a_wrong_key_is_an_authentication_error(self, target: Target) -> None:
        with FakeSoniox(api_keys=["another-key"]) as other:
            stranger = Target(target.name, "not-that-key", LIVE_API if target.is_live else other.api_base_url)
            error = error_of(stranger, "models.list")
            stranger.is_live = False  # It has created nothing, and may not look.
            stranger.close()
        assert type(error).__name__ == "SonioxAuthenticationError"
        assert error.api_error.status_code == 401
        assert error.api_error.request_id
