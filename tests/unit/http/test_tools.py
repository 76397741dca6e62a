"""Tools that sit between the client and the network: what watches urllib, what records and plays HTTP."""

from __future__ import annotations

import http.client
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import vcr
from vcr.errors import CannotOverwriteExistingCassetteException

from soniox_lite import SonioxClient, SonioxConnectionError, SonioxNotFoundError, SonioxValidationError
from soniox_testing import FakeSoniox
from tests.support.callers import KEY
from tests.support.raw_server import RawServer, reply
from tests.support.tables import each_row

ROOT = Path(__file__).parents[3]
FILE = b"sound" * 100_000


class ReadOnly:
    """A stream that has nothing but read()."""

    def __init__(self, content: bytes = FILE) -> None:
        self._content = content

    def read(self, size: int) -> bytes:
        block, self._content = self._content[:size], self._content[size:]
        return block


class TestWatching:
    """Whatever wraps urllib's opener sees bodies, and asks them what it would ask bytes."""

    @pytest.fixture
    def watch(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        """Calls a function with each request that urllib is given."""

        def start(look: Any) -> None:
            real_open = urllib.request.OpenerDirector.open

            def watched(opener: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
                look(request)
                return real_open(opener, request, *args, **kwargs)

            monkeypatch.setattr(urllib.request.OpenerDirector, "open", watched)

        return start

    @pytest.mark.parametrize(
        "body",
        [{"json": {"a": 1}}, {"data": {"a": 1}}, {"files": {"file": FILE}}],
        ids=["json", "form", "file"],
    )
    def test_a_body_is_as_long_as_what_is_sent(self, connect: Any, watch: Any, body: dict[str, Any]) -> None:
        seen: list[Any] = []
        watch(lambda request: seen.append((len(request.data), bool(request.data), bytes(request.data))))
        with RawServer(reply()) as server:
            connect(server).request("POST", "/x", **body)
        sent = server.requests[0].body
        assert seen == [(len(sent), True, sent)]

    def test_a_body_of_unknown_length_is_no_empty_one(self, connect: Any, watch: Any) -> None:
        seen: list[Any] = []
        watch(lambda request: seen.append((len(request.data), bool(request.data))))
        with RawServer(reply()) as server:
            connect(server).upload(ReadOnly())
        assert seen == [(0, True)]
        assert FILE in server.requests[0].body

    def test_an_empty_body_is_false_as_bytes_are(self, connect: Any, watch: Any) -> None:
        seen: list[Any] = []
        watch(lambda request: seen.append((len(request.data), bool(request.data), bytes(request.data))))
        with RawServer(reply()) as server:
            connect(server).request("POST", "/x", data={})
        assert seen == [(0, False, b"")]

    def test_a_stream_that_cannot_be_rewound_is_sent_from_what_was_looked_at(self, connect: Any, watch: Any) -> None:
        seen: list[bytes] = []
        watch(lambda request: seen.append(bytes(request.data)))
        with RawServer(reply()) as server:
            connect(server).upload(ReadOnly())
        assert FILE in server.requests[0].body
        assert seen == [server.requests[0].body]

    def test_a_file_may_be_looked_through(self, connect: Any, watch: Any) -> None:
        seen: list[bytes] = []
        watch(lambda request: seen.append(b"".join(request.data)))
        with RawServer(reply()) as server:
            connect(server).upload(FILE)
        assert seen == [server.requests[0].body]

    def test_a_stream_that_was_looked_through_and_cannot_be_rewound_is_refused(self, connect: Any, watch: Any) -> None:
        watch(lambda request: list(request.data))
        with RawServer(then=reply()) as server, pytest.raises(SonioxValidationError, match="cannot be rewound"):
            connect(server, max_retries=0).upload(ReadOnly())

    def test_opentelemetry_traces_every_kind_of_request(self, connect: Any) -> None:
        from opentelemetry.instrumentation.urllib import URLLibInstrumentor

        seen: list[Any] = []

        def look_at_reply(_span: Any, request: Any, response: Any) -> None:
            seen.append(
                (request.get_method(), response.status, response.getheader("x-id"), dict(response.getheaders()))
            )

        instrumentor = URLLibInstrumentor()
        instrumentor.instrument(response_hook=look_at_reply, captured_response_headers=".*")
        try:
            with RawServer(then=reply(b"{}", "200 OK", "X-Id: 7")) as server:
                caller = connect(server)
                caller.request("GET")
                caller.request("POST", json={})
                caller.upload(FILE)
                caller.upload(ReadOnly())
        finally:
            instrumentor.uninstrument()
        assert [(method, status, name) for method, status, name, _ in seen] == [
            ("GET", 200, "7"),
            *[("POST", 200, "7")] * 3,
        ]
        assert seen[0][3]["X-Id"] == "7"
        assert FILE in server.requests[2].body
        assert FILE in server.requests[3].body


class TestRecording:
    """vcrpy has its own classes in place of http.client's while a cassette is in."""

    def use(self, connect: Any, server: FakeSoniox) -> list[Any]:
        """What all kinds of calls give."""
        options = {"tts_api_base_url": server.tts_api_base_url, "max_retries": 0}
        caller = connect(server.api_base_url.removesuffix("/v1"), **options)
        uploads = [caller.upload(FILE, "a.wav"), caller.upload(ReadOnly(), "b.wav")]
        spoken = caller.run(lambda client: client.tts.generate(text="Hi", voice="Adrian", language="en"))
        first_id = uploads[0].json()["id"]
        caller.run(lambda client: client.files.delete(first_id))
        with pytest.raises(SonioxNotFoundError):
            caller.run(lambda client: client.files.get(first_id))
        return [*(upload.json() for upload in uploads), spoken, caller.request("GET", "/files").json()]

    def test_what_was_recorded_is_played(self, connect: Any, tmp_path: Path) -> None:
        cassette = tmp_path / "cassette.yaml"
        with FakeSoniox(audio="any") as server, vcr.use_cassette(cassette, filter_headers=["authorization"]):
            recorded = self.use(connect, server)
            assert server.file_content(recorded[1]["id"]) == FILE
        with vcr.use_cassette(cassette, record_mode="none"):
            assert self.use(connect, server) == recorded
        assert KEY not in cassette.read_text()

    def test_a_request_that_is_not_on_the_cassette_is_the_tools_error(self, connect: Any, tmp_path: Path) -> None:
        cassette = vcr.use_cassette(tmp_path / "none.yaml", record_mode="none")
        with cassette, pytest.raises(CannotOverwriteExistingCassetteException):
            connect("http://127.0.0.1:9").request("GET")

    @pytest.mark.parametrize("over_tls", [False, True], ids=["plain", "TLS"])
    def test_kept_connections_are_not_used_beside_the_cassette(
        self, connect: Any, tmp_path: Path, tls_server: Any, tls_client: Any, over_tls: bool
    ) -> None:
        with RawServer(then=reply(b"live"), tls=tls_server if over_tls else None) as server:
            caller = connect(server, ssl_context=tls_client)
            assert caller.request("GET").content == b"live"
            with vcr.use_cassette(tmp_path / "cassette.yaml") as cassette:
                caller.request("GET", "/recorded")
                assert len(cassette) == 1
            assert caller.request("GET").content == b"live"
        assert [request.connection_number for request in server.requests] == [1, 2, 1]

    def test_any_class_in_http_clients_place_is_used(self, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        used: list[str] = []

        class Recording(http.client.HTTPConnection):
            def request(self, method: str, *args: Any, **kwargs: Any) -> None:
                used.append(method)
                super().request(method, *args, **kwargs)

        with RawServer(then=reply(b"{}")) as server:
            caller = connect(server)
            with monkeypatch.context() as patch:
                patch.setattr(http.client, "HTTPConnection", Recording)
                assert caller.request("POST", "/x", json={"a": 1}).content == b"{}"
            for _ in range(2):
                caller.request("GET")
        assert used == ["POST"]
        assert server.requests[0].body == b'{"a":1}'
        assert server.connection_count == 2

    def test_a_method_in_its_place_is_used(self, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        used: list[str] = []
        own = http.client.HTTPConnection.request

        def record(connection: Any, method: str, *args: Any, **kwargs: Any) -> None:
            used.append(method)
            own(connection, method, *args, **kwargs)

        with RawServer(then=reply(b"{}")) as server:
            caller = connect(server)
            with monkeypatch.context() as patch:
                patch.setattr(http.client.HTTPConnection, "request", record)
                assert caller.request("POST", "/x", json={"a": 1}).content == b"{}"
            caller.request("GET")
        assert used == ["POST"]

    def test_a_process_whose_first_request_was_recorded_goes_on_without(self, tmp_path: Path) -> None:
        program = """
import sys, vcr
with vcr.use_cassette(sys.argv[2]) as cassette:
    from soniox_lite import SonioxClient
    def ask():
        with SonioxClient("key", api_base_url=sys.argv[1], max_retries=0) as client:
            return client.request("GET", "/models").text
    print(ask(), len(cassette))
print(ask(), len(cassette))
"""
        with RawServer(then=reply(b"live")) as server:
            result = subprocess.run(
                [sys.executable, "-c", program, server.url, str(tmp_path / "cassette.yaml")],
                capture_output=True, text=True, timeout=300, check=True, cwd=ROOT,
            )  # fmt: skip
        assert result.stdout.splitlines() == ["live 1", "live 1"]
        assert len(server.requests) == 2


class TestAReplacedClassBehindAProxy:
    @pytest.fixture(autouse=True)
    def _replaced(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Recording(http.client.HTTPConnection): ...

        monkeypatch.setattr(http.client, "HTTPConnection", Recording)

    @each_row(("user", "authorization"), [("user:pass@", "Basic dXNlcjpwYXNz"), ("", None)])
    def test_sends_through_it_with_its_password(self, user: str, authorization: str | None) -> None:
        with RawServer(reply(b"through")) as proxy:
            url = proxy.url.replace("http://", f"http://{user}")
            with SonioxClient("key", api_base_url="http://api.example/v1", proxy=url) as client:
                assert client.request("GET", "/x").content == b"through"
        (request,) = proxy.requests
        assert request.target == "http://api.example/v1/x"
        assert request.headers.get("proxy-authorization") == authorization

    def test_does_not_send_a_password_without_tls(self) -> None:
        options: dict[str, Any] = {"proxy": "https://user:pass@127.0.0.1:9", "max_retries": 0}
        with (
            SonioxClient("key", api_base_url="http://api.example/v1", **options) as client,
            pytest.raises(SonioxConnectionError, match="cannot speak TLS to a proxy"),
        ):
            client.request("GET", "/x")
