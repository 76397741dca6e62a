"""What the command line says: of slips, of odd values of the service, of servers that are silent or something else."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from soniox_lite.cli import main
from soniox_testing import FakeSoniox
from tests.support.raw_server import RawServer, reply, stall
from tests.support.tables import each_row

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., "tuple[int, str, str]"]

# A window's title, a colour, its short form, and an order of writing that is turned around.
_STEERING = "a\x1b]0;b\x07\x1b[31m\x9b31m\u202ec"
_MOMENT = "2026-01-02T03:04:05Z"


@pytest.fixture
def run(fake_soniox: FakeSoniox, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process: exit code, standard output, the last line of standard error."""
    for name, value in fake_soniox.environment().items():
        monkeypatch.setenv(name, value)

    def run_to_end(*arguments: str) -> tuple[int, str, str]:
        try:
            code = main(arguments)
        except SystemExit as end:
            code = int(str(end.code))
        captured = capfd.readouterr()
        assert "Traceback" not in captured.err
        return code, captured.out, (captured.err.splitlines() or [""])[-1].removeprefix("soniox-lite: error: ")

    return run_to_end


@pytest.fixture
def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "talk.mp3").write_bytes(b"ID3 audio")
    (tmp_path / "folder").mkdir()
    return "talk.mp3"


# --- slips


@each_row(
    ("line", "message"),
    [
        ("transcirbe talk.mp3", "did you mean transcribe?"),
        ("files lst", "did you mean list?"),
        ("talk.mp3", "did you mean 'soniox-lite transcribe talk.mp3'?"),
        ("transcribe talk.mp3 --langauge en", "unrecognized argument: --langauge; did you mean --language?"),
        ("transcribe --diarise", "unrecognized argument: --diarise; did you mean --diarize?"),
        ("--verson", "unrecognized argument: --verson; did you mean --version?"),
        ("transcribe talk.mp3 talk2.mp3", "several recordings: give --output-dir"),
        ("--api-key SECRET models", "unrecognized argument: --api-key; set the key in SONIOX_API_KEY"),
        ("models --api-key=SECRET", "unrecognized argument: --api-key; set the key in SONIOX_API_KEY"),
        ("fetch job-1 job-2", "unrecognized argument: job-2"),
        ("transcribe talk.mp3 --format srtt", "did you mean srt?"),
        ("transcribe talk.mp3 --language english", "such as 'en', not 'english'"),
        ("transcribe talk.mp3 --language en,german", "such as 'en', not 'german'"),
        ("transcribe talk.mp3 --client-reference-id " + "x" * 300, "--client-reference-id must be at most 256"),
        ("stream talk.mp3 --format pcm_s16lee", "not 'pcm_s16lee'; did you mean pcm_s16le?"),
        ("models --timeout -5", "--timeout must be more than 0 seconds, not '-5.0'"),
        ("transcribe talk.mp3 -o folder", "cannot write 'folder': it is a folder"),
        ("transcribe talk.mp3 --format txt -o new/", "cannot write 'new/': it is not a file name"),
        ("speak Hello -o folder", "cannot write 'folder': it is a folder"),
        (
            "speak Hello -o a.mp3 --audio-format wav",
            "the extension of 'a.mp3' is for mp3, but --audio-format is wav",
        ),
        ("speak Hello -o a.WAV --audio-format pcm_s16le", "is for wav, but"),
        (
            "speak --file https://me:pass@example.com/a.txt?key=SECRET -o a.wav",
            "'https://example.com/a.txt': No such file or directory; ",
        ),
        ("speak --file https://example.com/a.txt -o a.wav", "only soniox-lite transcribe accepts URLs"),
        ("transcribe example.com/talks/a.mp3", "did you mean https://example.com/talks/a.mp3?"),
        ("transcribe s3://talks/a.mp3", "soniox-lite transcribe accepts http and https URLs only"),
    ],
)
def test_a_slip_is_told_with_what_was_meant(
    run: Run, fake_soniox: FakeSoniox, talk: str, line: str, message: str
) -> None:
    code, out, err = run(*line.split())

    assert (code, out) == (2, "")
    assert message in err
    assert len(err) < 800
    assert "SECRET" not in err
    assert fake_soniox.requests == ()


def test_a_long_value_is_not_repeated_whole(run: Run) -> None:
    code, _, err = run("models", "--timeout", "x" * 5000)
    assert (code, len(err) < 500) == (2, True)


# --- what is taken


def test_languages_are_taken_as_people_write_them(run: Run, fake_soniox: FakeSoniox, talk: str) -> None:
    line = ["transcribe", talk, "--language", "EN,de", "--language", "fr", "--translate-to", "ES", "--keep"]
    assert run(*line, "--client-reference-id", "customer 7")[0] == 0
    (job,) = fake_soniox.transcriptions
    assert job.language_hints == ("en", "de", "fr")
    assert job.translation == {"type": "one_way", "target_language": "es"}
    assert job.client_reference_id == "customer 7"


def test_a_reference_is_made_up_where_none_is_given(run: Run, fake_soniox: FakeSoniox, talk: str) -> None:
    assert run("transcribe", talk, "--keep")[0] == 0
    assert re.fullmatch("soniox-lite-[0-9a-f]{24}", fake_soniox.transcriptions[0].client_reference_id or "")


def test_a_file_url_is_a_file(run: Run, fake_soniox: FakeSoniox, talk: str, tmp_path: Path) -> None:
    assert run("transcribe", f"file://{tmp_path}/{talk}", "--keep")[0] == 0
    assert fake_soniox.files[0].filename == talk


def test_models_that_speak_are_listed_too(run: Run) -> None:
    code, table, _ = run("models", "list")
    assert code == 0
    assert re.search(r"^stt-async-v5 +async ", table, re.MULTILINE)
    assert re.search(r"^tts-rt-v2 +speech ", table, re.MULTILINE)
    listed = json.loads(run("models", "--json")[1])
    assert "tts-rt-v2" in {model["id"] for model in listed["tts_models"]}


def test_models_are_listed_where_those_that_speak_cannot_be(run: Run, fake_soniox: FakeSoniox) -> None:
    fake_soniox.faults.answer(403, operation="get_tts_models")
    code, table, warning = run("models")
    assert (code, "stt-async-v5" in table) == (0, True)
    assert "warning: the text-to-speech models cannot be listed" in warning


# --- servers


@each_row(
    "line",
    ["models", "transcribe talk.mp3", "transcribe http://example.com/a.mp3", "speak Hello -o a.wav", "stream talk.mp3"],
)
def test_a_silent_server_is_left_after_the_time_given(run: Run, talk: str, line: str, monkeypatch: Any) -> None:
    with RawServer(then=stall()) as server:
        for name in ("API_BASE_URL", "TTS_API_URL"):
            monkeypatch.setenv(f"SONIOX_{name}", server.url)
        monkeypatch.setenv("SONIOX_WS_URL", server.url.replace("http", "ws"))
        started = time.monotonic()
        code, _, err = run(*line.split(), "--timeout", "1")
        took_sec = time.monotonic() - started
    assert (code, "within 1 s" in err) == (1, True)
    # Without a bound it is more than ten seconds; a loaded machine gets some patience.
    assert took_sec < 9.5


@pytest.mark.parametrize("line", ["transcribe http://example.com/a.mp3", "speak Hello -o a.wav", "models"])
def test_how_long_to_wait_is_told(run: Run, talk: str, line: str, monkeypatch: Any) -> None:
    with RawServer(then=reply(b"", "429 Too Many Requests", "Retry-After: 90")) as server:
        for name in ("API_BASE_URL", "TTS_API_URL"):
            monkeypatch.setenv(f"SONIOX_{name}", server.url)
        code, _, err = run(*line.split())
    assert (code, err.endswith("; retry after 90 s")) == (1, True)


@pytest.mark.parametrize(
    ("status", "kind"), [("200 OK", "text/html; charset=utf-8"), ("502 Bad Gateway", "text/plain")]
)
def test_a_page_for_browsers_is_told_as_such(run: Run, monkeypatch: Any, status: str, kind: str) -> None:
    page = b"\n<!DOCTYPE html><html><head><title>Sign\n in</title>"
    with RawServer(then=reply(page, status, "Retry-After: 90", content_type=kind)) as server:
        monkeypatch.setenv("SONIOX_API_BASE_URL", server.url)
        code, _, err = run("models")
    assert code == 1
    assert "the response is an HTML page ('Sign in'), which may come from a proxy or a wrong URL" in err


# --- odd values


def _listing(value: object) -> dict[str, Any]:
    thing = {
        "id": value,
        "filename": value,
        "size": 1,
        "created_at": _MOMENT,
        "status": value,
        "model": value,
        "name": value,
        "models": [{"model": value, "status": value, "error_type": value}],
    }
    page = {name: [thing] for name in ("files", "transcriptions", "voices")}
    return {**page, "next_page_cursor": None}


@each_row("what", ["files", "transcriptions", "voices"])
@each_row("rest", ["", "--json", "delete --all --yes", "delete --all --yes --json"])
def test_nothing_the_service_sends_steers_the_terminal(run: Run, monkeypatch: Any, what: str, rest: str) -> None:
    with RawServer(then=reply(json.dumps(_listing(_STEERING)).encode())) as server:
        monkeypatch.setenv("SONIOX_API_BASE_URL", server.url)
        code, out, err = run(what, *rest.split())
    assert (code, err) == (0, "")
    assert set("\x1b\x07\x9b\u202e").isdisjoint(out)
    if "--json" in rest:
        # Escaped, and not lost.
        (listed,) = json.loads(out).values()
        assert listed[0] in (_STEERING, {**listed[0], "id": _STEERING} if isinstance(listed[0], dict) else None)


def test_spaces_of_any_width_are_no_control_characters(run: Run, monkeypatch: Any) -> None:
    with RawServer(then=reply(json.dumps(_listing("Ça\u202fva\u00a0? 会\u3000議")).encode())) as server:
        monkeypatch.setenv("SONIOX_API_BASE_URL", server.url)
        assert "Ça\u202fva\u00a0? 会\u3000議" in run("files")[1]


@pytest.mark.parametrize("size", [10**400, 1024**3 - 1, -1])
def test_a_size_that_cannot_be_is_no_reason_to_list_nothing(run: Run, monkeypatch: Any, size: int) -> None:
    listing = _listing("a")
    listing["files"][0]["size"] = size
    with RawServer(then=reply(json.dumps(listing).encode())) as server:
        monkeypatch.setenv("SONIOX_API_BASE_URL", server.url)
        code, out, _ = run("files")
    assert (code, _MOMENT[:10] in out) == (0, True)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("1e999999999", "1.0000E+999999999"), ("1e30", "1.0000E+30"), ("-3", "-3.0000"), ("many", "many")],
)
def test_an_amount_that_cannot_be_is_no_reason_to_print_a_billion_digits(
    run: Run, monkeypatch: Any, amount: str, shown: str
) -> None:
    costs = ("cost", "input_cost", "output_cost", "duration_cost")
    counts = ("num_requests", *(f"{way}_{kind}" for way in ("input", "output") for kind in (
        "text_tokens", "audio_tokens", "audio_duration_ms")), "duration_ms")  # fmt: skip
    entry: dict[str, Any] = {"model": "m", "days": ["2026-04-01"]}
    entry |= {f"total_{name}_usd": amount for name in costs} | {f"{name}_usd": [amount] for name in costs}
    entry |= {f"total_{name}": 10**30 for name in counts} | {name: [1] for name in counts}
    with RawServer(then=reply(json.dumps({"total": entry, "models": [entry]}).encode())) as server:
        monkeypatch.setenv("SONIOX_API_BASE_URL", server.url)
        code, out, _ = run("usage")
    assert (code, len(out) < 2000) == (0, True)
    # As it is, or as it came where that is no sane number.
    assert shown in out or amount in out
