"""Where a broken session goes on, and which words of the new connection are new."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from soniox_lite.realtime._cut import Delivered, Speakers, align, can_splice, choose_start, settled_ms, splice
from soniox_lite.realtime._words import Word
from soniox_lite.types.common import Token
from tests.support.tables import each_row


def told(script: str, **fields: Any) -> list[Token]:
    """Tokens from a script: `text@start-end` in hundredths of a second, `!text` for a translation, bars between.

    A token without a time follows the one before after 20 ms and lasts 180 ms.
    """
    tokens: list[Token] = []
    now = 0
    for piece in script.split("|") if script else []:
        text, _, times = piece.partition("@")
        if text in ("<end>", "<fin>"):
            tokens.append(Token(text=text, is_final=True, start_ms=0, end_ms=0))
        elif text.startswith("!"):
            tokens.append(Token(text=text[1:], is_final=True, translation_status="translation"))
        else:
            start, _, end = times.partition("-")
            start_ms = 10 * int(start) if start else now + 20
            now = 10 * int(end) if end else start_ms + 180
            tokens.append(Token(text=text, is_final=True, start_ms=start_ms, end_ms=now, **fields))
    return tokens


def delivered(script: str, **fields: Any) -> Delivered:
    found = Delivered()
    found.add(told(script, **fields))
    return found


def text_of(tokens: Sequence[Token]) -> str:
    return "".join(token.text for token in tokens)


# --- what was delivered


def test_what_was_delivered() -> None:
    found = delivered(" a@10-20| b@25-40|!x|<end>", speaker="2")
    assert (found.end_ms, found.translated_ms, found.cut_ms, found.ends_with_end) == (400, 400, 400, True)
    assert (found.last_text, found.last_translation, found.speakers) == (" b", "x", {"2"})
    found.add(told(" c@50-60"))
    assert (found.ends_with_end, found.end_ms, found.last_text) == (False, 600, " c")
    assert [word.text for word in found.words()] == ["a", "b", "c"]
    assert [word.text for word in found.words(300)] == ["b", "c"]
    found.forget(450)
    assert [word.text for word in found.words()] == ["c"]
    assert found.end_ms == 600


def test_nothing_was_delivered() -> None:
    found = Delivered()
    assert (found.end_ms, found.cut_ms, found.last_text, found.words()) == (None, None, "", [])


@each_row("script", [" a@10-20|<end>", " a@10-20|<fin>", " a@10-20|!x", " a@10-20|.@15-18"])
def test_neither_marks_nor_tokens_without_times_move_the_cut(script: str) -> None:
    found = delivered(script)
    found.add([Token(text="?", is_final=True)])
    late = Token(text="?", is_final=True)
    late.end_ms = "late"  # type: ignore[assignment]
    found.add([late])
    assert found.end_ms == 200


@each_row(
    "script, translated_ms, cut_ms",
    [
        (" a@10-20| b@25-40", None, 0),
        (" a@10-20| b@25-40|!x", 400, 400),
        (" a@10-20| b@25-40|!x| c@50-60", 400, 400),
        (" a@10-20|!x|<end>| c@50-60| d@1700-1800", 200, 3000),
    ],
)
def test_what_has_no_translation_yet_is_heard_again(script: str, translated_ms: int | None, cut_ms: int) -> None:
    found = delivered(script, translation_status="original")
    assert (found.translated_ms, found.cut_ms) == (translated_ms, cut_ms)


def test_speech_that_gets_no_translation() -> None:
    found = delivered(" a@10-20", translation_status="none")
    assert found.translated_ms == 200
    found.add(told(" b@30-40", translation_status="original"))
    found.add(told(" c@50-60", translation_status="none"))
    assert found.translated_ms == 200
    found.add(told("!x"))
    assert found.translated_ms == 600


# --- where to start

# Ends at 12,000; gaps of 500 ms before "c" and of 200 ms before "e", the others 20 ms.
SPEECH = " a@700-760| b@762-800| c@850-900| d@902-1000| e@1020-1090| f@1092-1200"


@each_row(
    "options, kind, ms, uncertain",
    [
        # In the middle of the gap before "c".
        ({"next_ms": 12_300}, "gap", 8250, False),
        ({"next_ms": None}, "gap", 8250, False),
        # That before "e" is nearer.
        ({"next_ms": 12_300, "overlap_ms": 3000}, "gap", 10_100, False),
        ({"next_ms": 12_300, "least_overlap_ms": 2500}, "gap", 8250, False),
        ({"next_ms": 12_300, "uncertainty_ms": 1200}, "gap", 8250, False),
        ({"next_ms": 12_300, "overlap_ms": 1500}, "widest", 10_910, False),
        # Nothing is sent twice.
        ({"next_ms": 12_300, "overlap_ms": 0}, "gap", 12_150, False),
        ({"next_ms": 12_040, "overlap_ms": 0}, "widest", 12_020, True),
        ({"next_ms": None, "overlap_ms": 0}, "widest", 12_000, True),
        # The older audio is not kept.
        ({"next_ms": 12_300, "beginning_ms": 10_500}, "widest", 10_910, False),
        ({"next_ms": 12_300, "beginning_ms": 11_500}, "gap", 12_150, False),
        # A long silence.
        ({"next_ms": None, "settled_ms": 30_000}, "silence", 25_000, False),
        ({"next_ms": None, "settled_ms": 17_000}, "gap", 8250, False),
        ({"next_ms": None, "settled_ms": 30_000, "beginning_ms": 26_000}, "silence", 26_000, False),
    ],
)
def test_where_to_start(options: dict[str, Any], kind: str, ms: float, uncertain: bool) -> None:
    start = choose_start(delivered(SPEECH), **options)
    assert (start.kind, start.ms, start.uncertain, start.is_exact) == (kind, ms, uncertain, False)


def test_a_finalize_that_was_answered_is_an_exact_start() -> None:
    start = choose_start(delivered(SPEECH), next_ms=None, fin_ms=12_120)
    assert (start.kind, start.ms, start.is_exact, start.uncertain) == ("fin", 12_120, True, False)


def test_all_is_sent_again_while_nothing_was_delivered() -> None:
    assert choose_start(Delivered(), next_ms=900).ms == 0
    start = choose_start(Delivered(), next_ms=900, beginning_ms=200)
    assert (start.kind, start.ms, start.uncertain) == ("beginning", 200, False)
    assert choose_start(Delivered(), next_ms=None, settled_ms=60_000).ms == 55_000


def test_the_first_words_are_heard_again_from_the_beginning() -> None:
    start = choose_start(delivered(" a@40-60| b@61-140"), next_ms=1500)
    assert (start.kind, start.ms) == ("gap", 200)


def test_a_word_longer_than_the_overlap() -> None:
    start = choose_start(delivered(" aaah@100-1200"), next_ms=12_000)
    assert (start.kind, start.ms, start.uncertain) == ("widest", 12_000, True)
    # Without any gap at all.
    start = choose_start(delivered(" aaah@100-1200"), next_ms=12_000, beginning_ms=12_000)
    assert start.ms == 12_000


words = st.lists(st.tuples(st.integers(0, 800), st.integers(30, 900)), max_size=40)


@given(words, st.integers(0, 1000), st.sampled_from([0, 500, 5000, 15_000]), st.integers(0, 200), st.integers(0, 9000))
def test_a_start_is_never_after_the_cut_nor_further_back_than_allowed(
    pauses: list[tuple[int, int]], next_after: int, overlap_ms: int, uncertainty_ms: int, beginning_ms: int
) -> None:
    found, now = Delivered(), 0
    for pause, length in pauses:
        found.add([Token(text=" x", start_ms=now + pause, end_ms=now + pause + length, is_final=True)])
        now += pause + length
    beginning_ms = min(beginning_ms, now)
    start = choose_start(
        found,
        next_ms=now + next_after,
        overlap_ms=overlap_ms,
        uncertainty_ms=uncertainty_ms,
        beginning_ms=beginning_ms,
    )
    assert start.ms >= max(beginning_ms, now - overlap_ms - uncertainty_ms)
    assert start.ms <= now + next_after
    if overlap_ms == 5000 and now - beginning_ms > 3000 and uncertainty_ms == 0:
        assert start.ms <= now - 1000


@each_row(
    "final_audio, total, empty, since, expected",
    [
        (1200, 1500, False, None, 1000),
        (4000, 4500, False, None, 1000),
        (4000, 4500, True, 4000, 3000),
        (1500, 9000, True, 4000, 6000),
        (1500, 9000, True, 4001, 1000),
        (None, None, True, None, 1000),
    ],
)
def test_audio_that_is_needed_no_more(
    final_audio: int | None, total: int | None, empty: bool, since: int | None, expected: int
) -> None:
    found = settled_ms(1000, final_audio, total, is_tail_empty=empty, tail_empty_since_ms=since)
    assert found == expected
    assert settled_ms(None, None, None, is_tail_empty=True, tail_empty_since_ms=None) == 0


# --- which words are new

OLD = " we@100-120| went@122-150| to@152-160| the@161-170| sea@172-200"


@each_row(
    "again, kept",
    [
        ("we@100-120| went| to| the| sea@172-200| and@202-220", " and"),
        # Times and pieces differ.
        ("we@104-118| we@121-130|nt@130-152| to@149-163| the| sea@178-209| and@212-220", " and"),
        # Words were heard otherwise, or not at all.
        ("he@100-120| wend@122-150| to@152-160| the@161-170| see@172-200| and@202-220", " and"),
        ("went@122-150| to@152-160| sea@172-200| and@202-220", " and"),
        ("we@100-120| uh@121-122| went@122-150| to@152-160| the@161-170| sea@172-200| and@202-220", " and"),
        # Punctuation belongs to the words.
        ("We@100-120| went@122-150| to@152-160| the@161-170| sea@172-199|.@199-200| And@202-220", " And"),
        # Real repetitions.
        ("we@100-120| went@122-150| to@152-160| the@161-170| sea@172-200| sea@205-230| sea@232-250", " sea sea"),
        # The space of a word is a token of its own.
        ("we@100-120| went@122-150| to@152-160| the@161-170| @171-172|sea@172-200| @200-201|and@202-220", " and"),
        # Nothing new yet.
        ("we@100-120| went@122-150| to@152-160| the@161-170| sea@172-200", ""),
        ("we@100-120| went@122-150", ""),
        ("", ""),
        ("and@202-220| then@222-240", "and then"),
    ],
)
def test_words_that_were_heard_again_are_dropped(again: str, kept: str) -> None:
    found = splice(delivered(OLD), told(again), 900)
    assert text_of(found.kept) == kept
    assert text_of(found.dropped) + kept == text_of(told(again))
    assert all(token.start_ms >= 2000 for token in found.kept)  # type: ignore[operator]


@each_row(
    "repetitions, heard, kept",
    [
        (3, 5, 2),
        (1, 3, 2),
        (3, 3, 0),
        (5, 4, 0),
    ],
)
def test_repetitions_are_told_apart_by_their_times(repetitions: int, heard: int, kept: int) -> None:
    script = "|".join(f" no@{100 + 30 * number}-{120 + 30 * number}" for number in range(5))
    old, new = told(script)[:repetitions], told(script)[:heard]
    for token in new:
        token.start_ms, token.end_ms = token.start_ms + 60, token.end_ms + 60  # type: ignore[operator]
    found = Delivered()
    found.add(old)
    assert text_of(splice(found, new, 900).kept) == " no" * kept


def test_rewordings_are_told() -> None:
    again = told("we@100-120| wend@122-150|ed@150-151| to@152-160| a@161-170| sea@172-200| and@202-220")
    found = splice(delivered(OLD), again, 900)
    assert [token.text for token in found.reworded] == [" wend", "ed", " a"]
    assert [(old.text, new.text) for old, new in found.pairs] == [
        ("we", "we"),
        ("went", "wended"),
        ("to", "to"),
        ("the", "a"),
        ("sea", "sea"),
    ]
    assert not found.uncertain


def test_another_text_altogether_is_uncertain() -> None:
    again = told("my@101-119| dog@121-150| has@152-160| no@161-170| nose@172-200| and@202-220")
    assert splice(delivered(OLD), again, 900).uncertain


def test_kept_words_do_not_begin_before_what_was_delivered() -> None:
    again = told("the@161-170| sea@172-200| and@195-220| on@222-230")
    kept = splice(delivered(OLD), again, 1605).kept
    assert [(token.text, token.start_ms, token.end_ms) for token in kept] == [(" and", 2000, 2200), (" on", 2220, 2300)]
    assert again[2].start_ms == 1950


def test_only_words_after_the_start_are_compared() -> None:
    found = splice(delivered(OLD), told("the@161-170| sea@172-200| sea@205-220"), 1605)
    assert text_of(found.kept) == " sea"
    assert [old.text for old, _ in found.pairs] == ["the", "sea"]


def test_all_is_new_if_nothing_was_delivered_after_the_start() -> None:
    assert text_of(splice(delivered(OLD), told("and@202-220|.| Then"), 2010).kept) == "and. Then"
    assert text_of(splice(Delivered(), told("and@202-220|.| Then"), 0).kept) == "and. Then"


@each_row(
    "old, again, kept",
    [
        ("你@100-120|好@120-140|世@140-160|界@160-180", "好@120-140|世界@140-180|再见@180-220", "再见"),
        ("你好@100-140|世@140-160", "你@100-120|好世@120-160|界再@160-200|见@200-220", "界再见"),
        # Within a token.
        ("你好@100-140|世@140-160", "你@100-120|好@120-140|世界@140-180|再见@180-220", "界再见"),
        ("你好@100-140|世界@140-180|。@180-181", "你好@100-140|世界@140-180|。@180-181|再@200-220", "再"),
        ("กัน@100-140|มา@140-180", "กัน@100-140|มานี่@140-240|ไหม@240-300", "นี่ไหม"),
        ("ですね@100-160", "です@100-140|ね@140-160|はい@160-200", "はい"),
    ],
)
def test_scripts_without_spaces_are_compared_by_letters(old: str, again: str, kept: str) -> None:
    found = splice(delivered(old), told(again), 1000)
    assert text_of(found.kept) == kept
    assert text_of(found.dropped) + kept == text_of(told(again))


# --- marks


@each_row(
    "old, again, kept",
    [
        # An <end> of what was delivered: dropped.
        (" a@100-120| b@150-170|<end>", "a@100-120|<end>| b@150-170|<end>| c@220-240", " c"),
        (" a@100-120| b@150-170", "a@100-120|<end>| b@150-170| c@220-240", " c"),
        # At the splice: once.
        (" a@100-120| b@150-170", "a@100-120| b@150-170|<end>| c@220-240", "<end> c"),
        (" a@100-120| b@150-170|<end>", "a@100-120| b@150-170|<end>", ""),
        (" a@100-120| b@150-170", "a@100-120| b@150-170|<end>", "<end>"),
        # After it.
        (" a@100-120| b@150-170|<end>", "a@100-120| b@150-170|<end>| c@220-240|<end>", " c<end>"),
        # A <fin> answers a finalize that was sent again.
        (" a@100-120| b@150-170", "a@100-120|<fin>| b@150-170| c@220-240|<fin>", "<fin> c<fin>"),
        (" a@100-120| b@150-170|<fin>", "a@100-120| b@150-170|<fin>", "<fin>"),
    ],
)
def test_marks_at_the_splice(old: str, again: str, kept: str) -> None:
    assert text_of(splice(delivered(old), told(again), 900).kept) == kept


# --- translations


def translated(script: str) -> list[Token]:
    return told(script, translation_status="original")


@each_row(
    "old, again, kept, uncertain",
    [
        # All that was said has its translation.
        (" a@100-120| b@150-170|!A|! B", "a@100-120| b@150-170|!A|! B| c@220-240|!C", " cC", False),
        # Said, but not translated yet.
        (" a@100-120|!A| b@150-170", "a@100-120|!A| b@150-170|!B| c@220-240|!C", "B cC", False),
        # Other chunks than before.
        (" a@100-120|!A| b@150-170", "b@150-170| c@220-240|!B|! C", " cB C", False),
        (" a@100-120| b@130-140|!A|! B| c@150-170", "a@100-120| b@130-140| c@150-170|!A|! B|! C", "", True),
        (" a@100-120|!A| b@130-140| c@150-170", "a@100-120| b@130-140| c@150-170|!A|! B|! C", "A B C", True),
        ("", "a@100-120|!A", "aA", False),
    ],
)
def test_a_translation_goes_with_the_words_that_it_translates(old: str, again: str, kept: str, uncertain: bool) -> None:
    found = Delivered()
    found.add(translated(old))
    spliced = splice(found, translated(again), 900)
    assert text_of(spliced.kept) == kept
    assert spliced.uncertain is uncertain


def test_no_translated_token_is_lost_for_want_of_times() -> None:
    spliced = splice(delivered(""), translated("!A|! B|a@100-120"), 0)
    assert text_of(spliced.kept) == "A Ba"


# --- when to decide


@each_row(
    "again, heard_ms, enough",
    [
        ("the@161-170| sea@172-200", 2100, False),
        ("the@161-170| sea@172-200", None, False),
        ("the@161-170| sea@172-200| and@202-220", 2200, True),
        ("the@161-170| sea@172-200", 4000, True),
        ("", 4000, True),
        ("", 1900, False),
    ],
)
def test_enough_has_been_heard(again: str, heard_ms: int | None, enough: bool) -> None:
    assert can_splice(delivered(OLD), told(again), 900, heard_ms) is enough
    assert can_splice(delivered(OLD), told(again), 900, heard_ms, ended=True)
    assert can_splice(delivered(OLD), told(again), 2000, heard_ms)
    assert can_splice(Delivered(), told(again), 0, heard_ms)


def test_the_translation_of_what_was_said_around_the_cut_is_waited_for() -> None:
    found = Delivered()
    found.add(translated(OLD))
    assert not can_splice(found, translated("sea@172-200| and@202-220"), 1700, 2200)
    assert can_splice(found, translated("sea@172-200| and@202-220|!A"), 1700, 2200)
    assert can_splice(found, told("sea@172-200| and@202-220", translation_status="none"), 1700, 2200)


# --- the alignment


def word(text: str, start: float, end: float) -> Word:
    return Word(text, start, end, None, 0, 0)


lines = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 600), st.integers(20, 500)), max_size=12)


def line(parts: list[tuple[str, int, int]]) -> list[Word]:
    found, now = [], 0
    for text, pause, length in parts:
        found.append(word(text, now + pause, now + pause + length))
        now += pause + length
    return found


@given(lines, lines)
def test_the_same_words_again_are_all_dropped_and_no_more(
    parts: list[tuple[str, int, int]], more: list[tuple[str, int, int]]
) -> None:
    old = line(parts)
    new = line(parts + more)
    count, pairs, cost = align(old, new, old[-1].end_ms if old else 0)
    assert count == len(old)
    assert cost == 0
    assert pairs == [(a, b) for a, b in zip(old, new, strict=False)]


@given(lines, lines, st.integers(0, 5000))
def test_pairs_are_in_order_and_among_the_dropped(
    parts: list[tuple[str, int, int]], others: list[tuple[str, int, int]], cut_ms: int
) -> None:
    old, new = line(parts), line(others)
    count, pairs, cost = align(old, new, cut_ms)
    assert 0 <= count <= len(new)
    assert cost >= 0
    places = [
        (next(i for i, w in enumerate(old) if w is a), next(j for j, w in enumerate(new) if w is b)) for a, b in pairs
    ]
    assert places == sorted(places)
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(places))
    assert all(j < count for _, j in places)


# --- speakers


def heard_by(*speakers: tuple[str, str, int]) -> list[tuple[Word, Word]]:
    return [
        (Word("a", 0, 1, old, 0, 0), Word("a", 0, 1, new, 0, 0)) for old, new, count in speakers for _ in range(count)
    ]


@each_row(
    "votes, mapping",
    [
        ([("1", "2", 3), ("2", "1", 5)], {"2": "1", "1": "2"}),
        ([("1", "1", 2), ("2", "2", 3)], {"2": "2"}),
        # 80 % of the words.
        ([("1", "2", 8), ("2", "2", 2)], {"2": "1"}),
        ([("1", "2", 7), ("2", "2", 2)], {}),
        # Two people do not become one.
        ([("1", "1", 9), ("1", "2", 4)], {"1": "1"}),
        ([("1", "1", 4), ("1", "2", 9)], {"2": "1"}),
        ([], {}),
    ],
)
def test_speakers_are_known_by_the_words_that_were_heard_twice(
    votes: list[tuple[str, str, int]], mapping: dict[str, str]
) -> None:
    speakers = Speakers({"1", "2"})
    speakers.vote(heard_by(*votes))
    assert speakers.mapping == mapping


def test_an_unknown_speaker_gets_a_number_that_was_never_used() -> None:
    speakers = Speakers({"1", "2", "guest"})
    speakers.vote(heard_by(("1", "2", 5)))
    assert [speakers.label(label) for label in ("2", "1", "3", "1", None)] == ["1", "3", "4", "3", None]
    assert speakers.mapping == {"2": "1", "1": "3", "3": "4"}


def test_votes_without_speakers() -> None:
    speakers = Speakers(set())
    speakers.vote([(word("a", 0, 1), word("a", 0, 1))] * 5)
    assert speakers.mapping == {}
    assert speakers.label("1") == "1"


# --- the whole policy


@pytest.fixture
def joins(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "benchmarks"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    import joins  # type: ignore[import-not-found]

    return joins


@pytest.mark.slow
@each_row("number, share", [(0, 1.0), (1, 0.99), (2, 0.99), (3, 0.97)])
def test_breaks_leave_no_trace_in_the_words(joins: Any, number: int, share: float) -> None:
    clean, found = joins.judge(joins.resumed, joins.NOISES[number], 120)
    assert clean >= share, found
