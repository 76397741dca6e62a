"""``soniox-lite speak`` as a shell user meets it: real processes against a fake on a real port."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from soniox_testing import FakeSoniox
from tests.support.raw_server import RawServer, refused_port, repeat, send_and_close, stall
from tests.support.tables import each_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ROOT = Path(__file__).parents[3]
_DEADLINE_SEC = 300.0
_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_CUT = _HEAD + b"5\r\nhello\r\n"


@pytest.fixture
def fake() -> Iterator[FakeSoniox]:
    with FakeSoniox() as started:
        yield started


def _environment(*changes: dict[str, str]) -> dict[str, str]:
    variables = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SONIOX_") and not name.lower().endswith("_proxy")
    }
    for change in changes:
        variables |= change
    return {**variables, "PYTHONUTF8": "1", "PYTHONPATH": str(_ROOT)}


@pytest.fixture
def run(fake: FakeSoniox, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Runs ``speak`` in an empty directory."""

    def speak(
        *arguments: str, given: bytes = b"", url: str | None = None, **options: Any
    ) -> subprocess.CompletedProcess[bytes]:
        if "stdin" not in options:
            options["input"] = given
        options.setdefault("stdout", subprocess.PIPE)
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "soniox_lite", "speak", *arguments],
            cwd=tmp_path,
            env=_environment(fake.environment(), {} if url is None else {"SONIOX_TTS_API_URL": url}),
            stderr=subprocess.PIPE,
            timeout=_DEADLINE_SEC,
            check=False,
            **options,
        )

    return speak


def check_error(result: subprocess.CompletedProcess[bytes], code: int, *texts: str) -> None:
    """Fails unless this is one line of an error with these texts, and nothing else."""
    assert (result.returncode, result.stdout or b"") == (code, b""), result
    line = result.stderr.decode().splitlines()[-1]
    assert line.startswith("soniox-lite: error: "), result
    assert b"Traceback" not in result.stderr
    for text in texts:
        assert text in line, result


def spoken(fake: FakeSoniox) -> tuple[str, dict[str, object], bytes]:
    """Text, options and audio of the only speech."""
    (record,) = fake.speeches
    return "".join(record.texts), dict(record.config), fake.speech_audio(record.id)


class TestWhatIsSaid:
    def test_an_argument(self, run: Any, fake: FakeSoniox, tmp_path: Path) -> None:
        result = run("Good morning.", "-o", "out.wav")
        assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
        text, options, audio = spoken(fake)
        assert text == "Good morning."
        assert options == {"model": "tts-rt-v2", "language": "en", "voice": "Adrian", "audio_format": "wav"}
        assert (tmp_path / "out.wav").read_bytes() == audio
        assert os.listdir(tmp_path) == ["out.wav"]

    @pytest.mark.parametrize("arguments", [(), ("-",)], ids=["nothing", "dash"])
    def test_standard_input(self, run: Any, fake: FakeSoniox, arguments: tuple[str, ...]) -> None:
        assert run(*arguments, "-o", "out.mp3", given="\ufeffGrüß Gott.\n".encode()).returncode == 0
        assert spoken(fake)[0] == "Grüß Gott."

    def test_a_file(self, run: Any, fake: FakeSoniox, tmp_path: Path) -> None:
        (tmp_path / "text.txt").write_text("Good\nmorning.\n")
        assert run("--file", "text.txt", "-o", "out.wav").returncode == 0
        assert spoken(fake)[0] == "Good\nmorning."

    @pytest.mark.parametrize("way", ["argument", "pipe"])
    def test_too_much(self, run: Any, fake: FakeSoniox, tmp_path: Path, way: str) -> None:
        text = "ü" * 2501
        result = run(text, "-o", "a.wav") if way == "argument" else run("-o", "a.wav", given=text.encode())
        check_error(result, 2, "the text must be at most 5000 bytes in UTF-8 (it has 5002)")
        assert fake.requests == ()
        assert os.listdir(tmp_path) == []

    def test_text_without_end(self, run: Any) -> None:
        check_error(run("-o", "a.wav", given="ü".encode() * 1_000_000), 2, "the text must be at most 5000 bytes")

    @each_row(
        ("arguments", "given", "problem"),
        [
            (("",), b"", "the text must not be empty"),
            ((), b" \n", "the text is empty"),
            (("-",), b"\xff\xfe", "the text is not UTF-8"),
            (("--file", "missing.txt"), b"", "cannot read 'missing.txt': No such file or directory"),
            (("Hello", "--file", "text.txt"), b"", "give either TEXT or --file"),
        ],
        ids=["empty argument", "empty pipe", "bytes", "no file", "two"],
    )
    def test_no_text(self, run: Any, arguments: tuple[str, ...], given: bytes, problem: str) -> None:
        check_error(run(*arguments, "-o", "a.wav", given=given), 2, problem)

    def test_it_does_not_wait_at_a_terminal(self, run: Any) -> None:
        pty = pytest.importorskip("pty", reason="needs pseudo terminals, which Windows does not have")
        main_end, terminal = pty.openpty()
        try:
            check_error(run("-o", "a.wav", stdin=terminal), 2, "give TEXT or --file, or pipe it to standard input")
        finally:
            os.close(main_end)
            os.close(terminal)


class TestWhereItGoes:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [("a.mp3", "mp3"), ("a.OPUS", "opus"), ("a.b.flac", "flac"), ("a.pcm", "pcm_s16le"), ("a.aac", "aac")],
    )
    def test_the_name_says_the_format(self, run: Any, fake: FakeSoniox, name: str, expected: str) -> None:
        assert run("Hello", "-o", name).returncode == 0
        assert spoken(fake)[1]["audio_format"] == expected

    def test_an_option_says_it_better(self, run: Any, fake: FakeSoniox) -> None:
        arguments = ["--audio-format", "mp3", "--rate", "44100", "--bitrate", "128000", "--speed", "1.2"]
        arguments += ["--voice", "Nina", "--model", "tts-rt-v2", "--language", "de"]
        assert run("Hallo", "-o", "a.bin", *arguments).returncode == 0
        assert spoken(fake)[1] == {
            "model": "tts-rt-v2",
            "language": "de",
            "voice": "Nina",
            "audio_format": "mp3",
            "sample_rate": 44100,
            "bitrate": 128000,
            "speed": 1.2,
        }

    def test_a_name_that_says_nothing(self, run: Any) -> None:
        check_error(run("Hello", "-o", "audio"), 2, "the extension of 'audio' is not one of", "use --audio-format")

    def test_a_pipe(self, run: Any, fake: FakeSoniox) -> None:
        result = run("Hello", "-o", "-")
        assert (result.returncode, result.stderr) == (0, b"")
        assert result.stdout == spoken(fake)[2]
        assert spoken(fake)[1]["audio_format"] == "wav"

    def test_not_to_a_terminal(self, run: Any, fake: FakeSoniox) -> None:
        pty = pytest.importorskip("pty", reason="needs pseudo terminals, which Windows does not have")
        main_end, terminal = pty.openpty()
        try:
            check_error(run("Hello", "-o", "-", stdout=terminal), 2, "standard output is a terminal")
        finally:
            os.close(main_end)
            os.close(terminal)
        assert fake.requests == ()

    def test_a_player_that_has_heard_enough(self, fake: FakeSoniox) -> None:
        with (
            RawServer(repeat(_HEAD, b"7d0\r\n" + bytes(2000) + b"\r\n")) as server,
            subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "soniox_lite", "speak", "Hello", "-o", "-"],
                env=_environment(fake.environment(), {"SONIOX_TTS_API_URL": server.url}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            ) as process,
        ):
            watchdog = threading.Timer(_DEADLINE_SEC, process.kill)
            watchdog.start()
            try:
                assert process.stdout is not None
                assert process.stderr is not None
                assert process.stdout.read(5000) == bytes(5000)
                process.stdout.close()
                assert process.wait() == 141
                assert process.stderr.read() == b""
            finally:
                watchdog.cancel()

    def test_a_full_disk(self, run: Any) -> None:
        if not Path("/dev/full").exists():
            pytest.skip("no /dev/full")
        check_error(run("Hello", "-o", "/dev/full", "--audio-format", "wav"), 1, "No space left on device")
        with open("/dev/full", "wb") as full:
            check_error(run("Hello", "-o", "-", stdout=full), 1, "cannot write to standard output: No space left")

    def test_no_directory(self, run: Any, fake: FakeSoniox) -> None:
        check_error(run("Hello", "-o", "missing/a.wav"), 2, "cannot write 'missing/a.wav': No such file or directory")
        assert fake.requests == ()

    def test_a_name_that_is_too_long(self, run: Any) -> None:
        name = "a" * 300 + ".wav"
        check_error(run("Hello", "-o", name), 2, f"cannot write '{name}': File name too long")

    def test_an_output_is_needed(self, run: Any) -> None:
        result = run("Hello")
        assert result.returncode == 2
        assert b"-o/--output" in result.stderr


class TestFailures:
    def test_what_the_service_says(self, run: Any) -> None:
        check_error(run("Hello", "-o", "a.wav", "--voice", "Maya"), 1, "Maya", "HTTP 400, invalid_request")

    @each_row(
        ("arguments", "problem"),
        [
            (("--speed", "2"), "--speed must be from 0.7 to 1.3"),
            (("--rate", "0"), "--rate must be from 1 to"),
            (("--bitrate", "0"), "--bitrate must be from 1 to"),
            (("--voice", ""), "--voice must not be empty"),
            (("--language", ""), "--language must not be empty"),
            (("--audio-format", "x" * 51), "--format must be at most 50 characters"),
            (("--tts-url", "nowhere"), "--tts-url must be a URL"),
            (("--fake", "--tts-url", "http://127.0.0.1:9"), "cannot be combined with --region or a URL"),
        ],
    )
    def test_what_cannot_be_meant(self, run: Any, fake: FakeSoniox, arguments: tuple[str, ...], problem: str) -> None:
        check_error(run("Hello", "-o", "a.wav", *arguments), 2, problem)
        assert fake.requests == ()

    def test_audio_that_breaks_off_leaves_the_old_file(self, run: Any, tmp_path: Path) -> None:
        (tmp_path / "a.wav").write_bytes(b"old")
        with RawServer(send_and_close(_CUT)) as server:
            check_error(run("Hello", "-o", "a.wav", url=server.url), 1, "cut off")
        assert (tmp_path / "a.wav").read_bytes() == b"old"
        assert os.listdir(tmp_path) == ["a.wav"]

    def test_a_refused_connection(self, run: Any) -> None:
        check_error(run("Hello", "-o", "a.wav", url=f"http://127.0.0.1:{refused_port()}"), 1, "refused")

    @pytest.mark.parametrize(("number", "word"), [(signal.SIGINT, b"interrupted"), (signal.SIGTERM, b"terminated")])
    def test_an_interruption_leaves_nothing(
        self, fake: FakeSoniox, tmp_path: Path, number: signal.Signals, word: bytes
    ) -> None:
        reached = threading.Event()
        with (
            RawServer(stall(_CUT, reached)) as server,
            subprocess.Popen(
                [sys.executable, "-m", "soniox_lite", "speak", "Hello", "-o", "a.wav"],
                cwd=tmp_path,
                env=_environment(fake.environment(), {"SONIOX_TTS_API_URL": server.url}),
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            ) as process,
        ):
            watchdog = threading.Timer(_DEADLINE_SEC, process.kill)
            watchdog.start()
            try:
                assert reached.wait(_DEADLINE_SEC)
                process.send_signal(number)
                assert process.stderr is not None
                assert process.stderr.read() == b"soniox-lite: " + word + b"\n"
                assert process.wait() == 128 + number
            finally:
                watchdog.cancel()
        assert os.listdir(tmp_path) == []


def test_the_built_in_fake_speaks(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-m", "soniox_lite", "speak", "Hello", "-o", "a.wav", "--fake"],
        cwd=tmp_path,
        env=_environment(),
        capture_output=True,
        timeout=_DEADLINE_SEC,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert (result.returncode, result.stderr) == (
        0,
        b"soniox-lite: note: using a fake server; all results are invented\n",
    )
    assert (tmp_path / "a.wav").read_bytes().startswith(b"RIFF")
