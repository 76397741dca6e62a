"""The ``Retry-After`` header of HTTP."""

from __future__ import annotations

import math


def parse_retry_after(value: str | None, *, now: float | None = None) -> float | None:
    """Seconds that a ``Retry-After`` header asks to wait (RFC 9110, section 10.2.3): a number or a date.

    Args:
        value: The header; None without one.
        now: The Unix time that a date is compared with; None for the current time.

    Returns:
        Seconds, never negative; None without a header, or if it is neither a number nor a date.
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value, now)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _seconds_until(date: str, now: float | None) -> float:
    import time  # noqa: PLC0415 - dates are rare here
    from datetime import datetime, timedelta, timezone  # noqa: PLC0415 - as above
    from email.utils import parsedate_tz  # noqa: PLC0415 - as above

    try:
        # email.utils knows the form with dashes only with a zone.
        parsed = parsedate_tz(date) or parsedate_tz(f"{date} GMT")
        if parsed is None:
            return math.nan
        # HTTP's dates are UTC whether they say so or not (RFC 9110, section 5.6.7).
        zone = timezone(timedelta(seconds=parsed[9] or 0))
        return datetime(*parsed[:6], tzinfo=zone).timestamp() - (time.time() if now is None else now)
    except (ValueError, TypeError, OverflowError):
        return math.nan
