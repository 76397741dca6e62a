"""When a failed attempt is made again, and after how long. Pure functions: no clock, no randomness of their own."""

from __future__ import annotations

_BASE_DELAY_SEC = 0.5
_MAX_DELAY_SEC = 8.0
# A service that asks for more than this is not waited for: the caller decides.
MAX_RETRY_AFTER_SEC = 60.0

_IDEMPOTENT = frozenset({"GET", "HEAD", "DELETE"})
_RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
# The service says with these that it did not do what was asked, so that asking again cannot do it twice.
_REFUSED_STATUSES = frozenset({429, 503})
# Errors that no repetition cures, whatever their status: a cloned voice that failed stays so (its status is 503).
FINAL_ERROR_TYPES = frozenset({"voice_failed"})


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
    """Seconds to wait before the next attempt; None when there shall be none.

    Args:
        method: HTTP method.
        attempt: Number of the attempt that just failed, from 1.
        max_retries: How many more than one are allowed.
        repeatable: Whether the body can be sent again from its start.
        jitter: A random number from 0 to 1, which spreads clients that failed together.
        status_code: What was answered; None when nothing was.
        request_sent: Without an answer, whether the service may have received the request.
        retry_after_sec: How long the service asked to wait; None when it did not say.
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
    # Half of the delay is fixed and half is random: never at once, never all together.
    delay = min(_MAX_DELAY_SEC, _BASE_DELAY_SEC * 2.0 ** min(attempt - 1, 10))
    return delay * (0.5 + 0.5 * jitter)
