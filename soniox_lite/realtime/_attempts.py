"""Counts the attempts to connect after a break, and decides when to give up. No I/O, no clock."""

from __future__ import annotations

from ._breaks import STEADY_SEC, outage_problem, pause_before_attempt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..errors import SonioxRealtimeError
    from ..types.resume import ResumePolicy
    from ._breaks import Verdict
    from ._stream import Stream

# So often the service may fail at one position that no connection gets past before the session is given up.
_MAX_FAILURES_AT_ONE_POSITION = 3


class Attempts:
    """The attempts of one session. Progress in the audio, or a long connection, starts the count anew.

    Attributes:
        failures: How many in a row have failed.
        down_since: When the outage began, as the caller's clock counts; None while there is none.
    """

    def __init__(self, policy: ResumePolicy, *, asks_for_key: bool, random: Callable[[], float]) -> None:
        """None so far.

        Args:
            policy: How many there may be, and when.
            asks_for_key: Whether each connection asks for a key.
            random: Gives a number from 0 to 1, for pauses.
        """
        self._policy = policy
        self._asks_for_key = asks_for_key
        self._random = random
        self.failures = 0
        self.down_since: float | None = None
        # How far the session had got before the last break, how often since then the service has failed at which
        # positions and has got no audio, and whether it has refused a key that was asked for.
        self._progress_ms: float = 0
        self._failures_at: dict[float, int] = {}
        self._timeouts = 0
        self._key_was_refused = False

    def failed(self, error: SonioxRealtimeError, now: float, total_ms: float, stream: Stream | None) -> None:
        """A connection has ended.

        Args:
            error: Why.
            now: When.
            total_ms: Up to where audio has been recognised by any connection.
            stream: The connection; None if it could not be opened.
        """
        if total_ms > self._progress_ms or (stream is not None and now - stream.began_at >= STEADY_SEC):
            self._progress_ms = total_ms
            self.failures = self._timeouts = 0
            self._failures_at = {}
            self.down_since, self._key_was_refused = None, False
        self.failures += 1
        self._timeouts += error.error_code == 408
        self.begin_outage(now)
        reached_ms = None if stream is None else stream.reached_ms
        if reached_ms is None:
            return
        # Where a connection has got past, the service does not fail for good.
        self._failures_at = {at_ms: times for at_ms, times in self._failures_at.items() if at_ms >= reached_ms}
        if error.error_code or error.close_code not in (None, 1006):
            self._failures_at[reached_ms] = self._failures_at.get(reached_ms, 0) + 1

    def begin_outage(self, now: float) -> None:
        """Begins an outage, if there is none."""
        if self.down_since is None:
            self.down_since = now

    def end_outage(self) -> None:
        """Ends the outage; also when it does not count, because the session was dormant."""
        self.down_since = None

    def down_sec(self, now: float) -> float:
        """For how many seconds there has been an outage."""
        return 0.0 if self.down_since is None else now - self.down_since

    def problem(self, now: float, error: SonioxRealtimeError) -> str | None:
        """Why there are no more attempts after this error; None while there are."""
        policy = self._policy
        if policy.max_attempts is not None and self.failures > policy.max_attempts:
            return f"{policy.max_attempts} attempts in a row got no further"
        for position_ms, times in self._failures_at.items():
            if times >= _MAX_FAILURES_AT_ONE_POSITION:
                return f"the service failed {times} times at {position_ms:.0f} ms and got no further"
        if self._timeouts > 1 and self._progress_ms == 0:
            return "the service got no audio that it can decode; is the format right?"
        return outage_problem(policy, self.down_sec(now), error)

    def may_ask_for_key(self, error: SonioxRealtimeError) -> bool:
        """Whether a fresh key may help: one that is asked for, unless that was refused as well."""
        if not self._asks_for_key or self._key_was_refused:
            return False
        self._key_was_refused = error.error_code == 401
        return True

    def pause_sec(self, verdict: Verdict, error: SonioxRealtimeError) -> float:
        """How many seconds to wait before the next attempt."""
        return pause_before_attempt(self._policy, verdict, self.failures, error, self._random)
