"""One call to the service: attempts, the pauses between them, and hooks around each."""

from __future__ import annotations

import random

from .._data.async_callbacks import settled
from .._data.clock import time
from ..errors import SonioxConnectionError, SonioxTimeoutError
from .async_transport import AsyncTransport, sleep
from .messages import Request, Response
from .retry import FINAL_ERROR_TYPES, retry_delay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._settings import Settings
    from .async_streams import AsyncReplyStream

# After these, what was asked may have been done although the answer says otherwise.
_DOUBTFUL_STATUSES = frozenset({408, 500, 502, 504})


async def exchange(
    transport: AsyncTransport, request: Request, settings: Settings, *, deadline: float | None = None
) -> Response:
    """The reply to a request, after as many attempts as the settings allow.

    A reply is returned whatever its status. A DELETE that is repeated after a doubtful attempt and finds nothing left
    has done what it was for: its 404 comes back as a 204.

    Args:
        transport: What makes the attempts.
        request: What is sent; its ``attempt`` counts up.
        settings: Timeouts, retries, hooks and the key.
        deadline: When to give up, as ``time.monotonic()`` counts; None for when the attempts are used up.

    Raises:
        SonioxConnectionError: The last attempt got no reply.
        SonioxTimeoutError: The last attempt took too long, or the deadline passed.
    """
    return (await open_exchange(transport, request, settings, deadline=deadline, streamed=False)).response


async def open_exchange(
    transport: AsyncTransport,
    request: Request,
    settings: Settings,
    *,
    deadline: float | None = None,
    streamed: bool = True,
) -> AsyncReplyStream:
    """As :func:`exchange`, but the body of a 2xx reply is still to come; no attempt is made after its head.

    The hook for responses is called when the head is there. The deadline is one for the body, too.
    """
    while True:
        remaining = settings.timeout_sec if deadline is None else deadline - time.monotonic()
        if remaining <= 0:
            raise SonioxTimeoutError(f"{request.method} {request.url}: out of time", request_sent=request.attempt > 1)
        if settings.on_request is not None:
            await settled("on_request", settings.on_request(request))
        try:
            reply = await transport.open(
                request,
                authorization=settings.authorization,
                timeout_sec=min(settings.timeout_sec, remaining),
                connect_timeout_sec=min(settings.connect_timeout_sec, remaining),
                deadline=deadline,
                streamed=streamed,
            )
        except (SonioxConnectionError, SonioxTimeoutError) as error:
            # The transport may have sent it twice by itself, and not have got through the second time.
            request.doubtful = error.request_sent = request.doubtful or error.request_sent
            delay = _delay(request, settings, deadline, request_sent=error.request_sent)
            if delay is None or transport.closed:
                raise
        else:
            response = reply.response
            if settings.on_response is not None:
                try:
                    await settled("on_response", settings.on_response(response))
                except BaseException:
                    reply.close()
                    raise
            status = response.status_code
            if status == 404 and request.doubtful and request.method == "DELETE":
                reply.response = Response(204, request=request, elapsed_sec=response.elapsed_sec)
                return reply
            if status < 400:
                return reply
            delay = _delay(
                request,
                settings,
                deadline,
                status_code=status,
                retry_after_sec=response.retry_after_sec,
            )
            if delay is None or _is_final(response):
                return reply
            request.doubtful = request.doubtful or status in _DOUBTFUL_STATUSES
        await sleep(delay)
        request.attempt += 1


def _is_final(response: Response) -> bool:
    from .error_replies import parse_api_error  # noqa: PLC0415 - types are loaded when first needed

    error = parse_api_error(response)
    return error is not None and error.error_type in FINAL_ERROR_TYPES


def _delay(
    request: Request,
    settings: Settings,
    deadline: float | None,
    *,
    status_code: int | None = None,
    request_sent: bool = True,
    retry_after_sec: float | None = None,
) -> float | None:
    delay = retry_delay(
        method=request.method,
        attempt=request.attempt,
        max_retries=settings.max_retries,
        repeatable=request.body is None or request.body.repeatable,
        jitter=random.random(),  # noqa: S311 - spreads load, guards nothing
        status_code=status_code,
        request_sent=request_sent,
        retry_after_sec=retry_after_sec,
    )
    if delay is not None and deadline is not None and time.monotonic() + delay >= deadline:
        return None
    return delay
