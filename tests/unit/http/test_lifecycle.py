"""Closing, sharing, forking, pickling, forgetting."""

from __future__ import annotations

import asyncio
import copy
import gc
import json
import os
import pickle
import socket
import ssl
import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from soniox_lite import (
    AsyncSonioxClient,
    RetryPolicy,
    SonioxClient,
    SonioxConnectionError,
    SonioxError,
    SonioxTimeoutError,
    SonioxValidationError,
)
from soniox_lite._http.async_transport import AsyncTransport, pause
from tests.support.callers import KEY
from tests.support.machine import refuse_threads
from tests.support.raw_server import Connection, RawServer, hold, http_reply, reply, stall
from tests.support.tables import each_row

if TYPE_CHECKING:
    from collections.abc import Callable

    import trustme

ROOT = Path(__file__).parents[3]
BODY_BEGUN = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"
LAST_BODY_BEGUN = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\nhello"


@pytest.fixture
def our_threads() -> Callable[[], list[threading.Thread]]:
    """Gives the threads of the package; those that another test has left to end are not among them."""
    before = {*threading.enumerate()}
    return lambda: [thread for thread in {*threading.enumerate()} - before if thread.name.startswith("soniox-lite")]


class Background:
    """Calls a function in a thread; calling this waits for its end and gives what it raised."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._raised: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._function()
        except BaseException as error:
            self._raised = error

    def is_running(self) -> bool:
        """Whether it is, a twentieth of a second from now."""
        self._thread.join(0.05)
        return self._thread.is_alive()

    def __call__(self) -> BaseException | None:
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self._raised


class TestClosing:
    def test_it_can_be_done_twice(self, connect: Any) -> None:
        with RawServer(then=reply()) as server:
            caller = connect(server)
            caller.request("GET")
            caller.run(lambda client: client.close() if hasattr(client, "close") else client.aclose())
            caller.run(lambda client: client.close() if hasattr(client, "close") else client.aclose())
            server.wait_until(lambda server: server.open_connections == 0)

    @pytest.mark.parametrize("used", [True, False])
    def test_afterwards_requests_are_refused(self, connect: Any, pauses: list[float], used: bool) -> None:
        with RawServer(then=reply()) as server:
            caller = connect(server)
            if used:
                caller.request("GET")
            caller.run(lambda client: client.close() if hasattr(client, "close") else client.aclose())
            for method in ("GET", "POST"):
                with pytest.raises(SonioxError, match="this client is closed"):
                    caller.request(method)
        assert pauses == []
        assert len(server.requests) == int(used)

    def test_with_closes(self) -> None:
        with RawServer(then=reply()) as server:
            with SonioxClient(KEY, api_base_url=server.url) as client:
                assert client.request("GET", "/x").status_code == 200
            with pytest.raises(SonioxError, match="closed"):
                client.request("GET", "/x")

    def test_async_with_closes_and_ends_the_threads(self, our_threads: Any) -> None:
        async def use(url: str) -> None:
            async with AsyncSonioxClient(KEY, api_base_url=url) as client:
                assert (await client.request("GET", "/x")).status_code == 200
                assert our_threads() != []
            assert our_threads() == []
            with pytest.raises(SonioxError, match="closed"):
                await client.request("GET", "/x")

        before = {*threading.enumerate()}
        with RawServer(then=reply()) as server:
            asyncio.run(use(server.url))
        # The server's own threads have ended by now.
        assert {*threading.enumerate()} <= before

    @pytest.mark.parametrize("method", ["GET", "POST"])
    @pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200", BODY_BEGUN, LAST_BODY_BEGUN],
                             ids=["no answer", "half a head", "half a body", "half a last body"])  # fmt: skip
    @pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
    def test_it_ends_a_request_in_another_thread_at_once(
        self, connect: Any, pauses: list[float], tls_server: ssl.SSLContext, tls_client: ssl.SSLContext,
        start: bytes, secure: bool, method: str,
    ) -> None:  # fmt: skip
        reached = threading.Event()
        with RawServer(then=stall(start, reached), tls=tls_server if secure else None) as server:
            caller = connect(server, ssl_context=tls_client if secure else None)
            client = caller.client

            async def in_flight() -> None:
                waiting = asyncio.ensure_future(client.request(method, "/x"))
                await asyncio.to_thread(reached.wait, 60)
                await client.aclose()
                await waiting

            if connect.surface == "sync":
                result = Background(lambda: client.request(method, "/x"))
                assert reached.wait(60)
                started = time.monotonic()
                client.close()
                error = result()
            else:
                started = time.monotonic()
                error = Background(lambda: caller.loop.run_until_complete(in_flight()))()
            assert time.monotonic() - started < 20
        assert isinstance(error, SonioxConnectionError), repr(error)
        assert "closed" in str(error)
        assert pauses == []
        assert len(server.requests) == 1

    def test_it_ends_a_handshake_that_hangs(self, connect: Any, tls_client: ssl.SSLContext) -> None:
        accepted = threading.Event()

        def greet(connection: Connection) -> None:
            connection.sock.recv(1)
            accepted.set()
            hold(connection)

        with RawServer(on_accept=[greet]) as server:
            client = SonioxClient(KEY, api_base_url=f"https://{server.address}", ssl_context=tls_client)
            result = Background(lambda: client.request("GET", "/x"))
            assert accepted.wait(60)
            started = time.monotonic()
            client.close()
            assert isinstance(result(), SonioxError)
            assert time.monotonic() - started < 20

    def test_it_ends_an_upload(self, connect: Any) -> None:
        begun = threading.Event()
        with RawServer(hold) as server:
            client = SonioxClient(KEY, api_base_url=server.url)

            def upload() -> None:
                client.request("POST", "/x", files={"file": bytes(50_000_000)}, on_progress=lambda *_: begun.set())

            result = Background(upload)
            assert begun.wait(60)
            client.close()
            error = result()
        assert isinstance(error, SonioxConnectionError)

    def test_requests_that_wait_for_a_thread_fail_and_are_not_cancelled(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("soniox_lite._http.async_transport.MAX_THREADS", 2)
        reached = threading.Event()

        async def use(url: str) -> list[Any]:
            client = AsyncSonioxClient(KEY, api_base_url=url)
            waiting = [asyncio.ensure_future(client.request("GET", "/x")) for _ in range(5)]
            await asyncio.to_thread(reached.wait, 60)
            await client.aclose()
            return await asyncio.gather(*waiting, return_exceptions=True)

        with RawServer(then=stall(reached=reached)) as server:
            results = asyncio.run(use(server.url))
        assert all(isinstance(result, SonioxError) for result in results), results


def test_ctrl_c_at_any_line_of_a_request_is_not_lost() -> None:
    # As it would be in a finalizer, where Python tells standard error of it and goes on.
    command = [sys.executable, "-W", "ignore", "-m", "tests.support.interrupted_request"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    found = json.loads(done.stdout)
    assert found["lost"] == []
    assert found["lines"] > 100


class TestCancelling:
    def test_an_await_ends_at_once_and_the_client_stays_usable(self, our_threads: Any) -> None:
        reached = threading.Event()

        async def use(url: str) -> None:
            async with AsyncSonioxClient(KEY, api_base_url=url) as client:
                waiting = asyncio.ensure_future(client.request("GET", "/slow"))
                await asyncio.to_thread(reached.wait, 60)
                started = time.monotonic()
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
                assert time.monotonic() - started < 20
                assert (await client.request("GET", "/next")).status_code == 200

        before = {*threading.enumerate()}
        with RawServer(stall(reached=reached), then=reply()) as server:
            asyncio.run(use(server.url))
            assert our_threads() == []
        assert {*threading.enumerate()} <= before
        assert [request.target for request in server.requests] == ["/v1/slow", "/v1/next"]

    def test_a_pause_ends_at_once_and_nothing_is_sent_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def use(url: str) -> None:
            pausing = asyncio.Event()
            policy = RetryPolicy(should_retry=lambda _: pausing.set() or 60.0)
            async with AsyncSonioxClient(KEY, api_base_url=url, retry=policy) as client:
                waiting = asyncio.ensure_future(client.request("GET", "/x"))
                await pausing.wait()
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting

        monkeypatch.setattr(AsyncTransport, "pause", staticmethod(pause))
        with RawServer(reply(b"", "503 Busy")) as server:
            asyncio.run(use(server.url))
        assert len(server.requests) == 1

    def test_wait_for_cancels_an_upload_whose_file_was_opened_here(self, tmp_path: Path, our_threads: Any) -> None:
        path = tmp_path / "a.wav"
        path.write_bytes(bytes(5_000_000))

        async def use(url: str) -> None:
            async with AsyncSonioxClient(KEY, api_base_url=url) as client:
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(client.files.upload(path), 0.2)

        with RawServer(hold) as server:
            asyncio.run(use(server.url))
        assert our_threads() == []


class TestThreadsOfTasks:
    """A call of the async client needs a thread."""

    def test_a_deadline_counts_while_a_call_waits_for_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("soniox_lite._http.async_transport.MAX_THREADS", 1)
        reached = threading.Event()

        async def use(url: str) -> None:
            async with AsyncSonioxClient(KEY, api_base_url=url, timeout_sec=60) as client:
                busy = asyncio.ensure_future(client.request("GET", "/busy"))
                await asyncio.to_thread(reached.wait, 60)
                started = time.monotonic()
                with pytest.raises(SonioxTimeoutError, match="all threads of the client are busy") as caught:
                    await client.request("GET", "/late", deadline_sec=0.2)
                assert time.monotonic() - started < 20
                assert not caught.value.request_sent
                busy.cancel()

        with RawServer(stall(reached=reached)) as server:
            asyncio.run(use(server.url))
        assert [request.target for request in server.requests] == ["/v1/busy"]

    def test_a_deadline_counts_while_a_stream_waits_for_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("soniox_lite._http.async_transport.MAX_THREADS", 1)
        reached = threading.Event()

        async def use(url: str) -> None:
            async with AsyncSonioxClient(KEY, api_base_url=url, tts_api_base_url=url, timeout_sec=60) as client:
                speech = client.tts.generate_stream(text="a", language="en", voice="v", deadline_sec=2.0)
                async with speech as blocks:
                    busy = asyncio.ensure_future(client.request("GET", "/busy"))
                    await asyncio.to_thread(reached.wait, 60)
                    with pytest.raises(SonioxTimeoutError):
                        async for _ in blocks:
                            pass
                busy.cancel()

        head = b"HTTP/1.1 200 OK\r\nContent-Type: audio/pcm\r\nContent-Length: 999\r\n\r\nab"
        with RawServer(stall(head), stall(reached=reached)) as server:
            started = time.monotonic()
            asyncio.run(use(server.url))
            assert time.monotonic() - started < 30

    def test_cancelling_what_waits_for_one_sends_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("soniox_lite._http.async_transport.MAX_THREADS", 1)
        reached = threading.Event()

        async def use(url: str) -> None:
            async with AsyncSonioxClient(KEY, api_base_url=url, timeout_sec=60) as client:
                busy = asyncio.ensure_future(client.request("GET", "/busy"))
                await asyncio.to_thread(reached.wait, 60)
                for options in ({}, {"deadline_sec": 20}):
                    with pytest.raises(asyncio.TimeoutError):
                        await asyncio.wait_for(client.request("GET", "/late", **options), 0.05)
                busy.cancel()

        with RawServer(stall(reached=reached)) as server:
            asyncio.run(use(server.url))
        assert [request.target for request in server.requests] == ["/v1/busy"]

    def test_where_none_can_be_had_the_call_says_so(self, monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
        refuse_threads(monkeypatch, "soniox-lite")

        async def use() -> None:
            async with AsyncSonioxClient(KEY, api_base_url="http://127.0.0.1:1") as client:
                with pytest.raises(SonioxConnectionError, match="no thread can be started") as caught:
                    await client.request("GET", "/x")
                assert not caught.value.request_sent

        asyncio.run(use())
        assert len(pauses) == 2

    def test_those_that_there_are_do_the_work_of_more(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def use(url: str) -> None:
            async with AsyncSonioxClient(KEY, api_base_url=url) as client:
                await client.request("GET", "/x")
                refuse_threads(monkeypatch, "soniox-lite")
                replies = await asyncio.gather(*(client.request("GET", "/x") for _ in range(3)))
                assert [response.status_code for response in replies] == [200] * 3

        with RawServer(then=reply()) as server:
            asyncio.run(use(server.url))

    def test_an_abandoned_request_does_not_keep_the_process(self) -> None:
        with RawServer(stall()) as server:
            started = time.monotonic()
            assert run_program(ABANDONED, server.url) == "given up\n"
            assert time.monotonic() - started < 55


ABANDONED = """
import asyncio, sys
from soniox_lite import AsyncSonioxClient
client = AsyncSonioxClient("key", api_base_url=sys.argv[1], timeout_sec=120)
client.models
async def use():
    # On a busy machine, asyncio's debug mode would write about slow steps to stderr.
    asyncio.get_running_loop().slow_callback_duration = 60
    task = asyncio.ensure_future(client.request("GET", "/slow"))
    await asyncio.wait([task], timeout=0.3)
    task.cancel()
    print("given up", flush=True)
asyncio.run(use())
"""


class TestSharing:
    def test_many_threads_share_few_connections(self) -> None:
        with RawServer(then=reply(b'{"a": 1}')) as server, SonioxClient(KEY, api_base_url=server.url) as client:

            def work(_: int) -> set[str]:
                return {client.request("GET", f"/{number}").text for number in range(50)}

            with ThreadPoolExecutor(16) as pool:
                assert set().union(*pool.map(work, range(16))) == {'{"a": 1}'}
        assert len(server.requests) == 800
        assert server.connection_count <= 16

    def test_each_thread_gets_its_own_answer(self) -> None:
        def echo(connection: Connection) -> None:
            connection.send(http_reply(connection.request.target.encode()))

        with RawServer(then=echo) as server, SonioxClient(KEY, api_base_url=server.url) as client:

            def work(worker: int) -> bool:
                return all(client.request("GET", f"/{worker}/{n}").text == f"/v1/{worker}/{n}" for n in range(30))

            with ThreadPoolExecutor(8) as pool:
                assert all(pool.map(work, range(8)))

    def test_many_tasks_share_few_connections(self) -> None:
        async def use(url: str) -> None:
            async with AsyncSonioxClient(KEY, api_base_url=url) as client:

                async def work() -> None:
                    for number in range(20):
                        assert (await client.request("GET", f"/{number}")).status_code == 200

                await asyncio.gather(*(work() for _ in range(10)))

        with RawServer(then=reply()) as server:
            asyncio.run(use(server.url))
        assert len(server.requests) == 200
        assert server.connection_count <= 12

    def test_an_async_client_outlives_its_event_loops(self) -> None:
        with RawServer(then=reply()) as server:
            client = AsyncSonioxClient(KEY, api_base_url=server.url)
            for _ in range(3):
                assert asyncio.run(client.request("GET", "/x")).status_code == 200
            asyncio.run(client.aclose())
        assert server.connection_count == 1

    def test_an_async_client_serves_several_event_loops_at_once(self) -> None:
        barrier = threading.Barrier(4)

        async def work(client: AsyncSonioxClient) -> int:
            barrier.wait(60)
            return (await client.request("GET", "/x")).status_code

        with RawServer(then=reply()) as server:
            client = AsyncSonioxClient(KEY, api_base_url=server.url)
            with ThreadPoolExecutor(4) as pool:
                assert set(pool.map(lambda _: asyncio.run(work(client)), range(4))) == {200}
            asyncio.run(client.aclose())

    def test_a_copy_with_other_options_shares_connections_and_leaves_them_open(self, connect: Any) -> None:
        with RawServer(then=reply()) as server:
            caller = connect(server)
            caller.request("GET")
            shared = caller.run(lambda client: client.with_options(max_retries=0, timeout_sec=61))
            original, caller.client = caller.client, shared
            assert caller.request("GET").status_code == 200
            caller.run(lambda client: client.close() if hasattr(client, "close") else client.aclose())
            caller.client = original
            assert caller.request("GET").status_code == 200
        assert server.connection_count == 1

    def test_a_copy_goes_when_its_original_is_closed(self, connect: Any) -> None:
        with RawServer(then=reply()) as server:
            caller = connect(server)
            shared = caller.client.with_options(max_retries=0)
            caller.run(lambda client: client.close() if hasattr(client, "close") else client.aclose())
            caller.client = shared
            with pytest.raises(SonioxError, match="closed"):
                caller.request("GET")

    def test_a_copys_options_are_its_own(self, connect: Any, pauses: list[float]) -> None:
        with RawServer(then=reply(b"", "503 Busy")) as server:
            caller = connect(server)
            original = caller.client
            caller.client = original.with_options(max_retries=0)
            caller.request("GET")
            assert len(server.requests) == 1
            caller.client = original
            caller.request("GET")
            assert len(server.requests) == 4


class TestTravelling:
    @each_row("travel", [lambda client: pickle.loads(pickle.dumps(client)), copy.copy, copy.deepcopy],
                             ids=["pickle", "copy", "deepcopy"])  # fmt: skip
    def test_the_set_up_travels_and_the_connections_do_not(self, connect: Any, travel: Any) -> None:
        with RawServer(then=reply()) as server:
            caller = connect(server, max_retries=5, timeout_sec=61)
            caller.request("GET")
            other = connect(server)
            other.run(lambda client: client.close() if hasattr(client, "close") else client.aclose())
            other.client = travel(caller.client)
            assert other.request("GET").status_code == 200
            assert other.client.timeout_sec == 61
            caller.close()
            if connect.surface == "sync":
                assert other.request("GET").status_code == 200
        assert server.connection_count == 2

    def test_a_copy_with_options_that_travelled_closes_its_own(self) -> None:
        client = SonioxClient(KEY)
        travelled = pickle.loads(pickle.dumps(client.with_options(max_retries=0)))
        travelled.close()
        with pytest.raises(SonioxError, match="closed"):
            travelled.request("GET", "/x")
        client.close()

    def test_a_context_that_cannot_travel_says_so(self, tls_client: ssl.SSLContext) -> None:
        with SonioxClient(KEY, ssl_context=tls_client) as client, pytest.raises(TypeError, match="SSLContext"):
            pickle.dumps(client)


class TestForgetting:
    @each_row("secure", [False, True], ids=["http", "https"])
    @each_row("namespaces", [False, True])
    def test_a_client_that_is_forgotten_leaves_nothing_open(
        self, tls_server: ssl.SSLContext, tls_client: ssl.SSLContext, secure: bool, namespaces: bool
    ) -> None:
        with RawServer(then=reply(b'{"models": []}'), tls=tls_server if secure else None) as server:
            client = SonioxClient(KEY, api_base_url=server.url, ssl_context=tls_client if secure else None)
            client.request("GET", "/x")
            if namespaces:
                client.models.list()
            gone = weakref.ref(client)
            del client
            gc.collect()
            assert gone() is None
            server.wait_until(lambda server: server.open_connections == 0)

    def test_an_async_client_that_is_forgotten_leaves_nothing_open(self, our_threads: Any) -> None:
        async def use(url: str) -> None:
            client = AsyncSonioxClient(KEY, api_base_url=url)
            await client.models.list()

        with RawServer(then=reply(b'{"models": []}')) as server:
            asyncio.run(use(server.url))
            gc.collect()
            for thread in our_threads():
                thread.join(60)
            # A thread may have held on to the last request until its end.
            gc.collect()
            assert our_threads() == []
            server.wait_until(lambda server: server.open_connections == 0)


def run_program(program: str, *arguments: str) -> str:
    """What a program prints, under Python's development mode and with warnings as errors."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", program, *arguments],
        env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert result.stderr == ""
    return result.stdout


FORK = """
import gc, os, sys, warnings
from soniox_lite import SonioxClient
client = SonioxClient("key", api_base_url=sys.argv[1])
print("parent", client.request("GET", "/parent").status_code, flush=True)
child = os.fork()
if child == 0:
    print("child", client.request("GET", "/child").status_code, client.request("GET", "/child").status_code, flush=True)
    gc.collect()
    client.close()
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
print("parent", client.request("GET", "/parent").status_code, flush=True)
client.close()
"""

FORK_ASYNC = """
import asyncio, faulthandler, os, sys, warnings
from soniox_lite import AsyncSonioxClient
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
client = AsyncSonioxClient("key", api_base_url=sys.argv[1])
def run(coroutine):
    loop = asyncio.new_event_loop()
    loop.slow_callback_duration = 60  # On a busy machine, asyncio's debug mode would write about slow steps to stderr.
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()
def ask(who):
    print(who, run(client.request("GET", "/" + who)).status_code, flush=True)
ask("parent")
child = os.fork()
if child == 0:
    ask("child")
    run(client.aclose())
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
unused = os.fork()
if unused == 0:
    faulthandler.dump_traceback_later(60, exit=True)
    run(client.aclose())
    sys.exit(0)
assert os.waitpid(unused, 0)[1] == 0
ask("parent")
run(client.aclose())
"""

FORK_UNUSED = """
import os, sys
from soniox_lite import SonioxClient
client = SonioxClient("key", api_base_url=sys.argv[1])
client.request("GET", "/parent")
child = os.fork()
if child == 0:
    if sys.argv[2] == "close":
        client.close()
    del client
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
print("parent", client.request("GET", "/parent").status_code, flush=True)
client.close()
"""


# What another thread is in the middle of when the process forks. It stands still until the fork is asked for, or made.
FORK_WHILE = {
    "loading a namespace": """
import os, sys, threading
from soniox_lite import SonioxClient
reached, go_on = threading.Event(), threading.Event()
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "soniox_lite._http.transport":
            reached.set()
            go_on.wait(60)
sys.meta_path.insert(0, Slow())
os.register_at_fork(before=go_on.set)
""",
    "setting TLS up": """
import os, ssl, sys, threading
from soniox_lite import SonioxClient
reached, go_on = threading.Event(), threading.Event()
real = ssl.create_default_context
def slow(**options):
    reached.set()
    go_on.wait(60)
    return real(**options)
ssl.create_default_context = slow
os.register_at_fork(before=go_on.set)
""",
    "shaking hands": """
import os, ssl, sys, threading
from soniox_lite import SonioxClient
reached, go_on = threading.Event(), threading.Event()
lock_of_openssl = threading.Lock()
real = ssl.SSLSocket.do_handshake
def slow(self, block=False):
    with lock_of_openssl:
        reached.set()
        go_on.wait(10)
        real(self, block)
ssl.SSLSocket.do_handshake = slow
os.register_at_fork(before=go_on.set)
""",
    "holding the pool's lock": """
import os, sys, threading
from soniox_lite import SonioxClient
from soniox_lite._http import pool
reached, go_on = threading.Event(), threading.Event()
real = pool.ConnectionPool.check_open
def slow(self):
    if threading.current_thread() is not threading.main_thread():
        reached.set()
        go_on.wait(60)
    real(self)
pool.ConnectionPool.check_open = slow
os.register_at_fork(after_in_parent=go_on.set)
""",
}
THEN_FORK = """
import faulthandler, warnings
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
os.environ["SSL_CERT_FILE"] = sys.argv[2]
client = SonioxClient("key", api_base_url=sys.argv[1], max_retries=0)
thread = threading.Thread(target=lambda: client.models.list and client.request("GET", "/first"))
thread.start()
reached.wait(60)
child = os.fork()
if child == 0:
    faulthandler.dump_traceback_later(60, exit=True)
    print("child", client.request("GET", "/child").status_code, flush=True)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
thread.join()
print("parent", client.request("GET", "/parent").status_code, flush=True)
client.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
class TestForking:
    def test_the_child_opens_its_own_connection(self) -> None:
        with RawServer(then=reply()) as server:
            assert run_program(FORK, server.url) == "parent 200\nchild 200 200\nparent 200\n"
        numbers = {request.target: set() for request in server.requests}  # type: ignore[var-annotated]
        for request in server.requests:
            numbers[request.target].add(request.connection_number)
        assert numbers == {"/v1/parent": {1}, "/v1/child": {2}} or numbers == {"/parent": {1}, "/child": {2}}

    def test_an_async_client_has_threads_of_its_own_in_the_child(self) -> None:
        with RawServer(then=reply()) as server:
            assert run_program(FORK_ASYNC, server.url) == "parent 200\nchild 200\nparent 200\n"
        assert server.connection_count == 2

    @pytest.mark.parametrize("how", ["close", "forget"])
    def test_a_child_that_does_not_use_it_leaves_the_parents_connection_alone(self, how: str) -> None:
        with RawServer(then=reply()) as server:
            assert run_program(FORK_UNUSED, server.url, how) == "parent 200\n"
        assert server.connection_count == 1

    @each_row("what", FORK_WHILE)
    def test_the_child_of_a_busy_moment_is_usable(
        self, what: str, tls_server: ssl.SSLContext, authority: trustme.CA, tmp_path: Path
    ) -> None:
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        with RawServer(then=reply(), tls=tls_server) as server:
            output = run_program(f"{FORK_WHILE[what]}\n{THEN_FORK}", server.url, str(tmp_path / "ca.pem"))
        assert output == "child 200\nparent 200\n"

    def test_a_child_that_forgets_a_stream_leaves_it_to_the_parent(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: audio/pcm\r\nContent-Length: 4\r\n\r\nab"
        done = threading.Event()

        def in_two_parts(connection: Connection) -> None:
            connection.read_body()
            connection.send(head)
            done.wait(60)
            connection.send(b"cd")

        def tell(connection: Connection) -> None:
            reply()(connection)
            done.set()

        with RawServer(in_two_parts, tell) as server:
            assert run_program(FORK_READING, server.url) == "abcd\n"


FORK_READING = """
import gc, os, sys, threading, warnings
from soniox_lite import SonioxClient
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
client = SonioxClient("key", api_base_url=sys.argv[1], tts_api_base_url=sys.argv[1])
started, audio = threading.Event(), []
def read():
    with client.tts.generate_stream(text="a", language="en", voice="v") as blocks:
        for block in blocks:
            audio.append(block)
            started.set()
thread = threading.Thread(target=read)
thread.start()
started.wait(60)
child = os.fork()
if child == 0:
    stream = next(x for x in gc.get_objects() if type(x).__name__ == "ResponseStream")
    stream.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
client.request("GET", "/forked")
thread.join()
print(b"".join(audio).decode())
client.close()
"""


UNCLOSED = """
import sys
from soniox_lite import SonioxClient
client = SonioxClient("key", api_base_url=sys.argv[1])
client.models
print(client.request("GET", "/x").status_code)
"""


def test_a_program_that_ends_without_closing_is_not_warned() -> None:
    with RawServer(then=reply()) as server:
        assert run_program(UNCLOSED, server.url) == "200\n"


class TestConnecting:
    def test_a_host_that_swallows_packets_ends_with_the_connect_timeout(self, connect: Any, silent_port: int) -> None:
        url = f"http://127.0.0.1:{silent_port}"
        caller = connect(url, connect_timeout_sec=0.2, max_retries=0)
        started = time.monotonic()
        with pytest.raises(SonioxTimeoutError, match=r"could not connect within 0.2 s") as caught:
            caller.request("POST", json={})
        assert time.monotonic() - started < 20
        assert not caught.value.request_sent

    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, a socket that connects cannot be shut down")
    def test_closing_ends_an_attempt_to_connect(self, monkeypatch: pytest.MonkeyPatch, silent_port: int) -> None:
        connecting = threading.Event()
        real_connect = socket.socket.connect

        def connect_and_tell(sock: socket.socket, address: Any) -> None:
            connecting.set()
            real_connect(sock, address)

        monkeypatch.setattr(socket.socket, "connect", connect_and_tell)
        client = SonioxClient(KEY, api_base_url=f"http://127.0.0.1:{silent_port}")
        result = Background(lambda: client.request("POST", "/x"))
        assert connecting.wait(60)
        while result.is_running():
            client.close()  # Again, should the first have come between the event and the system call.
        error = result()
        assert isinstance(error, SonioxConnectionError)
        assert "closed" in str(error)

    def test_the_next_address_is_tried(self, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        with RawServer(then=reply()) as server, socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address)
                         for address in (deaf.getsockname(), ("127.0.0.1", server.port))]  # fmt: skip
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
            assert connect("http://api.invalid").request("GET").status_code == 200

    def test_a_host_without_addresses_is_a_soniox_error(self, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])
        with pytest.raises(SonioxError):
            connect("http://api.invalid", max_retries=0).request("GET")

    def test_a_name_that_cannot_be_resolved_says_so(self, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise socket.gaierror(-2, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", fail)
        with pytest.raises(SonioxConnectionError, match=r"name cannot be resolved .Name or service not known"):
            connect("http://api.invalid", max_retries=0).request("GET")

    def test_a_name_that_no_resolver_takes_is_a_connection_error(self, connect: Any) -> None:
        with pytest.raises(SonioxConnectionError):
            connect(f"http://{'a' * 70}.invalid", max_retries=0).request("GET")

    def test_ipv6_works(self, connect: Any) -> None:
        try:
            server = RawServer(then=reply(), host="::1")
        except OSError:
            pytest.skip("no IPv6 here")
        with server:
            assert connect(f"http://[::1]:{server.port}").request("GET").status_code == 200
        assert server.requests[0].headers["host"] == f"[::1]:{server.port}"


@each_row("options", [{"deadline_sec": 0}, {"deadline_sec": -1}, {"deadline_sec": "5"},
                                     {"deadline_sec": float("nan")}, {"deadline_sec": True}])  # fmt: skip
def test_deadlines_are_positive_numbers(connect: Any, options: dict[str, Any]) -> None:
    with pytest.raises(SonioxValidationError, match="deadline_sec"):
        connect("http://127.0.0.1:1").request("GET", **options)
