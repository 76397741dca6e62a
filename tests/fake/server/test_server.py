from __future__ import annotations

import contextlib
import gc
import http.client
import math
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from werkzeug.wrappers import Request

import soniox_testing
from soniox_testing import (
    FakeSoniox,
    FakeSonioxError,
    SharedListener,
    SpeechRules,
    Word,
    after_polls,
    after_seconds,
)
from tests.support.insides import NewOnes
from tests.support.tables import each_row

_ROOT = Path(__file__).parents[3]
_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(_ROOT)}


def _threads():
    return {thread for thread in threading.enumerate() if thread.name.startswith("fake-soniox")}


def _open_files():
    gc.collect()  # what an earlier test left must not be closed in between
    return len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0


def test_it_says_where_it_is(fake, monkeypatch):
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert fake.url == f"http://127.0.0.1:{urlsplit(fake.url).port}"
    assert fake.api_base_url == f"{fake.url}/v1"
    assert fake.environment() == {
        "SONIOX_API_KEY": fake.api_key,
        "SONIOX_API_BASE_URL": fake.url,
        "SONIOX_WS_URL": fake.stt_websocket_url,
        "SONIOX_TTS_API_URL": fake.tts_api_base_url,
        "SONIOX_TTS_WS_URL": fake.tts_websocket_url,
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    assert fake.stt_websocket_url == fake.url.replace("http", "ws") + "/transcribe-websocket"
    assert fake.tts_api_base_url == fake.url
    assert fake.tts_websocket_url == fake.url.replace("http", "ws") + "/tts-websocket"


def test_before_the_start_there_is_no_url():
    with pytest.raises(RuntimeError, match="not started"):
        FakeSoniox().url  # noqa: B018


def test_start_and_stop_may_be_called_again():
    threads = _threads()
    fake = FakeSoniox()
    fake.stop()
    assert fake.start() is fake.start()
    url = fake.url
    fake.stop()
    fake.stop()
    assert fake.url == url
    with pytest.raises(ConnectionError):
        http.client.HTTPConnection(urlsplit(url).netloc, timeout=60).connect()
    with fake.start():
        assert fake.url == url
    assert _threads() <= threads


@pytest.mark.parametrize("make", [FakeSoniox, SharedListener])
def test_many_threads_may_start_and_stop_it(make):
    before, server = _threads(), make()
    for change in (server.start, server.stop):
        with ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(change) for _ in range(8)]:
                done.result(60)
    assert _threads() <= before


@each_row(
    ("options", "told"),
    [
        ({"limit": "service"}, "FakeSoniox() has no limit; did you mean limits?"),
        ({"limits": 3}, "limits must be Limits | Mapping[str, object] | str | None, not 3"),
        ({"strict": "no"}, "strict must be bool, not 'no'"),
        ({"speed": "2"}, "speed must be float, not '2'"),
        ({"clock": "virtual"}, "clock must be Callable[[], float], not 'virtual'"),
        ({"clock": 5.0}, "clock must be Callable[[], float], not 5.0"),
        ({"progress": {"after_polls": {}}}, "progress must be ProgressRule | None, not {"),
        ({"transcriber": "http://127.0.0.1:1"}, "transcriber must be Transcriber | None, not 'http"),
        ({"speech": {"idle_sec": 1}}, "speech must be SpeechRules | None, not {"),
        ({"started_at": "2027-01-15"}, "started_at must be datetime | None, not '2027-01-15'"),
        ({"max_file_size_bytes": 1.5}, "max_file_size_bytes must be int, not 1.5"),
        ({"webhook_attempts_sec": "0,1"}, "webhook_attempts_sec must be Sequence[float], not '0,1'"),
        ({"keep": True}, "keep must be int | None, not True"),
        ({"listener": "127.0.0.1"}, "listener must be SharedListener | Place | None, not '127"),
    ],
)
def test_an_option_of_another_type_is_refused_where_it_is_given(options, told):
    with pytest.raises(TypeError, match=re.escape(told)):
        FakeSoniox(**options)


def test_an_api_key_of_another_type_is_not_shown():
    with pytest.raises(TypeError, match="not bytes") as refused:
        FakeSoniox(api_keys=b"my-own-key")
    assert "my-own-key" not in str(refused.value)


@each_row(
    ("make", "error", "told"),
    [
        (lambda: FakeSoniox(max_file_size_bytes=-1), ValueError, "max_file_size_bytes must not be negative, as -1 is"),
        (lambda: FakeSoniox(webhook_attempts_sec=[0, math.nan]), ValueError, "times in ascending order, not (0, nan)"),
        (lambda: after_seconds(queued=-1), ValueError, "a job cannot be queued for -1"),
        (lambda: after_seconds(queued="1"), TypeError, "after_seconds(): queued must be float, not '1'"),
        (lambda: after_polls(processing=-1), ValueError, "and processed for -1"),
        (lambda: after_polls(queued=1.5), TypeError, "after_polls(): queued must be int, not 1.5"),
        (lambda: SpeechRules(idle_sec=None), TypeError, "idle_sec must be float, not None"),
        (lambda: SpeechRules(held_characters=1.5), TypeError, "held_characters must be int, not 1.5"),
        (lambda: Word("hello", speaker=1), TypeError, "speaker and language of a Word are texts, not 1"),
    ],
)
def test_a_rule_or_a_word_that_cannot_be_is_refused_where_it_is_given(make, error, told):
    with pytest.raises(error, match=re.escape(told)):
        make()


def test_what_it_holds_stays_readable_after_the_stop(connect):
    with FakeSoniox() as fake:
        large = connect(server=fake).upload(b"x" * 3_000_000).json["id"]
        connect(server=fake).create()
    assert len(fake.file_content(large)) == 3_000_000
    assert len(fake.transcriptions) == 1


def test_two_fakes_share_nothing(connect):
    with FakeSoniox() as one, FakeSoniox() as two:
        connect(server=one).upload()
        assert connect(server=two)("GET", "/v1/files").json["files"] == []


def test_a_port_in_use_is_an_oserror(fake):
    with pytest.raises(OSError, match="in use"):
        FakeSoniox(port=urlsplit(fake.url).port).start()


def test_an_address_for_all_interfaces_is_reached_through_loopback():
    with FakeSoniox(host="0.0.0.0") as fake:
        assert fake.url.startswith("http://127.0.0.1:")


def test_ipv6_is_possible(connect):
    try:
        fake = FakeSoniox(host="::1").start()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with fake:
        assert fake.url.startswith("http://[::1]:")
        assert connect(server=fake)("GET", "/v1/files").status == 200


def test_requests_share_one_connection_without_delay(client):
    client("GET", "/v1/files/count")
    first = client.connection.sock
    client.upload(b"x" * 100_000)
    client("GET", "/v1/nothing")
    client("DELETE", "/v1/files/x", None, {"Content-Type": "application/json"})
    client("GET", "/v1/files", None, {"Content-Type": "application/json"})
    client("GET", "/v1/files", b'{"a": "an unread body"}')
    client("HEAD", "/v1/files")
    assert client("GET", "/v1/files/count").json["total"] == 1
    assert client.connection.sock is first


def test_a_client_may_ask_to_close(client):
    answer = client("GET", "/v1/files/count", None, {"Connection": "close"})
    assert answer.headers["Connection"] == "close"
    assert client.connection.sock is None


def test_expect_100_continue_is_answered(fake):
    address = urlsplit(fake.url)
    with (
        socket.create_connection((address.hostname, address.port), timeout=60) as line,
        line.makefile("rb") as reader,
    ):
        line.sendall(
            b"POST /v1/transcriptions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\nExpect: 100-continue\r\n"
            b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n"
        )
        assert reader.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert reader.readline() == b"\r\n"
        line.sendall(b"{}")
        assert reader.readline() == b"HTTP/1.1 400 BAD REQUEST\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: abc\r\n\r\n{}",
        b"Content-Length: -1\r\n\r\n{}",
        b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n{}",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}3\r\n",
    ],
)
def test_a_body_that_cannot_be_framed_is_refused_and_the_connection_ends(fake, headers):
    address = urlsplit(fake.url)
    with (
        socket.create_connection((address.hostname, address.port), timeout=60) as line,
        line.makefile("rb") as reader,
    ):
        start = b"POST /v1/transcriptions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
        line.sendall(start + b"Content-Type: application/json\r\n" + headers)
        assert reader.readline() == b"HTTP/1.1 400 BAD REQUEST\r\n"
        assert b"Connection: close\r\n" in list(reader)


@pytest.mark.parametrize(
    "cut",
    [
        b"",
        b"GET /v1/fi",
        b"POST /v1/files HTTP/1.1\r\nContent-Length: 10\r\n\r\n123",
        b"POST /v1/transcriptions HTTP/1.1\r\nAuthorization: Bearer k\r\nContent-Length: 10\r\n\r\n{",
        b"GET /v1/models HTTP/1.1\r\nAuthorization: Bearer k\r\n\r\n" * 200,
    ],
)
def test_a_client_that_leaves_in_the_middle_is_no_failure_and_leaves_nothing_open(cut):
    files = _open_files()
    with FakeSoniox() as fake:
        address = urlsplit(fake.url)
        for _ in range(5):
            with socket.create_connection((address.hostname, address.port), timeout=60) as line:
                line.sendall(cut)
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # leave with a reset
    assert _open_files() <= files


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/v1/files", "GET, POST"),
        ("PATCH", "/v1/files/x", "DELETE, GET"),
        ("POST", "/v1/models", "GET"),
        ("GET", "/v1/auth/temporary-api-key", "POST"),
        ("OPTIONS", "/v1/transcriptions", "GET, POST"),
    ],
)
def test_a_wrong_method_is_refused(client, method, path, allow):
    answer = client(method, path)
    assert (answer.status, answer.json["error_type"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == allow


@pytest.mark.parametrize("path", ["/", "/v1", "/v2/files", "/v1/files/", "/v1/files/x/y", "/v1/%ff"])
def test_an_unknown_path_is_not_found(client, path):
    answer = client("GET", path)
    assert (answer.status, answer.json["error_type"]) == (404, "not_found")


def test_a_failure_of_the_fake_itself_is_a_500_and_raised_at_the_stop(connect):
    before = _threads()
    fake = FakeSoniox(progress=lambda job: "finished").start()
    client = connect(server=fake)
    job = client.create().json["id"]
    answer = client("GET", f"/v1/transcriptions/{job}")
    assert (answer.status, answer.json["error_type"]) == (500, "internal_error")
    assert "finished" in answer.json["message"]
    with pytest.raises(FakeSonioxError, match="'finished', which is not a transcription status") as caught:
        fake.stop()
    assert isinstance(caught.value.failures[0], ValueError)
    fake.stop()
    assert _threads() <= before


def test_a_failure_of_the_fake_does_not_hide_the_one_of_the_test(connect):
    def rule(job):
        raise ZeroDivisionError

    def run():
        with FakeSoniox(progress=rule) as fake:
            client = connect(server=fake)
            client("GET", f"/v1/transcriptions/{client.create().json['id']}")
            raise LookupError("the test's own")

    with pytest.raises(FakeSonioxError, match="ZeroDivisionError") as caught:
        run()
    assert isinstance(caught.value.__context__, LookupError)
    assert not caught.value.__suppress_context__


def test_the_stop_waits_for_no_client(connect):
    threads, files = _threads(), _open_files()
    with FakeSoniox() as fake:
        idle = [connect(server=fake) for _ in range(20)]
        for client in idle:
            client("GET", "/v1/files")
        address = urlsplit(fake.url)
        half = socket.create_connection((address.hostname, address.port), timeout=60)
        half.sendall(b"POST /v1/files HTTP/1.1\r\nContent-Length: 1000\r\n\r\nhalf")
        silent = socket.create_connection((address.hostname, address.port), timeout=60)
    assert _threads() <= threads
    with contextlib.suppress(ConnectionResetError):  # when it was never accepted
        assert silent.recv(10) == b""
    half.close()
    silent.close()
    for client in idle:
        client.connection.close()
    assert _open_files() <= files


_FORKED = """
import http.client, os, sys, warnings
from urllib.parse import urlsplit
from soniox_testing import FakeSoniox, SharedListener

warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
with SharedListener() as shared, FakeSoniox(listener=shared if "shared" in sys.argv else None) as fake:
    address = urlsplit(fake.url)
    connection = http.client.HTTPConnection(address.netloc)

    def ask():
        connection.request("GET", f"{address.path}/v1/models", headers={"Authorization": "Bearer k"})
        answer = connection.getresponse()
        answer.read()
        return answer.status

    ask()
    child = os.fork()
    if child:
        print(os.waitpid(child, 0)[1], ask(), flush=True)
        connection.close()
if not child:
    os._exit(0)  # after it has left the with statement, as a test does that was forked
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("kind", ["own", "shared"])
def test_a_stop_in_a_forked_process_leaves_the_fake_to_the_other(kind):
    command = [sys.executable, "-c", _FORKED, kind]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=_ENVIRONMENT, check=False)
    assert (done.stdout, done.stderr) == ("0 200\n", "")


def test_many_threads_may_work_at_once(fake, connect):
    errors = []

    def work(number):
        try:
            client = connect("shared")
            for index in range(10):
                file_id = client.upload(f"{number} {index}".encode()).json["id"]
                job = client.create(file_id=file_id)
                assert job.status == 201
                assert client("GET", "/v1/files?limit=1").status == 200
                if index % 2:
                    assert client("DELETE", f"/v1/files/{file_id}").status == 204
        except (AssertionError, OSError) as exc:
            errors.append(exc)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert len(fake.files) == 40
    assert len({job.id for job in fake.transcriptions}) == 80


def test_nothing_is_printed(fake, client, capfd):
    client("GET", "/v1/files")
    client("GET", "/nowhere")
    client.upload(b"")
    assert capfd.readouterr() == ("", "")


def test_memory_does_not_grow_with_the_requests(fake, client):
    requests = NewOnes(Request)
    for _ in range(50):
        client("GET", "/v1/files/count")
    gc.collect()
    assert requests.all() == []


def test_every_public_name_is_there():
    for name in soniox_testing.__all__:
        assert getattr(soniox_testing, name) is not None
    assert set(soniox_testing.__all__) <= set(dir(soniox_testing))
    with pytest.raises(AttributeError, match="nonsense"):
        soniox_testing.nonsense  # noqa: B018


def test_the_plugin_loads_nothing_before_its_fixture_is_used():
    code = (
        "import sys, pytest, soniox_testing.plugin\n"
        "bad = [name for name in sys.modules if name.partition('.')[0] in\n"
        "       {'werkzeug', 'pytest_httpserver', 'http', 'soniox_lite', 'wsproto'} "
        "or name in {'soniox_testing.server'}]\n"
        "assert not [name for name in bad if name not in before], bad\n"
    )
    code = "import sys, pytest; before = set(sys.modules)\n" + code
    subprocess.run([sys.executable, "-c", code], check=True, env=_ENVIRONMENT, timeout=300)


def test_the_fixture_hands_out_a_running_fake(tmp_path):
    test = tmp_path / "test_user.py"
    test.write_text(
        "import urllib.request\n"
        "def test_it(fake_soniox):\n"
        "    headers = {'Authorization': f'Bearer {fake_soniox.api_key}'}\n"
        "    request = urllib.request.Request(f'{fake_soniox.api_base_url}/files', headers=headers)\n"
        "    with urllib.request.urlopen(request, timeout=60) as response:\n"
        "        assert response.status == 200\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    # Where the project is installed its entry point has loaded the plugin already; twice is an error.
    if not _installed():
        command += ["-p", "soniox_testing.plugin"]
    done = subprocess.run(
        [*command, str(test)],
        check=False,
        env=_ENVIRONMENT,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def _installed():
    from importlib.metadata import entry_points

    return any(point.name == "soniox_testing" for point in entry_points(group="pytest11"))


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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_program_serves_until_a_signal(program, number):
    process, url = program("--api-key", "one", "--api-key", "two")
    for key in ("one", "two"):
        request = urllib.request.Request(f"{url}/v1/files", headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(request, timeout=60) as response:
            assert response.status == 200
    process.send_signal(number)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out, err) == (0, "", "")


def test_the_program_says_in_one_line_that_the_port_is_taken(fake, program):
    process, url = program("--port", str(urlsplit(fake.url).port))
    _, err = process.communicate(timeout=300)
    assert (process.returncode, url) == (1, "")
    assert err.startswith("cannot listen on 127.0.0.1:")
    assert err.count("\n") == 1
