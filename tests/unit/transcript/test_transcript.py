"""Transcripts from tokens: nothing twice, nothing lost, marks and translations told apart."""

from __future__ import annotations

import copy
import itertools
import pickle
import time
from typing import Any

import pytest
from hypothesis import given, strategies as st

from soniox_lite import TranscriptBuffer
from soniox_lite.errors import SonioxAPIError, SonioxValidationError
from soniox_lite.transcript import Segment, SegmentBuffer, Utterance, segments
from soniox_lite.types.common import Token
from soniox_lite.types.realtime import RealtimeEvent
from soniox_lite.types.transcriptions import TranscriptionTranscript

from ...support.tables import each_row


def final(text: str, start_ms: int | None = None, end_ms: int | None = None, **fields: Any) -> Token:
    return Token(text=text, start_ms=start_ms, end_ms=end_ms, is_final=True, **fields)


def guess(text: str, start_ms: int | None = None, end_ms: int | None = None, **fields: Any) -> Token:
    return Token(text=text, start_ms=start_ms, end_ms=end_ms, is_final=False, **fields)


def spoken(text: str, **fields: Any) -> Token:
    return final(text, translation_status="original", **fields)


def translated(text: str, **fields: Any) -> Token:
    return final(text, translation_status="translation", **fields)


END, FIN = final("<end>"), final("<fin>")


def event(*tokens: Token, **fields: Any) -> RealtimeEvent:
    return RealtimeEvent(tokens=list(tokens), **fields)


def buffer_of(*events: RealtimeEvent, **limits: int) -> TranscriptBuffer:
    buffer = TranscriptBuffer(**limits)
    for item in events:
        buffer.add(item)
    return buffer


# Any session: words and marks that become final bit by bit, with a guessed tail of any kind in each event.

_words = st.builds(
    Token,
    text=st.sampled_from([" a", " bc", "d", "é ", ".", "", " <end", "終"]),
    start_ms=st.none() | st.integers(0, 9000),
    end_ms=st.none() | st.integers(0, 9000),
    is_final=st.just(True),
    speaker=st.sampled_from([None, "1", "2"]),
    language=st.sampled_from([None, "en", "de"]),
    translation_status=st.sampled_from([None, "none", "original", "translation"]),
)
_finals = st.lists(_words | st.sampled_from([END, FIN]), max_size=6)


@st.composite
def _tails(draw: st.DrawFn) -> list[Token]:
    tail = [copy.copy(token) for token in draw(st.lists(_words, max_size=4))]
    for token in tail:
        token.is_final = False
    return tail


_sessions = st.lists(st.tuples(_finals, _tails()), max_size=12)


def _spoken_text(tokens: list[Token], *, translations: bool = False) -> str:
    return "".join(
        token.text
        for token in tokens
        if token.text not in {"<end>", "<fin>"} and (token.translation_status == "translation") is translations
    )


@given(_sessions)
def test_any_session_gives_its_finals_once_and_its_last_tail(session: list[tuple[list[Token], list[Token]]]) -> None:
    buffer = TranscriptBuffer()
    seen: list[Token] = []
    for finals, tail in session:
        buffer.add(event(*finals, *tail))
        seen += finals
        assert buffer.final_text == _spoken_text(seen)
        assert buffer.tail_text == _spoken_text(tail)
        assert buffer.text == buffer.final_text + buffer.tail_text
        assert buffer.translation_final_text == _spoken_text(seen, translations=True)
        assert buffer.translation_text == buffer.translation_final_text + _spoken_text(tail, translations=True)
        assert buffer.tail_tokens == tail
    assert buffer.final_tokens == [token for token in seen if token.text not in {"<end>", "<fin>"}]
    assert buffer.endpoint_count == sum(token is END for token in seen)
    assert buffer.finalize_count == sum(token is FIN for token in seen)


@given(_sessions)
def test_utterances_are_the_tokens_between_the_marks(session: list[tuple[list[Token], list[Token]]]) -> None:
    buffer = TranscriptBuffer()
    taken: list[Utterance] = []
    expected: list[list[Token]] = [[]]
    for finals, tail in session:
        buffer.add(event(*finals, *tail))
        taken += buffer.take_utterances()
        for token in finals:
            if token in (END, FIN):
                expected.append([])
            else:
                expected[-1].append(token)
    ended = [tokens for tokens in expected[:-1] if tokens]
    assert [utterance.tokens for utterance in taken] == ended
    assert buffer.utterances() == taken
    assert buffer.take_utterances() == []
    rest = expected[-1] + (session[-1][1] if session else [])
    everything = buffer.utterances(include_unfinished=True)
    assert [utterance.tokens for utterance in everything] == ended + ([rest] if rest else [])
    assert "".join(utterance.text for utterance in everything) == buffer.text
    assert "".join(utterance.translation_text for utterance in everything) == buffer.translation_text


@given(_sessions, st.integers(1, 8), st.booleans())
def test_limits_keep_the_newest_and_all_views_agree(
    session: list[tuple[list[Token], list[Token]]], limit: int, by_time: bool
) -> None:
    limits = {"max_ms": limit * 500} if by_time else {"max_tokens": limit}
    buffer = TranscriptBuffer(**limits)
    everything = TranscriptBuffer()
    for finals, tail in session:
        buffer.add(event(*finals, *tail))
        everything.add(event(*finals, *tail))
        kept = buffer.final_tokens
        all_final = everything.final_tokens
        assert kept == all_final[buffer.dropped_token_count :]
        assert len(kept) + buffer.dropped_token_count == len(all_final)
        if not by_time:
            assert len(kept) == min(limit, len(all_final))
        assert buffer.final_text == _spoken_text(kept)
        assert buffer.translation_final_text == _spoken_text(kept, translations=True)
        utterances = buffer.utterances(include_unfinished=True)
        assert [token for utterance in utterances for token in utterance.tokens] == kept + tail
        assert all(utterance.tokens for utterance in utterances)


@given(
    _sessions,
    st.sampled_from([(), "speaker", ("speaker",), ("language",), ("speaker", "language")]),
    st.sampled_from([None, True, False]),
)
def test_segments_are_all_tokens_in_the_longest_possible_groups(
    session: list[tuple[list[Token], list[Token]]], group_by: Any, translations: bool | None
) -> None:
    buffer = buffer_of(*(event(*finals, *tail) for finals, tail in session))
    found = buffer.segments(group_by, translations=translations)
    wanted = [
        token
        for token in buffer.final_tokens + buffer.tail_tokens
        if translations is None or (token.translation_status == "translation") is translations
    ]
    assert [token for segment in found for token in segment.tokens] == wanted
    names = [group_by] if isinstance(group_by, str) else list(group_by)

    def key(token: Token) -> tuple[Any, ...]:
        return (token.translation_status == "translation", *(getattr(token, name) for name in names))

    for segment in found:
        assert segment.text == "".join(token.text for token in segment.tokens)
        assert len({key(token) for token in segment.tokens}) == 1
        assert segment.is_translation == (segment.tokens[0].translation_status == "translation")
        assert segment.is_final == all(token.is_final for token in segment.tokens)
    for before, after in itertools.pairwise(found):
        assert key(before.tokens[0]) != key(after.tokens[0])


class TestText:
    def test_non_final_tokens_are_replaced_and_not_appended(self) -> None:
        buffer = buffer_of(event(guess("How")), event(guess("How"), guess(" are")))
        assert (buffer.final_text, buffer.tail_text) == ("", "How are")
        buffer.add(event(final("How"), guess(" are"), guess(" you")))
        assert (buffer.final_text, buffer.tail_text, buffer.text) == ("How", " are you", "How are you")
        buffer.add(event(final(" are"), final(" you")))
        assert (buffer.final_text, buffer.tail_text) == ("How are you", "")

    def test_an_event_without_tokens_empties_the_tail(self) -> None:
        assert buffer_of(event(guess("hm")), event(total_audio_proc_ms=10)).tail_text == ""

    def test_an_error_leaves_the_tail(self) -> None:
        buffer = buffer_of(event(guess("last words")), event(error_code=503, error_message="again"))
        assert buffer.tail_text == "last words"
        assert not buffer.finished

    def test_events_may_be_dicts(self) -> None:
        raw = {"tokens": [{"text": "Hi", "is_final": True}], "finished": True}
        before = copy.deepcopy(raw)
        buffer = TranscriptBuffer()
        buffer.add(raw)
        assert (buffer.text, buffer.finished, raw) == ("Hi", True, before)

    def test_counters_follow_the_events_and_survive_their_absence(self) -> None:
        buffer = buffer_of(event(final_audio_proc_ms=10, total_audio_proc_ms=20), event())
        assert (buffer.final_audio_proc_ms, buffer.total_audio_proc_ms) == (10, 20)

    def test_translations_are_kept_apart(self) -> None:
        buffer = buffer_of(
            event(
                spoken("Good morning", language="en"),
                translated("Guten Morgen", language="de", source_language="en"),
                guess(" Bob", translation_status="none"),
                guess(" Robert", translation_status="translation"),
            )
        )
        assert (buffer.final_text, buffer.tail_text) == ("Good morning", " Bob")
        assert (buffer.translation_final_text, buffer.translation_tail_text) == ("Guten Morgen", " Robert")
        assert buffer.translation_text == "Guten Morgen Robert"

    def test_lists_handed_out_are_copies(self) -> None:
        buffer = buffer_of(event(final("a"), guess("b")))
        buffer.final_tokens.clear()
        buffer.tail_tokens.clear()
        assert buffer.text == "ab"

    def test_clear_forgets_everything_but_the_limits(self) -> None:
        buffer = buffer_of(event(*[final("a")] * 3, END, guess("b"), finished=True), max_tokens=2)
        buffer.restart(500)
        buffer.clear()
        assert (buffer.text, buffer.finished, buffer.endpoint_count, buffer.dropped_token_count) == ("", False, 0, 0)
        assert buffer.utterances(include_unfinished=True) == []
        buffer.add(event(*[final("x", 1, 2)] * 3))
        assert (buffer.final_text, buffer.final_tokens[0].start_ms) == ("xx", 1)

    @pytest.mark.parametrize(
        ("bad", "error"),
        [
            (None, SonioxValidationError),
            (7, SonioxValidationError),
            ("text", SonioxValidationError),
            ({"tokens": [{"no": "text"}]}, SonioxAPIError),
            ({"tokens": "x"}, SonioxAPIError),
        ],
    )
    def test_what_is_no_event_is_refused_and_changes_nothing(self, bad: Any, error: type[Exception]) -> None:
        buffer = buffer_of(event(final("a"), guess("b")))
        with pytest.raises(error):
            buffer.add(bad)
        assert buffer.text == "ab"

    @pytest.mark.parametrize(
        "limits", [{"max_tokens": 0}, {"max_ms": 0}, {"max_tokens": 1.5}, {"max_ms": True}, {"max_ms": 10**9 + 1}]
    )
    def test_limits_are_positive_ints(self, limits: dict[str, Any]) -> None:
        with pytest.raises(SonioxValidationError, match=next(iter(limits))):
            TranscriptBuffer(**limits)

    @each_row("odd", [{}, [], "x", True, float("nan"), float("inf"), 10**400, -(10**400)], ids=lambda odd: str(odd)[:9])
    def test_values_of_another_kind_cost_no_words(self, odd: Any) -> None:
        fields = ("start_ms", "end_ms", "confidence", "speaker", "language", "translation_status", "source_language")
        buffer = TranscriptBuffer(max_ms=60_000)
        buffer.add({"tokens": [{"text": "one", "start_ms": 10, "end_ms": 20}], "total_audio_proc_ms": 500})
        buffer.restart()
        for name in fields:
            buffer.add({"tokens": [{"text": f" {name}", "start_ms": 30, "end_ms": 40, "is_final": True, name: odd}]})
        buffer.add({"tokens": [], "final_audio_proc_ms": odd, "total_audio_proc_ms": odd, "finished": True})

        assert buffer.final_text == " ".join(["one", *fields])
        assert buffer.total_audio_proc_ms == 500
        assert "".join(segment.text for segment in buffer.segments()) == buffer.final_text
        assert "".join(segment.text for segment in buffer.translation_segments()) == buffer.final_text
        (utterance,) = buffer.take_utterances()
        assert (utterance.text, utterance.start_ms, utterance.end_ms) == (buffer.final_text, 10, 540)

    def test_odd_times_are_unknown_and_the_event_stays_as_it_is(self) -> None:
        told: Any = {"tokens": [{"text": "a", "start_ms": "5", "end_ms": 9}]}
        odd = RealtimeEvent.from_dict(told)
        (token,) = buffer_of(odd).final_tokens
        assert (token.start_ms, token.end_ms) == (None, 9)
        assert odd.to_dict()["tokens"][0]["start_ms"] == "5"

    def test_repr_tells_sizes_and_no_speech(self) -> None:
        buffer = buffer_of(event(final("secret"), guess("words")))
        assert repr(buffer) == "<TranscriptBuffer 1 final tokens, 1 in the tail>"


class TestUtterances:
    @pytest.mark.parametrize(
        ("mark", "fields", "ended_by"),
        [(END, {}, "end"), (FIN, {}, "fin"), (None, {"finished": True}, "finished")],
    )
    def test_each_way_to_end(self, mark: Token | None, fields: dict[str, Any], ended_by: str) -> None:
        tokens = [final("Hi", 10, 20), final(" Bob", 30, 40), *([mark] if mark else [])]
        buffer = buffer_of(event(*tokens, final_audio_proc_ms=50, total_audio_proc_ms=60, **fields))
        (utterance,) = buffer.take_utterances()
        assert (utterance.text, utterance.start_ms, utterance.end_ms) == ("Hi Bob", 10, 40)
        assert (utterance.ended_by, utterance.translation_text) == (ended_by, "")
        assert (utterance.final_audio_proc_ms, utterance.total_audio_proc_ms) == (50, 60)

    def test_marks_without_speech_make_none(self) -> None:
        buffer = buffer_of(event(FIN), event(FIN, END), event(finished=True))
        assert buffer.utterances(include_unfinished=True) == []
        assert (buffer.endpoint_count, buffer.finalize_count) == (1, 2)

    @pytest.mark.parametrize(("text", "counts"), [("<end>", (2, 0)), ("<fin>", (0, 2))])
    def test_a_mark_that_is_not_final_yet_counts_once(self, text: str, counts: tuple[int, int]) -> None:
        buffer = TranscriptBuffer()
        for _ in range(2):
            buffer.add(event(final("a"), guess("b"), guess(text)))
            buffer.add(event(guess("b"), guess(text)))
            assert buffer.take_utterances() == []
            buffer.add(event(final("b"), final(text)))
            (utterance,) = buffer.take_utterances()
            assert utterance.text == "ab"
        assert (buffer.endpoint_count, buffer.finalize_count) == counts

    def test_a_mark_that_never_becomes_final_ends_what_is_final(self) -> None:
        buffer = buffer_of(event(final("a"), guess("<end>")), event(guess("<end>")), event(final("b"), finished=True))
        assert [utterance.text for utterance in buffer.utterances()] == ["a", "b"]
        assert buffer.endpoint_count == 1

    def test_taking_costs_the_same_after_many(self) -> None:
        buffer = TranscriptBuffer()

        def cost_of_a_thousand() -> float:
            began = time.process_time()
            for _ in range(1000):
                buffer.add(event(final("a"), END))
                assert len(buffer.take_utterances()) == 1
            return time.process_time() - began

        costs = [cost_of_a_thousand() for _ in range(40)]
        # If all utterances were looked at each time, the last would cost some forty times as much as the first.
        assert min(costs[-5:]) < 5 * max(costs[:5])

    def test_speech_after_a_mark_in_the_same_event_belongs_to_the_next(self) -> None:
        buffer = buffer_of(event(final("a"), END, final("b"), guess("c")))
        assert [utterance.text for utterance in buffer.utterances(include_unfinished=True)] == ["a", "bc"]

    def test_speaker_and_language_are_told_where_they_are_the_same_throughout(self) -> None:
        same = [
            spoken("a", speaker="1", language="en"),
            translated("A", speaker="1", language="de"),
            spoken("b", speaker="1", language="en"),
        ]
        mixed = [final("a", speaker="1", language="en"), final("b", speaker="2"), final("c", language="fr")]
        first, second = buffer_of(event(*same, END, *mixed, END)).utterances()
        assert (first.speaker, first.language, first.text, first.translation_text) == ("1", "en", "ab", "A")
        assert (second.speaker, second.language) == (None, None)

    def test_times_are_those_of_tokens_that_have_some(self) -> None:
        (utterance,) = buffer_of(event(translated("A"), final("a", 5, 9), translated("B"), END)).utterances()
        assert (utterance.start_ms, utterance.end_ms) == (5, 9)

    def test_its_segments(self) -> None:
        (utterance,) = buffer_of(event(final("a", speaker="1"), final("b", speaker="2"), END)).utterances()
        assert [segment.speaker for segment in utterance.segments("speaker")] == ["1", "2"]
        assert [segment.text for segment in utterance.segments(())] == ["ab"]

    def test_one_that_a_limit_has_cut_consists_of_the_rest(self) -> None:
        buffer = buffer_of(event(final("a"), END, final("b"), final("c"), END), max_tokens=1)
        assert [utterance.text for utterance in buffer.utterances()] == ["c"]
        assert buffer.dropped_token_count == 2

    def test_those_dropped_before_they_were_taken_are_gone(self) -> None:
        buffer = TranscriptBuffer(max_tokens=1)
        buffer.add(event(final("a"), END))
        buffer.add(event(final("b")))
        assert buffer.take_utterances() == []
        buffer.add(event(END))
        assert [utterance.text for utterance in buffer.take_utterances()] == ["b"]


class TestLimits:
    def test_time_limit_counts_from_the_newest_end(self) -> None:
        buffer = buffer_of(event(*(final(str(n), n * 100, n * 100 + 100) for n in range(10))), max_ms=300)
        assert buffer.final_text == "6789"

    def test_a_translation_goes_with_what_it_translates(self) -> None:
        tokens = [spoken("a", start_ms=0, end_ms=100), translated("A"), spoken("b", start_ms=900, end_ms=1000)]
        buffer = buffer_of(event(*tokens), max_ms=500)
        assert (buffer.final_text, buffer.translation_text, buffer.dropped_token_count) == ("b", "", 2)

    def test_without_times_a_time_limit_drops_nothing(self) -> None:
        assert buffer_of(event(final("a"), final("b")), max_ms=1).final_text == "ab"

    def test_a_long_session_does_not_grow(self) -> None:
        buffer = TranscriptBuffer(max_tokens=100, max_ms=60_000)
        sizes = []
        for n in range(5000):
            buffer.add(event(final(" word", n * 100, n * 100 + 90), END, guess(" next")))
            if n in (999, 4999):
                sizes.append(len(pickle.dumps(buffer)))
        assert len(buffer.final_tokens) == 100
        assert sizes[1] < sizes[0] + 1000
        assert len(buffer.final_text) == 500
        assert buffer.endpoint_count == 5000


class TestRestart:
    def test_times_go_on_where_the_lost_session_ended(self) -> None:
        buffer = buffer_of(event(final("one", 0, 400), guess(" tw"), final_audio_proc_ms=400, total_audio_proc_ms=700))
        assert [token.text for token in buffer.restart()] == [" tw"]
        second = event(
            final("two", 0, 300), guess("three", 310, None), final_audio_proc_ms=300, total_audio_proc_ms=500
        )
        before = second.to_dict()
        buffer.add(second)
        assert second.to_dict() == before
        assert [(token.start_ms, token.end_ms) for token in buffer.final_tokens] == [(0, 400), (700, 1000)]
        assert [(token.start_ms, token.end_ms) for token in buffer.tail_tokens] == [(1010, None)]
        assert (buffer.final_audio_proc_ms, buffer.total_audio_proc_ms) == (1000, 1200)

    def test_the_offset_may_be_given(self) -> None:
        buffer = buffer_of(event(final("one", 0, 400), final_audio_proc_ms=400, total_audio_proc_ms=700))
        assert buffer.final_audio_proc_ms is not None
        buffer.restart(buffer.final_audio_proc_ms)
        buffer.add(event(final("two", 0, 300)))
        assert buffer.final_tokens[-1].start_ms == 400

    def test_offsets_do_not_add_up_by_themselves(self) -> None:
        buffer = TranscriptBuffer()
        buffer.restart()
        for _ in range(3):
            buffer.add(event(final("x", 0, 100), total_audio_proc_ms=100))
            buffer.restart()
        assert [token.start_ms for token in buffer.final_tokens] == [0, 100, 200]

    def test_the_last_word_before_and_the_first_after_are_not_glued(self) -> None:
        buffer = buffer_of(event(final("Hello")))
        buffer.restart()
        buffer.add(event(guess("wor")))
        buffer.add(event(guess("world"), guess(" again")))
        assert buffer.text == "Hello world again"
        buffer.add(event(final("world"), final(" again"), guess("!")))
        assert buffer.text == "Hello world again!"

    @pytest.mark.parametrize(
        ("before", "after", "separator", "text"),
        [
            ("Hello ", "world", " ", "Hello world"),
            ("Hello", " world", " ", "Hello world"),
            ("你好", "世界", "", "你好世界"),
            ("", "world", " ", "world"),
        ],
    )
    def test_the_separator_comes_only_where_it_is_needed(
        self, before: str, after: str, separator: str, text: str
    ) -> None:
        buffer = buffer_of(*([event(final(before))] if before else []))
        buffer.restart(separator=separator)
        buffer.add(event(final(after)))
        assert buffer.text == text

    def test_translations_are_separated_on_their_own(self) -> None:
        buffer = buffer_of(event(spoken("a"), translated("A")))
        buffer.restart()
        buffer.add(event(END, final(""), spoken("b"), spoken("c"), translated("B"), translated("C")))
        assert (buffer.text, buffer.translation_text) == ("a bc", "A BC")

    def test_an_utterance_goes_on_across_it(self) -> None:
        buffer = buffer_of(event(final("one")))
        buffer.restart()
        buffer.add(event(final("two"), END))
        assert [utterance.text for utterance in buffer.utterances()] == ["one two"]

    def test_a_finished_session_can_be_followed_by_another(self) -> None:
        buffer = buffer_of(event(final("one"), finished=True))
        buffer.restart()
        assert not buffer.finished
        buffer.add(event(final("two"), finished=True))
        assert [utterance.text for utterance in buffer.utterances()] == ["one", " two"]

    @pytest.mark.parametrize("bad", [{"offset_ms": -1}, {"offset_ms": 1.5}, {"separator": 7}])
    def test_bad_arguments_are_refused_and_change_nothing(self, bad: dict[str, Any]) -> None:
        buffer = buffer_of(event(guess("tail")))
        with pytest.raises(SonioxValidationError):
            buffer.restart(**bad)
        assert buffer.tail_text == "tail"


class TestFinishedTranscripts:
    TRANSCRIPT = TranscriptionTranscript(
        id="t",
        text="Hi. Hello.",
        tokens=[
            Token(text="Hi.", start_ms=0, end_ms=100, confidence=1.0, speaker="1"),
            Token(text=" Hello.", start_ms=200, end_ms=300, confidence=1.0, speaker="2"),
        ],
    )

    def test_their_tokens_are_final(self) -> None:
        found = segments(self.TRANSCRIPT, final_only=True)
        assert [(segment.speaker, segment.text, segment.is_final) for segment in found] == [
            ("1", "Hi.", True),
            ("2", " Hello.", True),
        ]

    def test_a_buffer_takes_them_as_one_finished_session(self) -> None:
        buffer = TranscriptBuffer()
        buffer.add(self.TRANSCRIPT)
        assert (buffer.final_text, buffer.tail_text, buffer.finished) == ("Hi. Hello.", "", True)
        assert [utterance.ended_by for utterance in buffer.utterances()] == ["finished"]


class TestSegments:
    TOKENS = (
        spoken("Good", start_ms=0, end_ms=10, speaker="1", language="en"),
        spoken(" day", start_ms=10, end_ms=20, speaker="1", language="en"),
        translated("Guten Tag", speaker="1", language="de"),
        END,
        spoken(" Bonjour", start_ms=30, end_ms=40, speaker="1", language="fr"),
        guess(" Hi", 50, 60, speaker="2", language="en", translation_status="original"),
    )

    @each_row(
        ("options", "texts"),
        [
            ({}, ["Good day", "Guten Tag", " Bonjour", " Hi"]),
            ({"group_by": ("speaker",)}, ["Good day", "Guten Tag", " Bonjour", " Hi"]),
            ({"group_by": "speaker", "translations": False}, ["Good day Bonjour", " Hi"]),
            ({"group_by": ["language"], "translations": False}, ["Good day", " Bonjour", " Hi"]),
            ({"group_by": (), "translations": False}, ["Good day Bonjour Hi"]),
            ({"group_by": (), "translations": True}, ["Guten Tag"]),
            ({"final_only": True}, ["Good day", "Guten Tag", " Bonjour"]),
            ({"final_only": True, "translations": True}, ["Guten Tag"]),
        ],
    )
    def test_options(self, options: dict[str, Any], texts: list[str]) -> None:
        assert [segment.text for segment in segments(self.TOKENS, **options)] == texts
        if "final_only" not in options:
            buffer = buffer_of(event(*self.TOKENS))
            assert [segment.text for segment in buffer.segments(**options)] == texts

    def test_a_buffer_can_leave_its_tail_out(self) -> None:
        assert [segment.text for segment in buffer_of(event(*self.TOKENS)).segments((), final_only=True)] == [
            "Good day",
            "Guten Tag",
            " Bonjour",
        ]

    def test_facts_of_a_segment(self) -> None:
        first, second, *_ = segments(self.TOKENS)
        assert (first.start_ms, first.end_ms, first.speaker, first.language) == (0, 20, "1", "en")
        assert (second.start_ms, second.end_ms, second.is_translation) == (None, None, True)

    def test_what_differs_within_a_segment_is_none(self) -> None:
        (segment,) = segments([final("a", speaker="1", language="en"), final("b", speaker="2", language="en")], ())
        assert (segment.speaker, segment.language) == (None, "en")

    @pytest.mark.parametrize(
        "source",
        [
            [final("a")],
            pytest.param(iter([final("a")]), id="iterator"),
            [{"text": "a"}],
            {"tokens": [{"text": "a"}]},
            event(final("a")),
            event(final("a")).to_dict(),
        ],
    )
    def test_sources(self, source: Any) -> None:
        (segment,) = segments(source)
        assert segment == Segment(text="a", tokens=segment.tokens)

    @pytest.mark.parametrize("source", [[], event(), {"tokens": []}])
    def test_no_tokens_give_no_segments(self, source: Any) -> None:
        assert segments(source) == []

    @pytest.mark.parametrize("source", [None, "text", b"x", 7, {"text": "x"}, [7], ["x"]])
    def test_what_has_no_tokens_is_refused(self, source: Any) -> None:
        with pytest.raises(SonioxValidationError):
            segments(source)

    @pytest.mark.parametrize("group_by", ["channel", ("speaker", "x"), [None], None, 7, {"speaker": 1}])
    def test_unknown_groups_are_refused(self, group_by: Any) -> None:
        with pytest.raises(SonioxValidationError, match="group_by"):
            segments([final("a")], group_by)

    def test_as_json(self) -> None:
        (segment,) = segments([final("a", 1, 2)])
        assert segment.to_dict()["tokens"][0]["text"] == "a"


class TestSegmentBuffer:
    @given(_sessions)
    def test_over_a_session_it_hands_out_the_segments_of_all_final_tokens_each_as_soon_as_it_is_complete(
        self, session: list[tuple[list[Token], list[Token]]]
    ) -> None:
        buffer, found, finals = SegmentBuffer(), [], []
        for new, tail in session:
            finals += new
            found += buffer.add(event(*new, *tail))
            *complete, unfinished = segments(finals) or [None]
            assert found == complete
            assert buffer.tokens == ([] if unfinished is None else unfinished.tokens)
        assert found + buffer.add(event(finished=True)) == segments(finals)
        assert buffer.tokens == []

    def test_what_it_gives_for_a_conversation(self) -> None:
        # What the Node SDK's buffer of segments gives for the same tokens.
        buffer = SegmentBuffer()
        hello = [final("Hel", 0, 60, speaker="1", language="en"), final("lo", 80, 140, speaker="1", language="en")]
        assert buffer.add(event(*hello, guess(" there", 160, 220, speaker="1"), final_audio_proc_ms=140)) == []
        answer = [END, final(" Hallo", 240, 300, speaker="2", language="de")]
        (segment,) = buffer.add(event(*answer, final_audio_proc_ms=300))
        assert segment == Segment(text="Hello", start_ms=0, end_ms=140, speaker="1", language="en", tokens=hello)
        assert buffer.add(event(final("!", 320, 380, speaker="2", language="de"), final_audio_proc_ms=380)) == []
        assert [segment.text for segment in buffer.flush()] == [" Hallo!"]
        assert buffer.flush() == []

    def test_after_a_flush_the_same_speaker_begins_another_segment(self) -> None:
        buffer = SegmentBuffer("speaker")
        buffer.add(event(final(" a", speaker="1"), END))
        assert [segment.text for segment in buffer.flush()] == [" a"]
        assert buffer.add(event(final(" b", speaker="1"))) == []
        assert [segment.text for segment in buffer.add(event(final(" c", speaker="2")))] == [" b"]
        buffer.clear()
        assert buffer.flush() == []

    def test_one_side_of_a_translation(self) -> None:
        buffer = SegmentBuffer(translations=True)
        assert buffer.add(event(spoken(" yes"), translated(" ja"), spoken(" no"))) == []
        (segment,) = buffer.add({"tokens": [{"text": " nein", "translation_status": "translation"}], "finished": True})
        assert (segment.text, segment.is_translation) == (" ja nein", True)

    def test_a_finished_transcript_has_no_unfinished_segment(self) -> None:
        transcript = TranscriptionTranscript(id="1", text=" a b", tokens=[final(" a", speaker="1"), final(" b")])
        assert [segment.text for segment in SegmentBuffer().add(transcript)] == [" a", " b"]

    @pytest.mark.parametrize("bad", [5, "text", [final("a").text]])
    def test_what_has_no_tokens_is_refused(self, bad: Any) -> None:
        with pytest.raises(SonioxValidationError):
            SegmentBuffer().add(bad)
        with pytest.raises(SonioxValidationError, match="group_by"):
            SegmentBuffer("color")  # type: ignore[arg-type]


def test_a_segment_buffer_shows_how_much_it_holds() -> None:
    buffer = SegmentBuffer()
    buffer.add(event(final("a"), final("b")))
    assert repr(buffer) == "<SegmentBuffer 2 tokens>"
