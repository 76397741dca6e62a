from __future__ import annotations

import io
import struct
import wave

import pytest

from soniox_testing import Word


@pytest.fixture
def transcript(client, time):
    """Makes a job, lets it finish, and returns its transcript."""

    def get(**payload):
        job = client.create(**payload).json["id"]
        time.now_sec += 20
        found = client("GET", f"/v1/transcriptions/{job}/transcript").json
        assert found["id"] == job
        assert found["text"] == "".join(token["text"] for token in found["tokens"])
        return found

    return get


def _times(tokens):
    return [time for token in tokens for time in (token["start_ms"], token["end_ms"])]


def test_audio_says_what_it_was_told_to_say(fake, client, transcript):
    fake.add_transcript("hello  extraordinary\nworld, again")
    file_id = client.upload(b"x" * 160_000).json["id"]
    found = transcript(file_id=file_id)
    assert found["text"] == "hello extraordinary world, again"
    assert len(found["tokens"]) > 4, "long words come in pieces"
    times = _times(found["tokens"])
    assert times == sorted(times)
    assert (times[0], times[-1]) == (0, 10_000)
    for token in found["tokens"]:
        assert token["confidence"] == 0.98
        assert [token[name] for name in ("speaker", "language", "is_audio_event", "translation_status")] == [None] * 4


def test_transcripts_are_used_once_and_in_order(fake, transcript):
    fake.add_transcript("first")
    fake.add_transcript("second")
    assert [transcript()["text"] for _ in range(2)] == ["first", "second"]
    assert transcript()["text"] not in {"first", "second"}


def test_transcripts_find_their_audio(fake, client, transcript):
    fake.add_transcript("by name", filename="b.mp3")
    fake.add_transcript("by reference", client_reference_id="r1")
    fake.add_transcript("by file reference", client_reference_id="r2")
    fake.add_transcript("by both", filename="b.mp3", client_reference_id="r3")
    fake.add_transcript("any")
    assert transcript(audio_url="http://h/x/b.mp3?q")["text"] == "by name"
    assert transcript(audio_url="http://h/x/b.mp3")["text"] == "any"
    file_id = client.upload(filename="b.mp3", client_reference_id="r2").json["id"]
    assert transcript(file_id=file_id)["text"] == "by file reference"
    assert transcript(file_id=file_id, client_reference_id="r3")["text"] == "by both"
    assert transcript(client_reference_id="r1")["text"] == "by reference"


def test_the_next_job_fails_although_transcripts_wait(fake, client, time, transcript):
    fake.add_transcript("kept for the next one")
    fake.fail_next_job("model_not_available", "Gone.")
    path = f"/v1/transcriptions/{client.create().json['id']}"
    time.now_sec += 10
    assert client("GET", path).json["status"] == "processing"
    time.now_sec += 10
    assert client("GET", path).json["error_type"] == "model_not_available"
    assert transcript()["text"] == "kept for the next one"


def test_speakers_and_languages_are_shown_when_asked_for(fake, transcript):
    words = [Word("Hi", speaker="2"), Word("hola", language="es", confidence=0.5)]
    for _ in range(4):
        fake.add_transcript(words)
    options = {"speaker": "enable_speaker_diarization", "language": "enable_language_identification"}
    for names in ((), ("speaker",), ("language",), ("speaker", "language")):
        tokens = transcript(language_hints=["fr", "de"], **{options[name]: True for name in names})["tokens"]
        assert [token["speaker"] for token in tokens] == (["2", "1"] if "speaker" in names else [None, None])
        assert [token["language"] for token in tokens] == (["fr", "es"] if "language" in names else [None, None])
        assert [token["confidence"] for token in tokens] == [0.98, 0.5]


def test_given_times_are_kept_and_the_others_fit_between(fake, transcript):
    fake.add_transcript(
        [
            Word("a"),
            Word("b"),
            Word("c", 1000, 1200),
            Word("d", start_ms=1500),
            Word("e", end_ms=1700),
            Word("f"),
        ]
    )
    tokens = transcript(audio_url="http://h/a.mp3")["tokens"]
    assert _times(tokens)[:10] == [0, 500, 500, 1000, 1000, 1200, 1500, 1700, 1700, 1700]
    assert _times(tokens)[10] == 1700
    assert _times(tokens)[11] >= 3000, "a URL has at least three seconds"


def test_times_may_be_later_than_the_audio_ends(fake, client, transcript):
    fake.add_transcript([Word("late", 5000, 6000), Word("later")])
    file_id = client.upload(b"x" * 16_000).json["id"]
    assert _times(transcript(file_id=file_id)["tokens"]) == [5000, 6000, 6000, 6000]


def test_punctuation_and_own_spaces_get_no_space(fake, transcript):
    fake.add_transcript([Word("Yes"), Word(","), Word(" no"), Word("!"), Word("(ok"), Word(")")])
    assert transcript()["text"] == "Yes, no! (ok)"


def test_silence_can_be_told(fake, transcript):
    fake.add_transcript("")
    found = transcript(translation={"type": "one_way", "target_language": "es"})
    assert (found["text"], found["tokens"]) == ("", [])


@pytest.mark.parametrize(
    "arguments",
    [
        {"text": ""},
        {"text": "a", "confidence": 1.1},
        {"text": "a", "start_ms": -1},
        {"text": "a", "start_ms": 5, "end_ms": 4},
        {"text": "a", "end_ms": -1},
    ],
)
def test_an_impossible_word_is_refused(arguments):
    with pytest.raises(ValueError, match="Word"):
        Word(**arguments)


def test_words_in_the_wrong_order_are_refused(fake):
    with pytest.raises(ValueError, match="'b' is at 50 ms"):
        fake.add_transcript([Word("a", 100, 200), Word("b", 50)])


def test_one_way_translation_follows_each_sentence(fake, transcript):
    fake.add_transcript([Word("good"), Word("morning"), Word("hola", language="es")])
    found = transcript(translation={"type": "one_way", "target_language": "es"})
    seen = [(token["text"], token["translation_status"], token["language"]) for token in found["tokens"]]
    assert seen == [
        ("good", "original", "en"),
        (" mor", "original", "en"),
        ("ning", "original", "en"),
        (" hola", "none", "es"),
        (" es:good", "translation", "es"),
        (" es:morning", "translation", "es"),
    ]


def test_two_way_translation_goes_both_ways(fake, transcript):
    fake.add_transcript([Word("yes", language="en"), Word("sí", language="es"), Word("oui", language="fr")])
    tokens = transcript(translation={"type": "two_way", "language_a": "en", "language_b": "es"})["tokens"]
    assert [(token["text"], token["translation_status"]) for token in tokens] == [
        ("yes", "original"),
        (" sí", "original"),
        (" oui", "none"),
        (" es:yes", "translation"),
        (" en:sí", "translation"),
    ]


def test_the_same_audio_says_the_same(fake, client, transcript):
    fake.audio = "any"
    first, again, other = (
        client.upload(content).json["id"] for content in (b"a" * 64_000, b"a" * 64_000, b"b" * 64_000)
    )
    options = {"enable_speaker_diarization": True}
    tokens = transcript(file_id=first, **options)["tokens"]
    assert transcript(file_id=again, **options)["tokens"] == tokens
    assert transcript(file_id=other, **options)["tokens"] != tokens
    words = "".join(token["text"] for token in tokens).split()
    assert len(words) == 10, "2.5 words a second"
    assert {token["speaker"] for token in tokens} == {"1", "2"}
    times = _times(tokens)
    assert times == sorted(times)
    assert times[-1] == 4000
    assert all(0 <= token["confidence"] <= 1 for token in tokens)


def test_the_same_url_says_the_same(transcript):
    assert transcript(audio_url="http://h/1")["tokens"] == transcript(audio_url="http://h/1")["tokens"]
    assert transcript(audio_url="http://h/1")["tokens"] != transcript(audio_url="http://h/2")["tokens"]


def _wav(rate, channels, width, frames):
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setframerate(rate)
        writer.setnchannels(channels)
        writer.setsampwidth(width)
        writer.writeframes(b"\0" * frames * channels * width)
    return file.getvalue()


def _riff(tag, rate, channels, bits, data, *, size=None, extra=b"", before=b"", byte_rate=None, magic=b"RIFF"):
    frame = channels * bits // 8
    fmt = struct.pack("<HHIIHH", tag, channels, rate, rate * frame if byte_rate is None else byte_rate, frame, bits)
    fmt += extra
    chunks = b"fmt " + struct.pack("<I", len(fmt)) + fmt + before
    chunks += b"data" + struct.pack("<I", len(data) if size is None else size) + data
    return magic + struct.pack("<I", 0xFFFFFFFF) + b"WAVE" + chunks


_LIST = b"LIST" + struct.pack("<I", 5) + b"odd!!\0"


@pytest.mark.parametrize(
    ("content", "duration_ms"),
    [
        (_wav(16_000, 1, 2, 24_000), 1500),
        (_wav(44_100, 2, 2, 44_100), 1000),
        (_riff(3, 8000, 1, 32, b"\0" * 64_000), 2000),
        (_riff(7, 8000, 1, 8, b"\0" * 4000), 500),
        (_riff(6, 8000, 2, 8, b"\0" * 16_000), 1000),
        (_riff(0xFFFE, 48_000, 2, 24, b"\0" * 288_000, extra=struct.pack("<HHI16s", 22, 24, 3, b"")), 1000),
        (_riff(1, 16_000, 1, 16, b"\0" * 32_000, before=_LIST), 1000),
        (_riff(1, 16_000, 1, 16, b"\0" * 32_000, size=0), 1000),
        (_riff(1, 16_000, 1, 16, b"\0" * 32_000, size=0xFFFFFFFF), 1000),
        (_riff(1, 16_000, 1, 16, b"\0" * 32_000, size=0x7FFFFFFF), 1000),
        (_riff(1, 16_000, 1, 16, b"\0" * 32_000, size=0xFFFFFFFF, magic=b"RF64"), 1000),
        (_riff(1, 16_000, 1, 16, b"\0" * 32_000 + _LIST, size=32_000), 1000),
        (_riff(1, 16_000, 1, 16, b"\0" * 32_000, byte_rate=0), 1000),
        (_riff(1, 0, 0, 0, b"\0" * 15_956), 1000),
        (b"RIFF\0\0\0\0WAVE" + b"data" + b"\0" * 15_984, 1000),
        (b"RIFF\0\0\0\0WAVEfmt ", 100),
        (b"RIFF\0\0\0\0AVI " + b"\0" * 31_988, 2000),
        (b"ID3" + b"\0" * 47_997, 3000),
        (_wav(16_000, 1, 2, 0), 100),
        (b"", 100),
        (b"RI", 100),
    ],
)
def test_the_duration_is_read_from_the_header_or_guessed_from_the_size(fake, client, time, content, duration_ms):
    fake.audio = "any"
    path = f"/v1/transcriptions/{client.create(file_id=client.upload(content).json['id']).json['id']}"
    time.now_sec += 20
    assert client("GET", path).json["audio_duration_ms"] == duration_ms
    assert client("GET", f"{path}/transcript").json["text"]
