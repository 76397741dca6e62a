"""``soniox-lite voices`` and ``usage`` as a shell user meets them: real processes against a fake server."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from soniox_lite._data.display_width import display_width
from soniox_testing import FakeSoniox
from tests.support.tables import each_row
from tests.unit.cli.test_transcribe import Process, Result, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from soniox_testing import JobView, TranscriptionStatus

_UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
_UUID = r"[0-9a-f]{8}-[0-9a-f-]{27}"


class Stages:
    """A progress rule that holds voices back until it is told to let them go."""

    def __init__(self) -> None:
        self.status: TranscriptionStatus = "completed"

    def __call__(self, job: JobView) -> TranscriptionStatus:
        return self.status


@pytest.fixture
def stages() -> Stages:
    return Stages()


@pytest.fixture
def fake(stages: Stages) -> Iterator[FakeSoniox]:
    with FakeSoniox(progress=stages) as server:
        yield server


@pytest.fixture
def start(fake: FakeSoniox) -> Iterator[Callable[..., Process]]:
    """Starts commands against ``fake``."""
    with contextlib.ExitStack() as stack:

        def begin(*arguments: str, environment: dict[str, str] | None = None, **options: Any) -> Process:
            variables = {**fake.environment(), **(environment or {})}
            return stack.enter_context(Process(list(arguments), variables, warnings="error", **options))

        yield begin


@pytest.fixture
def run(start: Callable[..., Process]) -> Callable[..., Result]:
    """Runs commands against ``fake`` to their end."""
    return lambda *arguments, **options: start(*arguments, **options).end()


@pytest.fixture
def clip(tmp_path: Path) -> str:
    path = tmp_path / "me.wav"
    path.write_bytes(bytes(range(256)))
    return str(path)


# --- voices


def test_voices_are_made_listed_and_deleted(run: Callable[..., Result], fake: FakeSoniox, clip: str) -> None:
    made = run("voices", "create", clip, "--name", "odd\x1b[31m", "--wait")
    assert (made.code, made.err) == (0, "")
    assert made.out == f"{fake.voices[0].id}\n"
    assert fake.voice_content(fake.voices[0].id) == bytes(range(256))
    assert fake.voices[0].filename == "me.wav"
    fake.fail_next_voice("voice_audio_too_long", "Too long.")
    assert run("voices", "create", clip, "--name", "second").code == 0

    header, first, second = run("voices").out.splitlines()
    assert header.split() == ["ID", "CREATED", "NAME", "MODELS"]
    assert re.fullmatch(rf"{_UUID}  [0-9-]{{10}} [0-9:]{{8}}Z  odd\?\[31m  tts-rt-v2 ready", first)
    assert second.endswith("tts-rt-v2 failed (voice_audio_too_long)")
    listed = json.loads(run("voices", "list", "--json").out)
    assert [voice["name"] for voice in listed["voices"]] == ["odd\x1b[31m", "second"]
    assert json.loads(run("voices", "--json").out) == listed

    ids = [voice.id for voice in fake.voices]
    result = run("voices", "delete", ids[0], _UNKNOWN_ID)
    assert (result.code, result.out) == (1, f"deleted {ids[0]}\n")
    assert "voice_not_found" in result.err
    run("voices", "delete", "--all").check_error(2, "--yes")
    assert json.loads(run("voices", "delete", "--all", "-y", "--json").out) == {"deleted": [ids[1]]}
    empty = run("voices")
    assert (empty.code, empty.out, empty.err) == (0, "", "soniox-lite: there are no voices\n")
    assert json.loads(run("voices", "--json").out) == {"voices": []}


def test_columns_stand_below_each_other_whatever_the_script(run: Callable[..., Result], clip: str) -> None:
    for name in ("会議の声", "สวัสดี", "e\u0301te\u0301", "plain"):
        assert run("voices", "create", clip, "--name", name).code == 0

    header, *lines = run("voices").out.splitlines()

    column = header.index("MODELS")
    assert [display_width(line[: line.index("tts-")]) for line in lines] == [column] * 4


def test_a_clip_comes_from_standard_input_too(start: Callable[..., Process], fake: FakeSoniox) -> None:
    process = start("voices", "create", "-", "--name", "n", "--json", "--wait", stdin=subprocess.PIPE)
    process.popen.stdin.write(b"abc")  # type: ignore[union-attr]
    voice = json.loads(process.end().out)
    assert {model["status"] for model in voice["models"]} == {"ready"}
    assert fake.voice_content(voice["id"]) == b"abc"


def test_a_failed_voice_is_an_error_and_its_id_is_known(
    run: Callable[..., Result], fake: FakeSoniox, clip: str
) -> None:
    fake.fail_next_voice("voice_audio_too_long", "Too long.")
    result = run("voices", "create", clip, "--name", "n", "--wait")
    assert (result.code, result.out) == (1, f"{fake.voices[0].id}\n")
    assert "Too long. (voice_audio_too_long)" in result.err


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_voice_that_is_late_is_given_up(
    run: Callable[..., Result], fake: FakeSoniox, stages: Stages, clip: str, options: tuple[str, ...]
) -> None:
    stages.status = "processing"
    result = run("voices", "create", clip, "--name", "n", "--wait-timeout", "0.1", *options)
    voice_id = fake.voices[0].id
    assert result.code == 124
    assert result.err == f"soniox-lite: error: voice {voice_id} was not ready within 0.1 s\n"
    assert (json.loads(result.out)["id"] if options else result.out.strip()) == voice_id


def test_a_server_that_does_not_answer_is_not_a_voice_that_is_late(
    run: Callable[..., Result], fake: FakeSoniox, clip: str
) -> None:
    fake.faults.stall(operation="get_voice")
    result = run("voices", "create", clip, "--name", "n", "--wait-timeout", "60", "--timeout", "0.2")
    assert (result.code, result.out) == (1, f"{fake.voices[0].id}\n")
    assert "no response within 0.2 s" in result.err


def test_a_terminal_sees_that_it_is_waited_for(start: Callable[..., Process], stages: Stages, clip: str) -> None:
    stages.status = "processing"
    with Terminal() as terminal:
        process = start("voices", "create", clip, "--name", "n", "--wait", stderr=terminal.slave)
        terminal.read_until("preparing")
        stages.status = "completed"
        assert process.end().code == 0
        last = terminal.read_all().rstrip("\r").rpartition("\r")[2]
    assert last == " " * len("preparing")


def test_shared_voices_are_listed(run: Callable[..., Result]) -> None:
    header, *lines = run("voices", "--shared", "tts-rt-v2").out.splitlines()
    assert header.split() == ["ID", "GENDER", "AGE", "ACCENT", "USE", "STYLE"]
    assert any(re.match(r"Victoria +female +middle_aged +british +educational, narration", line) for line in lines)
    shown = json.loads(run("voices", "list", "--shared", "tts-rt-v2", "--json").out)["voices"]
    assert len(shown) == len(lines)
    run("voices", "--shared", "no-such-model").check_error(1, "HTTP 404")


# --- usage


@pytest.fixture
def used(fake: FakeSoniox) -> datetime:
    """A day when something was used, which no test can see end."""
    day = datetime.now(timezone.utc).replace(hour=12) - timedelta(days=5)
    fake.add_usage("stt-async-v5", ended_at=day, audio_duration_ms=3_661_000, text="x" * 40)
    fake.add_usage("tts-rt-v2", ended_at=day + timedelta(days=1), audio_duration_ms=600_000, text="x" * 4_000)
    fake.add_usage("tts-rt-v2", ended_at=day + timedelta(days=2), audio_duration_ms=1_000)
    return day


def _span(used: datetime) -> tuple[str, ...]:
    return "--from", f"{used:%Y-%m-%d}", "--to", f"{used + timedelta(days=3):%Y-%m-%d}"


def test_usage_is_a_table_by_model_and_a_bar_a_day(
    run: Callable[..., Result], fake: FakeSoniox, used: datetime
) -> None:
    result = run("usage", *_span(used))
    assert (result.code, result.err) == (0, "")
    header, stt, tts, total, blank, *days = result.out.splitlines()
    assert header.split() == ["MODEL", "REQUESTS", "AUDIO", "IN", "AUDIO", "OUT", "USD", "IN", "USD", "OUT", "USD"]
    cost = sum(record.cost_usd for record in fake.usage)
    assert stt.split()[:4] == ["stt-async-v5", "1", "61:01", "-"]
    assert tts.split()[:4] == ["tts-rt-v2", "2", "-", "10:01"]
    assert total.split() == ["total", "3", "61:01", "10:01", *total.split()[4:6], f"{cost:.4f}"]
    assert blank == ""
    assert [line.split()[0] for line in days] == [f"{used + timedelta(days=n):%Y-%m-%d}" for n in range(4)]
    assert [line.split()[1] for line in days] == [f"{record.cost_usd:.4f}" for record in fake.usage] + ["0.0000"]
    bars = [line.split()[2] if len(line.split()) > 2 else "" for line in days]
    longest = max(bars, key=len)
    assert set(longest) == {"█"}
    assert bars.index(longest) == max(range(3), key=lambda day: fake.usage[day].cost_usd)
    assert max(map(len, result.out.splitlines())) < 80
    assert bars[2] in "▏▎▍▌▋▊▉█"
    assert bars[2] != ""
    assert bars[3] == ""


def test_usage_in_ascii_has_bars_too(run: Callable[..., Result], used: datetime) -> None:
    result = run("usage", *_span(used), environment={"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"})
    assert result.code == 0
    assert "####" in result.out
    assert result.out.isascii()
    assert "?" not in result.out


@pytest.mark.parametrize(("columns", "longest"), [(30, 29), (22, 21), (20, len("2026-04-01  0.0001"))])
def test_a_narrow_terminal_gets_shorter_bars_or_none(
    start: Callable[..., Process], used: datetime, columns: int, longest: int
) -> None:

    with Terminal() as terminal:
        terminal.resize(24, columns)
        process = start("usage", *_span(used), stdout=terminal.slave)
        shown = terminal.read_all()
        assert process.end().code == 0
    days = shown.replace("\r", "").splitlines()[5:]
    assert max(map(len, days)) == longest


def test_usage_as_json_is_what_the_service_says(run: Callable[..., Result], used: datetime) -> None:
    summary = json.loads(run("usage", *_span(used), "--json").out)
    assert summary["total"]["days"][0] == f"{used:%Y-%m-%d}"
    assert len(summary["total"]["days"]) == 4
    assert re.fullmatch(r"\d+\.\d{10}", summary["total"]["total_cost_usd"])
    assert [entry["model"] for entry in summary["models"]] == ["stt-async-v5", "tts-rt-v2"]


@pytest.mark.parametrize(("options", "count"), [((), 30), (("--days", "7"), 7)])
def test_days_end_with_today(run: Callable[..., Result], options: tuple[str, ...], count: int) -> None:
    before = datetime.now(timezone.utc).date()
    days = json.loads(run("usage", "--json", *options).out)["total"]["days"]
    assert len(days) == count
    assert days[-1] in {before.isoformat(), datetime.now(timezone.utc).date().isoformat()}


def test_no_usage_is_told(run: Callable[..., Result]) -> None:
    result = run("usage", "--from", "2026-04-01", "--to", "2026-04-30")
    assert (result.code, result.out) == (0, "")
    assert result.err == "soniox-lite: nothing was used from 2026-04-01 to 2026-04-30\n"


# --- mistakes


@each_row(
    ("arguments", "texts"),
    [
        (["voices", "bogus"], ["bogus"]),
        (["voices", "create"], ["FILE|-"]),
        (["voices", "create", "clip.wav"], ["--name"]),
        (["voices", "create", "no-such-file.wav", "--name", "n"], ["'no-such-file.wav'", "No such file"]),
        (["voices", "create", "/dev/null", "--name", ""], ["--name must not be empty"]),
        (["voices", "create", "/dev/null", "--name", "x" * 129], ["--name must be at most 128 characters"]),
        (["voices", "create", "/dev/null", "--name", "n", "--wait-timeout", "-1"], ["--wait-timeout"]),
        (["voices", "delete"], ["ID"]),
        (["voices", "delete", ".."], ["the ID"]),
        (["voices", "--shared", ""], ["--shared must not be empty"]),
        (["usage", "--days", "0"], ["--days", "from 1 to 366"]),
        (["usage", "--days", "367"], ["--days"]),
        (["usage", "--days", "2.5"], ["--days"]),
        (["usage", "--days", "9" * 5000], ["--days"]),
        (["usage", "--from", "yesterday"], ["--from", "2026-04-01"]),
        (["usage", "--from", "2026-04-02", "--to", "2026-04-01"], ["--from must not be after --to"]),
        (["usage", "--days", "7", "--to", "2026-04-01"], ["--days cannot be combined"]),
        (["usage", "--to", "9999-12-31"], ["--to is too close"]),
        (["usage", "--to", "0001-01-01"], ["--to is too close"]),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else None,
)
def test_a_mistake_is_told_without_a_traceback(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], texts: list[str]
) -> None:
    # In this process, as in test_cli.py.
    from soniox_lite.cli import main

    monkeypatch.setenv("SONIOX_API_KEY", "some-key")
    monkeypatch.setenv("SONIOX_API_BASE_URL", "http://127.0.0.1:1/v1")
    try:
        code = main(arguments)
    except SystemExit as end:
        code = int(str(end.code))
    captured = capfd.readouterr()
    Result(code, captured.out, captured.err).check_error(2, *texts)


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    from soniox_lite.cli import main

    for command in ("voices", "voices list", "voices create", "voices delete", "usage"):
        with pytest.raises(SystemExit) as end:
            main([*command.split(), "--help"])
        text = capsys.readouterr().out
        assert end.value.code == 0
        example = re.search(r"^example: soniox-lite (.*)$", text, re.MULTILINE)
        assert example, command
        assert example[1].startswith(command)
