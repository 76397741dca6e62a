"""Every example is run, as its reader would run it."""

from __future__ import annotations

import base64
import importlib.util
import os
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import pytest

from soniox_testing import FakeSoniox

EXAMPLES = Path(__file__).parents[2] / "examples"
SPOKEN = EXAMPLES / "spoken.wav"
TESTED_HERE = {
    "hear_real_words.py",
    "offline_demo.py",
    "stream_async.py",
    "stream_file.py",
    "subtitles.py",
    "transcribe_file.py",
    "transcribe_many.py",
    "webhook_lambda.py",
}


def run(
    name: str, *arguments: str, fake: FakeSoniox | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **(fake.environment() if fake else {}), **variables}
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_every_example_is_run_here() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == TESTED_HERE


def test_offline_demo_prints_what_was_spoken() -> None:
    result = run("offline_demo.py")
    assert result.stderr == ""
    assert SPOKEN.with_suffix(".txt").read_text().strip() in result.stdout


@pytest.mark.skipif(importlib.util.find_spec("pocketsphinx") is None, reason="needs pocketsphinx, the recogniser")
def test_hear_real_words_hears_some() -> None:
    result = run("hear_real_words.py")
    assert (result.returncode, result.stderr) == (0, "")
    # A synthetic voice and a small model: most of it is misheard, this is not.
    assert "are everywhere" in result.stdout


def test_hear_real_words_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "pocketsphinx.py").write_text("raise ImportError")
    result = run("hear_real_words.py", PYTHONPATH=str(tmp_path))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "This example needs a recogniser: pip install pocketsphinx\n"


def test_transcribe_file(fake_soniox: FakeSoniox) -> None:
    fake_soniox.add_transcript("one file")
    assert run("transcribe_file.py", str(SPOKEN), fake=fake_soniox).stdout == "one file\n"
    assert fake_soniox.files == ()


def test_transcribe_file_says_what_went_wrong(fake_soniox: FakeSoniox) -> None:
    fake_soniox.fail_next_job("internal_error", "no speech today")
    result = run("transcribe_file.py", str(SPOKEN), fake=fake_soniox)
    assert result.returncode == 1
    assert "no speech today" in result.stderr
    assert "Traceback" not in result.stderr


def test_subtitles_writes_files_beside_the_recording(fake_soniox: FakeSoniox, tmp_path: Path) -> None:
    for _ in range(2):
        fake_soniox.add_transcript("one file")
    recording = tmp_path / "talk.wav"
    recording.write_bytes(SPOKEN.read_bytes())
    assert run("subtitles.py", str(recording), fake=fake_soniox).stderr == ""
    assert {path.name for path in tmp_path.iterdir()} == {"talk.wav", "talk.srt", "talk.vtt"}
    assert recording.with_suffix(".srt").read_text().splitlines()[-1] == "one file"

    result = run("subtitles.py", str(recording), "es", fake=fake_soniox)
    assert result.stdout.split() == [str(tmp_path / f"talk{end}") for end in (".srt", ".vtt", ".es.srt", ".both.srt")]
    assert recording.with_suffix(".es.srt").read_text().splitlines()[-1] == "es:one es:file"
    assert recording.with_suffix(".both.srt").read_text().splitlines()[-2:] == ["one file", "es:one es:file"]
    assert fake_soniox.files == ()


def test_subtitles_says_what_went_wrong(fake_soniox: FakeSoniox) -> None:
    fake_soniox.fail_next_job("internal_error", "no speech today")
    result = run("subtitles.py", str(SPOKEN), fake=fake_soniox)
    assert (result.returncode, result.stdout) == (1, "")
    assert "no speech today" in result.stderr


def test_transcribe_many(fake_soniox: FakeSoniox, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.wav" for number in range(5)]
    for path in paths:
        path.write_bytes(SPOKEN.read_bytes())
        fake_soniox.add_transcript(f"file {path.stem}", filename=path.name)
    result = run("transcribe_many.py", *map(str, paths), fake=fake_soniox)
    assert result.stderr == ""
    assert result.stdout.splitlines() == [f"{path}: file {path.stem}" for path in paths]


def test_webhook_lambda(fake_soniox: FakeSoniox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in fake_soniox.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SONIOX_API_WEBHOOK_SECRET", "long and random")
    monkeypatch.setenv("WEBHOOK_URL", "https://example.com/ended")
    module = load("webhook_lambda.py")
    try:
        fake_soniox.add_transcript("said on the phone")
        upload = {"body": base64.b64encode(SPOKEN.read_bytes()).decode(), "isBase64Encoded": True}
        started = module.start(upload)
        assert started["statusCode"] == 202
        job_id = started["body"]
        assert fake_soniox.transcriptions[0].webhook_url == "https://example.com/ended"
        module.client.stt.wait(job_id)

        call = {
            "body": f'{{"id": "{job_id}", "status": "completed"}}',
            "headers": {"x-soniox-webhook-secret": "long and random"},
        }
        assert module.ended({**call, "headers": {"x-soniox-webhook-secret": "guess"}}) == {"statusCode": 401}
        assert module.ended({**call, "body": "{"})["statusCode"] == 400
        assert module.ended(call) == {"statusCode": 200, "body": "said on the phone"}
        assert module.ended(call)["body"] == "already handled"
        assert (fake_soniox.files, fake_soniox.transcriptions) == ((), ())
    finally:
        module.client.close()


def test_stream_file(fake_soniox: FakeSoniox, tmp_path: Path) -> None:
    short = tmp_path / "short.wav"
    with wave.open(str(SPOKEN), "rb") as spoken, wave.open(str(short), "wb") as cut:
        cut.setparams(spoken.getparams())
        cut.writeframes(spoken.readframes(spoken.getframerate()))
    fake_soniox.add_transcript("said live")
    result = run("stream_file.py", str(short), fake=fake_soniox)
    assert (result.stdout, result.stderr) == ("said live\n", "")
    (session,) = fake_soniox.sessions
    assert session.audio_duration_ms == 1000


def test_stream_file_says_what_went_wrong(fake_soniox: FakeSoniox) -> None:
    fake_soniox.fail_next_session("organization_balance_exhausted", "no money left", status_code=402)
    result = run("stream_file.py", str(SPOKEN), fake=fake_soniox)
    assert result.returncode == 1
    assert "no money left (402, organization_balance_exhausted)" in result.stderr


def test_stream_async(fake_soniox: FakeSoniox) -> None:
    for _ in range(3):
        fake_soniox.add_transcript("all the same")
    result = run("stream_async.py", *[str(SPOKEN)] * 3, fake=fake_soniox)
    assert result.stderr == ""
    assert result.stdout == f"{SPOKEN}: all the same\n" * 3


def load(name: str) -> Any:
    """An example as a module, as a lambda's runtime loads it."""
    spec = importlib.util.spec_from_file_location(name.removesuffix(".py"), EXAMPLES / name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
