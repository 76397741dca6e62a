from __future__ import annotations

import asyncio
import contextlib
import gc
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import unittest
import urllib.error
import urllib.request
import weakref
from collections.abc import Mapping
from urllib.parse import urlsplit

import pytest
import websocket

from soniox_lite import SonioxAPIError, SonioxClient, SonioxError
from soniox_testing import FakeSoniox, LateCall, SharedListener
from soniox_testing.net import proxies

pytest_plugins = ["pytester"]
_PLUGIN = ["-p", "soniox_testing.plugin"]


def _installed():
    from importlib.metadata import entry_points

    return any(point.name == "soniox_testing" for point in entry_points(group="pytest11"))


@pytest.fixture
def listener():
    """A listener of this test only, so that its late callers are no news to the session."""
    with SharedListener() as shared:
        yield shared


def _call(url, method="GET", headers=None):
    request = urllib.request.Request(url, method=method, headers={"Authorization": "Bearer k", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def _open_files():
    return len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0


# A shared listener


def test_fakes_on_one_listener_have_one_port_and_urls_and_state_of_their_own(listener):
    with FakeSoniox(listener=listener) as one, FakeSoniox(listener=listener) as two:
        assert urlsplit(one.url).netloc == urlsplit(two.url).netloc
        assert [urlsplit(fake.url).path for fake in (one, two)] == ["/~1", "/~2"]
        assert one.api_base_url == f"{one.url}/v1"
        with SonioxClient("k", api_base_url=one.api_base_url) as client:
            client.files.upload(b"sound", filename="a.mp3")
        assert (len(one.files), len(two.files)) == (1, 0)


def test_a_start_after_a_stop_is_a_new_url(listener):
    fake = FakeSoniox(listener=listener).start()
    first = fake.url
    assert fake.start().url == first
    fake.stop()
    fake.stop()
    assert fake.url == first
    with fake:
        assert fake.url != first
        assert _call(f"{fake.api_base_url}/files")[0] == 200
        assert _call(f"{first}/v1/files")[0] == 410


def test_a_late_caller_is_told_and_remembered(listener):
    with FakeSoniox(listener=listener, name="test_first") as fake:
        pass
    with FakeSoniox(listener=listener) as later:
        for _ in range(3):
            status, body = _call(f"{fake.api_base_url}/files?limit=1")
        assert (status, body["error_type"], body["status_code"]) == (410, "test_ended", 410)
        assert body["message"] == "The test test_first has ended, and its fake with it; GET /v1/files came too late."
        assert _call(f"{fake.url}/v1/files/x", "DELETE")[0] == 410
        with pytest.raises(websocket.WebSocketBadStatusException, match="410"):
            websocket.create_connection(fake.stt_websocket_url, timeout=60)
        assert later.files == later.sessions == ()
    assert listener.late_calls == (
        LateCall("test_first", "GET", "/v1/files", 3),
        LateCall("test_first", "DELETE", "/v1/files/x", 1),
        LateCall("test_first", "GET", "/transcribe-websocket", 1),
    )


def test_a_client_hears_of_it_as_an_error_of_the_api(listener):
    with FakeSoniox(listener=listener) as fake:
        pass
    with SonioxClient("k", api_base_url=fake.api_base_url) as client, pytest.raises(SonioxAPIError) as caught:
        client.files.list()
    assert (caught.value.status_code, caught.value.error_type) == (410, "test_ended")


@pytest.mark.parametrize("path", ["/", "/v1/files", "/~2/v1/files", "/~0/v1/files", "/~01/v1", "/~", "/~1x/v1/files"])
def test_a_path_of_no_fake_is_not_found_and_is_no_late_call(listener, path):
    with FakeSoniox(listener=listener) as fake:
        status, body = _call(fake.url.removesuffix("/~1") + path)
        assert (status, body["error_type"]) == (404, "not_found")
    assert listener.late_calls == ()


def test_the_stop_ends_the_connections_of_its_fake_and_no_others(listener):
    one, two = FakeSoniox(listener=listener).start(), FakeSoniox(listener=listener).start()
    sockets = {}
    for fake in (one, two):
        address = urlsplit(fake.url)
        plain = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        plain.request("GET", f"{address.path}/v1/files", headers={"Authorization": "Bearer k"})
        assert plain.getresponse().read()
        sockets[fake] = (
            plain,
            websocket.create_connection(fake.stt_websocket_url, timeout=60, header=["Authorization: Bearer k"]),
        )
    one.stop()
    assert one.sessions[0].ended == "stopped"
    plain, live = sockets[one]
    assert plain.sock.recv(1) == b""
    assert live.sock.recv(1) == b""
    assert two.sessions[0].ended is None
    plain, live = sockets[two]
    live.ping()
    assert live.recv_data(control_frame=True)[0] == websocket.ABNF.OPCODE_PONG
    plain.request("GET", f"{urlsplit(two.url).path}/v1/files", headers={"Authorization": "Bearer k"})
    assert plain.getresponse().status == 200
    two.stop()
    for pair in sockets.values():
        pair[0].close()
        pair[1].shutdown()


def test_a_connection_may_go_from_one_fake_to_the_next(listener):
    one, two = FakeSoniox(listener=listener).start(), FakeSoniox(listener=listener).start()
    address = urlsplit(one.url)
    line = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    for fake in (one, two):
        line.request("GET", f"{urlsplit(fake.url).path}/v1/files", headers={"Authorization": "Bearer k"})
        assert line.getresponse().read()
    known = line.sock
    one.stop()
    line.request("GET", f"{urlsplit(two.url).path}/v1/files", headers={"Authorization": "Bearer k"})
    assert line.getresponse().read()
    assert line.sock is known
    two.stop()
    line.close()


def test_the_failure_of_a_fake_is_raised_by_its_own_stop(listener):
    def rule(job):
        raise ZeroDivisionError

    broken, sound = FakeSoniox(listener=listener, progress=rule).start(), FakeSoniox(listener=listener).start()
    with SonioxClient("k", api_base_url=broken.api_base_url, max_retries=0) as client:
        job = client.stt.create(audio_url="https://example.com/a.mp3")
        with pytest.raises(SonioxAPIError):
            client.stt.get(job.id)
    sound.stop()
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        broken.stop()


def test_an_address_belongs_to_the_listener(listener):
    for address in ({"port": 1}, {"host": "localhost"}, {"tls": True}):
        with pytest.raises(ValueError, match="belong to the shared listener"):
            FakeSoniox(listener=listener, **address)


def test_a_listener_that_does_not_run_says_so():
    with pytest.raises(RuntimeError, match="not started"):
        FakeSoniox(listener=SharedListener()).start()


@pytest.mark.slow
def test_five_hundred_fakes_leave_nothing(listener):
    def one():
        with FakeSoniox(listener=listener) as fake:
            fake.add_transcript("hello")
            with SonioxClient("k", api_base_url=fake.api_base_url) as client:
                client.files.upload(b"sound", filename="a.mp3")
            live = websocket.create_connection(fake.stt_websocket_url, timeout=60, header=["Authorization: Bearer k"])
            live.send(json.dumps({"model": "stt-rt-v5", "audio_format": "auto"}))
        live.shutdown()
        return weakref.ref(fake)

    one()
    gc.collect()
    threads, files = set(threading.enumerate()), _open_files()
    fakes = [one() for _ in range(500)]
    gc.collect()
    assert set(threading.enumerate()) <= threads
    assert _open_files() <= files
    assert [fake for fake in fakes if fake() is not None] == []
    assert listener.late_calls == ()
    assert [value for value in vars(listener).values() if isinstance(value, Mapping) and value] == []


# Without pytest's fixtures


class TestWithUnittest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.listener = SharedListener().start()
        cls.addClassCleanup(cls.listener.stop)

    def setUp(self):
        self.fake = FakeSoniox(listener=self.listener, name=self.id()).start()
        self.addCleanup(self.fake.stop)

    def test_one(self):
        self.assertEqual(_call(f"{self.fake.api_base_url}/files")[0], 200)  # noqa: PT009

    def test_two(self):
        self.assertEqual(self.fake.files, ())  # noqa: PT009


# The fixtures

SPEECH = {"stream_id": "1", "model": "tts-rt-v2", "language": "en", "voice": "Nina", "audio_format": "pcm_s16le"}


def test_the_client_is_connected(fake_soniox, soniox_client):
    fake_soniox.add_transcript("hello", filename="a.mp3")
    assert soniox_client.stt.transcribe_and_wait_with_tokens(file=b"x", filename="a.mp3").text == "hello"
    with soniox_client.realtime.stt.connect(config={"model": "stt-rt-v5", "audio_format": "auto"}) as session:
        session.send_byte_chunk(b"ID3" + bytes(15_997))
        session.finish()
        assert list(session.receive_events())[-1].finished
    soniox_client.tts.generate(text="over REST", voice="Nina", language="en")
    with soniox_client.realtime.tts.connect(config=SPEECH) as stream:
        stream.send_text_chunk("over a socket", text_end=True)
        assert b"".join(stream.receive_audio_chunks())
    assert [speech.text for speech in fake_soniox.speeches] == ["over REST", "over a socket"]


def test_the_async_client_is_connected(fake_soniox, async_soniox_client):
    async def work():
        job = await async_soniox_client.stt.transcribe_and_wait_with_tokens(file=b"x", filename="a.mp3")
        async with async_soniox_client.realtime.stt.connect(
            config={"model": "stt-rt-v5", "audio_format": "auto"}
        ) as session:
            await session.send_byte_chunk(b"ID3" + bytes(15_997))
            await session.finish()
            finished = [event async for event in session.receive_events()][-1].finished
        await async_soniox_client.tts.generate(text="over REST", voice="Nina", language="en")
        async with async_soniox_client.realtime.tts.connect(config=SPEECH) as stream:
            await stream.send_text_chunk("over a socket", text_end=True)
            audio = [chunk async for chunk in stream.receive_audio_chunks()]
        return job.text, finished, bool(audio)

    fake_soniox.add_transcript("hello", filename="a.mp3")
    assert asyncio.run(work()) == ("hello", True, True)
    assert [speech.text for speech in fake_soniox.speeches] == ["over REST", "over a socket"]


def test_the_environment_leads_to_the_fake(fake_soniox, soniox_env):
    assert soniox_env == {**soniox_env, **{name: os.environ[name] for name in soniox_env}}
    with SonioxClient() as client:
        client.files.upload(b"x", filename="a.mp3")
    assert [file.filename for file in fake_soniox.files] == ["a.mp3"]


def test_the_environment_and_the_key_serve_the_official_client_too(fake_soniox, soniox_env):
    official = pytest.importorskip("soniox")
    client = official.SonioxClient(
        api_base_url=os.environ["SONIOX_API_BASE_URL"] + "/v1", websocket_base_url=os.environ["SONIOX_WS_URL"]
    )
    with contextlib.closing(client):
        assert client.files.list().files == []


_SUITE = """
    import asyncio, urllib.error, urllib.request
    import pytest

    seen = []

    @pytest.mark.parametrize("number", range(6))
    def test_state_is_fresh(fake_soniox, soniox_client, async_soniox_client, number):
        assert fake_soniox.files == ()
        soniox_client.files.upload(b"x", filename=f"{number}.mp3")
        assert asyncio.run(async_soniox_client.files.list()).files[0].filename == f"{number}.mp3"
        seen.append((fake_soniox.url, soniox_client, async_soniox_client))

    def test_clients_are_closed(fake_soniox):
        for _, client, _ in seen:
            with pytest.raises(Exception, match="closed"):
                client.files.list()
        assert len({url for url, _, _ in seen}) == len(seen)
"""


def _run(pytester, *arguments):
    command = [] if _installed() else list(_PLUGIN)
    return pytester.runpytest_subprocess("-q", "-W", "error", *command, *arguments)


@pytest.mark.slow
def test_a_suite_with_the_fixtures(pytester):
    pytester.makepyfile(_SUITE)
    _run(pytester).assert_outcomes(passed=7)


@pytest.mark.slow
def test_a_suite_in_several_processes(pytester):
    pytest.importorskip("xdist")
    pytester.makepyfile(_SUITE)
    _run(pytester, "-n", "3").assert_outcomes(passed=7)


def test_a_marker_says_what_the_fake_is_made_with(pytester):
    pytester.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.fake_soniox(strict=True, api_keys=["only-this"])

        def test_all_is_used(fake_soniox, soniox_client):
            assert fake_soniox.api_key == "only-this"
            fake_soniox.add_transcript("hello")
            soniox_client.stt.transcribe(file=b"x")

        def test_something_is_left(fake_soniox):
            fake_soniox.add_transcript("never asked for")
        """
    )
    result = _run(pytester)
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*never asked for*"])


def test_markers_of_a_module_a_class_and_a_test_add_up(pytester):
    pytester.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.fake_soniox(strict=True, limits="max_files=1")

        @pytest.mark.fake_soniox(style="simple", name="a name of its own")
        class TestCalls:
            @pytest.mark.fake_soniox(limits="max_files=2")
            def test_all_three(self, fake_soniox):
                assert (fake_soniox.style, fake_soniox.limits.max_files) == ("simple", 2)
                assert fake_soniox.name == "a name of its own"
                fake_soniox.add_transcript("never asked for")

        @pytest.mark.fake_soniox("simple")
        def test_no_name(fake_soniox):
            raise AssertionError("it does not run")
        """
    )
    result = _run(pytester)
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(["*never asked for*", "*the marker fake_soniox takes names and values*"])


def test_the_ini_file_says_what_all_fakes_are_made_with(pytester):
    pytester.makeini("[pytest]\nfake_soniox =\n    audio=any\n    style = simple\n    limits=service,max_files=3\n")
    pytester.makepyfile(
        """
        import pytest

        def test_all_of_it(fake_soniox):
            assert (fake_soniox.audio, fake_soniox.style) == ("any", "simple")
            assert (fake_soniox.limits.max_voices, fake_soniox.limits.max_files) == (20, 3)

        @pytest.mark.fake_soniox(limits=None)
        def test_a_marker_comes_first(fake_soniox):
            assert fake_soniox.limits.max_voices is None
        """
    )
    _run(pytester).assert_outcomes(passed=2)


def test_a_late_caller_is_a_warning_at_the_end_of_the_session(pytester):
    pytester.makepyfile(
        """
        import urllib.error, urllib.request
        import pytest

        urls = []

        def test_first(fake_soniox):
            urls.append(fake_soniox.api_base_url)

        def test_second(fake_soniox):
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(urls[0] + "/files", timeout=60)
            assert caught.value.code == 410
            caught.value.close()
        """
    )
    result = _run(pytester, "-W", "default::pytest.PytestWarning")
    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines(["*something of *::test_first still ran after that test had ended: GET /v1/files *"])


def test_the_plugin_alone_imports_nothing_else(pytester):
    pytester.makepyfile(
        """
        import sys

        def test_it():
            loaded = {"soniox_testing.server", "soniox_lite", "pytest_httpserver", "asyncio"} & set(sys.modules)
            assert loaded <= {"pytest_httpserver", "asyncio"}  # those may come with plugins of their own
        """
    )
    _run(pytester).assert_outcomes(passed=1)


# Proxies

_BEHIND_A_PROXY = """
    import asyncio, json, os, subprocess, sys, urllib.request
    import pytest
    from soniox_lite import SonioxClient

    CONFIG = {"model": "stt-rt-v5", "audio_format": "auto"}

    def test_urllib(fake_soniox):
        request = urllib.request.Request(f"{fake_soniox.api_base_url}/files", headers={"Authorization": "Bearer k"})
        with urllib.request.urlopen(request, timeout=60) as response:
            assert json.load(response)["files"] == []

    def test_client(soniox_client):
        assert soniox_client.files.list().files == []
        with soniox_client.realtime.stt.connect(config=CONFIG) as session:
            session.send_byte_chunk(b"ID3" + bytes(15_997))
            session.finish()
            assert list(session.receive_events())[-1].finished

    def test_async_client(async_soniox_client):
        assert asyncio.run(async_soniox_client.files.list()).files == []

    def test_tls(fake_soniox_tls):
        fake = fake_soniox_tls
        with SonioxClient("k", api_base_url=fake.api_base_url, ssl_context=fake.ssl_context()) as client:
            assert client.files.list().files == []

    def test_environment(soniox_env):
        with SonioxClient() as client:
            assert client.files.list().files == []
        for name in ("NO_PROXY", "no_proxy"):
            assert os.environ[name] == soniox_env[name] == {listed!r}
        program = "from soniox_lite import SonioxClient; print(SonioxClient().files.list().files)"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
        assert done.stdout == "[]\\n", done.stderr

    def test_official(soniox_env):
        official = pytest.importorskip("soniox")
        client = official.SonioxClient(
            api_base_url=os.environ["SONIOX_API_BASE_URL"] + "/v1", websocket_base_url=os.environ["SONIOX_WS_URL"]
        )
        assert client.files.list().files == []
        client.close()

    def test_afterwards(monkeypatch, fake_soniox_listener):
        assert [os.environ.get(name) for name in ("NO_PROXY", "no_proxy")] == {before!r}
"""


@pytest.mark.parametrize(
    ("before", "listed"),
    [
        ({}, "127.0.0.1"),
        ({"no_proxy": "a.example, 10.0.0.0/8"}, "a.example,10.0.0.0/8,127.0.0.1"),
        ({"NO_PROXY": "b.example", "no_proxy": "a.example"}, "a.example,b.example,127.0.0.1"),
    ],
)
def test_the_fixtures_lead_past_proxies(pytester, monkeypatch, before, listed):
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        for name, value in before.items():
            monkeypatch.setenv(name, value)
        kept = [before.get(name) for name in ("NO_PROXY", "no_proxy")]
        text = _BEHIND_A_PROXY.replace("{listed!r}", repr(listed)).replace("{before!r}", repr(kept))
        pytester.makepyfile(text)
        result = _run(pytester, "-W", "default")
        assert result.ret == 0, result.outlines
        proxy.settimeout(0)
        with pytest.raises(BlockingIOError):
            proxy.accept()


def test_a_test_may_still_have_proxies_of_its_own(fake_soniox, monkeypatch):
    """Where none are set, nothing is set against them."""
    assert not proxies.are_set()
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(60)
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        with SonioxClient("k", api_base_url=fake_soniox.api_base_url, max_retries=0, timeout_sec=20) as client:

            def call():
                with contextlib.suppress(SonioxError):
                    client.files.list()

            calling = threading.Thread(target=call)
            calling.start()
            line, _ = proxy.accept()
            with line:
                assert line.recv(4) == b"GET "
            calling.join(60)


def test_a_star_for_all_hosts_stays_one(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    assert proxies.past_proxies("127.0.0.1") == {"NO_PROXY": "*", "no_proxy": "*"}


# Failures of the fake, and of tests


def test_a_failure_inside_is_an_error_of_the_test_that_caused_it(pytester):
    pytester.makepyfile(
        """
        import urllib.error, urllib.request
        import pytest

        def test_causes(fake_soniox, monkeypatch):
            def fail(operation):
                raise ZeroDivisionError("inside")
            monkeypatch.setattr(fake_soniox.faults, "take_for_request", fail)
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(f"{fake_soniox.url}/v1/files/%E2%82%AC", timeout=60)
            caught.value.close()

        def test_later(fake_soniox):
            pass
        """
    )
    result = _run(pytester)
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*the fake server of *::test_causes failed 1 time(s)*"])
    result.stdout.fnmatch_lines(
        ["*while answering GET /v1/files/*, in *::test_causes:*", "*ZeroDivisionError: inside*"]
    )
    result.stdout.fnmatch_lines(["ERROR *::test_causes*"])


def test_the_report_of_a_test_that_failed_says_what_its_fake_saw(pytester):
    pytester.makepyfile(
        """
        import pytest

        def test_fails(fake_soniox, soniox_client):
            fake_soniox.add_transcript("never said", filename="missing.wav", client_reference_id="order 7")
            soniox_client.files.upload(b"sound", filename="came.wav", client_reference_id="order 8")
            with soniox_client.realtime.stt.connect(config={"model": "stt-rt-v5", "audio_format": "auto"}) as session:
                session.send_byte_chunk(b"ID3" + bytes(15_997))
                session.finish()
                list(session.receive_events())
            with pytest.raises(Exception):
                soniox_client.files.get("none")
            assert not "here"

        def test_passes(fake_soniox):
            fake_soniox.add_transcript("of another test")

        def test_fails_without(tmp_path):
            assert not "a fake"

        @pytest.mark.fake_soniox(strict=True)
        def test_is_strict(fake_soniox):
            fake_soniox.add_transcript("left over")

        @pytest.mark.xfail
        def test_is_expected_to_fail(fake_soniox):
            assert not "there"
        """
    )
    result = _run(pytester, "-n", "0")
    result.assert_outcomes(passed=2, failed=2, errors=1, xfailed=1)
    text = result.stdout.str()
    assert text.count("- fake_soniox -") == 2
    result.stdout.fnmatch_lines(
        [
            "*- fake_soniox -*",
            "Scripted and never used:",
            "  the transcript 'never said' for filename='missing.wav', client_reference_id='order 7'",
            "Uploads:",
            "  'came.wav', 5 bytes, client_reference_id='order 8'",
            "Sessions:",
            "  finished, 16000 bytes of audio",
            "Transcriptions: none",
            "Texts to speak: none",
            "Requests that failed, of 2:",
            "  GET /v1/files/none -> 404 (file_not_found)",
        ]
    )
    assert "of another test" not in text


# Without the extra

_WITHOUT_EXTRA = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"werkzeug", "pytest_httpserver", "wsproto"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
"""
_INSTALL = 'soniox_testing needs more packages: pip install "soniox-lite[testing]" ('


@pytest.fixture
def without_extra(tmp_path, monkeypatch):
    """Has the processes that are started now find none of the packages that the extra brings."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(_WITHOUT_EXTRA)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")])))


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        (["-m", "soniox_testing"], 1),
        (["-m", "soniox_testing", "--help"], 1),
        (["-c", "from soniox_testing import FakeSoniox"], None),
        (["-c", "import soniox_testing; soniox_testing.SharedListener()"], None),
    ],
)
def test_without_the_extra_the_last_line_says_what_to_install(without_extra, command, lines):
    done = subprocess.run([sys.executable, *command], check=False, capture_output=True, text=True, timeout=300)
    told = done.stderr.splitlines()
    assert done.returncode == 1
    assert _INSTALL in told[-1]
    assert len(told) == (lines or len(told))
    assert sum(line.partition(":")[0].endswith("Error") for line in told) <= 1


def test_without_the_extra_only_tests_with_a_fake_fail_and_say_what_to_install(without_extra, pytester):
    pytester.makepyfile(
        """
        import soniox_testing

        def test_alone():
            assert soniox_testing.VirtualClock()() == 0

        def test_fake(fake_soniox):
            pass

        def test_client(soniox_client):
            pass

        def test_environment(soniox_env):
            pass
        """
    )
    result = _run(pytester, "-p", "no:pytest_httpserver")
    result.assert_outcomes(passed=1, errors=3)
    assert sum(line.startswith(_INSTALL) for line in result.outlines) == 3


def test_without_trustme_the_fixture_with_tls_says_what_to_install(pytester):
    pytester.makeconftest("import sys; sys.modules['trustme'] = None")
    pytester.makepyfile("def test_it(fake_soniox_tls): pass")
    result = _run(pytester)
    result.assert_outcomes(errors=1)
    assert 'TLS needs trustme: pip install "soniox-lite[testing-tls]"' in result.outlines
