"""The command line as a shell user meets it: real processes against a fake server on a real port."""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import os
import re
import signal
import struct
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from soniox_lite import __version__
from soniox_lite._cli.listings import human_size
from soniox_testing import FakeSoniox, Word
from tests.support.raw_server import RawServer, reply
from tests.support.tables import each_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Self

    from soniox_testing import JobView, TranscriptionStatus

_ROOT = Path(__file__).parents[3]
_DEADLINE_SEC = 300.0
_AUDIO = b"ID3" + bytes(range(256)) * 400
_UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
_REQUEST_ID = re.compile(r"\[request id [0-9a-f-]{36}\]|[0-9a-f]{8}-[0-9a-f-]{27}")


class Process:
    """A running command that is killed when a test has waited too long for it.

    Args:
        arguments: What stands behind the program's name.
        environment: Additional variables.
        warnings: What Python does with them. None of resources: an interrupted command cannot close everything.
        options: For ``subprocess.Popen``.
    """

    def __init__(
        self,
        arguments: list[str],
        environment: dict[str, str],
        *,
        warnings: str = "error::DeprecationWarning",
        **options: Any,
    ) -> None:
        variables = {name: value for name, value in os.environ.items() if not name.startswith("SONIOX_")}
        for stream in ("stdout", "stderr"):
            options.setdefault(stream, subprocess.PIPE)
        options.setdefault("stdin", subprocess.DEVNULL)
        self.popen = subprocess.Popen(
            [sys.executable, "-W", warnings, "-m", "soniox_lite", *arguments],
            cwd=_ROOT,
            env={**variables, "PYTHONUTF8": "1", **environment},
            **options,
        )
        self._watchdog = threading.Timer(_DEADLINE_SEC, self.popen.kill)
        self._watchdog.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._watchdog.cancel()
        self.popen.kill()
        for stream in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self.popen.wait()

    def read_error_until(self, text: str) -> str:
        """Standard error up to the line with this text."""
        assert self.popen.stderr is not None
        read = ""
        for line in iter(self.popen.stderr.readline, b""):
            read += line.decode()
            if text in read:
                return read
        raise AssertionError(f"{text!r} was not said, but {read!r}")

    def end(self) -> Result:
        """What it did, once it has ended."""
        out, err = self.popen.communicate()
        return Result(self.popen.returncode, (out or b"").decode(), (err or b"").decode())


class Result:
    """How a command ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    def __repr__(self) -> str:
        return f"<{self.code} out={self.out!r} err={self.err!r}>"

    def check_error(self, code: int, *texts: str) -> None:
        """Fails unless this is one line of an error with these texts, and nothing else."""
        assert (self.code, self.out) == (code, ""), self
        line = self.err.splitlines()[-1]
        assert line.startswith("soniox-lite: error: "), self
        assert "Traceback" not in self.err
        for text in texts:
            assert text in line, self


class Stages:
    """A progress rule that holds jobs in one status until it is told to let them go."""

    def __init__(self) -> None:
        self.status: TranscriptionStatus = "completed"
        self.was_seen = threading.Event()

    def __call__(self, job: JobView) -> TranscriptionStatus:
        if job.looks:
            self.was_seen.set()
        return self.status


class Gate:
    """A server in front of another one, which can hold one request on its way there or back, or refuse some."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self.hold: tuple[str, str, str] | None = None
        """Method, pattern of the path, and ``before`` or ``after``: on which side of the target it is held."""
        self.refused_method = ""
        self.refused_path = ""
        self.is_held = threading.Event()
        self.released = threading.Event()
        self.listed = threading.Event()
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                length = self.headers.get("Content-Length")
                body = self.rfile.read(int(length)) if length else None
                gate.answer(self, body)

            do_POST = do_DELETE = do_GET  # noqa: N815 - the base class's names

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def api_base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def answer(self, handler: BaseHTTPRequestHandler, body: bytes | None) -> None:
        if handler.command == self.refused_method or re.fullmatch(self.refused_path, handler.path):
            status, content = 403, b"no"
        else:
            self._wait_if_held(handler, "before")
            connection = http.client.HTTPConnection(self._target.hostname or "", self._target.port, timeout=60)
            with contextlib.closing(connection):
                names = ("Authorization", "Content-Type")
                headers = {name: handler.headers[name] for name in names if name in handler.headers}
                connection.request(handler.command, handler.path, body, headers)
                response = connection.getresponse()
                status, content = response.status, response.read()
            self._wait_if_held(handler, "after")
        if handler.command == "GET" and "limit" in handler.path:
            self.listed.set()
        # The client that was interrupted does not hear this.
        with contextlib.suppress(ConnectionError):
            handler.send_response(status)
            handler.send_header("Content-Length", str(len(content)))
            handler.end_headers()
            handler.wfile.write(content)

    def _wait_if_held(self, handler: BaseHTTPRequestHandler, side: str) -> None:
        if self.hold is None:
            return
        method, pattern, held_side = self.hold
        if (method, held_side) == (handler.command, side) and re.fullmatch(pattern, handler.path):
            self.is_held.set()
            self.released.wait(_DEADLINE_SEC)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Terminal:
    """The user's end of a pseudo terminal."""

    def __init__(self) -> None:
        pty = pytest.importorskip("pty", reason="needs pseudo terminals, which Windows does not have")
        self._master, self.slave = pty.openpty()
        self.seen = ""

    def resize(self, rows: int, columns: int) -> None:
        """Gives it a size in characters."""
        import fcntl
        import termios

        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read_until(self, text: str) -> None:
        """Reads until this text was shown, or all others have closed the terminal."""
        self.close_slave()
        while text not in self.seen:
            assert self._read(), f"{text!r} was not shown, but {self.seen!r}"

    def read_all(self) -> str:
        """All that was shown, once all writers have closed it."""
        self.close_slave()
        while self._read():
            pass
        return self.seen

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def close_slave(self) -> None:
        if self.slave >= 0:
            os.close(self.slave)
            self.slave = -1

    def _read(self) -> bool:
        try:
            block = os.read(self._master, 4096)
        except OSError as error:
            # What Linux says when the last writer is gone.
            if error.errno != errno.EIO:
                raise
            return False
        self.seen += block.decode()
        return bool(block)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close_slave()
        os.close(self._master)


@pytest.fixture
def stages() -> Stages:
    return Stages()


@pytest.fixture
def fake(stages: Stages) -> Iterator[FakeSoniox]:
    with FakeSoniox(api_keys=["right-key"], progress=stages) as server:
        yield server


@pytest.fixture
def gate(fake: FakeSoniox) -> Iterator[Gate]:
    with Gate(fake.url) as server:
        yield server


@pytest.fixture
def start(fake: FakeSoniox) -> Iterator[Callable[..., Process]]:
    """Starts commands against ``fake``."""
    with contextlib.ExitStack() as stack:

        def begin(*arguments: str, environment: dict[str, str] | None = None, **options: Any) -> Process:
            variables = {**fake.environment(), **(environment or {})}
            return stack.enter_context(Process(list(arguments), variables, **options))

        yield begin


@pytest.fixture
def run(start: Callable[..., Process]) -> Callable[..., Result]:
    """Runs commands against ``fake`` to their end."""

    def run_to_end(*arguments: str, **options: Any) -> Result:
        return start(*arguments, warnings="error", **options).end()

    return run_to_end


@pytest.fixture
def audio(tmp_path: Path) -> str:
    path = tmp_path / "talk.mp3"
    path.write_bytes(_AUDIO)
    return str(path)


def _kept_ids(err: str) -> dict[str, str]:
    return dict(re.findall(r"(file|transcription) ([0-9a-f-]{36})", err))


# --- transcribe


def test_transcribe_prints_the_text_and_leaves_nothing_behind(
    run: Callable[..., Result], fake: FakeSoniox, audio: str
) -> None:
    fake.add_transcript("Hello there.", filename="talk.mp3")
    result = run("transcribe", audio)
    assert (result.code, result.out, result.err) == (0, "Hello there.\n", "")
    assert (fake.files, fake.transcriptions) == ((), ())


def test_keep_leaves_both_and_tells_their_ids(run: Callable[..., Result], fake: FakeSoniox, audio: str) -> None:
    result = run("transcribe", "--keep", audio)
    assert result.code == 0
    assert _kept_ids(result.err) == {"file": fake.files[0].id, "transcription": fake.transcriptions[0].id}
    assert fake.file_content(fake.files[0].id) == _AUDIO


def test_options_reach_the_job(run: Callable[..., Result], fake: FakeSoniox) -> None:
    url = "HTTPS://example.com/talk.mp3"
    options = ("--language", "en", "--language", "de", "--diarize", "--translate-to", "es", "--model", "stt-async-v4")
    result = run("transcribe", url, *options, "--keep")
    assert result.code == 0, result
    (job,) = fake.transcriptions
    assert (job.audio_url, job.file_id, job.model) == ("https://example.com/talk.mp3", None, "stt-async-v4")
    assert (job.language_hints, job.enable_speaker_diarization) == (("en", "de"), True)
    assert job.translation == {"type": "one_way", "target_language": "es"}
    assert fake.files == ()


def test_standard_input_is_uploaded(start: Callable[..., Process], fake: FakeSoniox) -> None:
    process = start("transcribe", "-", "--keep", stdin=subprocess.PIPE)
    process.popen.stdin.write(_AUDIO)  # type: ignore[union-attr]
    result = process.end()
    assert result.code == 0, result
    assert [(file.filename, fake.file_content(file.id)) for file in fake.files] == [("stdin", _AUDIO)]


def test_json_is_one_document_and_nothing_else(run: Callable[..., Result], fake: FakeSoniox, audio: str) -> None:
    fake.add_transcript("Grüße, 世界")
    result = run("transcribe", "--json", audio)
    transcript = json.loads(result.out)
    assert (result.code, result.err) == (0, "")
    assert transcript["text"] == "Grüße, 世界"
    assert "".join(token["text"] for token in transcript["tokens"]) == "Grüße, 世界"
    assert "Grüße" in result.out


def test_diarize_prints_a_line_for_each_turn(run: Callable[..., Result], fake: FakeSoniox, audio: str) -> None:
    fake.add_transcript([Word("Hi", speaker="1"), Word("there.", speaker="1"), Word("Hello!", speaker="2")])
    result = run("transcribe", "--diarize", audio)
    assert result.out == "Speaker 1: Hi there.\nSpeaker 2: Hello!\n"


def test_translations_stand_apart_from_originals(run: Callable[..., Result], fake: FakeSoniox, audio: str) -> None:
    fake.add_transcript("Good morning. How are you? I am well today and so is she.")
    result = run("transcribe", "--translate-to", "es", audio)
    original, translation = result.out.splitlines()
    assert original == "Good morning. How are you? I am well today and so is she."
    assert translation.startswith("[es] es:Good es:morning.")


def test_translations_name_their_speakers(run: Callable[..., Result], fake: FakeSoniox, audio: str) -> None:
    fake.add_transcript([Word("Hi", speaker="1")])
    result = run("transcribe", "--translate-to", "es", "--diarize", audio)
    assert result.out == "Speaker 1: Hi\n[es] Speaker 1: es:Hi\n"


def test_the_fake_needs_neither_key_nor_network(audio: str) -> None:
    nowhere = {"http_proxy": "http://127.0.0.1:1", "SONIOX_API_BASE_URL": "http://127.0.0.1:1/v1"}
    with Process(["transcribe", audio, "--fake"], nowhere) as process:
        result = process.end()
    assert (result.code, result.err) == (0, "soniox-lite: note: using a fake server; all results are invented\n")
    assert result.out.strip()


def test_the_fake_takes_standard_input_too() -> None:
    with Process(["transcribe", "-", "--fake", "--json"], {}, stdin=subprocess.PIPE) as process:
        process.popen.stdin.write(_AUDIO)  # type: ignore[union-attr]
        result = process.end()
    assert result.code == 0, result
    assert json.loads(result.out)["text"]


def test_without_the_fake_installed_the_error_says_what_to_install() -> None:
    script = (
        "import sys; sys.modules['soniox_testing'] = None\n"
        "from soniox_lite.cli import main\n"
        "sys.exit(main(['transcribe', 'http://example.com/a.mp3', '--fake']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=_ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    Result(done.returncode, done.stdout, done.stderr).check_error(2, "pip install 'soniox-lite[testing]'")
    assert len(done.stderr.splitlines()) == 1


def test_a_failed_clean_up_does_not_cost_the_transcript(
    run: Callable[..., Result], fake: FakeSoniox, gate: Gate, audio: str
) -> None:
    fake.add_transcript("Worth its price.")
    gate.refused_method = "DELETE"
    result = run("transcribe", "--base-url", gate.api_base_url, audio)
    assert (result.code, result.out) == (0, "Worth its price.\n")
    assert "warning: left on the server" in result.err
    assert _kept_ids(result.err) == {"file": fake.files[0].id, "transcription": fake.transcriptions[0].id}


def test_a_failed_job_is_an_error_and_is_removed(run: Callable[..., Result], fake: FakeSoniox, audio: str) -> None:
    fake.fail_next_job("invalid_audio", "This is no audio.")
    run("transcribe", audio).check_error(1, "This is no audio.", "invalid_audio")
    assert (fake.files, fake.transcriptions) == ((), ())


def test_a_refused_job_leaves_no_file(run: Callable[..., Result], fake: FakeSoniox, audio: str) -> None:
    result = run("transcribe", audio, "--model", "no-such-model")
    result.check_error(1, "model", "HTTP 400")
    assert _REQUEST_ID.search(result.err)
    assert fake.files == ()


def test_wait_timeout_gives_up_and_cleans_up(
    start: Callable[..., Process], fake: FakeSoniox, stages: Stages, audio: str
) -> None:
    stages.status = "processing"
    process = start("transcribe", "--wait-timeout", "0.1", audio)
    process.read_error_until("cleaning up")
    stages.status = "completed"
    process.end().check_error(124, "did not end within 0.1 s")
    assert (fake.files, fake.transcriptions) == ((), ())


def test_wait_timeout_with_keep_leaves_the_job_to_go_on(
    run: Callable[..., Result], fake: FakeSoniox, stages: Stages, audio: str
) -> None:
    stages.status = "queued"
    result = run("transcribe", "--wait-timeout", "0", "--keep", audio)
    result.check_error(124)
    assert _kept_ids(result.err)["transcription"] == fake.transcriptions[0].id


# --- interruptions


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_while_waiting_leaves_nothing_behind(
    start: Callable[..., Process], fake: FakeSoniox, stages: Stages, audio: str, name: str, code: int
) -> None:
    if sys.platform == "win32":
        pytest.skip("Windows ends processes without asking them")
    stages.status = "processing"
    # A program that is cancelled gives no results, whatever was wanted before.
    process = start("transcribe", "--keep", audio)
    assert stages.was_seen.wait(_DEADLINE_SEC)
    process.popen.send_signal(getattr(signal, name))
    process.read_error_until("cleaning up")
    stages.status = "completed"
    result = process.end()
    assert (result.code, result.out) == (code, "")
    assert "Traceback" not in result.err
    assert (fake.files, fake.transcriptions) == ((), ())


def test_ctrl_c_during_an_upload_leaves_nothing_behind(start: Callable[..., Process], fake: FakeSoniox) -> None:
    with Terminal() as terminal:
        process = start("transcribe", "-", stdin=subprocess.PIPE, stderr=terminal.slave)
        process.popen.stdin.write(bytes(300_000))  # type: ignore[union-attr]
        terminal.read_until("KiB")
        process.popen.send_signal(signal.SIGINT)
        assert process.popen.wait() == 130
        assert "cleaning up" in terminal.read_all()
    assert fake.files == ()


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/files"), ("POST", "/v1/transcriptions"), ("GET", "/v1/transcriptions/[^/]+/transcript")],
)
def test_ctrl_c_before_the_reply_leaves_nothing_behind(
    start: Callable[..., Process], fake: FakeSoniox, gate: Gate, audio: str, method: str, path: str
) -> None:
    gate.hold = (method, path, "after")
    process = start("transcribe", "--base-url", gate.api_base_url, audio)
    assert gate.is_held.wait(_DEADLINE_SEC)
    assert len(fake.files) == 1
    process.popen.send_signal(signal.SIGINT)
    result = process.end()
    assert (result.code, result.out) == (130, ""), result
    assert "left" not in result.err
    assert (fake.files, fake.transcriptions) == ((), ())


def test_ctrl_c_during_the_clean_up_does_not_end_it(
    start: Callable[..., Process], fake: FakeSoniox, gate: Gate, audio: str
) -> None:
    fake.add_transcript("Here it is.")
    gate.hold = ("DELETE", "/v1/transcriptions/.*", "before")
    process = start("transcribe", "--base-url", gate.api_base_url, audio)
    assert gate.is_held.wait(_DEADLINE_SEC)
    process.popen.send_signal(signal.SIGINT)
    process.read_error_until("cleaning up")
    gate.released.set()
    result = process.end()
    assert (result.code, result.out) == (130, "Here it is.\n")
    assert "left" not in result.err
    assert (fake.files, fake.transcriptions) == ((), ())


def test_what_the_server_makes_after_ctrl_c_is_found_too(
    start: Callable[..., Process], fake: FakeSoniox, gate: Gate, audio: str
) -> None:
    gate.hold = ("POST", "/v1/transcriptions", "before")
    process = start("transcribe", "--base-url", gate.api_base_url, audio)
    assert gate.is_held.wait(_DEADLINE_SEC)
    assert fake.transcriptions == ()
    process.popen.send_signal(signal.SIGINT)
    assert gate.listed.wait(_DEADLINE_SEC)
    gate.released.set()
    assert process.end().code == 130
    assert (fake.files, fake.transcriptions) == ((), ())


def test_a_lost_reply_leaves_nothing_behind(
    run: Callable[..., Result], fake: FakeSoniox, gate: Gate, audio: str
) -> None:
    gate.hold = ("POST", "/v1/files", "after")
    result = run("transcribe", "--base-url", gate.api_base_url, "--timeout", "2", audio)
    result.check_error(1, "no response within 2 s")
    assert fake.files == ()


def test_a_second_ctrl_c_stops_and_tells_what_is_left(
    start: Callable[..., Process], fake: FakeSoniox, stages: Stages, audio: str
) -> None:
    stages.status = "processing"
    process = start("transcribe", audio)
    assert stages.was_seen.wait(_DEADLINE_SEC)
    process.popen.send_signal(signal.SIGINT)
    process.read_error_until("cleaning up")
    process.popen.send_signal(signal.SIGINT)
    result = process.end()
    assert result.code == 130, result
    assert "left on the server" in result.err
    (job,) = fake.transcriptions
    assert _kept_ids(result.err)["transcription"] == job.id
    assert "Traceback" not in result.err


def test_ctrl_c_before_anything_was_sent_has_nothing_to_clean(
    start: Callable[..., Process], fake: FakeSoniox, tmp_path: Path
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    process = start("transcribe", str(fifo))
    with open(fifo, "wb", buffering=0):
        # The other end was opened, so it is about to read; whether it got to sending makes no difference.
        process.popen.send_signal(signal.SIGINT)
        result = process.end()
    # If it came while a class was being made, which dataclasses do by exec, ``python -m`` ends by the signal although
    # it was handled. Shells call both 130.
    assert result.code in {130, -signal.SIGINT}, result
    assert "left" not in result.err
    assert fake.files == ()


# --- terminal and pipes


def test_a_terminal_sees_progress_that_is_erased(
    start: Callable[..., Process], stages: Stages, fake: FakeSoniox, audio: str
) -> None:
    stages.status = "processing"
    fake.add_transcript("Done.")
    with Terminal() as terminal:
        process = start("transcribe", audio, stderr=terminal.slave)
        terminal.read_until("processing, ")
        stages.status = "completed"
        result = process.end()
        seen = terminal.read_all()
    assert (result.code, result.out) == (0, "Done.\n")
    assert "uploading, 100 %" in seen
    assert "\x1b" not in seen
    last = seen.rstrip("\r").rpartition("\r")[2]
    assert last == " " * len(last)


@each_row("length", ["7000", True, ["x"], {}, float("nan"), 10**400])
def test_a_length_that_is_no_number_is_no_reason_to_list_nothing(run: Callable[..., Result], length: object) -> None:
    job = {
        "id": "8d3e1b1c-6a0f-4b4e-9d53-6cf9b7b6f001",
        "status": "completed",
        "created_at": "2026-01-02T03:04:05Z",
        "model": "stt-async-v5",
        "filename": "talk.wav",
        "audio_duration_ms": length,
    }
    body = json.dumps({"transcriptions": [job], "next_page_cursor": None}).encode()
    with RawServer(reply(body)) as server:
        result = run("transcriptions", "list", "--base-url", server.url)
    assert (result.code, result.err) == (0, ""), result
    assert job["id"] in result.out
    assert "talk.wav" in result.out


def test_quiet_shows_no_progress_on_a_terminal(start: Callable[..., Process], audio: str) -> None:
    with Terminal() as terminal:
        result = start("transcribe", "-q", audio, stderr=terminal.slave).end()
        assert (result.code, terminal.read_all()) == (0, "")


def test_a_transcript_cannot_steer_the_terminal(start: Callable[..., Process], fake: FakeSoniox, audio: str) -> None:
    fake.add_transcript("\x1b[31mred")
    with Terminal() as terminal:
        process = start("transcribe", audio, stdout=terminal.slave)
        assert terminal.read_all() == "?[31mred\r\n"
        assert process.end().code == 0


@pytest.mark.parametrize("argument", ["models", "--version"])
def test_a_pipe_that_is_closed_ends_quietly(run: Callable[..., Result], argument: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    result = run(argument, stdout=writing, environment={"PYTHONUNBUFFERED": ""})
    os.close(writing)
    assert (result.code, result.err) == (141, "")


def test_a_transcript_that_a_closed_pipe_does_not_take_stays_on_the_server(
    start: Callable[..., Process], fake: FakeSoniox, audio: str
) -> None:
    process = start("transcribe", audio)
    process.popen.stdout.close()  # type: ignore[union-attr]
    assert process.popen.stderr is not None
    said = process.popen.stderr.read().decode()
    assert process.popen.wait() == 141
    (job,) = fake.transcriptions
    assert _kept_ids(said) == {"file": fake.files[0].id, "transcription": job.id}
    assert said.endswith(f"; try: soniox-lite transcriptions get {job.id}\n")


@pytest.mark.parametrize("options", [[], ["-o", "/dev/full", "--format", "srt"]], ids=["printed", "file"])
def test_a_transcript_that_a_full_disk_does_not_take_stays_on_the_server(
    run: Callable[..., Result], fake: FakeSoniox, audio: str, options: list[str]
) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    with open("/dev/full", "wb") as full:
        result = run("transcribe", audio, *options, stdout=full)
    assert (result.code, "No space left on device" in result.err) == (1, True)
    assert _kept_ids(result.err)["transcription"] == fake.transcriptions[0].id


def test_a_transcript_that_a_signal_keeps_from_being_written_stays_on_the_server(
    start: Callable[..., Process], fake: FakeSoniox, audio: str
) -> None:
    # More than the pipe holds, whose size only Linux lets a program choose.
    fake.add_transcript([Word("x" * 900) for _ in range(20 if sys.platform == "linux" else 100)])
    process = start("transcribe", audio, pipesize=4096)
    assert process.popen.stdout is not None
    assert process.popen.stdout.read(1) == b"x"
    process.popen.send_signal(signal.SIGHUP)
    assert process.popen.stderr is not None
    said = process.popen.stderr.read().decode()
    assert process.popen.wait() == 129
    assert _kept_ids(said)["transcription"] == fake.transcriptions[0].id


def test_a_transcript_that_cannot_be_fetched_stays_on_the_server(
    run: Callable[..., Result], fake: FakeSoniox, gate: Gate, audio: str
) -> None:
    gate.refused_path = "/v1/transcriptions/[^/]+/transcript"
    result = run("transcribe", "--base-url", gate.api_base_url, audio)
    result.check_error(1, "HTTP 403")
    assert _kept_ids(result.err)["transcription"] == fake.transcriptions[0].id


def test_a_full_disk_is_an_error(run: Callable[..., Result]) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    with open("/dev/full", "wb") as full:
        run("models", stdout=full).check_error(1, "cannot write to standard output")
        version = run("--version", stdout=full, environment={"PYTHONUNBUFFERED": ""})
    assert (version.code, version.err) == (0, "")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_output_without_utf8_loses_characters_and_says_so(
    run: Callable[..., Result], fake: FakeSoniox, audio: str, encoding: str
) -> None:
    fake.add_transcript("1 世界")
    environment = {"PYTHONUTF8": "0", "PYTHONIOENCODING": encoding}
    result = run("transcribe", audio, environment=environment)
    assert (result.code, result.out) == (0, "1 ??\n")
    (message,) = result.err.splitlines()
    assert "has no \\u4e16\\u754c, so the output has ? instead; PYTHONIOENCODING=utf-8" in message


def test_output_that_its_encoding_has_is_no_loss(start: Callable[..., Process], fake: FakeSoniox, audio: str) -> None:
    fake.add_transcript("Café")
    process = start("transcribe", audio, environment={"PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"})
    assert process.popen.communicate() == (b"Caf\xe9\n", b"")


def test_json_loses_nothing_without_utf8(run: Callable[..., Result], fake: FakeSoniox, audio: str) -> None:
    fake.add_transcript("Grüße, 世界")
    result = run("transcribe", "--json", audio, environment={"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"})
    assert json.loads(result.out)["text"] == "Grüße, 世界"


# --- models, files, transcriptions


def test_models(run: Callable[..., Result]) -> None:
    table = run("models")
    assert table.code == 0
    lines = table.out.splitlines()
    assert lines[0].split() == ["ID", "MODE", "ALIAS", "OF", "LANGUAGES", "NAME"]
    assert any(line.startswith("stt-async-v5 ") for line in lines)
    assert "\x1b" not in table.out
    assert "stt-async-v5" in {model["id"] for model in json.loads(run("models", "--json").out)["models"]}


def test_files_are_listed_printed_and_deleted(
    run: Callable[..., Result], fake: FakeSoniox, tmp_path: Path, audio: str
) -> None:
    odd = tmp_path / "odd\x1b[31mname.mp3"
    odd.write_bytes(b"ID3" + bytes(7))
    for path in (audio, str(odd)):
        assert run("transcribe", "--keep", path).code == 0
    first, second = fake.files
    lines = run("files").out.splitlines()
    assert lines[0].split() == ["ID", "SIZE", "CREATED", "NAME"]
    assert re.fullmatch(rf"{first.id}  100\.0 KiB  [0-9-]{{10}} [0-9:]{{8}}Z  talk\.mp3", lines[1])
    assert lines[2].split()[1:3] == ["10", "B"]
    assert "\x1b" not in lines[2]
    listed = json.loads(run("files", "list", "--json").out)
    assert [file["id"] for file in listed["files"]] == [first.id, second.id]
    assert json.loads(run("files", "--json").out) == listed

    result = run("files", "delete", first.id, _UNKNOWN_ID, second.id)
    assert (result.code, result.out) == (1, f"deleted {first.id}\ndeleted {second.id}\n")
    assert result.err.startswith(f"soniox-lite: error: {_UNKNOWN_ID}: ")
    assert fake.files == ()
    empty = run("files")
    assert (empty.code, empty.out, empty.err) == (0, "", "soniox-lite: there are no files\n")
    assert json.loads(run("files", "--json").out) == {"files": []}


def test_transcriptions_are_listed_printed_and_deleted(
    run: Callable[..., Result], fake: FakeSoniox, audio: str
) -> None:
    fake.add_transcript([Word("Kept.", speaker="1")])
    for _ in range(2):
        assert run("transcribe", "--keep", "--diarize", audio).code == 0
    first, second = (job.id for job in fake.transcriptions)
    lines = run("transcriptions").out.splitlines()
    assert lines[0].split() == ["ID", "STATUS", "CREATED", "LENGTH", "NAME"]
    assert re.fullmatch(rf"{first}  completed  [0-9-]{{10}} [0-9:]{{8}}Z  0:06    talk\.mp3", lines[1])
    listed = json.loads(run("transcriptions", "--json", "list").out)
    assert [job["id"] for job in listed["transcriptions"]] == [first, second]
    assert run("transcriptions", "get", first).out == "Speaker 1: Kept.\n"
    assert json.loads(run("transcriptions", "get", first, "--json").out)["text"] == "Kept."
    run("transcriptions", "get", _UNKNOWN_ID).check_error(1, "transcription_not_found")

    assert json.loads(run("transcriptions", "delete", first, "--json").out) == {"deleted": [first]}
    assert len(fake.files) == 2
    result = run("transcriptions", "delete", "--all", "--yes", "--with-files")
    assert (result.code, result.out) == (0, f"deleted {second}\n")
    assert [len(fake.files), len(fake.transcriptions)] == [1, 0]


def test_deleting_all_is_refused_where_no_terminal_is(run: Callable[..., Result], fake: FakeSoniox, audio: str) -> None:
    assert run("transcribe", "--keep", audio).code == 0
    run("files", "delete", "--all").check_error(2, "--yes")
    assert len(fake.files) == 1
    assert json.loads(run("files", "delete", "--all", "-y", "--json").out) == {"deleted": [_kept(fake)]}


def _kept(fake: FakeSoniox) -> str:
    assert fake.files == ()
    file_id = fake.transcriptions[0].file_id
    assert file_id is not None
    return file_id


@pytest.mark.parametrize(("answer", "left", "code"), [("y\n", 0, 0), ("n\n", 1, 1), ("\n", 1, 1)])
def test_deleting_all_asks_on_a_terminal(
    start: Callable[..., Process],
    run: Callable[..., Result],
    fake: FakeSoniox,
    audio: str,
    answer: str,
    left: int,
    code: int,
) -> None:
    assert run("transcribe", "--keep", audio).code == 0
    with Terminal() as terminal:
        process = start("files", "delete", "--all", stdin=terminal.slave, stderr=terminal.slave)
        terminal.read_until("delete all 1 files? [y/N] ")
        terminal.type(answer)
        assert process.end().code == code
    assert len(fake.files) == left


# --- mistakes


@each_row(
    ("arguments", "texts"),
    [
        ([], ["COMMAND"]),
        (["bogus"], ["bogus"]),
        (["files", "bogus"], ["bogus"]),
        (["files", "delete"], ["ID"]),
        (["files", "delete", "some-id", "--all"], ["--all"]),
        (["files", "delete", ".."], ["the ID"]),
        (["transcriptions", "get"], ["ID"]),
        (["transcribe"], ["FILE|URL|FOLDER|-"]),
        (["transcribe", "no-such-file.mp3"], ["'no-such-file.mp3'", "No such file"]),
        (["transcribe", "nul\0byte"], ["null byte"]),
        (["transcribe", "."], ["'.'", "is a folder"]),
        (["transcribe", os.devnull, "--language", "english"], ["--language must be a two-letter language code"]),
        (["transcribe", os.devnull, "--translate-to", "e"], ["--translate-to must be"]),
        (["transcribe", os.devnull, "--model", ""], ["--model must not be empty"]),
        (["transcribe", os.devnull, "--wait-timeout", "-1"], ["--wait-timeout"]),
        (["transcribe", os.devnull, "--wait-timeout", "nan"], ["--wait-timeout"]),
        (["transcribe", os.devnull, "--fake", "--region", "eu"], ["--fake"]),
        (["transcribe", "http://exa mple.com/a.mp3"], ["the URL must be"]),
        (["transcribe", os.devnull, "--dia"], ["--dia"]),
        (["models", "--timeout", "soon"], ["--timeout"]),
        (["--timeout", "0", "models"], ["--timeout must be more than 0 seconds"]),
        (["models", "--region", "../evil"], ["--region must be"]),
        (["models", "--base-url", "localhost"], ["--base-url must be"]),
    ],
    ids=lambda value: " ".join(value).replace("\0", "0") if isinstance(value, list) else None,
)
def test_a_mistake_is_told_without_a_traceback(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], texts: list[str]
) -> None:
    # In this process: two dozen starts would take as long as all other tests together.
    from soniox_lite.cli import main

    monkeypatch.setenv("SONIOX_API_KEY", "some-key")
    try:
        code = main(arguments)
    except SystemExit as end:
        code = int(str(end.code))
    captured = capfd.readouterr()
    Result(code, captured.out, captured.err).check_error(2, *texts)


def test_an_empty_file_is_told_before_it_is_sent(run: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "empty.mp3"
    path.touch()
    run("transcribe", str(path)).check_error(2, "empty")


@pytest.mark.parametrize("key", ["", " \n"])
def test_a_missing_key_names_its_variable(run: Callable[..., Result], key: str) -> None:
    run("models", environment={"SONIOX_API_KEY": key}).check_error(2, "SONIOX_API_KEY")


def test_a_wrong_key_is_told_with_the_request_id(run: Callable[..., Result]) -> None:
    result = run("models", environment={"SONIOX_API_KEY": "wrong-key"})
    result.check_error(1, "HTTP 401")
    assert _REQUEST_ID.search(result.err)
    assert len(result.err.splitlines()) == 1
    assert "wrong-key" not in result.err


def test_debug_shows_where_an_error_comes_from(run: Callable[..., Result]) -> None:
    result = run("models", "--debug", environment={"SONIOX_API_KEY": "wrong"})
    assert result.code == 1
    assert "Traceback" in result.err
    assert "SonioxAuthenticationError" in result.err


def test_a_server_that_is_down_is_told(run: Callable[..., Result], audio: str) -> None:
    result = run("transcribe", audio, "--base-url", "http://127.0.0.1:1/v1")
    result.check_error(1, "refused")
    assert len(result.err.splitlines()) == 1


def test_a_terminal_is_no_recording(start: Callable[..., Process]) -> None:
    with Terminal() as terminal:
        start("transcribe", "-", stdin=terminal.slave).end().check_error(2, "terminal")


def test_help_has_an_example_and_says_where_the_key_belongs(capsys: pytest.CaptureFixture[str]) -> None:
    from soniox_lite.cli import main

    commands = ["", "transcribe", "models", "files", "files list", "files delete", "transcriptions"]
    commands += [f"transcriptions {action}" for action in ("list", "get", "delete")]
    for command in commands:
        with pytest.raises(SystemExit) as end:
            main([*command.split(), "--help"])
        text = capsys.readouterr().out
        assert end.value.code == 0
        example = re.search(r"^example: soniox-lite (.*)$", text, re.MULTILINE)
        assert example, command
        assert example[1].startswith(command)
        assert command or "SONIOX_API_KEY" in text


def test_version(run: Callable[..., Result]) -> None:
    assert run("--version").out == f"soniox-lite {__version__}\n"


def test_importing_the_module_is_cheap() -> None:
    script = (
        "import sys, soniox_lite.cli\n"
        "print([name for name in ('argparse', 'urllib.request', 'soniox_testing', 'soniox_lite.client')"
        " if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=_ROOT, capture_output=True, text=True, timeout=300, check=True
    )
    assert done.stdout == "[]\n"


@each_row(
    ("size_bytes", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (3_565_158, "3.4 MiB"), (5 * 1024**4, "5120.0 GiB")],
)
def test_sizes_are_short(size_bytes: int, text: str) -> None:
    assert human_size(size_bytes) == text
