"""Which failed attempts are repeated, and after which delay."""

from __future__ import annotations

from .rules import FieldErrors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from .._http.messages import Request, Response
    from ..errors import SonioxConnectionError, SonioxTimeoutError

    Decision = bool | float | None

# Statuses after which the same request may succeed later.
_STATUSES = (408, 429, 500, 502, 503, 504)


class FailedAttempt:
    """An attempt that failed, for ``RetryPolicy.should_retry``.

    Attributes:
        request: The request; its ``attempt`` is 1 for the first try.
        response: The response, whose status is 400 or more; None without a response.
        error: Why there is no response; None if there is one.
        delay_sec: Seconds to the next attempt by the rules of the policy; None if there would be none.
    """

    def __init__(
        self,
        request: Request,
        response: Response | None,
        error: SonioxConnectionError | SonioxTimeoutError | None,
        delay_sec: float | None,
    ) -> None:
        self.request: Request = request
        self.response: Response | None = response
        self.error: SonioxConnectionError | SonioxTimeoutError | None = error
        self.delay_sec: float | None = delay_sec


class RetryPolicy:
    """How a client repeats failed requests. Immutable; any number of clients may share it.

    A GET, HEAD or DELETE is repeated after the statuses of the policy, and if there was no response. A POST is repeated
    after 429 and 503, if they are among the statuses, and if nothing was sent: otherwise it could be carried out twice.

    Attributes:
        max_retries: Attempts after the first, 0 to 100.
        statuses: The HTTP statuses after which a request is repeated, each from 400 to 599.
        backoff_sec: Seconds before the second attempt, doubled for each further one. Half of it is random.
        max_backoff_sec: The longest delay, in seconds, unless the service asks for a longer one.
        max_retry_after_sec: The longest delay that the service may ask for (``Retry-After``), in seconds. If it asks
            for more, the request is not repeated.
        should_retry: Called for each failed attempt that could be repeated, with a :class:`FailedAttempt`. It returns
            None to leave the decision to the rules, False for no further attempt, True for one, or the seconds to wait
            before it. The async client awaits a coroutine function. None for the rules alone.
    """

    def __init__(
        self,
        *,
        max_retries: int = 2,
        statuses: Iterable[int] = _STATUSES,
        backoff_sec: float = 0.5,
        max_backoff_sec: float = 8.0,
        max_retry_after_sec: float = 60.0,
        should_retry: Callable[[FailedAttempt], Decision | Awaitable[Decision]] | None = None,
    ) -> None:
        """Args are the attributes.

        Raises:
            SonioxValidationError: One of them cannot be used.
        """
        self.max_retries: int = max_retries
        self.backoff_sec: float = backoff_sec
        self.max_backoff_sec: float = max_backoff_sec
        self.max_retry_after_sec: float = max_retry_after_sec
        self.should_retry: Callable[[FailedAttempt], Decision | Awaitable[Decision]] | None = should_retry
        with FieldErrors(self) as check:
            if check.required("max_retries", max_retries):
                check.integer("max_retries", max_retries, minimum=0, maximum=100)
            found = list(statuses) if hasattr(statuses, "__iter__") else statuses
            if check.required("statuses", found):
                for path, status in check.items("statuses", found):
                    check.integer(path, status, minimum=400, maximum=599)
            for name in ("backoff_sec", "max_backoff_sec", "max_retry_after_sec"):
                if check.required(name, getattr(self, name)):
                    check.seconds(name, getattr(self, name), positive=False)
            if should_retry is not None and not callable(should_retry):
                check.add("should_retry", "must be callable", should_retry)
        self.statuses: frozenset[int] = frozenset(found)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RetryPolicy) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.max_retries, self.statuses, self.backoff_sec, self.should_retry))

    def __repr__(self) -> str:
        return f"RetryPolicy(max_retries={self.max_retries}, statuses={sorted(self.statuses)})"
