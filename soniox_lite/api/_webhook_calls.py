"""Webhook calls: verifying them, reading their events, and answering them. No I/O."""

from __future__ import annotations

import contextlib
import os

from .._data.decoding import decode
from .._data.json_values import items_of, kind_of
from .._data.rules import FieldErrors
from .._data.safe_repr import safe_repr
from ..errors import InvalidWebhookSignatureError, SonioxAPIError, SonioxValidationError
from ..types.webhooks import WebhookAuthConfig, WebhookEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from ..types.aliases import Headers

    Reply = tuple[int, dict[str, str], bytes]

SONIOX_API_WEBHOOK_SECRET_ENV = "SONIOX_API_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable
SONIOX_API_WEBHOOK_HEADER_ENV = "SONIOX_API_WEBHOOK_HEADER"
DEFAULT_WEBHOOK_HEADER = "X-Soniox-Webhook-Secret"
# The service sends about 60 bytes.
MAX_PAYLOAD_BYTES = 64 * 1024
# How many keys RecentKeys keeps.
_MAX_KEYS = 10_000
_NOTHING_TO_COMPARE = (
    "no webhook secret to compare with: give webhook_secret=..., set SONIOX_API_WEBHOOK_SECRET, "
    "or say allow_unverified=True"
)
# Where events of Lambda and scopes of ASGI hold the headers.
_HOLDERS = frozenset({"headers", "multiValueHeaders"})
# Where events of Lambda say that the body is in base64; the second one is VPC Lattice's first version.
_BASE64_MARKS = frozenset({"isBase64Encoded", "is_base64_encoded"})
# Every environ has one of these names (RFC 3875, PEP 3333), and no header does.
_ENVIRON_NAMES = frozenset({"REQUEST_METHOD", "SERVER_PROTOCOL", "GATEWAY_INTERFACE"})


class WebhookCalls:
    """Requests webhooks, and verifies calls.

    The service does not sign its calls. It sends a header of the receiver's choice with a secret value of the
    receiver's choice, and this checks that header.
    """

    def __init__(self, *, webhook_secret: str | None = None, webhook_header: str | None = None) -> None:
        """Arguments that are None are taken from the environment.

        Args:
            webhook_secret: What the header must hold; None for ``SONIOX_API_WEBHOOK_SECRET``, or no secret.
            webhook_header: The header's name; None for ``SONIOX_API_WEBHOOK_HEADER``, or ``X-Soniox-Webhook-Secret``.

        Raises:
            SonioxValidationError: One of them cannot be part of an HTTP header.
        """
        secret = webhook_secret or os.environ.get(SONIOX_API_WEBHOOK_SECRET_ENV)
        header = webhook_header or os.environ.get(SONIOX_API_WEBHOOK_HEADER_ENV) or DEFAULT_WEBHOOK_HEADER
        with FieldErrors("the webhook's set-up") as check:
            check.header_name("webhook_header", header)
            check.header_value("webhook_secret", secret or None)
        self._header = header
        self._auth = WebhookAuthConfig(name=header, value=secret) if secret else None

    def verify_signature(
        self, headers: Headers, *, auth: WebhookAuthConfig | None = None, allow_unverified: bool = False
    ) -> None:
        """Returns if a webhook call carries the secret, and raises otherwise.

        Args:
            headers: The call's headers: a mapping or a framework's header object, pairs of names and values, a WSGI
                environ, a whole Lambda event or ASGI scope. Names are compared without regard to case. Of an
                environ, only the names of request headers (``HTTP_...``) count.
            auth: The header to look for; None for the one that this was set up with.
            allow_unverified: Whether to let every call pass if there is no secret to compare with.

        Raises:
            InvalidWebhookSignatureError: The header is missing, wrong or ambiguous, or there is no secret.
        """
        expected = _as_auth(auth) or self._auth
        if expected is None:
            if allow_unverified:
                return
            raise InvalidWebhookSignatureError(_NOTHING_TO_COMPARE)
        values = set(_find_header(_pairs(headers), expected.name))
        if not values:
            raise InvalidWebhookSignatureError(f"the webhook call has no {expected.name} header")
        if len(values) > 1:
            raise InvalidWebhookSignatureError(f"the webhook call has several {expected.name} headers that differ")
        from hmac import compare_digest  # noqa: PLC0415 - only a receiver of webhooks needs it

        if not compare_digest(values.pop().encode(errors="surrogatepass"), expected.value.encode()):
            raise InvalidWebhookSignatureError(f"the webhook call's {expected.name} header is wrong")

    def unwrap(
        self,
        payload: str | bytes,
        headers: Headers,
        *,
        auth: WebhookAuthConfig | None = None,
        allow_unverified: bool = False,
    ) -> WebhookEvent:
        """Verifies a webhook call and returns its event.

        The service may call several times for one job, so handle events idempotently.

        Args:
            payload: The call's body as it came. Where ``headers`` is a whole Lambda event that says
                ``isBase64Encoded`` (VPC Lattice 1.0: ``is_base64_encoded``), a body in base64 is decoded.
            headers: The call's headers: a mapping or a framework's header object, pairs of names and values, a WSGI
                environ, a whole Lambda event or ASGI scope.
            auth: The header to look for; None for the one that this was set up with.
            allow_unverified: Whether to let every call pass if there is no secret to compare with.

        Raises:
            InvalidWebhookSignatureError: The header is missing, wrong or ambiguous, or there is no secret.
            SonioxValidationError: The body is not the JSON object of a webhook, or is larger than 64 KiB.
                If it is not JSON at all, the error is a ``json.JSONDecodeError``, too.
        """
        pairs = _pairs(headers)
        self.verify_signature(pairs, auth=auth, allow_unverified=allow_unverified)
        if isinstance(payload, (bytearray, memoryview)):
            payload = bytes(payload)
        if not isinstance(payload, (str, bytes)):
            raise SonioxValidationError(f"payload must be the body as str or bytes, got {kind_of(payload)}")
        if any(isinstance(found, str) and found in _BASE64_MARKS and value is True for found, value in pairs):
            payload = _from_base64(payload)
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise SonioxValidationError(f"the webhook's body is larger than {MAX_PAYLOAD_BYTES} bytes")
        import json  # noqa: PLC0415 - only a receiver of webhooks needs it

        try:
            text = payload if isinstance(payload, str) else payload.decode()
            data = json.loads(text.removeprefix("\ufeff"))
        except (ValueError, RecursionError) as error:
            from .._data.invalid_json import InvalidJSONError  # noqa: PLC0415 - as above

            raise InvalidJSONError(f"the webhook's body is not JSON: {error}") from error
        try:
            event = decode(WebhookEvent, data)
        except SonioxAPIError as error:
            raise SonioxValidationError(f"the webhook's body is not an event: {error.message}") from error
        if not event.id:
            raise SonioxValidationError("the webhook's body is not an event: WebhookEvent.id is empty")
        return event

    def webhook_payload(self, webhook_url: str, *, auth: WebhookAuthConfig | None = None) -> dict[str, str]:
        """The fields of a transcription request that ask for a webhook.

        Args:
            webhook_url: http(s) URL to be called, at most 256 characters.
            auth: The header that is to prove the call; None for the one that this was set up with, if any.

        Raises:
            SonioxValidationError: One of them is not valid.
        """
        with FieldErrors("the webhook") as check:
            if check.required("webhook_url", webhook_url):
                check.http_url("webhook_url", webhook_url, max_length=256)
        fields = {"webhook_url": webhook_url}
        expected = _as_auth(auth) or self._auth
        if expected is not None:
            fields |= {"webhook_auth_header_name": expected.name, "webhook_auth_header_value": expected.value}
        return fields

    def _judged(
        self, method: str, headers: Headers, body: str | bytes, auth: WebhookAuthConfig | None, allow_unverified: bool
    ) -> WebhookEvent | Reply:
        """The event of a call, or the answer to one that is refused."""
        if not isinstance(method, str) or method.upper() != "POST":
            return reply(405, "webhooks are called by POST", Allow="POST")
        # A body of another kind is refused by unwrap().
        if isinstance(body, (str, bytes)) and len(body) > MAX_PAYLOAD_BYTES:
            return too_large()
        try:
            return self.unwrap(body, headers, auth=auth, allow_unverified=allow_unverified)
        except InvalidWebhookSignatureError:
            # The reason would help a caller that guesses.
            return reply(401, "the call has no valid secret")
        except SonioxValidationError as error:
            return reply(400, str(error))

    def _check_secret(self, auth: WebhookAuthConfig | None, allow_unverified: bool) -> None:
        """Raises if no call could be verified."""
        if auth is None and self._auth is None and not allow_unverified:
            raise InvalidWebhookSignatureError(_NOTHING_TO_COMPARE)

    @safe_repr
    def __repr__(self) -> str:
        return f"<{type(self).__name__} header={self._header!r} secret={'set' if self._auth else 'not set'}>"


class RecentKeys:
    """The latest keys that were added, at most 10,000. Shared by threads.

    A store of your own has the same two methods; with a shared one, such as Redis (``SET key 1 NX EX 86400``, ``DEL
    key``), each event is reported once over all processes. In an async client they may be async.
    """

    def __init__(self) -> None:
        self._keys: dict[str, object] = {}

    def add(self, key: str) -> bool:
        """Adds a key; whether it is new."""
        mark = object()
        # One step, so that of two threads with the same key only one gets its own mark back.
        is_new = self._keys.setdefault(key, mark) is mark
        while len(self._keys) > _MAX_KEYS:
            with contextlib.suppress(StopIteration, RuntimeError):
                self._keys.pop(next(iter(self._keys)), None)
        return is_new

    def discard(self, key: str) -> None:
        """Removes a key, if it is there."""
        self._keys.pop(key, None)


def reply(status: int, text: str, **headers: str) -> Reply:
    """An answer in plain text."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {"Content-Type": "text/plain; charset=utf-8", **named}, text.encode()


def too_large() -> Reply:
    """The answer to a body that no webhook has."""
    return reply(413, f"the body is larger than {MAX_PAYLOAD_BYTES} bytes")


def _as_auth(auth: WebhookAuthConfig | Mapping[str, Any] | None) -> WebhookAuthConfig | None:
    if auth is None:
        return None
    # One that was made is checked again: it may have been changed since, and an empty secret lets every call in.
    return WebhookAuthConfig.from_dict(vars(auth) if isinstance(auth, WebhookAuthConfig) else auth)


def _from_base64(payload: str | bytes) -> str | bytes:
    from base64 import b64decode  # noqa: PLC0415 - only a receiver behind a gateway needs it

    try:
        return b64decode(payload, validate=True)
    except ValueError:
        return payload  # JSON is not base64: the caller has decoded it.


def _find_header(pairs: list[tuple[Any, Any]], name: str, *, nested: bool = False) -> Iterator[str]:
    """The values of a header in pairs that are headers or an environ, or in the headers that one of the pairs holds."""
    texts = [(found, value) for found, value in pairs if isinstance(found, str)]
    # An environ holds more than headers, often the environment of the process too: WEBHOOK_SECRET there is not the
    # header Webhook-Secret, which is HTTP_WEBHOOK_SECRET.
    is_environ = any(found in _ENVIRON_NAMES or found.startswith("wsgi.") for found, _ in texts)
    held = [value for found, value in texts if found in _HOLDERS and not isinstance(value, (str, bytes))]
    if held and not nested and not is_environ:
        for headers in held:
            yield from _find_header(_pairs(headers), name, nested=True)
        return
    in_environ = name.upper().replace("-", "_")
    if in_environ not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
        in_environ = f"HTTP_{in_environ}"
    for found, value in pairs:
        spelled = found.decode("latin-1") if isinstance(found, bytes) else found
        if spelled == in_environ or (not is_environ and isinstance(spelled, str) and spelled.lower() == name.lower()):
            # API Gateway's multiValueHeaders hold lists.
            for item in items_of(value):
                if isinstance(item, (str, bytes)):
                    yield item if isinstance(item, str) else item.decode("latin-1")


def _pairs(headers: Any) -> list[tuple[Any, Any]]:
    if headers is None:
        return []
    try:
        items = headers.items() if callable(getattr(headers, "items", None)) else headers
        return [(found, value) for found, value in items]
    except (TypeError, ValueError) as error:
        raise SonioxValidationError(
            f"headers must be a mapping or pairs of names and values, got {kind_of(headers)}"
        ) from error
