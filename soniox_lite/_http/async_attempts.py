"""One call to the service: attempts, the pauses between them, and hooks around each."""

from __future__ import annotations

import random

from .._data.async_callbacks import settled
from .._data.clock import time
from .._data.retry_policy import FailedAttempt
from ..errors import SonioxConnectionError, SonioxTimeoutError
from .call_log import log_error, log_response, log_retry
from .messages import Request, Response
from .retry import decided_delay, retry_delay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeVar

    from .._settings import Settings
    from .async_streams import AsyncResponseStream
    from .async_transport import AsyncTransport

    ResultT = TypeVar("ResultT", Response, AsyncResponseStream)

# After these statuses the request may have been processed all the same.
_DOUBTFUL_STATUSES = frozenset({408, 500, 502, 504})


async def send_with_retries(
    transport: AsyncTransport, request: Request, settings: Settings, *, deadline: float | None = None
) -> Response:
    """The response to a request, after as many attempts as the settings allow.

    A response is returned whatever its status. If a DELETE is repeated after a doubtful attempt and the object does not
    exist any more, the first attempt has deleted it: the 404 is returned as a 204.

    Args:
        transport: Makes the attempts.
        request: What to send; its ``attempt`` counts up.
        settings: Timeouts, retries, hooks and the key.
        deadline: When to give up, as ``time.monotonic()`` counts; None for no limit to all attempts together.

    Raises:
        SonioxConnectionError: The last attempt got no response.
        SonioxTimeoutError: The last attempt took too long, or the deadline passed.
        SonioxCancelledError: The settings' token was cancelled.
    """
    response = await _repeat(transport.send, transport, request, settings, deadline, frozenset())
    if response.status_code == 404 and request.doubtful and request.method == "DELETE":
        return Response(204, request=request, elapsed_sec=response.elapsed_sec)
    return response


async def open_stream_with_retries(
    transport: AsyncTransport,
    request: Request,
    settings: Settings,
    *,
    deadline: float | None = None,
    final_error_types: frozenset[str] = frozenset(),
) -> AsyncResponseStream:
    """As :func:`send_with_retries`, but the body of a 2xx response is still to be read. Reading it is not repeated.

    The hook for responses is called when the head has arrived. The deadline applies to the body, too. After an error
    whose type is one of ``final_error_types`` no further attempt is made, whatever the status.
    """
    return await _repeat(transport.open_stream, transport, request, settings, deadline, final_error_types)


async def _repeat(
    attempt: Callable[[Request, Settings, float | None], Awaitable[ResultT]],
    transport: AsyncTransport,
    request: Request,
    settings: Settings,
    deadline: float | None,
    final_error_types: frozenset[str],
) -> ResultT:
    """The result of the last attempt: a response or a stream, as ``attempt`` returns it."""
    while True:
        if deadline is not None and time.monotonic() >= deadline:
            raise SonioxTimeoutError(f"{request.method} {request.url}: out of time", request_sent=request.attempt > 1)
        settings.check_cancelled()
        current = settings
        if settings.key_function is not None:
            current = settings.with_key(await settled("api_key", settings.key_function()))
        if settings.on_request is not None:
            await settled("on_request", settings.on_request(request))
        try:
            result = await attempt(request, current, deadline)
        except (SonioxConnectionError, SonioxTimeoutError) as error:
            settings.check_cancelled()
            # The transport may have sent the request twice by itself, and not have reached the server the second time.
            request.doubtful = error.request_sent = request.doubtful or error.request_sent
            error.request = request
            log_error(request, error)
            if settings.on_error is not None:
                await settled("on_error", settings.on_error(error))
            delay = await _delay(request, settings, deadline, error=error)
            if delay is None or transport.closed:
                raise
        else:
            response = result if isinstance(result, Response) else result.response
            log_response(request, response)
            try:
                if settings.on_response is not None:
                    await settled("on_response", settings.on_response(response))
                status = response.status_code
                if status < 400:
                    return result
                delay = await _delay(request, settings, deadline, response=response)
            except BaseException:
                if not isinstance(result, Response):
                    result.close()
                raise
            if delay is None or (final_error_types and _error_type(response) in final_error_types):
                return result
            request.doubtful = request.doubtful or status in _DOUBTFUL_STATUSES
        log_retry(request, delay)
        await transport.pause(delay, settings.cancel)
        request.attempt += 1


def _error_type(response: Response) -> str | None:
    from .error_responses import parse_api_error  # noqa: PLC0415 - types are loaded when first needed

    error = parse_api_error(response)
    return None if error is None else error.error_type


async def _delay(
    request: Request,
    settings: Settings,
    deadline: float | None,
    *,
    response: Response | None = None,
    error: SonioxConnectionError | SonioxTimeoutError | None = None,
) -> float | None:
    """Seconds to the next attempt; None for no further attempt."""
    if request.attempt > settings.max_retries or not (request.body is None or request.body.repeatable):
        return None
    policy = settings.retry
    jitter = random.random()  # noqa: S311 - spreads load, guards nothing
    delay = retry_delay(
        policy,
        method=request.method,
        attempt=request.attempt,
        jitter=jitter,
        status_code=None if response is None else response.status_code,
        request_sent=error is not None and error.request_sent,
        retry_after_sec=None if response is None else response.retry_after_sec,
    )
    if policy.should_retry is not None:
        failed = FailedAttempt(request, response, error, delay)
        decision = await settled("should_retry", policy.should_retry(failed))
        delay = decided_delay(policy, decision, delay, attempt=request.attempt, jitter=jitter)
    if delay is not None and deadline is not None and time.monotonic() + delay >= deadline:
        return None
    return delay
