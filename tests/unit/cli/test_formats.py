"""What ``transcribe`` and ``transcriptions get`` write: text, subtitles, JSON; to standard output or a file."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from soniox_lite._cli.terminal import CommandError
from soniox_lite._cli.transcripts import TranscriptOutput
from soniox_lite.cli import main
from soniox_lite.types.common import Token
from soniox_lite.types.transcriptions import TranscriptionTranscript
from soniox_testing import FakeSoniox, Word
from tests.support.tables import each_row

WORDS = [
    Word("Good", 0, 400, speaker="1", language="en"),
    Word("morning.", 400, 1000, speaker="1", language="en"),
    Word("Hello!", 1500, 2200, speaker="2", language="en"),
]
ORIGINAL_SRT = "1\n00:00:00,000 --> 00:00:01,420\n- Good morning.\n\n2\n00:00:01,500 --> 00:00:02,333\n- Hello!\n"
ORIGINAL_VTT = (
    "WEBVTT\n\n"
    "00:00:00.000 --> 00:00:01.420\n<v Speaker 1>Good morning.\n\n"
    "00:00:01.500 --> 00:00:02.333\n<v Speaker 2>Hello!\n"
)

Run = Callable[..., "Ended"]


class Ended:
    """How a command ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err


@pytest.fixture
def run(
    fake_soniox: FakeSoniox, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Run:
    """Runs a command in this process, in a folder with a recording ``talk.mp3`` that says WORDS."""
    for name, value in fake_soniox.environment().items():
        monkeypatch.setenv(name, value)
    (tmp_path / "talk.mp3").write_bytes(b"ID3 audio")
    monkeypatch.chdir(tmp_path)
    fake_soniox.add_transcript(WORDS)

    def run_to_end(*arguments: str) -> Ended:
        try:
            code = main(arguments)
        except SystemExit as end:
            code = int(str(end.code))
        captured = capfd.readouterr()
        return Ended(code, captured.out, captured.err)

    return run_to_end


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), "Speaker 1: Good morning.\nSpeaker 2: Hello!\n"),
        (("--format", "txt"), "Speaker 1: Good morning.\nSpeaker 2: Hello!\n"),
        (("--format", "srt"), ORIGINAL_SRT),
        (("--format", "vtt"), ORIGINAL_VTT),
        (("--format", "vtt", "-o", "-"), ORIGINAL_VTT),
        (("--format", "srt", "--track", "original"), ORIGINAL_SRT),
    ],
    ids=" ".join,
)
def test_a_format_is_printed(run: Run, options: tuple[str, ...], expected: str) -> None:
    result = run("transcribe", "talk.mp3", "--diarize", *options)

    assert (result.code, result.out, result.err) == (0, expected, "")


@pytest.mark.parametrize("options", [("--json",), ("--format", "json"), ("--json", "--format", "json")], ids=" ".join)
def test_json_is_a_format_too(run: Run, options: tuple[str, ...]) -> None:
    assert json.loads(run("transcribe", "talk.mp3", *options).out)["text"] == "Good morning. Hello!"


@pytest.mark.parametrize(
    ("track", "texts"),
    [
        ((), ["- es:Good es:morning.", "- es:Hello!"]),
        (("--track", "translation"), ["- es:Good es:morning.", "- es:Hello!"]),
        (("--track", "original"), ["- Good morning.", "- Hello!"]),
        (("--track", "both"), ["- Good morning.\nes:Good es:morning.", "- Hello!\nes:Hello!"]),
    ],
    ids=lambda value: " ".join(value) or "no option",
)
def test_subtitles_show_the_wanted_track(run: Run, track: tuple[str, ...], texts: list[str]) -> None:
    result = run("transcribe", "talk.mp3", "--diarize", "--translate-to", "es", "--format", "srt", *track)

    blocks = result.out.removesuffix("\n").split("\n\n")
    assert [block.split("\n", 2)[2] for block in blocks] == texts


@pytest.mark.parametrize(
    ("track", "expected"),
    [
        ((), "Good morning. Hello!\n[es] es:Good es:morning. es:Hello!\n"),
        (("--track", "original"), "Good morning. Hello!\n"),
        (("--track", "translation"), "es:Good es:morning. es:Hello!\n"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_text_shows_both_unless_told_otherwise(run: Run, track: tuple[str, ...], expected: str) -> None:
    assert run("transcribe", "talk.mp3", "--translate-to", "es", *track).out == expected


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("talk.srt", (), ORIGINAL_SRT),
        ("talk.VTT", (), ORIGINAL_VTT),
        ("talk.txt", (), "Speaker 1: Good morning.\nSpeaker 2: Hello!\n"),
        ("talk.sub", ("--format", "srt"), ORIGINAL_SRT),
        ("talk.txt", ("--format", "vtt"), ORIGINAL_VTT),
    ],
)
def test_a_file_gets_the_format_of_its_name(run: Run, name: str, options: tuple[str, ...], expected: str) -> None:
    Path(name).write_text("of an earlier run")

    result = run("transcribe", "talk.mp3", "--diarize", "-o", name, *options)

    assert (result.code, result.out, result.err) == (0, "", "")
    assert Path(name).read_bytes() == expected.encode()


def test_a_file_of_json_is_one_document(run: Run, fake_soniox: FakeSoniox) -> None:
    result = run("transcribe", "talk.mp3", "--output", "talk.json")

    assert (result.code, result.out) == (0, "")
    assert json.loads(Path("talk.json").read_text(encoding="utf-8"))["text"] == "Good morning. Hello!"
    assert fake_soniox.transcriptions == ()


def test_a_finished_job_is_written_in_any_format(run: Run, fake_soniox: FakeSoniox) -> None:
    assert run("transcribe", "talk.mp3", "--diarize", "--keep").code == 0
    job = fake_soniox.transcriptions[0].id

    assert run("transcriptions", "get", job, "--format", "srt").out == ORIGINAL_SRT
    assert run("transcriptions", "get", job, "-o", "talk.vtt").out == ""
    assert Path("talk.vtt").read_text() == ORIGINAL_VTT
    assert run("transcriptions", "get", job).out == "Speaker 1: Good morning.\nSpeaker 2: Hello!\n"


@each_row(
    ("options", "message"),
    [
        (("--format", "doc"), "invalid choice: 'doc'"),
        (("--track", "spoken"), "invalid choice: 'spoken'"),
        (("--json", "--format", "srt"), "--json and --format contradict each other"),
        (("--json", "--track", "both", "--translate-to", "es"), "--track cannot be combined with JSON"),
        (("--format", "srt", "--track", "both"), "--track needs --translate-to"),
        (("-o", "talk"), "the extension of 'talk' is not one of .txt, .srt, .vtt, .json: use --format"),
        (("-o", "talk.doc"), "use --format"),
        (("-o", "no-such-folder/talk.srt"), "cannot write 'no-such-folder/talk.srt'"),
        (("-o", ".", "--format", "srt"), "cannot write '.'"),
        (("-o", "talk.mp3/talk.srt"), "cannot write 'talk.mp3/talk.srt'"),
        (("--translate-to", ""), "--translate-to must be a two-letter language code"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_mistake_is_told_before_anything_is_sent(
    run: Run, fake_soniox: FakeSoniox, options: tuple[str, ...], message: str
) -> None:
    result = run("transcribe", "talk.mp3", *options)

    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert "Traceback" not in result.err
    assert fake_soniox.requests == ()


@pytest.mark.parametrize(
    ("ending", "expected"),
    [("srt", ORIGINAL_SRT), ("vtt", ORIGINAL_VTT), ("txt", "Speaker 1: Good morning.\nSpeaker 2: Hello!\n")],
)
def test_a_file_that_cannot_be_written_does_not_cost_the_transcript(run: Run, ending: str, expected: str) -> None:
    # A device that is always full, as a disk may be.
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    Path(f"talk.{ending}").symlink_to("/dev/full")

    result = run("transcribe", "talk.mp3", "--diarize", "-o", f"talk.{ending}")

    # All of it, times included: the job is deleted by now.
    assert (result.code, result.out) == (1, expected)
    message = f"cannot write {ending} to 'talk.{ending}': No space left on device; it is printed instead"
    assert message in result.err


def test_json_that_cannot_be_written_is_printed_with_all_its_tokens(run: Run) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    Path("talk.json").symlink_to("/dev/full")

    result = run("transcribe", "talk.mp3", "-o", "talk.json")

    assert result.code == 1
    assert json.loads(result.out)["tokens"][-1]["end_ms"] == 2200


def test_a_full_disk_leaves_the_file_of_an_earlier_run(run: Run) -> None:
    resource = pytest.importorskip("resource", reason="limits of processes are POSIX's")
    Path("talk.srt").write_text("of an earlier run")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A file can be begun, and not be written to its end.
    resource.setrlimit(resource.RLIMIT_FSIZE, (32, before[1]))
    try:
        code = main(["transcribe", "talk.mp3", "--diarize", "-o", "talk.srt"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert code == 1
    assert Path("talk.srt").read_text() == "of an earlier run"
    assert {path.name for path in Path().iterdir()} == {"talk.mp3", "talk.srt"}


def test_a_device_in_a_folder_that_cannot_be_written_to_is_no_mistake(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/dev/null").is_char_device():
        pytest.skip("there is no /dev/null")
    # As it is for every user but root.
    monkeypatch.setattr(os, "access", lambda path, mode: not os.path.isdir(path))

    assert run("transcribe", "talk.mp3", "--format", "srt", "-o", "/dev/null").code == 0
    assert run("transcribe", "talk.mp3", "-o", "talk.srt").code == 2


def test_a_file_that_is_write_protected_is_told_before_anything_is_sent(
    run: Run, fake_soniox: FakeSoniox, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("talk.srt").write_text("of an earlier run")
    monkeypatch.setattr(os, "access", lambda path, mode: os.path.isdir(path))

    result = run("transcribe", "talk.mp3", "-o", "talk.srt")

    assert (result.code, fake_soniox.requests) == (2, ())
    assert "cannot write 'talk.srt'" in result.err


def test_a_transcript_without_times_is_printed_as_text(capfd: pytest.CaptureFixture[str]) -> None:
    options = argparse.Namespace(json=False, format="srt", track=None, output=None)
    transcript = TranscriptionTranscript(id="1", text="Hello.", tokens=[Token(text="Hello.")])

    with pytest.raises(CommandError, match="no token has a time") as caught:
        TranscriptOutput(options).write(transcript)

    assert (caught.value.exit_code, capfd.readouterr().out) == (1, "Hello.\n")


def test_silence_makes_empty_subtitles(run: Run, fake_soniox: FakeSoniox) -> None:
    fake_soniox.add_transcript([])
    assert run("transcribe", "talk.mp3").out == "Good morning. Hello!\n"

    assert run("transcribe", "talk.mp3", "-o", "silence.vtt").code == 0
    assert Path("silence.vtt").read_text() == "WEBVTT\n"
