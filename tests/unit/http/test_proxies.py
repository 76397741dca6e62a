"""Proxies from the environment."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from soniox_lite import SonioxAuthenticationError, SonioxConnectionError
from tests.support.callers import KEY
from tests.support.proxies import basic, forward, tunnel
from tests.support.raw_server import RawServer, close, http_reply, refused_port, reply, send_and_close

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

    @pytest.mark.parametrize(
        "step", [close, send_and_close(b"SSH-2.0-x\r\n"), send_and_close(b"HTTP/1.1 200 OK\r\n\r\n")]
    )
    def test_a_proxy_that_hangs_up_is_a_connection_error(self, connect: Any, use_proxy: Any, step: Any) -> None:
        with RawServer(then=step) as proxy:
            use_proxy("https", proxy)
            with pytest.raises(SonioxConnectionError, match=proxy.address):
                connect("https://api.invalid", max_retries=0).request("GET")

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
            origin._steps.extend([reply(b"", "302 Found", f"Location: {origin.url}/x"), reply(b"there")])
            use_proxy("http", proxy, IN_URL)
            assert connect(origin).request("GET").content == b"there"
        assert [request.headers["proxy-authorization"] for request in proxy.requests] == [basic(CREDENTIALS)] * 2
        assert origin.requests[1].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("exceptions", ["127.0.0.1", "*", "example.com, 127.0.0.1", "127.0.0.1:{port}"])
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
