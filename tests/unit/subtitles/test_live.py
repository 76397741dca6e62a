"""Cues of a live session: never changed, in order, and without a word lost."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, strategies as st

from soniox_lite import SonioxClient, SonioxValidationError
from soniox_lite.subtitles import Cue, Layout, LiveCues, to_vtt, vtt_cue
from soniox_lite.types.common import Token
from soniox_lite.types.realtime import RealtimeEvent
from soniox_testing import FakeSoniox, Word

from .test_subtitles import spoken, token

END = token("<end>", None, None, is_final=True)


def event(tokens: Iterable[Token] = (), heard_ms: int | None = None) -> RealtimeEvent:
    return RealtimeEvent(tokens=list(tokens), final_audio_proc_ms=heard_ms)


def shown(found: Iterable[Cue]) -> list[tuple[int, int, str]]:
    return [(cue.start_ms, cue.end_ms, " ".join(cue.lines)) for cue in found]


def test_a_sentence_is_given_out_when_the_next_begins() -> None:
    live = LiveCues()
    assert live.add(event(spoken("It is late."))) == []
    assert shown(live.add(event(spoken("Go home now.", 2000)))) == [(0, 900, "It is late.")]
    assert shown(live.finish()) == [(2000, 2900, "Go home now.")]
    assert live.finish() == []


def test_the_last_sentence_is_given_out_when_nothing_was_said_after_it() -> None:
    live = LiveCues()
    assert live.add(event([*spoken("It is late."), END], heard_ms=899)) == []
    assert shown(live.add(event(heard_ms=900))) == [(0, 900, "It is late.")]


@pytest.mark.parametrize(
    ("further", "first"),
    [
        ([END, *spoken("and two", 400)], "one"),
        (spoken("and two", 2000), "one"),
        (spoken("and two", 400, speaker="2"), "one"),
        (spoken("and two", 400), "one and two"),
        ([token("ly", 300, 400), *spoken("two", 400)], "onely two"),
    ],
    ids=["endpoint", "pause", "speaker", "none of these", "part of a word"],
)
def test_a_passage_ends(further: list[Token], first: str) -> None:
    live = LiveCues()
    found = [*live.add(spoken("one", speaker="1" if further[0].speaker else None)), *live.add(further), *live.finish()]
    assert shown(found)[0][2] == first


def test_a_passage_is_given_out_with_the_first_word_after_a_pause() -> None:
    live = LiveCues()
    assert live.add(spoken("one")) == []
    assert shown(live.add(spoken("and two", 2000))) == [(0, 833, "one")]


def test_a_title_does_not_end_a_sentence() -> None:
    live = LiveCues()
    found = [*live.add(spoken("I know Dr. Bell well.")), *live.add(spoken("Yes.", 3000)), *live.finish()]
    assert [text for _, _, text in shown(found)] == ["I know Dr. Bell well.", "Yes."]


def test_speech_without_a_sentence_is_cut_between_words() -> None:
    live = LiveCues(layout=Layout(max_ms=2000))
    words = spoken("a b c d e f g h i j k l", word_ms=500)
    found = [cue for one in words for cue in live.add([one])]
    assert [text for _, _, text in shown(found)] == ["a b c d", "e f g h"]


def test_a_translation_is_waited_for() -> None:
    live = LiveCues(track="translation")
    original = spoken("It is late.", translation_status="original", language="en")
    translation = [
        token(text, is_final=True, translation_status="translation", language="de", source_language="en")
        for text in ("Es", " ist", " spät.")
    ]
    assert live.add(event([*original, END])) == []
    assert live.add(event(heard_ms=50_000)) == []
    assert live.add(event(translation)) == []
    assert shown(live.add(event(spoken("Go.", 60_000)))) == [(0, 900, "Es ist spät.")]
    assert shown(live.finish())[0][2] == "Go."


@pytest.mark.parametrize(("length_ms", "is_waiting"), [(59_999, True), (60_000, False)])
def test_a_translation_is_waited_for_during_a_minute_of_speech(length_ms: int, is_waiting: bool) -> None:
    live = LiveCues(track="translation")
    live.add([token("Long.", 0, length_ms, is_final=True, translation_status="original"), END])
    assert (live.add(event(heard_ms=70_000)) == []) is is_waiting


def test_text_without_a_time_is_shown_after_what_was_said_before() -> None:
    live = LiveCues()
    found = [*live.add([*spoken("It is late."), END, token("Go.", is_final=True)]), *live.finish()]
    (_, end_ms, _), (start_ms, _, text) = shown(found)
    assert (start_ms, text) == (end_ms + 80, "Go.")


@pytest.mark.parametrize(
    ("track", "expected"),
    [
        ("original", ["It is late."]),
        ("translation", ["It is late.", "Es ist spät."]),
        ("both", ["It is late.", "Es ist spät."]),
    ],
)
def test_a_translation_after_the_end_of_its_passage_needs_no_time(track: Any, expected: list[str]) -> None:
    live = LiveCues(track=track)
    translation = token("Es ist spät.", is_final=True, translation_status="translation", language="de")
    found = [*live.add([*spoken("It is late."), END]), *live.add([translation, END]), *live.finish()]
    assert [text for _, _, text in shown(found)] == expected


_WORDS = st.lists(
    st.tuples(
        st.sampled_from([" so", " it", " goes.", " Then", " much", "ly", ",", " über", "今日", "は。", " Mr."]),
        st.integers(0, 1500),
        st.integers(0, 900),
        st.sampled_from([None, "1", "2"]),
        st.booleans(),
    ),
    max_size=60,
)


@given(_WORDS, st.sampled_from([Layout(), Layout(max_width=12, max_lines=1, max_ms=1500)]))
def test_no_word_is_lost_and_cues_neither_change_nor_overlap(words: Any, layout: Layout) -> None:
    live, at_ms = LiveCues(layout=layout), 0
    found: list[Cue] = []
    given_out: list[tuple[int, int, str]] = []
    for text, gap_ms, length_ms, speaker, is_end in words:
        at_ms += gap_ms
        said = [token(text, at_ms, at_ms + length_ms, speaker=speaker, is_final=True)]
        at_ms += length_ms
        found += live.add(event([*said, END] if is_end else said, heard_ms=at_ms))
        given_out += shown(found[len(given_out) :])
    found += live.finish()
    assert shown(found)[: len(given_out)] == given_out
    assert all(cue.start_ms < cue.end_ms for cue in found)
    assert all(first.end_ms <= second.start_ms for first, second in pairwise(found))
    text = "".join(line for cue in found for line in cue.lines)
    assert text.replace(" ", "") == "".join(word[0] for word in words).replace(" ", "")


def test_captions_of_a_session_are_those_of_its_transcript(fake_soniox: FakeSoniox) -> None:
    sentences = "Good morning. How are you? I am well today, and so is she. Good night."
    script = [Word(text, start_ms=600 * at, end_ms=600 * at + 500) for at, text in enumerate(sentences.split())]
    fake_soniox.add_transcript(script)
    client = SonioxClient(fake_soniox.api_key, websocket_base_url=fake_soniox.stt_websocket_url)
    live, captions = LiveCues(), "WEBVTT\n"
    tokens: list[Token] = []
    config = {"model": "stt-rt-v5", "audio_format": "pcm_s16le", "sample_rate": 16000, "num_channels": 1}
    with client, client.realtime.stt.connect(config=config) as session:
        session.send_byte_chunk(bytes(32 * 600 * len(script)))
        session.finish()
        for one in session.receive_events():
            tokens += [token for token in one.tokens if token.is_final]
            captions += "".join(f"\n{vtt_cue(cue)}" for cue in live.add(one))
    captions += "".join(f"\n{vtt_cue(cue)}" for cue in live.finish())
    assert captions == to_vtt(tokens)


def test_what_is_not_valid_is_refused() -> None:
    with pytest.raises(SonioxValidationError, match="track must be one of"):
        LiveCues(track="all")  # type: ignore[arg-type]
    with pytest.raises(SonioxValidationError, match="layout must be a Layout, got dict"):
        LiveCues(layout={})  # type: ignore[arg-type]
