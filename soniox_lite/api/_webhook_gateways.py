"""Receivers of webhooks for servers: ASGI, WSGI and AWS Lambda, with either client."""

from __future__ import annotations

from http import HTTPStatus

from .._data.callbacks import check_callback
from .._data.json_values import kind_of
from ..errors import SonioxValidationError
from ._webhook_calls import MAX_PAYLOAD_BYTES, too_large

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable
    from typing import Any

    from ._webhook_calls import Reply

_NO_REQUEST = "the event is no HTTP request of a gateway or a function URL"


class _Gateways:
    """Adds receivers to a namespace, which says how its ``handle`` is called from threads and from tasks."""

    if TYPE_CHECKING:
        _handle: Callable[..., Reply]
        _handle_async: Callable[..., Awaitable[Reply]]

    def asgi_app(self, on_ended: Callable[[Any], object], **options: Any) -> Callable[..., Awaitable[None]]:
        """An ASGI application, for uvicorn and the like, or for ``app.mount("/ended", ...)`` of a framework.

        An exception of ``on_ended`` is left to the server, which logs it and answers with 500.

        Args:
            on_ended: Called once for each ended job, with what was received. An async client awaits it if it is async.
            **options: ``auth``, the header to look for; ``allow_unverified``, whether every call passes if there is no
                secret; ``seen``, which remembers events as ``RecentKeys`` does.

        Raises:
            InvalidWebhookSignatureError: There is no secret to compare with.
            SonioxValidationError: ``on_ended`` cannot be called, or is async in a sync client.
        """
        _check(self, on_ended, options)

        async def app(scope: Any, receive: Callable[..., Awaitable[Any]], send: Callable[..., Awaitable[None]]) -> None:
            if scope["type"] == "lifespan":
                while True:
                    step = (await receive())["type"]
                    await send({"type": f"{step}.complete"})
                    if step == "lifespan.shutdown":
                        return
            if scope["type"] != "http":
                await send({"type": "websocket.close"})
                return
            body, more = b"", True
            while more and len(body) <= MAX_PAYLOAD_BYTES:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return
                body += message.get("body", b"")
                more = message.get("more_body", False)
            status, headers, text = await self._handle_async(
                scope["method"], scope["headers"], body, on_ended, **options
            )
            pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
            pairs.append((b"content-length", str(len(text)).encode()))
            await send({"type": "http.response.start", "status": status, "headers": pairs})
            await send({"type": "http.response.body", "body": text})

        return app

    def wsgi_app(self, on_ended: Callable[[Any], object], **options: Any) -> Callable[..., Iterable[bytes]]:
        """A WSGI application, for gunicorn and the like, or to be mounted in a framework.

        An exception of ``on_ended`` is left to the server, which logs it and answers with 500.

        Args:
            on_ended: Called once for each ended job, with what was received. An async client awaits it if it is async.
            **options: ``auth``, the header to look for; ``allow_unverified``, whether every call passes if there is no
                secret; ``seen``, which remembers events as ``RecentKeys`` does.

        Raises:
            InvalidWebhookSignatureError: There is no secret to compare with.
            SonioxValidationError: ``on_ended`` cannot be called, or is async in a sync client.
        """
        _check(self, on_ended, options)

        def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            given = environ.get("CONTENT_LENGTH") or ""
            # Without a length, a server that decodes chunks says so; another gives an input that may never end.
            default = MAX_PAYLOAD_BYTES + 1 if environ.get("wsgi.input_terminated") else 0
            # No int is made of thousands of digits.
            length = int(given[:9]) if given.isdecimal() else default
            if given and length > MAX_PAYLOAD_BYTES:
                status, headers, text = too_large()
            else:
                body = environ["wsgi.input"].read(length)
                status, headers, text = self._handle(environ["REQUEST_METHOD"], environ, body, on_ended, **options)
            pairs = [*headers.items(), ("Content-Length", str(len(text)))]
            start_response(f"{status} {HTTPStatus(status).phrase}", pairs)
            return [text]

        return app

    def lambda_handler(self, on_ended: Callable[[Any], object], **options: Any) -> Callable[..., dict[str, Any]]:
        """A handler for AWS Lambda.

        It takes the events of API Gateway (payloads 1.0 and 2.0), function URLs, load balancers and VPC Lattice. An
        exception of ``on_ended`` ends the invocation: Lambda logs it, and the caller gets a status of 500 or above. For
        an event of another kind, such as the console's test event, the handler raises a ``SonioxValidationError``.

        Args:
            on_ended: Called once for each ended job, with what was received. An async client awaits it if it is async.
            **options: ``auth``, the header to look for; ``allow_unverified``, whether every call passes if there is no
                secret; ``seen``, which remembers events as ``RecentKeys`` does.

        Raises:
            InvalidWebhookSignatureError: There is no secret to compare with.
            SonioxValidationError: ``on_ended`` cannot be called, or is async in a sync client.
        """
        _check(self, on_ended, options)

        def handler(event: dict[str, Any], context: object = None) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes it
            method = _method_of(event)
            status, headers, text = self._handle(method, event, event.get("body") or "", on_ended, **options)
            return {
                "statusCode": status,
                # A load balancer reads one of the two, depending on its configuration.
                "headers": headers,
                "multiValueHeaders": {name: [value] for name, value in headers.items()},
                "isBase64Encoded": False,
                "body": text.decode(),
            }

        return handler


def _method_of(event: Any) -> str:
    """The method of the HTTP request that an event of Lambda describes."""
    fields: dict[str, Any] = event
    if not isinstance(event, dict):
        raise SonioxValidationError(f"{_NO_REQUEST}; it is {kind_of(event)}")
    # In payloads of version 2.0 it is two levels down.
    http = _object_in(_object_in(fields, "requestContext"), "http")
    method: Any = fields.get("httpMethod") or fields.get("method") or http.get("method")
    if not isinstance(method, str) or not method:
        raise SonioxValidationError(f"{_NO_REQUEST}; it has {', '.join(map(repr, fields)) or 'nothing'}")
    return method


def _object_in(fields: dict[str, Any], name: str) -> dict[str, Any]:
    """The object that is the value of a field; an empty one if there is none."""
    held: dict[str, Any] = fields.get(name)  # type: ignore[assignment]
    return held if isinstance(held, dict) else {}


class WebhookGateways(_Gateways):
    """Of the sync client: an ASGI application calls ``handle`` in a thread."""

    if TYPE_CHECKING:
        handle: Callable[..., Reply]

    def _handle(self, *arguments: Any, **options: Any) -> Reply:
        return self.handle(*arguments, **options)

    async def _handle_async(self, *arguments: Any, **options: Any) -> Reply:
        import asyncio  # noqa: PLC0415 - for ASGI only

        return await asyncio.to_thread(self.handle, *arguments, **options)


class AsyncWebhookGateways(_Gateways):
    """Of the async client: WSGI applications and Lambda handlers run ``handle`` in an event loop for each call."""

    if TYPE_CHECKING:
        handle: Callable[..., Coroutine[Any, Any, Reply]]

    def _handle(self, *arguments: Any, **options: Any) -> Reply:
        import asyncio  # noqa: PLC0415 - for WSGI and Lambda only

        return asyncio.run(self.handle(*arguments, **options))

    async def _handle_async(self, *arguments: Any, **options: Any) -> Reply:
        return await self.handle(*arguments, **options)


def _check(namespace: Any, on_ended: object, options: dict[str, Any]) -> None:
    """Raises at once what each call would raise."""
    check_callback("on_ended", on_ended, is_awaited=isinstance(namespace, AsyncWebhookGateways))
    for name in options.keys() - {"auth", "allow_unverified", "seen"}:
        raise TypeError(f"unexpected keyword argument {name!r}")
    namespace._check_secret(options.get("auth"), options.get("allow_unverified", False))
