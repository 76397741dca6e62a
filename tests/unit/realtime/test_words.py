"""Words from tokens, and finals that are held until their word is whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given, strategies as st

from soniox_lite.realtime._cut import Delivered
from soniox_lite.realtime._words import WholeWords, begins_word, needs_space, words_of
from soniox_lite.types.common import Token
from tests.support.tables import each_row


def said(texts: str, *, final: bool = True, start: float = 0, each: float = 100, **fields: Any) -> list[Token]:
    """Tokens from their texts with bars between them, each of a length; `!` before one makes it a translation."""
    tokens = []
    now = start
    for text in texts.split("|") if texts else []:
        if text in ("<end>", "<fin>"):
            tokens.append(Token(text=text, is_final=True, start_ms=0, end_ms=0))
        elif text.startswith("!"):
            tokens.append(Token(text=text[1:], is_final=final, translation_status="translation"))
        else:
            tokens.append(Token(text=text, is_final=final, start_ms=int(now), end_ms=int(now + each), **fields))
            now += each
    return tokens


def shown(tokens: Sequence[Token]) -> tuple[str, str]:
    """The final texts and the other ones, with bars."""
    finals = [token.text for token in tokens if token.is_final is not False]
    assert [token.is_final is False for token in tokens] == [False] * len(finals) + [True] * (len(tokens) - len(finals))
    return "|".join(finals), "|".join(token.text for token in tokens if token.is_final is False)


def fed(gate: WholeWords, finals: str, tail: str = "", **options: Any) -> tuple[str, str]:
    return shown(gate.feed(said(finals) + said(tail, final=False), **options))


# --- words


@each_row(
    "texts, words",
    [
        ("How| are| you", ["how", "are", "you"]),
        (" Cro|yd|on| is| gr|eat|.", ["croydon", "is", "great"]),
        ("No|,| no|!| No| -| no", ["no", "no", "no", "no"]),
        (" 12|3| don|'t| e-|mail| 3.5", ["123", "dont", "email", "35"]),
        (" a|<end>|b|<fin>| c", ["a", "b", "c"]),
        (" one|!eins| two|!zwei", ["one", "two"]),
        ("|| a|| b|", ["a", "b"]),
        (" a| |b| | |c", ["a", "b", "c"]),
        ("trailing |spaces |too", ["trailing", "spaces", "too"]),
        ("你好|世|界|。|再见", ["你", "好", "世", "界", "再", "见"]),
        ("iPhone|が|好き|です|。", ["iphone", "が", "好", "き", "で", "す"]),
        ("我有| 3|只|cat|。", ["我", "有", "3", "只", "cat"]),
        ("กำ|ลัง| OK", ["ก", "ำ", "ลั", "ง", "ok"]),
        ("मैं| हिन्दी", ["मैं", "हिन्दी"]),
        ("한국|어| 말", ["한국어", "말"]),
        # Marks before a word are a part of it for comparisons.
        (" Really|?| ?no| ~yes", ["really", "?no", "~yes"]),
        ("…| —|.", []),
        ("", []),
    ],
)
def test_words_of_tokens(texts: str, words: list[str]) -> None:
    assert [word.text for word in words_of(said(texts))] == words


def test_words_have_the_times_and_places_of_their_tokens() -> None:
    tokens = said(" Cro|yd|on|.| is|<end>|你好", start=1000)
    tokens[0].speaker = "2"
    assert [(word.start_ms, word.end_ms, word.index, word.offset, word.speaker) for word in words_of(tokens)] == [
        (1000, 1400, 0, 0, "2"),
        (1400, 1500, 4, 0, None),
        (1500, 1550, 6, 0, None),
        (1550, 1600, 6, 1, None),
    ]


def test_words_without_times_stand_at_the_end_of_the_one_before() -> None:
    tokens = [
        *said(" a", start=500),
        Token(text=" b", is_final=True),
        Token(text="c", is_final=True),
        *said(" d", start=900),
    ]
    tokens[2].start_ms, tokens[2].end_ms = "soon", float("nan")  # type: ignore[assignment]
    assert [(word.start_ms, word.end_ms) for word in words_of(tokens)] == [(500, 600), (600, 600), (900, 1000)]


@each_row(
    "before, text, needed",
    [
        ("good", "How", True),
        ("good.", "How", True),
        ("good ", "How", False),
        ("good", " How", False),
        ("good", ".", False),
        ("good", "¿qué", True),
        ("", "How", False),
        ("好", "你", False),
        ("好。", "OK", False),
        ("ok", "你", False),
        ("한국어", "말", True),
        ("good", "", False),
    ],
)
def test_a_space_before_the_first_word_of_a_connection(before: str, text: str, needed: bool) -> None:
    assert needs_space(before, text) is needed


@given(st.text(max_size=5), st.text(max_size=5))
def test_any_text_can_be_judged(text: str, before: str) -> None:
    assert begins_word(" " + text, before)
    assert not begins_word("", before)
    assert not needs_space(before, " " + text)
    assert words_of([Token(text=" a"), Token(text=text), Token(text=" b")])[0].text.startswith("a")


# --- whole words


@each_row(
    "finals, tail, whole",
    [
        (" How", " are", " How"),
        (" How", "", ""),
        (" vio", "lent", ""),
        (" How| vio", "lent| storm", " How"),
        (" How| vio|lent", "", " How"),
        (" How", ".", ""),
        (" How|.", " Are", " How|."),
        (" How| are|<end>", "", " How| are|<end>"),
        (" How|<end>| are", "", " How|<end>"),
        (" How|<fin>", "more", " How|<fin>"),
        ("你|好", "吗", "你|好"),
        ("你|好", "。", "你"),
        ("How", "| are", "How"),
        ("How| ", "are", "How"),
        ("How| |are", " you", "How| |are"),
        # A translation is held as a whole; speech that has one is whole.
        (" How| are", "!Wie", " How| are"),
        (" How| are|!Wie|! geht", "", " How| are"),
        (" How| are|!Wie|! geht", " you", " How| are|!Wie|! geht"),
        (" How| are|!Wie|! geht", "! es| you", " How| are"),
        (" How|!Wie", "! geht| you", " How"),
        (" How| vio|!Wie", "lent", " How"),
        ("!Wie|! geht", "you", "!Wie|! geht"),
        ("!Wie|! geht", "", ""),
        (" How|!Wie|<end>", "", " How|!Wie|<end>"),
        (" How|!Wie| you", "", " How|!Wie"),
    ],
)
def test_what_goes_out_as_final(finals: str, tail: str, whole: str) -> None:
    given, rest = fed(WholeWords(), finals, tail)
    assert given == whole.replace("!", "")
    assert given + ("|" if given and rest else "") + rest == "|".join(filter(None, (finals, tail))).replace(
        "!", ""
    ).strip("|" if not tail else "")


def test_a_held_token_goes_out_when_the_next_word_begins() -> None:
    gate = WholeWords()
    assert fed(gate, " vio") == ("", " vio")
    assert fed(gate, "", "lent") == ("", " vio|lent")
    assert fed(gate, "lent") == ("", " vio|lent")
    assert [token.text for token in gate.held] == [" vio", "lent"]
    assert fed(gate, "", " st") == (" vio|lent", " st")
    assert fed(gate, "", "") == ("", "")
    assert gate.held == []


def test_all_is_whole_at_the_end() -> None:
    gate = WholeWords()
    gate.feed(said(" vio"))
    assert fed(gate, "lent", finished=True) == (" vio|lent", "")
    gate.feed(said(" a"))
    assert fed(gate, "<end>") == (" a|<end>", "")


@each_row(
    "final_audio_ms, total_audio_ms, tail, given",
    [
        (1099, 1099, "", ""),
        (1100, None, "", " a"),
        (None, None, "", ""),
        (5000, 5000, "b", ""),
        (5000, 5000, " b", " a"),
        # Of a service whose counter of final audio stands still in silence.
        (100, 1099, "", ""),
        (100, 1100, "", " a"),
    ],
)
def test_audio_without_words_after_a_word_ends_it(
    final_audio_ms: int | None, total_audio_ms: int | None, tail: str, given: str
) -> None:
    counters = {"final_audio_ms": final_audio_ms, "total_audio_ms": total_audio_ms}
    assert fed(WholeWords(), " a", tail, **counters)[0] == given


def test_a_second_of_final_audio_ends_a_translation_or_three_of_any() -> None:
    gate = WholeWords()
    assert fed(gate, " a|!b") == (" a", "b")
    assert fed(gate, "", "", total_audio_ms=3099) == ("", "b")
    assert fed(gate, "", "", final_audio_ms=1099) == ("", "b")
    assert fed(gate, "", "", final_audio_ms=1100) == ("b", "")
    assert fed(WholeWords(), " a|!b", total_audio_ms=3100) == (" a|b", "")


def test_a_message_that_goes_out_as_it_is_stays_the_same_object() -> None:
    gate = WholeWords()
    for tokens in (said(" a") + said(" b", final=False), said(" b|<end>"), said("c", final=False), []):
        assert gate.feed(tokens) is tokens


def test_the_tokens_of_a_message_are_not_changed() -> None:
    gate, tokens = WholeWords(), said(" a")
    given = gate.feed(tokens)
    assert (given[0].is_final, tokens[0].is_final) == (False, True)
    assert given[0].start_ms == tokens[0].start_ms
    assert gate.feed(said(" b", final=False))[0] is tokens[0]


messages = st.lists(
    st.tuples(
        st.lists(st.sampled_from([" a", "b", "。", "你", "!x", "! y", "<end>", " "]), max_size=4),
        st.lists(st.sampled_from([" c", "d", "!z", "好"]), max_size=3),
    ),
    max_size=8,
)


@given(messages)
def test_every_final_goes_out_once_in_order_and_the_screen_stays_the_same(
    sent: list[tuple[list[str], list[str]]],
) -> None:
    gate = WholeWords()
    given, plain = [], []
    for finals, tail in sent:
        message = said("|".join(finals)) + said("|".join(tail), final=False)
        plain += [token for token in message if token.is_final]
        out = gate.feed(message)
        given += [token for token in out if token.is_final]
        on_screen = [token.text for token in given] + [token.text for token in out if not token.is_final]
        assert on_screen == [token.text for token in plain] + [token.text for token in message if not token.is_final]
    given += gate.feed([], finished=True)
    assert given == plain
    assert all(a is b for a, b in zip(given, plain, strict=True))


# --- the first word of a connection


def after(texts: str) -> WholeWords:
    delivered = Delivered()
    delivered.add(said(texts))
    return WholeWords(after=delivered)


@each_row(
    "before, finals, tail, given",
    [
        (" good", "How", " are", " How| are"),
        (" good", "How|.", "", " How|."),
        (" good", "", "How| are", " How| are"),
        (" good", "<fin>|How", " are", "<fin>| How| are"),
        ("好", "你", "们", "你|们"),
        ("", "How", " are", "How| are"),
        (" good|!gut", "How|!wie", " are", " How| wie| are"),
    ],
)
def test_the_first_word_gets_its_space(before: str, finals: str, tail: str, given: str) -> None:
    assert "|".join(filter(None, fed(after(before), finals, tail))) == given


def test_the_space_is_for_the_first_word_only() -> None:
    gate = after(" good")
    assert fed(gate, "", "Ho") == ("", " Ho")
    assert fed(gate, "", "How") == ("", " How")
    assert fed(gate, "Ho", "w") == ("", " Ho|w")
    assert fed(gate, "w", " are") == (" Ho|w", " are")
    assert fed(gate, "", "x") == ("", "x")
