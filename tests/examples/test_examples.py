"""Every example is run, as its reader would run it."""

from __future__ import annotations

import importlib.util
import io
import os
import subprocess
import sys
import wave
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from soniox_testing import FakeSoniox

EXAMPLES = Path(__file__).parents[2] / "examples"
SPOKEN = EXAMPLES / "spoken.wav"
TESTED_HERE = {
    "clone_voice.py",
    "hear_real_words.py",
    "offline_demo.py",
    "opentelemetry_tracing.py",
    "speak_streams.py",
    "speak_text.py",
    "stream_async.py",
    "stream_file.py",
    "subtitles.py",
    "transcribe_file.py",
    "transcribe_many.py",
    "transcribe_on_cluster.py",
    "usage_report.py",
}


def run(
    name: str, *arguments: str, fake: FakeSoniox | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **(fake.environment() if fake else {}), **variables}
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_every_example_is_run_here() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == TESTED_HERE


NEEDS_ARGUMENTS = {
    "clone_voice.py": [str(SPOKEN), "me", "Hello.", "hello.wav"],
    "speak_streams.py": ["."],
    "speak_text.py": ["Hello.", "hello.wav"],
    "stream_async.py": [str(SPOKEN)],
    "stream_file.py": [str(SPOKEN)],
    "subtitles.py": [str(SPOKEN)],
    "transcribe_file.py": [str(SPOKEN)],
    "transcribe_many.py": [str(SPOKEN)],
}


@pytest.mark.parametrize("name", NEEDS_ARGUMENTS)
def test_an_example_says_what_it_needs(name: str) -> None:
    result = run(name)
    assert (result.returncode, result.stdout) == (1, "")
    assert f"python examples/{name} " in result.stderr
    assert "Traceback" not in result.stderr


def test_usage_report_says_what_it_takes() -> None:
    result = run("usage_report.py", "many")
    assert (result.returncode, result.stdout) == (1, "")
    assert "python examples/usage_report.py [DAYS]" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("name", [*NEEDS_ARGUMENTS, "usage_report.py"])
def test_an_example_says_that_there_is_no_key(name: str) -> None:
    result = run(name, *NEEDS_ARGUMENTS.get(name, []), SONIOX_API_KEY="")
    assert (result.returncode, result.stdout) == (1, "")
    assert "no API key" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("name", ["transcribe_many.py", "stream_async.py"])
def test_one_recording_that_is_not_there_costs_no_other(fake_soniox: FakeSoniox, name: str) -> None:
    for _ in range(2):
        fake_soniox.add_transcript("one file")
    result = run(name, "missing.wav", str(SPOKEN), fake=fake_soniox)
    assert (result.returncode, result.stdout) == (1, f"{SPOKEN}: one file\n")
    assert result.stderr.startswith("missing.wav: ")
    assert "No such file" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_stream_file_says_that_there_is_no_file() -> None:
    result = run("stream_file.py", "missing.wav", SONIOX_API_KEY="some-key")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("missing.wav: ")
    assert "Traceback" not in result.stderr


def test_subtitles_that_cannot_be_written_are_printed(fake_soniox: FakeSoniox, tmp_path: Path) -> None:
    fake_soniox.add_transcript("one file")
    recording = tmp_path / "talk.wav"
    recording.write_bytes(SPOKEN.read_bytes())
    # A folder stands where the file should.
    recording.with_suffix(".srt").mkdir()
    result = run("subtitles.py", str(recording), fake=fake_soniox)
    assert result.returncode == 1
    assert result.stdout.splitlines()[0] == "1"
    assert result.stdout.splitlines()[-1] == str(recording.with_suffix(".vtt"))
    assert result.stderr == f"{recording.with_suffix('.srt')}: Is a directory\n"


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


def _wav(width: int, channels: int, rate: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(channels)
        recording.setsampwidth(width)
        recording.setframerate(rate)
        recording.writeframes(bytes(width * channels * rate // 2))
    return file.getvalue()


@pytest.mark.skipif(importlib.util.find_spec("pocketsphinx") is None, reason="needs pocketsphinx, the recogniser")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (_wav(2, 2, 44_100), ""),
        (_wav(1, 1, 8000), "its samples have 8 bits, not 16"),
        (b"ID3 no WAV file", "no WAV file: "),
        (b"", "no WAV file: "),
    ],
    ids=["stereo", "8 bits", "another kind", "nothing"],
)
def test_hear_real_words_takes_wav_files_of_16_bits(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(content)
    result = run("hear_real_words.py", str(path))
    if not message:
        assert (result.returncode, result.stderr) == (0, "")
    else:
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr.startswith(f"{path}: {message}")
        assert len(result.stderr.splitlines()) == 1


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
    assert sorted(result.stdout.splitlines()) == [f"{path}: file {path.stem}" for path in paths]


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


def test_speak_text_writes_a_file_in_the_format_of_its_name(fake_soniox: FakeSoniox, tmp_path: Path) -> None:
    path = tmp_path / "morning.mp3"
    result = run("speak_text.py", "Good morning.", str(path), fake=fake_soniox)
    speech = fake_soniox.assert_spoken("Good morning.", voice="Adrian", audio_format="mp3")
    assert path.read_bytes() == fake_soniox.speech_audio(speech.id)
    assert (result.stdout, result.stderr) == (f"{path}: {path.stat().st_size} bytes\n", "")


def test_speak_text_can_be_piped_on(fake_soniox: FakeSoniox) -> None:
    command = [sys.executable, "-W", "error", str(EXAMPLES / "speak_text.py"), "Good morning.", "-"]
    environment = {**os.environ, **fake_soniox.environment()}
    result = subprocess.run(command, capture_output=True, env=environment, check=False)
    speech = fake_soniox.assert_spoken("Good morning.", audio_format="wav")
    assert (result.stdout, result.stderr) == (fake_soniox.speech_audio(speech.id), b"")


def test_speak_text_says_what_went_wrong(fake_soniox: FakeSoniox, tmp_path: Path) -> None:
    result = run("speak_text.py", "Good morning.", str(tmp_path / "morning.doc"), fake=fake_soniox)
    assert (result.returncode, result.stdout) == (1, "")
    assert "'doc'" in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_speak_streams_speaks_two_answers_over_one_connection(fake_soniox: FakeSoniox, tmp_path: Path) -> None:
    result = run("speak_streams.py", str(tmp_path), fake=fake_soniox)
    assert (result.returncode, result.stderr) == (0, "")
    assert len(fake_soniox.speech_connections) == 1
    for voice, answer in load("speak_streams.py").ANSWERS.items():
        path = tmp_path / f"{voice.lower()}.mp3"
        speech = fake_soniox.assert_spoken(f"{answer} ", voice=voice, ended="finished")
        assert path.read_bytes() == fake_soniox.speech_audio(speech.id)
        assert f"{path}: {path.stat().st_size} bytes\n" in result.stdout


@pytest.mark.parametrize("cause", ["the service", "the disk"])
def test_speak_streams_says_what_went_wrong(fake_soniox: FakeSoniox, tmp_path: Path, cause: str) -> None:
    if cause == "the service":
        fake_soniox.faults.error("service_unavailable", "not today", operation="tts", times=1)
    folder = tmp_path if cause == "the service" else tmp_path / "missing"
    result = run("speak_streams.py", str(folder), fake=fake_soniox)
    assert result.returncode == 1
    if cause == "the service":
        # The other stream goes on.
        assert "not today (503, service_unavailable)" in result.stderr
        assert (len(result.stderr.splitlines()), len(result.stdout.splitlines())) == (1, 1)
    else:
        assert result.stderr.count("No such file") == len(result.stderr.splitlines()) == 2


def test_clone_voice(fake_soniox: FakeSoniox, tmp_path: Path) -> None:
    path = tmp_path / "hello.wav"
    result = run("clone_voice.py", str(SPOKEN), "me", "Hello.", str(path), fake=fake_soniox)
    (voice,) = fake_soniox.voices
    assert (result.stdout, result.stderr, voice.name) == (f"{voice.id}\n", "", "me")
    speech = fake_soniox.assert_spoken("Hello.", voice=voice.id)
    assert path.read_bytes() == fake_soniox.speech_audio(speech.id)


def test_clone_voice_leaves_no_voice_that_cannot_be_used(fake_soniox: FakeSoniox, tmp_path: Path) -> None:
    fake_soniox.fail_next_voice("voice_audio_too_long", "too long for a voice")
    result = run("clone_voice.py", str(SPOKEN), "me", "Hello.", str(tmp_path / "hello.wav"), fake=fake_soniox)
    assert result.returncode == 1
    assert "too long for a voice" in result.stderr
    assert "Traceback" not in result.stderr
    fake_soniox.assert_no_voices_left()
    assert list(tmp_path.iterdir()) == []


def test_usage_report_adds_up_what_each_customer_cost(fake_soniox: FakeSoniox) -> None:
    entries = [
        fake_soniox.add_usage("stt-async-v5", audio_duration_ms=60_000 * minutes, client_reference_id=customer)
        for customer, minutes in (("small", 1), ("large", 100), ("large", 10))
    ]
    result = run("usage_report.py", fake=fake_soniox)
    assert (result.returncode, result.stderr) == (0, "")
    costs = [sum(Decimal(entry.cost_usd) for entry in part) for part in (entries[1:], entries[:1], entries)]
    assert [line.split()[0] for line in result.stdout.splitlines()[:-1]] == [f"{cost:.6f}" for cost in costs]
    assert [line.split()[-1] for line in result.stdout.splitlines()[:-1]] == ["large", "small", "all"]
    assert result.stdout.endswith("Sessions now: 0, limit: none.\n")


def test_usage_report_takes_the_command_line_for_one_customer(fake_soniox: FakeSoniox) -> None:
    for reference in (
        "soniox-lite-0123456789abcdef01234567",
        "soniox-lite-76543210fedcba9876543210",
        "soniox-lite-mine",
    ):
        fake_soniox.add_usage("stt-async-v5", audio_duration_ms=60_000, client_reference_id=reference)
    lines = run("usage_report.py", fake=fake_soniox).stdout.splitlines()[:-2]
    assert [line.split("requests  ")[1] for line in lines] == ["soniox-lite (its command line)", "soniox-lite-mine"]


def test_usage_report_says_what_went_wrong(fake_soniox: FakeSoniox) -> None:
    result = run("usage_report.py", "90", fake=fake_soniox)
    assert (result.returncode, result.stdout) == (1, "")
    assert "31 days" in result.stderr


def load(name: str) -> Any:
    """An example as a module, as a lambda's runtime loads it."""
    spec = importlib.util.spec_from_file_location(name.removesuffix(".py"), EXAMPLES / name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_a_cluster_transcribes(fake_soniox: FakeSoniox, tmp_path: Path) -> None:
    fake_soniox.add_transcript("one file", filename="a.wav")
    fake_soniox.add_transcript("another", filename="b.wav")
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(name.encode())
    command = [sys.executable, str(EXAMPLES / "transcribe_on_cluster.py"), "local", "a.wav", "b.wav", "missing.wav"]
    environment = {**os.environ, **fake_soniox.environment()}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert done.returncode == 1, done.stderr
    missing, *others = sorted(done.stdout.splitlines(), reverse=True)
    assert sorted(others) == ["a.wav: one file", "b.wav: another"]
    assert missing.startswith("missing.wav: file cannot be opened")
    assert fake_soniox.files == ()
