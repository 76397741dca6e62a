"""From audio time to messages, without a session."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from soniox_testing import Word
from soniox_testing.hearing.audio_meter import AudioFormat, meter_for
from soniox_testing.hearing.lively import LivelyRecognizer
from soniox_testing.hearing.recognition import Recognizer, source_of
from soniox_testing.realtime.stt_config import config_of
from soniox_testing.script.transcripts import words_of
from soniox_testing.wire.realtime_errors import RealtimeError
from tests.fake.stt_client import AUDIO_FORMAT, START, finals, text_of

from ...support.tables import each_row


def recognizer(words=None, style=Recognizer, **settings):
    config = config_of({**START, **settings})
    return style(config, source_of(config, None if words is None else words_of(words)))


def run(audio_ms, words=None, **settings):
    recognition = recognizer(words, **settings)
    return [*recognition.advance(audio_ms), *recognition.finish(audio_ms)]


def texts(messages):
    return [token["text"] for token in finals(messages)]


_CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "enable_endpoint_detection": st.just(True),
        "enable_speaker_diarization": st.just(True),
        "enable_non_final_tokens": st.booleans(),
        "max_endpoint_delay_ms": st.integers(500, 3000),
        "max_non_final_tokens_duration_ms": st.integers(360, 6000),
        "translation": st.sampled_from(
            [
                {"type": "one_way", "target_language": "de"},
                {"type": "two_way", "language_a": "en", "language_b": "es"},
            ]
        ),
    },
)


@st.composite
def _scripts(draw):
    if draw(st.booleans()):
        return None
    words, now_ms = [], 0
    for _ in range(draw(st.integers(0, 12))):
        text = draw(st.sampled_from(["a", "seven", "incomprehensible", ".", "done.", "Why?"]))
        timed = draw(st.booleans())
        if timed:
            start_ms = now_ms + draw(st.integers(0, 3000))
            now_ms = start_ms + draw(st.integers(0, 900))
            words.append(Word(text, start_ms=start_ms, end_ms=now_ms))
        else:
            words.append(Word(text))
    return words


_STYLES = st.sampled_from([Recognizer, LivelyRecognizer])
# Pieces of audio in milliseconds, and None for a finalize call.
_STREAMS = st.lists(st.one_of(st.integers(1, 3000), st.none()), min_size=1, max_size=15)


def _play(stream, script, config, cut, style=Recognizer):
    """The messages of a stream, whose audio ``cut`` divides further."""
    recognition = recognizer(script, style, **config)
    messages, now_ms = [], 0
    for part in stream:
        if part is None:
            messages += recognition.finalize(now_ms)
            continue
        end_ms = now_ms + part
        while now_ms < end_ms:
            now_ms = min(now_ms + cut, end_ms)
            messages += recognition.advance(now_ms)
    return messages + recognition.finish(now_ms)


@given(stream=_STREAMS, script=_scripts(), config=_CONFIGS, cut=st.integers(1, 500), style=_STYLES)
def test_the_messages_are_the_same_however_the_audio_is_cut(stream, script, config, cut, style):
    assert _play(stream, script, config, cut, style) == _play(stream, script, config, 10**9, style)


@given(stream=_STREAMS, script=_scripts(), config=_CONFIGS, style=_STYLES)
def test_the_promises_of_the_protocol_hold(stream, script, config, style):
    messages = _play(stream, script, config, 10**9, style)
    for message in messages:
        flags = [token["is_final"] for token in message["tokens"]]
        assert flags == sorted(flags, reverse=True), "finals first"
        assert 0 <= message["final_audio_proc_ms"] <= message["total_audio_proc_ms"]
    for name in ("final_audio_proc_ms", "total_audio_proc_ms"):
        counted = [message[name] for message in messages]
        assert counted == sorted(counted)
    total_ms = sum(part for part in stream if part)
    assert messages[-1] == {
        "tokens": [],
        "final_audio_proc_ms": total_ms,
        "total_audio_proc_ms": total_ms,
        "finished": True,
    }
    assert all("finished" not in message for message in messages[:-1])
    assert texts(messages).count("<fin>") == stream.count(None)
    timed = [token for token in finals(messages) if "start_ms" in token]
    assert all(token["start_ms"] <= token["end_ms"] <= total_ms for token in timed)
    starts = [token["start_ms"] for token in timed]
    assert starts == sorted(starts)
    # Each word becomes final once: the originals are the beginning of the script.
    said = "".join(token["text"] for token in timed)
    if script is not None:
        whole = text_of(run(10**6, script))
        assert whole.startswith(said)
        if not any(word.start_ms is not None for word in script):
            assert said == whole


@given(stream=_STREAMS, script=_scripts(), style=_STYLES)
def test_no_draft_stands_before_a_final_of_its_time(stream, script, style):
    for message in _play(stream, script, {}, 10**9, style):
        starts = [token["start_ms"] for token in message["tokens"] if "start_ms" in token]
        assert starts == sorted(starts)
        for token in message["tokens"]:
            if not token["is_final"]:
                assert token["start_ms"] >= 0
                assert token["end_ms"] <= message["total_audio_proc_ms"]


def test_words_are_drafts_first_and_final_a_second_later():
    messages = run(3000, [Word("Yes.", start_ms=100, end_ms=300)])
    drafts = [message for message in messages if any(not token["is_final"] for token in message["tokens"])]
    assert drafts[0]["total_audio_proc_ms"] == 360
    assert {json.dumps(message["tokens"]) for message in drafts} == {
        json.dumps([{"text": "Yes", "start_ms": 100, "end_ms": 300, "confidence": 0.882, "is_final": False}])
    }
    (final,) = [message for message in messages if finals([message])]
    assert final["tokens"] == [{"text": "Yes.", "start_ms": 100, "end_ms": 300, "confidence": 0.98, "is_final": True}]
    assert (final["final_audio_proc_ms"], final["total_audio_proc_ms"]) == (300, 1320)
    assert [message["total_audio_proc_ms"] for message in drafts] == list(range(360, 1320, 120))


def test_silence_makes_an_empty_message_now_and_then():
    messages = run(5000, [])
    assert [message["total_audio_proc_ms"] for message in messages[:-1]] == [960, 1920, 2880, 3840, 4800]
    assert {json.dumps(message["tokens"]) for message in messages} == {"[]"}
    assert {message["final_audio_proc_ms"] for message in messages[:-1]} == {0}


def test_drafts_may_be_switched_off():
    messages = run(6000, enable_non_final_tokens=False)
    assert all(token["is_final"] for message in messages for token in message["tokens"])
    assert text_of(messages) == text_of(run(6000))


def test_words_may_become_final_sooner():
    messages = run(3000, [Word("Yes", start_ms=0, end_ms=200)], max_non_final_tokens_duration_ms=360)
    (final,) = [message for message in messages if finals([message])]
    assert final["total_audio_proc_ms"] == 600


def test_a_script_without_times_is_spoken_at_the_usual_pace_and_completed_at_the_end():
    spoken = finals(run(2000, "one two three four five six seven eight"))
    assert [token["start_ms"] for token in spoken[:5]] == [0, 400, 800, 1200, 1600]
    assert "".join(token["text"] for token in spoken) == "one two three four five six seven eight"
    assert spoken[-1]["end_ms"] == 2000


def test_given_times_hold():
    script = [Word("one", start_ms=500, end_ms=700), Word("two"), Word("three", start_ms=900), Word("four")]
    spoken = finals(run(5000, script))
    assert [(token["text"], token["start_ms"]) for token in spoken] == [
        ("one", 500),
        (" two", 700),
        (" three", 900),
        (" four", 1240),
    ]
    assert text_of(run(800, script)) == "one two"
    # A word whose end is not given ends where the next one begins.
    spoken = finals(run(5000, [Word("one", start_ms=500), Word("two", start_ms=600, end_ms=700)]))
    assert [(token["start_ms"], token["end_ms"]) for token in spoken] == [(500, 600), (600, 700)]


def test_sound_of_its_own_never_ends_and_depends_on_nothing_but_the_reference():
    long = run(60_000)
    assert 100 < len(text_of(long).split()) < 120
    assert text_of(long).startswith(text_of(run(30_000))[:-1].rsplit(" ", 1)[0])
    assert text_of(run(60_000, client_reference_id="other")) != text_of(long)
    assert text_of(run(1)) != ""


def test_an_endpoint_follows_each_sentence():
    messages = run(12_000, enable_endpoint_detection=True)
    ends = [message for message in messages if "<end>" in texts([message])]
    # A sentence takes 8 words of 400 ms, and the pause after it 1200.
    assert [message["total_audio_proc_ms"] for message in ends] == [3740, 8140]
    for message in ends:
        assert message["tokens"][-1] == {"text": "<end>", "is_final": True}
        assert message["final_audio_proc_ms"] == message["total_audio_proc_ms"]
    assert "<end>" not in texts(run(12_000))


@pytest.mark.parametrize(("delay_ms", "found"), [(500, True), (2000, True), (2500, False), (None, True)])
def test_an_endpoint_follows_a_silence_of_the_longest_delay(delay_ms, found):
    script = [Word("well", start_ms=0, end_ms=300), Word("then", start_ms=2300, end_ms=2600)]
    messages = run(3000, script, enable_endpoint_detection=True, max_endpoint_delay_ms=delay_ms)
    assert (texts(messages)[:3] == ["well", "<end>", " then"]) is found
    if found:
        end = next(message for message in messages if "<end>" in texts([message]))
        assert 300 < end["total_audio_proc_ms"] <= 300 + (delay_ms or 2000)


def test_an_endpoint_comes_once_after_the_last_word():
    messages = run(60_000, "That is all.", enable_endpoint_detection=True)
    assert text_of(messages) == "That is all.<end>"
    assert messages[-1]["tokens"] == []


def test_finalize_makes_everything_final_and_goes_on():
    recognition = recognizer("one two three four five")
    before = recognition.advance(1000)
    (message,) = recognition.finalize(1000)
    assert text_of([*before, message]) == "one two three<fin>"
    assert message["tokens"][-1] == {"text": "<fin>", "is_final": True}
    assert (message["final_audio_proc_ms"], message["total_audio_proc_ms"]) == (1000, 1000)
    (again,) = recognition.finalize(1000)
    assert [token["text"] for token in again["tokens"]] == ["<fin>"]
    assert text_of([*recognition.advance(4000), *recognition.finish(4000)]) == " four five"


def test_finalize_before_any_audio():
    (message,) = recognizer().finalize(0)
    assert message == {
        "tokens": [{"text": "<fin>", "is_final": True}],
        "final_audio_proc_ms": 0,
        "total_audio_proc_ms": 0,
    }


def test_speakers_and_languages_only_where_asked_for():
    script = [Word("Hi", speaker="2"), Word("ho", language="de")]
    keys = {"text", "start_ms", "end_ms", "confidence", "is_final"}
    assert all(token.keys() == keys for token in finals(run(3000, script)))
    spoken = finals(run(3000, script, enable_speaker_diarization=True))
    assert [token["speaker"] for token in spoken] == ["2", "1"]
    spoken = finals(run(3000, script, enable_language_identification=True, language_hints=["fr", "de"]))
    assert [token["language"] for token in spoken] == ["fr", "de"]


def test_a_one_way_translation_follows_its_originals():
    script = [Word("Guten", language="de"), Word("Tag.", language="de"), Word("Hello", language="en")]
    spoken = finals(run(5000, script, translation={"type": "one_way", "target_language": "en"}))
    assert [(token["text"], token["translation_status"], token["language"]) for token in spoken] == [
        ("Guten", "original", "de"),
        (" Tag.", "original", "de"),
        (" en:Guten", "translation", "en"),
        (" en:Tag.", "translation", "en"),
        (" Hello", "none", "en"),
    ]
    assert spoken[2].keys() == {"text", "is_final", "translation_status", "language", "source_language"}
    assert spoken[2]["source_language"] == "de"


def test_drafts_are_translated_too():
    messages = run(2000, "one two three four five", translation={"type": "one_way", "target_language": "es"})
    drafted = [
        [token["text"] for token in message["tokens"] if not token["is_final"]]
        for message in messages
        if any(token.get("translation_status") == "translation" for token in message["tokens"])
    ]
    assert drafted[0][-4:] == [" es:one", " es:two", " es:three", " es:four"]


def test_a_two_way_translation_goes_both_ways():
    settings = {"type": "two_way", "language_a": "en", "language_b": "fr"}
    spoken = finals(run(12_000, translation=settings, enable_speaker_diarization=True))
    pairs = {(token.get("source_language"), token["language"]) for token in spoken}
    assert pairs == {(None, "en"), (None, "fr"), ("en", "fr"), ("fr", "en")}
    assert {token["speaker"] for token in spoken} == {"1", "2"}
    third = finals(run(1000, [Word("Ja", language="de")], translation=settings))
    assert [token["translation_status"] for token in third] == ["none"]


@pytest.mark.parametrize(
    ("limits", "translated"),
    [
        ({}, {"de", "fr"}),
        ({"source_languages": ["*"]}, {"de", "fr"}),
        ({"source_languages": ["de"]}, {"de"}),
        ({"exclude_source_languages": ["de"]}, {"fr"}),
    ],
)
def test_translation_may_be_limited_to_some_sources(limits, translated):
    script = [Word("Ja", language="de"), Word("oui", language="fr")]
    spoken = finals(run(1000, script, translation={"type": "one_way", "target_language": "en", **limits}))
    assert {token["source_language"] for token in spoken if "source_language" in token} == translated


def test_speech_without_hints_is_something_to_translate():
    spoken = finals(run(3000, translation={"type": "one_way", "target_language": "en"}))
    assert {token["translation_status"] for token in spoken} == {"original", "translation"}


@each_row(
    ("audio_format", "bytes_per_second"),
    [
        (("pcm_s16le", 16_000, 1), 32_000),
        (("s16le", 16_000, 2), 64_000),
        (("pcm_s8", 8000, 1), 8000),
        (("pcm_u24be", 48_000, 2), 288_000),
        (("pcm_f64le", 8000, 1), 64_000),
        (("mulaw", 8000, 1), 8000),
        (("alaw", 8000, 2), 16_000),
        (("mp3", None, None), 16_000),
        (("auto", None, None), 16_000),
    ],
)
def test_audio_time_follows_from_the_format(audio_format, bytes_per_second):
    name, sample_rate, num_channels = audio_format
    meter = meter_for(
        config_of(
            {**START, "audio_format": name, "sample_rate": sample_rate, "num_channels": num_channels}
        ).audio_format,
        strict=False,
    )
    assert [meter.add(b"x" * bytes_per_second), meter.add(b"x" * (bytes_per_second // 2))] == [1000, 1500]


def wav(data_bytes=16_000, stated_bytes=None, extra=b""):
    rate, channels, width = 8000, 1, 2
    form = b"fmt " + (16).to_bytes(4, "little") + (1).to_bytes(2, "little") + channels.to_bytes(2, "little")
    form += rate.to_bytes(4, "little") + (rate * channels * width).to_bytes(4, "little")
    form += (channels * width).to_bytes(2, "little") + (8 * width).to_bytes(2, "little")
    stated = data_bytes if stated_bytes is None else stated_bytes
    return b"RIFF\0\0\0\0WAVE" + extra + form + b"data" + stated.to_bytes(4, "little") + b"\1" * data_bytes


@each_row("name", ["wav", "auto"])
@each_row("cut", [1, 7, 44, 45, 100_000])
@each_row("stated", [None, 0, 0xFFFFFFFF, 8000])
def test_a_wav_stream_is_timed_by_its_header(name, cut, stated):
    content = wav(stated_bytes=stated, extra=b"LIST\3\0\0\0abc\0")
    meter = meter_for(AudioFormat(name, None, None, None), strict=True)
    times = [meter.add(content[start : start + cut]) for start in range(0, len(content), cut)]
    assert times[-1] == (500 if stated == 8000 else 1000)
    assert all(before <= after for before, after in pairwise(times))


@pytest.mark.parametrize(
    ("name", "content", "error_type"),
    [
        ("auto", bytes(1000), "request_timeout"),
        ("wav", bytes(1000), "invalid_request"),
        ("wav", b"RIFF\0\0\0\0WAVEdata\0\0\0\0", "invalid_request"),
        ("auto", b"RIFF\0\0\0\0WAVE" + b"junk\0\0\1\0" + bytes(70_000), "invalid_request"),
    ],
)
def test_audio_without_a_usable_header_is_refused_on_request(name, content, error_type):
    with pytest.raises(RealtimeError) as caught:
        meter_for(AudioFormat(name, None, None, None), strict=True).add(content)
    assert caught.value.error_type == error_type


@pytest.mark.parametrize("content", [b"OggS", b"fLaC", b"ID3\4", b"\xff\xfb", b"\x1a\x45\xdf\xa3", b"#!AMR\n"])
def test_known_containers_are_no_garbage(content):
    assert meter_for(AudioFormat("auto", None, None, None), strict=True).add(content.ljust(16_000, b"\0")) == 1000


def test_the_formats_of_the_tests_agree():
    assert AUDIO_FORMAT.items() <= START.items()
