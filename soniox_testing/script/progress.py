"""How fast a transcription job moves: rules from its age, or the number of polls, to its status."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .verbs import checked

TranscriptionStatus: TypeAlias = Literal["queued", "processing", "completed", "error"]


@dataclass(frozen=True)
class JobView:
    """What a progress rule may know about a job."""

    age_sec: float
    """Seconds on the fake's clock since the job was created."""
    looks: int
    """How often a client was shown this job before, alone or in a list. Its creation does not count.

    A job with a webhook must also end without polls: the fake polls it every 0.25 seconds of its clock."""


ProgressRule: TypeAlias = Callable[[JobView], TranscriptionStatus]
"""The status a job should have now.

A job never goes back: an earlier status than the one it has is ignored. ``completed`` becomes ``error`` by
itself for a job with a scripted failure.
"""


@checked
def after_seconds(queued: float = 0.0, processing: float = 0.0) -> ProgressRule:
    """A rule that moves jobs by time.

    Args:
        queued: Seconds a job stays ``queued``.
        processing: Seconds it then stays ``processing``.

    Returns:
        The rule, for ``FakeSoniox(progress=...)``.

    Raises:
        ValueError: One is negative.
    """
    _check(queued, processing)

    def rule(job: JobView) -> TranscriptionStatus:
        if job.age_sec < queued:
            return "queued"
        return "processing" if job.age_sec < queued + processing else "completed"

    return rule


@checked
def after_polls(queued: int = 0, processing: int = 0) -> ProgressRule:
    """A rule that moves jobs by the number of polls, independent of time.

    Args:
        queued: Number of polls that show ``queued``.
        processing: Number of polls after those that show ``processing``.

    Returns:
        The rule, for ``FakeSoniox(progress=...)``.

    Raises:
        ValueError: One is negative.
    """
    _check(queued, processing)
    return ByPolls(queued, processing)


def _check(queued: float, processing: float) -> None:
    if not (queued >= 0 and processing >= 0):
        raise ValueError(f"a job cannot be queued for {queued} and processed for {processing}")


@dataclass(frozen=True)
class ByPolls:
    """A rule whose next status needs no time, but a poll: the fake tells clients not to wait for it."""

    queued: int
    processing: int
    at_latest: ProgressRule | None = None
    """Moves jobs that are not polled; None: they do not move."""

    def __call__(self, job: JobView) -> TranscriptionStatus:
        """The status of a job."""
        if job.looks >= self.queued + self.processing:
            return "completed"
        if self.at_latest is not None:
            return self.at_latest(job)
        return "queued" if job.looks < self.queued else "processing"


BY_TIME = after_seconds(queued=0.01, processing=0.03)
"""Short, but long enough that the first poll of a client sees an unfinished job."""
DEFAULT_PROGRESS = ByPolls(queued=1, processing=0, at_latest=BY_TIME)
"""The same, but the second poll ends the job."""
