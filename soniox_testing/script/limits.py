"""The limits and budgets of the account, as switches."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Budget: TypeAlias = Literal[
    "organization_balance_exhausted", "organization_monthly_budget_exhausted", "project_monthly_budget_exhausted"
]
"""A budget that is used up, by its error type."""

BUDGET_MESSAGES: dict[str, str] = {
    "organization_balance_exhausted": "Organization balance exhausted. Add funds, or enable autopay.",
    "organization_monthly_budget_exhausted": "Organization monthly budget exhausted. Raise it, or wait.",
    "project_monthly_budget_exhausted": "Project monthly budget exhausted. Raise it, or wait.",
}
_MINUTE_SEC = 60.0


@dataclass
class Limits:
    """The limits of one fake. They may be set at any time, and apply to all its keys together.

    None means no limit. Lowering a limit removes nothing.
    """

    max_files: int | None = None
    """Files; an upload above it is refused with 429."""
    max_storage_bytes: int | None = None
    """Bytes of all files together; an upload that would pass it is refused with 429."""
    max_transcriptions: int | None = None
    """Transcriptions in any status; a job above it is refused with 429."""
    max_voices: int | None = None
    """Cloned voices; a voice above it is refused with 429. The service has 20 for an organization."""
    max_pending_transcriptions: int | None = None
    """Transcriptions that are queued or being processed; a job above it is refused with 429."""
    requests_per_minute: int | None = None
    """REST requests within any 60 seconds of the fake's clock; those above it are refused with 429 and not counted.

    Files, transcriptions, voices, the lists of text-to-speech, text-to-speech itself, usage logs, other usage, and the
    creation of temporary keys are counted apart, each against this number; the list of the models of speech-to-text is
    not."""
    max_realtime_sessions: int | None = None
    """Realtime sessions at once; a session above it is refused with 429."""
    max_speeches: int | None = None
    """Streams and REST requests of text-to-speech at once; one above it is refused with 429."""
    max_connections: int | None = None
    """WebSockets at once, idle ones as well, of speech-to-text and of text-to-speech apart; one above it gets a 429
    message and is closed. It counts from when its key is checked: with its first message, or after a second. The
    service has some multiple of its limit of sessions or streams."""
    exhausted: Budget | None = None
    """The budget that is used up: new jobs and sessions are refused with 402, and jobs that are queued will fail."""

    def __setattr__(self, name: str, value: object) -> None:
        # A misspelt limit would have no effect, and the test that sets it would pass without it.
        if name not in type(self).__annotations__:
            raise AttributeError(f"there is no limit {name!r}; known are {', '.join(type(self).__annotations__)}")
        if name == "exhausted" and value is not None and value not in BUDGET_MESSAGES:
            raise ValueError(f"there is no budget {value!r}; known are {', '.join(BUDGET_MESSAGES)}")
        super().__setattr__(name, value)


@dataclass
class RequestRate:
    """The requests of the last minute, by kind. Callers hold the lock of the state."""

    times_sec: dict[str, deque[float]] = field(default_factory=dict[str, "deque[float]"])

    def count(self, kind: str, limit: int | None, now_sec: float) -> bool:
        """Whether one more request is within the limit; if so, it is counted."""
        times = self.times_sec.setdefault(kind, deque())
        while times and times[0] <= now_sec - _MINUTE_SEC:
            times.popleft()
        if limit is not None and len(times) >= limit:
            return False
        times.append(now_sec)
        return True
