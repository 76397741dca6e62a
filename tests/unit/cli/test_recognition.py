"""Options of the command line that help recognition, and jobs that are submitted and fetched."""

from __future__ import annotations

import json
import logging
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from soniox_lite.cli import main
from soniox_testing import FakeSoniox, after_seconds

from ...support.tables import each_row

Run = Callable[..., "tuple[int, str, str]"]


@pytest.fixture
def fake(request: pytest.FixtureRequest) -> Iterator[FakeSoniox]:
    with FakeSoniox(audio="any", progress=getattr(request, "param", after_seconds())) as server:
        yield server


@pytest.fixture
def run(fake: FakeSoniox, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs the program in a folder with a recording: exit code, standard output, and what was said."""
    for name, value in fake.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    Path("call.raw").write_bytes(bytes(3200))
    Path("fields.json").write_text(
        '{"model": "stt-async-v4", "language_hints": ["de"], "context": {"terms": ["Bled"]}}'
    )
    Path("clinic.txt").write_bytes("\ufeffA visit at a clinic.\n".encode())
    Path("clinic.json").write_text('{"general": {"domain": "Healthcare"}, "terms": ["Celebrex"]}')

    def run_to_end(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        try:
            code = main(arguments)
        except SystemExit as end:
            code = int(str(end.code))
        captured = capfd.readouterr()
        return code, captured.out, captured.err.replace("soniox-lite: ", "").strip()

    return run_to_end


def test_files_and_options_reach_a_job(run: Run, fake: FakeSoniox) -> None:
    healthcare = [{"key": "domain", "value": "Healthcare"}]

    @each_row(
        ("options", "expected"),
        [
            ("--terms Soniox,Maribor", {"context": {"terms": ["Soniox", "Maribor"]}}),
            ("--context clinic.txt", {"context": {"text": "A visit at a clinic."}}),
            (
                "--context clinic.json --terms Zyrtec --terms Celebrex",
                {"context": {"general": healthcare, "terms": ["Celebrex", "Zyrtec"]}},
            ),
            (
                "--config fields.json",
                {"model": "stt-async-v4", "language_hints": ("de",), "context": {"terms": ["Bled"]}},
            ),
            (
                "--config fields.json --terms Piran --language en --language-hints-strict --model stt-async-v5",
                {
                    "model": "stt-async-v5",
                    "language_hints": ("en",),
                    "language_hints_strict": True,
                    "context": {"terms": ["Bled", "Piran"]},
                },
            ),
            ("--config fields.json --context clinic.txt", {"context": {"text": "A visit at a clinic."}}),
        ],
    )
    def check(options: str, expected: dict[str, Any]) -> None:
        code, _, said = run("transcribe", "call.raw", "--keep", *options.split())
        assert (code, said[:18]) == (0, "kept on the server")
        job = fake.transcriptions[-1]
        assert {name: getattr(job, name) for name in expected} == expected

    check()


def test_files_and_options_reach_a_session(run: Run, fake: FakeSoniox) -> None:
    Path("live.json").write_text('{"audio_format": "pcm_s16le", "sample_rate": 8000, "num_channels": 1}')
    code, _, said = run(
        "stream", "call.raw", "--config", "live.json", "--context", "clinic.json", "--language-hints-strict"
    )
    assert (code, said) == (0, "")
    (session,) = fake.sessions
    assert session.config is not None
    expected = {"sample_rate": 8000, "language_hints_strict": True}
    assert {name: session.config[name] for name in expected} == expected
    assert session.config["context"] == {
        "general": [{"key": "domain", "value": "Healthcare"}],
        "terms": ["Celebrex"],
    }


def test_files_that_cannot_be_used_are_named(run: Run, fake: FakeSoniox) -> None:
    Path("list.json").write_text("[1]")
    Path("broken.json").write_text('{"model":\n 1,}')
    Path("key.json").write_text('{"api_key": "secret-7"}')
    Path("field.json").write_text('{"langauge_hints": ["en"]}')
    Path("terms.json").write_text('{"terms": "one"}')
    Path("latin.txt").write_bytes(b"caf\xe9")
    Path("empty.txt").write_bytes(b" \n")
    Path("deep.json").write_text("[" * 200_000)
    with open("large.txt", "wb") as large:
        large.truncate(100_000_000)

    @each_row(
        ("options", "expected"),
        [
            ("--config no.json", "error: cannot read --config 'no.json': No such file or directory"),
            ("--config list.json", "error: --config 'list.json' must hold a JSON object"),
            ("--config broken.json", "error: --config 'broken.json' is not JSON: "),
            ("--config key.json", "error: --config 'key.json' must not hold api_key: set the key in SONIOX_API_KEY"),
            (
                "--config field.json",
                "error: --config 'field.json': CreateTranscriptionConfig is not valid: langauge_hints",
            ),
            (
                "--context terms.json",
                "error: --context 'terms.json': StructuredContext is not valid: terms must be a list",
            ),
            ("--context latin.txt", "error: --context 'latin.txt' is not UTF-8 text"),
            ("--context empty.txt", "error: --context 'empty.txt' is empty"),
            ("--context .", "error: cannot read --context '.': Is a directory"),
            ("--config deep.json", "error: --config 'deep.json' is not JSON: "),
            ("--context large.txt", "error: --context 'large.txt' is larger than "),
        ],
    )
    def check(options: str, expected: str) -> None:
        code, _, said = run("transcribe", "call.raw", *options.split())
        assert code == 2
        assert said.startswith(expected)
        assert "secret-7" not in said

    check()
    assert fake.requests == ()


def test_submitted_jobs_are_fetched(run: Run, fake: FakeSoniox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONIOX_API_WEBHOOK_SECRET", "secret-7")
    fake.add_transcript("words of the call", filename="call.raw")
    code, printed, _ = run(
        "submit", "call.raw", "https://example.com/b.mp3", "--webhook-url", "http://127.0.0.1:9/hook"
    )
    assert code == 0
    first, second = printed.split()
    assert [job.id for job in fake.transcriptions] == [first, second]
    assert [len(fake.files), "secret-7" in printed] == [1, False]

    assert run("fetch", first) == (0, "words of the call\n", "")
    code, printed, _ = run("fetch", first, "-o", "call.txt", "--delete")
    assert (code, printed) == (0, "")
    assert Path("call.txt").read_text() == "words of the call\n"
    assert [job.id for job in fake.transcriptions] == [second]
    assert fake.files == ()


@pytest.mark.parametrize("fake", [after_seconds(processing=60)], indirect=True)
def test_a_fetch_that_must_not_wait_ends_at_once(run: Run, fake: FakeSoniox) -> None:
    _, job_id, _ = run("submit", "call.raw")
    code, printed, said = run("fetch", job_id.strip(), "--wait-timeout", "0", "--delete")
    assert (code, printed) == (124, "")
    assert said == f"error: transcription {job_id.strip()} did not end within 0 s"
    assert len(fake.files) == 1


def test_a_wait_that_is_no_number_is_refused(run: Run, fake: FakeSoniox) -> None:
    code, _, said = run("fetch", "some-id", "--wait-timeout", "soon")
    assert (code, "'soon' is not a number of seconds from 0 to " in said) == (2, True)
    assert fake.requests == ()


def test_what_a_failing_server_has_made_all_the_same_is_deleted(
    run: Run, fake: FakeSoniox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soniox_lite._cli.cleanup.time", SimpleNamespace(sleep=lambda _sec: None))
    _, other, _ = run("submit", "call.raw")
    fake.faults.answer(500, operation="create_transcription")
    code, printed, _ = run("submit", "call.raw")
    assert (code, printed) == (1, "")
    assert ([job.id for job in fake.transcriptions], len(fake.files)) == ([other.strip()], 1)


def test_what_may_be_anothers_is_not_deleted_but_told(
    run: Run, fake: FakeSoniox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soniox_lite._cli.cleanup.time", SimpleNamespace(sleep=lambda _sec: None))
    mine = ("submit", "https://example.com/b.mp3", "--client-reference-id", "order-7")
    assert run(*mine)[0] == 0
    fake.faults.answer(500, operation="create_transcription")
    code, _, said = run(*mine)
    assert (code, len(fake.transcriptions)) == (1, 1)
    warning = "warning: left on the server: possibly a transcription with client_reference_id order-7"
    assert said.splitlines()[0] == warning


@pytest.mark.parametrize("fake", [after_seconds(processing=60)], indirect=True)
@pytest.mark.parametrize("interrupted", [False, True], ids=["", "and Ctrl-C"])
def test_a_job_that_stays_busy_is_left_and_told(
    run: Run, fake: FakeSoniox, monkeypatch: pytest.MonkeyPatch, interrupted: bool
) -> None:
    def sleep(_sec: float) -> None:
        if interrupted:
            raise KeyboardInterrupt

    monkeypatch.setattr("soniox_lite._cli.cleanup.time", SimpleNamespace(sleep=sleep))
    code, printed, said = run("transcribe", "call.raw", "--wait-timeout", "0")
    (job,) = fake.transcriptions
    first, second, _ = said.splitlines()
    assert (code, printed) == (130 if interrupted else 124, "")
    assert first == "cleaning up ... (Ctrl-C to stop the cleanup)"
    assert second.startswith(f"warning: left on the server: transcription {job.id} (")
    assert fake.files == ()


def test_a_submitted_job_is_told_as_json(run: Run, fake: FakeSoniox) -> None:
    code, printed, _ = run("submit", "call.raw", "--json")
    (job,) = fake.transcriptions
    told = json.loads(printed)
    assert (code, told["id"], told["filename"]) == (0, job.id, "call.raw")


def test_a_job_that_is_refused_leaves_no_file(run: Run, fake: FakeSoniox) -> None:
    fake.faults.answer(400, operation="create_transcription")
    code, printed, said = run("submit", "call.raw")
    assert (code, printed) == (1, "")
    assert said.startswith("error: ")
    assert fake.files == ()


def test_null_in_the_config_is_the_same_as_no_field(run: Run, fake: FakeSoniox) -> None:
    Path("null.json").write_text('{"model": null, "context": null, "language_hints": null}')
    code, _, said = run("submit", "call.raw", "--config", "null.json", "--terms", "Bled")
    assert (code, said) == (0, "")
    assert fake.transcriptions[0].model == "stt-async-v5"


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (["call.raw", "cal.raw"], "cannot read 'cal.raw': No such file or directory"),
        (["call.raw", "empty.raw"], "cannot use 'empty.raw': the file is empty"),
        (["call.raw", "."], "cannot read '.': Is a directory"),
        (["call.raw", "https://example.com/a b.mp3"], "the URL must be an http:// or https:// URL without white space"),
        (["-", "-"], "- stands for standard input, which can be read once only"),
    ],
)
def test_nothing_is_submitted_if_a_recording_cannot_be_read(
    run: Run, fake: FakeSoniox, sources: list[str], expected: str
) -> None:
    Path("empty.raw").touch()
    assert run("submit", *sources) == (2, "", f"error: {expected}")
    assert fake.requests == ()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")
def test_a_named_pipe_is_submitted(run: Run, fake: FakeSoniox) -> None:
    os.mkfifo("pipe")
    with subprocess.Popen(["/bin/sh", "-c", "cat call.raw > pipe"]):
        assert run("submit", "call.raw", "pipe")[0] == 0
    assert [file.size for file in fake.files] == [3200, 3200]


def test_a_webhook_url_that_is_none_is_named(run: Run) -> None:
    code, _, said = run("submit", "call.raw", "--webhook-url", "example.com")
    assert code == 2
    assert said.startswith("error: --webhook-url must ")


def test_verbose_tells_requests_and_attempts(run: Run, fake: FakeSoniox, monkeypatch: pytest.MonkeyPatch) -> None:
    log = logging.getLogger("soniox_lite")
    monkeypatch.setattr(log, "handlers", [])
    monkeypatch.setattr(log, "level", log.level)
    fake.faults.answer(503, operation="upload_file", times=1, retry_after_sec=0)
    code, printed, said = run("transcribe", "call.raw", "--verbose")
    assert code == 0
    assert "ms]" not in printed
    lines = [line.partition("ms] ")[2].replace(fake.api_base_url, "") for line in said.splitlines()]
    assert lines[0].startswith("POST /files: 503 service_unavailable after ")
    assert ", request id " in lines[0]
    assert lines[1].startswith("POST /files: attempt 2 follows in ")
    assert lines[2].startswith("POST /files: 201 after ")
    assert fake.api_key not in said
