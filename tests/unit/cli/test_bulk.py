"""``soniox-lite transcribe`` for many recordings."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from soniox_lite._cli.transcripts import TranscriptOutput
from soniox_lite.cli import main
from soniox_testing import FakeSoniox

Run = Callable[..., "tuple[int, list[str]]"]


@pytest.fixture
def run(
    fake_soniox: FakeSoniox, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Run:
    """Runs ``soniox-lite transcribe`` in a folder with recordings: exit code, and the lines of standard error."""
    for name, value in fake_soniox.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    for path in ("a.wav", "calls/b.wav", "calls/june/c.mp3", "calls/notes.txt"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(path.encode())

    def run_to_end(*arguments: str) -> tuple[int, list[str]]:
        try:
            code = main(["transcribe", *arguments])
        except SystemExit as end:
            code = int(str(end.code))
        captured = capfd.readouterr()
        assert captured.out == ""
        return code, [line.removeprefix("soniox-lite: ") for line in captured.err.splitlines()]

    return run_to_end


def test_files_folders_and_urls(run: Run, fake_soniox: FakeSoniox) -> None:
    fake_soniox.add_transcript("words of the third", filename="c.mp3")
    code, lines = run("a.wav", "calls", "https://example.com/d.mp3?x=1", "--output-dir", "out", "--jobs", "2")
    assert code == 0
    assert sorted(lines[:-1]) == [
        "a.wav: transcribed",
        "calls/b.wav: transcribed",
        "calls/june/c.mp3: transcribed",
        "https://example.com/d.mp3: transcribed",
    ]
    assert lines[-1] == "4 transcribed, 0 failed, 0 skipped"
    assert Path("out/june/c.txt").read_text() == "words of the third\n"
    written = sorted(str(path) for path in Path("out").rglob("*") if path.is_file())
    assert written == ["out/a.txt", "out/b.txt", "out/d.txt", "out/june/c.txt"]
    assert fake_soniox.files == ()


def test_a_failed_recording_is_the_only_one_that_is_tried_again(run: Run, fake_soniox: FakeSoniox) -> None:
    fake_soniox.fail_next_job("invalid_audio_file", "no audio", filename="b.wav")
    command = ("a.wav", "calls", "--output-dir", "out", "--format", "srt", "--journal", "run.jsonl")
    code, lines = run(*command)
    assert (code, lines[-1]) == (1, "2 transcribed, 1 failed, 0 skipped")
    assert any(line.startswith("calls/b.wav: failed: transcription ") and "no audio" in line for line in lines)
    code, lines = run(*command)
    assert (code, lines[-2:]) == (0, ["calls/b.wav: transcribed", "1 transcribed, 0 failed, 2 skipped"])
    assert "a.wav: skipped, its transcript exists" in lines
    Path("out/a.srt").unlink()
    assert "a.wav: skipped, the journal says that it is done" in run(*command)[1]
    code, lines = run(*command, "--quiet")
    assert (code, lines) == (0, [])
    assert Path("out/b.srt").read_text().startswith("1\n00:00:0")


def test_a_transcript_that_is_there_is_replaced_on_request(run: Run, fake_soniox: FakeSoniox) -> None:
    run("a.wav", "--output-dir", "out")
    Path("out/a.txt").write_text("mine")
    run("a.wav", "--output-dir", "out")
    assert Path("out/a.txt").read_text() == "mine"
    run("a.wav", "--output-dir", "out", "--force")
    assert Path("out/a.txt").read_text() != "mine"


def test_files_without_a_folder_of_their_own(run: Run, fake_soniox: FakeSoniox) -> None:
    assert run("a.wav", "--output-dir", ".")[0] == 0
    assert Path("a.txt").exists()


def test_a_folder_that_cannot_be_read_fails_alone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = os.scandir

    def scandir(path: str) -> object:
        if path.endswith("june"):  # root, as which tests may run, can read everything
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    code, lines = run("calls", "--output-dir", "out")
    assert (code, lines[-1]) == (1, "1 transcribed, 1 failed, 0 skipped")
    assert any(line.startswith("calls/june: failed: ") for line in lines)


def test_no_message_has_the_signature_of_a_url(run: Run, fake_soniox: FakeSoniox) -> None:
    urls = [f"https://ada:pw-zz@example.com/{name}?sig=secret-zz=" for name in ("x.mp3", "y.mp3")]
    fake_soniox.fail_next_job("url_fetch_failed", f"403 from {urls[0]}, {urls[0]}")
    said = []
    for arguments in (urls, urls, ["https://example.com/a b.mp3?sig=secret-zz"], [urls[0], urls[0] + "z"]):
        said += run(*arguments, "--output-dir", "out", "--jobs", "1")[1]
    said += run("example.com/x.mp3?sig=secret-zz=")[1]
    assert [line for line in said if "-zz" in line] == []
    assert "https://example.com/y.mp3: skipped, its transcript exists" in said
    assert said[0].startswith("https://example.com/x.mp3: failed: ")
    assert "403 from https://example.com/x.mp3, https://example.com/x.mp3 (" in said[0]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["a.wav", "calls/b.wav"], "several recordings: give --output-dir"),
        (["calls"], "'calls' is a folder: give --output-dir"),
        (["a.wav", "-", "--output-dir", "out"], "- is for one recording"),
        (["a.wav", "--output-dir", "out", "-o", "x.txt"], "--output is for one recording"),
        (["a.wav", "--jobs", "2"], "--jobs needs --output-dir"),
        (["a.wav", "--journal", "run.jsonl"], "--journal needs --output-dir"),
        (["calls/b.wav", "https://example.com/b.mp3", "--output-dir", "out"], "would both be written to"),
        (["calls", "other/b.wav", "--output-dir", "out"], "would both be written to 'out/b.txt'"),
        (["calls/june", "--output-dir", "out", "--track", "both"], "--track needs --translate-to"),
        (["a.wav", "--output-dir", "out", "--jobs", "0"], "--jobs"),
        (["empty", "--output-dir", "out"], "there is no recording in 'empty'"),
    ],
)
def test_refusals(run: Run, fake_soniox: FakeSoniox, arguments: list[str], reason: str) -> None:
    Path("empty").mkdir()
    code, lines = run(*arguments)
    assert (code, reason in lines[-1]) == (2, True), lines
    assert fake_soniox.requests == ()
    assert not Path("run.jsonl").exists()


def test_a_transcript_that_could_not_be_written_is_not_noted_as_done(run: Run, fake_soniox: FakeSoniox) -> None:
    Path("out").mkdir()
    Path("out/june").write_text("in the way")
    command = ("calls", "--output-dir", "out", "--journal", "run.jsonl")
    assert run(*command)[0] == 1
    Path("out/june").unlink()
    code, lines = run(*command)
    assert (code, lines[-1]) == (0, "1 transcribed, 0 failed, 1 skipped")
    assert Path("out/june/c.txt").exists()


def test_a_transcript_that_its_format_cannot_hold_is_a_failure(run: Run, fake_soniox: FakeSoniox) -> None:
    fake_soniox.add_transcript("Good \ud800", filename="a.wav")
    code, lines = run("a.wav", "--output-dir", "out", "--format", "srt")
    assert code == 1
    problem = "the transcript has characters that srt cannot represent; use --format json"
    assert lines == [f"a.wav: failed: {problem}", "0 transcribed, 1 failed, 0 skipped"]
    assert "Good \ufffd" in Path("out/a.srt").read_text()


def test_a_run_that_is_interrupted_between_two_results_leaves_nothing_at_the_service(
    run: Run, fake_soniox: FakeSoniox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(TranscriptOutput, "write", interrupt)
    code, lines = run("a.wav", "--output-dir", "out")
    assert (code, lines) == (130, ["0 transcribed, 0 failed, 0 skipped", "interrupted"])
    assert (fake_soniox.files, fake_soniox.transcriptions) == ((), ())


def test_a_subfolder_that_cannot_be_made_fails_its_recordings(run: Run, fake_soniox: FakeSoniox) -> None:
    Path("out").mkdir()
    Path("out/june").write_text("a file")
    code, lines = run("calls", "--output-dir", "out")
    assert code == 1
    assert any(line.startswith("calls/june/c.mp3: failed: cannot create its folder: ") for line in lines)
    assert len(fake_soniox.transcriptions) == 1  # It was paid for.


@pytest.mark.parametrize("folder", ["a.wav", "a.wav/out", ""])
def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_sent(
    run: Run, fake_soniox: FakeSoniox, folder: str
) -> None:
    code, lines = run("a.wav", "calls", "--output-dir", folder)
    assert (code, len(lines)) == (2, 1)
    assert lines[0].startswith(f"error: cannot make the folder {folder!r}: ")
    assert fake_soniox.requests == ()


@pytest.mark.skipif(sys.platform == "win32", reason="its folders are not protected by modes")
def test_a_folder_that_cannot_be_written_to_is_refused_before_anything_is_sent(
    run: Run, fake_soniox: FakeSoniox, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("out").mkdir()
    # For root, every folder can be written to.
    monkeypatch.setattr(os, "access", lambda path, mode: (path, mode) != ("out", os.W_OK))
    assert run("a.wav", "--output-dir", "out") == (
        2, ["error: cannot write to the folder 'out': it is write-protected"]
    )  # fmt: skip
    assert fake_soniox.requests == ()
