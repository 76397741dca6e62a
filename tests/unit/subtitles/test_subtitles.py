"""Subtitles and text: nothing lost, nothing that cannot be read, and files that parse."""

from __future__ import annotations

import html
import io
import re
import time
import unicodedata
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, strategies as st

from soniox_lite import SonioxClient, SonioxValidationError
from soniox_lite.subtitles import Cue, Layout, cues, to_srt, to_text, to_vtt
from soniox_lite.types.common import Token
from soniox_lite.types.transcriptions import TranscriptionTranscript
from soniox_testing import FakeSoniox, Word

from ...support.tables import each_row

SHORTEST_MS = 200
TRACKS: list[Any] = ["original", "translation", "both"]


def token(text: str, start_ms: int | None = None, end_ms: int | None = None, **fields: Any) -> Token:
    return Token(text=text, start_ms=start_ms, end_ms=end_ms, **fields)


def spoken(text: str, start_ms: int = 0, word_ms: int = 300, **fields: Any) -> list[Token]:
    """Words one after the other, as the service gives them."""
    return [
        token(
            f" {word}" if index or start_ms else word,
            start_ms + index * word_ms,
            start_ms + (index + 1) * word_ms,
            **fields,
        )
        for index, word in enumerate(text.split(" "))
    ]


def translated(text: str, **fields: Any) -> Token:
    return token(text, translation_status="translation", **fields)


def lines(tokens: Any, **options: Any) -> list[list[str]]:
    return [cue.lines for cue in cues(tokens, **options)]


def width(line: str) -> int:
    return sum(
        0
        if unicodedata.category(char) in {"Mn", "Me", "Cf"} or "\u1160" <= char <= "\u11ff"
        else 1 + (unicodedata.east_asian_width(char) in {"W", "F"})
        for char in line
    )


def squeezed(text: str) -> str:
    """A text without what shows nothing: white space, joiners, marks of direction; braces of any width as ASCII's."""
    text = text.translate({0xFF5B: "{", 0xFF5D: "}"})
    return "".join(char for char in text if not char.isspace() and unicodedata.category(char) != "Cf")


# --- Parsers, as a player has them


def parsed_srt(text: str) -> list[tuple[int, int, list[str]]]:
    found: list[tuple[int, int, list[str]]] = []
    for number, block in enumerate([block for block in text.split("\n\n") if block], 1):
        head, times, *shown = block.removesuffix("\n").split("\n")
        assert head == str(number)
        match = re.fullmatch(r"(\d\d+):(\d\d):(\d\d),(\d\d\d) --> (\d\d+):(\d\d):(\d\d),(\d\d\d)", times)
        assert match, times
        assert shown
        assert all(line.strip() and "-->" not in line for line in shown)
        found.append(
            (*_times(match), [html.unescape(line) if "&lt;" in line or "&gt;" in line else line for line in shown])
        )
    return found


def parsed_vtt(text: str) -> list[tuple[int, int, str, list[str]]]:
    """Start, end, voice and lines."""
    head, *blocks = text.split("\n\n")
    assert head.removesuffix("\n") == "WEBVTT"
    found: list[tuple[int, int, str, list[str]]] = []
    for block in blocks:
        times, *shown = block.removesuffix("\n").split("\n")
        match = re.fullmatch(r"(\d\d+):(\d\d):(\d\d)\.(\d\d\d) --> (\d\d+):(\d\d):(\d\d)\.(\d\d\d)", times)
        assert match, times
        assert shown
        voice = re.match(r"<v ([^<>\n]+)>", shown[0])
        if voice:
            shown[0] = shown[0][voice.end() :]
        for line in shown:
            assert line.strip()
            assert not re.search(r"[<>]|&(?!(amp|lt|gt);)", line)
        found.append(
            (*_times(match), html.unescape(voice.group(1)) if voice else "", [html.unescape(x) for x in shown])
        )
    return found


def _times(match: re.Match[str]) -> tuple[int, int]:
    first, second = (
        ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(milliseconds)
        for hours, minutes, seconds, milliseconds in (match.groups()[:4], match.groups()[4:])
    )
    return first, second


# --- Any transcript


@st.composite
def transcripts(draw: st.DrawFn, *, times: bool = True) -> list[Token]:
    alphabet = draw(
        st.sampled_from(
            [
                "ab .,",
                "aé🇩🇪👍🏽 .-",
                "漢字かな。、「」ー ",
                "กำเขาที่ ๆ",
                "שלום عربي .؟",
                "한국어 .",
                "\u1112\u1161\u11ab .",
                "\u200b\u200d\ufeff\u200f a",
                "<>&-\"' \n\t",
                "ក្ខា a",
            ]
        )
    )
    now, found = 0, []
    for _ in range(draw(st.integers(0, 30))):
        text = draw(st.text(st.sampled_from(alphabet), max_size=12))
        status = draw(st.sampled_from([None, "none", "original", "original", "translation"]))
        fields: dict[str, Any] = {"speaker": draw(st.sampled_from([None, "1", "1", "2"])), "translation_status": status}
        if status != "translation":
            start = now + draw(st.sampled_from([0, 0, 40, 900, 2500, -300]))
            end = start + draw(st.sampled_from([0, 60, 400, 9000]))
            now = max(0, end)
            if not times or draw(st.integers(0, 9)):
                fields.update(start_ms=max(0, start), end_ms=max(0, end))
        found.append(token(text, **fields))
    return found


def expected_text(tokens: list[Token], track: str) -> str:
    return "".join(item.text for item in tokens if track != "original" or item.translation_status != "translation")


def has_times(tokens: list[Token]) -> bool:
    return any(item.start_ms is not None for item in tokens)


layouts = st.builds(
    Layout,
    max_width=st.none() | st.integers(10, 50),
    max_lines=st.integers(1, 4),
    gap_ms=st.sampled_from([0, 80, 1000]),
    min_ms=st.sampled_from([0, 833, 3000]),
    chars_per_sec=st.sampled_from([1, 17, 100]),
)


@given(transcripts(), st.sampled_from(TRACKS), layouts)
def test_cues_are_in_order_apart_and_long_enough(tokens: list[Token], track: Any, layout: Layout) -> None:
    if not has_times(tokens):
        return
    found = cues(tokens, track=track, layout=layout)

    for cue in found:
        assert cue.start_ms >= 0
        assert SHORTEST_MS <= cue.end_ms - cue.start_ms <= layout.max_ms
    for cue, following in pairwise(found):
        assert following.start_ms - cue.end_ms >= layout.gap_ms


@given(transcripts(), layouts)
def test_what_was_said_is_shown_once_and_in_its_order(tokens: list[Token], layout: Layout) -> None:
    if not has_times(tokens):
        return
    shown = "".join(line for cue in cues(tokens, layout=layout) for line in cue.lines)

    assert squeezed(shown) == squeezed(expected_text(tokens, "original"))


@given(transcripts(), layouts)
def test_both_tracks_show_everything_once(tokens: list[Token], layout: Layout) -> None:
    if not has_times(tokens):
        return
    shown = "".join(line for cue in cues(tokens, track="both", layout=layout) for line in cue.lines)

    assert sorted(squeezed(shown)) == sorted(squeezed(expected_text(tokens, "both")))


@given(transcripts(), layouts, st.sampled_from(TRACKS))
def test_lines_keep_their_limits(tokens: list[Token], layout: Layout, track: Any) -> None:
    if not has_times(tokens):
        return
    for cue in cues(tokens, track=track, layout=layout):
        assert cue.lines
        assert len(cue.lines) <= max(layout.max_lines, 2 if track == "both" else 1)
        for line in cue.lines:
            assert line == line.strip()
            assert line
            assert width(line) <= (layout.max_width or 42)


@given(transcripts(), st.sampled_from(TRACKS), st.booleans())
def test_files_parse_back_to_the_cues(tokens: list[Token], track: Any, speakers: bool) -> None:
    if not has_times(tokens):
        return
    found = cues(tokens, track=track)

    srt = parsed_srt(to_srt(tokens, track=track, speakers=speakers))
    vtt = parsed_vtt(to_vtt(tokens, track=track, speakers=speakers))

    assert [(start, end) for start, end, _ in srt] == [(cue.start_ms, cue.end_ms) for cue in found]
    for (_, _, shown), cue in zip(srt, found, strict=True):
        joined = squeezed("".join(cue.lines))
        assert squeezed("".join(shown)) in {joined, f"-{joined}"}
    assert vtt == [
        (cue.start_ms, cue.end_ms, f"Speaker {cue.speaker}" if speakers and cue.speaker else "", cue.lines)
        for cue in found
    ]


@given(transcripts(), st.sampled_from(TRACKS))
def test_text_holds_everything(tokens: list[Token], track: Any) -> None:
    text = to_text(tokens, track=track, speakers=False)

    shown = re.sub(r"^\[\?\] ", "", text, flags=re.MULTILINE)
    if track == "original":
        assert squeezed(shown) == squeezed(expected_text(tokens, "original"))
    elif track == "both":
        assert sorted(squeezed(shown)) == sorted(squeezed(expected_text(tokens, "both")))
    assert all(line.strip() for line in text.splitlines())


# --- Where cues end


def test_a_cue_ends_with_a_sentence_and_begins_with_its_first_word() -> None:
    tokens = spoken("This is the first one. And here is the second one.")

    assert cues(tokens) == [
        Cue(start_ms=0, end_ms=1420, lines=["This is the first one."]),
        Cue(start_ms=1500, end_ms=3300, lines=["And here is the second one."]),
    ]


@each_row(
    "text",
    [
        "Yes. That is what I said.",
        "I met Dr. Miller there today.",
        "It was J. Smith who said that.",
        "So... and then?",
        "Das war „gestern.“ für ihn vorbei.",
    ],
)
def test_not_every_full_stop_ends_a_cue(text: str) -> None:
    assert lines(spoken(text)) == [[text]]


def test_a_sentence_may_end_with_one_letter_or_syllable() -> None:
    assert lines(spoken("And so of course do I. He left.")) == [["And so of course do I."], ["He left."]]
    assert lines(spoken("네. 맞습니다.", 0, 900)) == [["네."], ["맞습니다."]]


@each_row(
    ("first", "second"),
    [
        ("Sie sagte leise: „Ich komme gern.“", "Dann ging sie."),
        ("Sie sagte leise: »Ich komme gern.«", "»Dann« ging sie."),
        ("Τι κάνεις σήμερα εσύ;", "Είμαι πολύ καλά."),  # noqa: RUF001 - Greek is meant
        ("Πῶς λέγεται τὸ ἀ;", "Λέγεται ἄλφα."),
        ("Ինչպես եք դուք այսօր։", "Ես լավ եմ։"),  # noqa: RUF001 - so is Armenian
        ("ខ្ញុំ សុខសប្បាយ ជា ទេ។", "អរគុណ ច្រើន។"),
        ("ကျွန်တော် နေ ကောင်း ပါ တယ်။", "ကျေးဇူး တင် ပါ တယ်။"),
        ("これは ペン です．", "それは 本 です．"),  # noqa: RUF001 - and a full-width mark
    ],
)
def test_every_script_ends_its_sentences_in_its_own_way(first: str, second: str) -> None:
    assert lines(spoken(f"{first} {second}")) == [[first], [second]]


def test_a_long_sentence_is_cut_behind_a_clause_into_like_parts() -> None:
    text = "When all of us had gone home at last, Sandra thought about the lights that were still on, or the door."

    assert lines(spoken(text)) == [
        ["When all of us had gone home at last,"],
        ["Sandra thought about the lights", "that were still on, or the door."],
    ]


def test_two_lines_are_of_like_length() -> None:
    assert lines(spoken("People soon thought that it would become as late as that")) == [
        ["People soon thought that it", "would become as late as that"]
    ]
    # Lines may be full, and the lower one is the longer one.
    assert lines(spoken("green brown white black"), layout=Layout(max_width=11)) == [["green brown", "white black"]]
    assert lines(spoken("green brown white"), layout=Layout(max_width=12)) == [["green", "brown white"]]


def test_a_last_word_that_has_no_room_does_not_get_a_cue_of_its_own() -> None:
    found = lines(spoken("We had gone home and left the light on there"), layout=Layout(max_width=20))

    assert found == [["We had gone home and"], ["left the", "light on there"]]


def test_a_pause_and_another_speaker_end_a_cue() -> None:
    tokens = [*spoken("So", 0), *spoken("well then", 1400), *spoken("Fine", 2300, speaker="2")]

    assert [(cue.lines, cue.speaker) for cue in cues(tokens)] == [
        (["So"], None),
        (["well then"], None),
        (["Fine"], "2"),
    ]


def test_a_mark_never_begins_a_line() -> None:
    text = "Est-ce que vous avez bien compris cela hier ! Est-ce que vous avez ?"

    assert all(line[0] not in "!?" for shown in lines(spoken(text), layout=Layout(max_width=10)) for line in shown)


@pytest.mark.parametrize(
    ("text", "torn"),
    [
        ("Il a dit « bonjour » et « au revoir » hier", ("«|", "|»")),
        ("Er sagte »guten Tag« und »auf Wiedersehen« gestern", ("»|", "|«")),
    ],
)
def test_quotation_marks_stay_with_what_they_quote(text: str, torn: tuple[str, str]) -> None:
    for max_width in range(18, 40):
        shown = "|".join(line for cue in lines(spoken(text), layout=Layout(max_width=max_width)) for line in cue)

        assert shown.replace("|", " ") == text
        assert not [mark for mark in torn if mark in shown]


@pytest.mark.parametrize("text", ["เด็กๆเล่นกันในสวนช้าๆทุกวัน", "เด็ก ๆ เล่น กัน ใน สวน ช้า ๆ ทุกวัน"])
def test_a_sign_of_repetition_never_begins_a_line(text: str) -> None:
    for max_width in range(10, 30):
        shown = [line for cue in lines([token(text, 0, 4000)], layout=Layout(max_width=max_width)) for line in cue]

        assert squeezed("".join(shown)) == squeezed(text)
        assert not [line for line in shown if line[0] == "ๆ"]


def test_a_fixed_space_is_no_place_to_break() -> None:
    found = [line for shown in lines(spoken("quelque chose\u00a0! oui"), layout=Layout(max_width=10)) for line in shown]

    assert found == ["quelque", "chose\u00a0!", "oui"]


# --- Scripts


def test_a_space_without_width_is_a_place_to_break() -> None:
    shown = lines([token("Elbe\u200bdampf\u200bschiff", 0, 4000)], layout=Layout(max_width=10))

    assert shown == [["Elbe\u200bdampf\u200b", "schiff"]]


def test_japanese_is_broken_between_characters_but_not_before_a_mark() -> None:
    text = "この長い会議についてもう少しだけ話し合う必要があります、そして明日もう一度会いましょうと言っていました。"
    tokens = [token(char, index * 150, (index + 1) * 150) for index, char in enumerate(text)]

    found = [line for shown in lines(tokens) for line in shown]

    assert "".join(found) == text
    assert all(width(line) <= 32 for line in found)
    assert not any(line[0] in "、。っゃゅょー" for line in found)
    assert len([shown for shown in lines(tokens) if shown[-1].endswith("、")]) == 1


@each_row(
    ("text", "clusters"),
    [
        ("เขาทำงานที่นี่", ["เข", "เขา", "ทำ", "ที่", "นี่"]),
        ("ស្រីខ្មែរ", ["ស្រី", "ខ្មែ"]),
        ("한국어", ["한", "국"]),
        ("e\u0301e\u0301e\u0301", ["e\u0301"]),
        ("👍🏽👍🏽", ["👍🏽"]),
        ("🇩🇪🇪🇸", ["🇩🇪", "🇪🇸"]),
        ("👩\u200d👩\u200d👧👩\u200d👩\u200d👧", ["👩\u200d👩\u200d👧"]),
        ("क्षत्रिय", ["क्ष", "त्रि"]),
    ],
)
def test_a_character_is_never_torn(text: str, clusters: list[str]) -> None:
    long = text * 12
    joined = "|".join(line for shown in lines([token(long, 0, 5000)], layout=Layout(max_width=10)) for line in shown)

    assert joined.replace("|", "") == long
    assert "|" in joined
    for cluster in clusters:
        assert joined.count(cluster) == long.count(cluster)


@each_row("max_width", [None, 12, 24, 40])
def test_korean_is_as_wide_in_single_letters_as_in_whole_syllables(max_width: int | None) -> None:
    layout = Layout(max_width=max_width)
    text = "안녕하세요 여러분 오늘은 날씨가 매우 좋습니다 그래서 우리는 공원에 갑니다"
    whole, single = (lines(spoken(unicodedata.normalize(form, text)), layout=layout) for form in ("NFC", "NFD"))

    assert [[unicodedata.normalize("NFC", line) for line in shown] for shown in single] == whole


def test_a_character_that_no_line_can_hold_gets_one_of_its_own() -> None:
    family = "\u200d".join("👩👩👧👧👦👦")

    assert lines([token(f"Hi {family} you", 0, 900)], layout=Layout(max_width=10, max_lines=3)) == [
        ["Hi", family, "you"]
    ]


@each_row("text", ["\u200b", "\ufeff\u200d", "\u00a0\u200f\u00a0"])
def test_what_shows_nothing_is_no_subtitle(text: str) -> None:
    assert lines([token(text, 0, 900), token(" Yes.", 2000, 3000)]) == [["Yes."]]
    assert lines([token(text, 0, 900)]) == []


def test_right_to_left_text_stays_in_its_logical_order() -> None:
    text = "שלום לכולם, מה שלומכם היום?"

    assert lines(spoken(text)) == [[text]]


def test_a_word_that_no_line_can_hold_is_cut() -> None:
    assert lines([token("Donaudampfschifffahrtsgesellschaft", 0, 900)], layout=Layout(max_width=20)) == [
        ["Donaudampfschifffahr", "tsgesellschaft"]
    ]


# --- Times


def test_a_short_cue_stays_as_long_as_reading_takes_if_there_is_time() -> None:
    alone, before_another = cues([*spoken("Yes", 0, 100), *spoken("extraordinarily interesting", 10_000, 100)])

    assert (alone.start_ms, alone.end_ms) == (0, 833)
    assert (before_another.start_ms, before_another.end_ms) == (10_000, 10_000 + 1000 * 27 // 17)


def test_a_gap_that_would_flicker_is_closed() -> None:
    first, second = cues([*spoken("Is that so?", 0, 600), *spoken("It is.", 2100, 600)])

    assert (first.end_ms, second.start_ms) == (2020, 2100)


def test_speakers_at_the_same_time_take_turns() -> None:
    tokens = [*spoken("one two three four", 0, 500, speaker="1"), *spoken("but no", 1000, 300, speaker="2")]

    first, second = cues(tokens)

    assert (first.start_ms, first.end_ms, second.start_ms) == (0, 920, 1000)


def test_tokens_without_times_get_what_is_left_between_the_others() -> None:
    tokens = [token("one.", 0, 1000), token(" two.", speaker="2"), token(" three.", 9000, 9500)]

    found = cues(tokens)

    assert [cue.lines for cue in found] == [["one."], ["two."], ["three."]]
    assert found[1].start_ms == 1000
    assert found[1].end_ms < 2000


def test_no_time_at_all_is_an_error_and_no_text_at_all_is_none() -> None:
    with pytest.raises(SonioxValidationError, match="no token has a time"):
        cues([token("word")])
    assert cues([]) == []
    assert cues([token(" "), token("\u00a0")]) == []
    assert (to_srt([]), to_vtt([]), to_text([])) == ("", "WEBVTT\n", "")


# --- What is left out


def test_marks_and_guesses_are_left_out() -> None:
    tokens = [
        token("Hi", 0, 500, is_final=True),
        token("<end>", is_final=True),
        token("<fin>", is_final=True),
        token(" the", 500, 900, is_final=False),
    ]

    assert lines(tokens) == [["Hi"]]
    assert to_text(tokens) == "Hi"


# --- Files


def test_srt_and_vtt_of_a_conversation() -> None:
    tokens = [
        *spoken("A < B & C --> D", 3_599_000, 300, speaker="1"),
        *spoken("Really?", 3_602_000, 900, speaker="2\n<x>"),
    ]

    assert to_srt(tokens) == (
        "1\n00:59:59,000 --> 01:00:01,100\n- A &lt; B & C --&gt; D\n\n2\n01:00:02,000 --> 01:00:02,900\n- Really?\n"
    )
    assert to_vtt(tokens) == (
        "WEBVTT\n\n"
        "00:59:59.000 --> 01:00:01.100\n<v Speaker 1>A &lt; B &amp; C --&gt; D\n\n"
        "01:00:02.000 --> 01:00:02.900\n<v Speaker 2 &lt;x&gt;>Really?\n"
    )
    assert "- A" not in to_srt(tokens, speakers=False)
    assert "<v" not in to_vtt(tokens, speakers=False)


SAID = [
    "or a List<String> here",
    "press <b> for bold, </b> after it",
    "if a < b and b > c",
    "< br >",
    "set {a, b} of two",
    "{\\an8}top",
    "}{",
    "C:\\new\\Name\\here",
    "an --> arrow",
    "00:00:01,000 --> 00:00:02,000",
    "laps of 01:23.45 and 01:24.50 and 1:02:03,4",
    "7",
    "- dash",
    "WEBVTT",
    "NOTE this",
    "R&D, AT&T: 1 < 2",
    "\ufeffmark of a file",
]


def read_by_pysubs2(text: str) -> str:
    reader = pytest.importorskip("pysubs2")
    return " ".join(event.plaintext for event in reader.SSAFile.from_string(text))


def read_by_webvtt(text: str) -> str:
    reader = pytest.importorskip("webvtt")
    kind = "vtt" if text.startswith("WEBVTT") else "srt"
    return " ".join(caption.text for caption in reader.from_buffer(io.StringIO(text), format=kind))


def read_by_srt(text: str) -> str:
    reader = pytest.importorskip("srt")
    return " ".join(subtitle.content for subtitle in reader.parse(text))


@each_row("text", SAID)
@each_row(
    ("write", "read"),
    [
        (to_srt, read_by_pysubs2),
        (to_srt, read_by_webvtt),
        (to_srt, read_by_srt),
        (to_vtt, read_by_webvtt),
    ],
    ids=lambda function: function.__name__,
)
def test_words_that_look_like_markup_are_kept_by_common_readers(write: Any, read: Any, text: str) -> None:
    shown = read(write([token(text, 0, 2000), token(" end.", 9000, 9900)]))

    assert squeezed(html.unescape(shown)) == squeezed(text) + "end."


@each_row("text", ["set {a, b} of two", "C:\\new\\Name", "{\\an8}top"])
def test_what_is_no_markup_in_webvtt_is_written_as_it_was_said(text: str) -> None:
    assert to_vtt([token(text, 0, 2000)]).splitlines()[3:] == [text]


@pytest.mark.parametrize("write", [to_srt, to_vtt])
def test_a_number_alone_in_the_last_line_is_kept(write: Any) -> None:
    text = write([token("Remember 1984", 0, 2000)], layout=Layout(max_width=10))
    assert "Remember\n1984" in text

    assert squeezed(read_by_pysubs2(text)) == "Remember1984"


def test_what_is_no_markup_is_written_as_it_was_said() -> None:
    said = "a > b -> c, 1 < 2, {, R&D, C:\\temp"

    assert to_srt([token(said, 0, 2000)]).splitlines()[2:] == [said]


def test_one_speaker_gets_no_dash() -> None:
    assert "- " not in to_srt(spoken("Hello there. I am alone.", speaker="1"))


def test_what_no_file_can_hold_is_replaced() -> None:
    assert to_srt([token("a\ud800\x00b\r\nc", 0, 900)]).encode().splitlines()[-1] == "a\ufffdb c".encode()


# --- Tracks


BILINGUAL = [
    *spoken("Good morning, all of you.", 0, 400, speaker="1", language="en", translation_status="original"),
    translated("Guten Morgen, ihr alle.", speaker="1", language="de", source_language="en"),
    *spoken("Danke.", 3000, 900, speaker="2", language="de", translation_status="none"),
]


def test_a_translation_takes_the_time_of_what_it_translates() -> None:
    assert [(cue.start_ms, cue.end_ms, cue.lines, cue.speaker) for cue in cues(BILINGUAL, track="translation")] == [
        (0, 2000, ["Guten Morgen, ihr alle."], "1"),
        (3000, 3900, ["Danke."], "2"),
    ]


def test_both_stand_one_above_the_other() -> None:
    assert lines(BILINGUAL, track="both") == [["Good morning, all of you.", "Guten Morgen, ihr alle."], ["Danke."]]


def test_a_long_translation_is_cut_along_with_its_original() -> None:
    original = "We have waited for this day for a very long time. And now it is finally here, my friends."
    translation = "Wir haben auf diesen Tag sehr lange gewartet. Und jetzt ist er endlich da, meine Freunde."
    tokens = [*spoken(original, translation_status="original"), translated(translation)]

    found = cues(tokens, track="both")

    assert len(found) > 2
    assert all(len(cue.lines) == 2 for cue in found)
    assert sum(cue.lines[0].endswith(".") and cue.lines[1].endswith(".") for cue in found) == 2
    assert " ".join(cue.lines[0] for cue in found) == original
    assert " ".join(cue.lines[1] for cue in found) == translation


def test_a_translated_sentence_is_cut_after_a_clause_rather_than_in_the_middle() -> None:
    original = "Now it is here, my friends, and all of us will celebrate it together with music until midnight."
    translation = "Jetzt ist er endlich da, liebe Freunde, und wir alle werden ihn zusammen bis Mitternacht feiern."

    found = lines([*spoken(original, translation_status="original"), translated(translation)], track="both")

    assert found[0] == ["Now it is here, my friends,", "Jetzt ist er endlich da, liebe Freunde,"]


@each_row(
    ("pause_ms", "word_ms", "expected"),
    [
        (999, 300, [["We walk to the old town.", "Wir gehen in die Altstadt."]]),
        (1000, 300, [["We walk", "Wir gehen"], ["to the old town.", "in die Altstadt."]]),
        (0, 2900, [["We walk to the old town.", "Wir gehen in die Altstadt."]]),
        (0, 2901, [["We walk", "Wir gehen"], ["to the old town.", "in die Altstadt."]]),
    ],
)
def test_a_sentence_whose_translation_comes_in_parts_is_one_cue_if_it_fits(
    pause_ms: int, word_ms: int, expected: list[list[str]]
) -> None:
    tokens = [
        *spoken("We walk", 0, word_ms, translation_status="original", language="en"),
        translated("Wir gehen", language="de", source_language="en"),
        *spoken("to the old town.", 2 * word_ms + pause_ms, 300, translation_status="original", language="en"),
        translated(" in die Altstadt.", language="de", source_language="en"),
    ]

    assert lines(tokens, track="both") == expected


def test_both_tracks_keep_to_two_lines_however_wide_their_words_are() -> None:
    tokens = [
        *spoken("A Weltanschauung Donaudampfer", translation_status="original"),
        translated("Una cosmovisiónes trasatlántico"),
    ]

    found = lines(tokens, track="both", layout=Layout(max_width=16))

    assert [len(shown) for shown in found] == [2, 2, 2]
    assert " ".join(first for first, _ in found) == "A Weltanschauung Donaudampfer"


def test_a_mark_after_a_space_stays_with_a_word_that_is_broken() -> None:
    tokens = [token("abcdefghijklmnopqrst !", 0, 1000)]
    assert lines(tokens, layout=Layout(max_width=10)) == [["abcdefghij"], ["klmnopqrst", "!"]]


def test_both_tracks_have_no_empty_cue_where_each_word_needs_one() -> None:
    tokens = [*spoken(" ".join(["abcdefgh"] * 9), translation_status="original"), translated("one")]
    assert lines(tokens, track="both", layout=Layout(max_width=10)) == [["abcdefgh"]] * 8 + [["abcdefgh", "one"]]


def test_short_sentences_and_their_translations_share_a_cue() -> None:
    tokens = [*spoken("Yes. Of course.", 0, 200, translation_status="original"), translated("Ja. Freilich.")]
    assert lines(tokens, track="both") == [["Yes. Of course.", "Ja. Freilich."]]


def test_translations_are_not_glued_together() -> None:
    tokens = [
        *spoken("Hello.", 0, 300, translation_status="original"),
        translated("Hallo."),
        *spoken("Bye.", 300, 300, translation_status="original"),
        translated("Tschüss."),
    ]

    assert lines(tokens, track="translation") == [["Hallo. Tschüss."]]
    assert to_text(tokens, track="translation") == "Hallo. Tschüss."


def test_text_names_speakers_and_languages() -> None:
    assert to_text(BILINGUAL) == "Speaker 1: Good morning, all of you.\nSpeaker 2: Danke."
    assert to_text(BILINGUAL, track="translation") == "Speaker 1: Guten Morgen, ihr alle.\nSpeaker 2: Danke."
    assert to_text(BILINGUAL, track="both", speakers=False) == (
        "Good morning, all of you.\nDanke.\n[de] Guten Morgen, ihr alle."
    )


# --- A job


def test_subtitles_of_a_job(fake_soniox: FakeSoniox) -> None:
    words = ["Where", "were", "you", "yesterday?"]
    fake_soniox.add_transcript(
        [
            *(Word(word, 1000 + 300 * index, 1300 + 300 * index, speaker="1") for index, word in enumerate(words)),
            Word("Home.", 2500, 3000, speaker="2"),
        ]
    )
    with SonioxClient(fake_soniox.api_key, api_base_url=fake_soniox.api_base_url) as client:
        transcript = client.stt.translate_and_wait_with_tokens(
            file=b"audio", to="es", config={"enable_speaker_diarization": True}
        )

    assert isinstance(transcript, TranscriptionTranscript)
    assert parsed_srt(to_srt(transcript)) == [
        (1000, 2420, ["- Where were you yesterday?"]),
        (2500, 3333, ["- Home."]),
    ]
    assert parsed_srt(to_srt(transcript.to_dict(), track="both"))[1] == (2500, 3333, ["- Home.", "es:Home."])


# --- Arguments, and size


@each_row("track", ["", "spoken", None, 1])
@each_row("function", [cues, to_srt, to_vtt, to_text])
def test_an_unknown_track_is_refused(function: Any, track: Any) -> None:
    with pytest.raises(SonioxValidationError, match="track"):
        function([], track=track)


@each_row(
    "fields",
    [{"max_width": 9}, {"max_lines": 0}, {"min_ms": -1}, {"max_ms": None}, {"gap_ms": 1.5}, {"chars_per_sec": "17"}],
)
def test_a_layout_that_cannot_be_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(SonioxValidationError, match=next(iter(fields))):
        Layout(**fields)


@each_row("function", [cues, to_srt, to_vtt])
@each_row("layout", [{"max_width": 20}, {}, 20, "wide"], ids=str)
def test_what_is_no_layout_is_refused(function: Any, layout: Any) -> None:
    with pytest.raises(SonioxValidationError, match="layout must be a Layout"):
        function(spoken("Yes."), layout=layout)


@each_row(
    "time_ms", ["0", [], {}, True, float("inf"), float("nan"), 10**26, -(10**400)], ids=lambda value: str(value)[:9]
)
@each_row("field", ["start_ms", "end_ms"])
def test_a_time_that_is_none_counts_as_unknown(field: str, time_ms: Any) -> None:
    tokens = [{"text": "Yes", "start_ms": 0, "end_ms": 900}, {"text": ".", "start_ms": 900, "end_ms": 900}]
    tokens[1][field] = time_ms

    assert [(cue.start_ms, cue.end_ms, cue.lines) for cue in cues(tokens)] == [(0, 900, ["Yes."])]


@each_row("speaker", [{}, [], {"name": ["x"]}, ["x"], 1.5, float("nan")], ids=str)
def test_a_speaker_of_any_kind_costs_no_words(speaker: Any) -> None:
    tokens = [
        {"text": "Yes.", "start_ms": 0, "end_ms": 900, "speaker": speaker, "language": speaker},
        {"text": " No.", "start_ms": 2000, "end_ms": 2900, "speaker": "2"},
        {"text": "Oui.", "speaker": speaker, "language": speaker, "translation_status": "translation"},
    ]

    for track in TRACKS:
        for function in (to_srt, to_vtt, to_text):
            assert "No." in function(tokens, track=track)
    assert "Yes." in to_vtt(tokens)
    assert "Oui." in to_text(tokens, track="both")


def test_names_of_speakers_and_languages_stay_within_their_line() -> None:
    tokens = [
        token("Yes.", 0, 900, speaker="1\n\nx\x1b[2J", language="en", translation_status="original"),
        translated("Si.", speaker="1\n\nx\x1b[2J", language="e\u2028s\x00", source_language="en"),
    ]

    assert to_text(tokens, track="both") == "Speaker 1 x[2J: Yes.\n[e s] Speaker 1 x[2J: Si."


def test_a_speaker_need_not_be_a_text() -> None:
    tokens: list[Any] = [
        {"text": "Yes.", "start_ms": 0, "end_ms": 900, "speaker": 1},
        {"text": " No.", "start_ms": 2000, "end_ms": 2900, "speaker": ""},
    ]

    assert [voice for _, _, voice, _ in parsed_vtt(to_vtt(tokens))] == ["Speaker 1", ""]


@each_row("function", [cues, to_srt, to_vtt, to_text])
def test_what_has_no_tokens_is_refused(function: Any) -> None:
    with pytest.raises(SonioxValidationError, match="no tokens"):
        function("text")


@each_row("text", ["word " * 20_000, "字" * 20_000, "w" * 20_000])
def test_hours_without_a_mark_cost_no_more_than_their_length(text: str) -> None:
    began = time.process_time()

    found = cues([token(text, 0, 3_600_000)])

    assert squeezed("".join(line for cue in found for line in cue.lines)) == squeezed(text)
    # Quadratic work would take minutes.
    assert time.process_time() - began < 20


def test_hours_of_one_sentence_beside_its_translation_cost_no_more_than_their_length() -> None:
    count = 10_000
    tokens = [
        *(token(" word", index * 300, index * 300 + 300, translation_status="original") for index in range(count)),
        translated(" palabra" * count + "."),
    ]
    began = time.process_time()

    found = cues(tokens, track="both")

    assert sum(len(line.split()) for cue in found for line in cue.lines) == 2 * count
    assert max(len(cue.lines) for cue in found) == 2
    # Quadratic work takes a minute.
    assert time.process_time() - began < 20
