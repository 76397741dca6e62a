"""Audio that is handed out as it comes in: when, how it ends, and what becomes of its connection."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import threading
import time
import types
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from soniox_lite import (
    AsyncSonioxClient,
    SonioxAPIError,
    SonioxAuthenticationError,
    SonioxClient,
    SonioxConnectionError,
    SonioxError,
    SonioxRateLimitError,
    SonioxServerError,
    SonioxTimeoutError,
)
from soniox_lite._http import streams, wire_response
from tests.support.callers import KEY
from tests.support.insides import until_inside
from tests.support.raw_server import (
    PATIENCE_SEC,
    Connection,
    RawServer,
    close,
    drip,
    http_reply,
    repeat,
    reply,
    reset,
    send_and_close,
    send_raw,
    stall,
)
from tests.support.tables import each_row

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from pathlib import Path

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/octet-stream\r\n\r\n"
HELLO = b"5\r\nhello\r\n"
WORLD = b"6\r\n world\r\n"
END = b"0\r\n\r\n"
WITH_LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n"
SPOKEN: dict[str, Any] = {"text": "Hello", "voice": "Adrian", "language": "en"}


class Listener:
    """Takes the audio of either kind of client, a step at a time."""

    def __init__(self, caller: Any, **options: Any) -> None:
        self.caller = caller
        self.stream: Any = None

        def begin(client: Any) -> None:
            self.stream = client.tts.generate_stream(**SPOKEN, **options)

        caller.run(begin)

    def next(self) -> bytes:
        """The next audio; empty at the end."""
        if self.caller.surface == "sync":
            return next(self.stream, b"")

        async def take() -> bytes:
            return await anext(self.stream, b"")

        block: bytes = self.caller.run(lambda _: take())
        return block

    def rest(self) -> list[bytes]:
        """All that is still to come."""
        return list(iter(self.next, b""))

    def take_until_failure(self) -> tuple[bytes, SonioxError]:
        """What came, and what it ended with."""
        blocks: list[bytes] = []
        try:
            while block := self.next():
                blocks.append(block)
        except SonioxError as error:
            return b"".join(blocks), error
        pytest.fail("it ended well")

    def enter(self) -> None:
        """Begins a ``with`` block."""
        sync = self.caller.surface == "sync"
        self.caller.run(lambda _: self.stream.__enter__() if sync else self.stream.__aenter__())

    def close(self) -> None:
        """Gives the rest up."""
        self.caller.run(lambda _: self.stream.close() if self.caller.surface == "sync" else self.stream.aclose())


@pytest.fixture
def speaker(connect: Any) -> Callable[..., Any]:
    """Makes clients whose text-to-speech host is a server."""

    def make(server: RawServer, **options: Any) -> Any:
        return connect("http://127.0.0.1:9", tts_api_base_url=server.url, **options)

    make.surface = connect.surface  # type: ignore[attr-defined]
    return make


def hung_up(server: RawServer) -> None:
    """Waits until the client has closed its connections."""
    server.wait_until(lambda server: server.open_connections == 0)


def until_it_is_read() -> None:
    """Waits until a read waits for more of a response."""
    until_inside("readinto", "_http")


class TestArrival:
    def test_audio_is_handed_out_while_the_rest_is_still_being_made(self, speaker: Any) -> None:
        heard = [threading.Event(), threading.Event()]

        def speak(connection: Connection) -> None:
            connection.read_body()
            connection.send(HEAD + HELLO)
            assert heard[0].wait(PATIENCE_SEC)
            connection.send(WORLD)
            assert heard[1].wait(PATIENCE_SEC)
            connection.send(END)

        with RawServer(speak) as server:
            listener = Listener(speaker(server))
            for event, expected in zip(heard, [b"hello", b" world"], strict=True):
                assert listener.next() == expected
                event.set()
            assert listener.next() == b""
            assert listener.next() == b""

    def test_what_comes_before_the_head_is_no_audio(self, speaker: Any) -> None:
        interim = b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        with RawServer(then=send_raw(interim + HEAD + HELLO + END)) as server:
            caller = speaker(server)
            assert [Listener(caller).rest() for _ in range(2)] == [[b"hello"], [b"hello"]]
        assert server.connection_count == 1

    @each_row("head", [WITH_LENGTH, HEAD], ids=["length", "chunks"])
    @each_row("over_tls", [False, True], ids=["plain", "TLS"])
    def test_what_comes_after_the_audio_is_not_the_next_reply(
        self, connect: Any, tls_server: ssl.SSLContext, tls_client: ssl.SSLContext, head: bytes, over_tls: bool
    ) -> None:
        """Over TLS it has been decrypted with the end of the audio, where the system does not see it."""
        end = b"hello world" if head == WITH_LENGTH else b"b\r\nhello world\r\n" + END
        begun = threading.Event()

        def speak(connection: Connection) -> None:
            connection.read_body()
            connection.send(head)
            assert begun.wait(PATIENCE_SEC)
            connection.send(end + http_reply(b"not mine"))

        with RawServer(speak, reply(b"mine"), tls=tls_server if over_tls else None) as server:
            caller = connect(server, tts_api_base_url=server.url, ssl_context=tls_client)
            listener = Listener(caller)
            listener.enter()
            begun.set()
            assert b"".join(listener.rest()) == b"hello world"
            assert caller.request("GET").content == b"mine"
        assert server.connection_count == 2

    @pytest.mark.parametrize("fields", [b"Content-Length: 5, 6", b"Transfer-Encoding: gzip"])
    def test_audio_whose_end_is_not_told_ends_at_once(self, speaker: Any, fields: bytes) -> None:
        with RawServer(send_raw(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n\r\nhello")) as server:
            audio, error = Listener(speaker(server, timeout_sec=60)).take_until_failure()
            hung_up(server)
        assert (audio, type(error)) == (b"", SonioxConnectionError)

    def test_a_piece_of_a_chunk_is_not_held_back(self, speaker: Any) -> None:
        heard = threading.Event()

        def speak(connection: Connection) -> None:
            connection.read_body()
            connection.send(HEAD + b"b\r\nhello")
            assert heard.wait(PATIENCE_SEC)
            connection.send(b" world\r\n" + END)

        with RawServer(speak) as server:
            listener = Listener(speaker(server))
            assert listener.next() == b"hello"
            heard.set()
            assert b"".join(listener.rest()) == b" world"

    def test_nothing_is_sent_before_the_first_read(self, speaker: Any) -> None:
        with RawServer(send_raw(HEAD + HELLO + END)) as server:
            listener = Listener(speaker(server))
            assert server.requests == []
            listener.enter()
            assert server.targets == ["POST /tts"]
            assert listener.rest() == [b"hello"]

    def test_what_goes_out(self, speaker: Any) -> None:
        with RawServer(send_raw(HEAD + HELLO + END)) as server:
            Listener(speaker(server), config={"speed": 1.1}, client_reference_id="mine").rest()
        (request,) = server.requests
        assert json.loads(request.body) == {
            **SPOKEN,
            "model": "tts-rt-v2",
            "audio_format": "wav",
            "speed": 1.1,
            "client_reference_id": "mine",
        }
        assert request.headers["authorization"] == f"Bearer {KEY}"
        assert request.headers["accept"] == "*/*"
        assert request.headers["user-agent"].startswith("soniox-lite/")

    def test_a_base_url_may_have_a_path(self, connect: Any) -> None:
        with RawServer(send_raw(HEAD + HELLO + END)) as server:
            Listener(connect(server, tts_api_base_url=f"{server.url}/soniox/")).rest()
        assert server.targets == ["POST /soniox/tts"]

    @pytest.mark.parametrize("encoding", ["gzip", "identity"])
    def test_a_server_that_compresses_unasked(self, speaker: Any, encoding: str) -> None:
        audio = b"hello" * 1000
        body = gzip.compress(audio) if encoding == "gzip" else audio
        with RawServer(reply(body, "200 OK", f"Content-Encoding: {encoding}")) as server:
            assert b"".join(Listener(speaker(server)).rest()) == audio

    def test_an_opener_of_the_users_own(self, speaker: Any) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with RawServer(send_raw(HEAD + HELLO + WORLD + END)) as server:
            assert b"".join(Listener(speaker(server, opener=opener)).rest()) == b"hello world"

    def test_time_that_the_listener_takes_is_not_the_servers(
        self, speaker: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        late = [0.0]
        clock = types.SimpleNamespace(monotonic=lambda: time.monotonic() + late[0])
        monkeypatch.setattr(wire_response, "time", clock)
        heard = threading.Event()

        def speak(connection: Connection) -> None:
            connection.read_body()
            connection.send(HEAD + HELLO)
            assert heard.wait(PATIENCE_SEC)
            connection.send(WORLD + END)

        with RawServer(speak) as server:
            listener = Listener(speaker(server))
            assert listener.next() == b"hello"
            late[0] = 3600.0
            heard.set()
            assert listener.next() == b" world"

    def test_a_stream_may_change_its_event_loop(self) -> None:
        heard = threading.Event()

        def speak(connection: Connection) -> None:
            connection.read_body()
            connection.send(HEAD + HELLO)
            assert heard.wait(PATIENCE_SEC)
            connection.send(WORLD + END)

        with RawServer(speak) as server:
            client = AsyncSonioxClient(KEY, tts_api_base_url=server.url)
            stream = client.tts.generate_stream(**SPOKEN)
            assert asyncio.run(_next(stream)) == b"hello"
            heard.set()
            assert asyncio.run(_next(stream)) == b" world"
            assert asyncio.run(_next(stream)) == b""
            asyncio.run(client.aclose())


async def _next(stream: Any) -> bytes:
    block: bytes = await anext(stream, b"")
    return block


class TestEnds:
    @pytest.mark.parametrize(
        "answer", [HEAD + HELLO + WORLD + END, WITH_LENGTH + b"hello world"], ids=["chunks", "length"]
    )
    def test_a_connection_that_was_read_to_its_end_is_used_again(self, speaker: Any, answer: bytes) -> None:
        with RawServer(send_raw(answer), send_raw(answer)) as server:
            caller = speaker(server)
            for _ in range(2):
                assert b"".join(Listener(caller).rest()) == b"hello world"
            assert server.connection_count == 1

    def test_a_body_that_ends_with_its_connection(self, speaker: Any) -> None:
        with RawServer(send_and_close(b"HTTP/1.1 200 OK\r\n\r\nhello")) as server:
            assert Listener(speaker(server)).rest() == [b"hello"]

    @each_row(
        "answer",
        [
            WITH_LENGTH + b"hello",
            HEAD + HELLO,
            HEAD + HELLO + b"6\r\n",
            HEAD + HELLO + b"6",
            HEAD + HELLO + b"0",
            HEAD + HELLO + b"0\r\n",
            HEAD + HELLO + b"0\r\nX-Request-Id: 1",
            HEAD + HELLO + b"xyz\r\n",
            HEAD + HELLO + b"-5\r\nhello\r\n" + END,
        ],
        ids=["length", "end", "chunk", "size", "last size", "last line", "trailer", "no size", "negative size"],
    )
    def test_audio_that_breaks_off_ends_in_an_error(self, speaker: Any, answer: bytes) -> None:
        with RawServer(send_and_close(answer), send_raw(HEAD + WORLD + END)) as server:
            caller = speaker(server)
            listener = Listener(caller)
            audio, error = listener.take_until_failure()
            assert audio == b"hello"
            assert isinstance(error, SonioxConnectionError)
            assert error.request_sent
            assert listener.next() == b""
            assert Listener(caller).rest() == [b" world"]
            assert len(server.requests) == 2

    def test_half_a_chunk_is_handed_out_before_the_error(self, speaker: Any) -> None:
        with RawServer(send_and_close(HEAD + b"b\r\nhello")) as server:
            audio, error = Listener(speaker(server)).take_until_failure()
        assert (audio, type(error)) == (b"hello", SonioxConnectionError)

    def test_a_connection_that_is_reset(self, speaker: Any) -> None:
        heard = threading.Event()

        def speak(connection: Connection) -> None:
            connection.read_body()
            connection.send(HEAD + HELLO)
            assert heard.wait(PATIENCE_SEC)
            connection.reset()

        with RawServer(speak) as server:
            listener = Listener(speaker(server))
            assert listener.next() == b"hello"
            heard.set()
            assert type(listener.take_until_failure()[1]) is SonioxConnectionError

    @pytest.mark.parametrize("answer", [HEAD + END, http_reply(b"")], ids=["chunks", "length"])
    def test_no_audio_at_all_is_an_error(self, speaker: Any, answer: bytes) -> None:
        with RawServer(send_raw(answer), send_raw(answer)) as server:
            caller = speaker(server)
            listener = Listener(caller)
            _, error = listener.take_until_failure()
            assert isinstance(error, SonioxAPIError)
            assert (error.message, error.status_code) == ("the service sent no audio", 200)
            assert listener.next() == b""
            with pytest.raises(SonioxAPIError, match="no audio"):
                caller.run(lambda client: client.tts.generate(**SPOKEN))

    @pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "Application/JSON"])
    def test_a_page_or_json_that_passes_for_success_is_no_audio(self, speaker: Any, tmp_path: Path, kind: str) -> None:
        page = b"\n<html>Log in to the network first.</html>" if "html" in kind else b'{"error_message": "No."}'
        answer = reply(page, content_type=kind)
        path = tmp_path / "speech.wav"
        path.write_bytes(b"older")
        with RawServer(answer, answer) as server:
            caller = speaker(server)
            audio, error = Listener(caller).take_until_failure()
            assert audio == b""
            assert isinstance(error, SonioxAPIError)
            assert error.message == f"the answer is {kind.partition(';')[0].lower()} and no audio"
            with pytest.raises(SonioxAPIError, match="no audio"):
                caller.run(lambda client: client.tts.generate_to_file(path, **SPOKEN, keep_partial=True))
        assert [name.name for name in tmp_path.iterdir()] == ["speech.wav"]
        assert path.read_bytes() == b"older"

    def test_audio_is_taken_whatever_type_it_has(self, speaker: Any) -> None:
        answer = reply(b"RIFF....", content_type="text/html")
        with RawServer(answer) as server:
            assert b"".join(Listener(speaker(server)).rest()) == b"RIFF...."

    @pytest.mark.parametrize("then", [stall(HEAD + HELLO), drip(HEAD + HELLO + b"ffffff\r\n")], ids=["stops", "drips"])
    def test_audio_that_stops_is_given_up(self, speaker: Any, then: Any) -> None:
        with RawServer(then) as server:
            audio, error = Listener(speaker(server, timeout_sec=1.5)).take_until_failure()
            assert audio.startswith(b"hello")
            assert isinstance(error, SonioxTimeoutError)
            assert error.request_sent
            hung_up(server)

    def test_a_deadline_is_one_for_the_audio_too(self, speaker: Any) -> None:
        with RawServer(drip(HEAD + HELLO + b"ffffff\r\n")) as server:
            audio, error = Listener(speaker(server), deadline_sec=2.0).take_until_failure()
            assert audio.startswith(b"hello")
            assert isinstance(error, SonioxTimeoutError)

    @pytest.mark.parametrize("own_opener", [False, True])
    def test_audio_without_end_is_given_up(
        self, speaker: Any, monkeypatch: pytest.MonkeyPatch, own_opener: bool
    ) -> None:
        for module in (wire_response, streams):
            monkeypatch.setattr(module, "MAX_WIRE_BYTES", 1_000_000)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({})) if own_opener else None
        with RawServer(repeat(HEAD, b"7d0\r\n" + bytes(2000) + b"\r\n")) as server:
            audio, _ = Listener(speaker(server, opener=opener)).take_until_failure()
            assert 100_000 < len(audio) <= 1_000_000
            hung_up(server)


class TestTrailers:
    @pytest.mark.parametrize(
        "names",
        [
            ("error_code", "error_type", "error_message", "request_id"),
            ("X-Soniox-Error-Code", "X-Soniox-Error-Type", "X-Soniox-Error-Message", "X-Request-Id"),
        ],
    )
    def test_a_failure_after_the_audio_is_raised(self, speaker: Any, names: tuple[str, ...]) -> None:
        values = ("429", "limit_exceeded", f"Too much for {KEY}.", "r-1")
        trailers = "".join(f"{name}: {value}\r\n" for name, value in zip(names, values, strict=True))
        with RawServer(send_raw(HEAD + HELLO + b"0\r\n" + trailers.encode() + b"\r\n")) as server:
            audio, error = Listener(speaker(server)).take_until_failure()
        assert audio == b"hello"
        assert isinstance(error, SonioxRateLimitError)
        assert (error.status_code, error.error_type, error.request_id) == (429, "limit_exceeded", "r-1")
        assert error.message == "Too much for ***."

    def test_a_failure_without_particulars_is_one_of_the_server(self, speaker: Any) -> None:
        with RawServer(send_raw(HEAD + HELLO + b"0\r\nError-Code: many\r\n\r\n")) as server:
            _, error = Listener(speaker(server)).take_until_failure()
        assert isinstance(error, SonioxServerError)
        assert str(error) == "the service failed while it sent the response (HTTP 500, api_error)"

    def test_other_trailers_say_nothing(self, speaker: Any) -> None:
        answer = HEAD + HELLO + b"0\r\nX-Request-Id: r-1\r\nServer-Timing: total;dur=3\r\n\r\n"
        with RawServer(send_raw(answer), send_raw(answer)) as server:
            caller = speaker(server)
            assert Listener(caller).rest() == Listener(caller).rest() == [b"hello"]
            assert server.connection_count == 1

    def test_there_cannot_be_too_many(self, speaker: Any) -> None:
        with RawServer(repeat(HEAD + HELLO + b"0\r\n", b"A: b\r\n")) as server:
            audio, error = Listener(speaker(server)).take_until_failure()
        assert (audio, type(error)) == (b"hello", SonioxConnectionError)


class TestLeavingEarly:
    def test_closing_closes_the_connection(self, speaker: Any) -> None:
        with RawServer(repeat(HEAD, HELLO), send_raw(HEAD + WORLD + END)) as server:
            caller = speaker(server)
            listener = Listener(caller)
            listener.enter()
            assert listener.next().startswith(b"hello")
            listener.close()
            hung_up(server)
            assert listener.next() == b""
            listener.close()
            assert Listener(caller).rest() == [b" world"]
            assert server.connection_count == 2

    def test_what_was_never_begun_is_never_sent(self, speaker: Any) -> None:
        with RawServer() as server:
            listener = Listener(speaker(server))
            listener.close()
            listener.enter()
            assert listener.next() == b""
            assert server.requests == []

    def test_a_stream_that_is_forgotten_closes_its_connection(self, speaker: Any) -> None:
        with RawServer(repeat(HEAD, HELLO)) as server:
            listener = Listener(speaker(server))
            assert listener.next()
            del listener
            gc.collect()
            hung_up(server)

    def test_an_error_in_the_block_closes_the_connection(self, speaker: Any) -> None:
        def listen(stream: Any) -> None:
            with stream as audio:
                for _ in audio:
                    raise ZeroDivisionError

        async def listen_async(stream: Any) -> None:
            async with stream as audio:
                async for _ in audio:
                    raise ZeroDivisionError

        with RawServer(repeat(HEAD, HELLO)) as server:
            listener = Listener(speaker(server))
            function = listen if speaker.surface == "sync" else listen_async
            with pytest.raises(ZeroDivisionError):
                listener.caller.run(lambda _: function(listener.stream))
            hung_up(server)

    def test_another_thread_can_end_the_waiting(self) -> None:

        reached = threading.Event()
        caught: list[BaseException] = []

        def listen(stream: Any) -> None:
            try:
                list(stream)
            except SonioxError as error:
                caught.append(error)

        with (
            RawServer(stall(HEAD + HELLO, reached)) as server,
            SonioxClient(KEY, tts_api_base_url=server.url) as client,
        ):
            stream = client.tts.generate_stream(**SPOKEN)
            assert next(stream) == b"hello"
            thread = threading.Thread(target=listen, args=(stream,))
            thread.start()
            until_it_is_read()
            stream.close()
            thread.join(PATIENCE_SEC)
            assert not thread.is_alive()
            hung_up(server)
        assert [str(error) for error in caught] == ["the response was closed while it was read"]

    def test_another_thread_ends_a_read_that_cannot_be_interrupted(self) -> None:
        reading, closed = threading.Event(), threading.Event()
        caught: list[SonioxError] = []

        class Slow(urllib.request.BaseHandler):
            def http_response(self, _request: Any, response: Any) -> Any:
                read1 = response.read1

                def slow(size: int) -> bytes:
                    reading.set()
                    assert closed.wait(PATIENCE_SEC)
                    return bytes(read1(size))

                response.read1 = slow
                return response

        def listen(stream: Any) -> None:
            try:
                list(stream)
            except SonioxError as error:
                caught.append(error)

        options: dict[str, Any] = {"opener": urllib.request.build_opener(Slow)}
        with (
            RawServer(send_raw(HEAD + HELLO)) as server,
            SonioxClient(KEY, tts_api_base_url=server.url, **options) as client,
        ):
            stream = client.tts.generate_stream(**SPOKEN)
            thread = threading.Thread(target=listen, args=(stream,))
            thread.start()
            assert reading.wait(PATIENCE_SEC)
            stream.close()
            closed.set()
            thread.join(PATIENCE_SEC)
            assert not thread.is_alive()
            hung_up(server)
        assert [str(error) for error in caught] == ["the response was closed while it was read"]

    def test_a_closed_one_is_copied_nowhere(self, speaker: Any) -> None:
        with RawServer() as server:
            listener = Listener(speaker(server))
            listener.close()
            blocks: list[bytes] = []
            listener.caller.run(lambda _: listener.stream.copy_to(blocks.append))
            assert (blocks, server.requests) == ([], [])

    def test_closing_from_another_thread_before_the_head(self) -> None:
        asked, closed = threading.Event(), threading.Event()
        heard: list[bytes] = []

        def speak(connection: Connection) -> None:
            connection.read_body()
            asked.set()
            assert closed.wait(PATIENCE_SEC)
            connection.send(HEAD + HELLO)

        with RawServer(speak) as server, SonioxClient(KEY, tts_api_base_url=server.url) as client:
            stream = client.tts.generate_stream(**SPOKEN)
            thread = threading.Thread(target=lambda: heard.extend(stream))
            thread.start()
            assert asked.wait(PATIENCE_SEC)
            stream.close()
            closed.set()
            thread.join(PATIENCE_SEC)
            assert (thread.is_alive(), heard) == (False, [])
            hung_up(server)

    def test_closing_from_another_task_before_the_head(self) -> None:
        asked, closed = threading.Event(), threading.Event()

        def speak(connection: Connection) -> None:
            connection.read_body()
            asked.set()
            assert closed.wait(PATIENCE_SEC)
            connection.send(HEAD + HELLO)

        async def listen(client: Any, server: RawServer) -> None:
            stream = client.tts.generate_stream(**SPOKEN)
            waiting = asyncio.ensure_future(_next(stream))
            assert await asyncio.to_thread(asked.wait, PATIENCE_SEC)
            await stream.aclose()
            closed.set()
            assert await waiting == b""
            await asyncio.to_thread(hung_up, server)

        with RawServer(speak) as server:
            _run(server, listen)

    def test_cancelling_ends_the_transfer(self) -> None:
        async def listen(client: Any, server: RawServer) -> None:
            stream = client.tts.generate_stream(**SPOKEN)
            assert await anext(stream) == b"hello"
            task = asyncio.ensure_future(_next(stream))
            await asyncio.sleep(0)  # It begins to wait.
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.to_thread(hung_up, server)
            assert await _next(stream) == b""

        with RawServer(stall(HEAD + HELLO)) as server:
            _run(server, listen)

    def test_cancelling_a_whole_one_ends_the_transfer(self) -> None:
        reached = threading.Event()

        async def listen(client: Any, server: RawServer) -> None:
            task = asyncio.ensure_future(client.tts.generate(**SPOKEN))
            assert await asyncio.to_thread(reached.wait, PATIENCE_SEC)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.to_thread(hung_up, server)

        with RawServer(stall(HEAD + HELLO, reached)) as server:
            _run(server, listen)

    @pytest.mark.parametrize("answer", [repeat(HEAD, HELLO), close], ids=["audio", "none"])
    def test_cancelling_before_the_head_ends_the_transfer(self, answer: Any, caplog: pytest.LogCaptureFixture) -> None:
        asked, cancelled = threading.Event(), threading.Event()

        def speak(connection: Connection) -> None:
            connection.read_body()
            asked.set()
            assert cancelled.wait(PATIENCE_SEC)
            answer(connection)

        async def listen(client: Any, server: RawServer) -> None:
            task = asyncio.ensure_future(client.tts.generate(**SPOKEN))
            assert await asyncio.to_thread(asked.wait, PATIENCE_SEC)
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            cancelled.set()
            await asyncio.to_thread(hung_up, server)
            # The exception keeps the objects in its frames alive until here.
            assert caught.value.__traceback__ is not None

        with RawServer(speak) as server:
            _run(server, listen)
        assert [record for record in caplog.records if record.levelname != "DEBUG"] == []

    def test_over_tls_too(self, tls_server: ssl.SSLContext, tls_client: ssl.SSLContext) -> None:
        async def listen(client: Any, server: RawServer) -> None:
            stream = client.tts.generate_stream(**SPOKEN)
            assert await anext(stream) == b"hello"
            waiting = asyncio.ensure_future(_next(stream))
            await asyncio.to_thread(until_it_is_read)
            await stream.aclose()
            with pytest.raises(SonioxError, match="closed while it was read"):
                await waiting
            await asyncio.to_thread(hung_up, server)

        with RawServer(stall(HEAD + HELLO), tls=tls_server) as server:
            _run(server, listen, ssl_context=tls_client)

    def test_closing_the_client_ends_the_transfer(self, speaker: Any) -> None:
        with RawServer(stall(HEAD + HELLO)) as server:
            caller = speaker(server)
            listener = Listener(caller)
            assert listener.next() == b"hello"
            caller.run(lambda client: client.close() if caller.surface == "sync" else client.aclose())
            _, error = listener.take_until_failure()
            assert "the client was closed meanwhile" in str(error)
            hung_up(server)

    def test_what_has_arrived_by_then_is_handed_out(self, speaker: Any) -> None:
        with RawServer(send_raw(WITH_LENGTH + b"hello world")) as server:
            caller = speaker(server)
            listener = Listener(caller)
            assert listener.next() == b"hello world"
            caller.run(lambda client: client.close() if caller.surface == "sync" else client.aclose())
            assert listener.rest() == []
            hung_up(server)

    # On Windows, a socket that cannot be shut down is closed.
    @pytest.mark.parametrize("slice_sec", [None, 0.05], ids=["", "Windows"])
    def test_closing_the_client_after_a_reset(
        self, speaker: Any, monkeypatch: pytest.MonkeyPatch, slice_sec: float | None
    ) -> None:
        def begin_and_reset(connection: Connection) -> None:
            send_raw(HEAD + HELLO)(connection)
            assert heard.wait(PATIENCE_SEC)
            connection.reset()

        heard = threading.Event()
        monkeypatch.setattr("soniox_lite._http.pool.SLICE_SEC", slice_sec)
        with RawServer(begin_and_reset) as server:
            caller = speaker(server)
            listener = Listener(caller)
            assert listener.next() == b"hello"
            heard.set()
            hung_up(server)
            caller.run(lambda client: client.close() if caller.surface == "sync" else client.aclose())
            _, error = listener.take_until_failure()
            assert "the client was closed meanwhile" in str(error)


def _run(server: RawServer, function: Any, **options: Any) -> None:
    async def run() -> None:
        async with AsyncSonioxClient(KEY, tts_api_base_url=server.url, **options) as client:
            await function(client, server)

    asyncio.run(run())


def refusal(status: str, error_type: str, *headers: str) -> Any:
    body = {
        "error_code": int(status[:3]),
        "error_type": error_type,
        "error_message": "No.",
        "more_info": None,
        "request_id": "r-1",
    }
    return reply(json.dumps(body).encode(), status, *headers)


class TestRefusals:
    @each_row(
        ("status", "error_type", "error_class"),
        [
            ("401 Unauthorized", "unauthenticated", SonioxAuthenticationError),
            ("402 Payment Required", "organization_balance_exhausted", SonioxAPIError),
            ("500 Internal Server Error", "internal_error", SonioxServerError),
            ("503 Service Unavailable", "voice_failed", SonioxServerError),
        ],
    )
    def test_a_refusal_is_the_error_that_it_says_and_final(
        self, speaker: Any, status: str, error_type: str, error_class: type[SonioxError]
    ) -> None:
        with RawServer(refusal(status, error_type)) as server:
            _, error = Listener(speaker(server)).take_until_failure()
            assert len(server.requests) == 1
        assert type(error) is error_class
        assert isinstance(error, SonioxAPIError)
        assert (error.status_code, error.error_type, error.message) == (int(status[:3]), error_type, "No.")
        assert error.request_id == "r-1"

    @pytest.mark.parametrize(
        "first",
        [
            refusal("503 Service Unavailable", "service_unavailable"),
            refusal("429 Too Many Requests", "limit_exceeded", "Retry-After: 3"),
        ],
    )
    def test_a_refusal_that_may_pass_is_repeated(self, speaker: Any, first: Any, pauses: list[float]) -> None:
        with RawServer(first, send_raw(HEAD + HELLO + END)) as server:
            assert Listener(speaker(server)).rest() == [b"hello"]
        assert len(pauses) == 1

    def test_an_endless_refusal_is_read_to_a_bound(self, speaker: Any) -> None:
        with RawServer(repeat(b"HTTP/1.1 400 Bad\r\n\r\n", b"a")) as server:
            _, error = Listener(speaker(server)).take_until_failure()
        assert isinstance(error, SonioxAPIError)
        assert error.response is not None
        assert (error.status_code, error.response.content) == (400, b"a" * 1024 * 1024)

    @pytest.mark.parametrize("first", [close, reset], ids=["closed", "reset"])
    def test_what_may_have_cost_something_is_not_repeated(self, speaker: Any, first: Any) -> None:
        with RawServer(first) as server:
            _, error = Listener(speaker(server)).take_until_failure()
            assert isinstance(error, SonioxConnectionError)
            assert len(server.requests) == 1

    def test_the_key_goes_nowhere_else(self, speaker: Any) -> None:
        with RawServer() as other, RawServer(reply(b"", "307 Elsewhere", f"Location: {other.url}/tts")) as server:
            _, error = Listener(speaker(server)).take_until_failure()
            assert isinstance(error, SonioxAPIError)
            assert error.status_code == 307
            assert other.requests == []


class TestHooks:
    def test_they_see_each_attempt_and_no_audio(self, speaker: Any) -> None:
        seen: list[tuple[str, Any]] = []
        with RawServer(refusal("503 No", "service_unavailable"), send_raw(HEAD + HELLO + END)) as server:
            caller = speaker(
                server,
                on_request=lambda request: seen.append(("request", request.attempt)),
                on_response=lambda response: seen.append(("response", (response.status_code, response.content[:1]))),
            )
            Listener(caller).rest()
        assert seen == [("request", 1), ("response", (503, b"{")), ("request", 2), ("response", (200, b""))]

    def test_one_that_raises_ends_the_transfer(self, speaker: Any) -> None:
        def fail(response: Any) -> None:
            raise ZeroDivisionError

        with RawServer(repeat(HEAD, HELLO)) as server:
            listener = Listener(speaker(server, on_response=fail))
            with pytest.raises(ZeroDivisionError):
                listener.next()
            hung_up(server)
