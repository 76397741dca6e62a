"""Copies of the package into another project's tree."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from soniox_lite._cli.vendoring import compacted
from soniox_lite.cli import main
from soniox_testing import FakeSoniox

_ROOT = Path(__file__).parents[3]
Run = Callable[..., "tuple[int, str, str]"]

JOBS = """
import sys
sys.path.insert(0, sys.argv[1])
import their_app._vendor.soniox_lite as package
CONFIG = {"model": "stt-rt-v5", "audio_format": "pcm_s16le", "sample_rate": 16000, "num_channels": 1}
urls = dict(api_base_url=sys.argv[3], websocket_base_url=sys.argv[4])
with package.SonioxClient(sys.argv[2], **urls) as client:
    print(client.stt.transcribe_and_wait_with_tokens(file=b"audio", delete_after=True).text)
    try:
        with client.realtime.stt.connect(config=CONFIG) as session:
            session.send_byte_chunk(bytes(64000))
            session.finish()
            print("".join(token.text for event in session.receive_events() for token in event.tokens if token.is_final))
    except (ImportError, package.SonioxError) as error:
        print(error)
"""


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs ``soniox-lite vendor`` in this process: exit code, standard output, standard error."""

    def run_to_end(*arguments: object) -> tuple[int, str, str]:
        try:
            code = main(["vendor", *map(str, arguments)])
        except SystemExit as end:
            code = int(str(end.code))
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return run_to_end


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """``their_app/_vendor`` in a folder of its own."""
    place = tmp_path / "their_app" / "_vendor"
    place.mkdir(parents=True)
    for folder in (place, place.parent):
        (folder / "__init__.py").touch()
    return place


def jobs_of(place: Path, fake: FakeSoniox) -> list[str]:
    """What the copy's own programs print, where nothing is installed."""
    fake.add_transcript("no strings attached")
    fake.add_transcript("one two")
    command = [sys.executable, "-I", "-S", "-W", "error", "-c", JOBS, str(place.parents[1])]
    urls = (fake.api_key, fake.api_base_url, fake.stt_websocket_url)
    done = subprocess.run([*command, *urls], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_a_copy_with_websocket_client_needs_nothing_else(run: Run, place: Path, fake_soniox: FakeSoniox) -> None:
    code, _, messages = run(place, "--with-websocket", "--no-cli", "--compact")
    assert (code, messages) == (
        0,
        f"soniox-lite: copied: {place / 'soniox_lite'}\nsoniox-lite: copied: {place / 'websocket'}\n",
    )
    assert jobs_of(place, fake_soniox) == ["no strings attached", "one two"]
    assert (place / "websocket" / "LICENSE").exists()
    assert not [*place.rglob("tests"), *place.rglob("_wsdump.py")]
    assert not (place / "soniox_lite" / "_cli").exists()


def test_a_module_called_websocket_in_the_project_is_left_alone(run: Run, place: Path, fake_soniox: FakeSoniox) -> None:
    run(place)
    (place / "websocket.py").write_text("raise AssertionError")
    first, second = jobs_of(place, fake_soniox)
    assert first == "no strings attached"
    assert "need websocket-client, which is not installed" in second


def test_a_copy_for_rest_says_that_it_has_no_realtime(run: Run, place: Path, fake_soniox: FakeSoniox) -> None:
    assert run(place, "--rest-only")[0] == 0
    first, second = jobs_of(place, fake_soniox)
    assert (first, second) == (
        "no strings attached",
        "this copy of soniox_lite has no realtime sessions: it was made with --rest-only",
    )
    manifest = json.loads((place / "soniox_lite" / "vendored.json").read_text())
    assert (manifest["name"], manifest["licence"], manifest["options"]) == (
        "soniox_lite",
        "Apache-2.0",
        ["--rest-only"],
    )


def test_the_helpers_of_a_copy_for_rest_can_be_imported_and_its_voice_gate_says_why_it_is_none(
    run: Run, place: Path
) -> None:
    run(place, "--rest-only")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from their_app._vendor.soniox_lite.utils import VoiceGate, output_file_for_audio_format as name;"
        "print(name('mp3', 'hello')); VoiceGate({'model': 'stt-rt-v5'}, pre_roll_ms=0)"
    )
    command = [sys.executable, "-I", "-S", "-c", program, str(place.parents[1])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "hello.mp3\n"
    assert done.stderr.endswith(
        "ImportError: this copy of soniox_lite has no realtime sessions: it was made with --rest-only\n"
    )


@pytest.mark.parametrize("manifest", ["[]", '{"sha256": ["a.py"]}', '{"sha256": null}', "{"])
def test_a_manifest_that_is_none_is_refused(run: Run, place: Path, manifest: str) -> None:
    run(place)
    (place / "soniox_lite" / "vendored.json").write_text(manifest)
    code, _, errors = run(place, "--check")
    assert (code, "it has no valid vendored.json" in errors) == (1, True)


def test_check_names_each_difference(run: Run, place: Path) -> None:
    run(place, "--with-websocket")
    copy, other = place / "soniox_lite", place / "websocket"
    (copy / "__pycache__").mkdir()
    (copy / "__pycache__" / "x.pyc").touch()
    assert run(place, "--check")[:2] == (0, f"as copied: {copy}\nas copied: {other}\n")
    (copy / "errors.py").write_text("changed")
    (copy / "types" / "auth.py").unlink()
    (other / "new.py").touch()
    code, output, _ = run(place, "--check")
    assert code == 1
    assert output.splitlines() == [
        f"changed: {copy / 'errors.py'}",
        f"missing: {copy / 'types/auth.py'}",
        f"not copied: {other / 'new.py'}",
    ]


def test_what_was_changed_by_hand_is_replaced_only_on_request(run: Run, place: Path) -> None:
    run(place)
    assert run(place, "--no-cli")[0] == 0
    errors = place / "soniox_lite" / "errors.py"
    before = errors.read_bytes()
    errors.write_text("changed")
    code, _, messages = run(place)
    assert (code, errors.read_text()) == (1, "changed")
    assert f"changed: {errors}; with --force" in messages
    assert run(place, "--force")[0] == 0
    assert errors.read_bytes() == before
    assert sorted(path.name for path in place.iterdir()) == ["__init__.py", "soniox_lite"]


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["--check"], 1, "has no copy that this command made"),
        (["--check", "--no-cli"], 2, "--check takes no other option"),
        (["--rest-only", "--with-websocket"], 2, "--with-websocket is of no use with --rest-only"),
    ],
)
def test_refusals(run: Run, place: Path, arguments: list[str], code: int, reason: str) -> None:
    got, _, messages = run(place, *arguments)
    assert (got, reason in messages) == (code, True)


def test_an_empty_name_is_not_the_current_folder(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, messages = run("")
    assert (code, "DEST is empty" in messages) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_copy_is_not_replaced(run: Run, place: Path) -> None:
    (place / "soniox_lite").mkdir()
    (place / "soniox_lite" / "mine.py").touch()
    code, _, messages = run(place)
    assert (code, (place / "soniox_lite" / "mine.py").exists()) == (1, True)
    assert "was not made by this command" in messages


def test_code_stays_as_it_is_compacted() -> None:
    source = (_ROOT / "soniox_lite" / "_data" / "records.py").read_bytes()
    short = compacted(source)

    def code_of(text: bytes) -> list[tuple[str, int]]:
        nodes = ast.walk(ast.parse(text))
        return [
            (type(node).__name__, node.lineno)
            for node in nodes
            if isinstance(node, ast.stmt) and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        ]

    assert code_of(short) == code_of(source)
    assert len(short) < len(source)
    text = 'def f():\n    """é"""; """gone"""  # gone\nx = "#é"; """gone\ntoo"""\n# gone\ny = "é"  # "gone\n'
    assert compacted(text.encode()).decode() == 'def f():\n    ""; ""\nx = "#é"; ""\n\n\ny = "é"\n'
