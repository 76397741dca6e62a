"""Which failed attempts are repeated, and after which delay. Pure functions without clock and randomness."""

from __future__ import annotations

_BASE_DELAY_SEC = 0.5
_MAX_DELAY_SEC = 8.0
# If the service asks for a longer delay, the error is raised and the caller decides.
MAX_RETRY_AFTER_SEC = 60.0

_IDEMPOTENT = frozenset({"GET", "HEAD", "DELETE"})
_RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
# With these statuses the service did not process the request, so that repeating it cannot do it twice.
_REFUSED_STATUSES = frozenset({429, 503})


def retry_delay(
    *,
    method: str,
    attempt: int,
    max_retries: int,
    repeatable: bool,
    jitter: float,
    status_code: int | None = None,
    request_sent: bool = True,
    retry_after_sec: float | None = None,
) -> float | None:
    """Seconds to wait before the next attempt; None for no further attempt.

    Args:
        method: HTTP method.
        attempt: Number of the attempt that failed, from 1.
        max_retries: How many attempts are allowed after the first one.
        repeatable: Whether the body can be sent again from its start.
        jitter: A random number from 0 to 1, so that clients that failed together do not repeat together.
        status_code: The status of the response; None without a response.
        request_sent: Without a response, whether the service may have received the request.
        retry_after_sec: The delay that the service asked for; None if it named none.
    """
    if attempt > max_retries or not repeatable:
        return None
    if status_code is None:
        wanted = not request_sent or method in _IDEMPOTENT
    else:
        wanted = status_code in (_RETRIED_STATUSES if method in _IDEMPOTENT else _REFUSED_STATUSES)
    if not wanted:
        return None
    if retry_after_sec is not None:
        return retry_after_sec if retry_after_sec <= MAX_RETRY_AFTER_SEC else None
    # Half of the delay is fixed, half is random.
    delay = min(_MAX_DELAY_SEC, _BASE_DELAY_SEC * 2.0 ** min(attempt - 1, 10))
    return delay * (0.5 + 0.5 * jitter)
