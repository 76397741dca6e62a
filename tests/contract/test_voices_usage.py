"""Voices, text-to-speech models and usage, with every client."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from soniox_testing import FakeSoniox
from tests.support.tables import each_row

from .targets import Target
from .test_rest import SPOKEN, UNKNOWN, error_of


def utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def window(days: float = 1) -> dict[str, str]:
    """The last days and the next hour."""
    now = datetime.now(timezone.utc)
    return {"start_time": utc(now - timedelta(days=days)), "end_time": utc(now + timedelta(hours=1))}


class TestVoices:
    @pytest.mark.fake_only("creates voices, of which an organization has few")
    def test_a_voice_from_file_to_ready_to_gone(self, target: Target, fake_soniox: FakeSoniox, tmp_path: Path) -> None:
        clip = tmp_path / "clip.wav"
        clip.write_bytes(SPOKEN.read_bytes())
        voice = target.call("voices.create", file=clip, name="Ada")
        assert (voice["name"], voice["filename"]) == ("Ada", "clip.wav")
        assert fake_soniox.voice_content(voice["id"]) == SPOKEN.read_bytes()
        assert {model["status"] for model in voice["models"]} == {"processing"}
        deadline = time.monotonic() + 60
        # One model may be ready before the other.
        while "processing" in {model["status"] for model in voice["models"]}:
            assert time.monotonic() < deadline
            voice = target.call("voices.get", voice_id=voice["id"])
        assert {model["status"] for model in voice["models"]} == {"ready"}
        assert target.call("voices.count")["total"] == 1
        target.call("voices.delete", voice_id=voice["id"])
        assert target.call("voices.get_or_none", voice_id=voice["id"]) is None
        target.call("voices.delete_if_exists", voice_id=voice["id"])
        fake_soniox.assert_no_voices_left()

    @pytest.mark.fake_only("creates voices, of which an organization has few")
    def test_listing_in_pages(self, target: Target) -> None:
        ids = [target.call("voices.create", file=b"abc", name=f"voice {number}")["id"] for number in range(5)]
        first = target.call("voices.list", limit=2)
        second = target.call("voices.list", limit=2, cursor=first["next_page_cursor"])
        assert [voice["id"] for page in (first, second) for voice in page["voices"]] == ids[:4]
        assert [voice["id"] for voice in target.call("voices.list_all", limit=2)] == ids

    @pytest.mark.fake_only("creates voices, of which an organization has few")
    def test_recompute_after_a_model_was_released(self, target: Target, fake_soniox: FakeSoniox) -> None:
        voice = target.call("voices.create", file=b"abc", name="Ada")
        fake_soniox.add_tts_model("tts-rt-v3")
        fake_soniox.add_tts_model("tts-rt-v4")
        for arguments, begun in (({"model": "tts-rt-v3"}, {"tts-rt-v3"}), ({}, {"tts-rt-v3", "tts-rt-v4"})):
            models = target.call("voices.recompute", voice_id=voice["id"], **arguments)["models"]
            statuses = {model["model"]: model["status"] for model in models}
            assert {model for model in ("tts-rt-v3", "tts-rt-v4") if statuses[model] != "not_computed"} == begun

    @pytest.mark.fake_only("creates voices, of which an organization has few")
    def test_a_name_twice_is_a_conflict(self, target: Target) -> None:
        target.call("voices.create", file=b"abc", name="Ada", filename="a.wav")
        error = error_of(target, "voices.create", file=b"abc", name="Ada")
        assert type(error).__name__ == "SonioxConflictError"
        assert error.api_error.error_type == "voice_name_conflict"

    @each_row("method", ["voices.get", "voices.delete", "voices.recompute"])
    def test_an_unknown_voice_is_not_found(self, target: Target, method: str) -> None:
        error = error_of(target, method, voice_id=UNKNOWN)
        assert type(error).__name__ == "SonioxNotFoundError"
        assert error.api_error.error_type == "voice_not_found"


class TestTtsModels:
    def test_models(self, target: Target) -> None:
        models = {model["id"]: model for model in target.call("tts_models.list")["models"]}
        model = models["tts-rt-v2"]
        assert "Nina" in {voice["id"] for voice in model["voices"]}
        assert {"code": "en", "name": "English"} in model["languages"]
        assert model["supports_voice_cloning"]
        assert model["voice_cloning_max_audio_duration_ms"] > 0

    def test_shared_voices(self, target: Target) -> None:
        asked: dict[str, Any] = {"model": "tts-rt-v2", "gender": "female", "use_case": ["narration", "conversational"]}
        page = target.call("voices.list_shared", **asked, limit=200)
        assert "Victoria" in {voice["id"] for voice in page["voices"]}
        for voice in page["voices"]:
            assert voice["gender"] == "female"
            assert {"narration", "conversational"} <= set(voice["use_case"])
        everything = target.call("voices.list_all_shared", model="tts-rt-v2", limit=10)
        assert len({voice["id"] for voice in everything}) == len(everything) > 10

    def test_shared_voices_of_an_unknown_model(self, target: Target) -> None:
        error = error_of(target, "voices.list_shared", model="tts-rt-v0")
        assert type(error).__name__ == "SonioxNotFoundError"
        assert error.api_error.error_type == "invalid_request"


class TestUsage:
    @pytest.mark.fake_only("costs money, and usage may be shown late")
    def test_a_job_is_in_the_logs_and_in_the_summary(self, target: Target, fake_soniox: FakeSoniox) -> None:
        fake_soniox.add_transcript("hello from the recording")
        target.call("stt.transcribe_and_wait", file=SPOKEN, wait_interval_sec=0.05, client_reference_id="mine")
        (entry,) = target.call("usage_logs.list", **window())["usage_logs"]
        assert (entry["client_reference_id"], entry["model"]) == ("mine", "stt-async-v5")
        assert entry["input_audio_duration_ms"] == 6929
        assert Decimal(entry["cost_usd"]) == Decimal(entry["input_cost_usd"]) + Decimal(entry["output_cost_usd"]) > 0
        summary = target.call("usage.summary", **window())
        assert summary["total"]["total_cost_usd"] == entry["cost_usd"]
        assert [row["model"] for row in summary["models"]] == ["stt-async-v5"]
        assert len(summary["total"]["days"]) == len(summary["total"]["cost_usd"]) in {2, 3}

    def test_logs_in_pages(self, target: Target, fake_soniox: FakeSoniox) -> None:
        now = datetime.now(timezone.utc)
        made = [fake_soniox.add_usage("stt-rt-v5", ended_at=now - timedelta(hours=hour)).uuid for hour in range(5)]
        found = target.call("usage_logs.list_all", **window(), limit=2, sort="end_time_desc")
        assert [entry["uuid"] for entry in found] == made
        page = target.call("usage_logs.list", **window(), limit=1)
        assert page["usage_logs"][0]["uuid"] == made[-1]
        error = error_of(target, "usage_logs.list", **window(2), limit=1, cursor=page["next_page_cursor"])
        assert type(error).__name__ == "SonioxInvalidRequestError"
        assert error.api_error.error_type == "invalid_request"

    def test_a_window_that_is_too_long_is_refused(self, target: Target) -> None:
        for method, days in (("usage_logs.list", 32), ("usage.summary", 400)):
            error = error_of(target, method, **window(days))
            assert type(error).__name__ == "SonioxInvalidRequestError"
            assert [problem.location for problem in error.api_error.validation_errors] == ["query.payload"]


class TestConcurrency:
    def test_limits(self, target: Target) -> None:
        limits = target.call("concurrency_limits.get")
        for scope in ("project", "organization"):
            assert set(limits[scope]["current"]) == {"transcribe_concurrent", "tts_concurrent"}
            assert min(limits[scope]["current"].values()) >= 0

    def test_limits_that_are_set(self, target: Target, fake_soniox: FakeSoniox) -> None:
        fake_soniox.limits.max_realtime_sessions = 10
        limits = target.call("concurrency_limits.get")
        assert limits["organization"]["limits"] == {"transcribe_concurrent": 10}
        assert limits["organization"]["current"] == {"transcribe_concurrent": 0, "tts_concurrent": 0}

    @pytest.mark.parametrize("kind", ["stt", "tts"])
    def test_history(self, target: Target, kind: str) -> None:
        start = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
        asked = {"start_time": utc(start), "end_time": utc(start + timedelta(hours=3))}
        history = target.call("concurrency_limits.history", **asked, period_sec=3600, kind=kind)
        assert history["kind"] == kind
        assert [entry["period_start"] for entry in history["entries"]] == [
            (start + timedelta(hours=hour)).isoformat() for hour in range(3)
        ]

    @pytest.mark.fake_only("costs money, and history may be shown late")
    def test_what_was_spoken_is_in_the_history_the_logs_and_the_summary(
        self, target: Target, fake_soniox: FakeSoniox
    ) -> None:
        target.call("tts.generate", text="Hello.", voice="Nina", language="en")
        history = target.call("concurrency_limits.history", **window(), period_sec=60, kind="tts")
        assert {entry["sample_max"] for entry in history["entries"] if entry["sample_count"]} == {1}
        (entry,) = target.call("usage_logs.list_all", **window())
        assert entry["output_audio_duration_ms"] == fake_soniox.speeches[0].audio_duration_ms > 0
        assert target.call("usage.summary", **window())["total"]["total_num_requests"] == 1

    def test_history_over_too_long_a_time(self, target: Target) -> None:
        error = error_of(target, "concurrency_limits.history", **window(8), period_sec=60, kind="stt")
        assert type(error).__name__ == "SonioxInvalidRequestError"
