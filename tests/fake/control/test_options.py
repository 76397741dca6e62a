"""Every argument of FakeSoniox is an option of the program, of its environment, and of the control API."""

from __future__ import annotations

import inspect
import json
import re
import threading
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from soniox_testing import FakeSoniox, JobView, VirtualClock
from soniox_testing.__main__ import parsed, parser_and_options, variable_of
from soniox_testing.control.api import CLAIMS, SETTINGS, ControlApi, record_names
from soniox_testing.control.options import OPTIONS, arguments_of, value_of_text
from soniox_testing.control.scripts import SECTIONS, STORED, VERBS
from soniox_testing.script.values import InputError
from tests.fake.control.harness import Control, client_of
from tests.support.insides import living
from tests.support.tables import each_row

_REACHED_BY = {
    "add_audio_url": "audio_urls",
    "add_recording": "recordings",
    "add_transcript": "transcripts",
    "add_tts_model": "tts_models",
    "add_usage": "usage",
    "check": "POST check",
    "clear_scripts": "DELETE scripts",
    "clock": "POST clock",
    "fail_next_job": "failures",
    "faults": "POST faults",
    "file_content": "GET files/{id}/content",
    "load_state": "POST scripts",
    "on_session": "conversations",
    "play_tape": "tapes",
    "report": "GET report",
    "unused": "GET report",
    "restrict_key": "keys",
    "save_state": "GET saved",
    "send_webhook_again": "POST webhooks/{id}/again",
    "session_audio": "GET sessions/{id}/audio",
    "speech_audio": "GET speeches/{id}/audio",
    "start": "POST fakes",
    "stop": "DELETE fakes/{id}",
    "voice_content": "GET voices/{id}/content",
    "wait_for_webhook": "POST webhooks/{id}/wait",
}
"""What takes the place of a method: a request, or a section of a script."""
_ELSEWHERE = {"record_tape": "the command record", "ssl_context": "ca_file", "expect": "assert_requested"}
"""Methods that have no request of their own, and what there is instead."""
_OF_THE_PORT = {"host", "port", "tls"}
_DOCS = Path(__file__).parents[3] / "docs" / "testing.md"


@pytest.fixture
def receiver():
    """Serves the answers of a function to JSON bodies, and returns its URL."""
    servers = []

    def start(answer):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                content = json.dumps(answer(body)).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/words"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def test_no_argument_is_forgotten():
    arguments = set(inspect.signature(FakeSoniox).parameters) - {"listener"}
    _, actions = parser_and_options()
    assert set(OPTIONS) == arguments - _OF_THE_PORT
    assert arguments <= {action.dest for action in actions}
    flags = {action.dest: action.option_strings[0] for action in actions}
    row = re.compile(r"^\| `(--[a-z-]+)[^`]*` \| `(FAKE_SONIOX_[A-Z_]+)` \| (?:`([a-z_]+)` )?\|", re.MULTILINE)
    rows = row.findall(_DOCS.read_text(encoding="utf-8"))
    assert sorted(rows) == sorted(
        (flags[action.dest], variable_of(action), action.dest if action.dest in OPTIONS else "") for action in actions
    )


def test_no_method_is_forgotten():
    control = Control()
    with control.server:
        state = control("GET", "state")[1]
    routes = {f"{method} {name}" for method, name in living(ControlApi)[0].routes}
    assert set(_REACHED_BY.values()) <= {*routes, *SECTIONS, *STORED}
    public = {name for name in dir(FakeSoniox) if not name.startswith("_")}
    known = {*record_names(FakeSoniox), *CLAIMS, *VERBS, *SETTINGS, *state, *_REACHED_BY, *_ELSEWHERE}
    assert public - known == set()


@each_row(
    ("name", "texts", "value"),
    [
        ("api_keys", ["a,b"], ["a", "b"]),
        ("api_keys", ["a", "7"], ["a", "7"]),
        ("api_keys", ['{"a": ["files"], "b": null}'], {"a": ["files"], "b": None}),
        ("name", ["7"], "7"),
        ("audio", ["any"], "any"),
        ("limits", ["service,max_files=3"], "service,max_files=3"),
        ("limits", ['{"max_files": 3}'], {"max_files": 3}),
        ("voices", ["Nina", "Ada"], ["Nina", "Ada"]),
        ("speed", ["1", "60"], 60),
        ("speed", ["fast"], "fast"),
        ("webhook_attempts_sec", ["0,2.5"], [0, 2.5]),
        ("started_at", ["2027-01-15T00:00:00Z"], "2027-01-15T00:00:00Z"),
        ("strict", ["true"], True),
        ("strict", ["1"], True),
        ("key_in_start_message", ["False"], False),
        ("strict", ["yes"], "yes"),
        ("allow_webhooks_to", ["app, worker"], ["app", "worker"]),
        ("api_keys", [" a , b "], ["a", "b"]),
        ("api_keys", ['["a, b"]'], ["a, b"]),
        ("speech", ['{"idle_sec": 1}'], {"idle_sec": 1}),
    ],
)
def test_the_command_line_has_the_values_of_the_control_api(name, texts, value):
    assert value_of_text(name, texts) == value


def test_the_environment_counts_where_the_command_line_says_nothing():
    environment = {"FAKE_SONIOX_PORT": "7", "FAKE_SONIOX_SPEED": "60", "FAKE_SONIOX_STRICT": "1", "FAKE_SONIOX_TLS": ""}
    options = parsed(["--speed", "2", "--empty-binary-ends"], environment)
    assert (options.port, options.tls, options.speed, options.strict) == (7, False, ["2"], ["1"])
    assert (options.empty_binary_ends, options.audio) == (["true"], None)


def test_options_are_the_arguments_of_a_fake():
    arguments = arguments_of(
        {
            "api_keys": {"a": ["files"], "b": None},
            "clock": "virtual",
            "progress": {"after_polls": {"queued": 1}},
            "started_at": "2027-01-15T01:00:00+01:00",
            "limits": "max_files=3",
            "speech": {"idle_sec": 1.5, "silent_sec": None, "held_characters": None},
            "voices": ["Nina"],
            "key_in_start_message": None,
        }
    )
    assert arguments["api_keys"] == {"a": ["files"], "b": None}
    assert isinstance(arguments["clock"], VirtualClock)
    assert [arguments["progress"](JobView(0, looks)) for looks in (0, 1)] == ["queued", "completed"]
    assert arguments["started_at"] == datetime(2027, 1, 15, tzinfo=timezone.utc)
    speech = arguments["speech"]
    # Null is None where that is possible, else the default.
    assert (speech.idle_sec, speech.silent_sec, speech.held_characters) == (1.5, None, 30)
    assert arguments["limits"].max_files == 3
    assert arguments["voices"] == ["Nina"]
    assert "key_in_start_message" not in arguments


@each_row(
    ("option", "message"),
    [
        ({"sped": 1}, "there is no option sped; there are api_keys, "),
        ({"api_keys": "a"}, "api_keys must be a list of texts, or an object"),
        ({"api_keys": ["a", 1]}, "api_keys must be a list of texts"),
        ({"api_keys": {"a": "files"}}, "the permissions of api_keys must be a list, not 'files'"),
        ({"api_keys": {"a": ["filse"]}}, "there is no permission 'filse'"),
        ({"audio": "some"}, "audio must be one of checked, any, not 'some'"),
        ({"clock": "sun"}, "clock must be real or virtual, not 'sun'"),
        ({"clock": []}, "clock must be real or virtual, not []"),
        ({"speed": 0}, "speed must be above 0"),
        ({"speed": "1"}, "speed must be a number, not '1'"),
        ({"speed": True}, "speed must be a number, not True"),
        ({"speed": 1e300}, "speed must be at most 1e+09, not 1e+300"),
        ({"started_at": "2027-01-15"}, "started_at must be a time such as 2027-01-15T00:00:00Z, not '2027-01-15'"),
        ({"started_at": "9999-12-31T23:59:59Z"}, "started_at must be a time"),
        ({"limits": {"max_filse": 1}}, "limits: there is no limit 'max_filse'"),
        ({"limits": 3}, "limits: limits must be"),
        ({"voices": ["not a name!"]}, "a voice cannot be called 'not a name!'"),
        ({"progress": {}}, "progress must be an object with one of after_seconds, after_polls"),
        ({"progress": {"after_polls": {"queued": 1.5}}}, "progress.after_polls.queued must be int"),
        ({"progress": {"after_seconds": {"queued": -1}}}, "progress.after_seconds.queued must be float, not negative"),
        ({"speech": {"idle": 1}}, "speech has no idle; it may have idle_sec, "),
        ({"speech": {"idle_sec": "1"}}, "speech.idle_sec must be float, not '1'"),
        ({"speech": {"idle_sec": -1}}, "speech: idle_sec cannot be -1"),
        ({"max_file_size_bytes": 1.5}, "max_file_size_bytes must be a whole number, not 1.5"),
        ({"webhook_attempts_sec": [1, 0]}, "webhook attempts need times in ascending order"),
        ({"max_file_size_bytes": -1}, "max_file_size_bytes must not be negative, as -1 is"),
        ({"webhook_attempts_sec": [0, "1"]}, "webhook_attempts_sec[1] must be a number, not '1'"),
        ({"allow_webhooks_to": "*"}, "allow_webhooks_to must be a list"),
        ({"transcriber": "file:///etc/passwd"}, "transcriber must be a URL with http or https"),
        ({"strict": "yes"}, "strict must be true or false, not 'yes'"),
    ],
)
def test_an_option_that_cannot_be_names_itself(option, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        FakeSoniox(**arguments_of(option))


def test_a_wrong_type_is_told_from_a_wrong_value():
    with pytest.raises(InputError):
        arguments_of({"speed": None, "name": 1})


def test_a_reset_may_change_options_until_the_next_one():
    control = Control({"clock": "virtual", "api_keys": ["k"]})
    with control.server, control.client() as client:
        assert control("POST", "reset", {"style": "simple", "api_keys": ["k", "l"]})[0] == 200
        assert control.server.fake.style == "simple"
        refused = control("POST", "reset", {"speed": 0})
        assert (refused[0], control.server.fake.style) == (400, "simple")
        client.files.upload(b"ID3", filename="a.mp3")
        assert control("POST", "reset", {})[1]["url"] == control.server.fake.url
        assert (control.server.fake.style, client.files.list().files) == ("real", [])


def test_words_may_come_from_a_program_in_any_language(receiver):
    received = []

    def answer(body):
        received.append(body)
        return {"transcript": [{"text": "from", "start_ms": 0, "end_ms": 100}, {"text": "elsewhere"}]}

    control = Control({"transcriber": receiver(answer)})
    with control.server, client_of(control("GET", "state")[1]) as client:
        transcript = client.stt.transcribe_and_wait_with_tokens(file=b"RIFF", filename="a.wav")
    assert (transcript.text, transcript.tokens[0].end_ms) == ("from elsewhere", 100)
    assert received[0]["audio_base64"] == "UklGRg=="
    assert received[0]["config"]["model"] == "stt-async-v5"


def test_a_transcriber_that_answers_wrongly_ends_the_job_and_says_why(receiver):
    control = Control({"transcriber": receiver(lambda body: {"words": []})})
    with control.server, client_of(control("GET", "state")[1]) as client:
        job = client.stt.create(file_id=client.files.upload(b"RIFF", filename="a.wav").id)
        assert "the answer has no words; it may have transcript" in client.stt.wait(job.id).error_message
        assert control("POST", "reset", {})[0] == 500
