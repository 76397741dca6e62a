"""Receivers of webhooks: one answer for each request, one call of the user's function for each ended job."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import inspect
import io
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from soniox_lite import AsyncSonioxClient, SonioxClient
from soniox_lite.api.async_webhooks import AsyncSonioxWebhooksAPI
from soniox_lite.api.webhooks import ReceivedWebhook, RecentKeys, SonioxWebhooksAPI
from soniox_lite.errors import (
    InvalidWebhookSignatureError,
    SonioxError,
    SonioxTranscriptionError,
    SonioxValidationError,
)
from soniox_testing import FakeSoniox

SECRET = "s3cret"
HEADERS = {"X-Soniox-Webhook-Secret": SECRET}
BODY = b'{"id": "73d4357d", "status": "completed"}'
HTTP_SCOPE = {"type": "http", "method": "POST", "headers": [(b"x-soniox-webhook-secret", SECRET.encode())]}
LAMBDA_EVENTS: dict[str, dict[str, Any]] = {
    "payload 1.0": {"httpMethod": "POST", "headers": HEADERS, "multiValueHeaders": None},
    "payload 2.0": {"version": "2.0", "requestContext": {"http": {"method": "POST"}}, "headers": HEADERS},
    "load balancer": {"requestContext": {"elb": {}}, "httpMethod": "POST", "headers": HEADERS},
    "load balancer, many": {"httpMethod": "POST", "multiValueHeaders": {k: [v] for k, v in HEADERS.items()}},
    "lattice": {"version": "2.0", "method": "POST", "headers": {k: [v] for k, v in HEADERS.items()}},
}


each_namespace = pytest.mark.parametrize("namespace", [SonioxWebhooksAPI, AsyncSonioxWebhooksAPI])


@pytest.fixture(params=["sync", "async"])
def handle(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """``handle`` of either namespace, as a function that returns its answer."""
    api: Any = SonioxWebhooksAPI if request.param == "sync" else AsyncSonioxWebhooksAPI
    namespace = api(webhook_secret=SECRET)

    def call(*args: Any, **options: Any) -> Any:
        answer = namespace.handle(*args, **options)
        return asyncio.run(answer) if inspect.isawaitable(answer) else answer

    return call


class TestHandle:
    def test_reports_an_ended_job_once(self, handle: Callable[..., Any]) -> None:
        seen: list[Any] = []
        answers = [handle("POST", HEADERS, BODY, seen.append) for _ in range(3)]
        assert [answer[0] for answer in answers] == [200] * 3
        assert [(webhook.id, webhook.status) for webhook in seen] == [("73d4357d", "completed")]
        assert repr(seen[0]).endswith("ReceivedWebhook id='73d4357d' status='completed'>")

    @pytest.mark.parametrize(
        ("method", "headers", "body", "expected"),
        [
            ("GET", HEADERS, b"", (405, "webhooks are called by POST")),
            ("POST", {}, BODY, (401, "the call has no valid secret")),
            ("POST", {"X-Soniox-Webhook-Secret": "guess"}, BODY, (401, "the call has no valid secret")),
            ("POST", HEADERS, b"{}", (400, "the webhook's body is not an event")),
            ("POST", HEADERS, bytes(65_537), (413, "the body is larger than 65536 bytes")),
            (None, HEADERS, BODY, (405, "webhooks are called by POST")),
            ("POST", HEADERS, None, (400, "payload must be the body as str or bytes, got NoneType")),
            ("POST", HEADERS, 5, (400, "payload must be the body as str or bytes, got int")),
        ],
    )
    def test_refuses_what_is_no_webhook(
        self, handle: Callable[..., Any], method: Any, headers: Any, body: Any, expected: tuple[int, str]
    ) -> None:
        seen: list[Any] = []
        status, sent, text = handle(method, headers, body, seen.append)
        assert (status, text.decode().startswith(expected[1]), seen) == (expected[0], True, [])
        assert sent["Content-Type"] == "text/plain; charset=utf-8"
        assert sent.get("Allow") == ("POST" if status == 405 else None)

    def test_an_event_whose_callback_failed_is_reported_again(self, handle: Callable[..., Any]) -> None:
        calls: list[Any] = []

        def fail_once(webhook: Any) -> None:
            calls.append(webhook)
            if len(calls) == 1:
                raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            handle("POST", HEADERS, BODY, fail_once)
        assert [handle("POST", HEADERS, BODY, fail_once)[0] for _ in range(2)] == [200, 200]
        assert len(calls) == 2

    def test_a_call_during_the_callback_is_asked_to_come_again(self, handle: Callable[..., Any]) -> None:
        inner: list[Any] = []

        def call_again(_: Any) -> None:
            thread = threading.Thread(target=lambda: inner.append(handle("POST", HEADERS, BODY, inner.append)))
            thread.start()
            thread.join()

        assert handle("POST", HEADERS, BODY, call_again)[0] == 200
        assert [(status, sent["Retry-After"]) for status, sent, _ in inner] == [(503, "10")]

    def test_a_store_of_the_users(self, handle: Callable[..., Any]) -> None:
        store, seen = RecentKeys(), []
        store.add("73d4357d:completed")
        assert handle("POST", HEADERS, BODY, seen.append, seen=store)[0] == 200
        assert seen == []

    def test_mistakes_are_refused_before_a_call_is_read(self, handle: Callable[..., Any]) -> None:
        with pytest.raises(SonioxValidationError, match="on_ended must be callable"):
            handle("POST", HEADERS, BODY, "print")

    def test_transcripts_need_a_client(self, handle: Callable[..., Any]) -> None:
        received: list[Any] = []
        handle("POST", HEADERS, BODY, received.append)
        webhook = received[0]
        with pytest.raises(SonioxError, match=r"use client\.webhooks"):
            webhook.get_transcript() if isinstance(webhook, ReceivedWebhook) else asyncio.run(webhook.get_transcript())


def test_without_a_secret_no_receiver_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SONIOX_API_WEBHOOK_SECRET", raising=False)
    for make in (SonioxWebhooksAPI().wsgi_app, SonioxWebhooksAPI().lambda_handler, AsyncSonioxWebhooksAPI().asgi_app):
        with pytest.raises(InvalidWebhookSignatureError, match="no webhook secret to compare with"):
            make(print)
        assert make(print, allow_unverified=True)


def test_a_sync_receiver_refuses_async_functions() -> None:
    async def on_ended(_: Any) -> None: ...

    webhooks = SonioxWebhooksAPI(webhook_secret=SECRET)
    with pytest.raises(SonioxValidationError, match="on_ended must not be a coroutine function"):
        webhooks.handle("POST", HEADERS, BODY, on_ended)
    for make in (webhooks.wsgi_app, webhooks.asgi_app, webhooks.lambda_handler):
        with pytest.raises(SonioxValidationError, match="on_ended must not be a coroutine function"):
            make(on_ended)
    for make in (AsyncSonioxWebhooksAPI(webhook_secret=SECRET).wsgi_app, webhooks.asgi_app):
        with pytest.raises(TypeError, match="'see'"):
            make(print, see=RecentKeys())


def test_keys_are_bounded_and_the_oldest_go_first() -> None:
    keys = RecentKeys()
    assert all(keys.add(str(number)) for number in range(10_001))
    assert not keys.add("10000")
    assert keys.add("0")
    keys.discard("10000")
    assert keys.add("10000")


def test_transcripts_are_fetched_when_asked_for(fake_soniox: FakeSoniox) -> None:
    fake_soniox.add_transcript("words of a call")
    fake_soniox.fail_next_job("invalid_audio_file", "too long", filename="b.wav")
    texts: list[str] = []
    with SonioxClient(fake_soniox.api_key, api_base_url=fake_soniox.api_base_url, webhook_secret=SECRET) as client:

        def on_ended(webhook: Any) -> None:
            texts.append(
                webhook.get_transcript().text
                if webhook.status == "completed"
                else webhook.get_transcription().error_message
            )

        for name in ("a.wav", "b.wav"):
            job = client.stt.transcribe(file=b"audio", filename=name)
            with contextlib.suppress(SonioxTranscriptionError):
                client.stt.wait(job.id)
            status = client.stt.get(job.id).status
            body = f'{{"id": "{job.id}", "status": "{status}"}}'
            assert client.webhooks.handle("POST", HEADERS, body, on_ended)[0] == 200
    assert texts == ["words of a call", "too long"]


def test_an_async_receiver_fetches_too(fake_soniox: FakeSoniox) -> None:
    fake_soniox.add_transcript("words of a call")
    fetched: list[str] = []

    async def on_ended(webhook: Any) -> None:
        fetched.append((await webhook.get_transcription()).id)
        fetched.append((await webhook.get_transcript()).text)

    async def main() -> str:
        url = fake_soniox.api_base_url
        async with AsyncSonioxClient(fake_soniox.api_key, api_base_url=url, webhook_secret=SECRET) as client:
            job = await client.stt.transcribe(file=b"audio", filename="a.wav")
            await client.stt.wait(job.id)
            body = f'{{"id": "{job.id}", "status": "completed"}}'
            assert (await client.webhooks.handle("POST", HEADERS, body, on_ended))[0] == 200
            return job.id

    assert [asyncio.run(main()), "words of a call"] == fetched


class TestLambda:
    """The events of each way to call a function."""

    @pytest.mark.parametrize("event", LAMBDA_EVENTS.values(), ids=LAMBDA_EVENTS)
    @each_namespace
    def test_events(self, namespace: Any, event: dict[str, Any]) -> None:
        seen: list[Any] = []
        handler = namespace(webhook_secret=SECRET).lambda_handler(seen.append)
        encoded = {"body": base64.b64encode(BODY).decode(), "isBase64Encoded": True}
        assert handler({**event, **encoded}, None)["statusCode"] == 200
        assert [webhook.id for webhook in seen] == ["73d4357d"]
        refused = handler({**event, "headers": {}, "multiValueHeaders": {}, "body": BODY.decode()})
        assert refused == {
            "statusCode": 401,
            "headers": {"Content-Type": "text/plain; charset=utf-8"},
            "multiValueHeaders": {"Content-Type": ["text/plain; charset=utf-8"]},
            "isBase64Encoded": False,
            "body": "the call has no valid secret",
        }

    def test_a_body_in_base64_of_the_first_lattice(self) -> None:
        handler = SonioxWebhooksAPI(webhook_secret=SECRET).lambda_handler(lambda _: None)
        body = base64.b64encode(BODY).decode()
        event = {"raw_path": "/", "method": "POST", "headers": HEADERS, "body": body, "is_base64_encoded": True}
        assert handler(event)["statusCode"] == 200

    @pytest.mark.parametrize(
        ("event", "found"),
        [
            ({"key1": "value1", "Records": []}, "it has 'key1', 'Records'"),
            ({"requestContext": {"connectionId": "1"}}, "it has 'requestContext'"),
            ({"requestContext": {"http": None}}, "it has 'requestContext'"),
            ({"requestContext": {"http": "POST"}}, "it has 'requestContext'"),
            ({"requestContext": ["POST"]}, "it has 'requestContext'"),
            ({"httpMethod": 5}, "it has 'httpMethod'"),
            ({}, "it has nothing"),
            ([], "it is list of length 0"),
        ],
    )
    def test_an_event_that_is_no_request(self, event: Any, found: str) -> None:
        handler = SonioxWebhooksAPI(webhook_secret=SECRET).lambda_handler(lambda _: None)
        with pytest.raises(SonioxValidationError, match=f"the event is no HTTP request .*; {found}$"):
            handler(event)

    def test_two_secrets_as_the_page_accepts_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        page = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text(encoding="utf-8")
        code = page.partition("## A new secret\n")[2].partition("```python\n")[2].partition("```")[0]
        monkeypatch.setenv("SONIOX_API_WEBHOOK_SECRET", SECRET)
        monkeypatch.setenv("OLD_WEBHOOK_SECRET", "0ld")
        seen: list[Any] = []
        with SonioxClient("key") as client:
            names: dict[str, Any] = {"client": client, "on_ended": seen.append}
            exec(compile(code, "docs/webhooks.md", "exec"), names)
            event = {**LAMBDA_EVENTS["payload 2.0"], "body": BODY.decode()}
            secrets = ("0ld", SECRET, "guess")
            answers = [
                names["handler"]({**event, "headers": {**HEADERS, "X-Soniox-Webhook-Secret": secret}})
                for secret in secrets
            ]
        assert [answer["statusCode"] for answer in answers] == [200, 200, 401]
        assert len(seen) == 1


class TestWsgi:
    @pytest.mark.parametrize(
        ("length", "terminated", "status"),
        [
            ("41", False, "200 OK"),
            (None, True, "200 OK"),
            (None, False, "400 Bad Request"),
            ("99999999", False, "413"),
            ("9" * 5000, False, "413"),
        ],
    )
    @each_namespace
    def test_how_much_is_read(self, namespace: Any, length: str | None, terminated: bool, status: str) -> None:
        started: list[Any] = []
        app = namespace(webhook_secret=SECRET).wsgi_app(lambda _: None)
        environ = {
            "REQUEST_METHOD": "POST",
            "HTTP_X_SONIOX_WEBHOOK_SECRET": SECRET,
            "CONTENT_LENGTH": length,
            "wsgi.input": io.BytesIO(BODY),
            "wsgi.input_terminated": terminated,
        }
        text = b"".join(app(environ, lambda *args: started.append(args)))
        assert started[0][0].startswith(status)
        assert ("Content-Length", str(len(text))) in started[0][1]


@each_namespace
class TestAsgi:
    def run(self, namespace: Any, scope: dict[str, Any], *messages: dict[str, Any]) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []

        async def main() -> None:
            waiting = list(messages)

            async def receive() -> Any:
                return waiting.pop(0)

            async def send(message: Any) -> None:
                sent.append(message)

            await namespace(webhook_secret=SECRET).asgi_app(lambda _: None)(scope, receive, send)

        asyncio.run(main())
        return sent

    def test_a_body_in_parts(self, namespace: Any) -> None:
        parts = (
            {"type": "http.request", "body": BODY[:9], "more_body": True},
            {"type": "http.request", "body": BODY[9:]},
        )
        start, body = self.run(namespace, HTTP_SCOPE, *parts)
        assert (start["status"], body["body"]) == (200, b"ok")
        assert (b"content-length", b"2") in start["headers"]

    def test_no_more_is_read_than_may_be_used(self, namespace: Any) -> None:
        part = {"type": "http.request", "body": bytes(40_000), "more_body": True}
        assert self.run(namespace, HTTP_SCOPE, part, part)[0]["status"] == 413

    def test_a_caller_that_leaves_gets_no_answer(self, namespace: Any) -> None:
        assert self.run(namespace, HTTP_SCOPE, {"type": "http.disconnect"}) == []

    def test_other_scopes(self, namespace: Any) -> None:
        steps = ({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
        assert self.run(namespace, {"type": "lifespan"}, *steps) == [
            {"type": "lifespan.startup.complete"},
            {"type": "lifespan.shutdown.complete"},
        ]
        assert self.run(namespace, {"type": "websocket"}) == [{"type": "websocket.close"}]
