"""Concurrency limits: current use, limit, history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from ..wire.time_windows import WindowQuery
from .router import Route, json_response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from werkzeug.wrappers import Response

    from ..script.limits import ProjectLimits
    from ..store.usage import Kind
    from .router import Call

_MINUTE_SEC = 60
_HOUR_SEC = 3600
_SLOT_SEC = {_MINUTE_SEC: _MINUTE_SEC, _HOUR_SEC: _MINUTE_SEC, 86_400: _HOUR_SEC}
"""The periods, each with the length of the slots that it aggregates; a minute aggregates the recorded values."""
_KINDS: dict[str, Kind] = {"stt": "stt", "tts": "tts"}
_MAX_WINDOW_OF_MINUTES = timedelta(days=7)
_MAX_ENTRIES = 20_000
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass
class _Samples:
    """The recorded values of a period."""

    highest: int = 0
    total: int = 0
    count: int = 0

    def add(self, value: int) -> None:
        self.highest = max(self.highest, value)
        self.total += value
        self.count += 1


def _limits(call: Call) -> Response:
    state = call.state
    with state.lock:
        limits = state.limits
        body = {
            "project": {"current": _running(call, call.api_key), "limits": _most(limits.project)},
            "organization": {"current": _running(call, None), "limits": _most(limits)},
        }
    return json_response(200, body)


def _most(limits: ProjectLimits) -> dict[str, int | None]:
    return {"transcribe_concurrent": limits.max_realtime_sessions, "tts_concurrent": limits.max_speeches}


def _running(call: Call, project: str | None) -> dict[str, int]:
    usage = call.state.usage
    return {
        "transcribe_concurrent": usage.running("stt", project),
        "tts_concurrent": usage.running("tts", project),
    }


def _history(call: Call) -> Response:
    query = WindowQuery(call.request)
    period = query.fields.choice("period_sec", [str(period_sec) for period_sec in _SLOT_SEC])
    kind = query.fields.choice("kind", _KINDS)
    window = query.window()
    if period is None or kind is None:  # cannot be after the check
        raise AssertionError
    period_sec = int(period)
    if period_sec == _MINUTE_SEC and window.length > _MAX_WINDOW_OF_MINUTES:
        query.refuse("For period_sec=60, the window between `start_time` and `end_time` must not exceed 7 days.")
    first, after = (-((_EPOCH - moment) // timedelta(seconds=period_sec)) for moment in (window.start, window.end))
    if after - first > _MAX_ENTRIES:
        query.refuse(f"The window covers {after - first} entries, which exceeds the maximum of {_MAX_ENTRIES}.")
    with call.state.lock:
        values = call.state.usage.values(call.api_key, _KINDS[kind], first * period_sec, after * period_sec)
        rows = _rolled_up(values, period_sec)
    entries = [_entry_json(number * period_sec, period_sec, rows.get(number)) for number in range(first, after)]
    return json_response(200, {"kind": kind, "entries": entries})


def _rolled_up(values: Iterable[tuple[float, int]], period_sec: int) -> dict[int, _Samples]:
    """The values of each period by its number; periods longer than a slot aggregate the peaks of slots."""
    slot_sec = _SLOT_SEC[period_sec]
    if slot_sec != period_sec:
        slots = _rolled_up(values, slot_sec)
        values = [(number * slot_sec, samples.highest) for number, samples in slots.items()]
    rows: dict[int, _Samples] = {}
    for moment_sec, value in values:
        rows.setdefault(int(moment_sec // period_sec), _Samples()).add(value)
    return rows


def _entry_json(start_sec: int, period_sec: int, samples: _Samples | None) -> dict[str, object]:
    start = _EPOCH + timedelta(seconds=start_sec)
    return {
        "period_start": start.isoformat().replace("+00:00", "Z"),
        "period_sec": period_sec,
        # The service says that it is always 0.
        "sample_min": 0,
        "sample_max": samples.highest if samples else 0,
        "sample_sum": samples.total if samples else 0,
        "sample_count": samples.count if samples else 0,
        "total_count": period_sec // _SLOT_SEC[period_sec] if samples else 0,
    }


ROUTES = (
    Route("get_concurrency_limits", "GET", "/v1/concurrency-limits", _limits, "usage", "usage"),
    Route("get_concurrent_streams_history", "GET", "/v1/concurrent-streams-history", _history, "usage", "usage"),
)
