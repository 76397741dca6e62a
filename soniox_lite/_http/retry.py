"""Which failed attempts are repeated, and after which delay. Pure functions without clock and randomness."""

from __future__ import annotations

from .._data.rules import FieldErrors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._data.retry_policy import Decision, RetryPolicy

_IDEMPOTENT = frozenset({"GET", "HEAD", "DELETE"})
# With these statuses the service did not process the request, so that repeating it cannot do it twice.
_REFUSED_STATUSES = frozenset({429, 503})


def retry_delay(
    policy: RetryPolicy,
    *,
    method: str,
    attempt: int,
    jitter: float,
    status_code: int | None = None,
    request_sent: bool = True,
    retry_after_sec: float | None = None,
) -> float | None:
    """Seconds to wait before the next attempt; None for no further attempt.

    Args:
        policy: The statuses and the delays.
        method: HTTP method.
        attempt: Number of the attempt that failed, from 1.
        jitter: A random number from 0 to 1, so that clients that failed together do not repeat together.
        status_code: The status of the response; None without a response.
        request_sent: Without a response, whether the service may have received the request.
        retry_after_sec: The delay that the service asked for; None if it named none.
    """
    if status_code is None:
        wanted = not request_sent or method in _IDEMPOTENT
    else:
        wanted = status_code in policy.statuses and (method in _IDEMPOTENT or status_code in _REFUSED_STATUSES)
    if not wanted:
        return None
    if retry_after_sec is not None:
        return retry_after_sec if retry_after_sec <= policy.max_retry_after_sec else None
    return _backoff_sec(policy, attempt, jitter)


def decided_delay(
    policy: RetryPolicy, decision: Decision, delay_sec: float | None, *, attempt: int, jitter: float
) -> float | None:
    """Seconds to wait before the next attempt after ``should_retry`` has decided; None for no further attempt.

    Args:
        policy: The delays.
        decision: What the function returned.
        delay_sec: What the rules say.
        attempt: Number of the attempt that failed, from 1.
        jitter: A random number from 0 to 1.

    Raises:
        SonioxValidationError: The function returned something else than None, a bool or seconds.
    """
    if decision is None:
        return delay_sec
    if decision is False:
        return None
    if decision is True:
        return _backoff_sec(policy, attempt, jitter) if delay_sec is None else delay_sec
    with FieldErrors("should_retry") as check:
        check.seconds("what it returns", decision, positive=False)
    return decision


def _backoff_sec(policy: RetryPolicy, attempt: int, jitter: float) -> float:
    """Doubled with each attempt, half of it fixed and half random."""
    delay = min(policy.max_backoff_sec, policy.backoff_sec * 2.0 ** min(attempt - 1, 10))
    return delay * (0.5 + 0.5 * jitter)
