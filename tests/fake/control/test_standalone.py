from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from soniox_lite import SonioxAuthenticationError, SonioxClient
from soniox_testing.__main__ import unknown_variables

_ROOT = Path(__file__).parents[3]
_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(_ROOT)}


@pytest.fixture
def program():
    """Starts ``python -m soniox_testing`` and returns it with its URL."""
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "soniox_testing", *arguments],
            env=_ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process, process.stdout.readline().strip()

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _end(process):
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def _post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def _say(url):
    with SonioxClient("k", api_base_url=f"{url}/v1") as client:
        return client.stt.transcribe_and_wait_with_tokens(file=b"ID3", filename="a.mp3").text


def test_rest_and_realtime_are_on_one_port(program):
    process, url = program("--speed", "100")
    with SonioxClient(
        "k",
        api_base_url=f"{url}/v1",
        websocket_base_url=url.replace("http", "ws") + "/transcribe-websocket",
    ) as client:
        assert client.files.list().files == []
        with client.realtime.stt.connect(config={"model": "stt-rt-v5", "audio_format": "auto"}) as session:
            session.send_byte_chunk(b"ID3" + bytes(15_997))
            session.finish()
            assert list(session.receive_events())[-1].finished
    assert _end(process) == (0, "", "")


def test_limits_and_budgets_are_an_option(program):
    process, url = program("--limits", "service, project.max_speeches=2")
    with SonioxClient("k", api_base_url=f"{url}/v1") as client:
        limits = client.concurrency_limits.get()
        assert (limits.organization.limits.transcribe_concurrent, limits.project.limits.tts_concurrent) == (10, 2)
    assert _end(process) == (0, "", "")


def test_a_script_in_json_is_what_is_said_also_after_a_reset(program, tmp_path):
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"transcripts": [{"transcript": "as scripted", "filename": "a.mp3"}]}))
    process, url = program("--script", str(script))
    assert _say(url) == "as scripted"
    assert _say(url) != "as scripted"
    _post(f"{url}/__fake__/reset", {})
    assert _say(url) == "as scripted"
    assert _end(process) == (0, "", "")


def test_a_script_in_python_gets_the_fake(program, tmp_path):
    script = tmp_path / "script.py"
    script.write_text("def script(fake):\n    fake.add_transcript('by a function')\n")
    process, url = program("--script", str(script))
    assert _say(url) == "by a function"
    assert _end(process) == (0, "", "")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "{", "a.json is not JSON"),
        ("a.json", '{"transcript": []}', "the script has no transcript; it may have transcripts, failures"),
        ("a.py", "x = 1", "a.py has no function script(fake)"),
        ("a.py", "async def script(fake): pass", "a.py must be a plain function, not a coroutine function"),
        (
            "a.py",
            "def script(fake):\n    fail = fake.faults.answer\n    fail(200)\n",
            "a.py, line 3: ValueError: status_code must be from 300",
        ),
        ("a.py", "def script(fake):\n    fake.nothing()\n", "a.py, line 2: AttributeError: "),
        ("none.json", None, "No such file"),
    ],
)
def test_a_bad_script_is_an_error_in_one_line(program, tmp_path, name, text, message):
    if text is not None:
        (tmp_path / name).write_text(text)
    process, url = program("--script", str(tmp_path / name))
    _, err = process.communicate(timeout=300)
    assert (process.returncode, url, err.count("\n")) == (1, "", 1)
    assert message in err


def test_options_may_come_from_the_environment_and_a_state_stays(program, tmp_path, monkeypatch):
    monkeypatch.setitem(_ENVIRONMENT, "FAKE_SONIOX_STATE", str(tmp_path / "state.json"))
    monkeypatch.setitem(_ENVIRONMENT, "FAKE_SONIOX_API_KEY", "k,l")
    process, url = program()
    with SonioxClient("k", api_base_url=f"{url}/v1") as client:
        file = client.files.upload(b"ID3", filename="a.mp3")
    assert _end(process) == (0, "", "")
    process, url = program("--api-key", "k")
    with SonioxClient("k", api_base_url=f"{url}/v1") as client, SonioxClient("l", api_base_url=f"{url}/v1") as other:
        assert client.files.get(file.id).filename == "a.mp3"
        with pytest.raises(SonioxAuthenticationError):
            other.files.list()
    assert _end(process) == (0, "", "")


def test_a_variable_that_is_no_option_is_named():
    assert unknown_variables({"FAKE_SONIOX_KEEEP": "5", "FAKE_SONIOX_KEEP": "5", "FAKE": "5"}) == ["FAKE_SONIOX_KEEEP"]


def test_a_strict_fake_says_at_its_end_what_was_not_used(program, tmp_path):
    (tmp_path / "script.json").write_text('{"transcripts": [{"transcript": "never said"}]}')
    process, _ = program("--strict", "--script", str(tmp_path / "script.json"))
    status, out, err = _end(process)
    assert (status, out, "never said" in err, "Traceback" in err) == (1, "", True, False)


def test_time_may_stand_still_until_it_is_moved(program):
    process, url = program("--clock", "virtual")
    with SonioxClient("k", api_base_url=f"{url}/v1") as client:
        job = client.stt.create(audio_url="https://example.com/a.mp3").id
        assert client.stt.get(job).status == "queued"
        assert _post(f"{url}/__fake__/clock", {"advance_sec": 1}) == {"now_sec": 1}
        assert client.stt.get(job).status == "completed"
    assert _end(process) == (0, "", "")


def test_tls_and_the_ca_file_that_goes_at_the_end(program):
    process, url = program("--tls")
    assert url.startswith("https://127.0.0.1:")
    name, _, path = process.stdout.readline().strip().partition("=")
    assert name == "SSL_CERT_FILE"
    with SonioxClient("k", api_base_url=f"{url}/v1", ssl_context=ssl.create_default_context(cafile=path)) as client:
        assert client.files.list().files == []
    assert _end(process) == (0, "", "")
    assert not os.path.exists(path)


def test_a_stop_ends_what_is_open(program):
    process, url = program()
    with SonioxClient(
        "k",
        api_base_url=f"{url}/v1",
        websocket_base_url=url.replace("http", "ws") + "/transcribe-websocket",
    ) as client:
        client.files.list()
        with client.realtime.stt.connect(config={"model": "stt-rt-v5", "audio_format": "auto"}):
            assert _end(process) == (0, "", "")


@pytest.mark.parametrize("arguments", [("--speed", "0"), ("--api-key", ""), ("--limits", "x"), ("--max-fakes=-1",)])
def test_settings_that_cannot_be_are_an_error_in_one_line(program, arguments):
    process, url = program(*arguments)
    _, err = process.communicate(timeout=300)
    assert (process.returncode, url, err.count("\n")) == (1, "", 1)
