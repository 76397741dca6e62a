"""Where the command line must not write: onto what it reads, and onto recordings. And what it appends to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from soniox_testing import FakeSoniox
from tests.support.raw_server import RawServer, reply
from tests.support.tables import each_row

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., "subprocess.CompletedProcess[str]"]

_ROOT = Path(__file__).parents[3]
_WAV = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\0\0\0\0" + bytes(8000)
_CONFIG = '{"language_hints": ["en"]}'


@pytest.fixture
def run(fake_soniox: FakeSoniox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a line of a shell, in which ``soniox-lite`` is ours, in a folder with a recording, a text and a config."""
    monkeypatch.chdir(tmp_path)
    Path("talk.wav").write_bytes(_WAV)
    Path("text.txt").write_text("Good morning.")
    Path("config.json").write_text(_CONFIG)
    ours = f"{sys.executable} -W error -m soniox_lite"
    environment = {**os.environ, **fake_soniox.environment(), "PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1"}

    def run_line(line: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", line.replace("soniox-lite", ours)],
            env={**environment, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run_line


@each_row(
    "line",
    [
        "soniox-lite transcribe talk.wav --format txt --force -o talk.wav",
        "soniox-lite transcribe talk.wav -o talk.wav",
        "soniox-lite transcribe talk.wav --format txt -o talk.wav",
        "soniox-lite transcribe talk.wav --format txt --force -o $PWD/./talk.wav",
        "ln -s talk.wav link; soniox-lite transcribe talk.wav --format txt --force -o link",
        "ln talk.wav hard_link; soniox-lite transcribe hard_link --format txt --force -o talk.wav",
        "soniox-lite transcribe - --format txt --force -o talk.wav < talk.wav",
        "soniox-lite transcribe talk.wav --format txt --force -o /dev/fd/3 3>> talk.wav",
        "soniox-lite transcribe talk.wav >> talk.wav",
        "soniox-lite transcribe talk.wav -o - >> talk.wav",
        "soniox-lite stream talk.wav --fast >> talk.wav",
        "soniox-lite stream - --fast < talk.wav >> talk.wav",
        "soniox-lite voices create talk.wav --name me >> talk.wav",
        "soniox-lite speak --file text.txt --audio-format wav -o text.txt",
        "soniox-lite speak --file text.txt -o text.txt",
        "ln -s text.txt a.wav; soniox-lite speak --file text.txt -o a.wav",
        "soniox-lite speak --audio-format wav -o text.txt < text.txt",
        "soniox-lite speak --file text.txt -o - >> text.txt",
        "soniox-lite transcribe talk.wav --context text.txt -o text.txt",
        "soniox-lite transcribe talk.wav --config config.json -o $PWD/config.json",
        "ln config.json words.json; soniox-lite transcribe talk.wav --config config.json -o words.json",
        "soniox-lite stream talk.wav --fast --context text.txt --captions text.txt --force",
        "soniox-lite stream talk.wav --fast --config config.json --tape config.json",
        "soniox-lite transcribe talk.wav --output-dir . --format json --journal talk.json",
        "cp talk.wav text.wav; soniox-lite transcribe text.wav --output-dir . --force --context text.txt",
        "cp talk.wav talk.txt; soniox-lite transcribe talk.txt --output-dir . --force",
    ],
)
def test_what_is_read_is_not_written_to(run: Run, fake_soniox: FakeSoniox, line: str) -> None:
    done = run(line)

    assert done.returncode == 2, done
    assert "is also the output and would be overwritten" in done.stderr
    assert Path("talk.wav").read_bytes() == _WAV
    assert Path("text.txt").read_text() == "Good morning."
    assert Path("config.json").read_text() == _CONFIG
    assert fake_soniox.requests == ()


@each_row(
    "content",
    [
        b"RIFF\x24\0\0\0WAVE",
        b"ID3\4\0",
        b"\xff\xfb\x90\x64",
        b"\xff\xf1\x50\x80",
        b"OggS\0",
        b"fLaC\0",
        b"\0\0\0\x20ftypM4A ",
        b"\x1a\x45\xdf\xa3\x01",
        b"FORM\0\0\0\0AIFF",
        b"#!AMR\n",
        b"1\0002\0",
    ],
    ids=lambda content: ascii(content[:8]),
)
@each_row("command", ["transcribe talk.wav", "transcriptions get some-id"])
def test_a_recording_is_not_overwritten_by_text(
    run: Run, fake_soniox: FakeSoniox, content: bytes, command: str
) -> None:
    Path("other").write_bytes(content)

    done = run(f"soniox-lite {command} --format srt -o other")

    assert (done.returncode, done.stdout) == (2, "")
    assert "'other' exists and looks like audio: use another name, or --force" in done.stderr
    assert Path("other").read_bytes() == content
    assert fake_soniox.requests == ()


@each_row(
    ("content", "options"),
    [(b"ID3\4\0", "--force"), ("Grüße".encode(), ""), ("Grüße".encode("utf-16"), ""), (b"", "")],
    ids=["force", "UTF-8", "UTF-16", "nothing"],
)
def test_other_files_are_overwritten(run: Run, fake_soniox: FakeSoniox, content: bytes, options: str) -> None:
    Path("other").write_bytes(content)
    fake_soniox.add_transcript("Good morning.")

    done = run(f"soniox-lite transcribe talk.wav --format txt -o other {options}")

    assert (done.returncode, done.stderr) == (0, "")
    assert Path("other").read_text() == "Good morning.\n"


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "-"])
def test_standard_output_is_appended_to_by_any_name(run: Run, fake_soniox: FakeSoniox, name: str) -> None:
    Path("log").write_text("earlier\n")
    fake_soniox.add_transcript("Good morning.")

    done = run(f"soniox-lite transcribe talk.wav -o {name} >> log; soniox-lite speak Hello -o {name} >> log")

    assert (done.returncode, done.stderr) == (0, "")
    content = Path("log").read_bytes()
    assert content.startswith(b"earlier\nGood morning.\nRIFF")
    assert content.endswith(fake_soniox.speech_audio(fake_soniox.speeches[0].id))


def test_standard_error_is_appended_to(run: Run, fake_soniox: FakeSoniox) -> None:
    Path("log").write_text("earlier\n")
    fake_soniox.add_transcript("Good morning.")

    assert run("soniox-lite transcribe talk.wav --format txt -o /dev/stderr 2>> log").returncode == 0
    assert Path("log").read_text() == "earlier\nGood morning.\n"


@each_row("source", ["printf '' |", "</dev/null", "<empty"])
@each_row("command", ["transcribe -", "stream -", "voices create - --name me", "speak -o a.wav -"])
def test_an_input_that_is_empty_is_refused(run: Run, fake_soniox: FakeSoniox, source: str, command: str) -> None:
    Path("empty").touch()

    done = run(f"{source} soniox-lite {command}" if source.endswith("|") else f"soniox-lite {command} {source}")

    assert (done.returncode, done.stdout) == (2, ""), done
    assert "empty" in done.stderr.splitlines()[-1]
    assert (fake_soniox.requests, fake_soniox.files) == ((), ())


def test_an_input_that_cannot_be_read_is_named(run: Run, fake_soniox: FakeSoniox) -> None:
    # It is open for writing only.
    done = run("soniox-lite transcribe - 0>> written")

    assert (done.returncode, done.stdout) == (2, ""), done
    assert done.stderr == "soniox-lite: error: cannot read standard input: Bad file descriptor\n"
    assert fake_soniox.requests == ()


def _service(token: dict[str, Any]) -> RawServer:
    """Answers everything with one job and its transcript, which has these values beside its words."""
    job = {"id": "1", "status": "completed", "created_at": "2026-01-02T03:04:05Z", "model": "m", "filename": "f"}
    words = {"text": "Good morning.", "start_ms": 0, "end_ms": 900, "confidence": 1.0}
    transcript = {**job, "text": "Good morning.", "tokens": [{**words, **token}]}
    return RawServer(then=reply(json.dumps(transcript).encode()))


@each_row(
    "token",
    [{"speaker": {}}, {"speaker": ["1"]}, {"start_ms": 10**400}, {"end_ms": "x"}, {"language": {}, "speaker": 3}],
    ids=["an object", "a list", "a huge time", "a time that is text", "a number"],
)
@each_row("ending", ["txt", "srt", "vtt", "json"])
def test_odd_values_cost_no_words(run: Run, token: dict[str, Any], ending: str) -> None:
    with _service(token) as server:
        done = run(f"soniox-lite transcribe http://example.com/a.mp3 -o a.{ending}", SONIOX_API_BASE_URL=server.url)
        deleted = [request for request in server.requests if request.method == "DELETE"]

    assert "Traceback" not in done.stderr
    written = Path(f"a.{ending}").read_text() if Path(f"a.{ending}").exists() else ""
    assert "Good morning." in written + done.stdout
    assert done.returncode == (0 if written else 1)
    # What is not written as it was asked for is there to be asked for again.
    assert bool(deleted) == bool(written)


def test_what_subtitles_cannot_hold_stays_on_the_server(run: Run) -> None:
    with _service({"text": "Good \ud800"}) as server:
        done = run("soniox-lite transcribe http://example.com/a.mp3 -o a.srt", SONIOX_API_BASE_URL=server.url)
        assert not any(request.method == "DELETE" for request in server.requests)

    assert (done.returncode, "characters that srt cannot represent" in done.stderr) == (1, True)
    assert "kept on the server: transcription 1" in done.stderr
    assert "Good \ufffd" in Path("a.srt").read_text()
