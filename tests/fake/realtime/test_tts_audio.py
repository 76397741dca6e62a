"""Synthetic audio: every format can be decoded, or parsed frame by frame, and has the right length."""

from __future__ import annotations

import io
import itertools
import math
import struct
import time
import wave

import pytest

from soniox_testing.speaking.synthesis import AUDIO_FORMATS, CHARACTERS_PER_SEC, Sound, Synthesizer

from ...support.tables import each_row

TEXT = "The quick brown fox jumps over 13 lazy dogs. Grüße, 世界!"
ALL = [(name, rate) for name, known in AUDIO_FORMATS.items() for rate in known.sample_rates]
EXACT = ("pcm_", "wav", "flac", "opus")


def spoken(name, rate, *, text=TEXT, bitrate=None, voice="Adrian", speed=1.0, cut=None, longest_sec=120.0):
    """The audio of a text that is added in pieces of ``cut`` characters, and its synthesizer."""
    synthesizer = Synthesizer(Sound(name, rate, bitrate, voice, speed), longest_sec)
    pieces = [
        synthesizer.say(text[at : at + (cut or len(text))]) for at in range(0, len(text), cut or max(len(text), 1))
    ]
    return b"".join(piece.audio for piece in pieces) + synthesizer.end(), synthesizer


def seconds(name, rate, data):
    """The duration of audio by its frames, each of which is checked."""
    if name.startswith("pcm_"):
        width = {"pcm_f32le": 4, "pcm_mulaw": 1, "pcm_alaw": 1}.get(name, 2)
        assert len(data) % width == 0
        return len(data) / width / rate
    return {"wav": _wav, "mp3": _mp3, "aac": _aac, "flac": _flac, "opus": _opus}[name](rate, data)


def _wav(rate, data):
    with wave.open(io.BytesIO(data)) as reader:
        assert (reader.getframerate(), reader.getnchannels(), reader.getsampwidth()) == (rate, 1, 2)
        return len(reader.readframes(reader.getnframes())) / 2 / rate


def _mp3(rate, data):
    kbits = {
        3: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        2: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    }
    at = frames = 0
    while at < len(data):
        (header,) = struct.unpack_from(">I", data, at)
        assert header >> 21 == 0x7FF
        version, layer, unprotected = header >> 19 & 3, header >> 17 & 3, header >> 16 & 1
        assert (layer, unprotected, header >> 6 & 3) == (1, 1, 3)  # layer III, without a checksum, mono
        assert [44_100, 48_000, 32_000][header >> 10 & 3] // {3: 1, 2: 2}[version] == rate
        samples = {3: 1152, 2: 576}[version]
        size = samples // 8 * kbits[version][header >> 12 & 15] * 1000 // rate + (header >> 9 & 1)
        assert not any(data[at + 4 : at + size])
        at += size
        frames += 1
    assert at == len(data)
    return frames * samples / rate


def _aac(rate, data):
    at = frames = 0
    while at < len(data):
        fields = int.from_bytes(data[at : at + 7], "big")
        assert fields >> 44 == 0xFFF
        assert [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000][fields >> 34 & 15] == rate
        assert (fields >> 38 & 3, fields >> 30 & 7) == (1, 1)  # AAC-LC, one channel
        assert fields & 0x1FFF == 0x7FF << 2  # a variable bit rate, one block
        at += fields >> 13 & 0x1FFF
        frames += 1
    assert at == len(data)
    return frames * 1024 / rate


def _crc(data, bits, polynomial):
    value = 0
    for byte in data:
        for shift in range(7, -1, -1):
            top = value >> bits - 1 & 1 ^ byte >> shift & 1
            value = (value << 1 & (1 << bits) - 1) ^ (polynomial if top else 0)
    return value


def _flac(rate, data):
    assert data[:8] == b"fLaC\x80\x00\x00\x22"
    assert int.from_bytes(data[18:21], "big") >> 4 == rate
    at, samples = 8 + 34, 0
    for number in itertools.count():
        if at == len(data):
            return samples / rate
        begin = at
        assert data[at : at + 4] == b"\xff\xf8\x70\x08"
        coded = chr(number).encode()
        assert data[at + 4 : at + 4 + len(coded)] == coded
        at += 4 + len(coded)
        samples += int.from_bytes(data[at : at + 2], "big") + 1
        at += 2
        assert data[at] == _crc(data[begin:at], 8, 0x07)
        assert data[at + 1 : at + 4] == b"\0\0\0"  # a constant subframe
        at += 4
        assert int.from_bytes(data[at : at + 2], "big") == _crc(data[begin:at], 16, 0x8005)
        at += 2
    raise AssertionError


def _opus(rate, data):
    at, position = 0, 0
    for number in itertools.count():
        magic, version, flags, position, _, page, crc, count = struct.unpack_from("<4sBBqIIIB", data, at)
        assert (magic, version, page) == (b"OggS", 0, number)
        sizes = data[at + 27 : at + 27 + count]
        end = at + 27 + count + sum(sizes)
        assert crc == _crc(data[at : at + 22] + bytes(4) + data[at + 26 : end], 32, 0x04C11DB7)
        body = data[at + 27 + count : end]
        if number == 0:
            assert body[:8] == b"OpusHead"
            assert struct.unpack_from("<I", body, 12)[0] == rate
        elif number == 1:
            assert body[:8] == b"OpusTags"
        else:
            assert body == b"\xf8\xff\xfe" * count
        at = end
        # Only the first and the last page are marked.
        assert flags == (2 if number == 0 else 4 if at == len(data) else 0)
        if at == len(data):
            return position / 48_000
    raise AssertionError


@each_row(("name", "rate"), ALL)
def test_every_format_is_as_long_as_its_text(name, rate):
    data, synthesizer = spoken(name, rate)
    wanted = len(TEXT) / CHARACTERS_PER_SEC
    frame = 0 if name.startswith(EXACT) else 1152
    assert wanted - 1 / rate <= seconds(name, rate, data) <= wanted + (frame + 1) / rate
    assert synthesizer.duration_ms == int(round(wanted * rate) * 1000 / rate)


@each_row("name", AUDIO_FORMATS)
def test_how_a_text_is_cut_changes_nothing(name):
    rate = AUDIO_FORMATS[name].sample_rates[-1]
    whole, _ = spoken(name, rate)
    for cut in (1, 5):
        assert spoken(name, rate, cut=cut)[0] == whole


def test_how_a_text_is_cut_changes_nothing_where_lower_case_is_longer_or_depends_on_its_neighbours():
    for text in ("İstanbul'da İyi Günler", "ΟΔΥΣΣΕΥΣ ΣΟΦΟΣ", "ẞ Ŵ 素早い 🦊 e\u0301"):
        whole, _ = spoken("pcm_s16le", 8000, text=text)
        for cut in (1, 5):
            assert spoken("pcm_s16le", 8000, text=text, cut=cut)[0] == whole, text


@each_row("name", AUDIO_FORMATS)
def test_no_text_makes_no_sound(name):
    assert spoken(name, AUDIO_FORMATS[name].sample_rates[0], text="")[0] == b""


@each_row("rate", [16_000, 44_100])
@each_row("bitrate", AUDIO_FORMATS["mp3"].bitrates)
def test_mp3_has_the_bitrate_asked_for(rate, bitrate):
    assert bitrate % 1000 == 0
    data, _ = spoken("mp3", rate, bitrate=bitrate)
    # Low sample rates are MPEG-2, whose highest bitrate is 160 kbit/s.
    most = bitrate if rate == 44_100 else min(bitrate, 160_000)
    assert len(data) * 8 / seconds("mp3", rate, data) == pytest.approx(most, rel=0.01)


def test_text_voice_and_speed_are_heard():
    data, _ = spoken("pcm_s16le", 8000)
    samples = struct.unpack(f"<{len(data) // 2}h", data)
    assert 8000 < max(samples) < 12_000
    assert samples[3 * 571 + 50 : 4 * 571 - 50] == (0,) * 471  # the space after "The"
    assert spoken("pcm_s16le", 8000, voice="Grace")[0] != data
    assert spoken("pcm_s16le", 8000, text=TEXT[::-1])[0] != data
    assert len(spoken("pcm_s16le", 8000, speed=0.7)[0]) == pytest.approx(len(data) / 0.7, abs=4)


def test_the_pcm_formats_say_the_same():
    data, _ = spoken("pcm_s16le", 8000)
    exact = [sample / 32_767 for sample in struct.unpack(f"<{len(data) // 2}h", data)]
    assert struct.unpack(f">{len(exact)}h", spoken("pcm_s16be", 8000)[0]) == struct.unpack(f"<{len(exact)}h", data)
    floats = struct.unpack(f"<{len(exact)}f", spoken("pcm_f32le", 8000)[0])
    assert all(math.isclose(one, other, abs_tol=1e-4) for one, other in zip(floats, exact, strict=True))
    for name, decode in (("pcm_mulaw", _from_mulaw), ("pcm_alaw", _from_alaw)):
        for code, sample in zip(spoken(name, 8000)[0], exact, strict=True):
            # Steps of G.711 grow with the value: half of one is at most a thirtieth of it, and then there is rounding.
            assert decode(code) == pytest.approx(sample, rel=0.04, abs=1e-3), name
    silent = exact.index(0)
    assert [spoken(name, 8000)[0][silent] for name in ("pcm_mulaw", "pcm_alaw")] == [0xFF, 0xD5]


def _from_mulaw(code):
    """G.711, table 2a: 14 bits."""
    code ^= 0xFF
    magnitude = (((code & 15) << 1) + 33 << (code >> 4 & 7)) - 33
    return (-magnitude if code & 0x80 else magnitude) / 8191


def _from_alaw(code):
    """G.711, table 1a: 13 bits."""
    code ^= 0x55
    exponent, mantissa = code >> 4 & 7, code & 15
    magnitude = (mantissa << 1) + 1 if exponent == 0 else (mantissa << 1) + 33 << exponent - 1
    return (magnitude if code & 0x80 else -magnitude) / 4096


def test_times_run_from_the_first_sample_to_the_last():
    synthesizer = Synthesizer(Sound("pcm_s16le", 44_100, None, "Adrian", 1.3), 120.0)
    pieces = [synthesizer.say(TEXT[:20]), synthesizer.say(TEXT[20:])]
    starts = [sec for piece in pieces for sec in piece.starts_sec]
    ends = [sec for piece in pieces for sec in piece.ends_sec]
    assert (starts[0], starts[1:]) == (0.0, ends[:-1])
    assert "".join(piece.characters for piece in pieces) == TEXT
    assert ends[-1] == pytest.approx(sum(len(piece.audio) for piece in pieces) / 2 / 44_100, abs=1e-6)


def test_what_is_too_long_is_cut_off():
    data, synthesizer = spoken("pcm_s16le", 8000, text="a" * 100, longest_sec=1.0)
    assert synthesizer.is_full
    assert len(data) / 16_000 == 1.0
    assert not spoken("pcm_s16le", 8000, text="a" * 14, longest_sec=1.0)[1].is_full


def test_long_texts_take_no_time():
    spoken("wav", 48_000)  # the tones are made once
    begin = time.process_time()
    data, _ = spoken("wav", 48_000, text="a" * 5000, cut=7)
    assert time.process_time() - begin < 10.0
    assert len(data) == 44 + 120 * 96_000
