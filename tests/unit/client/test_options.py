"""Options of the clients: keys, addresses, headers, proxies, hooks, retries, cancelling. Each for both clients."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import pprint
import threading
import urllib.error
import urllib.request
from typing import Any

import pytest

from soniox_lite import (
    AsyncSonioxClient,
    AsyncTemporaryKeys,
    CancelToken,
    RetryPolicy,
    SonioxAuthenticationError,
    SonioxCancelledError,
    SonioxClient,
    SonioxConnectionError,
    SonioxError,
    SonioxRealtimeError,
    SonioxTimeoutError,
    SonioxValidationError,
    TemporaryKeys,
)
from soniox_testing import FakeSoniox

from ...support.callers import CALLERS
from ...support.raw_server import RawServer, close, http_reply, refused_port, reply, stall
from ...support.tables import each_row

SECRET = "sk-0123456789-SECRET-abcdefghij"
STT = {"model": "stt-rt-v5"}
TTS = {"stream_id": "s", "model": "tts-rt-v2", "language": "en", "voice": "Adrian", "audio_format": "wav"}
CLIENTS = [SonioxClient, AsyncSonioxClient]


@pytest.fixture(params=CALLERS)
def make(request: pytest.FixtureRequest, fake_soniox: FakeSoniox) -> Any:
    """Makes callers for the fake."""
    made: list[Any] = []

    def make(**options: Any) -> Any:
        urls = {
            "websocket_base_url": fake_soniox.stt_websocket_url,
            "tts_api_base_url": fake_soniox.tts_api_base_url,
            "tts_websocket_base_url": fake_soniox.tts_websocket_url,
        }
        base_url = options.pop("api_base_url", fake_soniox.url)
        made.append(CALLERS[request.param](base_url, **{**urls, **options}))
        return made[-1]

    make.surface = request.param  # type: ignore[attr-defined]
    yield make
    for caller in made:
        caller.close()


def listen(caller: Any, **options: Any) -> None:
    """A session from its beginning to its end."""

    async def run_async(client: Any) -> None:
        async with client.realtime.stt.connect(config=STT, **options) as session:
            await session.finish()
            async for _ in session.receive_events():
                pass

    def run(client: Any) -> Any:
        if caller.surface == "async":
            return run_async(client)
        with client.realtime.stt.connect(config=STT, **options) as session:
            session.finish()
            list(session.receive_events())
        return None

    caller.run(run)


def open_tts(caller: Any, **options: Any) -> Any:
    """The config of a stream that was opened."""

    async def run_async(client: Any) -> Any:
        async with client.realtime.tts.connect_multi_stream(**options) as connection:
            return (await connection.open_stream(config={"stream_id": "s"})).config

    def run(client: Any) -> Any:
        if caller.surface == "async":
            return run_async(client)
        with client.realtime.tts.connect_multi_stream(**options) as connection:
            return connection.open_stream(config={"stream_id": "s"}).config

    return caller.run(run)


def both_kinds(caller: Any, function: Any) -> Any:
    """The function, or a coroutine function that does the same for the async client."""

    async def function_async(*args: Any) -> Any:
        await asyncio.sleep(0)
        return function(*args)

    return function_async if caller == "async" else function


# What can be read.


@each_row("client_class", CLIENTS)
def test_settings_can_be_read_in_the_official_order(client_class: Any) -> None:
    client = client_class(
        SECRET, "https://a.example/v1", "wss://b.example/x", "https://c.example", "wss://d.example/y", 7, "hook", "X-H"
    )

    assert client.api_key == SECRET
    assert client.api_base_url == "https://a.example/v1"
    assert client.websocket_base_url == "wss://b.example/x"
    assert client.tts_api_base_url == "https://c.example"
    assert client.tts_websocket_base_url == "wss://d.example/y"
    assert client.timeout_sec == 7
    assert (client.webhook_secret, client.webhook_signature_header) == ("hook", "X-H")


@each_row("client_class", CLIENTS)
def test_no_secret_is_in_a_dump(client_class: Any) -> None:
    client = client_class(
        SECRET,
        webhook_secret="hook-SECRET",
        proxy="http://u:SECRET@h:1",
        default_headers={"X-Gate": "SECRET"},
        websocket_base_url="wss://h/x?key=SECRET",
    )
    for shown in (repr(client), repr(vars(client)), pprint.pformat(vars(client))):
        assert "SECRET" not in shown
    copy = pickle.loads(pickle.dumps(client))
    assert (copy.api_key, copy.webhook_secret) == (SECRET, "hook-SECRET")


# Addresses.


@each_row(
    ("given", "base"),
    [
        ("https://a.example", "https://a.example/v1"),
        ("https://a.example/", "https://a.example/v1"),
        ("https://a.example/v1", "https://a.example/v1"),
        ("https://a.example/v1/", "https://a.example/v1"),
        ("https://a.example/v2", "https://a.example/v2"),
        ("https://a.example/gate", "https://a.example/gate/v1"),
        ("https://a.example:8443/gate/v1", "https://a.example:8443/gate/v1"),
    ],
)
def test_the_version_is_added_to_a_base_url_without_one(given: str, base: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        assert SonioxClient("key", api_base_url=given).api_base_url == base
        patch.setenv("SONIOX_API_BASE_URL", given)
        assert AsyncSonioxClient("key").api_base_url == base


def test_the_environment_of_the_fake_serves_both_sdks(fake_soniox: FakeSoniox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in fake_soniox.environment().items():
        monkeypatch.setenv(name, value)

    # The SDK for Node appends the whole path, with /v1.
    assert fake_soniox.environment()["SONIOX_API_BASE_URL"] == fake_soniox.url
    with SonioxClient() as client:
        assert client.api_base_url == fake_soniox.api_base_url
        assert client.models.list().models


@each_row(("path", "hint"), [("/files", "The REST API is below /v1"), ("/v1/v1/files", "It has /v1 twice")])
def test_the_fake_tells_which_base_url_is_wrong(fake_soniox: FakeSoniox, path: str, hint: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{fake_soniox.url}{path}")
    with caught.value as response:
        assert hint in json.load(response)["message"]


def test_a_websocket_url_may_have_a_query_that_is_never_shown(
    make: Any, fake_soniox: FakeSoniox, caplog: pytest.LogCaptureFixture
) -> None:
    ends: list[Any] = []
    url = f"{fake_soniox.stt_websocket_url}?gate=SECRET"
    caller = make(websocket_base_url=url, on_disconnect=ends.append)
    listen(caller)
    assert fake_soniox.sessions

    failing = make(websocket_base_url=f"ws://127.0.0.1:{refused_port()}/x?gate=SECRET", on_disconnect=ends.append)
    session = failing.client.realtime.stt.connect(config=STT)
    with pytest.raises(SonioxRealtimeError) as caught:
        listen(failing)
    shown = f"{session!r} {caught.value} {ends} {[vars(end) for end in ends]} {caplog.text}"
    assert "SECRET" not in shown
    assert len(ends) == 2


# The key as a function.


def test_a_key_function_is_asked_for_each_request_and_session(make: Any, fake_soniox: FakeSoniox) -> None:
    asked: list[int] = []

    def key() -> str:
        asked.append(len(asked))
        return f" {fake_soniox.api_key}\n"

    function = both_kinds(make.surface, key)
    caller = make(api_key=function)
    assert caller.client.api_key is function
    caller.request()
    caller.request()
    listen(caller)
    open_tts(make(api_key=function, tts_defaults=TTS))
    caller.run(lambda client: client.tts.generate(text="Hi.", voice="Adrian", language="en"))
    assert len(asked) == 5
    listen(make(), api_key=function)
    assert len(asked) == 6
    assert "asked" not in repr(caller.client)


def test_a_key_function_is_asked_again_for_a_repeated_attempt(make: Any) -> None:
    keys = iter(["first-key", "second-key"])
    seen: list[str] = []

    def step(answer: bytes) -> Any:
        def serve(connection: Any) -> None:
            seen.append(connection.server.requests[-1].headers["authorization"])
            connection.send(answer)

        return serve

    with RawServer(step(http_reply(b"", "503 Busy", "Retry-After: 0")), step(http_reply())) as server:
        make(api_base_url=server.url, api_key=both_kinds(make.surface, lambda: next(keys))).request()
    assert seen == ["Bearer first-key", "Bearer second-key"]


class OwnError(Exception):
    """Raised by a function of the user."""


@pytest.mark.parametrize("use", [lambda caller: caller.request(), listen], ids=["request", "session"])
def test_what_a_key_function_raises_comes_out_unchanged(make: Any, use: Any) -> None:
    def key() -> str:
        raise OwnError("no vault")

    with pytest.raises(OwnError, match="no vault"):
        use(make(api_key=both_kinds(make.surface, key)))


@pytest.mark.parametrize("use", [lambda caller: caller.request(), listen], ids=["request", "session"])
def test_what_is_no_key_is_refused_without_being_shown(make: Any, use: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for value, rule in (
        (5, "a str, got int"),
        (None, "a str, got NoneType"),
        ("SECRET 1", "printable"),
        ("", "printab"),
    ):
        with pytest.raises(SonioxValidationError, match=f"api_key.* must be {rule}") as caught:
            use(make(api_key=both_kinds(make.surface, lambda value=value: value)))
        assert "SECRET" not in str(caught.value)
    assert "SECRET" not in caplog.text


def test_the_sync_client_does_not_await_a_key() -> None:
    async def key() -> str:
        return "key"

    with pytest.raises(SonioxValidationError, match="api_key must not be a coroutine function"):
        SonioxClient(key)
    with pytest.raises(SonioxValidationError, match="api_key must not be a coroutine function"):
        SonioxClient(lambda: key()).models.list()  # noqa: PLW0108 - not recognised as a coroutine function


def test_temporary_keys_are_made_for_each_session(make: Any, fake_soniox: FakeSoniox) -> None:
    caller = make()
    keys_class: Any = TemporaryKeys if make.surface == "sync" else AsyncTemporaryKeys
    keys = keys_class(caller.client, max_session_duration_seconds=3600, client_reference_id="call-7")
    assert (keys.usage_type, keys.max_session_duration_sec) == ("transcribe_websocket", 3600)
    listen(caller, api_key=keys)
    listen(caller, api_key=keys)
    assert [request.path for request in fake_soniox.requests].count("/v1/auth/temporary-api-key") == 2
    assert {session.client_reference_id for session in fake_soniox.sessions} == {"call-7"}
    with pytest.raises(SonioxValidationError, match="expires_in_seconds must be from 1 to 3600"):
        keys_class(caller.client, expires_in_seconds=0)


def test_an_error_of_temporary_keys_is_the_requests(fake_soniox: FakeSoniox) -> None:
    fake_soniox.faults.answer(401, operation="create_temporary_api_key")
    with (
        CALLERS["sync"](fake_soniox.url, websocket_base_url=fake_soniox.stt_websocket_url) as caller,
        pytest.raises(SonioxAuthenticationError),
    ):
        listen(caller, api_key=TemporaryKeys(caller.client))


# Headers, proxies, certificates.


def test_default_headers_are_sent_with_everything(make: Any, fake_soniox: FakeSoniox) -> None:
    caller = make(default_headers={"x-gate": "7", "USER-AGENT": "mine/1"})
    caller.request()
    headers = fake_soniox.requests[-1].headers
    assert (headers["x-gate"], headers["user-agent"]) == ("7", "mine/1")
    caller.run(lambda client: client.with_options(default_headers={"X-Other": "8"}).models.list())
    assert "x-gate" not in fake_soniox.requests[-1].headers
    assert fake_soniox.requests[-1].headers["x-other"] == "8"


@each_row("client_class", CLIENTS)
@each_row(
    ("headers", "problem"),
    [
        ({"Authorization": "x"}, "must not be given"),
        ({"content-length": "1"}, "must not be given"),
        ({"Sec-WebSocket-Key": "1"}, "must not be given"),
        ({"a b": "1"}, "must be a header name"),
        ({"X-A": "SECRET\r\nX-B: 1"}, "must be printable ASCII"),
        ({"X-A": None}, "must be given"),
        ({"X-A": 5}, "must be a str"),
        (5, "must be a dict"),
    ],
)
def test_headers_that_cannot_be_sent_are_refused(client_class: Any, headers: Any, problem: str) -> None:
    with pytest.raises(SonioxValidationError, match=problem) as caught:
        client_class("key", default_headers=headers)
    assert "default_headers" in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_a_session_sends_headers_of_client_and_hook(make: Any) -> None:
    def refuse(connection: Any) -> None:
        connection.send(http_reply(b"{}", "401 No"))

    def hook(handshake: Any) -> None:
        assert "authorization" not in {name.lower() for name in handshake.headers}
        handshake.headers["traceparent"] = "00-1"

    with RawServer(refuse) as server:
        url = server.url.replace("http", "ws")
        caller = make(
            websocket_base_url=f"{url}/x?gate=1",
            default_headers={"X-Gate": "7"},
            on_handshake=both_kinds(make.surface, hook),
        )
        with pytest.raises(SonioxRealtimeError, match="401"):
            listen(caller)
    headers = server.requests[0].headers
    assert (headers["x-gate"], headers["traceparent"], headers["upgrade"]) == ("7", "00-1", "websocket")
    assert headers["user-agent"].startswith("soniox-lite/")
    assert headers["authorization"].startswith("Bearer sk-")
    assert server.targets == ["GET /x?gate=1"]


def test_a_proxy_beats_the_environment(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{refused_port()}")
    monkeypatch.setenv("no_proxy", "*")
    with RawServer(reply()) as proxy:
        caller = make(api_base_url="http://example.invalid", proxy=f"http://u:p@{proxy.address}")
        assert caller.request().status_code == 200
    assert proxy.targets == ["GET http://example.invalid/v1/models"]
    assert proxy.requests[0].headers["proxy-authorization"] == "Basic dTpw"


def test_a_session_takes_the_proxy_too(make: Any) -> None:
    def refuse(connection: Any) -> None:
        connection.send(http_reply(b"", "407 No"))

    with RawServer(refuse) as proxy:
        caller = make(websocket_base_url="ws://example.invalid/x", proxy=proxy.url)
        with pytest.raises(SonioxRealtimeError, match="407"):
            listen(caller)
    assert proxy.targets == ["CONNECT example.invalid:80"]


def test_an_environment_that_is_not_trusted_names_no_proxy(
    make: Any, fake_soniox: FakeSoniox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{refused_port()}")
    monkeypatch.setenv("no_proxy", "")
    caller = make(trust_env=False)
    assert caller.request().status_code == 200
    listen(caller)


def test_verify_names_the_certificates(make: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    with FakeSoniox(tls=True) as fake:
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        options = {"websocket_base_url": fake.stt_websocket_url, "timeout_sec": 5, "max_retries": 0}
        for verify in (fake.ca_file, fake.ssl_context(), False):
            with CALLERS[make.surface](fake.url, verify=verify, **options) as caller:
                assert caller.request().status_code == 200
                listen(caller)
        monkeypatch.setenv("SSL_CERT_FILE", fake.ca_file)
        caller = make(api_base_url=fake.url, trust_env=False, max_retries=0)
        with pytest.raises(SonioxConnectionError, match="certificate"):
            caller.request()


@each_row("client_class", CLIENTS)
@each_row(
    ("options", "problem"),
    [
        ({"proxy": "socks5://u:SECRET@h:1"}, "proxy cannot be used: .*SOCKS"),
        ({"proxy": "nonsense SECRET"}, "proxy cannot be used"),
        ({"proxy": ""}, "proxy must be the URL of a proxy"),
        ({"proxy": 5}, "proxy must be the URL of a proxy"),
        ({"verify": 5}, "verify must be a bool"),
        ({"verify": "/no/such/file"}, "verify must be a file or folder that exists"),
        ({"trust_env": None, "verify": None}, "verify must be a bool"),
        ({"trust_env": "no"}, "trust_env must be a bool"),
        ({"http2": True}, r"http2: HTTP/1\.1"),
        ({"transport": object()}, "transport: use opener"),
        ({"follow_redirects": False}, "follow_redirects: redirects of GET"),
        ({"event_hooks": {}}, "event_hooks: use on_request"),
        ({"timeout": 3, "headers": {}}, "headers: use default_headers"),
        ({"retry": 3}, "retry must be a RetryPolicy, got int"),
        ({"stt_defaults": 3}, "stt_defaults must be a config or a dict"),
        ({"on_error": 3}, "on_error must be callable"),
        ({"on_handshake": 3}, "on_handshake must be callable"),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_to_use(client_class: Any, options: Any, problem: str) -> None:
    with pytest.raises(SonioxValidationError, match=problem) as caught:
        client_class("key", **options)
    assert "SECRET" not in str(caught.value)


@each_row("client_class", CLIENTS)
def test_a_keyword_that_no_client_has_is_a_type_error(client_class: Any) -> None:
    with pytest.raises(TypeError, match="timeout_secs"):
        client_class("key", timeout_secs=3)


# Hooks.


def test_on_error_is_called_after_each_attempt_without_a_response(make: Any) -> None:
    seen: list[Any] = []
    hook = both_kinds(make.surface, lambda error: seen.append((type(error), error.request.attempt)))
    policy = RetryPolicy(max_retries=2, backoff_sec=0)
    with RawServer(close, reply(b"", "503 Busy", "Retry-After: 0", "Connection: close"), close) as server:
        caller = make(api_base_url=server.url, on_error=hook, retry=policy)
        with pytest.raises(SonioxConnectionError):
            caller.request()
    assert seen == [(SonioxConnectionError, 1), (SonioxConnectionError, 3)]

    def fail(_error: object) -> None:
        raise OwnError

    with RawServer(close) as server:
        caller = make(api_base_url=server.url, on_error=both_kinds(make.surface, fail))
        with pytest.raises(OwnError):
            caller.request()


def test_every_handshake_is_followed_by_one_end(make: Any, fake_soniox: FakeSoniox) -> None:
    told: list[Any] = []
    ended = threading.Event()

    def on_disconnect(disconnect: Any) -> None:
        told.append(disconnect)
        ended.set()

    caller = make(
        on_handshake=both_kinds(make.surface, told.append),
        on_disconnect=both_kinds(make.surface, on_disconnect),
        tts_defaults=TTS,
    )
    listen(caller)
    assert ended.wait(60)
    handshake, end = told
    assert handshake.url == end.url == fake_soniox.stt_websocket_url
    assert repr(handshake) == f"<WebSocketHandshake {handshake.url}>"
    assert (end.opened, end.close_code, end.error) == (True, 1000, None)
    assert end.elapsed_sec > 0

    told.clear()
    ended.clear()
    open_tts(caller)
    assert ended.wait(60)
    assert [told[0].url, told[1].close_code] == [fake_soniox.tts_websocket_url, 1000]

    told.clear()
    fake_soniox.faults.drop(times=1)
    ended.clear()
    with pytest.raises(ConnectionError):
        listen(caller)
    assert ended.wait(60)
    assert (told[1].opened, told[1].close_code) == (True, 1006)
    assert isinstance(told[1].error, SonioxRealtimeError)


def test_a_failed_handshake_has_an_end_too(make: Any) -> None:
    ends: list[Any] = []
    caller = make(websocket_base_url=f"ws://127.0.0.1:{refused_port()}/x", on_disconnect=ends.append)
    with pytest.raises(SonioxRealtimeError) as caught:
        listen(caller)
    assert [(end.opened, end.close_code, end.error) for end in ends] == [(False, None, caught.value)]


def test_what_hooks_of_sessions_raise(make: Any, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_told: object) -> None:
        raise OwnError("hook")

    with pytest.raises(OwnError):
        listen(make(on_handshake=both_kinds(make.surface, fail)))
    listen(make(on_disconnect=both_kinds(make.surface, fail)))
    assert "on_disconnect" in caplog.text
    with pytest.raises(SonioxValidationError, match="header name"):
        listen(make(on_handshake=lambda handshake: handshake.headers.update({"a\r\nb": "x"})))


# Defaults of sessions.


def test_a_session_takes_what_its_config_leaves_out_from_the_client(make: Any) -> None:
    caller = make(stt_defaults={"model": "stt-rt-v5", "language_hints": ["de"], "enable_endpoint_detection": True})
    connect = caller.client.realtime.stt.connect
    config = connect(config={"language_hints": ["en"], "enable_endpoint_detection": None}).config
    assert (config.model, config.language_hints, config.enable_endpoint_detection) == ("stt-rt-v5", ["en"], True)
    given = type(config)(model="other", enable_endpoint_detection=False)
    config = connect(config=given).config
    assert (config.model, config.language_hints, config.enable_endpoint_detection) == ("other", ["de"], False)
    assert given.language_hints is None
    for nothing in (None, 5, [("model", "other")]):
        with pytest.raises(SonioxValidationError, match="config must be a RealtimeSTTConfig or a dict"):
            connect(config=nothing)
    assert open_tts(make(tts_defaults=TTS)).voice == "Adrian"


# Retries.


def attempts_of(policy: RetryPolicy, statuses: list[str], method: str = "GET", **options: Any) -> tuple[int, int]:
    """How many attempts were made, and the status of the last, by both clients alike."""
    results = set()
    for surface, caller_class in CALLERS.items():
        if surface == "async" and policy.should_retry is not None:
            decide = both_kinds("async", policy.should_retry)
            policy = RetryPolicy(**{**vars(policy), "should_retry": decide})
        steps = [reply(b"{}", status) for status in statuses]
        with RawServer(*steps) as server, caller_class(server.url, retry=policy, **options) as caller:
            results.add((caller.request(method).request.attempt, len(server.requests)))
    ((attempt, count),) = results
    assert attempt == count
    return attempt, count


AT_ONCE = {"backoff_sec": 0, "max_backoff_sec": 0}


@each_row(
    ("policy", "statuses", "method", "options", "count"),
    [
        (RetryPolicy(max_retries=1, **AT_ONCE), ["500 F", "500 F"], "GET", {}, 2),
        (RetryPolicy(max_retries=1, **AT_ONCE), ["500 F"], "GET", {"max_retries": 0}, 1),
        (RetryPolicy(statuses=(418,), **AT_ONCE), ["418 F", "200 OK"], "GET", {}, 2),
        (RetryPolicy(statuses=(418,), **AT_ONCE), ["500 F"], "GET", {}, 1),
        (RetryPolicy(statuses=(418,), **AT_ONCE), ["418 F"], "POST", {}, 1),
        (RetryPolicy(should_retry=lambda _: None, **AT_ONCE), ["500 F", "200 OK"], "GET", {}, 2),
        (RetryPolicy(should_retry=lambda _: False, **AT_ONCE), ["500 F"], "GET", {}, 1),
        (RetryPolicy(should_retry=lambda _: True, **AT_ONCE), ["500 F", "200 OK"], "POST", {}, 2),
        (RetryPolicy(should_retry=lambda failed: 0 if failed.response else None), ["404 F", "200 OK"], "GET", {}, 2),
        (RetryPolicy(should_retry=lambda _: 0, max_retries=1), ["500 F", "500 F"], "GET", {}, 2),
    ],
)
def test_a_policy_decides_on_attempts(
    policy: RetryPolicy, statuses: list[str], method: str, options: dict[str, Any], count: int
) -> None:
    assert attempts_of(policy, statuses, method, **options) == (count, count)


def test_a_policy_sees_what_failed() -> None:
    seen: list[Any] = []

    def decide(failed: Any) -> float:
        seen.append(
            (failed.request.attempt, failed.response and failed.response.status_code, failed.error, failed.delay_sec)
        )
        return 0

    policy = RetryPolicy(should_retry=decide)
    with (
        RawServer(close, reply(b"{}", "404 F"), reply()) as server,
        CALLERS["sync"](server.url, retry=policy) as caller,
    ):
        assert caller.request().status_code == 200
    (first, second) = seen
    assert (first[0], first[1], type(first[2])) == (1, None, SonioxConnectionError)
    assert 0.25 <= first[3] <= 0.5
    assert second == (2, 404, None, None)


@each_row(
    ("options", "problem"),
    [
        ({"max_retries": -1}, "max_retries must be from 0 to 100"),
        ({"max_retries": None}, "max_retries must be given"),
        ({"statuses": None}, "statuses must be given"),
        ({"statuses": [200]}, r"statuses\[0\] must be from 400 to 599"),
        ({"statuses": 429}, "statuses must be a list"),
        ({"statuses": [429, None]}, r"statuses\[1\] must be given"),
        ({"backoff_sec": -1}, "backoff_sec must not be negative"),
        ({"max_backoff_sec": None}, "max_backoff_sec must be given"),
        ({"should_retry": 5}, "should_retry must be callable"),
    ],
)
def test_a_policy_that_cannot_be_used_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(SonioxValidationError, match=problem):
        RetryPolicy(**options)


def test_equal_policies_are_one_key() -> None:
    assert len({RetryPolicy(max_retries=2), RetryPolicy(max_retries=2), RetryPolicy(max_retries=3)}) == 2


def test_with_options_changes_policy_and_attempts() -> None:
    def policy(retries: int) -> RetryPolicy:
        return RetryPolicy(max_retries=retries, backoff_sec=0)

    with (
        RawServer(then=reply(b"", "503 Busy")) as server,
        SonioxClient("key", api_base_url=server.url, retry=policy(5)) as client,
    ):
        for changed, retries in (
            (client, 5),
            (client.with_options(max_retries=1), 1),
            (client.with_options(retry=policy(3)), 3),
            (client.with_options(max_retries=1).with_options(timeout_sec=1), 1),
        ):
            before = len(server.requests)
            assert changed.request("GET", "/x").status_code == 503
            assert len(server.requests) - before == 1 + retries


def test_what_is_no_decision_is_refused() -> None:
    policy = RetryPolicy(should_retry=lambda _: "soon")  # type: ignore[arg-type, return-value]
    with (
        RawServer(close) as server,
        CALLERS["sync"](server.url, retry=policy) as caller,
        pytest.raises(SonioxValidationError, match="what it returns must be a number of seconds, got str"),
    ):
        caller.request()


# Cancelling.


def cancelled_while(reached: threading.Event, token: CancelToken, function: Any) -> None:
    def cancel() -> None:
        assert reached.wait(60)
        token.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    try:
        with pytest.raises(SonioxCancelledError, match="the call was cancelled"):
            function()
    finally:
        thread.join()


def test_a_token_ends_a_request_that_waits_for_its_response() -> None:
    reached, token = threading.Event(), CancelToken()
    with RawServer(stall(reached=reached), reply()) as server, CALLERS["sync"](server.url, timeout_sec=60) as caller:
        cancellable = caller.client.with_options(cancel=token)
        cancelled_while(reached, token, lambda: cancellable.request("GET", "/models"))
        assert token.cancelled
        with pytest.raises(SonioxCancelledError):
            cancellable.request("GET", "/models")
        assert len(server.requests) == 1
        assert caller.request().status_code == 200


def test_a_token_ends_a_response_that_is_being_read() -> None:
    reached, token = threading.Event(), CancelToken()
    with RawServer(stall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", reached)) as server:
        cancellable = SonioxClient("key", api_base_url=server.url, timeout_sec=60).with_options(cancel=token)
        cancelled_while(reached, token, lambda: cancellable.request("GET", "/models"))


def test_a_token_ends_the_pauses_between_attempts_and_polls() -> None:
    reached, token = threading.Event(), CancelToken()
    busy = reply(b"", "503 Busy", "Retry-After: 50")
    with RawServer(busy) as server, CALLERS["sync"](server.url) as caller:
        client = caller.client.with_options(cancel=token, on_response=lambda _: reached.set())
        cancelled_while(reached, token, lambda: client.request("GET", "/models"))

    polled, token = threading.Event(), CancelToken()
    with RawServer(then=reply(JOB)) as server, CALLERS["sync"](server.url) as caller:
        waiting = caller.client.with_options(cancel=token, on_response=lambda _: polled.set())
        cancelled_while(polled, token, lambda: waiting.stt.wait("job", interval_sec=50))


JOB = b'{"id": "job", "status": "processing", "created_at": "2026-01-02T03:04:05Z", "model": "m", "filename": "f"}'


def test_a_token_ends_audio_that_is_being_streamed() -> None:
    reached, token = threading.Event(), CancelToken()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: audio/wav\r\nContent-Length: 99999\r\n\r\nRIFF"
    with RawServer(stall(head, reached)) as server:
        client = SonioxClient("key", tts_api_base_url=server.url).with_options(cancel=token)
        with client.tts.generate_stream(text="Hi.", voice="Adrian", language="en") as stream:
            blocks = iter(stream)
            assert next(blocks) == b"RIFF"
            cancelled_while(reached, token, lambda: next(blocks))


def test_a_cancelled_call_still_cleans_up(fake_soniox: FakeSoniox) -> None:
    token = CancelToken()

    def on_response(response: Any) -> None:
        if response.request.method == "POST" and response.request.url.endswith("/transcriptions"):
            token.cancel()

    with CALLERS["sync"](fake_soniox.url) as caller:
        client = caller.client.with_options(cancel=token, on_response=on_response)
        with pytest.raises(SonioxCancelledError):
            client.stt.transcribe_and_wait(file=b"RIFF", delete_after=True)
        assert caller.client.files.list().files == []


def test_only_the_sync_client_takes_a_token() -> None:
    with pytest.raises(SonioxValidationError, match="cancel is for SonioxClient: cancel the task"):
        AsyncSonioxClient("key").with_options(cancel=CancelToken())
    with pytest.raises(SonioxValidationError, match="cancel must be a CancelToken"):
        SonioxClient("key").with_options(cancel=threading.Event())  # type: ignore[arg-type]
    assert issubclass(SonioxCancelledError, SonioxError)
    assert not issubclass(SonioxCancelledError, SonioxTimeoutError)
