"""Which ends of a connection are resumed, and how soon. No I/O."""

from __future__ import annotations

import ssl

from .._websocket.frames import ABNORMAL_CLOSURE
from .._websocket.nonblocking import Closure
from ..errors import SonioxAPIError, SonioxRealtimeError, SonioxValidationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from ..types.resume import ResumePolicy

    Verdict = Literal["now", "later", "audio", "key", "never"]

# Close codes of RFC 6455, section 7.4.1, and its registry, after which the same would happen again: protocol error,
# unsupported data, invalid data, policy violation, message too big, extension needed.
_PERMANENT_CODES = (1002, 1003, 1007, 1008, 1009, 1010)
_TRY_AGAIN_LATER = 1013
# A connection that has lasted so long ends the outage before it, even without new words.
STEADY_SEC = 45.0


class GaveUp(Closure):
    """The end of a session that could not be resumed."""

    def __init__(self, error: SonioxRealtimeError) -> None:
        super().__init__(error.close_code or ABNORMAL_CLOSURE, error=error)
        self._reason = error

    def as_error(self) -> SonioxRealtimeError:
        """The reason itself."""
        return self._reason


def pause_before_attempt(
    policy: ResumePolicy, verdict: Verdict, failures: int, error: SonioxRealtimeError, random: Callable[[], float]
) -> float:
    """How many seconds to wait before the next attempt, after so many failures in a row."""
    at_once = verdict in ("now", "key", "audio")
    if at_once and failures == 1:
        return error.retry_after_sec or 0.0
    doublings = min(failures - (2 if at_once else 1), 30)
    most = min(policy.max_backoff_sec, policy.backoff_sec * 2.0**doublings)
    return max(random() * most, error.retry_after_sec or 0.0)


def outage_problem(policy: ResumePolicy, down_sec: float, error: SonioxRealtimeError) -> str | None:
    """Why there is no other attempt in an outage that has taken so long, after this error; None if there is."""
    most = policy.max_downtime_sec
    if down_sec > most:
        return f"the outage took longer than {most:g} s"
    wait_sec = error.retry_after_sec or 0.0
    if down_sec + wait_sec > most:
        return f"the server asks to wait {wait_sec:g} s, and an outage may take {most:g} s"
    return None


def verdict_of_closure(closure: Closure) -> Verdict:
    """What to do when a connection has ended without an error message of the service."""
    error = closure.error
    if isinstance(error, TimeoutError):
        return "now"
    # Otherwise this side ended it: what was received is invalid, or a callback failed.
    if (error is not None and not isinstance(error, OSError)) or closure.code in _PERMANENT_CODES:
        return "never"
    return "later" if closure.code == _TRY_AGAIN_LATER or closure.code >= 3000 else "now"


def verdict_of_failure(error: SonioxRealtimeError) -> Verdict:
    """What to do about an error message of the service.

    Returns:
        ``now``; ``later``, after a pause; ``audio``, when audio comes; ``key``, with a fresh key if there is one;
        ``never``.
    """
    code = error.error_code
    if not isinstance(code, int):  # pyright: ignore[reportUnnecessaryIsInstance] - as it came
        return "never"
    if code == 401 or (code == 403 and error.error_type == "temp_api_key_session_expired"):
        return "key"
    if code == 408:
        return "audio"
    if code in (413, 503):
        return "now"
    return "later" if code == 429 or code >= 500 else "never"


def refusal_of(error: BaseException) -> SonioxRealtimeError:
    """The error for a connection that could not be opened."""
    if isinstance(error, SonioxRealtimeError):
        return error
    # The function that gives the key has failed. Its message may hold secrets.
    refusal = SonioxRealtimeError(f"no connection could be opened: {type(error).__name__}")
    refusal.__cause__ = error
    return refusal


def verdict_of_refusal(error: BaseException) -> Verdict:
    """What to do when a connection could not be opened, or the function that gives its key has failed."""
    if isinstance(error, SonioxValidationError):
        return "never"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "never"
        cause = cause.__cause__
    # The function that gives the key often needs the network, which comes back.
    code = error.status_code if isinstance(error, SonioxAPIError) else getattr(error, "error_code", None)
    if code == 401 and isinstance(error, SonioxRealtimeError):
        return "key"
    return "later" if code is None or code in (408, 425, 429) or code >= 500 else "never"
