"""Translating recordings: what the shortcuts send and refuse, and originals beside their translations."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
import soniox.errors
from hypothesis import given, strategies as st

from soniox_lite import SonioxTranscriptionError, SonioxValidationError, TranscriptBuffer
from soniox_lite.transcript import TranslationSegment, translation_segments
from soniox_lite.types.api import CreateTranscriptionConfig, TranslationConfig
from soniox_lite.types.common import Token
from soniox_lite.types.realtime import RealtimeEvent
from soniox_lite.types.transcriptions import TranscriptionTranscript
from soniox_testing import FakeSoniox, Word
from tests.contract.targets import Target

from ...support.tables import each_row

URL = "https://example.com/talk.mp3"
METHODS = [
    ("translate", {"audio_url": URL}),
    ("translate_from_url", {"audio_url": URL}),
    ("translate_from_file_id", {"file_id": "..."}),
    ("translate_from_file", {"file": b"audio"}),
    ("translate_and_wait", {"file": b"audio"}),
    ("translate_and_wait_with_tokens", {"file": b"audio"}),
]


@pytest.fixture(params=["sync", "async"])
def target(request: pytest.FixtureRequest, fake_soniox: FakeSoniox) -> Iterator[Target]:
    made = Target(request.param, fake_soniox.api_key, fake_soniox.api_base_url)
    yield made
    made.close()


def translate(target: Target, **arguments: Any) -> Any:
    return target.call("stt.translate", audio_url=URL, **arguments)


# --- What is sent


@pytest.mark.parametrize(("method", "audio"), METHODS, ids=[method for method, _ in METHODS])
def test_every_shortcut_makes_a_job_that_translates(
    target: Target, fake_soniox: FakeSoniox, method: str, audio: dict[str, Any]
) -> None:
    if "file_id" in audio:
        audio = {"file_id": target.call("files.upload", file=b"audio")["id"]}

    target.call(f"stt.{method}", to="de", model="stt-async-v4", client_reference_id="mine", **audio)

    (job,) = fake_soniox.transcriptions
    assert job.translation == {"type": "one_way", "target_language": "de"}
    assert (job.enable_language_identification, job.language_hints) == (True, None)
    assert (job.model, job.client_reference_id) == ("stt-async-v4", "mine")
    assert (job.file_id is None) == ("audio_url" in audio)


def test_a_source_is_the_only_language_that_is_expected(target: Target, fake_soniox: FakeSoniox) -> None:
    config = {"language_hints": ["fr", "it"], "language_hints_strict": False}

    translate(target, to="de", source="en", config=config)

    (job,) = fake_soniox.transcriptions
    assert (job.language_hints, job.language_hints_strict) == (("en",), True)
    assert config == {"language_hints": ["fr", "it"], "language_hints_strict": False}


@pytest.mark.parametrize("pair", [("en", "es"), ["en", "es"]])
def test_two_languages_are_translated_into_each_other(target: Target, fake_soniox: FakeSoniox, pair: Any) -> None:
    translate(target, between=pair)

    assert fake_soniox.transcriptions[0].translation == {"type": "two_way", "language_a": "en", "language_b": "es"}


def test_other_options_come_along_and_the_config_is_left_as_it_was(target: Target, fake_soniox: FakeSoniox) -> None:
    config = CreateTranscriptionConfig(language_hints=["fr"], enable_speaker_diarization=True, context="tests")
    before = config.to_dict()

    translate(target, between=("en", "es"), config=config)

    (job,) = fake_soniox.transcriptions
    assert (job.language_hints, job.enable_speaker_diarization, job.context) == (("fr",), True, "tests")
    assert config.to_dict() == before


@pytest.mark.parametrize(
    "arguments",
    [{"to": "de"}, {"to": "de", "source": "en"}, {"to": "de", "source": "de"}, {"between": ("en", "es")}],
    ids="+".join,
)
@pytest.mark.parametrize("hints", [None, ["fr"]])
def test_the_official_sdk_makes_the_same_job(
    target: Target, fake_soniox: FakeSoniox, arguments: dict[str, Any], hints: list[str] | None
) -> None:
    official = Target("official", fake_soniox.api_key, fake_soniox.api_base_url)
    for made in (target, official):
        translate(made, **arguments, config=made.config(language_hints=hints, enable_language_identification=False))
    official.close()

    one, other = fake_soniox.transcriptions
    for field in ("translation", "language_hints", "language_hints_strict", "enable_language_identification", "model"):
        assert getattr(one, field) == getattr(other, field)


def test_waiting_gives_the_job_or_its_transcript_and_can_clean_up(target: Target, fake_soniox: FakeSoniox) -> None:
    for _ in range(2):
        fake_soniox.add_transcript("Hello there.")

    job = target.call("stt.translate_and_wait", file=b"audio", to="es", delete_after=True)
    transcript = target.call("stt.translate_and_wait_with_tokens", file=b"audio", to="es", delete_after=True)

    assert job["status"] == "completed"
    assert transcript["text"] == "Hello there. es:Hello es:there."
    assert (fake_soniox.files, fake_soniox.transcriptions) == ((), ())


def test_a_job_that_fails_is_an_error_where_its_transcript_is_wanted(target: Target, fake_soniox: FakeSoniox) -> None:
    fake_soniox.fail_next_job("invalid_audio", "This is no audio.")

    with pytest.raises(SonioxTranscriptionError, match="no audio"):
        target.call("stt.translate_and_wait_with_tokens", file=b"audio", to="es")


# --- What is refused


@each_row(
    ("arguments", "problem"),
    [
        ({}, "to or between must be given, and not both"),
        ({"source": "en"}, "to or between must be given"),
        ({"source": "en"}, "source is for to, not for between"),
        ({"to": "de", "between": ("en", "es")}, "to or between must be given, and not both"),
        ({"source": "en", "between": ("en", "es")}, "source is for to, not for between"),
        ({"between": ()}, "between must be two different languages"),
        ({"between": ("en",)}, "between must be two different languages"),
        ({"between": ("en", "es", "de")}, "between must be two different languages"),
        ({"between": ("en", "EN")}, "between must be two different languages"),
        ({"between": ("en", None)}, r"between\[1\] must be given"),
        ({"between": ("en", 3)}, r"between\[1\] must be a two-letter language code"),
        ({"between": "enes"}, "between must be a list"),
        ({"to": ""}, "to must be a two-letter language code"),
        ({"to": "german"}, "to must be a two-letter language code"),
        ({"to": "de", "source": 3}, "source must be a two-letter language code"),
        (
            {"to": "de", "config": {"translation": {"type": "one_way", "target_language": "fr"}}},
            "config.translation must not be given",
        ),
        ({"config": {"translation": {"type": "one_way", "target_language": "fr"}}}, "to or between must be given"),
        ({"to": "de", "config": "fast"}, "config must be a CreateTranscriptionConfig or a dict"),
        ({"to": "de", "config": {"langauge_hints": ["en"]}}, "is not a field"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_before_anything_is_sent(
    target: Target, fake_soniox: FakeSoniox, arguments: dict[str, Any], problem: str
) -> None:
    with pytest.raises(SonioxValidationError, match=problem) as caught:
        translate(target, **arguments)

    assert fake_soniox.requests == ()
    assert "german" not in str(caught.value)


@each_row(("method", "audio"), METHODS, ids=[method for method, _ in METHODS])
def test_every_shortcut_refuses_it_before_anything_is_sent(
    target: Target, fake_soniox: FakeSoniox, method: str, audio: dict[str, Any]
) -> None:
    with pytest.raises(SonioxValidationError, match="to or between must be given, and not both"):
        target.call(f"stt.{method}", to="de", between=("en", "es"), **audio)

    assert fake_soniox.requests == ()


def test_all_problems_are_told_at_once(target: Target) -> None:
    with pytest.raises(SonioxValidationError) as caught:
        translate(
            target,
            to="x",
            source="y",
            between=("en",),
            config={"translation": TranslationConfig(type="one_way", target_language="fr")},
        )

    assert {problem.field for problem in caught.value.errors} == {"to", "source", "config.translation"}


@each_row(
    "arguments",
    [{}, {"source": "en"}, {"to": "de", "between": ("en", "es")}, {"source": "en", "between": ("en", "es")}],
)
def test_the_official_sdk_refuses_it_too(fake_soniox: FakeSoniox, arguments: dict[str, Any]) -> None:
    official = Target("official", fake_soniox.api_key, fake_soniox.api_base_url)
    with pytest.raises(soniox.errors.SonioxValidationError):
        translate(official, **arguments)
    official.close()


# --- Originals beside their translations


def said(text: str, start_ms: int | None = None, end_ms: int | None = None, **fields: Any) -> Token:
    fields.setdefault("translation_status", "original")
    return Token(text=text, start_ms=start_ms, end_ms=end_ms, **fields)


def plain(text: str, start_ms: int | None = None, end_ms: int | None = None, **fields: Any) -> Token:
    return said(text, start_ms, end_ms, translation_status="none", **fields)


def translated(text: str, **fields: Any) -> Token:
    return Token(text=text, translation_status="translation", **fields)


def pairs(segments: list[TranslationSegment]) -> list[tuple[str, str | None]]:
    return [(segment.text, segment.translation_text) for segment in segments]


def test_a_job_gives_pairs_of_speech_and_translation(target: Target, fake_soniox: FakeSoniox) -> None:
    fake_soniox.add_transcript(
        [
            Word("Hello", 0, 400, speaker="1", language="en"),
            Word("Bob.", 400, 800, speaker="1", language="en"),
            Word("Hola.", 900, 1300, speaker="2", language="es"),
            Word("Merci.", 1400, 1800, speaker="2", language="fr"),
        ]
    )
    config = {"enable_speaker_diarization": True}
    found = target.call("stt.translate_and_wait_with_tokens", file=b"x", between=("en", "es"), config=config)

    segments = translation_segments(found)

    # The server sends all of a sentence and then its translations: each one found its speaker.
    assert [
        (
            segment.speaker,
            segment.language,
            segment.text,
            segment.translation_language,
            segment.translation_text,
            segment.start_ms,
            segment.end_ms,
        )
        for segment in segments
    ] == [
        ("1", "en", "Hello Bob.", "es", " es:Hello es:Bob.", 0, 800),
        ("2", "es", " Hola.", "en", " en:Hola.", 900, 1300),
        ("2", "fr", " Merci.", None, None, 1400, 1800),
    ]
    assert [len(segment.translation_tokens) for segment in segments] == [2, 1, 0]
    assert all(segment.is_final for segment in segments)


def test_a_transcript_without_translation_is_all_speech() -> None:
    transcript = TranscriptionTranscript.from_dict(
        {"id": "1", "text": "Hi there", "tokens": [{"text": "Hi", "start_ms": 5, "end_ms": 9}, {"text": " there"}]}
    )

    (segment,) = translation_segments(transcript)

    assert (segment.text, segment.translation_text, segment.translation_language) == ("Hi there", None, None)
    assert (segment.start_ms, segment.end_ms, segment.translation_tokens) == (5, 9, [])


@each_row(
    ("tokens", "expected"),
    [
        ([], []),
        ([said("a"), said(" b"), translated("A"), said(" c"), translated("C")], [("a b", "A"), (" c", "C")]),
        ([said("a"), plain(" x"), said(" b"), translated("B")], [("a", "B"), (" x", None), (" b", None)]),
        ([said("a"), translated("A"), plain(" x"), translated("AA")], [("a", "AAA"), (" x", None)]),
        ([translated("A", source_language="en"), said("b", language="de")], [("", "A"), ("b", None)]),
        ([said("a"), translated("A1"), said("<end>"), translated("A2")], [("a", "A1A2")]),
        (
            [
                said("a", speaker="1"),
                said("b", speaker="2"),
                translated("B", speaker="2"),
                translated("A", speaker="1"),
            ],
            [("a", "A"), ("b", "B")],
        ),
        (
            [
                said("a", speaker="1"),
                said("b", speaker="2"),
                said("c", speaker="1"),
                translated("A", speaker="1"),
                translated("B", speaker="2"),
                translated("C", speaker="1"),
            ],
            [("a", "A"), ("b", "B"), ("c", "C")],
        ),
        # One that never got its translation does not take another one's.
        (
            [
                said("um", speaker="1"),
                said("b", speaker="2"),
                translated("B", speaker="2"),
                said("c", speaker="1"),
                translated("C", speaker="1"),
            ],
            [("um", None), ("b", "B"), ("c", "C")],
        ),
        # Of two who spoke since the last translation, the first is translated first.
        (
            [
                said("um", speaker="1"),
                translated("UM", speaker="1"),
                said("a", speaker="1"),
                said("b", speaker="2"),
                translated("A"),
            ],
            [("um", "UM"), ("a", "A"), ("b", None)],
        ),
        # Another speaker begins before the translation arrives.
        (
            [
                said("a", speaker="1"),
                translated("A", speaker="1"),
                said("b", speaker="2"),
                translated("AA", speaker="1"),
                translated("B", speaker="2"),
            ],
            [("a", "AAA"), ("b", "B")],
        ),
        # The source language tells; where it is absent, nothing is a translation into its own language.
        (
            [
                said("a", language="en"),
                said("b", language="es"),
                translated("B", language="en", source_language="es"),
                translated("A", language="es", source_language="en"),
            ],
            [("a", "A"), ("b", "B")],
        ),
        (
            [
                said("a", language="en"),
                said("b", language="es"),
                translated("B", language="en"),
                translated("A", language="es"),
            ],
            [("a", "A"), ("b", "B")],
        ),
    ],
)
def test_a_translation_goes_to_what_it_translates(tokens: list[Token], expected: list[tuple[str, str | None]]) -> None:
    assert pairs(translation_segments(tokens)) == expected


def test_a_live_session_shows_what_is_there_so_far() -> None:
    buffer = TranscriptBuffer()
    buffer.add(RealtimeEvent(tokens=[said("Good", 0, 9, is_final=True), said(" day", 9, 20, is_final=False)]))
    assert pairs(buffer.translation_segments()) == [("Good day", None)]
    assert [segment.is_final for segment in buffer.translation_segments()] == [False]
    assert pairs(buffer.translation_segments(final_only=True)) == [("Good", None)]

    buffer.add(
        RealtimeEvent(
            tokens=[
                said(" day", 9, 20, is_final=True),
                translated("Guten", is_final=True),
                translated(" Tag", is_final=False),
                said(" Bob", 30, 40, is_final=False),
            ]
        )
    )
    first, second = buffer.translation_segments()
    assert (first.text, first.translation_text, first.is_final) == ("Good day", "Guten Tag", False)
    assert (second.text, second.translation_text, second.start_ms) == (" Bob", None, 30)
    assert pairs(buffer.translation_segments(final_only=True)) == [("Good day", "Guten")]


def test_translations_that_come_after_all_speech_are_placed_with_little_looking() -> None:
    looks = 0

    def count(frame: Any, what: str, _: object) -> None:
        nonlocal looks
        looks += what == "call" and frame.f_code.co_name == "is_source_of"

    speakers = [str(number % 5) for number in range(1000)]
    spoken = [Token(text="a", speaker=speaker, translation_status="original") for speaker in speakers]
    translated = [Token(text="b", speaker=speaker, translation_status="translation") for speaker in speakers]
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        segments = translation_segments(spoken + translated)
    finally:
        sys.setprofile(before)
    assert pairs(segments) == [("a", "b")] * 1000
    # Twice for each: of what is being translated, and of the first that waits.
    assert 1000 <= looks < 2000


def test_what_has_no_tokens_is_refused() -> None:
    with pytest.raises(SonioxValidationError, match="no tokens"):
        translation_segments("text")  # type: ignore[arg-type]


_tokens = st.lists(
    st.builds(
        Token,
        text=st.sampled_from([" a", "b", ".", ""]),
        speaker=st.sampled_from([None, "1", "2"]),
        language=st.sampled_from([None, "en", "de"]),
        source_language=st.sampled_from([None, "en", "de"]),
        translation_status=st.sampled_from([None, "none", "original", "translation"]),
    ),
    max_size=30,
)


@given(_tokens)
def test_every_token_is_in_one_segment_and_speech_keeps_its_order(tokens: list[Token]) -> None:
    segments = translation_segments(tokens)

    spoken = [token for token in tokens if token.translation_status != "translation"]
    assert [id(token) for segment in segments for token in segment.tokens] == [id(token) for token in spoken]
    placed = [id(token) for segment in segments for token in segment.translation_tokens]
    assert sorted(placed) == sorted(id(token) for token in tokens if token.translation_status == "translation")
    for segment in segments:
        assert segment.tokens or segment.translation_tokens
        assert segment.text == "".join(token.text for token in segment.tokens)
        assert (segment.translation_text is None) == (not segment.translation_tokens)
        for token in segment.translation_tokens:
            assert None in {token.speaker, segment.speaker} or token.speaker == segment.speaker
        if segment.translation_tokens:
            assert {token.translation_status for token in segment.tokens} <= {"original"}
