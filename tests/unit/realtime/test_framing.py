"""Bytes and milliseconds of every format, and where a decoder can start."""

from __future__ import annotations

import io
import math
import struct
import tracemalloc
import wave
from collections.abc import Iterator

import pytest
from hypothesis import given, strategies as st

from soniox_lite import SonioxValidationError
from soniox_lite.realtime._framing import Framing, framing_of
from soniox_lite.types.realtime import RealtimeSTTConfig
from tests.support.tables import each_row

RAW_FORMATS = [
    *[("pcm_s8", 1), ("pcm_u8", 1), ("mulaw", 1), ("alaw", 1)],
    *[(f"pcm_{kind}{bits}{order}e", bits // 8) for kind in "su" for bits in (16, 24, 32) for order in "lb"],
    *[(f"pcm_f{bits}{order}e", bits // 8) for bits in (32, 64) for order in "lb"],
]


@each_row("audio_format, sample_bytes", RAW_FORMATS)
def test_raw_audio_is_cut_between_frames(audio_format: str, sample_bytes: int) -> None:
    config = RealtimeSTTConfig(model="m", audio_format=audio_format, sample_rate=44_100, num_channels=3)  # type: ignore[arg-type]
    framing = framing_of(config)
    frame = 3 * sample_bytes
    assert (framing.bytes_per_second, framing.header, framing.problem) == (44_100 * frame, b"", None)
    for number in range(1, 1000, 7):
        position = number * frame
        assert framing.byte_of(framing.ms_of(position)) == position
        assert framing.start_at(position + frame - 1) == position
        assert framing.start_at(position) == position
        assert framing.start_at(position - frame, oldest=position - frame + 1) == position
    assert framing.ms_of(44_100 * frame) == 1000


@given(st.integers(2000, 96_000), st.integers(1, 8), st.sampled_from(RAW_FORMATS), st.floats(0, 20_000_000))
def test_the_nearest_sample_of_a_time(rate: int, channels: int, kind: tuple[str, int], ms: float) -> None:
    framing = Framing(kind[0], rate, channels)
    position = framing.byte_of(ms)
    assert position % (channels * kind[1]) == 0
    assert abs(framing.ms_of(position) - ms) <= 501 / rate


# --- WAV and AIFF


def wav(samples: bytes, channels: int = 1, width: int = 2, rate: int = 16_000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(width)
        writer.setframerate(rate)
        writer.writeframes(samples)
    return file.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack(">I", len(content)) + content + b"\0" * (len(content) % 2)


def aiff(samples: bytes, channels: int, bits: int, rate: float, compression: bytes = b"", offset: int = 0) -> bytes:
    mantissa, exponent = math.frexp(rate)
    extended = struct.pack(">HQ", exponent - 1 + 16383, int(mantissa * 2**64))
    common = struct.pack(">HIH", channels, 0, bits) + extended + compression
    chunks = (
        chunk(b"NAME", b"odd")
        + chunk(b"COMM", common)
        + chunk(b"SSND", struct.pack(">II", offset, 0) + bytes(offset) + samples)
    )
    return chunk(b"FORM", (b"AIFC" if compression else b"AIFF") + chunks)


WITH_HEADERS = [
    ("wav", wav(bytes(64_000)), 44, 2, 16_000),
    ("wav", wav(bytes(63_000), 2, 3, 48_000), 44, 6, 48_000),
    ("wav", wav(bytes(64_000))[:36] + b"LIST\3\0\0\0abc\0data\0\xfa\0\0" + bytes(64_000), 56, 2, 16_000),
    # Of a recorder that could not write the sizes.
    ("wav", wav(b"")[:40] + b"\xff\xff\xff\xff" + bytes(64_000), 44, 2, 16_000),
    ("aiff", aiff(bytes(64_000), 2, 16, 44_100), 66, 4, 44_100),
    ("aiff", aiff(bytes(64_000), 1, 12, 22_050.5), 66, 2, 22_050.5),
    ("aiff", aiff(bytes(64_000), 1, 16, 8000, b"ulaw\0\0", 10), 82, 1, 8000),
    ("aiff", aiff(bytes(64_000), 1, 32, 96_000, b"fl32\0\0"), 72, 4, 96_000),
]


@each_row("audio_format, data, start, frame, rate", WITH_HEADERS)
def test_audio_behind_a_header_is_cut_between_frames(
    audio_format: str, data: bytes, start: int, frame: int, rate: float
) -> None:
    for given_format in (audio_format, "auto"):
        for size in (1, 13, len(data)):
            framing = Framing(given_format)
            for at in range(0, 100, size):
                framing.feed(data[at : min(at + size, 100) if size < 100 else len(data)])
            assert framing.header == data[:start]
            assert framing.bytes_per_second == pytest.approx(rate * frame)
            assert framing.ms_of(start) == framing.ms_of(0) == 0
            assert framing.byte_of(0) == start
            assert framing.start_at(5) == start
            position = start + 1000 * frame
            assert framing.ms_of(position) == pytest.approx(1000_000 / rate)
            assert framing.byte_of(1000_000 / rate) == position
            assert framing.start_at(position + frame - 1) == position
            assert framing.start_at(position, oldest=position + 1) == position + frame


def test_before_its_header_is_complete_all_of_a_file_is_sent_again() -> None:
    framing = Framing("wav")
    framing.feed(wav(bytes(100))[:43])
    assert (framing.header, framing.start_at(30), framing.ms_of(40), framing.problem) == (b"", 0, 0, None)
    assert framing.bytes_per_second is None


# --- MP3, AAC, AMR


def mp3(bitrate_index: int, padding: int = 0, version: int = 3, layer: int = 1, rate_index: int = 0) -> bytes:
    kbits = {3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128), 2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80)}[version]
    rate = (44_100, 48_000, 32_000)[rate_index] // (1 if version == 3 else 2)
    size = (144 if version == 3 else 72) * kbits[bitrate_index] * 1000 // rate + padding
    head = bytes((0xFF, 0xE1 | version << 3 | layer << 1, bitrate_index << 4 | rate_index << 2 | padding << 1, 0))
    return head + bytes(size - 4)


def adts(size: int, rate_index: int = 3) -> bytes:
    head = bytes(
        (0xFF, 0xF1, 1 << 6 | rate_index << 2, 0x40 | size >> 11, size >> 3 & 0xFF, (size & 7) << 5 | 0x1F, 0xFC)
    )
    return head + bytes(size - 7)


def amr(kind: int, lengths: tuple[int, ...] = (13, 14, 16, 18, 20, 21, 27, 32, 6)) -> bytes:
    return bytes((kind << 3 | 4,)) + b"\x55" * (lengths[kind] - 1)


AMR_WIDE = (18, 24, 33, 37, 41, 47, 51, 59, 61, 6)
ID3 = b"ID3\4\0\0\0\0\x02\x05" + b"\xff\xfb\x90\0" * 65 + b"\0"

FRAMED = [
    # Format, what the file begins with, frames, duration of each in milliseconds.
    ("mp3", b"", [mp3(9, n % 2) for n in range(100)], 1152 / 44.1),
    ("mp3", ID3, [mp3(1 + n % 9) for n in range(100)], 1152 / 44.1),
    ("mp3", b"", [mp3(5, version=2, rate_index=1) for _ in range(100)], 576 / 24),
    ("aac", b"", [adts(100 + n * 7 % 300) for n in range(100)], 1024 / 48),
    ("aac", ID3, [adts(200, rate_index=8) for _ in range(100)], 1024 / 16),
    ("amr", b"#!AMR\n", [amr(n % 9) for n in range(100)], 20),
    ("amr", b"#!AMR-WB\n", [amr(n % 10, AMR_WIDE) for n in range(100)], 20),
]


@each_row("audio_format, head, frames, duration", FRAMED)
def test_frames_are_indexed_as_they_go_by(audio_format: str, head: bytes, frames: list[bytes], duration: float) -> None:
    data = head + b"".join(frames)
    starts = [len(head) + sum(map(len, frames[:number])) for number in range(len(frames))]
    for given_format in (audio_format, "auto"):
        for size in (1, 5, 997, len(data)):
            framing = Framing(given_format)
            for at in range(0, len(data), size):
                framing.feed(data[at : at + size])
            assert framing.header == (head if audio_format == "amr" else b"")
            for number in range(2, 98):
                assert framing.ms_of(starts[number]) == pytest.approx(number * duration)
                assert framing.ms_of(starts[number] - 1) == pytest.approx((number - 1) * duration)
                assert framing.byte_of(number * duration) == starts[number]
                # A frame of lead.
                assert framing.start_at(starts[number]) == starts[number - 1]
                assert framing.start_at(starts[number + 1] - 1) == starts[number - 1]
                assert framing.start_at(starts[number], oldest=starts[number] + 1) == starts[number + 1]
            assert framing.start_at(starts[0]) == starts[0]
            assert framing.problem is None
    assert framing.bytes_per_second == pytest.approx(sum(map(len, frames[:98])) * 1000 / (98 * duration), rel=0.1)


# Version and layer as a frame's header has them; a frame's duration in ms, and its bytes for each kbit/s, at 48,000 Hz
# (MPEG 1) or 24,000 Hz; the bit rates in kbit/s.
BIT_RATES = [
    (3, 3, 8, 1, "32 64 96 128 160 192 224 256 288 320 352 384 416 448"),
    (3, 2, 24, 3, "32 48 56 64 80 96 112 128 160 192 224 256 320 384"),
    (3, 1, 24, 3, "32 40 48 56 64 80 96 112 128 160 192 224 256 320"),
    (2, 3, 16, 2, "32 48 56 64 80 96 112 128 144 160 176 192 224 256"),
    (2, 2, 48, 6, "8 16 24 32 40 48 56 64 80 96 112 128 144 160"),
    (2, 1, 24, 3, "8 16 24 32 40 48 56 64 80 96 112 128 144 160"),
]


@each_row("version, layer, duration, bytes_per_kbit, kbits", BIT_RATES)
def test_every_bit_rate_of_mpeg_audio_has_frames_of_its_own_length(
    version: int, layer: int, duration: int, bytes_per_kbit: int, kbits: str
) -> None:
    sizes = [bytes_per_kbit * int(rate) for rate in kbits.split()]
    heads = [bytes((0xFF, 0xE1 | version << 3 | layer << 1, index << 4 | 4, 0)) for index in range(1, 15)]
    framing = Framing("mp3")
    framing.feed(b"".join(head + bytes(size - 4) for head, size in zip(heads, sizes, strict=True)) * 2)

    starts = [sum(sizes[:number]) for number in range(15)]
    assert [framing.ms_of(start) for start in starts] == [number * duration for number in range(15)]


def test_the_frame_that_describes_an_mp3_file_holds_no_audio() -> None:
    described = mp3(9)[:36] + b"Xing" + mp3(9)[40:]
    framing = Framing("mp3")
    framing.feed(described + mp3(9) * 10)
    assert framing.ms_of(len(described)) == 0
    assert framing.ms_of(2 * len(described)) == pytest.approx(1152 / 44.1)


def test_frames_are_found_again_behind_other_bytes() -> None:
    framing = Framing("mp3")
    first, other = mp3(9) * 5, b"no frame \xff\xfb\x90\x00" * 20 + b"."
    framing.feed(first + other + mp3(9) * 5)
    assert framing.ms_of(len(first + other)) == pytest.approx(5 * 1152 / 44.1)
    assert framing.start_at(len(first + other) + 417) == len(first + other)


def test_the_index_is_as_long_as_the_audio_that_is_kept() -> None:
    framing = Framing("amr")
    framing.feed(b"#!AMR\n")
    frame, position = amr(7), 6
    kept = []
    tracemalloc.start()
    for _ in range(20):
        framing.feed(frame * 1000)
        position += 32 * 1000
        framing.forget(position - 32 * 100)
        kept.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert kept[-1] < kept[4] + 20_000
    assert framing.ms_of(position - 32 * 50) == 20 * 19_950
    assert framing.start_at(position - 32 * 100) == position - 32 * 101


# --- what cannot be cut


def audio(kind: str) -> bytes:
    return {
        "flac": b"fLaC\0\0\0\x22",
        "ogg": b"OggS\0\2",
        "webm": b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81",
        "asf": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9",
        "mp4": b"\0\0\0\x20ftypM4A ",
        "headerless": bytes(range(1, 100)),
    }[kind].ljust(64, b"\0")


@each_row("kind", ["flac", "ogg", "webm", "asf"])
def test_containers_are_refused_at_once(kind: str) -> None:
    with pytest.raises(SonioxValidationError, match="cannot be cut"):
        Framing(kind)


@each_row("kind", ["flac", "ogg", "webm", "asf", "mp4", "headerless"])
def test_what_turns_out_to_be_a_container_is_refused_when_it_comes(kind: str) -> None:
    framing = Framing("auto")
    framing.feed(audio(kind)[:11])
    with pytest.raises(SonioxValidationError, match="header" if kind == "headerless" else "cannot be cut"):
        framing.feed(audio(kind)[11:])


def test_another_kind_of_iff_file_is_no_aiff() -> None:
    with pytest.raises(SonioxValidationError, match="audio without a header"):
        Framing("auto").feed(chunk(b"FORM", b"8SVX" + bytes(200_000)))


def damaged() -> Iterator[tuple[str, bytes]]:
    yield "mp3", bytes(200_000)
    yield "aac", audio("mp4") + bytes(200_000)
    yield "aac", adts(200, rate_index=13) * 1000
    yield "amr", b"#!AMR_MC1.0\n" + bytes(200_000)
    yield "wav", bytes(200_000)
    yield "wav", wav(bytes(10))[:20] + b"\x02\0" + wav(bytes(10))[22:] + bytes(200_000)
    yield "aiff", aiff(bytes(200_000), 1, 4, 8000, b"ima4\0\0")
    yield "aiff", aiff(bytes(200_000), 2, 16, 2.0**40)
    yield "aiff", chunk(b"FORM", b"AIFF" + chunk(b"SSND", bytes(200_000)))


@each_row("audio_format, data", damaged())
def test_audio_that_is_not_what_its_format_says(audio_format: str, data: bytes) -> None:
    framing = Framing(audio_format)
    with pytest.raises(SonioxValidationError):
        framing.feed(data)
    restarted = Framing(audio_format, when_container="restart")
    restarted.feed(data)
    assert restarted.is_restart_only
    assert audio_format in str(restarted.problem)


@each_row("kind", ["flac", "ogg", "webm", "asf", "mp4", "headerless"])
def test_what_cannot_be_cut_can_be_sent_again_from_its_start(kind: str) -> None:
    framing = Framing("auto", when_container="restart")
    assert not framing.is_restart_only
    framing.feed(audio(kind))
    framing.feed(audio(kind))
    framing.forget(50)
    assert framing.is_restart_only
    assert framing.problem
    assert (framing.header, framing.start_at(80), framing.byte_of(99), framing.ms_of(80)) == (b"", 0, 0, 0)
