"""The usage family: logs of single requests, and sums by day and model."""

from __future__ import annotations

import hashlib
from datetime import datetime, time, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

from ..wire.time_windows import Window, WindowQuery
from .pages import cursor_of, invalid_cursor, limit_of, place_in
from .router import Route, json_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from werkzeug.wrappers import Response

    from ..script.records import UsageRecord
    from ..store.usage import Entry
    from .router import Call

_MAX_LOGS_WINDOW = timedelta(days=31)
_OLDEST_LOGS = timedelta(days=91)
_MAX_DAYS = 366
_SORTS = {"end_time_asc": False, "end_time_desc": True}
_DAY = timedelta(days=1)


def _logs(call: Call) -> Response:
    query = WindowQuery(call.request)
    query.fields.values.setdefault("sort", "end_time_asc")
    sort = query.fields.choice("sort", _SORTS)
    window = query.window()
    limit = limit_of(call.request)
    if window.length > _MAX_LOGS_WINDOW:
        query.refuse("The period between start_time and end_time must not exceed 31 days.")
    if window.start < call.state.clock.wall() - _OLDEST_LOGS:
        query.refuse("start_time must not be earlier than 91 days ago.")
    asked = hashlib.sha256(f"{window.start} {window.end} {sort}".encode()).hexdigest()
    cursor = call.request.args.get("cursor")
    after = _place_after(query, cursor, asked) if cursor else None
    rows = _entries(call, window)
    if _SORTS[sort or "end_time_asc"]:
        rows.reverse()
    if after is not None:
        # Not by index: the last row of the page before may no longer be stored.
        rows = [row for row in rows if (_place(row) < after if _SORTS[sort or ""] else _place(row) > after)]
    page = rows[:limit]
    following = cursor_of("usage_logs", f"{asked} {' '.join(_place(page[-1]))}") if len(rows) > limit else None
    return json_response(200, {"usage_logs": [_entry_json(row.record) for row in page], "next_page_cursor": following})


def _place(row: Entry) -> tuple[str, str]:
    """The sort key of an entry."""
    return row.record.end_time, row.record.uuid


def _place_after(query: WindowQuery, cursor: str, asked: str) -> tuple[str, str]:
    """The sort key of the last row of the page before."""
    parts = place_in(cursor, "usage_logs").split(" ")
    if len(parts) != 3:
        raise invalid_cursor()
    its_query, end_time, uuid = parts
    if its_query != asked:
        query.refuse("The cursor does not belong to this start_time, end_time and sort.")
    return end_time, uuid


def _summary(call: Call) -> Response:
    query = WindowQuery(call.request)
    window = query.window()
    first = window.start.date()
    # A window that ends at midnight does not include the next day.
    last = (window.end - timedelta(microseconds=1)).date()
    count = (last - first).days + 1
    if count > _MAX_DAYS:
        query.refuse(f"The window covers {count} UTC days, which exceeds the maximum of {_MAX_DAYS}.")
    days = [(first + number * _DAY).isoformat() for number in range(count)]
    whole_days = Window(*(datetime.combine(*moment, timezone.utc) for moment in ((first, time.min), (last, time.max))))
    by_model: dict[str, list[UsageRecord]] = {}
    for entry in _entries(call, whole_days):
        by_model.setdefault(entry.record.model, []).append(entry.record)
    body = {
        "total": _sums(None, days, [record for records in by_model.values() for record in records]),
        "models": [_sums(model, days, by_model[model]) for model in sorted(by_model)],
    }
    return json_response(200, body)


def _entries(call: Call, window: Window) -> list[Entry]:
    with call.state.lock:
        call.state.projects.jobs_now()
        return call.state.usage.entries(call.api_key, window.start, window.end)


def _sums(model: str | None, days: Sequence[str], records: Sequence[UsageRecord]) -> dict[str, object]:
    """Sums by day and in total; a request counts for the day on which it ended."""
    by_day: dict[str, list[UsageRecord]] = {day: [] for day in days}
    for record in records:
        by_day[record.end_time[:10]].append(record)
    columns: dict[str, list[int]] = {
        "num_requests": [len(of_day) for of_day in by_day.values()],
        **{
            name: [sum(getattr(record, name) for record in of_day) for of_day in by_day.values()]
            for name in (
                *("input_text_tokens", "input_audio_tokens", "input_audio_duration_ms"),
                *("output_text_tokens", "output_audio_tokens", "output_audio_duration_ms"),
            )
        },
        "duration_ms": [0] * len(days),
    }
    costs: dict[str, list[Decimal]] = {
        **{
            name: [sum((getattr(record, name) for record in of_day), Decimal(0)) for of_day in by_day.values()]
            for name in ("cost_usd", "input_cost_usd", "output_cost_usd")
        },
        "duration_cost_usd": [Decimal(0)] * len(days),
    }
    return {
        "model": model,
        "days": days,
        **{f"total_{name}": usd(sum(values, Decimal(0))) for name, values in costs.items()},
        **{name: [usd(value) for value in values] for name, values in costs.items()},
        **{f"total_{name}": sum(values) for name, values in columns.items()},
        **columns,
    }


def usd(amount: Decimal) -> str:
    """An amount as the API formats it: with ten decimals."""
    return f"{amount:.10f}"


def _entry_json(record: UsageRecord) -> dict[str, object]:
    """An entry as the API shows it."""
    return {
        "uuid": record.uuid,
        "request_scope": "api",
        "client_reference_id": record.client_reference_id,
        "model": record.model,
        "start_time": record.start_time,
        "end_time": record.end_time,
        "input_text_tokens": record.input_text_tokens,
        "input_audio_tokens": record.input_audio_tokens,
        "input_audio_duration_ms": record.input_audio_duration_ms,
        "output_text_tokens": record.output_text_tokens,
        "output_audio_tokens": record.output_audio_tokens,
        "output_audio_duration_ms": record.output_audio_duration_ms,
        "cost_usd": usd(record.cost_usd),
        "input_cost_usd": usd(record.input_cost_usd),
        "input_text_cost_usd": usd(record.input_text_cost_usd),
        "input_audio_cost_usd": usd(record.input_audio_cost_usd),
        "output_cost_usd": usd(record.output_cost_usd),
        "output_text_cost_usd": usd(record.output_text_cost_usd),
        "output_audio_cost_usd": usd(record.output_audio_cost_usd),
    }


ROUTES = (
    Route("get_usage_logs", "GET", "/v1/usage-logs", _logs, "usage", "usage logs"),
    Route("get_usage_summary", "GET", "/v1/usage/summary", _summary, "usage", "usage"),
)
