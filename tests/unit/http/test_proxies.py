"""Proxies from the environment."""

from __future__ import annotations

import socket
import ssl
import time
from typing import Any

import pytest
import trustme

from soniox_lite import SonioxAuthenticationError, SonioxConnectionError, SonioxTimeoutError
from tests.support.callers import KEY
from tests.support.proxies import basic, forward, tunnel
from tests.support.raw_server import Connection, RawServer, close, drip, http_reply, refused_port, reply, send_and_close
from tests.support.tables import each_row

CREDENTIALS = "user:pass word%"
IN_URL = "user:pass%20word%25@"


def heads(server: RawServer) -> str:
    return "".join(request.head.decode("latin-1") for request in server.requests)


@pytest.fixture(params=["lower", "upper"])
def use_proxy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    def use(scheme: str, server: RawServer | str, credentials: str = "") -> None:
        address = server if isinstance(server, str) else server.address
        name = f"{scheme}_proxy"
        monkeypatch.setenv(name if request.param == "lower" or scheme == "http" else name.upper(),
                           f"http://{credentials}{address}")  # fmt: skip

    return use


class TestTunnel:
    def test_https_goes_through_a_tunnel_that_is_kept(
        self, connect: Any, use_proxy: Any, tls_server: ssl.SSLContext, tls_client: ssl.SSLContext
    ) -> None:
        with RawServer(then=tunnel(CREDENTIALS)) as proxy, RawServer(then=reply(), tls=tls_server) as server:
            use_proxy("https", proxy, IN_URL)
            caller = connect(server, ssl_context=tls_client)
            for _ in range(3):
                assert caller.request("GET").status_code == 200
            caller.close()
        assert proxy.targets == [f"CONNECT {server.address}"]
        assert proxy.requests[0].headers["proxy-authorization"] == basic(CREDENTIALS)
        assert KEY not in heads(proxy)
        assert "authorization: bearer" not in heads(proxy).lower()
        assert "proxy-authorization" not in heads(server).lower()
        assert [request.headers["authorization"] for request in server.requests] == [f"Bearer {KEY}"] * 3
        assert server.connection_count == 1

    def test_a_post_goes_through_too(
        self, connect: Any, use_proxy: Any, tls_server: ssl.SSLContext, tls_client: ssl.SSLContext
    ) -> None:
        with RawServer(then=tunnel()) as proxy, RawServer(then=reply(), tls=tls_server) as server:
            use_proxy("https", proxy)
            caller = connect(server, ssl_context=tls_client)
            assert caller.upload(b"sound" * 100_000).status_code == 200
            caller.close()
        assert b"sound" * 100_000 in server.requests[0].body
        assert "proxy-authorization" not in heads(proxy).lower()

    @pytest.mark.parametrize(
        "refusal",
        [http_reply(b"who are you?", "407 Proxy Authentication Required"), http_reply(b"", "502 Bad Gateway")],
    )
    def test_a_refusal_names_the_proxy_and_what_it_said(
        self, connect: Any, use_proxy: Any, pauses: list[float], refusal: bytes
    ) -> None:
        with RawServer(then=send_and_close(refusal)) as proxy:
            use_proxy("https", proxy, IN_URL)
            with pytest.raises(SonioxConnectionError) as caught:
                connect("https://api.invalid").request("POST", json={})
        text = str(caught.value)
        assert proxy.address in text
        assert refusal[9:12].decode() in text
        assert "https://api.invalid/v1/models" in text
        assert "word" not in text
        assert not caught.value.request_sent
        assert len(pauses) == 2  # Nothing was sent.
        assert KEY not in heads(proxy)

    @each_row("step", [close, send_and_close(b"SSH-2.0-x\r\n"), send_and_close(b"HTTP/1.1 200 OK\r\n\r\n")])
    def test_a_proxy_that_hangs_up_is_a_connection_error(self, connect: Any, use_proxy: Any, step: Any) -> None:
        with RawServer(then=step) as proxy:
            use_proxy("https", proxy)
            with pytest.raises(SonioxConnectionError, match=proxy.address):
                connect("https://api.invalid", max_retries=0).request("GET")

    @each_row("limit", ["connect_timeout_sec", "deadline_sec"])
    @each_row("start", [b"", b"HTTP/1.1 200 OK\r\nX: "])
    def test_a_proxy_that_drips_is_given_up_in_time(
        self, connect: Any, use_proxy: Any, limit: str, start: bytes
    ) -> None:
        data = start or b"HTTP/1.1 200 "
        with RawServer(then=drip(data)) as proxy:
            use_proxy("https", proxy)
            in_time = limit == "connect_timeout_sec"
            caller = connect("https://api.invalid", max_retries=0, connect_timeout_sec=0.4 if in_time else 60)
            started = time.monotonic()
            with pytest.raises(SonioxTimeoutError) as caught:
                caller.request("GET", **({} if in_time else {"deadline_sec": 0.4}))
            assert time.monotonic() - started < 30
            assert not caught.value.request_sent

    @each_row(
        ("answer", "problem"),
        [
            (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "status 101"),
            (b"HTTP/1.1 102 Processing\r\n\r\n" * 5000, "does not end"),
            (b"HTTP/1.1 200 OK\r\n\r\nmore", "more than its response"),
            (b"HTTP/1.1 200 OK\r\nno field\r\n\r\n", "not HTTP"),
        ],
    )
    def test_what_is_no_consent_opens_no_tunnel(
        self, connect: Any, use_proxy: Any, answer: bytes, problem: str
    ) -> None:
        with RawServer(then=send_and_close(answer)) as proxy:
            use_proxy("https", proxy)
            with pytest.raises(SonioxConnectionError, match=problem):
                connect("https://api.invalid", max_retries=0).request("GET")

    def test_interim_answers_are_skipped(
        self, connect: Any, use_proxy: Any, tls_server: ssl.SSLContext, tls_client: ssl.SSLContext
    ) -> None:
        def then_tunnel(connection: Any) -> None:
            connection.send(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
            tunnel()(connection)

        with RawServer(then=then_tunnel) as proxy, RawServer(then=reply(), tls=tls_server) as server:
            use_proxy("https", proxy)
            caller = connect(server, ssl_context=tls_client)
            assert caller.request("GET").status_code == 200
            caller.close()

    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_a_proxy_that_is_not_there_is_named(self, connect: Any, use_proxy: Any, scheme: str) -> None:
        address = f"127.0.0.1:{refused_port()}"
        use_proxy(scheme, address)
        with pytest.raises(SonioxConnectionError, match=f"proxy {address}"):
            connect(f"{scheme}://api.invalid", max_retries=0).request("GET")


class TestForward:
    def test_http_is_asked_for_by_its_whole_url(self, connect: Any, use_proxy: Any) -> None:
        with RawServer(then=forward(CREDENTIALS)) as proxy, RawServer(then=reply(b"from the origin")) as server:
            use_proxy("http", proxy, IN_URL)
            caller = connect(server)
            assert caller.request("GET", "/files?limit=1").content == b"from the origin"
            assert caller.upload(b"sound").content == b"from the origin"
        assert proxy.targets == [f"GET {server.url}/v1/files?limit=1", f"POST {server.url}/v1/files"]
        assert proxy.requests[0].headers["host"] == server.address
        assert "proxy-authorization" not in heads(server).lower()

    def test_a_connection_to_the_proxy_serves_all_hosts(self, connect: Any, use_proxy: Any) -> None:
        with RawServer(then=reply()) as proxy:
            use_proxy("http", proxy)
            caller = connect("http://one.invalid")
            for _ in range(3):
                caller.request("GET")
        assert proxy.connection_count == 1

    def test_a_proxy_that_wants_to_know_who_asks_says_so(self, connect: Any, use_proxy: Any) -> None:
        with RawServer(then=forward(CREDENTIALS)) as proxy:
            use_proxy("http", proxy)
            response = connect("http://api.invalid").request("GET")
            assert response.status_code == 407

    def test_its_credentials_do_not_follow_a_redirect_past_it(
        self, connect: Any, use_proxy: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with RawServer(then=reply(b"direct")) as direct:
            moved = reply(b"", "302 Found", f"Location: http://localhost:{direct.port}/x")
            with RawServer(then=moved) as origin, RawServer(then=forward(CREDENTIALS)) as proxy:
                use_proxy("http", proxy, IN_URL)
                monkeypatch.setenv("no_proxy", "localhost")
                assert connect(origin).request("GET").content == b"direct"
        assert len(proxy.requests) == 1
        assert "proxy-authorization" not in heads(direct).lower()
        assert KEY not in heads(direct)

    def test_a_redirect_within_it_still_has_its_credentials(self, connect: Any, use_proxy: Any) -> None:
        with RawServer() as origin, RawServer(then=forward(CREDENTIALS)) as proxy:
            origin.go_on_with(reply(b"", "302 Found", f"Location: {origin.url}/x"), reply(b"there"))
            use_proxy("http", proxy, IN_URL)
            assert connect(origin).request("GET").content == b"there"
        assert [request.headers["proxy-authorization"] for request in proxy.requests] == [basic(CREDENTIALS)] * 2
        assert origin.requests[1].headers["authorization"] == f"Bearer {KEY}"


@each_row("exceptions", ["127.0.0.1", "*", "example.com, 127.0.0.1", "127.0.0.1:{port}"])
def test_no_proxy_goes_straight_to_the_host(
    connect: Any, use_proxy: Any, monkeypatch: pytest.MonkeyPatch, exceptions: str
) -> None:
    with RawServer() as proxy, RawServer(then=reply()) as server:
        use_proxy("http", proxy, IN_URL)
        monkeypatch.setenv("no_proxy", exceptions.format(port=server.port))
        assert connect(server).request("GET").status_code == 200
    assert "proxy-authorization" not in heads(server).lower()
    assert proxy.connection_count == 0


def test_no_proxy_for_others_changes_nothing(connect: Any, use_proxy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(then=reply(b"", "401 Unauthorized")) as proxy:
        use_proxy("http", proxy)
        monkeypatch.setenv("no_proxy", "example.com,.0.0.1")
        with pytest.raises(SonioxAuthenticationError):
            connect("http://api.invalid").request("GET").raise_for_status()
    assert proxy.targets == ["GET http://api.invalid/v1/models"]


class TestTls:
    """Proxies that are spoken to over TLS."""

    @each_row("variable", ["https_proxy", "all_proxy", "ALL_PROXY"])
    def test_https_is_tls_inside_of_tls(
        self,
        connect: Any,
        monkeypatch: pytest.MonkeyPatch,
        tls_server: ssl.SSLContext,
        tls_client: ssl.SSLContext,
        variable: str,
    ) -> None:
        with (
            RawServer(then=tunnel(CREDENTIALS), tls=tls_server) as proxy,
            RawServer(then=reply(b"x" * 300_000), tls=tls_server) as server,
        ):
            monkeypatch.setenv(variable, f"https://{IN_URL}{proxy.address}")
            caller = connect(server, ssl_context=tls_client)
            for _ in range(3):
                assert caller.request("GET").content == b"x" * 300_000
            assert caller.upload(b"sound" * 200_000).status_code == 200
            caller.close()
        assert proxy.targets == [f"CONNECT {server.address}"]
        assert KEY not in heads(proxy)
        assert b"sound" * 200_000 in server.requests[3].body
        assert server.connection_count == 1

    def test_a_connection_inside_that_breaks_is_an_error(
        self, connect: Any, monkeypatch: pytest.MonkeyPatch, tls_server: ssl.SSLContext, tls_client: ssl.SSLContext
    ) -> None:
        def break_off(connection: Connection) -> None:
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal")
            # Without the message by which TLS says that this is the end.
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
            connection.sock.close()

        with (
            RawServer(then=tunnel(CREDENTIALS), tls=tls_server) as proxy,
            RawServer(then=break_off, tls=tls_server) as server,
        ):
            monkeypatch.setenv("https_proxy", f"https://{IN_URL}{proxy.address}")
            with pytest.raises(SonioxConnectionError, match="response"):
                connect(server, ssl_context=tls_client, max_retries=0).request("GET")

    def test_http_is_fetched_by_it(
        self, connect: Any, monkeypatch: pytest.MonkeyPatch, tls_server: ssl.SSLContext, tls_client: ssl.SSLContext
    ) -> None:
        with RawServer(then=forward(CREDENTIALS), tls=tls_server) as proxy, RawServer(then=reply(b"there")) as server:
            monkeypatch.setenv("http_proxy", f"https://{IN_URL}{proxy.address}")
            assert connect(server, ssl_context=tls_client).request("GET").content == b"there"
        assert proxy.targets == [f"GET {server.url}/v1/models"]

    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_one_that_is_not_trusted_hears_nothing(
        self, connect: Any, monkeypatch: pytest.MonkeyPatch, scheme: str, tls_client: ssl.SSLContext
    ) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
        with RawServer(tls=context) as proxy:
            monkeypatch.setenv(f"{scheme}_proxy", f"https://{IN_URL}{proxy.address}")
            with pytest.raises(SonioxConnectionError, match=f"proxy {proxy.address}: .*certificate"):
                connect(f"{scheme}://api.invalid", ssl_context=tls_client, max_retries=0).request("GET")
        assert proxy.requests == []

    @pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\n\r\n", http_reply(b"", "407 Who are you, pass word%?")])
    def test_what_goes_wrong_behind_it_is_a_connection_error(
        self,
        connect: Any,
        monkeypatch: pytest.MonkeyPatch,
        tls_server: ssl.SSLContext,
        tls_client: ssl.SSLContext,
        answer: bytes,
    ) -> None:
        with RawServer(then=send_and_close(answer), tls=tls_server) as proxy:
            monkeypatch.setenv("https_proxy", f"https://{IN_URL}{proxy.address}")
            with pytest.raises(SonioxConnectionError) as caught:
                connect("https://api.invalid", ssl_context=tls_client, max_retries=0).request("GET")
        assert "word" not in str(caught.value)


class TestCredentials:
    @each_row(
        ("user", "sent"),
        [
            ("token@", "token:"),
            ("token:@", "token:"),
            (":secret@", ":secret"),
            ("u%3Aser:p%40ss%2Fw%25@", "u:ser:p@ss/w%"),
            ("user:p@ss/w#r?d%@", "user:p@ss/w#r?d%"),
            ("user:100%@", "user:100%"),
            ("us\u00e9r:p%C3%A4ss@", "us\u00e9r:p\u00e4ss"),
        ],
    )
    def test_they_are_sent_as_they_are_meant(
        self, connect: Any, monkeypatch: pytest.MonkeyPatch, user: str, sent: str
    ) -> None:
        with RawServer(then=forward(sent)) as proxy, RawServer(then=reply(b"there")) as server:
            monkeypatch.setenv("http_proxy", f"http://{user}{proxy.address}/")
            assert connect(server).request("GET").content == b"there"

    @each_row("url", ["socks5://u:topsecret@h:1", "SOCKS5H://u:topsecret@h", "socks4://h", "socks://h"])
    def test_a_socks_proxy_is_refused_by_name(self, connect: Any, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
        monkeypatch.setenv("all_proxy", url)
        with pytest.raises(SonioxConnectionError, match=f"SOCKS proxy \\({url.partition(':')[0].lower()}://") as caught:
            connect("http://127.0.0.1:1", max_retries=0).request("GET")
        assert "topsecret" not in str(caught.value)
        assert not caught.value.request_sent
