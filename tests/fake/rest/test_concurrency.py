"""Concurrent streams: the counters and the history."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from urllib.parse import urlencode

import pytest

from soniox_testing import FakeSoniox, VirtualClock
from soniox_testing.store.usage import Usage
from tests.fake.stt_client import SttClient
from tests.fake.tts_client import TtsClient
from tests.support.insides import NewOnes

NOON = datetime(2026, 4, 28, 12, tzinfo=timezone.utc)
MINUTE, HOUR, DAY = 60, 3600, 86_400
IDLE = {"sample_min": 0, "sample_max": 0, "sample_sum": 0, "sample_count": 0, "total_count": 0}
NAMES = ("sample_max", "sample_sum", "sample_count", "total_count")


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def fake(clock, usages):
    """A fake at noon."""
    with FakeSoniox(clock=clock, started_at=NOON) as server:
        yield server


@pytest.fixture
def usages():
    """What counts the streams of the fakes that are made after this."""
    return NewOnes(Usage)


@pytest.fixture
def session(fake):
    """Opens sessions on ``fake``, which have begun when they are returned."""
    opened = []

    def make(api_key="key-a"):
        opened.append(SttClient(fake, api_key))
        opened[-1].start().synchronize()
        return opened[-1]

    yield make
    for client in opened:
        client.leave()


@pytest.fixture
def usage(fake, usages):
    """Starts and ends streams in the usage only, without sessions."""
    (found,) = usages.all()
    return found


def now(client):
    body = client("GET", "/v1/concurrency-limits").json
    return [tuple(body[scope]["current"].values()) for scope in ("project", "organization")]


def at(seconds):
    return NOON + timedelta(seconds=seconds)


def text(moment):
    return moment.isoformat().replace("+00:00", "Z")


def path_of(start_sec, end_sec, period_sec=MINUTE, kind="stt"):
    window = {"start_time": text(at(start_sec)), "end_time": text(at(end_sec))}
    return f"/v1/concurrent-streams-history?{urlencode({**window, 'period_sec': period_sec, 'kind': kind})}"


def history(client, start_sec, end_sec, period_sec=MINUTE, kind="stt"):
    body = client("GET", path_of(start_sec, end_sec, period_sec, kind)).json
    assert body["kind"] == kind
    return body["entries"]


def samples(entries):
    """Peak, sum, count and slots of each period."""
    assert {entry["sample_min"] for entry in entries} == {0}
    return [tuple(entry[name] for name in NAMES) for entry in entries]


class TestLimits:
    def test_nothing_runs_and_nothing_is_limited_at_first(self, client):
        nothing = {
            "current": {"transcribe_concurrent": 0, "tts_concurrent": 0},
            "limits": {"transcribe_concurrent": None, "tts_concurrent": None},
        }
        assert client("GET", "/v1/concurrency-limits").json == {"project": nothing, "organization": nothing}

    def test_sessions_count_while_they_run(self, client, connect, session):
        first, second = session(), session()
        theirs = session("key-b")
        assert now(client) == [(2, 0), (3, 0)]
        assert now(connect("key-b")) == [(1, 0), (3, 0)]
        first.audio(1000).text("").rest()
        assert now(client) == [(1, 0), (2, 0)]
        second.text("nonsense!").rest()
        theirs.audio(1000).text("").rest()
        assert now(client) == [(0, 0), (0, 0)]

    def test_a_session_counts_from_its_start_message_on(self, fake, client, clock, session):
        waiting = SttClient(fake)
        waiting.synchronize()
        assert now(client) == [(0, 0), (0, 0)]
        waiting.leave()
        session()
        clock.advance(21)
        assert now(client) == [(0, 0), (0, 0)], "it was closed for its silence"

    def test_a_temporary_key_counts_for_its_project(self, client, connect, session):
        payload = {"usage_type": "transcribe_websocket", "expires_in_seconds": 60}
        session(client.post("/v1/auth/temporary-api-key", payload).json["api_key"])
        assert now(client) == [(1, 0), (1, 0)]
        assert now(connect("key-b")) == [(0, 0), (1, 0)]

    def test_streams_of_speech_are_counted_apart(self, client, usage):
        number = usage.started("tts", "key-a")
        assert now(client) == [(0, 1), (0, 1)]
        usage.ended(number)
        usage.ended(number)
        usage.ended(17)
        assert now(client) == [(0, 0), (0, 0)]

    def test_the_limits_are_those_of_the_organization(self, fake, client):
        fake.limits.max_realtime_sessions = 10
        fake.limits.max_speeches = 3
        body = client("GET", "/v1/concurrency-limits").json
        assert body["organization"]["limits"] == {"transcribe_concurrent": 10, "tts_concurrent": 3}
        assert set(body["project"]["limits"].values()) == {None}

    def test_a_stopped_fake_runs_nothing(self, fake, session, usage):
        session()
        assert usage.running("stt") == 1
        fake.stop()
        assert usage.running("stt") == 0
        assert len(fake.usage) == 1


class TestHistory:
    def test_idle_periods_are_there_with_zeros(self, client):
        assert history(client, 0, 180) == [
            {"period_start": f"2026-04-28T12:0{minute}:00Z", "period_sec": 60, **IDLE} for minute in range(3)
        ]

    def test_a_session_is_in_every_minute_it_touches(self, client, clock, session):
        clock.advance(30)
        stream = session()
        for _ in range(6):
            clock.advance(15)
            stream.audio(120)
        stream.text("").rest()
        clock.advance(120)
        # Recorded at 12:00:30, and at 12:01:00; at 12:02:00 it has ended.
        assert samples(history(client, 0, 180)) == [(1, 1, 1, 1), (1, 1, 1, 1), (0, 0, 0, 0)]

    def test_the_peak_is_exact_however_short(self, client, clock, usage):
        clock.advance(10)
        numbers = [usage.started("stt", "key-a") for _ in range(4)]
        for number in numbers[1:]:
            usage.ended(number)
        clock.advance(60)
        usage.started("stt", "key-a")
        # 1 + 2 + 3 + 4 as they began, then 1 as the minute began and 2 in it.
        assert samples(history(client, 0, 120)) == [(4, 10, 4, 1), (2, 3, 2, 1)]

    def test_streams_that_begin_or_end_with_a_minute(self, client, clock, usage):
        first = usage.started("stt", "key-a")
        clock.advance(60)
        usage.ended(first)
        second = usage.started("stt", "key-a")
        usage.started("stt", "key-a")
        clock.advance(60)
        usage.ended(second)
        clock.advance(60)
        assert samples(history(client, 0, 240)) == [(1, 1, 1, 1), (2, 3, 2, 1), (1, 1, 1, 1), (1, 1, 1, 1)]

    def test_a_window_may_begin_while_a_stream_runs(self, client, clock, usage):
        usage.started("stt", "key-a")
        clock.advance(600)
        assert samples(history(client, 300, 420)) == [(1, 1, 1, 1)] * 2

    def test_there_is_nothing_in_the_future(self, client, clock, usage):
        usage.started("stt", "key-a")
        clock.advance(90)
        assert samples(history(client, -60, 240)) == [(0, 0, 0, 0), (1, 1, 1, 1), (1, 1, 1, 1), *[(0, 0, 0, 0)] * 2]

    def test_projects_and_kinds_are_apart(self, client, connect, usage):
        usage.started("stt", "key-a")
        usage.started("tts", "key-a")
        usage.started("tts", "key-a")
        assert samples(history(client, 0, 60)) == [(1, 1, 1, 1)]
        assert samples(history(client, 0, 60, kind="tts")) == [(2, 3, 2, 1)]
        assert samples(history(connect("key-b"), 0, 60, kind="tts")) == [(0, 0, 0, 0)]

    def test_hours_and_days_are_made_of_the_peaks_of_shorter_periods(self, client, clock, usage):
        numbers = [usage.started("stt", "key-a") for _ in range(3)]
        clock.advance(30)
        for number in numbers:
            usage.ended(number)
        clock.advance(3570)
        number = usage.started("stt", "key-a")
        clock.advance(150)
        usage.ended(number)
        clock.advance(24 * HOUR)
        # At 12:00 three; at 13:00, 13:01 and 13:02 one.
        assert samples(history(client, 0, 3 * HOUR, HOUR)) == [(3, 3, 1, 60), (1, 3, 3, 60), (0, 0, 0, 0)]
        days = history(client, -12 * HOUR, 36 * HOUR, DAY)
        assert [day["period_start"] for day in days] == ["2026-04-28T00:00:00Z", "2026-04-29T00:00:00Z"]
        assert samples(days) == [(3, 4, 2, 24), (0, 0, 0, 0)]

    @pytest.mark.parametrize(
        ("start_sec", "end_sec", "starts"),
        [
            (0, 60, ["12:00"]),
            (0, 61, ["12:00", "12:01"]),
            (1, 61, ["12:01"]),
            (1, 60, []),
            (0.000001, 60.000001, ["12:01"]),
        ],
    )
    def test_the_window_is_of_starts_and_half_open(self, client, start_sec, end_sec, starts):
        found = [entry["period_start"][11:16] for entry in history(client, start_sec, end_sec)]
        assert found == starts

    @pytest.mark.parametrize(
        ("seconds", "period_sec", "good"),
        [
            (7 * DAY, MINUTE, True),
            (7 * DAY + 1, MINUTE, False),
            (20_000 * HOUR, HOUR, True),
            (20_000 * HOUR + 1, HOUR, False),
            (20_001 * DAY, DAY, False),
            (0, DAY, False),
            (-1, HOUR, False),
        ],
    )
    def test_the_bounds_of_the_window(self, client, seconds, period_sec, good):
        path = path_of(-12 * HOUR, -12 * HOUR + seconds, period_sec)
        if good:
            # Not with the client, which would validate thousands of entries again.
            client.connection.request("GET", path, headers=client.headers)
            answer = json.loads(client.connection.getresponse().read())
            assert len(answer["entries"]) == seconds // period_sec
        else:
            refused = client("GET", path)
            assert (refused.status, refused.problems) == (400, [("value_error", "query.payload")])

    @pytest.mark.parametrize(
        ("change", "problems"),
        [
            ({"period_sec": "61"}, [("enum", "query.period_sec")]),
            ({"kind": "both"}, [("enum", "query.kind")]),
            ({"kind": None, "period_sec": None}, [("missing", "query.period_sec"), ("missing", "query.kind")]),
            ({"start_time": "noon"}, [("value_error", "query.start_time")]),
            ({"end_time": None}, [("missing", "query.end_time")]),
        ],
    )
    def test_a_bad_query_is_refused(self, client, change, problems):
        query = {"start_time": text(NOON), "end_time": text(at(60)), "period_sec": "60", "kind": "stt", **change}
        given = urlencode({name: value for name, value in query.items() if value is not None})
        answer = client("GET", f"/v1/concurrent-streams-history?{given}")
        assert (answer.status, answer.json["error_type"], answer.problems) == (400, "invalid_request", problems)

    def test_a_stream_that_runs_for_weeks_is_in_all_of_them(self, client, clock, usage):
        usage.started("stt", "key-a")
        clock.advance(30 * DAY)
        assert samples(history(client, 0.5 * DAY, 30.5 * DAY, DAY)) == [(1, 24, 24, 24)] * 29 + [(1, 13, 13, 24)]


def test_a_stream_of_speech_counts_until_it_has_ended(fake, client):
    speaker = TtsClient(fake)
    speaker.start().say("Hello, ", end=False).synchronize()
    assert now(client) == [(0, 1), (0, 1)]
    speaker.say("you.").stream()
    assert now(client) == [(0, 0), (0, 0)]
    assert samples(history(client, 0, 60, kind="tts")) == [(1, 1, 1, 1)]
    speaker.close()
