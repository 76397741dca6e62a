"""The ring of audio, and the map between a connection's clock and positions in it."""

from __future__ import annotations

import pickle
import random
import tracemalloc

import pytest
from hypothesis import given, strategies as st

from soniox_lite.realtime._framing import Framing
from soniox_lite.realtime._ring import AudioRing, ClockMap, RingFullError
from tests.support.tables import each_row

SIZE = 1 << 18
SOURCE = random.Random(0).randbytes(1 << 20)
MONO_16K = Framing("pcm_s16le", 16_000, 1)


operations = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 50_000)),
        st.tuples(st.just("trim"), st.integers(-10_000, 60_000)),
        st.tuples(st.just("read"), st.integers(0, 60_000)),
    ),
    max_size=20,
)


@given(operations, st.integers(1, 60_000))
def test_the_ring_holds_the_newest_audio(actions: list[tuple[str, int]], max_bytes: int) -> None:
    given_audio = bytearray()
    start = 0
    ring = AudioRing(max_bytes, when_full="drop")
    for action, number in actions:
        if action == "append":
            chunk = SOURCE[len(given_audio) : len(given_audio) + number]
            given_audio += chunk
            dropped = ring.append(chunk)
            assert dropped == max(0, len(given_audio) - max_bytes - start)
            start += dropped
        elif action == "trim":
            ring.trim(start + number)
            start = max(start, min(start + number, len(given_audio)))
        else:
            middle = (start + len(given_audio)) // 2
            assert ring.read(middle, number) == given_audio[middle : middle + number]
        assert (ring.start, ring.end, len(ring)) == (start, len(given_audio), len(given_audio) - start)
        assert ring.room == max_bytes - len(ring)
    assert ring.read(start, len(given_audio)) == given_audio[start:]


@each_row("when_full", ["wait", "raise"])
def test_a_full_ring_takes_nothing_until_it_is_trimmed(when_full: str) -> None:
    ring = AudioRing(10, when_full=when_full)  # type: ignore[arg-type]
    ring.append(b"12345678")
    with pytest.raises(RingFullError) as caught:
        ring.append(b"abc")
    assert (caught.value.needed_bytes, ring.end, ring.dropped_bytes) == (1, 8, 0)
    ring.trim(1)
    assert ring.append(b"abc") == 0
    assert ring.read(1, 100) == b"2345678abc"


def test_dropped_audio_is_counted() -> None:
    ring = AudioRing(10, when_full="drop")
    assert [ring.append(b"1234"), ring.append(b"567890"), ring.append(b"abc"), ring.append(b"z" * 25)] == [0, 0, 3, 25]
    assert (ring.dropped_bytes, ring.start, ring.end, ring.read(28, 99)) == (28, 28, 38, b"z" * 10)


def test_audio_that_was_forgotten_is_an_error() -> None:
    ring = AudioRing(100)
    ring.append(bytes(50))
    ring.trim(20)
    with pytest.raises(IndexError):
        ring.read(19, 1)
    assert ring.read(50, 10) == b""


def test_the_ring_keeps_its_own_copy() -> None:
    ring, chunk = AudioRing(100), bytearray(b"abcd")
    ring.append(chunk)
    chunk[:] = b"xxxx"
    assert ring.read(0, 4) == b"abcd"


@each_row("size", [37, 3840, 65_536])
def test_memory_is_that_of_the_audio(size: int) -> None:
    ring, chunk = AudioRing(SIZE, when_full="drop"), bytes(size)
    for _ in range(SIZE // size + 1):
        ring.append(chunk)
    tracemalloc.start()
    try:
        # Replaces all that was allocated before.
        for _ in range(SIZE // size + 20):
            ring.append(chunk)
        full = tracemalloc.get_traced_memory()[0]
        for _ in range(SIZE // size):
            ring.append(chunk)
        later, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert full < SIZE * 1.03 + 100_000
    assert later < full + 20_000
    assert peak < full + size + 100_000


@each_row(
    "audio_format, rate, channels, second",
    [
        ("pcm_s16le", 16_000, 1, 32_000),
        ("pcm_s24le", 44_100, 2, 264_600),
        ("pcm_f64be", 48_000, 3, 1_152_000),
        ("mulaw", 8_000, 1, 8_000),
        ("pcm_u8", 11_025, 1, 11_025),
    ],
)
def test_without_finalize_the_clock_goes_on_with_the_bytes(
    audio_format: str, rate: int, channels: int, second: int
) -> None:
    clock = ClockMap(Framing(audio_format, rate, channels), second)
    assert clock.ms_of(second) == 0
    assert clock.ms_of(3 * second) == pytest.approx(2000)
    assert clock.byte_of(2000) == 3 * second
    assert clock.uncertainty_ms == 0


class PaddedService:
    """The clock of a service that pads at each finalize up to the next multiple of 120 ms, strictly."""

    def __init__(self) -> None:
        self.clock_ms = 0.0

    def hear(self, size: int) -> None:
        self.clock_ms += size / 32

    def finalize(self) -> int:
        self.clock_ms = (self.clock_ms // 120 + 1) * 120
        return round(self.clock_ms)


def test_the_recorded_padding_is_measured() -> None:
    # 42,732 samples were sent when the <fin> told 44,160 (in samples): 2,760 ms.
    clock = ClockMap(MONO_16K, 0)
    clock.finalize_sent(2 * 42_732)
    assert clock.fin_arrived(2760, 2760, 2 * 42_732)
    assert clock.ms_of(2 * 42_732) == 2760
    assert clock.byte_of(2760) == 2 * 42_732
    assert clock.byte_of(2700) == 2 * 42_732
    assert clock.byte_of(2000) == 64_000


@given(st.lists(st.integers(1, 20_000), min_size=50, max_size=60))
def test_fifty_pauses_leave_the_map_exact(samples: list[int]) -> None:
    service, clock, sent = PaddedService(), ClockMap(MONO_16K, 0), 0
    truth = []
    for count in samples:
        sent += 2 * count
        service.hear(2 * count)
        truth.append((sent - count, service.clock_ms - count / 32))
        clock.finalize_sent(sent)
        fin_ms = service.finalize()
        assert clock.fin_arrived(fin_ms, fin_ms, sent)
    assert clock.outstanding == []
    for position, ms in truth:
        assert abs(clock.ms_of(position) - ms) < 1
        assert abs(clock.byte_of(ms) - position) < 40


@given(st.lists(st.tuples(st.integers(3_000, 60_000), st.integers(0, 6_000)), min_size=1, max_size=200))
def test_errors_of_finalizes_amid_audio_do_not_add_up(turns: list[tuple[int, int]]) -> None:
    """Audio goes on between a finalize and its <fin>, and some of it is in the counters already."""
    service, clock, sent = PaddedService(), ClockMap(MONO_16K, 0), 0
    for count, later in turns:
        sent += count // 2 * 2
        service.hear(count // 2 * 2)
        clock.finalize_sent(sent)
        fin_ms = service.finalize() + later // 32
        sent += later // 2 * 2
        service.hear(later // 2 * 2)
        clock.fin_arrived(fin_ms, fin_ms, sent)
        error = abs(clock.ms_of(sent) - service.clock_ms)
        assert error < 200
        if later <= 3_840:
            assert error <= clock.uncertainty_ms + 2


def test_finalizes_are_answered_in_order() -> None:
    clock = ClockMap(MONO_16K, 0)
    for position in (3200, 3200, 6400):
        clock.finalize_sent(position)
    assert clock.outstanding == [3200, 3200, 6400]
    assert not clock.fin_arrived(120, 120, 6400)
    assert not clock.fin_arrived(240, 240, 6400)
    assert clock.outstanding == [6400]
    assert clock.fin_arrived(360, 360, 6400)
    assert clock.ms_of(3200) == 240
    assert clock.ms_of(6400) == 360
    assert clock.byte_of(239) == 3200


def test_a_fin_that_was_not_asked_for_changes_nothing() -> None:
    clock = ClockMap(MONO_16K, 0)
    assert not clock.fin_arrived(500, 500, 32_000)
    assert clock.ms_of(32_000) == 1000


@each_row(
    "final, total, uncertainty",
    [
        (None, None, 120),
        (900, 900, 120),  # less than was sent before the finalize
        (1080, 1200, 120),  # no audio was sent since, and yet there is some that is not final
    ],
)
def test_a_fin_that_contradicts_what_was_sent_makes_the_clock_uncertain(
    final: int | None, total: int | None, uncertainty: int
) -> None:
    clock = ClockMap(MONO_16K, 0)
    clock.finalize_sent(32_000)
    assert not clock.fin_arrived(final, total, 32_000)
    assert clock.uncertainty_ms == uncertainty


def test_a_counter_ahead_of_what_was_sent_moves_the_clock() -> None:
    clock = ClockMap(MONO_16K, 0)
    clock.observe(1000, 32_000)
    assert (clock.ms_of(32_000), clock.uncertainty_ms) == (1000, 0)
    clock.observe(1080, 32_000)
    assert (clock.ms_of(64_000), clock.uncertainty_ms) == (2080, 80)


def test_forgotten_anchors_are_not_needed() -> None:
    clock = ClockMap(MONO_16K, 0)
    for number in range(1, 1001):
        clock.finalize_sent(number * 3200)
        clock.fin_arrived(number * 120, number * 120, number * 3200)
    before = clock.ms_of(3_000_000)
    clock.forget(3_000_000)
    assert clock.ms_of(3_000_000) == before
    assert clock.byte_of(before) == 3_000_000
    assert len(pickle.dumps(clock)) < 5000


# --- the user's line over several connections


def test_the_line_is_that_of_the_first_connection_with_its_paddings() -> None:
    """A byte is a millisecond."""
    framing = Framing("pcm_u8", 1000, 1)
    first = ClockMap(framing, 0)
    for position, fin_ms in ((1000, 1080), (3000, 3120), (4000, 4200)):
        first.finalize_sent(position)
        assert first.fin_arrived(fin_ms, fin_ms, position)
    # Paddings of 80, 40 and 80 ms.
    assert [first.user_at(position) for position in (500, 999, 1000, 2000, 3000, 3999, 4000, 5000)] == [
        500, 999, 1080, 2080, 3120, 4119, 4200, 5200,
    ]  # fmt: skip
    assert first.user_ms(3456) == 3456
    second = ClockMap(framing, 2000, first)
    # It hears the same audio without paddings; 1,000 ms are at position 3,000.
    assert [second.user_ms(ms) for ms in (0, 500, 1000, 1001, 1500, 2000, 2001, 9000)] == [
        2080, 2580, 3080, 3121, 3620, 4120, 4201, 11_200,
    ]  # fmt: skip
    assert [second.offset_after(ms) for ms in (0, 1999, 2000, 9000)] == [None, None, 2200, 2200]
    for position in (2000, 2500, 3000, 3500, 4000, 6000):
        assert second.user_at(position) == first.user_at(position)
        assert second.byte_of_user(second.user_at(position)) == position
        assert first.byte_of_user(first.user_at(position)) == position
    # Within a padding.
    assert second.byte_of_user(3100) == first.byte_of_user(3100) == 3000
    assert second.byte_of_user(100) == 2000
    # Its own padding, and a third connection after both.
    second.finalize_sent(6000)
    assert second.fin_arrived(4080, 4080, 6000)
    # It tells no more than it was sent, so that nothing was padded unseen.
    second.observe(second.user_at(6500), 6500)
    assert second.uncertainty_ms == 0
    third = ClockMap(framing, 3500, second)
    for position in (3500, 4000, 5999, 6000, 7000):
        assert third.user_at(position) == second.user_at(position)
    assert second.user_at(7000) == 7000 + 80 + 40 + 80 + 80
