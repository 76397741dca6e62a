"""The same calls through the official SDK and through ours, against a fake each: the same results and errors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from soniox_testing import FakeSoniox, after_seconds

from .targets import Target

SPOKEN = Path(__file__).parents[2] / "examples" / "spoken.wav"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00")
# Only ours knows these; the service sends them, and the official SDK drops what it does not know.
_ONLY_OURS = {"is_audio_event", "language_hints_strict", "context"}


class Script:
    """Makes calls and writes down what came of each, with ids numbered in the order in which they turn up."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._ids: dict[str, str] = {}
        self.lines: list[Any] = []

    def call(self, method: str, **arguments: Any) -> Any:
        try:
            result = self._target.call(method, **arguments)
        except Exception as error:
            facts = getattr(error, "api_error", None)
            self.lines.append([method, type(error).__name__, facts and facts.error_type, facts and facts.status_code])
            return None
        self.lines.append([method, self._normalized(result)])
        return result

    def _normalized(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._normalized(item) for name, item in value.items() if name not in _ONLY_OURS}
        if isinstance(value, list):
            return [self._normalized(item) for item in value]
        if isinstance(value, str):
            value = _UUID.sub(lambda match: self._ids.setdefault(match[0], f"id-{len(self._ids)}"), value)
            value = _TIME.sub("(time)", value)
            return "(temporary key)" if value.startswith("snx_temp_") else value
        return value


def play(script: Script, fake: FakeSoniox, target: Target) -> None:
    """A day in the life of a project."""
    fake.add_transcript("the words of the first recording", filename="spoken.wav")
    file = script.call("files.upload", file=SPOKEN, client_reference_id="first")
    script.call("files.get", file_id=file["id"])
    script.call("files.count")
    config = target.config(language_hints=["en"], enable_speaker_diarization=True, context={"terms": ["fox"]})
    job = script.call("stt.create", file_id=file["id"], config=config)
    script.call("stt.transcribe_from_file_id", file_id=file["id"], model="stt-async-v4")
    script.call("stt.wait", transcription_id=job["id"], interval_sec=0.05)
    script.call("stt.get_transcript", transcription_id=job["id"])
    script.call("stt.transcribe_and_wait_with_tokens", file=b"unscripted" * 3000, wait_interval_sec=0.05)
    script.call("stt.transcribe_and_wait", file=SPOKEN, filename="other.wav", wait_interval_sec=0.05, delete_after=True)
    two_way = target.config(translation={"type": "two_way", "language_a": "en", "language_b": "de"})
    script.call(
        "stt.transcribe_and_wait_with_tokens",
        audio_url="https://a.example/b.mp3",
        config=two_way,
        wait_interval_sec=0.05,
    )
    hook = target.auth("X-Secret", "s")
    script.call("stt.transcribe_file_with_webhook", file=b"x", webhook_url="https://a.example/h", webhook_auth=hook)
    fake.fail_next_job("internal_error", "broken")
    failing = script.call("stt.transcribe_from_url", audio_url="https://a.example/broken.mp3")
    script.call("stt.wait", transcription_id=failing["id"], interval_sec=0.05)
    script.call("stt.get_transcript", transcription_id=failing["id"])
    script.call("stt.get", transcription_id="no-such-job")
    script.call("stt.create", file_id=file["id"], model="stt-rt-v5")
    script.call("stt.create", file_id="00000000-0000-4000-8000-000000000000")
    script.call("files.list", cursor="nonsense")
    script.call("stt.list_all", limit=2)
    script.call("stt.count")
    script.call("models.list")
    script.call("auth.create_temporary_api_key", expires_in_seconds=60)
    script.call("webhooks.webhook_payload", webhook_url="https://a.example/h", auth=hook)
    script.call("webhooks.unwrap", payload='{"id": "a", "status": "completed"}', headers={"x-secret": "s"}, auth=hook)
    script.call("webhooks.unwrap", payload='{"id": "a", "status": "completed"}', headers={"x-secret": "t"}, auth=hook)
    script.call("stt.destroy", transcription_id=job["id"])
    script.call("stt.destroy_all")
    script.call("files.delete_all")
    script.call("files.list")
    script.call("stt.list")


def lines_of(name: str) -> list[Any]:
    # Jobs end as soon as they are looked at, so that a slow machine sees the same as a fast one.
    with FakeSoniox(audio="any", progress=after_seconds(queued=0, processing=0)) as fake:
        target = Target(name, fake.api_key, fake.api_base_url)
        script = Script(target)
        try:
            play(script, fake, target)
        finally:
            target.close()
    return script.lines


@pytest.mark.parametrize(("ours", "theirs"), [("sync", "official"), ("async", "official-async")])
def test_the_same_calls_have_the_same_results(ours: str, theirs: str) -> None:
    our_lines, their_lines = lines_of(ours), lines_of(theirs)
    assert len(our_lines) == 30
    for our_line, their_line in zip(our_lines, their_lines, strict=True):
        assert our_line == their_line
