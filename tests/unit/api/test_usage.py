"""Usage, usage logs and concurrency: times in, exact money out."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any

import pytest

from soniox_lite import SonioxAPIError, SonioxInvalidRequestError, SonioxValidationError
from soniox_lite.types.api import (
    GetConcurrentStreamsHistoryPayload,
    GetUsageLogsPayload,
    GetUsageSummaryPayload,
    GetUsageSummaryResponse,
    UsageLogEntry,
    UsageSummaryEntry,
)
from soniox_testing import FakeSoniox
from tests.support.surfaces import SURFACES, Surface
from tests.support.tables import each_row

NOW = datetime(2026, 4, 10, 12, tzinfo=timezone.utc)
APRIL = date(2026, 4, 1), date(2026, 5, 1)
EAST = timezone(timedelta(hours=5, minutes=30))


@pytest.fixture
def fake() -> Iterator[FakeSoniox]:
    """A service that knows some requests of April 2026."""
    with FakeSoniox(started_at=NOW) as server:
        for day, model, audio_ms in ((1, "stt-async-v5", 60_000), (1, "tts-rt-v2", 30_000), (3, "stt-async-v5", 1_000)):
            server.add_usage(
                model, ended_at=datetime(2026, 4, day, 9, tzinfo=timezone.utc), audio_duration_ms=audio_ms, text="Hello"
            )
        yield server


@pytest.fixture(params=SURFACES)
def surface(request: pytest.FixtureRequest, fake: FakeSoniox) -> Iterator[Surface]:
    """A client for it."""
    with Surface(str(request.param), api_key=fake.api_key, api_base_url=fake.api_base_url) as made:
        yield made


def _window(fake: FakeSoniox) -> tuple[str, str]:
    """What the last request asked for."""
    query = urllib.parse.parse_qs(fake.requests[-1].query)
    return query["start_time"][0], query["end_time"][0]


class TestTimes:
    @each_row(
        ("given", "sent"),
        [
            ("2026-04-01T00:00:00Z", "2026-04-01T00:00:00Z"),
            ("2026-04-01T05:30:00+05:30", "2026-04-01T05:30:00+05:30"),
            (date(2026, 4, 1), "2026-04-01T00:00:00Z"),
            (datetime(2026, 4, 1, 5, 30, tzinfo=EAST), "2026-04-01T00:00:00Z"),
            (datetime(2026, 4, 1, 1, 2, 3, 456_789, timezone.utc), "2026-04-01T01:02:03.456789Z"),
        ],
    )
    def test_text_is_sent_as_it_is_and_times_in_utc(
        self, surface: Surface, fake: FakeSoniox, given: Any, sent: str
    ) -> None:
        end = date(2026, 4, 2)
        for call in (
            lambda: surface.call("usage.summary", given, end),
            lambda: surface.call("usage_logs.list", given, end),
            lambda: surface.call("usage_logs.list_all", given, end),
            lambda: surface.call("concurrency_limits.history", given, end, period_sec=3600, kind="stt"),
        ):
            call()
            assert _window(fake) == (sent, "2026-04-02T00:00:00Z")

    @pytest.mark.parametrize(
        "payload", [GetUsageLogsPayload, GetUsageSummaryPayload, GetConcurrentStreamsHistoryPayload]
    )
    def test_a_payload_holds_what_is_sent(self, payload: Any) -> None:
        others = {"period_sec": 60, "kind": "tts"} if payload is GetConcurrentStreamsHistoryPayload else {}
        made = payload(start_time=APRIL[0], end_time=datetime(2026, 4, 2, tzinfo=timezone.utc), **others)
        assert (made.start_time, made.end_time) == ("2026-04-01T00:00:00Z", "2026-04-02T00:00:00Z")

    @each_row(
        ("value", "words"),
        [
            (datetime(2026, 4, 1), "must have a time zone, as datetime.now(timezone.utc) has"),  # noqa: DTZ001
            (datetime(2026, 4, 1, tzinfo=type("Unsure", (tzinfo,), {"utcoffset": lambda *_: None})()), "time zone"),
            (datetime.min.replace(tzinfo=EAST), "must be a time that UTC has, too"),
            (None, "must be given"),
            ("", "must not be empty"),
            ("2" * 65, "must be at most 64 characters"),
            (5, "must be a datetime, a date or ISO 8601 text"),
        ],
        ids=str,
    )
    def test_a_time_that_means_nothing_certain_is_refused(self, value: Any, words: str) -> None:
        with pytest.raises(SonioxValidationError) as caught:
            GetUsageSummaryPayload(start_time=value, end_time=value)
        assert [problem.field for problem in caught.value.errors] == ["start_time", "end_time"]
        assert words in caught.value.errors[0].rule

    def test_a_window_that_is_none_is_told_by_the_service(self, surface: Surface) -> None:
        with pytest.raises(SonioxInvalidRequestError) as caught:
            surface.call("usage.summary", *reversed(APRIL))
        assert caught.value.validation_errors[0].location == "query.payload"


class TestSummary:
    def test_days_are_dates_and_sums_are_exact(self, surface: Surface, fake: FakeSoniox) -> None:
        summary = surface.call("usage.summary", *APRIL)
        assert isinstance(summary, GetUsageSummaryResponse)
        total = summary.total
        assert total.days == [date(2026, 4, day) for day in range(1, 31)]
        assert total.model is None
        assert [entry.model for entry in summary.models] == ["stt-async-v5", "tts-rt-v2"]
        assert total.num_requests[:4] == [2, 0, 1, 0]
        assert total.total_cost == sum(record.cost_usd for record in fake.usage) > 0
        assert sum(total.cost) == sum(entry.total_cost for entry in summary.models) == total.total_cost
        assert f"{total.total_cost:.10f}" == total.total_cost_usd
        assert total.total_cost == total.total_input_cost + total.total_output_cost + total.total_duration_cost
        for day, cost in enumerate(total.cost):
            parts = total.input_cost[day], total.output_cost[day], total.duration_cost[day]
            assert cost == sum(parts)

    def test_a_summary_becomes_json_again(self, surface: Surface) -> None:
        summary = surface.call("usage.summary", *APRIL)
        written = summary.to_dict()
        assert written["total"]["days"][:2] == ["2026-04-01", "2026-04-02"]
        assert GetUsageSummaryResponse.from_dict(written) == summary
        assert UsageSummaryEntry.from_dict({**written["total"], "days": summary.total.days}) == summary.total

    @pytest.mark.parametrize(
        ("days", "words"),
        [
            (["2026-04-01", "soon"], r"days\[1\] must be an ISO 8601 date, is other text"),
            (["2026-04-01", 5], r"days\[1\] must be a string, is number"),
            ("2026-04-01", r"days must be an array, is string"),
        ],
    )
    def test_days_that_are_none_are_told_with_their_place(self, surface: Surface, days: Any, words: str) -> None:
        entry = surface.call("usage.summary", *APRIL).total.to_dict()
        with pytest.raises(SonioxAPIError, match=words):
            UsageSummaryEntry.from_dict({**entry, "days": days})


class TestLogs:
    def test_entries_come_by_their_end_with_exact_money(self, surface: Surface, fake: FakeSoniox) -> None:
        entries = surface.call("usage_logs.list_all", *APRIL, limit=1)
        assert [entry.end_time.day for entry in entries] == [1, 1, 3]
        assert {entry.uuid: entry.cost for entry in entries} == {row.uuid: row.cost_usd for row in fake.usage}
        for entry in entries:
            assert entry.cost == entry.input_cost + entry.output_cost
            assert entry.input_cost == entry.input_text_cost + entry.input_audio_cost
            assert entry.output_cost == entry.output_text_cost + entry.output_audio_cost
            assert isinstance(entry.cost, Decimal)
            assert entry.client_reference_id == ""
        latest = surface.call("usage_logs.list_all", *APRIL, 2, "end_time_desc")
        assert [entry.uuid for entry in latest] == [entry.uuid for entry in reversed(entries)]

    def test_a_cursor_leads_to_the_next_page(self, surface: Surface) -> None:
        first = surface.call("usage_logs.list", *APRIL, 2)
        second = surface.call("usage_logs.list", *APRIL, 2, cursor=first.next_page_cursor)
        assert [len(first.usage_logs), len(second.usage_logs)] == [2, 1]
        assert second.next_page_cursor is None

    @each_row("text", ["", "free", "NaN", "Infinity", "1,5", "1e999999999", "1e-999999999", "0e999999999", "9" * 41])
    def test_an_amount_that_is_none_is_an_error_only_when_it_is_asked_for(self, surface: Surface, text: str) -> None:
        fields = surface.call("usage_logs.list", *APRIL).usage_logs[0].to_dict()
        entry = UsageLogEntry.from_dict({**fields, "cost_usd": text})
        assert entry.cost_usd == text
        with pytest.raises(SonioxAPIError, match="an amount of money that is not a decimal number"):
            _ = entry.cost

    @each_row("text", ["0.0613500000", "0E-10", "-1", "12345678901234567890.0123456789"])
    def test_an_amount_may_be_written_as_decimals_are(self, surface: Surface, text: str) -> None:
        fields = surface.call("usage_logs.list", *APRIL).usage_logs[0].to_dict()
        assert UsageLogEntry.from_dict({**fields, "cost_usd": text}).cost == Decimal(text)


class TestConcurrency:
    def test_no_limit_is_none(self, surface: Surface, fake: FakeSoniox) -> None:
        fake.limits.max_realtime_sessions = 10
        found = surface.call("concurrency_limits.get")
        assert (found.project.current.transcribe_concurrent, found.project.current.tts_concurrent) == (0, 0)
        assert found.organization.limits.transcribe_concurrent == 10
        assert found.project.limits.transcribe_concurrent is None

    def test_history_has_every_period(self, surface: Surface) -> None:
        start = datetime(2026, 4, 1, tzinfo=timezone.utc)
        found = surface.call(
            "concurrency_limits.history", start, start + timedelta(hours=3), period_sec=3600, kind="tts"
        )
        assert found.kind == "tts"
        assert [entry.period_start for entry in found.entries] == [start + timedelta(hours=hour) for hour in range(3)]
        assert {entry.total_count for entry in found.entries} == {0}
