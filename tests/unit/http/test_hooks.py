"""What is called around each attempt."""

from __future__ import annotations

from typing import Any

import pytest

from soniox_lite import SonioxValidationError
from tests.support.callers import KEY
from tests.support.raw_server import RawServer, close, reply
from tests.support.tables import each_row


def test_they_are_called_around_each_attempt(connect: Any) -> None:
    seen: list[Any] = []

    def on_request(request: Any) -> None:
        seen.append(("request", request.method, request.url, request.attempt, repr(request)))

    def on_response(response: Any) -> None:
        seen.append(("response", response.status_code, response.request.attempt))

    with RawServer(close, reply(b"", "503 Busy"), reply(b'{"a": 1}')) as server:
        connect(server, on_request=on_request, on_response=on_response).request("GET", "/x", params={"a": 1})
    url = f"{server.url}/v1/x?a=1"
    assert seen == [
        ("request", "GET", url, 1, f"<Request GET {url} attempt=1>"),
        ("request", "GET", url, 2, f"<Request GET {url} attempt=2>"),
        ("response", 503, 2),
        ("request", "GET", url, 3, f"<Request GET {url} attempt=3>"),
        ("response", 200, 3),
    ]


def test_headers_can_be_added_but_the_key_stays_ours(connect: Any) -> None:
    def on_request(request: Any) -> None:
        request.headers["X-Trace"] = f"attempt {request.attempt}"
        request.headers["authorization"] = "Bearer of bad news"
        request.headers["User-agent"] = "mine"

    with RawServer(reply(b"", "503 Busy"), reply()) as server:
        connect(server, on_request=on_request).request("GET")
    assert [request.headers["x-trace"] for request in server.requests] == ["attempt 1", "attempt 2"]
    for request in server.requests:
        assert request.headers["authorization"] == f"Bearer {KEY}"
        assert request.headers["user-agent"] == "mine"
        assert request.head.lower().count(b"authorization") == 1


@each_row(("name", "value"), [("X-A", "b\r\nX-Evil: 1"), ("X\r\nX-Evil", "1"), ("X:", "1"), ("X-A", "日本")])
def test_headers_that_would_break_out_are_refused_without_showing_them(connect: Any, name: str, value: str) -> None:
    def on_request(request: Any) -> None:
        request.headers[name] = value

    with RawServer(then=reply()) as server:
        caller = connect(server, on_request=on_request)
        with pytest.raises(SonioxValidationError, match="that HTTP does not allow") as caught:
            caller.request("GET")
        assert "Evil" not in str(caught.value)
    assert all(b"Evil" not in request.head for request in server.requests)


@each_row("hook", ["on_request", "on_response"])
@each_row("error", [RuntimeError("mine"), KeyError("mine"), ConnectionResetError("mine")])
def test_what_a_hook_raises_reaches_the_caller(connect: Any, hook: str, error: Exception) -> None:
    def fail(_: Any) -> None:
        raise error

    with RawServer(then=reply()) as server, pytest.raises(type(error), match="mine") as caught:
        connect(server, **{hook: fail}).request("GET")
    assert caught.value is error
    assert len(server.requests) <= 1


def test_the_connection_survives_a_hook_that_fails(connect: Any) -> None:
    failures = [RuntimeError("mine")]

    def fail_once(_: Any) -> None:
        if failures:
            raise failures.pop()

    with RawServer(then=reply()) as server:
        caller = connect(server, on_response=fail_once)
        with pytest.raises(RuntimeError, match="mine"):
            caller.request("GET")
        assert caller.request("GET").status_code == 200
    assert server.connection_count == 1
