"""``soniox-lite stream`` as a shell user meets it: real processes, pipes and terminals against a fake server."""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from soniox_lite._cli.live import Turns, row_spans
from soniox_lite._cli.terminal import printable
from soniox_lite._data.display_width import display_width
from soniox_lite.types.common import Token
from soniox_testing import FakeSoniox, Recording, Word
from tests.unit.cli.test_transcribe import Process, Result, Terminal

from ...support.tables import each_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ROOT = Path(__file__).parents[3]
_DEADLINE_SEC = 300.0
_WAITING = "waiting for the last words ... (Ctrl-C to stop waiting)"
_REQUEST_ID = re.compile(r"\[request id [0-9a-f-]{36}\]")
_RAW = ("--format", "pcm_s16le", "--rate", "16000", "--channels", "1")
_SECOND = bytes(32_000)
_COLUMNS = 40
_TEXT = "Good morning. How are you? I am well today and so is she."


def _wav(seconds: float, *, tag: int = 1, after: bytes = b"") -> bytes:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(16_000)
        writer.writeframes(bytes(int(32_000 * seconds)))
    content = bytearray(stream.getvalue())
    content[20:22] = tag.to_bytes(2, "little")
    return bytes(content) + after


class Screen(Terminal):
    """A terminal that is looked at: what stands on it, and what of that is dim."""

    def __init__(self, *, columns: int = _COLUMNS, rows: int = 24) -> None:
        super().__init__()
        self._columns = columns
        self.resize(rows, columns)
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._interpreted = 0
        self._rows: list[list[tuple[str, bool]]] = [[]]
        self._row = self._column = 0
        self._dim = False
        self.frames: list[tuple[str, str]] = []
        """What stood there, each time before it was drawn anew: all that was final, and all that was dim."""

    def _read(self) -> bool:
        try:
            block = os.read(self._master, 4096)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return False
        self.seen += self._decoder.decode(block)
        return bool(block)

    def lines(self) -> list[str]:
        """The rows in the end, all but the one that the cursor stands on."""
        self.read_all()
        for code, char in re.findall(r"(\x1b\[\d*[A-Za-z])|([\s\S])", self.seen[self._interpreted :]):
            self._interpret(code or char)
        self._interpreted = len(self.seen)
        assert not self._dim
        assert self._column == 0
        assert not self._rows[-1]
        return ["".join(char for char, _ in row) for row in self._rows[:-1]]

    def _interpret(self, code: str) -> None:
        if code in {"\x1b[2m", "\x1b[0m"}:
            self._dim = code == "\x1b[2m"
        elif code == "\r":
            self._column = 0
        elif code == "\n":
            self._row += 1
            if self._row == len(self._rows):
                self._rows.append([])
        elif code == "\x1b[J":
            cells = [cell for row in self._rows for cell in row]
            shown = ["".join(char for char, is_dim in cells if is_dim is wanted) for wanted in (False, True)]
            self.frames.append((shown[0], shown[1]))
            del self._rows[self._row + 1 :]
            del self._rows[self._row][self._column :]
        elif up := re.fullmatch(r"\x1b\[(\d+)A", code):
            self._row -= int(up[1])
            assert self._row >= 0
        else:
            assert printable(code) == code, repr(code)
            row = self._rows[self._row]
            if display_width(code) == 0:
                row[-1] = (row[-1][0] + code, self._dim)
                return
            assert self._column == len(row), "what stood here was not erased"
            # The second half of a wide character is a cell too.
            row += [(code, self._dim), ("", self._dim)][: display_width(code)]
            self._column += display_width(code)
            assert self._column <= self._columns, "the terminal broke the row by itself"


@pytest.fixture
def fake() -> Iterator[FakeSoniox]:
    with FakeSoniox(api_keys=["right-key"]) as server:
        yield server


@pytest.fixture
def start(fake: FakeSoniox) -> Iterator[Callable[..., Process]]:
    """Starts ``stream`` against ``fake``."""
    with contextlib.ExitStack() as stack:

        def begin(*arguments: str, environment: dict[str, str] | None = None, **options: Any) -> Process:
            variables = {**fake.environment(), "TERM": "xterm", "NO_COLOR": "", **(environment or {})}
            return stack.enter_context(Process(["stream", *arguments], variables, **options))

        yield begin


@pytest.fixture
def run(start: Callable[..., Process]) -> Callable[..., Result]:
    """Runs ``stream`` against ``fake`` to its end."""

    def run_to_end(*arguments: str, feed: bytes | None = None, **options: Any) -> Result:
        if feed is not None:
            options["stdin"] = subprocess.PIPE
        process = start(*arguments, warnings="error", **options)
        if feed is not None:
            _feed(process, feed)
        return process.end()

    return run_to_end


@pytest.fixture
def talk(tmp_path: Path) -> str:
    """Six seconds."""
    path = tmp_path / "talk.wav"
    path.write_bytes(_wav(6))
    return str(path)


def _feed(process: Process, audio: bytes) -> None:
    assert process.popen.stdin is not None
    process.popen.stdin.write(audio)
    process.popen.stdin.flush()


def _read_out_until(process: Process, text: str) -> str:
    assert process.popen.stdout is not None
    read = b""
    while text.encode() not in read:
        block = os.read(process.popen.stdout.fileno(), 4096)
        assert block, read
        read += block
    return read.decode()


def _until(condition: Callable[[], bool]) -> None:
    """Looks until it is so, with a deadline: of what another process does there is no event to wait for."""
    deadline = time.monotonic() + _DEADLINE_SEC
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _events(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.out.splitlines()]


def _script(constants: str, *arguments: str) -> list[str]:
    """The command with other values for some of its constants."""
    script = (
        "import sys; from soniox_lite._cli import streaming as stream\n"
        f"{constants}\n"
        "from soniox_lite.cli import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    return ["-c", script, "stream", *arguments]


# --- text and options


def test_prints_the_text_as_it_becomes_final(start: Callable[..., Process], fake: FakeSoniox) -> None:
    fake.add_transcript(_TEXT)
    process = start("-", *_RAW, "--fast", stdin=subprocess.PIPE)
    _feed(process, _SECOND * 4)
    # Not at the end of a line, and long before the end of the audio.
    first = _read_out_until(process, "Good morning.")
    _feed(process, _SECOND * 20)
    result = process.end()
    assert (result.code, first + result.out, result.err) == (0, f"{_TEXT}\n", "")


def test_json_lines_are_the_events_and_say_the_same(run: Callable[..., Result], fake: FakeSoniox, talk: str) -> None:
    for _ in range(2):
        fake.add_transcript(_TEXT)
    plain = run(talk, "--fast")
    result = run(talk, "--fast", "--json")
    assert (result.code, result.err) == (0, "")
    events = _events(result)
    tokens = [token for event in events for token in event["tokens"]]
    assert "".join(token["text"] for token in tokens if token["is_final"]) == plain.out.strip() == _TEXT
    assert [event["finished"] for event in events] == [False] * (len(events) - 1) + [True]
    assert any(not token["is_final"] for token in tokens)


def test_options_reach_the_service(run: Callable[..., Result], fake: FakeSoniox) -> None:
    options = ("--language", "en", "--language", "de", "--diarize", "--translate-to", "es", "--endpoints")
    assert run("-", *_RAW, *options, "--model", "stt-rt-preview", "--fast", feed=_SECOND).code in {0, 1}
    assert run("-", *_RAW, *options, "--fast", feed=_SECOND).code == 0
    session = fake.sessions[-1]
    assert session.config == {
        "model": "stt-rt-v5",
        "audio_format": "pcm_s16le",
        "sample_rate": 16_000,
        "num_channels": 1,
        "language_hints": ["en", "de"],
        "enable_speaker_diarization": True,
        "enable_endpoint_detection": True,
        "translation": {"type": "one_way", "target_language": "es"},
    }
    assert (session.auth, session.ended, session.audio_bytes) == ("header", "finished", 32_000)


def test_turns_and_translations_have_lines_of_their_own(
    run: Callable[..., Result], fake: FakeSoniox, talk: str
) -> None:
    fake.add_transcript([Word("Hi", speaker="1"), Word("there.", speaker="1"), Word("Hello!", speaker="2")])
    result = run(talk, "--diarize", "--translate-to", "es", "--fast")
    assert result.out.splitlines() == [
        "Speaker 1: Hi there.",
        "[es] Speaker 1: es:Hi es:there.",
        "Speaker 2: Hello!",
        "[es] Speaker 2: es:Hello!",
    ]


def test_endpoints_end_lines(run: Callable[..., Result], fake: FakeSoniox, talk: str) -> None:
    fake.add_transcript("One two. Three four.")
    assert run(talk, "--endpoints", "--fast").out == "One two.\nThree four.\n"


# --- audio


def test_samples_of_a_wav_file_are_sent_without_what_surrounds_them(
    run: Callable[..., Result], fake: FakeSoniox, tmp_path: Path
) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(_wav(1, after=b"LIST\x04\0\0\0junk"))
    assert run(str(path), "--fast").code == 0
    with path.open("rb") as stream:
        assert run("-", "--fast", stdin=stream).code == 0
    for session in fake.sessions:
        assert session.config == {
            "model": "stt-rt-v5",
            "audio_format": "pcm_s16le",
            "sample_rate": 16_000,
            "num_channels": 1,
        }
        assert fake.session_audio(session.id) == _SECOND


@pytest.mark.parametrize(
    "content", [b"\xff\xfb" + bytes(range(256)) * 80, _wav(0.5, tag=0x55)], ids=["mp3", "compressed wav"]
)
def test_other_files_are_sent_as_they_are(
    run: Callable[..., Result], fake: FakeSoniox, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "talk.mp3"
    path.write_bytes(content)
    assert run(str(path)).code == 0
    (session,) = fake.sessions
    assert session.config == {"model": "stt-rt-v5", "audio_format": "auto"}
    assert fake.session_audio(session.id) == content


def test_a_pipe_is_sent_as_it_comes(run: Callable[..., Result], fake: FakeSoniox) -> None:
    audio = os.urandom(20_001)
    assert run("-", "--format", "mulaw", "--rate", "8000", "--channels", "2", "--fast", feed=audio).code == 0
    (session,) = fake.sessions
    assert fake.session_audio(session.id) == audio


def test_a_file_takes_as_long_as_its_audio(run: Callable[..., Result], fake: FakeSoniox, tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(_wav(1.2))
    began = time.monotonic()
    assert run(str(path)).code == 0
    assert time.monotonic() - began >= 1.1
    assert fake.sessions[0].audio_duration_ms == 1200


def test_audio_of_unknown_pace_waits_for_the_service_when_that_is_ahead() -> None:
    script = (
        "import io, threading\n"
        "from soniox_lite._cli.streaming import _Audio, _Feeder\n"
        "from soniox_lite.types.realtime import RealtimeSTTConfig\n"
        "class Session:\n"
        "    sent, finished = 0, False\n"
        "    def send_byte_chunk(self, chunk):\n"
        "        self.sent += len(chunk)\n"
        "        if self.sent == 8192: feeder.processed_sec = 60.0; reached.set()\n"
        "    def finish(self): self.finished = True\n"
        "session, reached = Session(), threading.Event()\n"
        "audio = _Audio(io.BytesIO(bytes(40_000)), RealtimeSTTConfig(model='m'))\n"
        "feeder = _Feeder(session, audio, 0.0)\n"
        "feeder.start(); assert reached.wait(60)\n"
        "feeder._thread.join(0.3); assert feeder._thread.is_alive()\n"
        "feeder.stop(); feeder.join()\n"
        "print(session.sent, session.finished)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=_ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.stdout, done.stderr) == ("8192 True\n", "")


def test_a_silent_pipe_keeps_its_session(fake: FakeSoniox) -> None:
    command = _script("stream._KEEP_ALIVE_SEC = 0.05", "-", *_RAW)
    variables = {**os.environ, **fake.environment()}
    with subprocess.Popen(
        [sys.executable, *command], cwd=_ROOT, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        _until(lambda: bool(fake.sessions) and "keepalive" in fake.sessions[0].controls)
        out, _ = process.communicate(_SECOND, timeout=_DEADLINE_SEC)
    assert process.returncode == 0
    assert out.strip()


# --- a terminal


def _check_display(screen: Screen) -> None:
    """Final text stands still, there was dim text after it, and nothing of that is left."""
    final = "".join("".join(screen.lines()).split())
    assert any(dim for _, dim in screen.frames)
    for steady, _ in screen.frames:
        assert final.startswith("".join(steady.split())), steady


def test_a_terminal_shows_final_text_steady_and_the_tail_dim(
    start: Callable[..., Process], fake: FakeSoniox, talk: str
) -> None:
    fake.style = "simple"
    fake.add_transcript([Word("Hi", speaker="1"), *map(Word, _TEXT.split()), Word("Yes.", speaker="2")])
    with Screen() as screen:
        process = start(talk, "--diarize", "--translate-to", "es", "--fast", stdout=screen.slave)
        lines = screen.lines()
        result = process.end()
        _check_display(screen)
    assert (result.code, result.err) == (0, "")
    assert all(display_width("x") * len(line) <= _COLUMNS for line in lines)
    text = " ".join(lines)
    assert text.startswith("Speaker 1: Hi Good morning.")
    assert text.count("morning.") == 2
    assert lines[-2:] == ["Speaker 2: Yes.", "[es] Speaker 2: es:Yes."]


@each_row(
    "words",
    [["世界" * 3] * 12, ["世" * 100], ["e\u0301te\u0301" * 4] * 8, ["नमस्ते", "दुनिया"] * 12, ["x" * 200], ["안녕"] * 30],
    ids=["cjk", "cjk without spaces", "combining", "hindi", "long", "korean"],
)
@each_row("size", [(40, 24), (7, 3)], ids=["wide", "narrow"])
def test_a_terminal_is_redrawn_correctly_whatever_the_width_of_characters(
    monkeypatch: pytest.MonkeyPatch, words: list[str], size: tuple[int, int]
) -> None:
    from soniox_lite._cli import live
    from soniox_lite.types.realtime import RealtimeEvent

    pieces = [piece for word in words for piece in (f" {word}"[:4], f" {word}"[4:]) if piece]
    with Screen(columns=size[0], rows=size[1]) as screen:
        with open(screen.slave, "w", encoding="utf-8", closefd=False, newline="\n") as stdout:
            monkeypatch.setattr(sys, "stdout", stdout)
            output = live.TerminalOutput(None)
            reader = threading.Thread(target=screen.lines)
            for index in range(0, len(pieces) + 1, 3):
                final = [Token(text=text, is_final=True) for text in pieces[max(0, index - 3) : index]]
                tail = [Token(text=text, is_final=False) for text in pieces[index : index + 14]]
                output.show(RealtimeEvent(tokens=final + tail))
            output.show(RealtimeEvent(tokens=[Token(text=text, is_final=True) for text in pieces[index:]]))
            output.close()
        monkeypatch.undo()
        reader.run()
        _check_display(screen)
        assert "".join("".join(screen.lines()).split()) == "".join(words)


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": ""}], ids=str)
def test_a_terminal_that_shall_not_be_redrawn_gets_final_text_only(
    start: Callable[..., Process], fake: FakeSoniox, talk: str, environment: dict[str, str]
) -> None:
    fake.add_transcript(_TEXT)
    with Terminal() as terminal:
        process = start(talk, "--fast", stdout=terminal.slave, environment=environment)
        assert terminal.read_all() == f"{_TEXT}\r\n"
        assert process.end().code == 0


def test_json_on_a_terminal_is_json(start: Callable[..., Process], talk: str) -> None:
    with Terminal() as terminal:
        process = start(talk, "--fast", "--json", stdout=terminal.slave)
        assert all(json.loads(line)["tokens"] is not None for line in terminal.read_all().splitlines())
        assert process.end().code == 0


@pytest.mark.parametrize("how", ["reset", "error"])
def test_a_broken_session_leaves_no_tail_on_the_terminal(
    start: Callable[..., Process], fake: FakeSoniox, how: str
) -> None:
    fake.add_transcript(_TEXT)
    if how == "reset":
        fake.drop_next_session(after_audio_ms=4500)
    else:
        fake.fail_next_session("service_unavailable", after_audio_ms=4500)
    with Screen() as screen:
        process = start("-", *_RAW, "--fast", "--no-resume", stdin=subprocess.PIPE, stdout=screen.slave)
        _feed(process, _SECOND * 4)
        # A reset destroys what has not been read yet, so it has to be.
        screen.read_until("How are you")
        _feed(process, _SECOND)
        lines = screen.lines()
        _check_display(screen)
        process.end().check_error(1)
    assert len(lines) == 1
    assert f"{_TEXT} ".startswith(f"{lines[0]} ")


def test_what_is_said_cannot_steer_the_terminal(start: Callable[..., Process], fake: FakeSoniox, talk: str) -> None:
    words = [Word("\x1b[31mred\x07"), Word("नम\u200cस्ते"), Word("\u202eevil")]
    fake.add_transcript(words)
    fake.add_transcript(words)
    assert start(talk, "--fast").end().out == "?[31mred? नम\u200cस्ते ?evil\n"
    with Screen() as screen:
        start(talk, "--fast", stdout=screen.slave)
        assert screen.lines() == ["?[31mred? नम\u200cस्ते ?evil"]


# --- interruptions


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=str)
def test_a_signal_ends_the_audio_and_prints_the_last_words(
    start: Callable[..., Process], fake: FakeSoniox, number: signal.Signals, code: int
) -> None:
    fake.add_transcript(_TEXT)
    process = start("-", *_RAW, "--fast", stdin=subprocess.PIPE)
    _feed(process, _SECOND * 4)
    first = _read_out_until(process, "Good morning.")
    process.popen.send_signal(number)
    assert process.popen.wait() == code
    assert process.popen.stdout is not None
    assert process.popen.stderr is not None
    assert first + process.popen.stdout.read().decode() == f"{_TEXT}\n"
    # Said when it takes a second, as on a busy machine.
    assert process.popen.stderr.read() in (b"", f"soniox-lite: {_WAITING}\n".encode())
    (session,) = fake.sessions
    assert (session.ended, session.controls[-1]) == ("finished", "end")


def test_ctrl_c_stops_a_file_that_is_sent_at_its_pace(
    start: Callable[..., Process], fake: FakeSoniox, tmp_path: Path
) -> None:
    path = tmp_path / "long.wav"
    path.write_bytes(_wav(300))
    fake.add_transcript("Hello there.")
    with Screen() as screen:
        process = start(str(path), stdout=screen.slave)
        screen.read_until("Hello")
        process.popen.send_signal(signal.SIGINT)
        assert screen.lines() == ["Hello there."]
        assert process.end().code == 130
    assert fake.sessions[0].ended == "finished"


def test_ctrl_c_before_any_audio_is_no_error(start: Callable[..., Process], fake: FakeSoniox) -> None:
    process = start("-", *_RAW, stdin=subprocess.PIPE)
    _until(lambda: bool(fake.sessions) and fake.sessions[0].config is not None)
    process.popen.send_signal(signal.SIGINT)
    assert process.popen.wait() == 130
    assert process.popen.stdout is not None
    assert process.popen.stdout.read() == b""


def test_a_second_ctrl_c_ends_at_once(start: Callable[..., Process], fake: FakeSoniox) -> None:
    fake.add_transcript(_TEXT)
    fake.drop_next_session(after_audio_ms=3000, how="stall")
    process = start("-", *_RAW, "--fast", stdin=subprocess.PIPE)
    _feed(process, _SECOND * 4)
    assert _read_out_until(process, "Good morning.")
    # Earlier, the stream would be ended before the server stalls.
    _until(lambda: fake.sessions[0].audio_duration_ms >= 3000)
    process.popen.send_signal(signal.SIGINT)
    process.read_error_until(_WAITING)
    process.popen.send_signal(signal.SIGINT)
    assert process.popen.wait() == 130
    assert process.popen.stdout is not None
    assert process.popen.stderr is not None
    # The line was ended, and nothing else happened.
    assert process.popen.stdout.read() == b"\n"
    assert process.popen.stderr.read() == b"soniox-lite: interrupted\n"


@pytest.mark.skipif(os.name == "nt", reason="on Windows, programs do not inherit that signals are ignored")
def test_signals_that_are_ignored_stay_ignored(start: Callable[..., Process], fake: FakeSoniox) -> None:
    fake.add_transcript(_TEXT)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGHUP)}
    try:
        process = start("-", *_RAW, "--fast", stdin=subprocess.PIPE)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    _feed(process, _SECOND * 4)
    first = _read_out_until(process, "Good morning.")
    for number in before:
        process.popen.send_signal(number)
    _feed(process, _SECOND)
    result = process.end()
    assert (result.code, first + result.out, result.err) == (0, f"{_TEXT}\n", "")


def test_a_connection_that_breaks_after_ctrl_c_costs_a_warning(fake: FakeSoniox) -> None:
    fake.add_transcript(_TEXT)
    fake.drop_next_session(after_audio_ms=3000, how="stall")
    constants = "stream._LAST_WORDS_SEC = 300; stream._WAIT_MESSAGE_SEC = 0.1"
    command = _script(constants, "-", *_RAW, "--fast", "--no-resume")
    options: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    variables = {**os.environ, **fake.environment()}
    with subprocess.Popen([sys.executable, *command], cwd=_ROOT, env=variables, **options) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(_SECOND * 4)
        process.stdin.flush()
        # A reset destroys what has not been read yet.
        printed = process.stdout.read(len("Good morning."))
        _until(lambda: fake.sessions[0].audio_duration_ms >= 3000)
        process.send_signal(signal.SIGINT)
        assert process.stderr.readline().decode() == f"soniox-lite: {_WAITING}\n"
        fake.stop()
        _, err = process.communicate(timeout=_DEADLINE_SEC)
    assert (process.returncode, printed) == (130, b"Good morning.")
    assert re.fullmatch(rb"soniox-lite: warning: .+\n", err)


def test_the_wait_for_the_last_words_has_an_end(fake: FakeSoniox) -> None:
    fake.add_transcript(_TEXT)
    fake.drop_next_session(after_audio_ms=3000, how="stall")
    command = _script("stream._LAST_WORDS_SEC = 0.3; stream._WAIT_MESSAGE_SEC = 0.1", "-", *_RAW, "--fast")
    variables = {**os.environ, **fake.environment(), "TERM": "xterm", "NO_COLOR": ""}
    with Screen() as screen:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=_ROOT,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=screen.slave,
            stderr=subprocess.PIPE,
        )
        with process:
            assert process.stdin is not None
            process.stdin.write(_SECOND * 4)
            process.stdin.flush()
            screen.read_until("morning.")
            _until(lambda: fake.sessions[0].audio_duration_ms >= 3000)
            process.send_signal(signal.SIGINT)
            lines = screen.lines()
            assert process.wait(_DEADLINE_SEC) == 130
            assert process.stderr is not None
            said = process.stderr.read().decode().splitlines()
    assert lines == ["Good morning."]
    assert said == [
        f"soniox-lite: {_WAITING}",
        "soniox-lite: warning: timed out: the last words may be missing",
    ]


# --- mistakes and failures


def test_a_wrong_key_is_told_with_the_request_id(run: Callable[..., Result], talk: str) -> None:
    result = run(talk, environment={"SONIOX_API_KEY": "wrong-key"})
    result.check_error(1, "401", "unauthenticated")
    assert _REQUEST_ID.search(result.err)
    assert len(result.err.splitlines()) == 1
    assert "wrong-key" not in result.err


def test_an_error_of_the_service_is_told_and_is_an_event_too(run: Callable[..., Result], talk: str) -> None:
    run(talk, "--model", "no-such-model").check_error(1, "no-such-model", "model_not_available")
    result = run(talk, "--model", "no-such-model", "--json")
    assert (result.code, _events(result)[-1]["error_type"]) == (1, "model_not_available")
    assert result.err.startswith("soniox-lite: error: ")


def test_a_tape_has_the_session(run: Callable[..., Result], fake: FakeSoniox, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(_wav(1))
    done = run(str(tmp_path / "a.wav"), "--fast", "--tape", str(tmp_path / "a.tape"))
    assert done.code == 0
    lines = (tmp_path / "a.tape").read_text(encoding="utf-8").splitlines()
    assert fake.api_key not in "".join(lines)
    assert '"finished":true' in lines[-2]
    done = run(str(tmp_path / "a.wav"), "--tape", str(tmp_path / "nowhere" / "a.tape"))
    assert (done.code, "the tape cannot be written" in done.err) == (2, True)


@pytest.mark.parametrize("how", ["reset", "close:1011", "close:1000", "error"])
def test_a_session_that_ends_early_prints_what_was_final(
    start: Callable[..., Process], fake: FakeSoniox, how: str
) -> None:
    fake.style = "simple"  # words become final one by one
    fake.add_transcript(_TEXT)
    if how == "error":
        fake.fail_next_session("service_unavailable", "Come back later.", after_audio_ms=3200)
    else:
        fake.drop_next_session(after_audio_ms=3200, how=how)
    process = start("-", *_RAW, "--fast", "--no-resume", stdin=subprocess.PIPE)
    _feed(process, _SECOND * 3)
    first = _read_out_until(process, "Good morning.")
    _feed(process, _SECOND)
    result = process.end()
    assert (result.code, first + result.out) == (1, "Good morning.\n")
    assert re.fullmatch(r"soniox-lite: error: .+\n", result.err)
    assert {"error": "Come back later. (503, service_unavailable)", "reset": ""}.get(how, how[6:]) in result.err


def test_a_connection_that_breaks_costs_no_word_and_one_line(run: Callable[..., Result], fake: FakeSoniox) -> None:
    recording = Recording.conversation(8, seed=1, sample_rate=2000)
    fake.add_recording(recording)
    fake.drop_next_session(after_audio_ms=5000)
    raw = ("--format", "pcm_s16le", "--rate", "2000", "--channels", "1")
    result = run("-", *raw, "--fast", feed=recording.audio())
    assert (result.code, result.out.split()) == (0, recording.text.split())
    assert re.fullmatch(r"soniox-lite: the connection broke; resumed after \d+\.\d s\n", result.err)


def test_a_break_before_any_word_leaves_the_terminal_alone(start: Callable[..., Process], fake: FakeSoniox) -> None:
    for _ in range(2):
        fake.add_transcript([Word("Hello.", start_ms=3000, end_ms=3400)])
    fake.drop_next_session(after_audio_ms=1000)
    with Screen() as screen:
        process = start("-", *_RAW, "--fast", stdin=subprocess.PIPE, stdout=screen.slave)
        _feed(process, _SECOND * 5)
        assert process.popen.stdin is not None
        process.popen.stdin.close()
        process.read_error_until("the connection broke; resumed after ")
        assert screen.lines() == ["Hello."]
        assert process.popen.wait() == 0


def test_a_planned_change_of_connections_is_not_told(fake: FakeSoniox) -> None:
    recording = Recording.conversation(8, seed=1, sample_rate=2000)
    fake.add_recording(recording)
    constants = (
        "from soniox_lite.types.resume import ResumePolicy\n"
        "stream._resume_policy = lambda options: ResumePolicy(rotate_after_sec=2)"
    )
    raw = ("--format", "pcm_s16le", "--rate", "2000", "--channels", "1")
    options: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    command = [sys.executable, *_script(constants, "-", *raw, "--fast")]
    audio = recording.audio()
    with subprocess.Popen(command, cwd=_ROOT, env={**os.environ, **fake.environment()}, **options) as process:
        assert process.stdin is not None
        process.stdin.write(audio[:16_000])
        process.stdin.flush()
        _until(lambda: len(fake.sessions) > 1)
        out, err = process.communicate(audio[16_000:], timeout=_DEADLINE_SEC)
    assert (process.returncode, err) == (0, b"")
    assert out.decode().split() == recording.text.split()


def test_audio_that_is_lost_in_an_outage_is_told(fake: FakeSoniox) -> None:
    fake.drop_next_session(after_audio_ms=1000)
    constants = (
        "from soniox_lite.types.resume import ResumePolicy\n"
        "stream._resume_policy = lambda options: ResumePolicy(\n"
        "    when_full='drop', buffer_bytes=64 * 1024, max_attempts=None, backoff_sec=0.05, max_backoff_sec=0.05)"
    )
    options: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    variables = {**os.environ, **fake.environment()}
    command = [sys.executable, *_script(constants, "-", *_RAW, "--fast")]
    with subprocess.Popen(command, cwd=_ROOT, env=variables, **options) as process:
        assert process.stdin is not None
        _until(lambda: bool(fake.sessions) and fake.sessions[0].config is not None)
        outage = fake.faults.refuse()
        # All of it is read but for what the pipe holds, and two seconds of it are kept.
        process.stdin.write(_SECOND * 10)
        process.stdin.flush()
        outage.remove()
        _, err = process.communicate(timeout=_DEADLINE_SEC)
    first, second = err.decode().splitlines()
    assert process.returncode == 0
    assert re.fullmatch(r"soniox-lite: warning: \d\.\d s of audio from \d\.\d s on were lost", first)
    assert re.fullmatch(r"soniox-lite: the connection broke; resumed after \d+\.\d s", second)


def test_a_line_that_takes_no_more_is_no_fault_of_the_audio() -> None:
    script = (
        "import os, threading\n"
        "from soniox_lite import SonioxRealtimeTimeoutError\n"
        "from soniox_lite._cli import live, recording, streaming\n"
        "from soniox_lite.types.realtime import RealtimeSTTConfig\n"
        "class Session:\n"
        "    failed, failure = threading.Event(), SonioxRealtimeTimeoutError('the server took nothing')\n"
        "    def keep_alive(self): self.failed.set(); raise self.failure\n"
        "    def receive_event(self, timeout_sec): self.failed.wait(60); raise self.failure\n"
        "    def cancel(self): pass\n"
        "streaming._KEEP_ALIVE_SEC = 0.0\n"
        "session, silent = Session(), recording.Pipe(os.pipe()[0])\n"
        "feeder = streaming._Feeder(session, streaming._Audio(silent, RealtimeSTTConfig(model='m')), None)\n"
        "rest = streaming._Interruption(), live.PlainOutput(None), streaming._Breaks(session)\n"
        "try: streaming._show(session, feeder, *rest)\n"
        "except SonioxRealtimeTimeoutError as error: print(error)\n"
        "feeder.check()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=_ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.stdout, done.stderr) == ("the server took nothing\n", "")


def test_audio_that_cannot_be_read_to_its_end_is_told_after_the_last_words(fake: FakeSoniox) -> None:
    fake.add_transcript(_TEXT)
    failing = (
        "import os\n"
        "def read(descriptor, size, read=os.read):\n"
        "    os.read = fail\n"
        "    return read(descriptor, size)\n"
        "def fail(descriptor, size): raise OSError(5, 'Input/output error')\n"
        "os.read = read"
    )
    done = subprocess.run(
        [sys.executable, *_script(failing, "-", *_RAW, "--fast")],
        cwd=_ROOT,
        env={**os.environ, **fake.environment()},
        input=_SECOND,
        capture_output=True,
        timeout=_DEADLINE_SEC,
        check=False,
    )
    assert (done.returncode, done.stdout.decode()) == (1, f"{_TEXT}\n")
    said = b"soniox-lite: error: the audio cannot be read to its end: Input/output error\n"
    assert done.stderr == said
    assert fake.sessions[0].ended == "finished"


def test_a_server_that_is_down_is_told(run: Callable[..., Result], talk: str) -> None:
    run(talk, "--ws-url", "ws://127.0.0.1:1/x").check_error(1, "127.0.0.1:1", "refused")


def test_connecting_takes_no_longer_than_the_timeout(run: Callable[..., Result], talk: str) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}/x"
        run(talk, "--ws-url", url, "--timeout", "0.2").check_error(1, "0.2 s")


def test_a_pipe_without_a_reader_ends_quietly(start: Callable[..., Process], fake: FakeSoniox, talk: str) -> None:
    for arguments in ((), ("--json",)):
        process = start(talk, "--fast", *arguments)
        process.popen.stdout.close()  # type: ignore[union-attr]
        assert process.popen.stderr is not None
        assert (process.popen.stderr.read(), process.popen.wait()) == (b"", 141)


def test_a_full_disk_is_an_error(run: Callable[..., Result], talk: str) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    with open("/dev/full", "wb") as full:
        run(talk, "--fast", stdout=full).check_error(1, "cannot write to standard output")


def test_without_utf8_nothing_breaks(start: Callable[..., Process], fake: FakeSoniox, talk: str) -> None:
    environment = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    for _ in range(3):
        fake.add_transcript("1 世界")
    plain = start(talk, "--fast", environment=environment).end()
    assert (plain.code, plain.out, "PYTHONIOENCODING=utf-8 keeps all" in plain.err) == (0, "1 ??\n", True)
    events = _events(start(talk, "--fast", "--json", environment=environment).end())
    tokens = [token for event in events for token in event["tokens"]]
    assert "".join(token["text"] for token in tokens if token["is_final"]) == "1 世界"
    with Screen() as screen:
        start(talk, "--fast", stdout=screen.slave, environment=environment)
        assert screen.lines() == ["1 ??"]


def test_empty_audio_is_refused(run: Callable[..., Result]) -> None:
    run("-", *_RAW, feed=b"").check_error(2, "the input is empty")
    run("-", *_RAW, stdin=subprocess.DEVNULL).check_error(2, "standard input: it is empty")


@each_row(
    ("arguments", "texts"),
    [
        ([], ["give a FILE, a URL, -"]),
        (["no-such-file.wav"], ["'no-such-file.wav'", "No such file"]),
        (["."], ["'.'", "Is a directory"]),
        ([os.devnull, "--format", "pcm_s16le"], ["--rate must be given", "--channels must be given"]),
        ([os.devnull, "--format", "pcm_s16le", "--rate", "0", "--channels", "1"], ["--rate must be at least 1"]),
        ([os.devnull, "--format", "pcm"], ["--format must be one of"]),
        ([os.devnull, "--rate", "16000"], ["--format"]),
        ([os.devnull, "--format", "mp3", "--channels", "1"], ["--format"]),
        ([os.devnull, "--rate", "fast"], ["--rate"]),
        ([os.devnull, "--language", "english"], ["--language must be"]),
        ([os.devnull, "--translate-to", "e"], ["--translate-to must be"]),
        ([os.devnull, "--translate-to", ""], ["--translate-to must be"]),
        ([os.devnull, "--model", ""], ["--model must not be empty"]),
        ([os.devnull, "--ws-url", "https://example.com"], ["--ws-url must be"]),
        ([os.devnull, "--fake", "--ws-url", "ws://example.com"], ["--fake"]),
        ([os.devnull, "--timeout", "0"], ["--timeout must be"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_is_told_without_a_traceback(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], texts: list[str]
) -> None:
    from soniox_lite.cli import main

    monkeypatch.setenv("SONIOX_API_KEY", "some-key")
    try:
        code = main(["stream", *arguments])
    except SystemExit as end:
        code = int(str(end.code))
    captured = capfd.readouterr()
    Result(code, captured.out, captured.err).check_error(2, *texts)


def test_a_terminal_is_no_recording(start: Callable[..., Process]) -> None:
    with Terminal() as terminal:
        start("-", stdin=terminal.slave).end().check_error(2, "terminal")


def test_help_lists_the_command_and_shows_how_to_use_a_microphone(capsys: pytest.CaptureFixture[str]) -> None:
    from soniox_lite.cli import main

    texts: list[str] = []
    for arguments in (["--help"], ["stream", "--help"]):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert end.value.code == 0
        texts.append(capsys.readouterr().out)
    assert re.search(r"^ +stream +print what is being said", texts[0], re.MULTILINE)
    assert "example: soniox-lite stream" in texts[1]
    assert "soniox-lite stream --mic" in texts[1]
    assert "(default: stt-rt-v5)" in texts[1]


def test_the_fake_needs_neither_key_nor_network(talk: str) -> None:
    nowhere = {"http_proxy": "http://127.0.0.1:1", "SONIOX_WS_URL": "ws://127.0.0.1:1/x"}
    with Process(["stream", talk, "--fake", "--fast"], nowhere) as process:
        result = process.end()
    assert (result.code, result.err) == (0, "soniox-lite: note: using a fake server; all results are invented\n")
    assert result.out.strip()


# --- the parts


@each_row(
    ("text", "columns", "rows"),
    [
        ("", 5, [""]),
        ("one two", 7, ["one two"]),
        ("one two", 6, ["one", "two"]),
        ("one  two", 4, ["one ", "two"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("a bcdefgh", 4, ["a", "bcde", "fgh"]),
        ("abc de", 3, ["abc", "de"]),
        ("one\n\ntwo", 9, ["one", "", "two"]),
        ("世界世", 5, ["世界", "世"]),
        ("ab世", 3, ["ab", "世"]),
        ("e\u0301e\u0301e\u0301", 2, ["e\u0301e\u0301", "e\u0301"]),
    ],
)
def test_rows_break_between_words_else_between_characters(text: str, columns: int, rows: list[str]) -> None:
    assert [text[start:end] for start, end in row_spans(text, columns)] == rows


def test_white_space_at_the_ends_of_lines_is_left_out() -> None:
    turns = Turns(None)
    texts = [" ", " Hi", " \t", "there. ", "<end>", " ", " Yes", "<fin>", "<end>", " No\n"]
    assert "".join(turns.add([Token(text=text)]) for text in texts) == "Hi  there.\nYes\nNo"
    assert turns.preview([Token(text="body "), Token(text="!")]) == " body !"
    assert turns.end_line() == "\n"


def test_a_translation_without_a_language_has_the_wanted_one() -> None:
    token = Token(text=" hola", translation_status="translation")
    assert (Turns("es").add([token]), Turns(None).add([token])) == ("[es] hola", "[?] hola")


def test_zero_width_joiners_are_text() -> None:
    assert printable("a\u200cb\u200d\x9b\u2066") == "a\u200cb\u200d??"
