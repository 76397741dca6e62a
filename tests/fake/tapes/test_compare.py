"""What ``python -m soniox_testing compare`` finds on tapes of a fake, and on such that were changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from soniox_testing import SharedListener
from soniox_testing.__main__ import main
from tests.fake.conftest import Client
from tests.fake.stt_client import SttClient
from tests.fake.tapes.test_recording import KEY, lines_of, recorder
from tests.fake.tts_client import TtsClient, post
from tests.support.tables import each_row

if TYPE_CHECKING:
    from collections.abc import Callable


STT = "WebSocket /transcribe-websocket"


@pytest.fixture(scope="module")
def lines(fake_soniox_listener: SharedListener, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """A tape with REST, speech-to-text and text-to-speech: eight requests."""
    tape = tmp_path_factory.mktemp("tapes") / "a.tape"
    with recorder(fake_soniox_listener, tape) as (_, recording):
        client = Client(recording, KEY)
        file = client.upload(client_reference_id="r").json
        job = client.create(file_id=file["id"]).json
        assert client("GET", f"/v1/transcriptions/{job['id']}").status == 200
        assert client("GET", "/v1/files/5c0d0e0f-0000-4000-8000-000000000000").status == 404
        client.connection.close()
        session = SttClient(recording, KEY).start().audio(2000).text({"type": "finalize"}).text("")
        assert session.rest()[1] == 1000
        session.leave()
        assert post(recording, KEY)[0] == 200
        speech = TtsClient(recording, KEY).start().say("Hello.")
        speech.stream()
        speech.close()
        wrong = SttClient(recording, KEY).start(model="none")
        assert wrong.error()[0] == 400
        wrong.leave()
    return in_short_steps(tape)


def in_short_steps(tape: Path) -> list[dict[str, Any]]:
    """The lines of a tape, a millisecond after each other: how fast this machine is does not matter."""
    first, *others = lines_of(tape)
    return [first, *({**line, "at_ms": number} for number, line in enumerate(others, 1))]


def compare(lines: list[dict[str, Any]], folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    tape = folder / "a.tape"
    tape.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    code = main(["compare", str(tape)])
    *found, summary = capsys.readouterr().out.splitlines()
    assert summary == f"a.tape: {len(found)} difference{'s' * (len(found) != 1)} in 8 requests"
    return code, found


def response(lines: list[dict[str, Any]], number: int) -> dict[str, Any]:
    found: dict[str, Any] = next(line["response"] for line in lines if line.get("on") == number and "response" in line)
    return found


def messages(lines: list[dict[str, Any]], number: int, by: str = "server") -> list[dict[str, Any]]:
    return [line[by]["json"] for line in lines if line.get("on") == number and by in line]


def test_a_tape_of_the_fake_is_like_the_fake(
    lines: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(lines, tmp_path, capsys) == (0, [])


def test_a_job_may_end_as_fast_as_on_a_tape_of_the_fake(
    fake_soniox_listener: SharedListener, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tape = tmp_path / "a.tape"
    with recorder(fake_soniox_listener, tape) as (_, recording):
        client = Client(recording, KEY)
        path = f"/v1/transcriptions/{client.create(audio_url='https://example.com/a.mp3').json['id']}"
        for polled in (path, path, f"{path}/transcript"):
            assert client("GET", polled).status == 200
        client.connection.close()
    tape.write_text("".join(f"{json.dumps(line)}\n" for line in in_short_steps(tape)), encoding="utf-8")
    assert main(["compare", str(tape)]) == 0, capsys.readouterr().out


def later(lines: list[dict[str, Any]]) -> None:
    """What the server says in the session comes 40 seconds later."""
    for line in lines:
        if line.get("on") == 5 and "at_ms" in line:
            line["at_ms"] = 40_001 if "server" in line or "closed" in line else 1


@each_row(
    ("change", "difference"),
    [
        (
            lambda lines: response(lines, 3)["json"].update(priority="high"),
            "GET /v1/transcriptions/{id}, 200: only the tape has priority (string)",
        ),
        (
            lambda lines: response(lines, 1)["json"].pop("size"),
            "POST /v1/files, 201: only the fake has size (number)",
        ),
        (
            lambda lines: response(lines, 1)["json"].update(size="3"),
            "POST /v1/files, 201: size (string) on the tape, size (number) by the fake",
        ),
        (
            lambda lines: response(lines, 3).update(status=202),
            "request 3 (line 6), GET /v1/transcriptions/ID: 202 on the tape, 200 by the fake",
        ),
        (
            lambda lines: response(lines, 4)["json"].update(error_type="gone"),
            "GET /v1/files/{id}, 404: error_type gone on the tape, file_not_found by the fake",
        ),
        (
            lambda lines: [message.update(lag_ms=1.5) for message in messages(lines, 5)],
            f"{STT}, finished: only the tape has lag_ms (number)",
        ),
        (
            lambda lines: [token.update(end_ms="1") for message in messages(lines, 5) for token in message["tokens"]],
            f"{STT}, result: tokens[].end_ms (string) on the tape, tokens[].end_ms (number) by the fake",
        ),
        (
            lambda lines: [
                line["closed"].update(code=1001) for line in lines if line.get("on") == 5 and "closed" in line
            ],
            "finalized, finished, close 1001 on the tape; finalized, finished, close 1000 by the fake",
        ),
        (
            lambda lines: messages(lines, 8)[0].update(error_type="model_not_found"),
            f"{STT}, error: error_type model_not_found on the tape, model_not_available by the fake",
        ),
        (
            later,
            "time: last message after the client's last later on the tape (40.0 s), at once by the fake",
        ),
    ],
)
def test_what_has_another_shape_is_listed(
    change: Callable[[list[dict[str, Any]]], object],
    difference: str,
    lines: list[dict[str, Any]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    changed = json.loads(json.dumps(lines))
    change(changed)
    code, found = compare(changed, tmp_path, capsys)
    assert code == 1
    job_id = response(lines, 2)["json"]["id"]
    assert [line for line in found if line.replace(job_id, "ID").endswith(difference)]


def test_a_file_that_is_no_tape_cannot_be_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.tape").write_text("{}\n", encoding="utf-8")
    assert main(["compare", str(tmp_path / "a.tape")]) == 2
    assert "a.tape, line 1" in capsys.readouterr().err
