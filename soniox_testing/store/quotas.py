"""What the limits and budgets of the account refuse. Those of the organization come before those of the project."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ..script.limits import RequestRate

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from ..script.limits import Budget
    from .state import State

_REACHED = {
    "max_files": "Total file count limit has been exceeded for your {scope}: {most} files. Please delete some.",
    "max_storage_bytes": "Total file size limit has been exceeded for your {scope}: {most} bytes. Please delete some.",
    "max_transcriptions": "Total transcription count limit for your {scope} has been exceeded: {most} transcriptions. "
    "Please delete some.",
    "max_pending_transcriptions": "Pending transcription count limit for your {scope} has been exceeded: {most} at "
    "once. Wait until some have ended.",
    "max_voices": "Total voice count limit has been exceeded for your {scope}: {most} voices. Please delete some.",
    "requests_per_minute": "Requests per minute limit for {kind} has been exceeded for your {scope}: {most} requests "
    "per minute.",
    "sessions_per_minute": "Rate limit for your {scope} has been exceeded: {most} sessions per minute.",
    "speeches_per_minute": "Requests per minute limit for {kind} has been exceeded for your {scope}: {most} a minute.",
    "max_realtime_sessions": "Your {scope} has exceeded max number of concurrent requests: {most} realtime sessions.",
    "max_speeches": "Concurrent requests limit for text-to-speech has been exceeded for your {scope}: {most} requests "
    "and streams of text-to-speech.",
    "max_connections": "Your {scope} has exceeded max number of concurrent connections: {most}. Close some that are "
    "idle.",
}
"""The sentence for each limit."""


class Quotas:
    """What one fake may still do. Callers hold the lock of the state."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._rate = RequestRate()

    def reached(
        self, limit: str, project: str, used: Callable[[str | None], int], *, more: int = 1, kind: str = ""
    ) -> str | None:
        """Why there can be no more of something; None: there can.

        Args:
            limit: The name of its limit.
            project: The permanent key that stands for the project.
            used: How much there is, in a project or (None) in all.
            more: How much is to come.
            kind: What to call it in the sentence, where the limit is for several kinds.
        """
        limits = self._state.limits
        for scope, at, of in (("organization", limits, None), ("project", limits.project, project)):
            most = cast("float | None", getattr(at, limit))
            if most is not None and used(of) + more > most:
                return _REACHED[limit].format(scope=scope, most=most, kind=kind)
        return None

    def count(self, limit: str, kind: str, project: str) -> str | None:
        """Counts something against a limit for each minute, unless it is reached: then why not, as ``reached``."""
        now_sec = self._state.clock.now_sec()
        refusal = self.reached(limit, project, self._rate.used(kind, now_sec), kind=kind)
        if refusal is None:
            self._rate.add(kind, project, now_sec)
        return refusal

    def exhausted(self, project: str) -> Budget | None:
        """The budget that is used up; None: there is money left."""
        limits = self._state.limits
        if limits.exhausted is not None:
            return limits.exhausted
        budgets: tuple[tuple[Budget, float | None, str | None], ...] = (
            ("organization_balance_exhausted", limits.balance_usd, None),
            ("organization_monthly_budget_exhausted", limits.monthly_budget_usd, None),
            ("project_monthly_budget_exhausted", limits.project.monthly_budget_usd, project),
        )
        for budget, most_usd, of in budgets:
            if most_usd is not None and self._spent_usd(of, monthly="monthly" in budget) >= most_usd:
                return budget
        return None

    def _spent_usd(self, project: str | None, *, monthly: bool) -> Decimal:
        start = self._state.clock.wall().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return self._state.usage.spent_usd(project, since=start if monthly else None)
