"""``soniox-lite stream`` from a microphone or a URL, and its captions. The programs that record are scripts here."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from soniox_lite.cli import main
from soniox_testing import FakeSoniox, Recording, Word

from .test_transcribe import Process, Terminal

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the programs are shell scripts here")

Run = Callable[..., "tuple[int, str, str]"]


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str, str], None]:
    """Installs a program, a shell script, where otherwise none of those that record is found."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def install(name: str, script: str) -> None:
        path = folder / name
        path.write_text(
            f'#!/bin/sh\nPATH=/bin:/usr/bin\necho "$@" > {shlex.quote(str(tmp_path / "arguments"))}\n{script}\n'
        )
        path.chmod(0o755)

    return install


@pytest.fixture
def run(
    fake_soniox: FakeSoniox, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Run:
    """Runs ``soniox-lite stream``: exit code, standard output, and what was said."""
    for name, value in fake_soniox.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def run_to_end(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = main(["stream", *arguments])
        captured = capfd.readouterr()
        return code, captured.out, captured.err.replace("soniox-lite: ", "").strip()

    return run_to_end


_HALF_A_SECOND = "head -c 16000 /dev/zero"


@pytest.mark.parametrize(
    ("program", "device", "expected"),
    [
        ("arecord", "hw:1", "-q -D hw:1 -f S16_LE -r 16000 -c 1 -t raw"),
        ("parec", "usb", "--raw --format=s16le --rate=16000 --channels=1 --device=usb"),
        ("sox", None, "-q -d -t raw -e signed-integer -b 16 -r 16000 -c 1 -"),
        ("ffmpeg", "hw:1", "-nostdin -loglevel error -f alsa -i hw:1 -f s16le -ar 16000 -ac 1 -"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other names for a microphone")
def test_the_program_that_is_installed_records(
    run: Run, programs: Callable[[str, str], None], fake_soniox: FakeSoniox, program: str, device: str, expected: str
) -> None:
    programs(program, _HALF_A_SECOND)
    fake_soniox.add_transcript("Hello there.")
    code, printed, said = run("--mic", *(["--device", device] if device else []))
    assert (code, printed, said) == (0, "Hello there.\n", "")
    assert Path("arguments").read_text() == f"{expected}\n"
    (session,) = fake_soniox.sessions
    assert session.audio_bytes == 16_000
    assert session.config is not None
    assert (session.config["audio_format"], session.config["sample_rate"]) == ("pcm_s16le", 16_000)


def test_a_url_is_played_by_ffmpeg(run: Run, programs: Callable[[str, str], None], fake_soniox: FakeSoniox) -> None:
    programs("ffmpeg", _HALF_A_SECOND)
    assert run("https://example.com/radio")[0] == 0
    assert "-i https://example.com/radio -vn " in Path("arguments").read_text()
    assert fake_soniox.sessions[0].audio_bytes == 16_000


def test_without_such_a_program_the_error_names_them(run: Run, programs: Callable[[str, str], None]) -> None:
    del programs
    needed = "--mic needs one of the programs arecord, parec, sox, ffmpeg, and none is installed"
    assert run("--mic") == (2, "", f"error: {needed}; or pipe raw audio to -")
    code, _, said = run("https://example.com/radio")
    assert (code, said.partition(":")[2].partition(",")[0]) == (2, " a URL needs the program ffmpeg")


def test_a_program_that_cannot_be_started_is_an_error(run: Run, programs: Callable[[str, str], None]) -> None:
    programs("arecord", "")
    Path("bin/arecord").write_text("#!/no/such/shell\n")
    assert run("--mic") == (1, "", "error: cannot run arecord: No such file or directory")


def test_a_program_that_fails_is_an_error(run: Run, programs: Callable[[str, str], None]) -> None:
    programs("arecord", "echo starting >&2; echo 'audio open error: no such device' >&2; exit 1")
    code, printed, said = run("--mic")
    assert (code, printed) == (1, "")
    reason = "the program that records failed with exit code 1: audio open error: no such device"
    assert said == f"error: the audio cannot be read to its end: {reason}"


def test_the_reason_of_a_player_is_without_the_secrets_of_the_url(
    run: Run, programs: Callable[[str, str], None]
) -> None:
    url = "https://ada:pw-7@example.com/radio?token=secret-7"
    programs("ffmpeg", f"echo 'Error opening {url}: 403 Forbidden' >&2; exit 8")
    _, _, said = run(url)
    assert said.endswith("failed with exit code 8: Error opening https://example.com/radio: 403 Forbidden")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--mic", "a.wav"], "--mic and FILE exclude each other"),
        ([], "give a FILE, a URL, - for standard input, or --mic"),
        (["--device", "hw:1", "a.wav"], "--device needs --mic"),
        (["--mic", "--rate", "8000"], "--format, --rate and --channels are for raw audio from a file or a pipe"),
        (["--captions", "-", "a.wav"], "--captions needs a file: standard output has the text"),
        (["--captions", "a.wav", "a.wav"], "'a.wav' is also the output and would be overwritten"),
        (["--captions", "b.wav", "a.wav"], "'b.wav' exists and looks like audio"),
        (["--tape", "a.wav", "a.wav"], "'a.wav' exists and looks like audio"),
        (["--tape", "a.wav", "--force", "a.wav"], "'a.wav' is also the output and would be overwritten"),
        (["--tape", "./c.vtt", "--captions", "c.vtt", "a.wav"], "--tape and --captions name the same file"),
    ],
)
def test_what_contradicts_itself_is_refused(
    run: Run, fake_soniox: FakeSoniox, arguments: list[str], expected: str
) -> None:
    for name in ("a.wav", "b.wav"):
        Path(name).write_bytes(b"RIFF\x24\0\0\0WAVEfmt ")
    code, printed, said = run(*arguments)
    assert (code, printed) == (2, "")
    assert expected in said
    assert fake_soniox.sessions == ()
    assert Path("a.wav").read_bytes() == b"RIFF\x24\0\0\0WAVEfmt "


def test_ctrl_c_ends_the_microphone_and_waits_for_the_last_words(
    fake_soniox: FakeSoniox, programs: Callable[[str, str], None], tmp_path: Path
) -> None:
    fake_soniox.style = "simple"
    fake_soniox.add_transcript([Word("Hello.", start_ms=0, end_ms=200)])
    programs("arecord", f"echo $$ > {shlex.quote(str(tmp_path / 'pid'))}; head -c 64000 /dev/zero; exec sleep 100")
    with Terminal() as terminal:
        # Only final text is shown: a word is final when a second of silence has followed it.
        environment = {**fake_soniox.environment(), "PATH": os.environ["PATH"], "TERM": "dumb"}
        with Process(["stream", "--mic"], environment, stdout=terminal.slave, start_new_session=True) as process:
            terminal.read_until("Hello.")
            os.killpg(process.popen.pid, signal.SIGINT)
            assert process.end().code == 130
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


@pytest.mark.parametrize("stubborn", ["", "trap '' TERM; "], ids=["", "that ignores SIGTERM"])
def test_what_a_script_that_records_has_started_ends_with_it(
    run: Run, programs: Callable[[str, str], None], tmp_path: Path, stubborn: str
) -> None:
    # An end of the recording without the end of the script: the reading end of the pipe is the child's, which goes on.
    pid = tmp_path / "pid"
    goes_on = f"({stubborn}while :; do sleep 0.05; done) > /dev/null"
    programs("arecord", f"head -c 16000 /dev/zero; {goes_on} & echo $! > {shlex.quote(str(pid))}")
    assert run("--mic", "--fast")[0] == 0
    deadline = time.monotonic() + 60
    while is_running(int(pid.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_running(number: int) -> bool:
    """Whether there is a process with this number that has not ended; a container may leave those that have."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_captions_grow(run: Run, programs: Callable[[str, str], None], fake_soniox: FakeSoniox) -> None:
    programs("arecord", "head -c 96000 /dev/zero")
    words = ["It", "is", "late.", "Go", "home."]
    fake_soniox.add_transcript([Word(word, start_ms=500 * at, end_ms=500 * at + 400) for at, word in enumerate(words)])
    code, printed, _ = run("--mic", "--fast", "--captions", "out.vtt")
    assert (code, printed) == (0, "It is late. Go home.\n")
    assert Path("out.vtt").read_text() == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.420\nIt is late.\n\n00:00:01.500 --> 00:00:02.400\nGo home.\n"
    )


def test_captions_are_of_the_translation(
    run: Run, programs: Callable[[str, str], None], fake_soniox: FakeSoniox
) -> None:
    programs("arecord", "head -c 96000 /dev/zero")
    fake_soniox.add_transcript("It is late.")
    assert run("--mic", "--fast", "--translate-to", "de", "--captions", "out.vtt")[0] == 0
    # The fake translates a word by its language and the word.
    assert Path("out.vtt").read_text().splitlines()[3:] == ["de:It de:is de:late."]


def test_a_full_disk_ends_the_captions_but_not_the_session(run: Run, programs: Callable[[str, str], None]) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full here")
    programs("arecord", _HALF_A_SECOND)
    code, printed, said = run("--mic", "--captions", "/dev/full")
    assert code == 1
    assert printed
    problem = "cannot write '/dev/full': No space left on device; the captions end there"
    assert said.splitlines() == [f"warning: {problem}", f"error: {problem}"]


def test_a_cue_that_a_full_disk_cuts_off_is_taken_back(
    fake_soniox: FakeSoniox, programs: Callable[[str, str], None], tmp_path: Path
) -> None:
    programs("arecord", "head -c 96000 /dev/zero")
    words = ["It", "is", "late.", "Go", "home."]
    fake_soniox.add_transcript([Word(word, start_ms=500 * at, end_ms=500 * at + 400) for at, word in enumerate(words)])
    captions = tmp_path / "out.vtt"
    # A limit of the size of files stands for the disk: the second cue fits in part.
    limited = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (70, 70));"
        " from soniox_lite.cli import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", limited, "stream", "--mic", "--fast", "--captions", str(captions)]
    environment = {**os.environ, **fake_soniox.environment()}
    ended = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=300)
    assert (ended.returncode, ended.stdout) == (1, "It is late. Go home.\n"), ended.stderr
    assert captions.read_text() == "WEBVTT\n\n00:00:00.000 --> 00:00:01.420\nIt is late.\n"


def test_captions_and_events_go_on_after_a_break(run: Run, fake_soniox: FakeSoniox) -> None:
    recording = Recording.conversation(8, seed=1, sample_rate=2000)
    fake_soniox.add_recording(recording)
    fake_soniox.drop_next_session(after_audio_ms=5000)
    Path("a.raw").write_bytes(recording.audio())
    raw = ("--format", "pcm_s16le", "--rate", "2000", "--channels", "1")
    code, printed, said = run("a.raw", *raw, "--fast", "--json", "--captions", "out.vtt")
    assert code == 0
    assert re.fullmatch(r"the connection broke; resumed after \d+\.\d s", said)
    assert json.loads(printed.splitlines()[-1])["finished"]
    cues = Path("out.vtt").read_text().split("\n\n")[1:]
    assert " ".join(line for cue in cues for line in cue.splitlines()[1:]).split() == recording.text.split()


@pytest.mark.parametrize("refusal", ["of the connection", "of the configuration", "without a message"])
def test_a_session_that_is_refused_does_not_empty_the_file(run: Run, fake_soniox: FakeSoniox, refusal: str) -> None:
    Path("out.vtt").write_text("WEBVTT\n\n1\n")
    Path("a.raw").write_bytes(bytes(3200))
    if refusal == "of the connection":
        fake_soniox.faults.refuse(401)
    elif refusal == "of the configuration":
        fake_soniox.fail_next_session("model_not_available")
    else:
        fake_soniox.drop_next_session(how="close:1008")
    raw = ("--format", "pcm_s16le", "--rate", "16000", "--channels", "1")
    assert run("a.raw", *raw, "--no-resume", "--captions", "out.vtt")[0] == 1
    assert Path("out.vtt").read_text() == "WEBVTT\n\n1\n"
