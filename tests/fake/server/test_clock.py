"""``fake.clock``: the time of any fake can be moved on."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from soniox_lite import AsyncSonioxClient, SonioxClient
from soniox_testing import FakeSoniox, VirtualClock, after_polls, after_seconds
from tests.fake.stt_client import SttClient


def _ended(fake):
    return [session.ended for session in fake.sessions]


@pytest.mark.parametrize("clock", [time.monotonic, VirtualClock(), lambda: 7.0])
def test_a_timer_fires_when_its_time_has_come(clock):
    with FakeSoniox(clock=clock) as fake:
        session = SttClient(fake).start().audio(100)
        session.synchronize()
        fake.clock.advance(8)
        assert _ended(fake) == [None]
        fake.clock.advance(12)
        assert fake.sessions[0].error_type == "request_timeout"
        session.leave()


def test_jobs_timestamps_and_webhooks_agree_with_it(webhooks_in_time):
    fake, client = webhooks_in_time
    before = fake.clock.wall()
    job = client.stt.create(audio_url="https://example.com/a.mp3", config={"webhook_url": "http://127.0.0.1:9/"})
    fake.clock.advance(39)
    assert client.stt.get(job.id).status == "processing"
    fake.clock.advance(2)
    assert client.stt.get(job.id).status == "completed"
    (delivery,) = fake.webhooks
    assert len(delivery.attempts) == 2
    assert fake.clock.wall() - before == timedelta(seconds=41)


@pytest.fixture
def webhooks_in_time():
    with (
        FakeSoniox(clock=lambda: 0.0, progress=after_seconds(queued=10, processing=29.5)) as fake,
        SonioxClient("k", api_base_url=fake.api_base_url) as client,
    ):
        yield fake, client


def test_seconds_are_those_of_the_fake_at_any_speed():
    with FakeSoniox(clock=VirtualClock(5), speed=60) as fake:
        fake.clock.advance(30)
        assert fake.clock.now_sec() == 30


def test_a_virtual_clock_moves_all_of_its_fakes_and_another_only_its_own():
    shared = VirtualClock()
    with FakeSoniox(clock=shared) as one, FakeSoniox(clock=shared) as two, FakeSoniox() as alone:
        one.clock.advance(3000)
        assert (shared(), two.clock.now_sec()) == (3000, 3000)
        assert alone.clock.now_sec() < 3000


@pytest.mark.parametrize("seconds", [-1, 1e12, float("nan"), float("inf")])
def test_it_does_not_go_back_and_not_for_ever(seconds):
    with FakeSoniox() as fake, pytest.raises(ValueError, match="cannot be moved on"):
        fake.clock.advance(seconds)


@pytest.mark.parametrize("speed", [0, 1e300, float("nan"), float("inf")])
def test_a_speed_that_no_calendar_holds_is_refused(speed):
    with pytest.raises(ValueError, match="speed must be above 0"):
        FakeSoniox(speed=speed)


def test_what_is_no_time_or_no_function_is_refused():
    with FakeSoniox() as fake:
        with pytest.raises(TypeError, match="seconds must be float, not '3'"):
            fake.clock.advance("3")
        with pytest.raises(TypeError, match="condition must be Callable"):
            fake.clock.run_until(True)


def test_it_runs_until_something_is_so():
    with FakeSoniox(clock=VirtualClock()) as fake:
        session = SttClient(fake).start().audio(100)
        session.synchronize()
        assert fake.clock.run_until(lambda: fake.sessions[0].error_type) == "request_timeout"
        assert fake.clock.now_sec() == 20
        session.leave()


def test_it_does_not_move_if_that_is_so_already():
    with FakeSoniox(clock=VirtualClock()) as fake:
        assert fake.clock.run_until(lambda: [1]) == [1]
        assert fake.clock.now_sec() == 0


def test_it_says_what_did_not_become_so():
    def all_is_done():
        return None

    with FakeSoniox(clock=VirtualClock()) as fake:
        with pytest.raises(TimeoutError, match=r"all_is_done was still false after 2.5 s of the fake's clock"):
            fake.clock.run_until(all_is_done, within_sec=2.5)
        assert fake.clock.now_sec() == 2.5
        with pytest.raises(ValueError, match="above 0"):
            fake.clock.run_until(all_is_done, step_sec=0)
        with pytest.raises(ValueError, match="coroutine"):
            fake.clock.run_until(asyncio.sleep)


def test_an_async_client_reacts_between_the_steps():
    async def main(fake):
        async with AsyncSonioxClient("k", api_base_url=fake.api_base_url) as client:
            job = await client.stt.create(audio_url="https://example.com/a.mp3")
            waiting = asyncio.create_task(client.stt.wait(job.id))
            await asyncio.to_thread(fake.clock.run_until, lambda: fake.transcriptions[0].status == "completed")
            return await waiting

    with FakeSoniox(clock=VirtualClock(), progress=after_seconds(processing=30)) as fake:
        assert asyncio.run(main(fake)).status == "completed"


def test_a_client_that_waits_for_polls_needs_no_time():
    with (
        FakeSoniox(clock=VirtualClock(), progress=after_polls(queued=2, processing=2)) as fake,
        SonioxClient("k", api_base_url=fake.api_base_url) as client,
    ):
        job = client.stt.create(audio_url="https://example.com/a.mp3")
        assert client.stt.wait(job.id).status == "completed"
        assert fake.clock.now_sec() == 0
