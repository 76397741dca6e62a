"""Usage: the logs and sums of the fake are exact."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import urlencode

import pytest

from soniox_testing import FakeSoniox, VirtualClock, after_seconds
from soniox_testing.store.state import State
from tests.fake.stt_client import SttClient
from tests.fake.tts_client import TtsClient, post, temporary_key
from tests.support.insides import NewOnes
from tests.support.tables import each_row

NOON = datetime(2026, 4, 28, 12, tzinfo=timezone.utc)
COUNTS = (
    *("input_text_tokens", "input_audio_tokens", "input_audio_duration_ms"),
    *("output_text_tokens", "output_audio_tokens", "output_audio_duration_ms"),
)


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def fake(clock):
    """A fake at noon, where a job takes 10 seconds."""
    with FakeSoniox(clock=clock, started_at=NOON, progress=after_seconds(processing=10)) as server:
        yield server


def text(moment):
    return moment.isoformat().replace("+00:00", "Z")


def logs(client, start=NOON - timedelta(days=1), end=NOON + timedelta(days=1), **query):
    return client("GET", f"/v1/usage-logs?{urlencode({'start_time': text(start), 'end_time': text(end), **query})}")


def summary(client, start, end):
    return client("GET", f"/v1/usage/summary?{urlencode({'start_time': text(start), 'end_time': text(end)})}")


def entries(client, **query):
    return logs(client, **query).json["usage_logs"]


@pytest.fixture
def session(fake):
    """Opens sessions on ``fake``."""
    opened = []

    def make(api_key="key-a", **fields):
        opened.append(SttClient(fake, api_key))
        return opened[-1].start(**fields)

    yield make
    for client in opened:
        client.leave()


def test_nothing_was_used_at_first(fake, client):
    assert logs(client).json == {"usage_logs": [], "next_page_cursor": None}
    assert fake.usage == ()


def test_a_completed_job_is_an_entry(fake, client, clock):
    fake.add_transcript("nine chars")
    client.create(client_reference_id="mine", context="about nine")
    assert entries(client) == []
    clock.advance(10)
    (entry,) = entries(client)
    (job,) = fake.transcriptions
    audio_tokens = -(-job.audio_duration_ms // 120)
    assert {name: entry[name] for name in COUNTS} == {
        "input_text_tokens": 3,
        "input_audio_tokens": audio_tokens,
        "input_audio_duration_ms": job.audio_duration_ms,
        "output_text_tokens": 3,
        "output_audio_tokens": 0,
        "output_audio_duration_ms": 0,
    }
    assert (entry["request_scope"], entry["client_reference_id"], entry["model"]) == ("api", "mine", "stt-async-v5")
    assert (entry["start_time"], entry["end_time"]) == ("2026-04-28T12:00:00.000Z", "2026-04-28T12:00:10.000Z")
    audio_usd = audio_tokens * Decimal("0.0000015")
    assert entry["input_text_cost_usd"] == entry["output_text_cost_usd"] == "0.0000105000"
    assert entry["input_audio_cost_usd"] == f"{audio_usd:.10f}"
    assert entry["input_cost_usd"] == f"{audio_usd + Decimal('0.0000105'):.10f}"
    assert entry["cost_usd"] == f"{audio_usd + Decimal('0.000021'):.10f}"
    assert entry["output_audio_cost_usd"] == "0.0000000000"


def test_a_job_is_one_entry_however_often_it_is_looked_at_and_after_it_is_gone(fake, client, clock):
    job = client.create().json["id"]
    clock.advance(10)
    for _ in range(3):
        client("GET", f"/v1/transcriptions/{job}")
    client("DELETE", f"/v1/transcriptions/{job}")
    (entry,) = entries(client)
    assert entry["client_reference_id"] == ""
    assert entry["input_text_tokens"] == 0
    (record,) = fake.usage
    assert (record.uuid, record.api_key, f"{record.cost_usd:.10f}") == (entry["uuid"], "key-a", entry["cost_usd"])


def test_a_failed_job_costs_nothing(fake, client, clock):
    fake.fail_next_job("internal_error", "it broke")
    client.create()
    clock.advance(10)
    assert fake.transcriptions[0].status == "error"
    assert entries(client) == []


def test_audio_is_charged_also_if_it_came_faster_than_real_time(client, session):
    session(audio_format="pcm_s16le").audio(2000).text("").rest()
    assert entries(client)[0]["input_audio_duration_ms"] == 1000


def test_a_realtime_session_is_an_entry_when_it_has_ended(fake, client, clock, session):
    fake.add_transcript("one two three")
    stream = session(client_reference_id="call", enable_endpoint_detection=True, audio_format="pcm_s16le")
    stream.audio(2000)
    clock.advance(5)
    assert entries(client) == []
    stream.text('{"type": "finalize"}').text("").rest()
    (entry,) = entries(client)
    assert (entry["model"], entry["client_reference_id"]) == ("stt-rt-v5", "call")
    assert (entry["start_time"], entry["end_time"]) == ("2026-04-28T12:00:00.000Z", "2026-04-28T12:00:05.000Z")
    assert fake.sessions[0].audio_duration_ms == 1000
    assert entry["input_audio_duration_ms"] == 5000, "the whole session is charged, also while it heard nothing"
    assert entry["output_text_tokens"] == 4, "13 characters, without the markers"
    assert entry["output_text_cost_usd"] == "0.0000160000"


def test_what_a_function_says_is_used(fake, client, session):
    def function(conversation):
        conversation.says("he", final=False)
        conversation.says("hello world")
        conversation.endpoint()
        conversation.expect_end()
        conversation.finish()

    fake.on_session(function)
    session().audio(1000).text("").rest()
    (entry,) = entries(client)
    assert entry["output_text_tokens"] == 3


def test_a_session_that_breaks_off_is_an_entry_and_one_that_never_began_is_none(fake, client, session):
    fake.fail_next_session("service_unavailable")
    session().rest()
    fake.limits.max_realtime_sessions = 0
    session().rest()
    fake.limits.max_realtime_sessions = None
    assert entries(client) == []
    fake.fail_next_session("service_unavailable", after_audio_ms=120)
    session().audio(1000).rest()
    assert len(entries(client)) == 1


def test_a_temporary_key_is_used_on_behalf_of_its_project(client, connect, session):
    payload = {"usage_type": "transcribe_websocket", "expires_in_seconds": 60, "client_reference_id": "visitor"}
    key = client.post("/v1/auth/temporary-api-key", payload).json["api_key"]
    session(key).audio(1000).text("").rest()
    (entry,) = entries(client)
    assert entry["client_reference_id"] == "visitor"
    assert entries(connect("key-b")) == []


def test_speech_is_an_entry_whichever_voice_speaks(fake, client, clock):
    assert post(fake, text="Hello, you.", client_reference_id="mine")[0] == 200
    voice = client.create_voice().json["id"]
    assert post(fake, voice=voice)[0] == 409
    clock.advance(10)
    assert post(fake, temporary_key(fake, client_reference_id="visitor"), voice=voice)[0] == 200
    shared, cloned = sorted(entries(client), key=lambda entry: entry["end_time"])
    assert (shared["client_reference_id"], shared["model"], shared["input_text_tokens"]) == ("mine", "tts-rt-v2", 3)
    assert shared["output_audio_duration_ms"] == fake.speeches[0].audio_duration_ms > 0
    assert cloned["client_reference_id"] == "visitor"


def test_who_sees_that_speech_has_ended_finds_its_usage():
    states = NewOnes(State)
    with FakeSoniox() as fake:
        (state,) = states.all()
        _end_speech_and_look(fake, state)


def _end_speech_and_look(fake, state):
    client = TtsClient(fake).start()
    client.synchronize()
    (log,) = state.speeches.logs
    lock = state.lock
    seen = []

    class Watched:
        """The lock of the state; records what was visible before it was taken."""

        def __enter__(self):
            seen.append((log.record().ended, len(state.usage.records())))
            return lock.__enter__()

        def __exit__(self, *exc):
            lock.__exit__(*exc)

    state.lock = Watched()
    client.send(stream_id="s", cancel=True).stream()
    client.close()
    assert seen
    assert ("cancelled", 0) not in seen
    assert fake.usage[0].model == "tts-rt-v2"


def test_entries_may_be_added(fake, client):
    fake.add_usage("stt-async-v5", audio_duration_ms=121, text="abcde", client_reference_id="a", api_key="key-a")
    fake.add_usage("tts-rt-v2", audio_duration_ms=240, text="abcd", ended_at=NOON - timedelta(hours=1), api_key="key-a")
    fake.add_usage("tts-rt-v2", api_key="key-b")
    heard, said = sorted(entries(client), key=lambda entry: entry["model"])
    assert [heard[name] for name in COUNTS] == [0, 2, 121, 2, 0, 0]
    assert [said[name] for name in COUNTS] == [1, 0, 0, 0, 2, 240]
    assert (said["cost_usd"], said["input_cost_usd"], said["output_audio_cost_usd"]) == (
        "0.0000470000",
        "0.0000040000",
        "0.0000430000",
    )
    assert [record.api_key for record in fake.usage] == ["key-a", "key-a", "key-b"]
    with pytest.raises(ValueError, match="time zone"):
        fake.add_usage("tts-rt-v2", ended_at=datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="audio_duration_ms must not be negative"):
        fake.add_usage("tts-rt-v2", audio_duration_ms=-1)


def test_prices_are_those_of_the_example_in_the_document(fake, client):
    fake.add_usage("stt-async-v5", audio_duration_ms=1_800_000, text="x" * 4 * 10_800, api_key="key-a")
    fake.add_usage("tts-rt-v1", audio_duration_ms=990_000, text="x" * 4 * 4500, api_key="key-a")
    stt, tts = summary(client, NOON, NOON + timedelta(hours=1)).json["models"]
    assert (stt["total_input_audio_tokens"], tts["total_output_audio_tokens"]) == (15_000, 8250)
    assert (stt["total_input_cost_usd"], stt["total_output_cost_usd"]) == ("0.0225000000", "0.0378000000")
    assert (tts["total_input_cost_usd"], tts["total_output_cost_usd"]) == ("0.0180000000", "0.1773750000")


@pytest.mark.parametrize("sort", ["end_time_asc", "end_time_desc", None])
def test_pages_come_in_order_although_more_is_used_meanwhile(fake, client, sort):
    for minutes in (3, 1, 2, 2, 2, 0):
        fake.add_usage("stt-rt-v5", ended_at=NOON + timedelta(minutes=minutes), api_key="key-a")
    order = {} if sort is None else {"sort": sort}
    everything = [(entry["end_time"], entry["uuid"]) for entry in entries(client, **order)]
    assert everything == sorted(everything, reverse=sort == "end_time_desc")
    seen, cursor = [], ""
    while cursor is not None:
        page = logs(client, limit=2, cursor=cursor, **order).json
        seen += [(entry["end_time"], entry["uuid"]) for entry in page["usage_logs"]]
        cursor = page["next_page_cursor"]
        fake.add_usage("stt-rt-v5", ended_at=NOON - timedelta(days=2), api_key="key-a")
    assert seen == everything


def test_the_window_is_of_ends_and_half_open(fake, client):
    for minutes in (0, 1, 2):
        fake.add_usage("stt-rt-v5", ended_at=NOON + timedelta(minutes=minutes), api_key="key-a")
    found = entries(client, start=NOON, end=NOON + timedelta(minutes=2))
    assert [entry["end_time"] for entry in found] == ["2026-04-28T12:00:00.000Z", "2026-04-28T12:01:00.000Z"]


def test_a_cursor_belongs_to_its_query(fake, client):
    for _ in range(2):
        fake.add_usage("stt-rt-v5", api_key="key-a")
    cursor = logs(client, limit=1).json["next_page_cursor"]
    assert logs(client, limit=1, cursor=cursor).status == 200
    for other in ({"sort": "end_time_desc"}, {"start": NOON}, {"end": NOON + timedelta(hours=1)}):
        answer = logs(client, cursor=cursor, **other)
        assert (answer.status, answer.json["error_type"]) == (400, "invalid_request")
        assert answer.problems == [("value_error", "query.payload")]


@each_row("cursor", ["x", "AAAA", "ZmlsZXM6MQ==", "dXNhZ2VfbG9nczox"])
def test_a_cursor_from_nowhere_is_refused(client, cursor):
    assert logs(client, cursor=cursor).json["error_type"] == "invalid_cursor"


DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)


@each_row(
    ("start", "end", "good"),
    [
        (NOON - 91 * DAY, NOON - 60 * DAY, True),
        (NOON - 91 * DAY - TICK, NOON - 61 * DAY, False),
        (NOON - 31 * DAY, NOON, True),
        (NOON - 31 * DAY - TICK, NOON, False),
        (NOON, NOON + TICK, True),
        (NOON, NOON, False),
        (NOON, NOON - TICK, False),
    ],
)
def test_the_bounds_of_the_window(client, start, end, good):
    answer = logs(client, start=start, end=end)
    assert answer.status == (200 if good else 400)
    assert good or answer.problems == [("value_error", "query.payload")]


@each_row(
    ("query", "problems"),
    [
        ("", [("missing", "query.start_time"), ("missing", "query.end_time")]),
        ("start_time=2026-04-28T00:00:00Z", [("missing", "query.end_time")]),
        (
            "start_time=yesterday&end_time=2026-02-30T00:00:00Z",
            [("value_error", "query.start_time"), ("value_error", "query.end_time")],
        ),
        ("start_time=2026-04-28T00:00:00&end_time=2026-04-29T00:00:00Z", [("value_error", "query.start_time")]),
        ("start_time=0001-01-01T00:00:00%2B01:00&end_time=2026-04-29T00:00:00Z", [("value_error", "query.start_time")]),
        ("start_time=2026-04-28T00:00:00Z&end_time=2026-04-29T00:00:00Z&sort=up", [("enum", "query.sort")]),
        (
            "start_time=2026-04-28T00:00:00Z&end_time=2026-04-29T00:00:00Z&limit=1001",
            [("less_than_equal", "query.limit")],
        ),
    ],
)
def test_a_bad_query_is_refused(client, query, problems):
    answer = client("GET", f"/v1/usage-logs?{query}")
    assert (answer.status, answer.json["error_type"], answer.problems) == (400, "invalid_request", problems)


@pytest.mark.parametrize(
    "start", ["2026-04-28T14:00:00%2B02:00", "2026-04-28T12:00:00.000000Z", "2026-04-28T12:00:00.0Z"]
)
def test_times_may_be_written_in_several_ways(fake, client, start):
    fake.add_usage("stt-rt-v5", api_key="key-a")
    query = f"start_time={start}&end_time=2026-04-28T13:00:00Z"
    assert len(client("GET", f"/v1/usage-logs?{query}").json["usage_logs"]) == 1


MIDNIGHT = datetime(2026, 4, 28, tzinfo=timezone.utc)


def test_the_summary_is_the_sum_of_the_logs(fake, client):
    for number in range(50):
        model = ("stt-rt-v5", "stt-async-v5", "tts-rt-v2")[number % 3]
        ended_at = MIDNIGHT + timedelta(hours=7 * number % 48)
        fake.add_usage(model, audio_duration_ms=997 * number, text="x" * number, ended_at=ended_at, api_key="key-a")
    fake.add_usage("stt-rt-v5", ended_at=MIDNIGHT - TICK, text="x", api_key="key-a")
    fake.add_usage("stt-rt-v5", ended_at=MIDNIGHT + 2 * DAY, text="x", api_key="key-a")
    fake.add_usage("stt-rt-v5", text="x", api_key="key-b")
    found = entries(client, start=MIDNIGHT, end=MIDNIGHT + 2 * DAY)
    body = summary(client, MIDNIGHT, MIDNIGHT + 2 * DAY).json
    assert [row["model"] for row in body["models"]] == ["stt-async-v5", "stt-rt-v5", "tts-rt-v2"]
    for row in [body["total"], *body["models"]]:
        assert row["days"] == ["2026-04-28", "2026-04-29"]
        its = [entry for entry in found if row["model"] in {None, entry["model"]}]
        by_day = [[entry for entry in its if entry["end_time"].startswith(day)] for day in row["days"]]
        assert row["num_requests"] == [len(of_day) for of_day in by_day]
        assert row["total_num_requests"] == len(its)
        for name in COUNTS:
            assert row[name] == [sum(entry[name] for entry in of_day) for of_day in by_day]
            assert row[f"total_{name}"] == sum(row[name])
        for name in ("cost_usd", "input_cost_usd", "output_cost_usd"):
            assert row[name] == [f"{sum(Decimal(e[name]) for e in of_day):.10f}" for of_day in by_day]
            assert row[f"total_{name}"] == f"{sum(map(Decimal, row[name])):.10f}"
        assert (row["duration_ms"], row["total_duration_ms"]) == ([0, 0], 0)
        assert (row["duration_cost_usd"], row["total_duration_cost_usd"]) == (["0.0000000000"] * 2, "0.0000000000")
    assert Decimal(body["total"]["total_cost_usd"]) > 0


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        (NOON, NOON + TICK, ["2026-04-28"]),
        (NOON, MIDNIGHT + DAY, ["2026-04-28"]),
        (NOON, MIDNIGHT + DAY + TICK, ["2026-04-28", "2026-04-29"]),
        (MIDNIGHT - TICK, NOON, ["2026-04-27", "2026-04-28"]),
    ],
)
def test_a_day_counts_when_any_part_of_it_is_asked_for(fake, client, start, end, days):
    fake.add_usage("stt-rt-v5", ended_at=MIDNIGHT + timedelta(hours=1), api_key="key-a")
    body = summary(client, start, end).json
    assert body["total"]["days"] == days
    assert body["total"]["total_num_requests"] == 1
    assert body["total"]["num_requests"][days.index("2026-04-28")] == 1


def test_a_summary_of_nothing(client):
    body = summary(client, MIDNIGHT, MIDNIGHT + 3 * DAY).json
    assert body["models"] == []
    assert body["total"]["model"] is None
    assert body["total"]["cost_usd"] == ["0.0000000000"] * 3


@each_row(
    ("start", "end", "good"),
    [
        (MIDNIGHT - 366 * DAY, MIDNIGHT, True),
        (MIDNIGHT - 366 * DAY, MIDNIGHT + TICK, False),
        (MIDNIGHT, MIDNIGHT, False),
        (MIDNIGHT - 3660 * DAY, MIDNIGHT - 3600 * DAY, True),
    ],
)
def test_a_summary_covers_366_days_at_most(client, start, end, good):
    answer = summary(client, start, end)
    assert answer.status == (200 if good else 400)
    assert good or answer.problems == [("value_error", "query.payload")]


def test_the_last_day_of_all_may_be_asked_for(client):
    last = datetime(9999, 12, 31, 23, tzinfo=timezone.utc)
    assert summary(client, last, last + timedelta(minutes=1)).json["total"]["days"] == ["9999-12-31"]


@each_row("path", ["usage-logs", "usage/summary", "concurrency-limits", "concurrent-streams-history"])
def test_a_key_needs_the_permission(fake, client, path):
    fake.restrict_key("key-a", ["voices"])
    answer = client("GET", f"/v1/{path}")
    assert (answer.status, answer.json["error_type"]) == (403, "permission_denied")
    fake.restrict_key("key-a", ["usage"])
    assert client("GET", f"/v1/{path}").status in {200, 400}
