"""The voice gate: what it lets through of speech and silence, and the times that it restores."""

from __future__ import annotations

import asyncio
import math
import random
import struct
from array import array
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import cycle, islice
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from soniox_lite import SonioxValidationError
from soniox_lite._audio.samples import level_meter
from soniox_lite.types.realtime import RealtimeEvent
from soniox_lite.utils import VoiceGate
from tests.support.tables import each_row

RATE = 8000
FRAME = 160
CONFIG: dict[str, Any] = {"model": "stt-rt-v5", "audio_format": "pcm_s16le", "sample_rate": RATE, "num_channels": 1}


# --- signals


def decibels(db: float) -> float:
    return 10 ** (db / 20)


@dataclass(frozen=True)
class Signal:
    """Samples from -1 to 1, and where there is speech in them, in samples."""

    samples: list[float]
    speech: list[tuple[int, int]]

    def frames_of_speech(self) -> set[int]:
        return {frame for start, end in self.speech for frame in range(start // FRAME, -(-end // FRAME))}


DICE = random.Random(0)
NOISE = [DICE.gauss(0, 1) for _ in range(3 * RATE)]


def noise(level: float, count: int, start: int = 0) -> Iterator[float]:
    """Noise of a level; three seconds of it again and again."""
    return (level * value for value in islice(cycle(NOISE), start % len(NOISE), start % len(NOISE) + count))


@cache
def conversation(
    noise_db: float = -60, speech_db: float = -28, hum_db: float = -120, offset: float = 0, soft_ms: int = 40
) -> Signal:
    """Words, each a hiss and then a vowel that begins softly, with pauses of 0.1 to 6 seconds, over a background."""
    dice = random.Random(7)
    samples = [0.0] * (1500 * RATE // 1000)
    speech = []
    for pause_sec in (0.1, 0.2, 4, 0.15, 5, 0.1, 4):
        start = len(samples)
        # "s": far softer than the vowel after it.
        hiss = RATE * 70 // 1000
        samples += [value * n / hiss for n, value in enumerate(noise(decibels(speech_db - 14), hiss, start))]
        pitch, length, soft = dice.uniform(90, 220), RATE * dice.randint(150, 350) // 1000, RATE * soft_ms // 1000
        for place in range(length):
            shape = min(1, place / soft, (length - place) / (RATE * 0.05))
            tone = sum(math.sin(2 * math.pi * pitch * n * place / RATE) / n for n in (1, 2, 3, 5))
            samples.append(shape * decibels(speech_db) * tone)
        speech.append((start, len(samples)))
        samples += [0.0] * int(pause_sec * RATE)
    hum = [decibels(hum_db) * math.sin(2 * math.pi * 50 * place / RATE) + offset for place in range(FRAME)]
    background = noise(decibels(noise_db), len(samples))
    heard = [value + other + steady for value, other, steady in zip(samples, background, cycle(hum), strict=False)]
    return Signal([max(-1.0, min(1.0, value)) for value in heard], speech)


def s16(samples: list[float]) -> bytes:
    return array("h", [round(32767 * value) for value in samples]).tobytes()


def passed_frames(gate: VoiceGate, audio: bytes, sent: bytes, size: int = 2 * FRAME) -> set[int]:
    """The frames of the audio that were sent, by the times that the gate restores. Checks that these are right."""
    found = set()
    for number in range(len(sent) // size):
        frame = round(gate.restore_ms(20 * number + 10) - 10) // 20
        assert sent[number * size : (number + 1) * size] == audio[frame * size : (frame + 1) * size]
        found.add(frame)
    assert len(found) == len(sent) // size
    return found


def gated(signal: Signal, **options: Any) -> tuple[set[int], float]:
    """The frames that were sent, and the share of the audio that was dropped."""
    gate, audio = VoiceGate(CONFIG, **options), s16(signal.samples)
    sent = b"".join(gate.filter([audio[start : start + 1000] for start in range(0, len(audio), 1000)]))
    return passed_frames(gate, audio, sent), gate.dropped_ms / (gate.dropped_ms + gate.passed_ms)


@each_row(
    "background",
    [
        {},
        {"noise_db": -120},  # digital silence
        {"noise_db": -75},
        {"noise_db": -45},
        {"noise_db": -48, "hum_db": -50},
        {"offset": 0.2},
        {"offset": -0.05, "hum_db": -45},
        {"speech_db": -45, "noise_db": -66},  # far from the microphone
        {"speech_db": -10},
        {"soft_ms": 150},
    ],
)
def test_all_speech_is_let_through_and_silence_is_not(background: dict[str, float]) -> None:
    signal = conversation(**background)  # type: ignore[arg-type]
    sent, dropped = gated(signal)
    assert signal.frames_of_speech() <= sent
    assert dropped > 0.3
    # Little but what belongs to speech: the beginning, the pre-roll and the hangover.
    first = set(range(100))
    near = {frame + shift for frame in signal.frames_of_speech() for shift in range(-22, 52)}
    assert len(sent - near - first) < 0.05 * len(signal.samples) / FRAME


@each_row("noise_db", [-40, -34])
def test_speech_is_not_lost_in_loud_noise(noise_db: float) -> None:
    signal = conversation(noise_db=noise_db, speech_db=-25)
    vowels = Signal(signal.samples, [(start + RATE * 70 // 1000, end) for start, end in signal.speech])
    assert vowels.frames_of_speech() <= gated(signal)[0]


def test_a_voice_that_swells_is_heard_from_its_beginning() -> None:
    rise = RATE * 600 // 1000
    swelling = [
        decibels(-60 + 35 * min(1, place / rise)) * math.sin(2 * math.pi * 150 * place / RATE)
        for place in range(2 * rise)
    ]
    samples = [0.0] * (5 * RATE) + swelling + [0.0] * (3 * RATE)
    noisy = [value + other for value, other in zip(samples, noise(decibels(-62), len(samples)), strict=True)]
    sent, _ = gated(Signal(noisy, []))
    assert set(range(5 * RATE // FRAME, (5 * RATE + 2 * rise) // FRAME)) <= sent


def test_speech_from_the_first_sample_is_let_through() -> None:
    signal = conversation()
    start = signal.speech[0][0]
    cut = Signal(signal.samples[start:], [(a - start, b - start) for a, b in signal.speech])
    assert cut.frames_of_speech() <= gated(cut, hangover_ms=300)[0]


def test_speech_after_a_muted_microphone_is_let_through() -> None:
    signal = conversation()
    muted = Signal([0.0] * (15 * RATE) + signal.samples, [(a + 15 * RATE, b + 15 * RATE) for a, b in signal.speech])
    assert muted.frames_of_speech() <= gated(muted)[0]


def test_clicks_do_not_open_the_gate() -> None:
    samples = list(noise(decibels(-60), 30 * RATE))
    for second in range(5, 30):
        for place in range(40):
            samples[second * RATE + place] += (-1) ** place * 0.5
    _, dropped = gated(Signal(samples, []))
    assert dropped > 0.9


def test_a_background_that_gets_louder_is_silence_again_after_a_while() -> None:
    samples = [*noise(decibels(-60), 10 * RATE), *noise(decibels(-40), 30 * RATE)]
    sent, _ = gated(Signal(samples, []))
    assert set(range(505, 950)) <= sent
    assert not {frame for frame in sent if frame > 1150}


def test_a_long_even_sound_is_let_through_when_it_is_loud() -> None:
    tone = [0.3 * math.sin(2 * math.pi * 200 * place / RATE) for place in range(30 * RATE)]
    assert gated(Signal(tone, []))[1] == 0


# --- formats


def g711(audio_format: str, value: int) -> int:
    """The byte whose value is nearest, by the tables of ITU-T G.711: segments and steps."""
    size = min(abs(value), 32_635)
    if audio_format == "mulaw":
        biased = size + 132
        exponent = max(0, biased.bit_length() - 8)
        return 0xFF ^ ((0x80 if value < 0 else 0) | exponent << 4 | biased >> exponent + 3 & 15)
    exponent = max(0, size.bit_length() - 8)
    mantissa = size >> (exponent + 3 if exponent else 4) & 15
    return 0x55 ^ ((0 if value < 0 else 0x80) | exponent << 4 | mantissa)


def encoded(audio_format: str, samples: list[float]) -> bytes:
    if audio_format in ("mulaw", "alaw"):
        return bytes(g711(audio_format, round(32767 * value)) for value in samples)
    kind, bits = audio_format[4], int("".join(filter(str.isdigit, audio_format)))
    order = "big" if audio_format.endswith("be") else "little"
    if kind == "f":
        return struct.pack(f"{'>' if order == 'big' else '<'}{len(samples)}{'f' if bits == 32 else 'd'}", *samples)
    most = 2 ** (bits - 1) - 1
    shift = most + 1 if kind == "u" else 0
    return b"".join(
        (round(most * value) + shift).to_bytes(bits // 8, order, signed=kind == "s")  # type: ignore[arg-type]
        for value in samples
    )


ALL_FORMATS = [
    *("pcm_s8", "pcm_u8", "mulaw", "alaw", "pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be"),
    *(f"pcm_{kind}{bits}{order}e" for kind in "su" for bits in (16, 24, 32) for order in "lb"),
]


@each_row("audio_format", ALL_FORMATS)
def test_the_level_is_the_same_in_all_formats(audio_format: str) -> None:
    samples = [0.25 * math.sin(place / 3) + 0.1 for place in range(FRAME)]
    level = level_meter(audio_format, 1, FRAME)(encoded(audio_format, samples))
    assert 10 * math.log10(level / 32_768**2) == pytest.approx(20 * math.log10(0.25 / math.sqrt(2)), abs=0.15)
    silence = level_meter(audio_format, 1, FRAME)(encoded(audio_format, [0.0] * FRAME))
    assert silence == pytest.approx(0, abs=1e-3)


@each_row("audio_format", ALL_FORMATS)
def test_the_loudest_channel_counts(audio_format: str) -> None:
    quiet, loud = [0.3] * FRAME, [0.25 * math.sin(place / 3) for place in range(FRAME)]
    for channels in ((quiet, loud), (loud, quiet), (quiet, quiet, loud)):
        samples = [value for values in zip(*channels, strict=True) for value in values]
        level = level_meter(audio_format, len(channels), FRAME)(encoded(audio_format, samples))
        assert 10 * math.log10(level / 32_768**2) == pytest.approx(-15, abs=0.3)


@each_row("audio_format", ALL_FORMATS)
def test_every_format_is_gated_alike(audio_format: str) -> None:
    signal = conversation()
    audio = encoded(audio_format, signal.samples)
    size = len(audio) // len(signal.samples) * FRAME
    gate = VoiceGate({**CONFIG, "audio_format": audio_format})
    sent = gate.feed(audio)
    assert signal.frames_of_speech() <= passed_frames(gate, audio, sent, size)
    assert gate.dropped_ms > 0.3 * (gate.dropped_ms + gate.passed_ms)


@each_row("rate, channels", [(48_000, 2), (44_100, 1), (11_025, 1), (22_050, 4), (96_000, 1)])
def test_any_rate_and_number_of_channels(rate: int, channels: int) -> None:
    tone = [math.sin(2 * math.pi * 300 * place / rate) for place in range(rate)]
    audio = b"".join(
        array("h", [round(size * value) for value in tone for _ in range(channels)]).tobytes()
        for size in (40, 40, 40, 40, 4000, 40, 40, 40)
    )
    gate = VoiceGate({**CONFIG, "sample_rate": rate, "num_channels": channels})
    sent = gate.feed(audio)
    assert gate.passed_ms == pytest.approx(len(sent) * 1000 / (2 * channels * rate))
    # At first while the background is learnt; then from 300 ms before the sound to a second after it.
    assert gate.passed_ms == pytest.approx(1500 + 300 + 1000 + 1000, abs=200)
    assert gate.restore_ms(gate.passed_ms - 2000) == pytest.approx(4000, abs=80)


@each_row("value", [math.nan, math.inf])
def test_samples_that_are_no_numbers_are_let_through(value: float) -> None:
    gate = VoiceGate({**CONFIG, "audio_format": "pcm_f32le"})
    silence, other = bytes(4 * FRAME), struct.pack("<160f", *[value] * FRAME)
    assert gate.feed(silence * 500)
    assert not gate.is_open
    assert gate.feed(other * 50).endswith(other * 45)


# --- chunks


@settings(max_examples=40)
@given(st.lists(st.integers(0, 5000), max_size=60))
def test_the_length_of_chunks_does_not_matter(sizes: list[int]) -> None:
    audio = b"".join(array("h", [size, -size] * 4000).tobytes() for size in (1, 1, 1, 1, 1, 1, 1, 9000, 1, 1, 1))
    whole, gate = VoiceGate(CONFIG, hangover_ms=200).feed(audio), VoiceGate(CONFIG, hangover_ms=200)
    assert len(whole) < len(audio)
    sent, start = b"", 0
    for size in [*sizes, len(audio)]:
        sent += gate.feed(audio[start : start + size])
        start += size
    assert sent == whole


levels = st.lists(st.tuples(st.sampled_from([0, 1, 30, 900, 12_000]), st.integers(1, 120)), max_size=25)


@settings(max_examples=60)
@given(levels, st.integers(0, 3000), st.integers(0, 600))
def test_what_goes_out_is_in_order_and_found_again(
    parts: list[tuple[int, int]], hangover_ms: int, pre_roll_ms: int
) -> None:
    gate, audio, sent = VoiceGate(CONFIG, hangover_ms=hangover_ms, pre_roll_ms=pre_roll_ms), bytearray(), b""
    for loudness, frames in parts:
        for _ in range(frames):
            # Each frame is another one.
            number = len(audio) // (2 * FRAME)
            frame = array("h", [loudness, -loudness] * (FRAME // 2))
            frame[0] = number
            audio += frame.tobytes()
            sent += gate.feed(frame)
    passed = sorted(passed_frames(gate, bytes(audio), sent))
    assert [array("h", sent[n * 2 * FRAME :][:2])[0] for n in range(len(passed))] == passed
    assert gate.passed_ms == 20 * len(passed)
    if passed:
        longest_pre_roll = -(-pre_roll_ms // 20) + 4
        held = len(audio) // (2 * FRAME) - passed[-1] - 1
        assert gate.dropped_ms == 20 * (len(audio) // (2 * FRAME) - len(passed) - min(held, longest_pre_roll))


def test_the_end_of_the_audio() -> None:
    gate = VoiceGate(CONFIG)
    assert gate.feed(bytes(330)) == bytes(320)
    assert (gate.flush(), gate.flush()) == (bytes(10), b"")
    gate.feed(bytes(100_010))
    assert not gate.is_open
    assert gate.flush() == b""
    assert list(VoiceGate(CONFIG).filter([bytes(5), bytes(5)])) == [bytes(10)]


def test_an_async_source() -> None:
    async def collect(audio: bytes) -> bytes:
        async def source() -> AsyncIterator[bytes]:
            for start in range(0, len(audio), 3000):
                yield audio[start : start + 3000]

        return b"".join([piece async for piece in VoiceGate(CONFIG).filter_async(source())])

    for audio in (s16(conversation().samples), bytes(330)):
        assert asyncio.run(collect(audio)) == b"".join(VoiceGate(CONFIG).filter([audio]))


def test_arrays_of_samples_are_taken() -> None:
    assert VoiceGate(CONFIG).feed(array("h", [5] * 400)) == array("h", [5] * 320).tobytes()
    with pytest.raises(SonioxValidationError):
        VoiceGate(CONFIG).feed("text")  # type: ignore[arg-type]


# --- times


def opened_twice() -> VoiceGate:
    """A gate that let through 0 to 1,000 ms, 6,660 to 9,040 ms, and from 19,660 ms on."""
    gate, quiet, loud = VoiceGate(CONFIG), bytes(2 * FRAME), array("h", [9000, -9000] * (FRAME // 2)).tobytes()
    gate.feed(quiet * 350 + loud * 50 + quiet * 600)
    gate.feed(loud * 3)
    assert [gate.restore_ms(ms) for ms in (0, 1000, 1001, 3300)] == [0, 1000, 6661, 8960]
    return gate


def event(*tokens: dict[str, Any], final: int | None = None, total: int | None = None) -> RealtimeEvent:
    return RealtimeEvent.from_dict({"tokens": list(tokens), "final_audio_proc_ms": final, "total_audio_proc_ms": total})


def test_an_event_gets_the_times_of_the_original_audio() -> None:
    gate = opened_twice()
    received = event(
        {"text": " a", "start_ms": 1340, "end_ms": 1500, "is_final": True, "speaker": "1", "new": 1},
        {"text": "b", "is_final": True, "translation_status": "translation"},
        {"text": " c", "start_ms": 3500, "end_ms": 3700, "is_final": False},
        final=1500,
        total=3700,
    )
    before = received.to_dict()
    restored = gate.restore(received)
    assert [(token.start_ms, token.end_ms) for token in restored.tokens] == [(7000, 7160), (None, None), (19780, 19980)]
    assert (restored.final_audio_proc_ms, restored.total_audio_proc_ms) == (7160, 19_980)
    assert restored.tokens[0].to_dict() == {**received.tokens[0].to_dict(), "start_ms": 7000, "end_ms": 7160}
    assert received.to_dict() == before


@each_row(
    "start, end, expected",
    [
        (900, 1000, (900, 1000)),
        (950, 1020, (950, 1020)),  # told to end in the next stretch
        (990, 1100, (6650, 6760)),
        (0, 0, (0, 0)),
    ],
)
def test_a_word_is_not_torn_apart(start: int, end: int, expected: tuple[int, int]) -> None:
    restored = opened_twice().restore(event({"text": "a", "start_ms": start, "end_ms": end, "is_final": True}))
    assert (restored.tokens[0].start_ms, restored.tokens[0].end_ms) == expected


def test_an_event_stays_itself_while_nothing_was_left_out() -> None:
    gate, received = VoiceGate(CONFIG), event(final=5, total=6)
    gate.feed(bytes(3200))
    assert gate.restore(received) is received


@each_row("start, end", [("soon", 5), (None, 5), (5, None), (math.nan, 5), (5, math.inf)])
def test_a_time_that_is_no_time_stays_as_it_is(start: Any, end: Any) -> None:
    received = event({"text": "a", "is_final": True})
    received.tokens[0].start_ms, received.tokens[0].end_ms = start, end
    assert opened_twice().restore(received).tokens[0] is received.tokens[0]


def test_an_event_without_counters() -> None:
    restored = opened_twice().restore(event())
    assert (restored.final_audio_proc_ms, restored.total_audio_proc_ms) == (None, None)


@each_row("loud_stretches_before_it_is_read", [0, 1, 2])
def test_the_padding_of_a_finalize_in_silence_does_not_shift_later_times(loud_stretches_before_it_is_read: int) -> None:
    gate, quiet, loud = VoiceGate(CONFIG), bytes(2 * FRAME), array("h", [9000, -9000] * (FRAME // 2)).tobytes()
    fin = event({"text": "<fin>", "is_final": True}, final=1080, total=1080)
    gate.feed(quiet * 350)
    for number in range(3):
        if number == loud_stretches_before_it_is_read:
            gate.restore(fin)
        gate.feed(loud * 50 + quiet * 300)
    tokens = [
        {"text": "a", "start_ms": 1080 + told, "end_ms": 1080 + told + 100, "is_final": True}
        for told in (340, 2380 + 340, 4760 + 340)
    ]
    assert [token.start_ms for token in gate.restore(event(*tokens)).tokens] == [7000, 14_000, 21_000]


def test_a_finalize_within_speech_moves_nothing() -> None:
    gate = opened_twice()
    before = gate.restore_ms(3300)
    gate.restore(event({"text": "<fin>", "is_final": True}, final=2000, total=2000))
    gate.restore(event({"text": "<fin>", "is_final": True}))
    assert gate.restore_ms(3300) == before


# --- set-up


@each_row(
    "config, options, word",
    [
        ({"audio_format": "auto"}, {}, "raw samples"),
        ({"audio_format": "wav"}, {}, "wav_config"),
        ({"audio_format": "mp3"}, {}, "raw samples"),
        ({}, {"hangover_ms": -1}, "hangover_ms"),
        ({}, {"pre_roll_ms": 60_001}, "pre_roll_ms"),
        ({}, {"pre_roll_ms": "much"}, "pre_roll_ms"),
        ({"sample_rate": None}, {}, "sample_rate"),
    ],
)
def test_what_cannot_be_gated_is_refused(config: dict[str, Any], options: dict[str, Any], word: str) -> None:
    with pytest.raises(SonioxValidationError, match=word):
        VoiceGate({**CONFIG, **config}, **options)


@each_row(
    "config, hangover_ms",
    [
        ({}, 1000),
        ({"enable_endpoint_detection": True}, 2500),
        ({"enable_endpoint_detection": True, "max_endpoint_delay_ms": 800}, 1300),
    ],
)
def test_the_hangover_is_long_enough_for_endpoints(config: dict[str, Any], hangover_ms: int) -> None:
    assert VoiceGate({**CONFIG, **config}).hangover_ms == hangover_ms
