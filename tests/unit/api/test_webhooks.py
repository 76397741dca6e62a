"""Webhooks: which calls are believed, and what is read from them."""

from __future__ import annotations

import base64
import collections
import email.message
import email.parser
import hmac
import http.client
import io
import json
import pickle
import types
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from werkzeug.datastructures import EnvironHeaders, Headers as WerkzeugHeaders

from soniox_lite import AsyncSonioxClient, SonioxClient
from soniox_lite.api.async_webhooks import AsyncSonioxWebhooksAPI
from soniox_lite.api.webhooks import SonioxWebhooksAPI
from soniox_lite.errors import InvalidWebhookSignatureError, SonioxError, SonioxValidationError
from soniox_lite.types.webhooks import WebhookAuthConfig, WebhookEvent

from ...support.tables import each_row

bounded = settings(derandomize=True, max_examples=150, deadline=None, database=None)

SECRET = "s3cret-Value-of-the-receiver"
HEADER = "X-Soniox-Webhook-Secret"
BODY = b'{"id": "73d4357d-cad2-4338-a60d-ec6f2044f721", "status": "completed"}'


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SONIOX_API_WEBHOOK_SECRET", "SONIOX_API_WEBHOOK_HEADER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def webhooks() -> SonioxWebhooksAPI:
    return SonioxWebhooksAPI(webhook_secret=SECRET)


def _id(value: object) -> str:
    text = ascii(value)
    return type(value).__name__ if " at 0x" in text else text


# Headers, in every form that a framework has for them.


def _http_message(name: str, value: str) -> Any:
    return http.client.parse_headers(io.BytesIO(f"Host: a\r\n{name}: {value}\r\n\r\n".encode("latin-1")))


def _email_message(name: str, value: str) -> Any:
    message = email.message.Message()
    message["Host"] = "a"
    message[name] = value
    return message


def _modern_email_message(name: str, value: str) -> Any:
    message = email.message.EmailMessage()
    message[name] = value
    return message


def _environ(name: str, value: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST",
        "CONTENT_LENGTH": "69",
        "CONTENT_TYPE": "application/json",
        "wsgi.input": io.BytesIO(BODY),
        "wsgi.version": (1, 0),
        "HTTP_HOST": "a",
        "HTTP_" + name.upper().replace("-", "_"): value,
    }


class _OnlyItems:
    """As aiohttp's and Starlette's headers, without being a Mapping."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    def items(self) -> Any:
        return iter(self._pairs)


FORMS: dict[str, Any] = {
    "dict": lambda name, value: {"Host": "a", name: value},
    "mapping": lambda name, value: types.MappingProxyType({name: value}),
    "list of pairs": lambda name, value: [("Host", "a"), (name, value)],
    "tuple of lists": lambda name, value: (["Host", "a"], [name, value]),
    "iterator of pairs": lambda name, value: iter([("Host", "a"), (name, value)]),
    "object with items": lambda name, value: _OnlyItems([("Host", "a"), (name, value)]),
    "ASGI byte pairs": lambda name, value: [(b"host", b"a"), (name.lower().encode(), value.encode("latin-1"))],
    "ASGI scope": lambda name, value: {
        "type": "http",
        "path": "/hook",
        "headers": [(b"host", b"a"), (name.lower().encode(), value.encode("latin-1"))],
    },
    "WSGI environ": _environ,
    "Django META": lambda name, value: {**_environ(name, value), "SERVER_NAME": "a", "QUERY_STRING": ""},
    "werkzeug Headers": lambda name, value: WerkzeugHeaders([("Host", "a"), (name, value)]),
    "werkzeug EnvironHeaders": lambda name, value: EnvironHeaders(_environ(name, value)),
    "http.client": _http_message,
    "email.message": _email_message,
    "email.message, modern": _modern_email_message,
    "dict of lists": lambda name, value: {"Host": ["a"], name: [value]},
    "API Gateway, version 1": lambda name, value: {
        "httpMethod": "POST",
        "path": "/hook",
        "headers": {"Host": "a", name: value},
        "multiValueHeaders": {"Host": ["a"], name: [value]},
        "queryStringParameters": None,
        "body": BODY.decode(),
        "isBase64Encoded": False,
    },
    "API Gateway, version 2": lambda name, value: {
        "version": "2.0",
        "rawPath": "/hook",
        "cookies": [],
        "headers": {"host": "a", name.lower(): value},
        "requestContext": {"http": {"method": "POST"}},
        "body": BODY.decode(),
    },
    "load balancer with many values": lambda name, value: {
        "requestContext": {"elb": {}},
        "multiValueHeaders": {"host": ["a"], name.lower(): [value]},
        "body": BODY.decode(),
    },
    "event without multiple values": lambda name, value: {"headers": {name: value}, "multiValueHeaders": None},
}


@each_row("form", FORMS.values(), ids=FORMS)
@each_row("spell", [str, str.lower, str.upper, str.title, str.swapcase], ids=lambda spell: spell.__name__)
def test_the_secret_is_found_in_any_form_and_spelling(webhooks: SonioxWebhooksAPI, form: Any, spell: Any) -> None:
    assert webhooks.verify_signature(form(spell(HEADER), SECRET)) is None
    event = webhooks.unwrap(BODY, form(spell(HEADER), SECRET))
    assert event.id == "73d4357d-cad2-4338-a60d-ec6f2044f721"
    assert event.status == "completed"


@each_row("form", FORMS.values(), ids=FORMS)
@each_row(
    "value",
    ["", " ", "wrong", SECRET[:-1], SECRET + "x", SECRET.lower(), SECRET.swapcase(), f"{SECRET}, {SECRET}", "é"],
)
def test_another_value_is_refused_in_any_form(webhooks: SonioxWebhooksAPI, form: Any, value: str) -> None:
    with pytest.raises(InvalidWebhookSignatureError) as caught:
        webhooks.unwrap(BODY, form(HEADER, value))

    assert HEADER in str(caught.value)
    assert SECRET not in str(caught.value)


@each_row("form", FORMS.values(), ids=FORMS)
def test_a_call_without_the_header_is_refused_in_any_form(webhooks: SonioxWebhooksAPI, form: Any) -> None:
    with pytest.raises(InvalidWebhookSignatureError, match=f"the webhook call has no {HEADER} header"):
        webhooks.verify_signature(form("X-Other", SECRET))


@each_row("headers", [None, {}, [], (), iter(())], ids=_id)
def test_no_headers_at_all_are_refused(webhooks: SonioxWebhooksAPI, headers: Any) -> None:
    with pytest.raises(InvalidWebhookSignatureError, match="has no"):
        webhooks.verify_signature(headers)


@each_row(
    "headers",
    [5, "X-Soniox-Webhook-Secret", b"abc", ["abc"], [5], [("a", "b", "c")], object(), True, [None]],
    ids=_id,
)
def test_what_are_no_headers_is_one_clear_error(webhooks: SonioxWebhooksAPI, headers: Any) -> None:
    with pytest.raises(SonioxValidationError, match="headers must be a mapping or pairs of names and values, got "):
        webhooks.unwrap(BODY, headers)


def test_names_and_values_of_other_kinds_are_no_headers(webhooks: SonioxWebhooksAPI) -> None:
    odd = {1: SECRET, None: SECRET, HEADER: None, ("a",): SECRET}

    for headers in (odd, {HEADER: 5}, {HEADER: [5, None]}, {HEADER: {"a": SECRET}}, {HEADER: []}):
        with pytest.raises(InvalidWebhookSignatureError, match="has no"):
            webhooks.verify_signature(headers)


def test_headers_that_hold_themselves_end(webhooks: SonioxWebhooksAPI) -> None:
    endless: dict[str, Any] = {}
    endless["headers"] = endless

    with pytest.raises(InvalidWebhookSignatureError, match="has no"):
        webhooks.verify_signature(endless)


def test_a_header_is_not_looked_for_below_the_headers(webhooks: SonioxWebhooksAPI) -> None:
    for event in (
        {"body": {HEADER: SECRET}},
        {"queryStringParameters": {HEADER: SECRET}},
        {"headers": {"headers": {HEADER: SECRET}}},
    ):
        with pytest.raises(InvalidWebhookSignatureError, match="has no"):
            webhooks.verify_signature(event)


@each_row(
    ("header", "environ"),
    [
        ("Webhook-Secret", {"wsgi.version": (1, 0), "WEBHOOK_SECRET": SECRET}),
        ("Webhook-Secret", {"REQUEST_METHOD": "POST", "WEBHOOK_SECRET": SECRET}),
        ("Webhook-Secret", {"GATEWAY_INTERFACE": "CGI/1.1", "WEBHOOK_SECRET": SECRET}),
        ("Webhook-Secret", {"HTTP_HOST": "a", "WEBHOOK_SECRET": SECRET}),
        ("Webhook-Secret", {"REQUEST_METHOD": "POST", "Webhook-Secret": SECRET}),
        ("Webhook-Secret", {"REQUEST_METHOD": "POST", "headers": {"Webhook-Secret": SECRET}}),
        ("Token", {"REQUEST_METHOD": "POST", "TOKEN": SECRET}),
        ("Http-Token", {"REQUEST_METHOD": "POST", "HTTP_TOKEN": SECRET}),
    ],
    ids=["wsgi", "copy of text only", "CGI", "copy without marks", "own spelling", "held", "one word", "HTTP word"],
)
@each_row("wrap", [dict, collections.OrderedDict, lambda environ: list(environ.items())])
def test_a_variable_beside_the_headers_does_not_prove_a_call(
    header: str, environ: dict[str, Any], wrap: Callable[[Any], Any]
) -> None:
    webhooks = SonioxWebhooksAPI(webhook_secret=SECRET, webhook_header=header)

    with pytest.raises(InvalidWebhookSignatureError, match=f"the webhook call has no {header} header"):
        webhooks.unwrap(BODY, wrap(environ))


def test_a_variable_beside_the_headers_does_not_spoil_a_call_either() -> None:
    webhooks = SonioxWebhooksAPI(webhook_secret=SECRET, webhook_header="Webhook-Secret")

    webhooks.verify_signature({**_environ("Webhook-Secret", SECRET), "WEBHOOK_SECRET": "of another service"})


def test_a_header_without_prefix_in_an_environ_is_found() -> None:
    webhooks = SonioxWebhooksAPI(webhook_secret=SECRET, webhook_header="Content-Type")

    webhooks.verify_signature({**_environ("X", ""), "CONTENT_TYPE": SECRET})


def test_the_headers_of_an_environ_alone_are_headers(webhooks: SonioxWebhooksAPI) -> None:
    only_headers = {name: value for name, value in _environ(HEADER, SECRET).items() if name.startswith("HTTP_")}

    webhooks.verify_signature(only_headers)
    with pytest.raises(InvalidWebhookSignatureError, match="several"):
        webhooks.verify_signature({**only_headers, HEADER: "other"})


def test_what_surrounds_headers_is_none(webhooks: SonioxWebhooksAPI) -> None:
    for event in (
        {"headers": {"Host": "a"}, HEADER: SECRET},
        {"multiValueHeaders": {"host": ["a"]}, HEADER: SECRET},
        {"type": "http", "headers": [(b"host", b"a")], HEADER.lower(): SECRET},
    ):
        with pytest.raises(InvalidWebhookSignatureError, match="has no"):
            webhooks.verify_signature(event)


@each_row(
    "headers",
    [
        [(HEADER, SECRET), (HEADER.lower(), SECRET)],
        WerkzeugHeaders([(HEADER, SECRET), (HEADER, SECRET)]),
        {HEADER: SECRET, HEADER.lower(): SECRET},
        {HEADER: [SECRET, SECRET]},
        {"headers": {HEADER: SECRET}, "multiValueHeaders": {HEADER: [SECRET, SECRET]}},
        [(HEADER.encode(), SECRET.encode()), (HEADER, SECRET)],
    ],
    ids=["pairs", "werkzeug", "dict", "list", "event", "bytes"],
)
def test_the_same_header_twice_is_one(webhooks: SonioxWebhooksAPI, headers: Any) -> None:
    webhooks.verify_signature(headers)


@each_row(
    "headers",
    [
        [(HEADER, SECRET), (HEADER.lower(), "other")],
        [(HEADER, "other"), (HEADER, SECRET)],
        WerkzeugHeaders([(HEADER, SECRET), (HEADER, "")]),
        {HEADER: [SECRET, "other"]},
        {"headers": {HEADER: "other"}, "multiValueHeaders": {HEADER: ["other", SECRET]}},
        {HEADER: SECRET, HEADER.lower(): "other"},
    ],
    ids=["pairs", "pairs, right one last", "werkzeug, one empty", "list", "event", "dict"],
)
def test_headers_that_differ_are_refused_though_one_is_right(webhooks: SonioxWebhooksAPI, headers: Any) -> None:
    with pytest.raises(InvalidWebhookSignatureError, match=f"has several {HEADER} headers that differ"):
        webhooks.verify_signature(headers)


@each_row("value", ["\udcff\udcfe", "日本", "\x00", b"\xff\xfe", SECRET + "\udcff"], ids=ascii)
def test_values_outside_of_ascii_are_wrong_and_not_an_accident(webhooks: SonioxWebhooksAPI, value: Any) -> None:
    for headers in ({HEADER: value}, [(HEADER.encode(), value)]):
        with pytest.raises(InvalidWebhookSignatureError, match=f"{HEADER} header is wrong"):
            webhooks.verify_signature(headers)


def test_an_email_header_with_raw_bytes_is_refused(webhooks: SonioxWebhooksAPI) -> None:
    message = email.parser.BytesParser().parsebytes(f"{HEADER}: \xe9\r\n\r\n".encode("latin-1"))

    with pytest.raises(InvalidWebhookSignatureError):
        webhooks.verify_signature(message)


def test_the_comparison_takes_the_same_time_wherever_values_differ(
    webhooks: SonioxWebhooksAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[bytes, bytes]] = []
    genuine = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return genuine(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    webhooks.verify_signature({HEADER: SECRET})
    with pytest.raises(InvalidWebhookSignatureError):
        webhooks.verify_signature({HEADER: "wrong"})

    assert compared == [(SECRET.encode(), SECRET.encode()), (b"wrong", SECRET.encode())]


def test_it_is_that_comparison_which_decides(webhooks: SonioxWebhooksAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hmac, "compare_digest", lambda one, other: False)

    with pytest.raises(InvalidWebhookSignatureError, match="is wrong"):
        webhooks.verify_signature({HEADER: SECRET})


# Where the secret comes from.


@pytest.mark.parametrize("made", [{}, {"webhook_secret": None}, {"webhook_secret": ""}], ids=str)
def test_no_secret_is_an_error_that_says_what_to_do(made: dict[str, Any]) -> None:
    webhooks = SonioxWebhooksAPI(**made)

    for call in (
        lambda: webhooks.verify_signature({HEADER: ""}),
        lambda: webhooks.verify_signature({HEADER: "x"}),
        lambda: webhooks.unwrap(BODY, {}),
    ):
        with pytest.raises(
            InvalidWebhookSignatureError, match="no webhook secret to compare with: give webhook_secret"
        ):
            call()


def test_a_caller_may_say_that_nothing_is_verified() -> None:
    webhooks = SonioxWebhooksAPI()

    webhooks.verify_signature(None, allow_unverified=True)
    assert webhooks.unwrap(BODY, None, allow_unverified=True).status == "completed"


def test_a_secret_is_compared_although_the_caller_allows_unverified_calls(webhooks: SonioxWebhooksAPI) -> None:
    with pytest.raises(InvalidWebhookSignatureError):
        webhooks.verify_signature({HEADER: "wrong"}, allow_unverified=True)
    with pytest.raises(InvalidWebhookSignatureError):
        webhooks.unwrap(BODY, {}, allow_unverified=True)


def test_the_environment_is_used_for_what_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONIOX_API_WEBHOOK_SECRET", "from-environment")
    monkeypatch.setenv("SONIOX_API_WEBHOOK_HEADER", "X-Mine")

    SonioxWebhooksAPI().verify_signature({"x-mine": "from-environment"})
    SonioxWebhooksAPI(webhook_secret=SECRET).verify_signature({"x-mine": SECRET})
    SonioxWebhooksAPI(webhook_header="X-Other").verify_signature({"x-other": "from-environment"})
    with pytest.raises(InvalidWebhookSignatureError, match="no X-Mine header"):
        SonioxWebhooksAPI().verify_signature({HEADER: "from-environment"})


def test_an_empty_environment_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONIOX_API_WEBHOOK_SECRET", "")
    monkeypatch.setenv("SONIOX_API_WEBHOOK_HEADER", "")

    with pytest.raises(InvalidWebhookSignatureError, match="no webhook secret"):
        SonioxWebhooksAPI().verify_signature({HEADER: ""})
    SonioxWebhooksAPI(webhook_secret=SECRET).verify_signature({HEADER: SECRET})


@pytest.mark.parametrize("client_class", [SonioxClient, AsyncSonioxClient])
def test_a_client_hands_its_settings_on(client_class: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONIOX_API_WEBHOOK_SECRET", "from-environment")

    mine = client_class(api_key="k", webhook_secret=SECRET, webhook_signature_header="X-Mine").webhooks
    plain = client_class(api_key="k").webhooks

    assert mine.unwrap(BODY, {"x-mine": SECRET}).status == "completed"
    assert plain.unwrap(BODY, {HEADER: "from-environment"}).status == "completed"


def test_an_auth_that_was_emptied_lets_nothing_in(webhooks: SonioxWebhooksAPI) -> None:
    auth = WebhookAuthConfig(name="X-Job", value="job")
    auth.value = ""

    with pytest.raises(SonioxValidationError, match="value must"):
        webhooks.verify_signature({"X-Job": ""}, auth=auth)


@pytest.mark.parametrize("auth", [WebhookAuthConfig(name="X-Job", value="job"), {"name": "X-Job", "value": "job"}])
def test_a_calls_own_secret_wins(webhooks: SonioxWebhooksAPI, auth: Any) -> None:
    for api in (webhooks, SonioxWebhooksAPI()):
        assert api.unwrap(BODY, {"X-Job": "job"}, auth=auth).status == "completed"
        with pytest.raises(InvalidWebhookSignatureError, match="no X-Job header"):
            api.verify_signature({HEADER: SECRET}, auth=auth)


@each_row("auth", [5, "secret", [], {}, {"name": "X"}, {"name": "X", "value": ""}, {"value": "x"}], ids=repr)
def test_an_auth_that_is_none_is_a_validation_error(webhooks: SonioxWebhooksAPI, auth: Any) -> None:
    for call in (
        lambda: webhooks.verify_signature({HEADER: SECRET}, auth=auth),
        lambda: webhooks.unwrap(BODY, {HEADER: SECRET}, auth=auth),
        lambda: webhooks.webhook_payload("https://a/b", auth=auth),
    ):
        with pytest.raises(SonioxValidationError, match="WebhookAuthConfig"):
            call()


@each_row("secret", ["é", "a\nb", " a", "a ", "x" * 257, 5, b"x", ["x"]], ids=ascii)
def test_a_secret_that_no_header_can_carry_is_refused_early(secret: Any) -> None:
    with pytest.raises(SonioxValidationError, match="webhook_secret") as caught:
        SonioxWebhooksAPI(webhook_secret=secret)

    assert len(str(caught.value)) < 200


@each_row("header", ["é", "a b", "a:", "a\nb", "x" * 257, 5, b"x"], ids=ascii)
def test_a_header_name_that_is_none_is_refused_early(header: Any) -> None:
    with pytest.raises(SonioxValidationError, match="webhook_header"):
        SonioxWebhooksAPI(webhook_secret=SECRET, webhook_header=header)


def test_a_bad_environment_is_refused_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONIOX_API_WEBHOOK_SECRET", SECRET + "\n")

    with pytest.raises(SonioxValidationError, match="webhook_secret must be printable ASCII") as caught:
        SonioxWebhooksAPI()
    assert SECRET not in str(caught.value)


def test_the_longest_secret_and_header_work() -> None:
    webhooks = SonioxWebhooksAPI(webhook_secret="s" * 256, webhook_header="H" * 256)

    webhooks.verify_signature({"h" * 256: "s" * 256})


# Bodies.


@each_row("make", [bytes, bytearray, memoryview, bytes.decode], ids=["bytes", "bytearray", "view", "str"])
def test_a_body_is_text_or_bytes(webhooks: SonioxWebhooksAPI, make: Any) -> None:
    assert webhooks.unwrap(make(BODY), {HEADER: SECRET}) == WebhookEvent.from_dict(json.loads(BODY))


@pytest.mark.parametrize("make", [bytes, bytes.decode], ids=["bytes", "str"])
def test_a_body_may_begin_with_a_byte_order_mark(webhooks: SonioxWebhooksAPI, make: Any) -> None:
    assert webhooks.unwrap(make(b"\xef\xbb\xbf" + BODY), {HEADER: SECRET}).status == "completed"


@pytest.mark.parametrize("make", [bytes, bytearray, bytes.decode], ids=["bytes", "bytearray", "str"])
def test_a_body_in_base64_is_decoded_where_the_event_says_so(webhooks: SonioxWebhooksAPI, make: Any) -> None:
    event = {"headers": {HEADER: SECRET}, "body": make(base64.b64encode(BODY)), "isBase64Encoded": True}

    assert webhooks.unwrap(event["body"], event).status == "completed"
    assert webhooks.unwrap(make(BODY), event).status == "completed"  # The caller decoded it.
    for not_said in (False, None, "true"):
        with pytest.raises(SonioxValidationError, match="not JSON"):
            webhooks.unwrap(event["body"], {**event, "isBase64Encoded": not_said})


def test_base64_that_is_cut_off_is_no_body(webhooks: SonioxWebhooksAPI) -> None:
    event = {"headers": {HEADER: SECRET}, "isBase64Encoded": True}

    for body in (base64.b64encode(BODY)[:-1], "=", "", "\xe9"):
        with pytest.raises(SonioxValidationError, match="not JSON"):
            webhooks.unwrap(body, event)


@each_row("payload", [None, 5, {}, {"id": "a", "status": "completed"}, [], io.BytesIO(BODY), True], ids=_id)
def test_a_body_of_another_kind_is_refused(webhooks: SonioxWebhooksAPI, payload: Any) -> None:
    with pytest.raises(SonioxValidationError, match="payload must be the body as str or bytes, got "):
        webhooks.unwrap(payload, {HEADER: SECRET})


@each_row(
    "payload",
    [
        b"",
        "",
        "id=a&status=completed",
        b'{"id": "a", "status"',
        b"\xff\xfe\x00",
        b'\xef\xbb\xbf\xef\xbb\xbf{"id": "a", "status": "completed"}',
        "[" * 60_000,
        '{"id": ' + "9" * 5000 + "}",
        '{"id": "a"} trailing',
        "\ud800",
    ],
    ids=lambda payload: ascii(payload)[:30],
)
@pytest.mark.usefixtures("deep_json")
def test_a_body_that_is_not_json_is_a_clear_error(webhooks: SonioxWebhooksAPI, payload: Any) -> None:
    with pytest.raises(SonioxValidationError, match="the webhook's body is not JSON: ") as caught:
        webhooks.unwrap(payload, {HEADER: SECRET})

    assert len(str(caught.value)) < 300
    assert caught.value.__cause__ is not None
    assert isinstance(caught.value, json.JSONDecodeError)
    copied = pickle.loads(pickle.dumps(caught.value))
    assert (type(copied), str(copied), list(copied.errors)) == (type(caught.value), str(caught.value), [])


@each_row(
    ("data", "words"),
    [
        ([], "must be an object, is array"),
        (None, "must be an object, is null"),
        ("x", "must be an object, is string"),
        (5, "must be an object, is number"),
        ({}, "WebhookEvent.id is missing"),
        ({"id": None, "status": "completed"}, "WebhookEvent.id is null"),
        ({"id": 5, "status": "completed"}, "WebhookEvent.id must be a string, is number"),
        ({"id": "", "status": "completed"}, "WebhookEvent.id is empty"),
        ({"id": "a"}, "WebhookEvent.status is missing"),
        ({"id": "a", "status": None}, "WebhookEvent.status is null"),
        ({"id": "a", "status": ["completed"]}, "WebhookEvent.status must be a string, is array"),
    ],
    ids=str,
)
def test_a_body_that_is_no_event_says_where(webhooks: SonioxWebhooksAPI, data: Any, words: str) -> None:
    with pytest.raises(SonioxValidationError, match="the webhook's body is not an event: ") as caught:
        webhooks.unwrap(json.dumps(data), {HEADER: SECRET})

    assert words in str(caught.value)


def test_an_event_that_knows_more_than_we_do_is_taken(webhooks: SonioxWebhooksAPI) -> None:
    event = webhooks.unwrap('{"id": "a", "status": "archived", "model": "m"}', {HEADER: SECRET})

    assert (event.status, event.model) == ("archived", "m")  # type: ignore[attr-defined]


@pytest.mark.parametrize("make", [str, str.encode], ids=["str", "bytes"])
def test_the_size_of_a_body_is_bounded_on_both_sides(webhooks: SonioxWebhooksAPI, make: Any) -> None:
    start = '{"id": "a", "status": "error"}'
    largest = start + " " * (64 * 1024 - len(start))

    assert webhooks.unwrap(make(largest), {HEADER: SECRET}).status == "error"
    with pytest.raises(SonioxValidationError, match="the webhook's body is larger than 65536 bytes"):
        webhooks.unwrap(make(largest + " "), {HEADER: SECRET})


def test_a_body_is_not_looked_at_before_the_call_is_verified(webhooks: SonioxWebhooksAPI) -> None:
    for payload in (b"not json", None, b"x" * 100_000):
        with pytest.raises(InvalidWebhookSignatureError):
            webhooks.unwrap(payload, {HEADER: "wrong"})  # type: ignore[arg-type]


# Asking for a webhook.


def test_the_fields_of_a_request_name_url_and_secret(webhooks: SonioxWebhooksAPI) -> None:
    assert webhooks.webhook_payload("https://a/b?c=d") == {
        "webhook_url": "https://a/b?c=d",
        "webhook_auth_header_name": HEADER,
        "webhook_auth_header_value": SECRET,
    }
    assert webhooks.webhook_payload("https://a", auth=WebhookAuthConfig(name="X", value="v")) == {
        "webhook_url": "https://a",
        "webhook_auth_header_name": "X",
        "webhook_auth_header_value": "v",
    }
    assert SonioxWebhooksAPI().webhook_payload("https://a") == {"webhook_url": "https://a"}


@each_row("url", [None, "", "a", "ftp://a", 5, b"https://a", "https://a b", "https://a/" + "x" * 247], ids=ascii)
def test_a_url_that_is_none_is_refused(webhooks: SonioxWebhooksAPI, url: Any) -> None:
    with pytest.raises(SonioxValidationError, match="the webhook is not valid: webhook_url must "):
        webhooks.webhook_payload(url)


def test_a_url_may_have_256_characters(webhooks: SonioxWebhooksAPI) -> None:
    longest = "https://a/" + "x" * 246

    assert webhooks.webhook_payload(longest)["webhook_url"] == longest


def test_what_is_asked_for_is_what_is_verified_later(webhooks: SonioxWebhooksAPI) -> None:
    asked = webhooks.webhook_payload("https://a")

    webhooks.verify_signature({asked["webhook_auth_header_name"]: asked["webhook_auth_header_value"]})


# The rest.


def test_the_secret_is_not_shown(webhooks: SonioxWebhooksAPI) -> None:
    assert repr(webhooks) == f"<SonioxWebhooksAPI header='{HEADER}' secret=set>"
    assert repr(SonioxWebhooksAPI()) == f"<SonioxWebhooksAPI header='{HEADER}' secret=not set>"


def test_the_async_namespace_is_the_same() -> None:
    webhooks = AsyncSonioxWebhooksAPI(webhook_secret=SECRET)

    assert webhooks.unwrap(BODY, {HEADER: SECRET}).status == "completed"
    assert repr(webhooks).startswith("<AsyncSonioxWebhooksAPI ")


things = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.binary(max_size=6)
    | st.just(HEADER),
    lambda children: (
        st.lists(children, max_size=3)
        | st.tuples(children, children)
        | st.dictionaries(
            st.sampled_from([HEADER, "headers", "multiValueHeaders", "Host"]) | st.text(max_size=4) | st.integers(),
            children,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(headers=things, payload=things | st.text(max_size=20) | things.map(lambda value: ascii(value).encode()))
@bounded
def test_no_headers_and_no_body_raise_anything_but_our_errors(headers: Any, payload: Any) -> None:
    for webhooks, allow in ((SonioxWebhooksAPI(webhook_secret=SECRET), False), (SonioxWebhooksAPI(), True)):
        try:
            event = webhooks.unwrap(payload, headers, allow_unverified=allow)
        except SonioxError:
            continue
        assert isinstance(event, WebhookEvent)
        assert allow


@given(
    value=st.text(max_size=30) | st.binary(max_size=30),
    name=st.sampled_from([HEADER, HEADER.lower(), "HTTP_X_SONIOX_WEBHOOK_SECRET"]),
)
@bounded
def test_no_other_value_passes(value: Any, name: str) -> None:
    with pytest.raises(InvalidWebhookSignatureError):
        SonioxWebhooksAPI(webhook_secret=SECRET).verify_signature({name: value})
