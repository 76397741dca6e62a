"""Where redirects lead, and what they may take along."""

from __future__ import annotations

import time
import urllib.request
from typing import Any

import pytest

from soniox_lite import SonioxAPIError, SonioxConnectionError, SonioxError
from tests.support.callers import KEY
from tests.support.raw_server import RawServer, repeat, reply, send_raw, stall
from tests.support.tables import each_row

STATUSES = [301, 302, 303, 307, 308]


def redirect(location: str, status: int = 302, *headers: str) -> Any:
    return reply(b"moved", f"{status} Moved", f"Location: {location}", *headers)


@each_row("status", STATUSES)
@each_row("location", ["/v1/there?x=1", "{url}/v1/there?x=1", "there?x=1", "//{address}/v1/there?x=1"])
def test_the_same_host_is_followed_with_the_key(connect: Any, status: int, location: str) -> None:
    with RawServer() as server:
        where = location.format(url=server.url, address=server.address)
        server.go_on_with(redirect(where, status), reply(b'{"there": 1}'))
        assert connect(server).request("GET", "/here").json() == {"there": 1}
    assert server.targets == ["GET /v1/here", "GET /v1/there?x=1"]
    assert [request.headers.get("authorization") for request in server.requests] == [f"Bearer {KEY}"] * 2


@each_row("status", STATUSES)
def test_another_host_is_followed_without_the_key(connect: Any, status: int) -> None:
    with RawServer(reply(b'{"there": 1}')) as other, RawServer(redirect(f"{other.url}/x", status)) as server:
        assert connect(server).request("GET").json() == {"there": 1}
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in other.requests[0].head.decode("latin-1")
    assert other.requests[0].headers["user-agent"].startswith("soniox-lite/")


@each_row("name", ["localhost", "LOCALHOST", "127.0.0.1.", "127.1"])
def test_another_name_of_the_host_is_another_host(connect: Any, name: str) -> None:
    with RawServer() as server:
        server.go_on_with(redirect(f"http://{name}:{server.port}/x"), reply())
        try:
            connect(server, max_retries=0).request("GET")
        except SonioxConnectionError:
            assert name == "127.0.0.1."  # Not every resolver knows this name.
    assert all("authorization" not in request.headers for request in server.requests[1:])


def test_the_key_does_not_come_back_on_the_way_back(connect: Any) -> None:
    with RawServer() as other, RawServer() as server:
        other.go_on_with(redirect(f"{server.url}/back"))
        server.go_on_with(redirect(f"{other.url}/x"), reply())
        connect(server).request("GET")
    assert "authorization" not in server.requests[1].headers


def add_headers(request: Any) -> None:
    names = ["Authorization", "Cookie", "X-Gateway-Token", "x-api-key", "Proxy-Authorization", "Host", "Traceparent"]
    request.headers.update(dict.fromkeys(names, "SECRET"))
    request.headers["User-Agent"] = "mine"


@pytest.mark.parametrize("through_opener", [False, True], ids=["our opener", "the user's opener"])
def test_headers_of_a_hook_stay_behind(connect: Any, through_opener: bool) -> None:
    options = {"opener": urllib.request.build_opener()} if through_opener else {}
    with RawServer(reply()) as other, RawServer(redirect(f"{other.url}/x")) as server:
        connect(server, on_request=add_headers, **options).request("GET")
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert server.requests[0].headers["x-gateway-token"] == "SECRET"
    assert "SECRET" not in other.requests[0].head.decode()
    assert other.requests[0].headers["host"] == other.address
    assert other.requests[0].headers["user-agent"] == "mine"


def test_headers_of_a_hook_go_along_on_the_same_host(connect: Any) -> None:
    with RawServer(redirect("/there"), reply()) as server:
        connect(server, on_request=add_headers).request("GET")
    for request in server.requests:
        assert (request.headers["x-gateway-token"], request.headers["x-api-key"]) == ("SECRET", "SECRET")
        assert request.headers["user-agent"] == "mine"


def test_what_describes_a_body_does_not_go_along(connect: Any) -> None:
    with RawServer(redirect("/there"), reply()) as server:
        connect(server).request("GET", json={"a": 1})
    assert server.requests[0].headers["content-length"] == "7"
    assert server.requests[1].headers.keys().isdisjoint({"content-length", "content-type", "transfer-encoding"})


@each_row("method", ["POST", "DELETE", "PUT", "PATCH"])
@each_row("status", STATUSES)
def test_what_changes_something_is_not_followed(connect: Any, method: str, status: int) -> None:
    with RawServer(redirect("/v1/there", status)) as server:
        response = connect(server).request(method, "/here")
        assert (response.status_code, response.content) == (status, b"moved")
        with pytest.raises(SonioxAPIError, match=f"redirected to a URL .* must not follow .HTTP {status}"):
            response.raise_for_status()
    assert len(server.requests) == 1


def test_head_stays_head(connect: Any) -> None:
    with RawServer(send_raw(b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n"),
                   send_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")) as server:  # fmt: skip
        assert connect(server).request("HEAD", "/here").status_code == 200
    assert server.targets == ["HEAD /v1/here", "HEAD /there"]


@pytest.mark.parametrize("location", ["/v1/here", "/v1/{count}"])
def test_a_loop_ends(connect: Any, location: str) -> None:
    def step(connection: Any) -> None:
        redirect(location.format(count=len(connection.server.requests)))(connection)

    with RawServer(then=step) as server:
        response = connect(server).request("GET", "/here")
        assert response.status_code == 302
        with pytest.raises(SonioxAPIError, match="redirected"):
            response.raise_for_status()
    assert 2 < len(server.requests) <= 7


@each_row(
    "location",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "data:text/plain,hello",
        "javascript:alert(1)",
        "gopher://127.0.0.1:{port}/x",
        "http://[::1/x",
        "http://127.0.0.1:99999/x",
        "http://127.0.0.1:0/x",
        "http://127.0.0.1:port/x",
        "http://user:pass@127.0.0.1:{port}/x",
        "http://@127.0.0.1:{port}/x",
        "http://127.0.0.1:{port}\\@evil/",
    ],
)
def test_no_other_kind_of_place_is_followed(connect: Any, location: str) -> None:
    with RawServer() as server:
        server.go_on_with(redirect(location.format(port=server.port)))
        response = connect(server).request("GET")
        assert (response.status_code, response.content) == (302, b"moved")
        with pytest.raises(SonioxAPIError, match=r"must not follow .HTTP 302"):
            response.raise_for_status()
    assert len(server.requests) == 1


@each_row("location", ["http://\x00/", "http://" + "a" * 300 + "/", "http://.../", "http://invalid./", "//"])
def test_a_place_that_cannot_be_reached_is_a_soniox_error(connect: Any, location: str) -> None:
    with RawServer(redirect(location), then=redirect(location)) as server, pytest.raises(SonioxError):
        connect(server, max_retries=0).request("GET").raise_for_status()


@each_row("location", ["", "http://", "http:///v1/models", "http:", "#x", "?"])
def test_a_place_that_is_hardly_one_is_on_the_same_host(connect: Any, location: str) -> None:
    with RawServer(redirect(location), reply(b"there")) as server:
        assert connect(server).request("GET").content == b"there"
    assert server.requests[1].headers["authorization"] == f"Bearer {KEY}"


def test_a_redirect_without_a_place_is_a_reply(connect: Any) -> None:
    with RawServer(reply(b"where?", "302 Found")) as server:
        response = connect(server).request("GET")
    assert (response.status_code, response.content) == (302, b"where?")


@pytest.mark.parametrize(
    "step",
    [
        repeat(b"HTTP/1.1 302 Found\r\nLocation: /there\r\n\r\n", b"a"),
        stall(b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 5000\r\n\r\nhe"),
    ],
    ids=["endless", "stalled"],
)
def test_the_body_of_a_redirect_is_not_read(connect: Any, step: Any) -> None:
    with RawServer(step, reply(b"there")) as server:
        started = time.monotonic()
        assert connect(server).request("GET").content == b"there"
        assert time.monotonic() - started < 30


def test_a_redirect_that_spells_out_the_key_is_not_followed(connect: Any) -> None:
    with RawServer(then=reply()) as other, RawServer(redirect(f"{other.url}/x?key={KEY}")) as server:
        assert connect(server).request("GET").status_code == 302
    assert other.requests == []
