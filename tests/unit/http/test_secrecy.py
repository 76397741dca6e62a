"""The key goes to the service and nowhere else: no error, log, repr or hook has it."""

from __future__ import annotations

import copy
import gzip
import json
import logging
import pickle
import time
import traceback
from typing import Any

import pytest

from soniox_lite import SonioxClient, SonioxError, SonioxValidationError
from tests.support.callers import KEY
from tests.support.raw_server import RawServer, http_reply, refused_port, reply, send_and_close
from tests.support.secrets import places_of
from tests.support.tables import each_row

HEAD = b"HTTP/1.1 "
ECHO = f"you sent Authorization: Bearer {KEY}\r\n".encode()
PROBLEM = {"error_type": KEY, "location": KEY, "message": KEY}
JSON_ECHO = json.dumps({**PROBLEM, "status_code": 400, "request_id": KEY, "validation_errors": [PROBLEM]}).encode()


def replies() -> dict[str, bytes]:
    """Replies that repeat what they were sent, in every place that a reply has."""
    found = {
        "a success that is not JSON": http_reply(ECHO, content_type="text/html"),
        "a type that is the key": http_reply(b"<html>", content_type=KEY),
        "a success that is cut off": HEAD + b"200 OK\r\nContent-Length: 9999\r\n\r\n" + ECHO,
        "a chunk that is cut off": HEAD + b"200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" + ECHO,
        "a chunk size": HEAD + b"200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + ECHO,
        "a second chunk size": HEAD + b"200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n" + ECHO,
        "a status line": ECHO + b"\r\n",
        "a status line of HTTP": HEAD + ECHO + b"\r\n",
        "a version": b"HTTP/" + KEY.encode() + b" 200 OK\r\n\r\n",
        "a length": HEAD + b"200 OK\r\nContent-Length: " + KEY.encode() + b"\r\n\r\n" + ECHO,
        "an encoding": http_reply(ECHO, "200 OK", f"Content-Encoding: {KEY}"),
        "a redirect": http_reply(ECHO, "302 Found", f"Location: http://127.0.0.1:{refused_port()}/?key={KEY}"),
        "a redirect in other letters": http_reply(
            ECHO, "302 Found", f"Location: http://x.invalid/{KEY.replace('-', '%2D')}"
        ),
        "a redirect to a file": http_reply(ECHO, "302 Found", f"Location: file:///{KEY}"),
        "a broken redirect": http_reply(ECHO, "302 Found", f"Location: http://[{KEY}/"),
    }
    for status in ("400 Bad", "401 Unauthorized", "404 Not Found", "500 Failed", "503 Busy"):
        found |= {
            f"text with {status}": http_reply(ECHO, status, f"X-Echo: {KEY}", f"{KEY}: 1", content_type="text/html"),
            f"JSON with {status}": http_reply(JSON_ECHO, status, f"Retry-After: {KEY}"),
            f"gzip with {status}": http_reply(gzip.compress(JSON_ECHO, mtime=0), status, "Content-Encoding: gzip"),
            f"half of it with {status}": HEAD + status.encode() + b"\r\nContent-Length: 9999\r\n\r\n" + ECHO,
            f"a reason with {status}": http_reply(b"", f"{status} {KEY}"),
        }
    return found


@each_row(
    ("name", "own_opener"),
    # urllib itself leaves a socket open when a redirect is broken.
    [(name, own) for name in replies() for own in (False, True) if not (own and name == "a broken redirect")],
)
def test_a_server_that_repeats_the_key_does_not_get_it_into_errors(
    connect: Any, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], name: str, own_opener: bool
) -> None:
    import urllib.request

    caplog.set_level(logging.DEBUG)
    seen: list[Any] = []
    options: dict[str, Any] = {"opener": urllib.request.build_opener()} if own_opener else {}
    with RawServer(then=send_and_close(replies()[name])) as server:
        caller = connect(server, max_retries=1, on_request=seen.append, on_response=seen.append, **options)
        with pytest.raises(SonioxError) as caught:
            caller.request("GET").raise_for_status().json()
    assert f"Bearer {KEY}" in server.requests[0].head.decode("latin-1")
    assert places_of(KEY, caught.value) == []
    assert places_of(KEY, seen) == []
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert KEY not in caplog.text
    assert KEY not in "".join(capsys.readouterr())


SPELLINGS = {
    "JSON": "".join(rf"\u{ord(character):04x}" for character in KEY),
    "JSON in capitals": "".join(rf"\u{ord(character):04X}" for character in KEY),
    "JSON in part": KEY[:9] + rf"\u{ord(KEY[9]):04x}" + KEY[10:],
    "JSON in JSON": "".join(rf"\\u{ord(character):04x}" for character in KEY),
    "URL": "".join(f"%{ord(character):02x}" for character in KEY),
    "URL in URL": KEY.replace("-", "%252D"),
    "HTML": "".join(f"&#{ord(character)};" for character in KEY),
    "HTML in part": KEY.replace("-", "&#x2D;"),
}


@each_row("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_key_that_is_repeated_in_escapes_is_masked_too(connect: Any, spelling: str) -> None:
    body = f'{{"message": "bad key {spelling}", "request_id": "{spelling}"}}'.encode()
    for status in ("401 Unauthorized", "200 OK"):
        with RawServer(reply(body, status, f"X-Echo: {spelling}")) as server:
            response = connect(server, max_retries=0).request("GET")
        assert spelling.encode() not in response.content
        assert response.json()["message"] == "bad key ***"
        assert response.headers["x-echo"] == "***"


def test_what_only_looks_like_an_escaped_key_is_left_alone(connect: Any) -> None:
    body = rf'{{"a": "50 % \u00e9 \\ \n &#65; %41 {KEY[:-1]}%41 \u0073"}}'.encode()
    with RawServer(reply(body, "400 Bad")) as server:
        assert connect(server).request("GET").content == body


def test_looking_for_a_key_takes_no_longer_than_its_text(connect: Any) -> None:
    for piece in (b"\\", b"\\u00", b"%25", b"&#x0", SPELLINGS["JSON"][:-1].encode()):
        body = piece * (1_000_000 // len(piece))
        with RawServer(reply(body, "400 Bad")) as server:
            began = time.monotonic()
            assert connect(server, timeout_sec=30).request("GET").content == body
        assert time.monotonic() - began < 10  # A tenth of a second; squared it would be hours.


@each_row("url", ["http://127.0.0.1:{port}", "https://127.0.0.1:{port}", "http://name.invalid"])
def test_an_error_without_a_reply_has_no_key(connect: Any, url: str) -> None:
    with pytest.raises(SonioxError) as caught:
        connect(url.format(port=refused_port()), max_retries=0).request("GET")
    assert isinstance(caught.value.__cause__, OSError)
    assert places_of(KEY, caught.value) == []


def test_looking_for_the_key_finds_it() -> None:
    """The check above can fail."""
    error = SonioxError("x")
    error.__cause__ = ValueError(KEY)
    assert places_of(KEY, error)
    assert places_of(KEY, {"a": [f"x {KEY}".encode()]})
    assert places_of(KEY, SonioxError("x", response=f"a{KEY}b"))  # type: ignore[arg-type]
    assert not places_of(KEY, SonioxError("x"))


@each_row("key", ["sk-SECRET\nX: y", "sk-SECRET ü", "sk SECRET", "sk-SECRET\0", "sk-SECRET\x7f", "SECRET日本"])
def test_a_key_that_cannot_be_sent_is_refused_without_showing_it(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SonioxValidationError, match="api_key must be printable ASCII") as given:
        SonioxClient(key)
    assert places_of("SECRET", given.value) == []
    if "\0" in key:
        return
    monkeypatch.setenv("SONIOX_API_KEY", key)
    with pytest.raises(SonioxValidationError, match="api_key must be printable ASCII") as found:
        SonioxClient()
    assert places_of("SECRET", found.value) == []


@each_row("key", [b"sk-SECRET", ["sk-SECRET"], 5])
def test_a_key_of_another_kind_is_refused_without_showing_it(key: Any) -> None:
    with pytest.raises(SonioxValidationError, match="api_key must be a str") as caught:
        SonioxClient(key)
    assert places_of("SECRET", caught.value) == []


def test_a_client_shows_neither_its_key_nor_its_webhook_secret(connect: Any) -> None:
    client = connect("http://127.0.0.1:1", webhook_secret="hook-SECRET").client
    for shown in (client, client.files, client.stt, client.models, client.auth, vars(client)):
        assert KEY not in f"{shown!r} {shown}"
        assert "hook-SECRET" not in f"{shown!r} {shown}"
    assert "http://127.0.0.1:1/v1" in repr(client)


def test_the_key_is_in_no_request_that_a_hook_sees(connect: Any) -> None:
    seen: list[Any] = []
    with RawServer(then=send_and_close(http_reply())) as server:
        connect(server, on_request=seen.append, on_response=seen.append).upload(b"sound")
    request, response = seen
    assert places_of(KEY, seen) == []
    assert places_of(KEY, [copy.copy(request), pickle.loads(pickle.dumps(request))]) == []
    assert response.request is request


def test_a_short_key_is_a_word_like_any_other() -> None:
    """Tests are written with keys such as ``key``, which may be in any reply."""
    refusal = http_reply(b'{"message": "no such key"}', "404 Not Found")
    with RawServer(then=send_and_close(refusal)) as server, SonioxClient("key", api_base_url=server.url) as client:
        response = client.request("GET", "/x")
    assert response.json() == {"message": "no such key"}
